/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of a model, and what exists in it: threads, channels, objects.
 */
#include "model_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_COUNT_DEFAULT 100000u
#define FIRST_ROOM 8u

struct cts_model *cts_model_create(const struct cts_model_config *config)
{
    struct cts_model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        return NULL;
    }
    if (config != NULL) {
        model->config = *config;
    }
    if (model->config.state_count_max == 0) {
        model->config.state_count_max = STATE_COUNT_DEFAULT;
    }
    static const unsigned char start[FIRST_ROOM + FIRST_ROOM];
    model->object_room = FIRST_ROOM;
    if (!state_set_init(&model->frontier, sizeof start) ||
        !state_set_init(&model->scratch, sizeof start) || !state_set_add(&model->frontier, start)) {
        cts_model_destroy(model);
        return NULL;
    }
    model->closed = true;
    model->peak = 1;
    return model;
}

void cts_model_destroy(struct cts_model *model)
{
    if (model != NULL) {
        state_set_finish(&model->frontier);
        state_set_finish(&model->scratch);
        free(model->threads);
        free(model->objects);
        free(model->channels);
        free(model->requests);
        free(model->processes);
        free(model);
    }
}

static void *copy_of(const void *array, size_t count, size_t size, bool *done)
{
    if (count == 0) {
        return NULL;
    }
    void *copy = malloc(count * size);
    if (copy != NULL) {
        memcpy(copy, array, count * size);
    }
    *done = *done && copy != NULL;
    return copy;
}

struct cts_model *cts_model_clone(const struct cts_model *model)
{
    struct cts_model *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *model;
    bool done = true;
    copy->threads = copy_of(model->threads, model->thread_count, sizeof *model->threads, &done);
    copy->objects = copy_of(model->objects, model->object_count, sizeof *model->objects, &done);
    copy->channels = copy_of(model->channels, model->channel_count, sizeof *model->channels, &done);
    copy->requests = copy_of(model->requests, model->request_count, sizeof *model->requests, &done);
    copy->processes = copy_of(model->processes, model->process_count, 1, &done);
    done = state_set_copy(&copy->frontier, &model->frontier) && done;
    done = state_set_init(&copy->scratch, model->frontier.stride) && done;
    if (!done) {
        cts_model_destroy(copy);
        return NULL;
    }
    return copy;
}

/* Make the array long enough for `index`; new elements are zero. */
static void *longer(void *array, size_t *count, uint32_t index, size_t size)
{
    if (index < *count) {
        return array;
    }
    size_t wanted = *count == 0 ? 8 : *count;
    while (wanted <= index) {
        wanted *= 2;
    }
    unsigned char *grown = realloc(array, wanted * size);
    if (grown != NULL) {
        memset(grown + *count * size, 0, (wanted - *count) * size);
        *count = wanted;
    }
    return grown;
}

/* LONGER(model->threads, model->thread_count, index): false when there is no memory. */
#define LONGER(array, count, index)                                                                \
    (grown_ = longer((array), &(count), (index), sizeof *(array)),                                 \
     grown_ != NULL && ((array) = grown_, true))

static void set_name(char *name, const char *given, const char *kind, uint32_t number)
{
    if (given != NULL) {
        (void)snprintf(name, MODEL_NAME_MAX, "%s", given);
    } else {
        (void)snprintf(name, MODEL_NAME_MAX, "%s%u", kind, number);
    }
}

static bool know_process(struct cts_model *model, uint32_t process)
{
    void *grown_;
    return process == CTS_MODEL_NONE || (process < CTS_MODEL_OBJECTS_MAX &&
                                         LONGER(model->processes, model->process_count, process));
}

bool cts_model_add_thread(struct cts_model *model, uint32_t thread, uint32_t process,
                          const char *name)
{
    void *grown_;
    if (thread >= CTS_MODEL_THREADS_MAX || process == CTS_MODEL_NONE ||
        (thread < model->thread_count && model->threads[thread].known) ||
        !know_process(model, process) || !LONGER(model->threads, model->thread_count, thread)) {
        return false;
    }
    if (model->object_room + model->thread_count > model->frontier.stride &&
        !frontier_resize(model, model->object_room, model->thread_count)) {
        return false;
    }
    struct model_thread *t = &model->threads[thread];
    t->known = true;
    t->process = process;
    set_name(t->name, name, "thread", thread);
    return true;
}

bool cts_model_add_channel(struct cts_model *model, uint32_t channel, uint32_t listener,
                           uint32_t server_process, uint32_t client_process, const char *name)
{
    void *grown_;
    if (channel >= CTS_MODEL_OBJECTS_MAX ||
        (channel < model->channel_count && model->channels[channel].known) ||
        !know_process(model, server_process) || !know_process(model, client_process) ||
        !LONGER(model->channels, model->channel_count, channel)) {
        return false;
    }
    struct model_channel *c = &model->channels[channel];
    *c = (struct model_channel){.known = true,
                                .listener = listener,
                                .server_process = server_process,
                                .client_process = client_process};
    set_name(c->name, name, "channel", channel);
    return true;
}

bool cts_model_add_object(struct cts_model *model, uint32_t object, uint32_t process,
                          bool autoclear, const char *name)
{
    void *grown_;
    if (object >= CTS_MODEL_OBJECTS_MAX || process == CTS_MODEL_NONE ||
        (object < model->object_count && model->objects[object].known) ||
        !know_process(model, process) || !LONGER(model->objects, model->object_count, object)) {
        return false;
    }
    if (model->object_count > model->object_room &&
        !frontier_resize(model, model->object_count, model->frontier.stride - model->object_room)) {
        return false;
    }
    struct model_object *o = &model->objects[object];
    *o = (struct model_object){.known = true, .autoclear = autoclear, .process = process};
    set_name(o->name, name, "sync", object);
    return true;
}

bool model_is_object(const struct cts_model *model, uint32_t object)
{
    return object < model->object_count && model->objects[object].known;
}

bool model_is_channel(const struct cts_model *model, uint32_t channel)
{
    return channel < model->channel_count && model->channels[channel].known;
}

bool cts_model_name_object(struct cts_model *model, uint32_t object, const char *name)
{
    if (model_is_object(model, object)) {
        set_name(model->objects[object].name, name, "sync", object);
        return true;
    }
    return false;
}

bool cts_model_release_object(struct cts_model *model, uint32_t object)
{
    if (model_is_object(model, object)) {
        model->objects[object].released = true;
        return true;
    }
    return false;
}

bool model_know_request(struct cts_model *model, uint32_t request)
{
    void *grown_;
    return LONGER(model->requests, model->request_count, request);
}

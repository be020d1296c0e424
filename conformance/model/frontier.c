/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frontier: the states that explain the history so far. Here are the silent steps that have
 * alternatives: when Set, Clear and Close take effect between their invocation and their return, and
 * whose interruption consumes an automatically clearing object. The other silent steps (enqueue,
 * deliver, interrupt, time out, reply) are taken at the return that shows them: rules.c.
 */
#include "model_internal.h"

#include <stdlib.h>
#include <string.h>

static bool uses(const struct cts_model *model, uint32_t thread, uint32_t object)
{
    const struct model_thread *t = &model->threads[thread];
    return t->pending && is_wait(&t->op) && t->op.object == object;
}

/* Whoever could have been interrupted until now may turn out to have been (STATE-04, V14-02). */
static void mark_pulsed(const struct cts_model *model, unsigned char *state, uint32_t object,
                        uint32_t except)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        if (t != except && uses(model, t, object) &&
            model_is_open_wait(model, &model->threads[t]) && model->threads[t].left_at == 0) {
            *thread_byte(model, state, t) |= STATE_PULSED;
        }
    }
}

static void mark_object_gone(const struct cts_model *model, unsigned char *state, uint32_t object)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_request *request =
            uses(model, t, object) ? model_request_of(model, &model->threads[t]) : NULL;
        /* A call whose Reply has returned has its result. */
        if (uses(model, t, object) && (request == NULL || !request->result_is_settled)) {
            *thread_byte(model, state, t) |= STATE_OBJECT_GONE;
        }
    }
}

/* Set, Clear or Close takes effect in `state`. */
static void take_effect(const struct cts_model *model, unsigned char *state, uint32_t thread)
{
    const struct cts_model_op *op = &model->threads[thread].op;
    unsigned char *object = object_byte(model, state, op->object);
    unsigned char *self = thread_byte(model, state, thread);
    if (*object & STATE_CLOSED) {
        *self = STATE_EFFECT_ERROR;
        return;
    }
    *self = STATE_EFFECT_OK;
    switch (op->kind) {
    case CTS_MODEL_SET:
        *object |= STATE_SET;
        break;
    case CTS_MODEL_CLEAR:
        if ((*object & STATE_SET) && !FAULT(10)) {
            mark_pulsed(model, state, op->object, CTS_MODEL_NONE);
        }
        if (!FAULT(4)) {
            *object &= (unsigned char)~STATE_SET;
        }
        break;
    case CTS_MODEL_CLOSE_SYNC:
        if (!FAULT(14)) {
            mark_object_gone(model, state, op->object);
        }
        *object = STATE_CLOSED;
        break;
    default:
        break;
    }
}

static bool add(struct cts_model *model, const unsigned char *state)
{
    return state_set_add(&model->frontier, state) &&
           model->frontier.count <= model->config.state_count_max;
}

/* Add what one silent step of `thread` makes of state number `index`. `copy` has room for a state. */
static bool step(struct cts_model *model, size_t index, uint32_t thread, unsigned char *copy)
{
    const struct model_thread *t = &model->threads[thread];
    const unsigned char *from = state_at(&model->frontier, index);
    memcpy(copy, from, model->frontier.stride);
    unsigned char *self = thread_byte(model, copy, thread);
    if (is_control(&t->op)) {
        if (*self != STATE_EFFECT_NOT_YET) {
            return true;
        }
        take_effect(model, copy, thread);
        if (!add(model, copy)) {
            return false;
        }
        if (t->op.kind == CTS_MODEL_CLOSE_SYNC && t->object_in_use) {
            /* Close of an object in use may be refused (STATE-07). */
            memcpy(copy, state_at(&model->frontier, index), model->frontier.stride);
            *self = STATE_EFFECT_ERROR;
            return add(model, copy);
        }
        return true;
    }
    unsigned char *object = object_byte(model, copy, t->op.object);
    if (*object != STATE_SET || (*self & STATE_CONSUMED)) {
        return true;
    }
    *self |= STATE_CONSUMED;
    if (!FAULT(16)) {
        *object = 0;
    }
    mark_pulsed(model, copy, t->op.object, thread);
    return add(model, copy);
}

static bool may_step(const struct cts_model *model, const struct model_thread *thread)
{
    if (!thread->pending || thread->op.object == CTS_MODEL_NONE ||
        model->objects[thread->op.object].released) {
        return false;
    }
    return is_control(&thread->op) || (model_is_open_wait(model, thread) && thread->left_at == 0 &&
                                       model->objects[thread->op.object].autoclear);
}

bool frontier_close(struct cts_model *model)
{
    if (model->closed) {
        return true;
    }
    unsigned char *copy = malloc(model->frontier.stride);
    if (copy == NULL) {
        return false;
    }
    bool done = true;
    const size_t count = model->frontier.count;
    /* The loop also visits the states that it adds. */
    for (size_t i = 0; done && i < (FAULT(17) ? count : model->frontier.count); i++) {
        for (uint32_t t = 0; done && t < model->thread_count; t++) {
            if (may_step(model, &model->threads[t])) {
                done = step(model, i, t, copy);
            }
        }
    }
    free(copy);
    if (model->frontier.count > model->peak) {
        model->peak = model->frontier.count;
    }
    model->closed = done;
    return done;
}

static bool may_be_interrupted(const struct cts_model *model, unsigned char *state, uint32_t thread)
{
    const struct model_thread *t = &model->threads[thread];
    unsigned char self = *thread_byte(model, state, thread);
    unsigned char object = *object_byte(model, state, t->op.object);
    if (model->objects[t->op.object].released) {
        return true;
    }
    if (self & (STATE_CONSUMED | STATE_PULSED | STATE_OBJECT_GONE | STATE_ENTERED_BAD)) {
        return true;
    }
    if (FAULT(5)) {
        for (uint32_t o = 0; o < model->object_count; o++) {
            object |= *object_byte(model, state, o);
        }
        object &= STATE_SET;
    }
    return object == STATE_SET && t->left_at == 0 && !model->objects[t->op.object].autoclear;
}

bool frontier_allows(const struct cts_model *model, const struct state_filter *filter,
                     const unsigned char *state)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)state; /* only read */
    unsigned char self = *thread_byte(model, bytes, filter->thread);
    bool sender_consumed = filter->sender != CTS_MODEL_NONE &&
                           (*thread_byte(model, bytes, filter->sender) & STATE_CONSUMED);
    switch (filter->demand) {
    case DEMAND_ANY:
        return true;
    case DEMAND_NOT_CONSUMED:
        return !(self & STATE_CONSUMED) && !sender_consumed;
    case DEMAND_INTERRUPT:
        return may_be_interrupted(model, bytes, filter->thread);
    case DEMAND_OBJECT_GONE:
        return !(self & STATE_CONSUMED) &&
               ((self & STATE_OBJECT_GONE) ||
                ((self & STATE_ENTERED_BAD) &&
                 model_is_open_wait(model, &model->threads[filter->thread])));
    case DEMAND_SENDER_GONE:
        return *thread_byte(model, bytes, filter->sender) & STATE_OBJECT_GONE;
    case DEMAND_EFFECT_OK:
        return self == STATE_EFFECT_OK;
    case DEMAND_EFFECT_ERROR:
        return self == STATE_EFFECT_ERROR;
    }
    return false;
}

int frontier_any(struct cts_model *model, const struct state_filter *filter)
{
    /* The other demands are about marks that can only be missing in later states: a state that
     * passes after more silent steps passes before them. */
    if (filter->demand != DEMAND_ANY && filter->demand != DEMAND_NOT_CONSUMED &&
        !frontier_close(model)) {
        return -1;
    }
    for (size_t i = 0; i < model->frontier.count; i++) {
        if (frontier_allows(model, filter, state_at(&model->frontier, i))) {
            return 1;
        }
    }
    return 0;
}

static void swap_sets(struct cts_model *model)
{
    struct state_set old = model->frontier;
    model->frontier = model->scratch;
    model->scratch = old;
}

bool frontier_keep(struct cts_model *model, const struct state_filter *filter)
{
    bool all = true;
    for (size_t i = 0; all && i < model->frontier.count; i++) {
        all = frontier_allows(model, filter, state_at(&model->frontier, i));
    }
    if (all) {
        return true;
    }
    state_set_empty(&model->scratch);
    for (size_t i = 0; i < model->frontier.count; i++) {
        const unsigned char *state = state_at(&model->frontier, i);
        if (frontier_allows(model, filter, state) && !state_set_add(&model->scratch, state)) {
            return false;
        }
    }
    swap_sets(model);
    return true;
}

bool frontier_state_rests(const struct cts_model *model, const unsigned char *state,
                          uint32_t *thread)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)state; /* only read */
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *waiter = &model->threads[t];
        if (!waiter->pending || waiter->op.object == CTS_MODEL_NONE ||
            !model_is_open_wait(model, waiter)) {
            continue;
        }
        const struct model_object *object = &model->objects[waiter->op.object];
        bool is_set = *object_byte(model, bytes, waiter->op.object) == STATE_SET;
        /* A Set of an automatically clearing object that met nobody may lapse (V14-03); a thread
         * that was seen waiting before is somebody. */
        bool lapses = object->autoclear && waiter->settled_at == 0;
        if ((*thread_byte(model, bytes, t) & STATE_CONSUMED) ||
            (is_set && !lapses && !object->released && !FAULT(2))) {
            if (thread != NULL) {
                *thread = t;
            }
            return false;
        }
    }
    return true;
}

bool frontier_rest(struct cts_model *model)
{
    unsigned char *copy = malloc(model->frontier.stride);
    bool done = copy != NULL;
    state_set_empty(&model->scratch);
    for (size_t i = 0; done && i < model->frontier.count; i++) {
        const unsigned char *state = state_at(&model->frontier, i);
        if (!frontier_state_rests(model, state, NULL)) {
            continue;
        }
        memcpy(copy, state, model->frontier.stride);
        for (uint32_t t = 0; t < model->thread_count; t++) {
            const struct model_thread *waiter = &model->threads[t];
            if (!waiter->pending) {
                continue;
            }
            /* A wait that was not ended by now goes on: the choice is made. */
            if (!FAULT(11)) {
                *thread_byte(model, copy, t) = 0;
            }
            if (waiter->op.object != CTS_MODEL_NONE &&
                model->objects[waiter->op.object].autoclear && model_is_open_wait(model, waiter)) {
                *object_byte(model, copy, waiter->op.object) &= (unsigned char)~STATE_SET;
            }
        }
        done = state_set_add(&model->scratch, copy);
    }
    free(copy);
    swap_sets(model);
    model->closed = true; /* nothing is pending that could take a step */
    return done;
}

/* Rewrite every state; equal results become one. */
static bool edit(struct cts_model *model, uint32_t thread,
                 void (*change)(const struct cts_model *, unsigned char *, uint32_t, unsigned char),
                 unsigned char argument)
{
    if (model->frontier.count == 1) {
        /* The common case: one state, and the byte is already what it becomes. */
        unsigned char *state = state_at(&model->frontier, 0);
        unsigned char before = *thread_byte(model, state, thread);
        change(model, state, thread, argument);
        if (*thread_byte(model, state, thread) == before) {
            return true;
        }
        *thread_byte(model, state, thread) = before;
    }
    unsigned char *copy = malloc(model->frontier.stride);
    bool done = copy != NULL;
    state_set_empty(&model->scratch);
    for (size_t i = 0; done && i < model->frontier.count; i++) {
        memcpy(copy, state_at(&model->frontier, i), model->frontier.stride);
        change(model, copy, thread, argument);
        done = state_set_add(&model->scratch, copy);
    }
    free(copy);
    swap_sets(model);
    return done;
}

static void change_mask(const struct cts_model *model, unsigned char *state, uint32_t thread,
                        unsigned char keep_mask)
{
    *thread_byte(model, state, thread) &= keep_mask;
}

bool frontier_edit_thread(struct cts_model *model, uint32_t thread, unsigned char keep_mask)
{
    return edit(model, thread, change_mask, keep_mask);
}

static void change_enter(const struct cts_model *model, unsigned char *state, uint32_t thread,
                         unsigned char unused)
{
    (void)unused;
    if (*object_byte(model, state, model->threads[thread].op.object) & STATE_CLOSED) {
        *thread_byte(model, state, thread) = STATE_ENTERED_BAD;
    }
}

bool frontier_enter(struct cts_model *model, uint32_t thread)
{
    return edit(model, thread, change_enter, 0);
}

static void change_leave(const struct cts_model *model, unsigned char *state, uint32_t thread,
                         unsigned char unused)
{
    (void)unused;
    uint32_t object = model->threads[thread].op.object;
    if (*object_byte(model, state, object) == STATE_SET && !model->objects[object].autoclear) {
        *thread_byte(model, state, thread) |= STATE_PULSED;
    }
}

bool frontier_leave(struct cts_model *model, uint32_t thread)
{
    if (model->threads[thread].op.object == CTS_MODEL_NONE) {
        return true;
    }
    return frontier_close(model) && edit(model, thread, change_leave, 0);
}

static bool object_has(const struct cts_model *model, size_t index, uint32_t object,
                       unsigned char mask)
{
    return (*object_byte(model, state_at(&model->frontier, index), object) & mask) == mask;
}

bool frontier_object_all(const struct cts_model *model, uint32_t object, unsigned char mask)
{
    bool all = true;
    for (size_t i = 0; i < model->frontier.count; i++) {
        all &= object_has(model, i, object, mask);
    }
    return all;
}

bool frontier_object_some(const struct cts_model *model, uint32_t object, unsigned char mask)
{
    bool some = false;
    for (size_t i = 0; i < model->frontier.count; i++) {
        some |= object_has(model, i, object, mask);
    }
    return some;
}

bool frontier_thread_some(const struct cts_model *model, uint32_t thread, unsigned char mask)
{
    for (size_t i = 0; i < model->frontier.count; i++) {
        if ((*thread_byte(model, state_at(&model->frontier, i), thread) & mask) == mask) {
            return true;
        }
    }
    return false;
}

bool frontier_resize(struct cts_model *model, size_t object_room, size_t thread_room)
{
    struct state_set wider;
    struct state_set scratch;
    if (!state_set_init(&wider, object_room + thread_room)) {
        return false;
    }
    unsigned char *copy = calloc(1, wider.stride);
    bool done = copy != NULL && state_set_init(&scratch, wider.stride);
    if (!done) {
        state_set_finish(&wider);
        free(copy);
        return false;
    }
    size_t threads = model->frontier.stride - model->object_room;
    for (size_t i = 0; done && i < model->frontier.count; i++) {
        const unsigned char *old = state_at(&model->frontier, i);
        memcpy(copy, old, model->object_room);
        memcpy(copy + object_room, old + model->object_room, threads);
        done = state_set_add(&wider, copy);
    }
    free(copy);
    if (!done) {
        state_set_finish(&wider);
        state_set_finish(&scratch);
        return false;
    }
    state_set_finish(&model->frontier);
    state_set_finish(&model->scratch);
    model->frontier = wider;
    model->scratch = scratch;
    model->object_room = object_room;
    return true;
}

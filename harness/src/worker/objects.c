/* SPDX-License-Identifier: Apache-2.0 */
/* The handles of a case: their names for reports, and what to close when it is over. */
#include "event_log.h"
#include "library.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object {
    char name[CTS_NAME_MAX];
    bool serves; /* requests can be received on it */
    struct cts_process *process;
    Handle handle;
    struct object *next;
};

static struct object *objects; /* open ones, newest first */

/* Number of the next object of a kind, from 1. */
static unsigned next_number(const char *kind)
{
    static struct {
        const char *kind;
        unsigned count;
    } counters[8];
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        if (counters[i].kind == NULL) {
            counters[i].kind = kind;
        }
        if (strcmp(counters[i].kind, kind) == 0) {
            return ++counters[i].count;
        }
    }
    return 0;
}

void cts_object_add(struct cts_process *process, Handle handle, const char *kind)
{
    struct object *object = calloc(1, sizeof *object);
    if (object == NULL) {
        cts_broken("no memory for a handle's name");
    }
    (void)snprintf(object->name, sizeof object->name, "%s%u", kind, next_number(kind));
    object->serves = strcmp(kind, "server") == 0 || strcmp(kind, "listener") == 0;
    object->process = process;
    object->handle = handle;
    object->next = objects;
    objects = object;
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "object");
    cts_json_string(&line, "object", object->name);
    cts_json_string(&line, "kind", kind);
    cts_json_string(&line, "process", process->name);
    cts_json_hex32(&line, "handle", handle);
    cts_log_line(&line);
}

static struct object **find(const struct cts_process *process, Handle handle)
{
    struct object **link = &objects;
    while (*link != NULL && ((*link)->handle != handle || (*link)->process != process)) {
        link = &(*link)->next;
    }
    return link;
}

void cts_object_closed(struct cts_process *process, Handle handle)
{
    struct object **link = find(process, handle);
    struct object *object = *link;
    if (object != NULL) {
        *link = object->next;
        free(object);
    }
}

const char *cts_object_name(const struct cts_process *process, Handle handle)
{
    const struct object *object = handle == INVALID_HANDLE ? NULL : *find(process, handle);
    return object == NULL ? NULL : object->name;
}

static bool close_one(const struct object *object)
{
    struct cts_op *op = cts_start_close(object->process->controller, object->handle);
    if (!cts_op_wait(op)) {
        return false;
    }
    /* Whatever Close says: some handles go with others, and no claim is made here. */
    cts_object_closed(op->actor->process, op->handle);
    return true;
}

bool cts_objects_close_all(void)
{
    while (objects != NULL) {
        if (!close_one(objects)) {
            return false;
        }
    }
    return true;
}

static struct object *first_of(const struct cts_process *process)
{
    struct object *object = objects;
    while (object != NULL && object->process != process) {
        object = object->next;
    }
    return object;
}

bool cts_objects_close_process(struct cts_process *process)
{
    for (struct object *object = first_of(process); object != NULL; object = first_of(process)) {
        if (!close_one(object)) {
            return false;
        }
    }
    return true;
}

void cts_objects_forget(struct cts_process *process)
{
    for (struct object *object = first_of(process); object != NULL; object = first_of(process)) {
        cts_object_closed(process, object->handle);
    }
}

bool cts_objects_drain(void)
{
    for (const struct object *object = objects; object != NULL; object = object->next) {
        if (!object->serves) {
            continue;
        }
        struct cts_op *op = cts_op_new(object->process->controller, CTS_OP_RECV_EX);
        op->handle = object->handle;
        op->mdelay = 1;
        cts_op_post(op);
        if (cts_world.virtual_time) {
            cts_settle();
            cts_advance_ms(2);
        }
        if (!cts_op_wait_briefly(op)) {
            /* A timeout that never comes is for the TIME cases to find. */
            return false;
        }
    }
    return true;
}

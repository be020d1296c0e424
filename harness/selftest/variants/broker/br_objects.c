/* SPDX-License-Identifier: Apache-2.0 */
/* In the broker: handles of the processes, channels and sync objects. */
#include "br_kernel.h"
#include <services/ocap.h>
#include <stdlib.h>
#include <string.h>

static LIST_HEAD(, object) g_ports = LIST_HEAD_INITIALIZER(g_ports);

struct name *br_name_find(const struct process *process, Handle handle)
{
    if (handle == 0 || handle > process->capacity) {
        return NULL;
    }
    struct name *name = &process->names[handle - 1];
    return name->object != NULL ? name : NULL;
}

bool br_names_reserve(struct process *process, unsigned count)
{
    unsigned needed = process->used_count + count;
    if (needed <= process->capacity) {
        return true;
    }
    unsigned capacity = needed < 64 ? 64 : needed * 2;
    if (capacity > BR_NAMES_MAX) {
        return false;
    }
    struct name *names = realloc(process->names, capacity * sizeof *names);
    if (names == NULL) {
        return false;
    }
    memset(names + process->capacity, 0, (capacity - process->capacity) * sizeof *names);
    process->names = names;
    process->capacity = capacity;
    return true;
}

Handle br_name_add(struct process *process, struct object *object, rtl_uint32_t rights)
{
    while (process->names[process->lowest_free].object != NULL) {
        process->lowest_free++;
    }
    process->names[process->lowest_free] = (struct name){object, rights};
    process->used_count++;
    object->ref_count++;
    object->name_count++;
    return process->lowest_free + 1;
}

void br_name_remove(struct process *process, Handle handle)
{
    struct name *name = &process->names[handle - 1];
    struct object *object = name->object;
    name->object = NULL;
    process->used_count--;
    if (handle - 1 < process->lowest_free) {
        process->lowest_free = handle - 1;
    }
    br_object_unname(object);
}

Retcode br_object_find(const struct process *process, Handle handle, enum kind kind,
                       rtl_uint32_t right, struct object **object)
{
    const struct name *name = br_name_find(process, handle);
    if (name == NULL) {
        return rcResourceNotFound;
    }
    if (name->object->kind != kind) {
        return rcInvalidOperation;
    }
    if ((name->rights & right) != right) {
        return rcNoCapability;
    }
    *object = name->object;
    return rcOk;
}

struct object *br_object_create(enum kind kind)
{
    struct object *object = calloc(1, sizeof *object);
    if (object == NULL) {
        return NULL;
    }
    object->kind = kind;
    object->ref_count = 1;
    if (kind == KIND_PORT) {
        TAILQ_INIT(&object->as.port.calls);
        TAILQ_INIT(&object->as.port.receivers);
        TAILQ_INIT(&object->as.port.services);
        LIST_INSERT_HEAD(&g_ports, object, as.port.link);
    }
    return object;
}

void br_object_release(struct object *object)
{
    if (object == NULL || --object->ref_count > 0) {
        return;
    }
    if (object->kind == KIND_CLIENT) {
        br_object_release(object->as.client.port);
    } else if (object->kind == KIND_PORT && !object->as.port.closed) {
        LIST_REMOVE(object, as.port.link); /* it was never named */
    }
    free(object);
}

static void port_close(struct object *port)
{
    port->as.port.closed = true;
    LIST_REMOVE(port, as.port.link);
    while (!TAILQ_EMPTY(&port->as.port.calls)) {
        br_wait_end(TAILQ_FIRST(&port->as.port.calls), rcNotConnected);
    }
    while (!TAILQ_EMPTY(&port->as.port.receivers)) {
        br_wait_end(TAILQ_FIRST(&port->as.port.receivers), rcNotConnected);
    }
    while (!TAILQ_EMPTY(&port->as.port.services)) {
        br_service_end(TAILQ_FIRST(&port->as.port.services), rcNotConnected);
    }
}

static bool sync_end_waits(struct object *sync, Retcode rc)
{
    bool any = !LIST_EMPTY(&sync->as.sync.waits);
    while (!LIST_EMPTY(&sync->as.sync.waits)) {
        br_wait_end(LIST_FIRST(&sync->as.sync.waits), rc);
    }
    return any;
}

void br_object_unname(struct object *object)
{
    if (--object->name_count == 0) {
        if (object->kind == KIND_PORT) {
            port_close(object);
        } else if (object->kind == KIND_SYNC) {
            (void)sync_end_waits(object, rcHandleRevoked);
        }
    }
    br_object_release(object);
}

/* Requests. */

static Retcode name_ends(struct process *process, struct object *port, Handle handles[3])
{
    if (!br_names_reserve(process, 3)) {
        return rcQuotaExceeded;
    }
    bool is_new = handles[0] == INVALID_HANDLE;
    struct object *client = br_object_create(KIND_CLIENT);
    if (client == NULL) {
        return rcOutOfMemory;
    }
    client->as.client.port = port;
    port->ref_count++;
    if (is_new) {
        handles[0] = br_name_add(process, port, OCAP_IPC_LISTENER);
    }
    handles[1] = br_name_add(process, port, OCAP_IPC_SERVER);
    handles[2] = br_name_add(process, client, OCAP_IPC_CLIENT);
    br_object_release(client);
    return rcOk;
}

static Retcode connect_ends(struct process *process, struct br_head *head)
{
    struct object *port;
    Retcode rc = rcOk;
    if (head->handle == INVALID_HANDLE) {
        port = br_object_create(KIND_PORT);
        rc = port != NULL ? rcOk : rcOutOfMemory;
    } else {
        rc = br_object_find(process, head->handle, KIND_PORT, OCAP_IPC_CONNECT, &port);
        if (rc == rcOk) {
            port->ref_count++;
        }
    }
    if (rc != rcOk) {
        return rc;
    }
    head->handles[0] = head->handle;
    rc = name_ends(process, port, head->handles);
    br_object_release(port);
    return rc;
}

static struct object *port_by_name(const char *name)
{
    struct object *port;
    LIST_FOREACH(port, &g_ports, as.port.link)
    {
        if (strncmp(port->as.port.name, name, BR_NAME_BYTES) == 0) {
            return port;
        }
    }
    return NULL;
}

static Retcode channel_serve(struct process *process, struct br_head *head)
{
    if (port_by_name(head->name) != NULL) {
        return rcAlreadyExists;
    }
    if (!br_names_reserve(process, 2)) {
        return rcQuotaExceeded;
    }
    struct object *port = br_object_create(KIND_PORT);
    if (port == NULL) {
        return rcOutOfMemory;
    }
    memcpy(port->as.port.name, head->name, sizeof port->as.port.name);
    head->handles[0] = br_name_add(process, port, OCAP_IPC_LISTENER);
    head->handles[1] = br_name_add(process, port, OCAP_IPC_SERVER);
    br_object_release(port);
    return rcOk;
}

static Retcode add_named(struct process *process, struct object *object, rtl_uint32_t rights,
                         Handle *handle)
{
    Retcode rc = object == NULL                 ? rcOutOfMemory
                 : br_names_reserve(process, 1) ? rcOk
                                                : rcQuotaExceeded;
    if (rc == rcOk) {
        *handle = br_name_add(process, object, rights);
    }
    br_object_release(object);
    return rc;
}

static Retcode channel_connect(struct process *process, struct br_head *head)
{
    struct object *port = port_by_name(head->name);
    if (port == NULL) {
        return rcResourceNotFound;
    }
    struct object *client = br_object_create(KIND_CLIENT);
    if (client != NULL) {
        client->as.client.port = port;
        port->ref_count++;
    }
    return add_named(process, client, OCAP_IPC_CLIENT, &head->handles[0]);
}

static Retcode create_sync(struct process *process, struct br_head *head)
{
    struct object *sync = br_object_create(KIND_SYNC);
    if (sync != NULL) {
        sync->as.sync.autoclear = head->flag != 0;
    }
    return add_named(process, sync, OCAP_IPC_SYNC_OBJECT, &head->handles[0]);
}

static Retcode copy(struct process *process, struct br_head *head)
{
    const struct name *name = br_name_find(process, head->handle);
    if (name == NULL) {
        return rcResourceNotFound;
    }
    if (!(name->rights & OCAP_HANDLE_COPY) || (head->rights & ~name->rights) != 0) {
        return rcNoCapability;
    }
    name->object->ref_count++;
    return add_named(process, name->object, head->rights, &head->handles[0]);
}

/* An automatically clearing object interrupts all that wait, or the next one that would have to. */
static Retcode change_sync(struct process *process, const struct br_head *head)
{
    struct object *sync;
    Retcode rc = br_object_find(process, head->handle, KIND_SYNC, OCAP_IPC_INTERRUPT, &sync);
    if (rc == rcOk && head->op == BR_CLEAR) {
        sync->as.sync.set = false;
    } else if (rc == rcOk) {
        bool any = sync_end_waits(sync, rcIpcInterrupt);
        sync->as.sync.set = !(any && sync->as.sync.autoclear);
    }
    return rc;
}

static Retcode close_name(struct process *process, Handle handle)
{
    if (br_name_find(process, handle) == NULL) {
        return rcResourceNotFound;
    }
    br_name_remove(process, handle);
    return rcOk;
}

void br_object_request(struct process *process, struct br_packet *packet)
{
    struct br_head *head = &packet->head;
    head->name[BR_NAME_BYTES - 1] = '\0';
    switch (head->op) {
    case BR_CONNECT:
        head->rc = connect_ends(process, head);
        break;
    case BR_CLOSE:
        head->rc = close_name(process, head->handle);
        break;
    case BR_COPY:
        head->rc = copy(process, head);
        break;
    case BR_CREATE_SYNC:
        head->rc = create_sync(process, head);
        break;
    case BR_CREATE_USER:
        head->rc = add_named(process, br_object_create(KIND_USER), head->rights, &head->handles[0]);
        break;
    case BR_SET:
    case BR_CLEAR:
        head->rc = change_sync(process, head);
        break;
    case BR_CHANNEL_SERVE:
        head->rc = channel_serve(process, head);
        break;
    case BR_CHANNEL_CONNECT:
        head->rc = channel_connect(process, head);
        break;
    default:
        head->rc = rcUnimplemented;
        break;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Handles, channels, sync and user objects. The handle closed last is the next to be given again, and
 * the first handle of all is 0. */
#include "ct_internal.h"
#include <coresrv/ipc/ipc_api.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COUNT_MAX (1u << 20)

pthread_mutex_t g_ct_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct name *g_names; /* by handle */
static Handle *g_free;       /* a stack of handles, with room for all of them */
static unsigned g_capacity;
static unsigned g_used_count; /* handles below this were given once */
static unsigned g_free_count;

bool ct_names_reserve_locked(unsigned count)
{
    unsigned needed = g_used_count + count; /* those that are free are a reserve besides */
    if (needed <= g_capacity || count <= g_free_count) {
        return true;
    }
    unsigned capacity = g_capacity < 64 ? 64 : 2 * g_capacity;
    capacity = capacity < needed ? needed : capacity;
    if (capacity > NAME_COUNT_MAX) {
        return false;
    }
    struct name *names = realloc(g_names, capacity * sizeof *names);
    if (names == NULL) {
        return false;
    }
    g_names = names;
    Handle *stack = realloc(g_free, capacity * sizeof *stack);
    if (stack == NULL) {
        return false;
    }
    g_free = stack;
    memset(g_names + g_capacity, 0, (capacity - g_capacity) * sizeof *names);
    g_capacity = capacity;
    return true;
}

Handle ct_name_add_locked(struct object *object, rtl_uint32_t rights)
{
    Handle handle = g_free_count > 0 ? g_free[--g_free_count] : g_used_count++;
    g_names[handle] = (struct name){object, rights};
    object->ref_count++;
    object->name_count++;
    return handle;
}

const struct name *ct_name_find_locked(Handle handle)
{
    return handle < g_used_count && g_names[handle].object != NULL ? &g_names[handle] : NULL;
}

Retcode ct_object_find_locked(Handle handle, enum kind kind, rtl_uint32_t right,
                              struct object **object)
{
    const struct name *name = ct_name_find_locked(handle);
    if (name == NULL) {
        return rcNotReady;
    }
    if (name->object->kind != kind) {
        return rcAbort;
    }
    if ((name->rights & right) != right) {
        return rcInvalidOperation;
    }
    *object = name->object;
    return rcOk;
}

static struct object *object_create(enum kind kind)
{
    struct object *object = calloc(1, sizeof *object); /* all lists are empty */
    if (object != NULL) {
        object->kind = kind;
        object->ref_count = 1;
        if (kind == KIND_PORT) {
            TAILQ_INIT(&object->as.port.services);
        }
    }
    return object;
}

void ct_object_release_locked(struct object *object)
{
    if (object == NULL || --object->ref_count > 0) {
        return;
    }
    if (object->kind == KIND_CLIENT) {
        ct_object_release_locked(object->as.client.port);
    }
    free(object);
}

void ct_wait_detach_locked(struct wait *wait)
{
    if (wait->sync != NULL) {
        LIST_REMOVE(wait, sync_link);
        ct_object_release_locked(wait->sync);
        wait->sync = NULL;
    }
}

void ct_wait_end_locked(struct wait *wait, Retcode rc)
{
    if (wait->state == STATE_WAITING) {
        LIST_REMOVE(wait, port_link);
    }
    ct_wait_detach_locked(wait);
    wait->state = STATE_OVER;
    wait->rc = rc;
    pthread_cond_signal(&wait->wake);
}

void ct_service_free_locked(struct object *port, struct service *service)
{
    TAILQ_REMOVE(&port->as.port.services, service, link);
    free(service);
}

static void port_close_locked(struct object *port)
{
    port->as.port.closed = true;
    while (!LIST_EMPTY(&port->as.port.calls)) {
        ct_wait_end_locked(LIST_FIRST(&port->as.port.calls), rcNotConnected);
    }
    while (!LIST_EMPTY(&port->as.port.receivers)) {
        ct_wait_end_locked(LIST_FIRST(&port->as.port.receivers), rcAbort);
    }
    while (!TAILQ_EMPTY(&port->as.port.services)) {
        struct service *service = TAILQ_FIRST(&port->as.port.services);
        if (service->caller != NULL) {
            ct_wait_end_locked(service->caller, rcNotConnected);
        }
        ct_service_free_locked(port, service);
    }
}

/* Set of an automatically clearing object, and Close of any. */
static void sync_interrupt_all_locked(struct object *sync)
{
    while (!LIST_EMPTY(&sync->as.sync.waits)) {
        ct_wait_end_locked(LIST_FIRST(&sync->as.sync.waits), rcIpcInterrupt);
    }
}

void ct_object_unname_locked(struct object *object)
{
    if (--object->name_count > 0) {
        return;
    }
    if (object->kind == KIND_PORT) {
        port_close_locked(object);
    } else if (object->kind == KIND_SYNC) {
        sync_interrupt_all_locked(object);
    }
}

Retcode KnHandleClose(Handle handle)
{
    pthread_mutex_lock(&g_ct_mutex);
    const struct name *name = ct_name_find_locked(handle);
    struct object *object = name != NULL ? name->object : NULL;
    if (object != NULL) {
        g_names[handle].object = NULL;
        g_free[g_free_count++] = handle;
        ct_object_unname_locked(object);
        ct_object_release_locked(object);
    }
    pthread_mutex_unlock(&g_ct_mutex);
    return object != NULL ? rcOk : rcNotReady;
}

static Retcode connect_locked(Handle inListener, Handle *listener, Handle *client)
{
    struct object *port = NULL;
    bool is_new = inListener == INVALID_HANDLE;
    if (!is_new) {
        Retcode rc = ct_object_find_locked(inListener, KIND_PORT, OCAP_IPC_CONNECT, &port);
        if (rc != rcOk) {
            return rc;
        }
        port->ref_count++;
    }
    if (!ct_names_reserve_locked(2)) {
        ct_object_release_locked(port);
        return rcQuotaExceeded;
    }
    port = is_new ? object_create(KIND_PORT) : port;
    struct object *end = object_create(KIND_CLIENT);
    if (port == NULL || end == NULL) {
        ct_object_release_locked(port);
        free(end);
        return rcOutOfMemory;
    }
    *listener = is_new ? ct_name_add_locked(port, OCAP_IPC_LISTENER) : inListener;
    end->as.client.port = port; /* with our reference */
    *client = ct_name_add_locked(end, OCAP_IPC_CLIENT);
    ct_object_release_locked(end);
    return rcOk;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    Handle listener;
    Handle client;

    if (outClient == NULL || outListener == NULL) {
        return rcFail;
    }
    pthread_mutex_lock(&g_ct_mutex);
    Retcode rc = connect_locked(inListener, &listener, &client);
    pthread_mutex_unlock(&g_ct_mutex);
    if (rc == rcOk) {
        *outListener = listener;
        *outClient = client;
        if (outServer != NULL) {
            *outServer = listener;
        }
    }
    return rc;
}

static Retcode named_create(enum kind kind, bool autoclear, rtl_uint32_t rights, Handle *handle)
{
    Retcode rc = rcOk;
    if (handle == NULL) {
        return rcFail;
    }
    struct object *object = object_create(kind);
    if (object == NULL) {
        return rcOutOfMemory;
    }
    if (kind == KIND_SYNC) {
        object->as.sync.autoclear = autoclear;
    }
    pthread_mutex_lock(&g_ct_mutex);
    if (ct_names_reserve_locked(1)) {
        *handle = ct_name_add_locked(object, rights);
    } else {
        rc = rcQuotaExceeded;
    }
    ct_object_release_locked(object);
    pthread_mutex_unlock(&g_ct_mutex);
    return rc;
}

/* A sync object is not copied, and the right mask says so. */
Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    Retcode rc = rcOk;
    if (outHandle == NULL || copyBadge != INVALID_HANDLE) {
        return rcFail;
    }
    pthread_mutex_lock(&g_ct_mutex);
    const struct name *name = ct_name_find_locked(inHandle);
    if (name == NULL) {
        rc = rcNotReady;
    } else if (!(name->rights & OCAP_HANDLE_COPY) || (newRightsMask & ~name->rights) != 0) {
        rc = rcSecurityDisallow;
    } else {
        struct object *object = name->object;
        if (ct_names_reserve_locked(1)) {
            *outHandle = ct_name_add_locked(object, newRightsMask);
        } else {
            rc = rcQuotaExceeded;
        }
    }
    pthread_mutex_unlock(&g_ct_mutex);
    return rc;
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    (void)context; /* kept for nobody: no function of the interface gives it back */
    if (type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcFail;
    }
    return named_create(KIND_USER, false, rights, handle);
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return named_create(KIND_SYNC, false, OCAP_IPC_INTERRUPT, syncHandle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    return named_create(KIND_SYNC, autoclear != 0, OCAP_IPC_INTERRUPT, syncHandle);
}

/* An automatically clearing object interrupts all that wait now, and is clear again. */
Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct object *sync;
    pthread_mutex_lock(&g_ct_mutex);
    Retcode rc = ct_object_find_locked(syncHandle, KIND_SYNC, OCAP_IPC_INTERRUPT, &sync);
    if (rc == rcOk && sync->as.sync.autoclear) {
        sync_interrupt_all_locked(sync);
    } else if (rc == rcOk) {
        struct wait *wait;
        sync->as.sync.set = true;
        LIST_FOREACH(wait, &sync->as.sync.waits, sync_link)
        {
            pthread_cond_signal(&wait->wake);
        }
    }
    pthread_mutex_unlock(&g_ct_mutex);
    return rc;
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    struct object *sync;
    pthread_mutex_lock(&g_ct_mutex);
    Retcode rc = ct_object_find_locked(syncHandle, KIND_SYNC, OCAP_IPC_INTERRUPT, &sync);
    if (rc == rcOk) {
        sync->as.sync.set = false;
    }
    pthread_mutex_unlock(&g_ct_mutex);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The lock, handles, channels and sync objects. Handles are the lowest free number, as with files,
 * so a closed one comes back at once. */
#include "vc_internal.h"
#include <coresrv/ipc/ipc_api.h>
#include <pthread.h>
#include <stdlib.h>

#define FIRST_HANDLE 16u

static pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static pthread_cond_t g_changed;
static struct name g_names[NAME_COUNT_MAX];
static unsigned g_lowest_free; /* no free name below */
struct wait_list g_vc_waits = TAILQ_HEAD_INITIALIZER(g_vc_waits);
unsigned g_vc_name_count;
unsigned g_vc_gone_count;

static void changed_init(void)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g_changed, &attr);
    pthread_condattr_destroy(&attr);
}

void vc_lock(void)
{
    pthread_once(&g_once, changed_init);
    pthread_mutex_lock(&g_lock);
}

void vc_unlock(void)
{
    pthread_mutex_unlock(&g_lock);
}

int vc_wait_locked(const struct timespec *deadline)
{
    if (deadline == NULL) {
        return pthread_cond_wait(&g_changed, &g_lock);
    }
    return pthread_cond_timedwait(&g_changed, &g_lock, deadline);
}

static struct object *object_create(enum kind kind)
{
    struct object *object = calloc(1, sizeof *object);
    if (object != NULL) {
        object->kind = kind;
        object->ref_count = 1;
    }
    return object;
}

void vc_object_release_locked(struct object *object)
{
    if (object == NULL || --object->ref_count > 0) {
        return;
    }
    if (object->port != NULL) {
        vc_object_release_locked(object->port);
    }
    free(object);
}

Handle vc_name_add_locked(struct object *object, rtl_uint32_t rights)
{
    while (g_names[g_lowest_free].object != NULL) {
        g_lowest_free++;
    }
    g_names[g_lowest_free].object = object;
    g_names[g_lowest_free].rights = rights;
    g_vc_name_count++;
    object->ref_count++;
    object->name_count++;
    return FIRST_HANDLE + g_lowest_free;
}

struct name *vc_name_find_locked(Handle handle)
{
    if (handle < FIRST_HANDLE || handle - FIRST_HANDLE >= NAME_COUNT_MAX) {
        return NULL;
    }
    struct name *name = &g_names[handle - FIRST_HANDLE];
    return name->object != NULL ? name : NULL;
}

Retcode vc_object_find_locked(Handle handle, enum kind kind, rtl_uint32_t right,
                              struct object **object)
{
    const struct name *name = vc_name_find_locked(handle);
    if (name == NULL) {
        return rcInvalidArgument;
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

void vc_finish_locked(struct wait *wait, Retcode rc)
{
    TAILQ_REMOVE(&g_vc_waits, wait, link);
    wait->rc = rc;
    if (wait->stage == STAGE_GONE) {
        g_vc_gone_count--;
        vc_object_release_locked(wait->port);
        free(wait);
        return;
    }
    wait->stage = STAGE_OVER;
    pthread_cond_broadcast(&g_changed);
}

void vc_object_unname_locked(struct object *object)
{
    if (--object->name_count > 0 || object->kind != KIND_PORT) {
        return;
    }
    object->closed = true;
    struct wait *next;
    for (struct wait *wait = TAILQ_FIRST(&g_vc_waits); wait != NULL; wait = next) {
        next = TAILQ_NEXT(wait, link);
        if (wait->port == object) {
            vc_finish_locked(wait, rcNotConnected);
        }
    }
}

Retcode KnHandleClose(Handle handle)
{
    vc_lock();
    struct name *name = vc_name_find_locked(handle);
    if (name == NULL) {
        vc_unlock();
        return rcInvalidArgument;
    }
    struct object *object = name->object;
    name->object = NULL;
    g_vc_name_count--;
    if (handle - FIRST_HANDLE < g_lowest_free) {
        g_lowest_free = handle - FIRST_HANDLE;
    }
    vc_object_unname_locked(object);
    vc_object_release_locked(object);
    vc_unlock();
    return rcOk;
}

static Retcode connect_locked(Handle inListener, Handle *listener, Handle *client)
{
    struct object *port = NULL;
    bool is_new = inListener == INVALID_HANDLE;
    if (!is_new) {
        Retcode rc = vc_object_find_locked(inListener, KIND_PORT, OCAP_IPC_CONNECT, &port);
        if (rc != rcOk) {
            return rc;
        }
    }
    if (NAME_COUNT_MAX - g_vc_name_count < 2) {
        return rcQuotaExceeded;
    }
    if (is_new) {
        port = object_create(KIND_PORT);
    } else {
        port->ref_count++;
    }
    struct object *end = object_create(KIND_CLIENT);
    if (port == NULL || end == NULL) {
        vc_object_release_locked(port);
        vc_object_release_locked(end);
        return rcOutOfMemory;
    }
    *listener = is_new ? vc_name_add_locked(port, OCAP_IPC_LISTENER) : inListener;
    end->port = port; /* takes our reference */
    *client = vc_name_add_locked(end, OCAP_IPC_CLIENT);
    vc_object_release_locked(end);
    return rcOk;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    Handle listener;
    Handle client;

    if (outClient == NULL || (inListener == INVALID_HANDLE && outListener == NULL)) {
        return rcInvalidArgument;
    }
    vc_lock();
    Retcode rc = connect_locked(inListener, &listener, &client);
    vc_unlock();
    if (rc != rcOk) {
        return rc;
    }
    *outClient = client;
    if (outListener != NULL) {
        *outListener = listener;
    }
    if (outServer != NULL) {
        *outServer = listener;
    }
    return rcOk;
}

/* Sync objects. */

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    if (syncHandle == NULL) {
        return rcInvalidArgument;
    }
    Retcode rc = rcOk;
    vc_lock();
    struct object *sync = object_create(KIND_SYNC);
    if (sync == NULL) {
        rc = rcOutOfMemory;
    } else if (g_vc_name_count == NAME_COUNT_MAX) {
        rc = rcQuotaExceeded;
    } else {
        *syncHandle = vc_name_add_locked(sync, OCAP_IPC_SYNC_OBJECT);
    }
    vc_object_release_locked(sync);
    vc_unlock();
    return rc;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct object *sync;

    vc_lock();
    Retcode rc = vc_object_find_locked(syncHandle, KIND_SYNC, OCAP_IPC_INTERRUPT, &sync);
    if (rc == rcOk) {
        sync->set = true;
        struct wait *next;
        for (struct wait *wait = TAILQ_FIRST(&g_vc_waits); wait != NULL; wait = next) {
            next = TAILQ_NEXT(wait, link);
            bool is_waiting = wait->stage == STAGE_RECEIVING || wait->stage == STAGE_QUEUED;
            if (wait->sync == sync && is_waiting) {
                vc_finish_locked(wait, rcIpcInterrupt);
            }
        }
    }
    vc_unlock();
    return rc;
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    struct object *sync;

    vc_lock();
    Retcode rc = vc_object_find_locked(syncHandle, KIND_SYNC, OCAP_IPC_INTERRUPT, &sync);
    if (rc == rcOk) {
        sync->set = false;
    }
    vc_unlock();
    return rc;
}

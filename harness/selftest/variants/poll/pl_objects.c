/* SPDX-License-Identifier: Apache-2.0 */
/* The lock, levels, handles, channels and sync objects. A handle number is never used twice. */
#include "pl_internal.h"
#include <coresrv/ipc/ipc_api.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUCKET_COUNT 1024u
#define FIRST_HANDLE 1000u

LIST_HEAD(bucket, name);

static atomic_uint g_lock_count; /* the thread that holds the lock and those that want it */
static int g_lock_fd = -1;       /* a semaphore: one token for each hand-over */
static struct bucket g_buckets[BUCKET_COUNT];
static Handle g_next_handle = FIRST_HANDLE;

__attribute__((constructor)) static void lock_init(void)
{
    g_lock_fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
    if (g_lock_fd < 0) {
        abort();
    }
}

__attribute__((destructor)) static void lock_finish(void)
{
    (void)close(g_lock_fd);
}

void pl_lock(void)
{
    eventfd_t token;
    if (atomic_fetch_add_explicit(&g_lock_count, 1, memory_order_acquire) == 0) {
        return;
    }
    while (eventfd_read(g_lock_fd, &token) != 0) {
        /* A signal: the token is still to come. */
    }
}

void pl_unlock(void)
{
    if (atomic_fetch_sub_explicit(&g_lock_count, 1, memory_order_release) == 1) {
        return;
    }
    while (eventfd_write(g_lock_fd, 1) != 0) {
        /* A signal. */
    }
}

bool pl_level_open(struct level *level)
{
    level->up = false;
    level->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return level->fd >= 0;
}

void pl_level_close(struct level *level)
{
    (void)close(level->fd);
}

void pl_level_set_locked(struct level *level, bool up)
{
    eventfd_t count;
    if (level->up == up) {
        return;
    }
    level->up = up;
    /* Neither can block: one that is up can be read, one that is down can be written. */
    while ((up ? eventfd_write(level->fd, 1) : eventfd_read(level->fd, &count)) != 0 &&
           errno == EINTR) {
    }
}

static void object_init(struct object *object, enum kind kind)
{
    object->kind = kind;
    object->ref_count = 1;
    object->name_count = 0;
}

void pl_object_release_locked(struct object *object)
{
    if (object == NULL || --object->ref_count > 0) {
        return;
    }
    switch (object->kind) {
    case KIND_PORT:
        pl_level_close(&((struct port *)(void *)object)->news);
        break;
    case KIND_SYNC:
        pl_level_close(&((struct sync *)(void *)object)->set);
        break;
    case KIND_CLIENT:
        pl_object_release_locked(&((struct client *)(void *)object)->port->base);
        break;
    }
    free(object);
}

struct name *pl_name_find_locked(Handle handle)
{
    struct name *name;
    LIST_FOREACH(name, &g_buckets[handle % BUCKET_COUNT], link)
    {
        if (name->handle == handle) {
            return name;
        }
    }
    return NULL;
}

struct name *pl_name_add_locked(struct object *object, rtl_uint32_t rights)
{
    struct name *name = calloc(1, sizeof *name);
    if (name == NULL) {
        return NULL;
    }
    /* After four thousand million handles they begin again. */
    while (g_next_handle < FIRST_HANDLE || g_next_handle == INVALID_HANDLE ||
           pl_name_find_locked(g_next_handle) != NULL) {
        g_next_handle++;
    }
    name->handle = g_next_handle++;
    name->rights = rights;
    name->object = object;
    object->ref_count++;
    object->name_count++;
    LIST_INSERT_HEAD(&g_buckets[name->handle % BUCKET_COUNT], name, link);
    return name;
}

static void name_remove_locked(struct name *name)
{
    struct object *object = name->object;
    LIST_REMOVE(name, link);
    free(name);
    pl_object_unname_locked(object);
    pl_object_release_locked(object);
}

Retcode pl_object_find_locked(Handle handle, enum kind kind, rtl_uint32_t right,
                              struct object **object)
{
    const struct name *name = pl_name_find_locked(handle);
    if (name == NULL) {
        return rcNoCapability;
    }
    if (name->object->kind != kind) {
        return rcInvalidArgument;
    }
    if ((name->rights & right) != right) {
        return rcSecurityDisallow;
    }
    *object = name->object;
    return rcOk;
}

void pl_call_finish_locked(struct port *port, struct call *call, Retcode rc)
{
    TAILQ_REMOVE(call->stage == STAGE_QUEUED ? &port->queued : &port->taken, call, link);
    if (call->stage == STAGE_GONE) {
        free(call);
        return;
    }
    if (call->sync != NULL) {
        call->sync->wait_count--;
        call->sync = NULL;
    }
    call->rc = rc;
    call->stage = STAGE_OVER;
    pl_level_set_locked(&call->news, true);
}

void pl_object_unname_locked(struct object *object)
{
    if (--object->name_count > 0 || object->kind != KIND_PORT) {
        return;
    }
    struct port *port = (struct port *)(void *)object;
    port->closed = true;
    while (!TAILQ_EMPTY(&port->queued)) {
        pl_call_finish_locked(port, TAILQ_FIRST(&port->queued), rcNotConnected);
    }
    while (!TAILQ_EMPTY(&port->taken)) {
        pl_call_finish_locked(port, TAILQ_FIRST(&port->taken), rcNotConnected);
    }
    pl_level_set_locked(&port->news, true);
}

static bool is_busy_sync(const struct object *object)
{
    return object->kind == KIND_SYNC && ((const struct sync *)(const void *)object)->wait_count > 0;
}

/* A sync object that could interrupt somebody right now is not closed. */
Retcode KnHandleClose(Handle handle)
{
    Retcode rc = rcOk;
    pl_lock();
    struct name *name = pl_name_find_locked(handle);
    if (name == NULL) {
        rc = rcNoCapability;
    } else if (is_busy_sync(name->object)) {
        rc = rcBusy;
    } else {
        name_remove_locked(name);
    }
    pl_unlock();
    return rc;
}

static Retcode port_create(struct port **port)
{
    struct port *created = calloc(1, sizeof *created);
    if (created == NULL) {
        return rcOutOfMemory;
    }
    if (!pl_level_open(&created->news)) {
        free(created);
        return rcQuotaExceeded;
    }
    object_init(&created->base, KIND_PORT);
    TAILQ_INIT(&created->queued);
    TAILQ_INIT(&created->taken);
    *port = created;
    return rcOk;
}

/* Name the three ends; what was named is taken back when a name is missing. */
static Retcode ends_name_locked(struct port *port, struct client *client, Handle *listener,
                                Handle *server, Handle *end)
{
    struct name *names[3] = {NULL, NULL, NULL};
    bool is_new = *listener == INVALID_HANDLE;
    if (is_new) {
        names[0] = pl_name_add_locked(&port->base, OCAP_IPC_LISTENER);
    }
    names[1] = pl_name_add_locked(&port->base, OCAP_IPC_SERVER);
    names[2] = pl_name_add_locked(&client->base, OCAP_IPC_CLIENT);
    if ((is_new && names[0] == NULL) || names[1] == NULL || names[2] == NULL) {
        for (unsigned i = 0; i < 3; i++) {
            if (names[i] != NULL) {
                name_remove_locked(names[i]);
            }
        }
        return rcOutOfMemory;
    }
    *listener = is_new ? names[0]->handle : *listener;
    *server = names[1]->handle;
    *end = names[2]->handle;
    return rcOk;
}

static Retcode connect_locked(Handle *listener, Handle *server, Handle *end)
{
    struct port *port;
    Retcode rc;
    if (*listener == INVALID_HANDLE) {
        rc = port_create(&port);
    } else {
        struct object *object = NULL;
        rc = pl_object_find_locked(*listener, KIND_PORT, OCAP_IPC_CONNECT, &object);
        port = (struct port *)(void *)object;
        if (rc == rcOk) {
            object->ref_count++;
        }
    }
    if (rc != rcOk) {
        return rc;
    }
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        pl_object_release_locked(&port->base);
        return rcOutOfMemory;
    }
    object_init(&client->base, KIND_CLIENT);
    client->port = port; /* and our reference with it */
    rc = ends_name_locked(port, client, listener, server, end);
    pl_object_release_locked(&client->base);
    return rc;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    Handle listener = inListener;
    Handle server = INVALID_HANDLE;
    Handle client = INVALID_HANDLE;

    if (outClient == NULL || outServer == NULL ||
        (inListener == INVALID_HANDLE && outListener == NULL)) {
        return rcSourceFault;
    }
    pl_lock();
    Retcode rc = connect_locked(&listener, &server, &client);
    pl_unlock();
    if (rc == rcOk) {
        *outServer = server;
        *outClient = client;
        if (outListener != NULL) {
            *outListener = listener;
        }
    }
    return rc;
}

/* Sync objects. */

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    if (syncHandle == NULL) {
        return rcSourceFault;
    }
    struct sync *sync = calloc(1, sizeof *sync);
    if (sync == NULL) {
        return rcOutOfMemory;
    }
    if (!pl_level_open(&sync->set)) {
        free(sync);
        return rcQuotaExceeded;
    }
    object_init(&sync->base, KIND_SYNC);
    pl_lock();
    const struct name *name = pl_name_add_locked(&sync->base, OCAP_IPC_INTERRUPT);
    if (name != NULL) {
        *syncHandle = name->handle;
    }
    pl_object_release_locked(&sync->base);
    pl_unlock();
    return name != NULL ? rcOk : rcOutOfMemory;
}

static Retcode sync_change(Handle handle, bool set)
{
    struct object *object;
    pl_lock();
    Retcode rc = pl_object_find_locked(handle, KIND_SYNC, OCAP_IPC_INTERRUPT, &object);
    if (rc == rcOk) {
        pl_level_set_locked(&((struct sync *)(void *)object)->set, set);
    }
    pl_unlock();
    return rc;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    return sync_change(syncHandle, true);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    return sync_change(syncHandle, false);
}

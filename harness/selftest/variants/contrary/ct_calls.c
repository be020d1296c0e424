/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls: the newest caller is served first, by the newest receiver. */
#include "ct_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static Tid g_last_number;

static struct timespec deadline_after(rtl_uint32_t mdelay)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    rtl_uint64_t ns = (rtl_uint64_t)at.tv_nsec + mdelay % 1000u * 1000000u;
    at.tv_sec += (time_t)(mdelay / 1000u + ns / 1000000000u);
    at.tv_nsec = (long)(ns % 1000000000u);
    return at;
}

static bool wait_init(struct wait *wait)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool made = pthread_cond_init(&wait->wake, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return made;
}

/* A handle that names no live sync object counts as none. */
static struct object *sync_find_locked(Handle handle)
{
    struct object *sync = NULL;
    return ct_object_find_locked(handle, KIND_SYNC, OCAP_IPC_INTERRUPT, &sync) == rcOk ? sync
                                                                                       : NULL;
}

static void wait_begin_locked(struct wait *wait, struct wait_list *list, struct object *sync)
{
    wait->state = STATE_WAITING;
    LIST_INSERT_HEAD(list, wait, port_link);
    if (sync != NULL) {
        sync->ref_count++;
        wait->sync = sync;
        LIST_INSERT_HEAD(&sync->as.sync.waits, wait, sync_link);
    }
}

/* The thread itself looks whether it is interrupted, and then whether it is late. */
static void wait_locked(struct wait *wait, const struct timespec *deadline)
{
    for (bool late = false; wait->state != STATE_OVER;) {
        if (wait->sync != NULL && wait->sync->as.sync.set) {
            ct_wait_end_locked(wait, rcIpcInterrupt);
        } else if (late) {
            if (wait->state == STATE_TAKEN) {
                wait->service->caller = NULL;
            }
            ct_wait_end_locked(wait, rcTimeout);
        } else if (deadline == NULL) {
            (void)pthread_cond_wait(&wait->wake, &g_ct_mutex);
        } else {
            late = pthread_cond_timedwait(&wait->wake, &g_ct_mutex, deadline) == ETIMEDOUT;
        }
    }
}

/*
 * The rendezvous of a waiting call and a receiver. When the receiver has no room, the request stays
 * where it is.
 */
static Retcode take_locked(struct wait *call, SMsgHdr *room, Handle reply_handle)
{
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        return rcOutOfMemory;
    }
    Retcode rc = ct_message_deliver_locked(call->message, room);
    if (rc != rcOk) {
        free(service);
        return rc;
    }
    room->replyHandle = reply_handle;
    room->sender = (TaskId)getpid();
    room->threadId = call->number;
    service->number = call->number;
    service->caller = call;
    TAILQ_INSERT_TAIL(&call->port->as.port.services, service, link);
    LIST_REMOVE(call, port_link);
    ct_wait_detach_locked(call);
    call->state = STATE_TAKEN;
    call->service = service;
    return rcOk;
}

/* Offer a new call to those who wait. A call that may not wait goes no further than this. */
static void offer_locked(struct wait *call)
{
    struct wait_list *receivers = &call->port->as.port.receivers;
    while (call->state == STATE_WAITING && !LIST_EMPTY(receivers)) {
        struct wait *receiver = LIST_FIRST(receivers);
        Retcode rc = take_locked(call, receiver->room, receiver->handle);
        ct_wait_end_locked(receiver, rc);
    }
}

static Retcode call_locked(struct wait *call, Handle sync_handle, rtl_uint32_t mdelay,
                           const struct timespec *deadline)
{
    struct object *client;
    Retcode rc = ct_object_find_locked(call->handle, KIND_CLIENT, OCAP_IPC_CALL, &client);
    if (rc != rcOk) {
        return rc;
    }
    struct object *sync = sync_find_locked(sync_handle);
    struct object *port = client->as.client.port;
    call->port = port;
    rc = ct_message_hold_locked(call->message, port);
    if (rc != rcOk) {
        return rc;
    }
    if (port->as.port.closed) {
        rc = rcNotConnected;
    } else if (mdelay == 0 && LIST_EMPTY(&port->as.port.receivers)) {
        rc = rcTimeout;
    } else if (sync != NULL && sync->as.sync.set) {
        rc = rcIpcInterrupt; /* whoever may wait there */
    } else {
        port->ref_count++;
        call->number = ++g_last_number != 0 ? g_last_number : ++g_last_number;
        wait_begin_locked(call, &port->as.port.calls, sync);
        offer_locked(call);
        wait_locked(call, deadline);
        rc = call->rc;
    }
    ct_message_drop_locked(call->message);
    if (call->number != 0) {
        ct_object_release_locked(port);
    }
    return rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct timespec deadline = deadline_after(mdelay);
    struct message message = {.header = msgOut, .cap_count = 0};
    struct wait call = {.handle = handle, .message = &message, .room = msgIn};
    Retcode rc = ct_header_is_sound(msgIn) ? ct_message_check(msgOut) : rcFail;
    if (rc != rcOk) {
        return rc;
    }
    if (!wait_init(&call)) {
        return rcOutOfMemory;
    }
    pthread_mutex_lock(&g_ct_mutex);
    rc = call_locked(&call, syncHandle, mdelay, mdelay == INFINITE_TIMEOUT ? NULL : &deadline);
    pthread_mutex_unlock(&g_ct_mutex);
    (void)pthread_cond_destroy(&call.wake);
    return rc;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static Retcode recv_locked(struct wait *wait, Handle sync_handle, rtl_uint32_t mdelay,
                           const struct timespec *deadline)
{
    struct object *port;
    Retcode rc = ct_object_find_locked(wait->handle, KIND_PORT, OCAP_IPC_RECV, &port);
    if (rc != rcOk) {
        return rc;
    }
    if (mdelay == 0) {
        return rcTimeout; /* there is no time to receive anything */
    }
    struct object *sync = sync_find_locked(sync_handle);
    if (sync != NULL && sync->as.sync.set) {
        return rcIpcInterrupt; /* whatever may be queued */
    }
    if (!LIST_EMPTY(&port->as.port.calls)) {
        return take_locked(LIST_FIRST(&port->as.port.calls), wait->room, wait->handle);
    }
    port->ref_count++;
    wait_begin_locked(wait, &port->as.port.receivers, sync);
    wait_locked(wait, deadline);
    ct_object_release_locked(port);
    return wait->rc;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct timespec deadline = deadline_after(mdelay);
    struct wait wait = {.handle = handle, .room = msgIn};
    if (!ct_header_is_sound(msgIn)) {
        return rcFail;
    }
    if (!wait_init(&wait)) {
        return rcOutOfMemory;
    }
    pthread_mutex_lock(&g_ct_mutex);
    Retcode rc =
        recv_locked(&wait, syncHandle, mdelay, mdelay == INFINITE_TIMEOUT ? NULL : &deadline);
    pthread_mutex_unlock(&g_ct_mutex);
    (void)pthread_cond_destroy(&wait.wake);
    return rc;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static struct service *service_find_locked(const struct object *port, Tid number)
{
    struct service *service;
    TAILQ_FOREACH(service, &port->as.port.services, link)
    {
        if (number == 0 || service->number == number) {
            return service;
        }
    }
    return NULL;
}

/* A response for a caller that has gone is dropped, and nobody minds. One with a handle that may not
 * travel ends the call for both. One that does not fit may be made shorter and sent again. */
static Retcode reply_locked(Handle handle, struct message *message)
{
    struct object *port;
    Retcode rc = ct_object_find_locked(handle, KIND_PORT, OCAP_IPC_RECV, &port);
    if (rc != rcOk) {
        return rc;
    }
    struct service *service = service_find_locked(port, message->header->threadId);
    if (service == NULL) {
        return rcInvalidThreadState;
    }
    struct wait *caller = service->caller;
    rc = ct_message_hold_locked(message, NULL);
    if (rc != rcOk) {
        if (caller != NULL) {
            ct_wait_end_locked(caller, rcReceiveError);
        }
        ct_service_free_locked(port, service);
        return rcTransferError;
    }
    if (caller != NULL) {
        rc = ct_message_deliver_locked(message, caller->room);
        ct_message_drop_locked(message);
        if (rc != rcOk) {
            return rc;
        }
        ct_wait_end_locked(caller, rcOk);
    }
    ct_message_drop_locked(message);
    ct_service_free_locked(port, service);
    return rcOk;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct message message = {.header = msgOut, .cap_count = 0};
    Retcode rc = ct_message_check(msgOut);
    if (rc == rcOk) {
        pthread_mutex_lock(&g_ct_mutex);
        rc = reply_locked(handle, &message);
        pthread_mutex_unlock(&g_ct_mutex);
    }
    return rc;
}

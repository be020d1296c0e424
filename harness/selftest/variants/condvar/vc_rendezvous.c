/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls: who waits, who meets whom, and who is answered. */
#include "vc_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define GONE_COUNT_MAX 256u

static rtl_uint64_t g_taken_order;
static Tid g_last_thread_id;
static _Thread_local Tid t_thread_id;

static struct timespec deadline_after(rtl_uint32_t mdelay)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(mdelay / 1000u);
    at.tv_nsec += (long)(mdelay % 1000u) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

static struct wait *first_locked(const struct object *port, enum stage stage)
{
    struct wait *wait;
    TAILQ_FOREACH(wait, &g_vc_waits, link)
    {
        if (wait->port == port && wait->stage == stage) {
            return wait;
        }
    }
    return NULL;
}

/* Wait for the outcome of a listed wait. False: the record now belongs to the list. */
static bool wait_over_locked(struct wait *wait, const struct timespec *deadline)
{
    while (wait->stage != STAGE_OVER) {
        if (vc_wait_locked(deadline) == ETIMEDOUT && wait->stage != STAGE_OVER) {
            if (wait->stage == STAGE_TAKEN) {
                wait->stage = STAGE_GONE;
                return false;
            }
            vc_finish_locked(wait, rcTimeout);
        }
    }
    return true;
}

/* The rendezvous: a listed call meets a listed receiver. */
static void meet_locked(struct wait *call, struct wait *receiver)
{
    Retcode rc = vc_message_deliver_locked(call->message, &receiver->room);
    if (rc == rcOk) {
        receiver->room.header->replyHandle = receiver->handle;
        receiver->room.header->sender = (TaskId)getpid();
        receiver->room.header->threadId = call->thread_id;
        call->stage = STAGE_TAKEN;
        call->taken_order = ++g_taken_order;
        vc_message_drop_locked(call->message); /* the receiver's names hold the objects now */
    } else {
        vc_finish_locked(call, rc);
    }
    vc_finish_locked(receiver, rc);
}

static Retcode sync_find_locked(Handle handle, struct object **sync)
{
    *sync = NULL;
    if (handle == INVALID_HANDLE) {
        return rcOk;
    }
    return vc_object_find_locked(handle, KIND_SYNC, OCAP_IPC_INTERRUPT, sync);
}

static void hold_locked(struct wait *wait)
{
    wait->port->ref_count++;
    if (wait->sync != NULL) {
        wait->sync->ref_count++;
    }
    TAILQ_INSERT_TAIL(&g_vc_waits, wait, link);
}

static Retcode call_check_locked(struct wait *call, Handle handle, Handle syncHandle,
                                 rtl_uint32_t mdelay)
{
    struct object *client;
    Retcode rc = vc_object_find_locked(handle, KIND_CLIENT, OCAP_IPC_CALL, &client);
    if (rc == rcOk) {
        rc = sync_find_locked(syncHandle, &call->sync);
    }
    if (rc == rcOk) {
        call->port = client->port;
        rc = vc_message_hold_locked(call->message, call->port);
    }
    if (rc == rcOk && call->port->closed) {
        rc = rcNotConnected;
    }
    bool can_meet = mdelay > 0 && rc == rcOk && first_locked(call->port, STAGE_RECEIVING) != NULL;
    if (rc == rcOk && !can_meet && call->sync != NULL && call->sync->set) {
        rc = rcIpcInterrupt;
    }
    /* No server can answer in no time, so the request does not leave. */
    if (rc == rcOk && mdelay == 0) {
        rc = rcTimeout;
    }
    return rc;
}

/* The caller leaves while a server still has its request. A late Reply must not find this thread's
 * next call: the record stays to absorb it, and the thread gets a new id. */
static void call_abandon_locked(struct wait *call)
{
    call->message = NULL;
    vc_object_release_locked(call->sync);
    call->sync = NULL;
    t_thread_id = 0;
    if (++g_vc_gone_count <= GONE_COUNT_MAX) {
        return;
    }
    struct wait *oldest;
    TAILQ_FOREACH(oldest, &g_vc_waits, link)
    {
        if (oldest->stage == STAGE_GONE) {
            vc_finish_locked(oldest, rcTimeout);
            return;
        }
    }
}

static Retcode call_locked(struct wait *call, Handle handle, Handle syncHandle, rtl_uint32_t mdelay,
                           const struct timespec *deadline, bool *is_ours)
{
    Retcode rc = call_check_locked(call, handle, syncHandle, mdelay);
    if (rc != rcOk) {
        vc_message_drop_locked(call->message);
        return rc;
    }
    if (t_thread_id == 0) {
        t_thread_id = ++g_last_thread_id;
    }
    call->thread_id = t_thread_id;
    call->stage = STAGE_QUEUED;
    hold_locked(call);
    struct wait *receiver = first_locked(call->port, STAGE_RECEIVING);
    if (receiver != NULL) {
        meet_locked(call, receiver);
    }
    *is_ours = wait_over_locked(call, deadline);
    vc_message_drop_locked(call->message);
    if (!*is_ours) {
        call_abandon_locked(call);
        return rcTimeout;
    }
    vc_object_release_locked(call->sync);
    vc_object_release_locked(call->port);
    return call->rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct timespec deadline = deadline_after(mdelay);
    bool is_ours = true;
    struct message *message = calloc(1, sizeof *message);
    struct wait *call = calloc(1, sizeof *call);
    Retcode rc = rcOutOfMemory;
    if (call != NULL && message != NULL) {
        call->message = message;
        rc = vc_room_init(&call->room, msgIn);
        if (rc == rcOk) {
            rc = vc_message_init(message, msgOut);
        }
        if (rc == rcOk) {
            vc_lock();
            rc = call_locked(call, handle, syncHandle, mdelay,
                             mdelay == INFINITE_TIMEOUT ? NULL : &deadline, &is_ours);
            vc_unlock();
        }
    }
    if (is_ours) {
        free(call);
    }
    free(message);
    return rc;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static Retcode recv_locked(struct wait *wait, Handle syncHandle, rtl_uint32_t mdelay,
                           const struct timespec *deadline)
{
    Retcode rc = vc_object_find_locked(wait->handle, KIND_PORT, OCAP_IPC_RECV, &wait->port);
    if (rc == rcOk) {
        rc = sync_find_locked(syncHandle, &wait->sync);
    }
    if (rc != rcOk) {
        return rc;
    }
    struct wait *call = first_locked(wait->port, STAGE_QUEUED);
    if (call == NULL && wait->sync != NULL && wait->sync->set) {
        return rcIpcInterrupt;
    }
    if (call == NULL && mdelay == 0) {
        return rcTimeout;
    }
    wait->stage = STAGE_RECEIVING;
    hold_locked(wait);
    if (call != NULL) {
        meet_locked(call, wait);
    }
    wait_over_locked(wait, deadline);
    vc_object_release_locked(wait->sync);
    vc_object_release_locked(wait->port);
    return wait->rc;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct timespec deadline = deadline_after(mdelay);
    struct wait wait = {.handle = handle};
    Retcode rc = vc_room_init(&wait.room, msgIn);
    if (rc == rcOk) {
        vc_lock();
        rc = recv_locked(&wait, syncHandle, mdelay, mdelay == INFINITE_TIMEOUT ? NULL : &deadline);
        vc_unlock();
    }
    return rc;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* The call that a Reply is for: the one of that thread, or with 0 the one taken first. */
static struct wait *taken_locked(const struct object *port, Tid thread_id)
{
    struct wait *found = NULL;
    struct wait *wait;
    TAILQ_FOREACH(wait, &g_vc_waits, link)
    {
        if (wait->port == port && (wait->stage == STAGE_TAKEN || wait->stage == STAGE_GONE) &&
            (thread_id == 0 || wait->thread_id == thread_id) &&
            (found == NULL || wait->taken_order < found->taken_order)) {
            found = wait;
        }
    }
    return found;
}

static Retcode reply_locked(Handle handle, Tid thread_id, struct message *message)
{
    struct object *port;
    Retcode rc = vc_object_find_locked(handle, KIND_PORT, OCAP_IPC_RECV, &port);
    if (rc != rcOk) {
        return rc;
    }
    struct wait *call = taken_locked(port, thread_id);
    if (call == NULL) {
        return rcNotReady;
    }
    rc = vc_message_hold_locked(message, NULL);
    if (rc != rcOk) {
        return rc; /* refused: the request stays with the server */
    }
    if (call->stage == STAGE_GONE) {
        rc = rcNotConnected;
    } else {
        rc = vc_message_deliver_locked(message, &call->room);
    }
    vc_finish_locked(call, rc);
    vc_message_drop_locked(message);
    return rc;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct message message;
    Retcode rc = vc_message_init(&message, msgOut);
    if (rc == rcOk) {
        vc_lock();
        rc = reply_locked(handle, msgOut->threadId, &message);
        vc_unlock();
    }
    return rc;
}

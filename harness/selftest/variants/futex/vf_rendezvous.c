/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls. A call is in its port's `queue` until a receiver has its request, then in
 * `taken` until it is answered. A call or receiver whose stage is over stays listed until its own
 * thread takes it out; until then everybody passes over it.
 */
#include "vf_internal.h"
#include <stdlib.h>
#include <unistd.h>

#define GONE_COUNT_MAX 128u

static atomic_uint g_last_thread;
static atomic_uint g_last_call;
static _Thread_local rtl_uint32_t t_thread;

static rtl_uint32_t thread_self(void)
{
    if (t_thread == 0) {
        t_thread = atomic_fetch_add_explicit(&g_last_thread, 1, memory_order_relaxed) + 1;
    }
    return t_thread;
}

/* threadId is opaque. Ours names the thread for this one call, so that an answer to a request whose
 * caller has timed out cannot find that thread's next call. */
static Tid thread_id_next(void)
{
    Tid id;
    do {
        id = atomic_fetch_add_explicit(&g_last_call, 1, memory_order_relaxed) + 1;
    } while (id == 0);
    return id;
}

static unsigned stage_of(struct vf_wait *wait)
{
    return atomic_load_explicit(&wait->stage, memory_order_acquire);
}

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

/* False when the deadline has passed and the wait may still be undecided. */
static bool sleep_until_over(struct vf_wait *wait, const struct timespec *deadline)
{
    unsigned seen;
    while ((seen = stage_of(wait)) != VF_STAGE_OVER) {
        if (!vf_sleep(&wait->stage, seen, deadline)) {
            return false;
        }
    }
    return true;
}

/* Closing. */

static bool is_served_locked(const struct vf_channel *channel)
{
    return channel->has_server ? !channel->is_closed : !channel->port->is_closed;
}

static void gone_free_locked(struct vf_port *port, struct vf_call *call)
{
    TAILQ_REMOVE(&port->taken, call, link);
    port->gone_count--;
    free(call);
}

/* Is the call for this server end? Null is the listener, which takes everything. The channel of a
 * call that has gone is only compared: a server end takes its records with it when it closes. */
static bool is_of_locked(const struct vf_call *call, const struct vf_channel *channel)
{
    return channel == NULL || (call->has_server && call->channel == channel);
}

static void end_calls_locked(struct vf_port *port, struct vf_calls *calls,
                             const struct vf_channel *channel)
{
    struct vf_call *next;
    for (struct vf_call *call = TAILQ_FIRST(calls); call != NULL; call = next) {
        next = TAILQ_NEXT(call, link);
        if (!is_of_locked(call, channel) || (channel == NULL && call->has_server)) {
            continue;
        }
        if (call->is_gone) {
            gone_free_locked(port, call);
        } else if (stage_of(&call->wait) != VF_STAGE_OVER) {
            vf_end_locked(&call->wait, rcNotConnected);
        }
    }
}

/* `channel` null: the listener, with the channels that only it serves. */
static void end_all_locked(struct vf_port *port, const struct vf_channel *channel)
{
    end_calls_locked(port, &port->queue, channel);
    end_calls_locked(port, &port->taken, channel);
    struct vf_receiver *receiver;
    TAILQ_FOREACH(receiver, &port->receivers, link)
    {
        if (receiver->channel == channel && stage_of(&receiver->wait) == VF_STAGE_WAITING) {
            vf_end_locked(&receiver->wait, rcNotConnected);
        }
    }
}

void vf_listener_closed(struct vf_port *port)
{
    vf_lock(&port->lock);
    port->is_closed = true;
    end_all_locked(port, NULL);
    vf_unlock(&port->lock);
}

void vf_server_closed(struct vf_channel *channel)
{
    vf_lock(&channel->port->lock);
    channel->is_closed = true;
    end_all_locked(channel->port, channel);
    vf_unlock(&channel->port->lock);
}

void vf_port_finish(struct vf_port *port)
{
    while (!TAILQ_EMPTY(&port->taken)) {
        /* The analyser does not see that the freed record leaves the queue first. */
        gone_free_locked(port, TAILQ_FIRST(&port->taken)); // NOLINT(clang-analyzer-unix.Malloc)
    }
}

/* The rendezvous of a queued call and a receiver. Decides the receiver; the call is taken, or over
 * when the message cannot be handed over. */
static void meet_locked(struct vf_call *call, struct vf_receiver *receiver)
{
    Retcode rc = vf_message_deliver(&call->message, &receiver->room);
    if (rc == rcOk) {
        SMsgHdr *header = receiver->room.header;
        header->replyHandle = receiver->handle;
        header->sender = (TaskId)getpid();
        header->threadId = call->thread_id;
        call->taker = receiver->thread;
        TAILQ_REMOVE(&call->wait.port->queue, call, link);
        TAILQ_INSERT_TAIL(&call->wait.port->taken, call, link);
        atomic_store_explicit(&call->wait.stage, VF_STAGE_TAKEN, memory_order_release);
    } else {
        vf_end_locked(&call->wait, rc);
    }
    vf_end_locked(&receiver->wait, rc);
}

static Retcode sync_get(Handle handle, struct vf_sync **sync)
{
    struct vf_object *object;
    *sync = NULL;
    if (handle == INVALID_HANDLE) {
        return rcOk;
    }
    Retcode rc = vf_object_get(handle, VF_KIND_SYNC, OCAP_IPC_INTERRUPT, &object);
    if (rc == rcOk) {
        *sync = (struct vf_sync *)object;
    }
    return rc;
}

/* With a sync object: its set state comes first, whatever could be done at once. */
static Retcode sync_enter(struct vf_sync *sync, struct vf_wait *wait)
{
    if (sync == NULL) {
        return rcOk;
    }
    vf_lock(&sync->lock);
    Retcode rc = vf_sync_join_locked(sync, wait);
    if (rc != rcOk) {
        vf_unlock(&sync->lock);
    }
    return rc;
}

/* Call. */

static struct vf_receiver *receiver_for_locked(struct vf_port *port,
                                               const struct vf_channel *channel)
{
    struct vf_receiver *receiver;
    TAILQ_FOREACH(receiver, &port->receivers, link)
    {
        if (stage_of(&receiver->wait) == VF_STAGE_WAITING &&
            (receiver->channel == NULL || receiver->channel == channel)) {
            return receiver;
        }
    }
    return NULL;
}

static void call_begin_locked(struct vf_call *call, rtl_uint32_t mdelay)
{
    struct vf_port *port = call->wait.port;
    TAILQ_INSERT_TAIL(&port->queue, call, link);
    if (!is_served_locked(call->channel)) {
        vf_end_locked(&call->wait, rcNotConnected);
    } else if (mdelay == 0) {
        /* An answer in no time cannot be: the request does not leave. */
        vf_end_locked(&call->wait, rcTimeout);
    } else {
        struct vf_receiver *receiver = receiver_for_locked(port, call->channel);
        if (receiver != NULL) {
            meet_locked(call, receiver);
        }
    }
}

/* Leave the record to the port, which needs it to absorb the answer. */
static void call_abandon_locked(struct vf_call *call)
{
    struct vf_port *port = call->wait.port;
    call->is_gone = true;
    if (++port->gone_count <= GONE_COUNT_MAX) {
        return;
    }
    struct vf_call *oldest;
    TAILQ_FOREACH(oldest, &port->taken, link)
    {
        if (oldest->is_gone) {
            gone_free_locked(port, oldest);
            return;
        }
    }
}

/* The clock's turn to decide. False: a server has the request, and the record is the port's now. */
static bool call_time_out(struct vf_call *call, struct vf_sync *sync)
{
    struct vf_port *port = call->wait.port;
    bool is_ours = true;
    if (sync != NULL) {
        vf_lock(&sync->lock);
    }
    vf_lock(&port->lock);
    if (stage_of(&call->wait) == VF_STAGE_WAITING) {
        vf_end_locked(&call->wait, rcTimeout);
    } else if (stage_of(&call->wait) == VF_STAGE_TAKEN) {
        if (sync != NULL) {
            TAILQ_REMOVE(&sync->waits, &call->wait, sync_link);
        }
        vf_message_drop(&call->message); /* was delivered: holds no objects */
        call_abandon_locked(call);
        is_ours = false;
    }
    vf_unlock(&port->lock);
    if (sync != NULL) {
        vf_unlock(&sync->lock);
    }
    return is_ours;
}

static Retcode call_run(struct vf_call *call, struct vf_sync *sync, rtl_uint32_t mdelay,
                        bool *is_ours)
{
    struct timespec deadline = deadline_after(mdelay);
    struct vf_port *port = call->wait.port;
    Retcode rc = sync_enter(sync, &call->wait);
    if (rc != rcOk) {
        return rc;
    }
    vf_lock(&port->lock);
    call_begin_locked(call, mdelay);
    vf_unlock(&port->lock);
    if (sync != NULL) {
        vf_unlock(&sync->lock);
    }
    if (!sleep_until_over(&call->wait, mdelay == INFINITE_TIMEOUT ? NULL : &deadline) &&
        !call_time_out(call, sync)) {
        *is_ours = false;
        return rcTimeout;
    }
    if (sync != NULL) {
        vf_sync_leave(sync, &call->wait);
    }
    vf_lock(&port->lock);
    if (call->taker == 0) {
        TAILQ_REMOVE(&port->queue, call, link);
    } else {
        TAILQ_REMOVE(&port->taken, call, link);
    }
    vf_unlock(&port->lock);
    return call->wait.rc;
}

static Retcode call_on(struct vf_client *client, const SMsgHdr *msgOut, SMsgHdr *msgIn,
                       rtl_uint32_t mdelay, Handle syncHandle)
{
    struct vf_sync *sync;
    bool is_ours = true;
    Retcode rc = sync_get(syncHandle, &sync);
    if (rc != rcOk) {
        return rc;
    }
    struct vf_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        rc = rcOutOfMemory;
        goto out;
    }
    rc = vf_room_init(&call->room, msgIn);
    if (rc != rcOk) {
        goto out;
    }
    struct vf_channel *channel = client->channel;
    call->channel = channel;
    call->has_server = channel->has_server;
    call->wait.port = channel->port;
    call->thread_id = thread_id_next();
    rc = vf_message_hold(&call->message, msgOut,
                         channel->has_server ? &channel->object : &channel->port->object);
    if (rc != rcOk) {
        goto out;
    }
    rc = call_run(call, sync, mdelay, &is_ours);
    if (is_ours) {
        vf_message_drop(&call->message);
    }
out:
    if (is_ours) {
        free(call);
    }
    vf_object_put(sync != NULL ? &sync->object : NULL);
    return rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct vf_object *object;
    Retcode rc = vf_object_get(handle, VF_KIND_CLIENT, OCAP_IPC_CALL, &object);
    if (rc == rcOk) {
        rc = call_on((struct vf_client *)object, msgOut, msgIn, mdelay, syncHandle);
        vf_object_put(object);
    }
    return rc;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* Recv. */

/* The port behind a listener or server end, and in *channel which of its requests are meant. */
static struct vf_port *port_of(struct vf_object *object, struct vf_channel **channel)
{
    *channel = object->kind == VF_KIND_SERVER ? (struct vf_channel *)object : NULL;
    return *channel != NULL ? (*channel)->port : (struct vf_port *)object;
}

static void recv_begin_locked(struct vf_receiver *receiver, rtl_uint32_t mdelay)
{
    struct vf_port *port = receiver->wait.port;
    TAILQ_INSERT_TAIL(&port->receivers, receiver, link);
    if (receiver->channel != NULL ? receiver->channel->is_closed : port->is_closed) {
        vf_end_locked(&receiver->wait, rcNotConnected);
        return;
    }
    struct vf_call *call;
    TAILQ_FOREACH(call, &port->queue, link)
    {
        if (stage_of(&call->wait) == VF_STAGE_WAITING && is_of_locked(call, receiver->channel)) {
            meet_locked(call, receiver);
            return;
        }
    }
    if (mdelay == 0) {
        vf_end_locked(&receiver->wait, rcTimeout);
    }
}

static Retcode recv_on(struct vf_receiver *receiver, struct vf_sync *sync, rtl_uint32_t mdelay)
{
    struct timespec deadline = deadline_after(mdelay);
    struct vf_port *port = receiver->wait.port;
    Retcode rc = sync_enter(sync, &receiver->wait);
    if (rc != rcOk) {
        return rc;
    }
    vf_lock(&port->lock);
    recv_begin_locked(receiver, mdelay);
    vf_unlock(&port->lock);
    if (sync != NULL) {
        vf_unlock(&sync->lock);
    }
    sleep_until_over(&receiver->wait, mdelay == INFINITE_TIMEOUT ? NULL : &deadline);
    if (sync != NULL) {
        vf_sync_leave(sync, &receiver->wait);
    }
    vf_lock(&port->lock);
    if (stage_of(&receiver->wait) == VF_STAGE_WAITING) {
        vf_end_locked(&receiver->wait, rcTimeout);
    }
    TAILQ_REMOVE(&port->receivers, receiver, link);
    vf_unlock(&port->lock);
    return receiver->wait.rc;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct vf_receiver receiver = {.handle = handle, .thread = thread_self()};
    struct vf_object *object;
    struct vf_channel *channel;
    struct vf_sync *sync;
    Retcode rc = vf_object_get(handle, VF_KIND_LISTENER | VF_KIND_SERVER, OCAP_IPC_RECV, &object);
    if (rc != rcOk) {
        return rc;
    }
    receiver.wait.port = port_of(object, &channel);
    receiver.channel = channel;
    rc = vf_room_init(&receiver.room, msgIn);
    if (rc == rcOk) {
        rc = sync_get(syncHandle, &sync);
        if (rc == rcOk) {
            rc = recv_on(&receiver, sync, mdelay);
            vf_object_put(sync != NULL ? &sync->object : NULL);
        }
    }
    vf_object_put(object);
    return rc;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* Reply. */

/* The taken call of that id. With 0: the first that this thread took, else the first of all. */
static struct vf_call *taken_locked(struct vf_port *port, const struct vf_channel *channel,
                                    Tid thread_id)
{
    struct vf_call *first = NULL;
    struct vf_call *call;
    TAILQ_FOREACH(call, &port->taken, link)
    {
        bool is_open = call->is_gone || stage_of(&call->wait) == VF_STAGE_TAKEN;
        if (!is_open || !is_of_locked(call, channel)) {
            continue;
        }
        if (thread_id != 0 ? call->thread_id == thread_id : call->taker == thread_self()) {
            return call;
        }
        if (thread_id == 0 && first == NULL) {
            first = call;
        }
    }
    return first;
}

/* `refused` is what is wrong with the handles in the response, or rcOk. A response that is refused
 * is spent: its caller gets the code as well. */
static Retcode reply_locked(struct vf_port *port, const struct vf_channel *channel, Tid thread_id,
                            struct vf_message *message, Retcode refused)
{
    struct vf_call *call = taken_locked(port, channel, thread_id);
    if (call == NULL) {
        return rcNotReady;
    }
    if (call->is_gone) {
        gone_free_locked(port, call);
        return rcNotConnected;
    }
    Retcode rc = refused;
    if (rc == rcOk) {
        rc = vf_message_deliver(message, &call->room);
    }
    vf_end_locked(&call->wait, rc);
    return rc;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct vf_message message = {.caps = NULL};
    struct vf_object *object;
    struct vf_channel *channel;
    Retcode rc = vf_object_get(handle, VF_KIND_LISTENER | VF_KIND_SERVER, OCAP_IPC_RECV, &object);
    if (rc != rcOk) {
        return rc;
    }
    struct vf_port *port = port_of(object, &channel);
    Retcode refused = vf_message_hold(&message, msgOut, NULL);
    if (refused == rcOk || refused == rcSecurityDisallow) {
        vf_lock(&port->lock);
        rc = reply_locked(port, channel, msgOut->threadId, &message, refused);
        vf_unlock(&port->lock);
        vf_message_drop(&message);
    } else {
        rc = refused;
    }
    vf_object_put(object);
    return rc;
}

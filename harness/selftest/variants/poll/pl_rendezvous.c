/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls: threads that look, decide about themselves, and poll. */
#include "pl_internal.h"
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NEVER UINT64_MAX

static Tid g_last_number;

static rtl_uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (rtl_uint64_t)now.tv_sec * 1000000000u + (rtl_uint64_t)now.tv_nsec;
}

static rtl_uint64_t deadline_after(rtl_uint32_t mdelay)
{
    return mdelay == INFINITE_TIMEOUT ? NEVER : now_ns() + (rtl_uint64_t)mdelay * 1000000u;
}

/* Whole milliseconds until then, rounded up, as poll takes them; more than it takes is cut, and the
 * caller polls again. */
static int poll_limit(rtl_uint64_t deadline)
{
    if (deadline == NEVER) {
        return -1;
    }
    rtl_uint64_t now = now_ns();
    rtl_uint64_t left = now < deadline ? (deadline - now + 999999u) / 1000000u : 0;
    return left < INT_MAX ? (int)left : INT_MAX;
}

/* Sleep until one of the levels is up or the time has come. Early returns do no harm: whoever calls
 * this looks at the state again. */
static void sleep_unlocked(const struct level *first, const struct sync *sync,
                           rtl_uint64_t deadline)
{
    struct pollfd fds[2] = {{.fd = first->fd, .events = POLLIN},
                            {.fd = sync != NULL ? sync->set.fd : -1, .events = POLLIN}};
    (void)poll(fds, 2, poll_limit(deadline));
}

static Retcode port_find_locked(Handle handle, struct port **port)
{
    struct object *object = NULL;
    Retcode rc = pl_object_find_locked(handle, KIND_PORT, OCAP_IPC_RECV, &object);
    *port = (struct port *)(void *)object;
    return rc;
}

static Retcode sync_find_locked(Handle handle, struct sync **sync)
{
    struct object *object = NULL;
    Retcode rc = rcOk;
    if (handle != INVALID_HANDLE) {
        rc = pl_object_find_locked(handle, KIND_SYNC, OCAP_IPC_INTERRUPT, &object);
    }
    *sync = (struct sync *)(void *)object;
    return rc;
}

static void queue_level_locked(struct port *port)
{
    pl_level_set_locked(&port->news, port->closed || !TAILQ_EMPTY(&port->queued));
}

/* CallEx. */

struct calling {
    struct call *call;
    struct port *port;
    struct sync *sync; /* kept until the end, also when the call is taken */
    rtl_uint64_t deadline;
};

/* Before the request is in the queue: who calls whom, and would it have to wait in vain? */
static Retcode call_enter_locked(struct calling *self, Handle handle, Handle sync_handle,
                                 rtl_uint32_t mdelay)
{
    struct object *object;
    Retcode rc = pl_object_find_locked(handle, KIND_CLIENT, OCAP_IPC_CALL, &object);
    if (rc != rcOk) {
        return rc;
    }
    struct port *port = ((struct client *)(void *)object)->port;
    struct sync *sync;
    rc = sync_find_locked(sync_handle, &sync);
    if (rc == rcOk) {
        rc = pl_parcel_hold_locked(self->call->request, port);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (port->closed) {
        return rcNotConnected;
    }
    if (sync != NULL && sync->set.up) {
        return rcIpcInterrupt;
    }
    if (mdelay == 0) {
        return rcTimeout; /* a server takes a request when its thread runs, which is later */
    }
    self->port = port;
    port->base.ref_count++;
    self->sync = self->call->sync = sync;
    if (sync != NULL) {
        sync->base.ref_count++;
        sync->wait_count++;
    }
    self->call->number = ++g_last_number != 0 ? g_last_number : ++g_last_number;
    TAILQ_INSERT_TAIL(&port->queued, self->call, link);
    queue_level_locked(port);
    return rcOk;
}

/* The caller decides about its own call. True: nothing is left to wait for, or to decide. */
static bool call_look_locked(struct calling *self)
{
    struct call *call = self->call;
    bool is_late = self->deadline != NEVER && now_ns() >= self->deadline;
    pl_level_set_locked(&call->news, false);
    if (call->stage == STAGE_QUEUED) {
        bool is_set = call->sync != NULL && call->sync->set.up;
        if (is_set || is_late) {
            pl_call_finish_locked(self->port, call, is_set ? rcIpcInterrupt : rcTimeout);
            queue_level_locked(self->port);
        }
    } else if (call->stage == STAGE_TAKEN && is_late) {
        call->stage = STAGE_GONE;
    }
    return call->stage == STAGE_OVER || call->stage == STAGE_GONE;
}

/* Gives the parcel to unpack when the result is rcOk. */
static Retcode call_leave_locked(struct calling *self, struct parcel **response)
{
    struct call *call = self->call;
    pl_parcel_free_locked(call->request);
    call->request = NULL;
    pl_level_close(&call->news);
    pl_object_release_locked(&self->port->base);
    if (self->sync != NULL) {
        pl_object_release_locked(&self->sync->base);
    }
    if (call->stage == STAGE_GONE) {
        return rcTimeout; /* the port keeps the record, for the Reply that comes too late */
    }
    Retcode rc = call->rc;
    *response = call->response;
    if (rc == rcOk) {
        rc = pl_parcel_admit_locked(*response);
        if (rc != rcOk) {
            pl_parcel_free_locked(*response);
        }
    }
    free(call);
    return rc;
}

static Retcode call_run(struct calling *self, Handle handle, Handle sync_handle,
                        rtl_uint32_t mdelay, SMsgHdr *msgIn)
{
    struct parcel *response = NULL;
    pl_lock();
    Retcode rc = call_enter_locked(self, handle, sync_handle, mdelay);
    if (rc != rcOk) {
        pl_parcel_free_locked(self->call->request);
        pl_unlock();
        pl_level_close(&self->call->news);
        free(self->call);
        return rc;
    }
    while (!call_look_locked(self)) {
        const struct sync *sync = self->call->sync;
        pl_unlock();
        sleep_unlocked(&self->call->news, sync, self->deadline);
        pl_lock();
    }
    rc = call_leave_locked(self, &response);
    pl_unlock();
    if (rc == rcOk) {
        pl_parcel_unpack(response, msgIn);
    }
    return rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct calling self = {.deadline = deadline_after(mdelay)};
    struct parcel *request;
    if (!pl_header_is_sound(msgIn)) {
        return rcSourceFault;
    }
    Retcode rc = pl_parcel_create(msgOut, &request);
    if (rc != rcOk) {
        return rc;
    }
    self.call = calloc(1, sizeof *self.call);
    if (self.call == NULL || !pl_level_open(&self.call->news)) {
        free(self.call);
        free(request);
        return rcOutOfMemory;
    }
    self.call->request = request;
    self.call->fixed_room = msgIn->indirDescs[0].size;
    self.call->arena_room = msgIn->indirDescs[1].size;
    return call_run(&self, handle, syncHandle, mdelay, msgIn);
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* RecvEx. */

/* Take the first request. The caller is told, so that it no longer looks at its sync object. */
static Retcode take_locked(struct port *port, SMsgHdr *header, struct parcel **request)
{
    struct call *call = TAILQ_FIRST(&port->queued);
    struct parcel *parcel = call->request;
    Retcode rc = parcel->fixed_size > header->indirDescs[0].size ||
                         parcel->arena_size > header->indirDescs[1].size
                     ? rcBufferTooSmall
                     : pl_parcel_admit_locked(parcel);
    if (rc != rcOk) {
        pl_call_finish_locked(port, call, rc);
    } else {
        TAILQ_REMOVE(&port->queued, call, link);
        TAILQ_INSERT_TAIL(&port->taken, call, link);
        call->stage = STAGE_TAKEN;
        if (call->sync != NULL) {
            call->sync->wait_count--;
            call->sync = NULL;
        }
        pl_level_set_locked(&call->news, true);
        header->sender = (TaskId)getpid();
        header->threadId = call->number;
        *request = parcel;
        call->request = NULL;
    }
    queue_level_locked(port);
    return rc;
}

static Retcode recv_locked(Handle handle, SMsgHdr *header, Handle sync_handle,
                           rtl_uint64_t deadline, struct parcel **request)
{
    struct port *port;
    struct sync *sync;
    Retcode rc = port_find_locked(handle, &port);
    if (rc != rcOk) {
        return rc;
    }
    /* A sync handle that is none matters only when it would be needed. */
    Retcode sync_rc = sync_find_locked(sync_handle, &sync);
    port->base.ref_count++;
    if (sync != NULL) {
        sync->base.ref_count++;
    }
    for (;;) {
        if (port->closed) {
            rc = rcNotConnected;
            break;
        }
        if (!TAILQ_EMPTY(&port->queued)) {
            rc = take_locked(port, header, request);
            break;
        }
        bool is_late = deadline != NEVER && now_ns() >= deadline;
        rc = sync_rc != rcOk                ? sync_rc
             : sync != NULL && sync->set.up ? rcIpcInterrupt
             : is_late                      ? rcTimeout
                                            : rcOk;
        if (rc != rcOk) {
            break;
        }
        if (sync != NULL) {
            sync->wait_count++;
        }
        pl_unlock();
        sleep_unlocked(&port->news, sync, deadline);
        pl_lock();
        if (sync != NULL) {
            sync->wait_count--;
        }
    }
    if (sync != NULL) {
        pl_object_release_locked(&sync->base);
    }
    pl_object_release_locked(&port->base);
    return rc;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    rtl_uint64_t deadline = deadline_after(mdelay);
    struct parcel *request = NULL;
    if (!pl_header_is_sound(msgIn)) {
        return rcSourceFault;
    }
    pl_lock();
    Retcode rc = recv_locked(handle, msgIn, syncHandle, deadline, &request);
    pl_unlock();
    if (rc == rcOk) {
        msgIn->replyHandle = handle;
        pl_parcel_unpack(request, msgIn);
    }
    return rc;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* Reply. */

static struct call *taken_locked(const struct port *port, Tid number)
{
    struct call *call;
    TAILQ_FOREACH(call, &port->taken, link)
    {
        if (number == 0 || call->number == number) {
            return call;
        }
    }
    return NULL;
}

/* On rcOk the parcel belongs to the caller that waits for it. */
static Retcode reply_locked(Handle handle, Tid number, struct parcel *response)
{
    struct port *port;
    Retcode rc = port_find_locked(handle, &port);
    if (rc != rcOk) {
        return rc;
    }
    struct call *call = taken_locked(port, number);
    if (call == NULL) {
        return rcInvalidThreadState;
    }
    rc = pl_parcel_hold_locked(response, NULL);
    if (rc != rcOk) {
        return rc; /* the request stays with the server */
    }
    if (call->stage == STAGE_GONE) {
        rc = rcTimeout;
    } else if (response->fixed_size > call->fixed_room || response->arena_size > call->arena_room) {
        rc = rcBufferTooSmall;
    } else {
        call->response = response;
    }
    pl_call_finish_locked(port, call, rc);
    return rc;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct parcel *response;
    Retcode rc = pl_parcel_create(msgOut, &response);
    if (rc != rcOk) {
        return rc;
    }
    pl_lock();
    rc = reply_locked(handle, msgOut->threadId, response);
    if (rc != rcOk) {
        pl_parcel_free_locked(response);
    }
    pl_unlock();
    return rc;
}

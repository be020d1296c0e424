/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call, Recv, Reply. "W" is the blocked thread's waiter. Everything but (2) happens under the
 * domain lock, and whoever sets an outcome releases W after leaving it (waiter.h, claim rule).
 *
 * One Call or CallEx:
 *  (0) check the message, the handles, the security hook; nothing has happened when one fails
 *  (1) a receiver waits: its thread's W gets the request and is done    stage TAKEN
 *      else, unless the sync object is set or mdelay is 0, queue it     stage QUEUED
 *  (2) sleep until released or until the deadline
 *      (2a) meanwhile a Recv may take the request                       stage TAKEN
 *  (3) exactly one of these sets the outcome:
 *      (3a) Reply, from TAKEN            (3b) an end goes, or the process of the taker
 *      (3c) sync object set, from QUEUED (3d) the deadline passes: W itself, or the virtual clock
 *      (3e) W's own process ends         (3f) from QUEUED: the request could not be delivered
 *  (4) read the outcome
 * (2a) is the point of no return for (3c): a request that a server holds cannot be interrupted.
 *
 * One Recv or RecvEx:
 *  (0) check the room and the handles
 *  (1) a request is queued: take it and return
 *      else, unless the sync object is set or mdelay is 0, wait         stage RECV_WAITING
 *  (2) sleep until released or until the deadline
 *  (3) exactly one of these sets the outcome:
 *      (3a) a Call hands its request over (3b) the handle is closed, or the last client end goes
 *      (3c), (3d), (3e) as above          (3f) the request does not fit
 *  (4) read the outcome
 */
#include "rendezvous.h"

#include "channel.h"
#include "clock.h"
#include "sync_object.h"
#include "thread.h"

#include <coresrv/time/time_api.h>
#include <services/ocap.h>

static ref_control_deny_fn g_deny REF_GUARDED_BY(g_ref_domain);
static void *g_deny_context REF_GUARDED_BY(g_ref_domain);
static uint64_t g_last_ticket REF_GUARDED_BY(g_ref_domain);

/* How an Ex call may wait, and where what it waits for goes. */
struct wait_options {
    SMsgHdr *msg_in;
    rtl_uint32_t mdelay;
    Handle sync_handle;
};

/* Who receives a request, and with which handle. */
struct receiver {
    struct ref_thread *thread;
    struct ref_end *end;
    Handle handle;
    SMsgHdr *room;
};

void ref_set_security_hook_locked(ref_control_deny_fn deny, void *context)
{
    g_deny = deny;
    g_deny_context = context;
}

static bool is_denied_locked(const struct ref_message *message, TaskId sender, TaskId receiver,
                             bool is_response) REF_REQUIRES(g_ref_domain)
{
    return g_deny != NULL && g_deny(g_deny_context, sender, receiver, is_response, message->fixed,
                                    message->fixed_size_bytes) != 0;
}

/* --- Waiting --- */

void ref_wait_end_locked(struct ref_waiter *waiter, enum ref_outcome outcome,
                         struct ref_wakes *wakes)
{
    if (waiter->stage == REF_STAGE_RECV_WAITING) {
        ref_list_remove(&waiter->end_node);
        ref_waiter_finish_locked(waiter, outcome, wakes);
    } else {
        ref_request_abandon_locked(waiter->request, outcome, wakes);
    }
}

/* Steps (2) to (4). The thread's wait has begun and the lock was left since. */
static enum ref_outcome wait_for_outcome(struct ref_waiter *waiter) REF_EXCLUDES(g_ref_domain)
{
    enum ref_outcome outcome;

    if (ref_waiter_sleep(waiter, waiter->kernel_deadline_ns)) {
        return ref_waiter_released_outcome(waiter);
    }
    ref_domain_enter();
    if (waiter->outcome == REF_PENDING && ref_decide_timeout_ends(waiter->stage)) {
        ref_wait_end_locked(waiter, REF_TIMED_OUT, NULL); /* (3d) */
        outcome = waiter->outcome;
        ref_domain_leave();
        return outcome;
    }
    ref_domain_leave();
    /* Somebody has claimed this wait and will release it in a moment. */
    (void)ref_waiter_sleep(waiter, REF_FOREVER);
    return ref_waiter_released_outcome(waiter);
}

static uint64_t deadline_ns_locked(rtl_uint32_t mdelay) REF_REQUIRES(g_ref_domain)
{
    /* Without a limit the clock need not be read. */
    return ref_decide_deadline_ns(mdelay == INFINITE_TIMEOUT ? 0 : ref_clock_now_ns_locked(),
                                  mdelay);
}

/* The sync object of an Ex call; *sync is null for INVALID_HANDLE. */
static enum ref_outcome resolve_optional_sync_locked(const struct ref_process *process,
                                                     Handle handle, struct ref_sync **sync)
    REF_REQUIRES(g_ref_domain)
{
    *sync = NULL;
    return handle == INVALID_HANDLE ? REF_OK : ref_sync_resolve_locked(process, handle, sync);
}

/* --- Taking a request --- */

/* Give the request to the receiver: REF_OK makes it taken. Anything else is why it could not be
 * delivered, and the request is left as it is. */
static enum ref_outcome hand_over_locked(struct ref_request *request,
                                         const struct receiver *receiver) REF_REQUIRES(g_ref_domain)
{
    SMsgHdr *room = receiver->room;
    enum ref_outcome outcome = ref_message_deliver_locked(&request->message, request->sender,
                                                          receiver->thread->process, room);
    if (outcome == REF_OK) {
        room->replyHandle = receiver->handle;
        room->sender = request->sender_id;
        room->threadId = request->caller_tid;
        ref_request_take_locked(request, receiver->end, receiver->thread->process->id,
                                receiver->thread->tid);
    }
    return outcome;
}

/* Step (1) of a call: offer the request to the thread that waits for one. REF_OK: it is taken.
 * Anything else is the end of the call. */
static enum ref_outcome offer_locked(struct ref_request *request, struct ref_waiter *waiter,
                                     struct ref_end *end, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    struct receiver receiver = {ref_thread_of_waiter(waiter), end, waiter->receive_handle,
                                waiter->msg_in};
    enum ref_outcome outcome = hand_over_locked(request, &receiver);

    if (ref_decide_take_ends_recv(outcome)) {
        ref_wait_end_locked(waiter, outcome, wakes); /* (3a) or (3f) of the receiver */
    }
    return outcome;
}

/* Step (1) of a receive. REF_PENDING: no request is queued. Anything else ends the receive. */
static enum ref_outcome take_queued_locked(const struct receiver *receiver, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_request *request;

    while ((request = ref_end_oldest_request_locked(receiver->end)) != NULL) {
        enum ref_outcome outcome = hand_over_locked(request, receiver);
        if (outcome != REF_OK) {
            ref_request_end_locked(request, outcome, wakes); /* (3f) of the caller */
        }
        if (ref_decide_take_ends_recv(outcome)) {
            return outcome;
        }
    }
    return REF_PENDING;
}

/* --- Call --- */

/* Step (0), the part under the lock. *channel and *sync are set on REF_OK. */
static enum ref_outcome check_call_locked(const struct ref_process *process, Handle handle,
                                          const struct ref_message *message, Handle sync_handle,
                                          struct ref_channel **channel, struct ref_sync **sync)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_handle_entry *entry;
    enum ref_outcome outcome = ref_handle_resolve_locked(&process->handles, handle, REF_KIND_CLIENT,
                                                         OCAP_IPC_CALL, &entry);
    if (outcome != REF_OK) {
        return outcome;
    }
    *channel = ref_channel_of_client(entry->object);
    outcome = resolve_optional_sync_locked(process, sync_handle, sync);
    if (outcome != REF_OK) {
        return outcome;
    }
    if (!(*channel)->has_server) {
        return REF_NOT_CONNECTED;
    }
    outcome = ref_message_check_handles_locked(message, process);
    if (outcome != REF_OK) {
        return outcome;
    }
    return is_denied_locked(message, process->id, (*channel)->server_process, false)
               ? REF_DISALLOWED
               : REF_OK;
}

static void fill_request_locked(struct ref_thread *thread, struct ref_channel *channel,
                                const struct ref_message *message) REF_REQUIRES(g_ref_domain)
{
    struct ref_request *request = thread->waiter.request;
    request->caller = &thread->waiter;
    request->channel = channel;
    request->message = *message;
    request->sender = thread->process;
    request->sender_id = thread->process->id;
    request->caller_tid = thread->tid;
}

/* Steps (0) and (1). REF_PENDING: the wait has begun. */
static enum ref_outcome start_call_locked(struct ref_thread *thread, Handle handle,
                                          const struct ref_message *message,
                                          const struct wait_options *options,
                                          struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain)
{
    struct ref_waiter *waiter = &thread->waiter;
    struct ref_channel *channel;
    struct ref_sync *sync;
    struct ref_waiter *peer;
    struct ref_end *end;
    enum ref_outcome outcome =
        check_call_locked(thread->process, handle, message, options->sync_handle, &channel, &sync);

    if (outcome == REF_OK) {
        outcome = ref_thread_provide_request_locked(thread);
    }
    if (outcome != REF_OK) {
        return outcome;
    }
    peer = ref_channel_receiver_locked(channel, &end);
    if (ref_sync_refuses_entry_locked(sync, peer != NULL)) {
        return REF_INTERRUPTED;
    }
    if (peer == NULL && ref_decide_is_poll(options->mdelay)) {
        return REF_TIMED_OUT;
    }
    fill_request_locked(thread, channel, message);
    waiter->msg_in = options->msg_in;
    ref_waiter_begin_locked(waiter, REF_STAGE_CALL_QUEUED, deadline_ns_locked(options->mdelay));
    if (peer == NULL) {
        ref_request_queue_locked(waiter->request);
    } else {
        outcome = offer_locked(waiter->request, peer, end, wakes);
        if (outcome != REF_OK) {
            ref_waiter_finish_locked(waiter, outcome, NULL);
            return outcome;
        }
    }
    /* Also when the request is taken already: whether Set may end the wait is asked in Set. */
    ref_sync_attach_locked(sync, waiter);
    return REF_PENDING;
}

enum ref_outcome ref_call(Handle handle, const SMsgHdr *msg_out, SMsgHdr *msg_in,
                          rtl_uint32_t mdelay, Handle sync_handle)
{
    const struct wait_options options = {msg_in, mdelay, sync_handle};
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_message message;
    struct ref_thread *thread;
    enum ref_outcome outcome = ref_message_read(msg_out, &message);

    if (outcome == REF_OK) {
        outcome = ref_message_check_room(msg_in);
    }
    if (outcome != REF_OK) {
        return outcome;
    }
    thread = ref_thread_self();
    if (thread == NULL) {
        return REF_NO_MEMORY;
    }
    ref_domain_enter();
    outcome = thread->process->has_ended
                  ? REF_ABORTED
                  : start_call_locked(thread, handle, &message, &options, &wakes);
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return outcome == REF_PENDING ? wait_for_outcome(&thread->waiter) : outcome;
}

/* --- Recv --- */

/* Steps (0) and (1). REF_PENDING: the wait has begun. */
static enum ref_outcome start_receive_locked(struct ref_thread *thread, Handle handle,
                                             const struct wait_options *options,
                                             struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain)
{
    struct ref_waiter *waiter = &thread->waiter;
    struct receiver receiver = {thread, NULL, handle, options->msg_in};
    struct ref_handle_entry *entry;
    struct ref_sync *sync;
    enum ref_outcome outcome =
        ref_handle_resolve_locked(&thread->process->handles, handle,
                                  REF_KIND_SERVER | REF_KIND_LISTENER, OCAP_IPC_RECV, &entry);

    if (outcome == REF_OK) {
        outcome = resolve_optional_sync_locked(thread->process, options->sync_handle, &sync);
    }
    if (outcome != REF_OK) {
        return outcome;
    }
    receiver.end = (struct ref_end *)(void *)entry->object;
    if (!ref_end_has_client_locked(receiver.end)) {
        return REF_NOT_CONNECTED;
    }
    if (ref_sync_refuses_entry_locked(sync, ref_end_oldest_request_locked(receiver.end) != NULL)) {
        return REF_INTERRUPTED;
    }
    outcome = take_queued_locked(&receiver, wakes);
    if (outcome != REF_PENDING) {
        return outcome;
    }
    /* Again, since what was queued may have proved to be undeliverable. */
    if (ref_sync_refuses_entry_locked(sync, false)) {
        return REF_INTERRUPTED;
    }
    if (ref_decide_is_poll(options->mdelay)) {
        return REF_TIMED_OUT;
    }
    waiter->msg_in = options->msg_in;
    waiter->receive_handle = handle;
    waiter->entry = entry;
    ref_waiter_begin_locked(waiter, REF_STAGE_RECV_WAITING, deadline_ns_locked(options->mdelay));
    waiter->ticket = ++g_last_ticket;
    ref_list_append(&receiver.end->receivers, &waiter->end_node);
    ref_sync_attach_locked(sync, waiter);
    return REF_PENDING;
}

enum ref_outcome ref_receive(Handle handle, SMsgHdr *msg_in, rtl_uint32_t mdelay,
                             Handle sync_handle)
{
    const struct wait_options options = {msg_in, mdelay, sync_handle};
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_thread *thread;
    enum ref_outcome outcome = ref_message_check_room(msg_in);

    if (outcome != REF_OK) {
        return outcome;
    }
    thread = ref_thread_self();
    if (thread == NULL) {
        return REF_NO_MEMORY;
    }
    ref_domain_enter();
    outcome = thread->process->has_ended ? REF_ABORTED
                                         : start_receive_locked(thread, handle, &options, &wakes);
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return outcome == REF_PENDING ? wait_for_outcome(&thread->waiter) : outcome;
}

/* --- Reply --- */

/* Give the response to the caller of a taken request. */
static enum ref_outcome answer_locked(struct ref_request *request,
                                      const struct ref_message *message,
                                      struct ref_process *process, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    enum ref_outcome outcome;

    if (request->caller == NULL) {
        ref_request_end_locked(request, REF_CALLER_GONE, wakes);
        return REF_CALLER_GONE;
    }
    outcome = ref_message_check_handles_locked(message, process);
    if (outcome == REF_OK && is_denied_locked(message, process->id, request->sender_id, true)) {
        outcome = REF_DISALLOWED;
    }
    if (outcome == REF_OK) {
        outcome =
            ref_message_deliver_locked(message, process, request->sender, request->caller->msg_in);
    }
    if (ref_decide_reply_ends_call(outcome)) {
        ref_request_end_locked(request, outcome, wakes); /* (3a) */
    }
    return outcome;
}

static enum ref_outcome reply_locked(Handle handle, const struct ref_message *message, Tid wanted,
                                     struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain)
{
    const struct ref_thread *self = ref_thread_self_if_known();
    struct ref_process *process = ref_thread_process_locked();
    struct ref_request *request;
    struct ref_handle_entry *entry;
    enum ref_outcome outcome;

    if (process == NULL) {
        return REF_ABORTED;
    }
    outcome = ref_handle_resolve_locked(&process->handles, handle,
                                        REF_KIND_SERVER | REF_KIND_LISTENER, OCAP_IPC_RECV, &entry);
    if (outcome != REF_OK) {
        return outcome;
    }
    request = ref_end_reply_target_locked((const struct ref_end *)(const void *)entry->object,
                                          wanted, self == NULL ? 0 : self->tid);
    return request == NULL ? REF_NONE_TAKEN : answer_locked(request, message, process, wakes);
}

enum ref_outcome ref_reply(Handle handle, const SMsgHdr *msg_out)
{
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_message message;
    enum ref_outcome outcome = ref_message_read(msg_out, &message);

    if (outcome == REF_OK) {
        ref_domain_enter();
        outcome = reply_locked(handle, &message, msg_out->threadId, &wakes);
        ref_domain_leave();
        ref_wakes_release(&wakes);
    }
    return outcome;
}

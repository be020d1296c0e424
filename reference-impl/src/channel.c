/* SPDX-License-Identifier: Apache-2.0 */
/* See channel.h. Step numbers are those of rendezvous.c. */
#include "channel.h"

#include "alloc.h"

static uint32_t g_orphan_count REF_GUARDED_BY(g_ref_domain);

/* --- Queues --- */

bool ref_end_has_client_locked(const struct ref_end *end)
{
    if (end->object.kind == REF_KIND_LISTENER) {
        return ((const struct ref_listener *)(const void *)end)->client_count > 0;
    }
    return ((const struct ref_channel *)(const void *)end)->has_client;
}

static struct ref_waiter *first_receiver_locked(const struct ref_end *end)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_node *node = ref_list_first(&end->receivers);
    return node == NULL ? NULL : REF_CONTAINER(node, struct ref_waiter, end_node);
}

struct ref_waiter *ref_channel_receiver_locked(struct ref_channel *channel, struct ref_end **end)
{
    struct ref_waiter *own = first_receiver_locked(&channel->server);
    struct ref_waiter *shared = NULL;

    if (channel->listener != NULL) {
        shared = first_receiver_locked(&channel->listener->end);
    }
    if (shared != NULL && (own == NULL || shared->ticket < own->ticket)) {
        *end = &channel->listener->end;
        return shared;
    }
    *end = &channel->server;
    return own;
}

struct ref_request *ref_end_oldest_request_locked(const struct ref_end *end)
{
    struct ref_node *node = ref_list_first(&end->queue);
    if (node == NULL) {
        return NULL;
    }
    return end->object.kind == REF_KIND_LISTENER
               ? REF_CONTAINER(node, struct ref_request, end_node)
               : REF_CONTAINER(node, struct ref_request, channel_node);
}

/* With a thread named, a request that the replying thread itself took comes first: two requests of
 * one caller can be in service when it gave the first one up, and each server thread means its own.
 */
struct ref_request *ref_end_reply_target_locked(const struct ref_end *end, Tid wanted, Tid replier)
{
    struct ref_request *oldest = NULL;
    struct ref_node *node;

    for (node = ref_list_first(&end->taken); node != NULL;
         node = ref_list_next(&end->taken, node)) {
        struct ref_request *request = REF_CONTAINER(node, struct ref_request, end_node);
        if (!ref_decide_reply_matches(wanted, request->caller_tid)) {
            continue;
        }
        if (wanted == 0 || request->taker_tid == replier) {
            return request;
        }
        if (oldest == NULL) {
            oldest = request;
        }
    }
    return oldest;
}

void ref_request_queue_locked(struct ref_request *request)
{
    struct ref_channel *channel = request->channel;
    request->holder = NULL;
    ref_list_append(&channel->server.queue, &request->channel_node);
    if (channel->listener != NULL) {
        ref_list_append(&channel->listener->end.queue, &request->end_node);
    }
}

static void unlink_request_locked(struct ref_request *request) REF_REQUIRES(g_ref_domain)
{
    ref_list_remove(&request->channel_node);
    ref_list_remove(&request->end_node);
}

void ref_request_take_locked(struct ref_request *request, struct ref_end *holder, TaskId process,
                             Tid tid)
{
    unlink_request_locked(request);
    request->holder = holder;
    request->taker_process = process;
    request->taker_tid = tid;
    ref_list_append(&request->channel->in_service, &request->channel_node);
    ref_list_append(&holder->taken, &request->end_node);
    if (request->caller !=
        NULL) { /* LCOV_EXCL_BR_LINE: a queued request has a caller by decision */
        request->caller->stage = REF_STAGE_CALL_TAKEN; /* (2a) */
    }
}

static void free_orphan_locked(struct ref_request *request) REF_REQUIRES(g_ref_domain)
{
    g_orphan_count--;
    ref_free(request, sizeof *request);
}

void ref_request_end_locked(struct ref_request *request, enum ref_outcome outcome,
                            struct ref_wakes *wakes)
{
    unlink_request_locked(request);
    request->holder = NULL;
    if (request->caller == NULL) {
        free_orphan_locked(request);
    } else {
        ref_waiter_finish_locked(request->caller, outcome, wakes);
    }
}

void ref_request_abandon_locked(struct ref_request *request, enum ref_outcome outcome,
                                struct ref_wakes *wakes)
{
    struct ref_waiter *caller = request->caller;
    if (ref_decide_is_withdrawn(caller->stage)) {
        ref_request_end_locked(request, outcome, wakes);
        return;
    }
    request->caller = NULL;
    caller->request = NULL;
    g_orphan_count++;
    ref_waiter_finish_locked(caller, outcome, wakes);
}

uint32_t ref_request_orphan_count_locked(void)
{
    return g_orphan_count;
}

/* --- Creation --- */

static void end_init_locked(struct ref_end *end, enum ref_kind kind) REF_REQUIRES(g_ref_domain)
{
    ref_object_init_locked(&end->object, kind);
    ref_list_init(&end->queue);
    ref_list_init(&end->taken);
    ref_list_init(&end->receivers);
}

struct ref_listener *ref_listener_create_locked(void)
{
    struct ref_listener *listener = ref_alloc(sizeof *listener);
    if (listener != NULL) {
        end_init_locked(&listener->end, REF_KIND_LISTENER);
        ref_list_init(&listener->channels);
    }
    return listener;
}

struct ref_channel *ref_channel_create_locked(struct ref_listener *listener, TaskId server_process)
{
    struct ref_channel *channel = ref_alloc(sizeof *channel);
    if (channel != NULL) {
        end_init_locked(&channel->server, REF_KIND_SERVER);
        ref_object_init_locked(&channel->client, REF_KIND_CLIENT);
        ref_list_init(&channel->in_service);
        channel->server_process = server_process;
        channel->has_server = true;
        channel->has_client = true;
        channel->listener = listener;
        ref_list_append(&listener->channels, &channel->listener_node);
        listener->client_count++;
    }
    return channel;
}

/* --- An end goes --- */

static void end_receivers_locked(struct ref_end *end, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_waiter *waiter;
    while ((waiter = first_receiver_locked(end)) != NULL) {
        ref_list_remove(&waiter->end_node);
        ref_waiter_finish_locked(waiter, REF_NOT_CONNECTED, wakes); /* (3b) */
    }
}

void ref_end_handle_closed_locked(struct ref_end *end, const struct ref_handle_entry *entry,
                                  struct ref_wakes *wakes)
{
    struct ref_node *node = ref_list_first(&end->receivers);
    while (node != NULL) {
        struct ref_waiter *waiter = REF_CONTAINER(node, struct ref_waiter, end_node);
        node = ref_list_next(&end->receivers, node);
        if (waiter->entry == entry) {
            ref_list_remove(&waiter->end_node);
            ref_waiter_finish_locked(waiter, REF_NOT_CONNECTED, wakes); /* (3b) */
        }
    }
}

/* End every request on a list that is linked by channel_node. */
static void end_channel_requests_locked(struct ref_list *list, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_node *node;
    while ((node = ref_list_first(list)) != NULL) {
        ref_request_end_locked(REF_CONTAINER(node, struct ref_request, channel_node),
                               REF_NOT_CONNECTED, wakes); /* (3b) */
    }
}

static void lose_client_locked(struct ref_listener *listener, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    listener->client_count--;
    if (listener->client_count == 0) {
        end_receivers_locked(&listener->end, wakes);
    }
}

static void free_channel_if_unused_locked(struct ref_channel *channel) REF_REQUIRES(g_ref_domain)
{
    if (!channel->has_server && !channel->has_client) {
        ref_free(channel, sizeof *channel);
    }
}

void ref_channel_server_gone_locked(struct ref_channel *channel, struct ref_wakes *wakes)
{
    channel->has_server = false;
    end_receivers_locked(&channel->server, wakes);
    end_channel_requests_locked(&channel->server.queue, wakes);
    end_channel_requests_locked(&channel->in_service, wakes);
    ref_list_remove(&channel->listener_node);
    if (channel->listener != NULL && channel->has_client) {
        lose_client_locked(channel->listener, wakes);
    }
    channel->listener = NULL;
    free_channel_if_unused_locked(channel);
}

void ref_channel_client_gone_locked(struct ref_channel *channel, struct ref_wakes *wakes)
{
    struct ref_node *node;
    struct ref_node *next;

    channel->has_client = false;
    end_channel_requests_locked(&channel->server.queue, wakes);
    for (node = ref_list_first(&channel->in_service); node != NULL; node = next) {
        struct ref_request *request = REF_CONTAINER(node, struct ref_request, channel_node);
        next = ref_list_next(&channel->in_service, node);
        if (request->caller != NULL) {
            ref_request_abandon_locked(request, REF_NOT_CONNECTED, wakes); /* (3b) */
        }
    }
    if (channel->has_server) {
        end_receivers_locked(&channel->server, wakes);
        if (channel->listener != NULL) {
            lose_client_locked(channel->listener, wakes);
        }
        if (channel->server.object.handle_count == 0) {
            /* Nobody can name this server end and nobody can call it: it goes as well. What the
             * listener has taken from it stays there until Reply learns. */
            while ((node = ref_list_first(&channel->in_service)) != NULL) {
                ref_list_remove(node);
                REF_CONTAINER(node, struct ref_request, channel_node)->channel = NULL;
            }
            ref_object_gone_locked(&channel->server.object);
            ref_channel_server_gone_locked(channel, wakes);
            return;
        }
    }
    free_channel_if_unused_locked(channel);
}

void ref_listener_destroy_locked(struct ref_listener *listener, struct ref_wakes *wakes)
{
    struct ref_node *node;

    end_receivers_locked(&listener->end, wakes);
    while ((node = ref_list_first(&listener->end.taken)) != NULL) {
        ref_request_end_locked(REF_CONTAINER(node, struct ref_request, end_node), REF_NOT_CONNECTED,
                               wakes); /* (3b) */
    }
    while ((node = ref_list_first(&listener->end.queue)) != NULL) {
        ref_list_remove(node); /* stays on its channel's own queue */
    }
    while ((node = ref_list_first(&listener->channels)) != NULL) {
        struct ref_channel *channel = REF_CONTAINER(node, struct ref_channel, listener_node);
        ref_list_remove(node);
        channel->listener = NULL;
        if (channel->server.object.handle_count == 0) {
            ref_object_gone_locked(&channel->server.object);
            ref_channel_server_gone_locked(channel, wakes);
        }
    }
    ref_free(listener, sizeof *listener);
}

void ref_end_taker_gone_locked(struct ref_end *end, TaskId taker)
{
    struct ref_node *node = ref_list_first(&end->taken);
    while (node != NULL) {
        struct ref_request *request = REF_CONTAINER(node, struct ref_request, end_node);
        node = ref_list_next(&end->taken, node);
        if (request->taker_process == taker && request->caller == NULL) {
            ref_request_end_locked(request, REF_NOT_CONNECTED, NULL);
        }
    }
}

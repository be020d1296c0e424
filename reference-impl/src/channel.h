/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels and listeners: the ends, the queues of requests, who receives where, and what happens
 * when an end goes. The exchange itself is in rendezvous.c. Everything under the domain lock.
 *
 *   queued request   on channel->server.queue and, with a listener, on listener->end.queue
 *   taken request    on channel->in_service, and on holder->taken: the end whose Recv took it
 *   receiver         on the receivers of the end that its handle names
 */
#ifndef REF_CHANNEL_H
#define REF_CHANNEL_H

#include "message.h"
#include "object.h"
#include "waiter.h"

/* Where Recv and Reply happen: a listener, or the server end of one channel. */
struct ref_end {
    struct ref_object object;
    struct ref_list queue REF_GUARDED_BY(g_ref_domain);     /* requests in order of arrival */
    struct ref_list taken REF_GUARDED_BY(g_ref_domain);     /* ref_request.end_node, in order */
    struct ref_list receivers REF_GUARDED_BY(g_ref_domain); /* ref_waiter.end_node, in order */
};

struct ref_listener {
    struct ref_end end;
    struct ref_list channels REF_GUARDED_BY(g_ref_domain); /* ref_channel.listener_node */
    uint32_t client_count REF_GUARDED_BY(g_ref_domain);    /* channels with a client end */
};

struct ref_channel {
    struct ref_end server;
    struct ref_object client;
    TaskId server_process; /* constant: who made the server end */
    bool has_server REF_GUARDED_BY(g_ref_domain);
    bool has_client REF_GUARDED_BY(g_ref_domain);
    struct ref_list in_service REF_GUARDED_BY(g_ref_domain);    /* ref_request.channel_node */
    struct ref_listener *listener REF_GUARDED_BY(g_ref_domain); /* null: none, or closed */
    struct ref_node listener_node REF_GUARDED_BY(g_ref_domain);
};

/* One call's request. It belongs to the calling thread's record, which uses it again; when the
 * caller leaves while a server holds it, it stays behind until Reply learns, and is freed then. */
struct ref_request {
    struct ref_waiter *caller REF_GUARDED_BY(g_ref_domain); /* null: the caller has left */
    struct ref_channel *channel REF_GUARDED_BY(g_ref_domain);
    struct ref_end *holder REF_GUARDED_BY(g_ref_domain); /* null while queued */
    struct ref_node channel_node REF_GUARDED_BY(g_ref_domain);
    struct ref_node end_node REF_GUARDED_BY(g_ref_domain);
    struct ref_message message REF_GUARDED_BY(g_ref_domain); /* points into the caller's buffers */
    struct ref_process *sender REF_GUARDED_BY(g_ref_domain); /* valid while the caller waits */
    TaskId sender_id REF_GUARDED_BY(g_ref_domain);
    Tid caller_tid REF_GUARDED_BY(g_ref_domain);
    TaskId taker_process REF_GUARDED_BY(g_ref_domain);
    Tid taker_tid REF_GUARDED_BY(g_ref_domain);
};

/* --- Creation and end --- */

/* Null without memory. Not named yet. */
struct ref_listener *ref_listener_create_locked(void) REF_REQUIRES(g_ref_domain);
struct ref_channel *ref_channel_create_locked(struct ref_listener *listener, TaskId server_process)
    REF_REQUIRES(g_ref_domain);

/* The last handle of a listener is closed: what it had taken ends, channels without a server handle
 * lose their server end, the others go on without it. Frees it. */
void ref_listener_destroy_locked(struct ref_listener *listener, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);
/* An end of the channel has gone, which ends every call of the channel; frees it after the second.
 * A lost client end also ends the receivers that have no client left. */
void ref_channel_server_gone_locked(struct ref_channel *channel, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);
void ref_channel_client_gone_locked(struct ref_channel *channel, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);
/* End the receivers that came through the handle of `entry`. */
void ref_end_handle_closed_locked(struct ref_end *end, const struct ref_handle_entry *entry,
                                  struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);
/* The process that took requests here has ended; drop those whose callers have left. */
void ref_end_taker_gone_locked(struct ref_end *end, TaskId taker) REF_REQUIRES(g_ref_domain);

static inline struct ref_channel *ref_channel_of_server(struct ref_object *server)
{
    return (struct ref_channel *)(void *)server;
}

static inline struct ref_channel *ref_channel_of_client(struct ref_object *client)
{
    return REF_CONTAINER(client, struct ref_channel, client);
}

/* --- Queues --- */

/* Is there a client end whose requests `end` could receive? */
bool ref_end_has_client_locked(const struct ref_end *end) REF_REQUIRES(g_ref_domain);
/* The receiver that has waited longest for a request of the channel, its listener included; and the
 * end it waits at. Null: nobody waits. */
struct ref_waiter *ref_channel_receiver_locked(struct ref_channel *channel, struct ref_end **end)
    REF_REQUIRES(g_ref_domain);
/* The oldest request queued for `end`; null: none. */
struct ref_request *ref_end_oldest_request_locked(const struct ref_end *end)
    REF_REQUIRES(g_ref_domain);
/* The request that a Reply at `end` with `wanted` in threadId answers; null: none. */
struct ref_request *ref_end_reply_target_locked(const struct ref_end *end, Tid wanted, Tid replier)
    REF_REQUIRES(g_ref_domain);

void ref_request_queue_locked(struct ref_request *request) REF_REQUIRES(g_ref_domain);
/* Record that a thread took the request at `holder`, from the queue or straight from the caller. */
void ref_request_take_locked(struct ref_request *request, struct ref_end *holder, TaskId process,
                             Tid tid) REF_REQUIRES(g_ref_domain);
/* The request is over: take it off its lists, and end its caller with `outcome`. A request without
 * a caller is freed, any other is its caller's again. */
void ref_request_end_locked(struct ref_request *request, enum ref_outcome outcome,
                            struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);
/* The caller leaves: a queued request is withdrawn, a taken one stays behind without a caller. */
void ref_request_abandon_locked(struct ref_request *request, enum ref_outcome outcome,
                                struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);
/* Requests that were left behind and that no Reply has asked for yet. */
uint32_t ref_request_orphan_count_locked(void) REF_REQUIRES(g_ref_domain);

#endif

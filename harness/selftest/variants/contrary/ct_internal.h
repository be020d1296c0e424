/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contrary variant: wherever the documents leave a choice, the other one than the reference's.
 * The table in ../README.md lists them.
 *
 * One mutex guards everything, and each waiting thread has a condition variable of its own. A peer
 * hands over directly: it copies to or from the buffers of a thread that is known to be blocked, and
 * changes its state. An interruption is not handed over: Set raises the flag and wakes the threads,
 * each of which looks at the flag when it has the mutex again. When the flag is down by then, it
 * waits on.
 */
#ifndef VARIANT_CONTRARY_INTERNAL_H
#define VARIANT_CONTRARY_INTERNAL_H

#include <coresrv/handle/handle_api.h>
#include <coresrv/syscalls.h>
#include <pthread.h>
#include <services/rtl/nk_msg.h>
#include <stdbool.h>
#include <sys/queue.h>

enum kind {
    KIND_PORT = 1, /* listener and server end: one object, one handle */
    KIND_CLIENT,
    KIND_SYNC,
    KIND_USER,
};

enum state {
    STATE_WAITING, /* in a list of the port; may be interrupted */
    STATE_TAKEN,   /* a call whose request a server holds: may not */
    STATE_OVER,    /* rc is the outcome */
};

struct cap {
    struct object *object;
    rtl_uint32_t rights;
    bool is_counted; /* keeps the object open */
};

/* A message in its sender's memory, which stays there while the sender is blocked. */
struct message {
    const SMsgHdr *header;
    unsigned cap_count;
    struct cap caps[NK_MESSAGE_HANDLES_MAX];
};

struct wait {
    LIST_ENTRY(wait) port_link; /* while WAITING; the newest is the first */
    LIST_ENTRY(wait) sync_link; /* while `sync` is not null */
    enum state state;
    Retcode rc;
    Tid number; /* calls: what the server sees as threadId */
    Handle handle;
    struct object *port;
    struct object *sync; /* what can interrupt it now */
    struct service *service;
    struct message *message; /* calls */
    SMsgHdr *room;
    pthread_cond_t wake;
};
LIST_HEAD(wait_list, wait);

/* A request in a server's hands. It stays when the caller goes. */
struct service {
    TAILQ_ENTRY(service) link;
    Tid number;
    struct wait *caller; /* null: gone */
};
TAILQ_HEAD(service_list, service);

struct object {
    enum kind kind;
    unsigned ref_count;
    unsigned name_count;
    union {
        struct {
            bool closed;
            struct wait_list calls;
            struct wait_list receivers;
            struct service_list services; /* in the order in which they were taken */
        } port;
        struct {
            struct object *port;
        } client;
        struct {
            bool set;
            bool autoclear;
            struct wait_list waits;
        } sync;
    } as;
};

struct name {
    struct object *object;
    rtl_uint32_t rights;
};

#pragma GCC visibility push(hidden)

extern pthread_mutex_t g_ct_mutex;

/* rcNotReady: names nothing. rcAbort: another kind. rcInvalidOperation: lacks the right. */
Retcode ct_object_find_locked(Handle handle, enum kind kind, rtl_uint32_t right,
                              struct object **object);
/* Null: names nothing. */
const struct name *ct_name_find_locked(Handle handle);
/* Make room for `count` more names; only after that may they be added. */
bool ct_names_reserve_locked(unsigned count);
Handle ct_name_add_locked(struct object *object, rtl_uint32_t rights);
void ct_object_unname_locked(struct object *object);
void ct_object_release_locked(struct object *object);

/* The outcome of a wait that has none. */
void ct_wait_end_locked(struct wait *wait, Retcode rc);
/* It can no longer be interrupted. */
void ct_wait_detach_locked(struct wait *wait);
/* The server is done with it. */
void ct_service_free_locked(struct object *port, struct service *service);

bool ct_header_is_sound(const SMsgHdr *header);
/* Null, malformed or too large messages. */
Retcode ct_message_check(const SMsgHdr *header);
/* Take hold of the objects behind the handles, all or none. `home`, the port at which the message
 * will wait, is not kept open by it. */
Retcode ct_message_hold_locked(struct message *message, const struct object *home);
void ct_message_drop_locked(struct message *message);
/* Copy to the receiver and give it names for what is held; nothing happens on error. */
Retcode ct_message_deliver_locked(struct message *message, SMsgHdr *room);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface as somebody writes it who has the requirement list and an afternoon: one mutex, one
 * condition variable, one list of everything that waits. Mandatory functions only.
 *
 * The lock guards every variable and every object. A wait has one outcome, decided under the lock
 * by vc_finish_locked(): by the peer, by Set, by Close, or by the waiting thread itself when its
 * time is over. A message is copied between the buffers of the two programs under the lock, while
 * the thread at the other end is known to be blocked.
 */
#ifndef VARIANT_CONDVAR_INTERNAL_H
#define VARIANT_CONDVAR_INTERNAL_H

#include <coresrv/handle/handle_api.h>
#include <coresrv/syscalls.h>
#include <services/rtl/nk_msg.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <time.h>

#define NAME_COUNT_MAX 32768u

enum kind {
    KIND_PORT,   /* listener and server end in one */
    KIND_CLIENT, /* client end of one channel */
    KIND_SYNC,
};

struct object {
    enum kind kind;
    unsigned ref_count;  /* names, waits, clients and messages that point here */
    unsigned name_count; /* handles, also those in a request that is on its way */
    bool closed;         /* port: its last handle is gone */
    bool set;            /* sync */
    struct object *port; /* client: where its requests go */
};

struct name {
    struct object *object; /* null: free */
    rtl_uint32_t rights;
};

struct cap {
    struct object *object;
    rtl_uint32_t rights;
    bool is_counted; /* keeps the object open while the message is on its way */
};

struct message {
    const void *fixed;
    const void *arena;
    rtl_uint32_t fixed_size;
    rtl_uint32_t arena_size;
    rtl_uint64_t trace_id;
    rtl_uint64_t span_id;
    unsigned cap_count;
    struct cap caps[NK_MESSAGE_HANDLES_MAX];
};

struct room {
    SMsgHdr *header;
    void *fixed;
    void *arena;
    rtl_uint32_t fixed_size;
    rtl_uint32_t arena_size;
};

enum stage {
    STAGE_RECEIVING, /* RecvEx without a request */
    STAGE_QUEUED,    /* CallEx, not taken: may be interrupted */
    STAGE_TAKEN,     /* CallEx, a server has it: may not */
    STAGE_GONE,      /* was taken, its caller has timed out; nobody waits, the list owns it */
    STAGE_OVER,      /* the outcome is in rc; no longer in the list */
};

struct wait {
    TAILQ_ENTRY(wait) link;
    enum stage stage;
    Retcode rc;
    struct object *port;
    struct object *sync; /* null for none */
    Handle handle;       /* RecvEx: what the caller named, for replyHandle */
    Tid thread_id;       /* CallEx */
    rtl_uint64_t taken_order;
    struct room room;
    struct message *message; /* CallEx */
};

TAILQ_HEAD(wait_list, wait);

#pragma GCC visibility push(hidden)

extern struct wait_list g_vc_waits; /* in order of arrival */
extern unsigned g_vc_name_count;
extern unsigned g_vc_gone_count; /* waits in STAGE_GONE */

void vc_lock(void);
void vc_unlock(void);

/* Sleep until something changes; ETIMEDOUT when *deadline (null: none) has passed. */
int vc_wait_locked(const struct timespec *deadline);

/* Names and objects. Borrowed pointers, good while the lock is held. */
struct name *vc_name_find_locked(Handle handle);
Retcode vc_object_find_locked(Handle handle, enum kind kind, rtl_uint32_t right,
                              struct object **object);

/* The caller knows that there is a free name. */
Handle vc_name_add_locked(struct object *object, rtl_uint32_t rights);

/* One name less; a port without names closes, which ends every wait there. */
void vc_object_unname_locked(struct object *object);
void vc_object_release_locked(struct object *object);

/* Give the wait its outcome and unlist it. A thread that waits finds it, and the record is that
 * thread's again; a record of a caller that has gone is freed. */
void vc_finish_locked(struct wait *wait, Retcode rc);

/* Messages. */
Retcode vc_room_init(struct room *room, SMsgHdr *header);

/* Look at an outgoing header; the handles come later, in vc_message_hold_locked(). */
Retcode vc_message_init(struct message *message, const SMsgHdr *header);

/*
 * Take hold of the objects behind the handles, all or none, so that closing a handle does not
 * change what is sent. `home` is the port that the message waits at, or null. A message does not
 * keep its own home open: nobody could ever take it from there.
 */
Retcode vc_message_hold_locked(struct message *message, const struct object *home);
void vc_message_drop_locked(struct message *message);

/* Copy the message to the receiver, whose handles are new names. Nothing happens on error. */
Retcode vc_message_deliver_locked(const struct message *message, const struct room *room);

#pragma GCC visibility pop

#endif

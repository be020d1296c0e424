/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of the futex variant and what they share.
 *
 * Every object has its own lock, made of one futex word. Order: sync > port > handle table.
 * A wait is decided under the lock of its port, by whoever comes first (the peer, Set, Close, the
 * clock), who only writes the stage; the thread that waited takes its record out of the lists.
 * Objects are counted references; `name_count` (table lock) says how many handles there are, and
 * the last one going is what ends a channel or a sync object.
 */
#ifndef VARIANT_FUTEX_INTERNAL_H
#define VARIANT_FUTEX_INTERNAL_H

#include <coresrv/handle/handle_api.h>
#include <coresrv/syscalls.h>
#include <services/rtl/nk_msg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <time.h>

struct vf_lock {
    atomic_uint word; /* 0 free, 1 held, 2 held and somebody sleeps */
};

enum vf_kind {
    VF_KIND_LISTENER = 1,
    VF_KIND_SERVER = 2,
    VF_KIND_CLIENT = 4,
    VF_KIND_SYNC = 8,
    VF_KIND_USER = 16,
};

struct vf_object {
    enum vf_kind kind;
    atomic_uint ref_count;
    unsigned name_count; /* table lock */
};

enum vf_stage {
    VF_STAGE_WAITING, /* no rendezvous yet: may be interrupted */
    VF_STAGE_TAKEN,   /* a call whose request a server has: may not */
    VF_STAGE_OVER,    /* the outcome is in rc */
};

struct vf_wait {
    TAILQ_ENTRY(vf_wait) sync_link;
    struct vf_port *port;
    atomic_uint stage; /* written with port->lock held, read by the sleeper without */
    Retcode rc;        /* valid once the stage is over */
};

struct vf_room {
    SMsgHdr *header;
    void *fixed;
    void *arena;
    rtl_uint32_t fixed_size;
    rtl_uint32_t arena_size;
};

struct vf_cap {
    struct vf_object *object;
    rtl_uint32_t rights;
    bool is_counted; /* in name_count, so the object stays open on its way */
};

struct vf_message {
    const void *fixed;
    const void *arena;
    rtl_uint32_t fixed_size;
    rtl_uint32_t arena_size;
    rtl_uint64_t trace_id;
    rtl_uint64_t span_id;
    unsigned cap_count;
    struct vf_cap *caps; /* null without handles */
};

struct vf_call {
    struct vf_wait wait;
    TAILQ_ENTRY(vf_call) link; /* in queue or taken */
    const struct vf_channel *channel;
    bool has_server; /* of the channel */
    struct vf_room room;
    struct vf_message message;
    Tid thread_id;
    rtl_uint32_t taker; /* the server thread that has it */
    bool is_gone;       /* taken, its caller timed out: the port owns the record */
};

struct vf_receiver {
    struct vf_wait wait;
    TAILQ_ENTRY(vf_receiver) link;
    const struct vf_channel *channel; /* only its requests; null: all of the listener */
    struct vf_room room;
    Handle handle;
    rtl_uint32_t thread;
};

TAILQ_HEAD(vf_calls, vf_call);

struct vf_port {
    struct vf_object object; /* a listener */
    struct vf_lock lock;
    bool is_closed; /* the listener; channels with a server handle live on */
    unsigned gone_count;
    struct vf_calls queue;
    struct vf_calls taken;
    TAILQ_HEAD(, vf_receiver) receivers;
};

struct vf_channel {
    struct vf_object object; /* a server end */
    struct vf_port *port;
    bool has_server; /* else the listener alone serves it; constant */
    bool is_closed;  /* port->lock */
};

struct vf_client {
    struct vf_object object;
    struct vf_channel *channel;
};

struct vf_sync {
    struct vf_object object;
    struct vf_lock lock;
    bool is_set;
    bool is_closed;
    TAILQ_HEAD(, vf_wait) waits;
};

#pragma GCC visibility push(hidden)

/* vf_sync.c: locks, sleeping, sync objects. */
void vf_lock(struct vf_lock *lock);
void vf_unlock(struct vf_lock *lock);

/* Sleep while *word is `seen`; false when *deadline (null: none) has passed. May wake early. */
bool vf_sleep(atomic_uint *word, unsigned seen, const struct timespec *deadline);

/* Decide a wait. Needs wait->port->lock. */
void vf_end_locked(struct vf_wait *wait, Retcode rc);

/* Add to a sync object, whose lock is held: an error code instead when no wait may begin. */
Retcode vf_sync_join_locked(struct vf_sync *sync, struct vf_wait *wait);
void vf_sync_leave(struct vf_sync *sync, struct vf_wait *wait);
void vf_sync_closed(struct vf_sync *sync);

/* vf_handles.c. A pointer that is given out comes with a reference. */
Retcode vf_object_get(Handle handle, unsigned kinds, rtl_uint32_t right, struct vf_object **object);
void vf_object_put(struct vf_object *object); /* no lock of a port or sync held */
void vf_object_init(struct vf_object *object, enum vf_kind kind);

/* Make `count` handles, all or none. Consumes a reference (and, where counted, the name) each. */
Retcode vf_names_add(const struct vf_cap *caps, unsigned count, Handle *handles);

/* Look `count` descriptors up for sending, all or none; see vf_message_hold(). */
Retcode vf_caps_take(const nk_uint8_t *descs, unsigned count, const struct vf_object *home,
                     struct vf_cap *caps);
void vf_caps_drop(struct vf_cap *caps, unsigned count);

/* vf_message.c */
Retcode vf_room_init(struct vf_room *room, SMsgHdr *header);

/*
 * Check an outgoing header and take hold of what its handles name, so that closing a handle later
 * changes nothing. `home` is the object that the message waits at, or null: a message does not keep
 * its own home open. On rcOk the caller owes a vf_message_drop().
 */
Retcode vf_message_hold(struct vf_message *message, const SMsgHdr *header,
                        const struct vf_object *home);
void vf_message_drop(struct vf_message *message);

/* Copy into the room and make the handles. Nothing has happened on error. */
Retcode vf_message_deliver(struct vf_message *message, const struct vf_room *room);

/* vf_rendezvous.c: the last handle of a listener or a server end has gone; the last reference to a
 * port has. */
void vf_listener_closed(struct vf_port *port);
void vf_server_closed(struct vf_channel *channel);
void vf_port_finish(struct vf_port *port);

#pragma GCC visibility pop

#endif

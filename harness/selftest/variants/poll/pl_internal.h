/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every wait is a poll on descriptors, and nothing else sleeps: there is no futex and no condition
 * variable here, not even in the lock.
 *
 * What threads wait for is a level, an eventfd that is readable while something is the case: requests
 * are queued at a port, a sync object is set. Nobody is woken by name and nothing is handed over.
 * A thread that wakes up takes the lock, looks at the state, and decides about itself: it takes a
 * request, is interrupted, gives up, or polls on. So a Set that is followed at once by Clear passes
 * those by who have not looked yet, and a server that waits has taken a request only when its thread
 * ran. A call has an eventfd of its own besides, readable when its stage has changed.
 *
 * The lock guards everything. Names, objects and levels change under it only; messages are copied to
 * and from parcels outside.
 */
#ifndef VARIANT_POLL_INTERNAL_H
#define VARIANT_POLL_INTERNAL_H

#include <coresrv/handle/handle_api.h>
#include <coresrv/syscalls.h>
#include <services/rtl/nk_msg.h>
#include <stdbool.h>
#include <sys/queue.h>

enum kind {
    KIND_PORT = 1, /* listener and server handles name the same port */
    KIND_CLIENT,
    KIND_SYNC,
};

/* Readable while `up`. */
struct level {
    int fd;
    bool up;
};

struct object {
    enum kind kind;
    unsigned ref_count;  /* names, waits, clients and parcels */
    unsigned name_count; /* handles, and those that are on their way in a request */
};

enum stage {
    STAGE_QUEUED, /* may be interrupted */
    STAGE_TAKEN,  /* may not */
    STAGE_GONE,   /* was taken, the caller has timed out; the port owns the record */
    STAGE_OVER,   /* rc is the outcome */
};

struct call {
    TAILQ_ENTRY(call) link; /* in `queued` or `taken` of the port; not when it is over */
    enum stage stage;
    Retcode rc;
    Tid number; /* what the server sees as threadId: another one for each call */
    struct level news;
    struct sync *sync; /* while queued; null for none */
    struct parcel *request;
    struct parcel *response;
    rtl_uint32_t fixed_room;
    rtl_uint32_t arena_room;
};
TAILQ_HEAD(call_list, call);

struct port {
    struct object base;
    bool closed;
    struct level news; /* up: requests are queued, or the port is closed */
    struct call_list queued;
    struct call_list taken; /* in the order in which they were taken */
};

struct client {
    struct object base;
    struct port *port;
};

struct sync {
    struct object base;
    struct level set;
    unsigned wait_count; /* calls and receives that it can interrupt now */
};

struct name {
    LIST_ENTRY(name) link;
    Handle handle;
    rtl_uint32_t rights;
    struct object *object;
};

struct cap {
    struct object *object;
    rtl_uint32_t rights;
    bool is_counted; /* keeps the object open */
};

/* A message between two programs, in memory of ours. */
struct parcel {
    rtl_uint32_t fixed_size;
    rtl_uint32_t arena_size;
    rtl_uint64_t trace_id;
    rtl_uint64_t span_id;
    unsigned cap_count;
    struct cap caps[NK_MESSAGE_HANDLES_MAX];
    nk_uint8_t bytes[]; /* fixed part, then arena */
};

#pragma GCC visibility push(hidden)

void pl_lock(void);
void pl_unlock(void);

bool pl_level_open(struct level *level);
void pl_level_close(struct level *level);
void pl_level_set_locked(struct level *level, bool up);

struct name *pl_name_find_locked(Handle handle);
/* Null: no memory. */
struct name *pl_name_add_locked(struct object *object, rtl_uint32_t rights);
Retcode pl_object_find_locked(Handle handle, enum kind kind, rtl_uint32_t right,
                              struct object **object);
void pl_object_release_locked(struct object *object);
/* One name less. The last one ends a port and every call there. */
void pl_object_unname_locked(struct object *object);

/* Give a call that is listed at the port its outcome. */
void pl_call_finish_locked(struct port *port, struct call *call, Retcode rc);

/* May a message of this header be received into, and sent? */
bool pl_header_is_sound(const SMsgHdr *header);
/* Copy the message behind the header. */
Retcode pl_parcel_create(const SMsgHdr *header, struct parcel **parcel);
/* Take hold of the objects behind its handles, all or none. One that is the port the parcel will wait
 * at is not kept open by it. */
Retcode pl_parcel_hold_locked(struct parcel *parcel, const struct port *home);
/* Turn what is held into names of the receiver; on error none of them exists. */
Retcode pl_parcel_admit_locked(struct parcel *parcel);
/* Without the lock: copy to the receiver's buffers, which are large enough, and free the parcel. */
void pl_parcel_unpack(struct parcel *parcel, SMsgHdr *header);
void pl_parcel_free_locked(struct parcel *parcel);

#pragma GCC visibility pop

#endif

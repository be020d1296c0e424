/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library A: one lock for everything, one condition per listener that every change of its
 * channels broadcasts. Written from the requirement list alone, without a look at the cases.
 *
 * Choices where the documents are open: handle numbers are scattered over 32 bits and never come
 * back; requests are taken newest first; a set object refuses a CallEx at its entry even with a
 * server waiting, but lets a RecvEx take what is queued; Set followed by Clear may leave a waiter
 * asleep; a sync object cannot be copied; closing one leaves its waiters waiting; an unusable sync
 * handle refuses the call; waits may end up to two milliseconds late.
 *
 * OPEN_WAIT  0 spins a little and then sleeps on the condition; 1 polls every 2 ms; 2 sleeps in
 *            sigtimedwait and is woken by a real-time signal of the library's own.
 * OPEN_ROOM  how many handles, and half as many requests, there is room for; 0 knows no limit.
 *
 * Every field of every structure is guarded by `big`.
 */
#include "fault.h"

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <errno.h>
#include <nk/types.h>
#include <pthread.h>
#include <sched.h>
#include <services/ocap.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef OPEN_WAIT
#define OPEN_WAIT 0
#endif

#ifndef OPEN_ROOM
#define OPEN_ROOM 0u
#endif

#define FOREVER UINT64_MAX
#define BUCKETS 1024u
#define PROCESS 77u
#define SPINS 50

enum kind { KIND_LISTENER, KIND_SERVER, KIND_CLIENT, KIND_SYNC, KIND_USER };

struct port {
    pthread_cond_t changed;
    unsigned refs;
    unsigned listener_ends;
    struct channel *channels;
};

struct channel {
    struct channel *next; /* of the port */
    struct port *port;
    unsigned refs;
    unsigned server_ends;
    unsigned client_ends;
    struct request *queued; /* newest first */
    struct request *taken;  /* oldest first */
    int poisoned;           /* faults 11 and 38 */
};

struct object {
    enum kind kind;
    unsigned refs; /* entries, messages under way, waits */
    unsigned ends; /* entries and messages under way */
    struct port *port;
    struct channel *channel;
    int set;
    int bound;      /* fault 55 */
    unsigned index; /* fault 3 */
    unsigned stuck; /* fault 82 */
};

struct entry {
    struct entry *next;
    Handle handle;
    rtl_uint32_t rights;
    struct object *object;
};

struct carried {
    struct object *object;
    rtl_uint32_t rights;
};

enum request_state { QUEUED, TAKEN, ANSWERED };

struct request {
    struct request *next;
    struct channel *channel;
    enum request_state state;
    Retcode result;
    Tid tid;
    pid_t server_tid;
    int abandoned; /* the caller has gone; only the taken list knows the request */
    int via_listener;
    SMsgHdr *reply_to;
    unsigned char *fixed;
    rtl_uint32_t fixed_size;
    unsigned char *arena;
    rtl_uint32_t arena_size;
    struct carried *carried;
    unsigned carried_count;
    rtl_uint64_t trace;
    rtl_uint64_t span;
};

struct wait {
    struct wait *next;
    struct object *sync;
    struct object *end; /* what the thread waits at */
    struct port *port;
    struct request *request; /* null: a receiver */
    pid_t tid;
    int blind; /* faults: Set has overlooked this one */
    int poked; /* faults: Set has hit this one */
    int noisy; /* fault 67: woken at least once */
};

struct self {
    pid_t tid;
    Handle last_sync;
    int interrupted;
    uint64_t last_start;
};

static pthread_mutex_t big = PTHREAD_MUTEX_INITIALIZER;
static struct entry *buckets[BUCKETS];
static unsigned entry_count;
static unsigned request_count;
static struct wait *waits;
static Handle last_handle = 0x2545f491u;
static Handle first_sync = INVALID_HANDLE;
static unsigned sync_count;
static rtl_uint32_t shared_flags;
static _Thread_local struct self self;

static struct self *myself(void)
{
    if (self.tid == 0) {
        self.tid = (pid_t)syscall(SYS_gettid);
        self.last_sync = INVALID_HANDLE;
    }
    return &self;
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- Objects and handles ------------------------------------------------------------------ */

static void port_unref(struct port *port)
{
    if (--port->refs == 0) {
        pthread_cond_destroy(&port->changed);
        free(port);
    }
}

static void wake(struct port *port)
{
    pthread_cond_broadcast(&port->changed);
#if OPEN_WAIT == 2
    for (struct wait *w = waits; w != NULL; w = w->next) {
        if (w->port == port) {
            syscall(SYS_tgkill, getpid(), w->tid, SIGRTMIN + 5);
        }
    }
#endif
}

static void drop_carried(struct request *r);

static void request_free(struct request *r)
{
    drop_carried(r);
    free(r->fixed);
    free(r->arena);
    free(r->carried);
    free(r);
    request_count--;
}

static void channel_unref(struct channel *channel)
{
    if (--channel->refs > 0) {
        return;
    }
    struct channel **at = &channel->port->channels;
    while (*at != channel) {
        at = &(*at)->next;
    }
    *at = channel->next;
    while (channel->taken != NULL) {
        struct request *r = channel->taken;
        channel->taken = r->next;
        request_free(r);
    }
    port_unref(channel->port);
    free(channel);
}

static void object_unref(struct object *object)
{
    if (--object->refs > 0) {
        return;
    }
    if (object->channel != NULL) {
        channel_unref(object->channel);
    } else if (object->port != NULL) {
        port_unref(object->port);
    }
    if (!(FAULTY(15) && object->kind == KIND_SYNC)) {
        free(object);
    }
}

static unsigned *ends_of(struct object *object)
{
    switch (object->kind) {
    case KIND_LISTENER:
        return &object->port->listener_ends;
    case KIND_SERVER:
        return &object->channel->server_ends;
    case KIND_CLIENT:
        return &object->channel->client_ends;
    default:
        return &object->ends;
    }
}

static void hold(struct object *object)
{
    object->refs++;
    ++*ends_of(object);
}

static void drop(struct object *object)
{
    --*ends_of(object);
    if (object->port != NULL) {
        wake(object->port);
    }
    object_unref(object);
}

static void drop_carried(struct request *r)
{
    for (unsigned i = 0; i < r->carried_count; i++) {
        drop(r->carried[i].object);
    }
    r->carried_count = 0;
}

static struct entry *find(Handle handle)
{
    for (struct entry *e = buckets[handle % BUCKETS]; e != NULL; e = e->next) {
        if (e->handle == handle) {
            return e;
        }
    }
    return NULL;
}

static Retcode find_kind(Handle handle, enum kind kind, rtl_uint32_t right, struct object **out)
{
    struct entry *e = find(handle);
    if (e == NULL) {
        return rcInvalidArgument;
    }
    if (e->object->kind != kind) {
        return rcResourceNotFound;
    }
    *out = e->object;
    return (e->rights & right) == right ? rcOk : rcNoCapability;
}

/* Takes over one reference and one end of the object, also on failure. */
static Retcode enter(struct object *object, rtl_uint32_t rights, Handle *out)
{
    if (OPEN_ROOM > 0 && entry_count == OPEN_ROOM) {
        drop(object);
        return rcQuotaExceeded;
    }
    struct entry *e = malloc(sizeof *e);
    if (e == NULL) {
        drop(object);
        return rcOutOfMemory;
    }
    entry_count++;
    do {
        last_handle = last_handle * 1664525u + 1013904223u;
    } while (last_handle == INVALID_HANDLE || last_handle == 0);
    e->handle = last_handle;
    e->rights = rights;
    e->object = object;
    e->next = buckets[last_handle % BUCKETS];
    buckets[last_handle % BUCKETS] = e;
    *out = last_handle;
    return rcOk;
}

static Retcode close_locked(Handle handle)
{
    struct entry **at = &buckets[handle % BUCKETS];
    while (*at != NULL && (*at)->handle != handle) {
        at = &(*at)->next;
    }
    struct entry *e = *at;
    if (e == NULL) {
        return FAULTY(13) ? rcOk : FAULTY(16) ? rcIpcInterrupt : rcInvalidArgument;
    }
    if (FAULTY(82) && e->object->stuck > 0) {
        return rcBusy;
    }
    *at = e->next;
    drop(e->object);
    free(e);
    entry_count--;
    return rcOk;
}

static struct object *object_new(enum kind kind, struct port *port, struct channel *channel)
{
    struct object *object = calloc(1, sizeof *object);
    if (object != NULL) {
        object->kind = kind;
        object->port = port;
        object->channel = channel;
        if (channel != NULL) {
            channel->refs++;
        } else if (port != NULL) {
            port->refs++;
        }
        hold(object);
    }
    return object;
}

Retcode KnHandleClose(Handle handle)
{
    pthread_mutex_lock(&big);
    Retcode rc = close_locked(handle);
    pthread_mutex_unlock(&big);
    return rc;
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    if (outHandle == NULL || copyBadge != INVALID_HANDLE) {
        return rcUnimplemented;
    }
    pthread_mutex_lock(&big);
    Retcode rc = rcInvalidArgument;
    struct entry *e = find(inHandle);
    if (e != NULL) {
        rc = rcNoCapability;
        if ((e->rights & OCAP_HANDLE_COPY) != 0 && (newRightsMask & ~e->rights) == 0) {
            hold(e->object);
            rc = enter(e->object, newRightsMask, outHandle);
        }
    }
    pthread_mutex_unlock(&big);
    return rc;
}

/* --- Channels ----------------------------------------------------------------------------- */

static struct port *port_new(void)
{
    struct port *port = calloc(1, sizeof *port);
    if (port != NULL) {
        pthread_condattr_t attr;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&port->changed, &attr);
        pthread_condattr_destroy(&attr);
    }
    return port;
}

static struct channel *channel_new(struct port *port)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel != NULL) {
        channel->port = port;
        port->refs++;
        channel->next = port->channels;
        port->channels = channel;
    }
    return channel;
}

static Retcode connect_locked(struct object *listener, Handle *server, Handle *client)
{
    struct channel *channel = channel_new(listener->port);
    if (channel == NULL) {
        return rcOutOfMemory;
    }
    struct object *ends[2] = {object_new(KIND_SERVER, listener->port, channel),
                              object_new(KIND_CLIENT, listener->port, channel)};
    if (ends[0] == NULL || ends[1] == NULL) {
        abort(); /* a library for tests: no memory for 64 bytes is the end */
    }
    Handle made = INVALID_HANDLE;
    Retcode rc = enter(ends[0], OCAP_IPC_SERVER, &made);
    if (rc == rcOk) {
        rc = enter(ends[1], OCAP_IPC_CLIENT, client);
    }
    if (rc == rcOk && server != NULL) {
        *server = made;
    }
    return rc;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    if (outClient == NULL || (inListener == INVALID_HANDLE && outListener == NULL)) {
        return rcInvalidArgument;
    }
    pthread_mutex_lock(&big);
    struct object *listener = NULL;
    Handle handle = inListener;
    Retcode rc = rcOk;
    if (inListener == INVALID_HANDLE) {
        struct port *port = port_new();
        listener = port == NULL ? NULL : object_new(KIND_LISTENER, port, NULL);
        rc = listener == NULL ? rcOutOfMemory : enter(listener, OCAP_IPC_LISTENER, &handle);
    } else {
        rc = find_kind(inListener, KIND_LISTENER, OCAP_IPC_CONNECT, &listener);
    }
    if (rc == rcOk) {
        rc = connect_locked(listener, outServer, outClient);
    }
    if (rc == rcOk && outListener != NULL) {
        *outListener = handle;
    }
    pthread_mutex_unlock(&big);
    return rc;
}

static int server_gone(const struct channel *channel)
{
    return channel->server_ends == 0 && channel->port->listener_ends == 0;
}

/* --- Messages ----------------------------------------------------------------------------- */

static int header_is_good(const SMsgHdr *h)
{
    return h != NULL && h->immSize == 0 && h->indirDescs[0].buf != NULL &&
           h->indirDescs[0].size >= sizeof(nk_message);
}

static nk_handle_desc_t *descriptors(void *fixed)
{
    return nk_msg_handles(fixed);
}

/* What a message carries, by reference. The whole message is refused if one handle may not go. */
static Retcode gather(const SMsgHdr *h, int is_reply, struct carried **out, unsigned *count)
{
    nk_message *msg = h->indirDescs[0].buf;
    unsigned n = msg->ncaps;
    *out = NULL;
    *count = 0;
    if (sizeof *msg + n * sizeof(nk_handle_desc_t) > h->indirDescs[0].size) {
        return rcInvalidArgument;
    }
    if (n == 0) {
        return rcOk;
    }
    struct carried *list = calloc(n, sizeof *list);
    if (list == NULL) {
        return rcOutOfMemory;
    }
    Retcode rc = rcOk;
    for (unsigned i = 0; i < n && rc == rcOk; i++) {
        const nk_handle_desc_t *d = &descriptors(msg)[i];
        struct entry *e = find(d->handle);
        if (e == NULL) {
            rc = rcInvalidArgument;
            break;
        }
        rtl_uint32_t rights = e->rights & d->rights;
        int may = (e->rights & OCAP_HANDLE_TRANSFER) != 0;
        if ((FAULTY(70) && i >= 2) || (FAULTY(73) && is_reply)) {
            may = 1;
        }
        if (FAULTY(75) && d->rights != NK_RIGHTS_HELD && (d->rights & OCAP_HANDLE_TRANSFER) != 0) {
            may = 1;
            rights = d->rights;
        }
        if (FAULTY(77)) {
            rights = e->rights | OCAP_HANDLE_GENERAL_;
        }
        if (!may) {
            rc = rcSecurityDisallow;
            if (FAULTY(72)) {
                close_locked(d->handle);
            }
            break;
        }
        hold(e->object);
        list[i].object = e->object;
        list[i].rights = rights;
        *count = i + 1;
    }
    if (rc != rcOk) {
        for (unsigned i = 0; i < *count; i++) {
            drop(list[i].object);
            if (FAULTY(74)) {
                close_locked(descriptors(msg)[i].handle);
            }
        }
        *count = 0;
        free(list);
        return rc;
    }
    *out = list;
    return rcOk;
}

/* Copy a message into the receiver's buffers and give it the handles. */
static Retcode deliver(SMsgHdr *to, const void *fixed, rtl_uint32_t fixed_size, const void *arena,
                       rtl_uint32_t arena_size, struct carried *carried, unsigned *count)
{
    if (to->indirDescs[0].size < fixed_size || to->indirDescs[1].size < arena_size) {
        return rcBufferTooSmall;
    }
    memcpy(to->indirDescs[0].buf, fixed, fixed_size);
    to->indirDescs[0].size = fixed_size;
    if (arena_size > 0) {
        memcpy(to->indirDescs[1].buf, arena, arena_size);
    }
    to->indirDescs[1].size = arena_size;
    for (unsigned i = 0; i < *count; i++) {
        nk_handle_desc_t *d = &descriptors(to->indirDescs[0].buf)[i];
        if (carried[i].object == NULL) {
            continue;
        }
        d->rights = carried[i].rights;
        d->badge = 0;
        if (enter(carried[i].object, carried[i].rights, &d->handle) != rcOk) {
            d->handle = INVALID_HANDLE;
        }
    }
    *count = 0;
    return rcOk;
}

static struct request *request_new(struct channel *channel, const SMsgHdr *out, SMsgHdr *in)
{
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    request_count++;
    r->channel = channel;
    r->tid = (Tid)myself()->tid;
    r->reply_to = in;
    r->fixed_size = out->indirDescs[0].size;
    r->arena_size = out->indirDescs[1].buf == NULL ? 0 : out->indirDescs[1].size;
    r->fixed = malloc(r->fixed_size);
    r->arena = malloc(r->arena_size + 1u);
    if (r->fixed == NULL || r->arena == NULL) {
        request_free(r);
        return NULL;
    }
    memcpy(r->fixed, out->indirDescs[0].buf, r->fixed_size);
    if (r->arena_size > 0) {
        memcpy(r->arena, out->indirDescs[1].buf, r->arena_size);
    }
    r->trace = out->traceId;
    r->span = out->spanId;
    return r;
}

/* --- Waiting ------------------------------------------------------------------------------ */

static uint64_t deadline_after(rtl_uint32_t mdelay, int with_sync, int is_recv)
{
    struct self *me = myself();
    uint64_t start = now_ns();
    if (FAULTY(66) && me->last_start != 0) {
        start = me->last_start;
    }
    me->last_start = now_ns();
    if (FAULTY(68) && mdelay == INFINITE_TIMEOUT && with_sync) {
        mdelay = 500;
    }
    if (mdelay == INFINITE_TIMEOUT || (FAULTY(63) && mdelay == 0)) {
        return FOREVER;
    }
    if (FAULTY(62) && mdelay > INT32_MAX) {
        return start;
    }
    uint64_t deadline =
        start + (FAULTY(116)
                     ? mdelay * 1000000u
                     : mdelay * (FAULTY(65) && is_recv ? UINT64_C(1000) : UINT64_C(1000000)));
    if (FAULTY(61)) {
        return deadline - deadline % 16000000u;
    }
    return mdelay == 0 ? deadline : deadline + 1500000u;
}

/* Give up the lock until the port changes or the deadline comes; may come back for no reason. */
static void sleep_on(struct wait *w, uint64_t deadline)
{
#if OPEN_WAIT == 1
    (void)deadline;
    const struct timespec tick = {.tv_sec = 0, .tv_nsec = 2000000};
    struct port *port = w->port;
    port->refs++;
    pthread_mutex_unlock(&big);
    nanosleep(&tick, NULL);
    pthread_mutex_lock(&big);
    port_unref(port);
#elif OPEN_WAIT == 2
    sigset_t ours;
    sigset_t before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGRTMIN + 5);
    uint64_t left = deadline == FOREVER ? 3600000000000u : deadline - now_ns();
    const struct timespec ts = {.tv_sec = (time_t)(left / 1000000000u),
                                .tv_nsec = (long)(left % 1000000000u)};
    /* Blocked before the lock is given up: nobody signals a wait before. */
    pthread_sigmask(SIG_BLOCK, &ours, &before);
    w->tid = myself()->tid;
    pthread_mutex_unlock(&big);
    sigtimedwait(&ours, NULL, &ts);
    pthread_mutex_lock(&big);
    w->tid = 0;
    const struct timespec none = {0, 0};
    while (sigtimedwait(&ours, NULL, &none) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
#else
    w->noisy = 1;
    if (deadline == FOREVER) {
        pthread_cond_wait(&w->port->changed, &big);
        return;
    }
    const struct timespec ts = {.tv_sec = (time_t)(deadline / 1000000000u),
                                .tv_nsec = (long)(deadline % 1000000000u)};
    pthread_cond_timedwait(&w->port->changed, &big, &ts);
#endif
}

static void spin(int *left)
{
    --*left;
    pthread_mutex_unlock(&big);
    sched_yield();
    pthread_mutex_lock(&big);
}

static void wait_begin(struct wait *w, struct object *end, struct object *sync, struct request *r)
{
    memset(w, 0, sizeof *w);
    w->sync = sync;
    w->end = end;
    w->port = end->port;
    w->request = r;
    end->refs++;
    if (sync != NULL) {
        sync->refs++;
        if (FAULTY(55)) {
            int kind = r != NULL ? 1 : 2;
            w->blind = sync->bound != 0 && sync->bound != kind;
            sync->bound = sync->bound != 0 ? sync->bound : kind;
        }
    }
    w->next = waits;
    waits = w;
}

static void wait_end(struct wait *w)
{
    struct wait **at = &waits;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    if (w->sync != NULL) {
        object_unref(w->sync);
    }
    object_unref(w->end);
}

static int is_set(const struct object *sync)
{
    if (FAULTY(3)) {
        return (shared_flags >> (sync->index % 32u)) & 1u;
    }
    return sync->set > 0;
}

static int interrupted(const struct wait *w)
{
    return w->poked || (w->sync != NULL && is_set(w->sync) && !w->blind);
}

/* The sync object of an Ex call, null for INVALID_HANDLE. */
static Retcode find_sync(Handle handle, int is_recv, int plain, struct object **out)
{
    struct self *me = myself();
    *out = NULL;
    if (FAULTY(27) && plain && !is_recv && find(first_sync) != NULL) {
        handle = first_sync;
    }
    if (((FAULTY(28) && !is_recv && !plain) || (FAULTY(43) && is_recv && plain)) &&
        handle == INVALID_HANDLE && find(me->last_sync) != NULL) {
        handle = me->last_sync;
    }
    if (handle == INVALID_HANDLE) {
        return rcOk;
    }
    me->last_sync = handle;
    return find_kind(handle, KIND_SYNC, 0, out);
}

/* --- Call --------------------------------------------------------------------------------- */

static void unlink_queued(struct request *r)
{
    struct request **at = &r->channel->queued;
    while (*at != NULL && *at != r) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return;
    }
    *at = r->next;
    if (FAULTY(34) && *at != NULL) {
        *at = (*at)->next;
    }
}

static int channel_is_busy(const struct channel *channel)
{
    for (const struct request *r = channel->taken; r != NULL; r = r->next) {
        if (!r->abandoned) {
            return 1;
        }
    }
    return 0;
}

static int may_be_interrupted(const struct request *r)
{
    if (FAULTY(22) || (FAULTY(23) && r->via_listener)) {
        return r->state != ANSWERED;
    }
    if (FAULTY(31) && channel_is_busy(r->channel)) {
        return 0;
    }
    return r->state == QUEUED;
}

static Retcode await_response(struct request *r, struct wait *w, uint64_t deadline)
{
    int spins = SPINS;
    for (;;) {
        if (FAULTY(91) && w->poked) {
            return rcIpcInterrupt;
        }
        if (r->state == ANSWERED) {
            return r->result;
        }
        if (may_be_interrupted(r) && interrupted(w)) {
            return rcIpcInterrupt;
        }
        if (server_gone(r->channel)) {
            return rcNotConnected;
        }
        if (now_ns() >= deadline && !(FAULTY(64) && r->state == TAKEN)) {
            return FAULTY(60) && w->sync != NULL ? rcIpcInterrupt : rcTimeout;
        }
        if (FAULTY(67) && w->noisy && w->sync != NULL && r->state == QUEUED) {
            return rcTimeout;
        }
        if (OPEN_WAIT == 0 && spins > 0) {
            spin(&spins);
        } else {
            sleep_on(w, FAULTY(64) && r->state == TAKEN ? FOREVER : deadline);
        }
    }
}

/* Take a request back that got no response. */
static void withdraw(struct request *r, Retcode why)
{
    if (r->state == QUEUED) {
        if ((FAULTY(24) && why == rcIpcInterrupt) || (FAULTY(25) && why == rcTimeout)) {
            r->abandoned = 1;
            return;
        }
        unlink_queued(r);
        if (FAULTY(36)) {
            r->carried_count = 0;
        }
        request_free(r);
    } else if (r->state == TAKEN) {
        r->abandoned = 1;
    } else {
        request_free(r);
    }
}

static Retcode call_locked(struct object *client, const SMsgHdr *out, SMsgHdr *in,
                           uint64_t deadline, struct object *sync)
{
    if (OPEN_ROOM > 0 && request_count == OPEN_ROOM / 2) {
        return rcOutOfMemory;
    }
    struct channel *channel = client->channel;
    struct carried *carried = NULL;
    unsigned carried_count = 0;
    Retcode rc = gather(out, 0, &carried, &carried_count);
    if (rc != rcOk && !(FAULTY(71) && rc == rcSecurityDisallow)) {
        return rc;
    }
    struct request *r = request_new(channel, out, in);
    if (r == NULL) {
        return rcOutOfMemory;
    }
    if (rc != rcOk) {
        ((nk_message *)r->fixed)->ncaps = 0;
        r->abandoned = 1;
    }
    r->carried = carried;
    r->carried_count = carried_count;
    r->next = channel->queued;
    channel->queued = r;
    wake(channel->port);
    if (rc != rcOk) {
        return rc;
    }
    struct wait w;
    int late = FAULTY(90) && sync != NULL && !is_set(sync);
    if (FAULTY(90)) {
        pthread_mutex_unlock(&big);
        sched_yield();
        pthread_mutex_lock(&big);
    }
    wait_begin(&w, client, sync, r);
    w.blind = w.blind || (FAULTY(26) && sync != NULL && is_set(sync)) || (late && is_set(sync));
    rc = await_response(r, &w, deadline);
    if (FAULTY(38) && rc == rcIpcInterrupt) {
        channel->poisoned = 1;
    }
    withdraw(r, rc);
    wait_end(&w);
    return rc;
}

static Retcode call(Handle handle, const SMsgHdr *out, SMsgHdr *in, rtl_uint32_t mdelay,
                    Handle syncHandle, int plain)
{
    if (!header_is_good(out) || !header_is_good(in)) {
        return rcInvalidArgument;
    }
    pthread_mutex_lock(&big);
    struct self *me = myself();
    struct object *client = NULL;
    struct object *sync = NULL;
    Retcode rc = find_kind(handle, KIND_CLIENT, OCAP_IPC_CALL, &client);
    if (rc == rcOk) {
        rc = find_sync(syncHandle, 0, plain, &sync);
    }
    if (FAULTY(20) && mdelay != INFINITE_TIMEOUT) {
        sync = NULL;
    }
    uint64_t deadline = deadline_after(mdelay, sync != NULL, 0);
    if (rc == rcOk && server_gone(client->channel)) {
        rc = rcNotConnected;
    }
    if (rc == rcOk && FAULTY(11) && client->channel->poisoned && sync != NULL) {
        client->channel->poisoned = 0;
        rc = rcIpcInterrupt;
    }
    if (rc == rcOk && FAULTY(38) && client->channel->poisoned) {
        rc = rcBusy;
    }
    if (rc == rcOk && FAULTY(32) && me->interrupted && sync != NULL) {
        me->interrupted = 0;
        rc = rcIpcInterrupt;
    } else if (rc == rcOk && sync != NULL && is_set(sync) && !FAULTY(26) && !FAULTY(55)) {
        /* Handles that may not go are refused before anything else. */
        struct carried *carried = NULL;
        unsigned count = 0;
        rc = gather(out, 0, &carried, &count);
        for (unsigned i = 0; i < count; i++) {
            drop(carried[i].object);
        }
        free(carried);
        rc = rc == rcOk ? rcIpcInterrupt : rc;
        if (FAULTY(50) && rc == rcIpcInterrupt) {
            sync->set = 0;
        }
    } else if (rc == rcOk) {
        rc = call_locked(client, out, in, deadline, sync);
        me->interrupted = rc == rcIpcInterrupt;
    }
    pthread_mutex_unlock(&big);
    return rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    return call(handle, msgOut, msgIn, mdelay, syncHandle, 0);
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return call(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
}

/* --- Recv --------------------------------------------------------------------------------- */

static struct request *next_request(const struct object *end)
{
    if (end->kind == KIND_SERVER) {
        return end->channel->queued;
    }
    for (struct channel *c = end->port->channels; c != NULL; c = c->next) {
        if (c->queued != NULL) {
            return c->queued;
        }
    }
    return NULL;
}

static int clients_gone(const struct object *end)
{
    return end->kind == KIND_SERVER && end->channel->client_ends == 0;
}

static void move_to_taken(struct request *r, const struct object *end)
{
    unlink_queued(r);
    r->next = NULL;
    r->state = TAKEN;
    r->via_listener = end->kind == KIND_LISTENER;
    r->server_tid = myself()->tid;
    struct request **at = &r->channel->taken;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = r;
}

static int is_queued(const struct request *r, const struct channel *channel)
{
    for (const struct request *q = channel->queued; q != NULL; q = q->next) {
        if (q == r) {
            return 1;
        }
    }
    return 0;
}

static int is_taken(const struct request *r, const struct channel *channel)
{
    for (const struct request *q = channel->taken; q != NULL; q = q->next) {
        if (q == r) {
            return 1;
        }
    }
    return 0;
}

static Retcode take(struct request *r, const struct object *end, Handle handle, SMsgHdr *in)
{
    if (FAULTY(93)) {
        struct channel *channel = r->channel;
        pthread_mutex_unlock(&big);
        sched_yield();
        pthread_mutex_lock(&big);
        if (!is_queued(r, channel) && !is_taken(r, channel)) {
            return rcNotReady;
        }
    }
    Retcode rc = deliver(in, r->fixed, r->fixed_size, r->arena, r->arena_size, r->carried,
                         &r->carried_count);
    in->replyHandle = handle;
    in->sender = PROCESS;
    in->threadId = r->tid;
    in->traceId = r->trace;
    in->spanId = r->span;
    if (r->state != TAKEN) {
        move_to_taken(r, end);
    }
    if (rc != rcOk) {
        struct request **at = &r->channel->taken;
        while (*at != r) {
            at = &(*at)->next;
        }
        *at = r->next;
        r->state = ANSWERED;
        r->result = rc;
    }
    wake(end->port);
    return rc;
}

static Retcode await_request(struct object *end, Handle handle, SMsgHdr *in, struct wait *w,
                             uint64_t deadline)
{
    int spins = SPINS;
    for (;;) {
        if (FAULTY(41) && interrupted(w)) {
            if (next_request(end) != NULL) {
                move_to_taken(next_request(end), end);
            }
            return rcIpcInterrupt;
        }
        struct request *r = next_request(end);
        if (r != NULL) {
            Retcode rc = take(r, end, handle, in);
            if (FAULTY(93) && rc == rcNotReady) {
                continue;
            }
            return rc;
        }
        if (interrupted(w)) {
            end->stuck++;
            if (FAULTY(50)) {
                w->sync->set = 0;
            }
            return rcIpcInterrupt;
        }
        if (clients_gone(end)) {
            return rcNotConnected;
        }
        if (find(handle) == NULL) {
            return rcAbort;
        }
        if (now_ns() >= deadline) {
            return FAULTY(60) && w->sync != NULL ? rcIpcInterrupt : rcTimeout;
        }
        if (FAULTY(67) && w->noisy && w->sync != NULL) {
            return rcTimeout;
        }
        if (OPEN_WAIT == 0 && spins > 0) {
            spin(&spins);
        } else {
            sleep_on(w, deadline);
        }
    }
}

static Retcode find_receiving(Handle handle, struct object **out)
{
    Retcode rc = find_kind(handle, KIND_LISTENER, OCAP_IPC_RECV, out);
    return rc == rcResourceNotFound ? find_kind(handle, KIND_SERVER, OCAP_IPC_RECV, out) : rc;
}

static Retcode receive(Handle handle, SMsgHdr *in, rtl_uint32_t mdelay, Handle syncHandle,
                       int plain)
{
    if (!header_is_good(in)) {
        return rcInvalidArgument;
    }
    pthread_mutex_lock(&big);
    struct object *end = NULL;
    struct object *sync = NULL;
    Retcode rc = find_receiving(handle, &end);
    if (rc == rcOk) {
        rc = find_sync(syncHandle, 1, plain, &sync);
    }
    if (rc == rcOk) {
        if ((FAULTY(21) && mdelay == INFINITE_TIMEOUT) ||
            (FAULTY(47) && end->kind == KIND_LISTENER)) {
            sync = NULL;
        }
        uint64_t deadline = deadline_after(mdelay, sync != NULL, 1);
        struct wait w;
        wait_begin(&w, end, sync, NULL);
        w.blind = w.blind || (FAULTY(42) && sync != NULL && is_set(sync));
        rc = await_request(end, handle, in, &w, deadline);
        wait_end(&w);
        myself()->interrupted = rc == rcIpcInterrupt;
    }
    pthread_mutex_unlock(&big);
    return rc;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    return receive(handle, msgIn, mdelay, syncHandle, 0);
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return receive(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
}

/* --- Reply -------------------------------------------------------------------------------- */

static struct request **find_taken_in(struct channel *channel, Tid tid)
{
    struct request **found = NULL;
    for (struct request **at = &channel->taken; *at != NULL; at = &(*at)->next) {
        if (tid == 0 || FAULTY(94)) {
            return at;
        }
        /* Of one thread's calls all but the last have been given up; a late Reply is for the one
         * that the replying thread took. */
        if ((*at)->tid == tid && (found == NULL || (*at)->server_tid == myself()->tid ||
                                  (*found)->server_tid != myself()->tid)) {
            found = at;
        }
    }
    return found;
}

static struct request **find_taken(struct object *end, Tid tid)
{
    if (end->kind == KIND_SERVER) {
        return find_taken_in(end->channel, tid);
    }
    for (struct channel *c = end->port->channels; c != NULL; c = c->next) {
        struct request **at = find_taken_in(c, tid);
        if (at != NULL) {
            return at;
        }
    }
    return NULL;
}

/* Fault 35: the next call of the caller that has gone. */
static struct request *next_call_of(const struct request *gone)
{
    for (struct wait *w = waits; w != NULL; w = w->next) {
        if (w->request != NULL && w->request->tid == gone->tid) {
            return w->request;
        }
    }
    return NULL;
}

static void remove_anywhere(struct request *r)
{
    unlink_queued(r);
    for (struct request **at = &r->channel->taken; *at != NULL; at = &(*at)->next) {
        if (*at == r) {
            *at = r->next;
            return;
        }
    }
}

static Retcode reply_locked(struct object *end, const SMsgHdr *out)
{
    struct request **at = find_taken(end, out->threadId);
    if (at == NULL) {
        return rcNotReady;
    }
    struct carried *carried = NULL;
    unsigned count = 0;
    Retcode rc = gather(out, 1, &carried, &count);
    if (rc != rcOk) {
        return rc;
    }
    struct request *r = *at;
    *at = r->next;
    if (FAULTY(35) && r->abandoned && next_call_of(r) != NULL) {
        struct request *other = next_call_of(r);
        request_free(r);
        r = other;
        remove_anywhere(r);
    }
    if (r->abandoned) {
        request_free(r);
        rc = rcNotConnected;
    } else {
        rtl_uint32_t arena_size = out->indirDescs[1].buf == NULL ? 0 : out->indirDescs[1].size;
        rc = deliver(r->reply_to, out->indirDescs[0].buf, out->indirDescs[0].size,
                     out->indirDescs[1].buf, arena_size, carried, &count);
        r->state = ANSWERED;
        r->result = rc;
        wake(end->port);
    }
    for (unsigned i = 0; i < count; i++) {
        drop(carried[i].object);
    }
    free(carried);
    return rc;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    if (!header_is_good(msgOut)) {
        return rcInvalidArgument;
    }
    pthread_mutex_lock(&big);
    struct object *end = NULL;
    Retcode rc = find_receiving(handle, &end);
    if (rc == rcOk && FAULTY(40)) {
        struct entry *e = find(myself()->last_sync);
        rc = e != NULL && is_set(e->object) ? rcIpcInterrupt : rcOk;
    }
    if (rc == rcOk) {
        rc = reply_locked(end, msgOut);
    }
    pthread_mutex_unlock(&big);
    return rc;
}

/* --- Sync objects ------------------------------------------------------------------------- */

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    if (syncHandle == NULL) {
        return FAULTY(2) ? rcOk : rcInvalidArgument;
    }
    pthread_mutex_lock(&big);
    struct entry *old = FAULTY(1) ? find(*syncHandle) : NULL;
    Retcode rc = rcOk;
    if (old == NULL || old->object->kind != KIND_SYNC) {
        struct object *object = object_new(KIND_SYNC, NULL, NULL);
        rc = object == NULL ? rcOutOfMemory : enter(object, OCAP_IPC_INTERRUPT, syncHandle);
        if (rc == rcOk) {
            object->index = sync_count++;
            first_sync = find(first_sync) == NULL ? *syncHandle : first_sync;
            shared_flags &= FAULTY(3) ? ~(1u << (object->index % 32u)) : 0;
        }
    }
    pthread_mutex_unlock(&big);
    return rc;
}

static int is_queued_call(const struct wait *w)
{
    return w->request != NULL && w->request->state == QUEUED;
}

/* Faults of Set that overlook some of the waiters, or hit some that are not concerned. */
static void choose_waiters(struct object *sync)
{
    unsigned seen = 0;
    unsigned calls = 0;
    for (struct wait *w = waits; w != NULL; w = w->next) {
        calls += w->sync == sync && is_queued_call(w);
    }
    for (struct wait *w = waits; w != NULL; w = w->next) {
        if (w->sync != sync) {
            continue;
        }
        seen++;
        w->blind = w->blind && (FAULTY(55) || FAULTY(90));
        if ((FAULTY(30) && seen > 4) || (FAULTY(44) && w->request == NULL && seen > 1) ||
            (FAULTY(54) && w->request == NULL && calls > 0) || (FAULTY(52) && sync->bound > 1)) {
            w->blind = 1;
        }
        if (FAULTY(91) && is_queued_call(w)) {
            w->poked = 1;
        }
        for (struct wait *v = waits; v != NULL; v = v->next) {
            if ((FAULTY(29) && v->port == w->port && v->sync != NULL && is_queued_call(v)) ||
                (FAULTY(45) && v->end == w->end && v->request == NULL)) {
                v->poked = 1;
            }
        }
    }
}

static int has_taken_call(const struct object *sync)
{
    for (const struct wait *w = waits; w != NULL; w = w->next) {
        if (w->sync == sync && w->request != NULL && w->request->state == TAKEN) {
            return 1;
        }
    }
    return 0;
}

static int has_waiter(const struct object *sync)
{
    for (const struct wait *w = waits; w != NULL; w = w->next) {
        if (w->sync == sync && (w->request == NULL || w->request->state == QUEUED)) {
            return 1;
        }
    }
    return 0;
}

static void on_signal(int number)
{
    (void)number;
}

/* Fault 59: poke every thread of the process, whatever it does. */
static void signal_everybody(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR2, &action, NULL);
    for (pid_t tid = getpid(); tid < getpid() + 200; tid++) {
        syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
    }
}

static void set_locked(struct object *sync)
{
    if (FAULTY(17) && has_waiter(sync)) {
        for (struct wait *w = waits; w != NULL; w = w->next) {
            w->poked |= w->sync == sync && (w->request == NULL || w->request->state == QUEUED);
        }
    } else if (!(FAULTY(33) && has_taken_call(sync))) {
        sync->set = FAULTY(6) || FAULTY(7) ? sync->set + 1 : 1;
        shared_flags |= 1u << (sync->index % 32u);
    }
    sync->bound += FAULTY(52);
    for (struct wait *w = waits; w != NULL; w = w->next) {
        if ((FAULTY(26) || FAULTY(42)) && w->sync == sync) {
            w->blind = 0;
        }
    }
    choose_waiters(sync);
    for (struct wait *w = waits; w != NULL; w = w->next) {
        if (w->sync == sync || w->poked) {
            wake(w->port);
        }
    }
    if (FAULTY(59)) {
        signal_everybody();
    }
}

static void clear_locked(struct object *sync)
{
    if (FAULTY(6)) {
        sync->set -= sync->set > 0;
    } else if (FAULTY(7)) {
        sync->set--;
    } else {
        sync->set = 0;
    }
    shared_flags &= ~(1u << (sync->index % 32u));
}

struct later {
    struct object *sync;
    int set;
};

/* Faults 57 and 58: the state changes a moment after the call has returned. */
static void *change_later(void *argument)
{
    struct later *later = argument;
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&big);
    if (later->set) {
        set_locked(later->sync);
    } else {
        clear_locked(later->sync);
    }
    object_unref(later->sync);
    pthread_mutex_unlock(&big);
    free(later);
    return NULL;
}

static void change(struct object *sync, int set)
{
    if ((FAULTY(57) && set) || (FAULTY(58) && !set)) {
        struct later *later = malloc(sizeof *later);
        pthread_t thread;
        if (later == NULL) {
            return;
        }
        later->sync = sync;
        later->set = set;
        sync->refs++;
        if (pthread_create(&thread, NULL, change_later, later) == 0) {
            pthread_detach(thread);
        }
    } else if (set) {
        set_locked(sync);
    } else {
        clear_locked(sync);
    }
}

/* Set and Clear on something that is no sync object: an error, apart from faults. */
static Retcode refuse(Handle handle, int set, Retcode rc)
{
    struct entry *e = find(handle);
    if (e == NULL && handle != INVALID_HANDLE && ((FAULTY(8) && set) || (FAULTY(9) && !set))) {
        return rcOk;
    }
    if (FAULTY(10) && handle == INVALID_HANDLE && set) {
        return rcOk;
    }
    if (FAULTY(11) && e != NULL && e->object->kind == KIND_CLIENT && set) {
        e->object->channel->poisoned = 1;
    }
    if (FAULTY(12) && e != NULL && e->object->kind == KIND_LISTENER && set) {
        return rcOk;
    }
    return rc;
}

static Retcode switch_state(Handle handle, int set)
{
    pthread_mutex_lock(&big);
    struct object *sync = NULL;
    Retcode rc = find_kind(handle, KIND_SYNC, 0, &sync);
    if (rc != rcOk) {
        rc = refuse(handle, set, rc);
    } else if (FAULTY(5) && set && is_set(sync)) {
        rc = rcAlreadyExists;
    } else {
        change(sync, set);
    }
    pthread_mutex_unlock(&big);
    return rc;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    return switch_state(syncHandle, 1);
}

#if FAULT == 105
__attribute__((visibility("hidden")))
#endif
Retcode
KnIpcClearInterrupt(Handle syncHandle)
{
    return switch_state(syncHandle, 0);
}

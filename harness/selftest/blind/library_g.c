/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library G, "claims". No lock decides anything: each Ex call is a ticket with one state word, and who swaps
 * the word owns the outcome. A hub (a listener and its channels) and a sync object are desks: whoever brings something
 * pushes it onto a stack and knocks; the first to knock does the work of all until nobody has knocked any more, the
 * others go away at once. Messages travel in parcels that belong to the ticket, so that no thread ever touches the
 * buffers of another. Tickets are reference counted and swept from the desks by whoever is at work there. Latches
 * guard handle stripes and ledgers of taken requests, for a few instructions each. Written from the requirement list
 * alone, without a look at the cases.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <services/rtl/nk_msg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

#ifndef OPEN_PARK /* 0 futex on the word, 1 eventfd, 2 timerfd, 3 SIGURG, 4 naps only, 5 four bells for all */
#define OPEN_PARK 0
#endif
#ifndef OPEN_SPIN /* sched_yield so often before a wait sleeps */
#define OPEN_SPIN 8
#endif
#ifndef OPEN_NAP_US /* longest nap of a wait that naps */
#define OPEN_NAP_US 1500
#endif
#ifndef OPEN_LATE_US /* a decided wait returns up to so much later */
#define OPEN_LATE_US 0
#endif
#ifndef OPEN_SLOW_US /* Set and Clear take up to so long */
#define OPEN_SLOW_US 0
#endif
#ifndef OPEN_TICK_MS /* limits are rounded up to multiples of this on the clock */
#define OPEN_TICK_MS 1
#endif
#ifndef OPEN_WARDEN /* not 0: a thread made at the first finite wait ends overdue waits every so many ms */
#define OPEN_WARDEN 0
#endif
#ifndef OPEN_MEM /* 0 heap, 1 mmap'ed arenas that are never given back, 2 a graveyard of overwritten records */
#define OPEN_MEM 0
#endif
#ifndef OPEN_GRAVE /* records in the graveyard */
#define OPEN_GRAVE 4000
#endif
#ifndef OPEN_CODE /* codes left open. 0 the header's, 1 other names, 2 numbers of a customer without a name */
#define OPEN_CODE 0
#endif
#ifndef OPEN_HANDLE /* 0 closed last, used first; 1 kind in the top bits; 2 downwards by 16; 3 random; 4 lowest from 1<<31 */
#define OPEN_HANDLE 0
#endif
#ifndef OPEN_TABLE /* handles of a process */
#define OPEN_TABLE 20000
#endif
#ifndef OPEN_SYNCS /* sync objects of a process */
#define OPEN_SYNCS 10000
#endif
#ifndef OPEN_WAITS /* Ex calls at a time */
#define OPEN_WAITS 100000
#endif
#ifndef OPEN_TID /* thread ids. 0 small, 1 scrambled */
#define OPEN_TID 0
#endif
#ifndef OPEN_CHECKS /* 0 handle, sync handle, message; 1 message first; 2 sync handle first */
#define OPEN_CHECKS 0
#endif
#ifndef OPEN_RIGHTSFIRST /* 1: a missing right is reported before the wrong kind */
#define OPEN_RIGHTSFIRST 0
#endif
#ifndef OPEN_SETENTRY /* CALL-05/RECV-05. 0 interrupted; 1 both look for a peer first; 2 RecvEx only; 3 CallEx only */
#define OPEN_SETENTRY 0
#endif
#ifndef OPEN_BLINK /* STATE-04. 0 Set with an immediate Clear interrupts all the same; 1 Clear takes it back till seen */
#define OPEN_BLINK 0
#endif
#ifndef OPEN_BADSYNC /* 0 refused; 1 other kind or closed: as none */
#define OPEN_BADSYNC 0
#endif
#ifndef OPEN_CLOSESYNC /* 0 wait on, 1 waiters are interrupted, 2 waiters get an error, 3 Close refused while in use */
#define OPEN_CLOSESYNC 0
#endif
#ifndef OPEN_AUTO /* bit 0: all waiters of a clearing object; bit 1: Set is forgotten when nobody waits */
#define OPEN_AUTO 0
#endif
#ifndef OPEN_MDELAY0 /* 0 one look; 1 rcTimeout without a look; 2 refused */
#define OPEN_MDELAY0 0
#endif
#ifndef OPEN_XFER05 /* 0 the client waits on; 1 released with an error, the request is gone */
#define OPEN_XFER05 0
#endif
#ifndef OPEN_WIDE /* 1: a descriptor that asks for more than is held is refused, not cut down */
#define OPEN_WIDE 0
#endif
#ifndef OPEN_CLIENTGONE /* receivers. 0 wait on; 1 end on a server handle; 2 on a listener without clients too */
#define OPEN_CLIENTGONE 0
#endif
#ifndef OPEN_SERVERCLOSE /* 1: closing its server handle ends a channel though the listener is open */
#define OPEN_SERVERCLOSE 0
#endif
#ifndef OPEN_OWNCLOSE /* 1: a queued call ends when its client handle is closed */
#define OPEN_OWNCLOSE 0
#endif
#ifndef OPEN_COPY /* XFER-10. 0 allowed; 1 a sync handle has no copy right; 2 too wide masks are cut down */
#define OPEN_COPY 0
#endif
#ifndef OPEN_OPTIONAL /* 0: Copy, Revoke, CreateUserObject, CreateSyncObjectEx are rcUnimplemented */
#define OPEN_OPTIONAL 1
#endif
#ifndef OPEN_ONEEND /* 1: KnHandleConnect returns the listener's handle as server handle too */
#define OPEN_ONEEND 0
#endif
#ifndef OPEN_REPLYHANDLE /* 0 the handle given to Recv; 1 a number of its own for each request, good for Reply only */
#define OPEN_REPLYHANDLE 0
#endif
#ifndef OPEN_OWNFIRST /* 1: Reply with threadId 0 prefers what the calling thread took */
#define OPEN_OWNFIRST 0
#endif
#ifndef OPEN_LATEREPLY /* 1: Reply to a caller that has gone is rcOk */
#define OPEN_LATEREPLY 0
#endif
#ifndef OPEN_REPLYWAIT /* 1: Reply returns after the client has fetched the response */
#define OPEN_REPLYWAIT 0
#endif
#ifndef OPEN_SMALL /* a request does not fit. 0 both get rcBufferTooSmall; 1 it stays queued */
#define OPEN_SMALL 0
#endif
#ifndef OPEN_SCRIBBLE /* 1: the room behind the bytes that came is filled with rubbish */
#define OPEN_SCRIBBLE 0
#endif
#ifndef OPEN_ORDER /* requests. 0 oldest first, 1 newest, 2 longest, 3 whose limit is nearest */
#define OPEN_ORDER 0
#endif
#ifndef OPEN_RORDER /* receivers. 0 oldest first, 1 newest */
#define OPEN_RORDER 0
#endif

#define FIRST_PROCESS_ID 0x67u
#define REPLY_NUMBERS 0xf0000000u /* from here on numbers are no handles */
#define LEDGER_MAX 4096u

typedef uint64_t u64;
typedef uint32_t u32;

/* --- Why something ended --------------------------------------------------------------------------- */
enum why {
    Y_OK,
    Y_MATCH, /* a receiver has got a request */
    Y_INTR,
    Y_TIMEOUT,
    Y_SECURITY,
    Y_GONE, /* the server end */
    Y_DEAD, /* the own process */
    Y_REVOKED,
    Y_UNIMPL,
    Y_NULL,
    Y_NOHANDLE,
    Y_KIND,
    Y_RIGHT,
    Y_BUSY,
    Y_QUOTA,
    Y_MEMORY,
    Y_MSG,
    Y_BIG,
    Y_SMALL,
    Y_XFER,
    Y_NOREQ,
    Y_LATE,
    Y_SYNCGONE,
    Y_OWN,
    Y_CLIENTGONE,
    Y_BADGE,
    Y_TYPE,
    Y_ZERO,
    Y_RECEIVE,
    Y_FAIL
};

static Retcode rc(enum why w)
{
    switch (w) {
    case Y_OK:
        return rcOk;
    case Y_INTR:
        return rcIpcInterrupt;
    case Y_TIMEOUT:
        return rcTimeout;
    case Y_SECURITY:
        return rcSecurityDisallow;
    case Y_GONE:
        return rcNotConnected;
    case Y_REVOKED:
        return rcHandleRevoked;
    case Y_UNIMPL:
        return rcUnimplemented;
    default:
        break;
    }
#if OPEN_CODE == 2
    return (Retcode)(0xc0570000u + (u32)w);
#elif OPEN_CODE == 1
    switch (w) {
    case Y_NULL:
        return rcSourceFault;
    case Y_NOHANDLE:
        return rcResourceNotFound;
    case Y_KIND:
        return rcDeviceNotFound;
    case Y_RIGHT:
        return rcInvalidOperation;
    case Y_QUOTA:
    case Y_MEMORY:
        return rcBusy;
    case Y_NOREQ:
        return rcInvalidThreadState;
    case Y_LATE:
        return rcReceiveError;
    case Y_SMALL:
    case Y_BIG:
        return rcTransferError;
    case Y_DEAD:
        return rcRestart;
    case Y_ZERO:
        return rcFutexWouldBlock;
    default:
        return rcFail;
    }
#else
    switch (w) {
    case Y_NULL:
    case Y_NOHANDLE:
    case Y_MSG:
    case Y_TYPE:
    case Y_ZERO:
        return rcInvalidArgument;
    case Y_KIND:
        return rcInvalidOperation;
    case Y_RIGHT:
        return rcNoCapability;
    case Y_BUSY:
        return rcBusy;
    case Y_QUOTA:
        return rcQuotaExceeded;
    case Y_MEMORY:
        return rcOutOfMemory;
    case Y_BIG:
        return rcBufferTooLarge;
    case Y_SMALL:
        return rcBufferTooSmall;
    case Y_XFER:
        return rcTransferError;
    case Y_NOREQ:
        return rcNotReady;
    case Y_LATE:
    case Y_OWN:
    case Y_CLIENTGONE:
        return rcNotConnected;
    case Y_DEAD:
        return rcAbort;
    case Y_SYNCGONE:
        return rcResourceNotFound;
    case Y_BADGE:
        return rcUnimplemented;
    case Y_RECEIVE:
        return rcReceiveError;
    default:
        return rcInternalError;
    }
#endif
}

/* --- Time, latches, memory ------------------------------------------------------------------------- */
static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static void doze_us(u64 us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&t, NULL);
}

static u32 dice(void)
{
    static _Thread_local u32 x;
    if (x == 0) {
        x = (u32)now_ns() | 1;
    }
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

/* Somebody is busy for a few microseconds. */
static void relax(unsigned *n)
{
    if (++*n < 100) {
        sched_yield();
    } else {
        doze_us(40);
    }
}

typedef struct {
    atomic_uint v;
} latch;

static void latch_on(latch *l)
{
    unsigned n = 0;
    while (atomic_exchange_explicit(&l->v, 1, memory_order_acquire)) {
        relax(&n);
    }
}

static void latch_off(latch *l)
{
    atomic_store_explicit(&l->v, 0, memory_order_release);
}

#if OPEN_MEM == 1
static latch arena_latch;
static void *arena_free[20];
static char *arena_at, *arena_end;

static unsigned mem_class(size_t n)
{
    unsigned c = 6;
    while (((size_t)1 << c) < n) {
        c++;
    }
    return c;
}

static void *mem_map(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void *mem_get(size_t n)
{
    unsigned c = mem_class(n);
    if (c > 16) {
        return mem_map(n);
    }
    latch_on(&arena_latch);
    void *p = arena_free[c];
    if (p != NULL) {
        memcpy(&arena_free[c], p, sizeof(void *));
    } else {
        if ((size_t)(arena_end - arena_at) < ((size_t)1 << c)) {
            arena_at = mem_map(1u << 20);
            arena_end = arena_at == NULL ? NULL : arena_at + (1u << 20);
        }
        if (arena_at != NULL) {
            p = arena_at;
            arena_at += (size_t)1 << c;
        }
    }
    latch_off(&arena_latch);
    return p == NULL ? NULL : memset(p, 0, n);
}

static void mem_put(void *p, size_t n)
{
    unsigned c = mem_class(n);
    if (p == NULL) {
        return;
    }
    if (c > 16) {
        munmap(p, n);
        return;
    }
    latch_on(&arena_latch);
    memcpy(p, &arena_free[c], sizeof(void *));
    arena_free[c] = p;
    latch_off(&arena_latch);
}
#elif OPEN_MEM == 2
static latch grave_latch;
static void *grave[OPEN_GRAVE];
static unsigned grave_at;

static void *mem_get(size_t n)
{
    return calloc(1, n);
}

static void mem_put(void *p, size_t n)
{
    if (p == NULL) {
        return;
    }
    memset(p, 0xdb, n);
    if (n <= 4096) {
        latch_on(&grave_latch);
        void *old = grave[grave_at];
        grave[grave_at] = p;
        grave_at = (grave_at + 1) % OPEN_GRAVE;
        latch_off(&grave_latch);
        p = old;
    }
    free(p);
}
#else
static void *mem_get(size_t n)
{
    return calloc(1, n);
}

static void mem_put(void *p, size_t n)
{
    (void)n;
    free(p);
}
#endif

/* --- Records --------------------------------------------------------------------------------------- */
enum kind { K_NONE, K_SYNC, K_CLIENT, K_SERVER, K_LISTENER, K_USER, K_REVOKED };
#define KIND(k) (1u << (k))

struct ticket;
struct proc;
struct seat;

struct node {
    struct node *next;
    struct ticket *t;
    u64 gen;  /* sync: how often the object had been set when the wait began */
    u32 seen; /* fault 719 */
};

/* A desk: see above. */
struct desk {
    _Atomic(struct node *) inbox;
    atomic_uint knocks;
    void (*pass)(struct desk *);
};

struct thing {
    atomic_uint refs;
    enum kind type; /* K_SYNC, K_SERVER for a channel, K_LISTENER for a hub, K_USER */
};

struct sync {
    struct thing th;
    atomic_uint names;
    _Atomic u64 word; /* bit 0: set; above: how often it was */
    struct desk desk;
    struct node *bonds; /* of the thread at the desk */
    int autoclear;
    atomic_uint users; /* Ex calls that use it */
    atomic_uint closed;
    struct proc *proc;
    /* of faults */
    atomic_uint f_hits, f_blast, f_deleted, f_taken, f_pending, f_kinds, f_recv, f_used, f_stale,
        f_setter, f_count, f_restart, f_held;
    struct hub *f_hub;
};

struct hub {
    struct thing th;
    atomic_uint names;
    atomic_uint clients; /* channels with a client end */
    atomic_uint serial;
    struct desk desk;
    struct node *calls, *recvs; /* of the thread at the desk */
    u32 pass;
    /* of faults */
    latch f_latch;
    struct sync *f_default;
    atomic_uint f_dead, f_recvd, f_scope, f_strip;
    struct proc *f_scope_proc;
};

struct chan {
    struct thing th;
    atomic_uint names[2]; /* client end, server end */
    u32 serial;
    int listener_only; /* made without a server handle */
    struct hub *hub;
    atomic_uint f_locked, f_cut, f_intr, f_poke, f_present, f_busy;
};

struct user {
    struct thing th;
    atomic_uint names;
    void *context;
};

/* Whom a handle was made from. */
struct line {
    atomic_uint refs;
    atomic_uint revoked;
    struct line *parent;
};

struct slot {
    struct slot *next;
    u32 number;
    enum kind kind;
    struct thing *thing;
    u32 rights;
    struct line *line;
    u32 f_from;
};

/* What a look-up gives: borrowed counts. */
struct grip {
    enum kind kind;
    struct thing *thing;
    u32 rights;
    struct line *line;
    int named;
};

struct parcel {
    u32 fixed, arena;
    u64 trace, span;
    u32 n_cargo;
    struct grip *cargo;
    unsigned char bytes[];
};

enum { S_OPEN, S_HELD, S_HANDED, S_TAKEN, S_ANSWER, S_DONE };
#define STATE(w) ((w)&7u)
#define WHY(w) ((enum why)((w) >> 8))
#define M(s) (1u << (s))

/*
 * One Ex call. The word: OPEN, waits and may be claimed by anybody; HELD, claimed for a moment by somebody who is yet
 * to find out; HANDED, a request given to a receiver that has not fetched it; TAKEN, fetched; ANSWER, a Reply is at
 * work; DONE with the reason.
 */
struct ticket {
    atomic_uint word;
    atomic_uint refs;
    int is_call;
    struct proc *proc;
    struct seat *seat;
    u32 tid;
    struct chan *chan; /* receiver: null is all channels */
    struct hub *hub;
    struct sync *sync;
    _Atomic u64 deadline; /* 0: none */
    struct node at_hub, at_sync;
    atomic_uint seen; /* a pass has looked at it */
    u32 visit;
    _Atomic(struct parcel *) parcel;
    u32 size_fixed, size_arena, room_fixed, room_arena;
    struct parcel *answer;
    struct ticket *match;
    /* taken */
    struct ticket *ledger_next;
    enum kind via_kind;
    struct thing *via;
    u32 taker, number;
    atomic_uint left;
    /* of faults */
    struct node f_at_extra;
    struct sync *f_extra, *f_taker_sync;
    struct parcel *f_spare;
    atomic_uint f_hit, f_deaf, f_loose, f_orphan, f_counted;
    u32 f_twice, f_only, f_copy, f_max_serial, f_strip, f_span_ms, f_interrupted_at_entry;
};

struct stripe {
    latch latch;
    struct slot *bucket[64];
};

struct proc {
    atomic_uint refs;
    u32 id;
    atomic_uint dead;
    struct proc *next;
    struct stripe stripe[8];
    atomic_uint handles, syncs;
    latch number_latch;
    u32 next_number, low, n_freed, freed[256];
    latch ledger_latch;
    struct ticket *ledger;
    u32 n_ledger, next_reply;
    /* of faults */
    atomic_uint f_reserved;
    latch f_latch;
    u32 f_closed_number;
    struct sync *f_closed_sync, *f_last_recv_sync;
    u32 f_rights[1024];
};

/* A thread. Seats are never freed, those of threads that ended are taken again. */
struct seat {
    struct seat *next;
    atomic_uint used;
    latch latch;
    struct ticket *ticket;
    struct proc *proc;
    u32 tid;
    atomic_int fd;
    atomic_int ktid;
    /* of faults */
    struct sync *f_stale_sync, *f_recv_sync;
    struct parcel *f_old, *f_mail;
    struct chan *f_old_chan;
    void *f_seen_sync, *f_marked;
    u64 f_seen_gen, f_deadline, f_deadline2;
    u32 f_last, f_calls, f_refused, f_bad;
};

static latch world; /* list of processes */
static struct proc first_process, *processes;
static _Atomic(struct seat *) seats;
static atomic_uint tids, process_ids, waits;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t seat_key;
static _Thread_local struct seat *my_seat;

static void desk_kick(struct desk *d);
static void hub_pass(struct desk *d);
static void sync_pass(struct desk *d);
static void ticket_put(struct ticket *t);
static int ticket_end(struct ticket *t, u32 mask, enum why why);
static void ledger_drop(enum kind kind, struct thing *via);

/* --- Things: counts -------------------------------------------------------------------------------- */
static void proc_put(struct proc *p)
{
    if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1 && p != &first_process) {
        mem_put(p, sizeof *p);
    }
}

static struct proc *proc_get(struct proc *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

static void *thing_get(void *thing)
{
    if (thing != NULL) {
        atomic_fetch_add(&((struct thing *)thing)->refs, 1);
    }
    return thing;
}

static void thing_put(void *thing)
{
    while (thing != NULL && atomic_fetch_sub(&((struct thing *)thing)->refs, 1) == 1) {
        void *more = NULL;
        switch (((struct thing *)thing)->type) {
        case K_SYNC: {
            struct sync *s = thing;
            if (FAULTY(715) && atomic_load(&s->word) == 0) {
                void *page = malloc(16384);
                if (page != NULL) {
                    memset(page, 1, 16384);
                }
                void *volatile lost = page;
                (void)lost;
            }
            more = s->f_hub;
            proc_put(s->proc);
            mem_put(s, sizeof *s);
            break;
        }
        case K_SERVER:
            more = ((struct chan *)thing)->hub;
            mem_put(thing, sizeof(struct chan));
            break;
        case K_LISTENER:
            more = ((struct hub *)thing)->f_default;
            mem_put(thing, sizeof(struct hub));
            break;
        default:
            mem_put(thing, sizeof(struct user));
            break;
        }
        thing = more;
    }
}

/* A name is a handle, or a handle on its way: an end without names is closed. */
static void name_get(enum kind kind, void *thing)
{
    switch (kind) {
    case K_SYNC:
        atomic_fetch_add(&((struct sync *)thing)->names, 1);
        break;
    case K_CLIENT:
        atomic_fetch_add(&((struct chan *)thing)->names[0], 1);
        break;
    case K_SERVER:
        atomic_fetch_add(&((struct chan *)thing)->names[1], 1);
        break;
    case K_LISTENER:
        atomic_fetch_add(&((struct hub *)thing)->names, 1);
        break;
    case K_USER:
        atomic_fetch_add(&((struct user *)thing)->names, 1);
        break;
    default:
        break;
    }
}

static void name_put(enum kind kind, void *thing)
{
    switch (kind) {
    case K_SYNC: {
        struct sync *s = thing;
        if (atomic_fetch_sub(&s->names, 1) == 1) {
            atomic_fetch_sub(&s->proc->syncs, 1);
            atomic_store(&s->closed, 1);
            desk_kick(&s->desk);
        }
        break;
    }
    case K_CLIENT: {
        struct chan *c = thing;
        if (atomic_fetch_sub(&c->names[0], 1) == 1) {
            atomic_fetch_sub(&c->hub->clients, 1);
            desk_kick(&c->hub->desk);
        }
        break;
    }
    case K_SERVER: {
        struct chan *c = thing;
        if (atomic_fetch_sub(&c->names[1], 1) == 1) {
            ledger_drop(K_SERVER, thing);
            desk_kick(&c->hub->desk);
        }
        break;
    }
    case K_LISTENER: {
        struct hub *h = thing;
        if (atomic_fetch_sub(&h->names, 1) == 1) {
            ledger_drop(K_LISTENER, thing);
            desk_kick(&h->desk);
        }
        break;
    }
    case K_USER:
        atomic_fetch_sub(&((struct user *)thing)->names, 1);
        break;
    default:
        break;
    }
}

static int chan_alive(struct chan *c)
{
    if (atomic_load(&c->f_cut)) {
        return 0;
    }
    if (OPEN_SERVERCLOSE && !c->listener_only) {
        return atomic_load(&c->names[1]) > 0;
    }
    return atomic_load(&c->names[1]) > 0 || atomic_load(&c->hub->names) > 0;
}

static void line_put(struct line *l)
{
    while (l != NULL && atomic_fetch_sub(&l->refs, 1) == 1) {
        struct line *parent = l->parent;
        mem_put(l, sizeof *l);
        l = parent;
    }
}

static struct line *line_get(struct line *l)
{
    if (l != NULL) {
        atomic_fetch_add(&l->refs, 1);
    }
    return l;
}

static int line_revoked(struct line *l)
{
    for (l = l->parent; l != NULL; l = l->parent) {
        if (atomic_load(&l->revoked)) {
            return 1;
        }
    }
    return 0;
}

static u32 line_depth(struct line *l)
{
    u32 n = 0;
    for (; l != NULL && l->parent != NULL; l = l->parent) {
        n++;
    }
    return n;
}

static void grip_put(struct grip *g)
{
    if (g->thing != NULL) {
        if (g->named) {
            name_put(g->kind, g->thing);
        }
        thing_put(g->thing);
        line_put(g->line);
    }
    memset(g, 0, sizeof *g);
}

/* --- Handles --------------------------------------------------------------------------------------- */
static struct stripe *stripe_of(struct proc *p, u32 number, struct slot ***bucket)
{
    u32 mixed = number * 2654435761u;
    struct stripe *s = &p->stripe[mixed >> 29];
    *bucket = &s->bucket[(mixed >> 20) & 63];
    return s;
}

static u32 number_pick(struct proc *p, enum kind kind)
{
    u32 n;
    latch_on(&p->number_latch);
#if OPEN_HANDLE == 1
    n = (((u32)kind + 1) << 27) | (++p->next_number & 0x07ffffffu);
#elif OPEN_HANDLE == 2
    n = 0xeffffff0u - 16 * (p->next_number++ % 0x0e000000u);
#elif OPEN_HANDLE == 3
    n = dice();
#elif OPEN_HANDLE == 4
    n = 0x80000000u | p->low++;
#else
    n = p->n_freed > 0 ? p->freed[--p->n_freed] : ++p->next_number;
#endif
    latch_off(&p->number_latch);
    (void)kind;
    return n;
}

static void number_back(struct proc *p, u32 number)
{
    latch_on(&p->number_latch);
    if (OPEN_HANDLE == 4) {
        if ((number & 0x7fffffffu) < p->low) {
            p->low = number & 0x7fffffffu;
        }
    } else if (OPEN_HANDLE == 0 && p->n_freed < sizeof p->freed / sizeof p->freed[0]) {
        p->freed[p->n_freed++] = number;
    }
    latch_off(&p->number_latch);
}

/* Give the process a handle. Takes one count and one name of the thing over, if it succeeds. */
static enum why table_add(struct proc *p, enum kind kind, void *thing, u32 rights,
                          struct line *parent, u32 *number)
{
    if (atomic_fetch_add(&p->handles, 1) >= OPEN_TABLE) {
        atomic_fetch_sub(&p->handles, 1);
        return Y_QUOTA;
    }
    struct slot *slot = mem_get(sizeof *slot);
    struct line *line = mem_get(sizeof *line);
    if (slot == NULL || line == NULL) {
        mem_put(slot, sizeof *slot);
        mem_put(line, sizeof *line);
        atomic_fetch_sub(&p->handles, 1);
        return Y_MEMORY;
    }
    atomic_init(&line->refs, 1);
    line->parent = line_get(parent);
    *slot = (struct slot){.kind = kind, .thing = thing, .rights = rights, .line = line};
    for (;;) {
        struct slot **bucket, *s;
        u32 n = number_pick(p, kind);
        if (n >= REPLY_NUMBERS) {
            continue;
        }
        struct stripe *stripe = stripe_of(p, n, &bucket);
        latch_on(&stripe->latch);
        if (atomic_load(&p->dead)) {
            latch_off(&stripe->latch);
            line_put(line);
            mem_put(slot, sizeof *slot);
            atomic_fetch_sub(&p->handles, 1);
            return Y_DEAD;
        }
        for (s = *bucket; s != NULL && (s->number != n || (FAULTY(703) && s->kind == K_REVOKED));
             s = s->next) {
        }
        if (s == NULL) {
            if (FAULTY(714)) {
                slot->rights |= p->f_rights[n % 1024];
                p->f_rights[n % 1024] = slot->rights;
            }
            slot->number = n;
            slot->next = *bucket;
            *bucket = slot;
            *number = n;
        }
        latch_off(&stripe->latch);
        if (s == NULL) {
            return Y_OK;
        }
    }
}

static struct slot *table_remove(struct proc *p, u32 number)
{
    struct slot **bucket;
    struct stripe *stripe = stripe_of(p, number, &bucket);
    latch_on(&stripe->latch);
    struct slot **at = bucket;
    while (*at != NULL && (*at)->number != number) {
        at = &(*at)->next;
    }
    struct slot *slot = *at;
    if (slot != NULL) {
        *at = slot->next;
    }
    latch_off(&stripe->latch);
    if (slot != NULL) {
        atomic_fetch_sub(&p->handles, 1);
        number_back(p, number);
    }
    return slot;
}

static void slot_drop(struct slot *slot)
{
    if (slot->thing != NULL) {
        name_put(slot->kind, slot->thing);
        thing_put(slot->thing);
    }
    line_put(slot->line);
    mem_put(slot, sizeof *slot);
}

/* Look a handle up; `named` holds its end open meanwhile. */
static enum why grab(struct proc *p, u32 number, struct grip *g, int named)
{
    struct slot **bucket;
    struct stripe *stripe = stripe_of(p, number, &bucket);
    enum why why = Y_OK;
    latch_on(&stripe->latch);
    struct slot *slot = *bucket;
    while (slot != NULL && slot->number != number) {
        slot = slot->next;
    }
    if (slot == NULL) {
        why = Y_NOHANDLE;
    } else if (slot->kind == K_REVOKED || line_revoked(slot->line)) {
        why = Y_REVOKED;
    } else if (FAULTY(710) && slot->kind == K_SYNC &&
               atomic_load(&((struct sync *)slot->thing)->f_deleted)) {
        why = Y_NOHANDLE;
    } else {
        *g = (struct grip){slot->kind, thing_get(slot->thing), slot->rights, line_get(slot->line),
                           named};
        if (named) {
            name_get(g->kind, g->thing);
        }
    }
    latch_off(&stripe->latch);
    return why;
}

static enum why need(struct proc *p, u32 number, struct grip *g, u32 kinds, u32 rights)
{
    enum why why = grab(p, number, g, 0);
    if (why != Y_OK) {
        return why;
    }
    int kind_ok = (KIND(g->kind) & kinds) != 0, rights_ok = (g->rights & rights) == rights;
    if (OPEN_RIGHTSFIRST) {
        why = !rights_ok ? Y_RIGHT : !kind_ok ? Y_KIND : Y_OK;
    } else {
        why = !kind_ok ? Y_KIND : !rights_ok ? Y_RIGHT : Y_OK;
    }
    if (why != Y_OK && (!FAULTY(712) || g->kind != K_SERVER)) {
        grip_put(g);
    }
    return why;
}

/* --- Desks ----------------------------------------------------------------------------------------- */
static void desk_post(struct desk *d, struct node *n)
{
    struct node *head = atomic_load(&d->inbox);
    do {
        n->next = head;
    } while (!atomic_compare_exchange_weak(&d->inbox, &head, n));
}

/* All that was posted, oldest first. */
static struct node *desk_drain(struct desk *d)
{
    struct node *n = atomic_exchange(&d->inbox, NULL), *list = NULL;
    while (n != NULL) {
        struct node *next = n->next;
        n->next = list;
        list = n;
        n = next;
    }
    return list;
}

/* The caller holds a count of the desk's owner. */
static void desk_kick(struct desk *d)
{
    if ((FAULTY(781) && d->pass == sync_pass) || (FAULTY(782) && d->pass == hub_pass)) {
        if (atomic_exchange(&d->knocks, 1) == 0) {
            d->pass(d);
            doze_us(60);
            atomic_store(&d->knocks, 0);
        }
        return;
    }
    if (atomic_fetch_add(&d->knocks, 1) != 0) {
        return;
    }
    u32 n = 1;
    do {
        d->pass(d);
        n = atomic_fetch_sub(&d->knocks, n) - n;
    } while (n != 0);
}

/* --- Tickets --------------------------------------------------------------------------------------- */
static void parcel_free(struct parcel *p)
{
    if (p != NULL) {
        for (u32 i = 0; i < p->n_cargo; i++) {
            grip_put(&p->cargo[i]);
        }
        mem_put(p->cargo, p->n_cargo * sizeof *p->cargo);
        mem_put(p, sizeof *p + p->fixed + p->arena);
    }
}

static struct parcel *parcel_clone(struct parcel *p)
{
    if (p == NULL) {
        return NULL;
    }
    struct parcel *q = mem_get(sizeof *p + p->fixed + p->arena);
    if (q != NULL) {
        memcpy(q, p, sizeof *p + p->fixed + p->arena);
        q->n_cargo = 0;
        q->cargo = NULL;
    }
    return q;
}

static struct ticket *ticket_get(struct ticket *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

static void ticket_put(struct ticket *t)
{
    if (atomic_fetch_sub(&t->refs, 1) != 1) {
        return;
    }
    parcel_free(atomic_load(&t->parcel));
    parcel_free(t->answer);
    parcel_free(t->f_spare);
    thing_put(t->f_extra);
    thing_put(t->f_taker_sync);
    thing_put(t->via);
    thing_put(t->sync);
    thing_put(t->chan);
    thing_put(t->hub);
    proc_put(t->proc);
    mem_put(t, sizeof *t);
}

/* The call is over; whoever still looks at its ticket has a count of its own. */
static void ticket_leave(struct ticket *t)
{
    ticket_put(t);
    atomic_fetch_sub(&waits, 1);
}

static struct ticket *ticket_new(struct proc *p, struct seat *me, struct hub *hub,
                                 struct chan *chan, struct sync *sync)
{
    u32 counted = me != NULL;
    if (atomic_fetch_add(&waits, counted) >= OPEN_WAITS) {
        atomic_fetch_sub(&waits, counted);
        return NULL;
    }
    struct ticket *t = mem_get(sizeof *t);
    if (t == NULL) {
        atomic_fetch_sub(&waits, counted);
        return NULL;
    }
    atomic_init(&t->word, S_OPEN);
    atomic_init(&t->refs, 1);
    t->proc = proc_get(p);
    t->seat = me;
    t->tid = me == NULL ? 0 : me->tid;
    t->hub = thing_get(hub);
    t->chan = thing_get(chan);
    t->sync = thing_get(sync);
    t->at_hub.t = t->at_sync.t = t->f_at_extra.t = t;
    return t;
}

static int decided(struct ticket *t)
{
    return STATE(atomic_load(&t->word)) == S_DONE;
}

#if OPEN_PARK == 0 || OPEN_PARK == 5 || OPEN_WARDEN
static long futex(atomic_uint *word, int op, u32 value, const struct timespec *until)
{
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, until, NULL,
                   FUTEX_BITSET_MATCH_ANY);
}
#endif

#if OPEN_PARK == 5
static atomic_uint bells[4];
#endif

static void wake(struct ticket *t)
{
#if OPEN_PARK == 0
    futex(&t->word, FUTEX_WAKE, 1, NULL);
#elif OPEN_PARK == 1
    u64 one = 1;
    int fd = t->seat == NULL ? -1 : atomic_load(&t->seat->fd);
    if (fd >= 0 && write(fd, &one, sizeof one) < 0) {
        return;
    }
#elif OPEN_PARK == 2
    struct itimerspec soon = {{0, 0}, {0, 1}};
    int fd = t->seat == NULL ? -1 : atomic_load(&t->seat->fd);
    if (fd >= 0) {
        timerfd_settime(fd, 0, &soon, NULL);
    }
#elif OPEN_PARK == 3
    int ktid = t->seat == NULL ? 0 : atomic_load(&t->seat->ktid);
    if (ktid > 0) {
        syscall(SYS_tgkill, getpid(), ktid, SIGURG);
    }
#elif OPEN_PARK == 5
    atomic_uint *bell = &bells[t->tid & 3];
    atomic_fetch_add(bell, 1);
    futex(bell, FUTEX_WAKE, 0x7fffffff, NULL);
#else
    (void)t;
#endif
}

/* Sleep until the word may have changed from `w`, or the time has come. May return early. */
static void park(struct ticket *t, u32 w, u64 until, unsigned *turn)
{
    struct timespec abs = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    u64 now = now_ns(), left = until > now ? until - now : 1;
    struct timespec rel = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    (void)t, (void)abs, (void)rel, (void)w, (void)turn;
#if OPEN_PARK == 0
    futex(&t->word, FUTEX_WAIT_BITSET, w, until == 0 ? NULL : &abs);
#elif OPEN_PARK == 1 || OPEN_PARK == 2
    int fd = atomic_load(&t->seat->fd);
    u64 count;
    if (fd < 0) {
        doze_us(300);
        return;
    }
#if OPEN_PARK == 1
    struct pollfd poll_fd = {fd, POLLIN, 0};
    if (ppoll(&poll_fd, 1, until == 0 ? NULL : &rel, NULL) == 1 &&
        read(fd, &count, sizeof count) < 0) {
        return;
    }
#else
    struct itimerspec alarm = {{0, 0}, {0, 0}};
    if (until != 0) {
        alarm.it_value = abs;
    }
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &alarm, NULL);
    if (!decided(t) && read(fd, &count, sizeof count) < 0) {
        return;
    }
#endif
#elif OPEN_PARK == 3
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigtimedwait(&set, NULL, until == 0 ? &(struct timespec){3600, 0} : &rel);
#elif OPEN_PARK == 5
    atomic_uint *bell = &bells[t->tid & 3];
    u32 heard = atomic_load(bell);
    if (!decided(t)) {
        futex(bell, FUTEX_WAIT_BITSET, heard, until == 0 ? NULL : &abs);
    }
#else
    u64 nap = 20u << (*turn < 10 ? (*turn)++ : 10);
    nap = nap > OPEN_NAP_US ? OPEN_NAP_US : nap;
    doze_us(until != 0 && left / 1000 < nap ? left / 1000 + 1 : nap);
#endif
}

/* Decide a ticket that one holds. */
static void decide(struct ticket *t, enum why why)
{
    atomic_store(&t->word, S_DONE | (u32)why << 8);
    wake(t);
}

/* Decide a ticket that may be in one of these states, if nobody else does. */
static int ticket_end(struct ticket *t, u32 mask, enum why why)
{
    unsigned n = 0;
    for (;;) {
        u32 w = atomic_load(&t->word);
        if (STATE(w) == S_HELD || (STATE(w) == S_ANSWER && (mask & M(S_TAKEN)))) {
            relax(&n);
        } else if (!(mask & M(STATE(w)))) {
            return 0;
        } else if (atomic_compare_exchange_strong(&t->word, &w, S_DONE | (u32)why << 8)) {
            wake(t);
            return 1;
        }
    }
}

/* From OPEN to another state. */
static int claim(struct ticket *t, u32 to)
{
    unsigned n = 0;
    for (;;) {
        u32 w = atomic_load(&t->word);
        if (STATE(w) == S_HELD) {
            relax(&n);
        } else if (STATE(w) != S_OPEN) {
            return 0;
        } else if (atomic_compare_exchange_strong(&t->word, &w, to)) {
            return 1;
        }
    }
}

static int swap_state(struct ticket *t, u32 from, u32 to)
{
    return atomic_compare_exchange_strong(&t->word, &from, to);
}

static int waiting(struct ticket *t)
{
    u32 s = STATE(atomic_load(&t->word));
    return s == S_OPEN || s == S_HELD;
}

/* --- The desk of a sync object --------------------------------------------------------------------- */
#define IS_SET(w) (((w)&1) != 0)
#define GEN(w) ((w) >> 1)

static int sync_auto(struct sync *s)
{
    return s->autoclear && !(FAULTY(787) && atomic_load(&s->f_used));
}

static void sync_set(struct sync *s)
{
    u64 w = atomic_load(&s->word);
    if (FAULTY(780)) {
        if (!IS_SET(w)) {
            doze_us(1000);
            atomic_store(&s->word, ((GEN(w) + 1) << 1) | 1);
        }
    } else if (FAULTY(708) && IS_SET(w) && atomic_exchange(&s->f_hits, 0)) {
        atomic_compare_exchange_strong(&s->word, &w, w & ~(u64)1);
    } else {
        while (!IS_SET(w) && !atomic_compare_exchange_weak(&s->word, &w, ((GEN(w) + 1) << 1) | 1)) {
        }
    }
    if (FAULTY(788) && s->autoclear && atomic_exchange(&s->f_stale, 0)) {
        w = atomic_load(&s->word);
        atomic_compare_exchange_strong(&s->word, &w, w & ~(u64)1);
    }
    desk_kick(&s->desk);
}

static void sync_clear(struct sync *s)
{
    u64 w = atomic_load(&s->word);
    while (IS_SET(w) && !atomic_compare_exchange_weak(&s->word, &w, w & ~(u64)1)) {
    }
}

/* A clearing object interrupts once for each time that its state is taken away. */
static int sync_consume(struct sync *s, struct ticket *t)
{
    u64 w = atomic_load(&s->word);
    if (FAULTY(786) && atomic_load(&t->deadline) != 0) {
        return IS_SET(w);
    }
    while (IS_SET(w)) {
        if (atomic_compare_exchange_weak(&s->word, &w, w & ~(u64)1)) {
            atomic_store(&s->f_used, 1);
            return 1;
        }
    }
    (void)t;
    return 0;
}

static int sync_interrupt(struct sync *s, struct node *n, u64 w)
{
    struct ticket *t = n->t;
    u32 mask = M(S_OPEN);
    if (atomic_load(&t->f_deaf)) {
        return 0;
    }
    if (FAULTY(719) && STATE(atomic_load(&t->word)) == S_TAKEN && n->gen != GEN(w)) {
        n->gen = GEN(w);
        if (n->seen++) {
            mask |= M(S_TAKEN);
        }
    }
    if (FAULTY(720) && atomic_load(&t->f_loose)) {
        mask |= M(S_TAKEN);
    }
    if (FAULTY(779) && t->is_call) {
        mask |= M(S_HANDED);
    }
    if (FAULTY(792) && t->is_call && !atomic_load(&t->hub->f_recvd)) {
        n->gen = GEN(w);
        return 0;
    }
    if (FAULTY(798) && t->is_call && t->f_copy) {
        return 0;
    }
    if (FAULTY(727) && t->is_call &&
        atomic_load(&t->chan->f_busy) != atomic_load(&t->hub->f_scope)) {
        n->gen = GEN(w);
        return 0;
    }
    if (FAULTY(748) && !t->is_call && atomic_load(&s->f_taken) > 0) {
        n->gen = GEN(w);
        return 0;
    }
    if ((FAULTY(725) && t->is_call && t->sync == s) ||
        (FAULTY(741) && !t->is_call && t->sync == s)) {
        n->gen = GEN(w);
        atomic_store(&t->f_hit, (u32)(FAULTY(725) ? 725 : 741));
        desk_kick(&t->hub->desk);
        return 1;
    }
    if ((FAULTY(737) && !t->is_call) || (FAULTY(739) && t->is_call)) {
        atomic_store(&t->f_hit, (u32)(FAULTY(737) ? 737 : 739));
    }
    if (FAULTY(746) && waiting(t)) {
        atomic_fetch_or(&s->f_kinds, t->is_call ? 1 : 2);
    }
    int done = ticket_end(t, mask, Y_INTR);
    if (done) {
        atomic_fetch_add(&s->f_count, 1);
        if (FAULTY(737) || FAULTY(739)) {
            desk_kick(&t->hub->desk);
        }
    }
    return done;
}

static void sync_pass(struct desk *d)
{
    struct sync *s = (struct sync *)(void *)((char *)d - offsetof(struct sync, desk));
    struct node *in = desk_drain(d), **at = &s->bonds;
    if (FAULTY(718) && in != NULL && in->next != NULL && in->next->next != NULL) {
        struct ticket *lost = in->t;
        in = in->next;
        ticket_put(lost);
    }
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = in;
    for (at = &s->bonds; *at != NULL;) { /* the decided ones leave */
        struct ticket *t = (*at)->t;
        if (!decided(t)) {
            at = &(*at)->next;
            continue;
        }
        *at = (*at)->next;
        if (FAULTY(717) && WHY(atomic_load(&t->word)) == Y_TIMEOUT && *at != NULL) {
            struct ticket *lost = (*at)->t;
            *at = (*at)->next;
            ticket_put(lost);
        }
        ticket_put(t);
    }
    /* What is read after the draining is true of every wait that is here. */
    u64 w = atomic_load(&s->word);
    if (OPEN_CLOSESYNC != 0 && OPEN_CLOSESYNC != 3 && atomic_load(&s->closed)) {
        for (struct node *n = s->bonds; n != NULL; n = n->next) {
            ticket_end(n->t, M(S_OPEN), OPEN_CLOSESYNC == 1 ? Y_INTR : Y_SYNCGONE);
        }
    }
    if (FAULTY(750) && atomic_load(&s->closed)) {
        for (struct node *n = s->bonds; n != NULL; n = n->next) {
            atomic_store(&n->t->f_hit, 750);
            desk_kick(&n->t->hub->desk);
        }
    }
    if (FAULTY(709) && atomic_exchange(&s->f_blast, 0)) {
        for (struct node *n = s->bonds; n != NULL; n = n->next) {
            if (!n->t->is_call && atomic_load(&n->t->deadline) != 0) {
                ticket_end(n->t, M(S_OPEN), Y_INTR);
            }
        }
    }
    if (FAULTY(754) && atomic_exchange(&s->f_restart, 0)) {
        for (struct node *n = s->bonds; n != NULL; n = n->next) {
            if (n->t->f_span_ms != 0) {
                atomic_store(&n->t->deadline, now_ns() + n->t->f_span_ms * (u64)1000000);
            }
        }
    }
    if (!sync_auto(s)) {
        struct chan *only = NULL;
        u32 receivers = 0;
        for (struct node *n = s->bonds; n != NULL; n = n->next) {
            if (n->gen == GEN(w) || (OPEN_BLINK && !IS_SET(w))) {
                continue;
            }
            if (FAULTY(726) && n->t->is_call && waiting(n->t)) {
                if (only != NULL && only != n->t->chan) {
                    n->gen = GEN(w);
                    continue;
                }
                only = n->t->chan;
            }
            if (FAULTY(740) && !n->t->is_call && waiting(n->t) && ++receivers > 2) {
                n->gen = GEN(w);
                continue;
            }
            sync_interrupt(s, n, w);
        }
        return;
    }
    if (!IS_SET(w)) {
        return;
    }
    u32 interrupted = 0;
    for (struct node *n = s->bonds; n != NULL; n = n->next) {
        if (!claim(n->t, S_HELD)) {
            continue;
        }
        if (interrupted == 0 && !sync_consume(s, n->t)) {
            atomic_store(&n->t->word, S_OPEN);
            break;
        }
        interrupted++;
        decide(n->t, Y_INTR);
        if (!(OPEN_AUTO & 1)) {
            break;
        }
    }
    if ((OPEN_AUTO & 2) && interrupted == 0) {
        atomic_compare_exchange_strong(&s->word, &w, w & ~(u64)1);
    }
}

/* Join the waits of the object; not 0: it is set. */
static int sync_enter(struct ticket *t)
{
    struct sync *s = t->sync;
    t->at_sync.gen = GEN(atomic_load(&s->word));
    desk_post(&s->desk, &ticket_get(t)->at_sync);
    if (OPEN_CLOSESYNC == 1 || OPEN_CLOSESYNC == 2) {
        if (atomic_load(&s->closed)) {
            ticket_end(t, M(S_OPEN), OPEN_CLOSESYNC == 1 ? Y_INTR : Y_SYNCGONE);
        }
    }
    u64 w = atomic_load(&s->word);
    if (IS_SET(w)) {
        return 1;
    }
    /* It was set and cleared since the look above. */
    return !s->autoclear && !OPEN_BLINK && GEN(w) != t->at_sync.gen;
}

static void interrupt_self(struct ticket *t)
{
    struct sync *s = t->sync;
    if (!waiting(t)) {
        return;
    }
    if (!sync_auto(s)) {
        t->f_interrupted_at_entry = (u32)ticket_end(t, M(S_OPEN), Y_INTR);
        atomic_store(&s->f_hits, 1);
        if (FAULTY(789) && t->f_interrupted_at_entry && atomic_load(&s->f_setter) == t->tid) {
            sync_clear(s);
        }
        return;
    }
    if (sync_consume(s, t) && !ticket_end(t, M(S_OPEN), Y_INTR)) {
        sync_set(s); /* it has got something else meanwhile */
    }
}

/* --- The desk of a hub ----------------------------------------------------------------------------- */
static void node_append(struct node **at, struct node *n)
{
    while (*at != NULL) {
        at = &(*at)->next;
    }
    n->next = NULL;
    *at = n;
}

static void hub_sweep(struct hub *h, struct node **at)
{
    while (*at != NULL) {
        struct ticket *t = (*at)->t;
        if (!decided(t)) {
            at = &(*at)->next;
            continue;
        }
        *at = (*at)->next;
        enum why why = WHY(atomic_load(&t->word));
        if (FAULTY(730) && t->is_call && why == Y_INTR && *at != NULL) {
            (*at)->t->f_twice = 1;
        }
        if (FAULTY(776) && t->is_call && why == Y_DEAD && *at != NULL) {
            claim((*at)->t, S_HANDED);
        }
        ticket_put(t);
    }
    (void)h;
}

static int same_end(struct ticket *a, struct ticket *b)
{
    return a->chan == b->chan;
}

/* What faults do at the desk. */
static void hub_faults(struct hub *h)
{
    struct node *n, *m;
    for (n = h->calls; n != NULL; n = n->next) {
        struct ticket *t = n->t;
        u32 hit = atomic_exchange(&t->f_hit, 0);
        if (hit == 725) {
            for (m = h->calls;
                 m != NULL && !(m->t->sync != NULL && m->t->chan == t->chan && waiting(m->t));
                 m = m->next) {
            }
            if (m != NULL) {
                ticket_end(m->t, M(S_OPEN), Y_INTR);
            }
        } else if (hit == 739 && decided(t)) {
            for (m = h->recvs; m != NULL; m = m->next) {
                if (m->t->sync != NULL && m->t->sync != t->sync) {
                    ticket_end(m->t, M(S_OPEN), Y_INTR);
                }
            }
        } else if (hit == 750) {
            for (m = h->calls; m != NULL; m = m->next) {
                if (m->t->sync != t->sync) {
                    ticket_end(m->t, M(S_OPEN), Y_GONE);
                }
            }
        }
    }
    for (n = h->recvs; n != NULL; n = n->next) {
        struct ticket *t = n->t;
        u32 hit = atomic_exchange(&t->f_hit, 0);
        if (hit == 737 && decided(t)) {
            for (m = n->next; m != NULL; m = m->next) {
                if (same_end(m->t, t) && m->t->sync == NULL && atomic_load(&m->t->deadline) == 0) {
                    ticket_end(m->t, M(S_OPEN), Y_INTR);
                }
            }
        } else if (hit == 741) {
            for (m = h->recvs; m != NULL && !(same_end(m->t, t) && waiting(m->t)); m = m->next) {
            }
            if (m != NULL) {
                ticket_end(m->t, M(S_OPEN), Y_INTR);
            }
        } else if (hit == 750) {
            for (m = h->recvs; m != NULL; m = m->next) {
                if (m->t->sync != t->sync) {
                    ticket_end(m->t, M(S_OPEN), Y_GONE);
                }
            }
        } else if (hit == 756 && decided(t)) {
            for (m = h->recvs; m != NULL; m = m->next) {
                if (same_end(m->t, t) && atomic_load(&m->t->deadline) != 0) {
                    ticket_end(m->t, M(S_OPEN), Y_TIMEOUT);
                }
            }
        }
        if (FAULTY(764) && t->chan != NULL && waiting(t) && atomic_exchange(&t->chan->f_poke, 0)) {
            ticket_end(t, M(S_OPEN), Y_RECEIVE);
        }
    }
    if (FAULTY(771) && atomic_exchange(&h->f_scope, 0)) {
        for (n = h->recvs; n != NULL; n = n->next) {
            if (n->t->sync != NULL && n->t->proc != h->f_scope_proc) {
                ticket_end(n->t, M(S_OPEN), Y_INTR);
            }
        }
    }
    if (FAULTY(802) && atomic_exchange(&h->f_strip, 0)) {
        for (n = h->calls; n != NULL; n = n->next) {
            n->t->f_strip |= waiting(n->t);
        }
    }
}

static int may_take(struct ticket *r, struct ticket *c)
{
    if (r->chan != NULL && r->chan != c->chan) {
        return 0;
    }
    if (FAULTY(743) && r->chan == NULL && c->chan->serial > r->f_max_serial) {
        return 0;
    }
    if (c->f_only != 0 && c->f_only != (r->chan == NULL ? K_LISTENER : K_SERVER)) {
        return 0;
    }
    return waiting(c);
}

static struct ticket *pick_call(struct hub *h, struct ticket *r)
{
    struct ticket *best = NULL;
    for (struct node *n = h->calls; n != NULL; n = n->next) {
        struct ticket *c = n->t;
        if (!may_take(r, c)) {
            continue;
        }
        u64 a = atomic_load(&c->deadline), b = best == NULL ? 0 : atomic_load(&best->deadline);
        if (best == NULL || OPEN_ORDER == 1 ||
            (OPEN_ORDER == 2 &&
             c->size_fixed + c->size_arena > best->size_fixed + best->size_arena) ||
            (OPEN_ORDER == 3 && a != 0 && (b == 0 || a < b))) {
            best = c;
        }
    }
    return best;
}

static struct ticket *pick_receiver(struct hub *h)
{
    struct ticket *best = NULL;
    for (struct node *n = h->recvs; n != NULL; n = n->next) {
        if (n->t->visit != h->pass && waiting(n->t) && (best == NULL || OPEN_RORDER == 1)) {
            best = n->t;
        }
    }
    if (best != NULL) {
        best->visit = h->pass;
    }
    return best;
}

static void hub_match(struct hub *h)
{
    struct ticket *r, *c;
    h->pass = h->pass == UINT32_MAX ? 1 : h->pass + 1;
    while ((r = pick_receiver(h)) != NULL) {
        if (pick_call(h, r) == NULL || !claim(r, S_HELD)) {
            continue;
        }
        int small = 0;
        while ((c = pick_call(h, r)) != NULL) {
            small = c->size_fixed > r->room_fixed || c->size_arena > r->room_arena;
            if (small && OPEN_SMALL == 1) {
                break;
            }
            if (small ? ticket_end(c, M(S_OPEN), Y_SMALL) : claim(c, S_HANDED)) {
                break;
            }
        }
        if (c == NULL) {
            atomic_store(&r->word, S_OPEN);
        } else if (small) {
            decide(r, Y_SMALL);
        } else {
            if (FAULTY(794) && r->chan == NULL) {
                for (struct node *n = h->recvs; n != NULL; n = n->next) {
                    c->f_twice |= n->t->chan == c->chan && waiting(n->t);
                }
            }
            r->match = ticket_get(c);
            decide(r, Y_MATCH);
        }
    }
}

static void hub_pass(struct desk *d)
{
    struct hub *h = (struct hub *)(void *)((char *)d - offsetof(struct hub, desk));
    struct node *in = desk_drain(d), *next, *n;
    for (; in != NULL; in = next) {
        next = in->next;
        if (FAULTY(733) && !in->t->is_call && in->t->chan != NULL) {
            for (n = h->calls; n != NULL; n = n->next) {
                if (n->t->chan != in->t->chan && waiting(n->t)) {
                    atomic_store(&in->t->f_deaf, 1);
                }
            }
        }
        if (FAULTY(735) && in->t->is_call && atomic_load(&h->f_dead) > 0 &&
            claim(in->t, S_HANDED)) {
            atomic_fetch_sub(&h->f_dead, 1);
        }
        node_append(in->t->is_call ? &h->calls : &h->recvs, in);
    }
    hub_faults(h);
    hub_sweep(h, &h->calls);
    hub_sweep(h, &h->recvs);
    for (n = h->calls; n != NULL; n = n->next) {
        struct ticket *t = n->t;
        if (!chan_alive(t->chan)) {
            if (!(FAULTY(774) && atomic_load(&t->f_orphan)) && !(FAULTY(775) && t->f_copy)) {
                ticket_end(t, M(S_OPEN) | M(S_HANDED) | M(S_TAKEN),
                           FAULTY(800) && t->sync != NULL && IS_SET(atomic_load(&t->sync->word))
                               ? Y_INTR
                               : Y_GONE);
            }
        } else if (OPEN_OWNCLOSE && atomic_load(&t->chan->names[0]) == 0) {
            ticket_end(t, M(S_OPEN), Y_OWN);
        }
    }
    for (n = h->recvs; n != NULL; n = n->next) {
        struct ticket *t = n->t;
        if (atomic_load(t->chan != NULL ? &t->chan->names[1] : &h->names) == 0) {
            ticket_end(t, M(S_OPEN), Y_GONE);
        } else if (OPEN_CLIENTGONE >= 1 && t->chan != NULL &&
                   atomic_load(&t->chan->names[0]) == 0 && pick_call(h, t) == NULL) {
            ticket_end(t, M(S_OPEN), Y_CLIENTGONE);
        } else if (OPEN_CLIENTGONE == 2 && t->chan == NULL && atomic_load(&h->clients) == 0 &&
                   pick_call(h, t) == NULL) {
            ticket_end(t, M(S_OPEN), Y_CLIENTGONE);
        }
    }
    hub_match(h);
    for (n = h->calls; n != NULL; n = n->next) {
        atomic_store(&n->t->seen, 1);
    }
    for (n = h->recvs; n != NULL; n = n->next) {
        atomic_store(&n->t->seen, 1);
    }
}

/* A request without a caller: of faults. */
static void ghost(struct ticket *t, struct parcel *parcel, u32 only)
{
    struct ticket *g = parcel == NULL ? NULL : ticket_new(t->proc, NULL, t->hub, t->chan, NULL);
    if (g == NULL) {
        parcel_free(parcel);
        return;
    }
    g->is_call = 1;
    g->tid = t->tid;
    g->size_fixed = parcel->fixed;
    g->size_arena = parcel->arena;
    g->room_fixed = g->room_arena = NK_MESSAGE_SIZE_MAX;
    g->f_only = only;
    atomic_store(&g->parcel, parcel);
    desk_post(&g->hub->desk, &g->at_hub);
    desk_kick(&t->hub->desk);
}

/* --- Threads --------------------------------------------------------------------------------------- */
static void seat_leave(void *arg)
{
    struct seat *me = arg;
    my_seat = NULL;
    thing_put(me->f_stale_sync);
    thing_put(me->f_recv_sync);
    parcel_free(me->f_old);
    me->f_stale_sync = me->f_recv_sync = NULL;
    me->f_old = NULL;
    latch_on(&me->latch);
    struct proc *p = me->proc;
    struct parcel *mail = me->f_mail;
    me->proc = NULL;
    me->f_mail = NULL;
    latch_off(&me->latch);
    parcel_free(mail);
    proc_put(p);
    atomic_store(&me->ktid, 0);
    atomic_store(&me->used, 0);
}

static void start(void)
{
    atomic_init(&first_process.refs, 1);
    first_process.id = FIRST_PROCESS_ID;
    processes = &first_process;
    pthread_key_create(&seat_key, seat_leave);
}

static struct seat *seat_mine(void)
{
    if (my_seat != NULL) {
        return my_seat;
    }
    pthread_once(&once, start);
    struct seat *s;
    for (s = atomic_load(&seats); s != NULL; s = s->next) {
        u32 unused = 0;
        if (atomic_compare_exchange_strong(&s->used, &unused, 1)) {
            break;
        }
    }
    if (s == NULL) {
        s = calloc(1, sizeof *s);
        if (s == NULL) {
            return NULL;
        }
        atomic_init(&s->used, 1);
        atomic_init(&s->fd, -1);
        struct seat *head = atomic_load(&seats);
        do {
            s->next = head;
        } while (!atomic_compare_exchange_weak(&seats, &head, s));
    }
    if (atomic_load(&s->fd) < 0) {
#if OPEN_PARK == 1
        atomic_store(&s->fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
#elif OPEN_PARK == 2
        atomic_store(&s->fd, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
#endif
    }
#if OPEN_PARK == 3
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    atomic_store(&s->ktid, (int)syscall(SYS_gettid));
#endif
    latch_on(&s->latch);
    u32 n = atomic_fetch_add(&tids, 1) + 1;
    s->tid = OPEN_TID == 1 ? n * 2654435761u : n;
    s->proc = proc_get(&first_process);
    s->f_calls = s->f_last = s->f_refused = s->f_bad = 0;
    s->f_deadline = s->f_deadline2 = 0;
    s->f_seen_sync = s->f_marked = NULL;
    latch_off(&s->latch);
    my_seat = s;
    pthread_setspecific(seat_key, s);
    return s;
}

/* --- Time limits ----------------------------------------------------------------------------------- */
static u64 limit_of(u64 entry, u32 mdelay)
{
    u64 at = entry + mdelay * (u64)1000000;
    if (OPEN_TICK_MS > 1 && mdelay != 0) {
        u64 tick = OPEN_TICK_MS * (u64)1000000;
        at = (at + tick - 1) / tick * tick;
    }
    return at;
}

#if OPEN_WARDEN
static atomic_uint warden_there, warden_waits;

static void *warden(void *arg)
{
    for (;;) {
        u32 n = atomic_load(&warden_waits);
        if (n == 0) {
            futex(&warden_waits, FUTEX_WAIT_BITSET, 0, NULL);
            continue;
        }
        doze_us(OPEN_WARDEN * 1000);
        u64 now = now_ns();
        for (struct seat *s = atomic_load(&seats); s != NULL; s = s->next) {
            latch_on(&s->latch);
            struct ticket *t = s->ticket;
            u64 until = t == NULL ? 0 : atomic_load(&t->deadline);
            if (until != 0 && until <= now) {
                ticket_get(t);
            } else {
                t = NULL;
            }
            latch_off(&s->latch);
            if (t != NULL) {
                ticket_end(t, M(S_OPEN) | M(S_HANDED) | M(S_TAKEN), Y_TIMEOUT);
                ticket_put(t);
            }
        }
    }
    return arg;
}

static void warden_start(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    if (pthread_create(&thread, &attributes, warden, NULL) == 0) {
        atomic_store(&warden_there, 1);
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static int warden_ready(void)
{
    static pthread_once_t called = PTHREAD_ONCE_INIT;
    pthread_once(&called, warden_start);
    return (int)atomic_load(&warden_there);
}
#endif

static void timed_out(struct ticket *t)
{
    struct sync *s = t->sync;
    u32 state = STATE(atomic_load(&t->word));
    if (FAULTY(756) && !t->is_call) {
        atomic_store(&t->f_hit, 756);
    }
    if (FAULTY(801) && state == S_TAKEN && s != NULL && IS_SET(atomic_load(&s->word))) {
        atomic_store(&t->deadline, 0);
        return;
    }
    enum why why = FAULTY(753) && state == S_TAKEN ? Y_GONE : Y_TIMEOUT;
    if (ticket_end(t, M(S_OPEN) | M(S_HANDED) | M(S_TAKEN), why)) {
        if (FAULTY(785) && state == S_TAKEN) {
            ghost(t, parcel_clone(t->f_spare), 0);
        }
        if (FAULTY(788) && s != NULL) {
            atomic_fetch_add(&s->f_stale, 1);
        }
        if (FAULTY(804) && s != NULL) {
            atomic_fetch_add(&s->f_held, 1);
        }
    }
}

/* Wait with a ticket until it is decided. */
static enum why wait_here(struct seat *me, struct ticket *t, int poll)
{
    int want = 0, posted = 0, first = 1;
    latch_on(&me->latch);
    me->ticket = t;
    latch_off(&me->latch);
    if (atomic_load(&t->proc->dead)) {
        ticket_end(t, M(S_OPEN), Y_DEAD);
    }
    if (t->f_extra != NULL) {
        t->f_at_extra.gen = GEN(atomic_load(&t->f_extra->word));
        desk_post(&t->f_extra->desk, &ticket_get(t)->f_at_extra);
    }
    if (t->sync != NULL) {
        struct sync *s = t->sync;
        atomic_fetch_add(&s->users, 1);
        want = sync_enter(t);
        if (OPEN_SETENTRY == 1 || (OPEN_SETENTRY == 2 && !t->is_call) ||
            (OPEN_SETENTRY == 3 && t->is_call)) {
            first = 0;
        }
        if (FAULTY(722) && me->f_calls == 0) {
            want = 0;
        }
        if (FAULTY(729) && me->f_seen_sync == s && me->f_seen_gen == GEN(atomic_load(&s->word))) {
            want = 0;
        }
        if (FAULTY(736) && !t->is_call && t->f_span_ms != 0 && t->f_span_ms <= 20) {
            want = 0;
        }
        if (FAULTY(746) && !t->is_call && atomic_load(&s->f_recv)) {
            ticket_end(t, M(S_OPEN), Y_INTR);
        }
        if (FAULTY(747) && me->f_marked == s) {
            me->f_marked = NULL;
            atomic_store(&t->f_deaf, 1);
        }
    }
    me->f_calls = 1;
    if (want && first) {
        interrupt_self(t);
    }
    if (!decided(t)) {
        posted = 1;
        desk_post(&t->hub->desk, &ticket_get(t)->at_hub);
        desk_kick(&t->hub->desk);
        if ((want && !first) || poll) { /* let the desk look at it */
            unsigned n = 0;
            while (!decided(t) && !atomic_load(&t->seen)) {
                relax(&n);
            }
        }
        if (want && !first) {
            interrupt_self(t);
        }
    }
    int self = 1;
#if OPEN_WARDEN
    if (!poll && atomic_load(&t->deadline) != 0 && !decided(t) && warden_ready()) {
        self = 0;
        if (atomic_fetch_add(&warden_waits, 1) == 0) {
            futex(&warden_waits, FUTEX_WAKE, 1, NULL);
        }
    }
#endif
    for (int i = 0; i < OPEN_SPIN && !poll && !decided(t); i++) {
        sched_yield();
    }
    unsigned turn = 0, n = 0;
    for (;;) {
        u32 w = atomic_load(&t->word);
        u64 until = self ? atomic_load(&t->deadline) : 0;
        if (STATE(w) == S_DONE) {
            break;
        }
        if (until == 0 || now_ns() < until) {
            park(t, w, until, &turn);
        } else if (STATE(w) == S_HELD || STATE(w) == S_ANSWER) {
            relax(&n);
        } else {
            timed_out(t);
        }
    }
#if OPEN_WARDEN
    if (!self) {
        atomic_fetch_sub(&warden_waits, 1);
    }
#endif
    if (OPEN_LATE_US) {
        doze_us(dice() % (OPEN_LATE_US + 1));
    }
    latch_on(&me->latch);
    me->ticket = NULL;
    latch_off(&me->latch);
    enum why why = WHY(atomic_load(&t->word));
    if (t->f_extra != NULL) {
        desk_kick(&t->f_extra->desk);
    }
    if (t->sync != NULL) {
        struct sync *s = t->sync;
        atomic_fetch_sub(&s->users, 1);
        desk_kick(&s->desk);
        if (why == Y_INTR && posted && !want) {
            me->f_marked = s;
        }
    }
    if (posted) {
        desk_kick(&t->hub->desk);
    }
    atomic_store(&t->left, 1);
    me->f_last = (u32)why;
    return why;
}

/* --- The ledger: what a process has taken and not answered ------------------------------------------ */
static void ledger_add(struct proc *p, struct ticket *t)
{
    struct ticket *old = NULL;
    latch_on(&p->ledger_latch);
    struct ticket **at = &p->ledger;
    ticket_get(t);
    t->ledger_next = NULL;
    t->number = REPLY_NUMBERS | (++p->next_reply % 0x0fffffffu);
    if (p->n_ledger >= LEDGER_MAX) { /* long forgotten ones go */
        while (*at != NULL && !decided(*at)) {
            at = &(*at)->ledger_next;
        }
        if (*at != NULL) {
            old = *at;
            *at = old->ledger_next;
            p->n_ledger--;
        }
    }
    while (*at != NULL) {
        at = &(*at)->ledger_next;
    }
    *at = t;
    p->n_ledger++;
    latch_off(&p->ledger_latch);
    if (old != NULL) {
        ticket_put(old);
    }
}

static int ledger_remove(struct proc *p, struct ticket *t)
{
    int found = 0;
    latch_on(&p->ledger_latch);
    for (struct ticket **at = &p->ledger; *at != NULL; at = &(*at)->ledger_next) {
        if (*at == t) {
            *at = t->ledger_next;
            p->n_ledger--;
            found = 1;
            break;
        }
    }
    latch_off(&p->ledger_latch);
    if (found) {
        ticket_put(t);
    }
    return found;
}

static int answers(struct ticket *t, enum kind kind, struct thing *via, u32 tid, u32 number)
{
    if (number != 0) {
        return t->number == number;
    }
    if (FAULTY(783) && tid != 0) {
        return t->tid == tid && !decided(t);
    }
    return t->via_kind == kind && t->via == via && (tid == 0 || t->tid == tid);
}

/* The request that a Reply is for, out of the ledger and in state ANSWER; *gone: nobody waits for it any more. */
static struct ticket *ledger_take(struct proc *p, struct seat *me, enum kind kind,
                                  struct thing *via, u32 tid, u32 number, int *gone)
{
    struct ticket *best, *skipped = NULL, **at, **best_at;
    u32 n = 0;
    latch_on(&p->ledger_latch);
    best = NULL;
    best_at = NULL;
    for (at = &p->ledger; *at != NULL;) {
        struct ticket *t = *at;
        if (!answers(t, kind, via, tid, number)) {
            at = &t->ledger_next;
            continue;
        }
        if (FAULTY(731) && tid == 0 && decided(t)) {
            *at = t->ledger_next;
            t->ledger_next = skipped;
            skipped = t;
            p->n_ledger--;
            continue;
        }
        n++;
        int own = t->taker == me->tid && (tid != 0 || OPEN_OWNFIRST);
        if (best == NULL || (own && best->taker != me->tid)) {
            best = t;
            best_at = at;
        }
        at = &t->ledger_next;
    }
    if (FAULTY(784) && tid == 0 && n >= 3) {
        n = 0;
        for (at = &p->ledger; *at != NULL; at = &(*at)->ledger_next) {
            if (answers(*at, kind, via, tid, number) && ++n == 2) {
                best = *at;
                best_at = at;
            }
        }
    }
    if (best != NULL) {
        *best_at = best->ledger_next;
        p->n_ledger--;
        *gone = !swap_state(best, S_TAKEN, S_ANSWER);
    }
    latch_off(&p->ledger_latch);
    while (skipped != NULL) {
        struct ticket *next = skipped->ledger_next;
        ticket_put(skipped);
        skipped = next;
    }
    return best;
}

static void ledger_end(struct ticket *list, enum why why)
{
    while (list != NULL) {
        struct ticket *next = list->ledger_next;
        ticket_end(list, M(S_TAKEN), why);
        ticket_put(list);
        list = next;
    }
}

/* The last handle of an end is closed: nothing that was taken through it can be answered any more. */
static void ledger_drop(enum kind kind, struct thing *via)
{
    struct ticket *list = NULL;
    latch_on(&world);
    for (struct proc *p = processes; p != NULL; p = p->next) {
        latch_on(&p->ledger_latch);
        for (struct ticket **at = &p->ledger; *at != NULL;) {
            struct ticket *t = *at;
            if (t->via_kind == kind && t->via == via) {
                *at = t->ledger_next;
                p->n_ledger--;
                t->ledger_next = list;
                list = t;
            } else {
                at = &t->ledger_next;
            }
        }
        latch_off(&p->ledger_latch);
    }
    latch_off(&world);
    ledger_end(list, Y_GONE);
}

/* A request that this thread has taken and not answered, with a count. */
static struct ticket *owes(struct proc *p, struct seat *me)
{
    struct ticket *found = NULL;
    latch_on(&p->ledger_latch);
    for (struct ticket *t = p->ledger; t != NULL && found == NULL; t = t->ledger_next) {
        if (t->taker == me->tid && !decided(t)) {
            found = ticket_get(t);
        }
    }
    latch_off(&p->ledger_latch);
    return found;
}

/* --- Messages -------------------------------------------------------------------------------------- */
nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    if (uMsg != NULL) {
        memset(uMsg, 0, sizeof *uMsg);
    }
    if (uMsg == NULL || msg == NULL) {
        return NK_EINVAL;
    }
    size_t room = arena == NULL ? 0 : (size_t)(arena->end - arena->start);
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX) {
        return NK_EBADMSG;
    }
    uMsg->indirDescs[0].buf = msg;
    uMsg->indirDescs[0].size = msg->ex.size_ex;
    uMsg->indirDescs[1].buf = room == 0 ? NULL : arena->start;
    uMsg->indirDescs[1].size = room > UINT32_MAX ? UINT32_MAX : (u32)room;
    return NK_EOK;
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    if (uMsg != NULL) {
        memset(uMsg, 0, sizeof *uMsg);
    }
    if (uMsg == NULL || msg == NULL) {
        return NK_EINVAL;
    }
    size_t used = arena == NULL ? 0 : (size_t)(arena->current - arena->start);
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX ||
        (msg->ex.size_ex - sizeof *msg) / sizeof(nk_handle_desc_t) < msg->ncaps) {
        return NK_EBADMSG;
    }
    uMsg->indirDescs[0].buf = msg;
    uMsg->indirDescs[0].size = msg->ex.size_ex;
    uMsg->indirDescs[1].buf = used == 0 ? NULL : arena->start;
    uMsg->indirDescs[1].size = used > UINT32_MAX ? UINT32_MAX : (u32)used;
    return NK_EOK;
}

static enum why header_bad(const SMsgHdr *m)
{
    if (m == NULL) {
        return Y_NULL;
    }
    if (m->immSize != 0 || m->indirDescs[0].buf == NULL ||
        m->indirDescs[0].size < sizeof(nk_message) ||
        (m->indirDescs[1].size != 0 && m->indirDescs[1].buf == NULL)) {
        return Y_MSG;
    }
    return Y_OK;
}

static nk_handle_desc_t *descriptors(struct parcel *p)
{
    return (nk_handle_desc_t *)(void *)(p->bytes + sizeof(nk_message));
}

/* Take over what is to be sent, with its handles. */
static enum why seal(struct proc *p, const SMsgHdr *m, struct parcel **out, int lax)
{
    enum why why = header_bad(m);
    if (why != Y_OK) {
        return why;
    }
    u32 fixed = m->indirDescs[0].size, arena = m->indirDescs[1].size;
    if ((u64)fixed + arena > NK_MESSAGE_SIZE_MAX) {
        return Y_BIG;
    }
    struct parcel *q = mem_get(sizeof *q + fixed + arena);
    if (q == NULL) {
        return Y_MEMORY;
    }
    q->fixed = fixed;
    q->arena = arena;
    q->trace = m->traceId;
    q->span = m->spanId;
    memcpy(q->bytes, m->indirDescs[0].buf, fixed);
    if (arena != 0) {
        memcpy(q->bytes + fixed, m->indirDescs[1].buf, arena);
    }
    nk_message head;
    memcpy(&head, q->bytes, sizeof head);
    if (head.ncaps > NK_MESSAGE_HANDLES_MAX ||
        (fixed - sizeof head) / sizeof(nk_handle_desc_t) < head.ncaps) {
        parcel_free(q);
        return Y_MSG;
    }
    if (head.ncaps > 0) {
        q->cargo = mem_get(head.ncaps * sizeof *q->cargo);
        if (q->cargo == NULL) {
            parcel_free(q);
            return Y_MEMORY;
        }
        q->n_cargo = head.ncaps;
    }
    int narrowed = 0;
    for (u32 i = 0; i < head.ncaps; i++) {
        nk_handle_desc_t d = descriptors(q)[i];
        struct grip *g = &q->cargo[i];
        why = grab(p, d.handle, g, 1);
        if (why == Y_OK) {
            int allowed = (g->rights & OCAP_HANDLE_TRANSFER) != 0 || lax;
            if (FAULTY(762) && d.rights != NK_RIGHTS_HELD && (d.rights & OCAP_HANDLE_TRANSFER)) {
                allowed = 1;
            }
            if (FAULTY(768) && narrowed) {
                allowed = 1;
            }
            narrowed |= d.rights != NK_RIGHTS_HELD;
            if (!allowed || (OPEN_WIDE && d.rights != NK_RIGHTS_HELD && (d.rights & ~g->rights))) {
                why = Y_SECURITY;
                if (FAULTY(745) && g->kind == K_SYNC) {
                    sync_clear((struct sync *)g->thing);
                }
            }
            g->rights &= d.rights;
        }
        if (why != Y_OK) {
            for (u32 j = 0; FAULTY(763) && j < i; j++) {
                struct slot *slot = table_remove(p, descriptors(q)[j].handle);
                if (slot != NULL) {
                    slot_drop(slot);
                }
            }
            parcel_free(q);
            return why;
        }
    }
    *out = q;
    return Y_OK;
}

/* Take the first `n` handles of a message back: their counts are the parcel's again. */
static void take_back_cargo(struct proc *p, struct parcel *q, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        struct slot *slot = table_remove(p, descriptors(q)[i].handle);
        if (slot != NULL) {
            q->cargo[i] =
                (struct grip){slot->kind, slot->thing, slot->rights, NULL, slot->thing != NULL};
            line_put(slot->line);
            mem_put(slot, sizeof *slot);
        }
    }
}

/* Give the handles of a message to the process that gets it. All or none; the counts left over go with the parcel. */
static enum why install(struct proc *p, struct parcel *q)
{
    for (u32 i = 0; i < q->n_cargo; i++) {
        struct grip *g = &q->cargo[i];
        nk_handle_desc_t *d = &descriptors(q)[i];
        u32 number = INVALID_HANDLE;
        enum why why = Y_OK;
        if (FAULTY(797) && i >= 4) {
            continue;
        }
        why = table_add(p, g->kind, g->thing, g->rights, g->line, &number);
        if (why != Y_OK) {
            take_back_cargo(p, q, i);
            return why == Y_DEAD ? Y_DEAD : Y_XFER;
        }
        if (FAULTY(767) && line_depth(g->line) >= 1) {
            atomic_store(&g->line->revoked, 1);
        }
        d->handle = number;
        d->rights = g->rights;
        d->badge = 0;
        line_put(g->line);
        *g = (struct grip){0};
    }
    return Y_OK;
}

/* Into the buffers of the thread that gets it. */
static void unseal(struct parcel *q, SMsgHdr *in)
{
    if (q == NULL) {
        in->indirDescs[0].size = in->indirDescs[1].size = 0;
        return;
    }
    if (OPEN_SCRIBBLE) {
        memset(in->indirDescs[0].buf, 0x5c, in->indirDescs[0].size);
        if (in->indirDescs[1].size != 0) {
            memset(in->indirDescs[1].buf, 0xc5, in->indirDescs[1].size);
        }
    }
    memcpy(in->indirDescs[0].buf, q->bytes, q->fixed);
    if (q->arena != 0) {
        memcpy(in->indirDescs[1].buf, q->bytes + q->fixed, q->arena);
    }
    in->indirDescs[0].size = q->fixed;
    in->indirDescs[1].size = q->arena;
    in->traceId = q->trace;
    in->spanId = q->span;
}

/* --- Calls ----------------------------------------------------------------------------------------- */
/* Fault 770: the object of that number in whatever process. */
static enum why grab_anywhere(u32 number, struct grip *g)
{
    enum why why = Y_NOHANDLE;
    latch_on(&world);
    for (struct proc *p = processes; p != NULL && why != Y_OK; p = p->next) {
        why = grab(p, number, g, 0);
        if (why == Y_OK && g->kind != K_SYNC) {
            grip_put(g);
            why = Y_NOHANDLE;
        }
    }
    latch_off(&world);
    return why;
}

static enum why sync_argument(struct proc *p, Handle h, struct grip *g)
{
    if (h == INVALID_HANDLE) {
        return Y_OK;
    }
    enum why why = need(p, h, g, KIND(K_SYNC), OCAP_IPC_INTERRUPT);
    if (FAULTY(770) && why == Y_NOHANDLE) {
        why = grab_anywhere(h, g);
    }
    if (OPEN_BADSYNC == 1 && (why == Y_NOHANDLE || why == Y_KIND)) {
        return Y_OK;
    }
    return why;
}

static enum why zero_limit(u32 mdelay)
{
    return mdelay != 0 || OPEN_MDELAY0 == 0 ? Y_OK : OPEN_MDELAY0 == 1 ? Y_TIMEOUT : Y_ZERO;
}

static void limit_set(struct seat *me, struct ticket *t, u64 entry, u32 mdelay)
{
    if (FAULTY(755) && mdelay != INFINITE_TIMEOUT) {
        mdelay &= ~3u;
    }
    t->f_span_ms = mdelay == INFINITE_TIMEOUT ? 0 : mdelay;
    if (mdelay != INFINITE_TIMEOUT) {
        u64 at = limit_of(entry, mdelay);
        if (FAULTY(742) && !t->is_call && me->f_deadline != 0) {
            at = me->f_deadline < at ? me->f_deadline : at;
            me->f_deadline = 0;
        }
        atomic_store(&t->deadline, at);
    } else if (FAULTY(757) && !t->is_call && t->sync != NULL && me->f_deadline2 != 0) {
        atomic_store(&t->deadline, me->f_deadline2);
        me->f_deadline2 = 0;
    }
}

static void call_faults_before(struct proc *p, struct seat *me, struct ticket *t, u32 mdelay)
{
    if (FAULTY(705) && me->f_stale_sync != NULL && me->f_stale_sync != t->sync) {
        t->f_extra = me->f_stale_sync;
        me->f_stale_sync = NULL;
    }
    if (FAULTY(724) && t->is_call && t->sync == NULL) {
        latch_on(&p->f_latch);
        t->f_extra = p->f_last_recv_sync;
        p->f_last_recv_sync = NULL;
        latch_off(&p->f_latch);
    }
    struct ticket *owed = FAULTY(723) || FAULTY(749) ? owes(p, me) : NULL;
    if (owed != NULL) {
        if (FAULTY(723) && t->is_call && t->sync == NULL && mdelay == INFINITE_TIMEOUT &&
            owed->proc == p) {
            t->f_extra = thing_get(owed->sync);
        }
        if (FAULTY(749) && t->is_call && t->sync != NULL && owed->f_taker_sync == t->sync) {
            atomic_store(&t->f_deaf, 1);
        }
        ticket_put(owed);
    }
    if (FAULTY(793) && t->is_call) {
        u32 n = atomic_load(&t->chan->f_present);
        if (n > 0) {
            atomic_store(&t->chan->f_present, n - 1);
            atomic_store(&t->f_deaf, 1);
        }
    }
}

static void call_faults_after(struct proc *p, struct seat *me, struct ticket *t, enum why why,
                              u32 mdelay)
{
    struct sync *s = t->sync;
    struct parcel *mine = atomic_load(&t->parcel);
    if (why == Y_INTR) {
        atomic_store(&t->chan->f_intr, 1);
        if (FAULTY(721)) {
            ghost(t, parcel_clone(mine), K_LISTENER);
        }
        if (FAULTY(728) && mine != NULL) {
            parcel_free(me->f_old);
            me->f_old = parcel_clone(mine);
            me->f_old_chan = t->chan;
        }
    }
    if (why == Y_TIMEOUT && ((FAULTY(758) && t->size_arena > 0) || (FAULTY(759) && mdelay == 0))) {
        ghost(t, parcel_clone(mine), 0);
    }
    if (s == NULL) {
        return;
    }
    if (FAULTY(705) && why == Y_OK) {
        thing_put(me->f_stale_sync);
        me->f_stale_sync = thing_get(s);
    }
    if (FAULTY(729) && why == Y_OK && IS_SET(atomic_load(&s->word))) {
        me->f_seen_sync = s;
        me->f_seen_gen = GEN(atomic_load(&s->word));
    }
    if (FAULTY(771) && why == Y_OK && s->f_hub == NULL) {
        s->f_hub = thing_get(t->hub);
    }
    if (atomic_exchange(&t->f_counted, 2) == 1 && atomic_fetch_sub(&s->f_taken, 1) == 1 &&
        FAULTY(751) && atomic_exchange(&s->f_pending, 0)) {
        sync_set(s);
    }
    (void)p;
}

static Retcode call_ex(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, u32 mdelay,
                       Handle syncHandle)
{
    u64 entry = now_ns();
    struct seat *me = seat_mine();
    struct proc *p = me == NULL ? NULL : me->proc;
    struct grip g = {0}, sg = {0};
    struct parcel *parcel = NULL;
    struct ticket *t = NULL;
    enum why why;
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    why = header_bad(msgIn);
    if (why == Y_OK && msgOut == NULL) {
        why = Y_NULL;
    }
    if (why == Y_OK && OPEN_CHECKS == 1) {
        why = seal(p, msgOut, &parcel, 0);
    }
    if (why == Y_OK && OPEN_CHECKS == 2) {
        why = sync_argument(p, syncHandle, &sg);
    }
    if (why == Y_OK) {
        why = need(p, handle, &g, KIND(K_CLIENT), OCAP_IPC_CALL);
    }
    struct chan *chan = (struct chan *)g.thing;
    if (why == Y_OK && OPEN_CHECKS != 2) {
        why = sync_argument(p, syncHandle, &sg);
        if (why != Y_OK) {
            me->f_bad = 1;
        }
    }
    if (why == Y_OK && parcel == NULL) {
        why = seal(p, msgOut, &parcel, 0);
        if (FAULTY(764) && why == Y_SECURITY) {
            atomic_store(&chan->f_poke, 1);
            desk_kick(&chan->hub->desk);
        }
    }
    if (why == Y_OK && !chan_alive(chan)) {
        why = Y_GONE;
    }
    if (why == Y_OK) {
        why = zero_limit(mdelay);
    }
    if (FAULTY(728) && why == Y_OK && me->f_old != NULL) {
        if (me->f_old_chan == chan && me->f_old->fixed == parcel->fixed &&
            me->f_old->arena == parcel->arena) {
            memcpy(parcel->bytes, me->f_old->bytes, parcel->fixed + parcel->arena);
        }
        parcel_free(me->f_old);
        me->f_old = NULL;
    }
    if (FAULTY(732) && why == Y_OK) {
        latch_on(&me->latch);
        struct parcel *mail = me->f_mail;
        me->f_mail = NULL;
        latch_off(&me->latch);
        if (mail != NULL && mail->fixed <= msgIn->indirDescs[0].size &&
            mail->arena <= msgIn->indirDescs[1].size) {
            unseal(mail, msgIn);
            parcel_free(mail);
            goto out;
        }
        parcel_free(mail);
    }
    if (why == Y_OK) {
        t = ticket_new(p, me, chan->hub, chan, (struct sync *)sg.thing);
        why = t == NULL ? Y_MEMORY : Y_OK;
    }
    if (why == Y_OK) {
        t->is_call = 1;
        t->size_fixed = parcel->fixed;
        t->size_arena = parcel->arena;
        t->room_fixed = msgIn->indirDescs[0].size;
        t->room_arena = msgIn->indirDescs[1].size;
        t->f_copy = g.line->parent != NULL;
        atomic_store(&t->parcel, parcel);
        parcel = NULL;
        limit_set(me, t, entry, mdelay);
        call_faults_before(p, me, t, mdelay);
        why = wait_here(me, t, mdelay == 0);
        call_faults_after(p, me, t, why, mdelay);
        /* Withdrawn with all that it carried; once fetched the parcel is the receiver's. */
        parcel_free(FAULTY(779) ? NULL : atomic_exchange(&t->parcel, NULL));
        if (why == Y_OK) {
            unseal(t->answer, msgIn);
        }
        ticket_leave(t);
    }
out:
    parcel_free(parcel);
    grip_put(&g);
    grip_put(&sg);
    return rc(why);
}

/* A receiver fetches what it was given. Not Y_OK: nothing there after all, Y_MATCH means wait on. */
static enum why fetch(struct proc *p, struct seat *me, struct ticket *r, struct grip *g,
                      SMsgHdr *msgIn, Handle handle)
{
    struct ticket *c = r->match;
    r->match = NULL;
    if (FAULTY(779)) {
        doze_us(300);
    }
    if (!swap_state(c, S_HANDED, S_TAKEN) && !FAULTY(779)) {
        ticket_put(c);
        return Y_MATCH;
    }
    struct parcel *q = atomic_exchange(&c->parcel, NULL);
    if (q == NULL) {
        ticket_put(c);
        return Y_MATCH;
    }
    if (FAULTY(785)) {
        c->f_spare = parcel_clone(q);
    }
    if ((FAULTY(730) || FAULTY(794)) && c->f_twice) {
        ghost(c, parcel_clone(q), FAULTY(794) ? K_SERVER : 0);
    }
    if (FAULTY(802) && c->f_strip) {
        for (u32 i = 0; i < q->n_cargo; i++) {
            descriptors(q)[i].handle = INVALID_HANDLE;
            grip_put(&q->cargo[i]);
        }
        mem_put(q->cargo, q->n_cargo * sizeof *q->cargo);
        q->cargo = NULL;
        q->n_cargo = 0;
    }
    enum why why = install(p, q);
    if (why != Y_OK) {
        ticket_end(c, M(S_TAKEN), why == Y_DEAD ? Y_GONE : why);
        parcel_free(q);
        ticket_put(c);
        return why == Y_DEAD ? Y_DEAD : Y_MATCH;
    }
    c->via_kind = g->kind;
    c->via = thing_get(g->thing);
    c->taker = me->tid;
    c->f_taker_sync = thing_get(r->sync);
    if (g->line->parent != NULL) {
        atomic_store(&c->f_loose, 1);
    }
    if (c->sync != NULL) {
        u32 none = 0;
        atomic_fetch_add(&c->sync->f_taken, 1);
        if (!atomic_compare_exchange_strong(&c->f_counted, &none, 1)) {
            atomic_fetch_sub(&c->sync->f_taken, 1);
        }
    }
    if (FAULTY(727)) {
        atomic_fetch_add(&c->hub->f_scope, 1);
        atomic_fetch_add(&c->chan->f_busy, 1);
    }
    ledger_add(p, c);
    int closed = 0;
    if (g->kind == K_SERVER) {
        closed = atomic_load(&((struct chan *)g->thing)->names[1]) == 0;
    } else {
        closed = atomic_load(&((struct hub *)g->thing)->names) == 0;
    }
    if (atomic_load(&p->dead) || closed) { /* it could not be answered any more */
        ledger_remove(p, c);
        ticket_end(c, M(S_TAKEN), Y_GONE);
        if (closed) {
            take_back_cargo(p, q, q->n_cargo);
        }
        parcel_free(q);
        ticket_put(c);
        return closed ? Y_GONE : Y_DEAD;
    }
    unseal(q, msgIn);
    msgIn->replyHandle = OPEN_REPLYHANDLE == 1 ? c->number : handle;
    msgIn->sender = c->proc->id;
    msgIn->threadId = c->tid;
    parcel_free(q);
    ticket_put(c);
    return Y_OK;
}

static void recv_faults_before(struct proc *p, struct seat *me, struct ticket *t, int ex)
{
    struct hub *h = t->hub;
    atomic_store(&h->f_recvd, 1);
    if (FAULTY(738) && t->chan == NULL && ex) {
        latch_on(&h->f_latch);
        struct sync *old = NULL;
        if (t->sync != NULL) {
            old = h->f_default;
            h->f_default = thing_get(t->sync);
        } else {
            t->f_extra = thing_get(h->f_default);
        }
        latch_off(&h->f_latch);
        thing_put(old);
    }
    t->f_max_serial = atomic_load(&h->serial);
    call_faults_before(p, me, t, 0);
}

static void recv_faults_after(struct proc *p, struct seat *me, struct ticket *t, enum why why,
                              u32 mdelay)
{
    struct hub *h = t->hub;
    struct sync *s = t->sync;
    if (why == Y_INTR && t->chan != NULL) {
        atomic_store(&t->chan->f_intr, 1);
    }
    if (FAULTY(724) && why == Y_INTR && s != NULL) {
        latch_on(&p->f_latch);
        struct sync *old = p->f_last_recv_sync;
        p->f_last_recv_sync = thing_get(s);
        latch_off(&p->f_latch);
        thing_put(old);
    }
    if (FAULTY(735) && why == Y_TIMEOUT && t->chan == NULL) {
        atomic_fetch_add(&h->f_dead, 1);
    }
    if (FAULTY(793) && why == Y_TIMEOUT && t->chan != NULL) {
        atomic_fetch_add(&t->chan->f_present, 1);
    }
    if (FAULTY(742) && why == Y_INTR && mdelay != INFINITE_TIMEOUT) {
        me->f_deadline = atomic_load(&t->deadline);
    }
    if (FAULTY(757) && why == Y_MATCH && mdelay != INFINITE_TIMEOUT) {
        me->f_deadline2 = atomic_load(&t->deadline);
    }
    if (FAULTY(734) && why == Y_MATCH) {
        thing_put(me->f_recv_sync);
        me->f_recv_sync = thing_get(s);
    }
    if (FAULTY(799) && why == Y_INTR) {
        for (struct ticket *owed; (owed = owes(p, me)) != NULL; ticket_put(owed)) {
            ledger_remove(p, owed);
            ticket_end(owed, M(S_TAKEN), Y_GONE);
        }
    }
    if (FAULTY(802) && t->f_interrupted_at_entry) {
        atomic_store(&h->f_strip, 1);
        desk_kick(&h->desk);
    }
}

static Retcode recv_ex(Handle handle, SMsgHdr *msgIn, u32 mdelay, Handle syncHandle, int ex)
{
    u64 entry = now_ns();
    struct seat *me = seat_mine();
    struct proc *p = me == NULL ? NULL : me->proc;
    struct grip g = {0}, sg = {0};
    enum why why;
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    why = header_bad(msgIn);
    if (why == Y_OK && OPEN_CHECKS == 2) {
        why = sync_argument(p, syncHandle, &sg);
    }
    if (why == Y_OK) {
        why = need(p, handle, &g, KIND(K_SERVER) | KIND(K_LISTENER), OCAP_IPC_RECV);
    }
    if (why == Y_OK && OPEN_CHECKS != 2) {
        why = sync_argument(p, syncHandle, &sg);
        if (why != Y_OK) {
            me->f_bad = 1;
        }
    }
    if (why == Y_OK) {
        why = zero_limit(mdelay);
    }
    if (FAULTY(744) && why == Y_OK && me->f_bad) {
        me->f_bad = 0;
        why = Y_NOHANDLE;
    }
    struct chan *chan = g.kind == K_SERVER ? (struct chan *)g.thing : NULL;
    struct hub *hub = chan != NULL ? chan->hub : (struct hub *)g.thing;
    if (FAULTY(712) && why == Y_OK && chan != NULL && atomic_load(&chan->f_locked)) {
        why = Y_BUSY;
    }
    while (why == Y_OK) {
        struct ticket *t = ticket_new(p, me, hub, chan, (struct sync *)sg.thing);
        if (t == NULL) {
            why = Y_MEMORY;
            break;
        }
        t->room_fixed = msgIn->indirDescs[0].size;
        t->room_arena = msgIn->indirDescs[1].size;
        limit_set(me, t, entry, mdelay);
        recv_faults_before(p, me, t, ex);
        why = wait_here(me, t, mdelay == 0);
        recv_faults_after(p, me, t, why, mdelay);
        if (why != Y_MATCH) {
            ticket_leave(t);
            break;
        }
        why = fetch(p, me, t, &g, msgIn, handle);
        ticket_leave(t);
        if (why == Y_MATCH) { /* its caller has left on the way: wait on */
            why = Y_OK;
            continue;
        }
        break;
    }
    grip_put(&g);
    grip_put(&sg);
    return rc(why);
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return call_ex(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    return call_ex(handle, msgOut, msgIn, mdelay, syncHandle);
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return recv_ex(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    return recv_ex(handle, msgIn, mdelay, syncHandle, 1);
}

static enum why reply_to(struct proc *p, struct seat *me, struct ticket *t, struct parcel **answer)
{
    struct parcel *q = *answer;
    struct sync *s = t->f_taker_sync;
    int set = s != NULL && IS_SET(atomic_load(&s->word));
    (void)p;
    if (FAULTY(734) && me->f_recv_sync != NULL && IS_SET(atomic_load(&me->f_recv_sync->word))) {
        atomic_store(&t->word, S_TAKEN);
        return Y_OK;
    }
    if (FAULTY(795) && set && t->taker != me->tid) {
        atomic_store(&t->word, S_TAKEN);
        ledger_add(p, t);
        return Y_NOREQ;
    }
    if (q->fixed > t->room_fixed || q->arena > t->room_arena) {
        decide(t, Y_SMALL);
        return Y_SMALL;
    }
    if (FAULTY(796) && t->sync != NULL && IS_SET(atomic_load(&t->sync->word))) {
        for (u32 i = 0; i < q->n_cargo; i++) {
            descriptors(q)[i].handle = INVALID_HANDLE;
        }
        t->answer = parcel_clone(q); /* without cargo; the caller frees this one */
        decide(t, t->answer == NULL ? Y_MEMORY : Y_OK);
        return Y_OK;
    }
    enum why why = install(t->proc, q);
    if (why != Y_OK) {
        decide(t, Y_XFER);
        return why == Y_DEAD ? Y_LATE : Y_XFER;
    }
    if (FAULTY(727)) {
        atomic_fetch_sub(&t->hub->f_scope, 1);
        atomic_fetch_sub(&t->chan->f_busy, 1);
    }
    t->answer = q;
    *answer = NULL;
    decide(t, Y_OK);
    if (OPEN_REPLYWAIT) {
        unsigned n = 0;
        for (u64 end = now_ns() + 200000000u; !atomic_load(&t->left) && now_ns() < end;) {
            relax(&n);
        }
    }
    return Y_OK;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct seat *me = seat_mine();
    struct proc *p = me == NULL ? NULL : me->proc;
    struct grip g = {0};
    struct parcel *q = NULL;
    enum why why = Y_OK;
    u32 number = 0;
    int gone = 0;
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    if (msgOut == NULL) {
        return rc(Y_NULL);
    }
    if (OPEN_REPLYHANDLE == 1 && handle >= REPLY_NUMBERS && handle != INVALID_HANDLE) {
        number = handle;
    } else {
        why = need(p, handle, &g, KIND(K_SERVER) | KIND(K_LISTENER), OCAP_IPC_RECV);
    }
    if (why == Y_OK) {
        int lax = (FAULTY(765) && msgOut->threadId != 0) || (FAULTY(766) && me->f_refused);
        why = seal(p, msgOut, &q, lax);
        me->f_refused = why == Y_SECURITY;
    }
    if (why == Y_OK || (OPEN_XFER05 == 1 && why == Y_SECURITY)) {
        struct ticket *t =
            ledger_take(p, me, g.kind, g.thing, number != 0 ? 0 : msgOut->threadId, number, &gone);
        if (why == Y_SECURITY) {
            if (t != NULL && !gone) {
                decide(t, Y_SECURITY);
            }
        } else if (t == NULL) {
            why = Y_NOREQ;
        } else if (gone) {
            why = OPEN_LATEREPLY ? Y_OK : Y_LATE;
            if (FAULTY(732) && msgOut->threadId != 0 && WHY(atomic_load(&t->word)) == Y_TIMEOUT &&
                t->seat != NULL) {
                latch_on(&t->seat->latch);
                if (t->seat->f_mail == NULL && t->seat->tid == t->tid && t->seat->proc != NULL) {
                    t->seat->f_mail = q;
                    q = NULL;
                }
                latch_off(&t->seat->latch);
            }
            for (int i = 0; FAULTY(760) && atomic_load(&t->proc->dead) && i < 3000; i++) {
                doze_us(10000);
            }
        } else {
            why = reply_to(p, me, t, &q);
        }
        if (t != NULL) {
            ticket_put(t);
        }
    }
    parcel_free(q);
    grip_put(&g);
    return rc(why);
}

/* --- Sync objects ---------------------------------------------------------------------------------- */
static void slow(void)
{
    if (OPEN_SLOW_US) {
        doze_us(dice() % (OPEN_SLOW_US + 1));
    }
}

static Retcode create_sync(Handle *out, int autoclear, int set)
{
    struct seat *me = seat_mine();
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    struct proc *p = me->proc;
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    if (FAULTY(704) && atomic_exchange(&p->f_reserved, 0)) {
        return rc(Y_BUSY);
    }
    if (out == NULL) {
        atomic_store(&p->f_reserved, 1);
        return rc(Y_NULL);
    }
    if (atomic_fetch_add(&p->syncs, 1) >= OPEN_SYNCS) {
        atomic_fetch_sub(&p->syncs, 1);
        return rc(Y_QUOTA);
    }
    struct sync *s = mem_get(sizeof *s);
    if (s == NULL) {
        atomic_fetch_sub(&p->syncs, 1);
        return rc(Y_MEMORY);
    }
    atomic_init(&s->th.refs, 1);
    s->th.type = K_SYNC;
    atomic_init(&s->names, 1);
    atomic_init(&s->word, set ? 3 : 0);
    s->desk.pass = sync_pass;
    s->autoclear = autoclear;
    s->proc = proc_get(p);
    u32 number, rights = OCAP_IPC_SYNC_OBJECT;
    if (OPEN_COPY == 1) {
        rights &= ~OCAP_HANDLE_COPY;
    }
    if (FAULTY(761) && autoclear) {
        rights |= OCAP_HANDLE_TRANSFER;
    }
    enum why why = table_add(p, K_SYNC, s, rights, NULL, &number);
    if (why != Y_OK) {
        atomic_fetch_sub(&p->syncs, 1);
        thing_put(s);
        return rc(why);
    }
    if (FAULTY(702)) {
        memcpy(out, &number, 2);
    } else {
        *out = number;
    }
    return rcOk;
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return create_sync(syncHandle, 0, 0);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    if (!OPEN_OPTIONAL) {
        return rcUnimplemented;
    }
    if (FAULTY(707)) {
        return create_sync(syncHandle, autoclear == 1, 0);
    }
    return create_sync(syncHandle, autoclear != 0, FAULTY(706) && autoclear == 0);
}

static enum why sync_need(struct seat *me, Handle h, struct grip *g)
{
    struct proc *p = me->proc;
    if (atomic_load(&p->dead)) {
        return Y_DEAD;
    }
    enum why why = need(p, h, g, KIND(K_SYNC), OCAP_IPC_INTERRUPT);
    if (FAULTY(711) && why == Y_NOHANDLE) {
        latch_on(&p->f_latch);
        if (p->f_closed_sync != NULL && p->f_closed_number == h &&
            atomic_load(&p->f_closed_sync->users) > 0) {
            *g = (struct grip){K_SYNC, thing_get(p->f_closed_sync), OCAP_IPC_SYNC_OBJECT, NULL, 0};
            why = Y_OK;
        }
        latch_off(&p->f_latch);
    }
    if (FAULTY(712) && why == Y_KIND && g->kind == K_SERVER) {
        atomic_store(&((struct chan *)g->thing)->f_locked, 1);
        grip_put(g);
    }
    if (FAULTY(716) && why != Y_OK && me->f_last == Y_INTR) {
        return Y_INTR;
    }
    return why;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct seat *me = seat_mine();
    struct grip g = {0};
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    enum why why = sync_need(me, syncHandle, &g);
    slow();
    if (why != Y_OK) {
        return rc(why);
    }
    struct sync *s = (struct sync *)g.thing;
    u32 before = atomic_load(&s->f_count), n;
    if (FAULTY(751) && atomic_load(&s->f_taken) > 0) {
        atomic_store(&s->f_pending, 1);
        grip_put(&g);
        return rcOk;
    }
    atomic_store(&s->f_setter, me->tid);
    sync_set(s);
    if (FAULTY(771) && s->f_hub != NULL) {
        s->f_hub->f_scope_proc = s->proc;
        atomic_store(&s->f_hub->f_scope, 1);
        desk_kick(&s->f_hub->desk);
    }
    n = atomic_load(&s->f_count) - before;
    grip_put(&g);
    return FAULTY(790) ? (Retcode)n : rcOk;
}

#if FAULT == 701
__attribute__((visibility("hidden")))
#endif
Retcode
KnIpcClearInterrupt(Handle syncHandle)
{
    struct seat *me = seat_mine();
    struct grip g = {0};
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    enum why why = sync_need(me, syncHandle, &g);
    slow();
    if (why != Y_OK) {
        return rc(why);
    }
    struct sync *s = (struct sync *)g.thing;
    if (FAULTY(752) && atomic_load(&s->f_taken) > 0) {
        grip_put(&g);
        return rcOk;
    }
    if (FAULTY(709) && !IS_SET(atomic_load(&s->word))) {
        atomic_store(&s->f_blast, 1);
        desk_kick(&s->desk);
    }
    if (FAULTY(746)) {
        atomic_store(&s->f_recv, atomic_exchange(&s->f_kinds, 0) == 1);
    }
    sync_clear(s);
    if (FAULTY(754)) {
        atomic_store(&s->f_restart, 1);
        desk_kick(&s->desk);
    }
    u32 users = atomic_load(&s->users);
    grip_put(&g);
    return FAULTY(791) && users > 0 ? rc(Y_BUSY) : rcOk;
}

/* --- Handles, outside ------------------------------------------------------------------------------ */
static void hub_init(struct hub *h)
{
    atomic_init(&h->th.refs, 1);
    h->th.type = K_LISTENER;
    atomic_init(&h->names, 1);
    h->desk.pass = hub_pass;
}

static void take_back(struct proc *p, u32 number)
{
    struct slot *slot = table_remove(p, number);
    if (slot != NULL) {
        slot_drop(slot);
    }
}

/* A channel; a new listener when `hub` is null. Counts of the hub stay the caller's. */
static enum why channel(struct proc *server_proc, struct proc *client_proc, struct hub *hub,
                        Handle *listener, Handle *server, Handle *client)
{
    struct hub *fresh = NULL;
    u32 listener_number = INVALID_HANDLE, server_number = INVALID_HANDLE,
        client_number = INVALID_HANDLE;
    enum why why = Y_OK;
    if (hub == NULL) {
        fresh = hub = mem_get(sizeof *hub);
        if (hub == NULL) {
            return Y_MEMORY;
        }
        hub_init(hub);
        why = table_add(server_proc, K_LISTENER, thing_get(hub), OCAP_IPC_LISTENER, NULL,
                        &listener_number);
        if (why != Y_OK) {
            thing_put(hub);
            thing_put(hub);
            return why;
        }
    }
    struct chan *c = mem_get(sizeof *c);
    if (c == NULL) {
        why = Y_MEMORY;
    } else {
        atomic_init(&c->th.refs, 1);
        c->th.type = K_SERVER;
        c->hub = thing_get(hub);
        c->serial = atomic_fetch_add(&hub->serial, 1) + 1;
        atomic_init(&c->names[0], 1);
        atomic_fetch_add(&hub->clients, 1);
        if (server != NULL && !OPEN_ONEEND) {
            atomic_init(&c->names[1], 1);
            why = table_add(server_proc, K_SERVER, thing_get(c), OCAP_IPC_SERVER, NULL,
                            &server_number);
            if (why != Y_OK) {
                atomic_store(&c->names[1], 0);
                thing_put(c);
            }
        } else {
            c->listener_only = 1;
        }
        if (why == Y_OK) {
            why = table_add(client_proc, K_CLIENT, thing_get(c), OCAP_IPC_CLIENT, NULL,
                            &client_number);
            if (why != Y_OK) {
                thing_put(c);
            }
        }
        if (why != Y_OK) {
            name_put(K_CLIENT, c);
        }
        thing_put(c);
    }
    if (why != Y_OK) {
        if (server_number != INVALID_HANDLE) {
            take_back(server_proc, server_number);
        }
        if (listener_number != INVALID_HANDLE) {
            take_back(server_proc, listener_number);
        }
    } else {
        if (listener != NULL && fresh != NULL) {
            *listener = listener_number;
        }
        if (server != NULL) {
            *server = !OPEN_ONEEND ? server_number : fresh != NULL ? listener_number : *listener;
        }
        *client = client_number;
    }
    thing_put(fresh);
    return why;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    struct seat *me = seat_mine();
    struct grip g = {0};
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    struct proc *p = me->proc;
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    if (outClient == NULL || (inListener == INVALID_HANDLE && outListener == NULL)) {
        return rc(Y_NULL);
    }
    enum why why = Y_OK;
    if (inListener != INVALID_HANDLE) {
        why = need(p, inListener, &g, KIND(K_LISTENER), OCAP_IPC_CONNECT);
        if (why != Y_OK) {
            return rc(why);
        }
    }
    Handle given = inListener;
    why = channel(p, p, (struct hub *)g.thing, inListener == INVALID_HANDLE ? outListener : &given,
                  outServer, outClient);
    if (why == Y_OK && inListener != INVALID_HANDLE && outListener != NULL) {
        *outListener = inListener;
    }
    grip_put(&g);
    return rc(why);
}

/* Faults at Close; not 0: refused with *why. */
static int close_faults(struct proc *p, Handle handle, enum why *why)
{
    struct grip g = {0};
    if (grab(p, handle, &g, 0) != Y_OK) {
        return 0;
    }
    int refused = 0;
    if (g.kind == K_SYNC) {
        struct sync *s = (struct sync *)g.thing;
        if (OPEN_CLOSESYNC == 3 && atomic_load(&s->users) > 0 && atomic_load(&s->names) == 1) {
            *why = Y_BUSY;
            refused = 1;
        }
        if (FAULTY(803) && g.line->parent == NULL && atomic_load(&s->names) > 1) {
            *why = Y_BUSY;
            refused = 1;
        }
        if (FAULTY(804) && atomic_load(&s->f_held) > 0) {
            atomic_fetch_sub(&s->f_held, 1);
            *why = Y_OK;
            refused = 1;
        }
        if (FAULTY(710) && g.line->parent != NULL) {
            atomic_store(&s->f_deleted, 1);
        }
        if (FAULTY(711)) {
            latch_on(&p->f_latch);
            struct sync *old = p->f_closed_sync;
            p->f_closed_number = handle;
            p->f_closed_sync = thing_get(s);
            latch_off(&p->f_latch);
            thing_put(old);
        }
        if (FAULTY(772)) {
            latch_on(&world);
            for (struct proc *other = processes; other != NULL; other = other->next) {
                struct grip og = {0};
                if (other != p && grab(other, handle, &og, 0) == Y_OK) {
                    if (og.kind == K_SYNC) {
                        sync_clear((struct sync *)og.thing);
                    }
                    grip_put(&og);
                }
            }
            latch_off(&world);
        }
    } else if (FAULTY(778) && g.kind == K_SERVER) {
        struct chan *c = (struct chan *)g.thing;
        if (atomic_load(&c->names[0]) == 0 && atomic_load(&c->f_intr)) {
            *why = Y_GONE;
            refused = 1;
        }
    }
    grip_put(&g);
    return refused;
}

/* Fault 713: the number of a copy that was made from this handle. */
static u32 copy_of(struct proc *p, Handle handle)
{
    u32 found = INVALID_HANDLE;
    for (int i = 0; i < 8; i++) {
        latch_on(&p->stripe[i].latch);
        for (int j = 0; j < 64; j++) {
            for (struct slot *s = p->stripe[i].bucket[j]; s != NULL; s = s->next) {
                found = s->f_from == handle ? s->number : found;
            }
        }
        latch_off(&p->stripe[i].latch);
    }
    return found;
}

Retcode KnHandleClose(Handle handle)
{
    struct seat *me = seat_mine();
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    struct proc *p = me->proc;
    enum why why = Y_OK;
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    if (close_faults(p, handle, &why)) {
        return rc(why);
    }
    struct slot *slot = table_remove(p, handle);
    if (FAULTY(713) && slot == NULL && handle != INVALID_HANDLE) {
        slot = table_remove(p, copy_of(p, handle));
    }
    if (slot == NULL) {
        return rc(Y_NOHANDLE);
    }
    slot_drop(slot);
    return rcOk;
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    struct seat *me = seat_mine();
    struct grip g = {0};
    if (!OPEN_OPTIONAL) {
        return rcUnimplemented;
    }
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    struct proc *p = me->proc;
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    if (outHandle == NULL) {
        return rc(Y_NULL);
    }
    if (copyBadge != INVALID_HANDLE) {
        return rc(Y_BADGE);
    }
    enum why why = grab(p, inHandle, &g, 1);
    if (why != Y_OK) {
        return rc(why);
    }
    u32 excess = newRightsMask & ~g.rights, number;
    if (FAULTY(769)) {
        excess &= OCAP_HANDLE_SPEC(0xffffu);
    }
    if (!(g.rights & OCAP_HANDLE_COPY) || (OPEN_COPY != 2 && excess != 0)) {
        why = Y_RIGHT;
    } else {
        u32 rights = OPEN_COPY == 2 ? newRightsMask & g.rights : newRightsMask;
        why = table_add(p, g.kind, g.thing, rights, g.line, &number);
    }
    if (why != Y_OK) {
        grip_put(&g);
        return rc(why);
    }
    struct slot **bucket;
    struct stripe *stripe = stripe_of(p, number, &bucket);
    latch_on(&stripe->latch);
    for (struct slot *s = *bucket; s != NULL; s = s->next) {
        if (s->number == number) {
            s->f_from = inHandle;
        }
    }
    latch_off(&stripe->latch);
    line_put(g.line); /* count and name are the new handle's */
    *outHandle = number;
    return rcOk;
}

/* Take one thing from a handle with a revoked ancestor, wherever it is. */
static int revoked_one(enum kind *kind, struct thing **thing)
{
    int found = 0;
    latch_on(&world);
    for (struct proc *p = processes; p != NULL && !found; p = p->next) {
        for (int i = 0; i < 8 && !found; i++) {
            latch_on(&p->stripe[i].latch);
            for (int j = 0; j < 64 && !found; j++) {
                for (struct slot *s = p->stripe[i].bucket[j]; s != NULL && !found; s = s->next) {
                    if (s->kind != K_REVOKED && line_revoked(s->line)) {
                        *kind = s->kind;
                        *thing = s->thing;
                        s->kind = K_REVOKED;
                        s->thing = NULL;
                        found = 1;
                        if (FAULTY(703)) {
                            number_back(p, s->number);
                        }
                    }
                }
            }
            latch_off(&p->stripe[i].latch);
        }
    }
    latch_off(&world);
    return found;
}

Retcode KnHandleRevoke(Handle handle)
{
    struct seat *me = seat_mine();
    if (!OPEN_OPTIONAL) {
        return rcUnimplemented;
    }
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    struct proc *p = me->proc;
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    struct slot *slot = table_remove(p, handle);
    if (slot == NULL) {
        return rc(Y_NOHANDLE);
    }
    enum kind kind;
    struct thing *thing;
    atomic_store(&slot->line->revoked, 1);
    while (revoked_one(&kind, &thing)) {
        name_put(kind, thing);
        thing_put(thing);
    }
    slot_drop(slot);
    return rcOk;
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    struct seat *me = seat_mine();
    if (!OPEN_OPTIONAL) {
        return rcUnimplemented;
    }
    if (me == NULL) {
        return rc(Y_MEMORY);
    }
    struct proc *p = me->proc;
    if (atomic_load(&p->dead)) {
        return rc(Y_DEAD);
    }
    if (handle == NULL) {
        return rc(Y_NULL);
    }
    if (type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rc(Y_TYPE);
    }
    struct user *u = mem_get(sizeof *u);
    if (u == NULL) {
        return rc(Y_MEMORY);
    }
    atomic_init(&u->th.refs, 1);
    u->th.type = K_USER;
    atomic_init(&u->names, 1);
    u->context = context;
    u32 number;
    enum why why = table_add(p, K_USER, u, rights, NULL, &number);
    if (why != Y_OK) {
        thing_put(u);
        return rc(why);
    }
    *handle = number;
    return rcOk;
}

/* --- Processes, for the adapter --------------------------------------------------------------------- */
int g1_process_create(uint32_t *process);
int g1_process_end(uint32_t process);
int g1_thread_enter(uint32_t process, uint32_t *thread);
int g1_channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                    Handle *server, Handle *client);

static struct proc *proc_find(u32 id)
{
    pthread_once(&once, start);
    latch_on(&world);
    struct proc *p = processes;
    while (p != NULL && p->id != id) {
        p = p->next;
    }
    if (p != NULL) {
        proc_get(p);
    }
    latch_off(&world);
    return p;
}

int g1_process_create(uint32_t *process)
{
    pthread_once(&once, start);
    struct proc *p = process == NULL ? NULL : mem_get(sizeof *p);
    if (p == NULL) {
        return -1;
    }
    atomic_init(&p->refs, 1);
    p->id = FIRST_PROCESS_ID + 13 * (atomic_fetch_add(&process_ids, 1) + 1);
    latch_on(&world);
    p->next = processes;
    processes = p;
    latch_off(&world);
    *process = p->id;
    return 0;
}

int g1_process_end(uint32_t process)
{
    struct proc *p = proc_find(process);
    if (p == NULL || p == &first_process || atomic_exchange(&p->dead, 1)) {
        proc_put(p);
        return -1;
    }
    /* Its threads' own calls. */
    for (struct seat *s = atomic_load(&seats); s != NULL; s = s->next) {
        latch_on(&s->latch);
        struct ticket *t = s->ticket != NULL && s->ticket->proc == p ? ticket_get(s->ticket) : NULL;
        latch_off(&s->latch);
        if (t != NULL) {
            ticket_end(t, M(S_OPEN) | M(S_HANDED) | M(S_TAKEN), Y_DEAD);
            ticket_put(t);
        }
    }
    /* What it has taken. */
    latch_on(&p->ledger_latch);
    struct ticket *list = p->ledger;
    p->ledger = NULL;
    p->n_ledger = 0;
    latch_off(&p->ledger_latch);
    if (FAULTY(773)) {
        ledger_end(list, Y_OK);
    } else if (FAULTY(774) && list != NULL) {
        struct ticket *rest = list->ledger_next;
        list->ledger_next = NULL;
        ledger_end(list, Y_GONE);
        while (rest != NULL) {
            struct ticket *next = rest->ledger_next;
            atomic_store(&rest->f_orphan, 1);
            ticket_put(rest);
            rest = next;
        }
    } else if (FAULTY(800)) {
        while (list != NULL) {
            struct ticket *next = list->ledger_next;
            int set = list->sync != NULL && IS_SET(atomic_load(&list->sync->word));
            ticket_end(list, M(S_TAKEN), set ? Y_INTR : Y_GONE);
            ticket_put(list);
            list = next;
        }
    } else {
        ledger_end(list, Y_GONE);
    }
    /* Its handles; nobody can add one any more. */
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 64; j++) {
            latch_on(&p->stripe[i].latch);
            struct slot *slot = p->stripe[i].bucket[j];
            p->stripe[i].bucket[j] = NULL;
            latch_off(&p->stripe[i].latch);
            while (slot != NULL) {
                struct slot *next = slot->next;
                if (FAULTY(777) && slot->kind == K_CLIENT && slot->line->parent != NULL) {
                    struct chan *c = (struct chan *)slot->thing;
                    atomic_store(&c->f_cut, 1);
                    desk_kick(&c->hub->desk);
                }
                slot_drop(slot);
                slot = next;
            }
        }
    }
    latch_on(&world);
    struct proc **at = &processes;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    latch_off(&world);
    proc_put(p);
    proc_put(p);
    return 0;
}

int g1_thread_enter(uint32_t process, uint32_t *thread)
{
    struct seat *me = seat_mine();
    struct proc *p = me == NULL ? NULL : proc_find(process);
    if (p == NULL) {
        return -1;
    }
    latch_on(&me->latch);
    struct proc *old = me->proc;
    me->proc = p;
    latch_off(&me->latch);
    proc_put(old);
    if (thread != NULL) {
        *thread = me->tid;
    }
    return 0;
}

int g1_channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                    Handle *server, Handle *client)
{
    struct proc *s = proc_find(server_process), *c = proc_find(client_process);
    Handle spare;
    int bad = s == NULL || c == NULL || client == NULL ||
              channel(s, c, NULL, listener != NULL ? listener : &spare, server, client) != Y_OK;
    proc_put(s);
    proc_put(c);
    return bad ? -1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library H: the interface written from the requirement list alone, by a user of the os-process adapter.
 *
 * A blocking IPC library whose processes are operating-system processes that share memory.
 *
 * The region is mapped when the library is loaded, so every process forked afterwards sees it at
 * the same address. One robust mutex guards it. Each store to shared state is written to a journal
 * first: whoever finds the mutex with a dead owner undoes what that owner had begun. So a SIGKILL
 * at any moment leaves either all of a step or nothing of it. A thread in each process watches the
 * others through pidfds and puts the affairs of a dead one in order.
 *
 * Who waits sleeps on a futex word of its own. Wakers change state and wake before they commit; a
 * woken thread has to take the mutex before it looks, so it cannot see half a step, and a waker
 * killed before its commit leaves a waiter that looks, finds nothing new and sleeps again.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <coresrv/time/time_api.h>
#include <services/ocap.h>
#include <services/rtl/nk_msg.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- Choices that the documents leave ------------------------------------------------------- */

#ifndef OPEN_ORDER /* 1: the newest request and the newest receiver come first */
#define OPEN_ORDER 0
#endif
#ifndef OPEN_SET_FIRST /* 1: an Ex call that finds its object set is interrupted though a peer is ready */
#define OPEN_SET_FIRST 0
#endif
#ifndef OPEN_CLOSE_ENDS /* 1: closing a sync object ends the calls that wait with it, with an error */
#define OPEN_CLOSE_ENDS 0
#endif
#ifndef OPEN_NO_COPY /* 1: a sync handle cannot be copied */
#define OPEN_NO_COPY 0
#endif
#ifndef OPEN_BAD_SYNC /* 1: a sync handle that names no sync object counts as none */
#define OPEN_BAD_SYNC 0
#endif
#ifndef OPEN_PULL /* 1: a receiver that was woken fetches the request itself; till then it is queued */
#define OPEN_PULL 0
#endif
#ifndef OPEN_REFUSED /* 1: a refused response ends the caller's wait with rcSecurityDisallow */
#define OPEN_REFUSED 0
#endif
#ifndef OPEN_TICK /* n > 1: limits are rounded up to a multiple of n milliseconds */
#define OPEN_TICK 0
#endif
#ifndef OPEN_CODES /* 1: other codes for misuse */
#define OPEN_CODES 0
#endif
#ifndef OPEN_ONE_END /* 1: the server handle of a channel is its listener's */
#define OPEN_ONE_END 0
#endif
#ifndef OPEN_NUMBERS /* 1: the number of a closed handle is used again at once */
#define OPEN_NUMBERS 0
#endif
#ifndef OPEN_AUTO_ALL /* 1: Set on an automatically clearing object interrupts all, and is never pending */
#define OPEN_AUTO_ALL 0
#endif
#ifndef OPEN_STAY /* 1: a Recv on a server handle goes on waiting when its last client has gone */
#define OPEN_STAY 0
#endif

#define RC_BAD_HANDLE (OPEN_CODES ? rcResourceNotFound : rcInvalidArgument)
#define RC_BAD_KIND (OPEN_CODES ? rcInvalidArgument : rcInvalidOperation)

/* --- The shared region ----------------------------------------------------------------------- */

enum { PROCS = 64, HANDLES = 16384, OBJS = 65536, OPS = 8192, NAMES = 256, UNDO = 65536 };
enum { CLASSES = 18, CLASS_MIN = 128 };
#define HEAP_BYTES (384ul << 20)
#define NONE 0u /* index 0 is used nowhere */

enum kind { K_FREE, K_LISTENER, K_SERVER, K_CLIENT, K_SYNC, K_USER, K_REVOKED };

/* A listener (port), a channel, a sync object or a user object. */
struct obj {
    uint32_t kind;    /* K_LISTENER, K_SERVER for a channel, K_SYNC, K_USER; K_FREE */
    uint32_t refs;    /* handles; of a channel: server handles */
    uint32_t clients; /* channel: client handles and calls in progress */
    uint32_t port;    /* channel: its listener */
    uint32_t chans;   /* port: channels */
    uint32_t pins;    /* sync object: calls in progress that were given it */
    uint32_t set;
    uint32_t autoclear;
    uint32_t next; /* free list */
    uint64_t context;
};

struct entry {
    uint32_t kind, obj, rights, gen, next, kids;
    uint64_t uid, parent;
};

struct proc {
    uint32_t state; /* P_FREE, P_LIVE, P_DEAD */
    uint32_t incarnation;
    int32_t pid;
    uint32_t task;
    uint32_t high, free, used;
    struct entry table[HANDLES];
};
enum { P_FREE, P_LIVE, P_DEAD };

enum { OP_FREE, OP_CALL, OP_RECV };
enum { S_WAITING = 1, S_TAKEN, S_DONE, S_ABANDONED };

enum { GHOST = 1 }; /* op.mark: by a fault, the request stays when its caller goes */

/* A Call or Recv in progress, or a request that a server holds though its caller has gone. */
struct op {
    uint32_t kind, state, word;
    int32_t rc;
    uint32_t proc, tid, port, chan, sync;
    uint32_t room_fixed, room_arena;
    uint32_t msg; /* the request of a queued call; what came, once done */
    uint32_t taken_proc, taken_obj, taken_op;
    uint32_t from_task, from_tid;          /* receiver: whose request it is */
    uint32_t sync_no, taken_sync, limited; /* what the caller said, for the faults */
    uint32_t deaf, mark, gone;             /* used by faults alone */
    uint64_t seq, taken_seq;
};

struct name {
    char text[64];
    uint32_t chan, pinned;
};

struct undo {
    uint64_t at, old;
    uint32_t size;
};

struct region {
    pthread_mutex_t lock;
    uint32_t generation; /* futex: the set of processes has changed */
    uint32_t next_tid, next_task, op_high, obj_high, obj_free, deaths;
    uint64_t seq, uid;
    uint32_t heap_free[CLASSES];
    uint64_t heap_top;
    volatile uint32_t undo_count;
    struct undo undo[UNDO];
    struct name names[NAMES];
    struct obj objs[OBJS];
    struct op ops[OPS];
    struct proc procs[PROCS];
    char heap[HEAP_BYTES] __attribute__((aligned(64)));
};

/* A handle on its way: holds a reference until it is given to somebody or dropped. */
struct cap {
    uint32_t kind, obj, rights, pad;
    uint64_t parent;
};

/* A message in the heap: caps, then fixed part, then arena. */
struct block {
    uint32_t cls, next, fixed, arena, ncaps, pad;
    uint64_t trace, span;
    struct cap caps[];
};

static struct region *R;
#define OBJ(i) (&R->objs[i])
#define OP(i) (&R->ops[i])
#define PROC(i) (&R->procs[i])
#define BLOCK(i) ((struct block *)(void *)(R->heap + ((uint64_t)(i) << 6)))

/* In a page that is zero again in a forked process, which saves a getpid() in every call. */
struct identity {
    pid_t pid;
    uint32_t slot;
};
static struct identity *mine;
#define self (mine->slot)
static __thread struct {
    pid_t pid;
    uint32_t tid;
    sigset_t mask;
    Handle last_sync; /* these four are used by faults alone */
    uint32_t pending;
    uint64_t deadline;
    bool timed_out;
} me;
/* Used by faults alone: a handle closed under waiters; process_dead() is at work. */
static struct {
    Handle handle;
    uint32_t obj;
} closed_late = {INVALID_HANDLE, NONE};
static bool in_death;

/* --- Journal, lock, futex -------------------------------------------------------------------- */

static __attribute__((noinline)) void journal(void *at, uint32_t size)
{
    uint32_t n = R->undo_count;
    if (n == UNDO) { /* a step of that size is given up being undone as a whole */
        n = 0;
    }
    R->undo[n].at = (uint64_t)(uintptr_t)at;
    R->undo[n].old = 0;
    memcpy(&R->undo[n].old, at, size);
    R->undo[n].size = size;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    R->undo_count = n + 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#define W(lv, value)                                                                               \
    do {                                                                                           \
        __typeof__(lv) w_ = (value);                                                               \
        journal((void *)&(lv), (uint32_t)sizeof(lv));                                              \
        (lv) = w_;                                                                                 \
    } while (0)

static void commit(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    R->undo_count = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Undo the step in progress: that of a dead owner, or one of ours that cannot be completed. */
static void rollback(void)
{
    while (R->undo_count > 0) {
        struct undo *u = &R->undo[R->undo_count - 1];
        memcpy((void *)(uintptr_t)u->at, &u->old, u->size);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        R->undo_count--;
    }
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void futex_wait(uint32_t *word, uint32_t value, uint64_t deadline)
{
    struct timespec ts = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, deadline == UINT64_MAX ? NULL : &ts, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

static uint64_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void wake_everybody(void)
{
    for (uint32_t i = 1; i < R->op_high; i++) {
        if (OP(i)->kind != OP_FREE) {
            futex_wake(&OP(i)->word);
        }
    }
}

static void lock_region(void)
{
    if (pthread_mutex_lock(&R->lock) == EOWNERDEAD) {
        rollback();
        pthread_mutex_consistent(&R->lock);
        wake_everybody();
    }
}

static void unlock_region(void)
{
    commit();
    pthread_mutex_unlock(&R->lock);
}

/* A signal handler may hold a thread for long, so none runs while the lock is held. */
static void lock(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &me.mask);
    lock_region();
}

static void unlock(void)
{
    sigset_t mask = me.mask;
    unlock_region();
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* --- Heap for messages ----------------------------------------------------------------------- */

static uint32_t heap_alloc(uint64_t bytes)
{
    uint32_t cls = 0;
    uint64_t size = CLASS_MIN;
    while (size < bytes) {
        size <<= 1;
        cls++;
    }
    uint32_t block = cls < CLASSES ? R->heap_free[cls] : NONE;
    if (block != NONE) {
        W(R->heap_free[cls], BLOCK(block)->next);
    } else if (cls < CLASSES && R->heap_top + size <= HEAP_BYTES) {
        block = (uint32_t)(R->heap_top >> 6);
        W(R->heap_top, R->heap_top + size);
    } else {
        return NONE;
    }
    W(BLOCK(block)->cls, cls);
    W(BLOCK(block)->ncaps, 0);
    return block;
}

static void heap_release(uint32_t block)
{
    W(BLOCK(block)->next, R->heap_free[BLOCK(block)->cls]);
    W(R->heap_free[BLOCK(block)->cls], block);
}

static char *block_data(struct block *b)
{
    return (char *)(b->caps + b->ncaps);
}

/* --- Objects --------------------------------------------------------------------------------- */

static uint32_t obj_new(uint32_t kind)
{
    uint32_t i = R->obj_free;
    if (i != NONE) {
        W(R->obj_free, OBJ(i)->next);
    } else if (R->obj_high < OBJS) {
        i = R->obj_high;
        W(R->obj_high, i + 1);
    } else {
        return NONE;
    }
    struct obj *o = OBJ(i);
    W(o->kind, kind);
    W(o->refs, 0);
    W(o->clients, 0);
    W(o->port, NONE);
    W(o->chans, 0);
    W(o->pins, 0);
    W(o->next, NONE);
    if (!(FAULTY(901) && kind == K_SYNC)) {
        W(o->set, 0);
    }
    if (!(FAULTY(966) && kind == K_SYNC)) {
        W(o->autoclear, 0);
    }
    /* Of a listener or a sync object: the process that made it. */
    W(o->context, PROC(self)->task);
    return i;
}

static void obj_delete(uint32_t i)
{
    bool lost = FAULTY(900) && OBJ(i)->kind == K_SYNC && OBJ(i)->set;
    W(OBJ(i)->kind, K_FREE);
    if (lost) {
        return;
    }
    W(OBJ(i)->next, R->obj_free);
    W(R->obj_free, i);
}

static void unref(uint32_t kind, uint32_t obj);

static void block_drop(uint32_t block)
{
    struct block *b = BLOCK(block);
    for (uint32_t i = 0; i < b->ncaps; i++) {
        if (b->caps[i].kind != K_FREE && b->caps[i].kind != K_REVOKED) {
            unref(b->caps[i].kind, b->caps[i].obj);
        }
    }
    heap_release(block);
}

/* --- Operations in progress ------------------------------------------------------------------ */

static uint32_t op_new(uint32_t kind)
{
    uint32_t i = 1;
    while (i < R->op_high && OP(i)->kind != OP_FREE) {
        i++;
    }
    if (i == OPS) {
        return NONE;
    }
    if (i >= R->op_high) {
        W(R->op_high, i + 1);
    }
    struct op *o = OP(i);
    W(o->kind, kind);
    W(o->state, S_WAITING);
    W(o->word, 0);
    W(o->rc, rcInternalError);
    W(o->proc, self);
    W(o->tid, me.tid);
    W(o->sync, NONE);
    W(o->msg, NONE);
    W(o->taken_proc, PROCS);
    W(o->taken_obj, NONE);
    W(o->taken_op, NONE);
    W(o->sync_no, INVALID_HANDLE);
    W(o->taken_sync, NONE);
    W(o->deaf, 0);
    W(o->mark, 0);
    W(o->gone, 0);
    W(R->seq, R->seq + 1);
    W(o->seq, R->seq);
    return i;
}

static void wake(struct op *o)
{
    W(o->word, 1);
    futex_wake(&o->word);
}

static void finish(struct op *o, Retcode rc)
{
    W(o->state, S_DONE);
    W(o->rc, rc);
    wake(o);
}

static void chan_update(uint32_t chan);

static void sync_unpin(uint32_t s)
{
    if (FAULTY(902)) {
        return;
    }
    W(OBJ(s)->pins, OBJ(s)->pins - 1);
    if (OBJ(s)->pins == 0 && OBJ(s)->refs == 0) {
        obj_delete(s);
    }
}

/* The caller or receiver has gone: everything that its op holds goes too, and the op itself unless a
 * server still holds the request. */
static void op_end(uint32_t i)
{
    struct op *o = OP(i);
    if (o->sync != NONE) {
        sync_unpin(o->sync);
        W(o->sync, NONE);
    }
    if (o->kind == OP_CALL && o->msg != NONE && o->mark == GHOST) { /* faults 912, 942, 958 */
        W(o->state, S_WAITING);
        W(o->proc, PROCS);
        return;
    }
    if (FAULTY(927) && o->kind == OP_RECV && o->rc == rcIpcInterrupt && o->limited) {
        W(o->state, S_WAITING);
        return;
    }
    if (o->msg != NONE) {
        uint32_t block = o->msg;
        W(o->msg, NONE);
        block_drop(block);
    }
    uint32_t chan = o->chan;
    bool call = o->kind == OP_CALL;
    if (call && o->state == S_TAKEN && !FAULTY(920)) {
        W(o->state, S_ABANDONED);
        W(o->proc, PROCS);
    } else {
        W(o->kind, OP_FREE);
        while (R->op_high > 1 && OP(R->op_high - 1)->kind == OP_FREE) {
            W(R->op_high, R->op_high - 1);
        }
    }
    if (call) {
        W(OBJ(chan)->clients, OBJ(chan)->clients - 1);
        chan_update(chan);
    }
}

/* Nobody can answer this call any more. */
static void server_gone(struct op *o)
{
    if (o->gone == 953) {
        return;
    }
    if (in_death && ((FAULTY(952) && o->state == S_TAKEN) ||
                     (FAULTY(959) && o->state == S_WAITING && o->sync != NONE))) {
        W(o->gone, 953);
        return;
    }
    if (FAULTY(945) && in_death && o->state == S_TAKEN && o->sync != NONE && OBJ(o->sync)->set) {
        finish(o, rcIpcInterrupt);
    } else if (FAULTY(954) && in_death && o->state == S_TAKEN && o->taken_obj == o->port) {
        finish(o, rcOk);
    } else {
        finish(o, rcNotConnected);
    }
}

/* The server end through which requests were taken has gone. */
static void taken_lost(uint32_t taken_obj)
{
    for (uint32_t i = 1; i < R->op_high; i++) {
        struct op *o = OP(i);
        if (o->kind == OP_CALL && o->taken_obj == taken_obj) {
            if (o->state == S_TAKEN) {
                server_gone(o);
            } else if (o->state == S_ABANDONED) {
                W(o->kind, OP_FREE);
            }
        }
    }
}

static void receivers_end(uint32_t port, uint32_t chan)
{
    for (uint32_t i = 1; i < R->op_high; i++) {
        struct op *o = OP(i);
        if (o->kind == OP_RECV && o->state == S_WAITING && o->port == port && o->chan == chan) {
            finish(o, rcNotConnected);
        }
    }
}

static bool chan_served(uint32_t chan)
{
    return OBJ(chan)->refs > 0 || OBJ(OBJ(chan)->port)->refs > 0;
}

static void port_tidy(uint32_t port)
{
    if (OBJ(port)->refs == 0 && OBJ(port)->chans == 0) {
        obj_delete(port);
    }
}

/* A count of this channel has changed. */
static void chan_update(uint32_t chan)
{
    struct obj *c = OBJ(chan);
    if (!chan_served(chan)) {
        for (uint32_t i = 1; i < R->op_high; i++) {
            struct op *o = OP(i);
            if (o->kind == OP_CALL && o->chan == chan &&
                (o->state == S_WAITING || o->state == S_TAKEN)) {
                server_gone(o);
            }
        }
        for (int i = 0; i < NAMES; i++) {
            if (R->names[i].chan == chan) {
                W(R->names[i].chan, NONE);
                if (R->names[i].pinned) {
                    W(c->clients, c->clients - 1);
                }
            }
        }
    }
    if (c->refs == 0) {
        receivers_end(c->port, chan);
        taken_lost(chan);
    }
    if (c->clients == 0) {
        if (!OPEN_STAY) {
            receivers_end(c->port, chan);
        }
        for (int i = 0; i < NAMES; i++) {
            if (R->names[i].chan == chan) {
                W(R->names[i].chan, NONE);
            }
        }
        if (c->refs == 0) {
            uint32_t port = c->port;
            W(OBJ(port)->chans, OBJ(port)->chans - 1);
            obj_delete(chan);
            port_tidy(port);
        }
    }
}

static void port_closed(uint32_t port)
{
    receivers_end(port, NONE);
    taken_lost(port);
    W(OBJ(port)->chans, OBJ(port)->chans + 1); /* stays while we walk */
    for (uint32_t i = 1; i < R->obj_high; i++) {
        if (OBJ(i)->kind == K_SERVER && OBJ(i)->port == port) {
            chan_update(i);
        }
    }
    W(OBJ(port)->chans, OBJ(port)->chans - 1);
    port_tidy(port);
}

static void ref(uint32_t kind, uint32_t obj)
{
    if (kind == K_CLIENT) {
        W(OBJ(obj)->clients, OBJ(obj)->clients + 1);
    } else {
        W(OBJ(obj)->refs, OBJ(obj)->refs + 1);
    }
}

static void sync_closed(uint32_t s)
{
    if (OPEN_CLOSE_ENDS) {
        for (uint32_t i = 1; i < R->op_high; i++) {
            if (OP(i)->kind != OP_FREE && OP(i)->sync == s && OP(i)->state == S_WAITING) {
                finish(OP(i), RC_BAD_HANDLE);
            }
        }
    }
    if (OBJ(s)->pins == 0 || FAULTY(902)) {
        obj_delete(s);
    }
}

static void unref(uint32_t kind, uint32_t obj)
{
    struct obj *o = OBJ(obj);
    if (kind == K_CLIENT) {
        W(o->clients, o->clients - 1);
        chan_update(obj);
        return;
    }
    W(o->refs, o->refs - 1);
    if (kind == K_SERVER) {
        chan_update(obj);
    } else if (o->refs == 0) {
        if (kind == K_LISTENER) {
            port_closed(obj);
        } else if (kind == K_SYNC) {
            sync_closed(obj);
        } else {
            obj_delete(obj);
        }
    }
}

/* --- Handles --------------------------------------------------------------------------------- */

/* Enter a handle; the reference is the caller's to take. INVALID_HANDLE: the table is full. */
static Handle handle_new(uint32_t proc, uint32_t kind, uint32_t obj, uint32_t rights,
                         uint64_t parent)
{
    struct proc *p = PROC(proc);
    uint32_t i = p->free;
    if (i != NONE) {
        W(p->free, p->table[i].next);
    } else if (p->high < HANDLES) {
        i = p->high;
        W(p->high, i + 1);
        W(p->table[i].gen, 0);
    } else {
        return INVALID_HANDLE;
    }
    struct entry *e = &p->table[i];
    W(p->used, p->used + 1);
    W(e->kind, kind);
    W(e->obj, obj);
    W(e->rights, rights);
    W(e->kids, 0);
    W(R->uid, R->uid + 1);
    W(e->uid, R->uid);
    W(e->parent, parent);
    return (e->gen << 14) | i;
}

static uint32_t handle_room(uint32_t proc)
{
    return HANDLES - 1 - PROC(proc)->used;
}

static struct entry *entry_of(Handle h)
{
    struct proc *p = PROC(self);
    uint32_t i = h & (HANDLES - 1);
    if (h == INVALID_HANDLE || i == NONE || i >= p->high || p->table[i].kind == K_FREE ||
        p->table[i].gen != h >> 14) {
        return NULL;
    }
    return &p->table[i];
}

#define ANY(kind) (1u << (kind))

static Retcode lookup(Handle h, uint32_t kinds, uint32_t right, struct entry **out)
{
    struct entry *e = entry_of(h);
    if (e == NULL) {
        return RC_BAD_HANDLE;
    }
    if (e->kind == K_REVOKED) {
        return rcHandleRevoked;
    }
    if ((kinds & ANY(e->kind)) == 0) {
        return RC_BAD_KIND;
    }
    if ((e->rights & right) != right) {
        return rcNoCapability;
    }
    *out = e;
    return rcOk;
}

/* Handles made from a handle that is closed become those of its parent. */
static void orphans(uint64_t uid, uint64_t parent)
{
    for (uint32_t p = 0; p < PROCS; p++) {
        if (PROC(p)->state == P_FREE) {
            continue;
        }
        for (uint32_t i = 1; i < PROC(p)->high; i++) {
            struct entry *e = &PROC(p)->table[i];
            if (e->kind != K_FREE && e->parent == uid) {
                W(e->parent, parent);
            }
        }
    }
}

static void revoke_children(uint64_t uid);

static void entry_close(uint32_t proc, uint32_t i)
{
    struct proc *p = PROC(proc);
    struct entry *e = &p->table[i];
    uint32_t kind = e->kind, obj = e->obj;
    if (e->kids && !(FAULTY(949) && in_death)) {
        orphans(e->uid, e->parent);
    }
    W(e->kind, K_FREE);
    if (!OPEN_NUMBERS && !FAULTY(902)) {
        W(e->gen, (e->gen + 1) & 0x1ffff);
    }
    W(e->next, p->free);
    W(p->free, i);
    W(p->used, p->used - 1);
    if (e->kids && FAULTY(949) && in_death) {
        revoke_children(e->uid);
    }
    if (kind != K_REVOKED) {
        unref(kind, obj);
    }
}

static void revoke_children(uint64_t uid)
{
    for (uint32_t p = 0; p < PROCS; p++) {
        if (PROC(p)->state == P_FREE) {
            continue;
        }
        for (uint32_t i = 1; i < PROC(p)->high; i++) {
            struct entry *e = &PROC(p)->table[i];
            if (e->kind != K_FREE && e->kind != K_REVOKED && e->parent == uid) {
                uint32_t kind = e->kind, obj = e->obj;
                W(e->kind, K_REVOKED);
                if (e->kids) {
                    revoke_children(e->uid);
                }
                unref(kind, obj);
            }
        }
    }
    for (uint32_t i = 1; i < R->op_high; i++) {
        if (OP(i)->kind == OP_FREE || OP(i)->msg == NONE) {
            continue;
        }
        struct block *b = BLOCK(OP(i)->msg);
        for (uint32_t k = 0; k < b->ncaps; k++) {
            if (b->caps[k].parent == uid && b->caps[k].kind != K_FREE &&
                b->caps[k].kind != K_REVOKED) {
                uint32_t kind = b->caps[k].kind;
                W(b->caps[k].kind, K_REVOKED);
                unref(kind, b->caps[k].obj);
            }
        }
    }
}

/* --- Processes ------------------------------------------------------------------------------- */

/* May be broken off and begun again: each part is done or not, and done once. */
static void process_dead(uint32_t dead)
{
    struct proc *p = PROC(dead);
    in_death = true;
    W(p->state, P_DEAD);
    W(R->deaths, R->deaths + 1);
    for (uint32_t i = 1; i < R->op_high; i++) {
        struct op *o = OP(i);
        if (o->kind == OP_FREE || o->proc != dead) {
            continue;
        }
        if (FAULTY(953) && o->kind == OP_RECV && o->state == S_DONE && o->rc == rcOk) {
            for (uint32_t k = 1; k < R->op_high; k++) {
                if (OP(k)->kind == OP_CALL && OP(k)->state == S_TAKEN && OP(k)->taken_op == i) {
                    W(OP(k)->gone, 953);
                }
            }
        }
        if (o->kind == OP_CALL && o->state == S_TAKEN) {
            for (uint32_t k = 1; k < R->op_high && FAULTY(960); k++) {
                if (k != i && OP(k)->kind == OP_CALL && OP(k)->state == S_TAKEN &&
                    OP(k)->taken_proc == o->taken_proc && OP(k)->proc != dead) {
                    finish(OP(k), rcNotConnected);
                }
            }
            W(o->gone, FAULTY(957) ? 957 : 0);
        }
        if (FAULTY(958) && o->kind == OP_CALL && o->state == S_WAITING) {
            W(o->mark, GHOST);
            W(o->gone, 958);
        }
        op_end(i);
        commit();
    }
    bool first = true;
    for (uint32_t i = 1; i < R->op_high; i++) {
        struct op *o = OP(i);
        if (o->kind == OP_CALL && o->taken_proc == dead) {
            if (o->state == S_TAKEN) {
                if (FAULTY(952) && first) {
                    finish(o, rcNotConnected);
                    first = false;
                } else {
                    server_gone(o);
                }
            } else if (o->state == S_ABANDONED) {
                W(o->kind, OP_FREE);
            }
        }
    }
    commit();
    for (uint32_t i = 1; i < p->high; i++) {
        if (p->table[i].kind != K_FREE) {
            bool sync = p->table[i].kind == K_SYNC;
            entry_close(dead, i);
            for (uint32_t k = 0; FAULTY(961) && sync && k < PROCS; k++) {
                if (PROC(k)->state == P_LIVE && i < PROC(k)->high &&
                    PROC(k)->table[i].kind == K_SYNC) {
                    entry_close(k, i);
                    break;
                }
            }
            commit();
        }
    }
    W(p->state, P_FREE);
    in_death = false;
    commit();
    wake_everybody();
}

struct watched {
    uint32_t proc, incarnation;
    int32_t pid;
};

static void *watch_one(void *argument)
{
    struct watched w = *(struct watched *)argument;
    free(argument);
    int fd = (int)syscall(SYS_pidfd_open, w.pid, 0);
    if (fd >= 0) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        while (poll(&pfd, 1, -1) < 0) {
        }
        close(fd);
    } else {
        while (errno != ESRCH && kill(w.pid, 0) == 0) {
            usleep(100000);
        }
    }
    lock_region();
    if (PROC(w.proc)->incarnation == w.incarnation && PROC(w.proc)->state != P_FREE &&
        !(FAULTY(955) && R->deaths > 0)) {
        process_dead(w.proc);
    }
    unlock_region();
    return NULL;
}

static bool thread_start(void *(*body)(void *), void *argument)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 128 * 1024);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&thread, &attr, body, argument);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return failed == 0;
}

static void *watch_all(void *unused)
{
    uint32_t seen[PROCS] = {0};
    (void)unused;
    for (;;) {
        uint32_t generation = __atomic_load_n(&R->generation, __ATOMIC_SEQ_CST);
        for (uint32_t i = 0; i < PROCS; i++) {
            struct watched w = {0};
            lock_region();
            struct proc *p = PROC(i);
            bool new = p->state != P_FREE &&i != self &&seen[i] != p->incarnation;
            if (new) {
                w = (struct watched){i, p->incarnation, p->pid};
                seen[i] = p->incarnation;
            }
            unlock_region();
            struct watched *copy = new ? malloc(sizeof *copy) : NULL;
            if (copy != NULL) {
                *copy = w;
                if (!thread_start(watch_one, copy)) {
                    free(copy);
                }
            }
        }
        if (FAULTY(956)) {
            return NULL;
        }
        futex_wait(&R->generation, generation, UINT64_MAX);
    }
    return NULL;
}

static bool attach(void)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&once);
    if (R != NULL && mine->pid == 0) {
        lock();
        for (uint32_t i = 0; i < PROCS; i++) {
            struct proc *p = PROC(i);
            if (p->state == P_FREE) {
                W(p->state, P_LIVE);
                W(p->incarnation, p->incarnation + 1);
                W(p->pid, getpid());
                W(R->next_task, R->next_task + 1);
                W(p->task, R->next_task);
                W(p->high, 1);
                W(p->free, NONE);
                W(p->used, 0);
                self = i;
                W(R->generation, R->generation + 1);
                futex_wake(&R->generation);
                unlock();
                if (thread_start(watch_all, NULL)) {
                    mine->pid = getpid();
                } else {
                    lock();
                    W(p->state, P_FREE);
                    unlock();
                }
                goto out;
            }
        }
        unlock();
    }
out:
    pthread_mutex_unlock(&once);
    return R != NULL && mine->pid != 0;
}

/* Every function begins here, and holds the lock if it returns true. */
static bool enter(void)
{
    if ((R == NULL || mine->pid == 0) && !attach()) {
        return false;
    }
    lock();
    if (me.pid != mine->pid) {
        me.pid = mine->pid;
        W(R->next_tid, R->next_tid + 1);
        me.tid = R->next_tid;
        commit();
    }
    return true;
}

static Retcode leave(Retcode rc)
{
    unlock();
    return rc;
}

/* Leave, with the step undone. */
static Retcode refuse(Retcode rc)
{
    rollback();
    unlock();
    return rc;
}

__attribute__((constructor)) static void load(void)
{
    void *at = mmap(NULL, sizeof(struct region), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mine == MAP_FAILED || madvise(mine, 4096, MADV_WIPEONFORK) != 0) {
        return;
    }
    struct region *r = at;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&r->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    r->op_high = r->obj_high = 1;
    r->heap_top = 64;
    R = r;
}

/* --- Messages -------------------------------------------------------------------------------- */

static nk_err_t pack(struct SSMsgHdr *hdr, nk_message *msg, void *start, size_t size)
{
    memset(hdr, 0, sizeof *hdr);
    if (msg == NULL) {
        return NK_EINVAL;
    }
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX) {
        return NK_EBADMSG;
    }
    hdr->replyHandle = INVALID_HANDLE;
    hdr->indirDescs[0].buf = msg;
    hdr->indirDescs[0].size = msg->ex.size_ex;
    hdr->indirDescs[1].buf = size > 0 ? start : NULL;
    hdr->indirDescs[1].size = (rtl_uint32_t)size;
    return NK_EOK;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    if (uMsg == NULL) {
        return NK_EINVAL;
    }
    return pack(uMsg, msg, arena != NULL ? arena->start : NULL,
                arena != NULL ? (size_t)(arena->end - arena->start) : 0);
}

static bool caps_fit(uint32_t ncaps, uint32_t fixed)
{
    return ncaps <= NK_MESSAGE_HANDLES_MAX &&
           sizeof(nk_message) + ncaps * sizeof(nk_handle_desc_t) <= fixed;
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    if (uMsg == NULL) {
        return NK_EINVAL;
    }
    nk_err_t err = pack(uMsg, msg, arena != NULL ? arena->start : NULL,
                        arena != NULL ? nk_arena_allocated_size(arena) : 0);
    if (err == NK_EOK && !caps_fit(msg->ncaps, msg->ex.size_ex)) {
        memset(uMsg, 0, sizeof *uMsg);
        err = NK_EBADMSG;
    }
    return err;
}

static Retcode check_in(const SMsgHdr *in)
{
    return in == NULL || in->immSize != 0 || in->indirDescs[0].buf == NULL ||
                   in->indirDescs[0].size < sizeof(nk_message) ||
                   (in->indirDescs[1].size > 0 && in->indirDescs[1].buf == NULL)
               ? rcInvalidArgument
               : rcOk;
}

static Retcode check_out(const SMsgHdr *out)
{
    if (check_in(out) != rcOk) {
        return rcInvalidArgument;
    }
    if ((uint64_t)out->indirDescs[0].size + out->indirDescs[1].size > NK_MESSAGE_SIZE_MAX) {
        return rcBufferTooLarge;
    }
    const nk_message *msg = out->indirDescs[0].buf;
    return caps_fit(msg->ncaps, out->indirDescs[0].size) ? rcOk : rcInvalidArgument;
}

/* Copy a message into the heap, with a reference for each of its handles. On error the caller undoes
 * the step. */
static Retcode block_build(const SMsgHdr *out, uint32_t *result, const struct op *answers)
{
    uint32_t fixed = out->indirDescs[0].size, arena = out->indirDescs[1].size;
    const nk_message *msg = out->indirDescs[0].buf;
    uint32_t ncaps = msg->ncaps;
    if (!caps_fit(ncaps, fixed)) {
        return rcInvalidArgument;
    }
    uint32_t index =
        heap_alloc(sizeof(struct block) + ncaps * sizeof(struct cap) + (uint64_t)fixed + arena);
    if (index == NONE) {
        return rcOutOfMemory;
    }
    struct block *b = BLOCK(index);
    W(b->fixed, fixed);
    W(b->arena, arena);
    W(b->ncaps, ncaps);
    W(b->trace, out->traceId);
    W(b->span, out->spanId);
    char *data = block_data(b);
    memcpy(data, out->indirDescs[0].buf, fixed);
    if (arena > 0) {
        memcpy(data + fixed, out->indirDescs[1].buf, arena);
    }
    ((nk_message *)(void *)data)->ncaps = (nk_uint16_t)ncaps;
    const nk_handle_desc_t *desc = nk_msg_handles((nk_message *)(void *)data);
    Retcode rc = rcOk;
    for (uint32_t i = 0; i < ncaps; i++) {
        struct entry *e = NULL;
        Retcode one = lookup(desc[i].handle, ~0u, 0, &e);
        uint32_t held = one == rcOk ? e->rights : 0;
        if ((FAULTY(946) && i >= 8) || (FAULTY(947) && desc[i].rights != NK_RIGHTS_HELD) ||
            (FAULTY(950) && answers != NULL && answers->proc != self)) {
            held |= FAULTY(947) ? desc[i].rights : OCAP_HANDLE_TRANSFER;
        }
        if (one == rcOk && (held & OCAP_HANDLE_TRANSFER) == 0) {
            if (FAULTY(951) && answers != NULL && e->kind == K_SYNC) {
                uint32_t s = e->obj;
                rollback();
                W(OBJ(s)->chans, 951);
                commit();
            }
            return rcSecurityDisallow;
        }
        if (one != rcOk) {
            rc = one;
            continue;
        }
        b->caps[i] = (struct cap){e->kind, e->obj, e->rights & desc[i].rights, 0, e->uid};
        W(e->kids, 1);
        ref(e->kind, e->obj);
    }
    *result = index;
    return rc;
}

/* Give the handles of a message to a process. The references go with them. */
static void caps_give(uint32_t block, uint32_t proc)
{
    struct block *b = BLOCK(block);
    nk_handle_desc_t *desc = nk_msg_handles((nk_message *)(void *)block_data(b));
    for (uint32_t i = 0; i < b->ncaps; i++) {
        struct cap *c = &b->caps[i];
        desc[i].handle = handle_new(proc, c->kind, c->obj, c->rights, c->parent);
        desc[i].rights = c->rights;
        desc[i].badge = 0;
        W(c->kind, K_FREE);
    }
}

static bool block_fits(uint32_t block, const struct op *into)
{
    return BLOCK(block)->fixed <= into->room_fixed && BLOCK(block)->arena <= into->room_arena;
}

static void copy_out(uint32_t block, SMsgHdr *in)
{
    struct block *b = BLOCK(block);
    const char *data = block_data(b);
    memcpy(in->indirDescs[0].buf, data, b->fixed);
    if (b->arena > 0) {
        memcpy(in->indirDescs[1].buf, data + b->fixed, b->arena);
    }
    in->indirDescs[0].size = b->fixed;
    in->indirDescs[1].size = b->arena;
    in->traceId = b->trace;
    in->spanId = b->span;
}

/* --- Rendezvous ------------------------------------------------------------------------------ */

static bool matches(const struct op *recv, const struct op *call)
{
    return recv->port == call->port && (recv->chan == NONE || recv->chan == call->chan);
}

/* The op of that kind which waits and comes first, and which `with` can meet. */
static uint32_t find_peer(uint32_t kind, const struct op *with)
{
    uint32_t best = NONE;
    for (uint32_t i = 1; FAULTY(958) && i < R->op_high; i++) {
        if (OP(i)->kind == OP_CALL && OP(i)->gone == 958 && OP(i)->state == S_WAITING &&
            OBJ(OP(i)->port)->context == OBJ(with->port)->context) {
            return NONE;
        }
    }
    for (uint32_t i = 1; i < R->op_high; i++) {
        const struct op *o = OP(i);
        if (o->kind != kind || o->state != S_WAITING || o == with) {
            continue;
        }
        if (!(kind == OP_RECV ? matches(o, with) : matches(with, o))) {
            continue;
        }
        if (kind == OP_CALL && o->gone == 958) {
            continue;
        }
        if (best == NONE || (OPEN_ORDER ? o->seq > OP(best)->seq : o->seq < OP(best)->seq)) {
            best = i;
        }
    }
    return best;
}

/* The request becomes the receiver's. False: the caller alone got an error, the receiver waits on. */
static bool deliver(uint32_t call_op, uint32_t recv_op)
{
    struct op *call = OP(call_op), *recv = OP(recv_op);
    if (!block_fits(call->msg, recv)) {
        finish(call, rcBufferTooSmall);
        finish(recv, rcBufferTooSmall);
        return true;
    }
    if (BLOCK(call->msg)->ncaps > handle_room(recv->proc)) {
        finish(call, rcTransferError);
        return false;
    }
    caps_give(call->msg, recv->proc);
    W(recv->msg, call->msg);
    W(call->msg, NONE);
    W(recv->from_task, call->proc < PROCS ? PROC(call->proc)->task : 0);
    W(recv->from_tid, call->tid);
    W(call->state, call->proc < PROCS ? S_TAKEN : S_ABANDONED);
    if (FAULTY(962) && recv->chan != NONE) {
        W(OBJ(recv->chan)->set, 0);
    }
    W(call->taken_sync, recv->sync);
    W(call->taken_proc, recv->proc);
    W(call->taken_obj, recv->chan != NONE ? recv->chan : recv->port);
    W(call->taken_op, recv_op);
    W(R->seq, R->seq + 1);
    W(call->taken_seq, R->seq);
    finish(recv, rcOk);
    return true;
}

static uint64_t limit(uint32_t mdelay)
{
    if (FAULTY(936) && mdelay != INFINITE_TIMEOUT) {
        return now() + mdelay * 1000000u;
    }
    if (mdelay == INFINITE_TIMEOUT) {
        return UINT64_MAX;
    }
    uint64_t ms = mdelay;
    if (OPEN_TICK > 1) {
        uint64_t tick = OPEN_TICK > 1 ? OPEN_TICK : 1;
        ms = (ms + tick - 1) / tick * tick;
    }
    return now() + ms * 1000000u;
}

/* Sleep until the op is done (true) or its limit has passed. Holds the lock before and after. */
static bool sleep_op(uint32_t index, uint64_t deadline)
{
    struct op *o = OP(index);
    for (;;) {
        if (OPEN_PULL && o->kind == OP_RECV) {
            uint32_t call;
            while (o->state == S_WAITING && (call = find_peer(OP_CALL, o)) != NONE) {
                deliver(call, index);
            }
        }
        if (o->state == S_DONE) {
            return true;
        }
        if (FAULTY(940) && o->state == S_TAKEN && o->taken_proc != o->proc) {
            deadline = UINT64_MAX;
        }
        if (now() >= deadline) {
            return false;
        }
        uint32_t deaths = R->deaths;
        if (FAULTY(963) && o->kind == OP_RECV) {
            unlock();
            o->word = 0;
        } else {
            W(o->word, 0);
            unlock();
        }
        futex_wait(&o->word, 0, deadline);
        lock();
        if (o->state == S_DONE) {
            return true;
        }
        if (FAULTY(937) && deaths != R->deaths && deadline != UINT64_MAX) {
            return false;
        }
        if (FAULTY(939) && now() < deadline) {
            deadline = UINT64_MAX;
        }
    }
}

static Retcode sync_of(Handle h, uint32_t *sync)
{
    struct entry *e;
    *sync = NONE;
    if (h == INVALID_HANDLE) {
        return rcOk;
    }
    Retcode rc = lookup(h, ANY(K_SYNC), OCAP_IPC_INTERRUPT, &e);
    if (rc == rcOk) {
        *sync = e->obj;
    }
    return OPEN_BAD_SYNC ? rcOk : rc;
}

/* For a call that would have to wait: is it interrupted at once? */
static bool interrupted_at_entry(uint32_t sync, const struct op *o)
{
    if (sync == NONE) {
        return false;
    }
    if (FAULTY(934) && me.pending == sync) {
        me.pending = NONE;
        return true;
    }
    if (!OBJ(sync)->set) {
        return false;
    }
    if ((FAULTY(913) && o->kind == OP_CALL && o->limited) ||
        (FAULTY(925) && o->kind == OP_RECV && o->chan == NONE)) {
        return false;
    }
    if (FAULTY(929)) {
        W(OBJ(sync)->chans, OBJ(sync)->chans + 1);
        if (OBJ(sync)->chans >= 5) {
            W(OBJ(sync)->set, 0);
            W(OBJ(sync)->chans, 0);
        }
    }
    if (OBJ(sync)->autoclear && !(FAULTY(965) && o->kind == OP_RECV)) {
        W(OBJ(sync)->set, 0);
    }
    return true;
}

/* An Ex call was given this object. */
static void sync_use(struct op *o, uint32_t sync, Handle number, uint32_t mdelay)
{
    W(o->limited, mdelay != INFINITE_TIMEOUT);
    if (sync == NONE) {
        return;
    }
    W(o->sync, sync);
    W(o->sync_no, number);
    W(OBJ(sync)->pins, OBJ(sync)->pins + 1);
    if (FAULTY(932)) { /* the first thread to use it, and for what */
        if (OBJ(sync)->next == NONE) {
            W(OBJ(sync)->next, me.tid);
            W(OBJ(sync)->port, o->kind);
        } else if (OBJ(sync)->next == me.tid && OBJ(sync)->port != o->kind) {
            W(o->deaf, 1);
        }
    }
}

/* A request that is still in a server's hands keeps the number under which it can be answered, so its
 * thread goes on under another one. */
static void choose_tid(void)
{
    for (uint32_t i = 1; i < R->op_high; i++) {
        if (OP(i)->kind == OP_CALL && OP(i)->state == S_ABANDONED && OP(i)->tid == me.tid &&
            !FAULTY(921)) {
            W(R->next_tid, R->next_tid + 1);
            me.tid = R->next_tid;
            commit();
            return;
        }
    }
}

static Retcode op_return(uint32_t index, SMsgHdr *in, bool ended)
{
    struct op *o = OP(index);
    Retcode rc = ended ? o->rc : rcTimeout;
    bool call = o->kind == OP_CALL;
    if (rc == rcOk && o->msg != NONE) {
        copy_out(o->msg, in);
    }
    me.last_sync = rc == rcIpcInterrupt ? o->sync_no : INVALID_HANDLE;
    me.timed_out = rc == rcTimeout;
    if (o->sync != NONE) {
        if (FAULTY(909) && !call && rc == rcTimeout) {
            W(OBJ(o->sync)->clients, 909);
        }
        if (FAULTY(933) && rc == rcIpcInterrupt && !OBJ(o->sync)->autoclear) {
            W(OBJ(o->sync)->set, 1);
        }
        if (FAULTY(934) && o->mark == 934) {
            me.pending = o->sync;
        }
        if (FAULTY(944) && call && !ended && o->state == S_TAKEN && OBJ(o->sync)->set) {
            rc = rcIpcInterrupt;
        }
    }
    if (FAULTY(917) && call && rc == rcIpcInterrupt) {
        W(OBJ(o->chan)->set, OBJ(o->chan)->set + 1);
    }
    if (FAULTY(942) && call && rc == rcTimeout && o->state == S_WAITING && o->limited) {
        for (uint32_t i = 1; i < R->op_high; i++) {
            if (OP(i)->kind == OP_CALL && OP(i)->state == S_TAKEN && OP(i)->port == o->port) {
                W(o->mark, GHOST);
            }
        }
    }
    op_end(index);
    return leave(rc);
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    uint64_t deadline = limit(mdelay);
    struct entry *e;
    uint32_t sync;
    if (FAULTY(941) && mdelay == INFINITE_TIMEOUT && syncHandle != INVALID_HANDLE && me.timed_out) {
        deadline = 1;
    }
    Retcode rc = check_out(msgOut);
    if (rc == rcOk) {
        rc = check_in(msgIn);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    rc = lookup(handle, ANY(K_CLIENT), OCAP_IPC_CALL, &e);
    if (rc == rcOk) {
        rc = sync_of(syncHandle, &sync);
    }
    if (rc == rcOk && !chan_served(e->obj)) {
        rc = rcNotConnected;
    }
    if (rc == rcOk && FAULTY(917) && OBJ(e->obj)->set >= 16) {
        rc = rcOutOfMemory;
    }
    if (rc != rcOk) {
        return refuse(rc);
    }
    choose_tid();
    uint32_t index = op_new(OP_CALL);
    if (index == NONE) {
        return refuse(rcOutOfMemory);
    }
    struct op *o = OP(index);
    uint32_t block = NONE;
    rc = block_build(msgOut, &block, NULL);
    if (rc != rcOk) {
        return refuse(rc);
    }
    W(o->msg, block);
    W(o->chan, e->obj);
    W(o->port, OBJ(e->obj)->port);
    W(o->room_fixed, msgIn->indirDescs[0].size);
    W(o->room_arena, msgIn->indirDescs[1].size);
    ref(K_CLIENT, o->chan);
    sync_use(o, sync, syncHandle, mdelay);
    bool set = sync != NONE && OBJ(sync)->set;
    if (!OPEN_PULL && !(OPEN_SET_FIRST && set) && mdelay != 0) {
        uint32_t recv = find_peer(OP_RECV, o);
        while (recv != NONE && !deliver(index, recv)) {
            recv = NONE;
        }
    }
    if (o->state == S_WAITING) {
        if (interrupted_at_entry(sync, o)) {
            finish(o, rcIpcInterrupt);
        } else if (mdelay == 0) {
            finish(o, rcTimeout);
        } else if (OPEN_PULL) {
            for (uint32_t i = 1; i < R->op_high; i++) {
                if (OP(i)->kind == OP_RECV && OP(i)->state == S_WAITING && matches(OP(i), o)) {
                    wake(OP(i));
                }
            }
        }
    }
    return op_return(index, msgIn, sleep_op(index, deadline));
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    Handle sync = INVALID_HANDLE;
    if (FAULTY(914) && me.last_sync != 0) {
        sync = me.last_sync;
    }
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, sync);
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    uint64_t deadline = limit(mdelay);
    struct entry *e;
    uint32_t sync;
    if (FAULTY(938) && mdelay != INFINITE_TIMEOUT) {
        deadline -= deadline % 4000000u;
    }
    if (FAULTY(941) && mdelay == INFINITE_TIMEOUT && syncHandle != INVALID_HANDLE && me.timed_out) {
        deadline = 1;
    }
    Retcode rc = check_in(msgIn);
    if (rc != rcOk) {
        return rc;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    rc = lookup(handle, ANY(K_SERVER) | ANY(K_LISTENER), OCAP_IPC_RECV, &e);
    if (rc == rcOk) {
        rc = sync_of(syncHandle, &sync);
    }
    uint32_t index = rc == rcOk ? op_new(OP_RECV) : NONE;
    if (index == NONE) {
        return refuse(rc != rcOk ? rc : rcOutOfMemory);
    }
    struct op *o = OP(index);
    W(o->chan, e->kind == K_SERVER ? e->obj : NONE);
    W(o->port, e->kind == K_SERVER ? OBJ(e->obj)->port : e->obj);
    W(o->room_fixed, msgIn->indirDescs[0].size);
    W(o->room_arena, msgIn->indirDescs[1].size);
    if (FAULTY(926)) { /* the object is remembered with the handle's end */
        if (sync != NONE) {
            W(OBJ(e->obj)->autoclear, sync);
        } else if (OBJ(e->obj)->autoclear != NONE) {
            uint32_t old = OBJ(e->obj)->autoclear;
            if (OBJ(old)->kind == K_SYNC && OBJ(old)->refs > 0 &&
                OBJ(old)->context == PROC(self)->task) {
                sync = old;
            }
        }
    }
    sync_use(o, sync, syncHandle, mdelay);
    if (!(OPEN_SET_FIRST && sync != NONE && OBJ(sync)->set)) {
        uint32_t call;
        while (o->state == S_WAITING && (call = find_peer(OP_CALL, o)) != NONE) {
            deliver(call, index);
        }
    }
    if (o->state == S_WAITING) {
        if (o->chan != NONE && OBJ(o->chan)->clients == 0 && !OPEN_STAY) {
            finish(o, rcNotConnected);
        } else if (interrupted_at_entry(sync, o)) {
            finish(o, rcIpcInterrupt);
        } else if (mdelay == 0) {
            finish(o, rcTimeout);
        }
    }
    bool ended = sleep_op(index, deadline);
    if (ended && o->rc == rcOk) {
        msgIn->replyHandle = handle;
        msgIn->sender = o->from_task;
        msgIn->threadId = o->from_tid;
    }
    return op_return(index, msgIn, ended);
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* The request taken first, of those taken on this object by this process. */
static uint32_t find_taken(uint32_t obj, Tid tid)
{
    uint32_t best = NONE;
    for (uint32_t i = 1; i < R->op_high; i++) {
        const struct op *o = OP(i);
        if (o->kind == OP_CALL && (o->state == S_TAKEN || o->state == S_ABANDONED) &&
            o->taken_obj == obj && o->taken_proc == self && (tid == 0 || o->tid == tid) &&
            (best == NONE || o->taken_seq < OP(best)->taken_seq)) {
            best = i;
        }
    }
    return best;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct entry *e;
    Retcode rc = check_out(msgOut);
    if (rc != rcOk) {
        return rc;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    rc = lookup(handle, ANY(K_SERVER) | ANY(K_LISTENER), OCAP_IPC_RECV, &e);
    if (rc != rcOk) {
        return refuse(rc);
    }
    uint32_t index = find_taken(e->obj, msgOut->threadId);
    if (index == NONE) {
        return refuse(rcNotReady);
    }
    struct op *o = OP(index);
    uint32_t block = NONE;
    rc = block_build(msgOut, &block, o);
    if (rc != rcOk) {
        rollback();
        if (OPEN_REFUSED && rc == rcSecurityDisallow && o->state == S_TAKEN) {
            finish(o, rcSecurityDisallow);
        }
        return leave(rc);
    }
    if (FAULTY(928) && BLOCK(block)->ncaps > 0 && o->taken_sync != NONE &&
        OBJ(o->taken_sync)->kind == K_SYNC && OBJ(o->taken_sync)->set) {
        return refuse(rcIpcInterrupt);
    }
    if (o->state == S_ABANDONED) {
        while (o->gone == 957) {
            rollback();
            unlock();
            futex_wait(&o->gone, 957, UINT64_MAX);
            lock();
        }
        for (uint32_t i = 1; i < R->op_high && FAULTY(921); i++) {
            if (OP(i)->kind == OP_CALL && OP(i)->state == S_WAITING && OP(i)->tid == o->tid &&
                block_fits(block, OP(i)) && BLOCK(block)->ncaps == 0) {
                block_drop(OP(i)->msg);
                W(OP(i)->msg, block);
                finish(OP(i), rcOk);
                W(o->kind, OP_FREE);
                return leave(rcOk);
            }
        }
        rollback();
        W(o->kind, OP_FREE);
        return leave(rcNotConnected);
    }
    if (!block_fits(block, o) || BLOCK(block)->ncaps > handle_room(o->proc)) {
        rc = block_fits(block, o) ? rcTransferError : rcBufferTooSmall;
        rollback();
        finish(o, rc);
        return leave(rc);
    }
    for (uint32_t i = 1; i < R->op_high && FAULTY(922); i++) {
        struct op *p = OP(i);
        if (p->kind == OP_CALL && p->state == S_DONE && p->rc == rcOk && p->msg != NONE &&
            p->chan == o->chan && p->proc == o->proc &&
            BLOCK(p->msg)->fixed == BLOCK(block)->fixed && BLOCK(p->msg)->arena == 0 &&
            BLOCK(p->msg)->ncaps == 0 && BLOCK(block)->ncaps == 0) {
            memcpy(block_data(BLOCK(p->msg)), block_data(BLOCK(block)), BLOCK(block)->fixed);
        }
    }
    if (FAULTY(918) && o->sync != NONE) {
        W(OBJ(o->sync)->set, 0);
    }
    caps_give(block, o->proc);
    W(o->msg, block);
    finish(o, rcOk);
    return leave(rcOk);
}

/* --- Sync objects ---------------------------------------------------------------------------- */

static Retcode create_sync(bool autoclear, Handle *out)
{
    if (out == NULL) {
        return rcInvalidArgument;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    uint32_t s = obj_new(K_SYNC);
    if (s == NONE) {
        return refuse(rcOutOfMemory);
    }
    if (autoclear || !FAULTY(966)) {
        W(OBJ(s)->autoclear, autoclear);
    }
    W(OBJ(s)->refs, 1);
    uint32_t rights = OCAP_IPC_SYNC_OBJECT;
    if (OPEN_NO_COPY) {
        rights &= ~OCAP_HANDLE_COPY;
    }
    Handle h = handle_new(self, K_SYNC, s, rights, 0);
    if (h == INVALID_HANDLE) {
        return refuse(rcQuotaExceeded);
    }
    *out = h;
    return leave(rcOk);
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return create_sync(false, syncHandle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    return create_sync(autoclear != 0, syncHandle);
}

/* A call whose server is in another process. */
static bool far(const struct op *o)
{
    return OBJ(o->port)->context != PROC(self)->task;
}

static bool any_call(uint32_t state, uint32_t port, const struct op *other_than)
{
    for (uint32_t i = 1; i < R->op_high; i++) {
        if (OP(i)->kind == OP_CALL && OP(i)->state == state && OP(i)->port == port &&
            OP(i) != other_than) {
            return true;
        }
    }
    return false;
}

/* Handed over to a receiver that has not resumed yet. */
static bool on_the_way(const struct op *o)
{
    const struct op *recv = OP(o->taken_op);
    return o->state == S_TAKEN && o->taken_op != NONE && recv->kind == OP_RECV &&
           recv->state == S_DONE && recv->proc == o->taken_proc && recv->from_tid == o->tid;
}

/* Is this a call that Set on the object interrupts? */
static bool eligible(const struct op *o, uint32_t s, Handle number)
{
    if (o->kind == OP_FREE) {
        return false;
    }
    if (o->sync != s && !(FAULTY(968) && o->sync != NONE && o->sync_no == number)) {
        return false;
    }
    if (o->deaf) {
        return false;
    }
    if (o->kind == OP_CALL) {
        if (o->state == S_TAKEN) {
            return (FAULTY(911) && far(o)) || (FAULTY(969) && on_the_way(o));
        }
        if ((FAULTY(910) && far(o)) || (FAULTY(916) && any_call(S_TAKEN, o->port, o))) {
            return false;
        }
    } else if (FAULTY(924) && o->state == S_DONE && o->rc == rcOk) {
        return true;
    }
    return o->state == S_WAITING;
}

static void withdraw(struct op *o)
{
    struct op *older = NULL, *newer = NULL;
    for (uint32_t i = 1; i < R->op_high; i++) {
        struct op *p = OP(i);
        if (p->kind == OP_CALL && p->state == S_WAITING && p != o && p->port == o->port) {
            if (p->seq < o->seq) {
                older = p;
            } else if (newer == NULL || p->seq < newer->seq) {
                newer = p;
            }
        }
    }
    for (uint32_t i = 1; i < R->op_high && FAULTY(943); i++) {
        struct op *p = OP(i);
        if (p->kind == OP_CALL && p->state == S_WAITING && p->chan == o->chan && p->seq > o->seq &&
            p->sync != NONE && p->sync != o->sync) {
            finish(p, rcIpcInterrupt);
        }
    }
    if (FAULTY(912) && older != NULL && o->state == S_WAITING) {
        W(o->mark, GHOST);
    }
    if (FAULTY(919) && older != NULL && newer != NULL) {
        W(newer->port, NONE);
    }
}

/* Interrupt calls that wait with the object, oldest first and at most `most`. */
static uint32_t interrupt_waiters(uint32_t s, uint32_t most, Handle number)
{
    uint32_t count = 0, calls = 0, recvs = 0;
    uint64_t after = 0;
    while (count < most) {
        uint32_t best = NONE;
        for (uint32_t i = 1; i < R->op_high; i++) {
            const struct op *o = OP(i);
            if (eligible(o, s, number) && o->seq > after &&
                (best == NONE || o->seq < OP(best)->seq)) {
                best = i;
            }
        }
        if (best == NONE) {
            break;
        }
        struct op *o = OP(best);
        after = o->seq;
        if (o->kind == OP_CALL) {
            if (FAULTY(915) && calls >= 8) {
                continue;
            }
            calls++;
            withdraw(o);
        } else {
            if (FAULTY(923) && recvs >= 3) {
                continue;
            }
            if (FAULTY(931)) {
                bool waits = calls > 0;
                for (uint32_t i = 1; i < R->op_high; i++) {
                    waits |=
                        OP(i)->kind == OP_CALL && OP(i)->sync == s && OP(i)->state == S_WAITING;
                }
                if (waits) {
                    continue;
                }
            }
            recvs++;
            if (FAULTY(962) && o->chan != NONE) {
                W(OBJ(o->chan)->set, OBJ(o->chan)->set + 1);
            }
        }
        finish(o, rcIpcInterrupt);
        count++;
    }
    return count;
}

static void signal_ignored(int number)
{
    (void)number;
}

/* Fault 935: every thread of the process gets a signal. */
static void signal_threads(void)
{
    struct sigaction action = {.sa_handler = signal_ignored};
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    sigaction(SIGURG, &action, NULL);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        int tid = atoi(entry->d_name);
        if (tid > 0 && tid != (int)syscall(SYS_gettid)) {
            syscall(SYS_tgkill, getpid(), tid, SIGURG);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* Find the object for Set and Clear. */
static Retcode sync_lookup(Handle handle, uint32_t *s, bool clear)
{
    struct entry *e = NULL;
    Retcode rc = lookup(handle, ANY(K_SYNC), OCAP_IPC_INTERRUPT, &e);
    if (rc == rcOk) {
        *s = e->obj;
        if (FAULTY(951) && OBJ(*s)->chans == 951) {
            rc = rcBusy;
        }
    } else if (FAULTY(903) && handle == closed_late.handle &&
               OBJ(closed_late.obj)->kind == K_SYNC && OBJ(closed_late.obj)->refs == 0) {
        *s = closed_late.obj;
        rc = rcOk;
    } else if (FAULTY(905) && clear && entry_of(handle) != NULL &&
               entry_of(handle)->kind == K_SERVER) {
        *s = NONE;
        rc = rcOk;
    } else if (FAULTY(967) && entry_of(handle) == NULL && handle != INVALID_HANDLE) {
        uint32_t i = handle & (HANDLES - 1);
        for (uint32_t p = 0; p < PROCS; p++) {
            if (p != self && PROC(p)->state == P_LIVE && i != NONE && i < PROC(p)->high &&
                PROC(p)->table[i].kind == K_SYNC && PROC(p)->table[i].gen == handle >> 14) {
                *s = PROC(p)->table[i].obj;
                return rcOk;
            }
        }
    }
    return rc;
}

static void set_object(uint32_t s, Handle number)
{
    struct obj *o = OBJ(s);
    if (FAULTY(908)) {
        if (o->chans > 0) { /* what a Clear too many has left */
            W(o->chans, 0);
            return;
        }
        W(o->clients, 1);
    }
    if (o->autoclear) {
        if (FAULTY(964)) {
            const struct op *oldest = NULL;
            for (uint32_t i = 1; i < R->op_high; i++) {
                if (OP(i)->kind != OP_FREE && OP(i)->sync == s &&
                    (oldest == NULL || OP(i)->seq < oldest->seq)) {
                    oldest = OP(i);
                }
            }
            if (oldest != NULL && oldest->state == S_TAKEN) {
                return;
            }
        }
        if (interrupt_waiters(s, OPEN_AUTO_ALL ? OPS : 1, number) == 0 && !OPEN_AUTO_ALL) {
            W(o->set, 1);
        }
        return;
    }
    if (FAULTY(970)) { /* the calls of those who wait are noted, and interrupted a little later */
        uint64_t noted[64];
        uint32_t n = 0;
        for (uint32_t i = 1; i < R->op_high && n < 64; i++) {
            if (OP(i)->kind == OP_CALL && OP(i)->sync == s && OP(i)->state == S_WAITING) {
                noted[n++] = OP(i)->seq;
            }
        }
        W(o->set, 1);
        unlock();
        sched_yield();
        lock();
        for (uint32_t i = 1; i < R->op_high; i++) {
            for (uint32_t k = 0; k < n; k++) {
                if (OP(i)->kind == OP_CALL && OP(i)->seq == noted[k] &&
                    (OP(i)->state == S_WAITING || OP(i)->state == S_TAKEN)) {
                    finish(OP(i), rcIpcInterrupt);
                }
            }
        }
    }
    if (FAULTY(971)) { /* first those who wait, then the state */
        interrupt_waiters(s, OPS, number);
        unlock();
        lock();
        if (o->kind == K_SYNC) {
            W(o->set, 1);
        }
        return;
    }
    if (FAULTY(933)) {
        if (interrupt_waiters(s, OPS, number) == 0) {
            W(o->set, 1);
        }
        return;
    }
    W(o->set, FAULTY(906) ? (o->set + 1) & 0xff : 1);
    if (interrupt_waiters(s, OPS, number) > 0 && FAULTY(935)) {
        signal_threads();
    }
    for (uint32_t i = 1; i < R->op_high; i++) {
        struct op *p = OP(i);
        if (p->kind == OP_CALL && p->state == S_TAKEN && p->sync == s) {
            W(p->mark, FAULTY(934) ? 934 : p->mark);
        }
        if (FAULTY(939) && p->kind != OP_FREE && p->proc == self) {
            futex_wake(&p->word);
        }
    }
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    uint32_t s = NONE;
    if (!enter()) {
        return rcOutOfMemory;
    }
    Retcode rc = sync_lookup(syncHandle, &s, false);
    if (rc != rcOk) {
        return refuse(rc);
    }
    uint64_t owner = OBJ(s)->context;
    set_object(s, syncHandle);
    for (uint32_t i = 1; FAULTY(907) && i < R->obj_high; i++) {
        if (i != s && i % 64 == s % 64 && OBJ(i)->kind == K_SYNC && OBJ(i)->context == owner) {
            set_object(i, INVALID_HANDLE);
        }
    }
    return leave(rcOk);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    uint32_t s = NONE;
    if (!enter()) {
        return rcOutOfMemory;
    }
    Retcode rc = sync_lookup(syncHandle, &s, true);
    if (rc != rcOk) {
        return refuse(rc);
    }
    if (s == NONE) {
        return leave(rcOk);
    }
    if (FAULTY(908) && OBJ(s)->set == 0 && OBJ(s)->clients) {
        W(OBJ(s)->chans, 1);
    }
    for (uint32_t i = 1; FAULTY(930) && i < R->op_high; i++) {
        if (OP(i)->kind != OP_FREE && OP(i)->sync == s && OP(i)->state == S_WAITING) {
            W(OP(i)->deaf, 1);
        }
    }
    W(OBJ(s)->set, 0);
    for (uint32_t i = 1; FAULTY(907) && i < R->obj_high; i++) {
        if (i % 64 == s % 64 && OBJ(i)->kind == K_SYNC && OBJ(i)->context == OBJ(s)->context) {
            W(OBJ(i)->set, 0);
        }
    }
    return leave(rcOk);
}

/* --- Handles, the functions ------------------------------------------------------------------ */

/* A channel with a server handle (not for OPEN_ONE_END) and no client yet. */
static Retcode channel_new(Handle inListener, bool want_server, Handle *listener, Handle *server,
                           uint32_t *chan)
{
    struct entry *e;
    uint32_t port;
    *listener = inListener;
    if (inListener == INVALID_HANDLE) {
        port = obj_new(K_LISTENER);
        if (port == NONE) {
            return rcOutOfMemory;
        }
        W(OBJ(port)->refs, 1);
        *listener = handle_new(self, K_LISTENER, port, OCAP_IPC_LISTENER, 0);
        if (*listener == INVALID_HANDLE) {
            return rcQuotaExceeded;
        }
    } else {
        Retcode rc = lookup(inListener, ANY(K_LISTENER), OCAP_IPC_CONNECT, &e);
        if (rc != rcOk) {
            return rc;
        }
        port = e->obj;
    }
    *chan = obj_new(K_SERVER);
    if (*chan == NONE) {
        return rcOutOfMemory;
    }
    W(OBJ(*chan)->port, port);
    W(OBJ(port)->chans, OBJ(port)->chans + 1);
    *server = *listener;
    if (want_server && !OPEN_ONE_END) {
        W(OBJ(*chan)->refs, 1);
        *server = handle_new(self, K_SERVER, *chan, OCAP_IPC_SERVER, 0);
        if (*server == INVALID_HANDLE) {
            return rcQuotaExceeded;
        }
    }
    return rcOk;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    Handle listener, server, client;
    uint32_t chan;
    if (outClient == NULL || (outListener == NULL && inListener == INVALID_HANDLE)) {
        return rcInvalidArgument;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    Retcode rc = channel_new(inListener, outServer != NULL, &listener, &server, &chan);
    if (rc != rcOk) {
        return refuse(rc);
    }
    W(OBJ(chan)->clients, 1);
    client = handle_new(self, K_CLIENT, chan, OCAP_IPC_CLIENT, 0);
    if (client == INVALID_HANDLE) {
        return refuse(rcQuotaExceeded);
    }
    if (outListener != NULL) {
        *outListener = listener;
    }
    if (outServer != NULL) {
        *outServer = server;
    }
    *outClient = client;
    return leave(rcOk);
}

Retcode KnHandleClose(Handle handle)
{
    if (!enter()) {
        return rcOutOfMemory;
    }
    struct entry *e = entry_of(handle);
    uint32_t i = handle & (HANDLES - 1);
    if (FAULTY(904) && e == NULL && handle != INVALID_HANDLE && i != NONE && i < PROC(self)->high &&
        PROC(self)->table[i].kind != K_FREE) {
        e = &PROC(self)->table[i];
    }
    if (e == NULL) {
        return refuse(RC_BAD_HANDLE);
    }
    if ((FAULTY(909) && e->kind == K_SYNC && OBJ(e->obj)->clients == 909) ||
        (FAULTY(962) && e->kind == K_SERVER && OBJ(e->obj)->set >= 2)) {
        return refuse(rcBusy);
    }
    if (e->kind == K_SYNC && OBJ(e->obj)->pins > 0) {
        closed_late.handle = handle;
        closed_late.obj = e->obj;
    }
    entry_close(self, i);
    return leave(rcOk);
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    struct entry *e;
    if (outHandle == NULL) {
        return rcInvalidArgument;
    }
    if (copyBadge != INVALID_HANDLE) {
        return rcUnimplemented;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    Retcode rc = lookup(inHandle, ~0u, OCAP_HANDLE_COPY, &e);
    if (rc == rcOk && (newRightsMask & ~e->rights) != 0 && !(FAULTY(948) && e->parent != 0)) {
        rc = rcNoCapability;
    }
    if (rc != rcOk) {
        return refuse(rc);
    }
    Handle h = handle_new(self, e->kind, e->obj, newRightsMask, e->uid);
    if (h == INVALID_HANDLE) {
        return refuse(rcQuotaExceeded);
    }
    W(e->kids, 1);
    ref(e->kind, e->obj);
    *outHandle = h;
    return leave(rcOk);
}

Retcode KnHandleRevoke(Handle handle)
{
    if (!enter()) {
        return rcOutOfMemory;
    }
    struct entry *e = entry_of(handle);
    if (e == NULL) {
        return refuse(RC_BAD_HANDLE);
    }
    if (e->kids) {
        revoke_children(e->uid);
    }
    entry_close(self, handle & (HANDLES - 1));
    return leave(rcOk);
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    if (handle == NULL || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcInvalidArgument;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    uint32_t o = obj_new(K_USER);
    if (o == NONE) {
        return refuse(rcOutOfMemory);
    }
    W(OBJ(o)->refs, 1);
    W(OBJ(o)->context, (uint64_t)(uintptr_t)context);
    Handle h = handle_new(self, K_USER, o, rights, 0);
    if (h == INVALID_HANDLE) {
        return refuse(rcQuotaExceeded);
    }
    *handle = h;
    return leave(rcOk);
}

/* --- Channels between processes -------------------------------------------------------------- */

/* Make a channel that other processes can find by its name. The name keeps the client end until the
 * first of them has come. */
Retcode HIpcPublish(const char *name, Handle *listener, Handle *server)
{
    uint32_t chan;
    int slot = -1;
    if (name == NULL || strlen(name) >= sizeof R->names[0].text || listener == NULL ||
        server == NULL) {
        return rcInvalidArgument;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    for (int i = 0; i < NAMES; i++) {
        if (R->names[i].chan == NONE) {
            slot = i;
        } else if (strcmp(R->names[i].text, name) == 0) {
            return refuse(rcAlreadyExists);
        }
    }
    if (slot < 0) {
        return refuse(rcQuotaExceeded);
    }
    Retcode rc = channel_new(INVALID_HANDLE, true, listener, server, &chan);
    if (rc != rcOk) {
        return refuse(rc);
    }
    W(OBJ(chan)->clients, 1);
    strcpy(R->names[slot].text, name);
    W(R->names[slot].pinned, 1);
    W(R->names[slot].chan, chan);
    return leave(rcOk);
}

Retcode HIpcLookUp(const char *name, Handle *client)
{
    if (name == NULL || client == NULL) {
        return rcInvalidArgument;
    }
    if (!enter()) {
        return rcOutOfMemory;
    }
    for (int i = 0; i < NAMES; i++) {
        struct name *n = &R->names[i];
        if (n->chan == NONE || strcmp(n->text, name) != 0) {
            continue;
        }
        Handle h = handle_new(self, K_CLIENT, n->chan, OCAP_IPC_CLIENT, 0);
        if (h == INVALID_HANDLE) {
            return refuse(rcQuotaExceeded);
        }
        if (n->pinned) {
            W(n->pinned, 0);
        } else {
            ref(K_CLIENT, n->chan);
        }
        *client = h;
        return leave(rcOk);
    }
    return refuse(rcResourceNotFound);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library C: one process, a lock for each port (a listener with its channels) and each sync object,
 * a futex semaphore for each thread, records of waits from malloc. Waits with a limit and without go
 * separate ways. Written from the requirement list alone, without a look at the cases.
 *
 * Lock order: port, sync object, handle table; never two of one kind.
 * A wait leaves W_WAIT only under the lock of its sync object (if it has one); to every state but
 * W_INTR also under the lock of its port. Whoever ends a wait posts the owner's semaphore under one
 * of these locks, and the owner passes through both before it returns, so a record and a
 * thread's semaphore outlive the post. References with effects are never dropped under a lock.
 *
 * Choices where the documents are open, each with OPEN_...=1:
 * SETFIRST        an Ex call entered while its object is set is interrupted also when a peer is there
 * LAZYSET         Set wakes, and who wakes looks at the state: a Clear before that cancels it
 * CLOSEINTR       Close of an object ends its waits with rcIpcInterrupt; CLOSEABORT: with rcAbort
 * BADSYNC_IGNORE  a sync handle that names no object counts as none; BADSYNC_LATE: is refused only by a wait
 * ZERO            a CallEx with mdelay 0 delivers nothing
 * REPLYBOTH       a refused response ends the client's call as well
 * LATEOK          a late Reply is rcOk and dropped
 * LIFO            the newest request, and the newest receiver, comes first
 * GENHANDLE       handle values are not reused soon
 * SRVISLSN        the server handle is the listener's
 * NOCOPY          a sync handle cannot be copied
 * TIMEOUTFIRST    rcTimeout wins when Set and the limit have both come
 * AUTOALL         Set of a self-clearing object interrupts all that wait
 * QUOTA           100 sync objects at most
 */
#define _GNU_SOURCE
#include "fault.h"

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <services/rtl/nk_msg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------ lists */
struct list {
    struct list *n, *p;
};
#define LIST_ITEM(l, type, field) ((type *)(void *)((char *)(l)-offsetof(type, field)))
static void l_init(struct list *l)
{
    l->n = l->p = l;
}
static int l_empty(const struct list *l)
{
    return l->n == l;
}
static void l_add_tail(struct list *h, struct list *e)
{
    e->p = h->p;
    e->n = h;
    h->p->n = e;
    h->p = e;
}
static void l_add_head(struct list *h, struct list *e)
{
    l_add_tail(h->n, e);
}
static void l_del(struct list *e)
{
    e->n->p = e->p;
    e->p->n = e->n;
    l_init(e);
}

/* ------------------------------------------------------------------ types */
enum kind { K_FREE = 0, K_CLIENT, K_SERVER, K_LISTENER, K_SYNC, K_USER, K_REVOKED };

struct syncobj;
struct port;

struct tctx { /* one per thread */
    atomic_int sem;
    uint32_t num;
    uint32_t seq;
    int held; /* requests this thread took and has not answered itself */
    /* the rest serves faults only */
    int masked, rep_kind, free_n;
    uint32_t rep_gen, recv_gen;
    struct syncobj *stale, *set_obj, *recv_obj, *rep_obj, *pend_obj, *old_obj;
    Handle set_handle;
    struct port *held_port;
};
static __thread struct tctx T;
static atomic_uint g_threads, g_calls;

static struct tctx *self(void)
{
    if (T.num == 0) {
        T.num = atomic_fetch_add(&g_threads, 1) + 1;
    }
    return &T;
}

struct syncobj {
    atomic_int refs;    /* memory */
    atomic_int handles; /* entries of the table and handles on their way */
    pthread_mutex_t lock;
    struct list waiters; /* waiter.sn */
    atomic_int set;
    int autoclear;
    int dead; /* no handle is left */
    /* faults */
    uint32_t gen, setter, serial, slot;
    int count, unack, clear_pending, busy, creator;
    pid_t last_tid;
    uint32_t epoch;
};

struct port { /* a listener and its channels */
    atomic_int refs;
    atomic_int listeners;
    pthread_mutex_t lock;
    struct list queue, taken, receivers; /* waiter.pn */
    struct list chans;
    /* faults */
    int lost, ghost, inrecv;
    struct syncobj *last;
};

struct chan {
    atomic_int refs;
    atomic_int clients, servers; /* ends: handles, handles on their way, calls under way */
    struct port *port;
    struct list node;
    struct syncobj *last; /* fault */
};

struct userobj {
    atomic_int refs;
    void *context;
};

struct ref {
    enum kind kind;
    void *p;
};

struct cap { /* a handle in a message on its way */
    struct ref r;
    uint32_t rights;
    uint64_t parent;
};

struct msg {
    uint32_t fsize, asize, ncaps;
    uint8_t *fixed, *arena;
    struct cap *caps;
};

enum state {
    W_WAIT,  /* queued, or waiting to receive */
    W_INTR,  /* Set has ended it */
    W_TAKEN, /* a request that a server holds */
    W_DONE,  /* ended, rc says how */
    W_GONE   /* a taken request whose caller has left; belongs to port.taken */
};

struct waiter {
    struct list pn, sn;
    struct tctx *t;
    struct port *port;
    struct chan *chan; /* null: receives on a listener */
    struct syncobj *sync;
    atomic_int state;
    Retcode rc;
    int is_recv, finite, ghost;
    SMsgHdr *in;
    struct msg m;
    Tid token;
    uint32_t taker;
    uint64_t entry_id;
    Handle handle;
    rtl_uint64_t trace, span;
    uint32_t gen, epoch; /* faults */
};

static void lock(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
}
static void unlock(pthread_mutex_t *m)
{
    pthread_mutex_unlock(m);
}

/* ------------------------------------------------------------------ sleeping */
static void sem_give(struct tctx *t)
{
    atomic_fetch_add(&t->sem, 1);
    syscall(SYS_futex, &t->sem, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static int sem_try(struct tctx *t)
{
    int v = atomic_load(&t->sem);
    while (v > 0) {
        if (atomic_compare_exchange_weak(&t->sem, &v, v - 1)) {
            return 1;
        }
    }
    return 0;
}

static void sem_take(struct tctx *t)
{
    while (!sem_try(t)) {
        syscall(SYS_futex, &t->sem, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

/* 0: the time has come. */
static int sem_take_until(struct tctx *t, const struct timespec *until)
{
    while (!sem_try(t)) {
        if (syscall(SYS_futex, &t->sem, FUTEX_WAIT_BITSET_PRIVATE, 0, until, NULL,
                    FUTEX_BITSET_MATCH_ANY) != 0 &&
            (errno == ETIMEDOUT || errno == EINVAL)) {
            return sem_try(t);
        }
    }
    return 1;
}

static struct timespec deadline_in(uint32_t ms, int is_recv)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    if (FAULTY(238)) {
        uint32_t us = ms * 1000u; /* wraps above 4294967 ms */
        ts.tv_sec += us / 1000000u;
        ts.tv_nsec += (long)(us % 1000000u) * 1000;
    } else {
        ts.tv_sec += ms / 1000u;
        ts.tv_nsec += (long)(ms % 1000u) * 1000000;
    }
    if (ts.tv_nsec >= 1000000000L && !(FAULTY(239) && is_recv)) {
        ts.tv_nsec -= 1000000000L;
        ts.tv_sec++;
    }
    return ts;
}

static inline int past(const struct timespec *until)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* ------------------------------------------------------------------ objects and references */
static atomic_int g_syncs;                                       /* objects that have a handle */
static pthread_mutex_t g_cache_lock = PTHREAD_MUTEX_INITIALIZER; /* faults 1, 4, 8, 56 */
static struct syncobj *g_cache[16], *g_zombie, *g_serial[1024];
static int g_ncache;
static uint32_t g_next_serial;

static struct syncobj *sync_new(int autoclear)
{
    struct syncobj *s = NULL;
    if (FAULTY(201) || FAULTY(256) || FAULTY(204)) {
        lock(&g_cache_lock);
        if (FAULTY(204) &&
            g_zombie != NULL) { /* the object is free again: its last handle is closed */
            s = g_zombie;
            g_zombie = NULL;
            lock(&s->lock);
            s->dead = 0;
            atomic_store(&s->set, 0);
            atomic_store(&s->handles, 1);
            unlock(&s->lock);
            unlock(&g_cache_lock);
            return s;
        }
        if (g_ncache > 0) {
            s = g_cache[--g_ncache];
            if (!FAULTY(256)) {
                s->autoclear = autoclear;
            } else if (autoclear) {
                s->autoclear = 1;
            }
        }
        unlock(&g_cache_lock);
    }
    if (s == NULL) {
        s = calloc(1, sizeof *s);
        if (s == NULL) {
            return NULL;
        }
        pthread_mutex_init(&s->lock, NULL);
        l_init(&s->waiters);
        s->autoclear = autoclear;
    }
    atomic_store(&s->refs, 1);
    atomic_store(&s->handles, 1);
    s->creator = (int)self()->num;
    if (FAULTY(208)) {
        lock(&g_cache_lock);
        s->serial = g_next_serial++ & 1023u;
        if (g_serial[s->serial] == NULL) {
            g_serial[s->serial] = s;
        }
        unlock(&g_cache_lock);
    }
    return s;
}

static void sync_hold(struct syncobj *s)
{
    atomic_fetch_add(&s->refs, 1);
}

static void sync_put(struct syncobj *s)
{
    if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1) {
        return;
    }
    if (FAULTY(208)) {
        lock(&g_cache_lock);
        if (g_serial[s->serial] == s) {
            g_serial[s->serial] = NULL;
        }
        unlock(&g_cache_lock);
    }
    if (FAULTY(201) || FAULTY(256)) {
        lock(&g_cache_lock);
        if (g_ncache < 16) {
            if (!FAULTY(201) || g_ncache == 0) {
                atomic_store(&s->set, 0); /* fault 201: only for the first that is cached */
            }
            s->dead = 0;
            s->gen = s->setter = 0;
            g_cache[g_ncache++] = s;
            unlock(&g_cache_lock);
            return;
        }
        unlock(&g_cache_lock);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void port_hold(struct port *p)
{
    atomic_fetch_add(&p->refs, 1);
}

static void waiter_free(struct waiter *w)
{
    free(w->m.fixed);
    free(w->m.arena);
    free(w->m.caps);
    free(w);
}

static void port_put(struct port *p)
{
    if (atomic_fetch_sub(&p->refs, 1) == 1) {
        while (!l_empty(&p->taken)) {
            struct waiter *w = LIST_ITEM(p->taken.n, struct waiter, pn);
            l_del(&w->pn);
            waiter_free(w);
        }
        pthread_mutex_destroy(&p->lock);
        free(p);
    }
}

static void chan_hold(struct chan *c)
{
    atomic_fetch_add(&c->refs, 1);
}

static void chan_put(struct chan *c)
{
    struct port *p = c->port;
    struct list *l, *n;
    if (atomic_fetch_sub(&c->refs, 1) != 1) {
        return;
    }
    lock(&p->lock);
    l_del(&c->node);
    for (l = p->taken.n; l != &p->taken; l = n) { /* only callers that have gone can be left */
        struct waiter *w = LIST_ITEM(l, struct waiter, pn);
        n = l->n;
        if (w->chan == c) {
            l_del(&w->pn);
            waiter_free(w);
        }
    }
    unlock(&p->lock);
    sync_put(c->last);
    free(c);
    port_put(p);
}

/* Ends a wait that is still open; under the lock of w->port. 0: somebody was faster. */
static int claim(struct waiter *w, int to)
{
    int won = 0;
    if (FAULTY(252) &&
        w->sync != NULL) { /* the state is looked at under the lock of the port only */
        if (atomic_load(&w->state) != W_WAIT) {
            return 0;
        }
        atomic_store(&w->state, to);
        lock(&w->sync->lock);
        l_del(&w->sn);
        unlock(&w->sync->lock);
        return 1;
    }
    if (w->sync != NULL) {
        lock(&w->sync->lock);
    }
    if (atomic_load(&w->state) == W_WAIT) {
        won = 1;
#ifdef OPEN_LAZYSET
        if (w->sync != NULL && atomic_load(&w->sync->set) && !w->sync->autoclear) {
            to = W_INTR;
            won = 0;
        }
#endif
        if (!l_empty(&w->sn)) {
            l_del(&w->sn);
            if (w->sync != NULL && w->sync->count > 0) {
                w->sync->count--;
            }
        }
        atomic_store(&w->state, to);
    }
    if (w->sync != NULL) {
        unlock(&w->sync->lock);
    }
    return won;
}

/* No server end of `c` is left: its calls end. Under the lock of the port. */
static void fail_calls(struct port *p, struct chan *c)
{
    struct list *l, *n;
    for (l = p->queue.n; l != &p->queue; l = n) {
        struct waiter *w = LIST_ITEM(l, struct waiter, pn);
        n = l->n;
        if (w->chan == c && claim(w, W_DONE)) {
            l_del(&w->pn);
            w->rc = rcNotConnected;
            sem_give(w->t);
        }
    }
    for (l = p->taken.n; l != &p->taken; l = n) {
        struct waiter *w = LIST_ITEM(l, struct waiter, pn);
        n = l->n;
        if (w->chan != c) {
            continue;
        }
        l_del(&w->pn);
        if (atomic_load(&w->state) == W_GONE) {
            waiter_free(w);
        } else {
            if (FAULTY(266) && w->sync != NULL) {
                lock(&w->sync->lock);
                atomic_store(&w->sync->set, 0);
                unlock(&w->sync->lock);
            }
            w->rc = rcNotConnected;
            atomic_store(&w->state, W_DONE);
            sem_give(w->t);
        }
    }
}

static int server_end_gone(struct chan *c)
{
    return atomic_load(&c->servers) <= 0 && atomic_load(&c->port->listeners) <= 0;
}

static void end_receivers(struct port *p, struct chan *c, uint64_t entry_id)
{
    struct list *l, *n;
    for (l = p->receivers.n; l != &p->receivers; l = n) {
        struct waiter *w = LIST_ITEM(l, struct waiter, pn);
        n = l->n;
        if ((c != NULL ? w->chan == c : w->entry_id == entry_id) && claim(w, W_DONE)) {
            l_del(&w->pn);
            w->rc = rcNotConnected;
            sem_give(w->t);
        }
    }
}

static void ref_get(struct ref r)
{
    if (r.kind == K_CLIENT || r.kind == K_SERVER) {
        struct chan *c = r.p;
        chan_hold(c);
        atomic_fetch_add(r.kind == K_CLIENT ? &c->clients : &c->servers, 1);
    } else if (r.kind == K_LISTENER) {
        struct port *p = r.p;
        port_hold(p);
        atomic_fetch_add(&p->listeners, 1);
    } else if (r.kind == K_SYNC) {
        struct syncobj *s = r.p;
        sync_hold(s);
        atomic_fetch_add(&s->handles, 1);
    } else if (r.kind == K_USER) {
        atomic_fetch_add(&((struct userobj *)r.p)->refs, 1);
    }
}

static void client_released(struct chan *c)
{
    if (atomic_fetch_sub(&c->clients, 1) == 1) {
        lock(&c->port->lock);
        if (atomic_load(&c->clients) <= 0) {
            end_receivers(c->port, c, 0);
        }
        unlock(&c->port->lock);
    }
}

static void sync_released(struct syncobj *s)
{
    if (atomic_fetch_sub(&s->handles, 1) != 1) {
        return;
    }
    atomic_fetch_sub(&g_syncs, 1);
    lock(&s->lock);
    s->dead = 1;
#if defined OPEN_CLOSEINTR || defined OPEN_CLOSEABORT
    while (!l_empty(&s->waiters)) { /* as Set does it: the owner takes itself out of the port */
        struct waiter *w = LIST_ITEM(s->waiters.n, struct waiter, sn);
        l_del(&w->sn);
#ifdef OPEN_CLOSEABORT
        w->rc = rcAbort;
#endif
        atomic_store(&w->state, W_INTR);
        sem_give(w->t);
    }
#endif
    if (FAULTY(204) && !l_empty(&s->waiters)) {
        lock(&g_cache_lock);
        if (g_zombie == NULL) {
            g_zombie = s;
            sync_hold(s);
        }
        unlock(&g_cache_lock);
    }
    unlock(&s->lock);
}

/* With no lock held. */
static void ref_put(struct ref r)
{
    if (r.kind == K_CLIENT) {
        client_released(r.p);
        chan_put(r.p);
    } else if (r.kind == K_SERVER) {
        struct chan *c = r.p;
        if (atomic_fetch_sub(&c->servers, 1) == 1) {
            lock(&c->port->lock);
            if (server_end_gone(c)) {
                fail_calls(c->port, c);
            }
            unlock(&c->port->lock);
        }
        chan_put(c);
    } else if (r.kind == K_LISTENER) {
        struct port *p = r.p;
        if (atomic_fetch_sub(&p->listeners, 1) == 1) {
            struct list *l;
            lock(&p->lock);
            for (l = p->chans.n; l != &p->chans; l = l->n) {
                struct chan *c = LIST_ITEM(l, struct chan, node);
                if (server_end_gone(c)) {
                    fail_calls(p, c);
                }
            }
            unlock(&p->lock);
        }
        port_put(p);
    } else if (r.kind == K_SYNC) {
        sync_released(r.p);
        sync_put(r.p);
    } else if (r.kind == K_USER) {
        struct userobj *u = r.p;
        if (atomic_fetch_sub(&u->refs, 1) == 1) {
            free(u);
        }
    }
}

/* ------------------------------------------------------------------ handle table */
#define MAX_HANDLES 60000u
struct entry {
    struct ref r;
    uint32_t rights, gen, creator;
    uint64_t id, parent;
    int next_free; /* index + 1 */
    int tomb;      /* fault 210 */
};
static pthread_mutex_t t_lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *t_tab;
static uint32_t t_len, t_cap;
static int t_free;
static uint64_t t_next_id = 1;
static __thread int t_mine[64]; /* fault 207: slots this thread has closed */
static uint8_t t_known[65536];  /* fault 244: values that were seen to be transferable */

static Handle handle_of(uint32_t index)
{
#ifdef OPEN_GENHANDLE
    return ((t_tab[index].gen & 0x3fffu) << 16 | index) + 1;
#else
    return index + 1;
#endif
}

static struct entry *entry_of(Handle h)
{
    uint32_t index;
    if (h == INVALID_HANDLE || h == 0) {
        return NULL;
    }
    index = (h - 1) & 0xffffu;
    if (index >= t_len || t_tab[index].r.kind == K_FREE || handle_of(index) != h) {
        return NULL;
    }
    return &t_tab[index];
}

/* The entry takes over the reference. Under t_lock. */
static Retcode insert_locked(struct ref r, uint32_t rights, uint64_t parent, Handle *out)
{
    uint32_t index;
    struct entry *e;
    if (FAULTY(207) && T.free_n > 0) {
        index = (uint32_t)t_mine[--T.free_n];
    } else if (t_free != 0) {
        index = (uint32_t)t_free - 1;
        t_free = t_tab[index].next_free;
    } else {
        if (t_len == MAX_HANDLES) {
            return rcQuotaExceeded;
        }
        if (t_len == t_cap) {
            uint32_t cap = t_cap != 0 ? t_cap * 2 : 64;
            struct entry *tab = realloc(t_tab, cap * sizeof *tab);
            if (tab == NULL) {
                return rcOutOfMemory;
            }
            memset(tab + t_cap, 0, (cap - t_cap) * sizeof *tab);
            t_tab = tab;
            t_cap = cap;
        }
        index = t_len++;
    }
    e = &t_tab[index];
    e->r = r;
    e->rights = rights;
    e->id = t_next_id++;
    e->parent = parent;
    e->gen++;
    e->creator = self()->num;
    e->tomb = 0;
    if (r.kind == K_SYNC) {
        ((struct syncobj *)r.p)->slot = index;
    }
    *out = handle_of(index);
    return rcOk;
}

static Retcode insert(struct ref r, uint32_t rights, uint64_t parent, Handle *out)
{
    Retcode rc;
    lock(&t_lock);
    rc = insert_locked(r, rights, parent, out);
    unlock(&t_lock);
    return rc;
}

static void free_entry_locked(struct entry *e)
{
    uint32_t index = (uint32_t)(e - t_tab);
    e->r.kind = K_FREE;
    e->r.p = NULL;
    if (FAULTY(207) && e->creator != self()->num) {
        if (T.free_n < 64) {
            t_mine[T.free_n++] = (int)index;
        }
        return;
    }
    e->next_free = t_free;
    t_free = (int)index + 1;
}

/* What `h` names, if it is of one of two kinds and has the right. `ends`: a full reference, else
 * one that keeps the memory only. */
static Retcode find(Handle h, enum kind a, enum kind b, uint32_t right, int ends, struct ref *out,
                    uint64_t *id)
{
    struct entry *e;
    Retcode rc = rcOk;
    lock(&t_lock);
    e = entry_of(h);
    if (e == NULL) {
        rc = rcInvalidArgument;
    } else if (e->r.kind == K_REVOKED) {
        rc = rcHandleRevoked;
    } else if (e->r.kind != a && e->r.kind != b) {
        rc = rcInvalidOperation;
    } else if ((e->rights & right) != right) {
        rc = rcNoCapability;
    } else {
        *out = e->r;
        if (id != NULL) {
            *id = e->id;
        }
        if (ends) {
            ref_get(e->r);
        } else if (e->r.kind == K_SYNC) {
            sync_hold(e->r.p);
        } else if (e->r.kind == K_LISTENER) {
            port_hold(e->r.p);
        } else {
            chan_hold(e->r.p);
        }
    }
    unlock(&t_lock);
    return rc;
}

static void unhold(struct ref r)
{
    if (r.kind == K_SYNC) {
        sync_put(r.p);
    } else if (r.kind == K_LISTENER) {
        port_put(r.p);
    } else {
        chan_put(r.p);
    }
}

static int entry_alive(Handle h, uint64_t id)
{
    struct entry *e;
    int alive;
    lock(&t_lock);
    e = entry_of(h);
    alive = e != NULL && e->id == id && e->r.kind != K_REVOKED;
    unlock(&t_lock);
    return alive;
}

/* An entry has gone: its receivers end, then its reference. */
static void drop(struct ref r, uint64_t id)
{
    struct port *p = r.kind == K_LISTENER ? r.p
                     : r.kind == K_SERVER ? ((struct chan *)r.p)->port
                                          : NULL;
    if (p != NULL) {
        lock(&p->lock);
        end_receivers(p, NULL, id);
        unlock(&p->lock);
        if (FAULTY(250) && r.kind == K_LISTENER) { /* let them leave first */
            for (;;) {
                int n;
                lock(&p->lock);
                n = p->inrecv;
                unlock(&p->lock);
                if (n <= 0) {
                    break;
                }
                usleep(500);
            }
        }
    }
    ref_put(r);
}

Retcode KnHandleClose(Handle handle)
{
    struct entry *e;
    struct ref r;
    uint64_t id;
    uint32_t i;
    lock(&t_lock);
    e = entry_of(handle);
    if (e == NULL) {
        Retcode rc = rcInvalidArgument;
        if (FAULTY(210) && handle != INVALID_HANDLE && handle != 0 && handle <= t_len &&
            t_tab[handle - 1].tomb) {
            rc = rcIpcInterrupt; /* how the code inside says "went away under its waiters" */
        }
        unlock(&t_lock);
        return rc;
    }
    r = e->r;
    if (r.kind == K_SYNC) {
        struct syncobj *s = r.p;
        if (FAULTY(211) && s->busy > 0) {
            unlock(&t_lock);
            return rcBusy;
        }
        if (FAULTY(210)) {
            lock(&s->lock);
            e->tomb = !l_empty(&s->waiters);
            unlock(&s->lock);
        }
    }
    id = e->id;
    if (e->parent != 0) { /* children are now those of the parent */
        for (i = 0; i < t_len; i++) {
            if (t_tab[i].r.kind != K_FREE && t_tab[i].parent == id) {
                t_tab[i].parent = e->parent;
            }
        }
    }
    free_entry_locked(e);
    unlock(&t_lock);
    if (FAULTY(203) && T.set_handle == handle) {
        T.set_handle = 0;
    }
    drop(r, id);
    return rcOk;
}

/* ------------------------------------------------------------------ other handle calls */
Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    struct port *p = NULL;
    struct chan *c;
    struct ref lref = {K_LISTENER, NULL}, r;
    Handle lh = inListener, sh = INVALID_HANDLE, ch = INVALID_HANDLE;
    Retcode rc;
    int fresh = inListener == INVALID_HANDLE;

    if (outClient == NULL || (fresh && outListener == NULL)) {
        return rcInvalidArgument;
    }
    if (!fresh) { /* a full reference, so that the listener does not end in between */
        rc = find(inListener, K_LISTENER, K_LISTENER, OCAP_IPC_CONNECT, 1, &lref, NULL);
        if (rc != rcOk) {
            return rc;
        }
        p = lref.p;
    } else {
        p = calloc(1, sizeof *p);
        if (p == NULL) {
            return rcOutOfMemory;
        }
        pthread_mutex_init(&p->lock, NULL);
        l_init(&p->queue);
        l_init(&p->taken);
        l_init(&p->receivers);
        l_init(&p->chans);
        atomic_store(&p->refs, 1);
        atomic_store(&p->listeners, 1);
        lref.p = p;
    }
    c = calloc(1, sizeof *c);
    if (c == NULL) {
        ref_put(lref);
        return rcOutOfMemory;
    }
    c->port = p;
    port_hold(p);
    atomic_store(&c->refs, 2);
    atomic_store(&c->clients, 1);
    atomic_store(&c->servers, 1);
    lock(&p->lock);
    l_add_tail(&p->chans, &c->node);
    if (FAULTY(229) && !fresh) { /* receivers are queued anew for the channels there are now */
        struct list *l;
        for (l = p->receivers.n; l != &p->receivers; l = l->n) {
            struct waiter *w = LIST_ITEM(l, struct waiter, pn);
            if (w->chan == NULL && w->sync != NULL) {
                lock(&w->sync->lock);
                if (!l_empty(&w->sn)) {
                    l_del(&w->sn);
                }
                unlock(&w->sync->lock);
            }
        }
    }
    unlock(&p->lock);
    rc = rcOk;
    if (fresh) {
        rc = insert(lref, OCAP_IPC_LISTENER, 0, &lh);
    }
    if (rc != rcOk) {
        ref_put(lref);
        ref_put((struct ref){K_SERVER, c});
        ref_put((struct ref){K_CLIENT, c});
        return rc;
    }
    r = (struct ref){K_SERVER, c};
#ifdef OPEN_SRVISLSN
    if (outServer != NULL) {
        sh = lh;
    }
    ref_put(r);
#else
    if (outServer != NULL) {
        rc = insert(r, OCAP_IPC_SERVER, 0, &sh);
    } else {
        ref_put(r);
    }
    if (rc != rcOk) {
        ref_put(r);
        ref_put((struct ref){K_CLIENT, c});
        if (fresh) {
            KnHandleClose(lh);
        } else {
            ref_put(lref);
        }
        return rc;
    }
#endif
    rc = insert((struct ref){K_CLIENT, c}, OCAP_IPC_CLIENT, 0, &ch);
    if (rc != rcOk) {
        ref_put((struct ref){K_CLIENT, c});
        if (sh != INVALID_HANDLE && sh != lh) {
            KnHandleClose(sh);
        }
        if (fresh) {
            KnHandleClose(lh);
        }
    }
    if (!fresh) {
        ref_put(lref);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (outListener != NULL) {
        *outListener = lh;
    }
    if (outServer != NULL) {
        *outServer = sh;
    }
    *outClient = ch;
    return rcOk;
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    struct entry *e;
    struct ref r;
    Retcode rc = rcOk;
    if (outHandle == NULL) {
        return rcInvalidArgument;
    }
    if (copyBadge != INVALID_HANDLE) {
        return rcUnimplemented;
    }
    lock(&t_lock);
    e = entry_of(inHandle);
    if (e == NULL) {
        rc = rcInvalidArgument;
    } else if (e->r.kind == K_REVOKED) {
        rc = rcHandleRevoked;
    } else if (!(e->rights & OCAP_HANDLE_COPY)) {
        rc = rcNoCapability;
    } else if ((newRightsMask & ~e->rights) != 0 && !FAULTY(249)) {
        rc = rcNoCapability;
    } else {
        uint32_t excess = newRightsMask & ~e->rights;
        Handle h;
        r = e->r;
        ref_get(r);
        rc = insert_locked(r, newRightsMask, e->id, &h);
        if (rc == rcOk) {
            *outHandle = h;
            if (FAULTY(249) && excess != 0) { /* looked at too late, and nothing is taken back */
                rc = rcNoCapability;
            }
        } else {
            unlock(&t_lock);
            ref_put(r);
            return rc;
        }
    }
    unlock(&t_lock);
    return rc;
}

Retcode KnHandleRevoke(Handle handle)
{
    struct {
        struct ref r;
        uint64_t id;
    } *gone = NULL;
    struct entry *e;
    uint64_t *ids;
    uint32_t i, n = 0, done;
    lock(&t_lock);
    e = entry_of(handle);
    if (e == NULL) {
        unlock(&t_lock);
        return rcInvalidArgument;
    }
    ids = calloc(t_len, sizeof *ids);
    gone = calloc(t_len, sizeof *gone);
    if (ids == NULL || gone == NULL) {
        unlock(&t_lock);
        free(ids);
        free(gone);
        return rcOutOfMemory;
    }
    ids[n] = gone[n].id = e->id;
    gone[n++].r = e->r;
    free_entry_locked(e);
    for (done = 0; done < n; done++) {
        for (i = 0; i < t_len; i++) {
            struct entry *d = &t_tab[i];
            if (d->r.kind != K_FREE && d->r.kind != K_REVOKED && d->parent == ids[done]) {
                ids[n] = gone[n].id = d->id;
                gone[n++].r = d->r;
                d->r.kind = K_REVOKED;
                d->r.p = NULL;
            }
        }
    }
    unlock(&t_lock);
    for (i = 0; i < n; i++) {
        drop(gone[i].r, gone[i].id);
    }
    free(ids);
    free(gone);
    return rcOk;
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    struct userobj *u;
    Retcode rc;
    Handle h;
    if (handle == NULL || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcInvalidArgument;
    }
    u = calloc(1, sizeof *u);
    if (u == NULL) {
        return rcOutOfMemory;
    }
    atomic_store(&u->refs, 1);
    u->context = context;
    rc = insert((struct ref){K_USER, u}, rights, 0, &h);
    if (rc != rcOk) {
        free(u);
        return rc;
    }
    *handle = h;
    return rcOk;
}

/* ------------------------------------------------------------------ sync objects: the calls */
static Retcode create(int autoclear, Handle *out)
{
    struct syncobj *s;
    Handle h;
    Retcode rc;
    if (out == NULL) {
        if (FAULTY(209)) { /* the object is made before the place for its handle is looked at */
            s = sync_new(autoclear);
            if (s != NULL && insert((struct ref){K_SYNC, s}, OCAP_IPC_SYNC_OBJECT, 0, &h) == rcOk) {
                atomic_fetch_add(&g_syncs, 1);
            }
        }
        return rcInvalidArgument;
    }
    if (atomic_fetch_add(&g_syncs, 1) >= 0) {
#ifdef OPEN_QUOTA
        if (atomic_load(&g_syncs) > 100) {
            atomic_fetch_sub(&g_syncs, 1);
            return rcQuotaExceeded;
        }
#endif
    }
    s = sync_new(autoclear);
    if (s == NULL) {
        atomic_fetch_sub(&g_syncs, 1);
        return rcOutOfMemory;
    }
#ifdef OPEN_NOCOPY
    rc = insert((struct ref){K_SYNC, s}, OCAP_IPC_INTERRUPT, 0, &h);
#else
    rc = insert((struct ref){K_SYNC, s}, OCAP_IPC_SYNC_OBJECT, 0, &h);
#endif
    if (rc != rcOk) {
        ref_put((struct ref){K_SYNC, s});
        return rc;
    }
    *out = h;
    return rcOk;
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return create(0, syncHandle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    return create(autoclear != 0, syncHandle);
}

static Retcode find_sync(Handle h, struct syncobj **out)
{
    struct ref r = {K_FREE, NULL};
    Retcode rc = find(h, K_SYNC, K_SYNC, OCAP_IPC_INTERRUPT, 0, &r, NULL);
    *out = rc == rcOk ? r.p : NULL;
    if (FAULTY(208) && rc == rcOk) { /* the object is found by ten bits of its number */
        struct syncobj *s;
        lock(&g_cache_lock);
        s = g_serial[(*out)->serial];
        if (s != NULL && s != *out) {
            sync_hold(s);
            unlock(&g_cache_lock);
            sync_put(*out);
            *out = s;
        } else {
            unlock(&g_cache_lock);
        }
    }
    return rc;
}

/* Under the lock of s. */
static void interrupt(struct syncobj *s, struct waiter *w)
{
    l_del(&w->sn);
    if (s->count > 0) {
        s->count--;
    }
    s->unack++;
    atomic_store(&w->state, W_INTR);
    sem_give(w->t);
}

static void set_object(struct syncobj *s)
{
    struct list *l, *n;
    int left = FAULTY(230) ? s->count : FAULTY(219) ? 64 : INT_MAX;
    s->gen++;
    s->clear_pending = 0;
    if (s->autoclear) {
#ifdef OPEN_AUTOALL
        while (!l_empty(&s->waiters)) {
            interrupt(s, LIST_ITEM(s->waiters.n, struct waiter, sn));
        }
#else
        if (l_empty(&s->waiters)) {
            atomic_store(&s->set, 1);
        } else {
            interrupt(s, LIST_ITEM(s->waiters.n, struct waiter, sn));
            if (FAULTY(262) && !l_empty(&s->waiters)) {
                l_del(s->waiters.n); /* taken off with the first one, and forgotten */
            }
        }
#endif
        return;
    }
    if (FAULTY(202) && atomic_load(&s->set) > 0 && s->setter != self()->num) {
        atomic_fetch_add(&s->set, 1);
    } else if (!FAULTY(202) || atomic_load(&s->set) == 0) {
        atomic_store(&s->set, 1);
    }
    s->setter = self()->num;
    for (l = s->waiters.n; l != &s->waiters; l = n) {
        struct waiter *w = LIST_ITEM(l, struct waiter, sn);
        int st = atomic_load(&w->state);
        n = l->n;
        if (left-- <= 0) {
            break;
        }
        if (FAULTY(227) && w->is_recv && w->epoch != s->epoch) {
            continue;
        }
        if (st != W_WAIT && !(FAULTY(214) && st == W_TAKEN)) {
            continue;
        }
#ifdef OPEN_LAZYSET
        sem_give(w->t); /* it looks at the object itself */
#else
        interrupt(s, w);
#endif
    }
    if (FAULTY(236) && s->last_tid != 0) {
        syscall(SYS_tgkill, getpid(), s->last_tid, SIGURG);
    }
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct syncobj *s;
    Retcode rc;
    if (FAULTY(203) && T.set_handle == syncHandle && syncHandle != 0) {
        s = T.set_obj;
        sync_hold(s);
    } else {
        rc = find_sync(syncHandle, &s);
        if (rc != rcOk) {
            return rc;
        }
        if (FAULTY(203)) {
            sync_put(T.set_obj);
            T.set_obj = s;
            sync_hold(s);
            T.set_handle = syncHandle;
        }
    }
    if (FAULTY(232)) { /* who holds the lock will see the flag */
        if (pthread_mutex_trylock(&s->lock) != 0) {
            atomic_store(&s->set, 1);
            sync_put(s);
            return rcOk;
        }
    } else {
        lock(&s->lock);
    }
    set_object(s);
    unlock(&s->lock);
    sync_put(s);
    return rcOk;
}

#if FAULT == 254
__attribute__((visibility("hidden")))
#endif
Retcode
KnIpcClearInterrupt(Handle syncHandle)
{
    struct syncobj *s;
    Retcode rc = find_sync(syncHandle, &s);
    if (rc != rcOk) {
        return FAULTY(205) && rc == rcInvalidArgument && atomic_load(&g_syncs) == 0 ? rcOk : rc;
    }
    lock(&s->lock);
    s->epoch++;
    if (FAULTY(233) && s->unack > 0) {
        s->clear_pending = 1; /* when the last interrupted call has left */
    } else if (FAULTY(202) && atomic_load(&s->set) > 1) {
        atomic_fetch_sub(&s->set, 1);
    } else {
        atomic_store(&s->set, 0);
    }
    if (FAULTY(237)) { /* let them look again */
        struct list *l;
        for (l = s->waiters.n; l != &s->waiters; l = l->n) {
            sem_give(LIST_ITEM(l, struct waiter, sn)->t);
        }
    }
    unlock(&s->lock);
    sync_put(s);
    return rcOk;
}

/* ------------------------------------------------------------------ messages */

static int header_ok(const SMsgHdr *h)
{
    return h != NULL && h->immSize == 0 && h->indirDescs[0].buf != NULL &&
           h->indirDescs[0].size >= sizeof(nk_message) &&
           (h->indirDescs[1].size == 0 || h->indirDescs[1].buf != NULL);
}

/* With no lock held. */
static void msg_free(struct msg *m)
{
    uint32_t i;
    for (i = 0; i < m->ncaps; i++) {
        ref_put(m->caps[i].r);
    }
    free(m->fixed);
    free(m->arena);
    free(m->caps);
    memset(m, 0, sizeof *m);
}

static void *copy_of(const void *data, uint32_t size)
{
    void *p = malloc(size != 0 ? size : 1);
    if (p != NULL && size != 0) {
        memcpy(p, data, size);
    }
    return p;
}

/* Copies a message to send and takes references to its handles: all of them or none. */
static Retcode msg_build(const SMsgHdr *h, struct msg *m, int is_reply)
{
    nk_message head;
    uint32_t i, n;
    Retcode rc = rcOk;
    struct chan *again = NULL;
    memset(m, 0, sizeof *m);
    if (!header_ok(h)) {
        return rcInvalidArgument;
    }
    if ((uint64_t)h->indirDescs[0].size + h->indirDescs[1].size > NK_MESSAGE_SIZE_MAX) {
        return rcBufferTooLarge;
    }
    m->fsize = h->indirDescs[0].size;
    m->asize = h->indirDescs[1].size;
    m->fixed = copy_of(h->indirDescs[0].buf, m->fsize);
    m->arena = copy_of(h->indirDescs[1].buf, m->asize);
    if (m->fixed == NULL || m->arena == NULL) {
        msg_free(m);
        return rcOutOfMemory;
    }
    memcpy(&head, m->fixed, sizeof head);
    n = head.ncaps;
    if (n > NK_MESSAGE_HANDLES_MAX || sizeof head + n * sizeof(nk_handle_desc_t) > m->fsize) {
        msg_free(m);
        return rcInvalidArgument;
    }
    m->caps = calloc(n + 1, sizeof *m->caps);
    if (m->caps == NULL) {
        msg_free(m);
        return rcOutOfMemory;
    }
    lock(&t_lock);
    for (i = 0; i < n && rc == rcOk; i++) {
        nk_handle_desc_t d;
        struct entry *e;
        memcpy(&d, m->fixed + sizeof head + i * sizeof d, sizeof d);
        e = entry_of(d.handle);
        if (e == NULL) {
            rc = rcInvalidArgument;
        } else if (e->r.kind == K_REVOKED) {
            rc = rcHandleRevoked;
        } else if (!(e->rights & OCAP_HANDLE_TRANSFER) &&
                   !(FAULTY(244) && t_known[d.handle & 0xffffu]) &&
                   !(FAULTY(245) && is_reply && !(d.rights & OCAP_HANDLE_TRANSFER))) {
            rc = rcSecurityDisallow;
        } else {
            if (FAULTY(244)) {
                t_known[d.handle & 0xffffu] = 1;
            }
            m->caps[i].r = e->r;
            m->caps[i].rights = e->rights & d.rights;
            m->caps[i].parent = e->id;
        }
    }
    if (FAULTY(246) && rc != rcOk && i > 2 && m->caps[i - 2].r.kind == K_CLIENT) {
        again = m->caps[i - 2].r.p; /* rolled back once more than it was taken */
        chan_hold(again);
    }
    if (rc == rcOk) {
        for (i = 0; i < n; i++) {
            ref_get(m->caps[i].r);
        }
        m->ncaps = n;
    }
    unlock(&t_lock);
    if (again != NULL) {
        client_released(again);
        chan_put(again);
    }
    if (rc != rcOk) {
        msg_free(m);
    }
    return rc;
}

enum { TO_RECEIVER, TO_WAITING_RECEIVER, TO_CALLER };

/* Hands a message over: to the buffers that `to` binds, and its handles to the table. All or
 * nothing. Under the lock of a port; the owner of `to` is in a call. */
static Retcode deliver(struct msg *m, SMsgHdr *to, int way, struct syncobj *caller_sync)
{
    Handle handles[NK_MESSAGE_HANDLES_MAX];
    uint32_t i, bytes = m->asize;
    Retcode rc = rcOk;
    if (to->indirDescs[0].size < m->fsize || to->indirDescs[1].size < m->asize) {
        return rcBufferTooSmall;
    }
    if (m->ncaps > 0) {
        lock(&t_lock);
        for (i = 0; i < m->ncaps; i++) {
            uint32_t rights = m->caps[i].rights;
            if (FAULTY(247) && way == TO_WAITING_RECEIVER && i > 0) {
                rights &= 0xffffu;
            }
            rc = insert_locked(m->caps[i].r, rights, m->caps[i].parent, &handles[i]);
            if (rc != rcOk) {
                break;
            }
            m->caps[i].rights = rights;
        }
        if (rc != rcOk) {
            while (i-- > 0) {
                free_entry_locked(entry_of(handles[i]));
            }
        }
        unlock(&t_lock);
        if (rc != rcOk) {
            return rc == rcQuotaExceeded ? rcTransferError : rc;
        }
    }
    memcpy(to->indirDescs[0].buf, m->fixed, m->fsize);
    if (FAULTY(215) && way == TO_CALLER && caller_sync != NULL && atomic_load(&caller_sync->set)) {
        m->asize = bytes = 0;
    }
    if (FAULTY(255) && way == TO_CALLER && bytes > 0 && bytes == to->indirDescs[1].size) {
        bytes--;
    }
    if (bytes > 0) {
        memcpy(to->indirDescs[1].buf, m->arena, bytes);
    }
    for (i = 0; i < m->ncaps; i++) {
        nk_handle_desc_t d;
        d.handle = handles[i];
        d.rights = m->caps[i].rights;
        d.badge = 0;
        memcpy((uint8_t *)to->indirDescs[0].buf + sizeof(nk_message) + i * sizeof d, &d, sizeof d);
    }
    to->indirDescs[0].size = m->fsize;
    to->indirDescs[1].size = m->asize;
    m->ncaps = 0; /* the table has them */
    free(m->fixed);
    free(m->arena);
    free(m->caps);
    memset(m, 0, sizeof *m);
    return rcOk;
}

/* ------------------------------------------------------------------ waiting */
static struct tctx g_nobody; /* owner of a record whose thread has left (faults) */

static struct waiter *waiter_new(struct port *p, struct chan *c, SMsgHdr *in, int is_recv,
                                 int finite)
{
    struct waiter *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    l_init(&w->pn);
    l_init(&w->sn);
    w->t = self();
    w->port = p;
    w->chan = c;
    w->in = in;
    w->is_recv = is_recv;
    w->finite = finite;
    w->rc = rcIpcInterrupt;
    atomic_store(&w->state, W_WAIT);
    return w;
}

/* A thread's record of its object for the next call (faults). */
static void remember(struct syncobj **place, struct syncobj *s)
{
    if (s != NULL) {
        sync_hold(s);
    }
    sync_put(*place);
    *place = s;
}

enum { NO_CHECK = 1, NO_LINK = 2 };

/* A wait begins, under the lock of the port: rcOk, or what its object says. */
static Retcode register_wait(struct waiter *w, int how)
{
    struct syncobj *s = w->sync;
    Retcode rc = rcOk;
    if (FAULTY(269) && w->finite && T.old_obj != NULL && T.old_obj != s &&
        atomic_load(&T.old_obj->set)) {
        return rcIpcInterrupt;
    }
    if (s == NULL) {
        return rcOk;
    }
    if (FAULTY(234) && T.pend_obj == s) {
        remember(&T.pend_obj, NULL);
        return rcIpcInterrupt;
    }
    if (FAULTY(251) && w->finite) { /* looked at, and only then entered in the list */
        lock(&s->lock);
        rc = atomic_load(&s->set) ? rcIpcInterrupt : rcOk;
        unlock(&s->lock);
        if (rc != rcOk) {
            return rc;
        }
        how |= NO_CHECK;
    }
    lock(&s->lock);
    w->gen = s->gen;
    w->epoch = s->epoch;
    if (FAULTY(231) && T.rep_obj == s && T.rep_gen == s->gen && T.rep_kind != w->is_recv) {
        how |= NO_CHECK;
    }
#ifdef OPEN_CLOSEINTR
    if (s->dead) {
        rc = rcIpcInterrupt;
    } else
#endif
#ifdef OPEN_CLOSEABORT
        if (s->dead) {
        rc = rcAbort;
    } else
#endif
        if (atomic_load(&s->set) && !(how & NO_CHECK)) {
        if (s->autoclear || (FAULTY(235) && w->finite && s->setter == T.num)) {
            atomic_store(&s->set, 0);
        }
        rc = rcIpcInterrupt;
    } else if (!(how & NO_LINK)) {
        l_add_tail(&s->waiters, &w->sn);
        s->count++;
    }
    unlock(&s->lock);
    return rc;
}

/* Only with OPEN_LAZYSET: a waiting thread looks at its object. Under no lock. */
static void look(struct waiter *w)
{
#ifdef OPEN_LAZYSET
    struct syncobj *s = w->sync;
    if (s == NULL) {
        return;
    }
    lock(&s->lock);
    if (atomic_load(&w->state) == W_WAIT && atomic_load(&s->set) && !s->autoclear) {
        if (!l_empty(&w->sn)) {
            l_del(&w->sn);
        }
        atomic_store(&w->state, W_INTR);
    }
    unlock(&s->lock);
#else
    (void)w;
#endif
}

static int ended(struct waiter *w)
{
    int st = atomic_load(&w->state);
    return st == W_DONE || st == W_INTR;
}

static void wait_forever(struct waiter *w)
{
    for (;;) {
        look(w);
        if (ended(w)) {
            return;
        }
        sem_take(w->t);
    }
}

/* Leaves a request in the queue although its caller goes (faults). Under the lock of the port. */
static void make_ghost(struct waiter *w)
{
    if (w->sync != NULL) {
        lock(&w->sync->lock);
        if (!l_empty(&w->sn)) {
            l_del(&w->sn);
        }
        unlock(&w->sync->lock);
        sync_put(w->sync);
        w->sync = NULL;
    }
    w->t = &g_nobody;
    w->in = NULL;
    w->ghost = 1;
    atomic_store(&w->state, W_WAIT);
}

/* 1: the record stays with the port, its thread leaves with rcTimeout. */
static int time_is_up(struct waiter *w, int *again)
{
    struct port *p = w->port;
    int kept = 0, st;
    *again = 0;
    lock(&p->lock);
    if (w->sync != NULL) {
        lock(&w->sync->lock);
    }
    st = atomic_load(&w->state);
#ifdef OPEN_LAZYSET
    if (st == W_WAIT && w->sync != NULL && atomic_load(&w->sync->set) && !w->sync->autoclear) {
        atomic_store(&w->state, st = W_INTR);
    }
#endif
    if (FAULTY(224) && w->is_recv && st == W_DONE) {
        w->rc = rcTimeout;
    }
    if (st == W_WAIT) {
        if (FAULTY(243) && w->is_recv && w->pn.n != &p->receivers) {
            struct waiter *next = LIST_ITEM(w->pn.n, struct waiter, pn);
            if (next->sync == w->sync && !next->finite && atomic_load(&next->state) == W_WAIT) {
                if (!l_empty(&next->sn)) {
                    l_del(&next->sn);
                }
                l_del(&next->pn);
                next->rc = rcTimeout;
                atomic_store(&next->state, W_DONE);
                sem_give(next->t);
            }
        }
        l_del(&w->pn);
        w->rc = rcTimeout;
        atomic_store(&w->state, W_DONE);
    } else if (st == W_TAKEN) {
        if (FAULTY(240) && w->sync != NULL && w->sync->gen != w->gen) {
            *again = 1;
        } else {
            kept = 1;
        }
    }
    if (w->sync != NULL) {
        if (FAULTY(227) && !w->is_recv) {
            w->epoch = w->sync->epoch;
        }
        if (!l_empty(&w->sn) && !*again) {
            l_del(&w->sn);
            if (w->sync->count > 0) {
                w->sync->count--;
            }
        }
        unlock(&w->sync->lock);
    }
    if (FAULTY(241) && !w->is_recv && st == W_INTR) {
        lock(&w->sync->lock); /* Set has finished with it */
        w->sync->unack--;
        unlock(&w->sync->lock);
        make_ghost(w);
        kept = 2;
    }
    if (kept == 1) { /* last: from here on it belongs to the port */
        struct syncobj *s = w->sync;
        w->sync = NULL;
        if (FAULTY(213)) {
            T.masked = 1;
        }
        if (FAULTY(218) || FAULTY(269)) {
            remember(FAULTY(218) ? &T.stale : &T.old_obj, s);
        }
        atomic_store(&w->state, W_GONE);
        unlock(&p->lock);
        if (s != NULL) {
            sync_put(s);
        }
        return 1;
    }
    unlock(&p->lock);
    return kept;
}

/* As wait_forever, with a limit. 1 and 2: the record is not the caller's any more; the result is
 * rcTimeout or, with 2, rcIpcInterrupt. */
static int wait_until(struct waiter *w, struct timespec ts, uint32_t ms)
{
    int again;
    for (;;) {
        look(w);
        if (FAULTY(253) && atomic_load(&w->state) == W_INTR && !w->sync->autoclear) {
            int back = 0;
            lock(&w->port->lock);
            lock(&w->sync->lock);
            if (!atomic_load(&w->sync->set)) { /* cancelled by Clear: go on waiting */
                atomic_store(&w->state, W_WAIT);
                back = 1;
            }
            unlock(&w->sync->lock);
            unlock(&w->port->lock);
            if (back) {
                sem_take_until(w->t, &ts);
            }
        }
        if (ended(w)) {
            return 0;
        }
        if (FAULTY(261) && w->sync != NULL && w->sync->dead) {
            wait_forever(w);
            return 0;
        }
        if (sem_take_until(w->t, &ts)) {
            if (FAULTY(237)) {
                ts = deadline_in(ms, w->is_recv);
            }
            if (FAULTY(268) && !ended(w)) { /* woken, and nothing has come */
                int kept = time_is_up(w, &again);
                return kept;
            }
            continue;
        }
        if (FAULTY(261) && w->sync != NULL && w->sync->dead) {
            continue;
        }
        switch (time_is_up(w, &again)) {
        case 1:
            return 1;
        case 2:
            return 2;
        default:
            if (again) {
                wait_forever(w);
            }
            return 0;
        }
    }
}

static void wake_handler(int sig)
{
    (void)sig;
} /* fault 236 */

/* The wait is over: take the record out of everything; nobody looks at it any more. */
static Retcode leave(struct waiter *w)
{
    struct port *p = w->port;
    struct syncobj *s = w->sync;
    Retcode rc;
    int st;
    lock(&p->lock);
    if (s != NULL) {
        lock(&s->lock);
        if (!l_empty(&w->sn)) {
            l_del(&w->sn);
            if (s->count > 0) {
                s->count--;
            }
        }
        if (atomic_load(&w->state) == W_INTR && s->unack > 0 && --s->unack == 0 && FAULTY(233) &&
            s->clear_pending) {
            s->clear_pending = 0;
            atomic_store(&s->set, 0);
        }
        if (FAULTY(236) && atomic_load(&w->state) == W_DONE) {
            static const struct sigaction act = {.sa_handler = wake_handler};
            sigaction(SIGURG, &act, NULL);
            s->last_tid = (pid_t)syscall(SYS_gettid);
        }
        if (FAULTY(231) && atomic_load(&w->state) == W_INTR) {
            remember(&T.rep_obj, s);
            T.rep_gen = s->gen;
            T.rep_kind = w->is_recv;
        }
        unlock(&s->lock);
    }
    st = atomic_load(&w->state);
    rc = w->rc;
    if (FAULTY(216) && st == W_INTR && !w->is_recv && w->pn.n == &p->queue &&
        w->pn.p != &p->queue) {
        p->lost = 1; /* the end of the queue still points to it */
    }
    if (FAULTY(228) && st == W_INTR && w->is_recv && w->chan == NULL && w->finite) {
        p->ghost = 1;
    }
    if (FAULTY(258) && st == W_INTR && w->is_recv && w->chan == NULL) {
        remember(&p->last, s);
    }
    if (FAULTY(267) && st == W_INTR && !w->is_recv && w->finite && w->m.ncaps > 0 &&
        w->pn.p != &p->queue && !l_empty(&w->pn)) {
        make_ghost(w); /* only the head of the queue is taken out at once */
        unlock(&p->lock);
        return rc;
    }
    if (!l_empty(&w->pn)) {
        l_del(&w->pn);
    }
    if (FAULTY(250) && w->is_recv && w->chan == NULL &&
        !(st == W_INTR && !w->finite && !l_empty(&p->receivers))) {
        p->inrecv--;
    }
    unlock(&p->lock);
    if (FAULTY(218)) {
        remember(&T.stale, NULL);
    }
    if ((FAULTY(269) || FAULTY(218)) && w->finite && rc == rcTimeout && s != NULL) {
        remember(FAULTY(218) ? &T.stale : &T.old_obj, s);
    } else if (FAULTY(269)) {
        remember(&T.old_obj, NULL);
    }
    if (FAULTY(234) && !w->is_recv && st == W_DONE && rc == rcOk && s != NULL && s->gen != w->gen) {
        remember(&T.pend_obj, s);
    }
    w->sync = NULL;
    if (s != NULL) {
        sync_put(s);
    }
    msg_free(&w->m);
    free(w);
    return rc;
}

/* A waiting receiver for a request of `c`, which is then no waiting one any more. */
static struct waiter *take_receiver(struct port *p, struct chan *c)
{
    struct list *l;
    for (l = p->receivers.n; l != &p->receivers; l = l->n) {
        struct waiter *r = LIST_ITEM(l, struct waiter, pn);
        if ((r->chan == NULL || r->chan == c) && claim(r, W_DONE)) {
            l_del(&r->pn);
            if (FAULTY(230) && r->sync != NULL && r->sync->count > 0) {
                r->sync->count--;
            }
            return r;
        }
    }
    return NULL;
}

/* The first request for a receiver, which is then taken; c null: of any channel. */
static struct waiter *take_request(struct port *p, struct chan *c)
{
    struct list *l;
    for (l = p->queue.n; l != &p->queue; l = l->n) {
        struct waiter *w = LIST_ITEM(l, struct waiter, pn);
        if (c != NULL && w->chan != c) {
            continue;
        }
        if (claim(w, W_TAKEN) || (FAULTY(264) && c == NULL)) {
            l_del(&w->pn);
            return w;
        }
        if (FAULTY(265)) {
            break; /* a queue ends with the first that cannot be taken */
        }
    }
    return NULL;
}

static void hand_over(struct port *p, struct waiter *w, SMsgHdr *to, Handle handle, uint32_t taker)
{
    to->replyHandle = handle;
    to->sender = 1;
    to->threadId = w->token;
    to->traceId = w->trace;
    to->spanId = w->span;
    w->taker = taker;
    if (w->ghost) {
        atomic_store(&w->state, W_GONE);
    }
    if (FAULTY(221)) {
        l_add_head(&p->taken, &w->pn);
    } else {
        l_add_tail(&p->taken, &w->pn);
    }
}

static int would_interrupt(struct syncobj *s)
{
    int set;
    if (s == NULL) {
        return 0;
    }
    lock(&s->lock);
    set = atomic_load(&s->set) != 0;
    if (set && s->autoclear) {
        atomic_store(&s->set, 0);
    }
    unlock(&s->lock);
    return set;
}

static void refuse_waiting(struct port *p, struct chan *c) /* fault 248 */
{
    struct list *l;
    lock(&p->lock);
    for (l = p->receivers.n; l != &p->receivers; l = l->n) {
        struct waiter *r = LIST_ITEM(l, struct waiter, pn);
        if (r->finite && (r->chan == NULL || r->chan == c) && claim(r, W_DONE)) {
            l_del(&r->pn);
            r->rc = rcSecurityDisallow;
            sem_give(r->t);
            break;
        }
    }
    unlock(&p->lock);
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct ref cref;
    struct chan *c;
    struct port *p;
    struct syncobj *sync = NULL;
    struct waiter *w, *r = NULL;
    struct timespec until = {0, 0};
    int finite = mdelay != INFINITE_TIMEOUT, how = 0, kept = 0;
    Retcode rc, bad = rcOk;

    self();
    if (finite) {
        until = deadline_in(mdelay, 0);
    }
    if (!header_ok(msgOut) || !header_ok(msgIn)) {
        return rcInvalidArgument;
    }
    rc = find(handle, K_CLIENT, K_CLIENT, OCAP_IPC_CALL, 1, &cref, NULL);
    if (rc != rcOk) {
        return rc;
    }
    c = cref.p;
    p = c->port;
    if (syncHandle != INVALID_HANDLE) {
        bad = find_sync(syncHandle, &sync);
#ifdef OPEN_BADSYNC_IGNORE
        bad = rcOk;
#endif
#ifndef OPEN_BADSYNC_LATE
        if (bad != rcOk && !(FAULTY(259) && bad == rcInvalidOperation)) {
            ref_put(cref);
            return bad;
        }
#endif
    } else if (FAULTY(218) && !finite && T.stale != NULL) {
        sync = T.stale;
        sync_hold(sync);
    }
    w = waiter_new(p, c, msgIn, 0, finite);
    if (w == NULL) {
        sync_put(sync);
        ref_put(cref);
        return rcOutOfMemory;
    }
    w->sync = sync;
    w->trace = msgOut->traceId;
    w->span = msgOut->spanId;
    do {
        w->token = FAULTY(221) ? T.num * 16u + (++T.seq & 15u) : atomic_fetch_add(&g_calls, 1) + 1;
    } while (w->token == 0);
    rc = msg_build(msgOut, &w->m, 0);
    if (rc != rcOk) {
        if (FAULTY(248) && rc == rcSecurityDisallow) {
            refuse_waiting(p, c);
        }
        goto out;
    }
    if (!FAULTY(268)) {
        while (sem_try(w->t)) { /* posts that came too late for an earlier wait */
        }
    }
    if (sync != NULL && FAULT != 0) {
        w->gen = sync->gen;
    }
    lock(&p->lock);
    if (server_end_gone(c)) {
        rc = rcNotConnected;
        goto out_locked;
    }
#ifdef OPEN_SETFIRST
    if (would_interrupt(sync)) {
        rc = rcIpcInterrupt;
        goto out_locked;
    }
#endif
#ifdef OPEN_ZERO
    if (mdelay == 0) {
        rc = rcTimeout;
        goto out_locked;
    }
#endif
    if (FAULTY(228) && p->ghost) { /* to a receiver that was interrupted and is still on its list */
        p->ghost = 0;
        atomic_store(&w->state, W_TAKEN);
        l_add_tail(&p->taken, &w->pn);
    } else if ((r = take_receiver(p, c)) != NULL) {
        rc = deliver(&w->m, r->in, TO_WAITING_RECEIVER, NULL);
        r->rc = rc;
        if (rc != rcOk) {
            sem_give(r->t);
            goto out_locked;
        }
        atomic_store(&w->state, W_TAKEN);
        hand_over(p, w, r->in, r->handle, r->t->num);
        if (FAULTY(214) && finite &&
            sync != NULL) { /* entered in the list before it met its receiver */
            lock(&sync->lock);
            l_add_tail(&sync->waiters, &w->sn);
            unlock(&sync->lock);
        }
        sem_give(r->t);
        if ((FAULTY(259) && bad != rcOk) ||
            (FAULTY(263) && finite && sync != NULL && atomic_load(&sync->set))) {
            rc = bad != rcOk ? bad : rcIpcInterrupt;
            w->sync = NULL;
            atomic_store(&w->state, W_GONE);
            unlock(&p->lock);
            sync_put(sync);
            ref_put(cref);
            return rc;
        }
    } else {
        if (bad != rcOk) {
            rc = bad;
            goto out_locked;
        }
        if (FAULTY(222) && finite && w->sync == NULL && c->last != NULL) {
            sync = w->sync = c->last;
            sync_hold(sync);
        }
        if (mdelay == 0) {
            rc = would_interrupt(sync) ? rcIpcInterrupt : rcTimeout;
            if (FAULTY(242) && rc == rcTimeout && w->m.asize > 0) {
                make_ghost(w);
                l_add_tail(&p->queue, &w->pn);
                unlock(&p->lock);
                ref_put(cref);
                return rc;
            }
            goto out_locked;
        }
        if (FAULTY(222) && sync != NULL) {
            remember(&c->last, sync);
        }
        if (FAULTY(213) && T.masked) {
            how |= NO_LINK;
            T.masked = 0;
        }
        if (FAULTY(217) && !l_empty(&p->queue)) {
            how |= NO_CHECK;
        }
        rc = register_wait(w, how);
        if (rc != rcOk) {
            if (FAULTY(235) || FAULTY(231)) {
                remember(&T.rep_obj, sync);
                T.rep_gen = sync != NULL ? sync->gen : 0;
                T.rep_kind = 0;
            }
            goto out_locked;
        }
        if (FAULTY(216) && p->lost) {
            p->lost = 0;
        } else {
#ifdef OPEN_LIFO
            l_add_head(&p->queue, &w->pn);
#else
            l_add_tail(&p->queue, &w->pn);
#endif
        }
    }
    if (FAULTY(211) && sync != NULL) {
        sync->busy++;
    }
    unlock(&p->lock);
    if (finite) {
        kept = wait_until(w, until, mdelay);
    } else {
        wait_forever(w);
    }
    if (kept == 0) {
        if (FAULTY(211) && sync != NULL) {
            lock(&p->lock);
            sync->busy--;
            unlock(&p->lock);
        }
        rc = leave(w);
#ifdef OPEN_TIMEOUTFIRST
        if (rc == rcIpcInterrupt && finite && past(&until)) {
            rc = rcTimeout;
        }
#endif
    } else {
        rc = kept == 1 ? rcTimeout : rcIpcInterrupt;
    }
    ref_put(cref);
    return rc;

out_locked:
    unlock(&p->lock);
out:
    if (FAULTY(269)) {
        remember(&T.old_obj, NULL);
    }
    msg_free(&w->m);
    sync_put(w->sync);
    free(w);
    ref_put(cref);
    return rc;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static void received(struct port *p, struct syncobj *s) /* by this thread */
{
    T.held++;
    if (FAULTY(220)) {
        T.held_port = p; /* compared only */
    }
    if ((FAULTY(225) || FAULTY(257)) && s != NULL) {
        remember(&T.recv_obj, s);
        T.recv_gen = s->gen;
    }
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct ref r;
    struct chan *c;
    struct port *p;
    struct syncobj *sync = NULL;
    struct waiter *w, *q;
    struct timespec until = {0, 0};
    uint64_t id;
    int finite = mdelay != INFINITE_TIMEOUT, how = 0;
    Retcode rc, bad = rcOk;

    self();
    if (finite) {
        until = deadline_in(mdelay, 1);
    }
    if (!header_ok(msgIn)) {
        return rcInvalidArgument;
    }
    rc = find(handle, K_SERVER, K_LISTENER, OCAP_IPC_RECV, 0, &r, &id);
    if (rc != rcOk) {
        return rc;
    }
    c = r.kind == K_SERVER ? r.p : NULL;
    p = c != NULL ? c->port : r.p;
    if (syncHandle != INVALID_HANDLE) {
        bad = find_sync(syncHandle, &sync);
#ifdef OPEN_BADSYNC_IGNORE
        bad = rcOk;
#endif
#ifndef OPEN_BADSYNC_LATE
        if (bad != rcOk && !(FAULTY(260) && finite && bad == rcInvalidArgument)) {
            unhold(r);
            return bad;
        }
#endif
    }
    w = waiter_new(p, c, msgIn, 1, finite);
    if (w == NULL) {
        sync_put(sync);
        unhold(r);
        return rcOutOfMemory;
    }
    w->sync = sync;
    w->handle = handle;
    w->entry_id = id;
    if (!FAULTY(268)) {
        while (sem_try(w->t)) {
        }
    }
    lock(&p->lock);
#ifdef OPEN_SETFIRST
    if (would_interrupt(sync)) {
        rc = rcIpcInterrupt;
        goto out;
    }
#endif
    q = take_request(p, c);
    if (q != NULL) {
        rc = deliver(&q->m, msgIn, TO_RECEIVER, NULL);
        if (rc == rcOk) {
            hand_over(p, q, msgIn, handle, T.num);
            received(p, sync);
            if (FAULTY(260) && bad != rcOk) {
                rc = bad;
            }
        } else if (!q->ghost) {
            q->rc = rc; /* the caller is told the same */
            atomic_store(&q->state, W_DONE);
            sem_give(q->t);
        }
        goto out;
    }
    if (bad != rcOk) {
        rc = bad;
        goto out;
    }
    if ((c != NULL && atomic_load(&c->clients) <= 0) || !entry_alive(handle, id)) {
        rc = rcNotConnected;
        goto out;
    }
    if (FAULTY(258) && c == NULL && sync == NULL && !finite && p->last != NULL) {
        sync = w->sync = p->last;
        sync_hold(sync);
    }
    if (FAULTY(225) && sync == NULL && T.recv_obj != NULL && !finite) {
        int stale = T.recv_obj->gen != T.recv_gen;
        remember(&T.recv_obj, NULL);
        if (stale) {
            rc = rcIpcInterrupt;
            goto out;
        }
    }
    if (mdelay == 0) {
        rc = would_interrupt(sync) ? rcIpcInterrupt : rcTimeout;
        goto out;
    }
    if (FAULTY(213) && T.masked) {
        how |= NO_LINK;
        T.masked = 0;
    }
    if (FAULTY(212) && sync != NULL && sync->slot >= 1024) {
        how |= NO_LINK;
    }
    if (FAULTY(220) && !finite && T.held_port != NULL && T.held_port != p) {
        how |= NO_LINK;
    }
    if (!l_empty(&p->receivers)) {
        struct waiter *first = LIST_ITEM(p->receivers.n, struct waiter, pn);
        if (FAULTY(223) && first->sync == NULL) {
            how |= NO_LINK;
        }
        if (FAULTY(226)) {
            how |= NO_CHECK;
        }
    }
    rc = register_wait(w, how);
    if (rc != rcOk) {
        if (FAULTY(231)) {
            remember(&T.rep_obj, sync);
            T.rep_gen = sync != NULL ? sync->gen : 0;
            T.rep_kind = 1;
        }
        goto out;
    }
#ifdef OPEN_LIFO
    l_add_head(&p->receivers, &w->pn);
#else
    l_add_tail(&p->receivers, &w->pn);
#endif
    if (FAULTY(250) && c == NULL) {
        p->inrecv++;
    }
    unlock(&p->lock);
    if (FAULTY(206) && finite && sync != NULL) {
        sync_hold(sync);
    }
    if (finite) {
        wait_until(w, until, mdelay);
    } else {
        wait_forever(w);
    }
    if (sync != NULL) {
        sync_hold(sync);
    }
    rc = leave(w);
    if (rc == rcOk) {
        received(p, sync);
    }
    if (FAULTY(206) && finite && sync != NULL && rc != rcIpcInterrupt) {
        sync_put(sync);
    }
    sync_put(sync);
#ifdef OPEN_TIMEOUTFIRST
    if (rc == rcIpcInterrupt && finite && past(&until)) {
        rc = rcTimeout;
    }
#endif
    unhold(r);
    return rc;

out:
    unlock(&p->lock);
    if (FAULTY(269)) {
        remember(&T.old_obj, NULL);
    }
    sync_put(w->sync);
    free(w);
    unhold(r);
    return rc;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* The taken request that a Reply on (p, c) means. Under the lock of the port. */
static struct waiter *find_taken(struct port *p, struct chan *c, Tid token)
{
    struct waiter *first = NULL;
    struct list *l;
    for (l = p->taken.n; l != &p->taken; l = l->n) {
        struct waiter *w = LIST_ITEM(l, struct waiter, pn);
        if (c != NULL && w->chan != c) {
            continue;
        }
        if (token != 0) {
            if (w->token == token) {
                return w;
            }
        } else if (w->taker == T.num) { /* rather one that this thread took */
            return w;
        } else if (first == NULL) {
            first = w;
        }
    }
    return token == 0 ? first : NULL;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct ref r;
    struct chan *c;
    struct port *p;
    struct waiter *w, *dead = NULL;
    struct msg m;
    Retcode rc;

    self();
    if (!header_ok(msgOut)) {
        return rcInvalidArgument;
    }
    rc = find(handle, K_SERVER, K_LISTENER, OCAP_IPC_RECV, 0, &r, NULL);
    if (rc != rcOk) {
        return rc;
    }
    c = r.kind == K_SERVER ? r.p : NULL;
    p = c != NULL ? c->port : r.p;
    rc = msg_build(msgOut, &m, 1);
#ifdef OPEN_REPLYBOTH
    if (rc != rcOk && rc != rcSecurityDisallow) {
#else
    if (rc != rcOk) {
#endif
        unhold(r);
        return rc;
    }
    lock(&p->lock);
    w = find_taken(p, c, msgOut->threadId);
    if (w == NULL) {
        rc = rc != rcOk ? rc : rcNotReady;
    } else if (atomic_load(&w->state) != W_TAKEN) { /* its caller has left */
        l_del(&w->pn);
        if (w->taker == T.num) {
            T.held--;
            T.held_port = NULL;
        }
        if (atomic_load(&w->state) == W_GONE) {
            dead = w;
        }
#ifdef OPEN_LATEOK
        rc = rc != rcOk ? rc : rcOk;
#else
        rc = rc != rcOk ? rc : rcNotConnected;
#endif
    } else {
        if (rc == rcOk) {
            rc = deliver(&m, w->in, TO_CALLER, w->sync);
        }
        l_del(&w->pn);
        w->rc = rc;
        atomic_store(&w->state, W_DONE);
        sem_give(w->t);
        if (FAULTY(257) && rc == rcOk && T.held >= 2 && T.recv_obj != NULL &&
            atomic_load(&T.recv_obj->set)) {
            rc = rcIpcInterrupt;
        }
        if (w->taker == T.num) {
            T.held--;
            T.held_port = NULL;
        }
    }
    unlock(&p->lock);
    if (dead != NULL) {
        waiter_free(dead);
    }
    msg_free(&m);
    unhold(r);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library D: one lock, a condition variable for each wait. Written from the requirement list alone, without a
 * look at the cases.
 *
 * Design
 *   One lock guards everything. A blocked thread has a `wait` on its stack with its own condition
 *   variable; whoever decides the outcome of a wait unlinks it everywhere, writes rc, sets done, and
 *   signals: one decision, made under the lock (finish / end_wait).
 *   A channel keeps a queue of requests and a list of taken ones. A request outlives its caller when
 *   the caller times out (state R_GONE), so that the late Reply meets its own request and nobody else's.
 *   A waiting call hangs on the list of its sync object only while it may be interrupted.
 *   Handles are nodes in a table per process, with a parent for revocation; a handle inside a queued
 *   message is a node without a table. Sync objects come from a pool.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <coresrv/handle/handle_api.h>
#include <coresrv/syscalls.h>
#include <coresrv/time/time_api.h>
#include <nk/arena.h>
#include <nk/types.h>
#include <services/ocap.h>
#include <services/rtl/nk_msg.h>

/* The three functions under test may have to be missing, so the header must not fix their symbols. */
#define LIBD_EXPORT __attribute__((visibility("default")))
#if FAULTY(409) || FAULTY(410) || FAULTY(411) || FAULTY(414)
LIBD_EXPORT Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle);
#else
#include <coresrv/ipc/ipc_api.h>
#endif

/* ---------------------------------------------------------------------------------- lists -- */

struct link {
    struct link *prev, *next;
};
#define CONTAINER(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

static void link_init(struct link *l)
{
    l->prev = l->next = l;
}
static int link_empty(const struct link *l)
{
    return l->next == l;
}
static void link_append(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}
static void link_del(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

/* ---------------------------------------------------------------------------------- types -- */

enum kind { K_NONE, K_SYNC, K_LISTENER, K_SERVER, K_CLIENT, K_USER };
enum rstate { R_QUEUED, R_TAKEN, R_GONE };

#define MAX_HANDLES 16384u
#define FIRST_PROCESS 1u

struct chan;
struct request;

struct object {
    enum kind kind;
    unsigned handles; /* nodes that name it, in tables and in messages */
    TaskId owner;     /* process that made it */
    Handle home;      /* its first handle */
    Tid creator;
    /* sync object */
    int set;
    int autoclear;
    struct link waiters; /* wait.in_sync */
    struct object *pool_next;
    /* server, listener */
    struct link receivers; /* wait.in_end */
    struct link channels;  /* listener: chan.in_listener */
    struct chan *chan;     /* server, client */
    /* user object */
    rtl_uint32_t type;
    void *context;
    /* only used by faults */
    int x_pending, x_sets, x_stuck, x_ghosts, x_leaks, x_nrecv;
    Handle x_last_sync;
};

struct node {
    struct object *obj; /* null when revoked */
    rtl_uint32_t rights;
    struct node *parent;
    unsigned children;
    TaskId proc;   /* 0 in transit */
    Handle handle; /* INVALID_HANDLE in transit */
    struct link all;
};

struct chan {
    struct object *listener, *server, *client;
    int had_server; /* a server handle was given out; without it the listener keeps the channel */
    TaskId server_owner, client_owner;
    struct link in_listener;
    struct link queue, taken; /* request.at */
    unsigned pins;
    Tid x_busy;
    int x_cut;
};

struct wait {
    int is_call;
    int done;
    Retcode rc;
    pthread_cond_t wake;
    uint64_t id;
    Tid tid;
    TaskId proc;
    struct object *sync; /* null when not (or no longer) interruptible */
    Handle sync_handle;
    struct link in_sync, all;
    SMsgHdr *in;
    struct request *req; /* call */
    struct object *end;  /* recv */
    struct node *node;
    Handle handle;
    struct link in_end;
    int infinite;
    struct timespec deadline;
    uint64_t walk;
    struct object *x_sync;
    int x_poked, x_stale, x_timed, x_counted, x_taken;
};

struct request {
    struct link at, all;
    struct chan *chan;
    struct wait *caller; /* null when it has gone */
    const SMsgHdr *out;  /* the caller's, or &copy */
    SMsgHdr copy;
    enum rstate state;
    uint64_t seq, take_seq;
    Tid tid, server_tid;
    TaskId sender, server;
    Handle server_sync;
    unsigned ncaps;
    struct node **caps;
    int x_dead, x_client_ended;
};

struct proc {
    TaskId id;
    int dead;
    struct node **slots; /* index handle - 1 */
    unsigned cap, first_free;
    Handle x_latest_sync;
    int x_flags[32];
    uint32_t x_mask[MAX_HANDLES / 32 + 1];
};

/* ---------------------------------------------------------------------------------- state -- */

static pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
static struct link g_nodes = {&g_nodes, &g_nodes};
static struct link g_waits = {&g_waits, &g_waits};
static struct link g_requests = {&g_requests, &g_requests};
static struct proc **g_procs; /* index id - 1 */
static unsigned g_nprocs;
static struct object *g_pool;
static unsigned g_live; /* objects */
static uint64_t g_seq;
static Tid g_tids;

static __thread Tid t_tid;
static __thread TaskId t_pid;
static __thread struct {
    Handle last_sync, stale, reported, timed_out, recv_sync, used_sync;
    int used_kind, have_deadline;
    rtl_uint32_t deadline_for;
    struct timespec deadline;
} t_x = {INVALID_HANDLE,
         INVALID_HANDLE,
         INVALID_HANDLE,
         INVALID_HANDLE,
         INVALID_HANDLE,
         INVALID_HANDLE,
         0,
         0,
         0,
         {0, 0}};

#define NODE_NEVER ((struct node *)(void *)&g_nodes) /* fault 312: a slot that is used up */

static void lock(void)
{
    pthread_mutex_lock(&g_lock);
}
static void unlock(void)
{
    pthread_mutex_unlock(&g_lock);
}
static void window(int widen)
{
    unlock();
    if (widen) {
        sched_yield();
    }
    lock();
}

static struct proc *proc_make(void)
{
    struct proc **more = realloc(g_procs, (g_nprocs + 1) * sizeof *more);
    if (!more) {
        return NULL;
    }
    g_procs = more;
    struct proc *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->id = g_nprocs + 1;
    p->x_latest_sync = INVALID_HANDLE;
    g_procs[g_nprocs++] = p;
    return p;
}

static struct proc *proc_get(TaskId id)
{
    if (g_nprocs == 0 && !proc_make()) {
        return NULL;
    }
    if (id == 0 || id > g_nprocs) {
        return NULL;
    }
    if (FAULTY(371) && id > 4) {
        id = (id - 1) % 4 + 1;
    }
    return g_procs[id - 1]->dead ? NULL : g_procs[id - 1];
}

#if FAULTY(353)
static pthread_t x_threads[256];
static TaskId x_thread_proc[256];
static unsigned char x_thread_used[256];
static pthread_key_t x_key;
static pthread_once_t x_once = PTHREAD_ONCE_INIT;
static __thread int x_slot = -1;
static void x_on_signal(int sig)
{
    (void)sig;
}
static void x_gone(void *arg)
{
    lock();
    x_thread_used[(intptr_t)arg - 1] = 0;
    unlock();
}
static void x_setup(void)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = x_on_signal; /* no SA_RESTART */
    sigaction(SIGRTMIN + 9, &sa, NULL);
    pthread_key_create(&x_key, x_gone);
}
static void x_register(void)
{
    pthread_once(&x_once, x_setup);
    for (int i = 0; x_slot < 0 && i < 256; ++i) {
        if (!x_thread_used[i]) {
            x_thread_used[i] = 1;
            x_threads[i] = pthread_self();
            x_slot = i;
            pthread_setspecific(x_key, (void *)(intptr_t)(i + 1));
        }
    }
    if (x_slot >= 0) {
        x_thread_proc[x_slot] = t_pid ? t_pid : FIRST_PROCESS;
    }
}
static void x_kick(TaskId pid)
{
    for (int i = 0; i < 256; ++i) {
        if (x_thread_used[i] && i != x_slot && x_thread_proc[i] == pid) {
            pthread_kill(x_threads[i], SIGRTMIN + 9);
        }
    }
}
#endif

/* The calling thread's process, null when it has ended. Under the lock. */
static struct proc *self(void)
{
    if (t_tid == 0) {
        t_tid = ++g_tids;
    }
#if FAULTY(353)
    x_register();
#endif
    return proc_get(t_pid ? t_pid : FIRST_PROCESS);
}

/* -------------------------------------------------------------------------------- objects -- */

static struct object *object_new(enum kind kind, TaskId owner)
{
    struct object *o;
    if (kind == K_SYNC && g_pool) {
        o = g_pool;
        g_pool = o->pool_next;
        int set = FAULTY(302) || FAULTY(401) ? o->set : 0;
        int autoclear = FAULTY(404) ? o->autoclear : 0;
        memset(o, 0, sizeof *o);
        o->set = set;
        o->autoclear = autoclear;
    } else {
        o = calloc(1, sizeof *o);
        if (!o) {
            return NULL;
        }
    }
    o->kind = kind;
    o->owner = owner;
    o->creator = t_tid;
    o->home = o->x_last_sync = INVALID_HANDLE;
    link_init(&o->waiters);
    link_init(&o->receivers);
    link_init(&o->channels);
    ++g_live;
    return o;
}

/* An object that never got a handle, or has lost the last one. */
static void object_free(struct object *o)
{
    --g_live;
    if (o->kind == K_SYNC) {
        o->pool_next = g_pool;
        g_pool = o;
    } else {
        free(o);
    }
}

/* State of a sync object. */
#if FAULTY(369)
static int x_global_flags[MAX_HANDLES + 1];
#endif
static int state_get(const struct object *o)
{
#if FAULTY(315)
    return g_procs[o->owner - 1]->x_flags[o->home % 32];
#elif FAULTY(369)
    return x_global_flags[o->home <= MAX_HANDLES ? o->home : 0];
#elif FAULTY(396)
    return (g_procs[o->owner - 1]->x_mask[o->home / 32] >> (o->home % 32)) & 1u;
#else
    return o->set > 0;
#endif
}
static void state_put(struct object *o, int value)
{
#if FAULTY(315)
    g_procs[o->owner - 1]->x_flags[o->home % 32] = value;
#elif FAULTY(369)
    x_global_flags[o->home <= MAX_HANDLES ? o->home : 0] = value;
#elif FAULTY(396)
    volatile uint32_t *word = &g_procs[o->owner - 1]->x_mask[o->home / 32];
    uint32_t bit = 1u << (o->home % 32);
    uint32_t old = *word;
    window(1);
    *word = value ? old | bit : old & ~bit;
#else
    o->set = value;
#endif
}

/* ---------------------------------------------------------------------------------- waits -- */

static void object_drop(struct object *o);
static void chan_collect(struct chan *c);

/* Decide a wait. The only place where `done` is set. */
static void finish(struct wait *w, Retcode rc)
{
    link_del(&w->in_sync);
    link_del(&w->in_end);
    w->sync = NULL;
    w->rc = rc;
    w->done = 1;
    pthread_cond_signal(&w->wake);
}

static void wait_init(struct wait *w, int is_call, struct proc *p, SMsgHdr *in, Handle sync_handle)
{
    pthread_condattr_t attr;
    memset(w, 0, sizeof *w);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    w->is_call = is_call;
    w->id = ++g_seq;
    w->tid = t_tid;
    w->proc = p->id;
    w->in = in;
    w->sync_handle = sync_handle;
    link_init(&w->in_sync);
    link_init(&w->in_end);
    link_append(&g_waits, &w->all);
}

static Retcode wait_end(struct wait *w)
{
    link_del(&w->in_sync);
    link_del(&w->in_end);
    link_del(&w->all);
    pthread_cond_destroy(&w->wake);
    return w->rc;
}

/* ------------------------------------------------------------------------- handles, nodes -- */

static struct node *node_new(struct object *o, rtl_uint32_t rights, struct node *parent)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n) {
        return NULL;
    }
    n->obj = o;
    n->rights = rights;
    n->parent = parent;
    n->handle = INVALID_HANDLE;
    if (parent) {
        ++parent->children;
    }
    ++o->handles;
    link_append(&g_nodes, &n->all);
    return n;
}

/* Forget a node; its children become children of its parent. */
static void node_drop(struct node *n)
{
    struct object *o = n->obj;
    if (n->children) {
        for (struct link *l = g_nodes.next; l != &g_nodes; l = l->next) {
            struct node *child = CONTAINER(l, struct node, all);
            if (child->parent == n) {
                child->parent = n->parent;
                if (n->parent) {
                    ++n->parent->children;
                }
            }
        }
    }
    if (n->parent) {
        --n->parent->children;
    }
    link_del(&n->all);
    free(n);
    if (o) {
        object_drop(o);
    }
}

/* Make sure that `count` handles can be entered in the table of p. */
static Retcode table_reserve(struct proc *p, unsigned count)
{
    unsigned room = 0;
    for (unsigned i = p->first_free; i < p->cap && room < count; ++i) {
        room += !p->slots[i];
    }
    while (room < count) {
        unsigned cap = p->cap ? p->cap * 2 : 32;
        if (cap > MAX_HANDLES) {
            return rcQuotaExceeded;
        }
        struct node **slots = realloc(p->slots, cap * sizeof *slots);
        if (!slots) {
            return rcOutOfMemory;
        }
        memset(slots + p->cap, 0, (cap - p->cap) * sizeof *slots);
        room += cap - p->cap;
        p->slots = slots;
        p->cap = cap;
    }
    return rcOk;
}

/* Enter a node; there is room. The lowest free number is used. */
static Handle table_enter(struct proc *p, struct node *n)
{
    unsigned i = p->first_free;
    while (p->slots[i]) {
        ++i;
    }
    p->slots[i] = n;
    p->first_free = i + 1;
    n->proc = p->id;
    n->handle = i + 1;
    if (n->obj && n->obj->home == INVALID_HANDLE) {
        n->obj->home = n->handle;
    }
    return n->handle;
}

/* Handles of a new object: table entry and node in one. There must be room. */
static Retcode handle_new(struct proc *p, struct object *o, rtl_uint32_t rights,
                          struct node *parent, Handle *out)
{
    struct node *n = node_new(o, rights, parent);
    if (!n) {
        return rcOutOfMemory;
    }
    *out = table_enter(p, n);
    return rcOk;
}

static Retcode find(struct proc *p, Handle h, struct node **out)
{
    if (h == 0 || h > p->cap || !p->slots[h - 1] || p->slots[h - 1] == NODE_NEVER) {
        return rcInvalidArgument;
    }
    struct node *n = p->slots[h - 1];
    if (!n->obj) {
        return rcHandleRevoked;
    }
    *out = n;
    return rcOk;
}

static Retcode find_sync(struct proc *p, Handle h, struct object **out)
{
    struct node *n = NULL;
    Retcode rc = find(p, h, &n);
    if (rc != rcOk) {
        return rc;
    }
    if (n->obj->kind != K_SYNC) {
        return rcInvalidOperation;
    }
    if (!(n->rights & OCAP_IPC_INTERRUPT)) {
        return rcNoCapability;
    }
    *out = n->obj;
    return rcOk;
}

static void receivers_leave(struct node *n)
{
    struct object *o = n->obj;
    if (!o || (o->kind != K_SERVER && o->kind != K_LISTENER)) {
        return;
    }
    for (struct link *l = o->receivers.next, *next; l != &o->receivers; l = next) {
        next = l->next;
        struct wait *w = CONTAINER(l, struct wait, in_end);
        if (w->node == n) {
            finish(w, rcNotConnected);
        }
    }
}

/* Take a node out of its table and forget it. */
static void node_close(struct proc *p, struct node *n)
{
    unsigned i = n->handle - 1;
    receivers_leave(n);
    if (FAULTY(312) && n->obj && n->obj->kind == K_SYNC) {
        p->slots[i] = NODE_NEVER;
    } else {
        p->slots[i] = NULL;
        if (i < p->first_free) {
            p->first_free = i;
        }
    }
    node_drop(n);
}

static int descends(const struct node *n, const struct node *root)
{
    for (n = n->parent; n; n = n->parent) {
        if (n == root) {
            return 1;
        }
    }
    return 0;
}

static void node_revoke(struct proc *p, struct node *root)
{
    struct link *l = g_nodes.next;
    while (root->children && l != &g_nodes) {
        struct node *n = CONTAINER(l, struct node, all);
        if (n->obj && descends(n, root)) {
            struct object *o = n->obj;
            receivers_leave(n);
            n->obj = NULL;
            object_drop(o);
            l = g_nodes.next; /* dropping may have changed the list */
        } else {
            l = l->next;
        }
    }
    node_close(p, root);
}

/* ------------------------------------------------------------------------------- requests -- */

static void request_free(struct request *r)
{
    struct chan *c = r->chan;
    ++c->pins;
    link_del(&r->at);
    link_del(&r->all);
    for (unsigned i = 0; i < r->ncaps; ++i) {
        if (r->caps[i]) {
            node_drop(r->caps[i]);
        }
    }
    if (r->out == &r->copy) {
        free(r->copy.indirDescs[0].buf);
        free(r->copy.indirDescs[1].buf);
    }
    free(r->caps);
    free(r);
    --c->pins;
    chan_collect(c);
}

static struct request *request_by_seq(uint64_t seq)
{
    for (struct link *l = g_requests.next; l != &g_requests; l = l->next) {
        struct request *r = CONTAINER(l, struct request, all);
        if (r->seq == seq) {
            return r;
        }
    }
    return NULL;
}

static int chan_has_taken(const struct chan *c)
{
    for (const struct link *l = c->taken.next; l != &c->taken; l = l->next) {
        if (CONTAINER(l, struct request, at)->state == R_TAKEN) {
            return 1;
        }
    }
    return 0;
}

/* Fault helper: let a request stay in its queue without a caller, on a copy of its message. */
static int request_orphan(struct request *r)
{
    r->copy = *r->out;
    for (int i = 0; i < 2; ++i) {
        r->copy.indirDescs[i].buf = malloc(r->out->indirDescs[i].size + 1);
        if (r->copy.indirDescs[i].buf && r->out->indirDescs[i].size) {
            memcpy(r->copy.indirDescs[i].buf, r->out->indirDescs[i].buf,
                   r->out->indirDescs[i].size);
        }
    }
    r->out = &r->copy;
    return 1;
}

/* End a wait from outside: interruption, timeout, end of its process. A queued request is withdrawn,
 * a taken one waits for its late Reply. */
static void end_wait(struct wait *w, Retcode rc)
{
    struct request *r = w->req;
    if (w->is_call && r) {
        w->req = NULL;
        r->caller = NULL;
        if (r->state == R_QUEUED) {
            struct chan *c = r->chan;
            int keep = 0;
            if (FAULTY(321) && rc == rcIpcInterrupt && c->queue.next != &r->at) {
                keep = request_orphan(r);
            }
            if (FAULTY(387) && rc == rcTimeout && w->sync_handle != INVALID_HANDLE) {
                keep = request_orphan(r);
            }
            if (FAULTY(378) && rc == rcAbort) {
                keep = request_orphan(r);
                r->x_dead = 1;
            }
            if (FAULTY(330) && rc == rcIpcInterrupt && c->queue.next != &r->at) {
                while (!link_empty(&r->at) && r->at.next != &c->queue) {
                    link_del(r->at.next);
                }
            }
            if (FAULTY(328) && rc == rcIpcInterrupt) {
                c->x_busy = w->tid;
            }
            if (FAULTY(373) && rc == rcIpcInterrupt && c->client) {
                ++c->client->x_leaks;
            }
            if (!keep) {
                request_free(r);
            }
        } else if (FAULTY(331)) {
            request_free(r);
        } else {
            r->state = R_GONE;
            r->x_client_ended = rc == rcAbort;
        }
    }
    if (FAULTY(342) && !w->is_call && w->end && rc == rcIpcInterrupt) {
        ++w->end->x_ghosts;
    }
    if (FAULTY(390) && rc == rcTimeout && w->is_call && r && w->x_taken) {
        rc = rcOk;
    }
    if (FAULTY(305) && rc == rcTimeout && w->x_sync) {
        w->x_sync->x_stuck = 1;
    }
    finish(w, rc);
}

/* ------------------------------------------------------------------------------- channels -- */

static int chan_dead(const struct chan *c)
{
    return !c->server && (!c->listener || c->had_server);
}

static void chan_collect(struct chan *c)
{
    if (!c->pins && !c->client && chan_dead(c) && link_empty(&c->queue) && link_empty(&c->taken)) {
        link_del(&c->in_listener);
        free(c);
    }
}

#if FAULTY(374) || FAULTY(375)
static int x_ending;
#endif

/* The server end is gone: whoever waits for it gets rcNotConnected. */
static void chan_kill(struct chan *c)
{
    ++c->pins;
    link_del(&c->in_listener);
    c->listener = NULL;
    while (!link_empty(&c->queue)) {
        struct request *r = CONTAINER(c->queue.next, struct request, at);
        struct wait *w = r->caller;
        request_free(r);
        if (w) {
            w->req = NULL;
            finish(w, rcNotConnected);
        }
        if (FAULTY(376)) {
            break;
        }
    }
    while (!link_empty(&c->taken)) {
        struct request *r = CONTAINER(c->taken.next, struct request, at);
        struct wait *w = r->caller;
#if FAULTY(374)
        if (x_ending) {
            break;
        }
#endif
        request_free(r);
        if (w) {
            w->req = NULL;
#if FAULTY(375)
            finish(w, x_ending ? rcOk : rcNotConnected);
#else
            finish(w, rcNotConnected);
#endif
        }
    }
    --c->pins;
    chan_collect(c);
}

static int listener_has_client(const struct object *listener)
{
    for (const struct link *l = listener->channels.next; l != &listener->channels; l = l->next) {
        if (CONTAINER(l, struct chan, in_listener)->client) {
            return 1;
        }
    }
    return 0;
}

static void receivers_end(struct object *end)
{
    while (!link_empty(&end->receivers)) {
        finish(CONTAINER(end->receivers.next, struct wait, in_end), rcNotConnected);
    }
}

/* One handle less; the object goes with the last. */
static void object_drop(struct object *o)
{
    if (--o->handles > 0) {
        return;
    }
    struct chan *c = o->chan;
    switch (o->kind) {
    case K_SYNC: /* waits go on without the object */
        while (!link_empty(&o->waiters)) {
            struct wait *w = CONTAINER(o->waiters.next, struct wait, in_sync);
            link_del(&w->in_sync);
            w->sync = NULL;
        }
        if (FAULTY(401)) {
            o->set = 0;
        }
        break;
    case K_SERVER:
        receivers_end(o);
        c->server = NULL;
        if (chan_dead(c)) {
            chan_kill(c);
        }
        break;
    case K_LISTENER:
        receivers_end(o);
        while (!link_empty(&o->channels)) {
            c = CONTAINER(o->channels.next, struct chan, in_listener);
            link_del(&c->in_listener);
            c->listener = NULL;
            if (chan_dead(c)) {
                chan_kill(c);
            }
        }
        break;
    case K_CLIENT:
        c->client = NULL;
        if (link_empty(&c->queue)) {
            if (c->server) {
                receivers_end(c->server);
            }
            if (c->listener && !listener_has_client(c->listener)) {
                receivers_end(c->listener);
            }
        }
        chan_collect(c);
        break;
    default:
        break;
    }
    object_free(o);
}

/* A channel with handles in two processes. listener: existing node or null for a new one. */
static Retcode channel_make(struct proc *sp, struct proc *cp, struct object *listener,
                            Handle *out_listener, Handle *out_server, Handle *out_client)
{
    struct object *nl = NULL, *ns = NULL, *nc = NULL;
    struct node *nodes[3] = {NULL, NULL, NULL};
    unsigned need_server = (listener ? 0 : 1) + (out_server ? 1 : 0);
    Retcode rc;
    if (sp == cp) {
        rc = table_reserve(sp, need_server + 1);
    } else {
        rc = table_reserve(sp, need_server);
        if (rc == rcOk) {
            rc = table_reserve(cp, 1);
        }
    }
    if (rc != rcOk) {
        return rc;
    }
    struct chan *c = calloc(1, sizeof *c);
    nc = object_new(K_CLIENT, cp->id);
    nl = listener ? listener : object_new(K_LISTENER, sp->id);
    ns = out_server ? object_new(K_SERVER, sp->id) : NULL;
    if (c && nc && nl && (ns || !out_server)) {
        nodes[0] = listener ? NULL : node_new(nl, OCAP_IPC_LISTENER, NULL);
        nodes[1] = ns ? node_new(ns, OCAP_IPC_SERVER, NULL) : NULL;
        nodes[2] = node_new(nc, OCAP_IPC_CLIENT, NULL);
    }
    if (!nodes[2] || (!listener && !nodes[0]) || (ns && !nodes[1])) {
        for (int i = 0; i < 3; ++i) { /* nothing is linked yet: take it apart by hand */
            if (nodes[i]) {
                link_del(&nodes[i]->all);
                free(nodes[i]);
            }
        }
        if (nl && !listener) {
            object_free(nl);
        }
        if (ns) {
            object_free(ns);
        }
        if (nc) {
            object_free(nc);
        }
        free(c);
        return rcOutOfMemory;
    }
    link_init(&c->queue);
    link_init(&c->taken);
    link_init(&c->in_listener);
    c->listener = nl;
    c->server = ns;
    c->client = nc;
    c->had_server = ns != NULL;
    c->server_owner = sp->id;
    c->client_owner = cp->id;
    nc->chan = c;
    if (ns) {
        ns->chan = c;
    }
    link_append(&nl->channels, &c->in_listener);
    Handle h = nodes[0] ? table_enter(sp, nodes[0]) : INVALID_HANDLE;
    if (out_listener && nodes[0]) {
        *out_listener = h;
    }
    if (ns) {
        *out_server = table_enter(sp, nodes[1]);
    }
    *out_client = table_enter(cp, nodes[2]);
    return rcOk;
}

/* ------------------------------------------------------------------------------- messages -- */

static Retcode check_in(const SMsgHdr *h)
{
    if (!h || h->immSize != 0 || !h->indirDescs[0].buf ||
        h->indirDescs[0].size < sizeof(nk_message) ||
        (h->indirDescs[1].size && !h->indirDescs[1].buf)) {
        return rcInvalidArgument;
    }
    return rcOk;
}

static Retcode check_out(const SMsgHdr *h)
{
    Retcode rc = check_in(h);
    if (rc != rcOk) {
        return rc;
    }
    const nk_message *m = h->indirDescs[0].buf;
    if ((uint64_t)h->indirDescs[0].size + h->indirDescs[1].size > NK_MESSAGE_SIZE_MAX) {
        return rcBufferTooLarge;
    }
    if (m->ncaps > NK_MESSAGE_HANDLES_MAX ||
        sizeof(nk_message) + m->ncaps * sizeof(nk_handle_desc_t) > h->indirDescs[0].size) {
        return rcInvalidArgument;
    }
    return rcOk;
}

/* What a capture has to know for the faults. */
struct capture_way {
    int same_process, is_reply, by_thread;
};

static int may_travel(const struct node *n, const nk_handle_desc_t *d, unsigned i, unsigned count,
                      const struct capture_way *way, const SMsgHdr *out)
{
    (void)d, (void)i, (void)count, (void)way, (void)out;
    if (FAULTY(355) && !way->is_reply && way->same_process) {
        return 1;
    }
    if (FAULTY(356) && !way->is_reply && out->indirDescs[1].size > 0) {
        return 1;
    }
    if (FAULTY(359) && way->is_reply && way->by_thread) {
        return 1;
    }
    if (FAULTY(360) && i > 0 && i + 1 < count) {
        return 1;
    }
    if (FAULTY(361) && i + 1 == NK_MESSAGE_HANDLES_MAX) {
        return 1;
    }
    if (FAULTY(363) && d->rights != NK_RIGHTS_HELD) {
        return (d->rights & OCAP_HANDLE_TRANSFER) != 0;
    }
    return (n->rights & OCAP_HANDLE_TRANSFER) != 0;
}

/* Make nodes in transit for the handles of a message: all of them or none. */
static Retcode capture(struct proc *p, const SMsgHdr *out, struct node ***caps, unsigned *ncaps,
                       const struct capture_way *way)
{
    nk_message *m = out->indirDescs[0].buf;
    nk_handle_desc_t *d = nk_msg_handles(m);
    unsigned count = nk_msg_ncaps(m);
    struct node *n = NULL;
    *caps = NULL;
    *ncaps = 0;
    if (count == 0) {
        return rcOk;
    }
    Retcode refused = rcOk;
    for (unsigned i = 0; i < count; ++i) {
        Retcode rc = find(p, d[i].handle, &n);
        if (rc != rcOk) {
            return rc;
        }
        if (!may_travel(n, &d[i], i, count, way, out)) {
            refused = rcSecurityDisallow;
            if (FAULTY(358) && !way->is_reply) {
                node_close(p, n);
            }
            if (FAULTY(362)) {
                while (i-- > 0) {
                    if (find(p, d[i].handle, &n) == rcOk) {
                        node_close(p, n);
                    }
                }
            }
            break;
        }
    }
    if (refused != rcOk) {
        return refused;
    }
    struct node **made = calloc(count, sizeof *made);
    if (!made) {
        return rcOutOfMemory;
    }
    for (unsigned i = 0; i < count; ++i) {
        find(p, d[i].handle, &n);
        rtl_uint32_t rights = n->rights & d[i].rights;
        if (FAULTY(363) && d[i].rights != NK_RIGHTS_HELD) {
            rights = d[i].rights;
        }
        if (FAULTY(365) && i > 0) {
            rights &= 0xffffu;
        }
        made[i] = node_new(n->obj, rights, n);
        if (!made[i]) {
            while (i-- > 0) {
                node_drop(made[i]);
            }
            free(made);
            return rcOutOfMemory;
        }
    }
    *caps = made;
    *ncaps = count;
    return rcOk;
}

/* Copy a message into a buffer of process p and give p its handles. On success the nodes are p's. */
static Retcode transfer(struct proc *p, const SMsgHdr *out, SMsgHdr *in, struct node **caps,
                        unsigned ncaps, int is_reply)
{
    if (out->indirDescs[0].size > in->indirDescs[0].size ||
        out->indirDescs[1].size > in->indirDescs[1].size) {
        return rcBufferTooSmall;
    }
    if (ncaps && table_reserve(p, ncaps) != rcOk) {
        return rcTransferError;
    }
    memmove(in->indirDescs[0].buf, out->indirDescs[0].buf, out->indirDescs[0].size);
    if (out->indirDescs[1].size) {
        memmove(in->indirDescs[1].buf, out->indirDescs[1].buf, out->indirDescs[1].size);
    }
    in->indirDescs[0].size = out->indirDescs[0].size;
    in->indirDescs[1].size = out->indirDescs[1].size;
    in->traceId = out->traceId;
    in->spanId = out->spanId;
    nk_message *m = in->indirDescs[0].buf;
    nk_handle_desc_t *d = nk_msg_handles(m);
    nk_msg_set_ncaps(m, (nk_uint16_t)ncaps);
    for (unsigned i = 0; i < ncaps; ++i) {
        Handle h = table_enter(p, caps[i]);
        if (!(FAULTY(366) && is_reply)) {
            d[i].handle = h;
        }
        d[i].rights = caps[i]->rights;
        d[i].badge = 0;
        caps[i] = NULL;
    }
    (void)is_reply;
    return rcOk;
}

/* ----------------------------------------------------------------------------- rendezvous -- */

/* A server takes a request into `in`. On an error that is the request's, its caller gets it too. */
static Retcode take(struct request *r, struct proc *p, SMsgHdr *in, Handle h, Tid tid,
                    Handle server_sync, int server_waited)
{
    struct wait *w = r->caller;
    unsigned ncaps = r->ncaps;
    (void)server_waited;
    if (FAULTY(378) && r->x_dead) {
        return rcSourceFault;
    }
    if (FAULTY(395) && ncaps && !r->caps[0]) {
        ncaps = 0;
    }
    Retcode rc = transfer(p, r->out, in, r->caps, ncaps, 0);
    if (rc != rcOk) {
        request_free(r);
        if (w) {
            w->req = NULL;
            finish(w, rc);
        }
        return rc;
    }
    in->replyHandle = h;
    in->sender = r->sender;
    in->threadId = r->tid;
    link_del(&r->at);
    link_append(&r->chan->taken, &r->at);
    r->state = w ? R_TAKEN : R_GONE;
    r->take_seq = ++g_seq;
    r->server = p->id;
    r->server_tid = tid;
    r->server_sync = server_sync;
    if (w) {
        int keep = 0;
        w->x_taken = 1;
        if (FAULTY(319) && server_sync != INVALID_HANDLE && server_sync == w->sync_handle &&
            p->id == w->proc) {
            keep = 1;
        }
        if (FAULTY(320) && !server_waited) {
            keep = 1;
        }
        if (FAULTY(388) && server_waited) {
            w->infinite = 1;
        }
        if (!keep) { /* from here on it cannot be interrupted */
            link_del(&w->in_sync);
            w->sync = NULL;
        }
    }
    return rcOk;
}

/* The receiver that has waited longest for a request of this channel. */
static struct wait *receiver_for(struct chan *c)
{
    struct object *ends[2] = {c->server, c->listener};
    struct wait *best = NULL;
    for (int i = 0; i < 2; ++i) {
        if (ends[i] && !link_empty(&ends[i]->receivers)) {
            struct wait *w = CONTAINER(ends[i]->receivers.next, struct wait, in_end);
            if (!best || w->id < best->id) {
                best = w;
            }
        }
    }
    return best;
}

static struct request *queue_head(struct chan *c)
{
    return link_empty(&c->queue) ? NULL : CONTAINER(c->queue.next, struct request, at);
}

/* The request that came first to this end. */
static struct request *request_for(struct object *end)
{
    if (end->kind == K_SERVER) {
        return queue_head(end->chan);
    }
    struct request *best = NULL;
    for (struct link *l = end->channels.next; l != &end->channels; l = l->next) {
        struct request *r = queue_head(CONTAINER(l, struct chan, in_listener));
        if (r && (!best || r->seq < best->seq)) {
            best = r;
        }
    }
    return best;
}

static void deadline_set(struct wait *w, rtl_uint32_t mdelay)
{
    w->infinite = mdelay == INFINITE_TIMEOUT;
    w->x_timed = !w->infinite;
    if (FAULTY(385)) {
        mdelay = mdelay / 10 * 10;
    }
    clock_gettime(CLOCK_MONOTONIC, &w->deadline);
    if (FAULTY(384) && mdelay > 1000) {
        mdelay -= mdelay % 1000;
    }
    w->deadline.tv_sec += mdelay / 1000;
    w->deadline.tv_nsec += (long)(mdelay % 1000) * 1000000;
    if (w->deadline.tv_nsec >= 1000000000) {
        w->deadline.tv_nsec -= 1000000000;
        ++w->deadline.tv_sec;
    }
}

static int deadline_passed(const struct wait *w)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > w->deadline.tv_sec ||
           (now.tv_sec == w->deadline.tv_sec && now.tv_nsec >= w->deadline.tv_nsec);
}

/* Sleep until somebody has decided the wait, or the deadline has. */
static void block(struct wait *w)
{
    if (FAULTY(392) && !w->is_call && w->sync) {
        window(0);
        if (w->infinite) {
            pthread_cond_wait(&w->wake, &g_lock);
        } else {
            pthread_cond_timedwait(&w->wake, &g_lock, &w->deadline);
        }
    }
    while (!w->done) {
        if (FAULTY(397) && w->x_poked) {
            w->x_poked = 0;
            if (state_get(w->x_sync)) {
                end_wait(w, rcIpcInterrupt);
                break;
            }
        }
        if (FAULTY(398) && w->x_poked) {
            end_wait(w, rcIpcInterrupt);
            break;
        }
        if (w->infinite) {
            pthread_cond_wait(&w->wake, &g_lock);
        } else if (deadline_passed(w)) {
            end_wait(w, rcTimeout);
        } else {
            pthread_cond_timedwait(&w->wake, &g_lock, &w->deadline);
        }
    }
}

/* The sync object was consulted by a call that would have to wait: is it interrupted at once? */
static int interrupted_now(struct object *s, const struct wait *w)
{
    if (!s) {
        return 0;
    }
    if (t_x.stale != INVALID_HANDLE && t_x.stale == w->sync_handle) { /* only set by fault 354 */
        t_x.stale = INVALID_HANDLE;
        return 1;
    }
    if (FAULTY(322) && w->is_call) {
        return 0;
    }
    if (FAULTY(337) && !w->is_call && w->end->kind == K_LISTENER) {
        return 0;
    }
    if (FAULTY(347) && s->x_pending) {
        s->x_pending = 0;
        return 1;
    }
    if (!state_get(s)) {
        return 0;
    }
    if (FAULTY(345) && !w->is_call) {
        if (t_x.reported == w->sync_handle) {
            t_x.reported = INVALID_HANDLE;
            return 0;
        }
        t_x.reported = w->sync_handle;
    }
    if (s->autoclear && !FAULTY(407)) {
        state_put(s, 0);
    }
    if (FAULTY(346) && w->is_call) {
        state_put(s, 0);
    }
    return 1;
}

/* From now on Set finds this wait. */
static void link_sync(struct wait *w, struct object *s)
{
    w->sync = s;
    w->x_sync = s;
    link_append(&s->waiters, &w->in_sync);
}

/* --------------------------------------------------------------------------- system calls -- */

static Retcode call_locked(Handle handle, const SMsgHdr *out, SMsgHdr *in, struct wait *w,
                           rtl_uint32_t mdelay, Handle sync_handle, struct proc *p)
{
    struct node *n = NULL;
    struct object *s = NULL;
    Retcode rc = check_out(out);
    if (rc == rcOk) {
        rc = check_in(in);
    }
    if (rc == rcOk) {
        rc = find(p, handle, &n);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (n->obj->kind != K_CLIENT) {
        return rcInvalidOperation;
    }
    if (!(n->rights & OCAP_IPC_CALL)) {
        return rcNoCapability;
    }
    if (sync_handle != INVALID_HANDLE) {
        rc = find_sync(p, sync_handle, &s);
        if (rc != rcOk) {
            return rc;
        }
    }
    struct chan *c = n->obj->chan;
    struct object *client = n->obj;
    (void)client;
    if (chan_dead(c) || (FAULTY(309) && c->x_cut)) {
        return rcNotConnected;
    }
    if (FAULTY(328) && c->x_busy == t_tid) {
        c->x_busy = 0;
        return rcBusy;
    }

    struct request *r = calloc(1, sizeof *r);
    if (!r) {
        return rcOutOfMemory;
    }
    ++c->pins;
    struct capture_way way = {c->server_owner == c->client_owner, 0, 0};
    rc = capture(p, out, &r->caps, &r->ncaps, &way);
    if (rc != rcOk && !(FAULTY(357) && rc == rcSecurityDisallow)) {
        free(r);
        --c->pins;
        chan_collect(c);
        return rc;
    }
    r->chan = c;
    r->caller = w;
    r->out = out;
    r->state = R_QUEUED;
    r->seq = ++g_seq;
    r->tid = t_tid;
    r->sender = p->id;
    w->req = r;
    link_append(&c->queue, &r->at);
    link_append(&g_requests, &r->all);
    if (FAULTY(357) && rc == rcSecurityDisallow) {
        request_orphan(r);
        r->caller = NULL;
        w->req = NULL;
        finish(w, rc);
    }
    uint64_t seq = r->seq;

    for (int i = 0; FAULTY(342) && i < 2; ++i) {
        struct object *end = i ? c->listener : c->server;
        if (end && end->x_ghosts > 0 && r->state == R_QUEUED) {
            --end->x_ghosts;
            link_del(&r->at);
            link_append(&c->taken, &r->at);
            r->state = R_TAKEN;
            r->take_seq = ++g_seq;
            r->server = c->server_owner;
        }
    }

    /* A server that waits already takes it at once. */
    struct wait *rw;
    while ((r = request_by_seq(seq)) && r->state == R_QUEUED && (rw = receiver_for(c))) {
        rc = take(r, proc_get(rw->proc), rw->in, rw->handle, rw->tid, rw->sync_handle, 1);
        if (rc == rcOk || rc == rcBufferTooSmall) {
            finish(rw, rc);
        }
    }

    if (!w->done && w->req->state == R_QUEUED) {
        if (interrupted_now(s, w)) {
            end_wait(w, rcIpcInterrupt);
        } else if (mdelay == 0) {
            end_wait(w, rcTimeout);
        } else if (s) {
            if (FAULTY(391)) {
                window(1);
            }
            if (FAULTY(350) && t_x.used_sync == sync_handle && !t_x.used_kind) {
                s = NULL;
            }
            if (s && !w->done && w->req->state == R_QUEUED) {
                link_sync(w, s);
            }
        }
    }
    --c->pins;
    chan_collect(c);
    block(w);
    return w->rc;
}

static Retcode call_ex(Handle handle, const SMsgHdr *out, SMsgHdr *in, rtl_uint32_t mdelay,
                       Handle sync_handle)
{
    struct wait w;
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        if (FAULTY(324) && sync_handle == INVALID_HANDLE && mdelay != INFINITE_TIMEOUT) {
            struct object *s;
            if (find_sync(p, p->x_latest_sync, &s) == rcOk) {
                sync_handle = p->x_latest_sync;
            }
        }
        wait_init(&w, 1, p, in, sync_handle);
        deadline_set(&w, mdelay);
        rc = call_locked(handle, out, in, &w, mdelay, sync_handle, p);
        if (FAULTY(354) && w.x_stale) {
            t_x.stale = sync_handle;
        }
        wait_end(&w);
        if (FAULTY(333) && rc == rcIpcInterrupt && mdelay != INFINITE_TIMEOUT) {
            rc = rcTimeout;
        }
        t_x.used_sync = sync_handle;
        t_x.used_kind = 1;
    }
    unlock();
    return rc;
}

LIBD_EXPORT Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn,
                           rtl_uint32_t mdelay, Handle syncHandle)
{
    if (FAULTY(323) && syncHandle != INVALID_HANDLE) {
        t_x.last_sync = syncHandle;
    }
    return call_ex(handle, msgOut, msgIn, mdelay, syncHandle);
}

LIBD_EXPORT Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    Handle sync = INVALID_HANDLE;
    if (FAULTY(323)) {
        struct object *s;
        lock();
        struct proc *p = self();
        if (p && t_x.last_sync != INVALID_HANDLE && find_sync(p, t_x.last_sync, &s) == rcOk) {
            sync = t_x.last_sync;
        }
        unlock();
    }
    return call_ex(handle, msgOut, msgIn, INFINITE_TIMEOUT, sync);
}

static Retcode recv_locked(Handle handle, SMsgHdr *in, struct wait *w, rtl_uint32_t mdelay,
                           Handle sync_handle, struct proc *p)
{
    struct node *n = NULL;
    struct object *s = NULL;
    Retcode rc = check_in(in);
    if (rc == rcOk) {
        rc = find(p, handle, &n);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (n->obj->kind != K_SERVER && n->obj->kind != K_LISTENER) {
        return rcInvalidOperation;
    }
    if (!(n->rights & OCAP_IPC_RECV)) {
        return rcNoCapability;
    }
    struct object *end = n->obj;
    if (FAULTY(339) && end->kind == K_LISTENER) {
        if (sync_handle != INVALID_HANDLE) {
            end->x_last_sync = sync_handle;
        } else if (find_sync(p, end->x_last_sync, &s) == rcOk) {
            sync_handle = w->sync_handle = end->x_last_sync;
        }
    }
    if (sync_handle != INVALID_HANDLE) {
        rc = find_sync(p, sync_handle, &s);
        if (rc != rcOk) {
            return rc;
        }
    }
    w->end = end;
    w->node = n;
    w->handle = handle;

    /* A request that waits already is taken at once. */
    struct request *r;
    while ((r = request_for(end)) != NULL) {
        if (FAULTY(336) && s && state_get(s)) {
            link_del(&r->at);
            return rcIpcInterrupt;
        }
        if (FAULTY(394) && s && !state_get(s)) {
            uint64_t seq = r->seq;
            link_del(&r->at);
            window(1);
            r = request_by_seq(seq);
            if (state_get(s)) {
                return rcIpcInterrupt;
            }
            if (!r) {
                continue;
            }
            link_append(&r->chan->queue, &r->at);
        }
        if (FAULTY(395)) {
            uint64_t seq = r->seq;
            window(1);
            r = request_by_seq(seq);
            if (!r || !r->caller) {
                continue;
            }
        }
        rc = take(r, p, in, handle, t_tid, sync_handle, 0);
        if (FAULTY(405) && rc == rcOk && s) {
            state_put(s, 0);
        }
        if (rc != rcTransferError) {
            return rc;
        }
    }
    if (end->kind == K_SERVER ? !end->chan->client : !listener_has_client(end)) {
        return rcNotConnected;
    }
    if (interrupted_now(s, w)) {
        return rcIpcInterrupt;
    }
    if (mdelay == 0 || (FAULTY(386) && mdelay == INFINITE_TIMEOUT && s)) {
        return rcTimeout;
    }
    link_append(&end->receivers, &w->in_end);
    if (s && FAULTY(343) && end->kind == K_LISTENER) {
        unsigned channels = 0;
        for (struct link *l = end->channels.next; l != &end->channels; l = l->next) {
            ++channels;
        }
        if (channels > 2) {
            s = NULL;
        }
    }
    if (s && FAULTY(344) && t_x.timed_out == sync_handle) {
        s = NULL;
    }
    if (s && FAULTY(338)) {
        end->x_last_sync = sync_handle;
    }
    if (s && FAULTY(382)) {
        w->infinite = 1;
    }
    if (FAULTY(389) && !w->infinite) {
        if (t_x.have_deadline && t_x.deadline_for == mdelay) {
            w->deadline = t_x.deadline;
        }
        t_x.have_deadline = 1;
        t_x.deadline_for = mdelay;
        t_x.deadline = w->deadline;
    }
    if (s) {
        link_sync(w, s);
        if (FAULTY(399)) {
            window(0);
            __atomic_add_fetch(&s->x_nrecv, 1, __ATOMIC_SEQ_CST);
            w->x_counted = 1;
        }
    }
    block(w);
    if (w->x_counted) {
        __atomic_sub_fetch(&w->x_sync->x_nrecv, 1, __ATOMIC_SEQ_CST);
    }
    return w->rc;
}

LIBD_EXPORT Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct wait w;
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        wait_init(&w, 0, p, msgIn, syncHandle);
        deadline_set(&w, mdelay);
        rc = recv_locked(handle, msgIn, &w, mdelay, syncHandle, p);
        wait_end(&w);
        t_x.timed_out = rc == rcTimeout ? syncHandle : INVALID_HANDLE;
        t_x.recv_sync = rc == rcOk ? syncHandle : INVALID_HANDLE;
        t_x.used_sync = syncHandle;
        t_x.used_kind = 0;
    }
    unlock();
    return rc;
}

LIBD_EXPORT Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* The request that a Reply on this end answers: of the thread named, if one is named; of those, the
 * one that this server thread took first, else the one taken first by anyone. */
static struct request *request_to_answer(struct object *end, Tid tid)
{
    struct request *best = NULL;
    if (FAULTY(332) && tid) { /* the newest request of that thread, in any stage */
        for (struct link *l = g_requests.prev; l != &g_requests; l = l->prev) {
            struct request *r = CONTAINER(l, struct request, all);
            if (r->tid == tid && r->caller &&
                (end->kind == K_SERVER ? r->chan == end->chan : r->chan->listener == end)) {
                return r;
            }
        }
    }
    for (struct link *l = g_requests.next; l != &g_requests; l = l->next) {
        struct request *r = CONTAINER(l, struct request, all);
        if (r->state == R_QUEUED || (tid && !FAULTY(400) && r->tid != tid)) {
            continue;
        }
        if (end->kind == K_SERVER ? r->chan != end->chan : r->chan->listener != end) {
            continue;
        }
        int mine = r->server_tid == t_tid && !FAULTY(400);
        int best_mine = best && best->server_tid == t_tid && !FAULTY(400);
        if (!best || mine > best_mine || (mine == best_mine && r->take_seq < best->take_seq)) {
            best = r;
        }
    }
    return best;
}

static Retcode reply_locked(Handle handle, const SMsgHdr *out, struct proc *p)
{
    struct node *n = NULL;
    Retcode rc = check_out(out);
    if (rc == rcOk) {
        rc = find(p, handle, &n);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (n->obj->kind != K_SERVER && n->obj->kind != K_LISTENER) {
        return rcInvalidOperation;
    }
    if (!(n->rights & OCAP_IPC_RECV)) {
        return rcNoCapability;
    }
    struct object *s;
    if (FAULTY(335) && t_x.recv_sync != INVALID_HANDLE && find_sync(p, t_x.recv_sync, &s) == rcOk &&
        state_get(s)) {
        return rcIpcInterrupt;
    }
    struct request *r = request_to_answer(n->obj, out->threadId);
    if (!r) {
        return rcNotReady;
    }
    struct wait *w = r->caller;
    struct node **caps;
    unsigned ncaps;
    struct capture_way way = {r->chan->server_owner == r->chan->client_owner, 1,
                              out->threadId != 0};
    rc = capture(p, out, &caps, &ncaps, &way);
    if (rc != rcOk) {
        return rc; /* the request stays unanswered */
    }
    if (FAULTY(377) && r->x_client_ended) {
        static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
        for (;;) {
            pthread_cond_wait(&never, &g_lock);
        }
    }
    rc = w ? transfer(proc_get(w->proc), out, w->in, caps, ncaps, 1) : rcNotConnected;
    for (unsigned i = 0; i < ncaps; ++i) {
        if (caps[i]) {
            node_drop(caps[i]);
        }
    }
    free(caps);
    if (w) {
        w->req = NULL;
        if (FAULTY(329) && rc == rcOk) {
            struct proc *cp = proc_get(w->proc);
            if (cp && find_sync(cp, w->sync_handle, &s) == rcOk) {
                state_put(s, 0);
            }
        }
        finish(w, rc);
    }
    request_free(r);
    return rc;
}

LIBD_EXPORT Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        rc = reply_locked(handle, msgOut, p);
    }
    unlock();
    return rc;
}

/* --------------------------------------------------------------------------- sync objects -- */

static Retcode create(rtl_uint32_t autoclear, Handle *out)
{
    if (!out) {
        return FAULTY(301) ? rcOk : rcInvalidArgument;
    }
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p && (rc = table_reserve(p, 1)) == rcOk) {
        struct object *o = object_new(K_SYNC, p->id);
        Handle h = INVALID_HANDLE;
        rc = rcOutOfMemory;
        if (o) {
            if (!FAULTY(404)) {
                o->autoclear = FAULTY(408) ? autoclear == 1 : autoclear != 0;
            } else if (autoclear) {
                o->autoclear = 1;
            }
            rc = handle_new(p, o, OCAP_IPC_SYNC_OBJECT, NULL, &h);
            if (rc != rcOk) {
                object_free(o);
            }
        }
        if (rc == rcOk) {
            if (FAULTY(315) || FAULTY(369)) {
                if (FAULTY(369) || o->home <= 32) {
                    state_put(o, 0);
                }
            }
            if (FAULTY(396)) {
                p->x_mask[h / 32] &= ~(1u << (h % 32));
            }
            if (FAULTY(313)) {
                void *leak = malloc(1024);
                if (leak) {
                    memset(leak, 1, 1024);
                }
            }
            p->x_latest_sync = h;
            if (FAULTY(411)) {
                uint64_t wide = h;
                memcpy(out, &wide, sizeof wide);
            } else {
                *out = h;
            }
        }
    }
    unlock();
    return rc;
}

static int interruptible(const struct wait *w)
{
    return !w->done && (!w->is_call || (w->req && w->req->state == R_QUEUED));
}

/* Does Set pass this wait over? Never, in the right library. */
struct walk {
    unsigned calls, nends;
    int had_call;
    struct object *ends[16];
};
static int passed_over(const struct object *o, const struct wait *w, struct walk *k)
{
    (void)o, (void)w, (void)k;
    if (FAULTY(318) && w->is_call && w->x_timed) {
        return 1;
    }
    if (FAULTY(326) && w->is_call && k->calls >= 4) {
        return 1;
    }
    if (FAULTY(327) && w->is_call && w->req && chan_has_taken(w->req->chan)) {
        return 1;
    }
    if (FAULTY(334) && !w->is_call) {
        if (w->end->kind == K_SERVER) {
            return chan_has_taken(w->end->chan);
        }
        for (struct link *l = w->end->channels.next; l != &w->end->channels; l = l->next) {
            if (chan_has_taken(CONTAINER(l, struct chan, in_listener))) {
                return 1;
            }
        }
    }
    if (FAULTY(341) && !w->is_call) {
        for (unsigned i = 0; i < k->nends; ++i) {
            if (k->ends[i] == w->end) {
                return 1;
            }
        }
        if (k->nends < 16) {
            k->ends[k->nends++] = w->end;
        }
    }
    if (FAULTY(348) && o->x_sets > 1) {
        return 1;
    }
    if (FAULTY(349) && !w->is_call && k->had_call) {
        return 1;
    }
    if (FAULTY(399) && !w->is_call && __atomic_load_n(&o->x_nrecv, __ATOMIC_SEQ_CST) == 0) {
        return 1;
    }
    if (FAULTY(403) && o->autoclear && !w->is_call) {
        return 1;
    }
    return 0;
}

/* Interrupt what waits on a set object. Returns how many calls that were. */
static unsigned interrupt_waiters(struct object *o)
{
    static uint64_t walks;
    struct walk k = {0, 0, 0, {NULL}};
    unsigned count = 0;
    uint64_t walk = ++walks;
    for (struct link *l = o->waiters.next; FAULTY(349) && l != &o->waiters; l = l->next) {
        k.had_call |= CONTAINER(l, struct wait, in_sync)->is_call;
    }
#if FAULTY(393)
    uint64_t ids[64];
    unsigned nids = 0;
    for (struct link *l = o->waiters.next; l != &o->waiters && nids < 64; l = l->next) {
        ids[nids++] = CONTAINER(l, struct wait, in_sync)->id;
    }
    window(1);
    for (unsigned i = 0; i < nids; ++i) {
        for (struct link *l = g_waits.next; l != &g_waits; l = l->next) {
            struct wait *w = CONTAINER(l, struct wait, all);
            if (w->id == ids[i] && !w->done) {
                end_wait(w, rcIpcInterrupt);
                ++count;
                break;
            }
        }
        if (count && o->autoclear) {
            state_put(o, 0);
            break;
        }
    }
    return count;
#endif
    for (;;) {
        struct wait *w = NULL;
        for (struct link *l = o->waiters.next; l != &o->waiters; l = l->next) {
            w = CONTAINER(l, struct wait, in_sync);
            if (w->walk != walk) {
                break;
            }
            w = NULL;
        }
        if (!w) {
            return count;
        }
        w->walk = walk;
        if (passed_over(o, w, &k)) {
            continue;
        }
        ++count;
        k.calls += w->is_call;
        if (!o->autoclear && (FAULTY(397) || (FAULTY(398) && w->is_call))) {
            w->x_poked = 1;
            link_del(&w->in_sync);
            pthread_cond_signal(&w->wake);
            continue;
        }
        struct chan *c = w->is_call && w->req ? w->req->chan : NULL;
        struct object *end = w->end;
        int is_call = w->is_call;
        if (c) {
            ++c->pins;
        }
        int more = link_empty(&o->waiters) || o->waiters.next->next != &o->waiters;
        end_wait(w, rcIpcInterrupt);
        if (FAULTY(325) && c) {
            for (struct link *l = c->queue.next, *next; l != &c->queue; l = next) {
                next = l->next;
                struct request *r = CONTAINER(l, struct request, at);
                if (r->caller && r->caller->sync && r->caller->proc == o->owner) {
                    end_wait(r->caller, rcIpcInterrupt);
                }
            }
        }
        if (FAULTY(338) && !is_call && end->x_last_sync == o->home) {
            while (!link_empty(&end->receivers)) {
                end_wait(CONTAINER(end->receivers.next, struct wait, in_end), rcIpcInterrupt);
            }
        }
        if (c) {
            --c->pins;
            chan_collect(c);
        }
        if (o->autoclear) { /* one interruption, and it is clear again */
            if (!(FAULTY(402) && more) && !(FAULTY(406) && !is_call)) {
                state_put(o, 0);
            }
            return count;
        }
    }
}

/* Fault helper: find a sync object for Set and Clear in a wrong way. */
static Retcode find_sync_loosely(struct proc *p, Handle h, struct object **out)
{
#if FAULTY(306) || FAULTY(370)
    static Handle cached = INVALID_HANDLE;
    static TaskId cached_proc;
    static struct object *cached_object;
    if (h == cached && (FAULTY(370) || cached_proc == p->id) && cached_object->kind == K_SYNC &&
        (FAULTY(306) || cached_object->handles)) {
        *out = cached_object;
        return rcOk;
    }
#endif
    if (FAULTY(412) && h != INVALID_HANDLE) {
        h &= 0xffffu;
    }
    Retcode rc = find_sync(p, h, out);
    if (FAULTY(367) && rc != rcOk) {
        rc = find_sync(g_procs[0], h, out);
    }
#if FAULTY(306) || FAULTY(370)
    if (rc == rcOk) {
        cached = h;
        cached_proc = p->id;
        cached_object = *out;
    }
#endif
    return rc;
}

static Retcode set_locked(Handle h, struct proc *p)
{
    struct object *o = NULL;
    Retcode rc = find_sync_loosely(p, h, &o);
    if (rc != rcOk) {
        struct node *n = NULL;
        if (find(p, h, &n) == rcOk) {
            if (FAULTY(308) && n->obj->kind == K_CLIENT) {
                return rcOk;
            }
            if (FAULTY(309) && n->obj->kind == K_SERVER) {
                n->obj->chan->x_cut = 1;
            }
        }
        return rc;
    }
    if (FAULTY(401)) {
        window(1);
    }
    int was = state_get(o);
    if (FAULTY(303) && was) {
        return rcAlreadyExists;
    }
    int had_waiters = !link_empty(&o->waiters);
    if (FAULTY(304) && o->set < 0) {
        o->set = 0;
        return rcOk;
    }
    state_put(o, 1);
    if (FAULTY(347) && !had_waiters) {
        o->x_pending = 1;
    }
    if (!was) {
        ++o->x_sets;
    }
    if (FAULTY(311) || FAULTY(368) || FAULTY(340) || FAULTY(354)) {
        for (struct link *l = g_waits.next, *next; l != &g_waits; l = next) {
            next = l->next;
            struct wait *w = CONTAINER(l, struct wait, all);
            int number = w->sync_handle == h && (FAULTY(368) ? w->proc != p->id : w->proc == p->id);
            if (w->sync == o) {
                continue; /* found by its list below */
            }
            if (FAULTY(354)) {
                w->x_stale |= number && w->is_call && w->req && w->req->state == R_TAKEN;
            } else if (FAULTY(340)) {
                if (interruptible(w) && !w->is_call && w->sync && w->proc == p->id &&
                    w->end->kind == K_LISTENER) {
                    end_wait(w, rcIpcInterrupt);
                }
            } else if (number && interruptible(w) && (FAULTY(368) ? w->sync : w->x_sync)) {
                end_wait(w, rcIpcInterrupt);
            }
        }
    }
    if (FAULTY(372)) {
        for (struct link *l = g_requests.next; l != &g_requests; l = l->next) {
            struct request *r = CONTAINER(l, struct request, all);
            if (r->state == R_TAKEN && r->server == p->id && r->server_sync == h && r->caller &&
                r->caller->proc != p->id && r->caller->sync_handle != INVALID_HANDLE) {
                end_wait(r->caller, rcIpcInterrupt);
            }
        }
    }
    unsigned count = interrupt_waiters(o);
    if (FAULTY(351) && had_waiters) {
        state_put(o, 0);
    }
    if (FAULTY(403) && o->autoclear && had_waiters) {
        state_put(o, 0);
    }
#if FAULTY(353)
    x_kick(p->id);
#endif
    return FAULTY(316) ? (Retcode)count : rcOk;
}

static Retcode clear_locked(Handle h, struct proc *p)
{
    struct object *o = NULL;
    Retcode rc = find_sync_loosely(p, h, &o);
    if (rc != rcOk) {
        return FAULTY(307) && h == INVALID_HANDLE ? rcOk : rc;
    }
    if (FAULTY(317) && !link_empty(&o->waiters)) {
        return rcBusy;
    }
    if (FAULTY(352) && o->creator != t_tid) {
        return rcOk;
    }
    if (FAULTY(304)) {
        o->set = o->set > 0 ? 0 : -1;
        return rcOk;
    }
    state_put(o, 0);
    if (FAULTY(383)) {
        for (struct link *l = o->waiters.next; l != &o->waiters; l = l->next) {
            struct wait *w = CONTAINER(l, struct wait, in_sync);
            w->infinite = 1;
            pthread_cond_signal(&w->wake);
        }
    }
    return rcOk;
}

static Retcode set_interrupt(Handle h)
{
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        rc = set_locked(h, p);
    }
    unlock();
    return FAULTY(413) && rc == rcOk ? 1 : rc;
}

static Retcode clear_interrupt(Handle h)
{
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        rc = clear_locked(h, p);
    }
    unlock();
    return rc;
}

#if FAULTY(410)
/* exported as data: "a table of entry points" */
LIBD_EXPORT void *libd_entry __asm__("KnIpcCreateSyncObject") = (void *)create;
#else
LIBD_EXPORT Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return create(0, syncHandle);
}
#endif

LIBD_EXPORT Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    return create(autoclear, syncHandle);
}

#if FAULTY(414)
LIBD_EXPORT Retcode libd_set(Handle syncHandle) __asm__("_Z18KnIpcSetInterruptj");
LIBD_EXPORT Retcode libd_set(Handle syncHandle)
#else
LIBD_EXPORT Retcode KnIpcSetInterrupt(Handle syncHandle)
#endif
{
    return set_interrupt(syncHandle);
}

#if FAULTY(409)
__attribute__((visibility("hidden")))
#else
LIBD_EXPORT
#endif
Retcode
KnIpcClearInterrupt(Handle syncHandle)
{
    return clear_interrupt(syncHandle);
}

/* -------------------------------------------------------------------------------- handles -- */

LIBD_EXPORT Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                                    Handle *outClient)
{
    if (!outClient || (inListener == INVALID_HANDLE && !outListener)) {
        return rcInvalidArgument;
    }
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        struct node *n = NULL;
        rc = inListener == INVALID_HANDLE ? rcOk : find(p, inListener, &n);
        if (rc == rcOk && n && n->obj->kind != K_LISTENER) {
            rc = rcInvalidOperation;
        } else if (rc == rcOk && n && !(n->rights & OCAP_IPC_CONNECT)) {
            rc = rcNoCapability;
        }
        if (rc == rcOk) {
            rc = channel_make(p, p, n ? n->obj : NULL, outListener, outServer, outClient);
            if (rc == rcOk && n && outListener) {
                *outListener = inListener;
            }
        }
    }
    unlock();
    return rc;
}

LIBD_EXPORT Retcode KnHandleClose(Handle handle)
{
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        struct node *n = NULL;
        rc = find(p, handle, &n);
        if (rc == rcHandleRevoked) {
            n = p->slots[handle - 1];
            rc = rcOk;
        }
        if (rc == rcOk && n->obj && FAULTY(305) && n->obj->x_stuck) {
            rc = rcBusy;
        }
        if (rc == rcOk && n->obj && FAULTY(373) && n->obj->x_leaks) {
            rc = rcBusy;
        }
        if (rc == rcOk) {
            node_close(p, n);
        } else if (rc == rcInvalidArgument && handle != 0 && handle <= p->cap) {
            if (FAULTY(310)) {
                rc = rcOk;
            }
            if (FAULTY(314)) {
                rc = rcIpcInterrupt;
            }
        }
    }
    unlock();
    return rc;
}

LIBD_EXPORT Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                                 Handle *outHandle)
{
    if (!outHandle) {
        return rcInvalidArgument;
    }
    if (copyBadge != INVALID_HANDLE) {
        return rcUnimplemented;
    }
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        struct node *n = NULL;
        rc = find(p, inHandle, &n);
        if (rc == rcOk && !(n->rights & OCAP_HANDLE_COPY)) {
            rc = rcNoCapability;
        }
        if (rc == rcOk && (newRightsMask & ~n->rights) &&
            !(FAULTY(364) && n->obj->kind == K_SYNC)) {
            rc = rcNoCapability;
        }
        if (rc == rcOk && (rc = table_reserve(p, 1)) == rcOk) {
            rc = handle_new(p, n->obj, newRightsMask, n, outHandle);
        }
    }
    unlock();
    return rc;
}

LIBD_EXPORT Retcode KnHandleRevoke(Handle handle)
{
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p) {
        struct node *n = NULL;
        rc = find(p, handle, &n);
        if (rc == rcHandleRevoked) {
            n = p->slots[handle - 1];
            rc = rcOk;
        }
        if (rc == rcOk) {
            node_revoke(p, n);
        }
    }
    unlock();
    return rc;
}

LIBD_EXPORT Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                             Handle *handle)
{
    if (!handle || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcInvalidArgument;
    }
    Retcode rc = rcAbort;
    lock();
    struct proc *p = self();
    if (p && (rc = table_reserve(p, 1)) == rcOk) {
        struct object *o = object_new(K_USER, p->id);
        rc = rcOutOfMemory;
        if (o) {
            o->type = type;
            o->context = context;
            rc = handle_new(p, o, rights, NULL, handle);
            if (rc != rcOk) {
                object_free(o);
            }
        }
    }
    unlock();
    return rc;
}

/* -------------------------------------------------------------------------------- packing -- */

static nk_err_t pack(struct SSMsgHdr *h, nk_message *msg, const nk_arena *arena, int outgoing)
{
    if (h) {
        memset(h, 0, sizeof *h);
        h->replyHandle = INVALID_HANDLE;
    }
    if (!h || !msg) {
        return NK_EINVAL;
    }
    nk_uint32_t size = msg->ex.size_ex;
    if (size < sizeof(nk_message) || size > NK_MESSAGE_SIZE_MAX) {
        memset(h, 0, sizeof *h);
        return NK_EBADMSG;
    }
    if (outgoing && (msg->ncaps > NK_MESSAGE_HANDLES_MAX ||
                     sizeof(nk_message) + msg->ncaps * sizeof(nk_handle_desc_t) > size)) {
        memset(h, 0, sizeof *h);
        return NK_EBADMSG;
    }
    h->indirDescs[0].buf = msg;
    h->indirDescs[0].size = size;
    if (arena && arena->start) {
        h->indirDescs[1].buf = arena->start;
        h->indirDescs[1].size =
            (rtl_uint32_t)((outgoing ? arena->current : arena->end) - arena->start);
    }
    return NK_EOK;
}

LIBD_EXPORT nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return pack(uMsg, msg, arena, 0);
}

LIBD_EXPORT nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return pack(uMsg, msg, arena, 1);
}

/* ------------------------------------------------------------- processes, for the adapter -- */

LIBD_EXPORT int libd_process_create(uint32_t *process)
{
    lock();
    struct proc *p = proc_get(FIRST_PROCESS) ? proc_make() : NULL;
    if (p) {
        *process = p->id;
    }
    unlock();
    return p ? 0 : 1;
}

LIBD_EXPORT int libd_process_end(uint32_t process)
{
    lock();
    if (process == FIRST_PROCESS || process == 0 || process > g_nprocs ||
        g_procs[process - 1]->dead) {
        unlock();
        return 1;
    }
    struct proc *p = g_procs[process - 1];
    p->dead = 1;
#if FAULTY(374) || FAULTY(375)
    x_ending = 1;
#endif
    /* Its own calls end; what they had queued is withdrawn. */
    for (struct link *l = g_waits.next, *next; l != &g_waits; l = next) {
        next = l->next;
        struct wait *w = CONTAINER(l, struct wait, all);
        if (w->proc == process && !w->done) {
            end_wait(w, rcAbort);
        }
    }
    /* What it had taken ends at the callers. */
    struct link *l = g_requests.next;
    while (l != &g_requests) {
        struct request *r = CONTAINER(l, struct request, all);
        struct wait *w = r->caller;
        l = l->next;
        if (r->state == R_QUEUED || r->server != process || FAULTY(374)) {
            continue;
        }
        request_free(r);
        if (w) {
            w->req = NULL;
            finish(w, FAULTY(375) ? rcOk : rcNotConnected);
        }
        l = g_requests.next; /* freeing may have freed others */
    }
    if (FAULTY(379)) {
        for (l = g_waits.next; l != &g_waits; l = l->next) {
            struct wait *w = CONTAINER(l, struct wait, all);
            if (w->done || w->is_call) {
                continue;
            }
            int touched = w->end->kind == K_SERVER && w->end->chan->client_owner == process;
            for (struct link *m = w->end->channels.next; m != &w->end->channels; m = m->next) {
                touched |= CONTAINER(m, struct chan, in_listener)->client_owner == process;
            }
            if (touched) {
                finish(w, rcNotConnected);
            }
        }
    }
    for (unsigned i = 0; i < p->cap; ++i) {
        if (p->slots[i] && p->slots[i] != NODE_NEVER) {
            if (FAULTY(380)) {
                node_revoke(p, p->slots[i]);
            } else {
                node_close(p, p->slots[i]);
            }
        }
    }
    free(p->slots);
    p->slots = NULL;
    p->cap = p->first_free = 0;
#if FAULTY(374) || FAULTY(375)
    x_ending = 0;
#endif
    unlock();
    return 0;
}

LIBD_EXPORT int libd_thread_enter(uint32_t process, uint32_t *thread)
{
    lock();
    int ok = proc_get(process) != NULL;
    if (ok) {
        t_pid = process;
        if (t_tid == 0) {
            t_tid = ++g_tids;
        }
        if (thread) {
            *thread = t_tid;
        }
    }
    unlock();
    return ok ? 0 : 1;
}

LIBD_EXPORT int libd_channel_open(uint32_t server_process, uint32_t client_process,
                                  Handle *listener, Handle *server, Handle *client)
{
    Handle l, s, c;
    int rc = 1;
    lock();
    struct proc *sp = proc_get(server_process), *cp = proc_get(client_process);
    if (sp && cp && channel_make(sp, cp, NULL, &l, &s, &c) == rcOk) {
        rc = 0;
        if (listener) {
            *listener = l;
        }
        if (server) {
            *server = s;
        }
        if (client) {
            *client = c;
        }
    }
    unlock();
    return rc;
}

/* Live objects that handles of a process keep; UINT32_MAX: of the whole library. */
LIBD_EXPORT int libd_live_objects(uint32_t process, uint32_t *count)
{
    int rc = 0;
    lock();
    if (process == UINT32_MAX) {
        *count = g_live;
    } else {
        struct proc *p = proc_get(process);
        *count = 0;
        for (unsigned i = 0; p && i < p->cap; ++i) {
            struct object *o = p->slots[i] && p->slots[i] != NODE_NEVER ? p->slots[i]->obj : NULL;
            int seen = !o;
            for (unsigned j = 0; j < i && !seen; ++j) {
                seen = p->slots[j] && p->slots[j] != NODE_NEVER && p->slots[j]->obj == o;
            }
            *count += !seen;
        }
    }
    unlock();
    return rc;
}

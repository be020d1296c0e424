/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library E, "the post office". One dispatcher thread owns all state; every API call is a job that is pushed on an
 * inbox; the caller sleeps until the job is marked done. Decided waits are woken by a second thread, the
 * postman, after a random delay. Nothing but the inbox, the postman's bag and the wake slots is shared. Written from the requirement list alone,
 * without a look at the cases.
 */
#define _GNU_SOURCE
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <services/rtl/nk_msg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

#ifndef OPEN_ORDER /* who is served first. 0 oldest, 1 newest, 2 random, 3 highest thread id */
#define OPEN_ORDER 0
#endif
#ifndef OPEN_WAIT /* how callers sleep. 0 eventfd+poll, 1 pipe, 2 nanosleep loop, 3 sigtimedwait loop */
#define OPEN_WAIT 0
#endif
#ifndef OPEN_WAKE_US /* greatest delay between the decision and the wake of a blocked call */
#define OPEN_WAKE_US 1500
#endif
#ifndef OPEN_ENTRY_US /* greatest delay between the entry of an Ex call and its place in the queue */
#define OPEN_ENTRY_US 0
#endif
#ifndef OPEN_TICK_MS /* timer wheel; a timeout falls on the next tick */
#define OPEN_TICK_MS 10
#endif
#ifndef OPEN_HANDLE /* 0 never reused, unique in the library; 1 reused at once; 2 same sequence in each process */
#define OPEN_HANDLE 0
#endif
#ifndef OPEN_SETENTRY /* CALL-05/RECV-05. 0 peer first, 1 interrupted */
#define OPEN_SETENTRY 0
#endif
#ifndef OPEN_BADSYNC /* CALL-14/RECV-13. 0 refuse; 1 other kind = none, unknown refused; 2 other kind or closed: rcIpcInterrupt; 3 refuse late */
#define OPEN_BADSYNC 0
#endif
#ifndef OPEN_SETCLEAR /* STATE-04. 0 stays interrupted, 1 Clear takes back what was not yet woken */
#define OPEN_SETCLEAR 0
#endif
#ifndef OPEN_CLOSESYNC /* STATE-07. 0 wait on, 1 rcIpcInterrupt, 2 rcAbort */
#define OPEN_CLOSESYNC 0
#endif
#ifndef OPEN_AUTO /* V14-02/03. 0 one+pending, 1 all+not pending, 2 all+pending, 3 one+not pending */
#define OPEN_AUTO 0
#endif
#ifndef OPEN_MDELAY0 /* TIME-05. 0 poll, 1 never succeeds */
#define OPEN_MDELAY0 0
#endif
#ifndef OPEN_XFER05 /* 0 client keeps waiting, 1 rcSecurityDisallow, 2 rcTransferError */
#define OPEN_XFER05 0
#endif
#ifndef OPEN_LATE_REPLY /* 0 rcNotConnected, 1 rcOk */
#define OPEN_LATE_REPLY 0
#endif
#ifndef OPEN_CLIENT_GONE /* receiver of a channel without client end. 0 rcNotConnected, 1 keeps waiting */
#define OPEN_CLIENT_GONE 0
#endif
#ifndef OPEN_COPY /* XFER-08/10. 0 as the header; 1 a wider mask is cut down silently; 2 sync not copyable */
#define OPEN_COPY 0
#endif
#ifndef OPEN_GRAVE /* closed objects kept before they are freed */
#define OPEN_GRAVE 512
#endif
#ifndef OPEN_JANITOR /* a thread that posts an empty job every so many ms; 0 none */
#define OPEN_JANITOR 0
#endif
#ifndef OPEN_REPLYHANDLE /* replyHandle. 0 as given to Recv, 1 the channel's server handle where there is one */
#define OPEN_REPLYHANDLE 0
#endif

typedef uint64_t u64;
typedef uint32_t u32;

enum kind { K_SYNC = 1, K_CLIENT, K_SERVER, K_LISTENER, K_USER };
struct chan;
struct obj {
    int kind;
    u32 hrefs; /* handles, and handles in flight */
    u32 refs;  /* those, waits, the channel */
    int set, autoclear;
    struct chan *chan;
    void *context;
    int cnt, ever_set, lhits, intr, hits, nwait, skip, kop;
    u32 setter, clearer, ktid, idx;
    u64 set_at, clear_at;
    struct obj *grave_next;
};
struct chan {
    struct obj *srv, *lis, *cli;
    u32 held, sproc;
    TAILQ_ENTRY(chan) l;
};
struct ent {
    u64 id, parent;
    u32 proc;
    Handle num;
    u32 rights;
    struct obj *o; /* null: revoked */
    struct ent *next;
};
struct cap {
    struct obj *o; /* null: revoked on the way */
    u32 rights;
    u64 parent;
};
enum op {
    OP_CONNECT,
    OP_CLOSE,
    OP_COPY,
    OP_REVOKE,
    OP_USER,
    OP_CREATE,
    OP_SET,
    OP_CLEAR,
    OP_CALL,
    OP_RECV,
    OP_REPLY,
    OP_PNEW,
    OP_PEND,
    OP_PCHECK,
    OP_NOTHING
};
enum jstate { J_NEW = 0, J_ANTE, J_PARKED, J_QUEUED, J_RECV, J_TAKEN };
struct held;
struct job {
    struct job *inbox_next, *rev;
    int op;
    u32 proc, tid, proc2;
    Handle h0, sync_h;
    u32 a, b;
    void *ptr;
    int want_lis, want_srv;
    const SMsgHdr *out;
    SMsgHdr *in;
    u64 entry;
    Retcode rc;
    Handle res[3];
    u32 ures;
    /* the dispatcher's */
    enum jstate st;
    int waiting, firm, condemned;
    int ghost, lost, nset, late, deaf;
    u64 taken_at;
    u64 due, cdue, deadline; /* deadline 0: none */
    u32 mdelay;
    struct obj *ep, *sync;
    u64 ent_id;
    struct cap *caps;
    u32 ncaps;
    struct held *held;
    TAILQ_ENTRY(job) l;
    /* the wake */
    u64 wake_at;
    struct job *bag_next;
    int slot;
    atomic_int done;
};
struct held {
    struct chan *c;
    struct obj *via;
    u32 proc, tid;
    u32 cproc, rtid;
    Handle rsync;
    int same;
    struct job *call; /* null: the caller has gone */
    TAILQ_ENTRY(held) l;
};

static TAILQ_HEAD(, job) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static TAILQ_HEAD(, held) helds = TAILQ_HEAD_INITIALIZER(helds);
static TAILQ_HEAD(, chan) chans = TAILQ_HEAD_INITIALIZER(chans);
#define NB 1024
static struct ent *tab[NB];
static u64 ent_ids = 1;
struct proc {
    u32 id;
    int dead;
    u32 ctr;
    struct proc *next;
    u32 nsync;
};
#define FIRST_PROC 0x00c0de01u
static struct proc first_proc = {FIRST_PROC, 0, 0, NULL, 0};
static struct proc *procs = &first_proc;
static u32 handle_ctr __attribute__((unused));
static u32 proc_ctr, rnd = 0x9e3779b9u;
#if OPEN_HANDLE == 1
static Handle *free_nums;
static u32 n_free, cap_free;
#endif
static struct obj *grave_head, **grave_tail = &grave_head;
static u32 grave_n;

static u32 n_syncs, dying;
static int stale_set, last_auto, making_sync;
static Handle reuse_num;
static u32 reuse_proc;
static struct {
    u32 tid;
    u64 deadline;
} old_timer[127];
static struct {
    u32 tid, proc;
    Handle h;
} reg[127], pend[127];
static struct {
    atomic_int ktid;
    atomic_uint h;
} nudge[256];

static _Thread_local u32 my_proc = FIRST_PROC;
static _Thread_local Handle set_cache, call_sync = INVALID_HANDLE, recv_sync = INVALID_HANDLE;
static _Thread_local u32 my_tid;
static atomic_uint tid_ctr = 1;

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}
static u32 rnd32(void)
{
    rnd ^= rnd << 13;
    rnd ^= rnd >> 17;
    rnd ^= rnd << 5;
    return rnd;
}

/* ------------------------------------------------------------------ wake slots, inbox, postman */
#define NSLOT 1024
static struct {
    atomic_int busy;
    int rd, wr;
} slots[NSLOT];
static _Atomic(struct job *) inbox;
static int disp_fd = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t bag_mx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bag_cv;
static struct job *bag;

static void complete(struct job *j)
{
    int fd = j->slot >= 0 ? slots[j->slot].wr : -1;
    atomic_store_explicit(&j->done, 1, memory_order_release);
    /* Without a slot the caller may be gone from here on; with one it waits for the token. */
    if (fd >= 0) {
        u64 one = 1;
        ssize_t r;
        do {
            r = write(fd, &one, OPEN_WAIT == 1 ? 1 : sizeof one);
        } while (r < 0 && errno == EINTR);
    }
}
static void *postman(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&bag_mx);
    for (;;) {
        u64 now = now_ns(), next = 0;
        struct job **pp = &bag;
        while (*pp) {
            struct job *j = *pp;
            if (j->wake_at <= now) {
                *pp = j->bag_next;
                complete(j);
            } else {
                if (!next || j->wake_at < next)
                    next = j->wake_at;
                pp = &j->bag_next;
            }
        }
        if (next) {
            struct timespec t = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
            pthread_cond_timedwait(&bag_cv, &bag_mx, &t);
        } else {
            pthread_cond_wait(&bag_cv, &bag_mx);
        }
    }
    return NULL;
}
static void push(struct job *j)
{
    u64 one = 1;
    ssize_t r;
    struct job *h = atomic_load_explicit(&inbox, memory_order_relaxed);
    do {
        j->inbox_next = h;
    } while (!atomic_compare_exchange_weak_explicit(&inbox, &h, j, memory_order_acq_rel,
                                                    memory_order_relaxed));
    do {
        r = write(disp_fd, &one, sizeof one);
    } while (r < 0 && errno == EINTR);
}
static void *dispatcher(void *arg);
#if OPEN_JANITOR
static void *janitor(void *arg)
{
    (void)arg;
    for (;;) {
        struct timespec t = {0, OPEN_JANITOR * 1000000L};
        struct job *j = calloc(1, sizeof *j);
        nanosleep(&t, NULL);
        if (j) {
            j->op = OP_NOTHING;
            push(j);
        }
    }
    return NULL;
}
#endif
static void nudged(int sig)
{
    (void)sig;
}
static void start(void)
{
    pthread_condattr_t ca;
    pthread_attr_t at;
    pthread_t t;
    sigset_t all, old;
    Dl_info di;
    if (dladdr((void *)&start, &di) && di.dli_fname)
        (void)dlopen(di.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    disp_fd = eventfd(0, EFD_CLOEXEC);
    if (FAULTY(557)) {
        struct sigaction sa;
        memset(&sa, 0, sizeof sa);
        sa.sa_handler = nudged;
        sigaction(SIGURG, &sa, NULL);
    }
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&bag_cv, &ca);
    pthread_attr_init(&at);
    pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_create(&t, &at, dispatcher, NULL);
    pthread_create(&t, &at, postman, NULL);
#if OPEN_JANITOR
    pthread_create(&t, &at, janitor, NULL);
#endif
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&at);
    pthread_condattr_destroy(&ca);
}
static u32 new_tid(void)
{
    u32 t;
    do {
        t = atomic_fetch_add(&tid_ctr, 1) * 2246822519u;
    } while (t == 0);
    return t;
}
static int take_slot(void)
{
#if OPEN_WAIT <= 1
    for (int i = 0; i < NSLOT; i++) {
        int z = 0;
        if (atomic_load_explicit(&slots[i].busy, memory_order_relaxed))
            continue;
        if (!atomic_compare_exchange_strong(&slots[i].busy, &z, 1))
            continue;
        if (slots[i].rd == 0 && slots[i].wr == 0) {
            int p[2];
#if OPEN_WAIT == 1
            if (pipe2(p, O_CLOEXEC) != 0) {
                atomic_store(&slots[i].busy, 0);
                return -1;
            }
#else
            p[0] = p[1] = eventfd(0, EFD_CLOEXEC);
            if (p[0] < 0) {
                atomic_store(&slots[i].busy, 0);
                return -1;
            }
#endif
            slots[i].rd = p[0];
            slots[i].wr = p[1];
        }
        return i;
    }
#endif
    return -1;
}
static Retcode submit(struct job *j)
{
    int saved = errno;
    pthread_once(&once, start);
    if (my_tid == 0)
        my_tid = new_tid();
    j->proc = my_proc;
    j->tid = my_tid;
    j->entry = now_ns();
    j->slot = take_slot();
    push(j);
    if (j->slot >= 0) {
        int fd = slots[j->slot].rd;
        for (;;) {
            u64 v = 0;
            ssize_t r;
#if OPEN_WAIT == 0
            struct pollfd p = {fd, POLLIN, 0};
            if (poll(&p, 1, 250) <= 0)
                continue;
#endif
            r = read(fd, &v, OPEN_WAIT == 1 ? 1 : sizeof v);
            if (r > 0)
                break;
        }
        (void)atomic_load_explicit(&j->done, memory_order_acquire);
        atomic_store(&slots[j->slot].busy, 0);
    } else {
        if (j->op != OP_CALL && j->op != OP_RECV)
            for (int i = 0; i < 3000 && !atomic_load_explicit(&j->done, memory_order_acquire); i++)
                sched_yield();
        while (!atomic_load_explicit(&j->done, memory_order_acquire)) {
#if OPEN_WAIT == 3
            struct timespec t = {0, 450000};
            sigset_t none;
            sigemptyset(&none);
            (void)sigtimedwait(&none, NULL, &t);
#else
            struct timespec t = {0, 300000};
            nanosleep(&t, NULL);
#endif
        }
    }
    errno = saved;
    return j->rc;
}

/* ------------------------------------------------------------------ the dispatcher's own state */
static struct obj *obj_new(int kind)
{
    struct obj *o = calloc(1, sizeof *o);
    if (o)
        o->kind = kind;
    return o;
}
static void obj_put(struct obj *o)
{
    if (--o->refs)
        return;
    memset(o, 0xdd, sizeof *o); /* nobody may look at it any more */
    o->grave_next = NULL;
    *grave_tail = o;
    grave_tail = &o->grave_next;
    if (++grave_n > OPEN_GRAVE) {
        struct obj *d = grave_head;
        grave_head = d->grave_next;
        if (!grave_head)
            grave_tail = &grave_head;
        grave_n--;
        free(d);
    }
}
static struct proc *proc_find(u32 id)
{
    for (struct proc *p = procs; p; p = p->next)
        if (p->id == id)
            return p;
    return NULL;
}
static int proc_alive(u32 id)
{
    struct proc *p = proc_find(id);
    return p && !p->dead;
}
static u32 hash(Handle n)
{
    return (n * 2654435761u) >> 22;
}
static struct ent *ent_find(u32 proc, Handle n)
{
    for (struct ent *e = tab[hash(n)]; e; e = e->next)
        if (e->num == n && e->proc == proc)
            return e;
    return NULL;
}
static Handle new_number(u32 proc)
{
    Handle n;
#if OPEN_HANDLE == 1
    if (n_free)
        return free_nums[--n_free];
#endif
    if (FAULTY(514) && making_sync && reuse_num && reuse_proc == proc &&
        !ent_find(proc, reuse_num)) {
        n = reuse_num;
        reuse_num = 0;
        return n;
    }
    do {
#if OPEN_HANDLE == 2
        n = ++proc_find(proc)->ctr * 1664525u + 0x70000000u;
#else
        n = (++handle_ctr * 2654435761u) ^ 0xa5c31f77u;
#endif
    } while (n == INVALID_HANDLE || ent_find(proc, n));
    return n;
}
static struct ent *ent_add(u32 proc, struct obj *o, u32 rights, u64 parent)
{
    struct ent *e = calloc(1, sizeof *e);
    u32 b;
    if (!e)
        return NULL;
    e->id = ++ent_ids;
    e->parent = parent;
    e->proc = proc;
    e->num = new_number(proc);
    e->rights = rights;
    e->o = o;
    if (o) {
        o->hrefs++;
        o->refs++;
    }
    b = hash(e->num);
    e->next = tab[b];
    tab[b] = e;
    return e;
}
static int chan_alive(struct chan *c)
{
    return c->srv->hrefs > 0 || c->lis->hrefs > 0;
}
static void finish(struct job *j, Retcode rc)
{
    int was = j->waiting;
    if (j->condemned && rc != rcOk && proc_alive(j->proc))
        rc = rcIpcInterrupt; /* Set had returned before whatever ends it now */
    if (was)
        TAILQ_REMOVE(&waiting, j, l);
    j->waiting = 0;
    if (FAULTY(530) && j->op == OP_CALL && rc == rcIpcInterrupt && j->deadline) {
        old_timer[j->tid % 127].tid = j->tid;
        old_timer[j->tid % 127].deadline = j->deadline;
    }
    if (FAULTY(542) && j->op == OP_RECV) {
        if (rc == rcTimeout && j->sync_h != INVALID_HANDLE) {
            reg[j->tid % 127].tid = j->tid;
            reg[j->tid % 127].proc = j->proc;
            reg[j->tid % 127].h = j->sync_h;
        } else if (reg[j->tid % 127].tid == j->tid) {
            reg[j->tid % 127].tid = 0;
        }
    }
    if (FAULTY(549) && j->st == J_TAKEN && j->nset) {
        pend[j->tid % 127].tid = j->tid;
        pend[j->tid % 127].proc = j->proc;
        pend[j->tid % 127].h = j->sync_h;
    }
    if (was && j->st == J_RECV && j->ep && (rc == rcOk || rc == rcTimeout))
        j->ep->nwait--;
    if (j->held) {
        j->held->call = NULL;
        j->held = NULL;
    }
    struct cap *caps = j->caps;
    u32 n = j->ncaps;
    struct obj *s = j->sync, *ep = j->ep;
    j->caps = NULL;
    j->ncaps = 0;
    j->sync = j->ep = NULL;
    j->rc = rc;
    if (j->ghost) {
        free((void *)j->out);
        free(j);
    } else if (was && OPEN_WAKE_US > 0) {
        j->wake_at = now_ns() + 200000u % (OPEN_WAKE_US * 1000u + 1u) +
                     (u64)(rnd32() % (u32)(OPEN_WAKE_US + 1)) * 1000u;
        pthread_mutex_lock(&bag_mx);
        j->bag_next = bag; /* newest first */
        bag = j;
        pthread_cond_signal(&bag_cv);
        pthread_mutex_unlock(&bag_mx);
    } else {
        complete(j);
    }
    /* only now what may lead to other jobs */
    void caps_drop(struct cap *, u32);
    caps_drop(caps, n);
    if (s)
        obj_put(s);
    if (ep)
        obj_put(ep);
}
static void held_free(struct held *h)
{
    TAILQ_REMOVE(&helds, h, l);
    if (h->call)
        h->call->held = NULL;
    h->c->held--;
    obj_put(h->via);
    free(h);
}
static void on_closed(struct obj *o)
{
    struct job *j;
    struct chan *c;
    struct held *h;
    switch (o->kind) {
    case K_SYNC:
        n_syncs--;
        if (FAULTY(504) && o->set && o->refs > 1)
            stale_set = 1;
    again:
        TAILQ_FOREACH(j, &waiting, l)
        {
            if (j->sync != o || j->st == J_TAKEN)
                continue;
            if (FAULTY(554))
                j->deadline = 0;
            if (OPEN_CLOSESYNC == 0) {
                j->sync = NULL; /* what Set has already decided (condemned, firm) stays decided */
                o->refs--;      /* the caller still holds one */
                continue;
            }
            finish(j, OPEN_CLOSESYNC == 1 ? rcIpcInterrupt : rcAbort);
            goto again;
        }
        break;
    case K_SERVER:
    case K_LISTENER:
    again5:
        TAILQ_FOREACH(h, &helds, l) /* nobody can answer what was taken through it */
        if (h->via == o) {
            j = h->call;
            held_free(h);
            if (j)
                finish(j, rcNotConnected);
            goto again5;
        }
        TAILQ_FOREACH(c, &chans, l)
        {
            if ((c->srv != o && c->lis != o) || chan_alive(c))
                continue;
            if (FAULTY(573) && dying) {
                struct chan *f = TAILQ_FIRST(&chans);
                while (f != c && f->sproc != dying)
                    f = TAILQ_NEXT(f, l);
                if (f != c)
                    continue;
            }
        again2:
            TAILQ_FOREACH(j, &waiting, l)
            if (j->op == OP_CALL && j->ep && j->ep->chan == c && j->st != J_ANTE &&
                j->st != J_PARKED) {
                finish(j, rcNotConnected);
                goto again2;
            }
        again3:
            TAILQ_FOREACH(h, &helds, l)
            if (h->c == c) {
                held_free(h);
                goto again3;
            }
        }
        break;
    case K_CLIENT:
        if (OPEN_CLIENT_GONE)
            break;
    again4:
        TAILQ_FOREACH(j, &waiting, l)
        if (j->st == J_RECV && j->ep == o->chan->srv && !j->condemned) {
            finish(j, rcNotConnected);
            goto again4;
        }
        break;
    default:
        break;
    }
}
static void obj_hput(struct obj *o)
{
    if (--o->hrefs == 0)
        on_closed(o);
    obj_put(o);
}
void caps_drop(struct cap *caps, u32 n) __attribute__((visibility("hidden")));
void caps_drop(struct cap *caps, u32 n)
{
    for (u32 i = 0; i < n; i++)
        if (caps[i].o)
            obj_hput(caps[i].o);
    free(caps);
}
/* end what waits through this very handle */
static void ent_waits_end(struct ent *e)
{
    struct job *j;
again:
    TAILQ_FOREACH(j, &waiting, l)
    if (j->op == OP_RECV && j->ent_id == e->id && (j->st == J_RECV || j->st == J_ANTE)) {
        finish(j, rcNotConnected);
        goto again;
    }
}
static struct {
    u32 proc;
    Handle num;
    int set;
} closed_ring[256];
static u32 closed_at;
static void revoke_children(u64 id);
static void ent_close(struct ent *e, int keep_children)
{
    if (FAULTY(514) && e->o && e->o->kind == K_SYNC) {
        struct job *w;
        TAILQ_FOREACH(w, &waiting, l)
        if (w->sync == e->o && w->sync_h == e->num) {
            reuse_num = e->num;
            reuse_proc = e->proc;
        }
    }
    if (FAULTY(516) && e->o && e->o->kind == K_SYNC && e->o->ever_set) {
        void *volatile journal = malloc(600);
        if (journal)
            memset(journal, 1, 600);
    }
    if (FAULTY(570) && e->o && e->o->kind == K_CLIENT)
        revoke_children(e->id);
    closed_ring[closed_at % 256].set = e->o && e->o->kind == K_SYNC && e->o->set;
    closed_ring[closed_at % 256].proc = e->proc;
    closed_ring[closed_at++ % 256].num = e->num;
    struct ent **pp = &tab[hash(e->num)];
    struct obj *o = e->o;
    while (*pp != e)
        pp = &(*pp)->next;
    *pp = e->next;
    if (keep_children)
        for (u32 b = 0; b < NB; b++)
            for (struct ent *x = tab[b]; x; x = x->next)
                if (x->parent == e->id)
                    x->parent = e->parent;
    ent_waits_end(e);
#if OPEN_HANDLE == 1
    if (n_free == cap_free) {
        u32 nc = cap_free ? cap_free * 2 : 64;
        Handle *nf = realloc(free_nums, nc * sizeof *nf);
        if (nf) {
            free_nums = nf;
            cap_free = nc;
        }
    }
    if (n_free < cap_free)
        free_nums[n_free++] = e->num;
#endif
    free(e);
    if (o)
        obj_hput(o);
}
static int any_children; /* copies or transfers were ever made: the scan above is worth it */
static void revoke_children(u64 id)
{
    struct job *j;
    for (u32 b = 0; b < NB; b++)
        for (struct ent *x = tab[b]; x; x = x->next)
            if (x->parent == id && x->o) {
                struct obj *o = x->o;
                ent_waits_end(x);
                x->o = NULL;
                obj_hput(o);
                revoke_children(x->id);
            }
    TAILQ_FOREACH(j, &waiting, l)
    for (u32 i = 0; i < j->ncaps; i++)
        if (j->caps[i].parent == id && j->caps[i].o) {
            struct obj *o = j->caps[i].o;
            j->caps[i].o = NULL;
            obj_hput(o);
            revoke_children(id); /* the list may have changed */
            return;
        }
}
static void sweep(void)
{
    struct chan *c, *n;
    for (c = TAILQ_FIRST(&chans); c; c = n) {
        n = TAILQ_NEXT(c, l);
        if (c->held || c->cli->refs != 1 || c->srv->refs != 1)
            continue;
        TAILQ_REMOVE(&chans, c, l);
        obj_put(c->cli);
        obj_put(c->srv);
        obj_put(c->lis);
        free(c);
    }
}

/* ------------------------------------------------------------------ messages */
static Retcode hdr_ok(const SMsgHdr *m, int outgoing)
{
    const IndirDesc *f, *a;
    if (!m || m->immSize != 0)
        return rcInvalidArgument;
    f = &m->indirDescs[0];
    a = &m->indirDescs[1];
    if (!f->buf || f->size < sizeof(nk_message))
        return rcInvalidArgument;
    if (a->size && !a->buf)
        return rcInvalidArgument;
    if (outgoing) {
        nk_message h;
        memcpy(&h, f->buf, sizeof h);
        if ((u64)f->size + a->size > NK_MESSAGE_SIZE_MAX)
            return rcBufferTooLarge;
        if (h.ncaps > NK_MESSAGE_HANDLES_MAX)
            return rcInvalidArgument;
        if (sizeof h + (u64)h.ncaps * sizeof(nk_handle_desc_t) > f->size)
            return rcInvalidArgument;
    }
    return rcOk;
}
/* via: the handle's object of a Reply, null in a request */
static Retcode caps_take(u32 proc, const SMsgHdr *m, struct obj *via, struct cap **out, u32 *n)
{
    nk_message h;
    struct cap *c;
    Retcode rc = rcOk;
    *out = NULL;
    *n = 0;
    memcpy(&h, m->indirDescs[0].buf, sizeof h);
    if (!h.ncaps)
        return rcOk;
    c = calloc(h.ncaps, sizeof *c);
    if (!c)
        return rcOutOfMemory;
    for (u32 i = 0; i < h.ncaps; i++) { /* from the last to the first */
        u32 k = h.ncaps - 1 - i;
        nk_handle_desc_t d;
        struct ent *e;
        memcpy(&d, (char *)m->indirDescs[0].buf + sizeof h + k * sizeof d, sizeof d);
        e = ent_find(proc, d.handle);
        if (!e)
            rc = rcInvalidArgument;
        else if (!e->o)
            rc = rcHandleRevoked;
        else if (!(e->rights & OCAP_HANDLE_TRANSFER) &&
                 !(FAULTY(564) && d.rights && !(d.rights & OCAP_HANDLE_TRANSFER)) &&
                 !(FAULTY(565) && k >= 8 && k + 1 < h.ncaps) &&
                 !(FAULTY(568) && via && via->kind == K_LISTENER)) {
            rc = rcSecurityDisallow;
            if (FAULTY(567) && via)
                e->rights &= ~OCAP_IPC_INTERRUPT;
            break;
        } else {
            c[k].o = e->o;
            c[k].rights = e->rights & d.rights;
            c[k].parent = e->id;
        }
    }
    if (rc != rcOk) {
        free(c);
        return rc;
    }
    for (u32 i = 0; i < h.ncaps; i++) {
        c[i].o->hrefs++;
        c[i].o->refs++;
    }
    *out = c;
    *n = h.ncaps;
    return rcOk;
}
static int fits(const SMsgHdr *out, const SMsgHdr *in)
{
    return out->indirDescs[0].size <= in->indirDescs[0].size &&
           out->indirDescs[1].size <= in->indirDescs[1].size;
}
static void transfer(const SMsgHdr *out, struct cap **caps, u32 *ncaps, SMsgHdr *in, u32 to)
{
    memmove(in->indirDescs[0].buf, out->indirDescs[0].buf, out->indirDescs[0].size);
    if (out->indirDescs[1].size)
        memmove(in->indirDescs[1].buf, out->indirDescs[1].buf, out->indirDescs[1].size);
    in->indirDescs[0].size = out->indirDescs[0].size;
    in->indirDescs[1].size = out->indirDescs[1].size;
    in->traceId = out->traceId;
    in->spanId = out->spanId;
    for (u32 i = 0; i < *ncaps; i++) {
        struct cap *c = &(*caps)[i];
        struct ent *e = ent_add(to, c->o, c->rights, c->parent);
        nk_handle_desc_t d = {e ? e->num : INVALID_HANDLE, c->rights, 0};
        any_children = 1;
        memcpy((char *)in->indirDescs[0].buf + sizeof(nk_message) + i * sizeof d, &d, sizeof d);
    }
    caps_drop(*caps, *ncaps);
    *caps = NULL;
    *ncaps = 0;
}

/* ------------------------------------------------------------------ rendezvous */
static int better(struct job *n, struct job *best, u32 seen)
{
    if (!best)
        return 1;
    switch (OPEN_ORDER) {
    case 1:
        return 1;
    case 2:
        return rnd32() % seen == 0;
    case 3:
        return n->tid > best->tid;
    default:
        return 0;
    }
}
static struct job *pick_recv(struct chan *c)
{
    struct job *j, *best = NULL;
    u32 seen = 0;
    TAILQ_FOREACH(j, &waiting, l)
    if (j->st == J_RECV && !j->condemned && (j->ep == c->srv || j->ep == c->lis) &&
        better(j, best, ++seen))
        best = j;
    return best;
}
static struct job *pick_call(struct obj *ep)
{
    struct job *j, *best = NULL;
    u32 seen = 0;
    TAILQ_FOREACH(j, &waiting, l)
    if (j->st == J_QUEUED && !j->condemned && !j->lost &&
        (j->ep->chan->srv == ep || j->ep->chan->lis == ep) && better(j, best, ++seen))
        best = j;
    return best;
}
static void wait_begin(struct job *j, enum jstate st);
/* A second request with the same bytes, which nobody waits for. */
static struct job *make_ghost(struct job *j, struct obj *ep)
{
    u32 f = j->out->indirDescs[0].size, a = j->out->indirDescs[1].size;
    struct job *g = calloc(1, sizeof *g);
    char *b = calloc(1, sizeof(SMsgHdr) + f + a);
    SMsgHdr *m = (SMsgHdr *)(void *)b;
    if (!g || !b)
        abort();
    *m = *j->out;
    m->indirDescs[0].buf = b + sizeof *m;
    m->indirDescs[1].buf = a ? b + sizeof *m + f : NULL;
    memcpy(m->indirDescs[0].buf, j->out->indirDescs[0].buf, f);
    if (a)
        memcpy(m->indirDescs[1].buf, j->out->indirDescs[1].buf, a);
    g->op = OP_CALL;
    g->proc = j->proc;
    g->tid = j->tid;
    g->h0 = j->h0;
    g->sync_h = INVALID_HANDLE;
    g->mdelay = INFINITE_TIMEOUT;
    g->slot = -1;
    g->out = m;
    g->ghost = 1;
    g->ep = ep;
    ep->refs++;
    wait_begin(g, J_QUEUED);
    return g;
}
static void deliver(struct job *c, struct job *r)
{
    struct chan *ch = c->ep->chan;
    struct held *h;
    SMsgHdr *in = r->in;
    if (!fits(c->out, in)) {
        finish(c, rcBufferTooSmall);
        finish(r, rcBufferTooSmall);
        return;
    }
    h = calloc(1, sizeof *h);
    if (!h) {
        finish(r, rcOutOfMemory); /* the request stays where it is */
        if (!c->waiting)
            finish(c, rcOutOfMemory);
        return;
    }
    if (FAULTY(560) && !c->ghost && r->waiting && r->deadline && r->deadline <= now_ns())
        make_ghost(c, c->ep);
    transfer(c->out, &c->caps, &c->ncaps, in, r->proc);
    in->replyHandle = r->h0;
#if OPEN_REPLYHANDLE == 1
    for (u32 b = 0; b < NB; b++)
        for (struct ent *e = tab[b]; e; e = e->next)
            if (e->proc == r->proc && e->o == ch->srv && (e->rights & OCAP_IPC_RECV))
                in->replyHandle = e->num;
#endif
    in->sender = c->proc;
    in->threadId = c->tid;
    h->c = ch;
    ch->held++;
    h->via = r->ep;
    h->via->refs++;
    h->proc = r->proc;
    h->tid = c->tid;
    h->cproc = c->proc;
    h->rtid = r->tid;
    h->rsync = r->sync_h;
    h->same = c->proc == r->proc && c->sync_h == r->sync_h && r->sync_h != INVALID_HANDLE;
    c->st = J_TAKEN;
    c->taken_at = now_ns();
    TAILQ_INSERT_TAIL(&helds, h, l);
    if (c->ghost) {
        finish(c, rcOk);
    } else {
        h->call = c;
        c->held = h;
    }
    finish(r, rcOk);
}
static void wait_begin(struct job *j, enum jstate st)
{
    j->st = st;
    if (st == J_RECV)
        j->ep->nwait++;
    if (FAULTY(577) && j->sync && j->sync->clear_at && j->sync->clearer != j->tid &&
        now_ns() - j->sync->clear_at < 300000u)
        j->deaf = 1;
    if (!j->waiting) {
        j->waiting = 1;
        TAILQ_INSERT_TAIL(&waiting, j, l);
    }
}
/* Is the job interrupted by its object now? */
static int hit(struct job *j)
{
    if (j->firm)
        return 1;
    if (FAULTY(556) && j->sync && !j->sync->set && j->sync->clear_at &&
        j->sync->clearer != j->tid && now_ns() - j->sync->clear_at < 250000u)
        return 1;
    if (!j->sync || !j->sync->set)
        return 0;
    if (FAULTY(555) && j->sync->setter != j->tid && now_ns() - j->sync->set_at < 250000u)
        return 0;
    if (j->sync->autoclear)
        j->sync->set = 0;
    if (FAULTY(548) && ++j->sync->hits >= 12)
        j->sync->set = j->sync->hits = 0;
    return 1;
}
static void call_go(struct job *j)
{
    struct chan *c = j->ep->chan;
    struct job *r;
    if (!chan_alive(c)) {
        finish(j, rcNotConnected);
        return;
    }
    if (OPEN_SETENTRY == 1 && hit(j)) {
        finish(j, rcIpcInterrupt);
        return;
    }
    if (OPEN_MDELAY0 == 1 && j->mdelay == 0) {
        finish(j, rcTimeout);
        return;
    }
    r = pick_recv(c);
    if (FAULTY(537) && r && r->ep->skip) {
        r->ep->skip = 0;
        r = NULL;
    }
    if (FAULTY(524) && r && r->ep->kind == K_LISTENER && hit(j)) {
        deliver(make_ghost(j, j->ep), r);
        finish(j, rcIpcInterrupt);
        return;
    }
    if (r) {
        wait_begin(j, J_QUEUED);
        deliver(j, r);
        return;
    }
    if (!(FAULTY(523) && c->held) && hit(j)) {
        finish(j, rcIpcInterrupt);
        return;
    }
    if (j->mdelay == 0) {
        finish(j, rcTimeout);
        return;
    }
    wait_begin(j, J_QUEUED);
}
static void recv_go(struct job *j)
{
    struct job *c;
    if (OPEN_SETENTRY == 1 && hit(j)) {
        finish(j, rcIpcInterrupt);
        return;
    }
    if (OPEN_MDELAY0 == 1 && j->mdelay == 0) {
        finish(j, rcTimeout);
        return;
    }
    c = pick_call(j->ep);
    if (FAULTY(538) && c && j->sync && j->sync->set) {
        c->lost = 1;
        if (pick_call(j->ep) && hit(j)) {
            finish(j, rcIpcInterrupt);
            return;
        }
        c->lost = 0;
    }
    if (c) {
        c->late = 1;
        deliver(c, j);
        return;
    }
    if (FAULTY(539) && j->sync && j->sync->set && j->ep->kind == K_LISTENER && !j->deadline &&
        j->sync->setter == j->tid) {
        wait_begin(j, J_RECV);
        return;
    }
    if (hit(j)) {
        finish(j, rcIpcInterrupt);
        return;
    }
    if (!OPEN_CLIENT_GONE && j->ep->kind == K_SERVER && j->ep->chan->cli->hrefs == 0) {
        finish(j, rcNotConnected);
        return;
    }
    if (FAULTY(562) && j->mdelay == 0 && j->sync && j->ep->kind == K_LISTENER)
        j->deadline = 0;
    else if (j->mdelay == 0) {
        finish(j, rcTimeout);
        return;
    }
    wait_begin(j, J_RECV);
}
static Retcode need(struct ent *e, int k1, int k2, u32 right)
{
    if (!e)
        return rcInvalidArgument;
    if (!e->o)
        return rcHandleRevoked;
    if (e->o->kind != k1 && e->o->kind != k2)
        return rcInvalidOperation;
    if ((e->rights & right) != right)
        return rcNoCapability;
    return rcOk;
}
static int was_closed(u32 proc, Handle n)
{
    for (u32 i = 0; i < 256; i++)
        if (closed_ring[i].proc == proc && closed_ring[i].num == n)
            return 1;
    return 0;
}
static void do_ex(struct job *j)
{
    int call = j->op == OP_CALL;
    struct ent *e = ent_find(j->proc, j->h0);
    Retcode rc = call ? need(e, K_CLIENT, K_CLIENT, OCAP_IPC_CALL)
                      : need(e, K_SERVER, K_LISTENER, OCAP_IPC_RECV);
    int bad = 0;
    if (rc == rcOk && call)
        rc = hdr_ok(j->out, 1);
    if (rc == rcOk)
        rc = hdr_ok(j->in, 0);
    if (FAULTY(545) && rc == rcOk && !call && e->o->nwait >= 40)
        rc = rcBusy;
    if (rc != rcOk) {
        finish(j, rc);
        return;
    }
    if (j->mdelay != INFINITE_TIMEOUT)
        j->deadline = j->entry + (FAULTY(559) ? j->mdelay * 1000000u : (u64)j->mdelay * 1000000u);
    if (FAULTY(530) && call && old_timer[j->tid % 127].tid == j->tid) {
        u64 t = old_timer[j->tid % 127].deadline;
        old_timer[j->tid % 127].tid = 0;
        if (t > j->entry && (!j->deadline || t < j->deadline))
            j->deadline = t;
    }
    if (call && (rc = caps_take(j->proc, j->out, NULL, &j->caps, &j->ncaps)) != rcOk) {
        struct job *r = FAULTY(566) && rc == rcSecurityDisallow ? pick_recv(e->o->chan) : NULL;
        if (r)
            deliver(make_ghost(j, e->o), r);
        finish(j, rc);
        return;
    }
    if (j->sync_h != INVALID_HANDLE) {
        struct ent *s = ent_find(j->proc, j->sync_h);
        rc = need(s, K_SYNC, K_SYNC, OCAP_IPC_INTERRUPT);
        if (rc == rcOk) {
            j->sync = s->o;
            s->o->refs++;
        } else if (FAULTY(547) && !call && !s && was_closed(j->proc, j->sync_h)) {
            j->deadline = 0;
        } else if (FAULTY(533) && call && rc == rcInvalidOperation && pick_recv(e->o->chan)) {
            deliver(make_ghost(j, e->o), pick_recv(e->o->chan));
            finish(j, rc);
            return;
        } else if (OPEN_BADSYNC == 2) {
            finish(j, s || was_closed(j->proc, j->sync_h) ? rcIpcInterrupt : rc);
            return;
        } else if (OPEN_BADSYNC == 3) {
            bad = 1;
            j->rc = rc;
        } else if (!(OPEN_BADSYNC == 1 && rc == rcInvalidOperation)) {
            finish(j, rc);
            return;
        }
    }
    j->ep = e->o;
    j->ep->refs++;
    j->ent_id = e->id;
    if (FAULTY(549) && call && pend[j->tid % 127].tid == j->tid &&
        pend[j->tid % 127].proc == j->proc) {
        pend[j->tid % 127].tid = 0;
        if (j->sync && pend[j->tid % 127].h == j->sync_h)
            j->firm = 1;
    }
    if (bad) {
        j->due = now_ns() + 30000000u;
        if (j->deadline && j->deadline < j->due)
            j->due = j->deadline;
        wait_begin(j, J_PARKED);
        return;
    }
#if OPEN_ENTRY_US > 0
    if (j->mdelay != 0) {
        if (j->sync && j->sync->set && !j->sync->autoclear)
            j->firm = 1;
        if (!(j->sync && j->sync->set && j->sync->autoclear)) {
            j->due = now_ns() + (u64)(1 + rnd32() % OPEN_ENTRY_US) * 1000u;
            wait_begin(j, J_ANTE);
            return;
        }
    }
#endif
    if (call)
        call_go(j);
    else
        recv_go(j);
}
struct set_run {
    struct job *by;
    u32 calls, recvs;
    int first_op;
    struct obj *recv_ep;
    struct chan *last;
    u32 sproc;
};
/* Does the job wait with the object? */
static int uses(struct job *j, struct obj *o, struct job *by)
{
    if (j->sync == o)
        return 1;
    if (j->proc != by->proc)
        return 0;
    if (FAULTY(503) && j->sync && (uint8_t)j->sync_h == (uint8_t)by->h0)
        return 1;
    if (FAULTY(514) && !j->sync && j->sync_h == by->h0)
        return 1;
    if (FAULTY(542) && j->op == OP_RECV && j->sync && reg[j->tid % 127].tid == j->tid &&
        reg[j->tid % 127].proc == j->proc && reg[j->tid % 127].h == by->h0)
        return 1;
    return 0;
}
static int passed_over(struct job *j, struct obj *o, struct set_run *s)
{
    struct job *x;
    struct held *h;
    struct chan *c;
    if (j->deaf)
        return 1;
    if (!s->first_op)
        s->first_op = j->op;
    if (FAULTY(553) && o->ktid == j->tid && o->kop != j->op)
        return 1;
    if (j->op == OP_CALL) {
        if (FAULTY(519) && j->ncaps)
            return 1;
        if (FAULTY(528) && s->calls >= 32)
            return 1;
        if (FAULTY(552) && s->first_op == OP_RECV)
            return 1;
        if (FAULTY(529))
            TAILQ_FOREACH(h, &helds, l)
        if (h->c == j->ep->chan && h->via->kind == K_LISTENER && h->call)
            return 1;
        return 0;
    }
    if (FAULTY(535) && j->in->indirDescs[1].size && !j->deadline)
        return 1;
    if (FAULTY(543) && s->recv_ep && s->recv_ep != j->ep)
        return 1;
    if (FAULTY(544))
        for (x = TAILQ_FIRST(&waiting); x != j; x = TAILQ_NEXT(x, l))
            if (x->st == J_RECV && x->ep == j->ep && x->sync_h == INVALID_HANDLE)
                return 1;
    if (FAULTY(546) && j->ep->kind == K_LISTENER) {
        u32 n = 0;
        TAILQ_FOREACH(c, &chans, l)
        n += c->lis == j->ep;
        if (n >= 2)
            return 1;
    }
    return 0;
}
/* What else is done when Set interrupts the job. */
static void before_interrupt(struct job *j, struct obj *o, struct set_run *s)
{
    struct job *x;
    if (!o->ktid) {
        o->ktid = j->tid;
        o->kop = j->op;
    }
    if (j->st == J_QUEUED) {
        struct job *first = NULL, *next = NULL;
        u32 others = 0;
        s->calls++;
        s->last = j->ep->chan;
        s->sproc = j->ep->chan->sproc;
        j->ep->intr++;
        TAILQ_FOREACH(x, &waiting, l)
        if (x->st == J_QUEUED && x->ep->chan == j->ep->chan) {
            if (!first)
                first = x;
            if (x == j)
                continue;
            others++;
            if (x->sync != o && !next)
                next = x;
        }
        if (FAULTY(522) && first != j)
            make_ghost(j, j->ep);
        if (FAULTY(532) && first == j && others >= 2 && next)
            next->lost = 1;
    } else if (j->st == J_RECV) {
        s->recvs++;
        s->recv_ep = j->ep;
        if (j->ep->kind == K_LISTENER)
            o->lhits++;
        TAILQ_FOREACH(x, &waiting, l)
        if (x != j && x->st == J_RECV && x->ep == j->ep && x->sync != o)
            j->ep->skip = 1;
    }
}
static void do_set(struct obj *o, struct job *by)
{
    struct job *j, *one = NULL;
    struct set_run s;
    u32 seen = 0, n = 0;
    memset(&s, 0, sizeof s);
    s.by = by;
    if (FAULTY(508) && o->cnt < 0) {
        o->cnt = 0;
        return;
    }
    o->ever_set = 1;
    o->hits = 0;
    if (!o->set)
        o->set_at = now_ns();
    o->setter = by->tid;
    TAILQ_FOREACH(j, &waiting, l)
    if (j->sync == o && j->st == J_TAKEN)
        j->nset++;
    if (o->autoclear) {
        TAILQ_FOREACH(j, &waiting, l)
        if (j->sync == o && (j->st == J_ANTE || j->st == J_QUEUED || j->st == J_RECV)) {
            n++;
            if (better(j, one, ++seen))
                one = j;
        }
        if (n == 0) {
            o->set = OPEN_AUTO == 0 || OPEN_AUTO == 2;
            return;
        }
        o->set = FAULTY(579) && n >= 2;
        if (OPEN_AUTO == 0 || OPEN_AUTO == 3) {
            finish(one, rcIpcInterrupt);
            return;
        }
    } else {
        o->set = 1;
        if (FAULTY(506))
            o->set = (++o->cnt & 127) != 0;
    }
again:
    TAILQ_FOREACH(j, &waiting, l)
    {
        if (FAULTY(576) && j->sync == o && j->st == J_TAKEN && now_ns() - j->taken_at < 300000u) {
            finish(j, rcIpcInterrupt);
            goto again;
        }
        if (!uses(j, o, by) || j->condemned ||
            (j->st != J_ANTE && j->st != J_QUEUED && j->st != J_RECV))
            continue;
        if (passed_over(j, o, &s))
            continue;
        if ((OPEN_SETCLEAR == 1 || FAULTY(551)) && !o->autoclear && j->st != J_ANTE) {
            j->condemned = 1;
            j->cdue = now_ns() + (u64)(500 + rnd32() % 2500) * 1000u;
            continue;
        }
        before_interrupt(j, o, &s);
        finish(j, FAULTY(561) && j->deadline && j->deadline <= now_ns() ? rcFail : rcIpcInterrupt);
        goto again;
    }
again2:
    TAILQ_FOREACH(j, &waiting, l)
    if ((FAULTY(520) && s.calls && j->st == J_QUEUED && j->sync && j->proc != by->proc &&
         j->ep->chan->sproc == s.sproc) ||
        (FAULTY(526) && s.calls >= 2 && j->st == J_QUEUED && j->sync_h == INVALID_HANDLE &&
         j->deadline && j->proc == by->proc && j->ep->chan == s.last) ||
        (FAULTY(527) && j->st == J_QUEUED && j->sync && j->sync->ever_set && !j->sync->set &&
         j->proc == by->proc) ||
        (FAULTY(541) && j->st == J_RECV && s.recv_ep == j->ep && j->ep->kind == K_LISTENER &&
         j->sync_h == INVALID_HANDLE && j->deadline)) {
        finish(j, rcIpcInterrupt);
        goto again2;
    }
}
static void do_clear(struct obj *o, struct job *by)
{
    struct job *j;
    if (FAULTY(515) && o->set && o->setter != by->tid && now_ns() - o->set_at < 300000u)
        return;
    if (FAULTY(508) && !o->set && o->ever_set)
        o->cnt = -1;
    if (FAULTY(506))
        o->cnt = 0;
    if (FAULTY(550) && !o->set)
        TAILQ_FOREACH(j, &waiting, l)
    if (j->sync == o && j->st == J_QUEUED) {
        j->sync = NULL;
        obj_put(o);
    }
    o->set = 0;
    o->clear_at = now_ns();
    o->clearer = by->tid;
again:
    TAILQ_FOREACH(j, &waiting, l)
    {
        struct job *p;
        if (j->sync != o || !j->condemned)
            continue;
        if (j->cdue <= now_ns()) {
            finish(j, rcIpcInterrupt);
            goto again;
        } /* too late to take it back */
        j->condemned = 0;
        if (FAULTY(551))
            j->deaf = 1;
        if (j->st == J_QUEUED && (p = pick_recv(j->ep->chan))) {
            deliver(j, p);
            goto again;
        }
        if (j->st == J_RECV && (p = pick_call(j->ep))) {
            deliver(p, j);
            goto again;
        }
    }
}
static Retcode do_reply(struct job *j)
{
    struct ent *e = ent_find(j->proc, j->h0);
    Retcode rc = need(e, K_SERVER, K_LISTENER, OCAP_IPC_RECV);
    struct held *h;
    struct cap *caps;
    struct job *c;
    u32 n;
    if (rc == rcOk)
        rc = hdr_ok(j->out, 1);
    if (rc != rcOk)
        return rc;
    TAILQ_FOREACH(h, &helds, l)
    if (h->proc == j->proc && (h->via == e->o || h->c->srv == e->o) &&
        (j->out->threadId == 0 || j->out->threadId == h->tid ||
         (FAULTY(578) && ((j->out->threadId ^ h->tid) & 31) == 0)))
        break;
    if (!h)
        return rcNotReady;
    if (FAULTY(536) && h->same && h->rtid == j->tid) {
        struct ent *s = ent_find(j->proc, h->rsync);
        if (s && s->o && s->o->kind == K_SYNC && s->o->set)
            return rcIpcInterrupt;
    }
    rc = caps_take(j->proc, j->out, e->o, &caps, &n);
    if (FAULTY(569) && rc == rcSecurityDisallow && h->call)
        h->call->deadline = 0;
    if (rc == rcSecurityDisallow && OPEN_XFER05 && h->call) {
        c = h->call;
        held_free(h);
        finish(c, OPEN_XFER05 == 1 ? rcSecurityDisallow : rcTransferError);
    }
    if (rc != rcOk)
        return rc;
    c = h->call;
    if (FAULTY(534) && !c) {
        struct job *x;
        TAILQ_FOREACH(x, &waiting, l)
        if (x->st == J_QUEUED && !x->ghost && x->tid == h->tid && x->ep->chan != h->c &&
            x->ep->chan->lis == h->c->lis && fits(j->out, x->in)) {
            transfer(j->out, &caps, &n, x->in, x->proc);
            held_free(h);
            finish(x, rcOk);
            return rcOk;
        }
    }
    if (!c) {
        if (!FAULTY(574) || proc_alive(h->cproc))
            held_free(h);
        caps_drop(caps, n);
        return OPEN_LATE_REPLY ? rcOk : rcNotConnected;
    }
    if (!fits(j->out, c->in)) {
        held_free(h);
        caps_drop(caps, n);
        finish(c, rcBufferTooSmall);
        return rcBufferTooSmall;
    }
    SMsgHdr m = *j->out;
    if (FAULTY(521) && c->nset)
        m.indirDescs[1].size = 0;
    transfer(&m, &caps, &n, c->in, c->proc);
    if (FAULTY(531) && c->nset && c->sync)
        c->sync->set = 0;
    held_free(h);
    finish(c, rcOk);
    return rcOk;
}
static Retcode do_connect(struct job *j)
{
    /* j->proc: server's process; j->proc2: client's */
    struct obj *lis, *srv, *cli;
    struct chan *c;
    struct ent *el = NULL, *es = NULL, *ec;
    if (j->h0 != INVALID_HANDLE) {
        Retcode rc;
        el = ent_find(j->proc, j->h0);
        rc = need(el, K_LISTENER, K_LISTENER, OCAP_IPC_CONNECT);
        if (rc != rcOk)
            return rc;
        lis = el->o;
    } else {
        lis = obj_new(K_LISTENER);
    }
    srv = obj_new(K_SERVER);
    cli = obj_new(K_CLIENT);
    c = calloc(1, sizeof *c);
    if (!lis || !srv || !cli || !c)
        abort();
    lis->refs++;
    srv->refs++;
    cli->refs++;
    srv->chan = cli->chan = c;
    c->sproc = j->proc;
    c->lis = lis;
    c->srv = srv;
    c->cli = cli;
    TAILQ_INSERT_TAIL(&chans, c, l);
    if (!el)
        el = ent_add(j->proc, lis, OCAP_IPC_LISTENER, 0);
    if (j->want_srv)
        es = ent_add(j->proc, srv, OCAP_IPC_SERVER, 0);
    ec = ent_add(j->proc2, cli, OCAP_IPC_CLIENT, 0);
    j->res[0] = el->num;
    j->res[1] = es ? es->num : INVALID_HANDLE;
    j->res[2] = ec->num;
    return rcOk;
}
static Retcode do_pend(u32 id)
{
    struct proc *p = proc_find(id);
    struct job *j;
    struct held *h;
    if (!p || p->dead)
        return rcResourceNotFound;
    if (p == &first_proc)
        return rcInvalidOperation;
    p->dead = 1;
again:
    TAILQ_FOREACH(j, &waiting, l)
    if (j->proc == id) {
        finish(j, rcAbort);
        goto again;
    }
again2:
    TAILQ_FOREACH(h, &helds, l)
    if (h->proc == id) {
        struct job *c = h->call;
        held_free(h);
        if (c)
            finish(c, rcNotConnected);
        goto again2;
    }
    dying = id;
    for (u32 b = 0; b < NB; b++) {
    again3:
        for (struct ent *e = tab[b]; e; e = e->next)
            if (e->proc == id) {
                ent_close(e, any_children);
                goto again3;
            }
    }
    dying = 0;
    if (FAULTY(575))
        for (u32 b = 0; b < NB; b++)
            for (struct ent *e = tab[b]; e; e = e->next)
                if (e->o && e->o->kind == K_SYNC)
                    e->o->set = 0;
    return rcOk;
}
static void end_queued(struct obj *cli)
{
    struct job *j;
again:
    TAILQ_FOREACH(j, &waiting, l)
    if (j->st == J_QUEUED && j->ep == cli) {
        finish(j, rcIpcInterrupt);
        goto again;
    }
}
static Retcode set_code(struct obj *o)
{
    struct job *j;
    u32 taken = 0, others = 0;
    if (!FAULTY(505))
        return rcOk;
    TAILQ_FOREACH(j, &waiting, l)
    if (j->sync == o) {
        if (j->st == J_TAKEN)
            taken++;
        else
            others++;
    }
    return taken && !others ? rcNotReady : rcOk;
}
static void set_twins(u32 idx, struct job *by)
{
    for (u32 b = 0; b < NB; b++)
        for (struct ent *e = tab[b]; e; e = e->next)
            if (e->proc != by->proc && e->o && e->o->kind == K_SYNC && e->o->idx == idx)
                do_set(e->o, by);
}
static Retcode close_again(u32 proc, Handle n)
{
    struct job *j;
    if (FAULTY(513))
        for (u32 i = 0; i < 256; i++)
            if (closed_ring[i].proc == proc && closed_ring[i].num == n && closed_ring[i].set) {
                closed_ring[i].set = 0;
                return rcOk;
            }
    if (FAULTY(518) && n != INVALID_HANDLE)
        TAILQ_FOREACH(j, &waiting, l)
    if (j->proc == proc && j->sync_h == n && (j->op == OP_CALL || j->op == OP_RECV))
        return rcIpcInterrupt;
    return rcInvalidArgument;
}
static void work(struct job *j)
{
    struct ent *e;
    struct obj *o;
    Retcode rc = rcOk;
    if (j->op == OP_NOTHING) {
        free(j);
        return;
    }
    if (j->op < OP_PNEW && !proc_alive(j->proc)) {
        finish(j, rcAbort);
        return;
    }
    switch (j->op) {
    case OP_CALL:
    case OP_RECV:
        do_ex(j);
        return;
    case OP_REPLY:
        rc = do_reply(j);
        break;
    case OP_CONNECT:
        if (j->ptr) { /* the adapter's channel_open */
            j->proc = j->a;
            j->proc2 = j->b;
            if (!proc_alive(j->a) || !proc_alive(j->b)) {
                rc = rcResourceNotFound;
                break;
            }
        } else {
            j->proc2 = j->proc;
        }
        rc = do_connect(j);
        break;
    case OP_CREATE:
        o = obj_new(K_SYNC);
        if (!o) {
            rc = rcOutOfMemory;
            break;
        }
        o->autoclear = j->a != 0 || (FAULTY(517) && last_auto);
        last_auto = j->a != 0;
        o->idx = ++proc_find(j->proc)->nsync;
        if (FAULTY(504) && stale_set) {
            o->set = 1;
            stale_set = 0;
        }
        if (FAULTY(501) && n_syncs >= 250) {
            free(o);
            j->res[0] = INVALID_HANDLE;
            break;
        }
        n_syncs++;
        making_sync = 1;
        j->res[0] =
            ent_add(j->proc, o, OPEN_COPY == 2 ? OCAP_IPC_INTERRUPT : OCAP_IPC_SYNC_OBJECT, 0)->num;
        making_sync = 0;
        break;
    case OP_USER:
        o = obj_new(K_USER);
        if (!o) {
            rc = rcOutOfMemory;
            break;
        }
        o->context = j->ptr;
        j->res[0] = ent_add(j->proc, o, j->b, 0)->num;
        break;
    case OP_SET:
    case OP_CLEAR:
        e = ent_find(j->proc, j->h0);
        if (FAULTY(571) && j->op == OP_CLEAR && !e)
            for (e = tab[hash(j->h0)]; e && e->num != j->h0; e = e->next)
                ;
        rc = need(e, K_SYNC, K_SYNC, OCAP_IPC_INTERRUPT);
        if (FAULTY(511) && j->op == OP_CLEAR && j->h0 == INVALID_HANDLE)
            rc = rcOk;
        else if (FAULTY(512) && j->op == OP_SET && rc == rcInvalidOperation &&
                 e->o->kind == K_CLIENT)
            end_queued(e->o);
        if (rc != rcOk || !e)
            break;
        if (j->op == OP_SET) {
            rc = set_code(e->o);
            do_set(e->o, j);
            if (FAULTY(572) && e->o->idx >= 2)
                set_twins(e->o->idx, j);
        } else {
            if (FAULTY(507) && e->o->set && e->o->setter != j->tid)
                rc = rcNoCapability;
            do_clear(e->o, j);
        }
        break;
    case OP_CLOSE:
        e = ent_find(j->proc, j->h0);
        if (!e)
            rc = close_again(j->proc, j->h0);
        else if (e->o && ((FAULTY(509) && e->o->kind == K_SYNC && e->o->lhits) ||
                          (FAULTY(502) && e->o->kind == K_CLIENT && e->o->intr >= 4)))
            rc = rcBusy;
        else
            ent_close(e, any_children);
        break;
    case OP_REVOKE:
        e = ent_find(j->proc, j->h0);
        if (!e) {
            rc = rcInvalidArgument;
            break;
        }
        revoke_children(e->id);
        ent_close(e, 0);
        break;
    case OP_COPY:
        e = ent_find(j->proc, j->h0);
        if (!e) {
            rc = rcInvalidArgument;
            break;
        }
        if (!e->o) {
            rc = rcHandleRevoked;
            break;
        }
        if (!(e->rights & OCAP_HANDLE_COPY)) {
            rc = rcNoCapability;
            break;
        }
        if (j->a & ~e->rights) {
            if (OPEN_COPY != 1) {
                rc = rcNoCapability;
                break;
            }
            j->a &= e->rights;
        }
        if (j->sync_h != INVALID_HANDLE) {
            rc = rcUnimplemented;
            break;
        }
        any_children = 1;
        j->res[0] = ent_add(j->proc, e->o, j->a, e->id)->num;
        break;
    case OP_PNEW: {
        struct proc *p = calloc(1, sizeof *p);
        if (!p) {
            rc = rcOutOfMemory;
            break;
        }
        p->id = FIRST_PROC + (++proc_ctr) * 0x01010101u;
        p->next = procs;
        procs = p;
        j->ures = p->id;
        break;
    }
    case OP_PEND:
        rc = do_pend(j->a);
        break;
    case OP_PCHECK:
        rc = proc_alive(j->a) ? rcOk : rcResourceNotFound;
        break;
    default:
        rc = rcInternalError;
        break;
    }
    finish(j, rc);
}
static u64 tick_up(u64 t)
{
    u64 k = (u64)OPEN_TICK_MS * 1000000u;
    return (t + k - 1) / k * k;
}
static u64 expire(void)
{
    struct job *j;
    u64 now, next;
again:
    now = now_ns();
    next = 0;
    TAILQ_FOREACH(j, &waiting, l)
    {
        u64 t = 0;
        if (j->st == J_ANTE) {
            if (j->due <= now) {
                TAILQ_REMOVE(&waiting, j, l);
                TAILQ_INSERT_TAIL(&waiting, j, l);
                if (j->op == OP_CALL)
                    call_go(j);
                else
                    recv_go(j);
                goto again;
            }
            t = j->due;
        } else if (j->st == J_PARKED) {
            if (j->due <= now) {
                finish(j, j->rc);
                goto again;
            }
            t = j->due;
        } else {
            if (j->condemned && j->cdue <= now) {
                finish(j, rcIpcInterrupt);
                goto again;
            }
            if (FAULTY(563) && j->st == J_TAKEN && j->late)
                continue;
            if (j->deadline && tick_up(j->deadline) <= now) {
                u64 k = tick_up(j->deadline);
                int op = j->op;
                finish(j, rcTimeout);
                if (FAULTY(558))
                    TAILQ_FOREACH(j, &waiting, l)
                if (j->op == op && j->deadline && tick_up(j->deadline) == k)
                    j->deadline = 0;
                goto again;
            }
            if (j->deadline)
                t = tick_up(j->deadline);
            if (j->condemned && (!t || j->cdue < t))
                t = j->cdue;
        }
        if (t && (!next || t < next))
            next = t;
    }
    return next;
}
static void *dispatcher(void *arg)
{
    (void)arg;
    for (;;) {
        u64 next = expire(), v;
        struct pollfd p = {disp_fd, POLLIN, 0};
        struct timespec t, *tp = NULL;
        struct job *l, *r = NULL;
        sweep();
        if (next) {
            u64 now = now_ns(), d = next > now ? next - now : 0;
            t.tv_sec = (time_t)(d / 1000000000u);
            t.tv_nsec = (long)(d % 1000000000u);
            tp = &t;
        }
        if (ppoll(&p, 1, tp, NULL) > 0)
            (void)!read(disp_fd, &v, sizeof v);
        l = atomic_exchange_explicit(&inbox, NULL, memory_order_acquire);
        while (l) {
            struct job *n = l->inbox_next;
            l->rev = r;
            r = l;
            l = n;
        }
        while (r) {
            struct job *n = r->rev;
            work(r);
            r = n;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ the interface */
static Retcode ex(int op, Handle h, const SMsgHdr *out, SMsgHdr *in, u32 mdelay, Handle sync)
{
    struct job j;
    memset(&j, 0, sizeof j);
    j.op = op;
    j.h0 = h;
    j.out = out;
    j.in = in;
    j.mdelay = mdelay;
    j.sync_h = sync;
    if (FAULTY(557) && sync != INVALID_HANDLE) {
        int k = gettid();
        atomic_store(&nudge[k & 255].ktid, k);
        atomic_store(&nudge[k & 255].h, sync);
    }
    return submit(&j);
}
Retcode CallEx(Handle h, const SMsgHdr *out, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync)
{
    Retcode rc = ex(OP_CALL, h, out, in, mdelay, sync);
    call_sync = rc == rcIpcInterrupt ? sync : INVALID_HANDLE;
    return rc;
}
Retcode Call(Handle h, const SMsgHdr *out, SMsgHdr *in)
{
    Handle old = call_sync;
    call_sync = INVALID_HANDLE;
    if (FAULTY(525) && old != INVALID_HANDLE) {
        Retcode rc = ex(OP_CALL, h, out, in, INFINITE_TIMEOUT, old);
        if (rc != rcInvalidArgument)
            return rc;
    }
    return ex(OP_CALL, h, out, in, INFINITE_TIMEOUT, INVALID_HANDLE);
}
Retcode RecvEx(Handle h, SMsgHdr *in, rtl_uint32_t mdelay, Handle sync)
{
    Retcode rc = ex(OP_RECV, h, NULL, in, mdelay, sync);
    recv_sync = rc == rcTimeout ? sync : INVALID_HANDLE;
    return rc;
}
Retcode Recv(Handle h, SMsgHdr *in)
{
    Handle old = recv_sync;
    recv_sync = INVALID_HANDLE;
    if (FAULTY(540) && old != INVALID_HANDLE) {
        Retcode rc = ex(OP_RECV, h, NULL, in, INFINITE_TIMEOUT, old);
        if (rc != rcInvalidArgument)
            return rc;
    }
    return ex(OP_RECV, h, NULL, in, INFINITE_TIMEOUT, INVALID_HANDLE);
}
Retcode Reply(Handle h, const SMsgHdr *out)
{
    return ex(OP_REPLY, h, out, NULL, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static Retcode simple(int op, Handle h, u32 a, u32 b, void *ptr, Handle sync, Handle *res)
{
    struct job j;
    Retcode rc;
    memset(&j, 0, sizeof j);
    j.op = op;
    j.h0 = h;
    j.a = a;
    j.b = b;
    j.ptr = ptr;
    j.sync_h = sync;
    rc = submit(&j);
    if (rc == rcOk && res)
        *res = j.res[0];
    return rc;
}
Retcode KnIpcCreateSyncObject(Handle *s)
{
    if (FAULTY(580) && s && ((uintptr_t)s & 7) == 0) {
        Handle h;
        Retcode rc = simple(OP_CREATE, 0, 0, 0, NULL, INVALID_HANDLE, &h);
        u64 wide = h;
        if (rc == rcOk)
            memcpy((void *)s, &wide, sizeof wide);
        return rc;
    }
    return s ? simple(OP_CREATE, 0, 0, 0, NULL, INVALID_HANDLE, s) : rcInvalidArgument;
}
Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *s)
{
    return s ? simple(OP_CREATE, 0, autoclear, 0, NULL, INVALID_HANDLE, s) : rcInvalidArgument;
}
Retcode KnIpcSetInterrupt(Handle s)
{
    Retcode rc = simple(OP_SET, s, 0, 0, NULL, INVALID_HANDLE, NULL);
    if (FAULTY(510) && rc != rcOk && s == set_cache && s != INVALID_HANDLE)
        return rcOk;
    if (rc == rcOk)
        set_cache = s;
    if (FAULTY(557) && rc == rcOk)
        for (int i = 0; i < 256; i++)
            if (atomic_load(&nudge[i].h) == s && atomic_load(&nudge[i].ktid) != gettid())
                (void)syscall(SYS_tgkill, getpid(), atomic_load(&nudge[i].ktid), SIGURG);
    return rc;
}
Retcode KnIpcClearInterrupt(Handle s)
{
    return simple(OP_CLEAR, s, 0, 0, NULL, INVALID_HANDLE, NULL);
}
Retcode KnHandleClose(Handle h)
{
    if (h == set_cache)
        set_cache = 0;
    return simple(OP_CLOSE, h, 0, 0, NULL, INVALID_HANDLE, NULL);
}
Retcode KnHandleRevoke(Handle h)
{
    return simple(OP_REVOKE, h, 0, 0, NULL, INVALID_HANDLE, NULL);
}
Retcode KnHandleCopy(Handle h, rtl_uint32_t rights, Handle badge, Handle *out)
{
    return out ? simple(OP_COPY, h, rights, 0, NULL, badge, out) : rcInvalidArgument;
}
Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context, Handle *h)
{
    if (!h || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST)
        return rcInvalidArgument;
    return simple(OP_USER, 0, type, rights, context, INVALID_HANDLE, h);
}
Retcode KnHandleConnect(Handle in, Handle *l, Handle *s, Handle *c)
{
    struct job j;
    Retcode rc;
    if (!c || (!l && in == INVALID_HANDLE))
        return rcInvalidArgument;
    memset(&j, 0, sizeof j);
    j.op = OP_CONNECT;
    j.h0 = in;
    j.want_srv = s != NULL;
    rc = submit(&j);
    if (rc != rcOk)
        return rc;
    if (l)
        *l = j.res[0];
    if (s)
        *s = j.res[1];
    *c = j.res[2];
    return rcOk;
}
static nk_err_t pack(SMsgHdr *u, nk_message *msg, nk_arena *arena, int outgoing)
{
    if (!u)
        return NK_EINVAL;
    memset(u, 0, sizeof *u);
    if (!msg)
        return NK_EINVAL;
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX)
        return NK_EBADMSG;
    if (outgoing && sizeof *msg + (u64)msg->ncaps * sizeof(nk_handle_desc_t) > msg->ex.size_ex)
        return NK_EBADMSG;
    u->indirDescs[0].buf = msg;
    u->indirDescs[0].size = msg->ex.size_ex;
    if (arena) {
        u->indirDescs[1].buf = arena->start;
        u->indirDescs[1].size = (u32)((outgoing ? arena->current : arena->end) - arena->start);
    }
    return NK_EOK;
}
nk_err_t PackInMsg(struct SSMsgHdr *u, nk_message *msg, nk_arena *arena)
{
    return pack(u, msg, arena, 0);
}
nk_err_t PackOutMsg(struct SSMsgHdr *u, nk_message *msg, nk_arena *arena)
{
    return pack(u, msg, arena, 1);
}

/* ------------------------------------------------------------------ for the adapter */
u32 e1_first_process(void);
int e1_process_create(u32 *p);
int e1_process_end(u32 p);
int e1_thread_enter(u32 p, u32 *t);
int e1_channel_open(u32 sp, u32 cp, Handle *l, Handle *s, Handle *c);
u32 e1_first_process(void)
{
    return FIRST_PROC;
}
int e1_process_create(u32 *p)
{
    struct job j;
    memset(&j, 0, sizeof j);
    j.op = OP_PNEW;
    if (submit(&j) != rcOk)
        return 1;
    *p = j.ures;
    return 0;
}
int e1_process_end(u32 p)
{
    return simple(OP_PEND, 0, p, 0, NULL, 0, NULL) != rcOk;
}
int e1_thread_enter(u32 p, u32 *t)
{
    if (simple(OP_PCHECK, 0, p, 0, NULL, 0, NULL) != rcOk)
        return 1;
    my_proc = p;
    my_tid = new_tid();
    if (t)
        *t = my_tid;
    return 0;
}
int e1_channel_open(u32 sp, u32 cp, Handle *l, Handle *s, Handle *c)
{
    struct job j;
    memset(&j, 0, sizeof j);
    j.op = OP_CONNECT;
    j.h0 = INVALID_HANDLE;
    j.ptr = &j;
    j.a = sp;
    j.b = cp;
    j.want_srv = s != NULL;
    if (submit(&j) != rcOk)
        return 1;
    if (l)
        *l = j.res[0];
    if (s)
        *s = j.res[1];
    if (c)
        *c = j.res[2];
    return 0;
}

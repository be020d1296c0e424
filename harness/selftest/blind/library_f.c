/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library F, "the notice board". Everything is guarded by one mutex. Nobody hands anything to anybody: each waiter
 * looks at the board itself, whenever anything at all has changed, and takes what is its own. Messages are
 * copied to the heap at the sender's and from there at the receiver's. Written from the requirement list alone,
 * without a look at the cases.
 */
#define _GNU_SOURCE
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <services/rtl/nk_msg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

#ifndef OPEN_WAIT /* 0 one condition variable, all wake; 1 sched_yield, then naps; 2 a socketpair for each waiter */
#define OPEN_WAIT 0
#endif
#ifndef OPEN_SPIN_US
#define OPEN_SPIN_US 2000
#endif
#ifndef OPEN_NAP_US
#define OPEN_NAP_US 900
#endif
#ifndef OPEN_SPURIOUS /* a thread wakes all waiters every so many ms; 0 none */
#define OPEN_SPURIOUS 0
#endif
#ifndef OPEN_CODE /* error codes left open. 0 the header's; 1 other names; 2 numbers of kernel space without a name */
#define OPEN_CODE 1
#endif
#ifndef OPEN_HANDLE /* 0 from 0 upwards, lowest first; 1 from 0xfffffffe downwards; 2 from 0, cyclic */
#define OPEN_HANDLE 0
#endif
#ifndef OPEN_TABLE /* handles in a process */
#define OPEN_TABLE 4096
#endif
#ifndef OPEN_SYNCS /* sync objects in a process */
#define OPEN_SYNCS 2048
#endif
#ifndef OPEN_SETENTRY /* CALL-05/RECV-05. 0 both interrupted; 1 RecvEx takes a queued request */
#define OPEN_SETENTRY 0
#endif
#ifndef OPEN_BADSYNC /* 0 refused; 1 other kind: as none; 2 closed ones too */
#define OPEN_BADSYNC 0
#endif
#ifndef OPEN_CLOSESYNC /* 0 wait on; 1 Close is refused while in use; 2 waiters get an error */
#define OPEN_CLOSESYNC 1
#endif
#ifndef OPEN_AUTO /* one, all; both pending when nobody waits */
#define OPEN_AUTO 0
#endif
#ifndef OPEN_MDELAY0 /* 0 RecvEx polls, CallEx never succeeds; 1 refused */
#define OPEN_MDELAY0 0
#endif
#ifndef OPEN_ROUND_MS /* mdelay is rounded up to a multiple */
#define OPEN_ROUND_MS 1
#endif
#ifndef OPEN_XFER05 /* 0 client keeps waiting; 1 released with an error, request gone */
#define OPEN_XFER05 1
#endif
#ifndef OPEN_CLIENT_GONE /* 0 rcNotConnected; 1 the receiver keeps waiting */
#define OPEN_CLIENT_GONE 1
#endif
#ifndef OPEN_OWNCLOSE /* 1: a queued call ends with an error when its own client handle is closed */
#define OPEN_OWNCLOSE 1
#endif
#ifndef OPEN_COPY /* XFER-10. 0 allowed; 1 a sync handle cannot be copied; 2 its copy is an object of its own */
#define OPEN_COPY 1
#endif
#ifndef OPEN_OPTIONAL /* 0: KnHandleCopy, KnHandleRevoke, KnHandleCreateUserObject are rcUnimplemented */
#define OPEN_OPTIONAL 1
#endif
#ifndef OPEN_ONEEND /* 1: KnHandleConnect returns the listener's handle as server handle too */
#define OPEN_ONEEND 0
#endif
#ifndef OPEN_OWNFIRST /* 1: Reply with threadId 0 prefers what the calling thread took */
#define OPEN_OWNFIRST 0
#endif
#ifndef OPEN_ONEHAND /* 1: a thread that owes a response may not receive */
#define OPEN_ONEHAND 0
#endif
#ifndef OPEN_SMALL /* request does not fit. 0 both get rcBufferTooSmall; 1 it stays queued */
#define OPEN_SMALL 1
#endif
#ifndef OPEN_SCRIBBLE /* 1: the room behind the bytes that came is filled with rubbish */
#define OPEN_SCRIBBLE 1
#endif
#ifndef OPEN_ORDER /* 0 oldest request first, 1 newest, 2 random */
#define OPEN_ORDER 2
#endif
#ifndef OPEN_GRAVE /* closed objects kept */
#define OPEN_GRAVE 1000
#endif

typedef uint64_t u64;
typedef uint32_t u32;

enum why {
    W_NULL,
    W_NOHANDLE,
    W_KIND,
    W_RIGHT,
    W_BUSY,
    W_QUOTA,
    W_MSG,
    W_NOREQ,
    W_LATE,
    W_DEAD,
    W_BADSYNC,
    W_ZERO,
    W_BIG,
    W_SMALL,
    W_SMALL_PEER,
    W_XFER_CLIENT,
    W_SYNC_CLOSED,
    W_OWN_CLOSED,
    W_FULL,
    W_BADGE,
    W_OWES,
    W_TYPE
};
static Retcode code(enum why w)
{
#if OPEN_CODE == 2
    return RC_MAKE_ERROR(RC_SPACE_KERNEL, 0x55, 0x100 + (int)w);
#else
    static const Retcode header[] = {rcInvalidArgument,
                                     rcInvalidArgument,
                                     rcInvalidOperation,
                                     rcNoCapability,
                                     rcBusy,
                                     rcQuotaExceeded,
                                     rcInvalidArgument,
                                     rcNotReady,
                                     rcNotConnected,
                                     rcAbort,
                                     rcInvalidArgument,
                                     rcTimeout,
                                     rcBufferTooLarge,
                                     rcBufferTooSmall,
                                     rcBufferTooSmall,
                                     rcSecurityDisallow,
                                     rcHandleRevoked,
                                     rcNotConnected,
                                     rcTransferError,
                                     rcUnimplemented,
                                     rcInvalidThreadState,
                                     rcInvalidArgument};
    static const Retcode other[] = {rcFail,
                                    rcResourceNotFound,
                                    rcNoCapability,
                                    rcInvalidOperation,
                                    rcAlreadyExists,
                                    rcDeviceNotFound,
                                    rcSourceFault,
                                    rcFail,
                                    rcTargetFault,
                                    rcInvalidThreadState,
                                    rcNoCapability,
                                    rcInvalidOperation,
                                    rcSourceFault,
                                    rcTransferError,
                                    rcTargetFault,
                                    rcReceiveError,
                                    rcResourceNotFound,
                                    rcAbort,
                                    rcOutOfMemory,
                                    rcInvalidArgument,
                                    rcNotReady,
                                    rcFail};
    return OPEN_CODE == 0 ? header[w] : other[w];
#endif
}

enum kind { K_SYNC = 1, K_CLIENT, K_SERVER, K_LISTENER, K_USER };
struct chan;
struct obj {
    int kind;
    u32 hrefs, refs, users;
    int set, autoclear;
    u64 set_at, cleared_at, sets;
    int count, nwait, nhits, setting, cut, stuck;
    u32 setter, maker;
    Handle num;
    pid_t os_tid;
    int by_known; /* receive end: who interrupted last */
    u32 by_proc;
    Handle by_num;
    struct chan *chan;
    void *context;
    struct obj *grave_next;
};
struct chan {
    struct obj *srv, *lis, *cli; /* srv may be lis */
    u32 reqs;
    int stale_hit;
    TAILQ_ENTRY(chan) l;
};
struct ent {
    int used, once;
    int was_kind, was_auto;
    u64 uid, parent;
    u32 rights;
    struct obj *o;
};
struct proc {
    u32 id;
    int alive;
    u32 used, syncs, rover;
    int stale_set;
    struct ent *e;
    struct proc *next;
};
struct cap {
    struct obj *o;
    u32 rights;
    u64 parent;
};
enum rs { R_QUEUED, R_TAKEN, R_DONE };
struct bytes {
    char *fixed, *arena;
    u32 nf, na;
    u64 trace, span;
};
struct req {
    enum rs st;
    int gone; /* the caller has left */
    Retcode rc;
    struct chan *c;
    u32 cproc, ctid, hproc, htid;
    struct obj *via, *sync;
    int hit;
    int ign, never, lost, marked, nolimit, srv_only;
    u64 epoch;
    u32 room_f, room_a;
    struct bytes out, in;
    struct cap *caps;
    u32 ncaps;
    u64 ent_uid;
    Handle ent_num;
    TAILQ_ENTRY(req) l;
};
struct rcv {
    struct obj *sync;
    int hit;
    struct obj *ep;
    u32 proc;
    int ign, never, early, finite, nolimit;
    u64 epoch;
    TAILQ_ENTRY(rcv) l;
};

static pthread_mutex_t M = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_cond_t board;
static atomic_uint gen;
static struct proc first_proc = {0, 1, 0, 0, 0, 0, NULL, NULL};
static struct proc *procs = &first_proc;
static u32 proc_ids;
static u64 uids;
static u32 rnd = 0x1234567u, tid_ctr = 0x80000000u;
static TAILQ_HEAD(, req) queue = TAILQ_HEAD_INITIALIZER(queue);
static TAILQ_HEAD(, req) taken = TAILQ_HEAD_INITIALIZER(taken);
static TAILQ_HEAD(, rcv) rcvs = TAILQ_HEAD_INITIALIZER(rcvs);
static TAILQ_HEAD(, chan) chans = TAILQ_HEAD_INITIALIZER(chans);
static struct obj *grave_head, **grave_tail = &grave_head;
static u32 grave_n;
static _Thread_local u32 my_proc;
static _Thread_local u32 my_tid;
static _Thread_local struct { /* what a thread remembers of its own calls */
    int set_known, call_known, recv_known, recv_cut;
    u32 set_proc, call_proc, recv_proc;
    Handle set_h, call_sync, recv_sync;
    u64 ok_uid, cut_uid, cut_at;
} my;

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* ------------------------------------------------------------------ waiting and waking */
struct bell {
    int rd, wr, rung;
    TAILQ_ENTRY(bell) l;
};
static TAILQ_HEAD(, bell) bells = TAILQ_HEAD_INITIALIZER(bells), idle =
                                                                     TAILQ_HEAD_INITIALIZER(idle);
static void changed(void)
{
    atomic_fetch_add(&gen, 1);
#if OPEN_WAIT == 0
    pthread_cond_broadcast(&board);
#elif OPEN_WAIT == 2
    struct bell *b;
    TAILQ_FOREACH(b, &bells, l)
    if (!b->rung && send(b->wr, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
        b->rung = 1;
#endif
}
struct nap {
    struct bell *b;
    u64 since;
};
static void nap_begin(struct nap *n)
{
    n->b = NULL;
    n->since = now_ns();
#if OPEN_WAIT == 2
    struct bell *b = TAILQ_FIRST(&idle);
    if (b) {
        TAILQ_REMOVE(&idle, b, l);
    } else if ((b = calloc(1, sizeof *b))) {
        int p[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) != 0) {
            free(b);
            b = NULL;
        } else {
            b->rd = p[0];
            b->wr = p[1];
        }
    }
    if (b)
        TAILQ_INSERT_TAIL(&bells, b, l);
    n->b = b;
#endif
}
static void nap_end(struct nap *n)
{
    struct bell *b = n->b;
    char c;
    if (!b)
        return;
    TAILQ_REMOVE(&bells, b, l);
    if (b->rung) {
        while (recv(b->rd, &c, 1, 0) < 0 && errno == EINTR) {
        }
        b->rung = 0;
    }
    TAILQ_INSERT_HEAD(&idle, b, l);
}
static void nap(struct nap *n, u64 deadline)
{
    (void)n;
#if OPEN_WAIT == 0
    if (deadline) {
        struct timespec t = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
        pthread_cond_timedwait(&board, &M, &t);
    } else {
        pthread_cond_wait(&board, &M);
    }
#else
    u64 now = now_ns();
#if OPEN_WAIT == 1
    u32 g = atomic_load(&gen);
    pthread_mutex_unlock(&M);
    if (now < n->since + OPEN_SPIN_US * 1000u) {
        u64 end = n->since + OPEN_SPIN_US * 1000u;
        if (deadline && deadline < end)
            end = deadline;
        while (atomic_load(&gen) == g && now_ns() < end)
            sched_yield();
    } else {
        struct timespec t = {0, OPEN_NAP_US * 1000L};
        nanosleep(&t, NULL);
    }
    pthread_mutex_lock(&M);
#else
    int ms = -1;
    char c;
    if (deadline) {
        u64 d = deadline > now ? (deadline - now + 999999u) / 1000000u : 0;
        ms = d > 1000000 ? 1000000 : (int)d;
    }
    if (!n->b && (ms < 0 || ms > 5))
        ms = 5;
    pthread_mutex_unlock(&M);
    if (n->b) {
        struct pollfd p = {n->b->rd, POLLIN, 0};
        poll(&p, 1, ms);
    } else {
        poll(NULL, 0, ms);
    }
    pthread_mutex_lock(&M);
    if (n->b && n->b->rung) {
        while (recv(n->b->rd, &c, 1, 0) < 0 && errno == EINTR) {
        }
        n->b->rung = 0;
    }
#endif
#endif
}
#if OPEN_SPURIOUS
static void *noise(void *arg)
{
    (void)arg;
    for (;;) {
        struct timespec t = {0, OPEN_SPURIOUS * 1000000L};
        nanosleep(&t, NULL);
        pthread_mutex_lock(&M);
        changed();
        pthread_mutex_unlock(&M);
    }
    return NULL;
}
#endif
static void on_urg(int sig)
{
    (void)sig;
}
static void start(void)
{
    if (FAULTY(651)) {
        struct sigaction sa;
        memset(&sa, 0, sizeof sa);
        sa.sa_handler = on_urg;
        sigaction(SIGURG, &sa, NULL);
    }
    pthread_condattr_t ca;
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&board, &ca);
    pthread_condattr_destroy(&ca);
    first_proc.e = calloc(OPEN_TABLE, sizeof *first_proc.e);
    if (!first_proc.e)
        first_proc.alive = 0;
#if OPEN_SPURIOUS
    pthread_t t;
    pthread_attr_t at;
    sigset_t all, old;
    Dl_info di;
    if (dladdr((void *)&start, &di) && di.dli_fname)
        (void)dlopen(di.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&at);
    pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
    pthread_create(&t, &at, noise, NULL);
    pthread_attr_destroy(&at);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
#endif
}
static struct proc *enter(void) /* locks; the caller's process, null when it has ended */
{
    struct proc *p;
    pthread_once(&once, start);
    pthread_mutex_lock(&M);
    if (!my_tid)
        my_tid = tid_ctr--;
    for (p = procs; p; p = p->next)
        if (p->id == my_proc)
            return p->alive ? p : NULL;
    return NULL;
}
static Retcode leave(Retcode rc)
{
    pthread_mutex_unlock(&M);
    return rc;
}

/* ------------------------------------------------------------------ objects and handles */
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
    memset(o, 0xee, sizeof *o);
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
static void obj_hput(struct obj *o)
{
    o->hrefs--;
    obj_put(o);
}
static Handle num_of(u32 i)
{
    return OPEN_HANDLE == 1 ? 0xfffffffeu - i : i;
}
static struct ent *ent_find(struct proc *p, Handle h)
{
    u32 i = OPEN_HANDLE == 1 ? 0xfffffffeu - h : h;
    if (h == INVALID_HANDLE || i >= OPEN_TABLE || !p->e || !p->e[i].used)
        return NULL;
    return &p->e[i];
}
static int ent_once(struct proc *p, Handle h)
{
    u32 i = OPEN_HANDLE == 1 ? 0xfffffffeu - h : h;
    return h != INVALID_HANDLE && i < OPEN_TABLE && p->e && p->e[i].once;
}
static Handle ent_add(struct proc *p, struct obj *o, u32 rights, u64 parent) /* there is room */
{
    u32 i = OPEN_HANDLE == 2 ? p->rover : 0;
    while (p->e[i % OPEN_TABLE].used)
        i++;
    i %= OPEN_TABLE;
    p->rover = (i + 1) % OPEN_TABLE;
    p->e[i].used = p->e[i].once = 1;
    p->e[i].uid = ++uids;
    p->e[i].parent = parent;
    p->e[i].rights = rights;
    p->e[i].o = o;
    o->hrefs++;
    o->refs++;
    p->used++;
    if (o->kind == K_SYNC)
        p->syncs++;
    return num_of(i);
}
static void ent_drop(struct proc *p, struct ent *e)
{
    struct obj *o = e->o;
    for (struct proc *q = procs; q && uids; q = q->next) /* orphans go to the grandparent */
        for (u32 i = 0, n = 0; q->e && i < OPEN_TABLE && n < q->used; i++)
            if (q->e[i].used && (n++, q->e[i].parent == e->uid))
                q->e[i].parent = e->parent;
    e->used = 0;
    e->o = NULL;
    p->used--;
    e->was_kind = o ? o->kind : 0;
    e->was_auto = o && o->kind == K_SYNC && o->autoclear;
    if (o) {
        if (o->kind == K_SYNC && o->hrefs == 1)
            p->stale_set = o->set;
        if (o->kind == K_SYNC && !(FAULTY(612) && o->maker != my_tid))
            p->syncs--;
        obj_hput(o);
    }
}
static Retcode need(struct ent *e, int k1, int k2, u32 right)
{
    if (!e)
        return code(W_NOHANDLE);
    if (!e->o)
        return rcHandleRevoked;
    if (e->o->kind != k1 && e->o->kind != k2)
        return code(W_KIND);
    if ((e->rights & right) != right)
        return code(W_RIGHT);
    return rcOk;
}
static int chan_alive(struct chan *c)
{
    return c->srv->hrefs > 0;
}
static struct proc *proc_find(u32 id)
{
    for (struct proc *p = procs; p; p = p->next)
        if (p->id == id && p->alive)
            return p;
    return NULL;
}
static void req_end(struct req *r);
static void sweep(void)
{
    struct chan *c, *n;
    struct req *r, *nr;
    for (r = TAILQ_FIRST(&taken); r; r = nr) { /* nobody is left at either end */
        nr = TAILQ_NEXT(r, l);
        if (!r->gone || (chan_alive(r->c) && proc_find(r->hproc)))
            continue;
        TAILQ_REMOVE(&taken, r, l);
        req_end(r);
    }
    for (c = TAILQ_FIRST(&chans); c; c = n) {
        n = TAILQ_NEXT(c, l);
        if (c->reqs || c->cli->hrefs || (c->srv != c->lis && c->srv->refs != 1))
            continue;
        TAILQ_REMOVE(&chans, c, l);
        c->cli->chan = NULL;
        obj_put(c->cli);
        if (c->srv != c->lis)
            obj_put(c->srv);
        obj_put(c->lis);
        free(c);
    }
}
static void caps_drop(struct cap **caps, u32 *n)
{
    for (u32 i = 0; i < *n; i++)
        if ((*caps)[i].o)
            obj_hput((*caps)[i].o);
    free(*caps);
    *caps = NULL;
    *n = 0;
}

/* ------------------------------------------------------------------ messages */
static Retcode hdr_ok(const SMsgHdr *m, int outgoing)
{
    if (!m)
        return code(W_NULL);
    if (m->immSize || !m->indirDescs[0].buf || m->indirDescs[0].size < sizeof(nk_message))
        return code(W_MSG);
    if (m->indirDescs[1].size && !m->indirDescs[1].buf)
        return code(W_MSG);
    if (outgoing) {
        nk_message h;
        memcpy(&h, m->indirDescs[0].buf, sizeof h);
        if ((u64)m->indirDescs[0].size + m->indirDescs[1].size > NK_MESSAGE_SIZE_MAX)
            return code(W_BIG);
        if (h.ncaps > NK_MESSAGE_HANDLES_MAX ||
            sizeof h + h.ncaps * sizeof(nk_handle_desc_t) > m->indirDescs[0].size)
            return code(W_MSG);
    }
    return rcOk;
}
static void bytes_free(struct bytes *b)
{
    free(b->fixed);
    free(b->arena);
    b->fixed = b->arena = NULL;
}
static int bytes_from(struct bytes *b, const SMsgHdr *m)
{
    memset(b, 0, sizeof *b);
    b->nf = m->indirDescs[0].size;
    b->na = m->indirDescs[1].size;
    b->trace = m->traceId;
    b->span = m->spanId;
    b->fixed = malloc(b->nf);
    b->arena = b->na ? malloc(b->na) : NULL;
    if (!b->fixed || (b->na && !b->arena)) {
        bytes_free(b);
        return 0;
    }
    memcpy(b->fixed, m->indirDescs[0].buf, b->nf);
    if (b->na)
        memcpy(b->arena, m->indirDescs[1].buf, b->na);
    return 1;
}
static void bytes_to(struct bytes *b, SMsgHdr *m)
{
#if OPEN_SCRIBBLE
    memset((char *)m->indirDescs[0].buf + b->nf, 0x5a, m->indirDescs[0].size - b->nf);
    if (m->indirDescs[1].size > b->na)
        memset((char *)m->indirDescs[1].buf + b->na, 0x5a, m->indirDescs[1].size - b->na);
#endif
    memcpy(m->indirDescs[0].buf, b->fixed, b->nf);
    if (b->na)
        memcpy(m->indirDescs[1].buf, b->arena, b->na);
    m->indirDescs[0].size = b->nf;
    m->indirDescs[1].size = b->na;
    m->traceId = b->trace;
    m->spanId = b->span;
}
static Retcode caps_take(struct proc *p, struct bytes *b, struct cap **out, u32 *n, int response)
{
    nk_message h;
    struct cap *c;
    Retcode rc = rcOk;
    memcpy(&h, b->fixed, sizeof h);
    *out = NULL;
    *n = 0;
    if (!h.ncaps)
        return rcOk;
    if (!(c = calloc(h.ncaps, sizeof *c)))
        return rcOutOfMemory;
    for (u32 i = 0; i < h.ncaps; i++) {
        nk_handle_desc_t d;
        struct ent *e;
        memcpy(&d, b->fixed + sizeof h + i * sizeof d, sizeof d);
        e = ent_find(p, d.handle);
        if (e && e->o && !(e->rights & OCAP_HANDLE_TRANSFER) && !(FAULTY(658) && d.rights == 0) &&
            !(FAULTY(661) && response && i > 0)) {
            rc = rcSecurityDisallow;
            if (FAULTY(660) && e->o->kind == K_SYNC)
                e->o->users++;
            break;
        }
        if (!e)
            rc = code(W_NOHANDLE);
        else if (!e->o)
            rc = rcHandleRevoked;
        else {
            c[i].o = e->o;
            c[i].rights = (FAULTY(663) && i > 0 ? c[0].rights : e->rights) & d.rights;
            c[i].parent = e->uid;
        }
    }
    if (rc != rcOk) {
        free(c);
        return rc;
    }
    for (u32 i = 0; i < h.ncaps; i++) {
        c[i].o->refs++;
        c[i].o->hrefs++;
    }
    *out = c;
    *n = h.ncaps;
    return rcOk;
}
static void caps_give(struct proc *to, struct bytes *b, struct cap **caps,
                      u32 *n) /* there is room */
{
    for (u32 i = 0; i < *n; i++) {
        nk_handle_desc_t d = {INVALID_HANDLE, 0, 0};
        struct cap *c = &(*caps)[i];
        if (c->o) {
            d.handle = ent_add(to, c->o, c->rights, c->parent);
            d.rights = c->rights;
        }
        memcpy(b->fixed + sizeof(nk_message) + i * sizeof d, &d, sizeof d);
    }
    caps_drop(caps, n);
}
static void req_end(struct req *r)
{
    caps_drop(&r->caps, &r->ncaps);
    bytes_free(&r->out);
    bytes_free(&r->in);
    r->c->reqs--;
    obj_put(r->c->cli);
    if (r->via)
        obj_put(r->via);
    if (r->sync) {
        r->sync->users--;
        obj_put(r->sync);
    }
    free(r);
}

/* Look at one's own object; an automatically clearing one is used up by who sees it first. */
static int hit(struct obj *s, int *already)
{
    if (*already)
        return 1;
    if (!s || !s->set)
        return 0;
    if (s->autoclear)
        s->set = 0, changed();
    return *already = 1;
}
/* A call that does not listen to its object. */
static int deaf(struct req *r)
{
    struct req *t;
    u32 n = 0;
    if (!r->sync)
        return 0;
    if (r->never || (r->ign && r->sync->sets == r->epoch))
        return 1;
    if (FAULTY(623) && r->sync->nhits >= 20)
        return 1;
    if (FAULTY(624)) {
        TAILQ_FOREACH(t, &taken, l) n += t->c == r->c && !t->gone;
        return n >= 2;
    }
    return 0;
}
static int rdeaf(struct rcv *w, int first)
{
    if (!w->sync)
        return 0;
    return (w->never && !first) || (w->ign && w->sync->sets == w->epoch);
}
static void interrupted(struct obj *s)
{
    if (!s)
        return;
    s->nhits++;
    if (FAULTY(642) && !s->autoclear && s->nhits >= 32)
        s->set = s->nhits = 0;
}
static int awaited(struct chan *c) /* a receiver waits for this channel's requests */
{
    struct rcv *w;
    TAILQ_FOREACH(w, &rcvs, l)
    if ((w->ep == c->srv || w->ep == c->lis) && !w->hit && !(w->sync && w->sync->set))
        return 1;
    return 0;
}
static int chan_busy(struct chan *c)
{
    struct req *r;
    TAILQ_FOREACH(r, &taken, l)
    if (r->c == c && !r->gone)
        return 1;
    return 0;
}
/* The caller leaves, the request stays. */
static void forsake(struct req *r)
{
    r->gone = 1;
    r->hit = 0;
    if (r->sync) {
        r->sync->users--;
        obj_put(r->sync);
        r->sync = NULL;
    }
}
static u64 deadline_of(u64 t0, u32 mdelay)
{
    u64 ms = mdelay;
    if (mdelay == INFINITE_TIMEOUT)
        return 0;
    ms = (ms + OPEN_ROUND_MS - 1) / OPEN_ROUND_MS * OPEN_ROUND_MS;
    return t0 + ms * 1000000u;
}
static Retcode sync_of(struct proc *p, Handle h, struct obj **out)
{
    struct ent *s;
    Retcode rc;
    *out = NULL;
    if (h == INVALID_HANDLE || (FAULTY(614) && h == 0))
        return rcOk;
    s = ent_find(p, h);
    rc = need(s, K_SYNC, K_SYNC, OCAP_IPC_INTERRUPT);
    if (rc == rcOk) {
        *out = s->o;
        return rcOk;
    }
    if ((OPEN_BADSYNC >= 1 && s) || (OPEN_BADSYNC == 2 && ent_once(p, h)))
        return rcOk;
    return code(W_BADSYNC);
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    u64 t0 = now_ns(), deadline = deadline_of(t0, mdelay);
    struct bytes b;
    struct proc *p;
    struct ent *e;
    struct obj *sync;
    struct cap *caps;
    u32 ncaps;
    struct req *r;
    struct nap n;
    u64 suid = 0;
    int restarted = 0;
    Retcode late = rcOk, rc = hdr_ok(msgOut, 1);
    if (FAULTY(653) && mdelay != INFINITE_TIMEOUT)
        deadline = t0 + mdelay * 1000000u;
    if (rc == rcOk)
        rc = hdr_ok(msgIn, 0);
    if (rc != rcOk)
        return rc;
    if (!bytes_from(&b, msgOut))
        return rcOutOfMemory;
    p = enter();
    if (!p) {
        bytes_free(&b);
        return leave(code(W_DEAD));
    }
    e = ent_find(p, handle);
    rc = need(e, K_CLIENT, K_CLIENT, OCAP_IPC_CALL);
    if (rc == rcOk)
        rc = sync_of(p, syncHandle, &sync);
    if (FAULTY(627) && rc != rcOk && need(e, K_CLIENT, K_CLIENT, OCAP_IPC_CALL) == rcOk &&
        ent_once(p, syncHandle) && !ent_find(p, syncHandle)) {
        late = rc;
        rc = rcOk;
    }
    if (rc == rcOk) {
        rc = caps_take(p, &b, &caps, &ncaps, 0);
        if (FAULTY(659) && rc == rcSecurityDisallow && awaited(e->o->chan)) {
            late = rc;
            rc = rcOk;
        }
    }
    if (rc != rcOk) {
        bytes_free(&b);
        return leave(rc);
    }
    r = calloc(1, sizeof *r);
    if (!r) {
        caps_drop(&caps, &ncaps);
        bytes_free(&b);
        return leave(rcOutOfMemory);
    }
    r->c = e->o->chan;
    r->c->reqs++;
    r->c->cli->refs++;
    r->cproc = p->id;
    r->ctid = my_tid;
    r->sync = sync;
    if (sync) {
        sync->refs++;
        sync->users++;
        sync->os_tid = (pid_t)syscall(SYS_gettid);
        suid = ent_find(p, syncHandle)->uid;
        if (FAULTY(618) && sync->set && chan_busy(r->c)) {
            r->ign = 1;
            r->epoch = sync->sets;
        }
        if (FAULTY(654) && !deadline)
            deadline = t0 + 2000000000u;
    } else if (FAULTY(621) && mdelay != INFINITE_TIMEOUT) {
        r->hit = r->c->stale_hit;
    }
    r->c->stale_hit = 0;
    r->room_f = msgIn->indirDescs[0].size;
    r->room_a = msgIn->indirDescs[1].size;
    r->out = b;
    r->caps = caps;
    r->ncaps = ncaps;
    r->ent_uid = e->uid;
    r->ent_num = handle;
    rc = rcOk;
    if (!chan_alive(r->c))
        rc = rcNotConnected;
    else if (mdelay == 0 && OPEN_MDELAY0 == 1)
        rc = code(W_ZERO);
    else if (!r->ign && hit(sync, &r->hit))
        rc = rcIpcInterrupt;
    else if (mdelay == 0)
        rc = rcTimeout;
    if (rc == rcIpcInterrupt) {
        interrupted(sync);
        my.cut_uid = suid;
        my.cut_at = now_ns();
        my.call_known = sync != NULL;
        my.call_proc = my_proc;
        my.call_sync = syncHandle;
    }
    if ((late != rcOk && rc == rcOk) || (FAULTY(619) && rc == rcIpcInterrupt && awaited(r->c))) {
        forsake(r);
        TAILQ_INSERT_TAIL(&queue, r, l);
        changed();
        return leave(late != rcOk ? late : rc);
    }
    if (rc != rcOk) {
        req_end(r);
        sweep();
        return leave(rc);
    }
    if (FAULTY(631) && (r->c->srv->cut || r->c->lis->cut) && !awaited(r->c))
        r->lost = 1;
    if (sync)
        sync->nwait++;
    TAILQ_INSERT_TAIL(&queue, r, l);
    changed();
    nap_begin(&n);
    for (;;) {
        if (r->st == R_DONE) {
            rc = r->rc;
            if (FAULTY(616) && rc == rcOk && r->sync && r->sync->set)
                r->in.na = 0;
            if (rc == rcOk)
                bytes_to(&r->in, msgIn);
            if (rc == rcOk)
                my.ok_uid = suid;
            break;
        }
        if (r->nolimit)
            deadline = 0;
        if (FAULTY(657) && r->st == R_TAKEN && deadline && !restarted) {
            deadline = deadline_of(now_ns(), mdelay);
            restarted = 1;
        }
        if (!proc_find(r->cproc))
            rc = code(W_DEAD);
        else if ((r->st == R_QUEUED || (FAULTY(615) && r->via && r->via->kind == K_LISTENER)) &&
                 hit(deaf(r) ? NULL : r->sync, &r->hit))
            rc = FAULTY(655) && deadline && now_ns() + 1000000u >= deadline ? rcRestart
                                                                            : rcIpcInterrupt;
        else if (FAULTY(672) && r->st == R_TAKEN && r->marked)
            rc = rcIpcInterrupt;
        else if (!chan_alive(r->c) || (r->st == R_TAKEN && !proc_find(r->hproc)))
            rc = rcNotConnected;
        else if (deadline && now_ns() >= deadline)
            rc = rcTimeout;
        else if (r->st == R_QUEUED && r->sync && r->sync->hrefs == 0 && OPEN_CLOSESYNC == 2)
            rc = code(W_SYNC_CLOSED);
        else if (OPEN_OWNCLOSE && r->st == R_QUEUED &&
                 (!(e = ent_find(p, r->ent_num)) || e->uid != r->ent_uid || !e->o))
            rc = code(W_OWN_CLOSED);
        if (rc != rcOk)
            break;
        nap(&n, deadline);
    }
    nap_end(&n);
    if (sync)
        sync->nwait--;
    if (rc == rcIpcInterrupt) {
        interrupted(sync);
        r->c->stale_hit = 1;
        my.cut_uid = suid;
        my.cut_at = now_ns();
        my.call_known = sync != NULL;
        my.call_proc = my_proc;
        my.call_sync = syncHandle;
    }
    if (FAULTY(626) && rc == rcIpcInterrupt && r->st == R_QUEUED) {
        struct req *t, *last = NULL;
        u32 k = 0;
        TAILQ_FOREACH(t, &queue, l) if (t->c == r->c) last = t, k++;
        if (k >= 3 && last != r)
            last->lost = 1;
    }
    if (r->st == R_TAKEN) {
        r->gone = 1; /* Reply, or the end of the server, ends it */
        if (r->sync) {
            if (FAULTY(625) && rc == rcTimeout && !r->sync->autoclear)
                r->sync->set = 0;
            if (!(FAULTY(606) && rc == rcTimeout))
                r->sync->users--;
            obj_put(r->sync);
            r->sync = NULL;
        }
    } else if (FAULTY(617) && r->st == R_QUEUED && rc == rcIpcInterrupt && r->out.na) {
        forsake(r);
    } else {
        if (r->st == R_QUEUED)
            TAILQ_REMOVE(&queue, r, l);
        req_end(r);
    }
    sweep();
    changed();
    return leave(rc);
}
static int still_sync(Handle h)
{
    struct proc *p = enter();
    struct ent *e = p ? ent_find(p, h) : NULL;
    leave(rcOk);
    return e && e->o && e->o->kind == K_SYNC;
}
Retcode Call(Handle h, const SMsgHdr *out, SMsgHdr *in)
{
    Handle s = INVALID_HANDLE;
    if (FAULTY(620) && my.call_known && my.call_proc == my_proc && still_sync(my.call_sync))
        s = my.call_sync;
    return CallEx(h, out, in, INFINITE_TIMEOUT, s);
}

static struct req *pick(struct obj *ep)
{
    struct req *r, *best = NULL;
    u32 seen = 0;
    TAILQ_FOREACH(r, &queue, l)
    {
        if (r->c->srv != ep && r->c->lis != ep)
            continue;
        if (r->lost || (r->srv_only && r->c->srv != ep))
            continue;
        if (r->hit || (r->sync && r->sync->set && !deaf(r) && !(FAULTY(672) && r->marked)) ||
            !chan_alive(r->c) || !proc_find(r->cproc))
            continue;
        seen++;
        rnd ^= rnd << 13;
        rnd ^= rnd >> 17;
        rnd ^= rnd << 5;
        if (!best || OPEN_ORDER == 1 || (OPEN_ORDER == 2 && rnd % seen == 0))
            best = r;
    }
    return best;
}
static int owes(void)
{
    struct req *r;
    TAILQ_FOREACH(r, &taken, l)
    if (!r->gone && r->hproc == my_proc && r->htid == my_tid)
        return 1;
    return 0;
}
static u32 chans_of(struct obj *ep)
{
    struct chan *c;
    u32 n = 0;
    TAILQ_FOREACH(c, &chans, l) n += c->lis == ep;
    return n;
}
static int any_set(struct proc *p)
{
    for (u32 i = 0; p->e && i < OPEN_TABLE; i++)
        if (p->e[i].used && p->e[i].o && p->e[i].o->kind == K_SYNC && p->e[i].o->set)
            return 1;
    return 0;
}
/* The request came through the listener; the channel's own list still has it. */
static void leave_double(struct req *r)
{
    struct req *d = calloc(1, sizeof *d);
    if (!d)
        return;
    d->out = r->out;
    d->out.fixed = malloc(r->out.nf);
    d->out.arena = r->out.na ? malloc(r->out.na) : NULL;
    if (!d->out.fixed || (r->out.na && !d->out.arena)) {
        bytes_free(&d->out);
        free(d);
        return;
    }
    memcpy(d->out.fixed, r->out.fixed, r->out.nf);
    if (r->out.na)
        memcpy(d->out.arena, r->out.arena, r->out.na);
    d->gone = d->srv_only = 1;
    d->c = r->c;
    d->c->reqs++;
    d->c->cli->refs++;
    d->cproc = r->cproc;
    d->ctid = r->ctid;
    TAILQ_INSERT_TAIL(&queue, d, l);
}
Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    u64 t0 = now_ns(), deadline = deadline_of(t0, mdelay), uid;
    struct proc *p;
    struct ent *e;
    struct obj *ep, *sync;
    struct rcv w, *v;
    struct nap n;
    struct req *r;
    u64 suid = 0;
    int first = 1, poll_only = mdelay == 0, owing, cut;
    Retcode rc = hdr_ok(msgIn, 0);
    if (rc != rcOk)
        return rc;
    p = enter();
    if (!p)
        return leave(code(W_DEAD));
    e = ent_find(p, handle);
    rc = need(e, K_SERVER, K_LISTENER, OCAP_IPC_RECV);
    if (rc == rcOk)
        rc = sync_of(p, syncHandle, &sync);
    if (FAULTY(641) && rc != rcOk && need(e, K_SERVER, K_LISTENER, OCAP_IPC_RECV) == rcOk &&
        ent_find(p, syncHandle)) {
        rc = rcOk;
        deadline = 0;
    }
    if (rc == rcOk && OPEN_ONEHAND && owes())
        rc = code(W_OWES);
    if (rc == rcOk && mdelay == 0 && OPEN_MDELAY0 == 1)
        rc = code(W_ZERO);
    if (rc != rcOk)
        return leave(rc);
    ep = e->o;
    ep->refs++;
    uid = e->uid;
    memset(&w, 0, sizeof w);
    w.ep = ep;
    w.proc = my_proc;
    w.finite = deadline != 0;
    if (sync) {
        sync->refs++;
        if (!FAULTY(611))
            sync->users++;
        sync->nwait++;
        sync->os_tid = (pid_t)syscall(SYS_gettid);
        suid = ent_find(p, syncHandle)->uid;
        if (FAULTY(632) && sync->set)
            TAILQ_FOREACH(v, &rcvs, l) if (v->ep == ep && v->sync != sync)
            {
                w.ign = 1;
                w.epoch = sync->sets;
            }
        if (FAULTY(647) && suid == my.ok_uid)
            w.never = 1;
        if (FAULTY(656) && mdelay == 0 && ep->kind == K_LISTENER) {
            poll_only = 0;
            deadline = 0;
        }
    }
    owing = FAULTY(629) && owes();
    ep->cut = 0;
    w.sync = sync;
    w.hit = 0;
    TAILQ_INSERT_TAIL(&rcvs, &w, l);
    nap_begin(&n);
    for (;; first = 0) {
        if (!proc_find(my_proc)) {
            rc = code(W_DEAD);
            break;
        }
        struct obj *s = rdeaf(&w, first) ? NULL : sync;
        if (!first && (owing || (FAULTY(640) && ep->kind == K_LISTENER && chans_of(ep) >= 2)))
            s = NULL;
        if (FAULTY(611) && sync) {
            struct ent *se = ent_find(p, syncHandle);
            if (se && se->o && se->o->kind == K_SYNC)
                s = se->o;
        }
        if (FAULTY(633) && first && s && s->set && (r = pick(ep)))
            r->lost = 1;
        if (FAULTY(650) && first && suid && suid == my.cut_uid && now_ns() - my.cut_at < 50000000u)
            w.hit = 1;
        if (FAULTY(639) && first && !sync && mdelay == INFINITE_TIMEOUT && ep->by_known &&
            ep->by_proc == my_proc) {
            struct ent *se = ent_find(p, ep->by_num);
            if (se && se->o && se->o->kind == K_SYNC && se->o->set)
                w.hit = 1;
        }
        if (!(first && OPEN_SETENTRY == 1 && pick(ep)) && hit(s, &w.hit)) {
            if (FAULTY(677) && first && s && s->autoclear)
                s->set = 1;
            rc = rcIpcInterrupt;
            break;
        }
        e = ent_find(p, handle);
        if (!e || e->uid != uid || !e->o) {
            rc = rcNotConnected;
            break;
        }
        r = pick(ep);
        if (r && (r->out.nf > msgIn->indirDescs[0].size || r->out.na > msgIn->indirDescs[1].size)) {
            rc = code(W_SMALL);
            if (OPEN_SMALL == 0) {
                TAILQ_REMOVE(&queue, r, l);
                r->st = R_DONE;
                r->rc = code(W_SMALL_PEER);
            }
            break;
        }
        if (r && p->used + r->ncaps > OPEN_TABLE) {
            TAILQ_REMOVE(&queue, r, l);
            r->st = R_DONE;
            r->rc = rcTransferError;
            changed();
            continue;
        }
        if (r) {
            TAILQ_REMOVE(&queue, r, l);
            r->st = R_TAKEN;
            caps_give(p, &r->out, &r->caps, &r->ncaps);
            bytes_to(&r->out, msgIn);
            if (FAULTY(675) && r->c->srv != ep)
                leave_double(r);
            bytes_free(&r->out);
            r->hproc = my_proc;
            r->htid = my_tid;
            r->via = ep;
            ep->refs++;
            msgIn->replyHandle = handle;
            msgIn->sender = r->cproc;
            msgIn->threadId = r->ctid;
            TAILQ_INSERT_TAIL(&taken, r, l);
            rc = rcOk;
            break;
        }
        if (ep->kind == K_SERVER && !OPEN_CLIENT_GONE) {
            struct chan *c;
            int alive = 0;
            TAILQ_FOREACH(c, &chans, l) if (c->srv == ep && c->cli->hrefs) alive = 1;
            if (!alive) {
                rc = rcNotConnected;
                break;
            }
        }
        if (w.nolimit)
            deadline = 0;
        if (poll_only || (deadline && now_ns() >= deadline) || w.early) {
            rc = rcTimeout;
            if (FAULTY(635) && mdelay != 0 && syncHandle == INVALID_HANDLE && any_set(p))
                rc = rcIpcInterrupt;
            break;
        }
        if (sync && sync->hrefs == 0 && OPEN_CLOSESYNC == 2) {
            rc = code(W_SYNC_CLOSED);
            break;
        }
        nap(&n, deadline);
        if (FAULTY(652) && deadline && now_ns() < deadline)
            deadline = deadline_of(now_ns(), mdelay);
    }
    nap_end(&n);
    TAILQ_REMOVE(&rcvs, &w, l);
    cut = rc == rcIpcInterrupt;
    if (cut) {
        interrupted(sync);
        my.recv_cut = 1;
        if (!first)
            ep->cut = 1;
        ep->by_known = sync != NULL;
        ep->by_proc = my_proc;
        ep->by_num = syncHandle;
        TAILQ_FOREACH(v, &rcvs, l) if (v->ep == ep)
        {
            if (FAULTY(638) && !w.finite && !first && !v->sync && v->finite)
                v->early = 1;
            if (FAULTY(668) && !first)
                ep->stuck = 1;
        }
    } else if (rc == rcOk) {
        my.recv_cut = 0;
        my.recv_known = sync != NULL;
        my.recv_proc = my_proc;
        my.recv_sync = syncHandle;
        ep->by_known = 0;
    }
    if (sync) {
        sync->nwait--;
        if (FAULTY(644) && rc == rcTimeout)
            sync->nwait--;
        if (!FAULTY(611))
            sync->users--;
        obj_put(sync);
    }
    obj_put(ep);
    sweep();
    changed();
    return leave(rc);
}
Retcode Recv(Handle h, SMsgHdr *in)
{
    Handle s = INVALID_HANDLE;
    if (FAULTY(634) && my.recv_known && my.recv_proc == my_proc && still_sync(my.recv_sync))
        s = my.recv_sync;
    return RecvEx(h, in, INFINITE_TIMEOUT, s);
}

static struct req *find_taken(struct obj *o, Tid tid)
{
    struct req *r;
    for (int pass = OPEN_OWNFIRST ? 0 : 1; pass < 2; pass++)
        TAILQ_FOREACH(r, &taken, l)
        {
            if (r->hproc != my_proc ||
                (r->via != o && r->c->srv != o && !(FAULTY(676) && tid == 0)))
                continue;
            if (tid != 0 && r->ctid != tid)
                continue;
            if (pass == 0 && (tid != 0 || r->htid != my_tid))
                continue;
            return r;
        }
    return NULL;
}
Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct bytes b;
    struct proc *p, *cp;
    struct ent *e;
    struct req *r, *q;
    struct cap *caps;
    u32 n;
    Retcode rc = hdr_ok(msgOut, 1);
    if (rc != rcOk)
        return rc;
    if (!bytes_from(&b, msgOut))
        return rcOutOfMemory;
    p = enter();
    rc = p ? rcOk : code(W_DEAD);
    if (rc == rcOk) {
        e = ent_find(p, handle);
        rc = need(e, K_SERVER, K_LISTENER, OCAP_IPC_RECV);
    }
    if (rc != rcOk) {
        bytes_free(&b);
        return leave(rc);
    }
    r = find_taken(e->o, msgOut->threadId);
    if (!r) {
        bytes_free(&b);
        return leave(code(W_NOREQ));
    }
    if (FAULTY(630) && my.recv_cut) {
        my.recv_cut = 0;
        bytes_free(&b);
        return leave(rcIpcInterrupt);
    }
    rc = caps_take(p, &b, &caps, &n, 1);
    if (rc != rcOk) {
        if (rc == rcSecurityDisallow && OPEN_XFER05 == 1) {
            TAILQ_REMOVE(&taken, r, l);
            if (r->gone)
                req_end(r);
            else {
                r->st = R_DONE;
                r->rc = code(W_XFER_CLIENT);
                if (FAULTY(662) && r->sync && b.nf <= r->room_f && b.na <= r->room_a) {
                    r->in = b;
                    r->rc = rcOk;
                    memset(&b, 0, sizeof b);
                }
            }
            changed();
        }
        bytes_free(&b);
        return leave(rc);
    }
    cp = proc_find(r->cproc);
    if (FAULTY(670) && r->gone && !cp) {
        caps_drop(&caps, &n);
        bytes_free(&b);
        return leave(code(W_LATE));
    }
    TAILQ_REMOVE(&taken, r, l);
    q = NULL;
    if (FAULTY(628) && r->gone && cp)
        TAILQ_FOREACH(q, &queue, l)
    if (q->ctid == r->ctid && q->c == r->c && !q->gone && !q->hit && b.nf <= q->room_f &&
        b.na <= q->room_a && cp->used + n <= OPEN_TABLE)
        break;
    if (q) {
        TAILQ_REMOVE(&queue, q, l);
        caps_give(cp, &b, &caps, &n);
        q->in = b;
        q->st = R_DONE;
        q->rc = rcOk;
        req_end(r);
    } else if (r->gone || !cp) {
        rc = code(W_LATE);
        caps_drop(&caps, &n);
        bytes_free(&b);
        if (r->gone)
            req_end(r);
        else {
            r->st = R_DONE;
            r->rc = code(W_DEAD);
        }
    } else if (b.nf > r->room_f || b.na > r->room_a) {
        caps_drop(&caps, &n);
        bytes_free(&b);
        r->st = R_DONE;
        r->rc = code(W_SMALL_PEER);
        rc = code(W_SMALL);
    } else if (cp->used + n > OPEN_TABLE) {
        caps_drop(&caps, &n);
        bytes_free(&b);
        r->st = R_DONE;
        r->rc = rcTransferError;
        rc = code(W_FULL);
    } else {
        caps_give(cp, &b, &caps, &n);
        r->in = b;
        r->st = R_DONE;
        r->rc = rcOk;
    }
    sweep();
    changed();
    return leave(rc);
}

static Retcode create(u32 autoclear, Handle *out)
{
    struct proc *p;
    struct obj *o;
    Handle h;
    if (!out)
        return FAULTY(602) ? rcOk : code(W_NULL);
    if (!(p = enter()))
        return leave(code(W_DEAD));
    if (p->used >= OPEN_TABLE || p->syncs >= OPEN_SYNCS)
        return leave(code(W_QUOTA));
    if (!(o = obj_new(K_SYNC)))
        return leave(rcOutOfMemory);
    o->autoclear = autoclear != 0;
    o->maker = my_tid;
    if (FAULTY(603))
        o->set = p->stale_set;
    p->stale_set = 0;
    h = ent_add(p, o, OPEN_COPY == 1 ? OCAP_IPC_INTERRUPT : OCAP_IPC_SYNC_OBJECT, 0);
    o->num = h;
    if (FAULTY(679) && ent_find(p, h)->was_auto)
        o->autoclear = 1;
    if (FAULTY(667))
        for (struct proc *q = procs; q; q = q->next) {
            struct ent *e = q != p && q->alive ? ent_find(q, h) : NULL;
            if (e && e->o && e->o->kind == K_SYNC && e->o->set)
                o->set = 1;
        }
    if (FAULTY(601))
        h &= 0xff;
    if (FAULTY(680)) {
        u64 wide = h;
        memcpy((void *)out, &wide, sizeof wide);
    } else {
        *out = h;
    }
    return leave(rcOk);
}
Retcode KnIpcCreateSyncObject(Handle *s)
{
    return create(0, s);
}
Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *s)
{
    return create(autoclear, s);
}
/* Set is told to those who wait. */
static void told(struct obj *o)
{
    struct req *r;
    struct rcv *w;
    struct obj *ep = NULL;
    u32 nq = 0, nr = 0;
    TAILQ_FOREACH(r, &queue, l) if (r->sync == o) nq++;
    TAILQ_FOREACH(w, &rcvs, l) if (w->sync == o)
    {
        nr++;
        if (!ep)
            ep = w->ep;
        else if (FAULTY(637) && w->ep != ep) {
            w->ign = 1;
            w->epoch = o->sets;
        }
    }
    TAILQ_FOREACH(r, &queue, l) if (r->sync == o)
    {
        r->marked = 1;
        if (FAULTY(646) && !o->autoclear && nq >= 2 && nr >= 2) {
            r->ign = 1;
            r->epoch = o->sets;
        }
    }
}
static Retcode state(Handle h, int set)
{
    struct proc *p = enter();
    struct ent *e;
    struct obj *o;
    Retcode rc;
    if (!p)
        return leave(code(W_DEAD));
    e = ent_find(p, h);
    if (FAULTY(665) && !e && !set && h != INVALID_HANDLE)
        for (struct proc *q = procs; q && !e; q = q->next)
            e = q->alive ? ent_find(q, h) : NULL;
    rc = need(e, K_SYNC, K_SYNC, OCAP_IPC_INTERRUPT);
    if (rc != rcOk) {
        if (FAULTY(607) && !e && set && my.set_known && my.set_proc == my_proc && my.set_h == h)
            return leave(rcOk);
        if (FAULTY(608) && !set && h == INVALID_HANDLE)
            return leave(rcOk);
        if (FAULTY(609) && !set && e && e->o && e->o->kind == K_SERVER && e->o->hrefs) {
            e->o->hrefs--;
            changed();
        }
        return leave(rc);
    }
    o = e->o;
    if (FAULTY(643) && !set && o->set && o->setter != my_tid)
        return leave(rcOk);
    if (FAULTY(649) && set && !o->set && !o->users && now_ns() - o->cleared_at < 2000000u)
        return leave(rcOk);
    if (FAULTY(673) && set) { /* the news goes out without the lock */
        if (o->setting)
            return leave(code(W_BUSY));
        o->setting = 1;
        o->refs++;
        pthread_mutex_unlock(&M);
        sched_yield();
        pthread_mutex_lock(&M);
        o->setting = 0;
        e = ent_find(p, h);
        if (!e || e->o != o) {
            obj_put(o);
            return leave(code(W_NOHANDLE));
        }
        obj_put(o);
    }
    if (set) {
        my.set_known = 1;
        my.set_proc = my_proc;
        my.set_h = h;
        o->setter = my_tid;
        o->sets++;
        told(o);
    } else if (o->set) {
        o->cleared_at = now_ns();
    }
    o->nhits = 0;
    if (FAULTY(672) && !set) {
        struct req *r;
        TAILQ_FOREACH(r, &queue, l) if (r->sync == o) r->marked = 0;
    }
    if (FAULTY(645) && !set && o->set && !o->autoclear && now_ns() - o->set_at <= 5000000u) {
        struct req *r;
        struct rcv *w;
        TAILQ_FOREACH(r, &queue, l) if (r->sync == o && !r->hit) r->never = 1;
        TAILQ_FOREACH(w, &rcvs, l) if (w->sync == o && !w->hit) w->never = 1;
    }
    if (set && e->o->autoclear) { /* who waits is marked; it stays pending only when nobody does */
        struct req *r;
        struct rcv *w;
        int n = 0;
        if (FAULTY(678))
            TAILQ_FOREACH(r, &taken, l) if (r->sync == e->o && !r->gone && !r->hit && !n)
            {
                n++;
                r->hit = 1;
            }
        TAILQ_FOREACH(r, &queue, l)
        if (r->sync == e->o && !r->hit && (OPEN_AUTO || !n)) {
            n++;
            r->hit = 1;
        }
        TAILQ_FOREACH(w, &rcvs, l)
        if (w->sync == e->o && !w->hit && (OPEN_AUTO || !n)) {
            n++;
            w->hit = 1;
        }
        set = n == 0;
    } else if (!set && e->o->set && !e->o->autoclear && now_ns() - e->o->set_at > 5000000u) {
        struct req *
            r; /* Clear did not follow at once: who has slept through it is interrupted all the same */
        struct rcv *w;
        TAILQ_FOREACH(r, &queue, l)
        if (r->sync == e->o || (FAULTY(622) && r->sync && r->cproc == my_proc) ||
            (FAULTY(666) && r->sync && r->sync->num == h))
            r->hit = 1;
        TAILQ_FOREACH(w, &rcvs, l)
        if (w->sync == e->o || (FAULTY(666) && w->sync && w->sync->num == h))
            w->hit = 1;
    } else if (set && !e->o->set) {
        e->o->set_at = now_ns();
    }
    if (FAULTY(604) && !o->autoclear)
        set = set ? (unsigned char)++o->count != 0 : (o->count = 0);
    if (FAULTY(605) && !o->autoclear) {
        if (set && o->count < 1)
            o->count++;
        else if (!set && o->count > -1)
            o->count--;
        set = o->count > 0;
    }
    e->o->set = set;
    if (FAULTY(651) && set && o->os_tid && o->os_tid != (pid_t)syscall(SYS_gettid))
        syscall(SYS_tgkill, getpid(), o->os_tid, SIGURG);
    if (FAULTY(674) && set && OPEN_WAIT == 0) {
        for (u32 i = 0; i < o->users; i++)
            pthread_cond_signal(&board);
        return leave(rcOk);
    }
    if (FAULTY(644) && set && o->nwait <= 0)
        return leave(rcOk);
    changed();
    return leave(rcOk);
}
Retcode KnIpcSetInterrupt(Handle h)
{
    return state(h, 1);
}
Retcode KnIpcClearInterrupt(Handle h)
{
    return state(h, 0);
}

static struct ent *ent_slot(struct proc *p, Handle h)
{
    return &p->e[OPEN_HANDLE == 1 ? 0xfffffffeu - h : h];
}
static void unlimit(struct obj *o)
{
    struct req *r;
    struct rcv *w;
    TAILQ_FOREACH(r, &queue, l) if (r->sync == o) r->nolimit = 1;
    TAILQ_FOREACH(r, &taken, l) if (r->sync == o) r->nolimit = 1;
    TAILQ_FOREACH(w, &rcvs, l) if (w->sync == o) w->nolimit = 1;
}
Retcode KnHandleClose(Handle h)
{
    struct proc *p = enter();
    struct ent *e;
    if (!p)
        return leave(code(W_DEAD));
    e = ent_find(p, h);
    if (!e) {
        if (FAULTY(610) && ent_once(p, h) && ent_slot(p, h)->was_kind != K_SYNC)
            return leave(rcOk);
        return leave(code(W_NOHANDLE));
    }
    if (OPEN_CLOSESYNC == 1 && e->o && e->o->kind == K_SYNC && e->o->hrefs == 1 && e->o->users) {
        if (FAULTY(648))
            unlimit(e->o);
        return leave(FAULTY(613) ? rcIpcInterrupt : code(W_BUSY));
    }
    if (FAULTY(668) && e->o && e->o->kind == K_LISTENER && e->o->stuck)
        return leave(code(W_BUSY));
    if (my.set_h == h)
        my.set_known = 0;
    if (FAULTY(636) && e->o && e->o->kind == K_SYNC && e->o->set) {
        struct rcv *w;
        TAILQ_FOREACH(w, &rcvs, l) if (w->proc == my_proc && w->sync) w->hit = 1;
    }
    ent_drop(p, e);
    sweep();
    changed();
    return leave(rcOk);
}
static void revoke_kids(u64 uid)
{
    for (struct proc *q = procs; q; q = q->next)
        for (u32 i = 0; q->e && i < OPEN_TABLE; i++)
            if (q->e[i].used && q->e[i].o && q->e[i].parent == uid) {
                struct obj *o = q->e[i].o;
                q->e[i].o = NULL;
                if (o->kind == K_SYNC)
                    q->syncs--;
                obj_hput(o);
                revoke_kids(q->e[i].uid);
            }
    struct req *r;
    TAILQ_FOREACH(r, &queue, l)
    for (u32 i = 0; i < r->ncaps; i++)
        if (r->caps[i].o && r->caps[i].parent == uid) {
            obj_hput(r->caps[i].o);
            r->caps[i].o = NULL;
        }
}
Retcode KnHandleRevoke(Handle h)
{
    struct proc *p = enter();
    struct ent *e;
    if (!OPEN_OPTIONAL)
        return leave(rcUnimplemented);
    if (!p)
        return leave(code(W_DEAD));
    e = ent_find(p, h);
    if (!e)
        return leave(code(W_NOHANDLE));
    revoke_kids(e->uid);
    ent_drop(p, e);
    sweep();
    changed();
    return leave(rcOk);
}
Retcode KnHandleCopy(Handle h, rtl_uint32_t rights, Handle badge, Handle *out)
{
    struct proc *p;
    struct ent *e;
    struct obj *o;
    u64 uid;
    if (!OPEN_OPTIONAL)
        return rcUnimplemented;
    if (!out)
        return code(W_NULL);
    if (!(p = enter()))
        return leave(code(W_DEAD));
    e = ent_find(p, h);
    if (!e)
        return leave(code(W_NOHANDLE));
    if (!e->o)
        return leave(rcHandleRevoked);
    if ((!(e->rights & OCAP_HANDLE_COPY) || (rights & ~e->rights)) &&
        !(FAULTY(664) && rights == NK_RIGHTS_HELD))
        return leave(rcNoCapability);
    if (badge != INVALID_HANDLE)
        return leave(code(W_BADGE));
    if (p->used >= OPEN_TABLE || (e->o->kind == K_SYNC && p->syncs >= OPEN_SYNCS))
        return leave(code(W_QUOTA));
    o = e->o;
    uid = e->uid;
#if OPEN_COPY == 2
    if (o->kind == K_SYNC) {
        struct obj *c = obj_new(K_SYNC);
        if (!c)
            return leave(rcOutOfMemory);
        c->set = o->set;
        c->autoclear = o->autoclear;
        o = c;
    }
#endif
    *out = ent_add(p, o, rights, uid);
    return leave(rcOk);
}
Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context, Handle *h)
{
    struct proc *p;
    struct obj *o;
    if (!OPEN_OPTIONAL)
        return rcUnimplemented;
    if (!h)
        return code(W_NULL);
    if (type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST)
        return code(W_TYPE);
    if (!(p = enter()))
        return leave(code(W_DEAD));
    if (p->used >= OPEN_TABLE)
        return leave(code(W_QUOTA));
    if (!(o = obj_new(K_USER)))
        return leave(rcOutOfMemory);
    o->context = context;
    *h = ent_add(p, o, rights, 0);
    return leave(rcOk);
}
static Retcode connect_in(struct proc *sp, struct proc *cp, Handle in, Handle *l, Handle *s,
                          Handle *c)
{
    struct obj *lis = NULL, *srv = NULL, *cli;
    struct chan *ch;
    Handle lh = in;
    if (in != INVALID_HANDLE) {
        struct ent *e = ent_find(sp, in);
        Retcode rc = need(e, K_LISTENER, K_LISTENER, OCAP_IPC_CONNECT);
        if (rc != rcOk)
            return rc;
        lis = e->o;
    }
    if (sp->used + 3 > OPEN_TABLE || cp->used + 3 > OPEN_TABLE)
        return code(W_QUOTA);
    if (!lis)
        lis = obj_new(K_LISTENER);
    srv = OPEN_ONEEND || !s ? lis : obj_new(K_SERVER);
    cli = obj_new(K_CLIENT);
    ch = calloc(1, sizeof *ch);
    if (!lis || !srv || !cli || !ch)
        abort();
    ch->lis = lis;
    ch->srv = srv;
    ch->cli = cli;
    cli->chan = ch;
    lis->refs++;
    if (srv != lis)
        srv->refs++;
    cli->refs++;
    TAILQ_INSERT_TAIL(&chans, ch, l);
    if (in == INVALID_HANDLE)
        lh = ent_add(sp, lis, OCAP_IPC_LISTENER, 0);
    if (l)
        *l = lh;
    if (s)
        *s = srv == lis ? lh : ent_add(sp, srv, OCAP_IPC_SERVER, 0);
    *c = ent_add(cp, cli, OCAP_IPC_CLIENT, 0);
    return rcOk;
}
Retcode KnHandleConnect(Handle in, Handle *l, Handle *s, Handle *c)
{
    struct proc *p;
    if (!c || (!l && in == INVALID_HANDLE))
        return code(W_NULL);
    if (!(p = enter()))
        return leave(code(W_DEAD));
    return leave(connect_in(p, p, in, l, s, c));
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
    u->replyHandle = INVALID_HANDLE;
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
int e2_process_create(u32 *p);
int e2_process_end(u32 p);
int e2_thread_enter(u32 p, u32 *t);
int e2_channel_open(u32 sp, u32 cp, Handle *l, Handle *s, Handle *c);
int e2_process_create(u32 *id)
{
    struct proc *p = calloc(1, sizeof *p);
    if (p && !(p->e = calloc(OPEN_TABLE, sizeof *p->e))) {
        free(p);
        p = NULL;
    }
    if (!p)
        return 1;
    enter();
    p->alive = 1;
    *id = p->id = ++proc_ids;
    p->next = procs;
    procs = p;
    leave(rcOk);
    return 0;
}
int e2_process_end(u32 id)
{
    struct proc *p;
    enter();
    p = proc_find(id);
    if (!p || p == &first_proc) {
        leave(rcOk);
        return 1;
    }
    for (u32 i = 0; i < OPEN_TABLE; i++)
        if (p->e[i].used) {
            if (FAULTY(671))
                revoke_kids(p->e[i].uid);
            ent_drop(p, &p->e[i]);
        }
    p->alive = 0;
    free(p->e);
    p->e = NULL;
    sweep();
    if (FAULTY(669)) {
        struct req *r;
        TAILQ_FOREACH(r, &taken, l) if (r->hproc == id) break;
        if (!r)
            return leave(rcOk);
    }
    changed();
    leave(rcOk);
    return 0;
}
int e2_thread_enter(u32 p, u32 *t)
{
    int ok;
    enter();
    ok = proc_find(p) != NULL;
    if (ok) {
        my_proc = p;
        my_tid = tid_ctr--;
        if (t)
            *t = my_tid;
    }
    leave(rcOk);
    return !ok;
}
int e2_channel_open(u32 sp, u32 cp, Handle *l, Handle *s, Handle *c)
{
    struct proc *a, *b;
    Retcode rc = rcFail;
    Handle ll, ss;
    enter();
    a = proc_find(sp);
    b = proc_find(cp);
    if (a && b)
        rc = connect_in(a, b, INVALID_HANDLE, &ll, &ss, c);
    leave(rcOk);
    if (rc != rcOk)
        return 1;
    if (l)
        *l = ll;
    if (s)
        *s = ss;
    return 0;
}

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
#include <time.h>
#include <unistd.h>

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
    u64 set_at;
    struct chan *chan;
    void *context;
    struct obj *grave_next;
};
struct chan {
    struct obj *srv, *lis, *cli; /* srv may be lis */
    u32 reqs;
    TAILQ_ENTRY(chan) l;
};
struct ent {
    int used, once;
    u64 uid, parent;
    u32 rights;
    struct obj *o;
};
struct proc {
    u32 id;
    int alive;
    u32 used, syncs, rover;
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
    TAILQ_ENTRY(rcv) l;
};

static pthread_mutex_t M = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_cond_t board;
static atomic_uint gen;
static struct proc first_proc = {0, 1, 0, 0, 0, NULL, NULL};
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
static void start(void)
{
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
    if (o) {
        if (o->kind == K_SYNC)
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
static Retcode caps_take(struct proc *p, struct bytes *b, struct cap **out, u32 *n)
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
        if (e && e->o && !(e->rights & OCAP_HANDLE_TRANSFER)) {
            rc = rcSecurityDisallow;
            break;
        }
        if (!e)
            rc = code(W_NOHANDLE);
        else if (!e->o)
            rc = rcHandleRevoked;
        else {
            c[i].o = e->o;
            c[i].rights = e->rights & d.rights;
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
    if (h == INVALID_HANDLE)
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
    Retcode rc = hdr_ok(msgOut, 1);
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
    if (rc == rcOk)
        rc = caps_take(p, &b, &caps, &ncaps);
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
    }
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
    else if (hit(sync, &r->hit))
        rc = rcIpcInterrupt;
    else if (mdelay == 0)
        rc = rcTimeout;
    if (rc != rcOk) {
        req_end(r);
        sweep();
        return leave(rc);
    }
    TAILQ_INSERT_TAIL(&queue, r, l);
    changed();
    nap_begin(&n);
    for (;;) {
        if (r->st == R_DONE) {
            rc = r->rc;
            if (rc == rcOk)
                bytes_to(&r->in, msgIn);
            break;
        }
        if (!proc_find(r->cproc))
            rc = code(W_DEAD);
        else if (r->st == R_QUEUED && hit(r->sync, &r->hit))
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
    if (r->st == R_TAKEN) {
        r->gone = 1; /* Reply, or the end of the server, ends it */
        if (r->sync) {
            r->sync->users--;
            obj_put(r->sync);
            r->sync = NULL;
        }
    } else {
        if (r->st == R_QUEUED)
            TAILQ_REMOVE(&queue, r, l);
        req_end(r);
    }
    sweep();
    changed();
    return leave(rc);
}
Retcode Call(Handle h, const SMsgHdr *out, SMsgHdr *in)
{
    return CallEx(h, out, in, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static struct req *pick(struct obj *ep)
{
    struct req *r, *best = NULL;
    u32 seen = 0;
    TAILQ_FOREACH(r, &queue, l)
    {
        if (r->c->srv != ep && r->c->lis != ep)
            continue;
        if (r->hit || (r->sync && r->sync->set) || !chan_alive(r->c) || !proc_find(r->cproc))
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
Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    u64 t0 = now_ns(), deadline = deadline_of(t0, mdelay), uid;
    struct proc *p;
    struct ent *e;
    struct obj *ep, *sync;
    struct rcv w;
    struct nap n;
    struct req *r;
    int first = 1;
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
    if (rc == rcOk && OPEN_ONEHAND && owes())
        rc = code(W_OWES);
    if (rc == rcOk && mdelay == 0 && OPEN_MDELAY0 == 1)
        rc = code(W_ZERO);
    if (rc != rcOk)
        return leave(rc);
    ep = e->o;
    ep->refs++;
    uid = e->uid;
    if (sync) {
        sync->refs++;
        sync->users++;
    }
    w.sync = sync;
    w.hit = 0;
    TAILQ_INSERT_TAIL(&rcvs, &w, l);
    nap_begin(&n);
    for (;; first = 0) {
        if (!proc_find(my_proc)) {
            rc = code(W_DEAD);
            break;
        }
        if (!(first && OPEN_SETENTRY == 1 && pick(ep)) && hit(sync, &w.hit)) {
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
        if (mdelay == 0 || (deadline && now_ns() >= deadline)) {
            rc = rcTimeout;
            break;
        }
        if (sync && sync->hrefs == 0 && OPEN_CLOSESYNC == 2) {
            rc = code(W_SYNC_CLOSED);
            break;
        }
        nap(&n, deadline);
    }
    nap_end(&n);
    TAILQ_REMOVE(&rcvs, &w, l);
    if (sync) {
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
    return RecvEx(h, in, INFINITE_TIMEOUT, INVALID_HANDLE);
}

static struct req *find_taken(struct obj *o, Tid tid)
{
    struct req *r;
    for (int pass = OPEN_OWNFIRST ? 0 : 1; pass < 2; pass++)
        TAILQ_FOREACH(r, &taken, l)
        {
            if (r->hproc != my_proc || (r->via != o && r->c->srv != o))
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
    struct req *r;
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
    rc = caps_take(p, &b, &caps, &n);
    if (rc != rcOk) {
        if (rc == rcSecurityDisallow && OPEN_XFER05 == 1) {
            TAILQ_REMOVE(&taken, r, l);
            if (r->gone)
                req_end(r);
            else {
                r->st = R_DONE;
                r->rc = code(W_XFER_CLIENT);
            }
            changed();
        }
        bytes_free(&b);
        return leave(rc);
    }
    TAILQ_REMOVE(&taken, r, l);
    cp = proc_find(r->cproc);
    if (r->gone || !cp) {
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
    if (!out)
        return code(W_NULL);
    if (!(p = enter()))
        return leave(code(W_DEAD));
    if (p->used >= OPEN_TABLE || p->syncs >= OPEN_SYNCS)
        return leave(code(W_QUOTA));
    if (!(o = obj_new(K_SYNC)))
        return leave(rcOutOfMemory);
    o->autoclear = autoclear != 0;
    *out = ent_add(p, o, OPEN_COPY == 1 ? OCAP_IPC_INTERRUPT : OCAP_IPC_SYNC_OBJECT, 0);
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
static Retcode state(Handle h, int set)
{
    struct proc *p = enter();
    struct ent *e;
    Retcode rc;
    if (!p)
        return leave(code(W_DEAD));
    e = ent_find(p, h);
    rc = need(e, K_SYNC, K_SYNC, OCAP_IPC_INTERRUPT);
    if (rc != rcOk)
        return leave(rc);
    if (set && e->o->autoclear) { /* who waits is marked; it stays pending only when nobody does */
        struct req *r;
        struct rcv *w;
        int n = 0;
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
        TAILQ_FOREACH(r, &queue, l) if (r->sync == e->o) r->hit = 1;
        TAILQ_FOREACH(w, &rcvs, l) if (w->sync == e->o) w->hit = 1;
    } else if (set && !e->o->set) {
        e->o->set_at = now_ns();
    }
    e->o->set = set;
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

Retcode KnHandleClose(Handle h)
{
    struct proc *p = enter();
    struct ent *e;
    if (!p)
        return leave(code(W_DEAD));
    e = ent_find(p, h);
    if (!e)
        return leave(code(W_NOHANDLE));
    if (OPEN_CLOSESYNC == 1 && e->o && e->o->kind == K_SYNC && e->o->hrefs == 1 && e->o->users)
        return leave(code(W_BUSY));
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
    if (!(e->rights & OCAP_HANDLE_COPY) || (rights & ~e->rights))
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
        if (p->e[i].used)
            ent_drop(p, &p->e[i]);
    p->alive = 0;
    free(p->e);
    p->e = NULL;
    sweep();
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library B: one thread, started at the first call, owns all state; every function posts an
 * operation to it and sleeps on a semaphore of its own until the operation is complete. Written
 * from the requirement list alone, without a look at the cases.
 *
 * Choices where the documents are open: handles are 0x1000 + 4 * slot, and the slot closed last is
 * used next; the server handle is the listener's; requests are taken oldest first by the receiver
 * that came last; a set object does not keep a CallEx from a waiting server, but refuses a RecvEx
 * although a request is queued; Set releases its waiters for good; a sync object can be copied;
 * closing one ends its waits with an error; an unusable sync handle counts as none; timeouts are
 * late by up to one tick of 4 ms; a CallEx with mdelay 0 times out and delivers nothing; a response
 * to a caller that has gone is rcOk and dropped.
 *
 * OPEN_CLOSE_KEEPS    1: calls that wait with a closed sync object keep waiting
 * OPEN_AUTO_ONE       1: a self-clearing object interrupts one call, else all that wait
 * OPEN_AUTO_PENDING   0: a Set of a self-clearing object for which nobody waits is forgotten
 *
 * Everything but the mailbox belongs to the owner thread.
 */
#include "library_b.h"

#include "fault.h"

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <errno.h>
#include <nk/types.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <services/ocap.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#ifndef OPEN_CLOSE_KEEPS
#define OPEN_CLOSE_KEEPS (FAULT == 14)
#endif
#ifndef OPEN_AUTO_ONE
#define OPEN_AUTO_ONE 0
#endif
#ifndef OPEN_AUTO_PENDING
#define OPEN_AUTO_PENDING 1
#endif

#define TICK_NS 4000000u
#define FOREVER UINT64_MAX
#define HANDLE_BASE 0x1000u
#define HANDLE_STEP 4u
#define PROCESSES_MAX 4096u
#define NO_SLOT UINT32_MAX

enum kind { KIND_PORT, KIND_CLIENT, KIND_SYNC, KIND_USER };

struct taken {
    struct taken *next;
    struct op *caller; /* null: it has gone */
    uint32_t tid;
    uint32_t server_tid;
    uint32_t server_process;
    void *response; /* fault 123 */
    uint32_t response_size;
};

struct object {
    enum kind kind;
    unsigned refs;    /* handles, messages under way, waits, clients of a port */
    unsigned handles; /* and messages under way */
    struct object *port;
    struct taken *taken;
    int set;
    int autoclear;
    int token;                /* fault 51 */
    unsigned ghost_receivers; /* faults 46 and 122 */
    unsigned ghost_requests;  /* fault 87 */
    unsigned ghost_tid;
    unsigned ordinal; /* of the channels of a port, faults 114 and 115 */
    int dead;         /* fault 85 */
};

struct entry {
    struct object *object; /* null: free */
    rtl_uint32_t rights;
    uint32_t next_free;
};

struct process {
    int alive;
    struct entry *table;
    uint32_t size;
    uint32_t free;
};

enum verb {
    VERB_CALL,
    VERB_RECV,
    VERB_REPLY,
    VERB_CREATE,
    VERB_SET,
    VERB_CLEAR,
    VERB_CLOSE,
    VERB_COPY,
    VERB_CONNECT,
    VERB_USER,
    VERB_PROCESS_CREATE,
    VERB_PROCESS_END,
    VERB_CHANNEL,
    VERB_STAGE,
    VERB_LIVE
};

struct carried {
    struct object *object;
    rtl_uint32_t rights;
};

/* One call of the library; lives on the caller's stack until it is complete. */
struct op {
    struct op *next; /* mailbox, or the list of what is pending */
    enum verb verb;
    uint32_t process;
    uint32_t tid;
    sem_t *done;
    Handle handle;
    Handle sync_handle;
    rtl_uint32_t number; /* rights, autoclear, other process */
    const SMsgHdr *out;
    SMsgHdr *in;
    rtl_uint32_t mdelay;
    uint64_t entered;
    Retcode result;
    Handle made[3];
    /* While pending: */
    enum blind_stage stage;
    struct object *end;
    struct object *sync;
    uint64_t deadline;
    struct carried *carried;
    unsigned carried_count;
    uint64_t limbo; /* fault 53: since when it is to be woken */
};

static struct {
    pthread_mutex_t lock;
    struct op *first;
    struct op **last;
    int wakeup;
} mailbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &mailbox.first};

static pthread_once_t started = PTHREAD_ONCE_INIT;
static struct process *processes[PROCESSES_MAX];
static uint32_t process_count = 1;
static struct op *pending;
static uint32_t live_count;
static uint32_t created_count;
static int shared_flags[1024]; /* fault 81 */
static uint64_t stale_timer;   /* fault 69 */
static uint32_t stale_timer_tid;

struct self {
    int ready;
    uint32_t process;
    uint32_t tid;
    sem_t done;
};

static _Thread_local struct self self;
static uint32_t last_tid = 1000;

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- Objects ------------------------------------------------------------------------------ */

static struct object *object_new(enum kind kind)
{
    struct object *object = calloc(1, sizeof *object);
    if (object != NULL) {
        object->kind = kind;
        object->refs = 1;
        object->handles = 1;
        live_count++;
    }
    return object;
}

static void object_unref(struct object *object)
{
    if (--object->refs > 0) {
        return;
    }
    while (object->taken != NULL) {
        struct taken *t = object->taken;
        object->taken = t->next;
        free(t);
    }
    if (object->port != NULL) {
        object_unref(object->port);
    }
    live_count--;
    free(object);
}

static void finish(struct op *op, Retcode result);

/* The last handle of a port has gone: nobody can serve its callers any more. */
static void port_gone(struct object *port)
{
    for (struct op *op = pending, *next; op != NULL; op = next) {
        next = op->next;
        if (op->verb == VERB_CALL && op->end->port == port) {
            if (FAULTY(83) && op->stage == BLIND_CALL_TAKEN) {
                continue;
            }
            finish(op, FAULTY(84) && op->stage == BLIND_CALL_QUEUED ? rcOk : rcNotConnected);
            next = pending;
        }
    }
}

static void sync_gone(struct object *sync)
{
    for (struct op *op = pending, *next; op != NULL; op = next) {
        next = op->next;
        if (FAULTY(126) && op->sync != NULL && op->sync != sync && op->stage != BLIND_CALL_TAKEN) {
            finish(op, rcHandleRevoked);
            next = pending;
            continue;
        }
        if (op->sync != sync) {
            continue;
        }
        if (FAULTY(56)) {
            struct op **at = &pending;
            while (*at != op) {
                at = &(*at)->next;
            }
            *at = op->next;
        } else if (!OPEN_CLOSE_KEEPS && op->stage != BLIND_CALL_TAKEN) {
            finish(op, rcHandleRevoked);
            next = pending;
        }
    }
}

static void drop(struct object *object)
{
    if (--object->handles == 0) {
        if (object->kind == KIND_PORT) {
            port_gone(object);
        } else if (object->kind == KIND_SYNC) {
            sync_gone(object);
        }
    }
    object_unref(object);
}

static struct process *process_of(const struct op *op)
{
    return processes[op->process];
}

static Handle handle_of(uint32_t slot)
{
    return HANDLE_BASE + HANDLE_STEP * slot;
}

static uint32_t slot_of(Handle handle)
{
    return (handle - HANDLE_BASE) / HANDLE_STEP;
}

static struct entry *find(const struct process *process, Handle handle)
{
    if (process == NULL || handle < HANDLE_BASE || (handle - HANDLE_BASE) % HANDLE_STEP != 0 ||
        slot_of(handle) >= process->size) {
        return NULL;
    }
    struct entry *e = &process->table[slot_of(handle)];
    return e->object == NULL ? NULL : e;
}

/* Takes over one reference of the object. */
static Retcode enter(struct process *process, struct object *object, rtl_uint32_t rights,
                     Handle *out)
{
    if (process->free == NO_SLOT) {
        uint32_t size = process->size == 0 ? 16 : process->size * 2;
        struct entry *table = realloc(process->table, size * sizeof *table);
        if (table == NULL) {
            return rcQuotaExceeded;
        }
        process->table = table;
        for (uint32_t i = size; i-- > process->size;) {
            table[i].object = NULL;
            table[i].next_free = process->free;
            process->free = i;
        }
        process->size = size;
    }
    uint32_t slot = process->free;
    struct entry *e = &process->table[slot];
    process->free = e->next_free;
    e->object = object;
    e->rights = rights;
    *out = handle_of(slot);
    return rcOk;
}

static void clear_entry(struct process *process, struct entry *e)
{
    struct object *object = e->object;
    e->object = NULL;
    e->next_free = process->free;
    process->free = (uint32_t)(e - process->table);
    drop(object);
}

/* --- Completion --------------------------------------------------------------------------- */

static void unlink_pending(struct op *op)
{
    struct op **at = &pending;
    while (*at != NULL && *at != op) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = op->next;
    }
}

static void forget_caller(struct op *op)
{
    if (op->verb != VERB_CALL || op->stage != BLIND_CALL_TAKEN) {
        return;
    }
    for (struct taken *t = op->end->port->taken; t != NULL; t = t->next) {
        if (t->caller == op) {
            t->caller = NULL;
        }
    }
}

static void release_carried(struct op *op)
{
    for (unsigned i = 0; i < op->carried_count; i++) {
        drop(op->carried[i].object);
    }
    op->carried_count = 0;
    free(op->carried);
    op->carried = NULL;
}

/* Complete an operation; a pending one leaves every list first. */
static void finish(struct op *op, Retcode result)
{
    struct object *end = op->end;
    struct object *sync = op->sync;
    sem_t *done = op->done;
    unlink_pending(op);
    forget_caller(op);
    release_carried(op);
    if (FAULTY(69) && op->deadline != FOREVER && op->stage != BLIND_RUNNING) {
        stale_timer = op->deadline;
        stale_timer_tid = op->tid;
    }
    op->stage = BLIND_RUNNING;
    op->result = result;
    sem_post(done); /* op is gone from here on */
    if (sync != NULL) {
        object_unref(sync);
    }
    if (end != NULL) {
        object_unref(end);
    }
}

static void interrupt(struct op *op)
{
    if (op->verb == VERB_RECV && FAULTY(46)) {
        op->end->ghost_receivers++;
    }
    sem_t *done = op->done;
    finish(op, rcIpcInterrupt);
    if (FAULTY(96)) {
        sem_post(done);
    }
}

/* --- Messages ----------------------------------------------------------------------------- */

static int header_is_good(const SMsgHdr *h)
{
    return h != NULL && h->immSize == 0 && h->indirDescs[0].buf != NULL &&
           h->indirDescs[0].size >= sizeof(nk_message);
}

static Retcode gather(struct op *op)
{
    nk_message *msg = op->out->indirDescs[0].buf;
    unsigned n = msg->ncaps;
    if (sizeof *msg + n * sizeof(nk_handle_desc_t) > op->out->indirDescs[0].size) {
        return rcBufferTooSmall;
    }
    op->carried = n == 0 ? NULL : calloc(n, sizeof *op->carried);
    if (n > 0 && op->carried == NULL) {
        return rcOutOfMemory;
    }
    for (unsigned i = 0; i < n; i++) {
        const nk_handle_desc_t *d = &nk_msg_handles(msg)[i];
        struct entry *e = find(process_of(op), d->handle);
        Retcode rc = e == NULL                                 ? rcNoCapability
                     : (e->rights & OCAP_HANDLE_TRANSFER) == 0 ? rcSecurityDisallow
                                                               : rcOk;
        if (rc != rcOk) {
            release_carried(op);
            return rc;
        }
        e->object->refs++;
        e->object->handles++;
        op->carried[i].object = e->object;
        op->carried[i].rights = e->rights & d->rights;
        op->carried_count = i + 1;
    }
    return rcOk;
}

/* Copy from the sender's buffers to the receiver's and turn references into handles. */
static Retcode deliver(struct op *from, SMsgHdr *to, struct process *process)
{
    const SMsgHdr *out = from->out;
    rtl_uint32_t arena = out->indirDescs[1].buf == NULL ? 0 : out->indirDescs[1].size;
    if (to->indirDescs[0].size < out->indirDescs[0].size || to->indirDescs[1].size < arena) {
        return rcBufferTooSmall;
    }
    memcpy(to->indirDescs[0].buf, out->indirDescs[0].buf, out->indirDescs[0].size);
    to->indirDescs[0].size = out->indirDescs[0].size;
    if (arena > 0) {
        memcpy(to->indirDescs[1].buf, out->indirDescs[1].buf, arena);
    }
    to->indirDescs[1].size = arena;
    for (unsigned i = 0; i < from->carried_count; i++) {
        nk_handle_desc_t *d = &nk_msg_handles(to->indirDescs[0].buf)[i];
        d->rights = from->carried[i].rights;
        d->badge = 0;
        if (enter(process, from->carried[i].object, d->rights, &d->handle) != rcOk) {
            abort(); /* a library for tests: no memory for a table is the end */
        }
    }
    from->carried_count = 0;
    return rcOk;
}

/* --- Rendezvous --------------------------------------------------------------------------- */

static int is_set(const struct op *op, const struct object *sync)
{
    if (sync == NULL) {
        return 0;
    }
    if (FAULTY(81)) {
        return shared_flags[slot_of(op->sync_handle) % 1024u];
    }
    return sync->set;
}

/* An Ex call would have to wait: does its object forbid that? */
static int refuses_to_wait(struct op *op)
{
    if (op->sync == NULL) {
        return 0;
    }
    if (FAULTY(51) && op->sync->token) {
        op->sync->token = 0;
        return 1;
    }
    if (!is_set(op, op->sync)) {
        return 0;
    }
    if (op->sync->autoclear && !FAULTY(100)) {
        op->sync->set = 0;
    }
    return 1;
}

static struct op *waiting_receiver(const struct object *port)
{
    struct op *found = NULL;
    for (struct op *op = pending; op != NULL; op = op->next) {
        if (op->stage == BLIND_RECV_WAITING && op->end == port) {
            found = op;
        }
    }
    return found;
}

static struct op *queued_call(const struct object *port)
{
    for (struct op *op = pending; op != NULL; op = op->next) {
        if (op->stage == BLIND_CALL_QUEUED && op->end->port == port && !op->limbo) {
            return op;
        }
    }
    return NULL;
}

static void add_pending(struct op *op, enum blind_stage stage)
{
    op->stage = stage;
    op->deadline =
        op->mdelay == INFINITE_TIMEOUT ? FOREVER : op->entered + op->mdelay * UINT64_C(1000000);
    if (FAULTY(69) && stale_timer_tid == op->tid && stale_timer < op->deadline) {
        op->deadline = stale_timer;
        stale_timer_tid = 0;
    }
    struct op **at = &pending;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    op->next = NULL;
    *at = op;
}

/* The caller's request goes to the receiver, whose operation the server then completes. */
static Retcode hand_over(struct op *caller, struct op *receiver)
{
    struct object *port = caller->end->port;
    Retcode rc = deliver(caller, receiver->in, process_of(receiver));
    if (rc != rcOk) {
        return rc;
    }
    struct taken *t = calloc(1, sizeof *t);
    if (t == NULL) {
        abort(); /* as above */
    }
    t->caller = caller;
    t->tid = caller->tid;
    t->server_tid = receiver->tid;
    t->server_process = receiver->process;
    t->response = caller->in->indirDescs[0].buf;
    t->response_size = caller->in->indirDescs[0].size;
    struct taken **at = &port->taken;
    while (*at != NULL) {
        struct taken *old = *at;
        if (!FAULTY(117) && old->tid == t->tid && old->server_tid == t->server_tid) {
            *at = old->next; /* given up by both sides */
            free(old);
        } else {
            at = &old->next;
        }
    }
    *at = t;
    receiver->in->replyHandle = receiver->handle;
    receiver->in->sender = caller->process;
    receiver->in->threadId = caller->tid;
    receiver->in->traceId = caller->out->traceId;
    receiver->in->spanId = caller->out->spanId;
    return rcOk;
}

static void use_sync(struct op *op)
{
    struct entry *e = find(process_of(op), op->sync_handle);
    if (FAULTY(107) && e == NULL) {
        e = find(processes[BLIND_FIRST_PROCESS], op->sync_handle);
    }
    if (e != NULL && e->object->kind == KIND_SYNC) {
        op->sync = e->object;
        op->sync->refs++;
    }
}

static Retcode find_end(struct op *op, enum kind kind, rtl_uint32_t right)
{
    struct entry *e = find(process_of(op), op->handle);
    if (e == NULL) {
        return rcNoCapability;
    }
    if (e->object->kind != kind) {
        return rcInvalidOperation;
    }
    if ((e->rights & right) == 0) {
        return rcNoCapability;
    }
    op->end = e->object;
    op->end->refs++;
    return rcOk;
}

static void do_call(struct op *op)
{
    Retcode rc = find_end(op, KIND_CLIENT, OCAP_IPC_CALL);
    if (rc == rcOk) {
        rc = gather(op);
    }
    if (rc == rcOk && op->end->port->handles == 0) {
        rc = rcNotConnected;
    }
    int stale = op->sync_handle != INVALID_HANDLE;
    if (rc != rcOk) {
        finish(op, rc);
        return;
    }
    use_sync(op);
    stale = stale && op->sync == NULL;
    struct object *port = op->end->port;
    if (FAULTY(115) && op->end->ordinal > 0 && op->sync != NULL) {
        object_unref(op->sync);
        op->sync = NULL;
    }
    if (op->mdelay == 0) {
        finish(op, rcTimeout);
        return;
    }
    struct op *receiver = waiting_receiver(port);
    while (receiver != NULL) {
        int mixed = FAULTY(37) && is_set(op, op->sync);
        rc = hand_over(op, receiver);
        finish(receiver, rc);
        if (rc != rcOk) {
            finish(op, rc);
            return;
        }
        add_pending(op, BLIND_CALL_TAKEN);
        if (mixed || (FAULTY(106) && stale)) {
            finish(op, mixed ? rcIpcInterrupt : rcInvalidArgument);
        }
        return;
    }
    if (port->ghost_receivers > 0) {
        port->ghost_receivers--;
        add_pending(op, BLIND_CALL_TAKEN);
        return;
    }
    if (refuses_to_wait(op)) {
        interrupt(op);
        return;
    }
    add_pending(op, BLIND_CALL_QUEUED);
}

static void do_recv(struct op *op)
{
    Retcode rc = find_end(op, KIND_PORT, OCAP_IPC_RECV);
    if (rc != rcOk) {
        finish(op, rc);
        return;
    }
    if (FAULTY(85) && op->end->dead) {
        finish(op, rcNotConnected);
        return;
    }
    use_sync(op);
    if (FAULTY(87) && op->end->ghost_requests > 0) {
        op->end->ghost_requests--;
        memset(op->in->indirDescs[0].buf, 0, op->in->indirDescs[0].size);
        op->in->indirDescs[1].size = 0;
        op->in->threadId = op->end->ghost_tid;
        op->in->replyHandle = op->handle;
        finish(op, rcOk);
        return;
    }
    if (refuses_to_wait(op)) {
        interrupt(op);
        return;
    }
    struct op *caller = queued_call(op->end);
    if (caller == NULL) {
        if (op->mdelay == 0) {
            finish(op, rcTimeout);
        } else {
            add_pending(op, BLIND_RECV_WAITING);
        }
        return;
    }
    rc = hand_over(caller, op);
    if (rc == rcOk) {
        caller->stage = BLIND_CALL_TAKEN;
    } else {
        finish(caller, rc);
    }
    finish(op, rc);
}

/* Fault 92: what a refused response carries before the bad handle gets through to the client. */
static void leak_handles(struct op *op, struct op *caller)
{
    nk_message *msg = op->out->indirDescs[0].buf;
    for (unsigned i = 0; i < msg->ncaps; i++) {
        struct entry *e = find(process_of(op), nk_msg_handles(msg)[i].handle);
        if (e == NULL || (e->rights & OCAP_HANDLE_TRANSFER) == 0) {
            return;
        }
        Handle ignored = INVALID_HANDLE;
        e->object->refs++;
        e->object->handles++;
        enter(process_of(caller), e->object, e->rights, &ignored);
    }
}

/* The request that a Reply is for. A caller that has gone and called again may be in the list more
 * than once: then what the replying thread took itself, last, and else what was taken last. */
static struct taken **find_taken(struct op *op)
{
    struct taken **found = &op->end->taken;
    int own = 0;
    if (op->out->threadId == 0) {
        return found;
    }
    while (*found != NULL && (*found)->tid != op->out->threadId) {
        found = &(*found)->next;
    }
    for (struct taken **at = found; *at != NULL && !FAULTY(117); at = &(*at)->next) {
        int mine = (*at)->server_tid == op->tid;
        if ((*at)->tid == op->out->threadId && mine >= own) {
            found = at;
            own = mine;
        }
    }
    return found;
}

static void do_reply(struct op *op)
{
    Retcode rc = find_end(op, KIND_PORT, OCAP_IPC_RECV);
    if (rc != rcOk) {
        finish(op, rc);
        return;
    }
    struct taken **at = find_taken(op);
    if (*at == NULL) {
        finish(op, rcNotReady);
        return;
    }
    rc = gather(op);
    struct taken *t = *at;
    if (rc != rcOk) {
        if (FAULTY(92) && t->caller != NULL) {
            leak_handles(op, t->caller);
        }
        if (FAULTY(110) && t->caller != NULL) {
            t->caller->deadline = FOREVER;
            *at = t->next;
            free(t);
        }
        finish(op, rc);
        return;
    }
    *at = t->next;
    struct op *caller = t->caller;
    if (caller == NULL) {
        if (FAULTY(123) && t->response_size >= op->out->indirDescs[0].size) {
            memcpy(t->response, op->out->indirDescs[0].buf, op->out->indirDescs[0].size);
        }
        free(t);
        if (FAULTY(88)) {
            return; /* never complete */
        }
        finish(op, rcOk);
        return;
    }
    free(t);
    rc = deliver(op, caller->in, process_of(caller));
    finish(caller, rc);
    finish(op, rc);
}

/* --- Sync objects ------------------------------------------------------------------------- */

static struct object *pool; /* fault 4: closed objects come back as they were */

static void do_create(struct op *op)
{
    if (FAULTY(111) && ++created_count > 65535u) {
        finish(op, rcQuotaExceeded);
        return;
    }
    struct object *sync = object_new(KIND_SYNC);
    if (sync == NULL) {
        finish(op, rcOutOfMemory);
        return;
    }
    sync->autoclear = FAULTY(104) || (FAULTY(101) ? op->number != 2 : op->number == 1);
    if (FAULTY(4) && pool != NULL) {
        sync->set = pool->set;
        free(pool);
        pool = NULL;
    }
    finish(op, enter(process_of(op), sync, OCAP_HANDLE_COPY | OCAP_IPC_INTERRUPT, &op->made[0]));
}

static struct object *find_sync(struct op *op)
{
    struct entry *e = find(process_of(op), op->handle);
    if (FAULTY(78) && e == NULL) {
        e = find(processes[BLIND_FIRST_PROCESS], op->handle);
    }
    if (FAULTY(112) && e != NULL && slot_of(op->handle) >= 256) {
        e = &process_of(op)->table[slot_of(op->handle) % 256u];
    }
    return e == NULL || e->object == NULL || e->object->kind != KIND_SYNC ? NULL : e->object;
}

static int concerns(const struct op *waiter, const struct op *set, const struct object *sync)
{
    if (waiter->stage == BLIND_CALL_TAKEN || waiter->sync == NULL || waiter->limbo) {
        return 0;
    }
    if (FAULTY(14)) {
        return waiter->sync_handle == set->handle && waiter->process == set->process;
    }
    if (FAULTY(80)) {
        return waiter->sync_handle == set->handle;
    }
    return waiter->sync == sync;
}

static void do_set(struct op *op)
{
    struct object *sync = find_sync(op);
    if (sync == NULL) {
        finish(op, rcNoCapability);
        return;
    }
    sync->set = 1;
    shared_flags[slot_of(op->handle) % 1024u] = 1;
    unsigned hit = 0;
    struct object *first_port = NULL;
    for (struct op *w = pending, *next; w != NULL; w = next) {
        next = w->next;
        if (!concerns(w, op, sync) || (FAULTY(103) && sync->autoclear)) {
            continue;
        }
        struct object *port = w->verb == VERB_CALL ? w->end->port : w->end;
        first_port = first_port == NULL ? port : first_port;
        if ((FAULTY(114) && port != first_port) || (FAULTY(113) && hit >= 16) ||
            (sync->autoclear && OPEN_AUTO_ONE && hit >= 1)) {
            continue;
        }
        hit++;
        if (FAULTY(53)) {
            w->limbo = now_ns();
            continue;
        }
        if (FAULTY(132) && w->verb == VERB_RECV) {
            w = waiting_receiver(w->end);
        }
        interrupt(w);
        next = pending;
    }
    if (sync->autoclear && !FAULTY(100) && !(FAULTY(102) && hit > 1) &&
        (hit > 0 || !OPEN_AUTO_PENDING)) {
        sync->set = 0;
    }
    sync->token = FAULTY(51) && hit == 0;
    finish(op, rcOk);
}

static void do_clear(struct op *op)
{
    struct object *sync = find_sync(op);
    if (sync == NULL) {
        finish(op, rcInvalidArgument);
        return;
    }
    sync->set = 0;
    shared_flags[slot_of(op->handle) % 1024u] = 0;
    for (struct op *w = pending; FAULTY(53) && w != NULL; w = w->next) {
        w->limbo = w->limbo != 0 && w->sync == sync ? UINT64_MAX / 2 : w->limbo;
    }
    for (struct op *w = pending, *next; FAULTY(125) && w != NULL; w = next) {
        next = w->next;
        if (concerns(w, op, sync)) {
            interrupt(w);
            next = pending;
        }
    }
    finish(op, rcOk);
}

/* --- Handles and processes ---------------------------------------------------------------- */

static void do_close(struct op *op)
{
    struct entry *e = find(process_of(op), op->handle);
    if (e == NULL) {
        finish(op, rcNoCapability);
        return;
    }
    if (FAULTY(4) && e->object->kind == KIND_SYNC) {
        free(pool);
        pool = malloc(sizeof *pool);
        if (pool != NULL) {
            *pool = *e->object;
        }
    }
    clear_entry(process_of(op), e);
    finish(op, rcOk);
}

static void do_copy(struct op *op)
{
    struct entry *e = find(process_of(op), op->handle);
    if (e == NULL || (e->rights & OCAP_HANDLE_COPY) == 0) {
        finish(op, rcNoCapability);
        return;
    }
    if ((op->number & ~e->rights) != 0 && !FAULTY(76)) {
        finish(op, rcInvalidArgument);
        return;
    }
    e->object->refs++;
    e->object->handles++;
    finish(op, enter(process_of(op), e->object, op->number, &op->made[0]));
}

static Retcode open_channel(struct process *server, struct process *client, Handle listener,
                            Handle made[3])
{
    struct object *port = NULL;
    Retcode rc = rcOk;
    if (listener == INVALID_HANDLE) {
        port = object_new(KIND_PORT);
        rc = port == NULL ? rcOutOfMemory : enter(server, port, OCAP_IPC_LISTENER, &listener);
    } else {
        struct entry *e = find(server, listener);
        rc = e == NULL                             ? rcInvalidArgument
             : e->object->kind != KIND_PORT        ? rcInvalidOperation
             : (e->rights & OCAP_IPC_CONNECT) == 0 ? rcNoCapability
                                                   : rcOk;
        port = e == NULL ? NULL : e->object;
    }
    if (rc != rcOk) {
        return rc;
    }
    struct object *end = object_new(KIND_CLIENT);
    if (end == NULL) {
        return rcOutOfMemory;
    }
    end->port = port;
    end->ordinal = port->ordinal++;
    port->refs++;
    made[0] = listener;
    made[1] = listener;
    return enter(client, end, OCAP_IPC_CLIENT, &made[2]);
}

static void do_user(struct op *op)
{
    struct object *object = object_new(KIND_USER);
    finish(op, object == NULL ? rcOutOfMemory
                              : enter(process_of(op), object, op->number, &op->made[0]));
}

static void do_process_create(struct op *op)
{
    struct process *process =
        process_count + 1 >= PROCESSES_MAX ? NULL : calloc(1, sizeof *process);
    if (process == NULL) {
        finish(op, rcOutOfMemory);
        return;
    }
    process->alive = 1;
    process->free = NO_SLOT;
    op->number = ++process_count;
    processes[op->number] = process;
    finish(op, rcOk);
}

static void end_operations(uint32_t process)
{
    for (struct op *op = pending, *next; op != NULL; op = next) {
        next = op->next;
        if (op->process != process) {
            continue;
        }
        if (op->verb == VERB_CALL) {
            op->end->port->dead = 1;
            if (op->stage == BLIND_CALL_QUEUED) {
                op->end->port->ghost_requests += FAULTY(87);
                op->end->port->ghost_tid = op->tid;
            }
        }
        finish(op, rcAbort);
        next = pending;
    }
    for (struct op *op = pending, *next; op != NULL; op = next) {
        next = op->next;
        if (op->stage != BLIND_CALL_TAKEN || FAULTY(83)) {
            continue;
        }
        for (const struct taken *t = op->end->port->taken; t != NULL; t = t->next) {
            if (t->caller == op && t->server_process == process) {
                finish(op, rcNotConnected);
                next = pending;
                break;
            }
        }
    }
}

static void do_process_end(struct op *op)
{
    struct process *process = op->number > process_count ? NULL : processes[op->number];
    if (process == NULL || !process->alive) {
        finish(op, rcResourceNotFound);
        return;
    }
    process->alive = 0;
    end_operations(op->number);
    for (uint32_t i = 0; i < process->size && !FAULTY(89); i++) {
        struct object *object = process->table[i].object;
        if (object == NULL) {
            continue;
        }
        for (struct op *w = pending, *next; FAULTY(86) && object->kind == KIND_SYNC && w != NULL;
             w = next) {
            next = w->next;
            if (w->sync_handle == handle_of(i) && w->stage != BLIND_CALL_TAKEN) {
                interrupt(w);
                next = pending;
            }
        }
        clear_entry(process, &process->table[i]);
    }
    finish(op, rcOk);
}

static void do_channel(struct op *op)
{
    struct process *server = processes[op->number];
    struct process *client = processes[op->mdelay];
    finish(op, server == NULL || client == NULL
                   ? rcResourceNotFound
                   : open_channel(server, client, INVALID_HANDLE, op->made));
}

static void do_stage(struct op *op)
{
    enum blind_stage stage = BLIND_RUNNING;
    for (const struct op *p = pending; p != NULL; p = p->next) {
        stage = p->tid == op->number ? p->stage : stage;
    }
    op->made[0] = stage;
    finish(op, rcOk);
}

static void do_live(struct op *op)
{
    uint32_t count = 0;
    if (op->number == BLIND_ALL_PROCESSES) {
        count = live_count;
    } else if (op->number <= process_count && processes[op->number] != NULL) {
        const struct process *process = processes[op->number];
        for (uint32_t i = 0; i < process->size; i++) {
            count += process->table[i].object != NULL;
        }
        for (const struct op *p = pending; p != NULL; p = p->next) {
            count += p->process == op->number;
        }
    }
    op->made[0] = count;
    finish(op, rcOk);
}

/* --- The owner thread --------------------------------------------------------------------- */

static void perform(struct op *op)
{
    struct process *process = process_of(op);
    if ((process == NULL || !process->alive) && op->verb < VERB_PROCESS_CREATE) {
        finish(op, rcAbort);
        return;
    }
    switch (op->verb) {
    case VERB_CALL:
        do_call(op);
        break;
    case VERB_RECV:
        do_recv(op);
        break;
    case VERB_REPLY:
        do_reply(op);
        break;
    case VERB_CREATE:
        do_create(op);
        break;
    case VERB_SET:
        do_set(op);
        break;
    case VERB_CLEAR:
        do_clear(op);
        break;
    case VERB_CLOSE:
        do_close(op);
        break;
    case VERB_COPY:
        do_copy(op);
        break;
    case VERB_CONNECT:
        finish(op, open_channel(process, process, op->handle, op->made));
        break;
    case VERB_USER:
        do_user(op);
        break;
    case VERB_PROCESS_CREATE:
        do_process_create(op);
        break;
    case VERB_PROCESS_END:
        do_process_end(op);
        break;
    case VERB_CHANNEL:
        do_channel(op);
        break;
    case VERB_STAGE:
        do_stage(op);
        break;
    case VERB_LIVE:
        do_live(op);
        break;
    }
}

/* Time out what is due; milliseconds until the next tick at which something may be, or -1. */
static int run_timers(void)
{
    uint64_t now = now_ns();
    now -= now % TICK_NS;
    uint64_t nearest = FOREVER;
    for (struct op *op = pending, *next; op != NULL; op = next) {
        next = op->next;
        if (FAULTY(53) && op->limbo) {
            if (op->sync->set && now_ns() > op->limbo + 20000000u) {
                finish(op, rcIpcInterrupt);
                next = pending;
            }
            continue;
        }
        if (op->deadline <= now) {
            if (FAULTY(122) && op->verb == VERB_RECV) {
                op->end->ghost_receivers++;
            }
            finish(op, rcTimeout);
            next = pending;
        } else if (op->deadline < nearest) {
            nearest = op->deadline;
        }
    }
    if (nearest == FOREVER) {
        return FAULTY(53) ? 1 : -1;
    }
    uint64_t wait = (nearest - now + TICK_NS) / 1000000u;
    return FAULTY(53) ? 1 : wait > 60000 ? 60000 : (int)wait;
}

static struct op *next_op(void)
{
    pthread_mutex_lock(&mailbox.lock);
    struct op *op = mailbox.first;
    if (op != NULL) {
        mailbox.first = op->next;
        if (mailbox.first == NULL) {
            mailbox.last = &mailbox.first;
        }
        op->next = NULL;
    }
    pthread_mutex_unlock(&mailbox.lock);
    return op;
}

static void *own(void *unused)
{
    (void)unused;
    for (;;) {
        int timeout = run_timers();
        struct pollfd fd = {.fd = mailbox.wakeup, .events = POLLIN, .revents = 0};
        poll(&fd, 1, timeout);
        uint64_t count = 0;
        ssize_t ignored = read(mailbox.wakeup, &count, sizeof count);
        (void)ignored;
        for (struct op *op = next_op(); op != NULL; op = next_op()) {
            perform(op);
        }
    }
    return NULL;
}

static void start(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    mailbox.wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    processes[BLIND_FIRST_PROCESS] = calloc(1, sizeof **processes);
    if (mailbox.wakeup < 0 || processes[BLIND_FIRST_PROCESS] == NULL) {
        abort();
    }
    processes[BLIND_FIRST_PROCESS]->alive = 1;
    processes[BLIND_FIRST_PROCESS]->free = NO_SLOT;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, own, NULL) != 0) {
        abort();
    }
    pthread_attr_destroy(&attr);
}

static struct self *myself(void)
{
    if (!self.ready) {
        pthread_once(&started, start);
        sem_init(&self.done, 0, 0);
        self.tid = __atomic_add_fetch(&last_tid, 1, __ATOMIC_RELAXED);
        self.process = BLIND_FIRST_PROCESS;
        self.ready = 1;
    }
    return &self;
}

static Retcode submit(struct op *op)
{
    struct self *me = myself();
    const uint64_t one = 1;
    op->process = me->process;
    op->tid = me->tid;
    op->done = &me->done;
    op->entered = now_ns();
    op->result = rcInternalError;
    pthread_mutex_lock(&mailbox.lock);
    *mailbox.last = op;
    mailbox.last = &op->next;
    pthread_mutex_unlock(&mailbox.lock);
    ssize_t ignored = write(mailbox.wakeup, &one, sizeof one);
    (void)ignored;
    while (sem_wait(&me->done) != 0) {
    }
    return op->result;
}

/* --- The interface ------------------------------------------------------------------------ */

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct op op = {.verb = VERB_CALL,
                    .handle = handle,
                    .sync_handle = syncHandle,
                    .out = msgOut,
                    .in = msgIn,
                    .mdelay = mdelay};
    return header_is_good(msgOut) && header_is_good(msgIn) ? submit(&op) : rcInvalidArgument;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct op op = {.verb = VERB_RECV,
                    .handle = handle,
                    .sync_handle = syncHandle,
                    .in = msgIn,
                    .mdelay = mdelay};
    return header_is_good(msgIn) ? submit(&op) : rcInvalidArgument;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct op op = {.verb = VERB_REPLY, .handle = handle, .out = msgOut};
    return header_is_good(msgOut) ? submit(&op) : rcInvalidArgument;
}

static Retcode create(rtl_uint32_t number, Handle *syncHandle)
{
    struct op op = {.verb = VERB_CREATE, .number = number};
    if (syncHandle == NULL) {
        return rcTargetFault;
    }
    Retcode rc = submit(&op);
    if (rc == rcOk) {
        *syncHandle = op.made[0];
    }
    return rc;
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return create(2, syncHandle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    return create(autoclear != 0, syncHandle);
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct op op = {.verb = VERB_SET, .handle = syncHandle};
    return submit(&op);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    struct op op = {.verb = VERB_CLEAR, .handle = syncHandle};
    return submit(&op);
}

Retcode KnHandleClose(Handle handle)
{
    struct op op = {.verb = VERB_CLOSE, .handle = handle};
    return submit(&op);
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    struct op op = {.verb = VERB_COPY, .handle = inHandle, .number = newRightsMask};
    if (outHandle == NULL || copyBadge != INVALID_HANDLE) {
        return rcInvalidArgument;
    }
    Retcode rc = submit(&op);
    if (rc == rcOk) {
        *outHandle = op.made[0];
    }
    return rc;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    struct op op = {.verb = VERB_CONNECT, .handle = inListener};
    if (outClient == NULL || (outListener == NULL && inListener == INVALID_HANDLE)) {
        return rcInvalidArgument;
    }
    Retcode rc = submit(&op);
    if (rc == rcOk) {
        Handle ignored = INVALID_HANDLE;
        *(outListener != NULL ? outListener : &ignored) = op.made[0];
        *(outServer != NULL ? outServer : &ignored) = op.made[1];
        *outClient = op.made[2];
    }
    return rc;
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    (void)context;
    struct op op = {.verb = VERB_USER, .number = rights};
    if (handle == NULL || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcInvalidArgument;
    }
    Retcode rc = submit(&op);
    if (rc == rcOk) {
        *handle = op.made[0];
    }
    return rc;
}

/* --- Beside the interface ----------------------------------------------------------------- */

int blind_process_create(uint32_t *process)
{
    struct op op = {.verb = VERB_PROCESS_CREATE};
    Retcode rc = submit(&op);
    *process = op.number;
    return rc != rcOk;
}

int blind_process_end(uint32_t process)
{
    struct op op = {.verb = VERB_PROCESS_END, .number = process};
    return submit(&op) != rcOk;
}

int blind_thread_enter(uint32_t process, uint32_t *thread)
{
    struct self *me = myself();
    me->process = process;
    *thread = me->tid;
    return process == 0 || process >= PROCESSES_MAX;
}

int blind_channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                       Handle *server, Handle *client)
{
    struct op op = {.verb = VERB_CHANNEL, .number = server_process, .mdelay = client_process};
    Retcode rc = submit(&op);
    *listener = op.made[0];
    *server = op.made[1];
    *client = op.made[2];
    return rc != rcOk;
}

enum blind_stage blind_thread_stage(uint32_t thread)
{
    struct op op = {.verb = VERB_STAGE, .number = thread};
    submit(&op);
    return (enum blind_stage)op.made[0];
}

int blind_live_objects(uint32_t process, uint32_t *count)
{
    struct op op = {.verb = VERB_LIVE, .number = process};
    Retcode rc = submit(&op);
    *count = op.made[0];
    return rc != rcOk;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors: threads that perform one call of the library at a time and record what came of it
 * (perform.c).
 *
 * Steps of an op: (1) the main thread fills it, stores it in the mailbox and raises `turn`; (2) the
 * actor stamps the invocation, performs the call, stamps the return; (3) it sets DONE, which
 * publishes everything it wrote, and wakes the main thread; (4) the main thread logs the return
 * when it next looks.
 */
#include "event_log.h"
#include "history.h"
#include "library.h"
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A message has 128 KiB, and under sanitizers several of them lay beyond the guard page of 1 MiB, in
 * what belongs to another thread. Untouched pages cost nothing. */
#define ACTOR_STACK_BYTES (4u * 1024u * 1024u)

const char *cts_call_name(enum cts_call_kind kind)
{
    switch (kind) {
    case CTS_OP_CALL:
        return "Call";
    case CTS_OP_CALL_EX:
        return "CallEx";
    case CTS_OP_RECV:
        return "Recv";
    case CTS_OP_RECV_EX:
        return "RecvEx";
    case CTS_OP_REPLY:
        return "Reply";
    case CTS_OP_CREATE:
    case CTS_OP_CREATE_NULL:
    case CTS_OP_EXHAUST:
        return "KnIpcCreateSyncObject";
    case CTS_OP_CREATE_AUTOCLEAR:
        return "KnIpcCreateSyncObjectEx";
    case CTS_OP_SET:
        return "KnIpcSetInterrupt";
    case CTS_OP_CLEAR:
        return "KnIpcClearInterrupt";
    case CTS_OP_CLOSE:
        return "KnHandleClose";
    case CTS_OP_CONNECT:
        return "KnHandleConnect";
    case CTS_OP_COPY:
        return "KnHandleCopy";
    case CTS_OP_CHURN:
    case CTS_OP_RECREATE:
        return "KnIpcCreateSyncObject and KnHandleClose";
    case CTS_OP_CHURN_USED:
        return "objects that interrupt calls";
    case CTS_OP_CHURN_WAITED:
        return "waits that are interrupted";
    case CTS_OP_CHURN_SETTER:
        return "the Set of each";
    case CTS_OP_CHURN_CREATES:
        return "KnIpcCreateSyncObject by the thousand";
    case CTS_OP_CHURN_CLOSES:
        return "KnHandleClose of each";
    case CTS_OP_TRAFFIC_CALL:
        return "calls by the thousand";
    case CTS_OP_TRAFFIC_SERVE:
        return "their receives and replies";
    case CTS_OP_TRAFFIC_PULSE:
        return "Set and Clear beside them";
    case CTS_OP_TRAFFIC_CHURN:
        return "Create and Close beside them";
    case CTS_OP_MUTEX_WAIT:
        return "pthread_mutex_lock";
    case CTS_OP_SLEEP:
        return "nanosleep";
    case CTS_OP_PARK:
        return "futex wait (control)";
    case CTS_OP_UNPARK:
        return "futex wake (control)";
    case CTS_OP_OPEN_CHANNEL:
        return "channel_open (adapter)";
    case CTS_OP_SERVE_CHANNEL:
        return "channel_serve (adapter)";
    case CTS_OP_CONNECT_CHANNEL:
        return "channel_connect (adapter)";
    case CTS_OP_QUIT:
        break;
    }
    return "none";
}

void *cts_actor_main(void *context)
{
    struct cts_actor *actor = context;
    pid_t home = getpid();
    actor->tid = cts_gettid();
    cts_freeze_register(actor);
    if (cts_adapter_in_use.thread_enter != NULL && cts_adapter_in_use.os_processes == 0) {
        actor->enter_result =
            cts_adapter_in_use.thread_enter(actor->process->id, &actor->adapter_thread);
    }
    atomic_store(&actor->ready, 1);
    cts_futex_wake_all(&actor->ready);
    for (uint32_t turn = 0;; turn++) {
        /* (1) pairs with cts_op_post. */
        while (atomic_load_explicit(&actor->turn, memory_order_acquire) == turn) {
            cts_futex_wait(&actor->turn, turn, 0);
        }
        struct cts_op *op = atomic_load_explicit(&actor->mailbox, memory_order_acquire);
        if (op->kind == CTS_OP_QUIT) {
            return NULL;
        }
        for (; op != NULL; op = op->follow) {
            cts_perform(op);
            if (getpid() != home) {
                /* The library forked inside the call and both processes came back: not ours. */
                _exit(99);
            }
            atomic_store_explicit(&op->state, CTS_OP_DONE, memory_order_release); /* (3) */
            cts_futex_wake_all(&op->state);
        }
    }
}

/* ------------------------------------------------------------------------------------------------
 * In the main thread.
 */

bool cts_actor_busy(const struct cts_actor *actor)
{
    return actor->current != NULL && !actor->process->ended &&
           atomic_load_explicit(&actor->current->state, memory_order_acquire) != CTS_OP_DONE;
}

pthread_attr_t *cts_actor_attributes(void)
{
    static pthread_attr_t attributes;
    static bool made;
    if (!made) {
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, ACTOR_STACK_BYTES);
        made = true;
    }
    return &attributes;
}

static bool is_taken(const char *name)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (strcmp(actor->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Reports tell threads apart by their names: the second client is "client 2". */
static void set_name(struct cts_actor *actor, const char *name)
{
    (void)snprintf(actor->name, sizeof actor->name, "%s", name);
    for (unsigned number = 2; is_taken(actor->name); number++) {
        (void)snprintf(actor->name, sizeof actor->name, "%.*s %u",
                       (int)(sizeof actor->name - sizeof " 4294967295"), name, number);
    }
}

struct cts_actor *cts_actor_new(struct cts_process *process, const char *name)
{
    struct cts_actor *actor = cts_shared_alloc(sizeof *actor);
    if (actor == NULL) {
        cts_broken("no memory for an actor");
    }
    set_name(actor, name);
    actor->process = process;
    bool started = process->host != NULL ? cts_host_add_actor(process->host, actor)
                                         : pthread_create(&actor->thread, cts_actor_attributes(),
                                                          cts_actor_main, actor) == 0;
    if (!started) {
        cts_broken("no thread for an actor");
    }
    actor->next = cts_world.actors;
    cts_world.actors = actor;
    while (atomic_load(&actor->ready) == 0) {
        cts_futex_wait(&actor->ready, 0, 0);
    }
    if (actor->enter_result != 0) {
        cts_broken("the adapter's thread_enter failed");
    }
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "actor");
    cts_json_string(&line, "actor", actor->name);
    cts_json_string(&line, "process", process->name);
    cts_log_line(&line);
    return actor;
}

bool cts_op_is_limited(const struct cts_op *op)
{
    return (op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_RECV_EX) && op->mdelay < CTS_SAFETY_MS;
}

struct cts_op *cts_op_new(struct cts_actor *actor, enum cts_call_kind kind)
{
    if (!actor->queueing && cts_actor_busy(actor)) {
        cts_broken("the case gave a call to an actor that is still in one");
    }
    if (actor->process->ended) {
        cts_broken("the case gave a call to an actor of a process that has ended");
    }
    struct cts_op *op = cts_shared_alloc(sizeof *op);
    if (op == NULL) {
        cts_broken("no memory for an op");
    }
    op->number = ++cts_world.op_count;
    op->kind = kind;
    op->actor = actor;
    op->handle = INVALID_HANDLE;
    op->sync = INVALID_HANDLE;
    op->new_handle = INVALID_HANDLE;
    op->reply_handle = INVALID_HANDLE;
    if (cts_world.last_op == NULL) {
        cts_world.ops = op;
    } else {
        cts_world.last_op->next = op;
    }
    if (cts_world.oldest_unlogged == NULL) {
        cts_world.oldest_unlogged = op;
    }
    cts_world.last_op = op;
    return op;
}

static void log_mdelay(struct cts_json *line, rtl_uint32_t mdelay)
{
    if (mdelay == INFINITE_TIMEOUT) {
        cts_json_string(line, "mdelay", "infinite");
    } else {
        cts_json_uint(line, "mdelay", mdelay);
    }
}

static void log_invocation(const struct cts_op *op)
{
    struct cts_json line;
    const struct cts_process *process = op->actor->process;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "invoke");
    cts_json_uint(&line, "op", op->number);
    cts_json_string(&line, "actor", op->actor->name);
    cts_json_string(&line, "call", cts_call_name(op->kind));
    bool takes_handle = op->kind != CTS_OP_CREATE && op->kind != CTS_OP_CREATE_NULL &&
                        op->kind != CTS_OP_CREATE_AUTOCLEAR && op->kind != CTS_OP_CHURN &&
                        op->kind != CTS_OP_CHURN_CREATES && op->kind != CTS_OP_CHURN_CLOSES &&
                        op->kind != CTS_OP_EXHAUST && op->kind != CTS_OP_MUTEX_WAIT &&
                        op->kind != CTS_OP_SLEEP && op->kind != CTS_OP_PARK &&
                        op->kind != CTS_OP_UNPARK;
    if (takes_handle) {
        cts_json_hex32(&line, "handle", op->handle);
        cts_json_string(&line, "object", cts_object_name(process, op->handle));
    }
    if (op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_RECV_EX) {
        log_mdelay(&line, op->mdelay);
        cts_json_hex32(&line, "sync", op->sync);
        cts_json_string(&line, "sync_object", cts_object_name(process, op->sync));
    }
    if (op->kind == CTS_OP_CALL || op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_REPLY) {
        cts_json_uint(&line, "request", op->request);
        if (op->message.handle_count > 0) {
            cts_json_hex32_list(&line, "handles", op->message.handles, op->message.handle_count);
        }
    }
    if (op->rounds > 0) {
        cts_json_uint(&line, "rounds", op->rounds);
    }
    cts_log_line(&line);
}

/* Give an op, and what follows it, to the actor's thread. */
static void hand_over(struct cts_actor *actor, struct cts_op *first)
{
    for (struct cts_op *op = first; op != NULL; op = op->follow) {
        cts_history_prepare(op);
        log_invocation(op);
        op->posted = true;
        op->imitated_start_ms = cts_world.imitated_now_ms;
    }
    atomic_store_explicit(&actor->mailbox, first, memory_order_release);
    atomic_fetch_add_explicit(&actor->turn, 1, memory_order_release);
}

void cts_op_post(struct cts_op *op)
{
    struct cts_actor *actor = op->actor;
    if (actor->queueing) {
        if (actor->program == NULL) {
            actor->program = op;
        } else {
            actor->current->follow = op;
        }
        actor->current = op;
        return;
    }
    actor->current = op;
    hand_over(actor, op);
    cts_futex_wake_all(&actor->turn);
}

void cts_program_begin(struct cts_actor *actor)
{
    if (actor->queueing || cts_actor_busy(actor)) {
        cts_broken("the case began a program of an actor that is busy");
    }
    actor->queueing = true;
    actor->program = NULL;
}

void cts_program_run(void)
{
    /* First the words, then the wake-ups, so that the first actor is not far ahead. */
    for (struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (actor->queueing && actor->program != NULL) {
            hand_over(actor, actor->program);
        }
    }
    for (struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (actor->queueing) {
            cts_futex_wake_all(&actor->turn);
            actor->queueing = false;
        }
    }
}

static void log_return(const struct cts_op *op)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "return");
    cts_json_uint(&line, "op", op->number);
    cts_json_string(&line, "actor", op->actor->name);
    cts_json_string(&line, "call", cts_call_name(op->kind));
    cts_json_string(&line, "rc", op->note == NULL ? cts_rc_name(op->rc) : op->note);
    cts_json_int(&line, "rc_value", op->rc);
    cts_json_uint(&line, "seq_invoke", op->seq_invoke);
    cts_json_uint(&line, "seq_return", op->seq_return);
    cts_json_uint(&line, "t_invoke_ns", op->t_invoke_ns);
    cts_json_uint(&line, "t_return_ns", op->t_return_ns);
    if (op->rc == rcOk) {
        if (op->kind == CTS_OP_RECV || op->kind == CTS_OP_RECV_EX) {
            cts_json_uint(&line, "received", op->received);
        }
        if (op->kind == CTS_OP_CALL || op->kind == CTS_OP_CALL_EX) {
            cts_json_uint(&line, "response", op->received);
        }
        if (op->new_handle != INVALID_HANDLE) {
            cts_json_hex32(&line, "new_handle", op->new_handle);
        }
        if (op->handle_count > 0) {
            cts_json_hex32_list(&line, "received_handles", op->handles, op->handle_count);
        }
    }
    cts_log_line(&line);
}

/* Give names to the handles an op brought, and take one away that it closed. */
static void register_handles(struct cts_op *op)
{
    struct cts_process *process = op->actor->process;
    if (op->rc != rcOk) {
        return;
    }
    switch (op->kind) {
    case CTS_OP_CREATE:
    case CTS_OP_CREATE_AUTOCLEAR:
    case CTS_OP_RECREATE:
        if (op->new_handle != INVALID_HANDLE) {
            cts_object_add(process, op->new_handle, "sync");
            cts_history_sync(op);
        }
        break;
    case CTS_OP_COPY:
        cts_object_add(process, op->new_handle, "copy");
        cts_history_copied(process, op->handle, op->new_handle);
        break;
    case CTS_OP_CONNECT:
        if (op->handle == INVALID_HANDLE) {
            cts_object_add(process, op->new_listener, "listener");
        }
        if (op->new_server != op->new_listener && op->new_server != op->handle) {
            cts_object_add(process, op->new_server, "server");
        }
        cts_object_add(process, op->new_handle, "client");
        cts_history_channel(process, process,
                            op->handle == INVALID_HANDLE ? op->new_listener : op->handle,
                            op->new_server, op->new_handle);
        break;
    case CTS_OP_CLOSE:
        cts_object_closed(process, op->handle);
        cts_history_closed(process, op->handle);
        break;
    default:
        if (op->handle_count > 0) {
            cts_history_received(op);
        }
        for (unsigned i = 0; i < op->handle_count; i++) {
            cts_object_add(process, op->handles[i], "received");
        }
        break;
    }
}

/* In order of return where several are new, so that the log reads in order. */
static struct cts_op *first_unlogged(void)
{
    struct cts_op *first = NULL;
    for (struct cts_op *op = cts_world.oldest_unlogged; op != NULL; op = op->next) {
        if (op->posted && !op->logged &&
            atomic_load_explicit(&op->state, memory_order_acquire) == CTS_OP_DONE &&
            (first == NULL || op->seq_return < first->seq_return)) {
            first = op;
        }
    }
    return first;
}

void cts_ops_log_returns(void)
{
    for (struct cts_op *op = first_unlogged(); op != NULL; op = first_unlogged()) {
        op->logged = true;
        register_handles(op);
        log_return(op);
        while (cts_world.oldest_unlogged != NULL && cts_world.oldest_unlogged->logged) {
            cts_world.oldest_unlogged = cts_world.oldest_unlogged->next;
        }
    }
}

void cts_ops_log_all(void)
{
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (op->posted) {
            log_invocation(op);
        }
        if (op->logged) {
            log_return(op);
        }
    }
}

void cts_ops_forget(void)
{
    cts_world.ops = NULL;
    cts_world.last_op = NULL;
    cts_world.oldest_unlogged = NULL;
    for (struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        actor->current = NULL;
    }
}

void cts_actors_join(void)
{
    struct cts_op *quit = cts_shared_alloc(sizeof *quit);
    if (quit == NULL) {
        return;
    }
    quit->kind = CTS_OP_QUIT;
    for (struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        atomic_store_explicit(&actor->mailbox, quit, memory_order_release);
        atomic_fetch_add_explicit(&actor->turn, 1, memory_order_release);
        cts_futex_wake_all(&actor->turn);
    }
    for (struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (actor->process->host == NULL) {
            (void)pthread_join(actor->thread, NULL);
        }
    }
    for (struct cts_process *p = cts_world.processes; p != NULL; p = p->next) {
        if (p->host != NULL && !p->ended) {
            cts_host_end(p->host, false);
        }
    }
}

/* The mutex of cts_start_mutex_wait is held by the main thread while one waits for it, which may be a
 * thread of another operating-system process. */
static pthread_mutex_t *outside_mutex(void)
{
    static pthread_mutex_t *mutex;
    if (mutex == NULL) {
        pthread_mutexattr_t attributes;
        mutex = cts_shared_alloc(sizeof *mutex);
        if (mutex == NULL || pthread_mutexattr_init(&attributes) != 0 ||
            pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) != 0 ||
            pthread_mutex_init(mutex, &attributes) != 0) {
            cts_broken("no mutex to wait for");
        }
        (void)pthread_mutexattr_destroy(&attributes);
    }
    return mutex;
}

struct cts_op *cts_start_mutex_wait(struct cts_actor *actor)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_MUTEX_WAIT);
    op->mutex = outside_mutex();
    (void)pthread_mutex_lock(op->mutex);
    cts_op_post(op);
    return op;
}

void cts_release_mutex(void)
{
    (void)pthread_mutex_unlock(outside_mutex());
}

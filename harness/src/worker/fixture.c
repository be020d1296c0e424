/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, channels and the starting of calls: the part of the vocabulary that arranges. */
#include "event_log.h"
#include "history.h"
#include "library.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest real limit that a case may wait for. */
#define CTS_IMITATED_MAX_MS 4000u
/* Of cases that make as many steps as they find time for. */
#define STEPS_BUDGET_NS 3000000000u
#define STEPS_SOAK_FACTOR 2u

rtl_uint32_t cts_mdelay(const struct cts_case *self)
{
    return self->limit == CTS_UNLIMITED ? INFINITE_TIMEOUT : CTS_SAFETY_MS;
}

/* ------------------------------------------------------------------------------------------------
 * Processes and channels.
 */

static struct cts_process *add_process(uint32_t id)
{
    struct cts_process *process = cts_shared_alloc(sizeof *process);
    if (process == NULL) {
        cts_broken("no memory for a process");
    }
    unsigned number = 1;
    for (const struct cts_process *p = cts_world.processes; p != NULL; p = p->next) {
        number++;
    }
    (void)snprintf(process->name, sizeof process->name, "process%u", number);
    process->id = id;
    if (cts_adapter_in_use.os_processes != 0) {
        process->host = cts_host_new();
        process->id = (uint32_t)cts_host_pid(process->host);
    }
    process->next = cts_world.processes;
    cts_world.processes = process;
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "process");
    cts_json_string(&line, "process", process->name);
    cts_json_uint(&line, "id", process->id);
    cts_log_line(&line);
    char name[CTS_NAME_MAX];
    (void)snprintf(name, sizeof name, "controller%u", number);
    process->controller = cts_actor_new(process, name);
    return process;
}

struct cts_process *cts_process_first(void)
{
    static struct cts_process *first;
    if (first == NULL) {
        first = add_process(cts_adapter_in_use.first_process);
    }
    return first;
}

struct cts_process *cts_process_new(void)
{
    (void)cts_process_first();
    cts_need(CTS_CAN_TWO_PROCESSES);
    if (cts_adapter_in_use.os_processes != 0) {
        return add_process(0);
    }
    uint32_t id = 0;
    if (cts_adapter_in_use.process_create(&id) != 0) {
        cts_broken("the adapter's process_create failed");
    }
    return add_process(id);
}

static struct cts_link link_in_one(struct cts_process *process, Handle listener)
{
    struct cts_op *op = cts_op_new(process->controller, CTS_OP_CONNECT);
    op->handle = listener;
    cts_op_post(op);
    cts_require_returned(op, rcOk);
    return (struct cts_link){.server_process = process,
                             .client_process = process,
                             .listener = listener == INVALID_HANDLE ? op->new_listener : listener,
                             .server = op->new_server,
                             .client = op->new_handle};
}

struct cts_link cts_link_between(struct cts_process *server_process,
                                 struct cts_process *client_process)
{
    if (server_process == client_process) {
        return link_in_one(server_process, INVALID_HANDLE);
    }
    bool os_processes = cts_adapter_in_use.os_processes != 0;
    struct cts_op *op = cts_op_new(server_process->controller,
                                   os_processes ? CTS_OP_SERVE_CHANNEL : CTS_OP_OPEN_CHANNEL);
    op->server_process_id = server_process->id;
    op->client_process_id = client_process->id;
    op->channel = ++cts_world.channel_count;
    cts_op_post(op);
    cts_require_returned(op, rcOk);
    Handle client = op->new_handle;
    if (os_processes) {
        struct cts_op *connect = cts_op_new(client_process->controller, CTS_OP_CONNECT_CHANNEL);
        connect->channel = op->channel;
        cts_op_post(connect);
        cts_require_returned(connect, rcOk);
        client = connect->new_handle;
    }
    cts_object_add(server_process, op->new_listener, "listener");
    if (op->new_server != op->new_listener) {
        cts_object_add(server_process, op->new_server, "server");
    }
    cts_object_add(client_process, client, "client");
    cts_history_channel(server_process, client_process, op->new_listener, op->new_server, client);
    return (struct cts_link){.server_process = server_process,
                             .client_process = client_process,
                             .listener = op->new_listener,
                             .server = op->new_server,
                             .client = client};
}

struct cts_link cts_link_open(enum cts_layout layout)
{
    struct cts_process *first = cts_process_first();
    return cts_link_between(first, layout == CTS_ONE_PROCESS ? first : cts_process_new());
}

struct cts_link cts_link_add(const struct cts_link *link)
{
    if (link->server_process != link->client_process) {
        cts_broken("cts_link_add is for links in one process");
    }
    return link_in_one(link->server_process, link->listener);
}

/* Calls that its actors were in never return: what is received of them meets no return. */
static void end_calls(const struct cts_process *process)
{
    for (struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (actor->process == process && cts_actor_busy(actor)) {
            actor->current->seq_return = UINT64_MAX;
            atomic_store(&actor->hold, 0); /* who was frozen is no more */
        }
    }
}

static void end_process(struct cts_process *process, bool kill_it)
{
    if (process == cts_process_first()) {
        cts_broken("the first process cannot be ended: the case needs it");
    }
    cts_need(CTS_CAN_PROCESS_END);
    cts_history_process_end(process, false);
    if (process->host != NULL) {
        cts_host_end(process->host, kill_it);
    } else {
        if (!kill_it && !cts_objects_close_process(process)) {
            cts_broken("closing the handles of a process did not come to an end");
        }
        if (cts_adapter_in_use.process_end(process->id) != 0) {
            cts_broken("the adapter's process_end failed");
        }
    }
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "process_end");
    cts_json_string(&line, "process", process->name);
    cts_json_bool(&line, "killed", kill_it);
    cts_log_line(&line);
    cts_history_process_end(process, true);
    if (process->host != NULL) {
        end_calls(process);
        process->ended = true;
    }
    cts_objects_forget(process);
}

void cts_process_kill(struct cts_process *process)
{
    end_process(process, true);
}

void cts_process_exit(struct cts_process *process)
{
    end_process(process, false);
}

bool cts_processes_are_real(void)
{
    return cts_adapter_in_use.os_processes != 0;
}

void cts_fail_allocation(rtl_uint32_t nth)
{
    cts_need(CTS_CAN_FAIL_ALLOCATION);
    if (cts_adapter_in_use.fail_allocation(nth) != 0) {
        cts_broken("the adapter's fail_allocation failed");
    }
}

Handle cts_sync_new(struct cts_process *process)
{
    struct cts_op *op = cts_start_create(process->controller);
    cts_require_returned(op, rcOk);
    return op->new_handle;
}

/* ------------------------------------------------------------------------------------------------
 * Starting calls.
 */

static struct cts_op *start_call(struct cts_actor *actor, enum cts_call_kind kind, Handle client,
                                 struct cts_message request, rtl_uint32_t mdelay, Handle sync)
{
    struct cts_op *op = cts_op_new(actor, kind);
    op->handle = client;
    op->message = request;
    op->request = ++cts_world.request_count;
    op->mdelay = mdelay;
    op->sync = sync;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_call(struct cts_actor *actor, Handle client, struct cts_message request)
{
    return start_call(actor, CTS_OP_CALL, client, request, INFINITE_TIMEOUT, INVALID_HANDLE);
}

struct cts_op *cts_start_call_ex(struct cts_actor *actor, Handle client, struct cts_message request,
                                 rtl_uint32_t mdelay, Handle sync)
{
    return start_call(actor, CTS_OP_CALL_EX, client, request, mdelay, sync);
}

static struct cts_op *start_recv(struct cts_actor *actor, enum cts_call_kind kind, Handle server,
                                 rtl_uint32_t mdelay, Handle sync)
{
    struct cts_op *op = cts_op_new(actor, kind);
    op->handle = server;
    op->mdelay = mdelay;
    op->sync = sync;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_recv(struct cts_actor *actor, Handle server)
{
    return start_recv(actor, CTS_OP_RECV, server, INFINITE_TIMEOUT, INVALID_HANDLE);
}

struct cts_op *cts_start_recv_ex(struct cts_actor *actor, Handle server, rtl_uint32_t mdelay,
                                 Handle sync)
{
    return start_recv(actor, CTS_OP_RECV_EX, server, mdelay, sync);
}

/* The handle that the receive was made on can always be answered on; a listener has several channels, and
 * there Recv says which, if the library fills that in. */
Handle cts_reply_handle(const struct cts_op *received)
{
    bool filled = received->reply_handle != INVALID_HANDLE && received->reply_handle != 0;
    return filled ? received->reply_handle : received->handle;
}

static struct cts_op *start_reply(struct cts_actor *actor, struct cts_op *received,
                                  struct cts_message response, bool names_nobody)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_REPLY);
    op->message = response;
    op->names_nobody = names_nobody;
    if (actor->queueing && received->actor == actor) {
        op->answers = received;
    } else if (!cts_returned(received) || received->received == 0) {
        cts_broken("there is no received request to answer");
    } else {
        op->handle = cts_reply_handle(received);
        op->reply_thread = received->received_thread;
        op->request = received->received;
    }
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_reply(struct cts_actor *actor, struct cts_op *received,
                               struct cts_message response)
{
    return start_reply(actor, received, response, false);
}

struct cts_op *cts_start_reply_to_the_first(struct cts_actor *actor, struct cts_op *received)
{
    struct cts_op *op = start_reply(actor, received, CTS_PLAIN, true);
    op->model.error_allowed = true;
    return op;
}

struct cts_op *cts_start_stray_reply(struct cts_actor *actor, Handle server)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_REPLY);
    op->handle = server;
    cts_op_post(op);
    return op;
}

static struct cts_op *start_simple(struct cts_actor *actor, enum cts_call_kind kind, Handle handle,
                                   unsigned rounds)
{
    struct cts_op *op = cts_op_new(actor, kind);
    op->handle = handle;
    op->rounds = rounds;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_create(struct cts_actor *actor)
{
    return start_simple(actor, CTS_OP_CREATE, INVALID_HANDLE, 0);
}

struct cts_op *cts_start_create_over(struct cts_actor *actor, Handle before)
{
    return start_simple(actor, CTS_OP_CREATE, before, 0);
}

void cts_may_lack_room(struct cts_op *op)
{
    op->model.error_allowed = true;
}

struct cts_op *cts_start_create_null(struct cts_actor *actor)
{
    return start_simple(actor, CTS_OP_CREATE_NULL, INVALID_HANDLE, 0);
}

struct cts_op *cts_start_create_autoclear(struct cts_actor *actor)
{
    cts_need(CTS_CAN_AUTOCLEAR);
    return start_simple(actor, CTS_OP_CREATE_AUTOCLEAR, INVALID_HANDLE, 0);
}

Handle cts_autoclear_new(struct cts_actor *actor)
{
    static bool made;
    struct cts_op *op = cts_start_create_autoclear(actor);
    if (cts_wait(op) == rcUnimplemented && !made) {
        cts_lacks(CTS_CAN_AUTOCLEAR);
    }
    cts_require_returned(op, rcOk);
    made = true;
    return op->new_handle;
}

struct cts_op *cts_start_set(struct cts_actor *actor, Handle sync)
{
    return start_simple(actor, CTS_OP_SET, sync, 0);
}

struct cts_op *cts_start_clear(struct cts_actor *actor, Handle sync)
{
    return start_simple(actor, CTS_OP_CLEAR, sync, 0);
}

struct cts_op *cts_start_close(struct cts_actor *actor, Handle handle)
{
    return start_simple(actor, CTS_OP_CLOSE, handle, 0);
}

struct cts_op *cts_start_connect(struct cts_actor *actor)
{
    return start_simple(actor, CTS_OP_CONNECT, INVALID_HANDLE, 0);
}

struct cts_op *cts_start_copy(struct cts_actor *actor, Handle handle, rtl_uint32_t rights)
{
    cts_need(CTS_CAN_COPY);
    struct cts_op *op = cts_op_new(actor, CTS_OP_COPY);
    op->handle = handle;
    op->rights = rights;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_churn(struct cts_actor *actor, unsigned rounds)
{
    return start_simple(actor, CTS_OP_CHURN, INVALID_HANDLE, rounds);
}

struct cts_op *cts_start_churn_used(struct cts_actor *actor, Handle client, Handle server,
                                    unsigned rounds)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_CHURN_USED);
    op->handle = client;
    op->server = server;
    op->rounds = rounds;
    op->request = ++cts_world.request_count;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_churn_waited(struct cts_actor *actor, Handle client, Handle server,
                                      rtl_uint32_t mdelay, unsigned rounds)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_CHURN_WAITED);
    op->handle = client;
    op->server = server;
    op->mdelay = mdelay;
    op->rounds = rounds;
    op->request = ++cts_world.request_count;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_churn_setter(struct cts_actor *actor, struct cts_op *waited)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_CHURN_SETTER);
    op->waited = waited;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_churn_creates(struct cts_actor *actor, unsigned rounds)
{
    return start_simple(actor, CTS_OP_CHURN_CREATES, INVALID_HANDLE, rounds);
}

struct cts_op *cts_start_churn_closes(struct cts_actor *actor, struct cts_op *creates)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_CHURN_CLOSES);
    op->creates = creates;
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_recreate(struct cts_actor *actor, Handle wanted, unsigned rounds)
{
    return start_simple(actor, CTS_OP_RECREATE, wanted, rounds);
}

struct cts_op *cts_start_exhaust(struct cts_actor *actor, unsigned rounds)
{
    return start_simple(actor, CTS_OP_EXHAUST, INVALID_HANDLE, rounds);
}

struct cts_op *cts_start_sleep(struct cts_actor *actor, rtl_uint32_t milliseconds)
{
    struct cts_op *op = cts_op_new(actor, CTS_OP_SLEEP);
    op->mdelay = milliseconds;
    cts_op_post(op);
    return op;
}

bool cts_steps_left(unsigned done, unsigned wanted)
{
    static uint64_t start_ns;
    unsigned factor = cts_world.extent == CTS_EXTENT_SOAK ? STEPS_SOAK_FACTOR : 1;
    if (done == 0) {
        start_ns = cts_now_ns();
    }
    double budget_ns = (double)STEPS_BUDGET_NS * factor * cts_world.timeout_factor;
    return done < wanted * factor && (double)(cts_now_ns() - start_ns) <= budget_ns;
}

rtl_uint32_t cts_random(rtl_uint32_t bound)
{
    /* xorshift64*, started from the seed and the case, so that a case is the same in any selection. */
    static uint64_t state;
    if (state == 0) {
        state = cts_world.seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
        for (const char *c = cts_world.self->id; *c != '\0'; c++) {
            state = (state ^ (uint8_t)*c) * 0x100000001b3u;
        }
        state |= 1;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (rtl_uint32_t)((state * 0x2545f4914f6cdd1du) >> 32) % bound;
}

/* ------------------------------------------------------------------------------------------------
 * Virtual time.
 */

void cts_use_virtual_time(void)
{
    if (!cts_capability_present(CTS_CAN_VIRTUAL_TIME)) {
        cts_world.imitated_time = true;
        return;
    }
    if (cts_adapter_in_use.clock_virtual(1) != 0) {
        cts_broken("the adapter's clock_virtual failed");
    }
    cts_world.virtual_time = true;
}

/* Without a virtual clock the limits pass in real time: wait for those that have to have passed. A call
 * that timed out before its time came shows a machine too slow for the case, not a wrong library. */
static void imitate_advance(rtl_uint32_t milliseconds)
{
    cts_world.imitated_now_ms += milliseconds;
    for (struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        bool due = op->posted && cts_op_is_limited(op) &&
                   cts_world.imitated_now_ms - op->imitated_start_ms >= op->mdelay;
        if (due && op->mdelay > CTS_IMITATED_MAX_MS) {
            cts_need(CTS_CAN_VIRTUAL_TIME);
        }
        if (due) {
            (void)cts_op_wait(op);
        }
    }
}

void cts_advance_ms(rtl_uint32_t milliseconds)
{
    if (!cts_world.virtual_time && !cts_world.imitated_time) {
        cts_broken("cts_advance_ms without cts_use_virtual_time");
    }
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "advance");
    cts_json_uint(&line, "ms", milliseconds);
    cts_json_bool(&line, "virtual", cts_world.virtual_time);
    cts_log_line(&line);
    if (cts_world.virtual_time) {
        cts_history_advance(milliseconds);
    }
    if (cts_world.imitated_time) {
        imitate_advance(milliseconds);
    } else if (cts_adapter_in_use.clock_advance(milliseconds) != 0) {
        cts_broken("the adapter's clock_advance failed");
    }
}

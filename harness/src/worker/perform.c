/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Performing one call of the library in an actor's thread, and recording what came of it. With traffic.c
 * the only place where the library is called.
 */
#include "library.h"
#include "race.h"
#include "traffic.h"
#include "world.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void stamp_invocation(struct cts_op *op)
{
    if (op->gate != NULL) {
        cts_gate_pass(op->gate, op->gate_delay_ns);
    }
    op->seq_invoke = atomic_fetch_add(cts_world.sequence, 1) + 1;
    op->t_invoke_ns = cts_now_ns();
}

static void stamp_return(struct cts_op *op)
{
    op->t_return_ns = cts_now_ns();
    op->seq_return = atomic_fetch_add(cts_world.sequence, 1) + 1;
}

/* Packing is the library's work too; a failure there stands in for the call's result. */
static bool packed(struct cts_op *op, nk_err_t error, const char *what)
{
    if (error == NK_EOK) {
        return true;
    }
    op->note = what;
    op->rc = rcFail;
    stamp_invocation(op);
    stamp_return(op);
    return false;
}

static void take_handles(struct cts_op *op, struct cts_wire *wire)
{
    unsigned count = nk_msg_ncaps(&wire->base_);
    op->handle_count = count < CTS_MESSAGE_HANDLES ? count : CTS_MESSAGE_HANDLES;
    for (unsigned i = 0; i < op->handle_count; i++) {
        op->handles[i] = nk_get_handle(&wire->handles[i]);
    }
}

/* Room to receive into, beside the op's fixed part, and the header bound to both. The fixed part
 * outlives the call: the law looks for what is written there later. */
struct incoming {
    uint8_t arena_bytes[CTS_ARENA_MAX];
    nk_arena arena;
    SMsgHdr header;
};

static nk_err_t incoming_pack(struct cts_op *op, struct incoming *in)
{
    memset(&op->incoming, 0, sizeof op->incoming);
    nk_req_reset(&op->incoming);
    nk_arena_init(&in->arena, in->arena_bytes, sizeof in->arena_bytes);
    nk_err_t error = cts_library.pack_in(&in->header, &op->incoming.base_, &in->arena);
    /* A library that does not fill these leaves values that mean "not filled". */
    in->header.replyHandle = INVALID_HANDLE;
    in->header.threadId = 0;
    return error;
}

static void incoming_read(struct cts_op *op, struct incoming *in, bool is_answer)
{
    op->received = cts_message_read(&op->incoming, in->arena_bytes, sizeof in->arena_bytes,
                                    is_answer, &op->intact);
    take_handles(op, &op->incoming);
}

static void perform_call(struct cts_op *op)
{
    struct cts_wire out;
    uint8_t out_bytes[CTS_ARENA_MAX];
    nk_arena out_arena;
    SMsgHdr out_header;
    struct incoming in;
    nk_arena_init(&out_arena, out_bytes, sizeof out_bytes);
    cts_message_fill(&out, &out_arena, &op->message, op->request, false);
    nk_arena *arena = op->message.arena_bytes > 0 ? &out_arena : NULL;
    if (!packed(op, cts_library.pack_out(&out_header, &out.base_, arena), "PackOutMsg failed") ||
        !packed(op, incoming_pack(op, &in), "PackInMsg failed")) {
        return;
    }
    stamp_invocation(op);
    if (op->kind == CTS_OP_CALL) {
        op->rc = cts_library.call(op->handle, &out_header, &in.header);
    } else {
        op->rc = cts_library.call_ex(op->handle, &out_header, &in.header, op->mdelay, op->sync);
    }
    stamp_return(op);
    op->incoming_digest = cts_message_digest(&op->incoming);
    if (op->rc == rcOk) {
        incoming_read(op, &in, true);
    }
}

static void perform_recv(struct cts_op *op)
{
    struct incoming in;
    if (!packed(op, incoming_pack(op, &in), "PackInMsg failed")) {
        return;
    }
    stamp_invocation(op);
    if (op->kind == CTS_OP_RECV) {
        op->rc = cts_library.recv(op->handle, &in.header);
    } else {
        op->rc = cts_library.recv_ex(op->handle, &in.header, op->mdelay, op->sync);
    }
    stamp_return(op);
    op->incoming_digest = cts_message_digest(&op->incoming);
    if (op->rc == rcOk) {
        incoming_read(op, &in, false);
        op->reply_handle = in.header.replyHandle;
        op->received_thread = in.header.threadId;
    }
}

/* In a program the receive has returned only now. */
static bool resolve_answer(struct cts_op *op)
{
    const struct cts_op *received = op->answers;
    if (received == NULL) {
        return true;
    }
    if (received->rc != rcOk || received->received == 0) {
        op->note = "nothing was received to answer";
        op->rc = rcFail;
        stamp_invocation(op);
        stamp_return(op);
        return false;
    }
    op->handle = cts_reply_handle(received);
    op->reply_thread = received->received_thread;
    op->request = received->received;
    return true;
}

static void perform_reply(struct cts_op *op)
{
    if (!resolve_answer(op)) {
        return;
    }
    struct cts_wire out;
    uint8_t out_bytes[CTS_ARENA_MAX];
    nk_arena out_arena;
    SMsgHdr out_header;
    nk_arena_init(&out_arena, out_bytes, sizeof out_bytes);
    cts_message_fill(&out, &out_arena, &op->message, op->request, true);
    nk_arena *arena = op->message.arena_bytes > 0 ? &out_arena : NULL;
    if (!packed(op, cts_library.pack_out(&out_header, &out.base_, arena), "PackOutMsg failed")) {
        return;
    }
    out_header.threadId = op->names_nobody ? 0 : op->reply_thread;
    stamp_invocation(op);
    op->rc = cts_library.reply(op->handle, &out_header);
    stamp_return(op);
}

static Retcode churn(struct cts_op *op)
{
    while (atomic_load(&op->rounds_done) < op->rounds) {
        Handle handle = INVALID_HANDLE;
        Retcode rc = cts_library.create_sync_object(&handle);
        if (rc == rcOk) {
            rc = cts_library.close(handle);
        }
        if (rc != rcOk) {
            return rc;
        }
        atomic_fetch_add(&op->rounds_done, 1);
    }
    return rcOk;
}

/* Nothing more is to be closed: the one side has ended, or the other has, and would wait for ever. */
#define CLOSES_OVER (~0u)

/* What another thread closes. Handed over by the few, since each time costs two turns of the threads on their CPU. */
static Retcode churn_creates(struct cts_op *op)
{
    Retcode rc = rcOk;
    while (rc == rcOk && atomic_load(&op->rounds_done) < op->rounds) {
        unsigned count = 0;
        while (count < CTS_CREATED && rc == rcOk) {
            rc = cts_library.create_sync_object(&op->created[count]);
            count += rc == rcOk;
        }
        unsigned nothing = 0;
        if (!atomic_compare_exchange_strong(&op->to_close, &nothing, count)) {
            return rc; /* the other thread has given up, and tells why */
        }
        while (atomic_load(&op->to_close) == count && count > 0) {
            (void)sched_yield();
        }
        atomic_fetch_add(&op->rounds_done, count);
    }
    atomic_store(&op->to_close, CLOSES_OVER);
    return rc;
}

static Retcode close_for_creator(struct cts_op *op)
{
    struct cts_op *creates = op->creates;
    Retcode rc = rcOk;
    for (;;) {
        unsigned count = atomic_load(&creates->to_close);
        if (count == CLOSES_OVER) {
            return rc;
        }
        for (unsigned i = 0; i < count && rc == rcOk; i++) {
            rc = cts_library.close(creates->created[i]);
            atomic_fetch_add(&op->rounds_done, 1);
        }
        if (rc != rcOk) {
            atomic_store(&creates->to_close, CLOSES_OVER);
            return rc;
        }
        if (count > 0) {
            atomic_store(&creates->to_close, 0);
        }
        (void)sched_yield();
    }
}

/* One object interrupts a CallEx and a RecvEx of this thread, and is closed. */
static Retcode use_object(struct cts_op *op, SMsgHdr *out, struct incoming *in, bool closes_set)
{
    Handle sync = INVALID_HANDLE;
    Retcode rc = cts_library.create_sync_object(&sync);
    if (rc == rcOk) {
        rc = cts_library.set_interrupt(sync);
    }
    if (rc != rcOk) {
        return rc;
    }
    rc = cts_library.call_ex(op->handle, out, &in->header, INFINITE_TIMEOUT, sync);
    if (rc != rcIpcInterrupt) {
        op->note = "CallEx with an object that is set was not interrupted";
        return rcFail;
    }
    rc = cts_library.recv_ex(op->server, &in->header, INFINITE_TIMEOUT, sync);
    if (rc != rcIpcInterrupt) {
        op->note = "RecvEx with an object that is set was not interrupted";
        return rcFail;
    }
    if (closes_set) {
        return cts_library.close(sync);
    }
    rc = cts_library.clear_interrupt(sync);
    return rc == rcOk ? cts_library.close(sync) : rc;
}

static Retcode churn_used(struct cts_op *op)
{
    struct cts_wire wire;
    SMsgHdr out;
    struct incoming in;
    Retcode rc = rcOk;
    cts_message_fill(&wire, NULL, &op->message, op->request, false);
    if (cts_library.pack_out(&out, &wire.base_, NULL) != NK_EOK ||
        incoming_pack(op, &in) != NK_EOK) {
        op->note = "PackOutMsg or PackInMsg failed";
        return rcFail;
    }
    for (unsigned i = 0; i < op->rounds && rc == rcOk; i++) {
        rc = use_object(op, &out, &in, i % 2 != 0);
        atomic_fetch_add(&op->rounds_done, 1);
    }
    return rc;
}

/* No more Sets are asked for. */
#define SETS_OVER (~0u)

/* One object interrupts a CallEx or a RecvEx that waits: asked for right before, the setter runs when this
 * thread blocks, as both have one CPU. Where they have two, Set may come first, which is as good a round. */
static Retcode wait_with_object(struct cts_op *op, SMsgHdr *out, struct incoming *in, bool calls)
{
    Handle sync = INVALID_HANDLE;
    Retcode rc = cts_library.create_sync_object(&sync);
    if (rc != rcOk) {
        return rc;
    }
    atomic_store(&op->to_set, sync);
    unsigned wanted = atomic_fetch_add(&op->sets_wanted, 1) + 1;
    rc = calls ? cts_library.call_ex(op->handle, out, &in->header, op->mdelay, sync)
               : cts_library.recv_ex(op->server, &in->header, op->mdelay, sync);
    if (rc != rcIpcInterrupt) {
        op->note =
            calls ? "CallEx was not interrupted by Set" : "RecvEx was not interrupted by Set";
        return rcFail;
    }
    while (atomic_load(&op->sets_done) != wanted) {
        (void)sched_yield(); /* Close is not to meet Set */
    }
    return cts_library.close(sync);
}

static Retcode churn_waited(struct cts_op *op)
{
    struct cts_wire wire;
    SMsgHdr out;
    struct incoming in;
    Retcode rc = rcOk;
    cts_message_fill(&wire, NULL, &op->message, op->request, false);
    if (cts_library.pack_out(&out, &wire.base_, NULL) != NK_EOK ||
        incoming_pack(op, &in) != NK_EOK) {
        op->note = "PackOutMsg or PackInMsg failed";
        rc = rcFail;
    }
    for (unsigned i = 0; i < op->rounds && rc == rcOk; i++) {
        rc = wait_with_object(op, &out, &in, i % 2 == 0);
        atomic_fetch_add(&op->rounds_done, 1);
    }
    atomic_store(&op->sets_wanted, SETS_OVER);
    return rc;
}

static Retcode set_for_waiter(struct cts_op *op)
{
    struct cts_op *waited = op->waited;
    Retcode rc = rcOk;
    for (unsigned done = 0; rc == rcOk;) {
        unsigned wanted = atomic_load(&waited->sets_wanted);
        if (wanted == SETS_OVER) {
            break;
        }
        if (wanted == done) {
            (void)sched_yield();
            continue;
        }
        rc = cts_library.set_interrupt(atomic_load(&waited->to_set));
        done = wanted;
        atomic_store(&waited->sets_done, done);
        atomic_fetch_add(&op->rounds_done, 1);
    }
    return rc;
}

/* Create may write the handle, and nothing beside it (ABI-02). Every other time it lies where 64 bits could be written in
 * one go. */
static void create(struct cts_op *op)
{
    enum { PATTERN = 0x5aa51234, HANDLES = 6 };
    static _Atomic unsigned creates;
    _Alignas(2 * sizeof(Handle)) Handle room[HANDLES];
    unsigned place = 2 + atomic_fetch_add(&creates, 1) % 2;
    for (unsigned i = 0; i < HANDLES; i++) {
        room[i] = i == place ? op->handle : PATTERN;
    }
    op->rc = cts_library.create_sync_object(&room[place]);
    op->new_handle = room[place];
    op->wrote_beside = false;
    for (unsigned i = 0; i < HANDLES; i++) {
        op->wrote_beside |= i != place && room[i] != PATTERN;
    }
}

/* Create until the wanted value comes up again, which stays open; new_handle tells whether it did.
 */
static Retcode recreate(struct cts_op *op)
{
    for (unsigned i = 0; i < op->rounds; i++) {
        Handle handle = INVALID_HANDLE;
        Retcode rc = cts_library.create_sync_object(&handle);
        if (rc != rcOk) {
            return rc;
        }
        atomic_fetch_add(&op->rounds_done, 1);
        if (handle == op->handle) {
            op->new_handle = handle;
            return rcOk;
        }
        rc = cts_library.close(handle);
        if (rc != rcOk) {
            return rc;
        }
    }
    return rcOk;
}

/* Create up to `rounds` objects, then close them all. The first error of Create, or rcOk. */
static Retcode exhaust(struct cts_op *op)
{
    Handle *handles = calloc(op->rounds, sizeof *handles);
    if (handles == NULL) {
        op->note = "no memory for the list of handles";
        return rcFail;
    }
    Retcode rc = rcOk;
    unsigned count = 0;
    while (count < op->rounds) {
        rc = cts_library.create_sync_object(&handles[count]);
        if (rc != rcOk) {
            break;
        }
        count++;
        atomic_fetch_add(&op->rounds_done, 1);
    }
    for (unsigned i = 0; i < count; i++) {
        atomic_fetch_add(&op->rounds_done, 1);
        if (cts_library.close(handles[i]) != rcOk) {
            op->note = "KnHandleClose of one of the objects failed";
        }
    }
    free(handles);
    return rc;
}

/* A full sleep, undisturbed: one nanosleep, not restarted. */
static Retcode sleep_once(rtl_uint32_t milliseconds)
{
    struct timespec span = {milliseconds / 1000u, (long)(milliseconds % 1000u) * 1000000L};
    return nanosleep(&span, NULL) == 0 ? rcOk : rcFail;
}

/* The control group of timing.c: what the kernel alone takes to wake a thread, or to end a limit. */
static void park(const struct cts_op *op)
{
    uint64_t limit_ns = (uint64_t)op->mdelay * 1000000u;
    while (atomic_load_explicit(op->word, memory_order_acquire) == op->word_value) {
        uint64_t passed_ns = cts_now_ns() - op->t_invoke_ns;
        if (op->mdelay == INFINITE_TIMEOUT) {
            cts_futex_wait(op->word, op->word_value, 0);
        } else if (passed_ns < limit_ns) {
            cts_futex_wait(op->word, op->word_value, limit_ns - passed_ns);
        } else {
            return;
        }
    }
}

static void unpark(const struct cts_op *op)
{
    /* Pairs with the load of park. */
    atomic_store_explicit(op->word, op->word_value + 1, memory_order_release);
    cts_futex_wake_all(op->word);
}

/* The adapter's three ways of opening a channel; its result becomes rcOk or rcFail. */
static Retcode open_channel(struct cts_op *op)
{
    const struct cts_adapter *adapter = &cts_adapter_in_use;
    char name[64];
    /* Unique on the machine: several workers may run at once. */
    (void)snprintf(name, sizeof name, "ipc-cts-%d-%u", (int)cts_world.pid, op->channel);
    int result = 0;
    op->new_listener = op->new_server = INVALID_HANDLE;
    if (op->kind == CTS_OP_SERVE_CHANNEL) {
        result = adapter->channel_serve(name, &op->new_listener, &op->new_server);
    } else if (op->kind == CTS_OP_CONNECT_CHANNEL) {
        result = adapter->channel_connect(name, &op->new_handle);
    } else {
        result = adapter->channel_open(op->server_process_id, op->client_process_id,
                                       &op->new_listener, &op->new_server, &op->new_handle);
    }
    return result == 0 ? rcOk : rcFail;
}

/* Ops that stand for thousands of calls. */
static void perform_many(struct cts_op *op)
{
    switch (op->kind) {
    case CTS_OP_CHURN:
        op->rc = churn(op);
        break;
    case CTS_OP_CHURN_USED:
        op->rc = churn_used(op);
        break;
    case CTS_OP_CHURN_WAITED:
        op->rc = churn_waited(op);
        break;
    case CTS_OP_CHURN_SETTER:
        op->rc = set_for_waiter(op);
        break;
    case CTS_OP_CHURN_CREATES:
        op->rc = churn_creates(op);
        break;
    case CTS_OP_CHURN_CLOSES:
        op->rc = close_for_creator(op);
        break;
    case CTS_OP_TRAFFIC_CALL:
        op->rc = cts_traffic_call(op);
        break;
    case CTS_OP_TRAFFIC_SERVE:
        op->rc = cts_traffic_serve(op);
        break;
    case CTS_OP_TRAFFIC_PULSE:
        op->rc = cts_traffic_pulse(op);
        break;
    case CTS_OP_TRAFFIC_CHURN:
        op->rc = cts_traffic_churn(op);
        break;
    case CTS_OP_RECREATE:
        op->rc = recreate(op);
        break;
    case CTS_OP_EXHAUST:
        op->rc = exhaust(op);
        break;
    default:
        break;
    }
}

static void perform_other(struct cts_op *op)
{
    op->new_handle = INVALID_HANDLE;
    stamp_invocation(op);
    switch (op->kind) {
    case CTS_OP_CREATE:
        create(op);
        break;
    case CTS_OP_CREATE_NULL:
        op->rc = cts_library.create_sync_object(NULL);
        break;
    case CTS_OP_CREATE_AUTOCLEAR:
        op->rc = cts_library.create_sync_object_ex(1, &op->new_handle);
        break;
    case CTS_OP_SET:
        op->rc = cts_library.set_interrupt(op->handle);
        break;
    case CTS_OP_CLEAR:
        op->rc = cts_library.clear_interrupt(op->handle);
        break;
    case CTS_OP_CLOSE:
        op->rc = cts_library.close(op->handle);
        break;
    case CTS_OP_CONNECT:
        op->new_listener = op->new_server = INVALID_HANDLE;
        op->rc =
            cts_library.connect(op->handle, &op->new_listener, &op->new_server, &op->new_handle);
        break;
    case CTS_OP_COPY:
        op->rc = cts_library.copy(op->handle, op->rights, INVALID_HANDLE, &op->new_handle);
        break;
    case CTS_OP_MUTEX_WAIT:
        (void)pthread_mutex_lock(op->mutex);
        (void)pthread_mutex_unlock(op->mutex);
        op->rc = rcOk;
        break;
    case CTS_OP_SLEEP:
        op->rc = sleep_once(op->mdelay);
        break;
    case CTS_OP_PARK:
        park(op);
        op->rc = rcOk;
        break;
    case CTS_OP_UNPARK:
        unpark(op);
        op->rc = rcOk;
        break;
    case CTS_OP_OPEN_CHANNEL:
    case CTS_OP_SERVE_CHANNEL:
    case CTS_OP_CONNECT_CHANNEL:
        op->rc = open_channel(op);
        break;
    default:
        perform_many(op);
        break;
    }
    stamp_return(op);
}

void cts_perform(struct cts_op *op)
{
    switch (op->kind) {
    case CTS_OP_CALL:
    case CTS_OP_CALL_EX:
        perform_call(op);
        break;
    case CTS_OP_RECV:
    case CTS_OP_RECV_EX:
        perform_recv(op);
        break;
    case CTS_OP_REPLY:
        perform_reply(op);
        break;
    default:
        perform_other(op);
        break;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the ops of a case to the events of the model. Handles become numbers when an op is posted, since
 * the same value may name something else later; the order comes from the stamps that the actors took
 * around each call, which makes every interval a little too wide and so never accuses wrongly.
 *
 * What the model cannot know is passed on as "an error is lawful here": channels whose ends were closed
 * or travelled, messages with handles of unknown standing.
 */
#include "history.h"

#include "event_log.h"

#include <model.h>
#include <stdio.h>
#include <stdlib.h>

enum name_kind { NAME_SYNC, NAME_LISTENER, NAME_SERVER, NAME_CLIENT };

struct name {
    const struct cts_process *process;
    Handle handle;
    enum name_kind kind;
    uint32_t number; /* of the sync object, the listener, or the channel */
    struct name *next;
};

struct channel {
    uint32_t listener;
    struct cts_process *server_process;
    struct cts_process *client_process;
    bool uncertain; /* an end was closed or has a second handle */
};

struct mark {
    enum cts_model_event_kind kind;
    uint64_t sequence;
    uint32_t process;
    uint64_t now_ms;
};

#define CHANNELS_MAX 256u
#define MARKS_MAX 4096u

static struct name *names; /* newest first */
static struct channel channels[CHANNELS_MAX];
static uint32_t channel_count;
static uint32_t listener_count;
static uint32_t sync_count;
static bool sync_copied[CTS_MODEL_OBJECTS_MAX];
static struct mark marks[MARKS_MAX];
static size_t mark_count;
static uint64_t now_ms;
static bool incomplete; /* more than we keep: no verdict */

/* ------------------------------------------------------------------------------------------------
 * Names.
 */

static struct name *find_name(const struct cts_process *process, Handle handle)
{
    for (struct name *name = names; name != NULL; name = name->next) {
        if (name->process == process && name->handle == handle) {
            return name;
        }
    }
    return NULL;
}

static void add_name(const struct cts_process *process, Handle handle, enum name_kind kind,
                     uint32_t number)
{
    struct name *name = calloc(1, sizeof *name);
    if (name == NULL) {
        incomplete = true;
        return;
    }
    *name = (struct name){process, handle, kind, number, names};
    names = name;
}

void cts_history_sync(struct cts_op *op)
{
    op->sync_number = sync_count++;
    incomplete |= sync_count >= CTS_MODEL_OBJECTS_MAX;
    add_name(op->actor->process, op->new_handle, NAME_SYNC, op->sync_number);
}

void cts_history_channel(struct cts_process *server_process, struct cts_process *client_process,
                         Handle listener, Handle server, Handle client)
{
    if (channel_count == CHANNELS_MAX) {
        incomplete = true;
        return;
    }
    const struct name *known = find_name(server_process, listener);
    uint32_t listener_number = known != NULL ? known->number : listener_count++;
    if (known == NULL) {
        add_name(server_process, listener, NAME_LISTENER, listener_number);
    }
    uint32_t channel = channel_count++;
    channels[channel] = (struct channel){listener_number, server_process, client_process, false};
    if (server != listener) {
        add_name(server_process, server, NAME_SERVER, channel);
    }
    add_name(client_process, client, NAME_CLIENT, channel);
}

static void make_uncertain(const struct name *name)
{
    for (uint32_t i = 0; i < channel_count; i++) {
        if ((name->kind == NAME_LISTENER && channels[i].listener == name->number) ||
            ((name->kind == NAME_SERVER || name->kind == NAME_CLIENT) && i == name->number)) {
            channels[i].uncertain = true;
        }
    }
}

void cts_history_copied(struct cts_process *process, Handle source, Handle copy)
{
    const struct name *name = find_name(process, source);
    if (name == NULL) {
        return;
    }
    make_uncertain(name);
    if (name->kind == NAME_SYNC) {
        sync_copied[name->number] = true;
    }
    add_name(process, copy, name->kind, name->number);
}

void cts_history_received(const struct cts_op *op)
{
    for (const struct cts_op *other = cts_world.ops; other != NULL; other = other->next) {
        bool sent_it = other->request == op->received && other != op &&
                       other->message.handle_count >= op->handle_count;
        bool is_request = other->kind == CTS_OP_CALL || other->kind == CTS_OP_CALL_EX;
        bool wants_request = op->kind == CTS_OP_RECV || op->kind == CTS_OP_RECV_EX;
        if (!sent_it || is_request != wants_request ||
            (!is_request && other->kind != CTS_OP_REPLY)) {
            continue;
        }
        for (unsigned i = 0; i < op->handle_count; i++) {
            const struct name *name = find_name(other->actor->process, other->message.handles[i]);
            if (name != NULL) {
                make_uncertain(name);
                add_name(op->actor->process, op->handles[i], name->kind, name->number);
            }
        }
        return;
    }
}

void cts_history_closed(struct cts_process *process, Handle handle)
{
    struct name **link = &names;
    while (*link != NULL && ((*link)->process != process || (*link)->handle != handle)) {
        link = &(*link)->next;
    }
    struct name *name = *link;
    if (name != NULL) {
        *link = name->next;
        free(name);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Ops.
 */

static void prepare_call(struct cts_op *op, struct cts_model_op *out, const struct name *name)
{
    out->kind = CTS_MODEL_CALL;
    out->request = (uint32_t)op->request;
    if (name == NULL || name->kind != NAME_CLIENT) {
        out->bad_handle = true;
        out->channel = 0;
        return;
    }
    out->channel = name->number;
}

static void prepare_recv(struct cts_model_op *out, const struct name *name)
{
    out->kind = CTS_MODEL_RECV;
    if (name == NULL || (name->kind != NAME_SERVER && name->kind != NAME_LISTENER)) {
        out->bad_handle = true;
        return;
    }
    if (name->kind == NAME_LISTENER) {
        out->listener = name->number;
    } else {
        out->channel = name->number;
    }
}

static void prepare_sync(const struct cts_op *op, struct cts_model_op *out)
{
    out->ex = op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_RECV_EX;
    if (!out->ex) {
        return;
    }
    out->poll = op->mdelay == 0;
    out->limited = op->mdelay != 0 && op->mdelay != INFINITE_TIMEOUT;
    out->delay_ms = op->mdelay;
    if (op->sync == INVALID_HANDLE) {
        return;
    }
    const struct name *name = find_name(op->actor->process, op->sync);
    if (name != NULL && name->kind == NAME_SYNC) {
        out->object = name->number;
    } else {
        out->bad_sync = true;
    }
}

/* Which handles a message carries decides whether it may travel. */
static void prepare_message(const struct cts_op *op, struct cts_model_op *out)
{
    for (unsigned i = 0; i < op->message.handle_count; i++) {
        const struct name *name = find_name(op->actor->process, op->message.handles[i]);
        if (name == NULL) {
            out->error_allowed = true;
        } else if (name->kind == NAME_SYNC) {
            out->refused = true;
        }
    }
}

static void prepare_sync_function(struct cts_model_op *out, const struct name *name,
                                  enum cts_model_op_kind kind)
{
    out->kind = kind;
    if (name == NULL || name->kind != NAME_SYNC) {
        out->bad_handle = true;
    } else {
        out->object = name->number;
    }
}

static void prepare_close(struct cts_model_op *out, const struct name *name)
{
    if (name == NULL || name->kind == NAME_SYNC) {
        prepare_sync_function(out, name, CTS_MODEL_CLOSE_SYNC);
        return;
    }
    /* An end may have other handles, or go with another end: nothing is claimed about it. */
    make_uncertain(name);
    out->kind = CTS_MODEL_CLOSE_END;
    out->error_allowed = true;
    if (name->kind == NAME_LISTENER) {
        out->listener = name->number;
    } else {
        out->channel = name->number;
    }
}

void cts_history_prepare(struct cts_op *op)
{
    const struct name *name = find_name(op->actor->process, op->handle);
    struct cts_model_op *out = &op->model;
    *out = (struct cts_model_op){.listener = CTS_MODEL_NONE, .object = CTS_MODEL_NONE};
    op->modelled = true;
    switch (op->kind) {
    case CTS_OP_CALL:
    case CTS_OP_CALL_EX:
        prepare_call(op, out, name);
        prepare_sync(op, out);
        prepare_message(op, out);
        break;
    case CTS_OP_RECV:
    case CTS_OP_RECV_EX:
        prepare_recv(out, name);
        prepare_sync(op, out);
        break;
    case CTS_OP_REPLY:
        out->kind = CTS_MODEL_REPLY;
        prepare_message(op, out);
        break;
    case CTS_OP_SET:
        prepare_sync_function(out, name, CTS_MODEL_SET);
        break;
    case CTS_OP_CLEAR:
        prepare_sync_function(out, name, CTS_MODEL_CLEAR);
        break;
    case CTS_OP_CLOSE:
        prepare_close(out, name);
        break;
    case CTS_OP_CREATE:
    case CTS_OP_CREATE_AUTOCLEAR:
    case CTS_OP_CREATE_NULL:
        out->kind = CTS_MODEL_CREATE;
        out->autoclear = op->kind == CTS_OP_CREATE_AUTOCLEAR;
        out->bad_handle = op->kind == CTS_OP_CREATE_NULL;
        break;
    default:
        op->modelled = false;
        break;
    }
}

/* ------------------------------------------------------------------------------------------------
 * Marks.
 */

static void add_mark(enum cts_model_event_kind kind, uint32_t process)
{
    if (mark_count == MARKS_MAX) {
        incomplete = true;
        return;
    }
    marks[mark_count++] =
        (struct mark){kind, atomic_fetch_add(cts_world.sequence, 1) + 1, process, now_ms};
}

static uint32_t process_number(const struct cts_process *process)
{
    uint32_t number = 0;
    for (const struct cts_process *p = cts_world.processes; p != NULL && p != process;
         p = p->next) {
        number++;
    }
    /* The list is newest first; numbers must not change when one is added. */
    uint32_t total = 0;
    for (const struct cts_process *p = cts_world.processes; p != NULL; p = p->next) {
        total++;
    }
    return total - 1 - number;
}

void cts_history_rest(void)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (atomic_load(&actor->hold) == 1) {
            return; /* frozen: it will go on when it is thawed */
        }
    }
    add_mark(CTS_MODEL_REST, 0);
}

void cts_history_advance(uint64_t milliseconds)
{
    now_ms += milliseconds;
    add_mark(CTS_MODEL_ADVANCE, 0);
}

void cts_history_process_end(struct cts_process *process, bool ended)
{
    add_mark(ended ? CTS_MODEL_PROCESS_END : CTS_MODEL_PROCESS_ENDING, process_number(process));
}

/* ------------------------------------------------------------------------------------------------
 * The judgement.
 */

struct moment {
    uint64_t sequence;
    const struct cts_op *op; /* null for a mark */
    const struct mark *mark;
    bool is_return;
};

static int by_sequence(const void *a, const void *b)
{
    const struct moment *left = a;
    const struct moment *right = b;
    return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

static uint32_t actor_number(const struct cts_actor *actor)
{
    /* From the end of the list, which is newest first: numbers must not change when one is added. */
    uint32_t number = 0;
    for (const struct cts_actor *a = actor->next; a != NULL; a = a->next) {
        number++;
    }
    return number;
}

static enum cts_model_outcome outcome_of(Retcode rc)
{
    if (rc == rcOk) {
        return CTS_MODEL_OK;
    }
    if (rc == rcIpcInterrupt) {
        return CTS_MODEL_INTERRUPT;
    }
    if (rc == rcTimeout) {
        return CTS_MODEL_TIMEOUT;
    }
    if (rc == rcSecurityDisallow) {
        return CTS_MODEL_SECURITY;
    }
    return rc == rcNotConnected ? CTS_MODEL_NOT_CONNECTED : CTS_MODEL_OTHER;
}

/* A reply belongs to the channel of the request it answers, known only now when it is in a program. */
static void complete_reply(const struct cts_op *op, struct cts_model_op *out)
{
    out->request = (uint32_t)op->request;
    for (const struct cts_op *call = cts_world.ops; call != NULL; call = call->next) {
        if ((call->kind == CTS_OP_CALL || call->kind == CTS_OP_CALL_EX) && op->request != 0 &&
            call->request == op->request) {
            out->channel = call->model.channel;
        }
    }
    if (op->request == 0) {
        const struct name *name = find_name(op->actor->process, op->handle);
        out->error_allowed = true;
        out->channel = name != NULL && name->kind == NAME_SERVER ? name->number : 0;
    }
}

static struct cts_model_event event_of(const struct moment *moment)
{
    struct cts_model_event event = {.kind = CTS_MODEL_INVOKE};
    if (moment->op == NULL) {
        event.kind = moment->mark->kind;
        event.process = moment->mark->process;
        event.now_ms = moment->mark->now_ms;
        return event;
    }
    const struct cts_op *op = moment->op;
    event.thread = actor_number(op->actor);
    event.kind = moment->is_return ? CTS_MODEL_RETURN : CTS_MODEL_INVOKE;
    event.op = op->model;
    if (op->model.kind == CTS_MODEL_REPLY) {
        complete_reply(op, &event.op);
    }
    bool on_channel = event.op.kind == CTS_MODEL_CALL || event.op.kind == CTS_MODEL_REPLY ||
                      event.op.kind == CTS_MODEL_RECV;
    if (on_channel && event.op.listener == CTS_MODEL_NONE && event.op.channel < channel_count) {
        event.op.error_allowed |= channels[event.op.channel].uncertain;
    }
    for (uint32_t i = 0; on_channel && event.op.listener != CTS_MODEL_NONE && i < channel_count;
         i++) {
        event.op.error_allowed |=
            channels[i].listener == event.op.listener && channels[i].uncertain;
    }
    if (moment->is_return) {
        event.result.outcome = outcome_of(op->rc);
        event.result.request = (uint32_t)op->received;
        event.result.object = op->sync_number;
    }
    return event;
}

static size_t count_moments(void)
{
    size_t count = mark_count;
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        count += 2;
    }
    return count;
}

/* Calls of a process that has ended do not count as returned, whatever an imitated one makes of them. */
static bool returned_in_life(const struct cts_op *op)
{
    uint32_t process = process_number(op->actor->process);
    for (size_t i = 0; i < mark_count; i++) {
        if (marks[i].kind == CTS_MODEL_PROCESS_END && marks[i].process == process &&
            marks[i].sequence < op->seq_return) {
            return false;
        }
    }
    return op->seq_return != 0;
}

static size_t collect(struct moment *moments)
{
    size_t count = 0;
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (!op->modelled || op->seq_invoke == 0 || op->note != NULL) {
            continue;
        }
        moments[count++] = (struct moment){op->seq_invoke, op, NULL, false};
        if (returned_in_life(op)) {
            moments[count++] = (struct moment){op->seq_return, op, NULL, true};
        }
    }
    for (size_t i = 0; i < mark_count; i++) {
        moments[count++] = (struct moment){marks[i].sequence, NULL, &marks[i], false};
    }
    qsort(moments, count, sizeof *moments, by_sequence);
    return count;
}

static void introduce(struct cts_model *model)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        (void)cts_model_add_thread(model, actor_number(actor), process_number(actor->process),
                                   actor->name);
    }
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        /* Created among many others that are not part of the history. */
        if (op->kind == CTS_OP_RECREATE && op->new_handle != INVALID_HANDLE) {
            (void)cts_model_add_object(model, op->sync_number, process_number(op->actor->process),
                                       false, "recreated");
        }
    }
    for (uint32_t i = 0; i < channel_count; i++) {
        char name[CTS_NAME_MAX];
        (void)snprintf(name, sizeof name, "channel%u", i + 1);
        bool fixed = !channels[i].uncertain;
        (void)cts_model_add_channel(
            model, i, channels[i].listener,
            fixed ? process_number(channels[i].server_process) : CTS_MODEL_NONE,
            fixed ? process_number(channels[i].client_process) : CTS_MODEL_NONE, name);
    }
}

static void log_verdict(const struct cts_model *model, const char *verdict, size_t events)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "model");
    cts_json_string(&line, "verdict", verdict);
    cts_json_uint(&line, "events", events);
    cts_json_uint(&line, "states", cts_model_state_count_peak(model));
    cts_json_open(&line, "coverage");
    for (size_t i = 0; i < cts_model_coverage_count(); i++) {
        struct cts_model_coverage item = cts_model_coverage(model, i);
        if (item.count > 0) {
            cts_json_uint(&line, item.name, item.count);
        }
    }
    cts_json_close(&line);
    cts_log_line(&line);
}

static void violated(const struct cts_model *model, size_t events)
{
    struct cts_model_violation violation;
    if (!cts_model_violation(model, &violation)) {
        return;
    }
    log_verdict(model, "violation", events);
    char text[512];
    (void)snprintf(text, sizeof text, "the model explains the history (%s): %s",
                   violation.requirements[0] != '\0' ? violation.requirements : violation.rule,
                   violation.reason);
    const struct cts_finding finding = {"model", text, "a lawful history", violation.rule, NULL, 0};
    cts_end_case("FAIL", &finding);
}

/* The model that has seen what was judged so far; null before the first time. */
static struct cts_model *judge;
static size_t judged; /* events */
static bool undecided;

static void feed(struct cts_model *model, const struct moment *moments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct cts_model_event event = event_of(&moments[i]);
        enum cts_model_verdict answer = cts_model_event(model, &event);
        if (answer == CTS_MODEL_VIOLATION) {
            violated(model, judged + i + 1);
        }
        if (answer == CTS_MODEL_MISUSE) {
            char text[128];
            (void)snprintf(text, sizeof text,
                           "the harness fed the model wrongly: event %zu of op %u", i,
                           moments[i].op == NULL ? 0 : moments[i].op->number);
            cts_broken(text);
        }
        if (answer == CTS_MODEL_UNKNOWN) {
            undecided = true;
            break;
        }
        bool is_create = moments[i].is_return && event.op.kind == CTS_MODEL_CREATE &&
                         event.result.outcome == CTS_MODEL_OK;
        if (is_create && sync_copied[event.result.object]) {
            (void)cts_model_release_object(model, event.result.object);
        }
    }
}

static void judge_all(void)
{
    if (incomplete || undecided) {
        return;
    }
    struct moment *moments = calloc(count_moments() + 1, sizeof *moments);
    if (judge == NULL) {
        const struct cts_model_config config = {.virtual_time = cts_world.virtual_time,
                                                .state_count_max = 20000};
        judge = cts_model_create(&config);
    }
    if (moments == NULL || judge == NULL) {
        cts_broken("no memory for the model");
    }
    introduce(judge);
    size_t count = collect(moments);
    feed(judge, moments, count);
    judged += count;
    free(moments);
}

void cts_history_judge(void)
{
    judge_all();
    for (size_t i = 0; i < mark_count; i++) {
        if (marks[i].kind == CTS_MODEL_PROCESS_END) {
            cts_broken("the case ended a process and went on with a race");
        }
    }
    mark_count = 0;
}

void cts_history_check(void)
{
    judge_all();
    if (judge != NULL && !incomplete) {
        log_verdict(judge, undecided ? "unknown" : "accepted", judged);
    }
    cts_model_destroy(judge);
    judge = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model as its caller sees it: the events and the verdict; setup.c has what exists. An event is first judged
 * (rules.c, frontier.c), then counted, then applied.
 */
#include "model_internal.h"

/* ------------------------------------------------------------------------------------------------
 * Invocation
 */

static bool op_makes_sense(const struct cts_model *model, const struct model_thread *thread,
                           const struct cts_model_op *op)
{
    bool has_object = model_is_object(model, op->object);
    if (op->object != CTS_MODEL_NONE &&
        (!has_object || model->objects[op->object].process != thread->process)) {
        return false;
    }
    switch (op->kind) {
    case CTS_MODEL_CALL:
        return (model_is_channel(model, op->channel) || op->bad_handle) && op->request != 0 &&
               op->request < CTS_MODEL_REQUESTS_MAX &&
               (op->request >= model->request_count ||
                model->requests[op->request].end == REQUEST_UNUSED);
    case CTS_MODEL_RECV:
        return op->listener != CTS_MODEL_NONE || model_is_channel(model, op->channel) ||
               op->bad_handle;
    case CTS_MODEL_SET:
    case CTS_MODEL_CLEAR:
    case CTS_MODEL_CLOSE_SYNC:
        return has_object || op->bad_handle;
    case CTS_MODEL_CLOSE_END:
        return op->bad_handle || op->listener != CTS_MODEL_NONE ||
               model_is_channel(model, op->channel);
    case CTS_MODEL_REPLY:
    case CTS_MODEL_CREATE:
        return true;
    default:
        return false;
    }
}

static bool invoke_call(struct cts_model *model, uint32_t thread)
{
    const struct cts_model_op *op = &model->threads[thread].op;
    if (!model_know_request(model, op->request)) {
        return false;
    }
    model->requests[op->request] = (struct model_request){.end = REQUEST_PENDING,
                                                          .refused = op->refused || op->bad_handle,
                                                          .sender = thread,
                                                          .channel = op->channel,
                                                          .sent_at = model->event_count,
                                                          .receiver = CTS_MODEL_NONE};
    return true;
}

static void invoke_reply(const struct cts_model *model, const struct model_thread *thread)
{
    struct model_request *request = model_request_of(model, thread);
    if (request == NULL) {
        return;
    }
    if (thread->op.refused) {
        request->reply_refused = true;
    } else {
        request->replies_open++;
    }
}

static void invoke_close_end(struct cts_model *model, const struct cts_model_op *op)
{
    for (uint32_t c = 0; c < model->channel_count && !op->bad_handle; c++) {
        struct model_channel *channel = &model->channels[c];
        if (channel->known && (op->listener != CTS_MODEL_NONE ? channel->listener == op->listener
                                                              : c == op->channel)) {
            channel->may_break = true;
        }
    }
}

/* A Close may be refused when a call uses the object at any moment of it (STATE-07). */
static void note_object_in_use(struct cts_model *model, uint32_t object)
{
    bool used = false;
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *thread = &model->threads[t];
        used |= thread->pending && is_wait(&thread->op) && thread->op.object == object;
    }
    for (uint32_t t = 0; used && t < model->thread_count; t++) {
        struct model_thread *thread = &model->threads[t];
        if (thread->pending && thread->op.kind == CTS_MODEL_CLOSE_SYNC &&
            thread->op.object == object) {
            thread->object_in_use = true;
        }
    }
}

static enum cts_model_verdict invoke(struct cts_model *model, uint32_t thread,
                                     const struct cts_model_op *op)
{
    struct model_thread *t = &model->threads[thread];
    /* So that "it was set when the call was entered" is said of all states or of none. */
    if (op->object != CTS_MODEL_NONE && !frontier_close(model)) {
        return CTS_MODEL_UNKNOWN;
    }
    t->op = *op;
    t->pending = true;
    t->invoked_at = model->event_count;
    t->settled_at = 0;
    t->left_at = 0;
    t->invoked_ms = model->now_ms;
    t->settled_ms = 0;
    t->entered_set = false;
    t->object_in_use = false;
    bool done = true;
    if (op->kind == CTS_MODEL_CALL) {
        done = invoke_call(model, thread);
    } else if (op->kind == CTS_MODEL_REPLY) {
        invoke_reply(model, t);
    } else if (op->kind == CTS_MODEL_CLOSE_END) {
        invoke_close_end(model, op);
    }
    if (op->object != CTS_MODEL_NONE) {
        struct model_object *object = &model->objects[op->object];
        model->closed = false;
        if (op->kind == CTS_MODEL_SET) {
            object->set_invoked_at = model->event_count;
            object->interrupts = 0;
            object->sets_ever++;
        } else if (op->kind == CTS_MODEL_CLEAR) {
            object->clear_invoked_at = model->event_count;
        }
        note_object_in_use(model, op->object);
        t->entered_set = frontier_object_all(model, op->object, STATE_SET);
        if (is_wait(op)) {
            done = done && frontier_enter(model, thread);
        }
    }
    return done ? CTS_MODEL_ACCEPTED : CTS_MODEL_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------
 * Return
 */

static bool end_call(struct cts_model *model, const struct model_thread *thread,
                     enum cts_model_outcome outcome, const struct state_filter *filter)
{
    struct model_request *request = model_request_of(model, thread);
    request->outcome = outcome;
    request->sender_bad_sync = thread->op.bad_sync;
    request->ended_at = model->event_count;
    if (outcome == CTS_MODEL_OK) {
        request->end = REQUEST_OK;
        request->reply_owed = request->replies_ok == 0 && !request->reply_lost;
        return true;
    }
    bool by_limit = outcome == CTS_MODEL_TIMEOUT && (thread->op.limited || thread->op.poll);
    bool refused = thread->op.bad_sync && !by_limit &&
                   !rules_may_be_broken(model, request->channel,
                                        model->channels[request->channel].server_process);
    /* It failed because its object was closed when it entered: a refusal like any other. */
    bool entered_bad = filter->demand == DEMAND_OBJECT_GONE &&
                       !frontier_thread_some(model, filter->thread, STATE_OBJECT_GONE);
    /* Whether a pending Close explains the error as well is known after its silent step. */
    bool done = !request->reply_refused || frontier_close(model);
    request->ended_by_refusal = outcome != CTS_MODEL_INTERRUPT && !by_limit &&
                                rules_only_refusal_explains(model, filter->thread);
    request->end = outcome == CTS_MODEL_INTERRUPT || refused || entered_bad ? REQUEST_WITHDRAWN
                                                                            : REQUEST_ENDED;
    return done;
}

/* FIFO: whoever certainly stood before the received request has left the queue. */
static bool leave_queue(struct cts_model *model, const struct model_request *received)
{
    bool done = true;
    for (uint32_t t = 0; done && t < model->thread_count; t++) {
        struct model_thread *thread = &model->threads[t];
        if (thread->op.kind == CTS_MODEL_CALL && thread->op.channel == received->channel &&
            model_is_open_wait(model, thread) && thread->left_at == 0 && !thread->op.refused &&
            thread->settled_at != 0 && thread->settled_at < received->sent_at) {
            done = frontier_leave(model, t);
            thread->left_at =
                received->end == REQUEST_PENDING ? model->event_count : received->ended_at;
        }
    }
    model->closed = false;
    return done;
}

static bool end_receive(struct cts_model *model, uint32_t thread, uint32_t number)
{
    struct model_request *request = &model->requests[number];
    request->receiver = thread;
    bool done = true;
    if (request->end == REQUEST_PENDING) {
        struct model_thread *sender = &model->threads[request->sender];
        request->sender_settled_at = sender->settled_at;
        if (sender->op.object != CTS_MODEL_NONE) {
            done = frontier_edit_thread(model, request->sender, STATE_OBJECT_GONE);
        }
    }
    if (model->config.order == CTS_MODEL_ORDER_FIFO && !FAULT(20)) {
        done = leave_queue(model, request) && done;
    }
    return done;
}

/* A Reply has ended, so the call it answers has a result by now, its own or one before it: what is
 * pending and takes effect later does not change that. */
static bool settle_result(struct cts_model *model, struct model_request *request)
{
    bool done = frontier_close(model);
    request->result_is_settled = true;
    model->closed = false;
    return done;
}

static bool end_reply(struct cts_model *model, const struct model_thread *thread,
                      enum cts_model_outcome outcome)
{
    struct model_request *request = model_request_of(model, thread);
    if (request == NULL) {
        return true;
    }
    bool pending = request->end == REQUEST_PENDING && request->receiver != CTS_MODEL_NONE;
    if (thread->op.refused) {
        if (outcome != CTS_MODEL_OK) {
            return true;
        }
        request->reply_refused = false; /* it met nobody */
        request->sender_is_gone |= pending;
        return !pending || settle_result(model, request);
    }
    request->replies_open--;
    if (outcome == CTS_MODEL_OK) {
        request->replies_ok++;
        request->reply_owed = false;
        return !pending || settle_result(model, request);
    }
    bool other_reason = thread->op.error_allowed || thread->op.bad_handle ||
                        model_process_is(model, thread->process, PROCESS_ENDING) ||
                        rules_may_be_broken(model, request->channel,
                                            model->channels[request->channel].client_process);
    if (!pending || other_reason || request->replies_open > 0 || request->replies_ok > 0) {
        return true;
    }
    request->sender_is_gone = true;
    return settle_result(model, request);
}

/* The event is allowed: `filter` says in which states. */
static enum cts_model_verdict apply_return(struct cts_model *model, uint32_t thread,
                                           const struct cts_model_result *result,
                                           const struct state_filter *filter)
{
    struct model_thread *t = &model->threads[thread];
    bool done = frontier_keep(model, filter);
    bool ok = result->outcome == CTS_MODEL_OK;
    if (t->op.kind == CTS_MODEL_CALL) {
        done = end_call(model, t, result->outcome, filter) && done;
    } else if (t->op.kind == CTS_MODEL_RECV && ok) {
        done = end_receive(model, thread, result->request) && done;
    } else if (t->op.kind == CTS_MODEL_REPLY) {
        done = end_reply(model, t, result->outcome) && done;
    } else if (t->op.kind == CTS_MODEL_CREATE && ok) {
        done =
            cts_model_add_object(model, result->object, t->process, t->op.autoclear, NULL) && done;
    }
    if (result->outcome == CTS_MODEL_INTERRUPT && t->op.object != CTS_MODEL_NONE) {
        model->objects[t->op.object].interrupts++;
        model->objects[t->op.object].interrupts_ever++;
        if (FAULT(3)) {
            for (size_t i = 0; i < model->frontier.count; i++) {
                *object_byte(model, state_at(&model->frontier, i), t->op.object) &=
                    (unsigned char)~STATE_SET;
            }
        }
    }
    if (t->op.object != CTS_MODEL_NONE) {
        done = frontier_edit_thread(model, thread, 0) && done;
    }
    t->pending = false;
    return done ? CTS_MODEL_ACCEPTED : CTS_MODEL_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------
 * Rest, processes
 */

static enum cts_model_verdict apply_rest(struct cts_model *model)
{
    bool done = frontier_rest(model);
    model->last_rest_at = model->event_count;
    for (uint32_t t = 0; t < model->thread_count; t++) {
        struct model_thread *thread = &model->threads[t];
        if (!thread->pending) {
            continue;
        }
        if (thread->settled_at == 0) {
            thread->settled_at = model->event_count;
            thread->settled_ms = model->now_ms;
        }
        struct model_request *request = model_request_of(model, thread);
        if (request != NULL && thread->op.kind == CTS_MODEL_CALL) {
            request->reply_refused = false;
        }
    }
    return done ? CTS_MODEL_ACCEPTED : CTS_MODEL_UNKNOWN;
}

/* The thread will not return. What it was doing may have happened or not. */
static bool vanish(struct cts_model *model, uint32_t thread)
{
    struct model_thread *t = &model->threads[thread];
    struct model_request *request = model_request_of(model, t);
    if (t->op.kind == CTS_MODEL_CALL) {
        request->end = REQUEST_ENDED;
        request->outcome = CTS_MODEL_OTHER;
        request->sender_ended = true;
        request->ended_at = model->event_count;
    } else if (t->op.kind == CTS_MODEL_REPLY && request != NULL && !t->op.refused) {
        request->replies_open--;
        request->reply_lost = true;
        request->reply_owed = false;
    }
    t->pending = false;
    return t->op.object == CTS_MODEL_NONE || frontier_edit_thread(model, thread, 0);
}

static enum cts_model_verdict end_process(struct cts_model *model, uint32_t process)
{
    bool done = true;
    model->processes[process] = PROCESS_ENDED;
    for (uint32_t t = 0; t < model->thread_count; t++) {
        struct model_thread *thread = &model->threads[t];
        if (thread->known && thread->process == process && thread->pending) {
            done = vanish(model, t) && done;
        }
    }
    model->closed = false;
    return done ? CTS_MODEL_ACCEPTED : CTS_MODEL_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------
 * Events
 */

struct judgement {
    enum cts_model_verdict verdict;
    enum model_rule rule;
    uint32_t thread;
    struct state_filter filter;
};

static struct judgement judge_return(struct cts_model *model, uint32_t thread,
                                     const struct cts_model_result *result)
{
    struct judgement judgement = {CTS_MODEL_ACCEPTED, RULE_NONE, thread, {0}};
    const struct cts_model_op *op = &model->threads[thread].op;
    if (op->kind == CTS_MODEL_CREATE && result->outcome == CTS_MODEL_OK && !op->bad_handle &&
        (result->object >= CTS_MODEL_OBJECTS_MAX || model_is_object(model, result->object))) {
        judgement.verdict = CTS_MODEL_MISUSE;
        return judgement;
    }
    enum model_rule otherwise = RULE_NONE;
    judgement.rule = rules_return(model, thread, result, &judgement.filter, &otherwise);
    if (judgement.rule == RULE_NONE) {
        int any = frontier_any(model, &judgement.filter);
        if (any < 0) {
            judgement.verdict = CTS_MODEL_UNKNOWN;
            return judgement;
        }
        judgement.rule = any > 0 ? RULE_NONE : otherwise;
    }
    judgement.verdict = judgement.rule == RULE_NONE ? CTS_MODEL_ACCEPTED : CTS_MODEL_VIOLATION;
    return judgement;
}

static struct judgement judge_rest(struct cts_model *model)
{
    struct judgement judgement = {CTS_MODEL_ACCEPTED, RULE_NONE, 0, {0}};
    judgement.rule = rules_rest(model, &judgement.thread);
    bool some = false;
    uint32_t waiter = 0;
    for (size_t i = 0; !some && i < model->frontier.count; i++) {
        some = frontier_state_rests(model, state_at(&model->frontier, i), &waiter);
    }
    if (!some && judgement.rule == RULE_NONE) {
        judgement.rule = rules_lost_wake_up(model, waiter);
        judgement.thread = waiter;
    }
    judgement.verdict = judgement.rule == RULE_NONE ? CTS_MODEL_ACCEPTED : CTS_MODEL_VIOLATION;
    return judgement;
}

static struct judgement judge(struct cts_model *model, const struct cts_model_event *event)
{
    static const struct judgement misuse = {.verdict = CTS_MODEL_MISUSE};
    static const struct judgement fine = {.verdict = CTS_MODEL_ACCEPTED};
    bool known = event->thread < model->thread_count && model->threads[event->thread].known;
    const struct model_thread *thread = known ? &model->threads[event->thread] : NULL;
    switch (event->kind) {
    case CTS_MODEL_INVOKE:
        return !known || thread->pending || !op_makes_sense(model, thread, &event->op) ||
                       model_process_is(model, thread->process, PROCESS_ENDED)
                   ? misuse
                   : fine;
    case CTS_MODEL_RETURN:
        return !known || !thread->pending || event->result.outcome >= CTS_MODEL_OUTCOMES
                   ? misuse
                   : judge_return(model, event->thread, &event->result);
    case CTS_MODEL_REST:
        return judge_rest(model);
    case CTS_MODEL_PROCESS_ENDING:
    case CTS_MODEL_PROCESS_END:
        return event->process < model->process_count ? fine : misuse;
    case CTS_MODEL_ADVANCE:
        return event->now_ms >= model->now_ms ? fine : misuse;
    }
    return misuse;
}

static enum cts_model_verdict apply(struct cts_model *model, const struct cts_model_event *event,
                                    const struct judgement *judgement)
{
    switch (event->kind) {
    case CTS_MODEL_INVOKE:
        return invoke(model, event->thread, &event->op);
    case CTS_MODEL_RETURN:
        coverage_of_return(model, event->thread, &event->result);
        return apply_return(model, event->thread, &event->result, &judgement->filter);
    case CTS_MODEL_REST:
        coverage_of_rest(model);
        return apply_rest(model);
    case CTS_MODEL_PROCESS_ENDING:
        if (model->processes[event->process] == PROCESS_RUNS) {
            model->processes[event->process] = PROCESS_ENDING;
        }
        return CTS_MODEL_ACCEPTED;
    case CTS_MODEL_PROCESS_END:
        model->counters[COUNT_PROCESS_END]++;
        return end_process(model, event->process);
    case CTS_MODEL_ADVANCE:
        model->now_ms = event->now_ms;
        return CTS_MODEL_ACCEPTED;
    }
    return CTS_MODEL_MISUSE;
}

enum cts_model_verdict cts_model_event(struct cts_model *model, const struct cts_model_event *event)
{
    if (model->verdict != CTS_MODEL_ACCEPTED) {
        return model->verdict;
    }
    struct judgement judgement = judge(model, event);
    if (judgement.verdict == CTS_MODEL_MISUSE) {
        return CTS_MODEL_MISUSE;
    }
    model->event_count++;
    if (judgement.verdict == CTS_MODEL_VIOLATION) {
        model->verdict = CTS_MODEL_VIOLATION;
        model->violation_event = model->event_count - 1;
        if (event->kind == CTS_MODEL_RETURN) {
            reason_of_return(model, judgement.thread, &event->result, judgement.rule);
        } else {
            reason_of_rest(model, judgement.thread, judgement.rule);
        }
        return CTS_MODEL_VIOLATION;
    }
    model->verdict = judgement.verdict == CTS_MODEL_ACCEPTED ? apply(model, event, &judgement)
                                                             : judgement.verdict;
    return model->verdict;
}

enum cts_model_verdict cts_model_probe(struct cts_model *model, const struct cts_model_event *event)
{
    return model->verdict != CTS_MODEL_ACCEPTED ? model->verdict : judge(model, event).verdict;
}

enum cts_model_verdict cts_model_verdict(const struct cts_model *model)
{
    return model->verdict;
}

size_t cts_model_event_count(const struct cts_model *model)
{
    return model->event_count;
}

size_t cts_model_state_count(const struct cts_model *model)
{
    return model->frontier.count;
}

size_t cts_model_state_count_peak(const struct cts_model *model)
{
    return model->peak;
}

/* ------------------------------------------------------------------------------------------------
 * End of a run
 */

size_t cts_model_live_objects(const struct cts_model *model, uint32_t *objects, size_t capacity)
{
    size_t count = 0;
    for (uint32_t o = 0; o < model->object_count; o++) {
        const struct model_object *object = &model->objects[o];
        if (object->known && !object->released &&
            !model_process_is(model, object->process, PROCESS_ENDED) &&
            !frontier_object_some(model, o, STATE_CLOSED)) {
            if (count < capacity) {
                objects[count] = o;
            }
            count++;
        }
    }
    return count;
}

bool cts_model_end_law(const struct cts_model *model, uint32_t *thread)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *waiter = &model->threads[t];
        if (waiter->pending && waiter->op.object != CTS_MODEL_NONE &&
            model_is_open_wait(model, waiter) && !model->objects[waiter->op.object].released &&
            !frontier_object_some(model, waiter->op.object, STATE_CLOSED)) {
            if (thread != NULL) {
                *thread = t;
            }
            return false;
        }
    }
    return true;
}

size_t cts_model_waiting_threads(const struct cts_model *model, uint32_t *threads, size_t capacity)
{
    size_t count = 0;
    for (uint32_t t = 0; t < model->thread_count; t++) {
        if (model->threads[t].pending) {
            if (count < capacity) {
                threads[count] = t;
            }
            count++;
        }
    }
    return count;
}

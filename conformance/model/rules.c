/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the history forbids whatever the open half of the state is: this file reads as the
 * specification. The order of the checks is the order in which reasons are preferred.
 */
#include "model_internal.h"

struct model_request *model_request_of(const struct cts_model *model,
                                       const struct model_thread *thread)
{
    if (thread->op.kind != CTS_MODEL_CALL && thread->op.kind != CTS_MODEL_REPLY) {
        return NULL;
    }
    uint32_t number = thread->op.request;
    if (number == 0 || number >= model->request_count ||
        model->requests[number].end == REQUEST_UNUSED) {
        return NULL;
    }
    return &model->requests[number];
}

bool model_is_taken(const struct cts_model *model, const struct model_thread *thread)
{
    if (thread->op.kind != CTS_MODEL_CALL) {
        return false;
    }
    const struct model_request *request = model_request_of(model, thread);
    return request != NULL && request->receiver != CTS_MODEL_NONE;
}

bool model_is_open_wait(const struct cts_model *model, const struct model_thread *thread)
{
    return thread->pending &&
           (thread->op.kind == CTS_MODEL_RECV ||
            (thread->op.kind == CTS_MODEL_CALL && !model_is_taken(model, thread)));
}

bool model_process_is(const struct cts_model *model, uint32_t process, enum process_state state)
{
    return process < model->process_count && model->processes[process] == (unsigned char)state;
}

bool model_receives_from(const struct cts_model *model, const struct model_thread *thread,
                         uint32_t channel)
{
    if (thread->op.listener != CTS_MODEL_NONE) {
        return model->channels[channel].listener == thread->op.listener;
    }
    return thread->op.channel == channel;
}

/* An end of the channel is or may be gone, so calls on it may fail. */
bool rules_may_be_broken(const struct cts_model *model, uint32_t channel, uint32_t peer_process)
{
    return channel >= model->channel_count || model->channels[channel].may_break ||
           model_process_is(model, peer_process, PROCESS_ENDING) ||
           model_process_is(model, peer_process, PROCESS_ENDED);
}

static bool own_process_goes(const struct cts_model *model, const struct model_thread *thread)
{
    return model_process_is(model, thread->process, PROCESS_ENDING);
}

/* A wait may end with an error for a reason that does not depend on sync objects. */
static bool has_reason_to_fail(const struct cts_model *model, const struct model_thread *thread,
                               bool count_refused_reply)
{
    const struct cts_model_op *op = &thread->op;
    if (op->bad_handle || op->error_allowed || own_process_goes(model, thread)) {
        return true;
    }
    /* What mdelay 0 means is not written anywhere (TIME-05), nor when a bad sync handle is looked at. */
    if (op->poll || (op->bad_sync && model_is_open_wait(model, thread))) {
        return true;
    }
    if (op->kind == CTS_MODEL_CALL) {
        const struct model_request *request = model_request_of(model, thread);
        return op->refused || (count_refused_reply && request->reply_refused) ||
               rules_may_be_broken(model, op->channel, model->channels[op->channel].server_process);
    }
    for (uint32_t c = 0; c < model->channel_count; c++) {
        const struct model_channel *channel = &model->channels[c];
        if (channel->known && model_receives_from(model, thread, c) &&
            rules_may_be_broken(model, c, channel->client_process)) {
            return true;
        }
    }
    return false;
}

bool rules_only_refusal_explains(const struct cts_model *model, uint32_t thread)
{
    const struct model_thread *t = &model->threads[thread];
    return model_request_of(model, t)->reply_refused && !has_reason_to_fail(model, t, false) &&
           !frontier_thread_some(model, thread, STATE_OBJECT_GONE);
}

static enum model_rule interrupt_rule(const struct cts_model *model, uint32_t thread)
{
    const struct model_thread *t = &model->threads[thread];
    const struct model_object *object = &model->objects[t->op.object];
    if (frontier_object_all(model, t->op.object, STATE_CLOSED)) {
        return RULE_INTERRUPT_CLOSED;
    }
    if (object->set_invoked_at == 0) {
        for (uint32_t o = 0; o < model->object_count; o++) {
            if (o != t->op.object && model->objects[o].known &&
                model->objects[o].set_invoked_at != 0 &&
                frontier_object_some(model, o, STATE_SET)) {
                return RULE_INTERRUPT_OTHER_OBJECT;
            }
        }
        return RULE_INTERRUPT_NEVER_SET;
    }
    if (object->clear_invoked_at > object->set_invoked_at || !object->autoclear) {
        return RULE_INTERRUPT_AFTER_CLEAR;
    }
    return RULE_INTERRUPT_AUTOCLEARED;
}

static enum model_rule wait_interrupted(const struct cts_model *model, uint32_t thread,
                                        struct state_filter *filter, enum model_rule *otherwise)
{
    const struct model_thread *t = &model->threads[thread];
    bool taken = model_is_taken(model, t);
    if (t->op.object == CTS_MODEL_NONE) {
        /* A refusal of the handle may have any code (CALL-14, RECV-13). */
        if (t->op.bad_sync && !taken) {
            return RULE_NONE;
        }
        return t->op.ex ? RULE_INTERRUPT_NO_OBJECT : RULE_INTERRUPT_PLAIN;
    }
    if (taken && !FAULT(1)) {
        return RULE_INTERRUPT_TAKEN;
    }
    filter->demand = DEMAND_INTERRUPT;
    *otherwise = interrupt_rule(model, thread);
    return RULE_NONE;
}

/* An error, or a timeout of a call without a limit: only for a reason. */
static enum model_rule wait_failed(const struct cts_model *model, uint32_t thread,
                                   enum model_rule rule, struct state_filter *filter,
                                   enum model_rule *otherwise)
{
    const struct model_thread *t = &model->threads[thread];
    if (has_reason_to_fail(model, t, true)) {
        filter->demand = DEMAND_NOT_CONSUMED;
        return RULE_NONE;
    }
    if (t->op.object == CTS_MODEL_NONE) {
        return rule;
    }
    filter->demand = model->objects[t->op.object].released ? DEMAND_ANY : DEMAND_OBJECT_GONE;
    *otherwise = rule;
    return RULE_NONE;
}

static enum model_rule wait_timed_out(const struct cts_model *model, uint32_t thread,
                                      struct state_filter *filter, enum model_rule *otherwise)
{
    const struct model_thread *t = &model->threads[thread];
    bool may = t->op.limited || t->op.poll;
    if (FAULT(19) && model_is_taken(model, t)) {
        may = false;
    }
    if (!may && !FAULT(12)) {
        return wait_failed(model, thread, RULE_TIMEOUT_UNLIMITED, filter, otherwise);
    }
    if (model->config.virtual_time && t->op.limited &&
        model->now_ms < t->invoked_ms + t->op.delay_ms) {
        return wait_failed(model, thread, RULE_TIMEOUT_EARLY, filter, otherwise);
    }
    filter->demand = DEMAND_NOT_CONSUMED;
    return RULE_NONE;
}

static enum model_rule call_succeeded(const struct cts_model *model,
                                      const struct model_thread *thread,
                                      const struct cts_model_result *result)
{
    const struct model_request *request = model_request_of(model, thread);
    if (result->request != thread->op.request && !FAULT(8)) {
        return RULE_SWAPPED;
    }
    if (request->receiver == CTS_MODEL_NONE) {
        return RULE_OK_NOT_TAKEN;
    }
    if (request->replies_open == 0 && request->replies_ok == 0 && !request->reply_lost &&
        !FAULT(18)) {
        return RULE_OK_NOT_ANSWERED;
    }
    return RULE_NONE;
}

static enum model_rule received(const struct cts_model *model, uint32_t thread, uint32_t number,
                                struct state_filter *filter)
{
    const struct model_thread *t = &model->threads[thread];
    if (number == 0 || number >= model->request_count ||
        model->requests[number].end == REQUEST_UNUSED) {
        return RULE_UNSENT;
    }
    const struct model_request *request = &model->requests[number];
    if (request->receiver != CTS_MODEL_NONE && !FAULT(6)) {
        return RULE_TWICE;
    }
    if (request->refused && !FAULT(13)) {
        return RULE_REFUSED_DELIVERED;
    }
    if (!model_receives_from(model, t, request->channel)) {
        return RULE_WRONG_CHANNEL;
    }
    if (request->end == REQUEST_WITHDRAWN && !FAULT(7)) {
        return request->outcome == CTS_MODEL_INTERRUPT && !request->sender_bad_sync
                   ? RULE_GHOST_INTERRUPTED
                   : RULE_GHOST_REFUSED;
    }
    /* Before the call ended, a receive that was under way may have taken it; not one that was seen
     * waiting afterwards. The request of a
     * process that has ended may still be delivered: no page withdraws it. */
    if (request->end == REQUEST_ENDED && !request->sender_ended &&
        (t->invoked_at > request->ended_at ||
         (model->last_rest_at > request->ended_at && !FAULT(15)))) {
        return RULE_GHOST_ENDED;
    }
    if (request->end == REQUEST_PENDING) {
        const struct model_thread *sender = &model->threads[request->sender];
        if (sender->left_at != 0 && t->invoked_at > sender->left_at) {
            return RULE_ORDER;
        }
        filter->sender = request->sender;
    }
    filter->demand = DEMAND_NOT_CONSUMED;
    return RULE_NONE;
}

/* The call that a failed Reply answers must have ended before: can that be? */
static enum model_rule reply_needs_sender_gone(const struct cts_model *model,
                                               const struct model_request *request,
                                               enum model_rule rule, struct state_filter *filter,
                                               enum model_rule *otherwise)
{
    const struct model_thread *sender = &model->threads[request->sender];
    /* A refused Reply is no reason for its own sake. */
    bool refused = rule == RULE_REFUSED_REPLY_OK;
    if (sender->op.limited || sender->op.poll || has_reason_to_fail(model, sender, !refused)) {
        return RULE_NONE;
    }
    if (sender->op.object == CTS_MODEL_NONE) {
        return rule;
    }
    filter->sender = request->sender;
    filter->demand = DEMAND_SENDER_GONE;
    *otherwise = rule;
    return RULE_NONE;
}

static enum model_rule replied(const struct cts_model *model, uint32_t thread,
                               enum cts_model_outcome outcome, struct state_filter *filter,
                               enum model_rule *otherwise)
{
    const struct model_thread *t = &model->threads[thread];
    const struct model_request *request = model_request_of(model, t);
    if (outcome == CTS_MODEL_INTERRUPT) {
        return RULE_REPLY_INTERRUPTED;
    }
    /* What a Reply without a request returns is not in the documents, nor what a late one does. */
    if (request == NULL || request->receiver == CTS_MODEL_NONE || t->op.error_allowed ||
        t->op.bad_handle || own_process_goes(model, t) || request->sender_ended) {
        return RULE_NONE;
    }
    bool others = request->replies_open > (t->op.refused ? 0u : 1u) || request->replies_ok > 0;
    bool pending = request->end == REQUEST_PENDING;
    if (outcome == CTS_MODEL_OK) {
        if (t->op.refused && request->ended_by_refusal) {
            return RULE_REFUSED_REPLY_OK;
        }
        return t->op.refused && pending && !others
                   ? reply_needs_sender_gone(model, request, RULE_REFUSED_REPLY_OK, filter,
                                             otherwise)
                   : RULE_NONE;
    }
    if (t->op.refused || others ||
        rules_may_be_broken(model, request->channel,
                            model->channels[request->channel].client_process)) {
        return RULE_NONE;
    }
    if (request->reply_owed) {
        return RULE_REPLY_ERROR_DELIVERED;
    }
    return pending ? reply_needs_sender_gone(model, request, RULE_REPLY_ERROR, filter, otherwise)
                   : RULE_NONE;
}

static enum model_rule controlled(const struct cts_model *model, const struct model_thread *thread,
                                  enum cts_model_outcome outcome, struct state_filter *filter,
                                  enum model_rule *otherwise)
{
    const struct cts_model_op *op = &thread->op;
    if (outcome == CTS_MODEL_INTERRUPT) {
        return RULE_CONTROL_INTERRUPTED;
    }
    if (op->error_allowed || own_process_goes(model, thread)) {
        return RULE_NONE;
    }
    if (op->bad_handle) {
        return outcome == CTS_MODEL_OK ? RULE_CONTROL_OK_BAD : RULE_NONE;
    }
    if (op->kind == CTS_MODEL_CREATE) {
        return outcome == CTS_MODEL_OK ? RULE_NONE : RULE_CONTROL_ERROR;
    }
    if (op->kind == CTS_MODEL_CLOSE_END || model->objects[op->object].released) {
        return RULE_NONE;
    }
    filter->demand = outcome == CTS_MODEL_OK ? DEMAND_EFFECT_OK : DEMAND_EFFECT_ERROR;
    *otherwise = outcome == CTS_MODEL_OK ? RULE_CONTROL_OK_CLOSED : RULE_CONTROL_ERROR;
    return RULE_NONE;
}

enum model_rule rules_return(const struct cts_model *model, uint32_t thread,
                             const struct cts_model_result *result, struct state_filter *filter,
                             enum model_rule *otherwise)
{
    const struct model_thread *t = &model->threads[thread];
    *filter = (struct state_filter){DEMAND_ANY, thread, CTS_MODEL_NONE};
    *otherwise = RULE_NOT_THAT_RESULT;
    if (t->op.kind == CTS_MODEL_REPLY) {
        return replied(model, thread, result->outcome, filter, otherwise);
    }
    if (!is_wait(&t->op)) {
        return controlled(model, t, result->outcome, filter, otherwise);
    }
    switch (result->outcome) {
    case CTS_MODEL_OK:
        if (t->op.kind == CTS_MODEL_RECV) {
            return received(model, thread, result->request, filter);
        }
        filter->demand = DEMAND_NOT_CONSUMED;
        return call_succeeded(model, t, result);
    case CTS_MODEL_INTERRUPT:
        return wait_interrupted(model, thread, filter, otherwise);
    case CTS_MODEL_TIMEOUT:
        return wait_timed_out(model, thread, filter, otherwise);
    default:
        return wait_failed(model, thread, RULE_ERROR_UNEXPLAINED, filter, otherwise);
    }
}

enum model_rule rules_lost_wake_up(const struct cts_model *model, uint32_t thread)
{
    const struct model_thread *t = &model->threads[thread];
    const struct model_object *object = &model->objects[t->op.object];
    if (object->autoclear) {
        return RULE_LOST_WAKE_UP_AUTOCLEAR;
    }
    if (t->invoked_at > object->set_invoked_at) {
        return RULE_LOST_WAKE_UP_AT_ENTRY;
    }
    return object->interrupts > 0 ? RULE_LOST_WAKE_UP_OF_SOME : RULE_LOST_WAKE_UP;
}

/* The limit has passed, counted from the latest moment at which the call can have been entered. */
static bool is_overdue(const struct cts_model *model, const struct model_thread *thread)
{
    return model->config.virtual_time && thread->op.limited && thread->settled_at != 0 &&
           model->now_ms >= thread->settled_ms + thread->op.delay_ms;
}

static bool somebody_receives_from(const struct cts_model *model, uint32_t channel)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *thread = &model->threads[t];
        if (thread->pending && thread->op.kind == CTS_MODEL_RECV && !thread->op.bad_handle &&
            model_receives_from(model, thread, channel)) {
            return true;
        }
    }
    return false;
}

static enum model_rule call_rests(const struct cts_model *model, const struct model_thread *thread)
{
    const struct model_request *request = model_request_of(model, thread);
    if (thread->op.bad_handle) {
        return RULE_BAD_HANDLE_WAITS;
    }
    const struct model_channel *channel = &model->channels[thread->op.channel];
    bool taken = request->receiver != CTS_MODEL_NONE;
    if (taken && (request->replies_ok > 0 || request->sender_is_gone)) {
        return RULE_REPLY_LOST;
    }
    if (model_process_is(model, channel->server_process, PROCESS_ENDED)) {
        return RULE_BROKEN_WAITS;
    }
    if (is_overdue(model, thread)) {
        return RULE_LATE_BUT_WAITING;
    }
    if (taken) {
        return RULE_NONE;
    }
    if (thread->op.poll) {
        return RULE_POLL_WAITS;
    }
    if (thread->left_at != 0) {
        return RULE_ORDER;
    }
    if (!FAULT(9) && somebody_receives_from(model, thread->op.channel)) {
        return thread->op.refused ? RULE_REFUSED_WAITS : RULE_NOT_MET;
    }
    return RULE_NONE;
}

static enum model_rule thread_rests(const struct cts_model *model,
                                    const struct model_thread *thread)
{
    switch (thread->op.kind) {
    case CTS_MODEL_CALL:
        return call_rests(model, thread);
    case CTS_MODEL_RECV:
        if (thread->op.bad_handle) {
            return RULE_BAD_HANDLE_WAITS;
        }
        if (thread->op.poll) {
            return RULE_POLL_WAITS;
        }
        return is_overdue(model, thread) ? RULE_LATE_BUT_WAITING : RULE_NONE;
    case CTS_MODEL_REPLY: {
        const struct model_request *request = model_request_of(model, thread);
        return request == NULL || request->receiver == CTS_MODEL_NONE ? RULE_NONE
                                                                      : RULE_REPLY_WAITS;
    }
    default:
        return RULE_CONTROL_WAITS;
    }
}

enum model_rule rules_rest(const struct cts_model *model, uint32_t *thread)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *candidate = &model->threads[t];
        if (!candidate->pending || own_process_goes(model, candidate)) {
            continue;
        }
        enum model_rule rule = thread_rests(model, candidate);
        if (rule != RULE_NONE) {
            *thread = t;
            return rule;
        }
    }
    return RULE_NONE;
}

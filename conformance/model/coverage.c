/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the histories exercised: one counter per step of the model and per outcome of an open choice.
 * A step is counted at the event that shows it, an open outcome only where the history leaves no
 * other explanation, so a count is never a guess.
 */
#include "model_internal.h"

static const struct {
    const char *name;
    const char *requirement;
} counters[COUNT_COUNTERS] = {
    [COUNT_CALL_QUEUED] = {"call seen waiting in the queue", "CALL-01"},
    [COUNT_RECV_WAITING] = {"receive seen waiting", "RECV-01"},
    [COUNT_DELIVER_TO_WAITING] = {"request delivered to a receive that was waiting", "RECV-03"},
    [COUNT_DELIVER_FROM_QUEUE] = {"request delivered out of the queue", "RECV-03"},
    [COUNT_DELIVER_RACING] = {"request and receive entered at the same time", "RACE-01"},
    [COUNT_INTERRUPT_CALL_QUEUED] = {"queued call interrupted", "CALL-01"},
    [COUNT_INTERRUPT_CALL_AT_ENTRY] = {"call interrupted at entry or racing", "CALL-04"},
    [COUNT_INTERRUPT_RECV_WAITING] = {"waiting receive interrupted", "RECV-01"},
    [COUNT_INTERRUPT_RECV_AT_ENTRY] = {"receive interrupted at entry or racing", "RECV-04"},
    [COUNT_INTERRUPT_BY_AUTOCLEAR] = {"interrupted by an automatically clearing object", "V14-01"},
    [COUNT_TIMEOUT_CALL_QUEUED] = {"call timed out untaken", "TIME-01"},
    [COUNT_TIMEOUT_CALL_TAKEN] = {"call timed out while the server held its request", "TIME-06"},
    [COUNT_TIMEOUT_RECV] = {"receive timed out", "TIME-01"},
    [COUNT_ANSWERED] = {"taken call answered", "CALL-02"},
    [COUNT_ANSWERED_WHILE_SET] = {"taken call answered while its object was set", "CALL-02"},
    [COUNT_CALL_REFUSED] = {"call refused for what it carries", "XFER-01"},
    [COUNT_REPLY_REFUSED] = {"reply refused for what it carries", "XFER-04"},
    [COUNT_SET] = {"Set of a clear object", "OBJ-05"},
    [COUNT_SET_AGAIN] = {"Set of a set object", "OBJ-07"},
    [COUNT_CLEAR] = {"Clear of a set object", "OBJ-06"},
    [COUNT_CLEAR_AGAIN] = {"Clear of a clear object", "OBJ-08"},
    [COUNT_CLOSE_IDLE] = {"Close of an idle object", "OBJ-09"},
    [COUNT_CONTROL_OF_CLOSED] = {"Set, Clear or Close of a closed object refused", "OBJ-10"},
    [COUNT_BROKEN_CALL_QUEUED] = {"queued call failed because its server is gone", "LIFE-02"},
    [COUNT_BROKEN_CALL_TAKEN] = {"taken call failed because its server is gone", "LIFE-02"},
    [COUNT_BROKEN_RECV] = {"receive failed because its clients are gone", "LIFE-03"},
    [COUNT_PROCESS_END] = {"process ended", "LIFE-04"},
    [COUNT_REST] = {"moment of rest", "RACE-03"},
    [OPEN_CALL_SET_DELIVERED] = {"entered while set, server waiting: delivered", "CALL-05"},
    [OPEN_CALL_SET_INTERRUPTED] = {"entered while set, server waiting: interrupted", "CALL-05"},
    [OPEN_RECV_SET_RECEIVED] = {"entered while set, request queued: received", "RECV-05"},
    [OPEN_RECV_SET_INTERRUPTED] = {"entered while set, request queued: interrupted", "RECV-05"},
    [OPEN_PULSE_INTERRUPTED] = {"Set then Clear: waiter interrupted", "STATE-04"},
    [OPEN_PULSE_KEPT] = {"Set then Clear: waiter keeps waiting", "STATE-04"},
    [OPEN_CLOSE_KEPT] = {"object closed: waiter keeps waiting", "STATE-07"},
    [OPEN_CLOSE_ERROR] = {"object closed: waiter returns an error", "STATE-07"},
    [OPEN_CLOSE_INTERRUPTED] = {"object closed: waiter returns rcIpcInterrupt", "STATE-07"},
    [OPEN_CLOSE_REFUSED] = {"Close refused while calls use the object", "STATE-07"},
    [OPEN_CALL_BAD_SYNC_REFUSED] = {"bad sync handle of a call: refused", "CALL-14"},
    [OPEN_CALL_BAD_SYNC_IGNORED] = {"bad sync handle of a call: ignored", "CALL-14"},
    [OPEN_RECV_BAD_SYNC_REFUSED] = {"bad sync handle of a receive: refused", "RECV-13"},
    [OPEN_RECV_BAD_SYNC_IGNORED] = {"bad sync handle of a receive: ignored", "RECV-13"},
    [OPEN_POLL_OK] = {"mdelay 0: success", "TIME-05"},
    [OPEN_POLL_TIMEOUT] = {"mdelay 0: timeout", "TIME-05"},
    [OPEN_LATE_REPLY_OK] = {"Reply after the call has timed out: rcOk", "TIME-06"},
    [OPEN_LATE_REPLY_ERROR] = {"Reply after the call has timed out: error", "TIME-06"},
    [OPEN_STRAY_REPLY_OK] = {"Reply without a request: rcOk", "RECV-02"},
    [OPEN_STRAY_REPLY_ERROR] = {"Reply without a request: error", "RECV-02"},
    [OPEN_STRAY_REPLY_WAITS] = {"Reply without a request: waits", "RECV-02"},
    [OPEN_REFUSED_CALL_WAITS] = {"refused transfer: the call waits for a server first", "XFER-01"},
    [OPEN_REFUSED_REPLY_ERROR] = {"refused response: the client gets an error", "XFER-05"},
    [OPEN_REFUSED_REPLY_TIMEOUT] = {"refused response: the client times out", "XFER-05"},
    [OPEN_REFUSED_REPLY_KEPT] = {"refused response: the client keeps waiting", "XFER-05"},
    [OPEN_AUTOCLEAR_ONE] = {"one Set interrupts one of several waiters", "V14-02"},
    [OPEN_AUTOCLEAR_MORE] = {"one Set interrupts several waiters", "V14-02"},
    [OPEN_AUTOCLEAR_PENDING] = {"Set without waiter stays pending", "V14-03"},
    [OPEN_AUTOCLEAR_LAPSED] = {"Set without waiter is lost", "V14-03"},
    [OPEN_ENDED_SENDER_RECEIVED] = {"request of an ended process received", "LIFE-03"},
};

size_t cts_model_coverage_count(void)
{
    return COUNT_COUNTERS;
}

struct cts_model_coverage cts_model_coverage(const struct cts_model *model, size_t index)
{
    return (struct cts_model_coverage){counters[index].name, counters[index].requirement,
                                       index >= COUNT_FIRST_OPEN, model->counters[index]};
}

void cts_model_coverage_add(struct cts_model *to, const struct cts_model *from)
{
    for (size_t i = 0; i < COUNT_COUNTERS; i++) {
        to->counters[i] += from->counters[i];
    }
}

static void count(struct cts_model *model, enum model_counter counter)
{
    model->counters[counter]++;
}

/* A receive that was seen waiting would take a request of this channel. */
static bool server_waits(const struct cts_model *model, uint32_t channel)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *thread = &model->threads[t];
        if (thread->pending && thread->op.kind == CTS_MODEL_RECV && thread->settled_at != 0 &&
            model_receives_from(model, thread, channel)) {
            return true;
        }
    }
    return false;
}

/* A call that was seen waiting has a request for this receive. */
static bool request_waits(const struct cts_model *model, const struct model_thread *receiver)
{
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *thread = &model->threads[t];
        if (thread->op.kind == CTS_MODEL_CALL && model_is_open_wait(model, thread) &&
            thread->settled_at != 0 && !thread->op.refused &&
            model_receives_from(model, receiver, thread->op.channel)) {
            return true;
        }
    }
    return false;
}

static void interrupted(struct cts_model *model, const struct model_thread *thread)
{
    bool call = thread->op.kind == CTS_MODEL_CALL;
    if (thread->op.object == CTS_MODEL_NONE) {
        count(model, call ? OPEN_CALL_BAD_SYNC_REFUSED : OPEN_RECV_BAD_SYNC_REFUSED);
        return;
    }
    uint32_t object = thread->op.object;
    if (thread->settled_at != 0) {
        count(model, call ? COUNT_INTERRUPT_CALL_QUEUED : COUNT_INTERRUPT_RECV_WAITING);
    } else {
        count(model, call ? COUNT_INTERRUPT_CALL_AT_ENTRY : COUNT_INTERRUPT_RECV_AT_ENTRY);
    }
    if (model->objects[object].autoclear) {
        count(model, COUNT_INTERRUPT_BY_AUTOCLEAR);
        if (model->objects[object].interrupts_ever >= model->objects[object].sets_ever) {
            count(model, OPEN_AUTOCLEAR_MORE);
        }
        if (thread->invoked_at > model->objects[object].set_invoked_at && thread->entered_set) {
            count(model, OPEN_AUTOCLEAR_PENDING);
        }
    } else if (frontier_object_all(model, object, STATE_CLOSED)) {
        count(model, OPEN_CLOSE_INTERRUPTED);
    } else if (!frontier_object_some(model, object, STATE_SET)) {
        count(model, OPEN_PULSE_INTERRUPTED);
    } else if (thread->entered_set && call && server_waits(model, thread->op.channel)) {
        count(model, OPEN_CALL_SET_INTERRUPTED);
    } else if (thread->entered_set && !call && request_waits(model, thread)) {
        count(model, OPEN_RECV_SET_INTERRUPTED);
    }
}

static void received(struct cts_model *model, const struct model_thread *thread,
                     const struct model_request *request)
{
    if (request->sender_ended) {
        count(model, OPEN_ENDED_SENDER_RECEIVED);
    }
    if (thread->op.poll) {
        count(model, OPEN_POLL_OK);
    }
    if (thread->op.bad_sync) {
        count(model, OPEN_RECV_BAD_SYNC_IGNORED);
    }
    if (request->end != REQUEST_PENDING) {
        return;
    }
    const struct model_thread *sender = &model->threads[request->sender];
    if (sender->op.bad_sync) {
        count(model, OPEN_CALL_BAD_SYNC_IGNORED);
    }
    if (thread->settled_at != 0) {
        count(model, COUNT_DELIVER_TO_WAITING);
        if (sender->entered_set && sender->settled_at == 0 &&
            frontier_object_all(model, sender->op.object, STATE_SET)) {
            count(model, OPEN_CALL_SET_DELIVERED);
        }
    } else if (sender->settled_at != 0) {
        count(model, COUNT_DELIVER_FROM_QUEUE);
        if (thread->entered_set && frontier_object_all(model, thread->op.object, STATE_SET)) {
            count(model, OPEN_RECV_SET_RECEIVED);
        }
    } else {
        count(model, COUNT_DELIVER_RACING);
    }
}

static void call_returned(struct cts_model *model, const struct model_thread *thread,
                          enum cts_model_outcome outcome)
{
    const struct model_request *request = model_request_of(model, thread);
    bool taken = request->receiver != CTS_MODEL_NONE;
    if (outcome == CTS_MODEL_OK) {
        count(model, COUNT_ANSWERED);
        if (thread->op.object != CTS_MODEL_NONE &&
            frontier_object_all(model, thread->op.object, STATE_SET)) {
            count(model, COUNT_ANSWERED_WHILE_SET);
        }
        if (thread->op.poll) {
            count(model, OPEN_POLL_OK);
        }
    } else if (outcome == CTS_MODEL_TIMEOUT) {
        count(model, taken ? COUNT_TIMEOUT_CALL_TAKEN : COUNT_TIMEOUT_CALL_QUEUED);
        if (thread->op.poll) {
            count(model, OPEN_POLL_TIMEOUT);
        }
        if (request->reply_refused) {
            count(model, OPEN_REFUSED_REPLY_TIMEOUT);
        }
    } else if (thread->op.refused) {
        count(model, COUNT_CALL_REFUSED);
    } else if (thread->op.bad_sync && !taken) {
        count(model, OPEN_CALL_BAD_SYNC_REFUSED);
    } else if (request->reply_refused) {
        count(model, OPEN_REFUSED_REPLY_ERROR);
    } else if (rules_may_be_broken(model, request->channel,
                                   model->channels[request->channel].server_process)) {
        count(model, taken ? COUNT_BROKEN_CALL_TAKEN : COUNT_BROKEN_CALL_QUEUED);
    } else if (thread->op.object != CTS_MODEL_NONE) {
        count(model, OPEN_CLOSE_ERROR);
    }
}

static void recv_returned(struct cts_model *model, const struct model_thread *thread,
                          const struct cts_model_result *result)
{
    if (result->outcome == CTS_MODEL_OK) {
        received(model, thread, &model->requests[result->request]);
    } else if (result->outcome == CTS_MODEL_TIMEOUT) {
        count(model, thread->op.poll ? OPEN_POLL_TIMEOUT : COUNT_TIMEOUT_RECV);
    } else if (thread->op.bad_sync) {
        count(model, OPEN_RECV_BAD_SYNC_REFUSED);
    } else if (thread->op.object != CTS_MODEL_NONE &&
               frontier_object_all(model, thread->op.object, STATE_CLOSED)) {
        count(model, OPEN_CLOSE_ERROR);
    } else {
        count(model, COUNT_BROKEN_RECV);
    }
}

static void reply_returned(struct cts_model *model, const struct model_thread *thread,
                           enum cts_model_outcome outcome)
{
    const struct model_request *request = model_request_of(model, thread);
    bool ok = outcome == CTS_MODEL_OK;
    if (request == NULL) {
        count(model, ok ? OPEN_STRAY_REPLY_OK : OPEN_STRAY_REPLY_ERROR);
    } else if (request->end == REQUEST_ENDED && request->outcome == CTS_MODEL_TIMEOUT) {
        count(model, ok ? OPEN_LATE_REPLY_OK : OPEN_LATE_REPLY_ERROR);
    } else if (thread->op.refused && !ok) {
        count(model, COUNT_REPLY_REFUSED);
    }
}

/* Every state in which this Close has failed still has the object. */
static bool was_refused(const struct cts_model *model, uint32_t id)
{
    for (size_t i = 0; i < model->frontier.count; i++) {
        unsigned char *state = state_at(&model->frontier, i);
        if (*thread_byte(model, state, id) == STATE_EFFECT_ERROR &&
            (*object_byte(model, state, model->threads[id].op.object) & STATE_CLOSED)) {
            return false;
        }
    }
    return true;
}

static void control_returned(struct cts_model *model, uint32_t id, enum cts_model_outcome outcome)
{
    const struct model_thread *thread = &model->threads[id];
    uint32_t object = thread->op.object;
    if (outcome != CTS_MODEL_OK) {
        if (frontier_object_all(model, object, STATE_CLOSED)) {
            count(model, COUNT_CONTROL_OF_CLOSED);
        } else if (thread->op.kind == CTS_MODEL_CLOSE_SYNC && was_refused(model, id)) {
            count(model, OPEN_CLOSE_REFUSED);
        }
        return;
    }
    switch (thread->op.kind) {
    case CTS_MODEL_SET:
        count(model, thread->entered_set ? COUNT_SET_AGAIN : COUNT_SET);
        break;
    case CTS_MODEL_CLEAR:
        count(model, thread->entered_set ? COUNT_CLEAR : COUNT_CLEAR_AGAIN);
        break;
    default:
        if (!thread->object_in_use) {
            count(model, COUNT_CLOSE_IDLE);
        }
        break;
    }
}

void coverage_of_return(struct cts_model *model, uint32_t thread,
                        const struct cts_model_result *result)
{
    const struct model_thread *t = &model->threads[thread];
    if (is_wait(&t->op) && result->outcome == CTS_MODEL_INTERRUPT) {
        interrupted(model, t);
    } else if (t->op.kind == CTS_MODEL_CALL) {
        call_returned(model, t, result->outcome);
    } else if (t->op.kind == CTS_MODEL_RECV) {
        recv_returned(model, t, result);
    } else if (t->op.kind == CTS_MODEL_REPLY) {
        reply_returned(model, t, result->outcome);
    } else if (is_control(&t->op) && t->op.object != CTS_MODEL_NONE) {
        control_returned(model, thread, result->outcome);
    }
}

static void wait_rests(struct cts_model *model, uint32_t thread)
{
    const struct model_thread *t = &model->threads[thread];
    if (t->op.kind == CTS_MODEL_REPLY) {
        count(model, OPEN_STRAY_REPLY_WAITS);
        return;
    }
    const struct model_request *request = model_request_of(model, t);
    if (request != NULL && request->reply_refused) {
        count(model, OPEN_REFUSED_REPLY_KEPT);
    }
    if (!model_is_open_wait(model, t)) {
        return;
    }
    if (t->settled_at == 0) {
        count(model, t->op.kind == CTS_MODEL_CALL ? COUNT_CALL_QUEUED : COUNT_RECV_WAITING);
        if (t->op.bad_sync) {
            count(model, t->op.kind == CTS_MODEL_CALL ? OPEN_CALL_BAD_SYNC_IGNORED
                                                      : OPEN_RECV_BAD_SYNC_IGNORED);
        }
    }
    if (t->op.refused && t->op.kind == CTS_MODEL_CALL) {
        count(model, OPEN_REFUSED_CALL_WAITS);
    }
    if (t->op.object == CTS_MODEL_NONE) {
        return;
    }
    const struct model_object *object = &model->objects[t->op.object];
    if (frontier_thread_some(model, thread, STATE_OBJECT_GONE)) {
        count(model, OPEN_CLOSE_KEPT);
    } else if (t->settled_at != 0 && frontier_thread_some(model, thread, STATE_PULSED)) {
        count(model, object->autoclear ? OPEN_AUTOCLEAR_ONE : OPEN_PULSE_KEPT);
    } else if (object->autoclear && t->settled_at == 0 && t->entered_set &&
               object->interrupts == 0) {
        count(model, OPEN_AUTOCLEAR_LAPSED);
    }
}

void coverage_of_rest(struct cts_model *model)
{
    count(model, COUNT_REST);
    for (uint32_t t = 0; t < model->thread_count; t++) {
        if (model->threads[t].pending) {
            wait_rests(model, t);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an event is a violation, in words: the table of rules with the requirements they belong to,
 * and sentences made from what the frontier knew. A sentence has three parts: what happened, what
 * was known, and what would have been allowed. The last part is found by asking the rules about
 * every other result.
 */
#include "model_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *call; /* requirements, when a call (or anything but a receive) broke it */
    const char *recv; /* when a receive broke it; null: as for a call */
    const char *why;
} rules[RULE_COUNT] = {
    [RULE_NONE] = {"none", "", NULL, ""},
    [RULE_UNSENT] = {"received-unsent", "RACE-04", NULL, "nobody has sent that request"},
    [RULE_TWICE] = {"received-twice", "RACE-04 CALL-13", NULL, "that request was received before"},
    [RULE_GHOST_INTERRUPTED] = {"ghost-of-interrupted-call", "CALL-03 RACE-01 RACE-04", NULL,
                                "its call has returned rcIpcInterrupt, so it was withdrawn"},
    [RULE_GHOST_ENDED] = {"ghost-of-ended-call", "RACE-04 TIME-04", NULL,
                          "its call had returned before this receive began"},
    [RULE_GHOST_REFUSED] = {"ghost-of-refused-call", "CALL-14", NULL,
                            "its call was refused, so nothing may be delivered"},
    [RULE_REFUSED_DELIVERED] = {"refused-transfer-delivered", "XFER-02 XFER-01", NULL,
                                "it carries what may not be transferred, or its handle is bad"},
    [RULE_WRONG_CHANNEL] = {"received-on-wrong-channel", "RACE-04", NULL,
                            "it was sent on a channel that this receive does not serve"},
    [RULE_ORDER] = {"out-of-order", "", NULL,
                    "a request that had arrived later was received before it"},
    [RULE_OK_NOT_TAKEN] = {"ok-without-server", "RACE-01 CALL-04", NULL,
                           "no server has received its request"},
    [RULE_OK_NOT_ANSWERED] = {"ok-without-reply", "CALL-02 CALL-15", NULL,
                              "no Reply to its request can have succeeded"},
    [RULE_SWAPPED] = {"swapped-reply", "CALL-15 RACE-04", NULL,
                      "the response was made for another request"},
    [RULE_INTERRUPT_PLAIN] = {"interrupt-of-plain-call", "CALL-06", "RECV-06",
                              "only the Ex calls can be interrupted"},
    [RULE_INTERRUPT_NO_OBJECT] = {"interrupt-without-object", "CALL-07", "RECV-07",
                                  "it was given no sync object"},
    [RULE_INTERRUPT_TAKEN] = {"interrupt-after-taken", "CALL-02 RACE-01", NULL,
                              "a call whose request was taken is not interrupted"},
    [RULE_INTERRUPT_NEVER_SET] = {"interrupt-without-set", "OBJ-04 TIME-03", NULL,
                                  "its sync object was never set"},
    [RULE_INTERRUPT_OTHER_OBJECT] = {"interrupt-by-other-object", "CALL-08 OBJ-03",
                                     "RECV-08 OBJ-03", "only another sync object was set"},
    [RULE_INTERRUPT_AFTER_CLEAR] = {"interrupt-after-clear", "STATE-09 STATE-02", NULL,
                                    "its sync object was clear during the whole call"},
    [RULE_INTERRUPT_AUTOCLEARED] = {"interrupt-after-autoclear", "V14-01", NULL,
                                    "the Set of its automatically clearing object was used up"},
    [RULE_INTERRUPT_CLOSED] = {"interrupt-by-closed-object", "OBJ-14 STATE-07", NULL,
                               "its sync object is closed and was not set while it waited"},
    [RULE_TIMEOUT_UNLIMITED] = {"timeout-without-limit", "TIME-03", NULL, "it has no time limit"},
    [RULE_TIMEOUT_EARLY] = {"timeout-too-early", "TIME-02", NULL, "its limit has not passed"},
    [RULE_ERROR_UNEXPLAINED] = {"unexplained-error", "CALL-11", "RECV-11",
                                "nothing has happened that explains an error"},
    [RULE_NOT_THAT_RESULT] = {"other-result-decided", "V14-01", NULL,
                              "another result was already decided by what others have seen"},
    [RULE_REPLY_INTERRUPTED] = {"reply-interrupted", "RECV-02", NULL, "Reply is never interrupted"},
    [RULE_REPLY_ERROR] = {"reply-failed", "RECV-02", NULL,
                          "the call waits for this answer and cannot have ended"},
    [RULE_REPLY_ERROR_DELIVERED] = {"reply-failed-but-delivered", "RECV-02 RACE-01", NULL,
                                    "the call has returned rcOk with this very answer"},
    [RULE_REFUSED_REPLY_OK] = {"refused-reply-ok", "XFER-04", NULL,
                               "the response carries a handle that may not be transferred"},
    [RULE_CONTROL_INTERRUPTED] = {"control-interrupted", "OBJ-17", NULL,
                                  "Create, Set, Clear and Close are never interrupted"},
    [RULE_CONTROL_ERROR] = {"control-failed", "OBJ-05 OBJ-06 OBJ-09 OBJ-01", NULL,
                            "the object is live and nothing explains an error"},
    [RULE_CONTROL_OK_CLOSED] = {"control-of-closed-object-ok", "OBJ-10 OBJ-13", NULL,
                                "the object is closed, so an error is due"},
    [RULE_CONTROL_OK_BAD] = {"control-of-bad-handle-ok", "OBJ-11 OBJ-12 OBJ-02", NULL,
                             "the handle is not a sync object of this process"},
    [RULE_LOST_WAKE_UP] = {"lost-wake-up", "CALL-01 RACE-03", "RECV-01 RACE-03",
                           "its sync object is set and it should have been interrupted"},
    [RULE_LOST_WAKE_UP_AT_ENTRY] = {"lost-wake-up-at-entry", "CALL-04 STATE-01 STATE-08",
                                    "RECV-04 STATE-01 STATE-08",
                                    "its sync object was set when it was entered and still is"},
    [RULE_LOST_WAKE_UP_OF_SOME] = {"lost-wake-up-of-some", "CALL-09 RACE-03", "RECV-09 RACE-03",
                                   "the same Set has interrupted another waiter but not this one"},
    [RULE_LOST_WAKE_UP_AUTOCLEAR] = {"lost-wake-up-of-autoclear", "V14-02 RACE-03", NULL,
                                     "its automatically clearing object was set while it waited, "
                                     "and nobody was interrupted"},
    [RULE_NOT_MET] = {"request-not-delivered", "RECV-03 RACE-03", NULL,
                      "a server waits on that channel and does not get the request"},
    [RULE_REPLY_LOST] = {"reply-lost", "CALL-02 RACE-03", NULL,
                         "a Reply to its request has ended, so it should have returned"},
    [RULE_LATE_BUT_WAITING] = {"limit-passed-but-waiting", "TIME-01", NULL,
                               "its time limit has passed"},
    [RULE_POLL_WAITS] = {"poll-waits", "TIME-05", NULL, "with mdelay 0 it must not wait"},
    [RULE_REFUSED_WAITS] = {"refused-transfer-waits", "XFER-01", NULL,
                            "it carries what may not be transferred, so it must fail"},
    [RULE_BROKEN_WAITS] = {"server-gone-but-waiting", "LIFE-02", NULL,
                           "the server's process has ended, so it must fail"},
    [RULE_BAD_HANDLE_WAITS] = {"bad-handle-waits", "OBJ-12", NULL,
                               "its handle is bad, so it must fail"},
    [RULE_CONTROL_WAITS] = {"control-does-not-return", "OBJ-05 OBJ-06 OBJ-09", NULL,
                            "calls of this kind do not wait for anybody"},
    [RULE_REPLY_WAITS] = {"reply-does-not-return", "RECV-02 LIFE-03", NULL,
                          "Reply does not wait for anybody"},
};

static const char *const outcomes[CTS_MODEL_OUTCOMES] = {
    "rcOk", "rcIpcInterrupt", "rcTimeout", "rcSecurityDisallow", "rcNotConnected", "an error",
};

static const char *op_name(const struct cts_model_op *op)
{
    static const char *const names[CTS_MODEL_OP_KINDS] = {"Call",  "Recv",   "Reply", "Set",
                                                          "Clear", "Create", "Close", "Close"};
    if (op->ex && op->kind == CTS_MODEL_CALL) {
        return "CallEx";
    }
    return op->ex && op->kind == CTS_MODEL_RECV ? "RecvEx" : names[op->kind];
}

/* Text that is cut to fit and still counted. */
struct text {
    char *buffer;
    size_t size;
    size_t length;
};

static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->length < text->size ? text->size - text->length : 0;
    int count = vsnprintf(room > 0 ? text->buffer + text->length : NULL, room, format, arguments);
    va_end(arguments);
    text->length += count > 0 ? (size_t)count : 0;
}

static void put_object(struct text *text, const struct cts_model *model, uint32_t object)
{
    bool some_closed = frontier_object_some(model, object, STATE_CLOSED);
    bool some_set = frontier_object_some(model, object, STATE_SET);
    bool all_set = frontier_object_all(model, object, STATE_SET);
    const char *word = some_closed ? "closed" : all_set ? "set" : some_set ? "being set" : "clear";
    if (some_closed && !frontier_object_all(model, object, STATE_CLOSED)) {
        word = "being closed";
    }
    put(text, "%s is %s", model->objects[object].name, word);
}

static void put_request(struct text *text, const struct cts_model *model, uint32_t number)
{
    const struct model_request *request = &model->requests[number];
    if (request->receiver == CTS_MODEL_NONE) {
        put(text, "request %u had been taken by nobody", number);
        return;
    }
    put(text, "request %u had been taken by %s", number, model->threads[request->receiver].name);
    put(text, request->replies_ok > 0     ? " and been answered"
              : request->replies_open > 0 ? " and was being answered"
                                          : " and not been answered");
}

/* "request 3 had been taken by server1 and not been answered; sync1 is set" */
static void put_facts(struct text *text, const struct cts_model *model,
                      const struct model_thread *thread, const struct cts_model_result *result)
{
    const char *between = "";
    const struct model_request *request = model_request_of(model, thread);
    if (request != NULL) {
        put_request(text, model, thread->op.request);
        between = "; ";
    }
    if (result != NULL && thread->op.kind == CTS_MODEL_RECV && result->outcome == CTS_MODEL_OK &&
        result->request != 0 && result->request < model->request_count &&
        model->requests[result->request].end != REQUEST_UNUSED) {
        const struct model_request *got = &model->requests[result->request];
        put(text, "request %u is of %s", result->request, model->threads[got->sender].name);
        if (got->end != REQUEST_PENDING) {
            put(text, ", whose call has ended");
            if (!got->sender_ended) {
                put(text, " with %s", outcomes[got->outcome]);
            }
        }
        if (got->receiver != CTS_MODEL_NONE) {
            put(text, ", and was taken by %s", model->threads[got->receiver].name);
        }
        between = "; ";
    }
    if (thread->op.object != CTS_MODEL_NONE) {
        put(text, "%s", between);
        put_object(text, model, thread->op.object);
    }
}

static bool would_do(struct cts_model *model, uint32_t thread, struct cts_model_result result)
{
    struct state_filter filter;
    enum model_rule otherwise;
    return rules_return(model, thread, &result, &filter, &otherwise) == RULE_NONE &&
           frontier_any(model, &filter) == 1;
}

static void put_allowed(struct text *text, struct cts_model *model, uint32_t thread)
{
    const struct model_thread *t = &model->threads[thread];
    put(text, "; allowed here: %s", is_wait(&t->op) ? "keep waiting" : "");
    const char *between = is_wait(&t->op) ? ", or " : "";
    unsigned requests = 0;
    if (t->op.kind == CTS_MODEL_RECV) {
        for (uint32_t r = 1; r < model->request_count && requests < 4; r++) {
            if (would_do(model, thread, (struct cts_model_result){.request = r})) {
                put(text, "%srcOk with request %u", between, r);
                between = ", or ";
                requests++;
            }
        }
    } else if (would_do(
                   model, thread,
                   (struct cts_model_result){.request = t->op.request, .object = CTS_MODEL_NONE})) {
        put(text, "%srcOk", between);
        between = ", or ";
    } else if (t->op.kind == CTS_MODEL_CALL) {
        put(text, "%srcOk after %s", between,
            model_is_taken(model, t) ? "Reply" : "a server's Recv and Reply");
        between = ", or ";
    }
    for (int o = CTS_MODEL_INTERRUPT; o <= CTS_MODEL_TIMEOUT; o++) {
        if (would_do(model, thread,
                     (struct cts_model_result){.outcome = (enum cts_model_outcome)o})) {
            put(text, "%s%s", between, outcomes[o]);
            between = ", or ";
        }
    }
    if (would_do(model, thread, (struct cts_model_result){.outcome = CTS_MODEL_OTHER})) {
        put(text, "%san error", between);
    }
}

static void note(struct cts_model *model, uint32_t thread, enum model_rule rule)
{
    model->rule = rule;
    model->rule_of_recv = model->threads[thread].op.kind == CTS_MODEL_RECV;
}

void reason_of_return(struct cts_model *model, uint32_t thread,
                      const struct cts_model_result *result, enum model_rule rule)
{
    const struct model_thread *t = &model->threads[thread];
    struct text text = {model->reason, sizeof model->reason, 0};
    note(model, thread, rule);
    put(&text, "%s of %s returned %s", op_name(&t->op), t->name, outcomes[result->outcome]);
    if (result->outcome == CTS_MODEL_OK && t->op.kind == CTS_MODEL_RECV) {
        put(&text, " with request %u", result->request);
    } else if (result->outcome == CTS_MODEL_OK && t->op.kind == CTS_MODEL_CALL &&
               result->request != t->op.request) {
        put(&text, " with the response to request %u", result->request);
    }
    put(&text, ", but %s", rules[rule].why);
    struct text facts = {NULL, 0, 0};
    put_facts(&facts, model, t, result);
    if (facts.length > 0) {
        put(&text, ": ");
        put_facts(&text, model, t, result);
    }
    put_allowed(&text, model, thread);
}

void reason_of_rest(struct cts_model *model, uint32_t thread, enum model_rule rule)
{
    const struct model_thread *t = &model->threads[thread];
    struct text text = {model->reason, sizeof model->reason, 0};
    note(model, thread, rule);
    put(&text, "%s of %s waits although all is at rest, but %s", op_name(&t->op), t->name,
        rules[rule].why);
    struct text facts = {NULL, 0, 0};
    put_facts(&facts, model, t, NULL);
    if (facts.length > 0) {
        put(&text, ": ");
        put_facts(&text, model, t, NULL);
    }
}

bool cts_model_violation(const struct cts_model *model, struct cts_model_violation *violation)
{
    if (model->verdict != CTS_MODEL_VIOLATION) {
        return false;
    }
    const char *recv = rules[model->rule].recv;
    violation->event = model->violation_event;
    violation->rule = rules[model->rule].name;
    violation->requirements = model->rule_of_recv && recv != NULL ? recv : rules[model->rule].call;
    violation->reason = model->reason;
    return true;
}

static void put_state(struct text *text, const struct cts_model *model, size_t index)
{
    unsigned char *state = state_at(&model->frontier, index);
    put(text, "  state %zu:", index + 1);
    for (uint32_t o = 0; o < model->object_count; o++) {
        if (model->objects[o].known) {
            unsigned char byte = *object_byte(model, state, o);
            put(text, " %s=%s", model->objects[o].name,
                (byte & STATE_CLOSED) ? "closed"
                : (byte & STATE_SET)  ? "set"
                                      : "clear");
        }
    }
    for (uint32_t t = 0; t < model->thread_count; t++) {
        unsigned char byte = *thread_byte(model, state, t);
        if (!model->threads[t].pending || byte == 0) {
            continue;
        }
        put(text, " %s:", model->threads[t].name);
        if (is_control(&model->threads[t].op)) {
            put(text, "%s", byte == STATE_EFFECT_OK ? "done" : "failed");
        } else {
            put(text, "%s%s%s%s", (byte & STATE_PULSED) ? "may-be-interrupted " : "",
                (byte & STATE_OBJECT_GONE) ? "object-closed " : "",
                (byte & STATE_CONSUMED) ? "interrupted " : "",
                (byte & STATE_ENTERED_BAD) ? "object-closed-at-entry " : "");
        }
    }
    put(text, "\n");
}

size_t cts_model_explain(const struct cts_model *model, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};
    if (size > 0) {
        buffer[0] = '\0';
    }
    struct cts_model_violation violation;
    if (cts_model_violation(model, &violation)) {
        put(&text, "event %zu, %s (%s): %s\n", violation.event, violation.rule,
            violation.requirements[0] != '\0' ? violation.requirements : "configured order",
            violation.reason);
    } else if (model->verdict == CTS_MODEL_UNKNOWN) {
        put(&text, "unknown: more than %zu states, or no memory\n", model->config.state_count_max);
    }
    put(&text, "calls that have not returned:\n");
    for (uint32_t t = 0; t < model->thread_count; t++) {
        const struct model_thread *thread = &model->threads[t];
        if (thread->pending) {
            put(&text, "  %s in %s", thread->name, op_name(&thread->op));
            struct text facts = {NULL, 0, 0};
            put_facts(&facts, model, thread, NULL);
            put(&text, facts.length > 0 ? ": " : "");
            put_facts(&text, model, thread, NULL);
            put(&text, "\n");
        }
    }
    put(&text, "states that explained the history so far: %zu\n", model->frontier.count);
    for (size_t i = 0; i < model->frontier.count && i < 8; i++) {
        put_state(&text, model, i);
    }
    return text.length;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The obvious semantics: see enumerator.h. A step is strong when a thread at rest would have taken
 * it, weak when the documents leave open whether it is taken. */
#include "enumerator.h"

#include <stdlib.h>
#include <string.h>

void enum_set_finish(struct enum_set *set)
{
    free(set->states);
    *set = (struct enum_set){0};
}

bool enum_set_copy(struct enum_set *to, const struct enum_set *from)
{
    *to = (struct enum_set){malloc((from->count + 1) * sizeof *to->states), from->count,
                            from->count + 1};
    if (to->states == NULL) {
        return false;
    }
    if (from->count > 0) {
        memcpy(to->states, from->states, from->count * sizeof *to->states);
    }
    return true;
}

static bool add(struct enum_set *set, const struct enum_state *state)
{
    for (size_t i = 0; i < set->count; i++) {
        if (memcmp(&set->states[i], state, sizeof *state) == 0) {
            return true;
        }
    }
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        struct enum_state *grown = realloc(set->states, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        set->states = grown;
        set->capacity = capacity;
    }
    set->states[set->count++] = *state;
    return true;
}

bool enum_set_start(struct enum_set *set)
{
    static const struct enum_state initial;
    *set = (struct enum_set){0};
    return add(set, &initial);
}

/* Where steps go: counted only, or added to a set. */
struct steps {
    const struct program *program;
    struct enum_set *out; /* null: only look for strong steps */
    bool any_strong;
    bool no_memory;
};

static void emit(struct steps *steps, const struct enum_state *state, bool strong)
{
    steps->any_strong |= strong;
    if (steps->out != NULL && !add(steps->out, state)) {
        steps->no_memory = true;
    }
}

static const struct program_op *op_of(const struct steps *steps, const struct enum_state *state,
                                      unsigned thread)
{
    return steps->program->ops[thread][state->threads[thread].op];
}

static void leave_queue(struct enum_state *state, unsigned thread)
{
    unsigned to = 0;
    for (unsigned i = 0; i < PROGRAM_THREADS; i++) {
        if (state->queue[i] != 0 && state->queue[i] != thread + 1) {
            state->queue[to++] = state->queue[i];
        }
    }
    while (to < PROGRAM_THREADS) {
        state->queue[to++] = 0;
    }
}

static void finish(struct enum_state *state, unsigned thread, enum program_result result,
                   unsigned request)
{
    leave_queue(state, thread);
    state->threads[thread] = (struct enum_thread){.phase = PHASE_DONE,
                                                  .result = (unsigned char)result,
                                                  .request = (unsigned char)request,
                                                  .op = state->threads[thread].op};
}

static void finish_step(struct steps *steps, const struct enum_state *from, unsigned thread,
                        enum program_result result, bool strong)
{
    struct enum_state state = *from;
    finish(&state, thread, result, state.threads[thread].request);
    emit(steps, &state, strong);
}

/* Any code but rcOk and rcIpcInterrupt. */
static void fail_steps(struct steps *steps, const struct enum_state *from, unsigned thread,
                       bool strong)
{
    finish_step(steps, from, thread, GOT_ERROR, strong);
    finish_step(steps, from, thread, GOT_TIMEOUT, strong);
}

static bool waits_with(const struct steps *steps, const struct enum_state *state, unsigned thread,
                       int object)
{
    const struct enum_thread *t = &state->threads[thread];
    return (t->phase == PHASE_QUEUED || t->phase == PHASE_RECEIVING) && !t->without_object &&
           op_of(steps, state, thread)->object == object;
}

static void enter_steps(struct steps *steps, const struct enum_state *from, unsigned thread)
{
    const struct program_op *op = op_of(steps, from, thread);
    struct enum_state state = *from;
    bool bad = op->bad_sync || (op->object >= 0 && from->closed[op->object]);
    if (op->refused) {
        fail_steps(steps, from, thread, true);
    }
    if (bad) {
        fail_steps(steps, from, thread, true);
        finish_step(steps, from, thread, GOT_INTERRUPT, true);
        state.threads[thread].without_object = 1;
    }
    if (op->kind == OP_RECV) {
        state.threads[thread].phase = PHASE_RECEIVING;
    } else {
        state.threads[thread].phase = PHASE_QUEUED;
        unsigned last = 0;
        while (state.queue[last] != 0) {
            last++;
        }
        state.queue[last] = (unsigned char)(thread + 1);
    }
    emit(steps, &state, true);
}

static bool is_next(const struct steps *steps, const struct enum_state *state, unsigned thread)
{
    if (!steps->program->fifo) {
        return true;
    }
    for (unsigned i = 0; i < PROGRAM_THREADS && state->queue[i] != 0; i++) {
        unsigned first = state->queue[i] - 1u;
        if (!op_of(steps, state, first)->refused) {
            return first == thread;
        }
    }
    return false;
}

static void deliver_steps(struct steps *steps, const struct enum_state *from, unsigned caller)
{
    const struct program_op *op = op_of(steps, from, caller);
    bool any = false;
    for (unsigned s = 0; s < PROGRAM_THREADS; s++) {
        if (from->threads[s].phase != PHASE_RECEIVING) {
            continue;
        }
        any = true;
        if (!op->refused && is_next(steps, from, caller)) {
            struct enum_state state = *from;
            leave_queue(&state, caller);
            state.threads[caller].phase = PHASE_TAKEN;
            state.threads[caller].pulsed = 0;
            finish(&state, s, GOT_OK, state.threads[caller].request);
            emit(steps, &state, true);
        }
    }
    if (op->refused) {
        fail_steps(steps, from, caller, any);
    }
}

static void wait_steps(struct steps *steps, const struct enum_state *from, unsigned thread)
{
    const struct enum_thread *t = &from->threads[thread];
    const struct program_op *op = op_of(steps, from, thread);
    if (op->limit != LIMIT_NONE) {
        finish_step(steps, from, thread, GOT_TIMEOUT, op->limit == LIMIT_POLL);
    }
    if (op->limit == LIMIT_POLL) {
        finish_step(steps, from, thread, GOT_ERROR, true);
    }
    if (op->bad_sync) {
        fail_steps(steps, from, thread, false);
        finish_step(steps, from, thread, GOT_INTERRUPT, false);
    }
    if (t->object_gone) {
        fail_steps(steps, from, thread, false);
        finish_step(steps, from, thread, GOT_INTERRUPT, false);
    }
    if (t->pulsed) {
        finish_step(steps, from, thread, GOT_INTERRUPT, false);
    }
    if (op->object < 0 || t->without_object || from->closed[op->object] || !from->set[op->object]) {
        return;
    }
    struct enum_state state = *from;
    if (steps->program->autoclear && op->object == 0) {
        state.set[0] = 0;
        for (unsigned w = 0; w < PROGRAM_THREADS; w++) {
            if (w != thread && waits_with(steps, from, w, 0)) {
                state.threads[w].pulsed = 1;
            }
        }
    }
    finish(&state, thread, GOT_INTERRUPT, t->request);
    emit(steps, &state, true);
}

static void taken_steps(struct steps *steps, const struct enum_state *from, unsigned thread)
{
    const struct enum_thread *t = &from->threads[thread];
    if (op_of(steps, from, thread)->limit != LIMIT_NONE) {
        finish_step(steps, from, thread, GOT_TIMEOUT, false);
    }
    if (op_of(steps, from, thread)->limit == LIMIT_POLL) {
        finish_step(steps, from, thread, GOT_ERROR, false);
    }
    if (t->object_gone || t->reply_refused) {
        fail_steps(steps, from, thread, false);
    }
}

static void reply_steps(struct steps *steps, const struct enum_state *from, unsigned thread)
{
    unsigned request = from->threads[thread].request;
    const struct program_op *op = op_of(steps, from, thread);
    for (unsigned c = 0; c < PROGRAM_THREADS && request != 0; c++) {
        if (from->threads[c].phase != PHASE_TAKEN || from->threads[c].request != request) {
            continue;
        }
        struct enum_state state = *from;
        if (op->refused) {
            state.threads[c].reply_refused = 1;
            fail_steps(steps, &state, thread, true);
        } else {
            finish(&state, c, GOT_OK, request);
            finish(&state, thread, GOT_OK, request);
            emit(steps, &state, true);
        }
        return;
    }
    /* Nobody waits for it: any result, and without a request it need not even return. */
    fail_steps(steps, from, thread, request != 0);
    finish_step(steps, from, thread, GOT_OK, request != 0);
}

static void close_steps(struct steps *steps, const struct enum_state *from, unsigned thread,
                        int object)
{
    struct enum_state state = *from;
    bool in_use = false;
    for (unsigned w = 0; w < PROGRAM_THREADS; w++) {
        const struct enum_thread *t = &from->threads[w];
        const struct program_op *op = op_of(steps, from, w);
        if (t->phase == PHASE_IDLE || op->object != object ||
            (op->kind != OP_CALL && op->kind != OP_RECV)) {
            continue;
        }
        in_use = true;
        if (!t->without_object && t->phase != PHASE_INVOKED && t->phase != PHASE_DONE) {
            state.threads[w].object_gone = 1;
        }
    }
    if (in_use) {
        fail_steps(steps, from, thread, true);
    }
    state.closed[object] = 1;
    state.set[object] = 0;
    finish(&state, thread, GOT_OK, 0);
    emit(steps, &state, true);
}

static void control_steps(struct steps *steps, const struct enum_state *from, unsigned thread)
{
    const struct program_op *op = op_of(steps, from, thread);
    if (from->closed[op->object]) {
        fail_steps(steps, from, thread, true);
        return;
    }
    if (op->kind == OP_CLOSE) {
        close_steps(steps, from, thread, op->object);
        return;
    }
    struct enum_state state = *from;
    if (op->kind == OP_CLEAR && from->set[op->object]) {
        for (unsigned w = 0; w < PROGRAM_THREADS; w++) {
            if (waits_with(steps, from, w, op->object)) {
                state.threads[w].pulsed = 1;
            }
        }
    }
    state.set[op->object] = op->kind == OP_SET;
    finish(&state, thread, GOT_OK, 0);
    emit(steps, &state, true);
}

/* A Set of an automatically clearing object that met nobody may be lost. */
static void lapse_step(struct steps *steps, const struct enum_state *from)
{
    if (!steps->program->autoclear || !from->set[0]) {
        return;
    }
    for (unsigned w = 0; w < PROGRAM_THREADS; w++) {
        if (waits_with(steps, from, w, 0)) {
            return;
        }
    }
    struct enum_state state = *from;
    state.set[0] = 0;
    emit(steps, &state, false);
}

static void all_steps(struct steps *steps, const struct enum_state *from)
{
    for (unsigned t = 0; t < PROGRAM_THREADS; t++) {
        switch (from->threads[t].phase) {
        case PHASE_INVOKED:
            switch (op_of(steps, from, t)->kind) {
            case OP_CALL:
            case OP_RECV:
                enter_steps(steps, from, t);
                break;
            case OP_REPLY:
                reply_steps(steps, from, t);
                break;
            default:
                control_steps(steps, from, t);
                break;
            }
            break;
        case PHASE_QUEUED:
            deliver_steps(steps, from, t);
            wait_steps(steps, from, t);
            break;
        case PHASE_RECEIVING:
            wait_steps(steps, from, t);
            break;
        case PHASE_TAKEN:
            taken_steps(steps, from, t);
            break;
        default:
            break;
        }
    }
    lapse_step(steps, from);
}

bool enum_close(const struct program *program, struct enum_set *set)
{
    struct steps steps = {program, set, false, false};
    for (size_t i = 0; i < set->count && !steps.no_memory; i++) {
        struct enum_state from = set->states[i]; /* the array may move */
        all_steps(&steps, &from);
    }
    return !steps.no_memory;
}

void enum_invoke(struct enum_set *set, unsigned thread, unsigned op, unsigned request)
{
    for (size_t i = 0; i < set->count; i++) {
        set->states[i].threads[thread] = (struct enum_thread){
            .phase = PHASE_INVOKED, .request = (unsigned char)request, .op = (unsigned char)op};
    }
}

static bool is_done(const struct enum_state *state, unsigned thread, enum program_result result,
                    unsigned request)
{
    const struct enum_thread *t = &state->threads[thread];
    return t->phase == PHASE_DONE && t->result == result && t->request == request;
}

bool enum_can_return(const struct enum_set *set, unsigned thread, enum program_result result,
                     unsigned request)
{
    for (size_t i = 0; i < set->count; i++) {
        if (is_done(&set->states[i], thread, result, request)) {
            return true;
        }
    }
    return false;
}

void enum_return(struct enum_set *set, unsigned thread, enum program_result result,
                 unsigned request)
{
    struct enum_set kept = {0};
    for (size_t i = 0; i < set->count; i++) {
        if (is_done(&set->states[i], thread, result, request)) {
            struct enum_state state = set->states[i];
            state.threads[thread] = (struct enum_thread){0};
            (void)add(&kept, &state);
        }
    }
    enum_set_finish(set);
    *set = kept;
}

void enum_rest(const struct program *program, struct enum_set *set)
{
    struct enum_set kept = {0};
    for (size_t i = 0; i < set->count; i++) {
        struct enum_state state = set->states[i];
        struct steps steps = {program, NULL, false, false};
        all_steps(&steps, &state);
        bool rests = !steps.any_strong;
        for (unsigned t = 0; t < PROGRAM_THREADS; t++) {
            rests = rests && state.threads[t].phase != PHASE_DONE;
            state.threads[t].pulsed = 0;
            state.threads[t].object_gone = 0;
            state.threads[t].reply_refused = 0;
        }
        if (rests) {
            (void)add(&kept, &state);
        }
    }
    enum_set_finish(set);
    *set = kept;
}

static int compare_states(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct enum_state));
}

uint64_t enum_hash(const struct enum_set *set)
{
    if (set->count > 0) {
        qsort(set->states, set->count, sizeof *set->states, compare_states);
    }
    uint64_t hash = set->count;
    for (size_t i = 0; i < set->count; i++) {
        const unsigned char *bytes = (const unsigned char *)&set->states[i];
        for (size_t k = 0; k < sizeof set->states[i]; k++) {
            hash = (hash ^ bytes[k]) * 0x100000001b3u;
        }
    }
    return hash;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the histories of a program on the model and on the enumerator side by side. Ends of
 * histories that neither can tell apart later are walked once. */
#include "equality.h"

#include "model_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct program_op alphabet[] = {
    /* core alphabets are the first ones */
    {OP_CALL, 0, LIMIT_NONE, false, false, "CallEx o0"},
    {OP_RECV, 0, LIMIT_NONE, false, false, "RecvEx o0"},
    {OP_SET, 0, LIMIT_NONE, false, false, "Set o0"},
    {OP_CLEAR, 0, LIMIT_NONE, false, false, "Clear o0"},
    {OP_REPLY, -1, LIMIT_NONE, false, false, "Reply"},
    {OP_CALL, 0, LIMIT_SOME, false, false, "CallEx o0 lim"},
    /* the rest */
    {OP_CALL, -1, LIMIT_NONE, false, false, "Call"},
    {OP_RECV, -1, LIMIT_NONE, false, false, "Recv"},
    {OP_RECV, 0, LIMIT_SOME, false, false, "RecvEx o0 lim"},
    {OP_CLOSE, 0, LIMIT_NONE, false, false, "Close o0"},
    {OP_CALL, 1, LIMIT_NONE, false, false, "CallEx o1"},
    {OP_RECV, 1, LIMIT_NONE, false, false, "RecvEx o1"},
    {OP_SET, 1, LIMIT_NONE, false, false, "Set o1"},
    {OP_CLEAR, 1, LIMIT_NONE, false, false, "Clear o1"},
    {OP_CALL, -1, LIMIT_SOME, false, false, "CallEx lim"},
    {OP_CALL, 0, LIMIT_NONE, true, false, "CallEx o0 refused"},
    {OP_REPLY, -1, LIMIT_NONE, true, false, "Reply refused"},
    {OP_CALL, -1, LIMIT_NONE, false, true, "CallEx badsync"},
    {OP_RECV, -1, LIMIT_NONE, false, true, "RecvEx badsync"},
    {OP_CALL, 0, LIMIT_POLL, false, false, "CallEx o0 poll"},
    {OP_RECV, 0, LIMIT_POLL, false, false, "RecvEx o0 poll"},
};
enum { ALL_OPS = sizeof alphabet / sizeof alphabet[0], DEPTH_MAX = 64 };

/* An end of a history. */
struct end {
    unsigned started[PROGRAM_THREADS]; /* operations invoked */
    bool pending[PROGRAM_THREADS];
    unsigned last[PROGRAM_THREADS]; /* request received last, 0: none */
    struct enum_set set;            /* closed */
    struct cts_model *model;
};

struct walk {
    const struct program *program;
    struct equality *equality;
    uint64_t *seen; /* open addressing; 0: empty */
    size_t seen_size;
    size_t seen_count;
    struct trail_event {
        char kind; /* i: invocation, r: return, q: rest */
        unsigned thread;
        unsigned number; /* request */
        const char *text;
    } trail[DEPTH_MAX];
    unsigned depth;
    bool failed;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 29);
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Everything of the model that a later answer can depend on; points in time only as they compare. */
static uint64_t model_digest(const struct cts_model *model)
{
    uint64_t hash = 1;
    for (size_t r = 1; r < model->request_count; r++) {
        const struct model_request *q = &model->requests[r];
        hash = mix(hash, q->end | q->outcome << 4 | (uint64_t)q->receiver << 8);
        hash = mix(hash, q->replies_open | (uint64_t)q->replies_ok << 8);
        hash = mix(hash, (uint64_t)q->reply_owed | (uint64_t)q->reply_refused << 1 |
                             (uint64_t)q->sender_is_gone << 2 | (uint64_t)q->ended_by_refusal << 4 |
                             (uint64_t)(model->last_rest_at > q->ended_at) << 3);
        for (uint32_t t = 0; t < PROGRAM_THREADS; t++) {
            const struct model_thread *w = &model->threads[t];
            hash = mix(hash, w->pending
                                 ? (uint64_t)(w->invoked_at > q->ended_at) |
                                       (uint64_t)(w->settled_at != 0 && w->settled_at < q->sent_at)
                                           << 1
                                 : 4);
        }
    }
    for (uint32_t t = 0; t < PROGRAM_THREADS; t++) {
        const struct model_thread *w = &model->threads[t];
        hash = mix(hash, w->pending
                             ? (uint64_t)(w->settled_at != 0) | (uint64_t)w->object_in_use << 1 |
                                   (uint64_t)(w->left_at != 0) << 2
                             : 8);
        for (uint32_t s = 0; w->pending && w->left_at != 0 && s < PROGRAM_THREADS; s++) {
            hash = mix(hash, model->threads[s].invoked_at > w->left_at);
        }
    }
    uint64_t states[512];
    size_t count = model->frontier.count < 512 ? model->frontier.count : 512;
    for (size_t i = 0; i < count; i++) {
        states[i] = 0;
        for (size_t k = 0; k < model->frontier.stride; k += 8) {
            uint64_t word;
            memcpy(&word, state_at(&model->frontier, i) + k, sizeof word);
            states[i] = mix(states[i], word);
        }
    }
    qsort(states, count, sizeof states[0], compare_hashes);
    for (size_t i = 0; i < count; i++) {
        hash = mix(hash, states[i]);
    }
    return hash;
}

/* True when this end has been walked before. */
static bool seen_before(struct walk *walk, const struct end *end)
{
    uint64_t hash = mix(enum_hash(&end->set), model_digest(end->model));
    for (unsigned t = 0; t < PROGRAM_THREADS; t++) {
        hash = mix(hash,
                   end->started[t] | (uint64_t)end->pending[t] << 4 | (uint64_t)end->last[t] << 8);
    }
    hash += hash == 0;
    if (walk->seen_count * 2 >= walk->seen_size) {
        size_t size = walk->seen_size == 0 ? 1024 : walk->seen_size * 2;
        uint64_t *grown = calloc(size, sizeof *grown);
        if (grown == NULL) {
            walk->failed = true;
            return true;
        }
        for (size_t i = 0; i < walk->seen_size; i++) {
            size_t slot = walk->seen[i] & (size - 1);
            while (walk->seen[i] != 0 && grown[slot] != 0) {
                slot = (slot + 1) & (size - 1);
            }
            grown[slot] = walk->seen[i] != 0 ? walk->seen[i] : grown[slot];
        }
        free(walk->seen);
        walk->seen = grown;
        walk->seen_size = size;
    }
    size_t slot = hash & (walk->seen_size - 1);
    while (walk->seen[slot] != 0) {
        if (walk->seen[slot] == hash) {
            return true;
        }
        slot = (slot + 1) & (walk->seen_size - 1);
    }
    walk->seen[slot] = hash;
    walk->seen_count++;
    return false;
}

static void note_difference(struct walk *walk, const char *what)
{
    struct equality *e = walk->equality;
    walk->failed = true;
    if (e->differences++ > 0) {
        return;
    }
    size_t length = (size_t)snprintf(e->first, sizeof e->first, "%s%s%s; history:", what,
                                     walk->program->autoclear ? ", autoclear" : "",
                                     walk->program->fifo ? ", fifo" : "");
    for (unsigned i = 0; i < walk->depth && length < sizeof e->first; i++) {
        const struct trail_event *event = &walk->trail[i];
        char *to = e->first + length;
        size_t room = sizeof e->first - length;
        length += (size_t)(event->kind == 'q' ? snprintf(to, room, " rest;")
                                              : snprintf(to, room, " t%u %s%s %u;", event->thread,
                                                         event->kind == 'r' ? "= " : "",
                                                         event->text, event->number));
    }
}

static void walk_end(struct walk *walk, struct end *end);

/* Both accept the event: go on from there. `end` is left as it was. */
static bool branch(const struct end *end, struct end *next)
{
    *next = *end;
    next->model = cts_model_clone(end->model);
    if (next->model == NULL || !enum_set_copy(&next->set, &end->set)) {
        cts_model_destroy(next->model);
        return false;
    }
    return true;
}

static void leave_branch(struct end *next)
{
    enum_set_finish(&next->set);
    cts_model_destroy(next->model);
}

static struct cts_model_op model_op(const struct program_op *op, unsigned request)
{
    static const enum cts_model_op_kind kinds[] = {CTS_MODEL_CALL,  CTS_MODEL_RECV,
                                                   CTS_MODEL_REPLY, CTS_MODEL_SET,
                                                   CTS_MODEL_CLEAR, CTS_MODEL_CLOSE_SYNC};
    return (struct cts_model_op){.kind = kinds[op->kind],
                                 .ex = true,
                                 .listener = CTS_MODEL_NONE,
                                 .request = request,
                                 .object = op->object < 0 ? CTS_MODEL_NONE : (uint32_t)op->object,
                                 .limited = op->limit == LIMIT_SOME,
                                 .poll = op->limit == LIMIT_POLL,
                                 .refused = op->refused,
                                 .bad_sync = op->bad_sync};
}

static void walk_invocation(struct walk *walk, const struct end *end, unsigned thread)
{
    unsigned index = end->started[thread];
    const struct program_op *op = walk->program->ops[thread][index];
    unsigned request = op->kind == OP_CALL    ? 1 + thread * PROGRAM_OPS + index
                       : op->kind == OP_REPLY ? end->last[thread]
                                              : 0;
    struct end next;
    if (!branch(end, &next)) {
        walk->failed = true;
        return;
    }
    struct cts_model_event event = {.kind = CTS_MODEL_INVOKE, .thread = thread};
    event.op = model_op(op, request);
    walk->trail[walk->depth++] = (struct trail_event){'i', thread, request, op->text};
    if (cts_model_event(next.model, &event) != CTS_MODEL_ACCEPTED) {
        note_difference(walk, "the model refuses an invocation");
    }
    enum_invoke(&next.set, thread, index, request);
    next.started[thread]++;
    next.pending[thread] = true;
    if (!walk->failed && enum_close(walk->program, &next.set)) {
        walk_end(walk, &next);
    }
    walk->depth--;
    leave_branch(&next);
}

/* The same answer? Then *accepted says which. */
static bool same_answer(struct walk *walk, const struct end *end,
                        const struct cts_model_event *event, bool *accepted)
{
    walk->equality->events++;
    enum cts_model_verdict verdict = cts_model_probe(end->model, event);
    if ((verdict == CTS_MODEL_ACCEPTED) == *accepted && verdict != CTS_MODEL_UNKNOWN &&
        verdict != CTS_MODEL_MISUSE) {
        return true;
    }
    /* With a promised order the model may notice a call that was overtaken only when that call
     * returns, and at the next rest at the latest: walked with an empty enumeration. */
    if (!*accepted && verdict == CTS_MODEL_ACCEPTED && walk->program->fifo &&
        event->kind == CTS_MODEL_RETURN) {
        *accepted = true;
        return true;
    }
    if (!*accepted && verdict == CTS_MODEL_ACCEPTED && walk->program->lenient &&
        event->kind == CTS_MODEL_RETURN) {
        walk->equality->lenient++;
        return true; /* not walked on */
    }
    note_difference(walk, *accepted ? "the model rejects, the enumerator accepts the last event"
                                    : "the model accepts, the enumerator rejects the last event");
    return false;
}

static void walk_return(struct walk *walk, const struct end *end, unsigned thread,
                        enum program_result result, unsigned request)
{
    static const enum cts_model_outcome outcomes[] = {CTS_MODEL_OK, CTS_MODEL_INTERRUPT,
                                                      CTS_MODEL_TIMEOUT, CTS_MODEL_OTHER};
    static const char *const words[] = {"ok", "interrupt", "timeout", "error"};
    const struct program_op *op = walk->program->ops[thread][end->started[thread] - 1];
    /* A call and a reply keep their own request; of a receive only success has one. */
    unsigned own = op->kind == OP_CALL    ? thread * PROGRAM_OPS + end->started[thread]
                   : op->kind == OP_REPLY ? end->last[thread]
                                          : 0;
    unsigned shown = op->kind == OP_RECV ? (result == GOT_OK ? request : 0) : own;
    struct cts_model_event event = {
        .kind = CTS_MODEL_RETURN,
        .thread = thread,
        .result = {.outcome = outcomes[result], .request = request, .object = CTS_MODEL_NONE}};
    walk->trail[walk->depth++] = (struct trail_event){'r', thread, request, words[result]};
    bool accepted = enum_can_return(&end->set, thread, result, shown) &&
                    (op->kind != OP_CALL || result != GOT_OK || request == own);
    struct end next;
    if (same_answer(walk, end, &event, &accepted) && accepted) {
        if (!branch(end, &next)) {
            walk->failed = true;
            return;
        }
        enum_return(&next.set, thread, result, shown);
        next.pending[thread] = false;
        if (op->kind == OP_RECV && result == GOT_OK) {
            next.last[thread] = request;
        }
        if (cts_model_event(next.model, &event) != CTS_MODEL_ACCEPTED ||
            !enum_close(walk->program, &next.set)) {
            note_difference(walk, "probe and event differ");
        } else {
            walk_end(walk, &next);
        }
        leave_branch(&next);
    }
    walk->depth--;
}

static void walk_rest(struct walk *walk, const struct end *end)
{
    struct cts_model_event event = {.kind = CTS_MODEL_REST};
    walk->trail[walk->depth++] = (struct trail_event){'q', 0, 0, ""};
    struct end next;
    if (!branch(end, &next)) {
        walk->failed = true;
        return;
    }
    enum_rest(walk->program, &next.set);
    bool accepted = next.set.count > 0;
    if (same_answer(walk, end, &event, &accepted) && accepted) {
        if (cts_model_event(next.model, &event) != CTS_MODEL_ACCEPTED ||
            !enum_close(walk->program, &next.set)) {
            note_difference(walk, "probe and event differ");
        } else {
            walk_end(walk, &next);
        }
    }
    leave_branch(&next);
    walk->depth--;
}

static void walk_returns(struct walk *walk, const struct end *end, unsigned thread)
{
    const struct program_op *op = walk->program->ops[thread][end->started[thread] - 1];
    for (int result = GOT_INTERRUPT; result < GOT_RESULTS && !walk->failed; result++) {
        walk_return(walk, end, thread, (enum program_result)result, 0);
    }
    if (op->kind == OP_CALL || op->kind == OP_RECV) {
        for (unsigned r = 1; r <= PROGRAM_REQUESTS && !walk->failed; r++) {
            walk_return(walk, end, thread, GOT_OK, r);
        }
    } else if (!walk->failed) {
        walk_return(walk, end, thread, GOT_OK, 0);
    }
}

static void walk_end(struct walk *walk, struct end *end)
{
    if (walk->failed || seen_before(walk, end)) {
        return;
    }
    walk->equality->histories++;
    bool any_pending = false;
    for (unsigned t = 0; t < PROGRAM_THREADS && !walk->failed; t++) {
        if (end->pending[t]) {
            any_pending = true;
            walk_returns(walk, end, t);
        } else if (end->started[t] < walk->program->op_count[t]) {
            walk_invocation(walk, end, t);
        }
    }
    if (any_pending && !walk->failed) {
        walk_rest(walk, end);
    } else if (!walk->failed && end->set.count == 0) {
        note_difference(walk, "all have returned, and an overtaken call was not noticed");
    }
}

bool equality_of_program(const struct program *program, struct equality *equality)
{
    struct cts_model_config config = {.order = program->fifo ? CTS_MODEL_ORDER_FIFO
                                                             : CTS_MODEL_ORDER_ANY};
    struct walk walk = {.program = program, .equality = equality};
    struct end end = {.model = cts_model_create(&config)};
    bool ready = end.model != NULL && enum_set_start(&end.set) &&
                 cts_model_add_channel(end.model, 0, CTS_MODEL_NONE, 0, 0, NULL) &&
                 cts_model_add_object(end.model, 0, 0, program->autoclear, NULL) &&
                 cts_model_add_object(end.model, 1, 0, false, NULL);
    for (uint32_t t = 0; ready && t < PROGRAM_THREADS; t++) {
        ready = cts_model_add_thread(end.model, t, 0, NULL);
    }
    if (ready) {
        walk_end(&walk, &end);
    }
    equality->programs++;
    free(walk.seen);
    enum_set_finish(&end.set);
    cts_model_destroy(end.model);
    return ready && !walk.failed;
}

/* Sequences of up to two of `ops` operations are numbered: 0 is the empty one. */
static void set_sequence(struct program *program, unsigned thread, unsigned number, unsigned ops)
{
    program->op_count[thread] = number == 0 ? 0 : number <= ops ? 1 : 2;
    for (unsigned i = 0; i < PROGRAM_OPS; i++) {
        program->ops[thread][i] = &alphabet[0];
    }
    if (number > ops) {
        program->ops[thread][0] = &alphabet[(number - ops - 1) / ops];
        program->ops[thread][1] = &alphabet[(number - ops - 1) % ops];
    } else if (number > 0) {
        program->ops[thread][0] = &alphabet[number - 1];
    }
}

bool equality_core(unsigned ops, unsigned first, unsigned stride, struct equality *equality)
{
    const unsigned sequences = 1 + ops + ops * ops;
    unsigned number = 0;
    /* Threads are alike, so only ascending triples. */
    for (unsigned a = 0; a < sequences; a++) {
        for (unsigned b = a; b < sequences; b++) {
            for (unsigned c = b; c < sequences; c++) {
                struct program program = {.autoclear = false};
                set_sequence(&program, 0, a, ops);
                set_sequence(&program, 1, b, ops);
                set_sequence(&program, 2, c, ops);
                if (number++ % stride == first && !equality_of_program(&program, equality)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* What the promised order is exact for: README.md, "Order of arrival". */
static bool suits_fifo(const struct program *program, unsigned thread)
{
    for (unsigned i = 0; i < program->op_count[thread]; i++) {
        const struct program_op *op = program->ops[thread][i];
        if (op->limit != LIMIT_NONE || op->kind == OP_CLOSE || op->bad_sync) {
            return false;
        }
    }
    return true;
}

bool equality_pairs(unsigned first, unsigned stride, struct equality *equality)
{
    const unsigned sequences = 1 + ALL_OPS + ALL_OPS * ALL_OPS;
    unsigned number = 0;
    for (unsigned a = 0; a < sequences; a++) {
        for (unsigned b = a; b < sequences; b++) {
            for (unsigned variant = 0; variant < 3; variant++) {
                struct program program = {.autoclear = variant == 1, .fifo = variant == 2};
                set_sequence(&program, 0, a, ALL_OPS);
                set_sequence(&program, 1, b, ALL_OPS);
                set_sequence(&program, 2, 0, ALL_OPS);
                bool wanted = !program.fifo || (suits_fifo(&program, 0) && suits_fifo(&program, 1));
                if (number++ % stride == first && wanted &&
                    !equality_of_program(&program, equality)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool has_close(const struct program *program)
{
    bool found = false;
    for (unsigned t = 0; t < PROGRAM_THREADS; t++) {
        for (unsigned i = 0; i < program->op_count[t]; i++) {
            found |= program->ops[t][i]->kind == OP_CLOSE;
        }
    }
    return found;
}

bool equality_random(uint64_t seed, unsigned count, struct equality *equality)
{
    const unsigned sequences = 1 + ALL_OPS + ALL_OPS * ALL_OPS;
    uint64_t random = seed;
    for (unsigned i = 0; i < count; i++) {
        struct program program = {.fifo = i % 4 == 0};
        for (unsigned t = 0; t < PROGRAM_THREADS; t++) {
            do {
                random = random * 6364136223846793005u + 1442695040888963407u;
                set_sequence(&program, t, 1 + (unsigned)((random >> 33) % (sequences - 1)),
                             ALL_OPS);
            } while (program.fifo && !suits_fifo(&program, t));
        }
        program.autoclear = i % 4 == 1;
        program.lenient = has_close(&program);
        if (!equality_of_program(&program, equality)) {
            return false;
        }
    }
    /* README.md, "Where it is lenient": rare, or something is wrong. */
    return equality->lenient * 100000 <= equality->events + 1000000;
}

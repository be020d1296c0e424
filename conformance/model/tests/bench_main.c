/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_bench [EVENTS [MINIMUM]]: events per second on long random histories of four threads: two clients, a
 * server, a thread that sets and clears. The histories come from a simulated library that is
 * lawful, so every event is accepted; the time of the simulation is measured apart and subtracted.
 * Exit status 1: an event was not accepted, or the rate is below MINIMUM.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CLIENT_0, CLIENT_1, SERVER, SETTER, THREADS };
enum stage { IDLE, ENTERED, WAITING, TAKEN, DONE };

struct simulation {
    uint64_t random;
    enum stage stage[THREADS];
    struct cts_model_op op[THREADS];
    struct cts_model_result result[THREADS];
    bool set[2];
    uint32_t next_request;
    uint32_t held; /* by the server, 0: none */
};

static unsigned pick(struct simulation *s, unsigned below)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(s->random >> 33) % below;
}

static void end_op(struct simulation *s, unsigned thread, enum cts_model_outcome outcome,
                   uint32_t request)
{
    s->stage[thread] = DONE;
    s->result[thread] = (struct cts_model_result){outcome, request, CTS_MODEL_NONE};
}

static void choose_op(struct simulation *s, unsigned thread)
{
    struct cts_model_op op = {.ex = true, .listener = CTS_MODEL_NONE, .object = pick(s, 2)};
    op.limited = pick(s, 4) == 0;
    if (thread == SETTER) {
        op.kind = pick(s, 5) < 3 ? CTS_MODEL_SET : CTS_MODEL_CLEAR;
        op.limited = false;
    } else if (thread != SERVER) {
        op.kind = CTS_MODEL_CALL;
        op.request = s->next_request++;
    } else if (s->held != 0) {
        op.kind = CTS_MODEL_REPLY;
        op.request = s->held;
        op.object = CTS_MODEL_NONE;
        op.limited = false;
    } else {
        op.kind = CTS_MODEL_RECV;
    }
    s->op[thread] = op;
    s->stage[thread] = ENTERED;
}

static void act(struct simulation *s, unsigned thread)
{
    const struct cts_model_op *op = &s->op[thread];
    if (op->kind == CTS_MODEL_SET || op->kind == CTS_MODEL_CLEAR) {
        s->set[op->object] = op->kind == CTS_MODEL_SET;
        end_op(s, thread, CTS_MODEL_OK, 0);
        return;
    }
    if (op->kind == CTS_MODEL_REPLY) {
        for (unsigned c = CLIENT_0; c <= CLIENT_1; c++) {
            if (s->stage[c] == TAKEN && s->op[c].request == op->request) {
                end_op(s, c, CTS_MODEL_OK, op->request);
            }
        }
        s->held = 0;
        end_op(s, thread, CTS_MODEL_OK, 0);
        return;
    }
    s->stage[thread] = WAITING;
    if (thread == SERVER) {
        for (unsigned c = CLIENT_0; c <= CLIENT_1; c++) {
            if (s->stage[c] == WAITING) {
                s->stage[c] = TAKEN;
                s->held = s->op[c].request;
                end_op(s, SERVER, CTS_MODEL_OK, s->held);
                return;
            }
        }
    } else if (s->stage[SERVER] == WAITING) {
        s->stage[thread] = TAKEN;
        s->held = op->request;
        end_op(s, SERVER, CTS_MODEL_OK, s->held);
        return;
    }
    if (s->set[op->object]) {
        end_op(s, thread, CTS_MODEL_INTERRUPT, 0);
    }
}

/* The next event of the history. */
static struct cts_model_event next_event(struct simulation *s)
{
    for (;;) {
        unsigned t = pick(s, THREADS);
        struct cts_model_event event = {.thread = t};
        switch (s->stage[t]) {
        case IDLE:
            choose_op(s, t);
            event.kind = CTS_MODEL_INVOKE;
            event.op = s->op[t];
            return event;
        case ENTERED:
            act(s, t);
            break;
        case WAITING:
            if (s->set[s->op[t].object]) {
                end_op(s, t, CTS_MODEL_INTERRUPT, 0);
            } else if (s->op[t].limited && pick(s, 8) == 0) {
                end_op(s, t, CTS_MODEL_TIMEOUT, 0);
            }
            break;
        case TAKEN:
            break;
        case DONE:
            s->stage[t] = IDLE;
            event.kind = CTS_MODEL_RETURN;
            event.result = s->result[t];
            return event;
        }
        bool rests = true;
        for (unsigned i = 0; i < THREADS; i++) {
            rests = rests && (s->stage[i] == WAITING || s->stage[i] == TAKEN) &&
                    !(s->stage[i] == WAITING && s->set[s->op[i].object]);
        }
        if (rests) {
            event.kind = CTS_MODEL_REST;
            return event;
        }
    }
}

static double seconds(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct cts_model *new_model(void)
{
    struct cts_model *model = cts_model_create(NULL);
    bool ready = model != NULL && cts_model_add_channel(model, 0, CTS_MODEL_NONE, 0, 0, NULL);
    for (uint32_t t = 0; ready && t < THREADS; t++) {
        ready = cts_model_add_thread(model, t, 0, NULL) &&
                (t >= 2 || cts_model_add_object(model, t, 0, false, NULL));
    }
    if (!ready) {
        cts_model_destroy(model);
        return NULL;
    }
    return model;
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000;
    struct simulation dry = {.random = 1, .next_request = 1};
    double start = seconds();
    unsigned kinds = 0;
    for (unsigned long i = 0; i < count; i++) {
        kinds += (unsigned)next_event(&dry).kind;
    }
    double simulation_s = seconds() - start;

    struct cts_model *model = new_model();
    if (model == NULL) {
        return 2;
    }
    struct simulation s = {.random = 1, .next_request = 1};
    start = seconds();
    for (unsigned long i = 0; i < count; i++) {
        struct cts_model_event event = next_event(&s);
        if (cts_model_event(model, &event) != CTS_MODEL_ACCEPTED) {
            char text[4096];
            (void)cts_model_explain(model, text, sizeof text);
            printf("not accepted: %s\n", text);
            return 1;
        }
    }
    double model_s = seconds() - start - simulation_s;
    double rate = (double)count / (model_s > 1e-9 ? model_s : 1e-9);
    printf("%lu events, 4 threads: %.0f events/s, at most %zu states (checksum %u)\n", count, rate,
           cts_model_state_count_peak(model), kinds);
    cts_model_destroy(model);
    double minimum = argc > 2 ? strtod(argv[2], NULL) : 0.0;
    return rate >= minimum ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same semantics a second time, written to be obvious and not to be fast: every silent step is
 * taken one by one, also those that the model takes at the return that shows them. It shares nothing
 * with the model but the names of outcomes. Small programs only: 3 threads of 2 operations on one
 * channel with two sync objects.
 */
#ifndef MODEL_TEST_ENUMERATOR_H
#define MODEL_TEST_ENUMERATOR_H

#include "model.h"

enum { PROGRAM_THREADS = 3, PROGRAM_OPS = 2, PROGRAM_REQUESTS = PROGRAM_THREADS * PROGRAM_OPS };

enum program_op_kind { OP_CALL, OP_RECV, OP_REPLY, OP_SET, OP_CLEAR, OP_CLOSE };
enum program_limit { LIMIT_NONE, LIMIT_SOME, LIMIT_POLL };

struct program_op {
    enum program_op_kind kind;
    int object; /* 0, 1, or -1: none */
    enum program_limit limit;
    bool refused;
    bool bad_sync;
    const char *text;
};

struct program {
    unsigned op_count[PROGRAM_THREADS];
    const struct program_op *ops[PROGRAM_THREADS][PROGRAM_OPS];
    bool autoclear; /* object 0 is */
    bool fifo;
    bool lenient; /* the model may accept a little more: README.md */
};

/* What a return shows. Errors are one class; a Reply without a request has request 0. */
enum program_result { GOT_OK, GOT_INTERRUPT, GOT_TIMEOUT, GOT_ERROR, GOT_RESULTS };

enum program_phase {
    PHASE_IDLE,
    PHASE_INVOKED,
    PHASE_QUEUED,
    PHASE_TAKEN,
    PHASE_RECEIVING,
    PHASE_DONE
};

struct enum_thread {
    unsigned char phase;
    unsigned char result;  /* DONE */
    unsigned char request; /* CALL: own; REPLY: answered; RECV that is DONE: received */
    unsigned char pulsed;
    unsigned char object_gone;
    unsigned char without_object; /* the handle was bad and was ignored */
    unsigned char reply_refused;
    unsigned char op; /* index in the program */
};

struct enum_state {
    struct enum_thread threads[PROGRAM_THREADS];
    unsigned char set[2];
    unsigned char closed[2];
    unsigned char queue[PROGRAM_THREADS]; /* threads + 1 in order of arrival */
    unsigned char padding;
};

struct enum_set {
    struct enum_state *states;
    size_t count;
    size_t capacity;
};

void enum_set_finish(struct enum_set *set);
bool enum_set_copy(struct enum_set *to, const struct enum_set *from);
/* The set with the initial state alone. */
bool enum_set_start(struct enum_set *set);
/* All that silent steps reach. */
bool enum_close(const struct program *program, struct enum_set *set);
/* The thread enters its operation number `op`; `request`: CALL its number, REPLY the answered. */
void enum_invoke(struct enum_set *set, unsigned thread, unsigned op, unsigned request);
/* Keep the states in which the thread is done with this result, and make it idle. */
void enum_return(struct enum_set *set, unsigned thread, enum program_result result,
                 unsigned request);
bool enum_can_return(const struct enum_set *set, unsigned thread, enum program_result result,
                     unsigned request);
/* Keep the states that can be at rest. */
void enum_rest(const struct program *program, struct enum_set *set);
uint64_t enum_hash(const struct enum_set *set);

#endif

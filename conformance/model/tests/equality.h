/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model against the enumerator: for a program, every history that one of them accepts is walked,
 * and at each of its ends every possible next event must get the same answer from both.
 */
#ifndef MODEL_TEST_EQUALITY_H
#define MODEL_TEST_EQUALITY_H

#include "enumerator.h"

#include <stdio.h>

struct equality {
    uint64_t programs;
    uint64_t histories; /* distinct ends of histories */
    uint64_t events;    /* answers compared */
    uint64_t lenient;   /* of them: the model accepts what the enumerator rejects, as documented */
    uint64_t differences;
    char first[1024]; /* the first difference, with its history */
};

/* One program. False: a difference, or no memory. */
bool equality_of_program(const struct program *program, struct equality *equality);

/* All programs of up to 3 threads with up to 2 operations of a core alphabet, which is the first
 * `ops` of: CallEx, RecvEx, Set, Clear of one object, Reply, CallEx with a limit, Call, Recv, ...
 * Every `stride`-th, from number `first` on. Stops at the first difference, as the others do. */
bool equality_core(unsigned ops, unsigned first, unsigned stride, struct equality *equality);
/* `count` random programs of the whole alphabet, with all variants of objects and order. Where a
 * program closes an object the model may be lenient, once in 100,000 answers at most. */
bool equality_random(uint64_t seed, unsigned count, struct equality *equality);
/* All programs of up to 2 threads with up to 2 operations of the whole alphabet, in all variants:
 * every `stride`-th. */
bool equality_pairs(unsigned first, unsigned stride, struct equality *equality);

#endif

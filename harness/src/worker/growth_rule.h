/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule by which growth is called a leak, and its numbers. Pure arithmetic on one value after each
 * round of the same work: threads, descriptors, live objects, or bytes of memory.
 *
 * A leak is growth that goes on. What a library keeps from its first use on (a service thread, a
 * descriptor for each thread, a pool, a table that never shrinks, an allocator's arena, numbers that are
 * not used twice at once) has an end; so when the first rounds grow, more are made until the growth has
 * ended or is beyond what keeping explains.
 */
#ifndef CTS_GROWTH_RULE_H
#define CTS_GROWTH_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rounds that only warm up, and rounds after which a library that does not grow is done. */
#define CTS_GROWTH_WARM 4u
#define CTS_GROWTH_FIRST 12u
/* From so many rounds on, growth that has ended ends the measurement. */
#define CTS_GROWTH_AGAIN 24u

struct cts_growth_limits {
    double per_round;      /* growth per round that counts */
    size_t rounds_max;     /* rounds at most */
    size_t rounds_least;   /* before these no growth is called a leak ... */
    uint64_t growth_max;   /* ... unless it is this much, */
    size_t rounds_at_once; /* and then not before these */
    uint64_t harm; /* growth that ends the measurement at once, whatever the rounds; 0: none */
};

/* Threads, descriptors, live objects: every round uses eight objects, so that what is left
 * behind by one in twenty still counts. Nobody keeps 240 spare threads. */
#define CTS_GROWTH_OF_COUNTS ((struct cts_growth_limits){0.4, 128, 64, 240, CTS_GROWTH_AGAIN, 0})
/* Threads and descriptors: in a round of thousands of objects they may be thousands, and a machine has not many times
 * as many for all that runs there. Nobody keeps so many more of them from one round to another. */
#define CTS_GROWTH_HARM 1500u
/* Bytes: a leaked object is at least the smallest piece of malloc, a place in a table of numbers is
 * less. 200000 objects are three times what a table of 16-bit numbers can hold. */
#define CTS_GROWTH_BYTES_PER_OBJECT 24u
#define CTS_GROWTH_OBJECTS_LEAST 200000u
#define CTS_GROWTH_OF_BYTES(objects)                                                               \
    ((struct cts_growth_limits){(double)CTS_GROWTH_BYTES_PER_OBJECT * (objects), 512,              \
                                CTS_GROWTH_OBJECTS_LEAST / (objects) + 1, 192u << 20,              \
                                CTS_GROWTH_AGAIN, 0})

/* Has the value grown at all since the warm-up? `rounds` is the number of values. */
bool cts_growth_seen(const uint64_t *values, size_t rounds, const struct cts_growth_limits *limits);
/* Did it grow in each of the last two quarters of the rounds after the warm-up? False for fewer than
 * CTS_GROWTH_FIRST. */
bool cts_growth_goes_on(const uint64_t *values, size_t rounds,
                        const struct cts_growth_limits *limits);
/* Is that more than keeping explains? */
bool cts_growth_is_leak(const uint64_t *values, size_t rounds,
                        const struct cts_growth_limits *limits);
/* Did it grow so much since the first round that more of it would do harm? */
bool cts_growth_does_harm(const uint64_t *values, size_t rounds,
                          const struct cts_growth_limits *limits);
/* Is one more round wanted to decide about this value? */
bool cts_growth_wants_more(const uint64_t *values, size_t rounds,
                           const struct cts_growth_limits *limits);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of leaks on given counts: what leaks, and what only keeps. */
#include "../src/worker/growth_rule.h"

#include <check.h>
#include <stdlib.h>

#define ROUNDS 512u
#define OBJECTS 4096u

enum judgement { FLAT, LEAK, UNDECIDED };

/* What the value is after a round, from 0. */
typedef uint64_t curve(size_t round);

/* Play the rounds as growth.c does, at most `in_budget`; the number of rounds made comes back. */
static enum judgement play(curve *value, struct cts_growth_limits limits, size_t in_budget,
                           size_t *rounds)
{
    uint64_t values[ROUNDS];
    *rounds = 0;
    do {
        values[*rounds] = value(*rounds);
        ++*rounds;
    } while (*rounds < in_budget && cts_growth_wants_more(values, *rounds, &limits));
    if (!cts_growth_goes_on(values, *rounds, &limits)) {
        return FLAT;
    }
    return cts_growth_is_leak(values, *rounds, &limits) ? LEAK : UNDECIDED;
}

static uint64_t steady(size_t round)
{
    (void)round;
    return 17;
}

static uint64_t first_use(size_t round)
{
    return round < 3 ? 10 + round : 13;
}

static uint64_t one_each_round(size_t round)
{
    return 5 + round;
}

static uint64_t one_in_two(size_t round)
{
    return 5 + round / 2;
}

static uint64_t pool_of_50(size_t round)
{
    return round < 50 ? round : 50;
}

static uint64_t comes_and_goes(size_t round)
{
    return 10 + round % 7;
}

static uint64_t falls(size_t round)
{
    return 1000 - round;
}

START_TEST(counts)
{
    static const struct {
        curve *value;
        enum judgement judgement;
        size_t rounds_max;
    } rows[] = {
        {steady, FLAT, CTS_GROWTH_FIRST}, {first_use, FLAT, CTS_GROWTH_FIRST},
        {one_each_round, LEAK, ROUNDS},   {one_in_two, LEAK, ROUNDS},
        {pool_of_50, FLAT, 100},          {comes_and_goes, FLAT, CTS_GROWTH_AGAIN},
        {falls, FLAT, CTS_GROWTH_FIRST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t rounds = 0;
        ck_assert_int_eq(play(rows[i].value, CTS_GROWTH_OF_COUNTS, ROUNDS, &rounds),
                         rows[i].judgement);
        ck_assert_uint_le(rounds, rows[i].rounds_max);
    }
}
END_TEST

static uint64_t leaks_32_bytes(size_t round)
{
    return 3000000u + round * OBJECTS * 32u;
}

static uint64_t place_of_16_bytes(size_t round)
{
    return 3000000u + round * OBJECTS * 16u;
}

/* A table of 65536 places that are all used once before one is used again. */
static uint64_t table_of_16_bits(size_t round)
{
    return 3000000u + (round < 16 ? round * OBJECTS * 64u : 16u * OBJECTS * 64u);
}

/* An allocator that takes two mebibytes at a time, now and then. */
static uint64_t in_big_steps(size_t round)
{
    return 3000000u + (round / 5 < 3 ? round / 5 : 3) * 2097152u;
}

static uint64_t leaks_a_kibibyte(size_t round)
{
    return 3000000u + round * OBJECTS * 1024u;
}

START_TEST(bytes)
{
    static const struct {
        curve *value;
        enum judgement judgement;
        size_t in_budget;
    } rows[] = {
        {steady, FLAT, ROUNDS},
        {leaks_32_bytes, LEAK, ROUNDS},
        {place_of_16_bytes, FLAT, ROUNDS},
        {table_of_16_bits, FLAT, ROUNDS},
        {in_big_steps, FLAT, ROUNDS},
        {leaks_a_kibibyte, LEAK, ROUNDS},
        {leaks_32_bytes, UNDECIDED, 30},
        {table_of_16_bits, UNDECIDED, CTS_GROWTH_FIRST},
        {leaks_32_bytes, LEAK, 60},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t rounds = 0;
        ck_assert_int_eq(
            play(rows[i].value, CTS_GROWTH_OF_BYTES(OBJECTS), rows[i].in_budget, &rounds),
            rows[i].judgement);
    }
}
END_TEST

/* Masses are harm from the second round on; what the limits do not call harm never does. */
START_TEST(masses_end_at_once)
{
    const uint64_t masses[] = {3, 1027, 2051};
    const uint64_t one_big_round[] = {5000, 5000, 5001};
    struct cts_growth_limits limits = CTS_GROWTH_OF_COUNTS;
    ck_assert(!cts_growth_does_harm(masses, 3, &limits));
    limits.harm = CTS_GROWTH_HARM;
    ck_assert(!cts_growth_does_harm(masses, 1, &limits));
    ck_assert(!cts_growth_does_harm(masses, 2, &limits));
    ck_assert(cts_growth_does_harm(masses, 3, &limits));
    ck_assert(!cts_growth_does_harm(one_big_round, 3, &limits));
}
END_TEST

START_TEST(big_leaks_end_soon)
{
    size_t rounds = 0;
    ck_assert_int_eq(play(leaks_a_kibibyte, CTS_GROWTH_OF_BYTES(OBJECTS), ROUNDS, &rounds), LEAK);
    ck_assert_uint_lt(rounds, 60);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("growth_rule");
    TCase *tcase = tcase_create("rule");
    tcase_add_test(tcase, counts);
    tcase_add_test(tcase, bytes);
    tcase_add_test(tcase, big_leaks_end_soon);
    tcase_add_test(tcase, masses_end_at_once);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

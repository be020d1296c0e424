/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of timing verdicts on given samples. */
#include "../src/worker/timing_rule.h"

#include <check.h>
#include <stdlib.h>

#define MS 1000000u
#define WINDOW ((uint64_t)CTS_TIMING_WINDOW_MS * MS)

struct samples {
    uint64_t control[CTS_TIMING_PAIRS_MAX];
    uint64_t library[CTS_TIMING_PAIRS_MAX];
};

static struct samples all(uint64_t control, uint64_t library)
{
    struct samples samples;
    for (size_t i = 0; i < CTS_TIMING_PAIRS_MAX; i++) {
        samples.control[i] = control;
        samples.library[i] = library;
    }
    return samples;
}

static enum cts_timing_verdict judge(const struct samples *samples, size_t pairs)
{
    return cts_timing_judge(samples->control, samples->library, pairs, WINDOW);
}

START_TEST(quantiles)
{
    uint64_t values[CTS_TIMING_PAIRS];
    for (size_t i = 0; i < CTS_TIMING_PAIRS; i++) {
        values[i] = (i * 8 + 5) % CTS_TIMING_PAIRS; /* 0 to 20 in some order */
    }
    ck_assert_uint_eq(cts_timing_least(values, CTS_TIMING_PAIRS), 0);
    ck_assert_uint_eq(cts_timing_p90(values, CTS_TIMING_PAIRS), 18);
    ck_assert_uint_eq(cts_timing_p90(values, 1), values[0]);
    values[0] = 7;
    values[1] = 9;
    ck_assert_uint_eq(cts_timing_p90(values, 2), 9);
}
END_TEST

START_TEST(quick_is_pass_on_any_machine)
{
    struct samples samples = all(1, 1);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS), CTS_TIMING_PASS);
    samples = all(500u * MS, 600u * MS);
    samples.library[20] = WINDOW;
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS), CTS_TIMING_PASS);
}
END_TEST

START_TEST(late_every_time_is_fail)
{
    struct samples samples = all(10000, WINDOW + 10001);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS), CTS_TIMING_FAIL);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS_LEAST), CTS_TIMING_FAIL);
    /* Two slow control samples of 21 excuse nothing. */
    samples = all(10000, 50u * MS);
    samples.control[3] = samples.control[7] = 900u * MS;
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS), CTS_TIMING_FAIL);
}
END_TEST

START_TEST(a_slow_machine_is_undecided)
{
    struct samples samples = all(40u * MS, 50u * MS);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS_MAX), CTS_TIMING_UNDECIDED);
    /* Three slow control samples of 21. */
    samples = all(10000, 50u * MS);
    samples.control[0] = samples.control[9] = samples.control[20] = 40u * MS;
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS), CTS_TIMING_UNDECIDED);
    /* Just above the window is not above window and p90. */
    samples = all(10000, WINDOW + 10000);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS), CTS_TIMING_UNDECIDED);
}
END_TEST

START_TEST(few_pairs_decide_nothing)
{
    struct samples samples = all(1, 50u * MS);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS_LEAST - 1), CTS_TIMING_UNDECIDED);
    ck_assert_int_eq(judge(&samples, CTS_TIMING_PAIRS_MAX + 1), CTS_TIMING_UNDECIDED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timing_rule");
    TCase *tcase = tcase_create("rule");
    tcase_add_test(tcase, quantiles);
    tcase_add_test(tcase, quick_is_pass_on_any_machine);
    tcase_add_test(tcase, late_every_time_is_fail);
    tcase_add_test(tcase, a_slow_machine_is_undecided);
    tcase_add_test(tcase, few_pairs_decide_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rules from facts to verdict: everything that is not a proven PASS is something else. */
#include "exit_code.h"
#include "verdict.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct keeper_report report;
static struct case_log case_log;
static struct case_facts facts;
static struct text reason;

static void setup(void)
{
    memset(&report, 0, sizeof(report));
    memset(&case_log, 0, sizeof(case_log));
    report.ending = KEEPER_EXITED;
    facts =
        (struct case_facts){.report = &report, .log = &case_log, .last_line = "", .limit_s = 20.0};
}

static void teardown(void)
{
    text_finish(&reason);
}

/* One complete record, and the exit status that goes with it. */
static void record(enum verdict verdict, double checks, int status)
{
    case_log.records = 1;
    case_log.record.valid = true;
    case_log.record.verdict = verdict;
    case_log.record.checks = checks;
    case_log.observations = verdict == VERDICT_OBSERVED;
    report.exit_status = status;
}

static enum verdict decide(void)
{
    text_clear(&reason);
    return verdict_decide(&facts, &reason);
}

static void expect(enum verdict verdict, const char *words)
{
    enum verdict got = decide();
    ck_assert_msg(got == verdict, "%s instead of %s: %s", verdict_word(got), verdict_word(verdict),
                  text_string(&reason));
    ck_assert_msg(strstr(text_string(&reason), words) != NULL, "reason is: %s",
                  text_string(&reason));
}

static struct log_call calls[] = {
    {.op = 3, .call = (char[]){"CallEx"}, .actor = (char[]){"client"}},
    {.op = 4, .call = (char[]){"Set"}, .actor = (char[]){"other"}}};

static void put_calls_in_flight(void)
{
    case_log.invokes = 4;
    case_log.in_flight = calls;
    case_log.in_flight_count = 2;
}

START_TEST(record_and_status_agree)
{
    static const struct {
        enum verdict verdict;
        int status;
    } rows[] = {{VERDICT_PASS, 0},   {VERDICT_OBSERVED, 0},     {VERDICT_FAIL, 1},
                {VERDICT_BROKEN, 1}, {VERDICT_TIMEOUT, 1},      {VERDICT_LEAK, 1},
                {VERDICT_SKIP, 77},  {VERDICT_INCONCLUSIVE, 77}};
    record(rows[_i].verdict, 1, rows[_i].status);
    ck_assert_int_eq(decide(), rows[_i].verdict);
    ck_assert_str_eq(text_string(&reason), "");
}
END_TEST

START_TEST(every_other_status_is_early_exit)
{
    for (int status = 0; status < 256; status++) {
        record(VERDICT_PASS, 1, status);
        enum verdict expected = status == 0    ? VERDICT_PASS
                                : status == 99 ? VERDICT_BROKEN
                                               : VERDICT_EARLY_EXIT;
        ck_assert_int_eq(decide(), expected);
        record(VERDICT_FAIL, 1, status);
        expected = status == 1 ? VERDICT_FAIL : status == 99 ? VERDICT_BROKEN : VERDICT_EARLY_EXIT;
        ck_assert_int_eq(decide(), expected);
    }
}
END_TEST

START_TEST(exit_without_record_is_never_pass)
{
    for (int status = 0; status < 256; status++) {
        report.exit_status = status;
        case_log.invokes = 0;
        enum verdict expected = status == 64 || status == 99 ? VERDICT_BROKEN : VERDICT_EARLY_EXIT;
        ck_assert_int_eq(decide(), expected);
        /* In the middle of a case, 64 is the library's doing. */
        case_log.invokes = 1;
        ck_assert_int_eq(decide(), status == 99 ? VERDICT_BROKEN : VERDICT_EARLY_EXIT);
    }
    report.exit_status = 0;
    put_calls_in_flight();
    expect(VERDICT_EARLY_EXIT,
           "status 0 in the middle of the case, in CallEx (client), Set (other)");
}
END_TEST

START_TEST(signals_are_crashes)
{
    report.ending = KEEPER_SIGNALLED;
    report.signal = SIGSEGV;
    expect(VERDICT_CRASH, "SIGSEGV, before the first call");
    put_calls_in_flight();
    expect(VERDICT_CRASH, "SIGSEGV, in CallEx (client), Set (other)");
    record(VERDICT_PASS, 1, 0);
    expect(VERDICT_CRASH, "after its record said PASS");
    report.signal = 63;
    expect(VERDICT_CRASH, "signal 63");
}
END_TEST

START_TEST(limits)
{
    put_calls_in_flight();
    report.ending = KEEPER_TIME_LIMIT;
    expect(VERDICT_TIMEOUT, "20 s, in CallEx (client)");
    record(VERDICT_PASS, 1, 0);
    expect(VERDICT_TIMEOUT, "after its record said PASS");
    report.ending = KEEPER_OUTPUT_LIMIT;
    expect(VERDICT_LEAK, "8 MiB of output");
}
END_TEST

START_TEST(harness_errors_are_broken)
{
    facts.last_line = "cts-worker: no such case";
    report.exit_status = 64;
    expect(VERDICT_BROKEN, "cts-worker: no such case");
    report.exit_status = 99;
    expect(VERDICT_BROKEN, "cts-worker: no such case");
    report.ending = KEEPER_FAILED;
    memcpy(report.error, "fork: no", sizeof("fork: no"));
    expect(VERDICT_BROKEN, "fork: no");
    report.ending = 4711;
    ck_assert_int_eq(decide(), VERDICT_BROKEN);
    facts.keeper_lost = true;
    expect(VERDICT_BROKEN, "lost");
    facts.keeper_signal = SIGSEGV;
    expect(VERDICT_BROKEN, "lost");
}
END_TEST

START_TEST(a_keeper_that_was_killed_is_the_librarys_doing)
{
    facts.keeper_lost = true;
    facts.keeper_signal = SIGKILL;
    put_calls_in_flight();
    expect(VERDICT_CRASH, "killed or stopped (SIGKILL), in CallEx (client)");
    record(VERDICT_PASS, 1, 0);
    expect(VERDICT_CRASH, "after its record said PASS");
}
END_TEST

START_TEST(bad_logs_are_broken)
{
    record(VERDICT_PASS, 5, 0);
    case_log.full = true;
    expect(VERDICT_BROKEN, "full");
    case_log.full = false;
    case_log.damaged = true;
    expect(VERDICT_BROKEN, "damaged");
    case_log.damaged = false;
    case_log.records = 2;
    expect(VERDICT_BROKEN, "more than one completion record");
    case_log.records = 1;
    case_log.after_record = true;
    expect(VERDICT_BROKEN, "goes on after");
    case_log.after_record = false;
    case_log.record.valid = false;
    expect(VERDICT_BROKEN, "not one that a worker writes");
    record(VERDICT_CRASH, 5, 1);
    expect(VERDICT_BROKEN, "not one that a worker writes");
    record(VERDICT_EARLY_EXIT, 5, 0);
    ck_assert_int_eq(decide(), VERDICT_BROKEN);
}
END_TEST

START_TEST(records_that_cannot_be_true_are_broken)
{
    record(VERDICT_PASS, 0, 0);
    expect(VERDICT_BROKEN, "without a single check");
    record(VERDICT_OBSERVED, 0, 0);
    ck_assert_int_eq(decide(), VERDICT_OBSERVED);
    case_log.observations = 0;
    expect(VERDICT_BROKEN, "without an observation");
    record(VERDICT_PASS, 3, 0);
    case_log.failed_check = true;
    expect(VERDICT_BROKEN, "a check failed");
}
END_TEST

START_TEST(weak_evidence_is_no_strict_pass)
{
    case_log.weak = true;
    record(VERDICT_PASS, 3, 0);
    ck_assert_int_eq(decide(), VERDICT_PASS);
    facts.strict = true;
    expect(VERDICT_INCONCLUSIVE, "weak (the record said PASS)");
    record(VERDICT_OBSERVED, 3, 0);
    ck_assert_int_eq(decide(), VERDICT_INCONCLUSIVE);
    record(VERDICT_FAIL, 3, 1);
    ck_assert_int_eq(decide(), VERDICT_FAIL);
    record(VERDICT_SKIP, 0, 77);
    ck_assert_int_eq(decide(), VERDICT_SKIP);
    case_log.weak = false;
    record(VERDICT_PASS, 3, 0);
    ck_assert_int_eq(decide(), VERDICT_PASS);
}
END_TEST

START_TEST(processes_left_behind)
{
    report.strays = 2;
    record(VERDICT_PASS, 1, 0);
    expect(VERDICT_LEAK, "2 processes");
    record(VERDICT_SKIP, 0, 77);
    expect(VERDICT_LEAK, "SKIP");
    record(VERDICT_OBSERVED, 0, 0);
    ck_assert_int_eq(decide(), VERDICT_LEAK);
    record(VERDICT_FAIL, 1, 1);
    ck_assert_int_eq(decide(), VERDICT_FAIL);
}
END_TEST

START_TEST(reason_comes_from_the_record)
{
    char words[] = "returned too early";
    record(VERDICT_FAIL, 1, 1);
    case_log.record.reason = words;
    expect(VERDICT_FAIL, "returned too early");
    record(VERDICT_PASS, 1, 0);
    ck_assert_int_eq(decide(), VERDICT_PASS);
    ck_assert_str_eq(text_string(&reason), "");
}
END_TEST

START_TEST(words_go_both_ways)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        enum verdict parsed = VERDICT_PASS;
        ck_assert(verdict_parse(verdict_word((enum verdict)i), &parsed));
        ck_assert_int_eq(parsed, i);
    }
    enum verdict untouched = VERDICT_SKIP;
    ck_assert(!verdict_parse("pass", &untouched));
    ck_assert(!verdict_parse("", &untouched));
    ck_assert_int_eq(untouched, VERDICT_SKIP);
}
END_TEST

START_TEST(exit_codes)
{
    unsigned counts[VERDICT_COUNT] = {0};
    ck_assert_int_eq(verdict_exit_code(counts), EXIT_CONFORMANT);
    counts[VERDICT_PASS] = 3;
    counts[VERDICT_SKIP] = 3;
    counts[VERDICT_OBSERVED] = 3;
    ck_assert_int_eq(verdict_exit_code(counts), EXIT_CONFORMANT);
    counts[VERDICT_INCONCLUSIVE] = 1;
    ck_assert_int_eq(verdict_exit_code(counts), EXIT_INCONCLUSIVE);
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (verdict_is_failure((enum verdict)i)) {
            counts[i] = 256;
            ck_assert_int_eq(verdict_exit_code(counts), EXIT_DEVIATES);
            counts[i] = 0;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_verdict");
    TCase *tests = tcase_create("rules");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, record_and_status_agree, 0, 8);
    tcase_add_test(tests, every_other_status_is_early_exit);
    tcase_add_test(tests, exit_without_record_is_never_pass);
    tcase_add_test(tests, signals_are_crashes);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, harness_errors_are_broken);
    tcase_add_test(tests, a_keeper_that_was_killed_is_the_librarys_doing);
    tcase_add_test(tests, bad_logs_are_broken);
    tcase_add_test(tests, records_that_cannot_be_true_are_broken);
    tcase_add_test(tests, weak_evidence_is_no_strict_pass);
    tcase_add_test(tests, processes_left_behind);
    tcase_add_test(tests, reason_comes_from_the_record);
    tcase_add_test(tests, words_go_both_ways);
    tcase_add_test(tests, exit_codes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

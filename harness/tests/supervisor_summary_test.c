/* SPDX-License-Identifier: Apache-2.0 */
/* What people and readers of events.jsonl see of a result; and the command line. */
#include "catalogue.h"
#include "options.h"
#include "progress.h"
#include "runlog.h"
#include "summary.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static struct catalogue catalogue;
static struct summary summary;
static struct text text;

#define CASE_LINE(id) "{\"id\":\"" id "\",\"title\":\"a title\",\"file\":\"f.c\"}\n"

static void setup(void)
{
    static const char lines[] =
        CASE_LINE("OBJ-01.1") CASE_LINE("CALL-01.1") CASE_LINE("CALL-02.1") CASE_LINE("CALL-02.2");
    ck_assert(catalogue_parse(&catalogue, lines, sizeof(lines) - 1, &text));
    summary_begin(&summary, &catalogue);
}

static void teardown(void)
{
    summary_finish(&summary);
    catalogue_finish(&catalogue);
    text_finish(&text);
}

static void add(size_t position, unsigned rep, enum verdict verdict, const char *reason)
{
    struct case_result *result = allocate(sizeof(*result));
    result->job = (struct job){.item = &catalogue.cases[position], .rep = rep, .index = 1};
    result->verdict = verdict;
    text_puts(&result->reason, reason);
    static const char observe[] = "{\"event\":\"observe\",\"what\":\"code\",\"seen\":\"rcOk\"}\n";
    case_log_read(&result->log, observe, sizeof(observe) - 1, "X-1.1", 1, &result->lines);
    summary_add(&summary, result);
    case_result_finish(result);
    free(result);
}

static void expect_last_line(const struct summary_ending *ending, const char *line)
{
    text_clear(&text);
    summary_last_line(&summary, ending, &text);
    ck_assert_str_eq(text_string(&text), line);
}

static void expect_summary(const struct summary_ending *ending, const char *words)
{
    text_clear(&text);
    summary_text(&summary, ending, false, &text);
    ck_assert_msg(strstr(text_string(&text), words) != NULL, "%s", text_string(&text));
}

START_TEST(conformant)
{
    struct summary_ending ending = {.planned = 3, .whole = true, .profile = "ce-1.2"};
    add(0, 1, VERDICT_PASS, "");
    add(1, 1, VERDICT_OBSERVED, "");
    add(2, 1, VERDICT_SKIP, "the adapter has no processes");
    expect_last_line(&ending,
                     "ipc-cts: 3 cases: 1 PASS, 1 OBSERVED, 1 SKIP; conformant for ce-1.2");
    ending.extent = CTS_EXTENT_SMOKE;
    expect_last_line(&ending,
                     "ipc-cts: 3 cases: 1 PASS, 1 OBSERVED, 1 SKIP; conformant for ce-1.2 (smoke)");
    ending.extent = CTS_EXTENT_STANDARD;
    expect_summary(&ending, "  the adapter has no processes  [CALL-02.1]\n");
    expect_summary(&ending, "  code = rcOk  [CALL-01.1]\n");
    ending.whole = false;
    expect_last_line(
        &ending, "ipc-cts: 3 cases: 1 PASS, 1 OBSERVED, 1 SKIP; no deviation in what was selected");
    add(3, 1, VERDICT_INCONCLUSIVE, "noisy");
    ending.planned = 4;
    expect_last_line(&ending,
                     "ipc-cts: 4 cases: 1 PASS, 1 OBSERVED, 1 INCONCLUSIVE, 1 SKIP; undecided");
}
END_TEST

static void add_window(size_t position, const char *lines)
{
    struct case_result *result = allocate(sizeof(*result));
    result->job = (struct job){.item = &catalogue.cases[position], .rep = 1, .index = 1};
    result->verdict = VERDICT_PASS;
    case_log_read(&result->log, lines, strlen(lines), "X-1.1", 1, &result->lines);
    summary_add(&summary, result);
    case_result_finish(result);
    free(result);
}

START_TEST(race_windows)
{
    struct summary_ending ending = {
        .planned = 3, .whole = true, .profile = "ce-1.2", .extent = CTS_EXTENT_SOAK};
    static const char search[] =
        "{\"event\":\"search\",\"window\":\"w\"}\n"
        "{\"event\":\"window\",\"window\":\"w\",\"trials\":300,\"phases\":{\"taken\":200,"
        "\"after\":100},\"overlaps\":{\"trigger first\":70,\"rival first\":60},\"missing\":[]}\n";
    static const char lacking[] =
        "{\"event\":\"search\",\"window\":\"v\"}\n"
        "{\"event\":\"window\",\"window\":\"v\",\"trials\":7,\"phases\":{\"before\":7},"
        "\"overlaps\":{\"trigger first\":0,\"rival first\":0},\"missing\":[\"x\"]}\n";
    add_window(2, search);
    add_window(1, lacking);
    add_window(2, search);
    expect_summary(&ending,
                   "  CALL-01.1         7       7        -       -       -       -  0 + 0  not all "
                   "reached often enough\n"
                   "  CALL-02.1       600       -        -       -     400     200  140 + 120\n");
    ending.extent = CTS_EXTENT_STANDARD;
    text_clear(&text);
    summary_text(&summary, &ending, false, &text);
    ck_assert_ptr_null(strstr(text_string(&text), "Race windows"));
}
END_TEST

START_TEST(deviating)
{
    struct summary_ending ending = {.planned = 4, .whole = true, .profile = "ce-1.2"};
    add(0, 1, VERDICT_BROKEN, "x");
    add(1, 1, VERDICT_PASS, "");
    add(2, 1, VERDICT_PASS, "");
    add(3, 1, VERDICT_CRASH, "SIGSEGV");
    expect_last_line(&ending, "ipc-cts: 4 cases: 1 CRASH, 1 BROKEN, 2 PASS; not conformant: "
                              "CALL-02; could not be tested: OBJ-01");
    expect_summary(&ending, "  CALL-02   derived  a taken CallEx is not interrupted\n");
    expect_summary(&ending, "     2  PASS\n");
}
END_TEST

/* What is left after cases says nothing of their requirements, and comes after what is violated. */
START_TEST(something_left)
{
    struct summary_ending ending = {.planned = 4, .whole = true, .profile = "ce-1.2"};
    add(0, 1, VERDICT_LEAK, "no object outlives its handles");
    add(1, 1, VERDICT_PASS, "");
    add(2, 1, VERDICT_PASS, "");
    expect_last_line(&ending,
                     "ipc-cts: 3 of 4 cases: 1 LEAK, 2 PASS; not conformant, something left "
                     "in cases of: OBJ-01");
    add(3, 1, VERDICT_FAIL, "x");
    expect_last_line(&ending, "ipc-cts: 4 cases: 1 FAIL, 1 LEAK, 2 PASS; not conformant: CALL-02; "
                              "something left in cases of: OBJ-01");
    expect_summary(&ending, "Requirements with a failed case:\n  CALL-02 ");
    expect_summary(&ending, "\nOnly something left behind (LEAK) in cases of:\n  OBJ-01\n");
}
END_TEST

START_TEST(unfinished)
{
    struct summary_ending ending = {
        .planned = 4, .whole = true, .interrupted = true, .profile = "ce-1.2"};
    expect_last_line(&ending, "ipc-cts: 0 of 4 cases; interrupted");
    add(0, 1, VERDICT_PASS, "");
    expect_last_line(&ending, "ipc-cts: 1 of 4 cases: 1 PASS; interrupted");
    ending.interrupted = false;
    ending.internal_error = true;
    ending.planned = 1;
    expect_last_line(&ending, "ipc-cts: 1 case: 1 PASS; the harness failed");
}
END_TEST

START_TEST(all_skipped_and_mixed)
{
    struct summary_ending ending = {.planned = 2, .whole = true, .profile = "ce-1.2"};
    add(0, 1, VERDICT_SKIP, "bad \033[2J reason");
    add(1, 1, VERDICT_SKIP, "bad \033[2J reason");
    expect_last_line(&ending, "ipc-cts: 2 cases: 2 SKIP; nothing was tested");
    expect_summary(&ending, "every selected case was skipped");
    expect_summary(&ending, "  bad \\x1B[2J reason  [OBJ-01.1 to CALL-01.1, 2 times]\n");
    add(0, 2, VERDICT_PASS, "");
    ending.planned = 4;
    ending.repeat = 2;
    expect_last_line(&ending, "ipc-cts: 3 of 4 runs of 2 cases: 1 PASS, 2 SKIP; "
                              "conformant for ce-1.2");
    expect_summary(&ending, "Mixed results:\n  OBJ-01.1: PASS SKIP\n");
}
END_TEST

static struct case_result *failing_result(void)
{
    static const char log[] =
        "{\"event\":\"invoke\",\"op\":1,\"actor\":\"cl\\u001bient\",\"call\":\"CallEx\"}\n"
        "{\"event\":\"stage\",\"actor\":\"client\",\"state\":\"blocked in CallEx\"}\n"
        "{\"event\":\"complete\",\"verdict\":\"FAIL\",\"reason\":\"# TODO\\nok 1\",\"expected\":"
        "\"rcOk\",\"observed\":\"\\u202ercBusy\",\"file\":\"f.c\",\"line\":12,\"checks\":4}\n";
    struct case_result *result = allocate(sizeof(*result));
    result->job = (struct job){.item = &catalogue.cases[2], .rep = 2, .index = 3};
    case_log_read(&result->log, log, sizeof(log) - 1, "CALL-02.1", 2, &result->lines);
    result->verdict = VERDICT_FAIL;
    result->report.ending = KEEPER_EXITED;
    result->report.exit_status = 1;
    result->report.duration_ns = 1234567;
    text_puts(&result->reason, result->log.record.reason);
    text_puts(&result->output, "one\ntwo\033[31m\n");
    text_puts(&result->repro, "ipc-cts debug CALL-02.1 --sut ./x.so");
    return result;
}

START_TEST(failure_text)
{
    struct case_result *result = failing_result();
    progress_failure_text(result, false, &text);
    ck_assert_str_eq(text_string(&text),
                     "FAIL CALL-02.1  a title\n"
                     "  requirement  CALL-02 (derived): a taken CallEx is not interrupted\n"
                     "  why          # TODO\\nok 1\n"
                     "  expected     rcOk\n"
                     "  seen         \\u202ErcBusy\n"
                     "  threads      client: blocked in CallEx\n"
                     "  in flight    CallEx (cl\\x1Bient)\n"
                     "  source       ce-1.2, page A, paragraph 3\n"
                     "  at           f.c:12\n"
                     "  output       one\n"
                     "               two\\x1B[31m\n"
                     "  rerun        ipc-cts debug CALL-02.1 --sut ./x.so\n");
    case_result_finish(result);
    free(result);
}
END_TEST

START_TEST(event_lines)
{
    struct case_result *result = failing_result();
    struct text start = {0};
    struct text end = {0};
    runlog_case_lines(result, &start, &end);
    ck_assert_str_eq(
        text_string(&start),
        "{\"event\":\"case_start\",\"case\":\"CALL-02.1\",\"rep\":2,\"index\":3,"
        "\"requirement\":\"CALL-02\",\"strength\":\"derived\",\"claim\":\"a taken CallEx is not "
        "interrupted\",\"title\":\"a title\",\"file\":\"f.c\",\"layout\":\"\","
        "\"suspect\":null}\n");
    ck_assert_str_eq(
        text_string(&end),
        "{\"event\":\"case_end\",\"case\":\"CALL-02.1\",\"rep\":2,\"verdict\":\"FAIL\","
        "\"reason\":\"# TODO\\nok 1\",\"expected\":\"rcOk\",\"observed\":"
        "\"\xe2\x80\xaercBusy\",\"at\":{\"file\":\"f.c\",\"line\":12},\"checks\":4,"
        "\"duration_ms\":1.234,\"signal\":null,\"exit_code\":1,\"output_bytes\":0,"
        "\"output\":\"one\\ntwo\\u001b[31m\\n\",\"strays\":0,"
        "\"repro\":\"ipc-cts debug CALL-02.1 --sut ./x.so\"}\n");
    text_finish(&start);
    text_finish(&end);
    case_result_finish(result);
    free(result);
}
END_TEST

/* Splits a command line at blanks; the words live until the end of the test. */
static enum options_result parse(struct options *options, const char *line)
{
    static char words[256];
    static char *argv[16];
    int argc = 0;
    ck_assert_uint_lt(strlen(line), sizeof(words));
    memcpy(words, line, strlen(line) + 1);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return options_parse(options, argc, argv);
}

START_TEST(options_good)
{
    struct options options;
    ck_assert_int_eq(setenv("IPCTS_TIMEOUT_FACTOR", "2.5", 1), 0);
    ck_assert_int_eq(setenv("IPCTS_SEED", "0x10", 1), 0);
    ck_assert_int_eq(setenv("NO_COLOR", "1", 1), 0);
    ck_assert_int_eq(parse(&options, "ipc-cts run CALL --sut a.so OBJ-01 -j 3 --tap-file f"),
                     OPTIONS_RUN);
    ck_assert_int_eq(options.verb, VERB_RUN);
    ck_assert_uint_eq(options.id_count, 2);
    ck_assert_str_eq(options.ids[1], "OBJ-01");
    ck_assert_str_eq(options.sut, "a.so");
    ck_assert_uint_eq(options.jobs, 3);
    ck_assert_uint_eq(options.tap, 13);
    ck_assert_uint_eq(options.seed, 16);
    ck_assert_double_eq(options.timeout_factor, 2.5);
    ck_assert_int_eq(options.color, COLOR_NEVER);
}
END_TEST

START_TEST(options_override_the_environment)
{
    struct options options;
    ck_assert_int_eq(setenv("IPCTS_TIMEOUT_FACTOR", "2.5", 1), 0);
    ck_assert_int_eq(setenv("IPCTS_SEED", "5", 1), 0);
    ck_assert_int_eq(parse(&options, "./bin/ipc-cts run --timeout-factor 3 --seed 6 --tap=14 -q"),
                     OPTIONS_RUN);
    ck_assert_double_eq(options.timeout_factor, 3);
    ck_assert_uint_eq(options.seed, 6);
    ck_assert_uint_eq(options.tap, 14);
    ck_assert_str_eq(options.program, "./bin/ipc-cts");
}
END_TEST

START_TEST(options_of_documents)
{
    struct options options;
    ck_assert_int_eq(
        parse(&options, "ipc-cts run --junit j --json s --html h --matrix m --events e"),
        OPTIONS_RUN);
    ck_assert_str_eq(options.junit, "j");
    ck_assert_str_eq(options.json_file, "s");
    ck_assert_str_eq(options.html, "h");
    ck_assert_str_eq(options.matrix, "m");
    ck_assert_uint_eq(options.tap, 0);
    /* These read their words themselves. */
    ck_assert_int_eq(parse(&options, "ipc-cts explain CALL-01.1 --rep 2"), OPTIONS_RUN);
    ck_assert_int_eq(options.verb, VERB_EXPLAIN);
    ck_assert_uint_eq(options.id_count, 3);
    ck_assert_str_eq(options.ids[2], "2");
    ck_assert_int_eq(parse(&options, "ipc-cts help diff"), OPTIONS_RUN);
    ck_assert_int_eq(options.verb, VERB_DIFF);
    ck_assert_uint_eq(options.id_count, 1);
    ck_assert_str_eq(options.ids[0], "--help");
}
END_TEST

static const char *const wrong_lines[] = {
    "ipc-cts",
    "ipc-cts frobnicate",
    "ipc-cts run --frobnicate",
    "ipc-cts list --sut x",
    "ipc-cts run --jobs 0",
    "ipc-cts run --jobs -1",
    "ipc-cts run --jobs 1x",
    "ipc-cts run --jobs 99999999999999999999",
    "ipc-cts run --repeat 0",
    "ipc-cts run --timeout-factor 0",
    "ipc-cts run --timeout-factor nan",
    "ipc-cts run --timeout-factor 1e9",
    "ipc-cts run --tap=12",
    "ipc-cts run --color=red",
    "ipc-cts run --seed 4294967296",
    "ipc-cts run -q -v",
    "ipc-cts run --sut",
    "ipc-cts show",
    "ipc-cts debug",
    "ipc-cts debug A B",
    "ipc-cts doctor CALL",
    "ipc-cts run --junit -",
    "ipc-cts list --html x",
};

START_TEST(options_wrong)
{
    struct options options;
    ck_assert_int_eq(parse(&options, wrong_lines[_i]), OPTIONS_WRONG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_summary");
    TCase *tests = tcase_create("summary");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, conformant);
    tcase_add_test(tests, race_windows);
    tcase_add_test(tests, deviating);
    tcase_add_test(tests, something_left);
    tcase_add_test(tests, unfinished);
    tcase_add_test(tests, all_skipped_and_mixed);
    tcase_add_test(tests, failure_text);
    tcase_add_test(tests, event_lines);
    tcase_add_test(tests, options_good);
    tcase_add_test(tests, options_of_documents);
    tcase_add_test(tests, options_override_the_environment);
    tcase_add_loop_test(tests, options_wrong, 0,
                        (int)(sizeof(wrong_lines) / sizeof(wrong_lines[0])));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

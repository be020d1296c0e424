/* SPDX-License-Identifier: Apache-2.0 */
/* Logs and probe reports as a hostile library may leave them. */
#include "case_log.h"
#include "target.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct case_log case_log;
static struct text lines;
static struct text scratch;

#define COMPLETE                                                                                   \
    "{\"event\":\"complete\",\"verdict\":\"PASS\",\"reason\":\"\",\"expected\":null,"              \
    "\"observed\":null,\"file\":null,\"line\":0,\"checks\":2}\n"
#define INVOKE(op, call)                                                                           \
    "{\"event\":\"invoke\",\"op\":" #op ",\"actor\":\"client\",\"call\":\"" call "\"}\n"
#define RETURN(op) "{\"event\":\"return\",\"op\":" #op ",\"actor\":\"client\",\"call\":\"x\"}\n"

static void teardown(void)
{
    case_log_finish(&case_log);
    text_finish(&lines);
    text_finish(&scratch);
}

static void read_again(const char *data, size_t size)
{
    case_log_finish(&case_log);
    text_clear(&lines);
    case_log_read(&case_log, data, size, "CALL-01.1", 3, &lines);
}

static void read_log(const char *data)
{
    read_again(data, strlen(data));
}

START_TEST(good_log)
{
    read_log(
        "{\"event\":\"check\",\"ok\":true}\n"
        "{\"event\":\"observe\",\"what\":\"result\",\"seen\":\"rcOk\"}\n"
        "{\"event\":\"stage\",\"actor\":\"a\",\"state\":\"blocked\",\"how\":\"hook\"}\n" COMPLETE);
    ck_assert(!case_log.damaged);
    ck_assert_uint_eq(case_log.records, 1);
    ck_assert(case_log.record.valid);
    ck_assert_int_eq(case_log.record.verdict, VERDICT_PASS);
    ck_assert_double_eq(case_log.record.checks, 2);
    ck_assert(!case_log.after_record);
    ck_assert(!case_log.failed_check);
    ck_assert_uint_eq(case_log.observed.count, 1);
    ck_assert_str_eq(case_log.stages.items[0].second, "blocked");
    const char *first = "{\"event\":\"check\",\"case\":\"CALL-01.1\",\"rep\":3,\"ok\":true}\n";
    ck_assert_int_eq(strncmp(text_string(&lines), first, strlen(first)), 0);
}
END_TEST

START_TEST(calls_in_flight)
{
    read_log(INVOKE(1, "Create") RETURN(1) INVOKE(2, "CallEx") INVOKE(3, "Set") RETURN(9));
    ck_assert_uint_eq(case_log.invokes, 3);
    case_log_in_flight(&case_log, &scratch);
    ck_assert_str_eq(text_string(&scratch), "CallEx (client), Set (client)");
    ck_assert_uint_eq(case_log.records, 0);
}
END_TEST

#define SEARCH "{\"event\":\"search\",\"window\":\"Set against Reply\"}\n"

START_TEST(windows_are_counted)
{
    read_log(SEARCH);
    ck_assert_str_eq(case_log_searching(&case_log), "Set against Reply");
    read_log(SEARCH "{\"event\":\"window\",\"window\":\"Set against Reply\",\"trials\":9,"
                    "\"phases\":{\"taken\":5,\"after\":-1},\"overlaps\":{\"trigger first\":3},"
                    "\"missing\":[\"after\"]}\n");
    ck_assert_ptr_null(case_log_searching(&case_log));
    ck_assert_uint_eq(case_log.window_count, 1);
    const struct log_window *window = &case_log.windows[0];
    ck_assert_uint_eq(window->trials, 9);
    ck_assert(window->has[3] && window->has[4] && !window->has[0]);
    ck_assert_uint_eq(window->phases[3], 5);
    ck_assert_uint_eq(window->phases[4], 0);
    ck_assert_uint_eq(window->overlaps[0], 3);
    ck_assert_uint_eq(window->overlaps[1], 0);
    ck_assert_uint_eq(window->missing, 1);
    /* One that nobody began is passed on and not counted. */
    read_log("{\"event\":\"window\",\"trials\":1}\n");
    ck_assert_uint_eq(case_log.window_count, 0);
}
END_TEST

START_TEST(many_calls_in_flight)
{
    for (int i = 0; i < 20; i++) {
        text_printf(&scratch,
                    "{\"event\":\"invoke\",\"op\":%d,\"actor\":\"a\",\"call\":\"Call\"}\n", i);
    }
    read_log(text_string(&scratch));
    text_clear(&scratch);
    case_log_in_flight(&case_log, &scratch);
    ck_assert_ptr_nonnull(strstr(text_string(&scratch), " and 12 more"));
}
END_TEST

/* Each of these stands between a good line and a record that must not be reached. */
static const char *const damages[] = {
    "x\n",
    "\n",
    "{}\n",
    "[]\n",
    "\"event\"\n",
    "{\"event\":1}\n",
    "{\"event\":\"check\"\n",
    "{\"event\":\"check\"} {\"event\":\"check\"}\n",
    "{\"event\":\"check\",\"text\":\"\xff\"}\n",
    "{\"event\":\"case_end\",\"verdict\":\"PASS\"}\n",
    "{\"event\":\"case_start\"}\n",
    "{\"event\":\"run_start\"}\n",
    "{\"event\":\"run_end\"}\n",
};

START_TEST(damage_ends_the_log)
{
    text_puts(&scratch, INVOKE(1, "Call"));
    size_t at = scratch.size;
    text_puts(&scratch, damages[_i]);
    text_puts(&scratch, COMPLETE);
    read_log(text_string(&scratch));
    ck_assert(case_log.damaged);
    ck_assert_uint_eq(case_log.damaged_at, at);
    ck_assert_uint_eq(case_log.records, 0);
    ck_assert_uint_eq(case_log.invokes, 1);
    ck_assert_ptr_eq(strchr(text_string(&lines), '\n'), lines.data + lines.size - 1);
}
END_TEST

START_TEST(lines_that_are_cut)
{
    static const char whole[] = INVOKE(1, "Call") COMPLETE;
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        read_again(whole, size);
        ck_assert_uint_eq(case_log.records, 0);
        bool at_end_of_line = size == 0 || whole[size - 1] == '\n';
        ck_assert_int_eq(case_log.damaged, !at_end_of_line);
    }
    static const char zero[] = "{\"event\":\"check\",\"text\":\"a\0b\"}\n";
    read_again(zero, sizeof(zero) - 1);
    ck_assert(case_log.damaged);
}
END_TEST

START_TEST(deep_nesting)
{
    text_puts(&scratch, "{\"event\":\"check\",\"x\":");
    for (int i = 0; i < 100000; i++) {
        text_puts(&scratch, "[");
    }
    text_puts(&scratch, "\n");
    read_log(text_string(&scratch));
    ck_assert(case_log.damaged);
}
END_TEST

START_TEST(records)
{
    read_log(COMPLETE COMPLETE);
    ck_assert_uint_eq(case_log.records, 2);
    read_log(COMPLETE INVOKE(1, "Call"));
    ck_assert(case_log.after_record);
    read_log("{\"event\":\"complete\"}\n");
    ck_assert(!case_log.record.valid);
    read_log("{\"event\":\"complete\",\"verdict\":\"pass\",\"checks\":1}\n");
    ck_assert(!case_log.record.valid);
    read_log("{\"event\":\"complete\",\"verdict\":\"PASS\",\"checks\":\"1\"}\n");
    ck_assert(!case_log.record.valid);
    read_log("{\"event\":\"complete\",\"verdict\":\"PASS\",\"checks\":-1}\n");
    ck_assert(!case_log.record.valid);
    read_log("{\"event\":\"complete\",\"verdict\":\"PASS\"}\n");
    ck_assert(!case_log.record.valid);
    read_log("{\"event\":\"check\",\"ok\":false}\n" COMPLETE);
    ck_assert(case_log.failed_check);
}
END_TEST

START_TEST(case_and_rep_are_ours)
{
    read_log("{\"case\":\"RECV-01.1\",\"event\":\"check\",\"rep\":9,\"text\":\"\\u001b\\n\"}\n");
    ck_assert_str_eq(text_string(&lines), "{\"event\":\"check\",\"case\":\"CALL-01.1\",\"rep\":3,"
                                          "\"text\":\"\\u001b\\n\"}\n");
    read_log("{\"event\":\"later version\",\"t_ns\":1234567890123456}\n");
    ck_assert(!case_log.damaged);
    ck_assert_ptr_nonnull(strstr(text_string(&lines), ":1234567890123456}"));
}
END_TEST

/* What the parser takes and JSON does not allow never goes on as it is. */
START_TEST(lines_of_other_writers)
{
    static const char head[] = "{\"event\":\"check\",\"case\":\"CALL-01.1\",\"rep\":3,";
    static const struct {
        const char *rest;
        const char *written;
    } samples[] = {
        {"\"n\":-12,\"m\":[0,1],\"o\":{}}", "\"n\":-12,\"m\":[0,1],\"o\":{}}"},
        {"\"n\":18446744073709551615}", "\"n\":18446744073709551615}"},
        {"\"n\":01}", "\"n\":1}"},
        {"\"n\":-}", NULL},
        {"\"n\":1.}", "\"n\":1}"},
        {"\"n\":1.50}", "\"n\":1.5}"},
        {"\"n\":1e2}", "\"n\":100}"},
        {"\"n\" :\t1}", "\"n\":1}"},
        {"\"s\":\"a\tb\"}", "\"s\":\"a\\tb\"}"},
        {"\"s\":\"\\\"\\u00e4 1. \"}", "\"s\":\"\\\"\\u00e4 1. \"}"},
        {"\"case\":\"A\",\"rep\":1,\"x\":1}", "\"x\":1}"},
        {"\"case\":\"A\",\"case\":\"B\",\"x\":1}", NULL},
        {"\"event\":\"case_end\",\"x\":1}", NULL},
        {"\"\\u0065vent\":\"case_end\",\"x\":1}", NULL},
        {"\"ok\":true,\"ok\":false}", NULL},
        {"\"s\":\"\\uZZZZ\"}", "\"s\":\"\"}"},
        {"\"s\":\"a\\u0000b\"}", "\"s\":\"a\"}"},
        {"\"s\":\"\\u001b\\\\u00\"}", "\"s\":\"\\u001b\\\\u00\"}"},
        {"\"\\u0063ase\":\"A\",\"x\":1}", "\"x\":1}"},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct text line = {0};
        struct text wanted = {0};
        text_printf(&line, "{\"event\":\"check\",%s\n", samples[i].rest);
        read_again(line.data, line.size);
        ck_assert_int_eq(case_log.damaged, samples[i].written == NULL);
        if (samples[i].written != NULL) {
            text_printf(&wanted, "%s%s\n", head, samples[i].written);
            ck_assert_str_eq(text_string(&lines), text_string(&wanted));
        }
        text_finish(&line);
        text_finish(&wanted);
    }
    read_log("{\"event\":\"ch\\u0065ck\",\"x\":1}\n");
    ck_assert_str_eq(text_string(&lines),
                     "{\"event\":\"check\",\"case\":\"CALL-01.1\",\"rep\":3,\"x\":1}\n");
    read_log("{\"event\":\"check\"}\n");
    ck_assert_str_eq(text_string(&lines),
                     "{\"event\":\"check\",\"case\":\"CALL-01.1\",\"rep\":3}\n");
}
END_TEST

START_TEST(shared_memory)
{
    struct log_file file;
    ck_assert(log_file_create(&file));
    ck_assert_uint_eq(file.area->magic, CTS_LOG_MAGIC);
    memcpy(file.area->data, COMPLETE, strlen(COMPLETE));
    atomic_store(&file.area->used, strlen(COMPLETE));
    case_log_read_area(&case_log, file.area, "CALL-01.1", 1, &lines);
    ck_assert_uint_eq(case_log.records, 1);
    case_log_finish(&case_log);
    atomic_store(&file.area->used, UINT64_MAX);
    case_log_read_area(&case_log, file.area, "CALL-01.1", 1, &lines);
    ck_assert(case_log.damaged);
    case_log_finish(&case_log);
    atomic_store(&file.area->used, 0);
    atomic_store(&file.area->full, 7);
    case_log_read_area(&case_log, file.area, "CALL-01.1", 1, &lines);
    ck_assert(case_log.full);
    /* A library that gets hold of it cannot pull the memory away from under us. */
    ck_assert_int_ne(ftruncate(file.fd, 0), 0);
    ck_assert_int_eq(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
    log_file_destroy(&file);
}
END_TEST

#define PROBE_REST                                                                                 \
    "\"missing_optional\":[\"KnHandleCopy\"],\"adapter\":{\"name\":\"x\",\"version\":1,"           \
    "\"later\":true},\"claims\":true,\"claimed\":[\"copy\",\"autoclear\",\"of-later\",7],"         \
    "\"present\":[\"autoclear\",\"stages\"],\"adapter_error\":null,\"clock_resolution_ns\":1,"     \
    "\"threads\":true,"                                                                            \
    "\"blocked_detection\":\"kernel\",\"freeze\":false,\"cpus\":2}\n"

static bool probe_output(struct probe *probe, const char *output)
{
    text_clear(&scratch);
    return probe_parse(probe, output, strlen(output), &scratch);
}

static void free_probe(struct probe *probe)
{
    struct target target = {.probe = *probe};
    target_finish(&target);
    *probe = (struct probe){0};
}

START_TEST(probe_reports)
{
    struct probe probe = {0};
    ck_assert(probe_output(&probe,
                           "{\"ok\":true}\nnoise\n{\"a\":1}\n"
                           "{\"ok\":true,\"load_error\":null,\"missing\":[]," PROBE_REST "bye\n"));
    ck_assert(probe.loaded && probe.claims.made && probe.threads && !probe.freeze);
    ck_assert_uint_eq(claims_absent(&probe.claims), CTS_CAPABILITY_BIT(CTS_CAN_COPY));
    ck_assert_uint_eq(claims_unclaimed(&probe.claims), CTS_CAPABILITY_BIT(CTS_CAN_STAGES));
    ck_assert_str_eq(probe.adapter_version, "1");
    ck_assert_str_eq(probe.missing_optional.items[0], "KnHandleCopy");
    free_probe(&probe);

    ck_assert(!probe_output(&probe, "{\"ok\":false,\"load_error\":null,\"missing\":[\"Call\","
                                    "\"Re\\u001bcv\"]," PROBE_REST));
    ck_assert_str_eq(text_string(&scratch), "lacks Call, Re\\x1Bcv");
    free_probe(&probe);
    /* Symbols that are missing outweigh a report that says all is well. */
    ck_assert(!probe_output(&probe, "{\"ok\":true,\"missing\":[\"Call\"]}"));
    free_probe(&probe);
    ck_assert(!probe_output(&probe, "{\"ok\":false,\"load_error\":\"a\\nb\"}"));
    ck_assert_str_eq(text_string(&scratch), "cannot be loaded: a\\nb");
    free_probe(&probe);
    ck_assert(!probe_output(&probe, "{\"ok\":false,\"adapter_error\":\"version 7\"}"));
    ck_assert_ptr_nonnull(strstr(text_string(&scratch), "version 7"));
    free_probe(&probe);
    ck_assert(!probe_output(&probe, "{\"ok\":false}"));
    free_probe(&probe);
    static const char *const none[] = {"", "\n\n", "ok\n", "{\"ok\":1}\n", "{\"ok\":true\n"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ck_assert(!probe_output(&probe, none[i]));
        ck_assert_str_eq(text_string(&scratch), "no report came back");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_log");
    TCase *tests = tcase_create("log");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, good_log);
    tcase_add_test(tests, calls_in_flight);
    tcase_add_test(tests, windows_are_counted);
    tcase_add_test(tests, many_calls_in_flight);
    tcase_add_loop_test(tests, damage_ends_the_log, 0, (int)(sizeof(damages) / sizeof(damages[0])));
    tcase_add_test(tests, lines_that_are_cut);
    tcase_add_test(tests, deep_nesting);
    tcase_add_test(tests, records);
    tcase_add_test(tests, case_and_rep_are_ours);
    tcase_add_test(tests, lines_of_other_writers);
    tcase_add_test(tests, shared_memory);
    tcase_add_test(tests, probe_reports);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

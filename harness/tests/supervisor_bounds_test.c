/* SPDX-License-Identifier: Apache-2.0 */
/* The constants of a worker: each mistake in them has the finding that is meant for it. */
#include "bounds.h"
#include "text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct constant {
    const char *name;
    double value;
};

#define CONSTANTS 8u
static const struct constant good[CONSTANTS] = {
    {"rest_limit_ms", 1500},       {"hang_limit_ms", 8000},
    {"case_limit_ms", 20000},      {"long_case_limit_ms", 60000},
    {"safety_ms", 600000},         {"infinite_timeout", 4294967295.0},
    {"invalid_handle", 0xffffffu}, {"rc_ok", 0}};

static struct text found;

static void note(void *context, enum bounds_finding finding, const char *name, const char *text)
{
    static const char *const words[] = {"ok", "notice", "problem"};
    (void)context;
    text_printf(&found, "%s %s: %s\n", words[finding], name, text);
}

static void teardown(void)
{
    text_finish(&found);
}

/* The constants above, with one of them changed, or left out for a value below zero. */
static void examine(const char *name, double value, double factor)
{
    struct bounds bounds = {0};
    for (size_t i = 0; i < CONSTANTS; i++) {
        bool changed = strcmp(good[i].name, name) == 0;
        if (!changed || value >= 0) {
            ck_assert(bounds_add(&bounds, good[i].name, changed ? value : good[i].value));
        }
    }
    text_clear(&found);
    bounds_examine(&bounds, factor, note, NULL);
}

static unsigned lines_with(const char *word)
{
    unsigned count = 0;
    for (const char *at = strstr(text_string(&found), word); at != NULL;
         at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

START_TEST(what_is_right_is_shown)
{
    examine("", 0, 1);
    ck_assert_uint_eq(lines_with("ok "), CONSTANTS);
    ck_assert_ptr_nonnull(strstr(text_string(&found), "ok hang limit: 8000 ms\n"));
    ck_assert_ptr_nonnull(strstr(text_string(&found), "ok INFINITE_TIMEOUT: 4294967295\n"));
    examine("", 0, 0.1);
    ck_assert_uint_eq(lines_with("ok "), CONSTANTS);
}
END_TEST

static const struct {
    const char *name;
    double value;
    const char *line;
} wrong[] = {
    /* A class that equals the one below it, as a port was once shipped with. */
    {"long_case_limit_ms", 20000,
     "problem long case limit: 20000 ms, and should be at least 2 times the case limit (20000)\n"},
    {"case_limit_ms", 8000, "problem case limit: 8000 ms, and should be at least 2 times the hang"},
    {"hang_limit_ms", 1500, "problem hang limit: 1500 ms, and should be at least 2 times the rest"},
    {"safety_ms", 60000, "problem safety timeout: 60000 ms, and should be at least 2 times"},
    {"rest_limit_ms", 1, "problem rest limit: 1 ms, and should be 100 to 10000\n"},
    {"hang_limit_ms", 8e6, "problem hang limit: 8000000 ms, and should be 1000 to 120000\n"},
    {"infinite_timeout", 0, "problem INFINITE_TIMEOUT: 0, and should be 3600000 to"},
    {"rc_ok", 1, "problem rcOk: 1, and should be 0 to 0\n"},
    {"invalid_handle", 1e12, "problem INVALID_HANDLE: 1000000000000, and should be"},
    {"safety_ms", -1, "problem safety timeout: the worker does not tell\n"},
};
#define WRONG_COUNT (sizeof(wrong) / sizeof(wrong[0]))

START_TEST(what_is_wrong_is_named)
{
    examine(wrong[_i].name, wrong[_i].value, 1);
    ck_assert_msg(strstr(text_string(&found), wrong[_i].line) != NULL, "%s", text_string(&found));
}
END_TEST

START_TEST(a_factor_can_go_too_far)
{
    examine("", 0, 100);
    ck_assert_uint_eq(lines_with("notice "), 1);
    ck_assert_uint_eq(lines_with("problem "), 0);
    ck_assert_ptr_nonnull(strstr(text_string(&found), "notice safety timeout: 600000 ms, which"));
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct bounds bounds = {0};
    ck_assert(!bounds_add(&bounds, "a_name_that_is_far_too_long_for_the_table", 1));
    for (unsigned i = 0; i < BOUNDS_MAX; i++) {
        ck_assert(bounds_add(&bounds, "x", i));
    }
    ck_assert(!bounds_add(&bounds, "x", 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_bounds");
    TCase *tests = tcase_create("bounds");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, what_is_right_is_shown);
    tcase_add_loop_test(tests, what_is_wrong_is_named, 0, (int)WRONG_COUNT);
    tcase_add_test(tests, a_factor_can_go_too_far);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogue, selection, and the order of a run. */
#include "catalogue.h"
#include "scheduler.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct catalogue catalogue;
static struct text message;

#define CASE_LINE(id, traits)                                                                      \
    "{\"id\":\"" id "\",\"title\":\"t\",\"file\":\"f.c\",\"layout\":\"one process\","              \
    "\"limit\":\"none\",\"traits\":[" traits "]}\n"

static const char lines[] = CASE_LINE("OBJ-01.1", "\"smoke\"") CASE_LINE("CALL-01.1", "")
    CASE_LINE("CALL-01.2", "\"opt_in\"") CASE_LINE("CALL-02.1", "\"exclusive\"")
        CASE_LINE("CALL-02.10", "\"long\",\"free_running\"") CASE_LINE("STATE-09.1", "");

static void setup(void)
{
    ck_assert(catalogue_parse(&catalogue, lines, sizeof(lines) - 1, &message));
    ck_assert_uint_eq(catalogue.count, 6);
}

static void teardown(void)
{
    catalogue_finish(&catalogue);
    text_finish(&message);
}

/* The selected ids in order, separated by spaces. */
static void expect_selected(enum selection result, const char *ids, const char *profile,
                            const char *expected)
{
    char *words[8];
    size_t count = 0;
    char *copy = copy_string(ids);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    text_clear(&message);
    ck_assert_int_eq(catalogue_select(&catalogue, words, count, profile, false, &message), result);
    struct text selected = {0};
    for (size_t i = 0; i < catalogue.count; i++) {
        if (catalogue.cases[i].selected) {
            text_printf(&selected, "%s%s", selected.size == 0 ? "" : " ", catalogue.cases[i].id);
        }
    }
    if (result != SELECTION_UNKNOWN) {
        ck_assert_str_eq(text_string(&selected), expected);
    }
    text_finish(&selected);
    free(copy);
}

START_TEST(ids_select)
{
    expect_selected(SELECTION_OK, "", NULL, "OBJ-01.1 CALL-01.1 CALL-02.1 CALL-02.10 STATE-09.1");
    expect_selected(SELECTION_OK, "", "ce-1.2", "OBJ-01.1 CALL-01.1 CALL-02.1 CALL-02.10");
    expect_selected(SELECTION_OK, "CALL", "ce-1.2", "CALL-01.1 CALL-02.1 CALL-02.10");
    expect_selected(SELECTION_OK, "CALL-02", "ce-1.2", "CALL-02.1 CALL-02.10");
    expect_selected(SELECTION_OK, "CALL-02.1", "ce-1.2", "CALL-02.1");
    expect_selected(SELECTION_OK, "call-02.10 obj", "ce-1.2", "OBJ-01.1 CALL-02.10");
    expect_selected(SELECTION_OK, "CALL-02.1 CALL-02 CALL-02.1", "ce-1.2", "CALL-02.1 CALL-02.10");
}
END_TEST

START_TEST(opt_in_wants_to_be_asked_for)
{
    expect_selected(SELECTION_OK, "CALL-01.2", "ce-1.2", "CALL-01.2");
    expect_selected(SELECTION_OK, "CALL-01", "ce-1.2", "CALL-01.1 CALL-01.2");
    ck_assert_int_eq(catalogue_select(&catalogue, NULL, 0, NULL, true, &message), SELECTION_OK);
    ck_assert_uint_eq(catalogue_selected(&catalogue), 6);
}
END_TEST

START_TEST(unknown_ids_have_hints)
{
    expect_selected(SELECTION_UNKNOWN, "CALL-2", "ce-1.2", "");
    ck_assert_ptr_nonnull(strstr(text_string(&message), "did you mean CALL-02"));
    expect_selected(SELECTION_UNKNOWN, "CALL CAL", "ce-1.2", "");
    ck_assert_ptr_nonnull(strstr(text_string(&message), "CALL"));
    expect_selected(SELECTION_UNKNOWN, "CALL-02.3", "ce-1.2", "");
    ck_assert_ptr_nonnull(strstr(text_string(&message), "CALL-02.1"));
    expect_selected(SELECTION_UNKNOWN, "CALL-0", "ce-1.2", "");
    expect_selected(SELECTION_UNKNOWN, "CALL-02.", "ce-1.2", "");
    expect_selected(SELECTION_UNKNOWN, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "ce-1.2", "");
    ck_assert_ptr_nonnull(strstr(text_string(&message), "ipc-cts list"));
    expect_selected(SELECTION_UNKNOWN, "\033[2J", "ce-1.2", "");
    ck_assert_ptr_null(strchr(text_string(&message), '\033'));
    ck_assert_ptr_null(strchr(text_string(&message), '\n'));
    expect_selected(SELECTION_UNKNOWN, "CALL", "ce-1", "");
    ck_assert_str_eq(text_string(&message), "unknown profile ce-1");
}
END_TEST

START_TEST(nothing_left_says_why)
{
    expect_selected(SELECTION_NOTHING, "STATE", "ce-1.2", "");
    expect_selected(SELECTION_NOTHING, "STATE-09", "ce-1.2", "");
    ck_assert_ptr_nonnull(strstr(text_string(&message), "STATE-09 is not part of ce-1.2"));
    expect_selected(SELECTION_NOTHING, "PERF-01", "ce-1.2", "");
    ck_assert_ptr_nonnull(strstr(text_string(&message), "no way to see it"));
}
END_TEST

START_TEST(lists_that_are_refused)
{
    static const char *const bad[] = {
        "",
        "\n",
        "no JSON\n",
        "[]\n",
        "{}\n",
        CASE_LINE("CALL-01", ""),
        CASE_LINE("CALL-01.", ""),
        CASE_LINE("call-01.1", ""),
        CASE_LINE("CALL-01.1x", ""),
        CASE_LINE("CALL-01.1", "") CASE_LINE("CALL-01.1", ""),
    };
    struct catalogue other = {0};
    text_clear(&message);
    ck_assert(!catalogue_parse(&other, bad[_i], strlen(bad[_i]), &message));
    ck_assert_uint_ne(message.size, 0);
    catalogue_finish(&other);
}
END_TEST

START_TEST(requirement_is_joined)
{
    ck_assert_str_eq(case_strength(&catalogue.cases[3]), "derived");
    ck_assert_str_eq(case_claim(&catalogue.cases[1]), "a queued CallEx is interrupted");
    ck_assert_uint_eq(catalogue.cases[4].traits, CTS_LONG | CTS_FREE_RUNNING);
    ck_assert_str_eq(catalogue.cases[4].requirement_id, "CALL-02");
    struct catalogue other = {0};
    const char *line = CASE_LINE("NEW-01.1", "");
    ck_assert(catalogue_parse(&other, line, strlen(line), &message));
    ck_assert_ptr_null(other.cases[0].requirement);
    ck_assert_str_eq(case_claim(&other.cases[0]), "t");
    catalogue_finish(&other);
}
END_TEST

START_TEST(strength_follows_the_profile)
{
    expect_selected(SELECTION_OK, "CALL-02.1", "ce-1.3", "CALL-02.1");
    ck_assert_str_eq(case_strength(&catalogue.cases[3]), "must");
    expect_selected(SELECTION_OK, "CALL-02.1", "ce-1.2", "CALL-02.1");
    ck_assert_str_eq(case_strength(&catalogue.cases[3]), "derived");
    expect_selected(SELECTION_OK, "CALL-02.1", NULL, "CALL-02.1");
    ck_assert_str_eq(case_strength(&catalogue.cases[3]), "derived");
    const struct cts_requirement *row = requirement_find("CALL-02");
    ck_assert_str_eq(requirement_strength(row, "ce-1.1"), "open");
    ck_assert_str_eq(requirement_strength(row, "ce-1"), "derived");
    ck_assert_str_eq(requirement_strength(row, "ce-1.33"), "derived");
}
END_TEST

START_TEST(a_case_without_a_review_of_this_text_is_suspect)
{
    ck_assert_ptr_null(catalogue.cases[0].suspect);
    ck_assert_str_eq(catalogue.cases[2].suspect, "no review is recorded");
    ck_assert_str_eq(catalogue.cases[5].suspect,
                     "reviewed against 000000000000, and STATE-09 reads 999999999999 now");
    struct text words = {0};
    expect_selected(SELECTION_OK, "", "ce-1.2", "OBJ-01.1 CALL-01.1 CALL-02.1 CALL-02.10");
    ck_assert_uint_eq(catalogue_suspects(&catalogue, &words), 0);
    ck_assert_int_eq(catalogue_select(&catalogue, NULL, 0, NULL, true, &message), SELECTION_OK);
    ck_assert_uint_eq(catalogue_suspects(&catalogue, &words), 2);
    ck_assert_str_eq(text_string(&words), "CALL-01, STATE-09");
    text_finish(&words);
}
END_TEST

static void plan_words(const struct plan *plan, struct text *text)
{
    text_clear(text);
    for (size_t i = 0; i < plan->count; i++) {
        text_printf(text, "%s/%u/%u ", plan->jobs[i].item->id, plan->jobs[i].rep,
                    plan->jobs[i].index);
    }
}

START_TEST(plan_order)
{
    struct plan plan = {0};
    struct text words = {0};
    struct text again = {0};
    expect_selected(SELECTION_OK, "", "ce-1.2", "OBJ-01.1 CALL-01.1 CALL-02.1 CALL-02.10");
    plan_make(&plan, &catalogue, 2, false, 1);
    plan_words(&plan, &words);
    ck_assert_str_eq(text_string(&words),
                     "CALL-02.10/1/4 CALL-02.10/2/4 OBJ-01.1/1/1 CALL-01.1/1/2 OBJ-01.1/2/1 "
                     "CALL-01.1/2/2 CALL-02.1/1/3 CALL-02.1/2/3 ");
    plan_finish(&plan);
    plan_make(&plan, &catalogue, 50, true, 7);
    plan_words(&plan, &words);
    ck_assert_uint_eq(plan.count, 200);
    for (size_t i = 0; i < plan.count; i++) {
        /* Exclusive cases stay last. */
        ck_assert_int_eq((plan.jobs[i].item->traits & CTS_EXCLUSIVE) != 0, i >= 150);
    }
    plan_finish(&plan);
    plan_make(&plan, &catalogue, 50, true, 7);
    plan_words(&plan, &again);
    ck_assert_str_eq(text_string(&words), text_string(&again));
    plan_finish(&plan);
    plan_make(&plan, &catalogue, 50, true, 8);
    plan_words(&plan, &again);
    ck_assert_str_ne(text_string(&words), text_string(&again));
    plan_finish(&plan);
    text_finish(&words);
    text_finish(&again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_select");
    TCase *tests = tcase_create("selection");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, ids_select);
    tcase_add_test(tests, opt_in_wants_to_be_asked_for);
    tcase_add_test(tests, unknown_ids_have_hints);
    tcase_add_test(tests, nothing_left_says_why);
    tcase_add_loop_test(tests, lists_that_are_refused, 0, 10);
    tcase_add_test(tests, requirement_is_joined);
    tcase_add_test(tests, strength_follows_the_profile);
    tcase_add_test(tests, a_case_without_a_review_of_this_text_is_suspect);
    tcase_add_test(tests, plan_order);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogue, selection, and the order of a run. */
#include "catalogue.h"
#include "profile.h"
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

static void expect_extent(const char *ids, enum cts_extent extent, enum selection result,
                          size_t count)
{
    expect_selected(SELECTION_OK, ids, "ce-1.2",
                    ids[0] == '\0' ? "OBJ-01.1 CALL-01.1 CALL-02.1 CALL-02.10"
                                   : "CALL-01.1 CALL-02.1 CALL-02.10");
    ck_assert_int_eq(catalogue_keep_extent(&catalogue, extent, &message), result);
    ck_assert_uint_eq(catalogue_selected(&catalogue), count);
}

START_TEST(smoke_keeps_its_cases_only)
{
    expect_extent("", CTS_EXTENT_STANDARD, SELECTION_OK, 4);
    expect_extent("", CTS_EXTENT_SOAK, SELECTION_OK, 4);
    expect_extent("", CTS_EXTENT_SMOKE, SELECTION_OK, 1);
    ck_assert(catalogue.cases[0].selected);
    expect_extent("CALL", CTS_EXTENT_SMOKE, SELECTION_NOTHING, 0);
    ck_assert_str_eq(text_string(&message),
                     "nothing selected: no case of the given ids belongs to smoke");
}
END_TEST

static void expect_profile(const char *value, const char *edition, enum cts_extent extent)
{
    struct profile profile;
    ck_assert_msg(profile_parse(&profile, value), "%s", value);
    ck_assert_str_eq(profile.edition, edition);
    ck_assert_int_eq(profile.extent, extent);
}

START_TEST(a_profile_is_an_edition_an_extent_or_both)
{
    expect_profile("ce-1.3", "ce-1.3", CTS_EXTENT_STANDARD);
    expect_profile("smoke", "", CTS_EXTENT_SMOKE);
    expect_profile("standard", "", CTS_EXTENT_STANDARD);
    expect_profile("soak,ce-1.4", "ce-1.4", CTS_EXTENT_SOAK);
    expect_profile("ce-1.4,soak", "ce-1.4", CTS_EXTENT_SOAK);
    expect_profile("Smoke", "Smoke", CTS_EXTENT_STANDARD); /* an edition that does not exist */
    static const char *const wrong[] = {"",
                                        ",",
                                        "soak,",
                                        ",soak",
                                        "soak,,ce-1.2",
                                        "soak,smoke",
                                        "soak,soak",
                                        "ce-1.2,ce-1.3",
                                        "an-edition-with-a-name-of-32-chars"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct profile profile;
        ck_assert_msg(!profile_parse(&profile, wrong[i]), "%s", wrong[i]);
    }
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
    ck_assert_str_eq(text_string(&message), "unknown profile ce-1; editions are ce-1.2, ce-1.3, "
                                            "ce-1.4, extents are standard, smoke, soak");
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

/* The ids in the order in which `slots` slots start them, a space between; `ends` says which of the
 * running ends next. */
static void started(const struct plan *plan, unsigned slots, size_t working_most,
                    bool waiting_ends_first, struct text *text)
{
    struct plan_position position = plan_begin(plan);
    struct plan_load load = {.slots = slots, .working_most = working_most};
    text_clear(text);
    for (size_t done = 0; done < plan->count;) {
        const struct job *job = load.running < slots ? plan_next(plan, &position, &load) : NULL;
        if (job != NULL) {
            text_printf(text, "%s ", job->item->id);
            load.running++;
            load.waiting += plan_job_waits(job);
            continue;
        }
        ck_assert_uint_ne(load.running, 0);
        bool waiting = load.waiting != 0 && (waiting_ends_first || load.waiting == load.running);
        load.waiting -= waiting;
        load.running--;
        text_printf(text, "%s", waiting ? "w " : "");
        done++;
    }
    ck_assert_ptr_null(plan_next(plan, &position, &load));
}

START_TEST(waits_go_by_beside_the_work)
{
    static const char waiting_lines[] =
        CASE_LINE("CALL-01.1", "") CASE_LINE("CALL-01.2", "\"waits\"")
            CASE_LINE("CALL-01.3", "\"waits\"") CASE_LINE("CALL-01.4", "\"waits\"")
                CASE_LINE("CALL-01.5", "\"exclusive\",\"waits\"") CASE_LINE("CALL-01.6", "");
    struct catalogue waiting = {0};
    struct plan plan = {0};
    struct text words = {0};
    ck_assert(catalogue_parse(&waiting, waiting_lines, sizeof(waiting_lines) - 1, &message));
    ck_assert_int_eq(catalogue_select(&waiting, NULL, 0, NULL, true, &message), SELECTION_OK);
    plan_make(&plan, &waiting, 1, false, 1);
    ck_assert(!plan_job_waits(&plan.jobs[5])); /* it runs alone */
    /* One slot: one after the other, those that wait first. */
    started(&plan, 1, 1, true, &words);
    ck_assert_str_eq(text_string(&words), "CALL-01.2 w CALL-01.3 w CALL-01.4 w CALL-01.1 "
                                          "CALL-01.6 CALL-01.5 ");
    /* Three: two wait at most, and the third works; the exclusive one starts when all have ended. */
    started(&plan, 3, 3, false, &words);
    ck_assert_str_eq(text_string(&words), "CALL-01.2 CALL-01.3 CALL-01.1 CALL-01.6 CALL-01.4 w w w "
                                          "CALL-01.5 ");
    started(&plan, 3, 3, true, &words);
    ck_assert_str_eq(text_string(&words), "CALL-01.2 CALL-01.3 CALL-01.1 w CALL-01.4 w CALL-01.6 w "
                                          "CALL-01.5 ");
    /* Five: all wait, and one works at a time. */
    started(&plan, 5, 1, true, &words);
    ck_assert_str_eq(text_string(&words), "CALL-01.2 CALL-01.3 CALL-01.4 CALL-01.1 w w w CALL-01.6 "
                                          "CALL-01.5 ");
    plan_finish(&plan);
    catalogue_finish(&waiting);
    text_finish(&words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_select");
    TCase *tests = tcase_create("selection");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, ids_select);
    tcase_add_test(tests, opt_in_wants_to_be_asked_for);
    tcase_add_test(tests, smoke_keeps_its_cases_only);
    tcase_add_test(tests, a_profile_is_an_edition_an_extent_or_both);
    tcase_add_test(tests, unknown_ids_have_hints);
    tcase_add_test(tests, nothing_left_says_why);
    tcase_add_loop_test(tests, lists_that_are_refused, 0, 10);
    tcase_add_test(tests, requirement_is_joined);
    tcase_add_test(tests, strength_follows_the_profile);
    tcase_add_test(tests, a_case_without_a_review_of_this_text_is_suspect);
    tcase_add_test(tests, plan_order);
    tcase_add_test(tests, waits_go_by_beside_the_work);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

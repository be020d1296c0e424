/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the model: tables of histories, the interface, what open choices are counted. */
#include "history.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct cts_model *sum;

START_TEST(legal_history_is_accepted)
{
    char message[2048];
    ck_assert_msg(history_holds(&legal_histories[_i], NULL, message, sizeof message), "%s",
                  message);
}
END_TEST

START_TEST(illegal_history_is_rejected_for_the_reason)
{
    char message[2048];
    ck_assert_msg(history_holds(&illegal_histories[_i], NULL, message, sizeof message), "%s",
                  message);
}
END_TEST

/* The table of legal histories takes every way of every open choice. */
START_TEST(legal_histories_cover_every_step_and_choice)
{
    sum = cts_model_create(NULL);
    char message[2048];
    for (size_t i = 0; i < legal_history_count; i++) {
        (void)history_holds(&legal_histories[i], sum, message, sizeof message);
    }
    size_t open = 0;
    for (size_t i = 0; i < cts_model_coverage_count(); i++) {
        struct cts_model_coverage c = cts_model_coverage(sum, i);
        ck_assert_msg(c.name != NULL && c.requirement != NULL, "counter %zu has no name", i);
        ck_assert_msg(c.count > 0, "never seen: %s (%s)", c.name, c.requirement);
        open += c.is_open ? 1 : 0;
    }
    ck_assert_uint_ge(open, 20);
    cts_model_destroy(sum);
}
END_TEST

static struct cts_model *small_model(size_t state_count_max)
{
    struct cts_model_config config = {.state_count_max = state_count_max};
    struct cts_model *model = cts_model_create(&config);
    ck_assert_ptr_nonnull(model);
    for (uint32_t t = 0; t < 12; t++) {
        ck_assert(cts_model_add_thread(model, t, 0, NULL));
    }
    ck_assert(cts_model_add_channel(model, 0, CTS_MODEL_NONE, 0, 0, NULL));
    return model;
}

static enum cts_model_verdict enter(struct cts_model *model, uint32_t thread,
                                    enum cts_model_op_kind kind, uint32_t request, uint32_t object)
{
    struct cts_model_event event = {.kind = CTS_MODEL_INVOKE, .thread = thread};
    event.op = (struct cts_model_op){
        .kind = kind, .ex = true, .listener = CTS_MODEL_NONE, .request = request, .object = object};
    return cts_model_event(model, &event);
}

static enum cts_model_verdict leave(struct cts_model *model, uint32_t thread,
                                    enum cts_model_outcome outcome, uint32_t request)
{
    struct cts_model_event event = {.kind = CTS_MODEL_RETURN,
                                    .thread = thread,
                                    .result = {.outcome = outcome, .request = request}};
    return cts_model_event(model, &event);
}

static enum cts_model_verdict rest(struct cts_model *model)
{
    struct cts_model_event event = {.kind = CTS_MODEL_REST};
    return cts_model_event(model, &event);
}

START_TEST(misuse_is_reported_and_changes_nothing)
{
    struct cts_model *model = small_model(0);
    ck_assert(!cts_model_add_thread(model, 3, 0, NULL));
    ck_assert(!cts_model_add_thread(model, CTS_MODEL_THREADS_MAX, 0, NULL));
    ck_assert(!cts_model_add_channel(model, 0, CTS_MODEL_NONE, 0, 0, NULL));
    ck_assert(cts_model_add_object(model, 1, 0, false, "first"));
    ck_assert(!cts_model_add_object(model, 1, 0, false, NULL));
    ck_assert(cts_model_add_object(model, 2, 1, false, NULL));
    ck_assert(!cts_model_name_object(model, 7, "x"));
    ck_assert(!cts_model_release_object(model, 7));

    ck_assert_int_eq(leave(model, 0, CTS_MODEL_OK, 1), CTS_MODEL_MISUSE);
    ck_assert_int_eq(enter(model, 99, CTS_MODEL_SET, 0, 1), CTS_MODEL_MISUSE);
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_SET, 0, 5), CTS_MODEL_MISUSE);
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_SET, 0, 2), CTS_MODEL_MISUSE);
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_CALL, 0, CTS_MODEL_NONE), CTS_MODEL_MISUSE);
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_CALL, 1, CTS_MODEL_NONE), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_CALL, 2, CTS_MODEL_NONE), CTS_MODEL_MISUSE);
    ck_assert_int_eq(enter(model, 1, CTS_MODEL_CALL, 1, CTS_MODEL_NONE), CTS_MODEL_MISUSE);
    ck_assert_uint_eq(cts_model_event_count(model), 1);
    ck_assert_int_eq(rest(model), CTS_MODEL_ACCEPTED);
    cts_model_destroy(model);
    cts_model_destroy(NULL);
}
END_TEST

START_TEST(violation_is_final_and_explained)
{
    struct cts_model *model = small_model(0);
    ck_assert(cts_model_add_object(model, 0, 0, false, "stop"));
    struct cts_model_violation violation;
    ck_assert(!cts_model_violation(model, &violation));
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_CALL, 1, 0), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(rest(model), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(enter(model, 1, CTS_MODEL_SET, 0, 0), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(leave(model, 1, CTS_MODEL_OK, 0), CTS_MODEL_ACCEPTED);

    struct cts_model_event at_rest = {.kind = CTS_MODEL_REST};
    ck_assert_int_eq(cts_model_probe(model, &at_rest), CTS_MODEL_VIOLATION);
    ck_assert_int_eq(cts_model_verdict(model), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(rest(model), CTS_MODEL_VIOLATION);
    ck_assert_int_eq(leave(model, 0, CTS_MODEL_INTERRUPT, 0), CTS_MODEL_VIOLATION);
    ck_assert(cts_model_violation(model, &violation));
    ck_assert_uint_eq(violation.event, 4);
    ck_assert_str_eq(violation.rule, "lost-wake-up");

    char text[2048];
    size_t length = cts_model_explain(model, text, sizeof text);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_ptr_nonnull(strstr(text, "event 4, lost-wake-up (CALL-01 RACE-03)"));
    ck_assert_ptr_nonnull(strstr(text, "thread0 in CallEx"));
    ck_assert_ptr_nonnull(strstr(text, "stop=set"));
    char small[16];
    ck_assert_uint_eq(cts_model_explain(model, small, sizeof small), length);
    ck_assert_uint_eq(strlen(small), sizeof small - 1);
    ck_assert_uint_eq(cts_model_explain(model, NULL, 0), length);
    cts_model_destroy(model);
}
END_TEST

/* Twelve Sets of twelve objects at once make 2^12 states. */
START_TEST(too_many_states_are_unknown_and_never_a_violation)
{
    struct cts_model *model = small_model(1000);
    for (uint32_t t = 0; t < 12; t++) {
        ck_assert(cts_model_add_object(model, t, 0, false, NULL));
    }
    enum cts_model_verdict verdict = CTS_MODEL_ACCEPTED;
    for (uint32_t t = 0; t < 12; t++) {
        verdict = enter(model, t, CTS_MODEL_SET, 0, t);
    }
    if (verdict == CTS_MODEL_ACCEPTED) {
        verdict = leave(model, 0, CTS_MODEL_OK, 0);
    }
    ck_assert_int_eq(verdict, CTS_MODEL_UNKNOWN);
    ck_assert_int_eq(leave(model, 1, CTS_MODEL_INTERRUPT, 0), CTS_MODEL_UNKNOWN);
    struct cts_model_violation violation;
    ck_assert(!cts_model_violation(model, &violation));
    cts_model_destroy(model);
}
END_TEST

/* Many waiters are one state: what they may do has no alternatives until they return. */
START_TEST(waiters_do_not_multiply_states)
{
    struct cts_model *model = cts_model_create(NULL);
    ck_assert(cts_model_add_channel(model, 0, CTS_MODEL_NONE, 0, 0, NULL));
    ck_assert(cts_model_add_object(model, 0, 0, false, NULL));
    enum { WAITERS = 1000 };
    for (uint32_t t = 0; t <= WAITERS; t++) {
        ck_assert(cts_model_add_thread(model, t, 0, NULL));
    }
    for (uint32_t t = 0; t < WAITERS; t++) {
        ck_assert_int_eq(enter(model, t, CTS_MODEL_CALL, t + 1, 0), CTS_MODEL_ACCEPTED);
    }
    ck_assert_int_eq(rest(model), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(enter(model, WAITERS, CTS_MODEL_SET, 0, 0), CTS_MODEL_ACCEPTED);
    for (uint32_t t = 0; t < WAITERS; t++) {
        ck_assert_int_eq(leave(model, t, CTS_MODEL_INTERRUPT, 0), CTS_MODEL_ACCEPTED);
    }
    ck_assert_int_eq(leave(model, WAITERS, CTS_MODEL_OK, 0), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(rest(model), CTS_MODEL_ACCEPTED);
    ck_assert_uint_le(cts_model_state_count_peak(model), 2);
    cts_model_destroy(model);
}
END_TEST

START_TEST(clone_goes_its_own_way)
{
    struct cts_model *model = small_model(0);
    ck_assert(cts_model_add_object(model, 0, 0, false, NULL));
    ck_assert_int_eq(enter(model, 0, CTS_MODEL_RECV, 0, 0), CTS_MODEL_ACCEPTED);
    struct cts_model *copy = cts_model_clone(model);
    ck_assert_ptr_nonnull(copy);
    ck_assert_int_eq(leave(copy, 0, CTS_MODEL_INTERRUPT, 0), CTS_MODEL_VIOLATION);
    ck_assert_int_eq(cts_model_verdict(model), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(rest(model), CTS_MODEL_ACCEPTED);
    cts_model_destroy(copy);
    cts_model_destroy(model);
}
END_TEST

START_TEST(end_law_names_the_thread_that_waits)
{
    struct cts_model *model = small_model(0);
    for (uint32_t o = 0; o < 3; o++) {
        ck_assert(cts_model_add_object(model, o, 0, false, NULL));
    }
    ck_assert_int_eq(enter(model, 5, CTS_MODEL_CLOSE_SYNC, 0, 2), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(leave(model, 5, CTS_MODEL_OK, 0), CTS_MODEL_ACCEPTED);
    uint32_t objects[4];
    ck_assert_uint_eq(cts_model_live_objects(model, objects, 4), 2);
    ck_assert_uint_eq(objects[1], 1);
    ck_assert_uint_eq(cts_model_live_objects(model, NULL, 0), 2);

    ck_assert_int_eq(enter(model, 0, CTS_MODEL_RECV, 0, CTS_MODEL_NONE), CTS_MODEL_ACCEPTED);
    ck_assert(cts_model_end_law(model, NULL));
    ck_assert_int_eq(enter(model, 4, CTS_MODEL_RECV, 0, 1), CTS_MODEL_ACCEPTED);
    uint32_t thread = 0;
    ck_assert(!cts_model_end_law(model, &thread));
    ck_assert_uint_eq(thread, 4);
    ck_assert_uint_eq(cts_model_waiting_threads(model, objects, 4), 2);
    ck_assert_int_eq(enter(model, 5, CTS_MODEL_SET, 0, 1), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(leave(model, 5, CTS_MODEL_OK, 0), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(leave(model, 4, CTS_MODEL_INTERRUPT, 0), CTS_MODEL_ACCEPTED);
    ck_assert_int_eq(rest(model), CTS_MODEL_ACCEPTED);
    ck_assert(cts_model_end_law(model, &thread));
    cts_model_destroy(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *histories = tcase_create("histories");
    tcase_add_loop_test(histories, legal_history_is_accepted, 0, (int)legal_history_count);
    tcase_add_loop_test(histories, illegal_history_is_rejected_for_the_reason, 0,
                        (int)illegal_history_count);
    tcase_add_test(histories, legal_histories_cover_every_step_and_choice);
    suite_add_tcase(suite, histories);
    TCase *interface = tcase_create("interface");
    tcase_add_test(interface, misuse_is_reported_and_changes_nothing);
    tcase_add_test(interface, violation_is_final_and_explained);
    tcase_add_test(interface, too_many_states_are_unknown_and_never_a_violation);
    tcase_add_test(interface, waiters_do_not_multiply_states);
    tcase_add_test(interface, clone_goes_its_own_way);
    tcase_add_test(interface, end_law_names_the_thread_that_waits);
    suite_add_tcase(suite, interface);

    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The steering of a race-window search on windows made of arithmetic, and the gate with two threads. */
#include "../src/worker/race.h"
#include "../src/worker/world.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

static uint64_t random_state;

static rtl_uint32_t next_random(rtl_uint32_t bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (rtl_uint32_t)((random_state * 0x2545f4914f6cdd1du) >> 32) % bound;
}

/* A trigger of 300 ns against a rival of 900 ns; what decides happens `decides_ns` after the rival began
 * and then lasts `width_ns`. The machine adds noise to every delay. */
struct window {
    int64_t centre_ns;
    int64_t decides_ns;
    int64_t width_ns;
    int64_t noise_ns;
};
#define TRIGGER_NS 300
#define RIVAL_NS 900

/* Gives how often the trigger fell inside. */
static unsigned search_window(struct cts_race_search *search, const struct window *window,
                              unsigned trials)
{
    unsigned inside = 0;
    for (unsigned i = 0; i < trials; i++) {
        struct cts_race_result result = {.planned_ns = cts_race_choose(search, next_random),
                                         .trigger_ns = TRIGGER_NS,
                                         .rival_ns = RIVAL_NS};
        result.delay_ns = result.planned_ns - window->noise_ns +
                          (int64_t)next_random(2u * (unsigned)window->noise_ns + 1);
        int64_t at = result.delay_ns - window->centre_ns - window->decides_ns;
        result.phase = result.delay_ns < -TRIGGER_NS                    ? 0
                       : result.delay_ns < window->centre_ns + RIVAL_NS ? 1
                                                                        : 2;
        result.outcome = at > 0;
        inside += at >= 0 && at < window->width_ns;
        cts_race_learn(search, &result);
    }
    return inside;
}

#define ENTRY_PHASES (CTS_PHASE_BEFORE | CTS_PHASE_ENTERING | CTS_PHASE_BLOCKED)

START_TEST(every_phase_and_both_sides_are_reached)
{
    for (unsigned seed = 1; seed <= 50; seed++) {
        const struct window window = {0, 400, 100, 60};
        struct cts_race_search search = {.phases = ENTRY_PHASES, .wanted = 100};
        random_state = seed * 0x9e3779b97f4a7c15u;
        ck_assert(!cts_race_is_covered(&search));
        (void)search_window(&search, &window, 2000);
        ck_assert_msg(cts_race_is_covered(&search), "seed %u: %u %u %u, %u + %u", seed,
                      search.counts[0], search.counts[1], search.counts[2], search.overlaps[0],
                      search.overlaps[1]);
    }
}
END_TEST

START_TEST(trials_concentrate_where_the_outcome_changes)
{
    /* 100 ns where blind trials over the range of exploration, 1 ms, would meet it in one of 10,000. */
    for (unsigned seed = 1; seed <= 50; seed++) {
        const struct window window = {0, 400, 100, 60};
        struct cts_race_search search = {.phases = ENTRY_PHASES, .wanted = 100};
        int64_t from = 0;
        int64_t to = 0;
        random_state = seed * 0x9e3779b97f4a7c15u;
        unsigned inside = search_window(&search, &window, 1000);
        ck_assert_msg(inside >= 100, "seed %u: %u", seed, inside);
        ck_assert(cts_race_flips(&search, &from, &to));
        ck_assert_int_le(from, 400);
        ck_assert_int_ge(to, 400);
    }
}
END_TEST

START_TEST(a_limit_is_found_away_from_its_centre)
{
    /* Expected at 1 ms, passes at 1.2 ms, and the machine is noisy. */
    for (unsigned seed = 1; seed <= 50; seed++) {
        const struct window window = {1000000, 200000, 40000, 5000};
        struct cts_race_search search = {
            .phases = CTS_PHASE_ENTERING | CTS_PHASE_BLOCKED, .centre_ns = 1000000, .wanted = 50};
        random_state = seed * 0x9e3779b97f4a7c15u;
        unsigned inside = search_window(&search, &window, 600);
        ck_assert_msg(inside >= 60, "seed %u: %u", seed, inside);
    }
}
END_TEST

START_TEST(without_a_change_of_outcome_the_overlap_is_searched)
{
    const struct window window = {0, 1000000000, 1, 0};
    struct cts_race_search search = {.phases = ENTRY_PHASES, .wanted = 100};
    int64_t from = 0;
    int64_t to = 0;
    random_state = 7;
    (void)search_window(&search, &window, 1000);
    ck_assert(!cts_race_flips(&search, &from, &to));
    ck_assert_uint_gt(search.overlaps[0] + search.overlaps[1], 500);
}
END_TEST

START_TEST(coverage_names_what_the_window_has)
{
    struct cts_race_search search = {.phases = CTS_PHASE_TAKEN | CTS_PHASE_AFTER, .wanted = 2};
    search.counts[3] = 2;
    search.counts[4] = 2;
    ck_assert(!cts_race_is_covered(&search)); /* no overlap from either side */
    search.overlaps[0] = 2;
    ck_assert(!cts_race_is_covered(&search));
    search.overlaps[1] = 2;
    ck_assert(cts_race_is_covered(&search));
    search.counts[3] = 1;
    ck_assert(!cts_race_is_covered(&search));
    search = (struct cts_race_search){.phases = CTS_PHASE_AFTER, .centre_ns = 1, .wanted = 1};
    search.counts[4] = 1;
    ck_assert(cts_race_is_covered(&search)); /* limits have no overlap */
}
END_TEST

START_TEST(the_median_is_of_the_last_ones)
{
    struct cts_race_search search = {.phases = ENTRY_PHASES, .wanted = 1};
    for (unsigned i = 0; i < 2 * CTS_RACE_DURATIONS; i++) {
        const struct cts_race_result result = {.trigger_ns = i < CTS_RACE_DURATIONS ? 1 : 500};
        cts_race_learn(&search, &result);
    }
    ck_assert_uint_eq(cts_race_median(&search.trigger), 500);
}
END_TEST

struct side {
    struct cts_gate *gate;
    uint64_t delay_ns;
    uint64_t passed_ns;
};

static void *pass(void *context)
{
    struct side *side = context;
    cts_gate_pass(side->gate, side->delay_ns);
    side->passed_ns = cts_now_ns();
    return NULL;
}

START_TEST(nobody_passes_before_both_are_there_and_its_delay_is_over)
{
    for (unsigned i = 0; i < 200; i++) {
        struct cts_gate gate = {.patience_ns = UINT64_MAX,
                                .one_cpu = i % 2 == 0 || cts_gate_has_one_cpu()};
        struct side sides[2] = {{&gate, 0, 0}, {&gate, i * 100, 0}};
        pthread_t threads[2];
        ck_assert_int_eq(pthread_create(&threads[0], NULL, pass, &sides[0]), 0);
        uint64_t second_ns = cts_now_ns();
        ck_assert_int_eq(pthread_create(&threads[1], NULL, pass, &sides[1]), 0);
        cts_gate_wait_passed(&gate);
        ck_assert_uint_eq(atomic_load(&gate.passed), 2);
        ck_assert_int_eq(pthread_join(threads[0], NULL), 0);
        ck_assert_int_eq(pthread_join(threads[1], NULL), 0);
        ck_assert_uint_ge(sides[0].passed_ns, second_ns);
        ck_assert_uint_ge(sides[1].passed_ns, atomic_load(&gate.start_ns) + i * 100);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("race");
    TCase *search = tcase_create("search");
    tcase_add_test(search, every_phase_and_both_sides_are_reached);
    tcase_add_test(search, trials_concentrate_where_the_outcome_changes);
    tcase_add_test(search, a_limit_is_found_away_from_its_centre);
    tcase_add_test(search, without_a_change_of_outcome_the_overlap_is_searched);
    tcase_add_test(search, coverage_names_what_the_window_has);
    tcase_add_test(search, the_median_is_of_the_last_ones);
    tcase_set_timeout(search, 60);
    suite_add_tcase(suite, search);
    TCase *gate = tcase_create("gate");
    tcase_add_test(gate, nobody_passes_before_both_are_there_and_its_delay_is_over);
    tcase_set_timeout(gate, 60);
    suite_add_tcase(suite, gate);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing verdicts: samples of the library and of a control group in turn, judged by timing_rule.c.
 * The control is a futex wake of the same threads by the same thread (a futex wait that ends by its
 * limit, where the library's limit is measured), so it meets the same machine.
 */
#include "event_log.h"
#include "timing_rule.h"
#include "world.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_MS 1000000u
/* The limit that is measured, while no phase has to be varied. */
#define LIMIT_MS 5u

struct cts_timing {
    const char *what;
    struct cts_actor *cause; /* null: limits are measured */
    struct cts_actor *waiters[CTS_TIMING_WAITERS_MAX];
    unsigned waiter_count;
    _Atomic uint32_t *word; /* futex word of the control */
    uint64_t start_ns;
    uint64_t window_ns;
    uint64_t budget_ns;
    uint32_t spread_ms; /* of this pair */
    size_t control_count;
    size_t library_count;
    uint64_t control_ns[CTS_TIMING_PAIRS_MAX];
    uint64_t library_ns[CTS_TIMING_PAIRS_MAX];
};

struct cts_timing *cts_timing_begin(const char *what, struct cts_actor *cause,
                                    struct cts_actor *const *waiters, unsigned waiter_count)
{
    struct cts_timing *timing = cts_shared_alloc(sizeof *timing);
    _Atomic uint32_t *word = cts_shared_alloc(sizeof *word);
    if (timing == NULL || word == NULL || waiter_count == 0 ||
        waiter_count > CTS_TIMING_WAITERS_MAX) {
        cts_broken("no memory for the samples, or too many threads");
    }
    double factor = cts_world.timeout_factor > 1.0 ? cts_world.timeout_factor : 1.0;
    timing->what = what;
    timing->cause = cause;
    for (unsigned i = 0; i < waiter_count; i++) {
        timing->waiters[i] = waiters[i];
    }
    timing->waiter_count = waiter_count;
    timing->word = word;
    timing->window_ns = (uint64_t)(CTS_TIMING_WINDOW_MS * factor) * NS_PER_MS;
    timing->budget_ns = (uint64_t)(CTS_TIMING_BUDGET_MS * factor) * NS_PER_MS;
    timing->start_ns = cts_now_ns();
    return timing;
}

/* ------------------------------------------------------------------------------------------------
 * The control group.
 */

static struct cts_op *start_futex(struct cts_timing *timing, struct cts_actor *actor,
                                  enum cts_call_kind kind, uint32_t mdelay)
{
    struct cts_op *op = cts_op_new(actor, kind);
    op->word = timing->word;
    /* Every wake adds one to the word; nobody wakes a thread whose limit is measured. */
    op->word_value = timing->cause == NULL ? 0 : (uint32_t)timing->control_count;
    op->mdelay = mdelay;
    cts_op_post(op);
    return op;
}

/* Our own futex calls return, or the harness is broken. */
static void must_return(struct cts_op *op)
{
    if (!cts_op_wait(op)) {
        cts_broken("a futex call of the control group did not return");
    }
}

static uint64_t from_to(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static uint64_t control_limit(struct cts_timing *timing)
{
    uint32_t limit_ms = cts_timing_limit_ms(timing);
    struct cts_op *park = start_futex(timing, timing->waiters[0], CTS_OP_PARK, limit_ms);
    must_return(park);
    uint64_t due_ns = park->t_invoke_ns + (uint64_t)limit_ms * NS_PER_MS;
    if (park->t_return_ns < due_ns) {
        cts_broken("a futex wait of the control group ended before its limit");
    }
    return park->t_return_ns - due_ns;
}

static uint64_t control_wake(struct cts_timing *timing)
{
    struct cts_op *parks[CTS_TIMING_WAITERS_MAX];
    for (unsigned i = 0; i < timing->waiter_count; i++) {
        parks[i] = start_futex(timing, timing->waiters[i], CTS_OP_PARK, INFINITE_TIMEOUT);
        cts_require_blocked(parks[i]);
    }
    struct cts_op *unpark = start_futex(timing, timing->cause, CTS_OP_UNPARK, 0);
    must_return(unpark);
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < timing->waiter_count; i++) {
        must_return(parks[i]);
        last_ns = parks[i]->t_return_ns > last_ns ? parks[i]->t_return_ns : last_ns;
    }
    return from_to(unpark->t_invoke_ns, last_ns);
}

static void take_control(struct cts_timing *timing)
{
    uint64_t sample = timing->cause == NULL ? control_limit(timing) : control_wake(timing);
    timing->control_ns[timing->control_count++] = sample;
}

/* ------------------------------------------------------------------------------------------------
 * Pairs.
 */

bool cts_timing_next(struct cts_timing *timing)
{
    if (timing->control_count < timing->library_count) {
        take_control(timing);
    }
    if (timing->control_count > timing->library_count) {
        cts_broken("the case asked for the next pair without a sample of the library");
    }
    size_t pairs = timing->library_count;
    bool budget_used = cts_now_ns() - timing->start_ns > timing->budget_ns;
    if (cts_timing_enough(timing->library_ns, pairs, timing->window_ns, budget_used)) {
        return false;
    }
    bool varied = cts_timing_varied(timing->library_ns, pairs, timing->window_ns);
    timing->spread_ms = varied ? 1 + cts_random(CTS_TIMING_SPREAD_MS) : 0;
    /* Either may be first, by chance: what comes in periods must not always meet the same one. */
    if (cts_random(2) == 0) {
        take_control(timing);
    }
    return true;
}

rtl_uint32_t cts_timing_limit_ms(const struct cts_timing *timing)
{
    return timing->spread_ms > 0 ? timing->spread_ms : LIMIT_MS;
}

void cts_timing_blocked(const struct cts_timing *timing, struct cts_op *op)
{
    cts_require_blocked(op);
    if (timing->spread_ms > 0) {
        /* Nothing is waited for here: the phase of the next call is moved against that of a library
         * which looks at intervals. */
        const struct timespec span = {0, (long)timing->spread_ms * (long)NS_PER_MS};
        (void)nanosleep(&span, NULL);
        /* Not settled again: that would end right after a look, always in the same phase. */
    }
}

static void add_sample(struct cts_timing *timing, uint64_t sample)
{
    if (timing->library_count == CTS_TIMING_PAIRS_MAX) {
        cts_broken("the case took more samples than were asked for");
    }
    timing->library_ns[timing->library_count++] = sample;
}

void cts_timing_add(struct cts_timing *timing, const struct cts_op *cause,
                    struct cts_op *const *effects, unsigned count)
{
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!cts_returned(effects[i]) || !cts_returned(cause)) {
            cts_broken("the case took a sample of a call that has not returned");
        }
        last_ns = effects[i]->t_return_ns > last_ns ? effects[i]->t_return_ns : last_ns;
    }
    add_sample(timing, from_to(cause->t_invoke_ns, last_ns));
}

void cts_timing_add_limit(struct cts_timing *timing, const struct cts_op *op)
{
    add_sample(timing, from_to((uint64_t)op->mdelay * NS_PER_MS, cts_elapsed_ns(op)));
}

/* ------------------------------------------------------------------------------------------------
 * The verdict.
 */

static void log_timing(const struct cts_timing *timing, const char *verdict)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "timing");
    cts_json_string(&line, "what", timing->what);
    cts_json_uint_list(&line, "control_ns", timing->control_ns, timing->control_count);
    cts_json_uint_list(&line, "library_ns", timing->library_ns, timing->library_count);
    cts_json_uint(&line, "window_ns", timing->window_ns);
    cts_json_string(&line, "verdict", verdict);
    cts_log_line(&line);
}

void cts_timing_check_at(struct cts_timing *timing, const char *file, int line)
{
    static const char *const words[] = {"INCONCLUSIVE", "PASS", "FAIL"};
    size_t pairs = timing->library_count;
    if (pairs < CTS_TIMING_PAIRS_LEAST || timing->control_count != pairs) {
        cts_broken("the case asked for a timing verdict without enough samples");
    }
    enum cts_timing_verdict verdict =
        cts_timing_judge(timing->control_ns, timing->library_ns, pairs, timing->window_ns);
    log_timing(timing, words[verdict]);
    char text[128];
    char expected[128];
    char observed[128];
    (void)snprintf(text, sizeof text, "%s is in time at least once in %zu", timing->what, pairs);
    (void)snprintf(expected, sizeof expected, "within %.0f ms (control group: p90 %.2f ms)",
                   (double)timing->window_ns / NS_PER_MS,
                   (double)cts_timing_p90(timing->control_ns, pairs) / NS_PER_MS);
    (void)snprintf(observed, sizeof observed, "%.2f ms at best",
                   (double)cts_timing_least(timing->library_ns, pairs) / NS_PER_MS);
    const struct cts_finding finding = {"check", text, expected, observed, file, line};
    if (verdict == CTS_TIMING_PASS) {
        cts_pass(&finding);
        return;
    }
    cts_end_case(words[verdict], &finding);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "timing_rule.h"

uint64_t cts_timing_least(const uint64_t *values, size_t count)
{
    uint64_t least = values[0];
    for (size_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
    }
    return least;
}

/* The rank-th smallest value, from 1. */
static uint64_t of_rank(const uint64_t *values, size_t count, size_t rank)
{
    uint64_t sorted[CTS_TIMING_PAIRS_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t place = i;
        for (; place > 0 && sorted[place - 1] > values[i]; place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = values[i];
    }
    return sorted[rank - 1];
}

uint64_t cts_timing_p90(const uint64_t *values, size_t count)
{
    size_t rank = (count * 9 + 9) / 10;
    return of_rank(values, count, rank);
}

static bool seen_in_time(const uint64_t *library_ns, size_t pairs, uint64_t window_ns)
{
    return pairs > 0 && cts_timing_least(library_ns, pairs) <= window_ns;
}

bool cts_timing_enough(const uint64_t *library_ns, size_t pairs, uint64_t window_ns,
                       bool budget_used)
{
    if (pairs >= CTS_TIMING_PAIRS_MAX) {
        return true;
    }
    if (pairs >= CTS_TIMING_PAIRS && seen_in_time(library_ns, pairs, window_ns)) {
        return true;
    }
    return pairs >= CTS_TIMING_PAIRS_LEAST && budget_used;
}

bool cts_timing_varied(const uint64_t *library_ns, size_t pairs, uint64_t window_ns)
{
    return pairs >= CTS_TIMING_PAIRS_PLAIN && !seen_in_time(library_ns, pairs, window_ns);
}

enum cts_timing_verdict cts_timing_judge(const uint64_t *control_ns, const uint64_t *library_ns,
                                         size_t pairs, uint64_t window_ns)
{
    if (pairs < CTS_TIMING_PAIRS_LEAST || pairs > CTS_TIMING_PAIRS_MAX) {
        return CTS_TIMING_UNDECIDED;
    }
    uint64_t least = cts_timing_least(library_ns, pairs);
    if (least <= window_ns) {
        return CTS_TIMING_PASS;
    }
    return least > window_ns + cts_timing_p90(control_ns, pairs) ? CTS_TIMING_FAIL
                                                                 : CTS_TIMING_UNDECIDED;
}

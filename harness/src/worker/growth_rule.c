/* SPDX-License-Identifier: Apache-2.0 */
#include "growth_rule.h"

static double growth(const uint64_t *values, size_t from, size_t to)
{
    return (double)values[to] - (double)values[from];
}

bool cts_growth_seen(const uint64_t *values, size_t rounds, const struct cts_growth_limits *limits)
{
    if (rounds <= CTS_GROWTH_WARM) {
        return false;
    }
    double measured = (double)(rounds - CTS_GROWTH_WARM);
    return growth(values, CTS_GROWTH_WARM - 1, rounds - 1) >= limits->per_round * measured;
}

bool cts_growth_goes_on(const uint64_t *values, size_t rounds,
                        const struct cts_growth_limits *limits)
{
    if (rounds < CTS_GROWTH_FIRST) {
        return false;
    }
    size_t quarter = (rounds - CTS_GROWTH_WARM) / 4;
    size_t last = rounds - 1;
    double counts = limits->per_round * (double)quarter;
    return growth(values, last - quarter, last) >= counts &&
           growth(values, last - 2 * quarter, last - quarter) >= counts;
}

static bool beyond(const uint64_t *values, size_t rounds, const struct cts_growth_limits *limits)
{
    return rounds >= limits->rounds_at_once &&
           growth(values, CTS_GROWTH_WARM - 1, rounds - 1) >= (double)limits->growth_max;
}

bool cts_growth_is_leak(const uint64_t *values, size_t rounds,
                        const struct cts_growth_limits *limits)
{
    return cts_growth_goes_on(values, rounds, limits) &&
           (rounds >= limits->rounds_least || beyond(values, rounds, limits));
}

bool cts_growth_does_harm(const uint64_t *values, size_t rounds,
                          const struct cts_growth_limits *limits)
{
    return limits->harm != 0 && rounds > 1 && growth(values, 0, rounds - 1) >= (double)limits->harm;
}

bool cts_growth_wants_more(const uint64_t *values, size_t rounds,
                           const struct cts_growth_limits *limits)
{
    if (rounds < CTS_GROWTH_FIRST) {
        return true;
    }
    if (rounds >= limits->rounds_max || beyond(values, rounds, limits)) {
        return false;
    }
    return cts_growth_goes_on(values, rounds, limits) ||
           (rounds < CTS_GROWTH_AGAIN && cts_growth_seen(values, rounds, limits));
}

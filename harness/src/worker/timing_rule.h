/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule of a timing verdict, and every number it uses. Pure arithmetic on samples, so that unit
 * tests and selftest/timing_proof.py judge with the same code as the worker does.
 *
 * A library is late when not one of its wake-ups came within the window, although those of the
 * control group, taken in the same seconds by the same threads, show that the machine could:
 *
 *   PASS       the fastest library sample is within the window. No machine makes a library faster
 *              than it is, so this cannot be wrong about a library that is late every time.
 *   FAIL       the fastest library sample is above window + p90 of the control group.
 *   undecided  neither: the machine delays even our own wake-ups by about as much.
 *
 * FAIL cannot be the machine's fault but by luck: a library without delay gives samples like the
 * control's, and that the fastest of 21 of them exceeds the 19th of 21 control samples has a chance
 * below one in 10^9 if the order of all is equally likely, before the window is added.
 *
 * The documents say of none of these moments how soon it comes, so only "always late" is accused:
 * a library that is slow now and then, or that looks at its objects at intervals, passes.
 */
#ifndef CTS_TIMING_RULE_H
#define CTS_TIMING_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well below the 50 ms delay that has to be found on any machine that can show it, and well above
 * the tick (4 or 10 ms) and the polling intervals of libraries that are not slow on purpose. */
#define CTS_TIMING_WINDOW_MS 20u
/* Pairs of a verdict. */
#define CTS_TIMING_PAIRS 21u
/* As long as no library sample was within the window, up to so many. */
#define CTS_TIMING_PAIRS_MAX 42u
/* A library that is late by seconds is not measured 42 times: so many pairs are enough once the
 * budget is used up. Seven of seven beyond all control samples: one in 3432 before the window. */
#define CTS_TIMING_PAIRS_LEAST 7u
#define CTS_TIMING_BUDGET_MS 6000u
/* After so many pairs without a library sample within the window, the moment of the cause is moved
 * by up to this span, so that a library that looks at its objects at intervals up to it is not
 * always met at the worst moment of its interval. */
#define CTS_TIMING_PAIRS_PLAIN 3u
#define CTS_TIMING_SPREAD_MS 100u

enum cts_timing_verdict { CTS_TIMING_UNDECIDED, CTS_TIMING_PASS, CTS_TIMING_FAIL };

/* Are `pairs` library samples enough for a verdict? `budget_used`: the budget is used up. */
bool cts_timing_enough(const uint64_t *library_ns, size_t pairs, uint64_t window_ns,
                       bool budget_used);
/* Is the phase of the cause to be varied in the next pair? */
bool cts_timing_varied(const uint64_t *library_ns, size_t pairs, uint64_t window_ns);
/* Verdict on `pairs` samples of each kind, in nanoseconds; UNDECIDED for fewer than
 * CTS_TIMING_PAIRS_LEAST. */
enum cts_timing_verdict cts_timing_judge(const uint64_t *control_ns, const uint64_t *library_ns,
                                         size_t pairs, uint64_t window_ns);
/* The least of `count` values, which is at least 1. */
uint64_t cts_timing_least(const uint64_t *values, size_t count);
/* The value that 90 percent of `count` values (1 to CTS_TIMING_PAIRS_MAX) do not exceed. */
uint64_t cts_timing_p90(const uint64_t *values, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a race-window search (race.c): the gate at which two actors meet, and the steering
 * that chooses the delay between them.
 */
#ifndef CTS_RACE_H
#define CTS_RACE_H

#include <cts/cts.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ------------------------------------------------------------------------------------------------
 * race_gate.c: where the two calls of a trial start from.
 */

/* In memory that all processes of the case share; one for each trial. */
struct cts_gate {
    _Atomic uint32_t arrived;
    _Atomic uint64_t start_ns; /* 0 until both are there; then the moment they count from */
    _Atomic uint32_t passed;   /* futex word: how many have started */
    uint64_t patience_ns;      /* how long to wait for an actor that does not come */
    bool one_cpu;              /* waiting means giving the CPU away */
};

/* In an actor's thread: meet the other one, then go on `delay_ns` after the common moment. Spins on the
 * clock; on one CPU it yields instead. */
void cts_gate_pass(struct cts_gate *gate, uint64_t delay_ns);
/* In the main thread: wait until both have started. */
void cts_gate_wait_passed(struct cts_gate *gate);
/* Keep a thread on one of the CPUs that this process may use: the scheduler likes to put both sides of a
 * race on the same one. Where that cannot be done the race is only less often close. */
void cts_gate_pin(pid_t tid, unsigned number);
/* Does this process have one CPU only? */
bool cts_gate_has_one_cpu(void);

/* ------------------------------------------------------------------------------------------------
 * race_search.c: which delay comes next. Pure: no clock, no threads.
 *
 * A delay is the start of the trigger minus the start of the rival. Four ways to choose one, mixed at
 * random: within the time in which both calls are in progress; near a delay at which the outcome
 * changed; again about where a phase was reached that is still wanted; and, before anything is known,
 * anywhere, small delays as likely as large ones.
 */
#define CTS_RACE_PHASES 5u   /* cts_phase values, as bits */
#define CTS_RACE_OUTCOMES 8u /* different ones in a window */
#define CTS_RACE_SAMPLES 64u
#define CTS_RACE_REACHED 8u

struct cts_race_sample {
    int64_t delay_ns; /* as it came out */
    unsigned outcome;
};

/* A running median of durations: the middle of the last few. */
#define CTS_RACE_DURATIONS 31u
struct cts_race_durations {
    uint64_t ns[CTS_RACE_DURATIONS];
    unsigned count;
    unsigned next;
};

struct cts_race_search {
    unsigned phases;   /* mask of those the window has */
    int64_t centre_ns; /* where the first delays are tried */
    unsigned wanted;   /* trials in each phase, and overlaps from each side */
    unsigned counts[CTS_RACE_PHASES];
    unsigned overlaps[2]; /* trigger first, rival first */
    struct cts_race_durations trigger;
    struct cts_race_durations rival;
    struct cts_race_sample samples[CTS_RACE_SAMPLES]; /* the last ones, in no order */
    unsigned sample_count;
    unsigned sample_next;
    int64_t reached[CTS_RACE_PHASES][CTS_RACE_REACHED]; /* planned delays that led to the phase */
    unsigned reached_count[CTS_RACE_PHASES];
};

/* What one trial taught. */
struct cts_race_result {
    int64_t planned_ns;
    int64_t delay_ns;    /* t_invoke of the trigger minus that of the rival */
    uint64_t trigger_ns; /* how long the trigger took, or the entry of one that waits */
    uint64_t rival_ns;   /* the same of the rival */
    unsigned phase;      /* index, not bit */
    unsigned outcome;
};

/* The next planned delay. `random` gives numbers below its argument. */
int64_t cts_race_choose(const struct cts_race_search *search, rtl_uint32_t (*random)(rtl_uint32_t));
void cts_race_learn(struct cts_race_search *search, const struct cts_race_result *result);
/* Every phase, and the overlap from both sides, were reached often enough; the overlap does not count
 * in a window about a limit, where both calls begin at different times. */
bool cts_race_is_covered(const struct cts_race_search *search);
/* The delays between which outcomes changed; false when none did. */
bool cts_race_flips(const struct cts_race_search *search, int64_t *from_ns, int64_t *to_ns);
uint64_t cts_race_median(const struct cts_race_durations *durations);

/* ------------------------------------------------------------------------------------------------
 * race.c, for the rest of the worker.
 */

/* Wait until both sides of the trial under way have started: until then they spin, which is no sign of
 * rest. */
void cts_race_wait_started(void);
/* The case ends while a trial is under way: log what it did. */
void cts_race_abandon(void);

#endif

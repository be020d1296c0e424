/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which case runs when, where, and what became of it. Cases run at the same time, each under a
 * keeper: while there are cases that work, up to two thirds of the slots hold cases that wait, so that
 * the waits go by beside the work. An exclusive one runs alone after the others.
 */
#ifndef CTS_SUPERVISOR_SCHEDULER_H
#define CTS_SUPERVISOR_SCHEDULER_H

#include "options.h"
#include "result.h"
#include "target.h"

#include <stdbool.h>
#include <stddef.h>

/* Three queues, one after the other: cases that wait, cases that work, and those that run alone. */
struct plan {
    struct job *jobs;
    size_t working_from;
    size_t exclusive_from;
    size_t count;
};

/* The selected cases, `repeat` times, each queue in the order in which it is started: the long ones
 * first or, with `shuffle`, as the seed has it. */
void plan_make(struct plan *plan, const struct catalogue *catalogue, unsigned repeat, bool shuffle,
               uint32_t seed);
void plan_finish(struct plan *plan);

/* How far a run has come: the index of the next job of each queue. */
struct plan_position {
    size_t waiting;
    size_t working;
    size_t exclusive;
};

struct plan_position plan_begin(const struct plan *plan);

/* What is under way: `running` jobs, `waiting` of them cases that wait, in `slots` slots. */
struct plan_load {
    unsigned slots;
    size_t working_most; /* so many cases that work at a time */
    size_t running;
    size_t waiting;
};

/* The job for a free slot, which `position` then has passed; NULL when none may start now. */
const struct job *plan_next(const struct plan *plan, struct plan_position *position,
                            const struct plan_load *load);

/* How many of so many slots may hold cases that wait while others are left. */
unsigned plan_waiting_most(unsigned slots);
/* Whether the job stands in the queue of those that wait. */
bool plan_job_waits(const struct job *job);

/* The CPUs this process may use, at most `most`. Gives their number, at least 1. */
size_t allowed_cpus(int *cpus, size_t most);

/* With --coverage gcov's counters of each case are in ROOT/coverage/CASE/REPETITION/. */
#define SCHEDULE_COVERAGE_DIRECTORY "coverage"

struct schedule {
    const struct options *options;
    const struct target *target;
    const struct plan *plan;
    unsigned slots;
    unsigned working_most; /* of them, for cases that work */
    const char *root;      /* directory for temporary files */
    int signal_fd;         /* signals that end the run */
    /* Called in the order in which cases end; false: start nothing more. */
    bool (*on_result)(void *context, const struct case_result *result);
    void (*on_start)(void *context, const struct job *job);
    void *context;
};

struct schedule_outcome {
    bool interrupted;
    bool keeper_lost; /* for at least one case; an error of the harness */
};

void schedule_run(const struct schedule *schedule, struct schedule_outcome *outcome);

#endif

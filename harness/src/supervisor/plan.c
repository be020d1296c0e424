/* SPDX-License-Identifier: Apache-2.0 */
#include "scheduler.h"

#include <sched.h>
#include <stdlib.h>

void case_result_finish(struct case_result *result)
{
    text_finish(&result->reason);
    text_finish(&result->lines);
    text_finish(&result->output);
    text_finish(&result->repro);
    case_log_finish(&result->log);
}

bool case_left_something_only(const struct case_result *result)
{
    return result->verdict == VERDICT_LEAK && result->log.record.file == NULL;
}

/* splitmix64: the order made from a seed is the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

static void shuffle_jobs(struct job *jobs, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)(next_random(state) % i);
        struct job job = jobs[i - 1];
        jobs[i - 1] = jobs[other];
        jobs[other] = job;
    }
}

enum plan_class { PLAN_WAITS, PLAN_LONG, PLAN_PLAIN, PLAN_EXCLUSIVE, PLAN_CLASSES };

static enum plan_class class_of(const struct catalogue_case *item)
{
    return (item->traits & CTS_EXCLUSIVE) != 0 ? PLAN_EXCLUSIVE
           : (item->traits & CTS_WAITS) != 0   ? PLAN_WAITS
           : (item->traits & CTS_LONG) != 0    ? PLAN_LONG
                                               : PLAN_PLAIN;
}

void plan_make(struct plan *plan, const struct catalogue *catalogue, unsigned repeat, bool shuffle,
               uint32_t seed)
{
    plan->count = 0;
    plan->jobs = allocate(catalogue_selected(catalogue) * repeat * sizeof(plan->jobs[0]));
    for (int wanted = PLAN_WAITS; wanted < PLAN_CLASSES; wanted++) {
        if (wanted == PLAN_LONG) {
            plan->working_from = plan->count;
        } else if (wanted == PLAN_EXCLUSIVE) {
            plan->exclusive_from = plan->count;
        }
        for (unsigned rep = 1; rep <= repeat; rep++) {
            unsigned index = 0;
            for (size_t i = 0; i < catalogue->count; i++) {
                const struct catalogue_case *item = &catalogue->cases[i];
                index += item->selected;
                if (item->selected && class_of(item) == (enum plan_class)wanted) {
                    plan->jobs[plan->count++] =
                        (struct job){.item = item, .rep = rep, .index = index};
                }
            }
        }
    }
    if (shuffle) {
        uint64_t state = seed;
        shuffle_jobs(plan->jobs, plan->working_from, &state);
        shuffle_jobs(plan->jobs + plan->working_from, plan->exclusive_from - plan->working_from,
                     &state);
        shuffle_jobs(plan->jobs + plan->exclusive_from, plan->count - plan->exclusive_from, &state);
    }
}

bool plan_job_waits(const struct job *job)
{
    return class_of(job->item) == PLAN_WAITS;
}

unsigned plan_waiting_most(unsigned slots)
{
    return (2 * slots + 1) / 3; /* at least one, or they would come last */
}

struct plan_position plan_begin(const struct plan *plan)
{
    return (struct plan_position){.working = plan->working_from, .exclusive = plan->exclusive_from};
}

const struct job *plan_next(const struct plan *plan, struct plan_position *position,
                            const struct plan_load *load)
{
    bool waiting_left = position->waiting < plan->working_from;
    bool working_left = position->working < plan->exclusive_from;
    if (waiting_left && (!working_left || load->waiting < plan_waiting_most(load->slots))) {
        return &plan->jobs[position->waiting++];
    }
    if (working_left) {
        bool has_room = load->running - load->waiting < load->working_most;
        return has_room ? &plan->jobs[position->working++] : NULL;
    }
    if (position->exclusive < plan->count && load->running == 0) {
        return &plan->jobs[position->exclusive++];
    }
    return NULL;
}

void plan_finish(struct plan *plan)
{
    free(plan->jobs);
    *plan = (struct plan){0};
}

size_t allowed_cpus(int *cpus, size_t most)
{
    size_t count = 0;
    cpu_set_t set;
    CPU_ZERO(&set);
    /* Fails on machines with more CPUs than the set has room for: then one, unpinned. */
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++) {
            if (CPU_ISSET(cpu, &set)) {
                cpus[count++] = cpu;
            }
        }
    }
    if (count == 0) {
        cpus[count++] = -1;
    }
    return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where the two calls of a trial start from. Runs in actors' threads. */
#include "race.h"
#include "world.h"

#include <sched.h>

#define LEAD_NS 1500u /* for the news of the common moment to cross between CPUs */
#define LOOK_AGAIN_NS 20000u
#define YIELD_ABOVE_NS 100000u /* a delay this long is no reason to keep the CPU */
#define SPINS_FIRST 500u     /* then let the main thread wake the other one, if it is on this CPU */
#define SPINS_BETWEEN 20000u /* rarely: on a busy machine each time costs the turn */

/* Spin until both are there; the moment to count from. */
static uint64_t meet(struct cts_gate *gate)
{
    if (atomic_fetch_add(&gate->arrived, 1) == 1) {
        uint64_t start = cts_now_ns() + (gate->one_cpu ? 0 : LEAD_NS);
        atomic_store_explicit(&gate->start_ns, start, memory_order_release);
        return start;
    }
    uint64_t came = 0;
    for (uint32_t spins = 1;; spins++) {
        uint64_t start = atomic_load_explicit(&gate->start_ns, memory_order_acquire);
        if (start != 0) {
            return start;
        }
        if (gate->one_cpu || spins == SPINS_FIRST || spins % SPINS_BETWEEN == 0) {
            uint64_t now = cts_now_ns();
            came = came == 0 ? now : came;
            if (now - came > gate->patience_ns) {
                return now;
            }
            (void)sched_yield();
        }
    }
}

void cts_gate_pass(struct cts_gate *gate, uint64_t delay_ns)
{
    uint64_t go = meet(gate) + delay_ns;
    for (uint64_t now = cts_now_ns(); now < go; now = cts_now_ns()) {
        if (gate->one_cpu || go - now > YIELD_ABOVE_NS) {
            (void)sched_yield();
        }
    }
    atomic_fetch_add_explicit(&gate->passed, 1, memory_order_release);
}

void cts_gate_wait_passed(struct cts_gate *gate)
{
    for (uint32_t passed = atomic_load_explicit(&gate->passed, memory_order_acquire); passed < 2;
         passed = atomic_load_explicit(&gate->passed, memory_order_acquire)) {
        /* Nobody wakes: a system call of an actor's would stand between its start and its call. */
        cts_futex_wait(&gate->passed, passed, LOOK_AGAIN_NS);
    }
}

static bool allowed_cpus(cpu_set_t *set)
{
    CPU_ZERO(set);
    /* Fails where there are more CPUs than the set has room for. */
    return sched_getaffinity(0, sizeof *set, set) == 0;
}

void cts_gate_pin(pid_t tid, unsigned number)
{
    cpu_set_t allowed;
    if (!allowed_cpus(&allowed) || CPU_COUNT(&allowed) < 2) {
        return;
    }
    unsigned left = number % (unsigned)CPU_COUNT(&allowed);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && left-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            (void)sched_setaffinity(tid, sizeof one, &one);
            return;
        }
    }
}

bool cts_gate_has_one_cpu(void)
{
    cpu_set_t set;
    return allowed_cpus(&set) && CPU_COUNT(&set) == 1;
}

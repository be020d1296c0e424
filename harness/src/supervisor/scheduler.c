/* SPDX-License-Identifier: Apache-2.0 */
#include "scheduler.h"
#include "clock.h"
#include "sweep.h"
#include "verdict.h"
#include "worker_command.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct slot {
    bool busy;
    struct job job;
    struct log_file log;
    struct keeper keeper;
    double limit_s;
    double grace_s;
    uint64_t overdue_ns; /* a keeper that has said nothing by then has been stopped */
    int cpu;             /* -1: none */
};

struct scheduler {
    const struct schedule *schedule;
    struct schedule_outcome *outcome;
    struct slot *slots;
    struct plan_position position;
    size_t running; /* busy slots */
    size_t waiting; /* of these, with a case that waits */
    bool closed;    /* nothing more is started */
};

static uint32_t seed_of(const struct scheduler *scheduler, const struct job *job)
{
    return scheduler->schedule->options->seed + (job->rep - 1);
}

static double limit_s_of(const struct scheduler *scheduler, const struct job *job)
{
    unsigned limit_ms =
        (job->item->traits & CTS_LONG) != 0 ? CTS_LONG_CASE_LIMIT_MS : CTS_CASE_LIMIT_MS;
    double limit_s = limit_ms * scheduler->schedule->options->timeout_factor / 1000.0;
    double least_s =
        (job->item->traits & CTS_WAITS) != 0 ? CTS_WAITING_CASE_LEAST_MS / 1000.0 : 0.0;
    return limit_s > least_s ? limit_s : least_s;
}

static void make_command(const struct scheduler *scheduler, const struct slot *slot,
                         uint64_t limit_ms, struct worker_command *command)
{
    const struct target *target = scheduler->schedule->target;
    bool pinned = slot->cpu >= 0 && (slot->job.item->traits & CTS_FREE_RUNNING) == 0;
    worker_command_begin(command, target, limit_ms);
    worker_command_add(command, "--case", slot->job.item->id);
    worker_command_add(command, "--sut", target->sut.path);
    worker_command_add(command, "--adapter",
                       target->has_adapter_file ? target->adapter.path : NULL);
    if (target->wrapper.count == 0) {
        worker_command_add_number(command, "--log-fd", KEEPER_LOG_FD);
    }
    worker_command_add(command, "--claims", target->claims);
    if (pinned) {
        worker_command_add_number(command, "--cpu", slot->cpu);
    }
    worker_command_add_number(command, "--seed", seed_of(scheduler, &slot->job));
    worker_command_add_number(command, "--timeout-factor",
                              scheduler->schedule->options->timeout_factor);
    if (scheduler->schedule->options->coverage) {
        worker_command_add_flag(command, "--orderly");
    }
    if (scheduler->schedule->options->wanted.extent != CTS_EXTENT_STANDARD) {
        worker_command_add(command, "--extent",
                           extent_word(scheduler->schedule->options->wanted.extent));
    }
}

static void start_job(struct scheduler *scheduler, struct slot *slot, const struct job *job)
{
    struct worker_command command;
    struct text coverage = {0};
    slot->job = *job;
    slot->limit_s = limit_s_of(scheduler, job);
    if (!log_file_create(&slot->log)) {
        fatal("no memory file for a case: %s", strerror(errno));
    }
    slot->grace_s = KEEPER_GRACE_MS * scheduler->schedule->options->timeout_factor / 1000.0;
    struct keeper_order order = {.log_fd = slot->log.fd,
                                 .limit_ms = (uint64_t)(slot->limit_s * 1000.0),
                                 .grace_ms = (uint64_t)(slot->grace_s * 1000.0),
                                 .root = scheduler->schedule->root};
    make_command(scheduler, slot, order.limit_ms, &command);
    worker_command_order(&command, &order);
    if (scheduler->schedule->options->coverage) {
        text_printf(&coverage, "%s/" SCHEDULE_COVERAGE_DIRECTORY "/%s/%u",
                    scheduler->schedule->root, job->item->id, job->rep);
        order.coverage = text_string(&coverage);
    }
    if (!keeper_start(&slot->keeper, &order)) {
        fatal("cannot start a process: %s", strerror(errno));
    }
    worker_command_finish(&command);
    text_finish(&coverage);
    slot->overdue_ns = keeper_overdue_ns(&order);
    slot->busy = true;
    scheduler->running++;
    scheduler->waiting += plan_job_waits(job);
    scheduler->schedule->on_start(scheduler->schedule->context, job);
}

static void fill_slots(struct scheduler *scheduler)
{
    unsigned slots = scheduler->schedule->slots;
    for (unsigned i = 0; i < slots && !scheduler->closed; i++) {
        if (scheduler->slots[i].busy) {
            continue;
        }
        const struct plan_load load = {slots, scheduler->schedule->working_most, scheduler->running,
                                       scheduler->waiting};
        const struct job *job = plan_next(scheduler->schedule->plan, &scheduler->position, &load);
        if (job == NULL) {
            return;
        }
        start_job(scheduler, &scheduler->slots[i], job);
    }
}

/* When a keeper is gone without a word, what it kept falls back to this process; the other keepers are
 * its children, too, busy or not. */
static void sweep_orphans(const struct scheduler *scheduler)
{
    pid_t keepers[OPTIONS_JOBS_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < scheduler->schedule->slots; i++) {
        if (scheduler->slots[i].keeper.pid > 0) {
            keepers[count++] = scheduler->slots[i].keeper.pid;
        }
    }
    sweep_away(keepers, count);
}

static void judge(const struct scheduler *scheduler, const struct slot *slot,
                  struct case_result *result)
{
    struct text last_line = {0};
    if (!result->keeper_lost) {
        output_text(&result->report.output, &result->output);
        output_last_line(&result->report.output, &last_line);
    }
    case_log_read_area(&result->log, slot->log.area, slot->job.item->id, slot->job.rep,
                       &result->lines);
    struct case_facts facts = {.keeper_lost = result->keeper_lost,
                               .keeper_signal = slot->keeper.lost_signal,
                               .report = &result->report,
                               .log = &result->log,
                               .last_line = text_string(&last_line),
                               .limit_s = slot->limit_s,
                               .grace_s = slot->grace_s,
                               .strict = scheduler->schedule->options->strict};
    result->verdict = verdict_decide(&facts, &result->reason);
    target_debug_line(scheduler->schedule->options, slot->job.item->id,
                      seed_of(scheduler, &slot->job), &result->repro);
    text_finish(&last_line);
}

static void end_job(struct scheduler *scheduler, struct slot *slot)
{
    struct case_result *result = allocate(sizeof(*result));
    result->job = slot->job;
    result->keeper_lost = !keeper_finish(&slot->keeper);
    slot->busy = false;
    scheduler->running--;
    scheduler->waiting -= plan_job_waits(&slot->job);
    if (!result->keeper_lost) {
        result->report = slot->keeper.report;
        result->report.error[sizeof(result->report.error) - 1] = '\0';
    }
    bool cancelled = !result->keeper_lost && result->report.ending == KEEPER_CANCELLED;
    if (result->keeper_lost) {
        sweep_orphans(scheduler);
        bool ours = !verdict_keeper_was_killed(slot->keeper.lost_signal);
        scheduler->outcome->keeper_lost =
            scheduler->outcome->keeper_lost || (ours && !scheduler->outcome->interrupted);
    }
    /* A case that the interruption ended has no verdict. */
    if (!cancelled && !(result->keeper_lost && scheduler->outcome->interrupted)) {
        judge(scheduler, slot, result);
        if (!scheduler->schedule->on_result(scheduler->schedule->context, result)) {
            scheduler->closed = true;
        }
    }
    log_file_destroy(&slot->log);
    case_result_finish(result);
    free(result);
}

static void interrupt_all(struct scheduler *scheduler)
{
    scheduler->outcome->interrupted = true;
    scheduler->closed = true;
    for (unsigned i = 0; i < scheduler->schedule->slots; i++) {
        if (scheduler->slots[i].busy) {
            keeper_cancel(&scheduler->slots[i].keeper);
        }
    }
}

/* A library may have stopped the keeper of its case, which then never says anything. Gives the time in
 * milliseconds until the next one is due. */
static int end_overdue(const struct scheduler *scheduler)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < scheduler->schedule->slots; i++) {
        const struct slot *slot = &scheduler->slots[i];
        if (slot->busy && clock_now_ns() >= slot->overdue_ns) {
            keeper_kill(&slot->keeper);
        } else if (slot->busy && slot->overdue_ns < next) {
            next = slot->overdue_ns;
        }
    }
    return next == UINT64_MAX ? -1 : clock_left_ms(next);
}

static void wait_and_handle(struct scheduler *scheduler, struct pollfd *fds)
{
    unsigned slots = scheduler->schedule->slots;
    for (unsigned i = 0; i < slots; i++) {
        const struct slot *slot = &scheduler->slots[i];
        fds[i] = (struct pollfd){.fd = slot->busy ? slot->keeper.fd : -1, .events = POLLIN};
    }
    fds[slots] = (struct pollfd){.fd = scheduler->schedule->signal_fd, .events = POLLIN};
    if (poll(fds, slots + 1, end_overdue(scheduler)) < 0) {
        if (errno != EINTR) {
            fatal("poll: %s", strerror(errno));
        }
        return;
    }
    struct signalfd_siginfo info;
    if (fds[slots].revents != 0 &&
        read(scheduler->schedule->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        interrupt_all(scheduler);
    }
    for (unsigned i = 0; i < slots; i++) {
        struct slot *slot = &scheduler->slots[i];
        if (slot->busy && fds[i].revents != 0 && keeper_read(&slot->keeper)) {
            end_job(scheduler, slot);
        }
    }
}

void schedule_run(const struct schedule *schedule, struct schedule_outcome *outcome)
{
    int cpus[OPTIONS_JOBS_MAX];
    size_t cpu_count = allowed_cpus(cpus, OPTIONS_JOBS_MAX);
    struct scheduler scheduler = {
        .schedule = schedule, .outcome = outcome, .position = plan_begin(schedule->plan)};
    *outcome = (struct schedule_outcome){0};
    scheduler.slots = allocate(schedule->slots * sizeof(scheduler.slots[0]));
    struct pollfd *fds = allocate((schedule->slots + 1) * sizeof(*fds));
    for (unsigned i = 0; i < schedule->slots; i++) {
        scheduler.slots[i].cpu = cpus[i % cpu_count];
    }
    fill_slots(&scheduler);
    while (scheduler.running != 0) {
        wait_and_handle(&scheduler, fds);
        fill_slots(&scheduler);
    }
    for (unsigned i = 0; i < schedule->slots; i++) {
        keeper_close(&scheduler.slots[i].keeper);
    }
    free(fds);
    free(scheduler.slots);
}

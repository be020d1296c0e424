/* SPDX-License-Identifier: Apache-2.0 */
/* `ipc-cts run`: everything before the first case and after the last one. */
#include "catalogue.h"
#include "clock.h"
#include "commands.h"
#include "documents.h"
#include "exit_code.h"
#include "last_run.h"
#include "outputs.h"
#include "places.h"
#include "progress.h"
#include "runlog.h"
#include "scheduler.h"
#include "shard.h"
#include "summary.h"
#include "tap.h"
#include "verdict.h"

#include <errno.h>
#include <string.h>

struct run {
    const struct options *options;
    FILE *out; /* for people; stderr when stdout is for TAP */
    struct workplace place;
    struct catalogue catalogue;
    struct target target;
    struct identity identity;
    struct runlog log;
    struct text model; /* what the model can count, for the log */
    struct progress progress;
    struct summary summary;
    bool interrupted;
    bool internal_error;
};

static int usage_error(const struct text *line)
{
    say(stderr, "ipc-cts: %s\n", text_string(line));
    return EXIT_USAGE;
}

/* Gives EXIT_CONFORMANT or the code with which the run ends here. */
static int load_and_select(struct run *run, struct text *error)
{
    const struct options *options = run->options;
    bool loaded = target_catalogue(&run->target, &run->catalogue, options->timeout_factor,
                                   run->place.root, run->place.signal_fd, &run->interrupted, error);
    if (run->interrupted) {
        return EXIT_INTERRUPTED;
    }
    if (!loaded && run->target.wrapper.count != 0) {
        return usage_error(error);
    }
    /* The model is that of the worker's sources, which a worker for another machine shares. */
    const char *worker =
        run->target.wrapper.count != 0 ? place_of(PLACE_WORKER) : run->target.worker;
    if (!loaded || !catalogue_load_model(&run->model, worker, error)) {
        say(stderr, "ipc-cts: %s\n", text_string(error));
        return EXIT_INTERNAL;
    }
    enum selection selection = catalogue_select(&run->catalogue, options->ids, options->id_count,
                                                options->profile, options->opt_in, error);
    if (selection == SELECTION_OK) {
        selection = catalogue_keep_extent(&run->catalogue, options->wanted.extent, error);
    }
    if (selection == SELECTION_UNKNOWN) {
        return usage_error(error);
    }
    if (selection == SELECTION_NOTHING) {
        say(stderr, "ipc-cts: %s\n", text_string(error));
        return EXIT_NOTHING;
    }
    struct text suspects = {0};
    if (options->strict && catalogue_suspects(&run->catalogue, &suspects) != 0) {
        text_printf(error,
                    "--strict does not run suspect cases, whose requirement reads otherwise than "
                    "when they were reviewed: %s; conformance/tools/review.py shows and records",
                    text_string(&suspects));
    }
    text_finish(&suspects);
    if (error->size == 0 &&
        identity_of(&run->identity, options, &run->target, &run->catalogue, error) &&
        options->shard_count != 0) {
        (void)shard_keep(&run->catalogue, options->shard_index, options->shard_count, error);
    }
    return error->size != 0 ? usage_error(error) : EXIT_CONFORMANT;
}

static void say_notices(const struct run *run)
{
    const struct probe *probe = &run->target.probe;
    struct text text = {0};
    if (run->options->quiet) {
        return;
    }
    text_puts(&text, "library  ");
    text_visible(&text, run->target.sut_shown);
    text_puts(&text, run->options->sut == NULL && run->options->sysroot == NULL
                         ? " (the reference)\n"
                         : "\n");
    if (run->options->exec_wrapper != NULL) {
        text_puts(&text, "wrapper  ");
        text_visible(&text, run->options->exec_wrapper);
        text_puts(&text, "\n");
    }
    if (run->target.headers != NULL) {
        text_puts(&text, "headers  ");
        text_visible(&text, run->target.headers);
        text_puts(&text, "\n");
    }
    if (probe->has_adapter) {
        text_puts(&text, "adapter  ");
        text_visible(&text, probe->adapter_name);
        text_puts(&text, "\n");
    }
    if (run->options->seed != OPTIONS_SEED_DEFAULT || run->options->shuffle) {
        text_printf(&text, "seed     %u\n", (unsigned)run->options->seed);
    }
    for (size_t i = 0; i < probe->missing_optional.count; i++) {
        text_puts(&text, i == 0 ? "notice   the library has no " : ", ");
        text_visible(&text, probe->missing_optional.items[i]);
    }
    text_puts(&text, probe->missing_optional.count != 0 ? " (optional)\n" : "");
    struct text unclaimed = {0};
    if (claims_words(claims_unclaimed(&probe->claims), &unclaimed) != 0) {
        text_printf(&text, "notice   present and not claimed: %s\n", text_string(&unclaimed));
    }
    text_finish(&unclaimed);
    if (probe->strays != 0) {
        text_printf(&text, "notice   loading the library left %u processes behind\n",
                    probe->strays);
    }
    say(run->out, "%s", text_string(&text));
    (void)say_out(run->out);
    text_finish(&text);
}

static void on_start(void *context, const struct job *job)
{
    struct run *run = context;
    progress_case_start(&run->progress, job);
}

static bool on_result(void *context, const struct case_result *result)
{
    struct run *run = context;
    runlog_case(&run->log, result);
    summary_add(&run->summary, result);
    progress_case_end(&run->progress, result);
    return !(run->options->stop_on_fail && verdict_is_failure(result->verdict));
}

static int final_code(const struct run *run)
{
    if (run->interrupted || run->internal_error) {
        return run->interrupted ? EXIT_INTERRUPTED : EXIT_INTERNAL;
    }
    const unsigned *counts = run->summary.counts;
    if (claims_absent(&run->target.probe.claims) != 0) {
        return EXIT_DEVIATES;
    }
    bool untested = summary_total(&run->summary) == counts[VERDICT_SKIP];
    return untested && run->options->strict ? EXIT_INCONCLUSIVE : verdict_exit_code(counts);
}

static void say_ending(struct run *run, size_t planned)
{
    struct summary_ending ending = {.planned = planned,
                                    .repeat = run->options->repeat,
                                    .interrupted = run->interrupted,
                                    .internal_error = run->internal_error,
                                    .whole = run->options->id_count == 0 &&
                                             run->options->shard_count == 0,
                                    .claims = &run->target.probe.claims,
                                    .profile = run->options->profile,
                                    .extent = run->options->wanted.extent};
    struct text text = {0};
    if (!run->options->quiet) {
        summary_text(&run->summary, &ending, run->progress.color, &text);
        say(run->out, "%s", text_string(&text));
        text_clear(&text);
    }
    summary_last_line(&run->summary, &ending, &text);
    say(run->out, "%s\n", text_string(&text));
    (void)say_out(run->out);
    text_finish(&text);
}

/* How many cases at a time. A case mostly waits: for its threads, or for the real clock, where a library
 * has no other. Against a library without virtual time, a run with two for each CPU takes twice as long.
 * A library that spins must not take the time of many others, so at most two or three for each CPU work.
 * Cases that time alone would disturb are exclusive, and run one by one. */
enum { SLOTS_PER_CPU = 8 };

static unsigned slots_of(const struct options *options, size_t cpu_count)
{
    if (options->jobs != 0) {
        return options->jobs;
    }
    unsigned slots = SLOTS_PER_CPU * (unsigned)cpu_count;
    return slots < OPTIONS_JOBS_MAX ? slots : OPTIONS_JOBS_MAX;
}

/* The cases themselves, and the log around them. */
static int run_cases(struct run *run)
{
    const struct options *options = run->options;
    int cpus[OPTIONS_JOBS_MAX];
    size_t cpu_count = allowed_cpus(cpus, OPTIONS_JOBS_MAX);
    unsigned slots = slots_of(options, cpu_count);
    struct plan plan = {0};
    plan_make(&plan, &run->catalogue, options->repeat, options->shuffle, options->seed);
    runlog_start(&run->log, options, &run->target, &run->catalogue, &run->identity, slots,
                 (unsigned)cpu_count);
    runlog_catalogue(&run->log, options->profile, &run->catalogue, &run->model);
    summary_begin(&run->summary, &run->catalogue);
    progress_begin(&run->progress, options, run->out, plan.count, run->catalogue.count);

    uint64_t begin = clock_now_ns();
    struct schedule schedule = {.options = options,
                                .target = &run->target,
                                .plan = &plan,
                                .slots = slots,
                                .working_most =
                                    options->jobs != 0 ? slots : slots - plan_waiting_most(slots),
                                .root = run->place.root,
                                .signal_fd = run->place.signal_fd,
                                .on_result = on_result,
                                .on_start = on_start,
                                .context = run};
    struct schedule_outcome outcome;
    schedule_run(&schedule, &outcome);
    run->interrupted = outcome.interrupted;
    run->internal_error = outcome.keeper_lost || run->log.error != 0;
    progress_end(&run->progress);

    bool complete = summary_total(&run->summary) == plan.count;
    runlog_end(&run->log, run->summary.counts, final_code(run), complete, clock_now_ns() - begin);
    if (run->log.error != 0) {
        run->internal_error = true;
        say(stderr, "ipc-cts: cannot write the event log: %s\n", strerror(run->log.error));
    }
    if (options->coverage && !run->internal_error) {
        struct text data = {0};
        text_printf(&data, "%s/" SCHEDULE_COVERAGE_DIRECTORY, run->place.root);
        run->internal_error =
            !documents_add_coverage(run->log.path, text_string(&data), run->target.sut.path);
        text_finish(&data);
    }
    /* TAP before the summary: its last line is the last line. */
    bool written = documents_write(options, run->log.path);
    (void)last_run_keep(run->log.path, options->events == NULL || run->log.copy_fd >= 0);
    run->internal_error = run->internal_error || !written;
    say_ending(run, plan.count);
    int code = final_code(run);
    bool judged = code == EXIT_CONFORMANT || code == EXIT_DEVIATES || code == EXIT_INCONCLUSIVE;
    if (options->waivers != NULL && judged) {
        code = documents_judge_waivers(options, run->log.path);
    }
    summary_finish(&run->summary);
    plan_finish(&plan);
    return code;
}

static int run_in_place(struct run *run, struct text *error)
{
    struct text kept = {0};
    text_printf(&kept, "%s/events.jsonl", run->place.root);
    const char *path = run->options->events != NULL ? run->options->events : text_string(&kept);
    bool opened = runlog_open(&run->log, path, text_string(&kept));
    if (!opened) {
        text_puts(error, "cannot write ");
        text_visible(error, path);
        text_printf(error, ": %s", strerror(errno));
    }
    text_finish(&kept);
    if (!opened) {
        runlog_close(&run->log);
        return usage_error(error);
    }
    int code = EXIT_CONFORMANT;
    if (!target_open(&run->target, run->options, error)) {
        code = usage_error(error);
    } else if (run->options->coverage && !sut_has_counters(run->target.sut.path)) {
        text_puts(error, "--coverage: library ");
        text_visible(error, run->target.sut_shown);
        text_puts(error, " has no counters; build it by gcc --coverage -fprofile-update=atomic");
        code = usage_error(error);
    } else {
        code = load_and_select(run, error);
    }
    if (code == EXIT_CONFORMANT) {
        bool loaded = target_probe(&run->target, run->options->timeout_factor, run->place.root,
                                   run->place.signal_fd, &run->interrupted, error);
        if (run->interrupted) {
            code = EXIT_INTERRUPTED;
        } else if (!loaded) {
            code = usage_error(error);
        } else {
            say_notices(run);
            code = run_cases(run);
        }
    }
    if (code == EXIT_INTERRUPTED && !run->log.started) {
        say(stderr, "ipc-cts: interrupted before the first case\n");
    }
    if (code == EXIT_USAGE) {
        tap_bail_out(run->options->tap, text_string(error), run->options->tap_file);
    }
    runlog_close(&run->log);
    return code;
}

int command_run(struct options *options)
{
    struct run run = {.options = options, .out = stdout, .log = {.fd = -1, .copy_fd = -1}};
    struct text error = {0};
    if (options->profile == NULL) {
        options->profile = COMMANDS_PROFILE_DEFAULT;
    }
    if (options->shuffle && !options->seed_given) {
        options->seed = (uint32_t)(clock_now_ns() / 1000u);
    }
    if (options->tap != 0 && options->tap_file == NULL) {
        run.out = stderr;
    }
    if (!outputs_check(options, &error)) {
        int wrong = usage_error(&error);
        tap_bail_out(options->tap_file == NULL ? options->tap : 0, text_string(&error), NULL);
        text_finish(&error);
        return wrong;
    }
    int waivers = options->waivers != NULL ? documents_check_waivers(options) : EXIT_CONFORMANT;
    if (waivers != EXIT_CONFORMANT) {
        return waivers;
    }
    if (!workplace_open(&run.place)) {
        return EXIT_INTERNAL;
    }
    int code = run_in_place(&run, &error);
    text_finish(&error);
    text_finish(&run.model);
    target_finish(&run.target);
    catalogue_finish(&run.catalogue);
    workplace_close(&run.place);
    return code;
}

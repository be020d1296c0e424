/* SPDX-License-Identifier: Apache-2.0 */
/* `ipc-cts doctor`: what a run depends on, before any verdict. */
#include "catalogue.h"
#include "commands.h"
#include "exit_code.h"
#include "launch.h"
#include "progress.h"
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum finding { FINDING_OK, FINDING_NOTICE, FINDING_PROBLEM };

struct doctor {
    const struct options *options;
    const char *profile;
    bool color;
    unsigned problems;
    struct target target;
    struct catalogue catalogue;
};

static void report(struct doctor *doctor, enum finding finding, const char *what, const char *found)
{
    static const char *const words[] = {"ok", "notice", "problem"};
    static const enum verdict colors[] = {VERDICT_PASS, VERDICT_SKIP, VERDICT_FAIL};
    struct text text = {0};
    text_visible(&text, found);
    say(stdout, "%s%-8s%s %-18s %s\n", color_of(doctor->color, colors[finding]), words[finding],
        color_end(doctor->color), what, text_string(&text));
    text_finish(&text);
    doctor->problems += finding == FINDING_PROBLEM;
}

static void report_bool(struct doctor *doctor, bool good, const char *what, const char *yes,
                        const char *no)
{
    report(doctor, good ? FINDING_OK : FINDING_NOTICE, what, good ? yes : no);
}

static void report_library(struct doctor *doctor)
{
    const struct target *target = &doctor->target;
    struct text text = {0};
    text_puts(&text, target->sut_shown);
    if (target->sut.build_id[0] != '\0') {
        text_printf(&text, ", build id %.16s", target->sut.build_id);
    }
    report(doctor, FINDING_OK, "library", text_string(&text));
    text_finish(&text);
    if (doctor->options->exec_wrapper != NULL) {
        report(doctor, FINDING_OK, "exec wrapper", doctor->options->exec_wrapper);
    }
    if (target->headers != NULL) {
        report(doctor, FINDING_OK, "headers", target->headers);
    }
}

static void report_symbols(struct doctor *doctor)
{
    const struct string_list *missing = &doctor->target.probe.missing_optional;
    struct text text = {0};
    report(doctor, FINDING_OK, "symbols", "all that the interface demands");
    for (size_t i = 0; i < missing->count; i++) {
        text_printf(&text, "%s%s", i == 0 ? "without " : ", ", missing->items[i]);
    }
    report_bool(doctor, missing->count == 0, "optional symbols", "all", text_string(&text));
    if (doctor->target.probe.strays != 0) {
        report(doctor, FINDING_PROBLEM, "helper processes",
               "loading the library leaves processes behind that do not end with it");
    }
    text_finish(&text);
}

static void report_adapter(struct doctor *doctor)
{
    const struct probe *probe = &doctor->target.probe;
    struct text text = {0};
    text_puts(&text, probe->adapter_name);
    text_puts(&text, probe->adapter_version[0] != '\0' ? ", version " : "");
    text_puts(&text, probe->adapter_version);
    report_bool(doctor, probe->has_adapter, "adapter", text_string(&text),
                "none: what needs one is skipped");
    report_bool(doctor, target_has(&doctor->target, CTS_CAN_TWO_PROCESSES), "processes", "several",
                "one: cases with two processes are skipped");
    report_bool(doctor, target_has(&doctor->target, CTS_CAN_STAGES), "stages",
                "told by the adapter", "not told: the operating system is asked");
    report_bool(doctor, target_has(&doctor->target, CTS_CAN_LIVE_OBJECTS), "live objects",
                "counted by the adapter", "not counted: leaks of objects stay unseen");
    report_bool(doctor, target_has(&doctor->target, CTS_CAN_VIRTUAL_TIME), "virtual time",
                "by the adapter", "none: cases that move the clock are skipped");
    text_finish(&text);
}

static void report_claims(struct doctor *doctor)
{
    const struct claims *claims = &doctor->target.probe.claims;
    struct text text = {0};
    bool any = claims_words(claims->present, &text) != 0;
    report(doctor, FINDING_OK, "capabilities", any ? text_string(&text) : "none");
    text_clear(&text);
    any = claims_words(claims->claimed, &text) != 0;
    if (claims->made) {
        report(doctor, FINDING_OK, "claimed", any ? text_string(&text) : "none");
    }
    text_clear(&text);
    if (claims_words(claims_absent(claims), &text) != 0) {
        text_puts(&text, ": no run can find the library conformant");
        report(doctor, FINDING_NOTICE, "claimed and absent", text_string(&text));
    }
    text_clear(&text);
    if (claims_words(claims_unclaimed(claims), &text) != 0) {
        report(doctor, FINDING_NOTICE, "not claimed", text_string(&text));
    }
    text_finish(&text);
}

static void report_machine(struct doctor *doctor)
{
    const struct probe *probe = &doctor->target.probe;
    int cpus[OPTIONS_JOBS_MAX];
    size_t cpu_count = allowed_cpus(cpus, OPTIONS_JOBS_MAX);
    const char *detection = probe->blocked_detection;
    bool detects = detection[0] != '\0' && strcmp(detection, "none") != 0;
    struct text text = {0};
    text_printf(&text, "%g ns", probe->clock_resolution_ns);
    report(doctor,
           probe->clock_resolution_ns > 0 && probe->clock_resolution_ns <= 1e6 ? FINDING_OK
                                                                               : FINDING_PROBLEM,
           "clock resolution", text_string(&text));
    report(doctor, probe->threads ? FINDING_OK : FINDING_PROBLEM, "thread start",
           probe->threads ? "works" : "does not work");
    report_bool(doctor, detects, "blocked detection", detection,
                "none: verdicts about waiting are weak");
    report_bool(doctor, probe->freeze, "freeze", "works",
                "does not work: cases that hold a thread inside a call are skipped");
    text_clear(&text);
    text_printf(&text, "%zu", cpu_count);
    report_bool(doctor, cpu_count > 1, "CPUs", text_string(&text),
                "1: nothing runs in parallel, and races are met less often");
    text_clear(&text);
    text_printf(&text, "%g: a case has %g s, a long one %g s", doctor->options->timeout_factor,
                CTS_CASE_LIMIT_MS * doctor->options->timeout_factor / 1000.0,
                CTS_LONG_CASE_LIMIT_MS * doctor->options->timeout_factor / 1000.0);
    report_bool(doctor, doctor->options->timeout_factor >= 0.5, "timeout factor",
                text_string(&text), "below 0.5: a busy machine may run into the limits");
    text_finish(&text);
}

static void report_limit(void *context, enum bounds_finding finding, const char *name,
                         const char *text)
{
    static const enum finding findings[] = {[BOUNDS_OK] = FINDING_OK,
                                            [BOUNDS_NOTICE] = FINDING_NOTICE,
                                            [BOUNDS_PROBLEM] = FINDING_PROBLEM};
    report(context, findings[finding], name, text);
}

/* The first of these programs on the path of a worker; null when there is none. */
static const char *find_program(const char *const *names)
{
    static char path[256];
    for (; *names != NULL; names++) {
        const char *at = LAUNCH_PATH;
        while (*at != '\0') {
            int length = (int)strcspn(at, ":");
            int size = snprintf(path, sizeof(path), "%.*s/%s", length, at, *names);
            if (size > 0 && (size_t)size < sizeof(path) && access(path, X_OK) == 0) {
                return path;
            }
            at += length;
            at += *at == ':';
        }
    }
    return NULL;
}

static bool report_compiler(struct doctor *doctor)
{
    static const char *const c_names[] = {"cc", "gcc", "clang", NULL};
    static const char *const cxx_names[] = {"c++", "g++", "clang++", NULL};
    const char *found = find_program(c_names);
    bool has_c = found != NULL;
    report_bool(doctor, has_c, "C compiler", found, "none: cases about headers are skipped");
    found = find_program(cxx_names);
    report_bool(doctor, found != NULL, "C++ compiler", found,
                "none: cases about headers in C++ are skipped");
    return has_c;
}

/* Lists the requirements that have cases of which `skipped` is true, with their number. */
static size_t report_skipped(const struct doctor *doctor, const char *reason,
                             bool (*skipped)(const struct catalogue_case *item))
{
    struct text text = {0};
    size_t total = catalogue_name(&doctor->catalogue, skipped, &text);
    if (total != 0) {
        say(stdout, "  %zu case%s, %s: %s\n", total, total == 1 ? "" : "s", reason,
            text_string(&text));
    }
    text_finish(&text);
    return total;
}

static bool needs_two_processes(const struct catalogue_case *item)
{
    return strcmp(item->layout, "two processes") == 0;
}

static bool needs_compiler(const struct catalogue_case *item)
{
    return strncmp(item->id, "ABI-", 4) == 0;
}

static void report_all_skipped(struct doctor *doctor, bool has_compiler)
{
    size_t total = 0;
    say(stdout, "\nWill be skipped:\n");
    if (!target_has(&doctor->target, CTS_CAN_TWO_PROCESSES)) {
        total += report_skipped(doctor, "for want of a second process", needs_two_processes);
    }
    if (!has_compiler) {
        total +=
            report_skipped(doctor, "those that compile, for want of a compiler", needs_compiler);
    }
    for (size_t i = 0; i < doctor->target.probe.missing_optional.count; i++) {
        struct text symbol = {0};
        text_visible(&symbol, doctor->target.probe.missing_optional.items[i]);
        say(stdout, "  whatever calls %s, which the library does not have\n", text_string(&symbol));
        text_finish(&symbol);
        total++;
    }
    if (!doctor->target.probe.freeze) {
        say(stdout, "  whatever holds a thread inside a call\n");
        total++;
    }
    if (!target_has(&doctor->target, CTS_CAN_VIRTUAL_TIME)) {
        say(stdout, "  whatever moves the clock\n");
        total++;
    }
    if (total == 0) {
        say(stdout, "  nothing that doctor can foresee\n");
    }
}

static void examine(struct doctor *doctor, const struct workplace *place, bool *interrupted)
{
    struct text error = {0};
    if (!target_open(&doctor->target, doctor->options, &error)) {
        report(doctor, FINDING_PROBLEM, "files", text_string(&error));
    } else if (!target_probe(&doctor->target, doctor->options->timeout_factor, place->root,
                             place->signal_fd, interrupted, &error)) {
        report(doctor, FINDING_PROBLEM, "loading", text_string(&error));
    } else if (!target_catalogue(&doctor->target, &doctor->catalogue,
                                 doctor->options->timeout_factor, place->root, place->signal_fd,
                                 interrupted, &error)) {
        report(doctor, FINDING_PROBLEM, "cases", text_string(&error));
    } else if (catalogue_select(&doctor->catalogue, NULL, 0, doctor->profile, false, &error) !=
                   SELECTION_OK ||
               catalogue_keep_extent(&doctor->catalogue, doctor->options->wanted.extent, &error) !=
                   SELECTION_OK) {
        report(doctor, FINDING_PROBLEM, "cases", text_string(&error));
    } else {
        report_library(doctor);
        report_symbols(doctor);
        report_adapter(doctor);
        report_claims(doctor);
        report_machine(doctor);
        bounds_examine(&doctor->target.probe.bounds, doctor->options->timeout_factor, report_limit,
                       doctor);
        bool has_compiler = report_compiler(doctor);
        report_all_skipped(doctor, has_compiler);
    }
    text_finish(&error);
}

int command_doctor(const struct options *options)
{
    struct doctor doctor = {.options = options,
                            .profile = options->profile != NULL ? options->profile
                                                                : COMMANDS_PROFILE_DEFAULT,
                            .color = color_wanted(options->color, stdout)};
    struct workplace place;
    bool interrupted = false;
    if (!workplace_open(&place)) {
        return EXIT_INTERNAL;
    }
    examine(&doctor, &place, &interrupted);
    if (!interrupted) {
        say(stdout, doctor.problems == 0 ? "\nA run is possible.\n" : "\nA run is not possible.\n");
    }
    target_finish(&doctor.target);
    catalogue_finish(&doctor.catalogue);
    workplace_close(&place);
    return interrupted ? EXIT_INTERRUPTED : doctor.problems == 0 ? EXIT_CONFORMANT : EXIT_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"
#include "case_log.h"
#include "keeper.h"
#include "places.h"
#include "sysroot.h"
#include "verdict.h"
#include "worker_command.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_PROBE_LIMIT_MS 10000u
#define TARGET_LIST_LIMIT_MS 30000u

/* `worker`: the program that will load it, where that is not for this machine; or null. */
static bool examine(const char *role, const char *path, const char *worker, bool archive,
                    struct sut_file *file, struct text *error)
{
    struct text why = {0};
    bool good = archive && sut_is_archive(path) ? sut_examine_archive(path, file, &why)
                                                : sut_examine_for(path, worker, file, &why);
    if (!good) {
        text_printf(error, "%s ", role);
        text_visible(error, path);
        text_printf(error, " %s", text_string(&why));
    }
    text_finish(&why);
    return good;
}

/* With a sysroot: its worker, its library, and the reference's adapter for its headers. */
static bool open_sysroot(struct target *target, const struct options *options,
                         struct sysroot *sysroot, struct text *error)
{
    struct sut_file sut = {0};
    if (options->sysroot == NULL) {
        return true;
    }
    /* A file that is no library is said to be none before anything is built. */
    bool good = options->sut == NULL || options->exec_wrapper != NULL ||
                examine("library", options->sut, NULL, true, &sut, error);
    sut_finish(&sut);
    if (!good) {
        return false;
    }
    if (!sysroot_prepare(sysroot, options, error)) {
        return false;
    }
    target->headers = copy_string(sysroot->include);
    return true;
}

static bool open_worker(struct target *target, const char *worker, struct text *error)
{
    target->worker = realpath(worker, NULL);
    if (target->worker == NULL) {
        text_puts(error, "worker ");
        text_visible(error, worker);
        text_printf(error, ": %s", strerror(errno));
    }
    return target->worker != NULL;
}

static bool open_files(struct target *target, const struct options *options,
                       const struct sysroot *sysroot, struct text *error)
{
    bool other_headers = options->sysroot != NULL;
    const char *adapter = options->adapter;
    if (options->sut == NULL && adapter == NULL && !other_headers) {
        adapter = "reference";
    }
    target->claims = options->claims != NULL ? copy_string(options->claims) : NULL;
    const char *sut = other_headers          ? sysroot->library
                      : options->sut != NULL ? options->sut
                                             : place_of(PLACE_REFERENCE);
    if (!open_worker(target, other_headers ? sysroot->worker : options->worker, error)) {
        return false;
    }
    const char *worker = target->wrapper.count != 0 ? target->worker : NULL;
    if (!examine("library", sut, worker, other_headers, &target->sut, error)) {
        return false;
    }
    target->sut_shown = options->sut != NULL ? options->sut
                        : other_headers      ? target->sut.path
                                             : place_of(PLACE_REFERENCE);
    if (adapter != NULL) {
        target->adapter_shown = adapter;
        const char *path = strcmp(adapter, "reference") != 0 ? adapter
                           : sysroot->adapter != NULL        ? sysroot->adapter
                                                             : place_of(PLACE_REFERENCE_ADAPTER);
        target->has_adapter_file = examine("adapter", path, worker, false, &target->adapter, error);
        return target->has_adapter_file;
    }
    return true;
}

bool target_open(struct target *target, const struct options *options, struct text *error)
{
    struct sysroot sysroot = {0};
    *target = (struct target){0};
    bool good = (options->exec_wrapper == NULL ||
                 exec_wrapper_parse(&target->wrapper, options->exec_wrapper, error)) &&
                open_sysroot(target, options, &sysroot, error) &&
                open_files(target, options, &sysroot, error);
    sysroot_finish(&sysroot);
    return good;
}

static void add_strings(struct string_list *list, const cJSON *array)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array)
    {
        if (cJSON_IsString(item)) {
            list->items = reallocate(list->items, (list->count + 1) * sizeof(list->items[0]));
            list->items[list->count++] = copy_string(item->valuestring);
        }
    }
}

static void free_strings(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct string_list){0};
}

/* The worker's report is the last line that looks like one: what the library prints while it is
 * loaded stands before it. */
static cJSON *find_report(const char *output, size_t size)
{
    size_t end = size;
    while (end != 0) {
        size_t begin = end;
        while (begin != 0 && output[begin - 1] != '\n') {
            begin--;
        }
        cJSON *object = begin < end ? cJSON_ParseWithLength(output + begin, end - begin) : NULL;
        if (cJSON_IsObject(object) &&
            cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(object, "ok"))) {
            return object;
        }
        cJSON_Delete(object);
        end = begin == 0 ? 0 : begin - 1;
    }
    return NULL;
}

static bool member_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static const char *member_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static char *member_text(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    struct text text = {0};
    if (cJSON_IsString(member)) {
        text_puts(&text, member->valuestring);
    } else if (cJSON_IsNumber(member)) {
        text_printf(&text, "%g", member->valuedouble);
    }
    char *copy = copy_string(text_string(&text));
    text_finish(&text);
    return copy;
}

static void read_machine(struct probe *probe, const cJSON *report)
{
    const cJSON *resolution = cJSON_GetObjectItemCaseSensitive(report, "clock_resolution_ns");
    const cJSON *cpus = cJSON_GetObjectItemCaseSensitive(report, "cpus");
    probe->clock_resolution_ns = cJSON_IsNumber(resolution) ? resolution->valuedouble : 0;
    probe->cpus = cJSON_IsNumber(cpus) && cpus->valueint > 0 ? (unsigned)cpus->valueint : 0;
    probe->threads = member_true(report, "threads");
    probe->freeze = member_true(report, "freeze");
    probe->blocked_detection = member_text(report, "blocked_detection");
}

static void read_adapter(struct probe *probe, const cJSON *adapter)
{
    probe->has_adapter = cJSON_IsObject(adapter);
    probe->adapter_name = member_text(adapter, "name");
    probe->adapter_version = member_text(adapter, "version");
}

/* Words that are not known are passed over: they are none of ours. */
static unsigned read_set(const cJSON *array)
{
    unsigned set = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array)
    {
        unsigned word = 0;
        const char *wrong = NULL;
        size_t length = 0;
        if (cJSON_IsString(item) &&
            cts_capabilities_parse(item->valuestring, &word, &wrong, &length)) {
            set |= word;
        }
    }
    return set;
}

static void read_bounds(struct bounds *bounds, const cJSON *constants)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, constants)
    {
        if (cJSON_IsNumber(item) && !bounds_add(bounds, item->string, item->valuedouble)) {
            return;
        }
    }
}

static void read_claims(struct claims *claims, const cJSON *report)
{
    claims->made = member_true(report, "claims");
    claims->claimed = read_set(cJSON_GetObjectItemCaseSensitive(report, "claimed"));
    claims->present = read_set(cJSON_GetObjectItemCaseSensitive(report, "present"));
}

bool target_has(const struct target *target, enum cts_capability capability)
{
    return (target->probe.claims.present & CTS_CAPABILITY_BIT(capability)) != 0;
}

bool probe_parse(struct probe *probe, const char *output, size_t size, struct text *error)
{
    cJSON *report = find_report(output, size);
    if (report == NULL) {
        text_puts(error, "no report came back");
        return false;
    }
    const char *load_error = member_string(report, "load_error");
    const char *adapter_error = member_string(report, "adapter_error");
    add_strings(&probe->missing, cJSON_GetObjectItemCaseSensitive(report, "missing"));
    add_strings(&probe->missing_optional,
                cJSON_GetObjectItemCaseSensitive(report, "missing_optional"));
    read_adapter(probe, cJSON_GetObjectItemCaseSensitive(report, "adapter"));
    read_claims(&probe->claims, report);
    read_bounds(&probe->bounds, cJSON_GetObjectItemCaseSensitive(report, "constants"));
    read_machine(probe, report);
    if (load_error != NULL) {
        text_puts(error, "cannot be loaded: ");
        text_visible(error, load_error);
    } else if (probe->missing.count != 0) {
        text_puts(error, "lacks ");
        for (size_t i = 0; i < probe->missing.count; i++) {
            text_puts(error, i == 0 ? "" : ", ");
            text_visible(error, probe->missing.items[i]);
        }
    } else if (adapter_error != NULL) {
        text_puts(error, "and its adapter do not fit: ");
        text_visible(error, adapter_error);
    } else if (!member_true(report, "ok")) {
        text_puts(error, "cannot be tested, and the worker does not say why");
    } else {
        probe->loaded = true;
    }
    cJSON_Delete(report);
    return probe->loaded;
}

/* What became of a probe that did not come to its end. */
static bool probe_ended(const struct keeper_report *report, double limit_s, struct text *error)
{
    struct text line = {0};
    output_last_line(&report->output, &line);
    switch (report->ending) {
    case KEEPER_EXITED:
        text_finish(&line);
        return true;
    case KEEPER_SIGNALLED:
        text_printf(error, "crashes while it is loaded (%s)", signal_word(report->signal));
        break;
    case KEEPER_TIME_LIMIT:
        text_printf(error, "hangs while it is loaded (nothing within %g s)", limit_s);
        break;
    case KEEPER_OUTPUT_LIMIT:
        text_puts(error, "prints without end while it is loaded");
        break;
    default:
        text_printf(error, "cannot be probed: %.*s", (int)sizeof(report->error) - 1, report->error);
        break;
    }
    if (line.size != 0 && report->ending == KEEPER_SIGNALLED) {
        text_puts(error, ": ");
        text_visible(error, text_string(&line));
    }
    text_finish(&line);
    return false;
}

/* A probe or a list, asked of the target's worker. */
struct query {
    struct keeper_report report;
    int lost_signal;     /* without a report: the signal that ended the keeper, or 0 */
    struct log_file log; /* lines that came through a wrapper */
};

static void add_files(struct worker_command *command, const struct target *target)
{
    worker_command_add(command, "--sut", target->sut.path);
    worker_command_add(command, "--adapter",
                       target->has_adapter_file ? target->adapter.path : NULL);
    worker_command_add(command, "--claims", target->claims);
}

/* False when the process that watches the worker was lost. */
static bool query_run(struct query *query, const struct target *target, const char *what,
                      uint64_t limit_ms, double timeout_factor, const char *root, int signal_fd,
                      bool *interrupted)
{
    struct worker_command command;
    struct keeper_order order = {.limit_ms = limit_ms,
                                 .grace_ms = (uint64_t)(KEEPER_GRACE_MS * timeout_factor),
                                 .root = root};
    struct keeper *keeper = allocate(sizeof(*keeper));
    if (!log_file_create(&query->log)) {
        fatal("no memory file for the worker's answer: %s", strerror(errno));
    }
    worker_command_begin(&command, target, limit_ms);
    worker_command_add_flag(&command, what);
    add_files(&command, target);
    worker_command_order(&command, &order);
    order.log_fd = order.nonce != NULL ? query->log.fd : -1;
    bool good = keeper_run(keeper, &order, signal_fd, interrupted);
    query->report = keeper->report;
    query->lost_signal = keeper->lost_signal;
    query->report.error[sizeof(query->report.error) - 1] = '\0';
    worker_command_finish(&command);
    free(keeper);
    return good;
}

static void say_lost(const struct query *query, struct text *text)
{
    text_puts(text, verdict_keeper_was_killed(query->lost_signal)
                        ? "the parent of its process was killed or stopped"
                        : "the process that watches the worker was lost");
}

static void query_finish(struct query *query)
{
    log_file_destroy(&query->log);
    free(query);
}

static void query_lines(const struct query *query, struct text *lines)
{
    uint64_t used = atomic_load_explicit(&query->log.area->used, memory_order_acquire);
    text_add(lines, query->log.area->data, (size_t)(used < CTS_LOG_CAPACITY ? used : 0));
}

/* Did a whole answer come through the wrapper? False with the reason. */
static bool query_whole(const struct query *query, double limit_s, struct text *error)
{
    const struct stream_report *stream = &query->report.stream;
    if (exec_wrapper_silent(&query->report, limit_s, error)) {
        return false;
    }
    if (stream->defect[0] != '\0') {
        text_printf(error, "what comes through the exec wrapper is damaged: %s", stream->defect);
        return false;
    }
    return true;
}

static bool probe_read(struct probe *probe, const struct query *query, double limit_s,
                       struct text *error)
{
    const struct keeper_report *report = &query->report;
    if (!probe_ended(report, limit_s, error)) {
        return false;
    }
    struct text raw = {0};
    struct text why = {0};
    if (report->stream.used) {
        query_lines(query, &raw);
    } else {
        output_raw_end(&report->output, &raw);
    }
    bool good = probe_parse(probe, text_string(&raw), raw.size, &why);
    if (!good && probe->blocked_detection == NULL) {
        text_printf(error, "cannot be probed: the worker exited with status %d and no report",
                    report->exit_status);
        text_clear(&why);
        output_last_line(&report->output, &why);
        text_puts(error, why.size != 0 ? ": " : "");
        text_visible(error, text_string(&why));
    } else {
        text_puts(error, text_string(&why));
    }
    probe->strays = report->strays;
    text_finish(&why);
    text_finish(&raw);
    return good;
}

bool target_probe(struct target *target, double timeout_factor, const char *root, int signal_fd,
                  bool *interrupted, struct text *error)
{
    uint64_t limit_ms = (uint64_t)(TARGET_PROBE_LIMIT_MS * timeout_factor);
    double limit_s = (double)limit_ms / 1000.0;
    struct query *query = allocate(sizeof(*query));
    struct text why = {0};
    bool good =
        query_run(query, target, "--probe", limit_ms, timeout_factor, root, signal_fd, interrupted);
    if (!good) {
        text_puts(&why, "cannot be probed: ");
        say_lost(query, &why);
    } else if (!query_whole(query, limit_s, error)) {
        good = false;
    } else {
        good = probe_read(&target->probe, query, limit_s, &why);
    }
    if (why.size != 0) {
        text_puts(error, "library ");
        text_visible(error, target->sut_shown);
        text_printf(error, " %s", text_string(&why));
    }
    text_finish(&why);
    query_finish(query);
    return good;
}

/* The list as it came through the wrapper. */
static bool read_list(const struct query *query, double limit_s, struct catalogue *catalogue,
                      struct text *error)
{
    struct text lines = {0};
    bool good = query_whole(query, limit_s, error);
    if (good && (!query->report.stream.ended || query->report.stream.status != CTS_EXIT_PASS)) {
        text_puts(error, "the exec wrapper ended in the middle of the list of cases");
        good = false;
    }
    if (good) {
        query_lines(query, &lines);
        good = catalogue_parse(catalogue, text_string(&lines), lines.size, error);
    }
    text_finish(&lines);
    return good;
}

bool target_catalogue(const struct target *target, struct catalogue *catalogue,
                      double timeout_factor, const char *root, int signal_fd, bool *interrupted,
                      struct text *error)
{
    *interrupted = false;
    if (target->wrapper.count == 0) {
        return catalogue_load(catalogue, target->worker, error);
    }
    uint64_t limit_ms = (uint64_t)(TARGET_LIST_LIMIT_MS * timeout_factor);
    struct query *query = allocate(sizeof(*query));
    bool good =
        query_run(query, target, "--list", limit_ms, timeout_factor, root, signal_fd, interrupted);
    if (!good) {
        say_lost(query, error);
    } else {
        good = read_list(query, (double)limit_ms / 1000.0, catalogue, error);
    }
    query_finish(query);
    return good;
}

void target_finish(struct target *target)
{
    sut_finish(&target->sut);
    sut_finish(&target->adapter);
    free(target->worker);
    free(target->headers);
    exec_wrapper_finish(&target->wrapper);
    free(target->claims);
    free_strings(&target->probe.missing);
    free_strings(&target->probe.missing_optional);
    free(target->probe.adapter_name);
    free(target->probe.adapter_version);
    free(target->probe.blocked_detection);
    *target = (struct target){0};
}

static void add_option(struct text *line, const char *name, const char *value)
{
    if (value != NULL) {
        text_printf(line, " %s ", name);
        text_shell_word(line, value);
    }
}

void target_debug_line(const struct options *options, const char *case_id, uint32_t seed,
                       struct text *line)
{
    text_shell_word(line, options->program);
    text_printf(line, " debug %s", case_id);
    add_option(line, "--sut", options->sut);
    add_option(line, "--adapter", options->adapter);
    add_option(line, "--claims", options->claims);
    add_option(line, "--sysroot", options->sysroot);
    add_option(line, "--cc", options->cc);
    add_option(line, "--exec-wrapper", options->exec_wrapper);
    if (seed != OPTIONS_SEED_DEFAULT) {
        text_printf(line, " --seed %u", (unsigned)seed);
    }
    if (options->wanted.extent == CTS_EXTENT_SOAK) {
        text_printf(line, " --profile %s", extent_word(CTS_EXTENT_SOAK));
    }
}

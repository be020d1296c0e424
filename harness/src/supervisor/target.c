/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"
#include "keeper.h"
#include "sysroot.h"
#include "verdict.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_PROBE_LIMIT_MS 10000u

static bool examine(const char *role, const char *path, bool archive, struct sut_file *file,
                    struct text *error)
{
    struct text why = {0};
    bool good = archive && sut_is_archive(path) ? sut_examine_archive(path, file, &why)
                                                : sut_examine(path, file, &why);
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
    bool good = options->sut == NULL || examine("library", options->sut, true, &sut, error);
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
    const char *sut = other_headers          ? sysroot->library
                      : options->sut != NULL ? options->sut
                                             : CTS_DEFAULT_SUT;
    if (!examine("library", sut, other_headers, &target->sut, error)) {
        return false;
    }
    target->sut_shown = options->sut != NULL ? options->sut
                        : other_headers      ? target->sut.path
                                             : CTS_DEFAULT_SUT;
    if (adapter != NULL) {
        target->adapter_shown = adapter;
        const char *path = strcmp(adapter, "reference") != 0 ? adapter
                           : sysroot->adapter != NULL        ? sysroot->adapter
                                                             : CTS_DEFAULT_ADAPTER;
        if (!examine("adapter", path, false, &target->adapter, error)) {
            return false;
        }
        target->has_adapter_file = true;
    }
    return open_worker(target, other_headers ? sysroot->worker : options->worker, error);
}

bool target_open(struct target *target, const struct options *options, struct text *error)
{
    struct sysroot sysroot = {0};
    *target = (struct target){0};
    bool good = open_sysroot(target, options, &sysroot, error) &&
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
    probe->processes = member_true(adapter, "processes");
    probe->stages = member_true(adapter, "stages");
    probe->live_objects = member_true(adapter, "live_objects");
    probe->virtual_time = member_true(adapter, "virtual_time");
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

static bool probe_read(struct probe *probe, const struct keeper_report *report, double limit_s,
                       struct text *error)
{
    if (!probe_ended(report, limit_s, error)) {
        return false;
    }
    struct text raw = {0};
    struct text why = {0};
    output_raw_end(&report->output, &raw);
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
    static char probe[] = "--probe";
    static char sut[] = "--sut";
    static char adapter[] = "--adapter";
    char *argv[] = {target->worker,
                    probe,
                    sut,
                    target->sut.path,
                    target->has_adapter_file ? adapter : NULL,
                    target->has_adapter_file ? target->adapter.path : NULL,
                    NULL};
    uint64_t limit_ms = (uint64_t)(TARGET_PROBE_LIMIT_MS * timeout_factor);
    struct keeper_order order = {.argv = argv, .log_fd = -1, .limit_ms = limit_ms, .root = root};
    struct keeper *keeper = allocate(sizeof(*keeper));
    struct text why = {0};
    bool good = keeper_run(keeper, &order, signal_fd, interrupted);
    if (!good) {
        text_puts(&why, "cannot be probed: the process that watches the worker was lost");
    } else {
        good = probe_read(&target->probe, &keeper->report, (double)limit_ms / 1000.0, &why);
    }
    if (!good) {
        text_puts(error, "library ");
        text_visible(error, target->sut_shown);
        text_printf(error, " %s", text_string(&why));
    }
    text_finish(&why);
    free(keeper);
    return good;
}

void target_finish(struct target *target)
{
    sut_finish(&target->sut);
    sut_finish(&target->adapter);
    free(target->worker);
    free(target->headers);
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
    add_option(line, "--sysroot", options->sysroot);
    add_option(line, "--cc", options->cc);
    if (seed != OPTIONS_SEED_DEFAULT) {
        text_printf(line, " --seed %u", (unsigned)seed);
    }
}

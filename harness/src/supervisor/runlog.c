/* SPDX-License-Identifier: Apache-2.0 */
#include "runlog.h"
#include "verdict.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Not waiting for a reader of a pipe, but for one that is slow. */
static bool open_copy(struct runlog *log, const char *path)
{
    log->copy_fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    int flags = log->copy_fd >= 0 ? fcntl(log->copy_fd, F_GETFL) : -1;
    return flags >= 0 && fcntl(log->copy_fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

static bool open_file(struct runlog *log, const char *path)
{
    log->path = copy_string(path);
    log->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    log->created = log->fd >= 0;
    if (log->fd < 0 && errno == EEXIST) {
        log->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    }
    return log->fd >= 0;
}

bool runlog_open(struct runlog *log, const char *path, const char *kept)
{
    struct stat status;
    *log = (struct runlog){.fd = -1, .copy_fd = -1};
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        return open_copy(log, path) && open_file(log, kept);
    }
    return open_file(log, path);
}

static void close_fd(struct runlog *log, int fd)
{
    if (fd >= 0 && close(fd) != 0 && log->error == 0) {
        log->error = errno;
    }
}

void runlog_close(struct runlog *log)
{
    close_fd(log, log->fd);
    close_fd(log, log->copy_fd);
    if (log->created && !log->started) {
        (void)unlink(log->path);
    }
    free(log->path);
    log->path = NULL;
    log->fd = log->copy_fd = -1;
}

static void write_to(struct runlog *log, int fd, const struct text *block)
{
    size_t done = 0;
    while (done < block->size && log->error == 0) {
        ssize_t size = write(fd, block->data + done, block->size - done);
        if (size >= 0) {
            done += (size_t)size;
        } else if (errno != EINTR) {
            log->error = errno;
        }
    }
}

static void write_all(struct runlog *log, const struct text *block)
{
    write_to(log, log->fd, block);
    if (log->copy_fd >= 0) {
        write_to(log, log->copy_fd, block);
    }
}

/* cJSON's builders give null when memory ran out. */
static cJSON *checked(cJSON *item)
{
    if (item == NULL) {
        fatal("out of memory");
    }
    return item;
}

static cJSON *new_event(const char *name)
{
    cJSON *event = checked(cJSON_CreateObject());
    (void)checked(cJSON_AddStringToObject(event, "event", name));
    return event;
}

static void add_string(cJSON *object, const char *name, const char *value)
{
    (void)checked(value != NULL ? cJSON_AddStringToObject(object, name, value)
                                : cJSON_AddNullToObject(object, name));
}

/* A string that may hold any bytes, as paths do. */
static void add_bytes(cJSON *object, const char *name, const char *value)
{
    struct text text = {0};
    text_utf8(&text, value, strlen(value));
    add_string(object, name, text_string(&text));
    text_finish(&text);
}

static void add_number(cJSON *object, const char *name, double value)
{
    (void)checked(cJSON_AddNumberToObject(object, name, value));
}

static void add_bool(cJSON *object, const char *name, bool value)
{
    (void)checked(cJSON_AddBoolToObject(object, name, value));
}

/* To a thousandth. */
static double milliseconds(uint64_t ns)
{
    uint64_t us = ns / 1000u;
    return (double)us / 1000.0;
}

static cJSON *add_strings(cJSON *object, const char *name)
{
    return checked(cJSON_AddArrayToObject(object, name));
}

static void append_string(cJSON *array, const char *value)
{
    if (!cJSON_AddItemToArray(array, checked(cJSON_CreateString(value)))) {
        fatal("out of memory");
    }
}

/* Appends the event as a line and releases it. */
static void finish_event(cJSON *event, struct text *block)
{
    char *line = cJSON_PrintUnformatted(event);
    if (line == NULL) {
        fatal("out of memory");
    }
    text_puts(block, line);
    text_puts(block, "\n");
    cJSON_free(line);
    cJSON_Delete(event);
}

static void add_adapter(cJSON *event, const struct target *target)
{
    if (!target->probe.has_adapter) {
        add_string(event, "adapter", NULL);
        return;
    }
    cJSON *adapter = checked(cJSON_AddObjectToObject(event, "adapter"));
    /* An adapter that the library exports has the library's path. */
    add_bytes(adapter, "path", target->has_adapter_file ? target->adapter.path : target->sut.path);
    add_string(adapter, "name", target->probe.adapter_name);
}

static void add_machine(cJSON *event, unsigned cpus)
{
    struct utsname name;
    bool known = uname(&name) == 0;
    cJSON *machine = checked(cJSON_AddObjectToObject(event, "machine"));
    add_number(machine, "cpus", cpus);
    add_string(machine, "kernel", known ? name.release : "");
    add_string(machine, "arch", known ? name.machine : "");
}

static void add_set(cJSON *object, const char *name, unsigned set)
{
    cJSON *words = add_strings(object, name);
    for (unsigned i = 0; i < CTS_CAPABILITY_COUNT; i++) {
        if ((set & CTS_CAPABILITY_BIT(i)) != 0) {
            append_string(words, cts_capabilities[i].word);
        }
    }
}

static void add_capabilities(cJSON *event, const struct claims *claims)
{
    cJSON *capabilities = checked(cJSON_AddObjectToObject(event, "capabilities"));
    if (claims->made) {
        add_set(capabilities, "claimed", claims->claimed);
    } else {
        add_string(capabilities, "claimed", NULL);
    }
    add_set(capabilities, "present", claims->present);
}

static void add_time(cJSON *event)
{
    char text[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        text[0] = '\0';
    }
    add_string(event, "time_utc", text);
}

static void add_digests(cJSON *event, const struct identity *identity)
{
    cJSON *digests = checked(cJSON_AddObjectToObject(event, "digests"));
    add_string(digests, "suite", identity->suite);
    add_string(digests, "sut", identity->sut);
    add_string(digests, "adapter", identity->adapter[0] != '\0' ? identity->adapter : NULL);
    add_string(digests, "profile", identity->profile);
}

static void add_shard(cJSON *event, const struct options *options, const struct identity *identity)
{
    if (options->shard_count != 0) {
        cJSON *shard = checked(cJSON_AddObjectToObject(event, "shard"));
        add_number(shard, "index", options->shard_index);
        add_number(shard, "count", options->shard_count);
        add_string(shard, "plan", identity->plan);
    }
}

void runlog_start(struct runlog *log, const struct options *options, const struct target *target,
                  const struct catalogue *catalogue, const struct identity *identity, unsigned jobs,
                  unsigned cpus)
{
    struct text block = {0};
    cJSON *event = new_event("run_start");
    add_number(event, "version", 1);
    add_string(event, "suite", CTS_VERSION);
    add_string(event, "profile", options->profile);
    add_string(event, "extent", extent_word(options->wanted.extent));
    cJSON *sut = checked(cJSON_AddObjectToObject(event, "sut"));
    add_bytes(sut, "path", target->sut.path);
    add_number(sut, "size_bytes", (double)target->sut.size_bytes);
    add_string(sut, "build_id", target->sut.build_id[0] != '\0' ? target->sut.build_id : NULL);
    if (options->sut_version != NULL) {
        add_string(sut, "version", options->sut_version);
    }
    if (target->headers != NULL) {
        add_bytes(sut, "headers", target->headers);
    }
    if (options->exec_wrapper != NULL) {
        add_bytes(event, "exec_wrapper", options->exec_wrapper);
    }
    add_adapter(event, target);
    add_digests(event, identity);
    add_shard(event, options, identity);
    add_number(event, "seed", options->seed);
    add_number(event, "jobs", jobs);
    add_number(event, "repeat", options->repeat);
    add_bool(event, "shuffle", options->shuffle);
    add_number(event, "timeout_factor", options->timeout_factor);
    add_bool(event, "strict", options->strict);
    add_machine(event, cpus);
    cJSON *planned = add_strings(event, "planned");
    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->cases[i].selected) {
            append_string(planned, catalogue->cases[i].id);
        }
    }
    cJSON *missing = add_strings(event, "missing_optional");
    for (size_t i = 0; i < target->probe.missing_optional.count; i++) {
        append_string(missing, target->probe.missing_optional.items[i]);
    }
    add_capabilities(event, &target->probe.claims);
    add_time(event);
    finish_event(event, &block);
    log->started = true;
    if (ftruncate(log->fd, 0) != 0) {
        log->error = errno;
    }
    write_all(log, &block);
    text_finish(&block);
}

/* Words between blanks as a list. */
static void add_words(cJSON *event, const char *name, const char *words)
{
    cJSON *list = add_strings(event, name);
    char *copy = copy_string(words);
    char *rest = copy;
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        if (word[0] != '\0') {
            append_string(list, word);
        }
    }
    free(copy);
}

static void add_requirement(const struct cts_requirement *row, const char *profile,
                            struct text *block)
{
    cJSON *event = new_event("requirement");
    add_string(event, "id", row->id);
    add_string(event, "area", row->area);
    add_string(event, "claim", row->claim);
    add_string(event, "strength", requirement_strength(row, profile));
    add_string(event, "invariant", row->invariant);
    add_string(event, "source", row->source);
    add_words(event, "profiles", row->profiles);
    add_string(event, "causes", row->causes);
    add_string(event, "uncovered", row->uncovered);
    finish_event(event, block);
}

static void add_listed_case(const struct catalogue_case *item, struct text *block)
{
    struct text traits = {0};
    catalogue_trait_words(item->traits, &traits);
    cJSON *event = new_event("listed_case");
    add_string(event, "id", item->id);
    add_string(event, "requirement", item->requirement_id);
    add_string(event, "title", item->title);
    add_string(event, "file", item->file);
    add_string(event, "layout", item->layout);
    add_words(event, "traits", text_string(&traits));
    finish_event(event, block);
    text_finish(&traits);
}

void runlog_catalogue(struct runlog *log, const char *profile, const struct catalogue *catalogue,
                      const struct text *model)
{
    struct text block = {0};
    for (size_t i = 0; i < cts_requirement_count; i++) {
        add_requirement(&cts_requirements[i], profile, &block);
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        add_listed_case(&catalogue->cases[i], &block);
    }
    text_add(&block, text_string(model), model->size);
    write_all(log, &block);
    text_finish(&block);
}

static void add_place(cJSON *event, const struct case_record *record)
{
    if (record->file == NULL) {
        add_string(event, "at", NULL);
        return;
    }
    cJSON *at = checked(cJSON_AddObjectToObject(event, "at"));
    add_string(at, "file", record->file);
    add_number(at, "line", record->line);
}

static void add_ending(cJSON *event, const struct keeper_report *report)
{
    add_string(event, "signal",
               report->ending == KEEPER_SIGNALLED ? signal_word(report->signal) : NULL);
    if (report->ending == KEEPER_EXITED) {
        add_number(event, "exit_code", report->exit_status);
    } else {
        add_string(event, "exit_code", NULL);
    }
}

void runlog_case_lines(const struct case_result *result, struct text *start, struct text *end)
{
    const struct catalogue_case *item = result->job.item;
    const struct case_record *record = &result->log.record;
    cJSON *event = new_event("case_start");
    add_string(event, "case", item->id);
    add_number(event, "rep", result->job.rep);
    add_number(event, "index", result->job.index);
    add_string(event, "requirement", item->requirement_id);
    add_string(event, "strength", case_strength(item));
    add_string(event, "claim", case_claim(item));
    add_string(event, "title", item->title);
    add_string(event, "file", item->file);
    add_string(event, "layout", item->layout);
    add_string(event, "suspect", item->suspect);
    finish_event(event, start);

    event = new_event("case_end");
    add_string(event, "case", item->id);
    add_number(event, "rep", result->job.rep);
    add_string(event, "verdict", verdict_word(result->verdict));
    add_string(event, "reason", text_string(&result->reason));
    add_string(event, "expected", record->expected);
    add_string(event, "observed", record->observed);
    add_place(event, record);
    add_number(event, "checks", record->checks);
    add_number(event, "duration_ms", milliseconds(result->report.duration_ns));
    add_ending(event, &result->report);
    add_number(event, "output_bytes", (double)result->report.output.total);
    if (result->output.size != 0) {
        add_string(event, "output", text_string(&result->output));
    }
    add_number(event, "strays", result->report.strays);
    add_bytes(event, "repro", text_string(&result->repro));
    finish_event(event, end);
}

void runlog_case(struct runlog *log, const struct case_result *result)
{
    struct text block = {0};
    struct text end = {0};
    runlog_case_lines(result, &block, &end);
    text_add(&block, text_string(&result->lines), result->lines.size);
    text_add(&block, text_string(&end), end.size);
    write_all(log, &block);
    text_finish(&end);
    text_finish(&block);
}

void runlog_end(struct runlog *log, const unsigned counts[VERDICT_COUNT], int exit_code,
                bool complete, uint64_t duration_ns)
{
    struct text block = {0};
    cJSON *event = new_event("run_end");
    cJSON *verdicts = checked(cJSON_AddObjectToObject(event, "verdicts"));
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (counts[i] != 0) {
            add_number(verdicts, verdict_word((enum verdict)i), counts[i]);
        }
    }
    add_number(event, "exit_code", exit_code);
    add_bool(event, "complete", complete);
    add_number(event, "duration_ms", milliseconds(duration_ns));
    finish_event(event, &block);
    write_all(log, &block);
    text_finish(&block);
}

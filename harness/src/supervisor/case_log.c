/* SPDX-License-Identifier: Apache-2.0 */
#include "case_log.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CASE_LOG_FILE_BYTES (sizeof(struct cts_log_area) + (size_t)CTS_LOG_CAPACITY)

bool log_file_create(struct log_file *file)
{
    file->area = NULL;
    file->fd = memfd_create("ipc-cts-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file->fd < 0) {
        return false;
    }
    void *memory = MAP_FAILED;
    if (ftruncate(file->fd, (off_t)CASE_LOG_FILE_BYTES) == 0 &&
        fcntl(file->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        memory = mmap(NULL, CASE_LOG_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    }
    /* A keeper that is made while this case runs has no use for it. */
    if (memory != MAP_FAILED && madvise(memory, CASE_LOG_FILE_BYTES, MADV_DONTFORK) != 0) {
        (void)munmap(memory, CASE_LOG_FILE_BYTES);
        memory = MAP_FAILED;
    }
    if (memory == MAP_FAILED) {
        int error = errno;
        (void)close(file->fd);
        file->fd = -1;
        errno = error;
        return false;
    }
    file->area = memory;
    file->area->magic = CTS_LOG_MAGIC;
    file->area->capacity = CTS_LOG_CAPACITY;
    return true;
}

void log_file_destroy(struct log_file *file)
{
    if (file->area != NULL) {
        (void)munmap(file->area, CASE_LOG_FILE_BYTES);
        (void)close(file->fd);
    }
    file->area = NULL;
    file->fd = -1;
}

static const char *member_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static char *member_copy(const cJSON *object, const char *name)
{
    const char *string = member_string(object, name);
    return string != NULL ? copy_string(string) : NULL;
}

static void add_pair(struct log_pairs *pairs, const cJSON *event, const char *first,
                     const char *second)
{
    const char *a = member_string(event, first);
    const char *b = member_string(event, second);
    if (a == NULL || b == NULL) {
        return;
    }
    pairs->items = reallocate(pairs->items, (pairs->count + 1) * sizeof(pairs->items[0]));
    pairs->items[pairs->count++] =
        (struct log_pair){.first = copy_string(a), .second = copy_string(b)};
}

static void on_invoke(struct case_log *log, const cJSON *event)
{
    const char *call = member_string(event, "call");
    const char *actor = member_string(event, "actor");
    log->invokes++;
    log->in_flight =
        reallocate(log->in_flight, (log->in_flight_count + 1) * sizeof(log->in_flight[0]));
    log->in_flight[log->in_flight_count++] =
        (struct log_call){.op = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(event, "op")),
                          .call = copy_string(call != NULL ? call : "a call"),
                          .actor = copy_string(actor != NULL ? actor : "?")};
}

static void on_return(struct case_log *log, const cJSON *event)
{
    double op = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(event, "op"));
    for (size_t i = 0; i < log->in_flight_count; i++) {
        if (log->in_flight[i].op == op) {
            free(log->in_flight[i].call);
            free(log->in_flight[i].actor);
            log->in_flight_count--;
            memmove(&log->in_flight[i], &log->in_flight[i + 1],
                    (log->in_flight_count - i) * sizeof(log->in_flight[0]));
            return;
        }
    }
}

static unsigned member_count(const cJSON *object, const char *name)
{
    double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return value >= 0 && value <= UINT32_MAX ? (unsigned)value : 0;
}

static void on_search(struct case_log *log, const cJSON *event)
{
    const char *name = member_string(event, "window");
    log->windows = reallocate(log->windows, (log->window_count + 1) * sizeof(log->windows[0]));
    log->windows[log->window_count++] =
        (struct log_window){.name = copy_string(name != NULL ? name : "?")};
}

/* The end of the search that was begun last. */
static void on_window(struct case_log *log, const cJSON *event)
{
    static const char *const phases[LOG_PHASES] = {"before", "entering", "blocked", "taken",
                                                   "after"};
    if (case_log_searching(log) == NULL) {
        return;
    }
    struct log_window *window = &log->windows[log->window_count - 1];
    const cJSON *counts = cJSON_GetObjectItemCaseSensitive(event, "phases");
    const cJSON *overlaps = cJSON_GetObjectItemCaseSensitive(event, "overlaps");
    int missing = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(event, "missing"));
    window->done = true;
    window->trials = member_count(event, "trials");
    for (unsigned i = 0; i < LOG_PHASES; i++) {
        window->has[i] = cJSON_HasObjectItem(counts, phases[i]);
        window->phases[i] = member_count(counts, phases[i]);
    }
    window->overlaps[0] = member_count(overlaps, "trigger first");
    window->overlaps[1] = member_count(overlaps, "rival first");
    window->missing = missing > 0 ? (size_t)missing : 0;
}

const char *case_log_searching(const struct case_log *log)
{
    const struct log_window *last =
        log->window_count != 0 ? &log->windows[log->window_count - 1] : NULL;
    return last != NULL && !last->done ? last->name : NULL;
}

static void on_complete(struct case_log *log, const cJSON *event)
{
    log->records++;
    if (log->records > 1) {
        return; /* the first one stands, and the verdict rules refuse both */
    }
    struct case_record *record = &log->record;
    const char *word = member_string(event, "verdict");
    const cJSON *checks = cJSON_GetObjectItemCaseSensitive(event, "checks");
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(event, "line");
    record->valid = word != NULL && verdict_parse(word, &record->verdict) &&
                    cJSON_IsNumber(checks) && checks->valuedouble >= 0;
    record->checks = cJSON_IsNumber(checks) ? checks->valuedouble : 0;
    record->reason = member_copy(event, "reason");
    record->expected = member_copy(event, "expected");
    record->observed = member_copy(event, "observed");
    record->file = member_copy(event, "file");
    record->line = cJSON_IsNumber(line) ? line->valueint : 0;
    if (record->reason == NULL) {
        record->reason = copy_string("");
    }
}

/* False for an event that a worker does not write. Unknown events are passed on. */
static bool take_event(struct case_log *log, const cJSON *event)
{
    static const char *const ours[] = {"run_start", "case_start", "case_end", "run_end"};
    const char *name = member_string(event, "event");
    if (name == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strcmp(name, ours[i]) == 0) {
            return false;
        }
    }
    if (log->records != 0) {
        log->after_record = true;
    }
    if (strcmp(name, "invoke") == 0) {
        on_invoke(log, event);
    } else if (strcmp(name, "return") == 0) {
        on_return(log, event);
    } else if (strcmp(name, "stage") == 0) {
        add_pair(&log->stages, event, "actor", "state");
    } else if (strcmp(name, "observe") == 0) {
        log->observations++;
        add_pair(&log->observed, event, "what", "seen");
    } else if (strcmp(name, "check") == 0) {
        log->failed_check =
            log->failed_check || cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(event, "ok"));
    } else if (strcmp(name, "settle") == 0) {
        const char *how = member_string(event, "how");
        log->weak = log->weak || how == NULL || strcmp(how, "weak") == 0;
    } else if (strcmp(name, "search") == 0) {
        on_search(log, event);
    } else if (strcmp(name, "window") == 0) {
        on_window(log, event);
    } else if (strcmp(name, "complete") == 0) {
        on_complete(log, event);
    }
    return true;
}

/* Length of a number as a worker writes it, whole and without leading zeros; 0 for any other. */
static size_t whole_number(const char *at, const char *end)
{
    const char *first = at + (*at == '-');
    const char *last = first;
    while (last < end && *last >= '0' && *last <= '9') {
        last++;
    }
    bool good = last != first && (*first != '0' || last == first + 1);
    return good ? (size_t)(last - at) : 0;
}

/* Four digits of a character other than 0, which the parser takes for the end of the string. */
static bool is_code_unit(const char *at, const char *end)
{
    bool is_hex = end - at >= 4;
    for (int i = 0; is_hex && i < 4; i++) {
        is_hex = isxdigit((unsigned char)at[i]) != 0;
    }
    return is_hex && memcmp(at, "0000", 4) != 0;
}

/* Length of a string with its quotes; 0 when it holds what JSON forbids, or 0 itself. */
static size_t quoted(const char *at, const char *end)
{
    for (const char *c = at + 1; c < end; c++) {
        if ((unsigned char)*c < 0x20) {
            return 0;
        }
        if (*c == '"') {
            return (size_t)(c + 1 - at);
        }
        if (*c == '\\' && ++c < end && *c == 'u' && !is_code_unit(c + 1, end)) {
            return 0;
        }
    }
    return 0;
}

/* Is what the lenient parser has accepted proper JSON, without space between its tokens? */
static bool is_proper(const char *at, const char *end)
{
    while (at < end) {
        size_t length = 1;
        if (*at == '"') {
            length = quoted(at, end);
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            length = whole_number(at, end);
            bool ends = length != 0 && at + length < end && strchr(",]}", at[length]) != NULL;
            length = ends ? length : 0;
        } else if ((unsigned char)*at <= 0x20) {
            length = 0;
        }
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

/* What follows the name of the event in a line that begins with it, as those of a worker do, and can stay as it
 * is; null for any other. */
static const char *rest_as_is(const cJSON *event, const char *line, size_t size)
{
    static const char begin[] = "{\"event\":\"";
    const char *name = member_string(event, "event");
    size_t name_size = strlen(name);
    size_t rest_at = sizeof(begin) - 1 + name_size + 1;
    bool begins = size > rest_at && memcmp(line, begin, sizeof(begin) - 1) == 0 &&
                  memcmp(line + sizeof(begin) - 1, name, name_size) == 0 &&
                  line[rest_at - 1] == '"';
    bool names_case = cJSON_GetObjectItemCaseSensitive(event, "case") != NULL ||
                      cJSON_GetObjectItemCaseSensitive(event, "rep") != NULL;
    return begins && !names_case && is_proper(line + rest_at, line + size) ? line + rest_at : NULL;
}

static char *printed(const cJSON *item)
{
    char *text = cJSON_PrintUnformatted(item);
    if (text == NULL) {
        fatal("out of memory");
    }
    return text;
}

/* `event` first, then the case it belongs to, then the rest as the worker gave it. A line that was
 * not written as a worker writes is written anew, so that it becomes proper JSON. */
static void write_event(cJSON *event, const char *line, size_t size, const char *ours,
                        struct text *lines)
{
    const char *rest = rest_as_is(event, line, size);
    if (rest != NULL) {
        text_add(lines, line, (size_t)(rest - line));
        text_puts(lines, ours);
        text_add(lines, rest, size - (size_t)(rest - line));
        text_puts(lines, "\n");
        return;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(event, "case");
    cJSON_DeleteItemFromObjectCaseSensitive(event, "rep");
    cJSON *name = cJSON_DetachItemFromObjectCaseSensitive(event, "event");
    char *name_word = printed(name);
    char *others = printed(event);
    text_puts(lines, "{\"event\":");
    text_puts(lines, name_word);
    text_puts(lines, ours);
    text_puts(lines, event->child != NULL ? "," : "");
    text_puts(lines, others + 1);
    text_puts(lines, "\n");
    cJSON_free(name_word);
    cJSON_free(others);
    cJSON_Delete(name);
}

/* Of two members of one name this parser would take the first and others the last. */
static bool names_differ(const cJSON *event)
{
    for (const cJSON *one = event->child; one != NULL; one = one->next) {
        for (const cJSON *other = one->next; other != NULL; other = other->next) {
            if (strcmp(one->string, other->string) == 0) {
                return false;
            }
        }
    }
    return true;
}

/* `ours`: the members that are added to each line. */
static bool take_line(struct case_log *log, const char *line, size_t size, const char *ours,
                      struct text *lines)
{
    if (memchr(line, '\0', size) != NULL || !utf8_valid(line, size)) {
        return false;
    }
    const char *end = NULL;
    cJSON *event = cJSON_ParseWithLengthOpts(line, size, &end, 0);
    bool good = cJSON_IsObject(event) && (size_t)(end - line) == size && names_differ(event) &&
                take_event(log, event);
    if (good) {
        write_event(event, line, size, ours, lines);
    }
    cJSON_Delete(event);
    return good;
}

void case_log_read(struct case_log *log, const char *data, size_t size, const char *case_id,
                   unsigned rep, struct text *lines)
{
    struct text ours = {0};
    /* Ids of cases need no escapes: the catalogue accepts no others. */
    text_printf(&ours, ",\"case\":\"%s\",\"rep\":%u", case_id, rep);
    size_t at = 0;
    while (at < size && !log->damaged) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - (data + at));
        if (end == NULL || !take_line(log, data + at, length, text_string(&ours), lines)) {
            log->damaged = true;
            log->damaged_at = at;
        }
        at += length + 1;
    }
    text_finish(&ours);
}

void case_log_read_area(struct case_log *log, const struct cts_log_area *area, const char *case_id,
                        unsigned rep, struct text *lines)
{
    uint64_t used = atomic_load_explicit(&area->used, memory_order_acquire);
    log->full = atomic_load_explicit(&area->full, memory_order_acquire) != 0;
    if (used > CTS_LOG_CAPACITY) {
        log->damaged = true;
        return;
    }
    case_log_read(log, area->data, (size_t)used, case_id, rep, lines);
}

static void free_pairs(struct log_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].first);
        free(pairs->items[i].second);
    }
    free(pairs->items);
}

void case_log_finish(struct case_log *log)
{
    for (size_t i = 0; i < log->in_flight_count; i++) {
        free(log->in_flight[i].call);
        free(log->in_flight[i].actor);
    }
    free(log->in_flight);
    free_pairs(&log->stages);
    free_pairs(&log->observed);
    for (size_t i = 0; i < log->window_count; i++) {
        free(log->windows[i].name);
    }
    free(log->windows);
    free(log->record.reason);
    free(log->record.expected);
    free(log->record.observed);
    free(log->record.file);
    *log = (struct case_log){0};
}

#define CASE_LOG_CALLS_NAMED 8u

void case_log_in_flight(const struct case_log *log, struct text *text)
{
    for (size_t i = 0; i < log->in_flight_count && i < CASE_LOG_CALLS_NAMED; i++) {
        text_printf(text, "%s%s (%s)", i == 0 ? "" : ", ", log->in_flight[i].call,
                    log->in_flight[i].actor);
    }
    if (log->in_flight_count > CASE_LOG_CALLS_NAMED) {
        text_printf(text, " and %zu more", log->in_flight_count - CASE_LOG_CALLS_NAMED);
    }
}

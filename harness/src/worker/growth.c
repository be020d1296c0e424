/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaks: what is there after each round of the same work, in all processes of the case. Tasks,
 * descriptors and memory are counted by the operating system, live objects by the adapter. What is
 * judged, and when, is growth_rule.c's.
 *
 * Memory is judged only in rounds of many objects, done by one op: there the harness itself grows by
 * less than a byte an object. Not under sanitizers and Valgrind, which keep freed memory on purpose.
 */
#include "event_log.h"
#include "growth_rule.h"
#include "library.h"
#include "task_files.h"
#include "worker_protocol.h"
#include "world.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS_MAX 512u
/* Time for the rounds, and for those that still have to tell a leak from what is kept: a busy machine
 * makes few rounds. Both leave a long case time to end. */
#define BUDGET_MS 15000u
#define UNDECIDED_BUDGET_MS 40000u
#define PROCESSES_MAX 64u
/* So many objects in a round make the harness's own memory small beside theirs. */
#define OBJECTS_LEAST 1024u
#define POINTS 9u /* of a curve in the log */

enum resource { TASKS, DESCRIPTORS, OBJECTS, BYTES, RESOURCES };

static const struct {
    const char *key;
    const char *text;
} names[RESOURCES] = {{"threads", "threads"},
                      {"descriptors", "open descriptors"},
                      {"live_objects", "live objects"},
                      {"resident_bytes", "bytes of memory"}};

struct cts_growth {
    unsigned objects;
    uint64_t start_ns;
    uint64_t budget_ns;
    uint64_t undecided_budget_ns;
    bool begun;
    bool harmed;           /* the rounds ended early for the machine's sake ... */
    enum resource harmful; /* ... because of this */
    size_t rounds;
    bool judged[RESOURCES];
    struct cts_growth_limits limits[RESOURCES];
    uint64_t values[RESOURCES][ROUNDS_MAX];
};

/* ------------------------------------------------------------------------------------------------
 * Counting.
 */

/* All processes of the case, the worker first. */
static size_t processes_of(const struct cts_snapshot *snapshot, pid_t *pids)
{
    size_t count = 0;
    pids[count++] = cts_world.pid;
    for (size_t i = 0; i < snapshot->count && count < PROCESSES_MAX; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++) {
            known |= pids[k] == snapshot->tasks[i].pid;
        }
        if (!known) {
            pids[count++] = snapshot->tasks[i].pid;
        }
    }
    return count;
}

/* Adds the entries of a directory of the process that are numbers. False when it cannot be looked at; a process
 * that has just ended counts as nothing. */
static bool add_numbers(pid_t pid, const char *what, uint64_t *count)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return pid != cts_world.pid;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        *count += isdigit((unsigned char)entry->d_name[0]) != 0;
    }
    (void)closedir(directory);
    return true;
}

/* Exact, unlike the counters of /proc/PID/statm, which lag behind by some pages for each thread. */
static bool add_bytes(pid_t pid, uint64_t *bytes)
{
    char path[64];
    char text[128];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pid != cts_world.pid;
    }
    while (fgets(text, sizeof text, file) != NULL) {
        if (strncmp(text, "Rss:", 4) == 0 || strncmp(text, "Swap:", 5) == 0) {
            *bytes += strtoull(strchr(text, ':') + 1, NULL, 10) * 1024u;
        }
    }
    (void)fclose(file);
    return true;
}

/* Value of each resource now; one that cannot be read is judged no more. */
static void count(struct cts_growth *growth, uint64_t *values)
{
    /* Large, and used by the main thread only. */
    static struct cts_snapshot snapshot;
    pid_t pids[PROCESSES_MAX];
    memset(values, 0, RESOURCES * sizeof *values);
    cts_snapshot_take(&snapshot, false);
    size_t process_count = processes_of(&snapshot, pids);
    cts_task_files_close();
    for (size_t i = 0; i < process_count; i++) {
        growth->judged[TASKS] &= add_numbers(pids[i], "task", &values[TASKS]);
        growth->judged[DESCRIPTORS] &= add_numbers(pids[i], "fd", &values[DESCRIPTORS]);
        if (growth->judged[BYTES]) {
            growth->judged[BYTES] = add_bytes(pids[i], &values[BYTES]);
        }
    }
    if (growth->judged[OBJECTS]) {
        uint32_t objects = 0;
        growth->judged[OBJECTS] = cts_adapter_in_use.live_objects(CTS_ALL_PROCESSES, &objects) == 0;
        values[OBJECTS] = objects;
    }
}

/* Under these freed memory is not given back, and not used again for long. */
static bool memory_is_kept(void)
{
    static const char *const marks[] = {"__asan_init", "__hwasan_init", "__msan_init",
                                        "__tsan_init"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (dlsym(RTLD_DEFAULT, marks[i]) != NULL) {
            return true;
        }
    }
    char text[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && !found && fgets(text, sizeof text, maps) != NULL) {
        found = strstr(text, "vgpreload") != NULL;
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return found;
}

/* ------------------------------------------------------------------------------------------------
 * Rounds.
 */

struct cts_growth *cts_growth_begin(unsigned objects)
{
    struct cts_growth *growth = calloc(1, sizeof *growth);
    if (growth == NULL) {
        cts_broken("no memory for the counts of the rounds");
    }
    double factor = cts_world.timeout_factor > 1.0 ? cts_world.timeout_factor : 1.0;
    growth->objects = objects;
    growth->start_ns = cts_now_ns();
    growth->budget_ns = (uint64_t)(BUDGET_MS * 1e6 * factor);
    uint64_t undecided_ns = (uint64_t)(UNDECIDED_BUDGET_MS * 1e6 * cts_world.timeout_factor);
    growth->undecided_budget_ns =
        undecided_ns > growth->budget_ns ? undecided_ns : growth->budget_ns;
    growth->judged[TASKS] = growth->judged[DESCRIPTORS] = true;
    growth->judged[OBJECTS] = cts_adapter_in_use.live_objects != NULL;
    growth->judged[BYTES] = objects >= OBJECTS_LEAST && !memory_is_kept();
    for (size_t i = 0; i < RESOURCES; i++) {
        growth->limits[i] = CTS_GROWTH_OF_COUNTS;
    }
    growth->limits[TASKS].harm = growth->limits[DESCRIPTORS].harm = CTS_GROWTH_HARM;
    if (growth->judged[BYTES]) {
        growth->limits[BYTES] = CTS_GROWTH_OF_BYTES(objects);
    }
    return growth;
}

/* Threads and descriptors may be on their way out: wait for them as long as for a call that must
 * return. */
static bool goes_away(struct cts_growth *growth, enum resource which)
{
    _Atomic uint32_t nobody = 0;
    const uint64_t *seen = growth->values[which];
    uint64_t last = seen[growth->rounds - 1];
    uint64_t before = seen[growth->rounds > CTS_GROWTH_WARM ? CTS_GROWTH_WARM - 1 : 0];
    uint64_t start = cts_now_ns();
    uint64_t bound = (uint64_t)(CTS_HANG_LIMIT_MS * 1e6 * cts_world.timeout_factor);
    while (which != BYTES && cts_now_ns() - start < bound) {
        uint64_t values[RESOURCES];
        count(growth, values);
        if (values[which] < before + (last - before) / 4) {
            return true;
        }
        cts_futex_wait(&nobody, 0, 20000000u);
    }
    return false;
}

/* Threads or descriptors that are left in masses, and stay. */
static bool does_harm(struct cts_growth *growth, enum resource which)
{
    return cts_growth_does_harm(growth->values[which], growth->rounds, &growth->limits[which]) &&
           !goes_away(growth, which);
}

bool cts_growth_next(struct cts_growth *growth)
{
    if (!growth->begun) {
        growth->begun = true;
        return true;
    }
    uint64_t values[RESOURCES];
    count(growth, values);
    for (size_t i = 0; i < RESOURCES; i++) {
        growth->values[i][growth->rounds] = values[i];
    }
    growth->rounds++;
    bool more = false;
    bool undecided = false;
    for (size_t i = 0; i < RESOURCES; i++) {
        if (growth->judged[i] && does_harm(growth, (enum resource)i)) {
            growth->harmed = true;
            growth->harmful = (enum resource)i;
            return false;
        }
        if (growth->judged[i]) {
            const uint64_t *seen = growth->values[i];
            more |= cts_growth_wants_more(seen, growth->rounds, &growth->limits[i]);
            undecided |= cts_growth_goes_on(seen, growth->rounds, &growth->limits[i]) &&
                         !cts_growth_is_leak(seen, growth->rounds, &growth->limits[i]);
        }
    }
    uint64_t budget_ns = undecided ? growth->undecided_budget_ns : growth->budget_ns;
    bool in_time = cts_now_ns() - growth->start_ns <= budget_ns;
    return more && growth->rounds < ROUNDS_MAX && (in_time || growth->rounds < CTS_GROWTH_FIRST);
}

/* ------------------------------------------------------------------------------------------------
 * The verdict.
 */

static void log_growth(const struct cts_growth *growth, const char *verdict)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "growth");
    cts_json_uint(&line, "rounds", growth->rounds);
    cts_json_uint(&line, "objects", growth->objects);
    for (size_t i = 0; i < RESOURCES; i++) {
        uint64_t points[POINTS];
        for (size_t k = 0; k < POINTS; k++) {
            points[k] = growth->values[i][(growth->rounds - 1) * k / (POINTS - 1)];
        }
        if (growth->judged[i]) {
            cts_json_uint_list(&line, names[i].key, points, POINTS);
        }
    }
    cts_json_string(&line, "verdict", verdict);
    cts_log_line(&line);
}

static _Noreturn void end(const struct cts_growth *growth, enum resource which, const char *verdict,
                          const char *file, int line)
{
    char text[128];
    char observed[160];
    const uint64_t *values = growth->values[which];
    size_t last = growth->rounds - 1;
    (void)snprintf(text, sizeof text, "the number of %s stops growing", names[which].text);
    size_t warm = growth->rounds > CTS_GROWTH_WARM ? CTS_GROWTH_WARM : 1;
    (void)snprintf(observed, sizeof observed, "%llu after round %zu, %llu after round %zu",
                   (unsigned long long)values[warm - 1], warm, (unsigned long long)values[last],
                   growth->rounds);
    log_growth(growth, verdict);
    const struct cts_finding finding = {"check",  text, "an end of the growth",
                                        observed, file, line};
    cts_end_case(verdict, &finding);
}

void cts_growth_check_at(struct cts_growth *growth, const char *file, int line)
{
    if (growth->rounds < CTS_GROWTH_FIRST && !growth->harmed) {
        cts_broken("the case asked for growth without enough rounds");
    }
    if (growth->harmed) {
        end(growth, growth->harmful, "LEAK", file, line);
    }
    for (size_t i = 0; i < RESOURCES; i++) {
        const uint64_t *values = growth->values[i];
        if (!growth->judged[i] || !cts_growth_goes_on(values, growth->rounds, &growth->limits[i])) {
            continue;
        }
        if (!cts_growth_is_leak(values, growth->rounds, &growth->limits[i])) {
            end(growth, (enum resource)i, "INCONCLUSIVE", file, line);
        }
        if (!goes_away(growth, (enum resource)i)) {
            end(growth, (enum resource)i, "LEAK", file, line);
        }
    }
    log_growth(growth, "PASS");
    const struct cts_finding finding = {
        "check", "nothing grows without end", "an end of the growth", "an end of the growth", file,
        line};
    cts_pass(&finding);
    free(growth);
}

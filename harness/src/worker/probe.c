/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said about the library, the adapter and this machine before any verdict. */
#include "event_log.h"
#include "library.h"
#include "worker_protocol.h"
#include "world.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint32_t parked;

static void *park_thread(void *context)
{
    (void)context;
    while (atomic_load(&parked) == 0) {
        cts_futex_wait(&parked, 0, 0);
    }
    return NULL;
}

/* Does the two-pass snapshot see a parked thread as asleep and end? */
static bool kernel_detects(bool *threads)
{
    pthread_t thread;
    atomic_store(&parked, 0);
    *threads = pthread_create(&thread, NULL, park_thread, NULL) == 0;
    if (!*threads) {
        return false;
    }
    static struct cts_snapshot snapshot;
    bool seen = false;
    uint64_t start = cts_now_ns();
    do {
        cts_snapshot_take(&snapshot, true);
        seen = snapshot.asleep && snapshot.count >= 1;
        (void)sched_yield();
    } while (!seen && snapshot.complete && cts_now_ns() - start < 2000000000u);
    atomic_store(&parked, 1);
    cts_futex_wake_all(&parked);
    (void)pthread_join(thread, NULL);
    return seen;
}

static void put_adapter(struct cts_json *line)
{
    if (!cts_adapter_present) {
        cts_json_string(line, "adapter", NULL);
        return;
    }
    const struct cts_adapter *adapter = &cts_adapter_in_use;
    cts_json_open(line, "adapter");
    cts_json_string(line, "name", adapter->name == NULL ? "unnamed" : adapter->name);
    cts_json_uint(line, "version", adapter->version);
    cts_json_close(line);
}

/* What verdicts about time rest on, as this worker was built. */
static void put_constants(struct cts_json *line)
{
    cts_json_open(line, "constants");
    cts_json_uint(line, "rest_limit_ms", CTS_REST_LIMIT_MS);
    cts_json_uint(line, "hang_limit_ms", CTS_HANG_LIMIT_MS);
    cts_json_uint(line, "case_limit_ms", CTS_CASE_LIMIT_MS);
    cts_json_uint(line, "long_case_limit_ms", CTS_LONG_CASE_LIMIT_MS);
    cts_json_uint(line, "safety_ms", CTS_SAFETY_MS);
    cts_json_uint(line, "infinite_timeout", INFINITE_TIMEOUT);
    cts_json_uint(line, "invalid_handle", INVALID_HANDLE);
    cts_json_int(line, "rc_ok", rcOk);
    cts_json_close(line);
}

static void put_capabilities(struct cts_json *line)
{
    const char *claimed[CTS_CAPABILITY_COUNT];
    const char *present[CTS_CAPABILITY_COUNT];
    size_t claimed_count = 0;
    size_t present_count = 0;
    for (unsigned i = 0; i < CTS_CAPABILITY_COUNT; i++) {
        if ((cts_claims & CTS_CAPABILITY_BIT(i)) != 0) {
            claimed[claimed_count++] = cts_capabilities[i].word;
        }
        if (cts_capability_present((enum cts_capability)i)) {
            present[present_count++] = cts_capabilities[i].word;
        }
    }
    cts_json_bool(line, "claims", cts_claims_made);
    cts_json_string_list(line, "claimed", claimed, claimed_count);
    cts_json_string_list(line, "present", present, present_count);
}

int cts_probe(const char *library, const char *adapter)
{
    cts_world.pid = getpid();
    cts_world.main_tid = cts_gettid();
    struct cts_library_status status;
    bool ok = cts_library_load(library, adapter, &status);
    struct timespec resolution = {0, 0};
    (void)clock_getres(CLOCK_MONOTONIC, &resolution);
    bool threads = false;
    bool kernel = kernel_detects(&threads);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    (void)sched_getaffinity(0, sizeof cpus, &cpus);

    struct cts_json line;
    cts_json_begin(&line);
    cts_json_bool(&line, "ok", ok);
    cts_json_string(&line, "load_error", status.error[0] == '\0' ? NULL : status.error);
    cts_json_string_list(&line, "missing", status.missing, status.missing_count);
    cts_json_string_list(&line, "missing_optional", status.missing_optional,
                         status.missing_optional_count);
    put_adapter(&line);
    put_capabilities(&line);
    put_constants(&line);
    cts_json_string(&line, "adapter_error",
                    status.adapter_error[0] == '\0' ? NULL : status.adapter_error);
    cts_json_uint(&line, "clock_resolution_ns",
                  (uint64_t)resolution.tv_sec * 1000000000u + (uint64_t)resolution.tv_nsec);
    cts_json_bool(&line, "threads", threads);
    const char *detection = kernel ? "kernel" : "none";
    if (cts_adapter_in_use.thread_stage != NULL) {
        detection = kernel ? "hook+kernel" : "hook";
    }
    cts_json_string(&line, "blocked_detection", detection);
    cts_json_bool(&line, "freeze", SIGRTMIN + 5 <= SIGRTMAX);
    cts_json_int(&line, "cpus", CPU_COUNT(&cpus));
    cts_json_end(&line);
    return cts_log_answer(&line) && fflush(stdout) == 0 ? 0 : 1;
}

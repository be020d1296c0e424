/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a case ends. Check runs the body and catches the jump out of it; the verdict is ours: Check
 * knows no skip, and takes an exit(0) in the middle for a pass. The completion record is the last
 * line of the log and the only way to anything but EARLY_EXIT, CRASH or TIMEOUT.
 */
#include "event_log.h"
#include "history.h"
#include "library.h"
#include "race.h"
#include "worker_protocol.h"
#include "world.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cts_world cts_world;

static const char *recorded; /* verdict; null until the record is written */

/* ------------------------------------------------------------------------------------------------
 * Descriptors that belong to us: a library that closes them would hide what it does.
 */
#define SENTINELS 4
static struct sentinel {
    int fd;
    struct stat status;
} sentinels[SENTINELS];

static void sentinels_set(void)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int high_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 200);
    const int fds[SENTINELS] = {0, 1, 2, high_fd};
    for (size_t i = 0; i < SENTINELS; i++) {
        sentinels[i].fd = fds[i];
        (void)fstat(fds[i], &sentinels[i].status);
    }
    (void)close(null_fd);
}

static bool sentinels_hold(void)
{
    for (size_t i = 0; i < SENTINELS; i++) {
        struct stat now;
        if (fstat(sentinels[i].fd, &now) != 0 || now.st_dev != sentinels[i].status.st_dev ||
            now.st_ino != sentinels[i].status.st_ino) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------
 */

static void log_check(const struct cts_finding *finding, bool ok, const char *how)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "check");
    cts_json_bool(&line, "ok", ok);
    cts_json_string(&line, "kind", finding->kind);
    cts_json_string(&line, "text", finding->text);
    cts_json_string(&line, "expected", finding->expected);
    cts_json_string(&line, "observed", finding->observed);
    cts_json_string(&line, "file", finding->file);
    cts_json_int(&line, "line", finding->line);
    if (how != NULL) {
        cts_json_string(&line, "how", how);
    }
    cts_log_line(&line);
}

void cts_pass_at_rest(const struct cts_finding *finding, const char *how)
{
    /* The law runs everywhere; a case has to have made a claim of its own to pass. */
    if (strcmp(finding->kind, "law") != 0) {
        cts_world.check_count++;
    }
    log_check(finding, true, how);
}

void cts_pass(const struct cts_finding *finding)
{
    cts_pass_at_rest(finding, NULL);
}

/* What the library's own state, else the kernel's, says of a busy actor. */
static const char *stage_of(const struct cts_actor *actor, const char **how)
{
    *how = "kernel";
    if (atomic_load(&actor->hold) == 1) {
        *how = "harness";
        return "frozen in";
    }
    if (cts_adapter_in_use.thread_stage != NULL) {
        *how = "hook";
        switch (cts_adapter_in_use.thread_stage(actor->adapter_thread)) {
        case CTS_STAGE_CALL_QUEUED:
            return "blocked, request not taken, in";
        case CTS_STAGE_CALL_TAKEN:
            return "blocked, request taken by a server, in";
        case CTS_STAGE_RECV_WAITING:
            return "blocked, waiting for a request, in";
        case CTS_STAGE_RUNNING:
        case CTS_STAGE_UNKNOWN:
            break;
        }
        *how = "kernel";
    }
    static struct cts_snapshot snapshot;
    cts_snapshot_take(&snapshot, false);
    for (size_t i = 0; i < snapshot.count; i++) {
        if (snapshot.tasks[i].tid == actor->tid) {
            return snapshot.tasks[i].state == 'S' ? "asleep in" : "running in";
        }
    }
    return "in";
}

static void log_stages(void)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        const struct cts_op *op = actor->current;
        char state[160];
        const char *how = "harness";
        if (op == NULL) {
            continue;
        }
        if (cts_actor_busy(actor)) {
            const char *stage = stage_of(actor, &how);
            (void)snprintf(state, sizeof state, "%s %s", stage, cts_call_name(op->kind));
        } else {
            (void)snprintf(state, sizeof state, "idle, %s returned %s", cts_call_name(op->kind),
                           op->note == NULL ? cts_rc_name(op->rc) : op->note);
        }
        struct cts_json line;
        cts_json_begin(&line);
        cts_json_string(&line, "event", "stage");
        cts_json_string(&line, "actor", actor->name);
        cts_json_string(&line, "state", state);
        cts_json_string(&line, "how", how);
        cts_log_line(&line);
    }
}

static void record(const char *verdict, const struct cts_finding *finding)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "complete");
    cts_json_string(&line, "verdict", verdict);
    cts_json_string(&line, "reason", finding->text);
    cts_json_string(&line, "expected", finding->expected);
    cts_json_string(&line, "observed", finding->observed);
    cts_json_string(&line, "file", finding->file);
    cts_json_int(&line, "line", finding->line);
    cts_json_uint(&line, "checks", cts_world.check_count);
    cts_log_line(&line);
    recorded = verdict;
}

_Noreturn void cts_end_case(const char *verdict, const struct cts_finding *finding)
{
    cts_ops_log_returns();
    cts_race_abandon();
    if (strcmp(verdict, "SKIP") != 0) {
        cts_world.check_count++;
        log_check(finding, false, NULL);
        log_stages();
    }
    record(verdict, finding);
    ck_abort_msg("%s: %s", verdict, finding->text);
    /* Check jumps out; the analysis of _Noreturn needs to hear it. */
    _exit(CTS_EXIT_HARD);
}

_Noreturn void cts_broken(const char *reason)
{
    const struct cts_finding finding = {"require", reason, NULL, NULL, NULL, 0};
    cts_end_case("BROKEN", &finding);
}

_Noreturn void cts_skip(const char *reason)
{
    const struct cts_finding finding = {"require", reason, NULL, NULL, NULL, 0};
    cts_end_case("SKIP", &finding);
}

void cts_need(enum cts_capability capability)
{
    if (!cts_capability_present(capability)) {
        cts_lacks(capability);
    }
}

void cts_lacks(enum cts_capability capability)
{
    const struct cts_capability_row *row = &cts_capabilities[capability];
    if (!cts_claims_made || (cts_claims & CTS_CAPABILITY_BIT(capability)) == 0) {
        cts_skip(row->absent);
    }
    char text[256];
    (void)snprintf(text, sizeof text, "%s is claimed and absent: %s", row->word, row->absent);
    const struct cts_finding finding = {"check", text, row->means, "not there", NULL, 0};
    cts_end_case("FAIL", &finding);
}

void cts_observe(const char *what, const char *seen)
{
    cts_world.observation_count++;
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "observe");
    cts_json_string(&line, "what", what);
    cts_json_string(&line, "seen", seen);
    cts_log_line(&line);
}

static uint32_t live_objects(void)
{
    uint32_t count = 0;
    if (cts_adapter_in_use.live_objects != NULL &&
        cts_adapter_in_use.live_objects(CTS_ALL_PROCESSES, &count) != 0) {
        cts_broken("the adapter's live_objects failed");
    }
    return count;
}

/* What must hold after every case that passed: nothing waits, the law holds, nothing is left. */
static void close_case(uint32_t objects_before)
{
    cts_settle();
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (cts_actor_busy(actor)) {
            cts_broken("the case ended while an actor was still in a call");
        }
    }
    bool drained = cts_objects_drain();
    cts_law_check();
    cts_history_check();
    if (!drained) {
        return;
    }
    if (!cts_objects_close_all()) {
        const struct cts_finding finding = {
            "law", "KnHandleClose returns at the end of a case", "return", "none", NULL, 0};
        cts_end_case("FAIL", &finding);
    }
    uint32_t objects_after = live_objects();
    if (objects_after != objects_before) {
        char observed[32];
        (void)snprintf(observed, sizeof observed, "%u objects more",
                       objects_after - objects_before);
        const struct cts_finding finding = {
            "law", "no object outlives its handles", "0 objects more", observed, NULL, 0};
        cts_end_case("LEAK", &finding);
    }
    if (!sentinels_hold()) {
        const struct cts_finding finding = {
            "law",  "descriptors that the library does not own stay open",
            "open", "closed or replaced",
            NULL,   0};
        cts_end_case("FAIL", &finding);
    }
}

START_TEST(run_body)
{
    uint32_t objects_before = live_objects();
    cts_world.self->body(cts_world.self);
    close_case(objects_before);
    const struct cts_finding finding = {"check", "", NULL, NULL, NULL, 0};
    record(cts_world.observation_count > 0 ? "OBSERVED" : "PASS", &finding);
}
END_TEST

static int exit_status(void)
{
    static const char *const good[] = {"PASS", "OBSERVED"};
    static const char *const neutral[] = {"SKIP", "INCONCLUSIVE"};
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(recorded, good[i]) == 0) {
            return CTS_EXIT_PASS;
        }
        if (strcmp(recorded, neutral[i]) == 0) {
            return CTS_EXIT_SKIP;
        }
    }
    return CTS_EXIT_FAIL;
}

static bool actors_idle(void)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (cts_actor_busy(actor)) {
            return false;
        }
    }
    return true;
}

int cts_run_case(const struct cts_case *self)
{
    cts_world.self = self;
    cts_world.pid = getpid();
    cts_world.main_tid = cts_gettid();
    cts_shared_open();
    sentinels_set();
    cts_freeze_install();

    Suite *suite = suite_create("ipc-cts");
    TCase *tcase = tcase_create(self->id);
    tcase_add_test(tcase, run_body);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    if (recorded == NULL) {
        /* A ck_assert_* of the body itself failed. */
        TestResult **results = srunner_failures(runner);
        const char *message = results != NULL && srunner_ntests_failed(runner) > 0
                                  ? tr_msg(results[0])
                                  : "the body ended without a record";
        const struct cts_finding finding = {"check", message, NULL, NULL, self->id, 0};
        cts_world.check_count++;
        log_check(&finding, false, NULL);
        log_stages();
        record("FAIL", &finding);
        free(results);
    }
    srunner_free(runner);
    if (exit_status() == CTS_EXIT_PASS && actors_idle()) {
        cts_actors_join();
    }
    return exit_status();
}

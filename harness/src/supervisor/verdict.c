/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"
#include "exec_wrapper.h"
#include "exit_code.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define VERDICT_SHELL_SIGNALS 128

static const char *const words[VERDICT_COUNT] = {
    [VERDICT_PASS] = "PASS",
    [VERDICT_FAIL] = "FAIL",
    [VERDICT_CRASH] = "CRASH",
    [VERDICT_TIMEOUT] = "TIMEOUT",
    [VERDICT_EARLY_EXIT] = "EARLY_EXIT",
    [VERDICT_LEAK] = "LEAK",
    [VERDICT_BROKEN] = "BROKEN",
    [VERDICT_SKIP] = "SKIP",
    [VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
    [VERDICT_OBSERVED] = "OBSERVED",
};

const char *verdict_word(enum verdict verdict)
{
    return words[verdict];
}

bool verdict_parse(const char *word, enum verdict *verdict)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (strcmp(words[i], word) == 0) {
            *verdict = (enum verdict)i;
            return true;
        }
    }
    return false;
}

bool verdict_is_failure(enum verdict verdict)
{
    return verdict == VERDICT_FAIL || verdict == VERDICT_CRASH || verdict == VERDICT_TIMEOUT ||
           verdict == VERDICT_EARLY_EXIT || verdict == VERDICT_LEAK || verdict == VERDICT_BROKEN;
}

int verdict_exit_code(const unsigned counts[VERDICT_COUNT])
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (counts[i] != 0 && verdict_is_failure((enum verdict)i)) {
            return EXIT_DEVIATES;
        }
    }
    return counts[VERDICT_INCONCLUSIVE] != 0 ? EXIT_INCONCLUSIVE : EXIT_CONFORMANT;
}

const char *signal_word(int number)
{
    static char buffer[32];
    const char *name = sigabbrev_np(number);
    int length = name != NULL ? snprintf(buffer, sizeof(buffer), "SIG%s", name)
                              : snprintf(buffer, sizeof(buffer), "signal %d", number);
    return length > 0 ? buffer : "a signal";
}

bool verdict_keeper_was_killed(int signal)
{
    static const int own[] = {0, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (signal == own[i]) {
            return false;
        }
    }
    return true;
}

static void add_calls(const struct case_facts *facts, struct text *reason)
{
    if (case_log_searching(facts->log) != NULL) {
        text_puts(reason, ", in a trial of the window: ");
        text_visible(reason, case_log_searching(facts->log));
        return;
    }
    if (facts->log->in_flight_count == 0) {
        text_puts(reason, facts->log->invokes == 0 ? ", before the first call"
                                                   : ", with no call in flight");
        return;
    }
    text_puts(reason, ", in ");
    case_log_in_flight(facts->log, reason);
}

static void add_record(const struct case_facts *facts, struct text *reason)
{
    if (facts->log->records != 0 && facts->log->record.valid) {
        text_printf(reason, ", after its record said %s", verdict_word(facts->log->record.verdict));
    }
}

static void add_last_line(const struct case_facts *facts, struct text *reason)
{
    text_puts(reason, facts->last_line[0] != '\0' ? ": " : "");
    text_puts(reason, facts->last_line);
}

/* The exit status that goes with a record; -1: a worker does not give that verdict to itself. */
static int status_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
    case VERDICT_OBSERVED:
        return CTS_EXIT_PASS;
    case VERDICT_FAIL:
    case VERDICT_BROKEN:
    case VERDICT_TIMEOUT:
    case VERDICT_LEAK:
        return CTS_EXIT_FAIL;
    case VERDICT_SKIP:
    case VERDICT_INCONCLUSIVE:
        return CTS_EXIT_SKIP;
    default:
        return -1;
    }
}

/* What speaks against the exec wrapper and not against the library. */
static bool decide_stream(const struct case_facts *facts, struct text *reason)
{
    const struct keeper_report *report = facts->report;
    const struct stream_report *stream = &report->stream;
    if (!stream->used || report->ending == KEEPER_OUTPUT_LIMIT) {
        return false;
    }
    if (exec_wrapper_silent(report, facts->limit_s, reason)) {
        return true;
    }
    if (stream->defect[0] != '\0') {
        text_printf(reason, "the stream of the case is damaged: %s", stream->defect);
        return true;
    }
    if (stream->ended && report->ending == KEEPER_TIME_LIMIT) {
        text_printf(reason, "the worker has ended, and the exec wrapper has not within %g s",
                    facts->limit_s);
        return true;
    }
    /* Not every wrapper passes the status on; one that has failed itself does not give 0. */
    if (stream->ended && report->ending == KEEPER_EXITED && report->exit_status != 0 &&
        report->exit_status != stream->status) {
        text_printf(reason, "the worker ended with status %d, the exec wrapper with %d",
                    (int)stream->status, (int)report->exit_status);
        return true;
    }
    return false;
}

/* A wrapper that is a script ends with 128 and the number of the signal that killed its command. */
static int shell_signal(const struct keeper_report *report)
{
    int number = report->exit_status - VERDICT_SHELL_SIGNALS;
    bool meant = report->stream.used && !report->stream.ended && report->ending == KEEPER_EXITED &&
                 number > 0 && number < NSIG;
    return meant ? number : 0;
}

/* The status with which the worker ended: through a wrapper it says so itself. */
static int worker_status(const struct keeper_report *report)
{
    return report->stream.used && report->stream.ended ? report->stream.status
                                                       : report->exit_status;
}

/* Endings that were not the worker's own. */
static bool decide_forced_end(const struct case_facts *facts, enum verdict *verdict,
                              struct text *reason)
{
    const struct keeper_report *report = facts->report;
    if (facts->keeper_lost && verdict_keeper_was_killed(facts->keeper_signal)) {
        *verdict = VERDICT_CRASH;
        text_printf(reason, "the parent of the process was killed or stopped (%s)",
                    signal_word(facts->keeper_signal));
        add_calls(facts, reason);
        add_record(facts, reason);
        return true;
    }
    if (facts->keeper_lost) {
        *verdict = VERDICT_BROKEN;
        text_puts(reason, "the process that watches the worker was lost");
        return true;
    }
    if (decide_stream(facts, reason)) {
        *verdict = VERDICT_BROKEN;
        return true;
    }
    int signal = report->ending == KEEPER_SIGNALLED ? report->signal : shell_signal(report);
    switch (signal != 0 ? KEEPER_SIGNALLED : (int)report->ending) {
    case KEEPER_EXITED:
        return false;
    case KEEPER_SIGNALLED:
        *verdict = VERDICT_CRASH;
        text_puts(reason, signal_word(signal));
        add_calls(facts, reason);
        add_record(facts, reason);
        return true;
    case KEEPER_TIME_LIMIT:
        *verdict = VERDICT_TIMEOUT;
        text_printf(reason, "not finished within %g s", facts->limit_s);
        add_calls(facts, reason);
        add_record(facts, reason);
        return true;
    case KEEPER_OUTPUT_LIMIT:
        *verdict = VERDICT_LEAK;
        text_printf(reason, "more than %u MiB of output",
                    (unsigned)(KEEPER_OUTPUT_MAX_BYTES / (1024u * 1024u)));
        add_calls(facts, reason);
        return true;
    default:
        *verdict = VERDICT_BROKEN;
        text_printf(reason, "no worker: %.*s", (int)sizeof(report->error) - 1, report->error);
        return true;
    }
}

/* Exit statuses by which a worker says that it could not do its work. */
static bool decide_harness_error(const struct case_facts *facts, enum verdict *verdict,
                                 struct text *reason)
{
    int status = worker_status(facts->report);
    /* A usage error comes before the first call; later the same status is the library's doing. */
    bool usage = status == CTS_EXIT_USAGE && facts->log->invokes == 0 && facts->log->records == 0;
    if (status != CTS_EXIT_HARD && !usage) {
        return false;
    }
    *verdict = VERDICT_BROKEN;
    text_puts(reason, usage ? "the worker could not start the case" : "the worker failed");
    add_last_line(facts, reason);
    return true;
}

/* What a log must be like before its record is looked at; null when it is. */
static const char *log_defect(const struct case_log *log)
{
    if (log->damaged) {
        return "the log of the case is damaged";
    }
    if (log->full) {
        return "the log of the case is full";
    }
    if (log->records > 1) {
        return "the log holds more than one completion record";
    }
    if (log->records == 1 && log->after_record) {
        return "the log goes on after its completion record";
    }
    if (log->records == 1 && (!log->record.valid || status_of(log->record.verdict) < 0)) {
        return "the completion record is not one that a worker writes";
    }
    return NULL;
}

/* A record that is well formed and cannot be true all the same; null when it may be. */
static const char *record_defect(const struct case_log *log)
{
    const struct case_record *record = &log->record;
    bool good = record->verdict == VERDICT_PASS || record->verdict == VERDICT_OBSERVED;
    if (record->verdict == VERDICT_PASS && record->checks < 1) {
        return "PASS without a single check";
    }
    if (record->verdict == VERDICT_OBSERVED && log->observations == 0) {
        return "OBSERVED without an observation";
    }
    if (good && log->failed_check) {
        return "the record says that all is well, but a check failed";
    }
    return NULL;
}

enum verdict verdict_decide(const struct case_facts *facts, struct text *reason)
{
    enum verdict verdict = VERDICT_BROKEN;
    const struct case_log *log = facts->log;
    if (decide_forced_end(facts, &verdict, reason) ||
        decide_harness_error(facts, &verdict, reason)) {
        return verdict;
    }
    const char *defect = log_defect(log);
    if (defect != NULL) {
        text_puts(reason, defect);
        return VERDICT_BROKEN;
    }
    int status = worker_status(facts->report);
    if (log->records != 0 && facts->report->stream.used && !facts->report->stream.ended) {
        text_printf(reason, "the process exited with status %d before the worker ended", status);
        add_record(facts, reason);
        return VERDICT_EARLY_EXIT;
    }
    if (log->records == 0) {
        text_printf(reason, "the process exited with status %d in the middle of the case", status);
        add_calls(facts, reason);
        return VERDICT_EARLY_EXIT;
    }
    verdict = log->record.verdict;
    if (status != status_of(verdict)) {
        text_printf(reason, "the record says %s, but the process exited with status %d",
                    verdict_word(verdict), status);
        return VERDICT_EARLY_EXIT;
    }
    defect = record_defect(log);
    if (defect != NULL) {
        text_puts(reason, defect);
        return VERDICT_BROKEN;
    }
    if (facts->report->strays != 0 && !verdict_is_failure(verdict)) {
        text_printf(reason, "%u process%s still there %g s after the case (the record said %s)",
                    (unsigned)facts->report->strays, facts->report->strays == 1 ? "" : "es",
                    facts->grace_s, verdict_word(verdict));
        return VERDICT_LEAK;
    }
    if (facts->strict && log->weak && (verdict == VERDICT_PASS || verdict == VERDICT_OBSERVED)) {
        text_printf(reason, "the evidence that calls wait is weak (the record said %s)",
                    verdict_word(verdict));
        return VERDICT_INCONCLUSIVE;
    }
    if (verdict != VERDICT_PASS && log->record.reason != NULL) {
        text_puts(reason, log->record.reason);
    }
    return verdict;
}

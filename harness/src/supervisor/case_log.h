/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of one case: reads what the worker left in the shared memory, checks every line, and
 * keeps what verdict and report need. The worker shares its memory with the library under test, so
 * nothing in the log is believed before it has been looked at.
 */
#ifndef CTS_SUPERVISOR_CASE_LOG_H
#define CTS_SUPERVISOR_CASE_LOG_H

#include "../worker/worker_protocol.h"
#include "text.h"
#include "verdict_word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two strings that belong together; both owned. */
struct log_pair {
    char *first;
    char *second;
};
struct log_pairs {
    struct log_pair *items;
    size_t count;
};

struct log_call {
    double op;
    char *call;
    char *actor;
};

struct case_record {
    bool valid; /* verdict word and number of checks are there */
    enum verdict verdict;
    char *reason;   /* never null when a record was read */
    char *expected; /* may be null, as the rest */
    char *observed;
    char *file;
    int line;
    double checks;
};

struct case_log {
    bool full;                 /* lines were lost */
    bool damaged;              /* a line is not what a worker writes; it and the rest are dropped */
    size_t damaged_at;         /* offset of that line */
    unsigned records;          /* `complete` lines */
    bool after_record;         /* lines follow the first of them */
    bool failed_check;         /* a check or requirement was logged as not ok */
    bool weak;                 /* a look at what waits ended without evidence */
    size_t invokes;            /* calls begun */
    size_t observations;       /* `observe` lines */
    struct case_record record; /* the first `complete` line */
    struct log_call *in_flight; /* calls begun and not returned */
    size_t in_flight_count;
    struct log_pairs stages;   /* actor, state */
    struct log_pairs observed; /* what, seen */
};

/* A log that a worker can fill: memory file, and the supervisor's view of it. */
struct log_file {
    int fd;
    struct cts_log_area *area;
};
/* False with errno when the system has no room. The file cannot be resized, so a library that got
 * hold of it could not take the supervisor down by cutting it. */
bool log_file_create(struct log_file *file);
void log_file_destroy(struct log_file *file);

/* Reads `size` bytes of complete lines. Each good line is appended to `lines` with `case` and `rep`
 * added, in the form in which it goes into events.jsonl. */
void case_log_read(struct case_log *log, const char *data, size_t size, const char *case_id,
                   unsigned rep, struct text *lines);
/* The same from the shared memory. */
void case_log_read_area(struct case_log *log, const struct cts_log_area *area, const char *case_id,
                        unsigned rep, struct text *lines);
void case_log_finish(struct case_log *log);

/* "CallEx (client), Set (controller)"; nothing when no call is in flight. */
void case_log_in_flight(const struct case_log *log, struct text *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.jsonl (reports/schema/events.md). A case is written as one block when it has ended, so
 * that what a killed run leaves behind is a readable prefix.
 */
#ifndef CTS_SUPERVISOR_RUNLOG_H
#define CTS_SUPERVISOR_RUNLOG_H

#include "options.h"
#include "result.h"
#include "shard.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

struct runlog {
    char *path; /* of what can be read again: the file, or what is kept beside a pipe */
    int fd;
    int copy_fd;  /* a pipe or a device, which gets the same; -1 */
    int error;    /* errno of the first failed write; 0 */
    bool created; /* the file was not there before */
    bool started; /* run_start is in it */
};

/* Opens `path`, and makes the file when there is none. What is not a file (a pipe, a device) cannot be
 * read again: it gets a copy, and the log itself is the new file `kept`. False with errno. Until
 * runlog_start a file that was there stays as it was: a run that does not begin costs no log. */
bool runlog_open(struct runlog *log, const char *path, const char *kept);
/* Closes it; a new file without run_start is removed, so that it is not taken for a result. */
void runlog_close(struct runlog *log);

void runlog_start(struct runlog *log, const struct options *options, const struct target *target,
                  const struct catalogue *catalogue, const struct identity *identity, unsigned jobs,
                  unsigned cpus);
/* What there is to be tested: requirements, with their strength in the profile, all cases, and `model`, the
 * transition lines. */
void runlog_catalogue(struct runlog *log, const char *profile, const struct catalogue *catalogue,
                      const struct text *model);
void runlog_case(struct runlog *log, const struct case_result *result);
void runlog_end(struct runlog *log, const unsigned counts[VERDICT_COUNT], int exit_code,
                bool complete, uint64_t duration_ns);

/* The two lines around a case, as text; exposed for tests. */
void runlog_case_lines(const struct case_result *result, struct text *start, struct text *end);

#endif

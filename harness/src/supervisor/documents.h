/* SPDX-License-Identifier: Apache-2.0 */
/* Documents from an event log, by the Python package ctsreport (reports/README.md). */
#ifndef CTS_SUPERVISOR_DOCUMENTS_H
#define CTS_SUPERVISOR_DOCUMENTS_H

#include "options.h"

#include <stdbool.h>

/* Becomes `ctsreport VERB ARGUMENT...`, which prints, and gives the exit code of the command.
 * Comes back only when that could not be started: EXIT_INTERNAL, with a line on stderr. */
int command_documents(const struct options *options);

/* Writes what the options of a run ask for, TAP included, from the log `events`. True when nothing
 * was asked for. False with a line on stderr for each that could not be written. */
bool documents_write(const struct options *options, const char *events);

/* Adds to the log `events` which lines of the library each case reached, from gcov's counters in the
 * directory `data`. False with a line on stderr; the log is then as it was. */
bool documents_add_coverage(const char *events, const char *data, const char *library);

/* Is the file of --waivers one? EXIT_CONFORMANT; EXIT_USAGE or EXIT_INTERNAL, with a line on stderr. */
int documents_check_waivers(const struct options *options);
/* The exit code of the run `events` under its waivers: EXIT_CONFORMANT, EXIT_DEVIATES,
 * EXIT_INCONCLUSIVE, or EXIT_INTERNAL with a line on stderr. Prints what is waived and what is wrong
 * with the waivers, on stderr when stdout is for TAP. The log stays as it is. */
int documents_judge_waivers(const struct options *options, const char *events);

#endif

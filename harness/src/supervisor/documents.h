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

#endif

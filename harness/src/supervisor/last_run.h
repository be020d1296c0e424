/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the log of the last run is found: ipc-cts/events.jsonl in the user's state directory
 * ($XDG_STATE_HOME, else ~/.local/state). With --events it is a link to that file. A run changes it
 * in one step when it ends, so runs at the same time never mix; the last to end is the last run.
 */
#ifndef CTS_SUPERVISOR_LAST_RUN_H
#define CTS_SUPERVISOR_LAST_RUN_H

#include "text.h"

/* Appends the path. False when there is no home to put it in. */
bool last_run_path(struct text *path);
/* Makes `log` the log of the last run: its content when `copy`, else a link to it. A home that
 * cannot be written is not an error of the run; false then. */
bool last_run_keep(const char *log, bool copy);

#endif

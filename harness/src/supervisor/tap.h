/* SPDX-License-Identifier: Apache-2.0 */
/* TAP from the event log, by the report writer. */
#ifndef CTS_SUPERVISOR_TAP_H
#define CTS_SUPERVISOR_TAP_H

#include <stdbool.h>

/* When no case can run: a stream that says why, so that a consumer does not take silence for success.
 * `reason` is one line without control characters. Nothing when `dialect` is 0. */
void tap_bail_out(unsigned dialect, const char *reason, const char *file);
/* Writes it to `file`, or to stdout when null. False with a line on stderr. */
bool tap_write(unsigned dialect, const char *events, const char *file);

#endif

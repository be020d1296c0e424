/* SPDX-License-Identifier: Apache-2.0 */
/* TAP from the event log, by the report writer. */
#ifndef CTS_SUPERVISOR_TAP_H
#define CTS_SUPERVISOR_TAP_H

#include <stdbool.h>

/* Writes it to `file`, or to stdout when null. False with a line on stderr. */
bool tap_write(unsigned dialect, const char *events, const char *file);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* TAP of a run that has no event log; documents.h writes it from one. */
#ifndef CTS_SUPERVISOR_TAP_H
#define CTS_SUPERVISOR_TAP_H

/* When no case can run: a stream that says why, so that a consumer does not take silence for success.
 * `reason` is one line without control characters. Nothing when `dialect` is 0. */
void tap_bail_out(unsigned dialect, const char *reason, const char *file);

#endif

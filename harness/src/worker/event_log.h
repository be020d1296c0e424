/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's side of the log: shared memory that the supervisor reads, see worker_protocol.h.
 * Only the main thread of the process that opened it writes.
 */
#ifndef CTS_EVENT_LOG_H
#define CTS_EVENT_LOG_H

#include "json_line.h"

#include <stdbool.h>

/* Map the log behind `fd` and close the descriptor. False: it is not a log. */
bool cts_log_open(int fd);
/* Write records into a stream instead (stream_record.h): to what is stdout now, or stderr where there
 * is none. Stdout becomes what stderr is, so that a library's prints are kept apart where the caller
 * keeps both apart. False: there is no descriptor to write to. */
bool cts_log_to_stream(const char *nonce);
/* The last record of a stream; nothing without one. */
void cts_log_exit(int status);
/* Write events to stderr instead, for debugging. */
void cts_log_to_stderr(void);
/* Leave out all lines from now on, or no longer. */
void cts_log_mute(bool mute);
/* End the object and append it as a line. Does nothing in any process but the one that opened it.
 */
void cts_log_line(struct cts_json *json);
/* A line for the reader of --list and --probe: into the stream, or to stdout. False: it is lost. */
bool cts_log_answer(const struct cts_json *json);

#endif

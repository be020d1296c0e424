/* SPDX-License-Identifier: Apache-2.0 */
/* The command line that starts a worker: the exec wrapper's words when there is one, the worker, its
 * options. */
#ifndef CTS_SUPERVISOR_WORKER_COMMAND_H
#define CTS_SUPERVISOR_WORKER_COMMAND_H

#include "keeper.h"
#include "stream.h"
#include "target.h"

#include <stddef.h>

#define WORKER_COMMAND_OPTIONS_MAX 32

struct worker_command {
    char *words[EXEC_WRAPPER_WORDS_MAX + WORKER_COMMAND_OPTIONS_MAX]; /* owned; null at the end */
    size_t count;
    size_t directory_word; /* the keeper puts the working directory there; 0: nowhere */
    char nonce[CTS_STREAM_NONCE_LENGTH + 1]; /* "" without a wrapper */
};

/* Through the wrapper the worker is told to speak through a stream, and to end by itself after
 * `limit_ms` and some: whoever kills the wrapper does not always reach it. */
void worker_command_begin(struct worker_command *command, const struct target *target,
                          uint64_t limit_ms);
/* A word alone. */
void worker_command_add_flag(struct worker_command *command, const char *word);
/* An option; a null value is left out. Both are copied. */
void worker_command_add(struct worker_command *command, const char *name, const char *value);
void worker_command_add_number(struct worker_command *command, const char *name, double value);
/* Fills what the keeper has to know of it. `order` borrows from `command`. */
void worker_command_order(struct worker_command *command, struct keeper_order *order);
void worker_command_finish(struct worker_command *command);

#endif

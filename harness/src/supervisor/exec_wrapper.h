/* SPDX-License-Identifier: Apache-2.0 */
/* --exec-wrapper: the command through which workers are started. */
#ifndef CTS_SUPERVISOR_EXEC_WRAPPER_H
#define CTS_SUPERVISOR_EXEC_WRAPPER_H

#include "keeper.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

#define EXEC_WRAPPER_WORDS_MAX 64

struct exec_wrapper {
    char *words[EXEC_WRAPPER_WORDS_MAX]; /* owned; the first is looked up on the caller's path */
    size_t count;                        /* 0: none */
};

/* Splits `text` as a shell splits a command into words: quotes, backslash, $VARIABLE, ~, patterns.
 * No pipes, redirections or command substitution: a script does those. False with one line. */
bool exec_wrapper_parse(struct exec_wrapper *wrapper, const char *text, struct text *error);
void exec_wrapper_finish(struct exec_wrapper *wrapper);

/* Why no worker has spoken through the wrapper, as one line; false when one has. */
bool exec_wrapper_silent(const struct keeper_report *report, double limit_s, struct text *reason);

#endif

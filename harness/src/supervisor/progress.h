/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees while the run goes on: a progress line, and each failure as it happens. */
#ifndef CTS_SUPERVISOR_PROGRESS_H
#define CTS_SUPERVISOR_PROGRESS_H

#include "options.h"
#include "result.h"

#include <stdbool.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool color;
    bool quiet;
    bool verbose;
    bool line;       /* a progress line may be drawn: a terminal, and not quiet */
    bool line_drawn; /* one stands there now */
    size_t total;
    size_t done;
    size_t failed;
    unsigned char *reported; /* by position of the case: its failure was shown in full */
    bool told_what_is_left;  /* so was a case after which something was left, nothing else wrong */
};

void progress_begin(struct progress *progress, const struct options *options, FILE *out,
                    size_t total, size_t case_count);
void progress_case_start(struct progress *progress, const struct job *job);
void progress_case_end(struct progress *progress, const struct case_result *result);
/* Takes the progress line away. */
void progress_end(struct progress *progress);

/* Is color wanted on this stream? */
bool color_wanted(enum color color, FILE *stream);
/* Escape sequence that begins the color of a verdict, "" without color. */
const char *color_of(bool color, enum verdict verdict);
const char *color_end(bool color);

/* A failure in full, as lines; exposed for tests. */
void progress_failure_text(const struct case_result *result, bool color, struct text *text);

#endif

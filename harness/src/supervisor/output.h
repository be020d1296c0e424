/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker printed: its beginning, its end and how much it was. Lives in a fixed struct so
 * that a keeper can hand it over as it is.
 */
#ifndef CTS_SUPERVISOR_OUTPUT_H
#define CTS_SUPERVISOR_OUTPUT_H

#include "text.h"

#include <stddef.h>
#include <stdint.h>

#define OUTPUT_KEPT 4096u

struct output {
    uint64_t total;         /* bytes seen */
    char head[OUTPUT_KEPT]; /* the first ones */
    char tail[OUTPUT_KEPT]; /* the last ones after the head, as a ring: the byte with number n */
                            /* stands at (n - OUTPUT_KEPT) % OUTPUT_KEPT */
};

void output_feed(struct output *output, const char *bytes, size_t size);
/* Beginning and end as UTF-8, with a note between them where bytes were left out. */
void output_text(const struct output *output, struct text *text);
/* The kept end in order, raw. When nothing was left out this is all of it. */
void output_raw_end(const struct output *output, struct text *raw);
/* The last line that is not empty, as UTF-8; nothing when there is none. */
void output_last_line(const struct output *output, struct text *text);

#endif

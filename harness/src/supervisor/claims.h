/* SPDX-License-Identifier: Apache-2.0 */
/* What a library is declared to offer, and how that compares with what a probe has found. */
#ifndef CTS_SUPERVISOR_CLAIMS_H
#define CTS_SUPERVISOR_CLAIMS_H

#include "../worker/capability.h"
#include "text.h"

#include <stdbool.h>

/* Reads the value of --claims: words between commas or blanks, or @FILE, a file of them in which # begins
 * a comment. True with the words in one spelling, separated by commas, in *words (static). Else false
 * with one line, without the option's name, in `error`. */
bool claims_read(const char *value, const char **words, struct text *error);

/* Appends the words of the set, separated by ", ". Gives their number. */
size_t claims_words(unsigned set, struct text *text);

/* Claims and what is there, as a probe tells. */
struct claims {
    bool made;        /* by the command line or by the adapter */
    unsigned claimed; /* sets of enum cts_capability */
    unsigned present;
};
/* Claimed and not there: the library is not conformant. */
unsigned claims_absent(const struct claims *claims);
/* There and not claimed, where claims were made at all: worth a notice. */
unsigned claims_unclaimed(const struct claims *claims);

#endif

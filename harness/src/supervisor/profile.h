/* SPDX-License-Identifier: Apache-2.0 */
/* What --profile says: an edition of the interface, an extent, or both. */
#ifndef CTS_SUPERVISOR_PROFILE_H
#define CTS_SUPERVISOR_PROFILE_H

#include <cts/extent.h>
#include <stdbool.h>

#define PROFILE_EDITION_MAX 32u

struct profile {
    char edition[PROFILE_EDITION_MAX]; /* empty: not given. Whether it exists, select.c knows */
    enum cts_extent extent;
};

/* Reads "ce-1.3", "soak", "ce-1.3,soak" in either order. False: a word is empty or too long, or there
 * are two of a kind; *profile is then undefined. */
bool profile_parse(struct profile *profile, const char *value);
/* "standard", "smoke", "soak". */
const char *extent_word(enum cts_extent extent);

#endif

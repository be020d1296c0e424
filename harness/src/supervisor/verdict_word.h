/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict words. */
#ifndef CTS_SUPERVISOR_VERDICT_WORD_H
#define CTS_SUPERVISOR_VERDICT_WORD_H

#include <stdbool.h>

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_CRASH,
    VERDICT_TIMEOUT,
    VERDICT_EARLY_EXIT,
    VERDICT_LEAK,
    VERDICT_BROKEN,
    VERDICT_SKIP,
    VERDICT_INCONCLUSIVE,
    VERDICT_OBSERVED,
    VERDICT_COUNT
};

const char *verdict_word(enum verdict verdict);
/* False when the word is none. */
bool verdict_parse(const char *word, enum verdict *verdict);
/* FAIL, CRASH, TIMEOUT, EARLY_EXIT, LEAK, BROKEN. */
bool verdict_is_failure(enum verdict verdict);

#endif

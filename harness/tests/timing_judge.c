/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing verdicts on samples from stdin, by the worker's own rule, for selftest/timing_proof.py. A
 * line holds the window and then pairs, control and library sample in turn, in nanoseconds and in the
 * order in which they would be taken. Answer: one line "VERDICT PAIRS" with the number of pairs used.
 * Exit 1: a line that is not of that kind, or too few pairs in it.
 */
#include "../src/worker/timing_rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 8192

/* The next number of the line; false when there is none. */
static bool next_number(char **rest, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoull(*rest, &end, 10);
    bool found = end != *rest && errno == 0;
    *rest = end;
    return found;
}

static bool judge_line(char *line)
{
    static const char *const words[] = {"INCONCLUSIVE", "PASS", "FAIL"};
    uint64_t control[CTS_TIMING_PAIRS_MAX];
    uint64_t library[CTS_TIMING_PAIRS_MAX];
    uint64_t window = 0;
    size_t pairs = 0;
    char *rest = line;
    if (!next_number(&rest, &window)) {
        return false;
    }
    while (!cts_timing_enough(library, pairs, window, false)) {
        if (!next_number(&rest, &control[pairs]) || !next_number(&rest, &library[pairs])) {
            return false;
        }
        pairs++;
    }
    return printf("%s %zu\n", words[cts_timing_judge(control, library, pairs, window)], pairs) > 0;
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    for (unsigned number = 1; fgets(line, sizeof line, stdin) != NULL; number++) {
        if (!judge_line(line)) {
            (void)fprintf(stderr, "timing_judge: line %u is not a window and enough pairs\n",
                          number);
            return EXIT_FAILURE;
        }
    }
    return ferror(stdin) != 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

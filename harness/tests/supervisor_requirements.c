/* SPDX-License-Identifier: Apache-2.0 */
/* A small requirement table for the tests of the supervisor. */
#include "requirement.h"

const struct cts_requirement cts_requirements[] = {
    {.id = "OBJ-01",
     .fingerprint = "111111111111",
     .area = "OBJ",
     .claim = "Create returns rcOk",
     .strength = "must",
     .source = "ce-1.2, page A, paragraph 1",
     .profiles = "ce-1.2 ce-1.3",
     .causes = "the handle is written before the object exists"},
    {.id = "CALL-01",
     .fingerprint = "222222222222",
     .area = "CALL",
     .claim = "a queued CallEx is interrupted",
     .strength = "must",
     .source = "ce-1.2, page A, paragraph 2",
     .profiles = "ce-1.2 ce-1.3"},
    {.id = "CALL-02",
     .fingerprint = "333333333333",
     .area = "CALL",
     .claim = "a taken CallEx is not interrupted",
     .strength = "derived",
     .source = "ce-1.2, page A, paragraph 3",
     .strength_in = "ce-1.1=open ce-1.3=must",
     .profiles = "ce-1.2 ce-1.3"},
    {.id = "CALL-05",
     .fingerprint = "555555555555",
     .area = "CALL",
     .claim = "entered while set",
     .strength = "open",
     .invariant = "never a mixture",
     .source = "not in the docs",
     .profiles = "ce-1.2"},
    {.id = "STATE-09",
     .fingerprint = "999999999999",
     .area = "STATE",
     .claim = "clears by itself",
     .strength = "must",
     .source = "ce-1.4, page B",
     .profiles = "ce-1.4"},
    {.id = "PERF-01",
     .fingerprint = "666666666666",
     .area = "PERF",
     .claim = "nothing yet",
     .strength = "open",
     .source = "not in the docs",
     .profiles = "ce-1.2",
     .uncovered = "no way to see it from outside"},
};
const size_t cts_requirement_count = sizeof(cts_requirements) / sizeof(cts_requirements[0]);

const struct cts_review cts_reviews[] = {
    {"CALL-01.1", "222222222222"}, {"CALL-02.1", "333333333333"}, {"CALL-02.10", "333333333333"},
    {"CALL-02.2", "333333333333"}, {"OBJ-01.1", "111111111111"},  {"STATE-09.1", "000000000000"}};
const size_t cts_review_count = sizeof(cts_reviews) / sizeof(cts_reviews[0]);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked with a model that has a seeded fault: exit status 0 when the tests of the model see it. The
 * same program linked with the model as it is must see nothing (CTS_EXPECT_FAULT 0).
 */
#include "equality.h"
#include "history.h"

#include <string.h>

#ifndef CTS_EXPECT_FAULT
#define CTS_EXPECT_FAULT 1
#endif

static unsigned wrong_histories(const struct history *table, size_t count, const char *kind)
{
    unsigned wrong = 0;
    char message[2048];
    for (size_t i = 0; i < count; i++) {
        if (!history_holds(&table[i], NULL, message, sizeof message)) {
            if (wrong++ == 0) {
                printf("%s: %s\n", kind, message);
            }
        }
    }
    return wrong;
}

int main(void)
{
    unsigned wrong = wrong_histories(legal_histories, legal_history_count, "legal") +
                     wrong_histories(illegal_histories, illegal_history_count, "illegal");
    struct equality equality = {0};
    bool equal = equality_pairs(0, 97, &equality) && equality_core(6, 0, 400, &equality) &&
                 equality_random(1, 20, &equality);
    printf("%u histories judged wrongly; enumerator: %s\n", wrong,
           equal ? "no difference" : equality.first);
    bool seen = wrong > 0 || !equal;
    return seen == (CTS_EXPECT_FAULT != 0) ? 0 : 1;
}

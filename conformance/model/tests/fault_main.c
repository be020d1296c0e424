/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: model_fault N. Linked with a model that has seeded faults, of which it gives itself number N: exit
 * status 0 when the tests of the model see it. Without one (N is 0) they must see nothing.
 */
#include "equality.h"
#include "history.h"
#include "model_internal.h"

#include <stdlib.h>

int cts_model_fault;

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

int main(int count, char **words)
{
    char *rest = NULL;
    cts_model_fault = count == 2 ? (int)strtol(words[1], &rest, 10) : 0;
    if (rest == NULL || rest == words[1] || *rest != '\0') {
        fputs("usage: model_fault N, the number of a fault, 0 for none\n", stderr);
        return 4;
    }
    unsigned wrong = wrong_histories(legal_histories, legal_history_count, "legal") +
                     wrong_histories(illegal_histories, illegal_history_count, "illegal");
    struct equality equality = {0};
    bool equal = equality_pairs(0, 97, &equality) && equality_core(6, 0, 400, &equality) &&
                 equality_random(1, 20, &equality);
    printf("%u histories judged wrongly; enumerator: %s\n", wrong,
           equal ? "no difference" : equality.first);
    bool seen = wrong > 0 || !equal;
    return seen == (cts_model_fault != 0) ? 0 : 1;
}

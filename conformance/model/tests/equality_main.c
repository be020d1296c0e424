/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_equality coreN|pairs FIRST STRIDE   every STRIDE-th program of the class, from FIRST on
 * model_equality random SEED COUNT
 * Exit status 0: no difference.
 */
#include "equality.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: model_equality coreN|pairs|random NUMBER NUMBER\n");
        return 2;
    }
    unsigned long first = strtoul(argv[2], NULL, 10);
    unsigned long second = strtoul(argv[3], NULL, 10);
    struct equality equality = {0};
    clock_t start = clock();
    bool equal = strncmp(argv[1], "core", 4) == 0
                     ? equality_core((unsigned)strtoul(argv[1] + 4, NULL, 10), (unsigned)first,
                                     (unsigned)second, &equality)
                 : strcmp(argv[1], "pairs") == 0
                     ? equality_pairs((unsigned)first, (unsigned)second, &equality)
                     : equality_random(first, (unsigned)second, &equality);
    printf("%s %lu %lu: %llu programs, %llu ends of histories, %llu answers compared, "
           "%llu lenient, %.1f s CPU\n",
           argv[1], first, second, (unsigned long long)equality.programs,
           (unsigned long long)equality.histories, (unsigned long long)equality.events,
           (unsigned long long)equality.lenient, (double)(clock() - start) / CLOCKS_PER_SEC);
    if (!equal) {
        printf("DIFFERENT: %s\n",
               equality.differences > 0 ? equality.first : "too often lenient, or no memory");
    }
    return equal ? 0 : 1;
}

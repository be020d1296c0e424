/* SPDX-License-Identifier: Apache-2.0 */
/* Says rcOk to everything, and prints what a reader of TAP would believe. */
#include <stdio.h>

static void boast(void)
{
    (void)printf("\n1..1\nok 1\nok 2 - CALL-01.1 # SKIP\nBail out!\n");
    (void)fflush(stdout);
    (void)fprintf(stderr, "\n1..1\nok 1\nBail out!\n");
}

#define RESULT rcOk
#define ON_CALL() boast()
#include "constant_result.h"

/* SPDX-License-Identifier: Apache-2.0 */
/* Says rcFail to everything. */
#define RESULT rcFail
#define ON_CALL() ((void)0)
#include "constant_result.h"

/* SPDX-License-Identifier: Apache-2.0 */
/* See domain.h. */
#include "domain.h"

#include <assert.h>

struct ref_lock g_ref_domain = REF_LOCK_INITIALIZER;

/* No analysis: to the analysis these two are the lock itself; pthread is not annotated. */
void ref_domain_enter(void) REF_NO_ANALYSIS
{
    int error = pthread_mutex_lock(&g_ref_domain.mutex);
    assert(error == 0); /* LCOV_EXCL_BR_LINE: a valid mutex of this type cannot fail */
    (void)error;
}

void ref_domain_leave(void) REF_NO_ANALYSIS
{
    int error = pthread_mutex_unlock(&g_ref_domain.mutex);
    assert(error == 0); /* LCOV_EXCL_BR_LINE: as above */
    (void)error;
}

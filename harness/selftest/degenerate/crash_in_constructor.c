/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes while it is loaded. */
#include <signal.h>

__attribute__((constructor)) static void start(void)
{
    (void)raise(SIGSEGV);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Never finishes being loaded. */
#include <unistd.h>

__attribute__((constructor)) static void start(void)
{
    for (;;) {
        (void)pause();
    }
}

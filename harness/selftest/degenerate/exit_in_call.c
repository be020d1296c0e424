/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the program in Call, with success. */
#include <coresrv/syscalls.h>
#include <stdlib.h>

Retcode real_CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
                    Handle syncHandle);

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    exit(0);
    return real_CallEx(handle, msgOut, msgIn, mdelay, syncHandle);
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

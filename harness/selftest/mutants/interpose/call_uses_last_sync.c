/* SPDX-License-Identifier: Apache-2.0 */
/* A thread has a current sync object, which CallEx sets and Call forgets to reset. */
#include <coresrv/syscalls.h>

Retcode real_CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
                    Handle syncHandle);

static _Thread_local Handle t_sync = INVALID_HANDLE;

#pragma GCC visibility push(default)
Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    t_sync = syncHandle;
    return real_CallEx(handle, msgOut, msgIn, mdelay, syncHandle);
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return real_CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, t_sync);
}
#pragma GCC visibility pop

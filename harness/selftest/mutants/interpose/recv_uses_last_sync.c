/* SPDX-License-Identifier: Apache-2.0 */
/* A thread has a current sync object, which RecvEx sets and Recv forgets to reset. */
#include <coresrv/syscalls.h>

Retcode real_RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle);

static _Thread_local Handle t_sync = INVALID_HANDLE;

#pragma GCC visibility push(default)
Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    t_sync = syncHandle;
    return real_RecvEx(handle, msgIn, mdelay, syncHandle);
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return real_RecvEx(handle, msgIn, INFINITE_TIMEOUT, t_sync);
}
#pragma GCC visibility pop

/* SPDX-License-Identifier: Apache-2.0 */
/* Set and Clear report an error through a place for the last error of the thread, where an
 * interruption of CallEx or RecvEx still stands. */
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>

Retcode real_CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
                    Handle syncHandle);
Retcode real_RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle);
Retcode real_KnIpcSetInterrupt(Handle syncHandle);
Retcode real_KnIpcClearInterrupt(Handle syncHandle);

static _Thread_local Retcode t_last;

static Retcode report(Retcode rc)
{
    return rc != rcOk && t_last != rcOk ? t_last : rc;
}

#pragma GCC visibility push(default)
Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    return t_last = real_CallEx(handle, msgOut, msgIn, mdelay, syncHandle);
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    return t_last = real_RecvEx(handle, msgIn, mdelay, syncHandle);
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    return report(real_KnIpcSetInterrupt(syncHandle));
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    return report(real_KnIpcClearInterrupt(syncHandle));
}
#pragma GCC visibility pop

/* SPDX-License-Identifier: Apache-2.0 */
/* Recv and RecvEx never come back, whatever their limit. */
#include <coresrv/syscalls.h>
#include <unistd.h>

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    (void)handle;
    (void)msgIn;
    (void)mdelay;
    (void)syncHandle;
    for (;;) {
        (void)pause();
    }
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of coresrv/syscalls.h. Nothing is decided here. */
#include "public.h"

#include "rendezvous.h"

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    return ref_decide_code(ref_call(handle, msgOut, msgIn, mdelay, syncHandle));
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    return ref_decide_code(ref_receive(handle, msgIn, mdelay, syncHandle));
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    return ref_decide_code(ref_reply(handle, msgOut));
}

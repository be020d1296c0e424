/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of the interface, each returning RESULT after ON_CALL(). Include it last. */
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <services/rtl/nk_msg.h>
#include <stdatomic.h>

static _Atomic Handle g_last_handle = 15;

static void give(Handle *handle)
{
    if (RESULT == rcOk && handle != NULL) {
        *handle = atomic_fetch_add(&g_last_handle, 1) + 1;
    }
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    ON_CALL();
    give(syncHandle);
    return RESULT;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    ON_CALL();
    return RESULT;
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    ON_CALL();
    return RESULT;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    (void)handle;
    (void)msgOut;
    (void)msgIn;
    ON_CALL();
    return RESULT;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    (void)mdelay;
    (void)syncHandle;
    return Call(handle, msgOut, msgIn);
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    (void)handle;
    (void)msgIn;
    ON_CALL();
    return RESULT;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    (void)mdelay;
    (void)syncHandle;
    return Recv(handle, msgIn);
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    (void)handle;
    (void)msgOut;
    ON_CALL();
    return RESULT;
}

Retcode KnHandleClose(Handle handle)
{
    (void)handle;
    ON_CALL();
    return RESULT;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    (void)inListener;
    ON_CALL();
    give(outListener);
    give(outServer);
    give(outClient);
    return RESULT;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    (void)uMsg;
    (void)msg;
    (void)arena;
    return NK_EOK;
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    (void)uMsg;
    (void)msg;
    (void)arena;
    return NK_EOK;
}

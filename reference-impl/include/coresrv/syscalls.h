/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message system calls. A client is blocked in Call from its request until the response; a
 * server is blocked in Recv until a request; they meet when a server takes a request (the
 * rendezvous).
 *
 * Common to all five:
 *   handles   process-local. A number that names nothing, or an object that is closed: error. Codes
 *             for such misuse are not in the public documents; ours are given below as our choice.
 *   headers   bound with PackOutMsg/PackInMsg (services/rtl/nk_msg.h), borrowed until the return.
 *   threads   any thread of the process; several may use one handle at the same time.
 *   signals   never end a call early (pages posix_uns_ifaces 1.2, 1.3).
 *   others    "other return codes are available" (1.1 pages): no list of codes is closed.
 */
#ifndef CORESRV_SYSCALLS_H
#define CORESRV_SYSCALLS_H

#include <coresrv/time/time_api.h>
#include <ipc/if_rend.h>

RTL_BEGIN_DECLS

/*
 * Send a request and wait for its response. CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT,
 * INVALID_HANDLE).
 */
Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn);

/*
 * Send a request and wait for its response, at most `mdelay` milliseconds, interruptible through a
 * sync object until a server takes the request.
 *
 * handle      client IPC handle with OCAP_IPC_CALL.
 * msgOut      the request. Its handles must have OCAP_HANDLE_TRANSFER, or nothing is sent at all.
 * msgIn       room for the response; filled on rcOk only.
 * mdelay      milliseconds on the monotonic clock, from entry to return, so the server's work
 *             counts too; 0 polls (our choice); INFINITE_TIMEOUT for no limit.
 * syncHandle  sync object of this process, or INVALID_HANDLE for none.
 *
 * Requests of one channel are taken in order of arrival (our choice). A call that ends before its
 * request was taken withdraws it: no Recv returns it. A response to a caller that has gone is
 * dropped.
 *
 * Returns
 *   rcOk                the response is in msgIn
 *   rcIpcInterrupt      the sync object was set while no server had taken the request (CALL-01..04)
 *   rcTimeout           mdelay passed (TIME-01)
 *   rcNotConnected      no server end, or it closed or ended, in any stage (LIFE-02)
 *   rcSecurityDisallow  a handle without the transfer right, or the security hook says no (XFER-01)
 *   rcInvalidArgument   null or malformed header; a handle that names nothing (our choice)
 *   rcInvalidOperation  a handle of another kind (our choice)
 *   rcNoCapability      a handle without the right for it (our choice)
 *   rcBufferTooLarge    request over NK_MESSAGE_SIZE_MAX (our choice)
 *   rcBufferTooSmall    the response does not fit in msgIn; it is lost (our choice)
 *   rcTransferError     a handle table is full (our choice)
 *   rcOutOfMemory       no memory (our choice)
 * Blocks. Source: pages libkos_ipc_api and libkos_syscalls_api 1.2; prototype SDK 1.3.
 */
Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle);

/* Wait for a request. RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE). */
Retcode Recv(Handle handle, SMsgHdr *msgIn);

/*
 * Wait for a request, at most `mdelay` milliseconds, interruptible through a sync object.
 *
 * handle      server or listener IPC handle with OCAP_IPC_RECV. A listener takes the requests of
 *             all its channels.
 * msgIn       room for the request; filled on rcOk only: the message, replyHandle, sender, threadId.
 * mdelay, syncHandle
 *             as for CallEx. The order of the parameters follows CallEx (our choice).
 *
 * Returns
 *   rcOk                a request was taken; answer it with Reply
 *   rcIpcInterrupt      the sync object was set while waiting (RECV-01, RECV-04)
 *   rcTimeout           mdelay passed
 *   rcNotConnected      the last client end is gone, or this end was closed (our choice)
 *   rcBufferTooSmall    the first request does not fit; its caller gets the same code (our choice)
 *   rcInvalidArgument, rcInvalidOperation, rcNoCapability, rcOutOfMemory as for CallEx
 * Blocks. Several threads may wait on one handle; each request goes to one of them.
 */
Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle);

/*
 * Send the response to a request that was taken on this handle, which ends its caller's wait.
 *
 * handle  server or listener IPC handle: the one given to Recv, or the replyHandle that Recv filled.
 * msgOut  the response. threadId chooses the caller; 0 is the one whose request was taken first.
 *         Handles as for CallEx; when they are refused the request stays unanswered and the server
 *         may Reply again (our choice).
 *
 * Returns
 *   rcOk                the response was handed to the caller
 *   rcSecurityDisallow  a handle without the transfer right, or the security hook says no (XFER-04)
 *   rcNotReady          no request taken on this handle waits for a response (our choice)
 *   rcNotConnected      the caller has gone: timed out, or its process ended (our choice, LIFE-03)
 *   rcBufferTooSmall    the response does not fit in the caller's buffer; the caller gets it too
 *   rcTransferError     the caller's handle table is full (our choice)
 *   rcInvalidArgument, rcInvalidOperation, rcNoCapability, rcBufferTooLarge, rcOutOfMemory as for
 *   CallEx
 * Does not wait for another program. Never interrupted (RECV-02).
 */
Retcode Reply(Handle handle, const SMsgHdr *msgOut);

RTL_END_DECLS

#endif

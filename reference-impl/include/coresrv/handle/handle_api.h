/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles: channels, copies, closing. All functions: any thread, do not block. A handle that names
 * nothing in this process is rcInvalidArgument everywhere, one that was revoked rcHandleRevoked
 * (the latter from page libkos_handles_revoke, the former our choice).
 */
#ifndef CORESRV_HANDLE_HANDLE_API_H
#define CORESRV_HANDLE_HANDLE_API_H

#include <handle/handletype.h>
#include <rtl/compiler.h>
#include <rtl/retcode.h>
#include <services/ocap.h>

RTL_BEGIN_DECLS

/*
 * Create an IPC channel whose ends both belong to this process.
 *
 * inListener  an existing listener, which gains the channel, or INVALID_HANDLE for a new listener.
 * outListener receives the listener's handle: the new one, or inListener. May be null when
 *             inListener is given (our choice).
 * outServer   receives the server handle of the channel. It may equal the listener's: then a Recv on
 *             it takes the requests of every channel of the listener. May be null (our choice).
 * outClient   receives the client handle.
 *
 * Returns rcOk; rcInvalidArgument for a null pointer that is needed or a bad handle;
 * rcInvalidOperation when inListener is of another kind; rcNoCapability when it lacks
 * OCAP_IPC_CONNECT; rcOutOfMemory; rcQuotaExceeded. Nothing is created on error. Source: the call is
 * observed in vendor code (facts 1.6).
 */
Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient);

/*
 * Close a handle. The object goes with its last handle. Calls that wait on a closed channel end:
 * the clients of a server end that is gone with rcNotConnected, and the receivers of a closed
 * handle likewise. Calls that wait with a closed sync object keep waiting, without one (our choice,
 * STATE-07).
 *
 * Returns rcOk; rcInvalidArgument. Source: page libkos_handles_delete 1.2; OBJ-09, OBJ-13.
 */
Retcode KnHandleClose(Handle handle);

/*
 * Make a second handle to the same object in this process.
 *
 * inHandle       needs OCAP_HANDLE_COPY, else rcNoCapability.
 * newRightsMask  rights of the copy; a bit that inHandle does not have is rcNoCapability (XFER-08).
 * copyBadge      INVALID_HANDLE; anything else is rcUnimplemented (our choice).
 * outHandle      receives the copy, a child of inHandle for KnHandleRevoke; null is
 *                rcInvalidArgument.
 *
 * Returns rcOk and the above, rcOutOfMemory, rcQuotaExceeded. Source: page libkos_handle_copy 1.2.
 * Optional for a library.
 */
Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle);

/*
 * Close a handle and revoke all handles that were copied or transferred from it, in any process:
 * they answer rcHandleRevoked until they are closed, and stop naming the object.
 *
 * Returns rcOk; rcInvalidArgument. Source: page libkos_handles_revoke 1.2. Optional for a library.
 */
Retcode KnHandleRevoke(Handle handle);

/*
 * Create an object that has no behaviour but a handle: something to transfer and to close.
 *
 * type     HANDLE_TYPE_USER_FIRST..HANDLE_TYPE_USER_LAST; reserved.
 * rights   rights of the handle, stored as given.
 * context  kept, not interpreted, never dereferenced.
 * handle   receives the handle; null is rcInvalidArgument.
 *
 * Returns rcOk; rcInvalidArgument also for a type outside the range; rcOutOfMemory;
 * rcQuotaExceeded. Source: page kn_handle_create_user_object 1.1. Optional for a library.
 */
Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle);

RTL_END_DECLS

#endif

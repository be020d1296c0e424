/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interruption of this process's threads that are blocked in CallEx() or RecvEx().
 *
 * A sync object is a state, not an event: set means "calls that wait with this object are
 * interrupted", clear means they are not. It lasts until the opposite function is called. Only
 * threads of the process that created the object are concerned, only CallEx and RecvEx, and only
 * where they were given this object: a CallEx until a server has taken its request, a RecvEx while
 * it waits for one. The handle lacks the transfer right. KnHandleClose deletes the object.
 *
 * All functions: any thread, do not wait for another program. Source: page libkos_ipc_api 1.2.
 */
#ifndef CORESRV_IPC_IPC_API_H
#define CORESRV_IPC_IPC_API_H

#include <handle/handletype.h>
#include <rtl/compiler.h>
#include <rtl/retcode.h>

RTL_BEGIN_DECLS

/*
 * Create a sync object in the clear state.
 *
 * syncHandle  receives the handle, which the caller owns; untouched on error.
 *
 * Returns rcOk; rcInvalidArgument for a null pointer; rcOutOfMemory without memory; rcQuotaExceeded
 * with a full handle table. The two last are our choice (OBJ-16). Requirements OBJ-01, 02, 04.
 */
Retcode KnIpcCreateSyncObject(Handle *syncHandle);

/*
 * Create a sync object that clears itself after the first interruption, when `autoclear` is
 * non-zero; the same as KnIpcCreateSyncObject when it is 0. One Set then interrupts one waiting
 * call, or, while nobody waits, the first Ex call that would have to wait (our choice, V14-02,
 * V14-03).
 *
 * Named by edition 1.4 only; the parameters' order and types are our choice (facts 1.2). Results as
 * for KnIpcCreateSyncObject. Optional for a library.
 */
Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle);

/*
 * Put the object into the set state and interrupt every waiting call that may be interrupted.
 *
 * Has taken effect when it returns (STATE-08); the calls themselves return a little later. Setting
 * a set object is rcOk and changes nothing (OBJ-07).
 *
 * Returns rcOk; rcInvalidArgument for a handle that names nothing; rcInvalidOperation for a handle
 * of another kind. The codes are our choice, that they are errors is OBJ-10 to OBJ-12.
 */
Retcode KnIpcSetInterrupt(Handle syncHandle);

/*
 * Put the object into the clear state: Ex calls entered from now on wait (STATE-03, STATE-09).
 * Clearing a clear object is rcOk (OBJ-08). A call that Set has already interrupted stays
 * interrupted (our choice, STATE-04). Returns as KnIpcSetInterrupt.
 */
Retcode KnIpcClearInterrupt(Handle syncHandle);

RTL_END_DECLS

#endif

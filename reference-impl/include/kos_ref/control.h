/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control of the reference library by tests: simulated processes, channels between them, what a
 * thread waits for, virtual time, failure injection. None of it exists in the SDK.
 *
 * A process here is a handle table and an identity; all live in one operating-system process. A
 * thread that never called ref_control_thread_bind belongs to process 1, which always exists.
 */
#ifndef KOS_REF_CONTROL_H
#define KOS_REF_CONTROL_H

#include <handle/handletype.h>
#include <ipc/if_rend.h>
#include <rtl/compiler.h>
#include <rtl/retcode.h>
#include <task/pidtype.h>
#include <thread/tidtype.h>

RTL_BEGIN_DECLS

#define REF_CONTROL_FIRST_PROCESS ((TaskId)1)

/* Create a process without threads. *process: its id. rcOutOfMemory. */
Retcode ref_control_process_create(TaskId *process);

/*
 * End a process as a crash would: every handle is closed, its queued requests are withdrawn,
 * requests it had taken end with rcNotConnected at their callers, its own blocked threads return
 * rcAbort. Threads bound to it get rcAbort from every later call until they are bound elsewhere.
 * rcResourceNotFound: no such process. rcInvalidOperation: process 1.
 */
Retcode ref_control_process_end(TaskId process);

/* Make the calling thread a thread of `process`; its thread id. rcResourceNotFound: no such
 * process. */
Retcode ref_control_thread_bind(TaskId process, Tid *tid);

/* Open a channel: listener and server handle in `server_process`, client handle in
 * `client_process`. Null out-pointers are allowed for listener and server. Errors as
 * KnHandleConnect, and rcResourceNotFound. */
Retcode ref_control_channel_open(TaskId server_process, TaskId client_process, Handle *listener,
                                 Handle *server, Handle *client);

/* Where a thread is, as the library's own state says. */
enum ref_control_stage {
    REF_STAGE_RUNNING = 0,  /* not waiting, or its outcome is already decided */
    REF_STAGE_CALL_QUEUED,  /* CallEx: no server has taken the request */
    REF_STAGE_CALL_TAKEN,   /* CallEx: a server holds the request */
    REF_STAGE_RECV_WAITING, /* RecvEx: no request has come */
};
/* Any thread may ask about any other; takes the domain lock. An unknown thread is RUNNING. */
enum ref_control_stage ref_control_thread_stage(Tid tid);

/* Live objects of all kinds that handles or waits of `process` keep alive; 0: of the whole library.
 */
rtl_uint32_t ref_control_live_objects(TaskId process);

/* Use a virtual clock from now on: it stands still until advanced. Only while no thread waits. */
void ref_control_clock_set_virtual(int enabled);
/* Move the virtual clock; every wait whose deadline it passes times out before this returns. */
void ref_control_clock_advance(rtl_uint64_t milliseconds);

/* Make the n-th allocation from now fail once, 1 being the next; 0 switches it off. */
void ref_control_fail_allocation(rtl_uint32_t n);

/* Security hook: asked for each message before it is queued (request) or handed over (response);
 * a result other than 0 denies it, and the sender gets rcSecurityDisallow. Null removes the hook.
 * It runs under the domain lock: it must not call the library. */
typedef int (*ref_control_deny_fn)(void *context, TaskId sender, TaskId receiver, int is_response,
                                   const void *fixed_part, rtl_uint32_t size_bytes);
void ref_control_set_security_hook(ref_control_deny_fn deny, void *context);

RTL_END_DECLS

#endif

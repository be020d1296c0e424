/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adapter: what a library under test can do that the interface does not standardise.
 *
 * A plain library needs none: channels inside one process come from KnHandleConnect and threads are
 * POSIX threads. An adapter adds processes, a look inside, and control of time. It is one object
 * named `cts_adapter`, exported by the library itself or by the file given with --adapter. Members
 * that are null mean "not provided": the cases that need them are skipped with that reason.
 * Whatever is provided is believed, so provide only what is true.
 *
 * Functions return 0 for success and any other value for failure, which ends the case as BROKEN,
 * unless said otherwise. None of them may block for longer than a call of KnIpcSetInterrupt would.
 */
#ifndef CTS_ADAPTER_H
#define CTS_ADAPTER_H

#include <handle/handletype.h>
#include <rtl/compiler.h>
#include <stdint.h>

RTL_BEGIN_DECLS

#define CTS_ADAPTER_VERSION 1u
/* As a process: the whole library, with objects that no handle names any more. */
#define CTS_ALL_PROCESSES UINT32_MAX

/* Where a thread is inside the library. */
enum cts_stage {
    CTS_STAGE_UNKNOWN = 0, /* the adapter cannot tell: the harness asks the operating system */
    CTS_STAGE_RUNNING,     /* not waiting, or woken already */
    CTS_STAGE_CALL_QUEUED, /* in CallEx or Call, no server has taken the request */
    CTS_STAGE_CALL_TAKEN,  /* in CallEx or Call, a server holds the request */
    CTS_STAGE_RECV_WAITING /* in RecvEx or Recv, no request has come */
};

/* What the harness gives to the adapter. */
struct cts_host {
    uint32_t version;
    /* Address of a symbol of the library under test, or null. */
    void *(*resolve)(const char *symbol);
};

struct cts_adapter {
    uint32_t version; /* CTS_ADAPTER_VERSION the adapter was compiled with */
    uint32_t size;    /* sizeof(struct cts_adapter) then; later members count as null */
    const char *name; /* for reports; letters, digits, dash */

    /* Called once in the worker, before anything else, with the library loaded. */
    int (*init)(const struct cts_host *host);

    /* The process in which threads live that never entered one. */
    uint32_t first_process;

    /* --- More than one process ------------------------------------------------------------- */
    /* Create a process of the library; *process names it from then on. */
    int (*process_create)(uint32_t *process);
    /* End it the way a crash ends a process: nothing is tidied up by its threads. */
    int (*process_end)(uint32_t process);
    /* Make the calling thread a thread of `process`; *thread names it for thread_stage. Called on
     * each actor thread before its first call of the library. */
    int (*thread_enter)(uint32_t process, uint32_t *thread);
    /* Open a channel from `client_process` to `server_process`; three handles as KnHandleConnect
     * returns them, each valid in its own process. */
    int (*channel_open)(uint32_t server_process, uint32_t client_process, Handle *listener,
                        Handle *server, Handle *client);

    /* Not 0: a process of the library is an operating-system process. The harness then forks one for each,
     * with the library loaded as the worker loaded it, and ends it with SIGKILL or exit. No number names
     * processes and threads then: first_process, the four members above, thread_stage and fail_allocation
     * are not used. adapters/os-process/README.md says more. */
    uint32_t os_processes;
    /* os_processes: make a channel known as `name` from a thread of the server's process, then connect
     * to it from a thread of the client's; each once for a name. Handles as KnHandleConnect returns
     * them. */
    int (*channel_serve)(const char *name, Handle *listener, Handle *server);
    int (*channel_connect)(const char *name, Handle *client);

    /* --- A look inside ----------------------------------------------------------------------- */
    /* Where that thread is now. Called from another thread, at any time and often, so a look must change
     * nothing. A wait is reported only while its outcome is still open; otherwise RUNNING. */
    enum cts_stage (*thread_stage)(uint32_t thread);
    /* Live objects kept by handles or waits of `process`: equal before and after a case. */
    int (*live_objects)(uint32_t process, uint32_t *count); /* or CTS_ALL_PROCESSES */
    /* Make the nth allocation from now fail once (1: the next); 0 switches it off. */
    int (*fail_allocation)(uint32_t nth);

    /* --- Time ----------------------------------------------------------------------------------
     */
    /* Let the library run on a clock that stands still until it is advanced. */
    int (*clock_virtual)(int enabled);
    int (*clock_advance)(uint64_t milliseconds);

    /* --- Declaration ------------------------------------------------------------------------- */
    /* What library and adapter claim to offer: words of harness/README.md, "Capabilities", with blanks
     * or commas between them, or "none". What is claimed and not there makes the library fail; what
     * is there and not claimed is a notice. Null: no claim is made, and nothing is compared. */
    const char *claims;
};

RTL_END_DECLS

#endif

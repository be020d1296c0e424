/* SPDX-License-Identifier: Apache-2.0 */
/* The library under test as a table of functions, and its adapter. Nothing else in the worker names
 * the library's symbols. */
#ifndef CTS_LIBRARY_H
#define CTS_LIBRARY_H

#include "capability.h"

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <cts/adapter.h>
#include <services/rtl/nk_msg.h>
#include <stdbool.h>

struct cts_library {
    __typeof__(&KnIpcCreateSyncObject) create_sync_object;
    __typeof__(&KnIpcSetInterrupt) set_interrupt;
    __typeof__(&KnIpcClearInterrupt) clear_interrupt;
    __typeof__(&Call) call;
    __typeof__(&CallEx) call_ex;
    __typeof__(&Recv) recv;
    __typeof__(&RecvEx) recv_ex;
    __typeof__(&Reply) reply;
    __typeof__(&KnHandleClose) close;
    __typeof__(&KnHandleConnect) connect;
    __typeof__(&PackInMsg) pack_in;
    __typeof__(&PackOutMsg) pack_out;
    /* Optional; null when the library does not have them. Types spelled out: the headers under test
     * need not declare them. */
    Retcode (*copy)(Handle handle, rtl_uint32_t rights, Handle badge, Handle *copy);
    Retcode (*revoke)(Handle handle);
    Retcode (*create_user_object)(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                  Handle *handle);
    Retcode (*create_sync_object_ex)(rtl_uint32_t autoclear, Handle *sync);
};

#define CTS_LIBRARY_SYMBOLS_MAX 16

struct cts_library_status {
    char error[512]; /* why it could not be loaded; empty when it was */
    const char *missing[CTS_LIBRARY_SYMBOLS_MAX];
    size_t missing_count;
    const char *missing_optional[CTS_LIBRARY_SYMBOLS_MAX];
    size_t missing_optional_count;
    char adapter_error[512];
};

extern struct cts_library cts_library;
/* Members that the adapter's version lacks are null; all null without an adapter. */
extern struct cts_adapter cts_adapter_in_use;
extern bool cts_adapter_present;
/* What is declared: by the command line, or else by the adapter. */
extern bool cts_claims_made;
extern unsigned cts_claims;

/* Load the library and, when given, the adapter file; else look for an exported adapter. True when
 * every mandatory symbol is there and the adapter, if any, is usable. */
bool cts_library_load(const char *path, const char *adapter_path,
                      struct cts_library_status *status);
void *cts_library_symbol(const char *symbol);
/* Is it there? */
bool cts_capability_present(enum cts_capability capability);
/* Ends the case when it is not there: as SKIP, or as FAIL where it is claimed. */
void cts_need(enum cts_capability capability);
/* The same where it has turned out in the case that the library lacks it. */
_Noreturn void cts_lacks(enum cts_capability capability);

#endif

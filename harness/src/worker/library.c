/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the library under test and its adapter; see library.h. */
#include "library.h"

#include <cts/cts.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct cts_library cts_library;
struct cts_adapter cts_adapter_in_use;
bool cts_adapter_present;
bool cts_claims_made;
unsigned cts_claims;

#ifdef CTS_LINKED_LIBRARY
/* The library is part of this program. By address, not by declaration: the headers under test need
 * not declare all of them, and a missing one is null, to be reported as in a shared library. */
#define LINKED(symbol)                                                                             \
    extern const char cts_linked_##symbol[] __asm__(#symbol) __attribute__((weak));
#define ADDRESS(symbol) cts_linked_##symbol
LINKED(KnIpcCreateSyncObject)
LINKED(KnIpcSetInterrupt)
LINKED(KnIpcClearInterrupt)
LINKED(Call)
LINKED(CallEx)
LINKED(Recv)
LINKED(RecvEx)
LINKED(Reply)
LINKED(KnHandleClose)
LINKED(KnHandleConnect)
LINKED(PackInMsg)
LINKED(PackOutMsg)
LINKED(KnHandleCopy)
LINKED(KnHandleRevoke)
LINKED(KnHandleCreateUserObject)
LINKED(KnIpcCreateSyncObjectEx)
LINKED(cts_adapter)
#else
#define ADDRESS(symbol) NULL
static void *library_handle;
#endif

static const struct symbol {
    const char *name;
    size_t offset; /* of the member in struct cts_library */
    bool optional;
    const char *linked; /* its address when the library is part of this program */
} symbols[] = {
#define SYMBOL(symbol, member, optional)                                                           \
    {                                                                                              \
#symbol, offsetof(struct cts_library, member), optional, ADDRESS(symbol)                   \
    }
    SYMBOL(KnIpcCreateSyncObject, create_sync_object, false),
    SYMBOL(KnIpcSetInterrupt, set_interrupt, false),
    SYMBOL(KnIpcClearInterrupt, clear_interrupt, false),
    SYMBOL(Call, call, false),
    SYMBOL(CallEx, call_ex, false),
    SYMBOL(Recv, recv, false),
    SYMBOL(RecvEx, recv_ex, false),
    SYMBOL(Reply, reply, false),
    SYMBOL(KnHandleClose, close, false),
    SYMBOL(KnHandleConnect, connect, false),
    SYMBOL(PackInMsg, pack_in, false),
    SYMBOL(PackOutMsg, pack_out, false),
    SYMBOL(KnHandleCopy, copy, true),
    SYMBOL(KnHandleRevoke, revoke, true),
    SYMBOL(KnHandleCreateUserObject, create_user_object, true),
    SYMBOL(KnIpcCreateSyncObjectEx, create_sync_object_ex, true),
#undef SYMBOL
};

#ifdef CTS_LINKED_LIBRARY
static bool open_library(const char *path, struct cts_library_status *status)
{
    (void)path;
    (void)status;
    return true;
}

void *cts_library_symbol(const char *symbol)
{
    union {
        const char *linked;
        void *address;
    } found = {.linked = strcmp(symbol, "cts_adapter") == 0 ? ADDRESS(cts_adapter) : NULL};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (strcmp(symbols[i].name, symbol) == 0) {
            found.linked = symbols[i].linked;
        }
    }
    /* What only an adapter asks for. */
    return found.address != NULL ? found.address : dlsym(RTLD_DEFAULT, symbol);
}
#else
static bool open_library(const char *path, struct cts_library_status *status)
{
    library_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library_handle == NULL) {
        (void)snprintf(status->error, sizeof status->error, "%s", dlerror());
    }
    return library_handle != NULL;
}

/* dlsym searches the library's dependencies too; a symbol counts only where the library itself, or
 * a library it brought along, defines it, which is what a program linked with it would get. */
void *cts_library_symbol(const char *symbol)
{
    return library_handle == NULL ? NULL : dlsym(library_handle, symbol);
}
#endif

static void copy_adapter(const struct cts_adapter *adapter)
{
    size_t size =
        adapter->size < sizeof cts_adapter_in_use ? adapter->size : sizeof cts_adapter_in_use;
    memset(&cts_adapter_in_use, 0, sizeof cts_adapter_in_use);
    memcpy(&cts_adapter_in_use, adapter, size);
    if (cts_adapter_in_use.os_processes != 0) {
        /* No number names a thread of another process. */
        cts_adapter_in_use.thread_stage = NULL;
    }
    cts_adapter_present = true;
}

/* The command line has the last word. */
static bool read_claims(struct cts_library_status *status)
{
    const char *claims = cts_adapter_in_use.claims;
    const char *wrong = NULL;
    size_t length = 0;
    if (cts_claims_made || claims == NULL) {
        return true;
    }
    cts_claims_made = cts_capabilities_parse(claims, &cts_claims, &wrong, &length);
    if (!cts_claims_made) {
        (void)snprintf(status->adapter_error, sizeof status->adapter_error,
                       "the adapter claims '%.*s', which is no capability that this suite knows",
                       length < 64 ? (int)length : 64, wrong);
    }
    return cts_claims_made;
}

bool cts_capability_present(enum cts_capability capability)
{
    const struct cts_adapter *adapter = &cts_adapter_in_use;
    bool os = adapter->os_processes != 0;
    switch (capability) {
    case CTS_CAN_AUTOCLEAR:
        return cts_library.create_sync_object_ex != NULL;
    case CTS_CAN_COPY:
        return cts_library.copy != NULL;
    case CTS_CAN_REVOKE:
        return cts_library.revoke != NULL;
    case CTS_CAN_USER_OBJECT:
        return cts_library.create_user_object != NULL;
    case CTS_CAN_TWO_PROCESSES:
        return os ? adapter->channel_serve != NULL && adapter->channel_connect != NULL
                  : adapter->process_create != NULL && adapter->thread_enter != NULL &&
                        adapter->channel_open != NULL;
    case CTS_CAN_PROCESS_END:
        return os || adapter->process_end != NULL;
    case CTS_CAN_STAGES:
        return adapter->thread_stage != NULL;
    case CTS_CAN_LIVE_OBJECTS:
        return adapter->live_objects != NULL;
    case CTS_CAN_FAIL_ALLOCATION:
        return !os && adapter->fail_allocation != NULL; /* it acts in this process */
    case CTS_CAN_VIRTUAL_TIME:
        return adapter->clock_virtual != NULL && adapter->clock_advance != NULL;
    case CTS_CAPABILITY_COUNT:
        break;
    }
    return false;
}

static bool load_adapter(const char *path, struct cts_library_status *status)
{
    const struct cts_adapter *adapter = NULL;
    if (path != NULL) {
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            (void)snprintf(status->adapter_error, sizeof status->adapter_error, "%s", dlerror());
            return false;
        }
        adapter = dlsym(handle, "cts_adapter");
        if (adapter == NULL) {
            (void)snprintf(status->adapter_error, sizeof status->adapter_error,
                           "%s does not export cts_adapter", path);
            return false;
        }
    } else {
        adapter = cts_library_symbol("cts_adapter");
        if (adapter == NULL) {
            return true;
        }
    }
    if (adapter->version == 0 || adapter->version > CTS_ADAPTER_VERSION ||
        adapter->size < offsetof(struct cts_adapter, process_create)) {
        (void)snprintf(status->adapter_error, sizeof status->adapter_error,
                       "adapter version %u, size %u: this suite knows versions 1 to %u",
                       adapter->version, adapter->size, CTS_ADAPTER_VERSION);
        return false;
    }
    copy_adapter(adapter);
    static const struct cts_host host = {CTS_ADAPTER_VERSION, cts_library_symbol};
    if (cts_adapter_in_use.init != NULL && cts_adapter_in_use.init(&host) != 0) {
        (void)snprintf(status->adapter_error, sizeof status->adapter_error,
                       "the adapter's init function failed: it does not fit this library");
        return false;
    }
    return read_claims(status);
}

bool cts_library_load(const char *path, const char *adapter_path, struct cts_library_status *status)
{
    memset(status, 0, sizeof *status);
    if (!open_library(path, status)) {
        return false;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = cts_library_symbol(symbols[i].name);
        memcpy((char *)&cts_library + symbols[i].offset, &address, sizeof address);
        if (address != NULL) {
            continue;
        }
        if (symbols[i].optional) {
            status->missing_optional[status->missing_optional_count++] = symbols[i].name;
        } else {
            status->missing[status->missing_count++] = symbols[i].name;
        }
    }
    return load_adapter(adapter_path, status) && status->missing_count == 0;
}

#ifdef CTS_LINKED_LIBRARY
static int is_in_code(struct dl_phdr_info *object, size_t size, void *address)
{
    (void)size;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t offset = (uintptr_t)address - object->dlpi_addr - segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
            offset < segment->p_memsz) {
            return 1;
        }
    }
    return 0;
}
#endif

bool cts_symbol_is_function(const char *symbol)
{
    void *address = cts_library_symbol(symbol);
    if (address == NULL) {
        return false;
    }
#ifdef CTS_LINKED_LIBRARY
    /* A static library may hide its symbols from the dynamic linker: what counts is that code lies
     * there. */
    return dl_iterate_phdr(is_in_code, address) == 1;
#else
    Dl_info info;
    const ElfW(Sym) *entry = NULL;
    if (dladdr1(address, &info, (void **)&entry, RTLD_DL_SYMENT) == 0 || entry == NULL) {
        return false;
    }
    /* The type bits lie in the same place for both ELF classes. A resolved indirect function has
     * the type of its implementation, whose symbol may be local and so unknown to the linker. */
    unsigned type = ELF64_ST_TYPE(entry->st_info);
    return type == STT_FUNC || type == STT_GNU_IFUNC;
#endif
}

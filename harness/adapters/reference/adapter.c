/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adapter of the reference library. It finds the library's control functions (kos_ref/control.h) at
 * run time, so that it also fits a library built from changed sources of the reference.
 */
#include <cts/adapter.h>
#include <kos_ref/control.h>
#include <stddef.h>
#include <string.h>

static struct {
    __typeof__(&ref_control_process_create) process_create;
    __typeof__(&ref_control_process_end) process_end;
    __typeof__(&ref_control_thread_bind) thread_bind;
    __typeof__(&ref_control_channel_open) channel_open;
    __typeof__(&ref_control_thread_stage) thread_stage;
    __typeof__(&ref_control_live_objects) live_objects;
    __typeof__(&ref_control_clock_set_virtual) clock_set_virtual;
    __typeof__(&ref_control_clock_advance) clock_advance;
    __typeof__(&ref_control_fail_allocation) fail_allocation;
} library;

static int init(const struct cts_host *host)
{
    static const struct {
        const char *symbol;
        size_t offset;
    } wanted[] = {
        {"ref_control_process_create", offsetof(__typeof__(library), process_create)},
        {"ref_control_process_end", offsetof(__typeof__(library), process_end)},
        {"ref_control_thread_bind", offsetof(__typeof__(library), thread_bind)},
        {"ref_control_channel_open", offsetof(__typeof__(library), channel_open)},
        {"ref_control_thread_stage", offsetof(__typeof__(library), thread_stage)},
        {"ref_control_live_objects", offsetof(__typeof__(library), live_objects)},
        {"ref_control_clock_set_virtual", offsetof(__typeof__(library), clock_set_virtual)},
        {"ref_control_clock_advance", offsetof(__typeof__(library), clock_advance)},
        {"ref_control_fail_allocation", offsetof(__typeof__(library), fail_allocation)},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *address = host->resolve(wanted[i].symbol);
        if (address == NULL) {
            return -1;
        }
        memcpy((char *)&library + wanted[i].offset, &address, sizeof address);
    }
    return 0;
}

static int process_create(uint32_t *process)
{
    TaskId task = 0; /* its width is the headers' choice */
    if (library.process_create(&task) != rcOk) {
        return -1;
    }
    *process = (uint32_t)task;
    return 0;
}

static int process_end(uint32_t process)
{
    return library.process_end(process) == rcOk ? 0 : -1;
}

static int thread_enter(uint32_t process, uint32_t *thread)
{
    Tid tid = 0;
    if (library.thread_bind(process, &tid) != rcOk) {
        return -1;
    }
    *thread = (uint32_t)tid;
    return 0;
}

static int channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                        Handle *server, Handle *client)
{
    return library.channel_open(server_process, client_process, listener, server, client) == rcOk
               ? 0
               : -1;
}

static enum cts_stage thread_stage(uint32_t thread)
{
    switch (library.thread_stage(thread)) {
    case REF_STAGE_CALL_QUEUED:
        return CTS_STAGE_CALL_QUEUED;
    case REF_STAGE_CALL_TAKEN:
        return CTS_STAGE_CALL_TAKEN;
    case REF_STAGE_RECV_WAITING:
        return CTS_STAGE_RECV_WAITING;
    case REF_STAGE_RUNNING:
        break;
    }
    return CTS_STAGE_RUNNING;
}

static int live_objects(uint32_t process, uint32_t *count)
{
    *count = library.live_objects(process == CTS_ALL_PROCESSES ? 0 : process);
    return 0;
}

static int fail_allocation(uint32_t nth)
{
    library.fail_allocation(nth);
    return 0;
}

static int clock_virtual(int enabled)
{
    library.clock_set_virtual(enabled);
    return 0;
}

static int clock_advance(uint64_t milliseconds)
{
    library.clock_advance(milliseconds);
    return 0;
}

extern const struct cts_adapter cts_adapter;
const struct cts_adapter cts_adapter = {
    .version = CTS_ADAPTER_VERSION,
    .size = sizeof(struct cts_adapter),
    .name = "reference",
    .init = init,
    .first_process = REF_CONTROL_FIRST_PROCESS,
    .process_create = process_create,
    .process_end = process_end,
    .thread_enter = thread_enter,
    .channel_open = channel_open,
    .thread_stage = thread_stage,
    .live_objects = live_objects,
    .fail_allocation = fail_allocation,
    .clock_virtual = clock_virtual,
    .clock_advance = clock_advance,
};

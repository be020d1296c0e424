/* SPDX-License-Identifier: Apache-2.0 */
/* Adapter of blind library B: several processes inside one, its stages, its live objects. */
#include "library_b.h"

#include <cts/adapter.h>
#include <stddef.h>

static struct {
    int (*process_create)(uint32_t *);
    int (*process_end)(uint32_t);
    int (*thread_enter)(uint32_t, uint32_t *);
    int (*channel_open)(uint32_t, uint32_t, Handle *, Handle *, Handle *);
    enum blind_stage (*thread_stage)(uint32_t);
    int (*live_objects)(uint32_t, uint32_t *);
} library;

static int adapter_init(const struct cts_host *host)
{
    *(void **)&library.process_create = host->resolve("blind_process_create");
    *(void **)&library.process_end = host->resolve("blind_process_end");
    *(void **)&library.thread_enter = host->resolve("blind_thread_enter");
    *(void **)&library.channel_open = host->resolve("blind_channel_open");
    *(void **)&library.thread_stage = host->resolve("blind_thread_stage");
    *(void **)&library.live_objects = host->resolve("blind_live_objects");
    return library.process_create == NULL || library.process_end == NULL ||
           library.thread_enter == NULL || library.channel_open == NULL ||
           library.thread_stage == NULL || library.live_objects == NULL;
}

static int process_create(uint32_t *process)
{
    return library.process_create(process);
}

static int process_end(uint32_t process)
{
    return library.process_end(process);
}

static int thread_enter(uint32_t process, uint32_t *thread)
{
    return library.thread_enter(process, thread);
}

static int channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                        Handle *server, Handle *client)
{
    return library.channel_open(server_process, client_process, listener, server, client);
}

static enum cts_stage thread_stage(uint32_t thread)
{
    switch (library.thread_stage(thread)) {
    case BLIND_CALL_QUEUED:
        return CTS_STAGE_CALL_QUEUED;
    case BLIND_CALL_TAKEN:
        return CTS_STAGE_CALL_TAKEN;
    case BLIND_RECV_WAITING:
        return CTS_STAGE_RECV_WAITING;
    default:
        return CTS_STAGE_RUNNING;
    }
}

static int live_objects(uint32_t process, uint32_t *count)
{
    return library.live_objects(process, count);
}

const struct cts_adapter cts_adapter = {
    .version = CTS_ADAPTER_VERSION,
    .size = sizeof(struct cts_adapter),
    .name = "blind-b",
    .init = adapter_init,
    .first_process = BLIND_FIRST_PROCESS,
    .process_create = process_create,
    .process_end = process_end,
    .thread_enter = thread_enter,
    .channel_open = channel_open,
    .thread_stage = thread_stage,
    .live_objects = live_objects,
};

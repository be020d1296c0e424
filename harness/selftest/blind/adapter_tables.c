/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adapter of the blind libraries D, E and F: processes are handle tables inside one. -DPREFIX="..." is that of the
 * library's functions, -DFIRST_PROCESS=n the number of the process that is there from the beginning.
 */
#include <cts/adapter.h>
#include <stddef.h>

static struct {
    int (*process_create)(uint32_t *);
    int (*process_end)(uint32_t);
    int (*thread_enter)(uint32_t, uint32_t *);
    int (*channel_open)(uint32_t, uint32_t, Handle *, Handle *, Handle *);
} library;

static int adapter_init(const struct cts_host *host)
{
    *(void **)&library.process_create = host->resolve(PREFIX "process_create");
    *(void **)&library.process_end = host->resolve(PREFIX "process_end");
    *(void **)&library.thread_enter = host->resolve(PREFIX "thread_enter");
    *(void **)&library.channel_open = host->resolve(PREFIX "channel_open");
    return library.process_create == NULL || library.process_end == NULL ||
           library.thread_enter == NULL || library.channel_open == NULL;
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

struct cts_adapter cts_adapter = {
    .version = CTS_ADAPTER_VERSION,
    .size = sizeof(struct cts_adapter),
    .name = PREFIX "tables",
    .init = adapter_init,
    .first_process = FIRST_PROCESS,
    .process_create = process_create,
    .process_end = process_end,
    .thread_enter = thread_enter,
    .channel_open = channel_open,
};

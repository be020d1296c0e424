/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter of blind library H, made from harness/adapters/os-process/adapter.c. */
#include <cts/adapter.h>
#include <rtl/retcode.h>
#include <string.h>

static struct {
    Retcode (*publish)(const char *name, Handle *listener, Handle *server);
    Retcode (*look_up)(const char *name, Handle *client);
} library;

static int find(const struct cts_host *host, const char *symbol, void *function)
{
    void *address = host->resolve(symbol);
    memcpy(function, &address, sizeof address);
    return address != NULL ? 0 : -1;
}

static int init(const struct cts_host *host)
{
    return find(host, "HIpcPublish", &library.publish) != 0 ||
                   find(host, "HIpcLookUp", &library.look_up) != 0
               ? -1
               : 0;
}

static int channel_serve(const char *name, Handle *listener, Handle *server)
{
    return library.publish(name, listener, server) == rcOk ? 0 : -1;
}

static int channel_connect(const char *name, Handle *client)
{
    return library.look_up(name, client) == rcOk ? 0 : -1;
}

extern const struct cts_adapter cts_adapter;
const struct cts_adapter cts_adapter = {
    .version = CTS_ADAPTER_VERSION,
    .size = sizeof(struct cts_adapter),
    .name = "blind-h",
    .init = init,
    .os_processes = 1,
    .channel_serve = channel_serve,
    .channel_connect = channel_connect,
    .claims = "autoclear copy revoke user-object two-processes process-end",
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template: the adapter of a library whose processes are operating-system processes. Copy it and put
 * the library's own way of opening a channel by name in place of the two `example_` functions;
 * README.md beside this file says what the harness does with it.
 *
 * It is loaded into the worker, which never calls the library, and is inherited by each process that
 * the worker forks. init() runs in the worker: it may look up symbols and nothing more. The other
 * functions run on a thread of the process that they are about.
 */
#include <cts/adapter.h>
#include <rtl/retcode.h>
#include <string.h>

/* What a library of this kind has somewhere: a server publishes a listener under a name, a client asks
 * for a handle to that name. Here they have the shape that is easiest to adapt. */
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

/* Not 0: this library is not the one the adapter was written for. */
static int init(const struct cts_host *host)
{
    return find(host, "example_publish", &library.publish) != 0 ||
                   find(host, "example_look_up", &library.look_up) != 0
               ? -1
               : 0;
}

/*
 * Called in the server's process first. Handles as KnHandleConnect returns them, valid here; *server
 * may equal *listener. The name is a C string of at most 63 bytes out of letters, digits and dashes,
 * and no other channel on this machine has it.
 */
static int channel_serve(const char *name, Handle *listener, Handle *server)
{
    return library.publish(name, listener, server) == rcOk ? 0 : -1;
}

/* Called in the client's process, after channel_serve has returned. *client is valid here. */
static int channel_connect(const char *name, Handle *client)
{
    return library.look_up(name, client) == rcOk ? 0 : -1;
}

extern const struct cts_adapter cts_adapter;
const struct cts_adapter cts_adapter = {
    .version = CTS_ADAPTER_VERSION,
    .size = sizeof(struct cts_adapter),
    .name = "os-process-template",
    .init = init,
    .os_processes = 1,
    .channel_serve = channel_serve,
    .channel_connect = channel_connect,
};

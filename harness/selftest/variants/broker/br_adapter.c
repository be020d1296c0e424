/* SPDX-License-Identifier: Apache-2.0 */
/* What the harness needs to know: processes are real, and channels between them have names. */
#include "br_wire.h"
#include <cts/adapter.h>
#include <rtl/retcode.h>
#include <string.h>

static int ask(enum br_op op, const char *name, struct br_packet *packet)
{
    int file;
    memset(&packet->head, 0, sizeof packet->head);
    packet->head.op = op;
    if (strlen(name) >= sizeof packet->head.name) {
        return -1;
    }
    memcpy(packet->head.name, name, strlen(name) + 1);
    return br_ask(packet, -1, &file, (rtl_uint32_t)-1) && packet->head.rc == rcOk ? 0 : -1;
}

static int channel_serve(const char *name, Handle *listener, Handle *server)
{
    struct br_packet packet;
    if (ask(BR_CHANNEL_SERVE, name, &packet) != 0) {
        return -1;
    }
    *listener = packet.head.handles[0];
    *server = packet.head.handles[1];
    return 0;
}

static int channel_connect(const char *name, Handle *client)
{
    struct br_packet packet;
    if (ask(BR_CHANNEL_CONNECT, name, &packet) != 0) {
        return -1;
    }
    *client = packet.head.handles[0];
    return 0;
}

extern const struct cts_adapter cts_adapter;
const struct cts_adapter cts_adapter = {
    .version = CTS_ADAPTER_VERSION,
    .size = sizeof(struct cts_adapter),
    .name = "broker",
    .os_processes = 1,
    .channel_serve = channel_serve,
    .channel_connect = channel_connect,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-04 by the thousand: clients and servers exchange as fast as the library lets them, beside threads that
 * set and clear, or create and close. What is not protected shows as a request that comes twice, a response
 * that reaches another caller, a thread that waits for ever, or a crash.
 */
#include <cts/cts.h>

/* variant: how many channels, and whether the calls are interrupted. */
enum { ONE_CHANNEL = 1, THREE_CHANNELS = 2, PULSES = 4 };
enum { CLIENTS = 4, SERVERS = 2, CHANNELS = 3, ROUNDS = 1000 };

/* RACE-04: every exchange is one request, received once, and the response to it. */
static void traffic(const struct cts_case *self)
{
    bool one_channel = self->variant & ONE_CHANNEL;
    int client_count = one_channel ? CLIENTS : CHANNELS;
    int server_count = one_channel ? SERVERS : CHANNELS;
    struct cts_link links[CHANNELS] = {cts_link_open(self->layout)};
    for (int i = 1; i < CHANNELS; i++) {
        links[i] = cts_link_between(links[0].server_process, links[0].client_process);
    }
    struct cts_process *clients = links[0].client_process;
    struct cts_process *servers = links[0].server_process;
    Handle stop = cts_sync_new(servers);
    Handle sync = self->variant & PULSES ? cts_sync_new(clients) : INVALID_HANDLE;
    struct cts_traffic *traffic = cts_traffic_new((unsigned)client_count, ROUNDS);
    struct cts_op *services[CHANNELS];
    struct cts_op *calls[CLIENTS];

    for (int i = 0; i < server_count; i++) {
        services[i] = cts_start_traffic_service(cts_actor_new(servers, "server"), traffic,
                                                links[one_channel ? 0 : i].server, stop);
    }
    for (int i = 0; i < client_count; i++) {
        calls[i] =
            cts_start_traffic_calls(cts_actor_new(clients, "client"), traffic,
                                    links[one_channel ? 0 : i].client, cts_mdelay(self), sync);
    }
    struct cts_op *beside =
        self->variant & PULSES
            ? cts_start_traffic_pulses(cts_actor_new(clients, "setter"), traffic, sync)
            : cts_start_traffic_churn(cts_actor_new(clients, "creator"), traffic);

    for (int i = 0; i < client_count; i++) {
        cts_check_returned(calls[i], rcOk);
    }
    cts_check_returned(beside, rcOk);
    cts_set(servers, stop);
    for (int i = 0; i < server_count; i++) {
        cts_check_returned(services[i], rcOk);
    }
    cts_check_traffic(traffic);
}

static const struct cts_case cases[] = {
    {"RACE-04.50", "traffic on three channels beside Create and Close", traffic, CTS_ONE_PROCESS,
     CTS_UNLIMITED, THREE_CHANNELS, CTS_FREE_RUNNING},
    {"RACE-04.51", "traffic on three channels, interrupted now and then", traffic, CTS_ONE_PROCESS,
     CTS_UNLIMITED, THREE_CHANNELS | PULSES, CTS_FREE_RUNNING},
    {"RACE-04.52", "traffic of four clients and two servers on one channel", traffic,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ONE_CHANNEL, CTS_FREE_RUNNING},
    {"RACE-04.53", "traffic of four clients and two servers, interrupted now and then, limit",
     traffic, CTS_ONE_PROCESS, CTS_LIMITED, ONE_CHANNEL | PULSES, CTS_FREE_RUNNING},
    {"RACE-04.54", "traffic on three channels, interrupted now and then, limit, two processes",
     traffic, CTS_TWO_PROCESSES, CTS_LIMITED, THREE_CHANNELS | PULSES, CTS_FREE_RUNNING},
    {"RACE-04.55", "traffic on one channel, interrupted now and then, one CPU", traffic,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ONE_CHANNEL | PULSES, 0},
};
CTS_GROUP(cts_group_race_traffic, cases);

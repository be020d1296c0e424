/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-03: an end of the channel is closed while a RecvEx waits there. Whether Close is allowed then, and
 * whether it ends the RecvEx, is not written anywhere; a request that nobody has sent must not come of it.
 */
#include <cts/cts.h>

enum { SERVER_END, LISTENER, CLIENT_END };

static struct cts_op *close_end(const struct cts_case *self, const struct cts_link *link)
{
    struct cts_process *process =
        self->variant == CLIENT_END ? link->client_process : link->server_process;
    Handle handle = self->variant == CLIENT_END ? link->client
                    : self->variant == LISTENER ? link->listener
                                                : link->server;
    return cts_start_close(cts_actor_new(process, "closer"), handle);
}

static void closed_end_receives_nothing(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.server_process);
    Handle waits_on = self->variant == LISTENER ? link.listener : link.server;
    struct cts_op *recv = cts_start_recv_ex(server, waits_on, cts_mdelay(self), sync);
    cts_require_blocked(recv);

    /* Close may refuse, and may wait for the RecvEx. */
    struct cts_op *close = close_end(self, &link);
    cts_may_lack_room(close);
    cts_settle();

    bool ended = cts_returned(recv);
    cts_observe("RecvEx of which an end is closed",
                ended ? cts_rc_name(cts_rc(recv)) : "goes on waiting");
    if (ended) {
        cts_check_error(recv);
    } else {
        /* With which error is not asked: the handle may be looked at again. */
        cts_set(link.server_process, sync);
        cts_check_that(cts_wait(recv) != rcOk,
                       "a RecvEx of which an end is closed receives nothing");
    }
    (void)cts_wait(close);
}

static const struct cts_case cases[] = {
    {"RECV-03.67", "a RecvEx receives nothing when its server handle is closed",
     closed_end_receives_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_END, 0},
    {"RECV-03.68", "a RecvEx receives nothing when its server handle is closed, limit",
     closed_end_receives_nothing, CTS_TWO_PROCESSES, CTS_LIMITED, SERVER_END, 0},
    {"RECV-03.69", "a RecvEx receives nothing when its listener is closed",
     closed_end_receives_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER, 0},
    {"RECV-03.70", "a RecvEx receives nothing when its listener is closed, limit",
     closed_end_receives_nothing, CTS_TWO_PROCESSES, CTS_LIMITED, LISTENER, 0},
    {"RECV-03.71", "a RecvEx receives nothing when the last client handle is closed",
     closed_end_receives_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_END, 0},
    {"RECV-03.72", "a RecvEx receives nothing when the last client handle is closed, two processes",
     closed_end_receives_nothing, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_END, 0},
};
CTS_GROUP(cts_group_recv_end_closed, cases);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-17: every failure of Create, Set, Clear and Close is an error code: not rcOk and not
 * rcIpcInterrupt, which belongs to CallEx and RecvEx. One misuse per step, in the states of the
 * process that could tempt a library to answer rcIpcInterrupt.
 */
#include <cts/cts.h>

/* variant: state of the process. */
enum { NOTHING_SET, ANOTHER_SET, ANOTHER_THREAD_WAITS };

/* Everything that OBJ-02 and OBJ-10 to OBJ-13 call a failure, on handles of `actor`'s process. */
static void check_misuse(struct cts_actor *actor, Handle closed, Handle channel)
{
    cts_check_error(cts_start_create_null(actor));
    cts_check_error(cts_start_set(actor, closed));
    cts_check_error(cts_start_clear(actor, closed));
    cts_check_error(cts_start_close(actor, closed));
    cts_check_error(cts_start_set(actor, INVALID_HANDLE));
    cts_check_error(cts_start_clear(actor, INVALID_HANDLE));
    cts_check_error(cts_start_set(actor, channel));
    cts_check_error(cts_start_clear(actor, channel));

    /* Whether Close accepts INVALID_HANDLE is open. */
    struct cts_op *close = cts_start_close(actor, INVALID_HANDLE);
    cts_check_that(cts_wait(close) != rcIpcInterrupt, "Close does not return rcIpcInterrupt");
}

/* OBJ-17: misuse by a client thread, in the state that variant names. */
static void misuse_gives_an_error_code(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *actor = cts_actor_new(link.client_process, "misuser");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    Handle sync = cts_sync_new(link.client_process);
    Handle closed = cts_sync_new(link.client_process);
    cts_set(link.client_process, closed);
    cts_close(link.client_process, closed);
    struct cts_op *call = NULL;
    if (self->variant == ANOTHER_SET) {
        cts_set(link.client_process, sync);
    }
    if (self->variant == ANOTHER_THREAD_WAITS) {
        call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
        cts_require_blocked(call);
    }

    check_misuse(actor, closed, link.client);

    if (call != NULL) {
        cts_check_blocked(call);
        cts_set(link.client_process, sync);
        cts_check_returned(call, rcIpcInterrupt);
    }
}

/* OBJ-17: misuse by a thread whose own RecvEx has just been interrupted, the object still set: the
 * code of that call is not carried over. */
static void misuse_after_interruption_gives_an_error_code(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.server_process);
    Handle closed = cts_sync_new(link.server_process);
    cts_close(link.server_process, closed);
    struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), sync);
    cts_require_blocked(recv);
    cts_set(link.server_process, sync);
    cts_require_returned(recv, rcIpcInterrupt);

    check_misuse(server, closed, link.server);
    cts_check_returned(cts_start_close(server, sync), rcOk);
    check_misuse(server, sync, link.listener);
}

/* OBJ-10, OBJ-17: misuse of a handle that was closed while a thread waits with its object. Whether that Close is
 * refused, or waits itself, and what becomes of the call, is open (STATE-07): the call is served or has ended,
 * also while it seems to wait in a library that looks now and then. */
static void misuse_of_what_was_closed_in_use(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *actor = cts_actor_new(link.client_process, "closer");
    struct cts_actor *other = cts_actor_new(link.client_process, "misuser");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.client_process);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call);
    struct cts_op *close = cts_start_close(actor, sync);

    cts_settle();
    if (cts_returned(close) && cts_rc(close) == rcOk) {
        check_misuse(other, sync, link.client);
    }

    cts_settle();
    if (!cts_returned(call)) {
        struct cts_op *recv = cts_start_recv_ex(server, link.server, 1000, INVALID_HANDLE);
        if (cts_wait(recv) == rcOk) {
            (void)cts_wait(cts_start_reply(server, recv, CTS_PLAIN));
        }
        (void)cts_wait(call);
    }
    cts_observe("Close of the object of a queued CallEx", cts_rc_name(cts_wait(close)));
    cts_check_that(cts_rc(close) != rcIpcInterrupt, "Close does not return rcIpcInterrupt");
}

/* OBJ-17: the library runs out of memory in Create, at its first allocation and at later ones, and in Close. */
static void without_memory(const struct cts_case *self)
{
    (void)self;
    struct cts_process *process = cts_process_first();
    struct cts_actor *actor = cts_actor_new(process, "actor");
    /* What the first Create of all had to make is there in the second. */
    static const rtl_uint32_t nths[] = {1, 1, 2, 3, 1, 4, 2};
    for (size_t i = 0; i < sizeof nths / sizeof nths[0]; i++) {
        cts_fail_allocation(nths[i]);
        struct cts_op *create = cts_start_create(actor);
        cts_may_lack_room(create);
        Retcode rc = cts_wait(create);
        cts_fail_allocation(0);
        cts_check_that(rc != rcIpcInterrupt, "Create does not return rcIpcInterrupt");
        Handle sync = rc == rcOk ? cts_handle(create) : cts_sync_new(process);
        cts_check_returned(cts_start_set(actor, sync), rcOk);
        cts_check_returned(cts_start_clear(actor, sync), rcOk);
        cts_fail_allocation(1);
        struct cts_op *close = cts_start_close(actor, sync);
        cts_may_lack_room(close);
        rc = cts_wait(close);
        cts_fail_allocation(0);
        cts_check_that(rc != rcIpcInterrupt, "Close does not return rcIpcInterrupt");
        if (rc != rcOk) { /* whether the handle is gone all the same is not written anywhere */
            close = cts_start_close(actor, sync);
            cts_may_lack_room(close);
            cts_check_that(cts_wait(close) != rcIpcInterrupt,
                           "Close does not return rcIpcInterrupt");
        }
    }
}

static const struct cts_case cases[] = {
    {"OBJ-17.20", "Create and Close without memory give an error code or rcOk", without_memory,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-10.20", "Set and Clear on a handle closed while a CallEx waits are errors",
     misuse_of_what_was_closed_in_use, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-10.21", "Set and Clear on a handle closed while a CallEx waits, limit, two processes",
     misuse_of_what_was_closed_in_use, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-17.1", "misuse gives an error code, no object set", misuse_gives_an_error_code,
     CTS_ONE_PROCESS, CTS_UNLIMITED, NOTHING_SET, CTS_SMOKE},
    {"OBJ-17.2", "misuse gives an error code, another object set", misuse_gives_an_error_code,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ANOTHER_SET, 0},
    {"OBJ-17.3", "misuse gives an error code, another thread waiting", misuse_gives_an_error_code,
     CTS_ONE_PROCESS, CTS_LIMITED, ANOTHER_THREAD_WAITS, 0},
    {"OBJ-17.4", "misuse gives an error code in a client process", misuse_gives_an_error_code,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, ANOTHER_SET, 0},
    {"OBJ-17.5", "misuse gives an error code to a thread that was interrupted",
     misuse_after_interruption_gives_an_error_code, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-17.6", "misuse gives an error code to a thread that was interrupted, two processes",
     misuse_after_interruption_gives_an_error_code, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-17.7", "misuse gives an error code to a thread that was interrupted, limit",
     misuse_after_interruption_gives_an_error_code, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"OBJ-17.8", "misuse of a handle closed while a CallEx waits gives an error code",
     misuse_of_what_was_closed_in_use, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-17.9", "misuse of a handle closed while a CallEx with a limit waits gives an error code",
     misuse_of_what_was_closed_in_use, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"OBJ-17.10", "misuse of a handle closed while a CallEx waits, two processes",
     misuse_of_what_was_closed_in_use, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_obj_error_codes, cases);

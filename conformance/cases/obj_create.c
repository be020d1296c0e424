/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-01 and OBJ-02: what Create returns. That the handles of objects alive at the same time differ
 * is obj_independent.c, that a new object is clear is obj_new_is_clear.c.
 */
#include <cts/cts.h>

/* The process that creates: the first one, or a new one beside it. */
static struct cts_process *creating_process(const struct cts_case *self)
{
    return self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
}

/* OBJ-01: Create returns rcOk and writes a handle that is not INVALID_HANDLE. variant: how many
 * objects are made and stay alive, as long as there is room. */
static void create_writes_a_handle(const struct cts_case *self)
{
    struct cts_actor *creator = cts_actor_new(creating_process(self), "creator");

    for (int i = 0; i < self->variant; i++) {
        struct cts_op *create = cts_start_create(creator);
        if (i >= CTS_SURELY_ROOM_FOR) {
            cts_may_lack_room(create);
            if (cts_wait(create) != rcOk) {
                cts_observe("objects alive at once", "fewer than asked for");
                return;
            }
        }

        cts_check_returned(create, rcOk);
        cts_check_that(cts_handle(create) != INVALID_HANDLE, "Create wrote a handle");
    }
}

/* OBJ-01: the same from several threads at once. variant: rounds. */
static void threads_create_at_once(const struct cts_case *self)
{
    enum { THREADS = 4 };
    struct cts_actor *creators[THREADS];
    for (int i = 0; i < THREADS; i++) {
        creators[i] = cts_actor_new(cts_process_first(), "creator");
    }

    for (int round = 0; round < self->variant; round++) {
        struct cts_op *creates[THREADS];
        for (int i = 0; i < THREADS; i++) {
            creates[i] = cts_start_create(creators[i]);
        }
        for (int i = 0; i < THREADS; i++) {
            cts_check_returned(creates[i], rcOk);
            cts_check_that(cts_handle(creates[i]) != INVALID_HANDLE, "Create wrote a handle");
        }
    }
}

/* OBJ-01: the same after other objects have been set and closed. */
static void create_after_close_writes_a_handle(const struct cts_case *self)
{
    struct cts_process *process = creating_process(self);
    struct cts_actor *creator = cts_actor_new(process, "creator");

    for (int i = 0; i < self->variant; i++) {
        struct cts_op *create = cts_start_create(creator);

        cts_check_returned(create, rcOk);
        cts_check_that(cts_handle(create) != INVALID_HANDLE, "Create wrote a handle");

        cts_set(process, cts_handle(create));
        cts_close(process, cts_handle(create));
    }
}

/* OBJ-02: Create with a null output pointer returns an error. variant: how often; Create with a
 * pointer works afterwards. */
static void create_null_is_an_error(const struct cts_case *self)
{
    struct cts_actor *creator = cts_actor_new(creating_process(self), "creator");

    for (int i = 0; i < self->variant; i++) {
        cts_check_error(cts_start_create_null(creator));
    }

    struct cts_op *create = cts_start_create(creator);
    cts_check_returned(create, rcOk);
    cts_check_returned(cts_start_set(creator, cts_handle(create)), rcOk);
}

/* OBJ-02: the error concerns no other object: a thread that waits with one keeps waiting, and a set
 * one stays set. */
static void create_null_leaves_other_objects(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *creator = cts_actor_new(link.client_process, "creator");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    Handle clear_sync = cts_sync_new(link.client_process);
    Handle set_sync = cts_sync_new(link.client_process);
    cts_set(link.client_process, set_sync);
    struct cts_op *call =
        cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), clear_sync);
    cts_require_blocked(call);

    cts_check_error(cts_start_create_null(creator));

    cts_check_blocked(call);
    cts_set(link.client_process, clear_sync);
    cts_check_returned(call, rcIpcInterrupt);
    call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), set_sync);
    cts_check_returned(call, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"OBJ-01.1", "Create gives a handle", create_writes_a_handle, CTS_ONE_PROCESS, CTS_UNLIMITED, 1,
     CTS_SMOKE},
    {"OBJ-01.2", "Create gives 64 handles, all kept", create_writes_a_handle, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 64, 0},
    {"OBJ-01.3", "Create gives handles in a second process", create_writes_a_handle,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 8, CTS_SMOKE},
    {"OBJ-01.4", "Create gives handles to four threads at once", threads_create_at_once,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 8, CTS_FREE_RUNNING},
    {"OBJ-01.5", "Create gives a handle after others were set and closed",
     create_after_close_writes_a_handle, CTS_ONE_PROCESS, CTS_UNLIMITED, 16, 0},
    {"OBJ-02.1", "Create without output pointer is an error", create_null_is_an_error,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 1, CTS_SMOKE},
    {"OBJ-02.2", "Create without output pointer is an error 16 times", create_null_is_an_error,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 16, 0},
    {"OBJ-02.3", "Create without output pointer leaves other objects as they are",
     create_null_leaves_other_objects, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-02.4", "Create without output pointer in the client process",
     create_null_leaves_other_objects, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-02.5", "Create without output pointer leaves other objects as they are, limit",
     create_null_leaves_other_objects, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_obj_create, cases);

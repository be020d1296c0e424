/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without memory: each operation is repeated while its first, second, ... allocation fails, until
 * it succeeds. Every failure says rcOutOfMemory and leaves nothing behind.
 */
#include "support.h"

#include "alloc.h"

#define FIRST REF_CONTROL_FIRST_PROCESS

/* One attempt. Undone by the operation itself when it succeeds. */
typedef Retcode (*operation)(void);

/* Returns how many allocations the operation makes at most. */
static unsigned sweep(operation attempt)
{
    unsigned n;
    for (n = 1; n < 20; n++) {
        uint32_t objects = ref_control_live_objects(0);
        Retcode rc;
        ref_control_fail_allocation(n);
        rc = attempt();
        ref_control_fail_allocation(0);
        if (rc == rcOk) {
            return n - 1;
        }
        ck_assert_int_eq(rc, rcOutOfMemory);
        ck_assert_uint_eq(ref_control_live_objects(0), objects);
    }
    ck_abort_msg("no end of allocations");
    return 0;
}

/* In a process of its own, whose handle table is still empty. */
static TaskId g_process;

static Retcode finish(Retcode rc)
{
    ref_control_fail_allocation(0);
    bind_to(FIRST);
    ck_assert_int_eq(ref_control_process_end(g_process), rcOk);
    return rc;
}

#define IN_FRESH_PROCESS(name, call)                                                               \
    static Retcode name(void)                                                                      \
    {                                                                                              \
        Handle handle = 77;                                                                        \
        Handle more = 77;                                                                          \
        Retcode rc;                                                                                \
        bind_to(g_process);                                                                        \
        rc = call;                                                                                 \
        ck_assert(rc == rcOk || (handle == 77 && more == 77));                                     \
        return finish(rc);                                                                         \
    }

IN_FRESH_PROCESS(create_sync, KnIpcCreateSyncObject(&handle))
IN_FRESH_PROCESS(create_user, KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST, 0, NULL, &handle))
IN_FRESH_PROCESS(connect_self, KnHandleConnect(INVALID_HANDLE, &more, NULL, &handle))
IN_FRESH_PROCESS(open_from_here, ref_control_channel_open(g_process, FIRST, &more, NULL, &handle))
IN_FRESH_PROCESS(open_to_here, ref_control_channel_open(FIRST, g_process, &more, NULL, &handle))

/* As sweep(), with a new process for each attempt; it is made before the failure is armed. */
static unsigned sweep_in_fresh_process(operation attempt)
{
    unsigned n;
    bind_to(FIRST);
    for (n = 1; n < 20; n++) {
        uint32_t objects = ref_control_live_objects(0);
        Retcode rc;
        g_process = process_create();
        ref_control_fail_allocation(n);
        rc = attempt();
        if (rc == rcOk) {
            return n - 1;
        }
        ck_assert_int_eq(rc, rcOutOfMemory);
        ck_assert_uint_eq(ref_control_live_objects(0), objects);
    }
    ck_abort_msg("no end of allocations");
    return 0;
}

START_TEST(creating_objects)
{
    (void)sync_create(); /* the first process has a table already */
    ck_assert_uint_eq(sweep_in_fresh_process(create_sync), 2);
    ck_assert_uint_eq(sweep_in_fresh_process(create_user), 2);
    ck_assert_uint_eq(sweep_in_fresh_process(connect_self), 3);
    ck_assert_uint_eq(sweep_in_fresh_process(open_from_here), 3);
    ck_assert_uint_eq(sweep_in_fresh_process(open_to_here), 3);
}
END_TEST

static struct test_channel g_channel;

static Retcode connect_more(void)
{
    Handle client;
    Retcode rc = KnHandleConnect(g_channel.listener, NULL, NULL, &client);
    return rc == rcOk ? KnHandleClose(client) : rc;
}

static Retcode create_process(void)
{
    TaskId process;
    Retcode rc = ref_control_process_create(&process);
    return rc == rcOk ? ref_control_process_end(process) : rc;
}

START_TEST(existing_listener_and_process)
{
    g_channel = channel_open();
    ck_assert_uint_eq(sweep(connect_more), 1);
    ck_assert_uint_eq(sweep(create_process), 1);
}
END_TEST

/* Operations of a thread that the library does not know yet. */
struct stranger {
    Retcode (*act)(void);
    Retcode rc;
};

static void *stranger_body(void *argument)
{
    struct stranger *stranger = argument;
    stranger->rc = stranger->act();
    return NULL;
}

static Retcode (*g_act)(void);

static Retcode as_stranger(void)
{
    struct stranger stranger = {.act = g_act};
    pthread_join(thread_start(stranger_body, &stranger), NULL);
    return stranger.rc;
}

static Retcode stranger_binds(void)
{
    return ref_control_thread_bind(FIRST, NULL);
}

static Retcode stranger_receives(void)
{
    struct test_packet in;
    packet_in(&in);
    /* Reaching the poll's end is success here. */
    Retcode rc = RecvEx(g_channel.server, &in.header, 0, INVALID_HANDLE);
    return rc == rcTimeout ? rcOk : rc;
}

static Retcode stranger_calls(void)
{
    struct test_packet out;
    struct test_packet in;
    packet_out(&out, 0);
    packet_in(&in);
    Retcode rc = CallEx(g_channel.client, &out.header, &in.header, 0, INVALID_HANDLE);
    return rc == rcTimeout ? rcOk : rc;
}

/* A test without the pool of thread records: every stranger here ends before the next one begins,
 * so only the first sweep sees the record's own allocation. */
START_TEST(first_bind)
{
    g_act = stranger_binds;
    ck_assert_uint_eq(sweep(as_stranger), 1);
}
END_TEST

START_TEST(first_receive)
{
    g_channel = channel_open();
    g_act = stranger_receives;
    ck_assert_uint_eq(sweep(as_stranger), 1);
}
END_TEST

START_TEST(first_call)
{
    g_channel = channel_open();
    g_act = stranger_calls;
    /* The record is made in the first attempt and kept; then the request. */
    ck_assert_uint_ge(sweep(as_stranger), 1);
}
END_TEST

START_TEST(receiver_cannot_take_a_handle)
{
    TaskId server = process_create();
    struct test_channel channel;
    struct test_channel cargo = channel_open();
    struct test_packet in;
    struct actor call;
    Handle filler;
    unsigned used;

    g_channel = channel_between(server, FIRST);
    channel = g_channel;
    bind_to(server);
    for (used = 2; used < 256; used++) { /* the first part of the table is full then */
        ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST, 0, NULL, &filler), rcOk);
    }
    actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    packet_handles(&call.out, 1, &cargo.client);
    actor_start(&call);
    actor_reaches(&call, REF_STAGE_CALL_QUEUED);
    ref_control_fail_allocation(1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcTimeout);
    ref_control_fail_allocation(0);
    ck_assert_int_eq(actor_join(&call), rcOutOfMemory);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, creating_objects);
    tcase_add_test(tests, existing_listener_and_process);
    tcase_add_test(tests, first_bind);
    tcase_add_test(tests, first_receive);
    tcase_add_test(tests, first_call);
    tcase_add_test(tests, receiver_cannot_take_a_handle);
}

int main(void)
{
    return test_main("failure", add);
}

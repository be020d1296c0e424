/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated processes: their end in each stage, threads that are bound to them. */
#include "support.h"

#include "alloc.h"

#include <services/ocap.h>

#define FIRST REF_CONTROL_FIRST_PROCESS

START_TEST(server_process_ends)
{
    TaskId server = process_create();
    struct test_channel channel = channel_between(server, FIRST);
    struct test_packet in;
    struct actor taken;
    struct actor queued;
    struct actor recv;
    struct test_channel idle = channel_between(server, FIRST);

    actor_call(&taken, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    bind_to(server);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    bind_to(FIRST);
    actor_call(&queued, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    actor_recv(&recv, server, idle.listener, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(ref_control_process_end(server), rcOk);
    ck_assert_int_eq(actor_join(&taken), rcNotConnected);
    ck_assert_int_eq(actor_join(&queued), rcNotConnected);
    ck_assert_int_eq(actor_join(&recv), rcAbort);
    ck_assert_int_eq(
        CallEx(channel.client, &queued.out.header, &queued.in.header, 0, INVALID_HANDLE),
        rcNotConnected);
    ck_assert_uint_eq(ref_control_live_objects(0), 2); /* the client ends */
    ck_assert_uint_eq(ref_control_live_objects(server), 0);
}
END_TEST

START_TEST(client_process_ends)
{
    TaskId client = process_create();
    struct test_channel channel = channel_between(FIRST, client);
    Handle other_client;
    struct test_packet in;
    struct actor taken;
    struct actor queued;
    struct actor other;

    ck_assert_int_eq(KnHandleConnect(channel.listener, NULL, NULL, &other_client), rcOk);
    actor_call(&taken, client, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcOk);
    actor_call(&queued, client, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    ck_assert_uint_eq(ref_control_live_objects(client), 3);
    ck_assert_int_eq(ref_control_process_end(client), rcOk);
    ck_assert_int_eq(actor_join(&taken), rcAbort);
    ck_assert_int_eq(actor_join(&queued), rcAbort);
    ck_assert_int_eq(reply(channel.listener, in.header.threadId, 5), rcNotConnected);
    /* The server serves others. */
    actor_call(&other, FIRST, other_client, INFINITE_TIMEOUT, INVALID_HANDLE, 3);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcOk);
    ck_assert_uint_eq(in.message.number, 3);
    ck_assert_int_eq(reply(channel.listener, 0, 5), rcOk);
    ck_assert_int_eq(actor_join(&other), rcOk);
}
END_TEST

/* A server end shared by two processes: the one that took a request ends, the other goes on. */
START_TEST(taker_ends_and_the_server_end_lives)
{
    TaskId second = process_create();
    struct test_channel channel = channel_open();
    struct test_channel way = channel_between(second, FIRST);
    struct test_packet in;
    struct actor ferry;
    struct actor calls[4];
    Handle server;

    actor_prepare_call(&ferry, FIRST, way.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    packet_handles(&ferry.out, 1, &channel.server);
    actor_start(&ferry);
    actor_reaches(&ferry, REF_STAGE_CALL_QUEUED);
    actor_call(&calls[0], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    actor_call(&calls[1], FIRST, channel.client, INFINITE_TIMEOUT, sync_create(), 1);
    actor_call(&calls[2], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    actor_prepare_call(&calls[3], FIRST, channel.client, 1, INVALID_HANDLE, 3);
    actor_start(&calls[3]);
    ck_assert_int_eq(actor_join(&calls[3]), rcTimeout);
    bind_to(second);
    ck_assert_int_eq(recv_now(way.server, &in), rcOk);
    server = nk_get_handle(&in.message.handles[0]);
    ck_assert_int_eq(reply(way.server, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&ferry), rcOk);
    ck_assert_int_eq(recv_now(server, &in), rcOk);
    bind_to(FIRST);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_uint_eq(in.message.number, 1);
    ck_assert_int_eq(ref_control_process_end(second), rcOk);
    ck_assert_int_eq(actor_join(&calls[0]), rcNotConnected);
    ck_assert_int_eq(actor_stage(&calls[1]), REF_STAGE_CALL_TAKEN);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&calls[1]), rcOk);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&calls[2]), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotReady);
}
END_TEST

/* The same, for a request whose caller had given up before. */
START_TEST(taker_ends_after_its_caller_left)
{
    TaskId second = process_create();
    struct test_channel channel = channel_open();
    struct test_channel way = channel_between(second, FIRST);
    struct test_packet in;
    struct actor ferry;
    struct actor calls[2];
    Handle server;

    ref_control_clock_set_virtual(1);
    actor_prepare_call(&ferry, FIRST, way.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    packet_handles(&ferry.out, 1, &channel.server);
    actor_start(&ferry);
    actor_reaches(&ferry, REF_STAGE_CALL_QUEUED);
    actor_call(&calls[0], FIRST, channel.client, 1, INVALID_HANDLE, 0);
    actor_call(&calls[1], FIRST, channel.client, 1, INVALID_HANDLE, 0);
    bind_to(second);
    ck_assert_int_eq(recv_now(way.listener, &in), rcOk);
    server = nk_get_handle(&in.message.handles[0]);
    ck_assert_int_eq(reply(way.listener, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&ferry), rcOk);
    ck_assert_int_eq(recv_now(server, &in), rcOk);
    bind_to(FIRST);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ref_control_clock_advance(1);
    ck_assert_int_eq(actor_join(&calls[0]), rcTimeout);
    ck_assert_int_eq(actor_join(&calls[1]), rcTimeout);
    ck_assert_int_eq(ref_control_process_end(second), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotConnected); /* its own */
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotReady);
}
END_TEST

START_TEST(objects_go_with_the_process)
{
    TaskId process = process_create();
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    struct actor call;
    Handle handle;
    size_t before;

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, sync, 1);
    before = ref_alloc_in_use_bytes();
    bind_to(process);
    ck_assert_int_eq(
        KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST, OCAP_HANDLE_COPY, NULL, &handle), rcOk);
    ck_assert_int_eq(KnHandleCopy(handle, 0, INVALID_HANDLE, &handle), rcOk);
    ck_assert_int_eq(KnIpcSetInterrupt(sync_create()), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(process), 2);
    ck_assert_uint_gt(ref_alloc_in_use_bytes(), before);
    ck_assert_int_eq(ref_control_process_end(process), rcOk);
    bind_to(FIRST);
    ck_assert_uint_eq(ref_control_live_objects(process), 0);
    ck_assert_uint_eq(ref_control_live_objects(0), 5);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_join(&call), rcIpcInterrupt);
}
END_TEST

START_TEST(threads_of_an_ended_process)
{
    TaskId process = process_create();
    TaskId other = process_create();
    struct test_packet out;
    struct test_packet in;
    Handle handle = 9;
    Tid tid = 0;
    Tid again = 0;

    ck_assert_int_eq(ref_control_thread_bind(process, &tid), rcOk);
    ck_assert_uint_ne(tid, 0);
    ck_assert_int_eq(ref_control_process_end(process), rcOk);
    packet_out(&out, 0);
    packet_in(&in);
    ck_assert_int_eq(KnIpcCreateSyncObject(&handle), rcAbort);
    ck_assert_int_eq(KnIpcSetInterrupt(handle), rcAbort);
    ck_assert_int_eq(KnIpcClearInterrupt(handle), rcAbort);
    ck_assert_int_eq(Call(handle, &out.header, &in.header), rcAbort);
    ck_assert_int_eq(Recv(handle, &in.header), rcAbort);
    ck_assert_int_eq(Reply(handle, &out.header), rcAbort);
    ck_assert_int_eq(KnHandleClose(handle), rcAbort);
    ck_assert_int_eq(KnHandleRevoke(handle), rcAbort);
    ck_assert_int_eq(KnHandleCopy(handle, 0, INVALID_HANDLE, &handle), rcAbort);
    ck_assert_int_eq(KnHandleConnect(INVALID_HANDLE, &handle, NULL, &handle), rcAbort);
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST, 0, NULL, &handle), rcAbort);
    ck_assert_uint_eq(handle, 9);
    ck_assert_int_eq(ref_control_thread_bind(process, &again), rcResourceNotFound);
    ck_assert_int_eq(ref_control_thread_bind(other, &again), rcOk);
    ck_assert_uint_eq(again, tid);
    ck_assert_int_eq(KnIpcCreateSyncObject(&handle), rcOk);
}
END_TEST

START_TEST(control_arguments)
{
    Handle handle = 4;
    Tid tid = 0;
    TaskId last = process_create();
    ck_assert_int_eq(ref_control_process_create(NULL), rcInvalidArgument);
    ck_assert_int_eq(ref_control_process_end(FIRST), rcInvalidOperation);
    ck_assert_int_eq(ref_control_process_end(last + 1), rcResourceNotFound);
    ck_assert_int_eq(ref_control_process_end(0), rcResourceNotFound);
    ck_assert_int_eq(ref_control_channel_open(last + 1, FIRST, NULL, NULL, &handle),
                     rcResourceNotFound);
    ck_assert_int_eq(ref_control_channel_open(FIRST, last + 1, NULL, NULL, &handle),
                     rcResourceNotFound);
    ck_assert_int_eq(ref_control_channel_open(FIRST, FIRST, NULL, NULL, NULL), rcInvalidArgument);
    ck_assert_int_eq(ref_control_thread_stage(0), REF_STAGE_RUNNING);
    ck_assert_int_eq(ref_control_thread_bind(FIRST, &tid), rcOk);
    ck_assert_int_eq(ref_control_thread_stage(tid), REF_STAGE_RUNNING);
    ck_assert_int_eq(ref_control_thread_stage(tid + 256), REF_STAGE_RUNNING); /* same bucket */
    ck_assert_uint_eq(handle, 4);
    ck_assert_int_eq(ref_control_process_end(last), rcOk);
    ck_assert_int_eq(ref_control_process_end(last), rcResourceNotFound);
}
END_TEST

START_TEST(channel_open_with_fewer_handles)
{
    TaskId server = process_create();
    struct test_channel channel;
    struct test_packet out;

    packet_out(&out, 0);
    /* Only a server handle: the listener goes at once, the channel works. */
    ck_assert_int_eq(
        ref_control_channel_open(server, FIRST, NULL, &channel.server, &channel.client), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(server), 1);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &out.header, 0, INVALID_HANDLE),
                     rcTimeout);
    /* Only a listener. */
    ck_assert_int_eq(
        ref_control_channel_open(server, FIRST, &channel.listener, NULL, &channel.client), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(server), 3);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &out.header, 0, INVALID_HANDLE),
                     rcTimeout);
    /* Nothing that keeps a server end alive. */
    ck_assert_int_eq(ref_control_channel_open(server, FIRST, NULL, NULL, &channel.client), rcOk);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &out.header, 0, INVALID_HANDLE),
                     rcNotConnected);
}
END_TEST

/* Threads come and go: records are used again, ids are not. */
static void *note_tid(void *argument)
{
    Tid *tid = argument;
    ref_control_thread_bind(FIRST, tid);
    return NULL;
}

START_TEST(thread_records_are_used_again)
{
    TaskId bound = process_create();
    struct actor call;
    struct test_channel channel = channel_between(FIRST, bound);
    Tid last = 0;
    size_t in_use = 0;
    unsigned turn;

    for (turn = 0; turn < 600; turn++) {
        Tid tid = 0;
        pthread_join(thread_start(note_tid, &tid), NULL);
        ck_assert_uint_gt(tid, last);
        last = tid;
        if (turn == 0) {
            in_use = ref_alloc_in_use_bytes();
        }
    }
    ck_assert_uint_eq(ref_alloc_in_use_bytes(), in_use);
    ck_assert_int_eq(ref_control_thread_stage(last), REF_STAGE_RUNNING);
    /* The record of a process outlives its end while a thread is bound to it. */
    actor_call(&call, bound, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    ck_assert_int_eq(ref_control_process_end(bound), rcOk);
    ck_assert_int_eq(actor_join(&call), rcAbort);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, server_process_ends);
    tcase_add_test(tests, client_process_ends);
    tcase_add_test(tests, taker_ends_and_the_server_end_lives);
    tcase_add_test(tests, taker_ends_after_its_caller_left);
    tcase_add_test(tests, objects_go_with_the_process);
    tcase_add_test(tests, threads_of_an_ended_process);
    tcase_add_test(tests, control_arguments);
    tcase_add_test(tests, channel_open_with_fewer_handles);
    tcase_add_test(tests, thread_records_are_used_again);
}

int main(void)
{
    return test_main("process", add);
}

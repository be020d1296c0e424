/* SPDX-License-Identifier: Apache-2.0 */
/* Call, Recv and Reply: the exchange, the stages, what ends a wait. */
#include "support.h"

#define FIRST REF_CONTROL_FIRST_PROCESS

/* --- The exchange, in both orders of arrival --- */

START_TEST(client_first)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor call;

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 7);
    call.out.header.traceId = 1; /* too late, the message was read: nothing reads it now */
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_CALL_TAKEN);
    ck_assert_uint_eq(in.message.number, 7);
    ck_assert_uint_eq(in.header.sender, FIRST);
    ck_assert_uint_eq(in.header.threadId, atomic_load(&call.tid));
    ck_assert_uint_eq(in.header.replyHandle, channel.server);
    ck_assert_uint_eq(in.header.indirDescs[0].size, sizeof in.message);
    ck_assert_uint_eq(in.header.indirDescs[1].size, 0);
    ck_assert_int_eq(reply(in.header.replyHandle, in.header.threadId, 8), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_uint_eq(call.in.message.number, 8);
}
END_TEST

START_TEST(server_first)
{
    struct test_channel channel = channel_open();
    struct actor recv;
    struct actor call;

    actor_recv(&recv, FIRST, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 9);
    call.out.header.traceId = 11;
    call.out.header.spanId = 12;
    actor_start(&call);
    ck_assert_int_eq(actor_join(&recv), rcOk);
    ck_assert_uint_eq(recv.in.message.number, 9);
    ck_assert_uint_eq(recv.in.header.traceId, 11);
    ck_assert_uint_eq(recv.in.header.spanId, 12);
    ck_assert_uint_eq(recv.in.header.replyHandle, channel.server);
    actor_reaches(&call, REF_STAGE_CALL_TAKEN);
    ck_assert_int_eq(reply(channel.server, 0, 10), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_uint_eq(call.in.message.number, 10);
}
END_TEST

static void *plain_server(void *argument)
{
    const struct test_channel *channel = argument;
    struct test_packet in;
    packet_in(&in);
    if (Recv(channel->server, &in.header) == rcOk) {
        (void)reply(channel->server, 0, in.message.number + 1);
    }
    return NULL;
}

START_TEST(forms_without_ex)
{
    struct test_channel channel = channel_open();
    pthread_t server = thread_start(plain_server, &channel);
    struct test_packet out;
    struct test_packet in;

    packet_out(&out, 1);
    packet_in(&in);
    ck_assert_int_eq(Call(channel.client, &out.header, &in.header), rcOk);
    ck_assert_uint_eq(in.message.number, 2);
    pthread_join(server, NULL);
}
END_TEST

START_TEST(requests_are_taken_in_order)
{
    struct test_channel channel = channel_open();
    struct actor calls[3];
    struct test_packet in;
    unsigned index;

    for (index = 0; index < 3; index++) {
        actor_call(&calls[index], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, index);
    }
    for (index = 0; index < 3; index++) {
        ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
        ck_assert_uint_eq(in.message.number, index);
    }
    /* threadId chooses, 0 is the oldest one. */
    ck_assert_int_eq(reply(channel.server, atomic_load(&calls[1].tid), 101), rcOk);
    ck_assert_int_eq(actor_join(&calls[1]), rcOk);
    ck_assert_uint_eq(calls[1].in.message.number, 101);
    ck_assert_int_eq(reply(channel.server, 0, 100), rcOk);
    ck_assert_int_eq(actor_join(&calls[0]), rcOk);
    ck_assert_uint_eq(calls[0].in.message.number, 100);
    ck_assert_int_eq(reply(channel.server, atomic_load(&calls[0].tid), 1), rcNotReady);
    ck_assert_int_eq(reply(channel.server, 0, 102), rcOk);
    ck_assert_int_eq(actor_join(&calls[2]), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 1), rcNotReady);
}
END_TEST

START_TEST(receivers_are_served_in_order)
{
    struct test_channel channel = channel_open();
    struct actor recvs[3];
    struct actor call;
    unsigned index;

    /* The middle one waits at the listener, the others at the server end. */
    for (index = 0; index < 3; index++) {
        actor_recv(&recvs[index], FIRST, index == 1 ? channel.listener : channel.server,
                   INFINITE_TIMEOUT, INVALID_HANDLE);
    }
    for (index = 0; index < 3; index++) {
        actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, index);
        actor_start(&call);
        ck_assert_int_eq(actor_join(&recvs[index]), rcOk);
        ck_assert_uint_eq(recvs[index].in.message.number, index);
        ck_assert_int_eq(reply(recvs[index].in.header.replyHandle, 0, 1), rcOk);
        ck_assert_int_eq(actor_join(&call), rcOk);
    }
}
END_TEST

START_TEST(listener_takes_from_all_its_channels)
{
    struct test_channel first = channel_open();
    struct test_channel second = first;
    struct actor calls[4];
    struct test_packet in;
    unsigned index;

    ck_assert_int_eq(
        KnHandleConnect(first.listener, &second.listener, &second.server, &second.client), rcOk);
    ck_assert_uint_eq(second.listener, first.listener);
    ck_assert_uint_ne(second.server, second.listener);
    for (index = 0; index < 4; index++) {
        actor_call(&calls[index], FIRST, index % 2 == 0 ? first.client : second.client,
                   INFINITE_TIMEOUT, INVALID_HANDLE, index);
    }
    ck_assert_int_eq(recv_now(second.server, &in), rcOk); /* that channel only */
    ck_assert_uint_eq(in.message.number, 1);
    for (index = 0; index < 4; index++) {
        if (index != 1) {
            ck_assert_int_eq(recv_now(first.listener, &in), rcOk);
            ck_assert_uint_eq(in.message.number, index);
            ck_assert_uint_eq(in.header.replyHandle, first.listener);
        }
    }
    /* A request taken through the listener is not the server end's. */
    ck_assert_int_eq(reply(first.server, 0, 0), rcNotReady);
    ck_assert_int_eq(reply(second.server, 0, 0), rcOk);
    for (index = 0; index < 3; index++) {
        ck_assert_int_eq(reply(first.listener, 0, 0), rcOk);
    }
    for (index = 0; index < 4; index++) {
        ck_assert_int_eq(actor_join(&calls[index]), rcOk);
    }
}
END_TEST

/* --- Interruption --- */

START_TEST(queued_call_is_interrupted_and_withdrawn)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    struct test_packet in;
    struct actor call;

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, sync, 1);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_RUNNING);
    ck_assert_int_eq(recv_now(channel.server, &in), rcTimeout);
    ck_assert_int_eq(actor_join(&call), rcIpcInterrupt);
}
END_TEST

START_TEST(taken_call_is_not_interrupted)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    struct test_packet in;
    struct actor call;

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, sync, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_CALL_TAKEN);
    ck_assert_int_eq(reply(channel.server, 0, 2), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    /* The state stays for the next call that would have to wait. */
    ck_assert_int_eq(
        CallEx(channel.client, &call.out.header, &call.in.header, INFINITE_TIMEOUT, sync),
        rcIpcInterrupt);
}
END_TEST

START_TEST(waiting_receive_is_interrupted)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    struct actor recv;

    actor_recv(&recv, FIRST, channel.server, INFINITE_TIMEOUT, sync);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_join(&recv), rcIpcInterrupt);
    ck_assert_int_eq(RecvEx(channel.server, &recv.in.header, INFINITE_TIMEOUT, sync),
                     rcIpcInterrupt);
    ck_assert_int_eq(KnIpcClearInterrupt(sync), rcOk);
    ck_assert_int_eq(RecvEx(channel.server, &recv.in.header, 0, sync), rcTimeout);
}
END_TEST

START_TEST(rendezvous_wins_over_a_set_object)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    struct test_packet in;
    struct actor recv;
    struct actor call;

    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    /* A waiting receiver: the call goes through. */
    actor_recv(&recv, FIRST, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, sync, 5);
    actor_start(&call);
    ck_assert_int_eq(actor_join(&recv), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 6), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    /* A queued request: the receive takes it. */
    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 7);
    packet_in(&in);
    ck_assert_int_eq(RecvEx(channel.server, &in.header, INFINITE_TIMEOUT, sync), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 8), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
}
END_TEST

START_TEST(set_object_and_only_an_undeliverable_request)
{
    struct test_channel channel = channel_open();
    struct test_channel cargo = channel_open();
    Handle sync = sync_create();
    struct test_packet in;
    struct actor call;

    actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    packet_handles(&call.out, 1, &cargo.client);
    actor_start(&call);
    actor_reaches(&call, REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(KnHandleClose(cargo.client), rcOk); /* now it names nothing */
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    packet_in(&in);
    ck_assert_int_eq(RecvEx(channel.server, &in.header, INFINITE_TIMEOUT, sync), rcIpcInterrupt);
    ck_assert_int_eq(actor_join(&call), rcInvalidArgument);
}
END_TEST

/* --- Time --- */

START_TEST(timeouts_with_the_real_clock)
{
    struct test_channel channel = channel_open();
    struct test_packet out;
    struct test_packet in;

    packet_out(&out, 1);
    packet_in(&in);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &in.header, 3, INVALID_HANDLE), rcTimeout);
    ck_assert_int_eq(recv_now(channel.server, &in), rcTimeout); /* nothing was left behind */
    ck_assert_int_eq(RecvEx(channel.server, &in.header, 3, INVALID_HANDLE), rcTimeout);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &in.header, 0, INVALID_HANDLE), rcTimeout);
}
END_TEST

START_TEST(poll_meets_a_waiting_receiver)
{
    struct test_channel channel = channel_open();
    struct test_packet out;
    struct test_packet in;
    struct actor recv;

    ref_control_clock_set_virtual(1);
    actor_recv(&recv, FIRST, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    packet_out(&out, 1);
    packet_in(&in);
    /* The request gets through, and the limit covers the server's work as well. */
    ck_assert_int_eq(CallEx(channel.client, &out.header, &in.header, 0, INVALID_HANDLE), rcTimeout);
    ck_assert_int_eq(actor_join(&recv), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 1), rcNotConnected);
    ck_assert_int_eq(reply(channel.server, 0, 1), rcNotReady);
}
END_TEST

START_TEST(virtual_clock_ends_due_waits_only)
{
    struct test_channel channel = channel_open();
    struct actor early;
    struct actor late;
    struct actor recv;
    struct test_channel other = channel_open();

    ref_control_clock_set_virtual(1);
    actor_call(&early, FIRST, channel.client, 10, INVALID_HANDLE, 1);
    actor_call(&late, FIRST, channel.client, 20, INVALID_HANDLE, 2);
    actor_recv(&recv, FIRST, other.server, 20, INVALID_HANDLE);
    ref_control_clock_advance(9);
    ck_assert_int_eq(actor_stage(&early), REF_STAGE_CALL_QUEUED);
    ref_control_clock_advance(1);
    ck_assert_int_eq(actor_stage(&early), REF_STAGE_RUNNING);
    ck_assert_int_eq(actor_stage(&late), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(actor_join(&early), rcTimeout);
    ref_control_clock_advance(10);
    ck_assert_int_eq(actor_join(&late), rcTimeout);
    ck_assert_int_eq(actor_join(&recv), rcTimeout);
    ref_control_clock_set_virtual(0);
    ref_control_clock_advance(1000); /* nothing happens on the real clock */
}
END_TEST

START_TEST(late_reply_reaches_nobody)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor call;

    ref_control_clock_set_virtual(1);
    actor_call(&call, FIRST, channel.client, 10, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 4); /* three ends and the request */
    ref_control_clock_advance(10);
    ck_assert_int_eq(actor_join(&call), rcTimeout);
    ck_assert_uint_eq(ref_control_live_objects(0), 4); /* the request stays until Reply */

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    ck_assert_int_eq(reply(channel.server, in.header.threadId, 100), rcNotConnected);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 200), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_uint_eq(call.in.message.number, 200);
    ck_assert_uint_eq(ref_control_live_objects(0), 3);
}
END_TEST

/* One thread calls twice; the first call timed out in service. Each server thread means its own. */
struct second_server {
    struct test_channel channel;
    Tid caller;
    Retcode rc;
};

static void *take_and_answer(void *argument)
{
    struct second_server *server = argument;
    struct test_packet in;
    server->rc = recv_now(server->channel.server, &in);
    if (server->rc == rcOk) {
        server->rc = reply(server->channel.server, in.header.threadId, 2);
    }
    return NULL;
}

static void *call_twice(void *argument)
{
    struct actor *actor = argument;
    Tid tid;
    ref_control_thread_bind(FIRST, &tid);
    atomic_store_explicit(&actor->tid, tid, memory_order_release);
    actor->rc = CallEx(actor->handle, &actor->out.header, &actor->in.header, 10, INVALID_HANDLE);
    if (actor->rc == rcTimeout) {
        actor->rc = Call(actor->handle, &actor->out.header, &actor->in.header);
    }
    return NULL;
}

START_TEST(reply_prefers_the_request_its_own_thread_took)
{
    struct test_channel channel = channel_open();
    struct second_server other = {.channel = channel};
    struct test_packet in;
    struct actor call = {.handle = channel.client};

    ref_control_clock_set_virtual(1);
    packet_out(&call.out, 1);
    packet_in(&call.in);
    call.thread = thread_start(call_twice, &call);
    actor_reaches(&call, REF_STAGE_CALL_QUEUED);
    bind_to(FIRST);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ref_control_clock_advance(10);
    actor_reaches(&call, REF_STAGE_CALL_QUEUED);
    pthread_join(thread_start(take_and_answer, &other), NULL);
    ck_assert_int_eq(other.rc, rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_uint_eq(call.in.message.number, 2);
    ck_assert_int_eq(reply(channel.server, in.header.threadId, 1), rcNotConnected);
}
END_TEST

/* A thread that took nothing itself answers the oldest request of the caller it names. */
static void *reply_for_another(void *argument)
{
    struct second_server *server = argument;
    server->rc = reply(server->channel.server, server->caller, 3);
    return NULL;
}

START_TEST(any_thread_may_reply)
{
    struct test_channel channel = channel_open();
    struct second_server other = {.channel = channel};
    struct test_packet in;
    struct actor call;

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    other.caller = in.header.threadId;
    pthread_join(thread_start(reply_for_another, &other), NULL);
    ck_assert_int_eq(other.rc, rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_uint_eq(call.in.message.number, 3);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, client_first);
    tcase_add_test(tests, server_first);
    tcase_add_test(tests, forms_without_ex);
    tcase_add_test(tests, requests_are_taken_in_order);
    tcase_add_test(tests, receivers_are_served_in_order);
    tcase_add_test(tests, listener_takes_from_all_its_channels);
    tcase_add_test(tests, queued_call_is_interrupted_and_withdrawn);
    tcase_add_test(tests, taken_call_is_not_interrupted);
    tcase_add_test(tests, waiting_receive_is_interrupted);
    tcase_add_test(tests, rendezvous_wins_over_a_set_object);
    tcase_add_test(tests, set_object_and_only_an_undeliverable_request);
    tcase_add_test(tests, timeouts_with_the_real_clock);
    tcase_add_test(tests, poll_meets_a_waiting_receiver);
    tcase_add_test(tests, virtual_clock_ends_due_waits_only);
    tcase_add_test(tests, late_reply_reaches_nobody);
    tcase_add_test(tests, reply_prefers_the_request_its_own_thread_took);
    tcase_add_test(tests, any_thread_may_reply);
}

int main(void)
{
    return test_main("rendezvous", add);
}

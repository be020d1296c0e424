/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and listeners: making them, closing each end in each stage, arguments, rights. */
#include "support.h"

#include <services/ocap.h>

#define FIRST REF_CONTROL_FIRST_PROCESS

/* --- Closing an end --- */

START_TEST(server_end_closes)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor taken;
    struct actor queued;

    actor_call(&taken, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    actor_call(&queued, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_int_eq(actor_join(&taken), rcNotConnected);
    ck_assert_int_eq(actor_join(&queued), rcNotConnected);
    ck_assert_int_eq(
        CallEx(channel.client, &queued.out.header, &queued.in.header, 0, INVALID_HANDLE),
        rcNotConnected);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcNotConnected);
    ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
    ck_assert_int_eq(KnHandleClose(channel.listener), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
}
END_TEST

START_TEST(client_end_closes)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor taken;
    struct actor queued;
    struct actor recv;

    actor_call(&taken, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    actor_call(&queued, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
    ck_assert_int_eq(actor_join(&taken), rcNotConnected);
    ck_assert_int_eq(actor_join(&queued), rcNotConnected);
    ck_assert_int_eq(recv_now(channel.server, &in), rcNotConnected);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcNotConnected);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotConnected);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotReady);
    /* The listener goes on with a new channel, and its receivers end with the last client. */
    ck_assert_int_eq(KnHandleConnect(channel.listener, NULL, NULL, &channel.client), rcOk);
    actor_recv(&recv, FIRST, channel.listener, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
    ck_assert_int_eq(actor_join(&recv), rcNotConnected);
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 1);
}
END_TEST

START_TEST(client_end_closes_while_its_requests_wait_for_reply)
{
    struct test_channel channel = channel_open();
    Handle client;
    struct test_packet in;
    struct actor calls[2];

    /* A channel without a server handle goes with its client end, its taken request does not. */
    ck_assert_int_eq(KnHandleConnect(channel.listener, NULL, NULL, &client), rcOk);
    actor_call(&calls[0], FIRST, client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcOk);
    ck_assert_int_eq(KnHandleClose(client), rcOk);
    ck_assert_int_eq(actor_join(&calls[0]), rcNotConnected);
    ck_assert_uint_eq(ref_control_live_objects(0), 4);
    ck_assert_int_eq(reply(channel.listener, 0, 0), rcNotConnected);
    ck_assert_uint_eq(ref_control_live_objects(0), 3);
    /* The caller gave up first, then the client end closes: one more for Reply. */
    ref_control_clock_set_virtual(1);
    actor_call(&calls[0], FIRST, channel.client, 5, INVALID_HANDLE, 1);
    actor_call(&calls[1], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ref_control_clock_advance(5);
    ck_assert_int_eq(actor_join(&calls[0]), rcTimeout);
    ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
    ck_assert_int_eq(actor_join(&calls[1]), rcNotConnected);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotConnected);
    /* Nobody asks for the second: the server end takes it along. */
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_int_eq(KnHandleClose(channel.listener), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
}
END_TEST

START_TEST(listener_closes)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    Handle client;
    struct actor recvs[2];
    struct actor calls[4];

    ck_assert_int_eq(KnHandleConnect(channel.listener, NULL, NULL, &client), rcOk);
    actor_call(&calls[0], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    actor_call(&calls[1], FIRST, client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcOk);
    ck_assert_int_eq(recv_now(channel.listener, &in), rcOk);
    actor_call(&calls[2], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    actor_call(&calls[3], FIRST, client, INFINITE_TIMEOUT, INVALID_HANDLE, 3);
    ck_assert_int_eq(KnHandleClose(channel.listener), rcOk);
    ck_assert_int_eq(actor_join(&calls[0]), rcNotConnected);
    ck_assert_int_eq(actor_join(&calls[1]), rcNotConnected);
    ck_assert_int_eq(actor_join(&calls[3]), rcNotConnected);
    /* A channel with a server handle of its own goes on. */
    ck_assert_int_eq(actor_stage(&calls[2]), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&calls[2]), rcOk);
    actor_recv(&recvs[0], FIRST, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
    ck_assert_int_eq(actor_join(&recvs[0]), rcNotConnected);
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_int_eq(KnHandleClose(client), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
}
END_TEST

START_TEST(receivers_of_a_closed_handle_end)
{
    struct test_channel channel = channel_open();
    Handle copy;
    Handle child;
    struct actor own;
    struct actor others;

    ck_assert_int_eq(KnHandleCopy(channel.server, OCAP_IPC_SERVER, INVALID_HANDLE, &copy), rcOk);
    actor_recv(&own, FIRST, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    actor_recv(&others, FIRST, copy, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_int_eq(actor_join(&own), rcNotConnected);
    ck_assert_int_eq(actor_stage(&others), REF_STAGE_RECV_WAITING);
    ck_assert_int_eq(KnHandleClose(copy), rcOk);
    ck_assert_int_eq(actor_join(&others), rcNotConnected);
    /* The same for a handle that is revoked, and for a listener. */
    ck_assert_int_eq(KnHandleConnect(channel.listener, NULL, NULL, &channel.client), rcOk);
    ck_assert_int_eq(KnHandleCopy(channel.listener, OCAP_IPC_LISTENER, INVALID_HANDLE, &copy),
                     rcOk);
    ck_assert_int_eq(KnHandleCopy(copy, OCAP_IPC_LISTENER, INVALID_HANDLE, &child), rcOk);
    actor_recv(&own, FIRST, child, INFINITE_TIMEOUT, INVALID_HANDLE);
    actor_recv(&others, FIRST, channel.listener, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(KnHandleRevoke(copy), rcOk);
    ck_assert_int_eq(actor_join(&own), rcNotConnected);
    ck_assert_int_eq(actor_stage(&others), REF_STAGE_RECV_WAITING);
    ck_assert_int_eq(KnHandleClose(channel.listener), rcOk);
    ck_assert_int_eq(actor_join(&others), rcNotConnected);
}
END_TEST

START_TEST(channel_serves_one_of_two_clients_that_go)
{
    struct test_channel channel = channel_open();
    Handle second;
    struct actor recv;

    ck_assert_int_eq(KnHandleConnect(channel.listener, NULL, NULL, &second), rcOk);
    actor_recv(&recv, FIRST, channel.listener, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(KnHandleClose(second), rcOk);
    ck_assert_int_eq(actor_stage(&recv), REF_STAGE_RECV_WAITING);
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_int_eq(actor_join(&recv), rcNotConnected);
}
END_TEST

/* --- Arguments, kinds and rights --- */

START_TEST(connect_arguments)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    Handle handle = 1;
    Handle weak;

    ck_assert_int_eq(KnHandleConnect(INVALID_HANDLE, &handle, &handle, NULL), rcInvalidArgument);
    ck_assert_int_eq(KnHandleConnect(INVALID_HANDLE, NULL, &handle, &handle), rcInvalidArgument);
    ck_assert_int_eq(KnHandleConnect(0x77777, NULL, NULL, &handle), rcInvalidArgument);
    ck_assert_int_eq(KnHandleConnect(sync, NULL, NULL, &handle), rcInvalidOperation);
    ck_assert_int_eq(KnHandleConnect(channel.server, NULL, NULL, &handle), rcInvalidOperation);
    ck_assert_int_eq(KnHandleCopy(channel.listener, OCAP_IPC_RECV, INVALID_HANDLE, &weak), rcOk);
    ck_assert_int_eq(KnHandleConnect(weak, NULL, NULL, &handle), rcNoCapability);
    ck_assert_uint_eq(handle, 1);
    ck_assert_uint_eq(ref_control_live_objects(0), 4);
    ck_assert_int_eq(KnHandleConnect(INVALID_HANDLE, &weak, NULL, &handle), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 7);
    ck_assert_uint_eq(ref_control_live_objects(FIRST), 7);
    ck_assert_int_eq(KnHandleClose(weak), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 5);
    ck_assert_int_eq(KnHandleClose(handle), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(FIRST), 4);
}
END_TEST

START_TEST(kinds_and_rights)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    Handle weak[2];
    struct test_packet out;
    struct test_packet in;
    const Handle none[3] = {INVALID_HANDLE, 0, 0xfffeffff};
    const Handle not_client[3] = {channel.server, channel.listener, sync};
    const Handle not_server[2] = {channel.client, sync};
    unsigned index;

    packet_out(&out, 0);
    packet_in(&in);
    for (index = 0; index < 3; index++) {
        ck_assert_int_eq(Call(none[index], &out.header, &in.header), rcInvalidArgument);
        ck_assert_int_eq(Recv(none[index], &in.header), rcInvalidArgument);
        ck_assert_int_eq(Reply(none[index], &out.header), rcInvalidArgument);
        ck_assert_int_eq(Call(not_client[index], &out.header, &in.header), rcInvalidOperation);
    }
    for (index = 0; index < 2; index++) {
        ck_assert_int_eq(Recv(not_server[index], &in.header), rcInvalidOperation);
        ck_assert_int_eq(Reply(not_server[index], &out.header), rcInvalidOperation);
    }
    ck_assert_int_eq(KnHandleCopy(channel.client, 0, INVALID_HANDLE, &weak[0]), rcOk);
    ck_assert_int_eq(KnHandleCopy(channel.server, 0, INVALID_HANDLE, &weak[1]), rcOk);
    ck_assert_int_eq(Call(weak[0], &out.header, &in.header), rcNoCapability);
    ck_assert_int_eq(Recv(weak[1], &in.header), rcNoCapability);
    ck_assert_int_eq(Reply(weak[1], &out.header), rcNoCapability);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, server_end_closes);
    tcase_add_test(tests, client_end_closes);
    tcase_add_test(tests, client_end_closes_while_its_requests_wait_for_reply);
    tcase_add_test(tests, listener_closes);
    tcase_add_test(tests, receivers_of_a_closed_handle_end);
    tcase_add_test(tests, channel_serves_one_of_two_clients_that_go);
    tcase_add_test(tests, connect_arguments);
    tcase_add_test(tests, kinds_and_rights);
}

int main(void)
{
    return test_main("channel", add);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, copies, and handles that travel. */
#include "support.h"

#include "message.h"

#include <services/ocap.h>
#include <stdlib.h>
#include <string.h>

#define FIRST REF_CONTROL_FIRST_PROCESS

/* --- Binding a header --- */

START_TEST(pack_in)
{
    unsigned char bytes[64];
    nk_message message;
    nk_arena arena;
    SMsgHdr header;

    nk_message_set_size(&message, sizeof message);
    nk_arena_init(&arena, bytes, sizeof bytes);
    ck_assert_int_eq(PackInMsg(NULL, &message, &arena), NK_EINVAL);
    header.immSize = 1;
    ck_assert_int_eq(PackInMsg(&header, NULL, &arena), NK_EINVAL);
    ck_assert_uint_eq(header.immSize, 0);
    ck_assert_int_eq(PackInMsg(&header, &message, &arena), NK_EOK);
    ck_assert_ptr_eq(header.indirDescs[0].buf, &message);
    ck_assert_uint_eq(header.indirDescs[0].size, 24);
    ck_assert_ptr_eq(header.indirDescs[1].buf, bytes);
    ck_assert_uint_eq(header.indirDescs[1].size, sizeof bytes);
    ck_assert_int_eq(PackInMsg(&header, &message, NULL), NK_EOK);
    ck_assert_ptr_null(header.indirDescs[1].buf);
    message.ex.size_ex = 23;
    ck_assert_int_eq(PackInMsg(&header, &message, NULL), NK_EBADMSG);
    ck_assert_ptr_null(header.indirDescs[0].buf);
    message.ex.size_ex = NK_MESSAGE_SIZE_MAX + 1;
    ck_assert_int_eq(PackInMsg(&header, &message, NULL), NK_EBADMSG);
    message.ex.size_ex = 24;
    arena.start = bytes + 1;
    arena.end = bytes;
    ck_assert_int_eq(PackInMsg(&header, &message, &arena), NK_EBADMSG);
    arena.start = NULL;
    ck_assert_int_eq(PackInMsg(&header, &message, &arena), NK_EBADMSG);
}
END_TEST

START_TEST(pack_out)
{
    static unsigned char bytes[NK_MESSAGE_SIZE_MAX + 1];
    struct test_message message;
    nk_arena arena;
    nk_ptr_t piece;
    SMsgHdr header;

    nk_req_reset(&message);
    nk_arena_init(&arena, bytes, sizeof bytes);
    ck_assert_int_eq(PackOutMsg(NULL, &message.base_, &arena), NK_EINVAL);
    ck_assert_int_eq(PackOutMsg(&header, NULL, &arena), NK_EINVAL);
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, &arena), NK_EOK);
    ck_assert_uint_eq(header.indirDescs[1].size, 0);
    ck_assert_int_eq(nk_arena_store(&arena, &piece, "abc", 3), NK_EOK);
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, &arena), NK_EOK);
    ck_assert_uint_eq(header.indirDescs[1].size, 3);
    arena.current = arena.end;
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, &arena), NK_EBADMSG);
    arena.end = arena.start + 1;
    arena.current = arena.start + 2;
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, &arena), NK_EBADMSG);
    nk_arena_reset(&arena);
    nk_msg_set_ncaps(&message.base_, 4); /* 24 + 64 is the size without the number */
    message.base_.ex.size_ex = 24 + 4 * 16 - 1;
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, &arena), NK_EBADMSG);
    message.base_.ex.size_ex = sizeof bytes;
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, NULL), NK_EBADMSG);
}
END_TEST

START_TEST(pack_out_handle_count)
{
    static struct {
        nk_message base_;
        nk_handle_desc_t handles[256];
    } message;
    SMsgHdr header;

    nk_req_reset(&message);
    nk_msg_set_ncaps(&message.base_, 255);
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, NULL), NK_EOK);
    nk_msg_set_ncaps(&message.base_, 256);
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, NULL), NK_EBADMSG);
}
END_TEST

/* --- Headers that a system call gets --- */

/* The code that a call with this outgoing header ends with at once. */
static Retcode try_call(const struct test_channel *channel, const SMsgHdr *out, SMsgHdr *in)
{
    return CallEx(channel->client, out, in, 0, INVALID_HANDLE);
}

START_TEST(outgoing_headers)
{
    static unsigned char big[NK_MESSAGE_SIZE_MAX];
    struct test_channel channel = channel_open();
    struct test_packet out;
    struct test_packet in;

    packet_in(&in);
    packet_out(&out, 0);
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcTimeout);
    ck_assert_int_eq(try_call(&channel, NULL, &in.header), rcInvalidArgument);
    ck_assert_int_eq(Reply(channel.server, NULL), rcInvalidArgument);
    out.header.immSize = 4;
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcInvalidArgument);
    packet_out(&out, 0);
    out.header.indirDescs[0].buf = NULL;
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcInvalidArgument);
    packet_out(&out, 0);
    out.header.indirDescs[0].size = 23;
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcInvalidArgument);
    packet_out(&out, 0);
    out.header.indirDescs[0].size -= 8; /* not what size_ex says */
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcInvalidArgument);
    packet_out(&out, 0);
    out.header.indirDescs[1].size = 1; /* no buffer */
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcInvalidArgument);
    packet_out(&out, 0);
    nk_msg_set_ncaps(&out.message.base_, 4); /* does not fit */
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcInvalidArgument);
    packet_out(&out, 0);
    out.header.indirDescs[1].buf = big;
    out.header.indirDescs[1].size = sizeof big;
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcBufferTooLarge);
    ck_assert_int_eq(Reply(channel.server, &out.header), rcBufferTooLarge);
    out.header.indirDescs[1].size = (rtl_uint32_t)(sizeof big - sizeof out.message);
    ck_assert_int_eq(try_call(&channel, &out.header, &in.header), rcTimeout);
}
END_TEST

START_TEST(too_many_handles_in_a_header)
{
    static struct {
        nk_message base_;
        nk_handle_desc_t handles[256];
    } message;
    struct test_channel channel = channel_open();
    struct test_packet in;
    SMsgHdr header;

    packet_in(&in);
    nk_req_reset(&message);
    ck_assert_int_eq(PackOutMsg(&header, &message.base_, NULL), NK_EOK);
    nk_msg_set_ncaps(&message.base_, 256);
    ck_assert_int_eq(try_call(&channel, &header, &in.header), rcInvalidArgument);
}
END_TEST

START_TEST(incoming_headers)
{
    struct test_channel channel = channel_open();
    struct test_packet out;
    struct test_packet in;
    unsigned row;

    packet_out(&out, 0);
    for (row = 0; row < 5; row++) {
        SMsgHdr *header = &in.header;
        packet_in(&in);
        switch (row) {
        case 0:
            header = NULL;
            break;
        case 1:
            in.header.immSize = 1;
            break;
        case 2:
            in.header.indirDescs[0].buf = NULL;
            break;
        case 3:
            in.header.indirDescs[0].size = 23;
            break;
        default:
            in.header.indirDescs[1].size = 1;
            break;
        }
        ck_assert_int_eq(try_call(&channel, &out.header, header), rcInvalidArgument);
        ck_assert_int_eq(RecvEx(channel.server, header, 0, INVALID_HANDLE), rcInvalidArgument);
    }
}
END_TEST

/* --- Sizes and bytes --- */

START_TEST(arena_travels)
{
    static unsigned char sent[100000];
    static unsigned char received[100000];
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor call;
    nk_arena arena;

    memset(sent, 0x5a, sizeof sent);
    actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    nk_arena_init(&arena, sent, sizeof sent);
    arena.current = arena.end;
    ck_assert_int_eq(PackOutMsg(&call.out.header, &call.out.message.base_, &arena), NK_EOK);
    actor_start(&call);
    actor_reaches(&call, REF_STAGE_CALL_QUEUED);
    packet_in(&in);
    nk_arena_init(&arena, received, sizeof received);
    ck_assert_int_eq(PackInMsg(&in.header, &in.message.base_, &arena), NK_EOK);
    ck_assert_int_eq(RecvEx(channel.server, &in.header, 0, INVALID_HANDLE), rcOk);
    ck_assert_uint_eq(in.header.indirDescs[1].size, sizeof sent);
    ck_assert_mem_eq(sent, received, sizeof sent);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
}
END_TEST

START_TEST(request_that_does_not_fit)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor call;
    struct actor recv;

    /* The receive comes second, then first: both sides learn it, both times. */
    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    packet_in(&in);
    in.header.indirDescs[0].size = sizeof in.message - 1;
    ck_assert_int_eq(RecvEx(channel.server, &in.header, INFINITE_TIMEOUT, INVALID_HANDLE),
                     rcBufferTooSmall);
    ck_assert_int_eq(actor_join(&call), rcBufferTooSmall);

    actor_recv(&recv, FIRST, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    {
        static unsigned char bytes[8];
        struct test_packet out;
        packet_out(&out, 0);
        out.header.indirDescs[1].buf = bytes;
        out.header.indirDescs[1].size = 1; /* an arena, and no room for one */
        packet_in(&in);
        ck_assert_int_eq(
            CallEx(channel.client, &out.header, &in.header, INFINITE_TIMEOUT, INVALID_HANDLE),
            rcBufferTooSmall);
    }
    ck_assert_int_eq(actor_join(&recv), rcBufferTooSmall);
    ck_assert_int_eq(recv_now(channel.server, &in), rcTimeout);
}
END_TEST

START_TEST(response_that_does_not_fit)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor call;
    static unsigned char bytes[8];
    struct test_packet out;

    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    packet_out(&out, 0);
    out.header.indirDescs[1].buf = bytes;
    out.header.indirDescs[1].size = sizeof bytes;
    ck_assert_int_eq(Reply(channel.server, &out.header), rcBufferTooSmall);
    ck_assert_int_eq(actor_join(&call), rcBufferTooSmall);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcNotReady);
}
END_TEST

/* --- Handles that travel --- */

START_TEST(handles_arrive_with_rights)
{
    TaskId other = process_create();
    struct test_channel channel = channel_between(other, FIRST);
    struct test_channel cargo = channel_open();
    Handle user;
    struct test_packet in;
    struct test_packet out;
    struct actor call;

    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST,
                                              OCAP_HANDLE_TRANSFER | OCAP_HANDLE_COPY, NULL, &user),
                     rcOk);
    actor_prepare_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    packet_handles(&call.out, 2, (Handle[]){cargo.client, user});
    call.out.message.handles[1].rights = OCAP_HANDLE_TRANSFER | OCAP_IPC_CALL;
    actor_start(&call);
    actor_reaches(&call, REF_STAGE_CALL_QUEUED);

    bind_to(other);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_uint_eq(nk_msg_ncaps(&in.message.base_), 2);
    ck_assert_uint_eq(in.message.handles[0].rights, OCAP_IPC_CLIENT);
    ck_assert_uint_eq(in.message.handles[1].rights, OCAP_HANDLE_TRANSFER);
    ck_assert_uint_eq(in.message.handles[1].badge, 0);
    /* It works here: a call goes to the first process. */
    packet_out(&out, 0);
    ck_assert_int_eq(
        CallEx(nk_get_handle(&in.message.handles[0]), &out.header, &out.header, 0, INVALID_HANDLE),
        rcTimeout);
    /* And it can be sent back, in the response. */
    packet_out(&out, 3);
    packet_handles(&out, 1, &in.message.handles[1].handle);
    ck_assert_int_eq(Reply(channel.server, &out.header), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    bind_to(FIRST);
    ck_assert_int_eq(KnHandleClose(nk_get_handle(&call.in.message.handles[0])), rcOk);
    /* What was transferred is a descendant. */
    ck_assert_int_eq(KnHandleRevoke(cargo.client), rcOk);
    bind_to(other);
    ck_assert_int_eq(
        CallEx(nk_get_handle(&in.message.handles[0]), &out.header, &in.header, 0, INVALID_HANDLE),
        rcHandleRevoked);
}
END_TEST

START_TEST(sync_handle_does_not_travel)
{
    TaskId other = process_create();
    struct test_channel channel = channel_between(other, FIRST);
    struct test_channel cargo = channel_open();
    Handle sync = sync_create();
    struct test_packet in;
    struct test_packet out;
    struct actor call;
    unsigned place;
    uint32_t before = ref_control_live_objects(other);

    packet_in(&in);
    for (place = 0; place < TEST_HANDLES; place++) {
        Handle handles[TEST_HANDLES] = {cargo.client, cargo.client, cargo.client};
        handles[place] = sync;
        packet_out(&out, 0);
        packet_handles(&out, TEST_HANDLES, handles);
        out.message.handles[place].rights = OCAP_HANDLE_TRANSFER;
        ck_assert_int_eq(
            CallEx(channel.client, &out.header, &in.header, INFINITE_TIMEOUT, INVALID_HANDLE),
            rcSecurityDisallow);
    }
    bind_to(other);
    ck_assert_int_eq(recv_now(channel.server, &in), rcTimeout);
    ck_assert_uint_eq(ref_control_live_objects(other), before);
    /* A number that names nothing here. */
    packet_out(&out, 0);
    packet_handles(&out, 1, (Handle[]){0xabcdef});
    bind_to(FIRST);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &in.header, 0, INVALID_HANDLE),
                     rcInvalidArgument);
    /* In a response: refused, and the caller waits for a better one. */
    bind_to(FIRST);
    actor_call(&call, FIRST, cargo.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    ck_assert_int_eq(recv_now(cargo.server, &in), rcOk);
    packet_out(&out, 0);
    packet_handles(&out, 1, &sync);
    ck_assert_int_eq(Reply(cargo.server, &out.header), rcSecurityDisallow);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_CALL_TAKEN);
    ck_assert_int_eq(reply(cargo.server, 0, 4), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_uint_eq(nk_msg_ncaps(&call.in.message.base_), 0);
}
END_TEST

/* What the sender closes or changes while it is queued. */
START_TEST(sender_changes_its_mind)
{
    struct test_channel channel = channel_open();
    struct test_channel cargo = channel_open();
    struct test_packet in;
    struct actor refused;
    struct actor good;

    actor_prepare_call(&refused, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    packet_handles(&refused.out, 1, &cargo.client);
    actor_start(&refused);
    actor_reaches(&refused, REF_STAGE_CALL_QUEUED);
    actor_call(&good, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 2);
    ck_assert_int_eq(KnHandleClose(cargo.client), rcOk);
    good.out.message.base_.ncaps = 3; /* what was checked counts, not this */
    good.out.message.base_.ex.size_ex = 1000000;
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_uint_eq(in.message.number, 2);
    ck_assert_uint_eq(in.message.base_.ncaps, 0);
    ck_assert_uint_eq(in.message.base_.ex.size_ex, sizeof in.message);
    ck_assert_int_eq(actor_join(&refused), rcInvalidArgument);
    ck_assert_int_eq(reply(channel.server, 0, 4), rcOk);
    ck_assert_int_eq(actor_join(&good), rcOk);
}
END_TEST

START_TEST(receiver_without_room_for_handles)
{
    TaskId other = process_create();
    struct test_channel channel = channel_between(other, FIRST);
    struct test_channel back = channel_between(FIRST, other);
    struct test_channel cargo = channel_open();
    Handle mine = INVALID_HANDLE;
    Handle last = INVALID_HANDLE;
    struct test_packet in;
    struct test_packet out;
    struct actor recv;
    struct actor call;

    bind_to(other);
    while (KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST, 0, NULL, &mine) == rcOk) {
        last = mine;
    }
    bind_to(FIRST);
    packet_out(&out, 1);
    packet_handles(&out, 1, &cargo.client);
    packet_in(&in);
    actor_recv(&recv, other, channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);
    ck_assert_int_eq(
        CallEx(channel.client, &out.header, &in.header, INFINITE_TIMEOUT, INVALID_HANDLE),
        rcTransferError);
    ck_assert_int_eq(actor_stage(&recv), REF_STAGE_RECV_WAITING); /* undisturbed */
    /* A response meets the same; the caller goes on waiting. */
    actor_call(&call, other, back.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    ck_assert_int_eq(recv_now(back.server, &in), rcOk);
    packet_out(&out, 1);
    packet_handles(&out, 1, &cargo.client);
    ck_assert_int_eq(Reply(back.server, &out.header), rcTransferError);
    bind_to(other);
    ck_assert_int_eq(KnHandleClose(last), rcOk);
    bind_to(FIRST);
    ck_assert_int_eq(Reply(back.server, &out.header), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_int_eq(ref_control_process_end(other), rcOk);
    ck_assert_int_eq(actor_join(&recv), rcAbort);
}
END_TEST

/* --- The security hook --- */

struct hook_log {
    int deny_request;
    int deny_response;
    int asked;
    TaskId sender;
    TaskId receiver;
};

static int hook(void *context, TaskId sender, TaskId receiver, int is_response, const void *fixed,
                rtl_uint32_t size)
{
    struct hook_log *log = context;
    log->asked++;
    log->sender = sender;
    log->receiver = receiver;
    return fixed == NULL || size != sizeof(struct test_message) ||
           (is_response ? log->deny_response : log->deny_request);
}

START_TEST(security_hook)
{
    TaskId other = process_create();
    struct test_channel channel = channel_between(other, FIRST);
    struct hook_log log = {.deny_request = 1};
    struct test_packet in;
    struct test_packet out;
    struct actor call;

    packet_out(&out, 0);
    packet_in(&in);
    ref_control_set_security_hook(hook, &log);
    ck_assert_int_eq(Call(channel.client, &out.header, &in.header), rcSecurityDisallow);
    ck_assert_uint_eq(log.sender, FIRST);
    ck_assert_uint_eq(log.receiver, other);
    log.deny_request = 0;
    log.deny_response = 1;
    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 1);
    bind_to(other);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 1), rcSecurityDisallow);
    ck_assert_uint_eq(log.sender, other);
    ck_assert_uint_eq(log.receiver, FIRST);
    ck_assert_int_eq(actor_stage(&call), REF_STAGE_CALL_TAKEN);
    ck_assert_int_eq(log.asked, 3);
    ref_control_set_security_hook(NULL, NULL);
    ck_assert_int_eq(reply(channel.server, 0, 1), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert_int_eq(log.asked, 3);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, pack_in);
    tcase_add_test(tests, pack_out);
    tcase_add_test(tests, pack_out_handle_count);
    tcase_add_test(tests, outgoing_headers);
    tcase_add_test(tests, too_many_handles_in_a_header);
    tcase_add_test(tests, incoming_headers);
    tcase_add_test(tests, arena_travels);
    tcase_add_test(tests, request_that_does_not_fit);
    tcase_add_test(tests, response_that_does_not_fit);
    tcase_add_test(tests, handles_arrive_with_rights);
    tcase_add_test(tests, sync_handle_does_not_travel);
    tcase_add_test(tests, sender_changes_its_mind);
    tcase_add_test(tests, receiver_without_room_for_handles);
    tcase_add_test(tests, security_hook);
}

int main(void)
{
    return test_main("message", add);
}

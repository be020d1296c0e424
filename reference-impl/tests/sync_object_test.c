/* SPDX-License-Identifier: Apache-2.0 */
/* Sync objects: state, who is woken, closing, clearing itself. */
#include "support.h"

#include "process.h"
#include "sync_object.h"

#include <sched.h>
#include <services/ocap.h>

#define FIRST REF_CONTROL_FIRST_PROCESS

/* What a call that would have to wait says about the state of the object. */
static int interrupts(const struct test_channel *channel, Handle sync)
{
    struct test_packet out;
    struct test_packet in;
    Retcode call;
    packet_out(&out, 0);
    packet_in(&in);
    call = CallEx(channel->client, &out.header, &in.header, 0, sync);
    ck_assert(call == rcIpcInterrupt || call == rcTimeout);
    return call == rcIpcInterrupt;
}

START_TEST(state)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    Handle other = sync_create();

    ck_assert(!interrupts(&channel, sync));
    ck_assert_int_eq(KnIpcClearInterrupt(sync), rcOk);
    ck_assert(!interrupts(&channel, sync));
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert(interrupts(&channel, sync));
    ck_assert(interrupts(&channel, sync));
    ck_assert(!interrupts(&channel, other));
    ck_assert_int_eq(KnIpcClearInterrupt(sync), rcOk);
    ck_assert(!interrupts(&channel, sync));
}
END_TEST

START_TEST(one_set_wakes_all_of_its_own)
{
    struct test_channel channel = channel_open();
    struct test_channel other_channel = channel_open();
    Handle sync = sync_create();
    Handle other = sync_create();
    struct actor calls[3];
    struct actor recvs[3];
    struct actor bystanders[4];
    unsigned index;

    for (index = 0; index < 3; index++) {
        actor_call(&calls[index], FIRST, channel.client, INFINITE_TIMEOUT, sync, index);
        actor_recv(&recvs[index], FIRST, other_channel.server, INFINITE_TIMEOUT, sync);
    }
    actor_call(&bystanders[0], FIRST, channel.client, INFINITE_TIMEOUT, other, 0);
    actor_call(&bystanders[1], FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, 0);
    actor_recv(&bystanders[2], FIRST, other_channel.server, INFINITE_TIMEOUT, other);
    actor_recv(&bystanders[3], FIRST, other_channel.server, INFINITE_TIMEOUT, INVALID_HANDLE);

    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(KnIpcClearInterrupt(sync), rcOk); /* takes nothing back */
    for (index = 0; index < 3; index++) {
        ck_assert_int_eq(actor_join(&calls[index]), rcIpcInterrupt);
        ck_assert_int_eq(actor_join(&recvs[index]), rcIpcInterrupt);
    }
    ck_assert_int_eq(actor_stage(&bystanders[0]), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(actor_stage(&bystanders[1]), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(actor_stage(&bystanders[2]), REF_STAGE_RECV_WAITING);
    ck_assert_int_eq(actor_stage(&bystanders[3]), REF_STAGE_RECV_WAITING);
    ck_assert_int_eq(KnIpcSetInterrupt(other), rcOk);
    ck_assert_int_eq(actor_join(&bystanders[0]), rcIpcInterrupt);
    ck_assert_int_eq(actor_join(&bystanders[2]), rcIpcInterrupt);
    ck_assert_int_eq(KnHandleClose(channel.server), rcOk);
    ck_assert_int_eq(actor_join(&bystanders[1]), rcNotConnected);
    ck_assert_int_eq(KnHandleClose(other_channel.server), rcOk);
    ck_assert_int_eq(actor_join(&bystanders[3]), rcNotConnected);
}
END_TEST

START_TEST(autoclear)
{
    struct test_channel channel = channel_open();
    struct actor calls[2];
    Handle sync;

    ck_assert_int_eq(KnIpcCreateSyncObjectEx(1, &sync), rcOk);
    /* Nobody waits: pending for the first call that would have to. */
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert(interrupts(&channel, sync));
    ck_assert(!interrupts(&channel, sync));
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(KnIpcClearInterrupt(sync), rcOk);
    ck_assert(!interrupts(&channel, sync));
    /* Two wait: one Set, one interruption, the oldest first. */
    actor_call(&calls[0], FIRST, channel.client, INFINITE_TIMEOUT, sync, 0);
    actor_call(&calls[1], FIRST, channel.client, INFINITE_TIMEOUT, sync, 0);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_join(&calls[0]), rcIpcInterrupt);
    ck_assert_int_eq(actor_stage(&calls[1]), REF_STAGE_CALL_QUEUED);
    ck_assert(!interrupts(&channel, sync));
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_join(&calls[1]), rcIpcInterrupt);
    ck_assert_int_eq(KnIpcCreateSyncObjectEx(0, &sync), rcOk);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert(interrupts(&channel, sync));
    ck_assert(interrupts(&channel, sync));
}
END_TEST

START_TEST(autoclear_skips_a_call_in_service)
{
    struct test_channel channel = channel_open();
    struct test_packet in;
    struct actor call;
    Handle sync;

    ck_assert_int_eq(KnIpcCreateSyncObjectEx(1, &sync), rcOk);
    actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, sync, 0);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 0), rcOk);
    ck_assert_int_eq(actor_join(&call), rcOk);
    ck_assert(interrupts(&channel, sync));
    ck_assert(!interrupts(&channel, sync));
}
END_TEST

START_TEST(closing_leaves_the_waits_alone)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    Handle copy;
    struct test_packet in;
    struct actor calls[2];

    ck_assert_int_eq(KnHandleCopy(sync, OCAP_IPC_SYNC_OBJECT, INVALID_HANDLE, &copy), rcOk);
    actor_call(&calls[0], FIRST, channel.client, INFINITE_TIMEOUT, sync, 1);
    ck_assert_int_eq(KnHandleClose(sync), rcOk);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcInvalidArgument);
    ck_assert_int_eq(KnIpcSetInterrupt(copy), rcOk); /* the same object */
    ck_assert_int_eq(actor_join(&calls[0]), rcIpcInterrupt);
    ck_assert_int_eq(KnIpcClearInterrupt(copy), rcOk);
    actor_call(&calls[1], FIRST, channel.client, INFINITE_TIMEOUT, copy, 2);
    ck_assert_int_eq(KnHandleClose(copy), rcOk);
    copy = sync_create();
    ck_assert_int_eq(KnIpcSetInterrupt(copy), rcOk); /* a new object, none of its business */
    ck_assert_int_eq(actor_stage(&calls[1]), REF_STAGE_CALL_QUEUED);
    ck_assert_int_eq(recv_now(channel.server, &in), rcOk);
    ck_assert_int_eq(reply(channel.server, 0, 3), rcOk);
    ck_assert_int_eq(actor_join(&calls[1]), rcOk);
}
END_TEST

START_TEST(arguments)
{
    struct test_channel channel = channel_open();
    struct test_packet out;
    struct test_packet in;
    Handle sync = sync_create();
    Handle weak;
    Handle handles[5] = {INVALID_HANDLE, 0x55555, channel.client, channel.server, channel.listener};
    unsigned index;

    packet_out(&out, 0);
    packet_in(&in);
    ck_assert_int_eq(KnIpcCreateSyncObject(NULL), rcInvalidArgument);
    ck_assert_int_eq(KnIpcCreateSyncObjectEx(1, NULL), rcInvalidArgument);
    ck_assert_int_eq(KnHandleCopy(sync, OCAP_HANDLE_COPY, INVALID_HANDLE, &weak), rcOk);
    for (index = 0; index < 5; index++) {
        Retcode expected = index < 2 ? rcInvalidArgument : rcInvalidOperation;
        ck_assert_int_eq(KnIpcSetInterrupt(handles[index]), expected);
        ck_assert_int_eq(KnIpcClearInterrupt(handles[index]), expected);
        if (index > 0) {
            ck_assert_int_eq(CallEx(channel.client, &out.header, &in.header, 0, handles[index]),
                             expected);
            ck_assert_int_eq(RecvEx(channel.server, &in.header, 0, handles[index]), expected);
        }
    }
    ck_assert_int_eq(KnIpcSetInterrupt(weak), rcNoCapability);
    ck_assert_int_eq(KnIpcClearInterrupt(weak), rcNoCapability);
    ck_assert_int_eq(CallEx(channel.client, &out.header, &in.header, 0, weak), rcNoCapability);
    ck_assert_int_eq(RecvEx(channel.server, &in.header, 0, weak), rcNoCapability);
    ck_assert_int_eq(recv_now(channel.server, &in), rcTimeout); /* nothing was delivered */
}
END_TEST

/* A handle that got into another process by magic, since no message can carry it there. */
START_TEST(object_of_another_process)
{
    TaskId other = process_create();
    Handle sync = sync_create();
    struct ref_handle_entry *entry;
    Handle foreign;

    ref_domain_enter();
    ck_assert_int_eq(ref_handle_find_locked(&ref_process_first()->handles, sync, &entry), REF_OK);
    ck_assert_int_eq(ref_handle_reserve_locked(&ref_process_find_locked(other)->handles, 1),
                     REF_OK);
    foreign = ref_handle_install_locked(&ref_process_find_locked(other)->handles, entry->object,
                                        entry->rights, entry);
    ref_domain_leave();
    bind_to(other);
    ck_assert_int_eq(KnIpcSetInterrupt(foreign), rcInvalidArgument);
    ck_assert_int_eq(KnHandleClose(foreign), rcOk);
    /* Equal numbers in two processes are two objects. */
    (void)sync_create();
    bind_to(FIRST);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, state);
    tcase_add_test(tests, one_set_wakes_all_of_its_own);
    tcase_add_test(tests, autoclear);
    tcase_add_test(tests, autoclear_skips_a_call_in_service);
    tcase_add_test(tests, closing_leaves_the_waits_alone);
    tcase_add_test(tests, arguments);
    tcase_add_test(tests, object_of_another_process);
}

int main(void)
{
    return test_main("sync_object", add);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: numbers, reuse, rights, copies, revoking. */
#include "support.h"

#include "alloc.h"
#include "handle_table.h"
#include "process.h"

#include <services/ocap.h>

static Handle user_create(rtl_uint32_t rights)
{
    Handle handle = INVALID_HANDLE;
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST, rights, NULL, &handle), rcOk);
    return handle;
}

START_TEST(stale_handles_name_nothing)
{
    Handle first = user_create(0);
    Handle handle = first;
    unsigned turn;

    /* More than one round through all the free slots. */
    for (turn = 0; turn < 3 * REF_HANDLES_PER_CHUNK; turn++) {
        ck_assert_int_eq(KnHandleClose(handle), rcOk);
        ck_assert_int_eq(KnHandleClose(handle), rcInvalidArgument);
        handle = user_create(0);
        ck_assert_uint_ne(handle, first);
        ck_assert_uint_ne(handle, INVALID_HANDLE);
        ck_assert_uint_ne(handle, 0);
    }
    ck_assert_int_eq(KnHandleClose(first), rcInvalidArgument);
    ck_assert_int_eq(KnHandleClose(INVALID_HANDLE), rcInvalidArgument);
    ck_assert_int_eq(KnHandleClose(0), rcInvalidArgument);
    ck_assert_uint_eq(ref_control_live_objects(0), 1);
}
END_TEST

/* Millions of rounds are skipped by setting the generations forward. */
START_TEST(generations_come_back_in_the_end)
{
    Handle first = user_create(0);
    Handle handle = first;
    uint32_t slot;

    ck_assert_uint_eq(first >> 16, 1);
    ref_domain_enter();
    for (slot = 0; slot < REF_HANDLES_PER_CHUNK; slot++) {
        ref_process_first()->handles.chunks[0][slot].generation = 0xffff;
    }
    ref_domain_leave();
    handle |= 0xffff0000u;
    for (slot = 0; slot < REF_HANDLES_PER_CHUNK; slot++) {
        ck_assert_int_eq(KnHandleClose(handle), rcOk);
        handle = user_create(0);
    }
    ck_assert_uint_eq(handle, first); /* never 0, and not before its turn */
}
END_TEST

START_TEST(table_is_full_and_recovers)
{
    static Handle handles[REF_HANDLES_MAX];
    Handle other = 1234;
    Handle client = 1234;
    uint32_t index;

    for (index = 0; index < REF_HANDLES_MAX; index++) {
        handles[index] = user_create(OCAP_HANDLE_COPY);
        ck_assert_uint_ne(handles[index], INVALID_HANDLE);
    }
    ck_assert_int_eq(KnIpcCreateSyncObject(&other), rcQuotaExceeded);
    ck_assert_int_eq(KnHandleCopy(handles[0], 0, INVALID_HANDLE, &other), rcQuotaExceeded);
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_LAST, 0, NULL, &other),
                     rcQuotaExceeded);
    ck_assert_int_eq(KnHandleConnect(INVALID_HANDLE, &other, &other, &client), rcQuotaExceeded);
    ck_assert_uint_eq(other, 1234);
    ck_assert_int_eq(KnHandleClose(handles[77]), rcOk);
    ck_assert_int_eq(KnIpcCreateSyncObject(&other), rcOk);
    for (index = 0; index < REF_HANDLES_MAX; index++) {
        ck_assert_int_eq(KnHandleClose(handles[index]), index == 77 ? rcInvalidArgument : rcOk);
    }
    ck_assert_uint_eq(ref_control_live_objects(0), 1);
}
END_TEST

START_TEST(copying)
{
    Handle parent = user_create(OCAP_HANDLE_COPY | OCAP_HANDLE_TRANSFER);
    Handle plain = user_create(OCAP_HANDLE_TRANSFER);
    Handle copy = INVALID_HANDLE;
    Handle more = 5;

    ck_assert_int_eq(KnHandleCopy(parent, OCAP_HANDLE_TRANSFER, INVALID_HANDLE, &copy), rcOk);
    ck_assert_uint_ne(copy, parent);
    ck_assert_uint_eq(ref_control_live_objects(0), 2);
    ck_assert_int_eq(KnHandleCopy(copy, 0, INVALID_HANDLE, &more), rcNoCapability);
    ck_assert_int_eq(KnHandleCopy(plain, 0, INVALID_HANDLE, &more), rcNoCapability);
    ck_assert_int_eq(KnHandleCopy(parent, OCAP_IPC_CALL, INVALID_HANDLE, &more), rcNoCapability);
    ck_assert_int_eq(KnHandleCopy(parent, 0, plain, &more), rcUnimplemented);
    ck_assert_int_eq(KnHandleCopy(parent, 0, INVALID_HANDLE, NULL), rcInvalidArgument);
    ck_assert_int_eq(KnHandleCopy(99, 0, INVALID_HANDLE, &more), rcInvalidArgument);
    ck_assert_uint_eq(more, 5);
    ck_assert_int_eq(KnHandleClose(parent), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 2); /* the copy keeps it */
    ck_assert_int_eq(KnHandleClose(copy), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 1);
}
END_TEST

START_TEST(revoking_reaches_the_whole_subtree)
{
    Handle root = user_create(OCAP_HANDLE_COPY);
    Handle sibling;
    Handle child[3];
    Handle grandchild;
    Handle orphan;

    ck_assert_int_eq(KnHandleCopy(root, OCAP_HANDLE_COPY, INVALID_HANDLE, &sibling), rcOk);
    ck_assert_int_eq(KnHandleCopy(sibling, OCAP_HANDLE_COPY, INVALID_HANDLE, &child[0]), rcOk);
    ck_assert_int_eq(KnHandleCopy(sibling, OCAP_HANDLE_COPY, INVALID_HANDLE, &child[1]), rcOk);
    ck_assert_int_eq(KnHandleCopy(sibling, OCAP_HANDLE_COPY, INVALID_HANDLE, &child[2]), rcOk);
    ck_assert_int_eq(KnHandleCopy(child[1], OCAP_HANDLE_COPY, INVALID_HANDLE, &grandchild), rcOk);
    ck_assert_int_eq(KnHandleCopy(child[2], OCAP_HANDLE_COPY, INVALID_HANDLE, &orphan), rcOk);
    /* The handle between is closed, its copy is still a descendant. */
    ck_assert_int_eq(KnHandleClose(child[2]), rcOk);

    ck_assert_int_eq(KnHandleRevoke(sibling), rcOk);
    ck_assert_int_eq(KnHandleRevoke(sibling), rcInvalidArgument);
    ck_assert_int_eq(KnHandleCopy(child[0], 0, INVALID_HANDLE, &sibling), rcHandleRevoked);
    ck_assert_int_eq(KnHandleCopy(grandchild, 0, INVALID_HANDLE, &sibling), rcHandleRevoked);
    ck_assert_int_eq(KnHandleCopy(orphan, 0, INVALID_HANDLE, &sibling), rcHandleRevoked);
    ck_assert_int_eq(KnHandleClose(child[0]), rcOk);
    ck_assert_int_eq(KnHandleClose(child[0]), rcInvalidArgument);
    ck_assert_int_eq(KnHandleRevoke(grandchild), rcOk);
    ck_assert_int_eq(KnHandleClose(child[1]), rcOk);
    ck_assert_int_eq(KnHandleClose(orphan), rcOk);
    /* What is above the revoked handle is untouched. */
    ck_assert_int_eq(KnHandleCopy(root, 0, INVALID_HANDLE, &sibling), rcOk);
    ck_assert_int_eq(KnHandleClose(sibling), rcOk);
    ck_assert_int_eq(KnHandleClose(root), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
}
END_TEST

START_TEST(revoked_handles_answer_everywhere)
{
    struct test_channel channel = channel_open();
    Handle sync = sync_create();
    Handle copies[4];
    Handle carried;
    struct test_packet out;
    struct test_packet in;

    ck_assert_int_eq(KnHandleCopy(channel.client, OCAP_IPC_CLIENT, INVALID_HANDLE, &copies[0]),
                     rcOk);
    ck_assert_int_eq(KnHandleCopy(channel.server, OCAP_IPC_SERVER, INVALID_HANDLE, &copies[1]),
                     rcOk);
    ck_assert_int_eq(KnHandleCopy(channel.listener, OCAP_IPC_LISTENER, INVALID_HANDLE, &copies[2]),
                     rcOk);
    ck_assert_int_eq(KnHandleCopy(sync, OCAP_IPC_SYNC_OBJECT, INVALID_HANDLE, &copies[3]), rcOk);
    carried = copies[2];
    ck_assert_int_eq(KnHandleRevoke(channel.listener), rcOk);
    ck_assert_int_eq(KnHandleRevoke(sync), rcOk);
    packet_out(&out, 0);
    packet_in(&in);
    ck_assert_int_eq(KnHandleConnect(copies[2], NULL, NULL, &carried), rcHandleRevoked);
    ck_assert_int_eq(KnIpcSetInterrupt(copies[3]), rcHandleRevoked);
    ck_assert_int_eq(KnIpcClearInterrupt(copies[3]), rcHandleRevoked);
    ck_assert_int_eq(CallEx(copies[0], &out.header, &in.header, 0, copies[3]), rcHandleRevoked);
    ck_assert_int_eq(RecvEx(copies[1], &in.header, 0, copies[3]), rcHandleRevoked);
    packet_handles(&out, 1, &copies[3]);
    ck_assert_int_eq(CallEx(copies[0], &out.header, &in.header, 0, INVALID_HANDLE),
                     rcHandleRevoked);
    packet_out(&out, 0);
    ck_assert_int_eq(KnHandleRevoke(channel.client), rcOk);
    ck_assert_int_eq(CallEx(copies[0], &out.header, &in.header, 0, INVALID_HANDLE),
                     rcHandleRevoked);
    ck_assert_int_eq(KnHandleRevoke(channel.server), rcOk);
    ck_assert_int_eq(RecvEx(copies[1], &in.header, 0, INVALID_HANDLE), rcHandleRevoked);
    ck_assert_int_eq(Reply(copies[1], &out.header), rcHandleRevoked);
    ck_assert_int_eq(KnHandleClose(copies[0]), rcOk);
    ck_assert_int_eq(KnHandleClose(copies[1]), rcOk);
    ck_assert_int_eq(KnHandleClose(copies[2]), rcOk);
    ck_assert_int_eq(KnHandleClose(copies[3]), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
}
END_TEST

START_TEST(long_chains_of_copies)
{
    static Handle handles[10000];
    unsigned index;

    handles[0] = user_create(OCAP_HANDLE_COPY);
    for (index = 1; index < 10000; index++) {
        ck_assert_int_eq(
            KnHandleCopy(handles[index - 1], OCAP_HANDLE_COPY, INVALID_HANDLE, &handles[index]),
            rcOk);
    }
    ck_assert_int_eq(KnHandleRevoke(handles[0]), rcOk);
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
    for (index = 1; index < 10000; index++) {
        ck_assert_int_eq(KnHandleClose(handles[index]), rcOk);
    }
}
END_TEST

START_TEST(user_object_arguments)
{
    Handle handle = 3;
    int context;
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_FIRST - 1, 0, NULL, &handle),
                     rcInvalidArgument);
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_LAST + 1, 0, NULL, &handle),
                     rcInvalidArgument);
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_LAST, 0, NULL, NULL),
                     rcInvalidArgument);
    ck_assert_uint_eq(handle, 3);
    ck_assert_int_eq(KnHandleCreateUserObject(HANDLE_TYPE_USER_LAST, 0, &context, &handle), rcOk);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, stale_handles_name_nothing);
    tcase_add_test(tests, generations_come_back_in_the_end);
    tcase_add_test(tests, table_is_full_and_recovers);
    tcase_add_test(tests, copying);
    tcase_add_test(tests, revoking_reaches_the_whole_subtree);
    tcase_add_test(tests, revoked_handles_answer_everywhere);
    tcase_add_test(tests, long_chains_of_copies);
    tcase_add_test(tests, user_object_arguments);
}

int main(void)
{
    return test_main("handle_table", add);
}

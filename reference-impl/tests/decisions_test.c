/* SPDX-License-Identifier: Apache-2.0 */
/* Every decision, as a table. */
#include "support.h"

#include "decisions.h"

#include <services/ocap.h>

START_TEST(codes)
{
    static const struct {
        enum ref_outcome outcome;
        Retcode code;
    } rows[] = {
        {REF_OK, rcOk},
        {REF_INTERRUPTED, rcIpcInterrupt},
        {REF_TIMED_OUT, rcTimeout},
        {REF_NOT_CONNECTED, rcNotConnected},
        {REF_CALLER_GONE, rcNotConnected},
        {REF_ABORTED, rcAbort},
        {REF_DISALLOWED, rcSecurityDisallow},
        {REF_BAD_ARGUMENT, rcInvalidArgument},
        {REF_BAD_HANDLE, rcInvalidArgument},
        {REF_WRONG_KIND, rcInvalidOperation},
        {REF_NOT_POSSIBLE, rcInvalidOperation},
        {REF_REVOKED, rcHandleRevoked},
        {REF_NO_RIGHT, rcNoCapability},
        {REF_TOO_LARGE, rcBufferTooLarge},
        {REF_TOO_SMALL, rcBufferTooSmall},
        {REF_QUOTA, rcQuotaExceeded},
        {REF_TRANSFER_FAILED, rcTransferError},
        {REF_NO_MEMORY, rcOutOfMemory},
        {REF_NONE_TAKEN, rcNotReady},
        {REF_NO_PROCESS, rcResourceNotFound},
        {REF_UNSUPPORTED, rcUnimplemented},
        {REF_PENDING, rcInternalError},
    };
    size_t row;
    for (row = 0; row < sizeof rows / sizeof *rows; row++) {
        ck_assert_int_eq(ref_decide_code(rows[row].outcome), rows[row].code);
    }
    ck_assert_int_eq(rcOk, 0);
    ck_assert_int_lt(rcIpcInterrupt, 0);
    ck_assert_int_eq(RC_GET_CODE(rcTimeout), 19);
}
END_TEST

START_TEST(stages)
{
    static const struct {
        enum ref_control_stage stage;
        bool call;
        bool recv;
        bool timeout;
        bool withdrawn;
    } rows[] = {
        {REF_STAGE_RUNNING, false, false, false, false},
        {REF_STAGE_CALL_QUEUED, true, false, true, true},
        {REF_STAGE_CALL_TAKEN, false, false, true, false},
        {REF_STAGE_RECV_WAITING, false, true, true, false},
    };
    size_t row;
    for (row = 0; row < sizeof rows / sizeof *rows; row++) {
        ck_assert(ref_decide_call_may_be_interrupted(rows[row].stage) == rows[row].call);
        ck_assert(ref_decide_recv_may_be_interrupted(rows[row].stage) == rows[row].recv);
        ck_assert(ref_decide_timeout_ends(rows[row].stage) == rows[row].timeout);
        ck_assert(ref_decide_is_withdrawn(rows[row].stage) == rows[row].withdrawn);
    }
}
END_TEST

START_TEST(sync_objects)
{
    ck_assert(ref_decide_sync_concerns(1, 1) && !ref_decide_sync_concerns(1, 2));
    ck_assert(ref_decide_sync_is_usable(1, 1) && !ref_decide_sync_is_usable(1, 2));
    ck_assert(!ref_decide_entry_is_interrupted(false, false));
    ck_assert(!ref_decide_entry_is_interrupted(false, true));
    ck_assert(ref_decide_entry_is_interrupted(true, false));
    ck_assert(!ref_decide_entry_is_interrupted(true, true));
    ck_assert(!ref_decide_state_at_creation() && !ref_decide_state_after_clear());
    ck_assert(ref_decide_set_goes_on(false, 0) && ref_decide_set_goes_on(false, 9));
    ck_assert(ref_decide_set_goes_on(true, 0) && !ref_decide_set_goes_on(true, 1));
    ck_assert(ref_decide_state_after_set(false, 0) && ref_decide_state_after_set(false, 9));
    ck_assert(ref_decide_state_after_set(true, 0) && !ref_decide_state_after_set(true, 1));
    ck_assert(ref_decide_state_after_entry(false) && !ref_decide_state_after_entry(true));
    ck_assert(!ref_decide_close_ends_sync_waits());
}
END_TEST

START_TEST(deadlines)
{
    ck_assert_uint_eq(ref_decide_deadline_ns(5, 0), 5);
    ck_assert_uint_eq(ref_decide_deadline_ns(5, 2), 2000005);
    ck_assert_uint_eq(ref_decide_deadline_ns(5, 0xfffffffeu), 4294967294000005u);
    ck_assert_uint_eq(ref_decide_deadline_ns(5, INFINITE_TIMEOUT), REF_FOREVER);
    ck_assert(ref_decide_is_poll(0) && !ref_decide_is_poll(1));
}
END_TEST

START_TEST(requests)
{
    ck_assert(ref_decide_reply_matches(0, 3) && ref_decide_reply_matches(3, 3));
    ck_assert(!ref_decide_reply_matches(4, 3));
    ck_assert(ref_decide_reply_ends_call(REF_OK) && ref_decide_reply_ends_call(REF_TOO_SMALL));
    ck_assert(!ref_decide_reply_ends_call(REF_DISALLOWED));
    ck_assert(ref_decide_take_ends_recv(REF_OK) && ref_decide_take_ends_recv(REF_TOO_SMALL));
    ck_assert(!ref_decide_take_ends_recv(REF_TRANSFER_FAILED));
}
END_TEST

START_TEST(rights)
{
    ck_assert(!ref_decide_may_travel(ref_decide_sync_rights()));
    ck_assert(ref_decide_may_travel(OCAP_IPC_CLIENT));
    ck_assert_uint_eq(ref_decide_transferred_rights(5, 0xffffffffu), 5);
    ck_assert_uint_eq(ref_decide_transferred_rights(5, 6), 4);
    ck_assert(ref_decide_may_copy(OCAP_HANDLE_COPY, 0));
    ck_assert(!ref_decide_may_copy(OCAP_HANDLE_COPY, OCAP_HANDLE_TRANSFER));
    ck_assert(!ref_decide_may_copy(OCAP_HANDLE_TRANSFER, 0));
    ck_assert(ref_decide_has_right(7, 5) && !ref_decide_has_right(3, 5));
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, codes);
    tcase_add_test(tests, stages);
    tcase_add_test(tests, sync_objects);
    tcase_add_test(tests, deadlines);
    tcase_add_test(tests, requests);
    tcase_add_test(tests, rights);
}

int main(void)
{
    return test_main("decisions", add);
}

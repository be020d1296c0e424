/* SPDX-License-Identifier: Apache-2.0 */
/* See decisions.h. Requirement ids stand at each decision, "our choice" where the pages are silent.
 */
#include "decisions.h"

#include <coresrv/time/time_api.h>
#include <services/ocap.h>

/* --- Codes --- */

Retcode ref_decide_code(enum ref_outcome outcome)
{
    switch (outcome) {
    case REF_OK:
        return rcOk;
    case REF_INTERRUPTED: /* CALL-01, RECV-01 */
        return rcIpcInterrupt;
    case REF_TIMED_OUT: /* TIME-01 */
        return rcTimeout;
    case REF_NOT_CONNECTED: /* LIFE-02 */
    case REF_CALLER_GONE:   /* LIFE-03, our choice */
        return rcNotConnected;
    case REF_ABORTED: /* our choice */
        return rcAbort;
    case REF_DISALLOWED: /* XFER-01, XFER-04 */
        return rcSecurityDisallow;
    case REF_BAD_ARGUMENT: /* OBJ-02 */
    case REF_BAD_HANDLE:   /* OBJ-10, OBJ-11, OBJ-13 */
        return rcInvalidArgument;
    case REF_WRONG_KIND: /* OBJ-12 */
    case REF_NOT_POSSIBLE:
        return rcInvalidOperation;
    case REF_REVOKED:
        return rcHandleRevoked;
    case REF_NO_RIGHT: /* XFER-08 */
        return rcNoCapability;
    case REF_TOO_LARGE:
        return rcBufferTooLarge;
    case REF_TOO_SMALL:
        return rcBufferTooSmall;
    case REF_QUOTA: /* OBJ-16 */
        return rcQuotaExceeded;
    case REF_TRANSFER_FAILED:
        return rcTransferError;
    case REF_NO_MEMORY: /* OBJ-16 */
        return rcOutOfMemory;
    case REF_NONE_TAKEN:
        return rcNotReady;
    case REF_NO_PROCESS:
        return rcResourceNotFound;
    case REF_UNSUPPORTED:
        return rcUnimplemented;
    case REF_PENDING:
        break;
    }
    return rcInternalError; /* a wait without an outcome has ended: our own bug */
}

/* --- Interruption --- */

/* CALL-01, CALL-02, CALL-10: from the moment a server holds the request the answer is no. */
bool ref_decide_call_may_be_interrupted(enum ref_control_stage stage)
{
    return stage == REF_STAGE_CALL_QUEUED;
}

/* RECV-01, RECV-02: only while no request has come. */
bool ref_decide_recv_may_be_interrupted(enum ref_control_stage stage)
{
    return stage == REF_STAGE_RECV_WAITING;
}

/* SCOPE-01: threads of the process that owns the object, no others. */
bool ref_decide_sync_concerns(TaskId owner, TaskId waiting)
{
    return owner == waiting;
}

/* CALL-04, RECV-04, STATE-08: a set object refuses the wait. CALL-05, RECV-05: a call that needs no
 * wait has nothing to interrupt (our choice). */
bool ref_decide_entry_is_interrupted(bool is_set, bool peer_is_ready)
{
    return is_set && !peer_is_ready;
}

/* SCOPE-01, XFER-09. */
bool ref_decide_sync_is_usable(TaskId owner, TaskId user)
{
    return owner == user;
}

/* --- The state of a sync object --- */

/* OBJ-04. */
bool ref_decide_state_at_creation(void)
{
    return false;
}

/* CALL-09, RECV-09, STATE-05: all of them. V14-02: one, when it clears itself (our choice). */
bool ref_decide_set_goes_on(bool autoclear, unsigned count)
{
    return !autoclear || count == 0;
}

/* STATE-01: set until Clear. V14-01, V14-03: one that clears itself stays set only while it has
 * interrupted nobody. */
bool ref_decide_state_after_set(bool autoclear, unsigned count)
{
    return !autoclear || count == 0;
}

/* STATE-01, CALL-12, V14-04: an interruption does not use a plain object up. V14-01. */
bool ref_decide_state_after_entry(bool autoclear)
{
    return !autoclear;
}

/* STATE-02, STATE-03, STATE-09. Outcomes already decided by Set are not taken back: the machinery
 * sets an outcome once (STATE-04, our choice). */
bool ref_decide_state_after_clear(void)
{
    return false;
}

/* STATE-07, our choice: they keep waiting, without an object. */
bool ref_decide_close_ends_sync_waits(void)
{
    return false;
}

/* --- Time --- */

/* TIME-02, TIME-03: milliseconds from entry; never early, no limit for INFINITE_TIMEOUT. */
uint64_t ref_decide_deadline_ns(uint64_t now_ns, rtl_uint32_t mdelay)
{
    return mdelay == INFINITE_TIMEOUT ? REF_FOREVER : now_ns + (uint64_t)mdelay * 1000000u;
}

/* TIME-05, our choice: 0 succeeds with a waiting peer only. */
bool ref_decide_is_poll(rtl_uint32_t mdelay)
{
    return mdelay == 0;
}

/* TIME-01, TIME-06: the limit covers the server's work as well. */
bool ref_decide_timeout_ends(enum ref_control_stage stage)
{
    return stage == REF_STAGE_CALL_QUEUED || stage == REF_STAGE_CALL_TAKEN ||
           stage == REF_STAGE_RECV_WAITING;
}

/* --- The life of a request --- */

/* CALL-03, TIME-04, RACE-04: nobody receives a request whose caller is gone. One that a server
 * holds cannot be taken back; it stays so that its Reply learns about it (CALL-15, LIFE-03). */
bool ref_decide_is_withdrawn(enum ref_control_stage stage)
{
    return stage == REF_STAGE_CALL_QUEUED;
}

/* 0 is any caller; the machinery offers the requests in the order in which they were taken. */
bool ref_decide_reply_matches(Tid wanted, Tid caller)
{
    return wanted == 0 || wanted == caller;
}

/* XFER-05, our choice: a response that was refused leaves the caller waiting for another one. A
 * response that the caller has no room for is lost, and both learn it. */
bool ref_decide_reply_ends_call(enum ref_outcome outcome)
{
    return outcome == REF_OK || outcome == REF_TOO_SMALL;
}

/* XFER-02, RECV-03: a request that cannot be delivered for its sender's fault does not end the
 * server's wait; a buffer that is too small is the server's fault. */
bool ref_decide_take_ends_recv(enum ref_outcome outcome)
{
    return outcome == REF_OK || outcome == REF_TOO_SMALL;
}

/* --- Handles and rights --- */

/* XFER-01: without the transfer right. */
rtl_uint32_t ref_decide_sync_rights(void)
{
    return OCAP_IPC_SYNC_OBJECT;
}

/* XFER-01, XFER-06: the right decides, nothing else. */
bool ref_decide_may_travel(rtl_uint32_t held)
{
    return (held & OCAP_HANDLE_TRANSFER) != 0;
}

/* XFER-08: asking for more does not give more. */
rtl_uint32_t ref_decide_transferred_rights(rtl_uint32_t held, rtl_uint32_t asked)
{
    return held & asked;
}

/* XFER-08, XFER-10. */
bool ref_decide_may_copy(rtl_uint32_t held, rtl_uint32_t wanted)
{
    return (held & OCAP_HANDLE_COPY) != 0 && (wanted & ~held) == 0;
}

bool ref_decide_has_right(rtl_uint32_t held, rtl_uint32_t needed)
{
    return (held & needed) == needed;
}

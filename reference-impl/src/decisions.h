/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every normative decision of the interface, one small pure function each. The machinery asks here
 * and nowhere else, so decisions.c reads as the specification, and a faulty library for testing the
 * tests is this library with one of these functions replaced. No state, no lock.
 */
#ifndef REF_DECISIONS_H
#define REF_DECISIONS_H

#include <kos_ref/control.h>
#include <rtl/retcode.h>
#include <rtl/stdint.h>
#include <stdbool.h>

/* What came of an operation. Inside the library only these travel; ref_decide_code() translates. */
enum ref_outcome {
    REF_PENDING = 0,     /* a wait that has not ended; never an answer */
    REF_OK,              /* done */
    REF_INTERRUPTED,     /* ended by a sync object */
    REF_TIMED_OUT,       /* ended by its own deadline */
    REF_NOT_CONNECTED,   /* the other end, or the own one, is gone */
    REF_ABORTED,         /* the caller's process has ended */
    REF_DISALLOWED,      /* a handle may not travel, or the security hook said no */
    REF_BAD_ARGUMENT,    /* null pointer or malformed header */
    REF_BAD_HANDLE,      /* names nothing in this process */
    REF_WRONG_KIND,      /* names an object that the call does not take */
    REF_REVOKED,         /* was revoked by an ancestor */
    REF_NO_RIGHT,        /* lacks the right that the call needs */
    REF_TOO_LARGE,       /* message over the maximum */
    REF_TOO_SMALL,       /* the receiver's buffer cannot hold the message */
    REF_QUOTA,           /* the caller's own handle table is full */
    REF_TRANSFER_FAILED, /* the receiver's handle table is full */
    REF_NO_MEMORY,       /* allocation failed */
    REF_NONE_TAKEN,      /* Reply: nothing waits for a response there */
    REF_CALLER_GONE,     /* Reply: the caller did not wait for the response */
    REF_NO_PROCESS,      /* control: no such process */
    REF_NOT_POSSIBLE,    /* control: process 1 cannot end */
    REF_UNSUPPORTED,     /* a parameter value outside this library */
};

/* The code that a public function returns for `outcome`. */
Retcode ref_decide_code(enum ref_outcome outcome);

/* --- Interruption: which waits, and when --- */

/* May a CallEx in `stage` be interrupted now? */
bool ref_decide_call_may_be_interrupted(enum ref_control_stage stage);
/* May a RecvEx in `stage` be interrupted now? */
bool ref_decide_recv_may_be_interrupted(enum ref_control_stage stage);
/* Does an object of process `owner` concern a wait of a thread of process `waiting`? */
bool ref_decide_sync_concerns(TaskId owner, TaskId waiting);
/* An Ex call is entered: `is_set` is its object's state, `peer_is_ready` says that it would not
 * have to wait. Is it interrupted? */
bool ref_decide_entry_is_interrupted(bool is_set, bool peer_is_ready);
/* May a process pass an object of process `owner` to its Ex call, to Set and to Clear? */
bool ref_decide_sync_is_usable(TaskId owner, TaskId user);

/* --- The state of a sync object --- */

/* State of a new object. */
bool ref_decide_state_at_creation(void);
/* Set has interrupted `count` waits so far: does it go on to the next waiter? */
bool ref_decide_set_goes_on(bool autoclear, unsigned count);
/* State after a Set that interrupted `count` waits. */
bool ref_decide_state_after_set(bool autoclear, unsigned count);
/* State after an Ex call was interrupted on entry. */
bool ref_decide_state_after_entry(bool autoclear);
/* State after Clear. */
bool ref_decide_state_after_clear(void);
/* Are waits that use the object ended when its last handle is closed? */
bool ref_decide_close_ends_sync_waits(void);

/* --- Time --- */

#define REF_FOREVER UINT64_MAX /* as a deadline: none */

/* Absolute deadline in nanoseconds of a call entered at `now_ns`. */
uint64_t ref_decide_deadline_ns(uint64_t now_ns, rtl_uint32_t mdelay);
/* Does a call with this limit give up instead of waiting at all? */
bool ref_decide_is_poll(rtl_uint32_t mdelay);
/* Does the limit end a wait in `stage`? */
bool ref_decide_timeout_ends(enum ref_control_stage stage);

/* --- The life of a request --- */

/* The caller leaves while its request is in `stage`: is the request withdrawn, so that no Recv
 * returns it? */
bool ref_decide_is_withdrawn(enum ref_control_stage stage);
/* Does a Reply with `wanted` in threadId answer a request of thread `caller`? */
bool ref_decide_reply_matches(Tid wanted, Tid caller);
/* A Reply met `outcome` while handing the response over: is the caller's wait over as well? */
bool ref_decide_reply_ends_call(enum ref_outcome outcome);
/* Recv met `outcome` while taking a request: does it end with it, or look for the next request? */
bool ref_decide_take_ends_recv(enum ref_outcome outcome);

/* --- Handles and rights --- */

/* Rights of a new sync object's handle. */
rtl_uint32_t ref_decide_sync_rights(void);
/* May a handle with these rights be sent in a message? */
bool ref_decide_may_travel(rtl_uint32_t held);
/* Rights of the receiver's handle. */
rtl_uint32_t ref_decide_transferred_rights(rtl_uint32_t held, rtl_uint32_t asked);
/* May a handle with rights `held` be copied with rights `wanted`? */
bool ref_decide_may_copy(rtl_uint32_t held, rtl_uint32_t wanted);
/* Do the held rights include all the needed ones? */
bool ref_decide_has_right(rtl_uint32_t held, rtl_uint32_t needed);

#endif

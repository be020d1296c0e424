/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Return codes. A Retcode is a signed 32-bit number with the fields Severity, Customer, Space,
 * Facility and Code; success is 0. Source: pages return_codes 1.2 and 1.4 name the type, the fields
 * and the constants. No numeric value of an error and no bit position is public, so the numbers and
 * the layout below are our choice; a portable program uses the names only.
 */
#ifndef RTL_RETCODE_H
#define RTL_RETCODE_H

#include <rtl/stdint.h>

typedef __INT32_TYPE__ Retcode;

/* Our layout, from the top bit: Severity 1, Customer 1, Space 6, Facility 8, Code 16. */
#define RC_SPACE_GENERAL 0
#define RC_SPACE_KERNEL 1
#define RC_SPACE_DRIVERS 2

#define RC_MAKE_ERROR(space, facility, code)                                                       \
    ((Retcode)(-2147483647 - 1 + (((space)*0x1000000) | ((facility)*0x10000) | (code))))
/* The Code field of any Retcode, 0 for rcOk. */
#define RC_GET_CODE(rc) ((rc)&0xffff)
#define RC_GENERAL_(code) RC_MAKE_ERROR(RC_SPACE_GENERAL, 0, code)

#define rcOk ((Retcode)0)
#define rcInvalidArgument RC_GENERAL_(1) /* malformed argument: null, bad header, bad handle */
#define rcNotConnected RC_GENERAL_(2)    /* the peer end of the channel is gone */
#define rcOutOfMemory RC_GENERAL_(3)     /* no memory for the object */
#define rcBufferTooSmall RC_GENERAL_(4)  /* the receiver's buffer cannot hold the message */
#define rcInternalError RC_GENERAL_(5)   /* a broken invariant inside the library */
#define rcTransferError RC_GENERAL_(6)   /* a handle could not be given to the receiver */
#define rcReceiveError RC_GENERAL_(7)
#define rcSourceFault RC_GENERAL_(8)
#define rcTargetFault RC_GENERAL_(9)
#define rcIpcInterrupt RC_GENERAL_(10) /* CallEx, RecvEx: interrupted by KnIpcSetInterrupt */
#define rcRestart RC_GENERAL_(11)
#define rcFail RC_GENERAL_(12)
#define rcNoCapability RC_GENERAL_(13) /* the handle lacks a right that the call needs */
#define rcNotReady RC_GENERAL_(14)     /* Reply: no request is waiting for a response */
#define rcUnimplemented RC_GENERAL_(15)
#define rcBufferTooLarge RC_GENERAL_(16) /* the message is over NK_MESSAGE_SIZE_MAX */
#define rcBusy RC_GENERAL_(17)
#define rcResourceNotFound RC_GENERAL_(18)
#define rcTimeout RC_GENERAL_(19)          /* mdelay milliseconds have passed */
#define rcSecurityDisallow RC_GENERAL_(20) /* the message, or a handle in it, is not allowed */
#define rcFutexWouldBlock RC_GENERAL_(21)
#define rcAbort RC_GENERAL_(22)
#define rcInvalidThreadState RC_GENERAL_(23)
#define rcAlreadyExists RC_GENERAL_(24)
#define rcInvalidOperation RC_GENERAL_(25) /* the handle is of a kind the call does not take */
#define rcHandleRevoked RC_GENERAL_(26)    /* the handle was revoked by an ancestor */
#define rcQuotaExceeded RC_GENERAL_(27)    /* the process's handle table is full */
#define rcDeviceNotFound RC_GENERAL_(28)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights of a handle: a 32-bit mask, a general part and a part specific to the kind of object.
 * A copy or a transferred handle has at most the rights of the handle it was made from.
 * Source: the names are public (pages libkos_handles_rights, libkos_handles_transfer 1.2;
 * facts 1.8); no numeric value is, so the bits are our choice.
 */
#ifndef SERVICES_OCAP_H
#define SERVICES_OCAP_H

#include <rtl/stdint.h>

/* General part. */
#define OCAP_HANDLE_TRANSFER 0x00000001u /* may be sent to another process in a message */
#define OCAP_HANDLE_COPY 0x00000002u     /* may be copied inside the process */
#define OCAP_HANDLE_GET_SID 0x00000004u
#define OCAP_HANDLE_SET_EVENT 0x00000008u
#define OCAP_HANDLE_GET_EVENT 0x00000010u

/* Specific part. */
#define OCAP_HANDLE_SPEC(bits) ((rtl_uint32_t)(bits) << 16)
#define OCAP_IPC_CALL OCAP_HANDLE_SPEC(0x1u)      /* Call, CallEx */
#define OCAP_IPC_RECV OCAP_HANDLE_SPEC(0x2u)      /* Recv, RecvEx, Reply; our name */
#define OCAP_IPC_CONNECT OCAP_HANDLE_SPEC(0x4u)   /* listener: add a channel; our name */
#define OCAP_IPC_INTERRUPT OCAP_HANDLE_SPEC(0x8u) /* sync object: Set, Clear, wait; our name */

#define OCAP_HANDLE_GENERAL_                                                                       \
    (OCAP_HANDLE_TRANSFER | OCAP_HANDLE_COPY | OCAP_HANDLE_GET_SID | OCAP_HANDLE_SET_EVENT |       \
     OCAP_HANDLE_GET_EVENT)

/* What a new handle of each kind is given. Client, server and listener handles may travel. */
#define OCAP_IPC_CLIENT (OCAP_HANDLE_GENERAL_ | OCAP_IPC_CALL)
#define OCAP_IPC_SERVER (OCAP_HANDLE_GENERAL_ | OCAP_IPC_RECV)
#define OCAP_IPC_LISTENER (OCAP_HANDLE_GENERAL_ | OCAP_IPC_RECV | OCAP_IPC_CONNECT)
/* A sync object's handle never has OCAP_HANDLE_TRANSFER (XFER-01). That it may be copied is our
 * choice: the pages do not say (XFER-10). */
#define OCAP_IPC_SYNC_OBJECT (OCAP_HANDLE_COPY | OCAP_IPC_INTERRUPT)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header that Call, Recv and Reply take: where the two parts of a message lie in memory.
 * Source: field names and order from SDK 1.3 (facts 1.3). Fill it with PackOutMsg and PackInMsg
 * only: layout and field set differ between SDK versions.
 */
#ifndef IPC_IF_REND_H
#define IPC_IF_REND_H

#include <handle/handletype.h>
#include <rtl/compiler.h>
#include <rtl/retcode.h>
#include <rtl/stdint.h>
#include <task/pidtype.h>
#include <thread/tidtype.h>

/* indirDescs[0] is the fixed part, indirDescs[1] the arena. */
#define MAX_INDIR_DESCS 2

typedef union SMsgImm {
    rtl_uint32_t payload[1];
} SMsgImm;

/* A buffer of `size` bytes at `buf`. Outgoing: the bytes to send. Incoming: the room there is;
 * after a successful call, the bytes that came. Size 0 means "no such part"; buf may then be null.
 */
typedef struct IndirDesc {
    void *buf;
    rtl_uint32_t size;
} IndirDesc;

typedef struct SSMsgHdr {
    Handle replyHandle;   /* set by Recv: the server handle on which to Reply */
    TaskId sender;        /* set by Recv: the sending process */
    Tid threadId;         /* set by Recv: the calling thread. Reply: which caller gets the response;
                             0 is the first in the queue of requests taken on that handle */
    rtl_uint64_t traceId; /* carried, not interpreted */
    rtl_uint64_t spanId;  /* carried, not interpreted */
    rtl_uint32_t immSize; /* 0: indirDescs is used. Non-zero is refused (our choice) */
    union {
        SMsgImm imm;
        IndirDesc indirDescs[MAX_INDIR_DESCS];
    };
} SMsgHdr;

#endif

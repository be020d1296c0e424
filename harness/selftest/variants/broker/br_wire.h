/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels between a thread and the broker, over one SOCK_SEQPACKET connection for each thread.
 *
 * A thread sends a request and blocks until the answer comes: the call is in the broker meanwhile.
 * There is one answer to each request. CANCEL has none of its own: it ends the wait of a call whose
 * time is over, and is ignored when the answer is on its way already.
 *
 * A packet is the head, `cap_count` handles, and the bytes of the message. A message that is too long
 * for a packet is in a file that is sent along, a memfd.
 */
#ifndef VARIANT_BROKER_WIRE_H
#define VARIANT_BROKER_WIRE_H

#include <handle/handletype.h>
#include <nk/types.h>
#include <rtl/retcode.h>
#include <stdbool.h>
#include <stddef.h>
#include <task/pidtype.h>
#include <thread/tidtype.h>

#define BR_NAME_BYTES 64u
#define BR_INLINE_BYTES 16384u

enum br_op {
    BR_HELLO_PROCESS = 1, /* this connection lives as long as the process */
    BR_HELLO_THREAD,
    BR_CALL,
    BR_RECV,
    BR_REPLY,
    BR_CANCEL,
    BR_CONNECT,
    BR_CLOSE,
    BR_COPY,
    BR_CREATE_SYNC,
    BR_CREATE_USER,
    BR_SET,
    BR_CLEAR,
    BR_CHANNEL_SERVE,
    BR_CHANNEL_CONNECT
};

struct br_cap {
    Handle handle;
    rtl_uint32_t rights;
};

struct br_head {
    rtl_uint32_t op; /* requests */
    Retcode rc;      /* answers */
    Handle handle;
    Handle sync;
    Handle handles[3]; /* answers: listener, server and client, or the new one first */
    rtl_uint32_t flag; /* CALL, RECV: mdelay is 0. CREATE_SYNC: clears itself */
    rtl_uint32_t rights;
    Tid thread_id;
    TaskId sender;
    rtl_uint32_t fixed_size; /* of the message that is sent along */
    rtl_uint32_t arena_size;
    rtl_uint32_t fixed_room; /* CALL, RECV: for the message that is waited for */
    rtl_uint32_t arena_room;
    rtl_uint64_t trace_id;
    rtl_uint64_t span_id;
    rtl_uint32_t cap_count;
    char name[BR_NAME_BYTES];
};

struct br_packet {
    struct br_head head;
    struct br_cap caps[NK_MESSAGE_HANDLES_MAX];
    nk_uint8_t bytes[BR_INLINE_BYTES];
};

#pragma GCC visibility push(hidden)

/* Send a packet with the message of head.fixed_size + head.arena_size bytes: in packet->bytes when it
 * fits, else in `file`; -1 for none. False: the connection is broken. */
bool br_packet_send(int fd, struct br_packet *packet, int file, bool may_block);
/* Receive one. *file: descriptor of a long message, or -1; the caller's to close. False: broken. Signals
 * do not end it. */
bool br_packet_receive(int fd, struct br_packet *packet, int *file, bool may_block, bool *nothing);

static inline size_t br_message_size(const struct br_head *head)
{
    return (size_t)head->fixed_size + head->arena_size;
}

/* client.c. A connection of the calling thread; -1: there is no broker to be had. */
int br_thread_connection(void);
/* It is broken: the next call makes another one. */
void br_thread_disconnect(void);
/* Run one request. False: the broker is gone. */
bool br_ask(struct br_packet *packet, int send_file, int *answer_file, rtl_uint32_t mdelay);

/* broker.c. The broker's life; `listener` is bound, and one client is connected or was. */
_Noreturn void br_broker_main(int listener);

#pragma GCC visibility pop

#endif

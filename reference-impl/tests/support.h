/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unit tests share: messages, threads that perform one blocking call, and waiting for a
 * thread's stage without any clock. Only the main thread asserts.
 */
#ifndef REF_TESTS_SUPPORT_H
#define REF_TESTS_SUPPORT_H

#include <check.h>
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <kos_ref/control.h>
#include <pthread.h>
#include <services/rtl/nk_msg.h>
#include <stdatomic.h>

#define TEST_HANDLES 3

struct test_message {
    nk_message base_;
    nk_handle_desc_t handles[TEST_HANDLES]; /* the first ncaps of them count */
    uint64_t number;
};

/* A message with its header bound for sending, or for receiving. */
struct test_packet {
    struct test_message message;
    SMsgHdr header;
};
void packet_out(struct test_packet *packet, uint64_t number);
void packet_in(struct test_packet *packet);
/* Put handles into an outgoing packet. */
void packet_handles(struct test_packet *packet, unsigned count, const Handle *handles);

/* Recv and Reply of the calling thread, without waiting. */
Retcode recv_now(Handle handle, struct test_packet *in);
Retcode reply(Handle handle, Tid tid, uint64_t number);

/* A channel inside one process, or between two. */
struct test_channel {
    Handle listener;
    Handle server;
    Handle client;
};
struct test_channel channel_open(void);
struct test_channel channel_between(TaskId server_process, TaskId client_process);
Handle sync_create(void);
TaskId process_create(void);
void bind_to(TaskId process);

/* A thread that performs one call. */
struct actor {
    pthread_t thread;
    TaskId process;
    _Atomic Tid tid; /* 0 until it is bound */
    int is_call;
    Handle handle;
    rtl_uint32_t mdelay;
    Handle sync;
    struct test_packet out;
    struct test_packet in;
    Retcode rc;
};
/* Make an actor that will call; the caller may change `out` before it starts. */
void actor_prepare_call(struct actor *actor, TaskId process, Handle client, rtl_uint32_t mdelay,
                        Handle sync, uint64_t number);
/* Start it and return when it has reached the stage of waiting. Not with a limit on the real clock,
 * which may pass unseen. */
void actor_call(struct actor *actor, TaskId process, Handle client, rtl_uint32_t mdelay,
                Handle sync, uint64_t number);
void actor_recv(struct actor *actor, TaskId process, Handle server, rtl_uint32_t mdelay,
                Handle sync);
/* Start a prepared actor without waiting for anything. */
void actor_start(struct actor *actor);
/* Wait until the actor's thread is in `stage`. */
void actor_reaches(struct actor *actor, enum ref_control_stage stage);
enum ref_control_stage actor_stage(struct actor *actor);
/* Wait until its call has returned; the code it returned. */
Retcode actor_join(struct actor *actor);

/* The monotonic clock, for tests that race against it or stop after a while; never to wait. */
uint64_t now_ns(void);

pthread_t thread_start(void *(*body)(void *), void *argument);

/* Run the tests that `add` adds. */
int test_main(const char *name, void (*add)(TCase *));

#endif

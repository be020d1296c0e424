/* SPDX-License-Identifier: Apache-2.0 */
/* See support.h. */
#include "support.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void packet_out(struct test_packet *packet, uint64_t number)
{
    memset(packet, 0, sizeof *packet);
    nk_req_reset(&packet->message);
    packet->message.number = number;
    ck_assert_int_eq(PackOutMsg(&packet->header, &packet->message.base_, NULL), NK_EOK);
}

void packet_in(struct test_packet *packet)
{
    memset(packet, 0, sizeof *packet);
    nk_req_reset(&packet->message);
    ck_assert_int_eq(PackInMsg(&packet->header, &packet->message.base_, NULL), NK_EOK);
}

void packet_handles(struct test_packet *packet, unsigned count, const Handle *handles)
{
    unsigned index;
    nk_msg_set_ncaps(&packet->message.base_, (nk_uint16_t)count);
    for (index = 0; index < count; index++) {
        packet->message.handles[index] = nk_handle_desc(handles[index]);
    }
}

Retcode recv_now(Handle handle, struct test_packet *in)
{
    packet_in(in);
    return RecvEx(handle, &in->header, 0, INVALID_HANDLE);
}

Retcode reply(Handle handle, Tid tid, uint64_t number)
{
    struct test_packet out;
    packet_out(&out, number);
    out.header.threadId = tid;
    return Reply(handle, &out.header);
}

struct test_channel channel_open(void)
{
    struct test_channel channel;
    ck_assert_int_eq(
        KnHandleConnect(INVALID_HANDLE, &channel.listener, &channel.server, &channel.client), rcOk);
    return channel;
}

struct test_channel channel_between(TaskId server_process, TaskId client_process)
{
    struct test_channel channel;
    ck_assert_int_eq(ref_control_channel_open(server_process, client_process, &channel.listener,
                                              &channel.server, &channel.client),
                     rcOk);
    return channel;
}

Handle sync_create(void)
{
    Handle sync = INVALID_HANDLE;
    ck_assert_int_eq(KnIpcCreateSyncObject(&sync), rcOk);
    return sync;
}

TaskId process_create(void)
{
    TaskId process = 0;
    ck_assert_int_eq(ref_control_process_create(&process), rcOk);
    return process;
}

void bind_to(TaskId process)
{
    ck_assert_int_eq(ref_control_thread_bind(process, NULL), rcOk);
}

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

pthread_t thread_start(void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, (size_t)64 * 1024), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, body, argument), 0);
    pthread_attr_destroy(&attributes);
    return thread;
}

static void *actor_body(void *argument)
{
    struct actor *actor = argument;
    Tid tid = 0;

    actor->rc = ref_control_thread_bind(actor->process, &tid);
    if (actor->rc != rcOk) {
        abort();
    }
    /* Release pairs with the acquire in actor_stage(). */
    atomic_store_explicit(&actor->tid, tid, memory_order_release);
    actor->rc = actor->is_call
                    ? CallEx(actor->handle, &actor->out.header, &actor->in.header, actor->mdelay,
                             actor->sync)
                    : RecvEx(actor->handle, &actor->in.header, actor->mdelay, actor->sync);
    return NULL;
}

void actor_start(struct actor *actor)
{
    atomic_init(&actor->tid, 0);
    packet_in(&actor->in);
    actor->thread = thread_start(actor_body, actor);
}

enum ref_control_stage actor_stage(struct actor *actor)
{
    Tid tid = atomic_load_explicit(&actor->tid, memory_order_acquire);
    return tid == 0 ? REF_STAGE_RUNNING : ref_control_thread_stage(tid);
}

void actor_reaches(struct actor *actor, enum ref_control_stage stage)
{
    while (actor_stage(actor) != stage) {
        sched_yield(); /* bounded by the limit of the test */
    }
}

void actor_prepare_call(struct actor *actor, TaskId process, Handle client, rtl_uint32_t mdelay,
                        Handle sync, uint64_t number)
{
    packet_out(&actor->out, number);
    actor->is_call = 1;
    actor->process = process;
    actor->handle = client;
    actor->mdelay = mdelay;
    actor->sync = sync;
}

void actor_call(struct actor *actor, TaskId process, Handle client, rtl_uint32_t mdelay,
                Handle sync, uint64_t number)
{
    actor_prepare_call(actor, process, client, mdelay, sync, number);
    actor_start(actor);
    actor_reaches(actor, REF_STAGE_CALL_QUEUED);
}

void actor_recv(struct actor *actor, TaskId process, Handle server, rtl_uint32_t mdelay,
                Handle sync)
{
    actor->is_call = 0;
    actor->process = process;
    actor->handle = server;
    actor->mdelay = mdelay;
    actor->sync = sync;
    actor_start(actor);
    actor_reaches(actor, REF_STAGE_RECV_WAITING);
}

Retcode actor_join(struct actor *actor)
{
    ck_assert_int_eq(pthread_join(actor->thread, NULL), 0);
    return actor->rc;
}

int test_main(const char *name, void (*add)(TCase *))
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 120);
    add(tests);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The park word: released before, while and after the thread sleeps; the claim rule. */
#include "support.h"

#include "thread.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

START_TEST(released_before_the_sleep)
{
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_thread *self = ref_thread_self();

    ref_domain_enter();
    ref_waiter_begin_locked(&self->waiter, REF_STAGE_RECV_WAITING, REF_FOREVER);
    ref_waiter_finish_locked(&self->waiter, REF_OK, &wakes);
    ref_domain_leave();
    ref_wakes_release(&wakes);
    ck_assert(ref_waiter_sleep(&self->waiter, REF_FOREVER));
    ck_assert_int_eq(ref_waiter_released_outcome(&self->waiter), REF_OK);
}
END_TEST

START_TEST(deadline_without_release)
{
    struct ref_thread *self = ref_thread_self();
    uint64_t deadline_ns = now_ns() + 2000000;

    ref_domain_enter();
    ref_waiter_begin_locked(&self->waiter, REF_STAGE_RECV_WAITING, deadline_ns);
    ref_domain_leave();
    ck_assert(!ref_waiter_sleep(&self->waiter, deadline_ns));
    ck_assert_uint_ge(now_ns(), deadline_ns);
    ref_domain_enter();
    ref_waiter_finish_locked(&self->waiter, REF_TIMED_OUT, NULL);
    ref_domain_leave();
}
END_TEST

/* A claimed waiter whose deadline passes before it is released returns only after the release. */
START_TEST(claimed_waiter_does_not_leave_before_its_claimer)
{
    struct test_channel channel = channel_open();
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_thread *thread;
    struct actor recv;
    uint64_t deadline_ns;

    actor_recv(&recv, REF_CONTROL_FIRST_PROCESS, channel.server, 20, INVALID_HANDLE);
    ref_domain_enter();
    thread = ref_thread_find_locked(atomic_load(&recv.tid));
    if (thread->waiter.stage == REF_STAGE_RECV_WAITING) { /* else the machine was too slow */
        deadline_ns = thread->waiter.deadline_ns;
        ref_list_remove(&thread->waiter.end_node);
        ref_waiter_finish_locked(&thread->waiter, REF_INTERRUPTED, &wakes);
        ref_domain_leave();
        while (now_ns() < deadline_ns + 5000000) {
            sched_yield();
        }
        ck_assert_ptr_eq(wakes.first, &thread->waiter);
        ref_wakes_release(&wakes);
        ck_assert_int_eq(actor_join(&recv), rcIpcInterrupt);
    } else {
        ref_domain_leave();
        ck_assert_int_eq(actor_join(&recv), rcTimeout);
    }
}
END_TEST

static void ignore(int number)
{
    (void)number;
}

START_TEST(signals_do_not_end_a_wait)
{
    struct test_channel channel = channel_open();
    struct sigaction action = {.sa_handler = ignore};
    Handle sync = sync_create();
    struct actor recv;
    unsigned turn;

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    actor_recv(&recv, REF_CONTROL_FIRST_PROCESS, channel.server, INFINITE_TIMEOUT, sync);
    for (turn = 0; turn < 200; turn++) {
        pthread_kill(recv.thread, SIGUSR1);
        sched_yield();
    }
    ck_assert_int_eq(actor_stage(&recv), REF_STAGE_RECV_WAITING);
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    ck_assert_int_eq(actor_join(&recv), rcIpcInterrupt);
}
END_TEST

/* A round trip often enough that the spinning learns in both directions. */
static void *echo(void *argument)
{
    const struct test_channel *channel = argument;
    struct test_packet in;
    for (;;) {
        packet_in(&in);
        if (Recv(channel->server, &in.header) != rcOk) {
            return NULL;
        }
        (void)reply(channel->server, 0, in.message.number + 1);
    }
}

START_TEST(many_round_trips)
{
    struct test_channel channel = channel_open();
    pthread_t server = thread_start(echo, &channel);
    unsigned turn;

    for (turn = 0; turn < 3000; turn++) {
        struct test_packet out;
        struct test_packet in;
        packet_out(&out, turn);
        packet_in(&in);
        ck_assert_int_eq(Call(channel.client, &out.header, &in.header), rcOk);
        ck_assert_uint_eq(in.message.number, turn + 1);
    }
    ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
    pthread_join(server, NULL);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, released_before_the_sleep);
    tcase_add_test(tests, deadline_without_release);
    tcase_add_test(tests, claimed_waiter_does_not_leave_before_its_claimer);
    tcase_add_test(tests, signals_do_not_end_a_wait);
    tcase_add_test(tests, many_round_trips);
}

int main(void)
{
    return test_main("waiter", add);
}

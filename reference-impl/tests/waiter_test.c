/* SPDX-License-Identifier: Apache-2.0 */
/* The park word: released before, while and after the thread sleeps; the claim rule. */
#include "support.h"

#include "rendezvous.h"
#include "thread.h"

#include <sched.h>
#include <signal.h>

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

/* A claimed waiter whose deadline passes before it is released returns only after the release. The
 * claim comes as a Set does, but its release is held back. */
static struct ref_wakes g_held_back = REF_WAKES_NONE;
static _Atomic int g_returned;

static void *receive_for_a_moment(void *argument)
{
    const struct test_channel *channel = argument;
    struct test_packet in;
    packet_in(&in);
    Retcode rc = RecvEx(channel->server, &in.header, 20, INVALID_HANDLE);
    atomic_store(&g_returned, 1);
    return rc == rcIpcInterrupt ? argument : NULL;
}

/* Claim whoever waits. Returns its deadline, 0 when nobody does. */
static uint64_t claim_receiver(void)
{
    uint64_t deadline_ns = 0;
    struct ref_thread *thread;
    ref_domain_enter();
    for (thread = ref_thread_next_locked(NULL); thread != NULL;
         thread = ref_thread_next_locked(thread)) {
        if (thread->waiter.stage == REF_STAGE_RECV_WAITING) {
            deadline_ns = thread->waiter.deadline_ns;
            ref_wait_end_locked(&thread->waiter, REF_INTERRUPTED, &g_held_back);
        }
    }
    ref_domain_leave();
    return deadline_ns;
}

START_TEST(claimed_waiter_does_not_leave_before_its_claimer)
{
    struct test_channel channel = channel_open();
    uint64_t deadline_ns = 0;
    void *was_interrupted;
    pthread_t thread = thread_start(receive_for_a_moment, &channel);

    while (deadline_ns == 0 && !atomic_load(&g_returned)) {
        deadline_ns = claim_receiver();
        sched_yield();
    }
    if (deadline_ns != 0) { /* else the machine was too slow to catch it: nothing to see */
        while (now_ns() < deadline_ns + 5000000) {
            sched_yield();
        }
        ck_assert_int_eq(atomic_load(&g_returned), 0);
        ref_wakes_release(&g_held_back);
    }
    pthread_join(thread, &was_interrupted);
    ck_assert_ptr_eq(was_interrupted, deadline_ns != 0 ? &channel : NULL);
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

    uint64_t end_ns = now_ns() + 5000000000u; /* on a busy machine fewer will do */

    for (turn = 0; turn < 3000 && now_ns() < end_ns; turn++) {
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two operations at once, again and again: whatever the order, both sides agree. The law: a caller
 * saw rcIpcInterrupt or rcTimeout before service if and only if no server received its request.
 */
#include "support.h"

#include <sched.h>

#define FIRST REF_CONTROL_FIRST_PROCESS
#define ROUNDS 1500
#define SLOW_ROUNDS 400
/* On a busy machine fewer rounds will do. */
#define LIMIT_NS 5000000000u

/* One round: the client calls, the rival acts, the main thread serves. */
struct race {
    pthread_barrier_t start;
    struct test_channel channel;
    Handle sync;
    rtl_uint32_t mdelay;
    void (*rival)(struct race *);
    Retcode call_rc;
    Retcode rival_rc;
    uint64_t answer;
    _Atomic int call_is_over;
    _Atomic int stop;
    unsigned round;
    unsigned rounds;
    uint64_t hold_ns; /* how long the server takes at most */
};

static void *client_body(void *argument)
{
    struct race *race = argument;
    for (;;) {
        struct test_packet out;
        struct test_packet in;
        pthread_barrier_wait(&race->start);
        if (atomic_load(&race->stop)) {
            return NULL;
        }
        packet_out(&out, race->round);
        packet_in(&in);
        race->call_rc =
            CallEx(race->channel.client, &out.header, &in.header, race->mdelay, race->sync);
        race->answer = in.message.number;
        atomic_store(&race->call_is_over, 1);
        pthread_barrier_wait(&race->start);
    }
}

static void *rival_body(void *argument)
{
    struct race *race = argument;
    for (;;) {
        pthread_barrier_wait(&race->start);
        if (atomic_load(&race->stop)) {
            return NULL;
        }
        race->rival(race);
        pthread_barrier_wait(&race->start);
    }
}

/* A different time in each round, to come near the deadline from both sides. */
static void hold(const struct race *race)
{
    uint64_t end_ns;
    if (race->hold_ns > 0) {
        end_ns = now_ns() + race->round * 7919u % 64 * (race->hold_ns / 64);
        while (now_ns() < end_ns) {
        }
    }
}

/* The server's side: serve the request if it comes. Returns how often it came. */
static unsigned serve(struct race *race, Retcode *reply_rc)
{
    struct test_packet in;
    unsigned count = 0;
    *reply_rc = rcFail;
    do {
        if (recv_now(race->channel.server, &in) == rcOk) {
            ck_assert_uint_eq(in.message.number, race->round);
            count++;
            hold(race);
            *reply_rc = reply(race->channel.server, in.header.threadId, race->round + 1000);
        }
    } while (!atomic_load(&race->call_is_over));
    return count + (recv_now(race->channel.server, &in) == rcOk);
}

static void run(struct race *race, void (*judge)(struct race *, unsigned, Retcode))
{
    uint64_t end_ns = now_ns() + LIMIT_NS;
    pthread_t client;
    pthread_t rival;

    race->channel = channel_open();
    race->sync = sync_create();
    pthread_barrier_init(&race->start, NULL, 3);
    client = thread_start(client_body, race);
    rival = thread_start(rival_body, race);
    for (race->round = 0; race->round < race->rounds && now_ns() < end_ns; race->round++) {
        Retcode reply_rc;
        unsigned count;
        atomic_store(&race->call_is_over, 0);
        pthread_barrier_wait(&race->start);
        count = serve(race, &reply_rc);
        pthread_barrier_wait(&race->start);
        judge(race, count, reply_rc);
    }
    atomic_store(&race->stop, 1);
    pthread_barrier_wait(&race->start);
    pthread_join(client, NULL);
    pthread_join(rival, NULL);
    pthread_barrier_destroy(&race->start);
    ck_assert_uint_eq(ref_control_live_objects(0), 4);
}

/* --- Set against the rendezvous --- */

static void rival_sets(struct race *race)
{
    race->rival_rc = KnIpcSetInterrupt(race->sync);
}

static void judge_interrupt(struct race *race, unsigned count, Retcode reply_rc)
{
    ck_assert_int_eq(race->rival_rc, rcOk);
    ck_assert_int_eq(KnIpcClearInterrupt(race->sync), rcOk);
    if (race->call_rc == rcOk) {
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(reply_rc, rcOk);
        ck_assert_uint_eq(race->answer, race->round + 1000);
    } else {
        ck_assert_int_eq(race->call_rc, rcIpcInterrupt);
        ck_assert_uint_eq(count, 0);
    }
}

START_TEST(set_against_recv)
{
    struct race race = {.mdelay = INFINITE_TIMEOUT, .rival = rival_sets, .rounds = ROUNDS};
    run(&race, judge_interrupt);
}
END_TEST

/* --- The deadline against everything --- */

static void rival_advances(struct race *race)
{
    while (!atomic_load(&race->call_is_over)) {
        ref_control_clock_advance(1);
        sched_yield();
    }
}

static void judge_timeout(struct race *race, unsigned count, Retcode reply_rc)
{
    if (race->call_rc == rcOk) {
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(reply_rc, rcOk);
        ck_assert_uint_eq(race->answer, race->round + 1000);
        return;
    }
    ck_assert_int_eq(race->call_rc, rcTimeout);
    ck_assert_uint_le(count, 1);
    if (count == 1) { /* timed out in service */
        ck_assert_int_eq(reply_rc, rcNotConnected);
    }
}

START_TEST(virtual_deadline_against_reply)
{
    struct race race = {.mdelay = 2, .rival = rival_advances, .rounds = ROUNDS};
    ref_control_clock_set_virtual(1);
    run(&race, judge_timeout);
}
END_TEST

static void rival_does_nothing(struct race *race)
{
    (void)race;
}

START_TEST(real_deadline_against_reply)
{
    struct race race = {
        .mdelay = 1, .rival = rival_does_nothing, .rounds = SLOW_ROUNDS, .hold_ns = 2000000};
    run(&race, judge_timeout);
}
END_TEST

/* --- Process end and closing against a call --- */

struct end_race {
    pthread_barrier_t start;
    TaskId process;
    Retcode rc;
};

static void *end_process(void *argument)
{
    struct end_race *race = argument;
    pthread_barrier_wait(&race->start);
    race->rc = ref_control_process_end(race->process);
    return NULL;
}

START_TEST(server_process_ends_during_service)
{
    uint64_t end_ns = now_ns() + LIMIT_NS;
    unsigned round;
    for (round = 0; round < 300 && now_ns() < end_ns; round++) {
        TaskId server = process_create();
        struct test_channel channel = channel_between(server, FIRST);
        struct end_race race = {.process = server};
        struct test_packet in;
        struct actor call;
        pthread_t ender;
        Retcode recv_rc;
        Retcode reply_rc = rcFail;

        pthread_barrier_init(&race.start, NULL, 2);
        bind_to(server);
        actor_call(&call, FIRST, channel.client, INFINITE_TIMEOUT, INVALID_HANDLE, round);
        ender = thread_start(end_process, &race);
        pthread_barrier_wait(&race.start);
        recv_rc = recv_now(channel.server, &in);
        if (recv_rc == rcOk) {
            reply_rc = reply(channel.server, 0, round + 1);
        }
        pthread_join(ender, NULL);
        ck_assert_int_eq(race.rc, rcOk);
        ck_assert_int_eq(actor_join(&call), reply_rc == rcOk ? rcOk : rcNotConnected);
        ck_assert(recv_rc == rcOk || recv_rc == rcAbort);
        ck_assert(reply_rc == rcOk || reply_rc == rcAbort || reply_rc == rcFail);
        bind_to(FIRST);
        ck_assert_int_eq(KnHandleClose(channel.client), rcOk);
        pthread_barrier_destroy(&race.start);
    }
    ck_assert_uint_eq(ref_control_live_objects(0), 0);
}
END_TEST

/* --- Everything at once --- */

struct storm {
    struct test_channel channel;
    Handle sync;
    _Atomic int wrong;
    _Atomic int interrupted;
    _Atomic int stop;
};

static void *storm_client(void *argument)
{
    struct storm *storm = argument;
    uint64_t end_ns = now_ns() + LIMIT_NS;
    unsigned turn;
    for (turn = 0; turn < 400 && now_ns() < end_ns; turn++) {
        struct test_packet out;
        struct test_packet in;
        Retcode rc;
        packet_out(&out, (uint64_t)(uintptr_t)&out + turn);
        packet_in(&in);
        rc = CallEx(storm->channel.client, &out.header, &in.header, INFINITE_TIMEOUT, storm->sync);
        if (rc == rcIpcInterrupt) {
            atomic_fetch_add(&storm->interrupted, 1);
        } else if (rc != rcOk || in.message.number != out.message.number + 1) {
            atomic_fetch_add(&storm->wrong, 1);
        }
    }
    return NULL;
}

static void *storm_server(void *argument)
{
    struct storm *storm = argument;
    while (!atomic_load(&storm->stop)) {
        struct test_packet in;
        Retcode rc;
        packet_in(&in);
        rc = RecvEx(storm->channel.listener, &in.header, INFINITE_TIMEOUT, storm->sync);
        if (rc == rcOk) {
            rc = reply(in.header.replyHandle, in.header.threadId, in.message.number + 1);
        }
        if (rc != rcOk && rc != rcIpcInterrupt) {
            atomic_fetch_add(&storm->wrong, 1);
        }
    }
    return NULL;
}

static void *storm_setter(void *argument)
{
    struct storm *storm = argument;
    while (!atomic_load(&storm->stop)) {
        KnIpcSetInterrupt(storm->sync);
        KnIpcClearInterrupt(storm->sync);
        sched_yield();
    }
    KnIpcSetInterrupt(storm->sync);
    return NULL;
}

START_TEST(storm)
{
    struct storm all = {.channel = channel_open(), .sync = sync_create()};
    pthread_t clients[4];
    pthread_t others[3];
    unsigned index;

    for (index = 0; index < 4; index++) {
        clients[index] = thread_start(storm_client, &all);
    }
    others[0] = thread_start(storm_server, &all);
    others[1] = thread_start(storm_server, &all);
    others[2] = thread_start(storm_setter, &all);
    for (index = 0; index < 4; index++) {
        pthread_join(clients[index], NULL);
    }
    atomic_store(&all.stop, 1);
    for (index = 0; index < 3; index++) {
        pthread_join(others[index], NULL);
    }
    ck_assert_int_eq(atomic_load(&all.wrong), 0);
    ck_assert_uint_eq(ref_control_live_objects(0), 4);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, set_against_recv);
    tcase_add_test(tests, virtual_deadline_against_reply);
    tcase_add_test(tests, real_deadline_against_reply);
    tcase_add_test(tests, server_process_ends_during_service);
    tcase_add_test(tests, storm);
}

int main(void)
{
    return test_main("race", add);
}

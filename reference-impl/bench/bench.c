/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ref_bench: how far the reference is from what this machine can do at best, in one run.
 *
 *   round trip   Call/Recv/Reply against a raw futex ping-pong and against mutex and condition
 *                variables, both threads on one core and on two
 *   wake-up      KnIpcSetInterrupt until the last of n blocked threads is back, against one futex
 *                broadcast to as many
 *   bystanders   a round trip beside 1,000 unrelated blocked threads, against one without them
 *   memory       heap bytes per handle, channel, blocked thread
 *
 * Only ratios are meant to be compared between runs: both sides are measured in turn, in the same
 * seconds, at the same places. A number is the median of its repetitions; the spread is that of the
 * ratios of single repetitions.
 */
#include "alloc.h"

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <kos_ref/control.h>
#include <services/rtl/nk_msg.h>

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define REPETITIONS_MAX 31
#define WAITERS_MAX 1000
#define STACK_SIZE_BYTES ((size_t)64 * 1024)

static int g_cpus[2] = {0, 0};
static int g_cpu_count;
static int g_repetitions = 11;
static uint64_t g_slice_ns = UINT64_C(60000000);

/* --- Small tools --- */

static void must(int is_good, const char *what)
{
    if (!is_good) {
        (void)fprintf(stderr, "ref_bench: %s failed\n", what);
        exit(2);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof set, &set) == 0, "pinning");
}

static void find_cpus(void)
{
    cpu_set_t set;
    int cpu;
    must(sched_getaffinity(0, sizeof set, &set) == 0, "reading the affinity");
    for (cpu = 0; cpu < CPU_SETSIZE && g_cpu_count < 2; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            g_cpus[g_cpu_count++] = cpu;
        }
    }
}

static void pause_ms(long milliseconds)
{
    struct timespec length = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&length, NULL);
}

static pthread_t start_thread(void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE_BYTES);
    must(pthread_create(&thread, &attributes, body, argument) == 0, "creating a thread");
    pthread_attr_destroy(&attributes);
    return thread;
}

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(const double *values, int count)
{
    double sorted[REPETITIONS_MAX];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_doubles);
    return sorted[count / 2];
}

static int g_misses;

/* One line: ours against a floor, with the aim for the ratio of the medians. 0: no aim. */
static void report(const char *label, const char *unit, const double *ours, const double *floor_,
                   double aim)
{
    double lowest = ours[0] / floor_[0]; /* NOLINT: there is at least one repetition */
    double highest = lowest;
    double ratio = median(ours, g_repetitions) / median(floor_, g_repetitions);
    int turn;

    for (turn = 1; turn < g_repetitions; turn++) {
        double one = ours[turn] / floor_[turn];
        lowest = one < lowest ? one : lowest;
        highest = one > highest ? one : highest;
    }
    printf("  %-44s %10.2f %10.2f %s  ratio %6.3f  [%.3f .. %.3f]", label,
           median(ours, g_repetitions), median(floor_, g_repetitions), unit, ratio, lowest,
           highest);
    if (aim > 0) {
        printf("  aim <= %.2f %s", aim, ratio <= aim ? "met" : "MISSED");
        g_misses += ratio > aim;
    }
    printf("\n");
    (void)fflush(stdout);
}

/* --- Round trips: each returns microseconds per round trip --- */

struct pair {
    int peer_cpu;
    /* raw futex: one word per direction; 0 nothing, 1 somebody sleeps, 2 a message */
    _Atomic uint32_t to_peer;
    _Atomic uint32_t to_us;
    /* condition variables */
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    pthread_cond_t answered;
    int turn;
    /* the library */
    Handle server;
    Handle client;
    _Atomic int stop;
};

static void word_send(_Atomic uint32_t *word)
{
    if (atomic_exchange_explicit(word, 2, memory_order_acq_rel) == 1) {
        futex(word, FUTEX_WAKE_PRIVATE, 1);
    }
}

static void word_receive(_Atomic uint32_t *word)
{
    uint32_t empty = 0;
    atomic_compare_exchange_strong(word, &empty, 1);
    while (atomic_load_explicit(word, memory_order_acquire) != 2) {
        futex(word, FUTEX_WAIT_PRIVATE, 1);
    }
    atomic_store_explicit(word, 0, memory_order_relaxed);
}

static void *futex_peer(void *argument)
{
    struct pair *pair = argument;
    pin(pair->peer_cpu);
    for (;;) {
        word_receive(&pair->to_peer);
        int stop = atomic_load(&pair->stop);
        word_send(&pair->to_us);
        if (stop) {
            return NULL;
        }
    }
}

static void futex_trip(struct pair *pair)
{
    word_send(&pair->to_peer);
    word_receive(&pair->to_us);
}

static void *condvar_peer(void *argument)
{
    struct pair *pair = argument;
    pin(pair->peer_cpu);
    for (;;) {
        pthread_mutex_lock(&pair->mutex);
        while (pair->turn != 1) {
            pthread_cond_wait(&pair->asked, &pair->mutex);
        }
        pair->turn = 2;
        int stop = atomic_load(&pair->stop);
        pthread_mutex_unlock(&pair->mutex);
        pthread_cond_signal(&pair->answered);
        if (stop) {
            return NULL;
        }
    }
}

static void condvar_trip(struct pair *pair)
{
    pthread_mutex_lock(&pair->mutex);
    pair->turn = 1;
    pthread_mutex_unlock(&pair->mutex);
    pthread_cond_signal(&pair->asked);
    pthread_mutex_lock(&pair->mutex);
    while (pair->turn != 2) {
        pthread_cond_wait(&pair->answered, &pair->mutex);
    }
    pair->turn = 0;
    pthread_mutex_unlock(&pair->mutex);
}

/* 32 bytes: the header and one number. */
struct small_message {
    nk_message base_;
    uint64_t number;
};

static void *library_peer(void *argument)
{
    struct pair *pair = argument;
    struct small_message in;
    struct small_message out = {.number = 2};
    SMsgHdr header_in;
    SMsgHdr header_out;

    pin(pair->peer_cpu);
    nk_req_reset(&out);
    PackOutMsg(&header_out, &out.base_, NULL);
    for (;;) {
        nk_req_reset(&in);
        PackInMsg(&header_in, &in.base_, NULL);
        must(Recv(pair->server, &header_in) == rcOk, "Recv");
        int stop = atomic_load(&pair->stop);
        must(Reply(pair->server, &header_out) == rcOk, "Reply");
        if (stop) {
            return NULL;
        }
    }
}

static void library_trip(struct pair *pair)
{
    struct small_message in;
    struct small_message out = {.number = 1};
    SMsgHdr header_in;
    SMsgHdr header_out;

    nk_req_reset(&out);
    nk_req_reset(&in);
    PackOutMsg(&header_out, &out.base_, NULL);
    PackInMsg(&header_in, &in.base_, NULL);
    must(Call(pair->client, &header_out, &header_in) == rcOk, "Call");
}

struct mechanism {
    const char *name;
    void *(*peer)(void *);
    void (*trip)(struct pair *);
};
static const struct mechanism g_library = {"Call/Reply", library_peer, library_trip};
static const struct mechanism g_futex = {"raw futex", futex_peer, futex_trip};
static const struct mechanism g_condvar = {"mutex + condition variables", condvar_peer,
                                           condvar_trip};

static double measure_trips(const struct mechanism *mechanism, int peer_cpu)
{
    struct pair pair = {.peer_cpu = peer_cpu};
    Handle listener;
    uint64_t count = 0;
    uint64_t start;
    uint64_t elapsed;
    pthread_t peer;
    int turn;

    pthread_mutex_init(&pair.mutex, NULL);
    pthread_cond_init(&pair.asked, NULL);
    pthread_cond_init(&pair.answered, NULL);
    must(KnHandleConnect(INVALID_HANDLE, &listener, &pair.server, &pair.client) == rcOk, "connect");
    peer = start_thread(mechanism->peer, &pair);
    for (turn = 0; turn < 200; turn++) {
        mechanism->trip(&pair); /* warm-up */
    }
    start = now_ns();
    do {
        for (turn = 0; turn < 32; turn++) {
            mechanism->trip(&pair);
        }
        count += 32;
        elapsed = now_ns() - start;
    } while (elapsed < g_slice_ns);
    atomic_store(&pair.stop, 1);
    mechanism->trip(&pair);
    pthread_join(peer, NULL);
    KnHandleClose(pair.client);
    KnHandleClose(pair.server);
    KnHandleClose(listener);
    pthread_cond_destroy(&pair.answered);
    pthread_cond_destroy(&pair.asked);
    pthread_mutex_destroy(&pair.mutex);
    return (double)elapsed / (double)count / 1000.0;
}

static void bench_round_trip(const char *place, int peer_cpu)
{
    double ours[REPETITIONS_MAX];
    double raw[REPETITIONS_MAX];
    double condvar[REPETITIONS_MAX];
    char label[80];
    int turn;

    for (turn = 0; turn < g_repetitions; turn++) {
        raw[turn] = measure_trips(&g_futex, peer_cpu);
        ours[turn] = measure_trips(&g_library, peer_cpu);
        condvar[turn] = measure_trips(&g_condvar, peer_cpu);
    }
    (void)snprintf(label, sizeof label, "round trip, %s, to %s", place, g_futex.name);
    report(label, "us", ours, raw, 1.5);
    (void)snprintf(label, sizeof label, "round trip, %s, to %s", place, g_condvar.name);
    report(label, "us", ours, condvar, 0);
    printf("  %-44s %10.0f Call/Reply per second\n", "", 1e6 / median(ours, g_repetitions));
}

/* --- Waking n threads: each returns microseconds until the last is awake --- */

struct crowd {
    int cpu;
    _Atomic uint32_t word;
    _Atomic int ready;
    _Atomic int awake;
    _Atomic uint64_t last_ns;
    int size;
    Handle server;
    Handle sync;
};

static void crowd_woke(struct crowd *crowd)
{
    if (atomic_fetch_add(&crowd->awake, 1) + 1 == crowd->size) {
        atomic_store(&crowd->last_ns, now_ns());
    }
}

static void *futex_sleeper(void *argument)
{
    struct crowd *crowd = argument;
    pin(crowd->cpu);
    atomic_fetch_add(&crowd->ready, 1);
    while (atomic_load_explicit(&crowd->word, memory_order_acquire) == 0) {
        futex(&crowd->word, FUTEX_WAIT_PRIVATE, 0);
    }
    crowd_woke(crowd);
    return NULL;
}

static void *library_sleeper(void *argument)
{
    struct crowd *crowd = argument;
    struct small_message in;
    SMsgHdr header_in;

    pin(crowd->cpu);
    nk_req_reset(&in);
    PackInMsg(&header_in, &in.base_, NULL);
    atomic_fetch_add(&crowd->ready, 1);
    must(RecvEx(crowd->server, &header_in, INFINITE_TIMEOUT, crowd->sync) == rcIpcInterrupt,
         "interrupting");
    crowd_woke(crowd);
    return NULL;
}

static void crowd_settle(struct crowd *crowd)
{
    while (atomic_load(&crowd->ready) < crowd->size) {
        pause_ms(1);
    }
    pause_ms(3 + crowd->size / 50);
}

static double measure_wake(void *(*sleeper)(void *), int size, int cpu)
{
    static pthread_t threads[WAITERS_MAX];
    struct crowd crowd = {.cpu = cpu, .size = size};
    Handle listener;
    Handle client;
    uint64_t start;
    int index;

    must(KnHandleConnect(INVALID_HANDLE, &listener, &crowd.server, &client) == rcOk, "connect");
    must(KnIpcCreateSyncObject(&crowd.sync) == rcOk, "creating a sync object");
    for (index = 0; index < size; index++) {
        threads[index] = start_thread(sleeper, &crowd);
    }
    crowd_settle(&crowd);
    start = now_ns();
    if (sleeper == futex_sleeper) {
        atomic_store_explicit(&crowd.word, 1, memory_order_release);
        futex(&crowd.word, FUTEX_WAKE_PRIVATE, INT_MAX);
    } else {
        KnIpcSetInterrupt(crowd.sync);
    }
    for (index = 0; index < size; index++) {
        pthread_join(threads[index], NULL);
    }
    KnHandleClose(crowd.sync);
    KnHandleClose(client);
    KnHandleClose(crowd.server);
    KnHandleClose(listener);
    return (double)(atomic_load(&crowd.last_ns) - start) / 1000.0;
}

static void bench_wake(const char *place, int cpu)
{
    static const int sizes[] = {1, 10, 100, 1000};
    size_t index;

    for (index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        double ours[REPETITIONS_MAX];
        double broadcast[REPETITIONS_MAX];
        char label[80];
        int turn;

        for (turn = 0; turn < g_repetitions; turn++) {
            /* In the small rows one wake-up is a lottery; each value is the median of several. */
            double several[2][REPETITIONS_MAX];
            int inner = sizes[index] >= 1000 ? 1 : sizes[index] >= 100 ? 3 : 9;
            int i;
            for (i = 0; i < inner; i++) {
                several[0][i] = measure_wake(futex_sleeper, sizes[index], cpu);
                several[1][i] = measure_wake(library_sleeper, sizes[index], cpu);
            }
            broadcast[turn] = median(several[0], inner);
            ours[turn] = median(several[1], inner);
        }
        (void)snprintf(label, sizeof label, "Set to last of %d, %s, to broadcast", sizes[index],
                       place);
        report(label, "us", ours, broadcast, 2.0);
    }
}

/* --- Bystanders --- */

static void bench_bystanders(const char *place, int peer_cpu)
{
    static pthread_t threads[WAITERS_MAX];
    double beside[REPETITIONS_MAX];
    double alone[REPETITIONS_MAX];
    char label[80];
    int turn;

    for (turn = 0; turn < g_repetitions; turn++) {
        struct crowd crowd = {.cpu = peer_cpu, .size = WAITERS_MAX};
        Handle listener;
        Handle client;
        int index;

        alone[turn] = measure_trips(&g_library, peer_cpu);
        must(KnHandleConnect(INVALID_HANDLE, &listener, &crowd.server, &client) == rcOk, "connect");
        must(KnIpcCreateSyncObject(&crowd.sync) == rcOk, "creating a sync object");
        for (index = 0; index < WAITERS_MAX; index++) {
            threads[index] = start_thread(library_sleeper, &crowd);
        }
        crowd_settle(&crowd);
        beside[turn] = measure_trips(&g_library, peer_cpu);
        KnIpcSetInterrupt(crowd.sync);
        for (index = 0; index < WAITERS_MAX; index++) {
            pthread_join(threads[index], NULL);
        }
        KnHandleClose(crowd.sync);
        KnHandleClose(client);
        KnHandleClose(crowd.server);
        KnHandleClose(listener);
    }
    (void)snprintf(label, sizeof label, "beside 1000 blocked threads, %s, to alone", place);
    report(label, "us", beside, alone, 1.2);
}

/* --- Memory --- */

static void bench_memory(void)
{
    enum { HANDLES = 10000, CHANNELS = 1000 };
    static Handle handles[HANDLES];
    static Handle ends[CHANNELS][2];
    size_t before = ref_alloc_in_use_bytes();
    uint64_t start = now_ns();
    Handle listener = INVALID_HANDLE;
    int index;

    for (index = 0; index < HANDLES; index++) {
        must(KnIpcCreateSyncObject(&handles[index]) == rcOk, "creating a sync object");
    }
    printf("  %d sync objects with their handles: %.1f bytes each, %.0f ns to create\n", HANDLES,
           (double)(ref_alloc_in_use_bytes() - before) / HANDLES,
           (double)(now_ns() - start) / HANDLES);
    start = now_ns();
    for (index = 0; index < HANDLES; index++) {
        KnHandleClose(handles[index]);
    }
    printf("  %-44s %.0f ns to close; kept for reuse: %.1f bytes per handle slot\n", "",
           (double)(now_ns() - start) / HANDLES,
           (double)(ref_alloc_in_use_bytes() - before) / HANDLES);
    before = ref_alloc_in_use_bytes();
    for (index = 0; index < CHANNELS; index++) {
        must(KnHandleConnect(listener, &listener, &ends[index][0], &ends[index][1]) == rcOk,
             "connect");
    }
    printf("  %d channels (handle slots not counted): %.1f bytes each\n", CHANNELS,
           (double)(ref_alloc_in_use_bytes() - before) / CHANNELS);
    for (index = 0; index < CHANNELS; index++) {
        KnHandleClose(ends[index][0]);
        KnHandleClose(ends[index][1]);
    }
    KnHandleClose(listener);
}

static void *one_sided_caller(void *argument)
{
    struct crowd *crowd = argument;
    struct small_message message;
    struct small_message room;
    SMsgHdr out;
    SMsgHdr in;

    nk_req_reset(&message);
    nk_req_reset(&room);
    PackOutMsg(&out, &message.base_, NULL);
    PackInMsg(&in, &room.base_, NULL);
    atomic_fetch_add(&crowd->ready, 1);
    must(CallEx(crowd->server, &out, &in, INFINITE_TIMEOUT, crowd->sync) == rcIpcInterrupt,
         "interrupting");
    return NULL;
}

/* First of all benches: later ones find thread records in the pool. */
static void bench_thread_memory(void)
{
    static pthread_t threads[WAITERS_MAX];
    struct crowd crowd = {.size = WAITERS_MAX};
    Handle listener;
    Handle server;
    size_t before;
    int index;

    must(KnHandleConnect(INVALID_HANDLE, &listener, &server, &crowd.server) == rcOk, "connect");
    must(KnIpcCreateSyncObject(&crowd.sync) == rcOk, "creating a sync object");
    before = ref_alloc_in_use_bytes();
    for (index = 0; index < WAITERS_MAX; index++) {
        threads[index] = start_thread(one_sided_caller, &crowd);
    }
    crowd_settle(&crowd);
    printf("  %d threads blocked in CallEx: %.1f heap bytes each, record and request\n",
           WAITERS_MAX, (double)(ref_alloc_in_use_bytes() - before) / WAITERS_MAX);
    KnIpcSetInterrupt(crowd.sync);
    for (index = 0; index < WAITERS_MAX; index++) {
        pthread_join(threads[index], NULL);
    }
    KnHandleClose(crowd.sync);
    KnHandleClose(crowd.server);
    KnHandleClose(server);
    KnHandleClose(listener);
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 2 && strcmp(arguments[1], "--quick") == 0) {
        g_repetitions = 7;
        g_slice_ns = UINT64_C(15000000);
    } else if (argument_count != 1) {
        printf("Usage: ref_bench [--quick]\n"
               "Compares the reference with this machine's own floor; prints ratios and aims.\n"
               "Exit code 0 when all aims are met, 1 otherwise, 2 when it cannot measure.\n");
        return strcmp(arguments[1], "--help") == 0 ? 0 : 2;
    }
    find_cpus();
    pin(g_cpus[0]);
    printf("ref_bench: median of %d, ours, floor, ratio of medians [lowest .. highest ratio]\n",
           g_repetitions);
    bench_thread_memory();
    bench_memory();
    bench_round_trip("one core", g_cpus[0]);
    bench_bystanders("one core", g_cpus[0]);
    bench_wake("one core", g_cpus[0]);
    if (g_cpu_count == 2) {
        bench_round_trip("two cores", g_cpus[1]);
        bench_bystanders("two cores", g_cpus[1]);
        bench_wake("two cores", g_cpus[1]);
    } else {
        printf("  one core only: the rows for two cores are left out\n");
    }
    printf("ref_bench: %d aims missed\n", g_misses);
    return g_misses > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process and its broker. All processes of one session share a broker. Whoever finds none binds its
 * address, connects to it, and only then forks it, so nobody is elected twice and the broker has a
 * client from its first moment. It goes when the last one has gone; a connection that it accepted no
 * more fails at the greeting, and the search begins again.
 *
 * One connection lives as long as the process: its end is the end of the process. Each thread that
 * calls has another one.
 */
#include "br_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 1000

static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static pthread_key_t g_key; /* closes a thread's connection when the thread ends */
static int g_process_fd = -1;
static _Thread_local int t_fd = -1;

static void thread_ends(void *value)
{
    (void)value;
    br_thread_disconnect();
}

/* A forked child is a process of its own. */
static void child_begins(void)
{
    if (g_process_fd >= 0) {
        (void)close(g_process_fd);
        g_process_fd = -1;
    }
    br_thread_disconnect();
    (void)pthread_mutex_init(&g_mutex, NULL);
}

static void initialise(void)
{
    if (pthread_key_create(&g_key, thread_ends) != 0 ||
        pthread_atfork(NULL, NULL, child_begins) != 0) {
        abort();
    }
}

/* An abstract address: it leaves nothing behind. */
static socklen_t broker_address(struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1,
                          "ipc-cts-variant-broker-%u-%d", (unsigned)geteuid(), (int)getsid(0));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static int socket_new(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static _Noreturn void become_broker(int listener)
{
    /* Nothing of the process that needed it first: not its files, not its handlers, not its output. */
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        (void)dup2(null_fd, fd);
    }
    if (dup2(listener, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0) {
        _exit(1);
    }
    (void)close_range(4, UINT_MAX, 0);
    for (int number = 1; number <= SIGRTMAX; number++) {
        (void)signal(number, SIG_DFL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_NAME, "variant-broker");
    br_broker_main(3);
}

/* Gives a connection to a new broker, or -1: somebody else is about to start one. */
static int broker_start(const struct sockaddr_un *address, socklen_t size)
{
    const struct sockaddr *to = (const struct sockaddr *)(const void *)address;
    int listener = socket_new();
    int fd = socket_new();
    bool ready = listener >= 0 && fd >= 0 && bind(listener, to, size) == 0 &&
                 listen(listener, SOMAXCONN) == 0 && connect(fd, to, size) == 0;
    pid_t pid = ready ? fork() : -1;
    if (pid == 0) {
        become_broker(listener);
    }
    if (listener >= 0) {
        (void)close(listener);
    }
    if (pid < 0 && fd >= 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool greet(int fd, enum br_op hello)
{
    struct br_packet packet;
    int file;
    bool nothing;
    memset(&packet.head, 0, sizeof packet.head);
    packet.head.op = hello;
    return br_packet_send(fd, &packet, -1, true) &&
           br_packet_receive(fd, &packet, &file, true, &nothing) && packet.head.rc == rcOk;
}

static int connection_new(enum br_op hello)
{
    struct sockaddr_un address;
    socklen_t size = broker_address(&address);
    const struct timespec moment = {0, 1000000};
    for (int i = 0; i < ATTEMPTS; i++) {
        int fd = socket_new();
        if (fd < 0) {
            return -1;
        }
        if (connect(fd, (const struct sockaddr *)(const void *)&address, size) != 0) {
            (void)close(fd);
            fd = hello == BR_HELLO_PROCESS ? broker_start(&address, size) : -1;
        }
        if (fd >= 0 && greet(fd, hello)) {
            return fd;
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        if (hello == BR_HELLO_THREAD) {
            return -1; /* the broker that knows this process is gone */
        }
        (void)nanosleep(&moment, NULL);
    }
    return -1;
}

int br_thread_connection(void)
{
    if (t_fd >= 0) {
        return t_fd;
    }
    (void)pthread_once(&g_once, initialise);
    (void)pthread_mutex_lock(&g_mutex);
    if (g_process_fd < 0) {
        g_process_fd = connection_new(BR_HELLO_PROCESS);
    }
    int fd = g_process_fd >= 0 ? connection_new(BR_HELLO_THREAD) : -1;
    if (fd < 0 && g_process_fd >= 0) {
        (void)close(g_process_fd);
        g_process_fd = -1;
    }
    (void)pthread_mutex_unlock(&g_mutex);
    if (fd >= 0 && pthread_setspecific(g_key, &g_key) != 0) {
        (void)close(fd);
        fd = -1;
    }
    t_fd = fd;
    return fd;
}

void br_thread_disconnect(void)
{
    if (t_fd >= 0) {
        (void)close(t_fd);
        t_fd = -1;
    }
}

/* Until the answer is there, or mdelay milliseconds have passed: then false. */
static bool answer_comes(int fd, rtl_uint32_t mdelay)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long long end_ns = now.tv_sec * 1000000000ll + now.tv_nsec + mdelay * 1000000ll;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    for (;;) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        long long left_ms =
            (end_ns - now.tv_sec * 1000000000ll - now.tv_nsec + 999999ll) / 1000000ll;
        if (left_ms <= 0) {
            return false;
        }
        int ready = poll(&poller, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return true;
        }
    }
}

bool br_ask(struct br_packet *packet, int send_file, int *answer_file, rtl_uint32_t mdelay)
{
    int fd = br_thread_connection();
    bool nothing;
    bool alive = fd >= 0 && br_packet_send(fd, packet, send_file, true);
    if (alive && mdelay != (rtl_uint32_t)-1 && !answer_comes(fd, mdelay)) {
        packet->head = (struct br_head){.op = BR_CANCEL};
        alive = br_packet_send(fd, packet, -1, true);
    }
    *answer_file = -1;
    if (!alive || !br_packet_receive(fd, packet, answer_file, true, &nothing)) {
        br_thread_disconnect();
        return false;
    }
    return true;
}

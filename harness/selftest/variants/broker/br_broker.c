/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker process: connections, processes, and the end of both. It never blocks but for the next
 * packet: what it sends is one answer to a thread that waits for it, which always has room. A thread that
 * a signal keeps from reading its answer keeps nobody else waiting.
 */
#include "br_kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int g_epoll;
static unsigned g_thread_count;
static LIST_HEAD(, process) g_processes = LIST_HEAD_INITIALIZER(g_processes);
static struct thread_list g_strangers = LIST_HEAD_INITIALIZER(g_strangers); /* no greeting yet */

void br_answer_packet(struct thread *thread, struct br_packet *packet, int file)
{
    /* Where that fails the other end is gone, which is about to be noticed. */
    (void)br_packet_send(thread->fd, packet, file, false);
}

void br_answer(struct thread *thread, Retcode rc)
{
    static struct br_packet packet;
    memset(&packet.head, 0, sizeof packet.head);
    packet.head.rc = rc;
    br_answer_packet(thread, &packet, -1);
}

static void thread_end(struct thread *thread)
{
    br_wait_abort(thread);
    LIST_REMOVE(thread, process_link);
    (void)close(thread->fd);
    free(thread);
    g_thread_count--;
}

/* Its calls are withdrawn, what it had taken fails, and its handles are closed. */
static void process_end(struct process *process)
{
    struct thread *next;
    LIST_REMOVE(process, link);
    for (struct thread *thread = LIST_FIRST(&process->threads); thread != NULL; thread = next) {
        next = LIST_NEXT(thread, process_link);
        thread_end(thread);
    }
    while (!LIST_EMPTY(&process->taken)) {
        br_service_end(LIST_FIRST(&process->taken), rcNotConnected);
    }
    for (unsigned i = 0; i < process->capacity; i++) {
        if (process->names[i].object != NULL) {
            br_name_remove(process, i + 1);
        }
    }
    free(process->names);
    free(process);
}

static pid_t peer_of(int fd)
{
    struct ucred credentials = {0, 0, 0};
    socklen_t size = sizeof credentials;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    return credentials.pid;
}

static struct process *process_find(pid_t pid)
{
    struct process *process;
    LIST_FOREACH(process, &g_processes, link)
    {
        if (process->pid == pid) {
            return process;
        }
    }
    return NULL;
}

/* The first packet of a connection says what it is for. */
static Retcode hello(struct thread *thread, enum br_op op)
{
    pid_t pid = peer_of(thread->fd);
    struct process *process = process_find(pid);
    if (op == BR_HELLO_PROCESS && process == NULL) {
        process = calloc(1, sizeof *process);
        if (process == NULL) {
            return rcOutOfMemory;
        }
        process->pid = pid;
        LIST_INSERT_HEAD(&g_processes, process, link);
        thread->is_process = true;
    } else if (op != BR_HELLO_THREAD || process == NULL) {
        return rcInvalidOperation;
    }
    thread->process = process;
    LIST_REMOVE(thread, process_link);
    LIST_INSERT_HEAD(&process->threads, thread, process_link);
    return rcOk;
}

static void handle(struct thread *thread, struct br_packet *packet, int file)
{
    switch (packet->head.op) {
    case BR_CALL:
    case BR_RECV:
    case BR_REPLY:
        br_message_request(thread, packet, file);
        return;
    case BR_CANCEL:
        br_wait_cancel(thread);
        break;
    default:
        br_object_request(thread->process, packet);
        packet->head.fixed_size = packet->head.arena_size = packet->head.cap_count = 0;
        br_answer_packet(thread, packet, -1);
        break;
    }
    if (file >= 0) {
        (void)close(file);
    }
}

/* False: the connection is over. */
static bool serve(struct thread *thread)
{
    static struct br_packet packet;
    int file;
    bool nothing;
    if (!br_packet_receive(thread->fd, &packet, &file, false, &nothing)) {
        return nothing;
    }
    if (thread->process != NULL) {
        handle(thread, &packet, file);
        return true;
    }
    Retcode rc = hello(thread, packet.head.op);
    br_answer(thread, rc);
    if (file >= 0) {
        (void)close(file);
    }
    return rc == rcOk;
}

static void thread_over(struct thread *thread)
{
    if (thread->is_process) {
        process_end(thread->process);
    } else {
        thread_end(thread);
    }
}

/* False: there was none. */
static bool accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    struct thread *thread = calloc(1, sizeof *thread);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = thread}};
    if (thread == NULL || epoll_ctl(g_epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(thread);
        (void)close(fd);
        return true;
    }
    thread->fd = fd;
    LIST_INSERT_HEAD(&g_strangers, thread, process_link);
    g_thread_count++;
    return true;
}

_Noreturn void br_broker_main(int listener)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    g_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (g_epoll < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(g_epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        _exit(1);
    }
    /* Whoever started it is connected already, so it cannot be without clients before the first; nor does it go
     * while somebody has connected and was not accepted yet. */
    while (g_thread_count > 0 || accept_one(listener)) {
        /* One at a time: what is done about one may end another. */
        int count = epoll_wait(g_epoll, &event, 1, -1);
        struct thread *thread = event.data.ptr;
        if (count == 1 && thread == NULL) {
            (void)accept_one(listener);
        } else if (count == 1 && !serve(thread)) {
            thread_over(thread);
        }
    }
    _exit(0);
}

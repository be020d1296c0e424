/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts: operating-system processes in which actors live, for libraries whose processes are such. The
 * worker itself then never calls the library, stays single-threaded and can fork a clean host at any
 * time. A host's main thread only starts actor threads; all else goes through the actors' mailboxes.
 */
#include "task_files.h"
#include "world.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum host_command { HOST_NONE = 0, HOST_ADD_ACTOR, HOST_EXIT };

struct cts_host_process {
    pid_t pid;
    enum host_command command;
    struct cts_actor *actor;
    bool started;
    _Atomic uint32_t asked;    /* futex word: number of commands given */
    _Atomic uint32_t answered; /* futex word: number of commands done */
};

static _Noreturn void host_main(struct cts_host_process *host)
{
    pthread_t threads[128];
    size_t count = 0;
    for (uint32_t next = 1;; next++) {
        while (atomic_load_explicit(&host->asked, memory_order_acquire) != next) {
            cts_futex_wait(&host->asked, next - 1, 0);
        }
        if (host->command == HOST_EXIT) {
            /* In order: the library's exit handlers run. */
            exit(0);
        }
        host->started = count < sizeof threads / sizeof threads[0] &&
                        pthread_create(&threads[count], cts_actor_attributes(), cts_actor_main,
                                       host->actor) == 0;
        count += host->started;
        atomic_store_explicit(&host->answered, next, memory_order_release);
        cts_futex_wake_all(&host->answered);
    }
}

static void give(struct cts_host_process *host, enum host_command command, struct cts_actor *actor)
{
    host->command = command;
    host->actor = actor;
    atomic_fetch_add_explicit(&host->asked, 1, memory_order_release);
    cts_futex_wake_all(&host->asked);
}

struct cts_host_process *cts_host_new(void)
{
    struct cts_host_process *host = cts_shared_alloc(sizeof *host);
    if (host == NULL) {
        cts_broken("no memory for a process");
    }
    pid_t worker = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        cts_broken("fork failed: no process for an actor");
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != worker) {
            _exit(99);
        }
        cts_task_files_close();
        host_main(host);
    }
    host->pid = pid;
    return host;
}

bool cts_host_add_actor(struct cts_host_process *host, struct cts_actor *actor)
{
    give(host, HOST_ADD_ACTOR, actor);
    uint32_t asked = atomic_load(&host->asked);
    while (atomic_load_explicit(&host->answered, memory_order_acquire) != asked) {
        cts_futex_wait(&host->answered, asked - 1, 0);
    }
    return host->started;
}

pid_t cts_host_pid(const struct cts_host_process *host)
{
    return host->pid;
}

void cts_host_end(struct cts_host_process *host, bool kill_it)
{
    if (kill_it) {
        (void)kill(host->pid, SIGKILL);
    } else {
        give(host, HOST_EXIT, NULL);
    }
    (void)waitpid(host->pid, NULL, 0);
}

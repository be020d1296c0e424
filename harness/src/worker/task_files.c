/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A moment of rest takes several looks at the same tasks, and to open a file of procfs costs several
 * times what reading it does. A descriptor belongs to one task for good: it does not follow a number
 * that is given to another, but fails when its task is gone.
 */
#include "task_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* A power of two. Neighbours have numbers in a row, so they meet only when there are more of them. */
#define PLACES 64u
#define KEPT_FROM 1024

struct place {
    pid_t pid;
    pid_t tid; /* 0: free */
    int files[CTS_TASK_FILES];
};

static struct place places[PLACES];

static void close_place(struct place *place)
{
    for (unsigned i = 0; place->tid != 0 && i < CTS_TASK_FILES; i++) {
        if (place->files[i] >= 0) {
            (void)close(place->files[i]);
        }
    }
    place->tid = 0;
}

static struct place *place_of(pid_t pid, pid_t tid)
{
    struct place *place = &places[(unsigned)tid % PLACES];
    if (place->pid != pid || place->tid != tid) {
        close_place(place);
        *place = (struct place){.pid = pid, .tid = tid};
        for (unsigned i = 0; i < CTS_TASK_FILES; i++) {
            place->files[i] = -1;
        }
    }
    return place;
}

/* Descriptors are kept where a library has none, and only while its table is as good as empty: it must find as many
 * free ones as without us. */
static rlim_t half_of_limit(void)
{
    struct rlimit limit = {0, 0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur / 2;
}

static int kept_from(rlim_t half)
{
    return half < KEPT_FROM ? (int)half : KEPT_FROM;
}

static int keep(int fd)
{
    rlim_t half = half_of_limit();
    return (rlim_t)fd < half / 2 ? fcntl(fd, F_DUPFD_CLOEXEC, kept_from(half)) : -1;
}

void cts_task_files_prepare(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kept_from(half_of_limit()));
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int open_file(pid_t pid, pid_t tid, enum cts_task_file file)
{
    static const char *const names[CTS_TASK_FILES] = {"stat", "schedstat", "children", "syscall"};
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, names[file]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
        cts_task_files_close();
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

bool cts_task_read(pid_t pid, pid_t tid, enum cts_task_file file, char *buffer, size_t size)
{
    struct place *place = place_of(pid, tid);
    int kept = place->files[file];
    ssize_t length = kept >= 0 ? pread(kept, buffer, size - 1, 0) : -1;
    /* The list of children is empty for most, and for a task that is gone; its other files fail. */
    if (length < 0 || (length == 0 && file != CTS_TASK_CHILDREN)) {
        if (kept >= 0) {
            close_place(place);
        }
        int fd = open_file(pid, tid, file);
        length = fd >= 0 ? pread(fd, buffer, size - 1, 0) : -1;
        if (length >= 0) {
            place_of(pid, tid)->files[file] = keep(fd);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    buffer[length > 0 ? length : 0] = '\0';
    return length > 0;
}

void cts_task_files_close(void)
{
    for (unsigned i = 0; i < PLACES; i++) {
        close_place(&places[i]);
    }
}

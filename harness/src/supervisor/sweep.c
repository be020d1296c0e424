/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct pid_list {
    pid_t *pids;
    size_t count;
    size_t capacity;
};

static void pid_list_add(struct pid_list *list, pid_t pid)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        list->pids = reallocate(list->pids, list->capacity * sizeof(list->pids[0]));
    }
    list->pids[list->count++] = pid;
}

/* The kernel's own list, where it is compiled in. */
static bool list_children_quickly(struct pid_list *list)
{
    char path[64];
    if (snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid()) < 0) {
        return false;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    char *line = NULL;
    size_t capacity = 0;
    if (getline(&line, &capacity, file) > 0) {
        char *at = line;
        char *end = NULL;
        for (long pid = strtol(at, &end, 10); end != at; pid = strtol(at, &end, 10)) {
            pid_list_add(list, (pid_t)pid);
            at = end;
        }
    }
    free(line);
    (void)fclose(file);
    return true;
}

/* Parent of a process from its stat line, whose second field may hold any character. */
static pid_t parent_of(pid_t pid)
{
    char path[64];
    char line[512];
    if (snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid) < 0) {
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t size = read(fd, line, sizeof(line) - 1);
    (void)close(fd);
    if (size <= 0) {
        return -1;
    }
    line[size] = '\0';
    const char *after_name = strrchr(line, ')');
    if (after_name == NULL || strlen(after_name) < 4) {
        return -1;
    }
    return (pid_t)strtol(after_name + 3, NULL, 10);
}

static void list_children_slowly(struct pid_list *list)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return;
    }
    pid_t self = getpid();
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        char *end = NULL;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid > 0 && *end == '\0' && parent_of((pid_t)pid) == self) {
            pid_list_add(list, (pid_t)pid);
        }
    }
    (void)closedir(proc);
}

static bool is_spared(pid_t pid, const pid_t *spared, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (spared[i] == pid) {
            return true;
        }
    }
    return false;
}

size_t sweep_pass(const pid_t *spared, size_t spared_count, bool kill_them, unsigned *reaped)
{
    struct pid_list list = {0};
    size_t alive = 0;
    if (!list_children_quickly(&list)) {
        list_children_slowly(&list);
    }
    for (size_t i = 0; i < list.count; i++) {
        pid_t pid = list.pids[i];
        if (is_spared(pid, spared, spared_count)) {
            continue;
        }
        if (kill_them) {
            (void)kill(pid, SIGKILL);
        }
        pid_t gone = waitpid(pid, NULL, WNOHANG);
        if (gone == pid) {
            *reaped += 1;
        } else if (gone == 0) {
            alive++;
        }
    }
    free(list.pids);
    return alive;
}

void sweep_away(const pid_t *spared, size_t spared_count)
{
    /* A child that is reaped may have left children of its own after the list was read. */
    unsigned reaped = 0;
    unsigned before = 1;
    size_t alive = 1;
    for (int round = 0; round < 500 && (alive != 0 || reaped != before); round++) {
        if (round != 0 && alive != 0) {
            (void)poll(NULL, 0, 10);
        }
        before = reaped;
        alive = sweep_pass(spared, spared_count, true, &reaped);
    }
}

static void remove_entry(int directory, const char *name, unsigned depth);

/* A case may nest directories without end; the depth is bounded so that our stack is too. */
#define REMOVE_DEPTH_MAX 64u

static void remove_content(int directory, unsigned depth)
{
    DIR *stream = fdopendir(directory);
    if (stream == NULL) {
        (void)close(directory);
        return;
    }
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            remove_entry(dirfd(stream), entry->d_name, depth);
        }
    }
    (void)closedir(stream);
}

static void remove_entry(int directory, const char *name, unsigned depth)
{
    if (unlinkat(directory, name, 0) == 0 || errno == ENOENT || depth > REMOVE_DEPTH_MAX) {
        return;
    }
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode)) {
        return;
    }
    /* A directory without permissions could not be emptied. */
    (void)fchmodat(directory, name, 0700, 0);
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        remove_content(fd, depth + 1);
    }
    (void)unlinkat(directory, name, AT_REMOVEDIR);
}

void remove_tree(const char *path)
{
    remove_entry(AT_FDCWD, path, 0);
}

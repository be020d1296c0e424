/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the shared log; see event_log.h. */
#include "event_log.h"

#include "worker_protocol.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cts_log_area *area;
static pid_t owner;
static bool to_stderr;
static bool muted;

bool cts_log_open(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || (size_t)status.st_size < sizeof *area) {
        return false;
    }
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    struct cts_log_area *candidate = map;
    if (candidate->magic != CTS_LOG_MAGIC ||
        candidate->capacity > (size_t)status.st_size - sizeof *area) {
        (void)munmap(map, (size_t)status.st_size);
        return false;
    }
    area = candidate;
    owner = getpid();
    return close(fd) == 0;
}

void cts_log_to_stderr(void)
{
    to_stderr = true;
    owner = getpid();
}

void cts_log_mute(bool mute)
{
    muted = mute;
}

void cts_log_line(struct cts_json *json)
{
    cts_json_end(json);
    /* A library that forks inside a call returns into the case twice: only one of them may speak.
     */
    if (muted || getpid() != owner) {
        return;
    }
    if (to_stderr) {
        (void)fprintf(stderr, "%s\n", json->text);
    }
    if (area == NULL) {
        return;
    }
    uint64_t used = atomic_load_explicit(&area->used, memory_order_relaxed);
    if (used + json->length + 1 > area->capacity) {
        atomic_store(&area->full, 1);
        return;
    }
    memcpy(area->data + used, json->text, json->length);
    area->data[used + json->length] = '\n';
    /* Pairs with the supervisor's acquire: it sees whole lines only. */
    atomic_store_explicit(&area->used, used + json->length + 1, memory_order_release);
}

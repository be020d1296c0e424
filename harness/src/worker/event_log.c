/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the log, shared memory or stream; see event_log.h. */
#include "event_log.h"

#include "stream_record.h"
#include "worker_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cts_log_area *area;
static pid_t owner;
static bool to_stderr;
static bool muted;

/* A number that libraries do not expect to be in use, and that a loop of closes meets late. */
#define STREAM_FD_MIN 200

static struct {
    int fd; /* -1: none */
    char nonce[CTS_STREAM_NONCE_LENGTH + 1];
    uint32_t next; /* number of the next fragment */
} stream = {.fd = -1};

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

/* One write for one fragment, so that a pipe keeps it together. When nobody reads any more, there is
 * nothing left to do for this process. */
static void write_fragment(const char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(stream.fd, bytes + done, size - done);
        if (written < 0 && errno != EINTR) {
            _exit(CTS_EXIT_HARD);
        }
        done += written > 0 ? (size_t)written : 0;
    }
}

/* A record: its kind, then `size` bytes without a newline. */
static void write_record(enum cts_stream_kind kind, const char *bytes, size_t size)
{
    bool first = true;
    do {
        char payload[CTS_STREAM_PAYLOAD_MAX];
        size_t length = 0;
        if (first) {
            payload[length++] = (char)kind;
        }
        size_t part = size < sizeof payload - length ? size : sizeof payload - length;
        memcpy(payload + length, bytes, part);
        length += part;
        bytes += part;
        size -= part;
        first = false;

        char head[CTS_STREAM_HEAD_LENGTH + 1];
        char line[sizeof CTS_STREAM_MARK + CTS_STREAM_NONCE_LENGTH + CTS_STREAM_HEAD_LENGTH +
                  CTS_STREAM_CHECKSUM_LENGTH + CTS_STREAM_PAYLOAD_MAX + 3];
        (void)snprintf(head, sizeof head, "%08x:%c:%03x:", (unsigned)stream.next++,
                       size == 0 ? '.' : '+', (unsigned)length);
        uint32_t sum = cts_stream_checksum(0, head, CTS_STREAM_HEAD_LENGTH);
        sum = cts_stream_checksum(sum, payload, length);
        int begin = snprintf(line, sizeof line, "%s%s:%s%08x:", CTS_STREAM_MARK, stream.nonce, head,
                             (unsigned)sum);
        memcpy(line + begin, payload, length);
        line[(size_t)begin + length] = '\n';
        write_fragment(line, (size_t)begin + length + 1);
    } while (size != 0);
}

bool cts_log_to_stream(const char *nonce)
{
    stream.fd = fcntl(1, F_DUPFD_CLOEXEC, STREAM_FD_MIN);
    if (stream.fd < 0) {
        stream.fd = fcntl(2, F_DUPFD_CLOEXEC, STREAM_FD_MIN);
    }
    if (stream.fd < 0) {
        return false;
    }
    (void)dup2(2, 1);
    (void)snprintf(stream.nonce, sizeof stream.nonce, "%s", nonce);
    owner = getpid();
    write_record(CTS_STREAM_HELLO, "", 0);
    return true;
}

void cts_log_exit(int status)
{
    char digits[16];
    if (stream.fd >= 0 && getpid() == owner) {
        int length = snprintf(digits, sizeof digits, "%d", status);
        write_record(CTS_STREAM_EXIT, digits, (size_t)length);
    }
}

bool cts_log_answer(const struct cts_json *json)
{
    if (stream.fd >= 0) {
        write_record(CTS_STREAM_LINE, json->text, json->length);
        return true;
    }
    /* A line of its own: the library may have written to stdout while it was loaded. */
    return printf("\n%s\n", json->text) > 0;
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
    if (stream.fd >= 0) {
        write_record(CTS_STREAM_LINE, json->text, json->length);
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

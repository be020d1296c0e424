/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_BYTES 32768u

/* An order on its way to the keeper: this, with the log's descriptor beside it, then the strings, each
 * with its null byte: the words of argv, root, then nonce and coverage where there are such. */
struct order_header {
    uint64_t limit_ms;
    uint64_t grace_ms;
    uint64_t directory_word;
    uint32_t words;
    uint32_t strings_bytes;
    bool has_log;
    bool has_nonce;
    bool has_coverage;
};

/* The socket keeps the limits of messages; a long order is several. */
static bool send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size != 0) {
        ssize_t sent = send(fd, at, size < MESSAGE_BYTES ? size : MESSAGE_BYTES, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        at += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool receive_all(int fd, void *bytes, size_t size)
{
    char *at = bytes;
    while (size != 0) {
        ssize_t got = recv(fd, at, size, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        at += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static void pack_string(struct text *strings, const char *string)
{
    text_add(strings, string, strlen(string) + 1);
}

bool keeper_order_send(int fd, const struct keeper_order *order)
{
    struct text strings = {0};
    struct order_header header;
    memset(&header, 0, sizeof(header));
    header.limit_ms = order->limit_ms;
    header.grace_ms = order->grace_ms;
    header.directory_word = order->directory_word;
    header.has_log = order->log_fd >= 0;
    header.has_nonce = order->nonce != NULL;
    header.has_coverage = order->coverage != NULL;
    for (; order->argv[header.words] != NULL; header.words++) {
        pack_string(&strings, order->argv[header.words]);
    }
    pack_string(&strings, order->root);
    if (header.has_nonce) {
        pack_string(&strings, order->nonce);
    }
    if (header.has_coverage) {
        pack_string(&strings, order->coverage);
    }
    header.strings_bytes = (uint32_t)strings.size;

    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &header, .iov_len = sizeof(header)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (order->log_fd >= 0) {
        memset(&control, 0, sizeof(control));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &order->log_fd, sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    bool good = sent == (ssize_t)sizeof(header) && send_all(fd, strings.data, strings.size);
    text_finish(&strings);
    return good;
}

/* The beginning of an order, with the log's descriptor or -1. False at the end of the socket. */
static bool receive_header(int command_fd, struct order_header *header, int *log_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    ssize_t size;
    *log_fd = -1;
    /* A message of another size is a word to stop what has ended in the meantime. */
    do {
        struct iovec part = {.iov_base = header, .iov_len = sizeof(*header)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        size = recvmsg(command_fd, &message, MSG_CMSG_CLOEXEC);
        const struct cmsghdr *found = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
        if (found != NULL && found->cmsg_type == SCM_RIGHTS) {
            memcpy(log_fd, CMSG_DATA(found), sizeof(*log_fd));
        }
    } while (size > 0 ? size != (ssize_t)sizeof(*header) : size < 0 && errno == EINTR);
    return size > 0;
}

static const char *next_string(char **at)
{
    const char *string = *at;
    *at += strlen(*at) + 1;
    return string;
}

enum keeper_order_got keeper_order_receive(int fd, struct keeper_order_received *received)
{
    struct order_header header;
    struct keeper_order *order = &received->order;
    *received = (struct keeper_order_received){0};
    if (!receive_header(fd, &header, &order->log_fd)) {
        return KEEPER_ORDER_NONE;
    }
    received->strings = allocate(header.strings_bytes);
    order->argv = allocate((header.words + 1) * sizeof(order->argv[0]));
    if (!receive_all(fd, received->strings, header.strings_bytes)) {
        return KEEPER_ORDER_NONE;
    }
    char *at = received->strings;
    for (uint32_t i = 0; i < header.words; i++) {
        order->argv[i] = at;
        (void)next_string(&at);
    }
    order->argv[header.words] = NULL;
    order->root = next_string(&at);
    order->nonce = header.has_nonce ? next_string(&at) : NULL;
    order->coverage = header.has_coverage ? next_string(&at) : NULL;
    order->limit_ms = header.limit_ms;
    order->grace_ms = header.grace_ms;
    order->directory_word = (size_t)header.directory_word;
    return header.has_log && order->log_fd < 0 ? KEEPER_ORDER_WITHOUT_LOG : KEEPER_ORDER_WHOLE;
}

void keeper_order_finish(struct keeper_order_received *received)
{
    if (received->order.log_fd >= 0) {
        (void)close(received->order.log_fd);
    }
    free(received->order.argv);
    free(received->strings);
}

void keeper_order_drain(int fd)
{
    struct order_header late;
    int log_fd;
    while (receive_header(fd, &late, &log_fd)) {
    }
}

bool keeper_report_send(int fd, const struct keeper_report *report)
{
    return send_all(fd, report, sizeof(*report));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Packets. */
#include "br_wire.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool br_packet_send(int fd, struct br_packet *packet, int file, bool may_block)
{
    struct iovec parts[3] = {
        {&packet->head, sizeof packet->head},
        {packet->caps, packet->head.cap_count * sizeof packet->caps[0]},
        {packet->bytes, file < 0 ? br_message_size(&packet->head) : 0},
    };
    union control control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    if (file >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof file);
        memcpy(CMSG_DATA(header), &file, sizeof file);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | (may_block ? 0 : MSG_DONTWAIT));
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static int file_of(struct msghdr *message)
{
    int file = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            memcpy(&file, CMSG_DATA(header), sizeof file);
        }
    }
    return file;
}

bool br_packet_receive(int fd, struct br_packet *packet, int *file, bool may_block, bool *nothing)
{
    /* The bytes follow the handles, whose number the head tells, so they are moved apart below. */
    struct iovec parts[2] = {
        {&packet->head, sizeof packet->head},
        {packet->caps, sizeof *packet - offsetof(struct br_packet, caps)},
    };
    union control control;
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t size;
    do {
        size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (may_block ? 0 : MSG_DONTWAIT));
    } while (size < 0 && errno == EINTR);
    *nothing = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    *file = size >= 0 ? file_of(&message) : -1;
    if (size < (ssize_t)sizeof packet->head) {
        return false;
    }
    size_t caps = packet->head.cap_count * sizeof packet->caps[0];
    size_t rest = (size_t)size - sizeof packet->head;
    size_t bytes = *file < 0 ? br_message_size(&packet->head) : 0;
    if (packet->head.cap_count > NK_MESSAGE_HANDLES_MAX || bytes > BR_INLINE_BYTES ||
        rest != caps + bytes) {
        return false;
    }
    memmove(packet->bytes, (const nk_uint8_t *)packet->caps + caps, bytes);
    return true;
}

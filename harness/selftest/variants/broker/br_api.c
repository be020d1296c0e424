/* SPDX-License-Identifier: Apache-2.0 */
/* The interface: requests to the broker and what comes back. */
#include "br_wire.h"
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <errno.h>
#include <services/rtl/nk_msg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NO_BROKER rcInternalError

static void packet_init(struct br_packet *packet, enum br_op op)
{
    memset(&packet->head, 0, sizeof packet->head);
    packet->head.op = op;
    packet->head.sync = INVALID_HANDLE;
}

/* A request without a message, which the broker answers at once. */
static Retcode ask(struct br_packet *packet)
{
    int file;
    if (!br_ask(packet, -1, &file, INFINITE_TIMEOUT)) {
        return NO_BROKER;
    }
    if (file >= 0) {
        (void)close(file);
    }
    return packet->head.rc;
}

/* Messages. */

static nk_err_t bind_header(SMsgHdr *header, nk_message *msg, const nk_arena *arena,
                            const nk_uint8_t *end)
{
    if (header == NULL) {
        return NK_EINVAL;
    }
    memset(header, 0, sizeof *header);
    if (msg == NULL) {
        return NK_EINVAL;
    }
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX) {
        return NK_EBADMSG;
    }
    rtl_uint32_t arena_size = 0;
    if (arena != NULL && arena->start != NULL) {
        if (end < arena->start || (rtl_size_t)(end - arena->start) > NK_MESSAGE_SIZE_MAX) {
            return NK_EBADMSG;
        }
        arena_size = (rtl_uint32_t)(end - arena->start);
        header->indirDescs[1].buf = arena->start;
    }
    header->indirDescs[0].buf = msg;
    header->indirDescs[0].size = msg->ex.size_ex;
    header->indirDescs[1].size = arena_size;
    return NK_EOK;
}

static bool caps_fit(rtl_uint32_t count, rtl_uint32_t fixed_size)
{
    return count <= NK_MESSAGE_HANDLES_MAX &&
           sizeof(nk_message) + count * sizeof(nk_handle_desc_t) <= fixed_size;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return bind_header(uMsg, msg, arena, arena != NULL ? arena->end : NULL);
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t error = bind_header(uMsg, msg, arena, arena != NULL ? arena->current : NULL);
    if (error == NK_EOK && !caps_fit(nk_msg_ncaps(msg), msg->ex.size_ex)) {
        memset(uMsg, 0, sizeof *uMsg);
        error = NK_EBADMSG;
    }
    return error;
}

static bool header_is_sound(const SMsgHdr *header)
{
    return header != NULL && header->immSize == 0 && header->indirDescs[0].buf != NULL &&
           header->indirDescs[0].size >= sizeof(nk_message) &&
           (header->indirDescs[1].buf != NULL || header->indirDescs[1].size == 0);
}

static bool write_all(int file, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(file, (const char *)bytes + done, size - done);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool read_all(int file, void *bytes, size_t size, off_t from)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = pread(file, (char *)bytes + done, size - done, from + (off_t)done);
        if (count == 0 || (count < 0 && errno != EINTR)) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* Put the message into the packet, or into a file that goes with it. */
static Retcode message_put(struct br_packet *packet, const SMsgHdr *header, int *file)
{
    *file = -1;
    if (!header_is_sound(header)) {
        return rcInvalidArgument;
    }
    const IndirDesc *fixed = &header->indirDescs[0];
    const IndirDesc *arena = &header->indirDescs[1];
    if (fixed->size > NK_MESSAGE_SIZE_MAX || arena->size > NK_MESSAGE_SIZE_MAX - fixed->size) {
        return rcBufferTooLarge;
    }
    nk_message start;
    memcpy(&start, fixed->buf, sizeof start);
    packet->head.cap_count = nk_msg_ncaps(&start);
    if (!caps_fit(packet->head.cap_count, fixed->size)) {
        return rcInvalidArgument;
    }
    for (unsigned i = 0; i < packet->head.cap_count; i++) {
        nk_handle_desc_t desc;
        memcpy(&desc, (const char *)fixed->buf + sizeof start + i * sizeof desc, sizeof desc);
        packet->caps[i] = (struct br_cap){desc.handle, desc.rights};
    }
    packet->head.fixed_size = fixed->size;
    packet->head.arena_size = arena->size;
    packet->head.trace_id = header->traceId;
    packet->head.span_id = header->spanId;
    packet->head.thread_id = header->threadId;
    if (br_message_size(&packet->head) <= BR_INLINE_BYTES) {
        memcpy(packet->bytes, fixed->buf, fixed->size);
        if (arena->size > 0) {
            memcpy(packet->bytes + fixed->size, arena->buf, arena->size);
        }
        return rcOk;
    }
    *file = memfd_create("message", MFD_CLOEXEC);
    if (*file < 0) {
        return rcOutOfMemory;
    }
    if (!write_all(*file, fixed->buf, fixed->size) || !write_all(*file, arena->buf, arena->size)) {
        (void)close(*file);
        *file = -1;
        return rcOutOfMemory;
    }
    return rcOk;
}

/* The broker has seen to it that there is room. */
static Retcode message_get(const struct br_packet *packet, int file, SMsgHdr *header)
{
    const struct br_head *head = &packet->head;
    IndirDesc *fixed = &header->indirDescs[0];
    IndirDesc *arena = &header->indirDescs[1];
    if (head->fixed_size > fixed->size || head->arena_size > arena->size) {
        return rcInternalError;
    }
    if (file < 0) {
        memcpy(fixed->buf, packet->bytes, head->fixed_size);
        if (head->arena_size > 0) {
            memcpy(arena->buf, packet->bytes + head->fixed_size, head->arena_size);
        }
    } else if (!read_all(file, fixed->buf, head->fixed_size, 0) ||
               !read_all(file, arena->buf, head->arena_size, head->fixed_size)) {
        return rcInternalError;
    }
    nk_message start;
    memcpy(&start, fixed->buf, sizeof start);
    start.ex.size_ex = head->fixed_size;
    memcpy(fixed->buf, &start, sizeof start);
    for (unsigned i = 0; i < head->cap_count; i++) {
        nk_handle_desc_t desc = {packet->caps[i].handle, packet->caps[i].rights, 0};
        memcpy((char *)fixed->buf + sizeof start + i * sizeof desc, &desc, sizeof desc);
    }
    fixed->size = head->fixed_size;
    arena->size = head->arena_size;
    header->traceId = head->trace_id;
    header->spanId = head->span_id;
    return rcOk;
}

/* Send the packet, wait, and unpack what came on rcOk. */
static Retcode ask_for_message(struct br_packet *packet, int send_file, SMsgHdr *header,
                               rtl_uint32_t mdelay)
{
    int file = -1;
    packet->head.flag = mdelay == 0;
    packet->head.fixed_room = header->indirDescs[0].size;
    packet->head.arena_room = header->indirDescs[1].size;
    /* With no time at all the broker answers at once. */
    bool alive = br_ask(packet, send_file, &file, mdelay == 0 ? INFINITE_TIMEOUT : mdelay);
    Retcode rc = alive ? packet->head.rc : NO_BROKER;
    if (rc == rcOk) {
        rc = message_get(packet, file, header);
    }
    if (file >= 0) {
        (void)close(file);
    }
    return rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct br_packet packet;
    int file;
    if (!header_is_sound(msgIn)) {
        return rcInvalidArgument;
    }
    packet_init(&packet, BR_CALL);
    packet.head.handle = handle;
    packet.head.sync = syncHandle;
    Retcode rc = message_put(&packet, msgOut, &file);
    if (rc == rcOk) {
        rc = ask_for_message(&packet, file, msgIn, mdelay);
    }
    if (file >= 0) {
        (void)close(file);
    }
    return rc;
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    return CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct br_packet packet;
    if (!header_is_sound(msgIn)) {
        return rcInvalidArgument;
    }
    packet_init(&packet, BR_RECV);
    packet.head.handle = handle;
    packet.head.sync = syncHandle;
    Retcode rc = ask_for_message(&packet, -1, msgIn, mdelay);
    if (rc == rcOk) {
        msgIn->replyHandle = handle;
        msgIn->sender = packet.head.sender;
        msgIn->threadId = packet.head.thread_id;
    }
    return rc;
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    return RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct br_packet packet;
    int file;
    int no_file = -1;
    packet_init(&packet, BR_REPLY);
    packet.head.handle = handle;
    Retcode rc = message_put(&packet, msgOut, &file);
    if (rc == rcOk) {
        rc = br_ask(&packet, file, &no_file, INFINITE_TIMEOUT) ? packet.head.rc : NO_BROKER;
    }
    if (file >= 0) {
        (void)close(file);
    }
    return rc;
}

/* Handles and objects. */

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    struct br_packet packet;
    if (outClient == NULL || outServer == NULL ||
        (outListener == NULL && inListener == INVALID_HANDLE)) {
        return rcInvalidArgument;
    }
    packet_init(&packet, BR_CONNECT);
    packet.head.handle = inListener;
    Retcode rc = ask(&packet);
    if (rc == rcOk) {
        if (outListener != NULL) {
            *outListener = packet.head.handles[0];
        }
        *outServer = packet.head.handles[1];
        *outClient = packet.head.handles[2];
    }
    return rc;
}

static Retcode ask_about(enum br_op op, Handle handle)
{
    struct br_packet packet;
    packet_init(&packet, op);
    packet.head.handle = handle;
    return ask(&packet);
}

static Retcode ask_for_handle(struct br_packet *packet, Handle *handle)
{
    if (handle == NULL) {
        return rcInvalidArgument;
    }
    Retcode rc = ask(packet);
    if (rc == rcOk) {
        *handle = packet->head.handles[0];
    }
    return rc;
}

Retcode KnHandleClose(Handle handle)
{
    return ask_about(BR_CLOSE, handle);
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    struct br_packet packet;
    if (copyBadge != INVALID_HANDLE) {
        return rcUnimplemented;
    }
    packet_init(&packet, BR_COPY);
    packet.head.handle = inHandle;
    packet.head.rights = newRightsMask;
    return ask_for_handle(&packet, outHandle);
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    struct br_packet packet;
    (void)context; /* of this process, and no function gives it back */
    if (type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcInvalidArgument;
    }
    packet_init(&packet, BR_CREATE_USER);
    packet.head.rights = rights;
    return ask_for_handle(&packet, handle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    struct br_packet packet;
    packet_init(&packet, BR_CREATE_SYNC);
    packet.head.flag = autoclear != 0;
    return ask_for_handle(&packet, syncHandle);
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return KnIpcCreateSyncObjectEx(0, syncHandle);
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    return ask_about(BR_SET, syncHandle);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    return ask_about(BR_CLEAR, syncHandle);
}

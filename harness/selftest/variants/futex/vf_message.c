/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: binding, checking, and the copy from one program's buffers to the other's. */
#include "vf_internal.h"
#include <stdlib.h>
#include <string.h>

static nk_err_t pack(SMsgHdr *header, nk_message *msg, nk_uint8_t *arena, const nk_uint8_t *end)
{
    if (header != NULL) {
        memset(header, 0, sizeof *header);
    }
    if (header == NULL || msg == NULL) {
        return NK_EINVAL;
    }
    rtl_size_t arena_size = 0;
    if (arena != NULL) {
        if (end < arena) {
            return NK_EBADMSG;
        }
        arena_size = (rtl_size_t)(end - arena);
    }
    rtl_uint32_t fixed_size = msg->ex.size_ex;
    if (fixed_size < sizeof *msg || fixed_size > NK_MESSAGE_SIZE_MAX ||
        arena_size > NK_MESSAGE_SIZE_MAX) {
        return NK_EBADMSG;
    }
    header->indirDescs[0] = (IndirDesc){.buf = msg, .size = fixed_size};
    header->indirDescs[1] = (IndirDesc){.buf = arena, .size = (rtl_uint32_t)arena_size};
    return NK_EOK;
}

/* Descriptors of a fixed part whose size is sound; false when they do not fit in it. */
static bool cap_count_get(const void *fixed, rtl_uint32_t fixed_size, unsigned *count)
{
    nk_message head;
    memcpy(&head, fixed, sizeof head);
    *count = nk_msg_ncaps(&head);
    return *count <= NK_MESSAGE_HANDLES_MAX &&
           *count <= (fixed_size - sizeof head) / sizeof(nk_handle_desc_t);
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return arena != NULL ? pack(uMsg, msg, arena->start, arena->end) : pack(uMsg, msg, NULL, NULL);
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t err =
        arena != NULL ? pack(uMsg, msg, arena->start, arena->current) : pack(uMsg, msg, NULL, NULL);
    unsigned count;
    if (err == NK_EOK && !cap_count_get(msg, msg->ex.size_ex, &count)) {
        memset(uMsg, 0, sizeof *uMsg);
        err = NK_EBADMSG;
    }
    return err;
}

static bool is_header_sound(const SMsgHdr *header)
{
    if (header == NULL || header->immSize != 0) {
        return false;
    }
    const IndirDesc *fixed = &header->indirDescs[0];
    const IndirDesc *arena = &header->indirDescs[1];
    return fixed->buf != NULL && fixed->size >= sizeof(nk_message) &&
           (arena->buf != NULL || arena->size == 0);
}

Retcode vf_room_init(struct vf_room *room, SMsgHdr *header)
{
    if (!is_header_sound(header)) {
        return rcInvalidArgument;
    }
    *room = (struct vf_room){.header = header,
                             .fixed = header->indirDescs[0].buf,
                             .arena = header->indirDescs[1].buf,
                             .fixed_size = header->indirDescs[0].size,
                             .arena_size = header->indirDescs[1].size};
    return rcOk;
}

Retcode vf_message_hold(struct vf_message *message, const SMsgHdr *header,
                        const struct vf_object *home)
{
    if (!is_header_sound(header)) {
        return rcInvalidArgument;
    }
    *message = (struct vf_message){.fixed = header->indirDescs[0].buf,
                                   .arena = header->indirDescs[1].buf,
                                   .fixed_size = header->indirDescs[0].size,
                                   .arena_size = header->indirDescs[1].size,
                                   .trace_id = header->traceId,
                                   .span_id = header->spanId};
    if (message->fixed_size > NK_MESSAGE_SIZE_MAX ||
        message->arena_size > NK_MESSAGE_SIZE_MAX - message->fixed_size) {
        return rcBufferTooLarge;
    }
    unsigned count;
    if (!cap_count_get(message->fixed, message->fixed_size, &count)) {
        return rcInvalidArgument;
    }
    if (count == 0) {
        return rcOk;
    }
    message->caps = calloc(count, sizeof *message->caps);
    if (message->caps == NULL) {
        return rcOutOfMemory;
    }
    const nk_uint8_t *descs = (const nk_uint8_t *)message->fixed + sizeof(nk_message);
    Retcode rc = vf_caps_take(descs, count, home, message->caps);
    if (rc != rcOk) {
        free(message->caps);
        message->caps = NULL;
        return rc;
    }
    message->cap_count = count;
    return rcOk;
}

void vf_message_drop(struct vf_message *message)
{
    vf_caps_drop(message->caps, message->cap_count);
    free(message->caps);
    message->caps = NULL;
    message->cap_count = 0;
}

Retcode vf_message_deliver(struct vf_message *message, const struct vf_room *room)
{
    Handle handles[NK_MESSAGE_HANDLES_MAX];

    if (message->fixed_size > room->fixed_size || message->arena_size > room->arena_size) {
        return rcBufferTooSmall;
    }
    if (vf_names_add(message->caps, message->cap_count, handles) != rcOk) {
        return rcTransferError;
    }
    /* The head is written as it was checked, whatever the sender's other threads do to it. */
    nk_message head;
    memcpy(&head, message->fixed, sizeof head);
    head.ncaps = (nk_uint16_t)message->cap_count;
    head.ex.size_ex = message->fixed_size;
    memmove(room->fixed, message->fixed, message->fixed_size);
    memcpy(room->fixed, &head, sizeof head);
    nk_uint8_t *descs = (nk_uint8_t *)room->fixed + sizeof head;
    for (unsigned i = 0; i < message->cap_count; i++) {
        nk_handle_desc_t desc = {.handle = handles[i], .rights = message->caps[i].rights};
        memcpy(descs + i * sizeof desc, &desc, sizeof desc);
    }
    message->cap_count = 0; /* the receiver's now */
    if (message->arena_size > 0) {
        memmove(room->arena, message->arena, message->arena_size);
    }
    room->header->indirDescs[0].size = message->fixed_size;
    room->header->indirDescs[1].size = message->arena_size;
    room->header->traceId = message->trace_id;
    room->header->spanId = message->span_id;
    return rcOk;
}

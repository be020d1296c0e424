/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: binding, checking, and the copy from one program's buffers to the other's. */
#include "vc_internal.h"
#include <string.h>

static nk_err_t header_bind(SMsgHdr *header, nk_message *msg, const nk_arena *arena,
                            const nk_uint8_t *arena_end)
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
    if (arena != NULL && arena->start != NULL) {
        if (arena_end < arena->start ||
            (rtl_size_t)(arena_end - arena->start) > NK_MESSAGE_SIZE_MAX) {
            return NK_EBADMSG;
        }
        header->indirDescs[1].buf = arena->start;
        header->indirDescs[1].size = (rtl_uint32_t)(arena_end - arena->start);
    }
    header->indirDescs[0].buf = msg;
    header->indirDescs[0].size = msg->ex.size_ex;
    return NK_EOK;
}

static bool caps_fit(rtl_uint32_t count, rtl_uint32_t fixed_size)
{
    return count <= NK_MESSAGE_HANDLES_MAX &&
           count * sizeof(nk_handle_desc_t) <= fixed_size - sizeof(nk_message);
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return header_bind(uMsg, msg, arena, arena != NULL ? arena->end : NULL);
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t err = header_bind(uMsg, msg, arena, arena != NULL ? arena->current : NULL);
    if (err == NK_EOK && !caps_fit(nk_msg_ncaps(msg), msg->ex.size_ex)) {
        memset(uMsg, 0, sizeof *uMsg);
        err = NK_EBADMSG;
    }
    return err;
}

static bool header_is_sound(const SMsgHdr *header)
{
    return header != NULL && header->immSize == 0 && header->indirDescs[0].buf != NULL &&
           header->indirDescs[0].size >= sizeof(nk_message) &&
           (header->indirDescs[1].buf != NULL || header->indirDescs[1].size == 0);
}

Retcode vc_room_init(struct room *room, SMsgHdr *header)
{
    if (!header_is_sound(header)) {
        return rcInvalidArgument;
    }
    room->header = header;
    room->fixed = header->indirDescs[0].buf;
    room->fixed_size = header->indirDescs[0].size;
    room->arena = header->indirDescs[1].buf;
    room->arena_size = header->indirDescs[1].size;
    return rcOk;
}

Retcode vc_message_init(struct message *message, const SMsgHdr *header)
{
    nk_message fixed;

    if (!header_is_sound(header)) {
        return rcInvalidArgument;
    }
    message->fixed = header->indirDescs[0].buf;
    message->fixed_size = header->indirDescs[0].size;
    message->arena = header->indirDescs[1].buf;
    message->arena_size = header->indirDescs[1].size;
    message->trace_id = header->traceId;
    message->span_id = header->spanId;
    message->cap_count = 0;
    if (message->fixed_size > NK_MESSAGE_SIZE_MAX ||
        message->arena_size > NK_MESSAGE_SIZE_MAX - message->fixed_size) {
        return rcBufferTooLarge;
    }
    memcpy(&fixed, message->fixed, sizeof fixed);
    return caps_fit(nk_msg_ncaps(&fixed), message->fixed_size) ? rcOk : rcInvalidArgument;
}

void vc_message_drop_locked(struct message *message)
{
    for (unsigned i = 0; i < message->cap_count; i++) {
        if (message->caps[i].is_counted) {
            vc_object_unname_locked(message->caps[i].object);
        }
        vc_object_release_locked(message->caps[i].object);
    }
    message->cap_count = 0;
}

Retcode vc_message_hold_locked(struct message *message, const struct object *home)
{
    nk_message fixed;
    memcpy(&fixed, message->fixed, sizeof fixed);
    rtl_uint32_t count = nk_msg_ncaps(&fixed);
    if (!caps_fit(count, message->fixed_size)) {
        return rcInvalidArgument;
    }
    for (rtl_uint32_t i = 0; i < count; i++) {
        nk_handle_desc_t desc;
        memcpy(&desc, (const nk_uint8_t *)message->fixed + sizeof fixed + i * sizeof desc,
               sizeof desc);
        const struct name *name = vc_name_find_locked(desc.handle);
        if (name == NULL || !(name->rights & OCAP_HANDLE_TRANSFER)) {
            vc_message_drop_locked(message);
            return name == NULL ? rcInvalidArgument : rcSecurityDisallow;
        }
        struct cap *cap = &message->caps[message->cap_count++];
        cap->object = name->object;
        cap->rights = name->rights & desc.rights;
        cap->is_counted = name->object != home;
        cap->object->ref_count++;
        cap->object->name_count += cap->is_counted;
    }
    return rcOk;
}

Retcode vc_message_deliver_locked(const struct message *message, const struct room *room)
{
    nk_message fixed;
    nk_handle_desc_t desc;

    if (message->fixed_size > room->fixed_size || message->arena_size > room->arena_size) {
        return rcBufferTooSmall;
    }
    if (message->cap_count > NAME_COUNT_MAX - g_vc_name_count) {
        return rcTransferError;
    }
    memcpy(&fixed, message->fixed, sizeof fixed);
    fixed.ncaps = (nk_uint16_t)message->cap_count;
    fixed.ex.size_ex = message->fixed_size;
    memmove(room->fixed, message->fixed, message->fixed_size);
    memcpy(room->fixed, &fixed, sizeof fixed);
    for (unsigned i = 0; i < message->cap_count; i++) {
        desc.handle = vc_name_add_locked(message->caps[i].object, message->caps[i].rights);
        desc.rights = message->caps[i].rights;
        desc.badge = 0;
        memcpy((nk_uint8_t *)room->fixed + sizeof fixed + i * sizeof desc, &desc, sizeof desc);
    }
    if (message->arena_size > 0) {
        memmove(room->arena, message->arena, message->arena_size);
    }
    room->header->traceId = message->trace_id;
    room->header->spanId = message->span_id;
    room->header->indirDescs[0].size = message->fixed_size;
    room->header->indirDescs[1].size = message->arena_size;
    return rcOk;
}

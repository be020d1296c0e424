/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: binding, checking, and the copy from one program's buffers to the other's. */
#include "ct_internal.h"
#include <string.h>

static bool size_is_lawful(rtl_uint32_t size)
{
    return size >= sizeof(nk_message) && size <= NK_MESSAGE_SIZE_MAX;
}

static bool handles_fit(unsigned count, rtl_uint32_t fixed_size)
{
    return count <= NK_MESSAGE_HANDLES_MAX &&
           sizeof(nk_message) + count * sizeof(nk_handle_desc_t) <= fixed_size;
}

static nk_err_t refuse(SMsgHdr *header, nk_err_t error)
{
    if (header != NULL) {
        memset(header, 0, sizeof *header);
    }
    return error;
}

static nk_err_t bind(SMsgHdr *header, nk_message *msg, nk_uint8_t *start, const nk_uint8_t *end)
{
    if (header == NULL || msg == NULL) {
        return refuse(header, NK_EINVAL);
    }
    if (!size_is_lawful(msg->ex.size_ex) ||
        (start != NULL && (end < start || end - start > (ptrdiff_t)NK_MESSAGE_SIZE_MAX))) {
        return refuse(header, NK_EBADMSG);
    }
    memset(header, 0, sizeof *header);
    header->indirDescs[0].buf = msg;
    header->indirDescs[0].size = msg->ex.size_ex;
    if (start != NULL) {
        header->indirDescs[1].buf = start;
        header->indirDescs[1].size = (rtl_uint32_t)(end - start);
    }
    return NK_EOK;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return arena == NULL ? bind(uMsg, msg, NULL, NULL) : bind(uMsg, msg, arena->start, arena->end);
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t error =
        arena == NULL ? bind(uMsg, msg, NULL, NULL) : bind(uMsg, msg, arena->start, arena->current);
    if (error == NK_EOK && !handles_fit(nk_msg_ncaps(msg), msg->ex.size_ex)) {
        error = refuse(uMsg, NK_EBADMSG);
    }
    return error;
}

bool ct_header_is_sound(const SMsgHdr *header)
{
    return header != NULL && header->immSize == 0 && header->indirDescs[0].buf != NULL &&
           header->indirDescs[0].size >= sizeof(nk_message) &&
           (header->indirDescs[1].size == 0 || header->indirDescs[1].buf != NULL);
}

Retcode ct_message_check(const SMsgHdr *header)
{
    nk_message fixed;
    if (!ct_header_is_sound(header)) {
        return rcFail;
    }
    if (header->indirDescs[0].size > NK_MESSAGE_SIZE_MAX ||
        header->indirDescs[1].size > NK_MESSAGE_SIZE_MAX - header->indirDescs[0].size) {
        return rcBufferTooLarge;
    }
    memcpy(&fixed, header->indirDescs[0].buf, sizeof fixed);
    return handles_fit(nk_msg_ncaps(&fixed), header->indirDescs[0].size) ? rcOk : rcFail;
}

void ct_message_drop_locked(struct message *message)
{
    for (; message->cap_count > 0; message->cap_count--) {
        const struct cap *cap = &message->caps[message->cap_count - 1];
        if (cap->is_counted) {
            ct_object_unname_locked(cap->object);
        }
        ct_object_release_locked(cap->object);
    }
}

Retcode ct_message_hold_locked(struct message *message, const struct object *home)
{
    const nk_uint8_t *bytes = message->header->indirDescs[0].buf;
    nk_message fixed;
    memcpy(&fixed, bytes, sizeof fixed);
    unsigned count = nk_msg_ncaps(&fixed);
    if (!handles_fit(count, message->header->indirDescs[0].size)) {
        return rcFail;
    }
    for (unsigned i = 0; i < count; i++) {
        nk_handle_desc_t desc;
        memcpy(&desc, bytes + sizeof fixed + i * sizeof desc, sizeof desc);
        const struct name *name = ct_name_find_locked(desc.handle);
        if (name == NULL || !(name->rights & OCAP_HANDLE_TRANSFER)) {
            ct_message_drop_locked(message);
            return name == NULL ? rcNotReady : rcSecurityDisallow;
        }
        struct cap *cap = &message->caps[message->cap_count++];
        *cap = (struct cap){name->object, name->rights & desc.rights, name->object != home};
        cap->object->ref_count++;
        cap->object->name_count += cap->is_counted;
    }
    return rcOk;
}

Retcode ct_message_deliver_locked(struct message *message, SMsgHdr *room)
{
    const IndirDesc *fixed_out = &message->header->indirDescs[0];
    const IndirDesc *arena_out = &message->header->indirDescs[1];
    IndirDesc *fixed_in = &room->indirDescs[0];
    IndirDesc *arena_in = &room->indirDescs[1];
    nk_message fixed;

    if (fixed_out->size > fixed_in->size || arena_out->size > arena_in->size) {
        return rcBufferTooSmall;
    }
    if (!ct_names_reserve_locked(message->cap_count)) {
        return rcOutOfMemory;
    }
    memmove(fixed_in->buf, fixed_out->buf, fixed_out->size);
    memcpy(&fixed, fixed_in->buf, sizeof fixed);
    fixed.ex.size_ex = fixed_out->size;
    fixed.ncaps = (nk_uint16_t)message->cap_count;
    memcpy(fixed_in->buf, &fixed, sizeof fixed);
    for (unsigned i = 0; i < message->cap_count; i++) {
        const struct cap *cap = &message->caps[i];
        nk_handle_desc_t desc = {ct_name_add_locked(cap->object, cap->rights), cap->rights, 0};
        memcpy((nk_uint8_t *)fixed_in->buf + sizeof fixed + i * sizeof desc, &desc, sizeof desc);
    }
    if (arena_out->size > 0) {
        memmove(arena_in->buf, arena_out->buf, arena_out->size);
    }
    fixed_in->size = fixed_out->size;
    arena_in->size = arena_out->size;
    room->traceId = message->header->traceId;
    room->spanId = message->header->spanId;
    ct_message_drop_locked(message); /* the receiver's names hold the objects now */
    return rcOk;
}

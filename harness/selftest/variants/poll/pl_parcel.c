/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: binding, and parcels on their way from one program to the other. */
#include "pl_internal.h"
#include <stdlib.h>
#include <string.h>

static bool descriptors_fit(const nk_message *fixed, rtl_uint32_t size)
{
    rtl_uint32_t count = nk_msg_ncaps(fixed);
    return count <= NK_MESSAGE_HANDLES_MAX &&
           count <= (size - sizeof *fixed) / sizeof(nk_handle_desc_t);
}

static nk_err_t bind(SMsgHdr *header, nk_message *msg, const nk_arena *arena, bool outgoing)
{
    if (header == NULL) {
        return NK_EINVAL;
    }
    memset(header, 0, sizeof *header);
    if (msg == NULL) {
        return NK_EINVAL;
    }
    rtl_uint32_t size = msg->ex.size_ex;
    if (size < sizeof *msg || size > NK_MESSAGE_SIZE_MAX ||
        (outgoing && !descriptors_fit(msg, size))) {
        return NK_EBADMSG;
    }
    IndirDesc room = {NULL, 0};
    if (arena != NULL && arena->start != NULL) {
        const nk_uint8_t *end = outgoing ? arena->current : arena->end;
        if (end < arena->start || end - arena->start > (ptrdiff_t)NK_MESSAGE_SIZE_MAX) {
            return NK_EBADMSG;
        }
        room = (IndirDesc){arena->start, (rtl_uint32_t)(end - arena->start)};
    }
    header->indirDescs[0] = (IndirDesc){msg, size};
    header->indirDescs[1] = room;
    return NK_EOK;
}

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return bind(uMsg, msg, arena, false);
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    return bind(uMsg, msg, arena, true);
}

bool pl_header_is_sound(const SMsgHdr *header)
{
    return header != NULL && header->immSize == 0 && header->indirDescs[0].buf != NULL &&
           header->indirDescs[0].size >= sizeof(nk_message) &&
           (header->indirDescs[1].size == 0 || header->indirDescs[1].buf != NULL);
}

Retcode pl_parcel_create(const SMsgHdr *header, struct parcel **parcel)
{
    if (!pl_header_is_sound(header)) {
        return rcSourceFault;
    }
    const IndirDesc *fixed = &header->indirDescs[0];
    const IndirDesc *arena = &header->indirDescs[1];
    if (fixed->size > NK_MESSAGE_SIZE_MAX || arena->size > NK_MESSAGE_SIZE_MAX - fixed->size) {
        return rcBufferTooLarge;
    }
    struct parcel *made = malloc(sizeof *made + fixed->size + arena->size);
    if (made == NULL) {
        return rcOutOfMemory;
    }
    made->fixed_size = fixed->size;
    made->arena_size = arena->size;
    made->trace_id = header->traceId;
    made->span_id = header->spanId;
    made->cap_count = 0;
    memcpy(made->bytes, fixed->buf, fixed->size);
    if (arena->size > 0) {
        memcpy(made->bytes + fixed->size, arena->buf, arena->size);
    }
    nk_message copied;
    memcpy(&copied, made->bytes, sizeof copied);
    if (!descriptors_fit(&copied, made->fixed_size)) {
        free(made);
        return rcSourceFault;
    }
    *parcel = made;
    return rcOk;
}

static nk_handle_desc_t descriptor(const struct parcel *parcel, unsigned index)
{
    nk_handle_desc_t desc;
    memcpy(&desc, parcel->bytes + sizeof(nk_message) + index * sizeof desc, sizeof desc);
    return desc;
}

static void caps_drop_locked(struct parcel *parcel)
{
    while (parcel->cap_count > 0) {
        const struct cap *cap = &parcel->caps[--parcel->cap_count];
        if (cap->is_counted) {
            pl_object_unname_locked(cap->object);
        }
        pl_object_release_locked(cap->object);
    }
}

Retcode pl_parcel_hold_locked(struct parcel *parcel, const struct port *home)
{
    nk_message fixed;
    memcpy(&fixed, parcel->bytes, sizeof fixed);
    for (unsigned i = 0; i < nk_msg_ncaps(&fixed); i++) {
        nk_handle_desc_t desc = descriptor(parcel, i);
        const struct name *name = pl_name_find_locked(desc.handle);
        if (name == NULL || !(name->rights & OCAP_HANDLE_TRANSFER)) {
            caps_drop_locked(parcel);
            return name == NULL ? rcNoCapability : rcSecurityDisallow;
        }
        struct object *object = name->object;
        bool is_counted = home == NULL || object != &home->base;
        parcel->caps[parcel->cap_count++] =
            (struct cap){object, name->rights & desc.rights, is_counted};
        object->ref_count++;
        object->name_count += is_counted;
    }
    return rcOk;
}

Retcode pl_parcel_admit_locked(struct parcel *parcel)
{
    struct name *names[NK_MESSAGE_HANDLES_MAX];
    for (unsigned i = 0; i < parcel->cap_count; i++) {
        names[i] = pl_name_add_locked(parcel->caps[i].object, parcel->caps[i].rights);
        if (names[i] != NULL) {
            nk_handle_desc_t desc = {names[i]->handle, names[i]->rights, 0};
            memcpy(parcel->bytes + sizeof(nk_message) + i * sizeof desc, &desc, sizeof desc);
            continue;
        }
        while (i > 0) {
            struct name *name = names[--i];
            LIST_REMOVE(name, link);
            pl_object_unname_locked(name->object);
            pl_object_release_locked(name->object);
            free(name);
        }
        return rcOutOfMemory;
    }
    caps_drop_locked(parcel);
    return rcOk;
}

void pl_parcel_unpack(struct parcel *parcel, SMsgHdr *header)
{
    nk_message fixed;
    memcpy(&fixed, parcel->bytes, sizeof fixed);
    fixed.ex.size_ex = parcel->fixed_size;
    memcpy(parcel->bytes, &fixed, sizeof fixed);
    memcpy(header->indirDescs[0].buf, parcel->bytes, parcel->fixed_size);
    if (parcel->arena_size > 0) {
        memcpy(header->indirDescs[1].buf, parcel->bytes + parcel->fixed_size, parcel->arena_size);
    }
    header->traceId = parcel->trace_id;
    header->spanId = parcel->span_id;
    header->indirDescs[0].size = parcel->fixed_size;
    header->indirDescs[1].size = parcel->arena_size;
    free(parcel);
}

void pl_parcel_free_locked(struct parcel *parcel)
{
    if (parcel != NULL) {
        caps_drop_locked(parcel);
        free(parcel);
    }
}

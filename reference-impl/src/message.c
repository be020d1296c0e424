/* SPDX-License-Identifier: Apache-2.0 */
/* See message.h. Bytes are copied under the domain lock: a lock hold as long as the copy, and no
 * question who may return while they are being copied. */
#include "message.h"

#include "process.h"

#include <nk/types.h>
#include <string.h>

_Static_assert(sizeof(nk_message) == 24, "fixed by the interface");
_Static_assert(sizeof(nk_handle_desc_t) == 16, "fixed by the interface");

/* The handles of one message, looked up: everything that is needed to give them away. */
struct parcel {
    struct {
        struct ref_handle_entry *entry;
        rtl_uint32_t rights;
    } items[NK_MESSAGE_HANDLES_MAX];
};

/* --- Headers --- */

/* A part without bytes may lack a buffer, no other may. */
static bool is_part_valid(const IndirDesc *part)
{
    return part->size == 0 || part->buf != NULL;
}

enum ref_outcome ref_message_read(const SMsgHdr *header, struct ref_message *message)
{
    const IndirDesc *fixed;
    const IndirDesc *arena;
    nk_message start;

    if (header == NULL || header->immSize != 0) {
        return REF_BAD_ARGUMENT;
    }
    fixed = &header->indirDescs[0];
    arena = &header->indirDescs[1];
    if (fixed->buf == NULL || fixed->size < sizeof start || !is_part_valid(arena)) {
        return REF_BAD_ARGUMENT;
    }
    if ((uint64_t)fixed->size + arena->size > NK_MESSAGE_SIZE_MAX) {
        return REF_TOO_LARGE;
    }
    memcpy(&start, fixed->buf, sizeof start);
    if (start.ex.size_ex != fixed->size || start.ncaps > NK_MESSAGE_HANDLES_MAX ||
        start.ncaps * sizeof(nk_handle_desc_t) > fixed->size - sizeof start) {
        return REF_BAD_ARGUMENT;
    }
    message->fixed = fixed->buf;
    message->fixed_size_bytes = fixed->size;
    message->arena = arena->buf;
    message->arena_size_bytes = arena->size;
    message->handle_count = start.ncaps;
    message->trace_id = header->traceId;
    message->span_id = header->spanId;
    return REF_OK;
}

enum ref_outcome ref_message_check_room(const SMsgHdr *header)
{
    if (header == NULL || header->immSize != 0 || header->indirDescs[0].buf == NULL ||
        header->indirDescs[0].size < sizeof(nk_message) || !is_part_valid(&header->indirDescs[1])) {
        return REF_BAD_ARGUMENT;
    }
    return REF_OK;
}

/* --- Handles --- */

/* Look up every handle of the message in the sender's table. */
static enum ref_outcome pick_handles_locked(const struct ref_message *message,
                                            const struct ref_process *sender, struct parcel *parcel)
    REF_REQUIRES(g_ref_domain)
{
    const unsigned char *at = message->fixed + sizeof(nk_message);
    uint32_t index;

    for (index = 0; index < message->handle_count; index++, at += sizeof(nk_handle_desc_t)) {
        struct ref_handle_entry *entry;
        nk_handle_desc_t desc;
        enum ref_outcome outcome;

        memcpy(&desc, at, sizeof desc);
        outcome = ref_handle_find_locked(&sender->handles, desc.handle, &entry);
        if (outcome != REF_OK) {
            return outcome;
        }
        if (!ref_decide_may_travel(entry->rights)) {
            return REF_DISALLOWED;
        }
        parcel->items[index].entry = entry;
        parcel->items[index].rights = ref_decide_transferred_rights(entry->rights, desc.rights);
    }
    return REF_OK;
}

enum ref_outcome ref_message_check_handles_locked(const struct ref_message *message,
                                                  const struct ref_process *sender)
{
    struct parcel parcel;
    return message->handle_count == 0 ? REF_OK : pick_handles_locked(message, sender, &parcel);
}

/* --- Delivery --- */

/* Cannot fail: there is room and the header was checked. */
static void copy_bytes(const struct ref_message *message, SMsgHdr *header)
{
    nk_message start;
    unsigned char *room = header->indirDescs[0].buf;

    memmove(room, message->fixed, message->fixed_size_bytes);
    /* What arrives is what was checked, whatever the sender has written since. */
    memcpy(&start, room, sizeof start);
    start.ex.size_ex = message->fixed_size_bytes;
    start.ncaps = (nk_uint16_t)message->handle_count;
    memcpy(room, &start, sizeof start);
    if (message->arena_size_bytes > 0) {
        memmove(header->indirDescs[1].buf, message->arena, message->arena_size_bytes);
    }
    header->indirDescs[0].size = message->fixed_size_bytes;
    header->indirDescs[1].size = message->arena_size_bytes;
    header->traceId = message->trace_id;
    header->spanId = message->span_id;
}

static enum ref_outcome deliver_with_handles_locked(const struct ref_message *message,
                                                    const struct ref_process *sender,
                                                    struct ref_process *receiver, SMsgHdr *header)
    REF_REQUIRES(g_ref_domain)
{
    struct parcel parcel;
    unsigned char *at;
    uint32_t index;
    enum ref_outcome outcome = pick_handles_locked(message, sender, &parcel);

    if (outcome != REF_OK) {
        return outcome;
    }
    outcome = ref_handle_reserve_locked(&receiver->handles, message->handle_count);
    if (outcome != REF_OK) {
        return outcome == REF_QUOTA ? REF_TRANSFER_FAILED : outcome;
    }
    copy_bytes(message, header);
    at = (unsigned char *)header->indirDescs[0].buf + sizeof(nk_message);
    for (index = 0; index < message->handle_count; index++, at += sizeof(nk_handle_desc_t)) {
        struct ref_handle_entry *entry = parcel.items[index].entry;
        nk_handle_desc_t desc;
        desc.rights = parcel.items[index].rights;
        desc.handle =
            ref_handle_install_locked(&receiver->handles, entry->object, desc.rights, entry);
        desc.badge = 0;
        memcpy(at, &desc, sizeof desc);
    }
    return REF_OK;
}

enum ref_outcome ref_message_deliver_locked(const struct ref_message *message,
                                            const struct ref_process *sender,
                                            struct ref_process *receiver, SMsgHdr *header)
{
    if (message->fixed_size_bytes > header->indirDescs[0].size ||
        message->arena_size_bytes > header->indirDescs[1].size) {
        return REF_TOO_SMALL;
    }
    if (message->handle_count > 0) {
        return deliver_with_handles_locked(message, sender, receiver, header);
    }
    copy_bytes(message, header);
    return REF_OK;
}

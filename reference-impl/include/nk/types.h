/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as the NK tools lay them out: a fixed part that begins with struct nk_message, and an
 * optional arena for data of variable size.
 *
 * Layout of the fixed part, little more than what is public (facts 1.5: sizes, alignments, limits):
 *
 *   offset 0   struct nk_message (24 bytes): endpoint id, method id, number of handles, total size
 *   offset 24  `ncaps` handle descriptors of 16 bytes each, back to back
 *   then       plain data up to `ex.size_ex` bytes counted from offset 0
 *
 * That the descriptors come directly after the header is our choice: generated SDK code hides the
 * place. A library finds the handles of a message there, and only there.
 */
#ifndef NK_TYPES_H
#define NK_TYPES_H

#include <handle/handletype.h>
#include <rtl/compiler.h>
#include <rtl/stdint.h>

typedef rtl_uint8_t nk_uint8_t;
typedef rtl_uint16_t nk_uint16_t;
typedef rtl_uint32_t nk_uint32_t;
typedef rtl_uint64_t nk_uint64_t;
typedef nk_uint16_t nk_iid_t;
typedef nk_uint16_t nk_mid_t;
typedef Handle nk_handle_t;
typedef nk_uint32_t nk_rights_t;

/* Results of the packing helpers. The names are public, the numbers are our choice. */
typedef int nk_err_t;
#define NK_EOK 0
#define NK_ENOENT 1
#define NK_EBADMSG 2
#define NK_EPERM 3
#define NK_EINVAL 4
#define NK_ENOMEM 5

#define NK_MESSAGE_SIZE_MAX 8388607u /* bytes, fixed part and arena together */
#define NK_MESSAGE_HANDLES_MAX 255u  /* handles in one message */
#define NK_IID_MAX 65535u
#define NK_MID_MAX 65535u

/* A handle in a message. Sender: `handle` is the sender's, `rights` the most the receiver may get
 * (NK_RIGHTS_HELD: all that the sender's handle has). Receiver: `handle` is the receiver's own new
 * handle and `rights` what it was given, never more than the sender held. The sender keeps its
 * handle. */
typedef struct nk_handle_desc {
    nk_handle_t handle;
    nk_rights_t rights;
    nk_uint64_t badge; /* carried as 0; badges are outside this interface */
} __attribute__((aligned(8))) nk_handle_desc_t;

#define NK_RIGHTS_HELD ((nk_rights_t)0xffffffffu)

/* A piece of the arena: bytes [offset, offset + size) counted from the arena's start. */
typedef struct nk_ptr {
    nk_uint32_t offset;
    nk_uint32_t size;
} nk_ptr_t;

/* Header of the fixed part; generated structures have it first, as `base_`. */
typedef struct nk_message {
    nk_iid_t iid;
    nk_mid_t mid;
    nk_uint16_t ncaps; /* handle descriptors that follow the header */
    nk_uint16_t reserved0;
    struct {
        nk_uint32_t size_ex; /* whole fixed part in bytes, this header included, 24 or more */
        nk_uint32_t reserved;
    } ex;
    nk_uint64_t reserved1;
} __attribute__((aligned(8))) nk_message;

RTL_BEGIN_DECLS

/* Prepare a fixed part of `size_bytes` bytes: everything in the header is zeroed but the size.
 * Needed before sending (the size of the message) and before receiving (the room in the buffer). */
static inline void nk_message_set_size(nk_message *msg, nk_uint32_t size_bytes)
{
    msg->iid = 0;
    msg->mid = 0;
    msg->ncaps = 0;
    msg->reserved0 = 0;
    msg->ex.size_ex = size_bytes;
    msg->ex.reserved = 0;
    msg->reserved1 = 0;
}

/* The same for a variable of a generated type. */
#define nk_req_reset(req) nk_message_set_size(&(req)->base_, (nk_uint32_t)sizeof *(req))

static inline void nk_message_set_iid(nk_message *msg, nk_iid_t iid)
{
    msg->iid = iid;
}

static inline void nk_msg_set_method_id(nk_message *msg, nk_mid_t mid)
{
    msg->mid = mid;
}

/* Say that `count` descriptors follow the header; the fixed part must have room for them. */
static inline void nk_msg_set_ncaps(nk_message *msg, nk_uint16_t count)
{
    msg->ncaps = count;
}

static inline nk_uint32_t nk_msg_ncaps(const nk_message *msg)
{
    return msg->ncaps;
}

/* The descriptor array of a message: nk_msg_ncaps() entries. */
static inline nk_handle_desc_t *nk_msg_handles(nk_message *msg)
{
    return (nk_handle_desc_t *)(void *)(msg + 1);
}

/* A descriptor that passes on every right the sender holds. */
static inline nk_handle_desc_t nk_handle_desc(nk_handle_t handle)
{
    nk_handle_desc_t desc;
    desc.handle = handle;
    desc.rights = NK_RIGHTS_HELD;
    desc.badge = 0;
    return desc;
}

static inline nk_handle_t nk_get_handle(const nk_handle_desc_t *desc)
{
    return desc->handle;
}

RTL_END_DECLS

#endif

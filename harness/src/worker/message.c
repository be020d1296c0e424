/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a message: a number and a pattern made from it, so that a message which is lost,
 * swapped, cut or mixed up with another is seen. */
#include "world.h"

#include <string.h>

#define MAGIC 0x6970632d63747321u /* "ipc-cts!" */

/* Byte `index` of the pattern of message `request`. */
static uint8_t pattern_byte(uint64_t request, bool is_answer, size_t index)
{
    uint64_t x = request * 0x9e3779b97f4a7c15u + (is_answer ? 0x51u : 0x2fu) + index * 0x0101u;
    x ^= x >> 29;
    return (uint8_t)(x * 0xbfu + index);
}

void cts_message_fill(struct cts_wire *wire, nk_arena *arena, const struct cts_message *message,
                      uint64_t request, bool is_answer)
{
    memset(wire, 0, sizeof *wire);
    nk_req_reset(wire);
    nk_msg_set_ncaps(&wire->base_, (nk_uint16_t)message->handle_count);
    for (unsigned i = 0; i < message->handle_count; i++) {
        wire->handles[i] = nk_handle_desc(message->handles[i]);
        if (message->rights[i] != 0 || message->no_rights) {
            wire->handles[i].rights = message->rights[i];
        }
    }
    wire->magic = MAGIC;
    wire->request = request;
    wire->is_answer = is_answer;
    for (size_t i = 0; i < CTS_PATTERN_BYTES; i++) {
        wire->pattern[i] = pattern_byte(request, is_answer, i);
    }
    if (message->arena_bytes > 0) {
        uint8_t bytes[CTS_ARENA_MAX];
        for (size_t i = 0; i < message->arena_bytes; i++) {
            bytes[i] = pattern_byte(request, is_answer, i + CTS_PATTERN_BYTES);
        }
        (void)nk_arena_store(arena, &wire->blob, bytes, message->arena_bytes);
    }
}

uint64_t cts_message_read(const struct cts_wire *wire, const void *arena, size_t arena_bytes,
                          bool is_answer, bool *intact)
{
    *intact = false;
    if (wire->magic != MAGIC || wire->is_answer != (is_answer ? 1u : 0u)) {
        return 0;
    }
    *intact = true;
    for (size_t i = 0; i < CTS_PATTERN_BYTES; i++) {
        *intact &= wire->pattern[i] == pattern_byte(wire->request, is_answer, i);
    }
    if (wire->blob.size > 0) {
        if (wire->blob.offset > arena_bytes || wire->blob.size > arena_bytes - wire->blob.offset) {
            *intact = false;
        } else {
            const uint8_t *bytes = (const uint8_t *)arena + wire->blob.offset;
            for (size_t i = 0; i < wire->blob.size; i++) {
                *intact &=
                    bytes[i] == pattern_byte(wire->request, is_answer, i + CTS_PATTERN_BYTES);
            }
        }
    }
    return wire->request;
}

uint64_t cts_message_digest(const struct cts_wire *wire)
{
    const unsigned char *bytes = (const unsigned char *)wire;
    uint64_t digest = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < sizeof *wire; i++) {
        digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

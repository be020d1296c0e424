/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arena: a byte buffer beside the fixed part. Only the used part [start, current) is sent.
 * Source: three pointers, names of fields and helpers are public (facts 1.5); bodies are ours.
 */
#ifndef NK_ARENA_H
#define NK_ARENA_H

#include <nk/types.h>
#include <string.h>

typedef struct nk_arena {
    nk_uint8_t *start;
    nk_uint8_t *current; /* first free byte */
    nk_uint8_t *end;
} nk_arena;

#define NK_ARENA_INITIALIZER(start_, end_)                                                         \
    {                                                                                              \
        (nk_uint8_t *)(start_), (nk_uint8_t *)(start_), (nk_uint8_t *)(end_)                       \
    }

RTL_BEGIN_DECLS

/* Use `size_bytes` bytes at `start`, which stay the caller's. */
static inline void nk_arena_init(nk_arena *arena, void *start, rtl_size_t size_bytes)
{
    arena->start = (nk_uint8_t *)start;
    arena->current = arena->start;
    arena->end = arena->start + size_bytes;
}

/* Forget what is stored. */
static inline void nk_arena_reset(nk_arena *arena)
{
    arena->current = arena->start;
}

static inline nk_uint32_t nk_arena_allocated_size(const nk_arena *arena)
{
    return (nk_uint32_t)(arena->current - arena->start);
}

/* Copy `size_bytes` bytes in and describe them in *ptr. NK_ENOMEM: no room, *ptr untouched. */
static inline nk_err_t nk_arena_store(nk_arena *arena, nk_ptr_t *ptr, const void *data,
                                      nk_uint32_t size_bytes)
{
    if ((rtl_size_t)(arena->end - arena->current) < size_bytes) {
        return NK_ENOMEM;
    }
    ptr->offset = (nk_uint32_t)(arena->current - arena->start);
    ptr->size = size_bytes;
    if (size_bytes > 0) {
        memcpy(arena->current, data, size_bytes);
    }
    arena->current += size_bytes;
    return NK_EOK;
}

/* The bytes that *ptr describes, or null when they do not lie in the arena. */
static inline void *nk_arena_get(const nk_arena *arena, const nk_ptr_t *ptr)
{
    rtl_size_t room = (rtl_size_t)(arena->end - arena->start);
    if (ptr->offset > room || ptr->size > room - ptr->offset) {
        return (void *)0;
    }
    return arena->start + ptr->offset;
}

RTL_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that every process of a case sees at the same address: actors, ops, mailboxes. Mapped once
 * before any process is forked; only the main thread of the worker allocates.
 */
#include "world.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Address space only; pages that are not used do not exist. */
#define SHARED_BYTES (256u * 1024u * 1024u)
#define ALIGNMENT 64u

static char *base;
static size_t used;

void cts_shared_open(void)
{
    void *map = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        abort();
    }
    base = map;
    cts_world.sequence = cts_shared_alloc(sizeof *cts_world.sequence);
}

void *cts_shared_alloc(size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > SHARED_BYTES - used) {
        return NULL;
    }
    void *memory = base + used;
    used += rounded;
    return memory;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See alloc.h. All atomics are relaxed: they are counters, nothing is published through them. */
#include "alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic uint32_t g_fail_at;
static _Atomic size_t g_in_use_bytes;

static int is_chosen_to_fail(void)
{
    uint32_t n = atomic_load_explicit(&g_fail_at, memory_order_relaxed);
    while (n > 0) {
        if (atomic_compare_exchange_weak_explicit(&g_fail_at, &n, n - 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return n == 1;
        }
    }
    return 0;
}

void *ref_alloc(size_t size_bytes)
{
    void *memory = is_chosen_to_fail() ? NULL : calloc(1, size_bytes);
    if (memory != NULL) {
        atomic_fetch_add_explicit(&g_in_use_bytes, size_bytes, memory_order_relaxed);
    }
    return memory;
}

void ref_free(void *memory, size_t size_bytes)
{
    if (memory != NULL) {
        atomic_fetch_sub_explicit(&g_in_use_bytes, size_bytes, memory_order_relaxed);
        free(memory);
    }
}

void ref_alloc_fail_at(uint32_t n)
{
    atomic_store_explicit(&g_fail_at, n, memory_order_relaxed);
}

size_t ref_alloc_in_use_bytes(void)
{
    return atomic_load_explicit(&g_in_use_bytes, memory_order_relaxed);
}

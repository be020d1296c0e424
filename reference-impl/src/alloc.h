/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to the heap: every allocation of the library can be made to fail, and the bytes in
 * use are counted. Own rule: atomics, no lock; any thread, with or without the domain lock.
 */
#ifndef REF_ALLOC_H
#define REF_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, or null. Give it back with ref_free() and the same size. */
void *ref_alloc(size_t size_bytes);
/* `memory` may be null. */
void ref_free(void *memory, size_t size_bytes);

/* Make the n-th allocation from now fail once, 1 being the next; 0 switches it off. */
void ref_alloc_fail_at(uint32_t n);
/* Bytes handed out and not given back. */
size_t ref_alloc_in_use_bytes(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handles of one process. Everything under the domain lock.
 *
 * A handle is a slot number (low 16 bits) and the slot's generation (high 16 bits, never 0), which
 * changes at every close: a stale handle names nothing. Free slots are used oldest first, so that a
 * number comes back only after 65535 rounds through all free slots. Lookup, creation and closing do
 * not depend on the number of handles; closing costs one step per direct child.
 *
 * Handles copied or transferred from a handle are its children, in whatever process; children of a
 * closed handle become children of its parent, so that revoking still reaches them.
 */
#ifndef REF_HANDLE_TABLE_H
#define REF_HANDLE_TABLE_H

#include "decisions.h"
#include "object.h"
#include "waiter.h"

#include <handle/handletype.h>

#define REF_HANDLES_PER_CHUNK 256u
#define REF_HANDLE_CHUNKS_MAX 256u
/* One less than the slot numbers there are: 0xffff is left out, so that INVALID_HANDLE is never
 * made. */
#define REF_HANDLES_MAX (REF_HANDLES_PER_CHUNK * REF_HANDLE_CHUNKS_MAX - 1u)

/* object: null while free, the revoked mark after a revoke, else what the handle names. */
struct ref_handle_entry {
    struct ref_object *object REF_GUARDED_BY(g_ref_domain);
    rtl_uint32_t rights REF_GUARDED_BY(g_ref_domain);
    uint16_t generation REF_GUARDED_BY(g_ref_domain);
    uint16_t slot; /* constant */
    struct ref_handle_entry *parent REF_GUARDED_BY(g_ref_domain);
    struct ref_handle_entry *first_child REF_GUARDED_BY(g_ref_domain);
    struct ref_handle_entry *next REF_GUARDED_BY(g_ref_domain); /* sibling; while free: next free */
    struct ref_handle_entry *prev REF_GUARDED_BY(g_ref_domain); /* sibling */
};

struct ref_handle_table {
    struct ref_handle_entry *chunks[REF_HANDLE_CHUNKS_MAX] REF_GUARDED_BY(g_ref_domain);
    uint32_t chunk_count REF_GUARDED_BY(g_ref_domain);
    uint32_t free_count REF_GUARDED_BY(g_ref_domain);
    struct ref_handle_entry *free_first REF_GUARDED_BY(g_ref_domain);
    struct ref_handle_entry *free_last REF_GUARDED_BY(g_ref_domain);
};

/* A zeroed table is ready for use. Close everything in it and free its memory. */
void ref_handle_table_finish_locked(struct ref_handle_table *table, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);

/* Make sure that `count` handles can be installed. REF_OK, REF_QUOTA, REF_NO_MEMORY. */
enum ref_outcome ref_handle_reserve_locked(struct ref_handle_table *table, uint32_t count)
    REF_REQUIRES(g_ref_domain);
/* Name `object`; there is a free slot because the caller has reserved it. `parent` may be null. */
Handle ref_handle_install_locked(struct ref_handle_table *table, struct ref_object *object,
                                 rtl_uint32_t rights, struct ref_handle_entry *parent)
    REF_REQUIRES(g_ref_domain);

/* Look a live handle up. REF_OK, REF_BAD_HANDLE, REF_REVOKED. */
enum ref_outcome ref_handle_find_locked(const struct ref_handle_table *table, Handle handle,
                                        struct ref_handle_entry **entry) REF_REQUIRES(g_ref_domain);
/* The same for a handle to an object of one of `kinds` with the rights `needed`; REF_WRONG_KIND,
 * REF_NO_RIGHT as well. */
enum ref_outcome ref_handle_resolve_locked(const struct ref_handle_table *table, Handle handle,
                                           unsigned kinds, rtl_uint32_t needed,
                                           struct ref_handle_entry **entry)
    REF_REQUIRES(g_ref_domain);

/* REF_OK, also for a revoked handle; REF_BAD_HANDLE. */
enum ref_outcome ref_handle_close_locked(struct ref_handle_table *table, Handle handle,
                                         struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);
/* Close a handle and revoke its descendants. REF_OK, REF_BAD_HANDLE. */
enum ref_outcome ref_handle_revoke_locked(struct ref_handle_table *table, Handle handle,
                                          struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);

/* The next entry of `table` that names an object, from slot *slot on; null at the end. */
struct ref_handle_entry *ref_handle_next_locked(const struct ref_handle_table *table,
                                                uint32_t *slot) REF_REQUIRES(g_ref_domain);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* See handle_table.h. */
#include "handle_table.h"

#include "alloc.h"

#define CHUNK_SIZE_BYTES (REF_HANDLES_PER_CHUNK * sizeof(struct ref_handle_entry))

/* Only its address is used: an entry that "names" it was revoked. */
static struct ref_object g_revoked;

static Handle handle_of_locked(const struct ref_handle_entry *entry) REF_REQUIRES(g_ref_domain)
{
    return (Handle)entry->generation << 16 | entry->slot;
}

/* The entry of a handle in use, revoked or not; null otherwise. */
static struct ref_handle_entry *used_entry_locked(const struct ref_handle_table *table,
                                                  Handle handle) REF_REQUIRES(g_ref_domain)
{
    uint32_t slot = handle & 0xffffu;
    struct ref_handle_entry *entry;

    if (slot / REF_HANDLES_PER_CHUNK >= table->chunk_count) {
        return NULL;
    }
    entry = &table->chunks[slot / REF_HANDLES_PER_CHUNK][slot % REF_HANDLES_PER_CHUNK];
    return entry->object != NULL && entry->generation == handle >> 16 ? entry : NULL;
}

enum ref_outcome ref_handle_find_locked(const struct ref_handle_table *table, Handle handle,
                                        struct ref_handle_entry **entry)
{
    *entry = used_entry_locked(table, handle);
    if (*entry == NULL) {
        return REF_BAD_HANDLE;
    }
    return (*entry)->object == &g_revoked ? REF_REVOKED : REF_OK;
}

enum ref_outcome ref_handle_resolve_locked(const struct ref_handle_table *table, Handle handle,
                                           unsigned kinds, rtl_uint32_t needed,
                                           struct ref_handle_entry **entry)
{
    enum ref_outcome outcome = ref_handle_find_locked(table, handle, entry);
    if (outcome != REF_OK) {
        return outcome;
    }
    if (((unsigned)(*entry)->object->kind & kinds) == 0) {
        return REF_WRONG_KIND;
    }
    return ref_decide_has_right((*entry)->rights, needed) ? REF_OK : REF_NO_RIGHT;
}

/* --- Slots --- */

static void free_slot_append_locked(struct ref_handle_table *table, struct ref_handle_entry *entry)
    REF_REQUIRES(g_ref_domain)
{
    entry->object = NULL;
    entry->next = NULL;
    entry->prev = NULL;
    if (table->free_last == NULL) {
        table->free_first = entry;
    } else {
        table->free_last->next = entry;
    }
    table->free_last = entry;
    table->free_count++;
}

static struct ref_handle_entry *free_slot_take_locked(struct ref_handle_table *table)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_handle_entry *entry = table->free_first;
    assert(entry != NULL); /* LCOV_EXCL_BR_LINE: the caller has reserved */
    table->free_first = entry->next;
    if (table->free_first == NULL) {
        table->free_last = NULL;
    }
    table->free_count--;
    entry->next = NULL;
    return entry;
}

static enum ref_outcome add_chunk_locked(struct ref_handle_table *table) REF_REQUIRES(g_ref_domain)
{
    uint32_t first_slot = table->chunk_count * REF_HANDLES_PER_CHUNK;
    struct ref_handle_entry *chunk;
    uint32_t index;

    if (table->chunk_count == REF_HANDLE_CHUNKS_MAX) {
        return REF_QUOTA;
    }
    chunk = ref_alloc(CHUNK_SIZE_BYTES);
    if (chunk == NULL) {
        return REF_NO_MEMORY;
    }
    table->chunks[table->chunk_count++] = chunk;
    for (index = 0; index < REF_HANDLES_PER_CHUNK; index++) {
        if (first_slot + index < REF_HANDLES_MAX) {
            chunk[index].slot = (uint16_t)(first_slot + index);
            chunk[index].generation = 1;
            free_slot_append_locked(table, &chunk[index]);
        }
    }
    return REF_OK;
}

enum ref_outcome ref_handle_reserve_locked(struct ref_handle_table *table, uint32_t count)
{
    while (table->free_count < count) {
        enum ref_outcome outcome = add_chunk_locked(table);
        if (outcome != REF_OK) {
            return outcome;
        }
    }
    return REF_OK;
}

/* --- The tree of copies --- */

static void link_child_locked(struct ref_handle_entry *parent, struct ref_handle_entry *child)
    REF_REQUIRES(g_ref_domain)
{
    child->parent = parent;
    child->prev = NULL;
    child->next = NULL;
    if (parent != NULL) {
        child->next = parent->first_child;
        if (child->next != NULL) {
            child->next->prev = child;
        }
        parent->first_child = child;
    }
}

static void unlink_child_locked(struct ref_handle_entry *child) REF_REQUIRES(g_ref_domain)
{
    if (child->parent != NULL && child->parent->first_child == child) {
        child->parent->first_child = child->next;
    }
    if (child->prev != NULL) {
        child->prev->next = child->next;
    }
    if (child->next != NULL) {
        child->next->prev = child->prev;
    }
    link_child_locked(NULL, child);
}

/* Take an entry out of the tree; its children move up. */
static void leave_tree_locked(struct ref_handle_entry *entry) REF_REQUIRES(g_ref_domain)
{
    struct ref_handle_entry *parent = entry->parent;
    struct ref_handle_entry *child;

    while ((child = entry->first_child) != NULL) {
        unlink_child_locked(child);
        link_child_locked(parent, child);
    }
    unlink_child_locked(entry);
}

/* --- Life of a handle --- */

Handle ref_handle_install_locked(struct ref_handle_table *table, struct ref_object *object,
                                 rtl_uint32_t rights, struct ref_handle_entry *parent)
{
    struct ref_handle_entry *entry = free_slot_take_locked(table);
    entry->object = object;
    entry->rights = rights;
    link_child_locked(parent, entry);
    ref_object_name_locked(object);
    return handle_of_locked(entry);
}

static void close_entry_locked(struct ref_handle_table *table, struct ref_handle_entry *entry,
                               struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain)
{
    struct ref_object *object = entry->object;

    leave_tree_locked(entry);
    entry->generation = entry->generation == 0xffffu ? 1 : (uint16_t)(entry->generation + 1);
    free_slot_append_locked(table, entry);
    if (object != &g_revoked) {
        ref_object_unname_locked(object, entry, wakes);
    }
}

enum ref_outcome ref_handle_close_locked(struct ref_handle_table *table, Handle handle,
                                         struct ref_wakes *wakes)
{
    struct ref_handle_entry *entry = used_entry_locked(table, handle);
    if (entry == NULL) {
        return REF_BAD_HANDLE;
    }
    close_entry_locked(table, entry, wakes);
    return REF_OK;
}

enum ref_outcome ref_handle_revoke_locked(struct ref_handle_table *table, Handle handle,
                                          struct ref_wakes *wakes)
{
    struct ref_handle_entry *root = used_entry_locked(table, handle);
    struct ref_handle_entry *child;

    if (root == NULL) {
        return REF_BAD_HANDLE;
    }
    /* No recursion, a chain of copies may be long: a revoked child leaves the tree, which moves its
     * own children up to the root, where this loop finds them. */
    while ((child = root->first_child) != NULL) {
        struct ref_object *object = child->object;
        leave_tree_locked(child);
        child->object = &g_revoked;
        ref_object_unname_locked(object, child, wakes);
    }
    close_entry_locked(table, root, wakes);
    return REF_OK;
}

struct ref_handle_entry *ref_handle_next_locked(const struct ref_handle_table *table,
                                                uint32_t *slot)
{
    while (*slot / REF_HANDLES_PER_CHUNK < table->chunk_count) {
        struct ref_handle_entry *entry =
            &table->chunks[*slot / REF_HANDLES_PER_CHUNK][*slot % REF_HANDLES_PER_CHUNK];
        ++*slot;
        if (entry->object != NULL && entry->object != &g_revoked) {
            return entry;
        }
    }
    return NULL;
}

void ref_handle_table_finish_locked(struct ref_handle_table *table, struct ref_wakes *wakes)
{
    uint32_t slot;
    uint32_t index;

    for (slot = 0; slot / REF_HANDLES_PER_CHUNK < table->chunk_count; slot++) {
        struct ref_handle_entry *entry =
            &table->chunks[slot / REF_HANDLES_PER_CHUNK][slot % REF_HANDLES_PER_CHUNK];
        if (entry->object != NULL) {
            close_entry_locked(table, entry, wakes);
        }
    }
    for (index = 0; index < table->chunk_count; index++) {
        ref_free(table->chunks[index], CHUNK_SIZE_BYTES);
        table->chunks[index] = NULL;
    }
    table->chunk_count = 0;
    table->free_count = 0;
    table->free_first = NULL;
    table->free_last = NULL;
}

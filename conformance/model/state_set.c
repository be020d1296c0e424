/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of states: a growing array of byte strings of one length, and an open-addressing hash table
 * of their indexes. States are never removed one by one; a filter builds another set.
 */
#include "model_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16u

static size_t hash_of(const unsigned char *state, size_t stride)
{
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < stride; i += 8) {
        uint64_t word;
        memcpy(&word, state + i, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return (size_t)hash;
}

bool state_set_init(struct state_set *set, size_t stride)
{
    set->stride = stride;
    set->count = 0;
    set->capacity = FIRST_CAPACITY;
    set->slot_count = (size_t)FIRST_CAPACITY * 2;
    set->bytes = malloc(set->capacity * stride);
    set->slots = calloc(set->slot_count, sizeof *set->slots);
    if (set->bytes == NULL || set->slots == NULL) {
        state_set_finish(set);
        return false;
    }
    return true;
}

void state_set_finish(struct state_set *set)
{
    free(set->bytes);
    free(set->slots);
    *set = (struct state_set){0};
}

void state_set_empty(struct state_set *set)
{
    size_t mask = set->slot_count - 1;
    if (set->count * 8 > set->slot_count) {
        memset(set->slots, 0, set->slot_count * sizeof *set->slots);
    } else {
        /* A table that was large once must not cost its size at every event. */
        for (size_t i = 0; i < set->count; i++) {
            size_t slot = hash_of(state_at(set, i), set->stride) & mask;
            while (set->slots[slot] != i + 1) {
                slot = (slot + 1) & mask;
            }
            set->slots[slot] = 0;
        }
    }
    set->count = 0;
}

/* The slot that holds the state, or the empty one where it belongs. */
static size_t slot_of(const struct state_set *set, const unsigned char *state)
{
    size_t mask = set->slot_count - 1;
    size_t slot = hash_of(state, set->stride) & mask;
    while (set->slots[slot] != 0 &&
           memcmp(state_at(set, set->slots[slot] - 1), state, set->stride) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static bool grow(struct state_set *set)
{
    unsigned char *bytes = realloc(set->bytes, set->capacity * 2 * set->stride);
    if (bytes == NULL) {
        return false;
    }
    set->bytes = bytes;
    uint32_t *slots = calloc(set->slot_count * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(set->slots);
    set->slots = slots;
    set->slot_count *= 2;
    set->capacity *= 2;
    for (size_t i = 0; i < set->count; i++) {
        set->slots[slot_of(set, state_at(set, i))] = (uint32_t)i + 1;
    }
    return true;
}

bool state_set_add(struct state_set *set, const unsigned char *state)
{
    size_t slot = slot_of(set, state);
    if (set->slots[slot] != 0) {
        return true;
    }
    if (set->count == set->capacity) {
        /* The state may lie in the array that moves. Growing is rare, so it is copied in any case. */
        unsigned char *copy = malloc(set->stride);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, state, set->stride);
        bool grown = grow(set);
        if (grown) {
            memcpy(state_at(set, set->count), copy, set->stride);
            slot = slot_of(set, copy);
        }
        free(copy);
        if (!grown) {
            return false;
        }
    } else {
        memcpy(state_at(set, set->count), state, set->stride);
    }
    set->count++;
    set->slots[slot] = (uint32_t)set->count;
    return true;
}

bool state_set_copy(struct state_set *to, const struct state_set *from)
{
    *to = *from;
    to->bytes = malloc(from->capacity * from->stride);
    to->slots = malloc(from->slot_count * sizeof *to->slots);
    if (to->bytes == NULL || to->slots == NULL) {
        state_set_finish(to);
        return false;
    }
    memcpy(to->bytes, from->bytes, from->count * from->stride);
    memcpy(to->slots, from->slots, from->slot_count * sizeof *to->slots);
    return true;
}

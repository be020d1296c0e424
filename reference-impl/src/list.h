/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive doubly linked list. A node is on at most one list; ref_node_is_linked() tells. The
 * lists of the library are guarded by the domain lock, this file does not know about it.
 */
#ifndef REF_LIST_H
#define REF_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct ref_node {
    struct ref_node *next;
    struct ref_node *prev; /* both null while the node is on no list */
};

struct ref_list {
    struct ref_node head;
};

/* The structure that holds *node as its member. */
#define REF_CONTAINER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void ref_list_init(struct ref_list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool ref_list_is_empty(const struct ref_list *list)
{
    return list->head.next == &list->head;
}

static inline bool ref_node_is_linked(const struct ref_node *node)
{
    return node->next != NULL;
}

static inline void ref_list_append(struct ref_list *list, struct ref_node *node)
{
    assert(!ref_node_is_linked(node)); /* LCOV_EXCL_BR_LINE: our own bug only */
    node->next = &list->head;
    node->prev = list->head.prev;
    list->head.prev->next = node;
    list->head.prev = node;
}

/* Take the node off its list; nothing happens to a node that is on none. */
static inline void ref_list_remove(struct ref_node *node)
{
    if (ref_node_is_linked(node)) {
        node->next->prev = node->prev;
        node->prev->next = node->next;
        node->next = NULL;
        node->prev = NULL;
    }
}

/* First node, or null. */
static inline struct ref_node *ref_list_first(const struct ref_list *list)
{
    return ref_list_is_empty(list) ? NULL : list->head.next;
}

/* The node after `node`, or null at the end. */
static inline struct ref_node *ref_list_next(const struct ref_list *list,
                                             const struct ref_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

#endif

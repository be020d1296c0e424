/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What handles name. An object lives as long as handles name it; only the server end of a channel
 * that never had a handle lives with its listener instead. Calls do not keep objects alive: they
 * are told when one goes. Everything under the domain lock.
 */
#ifndef REF_OBJECT_H
#define REF_OBJECT_H

#include "domain.h"

#include <rtl/stdint.h>
#include <stdbool.h>

struct ref_handle_entry;
struct ref_wakes;

enum ref_kind {
    REF_KIND_USER = 1,
    REF_KIND_SYNC = 2,
    REF_KIND_LISTENER = 4,
    REF_KIND_SERVER = 8,
    REF_KIND_CLIENT = 16,
};
#define REF_KIND_ANY 31u

/* First member of every object. */
struct ref_object {
    enum ref_kind kind; /* constant */
    uint32_t handle_count REF_GUARDED_BY(g_ref_domain);
    uint32_t mark REF_GUARDED_BY(g_ref_domain); /* for counting distinct objects */
};

/* An object without behaviour (KnHandleCreateUserObject). */
struct ref_user {
    struct ref_object object;
    rtl_uint32_t type;
    void *context;
};

/* A new object, not named yet. */
void ref_object_init_locked(struct ref_object *object, enum ref_kind kind)
    REF_REQUIRES(g_ref_domain);
/* A user object; null without memory. */
struct ref_user *ref_user_create_locked(rtl_uint32_t type, void *context)
    REF_REQUIRES(g_ref_domain);
/* A handle names the object from now on. */
void ref_object_name_locked(struct ref_object *object) REF_REQUIRES(g_ref_domain);
/* The handle of `entry` names the object no more: its receivers are ended, and the object goes when
 * it was the last. */
void ref_object_unname_locked(struct ref_object *object, const struct ref_handle_entry *entry,
                              struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);
/* End and free an object that no handle names. */
void ref_object_destroy_locked(struct ref_object *object, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);
/* An end of a channel has gone; for the count below. The other kinds call it themselves. */
void ref_object_gone_locked(struct ref_object *object) REF_REQUIRES(g_ref_domain);
/* Objects that exist. */
uint32_t ref_object_live_count_locked(void) REF_REQUIRES(g_ref_domain);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Sync objects: a state, and the waits that use it. Everything under the domain lock. */
#ifndef REF_SYNC_OBJECT_H
#define REF_SYNC_OBJECT_H

#include "object.h"
#include "waiter.h"

struct ref_process;

struct ref_sync {
    struct ref_object object;
    TaskId owner;   /* constant: the creating process */
    bool autoclear; /* constant */
    bool is_set REF_GUARDED_BY(g_ref_domain);
    struct ref_list waiters REF_GUARDED_BY(g_ref_domain); /* ref_waiter.sync_node, oldest first */
};

/* A new object in its initial state, owned by its first handle; null without memory. */
struct ref_sync *ref_sync_create_locked(TaskId owner, bool autoclear) REF_REQUIRES(g_ref_domain);
/* The object of a handle of `process`. REF_OK and the errors of ref_handle_resolve_locked(). */
enum ref_outcome ref_sync_resolve_locked(const struct ref_process *process, Handle handle,
                                         struct ref_sync **sync) REF_REQUIRES(g_ref_domain);
/* The last handle is closed: the waits go on without the object, which is freed. */
void ref_sync_destroy_locked(struct ref_sync *sync, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);

/* Costs one step per wait that uses this object, no more. */
void ref_sync_set_locked(struct ref_sync *sync, struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);
void ref_sync_clear_locked(struct ref_sync *sync) REF_REQUIRES(g_ref_domain);

/* An Ex call is entered with `sync` (null: none): is it interrupted? Uses up the state of an object
 * that clears itself. */
bool ref_sync_refuses_entry_locked(struct ref_sync *sync, bool peer_is_ready)
    REF_REQUIRES(g_ref_domain);

/* The wait of `waiter` uses `sync` (null: none) until it is detached, which is allowed twice. */
void ref_sync_attach_locked(struct ref_sync *sync, struct ref_waiter *waiter)
    REF_REQUIRES(g_ref_domain);
void ref_sync_detach_locked(struct ref_waiter *waiter) REF_REQUIRES(g_ref_domain);

#endif

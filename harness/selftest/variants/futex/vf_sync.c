/* SPDX-License-Identifier: Apache-2.0 */
/* Locks and sleeping on raw futexes, and the sync objects. */
#include "vf_internal.h"
#include <coresrv/ipc/ipc_api.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void futex_wake(atomic_uint *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

bool vf_sleep(atomic_uint *word, unsigned seen, const struct timespec *deadline)
{
    /* FUTEX_WAIT_BITSET takes an absolute time on the monotonic clock. */
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, deadline, NULL,
                      FUTEX_BITSET_MATCH_ANY);
    return !(rc == -1 && errno == ETIMEDOUT);
}

void vf_lock(struct vf_lock *lock)
{
    /* Acquire pairs with the release in vf_unlock(). */
    unsigned seen = 0;
    if (atomic_compare_exchange_strong_explicit(&lock->word, &seen, 1, memory_order_acquire,
                                                memory_order_relaxed)) {
        return;
    }
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0) {
        vf_sleep(&lock->word, 2, NULL);
    }
}

void vf_unlock(struct vf_lock *lock)
{
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2) {
        futex_wake(&lock->word, 1);
    }
}

void vf_end_locked(struct vf_wait *wait, Retcode rc)
{
    wait->rc = rc;
    /* Release pairs with the acquire in the sleeper's loop, which then reads rc and its buffers.
     * The sleeper needs the port's lock before it leaves, so the word is still there to wake. */
    atomic_store_explicit(&wait->stage, VF_STAGE_OVER, memory_order_release);
    futex_wake(&wait->stage, 1);
}

Retcode vf_sync_join_locked(struct vf_sync *sync, struct vf_wait *wait)
{
    if (sync->is_closed) {
        return rcResourceNotFound;
    }
    if (sync->is_set) {
        return rcIpcInterrupt;
    }
    TAILQ_INSERT_TAIL(&sync->waits, wait, sync_link);
    return rcOk;
}

void vf_sync_leave(struct vf_sync *sync, struct vf_wait *wait)
{
    vf_lock(&sync->lock);
    TAILQ_REMOVE(&sync->waits, wait, sync_link);
    vf_unlock(&sync->lock);
}

/* End every wait that has had no rendezvous. A listed wait cannot go: it needs sync->lock first. */
static void end_all_locked(struct vf_sync *sync, Retcode rc)
{
    struct vf_wait *wait;
    TAILQ_FOREACH(wait, &sync->waits, sync_link)
    {
        vf_lock(&wait->port->lock);
        if (atomic_load_explicit(&wait->stage, memory_order_relaxed) == VF_STAGE_WAITING) {
            vf_end_locked(wait, rc);
        }
        vf_unlock(&wait->port->lock);
    }
}

void vf_sync_closed(struct vf_sync *sync)
{
    vf_lock(&sync->lock);
    sync->is_closed = true;
    end_all_locked(sync, rcAbort);
    vf_unlock(&sync->lock);
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    if (syncHandle == NULL) {
        return rcTargetFault;
    }
    struct vf_sync *sync = calloc(1, sizeof *sync);
    if (sync == NULL) {
        return rcOutOfMemory;
    }
    vf_object_init(&sync->object, VF_KIND_SYNC);
    TAILQ_INIT(&sync->waits);
    struct vf_cap cap = {.object = &sync->object, .rights = OCAP_IPC_INTERRUPT};
    Handle handle;
    Retcode rc = vf_names_add(&cap, 1, &handle);
    if (rc != rcOk) {
        vf_object_put(&sync->object);
        return rc;
    }
    *syncHandle = handle;
    return rcOk;
}

static Retcode state_change(Handle handle, bool is_set)
{
    struct vf_object *object;
    Retcode rc = vf_object_get(handle, VF_KIND_SYNC, OCAP_IPC_INTERRUPT, &object);
    if (rc != rcOk) {
        return rc;
    }
    struct vf_sync *sync = (struct vf_sync *)object;
    vf_lock(&sync->lock);
    sync->is_set = is_set;
    if (is_set) {
        end_all_locked(sync, rcIpcInterrupt);
    }
    vf_unlock(&sync->lock);
    vf_object_put(object);
    return rcOk;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    return state_change(syncHandle, true);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    return state_change(syncHandle, false);
}

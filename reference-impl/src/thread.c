/* SPDX-License-Identifier: Apache-2.0 */
/* See thread.h. */
#include "thread.h"

#include "alloc.h"
#include "channel.h"

#define BUCKET_COUNT 256u

static struct ref_list g_threads REF_GUARDED_BY(g_ref_domain) = {
    {&g_threads.head, &g_threads.head},
};
static struct ref_thread *g_buckets[BUCKET_COUNT] REF_GUARDED_BY(g_ref_domain);
static struct ref_thread *g_pool REF_GUARDED_BY(g_ref_domain);
static Tid g_last_tid REF_GUARDED_BY(g_ref_domain);

static _Thread_local struct ref_thread *t_self;
static pthread_once_t g_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t g_key;
static int g_key_error; /* constant after g_key_once */

/* The thread ends: it waits for nothing, so nobody but the pool may know the record. */
static void thread_exit(void *record)
{
    struct ref_thread *thread = record;
    struct ref_thread **link;

    t_self = NULL;
    ref_domain_enter();
    ref_free(thread->waiter.request, sizeof(struct ref_request));
    thread->waiter.request = NULL;
    ref_list_remove(&thread->node);
    for (link = &g_buckets[thread->tid % BUCKET_COUNT]; *link != thread; link = &(*link)->next) {
    }
    *link = thread->next;
    ref_process_release_locked(thread->process);
    thread->process = NULL;
    thread->next = g_pool;
    g_pool = thread;
    ref_domain_leave();
}

static void make_key(void)
{
    g_key_error = pthread_key_create(&g_key, thread_exit);
}

static struct ref_thread *record_get_locked(void) REF_REQUIRES(g_ref_domain)
{
    struct ref_thread *thread = g_pool;
    if (thread == NULL) {
        return ref_alloc(sizeof *thread);
    }
    g_pool = thread->next;
    return thread;
}

static void record_register_locked(struct ref_thread *thread) REF_REQUIRES(g_ref_domain)
{
    thread->tid = ++g_last_tid;
    thread->waiter.stage = REF_STAGE_RUNNING;
    thread->waiter.spin_confidence = 0;
    thread->waiter.spin_rounds = 0;
    thread->process = ref_process_first();
    ref_process_hold_locked(thread->process);
    ref_list_append(&g_threads, &thread->node);
    thread->next = g_buckets[thread->tid % BUCKET_COUNT];
    g_buckets[thread->tid % BUCKET_COUNT] = thread;
}

struct ref_thread *ref_thread_self(void)
{
    struct ref_thread *thread = t_self;
    if (thread != NULL) {
        return thread;
    }
    pthread_once(&g_key_once, make_key);
    if (g_key_error != 0) { /* LCOV_EXCL_BR_LINE: no key left in the whole program */
        return NULL;        /* LCOV_EXCL_LINE */
    }
    ref_domain_enter();
    thread = record_get_locked();
    if (thread != NULL) {
        record_register_locked(thread);
    }
    ref_domain_leave();
    if (thread != NULL &&
        pthread_setspecific(g_key, thread) != 0) { /* LCOV_EXCL_BR_LINE: as above */
        thread_exit(thread);                       /* LCOV_EXCL_LINE */
        return NULL;                               /* LCOV_EXCL_LINE */
    }
    t_self = thread;
    return thread;
}

struct ref_thread *ref_thread_self_if_known(void)
{
    return t_self;
}

struct ref_process *ref_thread_process_locked(void)
{
    struct ref_process *process = t_self == NULL ? ref_process_first() : t_self->process;
    return process->has_ended ? NULL : process;
}

void ref_thread_bind_locked(struct ref_thread *thread, struct ref_process *process)
{
    ref_process_hold_locked(process);
    ref_process_release_locked(thread->process);
    thread->process = process;
}

enum ref_outcome ref_thread_provide_request_locked(struct ref_thread *thread)
{
    if (thread->waiter.request == NULL) {
        thread->waiter.request = ref_alloc(sizeof(struct ref_request));
    }
    return thread->waiter.request == NULL ? REF_NO_MEMORY : REF_OK;
}

struct ref_thread *ref_thread_find_locked(Tid tid)
{
    struct ref_thread *thread = g_buckets[tid % BUCKET_COUNT];
    while (thread != NULL && thread->tid != tid) {
        thread = thread->next;
    }
    return thread;
}

struct ref_thread *ref_thread_next_locked(const struct ref_thread *thread)
{
    struct ref_node *node =
        thread == NULL ? ref_list_first(&g_threads) : ref_list_next(&g_threads, &thread->node);
    return node == NULL ? NULL : REF_CONTAINER(node, struct ref_thread, node);
}

TaskId ref_waiter_process_id_locked(const struct ref_waiter *waiter)
{
    return ((const struct ref_thread *)(const void *)waiter)->process->id;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See process.h. */
#include "process.h"

#include "alloc.h"
#include "channel.h"
#include "rendezvous.h"
#include "thread.h"

#include <kos_ref/control.h>

static struct ref_process g_first = {.id = REF_CONTROL_FIRST_PROCESS, .hold_count = 1};
static struct ref_process *g_others REF_GUARDED_BY(g_ref_domain);
static TaskId g_last_id REF_GUARDED_BY(g_ref_domain) = REF_CONTROL_FIRST_PROCESS;

struct ref_process *ref_process_first(void)
{
    return &g_first;
}

struct ref_process *ref_process_create_locked(void)
{
    struct ref_process *process = ref_alloc(sizeof *process);
    if (process != NULL) {
        process->id = ++g_last_id;
        process->hold_count = 1;
        process->next = g_others;
        g_others = process;
    }
    return process;
}

struct ref_process *ref_process_find_locked(TaskId id)
{
    struct ref_process *process = g_others;
    if (id == g_first.id) {
        return &g_first;
    }
    while (process != NULL && process->id != id) {
        process = process->next;
    }
    return process;
}

void ref_process_hold_locked(struct ref_process *process)
{
    process->hold_count++;
}

void ref_process_release_locked(struct ref_process *process)
{
    process->hold_count--;
    if (process->hold_count == 0) {
        ref_free(process, sizeof *process);
    }
}

/* Its own blocked threads return. Before the rest, so that they learn the nearest reason. */
static void abort_threads_locked(struct ref_process *process, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_thread *thread;
    for (thread = ref_thread_next_locked(NULL); thread != NULL;
         thread = ref_thread_next_locked(thread)) {
        if (thread->process == process && thread->waiter.stage != REF_STAGE_RUNNING) {
            ref_wait_end_locked(&thread->waiter, REF_ABORTED, wakes); /* (3e) */
        }
    }
}

/* What it had taken will not be answered, even where another process shares the server end. */
static void drop_taken_requests_locked(struct ref_process *process, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_handle_entry *entry;
    struct ref_thread *thread;
    uint32_t slot = 0;

    for (thread = ref_thread_next_locked(NULL); thread != NULL;
         thread = ref_thread_next_locked(thread)) {
        if (thread->waiter.stage == REF_STAGE_CALL_TAKEN &&
            thread->waiter.request->taker_process == process->id) {
            ref_request_end_locked(thread->waiter.request, REF_NOT_CONNECTED, wakes); /* (3b) */
        }
    }
    while ((entry = ref_handle_next_locked(&process->handles, &slot)) != NULL) {
        if (entry->object->kind == REF_KIND_LISTENER || entry->object->kind == REF_KIND_SERVER) {
            ref_end_taker_gone_locked((struct ref_end *)(void *)entry->object, process->id);
        }
    }
}

void ref_process_end_locked(struct ref_process *process, struct ref_wakes *wakes)
{
    struct ref_process **link;

    assert(process != &g_first && !process->has_ended); /* LCOV_EXCL_BR_LINE: our own bug only */
    process->has_ended = true;
    abort_threads_locked(process, wakes);
    drop_taken_requests_locked(process, wakes);
    ref_handle_table_finish_locked(&process->handles, wakes);
    for (link = &g_others; *link != process; link = &(*link)->next) {
    }
    *link = process->next;
    ref_process_release_locked(process);
}

/* An object is counted when it does not carry the mark of this count yet. */
static uint32_t count_once_locked(struct ref_object *object, uint32_t mark)
    REF_REQUIRES(g_ref_domain)
{
    if (object->mark == mark) {
        return 0;
    }
    object->mark = mark;
    return 1;
}

/* Server ends that live with their listener alone. */
static uint32_t count_unnamed_servers_locked(struct ref_listener *listener, uint32_t mark)
    REF_REQUIRES(g_ref_domain)
{
    uint32_t count = 0;
    struct ref_node *node;
    for (node = ref_list_first(&listener->channels); node != NULL;
         node = ref_list_next(&listener->channels, node)) {
        struct ref_channel *channel = REF_CONTAINER(node, struct ref_channel, listener_node);
        if (channel->server.object.handle_count == 0) {
            count += count_once_locked(&channel->server.object, mark);
        }
    }
    return count;
}

uint32_t ref_process_object_count_locked(const struct ref_process *process)
{
    static uint32_t g_mark; /* the domain lock is held */
    struct ref_handle_entry *entry;
    uint32_t slot = 0;
    uint32_t count = 0;

    g_mark++;
    while ((entry = ref_handle_next_locked(&process->handles, &slot)) != NULL) {
        count += count_once_locked(entry->object, g_mark);
        if (entry->object->kind == REF_KIND_LISTENER) {
            count +=
                count_unnamed_servers_locked((struct ref_listener *)(void *)entry->object, g_mark);
        }
    }
    return count;
}

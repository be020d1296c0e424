/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blind library I: the interface written from the requirement list alone, in the plainest way.
 *
 * One mutex guards everything. Each thread has one condition variable and sleeps on nothing else.
 * Whoever causes an event decides, under the mutex, what becomes of the threads concerned and moves
 * them to ENDED; the sleeper only reads its result. Stages of a thread:
 *
 *   CallEx   IDLE -> QUEUED -> TAKEN -> ENDED      RecvEx   IDLE -> WAITING -> ENDED
 *
 * A process is a handle table and an identity; all of them live in this operating-system process.
 */
#define _GNU_SOURCE
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <coresrv/time/time_api.h>
#include <errno.h>
#include <nk/types.h>
#include <pthread.h>
#include <sched.h>
#include <services/ocap.h>
#include <services/rtl/nk_msg.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

/*
 * What the documents leave open. Every value gives a right library.
 *
 * OPEN_READY  1: a set object refuses every Ex call at entry, even one whose peer is there; a CallEx with
 *                mdelay 0 never delivers, since its response cannot be there in time.
 * OPEN_CLOSE  1: Close ends the calls that wait with the object with rcAbort. 2: Close of an object that
 *                calls wait with is refused with rcBusy. 0: they wait on, without an object.
 * OPEN_GONE   1: the Reply to a caller that has gone is rcOk and dropped; a refused response releases the
 *                caller with the same code; a receiver stays when its last client has gone.
 * OPEN_NAMES  1: large handle numbers that are not soon used again; other codes for misuse; a sync handle
 *                that names no object is taken for none; a copy of a sync handle is a new object.
 * OPEN_ORDER  1: last come, first served; an autoclear object interrupts all that wait, and is not left
 *                pending when nobody does.
 */
#ifndef OPEN_READY
#define OPEN_READY 0
#endif
#ifndef OPEN_CLOSE
#define OPEN_CLOSE 0
#endif
#ifndef OPEN_GONE
#define OPEN_GONE 0
#endif
#ifndef OPEN_NAMES
#define OPEN_NAMES 0
#endif
#ifndef OPEN_ORDER
#define OPEN_ORDER 0
#endif

#define RC_NO_HANDLE (OPEN_NAMES ? rcResourceNotFound : rcInvalidArgument)
#define RC_OTHER_KIND (OPEN_NAMES ? rcFail : rcInvalidOperation)
#define RC_NULL (OPEN_NAMES ? rcTargetFault : rcInvalidArgument)

enum { HANDLES_MAX = 65536, HANDLES_STEP = 64, FIRST_PROCESS = 1 };

/* --- Lists ------------------------------------------------------------------------------------ */

struct link {
    struct link *prev, *next;
};

#define LIST(name)                                                                                 \
    {                                                                                              \
        &(name), &(name)                                                                           \
    }
#define OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
#define EACH(item, list) (struct link *item = (list)->next; item != (list); item = item->next)
/* The same for a body that may take the item out. */
#define EACH_SAFE(item, list)                                                                      \
    (struct link *item = (list)->next, *item##_next = item->next; item != (list);                  \
     item = item##_next, item##_next = item->next)

static void list_init(struct link *list)
{
    list->prev = list->next = list;
}

static void list_append(struct link *list, struct link *item)
{
    item->prev = list->prev;
    item->next = list;
    list->prev->next = item;
    list->prev = item;
}

/* Taking out what is in no list is allowed. */
static void list_remove(struct link *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/* --- Types ------------------------------------------------------------------------------------ */

enum kind { KIND_SYNC = 1, KIND_CLIENT, KIND_SERVER, KIND_LISTENER, KIND_USER };
enum stage { IDLE, QUEUED, TAKEN, WAITING, ENDED };

struct object {
    enum kind kind;
    uint32_t names; /* handles, messages on their way and running calls that name it */
    /* KIND_SYNC */
    int set;
    int autoclear;
    struct link waiters; /* threads that may be interrupted through it */
    uint32_t serial, index, sets, sets_now, refusals, waits, creator;
    uint32_t x[4];
    /* KIND_CLIENT, KIND_SERVER */
    struct channel *channel;
    /* KIND_SERVER, KIND_LISTENER */
    struct hub *hub;
    struct trail {
        uint64_t serial; /* of creation, never used again */
        uint32_t owner, number, sets, cycles, timeouts, refusals, swallow;
        Tid setter;
        int was_set;
        int64_t set_at;
    } f; /* used by faults only, here and below */
};

/* What a listener and the server ends of its channels share. */
struct hub {
    uint32_t refs; /* listener, channels */
    struct object *listener;
    struct link channels;
    struct link queue;     /* exchanges that are QUEUED, in order of arrival */
    struct link receivers; /* threads that are WAITING */
    struct link taken;     /* exchanges that are TAKEN, in the order in which they were taken */
    uint32_t x[4];
    struct {
        uint32_t phantoms, interrupted;
    } f;
};

struct channel {
    struct link in_hub;
    uint32_t refs; /* ends, exchanges */
    struct hub *hub;
    struct object *server, *client; /* null: that end is gone */
    uint32_t home, ordinal, x[4];
    struct {
        int broken;
    } f;
};

/* Where a handle came from, for KnHandleRevoke. */
struct origin {
    struct origin *parent;
    uint32_t refs;
};

/* Handles taken out of the sender's table by value: they live even when the sender closes its own. */
struct cargo {
    uint32_t count;
    struct cargo_item {
        struct object *object;
        struct origin *origin;
        uint32_t rights;
    } * items;
};

struct exchange {
    struct link link; /* hub->queue or hub->taken */
    struct channel *channel;
    struct thread *client; /* null: the caller has gone */
    Tid tid;
    uint32_t sender;
    const SMsgHdr *request;
    SMsgHdr *response;
    struct cargo cargo;
    struct object *taken_on;
    uint32_t taker; /* process of the thread that took it */
    struct thread *taker_thread;
    struct link all, in_held;
    struct object *used;
    struct {
        uint64_t sync;
        SMsgHdr request;
        void *copies[MAX_INDIR_DESCS];
        SMsgHdr response;
        int at_once, set_since, limited, client_ended;
    } f;
};

struct entry {
    struct object *object;
    struct origin *origin;
    uint32_t rights;
    uint32_t generation;
    uint32_t next_free;
    uint8_t used, revoked, came;
    uint32_t x;
    struct {
        uint8_t was_sync, was_set, was_autoclear;
    } f;
};

struct process {
    struct process *next;
    uint32_t id;
    int ended;
    struct entry *table;
    uint32_t size, used, first_free; /* first_free: index + 1 */
    struct object *last_set;
    uint32_t serial, mask, x[4];
    struct {
        uint32_t twice, twin;
    } f;
};

struct thread {
    struct link all;
    Tid tid;
    pthread_t pthread;
    struct process *process;
    pthread_cond_t wake;
    enum stage stage;
    Retcode result;
    struct object *sync; /* while it may be interrupted */
    struct link in_sync;
    struct exchange *exchange;
    /* WAITING */
    struct link in_receivers;
    struct object *end;
    Handle end_handle;
    SMsgHdr *room;
    /* what the last or running call was given */
    struct object *given, *obj[2];
    Handle given_handle;
    uint32_t limit, no_limit, came, orphan, x[4];
    Handle orphan_handle;
    Retcode last;
    struct link held;
    pthread_t posix;
    struct {
        uint64_t call_sync, recv_sync, interrupted_sync, stale_sync, any_sync[8];
        Handle sync_handle;
        struct timespec deadline;
        int plain, limited, carry, hurry, marked, shunned;
        uint32_t mdelay, interrupts, any_count;
        struct object *replied_on;
    } f;
};

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static struct process first_process = {.id = FIRST_PROCESS};
static struct process *processes = &first_process;
static uint32_t last_process = FIRST_PROCESS;
static struct link threads = LIST(threads);
static struct link exchanges = LIST(exchanges);
static uint32_t ending; /* the process that is being ended */
static Tid last_tid;
static pthread_key_t thread_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t last_serial;
static __thread int plain_call; /* the call came through Call or Recv */

/* --- Threads and processes -------------------------------------------------------------------- */

static void thread_exit(void *record)
{
    struct thread *thread = record;
    pthread_mutex_lock(&big_lock);
    list_remove(&thread->all);
    for
        EACH_SAFE(item, &thread->held)
        {
            OWNER(item, struct exchange, in_held)->taker_thread = NULL;
            list_remove(item);
        }
    if (FAULTY(1295)) {
        for (uint32_t i = 0; i < thread->process->size; i++) {
            struct object *object = thread->process->table[i].object;
            if (object != NULL && object->kind == KIND_SYNC && object->creator == thread->tid) {
                object->x[0] = 1;
            }
        }
    }
    pthread_mutex_unlock(&big_lock);
    pthread_cond_destroy(&thread->wake);
    free(thread);
}

static void make_key(void)
{
    pthread_key_create(&thread_key, thread_exit);
}

/* The record of the calling thread, or null without memory. Called with the lock held. */
static struct thread *thread_self(void)
{
    pthread_condattr_t attributes;
    struct thread *thread;

    pthread_once(&once, make_key);
    thread = pthread_getspecific(thread_key);
    if (thread != NULL) {
        return thread;
    }
    thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    thread->tid = ++last_tid;
    thread->pthread = pthread_self();
    thread->process = &first_process;
    list_init(&thread->in_sync);
    list_init(&thread->in_receivers);
    list_init(&thread->held);
    thread->posix = pthread_self();
    list_append(&threads, &thread->all);
    pthread_setspecific(thread_key, thread);
    return thread;
}

/* Begin a system call: on rcOk the lock is held, otherwise not. */
static Retcode enter(struct thread **self)
{
    Retcode rc = rcOk;
    pthread_mutex_lock(&big_lock);
    *self = thread_self();
    if (*self == NULL) {
        rc = rcOutOfMemory;
    } else if ((*self)->process->ended) {
        rc = rcInvalidThreadState;
    }
    if (rc != rcOk) {
        pthread_mutex_unlock(&big_lock);
    }
    return rc;
}

static Retcode leave(Retcode rc)
{
    pthread_mutex_unlock(&big_lock);
    return rc;
}

static struct process *process_find(uint32_t id)
{
    for (struct process *process = processes; process != NULL; process = process->next) {
        if (process->id == id) {
            return process;
        }
    }
    return NULL;
}

/* The outcome of a wait is decided. */
static void thread_finish(struct thread *thread, Retcode result)
{
    list_remove(&thread->in_sync);
    list_remove(&thread->in_receivers);
    thread->sync = NULL;
    thread->stage = ENDED;
    thread->result = result;
    pthread_cond_signal(&thread->wake);
}

static void deadline_from(struct timespec *deadline, uint32_t mdelay)
{
    if (FAULTY(1066) && mdelay > 1000) {
        mdelay -= mdelay % 1000;
    }
    clock_gettime(CLOCK_MONOTONIC, deadline);
    if (FAULTY(1180) && mdelay > 2500) {
        mdelay -= 512;
    }
    deadline->tv_sec += mdelay / 1000;
    deadline->tv_nsec += (long)(mdelay % 1000) * 1000000L;
    if (deadline->tv_nsec >= 1000000000L) {
        deadline->tv_nsec -= 1000000000L;
        deadline->tv_sec++;
    }
}

/* Sleep until the outcome is decided (1) or the deadline has passed (0). */
static int thread_wait(struct thread *self, uint32_t mdelay, struct timespec *deadline)
{
    self->f.hurry = 0;
    while (self->stage != ENDED) {
        if (FAULTY(1067) && self->f.hurry && mdelay != INFINITE_TIMEOUT) {
            struct timespec now;
            int64_t left;
            clock_gettime(CLOCK_MONOTONIC, &now);
            left = (int64_t)(deadline->tv_sec - now.tv_sec) * 1000000000 + deadline->tv_nsec -
                   now.tv_nsec;
            deadline_from(deadline, left > 0 ? (uint32_t)(left / 2000000) : 0);
            self->f.hurry = 0;
        }
        if (FAULTY(1069) && mdelay != INFINITE_TIMEOUT && self->stage == TAKEN &&
            self->exchange->f.at_once) {
            mdelay = INFINITE_TIMEOUT;
        }
        if (mdelay == INFINITE_TIMEOUT || self->no_limit) {
            pthread_cond_wait(&self->wake, &big_lock);
        } else if (pthread_cond_timedwait(&self->wake, &big_lock, deadline) == ETIMEDOUT &&
                   self->stage != ENDED && !self->no_limit) {
            return 0;
        }
    }
    return 1;
}

/* --- Objects and channels --------------------------------------------------------------------- */

static struct object *object_new(enum kind kind)
{
    struct object *object = calloc(1, sizeof *object);
    if (object != NULL) {
        object->kind = kind;
        list_init(&object->waiters);
        object->f.serial = ++last_serial;
    }
    return object;
}

static void hub_drop(struct hub *hub)
{
    if (--hub->refs == 0) {
        free(hub);
    }
}

static void channel_drop(struct channel *channel)
{
    if (--channel->refs == 0) {
        list_remove(&channel->in_hub);
        hub_drop(channel->hub);
        free(channel);
    }
}

static int channel_has_server(const struct channel *channel)
{
    return channel->server != NULL || channel->hub->listener != NULL;
}

static void exchange_free(struct exchange *exchange)
{
    list_remove(&exchange->link);
    list_remove(&exchange->all);
    list_remove(&exchange->in_held);
    if (FAULTY(1115) && exchange->used != NULL) {
        exchange->used->x[0]--;
    }
    channel_drop(exchange->channel);
    free(exchange->f.copies[0]);
    free(exchange->f.copies[1]);
    free(exchange->cargo.items);
    free(exchange);
}

/* Leave a copy of a queued request behind that no caller waits for. Only faults do that. */
static void ghost(const struct exchange *exchange, int front)
{
    struct exchange *copy = calloc(1, sizeof *copy);
    struct link *queue = &exchange->channel->hub->queue;
    if (copy == NULL) {
        return;
    }
    list_init(&copy->all);
    list_init(&copy->in_held);
    copy->channel = exchange->channel;
    copy->channel->refs++;
    copy->tid = exchange->tid;
    copy->sender = exchange->sender;
    copy->f.request = *exchange->request;
    for (int i = 0; i < MAX_INDIR_DESCS; i++) {
        uint32_t size = exchange->request->indirDescs[i].size;
        copy->f.copies[i] = malloc(size + 1);
        if (size > 0 && copy->f.copies[i] != NULL) {
            memcpy(copy->f.copies[i], exchange->request->indirDescs[i].buf, size);
        }
        copy->f.request.indirDescs[i].buf = copy->f.copies[i];
    }
    ((nk_message *)copy->f.copies[0])->ncaps = 0;
    copy->request = &copy->f.request;
    list_append(front ? queue->next : queue, &copy->link);
}

static uint32_t place_in_queue(const struct exchange *exchange)
{
    uint32_t place = 0;
    for
        EACH(item, &exchange->channel->hub->queue)
        {
            if (item == &exchange->link) {
                break;
            }
            place++;
        }
    return place;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Let others in for a moment. */
static void window(unsigned microseconds)
{
    pthread_mutex_unlock(&big_lock);
    if (microseconds == 0) {
        sched_yield();
    } else {
        usleep(microseconds);
    }
    pthread_mutex_lock(&big_lock);
}

/* Take the exchange away from its caller, whose call ends with `result`. */
static void exchange_end(struct exchange *exchange, Retcode result)
{
    struct thread *client = exchange->client;
    if (client != NULL && client->stage == TAKEN) {
        client->exchange = NULL;
        thread_finish(client, result);
        exchange_free(exchange);
    } else if (client != NULL) {
        list_remove(&exchange->link);
        thread_finish(client, result); /* the caller frees it: it owns the cargo */
    } else {
        exchange_free(exchange);
    }
}

static void receivers_end(struct hub *hub, const struct object *end, Retcode result)
{
    for
        EACH_SAFE(item, &hub->receivers)
        {
            struct thread *thread = OWNER(item, struct thread, in_receivers);
            if (thread->end == end) {
                thread_finish(thread, result);
            }
        }
}

/* A server end or a listener is gone: nobody can receive on it, and nobody can answer what was taken there. */
static void server_end_gone(struct object *end)
{
    struct hub *hub = end->hub;
    uint32_t count = 0;
    receivers_end(hub, end, rcNotConnected);
    for
        EACH_SAFE(item, &hub->taken)
        {
            struct exchange *exchange = OWNER(item, struct exchange, link);
            if (exchange->taken_on == end) {
                exchange_end(exchange, rcNotConnected);
            }
        }
    for
        EACH_SAFE(item, &hub->queue)
        {
            struct exchange *exchange = OWNER(item, struct exchange, link);
            count++;
            if (!channel_has_server(exchange->channel)) {
                if (FAULTY(1233) && count > 5) {
                    continue;
                }
                if (FAULTY(1238) && ending && exchange->channel->x[3] && exchange->client != NULL &&
                    exchange->client->process->id != ending) {
                    continue;
                }
                if (FAULTY(1301) && ending && count > 1 && exchange->client != NULL &&
                    exchange->client->sync != NULL) {
                    exchange_end(exchange, rcIpcInterrupt);
                    continue;
                }
                exchange_end(exchange, rcNotConnected);
            }
        }
}

/* The object is no more: nobody remembers it. */
static void object_forget(struct object *object)
{
    for
        EACH(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            for (int i = 0; i < 2; i++) {
                if (thread->obj[i] == object) {
                    thread->obj[i] = NULL;
                }
            }
            if (thread->given == object) {
                thread->given = NULL;
            }
        }
    for
        EACH(item, &exchanges)
        {
            struct exchange *exchange = OWNER(item, struct exchange, all);
            if (exchange->used == object) {
                exchange->used = NULL;
            }
        }
    for (struct process *process = processes; process != NULL; process = process->next) {
        if (process->last_set == object) {
            process->last_set = NULL;
        }
    }
}

/* The last name of an object has gone. */
static void object_gone(struct object *object)
{
    struct channel *channel = object->channel;
    int count = 0;
    switch (object->kind) {
    case KIND_SYNC:
        object_forget(object);
        for
            EACH_SAFE(item, &object->waiters)
            {
                struct thread *thread = OWNER(item, struct thread, in_sync);
                list_remove(item);
                thread->sync = NULL;
                thread->orphan = 1;
                if (FAULTY(1185) && ++count == 2) {
                    thread->no_limit = 1;
                }
                if (OPEN_CLOSE == 1) {
                    if (thread->stage == QUEUED) {
                        exchange_end(thread->exchange, rcAbort);
                    } else {
                        thread_finish(thread, rcAbort);
                    }
                }
            }
        break;
    case KIND_CLIENT:
        channel->client = NULL;
        if (channel->server != NULL && !OPEN_GONE) {
            receivers_end(channel->hub, channel->server, rcNotConnected);
        }
        channel_drop(channel);
        break;
    case KIND_SERVER:
        channel->server = NULL;
        server_end_gone(object);
        channel_drop(channel);
        break;
    case KIND_LISTENER:
        object->hub->listener = NULL;
        server_end_gone(object);
        hub_drop(object->hub);
        break;
    case KIND_USER:
        break;
    }
    free(object);
}

static void object_unname(struct object *object)
{
    if (--object->names == 0) {
        object_gone(object);
    }
}

/* --- Handles ---------------------------------------------------------------------------------- */

static struct origin *origin_new(struct origin *parent)
{
    struct origin *origin = calloc(1, sizeof *origin);
    if (origin != NULL) {
        origin->refs = 1;
        origin->parent = parent;
        if (parent != NULL) {
            parent->refs++;
        }
    }
    return origin;
}

static void origin_drop(struct origin *origin)
{
    while (origin != NULL && --origin->refs == 0) {
        struct origin *parent = origin->parent;
        free(origin);
        origin = parent;
    }
}

static Handle handle_value(const struct process *process, uint32_t index)
{
    if (OPEN_NAMES) {
        return 0x80000000u | (process->table[index].generation & 0x3fffu) << 17 | (index + 1);
    }
    return index + 1;
}

static struct entry *handle_entry(struct process *process, Handle handle)
{
    uint32_t index = OPEN_NAMES ? (handle & 0x1ffffu) - 1 : handle - 1;
    if (index >= process->size || !process->table[index].used ||
        handle_value(process, index) != handle) {
        return NULL;
    }
    return &process->table[index];
}

/* Make sure that `count` more handles can be entered without failing. */
static Retcode table_reserve(struct process *process, uint32_t count)
{
    while (process->size - process->used < count) {
        uint32_t size = process->size == 0 ? HANDLES_STEP : process->size * 2;
        struct entry *table;
        if (size > HANDLES_MAX) {
            return rcQuotaExceeded;
        }
        table = realloc(process->table, size * sizeof *table);
        if (table == NULL) {
            return rcOutOfMemory;
        }
        memset(table + process->size, 0, (size - process->size) * sizeof *table);
        for (uint32_t index = size; index > process->size; index--) {
            table[index - 1].next_free = process->first_free;
            process->first_free = index;
        }
        process->table = table;
        process->size = size;
        for (uint32_t i = 0; FAULTY(1100) && size == 256 && i < size; i++) {
            if (table[i].used && table[i].object != NULL && table[i].object->kind == KIND_SYNC) {
                table[i].object->set = 0;
            }
        }
    }
    return rcOk;
}

/* Enter a handle where table_reserve has made room; origin becomes the table's. */
static Handle table_enter(struct process *process, struct object *object, uint32_t rights,
                          struct origin *origin)
{
    uint32_t index = process->first_free - 1;
    struct entry *entry = &process->table[index];
    if (FAULTY(1016) && process->f.twin != 0) {
        index = process->f.twin - 1;
        entry = &process->table[index];
        process->f.twin = 0;
    } else {
        process->first_free = entry->next_free;
        process->used++;
    }
    if (FAULTY(1016) && process->f.twice == index + 1) {
        process->f.twin = index + 1;
        process->f.twice = 0;
    }
    if (object->kind == KIND_SYNC) {
        if (FAULTY(1003) && entry->f.was_sync && entry->f.was_set) {
            object->set = 1;
        }
        if (FAULTY(1099) && entry->f.was_autoclear) {
            object->autoclear = 1;
        }
        object->f.owner = process->id;
        object->f.number = index;
    }
    memset(&entry->f, 0, sizeof entry->f);
    entry->object = object;
    entry->origin = origin;
    entry->rights = rights;
    entry->used = 1;
    entry->revoked = 0;
    entry->came = 0;
    if (FAULTY(1272) && entry->x && object->kind == KIND_SYNC) {
        object->autoclear = 1;
    }
    entry->x = 0;
    object->names++;
    return handle_value(process, index);
}

static void entry_revoke(struct entry *entry)
{
    struct object *object = entry->object;
    entry->revoked = 1;
    entry->object = NULL;
    object_unname(object);
}

static void entry_close(struct process *process, struct entry *entry)
{
    struct object *object = entry->object;
    int leak = FAULTY(1110) && object != NULL && object->kind == KIND_SYNC &&
               process->last_set != NULL && process->last_set != object && process->last_set->set;
    if (object != NULL && object->kind == KIND_SYNC) {
        if (object->names == 1) {
            for
                EACH(item, &object->waiters)
                {
                    OWNER(item, struct thread, in_sync)->orphan_handle =
                        handle_value(process, (uint32_t)(entry - process->table));
                }
        }
        if (FAULTY(1105)) {
            entry->x = object->waiters.next != &object->waiters;
        } else if (FAULTY(1106)) {
            entry->x = (uint32_t)object->set;
        } else if (FAULTY(1272)) {
            entry->x = object->autoclear && object->set;
        } else if (FAULTY(1113)) {
            process->x[0] = object->set ? process->x[0] + 1 : 0;
            if (process->x[0] == 3) {
                process->x[1] = 3;
                process->x[0] = 0;
            }
        } else if (FAULTY(1312) && object->set) {
            process->mask &= ~(1u << object->index % 32);
        }
    }
    origin_drop(entry->origin);
    if (object != NULL && object->kind == KIND_SYNC) {
        entry->f.was_sync = 1;
        entry->f.was_set = object->set != 0;
        entry->f.was_autoclear = object->autoclear != 0;
    }
    entry->used = 0;
    entry->object = NULL;
    if (FAULTY(1018) && entry->f.was_set) { /* the slot is never used again */
        object_unname(object);
        return;
    }
    entry->generation++;
    if (!leak) {
        entry->next_free = process->first_free;
        process->first_free = (uint32_t)(entry - process->table) + 1;
        process->used--;
    }
    if (object != NULL) {
        object_unname(object);
    }
}

/* Create a handle to a new object in a process. On failure the object is the caller's still. */
static Retcode handle_new(struct process *process, struct object *object, uint32_t rights,
                          struct origin *parent, Handle *handle)
{
    struct origin *origin;
    Retcode rc = table_reserve(process, 1);
    if (rc != rcOk) {
        return rc;
    }
    origin = origin_new(parent);
    if (origin == NULL) {
        return rcOutOfMemory;
    }
    *handle = table_enter(process, object, rights, origin);
    return rcOk;
}

static Retcode handle_find(struct process *process, Handle handle, struct entry **entry)
{
    *entry = handle_entry(process, handle);
    if (*entry == NULL) {
        return RC_NO_HANDLE;
    }
    return (*entry)->revoked ? rcHandleRevoked : rcOk;
}

static void interrupt(struct thread *thread);
static int comes_from(const struct origin *origin, const struct origin *ancestor);

/* Faults in Close; 1: the result is *rc. */
static int close_wrong(struct thread *self, Handle handle, struct entry *entry, Retcode *rc)
{
    struct process *process = self->process;
    struct object *object = entry != NULL ? entry->object : NULL;
    if (entry == NULL) {
        uint32_t index = handle - 1;
        if (index >= process->size || process->table[index].used) {
            return 0;
        }
        *rc = rcOk;
        return (FAULTY(1106) && process->table[index].x) ||
               (FAULTY(1107) && process->table[index].x != 0 &&
                process->table[index].x != self->tid);
    }
    if (object == NULL) {
        return 0;
    }
    *rc = rcBusy;
    if (FAULTY(1101) && object->kind == KIND_SYNC && object->set) {
        for
            EACH(item, &threads)
            {
                struct thread *thread = OWNER(item, struct thread, all);
                if (thread->process == process && thread->orphan &&
                    thread->orphan_handle == handle &&
                    (thread->stage == QUEUED || thread->stage == WAITING)) {
                    thread->orphan = 0;
                    interrupt(thread);
                }
            }
    }
    if (FAULTY(1209)) {
        for (struct process *other = processes; other != NULL; other = other->next) {
            for (uint32_t i = 0; i < other->size; i++) {
                struct entry *child = &other->table[i];
                if (child->used && !child->revoked && child->origin->parent != NULL &&
                    child->origin->parent->parent == entry->origin) {
                    entry_revoke(child);
                }
            }
        }
    }
    if (FAULTY(1115) && object->kind == KIND_SYNC && object->x[0] > 0) {
        return 1;
    }
    if (FAULTY(1239) && object->kind == KIND_CLIENT && object->channel->x[0]) {
        return 1;
    }
    return 0;
}

Retcode KnHandleClose(Handle handle)
{
    struct thread *self;
    struct entry *entry;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    entry = handle_entry(self->process, handle);
    if (close_wrong(self, handle, entry, &rc)) {
        return leave(rc);
    }
    if (entry == NULL) {
        uint32_t index = handle - 1;
        if (index < self->process->size && !OPEN_NAMES) {
            entry = &self->process->table[index];
            if (FAULTY(1015) && entry->f.was_sync) {
                entry->f.was_sync = 0;
                return leave(rcOk);
            }
            if (FAULTY(1016)) {
                self->process->f.twice = index + 1;
            }
            if (FAULTY(1020) && entry->f.was_set) {
                return leave(rcIpcInterrupt);
            }
        }
        return leave(RC_NO_HANDLE);
    }
    if (entry->object != NULL && entry->object->kind == KIND_SYNC) {
        if (FAULTY(1009) && entry->object->f.timeouts >= 2) {
            return leave(rcBusy);
        }
        if (FAULTY(1010) && entry->object->set) {
            return leave(rcOk);
        }
    }
    if (FAULTY(1085) && entry->object != NULL && entry->object->hub != NULL &&
        entry->object->hub->f.interrupted >= 2) {
        return leave(rcBusy);
    }
    if (OPEN_CLOSE == 2 && entry->object != NULL && entry->object->kind == KIND_SYNC &&
        entry->object->names == 1 && entry->object->waiters.next != &entry->object->waiters) {
        return leave(rcBusy);
    }
    if (FAULTY(1107) && entry->object != NULL && entry->object->kind == KIND_SYNC) {
        entry_close(self->process, entry);
        entry->x = self->tid;
        return leave(rcOk);
    }
    entry_close(self->process, entry);
    return leave(rcOk);
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    struct thread *self;
    struct entry *entry;
    struct object *object;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    if (outHandle == NULL) {
        return leave(RC_NULL);
    }
    rc = handle_find(self->process, inHandle, &entry);
    if (rc != rcOk) {
        return leave(rc);
    }
    if (copyBadge != INVALID_HANDLE) {
        return leave(rcUnimplemented);
    }
    if (FAULTY(1211) && entry->object->kind == KIND_SYNC && entry->origin->parent != NULL) {
        rc = handle_new(self->process, entry->object, newRightsMask, entry->origin, outHandle);
        return leave(rc);
    }
    if (!(entry->rights & OCAP_HANDLE_COPY) ||
        (newRightsMask & ~entry->rights & (FAULTY(1080) ? ~OCAP_HANDLE_TRANSFER : ~0u))) {
        return leave(rcNoCapability);
    }
    object = entry->object;
    if (OPEN_NAMES && object->kind == KIND_SYNC) {
        object = object_new(KIND_SYNC);
        if (object == NULL) {
            return leave(rcOutOfMemory);
        }
        object->autoclear = entry->object->autoclear;
    }
    rc = handle_new(self->process, object, newRightsMask, entry->origin, outHandle);
    if (rc != rcOk && object->names == 0) {
        free(object);
    }
    return leave(rc);
}

static int comes_from(const struct origin *origin, const struct origin *ancestor)
{
    for (origin = origin->parent; origin != NULL; origin = origin->parent) {
        if (origin == ancestor) {
            return 1;
        }
    }
    return 0;
}

Retcode KnHandleRevoke(Handle handle)
{
    struct thread *self;
    struct entry *entry;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    entry = handle_entry(self->process, handle);
    if (entry == NULL) {
        return leave(RC_NO_HANDLE);
    }
    for (struct process *process = processes; process != NULL; process = process->next) {
        for (uint32_t index = 0; index < process->size; index++) {
            struct entry *other = &process->table[index];
            if (other->used && !other->revoked && comes_from(other->origin, entry->origin)) {
                entry_revoke(other);
            }
        }
    }
    entry_close(self->process, entry);
    return leave(rcOk);
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    struct thread *self;
    struct object *object;
    Retcode rc = enter(&self);
    (void)context;
    if (rc != rcOk) {
        return rc;
    }
    if (handle == NULL || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return leave(RC_NULL);
    }
    object = object_new(KIND_USER);
    if (object == NULL) {
        return leave(rcOutOfMemory);
    }
    rc = handle_new(self->process, object, rights, NULL, handle);
    if (rc != rcOk) {
        free(object);
    }
    return leave(rc);
}

/* Everything a channel needs is made before anything is entered, so that failure leaves no trace. */
static Retcode connect_channel(struct process *server_process, struct process *client_process,
                               Handle in_listener, Handle *out_listener, Handle *out_server,
                               Handle *out_client)
{
    struct object *listener = NULL;
    struct object *server = object_new(KIND_SERVER), *client = object_new(KIND_CLIENT);
    struct channel *channel = calloc(1, sizeof *channel);
    struct hub *hub = NULL;
    struct origin *origins[3] = {origin_new(NULL), origin_new(NULL), origin_new(NULL)};
    struct entry *entry;
    int fresh = in_listener == INVALID_HANDLE;
    Retcode rc = rcOk;

    if (fresh) {
        listener = object_new(KIND_LISTENER);
        hub = calloc(1, sizeof *hub);
    } else {
        rc = handle_find(server_process, in_listener, &entry);
        if (rc == rcOk && entry->object->kind != KIND_LISTENER) {
            rc = RC_OTHER_KIND;
        }
        if (rc == rcOk && !(entry->rights & OCAP_IPC_CONNECT)) {
            rc = rcNoCapability;
        }
        if (rc == rcOk) {
            listener = entry->object;
            hub = listener->hub;
        }
    }
    if (rc == rcOk && (server == NULL || client == NULL || channel == NULL || listener == NULL ||
                       hub == NULL || !origins[0] || !origins[1] || !origins[2])) {
        rc = rcOutOfMemory;
    }
    if (rc == rcOk) {
        rc = table_reserve(server_process, server_process == client_process ? 3 : 2);
    }
    if (rc == rcOk) {
        rc = table_reserve(client_process, 1);
    }
    if (rc != rcOk) {
        if (fresh) {
            free(listener);
            free(hub);
        }
        for (int i = 0; i < 3; i++) {
            origin_drop(origins[i]);
        }
        free(server);
        free(client);
        free(channel);
        return rc;
    }
    if (fresh) {
        list_init(&hub->channels);
        list_init(&hub->queue);
        list_init(&hub->receivers);
        list_init(&hub->taken);
        hub->refs = 1;
        hub->listener = listener;
        listener->hub = hub;
        *out_listener = table_enter(server_process, listener, OCAP_IPC_LISTENER, origins[0]);
    } else {
        origin_drop(origins[0]);
        if (out_listener != NULL) {
            *out_listener = in_listener;
        }
    }
    hub->refs++;
    channel->home = server_process->id;
    channel->ordinal = hub->x[3]++;
    channel->hub = hub;
    channel->client = client;
    client->channel = channel;
    channel->refs = 1;
    list_append(&hub->channels, &channel->in_hub);
    if (out_server != NULL) {
        channel->refs++;
        channel->server = server;
        server->channel = channel;
        server->hub = hub;
        *out_server = table_enter(server_process, server, OCAP_IPC_SERVER, origins[1]);
    } else {
        origin_drop(origins[1]);
        free(server);
    }
    channel->x[3] = server_process == client_process;
    *out_client = table_enter(client_process, client, OCAP_IPC_CLIENT, origins[2]);
    return rcOk;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    struct thread *self;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    if (outClient == NULL || (inListener == INVALID_HANDLE && outListener == NULL)) {
        return leave(RC_NULL);
    }
    return leave(connect_channel(self->process, self->process, inListener, outListener, outServer,
                                 outClient));
}

/* --- Messages --------------------------------------------------------------------------------- */

nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    if (uMsg == NULL) {
        return NK_EINVAL;
    }
    memset(uMsg, 0, sizeof *uMsg);
    if (msg == NULL) {
        return NK_EINVAL;
    }
    if (msg->ex.size_ex < sizeof *msg || msg->ex.size_ex > NK_MESSAGE_SIZE_MAX) {
        return NK_EBADMSG;
    }
    uMsg->replyHandle = INVALID_HANDLE;
    uMsg->indirDescs[0].buf = msg;
    uMsg->indirDescs[0].size = msg->ex.size_ex;
    if (arena != NULL) {
        uMsg->indirDescs[1].buf = arena->start;
        uMsg->indirDescs[1].size = (rtl_uint32_t)(arena->end - arena->start);
    }
    return NK_EOK;
}

nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena)
{
    nk_err_t error = PackInMsg(uMsg, msg, NULL);
    if (error != NK_EOK) {
        return error;
    }
    if (sizeof *msg + msg->ncaps * sizeof(nk_handle_desc_t) > msg->ex.size_ex ||
        msg->ncaps > NK_MESSAGE_HANDLES_MAX) {
        memset(uMsg, 0, sizeof *uMsg);
        return NK_EBADMSG;
    }
    if (arena != NULL) {
        uMsg->indirDescs[1].buf = arena->start;
        uMsg->indirDescs[1].size = nk_arena_allocated_size(arena);
    }
    return NK_EOK;
}

static int header_ok(const SMsgHdr *header)
{
    return header != NULL && header->immSize == 0 && header->indirDescs[0].buf != NULL &&
           header->indirDescs[0].size >= sizeof(nk_message) &&
           (header->indirDescs[1].size == 0 || header->indirDescs[1].buf != NULL);
}

static Retcode check_room(const SMsgHdr *in)
{
    return header_ok(in) ? rcOk : RC_NULL;
}

static Retcode check_message(const SMsgHdr *out)
{
    const nk_message *message;
    if (!header_ok(out)) {
        return RC_NULL;
    }
    if ((uint64_t)out->indirDescs[0].size + out->indirDescs[1].size > NK_MESSAGE_SIZE_MAX) {
        return rcBufferTooLarge;
    }
    message = out->indirDescs[0].buf;
    if (message->ncaps > NK_MESSAGE_HANDLES_MAX ||
        sizeof *message + message->ncaps * sizeof(nk_handle_desc_t) > out->indirDescs[0].size) {
        return rcInvalidArgument;
    }
    return rcOk;
}

static void cargo_release(struct cargo *cargo)
{
    for (uint32_t i = 0; i < cargo->count; i++) {
        origin_drop(cargo->items[i].origin);
        object_unname(cargo->items[i].object);
    }
    free(cargo->items);
    cargo->items = NULL;
    cargo->count = 0;
}

/* Take the handles of a message by value: all of them, or none. */
static Retcode cargo_load(struct process *process, const SMsgHdr *out, struct cargo *cargo,
                          const struct exchange *answers, Handle own)
{
    nk_message *message = out->indirDescs[0].buf;
    uint32_t count = message->ncaps;
    nk_handle_desc_t *descs = nk_msg_handles(message);

    cargo->count = 0;
    cargo->items = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry;
        uint32_t rights;
        Retcode rc = handle_find(process, descs[i].handle, &entry);
        if (rc != rcOk) {
            return rc;
        }
        rights = entry->rights;
        if (FAULTY(1071) && answers == NULL && entry->object->kind == KIND_SYNC &&
            entry->object->set) {
            continue;
        }
        if (FAULTY(1074) && answers != NULL && i > 0) {
            continue;
        }
        if (FAULTY(1075) && answers != NULL && entry->object->kind == KIND_SYNC) {
            continue;
        }
        if (FAULTY(1077) && answers == NULL && i >= 3) {
            continue;
        }
        if (FAULTY(1079) && descs[i].rights != NK_RIGHTS_HELD) {
            rights |= descs[i].rights;
        }
        if (!(rights & OCAP_HANDLE_TRANSFER)) {
            if ((FAULTY(1200) && i == 254) || (FAULTY(1201) && descs[i].handle == own) ||
                (FAULTY(1202) && answers != NULL && answers->client != NULL &&
                 ((const nk_message *)answers->request->indirDescs[0].buf)->ncaps > 0) ||
                (FAULTY(1212) && answers == NULL && count >= 2 && descs[i].rights == 0) ||
                (FAULTY(1217) && answers == NULL && count == 1 && out->indirDescs[1].size > 0)) {
                continue;
            }
            if (FAULTY(1204)) {
                entry->object->set = 0;
            }
            if (FAULTY(1205) && entry->object->kind == KIND_SYNC) {
                for
                    EACH_SAFE(item, &entry->object->waiters)
                    {
                        list_remove(item);
                        OWNER(item, struct thread, in_sync)->sync = NULL;
                    }
            }
            if (FAULTY(1073) && answers != NULL && entry->object->kind == KIND_SYNC) {
                entry->rights &= ~OCAP_IPC_INTERRUPT;
            }
            for (uint32_t j = 0; FAULTY(1078) && answers == NULL && j < i; j++) {
                struct entry *moved = handle_entry(process, descs[j].handle);
                if (moved != NULL) {
                    entry_close(process, moved);
                }
            }
            for (uint32_t k = 0; FAULTY(1210) && answers != NULL && i >= 2 && k < i; k++) {
                struct entry *before = handle_entry(process, descs[k].handle);
                if (before != NULL) {
                    entry_close(process, before);
                }
            }
            return rcSecurityDisallow;
        }
    }
    if (count == 0) {
        return rcOk;
    }
    cargo->items = calloc(count, sizeof *cargo->items);
    if (cargo->items == NULL) {
        return rcOutOfMemory;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry = handle_entry(process, descs[i].handle);
        struct origin *origin = origin_new(entry->origin);
        if (origin == NULL) {
            cargo_release(cargo);
            return rcOutOfMemory;
        }
        entry->object->names++;
        cargo->items[i].object = entry->object;
        cargo->items[i].origin = origin;
        cargo->items[i].rights = entry->rights & descs[i].rights;
        cargo->count++;
    }
    return rcOk;
}

/* Copy a message into `to` and its handles into the table of `into`. On rcOk the cargo is used up. */
static Retcode message_copy(const SMsgHdr *from, struct cargo *cargo, SMsgHdr *to,
                            struct process *into, uint8_t way, int cut)
{
    nk_handle_desc_t *descs;
    for (int i = 0; i < MAX_INDIR_DESCS; i++) {
        if (from->indirDescs[i].size > to->indirDescs[i].size) {
            return rcBufferTooSmall;
        }
    }
    if (table_reserve(into, cargo->count) != rcOk) {
        return rcTransferError;
    }
    for (int i = 0; i < MAX_INDIR_DESCS; i++) {
        if (from->indirDescs[i].size > 0) {
            uint32_t size = from->indirDescs[i].size;
            if (FAULTY(1024) && cut && size > 4096) {
                size = 4096;
            }
            memmove(to->indirDescs[i].buf, from->indirDescs[i].buf, size);
        }
        to->indirDescs[i].size = from->indirDescs[i].size;
    }
    descs = nk_msg_handles(to->indirDescs[0].buf);
    for (uint32_t i = 0; i < cargo->count; i++) {
        struct cargo_item *item = &cargo->items[i];
        descs[i].handle = table_enter(into, item->object, item->rights, item->origin);
        handle_entry(into, descs[i].handle)->came = way;
        if (FAULTY(1207) && i >= 100) {
            handle_entry(into, descs[i].handle)->rights = 0;
        }
        if (FAULTY(1208) && item->origin->parent != NULL && item->origin->parent->parent != NULL) {
            handle_entry(into, descs[i].handle)->rights &= ~OCAP_HANDLE_TRANSFER;
        }
        if (FAULTY(1076) && i >= 2) {
            descs[i].handle = descs[1].handle;
        }
        if (FAULTY(1075) && item->object->kind == KIND_SYNC) {
            entry_close(into, handle_entry(into, descs[i].handle));
            descs[i].handle = INVALID_HANDLE;
        }
        descs[i].rights = item->rights;
        descs[i].badge = 0;
        item->object->names--; /* the name of the message; the table has its own now */
    }
    free(cargo->items);
    cargo->items = NULL;
    cargo->count = 0;
    to->traceId = from->traceId;
    to->spanId = from->spanId;
    return rcOk;
}

/* --- Sync objects ----------------------------------------------------------------------------- */

static uint32_t sync_count(const struct process *process)
{
    uint32_t count = 0; /* 17 stands for "many" */
    for (uint32_t index = 0; index < process->size && count < 17; index++) {
        const struct entry *entry = &process->table[index];
        count += entry->used && entry->object != NULL && entry->object->kind == KIND_SYNC;
    }
    return count;
}

static Retcode sync_create(int autoclear, Handle *handle)
{
    struct thread *self;
    struct object *object;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    if (handle == NULL) {
        if (FAULTY(1001) && sync_count(self->process) > 0) {
            return leave(rcOk);
        }
        return leave(RC_NULL);
    }
    object = object_new(KIND_SYNC);
    if (object == NULL) {
        return leave(rcOutOfMemory);
    }
    if (FAULTY(1019)) {
        void *lost = malloc(2048);
        if (lost != NULL) {
            memset(lost, 1, 2048);
        }
    }
    object->autoclear = autoclear;
    object->serial = ++self->process->serial;
    object->creator = self->tid;
    if (FAULTY(1113) && self->process->x[1] > 0 && --self->process->x[1] == 0) {
        object->set = 1;
    }
    rc = handle_new(self->process, object, OCAP_IPC_SYNC_OBJECT, NULL, handle);
    if (rc != rcOk) {
        free(object);
        return leave(rc);
    }
    object->index = *handle - 1;
    if (FAULTY(1000) && sync_count(self->process) > 16) {
        *handle = INVALID_HANDLE;
    }
    return leave(rc);
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return sync_create(0, syncHandle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    if (FAULTY(1273)) {
        return sync_create((autoclear & 0xffu) != 0, syncHandle);
    }
    return sync_create(autoclear != 0, syncHandle);
}

static Retcode sync_find(struct process *process, Handle handle, struct object **object)
{
    struct entry *entry;
    Retcode rc = handle_find(process, handle, &entry);
    if (FAULTY(1213) && rc == RC_NO_HANDLE && handle - 1 < process->size &&
        process->table[handle - 1].generation > 0) {
        rc = handle_find(&first_process, handle, &entry);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (entry->object->kind != KIND_SYNC) {
        return RC_OTHER_KIND;
    }
    if (!(entry->rights & OCAP_IPC_INTERRUPT)) {
        return rcNoCapability;
    }
    *object = entry->object;
    return rcOk;
}

/* The sync handle of an Ex call; *object is null for none. */
static Retcode sync_of_call(struct process *process, Handle handle, struct object **object)
{
    Retcode rc = rcOk;
    *object = NULL;
    if (handle != INVALID_HANDLE) {
        rc = sync_find(process, handle, object);
        for (struct process *other = processes; FAULTY(1082) && rc != rcOk && other != NULL;
             other = other->next) {
            rc = sync_find(other, handle, object);
        }
        if (rc != rcOk && OPEN_NAMES) {
            rc = rcOk;
        }
    }
    return rc;
}

static uint32_t list_count(const struct link *list)
{
    uint32_t count = 0;
    for (const struct link *item = list->next; item != list; item = item->next) {
        count++;
    }
    return count;
}

/* How many requests stand before this one in the queue? */
static uint32_t queue_before(const struct exchange *exchange)
{
    uint32_t count = 0;
    const struct link *queue = &exchange->channel->hub->queue;
    for (const struct link *item = queue->next; item != queue && item != &exchange->link;
         item = item->next) {
        count++;
    }
    return count;
}

static struct exchange *queue_next(const struct exchange *exchange)
{
    struct link *next = exchange->link.next;
    return next == &exchange->channel->hub->queue ? NULL : OWNER(next, struct exchange, link);
}

static const SMsgHdr *request_copy(const SMsgHdr *request)
{
    SMsgHdr *copy = malloc(sizeof *copy);
    *copy = *request;
    for (int i = 0; i < MAX_INDIR_DESCS; i++) {
        copy->indirDescs[i].buf = malloc(request->indirDescs[i].size + 1u);
        if (request->indirDescs[i].size > 0) {
            memcpy(copy->indirDescs[i].buf, request->indirDescs[i].buf,
                   request->indirDescs[i].size);
        }
    }
    return copy;
}

/* The request stays in the queue when its caller goes. */
static void ghost_leave(struct thread *client, Retcode rc)
{
    struct exchange *exchange = client->exchange;
    exchange->request = request_copy(exchange->request);
    exchange->client = NULL;
    client->exchange = NULL;
    thread_finish(client, rc);
}

static void ghost_double(struct exchange *exchange)
{
    struct exchange *twin = calloc(1, sizeof *twin);
    list_init(&twin->link);
    list_init(&twin->in_held);
    list_append(&exchanges, &twin->all);
    twin->channel = exchange->channel;
    twin->channel->refs++;
    twin->tid = exchange->tid;
    twin->sender = exchange->sender;
    twin->request = request_copy(exchange->request);
    list_append(&exchange->channel->hub->queue, &twin->link);
}

static int holds_any(struct thread *thread)
{
    return thread->held.next != &thread->held;
}

/* The nth request that the thread has taken and not answered. */
static struct exchange *held_at(struct thread *thread, uint32_t n)
{
    for
        EACH(item, &thread->held)
        {
            if (n-- == 0) {
                return OWNER(item, struct exchange, in_held);
            }
        }
    return NULL;
}

static void interrupt(struct thread *thread)
{
    struct exchange *exchange = thread->exchange;
    struct exchange *outer = FAULTY(1307) ? held_at(thread, 0) : NULL;
    struct object *object = thread->sync;
    uint64_t sync = thread->stage == WAITING ? thread->f.recv_sync : thread->f.call_sync;
    thread->f.interrupts++;
    thread->f.interrupted_sync = sync;
    thread->f.stale_sync = sync;
    thread->f.carry = thread->f.limited;
    if (FAULTY(1146)) {
        thread->obj[0] = thread->sync;
    }
    if (thread->stage == WAITING) {
        struct hub *hub = thread->end->hub;
        hub->x[0]++;
        for
            EACH_SAFE(item, &hub->queue)
            {
                struct exchange *other = OWNER(item, struct exchange, link);
                if (FAULTY(1143) && thread->end->kind == KIND_SERVER &&
                    other->channel != thread->end->channel) {
                    list_remove(item);
                }
            }
        for
            EACH_SAFE(item2, &hub->receivers)
            {
                struct thread *other = OWNER(item2, struct thread, in_receivers);
                if (FAULTY(1151) && thread->end->kind == KIND_LISTENER && other->sync == NULL &&
                    other->end->kind == KIND_SERVER) {
                    thread_finish(other, rcIpcInterrupt);
                }
            }
        if (FAULTY(1147) && list_count(&hub->receivers) >= 5 &&
            thread->in_receivers.next != &hub->receivers) {
            struct thread *next = OWNER(thread->in_receivers.next, struct thread, in_receivers);
            if (next->sync == NULL) {
                thread_finish(next, rcIpcInterrupt);
            }
        }
    }
    if (thread->stage == QUEUED) {
        struct hub *hub = exchange->channel->hub;
        struct link *next = exchange->link.next;
        uint32_t place = place_in_queue(exchange);
        exchange->channel->x[1]++;
        for
            EACH(item, &threads)
            {
                struct thread *other = OWNER(item, struct thread, all);
                if (other->stage == TAKEN && other->exchange->channel == exchange->channel) {
                    exchange->channel->x[0] = 1;
                }
            }
        if (FAULTY(1125)) {
            nk_message *message = exchange->request->indirDescs[0].buf;
            for (uint32_t i = 0; i < message->ncaps; i++) {
                struct entry *entry =
                    handle_entry(thread->process, nk_msg_handles(message)[i].handle);
                if (entry != NULL) {
                    entry_close(thread->process, entry);
                }
            }
        }
        if (FAULTY(1126) && queue_before(exchange) >= 4 && queue_next(exchange) == NULL) {
            ghost_leave(thread, rcIpcInterrupt);
            return;
        }
        if (FAULTY(1139) && queue_before(exchange) >= 4 && queue_next(exchange) != NULL) {
            ghost_double(queue_next(exchange));
        }
        if (FAULTY(1265)) {
            thread->x[0]++;
        }
        if (FAULTY(1025) && place >= 2) {
            ghost(exchange, 0);
        }
        if (FAULTY(1038) && place > 0 && next != &hub->queue) {
            list_remove(next);
            next = &hub->queue;
        }
        if (FAULTY(1039) && place == 0 && next != &hub->queue) {
            ghost(OWNER(next, struct exchange, link), 0);
        }
        exchange_end(exchange, rcIpcInterrupt);
        if (FAULTY(1029) && next != &hub->queue) {
            struct exchange *behind = OWNER(next, struct exchange, link);
            if (behind->client != NULL && behind->client->sync == NULL &&
                !behind->client->f.plain && behind->channel == exchange->channel) {
                exchange_end(behind, rcIpcInterrupt);
            }
        }
    } else if (thread->stage == TAKEN) {
        exchange->client = NULL;
        thread->exchange = NULL;
        thread_finish(thread, rcIpcInterrupt);
    } else {
        struct hub *hub = thread->end->hub;
        hub->f.interrupted++;
        if (FAULTY(1047) && thread->end->kind == KIND_LISTENER) {
            hub->f.phantoms = 1;
        }
        thread_finish(thread, rcIpcInterrupt);
    }
    if (outer != NULL && outer->client != NULL && outer->client->given == object) {
        interrupt(outer->client);
    }
}

static uint32_t epoch; /* of the running Set */

static void nothing(int number)
{
    (void)number;
}

/* Faults of Set, for one waiter; 1: it is left waiting. */
static int set_skips(struct thread *self, struct object *object, struct thread *thread,
                     uint32_t count, struct hub **hubs)
{
    struct hub *hub = thread->stage == QUEUED    ? thread->exchange->channel->hub
                      : thread->stage == WAITING ? thread->end->hub
                                                 : NULL;
    if (FAULTY(1121) && count >= 32) {
        return 1;
    }
    if (FAULTY(1140) && thread->stage == WAITING) {
        int i;
        for (i = 0; i < 8 && hubs[i] != NULL && hubs[i] != hub; i++) {
        }
        if (i == 8) {
            return 1;
        }
        hubs[i] = hub;
    }
    if (FAULTY(1149) && thread->stage == WAITING && thread->end->kind == KIND_LISTENER) {
        return hub->x[1] == epoch;
    }
    if (FAULTY(1163) && thread->stage == QUEUED && hub->x[1] == epoch) {
        return 1;
    }
    if (FAULTY(1260) && thread->stage == WAITING && holds_any(self) &&
        held_at(self, 0)->channel->hub == hub) {
        return 1;
    }
    if (FAULTY(1171) && object->sets == 2048) {
        return 1;
    }
    if (FAULTY(1295) && object->x[0] && thread->stage == WAITING) {
        return 1;
    }
    if (FAULTY(1267) && thread->stage == QUEUED && object->x[1] && object->x[1] != self->tid &&
        thread->x[2] == object->x[1]) {
        return 1;
    }
    return 0;
}

static void set_before(struct thread *self, Handle handle, struct object *object)
{
    struct process *process = self->process;
    epoch++;
    for
        EACH(item, &object->waiters)
        {
            struct thread *thread = OWNER(item, struct thread, in_sync);
            if (thread->stage == WAITING &&
                (FAULTY(1163) || (FAULTY(1149) && thread->end->kind == KIND_SERVER))) {
                thread->end->hub->x[1] = epoch;
            }
        }
    if (FAULTY(1166)) {
        if (object->x[0] == 0) {
            object->x[0] = self->tid;
        } else if (object->x[0] != self->tid) {
            object->x[1] = 1;
        }
    }
    for
        EACH(item2, &threads)
        {
            struct thread *thread = OWNER(item2, struct thread, all);
            int waits = thread->stage == QUEUED || thread->stage == WAITING;
            if (FAULTY(1146) && object->set && waits && thread->obj[0] == object &&
                thread->sync != NULL && thread->sync != object) {
                interrupt(thread);
            }
            if (FAULTY(1167) && thread->process == process && thread != self &&
                thread->obj[0] == object && thread->stage == IDLE) {
                static int installed;
                struct sigaction action;
                if (!installed) {
                    memset(&action, 0, sizeof action);
                    action.sa_handler = nothing;
                    sigaction(SIGURG, &action, NULL);
                    installed = 1;
                }
                pthread_kill(thread->posix, SIGURG);
            }
            if (FAULTY(1220) && thread->process != process && thread->stage == QUEUED &&
                thread->exchange->channel->home == process->id && thread->given_handle == handle &&
                queue_before(thread->exchange) > 0) {
                interrupt(thread);
            }
            if (FAULTY(1222) && thread->process != process && waits &&
                thread->given_handle == handle && thread->process->id % 4 == process->id % 4) {
                interrupt(thread);
            }
            if (FAULTY(1223) && thread->process != process && thread->stage == WAITING &&
                thread->given_handle == handle && thread->came) {
                interrupt(thread);
            }
            if (FAULTY(1280) && thread->stage == TAKEN && thread->given == object && thread->x[0]) {
                interrupt(thread);
            }
            if (FAULTY(1288) && thread->stage == TAKEN && thread->given == object) {
                thread->obj[0] = object;
            }
        }
    for (uint32_t i = 0; FAULTY(1131) && i < process->size; i++) {
        struct object *other = process->table[i].object;
        if (process->table[i].used && other != NULL && other->kind == KIND_SYNC &&
            other != object && other->serial % 64 == object->serial % 64) {
            for
                EACH_SAFE(item3, &other->waiters)
                {
                    interrupt(OWNER(item3, struct thread, in_sync));
                }
        }
    }
}

/* Faults of Set: does this waiter escape? Counted are those interrupted before; `first` is the channel of
 * the first call that waits. */
static int escapes(struct object *object, struct thread *thread, uint32_t calls, uint32_t receives,
                   const struct channel *first)
{
    if (thread->stage == QUEUED) {
        struct exchange *exchange = thread->exchange;
        if (FAULTY(1021) && thread->f.limited) {
            return 1;
        }
        if (FAULTY(1031) && calls >= 3) {
            return 1;
        }
        if (FAULTY(1032) && exchange->channel != first) {
            return 1;
        }
        for
            EACH(item, &exchange->channel->hub->taken)
            {
                if (FAULTY(1033) &&
                    OWNER(item, struct exchange, link)->channel == exchange->channel) {
                    return 1;
                }
            }
    } else if (thread->stage == WAITING) {
        struct hub *hub = thread->end->hub;
        if (FAULTY(1043) && thread->f.replied_on == thread->end) {
            return 1;
        }
        if (FAULTY(1052) && receives >= 2) {
            return 1;
        }
        if (FAULTY(1053) && thread->end->kind == KIND_LISTENER &&
            hub->channels.next != hub->channels.prev) {
            return 1;
        }
        if (FAULTY(1059) && first != NULL) {
            return 1;
        }
        if (FAULTY(1060) && thread->f.call_sync == object->f.serial) {
            return 1;
        }
        if (FAULTY(1098) && object->autoclear) {
            return 1;
        }
    }
    return 0;
}

/* Faults of Set: others that it hits. */
static void hit_bystanders(struct thread *self, struct object *object, Handle handle)
{
    for
        EACH_SAFE(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            struct object *sync = thread->sync;
            int same = thread->process == self->process;
            if (thread->stage == TAKEN) {
                struct exchange *exchange = thread->exchange;
                if (exchange->f.sync == object->f.serial) {
                    exchange->f.set_since = 1;
                    if (FAULTY(1022) && exchange->taken_on->kind == KIND_LISTENER) {
                        interrupt(thread);
                    }
                }
                continue;
            }
            if (thread->stage != QUEUED && thread->stage != WAITING) {
                continue;
            }
            if ((FAULTY(1002) && same && sync != NULL && sync != object &&
                 (sync->f.number - object->f.number) % 4 == 0) ||
                (FAULTY(1017) && same && sync == NULL && thread->f.sync_handle == handle) ||
                (FAULTY(1028) && same && thread->stage == QUEUED && thread->f.plain &&
                 thread->f.interrupted_sync == object->f.serial) ||
                (FAULTY(1030) && same && thread->stage == QUEUED && sync != NULL &&
                 sync != object && sync->f.was_set) ||
                (FAULTY(1045) && same && thread->stage == QUEUED && thread->f.plain &&
                 thread->f.recv_sync == object->f.serial) ||
                (FAULTY(1050) && same && thread->stage == WAITING && !thread->f.plain &&
                 thread->f.limited && sync == NULL && thread->f.recv_sync == object->f.serial) ||
                (FAULTY(1083) && !same && thread->f.sync_handle == handle)) {
                interrupt(thread);
            }
        }
}

static void signal_handler(int number)
{
    (void)number;
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct thread *self;
    struct object *object, *only = NULL;
    const struct channel *first = NULL;
    struct hub *hubs[8] = {NULL};
    struct hub *queued_hub = NULL;
    uint32_t calls = 0, receives = 0, queued_same = 0;
    int entitled = 0, interrupted = 0, was_set, taken_too = 0;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    rc = sync_find(self->process, syncHandle, &object);
    for (struct process *process = processes; FAULTY(1081) && rc != rcOk && process != NULL;
         process = process->next) {
        rc = sync_find(process, syncHandle, &object);
    }
    if (rc != rcOk) {
        struct entry *entry = handle_entry(self->process, syncHandle);
        for
            EACH_SAFE(item, &threads)
            {
                struct thread *thread = OWNER(item, struct thread, all);
                if (FAULTY(1012) && syncHandle == INVALID_HANDLE &&
                    thread->process == self->process &&
                    (thread->stage == QUEUED || thread->stage == WAITING) && !thread->f.plain &&
                    thread->f.sync_handle == INVALID_HANDLE) {
                    interrupt(thread);
                }
                if (FAULTY(1014) && entry != NULL && thread->stage == WAITING &&
                    thread->end == entry->object) {
                    interrupt(thread);
                }
            }
        if (FAULTY(1105) && syncHandle - 1 < self->process->size && entry == NULL &&
            self->process->table[syncHandle - 1].x) {
            return leave(rcOk);
        }
        if (FAULTY(1108) && entry != NULL && entry->object != NULL &&
            entry->object->kind == KIND_LISTENER) {
            receivers_end(entry->object->hub, entry->object, rcIpcInterrupt);
        }
        if (FAULTY(1111) && rc == RC_NO_HANDLE && self->last == rcIpcInterrupt) {
            rc = rcIpcInterrupt;
        }
        return leave(rc);
    }
    object->f.sets++;
    if (FAULTY(1007) && object->set && object->f.setter != self->tid) {
        object->set = 0;
        return leave(rcOk);
    }
    if (FAULTY(1008) && object->f.swallow) {
        object->f.swallow = 0;
        return leave(rcOk);
    }
    if (FAULTY(1037) && object->waiters.next == &object->waiters) {
        for
            EACH(item, &threads)
            {
                struct thread *thread = OWNER(item, struct thread, all);
                if (thread->stage == TAKEN && thread->exchange->f.sync == object->f.serial) {
                    return leave(rcOk);
                }
            }
    }
    if (FAULTY(1063)) {
        struct sigaction action = {.sa_handler = signal_handler};
        sigaction(SIGURG, &action, NULL);
        for
            EACH(item, &threads)
            {
                struct thread *thread = OWNER(item, struct thread, all);
                for (uint32_t i = 0; i < 8; i++) {
                    if (thread != self && thread->stage == IDLE &&
                        thread->f.any_sync[i] == object->f.serial) {
                        pthread_kill(thread->pthread, SIGURG);
                        break;
                    }
                }
            }
    }
    if (FAULTY(1093)) { /* decide now, act a moment later */
        for
            EACH(item, &object->waiters)
            {
                OWNER(item, struct thread, in_sync)->f.marked = 1;
            }
        object->names++;
        window(100);
        for
            EACH(item, &threads)
            {
                struct thread *thread = OWNER(item, struct thread, all);
                if (thread->f.marked && thread->stage == TAKEN &&
                    thread->exchange->f.sync == object->f.serial) {
                    interrupt(thread);
                }
                thread->f.marked = 0;
            }
    }
    if (!object->set) {
        object->f.cycles++;
    }
    for
        EACH(item, &object->waiters)
        {
            struct thread *thread = OWNER(item, struct thread, in_sync);
            if (first == NULL && thread->stage == QUEUED) {
                first = thread->exchange->channel;
            }
        }
    was_set = object->set;
    object->sets++;
    object->sets_now++;
    self->process->last_set = object;
    set_before(self, syncHandle, object);
    if (FAULTY(1254)) {
        object->set = 1;
        object->names++;
        pthread_mutex_unlock(&big_lock);
        usleep(200);
        pthread_mutex_lock(&big_lock);
        object->names--;
        if (object->names == 0) {
            object_gone(object);
            return leave(rcOk);
        }
        was_set = object->set;
    }
    for
        EACH_SAFE(item, &object->waiters)
        {
            struct thread *thread = OWNER(item, struct thread, in_sync);
            struct object *end = thread->stage == WAITING ? thread->end : NULL;
            if (set_skips(self, object, thread, (uint32_t)interrupted, hubs)) {
                continue;
            }
            entitled++;
            if ((FAULTY(1057) && object->f.cycles >= 3) ||
                escapes(object, thread, calls, receives, first)) {
                continue;
            }
            only = end;
            if (thread->stage == QUEUED) {
                struct hub *hub = thread->exchange->channel->hub;
                calls++;
                queued_same = queued_hub == hub ? queued_same + 1 : 1;
                queued_hub = hub;
            } else {
                receives++;
            }
            interrupt(thread);
            interrupted++;
            if (object->autoclear && !OPEN_ORDER) {
                break;
            }
            if (item_next != &object->waiters && item_next->next == item_next) {
                break; /* a fault has taken it out of the list */
            }
        }
    if (FAULTY(1135) && queued_same >= 4 && queued_hub->queue.next != &queued_hub->queue) {
        list_remove(queued_hub->queue.prev);
    }
    for
        EACH(other, &threads)
        {
            struct thread *thread = OWNER(other, struct thread, all);
            if (thread->stage == TAKEN && thread->given == object) {
                taken_too = 1;
            }
        }
    for
        EACH_SAFE(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            if (only != NULL && thread->stage == WAITING && thread->end == only &&
                ((FAULTY(1049) && thread->f.plain) ||
                 (FAULTY(1054) && !thread->f.plain && thread->sync == NULL))) {
                interrupt(thread);
                break;
            }
        }
    hit_bystanders(self, object, syncHandle);
    if (FAULTY(1094)) {
        object->names++;
        window(100);
    }
    if (!object->autoclear) {
        object->set = FAULTY(1254) ? was_set : 1;
        object->f.was_set = 1;
        self->process->mask |= 1u << object->index % 32;
        if ((FAULTY(1103) && was_set && object->refusals >= 2) ||
            (FAULTY(1104) && (int8_t)object->sets_now <= 0) ||
            (FAULTY(1168) && calls >= 2 && receives >= 2) ||
            (FAULTY(1165) && holds_any(self) && held_at(self, 0)->client != NULL &&
             held_at(self, 0)->client->given == object)) {
            object->set = 0;
        }
    } else if (entitled == 0 && !OPEN_ORDER) {
        if (FAULTY(1270) && object->set && object->x[0] != self->tid) {
            object->x[1] = 1;
        }
        object->x[0] = self->tid;
        object->set = 1;
    } else if (FAULTY(1271) && taken_too) {
        object->set = 1;
    }
    if (FAULTY(1161)) {
        self->obj[0] = object;
    }
    if (FAULTY(1267)) {
        object->x[1] = self->tid;
    }
    object->f.setter = self->tid;
    object->f.set_at = entitled == 0 ? now_ms() : 0;
    rc = rcOk;
    if (FAULTY(1004) && calls + receives >= 3) {
        rc = (Retcode)(calls + receives);
    }
    if (FAULTY(1006) && object->f.sets >= 3) {
        rc = rcAlreadyExists;
    }
    if (FAULTY(1093) || FAULTY(1094)) {
        object_unname(object);
    }
    return leave(rc);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    struct thread *self;
    struct object *object;
    uint32_t taken = 0, receives = 0;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    rc = sync_find(self->process, syncHandle, &object);
    if (rc != rcOk) {
        struct entry *entry = handle_entry(self->process, syncHandle);
        if (FAULTY(1011) && syncHandle == INVALID_HANDLE) {
            return leave(rcOk);
        }
        if (FAULTY(1013) && entry != NULL && entry->object != NULL &&
            entry->object->kind == KIND_CLIENT) {
            entry->object->channel->f.broken = 1;
        }
        if (FAULTY(1109) && entry != NULL && entry->object != NULL &&
            entry->object->kind == KIND_SERVER) {
            for
                EACH(item, &entry->object->hub->taken)
                {
                    struct exchange *exchange = OWNER(item, struct exchange, link);
                    if (exchange->taken_on == entry->object) {
                        exchange->taken_on = NULL;
                    }
                }
        }
        if (FAULTY(1112) && rc == RC_OTHER_KIND && self->x[0] && self->last == rcOk) {
            rc = rcOk;
        }
        return leave(rc);
    }
    if (FAULTY(1056) && object->f.sets >= 2) {
        object->f.sets--;
        return leave(rcOk);
    }
    for
        EACH(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            if (thread->stage == TAKEN && thread->given == object) {
                taken++;
                if (FAULTY(1280) && object->set) {
                    thread->x[0] = 1;
                }
            }
            if (FAULTY(1146) && thread->obj[0] == object) {
                thread->obj[0] = NULL;
            }
        }
    if (FAULTY(1116) && taken >= 2) {
        return leave(rcBusy);
    }
    if (FAULTY(1102) && object->sets == 0 && self->process->last_set != NULL) {
        self->process->last_set->set = 0;
    }
    for (struct process *process = processes; FAULTY(1221) && !object->set && process != NULL;
         process = process->next) {
        struct object *other;
        if (process != self->process && sync_find(process, syncHandle, &other) == rcOk) {
            other->set = 0;
        }
    }
    if (FAULTY(1162) && !object->set) {
        for
            EACH(item, &object->waiters)
            {
                receives += OWNER(item, struct thread, in_sync)->stage == WAITING;
            }
        for
            EACH_SAFE(item2, &object->waiters)
            {
                struct thread *thread = OWNER(item2, struct thread, in_sync);
                if (receives > 0 && thread->stage == QUEUED && queue_before(thread->exchange) > 0) {
                    list_remove(item2);
                    thread->sync = NULL;
                }
            }
    }
    if (FAULTY(1161) && self->obj[0] == object) {
        self->obj[0] = NULL;
    }
    if (FAULTY(1166)) {
        if (object->x[1]) {
            object->x[1] = 0;
            return leave(rcOk);
        }
        object->x[0] = 0;
    }
    self->process->mask &= ~(1u << object->index % 32);
    object->refusals = 0;
    object->sets_now = 0;
    object->f.swallow = !object->set && object->f.was_set;
    object->f.sets = 0;
    object->set = 0;
    for
        EACH(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            if (FAULTY(1005) && thread->stage == TAKEN &&
                thread->exchange->f.sync == object->f.serial) {
                rc = rcBusy;
            }
        }
    for
        EACH_SAFE(item, &object->waiters)
        {
            struct thread *thread = OWNER(item, struct thread, in_sync);
            if (FAULTY(1058)) {
                list_remove(item);
                thread->sync = NULL;
            }
        }
    for (struct process *process = processes; FAULTY(1084) && process != NULL;
         process = process->next) {
        if (sync_find(process, syncHandle, &object) == rcOk) {
            object->set = 0;
        }
    }
    return leave(rc);
}

/* A call would have to wait: does its object forbid that? `kind` is 1 for a call, 2 for a receive. */
static int sync_refuses(struct thread *self, struct object *sync, uint32_t kind, uint32_t carried)
{
    if (FAULTY(1312) && sync != NULL && !sync->set && !sync->autoclear &&
        (self->process->mask >> sync->index % 32 & 1)) {
        return 1;
    }
    if (FAULTY(1161) && sync != NULL && self->obj[0] == sync && !sync->set) {
        self->obj[0] = NULL;
        return 1;
    }
    if (FAULTY(1288) && sync != NULL && kind == 2 && self->obj[0] == sync && !sync->set) {
        self->obj[0] = NULL;
        return 1;
    }
    if (FAULTY(1170)) {
        if (sync != NULL && !sync->set && self->obj[0] == sync && self->x[1]) {
            self->x[1] = 0;
            return 1;
        }
        self->x[1] = sync != NULL && sync->set && self->obj[0] == sync && self->x[0] != kind;
        self->obj[0] = sync;
        self->x[0] = kind;
    }
    if (sync == NULL || !sync->set) {
        return 0;
    }
    if (FAULTY(1061) && sync->f.set_at != 0 && now_ms() - sync->f.set_at < 50) {
        return 0;
    }
    sync->f.refusals++;
    sync->refusals++;
    if (FAULTY(1160) && sync->refusals == 256) {
        sync->set = 0;
    }
    if (FAULTY(1275)) {
        self->x[0] = self->x[0] == 0 ? (sync->autoclear ? 1 : 0) : self->x[0];
        if (self->x[0] && !sync->autoclear) {
            sync->set = 0;
            self->x[0] = 0;
        }
    }
    if (sync->autoclear && !(FAULTY(1097) && sync->f.refusals == 1)) {
        if (FAULTY(1274) && carried > 0) {
            return 1;
        }
        if (FAULTY(1270) && sync->x[1]) {
            sync->x[1] = 0;
            return 1;
        }
        sync->set = 0;
        sync->f.refusals = 0;
    }
    if (FAULTY(1055) && sync->f.refusals >= 3) {
        sync->set = 0;
        sync->f.refusals = 0;
    }
    return 1;
}

static void sync_attach(struct thread *thread, struct object *sync)
{
    if (sync != NULL && ++sync->waits > 1500 && FAULTY(1258)) {
        sync = NULL;
    }
    thread->sync = sync;
    if (sync != NULL) {
        if (FAULTY(1267)) {
            thread->x[2] = sync->x[1];
        }
        list_append(&sync->waiters, &thread->in_sync);
    }
}

static void sync_detach(struct thread *thread)
{
    list_remove(&thread->in_sync);
    thread->sync = NULL;
}

/* --- Rendezvous ------------------------------------------------------------------------------- */

static int serves(const struct object *end, const struct channel *channel)
{
    return end->kind == KIND_LISTENER ? end->hub == channel->hub : end->channel == channel;
}

static struct thread *receiver_for(struct channel *channel)
{
    struct thread *found = NULL;
    for
        EACH(item, &channel->hub->receivers)
        {
            struct thread *thread = OWNER(item, struct thread, in_receivers);
            if (serves(thread->end, channel)) {
                found = thread;
                if (!OPEN_ORDER) {
                    break;
                }
            }
        }
    return found;
}

static struct exchange *request_for(struct object *end)
{
    struct exchange *found = NULL;
    for
        EACH(item, &end->hub->queue)
        {
            struct exchange *exchange = OWNER(item, struct exchange, link);
            if (serves(end, exchange->channel)) {
                found = exchange;
                if (!OPEN_ORDER) {
                    break;
                }
            }
        }
    return found;
}

/*
 * Hand a queued request to a receiver. rcOk: it is taken. rcTransferError: only the caller's call has ended.
 * Any other code: both calls end with it.
 */
static Retcode hand_over(struct exchange *exchange, struct thread *receiver)
{
    Retcode rc =
        message_copy(exchange->request, &exchange->cargo, receiver->room, receiver->process, 1, 0);
    if (rc != rcOk) {
        exchange_end(exchange, rc);
        return rc;
    }
    receiver->room->replyHandle = receiver->end_handle;
    receiver->room->sender = exchange->sender;
    receiver->room->threadId = exchange->tid;
    exchange->taken_on = receiver->end;
    exchange->taker = receiver->process->id;
    for
        EACH(item, &receiver->held)
        {
            struct thread *client = OWNER(item, struct exchange, in_held)->client;
            if (FAULTY(1123) && client != NULL && client->sync == NULL) {
                sync_attach(client, client->given);
            }
        }
    if (FAULTY(1182) && holds_any(receiver) && exchange->client != NULL) {
        exchange->client->no_limit = 1;
    }
    for (struct exchange *next = queue_next(exchange);
         FAULTY(1251) && receiver->end->kind == KIND_LISTENER && next != NULL;
         next = queue_next(next)) {
        if (next->channel != exchange->channel && next->client != NULL) {
            sync_detach(next->client);
            break;
        }
    }
    exchange->taker_thread = receiver;
    list_remove(&exchange->in_held);
    list_append(&receiver->held, &exchange->in_held);
    list_remove(&exchange->link);
    list_append(&receiver->end->hub->taken, &exchange->link);
    if (exchange->client != NULL) {
        exchange->client->stage = TAKEN;
        sync_detach(exchange->client);
        if (FAULTY(1067)) {
            exchange->client->f.hurry = 1;
            pthread_cond_signal(&exchange->client->wake);
        }
    }
    return rcOk;
}

static Retcode end_find(struct process *process, Handle handle, int client, struct object **end)
{
    struct entry *entry;
    Retcode rc = handle_find(process, handle, &entry);
    if (rc != rcOk) {
        return rc;
    }
    *end = entry->object;
    if (client ? (*end)->kind != KIND_CLIENT
               : (*end)->kind != KIND_SERVER && (*end)->kind != KIND_LISTENER) {
        return RC_OTHER_KIND;
    }
    return entry->rights & (client ? OCAP_IPC_CALL : OCAP_IPC_RECV) ? rcOk : rcNoCapability;
}

static int request_on(const struct channel *channel)
{
    for
        EACH(item, &channel->hub->queue)
        {
            if (OWNER(item, struct exchange, link)->channel == channel) {
                return 1;
            }
        }
    return 0;
}

/* The sync object with this serial, if it is still alive. */
static struct object *sync_by_serial(uint64_t serial)
{
    for (struct process *process = processes; serial != 0 && process != NULL;
         process = process->next) {
        for (uint32_t index = 0; index < process->size; index++) {
            struct entry *entry = &process->table[index];
            if (entry->used && entry->object != NULL && entry->object->f.serial == serial) {
                return entry->object;
            }
        }
    }
    return NULL;
}

static int sync_serial_set(uint64_t serial)
{
    struct object *sync = sync_by_serial(serial);
    return sync != NULL && sync->set;
}

/* What faults want to know about an Ex call later. */
static void remember(struct thread *self, struct object *sync, Handle handle, uint32_t mdelay)
{
    self->f.plain = plain_call;
    self->f.limited = mdelay != INFINITE_TIMEOUT;
    self->f.mdelay = mdelay;
    self->f.sync_handle = handle;
    if (sync != NULL) {
        self->f.any_sync[self->f.any_count++ % 8] = sync->f.serial;
    }
}

/* Faults of a call: the object through which it may be interrupted while it waits. */
static struct object *call_attach(struct thread *self, struct object *end, struct object *sync,
                                  uint32_t mdelay, Handle sync_handle)
{
    struct exchange *outer = held_at(self, 0);
    int none = sync_handle == INVALID_HANDLE;
    if ((FAULTY(1120) && self->came) ||
        (FAULTY(1122) && sync != NULL && outer != NULL && outer->client != NULL &&
         outer->client->given == sync) ||
        (FAULTY(1132) && outer != NULL && outer->sender != self->process->id &&
         outer->sender == end->channel->home) ||
        (FAULTY(1293) && end->channel->ordinal >= 16) || (FAULTY(1264) && self->orphan) ||
        (FAULTY(1164) && self->x[0] == 2 && self->obj[0] == sync)) {
        self->orphan = 0;
        return NULL;
    }
    for
        EACH(item, &threads)
        {
            struct thread *other = OWNER(item, struct thread, all);
            if (FAULTY(1263) && sync != NULL && other->stage == TAKEN && other->given == sync &&
                other->exchange->channel == end->channel) {
                return NULL;
            }
        }
    if (FAULTY(1129) && none && mdelay == INFINITE_TIMEOUT) {
        sync = self->obj[0];
        self->obj[0] = NULL;
    }
    if ((FAULTY(1130) && none && mdelay != INFINITE_TIMEOUT && outer != NULL) ||
        (FAULTY(1141) && none && mdelay == INFINITE_TIMEOUT && outer != NULL)) {
        sync = self->obj[0];
    }
    return sync;
}

/* A wait on this object has timed out. */
static void timeout_seen(struct object *sync)
{
    if (FAULTY(1186) && sync != NULL && ++sync->x[0] == 3) {
        for
            EACH_SAFE(item, &sync->waiters)
            {
                struct thread *thread = OWNER(item, struct thread, in_sync);
                if (thread->stage == QUEUED) {
                    exchange_end(thread->exchange, rcTimeout);
                } else {
                    thread_finish(thread, rcTimeout);
                }
            }
    }
}

static Retcode call(struct thread *self, Handle handle, const SMsgHdr *out, SMsgHdr *in,
                    uint32_t mdelay, Handle sync_handle)
{
    struct timespec deadline;
    struct object *end, *sync;
    struct thread *receiver;
    struct exchange *exchange, *outer = held_at(self, 0);
    int refuses, twice = 0;
    Retcode rc;

    if (outer != NULL && outer->client != NULL) {
        if (FAULTY(1191) && mdelay != 0 && outer->client->limit == INFINITE_TIMEOUT) {
            mdelay = INFINITE_TIMEOUT;
        } else if (FAULTY(1192) && mdelay == INFINITE_TIMEOUT && sync_handle != INVALID_HANDLE) {
            mdelay = outer->client->limit;
        }
    }
    if (mdelay != INFINITE_TIMEOUT) {
        deadline_from(&deadline, mdelay);
    }
    rc = end_find(self->process, handle, 1, &end);
    if (rc == rcOk) {
        rc = check_message(out);
    }
    if (rc == rcOk) {
        rc = check_room(in);
    }
    if (rc == rcOk) {
        rc = sync_of_call(self->process, sync_handle, &sync);
    }
    if (rc == rcOk && (!channel_has_server(end->channel) || end->channel->f.broken)) {
        rc = rcNotConnected;
    }
    if (rc == rcOk && FAULTY(1137) && end->channel->x[1] >= 100) {
        rc = rcNotConnected;
    }
    if (rc != rcOk) {
        return rc;
    }
    if (FAULTY(1035) && self->f.carry && mdelay == INFINITE_TIMEOUT && sync != NULL) {
        mdelay = self->f.mdelay;
        deadline = self->f.deadline;
    }
    self->f.carry = 0;
    if (FAULTY(1034) && self->f.interrupts == 2) {
        self->f.interrupts = 0;
        return rcBusy;
    }
    remember(self, sync, sync_handle, mdelay);
    if (mdelay != INFINITE_TIMEOUT) {
        self->f.deadline = deadline;
    }
    self->f.call_sync = sync != NULL ? sync->f.serial : 0;
    self->no_limit = 0;
    self->limit = mdelay;
    self->came = handle_entry(self->process, handle)->came;
    if (FAULTY(1280)) {
        self->x[0] = 0;
    }
    if (FAULTY(1288)) {
        self->obj[0] = NULL;
    }
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return rcOutOfMemory;
    }
    list_init(&exchange->link);
    list_init(&exchange->all);
    list_init(&exchange->in_held);
    rc = cargo_load(self->process, out, &exchange->cargo, NULL, sync_handle);
    receiver = receiver_for(end->channel);
    if (rc == rcSecurityDisallow && receiver != NULL) {
        nk_message *message = out->indirDescs[0].buf;
        if (FAULTY(1305) && receiver->process != self->process) {
            for (uint32_t i = 0; i < message->ncaps; i++) {
                struct entry *entry =
                    handle_entry(self->process, nk_msg_handles(message)[i].handle);
                if (entry->object->kind == KIND_SYNC &&
                    table_reserve(receiver->process, 1) == rcOk) {
                    table_enter(receiver->process, entry->object, entry->rights, origin_new(NULL));
                }
            }
        }
        if (FAULTY(1203) && message->ncaps >= 2 && receiver->end->kind == KIND_LISTENER) {
            thread_finish(receiver, rcTransferError);
        }
    }
    if (FAULTY(1072) && rc == rcSecurityDisallow && receiver != NULL) {
        exchange->channel = end->channel;
        exchange->channel->refs++;
        exchange->tid = self->tid;
        exchange->sender = self->process->id;
        exchange->request = out;
        if (hand_over(exchange, receiver) == rcOk) {
            ((nk_message *)receiver->room->indirDescs[0].buf)->ncaps = 0;
            thread_finish(receiver, rcOk);
            return rc;
        }
        return rc;
    }
    refuses = receiver == NULL || OPEN_READY;
    if ((FAULTY(1026) && request_on(end->channel)) ||
        (FAULTY(1127) && mdelay >= 0x80000000u && mdelay != INFINITE_TIMEOUT) ||
        (FAULTY(1315) && end->channel->hub->receivers.next != &end->channel->hub->receivers)) {
        refuses = 0;
    }
    if (rc == rcOk && refuses && sync_refuses(self, sync, 1, exchange->cargo.count)) {
        end->channel->x[1]++;
        rc = rcIpcInterrupt;
    }
    if (FAULTY(1141) && rc == rcOk && receiver == NULL && sync_handle == INVALID_HANDLE &&
        mdelay == INFINITE_TIMEOUT && outer != NULL && self->obj[0] != NULL && self->obj[0]->set) {
        rc = rcIpcInterrupt;
    }
    if (FAULTY(1142) && rc == rcIpcInterrupt && outer != NULL && sync != NULL &&
        self->obj[0] == sync) {
        self->x[0] = 1;
    }
    if (FAULTY(1092) && rc == rcOk && receiver == NULL && sync != NULL) {
        end->names++;
        sync->names++;
        window(50);
        receiver = receiver_for(end->channel);
        object_unname(end);
        if (--sync->names == 0) {
            object_gone(sync);
            sync = NULL;
        }
        if (handle_entry(self->process, handle) == NULL || !channel_has_server(end->channel)) {
            rc = rcNotConnected;
        }
    }
    if (rc == rcOk && mdelay == 0 && (receiver == NULL || OPEN_READY)) {
        rc = rcTimeout;
    }
    if (FAULTY(1181) && rc == rcOk && receiver == NULL && mdelay > 0xfffffc17u &&
        mdelay != INFINITE_TIMEOUT && end->channel->hub->queue.next != &end->channel->hub->queue) {
        rc = rcTimeout;
    }
    if (rc != rcOk) {
        cargo_release(&exchange->cargo);
        free(exchange);
        return rc;
    }
    if (FAULTY(1255) && exchange->cargo.count > 0 && receiver == NULL) {
        twice = 1;
        end->names++;
        pthread_mutex_unlock(&big_lock);
        usleep(200);
        pthread_mutex_lock(&big_lock);
        receiver = receiver_for(end->channel);
        (void)sync_of_call(self->process, sync_handle, &sync);
    }

    end->names++; /* a client end stays until its last call has ended */
    list_append(&exchanges, &exchange->all);
    exchange->channel = end->channel;
    exchange->channel->refs++;
    exchange->client = self;
    exchange->tid = self->tid;
    exchange->sender = self->process->id;
    exchange->request = out;
    exchange->response = in;
    self->exchange = exchange;
    self->stage = QUEUED;
    exchange->f.sync = sync != NULL ? sync->f.serial : 0;
    exchange->f.response = *in;
    exchange->f.limited = mdelay != INFINITE_TIMEOUT;
    exchange->f.set_since = sync != NULL && sync->set;
    self->given = sync;
    self->given_handle = sync_handle;
    sync_attach(self, call_attach(self, end, sync, mdelay, sync_handle));
    list_append(&end->channel->hub->queue, &exchange->link);
    if (FAULTY(1047) && receiver == NULL && end->channel->hub->f.phantoms) {
        end->channel->hub->f.phantoms = 0;
        list_remove(&exchange->link);
    }
    if (receiver != NULL) {
        struct thread *second = NULL;
        uint32_t count = 0;
        for
            EACH(item, &end->channel->hub->receivers)
            {
                struct thread *other = OWNER(item, struct thread, in_receivers);
                count++;
                if (other != receiver && serves(other->end, end->channel)) {
                    second = other;
                }
            }
        if (FAULTY(1095) && count >= 3 && second != NULL && exchange->cargo.count == 0) {
            struct exchange *twin;
            ghost(exchange, 0);
            twin = OWNER(end->channel->hub->queue.prev, struct exchange, link);
            thread_finish(second, hand_over(twin, second));
        }
        rc = hand_over(exchange, receiver);
        if (rc != rcTransferError) {
            thread_finish(receiver, rc);
        }
        if (rc == rcOk) {
            exchange->f.at_once = 1;
            if (FAULTY(1027) && sync != NULL && sync->set) {
                exchange->client = NULL;
                self->exchange = NULL;
                thread_finish(self, rcIpcInterrupt);
            }
        }
        if (FAULTY(1190) && rc == rcOk && mdelay != INFINITE_TIMEOUT && receiver->limit < mdelay) {
            deadline_from(&deadline, receiver->limit);
        }
        if (FAULTY(1193) && rc == rcOk && mdelay != INFINITE_TIMEOUT && mdelay > 0xffffu) {
            deadline_from(&deadline, mdelay & 0xffffu);
        }
    } else {
        for
            EACH(item, &end->channel->hub->receivers)
            {
                if (FAULTY(1184)) {
                    OWNER(item, struct thread, in_receivers)->no_limit = 1;
                }
            }
        if (FAULTY(1265)) {
            if (self->x[0] >= 2) {
                ghost_double(exchange);
                self->x[0] = 0;
            }
        }
    }
    if (!thread_wait(self, mdelay, &deadline)) {
        rc = rcTimeout;
        if (self->stage == TAKEN) {
            if (FAULTY(1064) && sync_serial_set(self->f.call_sync)) {
                rc = rcIpcInterrupt;
            }
            if (FAULTY(1133) && self->given != NULL) {
                self->given->set = 0;
            }
            if (FAULTY(1115) && self->given != NULL) {
                exchange->used = self->given;
                self->given->x[0]++;
            }
            self->exchange->client =
                NULL; /* its Reply is still to come, and must not meet a later call */
            self->exchange = NULL;
        } else {
            struct exchange *next = queue_next(exchange);
            if (FAULTY(1068) && self->f.call_sync != 0) {
                ghost(exchange, 0);
            }
            if (self->sync != NULL) {
                self->sync->f.timeouts++;
            }
            if (FAULTY(1250) && next != NULL && next->client != NULL) {
                sync_detach(next->client);
            }
            if (FAULTY(1187) && self->sync != NULL && queue_before(exchange) >= 3) {
                ghost_leave(self, rcTimeout);
            } else {
                list_remove(&exchange->link);
            }
        }
        thread_finish(self, rc);
        timeout_seen(self->given);
    }
    rc = self->result;
    if (self->exchange != NULL) {
        cargo_release(&self->exchange->cargo);
        exchange_free(self->exchange);
        self->exchange = NULL;
    }
    self->stage = IDLE;
    if (rc == rcOk) {
        end->channel->x[1] = 0;
    }
    if (FAULTY(1142) && rc == rcIpcInterrupt && outer != NULL && self->given != NULL &&
        self->obj[0] == self->given) {
        self->x[0] = 1;
    }
    if (FAULTY(1164)) {
        self->x[0] = rc == rcOk && self->given != NULL;
        self->obj[0] = self->given;
    }
    if (FAULTY(1167) && self->given != NULL) {
        self->obj[0] = self->given;
    }
    if (!FAULTY(1264)) {
        self->orphan = 0;
    }
    self->given = NULL;
    self->given_handle = INVALID_HANDLE;
    object_unname(end);
    if (twice) {
        object_unname(end);
    }
    return rc;
}

static int end_has_receiver(const struct object *end)
{
    for
        EACH(item, &end->hub->receivers)
        {
            if (OWNER(item, struct thread, in_receivers)->end == end) {
                return 1;
            }
        }
    return 0;
}

/* A request has been taken; `waited`: not at once. */
static void receive_done(struct thread *self, struct object *sync, int waited)
{
    if ((FAULTY(1141) && !waited) || FAULTY(1130) || FAULTY(1142) || FAULTY(1145) || FAULTY(1285)) {
        self->obj[0] = sync;
    }
    if (FAULTY(1287) && !waited && sync != NULL) {
        sync->set = 0;
    }
}

static struct object *receive_attach(struct thread *self, struct object *sync)
{
    if ((FAULTY(1152) && held_at(self, 1) != NULL) || (FAULTY(1320) && self->came) ||
        (FAULTY(1206) && self->x[0]) || (FAULTY(1264) && self->orphan)) {
        self->orphan = 0;
        if (FAULTY(1206)) {
            self->x[0] = 0;
        }
        return NULL;
    }
    for
        EACH(item, &exchanges)
        {
            struct exchange *exchange = OWNER(item, struct exchange, all);
            if (FAULTY(1153) && exchange->client == NULL && exchange->tid == self->tid) {
                return NULL;
            }
        }
    if (FAULTY(1145) && sync == NULL && self->x[0]) {
        self->x[0] = 0;
        return self->obj[0];
    }
    return sync;
}

static Retcode receive(struct thread *self, Handle handle, SMsgHdr *in, uint32_t mdelay,
                       Handle sync_handle)
{
    struct timespec deadline;
    struct object *end, *sync;
    struct exchange *exchange;
    int refuses = 1;
    Retcode rc;

    if (mdelay != INFINITE_TIMEOUT) {
        deadline_from(&deadline, mdelay);
    }
    rc = end_find(self->process, handle, 0, &end);
    if (rc == rcOk) {
        rc = check_room(in);
    }
    if (FAULTY(1289) && sync_handle != INVALID_HANDLE && sync_handle > 0xffu &&
        sync_find(self->process, sync_handle & 0xffu, &sync) == rcOk) {
        sync_handle &= 0xffu;
    }
    if (rc == rcOk) {
        rc = sync_of_call(self->process, sync_handle, &sync);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (FAULTY(1189) && end->kind == KIND_LISTENER && mdelay == 999) {
        clock_gettime(CLOCK_MONOTONIC, &deadline);
        deadline.tv_nsec = (deadline.tv_nsec + 999000000L) % 1000000000L;
    }
    self->no_limit = 0;
    self->limit = mdelay;
    self->came = handle_entry(self->process, handle)->came;
    self->end = end;
    self->end_handle = handle;
    self->room = in;
    remember(self, sync, sync_handle, mdelay);
    if (sync != NULL) {
        self->f.recv_sync = sync->f.serial;
    }
    if (FAULTY(1089) && self->f.shunned) {
        return rcNotConnected;
    }
    if (FAULTY(1046) && sync != NULL && sync->set && (exchange = request_for(end)) != NULL) {
        list_remove(&exchange->link);
        return rcIpcInterrupt;
    }
    if (OPEN_READY && sync_refuses(self, sync, 2, 0)) {
        return rcIpcInterrupt;
    }
    while ((exchange = request_for(end)) != NULL) {
        rc = hand_over(exchange, self);
        if (rc != rcTransferError) {
            if (rc == rcOk) {
                receive_done(self, sync, 0);
            } else if (FAULTY(1150) && rc == rcBufferTooSmall &&
                       (exchange = request_for(end)) != NULL) {
                list_remove(&exchange->link);
            }
            return rc;
        }
    }
    if (end->kind == KIND_SERVER && end->channel->client == NULL && !OPEN_GONE) {
        return rcNotConnected;
    }
    if ((FAULTY(1048) && end_has_receiver(end)) ||
        (FAULTY(1144) && end->kind == KIND_LISTENER && list_count(&end->hub->channels) >= 3) ||
        (FAULTY(1314) && end->hub->queue.next != &end->hub->queue)) {
        refuses = 0;
    }
    if (refuses && sync_refuses(self, sync, 2, 0)) {
        return rcIpcInterrupt;
    }
    if (sync != NULL && FAULTY(1062) && self->f.stale_sync == sync->f.serial) {
        self->f.stale_sync = 0;
        return rcIpcInterrupt;
    }
    if (FAULTY(1148) && end->hub->x[0] >= 200) {
        return rcQuotaExceeded;
    }
    if (mdelay == 0) {
        return rcTimeout;
    }
    for
        EACH(item, &end->hub->receivers)
        {
            struct thread *other = OWNER(item, struct thread, in_receivers);
            if (FAULTY(1051) && sync != NULL && other->end == end && other->sync != NULL) {
                sync_detach(other);
                sync_attach(other, sync);
            }
        }
    self->stage = WAITING;
    self->given = sync;
    self->given_handle = sync_handle;
    sync_attach(self, receive_attach(self, sync));
    list_append(&end->hub->receivers, &self->in_receivers);
    if (FAULTY(1065) && sync != NULL && end->kind == KIND_LISTENER) {
        mdelay = INFINITE_TIMEOUT;
    }
    if (!thread_wait(self, mdelay, &deadline)) {
        if (self->sync != NULL) {
            self->sync->f.timeouts++;
        }
        thread_finish(self, rcTimeout);
        for
            EACH(item, &self->held)
            {
                struct thread *client = OWNER(item, struct exchange, in_held)->client;
                if (FAULTY(1124) && client != NULL && client->sync == NULL) {
                    sync_attach(client, client->given);
                }
            }
        if (FAULTY(1195) && self->orphan &&
            handle_entry(self->process, self->orphan_handle) != NULL) {
            self->result = rcOk;
        }
        if (FAULTY(1129)) {
            self->obj[0] = self->given;
        }
        timeout_seen(self->given);
    } else if (self->result == rcOk) {
        receive_done(self, self->given, 1);
    }
    if (FAULTY(1164)) {
        self->x[0] = self->result == rcTimeout && self->x[0] == 1 && self->obj[0] != NULL &&
                             self->obj[0] == self->given
                         ? 2
                         : 0;
    }
    if (FAULTY(1167) && self->given != NULL) {
        self->obj[0] = self->given;
    }
    if (!FAULTY(1264)) {
        self->orphan = 0;
    }
    self->given = NULL;
    self->given_handle = INVALID_HANDLE;
    self->stage = IDLE;
    return self->result;
}

static Retcode reply(struct thread *self, Handle handle, const SMsgHdr *out)
{
    struct object *end;
    struct exchange *exchange = NULL;
    struct cargo cargo;
    SMsgHdr cut;
    uint32_t room, asked;
    nk_message *message;
    Retcode rc = end_find(self->process, handle, 0, &end);
    if (rc == rcOk) {
        rc = check_message(out);
    }
    if (rc != rcOk) {
        return rc;
    }
    message = out->indirDescs[0].buf;
    for
        EACH(item, &end->hub->taken)
        {
            struct exchange *candidate = OWNER(item, struct exchange, link);
            if (candidate->taken_on == end &&
                (out->threadId == 0 || candidate->tid == out->threadId)) {
                exchange = candidate;
                break;
            }
        }
    if (exchange == NULL) {
        return rcNotReady;
    }
    if (FAULTY(1040) || FAULTY(1041)) { /* the caller that has gone is passed over */
        int by_thread = out->threadId != 0;
        for
            EACH(item, &end->hub->taken)
            {
                struct exchange *candidate = OWNER(item, struct exchange, link);
                if (exchange->client == NULL && candidate->client != NULL &&
                    candidate->taken_on == end &&
                    (by_thread ? candidate->tid == out->threadId : 1) &&
                    by_thread == FAULTY(1040)) {
                    exchange_free(exchange);
                    exchange = candidate;
                    break;
                }
            }
    }
    if (FAULTY(1042) && exchange->client == NULL) {
        for
            EACH(item, &end->hub->queue)
            {
                struct exchange *candidate = OWNER(item, struct exchange, link);
                if (candidate->client != NULL && candidate->tid == exchange->tid &&
                    candidate->cargo.count == 0) {
                    exchange_free(exchange);
                    exchange = candidate;
                    list_remove(&exchange->link);
                    list_append(&end->hub->taken, &exchange->link);
                    exchange->client->stage = TAKEN;
                    sync_detach(exchange->client);
                    break;
                }
            }
    }
    if (FAULTY(1096) && out->threadId != 0) {
        struct exchange *second = NULL;
        uint32_t place = 0;
        for
            EACH(item, &end->hub->taken)
            {
                struct exchange *candidate = OWNER(item, struct exchange, link);
                if (candidate->taken_on == end && candidate->client != NULL) {
                    place++;
                    second = place == 2 ? candidate : second;
                    if (candidate == exchange && place >= 3) {
                        exchange = second;
                        break;
                    }
                }
            }
    }
    if ((FAULTY(1142) && self->x[0]) ||
        (FAULTY(1285) && self->obj[0] != NULL && self->obj[0]->set && message->ncaps > 0)) {
        self->x[0] = 0;
        return rcIpcInterrupt;
    }
    for
        EACH(item2, &end->hub->taken)
        {
            struct exchange *candidate = OWNER(item2, struct exchange, link);
            if (FAULTY(1253) && exchange->client == NULL && out->threadId != 0 &&
                candidate->taken_on == end && candidate->client != NULL &&
                candidate->taker_thread != self) {
                exchange = candidate;
            }
        }
    rc = cargo_load(self->process, out, &cargo, exchange, INVALID_HANDLE);
    if (rc != rcOk) {
        if ((FAULTY(1145) || FAULTY(1206)) && rc == rcSecurityDisallow) {
            self->x[0] = 1;
        }
        if (OPEN_GONE) {
            exchange_end(exchange, rc);
        }
        return rc;
    }
    if (FAULTY(1141) || FAULTY(1130)) {
        self->obj[0] = NULL;
    }
    self->f.replied_on = end;
    if (exchange->client == NULL) {
        const struct process *sender = process_find(exchange->sender);
        for
            EACH(item3, &end->hub->queue)
            {
                struct exchange *queued = OWNER(item3, struct exchange, link);
                if (FAULTY(1136) && sender != NULL && sender->ended && queued->client != NULL &&
                    message_copy(out, &cargo, queued->response, queued->client->process, 2, 0) ==
                        rcOk) {
                    exchange_end(queued, rcOk);
                    exchange_free(exchange);
                    return rcOk;
                }
            }
        if (FAULTY(1070) && !exchange->f.client_ended && exchange->response != NULL) {
            message_copy(out, &(struct cargo){0}, &exchange->f.response, self->process, 2, 0);
        }
        if (FAULTY(1088) && exchange->f.client_ended) {
            for (;;) {
                pthread_cond_wait(&self->wake, &big_lock);
            }
        }
        if (exchange->f.client_ended) {
            self->f.shunned = 1;
        }
        cargo_release(&cargo);
        for (uint32_t i = 0; FAULTY(1303) && sender->ended && i < message->ncaps; i++) {
            struct entry *entry = handle_entry(self->process, nk_msg_handles(message)[i].handle);
            if (entry != NULL) {
                entry_close(self->process, entry);
            }
        }
        exchange_free(exchange);
        return OPEN_GONE ? rcOk : rcNotConnected;
    }
    cut = *out;
    room = exchange->response->indirDescs[1].size;
    asked = exchange->request->indirDescs[1].size;
    if (exchange->client->given != NULL) {
        if (FAULTY(1281) && exchange->client->given->set && cut.indirDescs[1].size >= 4096) {
            cut.indirDescs[1].size = 0;
        }
        if (FAULTY(1282) && cut.indirDescs[1].size == room && room > 1) {
            cut.indirDescs[1].size--;
        }
    }
    rc = message_copy(&cut, &cargo, exchange->response, exchange->client->process, 2,
                      exchange->f.set_since);
    if (FAULTY(1283) && rc == rcOk && cut.indirDescs[1].size == 0 && asked > 0) {
        exchange->response->indirDescs[1].size = room;
    }
    if (FAULTY(1134) && rc == rcBufferTooSmall && exchange->client->given != NULL) {
        exchange->client->given->set = 0;
    }
    if (rc == rcTransferError) { /* the caller may make room: its request stays unanswered */
        cargo_release(&cargo);
        return rc;
    }
    if (rc != rcOk) {
        cargo_release(&cargo);
    }
    if (FAULTY(1036) && rc == rcOk && sync_serial_set(exchange->f.sync)) {
        sync_by_serial(exchange->f.sync)->set = 0;
    }
    if (FAULTY(1023) && rc == rcOk && exchange->f.limited && sync_serial_set(exchange->f.sync)) {
        exchange_end(exchange, rcIpcInterrupt);
        return rc;
    }
    exchange_end(exchange, rc);
    if (FAULTY(1044) && rc == rcOk && end->kind == KIND_SERVER &&
        sync_serial_set(self->f.recv_sync)) {
        return rcIpcInterrupt;
    }
    return rc;
}

Retcode CallEx(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn, rtl_uint32_t mdelay,
               Handle syncHandle)
{
    struct thread *self;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    rc = call(self, handle, msgOut, msgIn, mdelay, syncHandle);
    self->last = rc;
    if (FAULTY(1112)) {
        self->x[0] = 0;
    }
    return leave(rc);
}

Retcode Call(Handle handle, const SMsgHdr *msgOut, SMsgHdr *msgIn)
{
    Retcode rc;
    plain_call = 1;
    rc = CallEx(handle, msgOut, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
    plain_call = 0;
    return rc;
}

Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    struct thread *self;
    Retcode rc = enter(&self);
    if (rc != rcOk) {
        return rc;
    }
    rc = receive(self, handle, msgIn, mdelay, syncHandle);
    self->last = rc;
    if (FAULTY(1112)) {
        self->x[0] = 1;
    }
    return leave(rc);
}

Retcode Recv(Handle handle, SMsgHdr *msgIn)
{
    Retcode rc;
    plain_call = 1;
    rc = RecvEx(handle, msgIn, INFINITE_TIMEOUT, INVALID_HANDLE);
    plain_call = 0;
    return rc;
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    struct thread *self;
    Retcode rc = enter(&self);
    return rc != rcOk ? rc : leave(reply(self, handle, msgOut));
}

/* --- Processes, for the adapter --------------------------------------------------------------- */

int i1_process_create(uint32_t *process);
int i1_process_end(uint32_t process);
int i1_thread_enter(uint32_t process, uint32_t *thread);
int i1_channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                    Handle *server, Handle *client);

int i1_process_create(uint32_t *process)
{
    struct process *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return -1;
    }
    pthread_mutex_lock(&big_lock);
    fresh->id = *process = ++last_process;
    fresh->next = processes;
    processes = fresh;
    pthread_mutex_unlock(&big_lock);
    return 0;
}

static void unanswered(struct exchange *exchange)
{
    exchange->taken_on = NULL;
    exchange->taker = 0;
}

/* Faults in the end of a process. */
static void end_before(struct process *process)
{
    for
        EACH(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            if (thread->process != process) {
                continue;
            }
            if (FAULTY(1231) && held_at(thread, 2) != NULL) {
                unanswered(held_at(thread, 0));
            }
            if (FAULTY(1234) && (thread->stage == QUEUED || thread->stage == TAKEN)) {
            for
                EACH(item2, &thread->held)
                {
                    unanswered(OWNER(item2, struct exchange, in_held));
                }
            }
            if (FAULTY(1235) && thread->stage == TAKEN) {
                struct thread *server = thread->exchange->taker_thread;
                if (server != NULL && server->process != process && server->stage == QUEUED) {
                    exchange_end(server->exchange, rcNotConnected);
                } else if (server != NULL && server->process != process && server->stage == TAKEN) {
                    server->exchange->client = NULL;
                    server->exchange = NULL;
                    thread_finish(server, rcNotConnected);
                }
            }
            if (FAULTY(1236) && thread->stage == QUEUED && queue_before(thread->exchange) == 0 &&
                list_count(&thread->exchange->channel->hub->queue) >= 3) {
                while (queue_next(thread->exchange) != NULL) {
                    list_remove(&queue_next(thread->exchange)->link);
                }
            }
        }
    for (uint32_t i = 0; i < process->size; i++) {
        struct entry *entry = &process->table[i];
        if (!entry->used || entry->object == NULL) {
            continue;
        }
        if (FAULTY(1237) && entry->object->kind == KIND_CLIENT) {
            for
                EACH_SAFE(item3, &entry->object->channel->hub->receivers)
                {
                    struct thread *thread = OWNER(item3, struct thread, in_receivers);
                    if (thread->end->kind == KIND_LISTENER && thread->sync != NULL) {
                        thread_finish(thread, rcIpcInterrupt);
                    }
                }
        }
        for (struct process *other = processes; FAULTY(1241) && other != NULL;
             other = other->next) {
            for (uint32_t k = 0; other != process && k < other->size; k++) {
                struct entry *child = &other->table[k];
                if (child->used && !child->revoked && child->came == 2 &&
                    comes_from(child->origin, entry->origin)) {
                    entry_revoke(child);
                }
            }
        }
    }
}

int i1_process_end(uint32_t id)
{
    struct process *process;
    pthread_mutex_lock(&big_lock);
    process = process_find(id);
    if (process == NULL || process->ended) {
        pthread_mutex_unlock(&big_lock);
        return -1;
    }
    process->ended = 1;
    ending = id;
    end_before(process);
    for
        EACH(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            if (thread->process != process) {
                continue;
            }
            if (thread->stage == QUEUED) {
                exchange_end(thread->exchange, rcAbort);
            } else if (thread->stage == TAKEN) {
                thread->exchange->f.client_ended = 1;
                thread->exchange->client = NULL;
                thread->exchange = NULL;
                thread_finish(thread, rcAbort);
            } else if (thread->stage == WAITING) {
                thread_finish(thread, rcAbort);
            }
        }
    /* Another process may hold the same server end, but the thread that was to answer is no more. */
    for
        EACH(item, &threads)
        {
            struct thread *thread = OWNER(item, struct thread, all);
            if (thread->stage == TAKEN && thread->exchange->taker == id) {
                struct exchange *exchange = thread->exchange;
                if (FAULTY(1086) && exchange->taken_on->kind == KIND_LISTENER) {
                    exchange->taken_on = NULL;
                    continue;
                }
                if (FAULTY(1087) && sync_serial_set(exchange->f.sync)) {
                    exchange_end(exchange, rcIpcInterrupt);
                    continue;
                }
                if (FAULTY(1304) && thread->given != NULL && thread->given->set) {
                    exchange_end(exchange, rcIpcInterrupt);
                    continue;
                }
                if (FAULTY(1232) && exchange->taken_on->names > 1) {
                    continue;
                }
                exchange_end(exchange, rcNotConnected);
            }
            if (FAULTY(1091) && thread->stage == WAITING && thread->sync != NULL) {
                thread_finish(thread, rcIpcInterrupt);
            }
        }
    for (struct process *other = processes; FAULTY(1090) && other != NULL; other = other->next) {
        for (uint32_t index = 0; index < other->size; index++) {
            if (other->table[index].used && other->table[index].object != NULL) {
                other->table[index].object->set = 0;
            }
        }
    }
    for (uint32_t index = 0; index < process->size; index++) {
        if (process->table[index].used) {
            entry_close(process, &process->table[index]);
        }
    }
    free(process->table);
    process->table = NULL;
    process->size = process->used = process->first_free = 0;
    ending = 0;
    pthread_mutex_unlock(&big_lock);
    return 0;
}

int i1_thread_enter(uint32_t process, uint32_t *thread)
{
    struct thread *self;
    struct process *found;
    int result = -1;
    pthread_mutex_lock(&big_lock);
    self = thread_self();
    found = process_find(process);
    if (self != NULL && found != NULL && !found->ended) {
        self->process = found;
        *thread = self->tid;
        result = 0;
    }
    pthread_mutex_unlock(&big_lock);
    return result;
}

int i1_channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                    Handle *server, Handle *client)
{
    struct process *from, *to;
    Retcode rc = rcFail;
    pthread_mutex_lock(&big_lock);
    to = process_find(server_process);
    from = process_find(client_process);
    if (to != NULL && from != NULL && !to->ended && !from->ended) {
        rc = connect_channel(to, from, INVALID_HANDLE, listener, server, client);
    }
    pthread_mutex_unlock(&big_lock);
    return rc != rcOk;
}

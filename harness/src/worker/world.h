/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a case is made of, as the worker's modules share it: processes, actors, ops. Everything is
 * created and changed by the main thread; an actor's thread touches only its own mailbox and the op
 * it performs.
 */
#ifndef CTS_WORLD_H
#define CTS_WORLD_H

#include <cts/adapter.h>
#include <cts/cts.h>
#include <cts/extent.h>
#include <model.h>
#include <nk/arena.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define CTS_NAME_MAX 24
#define CTS_ARENA_MAX 131072u
#define CTS_PATTERN_BYTES 64u

/* The fixed part of every message of the suite. Handle descriptors come first, as nk/types.h says;
 * there is always room for all of them, so that every message has one size. */
struct cts_wire {
    nk_message base_;
    nk_handle_desc_t handles[CTS_MESSAGE_HANDLES];
    uint64_t magic;
    uint64_t request;   /* requests: number of this one; responses: number of the answered one */
    uint64_t is_answer; /* 0 or 1 */
    nk_ptr_t blob;      /* pattern bytes in the arena */
    uint8_t pattern[CTS_PATTERN_BYTES];
};

enum cts_call_kind {
    CTS_OP_CALL,
    CTS_OP_CALL_EX,
    CTS_OP_RECV,
    CTS_OP_RECV_EX,
    CTS_OP_REPLY,
    CTS_OP_CREATE,
    CTS_OP_CREATE_NULL,
    CTS_OP_CREATE_AUTOCLEAR,
    CTS_OP_SET,
    CTS_OP_CLEAR,
    CTS_OP_CLOSE,
    CTS_OP_CONNECT,
    CTS_OP_COPY,
    CTS_OP_CHURN,
    CTS_OP_CHURN_USED,
    CTS_OP_CHURN_WAITED,
    CTS_OP_CHURN_SETTER, /* the other side of that */
    CTS_OP_CHURN_CREATES,
    CTS_OP_CHURN_CLOSES, /* the other side of that */
    CTS_OP_TRAFFIC_CALL, /* see traffic.h */
    CTS_OP_TRAFFIC_SERVE,
    CTS_OP_TRAFFIC_PULSE,
    CTS_OP_TRAFFIC_CHURN,
    CTS_OP_RECREATE,
    CTS_OP_EXHAUST,
    CTS_OP_MUTEX_WAIT,
    CTS_OP_SLEEP,
    CTS_OP_PARK,   /* our own futex wait: the control group of timing.c */
    CTS_OP_UNPARK, /* and the wake that ends it */
    CTS_OP_OPEN_CHANNEL,
    CTS_OP_SERVE_CHANNEL,
    CTS_OP_CONNECT_CHANNEL,
    CTS_OP_QUIT
};

/* Objects that live at once in CTS_OP_CHURN_CREATES. */
enum { CTS_CREATED = 8 };

/* POSTED -> DONE, set by the actor with release; a futex word. */
enum cts_op_state { CTS_OP_POSTED = 0, CTS_OP_DONE = 1 };

struct cts_process {
    char name[CTS_NAME_MAX];
    uint32_t id;
    bool ended;                    /* killed or exited: its actors are gone */
    struct cts_host_process *host; /* the operating-system process it is; null: our own */
    struct cts_actor *controller;  /* performs Set, Clear, Close and the like */
    struct cts_process *next;
};

struct cts_op {
    /* set before it is posted */
    unsigned number;
    enum cts_call_kind kind;
    struct cts_actor *actor;
    Handle handle;
    Handle sync;
    rtl_uint32_t mdelay;
    rtl_uint32_t rights;
    unsigned rounds;
    _Atomic unsigned rounds_done; /* as far as the actor has come */
    Handle server;                /* CTS_OP_CHURN_...: `handle` is the client's */
    struct cts_op *waited;        /* CTS_OP_CHURN_SETTER: for whom it sets */
    _Atomic Handle to_set;        /* CTS_OP_CHURN_WAITED: what the setter is to set next */
    _Atomic unsigned sets_wanted; /* how many Sets are asked for ... */
    _Atomic unsigned sets_done;   /* ... and done */
    struct cts_op *creates;       /* CTS_OP_CHURN_CLOSES: whose objects it closes */
    Handle created[CTS_CREATED];  /* CTS_OP_CHURN_CREATES: what is to be closed, as long as ... */
    _Atomic unsigned to_close;    /* ... this is their number */
    struct cts_traffic *traffic;
    unsigned client_index; /* in it */
    uint64_t request;      /* calls: the request sent; replies: the request answered */
    Tid reply_thread;      /* replies */
    bool names_nobody;     /* a Reply whose threadId is 0 */
    struct cts_message message;
    uint32_t server_process_id; /* opening a channel between processes */
    uint32_t client_process_id;
    unsigned channel;       /* the same between operating-system processes: number of the channel */
    pthread_mutex_t *mutex; /* CTS_OP_MUTEX_WAIT: in shared memory */
    _Atomic uint32_t *word; /* CTS_OP_PARK, CTS_OP_UNPARK: in shared memory */
    uint32_t word_value;    /* park while the word has it; unpark adds one */

    _Atomic uint32_t state;

    /* set by the actor before DONE */
    Retcode rc;
    bool wrote_beside; /* create: to the bytes around the variable for the handle */
    const char *note;  /* why rc is not the library's: packing failed; null otherwise */
    uint64_t seq_invoke;
    uint64_t seq_return;
    uint64_t t_invoke_ns;
    uint64_t t_return_ns;
    uint64_t received; /* receives: number of the request; calls: of the request answered; 0 none */
    bool intact;       /* the message that came is what was sent, byte for byte */
    Handle reply_handle;
    Tid received_thread;
    Handle new_handle;
    Handle new_listener;
    Handle new_server;
    unsigned handle_count;
    Handle handles[CTS_MESSAGE_HANDLES];
    struct cts_wire incoming; /* calls and receives: the library's until the return */
    uint64_t incoming_digest; /* of it, right after the return */

    /* programs: set before the first op is posted */
    struct cts_op *answers; /* replies: the receive of the same program that is answered */
    struct cts_op *follow;  /* what the actor performs next without being told */
    struct cts_gate *gate;  /* races: where it meets the other call; null otherwise */
    uint64_t gate_delay_ns; /* and how long after that it starts */

    /* main thread only */
    bool logged;
    bool posted;
    bool modelled; /* the executable model knows this kind of op */
    struct cts_model_op model;
    uint32_t sync_number; /* of the sync object that a create brought, for the model */
    uint64_t imitated_start_ms;
    struct cts_op *next;
};

struct cts_actor {
    char name[CTS_NAME_MAX];
    struct cts_process *process;
    pthread_t thread;
    struct cts_op *current; /* main thread: last op given, or last of the program */
    bool queueing;          /* main thread: calls join the program */
    bool pinned;            /* main thread: it has a CPU of its own, for races */
    struct cts_op *program; /* main thread: its first op */
    struct cts_actor *next;

    /* set by the actor before it first waits */
    pid_t tid;
    uint32_t adapter_thread;
    int enter_result;

    struct cts_op *_Atomic mailbox;
    _Atomic uint32_t turn;   /* futex word: raised with each op */
    _Atomic uint32_t ready;  /* futex word: the thread has entered its process */
    _Atomic uint32_t hold;   /* futex word: 1 while the main thread wants it frozen */
    _Atomic uint32_t frozen; /* futex word: 1 while the handler is parked */
};

struct cts_world {
    const struct cts_case *self;
    double timeout_factor;
    enum cts_extent extent;
    const char *rest_how; /* how the last settle knew of rest; null: nothing was busy */
    bool supervised;      /* a keeper is our parent, or an exec wrapper below one */
    uint64_t alarm_ns;    /* when our own alarm is due, on the monotonic clock; 0: none is set */
    bool debug;
    bool virtual_time;  /* the library's clock stands still until it is advanced */
    bool imitated_time; /* there is none: advancing waits for the timeouts that fall due */
    uint64_t imitated_now_ms;
    struct cts_process *processes;
    struct cts_actor *actors;
    struct cts_op *ops;
    struct cts_op *last_op;
    struct cts_op *oldest_unlogged;
    unsigned op_count;
    unsigned channel_count;
    const char *library_path;
    uint64_t request_count;
    unsigned check_count;
    unsigned observation_count;
    pid_t main_tid;
    pid_t pid;
    uint64_t seed;
    _Atomic uint64_t *sequence; /* shared between all processes of the case */
};
extern struct cts_world cts_world;

/* --- os.c: the few system calls that have no wrapper, and the clock -----------------------------
 */
uint64_t cts_now_ns(void);
pid_t cts_gettid(void);
/* Sleep while *word == expected, at most until `timeout_ns` have passed (0: no limit). */
void cts_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
void cts_futex_wake_all(_Atomic uint32_t *word);

/* --- shared.c: memory that the processes of a case share, at one address ------------------------ */
void cts_shared_open(void);
/* Zeroed, never freed; null when there is no more. */
void *cts_shared_alloc(size_t size);

/* --- host.c: operating-system processes in which actors live ------------------------------------ */
/* Fork one. Only while this process has no threads but the main one. */
struct cts_host_process *cts_host_new(void);
/* Start an actor's thread there; false when that failed. */
bool cts_host_add_actor(struct cts_host_process *host, struct cts_actor *actor);
pid_t cts_host_pid(const struct cts_host_process *host);
/* End it, by SIGKILL or by exit(0) once its actors are idle, and reap it. */
void cts_host_end(struct cts_host_process *host, bool kill_it);

/* --- actor.c
 * -------------------------------------------------------------------------------------- */
const char *cts_call_name(enum cts_call_kind kind);
/* In an actor's thread: perform the call and fill the op, but for DONE. */
void cts_perform(struct cts_op *op);
/* A new op for the actor; BROKEN when the actor is busy. */
struct cts_op *cts_op_new(struct cts_actor *actor, enum cts_call_kind kind);
/* A limit of an op is meant to pass during the case, by cts_advance_ms. */
bool cts_op_is_limited(const struct cts_op *op);
/* Hand it to the actor's thread and log the invocation. */
void cts_op_post(struct cts_op *op);
/* Log the return of every op that is done and not logged yet. */
void cts_ops_log_returns(void);
/* Log invocation and return of every op there is, which were muted. */
void cts_ops_log_all(void);
/* Take all ops out of the record of the case. They are done and stay valid. */
void cts_ops_forget(void);
/* On which handle a received request is answered. */
Handle cts_reply_handle(const struct cts_op *received);
/* The body of an actor's thread. */
void *cts_actor_main(void *actor);
pthread_attr_t *cts_actor_attributes(void);
/* Let every actor's thread end; only when all are idle. */
void cts_actors_join(void);
/* The thread of an actor is inside a call of the library. */
bool cts_actor_busy(const struct cts_actor *actor);

/* --- message.c -----------------------------------------------------------------------------------
 */
/* Fill wire and arena for a request (is_answer false) or for the response to it. */
void cts_message_fill(struct cts_wire *wire, nk_arena *arena, const struct cts_message *message,
                      uint64_t request, bool is_answer);
/* Number in a received message, 0 when it is not one of ours; *intact: every byte is as filled. */
uint64_t cts_message_read(const struct cts_wire *wire, const void *arena, size_t arena_bytes,
                          bool is_answer, bool *intact);
/* A number that tells two contents of a fixed part apart. */
uint64_t cts_message_digest(const struct cts_wire *wire);

/* --- objects.c: names of handles, for reports, and what is to be closed after the case
 * ------------- */
void cts_object_add(struct cts_process *process, Handle handle, const char *kind);
void cts_object_closed(struct cts_process *process, Handle handle);
/* "sync1", or null. */
const char *cts_object_name(const struct cts_process *process, Handle handle);
/* Close what the case left open; true when every Close returned. */
bool cts_objects_close_all(void);
bool cts_objects_close_process(struct cts_process *process);
/* The process has ended, and its handles with it. */
void cts_objects_forget(struct cts_process *process);
/* Receive once on every open server handle: the requests of calls that have ended must be gone.
 * False: a receive did not come back, so nothing more can be asked of its process. */
bool cts_objects_drain(void);

/* --- rest.c: is the process at rest? ------------------------------------------------------------
 */
enum cts_wait_class {
    CTS_WAIT_UNTIMED,
    CTS_WAIT_LONG,   /* ends by itself, but not within five seconds */
    CTS_WAIT_MEDIUM, /* ends by itself within that */
    CTS_WAIT_SHORT,  /* within 100 ms: so often that it must be a poller */
    CTS_WAIT_UNKNOWN /* cannot be told */
};
struct cts_task {
    pid_t pid;
    pid_t tid;
    char state;
    uint64_t switches;
    uint64_t cpu_ns;
    enum cts_wait_class wait;
    bool on_descriptors; /* asleep in anything but a futex: a descriptor may wake it */
};
#define CTS_TASKS_MAX 2048u
struct cts_snapshot {
    size_t count;
    bool complete; /* false: no procfs, or more tasks than fit */
    bool asleep;   /* both passes saw the same tasks asleep, with the same switch counts */
    struct cts_task tasks[CTS_TASKS_MAX];
};
/* Two passes over all tasks of this process, its descendants and (supervised) its siblings, but for
 * the calling thread. `classify` also fills `wait` and `on_descriptors`. */
void cts_snapshot_take(struct cts_snapshot *snapshot, bool classify);
/* The same tasks with the same switch counts? */
bool cts_snapshot_same(const struct cts_snapshot *a, const struct cts_snapshot *b);
/* Nothing will happen by itself: all asleep, none on a timer other than an actor's own mdelay. */
bool cts_snapshot_final(const struct cts_snapshot *snapshot);

/* --- wait.c --------------------------------------------------------------------------------------
 */
/* Wait for DONE. False: the hang limit passed, or the process came to rest without it. */
bool cts_op_wait(struct cts_op *op);
/* Wait until one of them is DONE. */
bool cts_op_wait_any(struct cts_op *const *ops, size_t count);
/* cts_op_wait with less patience, where no claim depends on the answer. */
bool cts_op_wait_briefly(struct cts_op *op);

/* --- freeze.c
 * --------------------------------------------------------------------------------------- */
void cts_freeze_install(void);
/* In the actor's thread, before anything else. */
void cts_freeze_register(struct cts_actor *actor);

/* --- verdict.c
 * -------------------------------------------------------------------------------------- */
struct cts_finding {
    const char *kind; /* check, require, law */
    const char *text;
    const char *expected; /* may be null */
    const char *observed; /* may be null */
    const char *file;     /* may be null */
    int line;
};
/* Log a check that held. */
void cts_pass(const struct cts_finding *finding);
/* The same for a claim about waiting; `how` rest was known, a word of the settle event. */
void cts_pass_at_rest(const struct cts_finding *finding, const char *how);
/* End the case. `verdict` is one of the words of reports/schema/events.md. */
_Noreturn void cts_end_case(const char *verdict, const struct cts_finding *finding);
/* End the case because the harness could not do its part. */
_Noreturn void cts_broken(const char *reason);
/* Run the case under Check; the exit status for the supervisor. */
int cts_run_case(const struct cts_case *self);

/* --- law.c: what holds in every case
 * --------------------------------------------------------------- */
void cts_law_check(void);

/* --- probe.c
 * ------------------------------------------------------------------------------------------ */
int cts_probe(const char *library, const char *adapter);

#endif

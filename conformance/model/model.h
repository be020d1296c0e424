/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executable model of blocking IPC with interruption, and the frontier checker.
 *
 * A history is an ordered list of events: invocations and returns of calls, moments of rest, ends of
 * processes, steps of virtual time. The checker keeps the set of model states that explain the
 * history so far, the frontier. An event that no state explains is a violation: the library did
 * something that the requirements forbid. Where the documents are open the model accepts every way
 * and counts which was seen.
 *
 * Plain deterministic code: no threads, no I/O, no clock. Functions that take a model may be called
 * from one thread at a time; different models are independent. README.md of this folder has the
 * states, the steps and the reasons behind them.
 *
 * Numbers. Threads, processes, channels, listeners, sync objects and requests have numbers that the
 * caller chooses; they are indexes of tables, so take small ones: 0, 1, 2 and so on, requests
 * from 1. A number is never reused: a handle value that comes again after Close names a new object.
 */
#ifndef CTS_MODEL_H
#define CTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No object, no listener, no process. */
#define CTS_MODEL_NONE UINT32_MAX
/* Numbers must be smaller than these; a larger one is CTS_MODEL_MISUSE. */
#define CTS_MODEL_THREADS_MAX 4096u
#define CTS_MODEL_OBJECTS_MAX 65536u
#define CTS_MODEL_REQUESTS_MAX 16777216u

struct cts_model;

enum cts_model_order {
    CTS_MODEL_ORDER_ANY, /* a server takes any queued request: nothing is documented */
    CTS_MODEL_ORDER_FIFO /* per channel in order of arrival, for a library that promises it */
};

struct cts_model_config {
    enum cts_model_order order;
    /* Time is known: a limited call ends in time `delay_ms` after its invocation and not earlier;
     * CTS_MODEL_ADVANCE moves it. Without it a limited call may time out at any moment. */
    bool virtual_time;
    /* Most states the frontier may have; beyond it the verdict is CTS_MODEL_UNKNOWN for good. 0: the
     * default of 100,000. */
    size_t state_count_max;
};

enum cts_model_op_kind {
    CTS_MODEL_CALL,       /* Call, CallEx */
    CTS_MODEL_RECV,       /* Recv, RecvEx */
    CTS_MODEL_REPLY,      /* Reply */
    CTS_MODEL_SET,        /* KnIpcSetInterrupt */
    CTS_MODEL_CLEAR,      /* KnIpcClearInterrupt */
    CTS_MODEL_CREATE,     /* KnIpcCreateSyncObject, ...Ex */
    CTS_MODEL_CLOSE_SYNC, /* KnHandleClose of a sync object */
    CTS_MODEL_CLOSE_END,  /* KnHandleClose of a client, server or listener handle */
    CTS_MODEL_OP_KINDS
};

/* What is called, with what. Members that do not apply are zero; `object` then is CTS_MODEL_NONE. */
struct cts_model_op {
    enum cts_model_op_kind kind;
    bool ex;            /* CALL, RECV: the Ex form; names the call in reasons */
    uint32_t channel;   /* CALL, REPLY, CLOSE_END; RECV on a server handle */
    uint32_t listener;  /* RECV and CLOSE_END on a listener's handle, else CTS_MODEL_NONE; then
                          `channel` is ignored */
    uint32_t request;   /* CALL: number of the request; REPLY: of the answered one, 0: none */
    uint32_t object;    /* CALL, RECV: sync object or CTS_MODEL_NONE; SET, CLEAR, CLOSE_SYNC */
    bool limited;       /* CALL, RECV: mdelay is neither 0 nor INFINITE_TIMEOUT */
    bool poll;          /* CALL, RECV: mdelay is 0 */
    uint32_t delay_ms;  /* mdelay of a limited call; used under virtual time only */
    bool refused;       /* CALL, REPLY: the message carries a handle without the transfer right */
    bool bad_sync;      /* CALL, RECV: syncHandle names no live sync object of this process although
                          it is not INVALID_HANDLE; `object` is CTS_MODEL_NONE */
    bool bad_handle;    /* the handle (for CREATE: the pointer) is invalid: the call must fail */
    bool error_allowed; /* an error is a lawful result for a reason the model does not know */
    bool autoclear;     /* CREATE: an automatically clearing object */
};

enum cts_model_outcome {
    CTS_MODEL_OK,
    CTS_MODEL_INTERRUPT,     /* rcIpcInterrupt */
    CTS_MODEL_TIMEOUT,       /* rcTimeout */
    CTS_MODEL_SECURITY,      /* rcSecurityDisallow */
    CTS_MODEL_NOT_CONNECTED, /* rcNotConnected */
    CTS_MODEL_OTHER,         /* any other error */
    CTS_MODEL_OUTCOMES
};

struct cts_model_result {
    enum cts_model_outcome outcome;
    uint32_t
        request;     /* OK of RECV: number received; OK of CALL: number that the response answers */
    uint32_t object; /* OK of CREATE: the new object's number, not used before */
};

enum cts_model_event_kind {
    CTS_MODEL_INVOKE,         /* `thread` enters `op` */
    CTS_MODEL_RETURN,         /* `thread` returns with `result` */
    CTS_MODEL_REST,           /* quiescence: every call that has not returned is blocked for good,
                                 apart from limits that have not passed; not while a thread is frozen */
    CTS_MODEL_PROCESS_ENDING, /* `process` may end from now on: before it is killed */
    CTS_MODEL_PROCESS_END,    /* `process` has ended; its calls never return */
    CTS_MODEL_ADVANCE         /* virtual time is about to become `now_ms`: before it is moved */
};

struct cts_model_event {
    enum cts_model_event_kind kind;
    uint32_t thread;
    uint32_t process;
    struct cts_model_op op;
    struct cts_model_result result;
    uint64_t now_ms;
};

enum cts_model_verdict {
    CTS_MODEL_ACCEPTED,
    CTS_MODEL_VIOLATION, /* the library broke a rule; final, later events change nothing */
    CTS_MODEL_UNKNOWN,   /* too many states or no memory; final, never a claim about the library */
    CTS_MODEL_MISUSE /* the event makes no sense (a busy thread enters a call, an unknown number);
                            the caller's defect, the event is ignored */
};

/* A new model without threads, channels and objects. `config` is copied; null stands for zeros.
 * Null when there is no memory. */
struct cts_model *cts_model_create(const struct cts_model_config *config);
/* Null is fine. */
void cts_model_destroy(struct cts_model *model);
/* A copy that goes its own way, with the counters of the original. Null when there is no memory. */
struct cts_model *cts_model_clone(const struct cts_model *model);

/* Say what exists, before it is first used, at any time. `name` is copied (23 bytes), appears in
 * reasons, and may be null. False: number too large, used already, or no memory. */
bool cts_model_add_thread(struct cts_model *model, uint32_t thread, uint32_t process,
                          const char *name);
/* `listener`: the one the channel belongs to, or CTS_MODEL_NONE; several channels may share one.
 * A process may be CTS_MODEL_NONE when the end can outlive it or its holder is not known. */
bool cts_model_add_channel(struct cts_model *model, uint32_t channel, uint32_t listener,
                           uint32_t server_process, uint32_t client_process, const char *name);
/* A sync object that exists, clear; those that CREATE returns are added by the event. */
bool cts_model_add_object(struct cts_model *model, uint32_t object, uint32_t process,
                          bool autoclear, const char *name);
/* Name an object after its CREATE. False: unknown number. */
bool cts_model_name_object(struct cts_model *model, uint32_t object, const char *name);
/* From now on nothing is claimed about waits on this object, nor about its Set, Clear and Close: it
 * has a second handle, and what that does is not in the documents (XFER-10). False: unknown. */
bool cts_model_release_object(struct cts_model *model, uint32_t object);

/* The next event of the history, in order. After a final verdict the same verdict again. */
enum cts_model_verdict cts_model_event(struct cts_model *model,
                                       const struct cts_model_event *event);
/* What cts_model_event would say; changes nothing that can be seen. */
enum cts_model_verdict cts_model_probe(struct cts_model *model,
                                       const struct cts_model_event *event);
enum cts_model_verdict cts_model_verdict(const struct cts_model *model);

/* After a violation. Texts are the model's and live as long as it does. */
struct cts_model_violation {
    size_t event;             /* 0-based number of the event that nothing explains */
    const char *rule;         /* short stable name, as "interrupt-after-taken" */
    const char *requirements; /* ids, separated by a space; empty for a rule of the configuration */
    const char *reason;       /* one line: what happened, what was known, what was allowed */
};
/* False when there is no violation; then *violation is untouched. */
bool cts_model_violation(const struct cts_model *model, struct cts_model_violation *violation);

/* The reason and the last frontier that was not empty, several lines of text, cut to fit, always
 * terminated; without a violation the present frontier. Gives the length of the whole text. */
size_t cts_model_explain(const struct cts_model *model, char *buffer, size_t size);

size_t cts_model_event_count(const struct cts_model *model);
size_t cts_model_state_count(const struct cts_model *model);
size_t cts_model_state_count_peak(const struct cts_model *model);

/* ------------------------------------------------------------------------------------------------
 * End of a run. The law: with every object set and the process at rest, no interruptible call waits.
 *   1. for each number that cts_model_live_objects gives: Set it, in the library and as events
 *   2. let the process come to rest; CTS_MODEL_REST: a call that missed its Set is a violation here
 *   3. cts_model_end_law: nothing that could be interrupted may be left; the same for objects whose
 *      Set was forgotten
 */

/* Objects that are live in every state; writes at most `capacity` numbers, gives how many there are.
 * Released objects and those of ended processes are left out. */
size_t cts_model_live_objects(const struct cts_model *model, uint32_t *objects, size_t capacity);
/* True: the law holds. False: *thread (may be null) waits interruptibly. */
bool cts_model_end_law(const struct cts_model *model, uint32_t *thread);
/* Calls that have not returned, of any kind. Writes at most `capacity`, gives how many there are. */
size_t cts_model_waiting_threads(const struct cts_model *model, uint32_t *threads, size_t capacity);

/* ------------------------------------------------------------------------------------------------
 * Coverage: what the histories of this model exercised. Counters run from 0 to
 * cts_model_coverage_count() - 1; the numbering is stable within one build.
 */
struct cts_model_coverage {
    const char *name;        /* as "call interrupted while queued" */
    const char *requirement; /* id; for `is_open` the requirement that leaves it open */
    bool is_open;            /* false: a step of the model; true: one outcome of an open choice */
    uint64_t count;
};
size_t cts_model_coverage_count(void);
/* `index` below the count. */
struct cts_model_coverage cts_model_coverage(const struct cts_model *model, size_t index);
/* Add the counters of `from` to those of `to`, for a sum over many cases. */
void cts_model_coverage_add(struct cts_model *to, const struct cts_model *from);

#endif

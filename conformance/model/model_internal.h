/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the model share.
 *
 * A state of the model has two halves. The half that the history determines is kept once: who waits,
 * which request was received by whom, which Reply answered it (struct model_thread, _request). The
 * half that the history leaves open is kept per state, in the frontier: for each object one byte, for
 * each thread one byte (STATE_*). README.md says why the first half needs no alternatives.
 */
#ifndef CTS_MODEL_INTERNAL_H
#define CTS_MODEL_INTERNAL_H

#include "model.h"

/* A build with seeded faults proves that the tests of the model see each: tests/CMakeLists.txt. */
#ifdef CTS_MODEL_FAULTS
extern int cts_model_fault; /* which fault it has now; 0: none */
#define FAULT(n) (cts_model_fault == (n))
#else
#define FAULT(n) false
#endif

#define MODEL_NAME_MAX 24u

/* Byte of an object in a state. */
#define STATE_SET 1u    /* the flag */
#define STATE_CLOSED 2u /* Close has taken effect */

/* Byte of a thread in a state, while it is in CALL or RECV. */
#define STATE_PULSED 1u      /* was entitled to an interruption before Clear or a consumption */
#define STATE_OBJECT_GONE 2u /* its object was closed while it was in the call */
#define STATE_CONSUMED 4u    /* its interruption has cleared an automatically clearing object */
#define STATE_ENTERED_BAD 8u /* its object was closed when it entered */

/* Byte of a thread in a state, while it is in SET, CLEAR or CLOSE_SYNC. */
#define STATE_EFFECT_NOT_YET 0u
#define STATE_EFFECT_OK 1u
#define STATE_EFFECT_ERROR 2u

/* ------------------------------------------------------------------------------------------------
 * state_set.c: sets of states, each `stride` bytes.
 */
struct state_set {
    unsigned char *bytes;
    uint32_t *slots; /* hash table of indexes + 1; 0: empty */
    size_t count;
    size_t capacity;
    size_t slot_count; /* power of two */
    size_t stride;     /* multiple of 8 */
};

static inline unsigned char *state_at(const struct state_set *set, size_t index)
{
    return set->bytes + index * set->stride;
}

/* An empty set; false: no memory. */
bool state_set_init(struct state_set *set, size_t stride);
void state_set_finish(struct state_set *set);
void state_set_empty(struct state_set *set);
/* Add a copy of `state`, which may lie inside the set; false: no memory. */
bool state_set_add(struct state_set *set, const unsigned char *state);
bool state_set_copy(struct state_set *to, const struct state_set *from);

/* ------------------------------------------------------------------------------------------------
 * The half of the state that the history determines.
 */
struct model_thread {
    bool known;
    bool pending;
    uint32_t process;
    char name[MODEL_NAME_MAX];
    struct cts_model_op op;
    uint64_t invoked_at; /* number of the event, from 1 */
    uint64_t settled_at; /* number of the first rest in which it waited; 0: none yet */
    uint64_t left_at;    /* FIFO: it had left the queue by this event; 0: not known */
    uint64_t invoked_ms; /* virtual time at the invocation */
    uint64_t settled_ms; /* virtual time at settled_at: it had entered by then */
    bool entered_set;    /* its object was set, in every state, when it was invoked */
    bool object_in_use;  /* CLOSE_SYNC: a call used the object at some moment of the Close */
};

enum request_end { REQUEST_UNUSED, REQUEST_PENDING, REQUEST_OK, REQUEST_WITHDRAWN, REQUEST_ENDED };

struct model_request {
    enum request_end end; /* WITHDRAWN: nobody may receive it. ENDED: those who may have taken it
                             before may still say so */
    enum cts_model_outcome outcome; /* of the call, when it returned */
    bool sender_ended;
    bool sender_bad_sync;
    bool refused;
    uint32_t sender;
    uint32_t channel;
    uint64_t sent_at;
    uint64_t sender_settled_at;
    uint64_t ended_at;
    uint32_t receiver; /* thread that received it, CTS_MODEL_NONE */
    /* replies, other than refused ones */
    unsigned replies_open;
    unsigned replies_ok;
    bool reply_lost;        /* the replier's process ended inside Reply */
    bool reply_owed;        /* the call returned rcOk before any Reply did */
    bool reply_refused;     /* since the last rest */
    bool ended_by_refusal;  /* the call failed, and a refused Reply alone explains it */
    bool result_is_settled; /* a Reply has returned while the call was pending */
    bool sender_is_gone;    /* a Reply failed, so the call must have ended */
};

struct model_channel {
    bool known;
    bool may_break; /* an end is being closed or was closed */
    uint32_t listener;
    uint32_t server_process;
    uint32_t client_process;
    char name[MODEL_NAME_MAX];
};

struct model_object {
    bool known;
    bool autoclear;
    bool released;
    uint32_t process;
    char name[MODEL_NAME_MAX];
    uint64_t set_invoked_at;   /* last one; 0: never */
    uint64_t clear_invoked_at; /* last one; 0: never */
    unsigned interrupts;       /* returned since the last Set was invoked */
    uint64_t sets_ever;        /* invoked */
    uint64_t interrupts_ever;  /* returned */
};

enum process_state { PROCESS_RUNS, PROCESS_ENDING, PROCESS_ENDED };

/* Rules; the table is in reason.c. */
enum model_rule {
    RULE_NONE,
    RULE_UNSENT,
    RULE_TWICE,
    RULE_GHOST_INTERRUPTED,
    RULE_GHOST_ENDED,
    RULE_GHOST_REFUSED,
    RULE_REFUSED_DELIVERED,
    RULE_WRONG_CHANNEL,
    RULE_ORDER,
    RULE_OK_NOT_TAKEN,
    RULE_OK_NOT_ANSWERED,
    RULE_SWAPPED,
    RULE_INTERRUPT_PLAIN,
    RULE_INTERRUPT_NO_OBJECT,
    RULE_INTERRUPT_TAKEN,
    RULE_INTERRUPT_NEVER_SET,
    RULE_INTERRUPT_OTHER_OBJECT,
    RULE_INTERRUPT_AFTER_CLEAR,
    RULE_INTERRUPT_AUTOCLEARED,
    RULE_INTERRUPT_CLOSED,
    RULE_TIMEOUT_UNLIMITED,
    RULE_TIMEOUT_EARLY,
    RULE_ERROR_UNEXPLAINED,
    RULE_NOT_THAT_RESULT,
    RULE_REPLY_INTERRUPTED,
    RULE_REPLY_ERROR,
    RULE_REPLY_ERROR_DELIVERED,
    RULE_REFUSED_REPLY_OK,
    RULE_CONTROL_INTERRUPTED,
    RULE_CONTROL_ERROR,
    RULE_CONTROL_OK_CLOSED,
    RULE_CONTROL_OK_BAD,
    RULE_LOST_WAKE_UP,
    RULE_LOST_WAKE_UP_AT_ENTRY,
    RULE_LOST_WAKE_UP_OF_SOME,
    RULE_LOST_WAKE_UP_AUTOCLEAR,
    RULE_NOT_MET,
    RULE_REPLY_LOST,
    RULE_LATE_BUT_WAITING,
    RULE_POLL_WAITS,
    RULE_REFUSED_WAITS,
    RULE_BROKEN_WAITS,
    RULE_BAD_HANDLE_WAITS,
    RULE_CONTROL_WAITS,
    RULE_REPLY_WAITS,
    RULE_COUNT
};

/* Counters; the table is in coverage.c. */
enum model_counter {
    COUNT_CALL_QUEUED,
    COUNT_RECV_WAITING,
    COUNT_DELIVER_TO_WAITING,
    COUNT_DELIVER_FROM_QUEUE,
    COUNT_DELIVER_RACING,
    COUNT_INTERRUPT_CALL_QUEUED,
    COUNT_INTERRUPT_CALL_AT_ENTRY,
    COUNT_INTERRUPT_RECV_WAITING,
    COUNT_INTERRUPT_RECV_AT_ENTRY,
    COUNT_INTERRUPT_BY_AUTOCLEAR,
    COUNT_TIMEOUT_CALL_QUEUED,
    COUNT_TIMEOUT_CALL_TAKEN,
    COUNT_TIMEOUT_RECV,
    COUNT_ANSWERED,
    COUNT_ANSWERED_WHILE_SET,
    COUNT_CALL_REFUSED,
    COUNT_REPLY_REFUSED,
    COUNT_SET,
    COUNT_SET_AGAIN,
    COUNT_CLEAR,
    COUNT_CLEAR_AGAIN,
    COUNT_CLOSE_IDLE,
    COUNT_CONTROL_OF_CLOSED,
    COUNT_BROKEN_CALL_QUEUED,
    COUNT_BROKEN_CALL_TAKEN,
    COUNT_BROKEN_RECV,
    COUNT_PROCESS_END,
    COUNT_REST,
    COUNT_FIRST_OPEN,
    OPEN_CALL_SET_DELIVERED = COUNT_FIRST_OPEN,
    OPEN_CALL_SET_INTERRUPTED,
    OPEN_RECV_SET_RECEIVED,
    OPEN_RECV_SET_INTERRUPTED,
    OPEN_PULSE_INTERRUPTED,
    OPEN_PULSE_KEPT,
    OPEN_CLOSE_KEPT,
    OPEN_CLOSE_ERROR,
    OPEN_CLOSE_INTERRUPTED,
    OPEN_CLOSE_REFUSED,
    OPEN_CALL_BAD_SYNC_REFUSED,
    OPEN_CALL_BAD_SYNC_IGNORED,
    OPEN_RECV_BAD_SYNC_REFUSED,
    OPEN_RECV_BAD_SYNC_IGNORED,
    OPEN_POLL_OK,
    OPEN_POLL_TIMEOUT,
    OPEN_LATE_REPLY_OK,
    OPEN_LATE_REPLY_ERROR,
    OPEN_STRAY_REPLY_OK,
    OPEN_STRAY_REPLY_ERROR,
    OPEN_STRAY_REPLY_WAITS,
    OPEN_REFUSED_CALL_WAITS,
    OPEN_REFUSED_REPLY_ERROR,
    OPEN_REFUSED_REPLY_TIMEOUT,
    OPEN_REFUSED_REPLY_KEPT,
    OPEN_AUTOCLEAR_ONE,
    OPEN_AUTOCLEAR_MORE,
    OPEN_AUTOCLEAR_PENDING,
    OPEN_AUTOCLEAR_LAPSED,
    OPEN_ENDED_SENDER_RECEIVED,
    COUNT_COUNTERS
};

struct cts_model {
    struct cts_model_config config;
    enum cts_model_verdict verdict;
    size_t event_count;
    uint64_t last_rest_at; /* number of the event; 0: none */
    uint64_t now_ms;

    struct model_thread *threads;
    size_t thread_count;
    struct model_object *objects;
    size_t object_count;
    struct model_channel *channels;
    size_t channel_count;
    struct model_request *requests;
    size_t request_count;
    unsigned char *processes; /* enum process_state */
    size_t process_count;

    struct state_set frontier;
    struct state_set scratch; /* always of the frontier's stride; its content means nothing */
    size_t object_room;       /* bytes of a state that are objects; the rest are threads */
    bool closed;              /* the frontier is closed under silent steps */
    size_t peak;

    /* after a violation */
    size_t violation_event;
    enum model_rule rule;
    bool rule_of_recv; /* which column of the table */
    char reason[1024];

    uint64_t counters[COUNT_COUNTERS];
};

static inline unsigned char *object_byte(const struct cts_model *model, unsigned char *state,
                                         uint32_t object)
{
    (void)model;
    return state + object;
}

static inline unsigned char *thread_byte(const struct cts_model *model, unsigned char *state,
                                         uint32_t thread)
{
    return state + model->object_room + thread;
}

static inline bool is_wait(const struct cts_model_op *op)
{
    return op->kind == CTS_MODEL_CALL || op->kind == CTS_MODEL_RECV;
}

static inline bool is_control(const struct cts_model_op *op)
{
    return op->kind == CTS_MODEL_SET || op->kind == CTS_MODEL_CLEAR ||
           op->kind == CTS_MODEL_CLOSE_SYNC;
}

static inline bool is_error(enum cts_model_outcome outcome)
{
    return outcome != CTS_MODEL_OK && outcome != CTS_MODEL_INTERRUPT &&
           outcome != CTS_MODEL_TIMEOUT;
}

/* setup.c */
bool model_is_object(const struct cts_model *model, uint32_t object);
bool model_is_channel(const struct cts_model *model, uint32_t channel);
/* Make room for the request; false: no memory. */
bool model_know_request(struct cts_model *model, uint32_t request);

/* Request of a thread in CALL, or named by one in REPLY; null when there is none. */
struct model_request *model_request_of(const struct cts_model *model,
                                       const struct model_thread *thread);
/* The thread is in CALL and a server has received its request. */
bool model_is_taken(const struct cts_model *model, const struct model_thread *thread);
/* In CALL and untaken, or in RECV: the waits that an object may interrupt. */
bool model_is_open_wait(const struct cts_model *model, const struct model_thread *thread);
bool model_process_is(const struct cts_model *model, uint32_t process, enum process_state state);
/* The receive of `thread` takes requests of `channel`. */
bool model_receives_from(const struct cts_model *model, const struct model_thread *thread,
                         uint32_t channel);

/* ------------------------------------------------------------------------------------------------
 * frontier.c: silent steps and filters over all states.
 */

/* What a state must allow so that `thread` may return as it did. */
enum state_demand {
    DEMAND_ANY,
    DEMAND_NOT_CONSUMED, /* CALL, RECV: any result but an interruption; `sender` too */
    DEMAND_INTERRUPT,    /* CALL, RECV: it may be interrupted */
    DEMAND_OBJECT_GONE,  /* CALL, RECV: its object was closed */
    DEMAND_SENDER_GONE,  /* REPLY: the object of `sender`, a taken call, was closed */
    DEMAND_EFFECT_OK,    /* SET, CLEAR, CLOSE_SYNC */
    DEMAND_EFFECT_ERROR
};
struct state_filter {
    enum state_demand demand;
    uint32_t thread;
    uint32_t sender; /* of the request concerned, or CTS_MODEL_NONE */
};

/* False: too many states or no memory. Changes nothing that can be observed. */
bool frontier_close(struct cts_model *model);
bool frontier_allows(const struct cts_model *model, const struct state_filter *filter,
                     const unsigned char *state);
/* Some state passes; closes the frontier if the filter needs that. -1: unknown. */
int frontier_any(struct cts_model *model, const struct state_filter *filter);
/* Keep the states that pass. Some state must pass. False: no memory. */
bool frontier_keep(struct cts_model *model, const struct state_filter *filter);
/* The state can be at rest; only flags against waiting threads are looked at. `thread` may be null,
 * else receives the thread that forbids it. */
bool frontier_state_rests(const struct cts_model *model, const unsigned char *state,
                          uint32_t *thread);
/* Keep the states that can be at rest and drop what rest decides. Some must. False: no memory. */
bool frontier_rest(struct cts_model *model);
/* Edit every state; `edit` gives the new value of the byte. False: no memory. */
bool frontier_edit_thread(struct cts_model *model, uint32_t thread, unsigned char keep_mask);
/* A thread has entered a call with an object: states in which that is closed remember it. */
bool frontier_enter(struct cts_model *model, uint32_t thread);
/* FIFO: the call of `thread` has left its queue; what may interrupt it is decided now. */
bool frontier_leave(struct cts_model *model, uint32_t thread);
/* Object bytes: in every state / in some state all bits of `mask` are set. */
bool frontier_object_all(const struct cts_model *model, uint32_t object, unsigned char mask);
bool frontier_object_some(const struct cts_model *model, uint32_t object, unsigned char mask);
/* In some state the thread's byte has all bits of `mask`. */
bool frontier_thread_some(const struct cts_model *model, uint32_t thread, unsigned char mask);
/* Make room for more objects or threads. False: no memory. */
bool frontier_resize(struct cts_model *model, size_t object_room, size_t thread_room);

/* ------------------------------------------------------------------------------------------------
 * rules.c: what the history forbids whatever the state. Pure.
 */

/* May the thread return so? RULE_NONE: yes, in states that pass *filter; if none does, the reason is
 * *otherwise. */
enum model_rule rules_return(const struct cts_model *model, uint32_t thread,
                             const struct cts_model_result *result, struct state_filter *filter,
                             enum model_rule *otherwise);
/* May this be a moment of rest? *thread: whose call forbids it. */
enum model_rule rules_rest(const struct cts_model *model, uint32_t *thread);
/* An end of the channel is or may be gone, so calls on it may fail. */
bool rules_may_be_broken(const struct cts_model *model, uint32_t channel, uint32_t peer_process);
/* The call can have failed for no other reason than a refused Reply to it. */
bool rules_only_refusal_explains(const struct cts_model *model, uint32_t thread);
/* Why a thread that waits in `state` should have been woken. */
enum model_rule rules_lost_wake_up(const struct cts_model *model, uint32_t thread);

/* ------------------------------------------------------------------------------------------------
 * reason.c, coverage.c
 */
void reason_of_return(struct cts_model *model, uint32_t thread,
                      const struct cts_model_result *result, enum model_rule rule);
void reason_of_rest(struct cts_model *model, uint32_t thread, enum model_rule rule);

/* Count, before the event changes the model. */
void coverage_of_return(struct cts_model *model, uint32_t thread,
                        const struct cts_model_result *result);
void coverage_of_rest(struct cts_model *model);

#endif

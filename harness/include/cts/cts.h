/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of a case. A case is linear code on the main thread that tells actors what to do:
 * an actor is one thread in one process of the library under test and performs one call of it at a
 * time. The main thread starts a call, waits until the actor is really blocked, acts, and collects
 * the result. All claims are made on the main thread.
 *
 *   cts_require_*  preparation. When it does not hold, the case ends as BROKEN: the claim was not
 * reached. cts_check_*    the claim. When it does not hold, the case ends as FAIL. A call that has
 * to return and does not ends the case as TIMEOUT under require and FAIL under check. The first
 * failure ends the case.
 *
 * Nothing here sleeps, and no case may. A blocked call is waited for by cts_settle, which proves
 * that the whole process has come to rest; a returning call is waited for by what must be true of
 * it.
 *
 * In every case, without being asked, the harness checks the consistency law:
 *   - a CallEx that returned rcIpcInterrupt was received by nobody, then or later;
 *   - no request is received twice, and none that nobody sent;
 *   - a Call or CallEx that returned rcOk holds the response that was made for it, byte for byte;
 *   - a request that is received arrives byte for byte.
 */
#ifndef CTS_CTS_H
#define CTS_CTS_H

#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <coresrv/time/time_api.h>
#include <cts/case.h>
#include <nk/types.h>
#include <services/ocap.h>
#include <stdbool.h>

struct cts_process;
struct cts_actor;
struct cts_op;

/* The mdelay that a row asks for: INFINITE_TIMEOUT or CTS_SAFETY_MS. */
rtl_uint32_t cts_mdelay(const struct cts_case *self);

/* ------------------------------------------------------------------------------------------------
 * Processes, channels, sync objects, actors. All of it is taken away after the case.
 */

/* The process that exists without an adapter. */
struct cts_process *cts_process_first(void);
/* One more process. Ends the case as SKIP when the adapter has no processes. */
struct cts_process *cts_process_new(void);

/* End a process from outside, as SIGKILL does, whatever its actors are doing; or in order: its handles are
 * closed, then it exits (its actors must be idle). Its handles are gone afterwards, and its actors take
 * no more calls; calls they were in count as ended. SKIP where the adapter cannot do it. */
void cts_process_kill(struct cts_process *process);
void cts_process_exit(struct cts_process *process);
/* Are the library's processes operating-system processes? Such a one can be killed with a frozen actor in it (cts_freeze):
 * elsewhere the library may have to wait for that actor. */
bool cts_processes_are_real(void);

/* Let the nth allocation that the library makes in this process from now on (1: the next) fail, once; 0: none any
 * more. SKIP where the adapter cannot do it. */
void cts_fail_allocation(rtl_uint32_t nth);

/* A channel. In CTS_ONE_PROCESS both processes are the first one; in CTS_TWO_PROCESSES the server's
 * is the first one and the client's is new. */
struct cts_link {
    struct cts_process *server_process;
    struct cts_process *client_process;
    Handle listener;
    Handle server; /* may equal listener */
    Handle client;
};
struct cts_link cts_link_open(enum cts_layout layout);
/* A channel between two given processes. */
struct cts_link cts_link_between(struct cts_process *server_process,
                                 struct cts_process *client_process);
/* One more channel of the listener of `link`, in one process (KnHandleConnect with that listener).
 */
struct cts_link cts_link_add(const struct cts_link *link);

/* A new sync object of `process`; requires rcOk. */
Handle cts_sync_new(struct cts_process *process);

/* A thread of `process`. `name` is a literal and appears in reports, with a number behind it from the
 * second of that name on. */
struct cts_actor *cts_actor_new(struct cts_process *process, const char *name);

/* ------------------------------------------------------------------------------------------------
 * Messages. Every request carries a number of its own and every response the number of the request
 * it answers, with a pattern made from it; the harness puts them in and checks them.
 */
#define CTS_MESSAGE_HANDLES 20
struct cts_message {
    unsigned handle_count;
    Handle handles[CTS_MESSAGE_HANDLES];
    nk_rights_t rights[CTS_MESSAGE_HANDLES]; /* 0 stands for NK_RIGHTS_HELD */
    bool no_rights;                          /* all descriptors ask for none at all */
    rtl_uint32_t arena_bytes;                /* pattern bytes in the arena, at most 131072 */
};
/* Only the number and the pattern. */
#define CTS_PLAIN ((struct cts_message){0})
/* With one handle. */
#define CTS_WITH_HANDLE(handle_) ((struct cts_message){.handle_count = 1, .handles = {handle_}})

/* ------------------------------------------------------------------------------------------------
 * Starting calls. Each hands one call to the actor's thread and returns at once. The actor must be
 * idle: its earlier call has returned. The op stays valid until the end of the case.
 */
struct cts_op *cts_start_call(struct cts_actor *actor, Handle client, struct cts_message request);
struct cts_op *cts_start_call_ex(struct cts_actor *actor, Handle client, struct cts_message request,
                                 rtl_uint32_t mdelay, Handle sync);
struct cts_op *cts_start_recv(struct cts_actor *actor, Handle server);
struct cts_op *cts_start_recv_ex(struct cts_actor *actor, Handle server, rtl_uint32_t mdelay,
                                 Handle sync);
/* Answer the request that `received`, a returned Recv or RecvEx of any actor, holds. */
struct cts_op *cts_start_reply(struct cts_actor *actor, struct cts_op *received,
                               struct cts_message response);
/* The same with a plain response and threadId 0, which asks for the caller that is first in the queue of the handle;
 * only a comment in the SDK's header if_rend.h says so, so an error is a lawful result. `received` must be the only
 * request taken on its handle and not answered, since nothing else says which one is meant. */
struct cts_op *cts_start_reply_to_the_first(struct cts_actor *actor, struct cts_op *received);
/* Reply on `server` without a request to answer. */
struct cts_op *cts_start_stray_reply(struct cts_actor *actor, Handle server);

struct cts_op *cts_start_create(struct cts_actor *actor);
/* The same into a variable that holds `before`, which is no input. */
struct cts_op *cts_start_create_over(struct cts_actor *actor, Handle before);
/* An error is a lawful result of this create, wait or Reply, because the library may have no room for one more:
 * how many objects and waits there may be is not written anywhere (OBJ-16). Called right after the start. */
void cts_may_lack_room(struct cts_op *op);
/* With room for fewer objects or waits than this the interface could not be used at all. */
enum { CTS_SURELY_ROOM_FOR = 8 };
/* Did a create write to the bytes before or behind the variable it was given? */
bool cts_wrote_beside(const struct cts_op *create);
/* KnIpcCreateSyncObject(NULL). */
struct cts_op *cts_start_create_null(struct cts_actor *actor);
struct cts_op *cts_start_set(struct cts_actor *actor, Handle sync);
struct cts_op *cts_start_clear(struct cts_actor *actor, Handle sync);
struct cts_op *cts_start_close(struct cts_actor *actor, Handle handle);
/* KnIpcCreateSyncObjectEx(1, ...). SKIP where the library has no such function. */
struct cts_op *cts_start_create_autoclear(struct cts_actor *actor);
/* The object of one such call; requires rcOk. A library that answers the first one of a case with rcUnimplemented has
 * the name of the function alone, which is as good as none (our choice). */
Handle cts_autoclear_new(struct cts_actor *actor);
/* KnHandleConnect(INVALID_HANDLE, ...). */
struct cts_op *cts_start_connect(struct cts_actor *actor);
/* KnHandleCopy(handle, rights, INVALID_HANDLE, ...). SKIP where the library has no such function.
 */
struct cts_op *cts_start_copy(struct cts_actor *actor, Handle handle, rtl_uint32_t rights);
/* `rounds` times Create and Close; stops at the first result other than rcOk, which it returns. This op
 * and the next ones are waited for as long as they get on: a library may be slow. */
struct cts_op *cts_start_churn(struct cts_actor *actor, unsigned rounds);
/* `rounds` times: Create, Set, a CallEx on `client` and a RecvEx on `server` that are interrupted, Clear in
 * every second round, Close. Nobody may wait at the other ends. Result as churn; rcFail when a call was not interrupted. */
struct cts_op *cts_start_churn_used(struct cts_actor *actor, Handle client, Handle server,
                                    unsigned rounds);
/* `rounds` times: Create, a CallEx on `client` or in turn a RecvEx on `server` that waits until it is interrupted,
 * Close. Nobody may wait at the other ends. Result as churn_used. */
struct cts_op *cts_start_churn_waited(struct cts_actor *actor, Handle client, Handle server,
                                      rtl_uint32_t mdelay, unsigned rounds);
/* The Set of each of those, by an actor of the same process. Returns after the last one. */
struct cts_op *cts_start_churn_setter(struct cts_actor *actor, struct cts_op *waited);
/* `rounds` times, rounded up to a multiple of eight: Create by one actor, Close by another one of the same process. Each
 * result as churn; when Close fails, the other side ends as well. */
struct cts_op *cts_start_churn_creates(struct cts_actor *actor, unsigned rounds);
struct cts_op *cts_start_churn_closes(struct cts_actor *actor, struct cts_op *creates);

/* Traffic: `rounds` calls of each of `clients`, served by any number of servers, with nothing between them. A library
 * that is slow makes fewer. All ops of it are waited for as long as they get on. At most 8 and 4096. */
struct cts_traffic;
struct cts_traffic *cts_traffic_new(unsigned clients, unsigned rounds);
/* The calls of one client: CallEx, or Call without limit and object. With an object each may be interrupted. rcFail
 * when a response is not that to the request. */
struct cts_op *cts_start_traffic_calls(struct cts_actor *actor, struct cts_traffic *traffic,
                                       Handle client, rtl_uint32_t mdelay, Handle sync);
/* RecvEx and Reply until the object `stop` interrupts; rcFail when a request comes twice or from nowhere. */
struct cts_op *cts_start_traffic_service(struct cts_actor *actor, struct cts_traffic *traffic,
                                         Handle server, Handle stop);
/* Set and Clear, or Create and Close, as long as calls are made. */
struct cts_op *cts_start_traffic_pulses(struct cts_actor *actor, struct cts_traffic *traffic,
                                        Handle sync);
struct cts_op *cts_start_traffic_churn(struct cts_actor *actor, struct cts_traffic *traffic);
/* When all have returned: each answered request was received once, each interrupted one not at all. */
#define cts_check_traffic(traffic) cts_traffic_check_at((traffic), __FILE__, __LINE__)

/* Create and close at most `rounds` objects until one has the handle value `wanted`; it stays open, and
 * cts_handle gives it. INVALID_HANDLE: the value did not come up. Result as churn. */
struct cts_op *cts_start_recreate(struct cts_actor *actor, Handle wanted, unsigned rounds);
/* Create up to `rounds` objects, then close them all. The first error of Create, or rcOk. */
struct cts_op *cts_start_exhaust(struct cts_actor *actor, unsigned rounds);
/* Waits outside IPC: for a mutex that the case holds until cts_release_mutex (rcOk), and one sleep of
 * the given length (rcOk: undisturbed; rcFail: cut short). One mutex wait at a time. */
struct cts_op *cts_start_mutex_wait(struct cts_actor *actor);
void cts_release_mutex(void);
struct cts_op *cts_start_sleep(struct cts_actor *actor, rtl_uint32_t milliseconds);

/* ------------------------------------------------------------------------------------------------
 * Programs: calls that actors perform one after the other without waiting for the main thread, so that
 * they meet by chance. Between cts_program_begin and cts_program_run the actor's calls are queued.
 */
void cts_program_begin(struct cts_actor *actor);
/* Let all queued programs go, as nearly at the same moment as the machine allows. In a program a reply
 * may answer a receive of the same program that has not returned yet; when that receive does not return
 * rcOk, the reply is left out and counts as returned with rcFail. */
void cts_program_run(void);
/* A number from the run's seed, below `bound`; the same for the same seed, case and call. */
rtl_uint32_t cts_random(rtl_uint32_t bound);
/* Another step of a case that wants `wanted` of them and has made `done`? A library that is slow makes fewer;
 * in the soak extent there are twice as many. */
bool cts_steps_left(unsigned done, unsigned wanted);

/* ------------------------------------------------------------------------------------------------
 * Results of a returned op.
 */
Retcode cts_rc(const struct cts_op *op);
/* Has it returned by now? Does not wait. */
bool cts_returned(const struct cts_op *op);
/* The new handle: of create and copy; of connect, the client's. INVALID_HANDLE when none. */
Handle cts_handle(const struct cts_op *op);
/* Number of the request that a call sent (also while it has not returned), or that a receive got (0:
 * none). */
rtl_uint64_t cts_request(const struct cts_op *op);
/* Handles that came with a received request, or with the response of a call. */
unsigned cts_received_handle_count(const struct cts_op *op);
Handle cts_received_handle(const struct cts_op *op, unsigned index);
/* Monotonic nanoseconds from invocation to return, measured by the actor. */
rtl_uint64_t cts_elapsed_ns(const struct cts_op *op);

/* ------------------------------------------------------------------------------------------------
 * Waiting and claiming.
 */

/* Wait until every thread of the process but this one is asleep for good (harness/README.md says
 * how that is known), or has proved that it only spins. */
void cts_settle(void);

/* Wait for the op to return, as cts_check_returned does, and give its code. */
#define cts_wait(op) cts_wait_at((op), __FILE__, __LINE__)
/* Wait until one of these, at least one and none null, has returned; at once if one has. */
#define cts_wait_any(ops, count) cts_wait_any_at((ops), (count), __FILE__, __LINE__)
#define cts_wait_either(op, other) cts_wait_any((((struct cts_op *const[]){(op), (other)})), 2)
/* Settle; the op has not returned. */
#define cts_require_blocked(op) cts_blocked_at((op), true, __FILE__, __LINE__)
#define cts_check_blocked(op) cts_blocked_at((op), false, __FILE__, __LINE__)
/* The op returns, with this code. */
#define cts_require_returned(op, rc) cts_returned_at((op), (rc), true, __FILE__, __LINE__)
#define cts_check_returned(op, rc) cts_returned_at((op), (rc), false, __FILE__, __LINE__)
/* The op returns, with one of these codes (at most 8). */
#define cts_check_returned_one_of(op, ...)                                                         \
    cts_returned_one_of_at((op), (const Retcode[]){__VA_ARGS__},                                   \
                           sizeof((const Retcode[]){__VA_ARGS__}) / sizeof(Retcode), __FILE__,     \
                           __LINE__)
/* The op returns, with an error that is not rcIpcInterrupt. */
#define cts_check_error(op) cts_error_at((op), __FILE__, __LINE__)
/* A condition; `text` says what must be true. */
#define cts_require_that(condition, text) cts_that_at((condition), (text), true, __FILE__, __LINE__)
#define cts_check_that(condition, text) cts_that_at((condition), (text), false, __FILE__, __LINE__)

/* Set, Clear, Close by a thread of `process` that does nothing else; they must return and the
 * result must be rcOk (BROKEN otherwise). */
#define cts_set(process, sync) cts_set_at((process), (sync), __FILE__, __LINE__)
#define cts_clear(process, sync) cts_clear_at((process), (sync), __FILE__, __LINE__)
#define cts_close(process, handle) cts_close_at((process), (handle), __FILE__, __LINE__)

/* One whole exchange on the link with plain messages and without time limit: it must succeed. As a
 * check it shows that a channel still works. The actors must be idle. */
#define cts_check_exchange(client_actor, client, server_actor, server)                             \
    cts_exchange_at((client_actor), (client), (server_actor), (server), __FILE__, __LINE__)
/* Answer what `received` holds with a plain response: Reply is rcOk, and so is the call it answers.
 */
#define cts_check_served(server_actor, received, call)                                             \
    cts_served_at((server_actor), (received), (call), __FILE__, __LINE__)

/* A waiting CallEx or RecvEx that may end by itself, with an error, whenever the library looks at what is wrong
 * with it, or go on until its peer comes. If it has not ended when all threads are at rest, the idle `peer`
 * comes: true if the wait was served. Otherwise it has ended, and nothing is left of it. */
#define cts_call_is_served(call, client, peer, server)                                             \
    cts_call_is_served_at((call), (client), (peer), (server), __FILE__, __LINE__)
#define cts_recv_is_served(received, server, peer, client)                                         \
    cts_recv_is_served_at((received), (server), (peer), (client), __FILE__, __LINE__)
/* A call of `client` has timed out while `server` holds its request, and its next one is held by `second`: does a
 * Reply of `second` answer that one? threadId names both, and the documents know nothing else by which a Reply
 * chooses, so a library may take the Reply for the late one. Null: they are told apart; otherwise why that
 * cannot be relied on. Ends the case as BROKEN where the calls do not come back. The actors must be idle, and
 * are afterwards. Takes some 30 ms unless time is virtual, and up to seconds when the library is slow. */
const char *cts_why_requests_of_a_thread_mix(const struct cts_link *link, struct cts_actor *client,
                                             struct cts_actor *server, struct cts_actor *second);

/* For `open` requirements: record what was seen. A case that observed something and failed nothing
 * ends as OBSERVED. Both strings: letters, digits, spaces, punctuation; copied. */
void cts_observe(const char *what, const char *seen);
/* Name of a return code, for cts_observe. */
const char *cts_rc_name(Retcode rc);
/* End the case as SKIP. */
_Noreturn void cts_skip(const char *reason);

/* ------------------------------------------------------------------------------------------------
 * Windows that order alone does not reach.
 */

/* Hold a blocked actor inside its call, between being woken and returning: a signal whose handler
 * parks. What is done to it meanwhile takes effect when it is thawed. While an actor is frozen,
 * other calls may have to wait for it in a correct library, so start them and settle instead of
 * requiring that they return. Ends the case as SKIP where signals cannot do that, or where the
 * library does not survive a signal in a blocked call. */
void cts_freeze(struct cts_actor *actor);
void cts_thaw(struct cts_actor *actor);

/* Let the library run on virtual time. Call it first in a case. Without an adapter that has it, the
 * limits of the case pass in real time: cts_advance_ms then waits until every call whose limit it passes
 * has returned, and a limit that passes too soon ends the case as INCONCLUSIVE; limits over four seconds
 * end it as SKIP. */
void cts_use_virtual_time(void);
/* Move virtual time on. */
void cts_advance_ms(rtl_uint32_t milliseconds);

/* ------------------------------------------------------------------------------------------------
 * How late? Samples of the library are taken in turn with samples of a control group: a futex wake of
 * the same threads. The verdict has three values (PASS, FAIL, INCONCLUSIVE), and only a library that is
 * late every time fails; harness/README.md, "Time", says how it is reached. A case that measures is
 * CTS_EXCLUSIVE.
 *
 *   struct cts_timing *timing = cts_timing_begin("Set to return of CallEx", setter, &client, 1);
 *   while (cts_timing_next(timing)) {
 *       ... start the call; cts_timing_blocked(timing, call);
 *       ... start the cause; cts_check_returned for both;
 *       cts_timing_add(timing, set, &call, 1);
 *   }
 *   cts_check_in_time(timing);
 */
#define CTS_TIMING_WAITERS_MAX 8
struct cts_timing;
/* `what` is a literal. `cause` is the thread that acts, the waiters (at most CTS_TIMING_WAITERS_MAX)
 * those that wait; without a cause, limits are measured, of the one waiter. */
struct cts_timing *cts_timing_begin(const char *what, struct cts_actor *cause,
                                    struct cts_actor *const *waiters, unsigned waiter_count);
/* Take the control samples that are due. True: one more sample of the library is wanted, and its
 * actors are idle. */
bool cts_timing_next(struct cts_timing *timing);
/* cts_require_blocked, and then a moment of waiting if the phase is varied in this pair. */
void cts_timing_blocked(const struct cts_timing *timing, struct cts_op *op);
/* The sample: from the invocation of the cause to the last return of the effects. All have returned. */
void cts_timing_add(struct cts_timing *timing, const struct cts_op *cause,
                    struct cts_op *const *effects, unsigned count);
/* The mdelay to use in this pair, and the sample: how long after it the call returned. */
rtl_uint32_t cts_timing_limit_ms(const struct cts_timing *timing);
void cts_timing_add_limit(struct cts_timing *timing, const struct cts_op *op);
/* The verdict: log all samples, and end the case as FAIL or INCONCLUSIVE unless it is PASS. */
#define cts_check_in_time(timing) cts_timing_check_at((timing), __FILE__, __LINE__)

/* ------------------------------------------------------------------------------------------------
 * Leaks. What is there after each of many rounds of the same work by the same threads: threads,
 * descriptors, live objects, and memory where each round closes at least 1024 objects in one op. Growth
 * that has an end is no leak; harness/README.md, "Leaks", says how that is told.
 *
 *   struct cts_growth *growth = cts_growth_begin(0);
 *   while (cts_growth_next(growth)) {
 *       ... one round, all of whose calls have returned and whose objects are closed
 *   }
 *   cts_check_no_leak(growth);
 */
struct cts_growth;
/* `objects`: how many objects a round creates and closes. */
struct cts_growth *cts_growth_begin(unsigned objects);
/* Count. True: one more round is wanted. */
bool cts_growth_next(struct cts_growth *growth);
/* Log the counts, and end the case as LEAK, or as INCONCLUSIVE when the machine was too slow for
 * enough rounds, unless the growth has an end. */
#define cts_check_no_leak(growth) cts_growth_check_at((growth), __FILE__, __LINE__)

/* ------------------------------------------------------------------------------------------------
 * Races: two calls against each other, many times, with a delay between them that is steered to where
 * they meet (harness/README.md). In a trial nothing is logged unless it fails; the case's `window` event
 * has the counts. Each trial begins and ends with all actors idle and all sync objects clear, and is
 * judged by the consistency law and the model before the next one.
 *
 *   while (cts_race_next(race)) {
 *       ... what is there before ...
 *       cts_program_begin(client);  call = cts_start_call_ex(client, ...);
 *       cts_program_begin(setter);  set = cts_start_set(setter, ...);
 *       cts_race_run(race, set, call);
 *       ... claims; every call of the trial returns, every object is cleared ...
 *       cts_race_record(race, &(struct cts_race_trial){.wait = call, .outcome = "..."});
 *   }
 */
struct cts_race;

/* When the trigger was invoked, seen from the call that waits. */
enum cts_phase {
    CTS_PHASE_BEFORE = 1 << 0,   /* it returned before the call was made */
    CTS_PHASE_ENTERING = 1 << 1, /* the call was about to begin its wait */
    CTS_PHASE_BLOCKED = 1 << 2,  /* it waited */
    CTS_PHASE_TAKEN = 1 << 3,    /* a server held its request */
    CTS_PHASE_AFTER = 1 << 4     /* it had been answered, or had returned */
};

/* A search of the window with this name (a literal, as a title). `phases`: mask of those it has.
 * `centre_us`: how long after the rival the trigger is expected to meet it; 0 but for limits. */
struct cts_race *cts_race_open(const char *window, unsigned phases, rtl_uint32_t centre_us);
/* Judge the trial that has ended and begin the next. False: the window was entered often enough, or the
 * budget of the run's extent is used up; the `window` event is written. BROKEN when an actor is busy. */
bool cts_race_next(struct cts_race *race);
/* Let the queued programs go. `trigger` and `rival`, of two of them, start with the delay of the trial
 * between them; a program may have calls before and after. */
void cts_race_run(struct cts_race *race, struct cts_op *trigger, struct cts_op *rival);

struct cts_race_trial {
    const struct cts_op *wait;   /* the call that waits; it has returned */
    const struct cts_op *taker;  /* the receive that may have taken its request; null: none */
    const struct cts_op *answer; /* the Reply to it; null: none */
    const char *outcome;         /* a literal; at most 8 different ones in a window */
};
/* What came of the trial; once for each. */
void cts_race_record(struct cts_race *race, const struct cts_race_trial *trial);

/* ------------------------------------------------------------------------------------------------
 * The library as a file, and its headers.
 */
/* Is `symbol` an exported function of the library? */
bool cts_symbol_is_function(const char *symbol);
/* The SDK headers that the suite includes; null-terminated. */
extern const char *const cts_sdk_headers[];
/* Does this translation unit compile against the headers under test? `language` is "c11" or
 * "c++17". On failure the compiler's first line goes into the report. SKIP where no compiler is
 * found. */
bool cts_compiles(const char *language, const char *source);

/* ------------------------------------------------------------------------------------------------
 * Behind the macros above.
 */
Retcode cts_wait_at(struct cts_op *op, const char *file, int line);
void cts_wait_any_at(struct cts_op *const *ops, size_t count, const char *file, int line);
bool cts_call_is_served_at(struct cts_op *call, Handle client, struct cts_actor *peer,
                           Handle server, const char *file, int line);
bool cts_recv_is_served_at(struct cts_op *received, Handle server, struct cts_actor *peer,
                           Handle client, const char *file, int line);
void cts_blocked_at(struct cts_op *op, bool preparation, const char *file, int line);
void cts_returned_at(struct cts_op *op, Retcode rc, bool preparation, const char *file, int line);
void cts_returned_one_of_at(struct cts_op *op, const Retcode *codes, size_t count, const char *file,
                            int line);
void cts_error_at(struct cts_op *op, const char *file, int line);
void cts_that_at(bool condition, const char *text, bool preparation, const char *file, int line);
void cts_set_at(struct cts_process *process, Handle sync, const char *file, int line);
void cts_clear_at(struct cts_process *process, Handle sync, const char *file, int line);
void cts_close_at(struct cts_process *process, Handle handle, const char *file, int line);
void cts_exchange_at(struct cts_actor *client_actor, Handle client, struct cts_actor *server_actor,
                     Handle server, const char *file, int line);
void cts_traffic_check_at(struct cts_traffic *traffic, const char *file, int line);
void cts_growth_check_at(struct cts_growth *growth, const char *file, int line);
void cts_timing_check_at(struct cts_timing *timing, const char *file, int line);
void cts_served_at(struct cts_actor *server_actor, struct cts_op *received, struct cts_op *call,
                   const char *file, int line);

#endif

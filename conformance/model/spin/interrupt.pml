/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of an interruptible rendezvous, for spin: CLIENTS threads in CallEx on one channel, one server
 * thread in RecvEx and Reply, one that calls Set, one that calls Clear, and one sync object that all of them wait with.
 * Limits may pass at any moment. Handles, messages and processes are left out: here is only who may end a wait,
 * when, and who touches whose record. Spin visits every interleaving.
 *
 * Each locked section of an implementation is one atomic step. Between the lock and the wake-up of a waiter
 * anything may happen, which is where the mistakes are. FAULT selects one of them:
 *   1 a call looks at the flag before it takes the lock     7 a limit that passes in a taken call leaves the caller to Reply
 *   2 Set ends taken calls as well                          8 Clear takes back interruptions that nobody has seen yet
 *   3 a limit that passes leaves the request queued         9 Set does not end receives
 *   4 the waiter does not wait for the one who claimed it  10 Set leaves the request of an interrupted call queued
 *   5 Set ends the first wait only                         11 a receive does not look at the flag
 *   6 Set ends no wait                                     12 a call looks for a receiver before it takes the lock
 *
 * A wait ends in exactly one way:
 *   its outcome is set once, under the lock, by its own thread (limit) or by a claimer (taker, Reply, Set);
 *   a claimer releases the waiter after the lock is left, and that is its last access to the record;
 *   the waiter's thread returns only when it was released, unless it has set the outcome itself.
 */
#ifndef CLIENTS
#define CLIENTS 3
#endif
#ifndef AGAIN
#define AGAIN 1 /* 0: every client calls once */
#endif
#ifndef SERVERS
#define SERVERS 1 /* 0: nobody ever receives */
#endif
#ifndef FAULT
#define FAULT 0
#endif

#define THREADS (CLIENTS + 1)
#define SERVER CLIENTS /* index of the server's waiter; the clients are 0 to CLIENTS - 1 */
#define NOBODY THREADS
#define GONE_REQUEST (THREADS + 1) /* held by the server, and its call has timed out */

mtype = { RUNNING, QUEUED, TAKEN, RECEIVING }        /* stage of a waiter */
mtype = { PENDING, OK, INTERRUPTED, TIMED_OUT } /* outcome of a wait, result of a call */

typedef Waiter {
    mtype stage;
    mtype outcome;
    bool waiting;  /* the thread has begun a wait and has not returned from it */
    bool limited;  /* has a finite mdelay */
    bool released; /* the park word */
    bool received; /* ghost: a server has got the request of this call */
    bool was_set;  /* ghost: the object was set at some moment of this call */
}

Waiter waiter[THREADS];
bool is_set;
chan queue = [CLIENTS] of { byte }; /* requests that nobody has taken, oldest first */
byte held = NOBODY; /* whose request the server holds, or is being given */

inline begin_wait(self, in_stage)
{
    waiter[self].stage = in_stage;
    waiter[self].waiting = true
}

/* Everything as before the call, so that equal situations are one state. */
inline forget(self)
{
    waiter[self].stage = RUNNING;
    waiter[self].outcome = PENDING;
    waiter[self].waiting = false;
    waiter[self].limited = false;
    waiter[self].released = false;
    waiter[self].received = false;
    waiter[self].was_set = false
}

/* Under the lock. An outcome is set once. */
inline finish(who, how)
{
    assert(waiter[who].outcome == PENDING);
    waiter[who].outcome = how;
    waiter[who].stage = RUNNING
}

/* After the lock is left: the last access to a record that is still in its wait. */
inline release(who)
{
    atomic {
        assert(waiter[who].waiting);
        waiter[who].released = true
    }
}

/* Forget a queued request. */
inline withdraw(who)
{
    if
    :: queue ?? [eval(who)] -> queue ?? eval(who)
    :: else
    fi
}

/* Under the lock: the server gets the request of `who`. */
inline take(who)
{
    /* Nobody receives a request whose call has ended. */
    assert(waiter[who].stage == QUEUED && waiter[who].outcome == PENDING);
    waiter[who].stage = TAKEN;
    waiter[who].received = true
}

/* Sleep until released, or until the limit passes, which is possible whenever there is one. */
inline sleep(self)
{
    do
    :: waiter[self].released -> break
    :: atomic {
            waiter[self].limited && !waiter[self].released ->
            waiter[self].limited = false;
            if
            :: waiter[self].outcome == PENDING ->
                if
                :: waiter[self].stage == QUEUED && FAULT != 3 -> withdraw(self)
                :: waiter[self].stage == TAKEN && FAULT != 7 -> held = GONE_REQUEST
                :: else
                fi;
                finish(self, TIMED_OUT);
                waiter[self].released = true
            :: FAULT == 4 && waiter[self].outcome != PENDING ->
                waiter[self].released = true /* does not wait for the one that has claimed it */
            :: else /* claimed: the release will come */
            fi
        }
    od
}

proctype client(byte self)
{
    bool limited;
    bool seen_set;
    bool seen_server;
    bool woke_server;

idle:
    if
    :: limited = true
    :: limited = false
    :: goto stop /* no more calls */
    fi;
    if
    :: FAULT == 1 -> seen_set = is_set
    :: FAULT == 12 -> seen_server = (waiter[SERVER].stage == RECEIVING)
    :: else
    fi;
    atomic {
        if
        :: FAULT != 1 -> seen_set = is_set
        :: else
        fi;
        if
        :: FAULT != 12 -> seen_server = (waiter[SERVER].stage == RECEIVING)
        :: else
        fi;
        waiter[self].limited = limited;
        limited = false;
        if
        :: seen_server ->
            begin_wait(self, QUEUED);
            take(self);
            held = self;
            finish(SERVER, OK);
            woke_server = true
        :: !seen_server && seen_set ->
            /* CALL-04: interrupted without a wait. */
            seen_set = false;
            forget(self);
            goto idle
        :: !seen_server && !seen_set ->
            begin_wait(self, QUEUED);
            queue ! self
        fi;
        seen_set = false;
        seen_server = false
    }
    if
    :: woke_server -> release(SERVER); woke_server = false
    :: else
    fi;
    sleep(self);
    atomic {
        /* CALL-02, CALL-03, TIME-04: interrupted if and only if no server has received the request. */
        assert(waiter[self].outcome != INTERRUPTED || !waiter[self].received);
        assert(waiter[self].outcome != OK || waiter[self].received);
        /* Nothing but a Set during the wait interrupts; nobody leaves without an outcome. */
        assert(waiter[self].outcome != INTERRUPTED || waiter[self].was_set);
        assert(waiter[self].outcome != PENDING);
        forget(self)
    }
    if
    :: AGAIN -> goto idle
    :: else
    fi;
stop:
    skip
}

proctype server()
{
    bool limited;
    byte caller = NOBODY;

idle:
    if
    :: limited = true
    :: limited = false
    :: goto stop
    fi;
    atomic {
        waiter[SERVER].limited = limited;
        limited = false;
        if
        :: nempty(queue) ->
            queue ? held;
            take(held);
            forget(SERVER);
            goto serve
        :: empty(queue) && is_set && FAULT != 11 ->
            /* RECV-04: interrupted without a wait. */
            forget(SERVER);
            goto idle
        :: empty(queue) && (!is_set || FAULT == 11) -> begin_wait(SERVER, RECEIVING)
        fi
    }
    sleep(SERVER);
    atomic {
        assert(waiter[SERVER].outcome != PENDING);
        assert(waiter[SERVER].outcome != INTERRUPTED || waiter[SERVER].was_set);
        /* RECV-03: an interrupted or timed out receive has taken nothing. */
        assert((waiter[SERVER].outcome == OK) == (held != NOBODY));
        forget(SERVER);
        if
        :: held == NOBODY -> goto idle
        :: else
        fi
    }
serve:
    atomic { /* Reply. The call may have timed out meanwhile. */
        if
        :: held < THREADS ->
            caller = held;
            finish(caller, OK)
        :: else
        fi;
        held = NOBODY
    }
    if
    :: caller != NOBODY -> release(caller); caller = NOBODY
    :: else
    fi;
    goto idle;
stop:
    skip
}

/* May Set end the wait of `who`? */
#if FAULT == 2
#define ELIGIBLE(who) (waiter[who].stage != RUNNING)
#elif FAULT == 6
#define ELIGIBLE(who) false
#elif FAULT == 9
#define ELIGIBLE(who) (waiter[who].stage == QUEUED)
#else
#define ELIGIBLE(who) (waiter[who].stage == QUEUED || waiter[who].stage == RECEIVING)
#endif

proctype setter()
{
    byte who;
    bool claimed[THREADS];

idle:
    if
    :: atomic {
            is_set = true;
            for (who : 0 .. SERVER) {
                waiter[who].was_set = waiter[who].waiting;
                if
                :: ELIGIBLE(who) && (FAULT != 5 || !claimed[0]) ->
                    claimed[who] = true;
                    if
                    :: FAULT != 10 -> withdraw(who)
                    :: else
                    fi;
                    finish(who, INTERRUPTED)
                :: else
                fi
            }
            who = 0
        }
    :: goto stop
    fi;
    do
    :: atomic { who < THREADS && !claimed[who] -> who++ }
    :: who < THREADS && claimed[who] -> release(who); claimed[who] = false
    :: atomic { who == THREADS -> who = 0; goto idle }
    od;
stop:
    skip
}

proctype clearer()
{
    byte who;

    do
    :: atomic {
            is_set = false;
            if
            :: FAULT == 8 ->
                for (who : 0 .. CLIENTS - 1) {
                    if
                    :: waiter[who].outcome == INTERRUPTED && !waiter[who].released ->
                        waiter[who].outcome = PENDING
                    :: else
                    fi
                }
                who = 0
            :: else
            fi
        }
    :: break
    od
}

/* When nothing can happen any more: nobody sleeps who should have been woken. */
proctype at_rest()
{
    byte who;

    timeout ->
    atomic {
        for (who : 0 .. SERVER) {
            if
            :: waiter[who].waiting ->
                assert(waiter[who].outcome == PENDING && !waiter[who].limited);
                assert(!is_set || waiter[who].stage == TAKEN)
            :: else
            fi
        }
        assert(waiter[SERVER].stage != RECEIVING || empty(queue))
    }
}

init
{
    byte i;
    atomic {
        for (i : 0 .. SERVER) {
            forget(i)
        }
        for (i : 0 .. CLIENTS - 1) {
            run client(i)
        }
        if
        :: SERVERS -> run server()
        :: else
        fi;
        run setter();
        run clearer();
        run at_rest()
    }
}

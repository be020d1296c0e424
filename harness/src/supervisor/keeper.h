/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containment: one small process, the keeper, stands between the command and a worker. It is
 * the parent that every descendant of the worker falls back to, so when it says that the case is
 * over, nothing of the case is left: no process, no directory. It is a fork of the command, takes one
 * order after the other through a socket, and answers each with one report.
 */
#ifndef CTS_SUPERVISOR_KEEPER_H
#define CTS_SUPERVISOR_KEEPER_H

#include "output.h"
#include "stream.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The descriptor under which a worker finds its log. */
#define KEEPER_LOG_FD 3
#define KEEPER_OUTPUT_MAX_BYTES (8u * 1024u * 1024u)
/* How long a helper process may take to notice that the worker has ended, before the timeout factor. */
#define KEEPER_GRACE_MS 1000u
/* Killed processes that do not go away within this time are in the kernel's hands. */
#define KEEPER_KILL_LIMIT_MS 5000u
#define KEEPER_ADDRESS_SPACE_BYTES CTS_ADDRESS_SPACE_BYTES

enum keeper_ending {
    KEEPER_EXITED = 1,   /* exit_status */
    KEEPER_SIGNALLED,    /* signal */
    KEEPER_TIME_LIMIT,   /* killed by the keeper */
    KEEPER_OUTPUT_LIMIT, /* killed by the keeper */
    KEEPER_CANCELLED,    /* killed by the keeper: the run ends */
    KEEPER_FAILED        /* there was no worker; error says why */
};

struct keeper_report {
    uint32_t ending;
    int32_t exit_status;
    int32_t signal;
    uint32_t strays;     /* processes that outlived the worker and the grace, killed */
    uint32_t unkillable; /* processes that did not even go away then */
    bool last;           /* the keeper ends with this report; the next order gets a new one */
    uint64_t duration_ns;
    char error[256];
    struct stream_report stream;
    struct output output;
};

struct keeper_order {
    char **argv; /* argv[0] is the worker's path */
    int log_fd;  /* -1 for none */
    uint64_t limit_ms;
    uint64_t grace_ms; /* KEEPER_GRACE_MS, stretched */
    /* With an exec wrapper: argv[0] is looked up on the caller's path, the program keeps the caller's
     * environment and directory, and what the worker writes into its stream goes into the log. */
    const char *nonce;     /* null: no wrapper */
    size_t directory_word; /* argv[directory_word] becomes the working directory; 0: none */
    const char *root;      /* directory in which the working directory is made */
    const char *coverage;  /* directory for gcov's counters, which gcov makes; null: none */
};

/* All zero before the first order. Of one keeper, one order at a time. */
struct keeper {
    pid_t pid; /* 0: there is no process */
    int fd;    /* its socket: readable once the keeper has something to say */
    bool whole;
    int lost_signal; /* after keeper_finish gave false: the signal that ended it, or 0 */
    struct keeper_report report;
};

/* Give it an order; it is started when there is none. False with errno when the system has no room. */
bool keeper_start(struct keeper *keeper, const struct keeper_order *order);
/* Read what there is; true once the order is done. Does not block. */
bool keeper_read(struct keeper *keeper);
/* After keeper_read said true: true when there is a report. A keeper that is lost, or has sent its
 * last report, is gone afterwards. */
bool keeper_finish(struct keeper *keeper);
/* After the last order: ends the process. */
void keeper_close(struct keeper *keeper);
/* When, on the clock of clock.h, a keeper that gets this order now must have answered; one that has not
 * was stopped by somebody. */
uint64_t keeper_overdue_ns(const struct keeper_order *order);
/* A keeper that does not come to its end, because somebody has stopped it. It is lost then. */
void keeper_kill(const struct keeper *keeper);
/* Ask it to kill its worker at once; it still reports. */
void keeper_cancel(const struct keeper *keeper);
/* Start one, wait for it, finish and close it. Between signals that end the command nothing else happens. */
bool keeper_run(struct keeper *keeper, const struct keeper_order *order, int signal_fd,
                bool *interrupted);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ipc-cts and its worker agree on: command line, exit codes, and the log that the worker fills.
 *
 *   cts-worker --list
 *       one JSON object per case on stdout
 *   cts-worker --probe --sut F [--adapter F] [--claims LIST]
 *       one JSON object as the last line on stdout, exit 0: what doctor shows
 *   cts-worker --case ID --sut F [--adapter F] [--claims LIST] --log-fd N [--cpu N] [--seed N]
 *              [--timeout-factor X] [--extent WORD]
 *       one case, under a keeper
 *   cts-worker --case ID --sut F [--adapter F] [--claims LIST] --debug
 *       the same by hand: events go to stderr, no limits
 *   cts-worker --stream NONCE [--directory DIR] [--limit-ms N] and one of the first three, without --log-fd
 *       through an exec wrapper: what would go into the log or to stdout becomes records of a stream
 *       (stream_record.h), "hello" the first and the exit status the last
 *
 * Members of --list: id, title, file, layout ("one process", "two processes"), limit ("unlimited",
 * "limited"), traits [free_running, exclusive, long, opt_in, smoke].
 *
 * Members of --probe: ok (loaded, mandatory symbols there, adapter fits), load_error (or null), missing
 * [mandatory symbols], missing_optional [symbols], adapter {name, version} or null, claims (were any
 * made, by command line or adapter), claimed and present [words of capability.h], adapter_error (or
 * null), constants {the bounds below, safety_ms, infinite_timeout, invalid_handle, rc_ok},
 * clock_resolution_ns, threads, blocked_detection ("hook+kernel", "hook", "kernel", "none"), freeze, cpus.
 *
 * The log is a shared memory file (memfd) that the supervisor creates and the worker maps and closes
 * before it loads the library: no descriptor is left that a library could close, fill or write to. Only
 * the process that mapped it writes. Lines are complete JSON objects, each with a newline.
 */
#ifndef CTS_WORKER_PROTOCOL_H
#define CTS_WORKER_PROTOCOL_H

#include <stdatomic.h>
#include <stdint.h>

#define CTS_LOG_MAGIC 0x4354534cu /* "CTSL" */
#define CTS_LOG_CAPACITY (16u * 1024u * 1024u)

struct cts_log_area {
    uint32_t magic;        /* set by the supervisor */
    uint32_t capacity;     /* bytes in data; set by the supervisor */
    _Atomic uint64_t used; /* complete lines only; store-release by the worker, load-acquire here */
    _Atomic uint32_t full; /* 1: a line did not fit and is lost */
    uint32_t reserved;
    char data[];
};

/* Exit status of --case. The record in the log decides; a status that disagrees with it is
 * EARLY_EXIT. */
enum cts_worker_exit {
    CTS_EXIT_PASS = 0,   /* PASS, OBSERVED */
    CTS_EXIT_FAIL = 1,   /* FAIL, BROKEN, TIMEOUT, LEAK */
    CTS_EXIT_SKIP = 77,  /* SKIP, INCONCLUSIVE */
    CTS_EXIT_USAGE = 64, /* bad command line, unknown case, library or adapter cannot be loaded */
    CTS_EXIT_HARD = 99   /* the harness itself failed */
};

/* What a worker may have of addresses. */
#define CTS_ADDRESS_SPACE_BYTES (4ull * 1024u * 1024u * 1024u)
/* Bounds, in milliseconds before the timeout factor. A call that must return is given
 * CTS_HANG_LIMIT_MS (each round of one that repeats), or CTS_REST_LIMIT_MS of complete rest of the
 * whole process, whichever ends first; a case CTS_CASE_LIMIT_MS or CTS_LONG_CASE_LIMIT_MS. wait.c gives a
 * call with a limit of its own that time as well. */
#define CTS_HANG_LIMIT_MS 8000u
#define CTS_REST_LIMIT_MS 1500u
#define CTS_CASE_LIMIT_MS 20000u
#define CTS_LONG_CASE_LIMIT_MS 60000u
/* A case that waits for real time has so much, however short the limits are made. */
#define CTS_WAITING_CASE_LEAST_MS 10000u

#endif

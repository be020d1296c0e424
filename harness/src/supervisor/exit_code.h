/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes of ipc-cts; never a count. */
#ifndef CTS_SUPERVISOR_EXIT_CODE_H
#define CTS_SUPERVISOR_EXIT_CODE_H

enum exit_code {
    EXIT_CONFORMANT = 0,   /* every selected case is PASS, OBSERVED or SKIP */
    EXIT_DEVIATES = 1,     /* a FAIL, TIMEOUT, CRASH, EARLY_EXIT, LEAK or BROKEN */
    EXIT_INTERRUPTED = 2,  /* results are usable, the run is not */
    EXIT_INTERNAL = 3,     /* the harness itself failed */
    EXIT_USAGE = 4,        /* command line, a library that cannot be loaded, strict and suspect */
    EXIT_NOTHING = 5,      /* nothing selected */
    EXIT_INCONCLUSIVE = 6, /* no failure, but a verdict that the machine could not decide */
    EXIT_EVIDENCE = 7,     /* verify: the bundle is refused */
};

#endif

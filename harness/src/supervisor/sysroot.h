/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --sysroot: a library with other headers (other values, other layouts). Its worker is built from
 * the sources of the suite by harness/tools/sysroot.py, which says what a sysroot holds, and is kept.
 */
#ifndef CTS_SUPERVISOR_SYSROOT_H
#define CTS_SUPERVISOR_SYSROOT_H

#include "options.h"

#include <stdbool.h>

/* Absolute paths, owned. */
struct sysroot {
    char *worker;
    char *library; /* shared, to be loaded; or static, and part of the worker */
    char *adapter; /* the reference's, for these headers; null unless it was asked for */
    char *include;
};

/* Finds or builds the worker for options->sysroot, with options->sut instead of its own library when
 * that is given, and with options->cc, the sysroot's description, CC, or the compiler that built this
 * command, in this order. Blocks while it builds: about half a minute. False with one line. */
bool sysroot_prepare(struct sysroot *sysroot, const struct options *options, struct text *error);
/* Accepts a zeroed one. */
void sysroot_finish(struct sysroot *sysroot);

#endif

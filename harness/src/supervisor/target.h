/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tested: library, adapter and worker as files, and what a probe of them in a worker has
 * told.
 */
#ifndef CTS_SUPERVISOR_TARGET_H
#define CTS_SUPERVISOR_TARGET_H

#include "bounds.h"
#include "catalogue.h"
#include "claims.h"
#include "exec_wrapper.h"
#include "options.h"
#include "sut.h"

#include <stdbool.h>
#include <stddef.h>

struct string_list {
    char **items;
    size_t count;
};

struct probe {
    bool loaded; /* library and adapter; all below is then true of them */
    struct string_list missing;
    struct string_list missing_optional;
    bool has_adapter;
    char *adapter_name;
    char *adapter_version;
    struct claims claims;
    struct bounds bounds;
    double clock_resolution_ns;
    bool threads;
    char *blocked_detection;
    bool freeze;
    unsigned cpus;
    unsigned strays; /* processes that loading the library left behind */
};

struct target {
    const char *sut_shown; /* as the user writes it */
    struct sut_file sut;
    bool has_adapter_file;
    const char *adapter_shown;
    struct sut_file adapter;
    char *worker; /* absolute */
    struct exec_wrapper wrapper;
    char *headers; /* the include directory of a sysroot; null: the headers of the reference */
    char *claims;  /* as the worker takes them; null: the adapter's, if it makes any */
    struct probe probe;
};

/* Looks at the files; with a sysroot builds its worker first, unless it is there, which blocks until
 * then. False with one line in `error`. */
bool target_open(struct target *target, const struct options *options, struct text *error);
/* Loads library and adapter in a worker. False with one line in `error`; *interrupted tells that a
 * signal ended it. `root` is a directory for temporary files. Optional symbols that are missing are
 * no error. */
bool target_probe(struct target *target, double timeout_factor, const char *root, int signal_fd,
                  bool *interrupted, struct text *error);
/* The cases that the target's worker lists. As target_probe. */
bool target_catalogue(const struct target *target, struct catalogue *catalogue,
                      double timeout_factor, const char *root, int signal_fd, bool *interrupted,
                      struct text *error);
void target_finish(struct target *target);

/* Reads what a probe printed; exposed for tests. False when there is no report in it. */
bool probe_parse(struct probe *probe, const char *output, size_t size, struct text *error);

/* Is it there? */
bool target_has(const struct target *target, enum cts_capability capability);

/* The command that runs one case in the foreground, ready to copy. */
void target_debug_line(const struct options *options, const char *case_id, uint32_t seed,
                       struct text *line);

#endif

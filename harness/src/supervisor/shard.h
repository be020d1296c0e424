/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One part of a run, and what tells that parts belong together: digests of suite, library and
 * profile. `ipc-cts merge` (reports/ctsreport/evidence/merge.py) compares them.
 */
#ifndef CTS_SUPERVISOR_SHARD_H
#define CTS_SUPERVISOR_SHARD_H

#include "catalogue.h"
#include "options.h"
#include "sha256.h"
#include "target.h"

#include <stdbool.h>

struct identity {
    char suite[SHA256_HEX_SIZE];   /* cases and the texts of their requirements */
    char sut[SHA256_HEX_SIZE];     /* the file */
    char adapter[SHA256_HEX_SIZE]; /* the file; "" without one */
    char profile[SHA256_HEX_SIZE]; /* edition, extent, settings, and the plan of all shards */
    char plan[SHA256_HEX_SIZE];    /* ids of the cases of all shards in catalogue order */
};

/* Of the run with the present selection, before shard_keep. False with one line in `error` when a
 * file cannot be read. */
bool identity_of(struct identity *identity, const struct options *options,
                 const struct target *target, const struct catalogue *catalogue,
                 struct text *error);

/* Keeps every `count`-th selected case, from the `index`-th (1-based) on, in catalogue order: the
 * shards of a selection are disjoint and together all of it. False with one line in `error` when
 * there are fewer cases than shards. */
bool shard_keep(struct catalogue *catalogue, unsigned index, unsigned count, struct text *error);

#endif

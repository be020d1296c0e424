/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef CTS_SUPERVISOR_OPTIONS_H
#define CTS_SUPERVISOR_OPTIONS_H

#include "profile.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb {
    VERB_NONE,
    VERB_LIST,
    VERB_SHOW,
    VERB_DOCTOR,
    VERB_RUN,
    VERB_DEBUG,
    /* Those of documents.h, which read their own words: `ids` holds all of them. */
    VERB_EXPLAIN,
    VERB_MATRIX,
    VERB_REPORT,
    VERB_DIFF,
    VERB_MERGE,
    VERB_COVERAGE,
    VERB_CERTIFY,
    VERB_VERIFY,
    VERB_CERTIFICATE,
    VERB_COUNT
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

#define OPTIONS_SEED_DEFAULT 1u
#define OPTIONS_FACTOR_MIN 0.1
#define OPTIONS_FACTOR_MAX 100.0
#define OPTIONS_JOBS_MAX 256u
#define OPTIONS_REPEAT_MAX 100000u
#define OPTIONS_SHARDS_MAX 10000u
#define OPTIONS_VERSION_MAX 40u

struct options {
    enum verb verb;
    const char *program; /* as the user calls it, for lines to copy */
    char *const *ids;
    size_t id_count;
    const char *sut;     /* as given; null: the reference */
    const char *adapter; /* as given; null: none, or the reference's when sut is null */
    const char *claims;  /* in one spelling; null: none given */
    const char *worker;
    const char *sysroot;      /* null: our headers */
    const char *exec_wrapper; /* as given; null: none */
    const char *cc;           /* compiler for the sysroot's worker; null: see sysroot.h */
    const char *profile;      /* the edition; null: not given */
    struct profile wanted;    /* as --profile says */
    const char *events;
    const char *waivers;     /* file; null: none */
    const char *sut_version; /* as the vendor counts; null: not given */
    const char *tap_file;
    const char *junit; /* files to write after a run; null: none */
    const char *json_file;
    const char *html;
    const char *matrix;
    const char *lcov;
    const char *annotations;
    unsigned tap;  /* 13, 14; 0: none */
    unsigned jobs; /* 0: two for each CPU */
    unsigned repeat;
    unsigned shard_index; /* 1-based */
    unsigned shard_count; /* 0: the whole run */
    double timeout_factor;
    uint32_t seed;
    bool seed_given;
    bool shuffle;
    bool stop_on_fail;
    bool opt_in;
    bool strict;
    bool coverage; /* which lines of the library each case reaches */
    bool quiet;
    bool verbose;
    bool json;
    bool gdb;
    enum color color;
};

/* What main does next. */
enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Reads the command line and the three environment variables. DONE: help or version was printed.
 * WRONG: a line on stderr says what. */
enum options_result options_parse(struct options *options, int argc, char **argv);

const char *options_verb_name(enum verb verb);
bool options_verb_reads_logs(enum verb verb);

/* Help texts. */
void help_general(FILE *stream);
void help_verb(FILE *stream, enum verb verb);

#endif

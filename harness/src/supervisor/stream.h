/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes through an exec wrapper: the worker's records, told apart from everything else by the
 * nonce of the run (../worker/stream_record.h). Lines of the log go into the same memory into which
 * a worker beside us writes them; the rest is output.
 */
#ifndef CTS_SUPERVISOR_STREAM_H
#define CTS_SUPERVISOR_STREAM_H

#include "../worker/stream_record.h"
#include "../worker/worker_protocol.h"
#include "output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fixed struct: a keeper hands it over as it is. */
struct stream_report {
    bool used;  /* there is a wrapper; all below is then meant */
    bool hello; /* the worker has begun */
    bool ended; /* the worker said that it ends, with this status */
    int32_t status;
    char defect[64]; /* "record 7 is missing": what came after that is dropped; "" for none */
};

enum stream_channel { STREAM_STDOUT, STREAM_STDERR, STREAM_CHANNELS };

#define STREAM_LINE_MAX 1024u
#define STREAM_RECORD_MAX 8192u

struct stream {
    char mark[sizeof(CTS_STREAM_MARK) + CTS_STREAM_NONCE_LENGTH + 1]; /* "@cts:NONCE:" */
    struct cts_log_area *area;
    struct output *output;
    struct stream_report *report;
    uint32_t next; /* sequence number that has to come */
    char record[STREAM_RECORD_MAX];
    size_t record_size;
    struct {
        char bytes[STREAM_LINE_MAX];
        size_t size;
    } lines[STREAM_CHANNELS];
};

/* A new secret for one worker. */
void stream_make_nonce(char nonce[CTS_STREAM_NONCE_LENGTH + 1]);

/* Lines go to `area`, other bytes to `output`, what became of it to `report`; all borrowed. */
void stream_begin(struct stream *stream, const char *nonce, struct cts_log_area *area,
                  struct output *output, struct stream_report *report);
/* Bytes that came on one of the channels. Records may come on either. */
void stream_feed(struct stream *stream, enum stream_channel channel, const char *bytes,
                 size_t size);
/* Nothing more comes: what stands in the line buffers is looked at, too. */
void stream_end(struct stream *stream);

#endif

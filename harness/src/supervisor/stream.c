/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void stream_make_nonce(char nonce[CTS_STREAM_NONCE_LENGTH + 1])
{
    unsigned char bytes[CTS_STREAM_NONCE_LENGTH / 2];
    /* Up to 256 bytes come whole once the system has booted. */
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        fatal("no random numbers from the system");
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        (void)snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
    }
}

void stream_begin(struct stream *stream, const char *nonce, struct cts_log_area *area,
                  struct output *output, struct stream_report *report)
{
    *stream = (struct stream){.area = area, .output = output, .report = report};
    *report = (struct stream_report){.used = true};
    (void)snprintf(stream->mark, sizeof(stream->mark), "%s%s:", CTS_STREAM_MARK, nonce);
}

static bool is_whole(const struct stream *stream)
{
    return stream->report->defect[0] == '\0';
}

static void note_defect(const struct stream *stream, uint32_t number, const char *what)
{
    if (is_whole(stream)) {
        (void)snprintf(stream->report->defect, sizeof(stream->report->defect), "record %u %s",
                       (unsigned)number, what);
    }
}

/* As a worker beside us does it, see ../worker/event_log.c. */
static void keep_line(const struct stream *stream, const char *line, size_t size)
{
    struct cts_log_area *area = stream->area;
    uint64_t used = atomic_load_explicit(&area->used, memory_order_relaxed);
    if (used + size + 1 > area->capacity) {
        atomic_store(&area->full, 1);
        return;
    }
    memcpy(area->data + used, line, size);
    area->data[used + size] = '\n';
    atomic_store_explicit(&area->used, used + size + 1, memory_order_release);
}

static void take_record(struct stream *stream, uint32_t number)
{
    struct stream_report *report = stream->report;
    stream->record[stream->record_size] = '\0';
    const char *content = stream->record + 1;
    if (report->ended) {
        note_defect(stream, number, "comes after the worker's end");
    } else if (stream->record[0] == CTS_STREAM_HELLO && !report->hello) {
        report->hello = true;
    } else if (stream->record[0] == CTS_STREAM_LINE && report->hello) {
        keep_line(stream, content, stream->record_size - 1);
    } else if (stream->record[0] == CTS_STREAM_EXIT && report->hello) {
        report->ended = true;
        report->status = (int32_t)strtol(content, NULL, 10);
    } else {
        note_defect(stream, number, "is not one that a worker writes");
    }
    stream->record_size = 0;
}

static bool parse_hex(const char *digits, size_t count, uint32_t *value)
{
    char copy[9] = "";
    char *end = NULL;
    memcpy(copy, digits, count);
    *value = (uint32_t)strtoul(copy, &end, 16);
    return end == copy + count && copy[0] != '-' && copy[0] != '+' && copy[0] != ' ';
}

/* A fragment from its sequence number on: `size` bytes up to the end of the line, without it. */
static void take_fragment(struct stream *stream, const char *text, size_t size)
{
    const size_t head = CTS_STREAM_HEAD_LENGTH + CTS_STREAM_CHECKSUM_LENGTH;
    uint32_t number = stream->next;
    uint32_t length = 0;
    uint32_t checksum = 0;
    if (!is_whole(stream)) {
        return;
    }
    /* A terminal in between ends lines with two characters. */
    size -= size != 0 && text[size - 1] == '\r';
    bool good = size >= head && parse_hex(text, 8, &number) && text[8] == ':' &&
                (text[9] == '+' || text[9] == '.') && text[10] == ':' &&
                parse_hex(text + 11, 3, &length) && text[14] == ':' &&
                parse_hex(text + CTS_STREAM_HEAD_LENGTH, 8, &checksum) && text[head - 1] == ':' &&
                length == size - head;
    if (good) {
        uint32_t sum = cts_stream_checksum(0, text, CTS_STREAM_HEAD_LENGTH);
        good = cts_stream_checksum(sum, text + head, length) == checksum;
    }
    if (!good) {
        note_defect(stream, stream->next, "is damaged");
    } else if (number < stream->next) {
        note_defect(stream, number, "came twice");
    } else if (number > stream->next) {
        note_defect(stream, stream->next, "is missing");
    } else if (stream->record_size + length >= STREAM_RECORD_MAX) {
        note_defect(stream, number, "is too long");
    } else {
        memcpy(stream->record + stream->record_size, text + head, length);
        stream->record_size += length;
        stream->next++;
        if (text[9] == '.') {
            take_record(stream, number);
        }
    }
}

/* A line, or as much of one as fits. What stands before the mark is output that did not end its own
 * line. */
static void take_line(struct stream *stream, const char *line, size_t size, bool ended)
{
    size_t mark_length = strlen(stream->mark);
    const char *mark = memmem(line, size, stream->mark, mark_length);
    if (mark == NULL) {
        output_feed(stream->output, line, size);
        if (ended) {
            output_feed(stream->output, "\n", 1);
        }
        return;
    }
    output_feed(stream->output, line, (size_t)(mark - line));
    if (ended) {
        take_fragment(stream, mark + mark_length, size - (size_t)(mark - line) - mark_length);
    } else {
        note_defect(stream, stream->next, "is damaged");
    }
}

/* The buffer is full and holds no end of a line: everything goes but what may be the beginning of a
 * mark, or, when a mark is there, everything before that. */
static void make_room(struct stream *stream, enum stream_channel channel)
{
    char *bytes = stream->lines[channel].bytes;
    size_t size = stream->lines[channel].size;
    size_t mark_length = strlen(stream->mark);
    const char *mark = memmem(bytes, size, stream->mark, mark_length);
    size_t gone = mark == NULL ? size - mark_length : (size_t)(mark - bytes);
    if (gone == 0) {
        note_defect(stream, stream->next, "is damaged");
        gone = size;
    } else {
        output_feed(stream->output, bytes, gone);
    }
    memmove(bytes, bytes + gone, size - gone);
    stream->lines[channel].size = size - gone;
}

void stream_feed(struct stream *stream, enum stream_channel channel, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if (bytes[at] == '\n') {
            take_line(stream, stream->lines[channel].bytes, stream->lines[channel].size, true);
            stream->lines[channel].size = 0;
            continue;
        }
        if (stream->lines[channel].size == STREAM_LINE_MAX) {
            make_room(stream, channel);
        }
        stream->lines[channel].bytes[stream->lines[channel].size++] = bytes[at];
    }
}

void stream_end(struct stream *stream)
{
    for (int channel = 0; channel < STREAM_CHANNELS; channel++) {
        take_line(stream, stream->lines[channel].bytes, stream->lines[channel].size, false);
        stream->lines[channel].size = 0;
    }
    if (stream->record_size != 0) {
        note_defect(stream, stream->next, "is missing");
    }
}

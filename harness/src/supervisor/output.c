/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <inttypes.h>
#include <string.h>

void output_feed(struct output *output, const char *bytes, size_t size)
{
    if (output->total < OUTPUT_KEPT) {
        size_t room = OUTPUT_KEPT - (size_t)output->total;
        size_t part = size < room ? size : room;
        memcpy(output->head + output->total, bytes, part);
        output->total += part;
        bytes += part;
        size -= part;
    }
    while (size != 0) {
        size_t at = (size_t)((output->total - OUTPUT_KEPT) % OUTPUT_KEPT);
        size_t room = OUTPUT_KEPT - at;
        size_t part = size < room ? size : room;
        memcpy(output->tail + at, bytes, part);
        output->total += part;
        bytes += part;
        size -= part;
    }
}

static size_t head_size(const struct output *output)
{
    return output->total < OUTPUT_KEPT ? (size_t)output->total : OUTPUT_KEPT;
}

static void add_tail(const struct output *output, struct text *raw)
{
    if (output->total <= OUTPUT_KEPT) {
        return;
    }
    uint64_t after_head = output->total - OUTPUT_KEPT;
    if (after_head <= OUTPUT_KEPT) {
        text_add(raw, output->tail, (size_t)after_head);
        return;
    }
    size_t oldest = (size_t)(after_head % OUTPUT_KEPT);
    text_add(raw, output->tail + oldest, OUTPUT_KEPT - oldest);
    text_add(raw, output->tail, oldest);
}

void output_text(const struct output *output, struct text *text)
{
    struct text raw = {0};
    text_add(&raw, output->head, head_size(output));
    if (output->total > 2 * (uint64_t)OUTPUT_KEPT) {
        text_utf8(text, raw.data, raw.size);
        text_printf(text, "\n[%" PRIu64 " bytes left out]\n",
                    output->total - 2 * (uint64_t)OUTPUT_KEPT);
        text_clear(&raw);
    }
    add_tail(output, &raw);
    text_utf8(text, text_string(&raw), raw.size);
    text_finish(&raw);
}

void output_raw_end(const struct output *output, struct text *raw)
{
    if (output->total <= 2 * (uint64_t)OUTPUT_KEPT) {
        text_add(raw, output->head, head_size(output));
    }
    add_tail(output, raw);
}

void output_last_line(const struct output *output, struct text *text)
{
    struct text raw = {0};
    output_raw_end(output, &raw);
    const char *data = text_string(&raw);
    size_t end = raw.size;
    while (end != 0 && (data[end - 1] == '\n' || data[end - 1] == '\r' || data[end - 1] == ' ')) {
        end--;
    }
    size_t begin = end;
    while (begin != 0 && data[begin - 1] != '\n') {
        begin--;
    }
    text_utf8(text, data + begin, end - begin);
    text_finish(&raw);
}

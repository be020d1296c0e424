/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Width of the progress line; a wrapped one could not be taken back. */
#define PROGRESS_COLUMNS 79
#define PROGRESS_OUTPUT_LINES 6u
#define PROGRESS_OUTPUT_COLUMNS 160u
#define PROGRESS_STAGES 24u

bool color_wanted(enum color color, FILE *stream)
{
    return color == COLOR_ALWAYS || (color == COLOR_AUTO && isatty(fileno(stream)) == 1);
}

const char *color_of(bool color, enum verdict verdict)
{
    if (!color) {
        return "";
    }
    if (verdict_is_failure(verdict)) {
        return "\033[1;31m";
    }
    return verdict == VERDICT_PASS ? "\033[32m" : "\033[33m";
}

const char *color_end(bool color)
{
    return color ? "\033[0m" : "";
}

void progress_begin(struct progress *progress, const struct options *options, FILE *out,
                    size_t total, size_t case_count)
{
    *progress = (struct progress){.out = out,
                                  .color = color_wanted(options->color, out),
                                  .quiet = options->quiet,
                                  .verbose = options->verbose,
                                  .line = !options->quiet && isatty(fileno(out)) == 1,
                                  .total = total,
                                  .reported = allocate(case_count)};
}

static void take_line_away(struct progress *progress)
{
    if (progress->line_drawn) {
        say(progress->out, "\r%*s\r", PROGRESS_COLUMNS, "");
        progress->line_drawn = false;
    }
}

static void draw_line(struct progress *progress, const char *id)
{
    if (!progress->line) {
        return;
    }
    struct text line = {0};
    text_printf(&line, "[%zu/%zu] %zu failed  %s", progress->done, progress->total,
                progress->failed, id);
    say(progress->out, "\r%-*.*s", PROGRESS_COLUMNS, PROGRESS_COLUMNS, text_string(&line));
    (void)say_out(progress->out);
    progress->line_drawn = true;
    text_finish(&line);
}

void progress_case_start(struct progress *progress, const struct job *job)
{
    draw_line(progress, job->item->id);
}

void progress_end(struct progress *progress)
{
    take_line_away(progress);
    (void)say_out(progress->out);
    free(progress->reported);
    progress->reported = NULL;
}

static void add_field(struct text *text, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        text_printf(text, "  %-12s ", name);
        text_visible(text, value);
        text_puts(text, "\n");
    }
}

static void add_stages(const struct case_log *log, struct text *text)
{
    for (size_t i = 0; i < log->stages.count && i < PROGRESS_STAGES; i++) {
        text_printf(text, "  %-12s ", i == 0 ? "threads" : "");
        text_visible(text, log->stages.items[i].first);
        text_puts(text, ": ");
        text_visible(text, log->stages.items[i].second);
        text_puts(text, "\n");
    }
    if (log->stages.count > PROGRESS_STAGES) {
        text_printf(text, "  %-12s and %zu more\n", "", log->stages.count - PROGRESS_STAGES);
    }
}

/* The last lines of the worker's output, each as a line of its own. */
static void add_output(const struct case_result *result, struct text *text)
{
    const char *all = text_string(&result->output);
    size_t end = result->output.size;
    while (end != 0 && all[end - 1] == '\n') {
        end--;
    }
    size_t begin = end;
    unsigned lines = 0;
    while (begin != 0 && lines < PROGRESS_OUTPUT_LINES) {
        if (all[begin - 1] == '\n' && ++lines == PROGRESS_OUTPUT_LINES) {
            break;
        }
        begin--;
    }
    bool first = true;
    while (begin < end) {
        size_t length = strcspn(all + begin, "\n");
        length = length < end - begin ? length : end - begin;
        bool cut = length > PROGRESS_OUTPUT_COLUMNS;
        struct text line = {0};
        text_add(&line, all + begin, cut ? PROGRESS_OUTPUT_COLUMNS : length);
        text_printf(text, "  %-12s ", first ? "output" : "");
        text_visible(text, text_string(&line));
        text_puts(text, cut ? " ...\n" : "\n");
        text_finish(&line);
        first = false;
        begin += length + 1;
    }
}

static void add_place(const struct case_result *result, struct text *text)
{
    const struct case_record *record = &result->log.record;
    struct text place = {0};
    if (record->file != NULL) {
        text_puts(&place, record->file);
        if (record->line > 0) {
            text_printf(&place, ":%d", record->line);
        }
    } else {
        text_puts(&place, result->job.item->file);
    }
    add_field(text, "at", text_string(&place));
    text_finish(&place);
}

static void add_headline(const struct case_result *result, bool color, struct text *text)
{
    text_printf(text, "%s%s%s %s  ", color_of(color, result->verdict),
                verdict_word(result->verdict), color_end(color), result->job.item->id);
    text_visible(text, result->job.item->title);
}

void progress_failure_text(const struct case_result *result, bool color, struct text *text)
{
    const struct catalogue_case *item = result->job.item;
    const struct cts_requirement *row = item->requirement;
    const struct case_record *record = &result->log.record;
    struct text line = {0};
    add_headline(result, color, text);
    text_puts(text, "\n");
    text_printf(&line, "%s (%s): %s", item->requirement_id, case_strength(item), case_claim(item));
    add_field(text, "requirement", text_string(&line));
    if (row != NULL && row->invariant != NULL) {
        add_field(text, "invariant", row->invariant);
    }
    add_field(text, "why", text_string(&result->reason));
    /* After a crash the record, if there is one, tells of something else. */
    if (result->verdict == record->verdict && result->log.records != 0) {
        add_field(text, "expected", record->expected);
        add_field(text, "seen", record->observed);
    }
    add_stages(&result->log, text);
    text_clear(&line);
    case_log_in_flight(&result->log, &line);
    add_field(text, "in flight", text_string(&line));
    add_field(text, "source", row != NULL ? row->source : NULL);
    if (!case_left_something_only(result)) {
        add_field(text, "usual cause", row != NULL ? row->causes : NULL);
    }
    add_place(result, text);
    add_output(result, text);
    add_field(text, "rerun", text_string(&result->repro));
    text_finish(&line);
}

/* One line for a case; the reason with it where there is one. */
static void add_short(const struct case_result *result, bool color, struct text *text)
{
    add_headline(result, color, text);
    if (result->reason.size != 0) {
        text_puts(text, ": ");
        text_visible(text, text_string(&result->reason));
    }
    text_puts(text, "\n");
}

void progress_case_end(struct progress *progress, const struct case_result *result)
{
    bool failure = verdict_is_failure(result->verdict);
    progress->done++;
    progress->failed += failure;
    if (progress->quiet) {
        return;
    }
    struct text text = {0};
    unsigned char *reported = &progress->reported[result->job.item->position];
    /* A library that leaves something behind does so after nearly every case: one is told in full. */
    bool left = case_left_something_only(result) && result->report.ending == KEEPER_EXITED;
    bool told = left && progress->told_what_is_left;
    if (failure && *reported == 0 && !told) {
        text_puts(&text, "\n");
        progress_failure_text(result, progress->color, &text);
        *reported = 1;
        progress->told_what_is_left = progress->told_what_is_left || left;
    } else if (failure || progress->verbose) {
        add_short(result, progress->color, &text);
    }
    if (text.size != 0) {
        take_line_away(progress);
        say(progress->out, "%s", text_string(&text));
        (void)say_out(progress->out);
    }
    draw_line(progress, result->job.item->id);
    text_finish(&text);
}

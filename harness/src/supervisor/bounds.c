/* SPDX-License-Identifier: Apache-2.0 */
#include "bounds.h"
#include "text.h"

#include <string.h>

/* In rising order: each has to be at least `times` the one before it. */
static const struct row {
    const char *name;
    const char *shown;
    double least;
    double most;
    double times; /* 0: not compared */
    bool stretched;
} rows[] = {
    {"rest_limit_ms", "rest limit", 100, 10e3, 0, true},
    {"hang_limit_ms", "hang limit", 1e3, 120e3, 2, true},
    {"case_limit_ms", "case limit", 5e3, 600e3, 2, true},
    {"long_case_limit_ms", "long case limit", 10e3, 3600e3, 2, true},
    {"safety_ms", "safety timeout", 60e3, 3600e3, 2, false},
    {"infinite_timeout", "INFINITE_TIMEOUT", 3600e3, 4294967295.0, 2, false},
    {"invalid_handle", "INVALID_HANDLE", 0, 4294967295.0, 0, false},
    {"rc_ok", "rcOk", 0, 0, 0, false},
};

bool bounds_add(struct bounds *bounds, const char *name, double value)
{
    size_t length = strlen(name);
    if (bounds->count == BOUNDS_MAX || length >= BOUNDS_NAME_MAX) {
        return false;
    }
    memcpy(bounds->items[bounds->count].name, name, length + 1);
    bounds->items[bounds->count++].value = value;
    return true;
}

static bool find(const struct bounds *bounds, const char *name, double *value)
{
    for (size_t i = 0; i < bounds->count; i++) {
        if (strcmp(bounds->items[i].name, name) == 0) {
            *value = bounds->items[i].value;
            return true;
        }
    }
    return false;
}

void bounds_examine(const struct bounds *bounds, double factor,
                    void (*report)(void *context, enum bounds_finding finding, const char *name,
                                   const char *text),
                    void *context)
{
    const struct row *before = NULL;
    double value_before = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct text text = {0};
        double value = 0;
        enum bounds_finding finding = BOUNDS_OK;
        if (!find(bounds, row->name, &value)) {
            report(context, BOUNDS_PROBLEM, row->shown, "the worker does not tell");
            continue;
        }
        text_printf(&text, "%.15g%s", value, strstr(row->name, "_ms") != NULL ? " ms" : "");
        if (!(value >= row->least && value <= row->most)) {
            finding = BOUNDS_PROBLEM;
            text_printf(&text, ", and should be %.15g to %.15g", row->least, row->most);
        } else if (row->times > 0 && before != NULL && value < row->times * value_before) {
            finding = BOUNDS_PROBLEM;
            text_printf(&text, ", and should be at least %g times the %s (%.15g)", row->times,
                        before->shown, value_before);
        } else if (row->times > 0 && before != NULL && before->stretched && !row->stretched &&
                   value < row->times * value_before * factor) {
            finding = BOUNDS_NOTICE;
            text_printf(&text, ", which a timeout factor of %g brings too near to the %s", factor,
                        before->shown);
        }
        report(context, finding, row->shown, text_string(&text));
        text_finish(&text);
        before = row;
        value_before = value;
    }
}

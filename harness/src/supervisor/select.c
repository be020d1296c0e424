/* SPDX-License-Identifier: Apache-2.0 */
/* Selection of cases by area, requirement and case, and hints for ids that do not exist. */
#include "catalogue.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SELECT_ID_MAX 32u
#define SELECT_HINTS 3u

/* Edit distance of two short words, letters of either case being equal. */
static size_t distance(const char *a, const char *b)
{
    size_t row[SELECT_ID_MAX + 1];
    size_t length = strlen(b);
    if (strlen(a) > SELECT_ID_MAX || length > SELECT_ID_MAX) {
        return SELECT_ID_MAX;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t above = row[j];
            size_t cost = strncasecmp(&a[i - 1], &b[j - 1], 1) == 0 ? 0 : 1;
            size_t best = diagonal + cost;
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[length];
}

/* The nearest few ids, best first. */
struct hints {
    const char *ids[SELECT_HINTS];
    size_t distances[SELECT_HINTS];
    size_t count;
};

static void hint(struct hints *hints, const char *wanted, const char *candidate)
{
    size_t far = distance(wanted, candidate);
    if (far > strlen(wanted) / 2 || far > 4) {
        return;
    }
    size_t at = hints->count;
    for (size_t i = 0; i < hints->count; i++) {
        if (strcmp(hints->ids[i], candidate) == 0) {
            return;
        }
    }
    while (at != 0 && hints->distances[at - 1] > far) {
        at--;
    }
    if (at == SELECT_HINTS) {
        return;
    }
    size_t last = hints->count < SELECT_HINTS ? hints->count++ : SELECT_HINTS - 1;
    for (size_t i = last; i > at; i--) {
        hints->ids[i] = hints->ids[i - 1];
        hints->distances[i] = hints->distances[i - 1];
    }
    hints->ids[at] = candidate;
    hints->distances[at] = far;
}

static void say_unknown(const struct catalogue *catalogue, const char *id, struct text *message)
{
    struct hints hints = {0};
    for (size_t i = 0; i < cts_requirement_count; i++) {
        hint(&hints, id, cts_requirements[i].area);
        hint(&hints, id, cts_requirements[i].id);
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        hint(&hints, id, catalogue->cases[i].requirement_id);
        hint(&hints, id, catalogue->cases[i].id);
    }
    text_puts(message, "unknown id ");
    text_visible(message, id);
    for (size_t i = 0; i < hints.count; i++) {
        text_puts(message, i == 0 ? "; did you mean " : i + 1 == hints.count ? " or " : ", ");
        text_puts(message, hints.ids[i]);
    }
    text_puts(message, hints.count != 0 ? "?" : "; `ipc-cts list` shows all ids");
}

static bool names_area(const char *id, const char *full)
{
    size_t length = strcspn(full, "-");
    return strlen(id) == length && strncasecmp(id, full, length) == 0;
}

/* Marks what one id names. False when it names nothing, neither case nor requirement. */
static bool select_id(struct catalogue *catalogue, const char *id, bool with_opt_in)
{
    bool known = requirement_find(id) != NULL;
    for (size_t i = 0; i < cts_requirement_count; i++) {
        known = known || strcasecmp(cts_requirements[i].area, id) == 0;
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        bool exact = strcasecmp(id, item->id) == 0 || strcasecmp(id, item->requirement_id) == 0;
        bool area = names_area(id, item->id);
        bool allowed = exact || with_opt_in || (item->traits & CTS_OPT_IN) == 0;
        known = known || exact || area;
        item->selected = item->selected || ((exact || area) && allowed);
    }
    return known;
}

static bool profile_exists(const char *profile)
{
    for (size_t i = 0; i < cts_requirement_count; i++) {
        if (requirement_in_profile(&cts_requirements[i], profile)) {
            return true;
        }
    }
    return cts_requirement_count == 0;
}

/* Appends the editions that rows name, each once, in the order in which they come up. */
static void add_editions(struct text *message)
{
    struct text known = {0};
    for (size_t i = 0; i < cts_requirement_count; i++) {
        const char *at = cts_requirements[i].profiles;
        while (at != NULL && *at != '\0') {
            char word[PROFILE_EDITION_MAX];
            size_t length = strcspn(at, " ");
            (void)snprintf(word, sizeof(word), "%.*s", (int)length, at);
            if (strstr(text_string(&known), word) == NULL) {
                text_printf(&known, "%s%s", known.size == 0 ? "" : ", ", word);
            }
            at += length + strspn(at + length, " ");
        }
    }
    text_puts(message, text_string(&known));
    text_finish(&known);
}

static void say_unknown_profile(const char *profile, struct text *message)
{
    text_puts(message, "unknown profile ");
    text_visible(message, profile);
    text_puts(message, "; editions are ");
    add_editions(message);
    text_puts(message, ", extents are");
    for (unsigned i = 0; i < CTS_EXTENT_COUNT; i++) {
        text_printf(message, "%s %s", i == 0 ? "" : ",", extent_word((enum cts_extent)i));
    }
}

/* Why nothing is left, as far as the ids tell. */
static void say_nothing(char *const *ids, size_t id_count, const char *profile,
                        struct text *message)
{
    const struct cts_requirement *row = id_count == 1 ? requirement_find(ids[0]) : NULL;
    text_puts(message, "nothing selected");
    if (row != NULL && row->uncovered != NULL) {
        text_printf(message, ": %s has no case: %s", row->id, row->uncovered);
    } else if (row != NULL && profile != NULL && !requirement_in_profile(row, profile)) {
        text_printf(message, ": %s is not part of %s", row->id, profile);
    } else if (id_count != 0) {
        text_puts(message, ": no case of the given ids belongs to the run");
    }
}

enum selection catalogue_select(struct catalogue *catalogue, char *const *ids, size_t id_count,
                                const char *profile, bool with_opt_in, struct text *message)
{
    if (profile != NULL && !profile_exists(profile)) {
        say_unknown_profile(profile, message);
        return SELECTION_UNKNOWN;
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        item->selected = id_count == 0 && (with_opt_in || (item->traits & CTS_OPT_IN) == 0);
    }
    for (size_t i = 0; i < id_count; i++) {
        if (!select_id(catalogue, ids[i], with_opt_in)) {
            say_unknown(catalogue, ids[i], message);
            return SELECTION_UNKNOWN;
        }
    }
    for (size_t i = 0; profile != NULL && i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        item->selected = item->selected && (item->requirement == NULL ||
                                            requirement_in_profile(item->requirement, profile));
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        if (item->requirement != NULL) {
            item->strength = requirement_strength(item->requirement, profile);
        }
    }
    if (catalogue_selected(catalogue) == 0) {
        say_nothing(ids, id_count, profile, message);
        return SELECTION_NOTHING;
    }
    return SELECTION_OK;
}

size_t catalogue_name(const struct catalogue *catalogue,
                      bool (*wanted)(const struct catalogue_case *item), struct text *text)
{
    size_t total = 0;
    size_t *counts = allocate(catalogue->count * sizeof(counts[0])); /* by first case */
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct catalogue_case *item = &catalogue->cases[i];
        counts[item->first] += item->selected && wanted(item);
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        if (counts[i] == 0) {
            continue;
        }
        text_printf(text, "%s%s", total == 0 ? "" : ", ", catalogue->cases[i].requirement_id);
        if (counts[i] > 1) {
            text_printf(text, " (%zu)", counts[i]);
        }
        total += counts[i];
    }
    free(counts);
    return total;
}

static bool is_suspect(const struct catalogue_case *item)
{
    return item->suspect != NULL;
}

size_t catalogue_suspects(const struct catalogue *catalogue, struct text *text)
{
    return catalogue_name(catalogue, is_suspect, text);
}

enum selection catalogue_keep_extent(struct catalogue *catalogue, enum cts_extent extent,
                                     struct text *message)
{
    for (size_t i = 0; extent == CTS_EXTENT_SMOKE && i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        item->selected = item->selected && (item->traits & CTS_SMOKE) != 0;
    }
    if (catalogue_selected(catalogue) == 0) {
        text_printf(message, "nothing selected: no case of the given ids belongs to %s",
                    extent_word(extent));
        return SELECTION_NOTHING;
    }
    return SELECTION_OK;
}

size_t catalogue_selected(const struct catalogue *catalogue)
{
    size_t count = 0;
    for (size_t i = 0; i < catalogue->count; i++) {
        count += catalogue->cases[i].selected;
    }
    return count;
}

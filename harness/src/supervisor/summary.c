/* SPDX-License-Identifier: Apache-2.0 */
#include "summary.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* The order in which verdicts are listed: what matters most first. */
static const enum verdict listing[VERDICT_COUNT] = {
    VERDICT_FAIL,   VERDICT_CRASH, VERDICT_TIMEOUT,  VERDICT_EARLY_EXIT,   VERDICT_LEAK,
    VERDICT_BROKEN, VERDICT_PASS,  VERDICT_OBSERVED, VERDICT_INCONCLUSIVE, VERDICT_SKIP};

/* Verdicts by which a library deviates; BROKEN leaves open whether it does. */
#define SUMMARY_DEVIATES                                                                           \
    ((1u << VERDICT_FAIL) | (1u << VERDICT_CRASH) | (1u << VERDICT_TIMEOUT) |                      \
     (1u << VERDICT_EARLY_EXIT) | (1u << VERDICT_LEAK))
#define SUMMARY_BROKEN (1u << VERDICT_BROKEN)
/* A deviation from what the case is about, and not only something that was left when it had ended. */
#define SUMMARY_VIOLATES (1u << VERDICT_COUNT)

void summary_begin(struct summary *summary, const struct catalogue *catalogue)
{
    *summary = (struct summary){.catalogue = catalogue};
    summary->masks = allocate(catalogue->count * sizeof(summary->masks[0]));
}

/* Counts a case in the group of its text and, with `requirement`, of its requirement. */
static void add_to_group(struct summary_groups *groups, const char *text,
                         const struct catalogue_case *item, bool requirement)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct summary_group *group = &groups->items[i];
        if (strcmp(group->text, text) == 0 &&
            (!requirement || strcmp(group->first->requirement_id, item->requirement_id) == 0)) {
            group->first = item->position < group->first->position ? item : group->first;
            group->last = item->position > group->last->position ? item : group->last;
            group->count++;
            return;
        }
    }
    groups->items = reallocate(groups->items, (groups->count + 1) * sizeof(groups->items[0]));
    groups->items[groups->count++] =
        (struct summary_group){.text = copy_string(text), .first = item, .last = item, .count = 1};
}

static struct summary_window *find_window(struct summary *summary,
                                          const struct catalogue_case *item, const char *name)
{
    for (size_t i = 0; i < summary->window_count; i++) {
        struct summary_window *window = &summary->windows[i];
        if (window->item == item && strcmp(window->sum.name, name) == 0) {
            return window;
        }
    }
    summary->windows =
        reallocate(summary->windows, (summary->window_count + 1) * sizeof(summary->windows[0]));
    struct summary_window *window = &summary->windows[summary->window_count++];
    *window = (struct summary_window){.item = item, .sum = {.name = copy_string(name)}};
    return window;
}

static void add_windows_of(struct summary *summary, const struct case_result *result)
{
    for (size_t i = 0; i < result->log.window_count; i++) {
        const struct log_window *one = &result->log.windows[i];
        if (!one->done) {
            continue;
        }
        struct summary_window *window = find_window(summary, result->job.item, one->name);
        window->rounds++;
        window->complete += one->missing == 0;
        window->sum.trials += one->trials;
        for (unsigned k = 0; k < LOG_PHASES; k++) {
            window->sum.has[k] = window->sum.has[k] || one->has[k];
            window->sum.phases[k] += one->phases[k];
        }
        window->sum.overlaps[0] += one->overlaps[0];
        window->sum.overlaps[1] += one->overlaps[1];
    }
}

static int by_position(const void *a, const void *b)
{
    const struct summary_window *left = a;
    const struct summary_window *right = b;
    return (left->item->position > right->item->position) -
           (left->item->position < right->item->position);
}

/* One line for each window; "-": the window has no such phase. Sorts. */
static void add_window_table(struct summary *summary, struct text *text)
{
    if (summary->window_count == 0) {
        return;
    }
    qsort(summary->windows, summary->window_count, sizeof(summary->windows[0]), by_position);
    text_puts(text, "\nRace windows: trials by the phase in which the trigger came, and overlaps "
                    "with either side first\n");
    text_printf(text, "  %-11s %7s %7s %8s %7s %7s %7s  %s\n", "case", "trials", "before",
                "entering", "blocked", "taken", "after", "overlaps");
    for (size_t i = 0; i < summary->window_count; i++) {
        const struct summary_window *window = &summary->windows[i];
        text_printf(text, "  %-11s %7u", window->item->id, window->sum.trials);
        for (unsigned k = 0; k < LOG_PHASES; k++) {
            int width = k == 1 ? 8 : 7;
            if (window->sum.has[k]) {
                text_printf(text, " %*u", width, window->sum.phases[k]);
            } else {
                text_printf(text, " %*s", width, "-");
            }
        }
        text_printf(text, "  %u + %u%s\n", window->sum.overlaps[0], window->sum.overlaps[1],
                    window->complete == window->rounds ? "" : "  not all reached often enough");
    }
}

void summary_add(struct summary *summary, const struct case_result *result)
{
    const struct catalogue_case *item = result->job.item;
    summary->counts[result->verdict]++;
    summary->masks[item->position] |= 1u << result->verdict;
    if (((1u << result->verdict) & SUMMARY_DEVIATES) != 0 && !case_left_something_only(result)) {
        summary->masks[item->position] |= SUMMARY_VIOLATES;
    }
    add_windows_of(summary, result);
    if (result->verdict == VERDICT_SKIP || result->verdict == VERDICT_INCONCLUSIVE) {
        struct text text = {0};
        text_puts(&text, result->verdict == VERDICT_SKIP ? "" : "inconclusive: ");
        text_puts(&text, result->reason.size != 0 ? text_string(&result->reason) : "no reason");
        add_to_group(&summary->skipped, text_string(&text), item, false);
        text_finish(&text);
    }
    for (size_t i = 0; result->verdict == VERDICT_OBSERVED && i < result->log.observed.count; i++) {
        struct text text = {0};
        text_printf(&text, "%s = %s", result->log.observed.items[i].first,
                    result->log.observed.items[i].second);
        add_to_group(&summary->observed, text_string(&text), item, true);
        text_finish(&text);
    }
}

static void free_groups(struct summary_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->items[i].text);
    }
    free(groups->items);
}

void summary_finish(struct summary *summary)
{
    free(summary->masks);
    free_groups(&summary->skipped);
    free_groups(&summary->observed);
    for (size_t i = 0; i < summary->window_count; i++) {
        free(summary->windows[i].sum.name);
    }
    free(summary->windows);
    *summary = (struct summary){0};
}

unsigned summary_total(const struct summary *summary)
{
    unsigned total = 0;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        total += summary->counts[i];
    }
    return total;
}

static void add_counts(const struct summary *summary, struct text *text)
{
    bool first = true;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        unsigned count = summary->counts[listing[i]];
        if (count != 0) {
            text_printf(text, "%s%u %s", first ? "" : ", ", count, verdict_word(listing[i]));
            first = false;
        }
    }
}

static void add_table(const struct summary *summary, bool color, struct text *text)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        unsigned count = summary->counts[listing[i]];
        if (count != 0) {
            text_printf(text, "%s%6u  %s%s\n", color_of(color, listing[i]), count,
                        verdict_word(listing[i]), color_end(color));
        }
    }
}

/* Calls `add` once for each requirement that has a verdict of `wanted` and none of `unwanted`, in
 * the order of cases. */
static size_t
each_failed(const struct summary *summary, unsigned wanted, unsigned unwanted, struct text *text,
            void (*add)(const struct catalogue_case *item, size_t number, struct text *text))
{
    size_t number = 0;
    const struct catalogue *catalogue = summary->catalogue;
    unsigned *masks = allocate(catalogue->count * sizeof(masks[0])); /* by first case */
    for (size_t i = 0; i < catalogue->count; i++) {
        masks[catalogue->cases[i].first] |= summary->masks[i];
    }
    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->cases[i].first == i && (masks[i] & wanted) != 0 &&
            (masks[i] & unwanted) == 0) {
            add(&catalogue->cases[i], number++, text);
        }
    }
    free(masks);
    return number;
}

static void add_failed_line(const struct catalogue_case *item, size_t number, struct text *text)
{
    if (number == 0) {
        text_puts(text, "\nRequirements with a failed case:\n");
    }
    text_printf(text, "  %-9s %-8s ", item->requirement_id, case_strength(item));
    text_visible(text, case_claim(item));
    text_puts(text, "\n");
}

#define SUMMARY_NAMED 6u

static void add_failed_name(const struct catalogue_case *item, size_t number, struct text *text)
{
    if (number < SUMMARY_NAMED) {
        text_printf(text, "%s%s", number == 0 ? "" : ", ", item->requirement_id);
    }
}

static size_t add_failed_names(const struct summary *summary, unsigned wanted, unsigned unwanted,
                               const char *words, struct text *text)
{
    struct text names = {0};
    size_t count = each_failed(summary, wanted, unwanted, &names, add_failed_name);
    if (count != 0) {
        text_printf(text, "%s%s", words, text_string(&names));
    }
    if (count > SUMMARY_NAMED) {
        text_printf(text, " and %zu more", count - SUMMARY_NAMED);
    }
    text_finish(&names);
    return count;
}

/* A case that is not always the same is news of its own. */
static void add_mixed(const struct summary *summary, struct text *text)
{
    bool first = true;
    for (size_t i = 0; i < summary->catalogue->count; i++) {
        unsigned mask = summary->masks[i] & ~SUMMARY_VIOLATES;
        if ((mask & (mask - 1)) == 0) {
            continue;
        }
        text_puts(text, first ? "\nMixed results:\n" : "");
        text_printf(text, "  %s:", summary->catalogue->cases[i].id);
        for (int v = 0; v < VERDICT_COUNT; v++) {
            if ((mask & (1u << listing[v])) != 0) {
                text_printf(text, " %s", verdict_word(listing[v]));
            }
        }
        text_puts(text, "\n");
        first = false;
    }
}

/* A line for each claim that does not hold, with what would have had to be there. */
static void add_claims(const struct claims *claims, struct text *text)
{
    unsigned absent = claims != NULL ? claims_absent(claims) : 0;
    struct text unclaimed = {0};
    if (absent != 0) {
        text_puts(text, "\nClaimed and absent:\n");
    }
    for (unsigned i = 0; i < CTS_CAPABILITY_COUNT; i++) {
        if ((absent & CTS_CAPABILITY_BIT(i)) != 0) {
            text_printf(text, "  %s (%s)\n", cts_capabilities[i].word, cts_capabilities[i].means);
        }
    }
    if (claims != NULL && claims_words(claims_unclaimed(claims), &unclaimed) != 0) {
        text_printf(text, "\nPresent and not claimed:\n  %s\n", text_string(&unclaimed));
    }
    text_finish(&unclaimed);
}

static int compare_groups(const void *a, const void *b)
{
    const struct summary_group *first = a;
    const struct summary_group *second = b;
    if (first->first->position != second->first->position) {
        return first->first->position < second->first->position ? -1 : 1;
    }
    return strcmp(first->text, second->text);
}

/* Groups in the order of cases, whatever the order in which they ended. */
static void add_groups(const char *title, struct summary_groups *groups, struct text *text)
{
    if (groups->count == 0) {
        return;
    }
    qsort(groups->items, groups->count, sizeof(groups->items[0]), compare_groups);
    text_printf(text, "\n%s:\n", title);
    for (size_t i = 0; i < groups->count; i++) {
        const struct summary_group *group = &groups->items[i];
        text_puts(text, "  ");
        text_visible(text, group->text);
        if (group->first == group->last) {
            text_printf(text, group->count == 1 ? "  [%s]\n" : "  [%s, %u times]\n",
                        group->first->id, group->count);
        } else {
            text_printf(text, "  [%s to %s, %u times]\n", group->first->id, group->last->id,
                        group->count);
        }
    }
}

void summary_text(struct summary *summary, const struct summary_ending *ending, bool color,
                  struct text *text)
{
    (void)each_failed(summary, SUMMARY_VIOLATES | SUMMARY_BROKEN, 0, text, add_failed_line);
    /* These claims held: what is wrong is Close, or what keeps objects, and stands above if at all. */
    if (add_failed_names(summary, SUMMARY_DEVIATES, SUMMARY_VIOLATES | SUMMARY_BROKEN,
                         "\nOnly something left behind (LEAK) in cases of:\n  ", text) != 0) {
        text_puts(text, "\n");
    }
    add_mixed(summary, text);
    add_groups("Observed where the documents leave it open", &summary->observed, text);
    add_groups("Skipped", &summary->skipped, text);
    struct text suspects = {0};
    if (catalogue_suspects(summary->catalogue, &suspects) != 0) {
        text_printf(text, "\nSuspect, the requirement reads otherwise than when reviewed:\n  %s\n",
                    text_string(&suspects));
    }
    text_finish(&suspects);
    add_claims(ending->claims, text);
    if (ending->extent == CTS_EXTENT_SOAK) {
        add_window_table(summary, text);
    }
    text_puts(text, text->size != 0 ? "\n" : "");
    add_table(summary, color, text);
    unsigned total = summary_total(summary);
    if (total != 0 && total == summary->counts[VERDICT_SKIP] && !ending->interrupted) {
        text_puts(text, "\nNothing was tested: every selected case was skipped.\n");
    }
}

void summary_last_line(const struct summary *summary, const struct summary_ending *ending,
                       struct text *text)
{
    unsigned total = summary_total(summary);
    text_puts(text, "ipc-cts: ");
    if (ending->interrupted || total != ending->planned) {
        text_printf(text, "%u of ", total);
    }
    size_t cases = ending->planned;
    if (ending->repeat > 1) {
        cases /= ending->repeat;
        text_printf(text, "%zu runs of ", ending->planned);
    }
    text_printf(text, "%zu case%s", cases, cases == 1 ? "" : "s");
    text_puts(text, total != 0 ? ": " : "");
    add_counts(summary, text);
    size_t failed = add_failed_names(summary, SUMMARY_VIOLATES, 0, "; not conformant: ", text);
    failed += add_failed_names(summary, SUMMARY_DEVIATES, SUMMARY_VIOLATES,
                               failed != 0 ? "; something left in cases of: "
                                           : "; not conformant, something left in cases of: ",
                               text);
    failed += add_failed_names(summary, SUMMARY_BROKEN, SUMMARY_DEVIATES,
                               "; could not be tested: ", text);
    struct text absent = {0};
    if (ending->claims != NULL && claims_words(claims_absent(ending->claims), &absent) != 0) {
        text_printf(text, "; claimed and absent: %s", text_string(&absent));
        failed++;
    }
    text_finish(&absent);
    if (ending->internal_error) {
        text_puts(text, "; the harness failed");
    } else if (ending->interrupted) {
        text_puts(text, "; interrupted");
    } else if (failed != 0) {
        return;
    } else if (summary->counts[VERDICT_INCONCLUSIVE] != 0) {
        text_puts(text, "; undecided");
    } else if (total == summary->counts[VERDICT_SKIP]) {
        text_puts(text, "; nothing was tested");
    } else if (ending->whole) {
        text_puts(text, "; conformant for ");
        text_visible(text, ending->profile);
        if (ending->extent != CTS_EXTENT_STANDARD) {
            text_printf(text, " (%s)", extent_word(ending->extent));
        }
    } else {
        text_puts(text, "; no deviation in what was selected");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `ipc-cts list` and `ipc-cts show`. */
#include "catalogue.h"
#include "commands.h"
#include "exit_code.h"
#include "target.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void list_line(const struct catalogue_case *item, struct text *text)
{
    text_printf(text, "%-12s %-8s %-13s ", item->id, case_strength(item), item->layout);
    text_visible(text, item->title);
    if (item->traits != 0) {
        text_puts(text, "  [");
        struct text traits = {0};
        catalogue_trait_words(item->traits, &traits);
        text_puts(text, text_string(&traits) + 1);
        text_finish(&traits);
        text_puts(text, "]");
    }
    text_puts(text, item->suspect != NULL ? "  suspect\n" : "\n");
}

static cJSON *checked(cJSON *item)
{
    if (item == NULL) {
        fatal("out of memory");
    }
    return item;
}

static void list_object(const struct catalogue_case *item, struct text *text)
{
    cJSON *object = checked(cJSON_CreateObject());
    (void)checked(cJSON_AddStringToObject(object, "id", item->id));
    (void)checked(cJSON_AddStringToObject(object, "requirement", item->requirement_id));
    (void)checked(cJSON_AddStringToObject(object, "strength", case_strength(item)));
    (void)checked(cJSON_AddStringToObject(object, "claim", case_claim(item)));
    (void)checked(cJSON_AddStringToObject(object, "title", item->title));
    (void)checked(cJSON_AddStringToObject(object, "file", item->file));
    (void)checked(cJSON_AddStringToObject(object, "layout", item->layout));
    (void)checked(cJSON_AddStringToObject(object, "limit", item->limit));
    (void)checked(item->suspect != NULL ? cJSON_AddStringToObject(object, "suspect", item->suspect)
                                        : cJSON_AddNullToObject(object, "suspect"));
    cJSON *traits = checked(cJSON_AddArrayToObject(object, "traits"));
    for (size_t i = 0; i < TRAIT_COUNT; i++) {
        if ((item->traits & trait_words[i].trait) != 0 &&
            !cJSON_AddItemToArray(traits, checked(cJSON_CreateString(trait_words[i].word)))) {
            fatal("out of memory");
        }
    }
    char *printed = cJSON_PrintUnformatted(object);
    if (printed == NULL) {
        fatal("out of memory");
    }
    text_puts(text, printed);
    cJSON_free(printed);
    cJSON_Delete(object);
}

static void print_list(const struct catalogue *catalogue, bool json)
{
    struct text text = {0};
    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->cases[i].selected && json) {
            text_puts(&text, text.size == 0 ? "[\n" : ",\n");
            list_object(&catalogue->cases[i], &text);
        } else if (catalogue->cases[i].selected) {
            list_line(&catalogue->cases[i], &text);
        }
    }
    say(stdout, "%s%s", text_string(&text), json ? "\n]\n" : "");
    text_finish(&text);
}

static int finish(struct catalogue *catalogue, struct text *error, int code)
{
    if (error->size != 0) {
        say(stderr, "ipc-cts: %s\n", text_string(error));
    }
    catalogue_finish(catalogue);
    text_finish(error);
    return code;
}

/* The cases as the worker of the target lists them. */
static int load_from_target(const struct options *options, struct catalogue *catalogue,
                            struct text *error)
{
    struct workplace place;
    struct target target = {0};
    bool interrupted = false;
    int code = EXIT_USAGE;
    if (!workplace_open(&place)) {
        return EXIT_INTERNAL;
    }
    if (target_open(&target, options, error) &&
        target_catalogue(&target, catalogue, options->timeout_factor, place.root, place.signal_fd,
                         &interrupted, error)) {
        code = EXIT_CONFORMANT;
    }
    target_finish(&target);
    workplace_close(&place);
    return interrupted ? EXIT_INTERRUPTED : code;
}

static int load_list(const struct options *options, struct catalogue *catalogue, struct text *error)
{
    if (options->sysroot != NULL || options->exec_wrapper != NULL) {
        return load_from_target(options, catalogue, error);
    }
    return catalogue_load(catalogue, options->worker, error) ? EXIT_CONFORMANT : EXIT_INTERNAL;
}

int command_list(const struct options *options)
{
    struct catalogue catalogue = {0};
    struct text error = {0};
    int code = load_list(options, &catalogue, &error);
    if (code != EXIT_CONFORMANT) {
        return finish(&catalogue, &error, code);
    }
    enum selection selection = catalogue_select(&catalogue, options->ids, options->id_count,
                                                options->profile, true, &error);
    if (selection == SELECTION_OK) {
        selection = catalogue_keep_extent(&catalogue, options->wanted.extent, &error);
    }
    switch (selection) {
    case SELECTION_OK:
        print_list(&catalogue, options->json);
        break;
    case SELECTION_NOTHING:
        code = EXIT_NOTHING;
        break;
    case SELECTION_UNKNOWN:
        code = EXIT_USAGE;
        break;
    }
    return finish(&catalogue, &error, code);
}

static void add_field(struct text *text, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        text_printf(text, "  %-10s ", name);
        text_visible(text, value);
        text_puts(text, "\n");
    }
}

/* "derived, must in ce-1.4" */
static void add_strengths(struct text *text, const struct cts_requirement *row)
{
    struct text words = {0};
    const char *at = row->strength_in;
    text_puts(&words, row->strength);
    while (at != NULL && *at != '\0') {
        int name = (int)strcspn(at, "=");
        int pair = (int)strcspn(at, " ");
        if (name < pair) {
            text_printf(&words, ", %.*s in %.*s", pair - name - 1, at + name + 1, name, at);
        }
        at += pair + (int)strspn(at + pair, " ");
    }
    add_field(text, "strength", text_string(&words));
    text_finish(&words);
}

static void show_requirement(const struct catalogue *catalogue, const struct cts_requirement *row,
                             struct text *text)
{
    text_printf(text, "%s  %s\n", row->id, row->claim);
    add_strengths(text, row);
    add_field(text, "invariant", row->invariant);
    add_field(text, "source", row->source);
    add_field(text, "profiles", row->profiles);
    add_field(text, "causes", row->causes);
    add_field(text, "no case", row->uncovered);
    add_field(text, "text", row->fingerprint);
    bool first = true;
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct catalogue_case *item = &catalogue->cases[i];
        if (strcmp(item->requirement_id, row->id) == 0) {
            text_printf(text, "  %-10s %-11s ", first ? "cases" : "", item->id);
            text_visible(text, item->title);
            text_puts(text, "\n");
            if (item->suspect != NULL) {
                text_printf(text, "  %-10s %-11s suspect: %s\n", "", "", item->suspect);
            }
            first = false;
        }
    }
}

static void show_case(const struct catalogue_case *item, struct text *text)
{
    struct text traits = {0};
    text_printf(text, "%s  ", item->id);
    text_visible(text, item->title);
    text_puts(text, "\n");
    catalogue_trait_words(item->traits, &traits);
    add_field(text, "layout", item->layout);
    add_field(text, "limit", item->limit);
    add_field(text, "traits", traits.size != 0 ? traits.data + 1 : NULL);
    add_field(text, "file", item->file);
    add_field(text, "requires", item->requirement_id);
    if (item->requirement != NULL) {
        add_strengths(text, item->requirement);
    }
    add_field(text, "claim", case_claim(item));
    add_field(text, "source", item->requirement != NULL ? item->requirement->source : NULL);
    add_field(text, "suspect", item->suspect);
    text_finish(&traits);
}

static void show_id(struct catalogue *catalogue, const char *id, struct text *text)
{
    const struct catalogue_case *item = catalogue_find(catalogue, id);
    const struct cts_requirement *row = requirement_find(id);
    if (item != NULL) {
        show_case(item, text);
    } else if (row != NULL) {
        show_requirement(catalogue, row, text);
    } else {
        bool any = false;
        for (size_t i = 0; i < cts_requirement_count; i++) {
            if (strcasecmp(cts_requirements[i].area, id) == 0) {
                text_puts(text, any ? "\n" : "");
                show_requirement(catalogue, &cts_requirements[i], text);
                any = true;
            }
        }
        for (size_t i = 0; !any && i < catalogue->count; i++) {
            /* A requirement that the table lacks: its cases are known all the same. */
            if (catalogue->cases[i].selected) {
                show_case(&catalogue->cases[i], text);
            }
        }
    }
}

int command_show(const struct options *options)
{
    struct catalogue catalogue = {0};
    struct text error = {0};
    struct text text = {0};
    int code = EXIT_CONFORMANT;
    if (!catalogue_load(&catalogue, options->worker, &error)) {
        return finish(&catalogue, &error, EXIT_INTERNAL);
    }
    for (size_t i = 0; i < options->id_count && code == EXIT_CONFORMANT; i++) {
        if (catalogue_select(&catalogue, &options->ids[i], 1, NULL, true, &error) ==
            SELECTION_UNKNOWN) {
            code = EXIT_USAGE;
        } else {
            text_clear(&error); /* a requirement without cases can be shown */
            text_puts(&text, i == 0 ? "" : "\n");
            show_id(&catalogue, options->ids[i], &text);
        }
    }
    if (code == EXIT_CONFORMANT) {
        say(stdout, "%s", text_string(&text));
    }
    text_finish(&text);
    return finish(&catalogue, &error, code);
}

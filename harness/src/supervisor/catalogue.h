/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cases of the worker joined with the requirements they decide, and selection among them.
 */
#ifndef CTS_SUPERVISOR_CATALOGUE_H
#define CTS_SUPERVISOR_CATALOGUE_H

#include "requirement.h"
#include "text.h"

#include <cts/case.h>
#include <cts/extent.h>
#include <stdbool.h>
#include <stddef.h>

struct catalogue_case {
    char *id;
    char *requirement_id; /* the part of the id before the dot */
    char *title;
    char *file;
    char *layout;
    char *limit;
    unsigned traits;                           /* enum cts_trait */
    const struct cts_requirement *requirement; /* null: the catalogue has no such row */
    const char *strength; /* of the requirement, in the profile of the last selection */
    char
        *suspect; /* why no review speaks for the present text of the requirement; null: one does */
    size_t position; /* 0-based */
    size_t first;    /* position of the first case of the same requirement */
    bool selected;
};

struct catalogue_place {
    const char *id;
    size_t position;
};

struct catalogue {
    struct catalogue_case *cases;
    size_t count;
    struct catalogue_place *by_id; /* `count` of them, sorted; for catalogue_find */
};

/* Reads `lines`, one JSON object per line. False with one line in `error`. */
bool catalogue_parse(struct catalogue *catalogue, const char *lines, size_t size,
                     struct text *error);
/* The same from `worker --list`. */
bool catalogue_load(struct catalogue *catalogue, const char *worker, struct text *error);
void catalogue_finish(struct catalogue *catalogue);
/* Appends what the worker's model can count, as the `transition` lines of an event log. False with
 * one line in `error`. */
bool catalogue_load_model(struct text *lines, const char *worker, struct text *error);

/* The traits of a case and their words. */
struct trait_word {
    unsigned trait; /* enum cts_trait */
    const char *word;
};
#define TRAIT_COUNT 6u
extern const struct trait_word trait_words[TRAIT_COUNT];
/* Appends the words of `traits`, each after a blank. */
void catalogue_trait_words(unsigned traits, struct text *text);

const struct cts_requirement *requirement_find(const char *id);
bool requirement_in_profile(const struct cts_requirement *requirement, const char *profile);
/* must, derived or open in this profile; null: what holds where the row names no other. */
const char *requirement_strength(const struct cts_requirement *requirement, const char *profile);
/* Strength and claim of a case's requirement; never null. */
const char *case_strength(const struct catalogue_case *item);
const char *case_claim(const struct catalogue_case *item);
const struct catalogue_case *catalogue_find(const struct catalogue *catalogue, const char *id);

enum selection {
    SELECTION_OK,
    SELECTION_NOTHING, /* the ids are known, but no case is left */
    SELECTION_UNKNOWN  /* an id or the profile is not known */
};

/* Marks the cases that the ids name (area, requirement, case; letters of either case), all without
 * ids, within the profile (null: in every one). A case that is opt-in is selected by its own id or
 * its requirement's only, unless `with_opt_in`. Otherwise than OK, `message` holds one line. */
enum selection catalogue_select(struct catalogue *catalogue, char *const *ids, size_t id_count,
                                const char *profile, bool with_opt_in, struct text *message);
/* Of what is selected, keep what belongs to the extent. As catalogue_select, but never UNKNOWN. */
enum selection catalogue_keep_extent(struct catalogue *catalogue, enum cts_extent extent,
                                     struct text *message);
size_t catalogue_selected(const struct catalogue *catalogue);
/* Appends "CALL-02 (3), OBJ-04" for the selected cases that are wanted. Gives their number. */
size_t catalogue_name(const struct catalogue *catalogue,
                      bool (*wanted)(const struct catalogue_case *item), struct text *text);
/* The same for those that are suspect. */
size_t catalogue_suspects(const struct catalogue *catalogue, struct text *text);

#endif

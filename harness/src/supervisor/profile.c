/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <string.h>

static const char *const extent_words[CTS_EXTENT_COUNT] = CTS_EXTENT_WORDS;

const char *extent_word(enum cts_extent extent)
{
    return extent_words[extent];
}

static bool find_extent(const char *word, enum cts_extent *extent)
{
    for (unsigned i = 0; i < CTS_EXTENT_COUNT; i++) {
        if (strcmp(word, extent_words[i]) == 0) {
            *extent = (enum cts_extent)i;
            return true;
        }
    }
    return false;
}

bool profile_parse(struct profile *profile, const char *value)
{
    bool has_extent = false;
    *profile = (struct profile){.extent = CTS_EXTENT_STANDARD};
    for (const char *at = value;; at++) {
        char word[PROFILE_EDITION_MAX];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof(word)) {
            return false;
        }
        memcpy(word, at, length);
        word[length] = '\0';
        enum cts_extent extent;
        if (find_extent(word, &extent)) {
            if (has_extent) {
                return false;
            }
            has_extent = true;
            profile->extent = extent;
        } else if (profile->edition[0] != '\0') {
            return false;
        } else {
            memcpy(profile->edition, word, length + 1);
        }
        at += length;
        if (*at == '\0') {
            return true;
        }
    }
}

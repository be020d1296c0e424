/* SPDX-License-Identifier: Apache-2.0 */
#include "claims.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CLAIMS_FILE_BYTES_MAX 65536u

/* The content of the file without comments. */
static bool read_file(const char *path, struct text *content, struct text *error)
{
    char bytes[4096];
    FILE *file = fopen(path, "re");
    bool good = file != NULL;
    int code = errno;
    while (good && content->size <= CLAIMS_FILE_BYTES_MAX) {
        size_t size = fread(bytes, 1, sizeof(bytes), file);
        text_add(content, bytes, size);
        if (size < sizeof(bytes)) {
            code = errno;
            good = ferror(file) == 0;
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (!good || content->size > CLAIMS_FILE_BYTES_MAX) {
        text_visible(error, path);
        text_printf(error, ": %s", good ? "is too long for a list of claims" : strerror(code));
        return false;
    }
    bool comment = false;
    for (size_t i = 0; i < content->size; i++) {
        comment = content->data[i] == '#' || (comment && content->data[i] != '\n');
        if (comment || content->data[i] == '\0') {
            content->data[i] = ' ';
        }
    }
    return true;
}

static void say_wrong(const char *at, size_t length, struct text *error)
{
    struct text word = {0};
    struct text known = {0};
    text_add(&word, at, length);
    (void)claims_words((1u << CTS_CAPABILITY_COUNT) - 1u, &known);
    if (length == 0) {
        text_puts(error, "holds no word");
    } else {
        text_visible(error, text_string(&word));
        text_puts(error, " is no capability");
    }
    text_printf(error, "; known are %s, or none alone", text_string(&known));
    text_finish(&word);
    text_finish(&known);
}

/* In the form that the worker takes and a rerun line shows. */
static const char *spell(unsigned set)
{
    static char words[256];
    size_t used = 0;
    (void)snprintf(words, sizeof(words), "none");
    for (unsigned i = 0; i < CTS_CAPABILITY_COUNT; i++) {
        if ((set & CTS_CAPABILITY_BIT(i)) != 0) {
            int size = snprintf(words + used, sizeof(words) - used, "%s%s", used == 0 ? "" : ",",
                                cts_capabilities[i].word);
            used += size > 0 ? (size_t)size : 0;
        }
    }
    return words;
}

bool claims_read(const char *value, const char **words, struct text *error)
{
    struct text content = {0};
    const char *wrong = NULL;
    size_t length = 0;
    unsigned set = 0;
    bool good = true;
    if (value[0] == '@') {
        good = read_file(value + 1, &content, error);
    } else {
        text_puts(&content, value);
    }
    if (good && !cts_capabilities_parse(text_string(&content), &set, &wrong, &length)) {
        say_wrong(wrong, length, error);
        good = false;
    }
    text_finish(&content);
    *words = good ? spell(set) : NULL;
    return good;
}

size_t claims_words(unsigned set, struct text *text)
{
    size_t count = 0;
    for (unsigned i = 0; i < CTS_CAPABILITY_COUNT; i++) {
        if ((set & CTS_CAPABILITY_BIT(i)) != 0) {
            text_printf(text, "%s%s", count++ == 0 ? "" : ", ", cts_capabilities[i].word);
        }
    }
    return count;
}

unsigned claims_absent(const struct claims *claims)
{
    return claims->made ? claims->claimed & ~claims->present : 0;
}

unsigned claims_unclaimed(const struct claims *claims)
{
    return claims->made ? claims->present & ~claims->claimed : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"
#include "exit_code.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *allocate(size_t size)
{
    void *memory = calloc(1, size != 0 ? size : 1);
    if (memory == NULL) {
        fatal("out of memory");
    }
    return memory;
}

void *reallocate(void *memory, size_t size)
{
    void *moved = realloc(memory, size != 0 ? size : 1);
    if (moved == NULL) {
        fatal("out of memory");
    }
    return moved;
}

char *copy_string(const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = allocate(size);
    memcpy(copy, string, size);
    return copy;
}

void fatal(const char *format, ...)
{
    va_list arguments;
    (void)fputs("ipc-cts: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputs("\n", stderr);
    exit(EXIT_INTERNAL);
}

static int stdout_error; /* errno of the first failure */

static void note_error(const FILE *stream)
{
    if (stream == stdout && stdout_error == 0) {
        stdout_error = errno != 0 ? errno : EIO;
    }
}

void say(FILE *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    errno = 0;
    if (vfprintf(stream, format, arguments) < 0) {
        note_error(stream);
    }
    va_end(arguments);
}

int say_out(FILE *stream)
{
    errno = 0;
    if (fflush(stream) != 0) {
        note_error(stream);
    }
    return stdout_error;
}

static void text_reserve(struct text *text, size_t more)
{
    size_t needed = text->size + more + 1;
    if (needed > text->capacity) {
        size_t capacity = text->capacity < 128 ? 128 : text->capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        text->data = reallocate(text->data, capacity);
        text->capacity = capacity;
    }
}

void text_add(struct text *text, const char *bytes, size_t size)
{
    text_reserve(text, size);
    if (size != 0) {
        memcpy(text->data + text->size, bytes, size);
    }
    text->size += size;
    text->data[text->size] = '\0';
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        fatal("a message cannot be formatted");
    }
    text_reserve(text, (size_t)size);
    va_start(arguments, format);
    int written = vsnprintf(text->data + text->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    if (written != size) {
        fatal("a message cannot be formatted");
    }
    text->size += (size_t)size;
}

const char *text_string(const struct text *text)
{
    return text->data != NULL ? text->data : "";
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

void text_finish(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

/* Decodes one sequence; returns its length and the code point, or 0. Overlong forms, surrogates
 * and values beyond U+10FFFF are not UTF-8. */
static size_t utf8_decode(const unsigned char *bytes, size_t size, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (size == 0) {
        return 0;
    }
    unsigned char first = bytes[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size < length) {
        return 0;
    }
    uint32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = (value << 6) | (bytes[i] & 0x3fu);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *point = value;
    return length;
}

size_t utf8_sequence(const char *bytes, size_t size)
{
    uint32_t point = 0;
    return utf8_decode((const unsigned char *)bytes, size, &point);
}

bool utf8_valid(const char *bytes, size_t size)
{
    while (size != 0) {
        size_t length = (unsigned char)*bytes < 0x80 ? 1 : utf8_sequence(bytes, size);
        if (length == 0) {
            return false;
        }
        bytes += length;
        size -= length;
    }
    return true;
}

/* Characters that change how a terminal shows the text around them. */
static bool is_unsafe_point(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x061c || point == 0x200e ||
           point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void text_visible(struct text *text, const char *string)
{
    size_t left = strlen(string);
    while (left != 0) {
        uint32_t point = 0;
        size_t length = utf8_decode((const unsigned char *)string, left, &point);
        if (length == 0) {
            text_printf(text, "\\x%02X", (unsigned)(unsigned char)*string);
            length = 1;
        } else if (point == '\n') {
            text_puts(text, "\\n");
        } else if (point == '\t') {
            text_puts(text, "\\t");
        } else if (is_unsafe_point(point)) {
            text_printf(text, point < 0x80 ? "\\x%02X" : "\\u%04X", (unsigned)point);
        } else {
            text_add(text, string, length);
        }
        string += length;
        left -= length;
    }
}

void text_utf8(struct text *text, const char *bytes, size_t size)
{
    while (size != 0) {
        size_t length = utf8_sequence(bytes, size);
        if (length == 0 || *bytes == '\0') {
            text_printf(text, "\\x%02X", (unsigned)(unsigned char)*bytes);
            length = 1;
        } else {
            text_add(text, bytes, length);
        }
        bytes += length;
        size -= length;
    }
}

static bool is_plain_in_shell(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_-./,:+=@%", c) != NULL;
}

void text_shell_word(struct text *text, const char *word)
{
    size_t size = strlen(word);
    bool plain = size != 0;
    bool printable = utf8_valid(word, size);
    for (size_t i = 0; i < size; i++) {
        plain = plain && is_plain_in_shell(word[i]);
        printable = printable && (unsigned char)word[i] >= 0x20 && word[i] != 0x7f;
    }
    if (plain) {
        text_add(text, word, size);
        return;
    }
    text_puts(text, printable ? "'" : "$'");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)word[i];
        if (!printable && (c < 0x20 || c >= 0x7f)) {
            text_printf(text, "\\x%02X", (unsigned)c);
        } else if (!printable && (c == '\'' || c == '\\')) {
            text_printf(text, "\\%c", c);
        } else if (c == '\'') {
            text_puts(text, "'\\''");
        } else {
            text_add(text, word + i, 1);
        }
    }
    text_puts(text, "'");
}

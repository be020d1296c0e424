/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: a growing string, and the ways in which foreign text is made harmless before it reaches a
 * terminal, a shell line or a JSON string.
 */
#ifndef CTS_SUPERVISOR_TEXT_H
#define CTS_SUPERVISOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A growing string; all zero is empty. `data` is null or ends with a zero byte. */
struct text {
    char *data;
    size_t size;
    size_t capacity;
};

void text_add(struct text *text, const char *bytes, size_t size);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The content as a string; "" when empty. Valid until the next change. */
const char *text_string(const struct text *text);
void text_clear(struct text *text);
void text_finish(struct text *text);

/* Bytes of the valid UTF-8 sequence at the start of `bytes`; 0 when there is none. */
size_t utf8_sequence(const char *bytes, size_t size);
bool utf8_valid(const char *bytes, size_t size);

/* Append text that came from outside so that a terminal only shows it: control characters, bidi
 * controls, and bytes that are not UTF-8 become visible escapes. */
void text_visible(struct text *text, const char *string);
/* Append bytes as UTF-8: what is not becomes \xNN, and so does a zero byte. */
void text_utf8(struct text *text, const char *bytes, size_t size);
/* Append one word of a POSIX shell line (bash quoting when it holds control characters). */
void text_shell_word(struct text *text, const char *word);

/* printf to a stream. One that cannot be written does not stop the command; main() looks at stdout when
 * the command has ended. */
void say(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Flushes it. Gives the errno of the first time that stdout could not be written; 0 when it could. */
int say_out(FILE *stream);

/* Memory that is there, or the end of the program with exit 3. */
void *allocate(size_t size);
void *reallocate(void *memory, size_t size);
char *copy_string(const char *string);

/* "ipc-cts: ..." on stderr and exit 3: the command itself cannot go on. Keepers notice the end of
 * the command and clean up. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of JSON, built member by member. Written by hand because the worker must stay small
 * enough to be ported to a target without any library but libc; the supervisor parses with a real
 * parser.
 */
#ifndef CTS_JSON_LINE_H
#define CTS_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTS_JSON_LINE_MAX 4096u

struct cts_json {
    size_t length;
    char text[CTS_JSON_LINE_MAX];
};

/* Start an object. A line that grows past the maximum is closed early: members that do not fit are
 * left out, strings that do not fit are cut, and the result is still valid JSON. */
void cts_json_begin(struct cts_json *json);
void cts_json_string(struct cts_json *json, const char *key, const char *value); /* null: null */
void cts_json_int(struct cts_json *json, const char *key, int64_t value);
void cts_json_uint(struct cts_json *json, const char *key, uint64_t value);
void cts_json_bool(struct cts_json *json, const char *key, bool value);
void cts_json_hex32(struct cts_json *json, const char *key, uint32_t value); /* "0x0001000a" */
/* Numbers that do not fit are left out. */
void cts_json_uint_list(struct cts_json *json, const char *key, const uint64_t *values,
                        size_t count);
void cts_json_hex32_list(struct cts_json *json, const char *key, const uint32_t *values,
                         size_t count);
void cts_json_string_list(struct cts_json *json, const char *key, const char *const *values,
                          size_t count);
/* Open and close a member that is an object. */
void cts_json_open(struct cts_json *json, const char *key);
void cts_json_close(struct cts_json *json);
/* Close the object; the text is terminated and has no newline. */
void cts_json_end(struct cts_json *json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Writing one JSON object into a bounded buffer; see json_line.h. */
#include "json_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Room kept for closing a string and two nested objects. */
#define TAIL 8u

static bool fits(const struct cts_json *json, size_t more)
{
    return json->length + more + TAIL < CTS_JSON_LINE_MAX;
}

static void put(struct cts_json *json, const char *bytes, size_t count)
{
    memcpy(json->text + json->length, bytes, count);
    json->length += count;
}

/* Length of the valid UTF-8 sequence at `s`, 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
    size_t more = 0;
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        more = 1;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        more = 2;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        more = 3;
    } else {
        return 0;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates, and beyond U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    return more + 1;
}

static void put_quoted(struct cts_json *json, const char *value)
{
    put(json, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)value; *s != '\0';) {
        char escaped[8];
        size_t length = 0;
        size_t taken = 1;
        if (*s == '"' || *s == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)*s;
            length = 2;
        } else if (*s < 0x20 || *s == 0x7f) {
            length = (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", *s);
        } else if (*s < 0x80) {
            escaped[0] = (char)*s;
            length = 1;
        } else {
            taken = utf8_length(s);
            if (taken == 0) {
                /* Not UTF-8: shown as \xNN, the backslash escaped for JSON. */
                length = (size_t)snprintf(escaped, sizeof escaped, "\\\\x%02x", *s);
                taken = 1;
            } else {
                memcpy(escaped, s, taken);
                length = taken;
            }
        }
        if (!fits(json, length)) {
            break;
        }
        put(json, escaped, length);
        s += taken;
    }
    put(json, "\"", 1);
}

/* Begin a member; false when there is no room for it. `value_room` is the least its value needs. */
static bool begin_member(struct cts_json *json, const char *key, size_t value_room)
{
    size_t key_length = strlen(key);
    if (!fits(json, key_length + value_room + 4)) {
        return false;
    }
    if (json->text[json->length - 1] != '{') {
        put(json, ",", 1);
    }
    put(json, "\"", 1);
    put(json, key, key_length);
    put(json, "\":", 2);
    return true;
}

void cts_json_begin(struct cts_json *json)
{
    json->length = 0;
    put(json, "{", 1);
}

void cts_json_string(struct cts_json *json, const char *key, const char *value)
{
    if (!begin_member(json, key, 8)) {
        return;
    }
    if (value == NULL) {
        put(json, "null", 4);
    } else {
        put_quoted(json, value);
    }
}

static void put_raw(struct cts_json *json, const char *key, const char *text)
{
    size_t length = strlen(text);
    if (begin_member(json, key, length)) {
        put(json, text, length);
    }
}

void cts_json_int(struct cts_json *json, const char *key, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put_raw(json, key, text);
}

void cts_json_uint(struct cts_json *json, const char *key, uint64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_raw(json, key, text);
}

void cts_json_bool(struct cts_json *json, const char *key, bool value)
{
    put_raw(json, key, value ? "true" : "false");
}

void cts_json_hex32(struct cts_json *json, const char *key, uint32_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "\"0x%08" PRIx32 "\"", value);
    put_raw(json, key, text);
}

void cts_json_hex32_list(struct cts_json *json, const char *key, const uint32_t *values,
                         size_t count)
{
    if (!begin_member(json, key, 2)) {
        return;
    }
    put(json, "[", 1);
    for (size_t i = 0; i < count && fits(json, 16); i++) {
        char text[32];
        int length =
            snprintf(text, sizeof text, "%s\"0x%08" PRIx32 "\"", i > 0 ? "," : "", values[i]);
        put(json, text, (size_t)length);
    }
    put(json, "]", 1);
}

void cts_json_uint_list(struct cts_json *json, const char *key, const uint64_t *values,
                        size_t count)
{
    if (!begin_member(json, key, 2)) {
        return;
    }
    put(json, "[", 1);
    for (size_t i = 0; i < count && fits(json, 24); i++) {
        char text[32];
        int length = snprintf(text, sizeof text, "%s%" PRIu64, i > 0 ? "," : "", values[i]);
        put(json, text, (size_t)length);
    }
    put(json, "]", 1);
}

void cts_json_string_list(struct cts_json *json, const char *key, const char *const *values,
                          size_t count)
{
    if (!begin_member(json, key, 2)) {
        return;
    }
    put(json, "[", 1);
    for (size_t i = 0; i < count && fits(json, strlen(values[i]) + 8); i++) {
        if (i > 0) {
            put(json, ",", 1);
        }
        put_quoted(json, values[i]);
    }
    put(json, "]", 1);
}

void cts_json_open(struct cts_json *json, const char *key)
{
    put_raw(json, key, "{");
}

void cts_json_close(struct cts_json *json)
{
    put(json, "}", 1);
}

void cts_json_end(struct cts_json *json)
{
    put(json, "}", 1);
    json->text[json->length] = '\0';
}

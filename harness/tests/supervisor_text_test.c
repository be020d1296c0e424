/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text made harmless, and the clipping of output. */
#include "output.h"
#include "text.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct text text;

static void setup(void)
{
    text_clear(&text);
}

static void teardown(void)
{
    text_finish(&text);
}

START_TEST(visible)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"", ""},
        {"plain # text", "plain # text"},
        {"a\nb\tc\rd", "a\\nb\\tc\\x0Dd"},
        {"\033[31mred\033[0m", "\\x1B[31mred\\x1B[0m"},
        {"\x7f", "\\x7F"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xff\xfe", "\\xFF\\xFE"},
        {"\xc0\x80", "\\xC0\\x80"},                   /* overlong */
        {"\xed\xa0\x80", "\\xED\\xA0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"}, /* beyond the last code point */
        {"\xc2\x9b"
         "2J",
         "\\u009B2J"}, /* CSI as one character */
        {"\xe2\x80\xae"
         "abc",
         "\\u202Eabc"},             /* right-to-left override */
        {"\xe2\x82", "\\xE2\\x82"}, /* cut off */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_clear(&text);
        text_visible(&text, rows[i].in);
        ck_assert_str_eq(text_string(&text), rows[i].out);
    }
}
END_TEST

START_TEST(utf8)
{
    text_utf8(&text, "a\0b\xff\n\033", 6);
    ck_assert_str_eq(text_string(&text), "a\\x00b\\xFF\n\033");
    ck_assert(utf8_valid("caf\xc3\xa9", 5));
    ck_assert(!utf8_valid("caf\xc3", 4));
    ck_assert(!utf8_valid("\x80", 1));
    ck_assert(utf8_valid("", 0));
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            char pair[3] = {(char)first, (char)second, 0};
            text_clear(&text);
            text_utf8(&text, pair, 2);
            ck_assert(utf8_valid(text_string(&text), text.size));
        }
    }
}
END_TEST

START_TEST(shell_words)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"./libkos-ipc.so", "./libkos-ipc.so"},
        {"", "''"},
        {"a b", "'a b'"},
        {"$(reboot)", "'$(reboot)'"},
        {"it's", "'it'\\''s'"},
        {"a\033b'\\", "$'a\\x1Bb\\'\\\\'"},
        {"caf\xc3\xa9", "'caf\xc3\xa9'"},
        {"\xff", "$'\\xFF'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_clear(&text);
        text_shell_word(&text, rows[i].in);
        ck_assert_str_eq(text_string(&text), rows[i].out);
    }
}
END_TEST

/* Feeds `size` bytes of a known sequence in pieces and checks what is kept. */
static void check_clip(size_t size, size_t piece)
{
    static struct output output;
    char *bytes = allocate(size + 1);
    memset(&output, 0, sizeof(output));
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    }
    for (size_t at = 0; at < size; at += piece) {
        output_feed(&output, bytes + at, size - at < piece ? size - at : piece);
    }
    ck_assert_uint_eq(output.total, size);
    struct text got = {0};
    struct text expected = {0};
    output_text(&output, &got);
    if (size <= 2 * OUTPUT_KEPT) {
        text_add(&expected, bytes, size);
    } else {
        text_add(&expected, bytes, OUTPUT_KEPT);
        text_printf(&expected, "\n[%zu bytes left out]\n", size - 2 * OUTPUT_KEPT);
        text_add(&expected, bytes + size - OUTPUT_KEPT, OUTPUT_KEPT);
    }
    ck_assert_str_eq(text_string(&got), text_string(&expected));
    text_finish(&got);
    text_finish(&expected);
    free(bytes);
}

START_TEST(clipping)
{
    static const size_t sizes[] = {0,    1,    4095,  4096,  4097,  8191,
                                   8192, 8193, 12287, 12288, 12289, 100000};
    static const size_t pieces[] = {1, 17, 4096, 5000, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            check_clip(sizes[i], pieces[j]);
        }
    }
}
END_TEST

START_TEST(last_line)
{
    static struct output output;
    output_last_line(&output, &text);
    ck_assert_str_eq(text_string(&text), "");
    output_feed(&output, "first\nsecond\xff\n\n", 15);
    output_last_line(&output, &text);
    ck_assert_str_eq(text_string(&text), "second\\xFF");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_text");
    TCase *tests = tcase_create("text");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, visible);
    tcase_add_test(tests, utf8);
    tcase_add_test(tests, shell_words);
    tcase_add_test(tests, clipping);
    tcase_add_test(tests, last_line);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

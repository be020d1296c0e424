/* SPDX-License-Identifier: Apache-2.0 */
/* Records in a stream: whole ones arrive, whatever stands around them; lost, cut, doubled and swapped
 * ones are noticed. */
#include "../src/supervisor/exec_wrapper.h"
#include "../src/supervisor/stream.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NONCE "0123456789abcdef0123456789abcdef"
#define AREA_BYTES 4096u

static struct stream stream;
static struct stream_report report;
static struct output output;
static struct cts_log_area *area;

static void begin(void)
{
    free(area);
    area = calloc(1, sizeof(*area) + AREA_BYTES);
    ck_assert_ptr_nonnull(area);
    area->capacity = AREA_BYTES;
    memset(&output, 0, sizeof(output));
    stream_begin(&stream, NONCE, area, &output, &report);
}

static void end(void)
{
    free(area);
    area = NULL;
}

/* A fragment as a worker writes it, without its newline. The text stays valid for some calls. */
static const char *fragment(unsigned number, char more, const char *payload)
{
    static char texts[8][600];
    static unsigned next;
    char head[32];
    char *text = texts[next++ % 8];
    size_t length = strlen(payload);
    (void)snprintf(head, sizeof(head), "%08x:%c:%03zx:", number, more, length);
    uint32_t sum = cts_stream_checksum(0, head, strlen(head));
    sum = cts_stream_checksum(sum, payload, length);
    (void)snprintf(text, sizeof(texts[0]), CTS_STREAM_MARK NONCE ":%s%08x:%s", head, sum, payload);
    return text;
}

static void feed(const char *text)
{
    stream_feed(&stream, STREAM_STDOUT, text, strlen(text));
}

static void feed_line(const char *text)
{
    feed(text);
    feed("\n");
}

static void expect_log(const char *lines)
{
    ck_assert_uint_eq(atomic_load(&area->used), strlen(lines));
    ck_assert_mem_eq(area->data, lines, strlen(lines));
}

static void expect_output(const char *text)
{
    struct text seen = {0};
    output_text(&output, &seen);
    ck_assert_str_eq(text_string(&seen), text);
    text_finish(&seen);
}

START_TEST(checksum_is_crc_32)
{
    ck_assert_uint_eq(cts_stream_checksum(0, "123456789", 9), 0xcbf43926u);
}
END_TEST

START_TEST(whole_stream_arrives)
{
    feed_line(fragment(0, '.', "H"));
    feed_line(fragment(1, '.', "L{\"a\":1}"));
    feed_line(fragment(2, '+', "L{\"b\":"));
    feed_line(fragment(3, '.', "2}"));
    feed_line(fragment(4, '.', "X77"));
    stream_end(&stream);
    expect_log("{\"a\":1}\n{\"b\":2}\n");
    expect_output("");
    ck_assert(report.hello && report.ended);
    ck_assert_int_eq(report.status, 77);
    ck_assert_str_eq(report.defect, "");
}
END_TEST

START_TEST(prints_of_others_are_output)
{
    feed_line("before");
    feed_line(fragment(0, '.', "H"));
    feed("no newline ");
    feed_line(fragment(1, '.', "L{}"));
    feed_line("@cts:ffffffffffffffffffffffffffffffff:00000002:.:003:00000000:L{}");
    stream_feed(&stream, STREAM_STDERR, "half a ", 7);
    feed_line(fragment(2, '.', "X0"));
    stream_feed(&stream, STREAM_STDERR, "line", 4);
    stream_end(&stream);
    expect_log("{}\n");
    ck_assert(report.ended);
    ck_assert_str_eq(report.defect, "");
    expect_output("before\nno newline "
                  "@cts:ffffffffffffffffffffffffffffffff:00000002:.:003:00000000:L{}\n"
                  "half a line");
}
END_TEST

START_TEST(byte_for_byte_and_by_terminal)
{
    const char *text = fragment(0, '.', "H");
    for (size_t i = 0; i < strlen(text); i++) {
        stream_feed(&stream, STREAM_STDERR, text + i, 1);
    }
    stream_feed(&stream, STREAM_STDERR, "\r\n", 2);
    ck_assert(report.hello);
}
END_TEST

START_TEST(long_lines_are_kept_apart)
{
    static char noise[5000];
    memset(noise, 'x', sizeof(noise) - 1);
    feed(noise);
    feed_line(fragment(0, '.', "H"));
    stream_end(&stream);
    ck_assert(report.hello);
    ck_assert_str_eq(report.defect, "");
    ck_assert_uint_eq(output.total, sizeof(noise) - 1);
}
END_TEST

struct damage {
    const char *defect;
    const char *lines[4]; /* after "H" */
};

static struct damage damages[7];

static void make_damages(void)
{
    static char cut[600];
    static char changed[600];
    static char merged[1200];
    (void)snprintf(cut, sizeof(cut), "%.*s", 60, fragment(1, '.', "L{\"a\":1}"));
    (void)snprintf(changed, sizeof(changed), "%s", fragment(1, '.', "L{\"a\":1}"));
    changed[strlen(changed) - 2] = '2';
    (void)snprintf(merged, sizeof(merged), "%.*s%s", 66, fragment(1, '.', "L{\"a\":1}"),
                   fragment(2, '.', "X0"));
    damages[0] = (struct damage){"record 1 is damaged", {cut}};
    damages[1] = (struct damage){"record 1 is damaged", {changed}};
    damages[2] = (struct damage){"record 1 is damaged", {merged}};
    damages[3] = (struct damage){"record 1 is missing", {fragment(2, '.', "X0")}};
    damages[4] = (struct damage){"record 0 came twice", {fragment(0, '.', "H")}};
    damages[5] =
        (struct damage){"record 1 is not one that a worker writes", {fragment(1, '.', "?")}};
    damages[6] = (struct damage){"record 2 comes after the worker's end",
                                 {fragment(1, '.', "X0"), fragment(2, '.', "L{}")}};
}

START_TEST(damage_is_noticed)
{
    make_damages();
    const struct damage *damage = &damages[_i];
    feed_line(fragment(0, '.', "H"));
    for (size_t i = 0; damage->lines[i] != NULL; i++) {
        feed_line(damage->lines[i]);
    }
    stream_end(&stream);
    ck_assert_str_eq(report.defect, damage->defect);
    expect_log("");
}
END_TEST

START_TEST(end_in_the_middle_is_noticed)
{
    feed_line(fragment(0, '.', "H"));
    feed_line(fragment(1, '+', "L{\"b\":"));
    stream_end(&stream);
    ck_assert_str_eq(report.defect, "record 2 is missing");
    begin();
    feed(fragment(0, '.', "H")); /* no newline: it may have been cut */
    stream_end(&stream);
    ck_assert_str_eq(report.defect, "record 0 is damaged");
    ck_assert(!report.hello);
}
END_TEST

START_TEST(log_that_is_full_is_noticed)
{
    static char payload[401];
    memset(payload, 'a', sizeof(payload) - 1);
    payload[0] = 'L';
    feed_line(fragment(0, '.', "H"));
    for (unsigned i = 1; i <= AREA_BYTES / 400 + 1; i++) {
        feed_line(fragment(i, '.', payload));
    }
    ck_assert_uint_eq(atomic_load(&area->full), 1);
    ck_assert_uint_le(atomic_load(&area->used), AREA_BYTES);
}
END_TEST

START_TEST(nonces_differ)
{
    char first[CTS_STREAM_NONCE_LENGTH + 1];
    char second[CTS_STREAM_NONCE_LENGTH + 1];
    stream_make_nonce(first);
    stream_make_nonce(second);
    ck_assert_uint_eq(strspn(first, "0123456789abcdef"), CTS_STREAM_NONCE_LENGTH);
    ck_assert_str_ne(first, second);
}
END_TEST

START_TEST(wrapper_is_split_like_a_shell_does)
{
    struct exec_wrapper wrapper;
    struct text error = {0};
    ck_assert_int_eq(setenv("CTS_TEST_BOARD", "10.0.0.2", 1), 0);
    ck_assert(exec_wrapper_parse(&wrapper, "ssh -o 'A B' \"$CTS_TEST_BOARD\" nice\\ one", &error));
    ck_assert_uint_eq(wrapper.count, 5);
    ck_assert_str_eq(wrapper.words[2], "A B");
    ck_assert_str_eq(wrapper.words[3], "10.0.0.2");
    ck_assert_str_eq(wrapper.words[4], "nice one");
    exec_wrapper_finish(&wrapper);
    static const char *const wrong[] = {"",      "   ",  "a | b", "a; b",
                                        "$(id)", "`id`", "'open", "$CTS_TEST_NOT_SET"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        text_clear(&error);
        ck_assert(!exec_wrapper_parse(&wrapper, wrong[i], &error));
        ck_assert_uint_ne(error.size, 0);
        exec_wrapper_finish(&wrapper);
    }
    text_finish(&error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor.stream");
    TCase *tcase = tcase_create("stream");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, checksum_is_crc_32);
    tcase_add_test(tcase, whole_stream_arrives);
    tcase_add_test(tcase, prints_of_others_are_output);
    tcase_add_test(tcase, byte_for_byte_and_by_terminal);
    tcase_add_test(tcase, long_lines_are_kept_apart);
    tcase_add_loop_test(tcase, damage_is_noticed, 0, (int)(sizeof(damages) / sizeof(damages[0])));
    tcase_add_test(tcase, end_in_the_middle_is_noticed);
    tcase_add_test(tcase, log_that_is_full_is_noticed);
    tcase_add_test(tcase, nonces_differ);
    tcase_add_test(tcase, wrapper_is_split_like_a_shell_does);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by published examples, and shards that are disjoint and complete. */
#include "shard.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define CASES 23u

static void check_digest(const char *content, size_t step, const char *wanted)
{
    char hex[SHA256_HEX_SIZE];
    struct sha256 hash;
    size_t size = strlen(content);
    sha256_begin(&hash);
    for (size_t at = 0; at < size; at += step) {
        sha256_add(&hash, content + at, size - at < step ? size - at : step);
    }
    sha256_end(&hash, hex);
    ck_assert_str_eq(hex, wanted);
}

/* The examples of FIPS 180-4 and their neighbours at the end of a block, from sha256sum. */
START_TEST(digests_are_those_of_the_standard)
{
    static const char million_of_a[] =
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    static const char letters[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    check_digest("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest(letters, 5, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *many = malloc(1000001);
    ck_assert_ptr_nonnull(many);
    memset(many, 'a', 1000000);
    many[1000000] = '\0';
    check_digest(many, 1000000, million_of_a);
    check_digest(many, 63, million_of_a);
    free(many);
}
END_TEST

START_TEST(strings_do_not_run_together)
{
    char first[SHA256_HEX_SIZE];
    char second[SHA256_HEX_SIZE];
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add_string(&hash, "ab");
    sha256_add_string(&hash, "c");
    sha256_end(&hash, first);
    sha256_begin(&hash);
    sha256_add_string(&hash, "a");
    sha256_add_string(&hash, "bc");
    sha256_end(&hash, second);
    ck_assert_str_ne(first, second);
}
END_TEST

START_TEST(file_that_is_not_there)
{
    char hex[SHA256_HEX_SIZE];
    ck_assert(!sha256_file("/nonexistent/library.so", hex));
    ck_assert(sha256_file("/dev/null", hex));
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

/* Every third case is not selected, and no shard may touch it. */
static void select_cases(struct catalogue_case cases[CASES])
{
    memset(cases, 0, CASES * sizeof(cases[0]));
    for (unsigned i = 0; i < CASES; i++) {
        cases[i].selected = i % 3 != 2;
    }
}

START_TEST(shards_are_disjoint_and_complete)
{
    struct catalogue_case cases[CASES];
    struct catalogue catalogue = {.cases = cases, .count = CASES};
    struct text error = {0};
    for (unsigned count = 1; count <= 16; count++) {
        unsigned seen[CASES] = {0};
        for (unsigned index = 1; index <= count; index++) {
            select_cases(cases);
            ck_assert(shard_keep(&catalogue, index, count, &error));
            ck_assert_uint_gt(catalogue_selected(&catalogue), 0);
            for (unsigned i = 0; i < CASES; i++) {
                seen[i] += cases[i].selected;
            }
        }
        for (unsigned i = 0; i < CASES; i++) {
            ck_assert_uint_eq(seen[i], i % 3 != 2);
        }
    }
    ck_assert_uint_eq(error.size, 0);
}
END_TEST

START_TEST(more_shards_than_cases)
{
    struct catalogue_case cases[CASES];
    struct catalogue catalogue = {.cases = cases, .count = CASES};
    struct text error = {0};
    select_cases(cases);
    ck_assert(!shard_keep(&catalogue, 1, 17, &error));
    ck_assert_ptr_nonnull(strstr(text_string(&error), "only 16 cases are selected"));
    text_finish(&error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shard");
    TCase *group = tcase_create("shard");
    tcase_add_test(group, digests_are_those_of_the_standard);
    tcase_add_test(group, strings_do_not_run_together);
    tcase_add_test(group, file_that_is_not_there);
    tcase_add_test(group, shards_are_disjoint_and_complete);
    tcase_add_test(group, more_shards_than_cases);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever goes in, one valid JSON object comes out; cJSON is the judge. */
#include "../src/worker/json_line.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static cJSON *finish(struct cts_json *json)
{
    cts_json_end(json);
    ck_assert_ptr_null(strchr(json->text, '\n'));
    cJSON *parsed = cJSON_Parse(json->text);
    ck_assert_msg(parsed != NULL, "not JSON: %s", json->text);
    return parsed;
}

START_TEST(members_come_back)
{
    struct cts_json json;
    const uint32_t list[] = {1, 0xffffffff};
    const uint64_t numbers[] = {0, 12345678901u, 3};
    cts_json_begin(&json);
    cts_json_string(&json, "text", "a \"b\" \\ c");
    cts_json_string(&json, "none", NULL);
    cts_json_int(&json, "int", -5);
    cts_json_bool(&json, "yes", true);
    cts_json_hex32_list(&json, "list", list, 2);
    cts_json_uint_list(&json, "numbers", numbers, 3);
    cts_json_open(&json, "inner");
    cts_json_uint(&json, "n", 7);
    cts_json_close(&json);
    cJSON *parsed = finish(&json);
    ck_assert_str_eq(cJSON_GetObjectItem(parsed, "text")->valuestring, "a \"b\" \\ c");
    ck_assert(cJSON_IsNull(cJSON_GetObjectItem(parsed, "none")));
    ck_assert_int_eq(cJSON_GetObjectItem(parsed, "int")->valueint, -5);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(parsed, "yes")));
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(parsed, "list")), 2);
    const cJSON *back = cJSON_GetObjectItem(parsed, "numbers");
    ck_assert_int_eq(cJSON_GetArraySize(back), 3);
    ck_assert_double_eq(cJSON_GetArrayItem(back, 1)->valuedouble, 12345678901.0);
    cJSON *inner = cJSON_GetObjectItem(parsed, "inner");
    ck_assert_int_eq(cJSON_GetObjectItem(inner, "n")->valueint, 7);
    cJSON_Delete(parsed);
}
END_TEST

START_TEST(hostile_text_stays_inside)
{
    struct cts_json json;
    cts_json_begin(&json);
    cts_json_string(&json, "text", "x\n\x01\x7f\xff\xc0\xaf\xed\xa0\x80 \xc3\xa4 ]]> # TODO");
    cJSON *parsed = finish(&json);
    const char *text = cJSON_GetObjectItem(parsed, "text")->valuestring;
    ck_assert_ptr_nonnull(strstr(text, "\\xff\\xc0\\xaf\\xed\\xa0\\x80 \xc3\xa4"));
    cJSON_Delete(parsed);
}
END_TEST

START_TEST(long_text_is_cut)
{
    struct cts_json json;
    char *text = malloc(3 * CTS_JSON_LINE_MAX);
    ck_assert_ptr_nonnull(text);
    for (size_t start = 0; start < 16; start++) {
        memset(text, start % 2 == 0 ? '"' : '\xff', 3 * CTS_JSON_LINE_MAX);
        text[3 * CTS_JSON_LINE_MAX - 1] = '\0';
        cts_json_begin(&json);
        for (size_t i = 0; i < start; i++) {
            cts_json_string(&json, "p", "q");
        }
        cts_json_string(&json, "text", text);
        cts_json_string(&json, "more", text);
        cts_json_uint(&json, "number", UINT64_MAX);
        cJSON_Delete(finish(&json));
    }
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_line");
    TCase *tcase = tcase_create("line");
    tcase_add_test(tcase, members_come_back);
    tcase_add_test(tcase, hostile_text_stays_inside);
    tcase_add_test(tcase, long_text_is_cut);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

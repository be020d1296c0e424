/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ABI-01: every SDK header that the suite includes compiles alone, in C11 and in C++17, in any
 * order, twice.
 */
#include <cts/cts.h>
#include <stdio.h>
#include <string.h>

/* variant: language, and what the translation unit looks like. */
enum { C11 = 0, CXX17 = 1, TWICE = 2, REVERSED = 4 };
enum { SOURCE_BYTES = 8192 };

static const char *language(const struct cts_case *self)
{
    return self->variant & CXX17 ? "c++17" : "c11";
}

static size_t header_count(void)
{
    size_t count = 0;
    while (cts_sdk_headers[count] != NULL) {
        count++;
    }
    return count;
}

/* A translation unit under construction. It ends with a declaration, for a unit must not be empty.
 */
struct source {
    char text[SOURCE_BYTES];
    size_t length;
};

static void add_include(struct source *source, const char *header)
{
    int written = snprintf(source->text + source->length, SOURCE_BYTES - source->length,
                           "#include <%s>\n", header);
    cts_require_that(written > 0 && (size_t)written < SOURCE_BYTES - source->length,
                     "the source fits in its buffer");
    source->length += (size_t)written;
}

static void add_end(struct source *source)
{
    static const char end[] = "typedef int cts_translation_unit_is_not_empty;\n";
    cts_require_that(sizeof end <= SOURCE_BYTES - source->length, "the source fits in its buffer");
    memcpy(source->text + source->length, end, sizeof end);
}

/* ABI-01: each header alone. */
static void each_header_compiles_alone(const struct cts_case *self)
{
    for (size_t i = 0; i < header_count(); i++) {
        struct source source = {.length = 0};
        add_include(&source, cts_sdk_headers[i]);
        add_end(&source);

        cts_check_that(cts_compiles(language(self), source.text), cts_sdk_headers[i]);
    }
}

/* ABI-01: each header twice in a row. In one unit, for what each does alone is another case's, and the compiler
 * says which of them it refuses. */
static void each_header_compiles_twice(const struct cts_case *self)
{
    struct source source = {.length = 0};
    for (size_t i = 0; i < 2 * header_count(); i++) {
        add_include(&source, cts_sdk_headers[i / 2]);
    }
    add_end(&source);

    cts_check_that(cts_compiles(language(self), source.text),
                   "each header compiles when included twice");
}

/* ABI-01: all headers in one unit, in the listed order or in reverse, and the whole list twice. */
static void all_headers_compile_together(const struct cts_case *self)
{
    struct source source = {.length = 0};
    size_t count = header_count();
    for (size_t i = 0; i < (self->variant & TWICE ? 2 * count : count); i++) {
        size_t index = i % count;
        add_include(&source, cts_sdk_headers[self->variant & REVERSED ? count - 1 - index : index]);
    }
    add_end(&source);

    cts_check_that(cts_compiles(language(self), source.text), "all headers compile together");
}

/* ABI-01: each header directly before and directly after the header of the interface. */
static void interface_header_compiles_beside_each(const struct cts_case *self)
{
    for (size_t i = 0; i < header_count(); i++) {
        struct source source = {.length = 0};
        add_include(&source,
                    self->variant & REVERSED ? "coresrv/ipc/ipc_api.h" : cts_sdk_headers[i]);
        add_include(&source,
                    self->variant & REVERSED ? cts_sdk_headers[i] : "coresrv/ipc/ipc_api.h");
        add_end(&source);

        cts_check_that(cts_compiles(language(self), source.text), cts_sdk_headers[i]);
    }
}

static const struct cts_case cases[] = {
    {"ABI-01.1", "each SDK header compiles alone, C11", each_header_compiles_alone, CTS_ONE_PROCESS,
     CTS_UNLIMITED, C11, 0},
    {"ABI-01.2", "each SDK header compiles alone, CXX17", each_header_compiles_alone,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CXX17, 0},
    {"ABI-01.3", "each SDK header compiles when included twice, C11", each_header_compiles_twice,
     CTS_ONE_PROCESS, CTS_UNLIMITED, C11, 0},
    {"ABI-01.4", "each SDK header compiles when included twice, CXX17", each_header_compiles_twice,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CXX17, 0},
    {"ABI-01.5", "all SDK headers compile together, C11", all_headers_compile_together,
     CTS_ONE_PROCESS, CTS_UNLIMITED, C11 | TWICE, CTS_SMOKE},
    {"ABI-01.6", "all SDK headers compile together, CXX17", all_headers_compile_together,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CXX17 | TWICE, 0},
    {"ABI-01.7", "all SDK headers compile in reverse order, C11", all_headers_compile_together,
     CTS_ONE_PROCESS, CTS_UNLIMITED, C11 | REVERSED, 0},
    {"ABI-01.8", "all SDK headers compile in reverse order, CXX17", all_headers_compile_together,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CXX17 | REVERSED, 0},
    {"ABI-01.9", "ipc_api.h compiles after each SDK header, CXX17",
     interface_header_compiles_beside_each, CTS_ONE_PROCESS, CTS_UNLIMITED, CXX17, 0},
    {"ABI-01.10", "ipc_api.h compiles before each SDK header, C11",
     interface_header_compiles_beside_each, CTS_ONE_PROCESS, CTS_UNLIMITED, C11 | REVERSED, 0},
};
CTS_GROUP(cts_group_abi_headers, cases);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ABI-03: the rc names that the suite's verdicts rest on exist, are distinct, and only rcOk is zero.
 * They are used as names; no number is expected but that of rcOk.
 */
#include <cts/cts.h>
#include <stdio.h>

#define NAMED(name)                                                                                \
    {                                                                                              \
#name, name                                                                                \
    }
static const struct named {
    const char *name;
    Retcode rc;
} codes[] = {
    NAMED(rcOk),
    NAMED(rcIpcInterrupt),
    NAMED(rcTimeout),
    NAMED(rcNotConnected),
    NAMED(rcSecurityDisallow),
    NAMED(rcInvalidArgument),
    NAMED(rcOutOfMemory),
    NAMED(rcFail),
};
enum { CODES = sizeof codes / sizeof codes[0], SOURCE_BYTES = 4096 };

/* ABI-03: as values in the suite itself. */
static void names_are_distinct(const struct cts_case *self)
{
    (void)self;
    for (size_t i = 0; i < CODES; i++) {
        cts_check_that((codes[i].rc == 0) == (codes[i].rc == rcOk), codes[i].name);
        for (size_t k = 0; k < i; k++) {
            cts_check_that(codes[i].rc != codes[k].rc, codes[i].name);
        }
    }
    cts_check_that(codes[0].rc == 0, "rcOk is zero");
}

/* ABI-03: as constants in a translation unit that includes only `variant`'s header: each can be a
 * case label beside all the others, and none but rcOk is zero. */
enum { RETCODE_IN_C, RETCODE_IN_CXX, INTERFACE_IN_C, INTERFACE_IN_CXX };
static void names_are_distinct_constants(const struct cts_case *self)
{
    bool cxx = self->variant == RETCODE_IN_CXX || self->variant == INTERFACE_IN_CXX;
    bool interface = self->variant == INTERFACE_IN_C || self->variant == INTERFACE_IN_CXX;
    char source[SOURCE_BYTES];
    size_t length = 0;
    int written = snprintf(source, sizeof source,
                           "#include <%s>\nint classify(Retcode rc);\n"
                           "int classify(Retcode rc) {\n switch (rc) {\n",
                           interface ? "coresrv/ipc/ipc_api.h" : "rtl/retcode.h");
    cts_require_that(written > 0 && (size_t)written < sizeof source, "the source fits");
    length = (size_t)written;
    for (size_t i = 0; i < CODES; i++) {
        written = snprintf(source + length, sizeof source - length, " case %s: return %d;\n",
                           codes[i].name, (int)i);
        cts_require_that(written > 0 && (size_t)written < sizeof source - length,
                         "the source fits");
        length += (size_t)written;
    }
    written = snprintf(source + length, sizeof source - length, " default: return -1;\n }\n}\n");
    cts_require_that(written > 0 && (size_t)written < sizeof source - length, "the source fits");
    length += (size_t)written;
    for (size_t i = 0; i < CODES; i++) {
        written = snprintf(source + length, sizeof source - length, "%s(%s %s 0, \"%s\");\n",
                           cxx ? "static_assert" : "_Static_assert", codes[i].name,
                           i == 0 ? "==" : "!=", codes[i].name);
        cts_require_that(written > 0 && (size_t)written < sizeof source - length,
                         "the source fits");
        length += (size_t)written;
    }

    cts_check_that(cts_compiles(cxx ? "c++17" : "c11", source), "the names are distinct constants");
}

static const struct cts_case cases[] = {
    {"ABI-03.1", "the rc names are distinct and only rcOk is zero", names_are_distinct,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"ABI-03.2", "the rc names of retcode.h are distinct constants, C11",
     names_are_distinct_constants, CTS_ONE_PROCESS, CTS_UNLIMITED, RETCODE_IN_C, 0},
    {"ABI-03.3", "the rc names of retcode.h are distinct constants, CXX17",
     names_are_distinct_constants, CTS_ONE_PROCESS, CTS_UNLIMITED, RETCODE_IN_CXX, 0},
    {"ABI-03.4", "the rc names come with ipc_api.h, C11", names_are_distinct_constants,
     CTS_ONE_PROCESS, CTS_UNLIMITED, INTERFACE_IN_C, 0},
    {"ABI-03.5", "the rc names come with ipc_api.h, CXX17", names_are_distinct_constants,
     CTS_ONE_PROCESS, CTS_UNLIMITED, INTERFACE_IN_CXX, 0},
};
CTS_GROUP(cts_group_abi_retcodes, cases);

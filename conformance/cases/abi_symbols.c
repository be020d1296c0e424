/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ABI-02: the three functions exist as external symbols with compatible types. The library is asked
 * for the symbols, the compiler for the types; a difference in attributes or in noexcept is none.
 */
#include <cts/cts.h>

/* Each unit checks the types with the header of the interface alone. */
static const char c11_types[] =
    "#include <coresrv/ipc/ipc_api.h>\n"
    "#define SAME(expression, type) _Generic((expression), type: 1, default: 0)\n"
    "_Static_assert(SAME(&KnIpcCreateSyncObject, Retcode (*)(Handle *)), \"create\");\n"
    "_Static_assert(SAME(&KnIpcSetInterrupt, Retcode (*)(Handle)), \"set\");\n"
    "_Static_assert(SAME(&KnIpcClearInterrupt, Retcode (*)(Handle)), \"clear\");\n"
    "Retcode (*const create)(Handle *) = KnIpcCreateSyncObject;\n"
    "Retcode (*const set)(Handle) = KnIpcSetInterrupt;\n"
    "Retcode (*const clear)(Handle) = KnIpcClearInterrupt;\n";

static const char c11_retcode[] =
    "#include <coresrv/ipc/ipc_api.h>\n"
    "_Static_assert(sizeof(Retcode) * 8 == 32, \"32 bits\");\n"
    "_Static_assert((Retcode)-1 < (Retcode)0, \"signed\");\n"
    "_Static_assert((Retcode)1.5 == (Retcode)1, \"an integer\");\n"
    "_Static_assert(rcOk == 0, \"rcOk is 0\");\n"
    "_Static_assert(sizeof(Handle) * 8 == 32 && (Handle)-1 > (Handle)0, \"Handle\");\n"
    "int classify(Retcode rc);\n"
    "int classify(Retcode rc) { switch (rc) { case rcOk: return 0; default: return 1; } }\n";

static const char cxx17_types[] =
    "#include <coresrv/ipc/ipc_api.h>\n"
    "#include <type_traits>\n"
    "#include <utility>\n"
    "using std::declval;\n"
    "using std::is_same_v;\n"
    "static_assert(is_same_v<decltype(KnIpcCreateSyncObject(declval<Handle *>())), Retcode>);\n"
    "static_assert(is_same_v<decltype(KnIpcSetInterrupt(declval<Handle>())), Retcode>);\n"
    "static_assert(is_same_v<decltype(KnIpcClearInterrupt(declval<Handle>())), Retcode>);\n"
    "Retcode (*const create)(Handle *) = KnIpcCreateSyncObject;\n"
    "Retcode (*const set)(Handle) = KnIpcSetInterrupt;\n"
    "Retcode (*const clear)(Handle) = KnIpcClearInterrupt;\n"
    "static_assert(std::is_integral_v<Retcode> && std::is_signed_v<Retcode>);\n"
    "static_assert(sizeof(Retcode) * 8 == 32);\n"
    "static_assert(rcOk == 0);\n"
    "static_assert(std::is_unsigned_v<Handle> && sizeof(Handle) * 8 == 32);\n";

/* A second declaration with C linkage is an error when the header gave C++ linkage. */
static const char cxx17_linkage[] =
    "#include <coresrv/ipc/ipc_api.h>\n"
    "extern \"C\" Retcode KnIpcCreateSyncObject(Handle *)\n"
    "    noexcept(noexcept(KnIpcCreateSyncObject(static_cast<Handle *>(nullptr))));\n"
    "extern \"C\" Retcode KnIpcSetInterrupt(Handle)\n"
    "    noexcept(noexcept(KnIpcSetInterrupt(Handle())));\n"
    "extern \"C\" Retcode KnIpcClearInterrupt(Handle)\n"
    "    noexcept(noexcept(KnIpcClearInterrupt(Handle())));\n";

/* variant: index here. */
enum { C11_TYPES, C11_RETCODE, CXX17_TYPES, CXX17_LINKAGE };
static const struct unit {
    const char *language;
    const char *source;
} units[] = {
    [C11_TYPES] = {"c11", c11_types},
    [C11_RETCODE] = {"c11", c11_retcode},
    [CXX17_TYPES] = {"c++17", cxx17_types},
    [CXX17_LINKAGE] = {"c++17", cxx17_linkage},
};

/* ABI-02: the library exports the functions. */
static void functions_are_exported(const struct cts_case *self)
{
    (void)self;
    cts_check_that(cts_symbol_is_function("KnIpcCreateSyncObject"), "KnIpcCreateSyncObject");
    cts_check_that(cts_symbol_is_function("KnIpcSetInterrupt"), "KnIpcSetInterrupt");
    cts_check_that(cts_symbol_is_function("KnIpcClearInterrupt"), "KnIpcClearInterrupt");
}

/* ABI-02: the harness looks at the bytes around the handle. */
static void create_writes_the_handle(const struct cts_case *self)
{
    (void)self;
    struct cts_actor *creator = cts_actor_new(cts_process_first(), "creator");
    for (int i = 0; i < 3; i++) {
        struct cts_op *create = cts_start_create(creator);
        cts_check_returned(create, rcOk);
        cts_check_that(!cts_wrote_beside(create), "Create writes a handle and nothing beside it");
    }
}

/* ABI-02: the header declares them with these types. */
static void types_are_compatible(const struct cts_case *self)
{
    const struct unit *unit = &units[self->variant];

    cts_check_that(cts_compiles(unit->language, unit->source), "the declared types are compatible");
}

/* ABI-02: what is declared and what is exported fit together: the functions, reached through the
 * library, take and give what the header says. */
static void functions_work_as_declared(const struct cts_case *self)
{
    (void)self;
    struct cts_process *process = cts_process_first();
    struct cts_actor *actor = cts_actor_new(process, "actor");
    struct cts_op *create = cts_start_create(actor);
    cts_check_returned(create, rcOk);
    cts_check_returned(cts_start_set(actor, cts_handle(create)), rcOk);
    cts_check_returned(cts_start_clear(actor, cts_handle(create)), rcOk);
    cts_check_that(rcOk == 0, "rcOk is 0");
    cts_check_that(sizeof(Retcode) == 4 && (Retcode)-1 < 0, "Retcode is a signed 32-bit integer");
}

static const struct cts_case cases[] = {
    {"ABI-02.10", "Create writes a handle and nothing beside it", create_writes_the_handle,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"ABI-02.1", "the three functions are exported", functions_are_exported, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, CTS_SMOKE},
    {"ABI-02.2", "the three functions have compatible types, C11", types_are_compatible,
     CTS_ONE_PROCESS, CTS_UNLIMITED, C11_TYPES, 0},
    {"ABI-02.3", "Retcode is a signed 32-bit integer, C11", types_are_compatible, CTS_ONE_PROCESS,
     CTS_UNLIMITED, C11_RETCODE, 0},
    {"ABI-02.4", "the three functions and Retcode have compatible types, CXX17",
     types_are_compatible, CTS_ONE_PROCESS, CTS_UNLIMITED, CXX17_TYPES, 0},
    {"ABI-02.5", "the three functions have C linkage, CXX17", types_are_compatible, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CXX17_LINKAGE, 0},
    {"ABI-02.6", "the three functions work as declared", functions_work_as_declared,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_abi_symbols, cases);

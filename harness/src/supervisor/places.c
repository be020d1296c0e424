/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"
#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From the directory of the program. ci/cmake/install.cmake puts the files where the first column
 * says; null: not installed. */
static const struct {
    const char *installed;
    const char *built;
} paths[PLACE_COUNT] = {
    [PLACE_WORKER] = {"../lib/ipc-cts/cts-worker", CTS_WORKER_FROM_BIN},
    [PLACE_REFERENCE] = {"../lib/ipc-cts/libkos-ipc.so", CTS_REFERENCE_FROM_BIN},
    [PLACE_REFERENCE_ADAPTER] = {"../lib/ipc-cts/reference-adapter.so", CTS_ADAPTER_FROM_BIN},
    [PLACE_REPORTS] = {"../share/ipc-cts/reports", CTS_REPORTS_FROM_BIN},
    [PLACE_SYSROOT_TOOL] = {"../share/ipc-cts/harness/tools/sysroot.py", CTS_SYSROOT_TOOL_FROM_BIN},
    [PLACE_SELFTEST] = {NULL, CTS_SELFTEST_FROM_BIN},
};

const char *place_of_program(void)
{
    static char program[PATH_MAX];
    if (program[0] == '\0') {
        ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
        program[length > 0 ? length : 0] = '\0';
    }
    return program;
}

/* `relative` seen from the program's directory; without dots when it exists. False when it does
 * not. */
static bool resolve(const char *relative, char path[PATH_MAX])
{
    const char *program = place_of_program();
    const char *slash = strrchr(program, '/');
    struct text joined = {0};
    path[0] = '\0';
    if (slash == NULL) {
        return false;
    }
    text_add(&joined, program, (size_t)(slash - program) + 1);
    text_puts(&joined, relative);
    bool there = realpath(text_string(&joined), path) != NULL;
    if (!there && joined.size < PATH_MAX) {
        memcpy(path, text_string(&joined), joined.size + 1);
    }
    text_finish(&joined);
    return there;
}

const char *place_of(enum place place)
{
    static char found[PLACE_COUNT][PATH_MAX];
    char *path = found[place];
    if (path[0] == '\0' &&
        (paths[place].installed == NULL || !resolve(paths[place].installed, path))) {
        (void)resolve(paths[place].built, path);
    }
    return path;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The headers under test, seen by a compiler. */
#include "event_log.h"
#include "world.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *const cts_sdk_headers[] = {
    "coresrv/ipc/ipc_api.h",   "coresrv/syscalls.h",  "coresrv/handle/handle_api.h",
    "coresrv/time/time_api.h", "handle/handletype.h", "ipc/if_rend.h",
    "rtl/retcode.h",           "rtl/stdint.h",        "services/ocap.h",
    "services/rtl/nk_msg.h",   "nk/types.h",          "nk/arena.h",
    "task/pidtype.h",          "thread/tidtype.h",    NULL};

/* The option that names the headers: a sysroot's, or those of the reference, which lie in one place
 * seen from an installed worker and in another seen from one in its build tree. */
static void sdk_include(char *option, size_t size)
{
    char worker[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", worker, sizeof worker - 1);
    worker[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(worker, '/');
    if (CTS_SDK_INCLUDE[0] == '/' || slash == NULL) {
        (void)snprintf(option, size, "-I%s", CTS_SDK_INCLUDE);
        return;
    }
    *slash = '\0';
    (void)snprintf(option, size, "-I%s/%s", worker, "../../include/ipc-cts");
    if (access(option + 2, R_OK) != 0) {
        (void)snprintf(option, size, "-I%s/%s", worker, CTS_SDK_INCLUDE);
    }
}

/* Run the compiler; its messages go to a file. Exit status, or -1 when it cannot be started. */
static int compile(const char *compiler, const char *standard, const char *source,
                   const char *messages)
{
    char include[2 * PATH_MAX];
    char std_flag[32];
    sdk_include(include, sizeof include);
    (void)snprintf(std_flag, sizeof std_flag, "-std=%s", standard);
    char *const arguments[] = {(char *)(uintptr_t)compiler,
                               std_flag,
                               "-x",
                               strncmp(standard, "c++", 3) == 0 ? "c++" : "c",
                               "-fsyntax-only",
                               include,
                               (char *)(uintptr_t)source,
                               NULL};
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 2, messages, O_WRONLY | O_CREAT | O_TRUNC,
                                           0600);
    pid_t pid = 0;
    int error = posix_spawnp(&pid, compiler, &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) == 127) {
        return -1;
    }
    return WEXITSTATUS(status);
}

static void first_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "r");
    line[0] = '\0';
    if (file == NULL) {
        return;
    }
    /* The first line that names an error; "In file included from" lines come before it. */
    while (fgets(line, (int)size, file) != NULL && strstr(line, "error") == NULL) {
        continue;
    }
    line[strcspn(line, "\n")] = '\0';
    (void)fclose(file);
}

bool cts_compiles(const char *language, const char *source)
{
    bool cxx = strncmp(language, "c++", 3) == 0;
    const char *const candidates[] = {cxx ? CTS_CXX : CTS_CC, cxx ? "c++" : "cc",
                                      cxx ? "g++" : "gcc", cxx ? "clang++" : "clang"};
    FILE *file = fopen("header_check.src", "w");
    if (file == NULL || fputs(source, file) < 0 || fclose(file) != 0) {
        cts_broken("the source of a header check cannot be written");
    }
    int status = -1;
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0] && status < 0; i++) {
        status = compile(candidates[i], language, "header_check.src", "header_check.err");
    }
    if (status < 0) {
        cts_skip(cxx ? "no C++ compiler was found" : "no C compiler was found");
    }
    if (status != 0) {
        char message[512];
        first_line("header_check.err", message, sizeof message);
        const struct cts_finding finding = {"check",          message, "compiles",
                                            "compiler error", NULL,    0};
        struct cts_json line;
        cts_json_begin(&line);
        cts_json_string(&line, "event", "check");
        cts_json_bool(&line, "ok", false);
        cts_json_string(&line, "kind", finding.kind);
        cts_json_string(&line, "text", finding.text);
        cts_json_string(&line, "expected", finding.expected);
        cts_json_string(&line, "observed", finding.observed);
        cts_log_line(&line);
    }
    return status == 0;
}

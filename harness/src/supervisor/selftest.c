/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest.h"
#include "exit_code.h"
#include "launch.h"
#include "places.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t count_words(char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL) {
        count++;
    }
    return count;
}

/* Nothing of the caller's environment gets in, no cache files are written, and no module of the
 * current directory or of the user is loaded. Comes back when python cannot be started. */
static void become_python(char *script, char *build, char *const *words)
{
    static char python[] = CTS_PYTHON;
    static char isolated[] = "-BPs";
    static char path[] = "PATH=" LAUNCH_PATH;
    static char lang[] = "LANG=C.UTF-8";
    enum { FIXED = 3 };
    size_t count = count_words(words);
    char **argv = allocate((FIXED + count + 1) * sizeof(argv[0]));
    argv[0] = python;
    argv[1] = isolated;
    argv[2] = script;
    memcpy(argv + FIXED, words, (count + 1) * sizeof(argv[0]));
    char *environment[] = {path, lang, build, NULL};
    (void)execve(python, argv, environment);
    say(stderr, "ipc-cts: cannot start %s: %s; install python3\n", python, strerror(errno));
    free(argv);
}

int command_selftest(char *const *words)
{
    const char *program = place_of_program();
    if (program[0] == '\0') {
        say(stderr, "ipc-cts: cannot read /proc/self/exe; is /proc mounted?\n");
        return EXIT_INTERNAL;
    }
    struct text script = {0};
    struct text build = {0};
    text_printf(&script, "%s/matrix.py", place_of(PLACE_SELFTEST));
    text_printf(&build, "CTS_BUILD_DIR=%.*s/..", (int)(strrchr(program, '/') - program), program);
    if (access(text_string(&script), R_OK) == 0) {
        become_python(script.data, build.data, words);
    } else {
        say(stderr, "ipc-cts: the self-test needs the source tree; start the ipc-cts "
                    "of a build tree\n");
    }
    text_finish(&script);
    text_finish(&build);
    return EXIT_INTERNAL;
}

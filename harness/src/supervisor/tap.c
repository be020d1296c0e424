/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become_writer(unsigned dialect, const char *events, int output)
{
    static char python[] = CTS_PYTHON;
    /* No cache files, and no module of the current directory. */
    static char isolated[] = "-BP";
    static char module_flag[] = "-m";
    static char module[] = "ctsreport.tap";
    static char format_flag[] = "--format";
    static char format_13[] = "13";
    static char format_14[] = "14";
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    static char lang[] = "LANG=C.UTF-8";
    static char modules[] = "PYTHONPATH=" CTS_REPORTS_DIR;
    char *events_word = copy_string(events);
    char *argv[] = {python,      isolated,    module_flag,
                    module,      format_flag, dialect == 14 ? format_14 : format_13,
                    events_word, NULL};
    char *environment[] = {path, lang, modules, NULL};
    sigset_t none;
    if ((output == 1 || dup2(output, 1) == 1) && sigemptyset(&none) == 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR) {
        (void)execve(python, argv, environment);
    }
    _exit(127);
}

void tap_bail_out(unsigned dialect, const char *reason, const char *file)
{
    if (dialect == 0) {
        return;
    }
    FILE *output = file == NULL ? stdout : fopen(file, "w");
    if (output == NULL) {
        say(stderr, "ipc-cts: the TAP file cannot be written: %s\n", strerror(errno));
        return;
    }
    say(output, "TAP version %u\nBail out! %s\n", dialect, reason);
    bool written = output == stdout ? fflush(output) == 0 : fclose(output) == 0;
    if (!written) {
        say(stderr, "ipc-cts: the TAP stream cannot be written: %s\n", strerror(errno));
    }
}

bool tap_write(unsigned dialect, const char *events, const char *file)
{
    int output = 1;
    if (file != NULL) {
        output = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (output < 0) {
            struct text name = {0};
            text_visible(&name, file);
            say(stderr, "ipc-cts: cannot write %s: %s\n", text_string(&name), strerror(errno));
            text_finish(&name);
            return false;
        }
    }
    (void)fflush(stdout);
    (void)fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) {
        become_writer(dialect, events, output);
    }
    int error = errno;
    if (file != NULL) {
        (void)close(output);
    }
    if (pid < 0) {
        say(stderr, "ipc-cts: cannot start the TAP writer: %s\n", strerror(error));
        return false;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    if (WIFEXITED(status)) {
        say(stderr, "ipc-cts: the TAP writer failed with status %d\n", WEXITSTATUS(status));
    } else {
        say(stderr, "ipc-cts: the TAP writer was killed by signal %d\n", WTERMSIG(status));
    }
    return false;
}

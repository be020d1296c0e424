/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"
#include "exit_code.h"
#include "last_run.h"
#include "launch.h"
#include "places.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOCUMENTS_WORDS_FIXED 10u
#define DOCUMENTS_OF_RUN_MAX 7u

/* The directory of the package. */
static bool find_package(struct text *directory)
{
    struct text file = {0};
    text_printf(&file, "%s/ctsreport/__main__.py", place_of(PLACE_REPORTS));
    bool there = access(text_string(&file), R_OK) == 0;
    text_finish(&file);
    if (there) {
        text_puts(directory, place_of(PLACE_REPORTS));
        return true;
    }
    say(stderr, "ipc-cts: the package ctsreport is neither installed beside the command nor in its "
                "source tree; install ipc-cts as a whole\n");
    return false;
}

/* Nothing of the caller's environment gets in, no cache files are written, and no module of the
 * current directory or of the user is loaded. Comes back when python cannot be started. */
static void become_python(char *const *words, const char *package)
{
    static char path[] = "PATH=" LAUNCH_PATH;
    static char lang[] = "LANG=C.UTF-8";
    struct text modules = {0};
    text_printf(&modules, "PYTHONPATH=%s", package);
    char *environment[] = {path, lang, modules.data, NULL};
    sigset_t none;
    if (sigemptyset(&none) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
        signal(SIGPIPE, SIG_DFL) != SIG_ERR) {
        (void)execve(words[0], words, environment);
    }
    say(stderr, "ipc-cts: cannot start %s: %s; install python3\n", words[0], strerror(errno));
    text_finish(&modules);
}

/* The start of every command line; the caller adds its own words. `count` is set. */
static char **new_words(size_t more, size_t *count)
{
    static char python[] = CTS_PYTHON;
    static char isolated[] = "-BPs";
    static char module_flag[] = "-m";
    static char module[] = "ctsreport";
    char **words = allocate((DOCUMENTS_WORDS_FIXED + more) * sizeof(words[0]));
    words[0] = python;
    words[1] = isolated;
    words[2] = module_flag;
    words[3] = module;
    *count = 4;
    return words;
}

int command_documents(const struct options *options)
{
    static char last_flag[] = "--last-run";
    static char program_flag[] = "--program";
    char *program = copy_string(place_of_program());
    struct text package = {0};
    struct text last = {0};
    size_t count = 0;
    if (find_package(&package)) {
        char **words = new_words(options->id_count, &count);
        char *verb = copy_string(options_verb_name(options->verb));
        if (last_run_path(&last)) {
            words[count++] = last_flag;
            words[count++] = last.data;
        }
        if (program[0] != '\0') { /* certify runs it */
            words[count++] = program_flag;
            words[count++] = program;
        }
        words[count++] = verb;
        for (size_t i = 0; i < options->id_count; i++) {
            words[count++] = options->ids[i];
        }
        words[count] = NULL;
        (void)say_out(stdout);
        become_python(words, text_string(&package));
        free(verb);
        free(words);
    }
    free(program);
    text_finish(&last);
    text_finish(&package);
    return EXIT_INTERNAL;
}

/* "junit=FILE". */
static void add_document(char **words, size_t *count, const char *format, const char *file)
{
    if (file != NULL) {
        struct text word = {0};
        text_printf(&word, "%s=%s", format, file);
        words[(*count)++] = copy_string(text_string(&word));
        text_finish(&word);
    }
}

/* The exit status; -1 when it has none. */
static int wait_for_python(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        say(stderr, "ipc-cts: the report writer was killed by signal %d\n", WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs `words` and gives the exit status; -1 when there is none. With `to_stderr` nothing goes to
 * stdout. */
static int call_python(char *const *words, bool to_stderr)
{
    struct text package = {0};
    int status = -1;
    if (find_package(&package)) {
        (void)say_out(stdout);
        (void)fflush(stderr);
        pid_t pid = fork();
        if (pid == 0) {
            if (!to_stderr || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) {
                become_python(words, text_string(&package));
            }
            _exit(EXIT_INTERNAL);
        }
        if (pid < 0) {
            say(stderr, "ipc-cts: cannot start the report writer: %s\n", strerror(errno));
        } else {
            status = wait_for_python(pid);
        }
    }
    text_finish(&package);
    return status;
}

bool documents_write(const struct options *options, const char *events)
{
    static char verb[] = "write";
    size_t count = 0;
    char **words = new_words(DOCUMENTS_OF_RUN_MAX, &count);
    words[count++] = verb;
    size_t own = count; /* from here on words are to be released */
    words[count++] = copy_string(events);
    if (options->waivers != NULL) {
        words[count++] = copy_string("--waivers");
        words[count++] = copy_string(options->waivers);
    }
    size_t fixed = count;
    if (options->tap != 0) {
        add_document(words, &count, options->tap == 14 ? "tap14" : "tap13",
                     options->tap_file != NULL ? options->tap_file : "-");
    }
    add_document(words, &count, "junit", options->junit);
    add_document(words, &count, "json", options->json_file);
    add_document(words, &count, "html", options->html);
    add_document(words, &count, "matrix", options->matrix);
    add_document(words, &count, "lcov", options->lcov);
    add_document(words, &count, "annotations", options->annotations);
    words[count] = NULL;
    bool good = count == fixed;
    if (!good) {
        int status = call_python(words, false);
        good = status == 0;
        if (status == 1) { /* Python's own code for a defect of the writer */
            say(stderr, "ipc-cts: the report writer failed\n");
        }
    }
    for (size_t i = own; i < count; i++) {
        free(words[i]);
    }
    free(words);
    return good;
}

bool documents_add_coverage(const char *events, const char *data, const char *library)
{
    static char verb[] = "add-coverage";
    size_t count = 0;
    char **words = new_words(3, &count);
    words[count++] = verb;
    size_t own = count;
    words[count++] = copy_string(events);
    words[count++] = copy_string(data);
    words[count++] = copy_string(library);
    words[count] = NULL;
    int status = call_python(words, true);
    for (size_t i = own; i < count; i++) {
        free(words[i]);
    }
    free(words);
    return status == 0;
}

/* `waivers FILE [EVENTS]`. */
static int call_waivers(const struct options *options, const char *events)
{
    static char verb[] = "waivers";
    size_t count = 0;
    char **words = new_words(2, &count);
    words[count++] = verb;
    size_t own = count;
    words[count++] = copy_string(options->waivers);
    if (events != NULL) {
        words[count++] = copy_string(events);
    }
    words[count] = NULL;
    int status = call_python(words, options->tap != 0 && options->tap_file == NULL);
    for (size_t i = own; i < count; i++) {
        free(words[i]);
    }
    free(words);
    return status;
}

int documents_check_waivers(const struct options *options)
{
    int status = call_waivers(options, NULL);
    return status == EXIT_CONFORMANT || status == EXIT_USAGE ? status : EXIT_INTERNAL;
}

int documents_judge_waivers(const struct options *options, const char *events)
{
    int status = call_waivers(options, events);
    bool known =
        status == EXIT_CONFORMANT || status == EXIT_DEVIATES || status == EXIT_INCONCLUSIVE;
    return known ? status : EXIT_INTERNAL;
}

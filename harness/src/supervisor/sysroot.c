/* SPDX-License-Identifier: Apache-2.0 */
#include "sysroot.h"
#include "places.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSROOT_ANSWER_BYTES_MAX 65536u
#define SYSROOT_WORDS_MAX 16

static void add_word(char **argv, size_t *count, const char *word)
{
    argv[(*count)++] = copy_string(word);
}

static void add_pair(char **argv, size_t *count, const char *name, const char *value)
{
    if (value != NULL) {
        add_word(argv, count, name);
        add_word(argv, count, value);
    }
}

/* The builder keeps the caller's environment: compilers are found and set up through it. */
static _Noreturn void become_builder(const struct options *options, int output)
{
    char *argv[SYSROOT_WORDS_MAX] = {NULL};
    size_t count = 0;
    add_word(argv, &count, CTS_PYTHON);
    add_word(argv, &count, "-B");
    add_word(argv, &count, place_of(PLACE_SYSROOT_TOOL));
    add_pair(argv, &count, "--sysroot", options->sysroot);
    add_pair(argv, &count, "--sut", options->sut);
    add_pair(argv, &count, "--adapter", options->adapter);
    add_pair(argv, &count, "--cc", options->cc);
    add_pair(argv, &count, "--default-cc", CTS_DEFAULT_CC);
    sigset_t none;
    /* When this command dies, the build ends. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if ((output == 1 || dup2(output, 1) == 1) && sigemptyset(&none) == 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR) {
        (void)execv(argv[0], argv);
    }
    _exit(127);
}

/* Everything the builder says, and its wait status; false when it could not be started. */
static bool ask_builder(const struct options *options, struct text *answer, int *status)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return false;
    }
    (void)say_out(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        become_builder(options, fds[1]);
    }
    (void)close(fds[1]);
    char bytes[4096];
    ssize_t size = pid < 0 ? 0 : 1;
    while (size > 0 || (size < 0 && errno == EINTR)) {
        size = read(fds[0], bytes, sizeof(bytes));
        if (size > 0 && answer->size < SYSROOT_ANSWER_BYTES_MAX) {
            text_add(answer, bytes, (size_t)size);
        }
    }
    (void)close(fds[0]);
    while (pid > 0 && waitpid(pid, status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0;
}

static char *member_copy(const cJSON *object, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return value != NULL ? copy_string(value) : NULL;
}

static bool read_answer(struct sysroot *sysroot, const struct text *answer, int status,
                        struct text *error)
{
    cJSON *object = cJSON_ParseWithLength(text_string(answer), answer->size);
    const char *problem = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "error"));
    sysroot->worker = member_copy(object, "worker");
    sysroot->library = member_copy(object, "library");
    sysroot->adapter = member_copy(object, "adapter");
    sysroot->include = member_copy(object, "include");
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && sysroot->worker != NULL &&
                sysroot->library != NULL && sysroot->include != NULL;
    if (problem != NULL) {
        text_visible(error, problem);
    } else if (!good) {
        text_printf(error, "the worker for the sysroot was not built: %s ended with %s %d",
                    place_of(PLACE_SYSROOT_TOOL), WIFEXITED(status) ? "status" : "signal",
                    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    cJSON_Delete(object);
    return good && problem == NULL;
}

bool sysroot_prepare(struct sysroot *sysroot, const struct options *options, struct text *error)
{
    struct text answer = {0};
    int status = 0;
    *sysroot = (struct sysroot){0};
    bool good = ask_builder(options, &answer, &status);
    if (!good) {
        text_printf(error, "the builder of the worker cannot be started: %s", strerror(errno));
    } else {
        good = read_answer(sysroot, &answer, status, error);
    }
    text_finish(&answer);
    return good;
}

void sysroot_finish(struct sysroot *sysroot)
{
    free(sysroot->worker);
    free(sysroot->library);
    free(sysroot->adapter);
    free(sysroot->include);
    *sysroot = (struct sysroot){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "last_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_RUN_PIECE_MAX (1u << 20)

bool last_run_path(struct text *path)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        text_printf(path, "%s/ipc-cts/events.jsonl", state);
        return true;
    }
    if (home != NULL && home[0] == '/') {
        text_printf(path, "%s/.local/state/ipc-cts/events.jsonl", home);
        return true;
    }
    return false;
}

/* Makes the directories above the file, those of the user alone. */
static bool make_directories(const char *file)
{
    char *path = copy_string(file);
    bool good = true;
    for (char *slash = strchr(path + 1, '/'); slash != NULL && good;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        good = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
    }
    free(path);
    return good;
}

static bool copy_content(const char *from, const char *to)
{
    int input = open(from, O_RDONLY | O_CLOEXEC);
    int output = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t size = input >= 0 && output >= 0 ? 1 : -1;
    while (size > 0) {
        size = sendfile(output, input, NULL, LAST_RUN_PIECE_MAX);
    }
    if (input >= 0) {
        (void)close(input);
    }
    bool closed = output >= 0 && close(output) == 0;
    return size == 0 && closed;
}

static bool make_link(const char *log, const char *to)
{
    char *target = realpath(log, NULL);
    bool good = target != NULL && symlink(target, to) == 0;
    free(target);
    return good;
}

bool last_run_keep(const char *log, bool copy)
{
    struct text path = {0};
    struct text fresh = {0};
    bool good = last_run_path(&path) && make_directories(text_string(&path));
    if (good) {
        text_printf(&fresh, "%s.%ld", text_string(&path), (long)getpid());
        const char *to = text_string(&fresh);
        good = (unlink(to) == 0 || errno == ENOENT) &&
               (copy ? copy_content(log, to) : make_link(log, to)) &&
               rename(to, text_string(&path)) == 0;
        if (!good) {
            (void)unlink(to);
        }
    }
    text_finish(&fresh);
    text_finish(&path);
    return good;
}

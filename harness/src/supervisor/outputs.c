/* SPDX-License-Identifier: Apache-2.0 */
#include "outputs.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUTS_MAX 8u

struct output_file {
    const char *option;
    const char *path;
    bool in_place; /* a file that is there is written to, not replaced */
    char *place;   /* the same for two names of one file; null for what takes several documents */
};

/* The file by its real directory. Null when there is no such directory. */
static char *place_of(const char *path)
{
    char *for_directory = copy_string(path);
    char *for_name = copy_string(path);
    char *directory = realpath(dirname(for_directory), NULL);
    struct text place = {0};
    if (directory != NULL) {
        text_printf(&place, "%s/%s", directory, basename(for_name));
    }
    free(for_directory);
    free(for_name);
    free(directory);
    return place.data;
}

static bool is_directory_name(const char *path)
{
    size_t length = strlen(path);
    return length != 0 && path[length - 1] == '/';
}

/* Sets `place`. 0, or why nothing can be written there. */
static int examine(struct output_file *file)
{
    struct stat status;
    if (file->path[0] == '\0') {
        return ENOENT;
    }
    bool there = stat(file->path, &status) == 0;
    if (!there && errno != ENOENT) {
        return errno;
    }
    if ((there && S_ISDIR(status.st_mode)) || (!there && is_directory_name(file->path))) {
        return EISDIR;
    }
    if (there && access(file->path, W_OK) != 0) {
        return errno;
    }
    if (there && !S_ISREG(status.st_mode)) {
        return 0;
    }
    file->place = place_of(file->path);
    /* A document takes the place of the old one when it is whole, so it needs the directory. */
    if (there && file->in_place) {
        return 0;
    }
    char *copy = copy_string(file->path);
    int code = access(dirname(copy), W_OK | X_OK) == 0 ? 0 : errno;
    free(copy);
    return code;
}

static void say_wrong(const struct output_file *file, const char *why, struct text *error)
{
    text_printf(error, "cannot write %s ", file->option);
    text_visible(error, file->path[0] != '\0' ? file->path : "''");
    text_printf(error, ": %s", why);
}

bool outputs_check(const struct options *options, struct text *error)
{
    bool prints = options->annotations != NULL && strcmp(options->annotations, "-") == 0;
    struct output_file files[OUTPUTS_MAX] = {
        {"--events", options->events, true, NULL},
        {"--tap-file", options->tap_file, false, NULL},
        {"--junit", options->junit, false, NULL},
        {"--json", options->json_file, false, NULL},
        {"--html", options->html, false, NULL},
        {"--matrix", options->matrix, false, NULL},
        {"--lcov", options->lcov, false, NULL},
        {"--annotations", prints ? NULL : options->annotations, false, NULL},
    };
    for (size_t i = 0; i < OUTPUTS_MAX && error->size == 0; i++) {
        int code = files[i].path != NULL ? examine(&files[i]) : 0;
        if (code != 0) {
            say_wrong(&files[i], strerror(code), error);
        }
        for (size_t j = 0; j < i && files[i].place != NULL; j++) {
            if (files[j].place != NULL && strcmp(files[i].place, files[j].place) == 0) {
                struct text why = {0};
                text_printf(&why, "it is the file of %s, too", files[j].option);
                say_wrong(&files[i], text_string(&why), error);
                text_finish(&why);
            }
        }
    }
    for (size_t i = 0; i < OUTPUTS_MAX; i++) {
        free(files[i].place);
    }
    return error->size == 0;
}

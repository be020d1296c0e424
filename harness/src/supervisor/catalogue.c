/* SPDX-License-Identifier: Apache-2.0 */
#include "catalogue.h"
#include "clock.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#define CATALOGUE_LIST_BYTES_MAX (16u * 1024u * 1024u)
#define CATALOGUE_LIST_LIMIT_NS 30000000000ull

const struct cts_requirement *requirement_find(const char *id)
{
    for (size_t i = 0; i < cts_requirement_count; i++) {
        if (strcasecmp(cts_requirements[i].id, id) == 0) {
            return &cts_requirements[i];
        }
    }
    return NULL;
}

bool requirement_in_profile(const struct cts_requirement *requirement, const char *profile)
{
    size_t length = strlen(profile);
    const char *at = requirement->profiles;
    while (at != NULL && *at != '\0') {
        size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, profile, length) == 0) {
            return true;
        }
        at += word + strspn(at + word, " ");
    }
    return false;
}

const char *requirement_strength(const struct cts_requirement *requirement, const char *profile)
{
    static const char *const words[] = {"must", "derived", "open"};
    size_t length = profile != NULL ? strlen(profile) : 0;
    const char *at = requirement->strength_in;
    while (length != 0 && at != NULL && *at != '\0') {
        size_t pair = strcspn(at, " ");
        bool named = pair > length && at[length] == '=' && strncmp(at, profile, length) == 0;
        for (size_t i = 0; named && i < sizeof(words) / sizeof(words[0]); i++) {
            if (strlen(words[i]) == pair - length - 1 &&
                strncmp(at + length + 1, words[i], pair - length - 1) == 0) {
                return words[i];
            }
        }
        at += pair + strspn(at + pair, " ");
    }
    return requirement->strength;
}

const char *case_strength(const struct catalogue_case *item)
{
    return item->strength;
}

const char *case_claim(const struct catalogue_case *item)
{
    return item->requirement != NULL ? item->requirement->claim : item->title;
}

static int compare_ids(const void *left, const void *right)
{
    return strcasecmp(((const struct catalogue_place *)left)->id,
                      ((const struct catalogue_place *)right)->id);
}

const struct catalogue_case *catalogue_find(const struct catalogue *catalogue, const char *id)
{
    const struct catalogue_place wanted = {.id = id};
    const struct catalogue_place *found = bsearch(&wanted, catalogue->by_id, catalogue->count,
                                                  sizeof(catalogue->by_id[0]), compare_ids);
    return found != NULL ? &catalogue->cases[found->position] : NULL;
}

static int compare_review(const void *id, const void *review)
{
    return strcmp(id, ((const struct cts_review *)review)->case_id);
}

/* Null, or why the case is suspect. */
static char *find_suspicion(const struct catalogue_case *item)
{
    const char *now = item->requirement != NULL ? item->requirement->fingerprint : NULL;
    const struct cts_review *review =
        bsearch(item->id, cts_reviews, cts_review_count, sizeof(cts_reviews[0]), compare_review);
    const char *reviewed = review != NULL ? review->fingerprint : NULL;
    struct text text = {0};
    if (reviewed == NULL) {
        text_puts(&text, "no review is recorded");
    } else if (now == NULL || strcmp(reviewed, now) != 0) {
        text_printf(&text, "reviewed against %s, and %s reads %s now", reviewed,
                    item->requirement_id, now != NULL ? now : "nothing");
    }
    char *why = text.size != 0 ? copy_string(text_string(&text)) : NULL;
    text_finish(&text);
    return why;
}

/* AREA-NN.k; gives the length of the requirement's part, 0 when it is not one. */
static size_t requirement_length(const char *id)
{
    size_t area = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    if (area == 0 || (id[0] >= '0' && id[0] <= '9') || id[area] != '-') {
        return 0;
    }
    size_t number = strspn(id + area + 1, "0123456789");
    const char *dot = id + area + 1 + number;
    if (number == 0 || *dot != '.') {
        return 0;
    }
    size_t variant = strspn(dot + 1, "0123456789");
    return variant != 0 && dot[1 + variant] == '\0' ? (size_t)(dot - id) : 0;
}

const struct trait_word trait_words[TRAIT_COUNT] = {{CTS_FREE_RUNNING, "free_running"},
                                                    {CTS_EXCLUSIVE, "exclusive"},
                                                    {CTS_LONG, "long"},
                                                    {CTS_OPT_IN, "opt_in"},
                                                    {CTS_SMOKE, "smoke"},
                                                    {CTS_WAITS, "waits"}};

void catalogue_trait_words(unsigned traits, struct text *text)
{
    for (size_t i = 0; i < TRAIT_COUNT; i++) {
        if ((traits & trait_words[i].trait) != 0) {
            text_printf(text, " %s", trait_words[i].word);
        }
    }
}

static unsigned parse_traits(const cJSON *array)
{
    unsigned traits = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array)
    {
        for (size_t i = 0; cJSON_IsString(item) && i < TRAIT_COUNT; i++) {
            if (strcmp(item->valuestring, trait_words[i].word) == 0) {
                traits |= trait_words[i].trait;
            }
        }
    }
    return traits;
}

static char *member_or_empty(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return copy_string(string != NULL ? string : "");
}

static bool add_case(struct catalogue *catalogue, const cJSON *object, struct text *error)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "id"));
    size_t length = id != NULL ? requirement_length(id) : 0;
    if (length == 0) {
        text_puts(error, "the worker lists a case without a proper id");
        return false;
    }
    catalogue->cases =
        reallocate(catalogue->cases, (catalogue->count + 1) * sizeof(catalogue->cases[0]));
    struct catalogue_case *item = &catalogue->cases[catalogue->count];
    *item = (struct catalogue_case){
        .id = copy_string(id),
        .requirement_id = copy_string(id),
        .title = member_or_empty(object, "title"),
        .file = member_or_empty(object, "file"),
        .layout = member_or_empty(object, "layout"),
        .limit = member_or_empty(object, "limit"),
        .traits = parse_traits(cJSON_GetObjectItemCaseSensitive(object, "traits")),
        .position = catalogue->count};
    item->requirement_id[length] = '\0';
    item->requirement = requirement_find(item->requirement_id);
    item->strength = item->requirement != NULL ? item->requirement->strength : "must";
    item->suspect = find_suspicion(item);
    catalogue->count++;
    return true;
}

/* What is known once all cases are: where each is by its id, and which is the first of its requirement.
 * The ids of one requirement stand together in their order, since a dot sorts before a digit. */
static bool join_cases(struct catalogue *catalogue, struct text *error)
{
    catalogue->by_id = allocate(catalogue->count * sizeof(catalogue->by_id[0]));
    for (size_t i = 0; i < catalogue->count; i++) {
        catalogue->by_id[i] = (struct catalogue_place){catalogue->cases[i].id, i};
    }
    qsort(catalogue->by_id, catalogue->count, sizeof(catalogue->by_id[0]), compare_ids);
    for (size_t begin = 0, end = 0; begin < catalogue->count; begin = end) {
        const char *requirement = catalogue->cases[catalogue->by_id[begin].position].requirement_id;
        size_t first = catalogue->by_id[begin].position;
        for (; end < catalogue->count; end++) {
            const struct catalogue_place *place = &catalogue->by_id[end];
            if (strcmp(catalogue->cases[place->position].requirement_id, requirement) != 0) {
                break;
            }
            if (end > begin && strcasecmp(place->id, catalogue->by_id[end - 1].id) == 0) {
                text_printf(error, "the worker lists %s twice", place->id);
                return false;
            }
            first = place->position < first ? place->position : first;
        }
        for (size_t i = begin; i < end; i++) {
            catalogue->cases[catalogue->by_id[i].position].first = first;
        }
    }
    return true;
}

bool catalogue_parse(struct catalogue *catalogue, const char *lines, size_t size,
                     struct text *error)
{
    size_t at = 0;
    while (at < size) {
        const char *newline = memchr(lines + at, '\n', size - at);
        size_t length = newline != NULL ? (size_t)(newline - (lines + at)) : size - at;
        if (length != 0) {
            cJSON *object = cJSON_ParseWithLength(lines + at, length);
            bool good = cJSON_IsObject(object);
            if (!good) {
                text_puts(error, "the worker's list of cases is not JSON");
            }
            good = good && add_case(catalogue, object, error);
            cJSON_Delete(object);
            if (!good) {
                return false;
            }
        }
        at += length + 1;
    }
    if (catalogue->count == 0) {
        text_puts(error, "the worker lists no cases");
        return false;
    }
    return join_cases(catalogue, error);
}

/* Runs the worker with one flag and collects what it writes. No library is loaded in it. */
static bool read_list(const char *worker, const char *flag, struct text *lines, int *status)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        if (sigemptyset(&none) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0 ||
            dup2(fds[1], 1) != 1) {
            _exit(127);
        }
        (void)execl(worker, worker, flag, (char *)NULL);
        _exit(127);
    }
    (void)close(fds[1]);
    bool good = pid > 0;
    uint64_t deadline = clock_now_ns() + CATALOGUE_LIST_LIMIT_NS;
    while (good) {
        char bytes[16384];
        struct pollfd ready = {.fd = fds[0], .events = POLLIN};
        int count = poll(&ready, 1, clock_left_ms(deadline));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        ssize_t size = count > 0 ? read(fds[0], bytes, sizeof(bytes)) : -1;
        if (size == 0) {
            break;
        }
        good = size > 0 && lines->size < CATALOGUE_LIST_BYTES_MAX;
        text_add(lines, bytes, size > 0 ? (size_t)size : 0);
    }
    (void)close(fds[0]);
    if (pid > 0) {
        if (!good) {
            (void)kill(pid, SIGKILL);
        }
        while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
        }
    }
    return good;
}

static bool load_list(const char *worker, const char *flag, struct text *lines, struct text *error)
{
    int status = 0;
    if (access(worker, X_OK) != 0) {
        text_puts(error, "cannot run the worker ");
        text_visible(error, worker);
        text_printf(error, ": %s", strerror(errno));
        return false;
    }
    if (!read_list(worker, flag, lines, &status) || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        text_visible(error, worker);
        text_printf(error, " %s did not work", flag);
        return false;
    }
    return true;
}

bool catalogue_load(struct catalogue *catalogue, const char *worker, struct text *error)
{
    struct text lines = {0};
    bool good = load_list(worker, "--list", &lines, error) &&
                catalogue_parse(catalogue, text_string(&lines), lines.size, error);
    text_finish(&lines);
    return good;
}

bool catalogue_load_model(struct text *lines, const char *worker, struct text *error)
{
    return load_list(worker, "--list-model", lines, error);
}

void catalogue_finish(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        struct catalogue_case *item = &catalogue->cases[i];
        free(item->id);
        free(item->requirement_id);
        free(item->title);
        free(item->file);
        free(item->layout);
        free(item->limit);
        free(item->suspect);
    }
    free(catalogue->cases);
    free(catalogue->by_id);
    *catalogue = (struct catalogue){0};
}

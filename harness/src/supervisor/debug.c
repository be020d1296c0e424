/* SPDX-License-Identifier: Apache-2.0 */
/* `ipc-cts debug`: one case in one process, which this one becomes. No keeper, no limits. */
#include "catalogue.h"
#include "commands.h"
#include "exit_code.h"
#include "target.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_WORDS_MAX (32 + EXEC_WRAPPER_WORDS_MAX)

/* The function in which the library usually goes wrong when a case of the area fails. */
static const char *entry_of(const char *id)
{
    static const struct {
        const char *area;
        const char *function;
    } entries[] = {
        {"OBJ-", "KnIpcCreateSyncObject"}, {"CALL-", "CallEx"}, {"RECV-", "RecvEx"},
        {"STATE-", "KnIpcSetInterrupt"},   {"XFER-", "CallEx"}, {"LIFE-", "KnHandleClose"}};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (strncmp(id, entries[i].area, strlen(entries[i].area)) == 0) {
            return entries[i].function;
        }
    }
    return "KnIpcSetInterrupt";
}

struct words {
    const char *items[DEBUG_WORDS_MAX];
    size_t count;
};

static void add_word(struct words *words, const char *word)
{
    if (words->count + 1 < DEBUG_WORDS_MAX) {
        words->items[words->count++] = word;
        words->items[words->count] = NULL;
    }
}

static void add_worker(struct words *words, const struct options *options,
                       const struct target *target, const char *id, const char *seed)
{
    for (size_t i = 0; i < target->wrapper.count; i++) {
        add_word(words, target->wrapper.words[i]);
    }
    add_word(words, target->worker);
    add_word(words, "--case");
    add_word(words, id);
    add_word(words, "--sut");
    add_word(words, target->sut.path);
    if (target->has_adapter_file) {
        add_word(words, "--adapter");
        add_word(words, target->adapter.path);
    }
    if (target->claims != NULL) {
        add_word(words, "--claims");
        add_word(words, target->claims);
    }
    if (seed != NULL) {
        add_word(words, "--seed");
        add_word(words, seed);
    }
    if (options->wanted.extent != CTS_EXTENT_STANDARD) {
        add_word(words, "--extent");
        add_word(words, extent_word(options->wanted.extent));
    }
    add_word(words, "--debug");
}

static void add_gdb(struct words *words, const char *stop)
{
    static const char *const begin[] = {"gdb", "-q", "-ex", "set breakpoint pending on", "-ex"};
    for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
        add_word(words, begin[i]);
    }
    add_word(words, stop);
    add_word(words, "-ex");
    add_word(words, "run");
    add_word(words, "--args");
}

static void print_words(const struct words *words)
{
    struct text line = {0};
    for (size_t i = 0; i < words->count; i++) {
        text_puts(&line, i == 0 ? "" : " ");
        text_shell_word(&line, words->items[i]);
    }
    say(stdout, "%s\n", text_string(&line));
    (void)say_out(stdout);
    text_finish(&line);
}

/* Becomes the program, which is searched for on the caller's path: this is the caller's session. */
static int become(const struct words *words)
{
    char *argv[DEBUG_WORDS_MAX];
    for (size_t i = 0; i < words->count; i++) {
        argv[i] = copy_string(words->items[i]);
    }
    argv[words->count] = NULL;
    (void)execvp(argv[0], argv);
    say(stderr, "ipc-cts: cannot start %s: %s\n", argv[0], strerror(errno));
    return EXIT_INTERNAL;
}

static int debug_case(const struct options *options, const struct target *target, const char *id)
{
    struct words worker = {.count = 0};
    struct words gdb = {.count = 0};
    struct text seed = {0};
    struct text stop = {0};
    text_printf(&seed, "%u", (unsigned)options->seed);
    text_printf(&stop, "break %s", entry_of(id));
    const char *seed_word = options->seed_given ? text_string(&seed) : NULL;
    add_worker(&worker, options, target, id, seed_word);
    add_gdb(&gdb, text_string(&stop));
    add_worker(&gdb, options, target, id, seed_word);
    print_words(&gdb);
    int code = become(options->gdb ? &gdb : &worker);
    text_finish(&seed);
    text_finish(&stop);
    return code;
}

int command_debug(const struct options *options)
{
    struct catalogue catalogue = {0};
    struct target target = {0};
    struct text error = {0};
    int code = EXIT_USAGE;
    const struct catalogue_case *item = NULL;
    if (!catalogue_load(&catalogue, options->worker, &error)) {
        code = EXIT_INTERNAL;
    } else if (catalogue_select(&catalogue, options->ids, options->id_count, NULL, true, &error) ==
               SELECTION_UNKNOWN) {
        code = EXIT_USAGE;
    } else if ((item = catalogue_find(&catalogue, options->ids[0])) == NULL) {
        text_clear(&error);
        text_printf(&error, "debug runs one case; `%s list %s` shows the cases of %s",
                    options->program, options->ids[0], options->ids[0]);
    } else if (target_open(&target, options, &error)) {
        code = debug_case(options, &target, item->id);
    }
    if (error.size != 0) {
        say(stderr, "ipc-cts: %s\n", text_string(&error));
    }
    text_finish(&error);
    target_finish(&target);
    catalogue_finish(&catalogue);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The ipc-cts command. */
#include "commands.h"
#include "documents.h"
#include "exit_code.h"
#include "selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A caller that closed 0, 1 or 2 would have us write messages into our own files. */
static void open_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= 2);
    if (fd < 0) {
        fatal("cannot open /dev/null");
    }
    (void)close(fd);
}

/* The exit code, when what was said has arrived. A reader who has seen enough is no error. */
static int check_stdout(int code)
{
    int error = say_out(stdout);
    if (error == 0 || error == EPIPE) {
        return code;
    }
    say(stderr, "ipc-cts: cannot write to stdout: %s\n", strerror(error));
    return EXIT_INTERNAL;
}

static int perform(int argc, char **argv)
{
    struct options options;
    if (argc > 1 && strcmp(argv[1], "selftest") == 0) {
        return command_selftest(argv + 2); /* it has options of its own */
    }
    if (argc > 2 && strcmp(argv[1], "help") == 0 && strcmp(argv[2], "selftest") == 0) {
        static char help[] = "--help";
        char *words[] = {help, NULL};
        return command_selftest(words);
    }
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE:
        return EXIT_CONFORMANT;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    switch (options.verb) {
    case VERB_LIST:
        return command_list(&options);
    case VERB_SHOW:
        return command_show(&options);
    case VERB_DOCTOR:
        return command_doctor(&options);
    case VERB_RUN:
        return command_run(&options);
    case VERB_DEBUG:
        return command_debug(&options);
    case VERB_EXPLAIN:
    case VERB_MATRIX:
    case VERB_REPORT:
    case VERB_DIFF:
    case VERB_MERGE:
    case VERB_COVERAGE:
    case VERB_CERTIFICATE:
    case VERB_CERTIFY:
    case VERB_VERIFY:
        return command_documents(&options);
    case VERB_NONE:
    case VERB_COUNT:
        break;
    }
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    return check_stdout(perform(argc, argv));
}

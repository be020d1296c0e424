/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"
#include "claims.h"
#include "places.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum option_key {
    KEY_HELP = 'h',
    KEY_QUIET = 'q',
    KEY_VERBOSE = 'v',
    KEY_JOBS = 'j',
    KEY_SUT = 256,
    KEY_ADAPTER,
    KEY_CLAIMS,
    KEY_SYSROOT,
    KEY_CC,
    KEY_EXEC_WRAPPER,
    KEY_WORKER,
    KEY_PROFILE,
    KEY_TIMEOUT_FACTOR,
    KEY_REPEAT,
    KEY_SHARD,
    KEY_WAIVERS,
    KEY_SUT_VERSION,
    KEY_SHUFFLE,
    KEY_SEED,
    KEY_STOP_ON_FAIL,
    KEY_STRICT,
    KEY_OPT_IN,
    KEY_TAP,
    KEY_TAP_FILE,
    KEY_JUNIT,
    KEY_JSON_FILE,
    KEY_HTML,
    KEY_MATRIX,
    KEY_LCOV,
    KEY_ANNOTATIONS,
    KEY_COVERAGE,
    KEY_EVENTS,
    KEY_COLOR,
    KEY_JSON,
    KEY_GDB,
    KEY_VERSION,
};

#define FOR(verb) (1u << (verb))
#define FOR_ALL                                                                                    \
    (FOR(VERB_LIST) | FOR(VERB_SHOW) | FOR(VERB_DOCTOR) | FOR(VERB_RUN) | FOR(VERB_DEBUG))
#define FOR_SUT (FOR(VERB_DOCTOR) | FOR(VERB_RUN) | FOR(VERB_DEBUG))

static const struct {
    struct option option;
    unsigned verbs;
} known_options[] = {
    {{"help", no_argument, NULL, KEY_HELP}, FOR_ALL},
    {{"version", no_argument, NULL, KEY_VERSION}, FOR_ALL},
    /* Not in the help: the worker of another build. */
    {{"worker", required_argument, NULL, KEY_WORKER}, FOR_ALL},
    {{"sut", required_argument, NULL, KEY_SUT}, FOR_SUT},
    {{"adapter", required_argument, NULL, KEY_ADAPTER}, FOR_SUT},
    {{"claims", required_argument, NULL, KEY_CLAIMS}, FOR_SUT},
    {{"sysroot", required_argument, NULL, KEY_SYSROOT}, FOR_SUT | FOR(VERB_LIST)},
    {{"cc", required_argument, NULL, KEY_CC}, FOR_SUT | FOR(VERB_LIST)},
    {{"exec-wrapper", required_argument, NULL, KEY_EXEC_WRAPPER}, FOR_SUT | FOR(VERB_LIST)},
    {{"timeout-factor", required_argument, NULL, KEY_TIMEOUT_FACTOR},
     FOR(VERB_RUN) | FOR(VERB_DOCTOR)},
    {{"seed", required_argument, NULL, KEY_SEED}, FOR(VERB_RUN) | FOR(VERB_DEBUG)},
    {{"color", required_argument, NULL, KEY_COLOR}, FOR(VERB_RUN) | FOR(VERB_DOCTOR)},
    {{"profile", required_argument, NULL, KEY_PROFILE},
     FOR(VERB_RUN) | FOR(VERB_LIST) | FOR(VERB_DOCTOR) | FOR(VERB_DEBUG)},
    {{"jobs", required_argument, NULL, KEY_JOBS}, FOR(VERB_RUN)},
    {{"repeat", required_argument, NULL, KEY_REPEAT}, FOR(VERB_RUN)},
    {{"shard", required_argument, NULL, KEY_SHARD}, FOR(VERB_RUN)},
    {{"waivers", required_argument, NULL, KEY_WAIVERS}, FOR(VERB_RUN)},
    {{"sut-version", required_argument, NULL, KEY_SUT_VERSION}, FOR(VERB_RUN)},
    {{"shuffle", no_argument, NULL, KEY_SHUFFLE}, FOR(VERB_RUN)},
    {{"stop-on-fail", no_argument, NULL, KEY_STOP_ON_FAIL}, FOR(VERB_RUN)},
    {{"strict", no_argument, NULL, KEY_STRICT}, FOR(VERB_RUN)},
    {{"opt-in", no_argument, NULL, KEY_OPT_IN}, FOR(VERB_RUN)},
    {{"tap", optional_argument, NULL, KEY_TAP}, FOR(VERB_RUN)},
    {{"tap-file", required_argument, NULL, KEY_TAP_FILE}, FOR(VERB_RUN)},
    {{"junit", required_argument, NULL, KEY_JUNIT}, FOR(VERB_RUN)},
    {{"json", required_argument, NULL, KEY_JSON_FILE}, FOR(VERB_RUN)},
    {{"html", required_argument, NULL, KEY_HTML}, FOR(VERB_RUN)},
    {{"matrix", required_argument, NULL, KEY_MATRIX}, FOR(VERB_RUN)},
    {{"lcov", required_argument, NULL, KEY_LCOV}, FOR(VERB_RUN)},
    {{"annotations", required_argument, NULL, KEY_ANNOTATIONS}, FOR(VERB_RUN)},
    {{"coverage", no_argument, NULL, KEY_COVERAGE}, FOR(VERB_RUN)},
    {{"events", required_argument, NULL, KEY_EVENTS}, FOR(VERB_RUN)},
    {{"quiet", no_argument, NULL, KEY_QUIET}, FOR(VERB_RUN)},
    {{"verbose", no_argument, NULL, KEY_VERBOSE}, FOR(VERB_RUN)},
    {{"json", no_argument, NULL, KEY_JSON}, FOR(VERB_LIST)},
    {{"gdb", no_argument, NULL, KEY_GDB}, FOR(VERB_DEBUG)},
};
#define KNOWN_COUNT (sizeof(known_options) / sizeof(known_options[0]))

static const char *const verb_names[VERB_COUNT] = {[VERB_NONE] = "",
                                                   [VERB_LIST] = "list",
                                                   [VERB_SHOW] = "show",
                                                   [VERB_DOCTOR] = "doctor",
                                                   [VERB_RUN] = "run",
                                                   [VERB_DEBUG] = "debug",
                                                   [VERB_EXPLAIN] = "explain",
                                                   [VERB_MATRIX] = "matrix",
                                                   [VERB_REPORT] = "report",
                                                   [VERB_DIFF] = "diff",
                                                   [VERB_MERGE] = "merge",
                                                   [VERB_CERTIFY] = "certify",
                                                   [VERB_COVERAGE] = "coverage",
                                                   [VERB_VERIFY] = "verify",
                                                   [VERB_CERTIFICATE] = "certificate"};

const char *options_verb_name(enum verb verb)
{
    return verb_names[verb];
}

bool options_verb_reads_logs(enum verb verb)
{
    return verb >= VERB_EXPLAIN && verb < VERB_COUNT;
}

static bool wrong_value(const char *what, const char *value, const char *wanted)
{
    struct text line = {0};
    text_printf(&line, "ipc-cts: %s ", what);
    text_visible(&line, value);
    text_printf(&line, " is not %s", wanted);
    say(stderr, "%s\n", text_string(&line));
    text_finish(&line);
    return false;
}

static bool parse_number(const char *what, const char *value, unsigned long most, bool zero,
                         unsigned *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long parsed = strtoul(value, &end, 0);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || parsed > most ||
        (parsed == 0 && !zero)) {
        struct text wanted = {0};
        text_printf(&wanted, "a number from %d to %lu", zero ? 0 : 1, most);
        (void)wrong_value(what, value, text_string(&wanted));
        text_finish(&wanted);
        return false;
    }
    *number = (unsigned)parsed;
    return true;
}

static bool parse_factor(const char *what, const char *value, double *factor)
{
    char *end = NULL;
    double parsed = strtod(value, &end);
    if (end == value || *end != '\0' ||
        !(parsed >= OPTIONS_FACTOR_MIN && parsed <= OPTIONS_FACTOR_MAX)) {
        return wrong_value(what, value, "a factor from 0.1 to 100");
    }
    *factor = parsed;
    return true;
}

/* "2/5". */
static bool parse_shard(const char *value, struct options *options)
{
    unsigned long parts[2] = {0, 0};
    const char *at = value;
    for (int i = 0; i < 2; i++) {
        char *end = NULL;
        parts[i] = *at >= '1' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        if (parts[i] == 0 || parts[i] > OPTIONS_SHARDS_MAX || *end != (i == 0 ? '/' : '\0')) {
            parts[0] = ULONG_MAX;
            break;
        }
        at = end + 1;
    }
    if (parts[0] > parts[1]) {
        return wrong_value("--shard", value, "a part of a number of parts, as in 2/5");
    }
    options->shard_index = (unsigned)parts[0];
    options->shard_count = (unsigned)parts[1];
    return true;
}

/* What reports compare: numbers with dots. */
static bool parse_sut_version(const char *value, const char **version)
{
    size_t length = strlen(value);
    if (length == 0 || length > OPTIONS_VERSION_MAX || strspn(value, "0123456789.") != length ||
        value[0] == '.' || value[length - 1] == '.' || strstr(value, "..") != NULL) {
        return wrong_value("--sut-version", value, "numbers with dots, as in 1.2.0");
    }
    *version = value;
    return true;
}

static bool parse_color(const char *value, enum color *color)
{
    static const char *const words[] = {"auto", "always", "never"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(value, words[i]) == 0) {
            *color = (enum color)i;
            return true;
        }
    }
    return wrong_value("--color", value, "auto, always or never");
}

/* Without a number the dialect that every reader takes. */
static bool parse_tap(const char *value, unsigned *tap)
{
    if (value == NULL || strcmp(value, "-") == 0 || strcmp(value, "13") == 0) {
        *tap = 13;
        return true;
    }
    if (strcmp(value, "14") == 0) {
        *tap = 14;
        return true;
    }
    return wrong_value("--tap", value, "13, 14 or -");
}

static bool parse_claims(const char *value, const char **claims)
{
    struct text why = {0};
    bool good = claims_read(value, claims, &why);
    if (!good) {
        say(stderr, "ipc-cts: --claims: %s\n", text_string(&why));
    }
    text_finish(&why);
    return good;
}

/* Whether the edition exists is for the selection to say. */
static bool take_profile(struct options *options, const char *value)
{
    if (!profile_parse(&options->wanted, value)) {
        return wrong_value("--profile", value,
                           "an edition, an extent (smoke, standard, soak), or both as in "
                           "ce-1.2,soak");
    }
    options->profile = options->wanted.edition[0] != '\0' ? options->wanted.edition : NULL;
    return true;
}

/* The log and the documents. False for a wrong value. */
static bool take_document(struct options *options, int key, const char *value)
{
    switch (key) {
    case KEY_TAP:
        return parse_tap(value, &options->tap);
    case KEY_TAP_FILE:
        options->tap_file = value;
        return true;
    case KEY_JUNIT:
        options->junit = value;
        return true;
    case KEY_JSON_FILE:
        options->json_file = value;
        return true;
    case KEY_HTML:
        options->html = value;
        return true;
    case KEY_MATRIX:
        options->matrix = value;
        return true;
    case KEY_LCOV:
        options->lcov = value;
        options->coverage = true;
        return true;
    case KEY_ANNOTATIONS:
        options->annotations = value;
        return true;
    case KEY_COVERAGE:
        options->coverage = true;
        return true;
    case KEY_EVENTS:
        options->events = value;
        return true;
    default:
        return false;
    }
}

static bool take_option(struct options *options, int key, const char *value)
{
    switch (key) {
    case KEY_SUT:
        options->sut = value;
        return true;
    case KEY_ADAPTER:
        options->adapter = value;
        return true;
    case KEY_CLAIMS:
        return parse_claims(value, &options->claims);
    case KEY_WORKER:
        options->worker = value;
        return true;
    case KEY_SYSROOT:
        options->sysroot = value;
        return true;
    case KEY_EXEC_WRAPPER:
        options->exec_wrapper = value;
        return true;
    case KEY_CC:
        options->cc = value;
        return true;
    case KEY_PROFILE:
        return take_profile(options, value);
    case KEY_TIMEOUT_FACTOR:
        return parse_factor("--timeout-factor", value, &options->timeout_factor);
    case KEY_JOBS:
        return parse_number("--jobs", value, OPTIONS_JOBS_MAX, false, &options->jobs);
    case KEY_REPEAT:
        return parse_number("--repeat", value, OPTIONS_REPEAT_MAX, false, &options->repeat);
    case KEY_SHARD:
        return parse_shard(value, options);
    case KEY_WAIVERS:
        options->waivers = value;
        return true;
    case KEY_SUT_VERSION:
        return parse_sut_version(value, &options->sut_version);
    case KEY_SHUFFLE:
        options->shuffle = true;
        return true;
    case KEY_SEED:
        options->seed_given = true;
        return parse_number("--seed", value, UINT32_MAX, true, &options->seed);
    case KEY_STOP_ON_FAIL:
        options->stop_on_fail = true;
        return true;
    case KEY_STRICT:
        options->strict = true;
        return true;
    case KEY_OPT_IN:
        options->opt_in = true;
        return true;
    case KEY_QUIET:
        options->quiet = true;
        return true;
    case KEY_VERBOSE:
        options->verbose = true;
        return true;
    case KEY_COLOR:
        return parse_color(value, &options->color);
    case KEY_JSON:
        options->json = true;
        return true;
    case KEY_GDB:
        options->gdb = true;
        return true;
    default:
        return take_document(options, key, value);
    }
}

static bool read_environment(struct options *options)
{
    const char *factor = getenv("IPCTS_TIMEOUT_FACTOR");
    const char *seed = getenv("IPCTS_SEED");
    const char *no_color = getenv("NO_COLOR");
    if (no_color != NULL && no_color[0] != '\0') {
        options->color = COLOR_NEVER;
    }
    if (seed != NULL && seed[0] != '\0') {
        options->seed_given = true;
        if (!parse_number("IPCTS_SEED", seed, UINT32_MAX, true, &options->seed)) {
            return false;
        }
    }
    return factor == NULL || factor[0] == '\0' ||
           parse_factor("IPCTS_TIMEOUT_FACTOR", factor, &options->timeout_factor);
}

static enum verb find_verb(const char *word)
{
    for (int i = VERB_LIST; i < VERB_COUNT; i++) {
        if (strcmp(word, verb_names[i]) == 0) {
            return (enum verb)i;
        }
    }
    return VERB_NONE;
}

static void print_version(void)
{
    say(stdout, "ipc-cts %s\n", CTS_VERSION);
}

static enum options_result parse_without_verb(int argc, char **argv, enum verb *topic)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL) {
        help_general(stderr);
        return OPTIONS_WRONG;
    }
    if (strcmp(word, "--version") == 0) {
        print_version();
        return OPTIONS_DONE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        *topic = argc > 2 ? find_verb(argv[2]) : VERB_NONE;
        if (*topic == VERB_NONE && argc > 2) {
            (void)wrong_value("command", argv[2], "a command (try --help)");
            return OPTIONS_WRONG;
        }
        if (*topic == VERB_NONE) {
            help_general(stdout);
        } else if (!options_verb_reads_logs(*topic)) {
            help_verb(stdout, *topic);
        }
        return OPTIONS_DONE;
    }
    (void)wrong_value("command", word, "a command (try --help)");
    return OPTIONS_WRONG;
}

/* What needs a look at several options together. */
static bool check_combination(const struct options *options)
{
    const char *wrong = NULL;
    if (options->verb == VERB_SHOW && options->id_count == 0) {
        wrong = "show needs an id; `ipc-cts list` shows all";
    } else if (options->verb == VERB_DEBUG && options->id_count != 1) {
        wrong = "debug needs the id of one case";
    } else if (options->verb == VERB_DOCTOR && options->id_count != 0) {
        wrong = "doctor takes no ids";
    } else if (options->quiet && options->verbose) {
        wrong = "--quiet and --verbose exclude each other";
    } else if (options->shard_count != 0 && options->shuffle && !options->seed_given) {
        wrong = "--shard with --shuffle needs --seed, the same for every shard";
    } else if (options->shard_count != 0 && options->waivers != NULL) {
        wrong = "waivers are for a whole run: merge the shards, then `ipc-cts report --waivers`";
    } else if (options->coverage && options->exec_wrapper != NULL) {
        wrong =
            "--coverage does not go through an exec wrapper: the counters are on the other side";
    } else if (options->cc != NULL && options->sysroot == NULL) {
        wrong = "--cc is the compiler for the worker of a --sysroot, and there is none";
    } else if (options->sysroot != NULL && strcmp(options->worker, place_of(PLACE_WORKER)) != 0) {
        wrong = "--worker and --sysroot exclude each other: the worker is built for the sysroot";
    }
    const char *const files[] = {options->events, options->junit,  options->json_file,
                                 options->html,   options->matrix, options->lcov};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i] != NULL && strcmp(files[i], "-") == 0) {
            wrong = "only TAP goes to stdout; `ipc-cts report` prints the other documents";
        }
    }
    if (wrong != NULL) {
        say(stderr, "ipc-cts: %s\n", wrong);
    }
    return wrong == NULL;
}

/* Those commands know their own help. */
static enum options_result help_of_log_reader(struct options *options, enum verb verb)
{
    static char help[] = "--help";
    static char *const words[] = {help};
    options->verb = verb;
    options->ids = words;
    options->id_count = 1;
    return OPTIONS_RUN;
}

enum options_result options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){.program = "ipc-cts",
                                .repeat = 1,
                                .timeout_factor = 1.0,
                                .seed = OPTIONS_SEED_DEFAULT,
                                .worker = place_of(PLACE_WORKER)};
    if (argc > 0 && strchr(argv[0], '/') != NULL) {
        options->program = argv[0];
    }
    options->verb = argc > 1 ? find_verb(argv[1]) : VERB_NONE;
    if (options->verb == VERB_NONE) {
        enum verb topic = VERB_NONE;
        enum options_result result = parse_without_verb(argc, argv, &topic);
        return options_verb_reads_logs(topic) ? help_of_log_reader(options, topic) : result;
    }
    if (options_verb_reads_logs(options->verb)) {
        options->ids = argv + 2;
        options->id_count = (size_t)(argc - 2);
        return OPTIONS_RUN;
    }
    if (!read_environment(options)) {
        return OPTIONS_WRONG;
    }
    struct option accepted[KNOWN_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if ((known_options[i].verbs & FOR(options->verb)) != 0) {
            accepted[count++] = known_options[i].option;
        }
    }
    accepted[count] = (struct option){0};
    const char *letters = options->verb == VERB_RUN ? "hqvj:" : "h";

    /* getopt puts the first word in front of its messages. */
    char **words = argv + 1;
    static char prefix[] = "ipc-cts";
    words[0] = prefix;
    int key;
    while ((key = getopt_long(argc - 1, words, letters, accepted, NULL)) != -1) {
        if (key == KEY_HELP) {
            help_verb(stdout, options->verb);
            return OPTIONS_DONE;
        }
        if (key == KEY_VERSION) {
            print_version();
            return OPTIONS_DONE;
        }
        if (key == '?' || !take_option(options, key, optarg)) {
            return OPTIONS_WRONG;
        }
    }
    options->ids = words + optind;
    options->id_count = (size_t)(argc - 1 - optind);
    if (options->tap_file != NULL && options->tap == 0) {
        options->tap = 13;
    }
    if (options->tap_file != NULL && strcmp(options->tap_file, "-") == 0) {
        options->tap_file = NULL; /* as --tap */
    }
    return check_combination(options) ? OPTIONS_RUN : OPTIONS_WRONG;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: one process, one case. Command line in worker_protocol.h. */
#include "event_log.h"
#include "library.h"
#include "task_files.h"
#include "worker_protocol.h"
#include "world.h"

#include <getopt.h>
#include <model.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

/* How much later than its time a worker ends that nobody has ended. */
#define OWN_END_S 30u

struct options {
    bool list;
    bool list_model;
    bool probe;
    bool debug;
    const char *case_id;
    const char *library;
    const char *adapter;
    int log_fd;
    int cpu;
    char *nonce; /* of the stream; null: none */
    const char *directory;
    unsigned limit_ms;
    bool orderly; /* ends by exit(), so that gcov writes its counters */
};

static const struct cts_case *find_case(const char *id)
{
    for (const struct cts_group *const *group = cts_groups; *group != NULL; group++) {
        for (size_t i = 0; i < (*group)->case_count; i++) {
            if (strcmp((*group)->cases[i].id, id) == 0) {
                return &(*group)->cases[i];
            }
        }
    }
    return NULL;
}

static bool list_case(const struct cts_group *group, const struct cts_case *self)
{
    static const struct {
        unsigned trait;
        const char *name;
    } traits[] = {{CTS_FREE_RUNNING, "free_running"},
                  {CTS_EXCLUSIVE, "exclusive"},
                  {CTS_LONG, "long"},
                  {CTS_OPT_IN, "opt_in"},
                  {CTS_SMOKE, "smoke"},
                  {CTS_WAITS, "waits"}};
    const char *names[sizeof traits / sizeof traits[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++) {
        if ((self->traits & traits[i].trait) != 0) {
            names[count++] = traits[i].name;
        }
    }
    /* The path inside the project: reports must not tell where it was built. */
    const char *file = strstr(group->file, "conformance/");
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "id", self->id);
    cts_json_string(&line, "title", self->title);
    cts_json_string(&line, "file", file == NULL ? group->file : file);
    cts_json_string(&line, "layout",
                    self->layout == CTS_ONE_PROCESS ? "one process" : "two processes");
    cts_json_string(&line, "limit", self->limit == CTS_UNLIMITED ? "unlimited" : "limited");
    cts_json_string_list(&line, "traits", names, count);
    cts_json_end(&line);
    return cts_log_answer(&line);
}

static int list_cases(void)
{
    bool good = true;
    for (const struct cts_group *const *group = cts_groups; *group != NULL; group++) {
        for (size_t i = 0; i < (*group)->case_count; i++) {
            good &= list_case(*group, &(*group)->cases[i]);
        }
    }
    return good && fflush(stdout) == 0 ? CTS_EXIT_PASS : CTS_EXIT_HARD;
}

/* What the `model` events of a log can count. */
static int list_model(void)
{
    const struct cts_model_config config = {.state_count_max = 1};
    struct cts_model *model = cts_model_create(&config);
    if (model == NULL) {
        return CTS_EXIT_HARD;
    }
    for (size_t i = 0; i < cts_model_coverage_count(); i++) {
        struct cts_model_coverage item = cts_model_coverage(model, i);
        struct cts_json line;
        cts_json_begin(&line);
        cts_json_string(&line, "event", "transition");
        cts_json_string(&line, "name", item.name);
        cts_json_string(&line, "requirement", item.requirement);
        cts_json_bool(&line, "open", item.is_open);
        cts_json_end(&line);
        (void)printf("%s\n", line.text);
    }
    cts_model_destroy(model);
    return fflush(stdout) == 0 ? 0 : CTS_EXIT_HARD;
}

static int usage(const char *problem)
{
    (void)fprintf(stderr, "cts-worker: %s (the worker is started by ipc-cts)\n", problem);
    return CTS_EXIT_USAGE;
}

static bool parse_extent(const char *value)
{
    static const char *const words[CTS_EXTENT_COUNT] = CTS_EXTENT_WORDS;
    for (unsigned i = 0; i < CTS_EXTENT_COUNT; i++) {
        if (strcmp(value, words[i]) == 0) {
            cts_world.extent = (enum cts_extent)i;
            return true;
        }
    }
    return false;
}

enum option_key {
    LIST = 1000,
    LIST_MODEL,
    PROBE,
    CASE,
    SUT,
    ADAPTER,
    CLAIMS,
    LOG_FD,
    CPU,
    SEED,
    FACTOR,
    EXTENT,
    DEBUG,
    STREAM,
    DIRECTORY,
    LIMIT,
    ORDERLY
};

/* One option; null, or what is wrong. */
static const char *take_option(struct options *options, int option)
{
    switch (option) {
    case LIST:
        options->list = true;
        break;
    case LIST_MODEL:
        options->list_model = true;
        break;
    case PROBE:
        options->probe = true;
        break;
    case CASE:
        options->case_id = optarg;
        break;
    case SUT:
        options->library = optarg;
        break;
    case ADAPTER:
        options->adapter = optarg;
        break;
    case CLAIMS: {
        const char *wrong = NULL;
        size_t length = 0;
        cts_claims_made = cts_capabilities_parse(optarg, &cts_claims, &wrong, &length);
        if (!cts_claims_made) {
            return "--claims holds a word that is no capability";
        }
        break;
    }
    case LOG_FD:
        options->log_fd = (int)strtol(optarg, NULL, 10);
        break;
    case CPU:
        options->cpu = (int)strtol(optarg, NULL, 10);
        break;
    case SEED:
        cts_world.seed = strtoull(optarg, NULL, 0);
        break;
    case FACTOR:
        cts_world.timeout_factor = strtod(optarg, NULL);
        break;
    case EXTENT:
        if (!parse_extent(optarg)) {
            return "unknown extent";
        }
        break;
    case DEBUG:
        options->debug = true;
        break;
    case STREAM:
        options->nonce = optarg;
        break;
    case DIRECTORY:
        options->directory = optarg;
        break;
    case ORDERLY:
        options->orderly = true;
        break;
    case LIMIT:
        options->limit_ms = (unsigned)strtoul(optarg, NULL, 10);
        break;
    default:
        return "unknown option";
    }
    return NULL;
}

/* Null, or what is wrong. */
static const char *parse(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"list", no_argument, NULL, LIST},
                                          {"list-model", no_argument, NULL, LIST_MODEL},
                                          {"probe", no_argument, NULL, PROBE},
                                          {"case", required_argument, NULL, CASE},
                                          {"sut", required_argument, NULL, SUT},
                                          {"adapter", required_argument, NULL, ADAPTER},
                                          {"claims", required_argument, NULL, CLAIMS},
                                          {"log-fd", required_argument, NULL, LOG_FD},
                                          {"cpu", required_argument, NULL, CPU},
                                          {"seed", required_argument, NULL, SEED},
                                          {"timeout-factor", required_argument, NULL, FACTOR},
                                          {"extent", required_argument, NULL, EXTENT},
                                          {"debug", no_argument, NULL, DEBUG},
                                          {"stream", required_argument, NULL, STREAM},
                                          {"directory", required_argument, NULL, DIRECTORY},
                                          {"orderly", no_argument, NULL, ORDERLY},
                                          {"limit-ms", required_argument, NULL, LIMIT},
                                          {NULL, 0, NULL, 0}};
    *options = (struct options){.log_fd = -1, .cpu = -1};
    cts_world.timeout_factor = 1.0;
    for (int option = getopt_long(argc, argv, "", longs, NULL); option != -1;
         option = getopt_long(argc, argv, "", longs, NULL)) {
        const char *problem = take_option(options, option);
        if (problem != NULL) {
            return problem;
        }
    }
    return cts_world.timeout_factor > 0 ? NULL : "--timeout-factor must be positive";
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    /* A hand-over on one CPU costs a tenth of one between two; where it cannot be had, the case is
     * only slower. */
    (void)sched_setaffinity(0, sizeof set, &set);
}

static int run(const struct options *options)
{
    const struct cts_case *self = find_case(options->case_id);
    if (self == NULL) {
        return usage("there is no such case");
    }
    if (options->log_fd >= 0 && !cts_log_open(options->log_fd)) {
        return usage("--log-fd is not a log");
    }
    cts_world.supervised = options->log_fd >= 0 || options->nonce != NULL;
    cts_world.debug = options->debug;
    if (options->debug) {
        cts_log_to_stderr();
    }
    if (options->cpu >= 0) {
        pin(options->cpu);
    }
    cts_task_files_prepare();
    cts_world.library_path = options->library;
    struct cts_library_status status;
    if (!cts_library_load(options->library, options->adapter, &status)) {
        return usage(status.error[0] != '\0'           ? status.error
                     : status.adapter_error[0] != '\0' ? status.adapter_error
                                                       : "the library lacks mandatory functions");
    }
    return cts_run_case(self);
}

/* What ipc-cts does for a worker that it starts itself, as far as this system knows of such things. */
static void settle_in(const struct options *options)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    static char home[] = "HOME=/nonexistent";
    static char lang[] = "LANG=C";
    static char zone[] = "TZ=UTC";
    static char *environment[] = {path, home, lang, zone, NULL};
    const struct rlimit space = {CTS_ADDRESS_SPACE_BYTES, CTS_ADDRESS_SPACE_BYTES};
    environ = environment;
    (void)setrlimit(RLIMIT_AS, &space);
    /* Where the directory is not there, as on another machine, the present one has to do. */
    if (options->directory != NULL && chdir(options->directory) != 0) {
        (void)fprintf(stderr, "cts-worker: works in the directory it was started in\n");
    }
    /* Whoever kills the wrapper may not reach this process. */
    unsigned seconds = options->limit_ms / 1000u + OWN_END_S;
    cts_world.alarm_ns = cts_now_ns() + seconds * (uint64_t)1000000000u;
    (void)alarm(seconds);
}

static bool open_stream(const struct options *options)
{
    if (!cts_log_to_stream(options->nonce)) {
        return false;
    }
    /* The library is not to meet it by chance. */
    memset(options->nonce, '-', strlen(options->nonce));
    settle_in(options);
    return true;
}

static int perform(const struct options *options)
{
    if (options->list) {
        return list_cases();
    }
    if (options->list_model) {
        return list_model();
    }
    if (options->library == NULL || (!options->probe && options->case_id == NULL)) {
        return usage("--list, --list-model, or --sut with --case or --probe");
    }
    return options->probe ? cts_probe(options->library, options->adapter) : run(options);
}

int main(int argc, char **argv)
{
    struct options options;
    const char *problem = parse(argc, argv, &options);
    if (problem != NULL) {
        return usage(problem);
    }
    if (options.nonce != NULL && !open_stream(&options)) {
        return usage("--stream without stdout and stderr");
    }
    int status = perform(&options);
    cts_log_exit(status);
#ifdef CTS_ORDERLY_EXIT
    options.orderly = true;
#endif
    /* Sanitizers and gcov report at exit. */
    if (options.orderly) {
        return status;
    }
    /* The library's own exit handlers are not under test, and may meet threads of its own. */
    (void)fflush(NULL);
    _exit(status);
}

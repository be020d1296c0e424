/* SPDX-License-Identifier: Apache-2.0 */
/* Containment, with shell scripts as workers: whatever they do, nothing of them is left. */
#include "case_log.h"
#include "clock.h"
#include "commands.h"
#include "keeper.h"
#include "sweep.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct workplace place;
static struct keeper keeper;
static struct text output;
static uint64_t grace_ms;

static void setup(void)
{
    grace_ms = KEEPER_GRACE_MS;
    ck_assert(workplace_open(&place));
}

/* No child of ours, no file of theirs. */
static void teardown(void)
{
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_msg(rmdir(place.root) == 0, "something is left in %s", place.root);
    workplace_close(&place);
    text_finish(&output);
}

static void run_limited(const char *script, int log_fd, uint64_t limit_ms)
{
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char *words = copy_string(script);
    char *argv[] = {shell, flag, words, NULL};
    struct keeper_order order = {.argv = argv,
                                 .log_fd = log_fd,
                                 .limit_ms = limit_ms,
                                 .grace_ms = grace_ms,
                                 .root = place.root};
    bool interrupted = true;
    ck_assert(keeper_run(&keeper, &order, place.signal_fd, &interrupted));
    ck_assert(!interrupted);
    text_clear(&output);
    output_text(&keeper.report.output, &output);
    free(words);
}

static void run(const char *script)
{
    run_limited(script, -1, 20000);
}

START_TEST(exits)
{
    run("echo out; echo err >&2; exit 5");
    ck_assert_uint_eq(keeper.report.ending, KEEPER_EXITED);
    ck_assert_int_eq(keeper.report.exit_status, 5);
    ck_assert_str_eq(text_string(&output), "out\nerr\n");
    ck_assert_uint_eq(keeper.report.strays, 0);
    ck_assert_uint_ne(keeper.report.duration_ns, 0);
}
END_TEST

START_TEST(signals)
{
    run("kill -SEGV $$");
    ck_assert_uint_eq(keeper.report.ending, KEEPER_SIGNALLED);
    ck_assert_int_eq(keeper.report.signal, SIGSEGV);
    run("kill -KILL 0");
    ck_assert_int_eq(keeper.report.signal, SIGKILL);
}
END_TEST

START_TEST(time_limit)
{
    run_limited("trap '' TERM INT HUP; sleep 1000 & while :; do sleep 1000; done", -1, 100);
    ck_assert_uint_eq(keeper.report.ending, KEEPER_TIME_LIMIT);
    ck_assert_uint_eq(keeper.report.strays, 0);
    run_limited("kill -STOP $$", -1, 100);
    ck_assert_uint_eq(keeper.report.ending, KEEPER_TIME_LIMIT);
}
END_TEST

START_TEST(output_limit)
{
    run("exec cat /dev/zero");
    ck_assert_uint_eq(keeper.report.ending, KEEPER_OUTPUT_LIMIT);
    ck_assert_uint_gt(keeper.report.output.total, KEEPER_OUTPUT_MAX_BYTES);
    ck_assert_uint_lt(keeper.report.output.total, 2 * KEEPER_OUTPUT_MAX_BYTES);
    run("cat /dev/zero & exit 0");
    ck_assert_uint_eq(keeper.report.ending, KEEPER_OUTPUT_LIMIT);
}
END_TEST

START_TEST(surroundings)
{
    /* A sanitizer build's own settings would be passed on, as they should be. */
    static const char *const others[] = {"TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                                         "GCOV_PREFIX", "GCOV_PREFIX_STRIP"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ck_assert_int_eq(unsetenv(others[i]), 0);
    }
    ck_assert_int_eq(setenv("SECRET", "x", 1), 0);
    ck_assert_int_eq(setenv("ASAN_OPTIONS", "detect_leaks=0", 1), 0);
    run("env | grep -v -e ^PWD= -e ^OLDPWD= -e ^_= -e ^SHLVL= | sort; umask; ulimit -c; ls -A | wc "
        "-l");
    ck_assert_str_eq(text_string(&output),
                     "ASAN_OPTIONS=detect_leaks=0\nHOME=/nonexistent\nLANG=C\n"
                     "PATH=/usr/local/bin:/usr/bin:/bin\nTZ=UTC\n0022\n0\n0\n");
    /* 3 is the listing itself. */
    run("ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0");
    ck_assert_str_eq(text_string(&output), "0 1 2 3 /dev/null\n");
    run("pwd; mkdir -p a/b; : >a/b/c; ln -s / a/root; chmod 0 a/b; chmod 0 a");
    ck_assert_int_eq(strncmp(text_string(&output), place.root, strlen(place.root)), 0);
    run("grep -E '^(SigBlk|SigIgn)' /proc/self/status | tr -d '0\\t\\n'");
    ck_assert_str_eq(text_string(&output), "SigBlk:SigIgn:");
}
END_TEST

START_TEST(log_descriptor)
{
    struct log_file file;
    ck_assert(log_file_create(&file));
    run_limited("ls /proc/self/fd | tr '\\n' ' '; head -c 4 <&3", file.fd, 20000);
    ck_assert_str_eq(text_string(&output), "0 1 2 3 4 LSTC");
    log_file_destroy(&file);
}
END_TEST

/* The helper notices that the worker has ended by the end of a pipe. */
START_TEST(helpers_may_end_by_themselves)
{
    run("mkfifo f; (cat f; echo late) & exec 3>f; echo early");
    ck_assert_uint_eq(keeper.report.ending, KEEPER_EXITED);
    ck_assert_uint_eq(keeper.report.strays, 0);
    ck_assert_str_eq(text_string(&output), "early\nlate\n");
}
END_TEST

/* How many of them have begun by the end of the grace is up to the machine; that none is left is
 * what the fixture checks. */
START_TEST(strays_are_counted_and_killed)
{
    uint64_t begin = clock_now_ns();
    run("sleep 1000 & exit 0");
    ck_assert_uint_eq(keeper.report.strays, 1);
    ck_assert_uint_ge(clock_now_ns() - begin, 1000000000u);
    run("setsid sh -c 'setsid sleep 1000 & exec sleep 1000' </dev/null >/dev/null 2>&1 & exit 0");
    ck_assert_uint_ge(keeper.report.strays, 1);
    run("for i in 1 2 3 4 5 6 7 8 9; do (trap '' TERM; sleep 1000 & exec sleep 1000) & done; "
        "exit 3");
    ck_assert_uint_ge(keeper.report.strays, 9);
    ck_assert_uint_le(keeper.report.strays, 18);
    ck_assert_int_eq(keeper.report.exit_status, 3);
}
END_TEST

START_TEST(the_grace_can_be_stretched)
{
    static const char late[] = "(sleep 1; echo late) & exit 0";
    grace_ms = 60000;
    run(late);
    ck_assert_uint_eq(keeper.report.strays, 0);
    ck_assert_str_eq(text_string(&output), "late\n");
    grace_ms = 1;
    run(late);
    ck_assert_uint_ge(keeper.report.strays, 1);
}
END_TEST

/* A worker cannot talk its keeper out of watching. */
START_TEST(signals_of_the_worker_mean_nothing_to_the_keeper)
{
    run("for s in TERM INT HUP PIPE CHLD; do kill -$s $PPID; done; echo alive; exit 7");
    ck_assert_uint_eq(keeper.report.ending, KEEPER_EXITED);
    ck_assert_int_eq(keeper.report.exit_status, 7);
    ck_assert_str_eq(text_string(&output), "alive\n");
}
END_TEST

START_TEST(a_program_that_is_none)
{
    char missing[] = "/nonexistent/worker";
    char *argv[] = {missing, NULL};
    bool interrupted = false;
    struct keeper_order order = {.argv = argv, .log_fd = -1, .limit_ms = 1000, .root = place.root};
    ck_assert(keeper_run(&keeper, &order, place.signal_fd, &interrupted));
    ck_assert_uint_eq(keeper.report.ending, KEEPER_FAILED);
    ck_assert_ptr_nonnull(strstr(keeper.report.error, "/nonexistent/worker"));
}
END_TEST

static void serve(char **argv)
{
    struct keeper_order order = {
        .argv = argv, .log_fd = -1, .limit_ms = 20000, .grace_ms = grace_ms, .root = place.root};
    ck_assert(keeper_start(&keeper, &order));
    while (!keeper_read(&keeper)) {
    }
    ck_assert(keeper_finish(&keeper));
    text_clear(&output);
    output_text(&keeper.report.output, &output);
}

static void serve_script(char *script)
{
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char *argv[] = {shell, flag, script, NULL};
    serve(argv);
}

/* Nothing of one order is seen by the next. */
START_TEST(one_keeper_serves_many_orders)
{
    char first[] = "echo $PPID; : >left; cd ..; umask 077; exit 1";
    char second[] = "echo $PPID; ls -A; umask; ls /proc/self/fd | tr '\\n' ' '";
    serve_script(first);
    char *keeper_number = copy_string(text_string(&output));
    pid_t pid = keeper.pid;
    ck_assert_int_eq(keeper.report.exit_status, 1);
    for (int i = 0; i < 3; i++) {
        serve_script(second);
        struct text expected = {0};
        text_printf(&expected, "%s0022\n0 1 2 3 ", keeper_number);
        ck_assert_str_eq(text_string(&output), text_string(&expected));
        ck_assert_int_eq(keeper.report.exit_status, 0);
        ck_assert_int_eq(keeper.pid, pid);
        text_finish(&expected);
    }
    free(keeper_number);
    keeper_close(&keeper);
}
END_TEST

/* What a worker that did not simply exit may have done to its keeper, the next order does not meet. */
START_TEST(a_keeper_ends_after_a_worker_that_did_not_exit)
{
    static const char *const scripts[] = {"kill -SEGV $$", "sleep 1000 & exit 0",
                                          "prlimit --core=0:0 --nofile=99:99 --pid $PPID",
                                          "renice -n 5 -p $PPID >/dev/null"};
    char good[] = "echo $PPID";
    grace_ms = 1;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        serve_script(good);
        pid_t pid = keeper.pid;
        char *script = copy_string(scripts[i]);
        serve_script(script);
        free(script);
        ck_assert(keeper.report.last);
        ck_assert_int_eq(keeper.pid, 0);
        serve_script(good);
        ck_assert_int_ne(keeper.pid, pid);
    }
    keeper_close(&keeper);
}
END_TEST

START_TEST(a_keeper_that_was_killed_while_idle_is_replaced)
{
    char script[] = "echo alive";
    serve_script(script);
    pid_t pid = keeper.pid;
    siginfo_t info;
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    serve_script(script);
    ck_assert_str_eq(text_string(&output), "alive\n");
    ck_assert_int_ne(keeper.pid, pid);
    keeper_close(&keeper);
}
END_TEST

START_TEST(a_keeper_that_was_stopped_while_idle_is_ended)
{
    char script[] = "echo alive";
    serve_script(script);
    ck_assert_int_eq(kill(keeper.pid, SIGSTOP), 0);
    keeper_close(&keeper);
    ck_assert_int_eq(keeper.pid, 0);
}
END_TEST

/* The command dies, with a keeper that has nothing to do and one that is busy: the last of them removes
 * its directory. */
START_TEST(keepers_outlive_the_command_only_to_clean_up)
{
    struct workplace other;
    ck_assert(workplace_open(&other));
    pid_t command = fork();
    if (command == 0) {
        static struct keeper busy;
        char shell[] = "/bin/sh";
        char flag[] = "-c";
        char endless[] = "trap '' TERM; : >file; sleep 1000";
        char *argv[] = {shell, flag, endless, NULL};
        struct keeper_order order = {
            .argv = argv, .log_fd = -1, .limit_ms = 60000, .root = other.root};
        char script[] = "exit 0";
        bool good = keeper_start(&busy, &order);
        memcpy(place.root, other.root, sizeof(place.root));
        serve_script(script);
        (void)kill(getpid(), good ? SIGKILL : SIGTERM);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(command, &status, 0), command);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* The keepers are children of this process now. */
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
    ck_assert_int_eq(access(other.root, F_OK), -1);
    ck_assert_int_eq(errno, ENOENT);
    workplace_close(&other);
}
END_TEST

/* Longer than a message of the socket, and than its buffer. */
START_TEST(a_long_order)
{
    enum { WORDS = 6, WORD_BYTES = 100000 };
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char script[] = "for word; do echo ${#word}; done; pwd";
    char *argv[WORDS + 4] = {shell, flag, script};
    for (int i = 0; i < WORDS; i++) {
        argv[3 + i] = allocate(WORD_BYTES + 1);
        memset(argv[3 + i], 'a' + i, WORD_BYTES);
        argv[3 + i][WORD_BYTES] = '\0';
    }
    serve(argv);
    ck_assert_int_eq(strncmp(text_string(&output), "100000\n100000\n100000\n100000\n100000\n/", 36),
                     0);
    for (int i = 0; i < WORDS; i++) {
        free(argv[3 + i]);
    }
    keeper_close(&keeper);
}
END_TEST

/* A word to stop what has ended in the meantime does not stop the next. */
START_TEST(a_late_cancel)
{
    char script[] = "echo whole";
    serve_script(script);
    keeper_cancel(&keeper);
    keeper_cancel(&keeper);
    serve_script(script);
    ck_assert_uint_eq(keeper.report.ending, KEEPER_EXITED);
    ck_assert_str_eq(text_string(&output), "whole\n");
    keeper_close(&keeper);
}
END_TEST

START_TEST(cancel)
{
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char words[] = "sleep 1000 & sleep 1000";
    char *argv[] = {shell, flag, words, NULL};
    struct keeper_order order = {.argv = argv, .log_fd = -1, .limit_ms = 60000, .root = place.root};
    ck_assert(keeper_start(&keeper, &order));
    keeper_cancel(&keeper);
    while (!keeper_read(&keeper)) {
    }
    ck_assert(keeper_finish(&keeper));
    ck_assert_uint_eq(keeper.report.ending, KEEPER_CANCELLED);
    ck_assert_int_eq(keeper.pid, 0);
}
END_TEST

START_TEST(a_keeper_that_is_killed)
{
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char words[] = "sleep 1000 & kill -KILL $PPID; sleep 1000";
    char *argv[] = {shell, flag, words, NULL};
    struct keeper_order order = {.argv = argv, .log_fd = -1, .limit_ms = 60000, .root = place.root};
    bool interrupted = false;
    ck_assert(!keeper_run(&keeper, &order, place.signal_fd, &interrupted));
    ck_assert_int_eq(keeper.lost_signal, SIGKILL);
    /* Its processes have fallen back to us, and its directory goes with the others. */
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    remove_tree(place.root);
    ck_assert_int_eq(access(place.root, F_OK), -1);
    memcpy(place.root, "/tmp/ipc-cts-XXXXXX", sizeof("/tmp/ipc-cts-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(place.root));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor_keeper");
    TCase *tests = tcase_create("containment");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, exits);
    tcase_add_test(tests, signals);
    tcase_add_test(tests, time_limit);
    tcase_add_test(tests, output_limit);
    tcase_add_test(tests, surroundings);
    tcase_add_test(tests, log_descriptor);
    tcase_add_test(tests, helpers_may_end_by_themselves);
    tcase_add_test(tests, strays_are_counted_and_killed);
    tcase_add_test(tests, the_grace_can_be_stretched);
    tcase_add_test(tests, signals_of_the_worker_mean_nothing_to_the_keeper);
    tcase_add_test(tests, a_program_that_is_none);
    tcase_add_test(tests, one_keeper_serves_many_orders);
    tcase_add_test(tests, a_keeper_ends_after_a_worker_that_did_not_exit);
    tcase_add_test(tests, a_keeper_that_was_killed_while_idle_is_replaced);
    tcase_add_test(tests, a_keeper_that_was_stopped_while_idle_is_ended);
    tcase_add_test(tests, keepers_outlive_the_command_only_to_clean_up);
    tcase_add_test(tests, a_long_order);
    tcase_add_test(tests, a_late_cancel);
    tcase_add_test(tests, cancel);
    tcase_add_test(tests, a_keeper_that_is_killed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

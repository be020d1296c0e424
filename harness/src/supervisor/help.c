/* SPDX-License-Identifier: Apache-2.0 */
/* The help texts. Every example works as it stands, given the files it names. */
#include "options.h"

void help_general(FILE *stream)
{
    say(stream, "%s",
        "usage: ipc-cts COMMAND [ID...] [OPTION...]\n"
        "\n"
        "Conformance test suite for coresrv/ipc/ipc_api.h.\n"
        "\n"
        "  list     show the cases\n"
        "  show     show requirements and cases in full\n"
        "  doctor   check library, adapter and machine before any verdict\n"
        "  run      run cases and say what deviates\n"
        "  debug    run one case in one process, without limits\n"
        "  selftest run the suite on faulty libraries: which does it find?\n"
        "\n"
        "  explain  a case of a finished run: what was done, expected and seen\n"
        "  matrix   requirement by case by verdict, and what was not covered\n"
        "  report   TAP, JUnit, JSON, HTML from an event log\n"
        "  diff     what changed between two runs\n"
        "  merge    one log from the logs of all shards of a run\n"
        "  coverage lines of the library by case and requirement, as LCOV tracefiles and pages\n"
        "  certify  a full run as a signed evidence bundle\n"
        "  verify   check an evidence bundle\n"
        "  certificate  one page about an evidence bundle, HTML or PDF\n"
        "\n"
        "An ID is an area (CALL), a requirement (CALL-02) or a case (CALL-02.1).\n"
        "Without --sut the reference implementation is tested.\n"
        "\n"
        "  ipc-cts run\n"
        "  ipc-cts run CALL --sut ./libkos-ipc.so\n"
        "  ipc-cts explain CALL-02.1\n"
        "  ipc-cts run --help\n"
        "\n"
        "Exit codes: 0 conformant, 1 a case deviates, 2 interrupted, 3 error of the harness,\n"
        "4 usage, a library that cannot be loaded, or a run that --strict refuses,\n"
        "5 nothing selected, 6 inconclusive only, 7 evidence that verify refuses.\n");
}

static const char list_help[] =
    "usage: ipc-cts list [ID...] [--profile WORDS] [--json] [--sysroot DIR]\n"
    "                    [--exec-wrapper CMD]\n"
    "\n"
    "Show the cases, each with strength of its requirement, layout, traits and title.\n"
    "\n"
    "  ipc-cts list\n"
    "  ipc-cts list RECV\n"
    "  ipc-cts list --profile smoke\n"
    "  ipc-cts list CALL-02 --json\n";

static const char show_help[] =
    "usage: ipc-cts show ID...\n"
    "\n"
    "Show a requirement (claim, strength, source, what usually breaks it, its cases), a case,\n"
    "or all requirements of an area.\n"
    "\n"
    "  ipc-cts show CALL-02\n"
    "  ipc-cts show CALL-02.1\n"
    "  ipc-cts show STATE\n";

static const char doctor_help[] =
    "usage: ipc-cts doctor [--sut FILE.so] [--adapter FILE.so|reference] [--claims LIST]\n"
    "                      [--profile WORDS] [--sysroot DIR] [--exec-wrapper CMD]\n"
    "\n"
    "Check what a run depends on, line by line, and say which cases will be skipped and why.\n"
    "Exit 0: a run is possible; 4: it is not.\n"
    "\n"
    "  ipc-cts doctor\n"
    "  ipc-cts doctor --sut ./libkos-ipc.so\n";

static const char run_help[] =
    "usage: ipc-cts run [ID...] [OPTION...]\n"
    "\n"
    "Run cases, each in a fresh process, and say what deviates.\n"
    "\n"
    "  --sut FILE.so             library under test; without it the reference\n"
    "  --adapter FILE.so         what the library does beyond the interface; the word `reference`\n"
    "                            stands for the adapter of the reference. Without it the library\n"
    "                            may export cts_adapter itself\n"
    "  --claims LIST|@FILE       what the library claims to offer (autoclear,copy,...; `doctor` "
    "shows\n"
    "                            what is there); claimed and absent is FAIL\n"
    "  --sysroot DIR             headers with other values or layouts, DIR/include, and their\n"
    "                            library, DIR/lib/libkos-ipc.so or .a (--sut names another); a\n"
    "                            worker is built for them once and kept\n"
    "  --cc CC                   its compiler (else DIR/ipc-cts.json, CC, the one of this build)\n"
    "  --exec-wrapper CMD        start the worker by CMD, which gets its path and arguments: an\n"
    "                            emulator, ssh, a script; CMD is split as a shell does it\n"
    "  -j, --jobs N              cases at the same time (eight for each CPU)\n"
    "  --timeout-factor F        stretch all limits, 0.1 to 100 (IPCTS_TIMEOUT_FACTOR)\n"
    "  --repeat N                run everything N times\n"
    "  --shard I/N               only the I-th of N parts of the selection; `merge` puts them "
    "together\n"
    "  --waivers FILE            failures that are known and accepted (reports/README.md): shown "
    "beside\n"
    "                            their verdicts; one that is expired, unmatched or not needed "
    "fails the run\n"
    "  --sut-version V           as the vendor counts (1.2.0), for waivers of versions\n"
    "  --shuffle                 in an order made from the seed\n"
    "  --seed N                  seed of order and of the cases' choices (IPCTS_SEED)\n"
    "  --stop-on-fail            start nothing more after the first failure\n"
    "  --strict                  refuse suspect cases (see `show`); a case whose claims about "
    "waiting\n"
    "                            rest on weak evidence is INCONCLUSIVE; a run that tested nothing\n"
    "                            is no success\n"
    "  --opt-in                  also the cases that otherwise run only when their id is given\n"
    "  --tap[=13|14|-]           TAP on stdout; without a number 13, which every reader takes\n"
    "  --tap-file FILE           TAP into a file\n"
    "  --junit FILE, --json FILE, --html FILE, --matrix FILE\n"
    "                            documents, written when the run has ended\n"
    "  --annotations FILE        failures for a page of GitHub Actions; - for stdout\n"
    "  --coverage                which lines of the library each case reaches, into the log; the\n"
    "                            library is built with gcc --coverage and lies where it was built\n"
    "  --lcov FILE               the same as an LCOV tracefile; see also `coverage`\n"
    "  --events FILE             the event log, which may be a pipe; without it the log is kept as "
    "that\n"
    "                            of the last run, in ipc-cts/ of $XDG_STATE_HOME (~/.local/state)\n"
    "  --profile WORDS           edition of the interface (ce-1.2, the default, ce-1.3, ce-1.4),\n"
    "                            extent, or both with a comma: smoke (main rules, seconds),\n"
    "                            standard (the default), soak (race windows searched at length)\n"
    "  -q, --quiet               print the last line only\n"
    "  -v, --verbose             print every case\n"
    "  --color=auto|always|never (NO_COLOR)\n"
    "\n"
    "  ipc-cts run\n"
    "  ipc-cts run CALL RECV-03 --sut ./libkos-ipc.so\n"
    "  ipc-cts run --profile smoke\n"
    "  ipc-cts run --profile ce-1.3,soak RACE --sut ./libkos-ipc.so\n"
    "  ipc-cts run --repeat 20 --shuffle --seed 7 --sut ./libkos-ipc.so --events events.jsonl\n"
    "  ipc-cts run --shard 1/2 --events shard1.jsonl; ipc-cts run --shard 2/2 --events s2.jsonl\n"
    "  ipc-cts run --sysroot ./sdk --cc clang\n"
    "  ipc-cts run --exec-wrapper 'qemu-aarch64-static -L /usr/aarch64-linux-gnu' \\\n"
    "      --sysroot ./aarch64\n"
    "  ipc-cts run -q --tap-file run.tap --sut ./libkos-ipc.so; prove -e cat run.tap\n";

static const char debug_help[] =
    "usage: ipc-cts debug ID [--sut FILE.so] [--adapter FILE.so|reference] [--claims LIST]\n"
    "                     [--sysroot DIR] [--exec-wrapper CMD] [--seed N]\n"
    "                     [--profile smoke|standard|soak] [--gdb]\n"
    "\n"
    "Run one case in one process, without limits; its events go to stderr. Prints the gdb line\n"
    "that stops in the library first; --gdb starts that.\n"
    "\n"
    "  ipc-cts debug CALL-02.1\n"
    "  ipc-cts debug CALL-02.1 --sut ./libkos-ipc.so --gdb\n";

void help_verb(FILE *stream, enum verb verb)
{
    const char *text = verb == VERB_LIST     ? list_help
                       : verb == VERB_SHOW   ? show_help
                       : verb == VERB_DOCTOR ? doctor_help
                       : verb == VERB_RUN    ? run_help
                                             : debug_help;
    say(stream, "%s", text);
}

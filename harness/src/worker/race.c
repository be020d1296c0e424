/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Race windows: trial after trial, each judged before the next, until the window was entered often
 * enough or the budget is used up. Steering is in race_search.c, the start of a trial in race_gate.c.
 */
#include "race.h"

#include "event_log.h"
#include "history.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a run's extent spends on a window. Time bounds it on machines where a trial takes long; the trials
 * made until then are judged like all others. */
struct budget {
    unsigned wanted;     /* in each phase, and overlaps from each side */
    unsigned trials_min; /* also when all that was wanted has been seen */
    unsigned trials_max;
    uint64_t time_ns;
};
static const struct budget budgets[CTS_EXTENT_COUNT] = {
    [CTS_EXTENT_STANDARD] = {8, 120, 200, 300000000u},
    [CTS_EXTENT_SMOKE] = {4, 40, 60, 100000000u},
    [CTS_EXTENT_SOAK] = {100, 16000, 32000, 30000000000u},
};
#define LIMIT_SHARE 2u /* a trial about a limit takes milliseconds: so much fewer of them */
#define PATIENCE_NS                                                                                \
    2000000000u              /* one side is stuck: let the other go, and the claims find out why */
#define TRIALS_ALWAYS 12u    /* however long they take */
#define ENTRY_FIRST_NS 2000u /* what the way into a wait takes, until there is something to go by */
#define ENTRY_LEAST_NS 500u

static const char *const phase_names[CTS_RACE_PHASES] = {"before", "entering", "blocked", "taken",
                                                         "after"};

struct cts_race {
    const char *name;
    struct budget budget;
    struct cts_race_search search;
    bool one_cpu;
    bool in_trial;
    bool recorded;
    uint64_t start_ns;
    unsigned trials;
    int64_t planned_ns;
    struct cts_gate *gate;        /* null: not run yet */
    const struct cts_op *trigger; /* the same */
    const struct cts_op *rival;
    const char *outcomes[CTS_RACE_OUTCOMES];
    unsigned outcome_counts[CTS_RACE_OUTCOMES];
    struct cts_race_durations short_calls; /* of calls that do not wait */
};

static struct cts_race *current; /* whose trial is under way; null: none */

/* ------------------------------------------------------------------------------------------------
 * What a trial was.
 */

static bool may_wait(const struct cts_op *op)
{
    return op->kind == CTS_OP_CALL || op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_RECV ||
           op->kind == CTS_OP_RECV_EX;
}

static uint64_t duration(const struct cts_op *op)
{
    return op->t_return_ns - op->t_invoke_ns;
}

/* How long a call of the library is on its way into its wait cannot be seen from outside; twice what a
 * call takes that does not wait is taken for it. It decides where trials go and in which phase they
 * count, and nothing else. */
static uint64_t entry_ns(const struct cts_race *race)
{
    if (race->short_calls.count == 0) {
        return ENTRY_FIRST_NS;
    }
    uint64_t twice = 2 * cts_race_median(&race->short_calls);
    return twice < ENTRY_LEAST_NS ? ENTRY_LEAST_NS : twice;
}

/* How long the other call can meet this one where it decides something. */
static uint64_t extent_of(const struct cts_race *race, const struct cts_op *op)
{
    uint64_t whole = duration(op);
    uint64_t entry = entry_ns(race);
    return may_wait(op) && whole > entry ? entry : whole;
}

static unsigned phase_of(const struct cts_race *race, const struct cts_race_trial *trial)
{
    const struct cts_op *trigger = race->trigger;
    const struct cts_op *wait = trial->wait;
    if (trigger->seq_return < wait->seq_invoke) {
        return 0;
    }
    bool answered = trial->answer != NULL && trigger->seq_invoke > trial->answer->seq_return;
    if (answered || trigger->seq_invoke > wait->seq_return) {
        return 4;
    }
    bool taken = trial->taker != NULL && cts_rc(trial->taker) == rcOk &&
                 trial->taker->received == wait->request &&
                 trigger->seq_invoke > trial->taker->seq_return;
    if (taken) {
        return 3;
    }
    bool waits = trigger->t_invoke_ns > wait->t_invoke_ns + entry_ns(race);
    return waits ? 2 : 1;
}

static unsigned outcome_number(struct cts_race *race, const char *outcome)
{
    for (unsigned i = 0; i < CTS_RACE_OUTCOMES; i++) {
        if (race->outcomes[i] == NULL) {
            race->outcomes[i] = outcome;
        }
        if (strcmp(race->outcomes[i], outcome) == 0) {
            race->outcome_counts[i]++;
            return i;
        }
    }
    cts_broken("a race window has more outcomes than are kept");
}

void cts_race_record(struct cts_race *race, const struct cts_race_trial *trial)
{
    if (race->trigger == NULL || race->recorded) {
        cts_broken("the case recorded a trial that was not run, or twice");
    }
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (cts_returned(op) && !may_wait(op) && (op == race->trigger || op == race->rival)) {
            struct cts_race_durations *known = &race->short_calls;
            known->ns[known->next] = duration(op);
            known->next = (known->next + 1) % CTS_RACE_DURATIONS;
            known->count += known->count < CTS_RACE_DURATIONS;
        }
    }
    const struct cts_race_result result = {
        .planned_ns = race->planned_ns,
        .delay_ns = (int64_t)(race->trigger->t_invoke_ns - race->rival->t_invoke_ns),
        .trigger_ns = extent_of(race, race->trigger),
        .rival_ns = extent_of(race, race->rival),
        .phase = phase_of(race, trial),
        .outcome = outcome_number(race, trial->outcome)};
    cts_race_learn(&race->search, &result);
    race->recorded = true;
}

/* ------------------------------------------------------------------------------------------------
 * The search.
 */

/* A case that keeps to one CPU cannot have both calls in progress at once, and does not want it. */
static bool takes_turns(void)
{
    return (cts_world.self->traits & CTS_FREE_RUNNING) == 0;
}

struct cts_race *cts_race_open(const char *window, unsigned phases, rtl_uint32_t centre_us)
{
    struct cts_race *race = calloc(1, sizeof *race);
    if (race == NULL) {
        cts_broken("no memory for a race");
    }
    race->name = window;
    race->budget = budgets[cts_world.extent];
    race->search = (struct cts_race_search){
        .phases = takes_turns() ? phases & ~(unsigned)CTS_PHASE_ENTERING : phases,
        .centre_ns = (int64_t)centre_us * 1000,
        .wanted = race->budget.wanted};
    if (centre_us != 0) {
        race->budget.trials_min /= LIMIT_SHARE;
        race->budget.trials_max /= LIMIT_SHARE;
    }
    race->one_cpu = cts_gate_has_one_cpu();
    race->start_ns = cts_now_ns();
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "search");
    cts_json_string(&line, "window", window);
    cts_log_line(&line);
    return race;
}

static void log_missing(struct cts_json *line, const struct cts_race_search *search)
{
    static const char *const sides[] = {"overlap, trigger first", "overlap, rival first"};
    const char *missing[CTS_RACE_PHASES + 2];
    size_t count = 0;
    for (unsigned i = 0; i < CTS_RACE_PHASES; i++) {
        if ((search->phases >> i & 1u) != 0 && search->counts[i] < search->wanted) {
            missing[count++] = phase_names[i];
        }
    }
    for (unsigned i = 0; search->centre_ns == 0 && !takes_turns() && i < 2; i++) {
        if (search->overlaps[i] < search->wanted) {
            missing[count++] = sides[i];
        }
    }
    cts_json_string_list(line, "missing", missing, count);
}

static void log_window(const struct cts_race *race)
{
    const struct cts_race_search *search = &race->search;
    struct cts_json line;
    int64_t from = 0;
    int64_t to = 0;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "window");
    cts_json_string(&line, "window", race->name);
    cts_json_uint(&line, "trials", race->trials);
    cts_json_uint(&line, "wanted", search->wanted);
    cts_json_open(&line, "phases");
    for (unsigned i = 0; i < CTS_RACE_PHASES; i++) {
        if ((search->phases >> i & 1u) != 0 || search->counts[i] > 0) {
            cts_json_uint(&line, phase_names[i], search->counts[i]);
        }
    }
    cts_json_close(&line);
    cts_json_open(&line, "overlaps");
    cts_json_uint(&line, "trigger first", search->overlaps[0]);
    cts_json_uint(&line, "rival first", search->overlaps[1]);
    cts_json_close(&line);
    cts_json_open(&line, "outcomes");
    for (unsigned i = 0; i < CTS_RACE_OUTCOMES && race->outcomes[i] != NULL; i++) {
        cts_json_uint(&line, race->outcomes[i], race->outcome_counts[i]);
    }
    cts_json_close(&line);
    log_missing(&line, search);
    cts_json_uint(&line, "entry_ns", entry_ns(race));
    if (cts_race_flips(search, &from, &to)) {
        cts_json_int(&line, "flips_from_ns", from);
        cts_json_int(&line, "flips_to_ns", to);
    }
    cts_log_line(&line);
}

/* Judge what the trial did and take it out of the record, so that the next one starts from nothing. */
static void end_trial(struct cts_race *race)
{
    if (!race->recorded) {
        cts_broken("the case went on without recording the trial of its race");
    }
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (cts_actor_busy(actor)) {
            cts_broken("a trial of a race ended while an actor was still in a call");
        }
    }
    cts_ops_log_returns();
    cts_law_check();
    cts_history_judge();
    cts_ops_forget();
    race->in_trial = false;
    current = NULL;
    cts_log_mute(false);
}

static bool is_over(const struct cts_race *race)
{
    if (race->trials < TRIALS_ALWAYS) {
        return false;
    }
    /* On one CPU the sides take turns: what has to overlap will not, however many trials are made. */
    bool seen = race->trials >= race->budget.trials_min &&
                (race->one_cpu || cts_race_is_covered(&race->search));
    return seen || race->trials >= race->budget.trials_max ||
           cts_now_ns() - race->start_ns >
               (uint64_t)((double)race->budget.time_ns * cts_world.timeout_factor);
}

bool cts_race_next(struct cts_race *race)
{
    if (race->in_trial) {
        end_trial(race);
    } else {
        /* What prepared the race is a history of its own. */
        cts_ops_log_returns();
        cts_law_check();
        cts_history_judge();
        cts_ops_forget();
    }
    if (is_over(race)) {
        log_window(race);
        free(race);
        return false;
    }
    race->trials++;
    race->in_trial = true;
    race->recorded = false;
    race->gate = NULL;
    race->trigger = NULL;
    race->planned_ns = cts_race_choose(&race->search, cts_random);
    current = race;
    cts_log_mute(true);
    return true;
}

/* Each side on a CPU of its own, from its first race on. */
static void pin(struct cts_actor *actor, unsigned number)
{
    if (!actor->pinned) {
        actor->pinned = true;
        cts_gate_pin(actor->tid, number);
    }
}

void cts_race_run(struct cts_race *race, struct cts_op *trigger, struct cts_op *rival)
{
    struct cts_gate *gate = cts_shared_alloc(sizeof *gate);
    if (gate == NULL) {
        cts_broken("no memory for a gate");
    }
    if (!race->in_trial || trigger->actor == rival->actor || !trigger->actor->queueing ||
        !rival->actor->queueing) {
        cts_broken("a race needs two calls in the programs of two actors, in a trial");
    }
    gate->one_cpu = race->one_cpu;
    gate->patience_ns = PATIENCE_NS;
    trigger->gate = rival->gate = gate;
    trigger->gate_delay_ns = race->planned_ns > 0 ? (uint64_t)race->planned_ns : 0;
    rival->gate_delay_ns = race->planned_ns < 0 ? (uint64_t)-race->planned_ns : 0;
    race->gate = gate;
    race->trigger = trigger;
    race->rival = rival;
    pin(trigger->actor, 0);
    pin(rival->actor, 1);
    cts_program_run();
}

void cts_race_wait_started(void)
{
    if (current != NULL && current->gate != NULL) {
        cts_gate_wait_passed(current->gate);
    }
}

void cts_race_abandon(void)
{
    if (current == NULL) {
        return;
    }
    const struct cts_race *race = current;
    current = NULL;
    cts_log_mute(false);
    log_window(race);
    cts_ops_log_all();
}

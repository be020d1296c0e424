/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the histories of the tables and feeds them to a model. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 16u
#define WORDS_MAX 12u
#define OBJECTS_MAX 16u
#define TEXT_MAX 2048u

struct player {
    struct cts_model *model;
    char threads[NAMES_MAX][8];
    uint32_t thread_process[NAMES_MAX];
    unsigned thread_count;
    bool object_known[OBJECTS_MAX];
    bool channel_known;
    const char *error; /* in the table's text */
};

static uint32_t thread_of(struct player *player, const char *name, uint32_t process)
{
    for (unsigned i = 0; i < player->thread_count; i++) {
        if (strcmp(player->threads[i], name) == 0) {
            return i;
        }
    }
    unsigned index = player->thread_count++;
    (void)snprintf(player->threads[index], sizeof player->threads[0], "%s", name);
    player->thread_process[index] = process;
    if (!cts_model_add_thread(player->model, index, process, name)) {
        player->error = "thread";
    }
    return index;
}

static uint32_t number(const char *word)
{
    return (uint32_t)strtoul(word, NULL, 10);
}

static uint32_t object_of(struct player *player, const char *word, uint32_t process, bool autoclear)
{
    uint32_t object = number(word + 1);
    if (object >= OBJECTS_MAX) {
        player->error = "object number";
        return 0;
    }
    if (!player->object_known[object]) {
        player->object_known[object] = true;
        char name[12];
        (void)snprintf(name, sizeof name, "sync%u", object);
        (void)cts_model_add_object(player->model, object, process, autoclear, name);
    }
    return object;
}

static const struct {
    const char *word;
    enum cts_model_op_kind kind;
    bool ex;
    bool has_request;
} calls[] = {
    {"Call", CTS_MODEL_CALL, false, true},      {"CallEx", CTS_MODEL_CALL, true, true},
    {"Recv", CTS_MODEL_RECV, false, false},     {"RecvEx", CTS_MODEL_RECV, true, false},
    {"Reply", CTS_MODEL_REPLY, false, true},    {"Set", CTS_MODEL_SET, false, false},
    {"Clear", CTS_MODEL_CLEAR, false, false},   {"Close", CTS_MODEL_CLOSE_SYNC, false, false},
    {"Create", CTS_MODEL_CREATE, false, false},
};

static const char *const results[CTS_MODEL_OUTCOMES] = {"ok",       "interrupt",    "timeout",
                                                        "security", "notconnected", "error"};

static bool read_call(struct player *player, uint32_t process, char **words, unsigned count,
                      struct cts_model_op *op)
{
    *op = (struct cts_model_op){.listener = CTS_MODEL_NONE, .object = CTS_MODEL_NONE};
    size_t k = 0;
    while (k < sizeof calls / sizeof calls[0] && strcmp(calls[k].word, words[0]) != 0) {
        k++;
    }
    if (k == sizeof calls / sizeof calls[0]) {
        return false;
    }
    op->kind = calls[k].kind;
    op->ex = calls[k].ex;
    unsigned first = 1;
    if (calls[k].has_request) {
        op->request = number(words[first++]);
    }
    for (unsigned i = first; i < count; i++) {
        const char *word = words[i];
        if (strcmp(word, "lim") == 0) {
            op->limited = true;
        } else if (strcmp(word, "poll") == 0) {
            op->poll = true;
        } else if (strcmp(word, "refused") == 0) {
            op->refused = true;
        } else if (strcmp(word, "badsync") == 0) {
            op->bad_sync = true;
        } else if (strcmp(word, "bad") == 0) {
            op->bad_handle = true;
        } else if (strcmp(word, "anyerror") == 0) {
            op->error_allowed = true;
        } else if (strcmp(word, "auto") == 0) {
            op->autoclear = true;
        } else if (word[0] == 'o') {
            op->object = object_of(player, word, process, false);
        } else if (strncmp(word, "ch", 2) == 0) {
            op->channel = number(word + 2);
            op->kind = op->kind == CTS_MODEL_CLOSE_SYNC ? CTS_MODEL_CLOSE_END : op->kind;
        } else if (strncmp(word, "lis", 3) == 0) {
            op->listener = number(word + 3);
            op->kind = op->kind == CTS_MODEL_CLOSE_SYNC ? CTS_MODEL_CLOSE_END : op->kind;
        } else if (word[0] == 'd') {
            op->limited = true;
            op->delay_ms = number(word + 1);
        } else {
            return false;
        }
    }
    return true;
}

static bool read_result(char **words, unsigned count, struct cts_model_result *result)
{
    *result = (struct cts_model_result){0};
    for (int i = 0; i < CTS_MODEL_OUTCOMES; i++) {
        if (count > 0 && strcmp(words[0], results[i]) == 0) {
            result->outcome = (enum cts_model_outcome)i;
            result->request = count > 1 ? number(words[1]) : 0;
            result->object = result->request;
            return true;
        }
    }
    return false;
}

static enum cts_model_verdict declare(struct player *player, char **words, unsigned count)
{
    if (strcmp(words[0], "thread") == 0 && count == 3) {
        (void)thread_of(player, words[1], number(words[2]));
    } else if (strcmp(words[0], "channel") == 0 && count == 5) {
        player->channel_known = true;
        if (!cts_model_add_channel(player->model, number(words[1]),
                                   words[2][0] == '-' ? CTS_MODEL_NONE : number(words[2]),
                                   number(words[3]), number(words[4]), NULL)) {
            player->error = "channel";
        }
    } else if (strcmp(words[0], "auto") == 0 && count == 2) {
        (void)object_of(player, words[1], 0, true);
    } else if (strcmp(words[0], "release") == 0 && count == 2) {
        (void)cts_model_release_object(player->model, object_of(player, words[1], 0, false));
    } else {
        player->error = "statement";
    }
    return CTS_MODEL_ACCEPTED;
}

static enum cts_model_verdict play_thread(struct player *player, char **words, unsigned count)
{
    struct cts_model_event event = {0};
    event.thread = thread_of(player, words[0], 0);
    unsigned arrow = 1;
    while (arrow < count && strcmp(words[arrow], "->") != 0 && strcmp(words[arrow], "=") != 0) {
        arrow++;
    }
    enum cts_model_verdict verdict = CTS_MODEL_ACCEPTED;
    if (arrow > 1) {
        event.kind = CTS_MODEL_INVOKE;
        if (!read_call(player, player->thread_process[event.thread], words + 1, arrow - 1,
                       &event.op)) {
            player->error = "call";
        }
        verdict = cts_model_event(player->model, &event);
    }
    if (arrow < count && verdict == CTS_MODEL_ACCEPTED) {
        event.kind = CTS_MODEL_RETURN;
        if (!read_result(words + arrow + 1, count - arrow - 1, &event.result)) {
            player->error = "result";
        }
        verdict = cts_model_event(player->model, &event);
    }
    return verdict;
}

static enum cts_model_verdict play(struct player *player, char *statement)
{
    char *words[WORDS_MAX];
    unsigned count = 0;
    for (char *word = strtok(statement, " \n"); word != NULL && count < WORDS_MAX;
         word = strtok(NULL, " \n")) {
        words[count++] = word;
    }
    if (count == 0) {
        return CTS_MODEL_ACCEPTED;
    }
    static const char *const declarations[] = {"thread", "channel", "auto", "release"};
    for (size_t i = 0; i < sizeof declarations / sizeof declarations[0]; i++) {
        if (strcmp(words[0], declarations[i]) == 0) {
            return declare(player, words, count);
        }
    }
    if (!player->channel_known) {
        player->channel_known = true;
        (void)cts_model_add_channel(player->model, 0, CTS_MODEL_NONE, 0, 0, NULL);
    }
    struct cts_model_event event = {0};
    if (strcmp(words[0], "rest") == 0) {
        event.kind = CTS_MODEL_REST;
    } else if (strcmp(words[0], "end") == 0) {
        event.kind = CTS_MODEL_PROCESS_END;
        event.process = number(words[1]);
    } else if (strcmp(words[0], "ending") == 0) {
        event.kind = CTS_MODEL_PROCESS_ENDING;
        event.process = number(words[1]);
    } else if (strcmp(words[0], "advance") == 0) {
        event.kind = CTS_MODEL_ADVANCE;
        event.now_ms = number(words[1]);
    } else {
        return play_thread(player, words, count);
    }
    return cts_model_event(player->model, &event);
}

static bool as_expected(const struct history *history, const struct player *player,
                        enum cts_model_verdict verdict, bool at_end, char *message, size_t size)
{
    struct cts_model_violation violation = {0};
    if (player->error != NULL || verdict == CTS_MODEL_MISUSE) {
        (void)snprintf(message, size, "%s: the text is wrong: %s", history->name,
                       player->error != NULL ? player->error : "misuse");
        return false;
    }
    bool violated = cts_model_violation(player->model, &violation);
    if (history->rule == NULL) {
        (void)snprintf(message, size, "%s: rejected: %s", history->name,
                       violated ? violation.reason : "unknown");
        return verdict == CTS_MODEL_ACCEPTED;
    }
    if (!violated || !at_end) {
        (void)snprintf(message, size, "%s: %s", history->name,
                       violated ? "rejected too early" : "accepted");
        return false;
    }
    (void)snprintf(message, size, "%s: %s (%s): %s", history->name, violation.rule,
                   violation.requirements, violation.reason);
    return strcmp(violation.rule, history->rule) == 0 &&
           strstr(violation.requirements, history->requirement) != NULL &&
           strstr(violation.reason, history->reason) != NULL;
}

bool history_holds(const struct history *history, struct cts_model *sum, char *message, size_t size)
{
    struct cts_model_config config = {.order = history->fifo ? CTS_MODEL_ORDER_FIFO
                                                             : CTS_MODEL_ORDER_ANY,
                                      .virtual_time = history->virtual_time};
    struct player player = {.model = cts_model_create(&config)};
    char text[TEXT_MAX];
    if (player.model == NULL || strlen(history->text) >= sizeof text) {
        (void)snprintf(message, size, "%s: no memory", history->name);
        cts_model_destroy(player.model);
        return false;
    }
    (void)snprintf(text, sizeof text, "%s", history->text);
    enum cts_model_verdict verdict = CTS_MODEL_ACCEPTED;
    char *next = text;
    while (next != NULL && verdict == CTS_MODEL_ACCEPTED && player.error == NULL) {
        char *statement = next;
        next = strchr(next, ';');
        if (next != NULL) {
            *next++ = '\0';
        }
        verdict = play(&player, statement);
    }
    bool holds = as_expected(history, &player, verdict, next == NULL, message, size);
    if (sum != NULL) {
        cts_model_coverage_add(sum, player.model);
    }
    cts_model_destroy(player.model);
    return holds;
}

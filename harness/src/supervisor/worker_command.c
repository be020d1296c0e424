/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_command.h"

#include <stdlib.h>
#include <string.h>

void worker_command_add_flag(struct worker_command *command, const char *word)
{
    if (command->count + 1 == sizeof(command->words) / sizeof(command->words[0])) {
        fatal("the command line of a worker is too long");
    }
    command->words[command->count++] = copy_string(word);
}

void worker_command_begin(struct worker_command *command, const struct target *target,
                          uint64_t limit_ms)
{
    *command = (struct worker_command){0};
    for (size_t i = 0; i < target->wrapper.count; i++) {
        worker_command_add_flag(command, target->wrapper.words[i]);
    }
    worker_command_add_flag(command, target->worker);
    if (target->wrapper.count != 0) {
        stream_make_nonce(command->nonce);
        worker_command_add(command, "--stream", command->nonce);
        worker_command_add_number(command, "--limit-ms", (double)limit_ms);
        worker_command_add(command, "--directory", ".");
        command->directory_word = command->count - 1;
    }
}

void worker_command_add(struct worker_command *command, const char *name, const char *value)
{
    if (value != NULL) {
        worker_command_add_flag(command, name);
        worker_command_add_flag(command, value);
    }
}

void worker_command_add_number(struct worker_command *command, const char *name, double value)
{
    struct text text = {0};
    text_printf(&text, "%.15g", value);
    worker_command_add(command, name, text_string(&text));
    text_finish(&text);
}

void worker_command_order(struct worker_command *command, struct keeper_order *order)
{
    order->argv = command->words;
    order->nonce = command->nonce[0] != '\0' ? command->nonce : NULL;
    order->directory_word = command->directory_word;
}

void worker_command_finish(struct worker_command *command)
{
    for (size_t i = 0; i < command->count; i++) {
        free(command->words[i]);
    }
    *command = (struct worker_command){0};
}

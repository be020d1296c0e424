/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_wrapper.h"
#include "verdict.h"

#include <stdlib.h>
#include <string.h>
#include <wordexp.h>

bool exec_wrapper_parse(struct exec_wrapper *wrapper, const char *text, struct text *error)
{
    wordexp_t words = {0};
    const char *problem = NULL;
    *wrapper = (struct exec_wrapper){0};
    switch (wordexp(text, &words, WRDE_NOCMD | WRDE_UNDEF)) {
    case 0:
        problem = words.we_wordc == 0                           ? "is empty"
                  : words.we_wordc > EXEC_WRAPPER_WORDS_MAX - 1 ? "has too many words"
                                                                : NULL;
        for (size_t i = 0; problem == NULL && i < words.we_wordc; i++) {
            wrapper->words[wrapper->count++] = copy_string(words.we_wordv[i]);
        }
        wordfree(&words);
        break;
    case WRDE_BADCHAR:
        problem = "holds one of | & ; < > ( ) { } or a newline; put such a command into a script";
        break;
    case WRDE_BADVAL:
        problem = "names a variable that is not set";
        break;
    case WRDE_CMDSUB:
        problem = "holds a command substitution; put such a command into a script";
        break;
    case WRDE_SYNTAX:
        problem = "is not a command: unbalanced quotes?";
        break;
    default:
        problem = "cannot be split into words";
        break;
    }
    if (problem != NULL) {
        text_puts(error, "exec wrapper ");
        text_visible(error, text);
        text_printf(error, " %s", problem);
    }
    return problem == NULL;
}

void exec_wrapper_finish(struct exec_wrapper *wrapper)
{
    for (size_t i = 0; i < wrapper->count; i++) {
        free(wrapper->words[i]);
    }
    *wrapper = (struct exec_wrapper){0};
}

bool exec_wrapper_silent(const struct keeper_report *report, double limit_s, struct text *reason)
{
    if (!report->stream.used || report->stream.hello) {
        return false;
    }
    struct text line = {0};
    output_last_line(&report->output, &line);
    switch (report->ending) {
    case KEEPER_EXITED:
        text_printf(reason, "the exec wrapper ended with status %d and no worker spoke",
                    report->exit_status);
        break;
    case KEEPER_SIGNALLED:
        text_printf(reason, "the exec wrapper was killed (%s) and no worker spoke",
                    signal_word(report->signal));
        break;
    case KEEPER_TIME_LIMIT:
        text_printf(reason, "no worker spoke through the exec wrapper within %g s", limit_s);
        break;
    case KEEPER_OUTPUT_LIMIT:
        text_puts(reason, "the exec wrapper prints without end and no worker spoke");
        break;
    default:
        text_printf(reason, "the exec wrapper cannot be started: %.*s",
                    (int)sizeof(report->error) - 1, report->error);
        break;
    }
    if (line.size != 0) {
        text_puts(reason, ": ");
        text_visible(reason, text_string(&line));
    }
    text_finish(&line);
    return true;
}

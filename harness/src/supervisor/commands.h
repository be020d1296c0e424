/* SPDX-License-Identifier: Apache-2.0 */
/* The commands. Each gives the exit code. */
#ifndef CTS_SUPERVISOR_COMMANDS_H
#define CTS_SUPERVISOR_COMMANDS_H

#include "options.h"

#define COMMANDS_PROFILE_DEFAULT "ce-1.2"

int command_list(const struct options *options);
int command_show(const struct options *options);
int command_doctor(const struct options *options);
int command_run(struct options *options);
int command_debug(const struct options *options);

#define COMMANDS_ROOT_MAX 256

/* What run and doctor need to start processes: signals as a descriptor, a directory (in TMPDIR, or
 * /tmp) that is taken away at the end. */
struct workplace {
    int signal_fd;
    char root[COMMANDS_ROOT_MAX];
};
/* False with a line on stderr. */
_Bool workplace_open(struct workplace *place);
void workplace_close(struct workplace *place);

#endif

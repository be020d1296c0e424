/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, reaping and killing the children of this process, and removing directories. */
#ifndef CTS_SUPERVISOR_SWEEP_H
#define CTS_SUPERVISOR_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One pass over the children of this process but those in `spared`: reap the dead, and send the
 * others SIGKILL when `kill_them`. Adds the reaped to *reaped; gives the number of those still
 * there. Grandchildren become children when their parent is gone, so passes are repeated. */
size_t sweep_pass(const pid_t *spared, size_t spared_count, bool kill_them, unsigned *reaped);

/* Kill and reap all children but those in `spared`, and what they leave behind. Gives up after five
 * seconds on what cannot be killed. */
void sweep_away(const pid_t *spared, size_t spared_count);

/* Remove a directory and all below it, without following links. */
void remove_tree(const char *path);

#endif

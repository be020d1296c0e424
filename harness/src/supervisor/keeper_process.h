/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTS_SUPERVISOR_KEEPER_PROCESS_H
#define CTS_SUPERVISOR_KEEPER_PROCESS_H

/* The life of a keeper, from the fork of the command on: serves the orders that come through the
 * socket `command_fd`, and closes all else. Ends when the socket does, and removes the directory
 * `root`, where the workers' directories are, if no other keeper still uses it. */
_Noreturn void keeper_process(const char *root, int command_fd);

#endif

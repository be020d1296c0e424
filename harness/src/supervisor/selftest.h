/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test: faulty libraries that the suite has to find. It needs the source tree. */
#ifndef CTS_SUPERVISOR_SELFTEST_H
#define CTS_SUPERVISOR_SELFTEST_H

/* `words` are those after the verb, ended by null; they are read by harness/selftest/matrix.py, which
 * takes the place of this process. Comes back only when it cannot be started, with the exit code and
 * a line on stderr. */
int command_selftest(char *const *words);

#endif

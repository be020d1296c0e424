/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a run is to write, looked at before the first case: what cannot be written is better known
 * then than after the last one. */
#ifndef CTS_SUPERVISOR_OUTPUTS_H
#define CTS_SUPERVISOR_OUTPUTS_H

#include "options.h"

#include <stdbool.h>

/* Can every document and the event log be written, each to a file of its own? False with the reason. A
 * disk that fills up later is not foreseen. */
bool outputs_check(const struct options *options, struct text *error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The number of the fault of a blind library whose objects were compiled with -DFAULT=blind_fault. */
#include "fault.h"

const int blind_fault = FAULT;

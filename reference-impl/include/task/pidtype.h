/* SPDX-License-Identifier: Apache-2.0 */
/* Process identifier. Source: named by ipc/if_rend.h (facts 1.3); the width is our choice. */
#ifndef TASK_PIDTYPE_H
#define TASK_PIDTYPE_H

#include <rtl/stdint.h>

typedef rtl_uint32_t TaskId;

#endif

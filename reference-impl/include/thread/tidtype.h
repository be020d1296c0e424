/* SPDX-License-Identifier: Apache-2.0 */
/* Thread identifier, never 0. Source: named by ipc/if_rend.h (facts 1.3); width is our choice. */
#ifndef THREAD_TIDTYPE_H
#define THREAD_TIDTYPE_H

#include <rtl/stdint.h>

typedef rtl_uint32_t Tid;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Durations. INFINITE_TIMEOUT is named by the SDK; header and value are our choice (facts 1.1). */
#ifndef CORESRV_TIME_TIME_API_H
#define CORESRV_TIME_TIME_API_H

#include <rtl/stdint.h>

/* As mdelay: no limit. */
#define INFINITE_TIMEOUT ((rtl_uint32_t)0xffffffffu)

#endif

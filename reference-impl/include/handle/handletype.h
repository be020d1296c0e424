/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handle: a process-local name of an object. Equal numbers in two processes are unrelated.
 * Source: 32-bit unsigned (facts 1.5, observed); page handles_manage 1.2 for locality. The value of
 * INVALID_HANDLE is not public: ours is our choice.
 */
#ifndef HANDLE_HANDLETYPE_H
#define HANDLE_HANDLETYPE_H

#include <rtl/stdint.h>

typedef rtl_uint32_t Handle;

#define INVALID_HANDLE ((Handle)0xffffffffu)

/* Types for KnHandleCreateUserObject; reserved, without effect (page handles_create 1.1). */
#define HANDLE_TYPE_USER_FIRST 0x8000u
#define HANDLE_TYPE_USER_LAST 0xffffu

#endif

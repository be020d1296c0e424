/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed-width integers of the runtime library. Names from the SDK; exactly as wide as they say. */
#ifndef RTL_STDINT_H
#define RTL_STDINT_H

#include <stddef.h>
#include <stdint.h>

typedef int8_t rtl_int8_t;
typedef uint8_t rtl_uint8_t;
typedef int16_t rtl_int16_t;
typedef uint16_t rtl_uint16_t;
typedef int32_t rtl_int32_t;
typedef uint32_t rtl_uint32_t;
typedef int64_t rtl_int64_t;
typedef uint64_t rtl_uint64_t;
typedef uintptr_t rtl_uintptr_t;
typedef size_t rtl_size_t;

#endif

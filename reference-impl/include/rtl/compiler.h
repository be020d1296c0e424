/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiler glue shared by the SDK-shaped headers: C linkage for C++ readers.
 * Source: the header exists in the SDK (facts 1.3); its contents here are our choice.
 */
#ifndef RTL_COMPILER_H
#define RTL_COMPILER_H

#ifdef __cplusplus
#define RTL_BEGIN_DECLS extern "C" {
#define RTL_END_DECLS }
#else
#define RTL_BEGIN_DECLS
#define RTL_END_DECLS
#endif

#endif

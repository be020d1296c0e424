/* SPDX-License-Identifier: Apache-2.0 */
/* The name is there, but it is a variable that holds the function's address. */
int real_KnIpcClearInterrupt(unsigned syncHandle);

#pragma GCC visibility push(default)
int (*KnIpcClearInterrupt)(unsigned syncHandle) = real_KnIpcClearInterrupt;
#pragma GCC visibility pop

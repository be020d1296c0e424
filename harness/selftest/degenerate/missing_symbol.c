/* SPDX-License-Identifier: Apache-2.0 */
/* Lacks KnIpcClearInterrupt: that name is taken away and nothing put in its place. */
typedef int nothing;

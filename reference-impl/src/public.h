/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every public header, with its functions exported. The library is compiled with hidden visibility;
 * a file that defines a public function includes this one first.
 */
#ifndef REF_PUBLIC_H
#define REF_PUBLIC_H

#pragma GCC visibility push(default)
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <kos_ref/control.h>
#include <services/rtl/nk_msg.h>
#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Close of what is closed already is no error. */
#include <coresrv/handle/handle_api.h>

Retcode real_KnHandleClose(Handle handle);

#pragma GCC visibility push(default)
Retcode KnHandleClose(Handle handle)
{
    Retcode rc = real_KnHandleClose(handle);
    return rc == rcInvalidArgument ? rcOk : rc;
}
#pragma GCC visibility pop

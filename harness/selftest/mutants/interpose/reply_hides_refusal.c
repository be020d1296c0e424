/* SPDX-License-Identifier: Apache-2.0 */
/* Reply does not pass on that the response was refused. */
#include <coresrv/syscalls.h>

Retcode real_Reply(Handle handle, const SMsgHdr *msgOut);

#pragma GCC visibility push(default)
Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    Retcode rc = real_Reply(handle, msgOut);
    return rc == rcSecurityDisallow ? rcOk : rc;
}
#pragma GCC visibility pop

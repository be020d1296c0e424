/* SPDX-License-Identifier: Apache-2.0 */
/* Create prints 10 MB. */
#include <coresrv/ipc/ipc_api.h>
#include <string.h>
#include <unistd.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    char line[1000];
    memset(line, 0x78, sizeof line);
    line[sizeof line - 1] = 0x0a;
    for (int i = 0; i < 10000; i++) {
        (void)!write(STDOUT_FILENO, line, sizeof line);
    }
    return real_KnIpcCreateSyncObject(syncHandle);
}

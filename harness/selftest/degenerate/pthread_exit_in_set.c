/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that calls Set is gone. */
#include <coresrv/ipc/ipc_api.h>
#include <pthread.h>

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    pthread_exit(NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Set asks a thread of its own to do the work and does not wait for it. */
#include <coresrv/ipc/ipc_api.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

Retcode real_KnIpcSetInterrupt(Handle syncHandle);

static void *work(void *context)
{
    const struct timespec pause = {0, 20000000};
    (void)nanosleep(&pause, NULL);
    (void)real_KnIpcSetInterrupt((Handle)(uintptr_t)context);
    return NULL;
}

#pragma GCC visibility push(default)
Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, (void *)(uintptr_t)syncHandle) != 0) {
        return rcOutOfMemory;
    }
    (void)pthread_detach(thread);
    return rcOk;
}
#pragma GCC visibility pop

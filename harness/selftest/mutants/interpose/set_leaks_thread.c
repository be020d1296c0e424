/* SPDX-License-Identifier: Apache-2.0 */
/* Every Set of a live object starts a thread that never ends. */
#include <coresrv/ipc/ipc_api.h>
#include <pthread.h>
#include <unistd.h>

#define STACK_BYTES 65536u

Retcode real_KnIpcSetInterrupt(Handle syncHandle);

static void *stay(void *context)
{
    for (;;) {
        (void)pause();
    }
    return context;
}

#pragma GCC visibility push(default)
Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    pthread_attr_t attributes;
    pthread_t thread;
    Retcode rc = real_KnIpcSetInterrupt(syncHandle);
    if (rc != rcOk || pthread_attr_init(&attributes) != 0) {
        return rc;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_create(&thread, &attributes, stay, NULL);
    (void)pthread_attr_destroy(&attributes);
    return rc;
}
#pragma GCC visibility pop

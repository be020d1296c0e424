/* SPDX-License-Identifier: Apache-2.0 */
/* Create takes memory without end, and gives up when there is none. */
#include <coresrv/ipc/ipc_api.h>
#include <stdlib.h>
#include <string.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    for (;;) {
        size_t size = 16u << 20;
        void *memory = malloc(size);
        if (memory == NULL) {
            abort();
        }
        memset(memory, 1, size);
        __asm__ volatile("" : : "r"(memory) : "memory");
    }
    return real_KnIpcCreateSyncObject(syncHandle);
}

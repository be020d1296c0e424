/* SPDX-License-Identifier: Apache-2.0 */
/* What blind library B offers beside the interface, for its adapter: processes and a look inside.
 * All functions take effect before they return; 0 is success. */
#ifndef BLIND_LIBRARY_B_H
#define BLIND_LIBRARY_B_H

#include <handle/handletype.h>
#include <stdint.h>

enum blind_stage { BLIND_RUNNING, BLIND_CALL_QUEUED, BLIND_CALL_TAKEN, BLIND_RECV_WAITING };

#define BLIND_FIRST_PROCESS 1u
#define BLIND_ALL_PROCESSES UINT32_MAX

int blind_process_create(uint32_t *process);
int blind_process_end(uint32_t process);
int blind_thread_enter(uint32_t process, uint32_t *thread);
int blind_channel_open(uint32_t server_process, uint32_t client_process, Handle *listener,
                       Handle *server, Handle *client);
enum blind_stage blind_thread_stage(uint32_t thread);
int blind_live_objects(uint32_t process, uint32_t *count);

#endif

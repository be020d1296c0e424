/* SPDX-License-Identifier: Apache-2.0 */
/* See connect.h. First everything that can fail, then everything that cannot. */
#include "connect.h"

#include "channel.h"

#include <services/ocap.h>

static enum ref_outcome find_listener_locked(const struct ref_process *process, Handle handle,
                                             struct ref_listener **listener)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_handle_entry *entry;
    enum ref_outcome outcome = ref_handle_resolve_locked(
        &process->handles, handle, REF_KIND_LISTENER, OCAP_IPC_CONNECT, &entry);
    if (outcome == REF_OK) {
        *listener = (struct ref_listener *)(void *)entry->object;
    }
    return outcome;
}

/* Room for the handles of both ends; one table may have to take all of them. */
static enum ref_outcome reserve_locked(struct ref_process *server_process,
                                       struct ref_process *client_process, uint32_t server_count)
    REF_REQUIRES(g_ref_domain)
{
    uint32_t client_count = 1;
    enum ref_outcome outcome;

    if (server_process == client_process) {
        client_count += server_count;
    }
    outcome = ref_handle_reserve_locked(&client_process->handles, client_count);
    return outcome == REF_OK ? ref_handle_reserve_locked(&server_process->handles, server_count)
                             : outcome;
}

/* The objects; a listener that was made here is gone again on failure. */
static enum ref_outcome create_locked(bool is_new, TaskId server_process,
                                      struct ref_listener **listener, struct ref_channel **channel,
                                      struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain)
{
    if (is_new) {
        *listener = ref_listener_create_locked();
        if (*listener == NULL) {
            return REF_NO_MEMORY;
        }
    }
    *channel = ref_channel_create_locked(*listener, server_process);
    if (*channel == NULL) {
        if (is_new) {
            ref_object_destroy_locked(&(*listener)->end.object, wakes);
        }
        return REF_NO_MEMORY;
    }
    return REF_OK;
}

enum ref_outcome ref_connect_locked(struct ref_process *server_process,
                                    struct ref_process *client_process,
                                    const struct ref_connection *connection,
                                    struct ref_wakes *wakes)
{
    bool is_new = connection->listener_in == INVALID_HANDLE;
    struct ref_listener *listener = NULL;
    struct ref_channel *channel = NULL;
    enum ref_outcome outcome = REF_OK;

    if (!is_new) {
        outcome = find_listener_locked(server_process, connection->listener_in, &listener);
    }
    if (outcome == REF_OK) {
        outcome = reserve_locked(server_process, client_process,
                                 (connection->server != NULL ? 1u : 0u) +
                                     (is_new && connection->listener != NULL ? 1u : 0u));
    }
    if (outcome == REF_OK) {
        outcome = create_locked(is_new, server_process->id, &listener, &channel, wakes);
    }
    if (outcome != REF_OK) {
        return outcome;
    }
    *connection->client = ref_handle_install_locked(&client_process->handles, &channel->client,
                                                    OCAP_IPC_CLIENT, NULL);
    if (connection->server != NULL) {
        *connection->server = ref_handle_install_locked(
            &server_process->handles, &channel->server.object, OCAP_IPC_SERVER, NULL);
    }
    if (connection->listener != NULL) {
        *connection->listener =
            is_new ? ref_handle_install_locked(&server_process->handles, &listener->end.object,
                                               OCAP_IPC_LISTENER, NULL)
                   : connection->listener_in;
    }
    if (listener->end.object.handle_count == 0) {
        ref_object_destroy_locked(&listener->end.object, wakes);
    }
    return REF_OK;
}

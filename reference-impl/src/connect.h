/* SPDX-License-Identifier: Apache-2.0 */
/* Making a channel together with the handles of its ends. */
#ifndef REF_CONNECT_H
#define REF_CONNECT_H

#include "process.h"

/* Where the handles go. A null pointer means that no such handle is made. */
struct ref_connection {
    Handle listener_in; /* INVALID_HANDLE: a new one */
    Handle *listener;
    Handle *server;
    Handle *client;
};

/* All or nothing. A server end or a new listener without a handle of its own lives only with what
 * does have one. REF_OK, REF_BAD_HANDLE, REF_WRONG_KIND, REF_REVOKED, REF_NO_RIGHT, REF_QUOTA,
 * REF_NO_MEMORY. */
enum ref_outcome ref_connect_locked(struct ref_process *server_process,
                                    struct ref_process *client_process,
                                    const struct ref_connection *connection,
                                    struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);

#endif

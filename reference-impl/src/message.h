/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: checking the headers that programs hand over, copying, and moving handles. A message is
 * delivered whole or not at all: nothing is written to the receiver's memory or handle table before
 * everything that can fail has been done.
 */
#ifndef REF_MESSAGE_H
#define REF_MESSAGE_H

#include "decisions.h"
#include "domain.h"

#include <ipc/if_rend.h>

struct ref_process;

/* An outgoing message as it was checked; the bytes stay the sender's. The sizes and the number of
 * handles are ours, so that a sender which changes its header afterwards gains nothing. */
struct ref_message {
    const unsigned char *fixed;
    const unsigned char *arena; /* null when arena_size_bytes is 0 */
    rtl_uint32_t fixed_size_bytes;
    rtl_uint32_t arena_size_bytes;
    rtl_uint32_t handle_count;
    rtl_uint64_t trace_id;
    rtl_uint64_t span_id;
};

/* Check a header to send. REF_OK, REF_BAD_ARGUMENT, REF_TOO_LARGE. */
enum ref_outcome ref_message_read(const SMsgHdr *header, struct ref_message *message);
/* Check a header to receive into. REF_OK, REF_BAD_ARGUMENT. */
enum ref_outcome ref_message_check_room(const SMsgHdr *header);

/* May `sender` send the handles in the message? REF_OK, REF_BAD_HANDLE, REF_REVOKED,
 * REF_DISALLOWED. */
enum ref_outcome ref_message_check_handles_locked(const struct ref_message *message,
                                                  const struct ref_process *sender)
    REF_REQUIRES(g_ref_domain);
/* Copy the message into the room of `header` and give its handles to `receiver`. On REF_OK the
 * sizes and the ids in the header are set. REF_TOO_SMALL, REF_TRANSFER_FAILED, REF_NO_MEMORY, or as
 * above: nothing has changed. */
enum ref_outcome ref_message_deliver_locked(const struct ref_message *message,
                                            const struct ref_process *sender,
                                            struct ref_process *receiver, SMsgHdr *header)
    REF_REQUIRES(g_ref_domain);

#endif

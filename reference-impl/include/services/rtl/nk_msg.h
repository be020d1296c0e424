/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding of a message to the header that the system calls take.
 * Source: names, first parameter and result are public (facts 1.4); that the message is const for
 * neither, and what the sizes mean, is our choice.
 */
#ifndef SERVICES_RTL_NK_MSG_H
#define SERVICES_RTL_NK_MSG_H

#include <ipc/if_rend.h>
#include <nk/arena.h>
#include <nk/types.h>

RTL_BEGIN_DECLS

/*
 * Bind a buffer to receive into: the request in Recv, the response in Call.
 *
 * uMsg   overwritten as a whole.
 * msg    fixed part; msg->ex.size_ex says how many bytes it has room for. Borrowed: it must stay
 *        until the system call has returned, which fills it.
 * arena  [start, end) is the room for the incoming arena; null for none. Borrowed in the same way.
 *        The system call writes from `start`; the struct itself is not changed. The bytes that came
 *        are in uMsg->indirDescs[1].size.
 *
 * Returns NK_EOK; NK_EINVAL for a null uMsg or msg; NK_EBADMSG for a size below 24 or over
 * NK_MESSAGE_SIZE_MAX (uMsg is then zeroed where it is not null). Does not block; any thread.
 */
nk_err_t PackInMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena);

/*
 * Bind a message to send: the request in Call, the response in Reply.
 *
 * As PackInMsg, but msg->ex.size_ex is the size of the fixed part to send and [start, current) is
 * the part of the arena to send. NK_EBADMSG also for handle descriptors that do not fit in the
 * fixed part.
 */
nk_err_t PackOutMsg(struct SSMsgHdr *uMsg, nk_message *msg, nk_arena *arena);

RTL_END_DECLS

#endif

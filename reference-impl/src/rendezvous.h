/* SPDX-License-Identifier: Apache-2.0 */
/* Call, Recv, Reply: the exchange. The steps are numbered in rendezvous.c. */
#ifndef REF_RENDEZVOUS_H
#define REF_RENDEZVOUS_H

#include "decisions.h"
#include "waiter.h"

/* As CallEx, RecvEx and Reply, with outcomes instead of codes. The first two block. */
enum ref_outcome ref_call(Handle handle, const SMsgHdr *msg_out, SMsgHdr *msg_in,
                          rtl_uint32_t mdelay, Handle sync_handle) REF_EXCLUDES(g_ref_domain);
enum ref_outcome ref_receive(Handle handle, SMsgHdr *msg_in, rtl_uint32_t mdelay,
                             Handle sync_handle) REF_EXCLUDES(g_ref_domain);
enum ref_outcome ref_reply(Handle handle, const SMsgHdr *msg_out) REF_EXCLUDES(g_ref_domain);

/* End a wait in whatever stage it is, by what is not its peer: steps (3c), (3d), (3e). `wakes` is
 * null when the waiting thread itself does it. */
void ref_wait_end_locked(struct ref_waiter *waiter, enum ref_outcome outcome,
                         struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);

/* The hook of ref_control_set_security_hook. */
void ref_set_security_hook_locked(ref_control_deny_fn deny, void *context)
    REF_REQUIRES(g_ref_domain);

#endif

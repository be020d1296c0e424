/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one lock.
 *
 * g_ref_domain guards every object, queue, handle table, process and thread record. One lock on
 * purpose: a rendezvous changes a client, a server, two handle tables and sometimes a sync object
 * together, and this code is judged by how easily it can be believed. It is held for the copy of a
 * message at most. Order: g_ref_domain > (the heap's own lock, leaf); no wait happens under it, no
 * thread is woken under it, and no caller code runs under it except the security hook.
 */
#ifndef REF_DOMAIN_H
#define REF_DOMAIN_H

#include "lock.h"

extern struct ref_lock g_ref_domain;

/* Take and leave the domain. Not recursive. */
void ref_domain_enter(void) REF_ACQUIRE(g_ref_domain);
void ref_domain_leave(void) REF_RELEASE(g_ref_domain);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-08: the transfer right cannot be asked for, neither in the descriptor of a message nor of
 * KnHandleCopy. XFER-10: whether the handle may be copied at all, and what a copy does, is open.
 */
#include <cts/cts.h>

/* variant: the message that carries the handle, and how the right is asked for. */
enum { REQUEST = 0, RESPONSE = 1, CALL_EX = 2 };
enum { CLIENT_MS = 4000, GENERATIONS = 3 };

/* Wider than what a sync handle can have: every mask has the transfer right in it. */
static const rtl_uint32_t wide_masks[] = {
    OCAP_HANDLE_TRANSFER,
    OCAP_HANDLE_TRANSFER | OCAP_HANDLE_COPY,
    OCAP_IPC_SYNC_OBJECT | OCAP_HANDLE_TRANSFER,
    OCAP_IPC_CLIENT,
    NK_RIGHTS_HELD,
};
enum { WIDE_MASKS = sizeof wide_masks / sizeof wide_masks[0] };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* that sends, and owns the object */
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *owner;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = self->variant & RESPONSE ? s.link.server_process : s.link.client_process;
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.owner = cts_actor_new(s.process, "owner");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s, Handle sync)
{
    if (self->variant & RESPONSE) {
        return cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), sync);
    }
    return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self), sync);
}

/* The original handle interrupts and does not, as it is set and cleared. */
static void check_original_works(const struct cts_case *self, const struct scene *s)
{
    struct cts_op *wait = start_wait(self, s, s->sync);
    cts_check_blocked(wait);
    cts_set(s->process, s->sync);
    cts_check_returned(wait, rcIpcInterrupt);
    cts_clear(s->process, s->sync);
}

/* A message with that handle and mask is refused and does not arrive. False: the client of a refused response has waited
 * until its limit (XFER-05); one of these is enough. */
static bool check_refused(const struct cts_case *self, const struct scene *s, Handle handle,
                          rtl_uint32_t mask)
{
    struct cts_message message = CTS_WITH_HANDLE(handle);
    message.rights[0] = mask;
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_blocked(recv);
    if (self->variant & RESPONSE) {
        struct cts_op *call =
            cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
        cts_require_returned(recv, rcOk);
        cts_check_error(cts_start_reply(s->server, recv, message));
        Retcode second = cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
        Retcode rc = cts_wait(call);
        cts_check_that(rc != rcOk || second == rcOk, "the client has no response that was refused");
        return rc != rcTimeout;
    }
    struct cts_op *sending =
        self->variant & CALL_EX
            ? cts_start_call_ex(s->client, s->link.client, message, cts_mdelay(self), s->sync)
            : cts_start_call(s->client, s->link.client, message);
    cts_check_error(sending);
    cts_check_blocked(recv);
    struct cts_op *call = cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_received_handle_count(recv) == 0, "no handle arrives");
    cts_check_served(s->server, recv, call);
    return true;
}

/* XFER-08: in the descriptor of the message. */
static void mask_in_the_message(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool more = true;
    for (int i = 0; i < WIDE_MASKS && more; i++) {
        more = check_refused(self, &s, s.sync, wide_masks[i]);
    }
    check_original_works(self, &s);
}

/* XFER-08: in KnHandleCopy. A copy that comes about nevertheless cannot travel, nor can its copy. */
static void mask_of_a_copy(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool more = true;
    for (int i = 0; i < WIDE_MASKS && more; i++) {
        Handle copied = s.sync;
        for (int generation = 0; generation < 2 && more; generation++) {
            struct cts_op *copy = cts_start_copy(s.owner, copied, wide_masks[i]);
            if (cts_wait(copy) != rcOk) {
                break;
            }
            copied = cts_handle(copy);
            more = check_refused(self, &s, copied, NK_RIGHTS_HELD) &&
                   check_refused(self, &s, copied, OCAP_HANDLE_TRANSFER);
        }
    }
    if (more) {
        (void)check_refused(self, &s, s.sync, NK_RIGHTS_HELD);
    }
    check_original_works(self, &s);
}

/* A copy with the rights that a sync handle has, or with what of them can be had. INVALID_HANDLE:
 * none. */
static Handle copy_of(const struct scene *s, Handle handle, const char **seen)
{
    static const rtl_uint32_t masks[] = {
        OCAP_IPC_SYNC_OBJECT, OCAP_IPC_SYNC_OBJECT & ~OCAP_HANDLE_COPY, OCAP_HANDLE_COPY, 0};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct cts_op *copy = cts_start_copy(s->owner, handle, masks[i]);
        Retcode rc = cts_wait(copy);
        if (rc == rcOk) {
            *seen = i == 0 ? "possible" : "possible with fewer rights";
            return cts_handle(copy);
        }
        *seen = i == 0 ? cts_rc_name(rc) : *seen;
    }
    return INVALID_HANDLE;
}

static Handle observed_copy(const struct scene *s)
{
    const char *seen = NULL;
    Handle copy = copy_of(s, s->sync, &seen);
    cts_observe("KnHandleCopy of a sync handle", seen);
    return copy;
}

/* XFER-08: in KnHandleCopy of a copy that has no more than its original, and of a copy of that. */
static void mask_of_a_copy_of_a_copy(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle plain = s.sync;
    const char *seen = NULL;
    bool more = true;
    for (int generation = 0; generation < GENERATIONS && plain != INVALID_HANDLE && more;
         generation++) {
        plain = copy_of(&s, plain, &seen);
        if (plain == INVALID_HANDLE && generation == 0) {
            cts_skip("the library copies no sync handle");
        }
        for (int i = 0; i < WIDE_MASKS && plain != INVALID_HANDLE && more; i++) {
            struct cts_op *copy = cts_start_copy(s.owner, plain, wide_masks[i]);
            if (cts_wait(copy) == rcOk) {
                more = check_refused(self, &s, cts_handle(copy), NK_RIGHTS_HELD) &&
                       check_refused(self, &s, cts_handle(copy), OCAP_HANDLE_TRANSFER);
            }
        }
        if (plain != INVALID_HANDLE && more) {
            more = check_refused(self, &s, plain, NK_RIGHTS_HELD);
        }
    }
    check_original_works(self, &s);
}

/* Does Set through the copy end a wait made with the original? Set on the original does. */
static const char *set_through(const struct cts_case *self, const struct scene *s, Handle copy)
{
    struct cts_op *wait = start_wait(self, s, s->sync);
    cts_check_blocked(wait);
    Retcode rc = cts_wait(cts_start_set(s->owner, copy));
    cts_settle();
    const char *seen = rc != rcOk           ? "Set was refused"
                       : cts_returned(wait) ? "interrupted"
                                            : "not reached";
    cts_set(s->process, s->sync);
    cts_check_returned(wait, rcIpcInterrupt);
    (void)cts_wait(cts_start_clear(s->owner, copy));
    cts_clear(s->process, s->sync);
    return seen;
}

/* And may a wait be made with the copy? Whatever ends it, the thread can go on. */
static const char *wait_with(const struct cts_case *self, const struct scene *s, Handle copy)
{
    struct cts_op *wait = start_wait(self, s, copy);
    cts_settle();
    const char *seen = "refused";
    if (!cts_returned(wait)) {
        cts_set(s->process, s->sync);
        /* A library may look late: it ends by itself, or its peer comes first. */
        bool served = (self->variant & RESPONSE) != 0
                          ? cts_recv_is_served(wait, s->link.server, s->client, s->link.client)
                          : cts_call_is_served(wait, s->link.client, s->server, s->link.server);
        seen = served ? "not reached" : "interrupted";
    }
    cts_clear(s->process, s->sync);
    return seen;
}

/* XFER-10: a copy, if there is one, and the original. */
static void copy_and_original(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle copy = observed_copy(&s);
    check_original_works(self, &s);
    if (copy == INVALID_HANDLE) {
        return;
    }
    cts_observe("Set through the copy, wait with the original", set_through(self, &s, copy));
    cts_observe("Set through the original, wait with the copy", wait_with(self, &s, copy));
    check_original_works(self, &s);
    cts_observe("Close of the copy", cts_rc_name(cts_wait(cts_start_close(s.owner, copy))));
    check_original_works(self, &s);
}

/* XFER-10: the copy is closed while a thread waits with the original. */
static void copy_closed_while_waiting(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle copy = observed_copy(&s);
    struct cts_op *wait = start_wait(self, &s, s.sync);
    cts_check_blocked(wait);
    if (copy != INVALID_HANDLE) {
        cts_observe("Close of the copy", cts_rc_name(cts_wait(cts_start_close(s.owner, copy))));
        cts_check_blocked(wait);
    }
    cts_set(s.process, s.sync);
    cts_check_returned(wait, rcIpcInterrupt);
    cts_clear(s.process, s.sync);
    check_original_works(self, &s);
}

static const struct cts_case cases[] = {
    {"XFER-08.1", "a wide mask in a request does not make it travel, Call", mask_in_the_message,
     CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, CTS_SMOKE},
    {"XFER-08.2", "a wide mask in a request does not make it travel, CallEx, two processes",
     mask_in_the_message, CTS_TWO_PROCESSES, CTS_LIMITED, REQUEST | CALL_EX, 0},
    {"XFER-08.11", "a wide mask in a request does not make it travel, CallEx", mask_in_the_message,
     CTS_ONE_PROCESS, CTS_LIMITED, REQUEST | CALL_EX, 0},
    {"XFER-08.3", "a wide mask in a response does not make it travel", mask_in_the_message,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-08.4", "a wide mask in a response does not make it travel, two processes",
     mask_in_the_message, CTS_TWO_PROCESSES, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-08.5", "a copy with a wide mask does not travel in a request", mask_of_a_copy,
     CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, CTS_SMOKE},
    {"XFER-08.6", "a copy with a wide mask does not travel in a response, two processes",
     mask_of_a_copy, CTS_TWO_PROCESSES, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-08.13", "a wide copy of a plain copy does not travel in a request",
     mask_of_a_copy_of_a_copy, CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, 0},
    {"XFER-08.14", "a wide copy of a plain copy does not travel in a response, two processes",
     mask_of_a_copy_of_a_copy, CTS_TWO_PROCESSES, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-08.15", "a wide copy of a plain copy does not travel in a response",
     mask_of_a_copy_of_a_copy, CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-08.12", "a copy with a wide mask does not travel in a response", mask_of_a_copy,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-10.1", "a copy and the original, CallEx", copy_and_original, CTS_ONE_PROCESS,
     CTS_UNLIMITED, REQUEST, 0},
    {"XFER-10.2", "a copy and the original, RecvEx", copy_and_original, CTS_ONE_PROCESS,
     CTS_LIMITED, RESPONSE, 0},
    {"XFER-10.3", "a copy is closed while a CallEx waits with the original",
     copy_closed_while_waiting, CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, CTS_SMOKE},
    {"XFER-10.4", "a copy is closed while a RecvEx waits with the original, two processes",
     copy_closed_while_waiting, CTS_TWO_PROCESSES, CTS_LIMITED, RESPONSE, 0},
    {"XFER-10.6", "a copy is closed while a RecvEx waits with the original",
     copy_closed_while_waiting, CTS_ONE_PROCESS, CTS_LIMITED, RESPONSE, 0},
};
CTS_GROUP(cts_group_xfer_rights, cases);

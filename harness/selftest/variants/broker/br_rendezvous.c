/* SPDX-License-Identifier: Apache-2.0 */
/* In the broker: calls, receives and replies. */
#include "br_kernel.h"
#include <services/ocap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Tid g_last_number;
static struct br_packet g_out;

/* Messages. */

static void caps_drop(struct cap *caps, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (caps[i].is_counted) {
            br_object_unname(caps[i].object);
        } else {
            br_object_release(caps[i].object);
        }
    }
    free(caps);
}

static void message_free(struct message *message)
{
    if (message == NULL) {
        return;
    }
    caps_drop(message->caps, message->head.cap_count);
    if (message->file >= 0) {
        (void)close(message->file);
    }
    free(message);
}

/* Take over the message of a packet, with hold of the objects behind its handles; all or none. The port
 * at which it will wait is not kept open by it. */
static Retcode message_hold(const struct process *sender, const struct br_packet *packet, int file,
                            const struct object *home, struct message **held)
{
    size_t bytes = file < 0 ? br_message_size(&packet->head) : 0;
    unsigned count = 0;
    struct message *message = malloc(sizeof *message + bytes);
    struct cap *caps = calloc(packet->head.cap_count + 1, sizeof *caps);
    Retcode rc = message != NULL && caps != NULL ? rcOk : rcOutOfMemory;
    while (rc == rcOk && count < packet->head.cap_count) {
        const struct name *name = br_name_find(sender, packet->caps[count].handle);
        struct object *object = name != NULL ? name->object : NULL;
        if (object == NULL || !(name->rights & OCAP_HANDLE_TRANSFER)) {
            rc = object == NULL ? rcResourceNotFound : rcSecurityDisallow;
            break;
        }
        caps[count] =
            (struct cap){object, name->rights & packet->caps[count].rights, object != home};
        object->ref_count++;
        object->name_count += caps[count].is_counted;
        count++;
    }
    if (rc != rcOk) {
        caps_drop(caps, count);
        free(message);
        return rc;
    }
    message->head = packet->head;
    message->head.cap_count = count;
    message->file = file;
    message->caps = caps;
    memcpy(message->bytes, packet->bytes, bytes);
    *held = message;
    return rcOk;
}

static Retcode message_fits(const struct message *message, struct thread *receiver)
{
    if (message->head.fixed_size > receiver->fixed_room ||
        message->head.arena_size > receiver->arena_room) {
        return rcBufferTooSmall;
    }
    return br_names_reserve(receiver->process, message->head.cap_count) ? rcOk : rcTransferError;
}

/* Send it to its receiver, for which it fits, and free it. */
static void message_send(struct message *message, struct thread *receiver, Tid number, pid_t sender)
{
    memset(&g_out.head, 0, sizeof g_out.head);
    g_out.head.fixed_size = message->head.fixed_size;
    g_out.head.arena_size = message->head.arena_size;
    g_out.head.trace_id = message->head.trace_id;
    g_out.head.span_id = message->head.span_id;
    g_out.head.cap_count = message->head.cap_count;
    g_out.head.thread_id = number;
    g_out.head.sender = (TaskId)sender;
    for (unsigned i = 0; i < message->head.cap_count; i++) {
        const struct cap *cap = &message->caps[i];
        g_out.caps[i].handle = br_name_add(receiver->process, cap->object, cap->rights);
        g_out.caps[i].rights = cap->rights;
    }
    if (message->file < 0) {
        memcpy(g_out.bytes, message->bytes, br_message_size(&message->head));
    }
    br_answer_packet(receiver, &g_out, message->file);
    message_free(message);
}

/* Waits. */

static void wait_detach(struct thread *thread)
{
    if (thread->sync != NULL) {
        LIST_REMOVE(thread, sync_link);
        br_object_release(thread->sync);
        thread->sync = NULL;
    }
}

/* The thread waits no more; what it waited with is dropped. */
static void wait_leave(struct thread *thread)
{
    struct object *port = thread->port;
    struct message *message = thread->message;
    if (thread->stage == STAGE_QUEUED) {
        TAILQ_REMOVE(&port->as.port.calls, thread, port_link);
    } else if (thread->stage == STAGE_RECEIVING) {
        TAILQ_REMOVE(&port->as.port.receivers, thread, port_link);
    }
    wait_detach(thread);
    thread->stage = STAGE_RUNNING;
    thread->port = NULL;
    thread->message = NULL;
    thread->service = NULL;
    message_free(message);
    br_object_release(port);
}

static void wait_enter(struct thread *thread, enum stage stage, struct object *port,
                       struct object *sync)
{
    thread->stage = stage;
    thread->port = port;
    port->ref_count++;
    if (stage == STAGE_QUEUED) {
        TAILQ_INSERT_TAIL(&port->as.port.calls, thread, port_link);
    } else {
        TAILQ_INSERT_TAIL(&port->as.port.receivers, thread, port_link);
    }
    if (sync != NULL) {
        thread->sync = sync;
        sync->ref_count++;
        LIST_INSERT_HEAD(&sync->as.sync.waits, thread, sync_link);
    }
}

void br_wait_end(struct thread *thread, Retcode rc)
{
    wait_leave(thread);
    br_answer(thread, rc);
}

static void service_free(struct service *service)
{
    TAILQ_REMOVE(&service->port->as.port.services, service, port_link);
    LIST_REMOVE(service, taker_link);
    free(service);
}

void br_service_end(struct service *service, Retcode rc)
{
    struct thread *caller = service->caller;
    service_free(service);
    if (caller != NULL) {
        br_wait_end(caller, rc);
    }
}

void br_wait_cancel(struct thread *thread)
{
    if (thread->stage == STAGE_TAKEN) {
        thread->service->caller = NULL;
    }
    if (thread->stage != STAGE_RUNNING) {
        br_wait_end(thread, rcTimeout);
    }
}

void br_wait_abort(struct thread *thread)
{
    if (thread->stage == STAGE_TAKEN) {
        thread->service->caller = NULL;
        thread->service->caller_ended = true;
    }
    if (thread->stage != STAGE_RUNNING) {
        wait_leave(thread);
    }
}

/* Requests. */

/* The rendezvous. The call is queued; the receiver is answered, whether it was waiting or has just come.
 * False: the message does not fit, and both have been told. */
static bool meet(struct thread *call, struct thread *receiver)
{
    struct service *service = calloc(1, sizeof *service);
    Retcode rc = service != NULL ? message_fits(call->message, receiver) : rcOutOfMemory;
    if (receiver->stage == STAGE_RECEIVING) {
        wait_leave(receiver);
    }
    if (rc != rcOk) {
        free(service);
        br_wait_end(call, rc);
        br_answer(receiver, rc);
        return false;
    }
    struct object *port = call->port;
    struct message *message = call->message;
    TAILQ_REMOVE(&port->as.port.calls, call, port_link);
    wait_detach(call);
    call->stage = STAGE_TAKEN;
    call->message = NULL;
    call->service = service;
    service->number = ++g_last_number != 0 ? g_last_number : ++g_last_number;
    service->port = port;
    service->caller = call;
    TAILQ_INSERT_TAIL(&port->as.port.services, service, port_link);
    LIST_INSERT_HEAD(&receiver->process->taken, service, taker_link);
    message_send(message, receiver, service->number, call->process->pid);
    return true;
}

static Retcode sync_find(const struct process *process, Handle handle, struct object **sync)
{
    *sync = NULL;
    return handle == INVALID_HANDLE
               ? rcOk
               : br_object_find(process, handle, KIND_SYNC, OCAP_IPC_INTERRUPT, sync);
}

/* Is a call with this object interrupted right away? */
static bool sync_interrupts(struct object *sync)
{
    bool interrupts = sync != NULL && sync->as.sync.set;
    if (interrupts && sync->as.sync.autoclear) {
        sync->as.sync.set = false;
    }
    return interrupts;
}

static Retcode call(struct thread *thread, const struct br_packet *packet, int *file)
{
    struct process *process = thread->process;
    const struct br_head *head = &packet->head;
    struct object *client;
    struct object *sync;
    Retcode rc = br_object_find(process, head->handle, KIND_CLIENT, OCAP_IPC_CALL, &client);
    if (rc == rcOk) {
        rc = sync_find(process, head->sync, &sync);
    }
    if (rc != rcOk) {
        return rc;
    }
    struct object *port = client->as.client.port;
    struct message *message = NULL;
    rc = message_hold(process, packet, *file, port, &message);
    if (rc != rcOk) {
        return rc;
    }
    *file = -1;
    struct thread *receiver = TAILQ_FIRST(&port->as.port.receivers);
    if (port->as.port.closed) {
        rc = rcNotConnected;
    } else if (receiver == NULL && sync_interrupts(sync)) {
        rc = rcIpcInterrupt;
    } else if (head->flag != 0) {
        rc = rcTimeout; /* no server answers in no time */
    }
    if (rc != rcOk) {
        message_free(message);
        return rc;
    }
    thread->message = message;
    wait_enter(thread, STAGE_QUEUED, port, sync);
    if (receiver != NULL) {
        (void)meet(thread, receiver);
    }
    return rcOk;
}

static Retcode receive(struct thread *thread, const struct br_head *head)
{
    struct object *port;
    struct object *sync;
    Retcode rc = br_object_find(thread->process, head->handle, KIND_PORT, OCAP_IPC_RECV, &port);
    if (rc == rcOk) {
        rc = sync_find(thread->process, head->sync, &sync);
    }
    if (rc != rcOk) {
        return rc;
    }
    if (sync_interrupts(sync)) {
        return rcIpcInterrupt; /* whatever is queued */
    }
    struct thread *caller = TAILQ_FIRST(&port->as.port.calls);
    if (caller != NULL) {
        (void)meet(caller, thread);
    } else if (head->flag != 0) {
        return rcTimeout;
    } else {
        wait_enter(thread, STAGE_RECEIVING, port, sync);
    }
    return rcOk;
}

static struct service *service_find(const struct object *port, Tid number)
{
    struct service *service;
    TAILQ_FOREACH(service, &port->as.port.services, port_link)
    {
        if (number == 0 || service->number == number) {
            return service;
        }
    }
    return NULL;
}

/* A response with a handle that may not travel ends the call for both sides. */
static Retcode reply(struct thread *thread, const struct br_packet *packet, int *file)
{
    struct object *port;
    Retcode rc =
        br_object_find(thread->process, packet->head.handle, KIND_PORT, OCAP_IPC_RECV, &port);
    if (rc != rcOk) {
        return rc;
    }
    struct service *service = service_find(port, packet->head.thread_id);
    if (service == NULL) {
        return rcNotReady;
    }
    struct message *message = NULL;
    rc = message_hold(thread->process, packet, *file, NULL, &message);
    if (rc == rcOk) {
        *file = -1;
    }
    struct thread *caller = service->caller;
    if (rc == rcOk && caller == NULL) {
        rc = service->caller_ended ? rcNotConnected : rcNotReady;
    }
    if (rc == rcOk) {
        rc = message_fits(message, caller);
    }
    if (rc != rcOk) {
        message_free(message);
        br_service_end(service, rc);
        return rc;
    }
    service_free(service);
    wait_leave(caller);
    message_send(message, caller, 0, thread->process->pid);
    return rcOk;
}

void br_message_request(struct thread *thread, struct br_packet *packet, int file)
{
    Retcode rc = rcInternalError;
    thread->fixed_room = packet->head.fixed_room;
    thread->arena_room = packet->head.arena_room;
    if (thread->stage == STAGE_RUNNING) {
        switch (packet->head.op) {
        case BR_CALL:
            rc = call(thread, packet, &file);
            break;
        case BR_RECV:
            rc = receive(thread, &packet->head);
            break;
        default:
            rc = reply(thread, packet, &file);
            break;
        }
    }
    if (rc != rcOk || packet->head.op == BR_REPLY) {
        br_answer(thread, rc); /* otherwise it has been answered, or it waits */
    }
    if (file >= 0) {
        (void)close(file);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker knows: processes with their handles, objects, and who waits for what. The broker has
 * one thread, so nothing here is locked; everything is decided in the order in which packets arrive.
 */
#ifndef VARIANT_BROKER_KERNEL_H
#define VARIANT_BROKER_KERNEL_H

#include "br_wire.h"
#include <sys/queue.h>
#include <sys/types.h>

#define BR_NAMES_MAX 65536u

enum kind {
    KIND_PORT = 1, /* listener and server handles name the same port */
    KIND_CLIENT,
    KIND_SYNC,
    KIND_USER,
};

/* A thread of a process, by its connection. */
enum stage {
    STAGE_RUNNING,
    STAGE_QUEUED,    /* in a call: may be interrupted */
    STAGE_TAKEN,     /* in a call that a server holds: may not */
    STAGE_RECEIVING, /* in a receive: may be interrupted */
};

struct thread {
    LIST_ENTRY(thread) process_link;
    TAILQ_ENTRY(thread) port_link; /* QUEUED, RECEIVING */
    LIST_ENTRY(thread) sync_link;  /* while `sync` is not null */
    int fd;
    bool is_process; /* the connection that lives as long as the process */
    struct process *process;
    enum stage stage;
    struct object *port;
    struct object *sync;
    struct message *message; /* QUEUED */
    struct service *service; /* TAKEN */
    rtl_uint32_t fixed_room;
    rtl_uint32_t arena_room;
};
TAILQ_HEAD(thread_queue, thread);
LIST_HEAD(thread_list, thread);

/* A request in the hands of a server. */
struct service {
    TAILQ_ENTRY(service) port_link;
    LIST_ENTRY(service) taker_link;
    Tid number;
    struct object *port;
    struct thread *caller; /* null: gone */
    bool caller_ended;     /* with its process, not by its time limit */
};
TAILQ_HEAD(service_queue, service);
LIST_HEAD(service_list, service);

struct object {
    enum kind kind;
    unsigned ref_count;
    unsigned name_count;
    union {
        struct {
            LIST_ENTRY(object) link; /* of all that are open */
            bool closed;
            char name[BR_NAME_BYTES];
            struct thread_queue calls;
            struct thread_queue receivers;
            struct service_queue services;
        } port;
        struct {
            struct object *port;
        } client;
        struct {
            bool set;
            bool autoclear;
            struct thread_list waits;
        } sync;
    } as;
};

struct name {
    struct object *object;
    rtl_uint32_t rights;
};

/* Handle h is names[h - 1]. */
struct process {
    LIST_ENTRY(process) link;
    pid_t pid;
    struct name *names;
    unsigned capacity;
    unsigned used_count;
    unsigned lowest_free;
    struct thread_list threads;
    struct service_list taken; /* requests that its threads have received and nobody has answered */
};

struct cap {
    struct object *object;
    rtl_uint32_t rights;
    bool is_counted;
};

struct message {
    struct br_head head; /* sizes and what is carried */
    int file;
    struct cap *caps;
    nk_uint8_t bytes[];
};

#pragma GCC visibility push(hidden)

/* objects.c */
struct name *br_name_find(const struct process *process, Handle handle);
bool br_names_reserve(struct process *process, unsigned count);
/* Only after room was reserved. */
Handle br_name_add(struct process *process, struct object *object, rtl_uint32_t rights);
void br_name_remove(struct process *process, Handle handle);
Retcode br_object_find(const struct process *process, Handle handle, enum kind kind,
                       rtl_uint32_t right, struct object **object);
struct object *br_object_create(enum kind kind);
void br_object_release(struct object *object);
/* One name less, and its reference. */
void br_object_unname(struct object *object);
/* Requests about handles and objects; the answer is in packet->head. */
void br_object_request(struct process *process, struct br_packet *packet);

/* rendezvous.c */
/* Answer a waiting thread. */
void br_wait_end(struct thread *thread, Retcode rc);
void br_service_end(struct service *service, Retcode rc);
/* CALL, RECV and REPLY; `file` is taken over. Answers now or later. */
void br_message_request(struct thread *thread, struct br_packet *packet, int file);
/* The thread's time is over. */
void br_wait_cancel(struct thread *thread);
/* The thread or its process has ended. */
void br_wait_abort(struct thread *thread);

/* broker.c */
void br_answer(struct thread *thread, Retcode rc);
void br_answer_packet(struct thread *thread, struct br_packet *packet, int file);

#pragma GCC visibility pop

#endif

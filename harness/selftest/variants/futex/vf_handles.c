/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handle table, and objects from their first handle to their last reference.
 *
 * A handle is an index and a generation, so that a closed number stays dead for a long time. The
 * table grows by chunks that never move. g_table is the innermost lock.
 */
#include "vf_internal.h"
#include <stdlib.h>
#include <string.h>

#define INDEX_BITS 20u
#define GENERATION_MAX 2047u /* bit 31 stays clear: never INVALID_HANDLE */
#define CHUNK_SIZE 1024u
#define CHUNK_COUNT_MAX ((1u << INDEX_BITS) / CHUNK_SIZE)
#define NO_SLOT 0xffffffffu

struct slot {
    struct vf_object *object; /* null: free */
    rtl_uint32_t rights;
    rtl_uint32_t generation;
    rtl_uint32_t next_free;
};

static struct vf_lock g_table;
static struct slot *g_chunks[CHUNK_COUNT_MAX];
static unsigned g_chunk_count;
static unsigned g_free_count;
static rtl_uint32_t g_free_first = NO_SLOT;

static struct slot *slot_at_locked(rtl_uint32_t index)
{
    return &g_chunks[index / CHUNK_SIZE][index % CHUNK_SIZE];
}

static struct slot *slot_find_locked(Handle handle)
{
    rtl_uint32_t index = handle & ((1u << INDEX_BITS) - 1u);
    if (index / CHUNK_SIZE >= g_chunk_count) {
        return NULL;
    }
    struct slot *slot = slot_at_locked(index);
    return slot->object != NULL && slot->generation == handle >> INDEX_BITS ? slot : NULL;
}

static void slot_free_locked(rtl_uint32_t index)
{
    struct slot *slot = slot_at_locked(index);
    slot->object = NULL;
    slot->generation = slot->generation >= GENERATION_MAX ? 1 : slot->generation + 1;
    slot->next_free = g_free_first;
    g_free_first = index;
    g_free_count++;
}

static Retcode slots_reserve_locked(unsigned count)
{
    while (g_free_count < count) {
        if (g_chunk_count == CHUNK_COUNT_MAX) {
            return rcQuotaExceeded;
        }
        struct slot *chunk = calloc(CHUNK_SIZE, sizeof *chunk);
        if (chunk == NULL) {
            return rcOutOfMemory;
        }
        g_chunks[g_chunk_count++] = chunk;
        for (unsigned i = CHUNK_SIZE; i > 0; i--) {
            slot_free_locked((g_chunk_count - 1) * CHUNK_SIZE + i - 1);
        }
    }
    return rcOk;
}

void vf_object_init(struct vf_object *object, enum vf_kind kind)
{
    object->kind = kind;
    object->name_count = 0;
    atomic_init(&object->ref_count, 1);
}

static void object_ref(struct vf_object *object)
{
    /* Relaxed: whoever adds a reference has one, or holds the table lock over a handle's. */
    atomic_fetch_add_explicit(&object->ref_count, 1, memory_order_relaxed);
}

void vf_object_put(struct vf_object *object)
{
    /* Release by everyone and acquire by the last, so that free() comes after every use. */
    if (object == NULL ||
        atomic_fetch_sub_explicit(&object->ref_count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    /* The analyser does not follow the count: only the last holder comes here. */
    if (object->kind == VF_KIND_LISTENER) { // NOLINT(clang-analyzer-unix.Malloc)
        vf_port_finish((struct vf_port *)object);
    } else if (object->kind == VF_KIND_SERVER) {
        vf_object_put(&((struct vf_channel *)object)->port->object);
    } else if (object->kind == VF_KIND_CLIENT) {
        vf_object_put(&((struct vf_client *)object)->channel->object);
    }
    free(object);
}

Retcode vf_object_get(Handle handle, unsigned kinds, rtl_uint32_t right, struct vf_object **object)
{
    Retcode rc = rcOk;
    vf_lock(&g_table);
    const struct slot *slot = slot_find_locked(handle);
    if (slot == NULL) {
        rc = rcResourceNotFound;
    } else if (!(slot->object->kind & kinds) || (slot->rights & right) != right) {
        rc = rcNoCapability;
    } else {
        *object = slot->object;
        object_ref(*object);
    }
    vf_unlock(&g_table);
    return rc;
}

Retcode vf_names_add(const struct vf_cap *caps, unsigned count, Handle *handles)
{
    vf_lock(&g_table);
    Retcode rc = slots_reserve_locked(count);
    for (unsigned i = 0; rc == rcOk && i < count; i++) {
        rtl_uint32_t index = g_free_first;
        struct slot *slot = slot_at_locked(index);
        g_free_first = slot->next_free;
        g_free_count--;
        slot->object = caps[i].object;
        slot->rights = caps[i].rights;
        slot->object->name_count += !caps[i].is_counted;
        handles[i] = slot->generation << INDEX_BITS | index;
    }
    vf_unlock(&g_table);
    return rc;
}

/* The object's last handle is closed. */
static void object_closed(struct vf_object *object)
{
    if (object->kind == VF_KIND_LISTENER) {
        vf_listener_closed((struct vf_port *)object);
    } else if (object->kind == VF_KIND_SERVER) {
        vf_server_closed((struct vf_channel *)object);
    } else if (object->kind == VF_KIND_SYNC) {
        vf_sync_closed((struct vf_sync *)object);
    }
}

void vf_caps_drop(struct vf_cap *caps, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct vf_object *object = caps[i].object;
        bool is_last = false;
        if (caps[i].is_counted) {
            vf_lock(&g_table);
            is_last = --object->name_count == 0;
            vf_unlock(&g_table);
        }
        if (is_last) {
            object_closed(object);
        }
        vf_object_put(object);
    }
}

Retcode vf_caps_take(const nk_uint8_t *descs, unsigned count, const struct vf_object *home,
                     struct vf_cap *caps)
{
    Retcode rc = rcOk;
    unsigned taken = 0;
    vf_lock(&g_table);
    for (; taken < count; taken++) {
        nk_handle_desc_t desc;
        memcpy(&desc, descs + taken * sizeof desc, sizeof desc);
        const struct slot *slot = slot_find_locked(desc.handle);
        if (slot == NULL || !(slot->rights & OCAP_HANDLE_TRANSFER)) {
            rc = slot == NULL ? rcResourceNotFound : rcSecurityDisallow;
            break;
        }
        struct vf_cap *cap = &caps[taken];
        cap->object = slot->object;
        cap->rights = slot->rights & desc.rights;
        cap->is_counted = slot->object != home;
        cap->object->name_count += cap->is_counted;
        object_ref(cap->object);
    }
    vf_unlock(&g_table);
    if (rc != rcOk) {
        vf_caps_drop(caps, taken);
    }
    return rc;
}

Retcode KnHandleClose(Handle handle)
{
    struct vf_object *object = NULL;
    bool is_last = false;

    vf_lock(&g_table);
    struct slot *slot = slot_find_locked(handle);
    if (slot != NULL) {
        object = slot->object;
        is_last = --object->name_count == 0;
        slot_free_locked(handle & ((1u << INDEX_BITS) - 1u));
    }
    vf_unlock(&g_table);
    if (object == NULL) {
        return rcResourceNotFound;
    }
    if (is_last) {
        object_closed(object);
    }
    vf_object_put(object);
    return rcOk;
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    if (outHandle == NULL) {
        return rcTargetFault;
    }
    if (copyBadge != INVALID_HANDLE) {
        return rcUnimplemented;
    }
    struct vf_cap cap = {.rights = newRightsMask};
    /* A sync object's handle does not have the right to be copied. */
    Retcode rc = vf_object_get(inHandle, ~0u, OCAP_HANDLE_COPY | newRightsMask, &cap.object);
    if (rc != rcOk) {
        return rc;
    }
    Handle handle;
    rc = vf_names_add(&cap, 1, &handle);
    if (rc != rcOk) {
        vf_object_put(cap.object);
        return rc;
    }
    *outHandle = handle;
    return rcOk;
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    (void)context; /* nothing here gives it back */
    if (handle == NULL || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return rcInvalidArgument;
    }
    struct vf_cap cap = {.object = calloc(1, sizeof *cap.object), .rights = rights};
    if (cap.object == NULL) {
        return rcOutOfMemory;
    }
    vf_object_init(cap.object, VF_KIND_USER);
    Handle made;
    Retcode rc = vf_names_add(&cap, 1, &made);
    if (rc != rcOk) {
        vf_object_put(cap.object);
        return rc;
    }
    *handle = made;
    return rcOk;
}

static struct vf_port *port_create(void)
{
    struct vf_port *port = calloc(1, sizeof *port);
    if (port != NULL) {
        vf_object_init(&port->object, VF_KIND_LISTENER);
        TAILQ_INIT(&port->queue);
        TAILQ_INIT(&port->taken);
        TAILQ_INIT(&port->receivers);
    }
    return port;
}

/* Both ends of a new channel on the port; null without memory. */
static struct vf_client *client_create(struct vf_port *port, bool has_server)
{
    struct vf_channel *channel = calloc(1, sizeof *channel);
    struct vf_client *client = calloc(1, sizeof *client);
    if (channel == NULL || client == NULL) {
        free(channel);
        free(client);
        return NULL;
    }
    vf_object_init(&channel->object, VF_KIND_SERVER);
    vf_object_init(&client->object, VF_KIND_CLIENT);
    object_ref(&port->object);
    channel->port = port;
    channel->has_server = has_server;
    client->channel = channel;
    return client;
}

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    bool is_new = inListener == INVALID_HANDLE;
    if (outClient == NULL || (is_new && outListener == NULL)) {
        return rcTargetFault;
    }
    struct vf_object *object = NULL;
    if (!is_new) {
        Retcode rc = vf_object_get(inListener, VF_KIND_LISTENER, OCAP_IPC_CONNECT, &object);
        if (rc != rcOk) {
            return rc;
        }
    }
    struct vf_port *port = is_new ? port_create() : (struct vf_port *)object;
    struct vf_client *client = port != NULL ? client_create(port, outServer != NULL) : NULL;
    if (client == NULL) {
        vf_object_put(port != NULL ? &port->object : NULL);
        return rcOutOfMemory;
    }
    struct vf_cap caps[3];
    Handle handles[3];
    unsigned count = 0;
    caps[count++] = (struct vf_cap){.object = &client->object, .rights = OCAP_IPC_CLIENT};
    if (outServer != NULL) {
        object_ref(&client->channel->object);
        caps[count++] =
            (struct vf_cap){.object = &client->channel->object, .rights = OCAP_IPC_SERVER};
    }
    if (is_new) {
        object_ref(&port->object);
        caps[count++] = (struct vf_cap){.object = &port->object, .rights = OCAP_IPC_LISTENER};
    }
    Retcode rc = vf_names_add(caps, count, handles);
    if (rc != rcOk) {
        vf_caps_drop(caps, count);
    } else {
        *outClient = handles[0];
        if (outServer != NULL) {
            *outServer = handles[1];
        }
        if (outListener != NULL) {
            *outListener = is_new ? handles[count - 1] : inListener;
        }
    }
    vf_object_put(&port->object);
    return rc;
}

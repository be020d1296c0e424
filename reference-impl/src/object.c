/* SPDX-License-Identifier: Apache-2.0 */
/* See object.h. */
#include "object.h"

#include "alloc.h"
#include "channel.h"
#include "sync_object.h"

static uint32_t g_live_count REF_GUARDED_BY(g_ref_domain);

void ref_object_init_locked(struct ref_object *object, enum ref_kind kind)
{
    object->kind = kind;
    object->handle_count = 0;
    object->mark = 0;
    g_live_count++;
}

struct ref_user *ref_user_create_locked(rtl_uint32_t type, void *context)
{
    struct ref_user *user = ref_alloc(sizeof *user);
    if (user != NULL) {
        ref_object_init_locked(&user->object, REF_KIND_USER);
        user->type = type;
        user->context = context;
    }
    return user;
}

void ref_object_name_locked(struct ref_object *object)
{
    object->handle_count++;
}

void ref_object_gone_locked(struct ref_object *object)
{
    assert(object->handle_count == 0 && g_live_count > 0); /* LCOV_EXCL_BR_LINE: our own bug only */
    (void)object;
    g_live_count--;
}

void ref_object_destroy_locked(struct ref_object *object, struct ref_wakes *wakes)
{
    ref_object_gone_locked(object);
    switch (object->kind) {
    case REF_KIND_USER:
        ref_free(object, sizeof(struct ref_user));
        break;
    case REF_KIND_SYNC:
        ref_sync_destroy_locked((struct ref_sync *)(void *)object, wakes);
        break;
    case REF_KIND_LISTENER:
        ref_listener_destroy_locked((struct ref_listener *)(void *)object, wakes);
        break;
    case REF_KIND_SERVER:
        ref_channel_server_gone_locked(ref_channel_of_server(object), wakes);
        break;
    case REF_KIND_CLIENT:
        ref_channel_client_gone_locked(ref_channel_of_client(object), wakes);
        break;
    }
}

void ref_object_unname_locked(struct ref_object *object, const struct ref_handle_entry *entry,
                              struct ref_wakes *wakes)
{
    if (object->kind == REF_KIND_LISTENER || object->kind == REF_KIND_SERVER) {
        ref_end_handle_closed_locked((struct ref_end *)(void *)object, entry, wakes);
    }
    object->handle_count--;
    if (object->handle_count == 0) {
        ref_object_destroy_locked(object, wakes);
    }
}

uint32_t ref_object_live_count_locked(void)
{
    return g_live_count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* 10,000 handles, 1,000 channels and 1,000 blocked threads in one process. */
#include "support.h"

#include "alloc.h"

#define HANDLES 10000
#define CHANNELS 1000
#define THREADS 1000
#define FIRST REF_CONTROL_FIRST_PROCESS

START_TEST(many_handles)
{
    static Handle handles[HANDLES];
    unsigned index;

    for (index = 0; index < HANDLES; index++) {
        handles[index] = sync_create();
    }
    ck_assert_uint_eq(ref_control_live_objects(FIRST), HANDLES);
    ck_assert_uint_lt(ref_alloc_in_use_bytes(), (size_t)4 * 1024 * 1024);
    for (index = 0; index < HANDLES; index++) {
        ck_assert_int_eq(KnIpcSetInterrupt(handles[index]), rcOk);
        ck_assert_int_eq(KnHandleClose(handles[index]), rcOk);
    }
    ck_assert_uint_eq(ref_control_live_objects(FIRST), 0);
}
END_TEST

START_TEST(create_and_close_again_and_again)
{
    size_t in_use = 0;
    unsigned turn;
    for (turn = 0; turn < 100000; turn++) {
        Handle handle = sync_create();
        ck_assert_int_eq(KnHandleClose(handle), rcOk);
        if (turn == 0) {
            in_use = ref_alloc_in_use_bytes();
        }
    }
    ck_assert_uint_eq(ref_alloc_in_use_bytes(), in_use);
}
END_TEST

START_TEST(many_channels_and_blocked_threads)
{
    static struct actor actors[THREADS];
    static struct test_channel channels[CHANNELS];
    struct test_packet in;
    Handle sync = sync_create();
    unsigned index;

    for (index = 0; index < CHANNELS; index++) {
        channels[index] = channel_open();
    }
    /* A third interrupted in Call, a third in Recv, a third served. */
    for (index = 0; index < THREADS; index++) {
        struct test_channel *channel = &channels[index];
        if (index % 3 == 1) {
            actor_recv(&actors[index], FIRST, channel->server, INFINITE_TIMEOUT, sync);
        } else {
            actor_call(&actors[index], FIRST, channel->client, INFINITE_TIMEOUT,
                       index % 3 == 0 ? sync : INVALID_HANDLE, index);
        }
    }
    ck_assert_int_eq(KnIpcSetInterrupt(sync), rcOk);
    for (index = 0; index < THREADS; index++) {
        Retcode expected = rcIpcInterrupt;
        if (index % 3 == 2) {
            ck_assert_int_eq(recv_now(channels[index].server, &in), rcOk);
            ck_assert_uint_eq(in.message.number, index);
            ck_assert_int_eq(reply(channels[index].server, 0, 0), rcOk);
            expected = rcOk;
        }
        ck_assert_int_eq(actor_join(&actors[index]), expected);
    }
    for (index = 0; index < CHANNELS; index++) {
        ck_assert_int_eq(KnHandleClose(channels[index].client), rcOk);
        ck_assert_int_eq(KnHandleClose(channels[index].server), rcOk);
        ck_assert_int_eq(KnHandleClose(channels[index].listener), rcOk);
    }
    ck_assert_uint_eq(ref_control_live_objects(0), 1);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, many_handles);
    tcase_add_test(tests, create_and_close_again_and_again);
    tcase_add_test(tests, many_channels_and_blocked_threads);
}

int main(void)
{
    return test_main("scale", add);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. */
#include "support.h"

#include "clock.h"
#include "decisions.h"

START_TEST(monotonic_clock)
{
    uint64_t first;
    ref_domain_enter();
    first = ref_clock_now_ns_locked();
    ref_clock_advance_locked(1000000000000u);
    ck_assert_uint_le(first, ref_clock_now_ns_locked());
    ck_assert_uint_gt(first + 1000000000000u, ref_clock_now_ns_locked());
    ck_assert_uint_eq(ref_clock_kernel_deadline_ns_locked(77), 77);
    ref_domain_leave();
}
END_TEST

START_TEST(virtual_clock)
{
    uint64_t first;
    ref_domain_enter();
    ref_clock_set_virtual_locked(true);
    first = ref_clock_now_ns_locked();
    ck_assert_uint_eq(ref_clock_now_ns_locked(), first);
    ref_clock_advance_locked(5);
    ck_assert_uint_eq(ref_clock_now_ns_locked(), first + 5);
    ck_assert_uint_eq(ref_clock_kernel_deadline_ns_locked(first + 6), REF_FOREVER);
    ck_assert_uint_eq(ref_clock_kernel_deadline_ns_locked(first + 5), 1);
    ref_clock_set_virtual_locked(false);
    ck_assert_uint_gt(ref_clock_now_ns_locked(), first);
    ref_domain_leave();
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, monotonic_clock);
    tcase_add_test(tests, virtual_clock);
}

int main(void)
{
    return test_main("clock", add);
}

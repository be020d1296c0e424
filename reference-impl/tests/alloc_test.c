/* SPDX-License-Identifier: Apache-2.0 */
/* The heap's door: counting and failing. */
#include "support.h"

#include "alloc.h"

START_TEST(counts_and_zeroes)
{
    size_t before = ref_alloc_in_use_bytes();
    unsigned char *memory = ref_alloc(100);
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq(memory[0] + memory[99], 0);
    ck_assert_uint_eq(ref_alloc_in_use_bytes(), before + 100);
    ref_free(memory, 100);
    ref_free(NULL, 100);
    ck_assert_uint_eq(ref_alloc_in_use_bytes(), before);
}
END_TEST

START_TEST(the_chosen_allocation_fails_once)
{
    void *memory[3];
    ref_control_fail_allocation(2);
    memory[0] = ref_alloc(1);
    memory[1] = ref_alloc(1);
    memory[2] = ref_alloc(1);
    ck_assert_ptr_nonnull(memory[0]);
    ck_assert_ptr_null(memory[1]);
    ck_assert_ptr_nonnull(memory[2]);
    ref_control_fail_allocation(1);
    ref_control_fail_allocation(0);
    memory[1] = ref_alloc(1);
    ck_assert_ptr_nonnull(memory[1]);
    ref_free(memory[0], 1);
    ref_free(memory[1], 1);
    ref_free(memory[2], 1);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, counts_and_zeroes);
    tcase_add_test(tests, the_chosen_allocation_fails_once);
}

int main(void)
{
    return test_main("alloc", add);
}

/* links: scheduler/absence.c */
/* Running jobs without a lease: when one counts as lost. */
#include "scheduler/absence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000 };

static struct absence absence;

static int
clear(void **state)
{
    (void)state;
    memset(&absence, 0, sizeof(absence));
    absence_clear(&absence);
    return 0;
}

static void
lost_after_the_patience_not_before(void **state)
{
    (void)state;
    assert_false(absence_note(&absence, 7, 1, 1000, PATIENCE_MS));
    absence_end_pass(&absence);
    assert_false(absence_note(&absence, 7, 1, 1000 + PATIENCE_MS - 1, PATIENCE_MS));
    absence_end_pass(&absence);
    assert_true(absence_note(&absence, 7, 1, 1000 + PATIENCE_MS, PATIENCE_MS));
}

static void
a_pass_that_does_not_mention_it_forgets_it(void **state)
{
    (void)state;
    assert_false(absence_note(&absence, 7, 1, 0, PATIENCE_MS));
    absence_end_pass(&absence);
    absence_end_pass(&absence);
    assert_false(absence_note(&absence, 7, 1, PATIENCE_MS * 3, PATIENCE_MS));
}

static void
another_fence_is_another_run(void **state)
{
    (void)state;
    assert_false(absence_note(&absence, 7, 1, 0, PATIENCE_MS));
    absence_end_pass(&absence);
    assert_false(absence_note(&absence, 7, 2, PATIENCE_MS, PATIENCE_MS));
    absence_end_pass(&absence);
    assert_true(absence_note(&absence, 7, 2, PATIENCE_MS * 2, PATIENCE_MS));
}

static void
many_at_once_keep_their_own_times(void **state)
{
    (void)state;
    assert_false(absence_note(&absence, 1, 1, 0, PATIENCE_MS));
    assert_false(absence_note(&absence, 5, 1, 0, PATIENCE_MS));
    absence_end_pass(&absence);
    assert_false(absence_note(&absence, 3, 1, 5000, PATIENCE_MS));
    assert_false(absence_note(&absence, 5, 1, 5000, PATIENCE_MS));
    absence_end_pass(&absence);
    assert_false(absence_note(&absence, 3, 1, PATIENCE_MS, PATIENCE_MS));
    assert_true(absence_note(&absence, 5, 1, PATIENCE_MS, PATIENCE_MS));
    assert_false(absence_note(&absence, 9, 1, PATIENCE_MS, PATIENCE_MS));
}

static void
clearing_gives_everybody_the_full_time_again(void **state)
{
    (void)state;
    assert_false(absence_note(&absence, 7, 1, 0, PATIENCE_MS));
    absence_end_pass(&absence);
    absence_clear(&absence);
    assert_false(absence_note(&absence, 7, 1, PATIENCE_MS, PATIENCE_MS));
}

static void
more_than_it_holds_wait_their_turn(void **state)
{
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t id = 1; id <= ABSENCE_MAX + 10; id++) {
            bool lost = absence_note(&absence, id, 1, pass * PATIENCE_MS, PATIENCE_MS);
            assert_int_equal(lost, pass == 1 && id <= ABSENCE_MAX);
        }
        absence_end_pass(&absence);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lost_after_the_patience_not_before, clear),
        cmocka_unit_test_setup(a_pass_that_does_not_mention_it_forgets_it, clear),
        cmocka_unit_test_setup(another_fence_is_another_run, clear),
        cmocka_unit_test_setup(many_at_once_keep_their_own_times, clear),
        cmocka_unit_test_setup(clearing_gives_everybody_the_full_time_again, clear),
        cmocka_unit_test_setup(more_than_it_holds_wait_their_turn, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which dates a backfill runs. */
#include "jobs/backfill_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
reprocess_decides_by_the_last_attempt(void **state)
{
    (void)state;
    static const struct {
        const char *reprocess, *date;
        bool runs;
    } cases[] = {
        {"none", "never", true},      {"none", "live", false},        {"none", "failed", false},
        {"none", "completed", false}, {"failed", "never", true},      {"failed", "live", false},
        {"failed", "failed", true},   {"failed", "completed", false}, {"completed", "never", true},
        {"completed", "live", true},  {"completed", "failed", true},  {"completed", "completed", true},
    };
    assert_int_equal(LENGTH(cases), BACKFILL_REPROCESS_COUNT * BACKFILL_DATE_COUNT);
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (backfill_rule_runs(backfill_rule_reprocess(cases[i].reprocess), backfill_rule_date(cases[i].date)) !=
            cases[i].runs)
            fail_msg("--reprocess %s, %s", cases[i].reprocess, cases[i].date);
}

static void
names_that_are_not_known(void **state)
{
    (void)state;
    assert_int_equal(backfill_rule_reprocess("all"), BACKFILL_REPROCESS_COUNT);
    assert_int_equal(backfill_rule_reprocess(""), BACKFILL_REPROCESS_COUNT);
    assert_int_equal(backfill_rule_date("done"), BACKFILL_DATE_COUNT);
    assert_false(backfill_rule_runs(BACKFILL_REPROCESS_COUNT, BACKFILL_DATE_NEVER));
    assert_false(backfill_rule_runs(BACKFILL_COMPLETED, BACKFILL_DATE_COUNT));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reprocess_decides_by_the_last_attempt),
        cmocka_unit_test(names_that_are_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

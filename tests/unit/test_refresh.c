/* The table of what is refreshed: its jobs exist, and a target's arguments are those that its job takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/refresh.h"

static int
takes_period(const struct job_definition *job)
{
    for (size_t i = 0; job->arguments && job->arguments[i]; i++)
        if (strcmp(job->arguments[i], "period") == 0)
            return 1;
    return 0;
}

static void
test_jobs_exist(void **state)
{
    (void)state;
    for (size_t i = 0; i < refresh_target_count; i++) {
        const struct refresh_target *target = &refresh_targets[i];
        const struct job_definition *job = job_find(target->job);
        if (!job)
            fail_msg("target %s: there is no job %s", target->name, target->job);
        assert_int_equal(takes_period(job), target->period != NULL);
    }
}

static void
test_date_targets(void **state)
{
    char list[256];
    (void)state;
    refresh_date_targets(list, sizeof(list));
    assert_string_equal(list, "{performance,positions,performance_risk,summary}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_exist),
        cmocka_unit_test(test_date_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

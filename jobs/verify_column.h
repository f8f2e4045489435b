/* jobs/verify_column.h - columns that say a count, a sum or a quotient of a group, as functions for verify_column. */
#ifndef TAPEMILL_JOBS_VERIFY_COLUMN_H
#define TAPEMILL_JOBS_VERIFY_COLUMN_H

#include "jobs/verify_internal.h"

/* A function NAME for a count. */
#define VERIFY_COUNT(name, count)                                                                                      \
    static void name(const struct verify_group *group, struct verify_value *value)                                     \
    {                                                                                                                  \
        exact_set_integer(&value->number, group->counts[count]);                                                       \
    }

/* For a sum, rounded. */
#define VERIFY_SUM(name, sum, decimals)                                                                                \
    static void name(const struct verify_group *group, struct verify_value *value)                                     \
    {                                                                                                                  \
        exact_set(&value->number, &group->sums[sum]);                                                                  \
        exact_round(&value->number, decimals);                                                                         \
    }

/* For a sum that is null unless it was set. */
#define VERIFY_EXTREME(name, sum, decimals)                                                                            \
    static void name(const struct verify_group *group, struct verify_value *value)                                     \
    {                                                                                                                  \
        value->is_null = !(group->known & (1U << (sum)));                                                              \
        exact_set(&value->number, &group->sums[sum]);                                                                  \
        exact_round(&value->number, decimals);                                                                         \
    }

/* For a sum over a count, rounded; null where there is nothing to count. */
#define VERIFY_MEAN(name, sum, count, decimals)                                                                        \
    static void name(const struct verify_group *group, struct verify_value *value)                                     \
    {                                                                                                                  \
        verify_value_mean(value, &group->sums[sum], group->counts[count], decimals);                                   \
    }

#endif

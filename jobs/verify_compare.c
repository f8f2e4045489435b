#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/verify_internal.h"

struct verify_count *
verify_count_of(struct verify *verify, const char *table)
{
    int i = 0;
    while (verify->counts[i].table && strcmp(verify->counts[i].table, table) != 0)
        i++;
    verify->counts[i].table = table;
    return &verify->counts[i];
}

int64_t
verify_differences(const struct verify *verify)
{
    int64_t sum = 0;
    for (int i = 0; i < VERIFY_TABLES_MAX && verify->counts[i].table; i++)
        sum += verify->counts[i].differences;
    return sum;
}

/* "date 2024-01-02, level CLIENT": the names with what they are, null parts left out. */
static void
describe_key(const char *const *names, const char *key, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (const char *part = key; *names && used < size; names++) {
        size_t length = strcspn(part, (const char[]){VERIFY_KEY_SEPARATOR, 0});
        if (length)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s %.*s", used ? ", " : "", *names, (int)length, part);
        part += length + (part[length] != 0);
    }
}

void
verify_tell(struct verify *verify, const char *table, const char *const *key_names, const char *key, const char *column,
            const char *stored, const char *recomputed)
{
    char text[2 * VERIFY_KEY_BYTES];
    describe_key(key_names, key, text, sizeof(text));
    verify_count_of(verify, table)->differences++;
    verify->tell(verify->data, &(struct verify_difference){table, text, column, stored, recomputed});
}

void
verify_value_mean(struct verify_value *value, const struct exact *sum, int64_t count, int decimals)
{
    struct exact divisor;
    value->is_null = count == 0;
    if (value->is_null)
        return;
    exact_init(&divisor);
    exact_set_integer(&divisor, count);
    exact_divide(&value->number, sum, &divisor, decimals);
    exact_term(&divisor);
}

void
verify_ratio(struct exact *ratio, int64_t a, int64_t b)
{
    struct exact divisor;
    exact_init(&divisor);
    exact_set_integer(ratio, a);
    exact_set_integer(&divisor, b);
    exact_divide(ratio, ratio, &divisor, EXACT_SCALE);
    exact_term(&divisor);
}

void
verify_keep_extreme(struct verify_group *group, int sum, const struct exact *number, int sign)
{
    if (!(group->known & (1U << sum)) || exact_compare(number, &group->sums[sum]) * sign > 0)
        exact_set(&group->sums[sum], number);
    group->known |= 1U << sum;
}

/* ---- one row ------------------------------------------------------------------------------------------------ */

/* A stored figure and what it should be. */
static enum error_code
compare_figure(struct verify_aggregate *all, const struct verify_table *table, const struct verify_column *column,
               const struct verify_group *group, const struct copy_field *field, struct error *error)
{
    struct verify_value value = {0};
    struct exact stored;
    char *expected = NULL, *found = NULL;
    exact_init(&value.number);
    exact_init(&stored);
    column->expect(group, &value);
    if (value.is_unknown) {
        exact_term(&value.number);
        exact_term(&stored);
        return ERROR_NONE;
    }
    if (field->length >= 0) {
        if (value.is_text)
            found = strndup((const char *)field->bytes, (size_t)field->length);
        else if (!exact_parse(&stored, (const char *)field->bytes, (size_t)field->length, error))
            found = exact_text(&stored);
    }
    if (!error->code && !value.is_null)
        expected = value.is_text ? strdup(value.text) : exact_text(&value.number);
    if (!error->code && ((field->length >= 0 && !found) || (!value.is_null && !expected)))
        (void)error_set(error, ERROR_MEMORY, "out of memory for a figure of %s", table->name);
    if (!error->code && (!found != !expected || (found && strcmp(found, expected) != 0)))
        verify_tell(all->verify, table->name, table->key_names, group->key, column->name, found, expected);
    verify_count_of(all->verify, table->name)->figures++;
    free(expected);
    free(found);
    exact_term(&value.number);
    exact_term(&stored);
    return error->code;
}

struct comparison {
    const struct verify_table *table;
    struct verify_groups *groups;
    int keys, columns;
};

static enum error_code
compare_row(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    const struct comparison *comparison = data;
    const struct verify_table *table = comparison->table;
    const char *parts[VERIFY_FIELDS_MAX];
    char key[VERIFY_KEY_BYTES];
    for (int i = 0; i < comparison->keys; i++)
        parts[i] = verify_row_text(row, i);
    if (verify_group_key(key, parts, (size_t)comparison->keys, error))
        return error->code;
    struct verify_group *group = verify_group_find(comparison->groups, key);
    verify_count_of(all->verify, table->name)->rows++;
    if (!group || group->held || group->compared) {
        verify_tell(all->verify, table->name, table->key_names, key, "row",
                    group && group->compared ? "twice" : "present",
                    group && group->held ? "held: a trade has no rate"
                    : group              ? "present"
                                         : "absent");
        return ERROR_NONE;
    }
    group->compared = true;
    for (int i = 0; i < comparison->columns; i++)
        if (compare_figure(all, table, &table->columns[i], group, &row->fields[comparison->keys + i], error))
            return error->code;
    return ERROR_NONE;
}

struct rest {
    struct verify_aggregate *all;
    const struct verify_table *table;
};

/* A group that no stored row was compared with. */
static void
tell_missing(struct verify_group *group, void *data)
{
    const struct rest *rest = data;
    if (group->held)
        verify_count_of(rest->all->verify, rest->table->name)->held++;
    else if (!group->compared)
        verify_tell(rest->all->verify, rest->table->name, rest->table->key_names, group->key, "row", "absent",
                    "present");
}

enum error_code
verify_compare(struct verify_aggregate *all, const struct verify_table *table, struct verify_groups *groups, int count,
               const char *const *values, struct error *error)
{
    struct comparison comparison = {.table = table, .groups = groups};
    struct rest rest = {all, table};
    while (table->key_names[comparison.keys])
        comparison.keys++;
    while (table->columns[comparison.columns].name)
        comparison.columns++;
    if (verify_read(all, table->statement, comparison.keys + comparison.columns, count, values, compare_row,
                    &comparison, error))
        return error_context(error, "%s", table->name);
    verify_group_each(groups, tell_missing, &rest);
    return ERROR_NONE;
}

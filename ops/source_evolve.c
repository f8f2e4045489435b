#include "ops/source_evolve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sql.h"

enum { NAME_BYTES = 64, NUMBER_BYTES = 24, PARAMETERS_MAX = SOURCE_ATTRIBUTES_MAX + 2 };

enum source_table
source_evolve_table(enum source_dimension dimension)
{
    static const enum source_table tables[SOURCE_DIMENSION_COUNT] = {
        SOURCE_INSTRUMENTS, SOURCE_ACCOUNTS, SOURCE_STRATEGIES, SOURCE_CLIENTS, SOURCE_PROVIDERS};
    return tables[dimension];
}

static const char *
statement(const char *verb, enum source_dimension dimension)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s_%s", verb, source_table_name(source_evolve_table(dimension)));
    return sql_text("source/evolve", name);
}

static struct source_member
read_member(const struct source_attributes *attributes, const struct rows *rows, size_t row)
{
    struct source_member member = {0};
    for (int i = 0; i < attributes->count; i++) {
        const struct source_attribute *attribute = &attributes->attributes[i];
        size_t column = (size_t)i + 1;
        member.values[i] = attribute->choices ? source_member_choice_index(attribute, rows_text(rows, row, column))
                                              : rows_integer(rows, row, column);
    }
    return member;
}

/* Writes back a member; attributes that kept a value we do not know keep its text. */
static enum error_code
write_member(struct database *database, enum source_dimension dimension, const struct source_member *member,
             const struct rows *rows, size_t row, struct error *error)
{
    const struct source_attributes *attributes = source_member_attributes(dimension);
    const char *parameters[PARAMETERS_MAX];
    char number[NUMBER_BYTES], updated[NUMBER_BYTES];
    int count = 0;
    parameters[count++] = rows_text(rows, row, 0);
    for (int i = 0; i < attributes->count; i++) {
        size_t column = (size_t)i + 1;
        if (!attributes->attributes[i].choices) {
            (void)snprintf(number, sizeof(number), "%" PRId64, member->values[i]);
            parameters[count++] = number;
        } else if (member->values[i] >= 0) {
            parameters[count++] = source_member_choice(dimension, i, member);
        } else {
            parameters[count++] = rows_is_null(rows, row, column) ? NULL : rows_text(rows, row, column);
        }
    }
    (void)snprintf(updated, sizeof(updated), "%" PRId64, member->updated_us);
    parameters[count++] = updated;
    return database_query(database, statement("update", dimension), count, parameters, NULL, error);
}

static enum error_code
evolve_dimension(struct database *database, const struct source_plan *plan, enum source_dimension dimension,
                 const struct source_day *day, int64_t *changed, struct error *error)
{
    struct rows *rows = NULL;
    enum error_code code = database_query(database, statement("select", dimension), 0, NULL, &rows, error);
    if (code)
        return code;
    int64_t count = (int64_t)rows_count(rows);
    for (int64_t index = 0; !code && index < count; index++) {
        struct source_member member = read_member(source_member_attributes(dimension), rows, (size_t)index);
        if (source_member_evolve(plan, dimension, day, index, count, &member)) {
            code = write_member(database, dimension, &member, rows, (size_t)index, error);
            (*changed)++;
        }
    }
    rows_free(rows);
    return code;
}

enum error_code
source_evolve_day(struct database *database, const struct source_plan *plan, int32_t days,
                  int64_t changed[SOURCE_DIMENSION_COUNT], struct error *error)
{
    struct source_day day = source_plan_day(plan, days);
    for (int i = 0; !day.weekend && i < SOURCE_DIMENSION_COUNT; i++)
        if (evolve_dimension(database, plan, (enum source_dimension)i, &day, &changed[i], error))
            return error->code;
    return ERROR_NONE;
}

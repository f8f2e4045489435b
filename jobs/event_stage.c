/* jobs/event_stage.c - events read, judged, and resolved to keys. */
#include <inttypes.h>
#include <stdio.h>

#include "core/config.h"
#include "jobs/dimension.h"
#include "jobs/dimension_statement.h"
#include "jobs/event_fact_internal.h"
#include "jobs/member_infer.h"
#include "jobs/partition.h"
#include "jobs/statement.h"

#define SQL(name) sql_text("jobs/event_facts", name)

enum { COMPUTED_COLUMNS = 3, FIRST_YEAR = 2, LAST_YEAR = 9998 };

enum error_code
event_made(struct event_load *load, const char *statement, int made_count, const char *const *made_values, int count,
           const char *const *values, struct rows **rows, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    struct rows *made;
    enum error_code code = database_query(warehouse, SQL(statement), made_count, made_values, &made, error);
    if (!code) {
        code = database_query(warehouse, rows_text(made, 0, 0), count, values, rows, error);
        rows_free(made);
    }
    return code ? error_context(error, "%s of %s", statement, load->definition->source_table) : ERROR_NONE;
}

enum error_code
event_init(struct event_load **out, struct job_context *context, const struct event_definition *definition,
           struct error *error)
{
    struct event_load *load = arena_alloc(context->arena, sizeof(*load));
    if (!load)
        return error_set(error, ERROR_MEMORY, "out of memory for a load");
    *load = (struct event_load){.context = context, .definition = definition};
    (void)snprintf(load->run_no, sizeof(load->run_no), "%" PRId64, context->run->run_no);
    *out = load;
    return business_clock_init(&load->clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error);
}

enum error_code
event_stage_begin(struct event_load *load, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    if (database_run(warehouse, SQL("stage"), error) || dimension_statement_set_tenant(warehouse, error))
        return error->code;
    return database_run(warehouse, sql_text(load->definition->sql, "stage"), error);
}

enum error_code
event_stage_day(struct event_load *load, int32_t days, bool is_wanted, struct error *error)
{
    char key[EVENT_NUMBER_BYTES];
    (void)snprintf(key, sizeof(key), "%" PRId32, calendar_date_key(days));
    return database_query(load->context->warehouse, SQL("note_day"), DATABASE_VALUES(key, is_wanted ? "true" : "false"),
                          NULL, error);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The business date and second of the event; false for an instant that no calendar knows. */
static enum error_code
find_time(const struct event_load *load, const struct copy_field *fields, bool *is_dated, int32_t *days,
          int32_t *second, struct error *error)
{
    int64_t unix_us;
    *is_dated = load->definition->instant >= 0 && fields[load->definition->instant].length >= 0;
    if (!*is_dated)
        return ERROR_NONE;
    if (copy_field_timestamp(&fields[load->definition->instant], &unix_us, error))
        return error->code;
    *is_dated = unix_us >= business_clock_start(&load->clock, calendar_date_days(FIRST_YEAR, 1, 1)) &&
                unix_us < business_clock_start(&load->clock, calendar_date_days(LAST_YEAR, 12, 31));
    if (*is_dated)
        business_clock_split(&load->clock, unix_us, days, second);
    return ERROR_NONE;
}

static enum error_code
check_date(const struct event_load *load, int32_t days, struct error *error)
{
    if (!load->is_whole || days == load->only_days)
        return ERROR_NONE;
    return error_set(error, ERROR_CONTRACT,
                     "extraction query %s delivered a row of another business date (%d) than asked for (%d); it must "
                     "keep to tapemill.interval_start and tapemill.interval_end",
                     load->definition->extract->name, (int)calendar_date_key(days),
                     (int)calendar_date_key(load->only_days));
}

static enum error_code
put_row(struct event_load *load, struct copy_writer *writer, const struct copy_field *fields, struct error *error)
{
    const struct event_definition *definition = load->definition;
    int32_t days = 0, second = 0;
    bool is_dated, keep = true;
    load->extracted++;
    if (find_time(load, fields, &is_dated, &days, &second, error) || (is_dated && check_date(load, days, error)))
        return error->code;
    copy_put_row(writer, (int16_t)(definition->extract->count + COMPUTED_COLUMNS + (size_t)definition->computed));
    for (size_t i = 0; i < definition->extract->count; i++)
        copy_put_field(writer, &fields[i]);
    copy_put_int64(writer, load->extracted);
    if (is_dated) {
        copy_put_int32(writer, calendar_date_key(days));
        copy_put_int32(writer, second);
    } else {
        copy_put_null(writer);
        copy_put_null(writer);
    }
    if (definition->put_computed && definition->put_computed(writer, fields, &keep, error))
        return error->code;
    load->not_sampled += !keep;
    if (!keep && load->is_whole)
        copy_drop_row(writer);
    return copy_flush(writer, error);
}

static enum error_code
put_rows(struct event_load *load, struct copy_reader *reader, struct copy_writer *writer, struct error *error)
{
    const struct copy_field *fields;
    bool end;
    for (;;) {
        if (copy_reader_next(reader, &fields, &end, error))
            return error_context(error, "reading %s", load->definition->source_table);
        if (end)
            return ERROR_NONE;
        if (put_row(load, writer, fields, error))
            return error->code;
    }
}

static enum error_code
read_rows(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    struct copy_reader *reader;
    struct copy_writer *writer = NULL;
    int64_t staged;
    if (extract_open_range(load->context, definition->extract, &load->range, &reader, error))
        return error->code;
    enum error_code code =
        copy_writer_open(&writer, load->context->warehouse, sql_text(definition->sql, "copy"), error);
    if (!code)
        code = put_rows(load, reader, writer, error);
    if (!code)
        code = copy_writer_finish(writer, &staged, error);
    else
        copy_writer_abort(writer);
    copy_reader_close(reader);
    return code;
}

/* ---- members ------------------------------------------------------------------------------------------------- */

static enum error_code
infer_member(struct event_load *load, const struct event_member *member, bool *any, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct dimension_definition *dimension = &dimension_definitions[member->dimension];
    struct rows *missing;
    if (event_made(load, "missing",
                   DATABASE_VALUES(definition->stage, dimension->table, dimension->id, member->column,
                                   definition->extract->columns[definition->instant].name),
                   0, NULL, &missing, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    if (rows_count(missing)) {
        *any = true;
        code = member_infer(load->context, member->dimension, missing, &load->inferred, error);
    }
    rows_free(missing);
    return code;
}

/* One look at all members, in the order in which a sync locks their epochs: an account may name a client. */
static enum error_code
infer_members(struct event_load *load, bool *any, struct error *error)
{
    const struct event_definition *definition = load->definition;
    struct database *warehouse = load->context->warehouse;
    *any = false;
    for (size_t i = 0; i < definition->member_count; i++)
        if (database_query(warehouse, sql_text(definition->sql, "derive"), 0, NULL, NULL, error) ||
            infer_member(load, &definition->members[i], any, error))
            return error_context(error, "dimension %s", dimension_name(definition->members[i].dimension));
    if (*any || !definition->member_count)
        return ERROR_NONE;
    return database_query(warehouse, sql_text(definition->sql, "derive"), 0, NULL, NULL, error);
}

/* Until nothing is missing while the epochs are held: then no version changes before the commit. */
static enum error_code
settle_members(struct event_load *load, struct error *error)
{
    bool any = load->definition->member_count > 0, are_held = false;
    for (int reading = 0; any || !are_held; reading++) {
        if (reading > EVENT_READINGS_MAX)
            return error_set(error, ERROR_PG_CONFLICT,
                             "members that %s name went from the source as often as they were inferred; the job is "
                             "tried again",
                             load->definition->source_table);
        are_held = reading > 0;
        if (reading == 1 &&
            database_query(load->context->warehouse, sql_text("jobs/trade_load", "hold_epochs"), 0, NULL, NULL, error))
            return error->code;
        if (infer_members(load, &any, error))
            return error->code;
    }
    return ERROR_NONE;
}

/* ---- all of it ----------------------------------------------------------------------------------------------- */

static enum error_code
check_days(struct event_load *load, struct error *error)
{
    struct rows *rows;
    if (event_made(load, "unknown_days", DATABASE_VALUES(load->definition->stage), 0, NULL, &rows, error))
        return error->code;
    bool unknown = rows_boolean(rows, 0, 0);
    rows_free(rows);
    return unknown ? error_set(error, ERROR_PG_CONFLICT, "%s changed their dates while they were read",
                               load->definition->source_table)
                   : ERROR_NONE;
}

/* Before the run writes anything that a partition would wait for. */
static enum error_code
ensure_partitions(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    struct rows *days;
    if (!definition->fact)
        return ERROR_NONE;
    if (event_made(load, "wanted_days", DATABASE_VALUES(definition->stage), 0, NULL, &days, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(days); i++)
        code = partition_ensure_day(load->context, definition->fact->table, NULL, (int32_t)rows_integer(days, i, 0),
                                    error);
    rows_free(days);
    return code;
}

static enum error_code
drop_duplicates(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct event_target *target = definition->fact ? definition->fact : definition->latest;
    struct rows *rows;
    if (event_made(load, "drop_duplicates", DATABASE_VALUES(definition->stage, target->stage_key), 0, NULL, &rows,
                   error))
        return error->code;
    load->context->counts.superseded += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
event_stage(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    struct database *warehouse = load->context->warehouse;
    char analyze[64];
    (void)snprintf(analyze, sizeof(analyze), "analyze %s", definition->stage);
    if (read_rows(load, error) || database_run(warehouse, analyze, error) ||
        database_query(warehouse, sql_text(definition->sql, "judge"), 0, NULL, NULL, error) ||
        drop_duplicates(load, error) || check_days(load, error) || ensure_partitions(load, error) ||
        settle_members(load, error))
        return error->code;
    return database_query(warehouse, sql_text(definition->sql, "resolve"), 0, NULL, NULL, error);
}

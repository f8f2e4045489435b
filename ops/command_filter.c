#include "ops/command_filter.h"

#include <stdio.h>

#include "core/number_text.h"
#include "core/sql.h"

static enum error_code
read_date(const struct command_line *line, const char *option, char text[CALENDAR_DATE_BYTES], struct error *error)
{
    int32_t days;
    bool given;
    text[0] = 0;
    if (command_date(line, option, &days, &given, error))
        return error->code;
    if (given)
        (void)calendar_date_format(days, text);
    return ERROR_NONE;
}

enum error_code
command_filter_choices(const struct command_line *line, const char *states, struct command_filter *filter,
                       struct error *error)
{
    int64_t backfill;
    *filter = (struct command_filter){.states = states,
                                      .job = command_value(line, "--job"),
                                      .queue = command_value(line, "--queue"),
                                      .error = command_value(line, "--error"),
                                      .backfill = command_value(line, "--backfill")};
    if (command_integer(line, "--backfill", 1, INT64_MAX, 0, &backfill, error) ||
        read_date(line, "--from", filter->from, error) || read_date(line, "--to", filter->to, error))
        return error->code;
    filter->given =
        filter->job || filter->queue || filter->error || filter->backfill || filter->from[0] || filter->to[0];
    return ERROR_NONE;
}

enum error_code
command_filter_read(const struct command_line *line, const char *states, struct command_filter *filter,
                    struct error *error)
{
    if (command_filter_choices(line, states, filter, error))
        return error->code;
    filter->given = filter->given || command_flag(line, "--all");
    filter->dry_run = command_flag(line, "--dry-run");
    if (line->word_count && (filter->given || filter->dry_run))
        return error_set(error, ERROR_USAGE, "name the jobs by their ids or by options, not by both");
    if (!line->word_count && !filter->given)
        return error_set(error, ERROR_USAGE,
                         "name the jobs: tapemill %s ID..., or --job, --queue, --error, --from, --to, --backfill, or "
                         "--all",
                         line->command->name);
    return ERROR_NONE;
}

enum error_code
command_filter_page(struct database *warehouse, const struct command_filter *filter, int64_t *before,
                    int64_t ids[COMMAND_FILTER_PAGE], size_t *count, struct error *error)
{
    struct number_text limit, last;
    struct rows *rows;
    if (database_query(warehouse, sql_text("ops/filter", "page"),
                       DATABASE_VALUES(filter->states, filter->job, filter->queue, filter->error,
                                       filter->from[0] ? filter->from : NULL, filter->to[0] ? filter->to : NULL,
                                       filter->backfill, number_text(&last, *before),
                                       number_text(&limit, COMMAND_FILTER_PAGE)),
                       &rows, error))
        return error->code;
    for (*count = 0; *count < rows_count(rows); (*count)++)
        *before = ids[*count] = rows_integer(rows, *count, 0);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
command_filter_count(struct database *warehouse, const struct command_filter *filter, size_t *count,
                     struct error *error)
{
    int64_t ids[COMMAND_FILTER_PAGE], before = 0;
    size_t page = 1;
    *count = 0;
    while (page) {
        if (command_filter_page(warehouse, filter, &before, ids, &page, error))
            return error->code;
        *count += page;
    }
    return ERROR_NONE;
}

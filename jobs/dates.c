/* jobs/dates.c - fills dim_date, from TAPEMILL_DATES_FROM to the end of the year that lies TAPEMILL_DATES_YEARS_AHEAD
 * years past the reference date, and dim_time, by the trading calendar: the built-in NYSE or TAPEMILL_CALENDAR_FILE.
 * Rows that stay as they are are not written; none is removed. Dates with facts that become trading days, or cease to
 * be, go into the dirty log of performance_risk. */
#include <inttypes.h>
#include <stdio.h>

#include "core/config.h"
#include "core/copy.h"
#include "core/time_zone.h"
#include "jobs/calendar.h"
#include "jobs/job.h"
#include "jobs/reference_date.h"
#include "jobs/statement.h"

#define DATES_SQL "jobs/dates"
#define US_PER_S  1000000

enum { DATE_COLUMNS = 20, TIME_COLUMNS = 7, DECEMBER = 12, YEAR_MAX = 9999 };

struct date_range {
    int32_t first_days, last_days; /* both included */
};

/* What the rows are made from. */
struct dates_source {
    const struct calendar *calendar;
    struct time_zone zone; /* of the calendar */
    struct date_range range;
    int fiscal_start_month;
};

static enum error_code
find_range(struct job_context *context, struct date_range *range, struct error *error)
{
    const char *from = config_text(CONFIG_DATES_FROM);
    char last_text[CALENDAR_DATE_BYTES];
    int32_t today;
    if (calendar_date_parse(from, &range->first_days, error)) {
        char why[ERROR_MESSAGE_BYTES];
        (void)snprintf(why, sizeof(why), "%s", error->message);
        return error_set(error, ERROR_CONFIG, "TAPEMILL_DATES_FROM: %.900s", why);
    }
    if (reference_date(context, &today, error))
        return error->code;
    int64_t year = calendar_date_split(today).year + config_integer(CONFIG_DATES_YEARS_AHEAD);
    range->last_days = calendar_date_days((int)(year < YEAR_MAX ? year : YEAR_MAX), DECEMBER, 31);
    if (range->first_days > range->last_days)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_DATES_FROM is %s, which lies past the last date to be filled, %s", from,
                         calendar_date_format(range->last_days, last_text));
    return ERROR_NONE;
}

/* ---- rows -------------------------------------------------------------------------------------------------- */

static void
put_session_end(struct copy_writer *writer, const struct dates_source *source, int32_t days, int second)
{
    if (second == CALENDAR_CLOSED)
        copy_put_null(writer);
    else
        copy_put_timestamp(
            writer, time_zone_first_instant(&source->zone, (int64_t)days * CALENDAR_DATE_DAY_S + second) * US_PER_S);
}

static void
put_date(struct copy_writer *writer, const struct dates_source *source, int32_t days)
{
    struct calendar_date_row row;
    calendar_date_row(source->calendar, days, source->fiscal_start_month, &row);
    copy_put_row(writer, DATE_COLUMNS);
    copy_put_int32(writer, row.date_key);
    copy_put_date(writer, row.days);
    copy_put_int16(writer, (int16_t)row.year);
    copy_put_int16(writer, (int16_t)row.quarter);
    copy_put_int16(writer, (int16_t)row.month);
    copy_put_text(writer, row.month_name);
    copy_put_int16(writer, (int16_t)row.day_of_month);
    copy_put_int16(writer, (int16_t)row.day_of_week);
    copy_put_text(writer, row.day_name);
    copy_put_int16(writer, (int16_t)row.week_of_year);
    copy_put_int16(writer, (int16_t)row.iso_year);
    copy_put_bool(writer, row.is_weekend);
    copy_put_bool(writer, row.is_trading_day);
    copy_put_bool(writer, row.is_holiday);
    copy_put_text(writer, row.holiday_name);
    copy_put_int16(writer, (int16_t)row.fiscal_year);
    copy_put_int16(writer, (int16_t)row.fiscal_quarter);
    copy_put_int16(writer, (int16_t)row.fiscal_month);
    put_session_end(writer, source, days, row.session_open_s);
    put_session_end(writer, source, days, row.session_close_s);
}

static void
put_time(struct copy_writer *writer, const struct dates_source *source, int32_t second_of_day)
{
    struct calendar_time_row row;
    calendar_time_row(source->calendar, second_of_day, &row);
    copy_put_row(writer, TIME_COLUMNS);
    copy_put_int32(writer, row.time_key);
    copy_put_int64(writer, (int64_t)second_of_day * US_PER_S); /* type time: microseconds since midnight */
    copy_put_int16(writer, (int16_t)row.hour);
    copy_put_int16(writer, (int16_t)row.minute);
    copy_put_int16(writer, (int16_t)row.second);
    copy_put_text(writer, row.time_of_day);
    copy_put_text(writer, row.market_session);
}

/* ---- the two tables ---------------------------------------------------------------------------------------- */

/* One dimension: how many rows, from which number on, who writes one, and its statements. */
struct dates_table {
    const char *copy, *note, *update, *insert; /* note: NULL, or what logs the changes that others follow */
    void (*put)(struct copy_writer *writer, const struct dates_source *source, int32_t number);
    struct date_range numbers;
};

static enum error_code
stage(struct job_context *context, const struct dates_source *source, const struct dates_table *table, int64_t *staged,
      struct error *error)
{
    struct copy_writer *writer;
    if (copy_writer_open(&writer, context->warehouse, sql_text(DATES_SQL, table->copy), error))
        return error->code;
    for (int32_t number = table->numbers.first_days; number <= table->numbers.last_days; number++) {
        table->put(writer, source, number);
        if (copy_flush(writer, error)) {
            copy_writer_abort(writer);
            return error->code;
        }
    }
    return copy_writer_finish(writer, staged, error);
}

static enum error_code
fill(struct job_context *context, const struct dates_source *source, const struct dates_table *table,
     struct error *error)
{
    int64_t staged = 0, updated = 0, inserted = 0;
    char run_no[24];
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    if (stage(context, source, table, &staged, error) ||
        (table->note &&
         database_query(context->warehouse, sql_text(DATES_SQL, table->note), DATABASE_VALUES(run_no), NULL, error)) ||
        statement_run(context, sql_text(DATES_SQL, table->update), &updated, error) ||
        statement_run(context, sql_text(DATES_SQL, table->insert), &inserted, error))
        return error->code;
    context->counts.extracted += staged;
    context->counts.updated += updated;
    context->counts.inserted += inserted;
    context->counts.unchanged += staged - updated - inserted;
    return ERROR_NONE;
}

static enum error_code
fill_both(struct job_context *context, const struct dates_source *source, struct error *error)
{
    const struct dates_table dates = {"copy_dates", "note_trading_days", "update_dates", "insert_dates",
                                      put_date,     source->range};
    const struct dates_table times = {"copy_times",   NULL,     "update_times",
                                      "insert_times", put_time, {0, CALENDAR_DATE_DAY_S - 1}};
    char first[CALENDAR_DATE_BYTES], last[CALENDAR_DATE_BYTES];
    if (database_run(context->warehouse, sql_text(DATES_SQL, "stage"), error) ||
        database_query(context->warehouse, sql_text(DATES_SQL, "lock"), 0, NULL, NULL, error) ||
        fill(context, source, &dates, error) || fill(context, source, &times, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata), "{\"first_date\": \"%s\", \"last_date\": \"%s\"}",
                   calendar_date_format(source->range.first_days, first),
                   calendar_date_format(source->range.last_days, last));
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    const char *path = config_text(CONFIG_CALENDAR_FILE);
    struct calendar *loaded = NULL;
    struct dates_source source = {.fiscal_start_month = (int)config_integer(CONFIG_FISCAL_START_MONTH)};
    if (find_range(context, &source.range, error) || (path && calendar_load(path, &loaded, error)))
        return error->code;
    source.calendar = loaded ? loaded : calendar_nyse();
    enum error_code code = time_zone_load(&source.zone, source.calendar->timezone, error);
    if (!code)
        code = fill_both(context, &source, error);
    calendar_destroy(loaded);
    return code;
}

const struct job_definition job_dates = {
    .name = "dates",
    .type = "MAINTENANCE",
    .summary = "dim_date and dim_time, from the trading calendar",
    .queue = "batch",
    .max_attempts = 5,
    .run = run,
};

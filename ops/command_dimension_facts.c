/* dimension check, second part: every fact points to the version that was valid at its instant, and has what loads take
 * from it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "core/sql.h"
#include "ops/command_dimension_check.h"

#define FILE_NAME "ops/dimension_check"

enum { REMEDY_BYTES = 160, NUMBER_BYTES = 24 };

/* A date at hand. */
struct day {
    struct command_dimension_check *check;
    const char *date_key;
    char date[CALENDAR_DATE_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    char rekey[REMEDY_BYTES]; /* what moves its facts; "" until it is asked for */
};

/* What helps: the job that is on its way to these facts, or the one to enqueue. */
static enum error_code
find_remedy(struct day *day, struct error *error)
{
    struct rows *rows;
    if (day->rekey[0])
        return ERROR_NONE;
    if (database_query(day->check->warehouse, sql_text(FILE_NAME, "rekey_jobs"), DATABASE_VALUES(day->date, day->date),
                       &rows, error))
        return error->code;
    if (!rows_count(rows))
        (void)snprintf(day->rekey, sizeof(day->rekey), "tapemill enqueue rekey_facts --date %s", day->date);
    else if (strcmp(rows_text(rows, 0, 2), "dead") == 0)
        (void)snprintf(day->rekey, sizeof(day->rekey), "tapemill dead retry %s, the job that moves them",
                       rows_text(rows, 0, 0));
    else
        (void)snprintf(day->rekey, sizeof(day->rekey), "none: job %s (%s) is still to move them", rows_text(rows, 0, 0),
                       rows_text(rows, 0, 2));
    rows_free(rows);
    return ERROR_NONE;
}

/* Tells rows of (id, key, facts, ..., what), as many as there is room for. */
static enum error_code
tell_orphans(struct day *day, enum dimension dimension, const char *rule, const char *remedy, const struct rows *rows,
             size_t what, struct error *error)
{
    struct command_dimension_figures *figures = &day->check->figures[dimension];
    for (size_t i = 0; i < rows_count(rows) && figures->fact_lines < day->check->most; i++, figures->fact_lines++) {
        const char *const cells[COMMAND_DIMENSION_CELLS] = {
            dimension_name(dimension), rule,  rows_text(rows, i, 0), day->date, rows_text(rows, i, 2),
            rows_text(rows, i, what),  remedy};
        figures->told += rows_integer(rows, i, 2);
        if (command_dimension_tell(&day->check->differences, cells, error))
            return error->code;
    }
    return ERROR_NONE;
}

static enum error_code
check_trades(struct day *day, enum dimension dimension, struct error *error)
{
    struct command_dimension_check *check = day->check;
    struct rows *rows;
    if (command_dimension_query(check->warehouse, dimension, FILE_NAME, "facts", DATABASE_VALUES(day->date_key), &rows,
                                error))
        return error->code;
    int64_t misfits = rows_integer(rows, 0, 1);
    check->figures[dimension].facts += rows_integer(rows, 0, 0);
    check->figures[dimension].differences += misfits;
    rows_free(rows);
    if (!misfits)
        return ERROR_NONE;
    if (find_remedy(day, error) || command_dimension_query(check->warehouse, dimension, FILE_NAME, "fact_orphans",
                                                           DATABASE_VALUES(day->date_key, check->limit), &rows, error))
        return error->code;
    enum error_code code = tell_orphans(day, dimension, "orphan", day->rekey, rows, 3, error);
    rows_free(rows);
    return code;
}

static enum error_code
check_performance(struct day *day, enum dimension dimension, struct error *error)
{
    struct command_dimension_check *check = day->check;
    char remedy[REMEDY_BYTES];
    struct rows *rows;
    if (command_dimension_query(check->warehouse, dimension, FILE_NAME, "performance_orphans",
                                DATABASE_VALUES(day->date_key, day->end, check->limit), &rows, error))
        return error->code;
    (void)snprintf(remedy, sizeof(remedy), "tapemill enqueue daily_performance --date %s", day->date);
    if (rows_count(rows))
        check->figures[dimension].differences += rows_integer(rows, 0, 3);
    enum error_code code = tell_orphans(day, dimension, "performance", remedy, rows, 4, error);
    rows_free(rows);
    return code;
}

/* What a load took from the member into the fact. The desk's alone: a client's trade may bring its own. */
static enum error_code
check_taken(struct day *day, enum dimension dimension, const char *statement, struct error *error)
{
    struct command_dimension_check *check = day->check;
    struct rows *rows;
    if (database_query(check->warehouse, sql_text(FILE_NAME, statement), DATABASE_VALUES(day->date_key, check->limit),
                       &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    if (rows_count(rows)) {
        check->figures[dimension].differences += rows_integer(rows, 0, 3);
        code = find_remedy(day, error);
    }
    if (!code)
        code = tell_orphans(day, dimension, "taken", day->rekey, rows, 4, error);
    rows_free(rows);
    return code;
}

static enum error_code
count_unknown(struct day *day, struct error *error)
{
    struct rows *rows;
    if (database_query(day->check->warehouse, sql_text(FILE_NAME, "unknown"), DATABASE_VALUES(day->date_key), &rows,
                       error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        day->check->figures[i].unknown += rows_integer(rows, 0, (size_t)i);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
check_day(struct day *day, struct error *error)
{
    static const char *const taken[DIMENSION_COUNT] = {
        [DIMENSION_ACCOUNT] = "taken_account", [DIMENSION_INSTRUMENT] = "taken_instrument"};
    if (count_unknown(day, error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        bool has_performance = i == DIMENSION_ACCOUNT || i == DIMENSION_STRATEGY;
        if (!day->check->chosen[i])
            continue;
        if (check_trades(day, (enum dimension)i, error) ||
            (has_performance && check_performance(day, (enum dimension)i, error)) ||
            (taken[i] && check_taken(day, (enum dimension)i, taken[i], error)))
            return error->code;
    }
    return ERROR_NONE;
}

enum error_code
command_dimension_check_facts(struct command_dimension_check *check, const struct command_line *line,
                              struct error *error)
{
    char start[BUSINESS_CLOCK_INSTANT_BYTES];
    struct command_progress progress;
    struct business_clock clock;
    struct rows *dates;
    int32_t days;
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error) ||
        command_dimension_dates(line, check->warehouse, &dates, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    int64_t count = (int64_t)rows_count(dates);
    command_progress_begin(&progress, "checking facts", "dates", count);
    for (size_t i = 0; !code && i < rows_count(dates); i++) {
        struct day day = {.check = check, .date_key = rows_text(dates, i, 0)};
        code = calendar_date_from_key((int32_t)rows_integer(dates, i, 0), &days, error);
        if (code)
            break;
        (void)calendar_date_format(days, day.date);
        (void)business_clock_interval(&clock, days, start, day.end);
        command_progress_update(&progress, (int64_t)i, day.date);
        code = check_day(&day, error);
    }
    if (!code) {
        command_progress_update(&progress, count, NULL);
        command_progress_end(&progress, NULL);
    }
    rows_free(dates);
    return code;
}

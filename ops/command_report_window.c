/* The window that a report looks back on, from its options and from what the warehouse has. */
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/sql.h"
#include "ops/command_report.h"

enum { DATES_MAX = 100000, TRADING_DAYS_MAX = 100000 };

/* ---- options ------------------------------------------------------------------------------------------------- */

/* Which reports take an option: those of a range, those that look back on several dates, those at one date. */
enum taker { TAKER_RANGE = 1, TAKER_WINDOW = 2, TAKER_SNAPSHOT = 4 };

static const struct {
    const char *option;
    int takers;
} takers[] = {
    {"--from", TAKER_RANGE | TAKER_WINDOW},     {"--to", TAKER_RANGE | TAKER_WINDOW},
    {"--as-of", TAKER_WINDOW | TAKER_SNAPSHOT}, {"--days", TAKER_WINDOW},
    {"--trading-days", TAKER_WINDOW},
};

/* Options that go to statements. */
static const char *const parameter_options[] = {"--limit", "--min-trades", "--flow"};

/* Options that say the same thing. */
static const char *const rivals[][2] = {
    {"--as-of", "--to"}, {"--days", "--trading-days"}, {"--from", "--days"}, {"--from", "--trading-days"}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum error_code
refuse(const struct command_report *report, const char *option, enum taker taker, struct error *error)
{
    static const char *const advice[] = {
        [TAKER_RANGE] = "it takes --from and --to",
        [TAKER_WINDOW] = "it looks back from a date: give --as-of, with --days or --trading-days",
        [TAKER_SNAPSHOT] = "it looks at one date: give --as-of",
    };
    return error_set(error, ERROR_USAGE, "report %s has no %s; %s", report->name, option, advice[taker]);
}

static bool
has_parameter(const struct command_report_lookback *lookback, const char *option)
{
    const struct command_report_parameter *parameter = lookback ? lookback->parameters : NULL;
    while (parameter && parameter->option && strcmp(parameter->option, option) != 0)
        parameter++;
    return parameter && parameter->option;
}

enum error_code
command_report_window_check(const struct command_line *line, const struct command_report *report, struct error *error)
{
    const struct command_report_lookback *lookback = report->lookback;
    enum taker taker = !lookback                                        ? TAKER_RANGE
                       : lookback->span == COMMAND_REPORT_SPAN_SNAPSHOT ? TAKER_SNAPSHOT
                                                                        : TAKER_WINDOW;
    for (size_t i = 0; i < COUNT(takers); i++)
        if (command_value(line, takers[i].option) && !(takers[i].takers & (int)taker))
            return refuse(report, takers[i].option, taker, error);
    for (size_t i = 0; i < COUNT(parameter_options); i++)
        if (command_value(line, parameter_options[i]) && !has_parameter(lookback, parameter_options[i]))
            return error_set(error, ERROR_USAGE, "report %s has no %s; leave it out", report->name,
                             parameter_options[i]);
    for (size_t i = 0; lookback && i < COUNT(rivals); i++)
        if (command_value(line, rivals[i][0]) && command_value(line, rivals[i][1]))
            return error_set(error, ERROR_USAGE, "%s and %s exclude each other; give one", rivals[i][0], rivals[i][1]);
    return ERROR_NONE;
}

/* ---- dates ---------------------------------------------------------------------------------------------------- */

/* The last date up to limit (NULL: of all) of which the warehouse has what the report reads. */
static enum error_code
find_last(struct database *warehouse, const struct command_report_lookback *lookback, const char *limit, bool *found,
          int32_t *days, struct error *error)
{
    char key[COMMAND_REPORT_KEY_BYTES];
    int number = 0;
    if (database_value(warehouse, sql_text("report/window", lookback->last), DATABASE_VALUES(limit), key, sizeof(key),
                       error))
        return error->code;
    *found = key[0] != 0;
    if (*found && sscanf(key, "%d", &number) == 1)
        return calendar_date_from_key(number, days, error);
    return ERROR_NONE;
}

static const char *
key_text(int32_t days, char key[COMMAND_REPORT_KEY_BYTES])
{
    (void)snprintf(key, COMMAND_REPORT_KEY_BYTES, "%d", (int)calendar_date_key(days));
    return key;
}

/* The as-of date, and the end of it. A snapshot's is the date asked for; the window's only date is the snapshot's. */
static enum error_code
find_as_of(const struct command_line *line, const struct command_report_lookback *lookback, struct database *warehouse,
           struct command_report_window *window, struct error *error)
{
    char key[COMMAND_REPORT_KEY_BYTES], start[BUSINESS_CLOCK_INSTANT_BYTES];
    struct business_clock clock;
    bool given, given_to, snapshot = lookback->span == COMMAND_REPORT_SPAN_SNAPSHOT;
    int32_t to, named = 0;
    if (command_date(line, "--as-of", &window->as_of, &given, error) ||
        command_date(line, "--to", &to, &given_to, error) ||
        business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    if (given_to)
        window->as_of = to;
    given = given || given_to;
    window->known = given;
    named = window->as_of;
    if ((!given || snapshot) &&
        find_last(warehouse, lookback, given ? key_text(named, key) : NULL, &window->known, &window->as_of, error))
        return error->code;
    (void)business_clock_interval(&clock, given ? named : window->as_of, start, window->end);
    return ERROR_NONE;
}

/* Where the last `count` trading days begin. The calendar may have fewer. */
static enum error_code
find_trading_days(struct database *warehouse, int64_t count, struct command_report_window *window, struct error *error)
{
    char key[COMMAND_REPORT_KEY_BYTES], limit[24], fewer[64] = "", date[CALENDAR_DATE_BYTES];
    struct rows *rows;
    (void)snprintf(limit, sizeof(limit), "%lld", (long long)count);
    if (database_query(warehouse, sql_text("report/window", "trading_days"),
                       DATABASE_VALUES(key_text(window->as_of, key), limit), &rows, error))
        return error->code;
    int64_t first = rows_integer(rows, 0, 0), found = rows_integer(rows, 0, 1);
    rows_free(rows);
    if (!found)
        return error_set(error, ERROR_DATE_KEY,
                         "dim_date has no trading day up to %s; run `tapemill enqueue dates`, or give --days",
                         calendar_date_format(window->as_of, date));
    if (found < count)
        (void)snprintf(fewer, sizeof(fewer), " of %lld, as the calendar begins there", (long long)count);
    (void)snprintf(window->words, sizeof(window->words), "%lld trading day%s%s", (long long)found,
                   found == 1 ? "" : "s", fewer);
    return calendar_date_from_key((int32_t)first, &window->first, error);
}

/* The first date, and in words what makes it that. */
static enum error_code
find_first(const struct command_line *line, const struct command_report_lookback *lookback, struct database *warehouse,
           struct command_report_window *window, struct error *error)
{
    enum command_report_span span = lookback->span;
    int64_t dates, trading_days, count = lookback->count;
    bool given;
    if (command_date(line, "--from", &window->first, &given, error) ||
        command_integer(line, "--days", 1, DATES_MAX, count, &dates, error) ||
        command_integer(line, "--trading-days", 1, TRADING_DAYS_MAX, count, &trading_days, error))
        return error->code;
    if (command_value(line, "--days"))
        span = COMMAND_REPORT_SPAN_DATES;
    if (command_value(line, "--trading-days"))
        span = COMMAND_REPORT_SPAN_TRADING_DAYS;
    if (!window->known) {
        window->first = window->as_of;
        return ERROR_NONE;
    }
    if (!given && span == COMMAND_REPORT_SPAN_TRADING_DAYS)
        return find_trading_days(warehouse, trading_days, window, error);
    if (!given && span == COMMAND_REPORT_SPAN_YEAR) {
        window->first = calendar_date_days(calendar_date_split(window->as_of).year, 1, 1);
        (void)snprintf(window->words, sizeof(window->words), "the as-of date's year");
        return ERROR_NONE;
    }
    if (!given)
        window->first = span == COMMAND_REPORT_SPAN_SNAPSHOT ? window->as_of : window->as_of - (int32_t)dates + 1;
    if (window->first < CALENDAR_DATE_FIRST)
        window->first = CALENDAR_DATE_FIRST;
    int32_t length = window->as_of - window->first + 1;
    (void)snprintf(window->words, sizeof(window->words), "%d date%s", (int)length, length == 1 ? "" : "s");
    return ERROR_NONE;
}

enum error_code
command_report_window_find(const struct command_line *line, const struct command_report_lookback *lookback,
                           struct database *warehouse, struct command_report_window *window, struct error *error)
{
    char first[CALENDAR_DATE_BYTES], last[CALENDAR_DATE_BYTES], what[sizeof(window->words)];
    *window = (struct command_report_window){0};
    if (find_as_of(line, lookback, warehouse, window, error) || find_first(line, lookback, warehouse, window, error))
        return error->code;
    (void)calendar_date_format(window->first, first);
    (void)calendar_date_format(window->as_of, last);
    if (window->first > window->as_of)
        return error_set(error, ERROR_USAGE, "--from %s is after %s, where the window ends; give an earlier date",
                         first, last);
    (void)snprintf(what, sizeof(what), "%s", window->words);
    if (lookback->span == COMMAND_REPORT_SPAN_SNAPSHOT)
        (void)snprintf(window->words, sizeof(window->words), "at the close of %s", last);
    else
        (void)snprintf(window->words, sizeof(window->words), "%s to %s (%.100s)", first, last, what);
    (void)key_text(window->first, window->first_key);
    (void)key_text(window->as_of, window->last_key);
    return ERROR_NONE;
}

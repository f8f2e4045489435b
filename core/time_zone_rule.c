#include "core/time_zone_rule.h"

#include "core/calendar_date.h"

#include <string.h>

#define NAME_MIN_LETTERS  3
#define OFFSET_HOURS_MAX  24
#define TIME_HOURS_MAX    167
#define DEFAULT_TIME_S    (2 * 3600)
#define DAYLIGHT_SAVING_S 3600

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
accept(const char **cursor, char c)
{
    if (**cursor != c)
        return false;
    (*cursor)++;
    return true;
}

/* A number of one to three digits between two bounds. */
static bool
accept_number(const char **cursor, int least, int most, int *value)
{
    const char *start = *cursor;
    *value = 0;
    while (is_digit(**cursor) && *cursor - start < 3)
        *value = *value * 10 + (*(*cursor)++ - '0');
    return *cursor > start && *value >= least && *value <= most;
}

/* "EST" or "<+0530>". */
static bool
accept_name(const char **cursor)
{
    bool quoted = accept(cursor, '<');
    const char *start = *cursor;
    while (is_letter(**cursor) || (quoted && (is_digit(**cursor) || **cursor == '+' || **cursor == '-')))
        (*cursor)++;
    return *cursor - start >= NAME_MIN_LETTERS && (!quoted || accept(cursor, '>'));
}

/* [+-]hours[:minutes[:seconds]] */
static bool
accept_clock(const char **cursor, int hours_max, int32_t *seconds)
{
    int sign = accept(cursor, '-') ? -1 : 1;
    int hours = 0, minutes = 0, rest = 0;
    if (sign > 0)
        (void)accept(cursor, '+');
    if (!accept_number(cursor, 0, hours_max, &hours))
        return false;
    if (accept(cursor, ':')) {
        if (!accept_number(cursor, 0, 59, &minutes))
            return false;
        if (accept(cursor, ':') && !accept_number(cursor, 0, 59, &rest))
            return false;
    }
    *seconds = sign * (hours * 3600 + minutes * 60 + rest);
    return true;
}

/* Mm.w.d, Jn or n, then [/time]. */
static bool
accept_moment(const char **cursor, struct time_zone_moment *moment)
{
    bool valid;
    if (accept(cursor, 'M')) {
        moment->kind = 'M';
        valid = accept_number(cursor, 1, 12, &moment->month) && accept(cursor, '.') &&
                accept_number(cursor, 1, 5, &moment->week) && accept(cursor, '.') &&
                accept_number(cursor, 0, 6, &moment->weekday);
    } else if (accept(cursor, 'J')) {
        moment->kind = 'J';
        valid = accept_number(cursor, 1, 365, &moment->day);
    } else {
        moment->kind = 'D';
        valid = accept_number(cursor, 0, 365, &moment->day);
    }
    moment->time_s = DEFAULT_TIME_S;
    return valid && (!accept(cursor, '/') || accept_clock(cursor, TIME_HOURS_MAX, &moment->time_s));
}

bool
time_zone_rule_parse(const char *text, struct time_zone_rule *rule)
{
    const char *cursor = text;
    int32_t west_s = 0; /* POSIX counts offsets westward */
    memset(rule, 0, sizeof(*rule));
    if (!accept_name(&cursor) || !accept_clock(&cursor, OFFSET_HOURS_MAX, &west_s))
        return false;
    rule->standard_offset_s = -west_s;
    if (!*cursor)
        return true;
    rule->has_daylight = true;
    rule->daylight_offset_s = rule->standard_offset_s + DAYLIGHT_SAVING_S;
    if (!accept_name(&cursor))
        return false;
    if (*cursor != ',') {
        if (!accept_clock(&cursor, OFFSET_HOURS_MAX, &west_s))
            return false;
        rule->daylight_offset_s = -west_s;
    }
    return accept(&cursor, ',') && accept_moment(&cursor, &rule->daylight_starts) && accept(&cursor, ',') &&
           accept_moment(&cursor, &rule->daylight_ends) && !*cursor;
}

static int32_t
moment_date(const struct time_zone_moment *moment, int year)
{
    int32_t new_year = calendar_date_days(year, 1, 1);
    if (moment->kind == 'D')
        return new_year + moment->day;
    if (moment->kind == 'J') /* day 60 is 1 March in every year */
        return new_year + moment->day - 1 + (moment->day >= 60 && calendar_date_is_leap_year(year) ? 1 : 0);
    int32_t first = calendar_date_days(year, moment->month, 1);
    int day = (moment->weekday - calendar_date_weekday(first) + 7) % 7 + 1 + 7 * (moment->week - 1);
    if (day > calendar_date_month_length(year, moment->month))
        day -= 7;
    return first + day - 1;
}

static int64_t
moment_instant(const struct time_zone_moment *moment, int year, int32_t offset_before_s)
{
    return (int64_t)moment_date(moment, year) * CALENDAR_DATE_DAY_S + moment->time_s - offset_before_s;
}

void
time_zone_rule_year(const struct time_zone_rule *rule, int year, struct time_zone_change changes[2])
{
    struct time_zone_change starts = {moment_instant(&rule->daylight_starts, year, rule->standard_offset_s),
                                      rule->daylight_offset_s};
    struct time_zone_change ends = {moment_instant(&rule->daylight_ends, year, rule->daylight_offset_s),
                                    rule->standard_offset_s};
    bool starts_first = starts.start_s < ends.start_s;
    changes[0] = starts_first ? starts : ends;
    changes[1] = starts_first ? ends : starts;
}

#include "jobs/calendar.h"

#define OPEN_S      (9 * 3600 + 1800)
#define CLOSE_S     (16 * 3600)
#define TWO_O_CLOCK (14 * 3600)
#define ONE_O_CLOCK (13 * 3600)
#define EVER        9999

enum rule_kind {
    FIXED,        /* month, day */
    NTH_WEEKDAY,  /* the nth such weekday of the month; negative counts from its end */
    BEFORE_EASTER /* so many days before Easter Sunday */
};

/* Where a fixed holiday goes that falls on a weekend. New Year's Day stays on a Saturday: the Friday before it ends a
 * month and a year, and the exchange opens on such days. */
enum observance { SUNDAY_TO_MONDAY, NEAREST_WEEKDAY };

struct holiday_rule {
    const char *name;
    const char *observed_name;
    int first_year;
    enum rule_kind kind;
    int month;
    int number; /* the day, the n or the days before Easter */
    int weekday;
    enum observance observance;
};

static const struct holiday_rule holidays[] = {
    {"New Year's Day", "New Year's Day (observed)", 1, FIXED, 1, 1, 0, SUNDAY_TO_MONDAY},
    {"Martin Luther King Jr. Day", NULL, 1998, NTH_WEEKDAY, 1, 3, CALENDAR_MONDAY, NEAREST_WEEKDAY},
    {"Washington's Birthday", NULL, 1, NTH_WEEKDAY, 2, 3, CALENDAR_MONDAY, NEAREST_WEEKDAY},
    {"Good Friday", NULL, 1, BEFORE_EASTER, 0, 2, 0, NEAREST_WEEKDAY},
    {"Memorial Day", NULL, 1, NTH_WEEKDAY, 5, -1, CALENDAR_MONDAY, NEAREST_WEEKDAY},
    {"Juneteenth", "Juneteenth (observed)", 2022, FIXED, 6, 19, 0, NEAREST_WEEKDAY},
    {"Independence Day", "Independence Day (observed)", 1, FIXED, 7, 4, 0, NEAREST_WEEKDAY},
    {"Labor Day", NULL, 1, NTH_WEEKDAY, 9, 1, CALENDAR_MONDAY, NEAREST_WEEKDAY},
    {"Thanksgiving Day", NULL, 1, NTH_WEEKDAY, 11, 4, CALENDAR_THURSDAY, NEAREST_WEEKDAY},
    {"Christmas Day", "Christmas Day (observed)", 1, FIXED, 12, 25, 0, NEAREST_WEEKDAY},
};

#define ON(weekday) (1u << (weekday))
#define MON_TO_THU  (ON(CALENDAR_MONDAY) | ON(CALENDAR_TUESDAY) | ON(CALENDAR_WEDNESDAY) | ON(CALENDAR_THURSDAY))

/* An early close: on these weekdays among these days of a month, in these years, unless the day is a holiday. */
static const struct early_close_rule {
    int first_year;
    int last_year;
    int month;
    int first_day;
    int last_day;
    unsigned weekdays;
    int close_s;
} early_closes[] = {
    /* Christmas Eve */
    {1990, 1992, 12, 24, 24, MON_TO_THU, TWO_O_CLOCK},
    {1993, EVER, 12, 24, 24, MON_TO_THU, ONE_O_CLOCK},
    /* the day after Thanksgiving */
    {1992, 1992, 11, 23, 29, ON(CALENDAR_FRIDAY), TWO_O_CLOCK},
    {1993, EVER, 11, 23, 29, ON(CALENDAR_FRIDAY), ONE_O_CLOCK},
    /* around Independence Day: the day before it; when it was a Thursday, until 2012 the Friday after it instead */
    {1995, EVER, 7, 3, 3, ON(CALENDAR_MONDAY) | ON(CALENDAR_TUESDAY) | ON(CALENDAR_THURSDAY), ONE_O_CLOCK},
    {1995, 2012, 7, 5, 5, ON(CALENDAR_FRIDAY), ONE_O_CLOCK},
    {2013, EVER, 7, 3, 3, ON(CALENDAR_WEDNESDAY), ONE_O_CLOCK},
};

/* What happened once. A close of CALENDAR_CLOSED is a day without a session. */
static const struct one_off {
    int32_t date_key;
    int close_s;
    const char *name;
} one_offs[] = {
    {19940427, CALENDAR_CLOSED, "National Day of Mourning for Richard Nixon"},
    {19971226, ONE_O_CLOCK, NULL},
    {19991231, ONE_O_CLOCK, NULL},
    {20010911, CALENDAR_CLOSED, "September 11 attacks"},
    {20010912, CALENDAR_CLOSED, "September 11 attacks"},
    {20010913, CALENDAR_CLOSED, "September 11 attacks"},
    {20010914, CALENDAR_CLOSED, "September 11 attacks"},
    {20031226, ONE_O_CLOCK, NULL},
    {20040611, CALENDAR_CLOSED, "National Day of Mourning for Ronald Reagan"},
    {20070102, CALENDAR_CLOSED, "National Day of Mourning for Gerald Ford"},
    {20121029, CALENDAR_CLOSED, "Hurricane Sandy"},
    {20121030, CALENDAR_CLOSED, "Hurricane Sandy"},
    {20181205, CALENDAR_CLOSED, "National Day of Mourning for George H. W. Bush"},
    {20250109, CALENDAR_CLOSED, "National Day of Mourning for Jimmy Carter"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Easter Sunday of the Gregorian calendar, by the golden number and the epact as Clavius set them out in 1582 (Knuth,
 * The Art of Computer Programming, volume 1, exercise 1.3.2-14, states the arithmetic). */
static int32_t
easter_sunday(int year)
{
    int golden_number = year % 19 + 1;
    int century = year / 100 + 1;
    int dropped_leap_days = 3 * century / 4 - 12;
    int moon_correction = (8 * century + 5) / 25 - 5;
    int epact = (11 * golden_number + 20 + moon_correction - dropped_leap_days) % 30;
    if (epact < 0)
        epact += 30;
    if (epact == 24 || (epact == 25 && golden_number > 11))
        epact++;
    int full_moon = 44 - epact; /* a day of March; the first on or after the 21st is wanted */
    if (full_moon < 21)
        full_moon += 30;
    int32_t moon_days = calendar_date_days(year, 3, full_moon);
    return moon_days + 7 - calendar_date_weekday(moon_days) % 7; /* the Sunday after it */
}

static int32_t
nth_weekday(int year, int month, int nth, int weekday)
{
    int day = nth > 0 ? 1 + 7 * (nth - 1) : calendar_date_month_length(year, month) - 6 + 7 * (nth + 1);
    int32_t earliest = calendar_date_days(year, month, day); /* the one wanted is among this day and the next six */
    return earliest + (weekday - calendar_date_weekday(earliest) + 7) % 7;
}

/* The date on which a rule puts its holiday that year, before observance. */
static int32_t
nominal_date(const struct holiday_rule *rule, int year)
{
    if (rule->kind == NTH_WEEKDAY)
        return nth_weekday(year, rule->month, rule->number, rule->weekday);
    if (rule->kind == BEFORE_EASTER)
        return easter_sunday(year) - rule->number;
    return calendar_date_days(year, rule->month, rule->number);
}

static int32_t
observed_date(const struct holiday_rule *rule, int32_t nominal)
{
    int weekday = calendar_date_weekday(nominal);
    if (weekday == CALENDAR_SUNDAY)
        return nominal + 1;
    return weekday == CALENDAR_SATURDAY && rule->observance == NEAREST_WEEKDAY ? nominal - 1 : nominal;
}

/* The name of the holiday by rule that a weekday is, or NULL. */
static const char *
holiday_by_rule(int32_t days, int year)
{
    for (size_t i = 0; i < COUNT(holidays); i++) {
        if (year < holidays[i].first_year)
            continue;
        int32_t nominal = nominal_date(&holidays[i], year);
        if (observed_date(&holidays[i], nominal) == days)
            return days == nominal ? holidays[i].name : holidays[i].observed_name;
    }
    return NULL;
}

static const struct one_off *
find_one_off(int32_t days)
{
    int32_t date_key = calendar_date_key(days);
    for (size_t i = 0; i < COUNT(one_offs); i++)
        if (one_offs[i].date_key == date_key)
            return &one_offs[i];
    return NULL;
}

static int
close_by_rule(const struct calendar_date *date, int weekday)
{
    for (size_t i = 0; i < COUNT(early_closes); i++) {
        const struct early_close_rule *rule = &early_closes[i];
        if (date->year >= rule->first_year && date->year <= rule->last_year && date->month == rule->month &&
            date->day >= rule->first_day && date->day <= rule->last_day && (rule->weekdays & ON(weekday)))
            return rule->close_s;
    }
    return CLOSE_S;
}

void
calendar_nyse_day(int32_t days, struct calendar_day *out)
{
    static const struct calendar_day closed = {.open_s = CALENDAR_CLOSED, .close_s = CALENDAR_CLOSED};
    struct calendar_date date = calendar_date_split(days);
    int weekday = calendar_date_weekday(days);
    *out = closed;
    if (weekday >= CALENDAR_SATURDAY)
        return;
    const struct one_off *one_off = find_one_off(days);
    out->holiday_name = one_off ? one_off->name : holiday_by_rule(days, date.year);
    out->is_holiday = out->holiday_name != NULL;
    if (out->is_holiday)
        return;
    out->is_trading_day = true;
    out->open_s = OPEN_S;
    out->close_s = one_off ? one_off->close_s : close_by_rule(&date, weekday);
    out->early_close = out->close_s < CLOSE_S;
}

const struct calendar *
calendar_nyse(void)
{
    static const struct calendar nyse = {
        .venue = "NYSE",
        .timezone = "America/New_York",
        .first_days = 7305, /* 1990-01-01 */
        .last_days = CALENDAR_DATE_LAST,
        .weekly = {{OPEN_S, CLOSE_S},
                   {OPEN_S, CLOSE_S},
                   {OPEN_S, CLOSE_S},
                   {OPEN_S, CLOSE_S},
                   {OPEN_S, CLOSE_S},
                   {CALENDAR_CLOSED, CALENDAR_CLOSED},
                   {CALENDAR_CLOSED, CALENDAR_CLOSED}},
        .extended = {4 * 3600, 20 * 3600},
        .day_by_rule = calendar_nyse_day,
    };
    return &nyse;
}

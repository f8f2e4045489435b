#include "ops/source_plan.h"

#include <stddef.h>

#include "core/calendar_date.h"

static const int64_t us_per_s = 1000000, us_per_minute = 60000000;

enum error_code
source_plan_load_zone(struct source_plan *plan, struct error *error)
{
    return time_zone_load(&plan->zone, SOURCE_TIME_ZONE, error);
}

/* New York changes its clock at 02:00: the offset at noon holds from 04:00 on. */
struct source_day
source_plan_day(const struct source_plan *plan, int32_t days)
{
    static const int64_t noon_s = 12 * 3600;
    int64_t noon = time_zone_first_instant(&plan->zone, (int64_t)days * CALENDAR_DATE_DAY_S + noon_s);
    return (struct source_day){
        .days = days,
        .weekend = calendar_date_weekday(days) >= CALENDAR_SATURDAY,
        .midnight_us = (noon - noon_s) * us_per_s,
        .first_id = (int64_t)(days - SOURCE_EPOCH_DAYS) * SOURCE_DAY_IDS,
    };
}

int64_t
source_plan_day_rows(const struct source_plan *plan, const struct source_day *day, int64_t weekday_rows)
{
    if (!day->weekend)
        return weekday_rows;
    return plan->weekends && weekday_rows ? (weekday_rows + 199) / 200 : 0;
}

struct source_random
source_plan_random(const struct source_plan *plan, enum source_part part, int32_t days, uint64_t member)
{
    return source_random_start(source_random_key(plan->seed, part, (uint64_t)days, member));
}

/* A correction comes the same day, minutes later, or one or two days later. */
static int64_t
correction_delay_us(const struct source_plan *plan, const struct source_day *day, struct source_random *random)
{
    int64_t minutes = source_random_between(random, 5, 90), days = source_random_between(random, -2, 2);
    if (days <= 0 || day->days + days > plan->through)
        return minutes * us_per_minute;
    return days * CALENDAR_DATE_DAY_S * us_per_s;
}

struct source_fate
source_plan_fate(const struct source_plan *plan, const struct source_day *day, struct source_random *random,
                 int64_t recorded_us)
{
    struct source_fate fate = {"NEW", false, recorded_us};
    int64_t lot = (int64_t)source_random_below(random, 1000);
    if (lot < plan->corrections + plan->busts) {
        fate.status = lot < plan->corrections ? "CORRECTED" : "CANCELLED";
        fate.updated_us += correction_delay_us(plan, day, random);
    } else if (lot < plan->corrections + plan->busts + plan->late) {
        int64_t days = source_random_between(random, 1, 3);
        fate.late = day->days + days <= plan->through;
        if (fate.late)
            fate.updated_us += days * CALENDAR_DATE_DAY_S * us_per_s;
    }
    return fate;
}

/* The shape of a day: a stretch and its weight among all. */
static const struct {
    int32_t start_s, length_s, weight;
} stretches[] = {
    {28800, 5400, 30},                                                            /* 08:00, before the open */
    {34200, 1800, 140}, {36000, 1800, 100}, {37800, 1800, 80}, {39600, 1800, 65}, /* 09:30 */
    {41400, 1800, 58},  {43200, 1800, 52},  {45000, 1800, 50}, {46800, 1800, 50}, /* 11:30 */
    {48600, 1800, 55},  {50400, 1800, 62},  {52200, 1800, 72}, {54000, 1800, 90}, /* 13:30 */
    {55800, 1800, 136}, {57600, 7200, 20},                                        /* 15:30, 16:00 after the close */
};

int64_t
source_plan_moment_us(uint32_t position)
{
    enum { COUNT = sizeof(stretches) / sizeof(stretches[0]) };
    uint64_t total = 0;
    for (size_t i = 0; i < COUNT; i++)
        total += (uint64_t)stretches[i].weight;
    uint64_t target = position * total;
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t share = (uint64_t)stretches[i].weight << 32;
        if (target < share) {
            uint64_t length_us = (uint64_t)stretches[i].length_s * (uint64_t)us_per_s;
            uint64_t offset_us = (uint64_t)((unsigned __int128)target * length_us / share);
            return stretches[i].start_s * us_per_s + (int64_t)offset_us;
        }
        target -= share;
    }
    return 0; /* not reached: position is below 2^32, so target below the sum of all shares */
}

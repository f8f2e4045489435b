/* ops/source_plan.h - what a sample source is to hold, and the calendar its days are laid on.
 *
 * A day's rows follow from the plan's seed and the date alone, wherever generation began, so that days can be appended
 * later. Two things look at the last day too: no correction and no late row comes after it. Days and hours are New
 * York's. */
#ifndef TAPEMILL_OPS_SOURCE_PLAN_H
#define TAPEMILL_OPS_SOURCE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/time_zone.h"
#include "ops/source_random.h"

#define SOURCE_TIME_ZONE "America/New_York"

enum {
    SOURCE_EPOCH_DAYS = 10957,    /* 2000-01-01: prices and rates start here */
    SOURCE_LAST_DAYS = 47481,     /* 2099-12-31 */
    SOURCE_DAY_IDS = 100000000,   /* ids of one day and table */
    SOURCE_CLIENT_IDS = 50000000, /* where the ids of client orders begin within them */
    SOURCE_ROWS_MAX = 20000000    /* rows of one day and table, so that the ids suffice */
};

/* What random numbers are drawn for; a part never shifts another's. Values are part of the format: append only. */
enum source_part {
    SOURCE_PART_MEMBER = 1,
    SOURCE_PART_EVOLUTION,
    SOURCE_PART_PRICE,
    SOURCE_PART_RATE,
    SOURCE_PART_DESK,
    SOURCE_PART_CLIENT,
    SOURCE_PART_QUOTE,
    SOURCE_PART_RISK,
    SOURCE_PART_DIRT,
    SOURCE_PART_ASSIGNMENT,
    SOURCE_PART_STATE /* states of orders and what is missing of quotes and snapshots: no trade's numbers shift by it */
};

struct source_plan {
    uint64_t seed;
    int32_t from, through;             /* first and last day */
    int64_t rows, client_rows, quotes; /* per weekday: executions, client trades, quotes */
    int64_t instruments, accounts, clients, strategies, providers, tenants;
    int64_t dirty, corrections, busts, late; /* per mille */
    bool weekends;                           /* a few rows on Saturdays and Sundays */
    const char *missing_rate;                /* currency without any rate; NULL: none */
    bool append;                             /* members exist: only their changes are applied */
    struct time_zone zone;
};

struct source_day {
    int32_t days;
    bool weekend;
    int64_t midnight_us; /* so that adding a time of day from 04:00 on gives its instant, also when the clock changed */
    int64_t first_id;
};

/* Fills the zone. */
ERROR_MUST_CHECK enum error_code source_plan_load_zone(struct source_plan *plan, struct error *error);

struct source_day source_plan_day(const struct source_plan *plan, int32_t days);

/* How many rows that day gets where a weekday gets `weekday_rows`: 1 in 200 (at least 1) on weekends, if the plan has
 * them. */
int64_t source_plan_day_rows(const struct source_plan *plan, const struct source_day *day, int64_t weekday_rows);

/* The random numbers of one part of one day. */
struct source_random source_plan_random(const struct source_plan *plan, enum source_part part, int32_t days,
                                        uint64_t member);

/* What became of a trade by the end of the plan. */
struct source_fate {
    const char *status; /* NEW, CORRECTED, CANCELLED */
    bool late;
    int64_t updated_us;
};

/* recorded_us: when a trade without a history is written. */
struct source_fate source_plan_fate(const struct source_plan *plan, const struct source_day *day,
                                    struct source_random *random, int64_t recorded_us);

/* The moment of the day, in microseconds after midnight, at which the share `position` (of 2^32) of a day's trading is
 * done: thin before 09:30 and after 16:00, dense at the open and the close. Grows with position. */
int64_t source_plan_moment_us(uint32_t position);

#endif

/* jobs/verify_internal.h - what the files of verify_aggregates() and verify_positions() share: one date after the
 * other, its facts as they are read, groups of what they come to, and the stored rows that must say the same. */
#ifndef TAPEMILL_JOBS_VERIFY_INTERNAL_H
#define TAPEMILL_JOBS_VERIFY_INTERNAL_H

#include "core/arena.h"
#include "core/copy.h"
#include "core/exact.h"
#include "jobs/verify.h"
#include "jobs/verify_group.h"

enum {
    VERIFY_PERIODS = 5,
    VERIFY_TEXT_BYTES = 64, /* of an id, a date, a name of a level */
    VERIFY_FIELDS_MAX = 40,
};

/* A kind of period and its name. */
struct verify_period {
    const char *name;
    /* First and last date of the period of a date. */
    void (*bounds)(int32_t days, int32_t *first, int32_t *last);
};
extern const struct verify_period verify_periods[VERIFY_PERIODS];

/* A row as it came: texts, "" with is_null. Numbers are parsed on demand. */
struct verify_row {
    const struct copy_field *fields;
    char texts[VERIFY_FIELDS_MAX][VERIFY_TEXT_BYTES];
};

/* A live trade with what follows from its columns alone. */
struct verify_trade {
    bool is_desk, is_buy, is_closing, has_rate, has_realized, has_latency;
    const char *tenant, *account, *strategy, *client, *instrument, *lp, *currency; /* "" for none */
    const char *date;                                                              /* YYYY-MM-DD */
    struct exact quantity, price, value;                                           /* value: quantity x price */
    struct exact notional, commission, fees, realized; /* in base currency; 0 without a rate */
    struct exact latency;
};

/* All groups. */
struct verify_aggregate {
    struct verify *verify;
    struct database *warehouse;
    const char *file; /* of sql/, where the statements are */
    int32_t days;
    char date[16], date_key[16];
    bool is_trading_day;
    char dirty[1024];          /* targets that are dirty on this date, each between spaces */
    int32_t series_dirty_days; /* from this date on performance over time is dirty; INT32_MAX: never */
    struct verify_trade trade;
    struct verify_groups summary, performance, series, months;
    struct verify_groups clients[VERIFY_PERIODS], client_members[VERIFY_PERIODS], providers[VERIFY_PERIODS];
    bool client_dirty[VERIFY_PERIODS], provider_dirty[VERIFY_PERIODS], month_dirty; /* of the period under way */
};

/* ---- reading: verify_read.c --------------------------------------------------------------------------------- */

typedef enum error_code verify_take(struct verify_aggregate *all, struct verify_row *row, void *data,
                                    struct error *error);

/* Runs a statement of the SQL file all->file, made by one that gives its text (parameters: values), and hands every row
 * to take. */
ERROR_MUST_CHECK enum error_code verify_read(struct verify_aggregate *all, const char *statement, int fields, int count,
                                             const char *const *values, verify_take *take, void *data,
                                             struct error *error);

bool verify_row_is_null(const struct verify_row *row, int field);
/* A short text; "" for null. Cut at VERIFY_TEXT_BYTES. */
const char *verify_row_text(struct verify_row *row, int field);
/* A number; 0 for null. */
ERROR_MUST_CHECK enum error_code verify_row_number(const struct verify_row *row, int field, struct exact *number,
                                                   struct error *error);
ERROR_MUST_CHECK enum error_code verify_row_integer(const struct verify_row *row, int field, int64_t *value,
                                                    struct error *error);

/* The first business date of the history, before which all books are empty. */
ERROR_MUST_CHECK enum error_code verify_history_start(int32_t *days, struct error *error);

/* Whether a target is dirty on the date. */
bool verify_is_dirty(const struct verify_aggregate *all, const char *target);

/* ---- comparing: verify_compare.c ----------------------------------------------------------------------------- */

/* What a column should say. */
struct verify_value {
    bool is_null, is_text;
    bool is_unknown; /* not to be compared */
    struct exact number;
    const char *text;
};

/* sum / count, rounded; null for a count of 0. */
void verify_value_mean(struct verify_value *value, const struct exact *sum, int64_t count, int decimals);
/* a / b of counts, not rounded but at EXACT_SCALE. b is not 0. */
void verify_ratio(struct exact *ratio, int64_t a, int64_t b);
/* Keeps the lowest (sign -1) or highest (sign 1) of the numbers given. */
void verify_keep_extreme(struct verify_group *group, int sum, const struct exact *number, int sign);

struct verify_column {
    const char *name;
    /* Sets the value: a number, rounded as the column is; null where nothing is set. */
    void (*expect)(const struct verify_group *group, struct verify_value *value);
};

struct verify_table {
    const char *name;                    /* "agg_daily_trade_summary" */
    const char *statement;               /* of its stored rows: key fields, then the columns */
    const char *const *key_names;        /* NULL at the end */
    const struct verify_column *columns; /* .name NULL at the end */
};

/* Compares the stored rows of a bucket with its groups; rows without a group and groups without a row are differences,
 * held groups have none. values are the statement's parameters. */
ERROR_MUST_CHECK enum error_code verify_compare(struct verify_aggregate *all, const struct verify_table *table,
                                                struct verify_groups *groups, int count, const char *const *values,
                                                struct error *error);

/* The table's counts. */
struct verify_count *verify_count_of(struct verify *verify, const char *table);

/* Tells a difference of a row. */
void verify_tell(struct verify *verify, const char *table, const char *const *key_names, const char *key,
                 const char *column, const char *stored, const char *recomputed);

/* ---- the tables --------------------------------------------------------------------------------------------- */

ERROR_MUST_CHECK enum error_code verify_summary_add(struct verify_aggregate *all, struct error *error);
ERROR_MUST_CHECK enum error_code verify_summary_compare(struct verify_aggregate *all, struct error *error);

ERROR_MUST_CHECK enum error_code verify_performance_begin(struct verify_aggregate *all, struct error *error);
ERROR_MUST_CHECK enum error_code verify_performance_add(struct verify_aggregate *all, struct error *error);
ERROR_MUST_CHECK enum error_code verify_performance_compare(struct verify_aggregate *all, struct error *error);

ERROR_MUST_CHECK enum error_code verify_client_add(struct verify_aggregate *all, struct error *error);
ERROR_MUST_CHECK enum error_code verify_client_read(struct verify_aggregate *all, struct error *error); /* risk */
ERROR_MUST_CHECK enum error_code verify_client_compare(struct verify_aggregate *all, struct error *error);

ERROR_MUST_CHECK enum error_code verify_provider_add(struct verify_aggregate *all, struct error *error);
/* Quotes and orders. */
ERROR_MUST_CHECK enum error_code verify_provider_read(struct verify_aggregate *all, struct error *error);
ERROR_MUST_CHECK enum error_code verify_provider_compare(struct verify_aggregate *all, struct error *error);

/* Whether the period of the date lies wholly in the range. first: its first date, as YYYY-MM-DD too. */
bool verify_period_counts(const struct verify_aggregate *all, int period, char first_date[16], int32_t *last);

#endif

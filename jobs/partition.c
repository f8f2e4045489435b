#include "jobs/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/clock.h"
#include "core/failpoint.h"

#define PARTITION_SQL "jobs/partitions"

enum { NAME_BYTES = 64, KEY_BYTES = 48, STATEMENT_BYTES = 1024, DEADLINE_MS = 60 * 1000 };

static const struct partitioned_fact {
    const char *name;
    bool by_flow; /* a month is a parent of the flows of its days; else it is a leaf */
} facts[PARTITION_FACTS] = {
    {"fact_trades", true},  {"fact_performance_daily", false}, {"fact_orders", false},
    {"fact_quotes", false}, {"fact_risk_snapshots", false},    {"fact_positions_daily", false},
};

/* One fact and date: the names and half-open bounds of its month and its leaf. */
struct place {
    const struct partitioned_fact *fact;
    char month[NAME_BYTES], leaf[NAME_BYTES];
    char month_from[KEY_BYTES], month_to[KEY_BYTES], leaf_from[KEY_BYTES], leaf_to[KEY_BYTES], day[KEY_BYTES];
};

/* The flows of a day, in the order of their names, which is the order of their leaves' bounds. */
static const struct flow {
    const char *source, *suffix;
} flows[] = {{"CLIENT", "client"}, {"DESK", "desk"}};

/* What the catalog says of a place. */
struct sight {
    bool date_known, month_exists, month_attached, leaf_exists, leaf_attached;
};

const char *
partition_fact(int index)
{
    return facts[index].name;
}

static void
put_key(char text[KEY_BYTES], int32_t days)
{
    (void)snprintf(text, KEY_BYTES, "%" PRId32, calendar_date_key(days));
}

/* Name and bounds of a flow's leaf. */
static enum error_code
find_flow(struct place *place, const char *source, int32_t days, struct error *error)
{
    int day = (int)calendar_date_key(days), next = (int)calendar_date_key(days + 1);
    size_t i = 0;
    while (i < sizeof(flows) / sizeof(flows[0]) && strcmp(flows[i].source, source) != 0)
        i++;
    if (i == sizeof(flows) / sizeof(flows[0]))
        return error_set(error, ERROR_BUG, "%s is no flow of %s", source, place->fact->name);
    (void)snprintf(place->leaf, NAME_BYTES, "%s_d%d_%s", place->fact->name, day, flows[i].suffix);
    if (i == 0) {
        (void)snprintf(place->leaf_from, KEY_BYTES, "%d, minvalue", day);
        (void)snprintf(place->leaf_to, KEY_BYTES, "%d, 'DESK'", day);
    } else {
        (void)snprintf(place->leaf_from, KEY_BYTES, "%d, 'DESK'", day);
        (void)snprintf(place->leaf_to, KEY_BYTES, "%d, minvalue", next);
    }
    return ERROR_NONE;
}

/* source: of fact_trades, NULL where only the month matters. */
static enum error_code
find_place(struct place *place, const char *fact, const char *source, int32_t date_key, struct error *error)
{
    int32_t days;
    size_t i = 0;
    while (i < PARTITION_FACTS && strcmp(facts[i].name, fact) != 0)
        i++;
    if (i == PARTITION_FACTS)
        return error_set(error, ERROR_BUG, "%s is not a partitioned fact", fact);
    if (calendar_date_from_key(date_key, &days, error))
        return error_context(error, "%s", fact);
    struct calendar_date date = calendar_date_split(days);
    int32_t first = calendar_date_days(date.year, date.month, 1);
    place->fact = &facts[i];
    put_key(place->month_from, first);
    put_key(place->month_to, first + calendar_date_month_length(date.year, date.month));
    put_key(place->day, days);
    (void)snprintf(place->month, NAME_BYTES, "%s_m%04d%02d", fact, date.year, date.month);
    memcpy(place->leaf, place->month, NAME_BYTES);
    return place->fact->by_flow && source ? find_flow(place, source, days, error) : ERROR_NONE;
}

static enum error_code
look(struct database *side, const struct place *place, struct sight *sight, struct error *error)
{
    struct rows *rows;
    if (database_query(side, sql_text(PARTITION_SQL, "look"),
                       DATABASE_VALUES(place->fact->name, place->month, place->leaf, place->day), &rows, error))
        return error->code;
    *sight = (struct sight){
        .date_known = rows_boolean(rows, 0, 0),
        .month_exists = rows_boolean(rows, 0, 1),
        .month_attached = rows_boolean(rows, 0, 2),
        .leaf_exists = rows_boolean(rows, 0, 3),
        .leaf_attached = rows_boolean(rows, 0, 4),
    };
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
name_taken(const char *name, const char *parent, struct error *error)
{
    return error_set(error, ERROR_PG_STATEMENT,
                     "table %s exists but is not a partition of %s; attach it or rename it, then retry the job", name,
                     parent);
}

static enum error_code
make(struct database *side, const struct place *place, bool month, struct error *error)
{
    char statement[STATEMENT_BYTES];
    const char *parent = month ? place->fact->name : place->month;
    const char *name = month ? place->month : place->leaf;
    if (database_value(side, sql_text(PARTITION_SQL, "make"),
                       DATABASE_VALUES(place->fact->name, parent, name, month ? place->month_from : place->leaf_from,
                                       month ? place->month_to : place->leaf_to,
                                       month && place->fact->by_flow ? "true" : "false"),
                       statement, sizeof(statement), error) ||
        database_run(side, statement, error))
        return error_context(error, "partition %s", name);
    return ERROR_NONE;
}

static enum error_code
lock_month(struct database *database, const char *fact, const char *month_from, struct error *error)
{
    return database_query(database, sql_text(PARTITION_SQL, "lock"), DATABASE_VALUES(fact, month_from), NULL, error);
}

/* One try, in a transaction of its own: another worker may have been faster, so what is missing is seen again under the
 * lock. */
static enum error_code
try_make(struct database *side, const struct place *place, bool leaf, bool *created, struct error *error)
{
    struct sight sight;
    *created = false;
    if (database_run(side, sql_text(PARTITION_SQL, "begin"), error) ||
        lock_month(side, place->fact->name, place->month_from, error) || look(side, place, &sight, error))
        return error->code;
    if (!sight.month_attached) {
        if (sight.month_exists)
            return name_taken(place->month, place->fact->name, error);
        if (make(side, place, true, error))
            return error->code;
        *created = true;
    }
    if (leaf && place->fact->by_flow && !sight.leaf_attached) {
        if (sight.leaf_exists)
            return name_taken(place->leaf, place->month, error);
        if (make(side, place, false, error))
            return error->code;
        *created = true;
    }
    FAILPOINT("partition.made");
    return database_commit(side, error);
}

/* Until it is there. Each try waits in PostgreSQL for its locks, so that no other wait is needed between two. */
static enum error_code
make_until_deadline(struct database *side, const struct place *place, bool leaf, bool *created, struct error *error)
{
    int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
    enum error_code code;
    while ((code = try_make(side, place, leaf, created, error)) != ERROR_NONE) {
        *created = false;
        database_rollback(side);
        if (code != ERROR_PG_CONFLICT)
            return code;
        if (clock_monotonic_ms() >= deadline_ms)
            return error_context(error, "no lock for %d s", DEADLINE_MS / 1000);
    }
    return ERROR_NONE;
}

static enum error_code
date_unknown(const struct place *place, struct error *error)
{
    return error_set(error, ERROR_DATE_KEY,
                     "dim_date has no row for %.4s-%.2s-%.2s; run `tapemill enqueue dates` (TAPEMILL_DATES_FROM, "
                     "TAPEMILL_DATES_YEARS_AHEAD)",
                     place->day, place->day + 4, place->day + 6);
}

enum error_code
partition_ensure_day(struct job_context *context, const char *fact, const char *source, int32_t date_key,
                     struct error *error)
{
    struct place place;
    struct sight sight;
    struct database *side;
    bool created;
    if (find_place(&place, fact, source, date_key, error) || job_side(context, &side, error) ||
        look(side, &place, &sight, error))
        return error->code;
    if (!sight.date_known)
        return date_unknown(&place, error);
    if (sight.leaf_attached)
        return ERROR_NONE;
    return make_until_deadline(side, &place, true, &created, error);
}

static void
name_leaf(const struct place *place, struct partition_leaf *leaf)
{
    (void)snprintf(leaf->name, sizeof(leaf->name), "%s", place->leaf);
    (void)snprintf(leaf->parent, sizeof(leaf->parent), "%s", place->month);
    (void)snprintf(leaf->bounds, sizeof(leaf->bounds), "from (%s) to (%s)", place->leaf_from, place->leaf_to);
    leaf->exists = false;
}

enum error_code
partition_name_leaf(const char *source, int32_t date_key, struct partition_leaf *leaf, struct error *error)
{
    struct place place;
    if (find_place(&place, facts[0].name, source, date_key, error))
        return error->code;
    name_leaf(&place, leaf);
    return ERROR_NONE;
}

enum error_code
partition_find_leaf(struct job_context *context, const char *source, int32_t date_key, struct partition_leaf *leaf,
                    struct error *error)
{
    struct place place;
    struct sight sight;
    struct database *side;
    bool created;
    if (find_place(&place, facts[0].name, source, date_key, error) || job_side(context, &side, error) ||
        look(side, &place, &sight, error))
        return error->code;
    if (!sight.date_known)
        return date_unknown(&place, error);
    if (!sight.month_attached && make_until_deadline(side, &place, false, &created, error))
        return error->code;
    name_leaf(&place, leaf);
    leaf->exists = sight.leaf_exists || sight.leaf_attached;
    return ERROR_NONE;
}

enum error_code
partition_find_month(int32_t days, struct partition_month *month, struct error *error)
{
    struct place place;
    struct calendar_date date = calendar_date_split(days);
    if (find_place(&place, facts[0].name, NULL, calendar_date_key(days), error))
        return error->code;
    month->first = calendar_date_days(date.year, date.month, 1);
    month->next = month->first + calendar_date_month_length(date.year, date.month);
    (void)snprintf(month->leaf.name, sizeof(month->leaf.name), "%.55s_all", place.month);
    (void)snprintf(month->leaf.parent, sizeof(month->leaf.parent), "%s", place.month);
    (void)snprintf(month->leaf.bounds, sizeof(month->leaf.bounds), "from (%s, minvalue) to (%s, minvalue)",
                   place.month_from, place.month_to);
    month->leaf.exists = false;
    return ERROR_NONE;
}

enum error_code
partition_lock_month(struct database *database, const struct partition_month *month, struct error *error)
{
    char from[KEY_BYTES];
    put_key(from, month->first);
    return lock_month(database, facts[0].name, from, error);
}

enum error_code
partition_ensure_month(struct job_context *context, const char *fact, int32_t date_key, bool *created,
                       struct error *error)
{
    struct place place;
    struct sight sight;
    struct database *side;
    *created = false;
    if (find_place(&place, fact, NULL, date_key, error) || job_side(context, &side, error) ||
        look(side, &place, &sight, error))
        return error->code;
    if (sight.month_attached)
        return ERROR_NONE;
    return make_until_deadline(side, &place, false, created, error);
}

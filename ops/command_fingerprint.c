/* fingerprint: what the warehouse says, as one hash for each table (sql/ops/fingerprint.sql). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "ops/command_fingerprint.h"
#include "ops/command_session.h"

enum { LINES_BYTES_MAX = 16 * 1024 };

static const char *const tables[] = {
    "dim_date",
    "dim_time",
    "dim_instrument",
    "dim_account",
    "dim_strategy",
    "dim_client",
    "dim_liquidity_provider",
    "fx_rates",
    "fact_trades",
    "fact_performance_daily",
    "fact_orders",
    "fact_quotes",
    "fact_risk_snapshots",
    "fact_positions_daily",
    "agg_daily_trade_summary",
    "agg_client_metrics",
    "agg_lp_performance",
    "agg_performance_monthly",
    "etl_open_positions",
    "etl_open_lots",
    "etl_quarantine",
};

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static_assert((int)TABLES <= (int)COMMAND_FINGERPRINT_TABLES_MAX, "COMMAND_FINGERPRINT_TABLES_MAX is too small");

enum error_code
command_fingerprint_table(struct database *warehouse, const char *table, const char *from_key, const char *to_key,
                          struct command_fingerprint *print, struct error *error)
{
    struct rows *rows;
    if (database_query(warehouse, sql_text("ops/fingerprint", "table"), DATABASE_VALUES(table, from_key, to_key), &rows,
                       error))
        return error_context(error, "%s", table);
    print->table = table;
    (void)snprintf(print->rows, sizeof(print->rows), "%s", rows_text(rows, 0, 0));
    (void)snprintf(print->hash, sizeof(print->hash), "%s", rows_text(rows, 0, 1));
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
command_fingerprint_all(struct database *warehouse, const char *from_key, const char *to_key,
                        struct command_fingerprint prints[COMMAND_FINGERPRINT_TABLES_MAX], size_t *count,
                        struct error *error)
{
    for (*count = 0; *count < TABLES; ++*count)
        if (command_fingerprint_table(warehouse, tables[*count], from_key, to_key, &prints[*count], error))
            return error->code;
    return ERROR_NONE;
}

/* The hash over the tables' lines. */
static enum error_code
print_total(struct database *warehouse, const struct command_fingerprint *prints, size_t count,
            struct command_fingerprint *total, struct error *error)
{
    struct buffer lines;
    int64_t rows = 0;
    buffer_init(&lines, LINES_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buffer_format(&lines, "%s %s %s\n", prints[i].table, prints[i].rows, prints[i].hash);
        rows += strtoll(prints[i].rows, NULL, 10);
    }
    enum error_code code = buffer_check(&lines, "the fingerprint", error);
    if (!code)
        code = database_value(warehouse, sql_text("ops/fingerprint", "total"), DATABASE_VALUES(lines.bytes),
                              total->hash, sizeof(total->hash), error);
    total->table = "total";
    (void)snprintf(total->rows, sizeof(total->rows), "%" PRId64, rows);
    buffer_term(&lines);
    return code;
}

static enum error_code
show(const struct command_fingerprint *prints, size_t count, const struct command_fingerprint *total, bool json,
     struct error *error)
{
    static const struct command_column columns[] = {
        {"table", COMMAND_KIND_TEXT}, {"rows", COMMAND_KIND_INTEGER}, {"sha256", COMMAND_KIND_TEXT}};
    const char *cells[(TABLES + 1) * 3];
    struct command_style style = {.form = command_print_form(json), .member = true};
    size_t shown = json || !total ? count : count + 1;
    for (size_t i = 0; i < shown; i++) {
        const struct command_fingerprint *print = i < count ? &prints[i] : total;
        cells[i * 3] = print->table;
        cells[i * 3 + 1] = print->rows;
        cells[i * 3 + 2] = print->hash;
    }
    struct command_grid grid = {columns, 3, cells, shown};
    if (json)
        printf("{\"tables\": ");
    enum error_code code = command_print_grid(stdout, &grid, &style, error);
    if (json && total)
        printf(",\n \"total\": \"%s\"}\n", total->hash);
    else if (json)
        printf("}\n");
    return code;
}

/* In one snapshot. */
static enum error_code
take_prints(struct database *warehouse, const char *only, const char *from_key, const char *to_key,
            struct command_fingerprint prints[TABLES], size_t *count, struct command_fingerprint *total,
            struct error *error)
{
    enum error_code code = database_query(warehouse, sql_text("ops/fingerprint", "hold"), 0, NULL, NULL, error);
    if (!code)
        code = database_run(warehouse, sql_text("ops/fingerprint", "session"), error);
    for (size_t i = 0; !code && i < TABLES; i++) {
        if (only && strcmp(only, tables[i]) != 0)
            continue;
        code = command_fingerprint_table(warehouse, tables[i], from_key, to_key, &prints[(*count)++], error);
    }
    if (!code)
        code = print_total(warehouse, prints, *count, total, error);
    database_rollback(warehouse);
    return code;
}

static enum error_code
check_table(const char *name, struct error *error)
{
    for (size_t i = 0; name && i < TABLES; i++)
        if (strcmp(name, tables[i]) == 0)
            return ERROR_NONE;
    if (!name)
        return ERROR_NONE;
    const char *nearest = command_nearest(name, tables, TABLES);
    return error_set(error, ERROR_USAGE,
                     "there is no fingerprint of \"%.60s\"%s%s; `tapemill help fingerprint` lists the "
                     "tables",
                     name, nearest ? "; did you mean " : "", nearest ? nearest : "");
}

static enum error_code
run_fingerprint(const struct command_line *line, struct error *error)
{
    static struct command_fingerprint prints[TABLES];
    const char *only = command_value(line, "--table");
    struct command_fingerprint total;
    char from_key[16], to_key[16];
    int32_t from = CALENDAR_DATE_FIRST, to = CALENDAR_DATE_LAST;
    struct database *warehouse;
    size_t count = 0;
    bool given;
    if (check_table(only, error) || command_date(line, "--from", &from, &given, error) ||
        command_date(line, "--to", &to, &given, error))
        return error->code;
    if (from > to)
        return error_set(error, ERROR_USAGE, "--from is after --to; swap them");
    (void)snprintf(from_key, sizeof(from_key), "%d", calendar_date_key(from));
    (void)snprintf(to_key, sizeof(to_key), "%d", calendar_date_key(to));
    if (command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = take_prints(warehouse, only, from_key, to_key, prints, &count, &total, error);
    if (!code)
        code = show(prints, count, only ? NULL : &total, command_flag(line, "--json"), error);
    database_close(warehouse);
    return code;
}

static void
show_tables(FILE *out)
{
    fprintf(out, "\nTables:\n");
    for (size_t i = 0; i < TABLES; i++)
        fprintf(out, "  %s\n", tables[i]);
}

const struct command command_fingerprint = {
    .name = "fingerprint",
    .usage = "",
    .summary = "print a SHA-256 of what each table says, to compare warehouses or reruns",
    .detail =
        "Rows are taken in the order of their natural keys, dimension keys as (natural id, valid_from). Surrogate\n"
        "keys and columns about the loading itself are left out: equal fingerprints mean equal content.\n"
        "Dates limit facts, open positions and quarantine; dimensions and rates are always whole.",
    .options = (const struct command_option[]){{"--table", "NAME", "only this table", false},
                                               {"--from", "DATE", "from this business date on", false},
                                               {"--to", "DATE", "up to this one", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .run = run_fingerprint,
    .show_more = show_tables,
};

/* report: figures for people, in sql/report/NAME.sql. Rounding is for tables only; JSON and CSV are exact. */
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "ops/command_session.h"

static const struct command_decimals money_decimals[] = {
    {"notional", 2},    {"costs", 2},       {"realized_pnl", 2},  {"gross_profit", 2}, {"gross_loss", 2},
    {"net_pnl", 2},     {"win_rate", 4},    {"profit_factor", 2}, {"sharpe_ratio", 2}, {"max_drawdown", 2},
    {"avg_seconds", 3}, {"max_seconds", 3}, {"seconds", 1},       {NULL, 0},
};

/* A part of a report: one statement. */
struct part {
    const char *statement; /* also its key in JSON */
    const char *heading;   /* in text; NULL for none */
    const char *empty;
    bool record; /* one row, printed as a record */
};

/* What --by makes of a report of one table: its statement "totals" with the name as $3. */
struct totals {
    const char *by;
    const char *const *table_columns; /* NULL at the end */
};

struct report {
    const char *name, *summary, *file;
    const struct part *parts;    /* .statement NULL at the end */
    bool one_table;              /* a single part: JSON is its array, CSV is possible */
    const struct totals *totals; /* .by NULL at the end; NULL: the report has no --by */
};

#define COLUMNS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PNL_SUMS     "trades", "winners", "losers", "notional", "gross_profit", "gross_loss", "costs", "net_pnl"
#define TRADE_SUMS   "trades", "cancelled", "notional", "costs", "realized_pnl"

static const struct report reports[] = {
    {"overview", "what the warehouse holds: days, trades, quarantine, notional and P&L by currency, runs",
     "report/overview",
     (const struct part[]){{"warehouse", "In the warehouse", NULL, true},
                           {"currencies", "Live trades by currency", "no trades", false},
                           {"runs", "Runs", "no runs", false},
                           {0}},
     false, NULL},
    {"trades", "trades by date and instrument, in their currencies", "report/trades",
     (const struct part[]){{"main", NULL, "no trades between these dates", false}, {0}}, true,
     (const struct totals[]){{"date", COLUMNS("date", "source", "instruments", TRADE_SUMS)},
                             {"instrument", COLUMNS("symbol", "instrument_id", "source", TRADE_SUMS)},
                             {"sector", COLUMNS("sector", "source", "instruments", TRADE_SUMS)},
                             {"strategy", COLUMNS("strategy_id", "strategy", "source", "instruments", TRADE_SUMS)},
                             {0}}},
    {"pnl", "daily performance by account and strategy, in base currency", "report/pnl",
     (const struct part[]){{"main", NULL, "no performance between these dates", false}, {0}}, true,
     (const struct totals[]){{"date", COLUMNS("date", PNL_SUMS)},
                             {"account", COLUMNS("account_id", "account", PNL_SUMS)},
                             {"strategy", COLUMNS("strategy_id", "strategy", PNL_SUMS)},
                             {0}}},
    {"runs", "what the jobs did, by job", "report/runs",
     (const struct part[]){{"main", NULL, "no runs between these dates", false}, {0}}, true, NULL},
};

enum { REPORTS = sizeof(reports) / sizeof(reports[0]), TOTALS_MAX = 4, KEY_BYTES = 16 };

static enum error_code
find_report(const char *name, const struct report **report, struct error *error)
{
    const char *names[REPORTS];
    char list[256] = "";
    for (size_t i = 0; i < REPORTS; i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", reports[i].name);
        names[i] = reports[i].name;
        *report = &reports[i];
        if (strcmp(reports[i].name, name) == 0)
            return ERROR_NONE;
    }
    const char *nearest = command_nearest(name, names, REPORTS);
    return error_set(error, ERROR_USAGE, "there is no report \"%.40s\"; %s%s%sthere are %s", name,
                     nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "", list);
}

/* The totals that --by asks for; NULL if it is not given. */
static enum error_code
find_totals(const struct command_line *line, const struct report *report, const struct totals **totals,
            struct error *error)
{
    const char *names[TOTALS_MAX + 1] = {NULL}, *by;
    *totals = NULL;
    if (!command_value(line, "--by"))
        return ERROR_NONE;
    if (!report->totals)
        return error_set(error, ERROR_USAGE, "report %s has no totals; leave --by out", report->name);
    for (size_t i = 0; i < TOTALS_MAX && report->totals[i].by; i++)
        names[i] = report->totals[i].by;
    if (command_choice(line, "--by", names, NULL, &by, error))
        return error->code;
    for (*totals = report->totals; strcmp((*totals)->by, by) != 0;)
        (*totals)++;
    return ERROR_NONE;
}

static void
show_reports(FILE *out)
{
    fprintf(out, "\nReports:\n");
    for (size_t i = 0; i < REPORTS; i++) {
        fprintf(out, "  %-10s%s\n", reports[i].name, reports[i].summary);
        for (const struct totals *totals = reports[i].totals; totals && totals->by; totals++)
            fprintf(out, "%s%s", totals == reports[i].totals ? "            totals in base currency: --by " : ", ",
                    totals->by);
        if (reports[i].totals)
            fputc('\n', out);
    }
}

static enum error_code
print_part(struct database *warehouse, const struct report *report, const struct part *part, enum command_form form,
           const char *const *range, struct error *error)
{
    struct command_style style = {
        .form = form, .empty = part->empty, .decimals = money_decimals, .member = !report->one_table};
    struct rows *rows;
    bool json = form == COMMAND_FORM_JSON;
    if (database_query(warehouse, sql_text(report->file, part->statement), 2, range, &rows, error))
        return error->code;
    if (part->record)
        style.form = json ? COMMAND_FORM_JSON_OBJECT : COMMAND_FORM_RECORD;
    enum error_code code = command_print_rows(stdout, rows, &style, error);
    rows_free(rows);
    return code;
}

/* Why a sum may be missing. */
static void
hint_at_rates(const struct rows *rows)
{
    size_t column = 0;
    while (column < rows_columns(rows) && strcmp(rows_name(rows, column), "notional") != 0)
        column++;
    for (size_t row = 0; column < rows_columns(rows) && row < rows_count(rows); row++)
        if (rows_is_null(rows, row, column)) {
            fputs("tapemill: sums are blank where a trade has no rate to the base currency; `tapemill quality` tells "
                  "which are missing (fx_rate_missing)\n",
                  stderr);
            return;
        }
}

static enum error_code
print_totals(struct database *warehouse, const struct report *report, const struct totals *totals,
             enum command_form form, const char *const *range, struct error *error)
{
    struct command_style style = {.form = form,
                                  .empty = report->parts->empty,
                                  .decimals = money_decimals,
                                  .table_columns = totals->table_columns};
    struct rows *rows;
    if (database_query(warehouse, sql_text(report->file, "totals"), DATABASE_VALUES(range[0], range[1], totals->by),
                       &rows, error))
        return error->code;
    enum error_code code = command_print_rows(stdout, rows, &style, error);
    if (!code)
        hint_at_rates(rows);
    rows_free(rows);
    return code;
}

/* Several parts: under headings, or as members of one JSON object. */
static enum error_code
print_parts(struct database *warehouse, const struct report *report, enum command_form form, const char *const *range,
            struct error *error)
{
    bool json = form == COMMAND_FORM_JSON;
    enum error_code code = ERROR_NONE;
    for (const struct part *part = report->parts; !code && part->statement; part++) {
        bool first = part == report->parts;
        if (json)
            printf("%s\"%s\": ", first ? "{" : ",\n ", part->statement);
        else
            printf("%s%s\n\n", first ? "" : "\n", part->heading);
        code = print_part(warehouse, report, part, form, range, error);
    }
    if (json && !code)
        puts("}");
    return code;
}

/* A date as statements take it: its date_key, or NULL where the range is open. */
static const char *
key_text(bool given, int32_t days, char key[KEY_BYTES])
{
    (void)snprintf(key, KEY_BYTES, "%d", (int)calendar_date_key(days));
    return given ? key : NULL;
}

static enum error_code
run_report(const struct command_line *line, struct error *error)
{
    char from_key[KEY_BYTES], to_key[KEY_BYTES];
    const struct report *report;
    const struct totals *totals;
    struct database *warehouse;
    int32_t from = 0, to = 0;
    bool has_from, has_to, csv = command_flag(line, "--csv"), json = command_flag(line, "--json");
    if (find_report(line->words[0], &report, error) || find_totals(line, report, &totals, error) ||
        command_date(line, "--from", &from, &has_from, error) || command_date(line, "--to", &to, &has_to, error))
        return error->code;
    if (has_from && has_to && from > to)
        return error_set(error, ERROR_USAGE, "--from %s is after --to %s; swap them", command_value(line, "--from"),
                         command_value(line, "--to"));
    if (csv && json)
        return error_set(error, ERROR_USAGE, "--csv and --json exclude each other; give one");
    if (csv && !report->one_table)
        return error_set(error, ERROR_USAGE, "report %s has several tables; use --json instead of --csv", report->name);
    if (command_session_open(&warehouse, error))
        return error->code;
    const char *const range[] = {key_text(has_from, from, from_key), key_text(has_to, to, to_key)};
    enum command_form form = csv ? COMMAND_FORM_CSV : command_print_form(json);
    enum error_code code = totals              ? print_totals(warehouse, report, totals, form, range, error)
                           : report->one_table ? print_part(warehouse, report, report->parts, form, range, error)
                                               : print_parts(warehouse, report, form, range, error);
    database_close(warehouse);
    return code;
}

const struct command command_report = {
    .name = "report",
    .usage = "NAME",
    .summary = "print figures from the warehouse",
    .detail = "Tables round money to 2 decimals; JSON and CSV have every figure exactly as the warehouse holds it.",
    .options = (const struct command_option[]){{"--from", "DATE", "from this business date on (YYYY-MM-DD)", false},
                                               {"--to", "DATE", "up to this one", false},
                                               {"--by", "WHAT", "totals instead: date, account ...; see below", false},
                                               {"--json", NULL, "print JSON", false},
                                               {"--csv", NULL, "print CSV", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_report,
    .show_more = show_reports,
};

/* report: figures for people, in sql/report/NAME.sql. Rounding is for tables only; JSON and CSV are exact. */
#include <stdio.h>
#include <string.h>

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

struct report {
    const char *name, *summary, *file;
    const struct part *parts; /* .statement NULL at the end */
    bool one_table;           /* a single part: JSON is its array, CSV is possible */
};

static const struct report reports[] = {
    {"overview", "what the warehouse holds: days, trades, quarantine, notional and P&L by currency, runs",
     "report/overview",
     (const struct part[]){{"warehouse", "In the warehouse", NULL, true},
                           {"currencies", "Live trades by currency", "no trades", false},
                           {"runs", "Runs", "no runs", false},
                           {0}},
     false},
    {"trades", "trades by date and instrument, in their currencies", "report/trades",
     (const struct part[]){{"main", NULL, "no trades between these dates", false}, {0}}, true},
    {"pnl", "daily performance by account and strategy, in base currency", "report/pnl",
     (const struct part[]){{"main", NULL, "no performance between these dates", false}, {0}}, true},
    {"runs", "what the jobs did, by job", "report/runs",
     (const struct part[]){{"main", NULL, "no runs between these dates", false}, {0}}, true},
};

enum { REPORTS = sizeof(reports) / sizeof(reports[0]) };

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

static void
show_reports(FILE *out)
{
    fprintf(out, "\nReports:\n");
    for (size_t i = 0; i < REPORTS; i++)
        fprintf(out, "  %-10s%s\n", reports[i].name, reports[i].summary);
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

static enum error_code
run_report(const struct command_line *line, struct error *error)
{
    const char *const range[] = {command_value(line, "--from"), command_value(line, "--to")};
    const struct report *report;
    struct database *warehouse;
    int32_t from = 0, to = 0;
    bool has_from, has_to, csv = command_flag(line, "--csv"), json = command_flag(line, "--json");
    if (find_report(line->words[0], &report, error) || command_date(line, "--from", &from, &has_from, error) ||
        command_date(line, "--to", &to, &has_to, error))
        return error->code;
    if (has_from && has_to && from > to)
        return error_set(error, ERROR_USAGE, "--from %s is after --to %s; swap them", range[0], range[1]);
    if (csv && json)
        return error_set(error, ERROR_USAGE, "--csv and --json exclude each other; give one");
    if (csv && !report->one_table)
        return error_set(error, ERROR_USAGE, "report %s has several tables; use --json instead of --csv", report->name);
    if (command_session_open(&warehouse, error))
        return error->code;
    enum command_form form = csv ? COMMAND_FORM_CSV : command_print_form(json);
    enum error_code code = report->one_table ? print_part(warehouse, report, report->parts, form, range, error)
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
                                               {"--json", NULL, "print JSON", false},
                                               {"--csv", NULL, "print CSV", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_report,
    .show_more = show_reports,
};

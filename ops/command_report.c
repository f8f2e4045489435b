/* report: figures for people, in sql/report/NAME.sql. Rounding is for tables only; JSON and CSV are exact. */
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "ops/command_report.h"
#include "ops/command_session.h"

enum { REPORTS_MAX = 32, TOTALS_MAX = 4 };

static enum error_code
find_report(const char *name, const struct command_report **report, struct error *error)
{
    const char *names[REPORTS_MAX];
    char list[256] = "";
    size_t count = 0;
    for (*report = command_report_table; (*report)->name && count < REPORTS_MAX; (*report)++) {
        size_t used = strlen(list);
        if (strcmp((*report)->name, name) == 0)
            return ERROR_NONE;
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", count ? ", " : "", (*report)->name);
        names[count++] = (*report)->name;
    }
    const char *nearest = command_nearest(name, names, count);
    return error_set(error, ERROR_USAGE, "there is no report \"%.40s\"; %s%s%sthere are %s", name,
                     nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "", list);
}

/* The totals that --by asks for; NULL if it is not given. */
static enum error_code
find_totals(const struct command_line *line, const struct command_report *report,
            const struct command_report_totals **totals, struct error *error)
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
    fprintf(out, "\nReports of a range of dates, all that there are by default:\n");
    for (const struct command_report *report = command_report_table; report->name && !report->lookback; report++) {
        fprintf(out, "  %-16s%s\n", report->name, report->summary);
        for (const struct command_report_totals *totals = report->totals; totals && totals->by; totals++)
            fprintf(out, "%s%s", totals == report->totals ? "                  totals in base currency: --by " : ", ",
                    totals->by);
        if (report->totals)
            fputc('\n', out);
    }
    fprintf(out, "\nReports that look back from the as-of date, in base currency, with their defaults:\n");
    for (const struct command_report *report = command_report_table; report->name; report++)
        if (report->lookback) {
            fprintf(out, "  %-16s%s\n", report->name, report->summary);
            command_report_lookback_show(out, report->lookback);
        }
}

static enum error_code
print_part(struct database *warehouse, const struct command_report *report, const struct command_report_part *part,
           enum command_form form, const char *const *range, struct error *error)
{
    struct command_style style = {
        .form = form, .empty = part->empty, .decimals = command_report_decimals, .member = !report->one_table};
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
print_totals(struct database *warehouse, const struct command_report *report,
             const struct command_report_totals *totals, enum command_form form, const char *const *range,
             struct error *error)
{
    struct command_style style = {.form = form,
                                  .empty = report->parts->empty,
                                  .decimals = command_report_decimals,
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
print_parts(struct database *warehouse, const struct command_report *report, enum command_form form,
            const char *const *range, struct error *error)
{
    bool json = form == COMMAND_FORM_JSON;
    enum error_code code = ERROR_NONE;
    for (const struct command_report_part *part = report->parts; !code && part->statement; part++) {
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
key_text(bool given, int32_t days, char key[COMMAND_REPORT_KEY_BYTES])
{
    (void)snprintf(key, COMMAND_REPORT_KEY_BYTES, "%d", (int)calendar_date_key(days));
    return given ? key : NULL;
}

/* The range that --from and --to leave. */
static enum error_code
print_range(const struct command_line *line, const struct command_report *report, struct database *warehouse,
            enum command_form form, struct error *error)
{
    char from_key[COMMAND_REPORT_KEY_BYTES], to_key[COMMAND_REPORT_KEY_BYTES];
    const struct command_report_totals *totals;
    int32_t from = 0, to = 0;
    bool has_from, has_to;
    if (find_totals(line, report, &totals, error) || command_date(line, "--from", &from, &has_from, error) ||
        command_date(line, "--to", &to, &has_to, error))
        return error->code;
    const char *const range[] = {key_text(has_from, from, from_key), key_text(has_to, to, to_key)};
    return totals              ? print_totals(warehouse, report, totals, form, range, error)
           : report->one_table ? print_part(warehouse, report, report->parts, form, range, error)
                               : print_parts(warehouse, report, form, range, error);
}

/* What is wrong with the options, before anything is connected to. */
static enum error_code
check_options(const struct command_line *line, const struct command_report *report, struct error *error)
{
    const struct command_report_totals *totals;
    int32_t from = 0, to = 0;
    bool has_from, has_to, csv = command_flag(line, "--csv"), json = command_flag(line, "--json");
    if (find_totals(line, report, &totals, error) || command_report_window_check(line, report, error) ||
        command_date(line, "--from", &from, &has_from, error) || command_date(line, "--to", &to, &has_to, error))
        return error->code;
    if (has_from && has_to && from > to)
        return error_set(error, ERROR_USAGE, "--from %s is after --to %s; swap them", command_value(line, "--from"),
                         command_value(line, "--to"));
    if (csv && json)
        return error_set(error, ERROR_USAGE, "--csv and --json exclude each other; give one");
    if (csv && !report->one_table)
        return error_set(error, ERROR_USAGE, "report %s has several tables; use --json instead of --csv", report->name);
    return ERROR_NONE;
}

static enum error_code
run_report(const struct command_line *line, struct error *error)
{
    const struct command_report *report;
    struct database *warehouse;
    if (find_report(line->words[0], &report, error) || check_options(line, report, error) ||
        command_session_open(&warehouse, error))
        return error->code;
    enum command_form form =
        command_flag(line, "--csv") ? COMMAND_FORM_CSV : command_print_form(command_flag(line, "--json"));
    enum error_code code = report->lookback ? command_report_lookback_print(line, report, warehouse, form, error)
                                            : print_range(line, report, warehouse, form, error);
    database_close(warehouse);
    return code;
}

const struct command command_report = {
    .name = "report",
    .usage = "NAME",
    .summary = "print figures from the warehouse",
    .detail = "Tables round money to 2 decimals; JSON and CSV have every figure exactly as the warehouse holds it. A "
              "\"-\" is a\n"
              "figure that is not known or does not exist, null in JSON and nothing in CSV. No report reads the clock.",
    .options =
        (const struct command_option[]){
            {"--as-of", "DATE", "look back from this date; default: the last with data", false},
            {"--days", "N", "so many calendar dates up to it", false},
            {"--trading-days", "N", "from the N-th last trading day up to it", false},
            {"--from", "DATE", "from this business date on (YYYY-MM-DD)", false},
            {"--to", "DATE", "up to this one", false},
            {"--by", "WHAT", "totals instead: date, account ...; see below", false},
            {"--limit", "N", "at most so many rows", false},
            {"--min-trades", "N", "instruments with at least so many trades", false},
            {"--flow", "FLOW", "trades of the DESK or of CLIENT", false},
            {"--json", NULL, "print JSON", false},
            {"--csv", NULL, "print CSV", false},
            {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_report,
    .show_more = show_reports,
};

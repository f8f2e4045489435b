/* Reports that look back: their sentence, their table, and what they cannot know. */
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/sql.h"
#include "ops/command_report.h"

/* A window and the end of it, and the parameters. */
enum { VALUES_MAX = 8, SENTENCE_BYTES = 512, LIMIT_MAX = 1000000 };

/* Why a figure may be missing: columns that count, or name, what is. */
static const struct {
    const char *column, *sentence;
} reasons[] = {
    {"held_days",
     "figures over dates on which trades have no rate to the base currency are not known, or leave these dates "
     "out; `tapemill quality` tells which (fx_rate_missing)"},
    {"unrated_trades",
     "some sums are not known, as trades have no rate to the base currency; `tapemill quality` tells which "
     "(fx_rate_missing)"},
    {"unbooked_trades",
     "some P&L is not known, as books are not closed yet; `tapemill jobs --state waiting` tells what is "
     "to come"},
    {"missing", "an account has no weights where one of its positions has no mark or no rate to the base currency; "
                "`tapemill quality` tells which (mark_missing, fx_rate_missing)"},
};

static bool
has_reason(const struct rows *rows, const char *column)
{
    size_t i = 0;
    while (i < rows_columns(rows) && strcmp(rows_name(rows, i), column) != 0)
        i++;
    for (size_t row = 0; i < rows_columns(rows) && row < rows_count(rows); row++)
        if (!rows_is_null(rows, row, i) && strcmp(rows_text(rows, row, i), "0") != 0)
            return true;
    return false;
}

static void
say_reasons(const struct rows *rows)
{
    (void)fflush(stdout);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (has_reason(rows, reasons[i].column))
            fprintf(stderr, "tapemill: %s\n", reasons[i].sentence);
}

/* Says so if facts changed since what the report reads was computed from them. */
static enum error_code
say_outdated(struct database *warehouse, const struct command_report_lookback *lookback,
             const struct command_report_window *window, struct error *error)
{
    struct rows *rows;
    if (!lookback->target)
        return ERROR_NONE;
    if (database_query(warehouse, sql_text("report/window", "outdated"),
                       DATABASE_VALUES(window->first_key, window->last_key, lookback->target), &rows, error))
        return error->code;
    int64_t dates = rows_integer(rows, 0, 0);
    const char *first = rows_text(rows, 0, 1);
    if (dates)
        fprintf(
            stderr,
            "tapemill: trades of %lld date%s changed after the computation of their %s; `tapemill enqueue daily_load "
            "--date %s` brings the first up to date\n",
            (long long)dates, dates == 1 ? "" : "s", lookback->what, first);
    rows_free(rows);
    return ERROR_NONE;
}

/* The parameters as the statement takes them, and in words for the sentence. */
static enum error_code
read_parameters(const struct command_line *line, const struct command_report_lookback *lookback, const char **values,
                int *count, char words[SENTENCE_BYTES], struct error *error)
{
    int64_t number;
    words[0] = 0;
    for (const struct command_report_parameter *parameter = lookback->parameters; parameter && parameter->option;
         parameter++) {
        const char *value = command_value(line, parameter->option);
        if (parameter->choices) {
            if (command_choice(line, parameter->option, parameter->choices, parameter->initial, &value, error))
                return error->code;
        } else if (command_integer(line, parameter->option, 1, LIMIT_MAX, 1, &number, error)) {
            return error->code;
        }
        values[*count] = value ? value : parameter->initial;
        size_t used = strlen(words);
        if (values[*count])
            (void)snprintf(words + used, SENTENCE_BYTES - used, ", %s%s%s", parameter->before, values[*count],
                           parameter->after);
        (*count)++;
    }
    return ERROR_NONE;
}

static void
print_sentence(const struct command_report_lookback *lookback, const struct command_report_window *window,
               const char *parameters)
{
    printf("%s, %s, in %s%s\n", lookback->title, window->words, config_text(CONFIG_BASE_CURRENCY), parameters);
    if (lookback->legend)
        puts(lookback->legend);
    putchar('\n');
}

enum error_code
command_report_lookback_print(const struct command_line *line, const struct command_report *report,
                              struct database *warehouse, enum command_form form, struct error *error)
{
    const struct command_report_lookback *lookback = report->lookback;
    char words[SENTENCE_BYTES], empty[SENTENCE_BYTES];
    const char *values[VALUES_MAX];
    struct command_report_window window;
    struct rows *rows;
    int count = 0;
    if (command_report_window_find(line, lookback, warehouse, &window, error))
        return error->code;
    values[count++] = window.first_key;
    values[count++] = window.last_key;
    if (lookback->names)
        values[count++] = window.end;
    if (read_parameters(line, lookback, values, &count, words, error) ||
        database_query(warehouse, sql_text(report->file, "main"), count, values, &rows, error))
        return error->code;
    if (window.known)
        (void)snprintf(empty, sizeof(empty), "%s between these dates", lookback->none);
    else
        (void)snprintf(empty, sizeof(empty),
                       "the warehouse has no %s%s; `tapemill backfill daily_load --from DATE --to DATE` loads dates",
                       lookback->what, command_value(line, "--as-of") ? " up to that date" : " yet");
    struct command_style style = {.form = form,
                                  .empty = empty,
                                  .decimals = command_report_decimals,
                                  .table_columns = lookback->table_columns,
                                  .null_text = "-"};
    if (form == COMMAND_FORM_TABLE && window.known)
        print_sentence(lookback, &window, words);
    enum error_code code = command_print_rows(stdout, rows, &style, error);
    if (!code)
        say_reasons(rows);
    rows_free(rows);
    return code ? code : say_outdated(warehouse, lookback, &window, error);
}

void
command_report_lookback_show(FILE *out, const struct command_report_lookback *lookback)
{
    switch (lookback->span) {
    case COMMAND_REPORT_SPAN_DATES:
        fprintf(out, "%*s--days %lld", COMMAND_REPORT_INDENT, "", (long long)lookback->count);
        break;
    case COMMAND_REPORT_SPAN_TRADING_DAYS:
        fprintf(out, "%*s--trading-days %lld", COMMAND_REPORT_INDENT, "", (long long)lookback->count);
        break;
    case COMMAND_REPORT_SPAN_YEAR:
        fprintf(out, "%*sfrom 1 January of the as-of date's year", COMMAND_REPORT_INDENT, "");
        break;
    case COMMAND_REPORT_SPAN_SNAPSHOT:
        fprintf(out, "%*sthe last date with positions, up to the as-of date", COMMAND_REPORT_INDENT, "");
        break;
    }
    for (const struct command_report_parameter *parameter = lookback->parameters; parameter && parameter->option;
         parameter++)
        fprintf(out, parameter->initial ? ", %s %s" : ", %s %s (none by default)", parameter->option,
                parameter->initial ? parameter->initial : "N");
    fputc('\n', out);
}

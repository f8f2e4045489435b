/* ops/command_report.h - what `tapemill report` is made of: the table of reports, and the window that one looks back
 * on.
 *
 * A report of a range is given --from and --to, open where they are left out. One that looks back has a window that
 * ends with its as-of date: the last date of which the warehouse has what it reads, unless --as-of says another. No
 * report reads the clock. */
#ifndef TAPEMILL_OPS_COMMAND_REPORT_H
#define TAPEMILL_OPS_COMMAND_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/business_clock.h"
#include "core/database.h"
#include "ops/command.h"

/* A part of a report: one statement. */
struct command_report_part {
    const char *statement; /* also its key in JSON */
    const char *heading;   /* in text; NULL for none */
    const char *empty;
    bool record; /* one row, printed as a record */
};

/* What --by makes of a report of one table: its statement "totals" with the name as $3. */
struct command_report_totals {
    const char *by;
    const char *const *table_columns; /* NULL at the end */
};

/* Dates up to the as-of date, inclusive. */
enum command_report_span {
    COMMAND_REPORT_SPAN_DATES,        /* so many calendar dates */
    COMMAND_REPORT_SPAN_TRADING_DAYS, /* all dates from the so-many-th last trading day on */
    COMMAND_REPORT_SPAN_YEAR,         /* its calendar year */
    COMMAND_REPORT_SPAN_SNAPSHOT      /* one date alone: the last one up to it that has a snapshot */
};

/* An option that goes to the statement of a report that looks back. */
struct command_report_parameter {
    const char *option;
    const char *initial;        /* NULL: NULL to the statement */
    const char *const *choices; /* NULL at the end; NULL: an integer, 1 or more */
    const char *before, *after; /* the words around it in the sentence above the table */
};

/* A report that looks back: its statement "main" takes $1 and $2, the window's date_keys; with names $3, the end of the
 * as-of date; then the parameters. */
struct command_report_lookback {
    enum command_report_span span;
    int64_t count;
    const char *last;   /* statement of report/window: the last date up to $1 */
    const char *what;   /* "performance": what the warehouse has on that date */
    const char *target; /* of the dirty log, by which that is out of date; NULL: it is what was loaded */
    const char *none;   /* "no performance": what to say when there are no rows */
    bool names;
    const struct command_report_parameter *parameters; /* .option NULL at the end; NULL: none */
    const char *title;                                 /* the sentence above the table begins with it */
    const char *legend;                                /* a line under it; NULL: none */
    const char *const *table_columns;                  /* NULL at the end */
};

struct command_report {
    const char *name, *summary, *file;
    const struct command_report_part *parts;        /* .statement NULL at the end */
    bool one_table;                                 /* a single part: JSON is its array, CSV is possible */
    const struct command_report_totals *totals;     /* .by NULL at the end; NULL: the report has no --by */
    const struct command_report_lookback *lookback; /* NULL: a report of a range */
};

/* All reports, .name NULL at the end. */
extern const struct command_report command_report_table[];

/* How tables round their columns. */
extern const struct command_decimals command_report_decimals[];

/* COMMAND_REPORT_INDENT: where --help goes on under a report's name. */
enum { COMMAND_REPORT_WINDOW_WORDS = 160, COMMAND_REPORT_KEY_BYTES = 16, COMMAND_REPORT_INDENT = 18 };

/* Dates are days since 1970-01-01, both in the window. */
struct command_report_window {
    int32_t first, as_of;
    bool known;                              /* false: the warehouse has nothing to look at, and no date was given */
    char words[COMMAND_REPORT_WINDOW_WORDS]; /* "2024-03-01 to 2024-03-30 (30 dates)" */
    char first_key[COMMAND_REPORT_KEY_BYTES], last_key[COMMAND_REPORT_KEY_BYTES];
    char end[BUSINESS_CLOCK_INSTANT_BYTES]; /* of the as-of date, exclusive */
};

/* Refuses options that the report does not take, or that exclude each other. */
ERROR_MUST_CHECK enum error_code command_report_window_check(const struct command_line *line,
                                                             const struct command_report *report, struct error *error);

/* The window that the options ask for. */
ERROR_MUST_CHECK enum error_code command_report_window_find(const struct command_line *line,
                                                            const struct command_report_lookback *lookback,
                                                            struct database *warehouse,
                                                            struct command_report_window *window, struct error *error);

/* Prints a report that looks back. */
ERROR_MUST_CHECK enum error_code command_report_lookback_print(const struct command_line *line,
                                                               const struct command_report *report,
                                                               struct database *warehouse, enum command_form form,
                                                               struct error *error);

/* Shows the window and the options of a report that looks back, for --help. */
void command_report_lookback_show(FILE *out, const struct command_report_lookback *lookback);

#endif

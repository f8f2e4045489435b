/* ops/source_csv.h - one line of a CSV file of prints, taken apart, and its fields checked.
 *
 * The form is RFC 4180's: commas, fields in double quotes where they hold a comma or a quote (doubled inside). A line
 * is a record: a quoted field does not run on into the next line. Numbers stay text, so that they reach the tables
 * exactly as they stand in the file; the checks only say whether they are numbers.
 *
 * Errors are ERROR_FORMAT and name file, line and column. */
#ifndef TAPEMILL_OPS_SOURCE_CSV_H
#define TAPEMILL_OPS_SOURCE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { SOURCE_CSV_FIELDS_MAX = 32, SOURCE_CSV_NAME_BYTES = 64 };

/* Where we are, for messages. */
struct source_csv_place {
    const char *file;
    int64_t line; /* 1 is the header */
};

/* Columns by name, as the header gave them. */
struct source_csv_header {
    size_t count;
    char names[SOURCE_CSV_FIELDS_MAX][SOURCE_CSV_NAME_BYTES];
};

/* A record; the fields point into the line that was split. */
struct source_csv_record {
    size_t count;
    const char *fields[SOURCE_CSV_FIELDS_MAX];
};

/* Splits a line (without its line end) in place. */
ERROR_MUST_CHECK enum error_code source_csv_split(const struct source_csv_place *place, char *line,
                                                  struct source_csv_record *record, struct error *error);

/* Takes the first record as the header. Empty and repeated names are refused. */
ERROR_MUST_CHECK enum error_code source_csv_read_header(const struct source_csv_place *place,
                                                        const struct source_csv_record *record,
                                                        struct source_csv_header *header, struct error *error);

/* The index of a column; the error lists the columns there are. */
ERROR_MUST_CHECK enum error_code source_csv_find(const struct source_csv_place *place,
                                                 const struct source_csv_header *header, const char *name,
                                                 size_t *index, struct error *error);

/* Refuses a record that has not one field per column of the header. */
ERROR_MUST_CHECK enum error_code source_csv_check_width(const struct source_csv_place *place,
                                                        const struct source_csv_header *header,
                                                        const struct source_csv_record *record, struct error *error);

/* Field checks; column is the name for the message.
 * decimal: digits with at most one point, a sign allowed, no exponent. integer: digits only, up to INT64_MAX. */
ERROR_MUST_CHECK enum error_code source_csv_decimal(const struct source_csv_place *place, const char *column,
                                                    const char *text, struct error *error);
ERROR_MUST_CHECK enum error_code source_csv_integer(const struct source_csv_place *place, const char *column,
                                                    const char *text, int64_t *value, struct error *error);
/* "true" or "false". */
ERROR_MUST_CHECK enum error_code source_csv_boolean(const struct source_csv_place *place, const char *column,
                                                    const char *text, bool *value, struct error *error);
/* Not empty, and no control characters. */
ERROR_MUST_CHECK enum error_code source_csv_word(const struct source_csv_place *place, const char *column,
                                                 const char *text, struct error *error);
/* Milliseconds since 1970-01-01 UTC, as an integer; becomes microseconds. */
ERROR_MUST_CHECK enum error_code source_csv_milliseconds(const struct source_csv_place *place, const char *column,
                                                         const char *text, int64_t *unix_us, struct error *error);
/* Seconds since 1970-01-01 UTC with up to six decimals; becomes microseconds, without rounding. */
ERROR_MUST_CHECK enum error_code source_csv_seconds(const struct source_csv_place *place, const char *column,
                                                    const char *text, int64_t *unix_us, struct error *error);

/* -1, 0 or 1 as decimal a is less than, equal to or greater than decimal b; both passed source_csv_decimal. Exact for
 * any length. */
int source_csv_compare(const char *a, const char *b);

#endif

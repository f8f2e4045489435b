/* jobs/extract.h - reading the source. An extraction is a SELECT in sql/extract/NAME.sql with a fixed list of output
 * columns, its contract; a firm whose tables are named otherwise puts its own NAME.sql into TAPEMILL_EXTRACT_DIR.
 *
 * A query may read current_setting('tapemill.interval_start')::timestamptz and tapemill.interval_end: the run's
 * half-open data interval. It takes no parameters, since it is wrapped in COPY. */
#ifndef TAPEMILL_JOBS_EXTRACT_H
#define TAPEMILL_JOBS_EXTRACT_H

#include <stddef.h>

#include "core/buffer.h"
#include "core/copy.h"
#include "jobs/job.h"

enum extract_type {
    EXTRACT_BOOLEAN,
    EXTRACT_SMALLINT,
    EXTRACT_INTEGER,
    EXTRACT_BIGINT,
    EXTRACT_NUMERIC,
    EXTRACT_TEXT, /* text, varchar, char */
    EXTRACT_DATE,
    EXTRACT_TIMESTAMPTZ,
    EXTRACT_UUID,
};

struct extract_column {
    const char *name;
    enum extract_type type;
};

struct extract_definition {
    const char *name; /* of the file */
    const struct extract_column *columns;
    size_t count;
};

/* What of the source to read, instants as timestamptz texts: rows of the data interval and, unless changed_from is
 * NULL, of them those whose last column, which tells when a row changed, lies in [changed_from, changed_to); and of
 * these, unless condition is NULL, those for which that SQL expression over the contract's columns is true. */
struct extract_range {
    const char *interval_start, *interval_end, *changed_from, *changed_to, *condition;
    const char *list; /* SQL expressions over the contract's columns that are read in place of these; NULL: none */
    int list_columns; /* then: how many they are */
};

/* Opens the extraction of the run's data interval on its source connection (job_source()). The contract is checked
 * before a row is read: ERROR_CONTRACT names the file, the column and the remedy. */
ERROR_MUST_CHECK enum error_code extract_open(struct job_context *context, const struct extract_definition *definition,
                                              struct copy_reader **reader, struct error *error);

/* The same of another range. Extractions of one run, one after the other, see one state of the source. */
ERROR_MUST_CHECK enum error_code extract_open_range(struct job_context *context,
                                                    const struct extract_definition *definition,
                                                    const struct extract_range *range, struct copy_reader **reader,
                                                    struct error *error);

/* The SELECT that extract_open_range() would read, to be asked otherwise; the contract is checked. query: initialised.
 */
ERROR_MUST_CHECK enum error_code extract_compose(struct job_context *context,
                                                 const struct extract_definition *definition,
                                                 const struct extract_range *range, struct buffer *query,
                                                 struct error *error);

/* Whether the range has a row, told by one query on the run's source connection and nothing else: the contract is
 * checked by whoever then reads the rows. ERROR_CONTRACT if the query cannot be run. */
ERROR_MUST_CHECK enum error_code extract_probe(struct job_context *context, const struct extract_definition *definition,
                                               const struct extract_range *range, bool *found, struct error *error);

/* Checks one contract on an open source connection, for `tapemill doctor`. */
ERROR_MUST_CHECK enum error_code extract_check(struct database *source, const struct extract_definition *definition,
                                               struct error *error);

/* All extractions this binary knows (extract_all.c). */
const struct extract_definition *const *extract_all(size_t *count);

#endif

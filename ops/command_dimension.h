/* ops/command_dimension.h - what the verbs of `tapemill dimension` share: a dimension by its name, and the templates of
 * sql/ops/dimension*.sql written out for it. */
#ifndef TAPEMILL_OPS_COMMAND_DIMENSION_H
#define TAPEMILL_OPS_COMMAND_DIMENSION_H

#include "core/database.h"
#include "core/error.h"
#include "jobs/dimension.h"
#include "ops/command.h"

extern const struct command command_dimension_history, command_dimension_check;

/* ERROR_USAGE names the dimensions that there are. */
ERROR_MUST_CHECK enum error_code command_dimension_find(const char *name, enum dimension *dimension,
                                                        struct error *error);

/* Runs a template. *rows is the caller's. */
ERROR_MUST_CHECK enum error_code command_dimension_query(struct database *warehouse, enum dimension dimension,
                                                         const char *file, const char *statement, int count,
                                                         const char *const *values, struct rows **rows,
                                                         struct error *error);

/* The date_keys that were loaded, of the command's --from and --to, in order. *rows is the caller's. Statements on
 * facts run on this connection lock one month at a time from now on. */
ERROR_MUST_CHECK enum error_code command_dimension_dates(const struct command_line *line, struct database *warehouse,
                                                         struct rows **rows, struct error *error);

/* The column that people know a member by: "symbol". */
const char *command_dimension_code(enum dimension dimension);

/* Whether the dimension's ids are uuids, not integers. */
bool command_dimension_has_uuids(enum dimension dimension);

#endif

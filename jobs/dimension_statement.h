/* jobs/dimension_statement.h - runs an SQL template (jobs/dimension.h) written out for one dimension, in the run's
 * transaction. The statement is sql/FILE.sql, NAME. */
#ifndef TAPEMILL_JOBS_DIMENSION_STATEMENT_H
#define TAPEMILL_JOBS_DIMENSION_STATEMENT_H

#include "jobs/dimension.h"
#include "jobs/job.h"

/* Several statements without parameters. */
ERROR_MUST_CHECK enum error_code dimension_statement_run(struct job_context *context,
                                                         const struct dimension_definition *definition,
                                                         const char *file, const char *name, struct error *error);

/* One statement with count values (NULL if none); *rows, if wanted, is freed by the caller. */
ERROR_MUST_CHECK enum error_code dimension_statement_query(struct job_context *context,
                                                           const struct dimension_definition *definition,
                                                           const char *file, const char *name, int count,
                                                           const char *const *values, struct rows **rows,
                                                           struct error *error);

/* The same without values; *affected is the number of rows inserted, updated or deleted. */
ERROR_MUST_CHECK enum error_code dimension_statement_count(struct job_context *context,
                                                           const struct dimension_definition *definition,
                                                           const char *file, const char *name, int64_t *affected,
                                                           struct error *error);

/* Sets DIMENSION_TENANT_SETTING to TAPEMILL_DEFAULT_TENANT, as PostgreSQL writes it, for the run's transaction.
 * ERROR_CONFIG if it is no UUID. */
ERROR_MUST_CHECK enum error_code dimension_statement_set_tenant(struct database *database, struct error *error);

#endif

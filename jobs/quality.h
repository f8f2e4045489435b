/* jobs/quality.h - what becomes of rows that break rules; shared by the loads.
 *
 * A load creates the temporary table stage_issues with quality_stage() and puts one row into it for every source row
 * that broke a rule:
 *
 *     record_id      text     the source row's id as text; null: a hash of record_data takes its place
 *     business_date  date     the date that the row would have loaded on; null where there is none
 *     issues         text     one line per broken rule: "E|rule|text" (ERROR) or "W|rule|text" (WARNING)
 *     record_data    jsonb    the whole source row
 *
 * either by `insert into stage_issues select ...` or by COPY. quality_issue() builds the column issues, quality_row()
 * the column record_data. Then, before the transaction ends, quality_record() files them and quality_resolve() closes
 * what the load has put right. A row with at least one ERROR is quarantined and must not be loaded; one with WARNINGs
 * alone loads.
 *
 * Messages are stored as "[rule] text", for example "[tenant_required] tenant_id is required". */
#ifndef TAPEMILL_JOBS_QUALITY_H
#define TAPEMILL_JOBS_QUALITY_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/copy.h"
#include "jobs/extract.h"
#include "jobs/job.h"

enum quality_severity { QUALITY_ERROR, QUALITY_WARNING };

/* Appends one line to issues. rule is lower_case; line breaks in the text become spaces. */
void quality_issue(struct buffer *issues, enum quality_severity severity, const char *rule, const char *format, ...)
    ERROR_PRINTF(4, 5);

/* Appends the source row as a JSON object, with every column of the extraction under its name: numbers with all their
 * digits, dates and instants in ISO form (UTC), NaN and the infinities as texts. In binary COPY a jsonb field is the
 * byte 1 and then this text; see quality_put_row(). */
ERROR_MUST_CHECK enum error_code quality_row(struct buffer *json, const struct extract_definition *definition,
                                             const struct copy_field *fields, struct error *error);

/* The same row as a binary jsonb field of a COPY. */
ERROR_MUST_CHECK enum error_code quality_put_row(struct copy_writer *writer,
                                                 const struct extract_definition *definition,
                                                 const struct copy_field *fields, struct error *error);

/* Creates stage_issues, empty, to be dropped with the transaction; empties it if it is there. */
ERROR_MUST_CHECK enum error_code quality_stage(struct job_context *context, struct error *error);

/* Files stage_issues: a row in etl_data_quality_issues for every line; for every source row with an ERROR the one open
 * row in etl_quarantine, new or brought up to date (its first_run_no stays). *quarantined: rows of stage_issues with an
 * ERROR, to be added to context->counts. */
ERROR_MUST_CHECK enum error_code quality_record(struct job_context *context, const char *source_table,
                                                int64_t *quarantined, struct error *error);

/* Closes the open quarantine rows of the source table and business date that are not in stage_issues with an ERROR:
 * what they tell of is put right, or gone. business_date NULL: whatever their date (a job that read the whole table).
 */
ERROR_MUST_CHECK enum error_code quality_resolve(struct job_context *context, const char *source_table,
                                                 const char *business_date, struct error *error);

#endif

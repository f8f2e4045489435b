/* ops/command_session.h - what most subcommands begin with: the warehouse, and a list from it. */
#ifndef TAPEMILL_OPS_COMMAND_SESSION_H
#define TAPEMILL_OPS_COMMAND_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/database.h"
#include "core/error.h"
#include "ops/command.h"

/* Connects to the warehouse and checks that its schema is the one this binary knows. */
ERROR_MUST_CHECK enum error_code command_session_open(struct database **warehouse, struct error *error);

/* Runs statement of sql/FILE.sql on the warehouse and prints the result to standard output. */
ERROR_MUST_CHECK enum error_code command_session_list(const char *file, const char *statement, int count,
                                                      const char *const *values, const struct command_style *style,
                                                      struct error *error);

/* Prints the one row of a statement, whose parameter is id, in a form for records; *found is false when there is none.
 */
ERROR_MUST_CHECK enum error_code command_session_record(struct database *warehouse, const char *file,
                                                        const char *statement, const char *id,
                                                        const struct command_style *style, bool *found,
                                                        struct error *error);

/* The style of such a row: a record for people, or a JSON object. */
struct command_style command_session_record_style(bool json);

/* Connects to Redis ahead of a push, so that no job waits for that. A Redis that is away shows at the push. */
void command_session_meet_redis(void);

/* Pushes committed jobs to Redis. When Redis is away that is only a warning on standard error: the jobs are in the
 * ledger, and the scheduler pushes them later. */
void command_session_push(struct database *warehouse, const int64_t *job_ids, size_t count);

/* Makes Redis forget jobs that were cancelled, and tells the keepers that have them; the same when it is away. */
void command_session_forget(const int64_t *job_ids, size_t count);

/* Writes ids as PostgreSQL's array text, "{1,2}". */
ERROR_MUST_CHECK enum error_code command_session_array(const int64_t *ids, size_t count, struct buffer *buffer,
                                                       struct error *error);

/* Ids in the first column of a result, malloc'd, the caller's to free(). */
ERROR_MUST_CHECK enum error_code command_session_ids(struct database *warehouse, const char *file,
                                                     const char *statement, int count, const char *const *values,
                                                     int64_t **ids, size_t *found, struct error *error);

/* A time as people write it, with a zone or in TAPEMILL_TIMEZONE; option is what errors call it. */
ERROR_MUST_CHECK enum error_code command_session_instant(struct database *warehouse, const char *text,
                                                         const char *option, int64_t *unix_s, int64_t *unix_us,
                                                         struct error *error);

#endif

/* ops/command_wait.h - watching work that is under way. Nothing here has a deadline; who interrupts it stops watching,
 * not the work. */
#ifndef TAPEMILL_OPS_COMMAND_WAIT_H
#define TAPEMILL_OPS_COMMAND_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"

/* COMMAND_WAIT_HOPE_MS: how often it is asked whether anything can still come of jobs that only wait. */
enum { COMMAND_WAIT_POLL_MS = 250, COMMAND_WAIT_HOPE_MS = 2000 };

/* Watches jobs until all are done, or none can go on, because one is dead or cancelled or because nothing live can ever
 * meet what they wait for: then the error tells why, with the remedy. Changes are lines on standard error. A lost
 * connection is made again. */
ERROR_MUST_CHECK enum error_code command_wait_jobs(struct database **warehouse, const int64_t *job_ids, size_t count,
                                                   struct error *error);

/* For jobs that only wait (ids: an array as PostgreSQL reads it): sets *ended, with an error that tells the remedy, if
 * nothing live can ever meet what they wait for. A failed statement is an error with *ended false. */
ERROR_MUST_CHECK enum error_code command_wait_hope(struct database *warehouse, const char *ids, bool *ended,
                                                   struct error *error);

/* After a failed statement: when the connection was lost, opens another, however long that takes, and returns
 * ERROR_NONE; else returns error->code. */
ERROR_MUST_CHECK enum error_code command_wait_reconnect(struct database **warehouse, struct error *error);

/* Says on standard error if no worker has announced itself in Redis, or no scheduler leads. */
void command_wait_hint(struct database *warehouse);

#endif

/* ops/command_history.h - the parts of `tapemill history check`: histories are read whole (32 bytes an event), sorted
 * by job and instant, and checked job by job, together with what the ledger says of each (a page of jobs at a time). */
#ifndef TAPEMILL_OPS_COMMAND_HISTORY_H
#define TAPEMILL_OPS_COMMAND_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/database.h"
#include "core/error.h"
#include "core/history.h"

/* What a process is, by the first line of its file. */
struct command_history_process {
    const char *file; /* its name in the folder */
    int pid, parent;
};

struct command_history_event {
    int64_t us, job_id, number;
    uint32_t process;
    enum history_event event;
};

struct command_history_tick {
    int64_t us, tick_us, job_id;
    const char *schedule;
    uint32_t process;
};

struct command_history {
    struct arena arena; /* of the texts */
    struct command_history_process *processes;
    struct command_history_event *events; /* of jobs; sorted by job, then by instant */
    struct command_history_tick *ticks;   /* sorted by schedule and tick, then by instant */
    size_t process_count, event_count, tick_count;
    size_t process_room, event_room, tick_room;
    int64_t counts[HISTORY_EVENT_COUNT], first_us, last_us;
    char boot[64];
};

/* Reads all files of a folder. A last line that has no end (its process was killed) is left out. The caller calls
 * command_history_term, also after an error. */
ERROR_MUST_CHECK enum error_code command_history_read(struct command_history *history, const char *directory,
                                                      struct error *error);
void command_history_term(struct command_history *history);

/* ---- violations ---------------------------------------------------------------------------------------------- */

enum command_history_invariant {
    COMMAND_HISTORY_EFFECT, /* I1 */
    COMMAND_HISTORY_FENCE,  /* I2 */
    COMMAND_HISTORY_LOST,   /* I3 */
    COMMAND_HISTORY_TICK,   /* I4 */
    COMMAND_HISTORY_CHARGE, /* I6 */
    COMMAND_HISTORY_HOLDER, /* one holder at a time */
    COMMAND_HISTORY_ORDER,  /* nothing acknowledged or begun too early */
    COMMAND_HISTORY_INVARIANTS
};

struct command_history_verdict {
    const struct command_history *history;
    int64_t checked[COMMAND_HISTORY_INVARIANTS], violations[COMMAND_HISTORY_INVARIANTS];
    int64_t jobs;
    int64_t from_job; /* whose commits must be in the history, as all jobs' after it */
    int64_t most;     /* violations of one invariant that are printed */
};

/* Counts a violation and prints it to standard output. */
void command_history_violate(struct command_history_verdict *verdict, enum command_history_invariant invariant,
                             const char *format, ...) ERROR_PRINTF(3, 4);
/* The same, with the events as evidence. */
void command_history_violate_events(struct command_history_verdict *verdict, enum command_history_invariant invariant,
                                    const struct command_history_event *events, size_t count, const char *format, ...)
    ERROR_PRINTF(5, 6);

/* ---- checks -------------------------------------------------------------------------------------------------- */

/* One run of a job, as the ledger has it. */
struct command_history_run {
    int64_t job_id, fence;
    char status[12];
    enum error_code failure;
};

/* A job with its runs and events. */
struct command_history_job {
    int64_t id, fence, attempts;
    const char *name, *state;
    const struct command_history_run *runs;
    const struct command_history_event *events;
    size_t run_count, event_count;
};
void command_history_check_job(struct command_history_verdict *verdict, const struct command_history_job *job);

/* All jobs of the ledger, then what statements of sql/ops/history.sql and Redis say. */
ERROR_MUST_CHECK enum error_code command_history_check_jobs(struct command_history_verdict *verdict,
                                                            struct database *warehouse, struct error *error);
ERROR_MUST_CHECK enum error_code command_history_check_tables(struct command_history_verdict *verdict,
                                                              struct database *warehouse, struct error *error);
ERROR_MUST_CHECK enum error_code command_history_check_redis(struct command_history_verdict *verdict,
                                                             struct database *warehouse, struct error *error);
ERROR_MUST_CHECK enum error_code command_history_check_ticks(struct command_history_verdict *verdict,
                                                             struct database *warehouse, struct error *error);

#endif

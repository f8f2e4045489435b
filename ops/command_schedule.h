/* ops/command_schedule.h - what the verbs of `tapemill schedule` share: the warehouse, and the schedule that is in
 * effect there. */
#ifndef TAPEMILL_OPS_COMMAND_SCHEDULE_H
#define TAPEMILL_OPS_COMMAND_SCHEDULE_H

#include "jobs/schedule_store.h"
#include "ops/command.h"

struct command_schedule {
    struct database *warehouse;
    struct arena arena;
    struct schedule_now now;
    int64_t now_s;
    struct schedule_set set; /* of version now.effective_id; empty without one */
};

/* Connects and reads. To be ended with command_schedule_close(), also after an error. */
ERROR_MUST_CHECK enum error_code command_schedule_open(struct command_schedule *session, struct error *error);
void command_schedule_close(struct command_schedule *session);

/* The schedule of that name. ERROR_USAGE names the nearest, or lists them all; ERROR_ARGUMENT when it cannot run. */
ERROR_MUST_CHECK enum error_code command_schedule_find(const struct command_schedule *session, const char *name,
                                                       const struct schedule **schedule, struct error *error);

extern const struct command command_schedule_explain, command_schedule_load, command_schedule_run;

#endif

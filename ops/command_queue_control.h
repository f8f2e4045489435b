/* ops/command_queue_control.h - what persons decide about queues and limits: verbs of `tapemill queue`, and the
 * commands `limit` and `limits`. */
#ifndef TAPEMILL_OPS_COMMAND_QUEUE_CONTROL_H
#define TAPEMILL_OPS_COMMAND_QUEUE_CONTROL_H

#include "ops/command.h"

extern const struct command command_queue_pause, command_queue_resume, command_queue_limit;

#endif

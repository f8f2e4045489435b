/* ops/command_follow.h - `runs follow`: runs as they begin and end. */
#ifndef TAPEMILL_OPS_COMMAND_FOLLOW_H
#define TAPEMILL_OPS_COMMAND_FOLLOW_H

#include "ops/command.h"

extern const struct command command_runs_follow;

#endif

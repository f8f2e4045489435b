/* ops/source_command.h - what the verbs of `tapemill source` run. */
#ifndef TAPEMILL_OPS_SOURCE_COMMAND_H
#define TAPEMILL_OPS_SOURCE_COMMAND_H

#include "core/error.h"
#include "ops/command.h"

ERROR_MUST_CHECK enum error_code source_generate_run(const struct command_line *line, struct error *error);
ERROR_MUST_CHECK enum error_code source_import_run(const struct command_line *line, struct error *error);

#endif

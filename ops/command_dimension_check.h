/* ops/command_dimension_check.h - what `tapemill dimension check` collects: how many there are of everything, and what
 * is told of it, a line each. */
#ifndef TAPEMILL_OPS_COMMAND_DIMENSION_CHECK_H
#define TAPEMILL_OPS_COMMAND_DIMENSION_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs/dimension_index.h"
#include "ops/command_dimension.h"

enum {
    COMMAND_DIMENSION_DIMENSION,
    COMMAND_DIMENSION_RULE,
    COMMAND_DIMENSION_ID,
    COMMAND_DIMENSION_DATE,
    COMMAND_DIMENSION_FACTS,
    COMMAND_DIMENSION_WHAT,
    COMMAND_DIMENSION_REMEDY,
    COMMAND_DIMENSION_CELLS
};

/* Lines of COMMAND_DIMENSION_CELLS texts each, NULL for none. The texts are the list's own. */
struct command_dimension_lines {
    char **cells;
    size_t count, room;
};

struct command_dimension_figures {
    int64_t members, versions, deleted, inferred, observations;
    int64_t facts, unknown;    /* live facts on Unknown whose row names a member */
    int64_t differences, told; /* all, and those that the lines speak of */
    int64_t fact_lines;        /* lines about facts */
};

struct command_dimension_check {
    struct database *warehouse;
    const char *limit; /* lines per dimension and rule */
    int64_t most;      /* the same */
    bool chosen[DIMENSION_COUNT];
    struct command_dimension_figures figures[DIMENSION_COUNT];
    struct command_dimension_lines differences, notes;
};

/* Adds a line; cells by COMMAND_DIMENSION_..., copied. */
ERROR_MUST_CHECK enum error_code command_dimension_tell(struct command_dimension_lines *lines,
                                                        const char *const cells[COMMAND_DIMENSION_CELLS],
                                                        struct error *error);

/* Facts and performance of the dates of --from and --to, one date at a time: command_dimension_facts.c. */
ERROR_MUST_CHECK enum error_code command_dimension_check_facts(struct command_dimension_check *check,
                                                               const struct command_line *line, struct error *error);

#endif

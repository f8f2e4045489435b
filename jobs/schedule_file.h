/* jobs/schedule_file.h - a schedule as people write it: ops/schedule.json, or a firm's own.
 *
 *   {"schedules": [
 *       {"name": "nightly", "cron": "30 1 * * *", "job": "compare_source", "overlap": "skip"}
 *   ]}
 *
 * What an entry may say is in jobs/schedule.def. The file in this repository is compiled in. */
#ifndef TAPEMILL_JOBS_SCHEDULE_FILE_H
#define TAPEMILL_JOBS_SCHEDULE_FILE_H

#include "jobs/schedule.h"

enum {
    SCHEDULE_FILE_ENTRIES_MAX = 256,
    SCHEDULE_FILE_BYTES_MAX = 1024 * 1024,
    SCHEDULE_ARENA_BYTES = 16 * 1024 * 1024
};

#define SCHEDULE_FILE_BUILT_IN "built in"

/* Reads the text of a file, which errors call `what`. The set lives in the arena. ERROR_FORMAT names file
 * and line, what is wrong there and the remedy; nothing is read past the first error. */
ERROR_MUST_CHECK enum error_code schedule_file_parse(const char *text, const char *what, const char *default_zone,
                                                     struct arena *arena, struct schedule_set *set,
                                                     struct error *error);

/* The same from a file; path NULL: the one that is compiled in. */
ERROR_MUST_CHECK enum error_code schedule_file_read(const char *path, const char *default_zone, struct arena *arena,
                                                    struct schedule_set *set, struct error *error);

#endif

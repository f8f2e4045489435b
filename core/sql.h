/* core/sql.h - the SQL of this project, compiled in from sql/ (see cmake/sqlembed.c for the file format). */
#ifndef TAPEMILL_CORE_SQL_H
#define TAPEMILL_CORE_SQL_H

#include <stddef.h>

struct sql_statement {
    const char *name; /* from the line "-- name: NAME" */
    int utility;      /* 1: PREPARE cannot take it */
    const char *text;
};

struct sql_file {
    const char *name; /* "folder/file", without ".sql" */
    const struct sql_statement *statements;
    size_t count;
};

extern const struct sql_file sql_files[];
extern const size_t sql_file_count;

/* The file called "folder/file", or NULL. */
const struct sql_file *sql_find_file(const char *name);

/* The text of one statement. The name must exist: a missing one is a programming error and aborts with its name. */
const char *sql_text(const char *file, const char *statement);

#endif

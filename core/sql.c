#include "core/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct sql_file *
sql_find_file(const char *name)
{
    size_t low = 0, high = sql_file_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, sql_files[middle].name);
        if (order == 0)
            return &sql_files[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *
sql_text(const char *file, const char *statement)
{
    const struct sql_file *found = sql_find_file(file);
    for (size_t i = 0; found && i < found->count; i++)
        if (strcmp(found->statements[i].name, statement) == 0)
            return found->statements[i].text;
    fprintf(stderr, "bug: no SQL statement %s in sql/%s.sql\n", statement, file);
    abort();
}

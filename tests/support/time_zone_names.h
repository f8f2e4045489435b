/* tests/support/time_zone_names.h - the names of all zones of the tz database, from its directory. */
#ifndef TAPEMILL_TESTS_SUPPORT_TIME_ZONE_NAMES_H
#define TAPEMILL_TESTS_SUPPORT_TIME_ZONE_NAMES_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/time_zone.h"

#define TIME_ZONE_NAMES_MAX 1000
#define TIME_ZONE_NAMES_MIN 400 /* a database with fewer is not whole */

static struct {
    char names[TIME_ZONE_NAMES_MAX][TIME_ZONE_NAME_BYTES];
    size_t count;
} time_zone_names;

static inline int
time_zone_names_add(const char *path, const struct stat *status, int type, struct FTW *place)
{
    char magic[4] = "";
    const char *name = path + sizeof(TIME_ZONE_DIRECTORY);
    (void)status;
    (void)place;
    if ((type != FTW_F && type != FTW_SL) || strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0)
        return 0; /* the same zones again, and those with leap seconds */
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    size_t size = fread(magic, 1, sizeof(magic), file);
    assert_int_equal(fclose(file), 0);
    if (size != sizeof(magic) || memcmp(magic, "TZif", sizeof(magic)) != 0)
        return 0; /* a table */
    assert_true(time_zone_names.count < TIME_ZONE_NAMES_MAX && strlen(name) < TIME_ZONE_NAME_BYTES);
    (void)snprintf(time_zone_names.names[time_zone_names.count++], TIME_ZONE_NAME_BYTES, "%s", name);
    return 0;
}

/* Fills time_zone_names, links included. */
static inline void
time_zone_names_read(void)
{
    time_zone_names.count = 0;
    assert_int_equal(nftw(TIME_ZONE_DIRECTORY, time_zone_names_add, 16, FTW_PHYS), 0);
    assert_in_range(time_zone_names.count, TIME_ZONE_NAMES_MIN, TIME_ZONE_NAMES_MAX);
}

#endif

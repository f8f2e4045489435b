/* core/time_zone.h - the offset of a time zone from UTC at any instant, from the IANA time zone database.
 *
 * The compiled files of the database (TZif, RFC 8536, versions 2 to 4) are read by us: the process's own TZ and the C
 * library's one global zone play no part, several zones can be in use at once, and nothing changes once a zone is
 * loaded. Instants are seconds since 1970-01-01 UTC without leap seconds; offsets are seconds to add to UTC. A span is
 * a stretch of time with one offset.
 *
 * Between transitions listed in the file the spans are its own; after the last one they follow the rule in its footer
 * (POSIX TZ with RFC 8536's wider hours), to the end of the year 9999. */
#ifndef TAPEMILL_CORE_TIME_ZONE_H
#define TAPEMILL_CORE_TIME_ZONE_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_ZONE_DIRECTORY      "/usr/share/zoneinfo"
#define TIME_ZONE_NAME_BYTES     64
#define TIME_ZONE_SPANS          1024        /* the longest history in use has 310 */
#define TIME_ZONE_FILE_MAX_BYTES (64 * 1024) /* the largest file in use has 4 KiB */

/* One change of the clock in the footer's rule, in the local time before it. */
struct time_zone_moment {
    char kind;      /* 'M': month, week, weekday; 'J': day 1..365, 29 February never counted; 'D': day 0..365 */
    int month;      /* 1..12 */
    int week;       /* 1..5; 5 is the last */
    int weekday;    /* 0 is Sunday */
    int day;        /* for 'J' and 'D' */
    int32_t time_s; /* of that day; may be negative or beyond it */
};

struct time_zone_rule {
    bool has_daylight;
    int32_t standard_offset_s;
    int32_t daylight_offset_s;
    struct time_zone_moment daylight_starts;
    struct time_zone_moment daylight_ends;
};

/* Caller's storage; holds no pointers, so that it may be copied and needs no end. */
struct time_zone {
    char name[TIME_ZONE_NAME_BYTES];
    size_t count;
    int64_t start_s[TIME_ZONE_SPANS]; /* the first is INT64_MIN */
    int32_t offset_s[TIME_ZONE_SPANS];
    struct time_zone_rule rule; /* what follows the last span, if has_daylight */
};

struct time_zone_span {
    int64_t start_s; /* INT64_MIN if nothing came before */
    int64_t end_s;   /* exclusive; INT64_MAX if nothing follows */
    int32_t offset_s;
    int32_t previous_offset_s; /* of the span before; offset_s if nothing came before */
};

/* Loads a zone by its IANA name, for example "America/New_York". ERROR_CONFIG names the zone and the remedy when there
 * is no such zone, its file is damaged, or it counts leap seconds ("right/..."). */
enum error_code time_zone_load(struct time_zone *zone, const char *name, struct error *error) ERROR_MUST_CHECK;

/* The same from the bytes of a TZif file; name is what errors call it. */
enum error_code time_zone_parse(struct time_zone *zone, const char *name, const unsigned char *bytes, size_t size,
                                struct error *error) ERROR_MUST_CHECK;

/* The span that holds an instant. Where the clock has been set back, two instants show the same wall clock; where it
 * has been set forward, none shows the time skipped. */
void time_zone_span_at(const struct time_zone *zone, int64_t unix_s, struct time_zone_span *out);

/* The first instant at which the zone's wall clock shows local_s (seconds since 1970-01-01 00:00 on that clock) or
 * later: the earlier of two, or the end of the gap that skipped it. */
int64_t time_zone_first_instant(const struct time_zone *zone, int64_t local_s);

#endif

#include "core/time_zone.h"

#include "core/calendar_date.h"
#include "core/time_zone_rule.h"

#include <stdio.h>
#include <string.h>

#define HEADER_BYTES     44
#define TYPES_MAX        256
#define OFFSET_MAX_S     (26 * 3600) /* beyond any civil time, as RFC 8536 has it */
#define FOOTER_MAX_BYTES 128
#define RULE_FIRST_YEAR  1900 /* for a file that has a rule and no history: nobody changed clocks before */
#define RULE_LAST_YEAR   2100 /* until then the rule's spans are listed; later they are computed when asked for */
#define RULE_END_S       (((int64_t)CALENDAR_DATE_LAST + 1) * CALENDAR_DATE_DAY_S)

/* The counts of a TZif header, in its order. */
enum count {
    COUNT_UT_FLAGS,
    COUNT_STANDARD_FLAGS,
    COUNT_LEAP_SECONDS,
    COUNT_TRANSITIONS,
    COUNT_TYPES,
    COUNT_NAME_BYTES,
    COUNTS
};

struct reader {
    const char *name;
    const unsigned char *bytes;
    size_t size;
    size_t position;
    uint32_t counts[COUNTS];
    int64_t last_change_s; /* INT64_MIN if the file lists none */
    struct error *error;
};

static enum error_code
damaged(const struct reader *reader, const char *how)
{
    return error_set(reader->error, ERROR_CONFIG,
                     "the file of time zone \"%s\" is damaged: %s; reinstall the tzdata package", reader->name, how);
}

static enum error_code
cut_off(const struct reader *reader)
{
    return damaged(reader, "it ends too early");
}

static uint64_t
big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static enum error_code
read_header(struct reader *reader)
{
    const unsigned char *header = reader->bytes + reader->position;
    if (reader->size - reader->position < HEADER_BYTES)
        return cut_off(reader);
    if (memcmp(header, "TZif", 4) != 0)
        return damaged(reader, "it is not in the TZif format");
    if (header[4] < '2')
        return damaged(reader, "it is in the first version of its format, which ends in 2037");
    for (size_t i = 0; i < COUNTS; i++)
        reader->counts[i] = (uint32_t)big_endian(header + 20 + 4 * i, 4);
    reader->position += HEADER_BYTES;
    return ERROR_NONE;
}

/* The bytes of a data block whose times have time_bytes each. Each count is below 2^32, so that the sum fits. */
static uint64_t
block_bytes(const struct reader *reader, uint64_t time_bytes)
{
    const uint32_t *counts = reader->counts;
    return counts[COUNT_TRANSITIONS] * (time_bytes + 1) + counts[COUNT_TYPES] * UINT64_C(6) + counts[COUNT_NAME_BYTES] +
           counts[COUNT_LEAP_SECONDS] * (time_bytes + 4) + counts[COUNT_STANDARD_FLAGS] + counts[COUNT_UT_FLAGS];
}

static void
append_span(struct time_zone *zone, int64_t start_s, int32_t offset_s)
{
    if (zone->offset_s[zone->count - 1] == offset_s)
        return; /* only the abbreviation changed */
    zone->start_s[zone->count] = start_s;
    zone->offset_s[zone->count] = offset_s;
    zone->count++;
}

static enum error_code
read_offsets(const struct reader *reader, const unsigned char *types, int32_t offsets[TYPES_MAX])
{
    for (uint32_t i = 0; i < reader->counts[COUNT_TYPES]; i++) {
        offsets[i] = (int32_t)big_endian(types + (size_t)6 * i, 4);
        if (offsets[i] < -OFFSET_MAX_S || offsets[i] > OFFSET_MAX_S)
            return damaged(reader, "it has an offset of more than 26 hours");
    }
    return ERROR_NONE;
}

/* The second data block, whose times have eight bytes: times, then a type for each, then the types. */
static enum error_code
read_spans(struct reader *reader, struct time_zone *zone)
{
    uint32_t transitions = reader->counts[COUNT_TRANSITIONS];
    const unsigned char *times = reader->bytes + reader->position;
    const unsigned char *type_of = times + (size_t)8 * transitions;
    int32_t offsets[TYPES_MAX] = {0};
    if (reader->counts[COUNT_LEAP_SECONDS] > 0)
        return error_set(reader->error, ERROR_CONFIG,
                         "time zone \"%s\" counts leap seconds, which timestamps here do not; use the zone of the same "
                         "name without \"right/\"",
                         reader->name);
    if (reader->counts[COUNT_TYPES] == 0 || reader->counts[COUNT_TYPES] > TYPES_MAX)
        return damaged(reader, "it has no offsets, or more than 256");
    if (transitions >= TIME_ZONE_SPANS)
        return damaged(reader, "it has more changes of the clock than any zone");
    enum error_code code = read_offsets(reader, type_of + transitions, offsets);
    if (code != ERROR_NONE)
        return code;
    zone->count = 1;
    zone->start_s[0] = INT64_MIN;
    zone->offset_s[0] = offsets[0];
    for (uint32_t i = 0; i < transitions; i++) {
        int64_t start_s = (int64_t)big_endian(times + (size_t)8 * i, 8);
        if (i > 0 && start_s <= reader->last_change_s)
            return damaged(reader, "its changes of the clock are not in order");
        if (type_of[i] >= reader->counts[COUNT_TYPES])
            return damaged(reader, "a change of the clock names an offset that is not there");
        append_span(zone, start_s, offsets[type_of[i]]);
        reader->last_change_s = start_s;
    }
    return ERROR_NONE;
}

/* A line feed, the rule (or nothing), a line feed. */
static enum error_code
read_footer(struct reader *reader, struct time_zone *zone)
{
    char footer[FOOTER_MAX_BYTES];
    const unsigned char *start = reader->bytes + reader->position + 1;
    size_t left = reader->size - reader->position;
    if (left < 2)
        return cut_off(reader);
    if (start[-1] != '\n')
        return damaged(reader, "its footer does not begin on a line of its own");
    const unsigned char *end = memchr(start, '\n', left - 1);
    if (!end)
        return cut_off(reader);
    size_t length = (size_t)(end - start);
    if (length >= sizeof(footer))
        return damaged(reader, "its footer is longer than any rule");
    memcpy(footer, start, length);
    footer[length] = 0;
    memset(&zone->rule, 0, sizeof(zone->rule));
    if (length == 0)
        return ERROR_NONE;
    if (strlen(footer) != length || !time_zone_rule_parse(footer, &zone->rule))
        return damaged(reader, "its footer is not a rule of POSIX TZ");
    if (reader->counts[COUNT_TRANSITIONS] == 0)
        zone->offset_s[0] = zone->rule.standard_offset_s;
    return ERROR_NONE;
}

static int
year_of(int64_t unix_s)
{
    int64_t days = unix_s / CALENDAR_DATE_DAY_S - (unix_s % CALENDAR_DATE_DAY_S < 0);
    return calendar_date_split((int32_t)days).year;
}

/* The rule takes over after the last change that the file lists, even if that one was a change of name only. */
static void
list_rule_spans(struct time_zone *zone, int64_t last_s)
{
    int year = RULE_FIRST_YEAR;
    if (last_s >= RULE_END_S)
        return;
    if (last_s > (int64_t)calendar_date_days(RULE_FIRST_YEAR, 1, 1) * CALENDAR_DATE_DAY_S)
        year = year_of(last_s);
    for (; year <= RULE_LAST_YEAR && zone->count + 2 <= TIME_ZONE_SPANS; year++) {
        struct time_zone_change changes[2];
        time_zone_rule_year(&zone->rule, year, changes);
        for (int i = 0; i < 2; i++)
            if (changes[i].start_s > last_s)
                append_span(zone, changes[i].start_s, changes[i].offset_s);
    }
}

enum error_code
time_zone_parse(struct time_zone *zone, const char *name, const unsigned char *bytes, size_t size, struct error *error)
{
    struct reader reader = {.name = name, .bytes = bytes, .size = size, .last_change_s = INT64_MIN, .error = error};
    (void)snprintf(zone->name, sizeof(zone->name), "%s", name);
    enum error_code code = read_header(&reader);
    if (code != ERROR_NONE)
        return code;
    if (block_bytes(&reader, 4) > size - reader.position)
        return cut_off(&reader);
    reader.position += (size_t)block_bytes(&reader, 4);
    code = read_header(&reader);
    if (code != ERROR_NONE)
        return code;
    if (block_bytes(&reader, 8) > size - reader.position)
        return cut_off(&reader);
    code = read_spans(&reader, zone);
    if (code != ERROR_NONE)
        return code;
    reader.position += (size_t)block_bytes(&reader, 8);
    code = read_footer(&reader, zone);
    if (code == ERROR_NONE && zone->rule.has_daylight)
        list_rule_spans(zone, reader.last_change_s);
    return code;
}

/* A relative path of the characters that zone names are made of, without a way out of the directory. */
static bool
is_plausible_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    size_t length = strlen(name);
    return length > 0 && length < TIME_ZONE_NAME_BYTES && strspn(name, allowed) == length && name[0] != '/';
}

enum error_code
time_zone_load(struct time_zone *zone, const char *name, struct error *error)
{
    unsigned char bytes[TIME_ZONE_FILE_MAX_BYTES];
    char path[sizeof(TIME_ZONE_DIRECTORY) + TIME_ZONE_NAME_BYTES + 1];
    size_t size = 0;
    if (is_plausible_name(name)) {
        (void)snprintf(path, sizeof(path), "%s/%s", TIME_ZONE_DIRECTORY, name);
        FILE *file = fopen(path, "rbe");
        if (file) {
            size = fread(bytes, 1, sizeof(bytes), file); /* of a directory nothing */
            (void)fclose(file);
        }
    }
    if (size == 0)
        return error_set(error, ERROR_CONFIG,
                         "there is no time zone \"%.64s\" in %s; write an IANA name in its exact letters, for example "
                         "America/New_York, and check that the tzdata package is installed",
                         name, TIME_ZONE_DIRECTORY);
    return time_zone_parse(zone, name, bytes, size, error);
}

#define YEARS_AROUND 5 /* a change may lie a week outside its year, so that two years on each side are needed */

/* The span after the listed ones, by the rule. */
static void
span_by_rule(const struct time_zone *zone, int64_t unix_s, struct time_zone_span *out)
{
    struct time_zone_change changes[2 * YEARS_AROUND];
    int64_t listed_s = zone->start_s[zone->count - 1];
    int year = year_of(unix_s) - YEARS_AROUND / 2;
    for (size_t i = 0; i < YEARS_AROUND; i++, year++)
        time_zone_rule_year(&zone->rule, year, &changes[2 * i]);
    size_t at = 2 * YEARS_AROUND - 2;
    while (at > 1 && changes[at].start_s > unix_s)
        at--;
    out->start_s = changes[at].start_s > listed_s ? changes[at].start_s : listed_s;
    out->end_s = changes[at + 1].start_s;
    out->offset_s = changes[at].offset_s;
    out->previous_offset_s = changes[at - 1].offset_s;
}

void
time_zone_span_at(const struct time_zone *zone, int64_t unix_s, struct time_zone_span *out)
{
    size_t low = 0, high = zone->count; /* the span is in [low, high) */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->start_s[middle] <= unix_s)
            low = middle;
        else
            high = middle;
    }
    if (low + 1 == zone->count && zone->rule.has_daylight && unix_s < RULE_END_S) {
        span_by_rule(zone, unix_s, out);
        return;
    }
    out->start_s = zone->start_s[low];
    out->end_s = low + 1 < zone->count ? zone->start_s[low + 1] : INT64_MAX;
    out->offset_s = zone->offset_s[low];
    out->previous_offset_s = low > 0 ? zone->offset_s[low - 1] : zone->offset_s[low];
}

int64_t
time_zone_first_instant(const struct time_zone *zone, int64_t local_s)
{
    struct time_zone_span span;
    int64_t from_s = local_s - (int64_t)2 * CALENDAR_DATE_DAY_S; /* no offset reaches this far */
    for (;;) {
        time_zone_span_at(zone, from_s, &span);
        int64_t instant_s = local_s - span.offset_s;
        if (instant_s < span.start_s)
            instant_s = span.start_s;
        if (instant_s < span.end_s)
            return instant_s;
        from_s = span.end_s;
    }
}

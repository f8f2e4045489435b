/* Reading a calendar from a file; jobs/calendar.h has the format. The file is kept as it was read, its separators
 * turned into string ends, and the names point into it. */
#include "jobs/calendar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/utf8.h"

#define FIELDS_MAX 5
#define WEEKDAYS   7

struct parser {
    struct calendar *calendar;
    struct error *error;
    int line;
    const char *fields[FIELDS_MAX]; /* of the line, trimmed; "" where there is none */
};

/* The lines that say something of the whole calendar; the first seven are the weekdays. */
enum header { HEADER_MONDAY, HEADER_VENUE = WEEKDAYS, HEADER_TIMEZONE, HEADER_COVERS, HEADER_EXTENDED, HEADER_COUNT };

static enum error_code parse_weekday(struct parser *parser, int header);
static enum error_code parse_venue(struct parser *parser, int header);
static enum error_code parse_timezone(struct parser *parser, int header);
static enum error_code parse_covers(struct parser *parser, int header);
static enum error_code parse_extended(struct parser *parser, int header);

static const struct {
    const char *keyword;
    const char *example;
    bool required;
    enum error_code (*parse)(struct parser *parser, int header);
} headers[HEADER_COUNT] = {
    {"monday", "monday,open,08:00,16:30", true, parse_weekday},
    {"tuesday", "tuesday,open,08:00,16:30", true, parse_weekday},
    {"wednesday", "wednesday,open,08:00,16:30", true, parse_weekday},
    {"thursday", "thursday,open,08:00,16:30", true, parse_weekday},
    {"friday", "friday,open,08:00,16:30", true, parse_weekday},
    {"saturday", "saturday,closed", true, parse_weekday},
    {"sunday", "sunday,closed", true, parse_weekday},
    {"venue", "venue,XLON", true, parse_venue},
    {"timezone", "timezone,Europe/London", true, parse_timezone},
    {"covers", "covers,2015-01-01,2027-12-31", true, parse_covers},
    {"extended", "extended,07:00,17:15", false, parse_extended},
};

#define FAIL(parser, ...) error_set((parser)->error, ERROR_CONFIG, __VA_ARGS__)

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum error_code
parse_time(struct parser *parser, const char *text, int *seconds)
{
    bool shaped = strlen(text) == 5 && is_digit(text[0]) && is_digit(text[1]) && text[2] == ':' && is_digit(text[3]) &&
                  is_digit(text[4]);
    int hour = shaped ? (text[0] - '0') * 10 + text[1] - '0' : 0;
    int minute = shaped ? (text[3] - '0') * 10 + text[4] - '0' : 0;
    if (!shaped || minute > 59 || hour * 60 + minute > 24 * 60)
        return FAIL(parser, "\"%.20s\" is not a time of day; write HH:MM, from 00:00 to 24:00", text);
    *seconds = hour * 3600 + minute * 60;
    return ERROR_NONE;
}

static enum error_code
parse_span(struct parser *parser, const char *open, const char *close, struct calendar_hours *hours)
{
    enum error_code code = parse_time(parser, open, &hours->open_s);
    if (code == ERROR_NONE)
        code = parse_time(parser, close, &hours->close_s);
    if (code == ERROR_NONE && hours->open_s >= hours->close_s)
        code = FAIL(parser,
                    "the hours from %s to %s are empty; write the earlier time first, and a session past midnight on "
                    "both days, to 24:00 and from 00:00",
                    open, close);
    return code;
}

/* "open,HH:MM,HH:MM" or "closed", in the fields after the first. */
static enum error_code
parse_hours(struct parser *parser, struct calendar_hours *hours)
{
    const char *const *fields = parser->fields;
    if (strcmp(fields[1], "open") == 0)
        return parse_span(parser, fields[2], fields[3], hours);
    if (strcmp(fields[1], "closed") != 0)
        return FAIL(parser, "\"%.20s\" stands where \"open\" or \"closed\" must", fields[1]);
    if (fields[2][0] || fields[3][0])
        return FAIL(parser, "a closed day has no hours; remove \"%.20s,%.20s\" or write \"open\"", fields[2],
                    fields[3]);
    hours->open_s = hours->close_s = CALENDAR_CLOSED;
    return ERROR_NONE;
}

static enum error_code
parse_weekday(struct parser *parser, int header)
{
    return parse_hours(parser, &parser->calendar->weekly[header - HEADER_MONDAY]);
}

static enum error_code
check_name(struct parser *parser, const char *name)
{
    if (strlen(name) > CALENDAR_NAME_MAX_BYTES)
        return FAIL(parser, "the name \"%.20s...\" is longer than %d bytes; shorten it", name, CALENDAR_NAME_MAX_BYTES);
    for (const unsigned char *c = (const unsigned char *)name; *c;) {
        int length = *c < 0x20 || *c == 0x7F ? 0 : utf8_length(c); /* control characters are refused too */
        if (length == 0)
            return FAIL(parser, "the name has a byte 0x%02X that is not UTF-8 text; save the file as UTF-8",
                        (unsigned)*c);
        c += length;
    }
    return ERROR_NONE;
}

static enum error_code
parse_venue(struct parser *parser, int header)
{
    parser->calendar->venue = parser->fields[1];
    if (!parser->fields[1][0])
        return FAIL(parser, "the venue has no name; write one, for example \"%s\"", headers[header].example);
    return check_name(parser, parser->fields[1]);
}

static enum error_code
parse_timezone(struct parser *parser, int header)
{
    parser->calendar->timezone = parser->fields[1];
    if (!parser->fields[1][0])
        return FAIL(parser, "the time zone has no name; write one, for example \"%s\"", headers[header].example);
    return check_name(parser, parser->fields[1]);
}

/* Dates are format errors in themselves; in this file they are configuration. */
static enum error_code
parse_date(struct parser *parser, const char *text, int32_t *days)
{
    if (calendar_date_parse(text, days, parser->error) == ERROR_NONE)
        return ERROR_NONE;
    parser->error->code = ERROR_CONFIG;
    return ERROR_CONFIG;
}

static enum error_code
parse_covers(struct parser *parser, int header)
{
    struct calendar *calendar = parser->calendar;
    enum error_code code = parse_date(parser, parser->fields[1], &calendar->first_days);
    if (code == ERROR_NONE)
        code = parse_date(parser, parser->fields[2], &calendar->last_days);
    if (code == ERROR_NONE && calendar->first_days > calendar->last_days)
        code = FAIL(parser, "the last date lies before the first; write the first date first, for example \"%s\"",
                    headers[header].example);
    return code;
}

static enum error_code
parse_extended(struct parser *parser, int header)
{
    (void)header;
    return parse_span(parser, parser->fields[1], parser->fields[2], &parser->calendar->extended);
}

static enum error_code
parse_exception(struct parser *parser)
{
    struct calendar *calendar = parser->calendar;
    struct calendar_exception *exception = &calendar->exceptions[calendar->exception_count];
    const char *name = parser->fields[4];
    enum error_code code = parse_date(parser, parser->fields[0], &exception->days);
    if (code == ERROR_NONE)
        code = parse_hours(parser, &exception->hours);
    if (code == ERROR_NONE && exception->hours.open_s == CALENDAR_CLOSED && !name[0])
        code = FAIL(parser, "the holiday %s has no name; write it, for example \"%s,closed,,,Christmas Day\"",
                    parser->fields[0], parser->fields[0]);
    if (code == ERROR_NONE)
        code = check_name(parser, name);
    exception->name = name[0] ? name : NULL;
    exception->line = parser->line;
    calendar->exception_count++;
    return code;
}

static char *
trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
        text[--length] = 0;
    return text;
}

/* Cuts the line at its commas; the last field keeps its own, as names may have some. */
static void
split_fields(struct parser *parser, char *line)
{
    for (int i = 0; i < FIELDS_MAX; i++) {
        char *comma = line && i < FIELDS_MAX - 1 ? strchr(line, ',') : NULL;
        if (comma)
            *comma = 0;
        parser->fields[i] = line ? trim(line) : "";
        line = comma ? comma + 1 : NULL;
    }
}

static enum error_code
parse_line(struct parser *parser, char *line, int header_lines[HEADER_COUNT])
{
    int header = 0;
    split_fields(parser, line);
    const char *keyword = parser->fields[0];
    while (header < HEADER_COUNT && strcmp(keyword, headers[header].keyword) != 0)
        header++;
    if (header < HEADER_COUNT) {
        if (header_lines[header] > 0)
            return FAIL(parser, "\"%s\" stands already on line %d; remove one of the two", keyword,
                        header_lines[header]);
        header_lines[header] = parser->line;
        return headers[header].parse(parser, header);
    }
    if (!is_digit(keyword[0]))
        return FAIL(parser,
                    "a line cannot begin with \"%.40s\"; begin it with a date, a weekday in small letters, venue, "
                    "timezone, covers, extended, or '#' for a comment",
                    keyword);
    return parse_exception(parser);
}

static int
compare_exceptions(const void *left, const void *right)
{
    const struct calendar_exception *a = left, *b = right;
    int by_date = (a->days > b->days) - (a->days < b->days);
    return by_date ? by_date : a->line - b->line;
}

/* What only the whole file can show: a header missing, a date twice, a date outside what the file covers. */
static enum error_code
check_whole(struct parser *parser, const int header_lines[HEADER_COUNT])
{
    struct calendar *calendar = parser->calendar;
    char text[CALENDAR_DATE_BYTES];
    for (int i = 0; i < HEADER_COUNT; i++)
        if (headers[i].required && header_lines[i] == 0)
            return FAIL(parser, "no line begins with \"%s\"; add one, for example \"%s\"", headers[i].keyword,
                        headers[i].example);
    for (size_t i = 0; i < calendar->exception_count; i++) {
        const struct calendar_exception *exception = &calendar->exceptions[i];
        (void)calendar_date_format(exception->days, text);
        if (!calendar_covers(calendar, exception->days))
            return FAIL(parser, "%s on line %d lies outside what line %d says the file covers; widen it", text,
                        exception->line, header_lines[HEADER_COVERS]);
        if (i > 0 && exception[-1].days == exception->days)
            return FAIL(parser, "%s stands on lines %d and %d; remove one of the two", text, exception[-1].line,
                        exception->line);
    }
    return ERROR_NONE;
}

static enum error_code
parse_lines(struct parser *parser)
{
    int header_lines[HEADER_COUNT] = {0};
    char *next = parser->calendar->text;
    if (strncmp(next, "\xEF\xBB\xBF", 3) == 0) /* the mark some editors put before UTF-8 */
        next += 3;
    while (next) {
        char *line = next;
        char *end = strchr(line, '\n');
        next = end ? end + 1 : NULL;
        if (end)
            *end = 0;
        parser->line++;
        line = trim(line);
        if (line[0] == 0 || line[0] == '#')
            continue;
        enum error_code code = parse_line(parser, line, header_lines);
        if (code != ERROR_NONE)
            return error_context(parser->error, "line %d", parser->line);
    }
    if (parser->calendar->exception_count > 0)
        qsort(parser->calendar->exceptions, parser->calendar->exception_count, sizeof(struct calendar_exception),
              compare_exceptions);
    return check_whole(parser, header_lines);
}

static size_t
count_lines(const char *text, size_t bytes)
{
    size_t lines = 1;
    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    return lines;
}

/* A calendar that holds the text and has room for what it may say, or NULL. */
static struct calendar *
create(const char *text, size_t bytes)
{
    struct calendar *calendar = calloc(1, sizeof(*calendar));
    if (!calendar)
        return NULL;
    calendar->extended.open_s = calendar->extended.close_s = CALENDAR_CLOSED;
    calendar->text = calloc(bytes + 1, 1);
    calendar->exceptions = calloc(count_lines(text, bytes), sizeof(*calendar->exceptions));
    if (!calendar->text || !calendar->exceptions) {
        calendar_destroy(calendar);
        return NULL;
    }
    memcpy(calendar->text, text, bytes);
    return calendar;
}

enum error_code
calendar_parse(const char *name, const char *text, size_t bytes, struct calendar **out, struct error *error)
{
    if (bytes > CALENDAR_FILE_MAX_BYTES)
        return error_set(error, ERROR_CONFIG,
                         "calendar %s: larger than %d bytes; name the file that holds the calendar", name,
                         CALENDAR_FILE_MAX_BYTES);
    if (memchr(text, 0, bytes))
        return error_set(error, ERROR_CONFIG, "calendar %s: not a text file, it has a zero byte; save it as UTF-8",
                         name);
    struct calendar *calendar = create(text, bytes);
    if (!calendar)
        return error_set(error, ERROR_MEMORY, "no memory for the calendar %s", name);
    struct parser parser = {.calendar = calendar, .error = error};
    if (parse_lines(&parser) != ERROR_NONE) {
        calendar_destroy(calendar);
        return error_context(error, "calendar %s", name);
    }
    *out = calendar;
    return ERROR_NONE;
}

/* Reads at most bytes_max bytes; a negative result is an errno. */
static ssize_t
read_file(const char *path, char *buffer, size_t bytes_max)
{
    size_t bytes = 0;
    ssize_t got = 1;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    while (got != 0 && bytes < bytes_max) {
        got = read(descriptor, buffer + bytes, bytes_max - bytes);
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            bytes += (size_t)got;
    }
    ssize_t result = got < 0 ? -errno : (ssize_t)bytes;
    (void)close(descriptor);
    return result;
}

enum error_code
calendar_load(const char *path, struct calendar **out, struct error *error)
{
    size_t bytes_max = CALENDAR_FILE_MAX_BYTES + 1; /* one more shows that a file is too large */
    char *buffer = malloc(bytes_max);
    if (!buffer)
        return error_set(error, ERROR_MEMORY, "no memory for the calendar %s", path);
    ssize_t bytes = read_file(path, buffer, bytes_max);
    enum error_code code = ERROR_NONE;
    if (bytes < 0)
        code = error_set(error, ERROR_CONFIG, "cannot read the calendar file %s: %s; correct its path or its rights",
                         path, strerror((int)-bytes));
    else
        code = calendar_parse(path, buffer, (size_t)bytes, out, error);
    free(buffer);
    return code;
}

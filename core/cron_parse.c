#include "core/cron.h"

#include "core/calendar_date.h"

#include <string.h>
#include <strings.h>

#define FIELDS        6
#define FIRST_OF_FIVE 1 /* five fields lack the seconds */
#define ALL_HOURS     ((UINT32_C(1) << 24) - 1)
#define NAME_LETTERS  3
#define NUMBER_DIGITS 4 /* more than any value has, so that a number out of range is told as it was written */
#define BLANKS        " \t"

enum field_name { FIELD_SECOND, FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY };

/* What a field may hold. */
struct field {
    const char *name;
    const char *(*value_name)(int value); /* NULL: its values have no names */
    int first, last;
    int sunday;          /* the other number of value 0 at the end of a range; 0 if there is none */
    bool may_be_ignored; /* by ? */
};

static const char *
weekday_name(int value)
{
    return calendar_date_weekday_name(value == 0 ? CALENDAR_SUNDAY : value);
}

static const struct field fields[FIELDS] = {
    [FIELD_SECOND] = {.name = "second", .first = 0, .last = 59},
    [FIELD_MINUTE] = {.name = "minute", .first = 0, .last = 59},
    [FIELD_HOUR] = {.name = "hour", .first = 0, .last = 23},
    [FIELD_DAY] = {.name = "day-of-month", .first = 1, .last = 31, .may_be_ignored = true},
    [FIELD_MONTH] = {.name = "month", .value_name = calendar_date_month_name, .first = 1, .last = 12},
    [FIELD_WEEKDAY] =
        {.name = "day-of-week", .value_name = weekday_name, .last = 6, .sunday = 7, .may_be_ignored = true},
};

static const struct {
    const char *name;
    const char *expression;
} nicknames[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

/* A stretch of the expression's text. */
struct piece {
    const char *text;
    int length;
};

struct parser {
    const char *whole;
    const struct field *field;
    struct piece element; /* of the field's list */
    struct error *error;
};

/* One element of a list, read. */
struct range {
    int first, last, step;
    bool any; /* every value of the field */
};

static enum error_code
refuse(const struct parser *parser, const char *what, const char *remedy)
{
    return error_set(parser->error, ERROR_ARGUMENT, "cron expression \"%.100s\": \"%.*s\" in the %s field %s; %s",
                     parser->whole, parser->element.length < 40 ? parser->element.length : 40, parser->element.text,
                     parser->field->name, what, remedy);
}

static enum error_code
refuse_value(const struct parser *parser)
{
    const struct field *field = parser->field;
    return error_set(parser->error, ERROR_ARGUMENT,
                     "cron expression \"%.100s\": \"%.*s\" in the %s field is out of range; write values from %d to %d",
                     parser->whole, parser->element.length < 40 ? parser->element.length : 40, parser->element.text,
                     field->name, field->first, field->sunday ? field->sunday : field->last);
}

static bool
is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

/* What is neither a number nor a name of the field. */
static enum error_code
refuse_word(const struct parser *parser, const char *word)
{
    static const char not_numbers[] = "is neither a number nor a name";
    if (*word == '?')
        return refuse(parser, "has a ?, which stands alone, in a field of days", "write * for every value");
    size_t letters = strspn(word, "LlWw#");
    if (parser->field->may_be_ignored && letters > 0 && !is_letter(word[letters]))
        return refuse(parser, "counts days by L, W or #, which is not supported",
                      "list the numbers of the days that may be meant, such as 28-31");
    if (parser->field == &fields[FIELD_MONTH])
        return refuse(parser, not_numbers, "write 1 to 12, or JAN to DEC");
    if (parser->field == &fields[FIELD_WEEKDAY])
        return refuse(parser, not_numbers, "write 0 to 7 (0 and 7 are Sunday), or SUN to SAT");
    return refuse(parser, "is not a number",
                  "write numbers, ranges such as 1-5, steps such as */15, lists such as 1,3");
}

static bool
is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* The digits at *at; false if there are none, or too many. */
static bool
read_number(const char **at, const char *end, int *number)
{
    const char *start = *at;
    *number = 0;
    for (; *at < end && is_digit(**at) && *at - start < NUMBER_DIGITS; (*at)++)
        *number = 10 * *number + (**at - '0');
    return *at > start && (*at == end || !is_digit(**at));
}

/* One value, as a number or by name; 7 stays 7. */
static enum error_code
read_value(const struct parser *parser, const char **at, const char *end, int *value, bool *named)
{
    const struct field *field = parser->field;
    const char *start = *at;
    *named = false;
    if (start == end)
        return refuse(parser, "ends where a value should be", "write a number, or a range such as 1-5");
    if (is_digit(*start)) {
        if (!read_number(at, end, value) || *value < field->first ||
            *value > (field->sunday ? field->sunday : field->last))
            return refuse_value(parser);
        return ERROR_NONE;
    }
    while (*at < end && is_letter(**at))
        (*at)++;
    *named = true;
    for (*value = field->first; field->value_name && *at - start == NAME_LETTERS && *value <= field->last; (*value)++)
        if (strncasecmp(start, field->value_name(*value), NAME_LETTERS) == 0)
            return ERROR_NONE;
    return refuse_word(parser, start);
}

/* The end of a range: Sunday by name is 7 there, unless the range begins with it. */
static enum error_code
read_range_end(const struct parser *parser, const char **at, const char *end, struct range *range)
{
    bool named;
    enum error_code code = read_value(parser, at, end, &range->last, &named);
    if (code != ERROR_NONE)
        return code;
    if (named && range->last == 0 && range->first > 0)
        range->last = parser->field->sunday;
    if (range->last < range->first)
        return refuse(parser, "ends before it begins",
                      "write two ranges, one to the end of the field and one from its beginning");
    return ERROR_NONE;
}

static enum error_code
read_step(const struct parser *parser, const char **at, const char *end, int *step)
{
    if (!read_number(at, end, step) || *step > parser->field->last)
        return refuse(parser, "has no step that fits the field after the /", "write a number below the field's end");
    if (*step == 0)
        return refuse(parser, "has a step of 0, which leads nowhere", "write a step of 1 or more");
    return ERROR_NONE;
}

/* "*", "?", N, N-M, each but ? with "/step" if wanted. */
static enum error_code
read_range(const struct parser *parser, struct range *range)
{
    const struct field *field = parser->field;
    const char *at = parser->element.text;
    const char *end = at + parser->element.length;
    enum error_code code = ERROR_NONE;
    bool named;
    *range = (struct range){.first = field->first, .last = field->last, .step = 1};
    if (parser->element.length == 1 && *at == '?' && field->may_be_ignored) {
        range->any = true;
        return ERROR_NONE;
    }
    bool star = at < end && *at == '*';
    bool has_end = star;
    if (star)
        at++;
    else
        code = read_value(parser, &at, end, &range->first, &named);
    if (code == ERROR_NONE && !star && at < end && *at == '-') {
        has_end = true;
        at++;
        code = read_range_end(parser, &at, end, range);
    }
    if (code != ERROR_NONE)
        return code;
    if (at < end && *at == '/') {
        at++;
        code = read_step(parser, &at, end, &range->step);
        if (code == ERROR_NONE && !has_end && range->first > field->last)
            range->first = 0; /* from Sunday on */
    } else if (!has_end) {
        range->last = range->first;
    }
    range->any = star && range->step == 1;
    if (code == ERROR_NONE && at < end)
        return refuse_word(parser, at);
    return code;
}

static enum error_code
read_field(struct parser *parser, struct piece text, uint64_t *set, bool *any)
{
    const char *end = text.text + text.length;
    *set = 0;
    *any = false;
    for (const char *at = text.text; at <= end;) {
        struct range range;
        const char *comma = memchr(at, ',', (size_t)(end - at));
        parser->element = (struct piece){at, (int)((comma ? comma : end) - at)};
        enum error_code code = read_range(parser, &range);
        if (code != ERROR_NONE)
            return code;
        for (int value = range.first; value <= range.last; value += range.step)
            *set |= UINT64_C(1) << (parser->field->sunday && value == parser->field->sunday ? 0 : value);
        *any = *any || range.any;
        at += parser->element.length + 1;
    }
    return ERROR_NONE;
}

/* The expression that a nickname stands for; text itself if it is none, NULL if there is no such nickname. */
static const char *
without_nickname(const char *text)
{
    text += strspn(text, BLANKS);
    if (*text != '@')
        return text;
    size_t length = strcspn(text, BLANKS);
    if (text[length + strspn(text + length, BLANKS)])
        return NULL;
    for (size_t i = 0; i < sizeof(nicknames) / sizeof(nicknames[0]); i++)
        if (strlen(nicknames[i].name) == length && strncasecmp(text, nicknames[i].name, length) == 0)
            return nicknames[i].expression;
    return NULL;
}

/* How many fields there are; the first FIELDS of them into pieces. */
static int
split(const char *text, struct piece pieces[FIELDS])
{
    int count = 0;
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        int length = (int)strcspn(text, BLANKS);
        if (count < FIELDS)
            pieces[count] = (struct piece){text, length};
        count++;
        text += length;
    }
    return count;
}

enum error_code
cron_parse(const char *text, struct cron *cron, struct error *error)
{
    struct piece pieces[FIELDS];
    struct parser parser = {.whole = text, .error = error};
    uint64_t sets[FIELDS] = {[FIELD_SECOND] = 1};
    bool any[FIELDS] = {false};
    const char *expression = without_nickname(text);
    if (!expression)
        return error_set(error, ERROR_ARGUMENT,
                         "cron expression \"%.100s\" is no nickname that is known; write @yearly, @annually, @monthly, "
                         "@weekly, @daily, @midnight or @hourly, or the fields themselves",
                         text);
    int count = split(expression, pieces);
    if (count != FIELDS && count != FIELDS - FIRST_OF_FIVE)
        return error_set(error, ERROR_ARGUMENT,
                         "cron expression \"%.100s\" has %d field%s; write five (minute hour day-of-month month "
                         "day-of-week) or six (second first)",
                         text, count, count == 1 ? "" : "s");
    int offset = FIELDS - count;
    for (int i = 0; i < count; i++) {
        parser.field = &fields[i + offset];
        enum error_code code = read_field(&parser, pieces[i], &sets[i + offset], &any[i + offset]);
        if (code != ERROR_NONE)
            return code;
    }
    *cron = (struct cron){.seconds = sets[FIELD_SECOND],
                          .minutes = sets[FIELD_MINUTE],
                          .hours = (uint32_t)sets[FIELD_HOUR],
                          .days = (uint32_t)sets[FIELD_DAY],
                          .months = (uint32_t)sets[FIELD_MONTH],
                          .weekdays = (uint32_t)sets[FIELD_WEEKDAY],
                          .any_day = any[FIELD_DAY],
                          .any_weekday = any[FIELD_WEEKDAY],
                          .every_hour = sets[FIELD_HOUR] == ALL_HOURS};
    return ERROR_NONE;
}

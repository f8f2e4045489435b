/* Time zones: TZif files made here, whole, odd and damaged, and the rules in their footers. That the zones of the
 * database agree with the C library is in test_business_clock.c. */
#include "core/calendar_date.h"
#include "core/time_zone.h"

#include "tests/support/random_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define HEADER_BYTES  44

static struct time_zone zone; /* large, so not on the stack */

/* A TZif file as it grows. */
struct file {
    unsigned char bytes[TIME_ZONE_FILE_MAX_BYTES];
    size_t size;
};

static struct file made;

struct transition {
    int64_t start_s;
    unsigned char type;
};

/* What goes into a made file. */
struct contents {
    const struct transition *transitions;
    uint32_t transition_count;
    const int32_t *offsets;
    uint32_t offset_count;
    uint32_t leap_seconds;
    const char *footer;
};

static void
put_number(uint64_t value, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        made.bytes[made.size++] = (unsigned char)(value >> shift);
}

static void
put_header(char version, uint32_t leap_seconds, uint32_t transitions, uint32_t types)
{
    memcpy(made.bytes + made.size, "TZif", 4);
    made.bytes[made.size + 4] = (unsigned char)version;
    memset(made.bytes + made.size + 5, 0, 15);
    made.size += 20;
    const uint32_t counts[] = {0, 0, leap_seconds, transitions, types, 4};
    for (size_t i = 0; i < LENGTH(counts); i++)
        put_number(counts[i], 4);
}

static void
make_file(const struct contents *contents)
{
    made.size = 0;
    put_header('2', 0, 0, 1); /* the first block is for readers of 32-bit times; here it says nothing */
    memset(made.bytes + made.size, 0, 6 + 4);
    made.size += 6 + 4;
    put_header('2', contents->leap_seconds, contents->transition_count, contents->offset_count);
    for (uint32_t i = 0; i < contents->transition_count; i++)
        put_number((uint64_t)contents->transitions[i].start_s, 8);
    for (uint32_t i = 0; i < contents->transition_count; i++)
        put_number(contents->transitions[i].type, 1);
    for (uint32_t i = 0; i < contents->offset_count; i++) {
        put_number((uint32_t)contents->offsets[i], 4);
        put_number(0, 2);
    }
    put_number(0x41424300, 4);
    memset(made.bytes + made.size, 0, (size_t)12 * contents->leap_seconds);
    made.size += (size_t)12 * contents->leap_seconds;
    size_t length = strlen(contents->footer);
    memcpy(made.bytes + made.size, contents->footer, length);
    made.size += length;
}

static enum error_code
parse_made(struct error *error)
{
    return time_zone_parse(&zone, "Made/Here", made.bytes, made.size, error);
}

static int32_t
offset_at(int64_t unix_s)
{
    struct time_zone_span span;
    time_zone_span_at(&zone, unix_s, &span);
    assert_true(span.start_s <= unix_s && unix_s < span.end_s);
    return span.offset_s;
}

static int64_t
utc(int year, int month, int day, int hour)
{
    return (int64_t)calendar_date_days(year, month, day) * CALENDAR_DATE_DAY_S + hour * 3600;
}

static const int32_t one_offset[] = {3600};

static void
reads_spans(void **state)
{
    (void)state;
    static const int32_t offsets[] = {-100, 3600, 7200, 3600};
    const struct transition transitions[] = {{-1000, 1}, {0, 3}, {1000, 2}, {2000, 1}};
    struct contents contents = {transitions, LENGTH(transitions), offsets, LENGTH(offsets), 0, "\n<+01>-1\n"};
    struct time_zone_span span;
    struct error error;
    make_file(&contents);
    assert_int_equal(parse_made(&error), ERROR_NONE);
    time_zone_span_at(&zone, -1001, &span);
    assert_true(span.start_s == INT64_MIN && span.end_s == -1000);
    assert_true(span.offset_s == -100 && span.previous_offset_s == -100);
    time_zone_span_at(&zone, -1000, &span); /* the change at 0 was one of name only */
    assert_true(span.start_s == -1000 && span.end_s == 1000);
    assert_true(span.offset_s == 3600 && span.previous_offset_s == -100);
    time_zone_span_at(&zone, 2000, &span);
    assert_true(span.start_s == 2000 && span.end_s == INT64_MAX);
    assert_true(span.offset_s == 3600 && span.previous_offset_s == 7200);
}

static void
finds_first_instants(void **state)
{
    (void)state;
    static const int32_t offsets[] = {0, 3600};
    const struct transition transitions[] = {{100000, 1}, {200000, 0}};
    struct contents contents = {transitions, LENGTH(transitions), offsets, LENGTH(offsets), 0, "\nABC0\n"};
    struct error error;
    make_file(&contents);
    assert_int_equal(parse_made(&error), ERROR_NONE);
    assert_int_equal(time_zone_first_instant(&zone, 99999), 99999);
    assert_int_equal(time_zone_first_instant(&zone, 100000), 100000); /* skipped: the end of the gap */
    assert_int_equal(time_zone_first_instant(&zone, 103599), 100000);
    assert_int_equal(time_zone_first_instant(&zone, 103601), 100001);
    assert_int_equal(time_zone_first_instant(&zone, 200000), 196400); /* shown twice: the earlier */
    assert_int_equal(time_zone_first_instant(&zone, 203599), 199999);
    assert_int_equal(time_zone_first_instant(&zone, 203600), 203600);
    assert_int_equal(time_zone_first_instant(&zone, -5000000), -5000000);
}

static void
follows_rules(void **state)
{
    (void)state;
    static const struct {
        const char *footer;
        int year, month, day, hour; /* UTC */
        int32_t offset_s;
    } cases[] = {
        /* second Sunday of March and first of November, at the default hour of two */
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2150, 3, 8, 6, -5 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2150, 3, 8, 7, -4 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2150, 11, 1, 5, -4 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2150, 11, 1, 6, -5 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 1950, 7, 1, 0, -4 * 3600}, /* no history: the rule holds since 1900 */
        /* the last Sunday, an offset of daylight time that is given, quoted names, minutes and seconds */
        {"\n<+0530>-5:30<+07>-7:00:30,M3.5.0/1:30,M10.5.0/3\n", 2150, 7, 1, 0, 7 * 3600 + 30},
        {"\n<+0530>-5:30<+07>-7:00:30,M3.5.0/1:30,M10.5.0/3\n", 2150, 12, 1, 0, 5 * 3600 + 1800},
        /* hours below zero and beyond a day: Saturday 22:00, Friday 02:00 */
        {"\n<-02>2<-01>,M3.5.0/-2,M10.5.4/26\n", 2151, 3, 27, 23, -2 * 3600},
        {"\n<-02>2<-01>,M3.5.0/-2,M10.5.4/26\n", 2151, 3, 28, 0, -3600},
        {"\n<-02>2<-01>,M3.5.0/-2,M10.5.4/26\n", 2151, 10, 29, 2, -3600},
        {"\n<-02>2<-01>,M3.5.0/-2,M10.5.4/26\n", 2151, 10, 29, 3, -2 * 3600},
        /* winter time that is the daylight time, across New Year */
        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", 2151, 1, 1, 0, 0},
        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", 2151, 7, 1, 0, 3600},
        /* J60 is 1 March, 59 the 60th day, leap year or not */
        {"\nABC0DEF,J60/0,J300\n", 2152, 2, 29, 23, 0},
        {"\nABC0DEF,J60/0,J300\n", 2152, 3, 1, 0, 3600},
        {"\nABC0DEF,J59/0,J300\n", 2152, 2, 28, 0, 3600},
        {"\nABC0DEF,59/0,J300\n", 2152, 2, 29, 0, 3600},
        {"\nABC0DEF,59/0,J300\n", 2151, 2, 28, 23, 0},
        {"\nABC0DEF,59/0,J300\n", 2151, 3, 1, 0, 3600},
        /* daylight time all year */
        {"\nEST5EDT,0/0,J365/25\n", 2050, 1, 1, 4, -4 * 3600},
        {"\nEST5EDT,0/0,J365/25\n", 2050, 1, 1, 5, -4 * 3600},
        {"\nEST5EDT,0/0,J365/25\n", 2050, 7, 1, 0, -4 * 3600},
        {"\nEST5EDT,0/0,J365/25\n", 2150, 1, 1, 5, -4 * 3600},
        {"\nEST5EDT,0/0,J365/25\n", 2150, 12, 31, 23, -4 * 3600},
        /* no daylight time, no rule */
        {"\nEST5\n", 2150, 7, 1, 0, -5 * 3600},
        {"\n\n", 2150, 7, 1, 0, 3600},
    };
    struct error error;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct contents contents = {NULL, 0, one_offset, 1, 0, cases[i].footer};
        make_file(&contents);
        if (parse_made(&error) != ERROR_NONE)
            fail_msg("%s: %s", cases[i].footer, error.message);
        int32_t offset_s = offset_at(utc(cases[i].year, cases[i].month, cases[i].day, cases[i].hour));
        if (offset_s != cases[i].offset_s)
            fail_msg("case %zu, %s: offset %d", i, cases[i].footer, offset_s);
    }
}

/* The last change a file lists may be one of name only (Portugal, March 1996: from Central European time to Western
 * summer time). The rule holds from that change on, not from the one before it. */
static void
follows_the_rule_only_after_the_last_change(void **state)
{
    (void)state;
    static const int32_t offsets[] = {3600, 7200, 3600};
    const struct transition transitions[] = {{796179600, 1}, {811904400, 0}, {828234000, 2}};
    struct contents contents = {transitions, 3, offsets, 3, 0, "\nWET0WEST,M3.5.0/1,M10.5.0\n"};
    struct error error;
    make_file(&contents);
    assert_int_equal(parse_made(&error), ERROR_NONE);
    assert_int_equal(offset_at(utc(1995, 7, 1, 0)), 7200);
    assert_int_equal(offset_at(utc(1995, 12, 1, 0)), 3600);
    assert_int_equal(offset_at(utc(1996, 7, 1, 0)), 3600);
    assert_int_equal(offset_at(utc(1996, 12, 1, 0)), 0);
    assert_int_equal(offset_at(utc(1997, 7, 1, 0)), 3600);
}

/* Listed spans and computed ones must join without a seam, and the far end must end. */
static void
goes_on_to_the_last_year(void **state)
{
    (void)state;
    struct contents contents = {NULL, 0, one_offset, 1, 0, "\nEST5EDT,M3.2.0,M11.1.0\n"};
    struct time_zone_span span, next;
    struct error error;
    int spans = 0;
    make_file(&contents);
    assert_int_equal(parse_made(&error), ERROR_NONE);
    time_zone_span_at(&zone, utc(2090, 1, 1, 0), &span);
    while (span.end_s < utc(2500, 1, 1, 0)) {
        time_zone_span_at(&zone, span.end_s, &next);
        assert_true(next.start_s == span.end_s);
        assert_true(next.previous_offset_s == span.offset_s && next.offset_s != span.offset_s);
        span = next;
        spans++;
    }
    assert_int_equal(spans, 2 * (2500 - 2090));
    time_zone_span_at(&zone, INT64_MAX - 1, &span);
    assert_true(span.end_s == INT64_MAX && span.offset_s == -5 * 3600);
    assert_true(time_zone_first_instant(&zone, utc(60000, 1, 1, 0)) == utc(60000, 1, 1, 5));
}

static void
assert_refused(const char *what, const char *expected)
{
    struct error error = {0};
    if (parse_made(&error) != ERROR_CONFIG)
        fail_msg("%s was accepted", what);
    if (!strstr(error.message, expected) || !strstr(error.message, "\"Made/Here\""))
        fail_msg("%s: %s", what, error.message);
}

static void
refuses_bad_rules(void **state)
{
    (void)state;
    static const char *const footers[] = {
        "\n5\n",
        "\nES5\n",
        "\nEST\n",
        "\nEST25\n",
        "\nEST5:60\n",
        "\nEST5:00:60\n",
        "\n<EST5\n",
        "\nEST5EDT\n",
        "\nEST5EDT4\n",
        "\nEST5ED,M3.2.0,M11.1.0\n",
        "\nEST5EDT,M3.2.0\n",
        "\nEST5EDT,M0.2.0,M11.1.0\n",
        "\nEST5EDT,M3.6.0,M11.1.0\n",
        "\nEST5EDT,M3.2.7,M11.1.0\n",
        "\nEST5EDT,M3.2.0/168,M11.1.0\n",
        "\nEST5EDT,M3.2.0,M11.1.0x\n",
        "\nEST5EDT,J0,J365\n",
        "\nEST5EDT,J1,J366\n",
        "\nEST5EDT,366,1\n",
        "\nEST5EDT,M3-2.0,M11.1.0\n",
        "\nEST5EDT25,M3.2.0,M11.1.0\n",
        "\nEST0005\n",
    };
    for (size_t i = 0; i < LENGTH(footers); i++) {
        struct contents contents = {NULL, 0, one_offset, 1, 0, footers[i]};
        make_file(&contents);
        assert_refused(footers[i], "not a rule of POSIX TZ");
    }
}

static void
refuses_bad_footers(void **state)
{
    (void)state;
    static const char long_footer[] = "\n<AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA>5\n";
    static const struct {
        const char *footer;
        const char *expected;
    } cases[] = {
        {"", "ends too early"},
        {"\n", "ends too early"},
        {"\nEST5", "ends too early"},
        {"EST5\n", "a line of its own"},
        {long_footer, "longer than any rule"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct contents contents = {NULL, 0, one_offset, 1, 0, cases[i].footer};
        make_file(&contents);
        assert_refused(cases[i].footer, cases[i].expected);
    }
}

static void
refuses_bad_blocks(void **state)
{
    (void)state;
    static struct transition many[TIME_ZONE_SPANS];
    static const int32_t far_offset[] = {26 * 3600 + 1};
    const struct transition unordered[] = {{5, 0}, {5, 0}};
    const struct transition untyped[] = {{5, 1}};
    const struct {
        struct contents contents;
        const char *expected;
    } cases[] = {
        {{unordered, 2, one_offset, 1, 0, "\n\n"}, "not in order"},
        {{untyped, 1, one_offset, 1, 0, "\n\n"}, "an offset that is not there"},
        {{NULL, 0, one_offset, 0, 0, "\n\n"}, "no offsets"},
        {{NULL, 0, far_offset, 1, 0, "\n\n"}, "more than 26 hours"},
        {{many, TIME_ZONE_SPANS, one_offset, 1, 0, "\n\n"}, "more changes of the clock"},
        {{NULL, 0, one_offset, 1, 3, "\n\n"}, "counts leap seconds"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        make_file(&cases[i].contents);
        assert_refused(cases[i].expected, cases[i].expected);
    }
}

static void
refuses_bad_headers(void **state)
{
    (void)state;
    struct contents contents = {NULL, 0, one_offset, 1, 0, "\n\n"};
    make_file(&contents);
    made.bytes[0] = 'X';
    assert_refused("another format", "not in the TZif format");
    make_file(&contents);
    made.bytes[4] = 0;
    assert_refused("version 1", "first version");
    make_file(&contents);
    made.bytes[HEADER_BYTES + 10] = 'X';
    assert_refused("a bad second header", "not in the TZif format");
    make_file(&contents);
    memset(made.bytes + 20, 0xFF, 24); /* counts of four thousand million each */
    assert_refused("vast counts", "ends too early");
}

static size_t
read_database(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", TIME_ZONE_DIRECTORY, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    made.size = fread(made.bytes, 1, sizeof(made.bytes), file);
    (void)fclose(file);
    return made.size;
}

static void
refuses_every_truncation(void **state)
{
    (void)state;
    struct error error;
    size_t whole = read_database("America/New_York");
    assert_int_equal(parse_made(&error), ERROR_NONE);
    for (made.size = 0; made.size < whole; made.size++)
        assert_refused("a truncated file", "is damaged");
}

/* Whatever a damaged file gives, it gives without touching other memory and without running forever. */
static void
survives_random_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"America/New_York", "Asia/Gaza", "Europe/Dublin", "Etc/UTC", "EST5EDT"};
    struct random_source source = random_source_start("survives_random_damage");
    struct error error;
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        size_t size = read_database(names[(unsigned)round % LENGTH(names)]);
        bool in_footer = random_source_below(&source, 2) == 0;
        for (unsigned damage = random_source_below(&source, 3) + 1; damage > 0; damage--) {
            size_t at =
                in_footer ? size - 1 - random_source_below(&source, 25) : random_source_below(&source, (unsigned)size);
            made.bytes[at] = in_footer ? (unsigned char)"0123456789,./-+<>MJZ\n"[random_source_below(&source, 21)]
                                       : (unsigned char)random_source_next(&source);
        }
        if (parse_made(&error) != ERROR_NONE)
            continue;
        accepted++;
        for (int year = 1800; year < 2300; year += 7) {
            (void)offset_at(utc(year, 6, 1, 0));
            (void)time_zone_first_instant(&zone, utc(year, 12, 31, 23));
        }
    }
    assert_true(accepted > 1000);
}

static void
names_unknown_zones(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "Mars/Phobos",
        "america/new_york",
        "America",
        "/etc/localtime",
        "../../../etc/passwd",
        "New York",
        "America/New_York ",
        "EST5EDT,M3.2.0",
        "zone.tab",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (size_t i = 0; i < LENGTH(names); i++) {
        struct error error = {0};
        char quoted[80];
        (void)snprintf(quoted, sizeof(quoted), "time zone \"%.64s\"", names[i]);
        if (time_zone_load(&zone, names[i], &error) != ERROR_CONFIG || !strstr(error.message, quoted))
            fail_msg("%s: %s", quoted, error.message);
    }
}

static void
loads_by_name(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(time_zone_load(&zone, "Asia/Kathmandu", &error), ERROR_NONE);
    assert_string_equal(zone.name, "Asia/Kathmandu");
    assert_int_equal(offset_at(utc(2024, 1, 1, 0)), 5 * 3600 + 45 * 60);
    assert_int_equal(time_zone_load(&zone, "Etc/GMT+5", &error), ERROR_NONE);
    assert_int_equal(offset_at(utc(2024, 1, 1, 0)), -5 * 3600);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_spans),
        cmocka_unit_test(finds_first_instants),
        cmocka_unit_test(follows_rules),
        cmocka_unit_test(follows_the_rule_only_after_the_last_change),
        cmocka_unit_test(goes_on_to_the_last_year),
        cmocka_unit_test(refuses_bad_rules),
        cmocka_unit_test(refuses_bad_footers),
        cmocka_unit_test(refuses_bad_blocks),
        cmocka_unit_test(refuses_bad_headers),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_random_damage),
        cmocka_unit_test(names_unknown_zones),
        cmocka_unit_test(loads_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

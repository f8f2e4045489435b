/* links: ops/source_csv.c */
#include "ops/source_csv.h"

#include "core/decimal.h"
#include "tests/support/random_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct source_csv_place place = {"prints.csv", 17};

static void
splits_lines(void **state)
{
    static const struct {
        const char *line;
        size_t count;
        const char *fields[4];
    } cases[] = {
        {"", 1, {""}},
        {"a", 1, {"a"}},
        {"a,b,c", 3, {"a", "b", "c"}},
        {",", 2, {"", ""}},
        {"a,,c,", 4, {"a", "", "c", ""}},
        {"\"a\"", 1, {"a"}},
        {"\"a,b\",c", 2, {"a,b", "c"}},
        {"\"say \"\"hi\"\"\",x", 2, {"say \"hi\"", "x"}},
        {"\"\",\"\"", 2, {"", ""}},
        {" a , b ", 2, {" a ", " b "}},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char line[64];
        struct source_csv_record record;
        struct error error = {0};
        (void)snprintf(line, sizeof(line), "%s", cases[i].line);
        assert_int_equal(source_csv_split(&place, line, &record, &error), ERROR_NONE);
        assert_int_equal(record.count, cases[i].count);
        for (size_t j = 0; j < record.count; j++)
            assert_string_equal(record.fields[j], cases[i].fields[j]);
    }
}

static void
refuses_broken_lines(void **state)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"a,\"b", "prints.csv line 17, field 2: the quote is not closed"},
        {"\"a\"b,c", "prints.csv line 17, field 1: text follows the closing quote"},
        {"a\"b", "prints.csv line 17, field 1: a field that holds a quote must begin with one"},
        {",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,", "prints.csv line 17 has more than 32 fields"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char line[64];
        struct source_csv_record record;
        struct error error = {0};
        (void)snprintf(line, sizeof(line), "%s", cases[i].line);
        assert_int_equal(source_csv_split(&place, line, &record, &error), ERROR_FORMAT);
        assert_non_null(strstr(error.message, cases[i].message));
    }
}

static enum error_code
read_header(const char *text, struct source_csv_header *header, struct error *error)
{
    static char line[256];
    struct source_csv_record record;
    (void)snprintf(line, sizeof(line), "%s", text);
    if (source_csv_split(&place, line, &record, error))
        return error->code;
    return source_csv_read_header(&place, &record, header, error);
}

static void
finds_columns_by_name(void **state)
{
    struct source_csv_header header;
    struct error error = {0};
    size_t index;
    (void)state;
    assert_int_equal(read_header("epoch_s,ex,price", &header, &error), ERROR_NONE);
    assert_int_equal(source_csv_find(&place, &header, "price", &index, &error), ERROR_NONE);
    assert_int_equal(index, 2);
    assert_int_equal(source_csv_find(&place, &header, "size", &index, &error), ERROR_FORMAT);
    assert_string_equal(error.message, "prints.csv has no column \"size\"; its first line names epoch_s, ex, price: is "
                                       "--format right?");
    assert_int_equal(read_header("a,,c", &header, &error), ERROR_FORMAT);
    assert_int_equal(read_header("a,b,a", &header, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "fields 1 and 3 are both called \"a\""));
}

static void
compares_widths(void **state)
{
    static const struct source_csv_record narrow = {2, {"1", "2"}}, right = {3, {"1", "2", "3"}},
                                          wide = {4, {"1", "2", "3", "4"}};
    struct source_csv_header header;
    struct error error = {0};
    (void)state;
    assert_int_equal(read_header("a,b,c", &header, &error), ERROR_NONE);
    assert_int_equal(source_csv_check_width(&place, &header, &right, &error), ERROR_NONE);
    assert_int_equal(source_csv_check_width(&place, &header, &narrow, &error), ERROR_FORMAT);
    assert_string_equal(error.message, "prints.csv line 17 ends before column \"c\": it has 2 fields of 3");
    assert_int_equal(source_csv_check_width(&place, &header, &wide, &error), ERROR_FORMAT);
    assert_string_equal(error.message, "prints.csv line 17 goes on after column \"c\": it has 4 fields, not 3");
}

static void
checks_numbers(void **state)
{
    static const char *const good[] = {"0", "157.8", "61837.63000000", "-1.5", "+2", ".5", "7.", "00012"};
    static const char *const bad[] = {"",   ".",   "-",     "1e5",  "1,5", " 1",
                                      "1 ", "NaN", "1.2.3", "0x10", "--1", "Infinity"};
    struct error error = {0};
    (void)state;
    for (size_t i = 0; i < LENGTH(good); i++)
        assert_int_equal(source_csv_decimal(&place, "price", good[i], &error), ERROR_NONE);
    for (size_t i = 0; i < LENGTH(bad); i++)
        assert_int_equal(source_csv_decimal(&place, "price", bad[i], &error), ERROR_FORMAT);
    assert_int_equal(source_csv_decimal(&place, "price", "abc", &error), ERROR_FORMAT);
    assert_string_equal(error.message,
                        "prints.csv line 17, column \"price\": \"abc\" is no decimal number such as 157.8");
}

static void
checks_integers_and_words(void **state)
{
    struct error error = {0};
    int64_t value;
    bool flag;
    (void)state;
    assert_int_equal(source_csv_integer(&place, "corr", "9223372036854775807", &value, &error), ERROR_NONE);
    assert_true(value == INT64_MAX);
    assert_int_equal(source_csv_integer(&place, "corr", "9223372036854775808", &value, &error), ERROR_FORMAT);
    assert_int_equal(source_csv_integer(&place, "corr", "-1", &value, &error), ERROR_FORMAT);
    assert_int_equal(source_csv_integer(&place, "corr", "", &value, &error), ERROR_FORMAT);
    assert_int_equal(source_csv_boolean(&place, "flag", "true", &flag, &error), ERROR_NONE);
    assert_true(flag);
    assert_int_equal(source_csv_boolean(&place, "flag", "false", &flag, &error), ERROR_NONE);
    assert_false(flag);
    assert_int_equal(source_csv_boolean(&place, "flag", "True", &flag, &error), ERROR_FORMAT);
    assert_int_equal(source_csv_word(&place, "symbol", "BRK.B", &error), ERROR_NONE);
    assert_int_equal(source_csv_word(&place, "symbol", "", &error), ERROR_FORMAT);
    assert_int_equal(source_csv_word(&place, "symbol", "A\tB", &error), ERROR_FORMAT);
}

static void
reads_instants(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_us; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1514887281.479", 1514887281479000},
        {"1515027337.790", 1515027337790000},
        {"1514887281", 1514887281000000},
        {"1.000001", 1000001},
        {"1.0000010", 1000001},
        {"253402300799.999999", 253402300799999999},
        {"1.0000001", -1},
        {"1.", -1},
        {".5", -1},
        {"-1", -1},
        {"1e9", -1},
        {"253402300800", -1},
        {"99999999999999999999", -1},
        {"", -1},
    };
    struct error error = {0};
    int64_t unix_us;
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        enum error_code code = source_csv_seconds(&place, "epoch_s", cases[i].text, &unix_us, &error);
        assert_int_equal(code, cases[i].unix_us < 0 ? ERROR_FORMAT : ERROR_NONE);
        if (!code)
            assert_true(unix_us == cases[i].unix_us);
    }
    assert_int_equal(source_csv_milliseconds(&place, "t", "1723161255342", &unix_us, &error), ERROR_NONE);
    assert_true(unix_us == 1723161255342000);
    assert_int_equal(source_csv_milliseconds(&place, "t", "1723161255342.5", &unix_us, &error), ERROR_FORMAT);
    assert_int_equal(source_csv_milliseconds(&place, "t", "253402300800000", &unix_us, &error), ERROR_FORMAT);
}

static void
compares_decimals(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        {"1", "1.0", 0},
        {"0", "-0.00", 0},
        {"157.8", "157.80", 0},
        {"9", "10", -1},
        {"1.1", "1.09", 1},
        {"-2", "-10", 1},
        {"-1", "1", -1},
        {"00012", "12", 0},
        {".5", "0.50", 0},
        {"1.", "1.001", -1},
        {"123456789012345678901234567890.1", "123456789012345678901234567890", 1},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(source_csv_compare(cases[i].a, cases[i].b), cases[i].order);
        assert_int_equal(source_csv_compare(cases[i].b, cases[i].a), -cases[i].order);
    }
}

static void
compares_as_decimals_do(void **state)
{
    struct random_source random = random_source_start("compares_as_decimals_do");
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char texts[2][64];
        struct decimal values[2];
        struct error error = {0};
        for (int j = 0; j < 2; j++) {
            (void)snprintf(texts[j], sizeof(texts[j]), "%s%u.%0*u", random_source_below(&random, 2) ? "-" : "",
                           random_source_below(&random, 30), 1 + (int)random_source_below(&random, 3),
                           random_source_below(&random, 10));
            assert_int_equal(decimal_from_text(texts[j], strlen(texts[j]), &values[j], &error), ERROR_NONE);
        }
        assert_int_equal(source_csv_compare(texts[0], texts[1]), decimal_compare(&values[0], &values[1]));
    }
}

/* Whatever stands in a line, it is split or refused, and nothing is read beyond it. */
static void
survives_random_lines(void **state)
{
    static const char letters[] = "ab,,\"\"0.";
    struct random_source random = random_source_start("survives_random_lines");
    (void)state;
    for (int i = 0; i < 50000; i++) {
        char line[24];
        struct source_csv_record record;
        struct error error = {0};
        unsigned length = random_source_below(&random, sizeof(line));
        for (unsigned j = 0; j < length; j++)
            line[j] = letters[random_source_below(&random, sizeof(letters) - 1)];
        line[length] = 0;
        if (!source_csv_split(&place, line, &record, &error))
            assert_true(record.fields[record.count - 1] + strlen(record.fields[record.count - 1]) <= line + length);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_lines),
        cmocka_unit_test(refuses_broken_lines),
        cmocka_unit_test(finds_columns_by_name),
        cmocka_unit_test(compares_widths),
        cmocka_unit_test(checks_numbers),
        cmocka_unit_test(checks_integers_and_words),
        cmocka_unit_test(reads_instants),
        cmocka_unit_test(compares_decimals),
        cmocka_unit_test(compares_as_decimals_do),
        cmocka_unit_test(survives_random_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

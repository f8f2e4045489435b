/* links: ops/command_print.c ops/command_progress.c */
/* How tables, records, JSON, CSV and progress are written. */
#include "ops/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct error error;

/* ---- numbers ------------------------------------------------------------------------------------------------- */

static void
numbers_are_grouped_and_rounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int decimals;
        const char *shown;
    } cases[] = {
        {"0", 0, "0"},
        {"999", 0, "999"},
        {"1000", 0, "1,000"},
        {"-1000", 0, "-1,000"},
        {"-999", 0, "-999"},
        {"1234567.895", 2, "1,234,567.90"},
        {"-0.005", 2, "-0.01"},
        {"-0.004", 2, "0.00"},
        {"999.995", 2, "1,000.00"},
        {"1.50000000", -1, "1.5"},
        {"100.00000000", -1, "100"},
        {"123456.7", 4, "123,456.7000"},
        {"9223372036854775807", 0, "9,223,372,036,854,775,807"},
        {"12345678901234567890123456789012345678901234.5", 0,
         "12,345,678,901,234,567,890,123,456,789,012,345,678,901,235"},
        {"NaN", 2, "NaN"},
        {"Infinity", 2, "Infinity"},
        {"", 2, ""},
    };
    char out[COMMAND_NUMBER_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(command_print_number(cases[i].text, cases[i].decimals, out), cases[i].shown);
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

static const struct command_column columns[] = {
    {"id", COMMAND_KIND_INTEGER},   {"rows", COMMAND_KIND_INTEGER},       {"amount", COMMAND_KIND_NUMERIC},
    {"live", COMMAND_KIND_BOOLEAN}, {"began_at", COMMAND_KIND_TIMESTAMP}, {"data", COMMAND_KIND_JSON},
    {"note", COMMAND_KIND_TEXT},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
static const char *const cells[] = {
    "12345",
    "12345",
    "1234.5678",
    "t",
    "2024-01-02 09:30:00.25-05",
    "{\"a\": 1.10}",
    "quote \" comma, \\ back",
    "2",
    NULL,
    "-1",
    "f",
    NULL,
    NULL,
    "line\n\ttab \x1b[31m \xc3\xa9",
};
static const struct command_grid grid = {columns, COLUMNS, cells, 2};

/* What is printed; to be freed. */
static char *
printed(const struct command_grid *what, const struct command_style *style)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_int_equal(command_print_grid(out, what, style, &error), ERROR_NONE);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void
assert_printed(const struct command_grid *what, const struct command_style *style, const char *expected)
{
    char *text = printed(what, style);
    assert_string_equal(text, expected);
    free(text);
}

static void
a_table_is_aligned(void **state)
{
    (void)state;
    static const struct command_decimals decimals[] = {{"amount", 2}, {NULL, 0}};
    struct command_style style = {.form = COMMAND_FORM_TABLE, .decimals = decimals};
    assert_printed(&grid, &style,
                   "   id    rows    amount  live  began at                data         note\n"
                   "-----  ------  --------  ----  ----------------------  -----------  ---------------------\n"
                   "12345  12,345  1,234.57  yes   2024-01-02 09:30:00-05  {\"a\": 1.10}  quote \" comma, \\ back\n"
                   "    2             -1.00  no                                         line  tab  [31m \xc3\xa9\n");
}

static void
a_table_without_rows_is_a_sentence(void **state)
{
    (void)state;
    struct command_grid empty = {columns, COLUMNS, cells, 0};
    struct command_style style = {.form = COMMAND_FORM_TABLE, .empty = "no mills"};
    assert_printed(&empty, &style, "no mills\n");
    style.form = COMMAND_FORM_JSON;
    assert_printed(&empty, &style, "[]\n");
    style.form = COMMAND_FORM_CSV;
    assert_printed(&empty, &style, "id,rows,amount,live,began_at,data,note\n");
}

static void
no_line_ends_with_blanks(void **state)
{
    (void)state;
    static const struct command_column two[] = {{"a", COMMAND_KIND_TEXT}, {"b", COMMAND_KIND_TEXT}};
    static const char *const empty_last[] = {"x", NULL, NULL, "y"};
    struct command_grid small = {two, 2, empty_last, 2};
    struct command_style style = {.form = COMMAND_FORM_TABLE};
    assert_printed(&small, &style, "a  b\n-  -\nx\n   y\n");
}

static void
json_is_exact(void **state)
{
    (void)state;
    struct command_style style = {.form = COMMAND_FORM_JSON};
    assert_printed(
        &grid, &style,
        "[{\"id\": 12345, \"rows\": 12345, \"amount\": \"1234.5678\", \"live\": true, \"began_at\": "
        "\"2024-01-02T09:30:00.25-05:00\", \"data\": {\"a\": 1.10}, \"note\": \"quote \\\" comma, \\\\ back\"},\n"
        " {\"id\": 2, \"rows\": null, \"amount\": \"-1\", \"live\": false, \"began_at\": null, \"data\": null, "
        "\"note\": \"line\\n\\ttab \\u001b[31m \xc3\xa9\"}]\n");
    style.form = COMMAND_FORM_JSON_OBJECT;
    style.member = true;
    struct command_grid one = {columns, 2, (const char *const[]){"1", "2"}, 1};
    assert_printed(&one, &style, "{\"id\": 1, \"rows\": 2}");
}

static void
json_has_no_floats_that_are_none(void **state)
{
    (void)state;
    static const struct command_column one[] = {{"x", COMMAND_KIND_FLOAT}};
    struct command_style style = {.form = COMMAND_FORM_JSON};
    struct command_grid floats = {one, 1, (const char *const[]){"1.5", "NaN", "-Infinity"}, 3};
    assert_printed(&floats, &style, "[{\"x\": 1.5},\n {\"x\": \"NaN\"},\n {\"x\": \"-Infinity\"}]\n");
}

static void
timestamps_are_rfc3339(void **state)
{
    (void)state;
    static const struct command_column one[] = {{"t", COMMAND_KIND_TIMESTAMP}};
    struct command_style style = {.form = COMMAND_FORM_CSV};
    struct command_grid times = {
        one, 1, (const char *const[]){"2024-01-02 09:30:00+05:30", "2024-01-02 09:30:00+00", "infinity"}, 3};
    assert_printed(&times, &style, "t\n2024-01-02T09:30:00+05:30\n2024-01-02T09:30:00+00:00\ninfinity\n");
}

static void
csv_is_quoted_where_needed(void **state)
{
    (void)state;
    static const struct command_column three[] = {
        {"a", COMMAND_KIND_TEXT}, {"b", COMMAND_KIND_TEXT}, {"c", COMMAND_KIND_NUMERIC}};
    struct command_style style = {.form = COMMAND_FORM_CSV};
    struct command_grid small = {three, 3, (const char *const[]){"say \"x\", y", NULL, "1.50", "plain", "", "l\n"}, 2};
    assert_printed(&small, &style, "a,b,c\n\"say \"\"x\"\", y\",,1.50\nplain,\"\",\"l\n\"\n");
}

static void
records_leave_nulls_out(void **state)
{
    (void)state;
    struct command_style style = {.form = COMMAND_FORM_RECORD};
    assert_printed(&grid, &style,
                   "id        12345\nrows      12,345\namount    1,234.5678\nlive      yes\nbegan at  2024-01-02 "
                   "09:30:00-05\ndata      {\"a\": 1.10}\nnote      quote \" comma, \\ back\n\n"
                   "id        2\namount    -1\nlive      no\nnote      line  tab  [31m \xc3\xa9\n");
}

/* ---- progress ------------------------------------------------------------------------------------------------ */

static void
spans_are_short(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *shown;
    } cases[] = {{-5, "0.0s"},        {0, "0.0s"},        {9949, "9.9s"},      {9999, "9.9s"},
                 {10000, "10s"},      {59499, "59s"},     {59500, "1m00s"},    {185000, "3m05s"},
                 {3599000, "59m59s"}, {7620000, "2h07m"}, {86400000, "1d00h"}, {273600000, "3d04h"}};
    char out[32];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(command_progress_span(cases[i].ms, out), cases[i].shown);
}

static void
progress_tells_rate_and_time_left(void **state)
{
    (void)state;
    struct command_progress progress = {
        .label = "backfill 3", .unit = "dates", .total = 1200, .done = 300, .first_done = 0};
    char out[COMMAND_PROGRESS_BYTES];
    assert_string_equal(command_progress_format(&progress, 60000, "4 running", out),
                        "backfill 3   25%  300/1,200 dates  5.0 dates/s  3m00s left  4 running");
    progress.first_done = 240; /* what was done before we looked tells nothing about the rate */
    assert_string_equal(command_progress_format(&progress, 60000, NULL, out),
                        "backfill 3   25%  300/1,200 dates  1.0 dates/s  15m00s left");
    progress.done = 241;
    assert_string_equal(command_progress_format(&progress, 60000, "", out),
                        "backfill 3   20%  241/1,200 dates  1.0 dates/min  15h59m left");
    progress.done = 240;
    assert_string_equal(command_progress_format(&progress, 60000, "", out), "backfill 3   20%  240/1,200 dates");
    progress.first_done = 0;
    progress.done = 1200;
    assert_string_equal(command_progress_format(&progress, 60000, "completed", out),
                        "backfill 3  100%  1,200/1,200 dates  20.0 dates/s  in 1m00s  completed");
    progress.done = 600;
    progress.ended = true;
    assert_string_equal(command_progress_format(&progress, 60000, "failed", out),
                        "backfill 3   50%  600/1,200 dates  10.0 dates/s  in 1m00s  failed");
}

static void
a_bar_fits_the_terminal(void **state)
{
    (void)state;
    struct command_progress progress = {
        .label = "load", .unit = "days", .total = 10, .done = 5, .first_done = 5, .terminal = true, .width = 60};
    char out[COMMAND_PROGRESS_BYTES];
    (void)command_progress_format(&progress, 1000, NULL, out);
    assert_string_equal(out, "load  [=================>                 ]  50%  5/10 days");
    assert_true(strlen(out) < 60);
    progress.width = 30; /* no room for a bar */
    assert_string_equal(command_progress_format(&progress, 1000, NULL, out), "load   50%  5/10 days");
    progress.width = 500;
    assert_non_null(strchr(command_progress_format(&progress, 1000, NULL, out), '['));
    progress.total = progress.done = 0;
    assert_non_null(strstr(command_progress_format(&progress, 1000, NULL, out), "100%"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_grouped_and_rounded),
        cmocka_unit_test(a_table_is_aligned),
        cmocka_unit_test(a_table_without_rows_is_a_sentence),
        cmocka_unit_test(no_line_ends_with_blanks),
        cmocka_unit_test(json_is_exact),
        cmocka_unit_test(json_has_no_floats_that_are_none),
        cmocka_unit_test(timestamps_are_rfc3339),
        cmocka_unit_test(csv_is_quoted_where_needed),
        cmocka_unit_test(records_leave_nulls_out),
        cmocka_unit_test(spans_are_short),
        cmocka_unit_test(progress_tells_rate_and_time_left),
        cmocka_unit_test(a_bar_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

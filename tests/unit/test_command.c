/* links: ops/command.c */
/* The parser of the command line. */
#include "ops/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY_ARGUMENTS = 2000 };

static enum error_code
run_nothing(const struct command_line *line, struct error *error)
{
    (void)line;
    (void)error;
    return ERROR_NONE;
}

static const struct command verb_show = {
    .name = "mill show",
    .usage = "ID",
    .summary = "show one",
    .options = (const struct command_option[]){{"--json", NULL, "as JSON", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_nothing,
};

static const struct command mill = {
    .name = "mill",
    .usage = "[NAME...]",
    .summary = "mill tapes",
    .options = (const struct command_option[]){{"--from", "DATE", "begin", false},
                                               {"--limit", "N", "at most", false},
                                               {"--kind", "KIND", "which", false},
                                               {"--arg", "NAME=VALUE", "more", true},
                                               {"--wait", NULL, "watch", false},
                                               {0}},
    .words_max = 2,
    .run = run_nothing,
    .verbs = (const struct command *const[]){&verb_show, NULL},
};

static const struct command verbs_only = {.name = "verbs",
                                          .usage = "",
                                          .summary = "needs a verb",
                                          .verbs = (const struct command *const[]){&verb_show, NULL}};

static struct command_line line;
static struct error error;

/* Parses the words up to NULL. */
static enum error_code
parse(const struct command *command, ...)
{
    static char texts[64][128];
    static char *arguments[64];
    va_list words;
    int count = 0;
    va_start(words, command);
    for (const char *word; (word = va_arg(words, const char *)); count++) {
        (void)snprintf(texts[count], sizeof(texts[count]), "%s", word);
        arguments[count] = texts[count];
    }
    va_end(words);
    error.message[0] = 0;
    return command_parse(command, count, arguments, &line, &error);
}

#define assert_refused(contains, ...)                                                                                  \
    do {                                                                                                               \
        assert_int_equal(parse(__VA_ARGS__), ERROR_USAGE);                                                             \
        assert_non_null(strstr(error.message, (contains)));                                                            \
    } while (0)

#define assert_parsed(...) assert_int_equal(parse(__VA_ARGS__), ERROR_NONE)

/* ---- parsing ------------------------------------------------------------------------------------------------- */

static void
options_stand_anywhere(void **state)
{
    (void)state;
    assert_parsed(&mill, "--from", "2024-01-02", "a", "--wait", "b", "--limit=7", NULL);
    assert_string_equal(command_value(&line, "--from"), "2024-01-02");
    assert_string_equal(command_value(&line, "--limit"), "7");
    assert_null(command_value(&line, "--kind"));
    assert_true(command_flag(&line, "--wait"));
    assert_int_equal(line.word_count, 2);
    assert_string_equal(line.words[1], "b");
    assert_ptr_equal(line.command, &mill);
}

static void
a_value_may_be_empty_or_look_like_an_option(void **state)
{
    (void)state;
    assert_parsed(&mill, "--kind=", "--from", "--wait", NULL);
    assert_string_equal(command_value(&line, "--kind"), "");
    assert_string_equal(command_value(&line, "--from"), "--wait");
    assert_false(command_flag(&line, "--wait"));
}

static void
two_dashes_end_options(void **state)
{
    (void)state;
    assert_parsed(&mill, "--wait", "--", "--from", "-", NULL);
    assert_int_equal(line.word_count, 2);
    assert_string_equal(line.words[0], "--from");
}

static void
a_verb_is_its_own_command(void **state)
{
    (void)state;
    assert_parsed(&mill, "show", "5", "--json", NULL);
    assert_ptr_equal(line.command, &verb_show);
    assert_true(command_flag(&line, "--json"));
    assert_refused("has no option --wait", &mill, "show", "5", "--wait", NULL);
    assert_refused("an argument is missing; write: tapemill mill show ID", &mill, "show", NULL);
    assert_refused("needs a verb", &verbs_only, NULL);
}

static void
help_needs_nothing_else(void **state)
{
    (void)state;
    assert_parsed(&mill, "show", "--help", NULL);
    assert_true(line.help);
    assert_ptr_equal(line.command, &verb_show);
    assert_parsed(&mill, "a", "b", "-h", "c", NULL);
    assert_true(line.help);
}

static void
mistakes_are_named(void **state)
{
    (void)state;
    assert_refused("\"mill\" has no option --form; did you mean --from?", &mill, "--form", "x", NULL);
    assert_refused("has no option -x;", &mill, "-x", NULL);
    assert_refused("--from needs a value: --from DATE", &mill, "--from", NULL);
    assert_refused("--from is given twice", &mill, "--from", "1", "--from", "1", NULL);
    assert_refused("--wait takes no value", &mill, "--wait=yes", NULL);
    assert_refused("\"c\" is one argument too many", &mill, "a", "b", "c", NULL);
}

static void
repeated_options_keep_their_order(void **state)
{
    (void)state;
    int cursor = 0;
    assert_parsed(&mill, "--arg", "a=1", "--arg=b=2", NULL);
    assert_string_equal(command_next_value(&line, "--arg", &cursor), "a=1");
    assert_string_equal(command_next_value(&line, "--arg", &cursor), "b=2");
    assert_null(command_next_value(&line, "--arg", &cursor));
}

static void
too_many_arguments_are_refused(void **state)
{
    (void)state;
    static char word[] = "1", option[] = "--arg=a=1", *words[MANY_ARGUMENTS], *options[MANY_ARGUMENTS];
    for (int i = 0; i < MANY_ARGUMENTS; i++) {
        words[i] = word;
        options[i] = option;
    }
    assert_int_equal(command_parse(&mill, MANY_ARGUMENTS, words, &line, &error), ERROR_USAGE);
    assert_int_equal(command_parse(&mill, MANY_ARGUMENTS, options, &line, &error), ERROR_USAGE);
    assert_int_equal(command_parse(&mill, COMMAND_REPEATS_MAX, options, &line, &error), ERROR_NONE);
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static void
integers_are_whole_and_bounded(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    "x", "1x", " 1", "+1", "1.0", "-", "0", "101", "99999999999999999999",
                                        "0x10"};
    int64_t value;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_parsed(&mill, "--limit", wrong[i], NULL);
        assert_int_equal(command_integer(&line, "--limit", 1, 100, 5, &value, &error), ERROR_USAGE);
        assert_non_null(strstr(error.message, "write a whole number from 1 to 100"));
    }
    assert_parsed(&mill, "--limit", "100", NULL);
    assert_int_equal(command_integer(&line, "--limit", 1, 100, 5, &value, &error), ERROR_NONE);
    assert_int_equal(value, 100);
    assert_parsed(&mill, NULL);
    assert_int_equal(command_integer(&line, "--limit", 1, 100, 5, &value, &error), ERROR_NONE);
    assert_int_equal(value, 5);
    assert_parsed(&mill, "--limit", "-9223372036854775808", NULL);
    assert_int_equal(command_integer(&line, "--limit", INT64_MIN, 0, 0, &value, &error), ERROR_NONE);
    assert_true(value == INT64_MIN);
}

static void
dates_are_checked(void **state)
{
    (void)state;
    int32_t days;
    bool given;
    assert_parsed(&mill, "--from", "2024-02-30", NULL);
    assert_int_equal(command_date(&line, "--from", &days, &given, &error), ERROR_USAGE);
    assert_non_null(strstr(error.message, "--from: \"2024-02-30\" is not a date"));
    assert_int_equal(error.code, ERROR_USAGE);
    assert_parsed(&mill, "--from", "1970-01-11", NULL);
    assert_int_equal(command_date(&line, "--from", &days, &given, &error), ERROR_NONE);
    assert_true(given);
    assert_int_equal(days, 10);
    assert_parsed(&mill, NULL);
    assert_int_equal(command_date(&line, "--from", &days, &given, &error), ERROR_NONE);
    assert_false(given);
}

static void
choices_ignore_case(void **state)
{
    (void)state;
    static const char *const kinds[] = {"FINE", "COARSE", "raw", NULL};
    const char *kind;
    assert_parsed(&mill, "--kind", "coarse", NULL);
    assert_int_equal(command_choice(&line, "--kind", kinds, "FINE", &kind, &error), ERROR_NONE);
    assert_string_equal(kind, "COARSE");
    assert_parsed(&mill, NULL);
    assert_int_equal(command_choice(&line, "--kind", kinds, "FINE", &kind, &error), ERROR_NONE);
    assert_string_equal(kind, "FINE");
    assert_parsed(&mill, "--kind", "dust", NULL);
    assert_int_equal(command_choice(&line, "--kind", kinds, "FINE", &kind, &error), ERROR_USAGE);
    assert_string_equal(error.message, "--kind is \"dust\"; write FINE, COARSE or raw");
}

static void
ids_begin_at_one(void **state)
{
    (void)state;
    int64_t id;
    assert_parsed(&mill, "42", "0", NULL);
    assert_int_equal(command_id(&line, 0, &id, &error), ERROR_NONE);
    assert_int_equal(id, 42);
    assert_int_equal(command_id(&line, 1, &id, &error), ERROR_USAGE);
}

static void
the_nearest_name_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {"enqueue", "queue", "quality", "report", "load_trades"};
    static const struct {
        const char *name, *nearest;
    } cases[] = {{"enqeue", "enqueue"},         {"qeue", "queue"}, {"qualty", "quality"}, {"repor", "report"},
                 {"load_trade", "load_trades"}, {"xyz", NULL},     {"frobnicate", NULL},  {"", NULL}};
    char longest[200];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *nearest = command_nearest(cases[i].name, names, sizeof(names) / sizeof(names[0]));
        if (cases[i].nearest)
            assert_string_equal(nearest, cases[i].nearest);
        else
            assert_null(nearest);
    }
    memset(longest, 'q', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    assert_null(command_nearest(longest, names, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(a_value_may_be_empty_or_look_like_an_option),
        cmocka_unit_test(two_dashes_end_options),
        cmocka_unit_test(a_verb_is_its_own_command),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(repeated_options_keep_their_order),
        cmocka_unit_test(too_many_arguments_are_refused),
        cmocka_unit_test(integers_are_whole_and_bounded),
        cmocka_unit_test(dates_are_checked),
        cmocka_unit_test(choices_ignore_case),
        cmocka_unit_test(ids_begin_at_one),
        cmocka_unit_test(the_nearest_name_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

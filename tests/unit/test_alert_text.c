/* links: scheduler/alert.c scheduler/alert_text.c scheduler/outage.c */
/* What an alert says on Slack, what is said of a delivery that failed, and how long it waits then. */
#include "scheduler/alert.h"
#include "scheduler/alert_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CEILING = 64 * 1024 };

static struct alert_entry
entry(const char *id)
{
    return (struct alert_entry){.id = id,
                                .cause = "dead:load_trades",
                                .severity = "critical",
                                .title = "Job load_trades is dead (job 17)",
                                .body = "column \"price\" is missing\nLook: tapemill dead show 17",
                                .job_id = "17",
                                .job_name = "load_trades",
                                .job_error = "column \"price\" is missing",
                                .created_at = "2024-01-02 03:04:05"};
}

static void
assert_text(const struct alert_entry *entries, size_t count, const char *expected)
{
    struct buffer text;
    struct error error;
    buffer_init(&text, CEILING);
    alert_text_write(&text, entries, count);
    assert_int_equal(buffer_check(&text, "the text", &error), ERROR_NONE);
    assert_string_equal(text.bytes, expected);
    buffer_term(&text);
}

static void
one_alert(void **state)
{
    (void)state;
    struct alert_entry one = entry("12");
    assert_text(&one, 1,
                "*[critical] Job load_trades is dead (job 17)*\n"
                "column \"price\" is missing\nLook: tapemill dead show 17\nalert 12");
}

static void
says_of_the_job_what_the_alert_does_not(void **state)
{
    (void)state;
    struct alert_entry one = entry("12");
    one.title = "something failed";
    one.body = "";
    assert_text(&one, 1,
                "*[critical] something failed*\n"
                "\nJob 17, load_trades\nError: column \"price\" is missing\nLook: `tapemill dead show 17`\nalert 12");
    one.job_id = one.job_name = one.job_error = "";
    one.body = "no job";
    assert_text(&one, 1, "*[critical] something failed*\nno job\nalert 12");
}

static void
several_of_one_cause_are_one_message(void **state)
{
    (void)state;
    struct alert_entry three[] = {entry("12"), entry("13"), entry("15")};
    three[0].title = "first";
    three[2].created_at = "2024-01-02 03:05:00";
    assert_text(three, 3,
                "*[critical] 3 alerts of dead:load_trades* from 2024-01-02 03:04:05 to 2024-01-02 03:05:00\n"
                "- first\n"
                "- Job load_trades is dead (job 17)\n"
                "- Job load_trades is dead (job 17)\n"
                "The newest: Job load_trades is dead (job 17)\n"
                "column \"price\" is missing\nLook: tapemill dead show 17\nalerts 12, 13, 15");
}

static void
a_thousand_stay_within_bounds(void **state)
{
    (void)state;
    static struct alert_entry many[ALERT_GROUP_MAX];
    static char title[4096], body[65536];
    struct buffer text;
    memset(title, '&', sizeof(title) - 1);
    memset(body, '<', sizeof(body) - 1);
    for (size_t i = 0; i < ALERT_GROUP_MAX; i++) {
        many[i] = entry("9223372036854775807");
        many[i].title = title;
        many[i].body = many[i].job_error = body;
        many[i].cause = title;
    }
    buffer_init(&text, CEILING);
    alert_text_write(&text, many, ALERT_GROUP_MAX);
    assert_false(text.failed);
    assert_non_null(strstr(text.bytes, "1000 alerts of"));
    assert_non_null(strstr(text.bytes, "- and 990 more\n"));
    assert_non_null(strstr(text.bytes, " ... 9223372036854775807"));
    buffer_term(&text);
}

static void
markup_is_escaped_and_characters_stay_whole(void **state)
{
    (void)state;
    struct alert_entry one = entry("12");
    char long_title[ALERT_TEXT_TITLE_BYTES + 8] = "";
    one.title = "<!channel> a & b";
    one.body = "x > y";
    one.job_id = "";
    assert_text(&one, 1, "*[critical] &lt;!channel&gt; a &amp; b*\nx &gt; y\nalert 12");
    /* The bound falls within a character of two bytes. */
    memset(long_title, 'a', ALERT_TEXT_TITLE_BYTES - 1);
    strcat(long_title, "\xc3\xa9z");
    one.title = long_title;
    char expected[ALERT_TEXT_TITLE_BYTES + 64];
    (void)snprintf(expected, sizeof(expected), "*[critical] %.*s ...*\nx &gt; y\nalert 12", ALERT_TEXT_TITLE_BYTES - 1,
                   long_title);
    assert_text(&one, 1, expected);
}

static void
a_failed_delivery_is_described_without_the_address(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *answer, *says;
    } cases[] = {
        {200, "ok", ""},
        {204, "", ""},
        {299, "anything at all", ""},
        {500, "no_service", "the webhook answered 500 (no_service)"},
        {403, "invalid_token", "the webhook answered 403 (invalid_token)"},
        {404, "no such page: /services/T0/B0/secret", "the webhook answered 404"},
        {404, "T000B000SECRET", "the webhook answered 404"},
        {302, "", "the webhook answered 302"},
    };
    char text[ALERT_ERROR_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_result result = {.status = cases[i].status};
        (void)snprintf(result.answer, sizeof(result.answer), "%s", cases[i].answer);
        alert_describe(&result, text);
        assert_string_equal(text, cases[i].says);
    }
    struct http_result lost = {.failure = {.code = ERROR_HTTP, .message = "Timeout was reached"}};
    alert_describe(&lost, text);
    assert_string_equal(text, "the webhook gave no answer: Timeout was reached");
}

static void
the_pause_grows_to_its_bound(void **state)
{
    (void)state;
    assert_int_equal(alert_pause_ms(1), ALERT_FIRST_PAUSE_MS);
    assert_int_equal(alert_pause_ms(2), 2 * ALERT_FIRST_PAUSE_MS);
    assert_int_equal(alert_pause_ms(4), 8 * ALERT_FIRST_PAUSE_MS);
    assert_int_equal(alert_pause_ms(1000000), ALERT_LONGEST_PAUSE_MS);
    assert_int_equal(alert_pause_ms(0), ALERT_FIRST_PAUSE_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alert),
        cmocka_unit_test(says_of_the_job_what_the_alert_does_not),
        cmocka_unit_test(several_of_one_cause_are_one_message),
        cmocka_unit_test(a_thousand_stay_within_bounds),
        cmocka_unit_test(markup_is_escaped_and_characters_stay_whole),
        cmocka_unit_test(a_failed_delivery_is_described_without_the_address),
        cmocka_unit_test(the_pause_grows_to_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

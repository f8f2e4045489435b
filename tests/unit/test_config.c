#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"

static void
passwords_are_redacted(void **state)
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"postgres://desk:s3cret@db1:5432,db2/warehouse", "postgres://desk:***@db1:5432,db2/warehouse"},
        {"postgres://desk:p:q@db1/warehouse", "postgres://desk:***@db1/warehouse"},
        {"postgres://desk:s3/cr?e@t@db1/warehouse", "postgres://desk:***@db1/warehouse"},
        {"postgres://desk@db1/warehouse?password=s3cret&sslmode=require",
         "postgres://desk@db1/warehouse?password=***&sslmode=require"},
        {"host=db1 password=s3cret dbname=w", "host=db1 password=*** dbname=w"},
        {"host=db1 password='s3 \\'cret' dbname=w", "host=db1 password=*** dbname=w"},
        {"host=db1 PassWord = s3cret", "host=db1 PassWord =***"},
        {"host=db1 sslpassword=k password=p", "host=db1 sslpassword=*** password=***"},
        {"redis://:s3cret@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"},
        {"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"},
        {"postgres://a@b/c?application_name=x@y:z", "postgres://a@b/c?application_name=x@y:z"},
        {"postgres://u:pa/ss@w0rd@h/x", "postgres://u:***@h/x"},
        {"redis://:pa/ssw0rd@h", "redis://:***@h"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[256];
        config_redact(cases[i].url, shown, sizeof(shown));
        assert_string_equal(shown, cases[i].shown);
        config_redact(cases[i].url, shown, 8); /* too small: cut, never overrun */
        assert_true(strlen(shown) < 8);
    }
}

static void
bad_settings_are_named(void **state)
{
    static const struct {
        const char *name, *value, *part;
    } cases[] = {
        {"TAPEMILL_LEASE_SECONDS", "soon",
         "TAPEMILL_LEASE_SECONDS is \"soon\", but must be a whole number from 1 to 3600"},
        {"TAPEMILL_LEASE_SECONDS", "0", "from 1 to 3600"},
        {"TAPEMILL_LEASE_SECONDS", "99999999999999999999", "from 1 to 3600"},
        {"TAPEMILL_LEASE_SECONDS", "2", "TAPEMILL_HEARTBEAT_MS (2000) must be at most half"},
        {"TAPEMILL_DAY_ROLL", "25:00", "TAPEMILL_DAY_ROLL is \"25:00\""},
        {"TAPEMILL_DAY_ROLL", "17", "a time of day such as 17:00"},
        {"TAPEMILL_BASE_CURRENCY", "usd", "ISO 4217"},
        {"TAPEMILL_NAMESPACE", "a b", "letters, digits"},
        {"TAPEMILL_LOG_LEVEL", "loud", "debug, info, warn or error"},
        {"TAPEMILL_TIMEZONE", "Mars/Base", "there is no time zone \"Mars/Base\""},
        {"TAPEMILL_PNL_METHOD", "lifo", "TAPEMILL_PNL_METHOD is \"lifo\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error;
        assert_int_equal(setenv(cases[i].name, cases[i].value, 1), 0);
        assert_int_equal(config_load(&error), ERROR_CONFIG);
        assert_non_null(strstr(error.message, cases[i].part));
        assert_int_equal(unsetenv(cases[i].name), 0);
        assert_int_equal(config_load(&error), ERROR_NONE);
    }
}

static void
defaults_and_secrets(void **state)
{
    struct error error;
    char shown[256];
    const char *value;
    (void)state;
    assert_int_equal(setenv("TAPEMILL_SLACK_WEBHOOK_URL", "https://hooks.example/T/secret", 1), 0);
    assert_int_equal(setenv("TAPEMILL_DAY_ROLL", "17:00", 1), 0);
    assert_int_equal(setenv("TAPEMILL_WAREHOUSE_URL", "", 1), 0); /* empty is unset */
    assert_int_equal(config_load(&error), ERROR_NONE);
    assert_int_equal(config_day_roll_seconds(), 17 * 3600);
    assert_int_equal(config_integer(CONFIG_LEASE_SECONDS), 10);
    config_show(CONFIG_SLACK_WEBHOOK_URL, shown, sizeof(shown));
    assert_string_equal(shown, "***");
    assert_int_equal(config_require(CONFIG_WAREHOUSE_URL, &value, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "TAPEMILL_WAREHOUSE_URL is not set"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_redacted),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(defaults_and_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

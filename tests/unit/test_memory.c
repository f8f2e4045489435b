#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"

static void
a_buffer_keeps_its_ceiling(void **state)
{
    struct buffer buffer;
    struct error error;
    (void)state;
    buffer_init(&buffer, 10);
    buffer_text(&buffer, "0123456789");
    assert_int_equal(buffer_check(&buffer, "x", &error), ERROR_NONE);
    buffer_text(&buffer, "!");
    assert_int_equal(buffer_check(&buffer, "a line", &error), ERROR_RANGE);
    assert_non_null(strstr(error.message, "a line does not fit into 10 bytes"));
    assert_string_equal(buffer.bytes, "0123456789"); /* a failed append changes nothing */
    buffer_clear(&buffer);
    buffer_format(&buffer, "%d-%s", 42, "ok");
    assert_string_equal(buffer.bytes, "42-ok");
    buffer_term(&buffer);
}

static void
json_strings_are_escaped(void **state)
{
    struct buffer buffer;
    static const char text[] = "a\"b\\c\n\t\x01 \xC3\xA9";
    (void)state;
    buffer_init(&buffer, 1000);
    buffer_json(&buffer, text, sizeof(text) - 1);
    assert_string_equal(buffer.bytes, "\"a\\\"b\\\\c\\n\\t\\u0001 \xC3\xA9\"");
    buffer_term(&buffer);
}

static void
an_arena_keeps_its_ceiling(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 64 * 1024);
    char *text = arena_copy(&arena, "hello", 5);
    assert_string_equal(text, "hello");
    unsigned char *large = arena_alloc(&arena, 40 * 1024);
    assert_non_null(large);
    for (size_t i = 0; i < 40 * 1024; i++)
        assert_int_equal(large[i], 0);
    assert_null(arena_alloc(&arena, 40 * 1024));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_string_equal(text, "hello");
    arena_term(&arena);
}

static void
errors_carry_context_and_disposition(void **state)
{
    struct error error;
    (void)state;
    assert_int_equal(error_set(&error, ERROR_PG_CONFLICT, "deadlock on %s", "dim_account"), ERROR_PG_CONFLICT);
    assert_int_equal(error_context(&error, "job %d", 7), ERROR_PG_CONFLICT);
    assert_string_equal(error.message, "job 7: deadlock on dim_account");
    assert_int_equal(error_from_sqlstate("40P01"), ERROR_PG_CONFLICT);
    assert_int_equal(error_from_sqlstate("57P01"), ERROR_PG_CONNECTION);
    assert_int_equal(error_from_sqlstate("57014"), ERROR_PG_TIMEOUT);
    assert_int_equal(error_from_sqlstate("42703"), ERROR_PG_STATEMENT);
    assert_int_equal(error_from_sqlstate("53100"), ERROR_PG_RESOURCE);
    assert_int_equal(error_disposition(ERROR_PG_CONNECTION), DISPOSITION_GIVE_BACK);
    assert_int_equal(error_disposition(ERROR_CONTRACT), DISPOSITION_DEAD);
    assert_int_equal(error_disposition(ERROR_WAITING), DISPOSITION_WAIT);
    for (int code = 0; code < ERROR_CODE_COUNT; code++) {
        assert_true(strlen(error_name((enum error_code)code)) > 0);
        assert_int_equal(error_from_name(error_name((enum error_code)code)), code);
    }
    assert_int_equal(error_from_name("no such code"), ERROR_BUG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_keeps_its_ceiling),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(an_arena_keeps_its_ceiling),
        cmocka_unit_test(errors_carry_context_and_disposition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

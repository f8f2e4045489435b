/* core/copy_writer.c: the row being written is looked at, compared and taken back before it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/copy.h"

enum { FIELDS = 4 };

static void
put(struct copy_writer *writer, int32_t number, const char *text, const char *amount)
{
    struct decimal value;
    struct error error;
    assert_int_equal(decimal_from_text(amount, strlen(amount), &value, &error), ERROR_NONE);
    copy_put_row(writer, FIELDS);
    copy_put_int32(writer, number);
    copy_put_text(writer, text);
    copy_put_null(writer);
    copy_put_decimal(writer, &value);
}

static void
the_last_row_can_be_looked_at(void **state)
{
    (void)state;
    struct copy_writer *writer;
    struct copy_field fields[FIELDS + 1];
    struct error error;
    int32_t number;
    assert_int_equal(copy_spool_open(&writer, &error), ERROR_NONE);
    put(writer, 7, "seven", "1.5");
    put(writer, 8, "", "2");
    assert_int_equal(copy_last_row(writer, fields, FIELDS + 1), FIELDS);
    assert_int_equal(copy_field_int32(&fields[0], &number, &error), ERROR_NONE);
    assert_int_equal(number, 8);
    assert_int_equal(fields[1].length, 0);
    assert_int_equal(fields[2].length, -1);
    copy_drop_row(writer);
    put(writer, 9, "nine", "3");
    assert_int_equal(copy_last_row(writer, fields, FIELDS), FIELDS);
    assert_int_equal(copy_field_int32(&fields[0], &number, &error), ERROR_NONE);
    assert_int_equal(number, 9);
    assert_memory_equal(fields[1].bytes, "nine", 4);
    assert_int_equal(copy_last_row(writer, fields, 2), 2);
    copy_writer_abort(writer);
}

/* What PostgreSQL's numeric_send gives for 1.5, 1.50000000 and others: digits, weight, sign, shown decimals, groups. */
static const uint8_t one_half[] = {0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88};
static const uint8_t one_half_shown[] = {0, 2, 0, 0, 0, 0, 0, 8, 0, 1, 0x13, 0x88};
static const uint8_t minus[] = {0, 2, 0, 0, 0x40, 0, 0, 1, 0, 1, 0x13, 0x88};
static const uint8_t other_digit[] = {0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x89};
static const uint8_t larger[] = {0, 2, 0, 1, 0, 0, 0, 1, 0, 1, 0x13, 0x88};
static const uint8_t zero[] = {0, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t zero_shown[] = {0, 0, 0, 0, 0, 0, 0, 8};

static void
numerics_are_compared_by_value(void **state)
{
    (void)state;
    const struct copy_field half = {one_half, sizeof(one_half)}, nothing = {NULL, -1}, none = {zero, sizeof(zero)};
    const struct {
        struct copy_field field;
        bool same;
    } cases[] = {
        {{one_half, sizeof(one_half)}, true},      {{one_half_shown, sizeof(one_half_shown)}, true},
        {{minus, sizeof(minus)}, false},           {{other_digit, sizeof(other_digit)}, false},
        {{larger, sizeof(larger)}, false},         {{one_half, sizeof(one_half) - 2}, false},
        {{zero_shown, sizeof(zero_shown)}, false}, {{NULL, -1}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(copy_same_numeric(&half, &cases[i].field), cases[i].same);
        assert_int_equal(copy_same_numeric(&cases[i].field, &half), cases[i].same);
    }
    const struct copy_field shown = {zero_shown, sizeof(zero_shown)};
    assert_true(copy_same_numeric(&none, &shown));
    assert_true(copy_same_numeric(&nothing, &nothing));
    assert_false(copy_same_bytes(&half, &(struct copy_field){one_half_shown, sizeof(one_half_shown)}));
    assert_true(copy_same_bytes(&nothing, &nothing));
    assert_false(copy_same_bytes(&nothing, &(struct copy_field){zero, 0}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_row_can_be_looked_at),
        cmocka_unit_test(numerics_are_compared_by_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

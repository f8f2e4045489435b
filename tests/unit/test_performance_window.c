/* The window of a series' last days: sums, drawdown, what leaves it. */
#include "jobs/performance_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct decimal
number(const char *text)
{
    struct decimal value;
    struct error error;
    assert_int_equal(decimal_from_text(text, strlen(text), &value, &error), ERROR_NONE);
    return value;
}

static void
push(struct performance_window *window, const char *net_pnl)
{
    struct decimal value = number(net_pnl);
    struct error error;
    assert_int_equal(performance_window_push(window, &value, &error), ERROR_NONE);
}

static void
assert_window(const struct performance_window *window, int count, const char *total, const char *squares,
              const char *drawdown)
{
    struct decimal expected = number(total), actual;
    struct error error;
    assert_int_equal(window->count, count);
    assert_int_equal(decimal_compare(&window->total, &expected), 0);
    expected = number(squares);
    assert_int_equal(decimal_compare(&window->squares, &expected), 0);
    expected = number(drawdown);
    assert_int_equal(performance_window_drawdown(window, &actual, &error), ERROR_NONE);
    assert_int_equal(decimal_compare(&actual, &expected), 0);
}

static void
test_drawdown(void **state)
{
    struct performance_window window;
    (void)state;
    performance_window_init(&window, PERFORMANCE_WINDOW_DAYS);
    assert_window(&window, 0, "0", "0", "0");
    push(&window, "-5"); /* the peak is 0 before the first day */
    assert_window(&window, 1, "-5", "25", "5");
    push(&window, "20");
    push(&window, "-3");
    assert_window(&window, 3, "12", "434", "5");
    push(&window, "1");
    push(&window, "-4.5");
    assert_window(&window, 5, "8.5", "455.25", "6.5");
    push(&window, "100");
    assert_window(&window, 6, "108.5", "10455.25", "6.5");
}

static void
test_slides(void **state)
{
    struct performance_window window;
    (void)state;
    performance_window_init(&window, 3);
    push(&window, "-10");
    push(&window, "2");
    push(&window, "-1");
    assert_window(&window, 3, "-9", "105", "10");
    push(&window, "-0.5"); /* the first loss leaves */
    assert_window(&window, 3, "0.5", "5.25", "1.5");
    push(&window, "3");
    push(&window, "4");
    assert_window(&window, 3, "6.5", "25.25", "0.5");
    push(&window, "5");
    assert_window(&window, 3, "12", "50", "0");
}

static void
test_too_large(void **state)
{
    struct performance_window window;
    struct decimal large = number("99999999999999999999999999999999999999999.5");
    struct error error;
    (void)state;
    performance_window_init(&window, 3);
    assert_int_equal(performance_window_push(&window, &large, &error), ERROR_RANGE);
    assert_window(&window, 0, "0", "0", "0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawdown),
        cmocka_unit_test(test_slides),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

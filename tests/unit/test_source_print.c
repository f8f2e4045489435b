/* links: ops/source_print.c ops/source_csv.c ops/source_names.c */
#include "ops/source_print.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char binance_header[] =
    "local_ts_ns,venue,symbol,event_time_ms,trade_time_ms,trade_id,price,qty,order_type,buyer_is_maker";
static const char taq_header[] = "epoch_s,ex,symbol,cond,size,price,corr";

static struct source_csv_place place = {"prints.csv", 1};
static char line[512];

static enum error_code
start(struct source_print_reader *reader, const char *format, const char *header_line, struct error *error)
{
    struct source_csv_record record;
    struct source_csv_header header;
    (void)snprintf(line, sizeof(line), "%s", header_line);
    assert_int_equal(source_csv_split(&place, line, &record, error), ERROR_NONE);
    assert_int_equal(source_csv_read_header(&place, &record, &header, error), ERROR_NONE);
    return source_print_reader_init(reader, source_print_format(format), &place, &header, error);
}

static enum error_code
read_line(struct source_print_reader *reader, const char *text, struct source_print *print, struct error *error)
{
    struct source_csv_record record;
    (void)snprintf(line, sizeof(line), "%s", text);
    assert_int_equal(source_csv_split(&place, line, &record, error), ERROR_NONE);
    return source_print_read(reader, &place, &record, print, error);
}

static void
reads_binance(void **state)
{
    struct source_print_reader reader;
    struct source_print_instrument instrument;
    struct source_print print;
    struct error error = {0};
    (void)state;
    assert_int_equal(start(&reader, "binance", binance_header, &error), ERROR_NONE);
    assert_int_equal(read_line(&reader,
                               "1,BINANCE_SPOT,BTCUSDT,1723161255343,1723161255342,3735683259,61837.63000000,"
                               "0.02000000,,true",
                               &print, &error),
                     ERROR_NONE);
    assert_string_equal(print.venue, "BINANCE_SPOT");
    assert_string_equal(print.price, "61837.63000000");
    assert_string_equal(print.quantity, "0.02000000");
    assert_string_equal(print.side, "SELL");
    assert_null(print.order_type);
    assert_true(print.traded_us == 1723161255342000 && print.reported_us == 1723161255343000);
    assert_false(print.cancelled);
    assert_int_equal(source_print_describe(&reader, &place, &print, &instrument, &error), ERROR_NONE);
    assert_string_equal(instrument.base_currency, "BTC");
    assert_string_equal(instrument.quote_currency, "USDT");
    assert_string_equal(instrument.currency, "USD");
    assert_string_equal(instrument.instrument_type, "SPOT");
    assert_int_equal(read_line(&reader, "1,BINANCE_USDM,FOOBAR,2,1,3,1,2,MARKET,false", &print, &error), ERROR_NONE);
    assert_string_equal(print.side, "BUY");
    assert_string_equal(print.order_type, "MARKET");
    assert_int_equal(source_print_describe(&reader, &place, &print, &instrument, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "\"FOOBAR\" ends in no currency"));
    source_print_reader_term(&reader);
}

/* Each price in turn, and what the tick rule makes of it; two symbols do not disturb each other. */
static void
guesses_sides_by_ticks(void **state)
{
    static const struct {
        const char *symbol, *price, *side;
    } prints[] = {
        {"AAA", "157.8", "BUY"},   {"AAA", "157.80", "BUY"}, {"AAA", "157.79", "SELL"}, {"BBB", "10", "BUY"},
        {"AAA", "157.79", "SELL"}, {"BBB", "9.5", "SELL"},   {"AAA", "157.8", "BUY"},   {"AAA", "157.8", "BUY"},
        {"BBB", "9.50", "SELL"},   {"BBB", "10", "BUY"},     {"AAA", "9.8", "SELL"},
    };
    struct source_print_reader reader;
    struct error error = {0};
    (void)state;
    assert_int_equal(start(&reader, "taq", taq_header, &error), ERROR_NONE);
    for (size_t i = 0; i < LENGTH(prints); i++) {
        char text[96];
        struct source_print print;
        (void)snprintf(text, sizeof(text), "1514887281.479,P,%s,F I,2,%s,0", prints[i].symbol, prints[i].price);
        assert_int_equal(read_line(&reader, text, &print, &error), ERROR_NONE);
        assert_string_equal(print.side, prints[i].side);
    }
    source_print_reader_term(&reader);
}

static void
knows_cancelled_prints(void **state)
{
    struct source_print_reader reader;
    struct source_print print;
    struct error error = {0};
    (void)state;
    assert_int_equal(start(&reader, "taq", taq_header, &error), ERROR_NONE);
    for (int correction = 0; correction <= 12; correction++) {
        char text[96];
        (void)snprintf(text, sizeof(text), "1514887281.479,P,XYZ,,2,157.8,%d", correction);
        assert_int_equal(read_line(&reader, text, &print, &error), ERROR_NONE);
        assert_int_equal(print.cancelled, correction == 8 || correction == 10);
    }
    source_print_reader_term(&reader);
}

static void
names_the_column_that_is_wrong(void **state)
{
    static const struct {
        const char *text, *column;
    } cases[] = {
        {"x,P,XYZ,,2,157.8,0", "epoch_s"}, {"1,,XYZ,,2,157.8,0", "ex"},     {"1,P,,,2,157.8,0", "symbol"},
        {"1,P,XYZ,,two,157.8,0", "size"},  {"1,P,XYZ,,2,NaN,0", "price"},   {"1,P,XYZ,,2,157.8,", "corr"},
        {"1,P,XYZ,,2,1e3,0", "price"},     {"1,P,XYZ,,2,157.8,-1", "corr"},
    };
    struct source_print_reader reader;
    struct source_print print;
    struct error error = {0};
    (void)state;
    assert_int_equal(start(&reader, "taq", taq_header, &error), ERROR_NONE);
    place.line = 4711;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "prints.csv line 4711, column \"%s\"", cases[i].column);
        assert_int_equal(read_line(&reader, cases[i].text, &print, &error), ERROR_FORMAT);
        assert_non_null(strstr(error.message, expected));
    }
    place.line = 1;
    source_print_reader_term(&reader);
    assert_int_equal(start(&reader, "binance", taq_header, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "has no column \"venue\""));
    source_print_reader_term(&reader);
    assert_null(source_print_format("nyse"));
}

static void
numbers_names(void **state)
{
    struct source_names names = {0};
    struct error error = {0};
    size_t number;
    bool added;
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 5000; i++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "S%zu", i);
            assert_int_equal(source_names_number(&names, name, &number, &added, &error), ERROR_NONE);
            assert_int_equal(number, i);
            assert_int_equal(added, round == 0);
        }
    }
    source_names_term(&names);
    assert_int_equal(names.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_binance),          cmocka_unit_test(guesses_sides_by_ticks),
        cmocka_unit_test(knows_cancelled_prints), cmocka_unit_test(names_the_column_that_is_wrong),
        cmocka_unit_test(numbers_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

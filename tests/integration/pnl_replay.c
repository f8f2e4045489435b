/* pnl_replay average|fifo: realised P&L of fills from standard input, one a line, "book side quantity price", side BUY
 * or SELL; a line for each goes to standard output: what it realised, then quantity and cost of its book. */
#include "jobs/pnl.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOOKS_MAX = 64, NAME_BYTES = 32, LINE_BYTES = 256 };

static struct book {
    char name[NAME_BYTES];
    struct pnl_state state;
} books[BOOKS_MAX];
static size_t book_count;

static struct book *
find_book(const char *name, enum pnl_method method)
{
    for (size_t i = 0; i < book_count; i++)
        if (strcmp(books[i].name, name) == 0)
            return &books[i];
    if (book_count == BOOKS_MAX)
        return NULL;
    struct book *book = &books[book_count++];
    (void)snprintf(book->name, sizeof(book->name), "%s", name);
    book->state = pnl_flat(method);
    return book;
}

static enum error_code
read_number(const char *text, struct decimal *value, struct error *error)
{
    return decimal_from_text(text, strlen(text), value, error);
}

static void
print_number(const struct decimal *value, char end)
{
    char text[DECIMAL_TEXT_BYTES];
    (void)decimal_to_text(value, text, sizeof(text));
    printf("%s%c", text, end);
}

static enum error_code
replay(const char *line, int64_t number, enum pnl_method method, struct error *error)
{
    char name[NAME_BYTES], side[8], quantity[64], price[64];
    struct pnl_fill fill = {.executed_at_us = number, .multiplier = decimal_from_int64(1, 0)};
    struct decimal realized;
    bool closes;
    if (sscanf(line, "%31s %7s %63s %63s", name, side, quantity, price) != 4)
        return error_set(error, ERROR_FORMAT, "\"%s\" is no fill", line);
    struct book *book = find_book(name, method);
    if (!book)
        return error_set(error, ERROR_RANGE, "more than %d books", BOOKS_MAX);
    fill.side = strcmp(side, "BUY") == 0 ? PNL_BUY : PNL_SELL;
    if (read_number(quantity, &fill.quantity, error) || read_number(price, &fill.price, error) ||
        pnl_apply(&book->state, &fill, &realized, &closes, error) || pnl_check_lots(&book->state, error))
        return error->code;
    print_number(&realized, ' ');
    print_number(&book->state.quantity, ' ');
    print_number(&book->state.cost, '\n');
    return ERROR_NONE;
}

int
main(int count, char **arguments)
{
    char line[LINE_BYTES];
    struct error error;
    enum error_code code = ERROR_NONE;
    if (count != 2) {
        fprintf(stderr, "usage: pnl_replay average|fifo\n");
        return 2;
    }
    enum pnl_method method = strcmp(arguments[1], "fifo") == 0 ? PNL_FIFO : PNL_AVERAGE_COST;
    for (int64_t number = 1; !code && fgets(line, sizeof(line), stdin); number++) {
        code = replay(line, number, method, &error);
        if (code)
            fprintf(stderr, "pnl_replay: line %" PRId64 ": %s\n", number, error.message);
    }
    for (size_t i = 0; i < book_count; i++)
        pnl_release(&books[i].state);
    return code ? 1 : 0;
}

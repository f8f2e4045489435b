/* Realised P&L of fills in memory, for ops/bench pnl: the calculation and nothing else.
 *
 *   pnl_fills average|fifo LOTS BOOKS DECIMALS FILLS
 *
 * The books are long and hold about LOTS lots each: one that holds fewer buys, one that does not sells, so much that
 * now a lot breaks and now several go. Fills go round the books. DECIMALS of quantity and price: 0 is whole shares at
 * prices of 2 decimals. Both methods are given the same fills. Prints fills a second of processor time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jobs/pnl.h"

struct order {
    int64_t quantity, price; /* unscaled */
    bool buys;
};

struct course {
    int64_t lots, books, decimals, fills;
    struct order *orders;
};

static uint64_t
next_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15U;
    uint64_t mixed = (*state ^ *state >> 30) * 0xBF58476D1CE4E5B9U;
    return mixed ^ mixed >> 27;
}

static void
must(enum error_code code, const struct error *error)
{
    if (!code)
        return;
    fprintf(stderr, "pnl_fills: %s\n", error->message);
    exit(1);
}

static void *
allocate(int64_t count, size_t size)
{
    void *memory = calloc((size_t)count, size);
    if (memory)
        return memory;
    fprintf(stderr, "pnl_fills: out of memory\n");
    exit(1);
}

static struct decimal
apply(const struct course *course, struct pnl_state *book, int64_t number)
{
    const struct order *order = &course->orders[number];
    unsigned decimals = (unsigned)course->decimals;
    struct pnl_fill fill = {.side = order->buys ? PNL_BUY : PNL_SELL,
                            .quantity = decimal_from_int64(order->quantity, decimals),
                            .price = decimal_from_int64(order->price, decimals ? decimals : 2),
                            .multiplier = decimal_from_int64(1, 0),
                            .executed_at_us = number,
                            .reference = "1234567",
                            .reference_length = 7};
    struct decimal realized;
    struct error error;
    bool closes;
    must(pnl_apply(book, &fill, &realized, &closes, &error), &error);
    return realized;
}

static struct pnl_state *
make_books(const struct course *course, enum pnl_method method)
{
    struct pnl_state *books = allocate(course->books, sizeof(*books));
    for (int64_t i = 0; i < course->books; i++)
        books[i] = pnl_flat(method);
    return books;
}

static void
free_books(const struct course *course, struct pnl_state *books)
{
    for (int64_t i = 0; i < course->books; i++)
        pnl_release(&books[i]);
    free(books);
}

/* Decides what each book does next by the lots that it has. */
static void
draw_orders(struct course *course)
{
    uint64_t state = 7;
    int64_t unit = 1;
    struct pnl_state *books = make_books(course, PNL_FIFO);
    for (int64_t i = 0; i < course->decimals; i++)
        unit *= 10;
    for (int64_t i = 0; i < course->fills; i++) {
        struct pnl_state *book = &books[i % course->books];
        struct order *order = &course->orders[i];
        order->quantity = (int64_t)(next_random(&state) % (uint64_t)(900 * unit)) + 1;
        order->price = (int64_t)(next_random(&state) % (uint64_t)(50 * (course->decimals ? unit : 100))) + 1;
        order->buys = !book->lots || (int64_t)book->lots->count < course->lots;
        (void)apply(course, book, i);
    }
    free_books(course, books);
}

static double
seconds_of(const struct course *course, enum pnl_method method)
{
    struct pnl_state *books = make_books(course, method);
    struct timespec begin, end;
    uint64_t sum = 0; /* so that nothing is left out */
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int64_t i = 0; i < course->fills; i++)
        sum += apply(course, &books[i % course->books], i).limb[0];
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    free_books(course, books);
    if (!sum)
        fprintf(stderr, "pnl_fills: nothing was realised\n");
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

int
main(int argc, char **argv)
{
    int64_t numbers[4] = {0};
    for (int i = 2; i < argc && i < 6; i++)
        numbers[i - 2] = strtoll(argv[i], NULL, 10);
    struct course course = {.lots = numbers[0], .books = numbers[1], .decimals = numbers[2], .fills = numbers[3]};
    if (argc != 6 || course.lots < 1 || course.books < 1 || course.fills < 1 || course.decimals < 0 ||
        course.decimals > PNL_INPUT_SCALE) {
        fprintf(stderr, "usage: pnl_fills average|fifo LOTS BOOKS DECIMALS FILLS\n");
        return 2;
    }
    course.orders = allocate(course.fills, sizeof(*course.orders));
    draw_orders(&course);
    double seconds = seconds_of(&course, strcmp(argv[1], "fifo") == 0 ? PNL_FIFO : PNL_AVERAGE_COST);
    printf("%.0f\n", (double)course.fills / seconds);
    free(course.orders);
    return 0;
}

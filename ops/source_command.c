/* tapemill source: a sample source to work and test with. */
#include "ops/source_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/calendar_date.h"
#include "ops/source_evolve.h"
#include "ops/source_summary.h"
#include "ops/source_tables.h"

/* ---- init ---------------------------------------------------------------------------------------------------- */

static enum error_code
run_init(const struct command_line *line, struct error *error)
{
    struct database *database = NULL;
    if (source_tables_open(&database, error))
        return error->code;
    enum error_code code = source_tables_create(database, command_flag(line, "--replace"), error);
    code = source_tables_close(database, code, error);
    if (!code)
        printf("created the source's %d tables\n", SOURCE_TABLE_COUNT);
    return code;
}

/* ---- evolve -------------------------------------------------------------------------------------------------- */

static enum error_code
read_evolution(const struct command_line *line, struct source_plan *plan, struct error *error)
{
    bool given = false;
    int64_t seed = 0;
    if (command_integer(line, "--seed", 0, INT64_MAX, 1, &seed, error) ||
        command_date(line, "--date", &plan->from, &given, error))
        return error->code;
    if (!given)
        return error_set(error, ERROR_USAGE, "source evolve needs the day whose changes are made: --date YYYY-MM-DD");
    plan->seed = (uint64_t)seed;
    plan->through = plan->from;
    return source_plan_load_zone(plan, error);
}

static enum error_code
evolve(struct database *database, const struct source_plan *plan, int64_t changed[SOURCE_DIMENSION_COUNT],
       struct error *error)
{
    int64_t evolved = 0;
    bool known = false;
    char last[CALENDAR_DATE_BYTES];
    if (source_tables_ensure(database, error) ||
        source_tables_setting(database, "evolved_through", &evolved, &known, error))
        return error->code;
    if (known && plan->from <= evolved)
        return error_set(error, ERROR_ARGUMENT, "the source has the changes through %s already; --date must be later",
                         calendar_date_format((int32_t)evolved, last));
    if (source_evolve_day(database, plan, plan->from, changed, error))
        return error->code;
    return source_tables_set(database, "evolved_through", plan->from, error);
}

static enum error_code
print_changes(const int64_t changed[SOURCE_DIMENSION_COUNT], bool json, struct error *error)
{
    static const struct command_column columns[] = {{"table", COMMAND_KIND_TEXT}, {"changed", COMMAND_KIND_INTEGER}};
    const struct command_style style = {.form = command_print_form(json)};
    char numbers[SOURCE_DIMENSION_COUNT][24];
    const char *cells[SOURCE_DIMENSION_COUNT * 2];
    for (int i = 0; i < SOURCE_DIMENSION_COUNT; i++) {
        (void)snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, changed[i]);
        cells[2 * i] = source_table_name(source_evolve_table((enum source_dimension)i));
        cells[2 * i + 1] = numbers[i];
    }
    const struct command_grid grid = {columns, 2, cells, SOURCE_DIMENSION_COUNT};
    return command_print_grid(stdout, &grid, &style, error);
}

static enum error_code
run_evolve(const struct command_line *line, struct error *error)
{
    struct source_plan *plan = calloc(1, sizeof(*plan));
    struct database *database = NULL;
    int64_t changed[SOURCE_DIMENSION_COUNT] = {0};
    if (!plan)
        return error_set(error, ERROR_MEMORY, "out of memory for the sample source");
    enum error_code code = read_evolution(line, plan, error);
    if (!code && !(code = source_tables_open(&database, error)))
        code = source_tables_close(database, evolve(database, plan, changed, error), error);
    free(plan);
    return code ? code : print_changes(changed, command_flag(line, "--json"), error);
}

/* ---- summary ------------------------------------------------------------------------------------------------- */

static enum error_code
run_summary(const struct command_line *line, struct error *error)
{
    struct database *database = NULL;
    if (source_tables_open(&database, error))
        return error->code;
    enum error_code code = source_tables_ensure(database, error);
    if (!code)
        code = source_summary_print(database, command_flag(line, "--json"), error);
    return source_tables_close(database, code, error);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct command_option init_options[] = {
    {"--replace", NULL, "drop the tables that exist, and all their rows", false},
    {0},
};

static const struct command_option generate_options[] = {
    {"--from", "DATE", "first day", false},
    {"--days", "N", "how many days, weekends counted (default 5)", false},
    {"--seed", "N", "same seed, same rows (default 1)", false},
    {"--rows", "N", "executions of the desk on a weekday (default 10000)", false},
    {"--client-rows", "N", "trades of clients on a weekday (default: a tenth of --rows)", false},
    {"--quotes", "N", "quotes on a weekday (default: a fifth of --rows)", false},
    {"--instruments", "N", "default 40", false},
    {"--accounts", "N", "default 8", false},
    {"--clients", "N", "default 20", false},
    {"--strategies", "N", "default 6", false},
    {"--providers", "N", "liquidity providers (default 5)", false},
    {"--tenants", "N", "default 2", false},
    {"--dirty", "N", "rows in 1000 that are wrong on purpose (default 2)", false},
    {"--corrections", "N", "trades in 1000 that were corrected later (default 5)", false},
    {"--busts", "N", "trades in 1000 that were cancelled later (default 2)", false},
    {"--late", "N", "trades in 1000 that were recorded days later (default 5)", false},
    {"--weekends", "none|few", "whether Saturdays and Sundays have a few rows (default none)", false},
    {"--missing-rate", "CURRENCY", "leave out all rates of EUR, JPY, GBP or CHF", false},
    {"--replace", NULL, "empty the tables first", false},
    {"--append", NULL, "add days behind those that are there", false},
    {"--json", NULL, "print the summary as JSON", false},
    {0},
};

static const struct command_option evolve_options[] = {
    {"--date", "DATE", "the day whose changes are made", false},
    {"--seed", "N", "the seed of the source (default 1)", false},
    {"--json", NULL, "print JSON", false},
    {0},
};

static const struct command_option import_options[] = {
    {"--format", "binance|taq", "what the file holds", false},
    {"--accounts", "N", "accounts the prints are spread over (default 4)", false},
    {"--strategies", "N", "strategies the orders are spread over (default 3)", false},
    {"--json", NULL, "print the summary as JSON", false},
    {0},
};

static const struct command_option summary_options[] = {
    {"--json", NULL, "print JSON", false},
    {0},
};

static const struct command source_init = {
    .name = "source init",
    .usage = "",
    .summary = "create the tables of a sample source",
    .detail = "The tables are those of sql/source/schema.sql, in the database TAPEMILL_SOURCE_URL names.",
    .options = init_options,
    .run = run_init,
};

static const struct command source_generate = {
    .name = "source generate",
    .usage = "--from DATE",
    .summary = "fill the tables: orders, executions, trades, quotes, rates and all they refer to",
    .detail = "The same arguments make the same rows, byte by byte, and a day's rows do not depend on the first day.\n"
              "The summary tells what was made: rows per table, and by table and kind the rows that are wrong on\n"
              "purpose, with what a load is expected to make of them. Positions are what the executions come to, some\n"
              "in several lots; a few hold more on purpose, told in table sample_breaks. Creates the tables where\n"
              "there are none.",
    .options = generate_options,
    .run = source_generate_run,
};

static const struct command source_evolve = {
    .name = "source evolve",
    .usage = "--date DATE",
    .summary = "make one more day's changes of instruments, accounts, strategies, clients, providers",
    .detail = "On every weekday one member in fifty changes an attribute; updated_at is an instant of that day.\n"
              "Days up to the last one generated have had their changes.",
    .options = evolve_options,
    .run = run_evolve,
};

static const struct command source_import = {
    .name = "source import",
    .usage = "FILE",
    .summary = "import real prints from a CSV file, plain or compressed by zstd",
    .detail =
        "Price, size, time and venue are the file's, numbers digit by digit. Each print becomes one execution and one\n"
        "order of the desk. The rest is assigned by rule, so that the same file gives the same rows:\n"
        "  execution_id  1,000,000,000 x the file's number in sample_imports, plus the row in the file (1: first "
        "print);\n"
        "                the order has the same number\n"
        "  account,      one of --accounts and one of --strategies, ids from 9001 on, by a hash of the row in the "
        "file\n"
        "  strategy\n"
        "  instrument    one per venue and symbol, ids from 9001 on; currency USD, also where prices are in USDT\n"
        "  side          binance: the aggressor's, SELL if buyer_is_maker; taq: by the tick rule (BUY above the last\n"
        "                different price of the symbol, SELL below, BUY before there is one)\n"
        "  status        taq: CANCELLED where corr is 8 or 10; else NEW\n"
        "  updated_at    the time of the print\n"
        "A file with a line that is wrong is not imported at all; nor is a file that was imported before.",
    .options = import_options,
    .words_min = 1,
    .words_max = 1,
    .run = source_import_run,
};

static const struct command source_summary = {
    .name = "source summary",
    .usage = "",
    .summary = "show what was generated and imported",
    .options = summary_options,
    .run = run_summary,
};

static const struct command *const verbs[] = {
    &source_init, &source_generate, &source_evolve, &source_import, &source_summary, NULL,
};

extern const struct command command_source;
const struct command command_source = {
    .name = "source",
    .usage = "",
    .summary = "create and fill a sample source: generated rows, or real prints",
    .verbs = verbs,
};

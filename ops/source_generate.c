/* tapemill source generate: fills the source's tables by a plan. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "ops/command.h"
#include "ops/source_command.h"
#include "ops/source_evolve.h"
#include "ops/source_generator.h"
#include "ops/source_tables.h"

enum { RATES_BEFORE_DAYS = 10 }; /* rates begin so many days early, so that the first weekend has one */

/* A number of the plan: its option, bounds and default. -1: a default that follows from others. */
struct plan_number {
    const char *option;
    size_t offset; /* in struct source_plan */
    int64_t minimum, maximum, fallback;
};

#define NUMBER(option, field, minimum, maximum, fallback)                                                              \
    {                                                                                                                  \
        option, offsetof(struct source_plan, field), minimum, maximum, fallback                                        \
    }

static const struct plan_number plan_numbers[] = {
    NUMBER("--rows", rows, 0, SOURCE_ROWS_MAX, 10000),
    NUMBER("--client-rows", client_rows, 0, SOURCE_ROWS_MAX, -1),
    NUMBER("--quotes", quotes, 0, SOURCE_ROWS_MAX, -1),
    NUMBER("--instruments", instruments, 1, 100000, 40),
    NUMBER("--accounts", accounts, 1, 9000, 8),
    NUMBER("--clients", clients, 1, 900000, 20),
    NUMBER("--strategies", strategies, 1, 900, 6),
    NUMBER("--providers", providers, 1, 9000, 5),
    NUMBER("--tenants", tenants, 1, 1000, 2),
    NUMBER("--dirty", dirty, 0, 1000, 2),
    NUMBER("--corrections", corrections, 0, 300, 5),
    NUMBER("--busts", busts, 0, 300, 2),
    NUMBER("--late", late, 0, 300, 5),
};

static int64_t *
number_at(struct source_plan *plan, size_t offset)
{
    return (int64_t *)(void *)((char *)plan + offset);
}

static enum error_code
read_numbers(const struct command_line *line, struct source_plan *plan, struct error *error)
{
    for (size_t i = 0; i < sizeof(plan_numbers) / sizeof(plan_numbers[0]); i++) {
        const struct plan_number *number = &plan_numbers[i];
        if (command_integer(line, number->option, number->minimum, number->maximum, number->fallback,
                            number_at(plan, number->offset), error))
            return error->code;
    }
    if (plan->client_rows < 0)
        plan->client_rows = plan->rows / 10;
    if (plan->quotes < 0)
        plan->quotes = plan->rows / 5;
    if (plan->tenants > plan->clients)
        plan->tenants = plan->clients;
    return ERROR_NONE;
}

static enum error_code
read_days(const struct command_line *line, struct source_plan *plan, struct error *error)
{
    bool given = false;
    int64_t days = 0;
    if (command_date(line, "--from", &plan->from, &given, error) ||
        command_integer(line, "--days", 1, SOURCE_LAST_DAYS - SOURCE_EPOCH_DAYS, 5, &days, error))
        return error->code;
    if (!given)
        return error_set(error, ERROR_USAGE, "source generate needs the first day: --from YYYY-MM-DD");
    if (plan->from <= SOURCE_EPOCH_DAYS + 30 || plan->from + days - 1 > SOURCE_LAST_DAYS)
        return error_set(error, ERROR_USAGE,
                         "--from %s --days %" PRId64 " leaves the years a sample can have, 2000-02-01 to 2099-12-31",
                         command_value(line, "--from"), days);
    plan->through = plan->from + (int32_t)days - 1;
    return ERROR_NONE;
}

static enum error_code
read_plan(const struct command_line *line, struct source_plan *plan, struct error *error)
{
    static const char *const weekends[] = {"none", "few", NULL};
    static const char *const currencies[] = {"EUR", "JPY", "GBP", "CHF", NULL};
    const char *weekend = NULL;
    int64_t seed = 0;
    if (command_integer(line, "--seed", 0, INT64_MAX, 1, &seed, error) || read_days(line, plan, error) ||
        read_numbers(line, plan, error) || command_choice(line, "--weekends", weekends, "none", &weekend, error) ||
        command_choice(line, "--missing-rate", currencies, NULL, &plan->missing_rate, error))
        return error->code;
    plan->seed = (uint64_t)seed;
    plan->weekends = strcmp(weekend, "few") == 0;
    plan->append = command_flag(line, "--append");
    if (plan->append && command_flag(line, "--replace"))
        return error_set(error, ERROR_USAGE, "--append keeps what is there, --replace empties it: choose one");
    return source_plan_load_zone(plan, error);
}

/* The numbers of members, among plan_numbers: the plan that days are appended by has those of the first one. */
enum { MEMBERS_FIRST = 3, MEMBERS_END = 9 };

static const char *
setting_name(const struct plan_number *number)
{
    return number->option + 2;
}

static enum error_code
remember_plan(struct database *database, struct source_plan *plan, struct error *error)
{
    for (size_t i = MEMBERS_FIRST; i < MEMBERS_END; i++)
        if (source_tables_set(database, setting_name(&plan_numbers[i]), *number_at(plan, plan_numbers[i].offset),
                              error))
            return error->code;
    if (source_tables_set(database, "seed", (int64_t)plan->seed, error) ||
        source_tables_set(database, "through", plan->through, error))
        return error->code;
    return source_tables_set(database, "evolved_through", plan->through, error);
}

/* What the days must fit that are to be appended. *through: the last day there is. */
static enum error_code
recall_plan(struct database *database, struct source_plan *plan, int64_t *through, struct error *error)
{
    int64_t seed = 0;
    bool known = false;
    char last[CALENDAR_DATE_BYTES];
    if (source_tables_setting(database, "seed", &seed, &known, error))
        return error->code;
    if (!known)
        return error_set(error, ERROR_ARGUMENT,
                         "there is nothing to append to: the source was not generated; leave out --append");
    if ((uint64_t)seed != plan->seed)
        return error_set(error, ERROR_ARGUMENT,
                         "the source was generated with --seed %" PRId64 "; days are appended with the same seed",
                         seed);
    if (source_tables_setting(database, "through", through, &known, error))
        return error->code;
    for (size_t i = MEMBERS_FIRST; i < MEMBERS_END; i++)
        if (source_tables_setting(database, setting_name(&plan_numbers[i]), number_at(plan, plan_numbers[i].offset),
                                  &known, error))
            return error->code;
    if (plan->from <= *through)
        return error_set(error, ERROR_ARGUMENT, "the source holds days through %s; --append needs a later --from",
                         calendar_date_format((int32_t)*through, last));
    return ERROR_NONE;
}

static enum error_code
append_changes(struct database *database, const struct source_plan *plan, struct error *error)
{
    int64_t evolved = 0, changed[SOURCE_DIMENSION_COUNT] = {0};
    bool known = false;
    if (source_tables_setting(database, "evolved_through", &evolved, &known, error))
        return error->code;
    for (int32_t days = (int32_t)evolved + 1; days <= plan->through; days++)
        if (source_evolve_day(database, plan, days, changed, error))
            return error->code;
    return ERROR_NONE;
}

/* Rates for the weekdays from a day on, up to the first of the plan's own days. */
static enum error_code
write_earlier_rates(struct source_generator *generator, int32_t first, struct error *error)
{
    for (int32_t days = first; days < generator->plan.from; days++) {
        struct source_day day = source_plan_day(&generator->plan, days);
        source_market_walk(&generator->market, days);
        if (source_rates_write(generator, &day, error))
            return error->code;
    }
    return ERROR_NONE;
}

static enum error_code
write_day(struct source_generator *generator, int32_t days, struct error *error)
{
    struct source_day day = source_plan_day(&generator->plan, days);
    source_market_walk(&generator->market, days);
    if (source_desk_write(generator, &day, error) || source_clients_write(generator, &day, error) ||
        source_quotes_write(generator, &day, error) || source_risk_write(generator, &day, error))
        return error->code;
    return source_rates_write(generator, &day, error);
}

static enum error_code
write_days(struct source_generator *generator, struct error *error)
{
    const struct source_plan *plan = &generator->plan;
    struct command_progress progress;
    enum error_code code = ERROR_NONE;
    command_progress_begin(&progress, "source generate", "days", plan->through - plan->from + 1);
    for (int32_t days = plan->from; !code && days <= plan->through; days++) {
        code = write_day(generator, days, error);
        if (!code)
            command_progress_update(&progress, days - plan->from + 1, NULL);
    }
    if (!code)
        code = source_sink_flush(&generator->sink, error);
    command_progress_end(&progress, NULL);
    return code;
}

static enum error_code
name_members(struct source_generator *generator, struct error *error)
{
    const struct source_plan *plan = &generator->plan;
    generator->client_ids = calloc((size_t)plan->clients, sizeof(*generator->client_ids));
    generator->provider_ids = calloc((size_t)plan->providers, sizeof(*generator->provider_ids));
    if (!generator->client_ids || !generator->provider_ids)
        return error_set(error, ERROR_MEMORY, "out of memory for %" PRId64 " clients and %" PRId64 " providers",
                         plan->clients, plan->providers);
    for (int64_t i = 0; i < plan->clients; i++)
        (void)source_member_uuid(plan, SOURCE_DIMENSION_CLIENT, i, generator->client_ids[i]);
    for (int64_t i = 0; i < plan->providers; i++)
        (void)source_member_uuid(plan, SOURCE_DIMENSION_PROVIDER, i, generator->provider_ids[i]);
    return ERROR_NONE;
}

/* All rows of the plan: members, or their changes; then day by day. */
static enum error_code
write_rows(struct source_generator *generator, struct database *database, struct error *error)
{
    struct source_plan *plan = &generator->plan;
    int64_t through = plan->from - RATES_BEFORE_DAYS - 1;
    if (plan->append && recall_plan(database, plan, &through, error))
        return error->code;
    if (source_market_init(&generator->market, plan, error) || name_members(generator, error))
        return error->code;
    if (plan->append ? append_changes(database, plan, error) : source_dimensions_write(generator, error))
        return error->code;
    if (write_earlier_rates(generator, (int32_t)through + 1, error) || write_days(generator, error))
        return error->code;
    return remember_plan(database, plan, error);
}

static enum error_code
fill(struct source_generator *generator, struct database *database, bool replace, struct error *error)
{
    struct source_summary *summary = &generator->summary;
    bool append = generator->plan.append;
    if (source_tables_ensure(database, error) || (!append && source_tables_empty(database, replace, error)) ||
        (!append && source_tables_drop_indexes(database, error)) || write_rows(generator, database, error) ||
        (!append && source_tables_create_indexes(database, error)) ||
        source_tables_derive_positions(database, &summary->tables[SOURCE_POSITIONS].rows, error))
        return error->code;
    for (int table = 0; table < SOURCE_TABLE_COUNT; table++)
        if (table != SOURCE_POSITIONS)
            summary->tables[table].rows = generator->sink.rows[table];
    return source_summary_store(summary, database, error);
}

static void
free_generator(struct source_generator *generator)
{
    source_market_term(&generator->market);
    source_sink_term(&generator->sink);
    free(generator->client_ids);
    free(generator->provider_ids);
    free(generator);
}

static enum error_code
generate(struct source_generator *generator, const struct command_line *line, struct error *error)
{
    struct database *database = NULL;
    if (read_plan(line, &generator->plan, error) || source_tables_open(&database, error))
        return error->code;
    source_sink_init(&generator->sink, database);
    enum error_code code = fill(generator, database, command_flag(line, "--replace"), error);
    if (!code)
        code = source_summary_print(database, command_flag(line, "--json"), error);
    return source_tables_close(database, code, error);
}

enum error_code
source_generate_run(const struct command_line *line, struct error *error)
{
    struct source_generator *generator = calloc(1, sizeof(*generator));
    if (!generator)
        return error_set(error, ERROR_MEMORY, "out of memory for the sample source");
    enum error_code code = generate(generator, line, error);
    free_generator(generator);
    return code;
}

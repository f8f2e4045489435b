/* The members of the sample source's dimensions, as they are at the plan's end. */
#include <inttypes.h>
#include <stdio.h>

#include "ops/source_generator.h"

enum { NAME_BYTES = 48 };

/* A text with a number behind it, as "ACC-00009". */
static void
put_name(struct source_sink *sink, const char *prefix, int width, int64_t number)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s%0*" PRId64, prefix, width, number);
    source_sink_text(sink, name);
}

static void
put_choice(struct source_sink *sink, enum source_dimension dimension, int attribute, const struct source_member *member)
{
    source_sink_text(sink, source_member_choice(dimension, attribute, member));
}

static void
put_instrument(struct source_generator *generator, int64_t index, const struct source_member *member)
{
    const struct source_instrument_kind *kind = source_market_kind(index);
    struct source_sink *sink = &generator->sink;
    source_sink_integer(sink, index + 1);
    put_name(sink, kind->prefix, 4, index + 1);
    put_name(sink, "Sample Instrument ", 4, index + 1);
    source_sink_text(sink, kind->exchange);
    source_sink_text(sink, kind->asset_class);
    source_sink_text(sink, kind->instrument_type);
    put_choice(sink, SOURCE_DIMENSION_INSTRUMENT, 0, member);
    put_choice(sink, SOURCE_DIMENSION_INSTRUMENT, 1, member);
    put_choice(sink, SOURCE_DIMENSION_INSTRUMENT, 2, member);
    source_sink_text(sink, kind->country);
    source_sink_text(sink, kind->currency);
    source_sink_text(sink, kind->base_currency);
    source_sink_text(sink, kind->quote_currency);
    source_sink_decimal(sink, kind->tick_e8);
    source_sink_decimal(sink, kind->lot_e8);
    source_sink_integer(sink, kind->multiplier);
    source_sink_integer(sink, kind->price_precision);
    source_sink_integer(sink, kind->quantity_precision);
    source_sink_boolean(sink, true);
}

static void
put_account(struct source_generator *generator, int64_t index, const struct source_member *member)
{
    struct source_sink *sink = &generator->sink;
    char tenant[SOURCE_UUID_BYTES];
    int64_t client = source_member_account_client(&generator->plan, index);
    bool house = source_member_account_is_house(&generator->plan, index);
    (void)source_member_tenant(source_member_client_tenant(&generator->plan, client), tenant);
    source_sink_integer(sink, index + 1);
    source_sink_text(sink, house ? NULL : tenant);
    source_sink_text(sink, house ? NULL : generator->client_ids[client]);
    put_name(sink, "ACC-", 5, index + 1);
    put_name(sink, "Sample Account ", 5, index + 1);
    put_choice(sink, SOURCE_DIMENSION_ACCOUNT, 2, member);
    put_choice(sink, SOURCE_DIMENSION_ACCOUNT, 1, member);
    source_sink_text(sink, index % 5 == 4 ? "EUR" : "USD");
    put_choice(sink, SOURCE_DIMENSION_ACCOUNT, 0, member);
    source_sink_boolean(sink, true);
}

static void
put_strategy(struct source_generator *generator, int64_t index, const struct source_member *member)
{
    static const char *const types[] = {"MARKET_MAKING", "STATISTICAL_ARBITRAGE", "MOMENTUM", "MEAN_REVERSION"};
    struct source_sink *sink = &generator->sink;
    source_sink_integer(sink, index + 1);
    put_name(sink, "Sample Strategy ", 3, index + 1);
    source_sink_text(sink, types[index % 4]);
    put_choice(sink, SOURCE_DIMENSION_STRATEGY, 2, member);
    put_choice(sink, SOURCE_DIMENSION_STRATEGY, 1, member);
    source_sink_integer(sink, member->values[0]);
    source_sink_boolean(sink, true);
}

static void
put_client(struct source_generator *generator, int64_t index, const struct source_member *member)
{
    static const char *const types[] = {"INSTITUTION", "FUND", "CORPORATE"};
    struct source_sink *sink = &generator->sink;
    char tenant[SOURCE_UUID_BYTES];
    source_sink_text(sink, generator->client_ids[index]);
    source_sink_text(sink, source_member_tenant(source_member_client_tenant(&generator->plan, index), tenant));
    put_name(sink, "C", 6, index + 1);
    put_name(sink, "Sample Client ", 6, index + 1);
    source_sink_text(sink, types[index % 3]);
    put_choice(sink, SOURCE_DIMENSION_CLIENT, 1, member);
    put_choice(sink, SOURCE_DIMENSION_CLIENT, 0, member);
    put_choice(sink, SOURCE_DIMENSION_CLIENT, 2, member);
    source_sink_date(sink, generator->plan.from - 400 - (int32_t)(index % 3000));
    source_sink_text(sink, "ACTIVE");
}

static void
put_provider(struct source_generator *generator, int64_t index, const struct source_member *member)
{
    struct source_sink *sink = &generator->sink;
    source_sink_text(sink, generator->provider_ids[index]);
    put_name(sink, "LP", 4, index + 1);
    put_name(sink, "Sample Provider ", 4, index + 1);
    source_sink_text(sink, index % 2 ? "ECN" : "BANK");
    put_choice(sink, SOURCE_DIMENSION_PROVIDER, 1, member);
    put_choice(sink, SOURCE_DIMENSION_PROVIDER, 0, member);
    source_sink_boolean(sink, true);
}

enum error_code
source_dimensions_write(struct source_generator *generator, struct error *error)
{
    const struct source_plan *plan = &generator->plan;
    const struct {
        enum source_table table;
        enum source_dimension dimension;
        int64_t count;
        void (*put)(struct source_generator *, int64_t, const struct source_member *);
    } dimensions[] = {
        {SOURCE_INSTRUMENTS, SOURCE_DIMENSION_INSTRUMENT, plan->instruments, put_instrument},
        {SOURCE_ACCOUNTS, SOURCE_DIMENSION_ACCOUNT, plan->accounts, put_account},
        {SOURCE_STRATEGIES, SOURCE_DIMENSION_STRATEGY, plan->strategies, put_strategy},
        {SOURCE_CLIENTS, SOURCE_DIMENSION_CLIENT, plan->clients, put_client},
        {SOURCE_PROVIDERS, SOURCE_DIMENSION_PROVIDER, plan->providers, put_provider},
    };
    for (size_t i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]); i++) {
        for (int64_t index = 0; index < dimensions[i].count; index++) {
            struct source_member member = source_member_end(plan, dimensions[i].dimension, index, dimensions[i].count);
            source_sink_begin_row(&generator->sink, dimensions[i].table);
            dimensions[i].put(generator, index, &member);
            source_sink_instant(&generator->sink, member.updated_us);
            if (source_sink_end_row(&generator->sink, error))
                return error->code;
        }
    }
    return ERROR_NONE;
}

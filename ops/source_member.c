#include "ops/source_member.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"

#define CHOICES(list) list, (int)(sizeof(list) / sizeof((list)[0]))

static const char *const sectors[] = {"Technology", "Financials", "Health Care", "Industrials",
                                      "Energy",     "Utilities",  "Materials",   "Real Estate"};
static const char *const industries[] = {"Software", "Banks", "Equipment", "Transport", "Services", "Distribution"};
static const char *const capitalisations[] = {"LARGE", "MID", "SMALL", "MEGA"};
static const char *const account_types[] = {"PROPRIETARY", "AGENCY", "MARKET_MAKING"};
static const char *const brokers[] = {"Broker North", "Broker East", "Broker South", "Broker West"};
static const char *const risk_tiers[] = {"LOW", "MEDIUM", "HIGH"};
static const char *const categories[] = {"QUANTITATIVE", "EXECUTION", "ARBITRAGE", "HEDGING"};
static const char *const segments[] = {"RETAIL", "PROFESSIONAL", "INSTITUTIONAL", "PLATINUM"};
static const char *const regions[] = {"AMER", "EMEA", "APAC", "LATAM"};
static const char *const client_industries[] = {"Asset Management", "Insurance", "Pension Fund", "Corporate", "Bank"};
static const char *const tiers[] = {"TIER_1", "TIER_2", "TIER_3"};

static const struct source_attributes dimensions[SOURCE_DIMENSION_COUNT] = {
    [SOURCE_DIMENSION_INSTRUMENT] = {3,
                                     {{"sector", CHOICES(sectors)},
                                      {"industry", CHOICES(industries)},
                                      {"market_cap_category", CHOICES(capitalisations)}}},
    [SOURCE_DIMENSION_ACCOUNT] = {3,
                                  {{"risk_tier", CHOICES(risk_tiers)},
                                   {"broker", CHOICES(brokers)},
                                   {"account_type", CHOICES(account_types)}}},
    [SOURCE_DIMENSION_STRATEGY] =
        {3, {{"version", NULL, 0}, {"risk_tier", CHOICES(risk_tiers)}, {"strategy_category", CHOICES(categories)}}},
    [SOURCE_DIMENSION_CLIENT] =
        {3, {{"segment", CHOICES(segments)}, {"region", CHOICES(regions)}, {"industry", CHOICES(client_industries)}}},
    [SOURCE_DIMENSION_PROVIDER] = {2, {{"tier", CHOICES(tiers)}, {"region", CHOICES(regions)}}},
};

const struct source_attributes *
source_member_attributes(enum source_dimension dimension)
{
    return &dimensions[dimension];
}

static struct source_random
numbers_of(const struct source_plan *plan, enum source_part part, int32_t days, enum source_dimension dimension,
           int64_t index)
{
    return source_plan_random(plan, part, days, ((uint64_t)dimension << 56) | (uint64_t)index);
}

struct source_member
source_member_begin(const struct source_plan *plan, enum source_dimension dimension, int64_t index)
{
    static const int64_t month_us = INT64_C(30) * CALENDAR_DATE_DAY_S * 1000000;
    const struct source_attributes *own = &dimensions[dimension];
    struct source_random random = numbers_of(plan, SOURCE_PART_MEMBER, 0, dimension, index);
    struct source_member member = {.updated_us = source_plan_day(plan, plan->from).midnight_us - month_us + index};
    for (int i = 0; i < own->count; i++)
        member.values[i] =
            own->attributes[i].choices ? (int64_t)source_random_below(&random, (uint64_t)own->attributes[i].count) : 1;
    return member;
}

/* Every fiftieth member, starting from one that differs from day to day. */
static bool
is_due(const struct source_plan *plan, enum source_dimension dimension, int32_t days, int64_t index, int64_t count)
{
    static const int64_t share = 50;
    int64_t period = count < share ? count : share;
    struct source_random random = numbers_of(plan, SOURCE_PART_EVOLUTION, days, dimension, INT64_C(1) << 48);
    return calendar_date_weekday(days) < CALENDAR_SATURDAY &&
           index % period == (int64_t)source_random_below(&random, (uint64_t)period);
}

bool
source_member_evolve(const struct source_plan *plan, enum source_dimension dimension, const struct source_day *day,
                     int64_t index, int64_t count, struct source_member *member)
{
    static const int64_t morning_us = INT64_C(6) * 3600 * 1000000, evening_us = INT64_C(20) * 3600 * 1000000;
    const struct source_attributes *own = &dimensions[dimension];
    if (!is_due(plan, dimension, day->days, index, count))
        return false;
    struct source_random random = numbers_of(plan, SOURCE_PART_EVOLUTION, day->days, dimension, index);
    int changed = (int)source_random_below(&random, (uint64_t)own->count);
    const struct source_attribute *attribute = &own->attributes[changed];
    int64_t *value = &member->values[changed];
    if (attribute->choices)
        *value =
            (*value + 1 + (int64_t)source_random_below(&random, (uint64_t)attribute->count - 1)) % attribute->count;
    else
        (*value)++;
    member->updated_us = day->midnight_us + source_random_between(&random, morning_us, evening_us);
    return true;
}

struct source_member
source_member_end(const struct source_plan *plan, enum source_dimension dimension, int64_t index, int64_t count)
{
    struct source_member member = source_member_begin(plan, dimension, index);
    for (int32_t days = plan->from + 1; days <= plan->through; days++) {
        if (is_due(plan, dimension, days, index, count)) {
            struct source_day day = source_plan_day(plan, days);
            (void)source_member_evolve(plan, dimension, &day, index, count, &member);
        }
    }
    return member;
}

const char *
source_member_choice(enum source_dimension dimension, int attribute, const struct source_member *member)
{
    return dimensions[dimension].attributes[attribute].choices[member->values[attribute]];
}

int64_t
source_member_choice_index(const struct source_attribute *attribute, const char *text)
{
    for (int i = 0; i < attribute->count; i++)
        if (strcmp(attribute->choices[i], text) == 0)
            return i;
    return -1;
}

const char *
source_member_uuid(const struct source_plan *plan, enum source_dimension dimension, int64_t index,
                   char out[SOURCE_UUID_BYTES])
{
    struct source_random random = numbers_of(plan, SOURCE_PART_MEMBER, 1, dimension, index);
    uint64_t high = source_random_next(&random), low = source_random_next(&random);
    (void)snprintf(out, SOURCE_UUID_BYTES, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   high >> 32, (high >> 16) & 0xFFFF, high & 0xFFF, ((low >> 48) & 0x3FFF) | 0x8000,
                   low & 0xFFFFFFFFFFFFu);
    return out;
}

const char *
source_member_tenant(int64_t index, char out[SOURCE_UUID_BYTES])
{
    uint64_t number = (uint64_t)(index + 1) % 1000000000000; /* what its last part has room for */
    (void)snprintf(out, SOURCE_UUID_BYTES, "00000000-0000-0000-0000-%012" PRIu64, number);
    return out;
}

int64_t
source_member_account_client(const struct source_plan *plan, int64_t account)
{
    return source_member_account_is_house(plan, account) ? 0 : account % plan->clients;
}

int64_t
source_member_client_tenant(const struct source_plan *plan, int64_t client)
{
    return client % plan->tenants;
}

bool
source_member_account_is_house(const struct source_plan *plan, int64_t account)
{
    return plan->accounts > 1 && account == plan->accounts - 1;
}

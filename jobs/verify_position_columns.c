/* What fact_positions_daily and etl_marks should say, from sums of a group. */
#include "jobs/verify_column.h"
#include "jobs/verify_position.h"

/* Decimals of the columns. */
enum { MONEY = 8, VALUE = 16 };

VERIFY_SUM(quantity, ROW_QUANTITY, MONEY)
VERIFY_SUM(realized_pnl, REALIZED, MONEY)
VERIFY_EXTREME(rate_to_base, RATE, 12)

static void
side(const struct verify_group *group, struct verify_value *value)
{
    static const char *const names[] = {"SHORT", "FLAT", "LONG"};
    value->is_text = true;
    value->text = names[exact_sign(&group->sums[ROW_QUANTITY]) + 1];
}

static void
total_cost(const struct verify_group *group, struct verify_value *value)
{
    exact_set(&value->number, &group->sums[COST]);
}

static void
avg_entry_price(const struct verify_group *group, struct verify_value *value)
{
    value->is_null = exact_sign(&group->sums[SIZE]) == 0;
    if (!value->is_null)
        exact_divide(&value->number, &group->sums[COST], &group->sums[SIZE], VALUE);
}

static void
current_price(const struct verify_group *group, struct verify_value *value)
{
    value->is_unknown = group->counts[IS_UNSURE];
    value->is_null = !(group->known & (1U << PRICE));
    exact_set(&value->number, &group->sums[PRICE]);
}

static void
mark_source(const struct verify_group *group, struct verify_value *value)
{
    current_price(group, value);
    value->is_text = true;
    value->text = group->counts[IS_TRADE] ? "TRADE" : "QUOTE";
}

static void
mark_at(const struct verify_group *group, struct verify_value *value)
{
    current_price(group, value);
    value->is_text = true;
    value->text = group->more;
}

static void
market_value(const struct verify_group *group, struct verify_value *value)
{
    value->is_unknown = group->counts[IS_UNSURE];
    value->is_null = !(group->known & (1U << WORTH));
    exact_set(&value->number, &group->sums[WORTH]);
    exact_round(&value->number, VALUE);
}

static void
unrealized_pnl(const struct verify_group *group, struct verify_value *value)
{
    value->is_unknown = group->counts[IS_UNSURE];
    value->is_null = !(group->known & (1U << WORTH));
    exact_set(&value->number, &group->sums[WORTH]);
    exact_subtract(&value->number, &group->sums[COST]);
    exact_round(&value->number, VALUE);
}

static void
total_pnl(const struct verify_group *group, struct verify_value *value)
{
    value->is_unknown = group->counts[IS_UNSURE];
    exact_set(&value->number, &group->sums[REALIZED]);
    if (group->known & (1U << WORTH)) {
        exact_add(&value->number, &group->sums[WORTH]);
        exact_subtract(&value->number, &group->sums[COST]);
    }
    exact_round(&value->number, VALUE);
}

const struct verify_table verify_positions_table = {
    .name = "fact_positions_daily",
    .statement = "stored_positions",
    .key_names = (const char *const[]){"date", "tenant", "account", "instrument", "currency", NULL},
    .columns =
        (const struct verify_column[]){
            {"side", side},
            {"quantity", quantity},
            {"total_cost", total_cost},
            {"avg_entry_price", avg_entry_price},
            {"current_price", current_price},
            {"mark_source", mark_source},
            {"mark_at", mark_at},
            {"market_value", market_value},
            {"unrealized_pnl", unrealized_pnl},
            {"realized_pnl", realized_pnl},
            {"total_pnl", total_pnl},
            {"rate_to_base", rate_to_base},
            {0},
        },
};

const struct verify_table verify_marks_table = {
    .name = "etl_marks",
    .statement = "stored_marks",
    .key_names = (const char *const[]){"date", "instrument", "currency", NULL},
    .columns =
        (const struct verify_column[]){
            {"price", current_price}, {"mark_source", mark_source}, {"mark_at", mark_at}, {0}},
};

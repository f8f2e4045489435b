/* The reports: what each is made of. */
#include <stddef.h>

#include "ops/command_report.h"

#define COLUMNS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PARTS(...)   ((const struct command_report_part[]){__VA_ARGS__, {0}})
#define TOTALS(...)  ((const struct command_report_totals[]){__VA_ARGS__, {0}})
#define PNL_SUMS     "trades", "winners", "losers", "notional", "gross_profit", "gross_loss", "costs", "net_pnl"
#define TRADE_SUMS   "trades", "cancelled", "notional", "costs", "realized_pnl"

const struct command_decimals command_report_decimals[] = {
    {"notional", 2},         {"costs", 2},
    {"realized_pnl", 2},     {"gross_profit", 2},
    {"gross_loss", 2},       {"net_pnl", 2},
    {"win_rate", 4},         {"profit_factor", 2},
    {"sharpe_ratio", 2},     {"max_drawdown", 2},
    {"avg_seconds", 3},      {"max_seconds", 3},
    {"seconds", 1},          {"total_pnl", 2},
    {"total_costs", 2},      {"total_notional", 2},
    {"monthly_pnl", 2},      {"avg_pnl_per_trade", 2},
    {"return_pct", 4},       {"avg_price", 4},
    {"vwap_price", 4},       {"pnl_var_95", 2},
    {"pnl_var_99", 2},       {"pnl_mean", 2},
    {"pnl_volatility", 2},   {"ratio_var_95", 4},
    {"ratio_var_99", 4},     {"ratio_mean", 4},
    {"peak_pnl", 2},         {"ratio_volatility", 4},
    {"max_drawdown_pct", 2}, {"market_value", 2},
    {"weight_pct", 2},       {NULL, 0},
};

static const struct command_report_parameter top_20[] = {{"--limit", "20", NULL, "at most ", " of them"}, {0}};
static const struct command_report_parameter all_of_them[] = {{"--limit", NULL, NULL, "at most ", " of them"}, {0}};

static const struct command_report_parameter flow[] = {
    {"--flow", "DESK", COLUMNS("DESK", "CLIENT"), "flow ", ""},
    {0},
};

static const struct command_report_parameter instrument_parameters[] = {
    {"--flow", "DESK", COLUMNS("DESK", "CLIENT"), "flow ", ""},
    {"--min-trades", "10", NULL, "with ", " trades or more"},
    {"--limit", "50", NULL, "at most ", " of them"},
    {0},
};

static const struct command_report_lookback top_strategies = {
    .span = COMMAND_REPORT_SPAN_DATES,
    .count = 30,
    .last = "last_performance",
    .what = "performance",
    .target = "performance",
    .none = "no performance",
    .names = true,
    .parameters = top_20,
    .title = "Strategies by net P&L",
    .table_columns = COLUMNS("strategy_id", "strategy", "strategy_type", "total_pnl", "sharpe_ratio", "win_rate",
                             "total_trades", "total_costs"),
};

static const struct command_report_lookback strategies = {
    .span = COMMAND_REPORT_SPAN_DATES,
    .count = 90,
    .last = "last_performance",
    .what = "performance",
    .target = "performance",
    .none = "no performance",
    .names = true,
    .parameters = all_of_them,
    .title = "Strategies compared",
    .table_columns = COLUMNS("strategy_id", "strategy", "total_pnl", "pnl_rank", "sharpe_ratio", "sharpe_rank",
                             "win_rate", "win_rate_rank", "total_trades", "max_drawdown"),
};

static const struct command_report_lookback monthly_pnl = {
    .span = COMMAND_REPORT_SPAN_YEAR,
    .count = 1,
    .last = "last_performance",
    .what = "performance",
    .target = "performance",
    .none = "no performance",
    .names = true,
    .title = "Net P&L of accounts by month",
    .table_columns = COLUMNS("year", "month_name", "account_id", "account_number", "account", "monthly_pnl",
                             "trade_count", "win_rate"),
};

static const struct command_report_lookback instruments = {
    .span = COMMAND_REPORT_SPAN_DATES,
    .count = 7,
    .last = "last_trade",
    .what = "trades",
    .none = "no instrument with so many trades",
    .names = true,
    .parameters = instrument_parameters,
    .title = "Instruments by realised P&L",
    .table_columns = COLUMNS("instrument_id", "symbol", "exchange", "instrument_type", "trade_count", "total_volume",
                             "avg_price", "price_currency", "total_notional", "total_costs", "total_pnl", "return_pct"),
};

static const struct command_report_lookback intraday = {
    .span = COMMAND_REPORT_SPAN_DATES,
    .count = 30,
    .last = "last_trade",
    .what = "trades",
    .none = "no trades",
    .parameters = flow,
    .title = "Trades by hour of the business time zone",
    .table_columns =
        COLUMNS("hour", "time_of_day", "trade_count", "total_notional", "total_pnl", "avg_pnl_per_trade", "win_rate"),
};

static const struct command_report_lookback value_at_risk = {
    .span = COMMAND_REPORT_SPAN_TRADING_DAYS,
    .count = 252,
    .last = "last_performance",
    .what = "performance",
    .target = "performance",
    .none = "no performance",
    .names = true,
    .title = "Value at risk of accounts by history, a loss above 0",
    .legend = "pnl: daily net P&L; ratio: that / the magnitude of the date before's, no currency",
    .table_columns =
        COLUMNS("account_id", "account_number", "days", "held_days", "pnl_var_95", "pnl_var_99", "pnl_volatility",
                "pnl_mean", "ratio_days", "ratio_var_95", "ratio_var_99", "ratio_volatility", "ratio_mean"),
};

static const struct command_report_lookback drawdown = {
    .span = COMMAND_REPORT_SPAN_DATES,
    .count = 90,
    .last = "last_performance",
    .what = "performance",
    .target = "performance",
    .none = "no performance",
    .names = true,
    .title = "Largest fall of accounts' cumulated net P&L below its peak",
    .table_columns = COLUMNS("account_id", "account_number", "account", "days", "total_pnl", "max_drawdown",
                             "max_drawdown_pct", "max_drawdown_date", "peak_pnl", "peak_date"),
};

static const struct command_report_lookback concentration = {
    .span = COMMAND_REPORT_SPAN_SNAPSHOT,
    .count = 1,
    .last = "last_position",
    .what = "positions",
    .target = "positions",
    .none = "no open positions",
    .names = true,
    .title = "Positions by their share in the account's gross market value",
    .table_columns = COLUMNS("account_id", "account_number", "instrument_id", "symbol", "instrument_type", "side",
                             "quantity", "current_price", "currency", "market_value", "weight_pct", "missing"),
};

#define MAIN PARTS({"main", NULL, NULL, false})

const struct command_report command_report_table[] = {
    {"overview", "what the warehouse holds: days, trades, quarantine, notional and P&L by currency, runs",
     "report/overview",
     PARTS({"warehouse", "In the warehouse", NULL, true}, {"currencies", "Live trades by currency", "no trades", false},
           {"runs", "Runs", "no runs", false}),
     false, NULL, NULL},
    {"trades", "trades by date and instrument, in their currencies", "report/trades",
     PARTS({"main", NULL, "no trades between these dates", false}), true,
     TOTALS({"date", COLUMNS("date", "source", "instruments", TRADE_SUMS)},
            {"instrument", COLUMNS("symbol", "instrument_id", "source", TRADE_SUMS)},
            {"sector", COLUMNS("sector", "source", "instruments", TRADE_SUMS)},
            {"strategy", COLUMNS("strategy_id", "strategy", "source", "instruments", TRADE_SUMS)}),
     NULL},
    {"pnl", "daily performance by account and strategy, in base currency", "report/pnl",
     PARTS({"main", NULL, "no performance between these dates", false}), true,
     TOTALS({"date", COLUMNS("date", PNL_SUMS)}, {"account", COLUMNS("account_id", "account", PNL_SUMS)},
            {"strategy", COLUMNS("strategy_id", "strategy", PNL_SUMS)}),
     NULL},
    {"runs", "what the jobs did, by job", "report/runs", PARTS({"main", NULL, "no runs between these dates", false}),
     true, NULL, NULL},
    {"top-strategies", "strategies by net P&L", "report/strategies", MAIN, true, NULL, &top_strategies},
    {"monthly-pnl", "net P&L of accounts by month", "report/monthly_pnl", MAIN, true, NULL, &monthly_pnl},
    {"instruments", "what instruments earned and cost", "report/instruments", MAIN, true, NULL, &instruments},
    {"intraday", "trades and P&L by hour of the day", "report/intraday", MAIN, true, NULL, &intraday},
    {"strategies", "strategies side by side, with ranks", "report/strategies", MAIN, true, NULL, &strategies},
    {"var", "value at risk of accounts, 95 and 99 %", "report/value_at_risk", MAIN, true, NULL, &value_at_risk},
    {"drawdown", "the largest drawdown of accounts, and when", "report/drawdown", MAIN, true, NULL, &drawdown},
    {"concentration", "the weights of positions in their accounts", "report/concentration", MAIN, true, NULL,
     &concentration},
    {0},
};

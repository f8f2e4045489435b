#!/usr/bin/env python3
"""Every figure of every table, computed from the rows of the source alone, held against what the warehouse has.

numbers_model.py FOLDER TABLE...      status 1 and a line per difference: table, key, column, both values

Where nothing differs, it changes one figure in each column of each table, takes a row away and puts one in, and must find
each by its name: a comparison that sees nothing proves nothing.

FOLDER/settings            key=value lines: see Settings in numbers_source.py
FOLDER/source/*.csv        the source's tables, and for each sync members_N/*.csv, the dimensions as it saw them
FOLDER/warehouse/*.csv     the warehouse's tables, column by column as they are

It shares nothing with the product: no SQL, no code, no floating point. All is exact fractions; each figure is rounded once,
half away from zero, to the scale of its column.
"""
import sys
from fractions import Fraction
from pathlib import Path

import numbers_aggregates as aggregates
import numbers_books as books
import numbers_source as sources
from numbers_source import instant, read

SHOWN = 12
INSTANTS = {
    "execution_timestamp", "order_timestamp", "quote_timestamp", "snapshot_at", "source_updated_at", "mark_at",
}

# What stands behind a key: table, its key, the natural id, the attribute that tells which version it is, and its name here.
MEMBERS = {
    "instrument_key": ("dim_instrument", "instrument_id", "sector", "instrument_sector"),
    "account_key": ("dim_account", "account_id", "risk_tier", "account_risk_tier"),
    "strategy_key": ("dim_strategy", "strategy_id", "strategy_version", "strategy_version"),
    "client_key": ("dim_client", "client_id", "segment", "client_segment"),
    "lp_key": ("dim_liquidity_provider", "lp_id", "tier", "lp_tier"),
}
VERSIONS = "instrument_sector account_risk_tier strategy_version client_segment lp_tier"

# Table: the file it is in if not its own, its natural key, its figures.
TABLES = {
    "fact_trades": (
        None,
        "date_key tenant_id source trade_reference",
        "time_key instrument_id account_id strategy_id client_id lp_id order_id execution_timestamp settlement_date side "
        "order_type quantity price notional_value commission fees net_amount currency rate_to_base liquidity_flag "
        "realized_pnl is_closing execution_venue latency_ms fill_latency_ms fill_count is_partial_fill source_updated_at "
        + VERSIONS,
    ),
    "etl_open_positions": (
        None,
        "date_key source tenant_id account_id strategy_id client_id instrument_id",
        "quantity total_cost",
    ),
    "fact_orders": (
        None,
        "date_key tenant_id order_id",
        "time_key instrument_id account_id strategy_id client_id lp_id order_timestamp order_type side final_status "
        "requested_quantity filled_quantity fill_rate limit_price avg_fill_price fill_count total_latency_ms "
        "routing_latency_ms was_rejected was_cancelled source_updated_at " + VERSIONS,
    ),
    "fact_quotes": (
        None,
        "date_key tenant_id quote_reference",
        "time_key instrument_id lp_id quote_timestamp bid_price ask_price bid_size ask_size mid_price spread spread_bps "
        "is_stale spread_changed sample_weight latency_ms source_updated_at instrument_sector lp_tier",
    ),
    "fact_risk_snapshots": (
        None,
        "date_key tenant_id client_id snapshot_at",
        "time_key utilization_pct soft_breach_count hard_breach_count risk_score source_updated_at client_segment",
    ),
    "fact_positions_daily": (
        None,
        "date_key tenant_id account_id instrument_id currency",
        "rate_to_base side quantity total_cost avg_entry_price current_price mark_source mark_at market_value "
        "unrealized_pnl realized_pnl total_pnl",
    ),
    "fact_performance_daily": (
        None,
        "date_key tenant_id account_id strategy_id",
        "total_trades closing_trades winning_trades losing_trades total_volume total_notional gross_profit gross_loss "
        "net_pnl commissions fees win_rate profit_factor avg_win avg_loss largest_win largest_loss",
    ),
    "performance_risk": (
        "fact_performance_daily",
        "date_key tenant_id account_id strategy_id",
        "sharpe_ratio max_drawdown",
    ),
    "agg_performance_monthly": (
        None,
        "month_key tenant_id account_id strategy_id",
        "year month trading_days total_trades winning_trades total_volume net_pnl commissions fees win_rate sharpe_ratio "
        "max_drawdown best_day_pnl worst_day_pnl",
    ),
    "agg_daily_trade_summary": (
        None,
        "date_key tenant_id aggregation_level client_id instrument_id lp_id",
        "trade_date trade_count buy_count sell_count total_volume buy_volume sell_volume total_notional total_fees "
        "total_commission price_currency avg_price vwap_price min_price max_price avg_latency_ms max_latency_ms",
    ),
    "agg_client_metrics": (
        None,
        "period_type metric_date tenant_id client_id",
        "period_end trading_days total_trades unique_instruments total_volume total_notional avg_trade_size total_fees "
        "realized_pnl avg_utilization max_utilization breach_count risk_score engagement_score",
    ),
    "agg_lp_performance": (
        None,
        "period_type metric_date tenant_id lp_id",
        "period_end quote_count sampled_quotes avg_spread avg_spread_bps quote_availability avg_latency_ms trade_count "
        "total_notional order_count fill_rate rejection_count performance_score overall_rank",
    ),
    "mv_top_performing_strategies": (
        None,
        "strategy_id",
        "strategy_name strategy_type trading_days total_pnl total_trades winning_trades win_rate profit_factor sharpe_ratio "
        "pnl_rank last_date",
    ),
    "mv_instrument_statistics": (
        None,
        "instrument_id",
        "symbol exchange instrument_type trading_days trade_count total_volume price_currency avg_price vwap_price min_price "
        "max_price price_volatility total_notional trades_without_rate",
    ),
}


def expect(source):
    """{table: rows}, all of them."""
    trades, orders = sources.trades(source), sources.orders(source)
    quotes, risks = sources.quotes(source), sources.risk_snapshots(source)
    closings = books.book_all(source, trades)
    marks = books.marks_of(source, trades, quotes)
    daily = books.performance(trades)
    last = source.settings.last
    return {
        "fact_trades": trades,
        "etl_open_positions": books.open_positions(closings),
        "fact_orders": orders,
        "fact_quotes": quotes,
        "fact_risk_snapshots": risks,
        "fact_positions_daily": books.positions(source, trades, closings, marks),
        "fact_performance_daily": daily,
        "performance_risk": books.performance_risk(daily),
        "agg_performance_monthly": books.performance_monthly(daily),
        "agg_daily_trade_summary": aggregates.daily_summary(trades),
        "agg_client_metrics": aggregates.client_metrics(trades, risks),
        "agg_lp_performance": aggregates.lp_performance(trades, quotes, orders),
        "mv_top_performing_strategies": books.top_strategies(source, daily, last),
        "mv_instrument_statistics": aggregates.instrument_statistics(source, trades, last),
    }


# ---- what the warehouse has -------------------------------------------------------------------------------------


def read_members(folder):
    found = {}
    for key, (table, natural, attribute, name) in MEMBERS.items():
        for row in read(folder, table):
            found[key, row[key]] = {natural: row[natural], name: row[attribute]}
    return found


def read_table(folder, table, members):
    """Its rows that count, with natural ids for keys."""
    rows = []
    for row in read(folder, TABLES[table][0] or table):
        if row.get("is_deleted") != "t":
            for key in MEMBERS:
                if key in row:
                    row.update((name, text) for name, text in members[key, row[key]].items() if not row.get(name))
            rows.append(row)
    return rows


def text_of(column, value):
    """How a key's column reads; the same for what was computed and what was read."""
    if column in INSTANTS:
        return str(value if isinstance(value, int) else instant(value))
    return "" if value is None else str(value)


def key_of(table, row):
    return tuple(text_of(column, row[column]) for column in TABLES[table][1].split())


def is_number(text, number):
    """Whether a decimal in plain digits is that number."""
    whole, _, decimals = text.partition(".")
    return int(whole + decimals) * number.denominator == number.numerator * 10 ** len(decimals)


def same(column, expected, text):
    if expected is None or text == "":
        return expected is None and text == ""
    if column in INSTANTS:
        return instant(text) == expected
    if isinstance(expected, bool):
        return text == ("t" if expected else "f")
    if isinstance(expected, (int, Fraction)):
        return is_number(text, expected)
    return text == expected


def shown(value):
    """As the warehouse would write it; of what has no end in decimals the first thirty."""
    if isinstance(value, Fraction) and value.denominator > 1:
        digits = str(abs(value.numerator) * 10**30 // value.denominator).rjust(31, "0")
        return f"{'-' * (value < 0)}{digits[:-30]}.{digits[-30:]}".rstrip("0")
    return "NULL" if value in (None, "") else str(value)


def differences(table, expected, actual):
    """(key, column, sentence) of whatever differs; column is None for a whole row."""
    wanted, found = {key_of(table, row): row for row in expected}, {}
    if len(wanted) != len(expected):
        raise ValueError(f"the model gives a key of {table} twice")
    for row in actual:
        key = key_of(table, row)
        if key in found:
            yield key, None, "stands twice"
        elif key not in wanted:
            yield key, None, "stands there, and should not"
        found[key] = row
    for key, row in wanted.items():
        if key not in found:
            yield key, None, "is missing"
            continue
        for column in TABLES[table][2].split():
            if not same(column, row[column], found[key][column]):
                computed, stored = shown(row[column]), shown(found[key][column])
                yield key, column, f"{column} should be {computed}, and is {stored}"


# ---- what the source must have for a comparison to mean something -----------------------------------------------


def lacking(source, expected):
    """Names of what the rows do not have."""
    trades, quotes, positions = (expected[name] for name in ("fact_trades", "fact_quotes", "fact_positions_daily"))
    daily, risk, summary = (
        expected[name] for name in ("fact_performance_daily", "performance_risk", "agg_daily_trade_summary")
    )
    groups = {(t["day"], t["tenant_id"], t["account_id"], t["strategy_id"]) for t in trades if t["source"] == "DESK"}
    clients = {(t["tenant_id"], t["client_id"]) for t in trades if t["client_id"]}
    yearly = [row for row in expected["agg_client_metrics"] if row["period_type"] == "YEARLY"]
    carried = [p for p in positions if p["mark_at"] and source.settings.place(p["mark_at"])[0] != p["day"]]
    wanted = {
        "twenty days with trades": len({trade["day"] for trade in trades}) >= 20,
        "four currencies with rates": len({t["currency"] for t in trades if t["rate_to_base"]}) >= 4,
        "trades without a rate": any(not trade["rate_to_base"] for trade in trades),
        "trades of both flows": {trade["source"] for trade in trades} == {"DESK", "CLIENT"},
        "trades on a weekend": any(trade["day"].weekday() > 4 for trade in trades),
        "trades on a holiday": any(t["day"].weekday() < 5 and not books.nyse_is_open(t["day"]) for t in trades),
        "trades without a strategy, a client, a provider": all(
            any(trade[name] is None for trade in trades) for name in ("strategy_id", "client_id", "lp_id")
        ),
        "gains, losses and closes that are neither": len({(t["realized_pnl"] > 0) - (t["realized_pnl"] < 0) for t in trades})
        == 3,
        "quotes for one and for ten, stale ones of both": {(q["sample_weight"], q["is_stale"]) for q in quotes}
        == {(1, False), (1, True), (10, False), (10, True)},
        "quotes without a provider, without a latency": all(
            any(quote[name] is None for quote in quotes) for name in ("lp_id", "latency_ms")
        ),
        "orders in each final state, of the desk and of clients": len(
            {(order["final_status"], order["account_id"] is None) for order in expected["fact_orders"]}
        )
        == 6,
        "positions long, short and closed": {row["side"] for row in positions} == {"LONG", "SHORT", "FLAT"},
        "marks of trades and of quotes": {"TRADE", "QUOTE"} <= {row["mark_source"] for row in positions},
        "marks of an earlier day": bool(carried),
        "performance that a rate holds back": len(groups) > len(daily),
        "tenants' days that a rate holds back": len({(t["day"], t["tenant_id"]) for t in trades})
        > sum(row["aggregation_level"] == "TENANT" for row in summary),
        "clients' years that a rate holds back": bool(yearly) and len({key[:1] for key in clients}) * 2 <= len(yearly) < 2 * len(clients),
        "Sharpe ratios and none": {row["sharpe_ratio"] is None for row in risk} == {True, False},
        "strategies with a Sharpe ratio": any(
            row["sharpe_ratio"] is not None for row in expected["mv_top_performing_strategies"]
        ),
        "instruments whose notional is not known": any(
            row["total_notional"] is None for row in expected["mv_instrument_statistics"]
        ),
        "members of each dimension that change": all(
            any(len(states) > 1 for states in history.states.values()) for history in source.members.values()
        ),
    }
    return [name for name, is_there in wanted.items() if not is_there]


# ---- comparing --------------------------------------------------------------------------------------------------


def compare(table, expected, actual):
    """How much differs; nothing to compare is a difference."""
    found = list(differences(table, expected, actual))
    for key, _, sentence in found[:SHOWN]:
        print(f"{table} {'/'.join(key)}: {sentence}")
    count = len(expected)
    print(f"{table}: {count} rows, {count * len(TABLES[table][2].split())} figures, {len(found)} differences")
    if not expected:
        print(f"{table}: the source has nothing for it, so that nothing was compared")
    return len(found) + (not expected)


def doctored(text):
    """Another text that the column could hold, as little different as can be."""
    if text == "":
        return "1"
    if text in "tf":
        return "tf"[text == "t"]
    if text[:4].isdigit() and ":" in text:
        return "1999-12-31 00:00:00+00"
    if text[-1].isdigit():
        return text[:-1] + str((int(text[-1]) + 1) % 10)
    return "?" + text


def unnoticed(table, expected, actual):
    """What the comparison does not find of all that is done to one row, the others being as they should."""
    at = len(actual) // 2
    row, key = actual[at], key_of(table, actual[at])
    near = actual[max(at - 10, 0) : at + 10]
    keys = {key_of(table, other) for other in near}
    wanted = [other for other in expected if key_of(table, other) in keys]
    others = [other for other in near if other is not row]
    columns = TABLES[table][2].split()
    changes = {(column, f"{column} changed"): [*others, {**row, column: doctored(row[column])}] for column in columns}
    changes[None, "taken away"] = others
    changes[None, "doubled"] = [*near, row]
    for (column, what), rows in changes.items():
        if [found[:2] for found in differences(table, wanted, rows)] != [(key, column)]:
            print(f"{table} {'/'.join(key)}: {what} on purpose, and that is not what was found")
            yield what


def main():
    folder, tables = Path(sys.argv[1]), sys.argv[2:]
    lines = (folder / "settings").read_text(encoding="utf-8").split()
    given = dict(line.split("=", 1) for line in lines)
    source = sources.Source(folder / "source", sources.Settings(given))
    expected = expect(source)
    members = read_members(folder / "warehouse")
    missing = lacking(source, expected) if given["variety"] == "wanted" else []
    for name in missing:
        print(f"the source has no {name}")
    failed = len(missing)
    for table in tables:
        actual = read_table(folder / "warehouse", table, members)
        failed += compare(table, expected[table], actual) or len(list(unnoticed(table, expected[table], actual)))
    sys.exit(failed > 0)


main()

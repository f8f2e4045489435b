#!/usr/bin/env python3
"""Clients, liquidity providers and views by a naive model, in exact fractions, from a listing of the facts.

    metrics_model.py FOLDER AS_OF      compares FOLDER/*.csv, as metrics.sh writes them; status 1 and a line per difference

Nothing here is SQL, and nothing is added up twice: each row of each table is computed by looking at all facts again."""
import csv
import datetime
import sys
from collections import defaultdict
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 120


def read(folder, name):
    with open(f"{folder}/{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def date(key):
    return datetime.datetime.strptime(key, "%Y%m%d").date()


def period(kind, day):
    """First and last date of the period that the day is in: the longest stretch of dates with the same name."""
    name = {
        "DAILY": lambda d: d,
        "WEEKLY": lambda d: d.isocalendar()[:2],
        "MONTHLY": lambda d: (d.year, d.month),
        "QUARTERLY": lambda d: (d.year, (d.month + 2) // 3),
        "YEARLY": lambda d: d.year,
    }[kind]
    one = datetime.timedelta(days=1)
    first = last = day
    while name(first - one) == name(day):
        first -= one
    while name(last + one) == name(day):
        last += one
    return first, last


def rounded(value, scale):
    """Half away from zero."""
    if value is None:
        return None
    scaled = abs(value) * 10**scale
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if value > 0 else -whole, 10**scale)


def root(value, scale):
    """The square root of a fraction, rounded."""
    exact = (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()
    return rounded(Fraction(exact), scale)


def mean(values):
    return sum(values, Fraction(0)) / len(values) if values else None


def number(text):
    return None if text == "" else Fraction(text)


def clients(facts, kind):
    rows = {}
    for group in {(f["tenant_id"], f["client_id"], period(kind, date(f["date_key"]))) for f in facts["trades"] + facts["risk"]}:
        tenant, client, (first, last) = group
        if client == "":
            continue
        mine = lambda f: (f["tenant_id"], f["client_id"]) == (tenant, client) and first <= date(f["date_key"]) <= last
        trades, risk = list(filter(mine, facts["trades"])), list(filter(mine, facts["risk"]))
        if any(t["rate_to_base"] == "" for t in trades):
            continue
        in_base = lambda column: sum((Fraction(t[column]) * Fraction(t["rate_to_base"]) for t in trades), Fraction(0))
        used = [Fraction(r["utilization_pct"]) for r in risk if r["utilization_pct"]]
        scores = [Fraction(r["risk_score"]) for r in risk if r["risk_score"]]
        days, instruments = {t["date_key"] for t in trades}, {t["instrument_id"] for t in trades}
        engagement = (
            min(Fraction(1), Fraction(len(days), (last - first).days + 1)) * Fraction(4, 10)
            + Fraction(min(len(trades), 100), 100) * Fraction(3, 10)
            + Fraction(min(len(instruments), 20), 20) * Fraction(3, 10)
        )
        rows[(kind, str(first), tenant, client)] = {
            "period_end": str(last),
            "trading_days": Fraction(len(days)),
            "total_trades": Fraction(len(trades)),
            "unique_instruments": Fraction(len(instruments)),
            "total_volume": sum((Fraction(t["quantity"]) for t in trades), Fraction(0)),
            "total_notional": rounded(in_base("notional_value"), 16),
            "avg_trade_size": rounded(in_base("notional_value") / len(trades), 16) if trades else None,
            "total_fees": rounded(in_base("fees"), 8),
            "realized_pnl": rounded(in_base("realized_pnl"), 8),
            "avg_utilization": rounded(mean(used), 16),
            "max_utilization": max(used) if used else None,
            "breach_count": sum((Fraction(r["soft_breach_count"]) + Fraction(r["hard_breach_count"]) for r in risk), Fraction(0)),
            "risk_score": rounded(mean(scores), 16),
            "engagement_score": rounded(engagement, 16),
        }
    return rows


def providers(facts, kind):
    rows = {}
    everything = facts["trades"] + facts["quotes"] + facts["orders"]
    for group in {(f["tenant_id"], f["lp_id"], period(kind, date(f["date_key"]))) for f in everything}:
        tenant, lp, (first, last) = group
        if lp == "":
            continue
        mine = lambda f: (f["tenant_id"], f["lp_id"]) == (tenant, lp) and first <= date(f["date_key"]) <= last
        trades, quotes, orders = (list(filter(mine, facts[what])) for what in ("trades", "quotes", "orders"))
        if any(t["rate_to_base"] == "" for t in trades):
            continue
        # One entry for each quote that a sampled one stands for.
        stands_for = [q for q in quotes for _ in range(int(q["sample_weight"]))]
        spread = mean([Fraction(q["spread"]) for q in stands_for])
        bps = mean([Fraction(q["spread_bps"]) for q in stands_for])
        fresh = mean([Fraction(q["is_stale"] == "f") for q in stands_for])
        latency = mean([Fraction(q["latency_ms"]) for q in stands_for if q["latency_ms"]])
        filled = mean([Fraction(o["final_status"] == "FILLED") for o in orders])
        between = lambda value, limit: min(max(value, Fraction(0)), Fraction(limit)) if value is not None else Fraction(limit)
        score = None
        if orders:
            score = (
                (fresh or 0) * Fraction(25, 100)
                + (1 - between(bps, 100) / 100) * Fraction(35, 100)
                + (1 - between(latency, 1000) / 1000) * Fraction(20, 100)
                + filled * Fraction(20, 100)
            )
            assert 0 <= score <= 1
        rows[(kind, str(first), tenant, lp)] = {
            "period_end": str(last),
            "quote_count": Fraction(len(stands_for)),
            "sampled_quotes": Fraction(len(quotes)),
            "avg_spread": rounded(spread, 16),
            "avg_spread_bps": rounded(bps, 16),
            "quote_availability": rounded(fresh, 16),
            "avg_latency_ms": rounded(latency, 16),
            "trade_count": Fraction(len(trades)),
            "total_notional": rounded(
                sum((Fraction(t["notional_value"]) * Fraction(t["rate_to_base"]) for t in trades), Fraction(0)), 16
            ),
            "order_count": Fraction(len(orders)),
            "fill_rate": rounded(filled, 16),
            "rejection_count": Fraction(sum(o["final_status"] == "REJECTED" for o in orders)) if orders else None,
            "performance_score": rounded(score, 16),
        }
    for key, row in rows.items():
        value = lambda r: -1 if r["performance_score"] is None else r["performance_score"]
        rivals = [r for k, r in rows.items() if k[:3] == key[:3]]
        row["overall_rank"] = Fraction(1 + sum(value(r) > value(row) for r in rivals))
    return rows


def strategies(facts, as_of):
    rows = {}
    window = [p for p in facts["performance"] if 0 <= (as_of - date(p["date_key"])).days < 30]
    for strategy in {p["strategy_id"] for p in window}:
        mine = [p for p in window if p["strategy_id"] == strategy]
        total = lambda column: sum((Fraction(p[column]) for p in mine), Fraction(0))
        series = defaultdict(Fraction)
        for p in mine:
            if p["is_trading_day"] == "t":
                series[p["date_key"]] += Fraction(p["net_pnl"])
        sharpe = None
        if len(series) >= 20:
            middle = mean(list(series.values()))
            variance = sum((x - middle) ** 2 for x in series.values()) / (len(series) - 1)
            if variance:
                sharpe = root(middle**2 * 252 / variance, 16) * (1 if middle >= 0 else -1)
        rows[(strategy,)] = {
            "trading_days": Fraction(len({p["date_key"] for p in mine})),
            "total_pnl": total("net_pnl"),
            "total_trades": total("total_trades"),
            "winning_trades": total("winning_trades"),
            "win_rate": rounded(total("winning_trades") / total("total_trades"), 16),
            "profit_factor": rounded(total("gross_profit") / total("gross_loss"), 16) if total("gross_loss") else None,
            "sharpe_ratio": sharpe,
            "last_date": str(max(date(p["date_key"]) for p in mine)),
        }
    for row in rows.values():
        row["pnl_rank"] = Fraction(1 + sum(r["total_pnl"] > row["total_pnl"] for r in rows.values()))
    return rows


def instruments(facts, as_of):
    rows = {}
    window = [t for t in facts["trades"] if 0 <= (as_of - date(t["date_key"])).days < 90]
    for instrument in {t["instrument_id"] for t in window}:
        mine = [t for t in window if t["instrument_id"] == instrument]
        prices = [Fraction(t["price"]) for t in mine]
        volume = sum((Fraction(t["quantity"]) for t in mine), Fraction(0))
        alone = len({t["currency"] for t in mine}) == 1
        unrated = sum(t["rate_to_base"] == "" for t in mine)
        spread = None
        if alone and len(mine) > 1:
            spread = root(sum((p - mean(prices)) ** 2 for p in prices) / (len(mine) - 1), 16)
        notional = None
        if not unrated:
            notional = rounded(sum(Fraction(t["notional_value"]) * Fraction(t["rate_to_base"]) for t in mine), 16)
        rows[(instrument,)] = {
            "trading_days": Fraction(len({t["date_key"] for t in mine})),
            "trade_count": Fraction(len(mine)),
            "total_volume": volume,
            "avg_price": rounded(mean(prices), 16) if alone else None,
            "vwap_price": rounded(sum(Fraction(t["notional_value"]) for t in mine) / volume, 16) if alone else None,
            "min_price": min(prices) if alone else None,
            "max_price": max(prices) if alone else None,
            "price_volatility": spread,
            "total_notional": notional,
            "trades_without_rate": Fraction(unrated),
        }
    return rows


def compare(table, expected, rows, key_columns):
    wrong, seen = 0, set()
    for row in rows:
        key = tuple(row[column] for column in key_columns)
        seen.add(key)
        for column, value in expected.get(key, {"a row": None}).items():
            found = row.get(column) if isinstance(value, str) else number(row.get(column, "1"))
            if found != value:
                print(f"{table} {key} {column}: {found}, not {value}")
                wrong += 1
    for key in expected.keys() - seen:
        print(f"{table} {key} is missing")
        wrong += 1
    print(f"{table}: {len(rows)} rows")
    return wrong


def main():
    folder, as_of = sys.argv[1], datetime.date.fromisoformat(sys.argv[2])
    facts = {name: read(folder, name) for name in ("trades", "risk", "quotes", "orders", "performance")}
    key = ["period_type", "metric_date", "tenant_id"]
    wrong, kinds = 0, sorted({row["period_type"] for row in read(folder, "clients")})
    every = lambda make: {k: v for kind in kinds for k, v in make(facts, kind).items()}
    wrong += compare("agg_client_metrics", every(clients), read(folder, "clients"), key + ["client_id"])
    wrong += compare("agg_lp_performance", every(providers), read(folder, "providers"), key + ["lp_id"])
    wrong += compare("mv_top_performing_strategies", strategies(facts, as_of), read(folder, "strategies"), ["strategy_id"])
    wrong += compare("mv_instrument_statistics", instruments(facts, as_of), read(folder, "instruments"), ["instrument_id"])
    assert len(kinds) == 5, kinds
    sys.exit(wrong > 0)


main()

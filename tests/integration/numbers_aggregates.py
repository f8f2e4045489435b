"""Daily summary, client metrics, liquidity providers and instrument statistics, as they must be (see numbers_model.py).
Sums over several trades are in base currency; a group with a trade that has no rate to it has no row."""
from datetime import date, timedelta
from fractions import Fraction

from numbers_source import date_key, or_none, rounded, rounded_root, total

LEVELS = {
    "TENANT": (),
    "CLIENT": ("client_id",),
    "INSTRUMENT": ("instrument_id",),
    "LP": ("lp_id",),
    "CLIENT_INSTRUMENT": ("client_id", "instrument_id"),
}
PERIODS = ("DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY")


def grouped(rows, key):
    groups = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def has_rates(trades):
    return all(trade["rate_to_base"] for trade in trades)


def in_base(trades, name):
    """The sum in base currency; a trade's amount is converted once, however many sums it is part of."""
    name_in_base = name + "_in_base"
    for trade in trades:
        if name_in_base not in trade:
            trade[name_in_base] = trade[name] * trade["rate_to_base"]
    return total(trade[name_in_base] for trade in trades)


def average(values):
    values = [value for value in values if value is not None]
    return total(values) / len(values) if values else None


def rounded_or_none(value, scale):
    return None if value is None else rounded(value, scale)


def only(values):
    """The one value that all have; None if they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


# ---- daily summary ----------------------------------------------------------------------------------------------


def daily_summary(trades):
    rows = []
    for level, columns in LEVELS.items():
        for key, group in grouped(trades, lambda t: (t["day"], t["tenant_id"], *(t[c] for c in columns))).items():
            if has_rates(group):
                ids = {"client_id": None, "instrument_id": None, "lp_id": None, **dict(zip(columns, key[2:]))}
                rows.append(summary_row(level, key, ids, group))
    return rows


def summary_row(level, key, ids, group):
    bought = [trade for trade in group if trade["side"] == "BUY"]
    sold = [trade for trade in group if trade["side"] == "SELL"]
    latencies = [t["latency_ms"] if t["fill_latency_ms"] is None else t["fill_latency_ms"] for t in group]
    latencies = [latency for latency in latencies if latency is not None]
    return {
        "day": key[0],
        "date_key": date_key(key[0]),
        "trade_date": key[0].isoformat(),
        "tenant_id": key[1],
        "aggregation_level": level,
        **ids,
        "trade_count": len(group),
        "buy_count": len(bought),
        "sell_count": len(sold),
        "total_volume": total(trade["quantity"] for trade in group),
        "buy_volume": total(trade["quantity"] for trade in bought),
        "sell_volume": total(trade["quantity"] for trade in sold),
        "total_notional": rounded(in_base(group, "notional_value"), 16),
        "total_fees": rounded(in_base(group, "fees"), 8),
        "total_commission": rounded(in_base(group, "commission"), 8),
        **price_figures(group if ids["instrument_id"] else []),
        "avg_latency_ms": rounded_or_none(average(latencies), 16),
        "max_latency_ms": max(latencies, default=None),
    }


def price_figures(group):
    """Of trades in one instrument, if they are in one currency."""
    currency = only(trade["currency"] for trade in group) if group else None
    names = ("price_currency", "avg_price", "vwap_price", "min_price", "max_price")
    if currency is None:
        return dict.fromkeys(names)
    prices = [trade["price"] for trade in group]
    vwap = total(trade["notional_value"] for trade in group) / total(trade["quantity"] for trade in group)
    return dict(zip(names, (currency, rounded(average(prices), 16), rounded(vwap, 16), min(prices), max(prices))))


# ---- periods ----------------------------------------------------------------------------------------------------


def period_of(name, day):
    """First and last date of the period a date is in."""
    if name == "DAILY":
        return day, day
    if name == "WEEKLY":
        monday = day - timedelta(day.weekday())
        return monday, monday + timedelta(6)
    months = {"MONTHLY": 1, "QUARTERLY": 3, "YEARLY": 12}[name]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    after = first.month + months
    return first, date(first.year + (after > 12), (after - 1) % 12 + 1, 1) - timedelta(1)


def by_period(names, rows, member):
    """{(period, first, last, tenant, member): rows}"""
    groups = {}
    for name in names:
        for row in rows:
            if row[member]:
                groups.setdefault((name, *period_of(name, row["day"]), row["tenant_id"], row[member]), []).append(row)
    return groups


def period_columns(key):
    return {
        "period_type": key[0],
        "metric_date": key[1].isoformat(),
        "period_end": key[2].isoformat(),
        "tenant_id": key[3],
    }


def client_metrics(trades, snapshots):
    traded, risks = by_period(PERIODS, trades, "client_id"), by_period(PERIODS, snapshots, "client_id")
    return [
        {**period_columns(key), "client_id": key[4]} | client_row(key, traded.get(key, []), risks.get(key, []))
        for key in {**traded, **risks}
        if has_rates(traded.get(key, []))
    ]


def client_row(key, group, risks):
    days = len({trade["day"] for trade in group})
    instruments = len({trade["instrument_id"] for trade in group})
    notional = in_base(group, "notional_value")
    engagement = (
        min(Fraction(1), Fraction(days, (key[2] - key[1]).days + 1)) * Fraction(4, 10)
        + Fraction(min(len(group), 100), 100) * Fraction(3, 10)
        + Fraction(min(instruments, 20), 20) * Fraction(3, 10)
    )
    utilizations = [risk["utilization_pct"] for risk in risks if risk["utilization_pct"] is not None]
    return {
        "trading_days": days,
        "total_trades": len(group),
        "unique_instruments": instruments,
        "total_volume": total(trade["quantity"] for trade in group),
        "total_notional": rounded(notional, 16),
        "avg_trade_size": rounded(notional / len(group), 16) if group else None,
        "total_fees": rounded(in_base(group, "fees"), 8),
        "realized_pnl": rounded(in_base(group, "realized_pnl"), 8),
        "avg_utilization": rounded_or_none(average(utilizations), 16),
        "max_utilization": max(utilizations, default=None),
        "breach_count": sum(risk["soft_breach_count"] + risk["hard_breach_count"] for risk in risks),
        "risk_score": rounded_or_none(average(risk["risk_score"] for risk in risks), 16),
        "engagement_score": rounded(engagement, 16),
    }


# ---- liquidity providers ----------------------------------------------------------------------------------------


def lp_performance(trades, quotes, orders):
    parts = [by_period(PERIODS, rows, "lp_id") for rows in (trades, quotes, orders)]
    rows = []
    for key in {name: None for part in parts for name in part}:
        traded, quoted, ordered = (part.get(key, []) for part in parts)
        if has_rates(traded):
            rows.append({**period_columns(key), "lp_id": key[4]} | provider_row(traded, quoted, ordered))
    for peers in grouped(rows, lambda r: (r["period_type"], r["metric_date"], r["tenant_id"])).values():
        for row in peers:
            score = row["performance_score"]
            row["overall_rank"] = 1 + sum(
                other["performance_score"] is not None and (score is None or other["performance_score"] > score)
                for other in peers
            )
    return rows


def weighted(quotes, value):
    """The average of what is known, each quote for as many as it stands for."""
    known = [(quote["sample_weight"], value(quote)) for quote in quotes if value(quote) is not None]
    weights = sum(weight for weight, _ in known)
    return total(weight * figure for weight, figure in known) / weights if weights else None


def provider_row(traded, quoted, ordered):
    count = sum(quote["sample_weight"] for quote in quoted)
    fresh = sum(quote["sample_weight"] for quote in quoted if not quote["is_stale"])
    availability = Fraction(fresh, count) if count else None
    basis_points = weighted(quoted, lambda quote: quote["spread_bps"])
    latency = weighted(quoted, lambda quote: quote["latency_ms"])
    fill_rate = Fraction(sum(order["final_status"] == "FILLED" for order in ordered), len(ordered)) if ordered else None
    score = None
    if ordered:
        spread_lost = Fraction(1) if basis_points is None else min(max(basis_points, Fraction(0)), Fraction(100)) / 100
        latency_lost = Fraction(1) if latency is None else min(max(latency, Fraction(0)), Fraction(1000)) / 1000
        score = rounded(
            (availability or 0) * Fraction(25, 100)
            + (1 - spread_lost) * Fraction(35, 100)
            + (1 - latency_lost) * Fraction(20, 100)
            + fill_rate * Fraction(20, 100),
            16,
        )
    return {
        "quote_count": count,
        "sampled_quotes": len(quoted),
        "avg_spread": rounded_or_none(weighted(quoted, lambda quote: quote["spread"]), 16),
        "avg_spread_bps": rounded_or_none(basis_points, 16),
        "quote_availability": rounded_or_none(availability, 16),
        "avg_latency_ms": rounded_or_none(latency, 16),
        "trade_count": len(traded),
        "total_notional": rounded(in_base(traded, "notional_value"), 16),
        "order_count": len(ordered),
        "fill_rate": rounded_or_none(fill_rate, 16),
        "rejection_count": sum(order["was_rejected"] for order in ordered) if ordered else None,
        "performance_score": score,
    }


# ---- instruments ------------------------------------------------------------------------------------------------


def instrument_statistics(source, trades, as_of):
    """mv_instrument_statistics: the last 90 dates, both flows."""
    window = [trade for trade in trades if as_of - timedelta(89) <= trade["day"] <= as_of]
    rows = []
    for instrument, group in grouped(window, lambda trade: trade["instrument_id"]).items():
        state = source.members["instruments"].as_of(instrument, source.settings.end_of(as_of) - 1) or {}
        without_rate = sum(not trade["rate_to_base"] for trade in group)
        prices = [trade["price"] for trade in group]
        figures = price_figures(group)
        volatility = None
        if figures["price_currency"] and len(prices) > 1:
            mean = average(prices)
            volatility = rounded_root(total((price - mean) ** 2 for price in prices) / (len(prices) - 1), 16)
        rows.append(
            {
                "instrument_id": instrument,
                **{name: or_none(state.get(name)) for name in ("symbol", "exchange", "instrument_type")},
                "trading_days": len({trade["day"] for trade in group}),
                "trade_count": len(group),
                "total_volume": total(trade["quantity"] for trade in group),
                **figures,
                "price_volatility": volatility,
                "total_notional": None if without_rate else rounded(in_base(group, "notional_value"), 16),
                "trades_without_rate": without_rate,
            }
        )
    return rows

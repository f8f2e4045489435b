"""Realised P&L, books, marks, positions, daily and monthly performance, as they must be (see numbers_model.py)."""
from datetime import date, timedelta
from fractions import Fraction

from numbers_source import date_key, or_none, rounded, rounded_root, total

YEAR_DAYS = 252
SERIES_LEAST = 20


# ---- books ------------------------------------------------------------------------------------------------------


class AverageCost:
    """A signed quantity and what it cost; a close books its gain over its share of the cost, rounded once, and releases
    exactly what it booked."""

    def __init__(self):
        self.quantity = self.cost = Fraction(0)

    def trade(self, moved, unit_value):
        """What was realised; None if nothing was closed."""
        before = self.quantity
        self.quantity += moved
        if before * moved >= 0:
            self.cost += moved * unit_value
            return None
        closed = min(abs(moved), abs(before))
        realized = rounded((before * unit_value - self.cost) * closed / abs(before), 8)
        if closed == abs(before):
            self.cost = self.quantity * unit_value
        else:
            self.cost += moved * unit_value + realized
        return realized


class FirstInFirstOut:
    """Open lots, the oldest first. The sample's prices are such that no share of a lot has more than 8 decimals, so that
    rounding leaves nothing behind; if it did, this model would have to know where that goes."""

    def __init__(self):
        self.lots = []  # [signed quantity, unit value]

    @property
    def quantity(self):
        return total(quantity for quantity, _ in self.lots)

    @property
    def cost(self):
        return total(quantity * unit_value for quantity, unit_value in self.lots)

    def trade(self, moved, unit_value):
        gain, closes = Fraction(0), False
        while moved and self.lots and self.lots[0][0] * moved < 0:
            held, entry = self.lots[0]
            part = moved if abs(moved) <= abs(held) else -held
            gain -= part * (unit_value - entry)
            closes = True
            moved -= part
            self.lots[0][0] += part
            if not self.lots[0][0]:
                del self.lots[0]
        if moved:
            self.lots.append([moved, unit_value])
        if not closes:
            return None
        if rounded(gain, 8) != gain:
            raise ValueError("a close of the sample has a gain of more than 8 decimals")
        return gain


METHODS = {"average": AverageCost, "fifo": FirstInFirstOut}


def book_of(fact):
    if fact["source"] == "DESK":
        return ("DESK", fact["tenant_id"], fact["account_id"], fact["strategy_id"], None, fact["instrument_id"])
    return ("CLIENT", fact["tenant_id"], None, None, fact["client_id"], fact["instrument_id"])


def execution_order(fact):
    desk = fact["source"] == "DESK"
    return (
        fact["execution_timestamp"],
        int(fact["trade_reference"]) if desk else 0,
        b"" if desk else fact["trade_reference"].encode(),
    )


def by_day(facts):
    found = {}
    for fact in facts:
        found.setdefault(fact["day"], []).append(fact)
    return found


def book_all(source, facts):
    """Puts realized_pnl and is_closing into the facts; returns {day: {book: (quantity, cost)}} of what is open at its close."""
    books, closings, days = {}, {}, by_day(facts)
    for day in source.settings.days():
        for fact in sorted(days.get(day, []), key=execution_order):
            key = book_of(fact)
            if key not in books:
                books[key] = METHODS[source.settings.method]()
            moved = fact["quantity"] if fact["side"] == "BUY" else -fact["quantity"]
            realized = books[key].trade(moved, fact["price"] * source.multiplier(fact["instrument_id"]))
            fact["is_closing"] = realized is not None
            fact["realized_pnl"] = realized or Fraction(0)
        closings[day] = {key: (book.quantity, book.cost) for key, book in books.items() if book.quantity}
    return closings


def open_positions(closings):
    columns = ("source", "tenant_id", "account_id", "strategy_id", "client_id", "instrument_id")
    return [
        {"date_key": date_key(day), **dict(zip(columns, key)), "quantity": quantity, "total_cost": cost}
        for day, books in closings.items()
        for key, (quantity, cost) in books.items()
    ]


# ---- marks and positions ----------------------------------------------------------------------------------------


def marks_of(source, trades, quotes):
    """{(day, instrument, currency): (price, source, instant)}: the day's last trade, else the middle of its last quote that is
    not stale, else what there was the day before, while it is not too old."""
    found, standing, day_trades, day_quotes = {}, {}, by_day(trades), by_day(quotes)
    for day in source.settings.days():
        fresh = {}
        for quote in sorted(day_quotes.get(day, []), key=lambda q: (q["quote_timestamp"], q["quote_reference"].encode())):
            state = source.members["instruments"].as_of(quote["instrument_id"], quote["quote_timestamp"])
            if not quote["is_stale"] and state:
                price = rounded(quote["mid_price"], 8)
                fresh[quote["instrument_id"], state["currency"]] = (price, "QUOTE", quote["quote_timestamp"], day)
        last_of_all = lambda f: (f["execution_timestamp"], f["source"] == "CLIENT", *execution_order(f)[1:])
        for fact in sorted(day_trades.get(day, []), key=last_of_all):
            fresh[fact["instrument_id"], fact["currency"]] = (fact["price"], "TRADE", fact["execution_timestamp"], day)
        standing.update(fresh)
        for key, (price, kind, at, since) in standing.items():
            if day - since <= source.settings.mark_age:
                found[(day, *key)] = (price, kind, at)
    return found


def positions(source, trades, closings, marks):
    """fact_positions_daily: all strategies of an account together; what was closed on the day stands with quantity 0."""
    currencies, rows, days = {}, [], by_day(trades)
    for day in source.settings.days():
        held, realized = {}, {}
        for (flow, tenant, account, _, _, instrument), (quantity, cost) in closings[day].items():
            if flow == "DESK":
                before = held.get((tenant, account, instrument), (0, 0))
                held[tenant, account, instrument] = (before[0] + quantity, before[1] + cost)
        for fact in sorted(days.get(day, []), key=execution_order):
            if fact["source"] == "DESK":
                key = (fact["tenant_id"], fact["account_id"], fact["instrument_id"])
                currencies[key] = fact["currency"]
                realized[key] = realized.get(key, Fraction(0)) + fact["realized_pnl"]
        for key in sorted({*held, *realized}):
            quantity, cost = held.get(key, (Fraction(0), Fraction(0)))
            rows.append(position(source, day, key, currencies[key], quantity, cost, realized.get(key, Fraction(0)), marks))
    return rows


def position(source, day, key, currency, quantity, cost, realized, marks):
    multiplier = source.multiplier(key[2])
    mark = marks.get((day, key[2], currency))
    row = {
        "day": day,
        "date_key": date_key(day),
        "tenant_id": key[0],
        "account_id": key[1],
        "instrument_id": key[2],
        "currency": currency,
        "rate_to_base": source.rate(currency, day),
        "side": "LONG" if quantity > 0 else "SHORT" if quantity < 0 else "FLAT",
        "quantity": quantity,
        "total_cost": cost,
        "avg_entry_price": rounded(cost / (quantity * multiplier), 16) if quantity else None,
        "current_price": mark[0] if mark else None,
        "mark_source": mark[1] if mark else None,
        "mark_at": mark[2] if mark else None,
        "realized_pnl": realized,
    }
    value = Fraction(0) if not quantity else rounded(quantity * mark[0] * multiplier, 16) if mark else None
    unrealized = None if value is None else rounded(value - cost, 16)
    row.update(market_value=value, unrealized_pnl=unrealized, total_pnl=realized + (unrealized or 0))
    return row


# ---- performance ------------------------------------------------------------------------------------------------


def performance(trades):
    """fact_performance_daily without what looks at many days. A group of which one trade has no rate has no row."""
    groups = {}
    for fact in trades:
        if fact["source"] == "DESK":
            key = (fact["day"], fact["tenant_id"], fact["account_id"], fact["strategy_id"])
            groups.setdefault(key, []).append(fact)
    return [
        {"day": key[0], "date_key": date_key(key[0]), "tenant_id": key[1], "account_id": key[2], "strategy_id": key[3]}
        | day_measures(group)
        for key, group in groups.items()
        if all(fact["rate_to_base"] for fact in group)
    ]


def day_measures(group):
    def in_base(name):
        return total(fact[name] * fact["rate_to_base"] for fact in group)

    results = [fact["realized_pnl"] * fact["rate_to_base"] for fact in group]
    wins, losses = [value for value in results if value > 0], [value for value in results if value < 0]
    profit, loss = rounded(total(wins), 8), rounded(-total(losses), 8)
    commissions, fees = rounded(in_base("commission"), 8), rounded(in_base("fees"), 8)
    return {
        "total_trades": len(group),
        "closing_trades": sum(fact["is_closing"] for fact in group),
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "total_volume": total(fact["quantity"] for fact in group),
        "total_notional": rounded(in_base("notional_value"), 16),
        "gross_profit": profit,
        "gross_loss": loss,
        "net_pnl": profit - loss - commissions - fees,
        "commissions": commissions,
        "fees": fees,
        "win_rate": rounded(Fraction(len(wins), len(group)), 16),
        "profit_factor": rounded(profit / loss, 16) if loss else None,
        "avg_win": rounded(total(wins) / len(wins), 8) if wins else None,
        "avg_loss": rounded(total(losses) / len(losses), 8) if losses else None,
        "largest_win": rounded(max(wins), 8) if wins else None,
        "largest_loss": rounded(min(losses), 8) if losses else None,
    }


def sharpe(series, least):
    """mean / sample standard deviation x sqrt(252), rounded once; None for a short series, or one that never moves."""
    count, mean = len(series), total(series) / len(series) if series else None
    if count < max(least, 2):
        return None
    variance = total((value - mean) ** 2 for value in series) / (count - 1)
    if not variance:
        return None
    size = rounded_root(mean * mean * YEAR_DAYS / variance, 16)
    return size if mean >= 0 else -size


def drawdown(series):
    """The deepest fall of the running sum below its peak so far; the peak begins at 0."""
    reached = peak = deepest = Fraction(0)
    for value in series:
        reached += value
        peak = max(peak, reached)
        deepest = max(deepest, peak - reached)
    return deepest


def nyse_is_open(day):
    """The exchange's holidays of the years the test uses, from its published list."""
    holidays = (
        (2023, 12, 25), (2024, 1, 1), (2024, 1, 15), (2024, 2, 19), (2024, 3, 29), (2024, 5, 27), (2024, 6, 19),
        (2024, 7, 4), (2024, 9, 2), (2024, 11, 28), (2024, 12, 25),
    )
    return day.weekday() < 5 and (day.year, day.month, day.day) not in holidays


def series_key(row):
    return (row["tenant_id"], row["account_id"], row["strategy_id"])


def performance_risk(rows):
    """sharpe_ratio and max_drawdown of each row: of the last 252 trading days with a row of its series, up to its own date."""
    found, series = [], {}
    for row in sorted(rows, key=lambda r: r["day"]):
        values = series.setdefault(series_key(row), [])
        if nyse_is_open(row["day"]):
            values.append(row["net_pnl"])
        window = values[-YEAR_DAYS:]
        key = {name: row[name] for name in ("day", "date_key", "tenant_id", "account_id", "strategy_id")}
        found.append({**key, "sharpe_ratio": sharpe(window, SERIES_LEAST), "max_drawdown": drawdown(window)})
    return found


def performance_monthly(rows):
    groups = {}
    for row in sorted(rows, key=lambda r: r["day"]):
        groups.setdefault((row["day"].year, row["day"].month, *series_key(row)), []).append(row)
    found = []
    for (year, month, tenant, account, strategy), days in groups.items():
        series = [row["net_pnl"] for row in days]
        sums = {
            name: sum(row[name] for row in days)
            for name in ("total_trades", "winning_trades", "total_volume", "net_pnl", "commissions", "fees")
        }
        found.append(
            {
                "day": date(year, month, 1),
                "month_key": year * 100 + month,
                "tenant_id": tenant,
                "account_id": account,
                "strategy_id": strategy,
                "year": year,
                "month": month,
                "trading_days": len(days),
                **sums,
                "win_rate": rounded(Fraction(sums["winning_trades"], sums["total_trades"]), 16),
                "sharpe_ratio": sharpe(series, 2),
                "max_drawdown": drawdown(series),
                "best_day_pnl": max(series),
                "worst_day_pnl": min(series),
            }
        )
    return found


def top_strategies(source, rows, as_of):
    """mv_top_performing_strategies: the last 30 dates, all accounts of a strategy together, date by date."""
    groups = {}
    for row in rows:
        if as_of - timedelta(29) <= row["day"] <= as_of:
            groups.setdefault(row["strategy_id"], []).append(row)
    found = []
    for strategy, days in groups.items():
        series = {}
        for row in days:
            series[row["day"]] = series.get(row["day"], Fraction(0)) + row["net_pnl"]
        traded = [series[day] for day in sorted(series) if nyse_is_open(day)]
        trades, winners = (sum(row[name] for row in days) for name in ("total_trades", "winning_trades"))
        loss = total(row["gross_loss"] for row in days)
        profit = total(row["gross_profit"] for row in days)
        last = source.members["strategies"].last.get(strategy, {"strategy_name": "Unknown"})
        state = source.members["strategies"].as_of(strategy, source.settings.end_of(as_of) - 1) or {}
        found.append(
            {
                "strategy_id": strategy,
                "strategy_name": last.get("strategy_name"),
                "strategy_type": or_none(state.get("strategy_type")),
                "trading_days": len(series),
                "total_pnl": total(series.values()),
                "total_trades": trades,
                "winning_trades": winners,
                "win_rate": rounded(Fraction(winners, trades), 16),
                "profit_factor": rounded(profit / loss, 16) if loss else None,
                "sharpe_ratio": sharpe(traded, SERIES_LEAST),
                "last_date": max(series).isoformat(),
            }
        )
    for row in found:
        row["pnl_rank"] = 1 + sum(other["total_pnl"] > row["total_pnl"] for other in found)
    return found

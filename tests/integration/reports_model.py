#!/usr/bin/env python3
"""What the reports must say, in exact fractions, computed from rows that were made here and not read from the warehouse.

reports_model.py generate SEED FOLDER     members, performance, trades and positions at random, one CSV each
reports_model.py check FOLDER REPORT      compares FOLDER/out.json and FOLDER/out.csv, what `tapemill report REPORT` printed
                 [OPTION VALUE]...        with these options, with what FOLDER's rows come to: every figure, in its order;
                                          prints how many rows there were

FOLDER/dates.csv is the calendar (date, is_trading_day), as the warehouse has it.
"""
import csv
import datetime
import json
import random
import sys
import zoneinfo
from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor, isqrt
from pathlib import Path

ZONE = zoneinfo.ZoneInfo("America/New_York")
TENANTS = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"]
FIRST, LAST = datetime.date(2023, 11, 20), datetime.date(2024, 3, 31)
DAY = datetime.timedelta(days=1)
KINDS = ("account", "strategy", "instrument")

# ---- generate -------------------------------------------------------------------------------------------------


def text(value, scale):
    with localcontext() as context:
        context.prec = 80
        return format(Decimal(value).scaleb(-scale), "f")


def write(folder, name, rows):
    with open(Path(folder, name + ".csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make_members(rng):
    """Versions of members, some renamed or moved on the way; names are not unique."""
    rows = []
    for kind, count in zip(KINDS, (6, 6, 9)):
        for member in range(1, count + 1):
            changes = sorted(
                {datetime.datetime(2024, rng.randint(1, 3), rng.randint(1, 28), rng.randint(0, 23), tzinfo=ZONE)
                 for _ in range(rng.choice((0, 0, 1, 2)))})
            bounds = ["-infinity", *(c.isoformat() for c in changes), "infinity"]
            for version, (start, end) in enumerate(zip(bounds, bounds[1:]), 1):
                name = f"{kind} {min(member, 2) if rng.random() < 0.3 else member} {rng.choice('xyz')}"
                rows.append({"kind": kind, "id": member, "version": version, "valid_from": start, "valid_to": end,
                             "name": name, "type": f"type {rng.randint(1, 3)}"})
    return rows


def make_amount(rng):
    return rng.choice((0, rng.randint(-10**4, 10**4), rng.randint(-3, 3) * 10**10, rng.randint(-10**12, 10**12),
                       rng.randint(-10**17, 10**17)))


def make_performance(rng):
    rows, held = [], []
    pairs = [(rng.choice((1, 2, 3, 4, "")), rng.choice((1, 2, 3, 4, ""))) for _ in range(9)] + [(5, 5), (6, 6)]
    date = FIRST
    while date <= LAST:
        for account, strategy in sorted(set(pairs), key=str):
            if account == 6 and date < LAST - 5 * DAY or date.weekday() > 4 and rng.random() < 0.7 or rng.random() < 0.15:
                continue
            if rng.random() < 0.01 and account != 5 or account == 6 and rng.random() < 0.5:
                held.append({"date": date, "account_id": account, "strategy_id": strategy})
                continue
            won, lost, commissions, fees = (abs(make_amount(rng)) for _ in range(4))
            trades = rng.randint(1, 50)
            rows.append({"date": date, "tenant_id": TENANTS[account in (2, 3)], "account_id": account,
                         "strategy_id": strategy, "total_trades": trades, "winning_trades": rng.randint(0, trades),
                         "gross_profit": text(won, 8), "gross_loss": text(lost, 8) if account != 5 else "0",
                         "commissions": text(commissions // 100, 8) if account != 5 else "0",
                         "fees": text(fees // 1000, 8) if account != 5 else "0"})
        date += DAY
    return rows, held


def make_trades(rng):
    rows = []
    for number in range(1500):
        instrument = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, "", "")) if rng.random() < 0.99 else 9
        source = rng.choice(("DESK", "DESK", "DESK", "CLIENT"))
        currency = {1: "EUR", 2: "JPY", 3: rng.choice(("USD", "EUR"))}.get(instrument, "USD")
        deleted = rng.random() < 0.05
        rate = {"USD": 10**12, "EUR": rng.randint(10**12, 12 * 10**11), "JPY": rng.randint(6 * 10**9, 7 * 10**9)}[currency]
        booked = not deleted and not (instrument == 5 and rng.random() < 0.02)
        closing = rng.random() < 0.6
        rows.append({
            "date": FIRST + DAY * floor((LAST - FIRST).days * (1 - rng.random() ** 3)), "source": source,
            "tenant_id": rng.choice(TENANTS), "trade_reference": number, "instrument_id": instrument,
            "second": rng.choice((rng.randint(0, 86399), rng.randint(34000, 35000))),
            "quantity": text(rng.randint(1, 10**rng.randint(1, 14)), 8), "price": text(rng.randint(1, 10**11), 8),
            "commission": text(rng.randint(0, 10**9), 8), "fees": text(rng.randint(-10**7, 10**9), 8),
            "currency": currency, "rate": "" if instrument == 4 and rng.random() < 0.02 else text(rate, 12),
            "realized_pnl": (text(make_amount(rng) if closing else 0, 8)) if booked else "",
            "is_closing": closing if booked else "", "is_deleted": deleted})
    return rows


def make_positions(rng):
    rows = []
    for date in (LAST - 40 * DAY, LAST - 3 * DAY, LAST - 2 * DAY):
        for account in (1, 2, 3, 4, 5, ""):
            for instrument in range(1, 10):
                if rng.random() < 0.5:
                    continue
                quantity = rng.choice((0, rng.randint(-10**12, 10**12), rng.randint(1, 10**9)))
                marked = quantity != 0 and (account != 3 or rng.random() < 0.5)
                price = rng.randint(1, 10**11)
                rows.append({"date": date, "tenant_id": TENANTS[account in (2, 3)], "account_id": account,
                             "instrument_id": instrument, "currency": "EUR" if instrument == 1 else "USD",
                             "rate": "" if account == 4 and instrument == 1 else text(rng.randint(1, 2 * 10**12), 12),
                             "quantity": text(quantity, 8), "price": text(price, 8) if marked else "",
                             "market_value": text(quantity * price, 16) if marked else ""})
    return rows


def generate(seed, folder):
    rng = random.Random(int(seed))
    write(folder, "members", make_members(rng))
    performance, held = make_performance(rng)
    write(folder, "performance", performance)
    write(folder, "held", held)
    write(folder, "trades", make_trades(rng))
    write(folder, "positions", make_positions(rng))


# ---- exact figures --------------------------------------------------------------------------------------------


def rounded(value, scale=16):
    """Half away from zero."""
    if value is None:
        return None
    units = floor(abs(Fraction(value)) * 10**scale + Fraction(1, 2))
    return Fraction(units if value >= 0 else -units, 10**scale)


def rounded_root(value, scale=16):
    return Fraction((isqrt(floor(4 * value * 10 ** (2 * scale))) + 1) // 2, 10**scale)


def variance(values):
    mean = Fraction(sum(values), len(values))
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def sharpe(values):
    if len(values) < 20 or variance(values) == 0:
        return None
    mean = Fraction(sum(values), len(values))
    root = rounded_root(mean**2 / variance(values) * 252)
    return -root if mean < 0 else root


def percentile(values, share):
    """Linear between the two values beside the place."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] * (1 - (place - below)) + ordered[above] * (place - below)


def falls(series):
    """(fall below the peak, date, peak, date of that peak) at each date of a series from 0 on."""
    total, peak, peak_date = Fraction(0), Fraction(0), None
    for date, value in series:
        total += value
        if total > peak:
            peak, peak_date = total, date
        yield peak - total, date, peak, peak_date


# ---- the rows -------------------------------------------------------------------------------------------------


class Rows:
    def __init__(self, folder):
        self.folder = folder
        self.members = {}
        for row in self.read("members"):
            self.members.setdefault((row["kind"], row["id"]), []).append(row)
        self.performance = self.read("performance")
        self.held = self.read("held")
        self.trades = [row for row in self.read("trades") if row["is_deleted"] == "False"]
        self.positions = self.read("positions")
        self.trading_days = sorted(row["date"] for row in self.read("dates") if row["is_trading_day"] == "t")
        for row in self.performance:
            net = [Fraction(row[name]) for name in ("gross_profit", "gross_loss", "commissions", "fees")]
            row["net"], row["costs"] = net[0] - net[1] - net[2] - net[3], net[2] + net[3]

    def read(self, name):
        with open(Path(self.folder, name + ".csv"), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def member(self, kind, member, as_of):
        """Name and type as of the end of a date."""
        if member == "":
            return {"name": "Unknown", "type": None}
        end = datetime.datetime.combine(datetime.date.fromisoformat(as_of) + DAY, datetime.time(), ZONE)
        versions = self.members[kind, member]
        began = [v for v in versions if v["valid_from"] == "-infinity" or
                 datetime.datetime.fromisoformat(v["valid_from"]) < end]
        return began[-1]


class Window:
    def __init__(self, rows, options, dates, length, year=False):
        self.as_of = options.get("--as-of", options.get("--to", max(dates)))
        last = datetime.date.fromisoformat(self.as_of)
        if "--from" in options:
            self.first = options["--from"]
        elif "--trading-days" in options or length < 0 and "--days" not in options:
            count = int(options.get("--trading-days", -length))
            self.first = [day for day in rows.trading_days if day <= self.as_of][-count:][0]
        elif year and "--days" not in options:
            self.first = f"{last.year}-01-01"
        else:
            self.first = str(last - (int(options.get("--days", length)) - 1) * DAY)

    def holds(self, row):
        return self.first <= row["date"] <= self.as_of

    def dates(self):
        return {"from_date": self.first, "to_date": self.as_of}


def ident(value):
    return None if value == "" else int(value)


def grouped(rows, *names):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def order(value, member):
    """Largest first, unknown figures and then members last."""
    return (value is None, -value if value is not None else 0, member is None, member or 0)


def performance_groups(rows, window, *names):
    """{group: (rows, held buckets)}"""
    known = grouped(filter(window.holds, rows.performance), *names)
    held = grouped(filter(window.holds, rows.held), *names)
    return {key: (known.get(key, []), held.get(key, [])) for key in {*known, *held}}


def series_of(known, held):
    """[(date, net)] of the dates that are known as a whole."""
    without = {row["date"] for row in held}
    return [(date, sum(row["net"] for row in day)) for (date,), day in sorted(grouped(known, "date").items())
            if date not in without]


def counts(known, held):
    return {"days": len({row["date"] for row in known + held}), "held_days": len({row["date"] for row in held})}


def strategies(rows, options, length, limit):
    window = Window(rows, options, [row["date"] for row in rows.performance + rows.held], length)
    out = []
    for (member,), (known, held) in performance_groups(rows, window, "strategy_id").items():
        series = series_of(known, held)
        trades = sum(int(row["total_trades"]) for row in known)
        winners = sum(int(row["winning_trades"]) for row in known)
        name = rows.member("strategy", member, window.as_of)
        out.append({**window.dates(), "strategy_id": ident(member), "strategy": name["name"],
                    "strategy_type": name["type"], "total_pnl": None if held else sum(row["net"] for row in known),
                    "sharpe_ratio": sharpe([value for date, value in series if date in set(rows.trading_days)]),
                    "win_rate": None if held else rounded(Fraction(winners, trades)),
                    "total_trades": None if held else trades,
                    "total_costs": None if held else sum(row["costs"] for row in known),
                    "max_drawdown": None if held else max(fall[0] for fall in falls(series)), **counts(known, held)})
    for figure, rank in (("total_pnl", "pnl_rank"), ("sharpe_ratio", "sharpe_rank"), ("win_rate", "win_rate_rank")):
        for row in out:
            row[rank] = (None if row[figure] is None else
                         1 + sum(other[figure] is not None and other[figure] > row[figure] for other in out))
    out.sort(key=lambda row: order(row["total_pnl"], row["strategy_id"]))
    return out[: int(options.get("--limit", limit))]


def monthly_pnl(rows, options):
    window = Window(rows, options, [row["date"] for row in rows.performance + rows.held], 1, year=True)
    for row in rows.performance + rows.held:
        row["month"] = row["date"][:7]
    out = []
    for (month, member), (known, held) in performance_groups(rows, window, "month", "account_id").items():
        trades = sum(int(row["total_trades"]) for row in known)
        winners = sum(int(row["winning_trades"]) for row in known)
        name = rows.member("account", member, window.as_of)
        out.append({**window.dates(), "year": int(month[:4]), "month": int(month[5:]),
                    "month_name": datetime.date.fromisoformat(month + "-01").strftime("%B"), "account_id": ident(member),
                    "account_number": name["name"], "account": name["name"],
                    "monthly_pnl": None if held else sum(row["net"] for row in known),
                    "trade_count": None if held else trades,
                    "win_rate": None if held else rounded(Fraction(winners, trades)), **counts(known, held)})
    return sorted(out, key=lambda row: (row["year"], row["month"], order(row["monthly_pnl"], row["account_id"])))


def value_at_risk(rows, options):
    window = Window(rows, options, [row["date"] for row in rows.performance + rows.held], -252)
    out = []
    for (member,), (known, held) in performance_groups(rows, window, "account_id").items():
        series = dict(series_of(known, held))
        dates = sorted({row["date"] for row in known + held})
        ratios = [series[date] / abs(series[before]) for before, date in zip(dates, dates[1:])
                  if series.get(before) and date in series]
        name = rows.member("account", member, window.as_of)
        row = {**window.dates(), "account_id": ident(member), "account_number": name["name"], "account": name["name"],
               "held_days": counts(known, held)["held_days"]}
        for kind, values, number in (("pnl", list(series.values()), "days"), ("ratio", ratios, "ratio_days")):
            row[number] = len(values)
            row[kind + "_var_95"] = rounded(-percentile(values, Fraction(1, 20))) if values else None
            row[kind + "_var_99"] = rounded(-percentile(values, Fraction(1, 100))) if values else None
            row[kind + "_mean"] = rounded(Fraction(sum(values), len(values))) if values else None
            row[kind + "_volatility"] = rounded_root(variance(values)) if len(values) > 1 else None
        out.append(row)
    return sorted(out, key=lambda row: order(row["pnl_var_95"], row["account_id"]))


def drawdown(rows, options):
    window = Window(rows, options, [row["date"] for row in rows.performance + rows.held], 90)
    out = []
    for (member,), (known, held) in performance_groups(rows, window, "account_id").items():
        name = rows.member("account", member, window.as_of)
        row = {**window.dates(), "account_id": ident(member), "account_number": name["name"], "account": name["name"],
               "total_pnl": None, "max_drawdown": None, "max_drawdown_pct": None, "max_drawdown_date": None,
               "peak_pnl": None, "peak_date": None, **counts(known, held)}
        if not held:
            fall, date, peak, peak_date = max(falls(series_of(known, held)), key=lambda fall: fall[0])
            row.update(total_pnl=sum(row["net"] for row in known), max_drawdown=fall, max_drawdown_pct=Fraction(0))
            if fall > 0:
                row.update(max_drawdown_date=date, peak_pnl=peak, peak_date=peak_date,
                           max_drawdown_pct=rounded(fall * 100 / peak) if peak else None)
        out.append(row)
    return sorted(out, key=lambda row: order(row["max_drawdown"], row["account_id"]))


def sum_trades(trades):
    """Sums in base currency; None where one of the trades makes them unknown."""
    unrated = sum(row["rate"] == "" for row in trades)
    unbooked = sum(row["realized_pnl"] == "" for row in trades)

    def total(of):
        return sum((of(row) * Fraction(row["rate"]) for row in trades), Fraction(0)) if not unrated else None

    return {"notional": total(lambda row: Fraction(row["quantity"]) * Fraction(row["price"])),
            "costs": total(lambda row: Fraction(row["commission"]) + Fraction(row["fees"])),
            "pnl": total(lambda row: Fraction(row["realized_pnl"])) if not unbooked else None,
            "unrated": unrated, "unbooked": unbooked}


def flow_of(rows, window, options):
    return [row for row in rows.trades if window.holds(row) and row["source"] == options.get("--flow", "desk").upper()]


def instruments(rows, options):
    window = Window(rows, options, [row["date"] for row in rows.trades], 7)
    out = []
    for (member,), trades in grouped(flow_of(rows, window, options), "instrument_id").items():
        if len(trades) < int(options.get("--min-trades", 10)):
            continue
        sums, name = sum_trades(trades), rows.member("instrument", member, window.as_of)
        volume = sum(Fraction(row["quantity"]) for row in trades)
        one_currency = len({row["currency"] for row in trades}) == 1
        own = sum(Fraction(row["quantity"]) * Fraction(row["price"]) for row in trades)
        out.append({**window.dates(), "instrument_id": ident(member), "symbol": name["name"],
                    "exchange": name["type"], "instrument_type": name["type"], "trade_count": len(trades),
                    "total_volume": volume, "price_currency": trades[0]["currency"] if one_currency else None,
                    "avg_price": rounded(sum(Fraction(row["price"]) for row in trades) / len(trades)) if one_currency else None,
                    "vwap_price": rounded(own / volume) if one_currency else None, "total_notional": sums["notional"],
                    "total_costs": sums["costs"], "total_pnl": sums["pnl"],
                    "return_pct": None if sums["pnl"] is None else rounded(sums["pnl"] * 100 / sums["notional"]),
                    "unrated_trades": sums["unrated"], "unbooked_trades": sums["unbooked"]})
    out.sort(key=lambda row: order(row["total_pnl"], row["instrument_id"]))
    return out[: int(options.get("--limit", 50))]




def intraday(rows, options):
    window = Window(rows, options, [row["date"] for row in rows.trades], 30)
    for row in rows.trades:
        row["hour"] = int(row["second"]) // 3600
    labels = {}
    for row in rows.read("times"):
        labels.setdefault(int(row["hour"]), []).append(row["time_of_day"])
    out = []
    for (hour,), trades in sorted(grouped(flow_of(rows, window, options), "hour").items()):
        sums = sum_trades(trades)
        winners = sum(row["realized_pnl"] != "" and Fraction(row["realized_pnl"]) > 0 for row in trades)
        out.append({**window.dates(), "hour": hour, "time_of_day": ", ".join(dict.fromkeys(labels[hour])),
                    "trade_count": len(trades), "total_notional": sums["notional"], "total_pnl": sums["pnl"],
                    "avg_pnl_per_trade": None if sums["pnl"] is None else rounded(sums["pnl"] / len(trades)),
                    "win_rate": None if sums["unbooked"] else rounded(Fraction(winners, len(trades))),
                    "unrated_trades": sums["unrated"], "unbooked_trades": sums["unbooked"]})
    return out


def concentration(rows, options):
    asked = options.get("--as-of")
    date = max(row["date"] for row in rows.positions if not asked or row["date"] <= asked)
    out = []
    for (member,), group in grouped([row for row in rows.positions if row["date"] == date], "account_id").items():
        group = [row for row in group if Fraction(row["quantity"])]
        for row in group:
            known = row["market_value"] and row["rate"]
            row["base"] = Fraction(row["market_value"]) * Fraction(row["rate"]) if known else None
        gross = None if any(row["base"] is None for row in group) else sum(abs(row["base"]) for row in group)
        for row in group:
            account = rows.member("account", member, asked or date)
            instrument = rows.member("instrument", row["instrument_id"], asked or date)
            out.append({"date": date, "account_id": ident(member), "account_number": account["name"],
                        "account": account["name"], "instrument_id": ident(row["instrument_id"]),
                        "symbol": instrument["name"], "instrument_type": instrument["type"],
                        "side": "LONG" if Fraction(row["quantity"]) > 0 else "SHORT", "quantity": Fraction(row["quantity"]),
                        "currency": row["currency"], "current_price": Fraction(row["price"]) if row["price"] else None,
                        "market_value": row["base"], "gross_market_value": gross,
                        "weight_pct": None if gross is None else rounded(abs(row["base"]) * 100 / gross),
                        "missing": "mark" if not row["market_value"] else "rate" if not row["rate"] else None})
    return sorted(out, key=lambda row: (row["account_id"] is None, row["account_id"] or 0,
                                        order(None if row["market_value"] is None else abs(row["market_value"]),
                                              row["instrument_id"])))


REPORTS = {
    "top-strategies": lambda rows, options: strategies(rows, options, 30, 20),
    "strategies": lambda rows, options: strategies(rows, options, 90, 10**6),
    "monthly-pnl": monthly_pnl,
    "var": value_at_risk,
    "drawdown": drawdown,
    "instruments": instruments,
    "intraday": intraday,
    "concentration": concentration,
}


# ---- check ----------------------------------------------------------------------------------------------------


def same(expected, told):
    if isinstance(expected, Fraction) and told is not None:
        return Fraction(told) == expected
    return told == expected or isinstance(expected, int) and isinstance(told, str) and Fraction(told) == expected


def check(folder, name, *options):
    expected = REPORTS[name](Rows(folder), dict(zip(options[::2], options[1::2])))
    told = json.loads(Path(folder, "out.json").read_text(encoding="utf-8"))
    with open(Path(folder, "out.csv"), newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if lines != [{key: "" if value is None else str(value) for key, value in row.items()} for row in told]:
        sys.exit(f"{name}: CSV and JSON differ")
    if len(told) != len(expected):
        sys.exit(f"{name}: {len(told)} rows, not {len(expected)}: {told[:3]}")
    for number, (right, row) in enumerate(zip(expected, told)):
        if set(right) != set(row):
            sys.exit(f"{name}: columns {sorted(set(right) ^ set(row))}")
        for column, value in right.items():
            if not same(value, row[column]):
                sys.exit(f"{name}, row {number}: {column} is {row[column]}, not {value} ({row})")
    print(len(expected))


if __name__ == "__main__":
    {"generate": generate, "check": check}[sys.argv[1]](*sys.argv[2:])

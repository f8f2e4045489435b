#!/usr/bin/env python3
"""What Sharpe ratios, drawdowns and months must be, in exact fractions, from the rows of daily performance.

performance_model.py generate SEED FROM TO   random rows "date,account,strategy,net_pnl,trades,winners" (strategy empty:
                                             Unknown), in the order of the dates, weekends among them
performance_model.py daily FOLDER            compares FOLDER/daily.csv, and performance_model.py monthly FOLDER
                                             FOLDER/monthly.csv, with what the rows of FOLDER/daily.csv come to

It shares nothing with the product. The square root is that of a whole number, so that every digit is certain.
"""
import csv
import datetime
import random
import sys
from fractions import Fraction
from math import isqrt
from pathlib import Path

WINDOW, FEWEST, FEWEST_OF_MONTH, YEAR = 252, 20, 2, 252


def root_rounded(square, scale):
    """The root of a fraction that is not negative, rounded half away from zero."""
    doubled = isqrt(4 * square.numerator * 10 ** (2 * scale) // square.denominator)
    return Fraction((doubled + 1) // 2, 10**scale)


def rounded(value, scale):
    scaled = abs(value) * 10**scale
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(units if value >= 0 else -units, 10**scale)


def sharpe(values, fewest):
    if len(values) < fewest:
        return None
    mean = sum(values) / len(values)
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    if not variance:
        return None
    return root_rounded(mean**2 / variance * YEAR, 16) * (1 if mean >= 0 else -1)


def drawdown(values):
    made = peak = worst = Fraction(0)
    for value in values:
        made += value
        peak = max(peak, made)
        worst = max(worst, peak - made)
    return worst


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def series_of(rows):
    """{series: its rows in order}; daily.csv has natural ids, whatever version a row points to."""
    series = {}
    for row in sorted(rows, key=lambda r: int(r["date_key"])):
        series.setdefault((row["tenant_id"], row["account_id"], row["strategy_id"]), []).append(row)
    return series


def number(text):
    return Fraction(text) if text else None


def compare(what, expected, actual):
    different = sorted((key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key)), key=str)
    for key in different[:5]:
        print(f"{what} {key}: expected {expected.get(key)}, got {actual.get(key)}", file=sys.stderr)
    print(f"{len(expected)} rows of {what} compared, {len(different)} differ")
    return 1 if different else 0


def check_daily(folder):
    rows = read(Path(folder, "daily.csv"))
    expected = {}
    for key, days in series_of(rows).items():
        values = []
        for day in days:
            if day["is_trading_day"] == "t":
                values = [*values, Fraction(day["net_pnl"])][-WINDOW:]
            expected[(*key, day["date_key"])] = (sharpe(values, FEWEST), drawdown(values))
    actual = {(r["tenant_id"], r["account_id"], r["strategy_id"], r["date_key"]):
              (number(r["sharpe_ratio"]), number(r["max_drawdown"])) for r in rows}
    return compare("daily performance", expected, actual)


def month_of(days):
    values = [Fraction(day["net_pnl"]) for day in days]

    def total(name):
        return sum(Fraction(day[name]) for day in days)

    return {
        "trading_days": Fraction(len(days)),
        "total_trades": total("total_trades"),
        "winning_trades": total("winning_trades"),
        "total_volume": total("total_volume"),
        "net_pnl": sum(values),
        "commissions": total("commissions"),
        "fees": total("fees"),
        "win_rate": rounded(total("winning_trades") / total("total_trades"), 16),
        "sharpe_ratio": sharpe(values, FEWEST_OF_MONTH),
        "max_drawdown": drawdown(values),
        "best_day_pnl": max(values),
        "worst_day_pnl": min(values),
    }


def check_monthly(folder):
    expected = {}
    for key, days in series_of(read(Path(folder, "daily.csv"))).items():
        for month in {day["date_key"][:6] for day in days}:
            expected[(*key, month)] = month_of([day for day in days if day["date_key"].startswith(month)])
    names = next(iter(expected.values())).keys()
    actual = {}
    for row in read(Path(folder, "monthly.csv")):
        key = (row["tenant_id"], row["account_id"], row["strategy_id"], row["month_key"])
        if key in actual or int(row["month_key"]) != int(row["year"]) * 100 + int(row["month"]):
            print(f"{key} has two rows, or not its own year and month", file=sys.stderr)
            return 1
        actual[key] = {name: number(row[name]) for name in names}
    return compare("monthly performance", expected, actual)


def generate(seed, first, last):
    """Series: dense, with gaps, sparse, young, flat, always losing, and one whose days hardly differ."""
    source = random.Random(seed)
    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    day, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    young = end - datetime.timedelta(days=40)

    def amount(digits):
        return f"{source.choice('+-')}{source.randint(0, 10**digits)}.{source.randint(0, 10**8 - 1):08d}"

    while day <= end:
        weekday = day.weekday() < 5
        for account, strategy, chance, value in (
            (1, "1", 0.97 if weekday else 0.1, amount(5)),
            (1, "2", 0.6 if weekday else 0.3, amount(3)),
            (1, "", 0.1, amount(4)),
            (2, "1", 0.9 if weekday and day > young else 0, amount(2)),
            (2, "2", 0.5, "12.5"),
            (3, "1", 0.5, "-" + amount(2)[1:]),
            (3, "2", 0.5, f"100000000000000.0000000{source.randint(0, 1)}"),
        ):
            if source.random() < chance:
                trades = source.randint(1, 50)
                write((day, account, strategy, value.lstrip("+"), trades, source.randint(0, trades)))
        day += datetime.timedelta(days=1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"] and len(sys.argv) == 5:
        sys.exit(generate(int(sys.argv[2]), *sys.argv[3:]))
    if sys.argv[1:2] == ["daily"] and len(sys.argv) == 3:
        sys.exit(check_daily(sys.argv[2]))
    if sys.argv[1:2] == ["monthly"] and len(sys.argv) == 3:
        sys.exit(check_monthly(sys.argv[2]))
    print(__doc__, file=sys.stderr)
    sys.exit(2)

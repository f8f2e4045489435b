#!/usr/bin/env python3
"""What marks and positions must be, in exact fractions, from trades, quotes and closing books.

positions_model.py generate SEED DATE...     random trades of the dates as SQL
positions_model.py check FOLDER AGE DATE...  compares FOLDER/marks.csv and positions.csv with what FOLDER/trades.csv, quotes.csv,
                                             books.csv, multipliers.csv and rates.csv come to; AGE: how many days a mark lasts

Trades and books have natural ids, and the business date and instant (microseconds) of each trade. It shares nothing with the
product. Of an instrument in several currencies the model takes that of the trades since the position was opened.
"""
import csv
import datetime
import random
import sys
from fractions import Fraction
from pathlib import Path


def rounded(value, scale):
    scaled = abs(value) * 10**scale
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(units if value >= 0 else -units, 10**scale)


def read(folder, name):
    with open(Path(folder, name + ".csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def marks_of(trades, quotes, dates, age):
    """{(date, instrument, currency): (price, source, date of the mark)}"""
    marks, before = {}, {}
    for date in dates:
        today = {}
        for quote in sorted((q for q in quotes if q["date_key"] == date and q["is_stale"] == "f"),
                            key=lambda q: (int(q["at_us"]), q["quote_reference"].encode())):
            middle = (Fraction(quote["bid_price"]) + Fraction(quote["ask_price"])) / 2
            today[(quote["instrument_id"], quote["currency"])] = (rounded(middle, 8), "QUOTE", date)
        for trade in sorted((t for t in trades if t["date_key"] == date), key=place_of):
            today[(trade["instrument_id"], trade["currency"])] = (Fraction(trade["price"]), "TRADE", date)
        for key, mark in before.items():
            if (day(date) - day(mark[2])).days <= age:
                today.setdefault(key, mark)
        marks.update({(date, *key): mark for key, mark in today.items()})
        before = today
    return marks


def place_of(trade):
    """Where a trade stands among all: by instant, the desk's before the clients', by reference."""
    desk = trade["source"] == "DESK"
    return (int(trade["at_us"]), not desk, int(trade["trade_reference"]) if desk else 0, trade["trade_reference"].encode())


def day(key):
    return datetime.datetime.strptime(key, "%Y%m%d").date()


def positions_of(trades, books, marks, multipliers, rates, dates):
    """{(date, tenant, account, instrument, currency): figures}"""
    positions, currency = {}, {}
    multiplier = {m["instrument_id"]: Fraction(m["multiplier"]) for m in multipliers}
    for date in dates:
        held = {}
        for book in (b for b in books if b["date_key"] == date):
            quantity, cost, realized = held.get(owner(book), (0, 0, 0))
            held[owner(book)] = (quantity + Fraction(book["quantity"]), cost + Fraction(book["total_cost"]), realized)
        for trade in sorted((t for t in trades if t["date_key"] == date and t["source"] == "DESK"), key=place_of):
            quantity, cost, realized = held.get(owner(trade), (0, 0, 0))
            held[owner(trade)] = (quantity, cost, realized + Fraction(trade["realized_pnl"]))
            currency[owner(trade)] = trade["currency"]
        for key, (quantity, cost, realized) in held.items():
            mark = marks.get((date, key[2], currency[key]), (None, "", None))
            positions[(date, *key, currency[key])] = figures(
                quantity, cost, realized, mark, multiplier[key[2]], rates.get((date, currency[key]))
            )
    return positions


def owner(row):
    return (row["tenant_id"], row["account_id"], row["instrument_id"])


def figures(quantity, cost, realized, mark, multiplier, rate):
    worth = Fraction(0) if not quantity else mark[0] * quantity * multiplier if mark[0] is not None else None
    return {
        "side": "LONG" if quantity > 0 else "SHORT" if quantity < 0 else "FLAT",
        "quantity": Fraction(quantity),
        "total_cost": Fraction(cost),
        "avg_entry_price": rounded(cost / (quantity * multiplier), 16) if quantity else None,
        "current_price": mark[0],
        "mark_source": mark[1],
        "market_value": None if worth is None else rounded(worth, 16),
        "unrealized_pnl": None if worth is None else rounded(worth - cost, 16),
        "realized_pnl": Fraction(realized),
        "total_pnl": rounded((0 if worth is None else worth - cost) + realized, 16),
        "rate_to_base": rate,
    }


def value_of(name, text):
    return text if name in ("side", "mark_source") else Fraction(text) if text else None


def compare(what, expected, actual):
    different = sorted((key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key)), key=str)
    for key in different[:5]:
        print(f"{what} {key}:\n  expected {expected.get(key)}\n  got      {actual.get(key)}", file=sys.stderr)
    print(f"{len(expected)} {what} compared, {len(different)} differ")
    return len(different)


def check(folder, age, dates):
    trades = read(folder, "trades")
    rates = {(r["date_key"], r["currency"]): Fraction(r["rate"]) for r in read(folder, "rates")}
    marks = marks_of(trades, read(folder, "quotes"), dates, age)
    stored = {(m["date_key"], m["instrument_id"], m["currency"]): (Fraction(m["price"]), m["mark_source"], m["mark_date"])
              for m in read(folder, "marks")}
    wrong = compare("marks", marks, stored)
    expected = positions_of(trades, read(folder, "books"), marks, read(folder, "multipliers"), rates, dates)
    names = next(iter(expected.values())).keys()
    stored = {(p["date_key"], p["tenant_id"], p["account_id"], p["instrument_id"], p["currency"]):
              {name: value_of(name, p[name]) for name in names} for p in read(folder, "positions")}
    return 1 if wrong + compare("positions", expected, stored) else 0


def generate(seed, dates):
    """Few instants, so that many trades share one; some days without trades in an instrument, which go back to flat at times."""
    source = random.Random(seed)
    reference, held = 0, {}
    for position, date in enumerate(dates):
        for account in (1, 2):
            for instrument in (1, 2, 3):
                for _ in range(source.choice((0, 0, 0, 1, 2, 3))):
                    strategy = source.choice(("1", "2", "null"))
                    book = (account, strategy, instrument)
                    now = held.get(book, 0)
                    quantity = abs(now) if now and source.random() < 0.5 else source.randint(1, 400)
                    side = ("SELL" if now > 0 else "BUY") if quantity == abs(now) else source.choice(("BUY", "SELL"))
                    held[book] = now + (quantity if side == "BUY" else -quantity)
                    reference += 1
                    print(f"select desk('{date}', {reference}, '{source.randint(9, 11)}:00', '{side}', {quantity}, "
                          f"{source.randint(1, 90)}.{source.randint(0, 10**8 - 1):08d}, {instrument}, {account}, {strategy});")
        if position % 3 == 0:
            print(f"select client('{date}', 'c{reference}', '{source.randint(9, 11)}:00', {source.randint(1, 90)}, "
                  f"{source.randint(1, 3)});")
        for number in range(source.choice((0, 1, 3))):
            print(f"select quote('{date}', 'q{position}.{number}', '{source.randint(9, 16)}:30', {source.randint(10, 90)}.00000001, "
                  f"{source.randint(10, 90)}.00000002, {source.randint(1, 4)}, {source.choice(('true', 'false'))});")


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"] and len(sys.argv) > 3:
        sys.exit(generate(int(sys.argv[2]), sys.argv[3:]))
    if sys.argv[1:2] == ["check"] and len(sys.argv) > 4:
        sys.exit(check(sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
    print(__doc__, file=sys.stderr)
    sys.exit(2)

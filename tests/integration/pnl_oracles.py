#!/usr/bin/env python3
"""Published results of realised P&L, brought to fills and compared.

pnl_oracles.py rp2 fills FOLDER           the transactions of oracle_pnl_rp2 as CSV rows of the source's executions
pnl_oracles.py rp2 check FOLDER FACTS     FACTS is a CSV of trade_reference, realized_pnl of these fills
pnl_oracles.py pyfolio fills FOLDER       the transactions of portfolio_pyfolio for pnl_replay
pnl_oracles.py pyfolio check FOLDER AVERAGE FIFO    what pnl_replay made of them by the two methods
"""
import csv
import subprocess
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

UNIT = Fraction(1, 10**8)  # prices and P&L have 8 decimals


def rounded(value):
    """To 8 decimals, half away from zero."""
    scaled = abs(value) / UNIT
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return (units if value >= 0 else -units) * UNIT


def text(value):
    """A fraction of 8 decimals as they are written."""
    assert value == rounded(value), value
    units = abs(int(value / UNIT))
    return f"{'-' if value < 0 else ''}{units // 10**8}.{units % 10**8:08d}"


def fail(message):
    print(message, file=sys.stderr)
    fail.count += 1


fail.count = 0

# ---- rp2 ----------------------------------------------------------------------------------------------------------
#
# Tax reports of coins, by FIFO, universal over a person's exchanges and wallets: one book for each asset of a report.
#
#   inflow     a BUY of what came in. rp2 adds the fee in USD to the cost of the lot, and our P&L is gross of fees: so the
#              price is what came in cost with its fee, over the quantity. Interest, mining and the like are income, and a lot
#              at the spot price from then on: a BUY as well.
#   outflow    a SELL of what went out and of the fee in coins together, for what the coins brought (USD Out): the fee is
#              disposed of for nothing. Gifts and donations are disposals at the spot price in rp2. Where such a fee is in
#              it the price is no decimal, and rounded to 8: it moves the P&L by up to half a unit per coin.
#   intraflow  a transfer between wallets changes no book; its fee in coins is a SELL at the spot price. Without a fee the
#              row has no counterpart.
#   gainloss   the pieces of one disposal, a lot each: their sum is the P&L of its fill. Rows of direction IN, income of a
#              receipt without any lot, have no counterpart: no position is closed.
#   summary    sums by asset, year, term and type; the types of income are left out as above.
#
# FIFO depends on the order of the fills and on nothing else of their time: each report's dates become consecutive ones from
# 2024-01-01, hours kept, so that every date hands its lots to the next.

REPORTS = ("crypto_example", "test_many_year_data", "test_hifo2")
DISPOSALS = ("SELL", "GIFT", "DONATE", "MOVE")
FIRST = date(2024, 1, 1)


def rows(folder, report, kind, optional=False):
    path = Path(folder, f"{report}_fifo_{kind}.csv")
    if optional and not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fills_of(folder, report):
    """[(instant, asset, side, quantity, price, kind of disposal, error of its P&L)] in order."""
    fills = []
    for row in rows(folder, report, "inflow"):
        quantity = Fraction(row["Crypto In"])
        fills.append((row["Timestamp"], row["Asset"], "BUY", quantity, Fraction(row["USD In With Fee"]) / quantity, None))
    for row in rows(folder, report, "outflow"):
        quantity = Fraction(row["Crypto Out"]) + Fraction(row["Crypto Fee"])
        fills.append((row["Timestamp"], row["Asset"], "SELL", quantity, Fraction(row["USD Out"]) / quantity,
                      "OUT / " + row["Transaction Type"]))
    for row in rows(folder, report, "intraflow", optional=True):
        quantity = Fraction(row["Crypto Fee"])
        if quantity:
            fills.append((row["Timestamp"], row["Asset"], "SELL", quantity, Fraction(row["Spot Price"]), "INTRA / MOVE"))
    # a lot and its price that cannot be written would show nothing
    assert all(side == "SELL" or price == rounded(price) for _, _, side, _, price, _ in fills)
    return sorted(((datetime.fromisoformat(fill[0]), *fill[1:]) for fill in fills), key=lambda fill: fill[0])


def all_fills(folder):
    """[(execution id, account, instrument, instant in the test, fill)] of all reports; every asset is an instrument."""
    listed, instruments = [], {}
    for account, report in enumerate(REPORTS, 1):
        fills = fills_of(folder, report)
        days = {day: FIRST + timedelta(days=place) for place, day in enumerate(sorted({f[0].date() for f in fills}))}
        for fill in fills:
            instrument = instruments.setdefault((report, fill[1]), len(instruments) + 1)
            instant = datetime.combine(days[fill[0].date()], fill[0].timetz())
            listed.append((len(listed) + 1, account, instrument, instant, fill))
    return listed


def rp2_fills(folder):
    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    for number, account, instrument, instant, (_, _, side, quantity, price, _) in all_fills(folder):
        write((number, account, instrument, instant.isoformat(), side, text(quantity), text(rounded(price)), "NEW"))


def rp2_check(folder, facts):
    with open(facts, newline="", encoding="utf-8") as file:
        realized = {int(row["trade_reference"]): Fraction(row["realized_pnl"]) for row in csv.DictReader(file)}
    listed = all_fills(folder)
    if set(realized) != {entry[0] for entry in listed}:
        fail("the facts are not the fills")
    disposals, years, tolerance, year_tolerance = 0, defaultdict(Fraction), {}, defaultdict(Fraction)
    got = {}
    for number, account, _, _, (instant, asset, side, quantity, price, kind) in listed:
        if side == "BUY":
            if realized[number]:
                fail(f"fill {number} opens, and has realised {realized[number]}")
            continue
        key = (account, asset, instant, kind)
        got[key] = realized[number]
        tolerance[key] = 0 if price == rounded(price) else (quantity + 1) * UNIT / 2
        years[account, asset, instant.year, kind.split(" / ")[1]] += realized[number]
        year_tolerance[account, asset, instant.year, kind.split(" / ")[1]] += tolerance[key]
    expected, expected_years, income = defaultdict(Fraction), defaultdict(Fraction), 0
    for account, report in enumerate(REPORTS, 1):
        for row in rows(folder, report, "gainloss"):
            if row["Taxable Event Direction/Type"].startswith("IN / "):
                income += 1
                continue
            key = (account, row["Asset"], datetime.fromisoformat(row["Taxable Event Timestamp"]),
                   row["Taxable Event Direction/Type"])
            # The report shows 17 digits of a piece; the pieces are proceeds less cost, which it has to 31.
            expected[key] += (Fraction(row["Taxable Event USD Amount Fraction"]) -
                              Fraction(row["Acquired Lot USD Cost Basis"]))
            if abs(Fraction(row["Capital Gains"]) - Fraction(row["Taxable Event USD Amount Fraction"]) +
                   Fraction(row["Acquired Lot USD Cost Basis"])) > Fraction(1, 10**11):
                fail(f"{key}: the report does not agree with itself")
        for row in rows(folder, report, "summary"):
            if row["Transaction Type"] in DISPOSALS:
                expected_years[account, row["Asset"], int(row["Year"]), row["Transaction Type"]] += \
                    Fraction(row["Capital Gains"])
    if got.keys() != expected.keys():
        fail(f"disposals of one side only: {got.keys() ^ expected.keys()}")
    if years.keys() != expected_years.keys():
        fail(f"years of one side only: {years.keys() ^ expected_years.keys()}")
    for key, value in expected.items():
        disposals += 1
        # shown with 31 digits, so that a sum of pieces is off by less than 1e-20
        if abs(got[key] - value) > tolerance[key] + Fraction(1, 10**20):
            fail(f"{key}: {float(got[key])} instead of {float(value)}")
    for key, value in expected_years.items():
        if abs(years[key] - value) > year_tolerance[key]:
            fail(f"year {key}: {float(years[key])} instead of {float(value)}")
    exact = sum(1 for value in tolerance.values() if not value)
    print(f"rp2: {len(listed)} fills, {disposals} disposals ({exact} to the last digit), {len(expected_years)} sums of years, "
          f"{income} rows of income without a counterpart, {fail.count} differ")


# ---- pyfolio -------------------------------------------------------------------------------------------------------
#
# The blotter of a backtest, its positions (in dollars) and cash at each close and its daily returns. Fills are at the
# day's close and cost nothing, so that a position that was traded is worth quantity x the fill's price. Cash begins at
# 100,000 before the first transaction's date, on which the positions begin; the returns begin five days earlier, at 0.
# They were computed in doubles and are written with 12 digits, prices too: hence
#
#   values and cash   to 12 significant digits of what they add up: 1e-11 of 100,000 a fill at the most, summed
#   returns           to 1e-10
#
# For the books, prices are rounded to 8 decimals, and so are they where a gain is compared with cash and positions: these
# may then differ by what is dropped when a book goes flat, half a unit each time.

START = Fraction(100000)


def read_zst(folder, name):
    plain = subprocess.run(["zstd", "-dcq", str(Path(folder, name + ".csv.zst"))], check=True, capture_output=True,
                           text=True).stdout
    return list(csv.reader(plain.splitlines()))


def transactions(folder):
    """[(date, symbol, signed quantity, price)] as they stand in the file."""
    head, *body = read_zst(folder, "test_txn")
    place = {name: index for index, name in enumerate(head)}
    return [(row[0][:10], row[place["symbol"]], Fraction(row[place["amount"]]), Fraction(row[place["price"]]))
            for row in body]


def pyfolio_fills(folder):
    for _, symbol, amount, price in transactions(folder):
        print(symbol, "BUY" if amount > 0 else "SELL", text(abs(amount)), text(rounded(price)))


def replayed(path):
    with open(path, encoding="utf-8") as file:
        return [tuple(Fraction(number) for number in line.split()) for line in file]


def pyfolio_check(folder, average, fifo):
    head, *closes = read_zst(folder, "test_pos")
    symbols = head[1:-1]
    returns = {row[0][:10]: Fraction(row[1]) for row in read_zst(folder, "test_returns")}
    fills = transactions(folder)
    methods = {"average": replayed(average), "fifo": replayed(fifo)}
    if any(len(results) != len(fills) for results in methods.values()):
        fail("not every fill has a result")
    by_date = defaultdict(list)
    for index, fill in enumerate(fills):
        by_date[fill[0]].append(index)
    cash, slack, before = START, Fraction(0), START
    drift, done = Fraction(0), 0  # what rounded prices take from the cash; fills so far
    books = {name: {} for name in methods}  # symbol: (quantity, cost)
    gained = {name: Fraction(0) for name in methods}
    compared = defaultdict(int)
    for row in closes:
        day, values, shown_cash = row[0][:10], dict(zip(symbols, map(Fraction, row[1:-1]))), Fraction(row[-1])
        price = {}
        for index in by_date[day]:
            _, symbol, amount, price[symbol] = fills[index]
            cash -= amount * price[symbol]
            slack += abs(amount * price[symbol]) / 10**11
            drift += amount * (price[symbol] - rounded(price[symbol]))
            done += 1
            for name, results in methods.items():
                realized, quantity, cost = results[index]
                books[name][symbol] = (quantity, cost)
                gained[name] += realized
        for symbol in symbols:
            quantity = books["fifo"].get(symbol, (Fraction(0),))[0]
            if quantity != books["average"].get(symbol, (Fraction(0),))[0]:
                fail(f"{day} {symbol}: the methods hold different quantities")
            if symbol in price:
                compared["positions"] += 1
                if abs(quantity * price[symbol] - values[symbol]) > abs(values[symbol]) / 10**10:
                    fail(f"{day} {symbol}: worth {float(quantity * price[symbol])}, not {float(values[symbol])}")
            elif (quantity > 0) - (quantity < 0) != (values[symbol] > 0) - (values[symbol] < 0):
                fail(f"{day} {symbol}: {float(quantity)} are worth {float(values[symbol])}")
        compared["cash"] += 1
        if abs(cash - shown_cash) > slack + Fraction(1, 10**6):
            fail(f"{day}: cash {float(cash)}, not {float(shown_cash)}")
        worth = cash + sum(values.values())
        compared["returns"] += 1
        if abs(worth / before - 1 - returns.pop(day)) > Fraction(1, 10**10):
            fail(f"{day}: a return of {float(worth / before - 1)}")
        before = worth
        # What was realised, and what the open positions are worth over their cost, is all that the portfolio gained.
        for name, held in books.items():
            compared["P&L by " + name] += 1
            open_gain = sum(values[symbol] - cost for symbol, (_, cost) in held.items())
            if abs(gained[name] + open_gain - (worth + drift - START)) > done * UNIT / 2:
                fail(f"{day}: by {name} {float(gained[name] + open_gain)}, not {float(worth - START)}")
    if any(returns.values()):
        fail("returns before the first position that are not 0")
    if by_date.keys() != {row[0][:10] for row in closes}:
        fail("dates of transactions without a close, or the other way round")
    if methods["average"] == methods["fifo"]:
        fail("the methods came to the same: the set shows nothing")
    print(f"pyfolio: {len(fills)} fills; " + ", ".join(f"{count} {name}" for name, count in compared.items()) +
          f", {fail.count} differ")


COMMANDS = {
    ("rp2", "fills"): rp2_fills,
    ("rp2", "check"): rp2_check,
    ("pyfolio", "fills"): pyfolio_fills,
    ("pyfolio", "check"): pyfolio_check,
}

if __name__ == "__main__":
    chosen = COMMANDS.get(tuple(sys.argv[1:3]))
    if chosen is None:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    chosen(*sys.argv[3:])
    sys.exit(1 if fail.count else 0)

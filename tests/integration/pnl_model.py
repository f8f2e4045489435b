#!/usr/bin/env python3
"""What realised P&L and daily performance must be, in exact fractions and in one pass over the whole history.

pnl_model.py generate SEED DATE...    random trades of these dates as CSV, in the columns of the test's table "given"
pnl_model.py average FOLDER DATE...   compares FOLDER/facts.csv, positions.csv, lots.csv and, if it is there,
pnl_model.py fifo FOLDER DATE...      performance.csv (with headers, NULL empty) with what the facts come to by that method;
                                      the dates are those whose books are closed

It shares nothing with the product: the facts are read as they are, all else is computed here.
"""
import csv
import random
import sys
from fractions import Fraction
from pathlib import Path


def rounded(value, scale):
    """Half away from zero."""
    scaled = abs(value) * 10**scale
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(units if value >= 0 else -units, 10**scale)


# ---- check ----------------------------------------------------------------------------------------------------


def read(folder, name):
    with open(Path(folder, name + ".csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def book_of(fact):
    own = ("account_id", "strategy_id", "") if fact["source"] == "DESK" else ("", "", "client_id")
    return (fact["source"], fact["tenant_id"], *(fact[name] if name else "" for name in own), fact["instrument_id"])


def execution_order(fact):
    desk = fact["source"] == "DESK"
    return (
        int(fact["date_key"]),
        int(fact["instant_us"]),
        int(fact["trade_reference"]) if desk else 0,
        b"" if desk else fact["trade_reference"].encode(),
    )


class Book:
    """A position, and its cost: what was paid for it less what its closes have released."""

    def __init__(self):
        self.held = Fraction(0)
        self.cost = Fraction(0)

    def trade(self, quantity, price):
        """quantity is signed; returns what was realised (None: nothing was closed)."""
        opened = quantity
        realized = None
        if self.held * quantity < 0:
            closed = min(abs(quantity), abs(self.held))
            sign = 1 if self.held > 0 else -1
            share = self.cost * closed / abs(self.held)
            realized = rounded(sign * closed * price - share, 8)
            self.cost -= sign * closed * price - realized
            self.held -= sign * closed
            opened = quantity + sign * closed
            if self.held == 0:
                self.cost = Fraction(0)
        self.held += opened
        self.cost += opened * price
        return realized


class FifoBook:
    """Lots of a side, oldest first: [quantity, cost, who opened it], the first two above zero."""

    def __init__(self):
        self.side = 0
        self.lots = []

    held = property(lambda self: self.side * sum((lot[0] for lot in self.lots), Fraction(0)))
    cost = property(lambda self: self.side * sum((lot[1] for lot in self.lots), Fraction(0)))

    def trade(self, quantity, price, name):
        """As Book's; what rounding took too much or too little goes to the lot that is the oldest then."""
        side = 1 if quantity > 0 else -1
        left = abs(quantity)
        if self.side != -side:
            self.side = side
            self.lots.append([left, left * price, name])
            return None
        gain = Fraction(0)
        while left and self.lots:
            lot = self.lots[0]
            taken = min(left, lot[0])
            share = lot[1] * taken / lot[0]
            gain += self.side * (taken * price - share)
            self.lots[0] = [lot[0] - taken, lot[1] - share, lot[2]]
            left -= taken
            if not self.lots[0][0]:
                self.lots.pop(0)
        realized = rounded(gain, 8)
        if self.lots:
            self.lots[0][1] += self.side * (realized - gain)
        elif left:
            self.side = side
            self.lots.append([left, left * price, name])
        else:
            self.side = 0
        return realized


def replay(facts, dates, method):
    """[(fact, realised or None)] of the dates, the positions at each date's end, and their lots."""
    books, done, positions, lots = {}, [], {}, {}
    for date in dates:
        todays = [fact for fact in facts if fact["date_key"] == date and fact["is_deleted"] == "f"]
        for fact in sorted(todays, key=execution_order):
            quantity = Fraction(fact["quantity"]) * (1 if fact["side"] == "BUY" else -1)
            price = Fraction(fact["price"]) * Fraction(fact["multiplier"])
            if method == "fifo":
                book = books.setdefault(book_of(fact), FifoBook())
                realized = book.trade(quantity, price, (fact["instant_us"], fact["trade_reference"]))
            else:
                book = books.setdefault(book_of(fact), Book())
                realized = book.trade(quantity, price)
            done.append((fact, realized))
        for key, book in books.items():
            if book.held:
                positions[(date, *key)] = (book.held, book.cost)
            for number, lot in enumerate(book.lots if method == "fifo" else [], 1):
                lots[(date, *key, str(number))] = (book.side * lot[0], book.side * lot[1], *lot[2])
    return done, positions, lots


def performance(done):
    groups = {}
    for fact, realized in done:
        if fact["source"] == "DESK":
            key = (fact["date_key"], fact["tenant_id"], fact["account_id"], fact["strategy_id"])
            groups.setdefault(key, []).append((fact, realized))
    return {
        key: measures(group) for key, group in groups.items() if all(fact["rate_to_base"] for fact, _ in group)
    }


def measures(group):
    def total(scale, of):
        return rounded(sum((of(fact) * Fraction(fact["rate_to_base"]) for fact, _ in group), Fraction(0)), scale)

    results = [r * Fraction(fact["rate_to_base"]) for fact, r in group if r is not None]
    wins, losses = [r for r in results if r > 0], [r for r in results if r < 0]
    row = {
        "total_trades": Fraction(len(group)),
        "closing_trades": Fraction(len(results)),
        "winning_trades": Fraction(len(wins)),
        "losing_trades": Fraction(len(losses)),
        "total_volume": sum((Fraction(fact["quantity"]) for fact, _ in group), Fraction(0)),
        "total_notional": total(16, lambda fact: Fraction(fact["quantity"]) * Fraction(fact["price"])),
        "gross_profit": rounded(sum(wins, Fraction(0)), 8),
        "gross_loss": rounded(-sum(losses, Fraction(0)), 8),
        "commissions": total(8, lambda fact: Fraction(fact["commission"])),
        "fees": total(8, lambda fact: Fraction(fact["fees"])),
        "win_rate": rounded(Fraction(len(wins), len(group)), 16),
        "avg_win": rounded(sum(wins) / len(wins), 8) if wins else None,
        "avg_loss": rounded(sum(losses) / len(losses), 8) if losses else None,
        "largest_win": rounded(max(wins), 8) if wins else None,
        "largest_loss": rounded(min(losses), 8) if losses else None,
    }
    row["net_pnl"] = row["gross_profit"] - row["gross_loss"] - row["commissions"] - row["fees"]
    row["profit_factor"] = rounded(row["gross_profit"] / row["gross_loss"], 16) if row["gross_loss"] else None
    return row


def number(text):
    return Fraction(text) if text else None


def compare(what, expected, actual):
    """Both are {key: value}; returns how many keys differ, and names the first of them."""
    different = [key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key)]
    for key in sorted(different, key=str)[:5]:
        print(f"{what} {key}: expected {expected.get(key)}, got {actual.get(key)}", file=sys.stderr)
    return len(different)


BOOK = ("date_key", "source", "tenant_id", "account_id", "strategy_id", "client_id", "instrument_id")


def check(method, folder, dates):
    facts = read(folder, "facts")
    done, positions, lots = replay(facts, dates, method)
    expected = {(f["date_key"], f["source"], f["tenant_id"], f["trade_reference"]): (r or Fraction(0), r is not None)
                for f, r in done}
    actual = {(f["date_key"], f["source"], f["tenant_id"], f["trade_reference"]):
              (number(f["realized_pnl"]), f["is_closing"] == "t")
              for f in facts if f["date_key"] in dates and f["is_deleted"] == "f"}
    wrong = compare("trade", expected, actual)
    wrong += compare("tombstone", {}, {f["trade_reference"]: f for f in facts
                                       if f["is_deleted"] == "t" and (f["realized_pnl"] or f["is_closing"])})
    stored = {tuple(p[n] for n in BOOK): (number(p["quantity"]), number(p["total_cost"])) for p in read(folder, "positions")}
    wrong += compare("position", positions, stored)
    stored = {tuple(p[n] for n in (*BOOK, "lot_no")):
              (number(p["quantity"]), number(p["cost"]), p["instant_us"], p["trade_reference"])
              for p in read(folder, "lots")}
    wrong += compare("lot", lots, stored)
    rows = performance(done) if Path(folder, "performance.csv").exists() else {}
    if rows:
        names = next(iter(rows.values())).keys()
        stored = {(p["date_key"], p["tenant_id"], p["account_id"], p["strategy_id"]): {n: number(p[n]) for n in names}
                  for p in read(folder, "performance")}
        wrong += compare("performance", rows, stored)
    print(f"{len(expected)} trades, {len(positions)} positions, {len(lots)} lots, {len(rows)} groups compared, {wrong} differ")
    return 1 if wrong else 0


# ---- generate -------------------------------------------------------------------------------------------------

TENANTS = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b")
CLIENTS = ("c0000000-0000-0000-0000-000000000001", "c0000000-0000-0000-0000-000000000002")
CURRENCY = {1: ("USD", "1"), 2: ("USD", "1"), 3: ("EUR", "1.093712345678")}


def decimal(source, digits, decimals):
    return f"{source.randint(1, 10**digits)}.{source.randint(0, 10**decimals - 1):0{decimals}d}"


def generate(seed, dates):
    source = random.Random(seed)
    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    for position, date in enumerate(dates):
        references = source.sample(range(1, 1000), 400)
        for index, reference in enumerate(references):
            desk = source.random() < 0.6
            owner = source.randint(0, 1)
            instrument = source.randint(1, 3)
            strategy = source.choice(("1", "2", ""))
            whole = source.random() < 0.5
            write((
                date,
                "DESK" if desk else "CLIENT",
                TENANTS[owner],
                str(10 * reference + position) if desk else source.choice("aBz_é") + str(reference),
                owner + 1 if desk else "",
                strategy if desk else "",
                "" if desk else CLIENTS[owner],
                instrument,
                # few instants, so that many trades share one and the reference decides
                f"{source.randint(9, 15):02d}:{source.choice((0, 30)):02d}:00.000001",
                source.choice(("BUY", "SELL")),
                str(source.randint(1, 5) * 100) if whole else decimal(source, 3, 8),
                decimal(source, 2, 2 if whole else 8),
                decimal(source, 1, 3),
                "0" if source.random() < 0.5 else decimal(source, 1, 8),
                *CURRENCY[instrument],
                "t" if index % 40 == 7 else "f",
            ))


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"] and len(sys.argv) > 3:
        sys.exit(generate(int(sys.argv[2]), sys.argv[3:]))
    if sys.argv[1:2] in (["average"], ["fifo"]) and len(sys.argv) > 3:
        sys.exit(check(sys.argv[1], sys.argv[2], sys.argv[3:]))
    print(__doc__, file=sys.stderr)
    sys.exit(2)

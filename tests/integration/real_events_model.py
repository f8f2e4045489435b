#!/usr/bin/env python3
"""Real quotes and order events for tests/integration/real_events.sh, and what their facts must say.

    real_events_model.py source SET EVERY        rows of the source's table as CSV, from the set's CSV on standard input
    real_events_model.py facts SET EVERY         what the facts must say, a line each in the order of their references

EVERY: of the set's lines each EVERY-th is taken. Numbers are fractions, dates those of New York, sampling is what
docs/numbers.md says: nothing here is shared with what is tested.
"""
import csv
import hashlib
import sys
import uuid
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

TENANT = "11111111-1111-1111-1111-111111111111"
NEW_YORK = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def decimal(value, decimals):
    """With so many decimals, rounded half away from zero."""
    scaled = abs(value) * 10**decimals
    digits = str((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)).rjust(decimals + 1, "0")
    return ("-" if value < 0 and int(digits) else "") + digits[:-decimals] + "." + digits[-decimals:]


def instant_us(text_seconds):
    return int(Fraction(text_seconds) * 10**6)


def fx(row):
    midnight = datetime.strptime(row["data_date"], "%Y%m%d").replace(tzinfo=timezone(timedelta(hours=-5)))
    at_us = (midnight - EPOCH) // timedelta(microseconds=1) + int(row["ms_since_midnight"]) * 1000
    return at_us, 1, "FXCM", row["bid_px"], row["ask_px"], "", "", ""


def taq(row):
    return instant_us(row["epoch_s"]), 1, row["ex"], row["bid"], row["ofr"], row["bidsiz"], row["ofrsiz"], ""


def binance(row):
    at_us = int(row["local_ts_ns"]) // 1000
    event_ms = row["transaction_time_ms"] or row["event_time_ms"]
    latency = "" if not event_ms else decimal(Fraction(at_us, 1000) - int(event_ms), 3)
    instrument = {"BTCUSDT": 1, "ETHUSDT": 2}.get(row["symbol"], 3)
    return at_us, instrument, row["venue"], row["bid_px"], row["ask_px"], row["bid_qty"], row["ask_qty"], latency


READERS = {"fx": fx, "taq": taq, "binance": binance}


def taken(every):
    for number, row in enumerate(csv.DictReader(sys.stdin)):
        if number % every == 0:
            yield number + 1, row


def quotes(name, every):
    last = {}
    for number, row in taken(every):
        at_us, instrument, venue, bid, ask, bid_size, ask_size, latency = READERS[name](row)
        spread = Fraction(ask) - Fraction(bid)
        changed = last.get((instrument, venue)) != spread
        last[instrument, venue] = spread
        yield number, str(uuid.uuid5(uuid.NAMESPACE_DNS, venue)), instrument, at_us, bid, ask, bid_size, ask_size, changed, latency


def business_time(at_us):
    local = (EPOCH + timedelta(microseconds=at_us)).astimezone(NEW_YORK)
    return local.strftime("%Y%m%d"), local.hour * 3600 + local.minute * 60 + local.second


def quote_source(name, every):
    for number, lp, instrument, at_us, bid, ask, bid_size, ask_size, changed, latency in quotes(name, every):
        at = (EPOCH + timedelta(microseconds=at_us)).isoformat()
        yield number, TENANT, lp, instrument, at, bid, ask, bid_size, ask_size, "f", "t" if changed else "f", latency, at


def quote_facts(name, every):
    for number, lp, instrument, at_us, bid, ask, bid_size, ask_size, changed, latency in quotes(name, every):
        digest = hashlib.sha256(f"{TENANT}/{number}".encode()).digest()
        if not changed and int.from_bytes(digest[:4], "big") % 10:
            continue
        low, high = Fraction(bid), Fraction(ask)
        if low <= 0 or high <= 0:
            continue
        date, second = business_time(at_us)
        sizes = [decimal(Fraction(size), 8) if size else "" for size in (bid_size, ask_size)]
        yield (number, date, second, instrument, lp, decimal(low, 8), decimal(high, 8), *sizes, decimal((low + high) / 2, 9),
               decimal(high - low, 8), decimal((high - low) * 10000 / low, 16), 1 if changed else 10, latency)


def orders(every):
    """Bitstamp's events, order by order: what was created, changed, and deleted with nothing left (filled) or with something."""
    found = {}
    for number, row in enumerate(csv.DictReader(sys.stdin)):
        volume = Fraction(int(row["volume"]), 10**8)
        if row["action"] == "created":
            found[row["id"]] = dict(id=int(row["id"]), at=int(row["timestamp"]), last=int(row["timestamp"]), requested=volume, left=volume,
                                    price=row["price"], side="BUY" if row["direction"] == "bid" else "SELL", changes=0, gone=False)
        elif row["id"] in found:
            order = found[row["id"]]
            order["left"] = volume
            order["last"] = int(row["timestamp"])
            order["changes"] += row["action"] == "changed"
            order["gone"] = order["gone"] or row["action"] == "deleted"
    for order in found.values():
        if order["id"] % every:
            continue
        filled = order["requested"] - order["left"]
        status = ("FILLED" if not order["left"] else "CANCELLED") if order["gone"] else "PARTIAL" if filled else "PENDING"
        yield order, filled, status


def order_source(_, every):
    for order, filled, status in orders(every):
        yield (order["id"], TENANT, "", 10, "", 1, "", "LIMIT", order["side"], status, decimal(order["requested"], 8), decimal(filled, 8),
               order["price"], "", order["changes"], order["last"] - order["at"], "",
               (EPOCH + timedelta(milliseconds=order["at"])).isoformat(), (EPOCH + timedelta(milliseconds=order["last"])).isoformat())


def order_facts(_, every):
    for order, filled, status in sorted(orders(every), key=lambda found: found[0]["id"]):
        if status in ("FILLED", "CANCELLED") and order["requested"] > 0 and filled >= 0:
            date, second = business_time(order["at"] * 1000)
            yield (order["id"], date, second, status, order["side"], decimal(order["requested"], 8), decimal(filled, 8),
                   decimal(filled / order["requested"], 16), decimal(Fraction(order["price"]), 8), order["changes"],
                   decimal(Fraction(order["last"] - order["at"]), 3))


what, name, every = sys.argv[1], sys.argv[2], int(sys.argv[3])
make = {"source": (quote_source, order_source), "facts": (quote_facts, order_facts)}[what][name == "bitstamp"]
if what == "source":
    csv.writer(sys.stdout, lineterminator="\n").writerows(make(name, every))
else:
    for fact in make(name, every):
        print("|".join(map(str, fact)))

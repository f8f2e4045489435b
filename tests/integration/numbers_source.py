"""What the facts must be, computed from the rows of the source and nothing else (see numbers_model.py).

Numbers are exact fractions; instants are whole microseconds since 1970 UTC; dates are datetime.date. A fact is a dict with
the columns of its table, members by their natural ids.
"""
import csv
import hashlib
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from math import isqrt
from pathlib import Path
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
FINAL_STATES = ("FILLED", "CANCELLED", "REJECTED")


# ---- arithmetic -------------------------------------------------------------------------------------------------


def rounded(value, scale):
    """Once, half away from zero."""
    scaled = abs(value) * 10**scale
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(units if value >= 0 else -units, 10**scale)


def rounded_root(value, scale):
    """The square root, rounded half up: twice the root in units of the last place, cut off, tells how."""
    scaled = 4 * value * 100**scale
    return Fraction((isqrt(scaled.numerator // scaled.denominator) + 1) // 2, 10**scale)


def total(values):
    """The sum, exact; whole numbers are added up for each denominator, which is much faster than fractions are."""
    numerators = {}
    for value in values:
        numerators[value.denominator] = numerators.get(value.denominator, 0) + value.numerator
    return sum((Fraction(count, denominator) for denominator, count in numerators.items()), Fraction(0))


# ---- reading ----------------------------------------------------------------------------------------------------


def read(folder, name):
    with open(Path(folder, name + ".csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def instant(text):
    if not text:
        return None
    at = datetime.fromisoformat(text) - EPOCH
    return (at.days * 86400 + at.seconds) * 1000000 + at.microseconds


def number(text):
    """None for what is no number: NULL, NaN, infinite."""
    return None if not text or text in NO_NUMBERS else Fraction(text)


def digits_fit(text, integer_digits, scale):
    """Whether the warehouse can hold the number; NULL can always be held."""
    if not text:
        return True
    if text in NO_NUMBERS:
        return False
    value = Fraction(text)
    return abs(value) < 10**integer_digits and (value * 10**scale).denominator == 1


def is_above_zero(text):
    value = number(text)
    return value is not None and value > 0


def or_none(text):
    return text or None


def integer(text):
    return int(text) if text else None


def date_key(day):
    return day.year * 10000 + day.month * 100 + day.day


class Settings:
    """What the jobs were told; key=value."""

    def __init__(self, given):
        self.base = given["base"]
        self.zone = ZoneInfo(given["zone"])
        self.rate_age = timedelta(int(given["rate_age"]))
        self.mark_age = timedelta(int(given["mark_age"]))
        self.default_tenant = given["tenant"]
        self.method = given["method"]
        self.first, self.last = date.fromisoformat(given["first"]), date.fromisoformat(given["last"])

    def days(self):
        return [self.first + timedelta(i) for i in range((self.last - self.first).days + 1)]

    def end_of(self, day):
        """The first instant after the date."""
        return instant(datetime.combine(day + timedelta(1), time(), self.zone).isoformat())

    def place(self, at):
        """The business date and the second of the day; a date begins at midnight on the wall clock."""
        local = (EPOCH + timedelta(microseconds=at)).astimezone(self.zone)
        return local.date(), local.hour * 3600 + local.minute * 60 + local.second


class History:
    """The members of a dimension as the syncs saw them: each state holds from its updated_at, the first one always."""

    def __init__(self, folders, name, key):
        self.states, self.last = {}, {}
        for folder in folders:
            for row in read(folder, name):
                self.states.setdefault(row[key], {})[instant(row["updated_at"])] = row
                self.last[row[key]] = row

    def as_of(self, member, at):
        """The state at an instant; None for a member that never was there."""
        states = self.states.get(member)
        if states is None:
            return None
        return states[max((since for since in states if since <= at), default=min(states))]


DIMENSIONS = {
    "instruments": "instrument_id",
    "accounts": "account_id",
    "strategies": "strategy_id",
    "clients": "client_id",
    "liquidity_providers": "lp_id",
}


class Source:
    def __init__(self, folder, settings):
        self.settings = settings
        stages = sorted(Path(folder).glob("members_*"))
        self.members = {name: History(stages, name, key) for name, key in DIMENSIONS.items()}
        self.rows = {
            name: read(folder, name) for name in ("orders", "executions", "trades", "quotes", "risk_snapshots", "fx_rates")
        }
        self.rates = {}
        for row in self.rows["fx_rates"]:
            self.rates.setdefault(row["currency"], {})[date.fromisoformat(row["rate_date"])] = Fraction(row["rate_to_base"])

    def rate(self, currency, day):
        """The last rate that is not too old; None without one."""
        if currency == self.settings.base:
            return Fraction(1)
        known = self.rates.get(currency, {})
        last = max((at for at in known if day - self.settings.rate_age <= at <= day), default=None)
        return known[last] if last else None

    def multiplier(self, instrument):
        """A property of the instrument that is overwritten, not versioned."""
        last = self.members["instruments"].last.get(instrument)
        return Fraction(last["contract_multiplier"]) if last and last["contract_multiplier"] else Fraction(1)

    def tenant_of_account(self, account):
        last = self.members["accounts"].last.get(account)
        return (last and last["tenant_id"]) or self.settings.default_tenant

    def tenant_of_client(self, client):
        last = self.members["clients"].last.get(client)
        return (last and last["tenant_id"]) or self.settings.default_tenant

    def versions(self, fact, at):
        """One attribute of each member that changes, as it was at the instant: so the fact's keys are the right versions."""
        wanted = {
            "instrument_sector": ("instruments", fact.get("instrument_id"), "sector"),
            "account_risk_tier": ("accounts", fact.get("account_id"), "risk_tier"),
            "strategy_version": ("strategies", fact.get("strategy_id"), "version"),
            "client_segment": ("clients", fact.get("client_id"), "segment"),
            "lp_tier": ("liquidity_providers", fact.get("lp_id"), "tier"),
        }
        for column, (dimension, member, attribute) in wanted.items():
            state = self.members[dimension].as_of(member, at) if member else None
            fact[column] = or_none(state[attribute]) if state else None
        return fact


# ---- trades -----------------------------------------------------------------------------------------------------


def trade_is_valid(row, at):
    return (
        at is not None
        and bool(row["instrument_id"])
        and row["side"] in ("BUY", "SELL")
        and row["status"] in ("NEW", "CORRECTED", "CANCELLED")
        and is_above_zero(row["quantity"])
        and is_above_zero(row["price"])
        and digits_fit(row["quantity"], 15, 8)
        and digits_fit(row["price"], 15, 8)
        and digits_fit(row["fees"], 20, 8)
    )


def executions(source):
    orders = {row["order_id"]: row for row in source.rows["orders"]}
    for row in source.rows["executions"]:
        at = instant(row["executed_at"])
        if not (trade_is_valid(row, at) and row["account_id"] and digits_fit(row["commission"], 20, 8)):
            continue
        order = orders.get(row["order_id"], {})
        account = source.members["accounts"].last.get(row["account_id"], {})
        instrument = source.members["instruments"].as_of(row["instrument_id"], at)
        reported = instant(row["reported_at"])
        yield {
            "source": "DESK",
            "tenant_id": source.tenant_of_account(row["account_id"]),
            "trade_reference": row["execution_id"],
            "account_id": row["account_id"],
            "strategy_id": or_none(order.get("strategy_id")),
            "client_id": or_none(account.get("client_id")),
            "lp_id": or_none(order.get("lp_id")),
            "order_type": or_none(order.get("order_type")),
            "execution_timestamp": at,
            "settlement_date": None,
            "commission": Fraction(row["commission"] or 0),
            "currency": instrument["currency"],
            "liquidity_flag": or_none(row["liquidity_flag"]),
            "latency_ms": None if reported is None else Fraction(reported - at, 1000),
            "fill_latency_ms": None,
            "fill_count": 1,
            "is_partial_fill": False,
            "row": row,
        }


def client_trades(source):
    for row in source.rows["trades"]:
        at = instant(row["trade_date"])
        if not (trade_is_valid(row, at) and row["tenant_id"] and row["client_id"] and row["trade_reference"]):
            continue
        yield {
            "source": "CLIENT",
            "tenant_id": row["tenant_id"],
            "trade_reference": row["trade_reference"],
            "account_id": None,
            "strategy_id": None,
            "client_id": row["client_id"],
            "lp_id": or_none(row["lp_id"]),
            "order_type": or_none(row["order_type"]),
            "execution_timestamp": at,
            "settlement_date": or_none(row["settlement_date"]),
            "commission": Fraction(0),
            "currency": row["currency"],
            "liquidity_flag": None,
            "latency_ms": None,
            "fill_latency_ms": number(row["fill_latency_ms"]),
            "fill_count": int(row["fill_count"] or 1),
            "is_partial_fill": row["is_partial_fill"] == "t",
            "row": row,
        }


def newest(rows):
    """Of the rows of one trade the one that changed last; so a reference counts once."""
    found = {}
    for fact in rows:
        key = (fact["tenant_id"], fact["source"], fact["trade_reference"])
        if key not in found or instant(found[key]["row"]["updated_at"]) < instant(fact["row"]["updated_at"]):
            found[key] = fact
    return found.values()


def trades(source):
    """fact_trades without its cancelled rows; realised P&L is put in by numbers_books."""
    facts = []
    for fact in newest([*executions(source), *client_trades(source)]):
        row = fact.pop("row")
        day, second = source.settings.place(fact["execution_timestamp"])
        if row["status"] == "CANCELLED" or not source.settings.first <= day <= source.settings.last:
            continue
        quantity, price, fees = Fraction(row["quantity"]), Fraction(row["price"]), Fraction(row["fees"] or 0)
        costs = fact["commission"] + fees
        fact.update(
            day=day,
            date_key=date_key(day),
            time_key=second,
            instrument_id=row["instrument_id"],
            order_id=integer(row["order_id"]),
            side=row["side"],
            quantity=quantity,
            price=price,
            notional_value=quantity * price,
            fees=fees,
            net_amount=quantity * price + (costs if row["side"] == "BUY" else -costs),
            rate_to_base=source.rate(fact["currency"], day),
            execution_venue=or_none(row["execution_venue"]),
            source_updated_at=instant(row["updated_at"]),
        )
        facts.append(source.versions(fact, fact["execution_timestamp"]))
    return facts


# ---- orders, quotes, risk snapshots -----------------------------------------------------------------------------


def order_is_valid(row):
    return (
        bool(row["instrument_id"])
        and bool(row["client_id"] or row["account_id"])
        and bool(row["tenant_id"] or row["account_id"])
        and row["status"] in ("PENDING", "PARTIAL", *FINAL_STATES)
        and is_above_zero(row["requested_quantity"])
        and digits_fit(row["requested_quantity"], 20, 8)
        and all(digits_fit(row[name], 20, 8) for name in ("filled_quantity", "limit_price", "avg_fill_price"))
    )


def orders(source):
    """fact_orders: those in a final state, on the date of their creation."""
    facts = []
    for row in source.rows["orders"]:
        at = instant(row["created_at"])
        if at is None or not order_is_valid(row) or row["status"] not in FINAL_STATES:
            continue
        day, second = source.settings.place(at)
        if not source.settings.first <= day <= source.settings.last:
            continue
        requested, filled = Fraction(row["requested_quantity"]), Fraction(row["filled_quantity"] or 0)
        fact = {
            "day": day,
            "date_key": date_key(day),
            "time_key": second,
            "tenant_id": row["tenant_id"] or source.tenant_of_account(row["account_id"]),
            "order_id": int(row["order_id"]),
            "instrument_id": row["instrument_id"],
            "account_id": or_none(row["account_id"]),
            "strategy_id": or_none(row["strategy_id"]),
            "client_id": or_none(row["client_id"]),
            "lp_id": or_none(row["lp_id"]),
            "order_timestamp": at,
            "order_type": or_none(row["order_type"]),
            "side": or_none(row["side"]),
            "final_status": row["status"],
            "requested_quantity": requested,
            "filled_quantity": filled,
            "fill_rate": rounded(filled / requested, 16),
            "limit_price": number(row["limit_price"]),
            "avg_fill_price": number(row["avg_fill_price"]),
            "fill_count": int(row["fill_count"] or 0),
            "total_latency_ms": number(row["total_latency_ms"]),
            "routing_latency_ms": number(row["routing_latency_ms"]),
            "was_rejected": row["status"] == "REJECTED",
            "was_cancelled": row["status"] == "CANCELLED",
            "source_updated_at": instant(row["updated_at"]),
        }
        facts.append(source.versions(fact, at))
    return facts


def is_sampled(row):
    """One in ten: the first four bytes of SHA-256 of "tenant/quote id", as a number, are divisible by ten."""
    digest = hashlib.sha256(f"{row['tenant_id']}/{row['quote_id']}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 10 == 0


def quotes(source):
    """fact_quotes: every quote whose spread changed, for itself; of the others one in ten, for ten."""
    facts = []
    for row in source.rows["quotes"]:
        at = instant(row["quoted_at"])
        usable = row["tenant_id"] and row["instrument_id"] and is_above_zero(row["bid"]) and is_above_zero(row["ask"])
        changed = row["spread_changed"] == "t"
        if at is None or not usable or not (changed or is_sampled(row)):
            continue
        day, second = source.settings.place(at)
        if not source.settings.first <= day <= source.settings.last:
            continue
        bid, ask = Fraction(row["bid"]), Fraction(row["ask"])
        fact = {
            "day": day,
            "date_key": date_key(day),
            "time_key": second,
            "tenant_id": row["tenant_id"],
            "quote_reference": row["quote_id"],
            "instrument_id": row["instrument_id"],
            "lp_id": or_none(row["lp_id"]),
            "quote_timestamp": at,
            "bid_price": bid,
            "ask_price": ask,
            "bid_size": number(row["bid_size"]),
            "ask_size": number(row["ask_size"]),
            "mid_price": (bid + ask) / 2,
            "spread": ask - bid,
            "spread_bps": rounded((ask - bid) / bid * 10000, 16),
            "is_stale": row["is_stale"] == "t",
            "spread_changed": changed,
            "sample_weight": 1 if changed else 10,
            "latency_ms": number(row["latency_ms"]),
            "source_updated_at": instant(row["updated_at"]),
        }
        facts.append(source.versions(fact, at))
    return facts


def risk_snapshots(source):
    facts = []
    for row in source.rows["risk_snapshots"]:
        at = instant(row["snapshot_at"])
        counts = [int(row[name] or 0) for name in ("soft_breach_count", "hard_breach_count")]
        if not all(digits_fit(row[name], 20, 8) for name in ("utilization_pct", "risk_score")) or min(counts) < 0:
            continue
        day, second = source.settings.place(at)
        if not source.settings.first <= day <= source.settings.last:
            continue
        fact = {
            "day": day,
            "date_key": date_key(day),
            "time_key": second,
            "tenant_id": row["tenant_id"] or source.tenant_of_client(row["client_id"]),
            "client_id": row["client_id"],
            "snapshot_at": at,
            "utilization_pct": number(row["utilization_pct"]),
            "soft_breach_count": counts[0],
            "hard_breach_count": counts[1],
            "risk_score": number(row["risk_score"]),
            "source_updated_at": instant(row["updated_at"]),
        }
        facts.append(source.versions(fact, at))
    return facts

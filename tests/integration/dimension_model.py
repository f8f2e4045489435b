#!/usr/bin/env python3
"""What the versions of a dimension's members must be: a model that derives them anew each time from what the source was
seen to say, and random changes that are synchronised by the real job and compared with it after each run.

dimension_model.py SEED STEPS    on migrated databases in TAPEMILL_WAREHOUSE_URL and TAPEMILL_SOURCE_URL, whose source has
                                 the function clock.now() and the table clock.instant (dimension_model.sh)

Instants are microseconds since 2024-01-01 00:00 UTC. It shares nothing with the product.
"""
import csv
import io
import json
import os
import random
import subprocess
import sys

HOUR = 3600 * 1000000
BEGIN, END = -(10**18), 10**18  # -infinity, infinity
UNIX_US = 1704067200 * 1000000  # from 1970 to 2024
ABSENT = "absent"
MEMBERS = 10
TENANT = "00000000-0000-0000-0000-000000000001"


class Dimension:
    """history and rest: {column at the source: (column in the dimension, values)}; facts: what loads take from a member."""

    def __init__(self, name, source, table, key, identity, history, rest, facts=(), filled=None, inferred_facts=False):
        self.name, self.source, self.table, self.key, self.identity = name, source, table, key, identity
        self.history, self.rest, self.facts, self.filled = history, rest, facts, filled or {}
        self.inferred_facts = inferred_facts

    def member_id(self, number):
        return f"00000000-0000-4000-8000-{number:012d}" if self.identity in ("client_id", "lp_id") else str(number)


def same(*names, values=("a", "b", None)):
    return {name: (name, values) for name in names}


FLAG, TENANTS = ("t", "f", None), ("00000000-0000-0000-0000-0000000000f1", None)
CLIENTS = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002", None)
DIMENSIONS = [
    Dimension(
        "instrument", "instruments", "dim_instrument", "instrument_key", "instrument_id",
        {**same("asset_class", "instrument_type", "symbol", "exchange", "sector", "industry", "market_cap_category"),
         **same("currency", values=("USD", "EUR", None)), **same("is_active", values=FLAG)},
        {"name": ("full_name", ("x", "y", None)), **same("country", "base_currency", "quote_currency"),
         "contract_multiplier": ("contract_multiplier", ("1.00000000", "10.00000000", None))},
        facts=("currency",), filled={"contract_multiplier": "1.00000000"}),
    Dimension(
        "account", "accounts", "dim_account", "account_key", "account_id",
        {**same("account_type", "broker", "risk_tier"), **same("is_active", values=FLAG)},
        {**same("tenant_id", values=TENANTS), **same("client_id", values=CLIENTS),
         **same("account_number", "account_name", "currency")},
        facts=("tenant_id", "client_id"), filled={"tenant_id": TENANT}, inferred_facts=True),
    Dimension(
        "strategy", "strategies", "dim_strategy", "strategy_key", "strategy_id",
        {**same("strategy_type", "strategy_category", "risk_tier"), "version": ("strategy_version", ("1", "2", None)),
         **same("is_active", values=FLAG)},
        same("strategy_name")),
    Dimension(
        "client", "clients", "dim_client", "client_key", "client_id",
        same("segment", "region", "status", "client_type"),
        {**same("tenant_id", values=TENANTS), **same("client_code", "industry"), "name": ("client_name", ("x", "y", None))},
        facts=("tenant_id",), filled={"tenant_id": TENANT}, inferred_facts=True),
    Dimension(
        "liquidity_provider", "liquidity_providers", "dim_liquidity_provider", "lp_key", "lp_id",
        {"type": ("lp_type", ("a", "b", None)), **same("tier"), **same("is_active", values=FLAG)},
        {"code": ("lp_code", ("x", "y", None)), "name": ("lp_name", ("x", "y", None)), **same("region")}),
]

# ---- the model ------------------------------------------------------------------------------------------------


class Version:
    """A row of the dimension, or one that there must be (then key is None as long as it is any)."""

    def __init__(self, start, end, state, ends_deleted=False, inferred=False, key=None):
        self.start, self.end, self.state, self.ends_deleted, self.inferred = start, end, state, ends_deleted, inferred
        self.key = key


class Member:
    def __init__(self):
        self.seen = {}  # instant: state, or ABSENT
        self.known = None  # the earliest instant as of which the source showed it
        self.first_run = None
        self.rest = None  # attributes without history
        self.stamp = None  # of the newest state
        self.versions = []  # as they are in the dimension

    def timeline(self, comparisons):
        """[(instant, state)] in order. That it was not there counts from the time on at which it is known to have been."""
        points = {at: state for at, state in self.seen.items() if state != ABSENT or at > self.known}
        for at, run in comparisons.items():
            if self.known is not None and at > self.known and run < self.first_run:
                points.setdefault(at, ABSENT)
        return sorted(points.items())

    def in_force(self, at, comparisons):
        states = [state for instant, state in self.timeline(comparisons) if instant <= at]
        return states[-1] if states else None

    def last(self):
        return max(self.seen, default=BEGIN)

    def now(self, at):
        """When a live run that reads this clock sees it: behind whatever was seen at a later instant."""
        return at if self.last() <= at else self.last() + 1

    def show(self, state, rest, stamp, at, run, replay, comparisons):
        """The source, as of an instant, has it with these attributes."""
        newest = max((instant for instant, seen in self.seen.items() if seen != ABSENT), default=BEGIN)
        if self.known is None or replay:
            self.known = at if self.known is None else min(self.known, at)
        self.first_run = run if self.first_run is None else self.first_run
        if not replay:
            at = self.now(at)
        if stamp <= at or self.in_force(at, comparisons) != state:
            self.seen[min(stamp, at)] = state
        if replay or self.in_force(at, comparisons) != state:
            self.seen[at] = state
        if at >= newest:
            self.rest, self.stamp = rest, stamp

    def is_news(self, state, rest, stamp):
        """Whether a comparison with the source as it is now takes notice: not of a row that is known, stamp and all."""
        now = self.versions[-1] if self.versions else None
        return not now or now.end != END or now.inferred or (now.state, self.rest, self.stamp) != (state, rest, stamp)

    def hide(self, at, replay, comparisons):
        """The source, as of an instant, does not have it."""
        if self.known is None:
            return
        if replay:
            if at > self.known or at not in self.seen:
                self.seen[at] = ABSENT
            return
        if self.in_force(self.now(at), comparisons) != ABSENT:
            self.seen[max(at, self.last() + 1, self.known + 1)] = ABSENT

    def regions(self, comparisons):
        """[(start, end, state, instants)]: runs of equal states."""
        found = []
        for at, state in self.timeline(comparisons):
            if found and found[-1][2] == state:
                found[-1][3].append(at)
                continue
            if found:
                found[-1][1] = at
            found.append([at if found else BEGIN, END, state, [at]])
        return found

    def wanted(self, comparisons, before):
        """The versions there must be; before: (seen, versions) before the run. keys only where they are certain."""
        seen, old = before
        if self.known is None:
            return [Version(v.start, v.end, v.state, v.ends_deleted, v.inferred, v.key) for v in old]
        regions = self.regions(comparisons)
        result, claimed = [], set()
        gaps = {}  # place of a gap: the inferred version that fills it
        for version in old:
            if version.inferred and version.start > BEGIN:
                for place, (start, end, state, _) in enumerate(regions):
                    if state == ABSENT and start < version.end and version.start < end:
                        gaps.setdefault(place, version)
                        break
        for place, (start, end, state, instants) in enumerate(regions):
            if state == ABSENT:
                if place in gaps:
                    claimed.add(gaps[place].key)
                    result.append(Version(start, end, gaps[place].state, False, True, gaps[place].key))
                continue
            ends_deleted = place + 1 < len(regions)  and regions[place + 1][2] == ABSENT
            version = Version(start, end, state, ends_deleted)
            for at in instants:
                if seen.get(at) == state:
                    key = next((v.key for v in old if not v.inferred and v.start <= at < v.end), None)
                    if key is not None and key not in claimed:
                        version.key = key
                        claimed.add(key)
                    break
            result.append(version)
        for version in result:
            if version.key is None:
                key = next((v.key for v in old if v.start == version.start), None)
                if key is not None and key not in claimed:
                    version.key = key
                    claimed.add(key)
        return result


# ---- the world ------------------------------------------------------------------------------------------------


def psql(which, script):
    url = os.environ[f"TAPEMILL_{which.upper()}_URL"]
    run = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url], input=script, capture_output=True, text=True,
                         env={**os.environ, "PGTZ": os.environ["TAPEMILL_TIMEZONE"]})
    if run.returncode:
        sys.exit(f"psql: {run.stderr}\n{script[:2000]}")
    return run.stdout


def rows_of(which, *queries):
    """The rows of each query, NULL as None."""
    script = "".join(f"copy ({query}) to stdout (format csv, null '\\N');\n\\echo ~~~\n" for query in queries)
    parts = psql(which, script).split("~~~\n")
    return [[[None if cell == "\\N" else cell for cell in row] for row in csv.reader(io.StringIO(part))]
            for part in parts[:-1]]


def instant_sql(column):
    return (f"case {column} when '-infinity' then {BEGIN} when 'infinity' then {END} "
            f"else (extract(epoch from {column} - timestamptz '2024-01-01 00:00Z') * 1000000)::bigint end")


def literal(at):
    return f"timestamptz '2024-01-01 00:00Z' + {at} * interval '1 microsecond'"


def quoted(value):
    return "null" if value is None else "'" + value + "'"


class Test:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.members = {d.name: {d.member_id(n): Member() for n in range(1, MEMBERS + 1)} for d in DIMENSIONS}
        self.source = {d.name: {} for d in DIMENSIONS}  # id: (state, rest, stamp)
        self.comparisons = {d.name: {} for d in DIMENSIONS}  # instant: the last run that compared all as of it
        self.clock = 300 * HOUR
        self.story = []

    # what a source may say

    def instant(self):
        return self.random.randint(0, self.clock // HOUR) * HOUR

    def stamp(self, before):
        kind = self.random.random()
        if kind < 0.35:
            return self.clock
        if kind < 0.5 and before is not None:
            return before
        if kind < 0.6:
            return self.clock + self.random.randint(1, 20) * HOUR
        return max(0, self.clock - self.random.randint(0, 30) * HOUR) if kind < 0.85 else self.instant()

    def row(self, dimension, old, at_most=None):
        """Few attributes differ from what it was, so that states come again."""
        pick = self.random
        state, rest = old[:2] if old else (None, None)
        if state is None or pick.random() < 0.75:
            state = [("a" if "a" in values else values[0]) for _, values in dimension.history.values()]
            column = pick.randrange(min(3, len(state)) if pick.random() < 0.8 else len(state))
            state[column] = pick.choice(list(dimension.history.values())[column][1])
        if rest is None or pick.random() < 0.3:
            rest = [pick.choice(values) for _, values in dimension.rest.values()]
        stamp = self.stamp(old[2] if old else None)
        return tuple(state), tuple(rest), stamp if at_most is None or pick.random() < 0.2 else min(stamp, at_most)

    def change_source(self):
        for dimension in DIMENSIONS:
            rows = self.source[dimension.name]
            for member in self.members[dimension.name]:
                drawn = self.random.random()
                if drawn < 0.07:
                    rows.pop(member, None)
                elif drawn < 0.35:
                    rows[member] = self.row(dimension, rows.get(member))

    def dump(self, at):
        """An old state of the whole source: {dimension: {id: row}}."""
        old = {}
        for dimension in DIMENSIONS:
            known = self.source[dimension.name]
            old[dimension.name] = {member: self.row(dimension, known.get(member), at)
                                   for member in self.members[dimension.name] if self.random.random() < 0.7}
        return old

    def write_source(self, content):
        script = "begin;\n"
        for dimension in DIMENSIONS:
            columns = [dimension.identity, *dimension.history, *dimension.rest, "updated_at"]
            script += f"truncate {dimension.source};\n"
            for member, (state, rest, stamp) in content[dimension.name].items():
                values = ", ".join(quoted(value) for value in (member, *state, *rest))
                script += f"insert into {dimension.source} ({', '.join(columns)}) values ({values}, {literal(stamp)});\n"
        psql("source", script + f"update clock.instant set at = {literal(self.clock)};\ncommit;\n")

    # what the warehouse says

    def sync(self, arguments):
        program = [os.environ["TAPEMILL_TEST_BIN"] + "/dimension_run", "job", "sync_dimensions", json.dumps(arguments)]
        run = subprocess.run(program, capture_output=True, text=True)
        if run.returncode:
            self.fail(f"the job failed: {run.stderr}")
        words = run.stdout.split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def read(self):
        """{dimension: {id: [(Version, attributes without history, void, ...)]}}, and the last run with its changes."""
        queries = []
        for d in DIMENSIONS:
            columns = [name for name, _ in [*d.history.values(), *d.rest.values()]]
            queries.append(
                f"select {d.key}, {d.identity}, {instant_sql('valid_from')}, {instant_sql('valid_to')}, is_current, "
                f"ends_deleted, is_inferred, version, {instant_sql('known_from')}, "
                "effective_date = (valid_from at time zone current_setting('TimeZone'))::date "
                "and expiration_date = (valid_to at time zone current_setting('TimeZone'))::date, "
                f"{', '.join(columns)} from {d.table} where {d.identity} is not null order by {d.identity}, valid_from, {d.key}")
        queries.append("select coalesce(max(run_no), 0) from etl_job_runs")
        queries.append(
            f"select dimension, old_key, {instant_sql('changed_from')}, {instant_sql('changed_to')}, reload "
            "from etl_dimension_changes where run_no = (select max(run_no) from etl_job_runs) order by 2, 3, 4")
        queries.append(f"select source_table, {instant_sql('last_processed_timestamp')} from etl_cdc_watermarks")
        *tables, run, changes, marks = rows_of("warehouse", *queries)
        found = {}
        for dimension, rows in zip(DIMENSIONS, tables):
            found[dimension.name] = {}
            for row in rows:
                width = len(dimension.history)
                version = Version(int(row[2]), int(row[3]), tuple(row[10:10 + width]), row[5] == "t", row[6] == "t", row[0])
                version.current, version.number, version.known = row[4] == "t", int(row[7]), int(row[8])
                version.dates_follow, version.rest = row[9] == "t", tuple(row[10 + width:])
                found[dimension.name].setdefault(row[1], []).append(version)
        marks = {table: int(at) for table, at in marks}
        return found, int(run[0][0]), changes, marks

    def fail(self, what):
        sys.exit("\n".join([*self.story[-8:], what]))

    def expect(self, wanted, found, what):
        if wanted != found:
            self.fail(f"{what}:\nmodel  {wanted}\ntable  {found}")

    # one step

    def step(self, number):
        kind = self.random.random()
        self.clock += self.random.choice([0, 1, 1, 2, 5, 30, -3]) * HOUR + 1
        arguments, content, replay, at = {"mode": "full", "deletes": "all"}, self.source, False, self.clock
        if kind < 0.3:
            seen = sorted({at for members in self.members.values() for member in members.values() for at in member.seen
                           if at < self.clock})
            replay, at = True, self.random.choice(seen) if seen and self.random.random() < 0.3 else self.instant()
            content = self.dump(at)
            arguments["as_of"] = f"{rows_of('warehouse', f'select {literal(at)}')[0][0][0]}"
        else:
            self.change_source()
            if kind < 0.6:
                arguments = {"mode": "changes"}
        chosen = DIMENSIONS
        if self.random.random() < 0.2:
            chosen = [self.random.choice(DIMENSIONS)]
            arguments["dimension"] = chosen[0].name
        if self.random.random() < 0.3:
            self.infer()
        self.write_source(content)
        before = self.read()
        self.story.append(f"step {number}: clock {self.clock}, {arguments}, as of {at}")
        counts = self.sync(arguments)
        found, run, changes, marks = self.read()
        newest = [compared_at for comparisons in self.comparisons.values() for compared_at in comparisons]
        for dimension in chosen:
            self.apply(dimension, content[dimension.name], arguments["mode"], at, run, replay, before[3], newest)
        self.compare(chosen, before[0], found, changes)
        self.expect(counts["extracted"], sum(counts[name] for name in ("inserted", "updated", "unchanged", "superseded",
                                                                       "quarantined")), f"counts of step {number} {counts}")

    def apply(self, dimension, rows, mode, at, run, replay, marks, newest):
        comparisons, members = self.comparisons[dimension.name], self.members[dimension.name]
        until = at
        if not replay:  # the newest there is, even if the source's clock was set back
            at = max([at, *(other + 1 for other in newest if other > at)])
        for member in members.values():
            member.before = dict(member.seen), list(member.versions)
        if mode == "changes":
            mark = marks.get(dimension.source)
            begin = BEGIN if mark is None else mark
            rows = {member: row for member, row in rows.items() if begin <= row[2] < until}
        for name, member in members.items():
            if name in rows:
                state, rest, stamp = rows[name]
                rest = tuple(dimension.filled.get(column, None) if value is None else value
                             for column, value in zip(dimension.rest, rest))
                if mode == "changes" or replay or member.is_news(state, rest, stamp):
                    member.show(state, rest, stamp, at, run, replay, comparisons)
            elif mode == "full":
                member.hide(at, replay, comparisons)
        if mode == "full":
            comparisons[at] = run

    def infer(self):
        """Facts name members that no version covers."""
        for dimension in self.random.sample(DIMENSIONS, 2):
            name, member = self.random.choice(list(self.members[dimension.name].items()))
            at = self.instant()
            if any(v.start <= at < v.end for v in member.versions):
                continue
            program = [os.environ["TAPEMILL_TEST_BIN"] + "/dimension_probe", "infer", dimension.name]
            run = subprocess.run(program, input=f"{name} {UNIX_US + at}\n", capture_output=True, text=True)
            if run.returncode:
                self.fail(f"inferring {dimension.name} {name} failed: {run.stderr}")
            self.story.append(f"inferred {dimension.name} {name} at {at}")
            rows = self.read()[0][dimension.name][name]
            live = [row for row in rows if row.start < row.end]
            new = [row for row in live if row.inferred and row.start <= at < row.end]
            if len(new) != 1 or len(live) != len(member.versions) + 1:
                self.fail(f"{dimension.name} {name}: no inferred version covers {at}")
            earlier = [v for v in member.versions if v.end <= new[0].start]
            if member.versions:
                self.expect((earlier[-1].end, earlier[-1].state), (new[0].start, new[0].state), f"{name}: what fills a gap")
                self.expect(min([v.start for v in member.versions if v.start > at], default=END), new[0].end,
                            f"{name}: the end of what fills a gap")
            member.versions = live
            if member.rest is None:
                member.rest = new[0].rest

    def compare(self, chosen, before, found, changes):
        for dimension in DIMENSIONS:
            moved = []
            for name, member in self.members[dimension.name].items():
                rows = found[dimension.name].get(name, [])
                old = [row for row in before[dimension.name].get(name, []) if row.start < row.end]
                self.compare_member(dimension, name, member, dimension in chosen, old, rows)
                moved += self.moved(dimension, old, rows)
            noted = [(key, int(start), int(end), reload == "t") for table, key, start, end, reload in changes
                     if table == dimension.name]
            self.expect(sorted(moved), sorted(noted), f"what keys of {dimension.name} lost")

    def compare_member(self, dimension, name, member, is_chosen, old, rows):
        what = f"{dimension.name} {name}, seen {sorted(member.seen.items())}, known {member.known}"
        live = [row for row in rows if row.start < row.end]
        if any(row.current or row.ends_deleted for row in rows if row.start == row.end):
            self.fail(f"{what}: a void version is current or says deleted")
        if {row.key for row in old} - {row.key for row in rows}:
            self.fail(f"{what}: a key is gone")
        wanted = member.wanted(self.comparisons[dimension.name], member.before) if is_chosen else member.versions
        self.expect([(v.start, v.end, v.state, v.ends_deleted, v.inferred) for v in wanted],
                    [(v.start, v.end, v.state, v.ends_deleted, v.inferred) for v in live], what)
        certain = [v.key is not None for v in wanted]
        self.expect([v.key for v, yes in zip(wanted, certain) if yes], [v.key for v, yes in zip(live, certain) if yes],
                    f"{what}: keys")
        self.expect([(place + 1, v.end == END, True) for place, v in enumerate(live)],
                    [(v.number, v.current, v.dates_follow) for v in live], f"{what}: numbers, currents and dates")
        if live:
            self.expect([member.rest] * len(live), [v.rest for v in live], f"{what}: attributes without history")
        if member.known is not None:
            self.expect(member.known, min(v.known for v in live if not v.inferred), f"{what}: known_from")
        member.versions = live

    @staticmethod
    def moved(dimension, old, rows):
        """What keys lost: [(key, from, to, reload)]."""
        pieces = []
        now = {row.key: row for row in rows}
        columns = [*dimension.history, *dimension.rest]
        facts = [columns.index(name) for name in dimension.facts]

        def in_facts(row):
            return [(row.state + row.rest)[place] for place in facts]

        for row in old:
            new = now[row.key]
            lost = [(row.start, row.end)]
            if new.start < new.end:
                lost = [(row.start, min(row.end, new.start)), (max(row.start, new.end), row.end)]
            for start, end in lost:
                if start < end:
                    pieces.append((row.key, start, end, any(
                        other.start < end and start < other.end and in_facts(other) != in_facts(row) for other in rows
                        if other.start < other.end)))
            if new.start < new.end and in_facts(new) != in_facts(row) and (
                    dimension.inferred_facts or not row.inferred or row.start > BEGIN):
                pieces.append((row.key, row.start, row.end, True))
        return pieces


def main():
    seed, steps = int(sys.argv[1]), int(sys.argv[2])
    test = Test(seed)
    for number in range(1, steps + 1):
        test.step(number)
    versions = sum(len(member.versions) for members in test.members.values() for member in members.values())
    print(f"seed {seed}: {steps} runs, {versions} versions in the end")


if __name__ == "__main__":
    main()

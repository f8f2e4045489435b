#!/usr/bin/env python3
"""Published lists of instruments as states of a source table.

dimension_replay.py states sp500|nasdaq FOLDER OUT EVERY MEMBERS   of FOLDER/index.csv and the snapshots that it names, the first
    of every EVERY, and one in MEMBERS of the members: OUT/NUMBER.csv, the rows of the table instruments at that snapshot; OUT/snapshots.csv, number and
    instant; OUT/expected.csv, number and row of all of them; OUT/newest.csv, each member's last row
dimension_replay.py orders SEED COUNT   three lines with the numbers of COUNT snapshots: in order, with every tenth or so
    late, and shuffled
dimension_replay.py listed SNAPSHOT   compares OUT/NUMBER.csv with what `tapemill dimension list instrument --json` says on
    standard input, attributes with history alone; prints what differs

A member is a symbol, numbered by first appearance; it is changed (updated_at) when a snapshot shows it otherwise than the
one before did, or shows it again.
"""
import csv
import json
import random
import sys
from pathlib import Path

NULL = "\\N"


def sp500(row):
    return {
        "symbol": row["Symbol"],
        "name": row.get("Security") or row.get("Name"),
        "asset_class": "EQUITY",
        "sector": row.get("GICS Sector") or row.get("Sector"),
        "industry": row.get("GICS Sub-Industry"),
        "market_cap_category": "LARGE",
        "country": row.get("Headquarters Location"),
        "currency": "USD",
        "is_active": "true",
    }


def nasdaq(row):
    return {
        "symbol": row["Symbol"],
        "name": row["Company Name"],
        "exchange": "XNAS",
        "asset_class": "EQUITY",
        "instrument_type": {"Y": "ETF", "N": "SHARE"}.get(row.get("ETF")),
        "sector": row.get("Financial Status"),
        "market_cap_category": row.get("Market Category"),
        "country": row.get("Security Name"),
        "currency": "USD",
        "lot_size": row.get("Round Lot Size"),
        "is_active": "false" if row.get("Test Issue") == "Y" else "true",
    }


COLUMNS = ["symbol", "name", "exchange", "asset_class", "instrument_type", "sector", "industry", "market_cap_category",
           "country", "currency", "lot_size", "is_active"]


def states(read_row, folder, out, every, one_in):
    with open(folder / "index.csv", newline="", encoding="utf-8") as file:
        index = sorted(csv.DictReader(file), key=lambda entry: entry["snapshot_utc"])[::every]
    numbers, before, newest, expected = {}, {}, {}, []
    for number, entry in enumerate(index):
        with open(folder / entry["file"], newline="", encoding="utf-8") as file:
            rows = [read_row(row) for row in csv.DictReader(file)]
        shown = {}
        for row in rows:
            member = numbers.setdefault(row["symbol"], len(numbers) + 1)
            if member % one_in:
                continue
            values = [row["symbol"]] + [row.get(column) or NULL for column in COLUMNS[1:]]
            since = entry["snapshot_utc"]
            if member in before and before[member][:-1] == values:
                since = before[member][-1]
            shown[member] = values + [since]
        before = shown
        newest.update(shown)
        expected += [[number, member, *values] for member, values in sorted(shown.items())]
        write(out / f"{number}.csv", [[member, *values] for member, values in sorted(shown.items())])
    write(out / "snapshots.csv", [[number, entry["snapshot_utc"]] for number, entry in enumerate(index)])
    write(out / "expected.csv", expected)
    write(out / "newest.csv", [[member, *values] for member, values in sorted(newest.items())])
    print(len(index), len(newest))


def write(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        for row in rows:
            file.write(",".join(quoted(value) for value in row) + "\n")


def quoted(value):
    return value if value == NULL else '"' + str(value).replace('"', '""') + '"'


def orders(seed, count):
    in_order = list(range(count))
    drawn = random.Random(seed)
    late = [number for number in in_order[:-1] if drawn.random() < 0.1] or in_order[:1]
    with_late = [number for number in in_order if number not in late]
    for number in late:
        after = with_late.index(min(other for other in with_late if other > number))
        with_late.insert(drawn.randint(after + 1, len(with_late)), number)
    shuffled = list(in_order)
    drawn.shuffle(shuffled)
    for order in (in_order, with_late, shuffled):
        print(*order)


def listed(snapshot):
    history = [column for column in COLUMNS if column not in ("name", "country", "lot_size")]
    with open(snapshot, newline="", encoding="utf-8") as file:
        rows = [dict(zip(["instrument_id", *COLUMNS], row)) for row in csv.reader(file)]
    wanted = {(row["instrument_id"], *(row[column] for column in history)) for row in rows}
    found = {(str(row["instrument_id"]), *(text(row[column]) for column in history)) for row in json.load(sys.stdin)}
    for difference in sorted(wanted ^ found):
        print("lacks" if difference in wanted else "has", *difference)


def text(value):
    return {None: NULL, True: "true", False: "false"}.get(value, value)


if __name__ == "__main__":
    if sys.argv[1] == "states":
        states({"sp500": sp500, "nasdaq": nasdaq}[sys.argv[2]], Path(sys.argv[3]), Path(sys.argv[4]),
               int(sys.argv[5]), int(sys.argv[6]))
    elif sys.argv[1] == "listed":
        listed(Path(sys.argv[2]))
    else:
        orders(int(sys.argv[2]), int(sys.argv[3]))

"""The database of reports: complete, consistent, and never in the place of something else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from sitrep_ie.assemble import assemble
from sitrep_ie.document import (
    Annotation,
    Document,
    Example,
    Report,
    ReportWarning,
)
from sitrep_ie.errors import FormatError
from sitrep_ie.export import sql_schema, write_sqlite
from sitrep_ie.formats.inline import parse_inline
from tests import strategies
from tests.made_up import PARAGRAPHS, RESOLVERS, SHIPPED, VALIDATOR

TEXTS = (
    '# id: log | source: made up | published: 2031-05-10 | title: Orm\'s "log"\n'
    + PARAGRAPHS
    + """
# id: note
A {OBJECT o1|convoy} {MOVEMENT e1|left} {LOCATION l1|Karsk}.
> e1 THEME o1
> e1 ORIGIN l1
"""
)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    found = [assemble(e.document, e.gold, SHIPPED, RESOLVERS) for e in parse_inline(TEXTS, "test", SHIPPED)]
    return [replace(found[0], warnings=(ReportWarning("language", "made up"),)), found[1]]


# ---- reading it all back ----


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection


def rebuilt(path: Path) -> list[dict[str, Any]]:
    """The JSON forms of a database's reports, from nothing but its tables."""
    with connect(path) as db:
        found = [_report(db, row) for row in db.execute("SELECT * FROM documents ORDER BY id")]
    db.close()
    return found


def _report(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    of = (row["id"],)
    names = dict(db.execute("SELECT id, name FROM mentions WHERE document = ?", of).fetchall())
    warnings = db.execute("SELECT code, message FROM warnings WHERE document = ? ORDER BY rowid", of)
    period = {"start": row["period_start"], "end": row["period_end"]}
    told = {
        "id": row["name"],
        "title": row["title"],
        "source": row["source"],
        "warnings": [dict(warning) for warning in warnings] or None,
    }
    return {
        **{key: value for key, value in told.items() if value is not None},
        "text": row["text"],
        "published": row["published"],
        "period": period if row["period_start"] else None,
        "mentions": [
            {
                "id": mention["name"],
                "type": mention["type"],
                "start": mention["span_start"],
                "end": mention["span_end"],
                "text": mention["text"],
                "score": mention["score"],
                "attributes": [
                    name
                    for (name,) in db.execute(
                        "SELECT attribute FROM attributes WHERE mention = ? ORDER BY 1", (mention["id"],)
                    )
                ],
            }
            for mention in db.execute("SELECT * FROM mentions WHERE document = ? ORDER BY id", of)
        ],
        "relations": [
            {"head": names[head], "tail": names[tail], "type": name, "score": score}
            for head, tail, name, score in db.execute(
                "SELECT head, tail, type, score FROM relations WHERE document = ? ORDER BY 1, 2, 3", of
            )
        ],
        "events": [
            _event(db, event)
            for event in db.execute("SELECT * FROM events WHERE document = ? ORDER BY id", of)
        ],
    }


def _event(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    of = (row["id"],)

    def every(table: str) -> Iterator[sqlite3.Row]:
        yield from db.execute(f"SELECT * FROM {table} WHERE event = ? ORDER BY rowid", of)

    def spans(use: str) -> list[list[int]]:
        return [[s["span_start"], s["span_end"]] for s in every("spans") if s["use"] == use]

    def others(kind: str) -> list[str]:
        sql = """SELECT events.name FROM links JOIN events ON events.id = links.other
            WHERE links.event = ? AND kind = ? ORDER BY links.rowid"""
        return [name for (name,) in db.execute(sql, (row["id"], kind))]

    parent = db.execute("SELECT name FROM events WHERE id = ?", (row["parent"],)).fetchone()
    days = [found["day"] for found in every("days")]
    totals = [
        {
            key: _flag(value) if key == "agrees" else value
            for key, value in dict(found).items()
            if key != "event"
        }
        for found in every("totals")
    ]
    outcomes: dict[str, Any] = {
        name: _quantity(db, row["id"], name)
        for name in ("killed", "injured", "detained", "released", "abducted", "displaced")
    }
    for name in ("damaged", "seized"):
        outcomes[name] = [
            _place(loss)
            if loss["kind"] == "place"
            else _argument(loss) | {"quantity": _quantity(db, row["id"], "amount", loss=loss["id"])}
            for loss in every("losses")
            if loss["outcome"] == name
        ]
    return {
        "id": row["name"],
        "type": row["type"],
        "score": row["score"],
        "triggers": [
            {"start": found["span_start"], "end": found["span_end"], "text": found["text"]}
            for found in every("triggers")
        ],
        "modality": row["modality"],
        "time": {
            "start": row["start_date"],
            "end": row["end_date"],
            "precision": row["time_precision"],
            "anchor": row["time_anchor"],
            "text": row["time_text"],
            "spans": spans("time"),
            **({"dates": days} if days else {}),
        },
        "actors": [
            _argument(actor)
            | {key: actor[key] for key in ("name", "kind", "country", "affiliation")}
            | {"members": json.loads(actor["members"])}
            | {"quantity": _quantity(db, row["id"], "amount", actor=actor["id"])}
            for actor in every("actors")
        ],
        "objects": [
            _argument(thing) | {"quantity": _quantity(db, row["id"], "amount", object=thing["id"])}
            for thing in every("objects")
        ],
        "amounts": [
            _argument(amount) | {"quantity": _quantity(db, row["id"], "amount", amount=amount["id"])}
            for amount in every("amounts")
        ],
        "places": [_place(place) for place in every("places")],
        "outcomes": outcomes,
        "count": _quantity(db, row["id"], "count"),
        "aggregate": _flag(row["aggregate"]),
        "release": _flag(row["release"]),
        "parent": parent and parent["name"],
        "children": others("child"),
        "items": others("item"),
        "reconciliation": {
            **{key: value for key, value in totals[0].items() if key != "outcome"},
            "outcomes": totals[1:],
        }
        if totals
        else None,
        "evidence": spans("evidence"),
    }


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _argument(row: sqlite3.Row) -> dict[str, Any]:
    span = [row["span_start"], row["span_end"]]
    return {"role": row["role"], "text": row["text"], "span": span, "score": row["score"]}


def _place(row: sqlite3.Row) -> dict[str, Any]:
    keys = ("name", "gazetteer_id", "latitude", "longitude", "country", "precision")
    return _argument(row) | {"within": json.loads(row["within"])} | {key: row[key] for key in keys}


def _quantity(db: sqlite3.Connection, event: int, kind: str, **owner: int) -> dict[str, Any] | None:
    where = "".join(f" AND {name} = {number}" for name, number in owner.items())
    found = db.execute(
        f"SELECT * FROM quantities WHERE event = ? AND kind = ?{where}", (event, kind)
    ).fetchall()
    if not found:
        return None
    (row,) = found
    span = None if row["span_start"] is None else [row["span_start"], row["span_end"]]
    return {key: row[key] for key in ("low", "best", "high", "qualifier", "unit", "text")} | {"span": span}


def test_the_tables_hold_all_of_the_json_form(reports: list[Report], tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    assert write_sqlite(iter(reports), path) == 2
    found = rebuilt(path)
    assert found == [report.to_dict() for report in reports]
    for raw in found:
        VALIDATOR.validate(raw)
    # The texts are such that every kind of table is in use.
    with connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        empty = {name for name in tables if not db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]}
    db.close()
    assert empty == set()


@settings(max_examples=20, deadline=None)
@given(strategies.corpora(SHIPPED))
def test_any_reports_come_back(tmp_path_factory: pytest.TempPathFactory, corpus: list[Example]) -> None:
    reports = [assemble(e.document, e.gold, SHIPPED, RESOLVERS) for e in corpus]
    path = tmp_path_factory.mktemp("db") / "events.sqlite"
    write_sqlite([*reports, *reports], path)
    assert rebuilt(path) == 2 * [report.to_dict() for report in reports]


def test_keys_hold_and_the_file_is_sound(reports: list[Report], tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    write_sqlite(reports * 3, path)
    with connect(path) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        keyed = {
            name: {found["table"] for found in db.execute(f"PRAGMA foreign_key_list({name})")}
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
            )
        }
    db.close()
    assert keyed["actors"] == keyed["places"] == keyed["triggers"] == {"events"}
    assert keyed["events"] == {"documents", "events"}
    assert keyed["relations"] == {"documents", "mentions"}


def test_full_text_finds_documents_and_evidence(reports: list[Report], tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    write_sqlite(reports, path)
    with connect(path) as db:
        sql = "SELECT rowid FROM {} WHERE {} MATCH ?"
        documents = [row[0] for row in db.execute(sql.format("documents_text", "documents_text"), ("karsk",))]
        events = """SELECT events.type FROM events JOIN events_text ON events_text.rowid = events.id
            WHERE events_text MATCH ? ORDER BY events.id"""
        found = [row[0] for row in db.execute(events, ("NEAR(gunmen trucks)",))]
        plan = " ".join(
            row["detail"]
            for row in db.execute("EXPLAIN QUERY PLAN SELECT * FROM events WHERE type = 'DEATH'")
        )
    db.close()
    assert documents == [2]
    assert found == ["SEIZURE", "DEATH"]
    assert "events_by_type" in plan


# ---- files ----


def test_text_that_sqlite_cannot_hold_becomes_its_escape(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    write_sqlite([Report(Document(id="a\ud800", text="nul \0 and \udfff"), Annotation("a\ud800"))], path)
    (found,) = rebuilt(path)
    assert (found["id"], found["text"]) == ("a\\ud800", "nul \0 and \\udfff")


def test_a_database_of_ours_is_replaced_and_others_are_not(reports: list[Report], tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    write_sqlite(reports, path)
    write_sqlite(reports[1:], path)
    assert [found["id"] for found in rebuilt(path)] == ["note"]
    foreign = tmp_path / "theirs.sqlite"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE precious (x)")
    db.close()
    text = tmp_path / "notes.txt"
    text.write_text("mine")
    for other in (foreign, text):
        before = other.read_bytes()
        with pytest.raises(FormatError, match=f"{other.name}: exists and is no database of sitrep-ie"):
            write_sqlite(reports, other)
        assert other.read_bytes() == before
        write_sqlite(reports, other, overwrite=True)
        assert len(rebuilt(other)) == 2


def test_a_database_in_use_is_left_alone(reports: list[Report], tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    write_sqlite(reports, path)
    reader = sqlite3.connect(path)
    reader.execute("PRAGMA journal_mode = WAL")
    reader.execute("UPDATE documents SET title = 'changed'")
    with pytest.raises(FormatError, match=r"events\.sqlite: a database in use"):
        write_sqlite(reports, path, overwrite=True)
    reader.close()


def test_a_folder_is_refused(reports: list[Report], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is a folder"):
        write_sqlite(reports, tmp_path)
    with pytest.raises(FormatError, match=r"none.events\.sqlite: cannot be written"):
        write_sqlite(reports, tmp_path / "none" / "events.sqlite")


def test_an_error_half_way_leaves_what_was_there(reports: list[Report], tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    write_sqlite(reports, path)
    before = path.read_bytes()

    def broken() -> Iterator[Report]:
        yield reports[0]
        raise ValueError("made up")

    with pytest.raises(ValueError, match="made up"):
        write_sqlite(broken(), path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["events.sqlite"]


def test_the_published_schema_makes_the_tables() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(sql_schema())
    assert {"documents", "events", "actors", "places", "events_text"} <= {
        name for (name,) in db.execute("SELECT name FROM sqlite_master")
    }
    db.close()

"""Reports as an SQLite database; `schema/reports.sql` has its tables."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from sitrep_ie.document import (
    ActorArgument,
    AmountArgument,
    Event,
    ObjectArgument,
    OutcomeTotal,
    PlaceArgument,
    Quantity,
    Reconciliation,
    Report,
    Span,
    Trigger,
)
from sitrep_ie.errors import DependencyError, FormatError
from sitrep_ie.export.files import replacing

# In the file's header: "SRIE", which tells a database of this module from others, and the form of its tables.
APPLICATION_ID = 0x53524945
SCHEMA_VERSION = 1

_OUTCOMES = ("killed", "injured", "detained", "released", "abducted", "displaced")
_HEADER_BYTES = 72


def write_sqlite(reports: Iterable[Report], path: Path | str, *, overwrite: bool = False) -> int:
    """Writes a database of the reports, in constant memory, and returns their number.

    It appears, or replaces one that this function wrote before, when it is complete; `sql_schema()` has its
    tables. A lone surrogate, which SQLite cannot hold, stands in it as its escape.

    Args:
        reports: with any ids, equal ones too.
        path: the file to write.
        overwrite: replaces any other file, too.

    Raises:
        FormatError: there is a folder, a database that is in use or a file of another kind at `path`, or it
            cannot be written.
        DependencyError: this Python's SQLite has no full-text search (FTS5).
    """
    _check_target(Path(path), overwrite)
    num_reports = 0
    with replacing(path) as part:
        try:
            with contextlib.closing(sqlite3.connect(part)) as connection:
                writer = _Writer(connection)
                for report in reports:
                    writer.add(report)
                    num_reports += 1
                writer.finish()
        except sqlite3.Error as error:
            if "fts5" in str(error):
                raise DependencyError(
                    f"SQLite {sqlite3.sqlite_version} of this Python has no full-text search (FTS5)"
                ) from error
            raise FormatError(f"{path}: cannot be written: {error}") from error
    return num_reports


def sql_schema() -> str:
    """Returns the SQL that makes the tables of `write_sqlite`."""
    return files("sitrep_ie").joinpath("schema", "reports.sql").read_text(encoding="utf-8")


def _check_target(path: Path, overwrite: bool) -> None:
    if not path.is_file():
        return
    for end in ("-journal", "-wal"):
        # SQLite would take it for changes to the new file.
        if path.with_name(path.name + end).exists():
            raise FormatError(f"{path}: a database in use ({path.name}{end} lies beside it)")
    if overwrite:
        return
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    if not header.startswith(b"SQLite format 3\0") or header[68:72] != APPLICATION_ID.to_bytes(4, "big"):
        raise FormatError(
            f"{path}: exists and is no database of sitrep-ie; expected another name, or --overwrite"
        )


class _Writer:
    """Fills a new database; ids count from 1 in every table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last_ids: Counter[str] = Counter()
        # The file is new, and of no use before it is complete.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.executescript(sql_schema())
        connection.execute("BEGIN")

    def finish(self) -> None:
        for table in ("documents_text", "events_text"):
            self._connection.execute(f"INSERT INTO {table} ({table}) VALUES ('rebuild')")
        self._connection.commit()
        self._connection.execute("PRAGMA optimize")
        self._connection.execute("ANALYZE")
        self._connection.commit()

    def add(self, report: Report) -> None:
        document = report.document
        number = self._insert_numbered(
            "documents",
            name=document.id,
            title=document.title,
            source=document.source,
            text=document.text,
            published=_day(report.published),
            period_start=_day(report.period and report.period[0]),
            period_end=_day(report.period and report.period[1]),
        )
        for warning in report.warnings:
            self._insert("warnings", document=number, code=warning.code, message=warning.message)
        self._add_annotation(report, number)
        # Events refer to later ones, too.
        first = self._last_ids["events"] + 1
        ids = {event.id: first + i for i, event in enumerate(report.events)}
        for event in report.events:
            self._add_event(event, document.text, number, ids)

    def _add_annotation(self, report: Report, document: int) -> None:
        nodes = report.annotation.spans()
        ids = {}
        for i, node in enumerate(nodes, 1):
            ids[node] = self._insert_numbered(
                "mentions",
                document=document,
                name=f"m{i}",
                kind="trigger" if isinstance(node, Trigger) else "mention",
                type=node.type,
                text=report.document.text[node.span.start : node.span.end],
                score=round(node.score, 4),
                **_span(node.span),
            )
            if isinstance(node, Trigger):
                for attribute in sorted(node.attributes):
                    self._insert("attributes", mention=ids[node], attribute=attribute)
        for link in report.annotation.relations:
            self._insert(
                "relations",
                document=document,
                head=ids[link.head],
                tail=ids[link.tail],
                type=link.relation_type,
                score=round(link.score, 4),
            )

    def _add_event(self, event: Event, text: str, document: int, ids: dict[str, int]) -> None:
        time = event.time
        number = self._insert_numbered(
            "events",
            document=document,
            name=event.id,
            type=event.type,
            score=round(event.score, 4),
            modality=event.modality,
            aggregate=event.aggregate,
            release=event.release,
            start_date=_day(time.start),
            end_date=_day(time.end),
            time_precision=time.precision,
            time_anchor=time.anchor,
            time_text=time.text,
            parent=ids[event.parent] if event.parent is not None else None,
            evidence=" ".join(" ".join(text[span.start : span.end].split()) for span in event.evidence),
        )
        for trigger in event.triggers:
            self._insert("triggers", event=number, text=trigger.text, **_span(trigger.span))
        for use, spans in (("time", time.spans), ("evidence", event.evidence)):
            for span in spans:
                self._insert("spans", event=number, use=use, **_span(span))
        for day in time.dates:
            self._insert("days", event=number, day=_day(day))
        for kind, others in (("child", event.children), ("item", event.items)):
            for other in others:
                self._insert("links", event=number, kind=kind, other=ids[other])
        if event.count is not None:
            self._add_quantity(event.count, event=number, kind="count")
        for actor in event.actors:
            self._add_actor(actor, number)
        for thing in event.objects:
            found = self._insert_numbered("objects", event=number, **_argument(thing))
            if thing.quantity is not None:
                self._add_quantity(thing.quantity, event=number, kind="amount", object=found)
        for amount in event.amounts:
            found = self._insert_numbered("amounts", event=number, **_argument(amount))
            self._add_quantity(amount.quantity, event=number, kind="amount", amount=found)
        for place in event.places:
            self._insert_numbered("places", event=number, **_place(place))
        self._add_outcomes(event, number)

    def _add_actor(self, actor: ActorArgument, event: int) -> None:
        found = self._insert_numbered(
            "actors",
            event=event,
            name=actor.name,
            kind=actor.kind,
            country=actor.country,
            affiliation=actor.affiliation,
            members=json.dumps(actor.members, ensure_ascii=False),
            **_argument(actor),
        )
        if actor.quantity is not None:
            self._add_quantity(actor.quantity, event=event, kind="amount", actor=found)

    def _add_outcomes(self, event: Event, number: int) -> None:
        for outcome in _OUTCOMES:
            quantity: Quantity | None = getattr(event.outcomes, outcome)
            if quantity is not None:
                self._add_quantity(quantity, event=number, kind=outcome)
        for outcome, things in (("damaged", event.outcomes.damaged), ("seized", event.outcomes.seized)):
            for thing in things:
                is_place = isinstance(thing, PlaceArgument)
                found = self._insert_numbered(
                    "losses",
                    event=number,
                    outcome=outcome,
                    kind="place" if is_place else "object",
                    **(_place(thing) if isinstance(thing, PlaceArgument) else _argument(thing)),
                )
                if isinstance(thing, ObjectArgument) and thing.quantity is not None:
                    self._add_quantity(thing.quantity, event=number, kind="amount", loss=found)
        told = event.reconciliation
        if told is not None:
            totals: list[tuple[str | None, Reconciliation | OutcomeTotal]] = [(None, told)]
            totals += [(total.outcome, total) for total in told.outcomes]
            for name, total in totals:
                self._insert(
                    "totals",
                    event=number,
                    outcome=name,
                    stated=total.stated,
                    summed=total.summed,
                    agrees=total.agrees,
                )

    def _add_quantity(self, quantity: Quantity, **owner: Any) -> None:
        span = quantity.span
        self._insert_numbered(
            "quantities",
            low=quantity.low,
            best=quantity.best,
            high=quantity.high,
            qualifier=quantity.qualifier,
            unit=quantity.unit,
            text=quantity.text,
            span_start=span and span.start,
            span_end=span and span.end,
            **owner,
        )

    def _insert_numbered(self, table: str, **values: Any) -> int:
        self._last_ids[table] += 1
        number = self._last_ids[table]
        self._insert(table, id=number, **values)
        return number

    def _insert(self, table: str, **values: Any) -> None:
        # Names of tables and columns are those of this module; values are bound.
        marks = ", ".join("?" * len(values))
        self._connection.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
            [_held(value) for value in values.values()],
        )


def _held(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _day(day: Any) -> str | None:
    return day.isoformat() if day is not None else None


def _span(span: Span) -> dict[str, int]:
    return {"span_start": span.start, "span_end": span.end}


def _argument(thing: ActorArgument | ObjectArgument | AmountArgument | PlaceArgument) -> dict[str, Any]:
    return {"role": thing.role, "text": thing.text, "score": round(thing.score, 4), **_span(thing.span)}


def _place(place: PlaceArgument) -> dict[str, Any]:
    return {
        **_argument(place),
        "within": json.dumps(place.within, ensure_ascii=False),
        "name": place.name,
        "gazetteer_id": place.gazetteer_id,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "country": place.country,
        "precision": place.precision,
    }

"""Reports as flat tables: rows, pandas frames and Parquet files of events, mentions, actors, places, ..."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sitrep_ie.document import (
    ROW_COLUMNS,
    ActorArgument,
    AmountArgument,
    Event,
    ObjectArgument,
    PlaceArgument,
    Quantity,
    Report,
    Trigger,
)
from sitrep_ie.errors import DependencyError, FormatError
from sitrep_ie.export.files import replacing

if TYPE_CHECKING:
    import pandas

Row: TypeAlias = "dict[str, Any]"
Kind = Literal["text", "number", "day", "flag"]

_PEOPLE = ("killed", "injured", "detained", "released", "abducted", "displaced")
_EVENT_NUMBERS = {
    "score",
    "latitude",
    "longitude",
    "count",
    *(f"{people}{bound}" for people in _PEOPLE for bound in ("", "_low", "_high")),
}
_EVENT_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_EVENT_NUMBERS, "number"),
    **dict.fromkeys(("start", "end"), "day"),
    **dict.fromkeys(("aggregate", "release", "agrees"), "flag"),
}
_SPAN: dict[str, Kind] = {"span_start": "number", "span_end": "number"}
_OF_EVENT: dict[str, Kind] = {
    "document": "text",
    "event": "text",
    "event_type": "text",
    "modality": "text",
    "role": "text",
    "text": "text",
}
_QUANTITY: dict[str, Kind] = {
    "quantity": "number",
    "quantity_low": "number",
    "quantity_high": "number",
    "qualifier": "text",
    "unit": "text",
}

TABLES: Mapping[str, Mapping[str, Kind]] = {
    "events": {column: _EVENT_KINDS.get(column, "text") for column in ROW_COLUMNS},
    "mentions": {
        "document": "text",
        "mention": "text",
        "kind": "text",
        "type": "text",
        "text": "text",
        "attributes": "text",
        **_SPAN,
        "score": "number",
    },
    "relations": {
        "document": "text",
        "head": "text",
        "tail": "text",
        "type": "text",
        "head_text": "text",
        "tail_text": "text",
        "score": "number",
    },
    "actors": {
        **_OF_EVENT,
        "name": "text",
        "kind": "text",
        "country": "text",
        "affiliation": "text",
        "members": "text",
        **_QUANTITY,
        **_SPAN,
        "score": "number",
    },
    "objects": {**_OF_EVENT, **_QUANTITY, **_SPAN, "score": "number"},
    "amounts": {**_OF_EVENT, **_QUANTITY, **_SPAN, "score": "number"},
    "places": {
        **_OF_EVENT,
        "name": "text",
        "within": "text",
        "gazetteer_id": "text",
        "latitude": "number",
        "longitude": "number",
        "country": "text",
        "precision": "text",
        **_SPAN,
        "score": "number",
    },
}
"""The columns of every table, in their order, and what kind of value each holds where it is not None."""

_PARQUET_ROWS = 20_000
_JSON_TYPES: dict[Kind, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "number": {"type": ["number", "null"]},
    "day": {"type": ["string", "null"], "format": "date"},
    "flag": {"type": ["boolean", "null"]},
}


def table_rows(report: Report, table: str = "events") -> list[Row]:
    """Returns the rows of one of `TABLES`: numbers or None, ISO dates, several names joined by "; ".

    "events" are `Report.rows()`. "mentions" are mentions and triggers, "relations" what links them; "actors",
    "objects", "amounts" and "places" have a row for each of every event, with the event's id and type.
    `span_start` and `span_end` are half-open offsets into the document's text.

    Raises:
        FormatError: there is no such table.
    """
    columns_of(table)
    return _MAKERS[table](report)


def columns_of(table: str) -> tuple[str, ...]:
    """Returns the columns of a table in their order.

    Raises:
        FormatError: there is no such table.
    """
    if table not in TABLES:
        raise FormatError(f"table {table!r}: expected one of {', '.join(TABLES)}")
    return tuple(TABLES[table])


def row_schema(table: str = "events") -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of a row of a table.

    Raises:
        FormatError: there is no such table.
    """
    columns = columns_of(table)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:sitrep_ie:row:{table}:1",
        "type": "object",
        "properties": {column: _JSON_TYPES[TABLES[table][column]] for column in columns},
        "required": list(columns),
        "additionalProperties": False,
    }


def reports_to_frame(reports: Iterable[Report], table: str = "events") -> pandas.DataFrame:
    """Returns a table of all reports as a pandas frame, with all columns even when it has no row.

    Raises:
        DependencyError: pandas is not installed.
        FormatError: there is no such table.
    """
    columns = columns_of(table)
    try:
        import pandas
    except ImportError as error:
        raise DependencyError("a data frame needs pandas: pip install 'sitrep_ie[pandas]'") from error
    rows = [row for report in reports for row in table_rows(report, table)]
    return pandas.DataFrame(rows, columns=list(columns))


def write_parquet(reports: Iterable[Report], path: Path | str, table: str = "events") -> int:
    """Writes a table of the reports as Parquet, in constant memory; returns the number of rows.

    Numbers are doubles, days are dates. The file appears when it is complete.

    Raises:
        DependencyError: pyarrow is not installed.
        FormatError: there is no such table, or the file cannot be written.
    """
    columns = columns_of(table)
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise DependencyError("Parquet needs pyarrow: pip install 'sitrep_ie[batch]'") from error
    types = {
        "text": pyarrow.string(),
        "number": pyarrow.float64(),
        "day": pyarrow.date32(),
        "flag": pyarrow.bool_(),
    }
    kinds = TABLES[table]
    schema = pyarrow.schema([(column, types[kinds[column]]) for column in columns])
    num_rows = 0
    with replacing(path) as part, ParquetWriter(part, schema) as writer:
        rows = (_typed(row, kinds) for report in reports for row in table_rows(report, table))
        while some := list(itertools.islice(rows, _PARQUET_ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema=schema))
            num_rows += len(some)
    return num_rows


def _typed(row: Row, kinds: Mapping[str, Kind]) -> Row:
    return {column: _value(value, kinds[column]) for column, value in row.items()}


def _value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "day":
        return datetime.date.fromisoformat(value)
    if kind == "number":
        # pyarrow takes no integer for a double that a double cannot hold exactly.
        return float(value)
    # A lone surrogate, which Parquet cannot hold, becomes its escape.
    return value.encode("utf-8", "backslashreplace").decode() if kind == "text" else value


# ---- rows of each table ----


def _mentions(report: Report) -> list[Row]:
    text = report.document.text
    return [
        {
            "document": report.document.id,
            "mention": f"m{i}",
            "kind": "trigger" if isinstance(node, Trigger) else "mention",
            "type": node.type,
            "text": text[node.span.start : node.span.end],
            "attributes": "; ".join(sorted(node.attributes)) if isinstance(node, Trigger) else "",
            "span_start": node.span.start,
            "span_end": node.span.end,
            "score": round(node.score, 4),
        }
        for i, node in enumerate(report.annotation.spans(), 1)
    ]


def _relations(report: Report) -> list[Row]:
    text = report.document.text
    index = {node: i for i, node in enumerate(report.annotation.spans(), 1)}
    links = sorted(
        report.annotation.relations, key=lambda link: (index[link.head], index[link.tail], link.relation_type)
    )
    return [
        {
            "document": report.document.id,
            "head": f"m{index[link.head]}",
            "tail": f"m{index[link.tail]}",
            "type": link.relation_type,
            "head_text": text[link.head.span.start : link.head.span.end],
            "tail_text": text[link.tail.span.start : link.tail.span.end],
            "score": round(link.score, 4),
        }
        for link in links
    ]


def _of_event(
    report: Report, event: Event, thing: ActorArgument | ObjectArgument | AmountArgument | PlaceArgument
) -> Row:
    return {
        "document": report.document.id,
        "event": event.id,
        "event_type": event.type,
        "modality": event.modality,
        "role": thing.role,
        "text": thing.text,
        "span_start": thing.span.start,
        "span_end": thing.span.end,
        "score": round(thing.score, 4),
    }


def _quantity(quantity: Quantity | None) -> Row:
    return {
        "quantity": quantity and quantity.best,
        "quantity_low": quantity and quantity.low,
        "quantity_high": quantity and quantity.high,
        "qualifier": quantity and quantity.qualifier,
        "unit": quantity and quantity.unit,
    }


def _actors(report: Report) -> Iterator[Row]:
    for event in report.events:
        for actor in event.actors:
            yield {
                **_of_event(report, event, actor),
                "name": actor.name,
                "kind": actor.kind,
                "country": actor.country,
                "affiliation": actor.affiliation,
                "members": "; ".join(actor.members),
                **_quantity(actor.quantity),
            }


def _objects(report: Report) -> Iterator[Row]:
    for event in report.events:
        for thing in event.objects:
            yield {**_of_event(report, event, thing), **_quantity(thing.quantity)}


def _amounts(report: Report) -> Iterator[Row]:
    for event in report.events:
        for amount in event.amounts:
            yield {**_of_event(report, event, amount), **_quantity(amount.quantity)}


def _places(report: Report) -> Iterator[Row]:
    for event in report.events:
        for place in event.places:
            yield {
                **_of_event(report, event, place),
                "name": place.name,
                "within": "; ".join(place.within),
                "gazetteer_id": place.gazetteer_id,
                "latitude": place.latitude,
                "longitude": place.longitude,
                "country": place.country,
                "precision": place.precision,
            }


def _ordered(table: str, make: Callable[[Report], Iterable[Row]]) -> Callable[[Report], list[Row]]:
    columns = tuple(TABLES[table])
    return lambda report: [{column: row[column] for column in columns} for row in make(report)]


_MAKERS: Mapping[str, Callable[[Report], list[Row]]] = {
    "events": Report.rows,
    "mentions": _ordered("mentions", _mentions),
    "relations": _ordered("relations", _relations),
    "actors": _ordered("actors", _actors),
    "objects": _ordered("objects", _objects),
    "amounts": _ordered("amounts", _amounts),
    "places": _ordered("places", _places),
}

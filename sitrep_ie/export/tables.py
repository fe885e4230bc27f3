"""Reports as tables and maps: a terminal table, CSV, GeoJSON; and the schema of their JSON form."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, TextIO

from sitrep_ie.document import Event, Quantity, Report
from sitrep_ie.export.frames import columns_of, table_rows

_TABLE_COLUMNS = ("", "Type", "When", "Who", "Whom or what", "Where", "Outcome")
_MIN_TABLE_CHARS = 60
# A spreadsheet takes a cell that begins so for a formula: with blanks before it too, and after a semicolon,
# since that parts cells where commas part decimals. The wide forms count in East Asian settings.
_FORMULA = re.compile(r"(?:\A|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|\A(?=[\t\r\n])")


def report_schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of `Report.to_dict()`, one line of a JSONL file."""
    text = files("sitrep_ie").joinpath("schema", "report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def write_csv(reports: Iterable[Report], stream: TextIO, table: str = "events") -> int:
    """Writes a header and one row per event, or of another table, report by report; returns their number.

    The stream must be open with `newline=""`. A text cell that a spreadsheet would take for a formula
    gets an apostrophe.

    Raises:
        FormatError: there is no such table, see `table_rows`.
    """
    columns = columns_of(table)
    return write_rows((row for report in reports for row in table_rows(report, table)), columns, stream)


def write_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], stream: TextIO) -> int:
    """Writes a header and `rows` as CSV, in the way of `write_csv`; returns the number of rows."""
    writer = csv.DictWriter(stream, columns, lineterminator="\r\n")
    writer.writeheader()
    num_rows = 0
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
        num_rows += 1
    return num_rows


def _cell(value: Any) -> Any:
    return _FORMULA.sub(lambda found: f"{found[0]}'", value) if isinstance(value, str) else value


def reports_to_geojson(reports: Iterable[Report]) -> dict[str, Any]:
    """Returns a FeatureCollection (RFC 7946): a point for every located place of every event, and its routes.

    A feature has the event's flat row as properties. A point has the place's own role, text, name and
    precision besides; places without coordinates have none. An event with located origins and destinations
    has one more feature of role "route": a line from every origin, by way of the places between, to every
    destination, cut where it crosses the 180th meridian.
    """
    return {"type": "FeatureCollection", "features": [f for report in reports for f in _features(report)]}


def write_geojson(reports: Iterable[Report], stream: TextIO) -> int:
    """Writes `reports_to_geojson`, a feature a line, in constant memory; returns the number of features."""
    num_features = 0
    stream.write('{"type": "FeatureCollection", "features": [')
    for report in reports:
        for feature in _features(report):
            stream.write(",\n" if num_features else "\n")
            stream.write(json.dumps(feature, ensure_ascii=False))
            num_features += 1
    stream.write("\n]}\n")
    return num_features


def _features(report: Report) -> Iterator[dict[str, Any]]:
    for event, row in zip(report.events, report.rows(), strict=True):
        common = {k: v for k, v in row.items() if k not in ("latitude", "longitude")}
        for place in event.places:
            if place.latitude is None or place.longitude is None:
                continue
            own = {
                "role": place.role,
                "text": place.text,
                "name": place.name,
                "gazetteer_id": place.gazetteer_id,
                "place_precision": place.precision,
                "country": place.country,
            }
            yield {
                "type": "Feature",
                "id": f"{report.document.id}/{event.id}/{place.role}/{place.span.start}",
                "geometry": {"type": "Point", "coordinates": [place.longitude, place.latitude]},
                "properties": common | own,
            }
        if lines := _routes(event):
            yield {
                "type": "Feature",
                "id": f"{report.document.id}/{event.id}/route",
                "geometry": {"type": "LineString", "coordinates": lines[0]}
                if len(lines) == 1
                else {"type": "MultiLineString", "coordinates": lines},
                "properties": common | {"role": "route"},
            }


def _routes(event: Event) -> list[list[list[float]]]:
    """The ways from origins to destinations, as lines of [longitude, latitude]; none crosses 180 degrees."""
    stops: dict[str, list[list[float]]] = {"origin": [], "via": [], "destination": []}
    for place in event.places:
        if place.role in stops and place.latitude is not None and place.longitude is not None:
            stops[place.role].append([place.longitude, place.latitude])
    lines: list[list[list[float]]] = []
    for origin in stops["origin"]:
        for destination in stops["destination"]:
            for line in _cut_at_date_line([origin, *stops["via"], destination]):
                if line not in lines:
                    lines.append(line)
    return lines


def _cut_at_date_line(points: list[list[float]]) -> list[list[list[float]]]:
    lines = [[points[0]]]
    for before, after in zip(points, points[1:], strict=False):
        if after == before:
            continue
        if abs(after[0] - before[0]) > 180:
            # The shorter way round: over the meridian on the side where the line is.
            side = 180.0 if before[0] > 0 else -180.0
            share = (side - before[0]) / (after[0] + 2 * side - before[0])
            latitude = before[1] + share * (after[1] - before[1])
            lines[-1].append([side, latitude])
            lines.append([[-side, latitude]])
        lines[-1].append(after)
    # A place on the meridian itself leaves a line of one place twice.
    return [line for line in lines if any(point != line[0] for point in line)]


def reports_to_table(reports: Iterable[Report], *, width: int = 120, color: bool = False) -> str:
    """Returns one readable table per report, each line at most `width` characters.

    Args:
        reports: reports in the order of the tables.
        width: characters of a line; at least 60 are taken.
        color: True writes ANSI colours and box lines for a terminal, False plain text for a file or pipe.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=max(width, _MIN_TABLE_CHARS),
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )
    for report in reports:
        dated = f", published {report.published}" if report.published else ""
        period = f", about {report.period[0]} to {report.period[1]}" if report.period else ""
        num_events = len(report.events)
        noun = "event" if num_events == 1 else "events"
        console.print(Text(f"{report.document.id}{dated}{period}: {num_events} {noun}", style="bold"))
        if not report.events:
            continue
        table = Table(box=box.ROUNDED if color else box.ASCII2, show_lines=color, pad_edge=False)
        for name in _TABLE_COLUMNS:
            table.add_column(name, overflow="fold", no_wrap=name == "")
        for event in report.events:
            table.add_row(*(Text(cell) for cell in _table_cells(event)), style=_style(event))
        console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().split("\n"))


def _style(event: Event) -> str:
    return "dim" if event.modality != "actual" else ""


def _table_cells(event: Event) -> tuple[str, ...]:
    kind = event.type
    marks: list[str] = [event.modality] if event.modality != "actual" else []
    marks += ["release"] if event.release else []
    if event.count is not None:
        marks.append(f"x {_amount(event.count)}")
    if marks:
        kind = f"{kind} ({', '.join(marks)})"
    return event.id, kind, _when(event), _who(event), _whom(event), _where(event), _outcome(event)


def _when(event: Event) -> str:
    time = event.time
    if time.start is None and time.end is None:
        return time.text or ""
    if time.dates:
        return ", ".join(day.isoformat() for day in time.dates)
    start, end = time.start or "?", time.end or "?"
    return str(start) if start == end else f"{start} to {end}"


def _who(event: Event) -> str:
    agents = [_named(actor.name, actor.quantity) for actor in event.actors if actor.role == "agent"]
    agents += [_named(thing.text, thing.quantity) for thing in event.objects if thing.role == "agent"]
    partners = [_named(actor.name, actor.quantity) for actor in event.actors if actor.role == "partner"]
    partners += [_named(thing.text, thing.quantity) for thing in event.objects if thing.role == "partner"]
    return f"{', '.join(agents)} with {', '.join(partners)}".strip() if partners else ", ".join(agents)


def _whom(event: Event) -> str:
    roles = ("target", "theme", "instrument")
    parts = [_named(actor.name, actor.quantity) for actor in event.actors if actor.role in roles]
    parts += [_named(thing.text, thing.quantity) for thing in event.objects if thing.role in roles]
    parts += [amount.text for amount in event.amounts]
    parts += [place.text for place in event.places if place.role == "target"]
    return ", ".join(parts)


def _where(event: Event) -> str:
    words = {"at": "", "origin": "from ", "destination": "to ", "via": "via "}
    parts = []
    for place in event.places:
        if place.role in words:
            within = f" ({', '.join(place.within)})" if place.within else ""
            parts.append(f"{words[place.role]}{place.text}{within}")
    return "; ".join(parts)


def _outcome(event: Event) -> str:
    outcomes = event.outcomes
    parts = []
    for people in ("killed", "injured", "detained", "released", "abducted", "displaced"):
        quantity: Quantity | None = getattr(outcomes, people)
        if quantity is not None:
            parts.append(f"{_amount(quantity)} {people}")
    for name, things in (("damaged", outcomes.damaged), ("seized", outcomes.seized)):
        if things and event.type not in ("DAMAGE", "SEIZURE"):
            parts.append(f"{name}: {', '.join(thing.text for thing in things)}")
    return ", ".join(parts)


def _named(name: str, quantity: Quantity | None) -> str:
    return f"{quantity.text} {name}" if quantity is not None and quantity.text else name


def _amount(quantity: Quantity) -> str:
    if quantity.low is None:
        return quantity.text or "?"
    low = f"{quantity.low:g}"
    if quantity.best is not None and quantity.best == quantity.low == quantity.high:
        return low
    if quantity.best is not None and quantity.qualifier == "about":
        return f"about {quantity.best:g}"
    if quantity.high is None:
        return f"{low}+"
    return f"{low}-{quantity.high:g}"

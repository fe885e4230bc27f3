from __future__ import annotations

import builtins
import copy
import csv
import datetime
import io
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sitrep_ie import document as records
from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import (
    ROW_COLUMNS,
    Annotation,
    Document,
    Example,
    Report,
    ReportWarning,
)
from sitrep_ie.errors import DependencyError, DocumentError, FormatError
from sitrep_ie.export import (
    FILE_FORMS,
    TABLES,
    EventData,
    columns_of,
    report_schema,
    reports_to_frame,
    reports_to_geojson,
    reports_to_table,
    row_schema,
    table_rows,
    write_csv,
    write_file,
    write_parquet,
    write_rows,
)
from sitrep_ie.formats.inline import parse_inline
from tests import strategies
from tests.made_up import PARAGRAPHS, RESOLVERS, SHIPPED, VALIDATOR

TEXT = "# id: log-😀 | source: made up | published: 2031-05-10 | title: Orm\n" + PARAGRAPHS


@pytest.fixture(scope="module")
def report() -> Report:
    (example,) = parse_inline(TEXT, "test", SHIPPED)
    return assemble(example.document, example.gold, SHIPPED, RESOLVERS)


@pytest.fixture
def raw(report: Report) -> dict[str, Any]:
    return copy.deepcopy(report.to_dict())


# ---- JSON ----


def test_json_form(raw: dict[str, Any]) -> None:
    assert list(raw) == [
        "id",
        "title",
        "source",
        "text",
        "published",
        "period",
        "mentions",
        "relations",
        "events",
    ]
    assert raw["published"] == "2031-05-10"
    assert raw["period"] is None
    assert raw["mentions"][0] == {
        "id": "m1",
        "type": "DATE",
        "start": 0,
        "end": 11,
        "text": "May 3 and 5",
        "score": 1.0,
        "attributes": [],
    }
    aggregate = next(mention for mention in raw["mentions"] if mention["attributes"])
    assert (aggregate["type"], aggregate["attributes"]) == ("AIRSTRIKE", ["AGGREGATE"])
    assert raw["relations"][0] == {"head": "m3", "tail": "m1", "type": "TIME", "score": 1.0}
    seizure = raw["events"][0]
    assert seizure["time"] == {
        "start": "2031-05-03",
        "end": "2031-05-05",
        "precision": "day",
        "anchor": "heading",
        "text": "May 3 and 5",
        "spans": [[0, 11]],
        "dates": ["2031-05-03", "2031-05-05"],
    }
    (thing,) = seizure["objects"]
    assert thing["quantity"]["text"] == "about 20"
    assert thing["quantity"]["best"] == 20
    assert seizure["outcomes"]["seized"] == [thing]
    assert seizure["outcomes"]["killed"] == {
        "low": 2,
        "best": None,
        "high": None,
        "qualifier": "vague",
        "unit": None,
        "text": None,
        "span": None,
    }
    assert raw["events"][2]["reconciliation"] == {"stated": 2, "summed": 1, "agrees": False, "outcomes": []}
    assert "dates" not in raw["events"][2]["time"]


def test_spans_of_the_json_form_are_code_points(raw: dict[str, Any]) -> None:
    for mention in raw["mentions"]:
        assert raw["text"][mention["start"] : mention["end"]] == mention["text"]
    for event in raw["events"]:
        for argument in (*event["actors"], *event["objects"], *event["places"], *event["amounts"]):
            start, end = argument["span"]
            assert raw["text"][start:end] == argument["text"]


def test_title_and_source_stand_only_where_known() -> None:
    report = Report(Document(id="a", text="b"), Annotation("a"))
    assert list(report.to_dict()) == ["id", "text", "published", "period", "mentions", "relations", "events"]
    VALIDATOR.validate(report.to_dict())


def test_json_is_one_readable_line(report: Report) -> None:
    line = report.to_json()
    assert "\n" not in line
    assert "Ørm" in line
    assert json.loads(line) == report.to_dict()
    assert json.loads(report.to_json(indent=1)) == report.to_dict()


def test_scores_are_rounded_and_numbers_plain(report: Report) -> None:
    event = replace(report.events[0], score=0.123456)
    raw = replace(report, events=(event, *report.events[1:])).to_dict()
    assert raw["events"][0]["score"] == 0.1235
    assert '"best": 20,' in report.to_json()


def test_round_trip_by_hand(report: Report, raw: dict[str, Any]) -> None:
    back = Report.from_dict(raw)
    assert back.events == report.events
    assert set(back.annotation.relations) == set(report.annotation.relations)
    assert back.annotation.spans() == report.annotation.spans()
    assert back.document == report.document
    assert back.published == report.published


@settings(max_examples=60, deadline=None)
@given(strategies.examples(SHIPPED))
def test_round_trip_and_schema(example: Example) -> None:
    report = assemble(example.document, example.gold, SHIPPED, RESOLVERS)
    raw = json.loads(report.to_json())
    VALIDATOR.validate(raw)
    back = Report.from_dict(raw)
    assert back.to_dict() == raw
    assert [event.triggers for event in back] == [event.triggers for event in report]


def _change(raw: dict[str, Any], path: str, value: object) -> None:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = raw
    for step in steps:
        place = place[step]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("text", KeyError, "key 'text' is missing"),
        ("extra", 1, "unknown key 'extra'"),
        ("published", "May", r"published: expected a date YYYY-MM-DD, found 'May'"),
        ("period", {"start": "2031-05-01"}, "period: key 'end' is missing"),
        ("mentions", 3, "mentions: expected a list"),
        ("mentions.0.text", "June", r"mentions\[0\].text: expected 'May 3 and 5'"),
        ("mentions.0.score", "high", r"mentions\[0\].score: expected a number"),
        ("mentions.0.score", 2, "expected a probability"),
        ("mentions.1.id", "m1", "id 'm1' is used twice"),
        ("mentions.0.start", True, r"mentions\[0\]: expected \[start, end\]"),
        ("mentions.0.attributes", ["A", 1], r"attributes\[1\]: expected str"),
        ("relations", None, "relations: expected a list"),
        ("relations.0.head", "m99", r"relations\[0\].head: expected the id of a mention"),
        ("events.0.type", 7, r"events\[0\].type: expected str"),
        ("events.0.modality", "maybe", r"events\[0\].modality: expected one of"),
        ("events.0.time.start", "3 May", r"events\[0\].time.start: expected a date"),
        ("events.0.triggers.0.text", None, r"triggers\[0\].text: expected str"),
        ("events.0.evidence", [[3]], r"evidence\[0\]: expected \[start, end\]"),
        ("events.0.evidence", [[3, 3]], "expected 0 <= start < end"),
        ("events.0.outcomes.killed", [], r"outcomes.killed: expected an object"),
        ("events.0.aggregate", "no", r"aggregate: expected bool"),
        ("events.0.parent", "e77", "'e77', which is no event of it"),
        ("events", {}, "events: expected a list"),
    ],
)
def test_from_dict_names_what_is_wrong(raw: dict[str, Any], path: str, value: object, message: str) -> None:
    _change(raw, path, value)
    with pytest.raises(DocumentError, match=message):
        Report.from_dict(raw)


def test_from_dict_wants_an_object() -> None:
    with pytest.raises(DocumentError, match="report: expected an object"):
        Report.from_dict([])  # type: ignore[arg-type]


# ---- schema ----


def test_schema_is_valid_and_refuses() -> None:
    Draft202012Validator.check_schema(report_schema())
    assert not VALIDATOR.is_valid({})


def test_schema_refuses_wrong_values(raw: dict[str, Any]) -> None:
    VALIDATOR.validate(raw)
    for path, value in [
        ("events.0.outcomes.killed.low", "2"),
        ("events.0.time.anchor", "guess"),
        ("events.0.places.0.latitude", 123.0),
        ("events.0.extra", 1),
        ("mentions.0.score", 1.5),
        ("published", "10 May"),
        ("events.0.evidence", [[0, 1, 2]]),
    ]:
        wrong = copy.deepcopy(raw)
        _change(wrong, path, value)
        assert not VALIDATOR.is_valid(wrong), path


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("event", records.Event),
        ("time", records.EventTime),
        ("quantity", records.Quantity),
        ("actor", records.ActorArgument),
        ("object", records.ObjectArgument),
        ("place", records.PlaceArgument),
        ("amount", records.AmountArgument),
        ("outcomes", records.Outcomes),
        ("reconciliation", records.Reconciliation),
        ("total", records.OutcomeTotal),
    ],
)
def test_schema_and_classes_have_the_same_fields(name: str, record: type) -> None:
    definition = report_schema()["$defs"][name]
    assert set(definition["properties"]) == {item.name for item in fields(record)}
    assert set(definition["properties"]) - set(definition["required"]) == (
        {"dates"} if name == "time" else set()
    )


# ---- rows ----


def test_rows_are_flat(report: Report) -> None:
    row = report.rows()[0]
    assert tuple(row) == ROW_COLUMNS
    assert row["document"] == "log-😀"
    assert (row["start"], row["end"], row["anchor"]) == ("2031-05-03", "2031-05-05", "heading")
    assert (row["agents"], row["targets"], row["at"]) == ("Gunmen", "about 20 trucks", "Ørm")
    assert (row["killed"], row["killed_low"], row["killed_high"]) == (None, 2, None)
    assert (row["latitude"], row["longitude"], row["country"]) == (61.5, 8.25, "NO")
    assert row["children"] == "e2"
    assert row["seized"] == "about 20 trucks"
    assert report.rows()[2]["agrees"] is False
    assert all(
        value is None or isinstance(value, (str, int, float))
        for row in report.rows()
        for value in row.values()
    )


def test_frame_has_one_row_per_event(report: Report) -> None:
    frame = report.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["event"]) == [event.id for event in report]
    empty = Report(Document(id="a", text="b"), Annotation("a")).to_frame()
    assert list(empty.columns) == list(ROW_COLUMNS)
    assert len(empty) == 0


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_every_table_fit_their_schema(report: Report, table: str) -> None:
    schema = row_schema(table)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    rows = table_rows(report, table)
    assert rows
    for row in rows:
        assert tuple(row) == columns_of(table)
        validator.validate(row)
        assert not validator.is_valid({**row, "document": 1})
    frame = report.to_frame(table)
    assert list(frame.columns) == list(columns_of(table))
    assert len(frame) == len(rows)
    assert len(reports_to_frame([report, report], table)) == 2 * len(rows)


def test_tables_of_a_report(report: Report) -> None:
    actor = table_rows(report, "actors")[0]
    assert (actor["event"], actor["event_type"], actor["role"], actor["name"]) == (
        "e1",
        "SEIZURE",
        "agent",
        "Gunmen",
    )
    (thing, *_) = table_rows(report, "objects")
    assert (thing["text"], thing["quantity"], thing["qualifier"]) == ("trucks", 20, "about")
    text = report.document.text
    for table in ("mentions", "actors", "objects", "amounts", "places"):
        for row in table_rows(report, table):
            assert text[row["span_start"] : row["span_end"]] == row["text"]
    assert table_rows(report, "amounts")[0]["unit"] == "EUR"
    ids = {row["mention"] for row in table_rows(report, "mentions")}
    assert {row["head"] for row in table_rows(report, "relations")} <= ids


def test_an_unknown_table_is_refused(report: Report) -> None:
    for ask in (table_rows, Report.to_frame):
        with pytest.raises(FormatError, match="table 'people': expected one of events, mentions"):
            ask(report, "people")


def test_frame_without_pandas_names_the_extra(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_pandas(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError("no pandas here")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(DependencyError, match=r"pip install 'sitrep_ie\[pandas\]'"):
        report.to_frame()


def test_csv(report: Report) -> None:
    stream = io.StringIO(newline="")
    reports: Iterator[Report] = iter([report, report])
    assert write_csv(reports, stream) == 2 * len(report.events)
    stream.seek(0)
    rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * len(report.events)
    assert rows[0]["agents"] == "Gunmen"
    assert rows[0]["killed"] == ""
    assert rows[0]["evidence"].startswith("May 3 and 5: gunmen took")


HOSTILE = [
    ("=1+1", "'=1+1"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", "'\t=1"),
    ("\tname", "'\tname"),
    ("\rname", "'\rname"),
    ("\nname", "'\nname"),
    ("  =1", "'  =1"),
    ("\uff1d1+1", "'\uff1d1+1"),
    ('trucks;=HYPERLINK("x")', 'trucks;\'=HYPERLINK("x")'),
    ("trucks; @x", "trucks;' @x"),
    ("2 = 2; a-b", "2 = 2; a-b"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "cell"), HOSTILE)
def test_no_text_cell_begins_a_formula(text: str, cell: str) -> None:
    stream = io.StringIO(newline="")
    assert write_rows([{"a": text, "b": -1.5, "c": None}], ["a", "b", "c"], stream) == 1
    stream.seek(0)
    assert list(csv.reader(stream)) == [["a", "b", "c"], [cell, "-1.5", ""]]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("=+-@;,\t\r\n '\"a1\uff1d")))
def test_every_cell_of_every_separator_is_safe(text: str) -> None:
    stream = io.StringIO(newline="")
    write_rows([{"a": text}], ["a"], stream)
    stream.seek(0)
    (cell,) = [row[0] if row else "" for row in csv.reader(stream)][1:]
    assert cell.replace("'", "") == text.replace("'", "")
    assert not cell.startswith(("\t", "\r", "\n"))
    assert all(
        part.lstrip()[:1] not in ("=", "+", "-", "@", "\uff1d") for part in cell.split(";") if part.strip()
    )


def test_csv_cells_are_no_formulas() -> None:
    (example,) = parse_inline(
        "# id: =1+1\n{ACTOR a1|=cmd} {MOVEMENT e1|left}.\n> e1 AGENT a1", "test", SHIPPED
    )
    stream = io.StringIO(newline="")
    write_csv([assemble(example.document, example.gold, SHIPPED, Resolvers.none())], stream)
    stream.seek(0)
    (row,) = csv.DictReader(stream)
    assert (row["document"], row["agents"]) == ("'=1+1", "'=cmd")


@pytest.mark.parametrize("table", TABLES)
def test_parquet_and_csv_hold_the_same_rows(report: Report, tmp_path: Path, table: str) -> None:
    path = tmp_path / "rows.parquet"
    rows = table_rows(report, table)
    assert write_parquet([report, report], path, table) == 2 * len(rows)
    read = pyarrow.parquet.read_table(path)
    found = [
        {k: str(v) if isinstance(v, datetime.date) else v for k, v in row.items()} for row in read.to_pylist()
    ]
    assert found == rows + rows
    validator = Draft202012Validator(row_schema(table))
    for row in found:
        validator.validate(row)
    stream = io.StringIO(newline="")
    assert write_csv([report], stream, table) == len(rows)
    stream.seek(0)
    assert [tuple(row) for row in csv.DictReader(stream)] == [columns_of(table)] * len(rows)


def test_parquet_of_no_report_has_its_columns(tmp_path: Path) -> None:
    write_parquet([], tmp_path / "none.parquet")
    schema = pyarrow.parquet.read_schema(tmp_path / "none.parquet")
    assert tuple(schema.names) == ROW_COLUMNS
    assert [str(schema.field(name).type) for name in ("start", "killed", "agrees", "at")] == [
        "date32[day]",
        "double",
        "bool",
        "string",
    ]


# ---- files ----


@pytest.mark.parametrize("form", FILE_FORMS)
def test_every_form_of_file(report: Report, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out.{form}"
    coded = replace(report, coder=EventData(SHIPPED))
    told = write_file([coded, coded], path, form)
    assert told.split()[0].isdigit()
    assert not told.startswith("0 ")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    # Without a coder of its own, a report of an archive is coded by the one given.
    again = tmp_path / f"again.{form}"
    assert write_file([report, report], again, form, coder=EventData(SHIPPED)) == told
    if form != "sqlite":  # which counts its writes
        assert again.read_bytes() == path.read_bytes()


def test_geojson_is_written_as_it_is_made(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "map.geojson"
    write_file([report, report], path, "geojson")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found == reports_to_geojson([report, report])
    validator = Draft202012Validator(row_schema())
    for feature in found["features"]:
        row = {"latitude": None, "longitude": None, **feature["properties"]}
        validator.validate({column: row[column] for column in ROW_COLUMNS})
    write_file([], path, "geojson")
    assert json.loads(path.read_text(encoding="utf-8")) == {"type": "FeatureCollection", "features": []}


def test_a_file_is_replaced_as_a_whole_or_not_at_all(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    path.chmod(0o640)

    def broken() -> Iterator[Report]:
        yield report
        raise DocumentError("made up")

    for form in ("csv", "parquet", "geojson"):
        with pytest.raises(DocumentError, match="made up"):
            write_file(broken(), path, form)
        assert path.read_text() == "before"
        assert [found.name for found in tmp_path.iterdir()] == ["out.csv"]
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    write_file([report], link, "csv")
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8").startswith("document,event")
    assert path.stat().st_mode & 0o777 == 0o640


def test_write_file_refuses(report: Report, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="form 'xls': expected one of sqlite"):
        write_file([report], tmp_path / "a", "xls")
    with pytest.raises(FormatError, match="table 'actors': only parquet and csv"):
        write_file([report], tmp_path / "a", "geojson", table="actors")
    with pytest.raises(FormatError, match="is a folder"):
        write_file([report], tmp_path, "csv")
    with pytest.raises(FormatError, match="no ordinary file"):
        write_file([report], "/dev/null", "csv")
    with pytest.raises(FormatError, match="there is no folder"):
        write_file([report], tmp_path / "none" / "a.csv", "csv")
    with pytest.raises(DocumentError, match="made without an extractor"):
        write_file([report], tmp_path / "a", "acled")
    assert list(tmp_path.iterdir()) == []


# ---- warnings ----


def test_warnings_are_part_of_the_json_form(report: Report) -> None:
    warned = replace(report, warnings=(ReportWarning("language", "made up"),))
    raw = warned.to_dict()
    assert raw["warnings"] == [{"code": "language", "message": "made up"}]
    VALIDATOR.validate(raw)
    assert Report.from_dict(raw).warnings == warned.warnings
    for wrong in ({"code": "", "message": "x"}, {"code": "x"}, "x"):
        assert not VALIDATOR.is_valid({**raw, "warnings": [wrong]})
    with pytest.raises(DocumentError, match=r"warnings\[0\]: key 'message' is missing"):
        Report.from_dict({**raw, "warnings": [{"code": "x"}]})


# ---- maps and tables ----


def test_geojson(report: Report) -> None:
    collection = reports_to_geojson([report])
    assert collection["type"] == "FeatureCollection"
    first = collection["features"][0]
    assert first["geometry"] == {"type": "Point", "coordinates": [8.25, 61.5]}
    assert (first["properties"]["role"], first["properties"]["text"]) == ("at", "Ørm")
    assert first["properties"]["event"] == "e1"
    assert len({feature["id"] for feature in collection["features"]}) == len(collection["features"])
    json.dumps(collection)


def routes_of(report: Report, *stops: tuple[str, float, float]) -> list[dict[str, Any]]:
    """The route features of an event with these places: role, longitude, latitude."""
    span = report.events[0].triggers[0].span
    places = tuple(
        records.PlaceArgument(role, "x", span, (), None, None, y, x, None, "exact", 1.0)
        for role, x, y in stops
    )
    event = replace(report.events[0], places=places)
    features = replace(report, events=(event,)).to_geojson()["features"]
    assert len(features) >= len(stops)
    return [feature for feature in features if feature["properties"]["role"] == "route"]


def test_geojson_has_a_line_for_a_movement(report: Report) -> None:
    (route,) = routes_of(report, ("destination", 3, 50), ("via", 2, 51), ("origin", 1, 52), ("at", 9, 9))
    assert route["geometry"] == {"type": "LineString", "coordinates": [[1, 52], [2, 51], [3, 50]]}
    assert route["properties"]["event"] == "e1"
    assert "latitude" not in route["properties"]


def test_geojson_has_a_line_for_every_pair_of_ends(report: Report) -> None:
    (route,) = routes_of(report, ("origin", 1, 52), ("origin", 2, 53), ("destination", 3, 50))
    assert route["geometry"] == {
        "type": "MultiLineString",
        "coordinates": [[[1, 52], [3, 50]], [[2, 53], [3, 50]]],
    }


@pytest.mark.parametrize("ends", [(170.0, -170.0), (-170.0, 170.0)])
def test_geojson_cuts_a_line_at_the_date_line(report: Report, ends: tuple[float, float]) -> None:
    (route,) = routes_of(report, ("origin", ends[0], 10), ("destination", ends[1], 20))
    side = 180.0 if ends[0] > 0 else -180.0
    assert route["geometry"]["coordinates"] == [[[ends[0], 10], [side, 15]], [[-side, 15], [ends[1], 20]]]


@pytest.mark.parametrize(
    "stops",
    [[("origin", 1, 2), ("via", 3, 4)], [("destination", 1, 2)], [("origin", 1, 2), ("destination", 1, 2)]],
)
def test_geojson_has_no_line_without_two_ends(report: Report, stops: list[tuple[str, float, float]]) -> None:
    assert routes_of(report, *stops) == []


def test_geojson_leaves_out_places_without_coordinates(report: Report) -> None:
    bare = assemble(report.document, report.annotation, SHIPPED, Resolvers.none())
    assert reports_to_geojson([bare]) == {"type": "FeatureCollection", "features": []}


def test_table_is_plain_and_narrow_enough(report: Report) -> None:
    table = reports_to_table([report], width=100)
    assert "\x1b" not in table
    assert max(map(len, table.splitlines())) <= 100
    assert "log-😀, published 2031-05-10: 7 events" in table
    assert "SEIZURE" in table
    assert "Gunmen" in table
    assert "2+ killed" in table
    assert "planned" in table


def test_table_in_colour_has_escapes(report: Report) -> None:
    assert "\x1b[" in reports_to_table([report], color=True)


def test_table_takes_markup_as_text() -> None:
    (example,) = parse_inline(
        "# id: [red]x[/red]\n{ACTOR a1|[bold]} {MOVEMENT e1|left}.\n> e1 AGENT a1", "test", SHIPPED
    )
    table = reports_to_table([assemble(example.document, example.gold, SHIPPED, Resolvers.none())])
    assert "[red]x[/red]: 1 event" in table
    assert "[bold]" in table


def test_table_of_nothing() -> None:
    assert reports_to_table([]) == ""
    empty = Report(Document(id="quiet", text="Rain."), Annotation("quiet"))
    assert reports_to_table([empty]) == "quiet: 0 events\n"

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sitrep_ie.assemble import Resolvers
from sitrep_ie.document import Example, PlaceValue
from sitrep_ie.formats.inline import parse_inline, read_inline
from sitrep_ie.ontology import Ontology
from tests.conftest import ROOT
from training.benchmarks import places
from training.benchmarks.places import Reference, distance_km, judged, named, place_values, precision_recall

SHIPPED = Ontology.load(ROOT / "configs" / "ontology.toml")
AUTHORED = ROOT / "training" / "data" / "authored"
REPORT = """\
# id: made-up | published: 2031-03-02
{LOCATION l1|Villages} in {LOCATION l2|Kharkiv oblast} were {SHELLING e1|shelled}, said {ACTOR a1|police} of \
{LOCATION l3|Kharkiv}. {LOCATION l4|Poltava} was quiet, {LOCATION l5|Karskhove} too, and so were the \
{LOCATION l6|hills}.
> e1 TARGET l1
> l1 LOCATED_IN l2
> e1 REPORTER a1
"""


@pytest.fixture(scope="module")
def example() -> Example:
    (only,) = parse_inline(REPORT, "test", SHIPPED)
    return only


@pytest.fixture(scope="module")
def resolvers() -> Resolvers:
    return Resolvers.default()


def reference(text: str, latitude: float | None, longitude: float | None, country: str | None) -> Reference:
    return Reference("made-up", text, latitude, longitude, country, 0.0)


def value(latitude: float, longitude: float, country: str = "QX") -> PlaceValue:
    return PlaceValue("exact", "Dalmar", "1", latitude, longitude, country)


def test_distances() -> None:
    assert distance_km((0.0, 0.0), (0.0, 1.0)) == pytest.approx(111.2, abs=0.1)
    assert distance_km((60.0, 0.0), (60.0, 1.0)) == pytest.approx(55.6, abs=0.1)
    assert distance_km((10.0, 179.5), (10.0, -179.5)) == pytest.approx(109.5, abs=0.1)


def test_right_is_near_enough_or_the_country_where_that_is_the_place() -> None:
    point = reference("Dalmar", 10.0, 20.0, "QX")
    assert point.is_right(value(10.1, 20.0), 20.0)
    assert not point.is_right(value(11.0, 20.0), 20.0)
    assert point.is_right(value(11.0, 20.0), 161.0)
    assert Reference("made-up", "Dalmar", 10.0, 20.0, "QX", 100.0).is_right(value(11.0, 20.0), 20.0)
    assert reference("Sandovia", None, None, "QX").is_right(value(0.0, 0.0), 20.0)
    assert not reference("Sandovia", None, None, "QY").is_right(value(0.0, 0.0), 20.0)
    assert not reference("both camps", None, None, None).is_right(value(0.0, 0.0), 20.0)
    assert not point.is_right(PlaceValue("unresolved"), 161.0)


def test_precision_and_recall_by_hand() -> None:
    point = reference("Dalmar", 10.0, 20.0, "QX")
    pairs = [
        (point, value(10.0, 20.0)),
        (point, value(11.0, 20.0)),
        (point, PlaceValue("unresolved")),
        (point, PlaceValue("unresolved")),
        (reference("both camps", None, None, None), value(10.0, 20.0)),
    ]
    assert precision_recall(pairs, 20.0) == (1 / 3, 1 / 4)
    assert precision_recall(pairs, 161.0) == (2 / 3, 2 / 4)
    assert precision_recall([], 20.0) == (0.0, 0.0)


def test_named_places_and_their_values(example: Example, resolvers: Resolvers) -> None:
    found = list(named(example, place_values(example, resolvers)))
    assert [(text, found.precision) for text, found in found] == [
        ("Villages", "admin"),
        ("Kharkiv oblast", "admin"),
        ("Kharkiv", "exact"),
        ("Poltava", "exact"),
        ("Karskhove", "unresolved"),
    ]
    pairs = judged([example], [reference("Poltava", 49.59, 34.55, "UA")], resolvers)
    assert precision_recall(pairs, 20.0) == (1.0, 1.0)


def test_what_is_wrong_with_a_reference_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotated, path = tmp_path / "report.ann", tmp_path / "places.jsonl"
    annotated.write_text(REPORT, encoding="utf-8")
    arguments = [str(annotated), "--reference", str(path)]
    row = {"doc": "made-up", "text": "Poltava", "latitude": 49.59, "longitude": 34.55, "country": "UA"}
    for body, message in (
        ("{", "line 1: "),
        (json.dumps(row), "line 1: expected an object with country, doc, latitude, "),
        (json.dumps(row | {"radius_km": 0, "latitude": None}), "expected both or none"),
        (json.dumps(row | {"radius_km": 0, "text": "Lviv"}), "document 'made-up' has no LOCATION 'Lviv'"),
        (json.dumps(row | {"radius_km": 0, "doc": "other"}), "document 'other' of the reference is in none"),
    ):
        path.write_text(body + "\n", encoding="utf-8")
        assert places.main(arguments) == 1
        assert message in capsys.readouterr().err
    path.write_text(json.dumps(row | {"radius_km": 0}) + "\n", encoding="utf-8")
    assert places.main([*arguments, "--failures"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 documents, 5 named places: ")
    assert "100.0     100.0" in lines[3]


def test_the_reference_for_the_authored_reports(resolvers: Resolvers) -> None:
    references = places.read_reference(AUTHORED / "places.jsonl")
    assert len(references) >= 200
    wanted = {reference.doc for reference in references}
    examples = [e for e in read_inline(AUTHORED / "train.ann", SHIPPED) if e.document.id in wanted]
    precision, recall = precision_recall(judged(examples, references, resolvers), 161.0)
    # Measured 98.7 and 73.3; the rest of the recall are villages that the gazetteer lacks.
    assert precision > 0.95
    assert recall > 0.70

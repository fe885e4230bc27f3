"""Score maps: their numbers, their order, their file, and that reports and annotations get them once."""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.calibration import KINDS, Calibration, ScoreMap
from sitrep_ie.cli import main
from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Report, Span, Trigger
from sitrep_ie.errors import ModelError
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import write_inline
from sitrep_ie.ontology import Ontology

# Halves the log-odds: 0.9 is 9 to 1, its calibrated odds are 3 to 1.
HALF = ScoreMap(0.5, 0.0)
# Divides the odds by three: 0.9 becomes 3 to 1, 0.75 becomes 1 to 1.
THIRD = ScoreMap(1.0, -math.log(3))


# ---- maps ----


def test_numbers_by_hand() -> None:
    assert HALF(0.9) == pytest.approx(0.75)
    assert HALF(0.5) == pytest.approx(0.5)
    assert HALF(0.1) == pytest.approx(0.25)
    assert THIRD(0.9) == pytest.approx(0.75)
    assert THIRD(0.75) == pytest.approx(0.5)
    assert [ScoreMap()(score) for score in (0.0, 0.3, 1.0)] == [0.0, 0.3, 1.0]


@given(st.floats(0.01, 50), st.floats(-50, 50), st.lists(st.floats(0, 1), min_size=2, max_size=8))
@settings(max_examples=100)
def test_a_map_keeps_order_and_stays_within_0_and_1(
    slope: float, intercept: float, scores: list[float]
) -> None:
    mapped = [ScoreMap(slope, intercept)(score) for score in sorted(scores)]
    assert mapped == sorted(mapped)
    assert all(0.0 <= score <= 1.0 for score in mapped)


def test_a_map_keeps_apart_what_32_bits_do() -> None:
    steps = [1 - 2.0**-24, 1 - 2.0**-23, 0.5 + 2.0**-24, 0.5, 2.0**-24]
    mapped = [ScoreMap(0.4, -1.2)(score) for score in steps]
    assert all(more > less for more, less in zip(mapped, mapped[1:], strict=False))


@pytest.mark.parametrize(("slope", "intercept"), [(0.0, 0.0), (-1.0, 0.0), (math.nan, 0.0), (1.0, math.inf)])
def test_a_map_that_turns_order_round_is_refused(slope: float, intercept: float) -> None:
    with pytest.raises(ModelError, match="expected finite numbers and a slope above 0"):
        ScoreMap(slope, intercept)


# ---- fit ----


def drawn(true: ScoreMap, num: int) -> tuple[list[float], list[bool]]:
    """Scores all over [0, 1], right as often as a map of them says."""
    generator = random.Random(5)
    scores = [generator.random() for _ in range(num)]
    return scores, [generator.random() < true(score) for score in scores]


@pytest.mark.parametrize("true", [ScoreMap(0.5, -0.7), ScoreMap(2.0, 0.3), ScoreMap(1.0, 0.0)], ids=str)
def test_fit_finds_the_map_that_outcomes_were_drawn_from(true: ScoreMap) -> None:
    found = ScoreMap.fit(*drawn(true, 20_000))
    assert found.slope == pytest.approx(true.slope, abs=0.06)
    assert found.intercept == pytest.approx(true.intercept, abs=0.06)


def test_fit_of_one_score_gives_its_share_right() -> None:
    # 600 of 1000 were right; the hold to the identity weighs as much as a few of them.
    assert ScoreMap.fit([0.9] * 1000, [True] * 600 + [False] * 400)(0.9) == pytest.approx(0.6, abs=0.005)


def test_fit_is_the_least_of_its_loss() -> None:
    scores, right = drawn(ScoreMap(0.6, -0.4), 60)
    found = ScoreMap.fit(scores, right)

    def loss(slope: float, intercept: float) -> float:
        told = [ScoreMap(slope, intercept)(score) for score in scores]
        losses = [-math.log(p if hit else 1 - p) for p, hit in zip(told, right, strict=True)]
        return sum(losses) + 0.5 * ((slope - 1) ** 2 + intercept**2)

    least = loss(found.slope, found.intercept)
    for a, b in ((1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)):
        assert loss(found.slope + a, found.intercept + b) > least


def test_little_data_changes_little_and_none_nothing() -> None:
    assert ScoreMap.fit([], []) == ScoreMap()
    one = ScoreMap.fit([0.9], [True])
    assert one.slope == pytest.approx(1.0, abs=0.3)
    assert 0.88 < one(0.9) < 0.96


def test_scores_that_tell_the_reverse_still_keep_their_order() -> None:
    scores = [0.1] * 50 + [0.9] * 50
    found = ScoreMap.fit(scores, [True] * 40 + [False] * 10 + [False] * 40 + [True] * 10)
    assert 0.45 < found(0.1) < found(0.9) < 0.55


@given(st.lists(st.tuples(st.sampled_from([0.0, 1e-12, 0.2, 0.5, 0.99, 1.0]), st.booleans()), max_size=30))
@settings(max_examples=100)
def test_fit_ends_with_a_usable_map_whatever_the_data(judged: list[tuple[float, bool]]) -> None:
    found = ScoreMap.fit([score for score, _ in judged], [right for _, right in judged])
    assert found.slope >= 0.01
    assert abs(found.slope) < 1e3
    assert 0.0 <= found(0.0) <= found(0.5) <= found(1.0) <= 1.0


# ---- what gets which map ----

TEXT = "Guards sent trucks to Karsk; two hit a wall and burned."
GUARDS, TRUCKS, KARSK, TWO, WALL = (
    Mention(Span(TEXT.index(word), TEXT.index(word) + len(word)), kind, 0.9)
    for word, kind in [
        ("Guards", "ACTOR"),
        ("trucks", "OBJECT"),
        ("Karsk", "LOCATION"),
        ("two", "QUANTITY"),
        ("wall", "OBJECT"),
    ]
)
SENT = Trigger(Span(7, 11), "MOVEMENT", frozenset({"PLANNED"}), 0.9, (("PLANNED", 0.9), ("NEGATED", 0.1)))
BURNED = Trigger(Span(TEXT.index("burned"), TEXT.index("burned") + 6), "DAMAGE", frozenset(), 0.9)
ANNOTATION = Annotation(
    "d",
    (GUARDS, TRUCKS, KARSK, TWO, WALL),
    (SENT, BURNED),
    (
        Relation(SENT, GUARDS, "AGENT", 0.9),
        Relation(SENT, TRUCKS, "THEME", 0.9),
        Relation(SENT, KARSK, "DESTINATION", 0.9),
        Relation(BURNED, WALL, "TARGET", 0.9),
        Relation(BURNED, TWO, "TARGET", 0.9),
        Relation(TWO, TRUCKS, "QUANTITY_OF", 0.9),
    ),
)
DOCUMENT = Document("d", TEXT)
# Each kind has its own intercept, so that a wrong map shows.
MAPS = {kind: ScoreMap(1.0, 0.25 * number) for number, kind in enumerate(KINDS, 1)}


def mapped(kind: str, score: float) -> float:
    return MAPS[kind](score)


def test_every_score_of_an_annotation_has_the_map_of_its_kind(ontology: Ontology) -> None:
    found = Calibration(MAPS).annotation(ANNOTATION, ontology)
    assert found == ANNOTATION  # equality is blind to scores
    assert {mention.score for mention in found.mentions} == {mapped("mention", 0.9)}
    assert {trigger.score for trigger in found.triggers} == {mapped("trigger", 0.9)}
    assert found.triggers[0].attribute_scores == (
        ("PLANNED", mapped("attribute", 0.9)),
        ("NEGATED", mapped("attribute", 0.1)),
    )
    assert found.triggers[0].attributes == {"PLANNED"}
    scores = {relation.relation_type: relation.score for relation in found.relations}
    assert scores.pop("QUANTITY_OF") == mapped("relation", 0.9)
    assert set(scores.values()) == {mapped("role", 0.9)}
    ends = {id(end) for relation in found.relations for end in (relation.head, relation.tail)}
    assert ends <= {id(node) for node in (*found.mentions, *found.triggers)}


def test_every_score_of_a_record_has_its_map_once(ontology: Ontology) -> None:
    report = assemble(DOCUMENT, ANNOTATION, ontology, Resolvers.none(), Calibration(MAPS))
    sent, burned = report.events
    argument = mapped("argument", 0.9**3)  # trigger, link, mention
    assert (sent.score, burned.score) == (mapped("event", 0.9), mapped("event", 0.9))
    things = (*sent.actors, *sent.objects, *sent.places, *burned.objects, *burned.amounts)
    things += burned.outcomes.damaged
    assert [thing.text for thing in things] == ["Guards", "trucks", "Karsk", "wall", "two", "wall"]
    assert [thing.score for thing in things] == pytest.approx([argument] * 6)
    assert report.annotation.mentions[0].score == mapped("mention", 0.9)


def unscored(report: Report) -> Any:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "score"}
        return [strip(item) for item in value] if isinstance(value, list) else value

    return strip(report.to_dict())


def test_calibration_changes_scores_and_nothing_else(
    tiny_extractor: Extractor, tiny_examples: list[Example]
) -> None:
    calibrated = Extractor(
        tiny_extractor.model,
        tiny_extractor.text_encoder,
        tiny_extractor.ontology,
        tiny_extractor.config,
        resolvers=Resolvers.none(),
        calibration=Calibration(MAPS),
    )
    documents = [example.document for example in tiny_examples]
    before, after = (list(e.extract_many(documents)) for e in (tiny_extractor, calibrated))
    assert [unscored(report) for report in before] == [unscored(report) for report in after]
    annotations = list(calibrated.annotate_many(documents))
    raw = list(tiny_extractor.annotate_many(documents))
    assert sum(len(annotation.relations) for annotation in raw) > 20
    for report, annotation, network in zip(after, annotations, raw, strict=True):
        # The same, whether asked for alone or with the records.
        for one, other, plain in zip(
            report.annotation.spans(), annotation.spans(), network.spans(), strict=True
        ):
            kind = "trigger" if isinstance(plain, Trigger) else "mention"
            assert one.score == other.score == mapped(kind, plain.score)
    told = [event.score for report in after for event in report]
    assert told == [mapped("event", event.score) for report in before for event in report]


def test_gold_that_is_assembled_keeps_its_scores(
    tiny_extractor: Extractor, tiny_examples: list[Example]
) -> None:
    extractor = Extractor(
        tiny_extractor.model,
        tiny_extractor.text_encoder,
        tiny_extractor.ontology,
        tiny_extractor.config,
        resolvers=Resolvers.none(),
        calibration=Calibration({"event": HALF, "argument": HALF}),
    )
    report = extractor.assemble(tiny_examples[0].document, tiny_examples[0].gold)
    assert {event.score for event in report} == {1.0}
    assert {actor.score for event in report for actor in event.actors} == {1.0}


# ---- on disk ----


def test_written_and_read_it_is_the_same(tmp_path: Path, ontology: Ontology) -> None:
    calibration = Calibration({"mention": ScoreMap(0.1 + 0.2, -1 / 3), "event": HALF}, 7, "ab" * 32)
    calibration.save(tmp_path, ontology)
    assert Calibration.load(tmp_path, ontology) == calibration
    first = (tmp_path / "calibration.json").read_bytes()
    calibration.save(tmp_path, ontology)
    assert (tmp_path / "calibration.json").read_bytes() == first


def test_a_folder_without_file_has_raw_scores(tmp_path: Path, ontology: Ontology) -> None:
    assert Calibration.load(tmp_path, ontology) == Calibration()
    assert Calibration().annotation(ANNOTATION, ontology) is ANNOTATION


def test_a_model_saved_without_maps_leaves_no_old_ones(tmp_path: Path, ontology: Ontology) -> None:
    Calibration({"event": HALF}).save(tmp_path, ontology)
    Calibration().save(tmp_path, ontology)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tmp_path: Path, ontology: Ontology) -> None:
    with pytest.raises(ModelError, match=r"none.calibration\.json: cannot be written"):
        Calibration({"event": HALF}).save(tmp_path / "none", ontology)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "2"}, "calibration format '2', expected '1'"),
        ({"format": None}, "calibration format None, expected '1'"),
        ({"ontology": "0" * 64}, "calibration of another ontology than 'sitrep' beside it"),
        ({"more": 1}, "expected an object with exactly the keys"),
        ({"data": {"documents": 7}}, "data: .*expected an object with exactly the keys"),
        ({"data": {"documents": -1, "sha256": ""}}, "data: .*expected a number of documents"),
        ({"data": {"documents": True, "sha256": ""}}, "data: .*expected a number of documents"),
        ({"maps": []}, r"maps: \[\], expected an object"),
        (
            {"maps": {"trigers": {"slope": 1, "intercept": 0}}},
            r"maps\.trigers: unknown kind, expected one of",
        ),
        ({"maps": {"event": {"slope": 1}}}, r"maps\.event: .*exactly the keys"),
        ({"maps": {"event": {"slope": "1", "intercept": 0}}}, r"maps\.event\.slope: '1', expected a number"),
        ({"maps": {"event": {"slope": 1, "intercept": True}}}, r"intercept: True, expected a number"),
        ({"maps": {"event": {"slope": -1, "intercept": 0}}}, r"maps\.event: .*a slope above 0"),
        ({"maps": {"event": {"slope": math.nan, "intercept": 0}}}, r"maps\.event: .*finite numbers"),
        ({"maps": {"event": {"slope": 10**400, "intercept": 0}}}, r"maps\.event: "),
    ],
    ids=lambda value: "" if isinstance(value, str) else json.dumps(value)[:40],
)
def test_a_broken_file_is_named(
    tmp_path: Path, ontology: Ontology, change: dict[str, Any], message: str
) -> None:
    Calibration({"event": HALF}, 7, "ab").save(tmp_path, ontology)
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ModelError, match=message) as caught:
        Calibration.load(tmp_path, ontology)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"3", b'"x"', b"[" * 100_000])
def test_a_file_that_is_no_object(tmp_path: Path, ontology: Ontology, content: bytes) -> None:
    (tmp_path / "calibration.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"calibration\.json: "):
        Calibration.load(tmp_path, ontology)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ModelError, match="unknown kind 'records'"):
        Calibration({"records": HALF})


def test_a_model_folder_is_loaded_with_its_calibration_and_saved_with_it(
    tiny_model_path: Path, tiny_examples: list[Example], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model_path, tmp_path / "model")
    plain = Extractor.load(folder, device="cpu")
    assert plain.calibration == Calibration()
    document = tiny_examples[0].document
    scores = [event.score for event in plain.extract(document)]
    Calibration({"event": THIRD}).save(folder, plain.ontology)
    loaded = Extractor.load(folder, device="cpu")
    assert [event.score for event in loaded.extract(document)] == [THIRD(score) for score in scores]
    loaded.save(tmp_path / "again", "float32")
    assert Extractor.load(tmp_path / "again", device="cpu").calibration == Calibration({"event": THIRD})
    (folder / "calibration.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"calibration\.json: calibration format None"):
        Extractor.load(folder, device="cpu")


# ---- what evaluate tells ----


def test_evaluate_tells_the_error_of_calibrated_scores(
    tiny_model_path: Path,
    tiny_examples: list[Example],
    ontology: Ontology,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(tiny_model_path, tmp_path / "model")
    # The tiny model is always right: an error is all that its scores lack.
    Calibration({"event": ScoreMap(1e-3, math.log(3))}).save(folder, ontology)
    gold, figures = tmp_path / "gold.ann", tmp_path / "figures.json"
    write_inline(gold, tiny_examples, ontology)
    command = ["evaluate", str(folder), str(gold), "--device", "cpu", "--json", str(figures)]
    assert main(command) == 0
    line = next(row for row in capsys.readouterr().out.splitlines() if row.startswith("Event records"))
    assert line.split() == ["Event", "records", "0.250", "0.750", "1.000", "6"]
    told = json.loads(figures.read_text(encoding="utf-8"))["calibration"]
    assert told["records"]["ece"] == pytest.approx(0.25, abs=0.01)
    # All of them are right: what they lack to 1 is the error.
    assert told["triggers"]["share_right"] == 1.0
    assert told["triggers"]["ece"] == pytest.approx(1 - told["triggers"]["mean_score"])
    assert told["record_arguments"]["num"] == sum(
        told[f"record_{name}"]["num"] for name in ("actors", "objects", "places", "amounts")
    )
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "scoring records needs scipy: pip install" in printed
    assert "Triggers" in printed
    assert "Event records" not in printed

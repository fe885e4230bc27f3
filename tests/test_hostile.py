"""No bytes and no text make the library fail but by its own errors; time grows as the size does.

The same targets run for longer, guided by coverage, under `scripts/fuzz`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitrep_ie.batch.readers import Columns, Failure, read_file
from sitrep_ie.document import Document
from sitrep_ie.extractor import Extractor
from tests.fuzz import targets
from tests.fuzz.seeds import mutated, seeds
from training.benchmarks.linear import SHAPES, measure

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Made of what breaks readers of text: controls, marks of direction, joiners, halves of characters, digits.
NASTY_CHARS = (
    "\x00\x07\x1b\x7f\x85\xa0\xad\u0301\u200b\u200d\u202e"
    "\u2028\u2066\ufeff\ufffd\U000e0041\U0001f600ßİſǅ９٣²½"
)
WORDS = [
    "May",
    "Karsk",
    "killed",
    "about 20",
    "(NB)",
    "- ",
    "3 May:",
    "two",
    "Gen.",
    "of",
    "http://a.b/c?d=e",
]
texts = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), max_size=3),
        st.text(NASTY_CHARS, max_size=20),
        st.sampled_from([*WORDS, "\n", "\n\n", "\r\n", " ", ".", "-" * 30, "1" * 30, "(" * 20, "a" * 300]),
    ),
    max_size=30,
).map("".join)


@pytest.fixture(autouse=True)
def no_warnings_of_libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Broken HTML, PDF and Word files make their libraries warn; only what they give counts here."""
    import logging
    import warnings

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", sorted(targets.TARGETS))
def test_good_inputs_pass(name: str) -> None:
    for seed in seeds()[name]:
        targets.TARGETS[name](seed)


@pytest.mark.parametrize("name", ["formats", "settings", "batch"])
@QUICK
@given(data=st.data())
def test_damaged_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    chosen = seeds()[name]
    seed = chosen[data.draw(st.integers(0, len(chosen) - 1))]
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    targets.TARGETS[name](mutated(seed, rng))


@pytest.mark.parametrize("name", ["formats", "settings", "batch"])
@QUICK
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    targets.TARGETS[name](data)


@QUICK
@given(text=texts, published=st.none() | st.dates())
def test_any_text_gives_a_report(text: str, published: object) -> None:
    targets.check_text(text, published)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(text=texts)
def test_any_text_gives_a_report_of_the_shipped_model(text: str) -> None:
    targets.check_text(text, extractor=shipped())


def shipped() -> Extractor:
    from sitrep_ie.extractor import _default_extractor

    return _default_extractor()


@pytest.mark.parametrize("kind", targets.KINDS)
@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), num_words=st.integers(1, 40))
def test_phrases_of_a_resolvers_own_words(kind: str, seed: int, num_words: int) -> None:
    targets.check_phrase(kind, targets.phrase(kind, seed, num_words))


@pytest.mark.parametrize("kind", targets.KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "12 of of May",
        "two hundred and and",
        "between 20 and",
        "9" * 5_000,
        "between " + "1" * 400 + " and " + "9" * 400,
        "one hundred " * 500,
        "hundred thousand million " * 300,
        "north of south of " * 500 + "Karsk",
        "20 km " * 500 + "from Karsk",
        "the commander of " * 500 + "the army",
        "May " * 1_000,
        "1/" * 2_000,
        "31-02-2031",
        "29 February 2031",
        "00/00/0000",
        "1e308 and 1e309",
        "-" * 3_000,
        "(" * 3_000,
        "'" * 3_000,
        " " * 3_000,
        "٣ مايو",
        "３ May ２０３１",
        "\ud800 of May",
        "",
        "\x00",
    ],
)
def test_phrases_that_mislead(kind: str, text: str) -> None:
    begin = time.process_time()
    targets.check_phrase(kind, text)
    assert time.process_time() - begin < 5


# ---- spans ----


def test_the_check_of_spans_can_fail() -> None:
    report = targets.random_extractor().extract("May 3: guards entered Karsk.")
    assert list(targets.spans_told(report.to_dict()))
    with pytest.raises(AssertionError):
        targets.check_report(report, "Nay 3: guards entered Karsk.")


# ---- size ----


# One word or none, however long: they show the cost of cutting into words alone.
FEW_WORDS = ("blank lines", "blanks", "combining marks", "digits", "letters")


@pytest.mark.parametrize("name", FEW_WORDS)
def test_time_grows_with_the_size_of_a_text_of_few_words(name: str) -> None:
    assert grows_evenly(name, (100_000, 400_000))


@pytest.mark.parametrize(
    "name", ["acronyms", "brackets", "dates", "nested places", "no full stop", "one line"]
)
def test_time_grows_with_the_size_of_a_text_of_many_words(name: str) -> None:
    assert grows_evenly(name, (1_000, 4_000))


def grows_evenly(name: str, sizes: tuple[int, int]) -> bool:
    """Four times the text takes at most ten times the time; a quadratic one takes sixteen times as long."""
    seconds = measure(targets.random_extractor(), SHAPES[name], sizes, repeats=3)
    return seconds[1] < max(10 * seconds[0], 0.2)


def test_a_line_of_ten_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_bytes(b"guards entered Karsk and " * 400_000)
    (found,) = read_file(str(path), Columns(), 32)
    assert not isinstance(found, Failure)
    (refused,) = read_file(str(path), Columns(), 1)
    assert isinstance(refused, Failure)


@pytest.mark.parametrize("char", ["a", " ", "\n", "1"])
def test_ten_megabytes_of_one_character(char: str) -> None:
    text = char * 10_000_000
    begin = time.process_time()
    report = targets.random_extractor().extract(Document(id="huge", text=text))
    assert time.process_time() - begin < 60
    assert report.document.text == text


def test_a_hundred_thousand_bullets() -> None:
    extractor = shipped()
    text = "- \n" * 100_000
    encoded = extractor.text_encoder.encode(text)
    windows = extractor.text_encoder.windows(encoded, extractor.config.encode)
    own = [window.own for window in windows]
    assert sum(last - first for first, last in own) == encoded.num_words == 100_000

"""What hostile bytes must not do, one function for each way into the library.

A target takes any bytes. It returns when they are taken, or refused with an error of `sitrep_ie.errors`; it
raises what the library must never raise, and `AssertionError` where a promise about the result is broken.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import io
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sitrep_ie.assemble import Resolvers
from sitrep_ie.batch.readers import Columns, Failure, read_file
from sitrep_ie.calibration import Calibration
from sitrep_ie.config import Config
from sitrep_ie.document import Example, Report
from sitrep_ie.errors import SitrepError
from sitrep_ie.formats import read_examples, write_examples
from sitrep_ie.manifest import manifest_faults
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import DateContext, resolve_date
from sitrep_ie.score.records import read_records

if TYPE_CHECKING:
    from sitrep_ie.extractor import Extractor

ROOT = Path(__file__).resolve().parents[2]
Target = Callable[[bytes], None]


@cache
def ontology() -> Ontology:
    return Ontology.load(ROOT / "configs" / "ontology.toml")


@contextlib.contextmanager
def file_of(data: bytes, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sitrep-fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


# ---- annotated documents ----

FORMATS = ("inline", "jsonl", "conll", "labelstudio", "doccano", "prodigy", "brat")


def check_format(form: str, data: bytes) -> None:
    """An annotated file is read or refused; what is read can be written and read again."""
    if form == "brat":
        text, _, annotation = data.partition(b"\x00")
        with tempfile.TemporaryDirectory(prefix="sitrep-fuzz-") as folder:
            (Path(folder) / "a.txt").write_bytes(text)
            (Path(folder) / "a.ann").write_bytes(annotation)
            _read_and_write(Path(folder), form)
        return
    with file_of(data, "file.gz" if data[:2] == b"\x1f\x8b" else "file") as path:
        _read_and_write(path, form)


def _read_and_write(path: Path, form: str) -> None:
    try:
        examples = read_examples(path, ontology(), form)
    except SitrepError:
        return
    check_examples(examples)
    with tempfile.TemporaryDirectory(prefix="sitrep-fuzz-") as folder:
        again = Path(folder) / "again.jsonl"
        try:
            write_examples(again, examples, ontology(), "jsonl")
        except SitrepError:
            return
        assert read_examples(again, ontology(), "jsonl") == examples


def check_examples(examples: list[Example]) -> None:
    for example in examples:
        for node in example.gold.spans():
            assert 0 <= node.span.start < node.span.end <= len(example.document.text)


# ---- settings, tables and records ----


def _config(path: Path) -> None:
    Config.load(path)


def _ontology(path: Path) -> None:
    Ontology.load(path)


def _calibration(path: Path) -> None:
    Calibration.load(path.parent, ontology())


def _manifest(path: Path) -> None:
    manifest_faults(path.parent)


def _gazetteer_list(path: Path) -> None:
    from sitrep_ie.resolve.gazetteer import Gazetteer

    with contextlib.closing(Gazetteer.open(extra=path)) as gazetteer:
        gazetteer.lookup("Karsk")


def _gazetteer(path: Path) -> None:
    from sitrep_ie.resolve.gazetteer import Gazetteer

    with contextlib.closing(Gazetteer.open(path)) as gazetteer:
        gazetteer.lookup("Karsk")
        gazetteer.country_words()


def _geonames(path: Path) -> None:
    from sitrep_ie.resolve.geonames import read_geonames

    for _ in read_geonames(path):
        pass


def _actors(path: Path) -> None:
    from sitrep_ie.resolve.actors import ActorResolver

    ActorResolver([path]).resolve("the Northern Brigade")


def _records(path: Path) -> None:
    read_records(path, ontology())


def _archive(path: Path) -> None:
    from sitrep_ie.view import read_reports, reports_to_html

    reports_to_html(list(read_reports(path)), max_reports=5)


def _encoder(path: Path) -> None:
    from sitrep_ie.model import encoder_from_config

    encoder_from_config(path)


SETTINGS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "config": ("config.toml", _config),
    "ontology-toml": ("ontology.toml", _ontology),
    "ontology-json": ("ontology.json", _ontology),
    "calibration": ("calibration.json", _calibration),
    "manifest": ("manifest.json", _manifest),
    "gazetteer-list": ("places.csv", _gazetteer_list),
    "gazetteer": ("places.sqlite", _gazetteer),
    "geonames": ("XX.txt", _geonames),
    "geonames-zip": ("XX.zip", _geonames),
    "actors": ("actors.toml", _actors),
    "records": ("records.jsonl", _records),
    "archive": ("archive.jsonl", _archive),
    "archive-gz": ("archive.jsonl.gz", _archive),
    "encoder": ("encoder.json", _encoder),
}


def check_setting(name: str, data: bytes) -> None:
    """A file of settings is read or refused."""
    file_name, read = SETTINGS[name]
    with file_of(data, file_name) as path, contextlib.suppress(SitrepError):
        read(path)


# ---- files of `batch` ----

BATCH_SUFFIXES = (
    ".txt", ".md", ".html", ".jsonl", ".csv", ".txt.gz", ".html.gz", ".jsonl.gz", ".csv.gz", ".parquet",
    ".pdf", ".docx",
)  # fmt: skip


def check_batch(suffix: str, data: bytes, *, zipped: bool = False) -> None:
    """Documents and failures come out, nothing is raised; texts have no lone surrogates."""
    raw = gzip.compress(data, 1) if zipped and suffix.endswith(".gz") else data
    with file_of(raw, f"file{suffix}") as path:
        for item in read_file(str(path), Columns(), 1):
            if isinstance(item, Failure):
                assert item.reason
            else:
                item.document.text.encode("utf-8")


# ---- texts ----


@cache
def random_extractor() -> Extractor:
    """A tiny encoder with weights of chance: it finds far more, and stranger things, than any trained one."""
    import torch
    from conftest import make_tiny_config, make_tiny_encoder

    from sitrep_ie.train import new_extractor

    folder = Path(tempfile.mkdtemp(prefix="sitrep-fuzz-"))
    config = make_tiny_config(folder, make_tiny_encoder(folder / "encoder"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return new_extractor(config, ontology())


def check_text(text: str, published: datetime.date | None = None, extractor: Extractor | None = None) -> None:
    """A report comes out of any text; its spans hold, and all its outputs can be written and read."""
    extractor = extractor or random_extractor()
    try:
        report = extractor.extract(text, published)
    except SitrepError:
        return
    check_report(report, text)


def check_report(report: Report, text: str) -> None:
    from sitrep_ie.export import write_csv

    assert report.document.text == text
    record = json.loads(report.to_json())
    assert record["text"] == text or any("\ud800" <= c <= "\udfff" for c in text)
    for told in spans_told(record):
        assert text[told["start"] : told["end"]] == told["text"]
    for event in record["events"]:
        for start, end in event["evidence"]:
            assert 0 <= start < end <= len(text)
    write_csv([report], io.StringIO())
    report.to_html()


def spans_told(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a record that says where a text of its stands."""
    if isinstance(value, dict):
        if {"start", "end", "text"} <= value.keys() and isinstance(value["start"], int):
            yield value
        elif isinstance(value.get("span"), list) and "text" in value:
            start, end = value["span"]
            yield {"start": start, "end": end, "text": value["text"]}
        for item in value.values():
            yield from spans_told(item)
    elif isinstance(value, list):
        for item in value:
            yield from spans_told(item)


# ---- resolvers ----


@cache
def resolvers() -> Resolvers:
    return Resolvers.default()


WORDS = {
    "date": """
        of the and to in on at by before after since until between from late early mid end beginning start
        12 3rd 23rd 24th 31 0 99999999999999999999 1/2/2031 2031-05-03 03:20 25:61 May June Sept. Monday
        Friday
        week weeks month year years days hours ago last next past this two hundred several dozen couple
        yesterday today tomorrow night morning noon dawn quarter half decade century Ramadan spring Q3 H1
        , - – / . : ( ) ' th 's 00 2024 1999 19 '24 AD UTC Z local time
    """,
    "quantity": """
        two hundred thousand million and and a an half dozen dozens score scores couple few several some many
        about around at least more than less over under up to between from 20 30 0 -5 1,000 1.000.000 3.5 1e9
        999999999999999999999999999999 km miles tons of % percent per cent kg barrels x or so no none zero
        third quarter two-thirds 1/2 ½ ten-strong -strong plus + ~ > < $ € first ,, , . ( ) dunams
    """,
    "place": """
        north south of of of the near between and km 20 miles outside inside along road from to Karsk Damascus
        Aleppo countryside northern western rural province district village town of city camp border Syria
        Al Deir ez-Zor bank river Lake Mount St. - – ' / , ( ) area areas axis front line east west central
    """,
    "actor": """
        the a Army Northern Brigade forces force police fighters militants of of and ISIS ISAF U.S. US Syrian
        Afghan National civilians Gen. Col. Mr. John Smith 's ' - ( ) , suspected unknown gunmen pro- anti-
        -backed led-by members commander leader ministry of defence spokesman 3rd 1st 25th Division Corps UN
    """,
}  # fmt: skip
KINDS = tuple(WORDS)
CONTEXTS = (
    DateContext(published=None),
    DateContext(published=datetime.date(2031, 5, 5)),
    DateContext(published=datetime.date(1, 1, 1), day_first=False),
    DateContext(published=datetime.date(9999, 12, 31), future=True),
    DateContext(
        published=datetime.date(2024, 2, 29), period=(datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    ),
)


def phrase(kind: str, seed: int, num_words: int) -> str:
    """A string of a resolver's own words, in an order of chance."""
    rng = random.Random(seed)
    words = WORDS[kind].split()
    parts = []
    for _ in range(num_words):
        word = rng.choice(words)
        parts.append(
            word.upper() if rng.random() < 0.1 else word.capitalize() if rng.random() < 0.1 else word
        )
        parts.append(rng.choice(("", " ", " ", " ", " ", "-", "\n", "\u00a0")))
    return "".join(parts)


def check_phrase(kind: str, text: str) -> None:
    """A resolver gives a sound value, or none."""
    from sitrep_ie.assemble.resolvers import ActorQuery
    from sitrep_ie.resolve.places import PlaceQuery

    ours = resolvers()
    if kind == "date":
        for context in CONTEXTS:
            value = resolve_date(text, context)
            if value is not None and value.start is not None and value.end is not None:
                assert value.start <= value.end
        ours.document_date(text)
        ours.document_period(text, CONTEXTS[1])
        ours.release_month(text)
        ours.is_day_first(text, None)
    elif kind == "quantity":
        for amount in (ours.quantity(text), ours.bare_count(text, None), ours.bare_count(text, "the")):
            if amount is not None:
                bounds = [b for b in (amount.low, amount.best, amount.high) if b is not None]
                assert bounds == sorted(bounds)
                json.dumps(bounds, allow_nan=False)
    elif kind == "place":
        for place in ours.places([PlaceQuery(text, (text,)), PlaceQuery("Karsk", (text, "Syria"))], [text]):
            if place is not None and place.latitude is not None and place.longitude is not None:
                assert -90 <= place.latitude <= 90
                assert -180 <= place.longitude <= 180
    else:
        ours.actor(ActorQuery(text, (text, "NB"), ours.acronyms(text), frozenset({"SY"})))


# ---- one byte string for all of a kind ----


def fuzz_formats(data: bytes) -> None:
    if data:
        check_format(FORMATS[data[0] % len(FORMATS)], data[1:])


def fuzz_settings(data: bytes) -> None:
    names = tuple(SETTINGS)
    if data:
        check_setting(names[data[0] % len(names)], data[1:])


def fuzz_batch(data: bytes) -> None:
    if data:
        kind, zipped = data[0] % len(BATCH_SUFFIXES), data[0] >= 128
        check_batch(BATCH_SUFFIXES[kind], data[1:], zipped=zipped)


def fuzz_extract(data: bytes) -> None:
    check_text(data.decode("utf-8", "surrogatepass" if data[:1] == b"\xed" else "replace"))


def fuzz_resolvers(data: bytes) -> None:
    """The first byte chooses the resolver; each following one a word or, above them, a character."""
    if not data:
        return
    kind = KINDS[data[0] % len(KINDS)]
    words = WORDS[kind].split()
    parts = [words[b] + " " if b < len(words) else chr(b) for b in data[1:400]]
    check_phrase(kind, "".join(parts))


TARGETS: dict[str, Target] = {
    "formats": fuzz_formats,
    "settings": fuzz_settings,
    "batch": fuzz_batch,
    "extract": fuzz_extract,
    "resolvers": fuzz_resolvers,
}

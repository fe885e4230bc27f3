"""The same text gives the same records, whatever the number of threads and whoever shares its batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from sitrep_ie import Document, Extractor
from sitrep_ie.formats import read_examples

AUTHORED = Path(__file__).resolve().parent.parent / "training" / "data" / "authored"
NUM_DOCUMENTS = 200
# Scores are rounded to four digits in the records.
TOLERANCE = 1e-3
REFERENCE = (2, 16)
# Threads and batch sizes; each variant reads a part of the documents of its own.
VARIANTS = [(1, 1), (1, 16), (2, 3), (2, 64), (4, 3), (4, 16), (1, 64), (4, 1)]


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor.load(device="cpu")


@pytest.fixture(scope="module")
def documents(extractor: Extractor) -> list[Document]:
    """Every dev document and, evenly out of all files, training documents."""
    files = sorted(AUTHORED.glob("*.ann"), key=lambda path: (path.name != "dev.ann", path.name))
    found = [example.document for path in files for example in read_examples(path, extractor.ontology)]
    num_dev = len(read_examples(files[0], extractor.ontology))
    dev, rest = found[:num_dev], found[num_dev:]
    wanted = NUM_DOCUMENTS - num_dev
    return dev + [rest[i * len(rest) // wanted] for i in range(wanted)]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def reports(extractor: Extractor, documents: list[Document], num_threads: int, batch_size: int) -> list[Any]:
    torch.set_num_threads(num_threads)
    return [report.to_dict() for report in extractor.extract_many(documents, batch_size)]


@pytest.fixture(scope="module")
def reference(extractor: Extractor, documents: list[Document]) -> list[Any]:
    return reports(extractor, documents, *REFERENCE)


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Where two records differ: scores by more than the tolerance, all else at all."""
    if at.endswith(".score") and isinstance(one, float) and isinstance(other, float):
        if abs(one - other) > TOLERANCE:
            yield f"{at}: {one} {other}"
    elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{at}[{i}]")
    elif one != other:
        yield f"{at}: {one!r:.200} {other!r:.200}"


def test_there_are_as_many_documents_as_promised(documents: list[Document], reference: list[Any]) -> None:
    assert len(documents) == len({document.id for document in documents}) == NUM_DOCUMENTS
    assert sum(len(report["events"]) for report in reference) > 1000


@pytest.mark.parametrize(
    "number", range(len(VARIANTS)), ids=lambda i: "{} threads, {} windows".format(*VARIANTS[i])
)
def test_threads_and_batches_do_not_matter(
    extractor: Extractor, documents: list[Document], reference: list[Any], number: int
) -> None:
    own = range(number, len(documents), len(VARIANTS))
    found = reports(extractor, [documents[i] for i in own], *VARIANTS[number])
    assert [*differences(found, [reference[i] for i in own])] == []


def test_the_order_of_documents_does_not_matter(
    extractor: Extractor, documents: list[Document], reference: list[Any]
) -> None:
    some = range(0, len(documents), 10)
    found = reports(extractor, [documents[i] for i in reversed(some)], *REFERENCE)
    assert [*differences(found[::-1], [reference[i] for i in some])] == []


def test_a_difference_is_seen() -> None:
    one = {"events": [{"type": "RAID", "score": 0.5, "actors": [{"score": 0.5}]}]}
    assert [
        *differences(one, {"events": [{"type": "RAID", "score": 0.5009, "actors": [{"score": 0.5}]}]})
    ] == []
    assert [*differences(one, {"events": [{"type": "RAID", "score": 0.502, "actors": [{"score": 0.5}]}]})]
    assert [*differences(one, {"events": [{"type": "DEATH", "score": 0.5, "actors": [{"score": 0.5}]}]})]
    assert [*differences(one, {"events": [{"type": "RAID", "score": 0.5, "actors": []}]})]

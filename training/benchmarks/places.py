"""Place resolution against points set by hand, and the share of named places that resolve.

    python -m training.benchmarks.places [FILE.ann ...] [--reference FILE.jsonl] [--failures]

Mentions and the places that hold them are gold, so that the figures are those of the resolver alone. A line
of the reference is one mention (the first of its text in the document): `latitude` and `longitude` of the
place, its `country`, and `radius_km`, how large it is or how little is known of where it lies: distance
counts from there. A whole country has no point and is right by its code. Where `country` is null too, no
single place is right, and any answer is wrong. Precision is over the mentions that got an answer, recall over
those that have one.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from sitrep_ie.assemble.arguments import Values
from sitrep_ie.assemble.links import Links
from sitrep_ie.assemble.resolvers import Resolvers
from sitrep_ie.document import Example, Mention, PlaceValue
from sitrep_ie.errors import FormatError, SitrepError
from sitrep_ie.formats import read_examples
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import ROOT
from training.corpora.authored import OWN_FOLDER

LIMITS_KM = (20.0, 161.0)
_CAPITAL = re.compile(r"[^\W\d_a-z]", re.UNICODE)


@dataclass(frozen=True)
class Reference:
    """Where a mention lies; see the head of this module."""

    doc: str
    text: str
    latitude: float | None
    longitude: float | None
    country: str | None
    radius_km: float

    def is_right(self, value: PlaceValue, limit_km: float) -> bool:
        """True for an answer within `limit_km` of the place, or the country where that is the place."""
        if self.country is None or value.precision == "unresolved":
            return False
        if self.latitude is None or self.longitude is None:
            return value.country == self.country
        if value.latitude is None or value.longitude is None:
            return False
        here, there = (self.latitude, self.longitude), (value.latitude, value.longitude)
        return distance_km(here, there) <= limit_km + self.radius_km


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Returns the distance of two points on the globe, given in degrees (latitude, longitude)."""
    phi, psi = math.radians(a[0]), math.radians(b[0])
    turn = math.radians(b[1] - a[1])
    chord = math.sin((psi - phi) / 2) ** 2 + math.cos(phi) * math.cos(psi) * math.sin(turn / 2) ** 2
    return 12742.0 * math.asin(min(1.0, math.sqrt(chord)))


def read_reference(path: Path) -> list[Reference]:
    """Returns the lines of a reference file.

    Raises:
        FormatError: the file cannot be read, or a line is no object with the fields of `Reference`.
    """
    names = {field.name for field in fields(Reference)}
    rows = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise FormatError(f"{path}, line {number}: {error}") from None
        if not isinstance(row, dict) or row.keys() != names:
            raise FormatError(f"{path}, line {number}: expected an object with {', '.join(sorted(names))}")
        if (row["latitude"] is None) != (row["longitude"] is None):
            raise FormatError(f"{path}, line {number}: latitude and longitude: expected both or none")
        rows.append(Reference(**row))
    return rows


def place_values(example: Example, resolvers: Resolvers) -> dict[Mention, PlaceValue]:
    """Returns the value of every LOCATION of a document, with gold mentions and links, in text order."""
    values = Values(example.document, example.gold, Links(example.gold), resolvers)
    return {m: values.place(m) for m in example.gold.mentions if m.entity_type == "LOCATION"}


def named(example: Example, values: Mapping[Mention, PlaceValue]) -> Iterator[tuple[str, PlaceValue]]:
    """Yields text and value of the mentions with a capital, other than a sentence's first word of several."""
    text = example.document.text
    for mention, value in values.items():
        words = text[mention.span.start : mention.span.end].split()
        opens = re.search(r"(?:^|[.!?:\n]\W*)\Z", text[: mention.span.start]) is not None
        if any(_CAPITAL.search(word) for word in (words[1:] if opens and len(words) > 1 else words)):
            yield " ".join(words), value


def judged(
    examples: Sequence[Example], references: Sequence[Reference], resolvers: Resolvers
) -> list[tuple[Reference, PlaceValue]]:
    """Returns every reference with the value that its mention gets.

    Raises:
        FormatError: no document of that name, or no such mention in it.
    """
    by_id = {example.document.id: example for example in examples}
    pairs = []
    for doc in dict.fromkeys(reference.doc for reference in references):
        if doc not in by_id:
            raise FormatError(f"document {doc!r} of the reference is in none of the annotated files")
        text, first = by_id[doc].document.text, dict[str, PlaceValue]()
        for mention, value in place_values(by_id[doc], resolvers).items():
            first.setdefault(text[mention.span.start : mention.span.end], value)
        for reference in references:
            if reference.doc == doc:
                if reference.text not in first:
                    raise FormatError(f"document {doc!r} has no LOCATION {reference.text!r}")
                pairs.append((reference, first[reference.text]))
    return pairs


def precision_recall(pairs: Sequence[tuple[Reference, PlaceValue]], limit_km: float) -> tuple[float, float]:
    """Returns the share right of the mentions that got an answer, and of those that have one."""
    right = sum(reference.is_right(value, limit_km) for reference, value in pairs)
    num_answered = sum(value.precision != "unresolved" for _, value in pairs)
    num_places = sum(reference.country is not None for reference, _ in pairs)
    return right / max(1, num_answered), right / max(1, num_places)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.benchmarks.places",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path, default=[OWN_FOLDER / "authored" / "train.ann"])
    parser.add_argument("--reference", type=Path, default=OWN_FOLDER / "authored" / "places.jsonl")
    parser.add_argument("--failures", action="store_true", help="list every wrong answer and every miss")
    options = parser.parse_args(arguments)
    try:
        ontology = Ontology.load(ROOT / "configs" / "ontology.toml")
        examples = [example for path in options.files for example in read_examples(path, ontology)]
        resolvers = Resolvers.default()
        pairs = judged(examples, read_reference(options.reference), resolvers)
        found = [value for e in examples for _, value in named(e, place_values(e, resolvers))]
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    shares = Counter(value.precision for value in found)
    print(f"{len(examples)} documents, {len(found)} named places: ", end="")
    print(", ".join(f"{name} {number / len(found):.1%}" for name, number in shares.most_common()))
    print(f"{'':28}" + "".join(f"{f'within {limit:.0f} km':>20}" for limit in LIMITS_KM))
    print(f"{'':28}" + "    precision  recall" * len(LIMITS_KM))
    groups = {
        "all": pairs,
        "points": [pair for pair in pairs if pair[0].latitude is not None and not pair[0].radius_km],
        "areas, roughly known places": [pair for pair in pairs if pair[0].radius_km],
        "countries": [pair for pair in pairs if pair[0].latitude is None and pair[0].country],
    }
    for name, group in groups.items():
        cells = [f"{100 * share:9.1f}" for km in LIMITS_KM for share in precision_recall(group, km)]
        print(f"{name:28}{' '.join(cells)}   ({len(group)})")
    if options.failures:
        for reference, value in pairs:
            if not reference.is_right(value, LIMITS_KM[0]):
                print(f"  {reference.doc} {reference.text!r}: {_shown(reference, value)}")
    return 0


def _shown(reference: Reference, value: PlaceValue) -> str:
    wanted = f"expected {reference.latitude}, {reference.longitude} {reference.country}"
    if value.latitude is None or value.longitude is None:
        return f"{value.precision}; {wanted}"
    got = f"{value.name} {value.latitude}, {value.longitude} {value.country} ({value.precision})"
    if reference.latitude is not None and reference.longitude is not None:
        here, there = (reference.latitude, reference.longitude), (value.latitude, value.longitude)
        got += f", {distance_km(here, there):.0f} km off"
    return f"{got}; {wanted}"


if __name__ == "__main__":
    sys.exit(main())

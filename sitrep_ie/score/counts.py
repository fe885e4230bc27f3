"""Gold and predicted annotations compared as sets: counts per level and type, and what follows from them.

Nothing here knows models, files or tensors. A level is one question asked of every document (which
triggers, which arguments, ...); its answer is a set of keys, so that a prediction repeated changes nothing.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sitrep_ie.document import Annotation, Example, Relation, Span
from sitrep_ie.errors import DocumentError, FormatError
from sitrep_ie.ontology import Ontology

# Relations that say "the same": their literal links depend on which earlier mention the annotator chose.
EQUIVALENCES = ("SAME_AS", "SAME_EVENT")

LEVELS = (
    "mentions",
    "trig_i",
    "trig_c",
    "arg_i",
    "arg_c",
    "arg_c_typed",
    "relations",
    "coref",
    "attributes",
)
LEVEL_TITLES: Mapping[str, str] = {
    "mentions": "Mentions",
    "trig_i": "Trig-I",
    "trig_c": "Trig-C",
    "arg_i": "Arg-I",
    "arg_c": "Arg-C",
    "arg_c_typed": "Arg-C, ends typed",
    "relations": "All relations",
    "coref": "Coreference pairs",
    "attributes": "Attributes",
}

# A key's first member is its type, "" where the level has no types.
Key = tuple[str, Hashable]


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives.

    Where nothing was to be found and nothing was predicted, no error was made: precision, recall and F1
    are 1. Any other quotient by zero is 0.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def num_gold(self) -> int:
        """How many there were to find."""
        return self.tp + self.fn

    @property
    def num_predicted(self) -> int:
        """How many were predicted, rightly or not."""
        return self.tp + self.fp

    @property
    def precision(self) -> float:
        """Share of the predicted that are right."""
        return self._share(self.num_predicted)

    @property
    def recall(self) -> float:
        """Share of gold that was found."""
        return self._share(self.num_gold)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        errors = self.fp + self.fn
        return 2 * self.tp / (2 * self.tp + errors) if self.tp or errors else 1.0

    def to_dict(self) -> dict[str, float]:
        """The JSON form: the counts and what follows from them."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
        }

    def _share(self, total: int) -> float:
        if total:
            return self.tp / total
        return 0.0 if self.fp or self.fn else 1.0


@dataclass(frozen=True, slots=True)
class Level:
    """Counts of one level: `total` over all types (the micro average) and `by_type`.

    `by_type` holds the types that occur in gold or in prediction, and is empty for levels that ask for
    identification only.
    """

    total: Counts = Counts()
    by_type: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def precision(self) -> float:
        """Micro-averaged precision."""
        return self.total.precision

    @property
    def recall(self) -> float:
        """Micro-averaged recall."""
        return self.total.recall

    @property
    def f1(self) -> float:
        """Micro-averaged F1."""
        return self.total.f1

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the types that occur in gold; the micro F1 where there is none."""
        f1s = [counts.f1 for counts in self.by_type.values() if counts.num_gold]
        return statistics.fmean(f1s) if f1s else self.f1

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: the total with its macro F1, and `types`."""
        types = {name: counts.to_dict() for name, counts in self.by_type.items()}
        return {**self.total.to_dict(), "macro_f1": self.macro_f1, "types": types}

    def __add__(self, other: Level) -> Level:
        names = [*self.by_type, *(name for name in other.by_type if name not in self.by_type)]
        none = Counts()
        by_type = {name: self.by_type.get(name, none) + other.by_type.get(name, none) for name in names}
        return Level(self.total + other.total, by_type)


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts of every level over `num_documents` documents. Precision, recall and F1 lie in [0, 1].

    Attributes:
        mentions: exact span and entity type (what seqeval calls strict).
        trig_i: exact span of a trigger.
        trig_c: exact span and event type of a trigger.
        arg_i: exact spans of the trigger and of the mention that fills a role, whatever the role.
        arg_c: the same with the role. The types of the two ends need not be right: Trig-C and mentions
            measure these.
        arg_c_typed: the same with the role and the types of both ends.
        relations: exact spans of both ends, direction and relation type; roles included.
        coref: unordered pairs of spans that SAME_AS or SAME_EVENT links tie together, directly or through
            others, so that a chain scores the same whichever earlier mention its links point to.
        attributes: exact span of a trigger and one attribute of it.
    """

    num_documents: int
    mentions: Level
    trig_i: Level
    trig_c: Level
    arg_i: Level
    arg_c: Level
    arg_c_typed: Level
    relations: Level
    coref: Level
    attributes: Level

    def levels(self) -> dict[str, Level]:
        """All levels by name, in the order of the table."""
        return {name: getattr(self, name) for name in LEVELS}

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: counts, and the figures derived from them for readers of the file."""
        levels = {name: level.to_dict() for name, level in self.levels().items()}
        return {"num_documents": self.num_documents, **levels}

    @classmethod
    def from_dict(cls, raw: object, where: str = "scores") -> Scores:
        """Reads what `to_dict` wrote; the derived figures are computed anew. `where` names it in errors.

        Raises:
            FormatError: a key is missing or unknown, or a count is no whole number.
        """
        if not isinstance(raw, Mapping) or set(raw) != {"num_documents", *LEVELS}:
            raise FormatError(f"{where}: expected exactly the keys {['num_documents', *LEVELS]}")
        num_documents = _whole(raw["num_documents"], f"{where}: num_documents")
        levels = {name: _level_from_dict(raw[name], f"{where}: {name}") for name in LEVELS}
        return cls(num_documents=num_documents, **levels)

    def table(self, *, types: bool = True) -> str:
        """Returns a plain-text table in per cent: a line per level and, unless `types` is false, per type."""
        header = f"{'':<20} {'P':>6} {'R':>6} {'F1':>6} {'macro':>6} {'gold':>6} {'pred.':>6} {'right':>6}"
        lines = [f"{self.num_documents} documents", header]
        for name, level in self.levels().items():
            lines.append(_row(LEVEL_TITLES[name], level.total, f"{100 * level.macro_f1:6.1f}"))
            if types:
                lines += [_row("  " + key, counts, " " * 6) for key, counts in level.by_type.items()]
        return "\n".join(lines)


def score(gold: Sequence[Annotation], predicted: Sequence[Annotation], ontology: Ontology) -> Scores:
    """Returns the counts of all levels; documents are paired by id, in any order.

    Raises:
        DocumentError: an id occurs twice on one side, or on one side only.
        OntologyError: an annotation holds a type, attribute or relation that `ontology` does not allow.
    """
    pairs = pair_by_id(gold, predicted)
    tallies: dict[str, tuple[dict[str, Counts], Counts]] = {name: ({}, Counts()) for name in LEVELS}
    for gold_annotation, predicted_annotation in pairs:
        gold_keys = level_keys(gold_annotation, ontology)
        predicted_keys = level_keys(predicted_annotation, ontology)
        for name in LEVELS:
            by_type, total = tallies[name]
            for key_type, counts in _compare(gold_keys[name], predicted_keys[name]).items():
                by_type[key_type] = by_type.get(key_type, Counts()) + counts
                total += counts
            tallies[name] = by_type, total
    order = [*ontology.span_types, *ontology.relation_names, *ontology.attributes]
    levels = {
        name: Level(total, {key: by_type[key] for key in order if key in by_type})
        for name, (by_type, total) in tallies.items()
    }
    return Scores(num_documents=len(pairs), **levels)


def score_examples(gold: Sequence[Example], predicted: Sequence[Example], ontology: Ontology) -> Scores:
    """Returns the counts of all levels for two sets that each bring their texts, such as two files.

    Raises:
        DocumentError: as for `score`, or the two texts of a document differ: no offset could be compared.
        OntologyError: as for `score`.
    """
    texts = {example.document.id: example.document.text for example in gold}
    for example in predicted:
        text = texts.get(example.document.id, example.document.text)
        if text != example.document.text:
            at = next(
                (i for i, (a, b) in enumerate(zip(text, example.document.text, strict=False)) if a != b),
                min(len(text), len(example.document.text)),
            )
            raise DocumentError(
                f"document {example.document.id!r}: gold and predicted text differ from character {at} on"
            )
    return score([example.gold for example in gold], [example.gold for example in predicted], ontology)


def merge(parts: Iterable[Scores]) -> Scores:
    """Returns the scores of several sets of documents as if they had been scored as one: counts are added.

    Raises:
        DocumentError: there is nothing to merge.
    """
    parts = list(parts)
    if not parts:
        raise DocumentError("merge: expected at least one set of scores, got none")
    levels = {name: sum((part.levels()[name] for part in parts), Level()) for name in LEVELS}
    return Scores(num_documents=sum(part.num_documents for part in parts), **levels)


@dataclass(frozen=True, slots=True)
class MeanSd:
    """Mean and sample standard deviation over runs; `sd` is None for a single run. Printed in per cent."""

    mean: float
    sd: float | None

    def __str__(self) -> str:
        mean = f"{100 * self.mean:.1f}"
        return mean if self.sd is None else f"{mean} ± {100 * self.sd:.1f}"


def summarise(runs: Sequence[Scores]) -> dict[str, dict[str, MeanSd]]:
    """Returns precision, recall, f1 and macro_f1 of every level over runs that differ in the seed only.

    Raises:
        DocumentError: there is no run, or the runs were not scored against the same gold.
    """
    if not runs:
        raise DocumentError("summarise: expected at least one run, got none")
    sizes = {(run.num_documents, *(level.total.num_gold for level in run.levels().values())) for run in runs}
    if len(sizes) > 1:
        raise DocumentError("summarise: the runs were scored against different gold, expected one test set")
    return {
        name: {
            measure: _mean_sd([getattr(run.levels()[name], measure) for run in runs])
            for measure in ("precision", "recall", "f1", "macro_f1")
        }
        for name in LEVELS
    }


def pair_by_id(
    gold: Sequence[Annotation], predicted: Sequence[Annotation]
) -> list[tuple[Annotation, Annotation]]:
    """Returns (gold, predicted) of every document, in the order of gold.

    Raises:
        DocumentError: an id occurs twice on one side, or on one side only.
    """
    gold_ids = {annotation.document_id: annotation for annotation in gold}
    predicted_ids = {annotation.document_id: annotation for annotation in predicted}
    for side, given, by_id in (("gold", gold, gold_ids), ("predicted", predicted, predicted_ids)):
        if len(by_id) < len(given):
            raise DocumentError(f"document {_first_repeated(given)!r} occurs twice among the {side} ones")
    if missing := [key for key in gold_ids if key not in predicted_ids]:
        raise DocumentError(_one_sided(missing, "in gold but was not predicted"))
    if surplus := [key for key in predicted_ids if key not in gold_ids]:
        raise DocumentError(_one_sided(surplus, "predicted but not in gold"))
    return [(annotation, predicted_ids[key]) for key, annotation in gold_ids.items()]


def level_keys(annotation: Annotation, ontology: Ontology) -> dict[str, set[Key]]:
    """Returns what `annotation` claims at every level; what two annotations share is right."""
    ontology.check(annotation)
    roles = [r for r in annotation.relations if ontology.relation(r.relation_type).kind == "role"]
    return {
        "mentions": {(mention.entity_type, mention.span) for mention in annotation.mentions},
        "trig_i": {("", trigger.span) for trigger in annotation.triggers},
        "trig_c": {(trigger.event_type, trigger.span) for trigger in annotation.triggers},
        "arg_i": {("", ends(role)) for role in roles},
        "arg_c": {(role.relation_type, ends(role)) for role in roles},
        "arg_c_typed": {
            (role.relation_type, (*ends(role), role.head.type, role.tail.type)) for role in roles
        },
        "relations": {(relation.relation_type, ends(relation)) for relation in annotation.relations},
        "coref": _same_pairs(annotation),
        "attributes": {
            (attribute, trigger.span) for trigger in annotation.triggers for attribute in trigger.attributes
        },
    }


def ends(relation: Relation) -> tuple[Span, Span]:
    """Spans of head and tail."""
    return relation.head.span, relation.tail.span


def _same_pairs(annotation: Annotation) -> set[Key]:
    pairs: set[Key] = set()
    for name in EQUIVALENCES:
        links = [ends(relation) for relation in annotation.relations if relation.relation_type == name]
        for group in groups(links):
            members = sorted(group)
            pairs |= {(name, (a, b)) for i, a in enumerate(members) for b in members[i + 1 :]}
    return pairs


def groups(links: Iterable[tuple[Span, Span]]) -> list[set[Span]]:
    """Returns the sets of spans that `links` tie together, directly or through others."""
    group_of: dict[Span, set[Span]] = {}
    for a, b in links:
        joined = group_of.get(a, {a}) | group_of.get(b, {b})
        group_of.update(dict.fromkeys(joined, joined))
    return list({id(group): group for group in group_of.values()}.values())


def _compare(gold: set[Key], predicted: set[Key]) -> dict[str, Counts]:
    by_type: dict[str, Counts] = defaultdict(Counts)
    for keys, one in (
        (gold & predicted, Counts(tp=1)),
        (predicted - gold, Counts(fp=1)),
        (gold - predicted, Counts(fn=1)),
    ):
        for key_type, _ in keys:
            by_type[key_type] += one
    return by_type


def _first_repeated(annotations: Sequence[Annotation]) -> str:
    seen: set[str] = set()
    for annotation in annotations:
        if annotation.document_id in seen:
            return annotation.document_id
        seen.add(annotation.document_id)
    raise AssertionError("no id is repeated")


def _one_sided(ids: list[str], what: str) -> str:
    more = f" (and {len(ids) - 1} more)" if len(ids) > 1 else ""
    return f"document {ids[0]!r}{more} is {what}; expected the same documents on both sides"


def _mean_sd(values: list[float]) -> MeanSd:
    return MeanSd(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def _row(title: str, counts: Counts, macro: str) -> str:
    shares = (counts.precision, counts.recall, counts.f1)
    if counts == Counts():
        figures, macro = " ".join(["     -"] * 3), "     -"  # nothing asked, nothing shown
    else:
        figures = " ".join(f"{100 * share:6.1f}" for share in shares)
    return f"{title:<20} {figures} {macro} {counts.num_gold:6d} {counts.num_predicted:6d} {counts.tp:6d}"


def _level_from_dict(raw: Any, where: str) -> Level:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("types"), Mapping):
        raise FormatError(f"{where}: expected counts and 'types'")
    by_type = {name: _counts_from_dict(body, f"{where}.{name}") for name, body in raw["types"].items()}
    return Level(_counts_from_dict(raw, where), by_type)


def _counts_from_dict(raw: Any, where: str) -> Counts:
    if not isinstance(raw, Mapping) or not {"tp", "fp", "fn"} <= set(raw):
        raise FormatError(f"{where}: expected the counts tp, fp and fn")
    return Counts(**{key: _whole(raw[key], f"{where}: {key}") for key in ("tp", "fp", "fn")})


def _whole(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError(f"{what}: {value!r}, expected a whole number from 0")
    return value

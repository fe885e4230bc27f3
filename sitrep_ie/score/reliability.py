"""How far scores are the share of predictions that are right: expected calibration error (ECE).

A prediction is judged by the gold of its document; its score is what it was handed out with. Nothing here
knows models or tensors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitrep_ie.document import (
    ActorArgument,
    AmountArgument,
    Annotation,
    Event,
    ObjectArgument,
    PlaceArgument,
    Report,
    Span,
)
from sitrep_ie.errors import DocumentError
from sitrep_ie.ontology import Ontology
from sitrep_ie.score.counts import ends, groups, pair_by_id
from sitrep_ie.score.records import align, fold_name, from_event

Argument = ActorArgument | ObjectArgument | PlaceArgument | AmountArgument
# The score of a prediction, and whether it was right.
Judged = tuple[float, bool]

NUM_BINS = 10
JUDGED_TITLES: Mapping[str, str] = {
    "mentions": "Mentions",
    "triggers": "Triggers",
    "arguments": "Arguments",
    "other_relations": "Other relations",
    "attributes": "Attributes set",
    "attribute_scores": "Attributes, set or not",
    "records": "Event records",
    "record_arguments": "Their arguments",
    "record_actors": "  actors",
    "record_objects": "  objects",
    "record_places": "  places",
    "record_amounts": "  amounts",
}
_CLASSES = ("actors", "objects", "places", "amounts")


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions with scores next to each other: how sure they were on average, and how many were right."""

    num: int
    mean_score: float
    share_right: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Scores against what was right, in bins of equal size from the least sure on.

    With few predictions `ece` is above 0 by chance alone, the more so the smaller the bins.
    """

    bins: tuple[Bin, ...]

    @property
    def num(self) -> int:
        """How many predictions were judged."""
        return sum(part.num for part in self.bins)

    @property
    def mean_score(self) -> float:
        return self._mean([part.mean_score for part in self.bins])

    @property
    def share_right(self) -> float:
        """Precision."""
        return self._mean([part.share_right for part in self.bins])

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance of score and share right; 0 without bins."""
        return self._mean([abs(part.mean_score - part.share_right) for part in self.bins])

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: the bins and what follows from them."""
        return {
            "num": self.num,
            "mean_score": self.mean_score,
            "share_right": self.share_right,
            "ece": self.ece,
            "bins": [
                {"num": part.num, "mean_score": part.mean_score, "share_right": part.share_right}
                for part in self.bins
            ],
        }

    def _mean(self, values: Sequence[float]) -> float:
        total = sum(part.num * value for part, value in zip(self.bins, values, strict=True))
        return total / self.num if self.bins else 0.0


def reliability(judged: Iterable[Judged], num_bins: int = NUM_BINS) -> Reliability:
    """Returns the bins of predictions: `num_bins` of equal size, their sizes one apart where it must be.

    Predictions with the same score share what was right among them, so that no order of them matters. Fewer
    predictions than bins give a bin each.

    Raises:
        DocumentError: `num_bins` is less than 1.
    """
    if num_bins < 1:
        raise DocumentError(f"num_bins {num_bins}: expected at least 1")
    shared: list[tuple[float, float]] = []
    for score, group in itertools.groupby(sorted(judged), key=lambda item: item[0]):
        rights = [right for _, right in group]
        shared += [(score, sum(rights) / len(rights))] * len(rights)
    edges = [len(shared) * i // num_bins for i in range(num_bins + 1)]
    bins = [shared[start:stop] for start, stop in itertools.pairwise(edges) if start < stop]
    return Reliability(
        tuple(
            Bin(len(part), sum(s for s, _ in part) / len(part), sum(r for _, r in part) / len(part))
            for part in bins
        )
    )


def reliability_table(found: Mapping[str, Sequence[Judged]]) -> str:
    """Returns a plain-text table: a line for each kind of prediction, shares from 0 to 1."""
    lines = [f"{'Calibration':<24} {'ECE':>6} {'score':>6} {'right':>6} {'pred.':>6}"]
    for name, judged in found.items():
        figures = reliability(judged)
        shares = (figures.ece, figures.mean_score, figures.share_right)
        plain = " ".join(f"{share:6.3f}" if figures.num else "     -" for share in shares)
        lines.append(f"{JUDGED_TITLES[name]:<24} {plain} {figures.num:6d}")
    return "\n".join(lines)


def reliability_dict(found: Mapping[str, Sequence[Judged]]) -> dict[str, Any]:
    """Returns the JSON form of what `reliability` says of each kind of prediction."""
    return {name: reliability(judged).to_dict() for name, judged in found.items()}


# ---- annotations ----


def judge_annotations(
    gold: Sequence[Annotation], predicted: Sequence[Annotation], ontology: Ontology
) -> dict[str, list[Judged]]:
    """Returns what was predicted, with its score and whether it is right: exact spans and types.

    `arguments` are links that fill a role, `other_relations` the rest; their ends need the right spans, as
    for Arg-C. `attributes` are those set on triggers, `attribute_scores` the probabilities of all of them,
    right where gold has the attribute; both need the trigger's right span.

    Raises:
        DocumentError: the documents of the two sides are not the same.
    """
    found: dict[str, list[Judged]] = {
        name: []
        for name in (
            "mentions",
            "triggers",
            "arguments",
            "other_relations",
            "attributes",
            "attribute_scores",
        )
    }
    for truth, claim in pair_by_id(gold, predicted):
        nodes = {(node.type, node.span) for node in truth.spans()}
        links = {(link.relation_type, ends(link)) for link in truth.relations}
        attributes = {(name, trigger.span) for trigger in truth.triggers for name in trigger.attributes}
        found["mentions"] += [(m.score, (m.type, m.span) in nodes) for m in claim.mentions]
        found["triggers"] += [(t.score, (t.type, t.span) in nodes) for t in claim.triggers]
        for link in claim.relations:
            is_role = ontology.relation(link.relation_type).kind == "role"
            right = (link.relation_type, ends(link)) in links
            found["arguments" if is_role else "other_relations"].append((link.score, right))
        for trigger in claim.triggers:
            for name, score in trigger.attribute_scores:
                judged = (score, (name, trigger.span) in attributes)
                found["attribute_scores"].append(judged)
                if name in trigger.attributes:
                    found["attributes"].append(judged)
    return found


# ---- records ----


def judge_reports(gold: Sequence[Report], predicted: Sequence[Report]) -> dict[str, list[Judged]]:
    """Returns event records and their arguments, with their scores and whether they are right.

    A record is right when `align` gives it a gold record: the same type, one to one. An argument is right
    when its record is and the gold record has, in the same role, a mention of the same gold entity or of the
    same name. Sub-events are records like others.

    Args:
        gold: reports assembled from gold annotations.
        predicted: reports of the same documents.

    Raises:
        DocumentError: the documents of the two sides are not the same.
        DependencyError: scipy is not installed.
    """
    found: dict[str, list[Judged]] = {
        name: [] for name in ("records", "record_arguments", *(f"record_{name}" for name in _CLASSES))
    }
    truths = {report.document.id: report for report in gold}
    claims = {report.document.id: report for report in predicted}
    for truth, claim in pair_by_id([r.annotation for r in gold], [r.annotation for r in predicted]):
        gold_report, report = truths[truth.document_id], claims[claim.document_id]
        by_id = {event.id: event for event in gold_report.events}
        pairs = align(
            [from_event(event, gold_report) for event in gold_report.events],
            [from_event(event, report) for event in report.events],
        )
        partners = {claimed.id: by_id[given.id] for given, claimed in pairs}
        entities = _entities(truth)
        for event in report.events:
            partner = partners.get(event.id)
            found["records"].append((event.score, partner is not None))
            for name in _CLASSES:
                arguments: tuple[Argument, ...] = getattr(event, name)
                judged = [(item.score, _has(partner, item, entities)) for item in arguments]
                found[f"record_{name}"] += judged
                found["record_arguments"] += judged
    return found


def _entities(annotation: Annotation) -> dict[Span, Span]:
    """The first mention of the entity, by the spans of those that have several."""
    links = [ends(link) for link in annotation.relations if link.relation_type == "SAME_AS"]
    return {span: min(group) for group in groups(links) for span in group}


def _has(event: Event | None, argument: Argument, entities: Mapping[Span, Span]) -> bool:
    if event is None:
        return False
    entity = entities.get(argument.span, argument.span)
    others: list[Argument] = [*event.actors, *event.objects, *event.places, *event.amounts]
    return any(
        other.role == argument.role
        and (
            entities.get(other.span, other.span) == entity
            or fold_name(other.text) == fold_name(argument.text)
        )
        for other in others
    )

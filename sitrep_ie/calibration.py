"""Scores that mean what they say: of all predictions scored 0.8, four in five are right.

A network's own probabilities are too high, and a record's field is right only when its event, its link and
its mention all are. Each kind of score has one increasing map to the share of predictions that were right on
annotated reports the model had not learnt from. It is applied once, when a report or an annotation is handed
out, after every threshold and every choice between scores: it changes what scores say, not what is found.
Knows neither models nor tensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sitrep_ie.document import (
    ActorArgument,
    AmountArgument,
    Annotation,
    Event,
    Mention,
    ObjectArgument,
    PlaceArgument,
    Relation,
    Trigger,
)
from sitrep_ie.errors import ModelError
from sitrep_ie.manifest import update_manifest
from sitrep_ie.ontology import Ontology

A = TypeVar("A", ActorArgument, ObjectArgument, AmountArgument, PlaceArgument, ObjectArgument | PlaceArgument)

CALIBRATION_FILE = "calibration.json"
CALIBRATION_FORMAT = "1"
# Of an annotation: mention, trigger, role (trigger -> mention), relation (any other), attribute.
# Of a record: event, and argument (actors, objects, places, amounts).
KINDS = ("mention", "trigger", "role", "relation", "attribute", "event", "argument")

# The log-odds of 0 and 1 are infinite; nothing that a 32-bit network gives lies beyond these but 0 and 1.
_LEAST = 1e-9
# Scores that tell nothing would fit a flat map; this one still keeps their order.
_LEAST_SLOPE = 0.01
# How much the fit holds to the identity: as much as a few predictions, so that ten do not make a wild map.
_PRIOR = 1.0


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """Platt scaling: a line on log-odds, which is an increasing map of [0, 1] into itself.

    Chosen on the dev reports over a factor alone, over three parameters, over steps (isotonic) and over an
    offset for every type: cross-fitted, no other had a log loss lower by over 0.002 for any kind, and steps
    lost order.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ModelError(
                f"score map: slope {self.slope!r} and intercept {self.intercept!r}, "
                "expected finite numbers and a slope above 0"
            )

    def __call__(self, score: float) -> float:
        """Returns the calibrated score of a raw one."""
        if self == _IDENTITY:
            return score
        clipped = min(max(score, _LEAST), 1.0 - _LEAST)
        log_odds = self.slope * (math.log(clipped) - math.log1p(-clipped)) + self.intercept
        # Either form alone would overflow on one side.
        if log_odds >= 0:
            return 1.0 / (1.0 + math.exp(-log_odds))
        odds = math.exp(log_odds)
        return odds / (1.0 + odds)

    @classmethod
    def fit(cls, scores: Sequence[float], right: Sequence[bool]) -> ScoreMap:
        """Returns the map under which what was right is most likely, held a little towards the identity.

        Args:
            scores: raw ones, in [0, 1].
            right: whether the prediction of each was right; without any, the map is the identity.
        """
        clipped_N = np.clip(np.asarray(scores, dtype=np.float64), _LEAST, 1.0 - _LEAST)
        right_N = np.asarray(right, dtype=np.float64)
        log_odds_N = np.log(clipped_N) - np.log1p(-clipped_N)
        slope, intercept = _maximise(log_odds_N, right_N, 1.0, 0.0, free=True)
        if slope < _LEAST_SLOPE:
            slope, intercept = _maximise(log_odds_N, right_N, _LEAST_SLOPE, intercept, free=False)
        return cls(slope, intercept)


_IDENTITY = ScoreMap()


def _maximise(
    log_odds_N: np.ndarray, right_N: np.ndarray, slope: float, intercept: float, *, free: bool
) -> tuple[float, float]:
    """Newton's method on the logistic loss, halving a step that does not lower it; the slope may be held."""
    columns = np.stack([log_odds_N, np.ones_like(log_odds_N)], axis=1)
    target = np.array([1.0, 0.0])
    weights = np.array([slope, intercept])
    moving = np.array([free, True])

    def loss(at: np.ndarray) -> float:
        line_N = columns @ at
        likelihood = (np.logaddexp(0.0, line_N) - right_N * line_N).sum()
        return float(likelihood + 0.5 * _PRIOR * ((at - target) ** 2).sum())

    for _ in range(100):
        probs_N = 0.5 * (1.0 + np.tanh(0.5 * (columns @ weights)))
        gradient = columns.T @ (probs_N - right_N) + _PRIOR * (weights - target)
        curvature = (columns * (probs_N * (1.0 - probs_N))[:, None]).T @ columns + _PRIOR * np.eye(2)
        step = np.zeros(2)
        step[moving] = np.linalg.solve(curvature[np.ix_(moving, moving)], gradient[moving])
        before = loss(weights)
        while loss(weights - step) > before and np.abs(step).max() > 1e-12:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[0]), float(weights[1])


@dataclass(frozen=True, slots=True)
class Calibration:
    """The maps of a model, by kind; a kind without map keeps its raw scores.

    Attributes:
        maps: by the names in `KINDS`.
        num_documents: how many annotated reports they were fitted on.
        data_sha256: `formats.data_digest` of these; empty where there are none.
    """

    maps: Mapping[str, ScoreMap] = field(default_factory=dict)
    num_documents: int = 0
    data_sha256: str = ""

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.maps) - set(KINDS)):
            raise ModelError(f"calibration: unknown kind {unknown[0]!r}, expected some of {KINDS}")

    def score(self, kind: str, score: float) -> float:
        """The calibrated score of a raw one of some kind."""
        return self.maps.get(kind, _IDENTITY)(score)

    def annotation(self, annotation: Annotation, ontology: Ontology) -> Annotation:
        """The same mentions, triggers and relations with calibrated scores.

        Attributes stay as they are set, whatever becomes of their scores.
        """
        if not self.maps:
            return annotation
        mentions = tuple(
            replace(mention, score=self.score("mention", mention.score)) for mention in annotation.mentions
        )
        triggers = tuple(
            replace(
                trigger,
                score=self.score("trigger", trigger.score),
                attribute_scores=tuple(
                    (name, self.score("attribute", score)) for name, score in trigger.attribute_scores
                ),
            )
            for trigger in annotation.triggers
        )
        # Equality is blind to scores.
        ends: list[Mention | Trigger] = [*mentions, *triggers]
        nodes = {end: end for end in ends}
        return Annotation(
            document_id=annotation.document_id,
            mentions=mentions,
            triggers=triggers,
            relations=tuple(
                Relation(
                    nodes[relation.head],
                    nodes[relation.tail],
                    relation.relation_type,
                    self.score(relation_kind(relation, ontology), relation.score),
                )
                for relation in annotation.relations
            ),
        )

    def event(self, event: Event) -> Event:
        """The same record with calibrated scores, those of its arguments and outcomes included."""
        if not self.maps:
            return event
        outcomes = replace(
            event.outcomes,
            damaged=self._arguments(event.outcomes.damaged),
            seized=self._arguments(event.outcomes.seized),
        )
        return replace(
            event,
            score=self.score("event", event.score),
            actors=self._arguments(event.actors),
            objects=self._arguments(event.objects),
            places=self._arguments(event.places),
            amounts=self._arguments(event.amounts),
            outcomes=outcomes,
        )

    def _arguments(self, arguments: tuple[A, ...]) -> tuple[A, ...]:
        return tuple(replace(item, score=self.score("argument", item.score)) for item in arguments)

    # ---- on disk ----

    def save(self, folder: Path, ontology: Ontology) -> None:
        """Writes `calibration.json` into a model folder; without maps, takes away one that lies there.

        Raises:
            ModelError: the file cannot be written.
        """
        path = folder / CALIBRATION_FILE
        body = {
            "format": CALIBRATION_FORMAT,
            "ontology": ontology.digest(),
            "data": {"documents": self.num_documents, "sha256": self.data_sha256},
            "maps": {
                kind: {"slope": self.maps[kind].slope, "intercept": self.maps[kind].intercept}
                for kind in KINDS
                if kind in self.maps
            },
        }
        try:
            if self.maps:
                path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{path}: cannot be written: {error.strerror}") from error
        update_manifest(folder)

    @classmethod
    def load(cls, folder: Path, ontology: Ontology) -> Calibration:
        """Reads `calibration.json` of a model folder; a folder without it has raw scores.

        Raises:
            ModelError: the file is broken, of another format, or was fitted for another ontology.
        """
        path = folder / CALIBRATION_FILE
        if not path.exists():
            return cls()
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from error
        if isinstance(raw, dict) and raw.get("format") != CALIBRATION_FORMAT:
            raise ModelError(
                f"{path}: calibration format {raw.get('format')!r}, expected {CALIBRATION_FORMAT!r}"
            )
        _check_keys(raw, {"format", "ontology", "data", "maps"}, str(path))
        if raw["ontology"] != ontology.digest():
            raise ModelError(f"{path}: calibration of another ontology than {ontology.name!r} beside it")
        data = raw["data"]
        _check_keys(data, {"documents", "sha256"}, f"{path}: data")
        if type(data["documents"]) is not int or data["documents"] < 0 or not isinstance(data["sha256"], str):
            raise ModelError(f"{path}: data: {data!r}, expected a number of documents and their SHA-256")
        if not isinstance(raw["maps"], dict):
            raise ModelError(f"{path}: maps: {raw['maps']!r:.80}, expected an object")
        maps = {}
        for kind, body in raw["maps"].items():
            where = f"{path}: maps.{kind}"
            if kind not in KINDS:
                raise ModelError(f"{where}: unknown kind, expected one of {KINDS}")
            _check_keys(body, {"slope", "intercept"}, where)
            maps[kind] = _score_map(body, where)
        return cls(maps, data["documents"], data["sha256"])


def relation_kind(relation: Relation, ontology: Ontology) -> str:
    """Returns "role" or "relation", the kind of score that a relation has."""
    return "role" if ontology.relation(relation.relation_type).kind == "role" else "relation"


def _check_keys(raw: Any, keys: set[str], where: str) -> None:
    if not isinstance(raw, dict) or set(raw) != keys:
        raise ModelError(f"{where}: {raw!r:.80}, expected an object with exactly the keys {sorted(keys)}")


def _score_map(body: Mapping[str, Any], where: str) -> ScoreMap:
    for key in ("slope", "intercept"):
        if isinstance(body[key], bool) or not isinstance(body[key], (int, float)):
            raise ModelError(f"{where}.{key}: {body[key]!r}, expected a number")
    try:
        return ScoreMap(float(body["slope"]), float(body["intercept"]))
    except (ModelError, OverflowError) as error:
        raise ModelError(f"{where}: {error}") from None

"""What can be tagged and linked: types, roles, who may fill them, and codes of other schemes.

The ontology is data. It is read from TOML (written by people) or from the `ontology.json` of a
model folder (written by training); both hold the same keys.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from sitrep_ie.document import ActorKind, Annotation
from sitrep_ie.errors import OntologyError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The table of what may be linked has a cell for each relation of two types: room for 1,000 types.
_MAX_CELLS = 20_000_000
ANY_EVENT = "EVENT"
RELATION_KINDS = ("role", "mention", "event")
# What a condition on a role of a `CodeCase` may ask for.
FILLER_SORTS = (*get_args(ActorKind), "home_force", "foreign_force", "object", "place", "any")
# What the targets of an event may count as in a record's outcomes; a release of those detained is "released".
OUTCOMES = ("killed", "injured", "detained", "abducted", "displaced", "damaged", "seized")
_OUTCOMES_BY_NAME = {
    "DEATH": "killed",
    "INJURY": "injured",
    "DETENTION": "detained",
    "ABDUCTION": "abducted",
    "DISPLACEMENT": "displaced",
    "DAMAGE": "damaged",
    "SEIZURE": "seized",
}


@dataclass(frozen=True, kw_only=True)
class CodeCase:
    """Other codes for the events of a type that meet every condition given here.

    `words` are beginnings of words of the triggers, instruments and acting vehicles, `target_words` of the
    things and people that are targets, in small letters: one of them has to occur. `agents`, `partners` and
    `targets` are sorts of fillers (`FILLER_SORTS`): the role has a filler, and each is of one of these sorts.
    A home force is a state's own in the country where the event takes place. A scheme without codes here
    (None) is left to later cases.
    """

    words: tuple[str, ...] = ()
    target_words: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    release: bool = False
    acled: tuple[str, str] | None = None
    plover: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class EventType:
    """One event type and its codes elsewhere; an empty code means that the scheme has none.

    `acled` is (event type, sub-event type), `plover` is (event type, mode). The first of `cases` that a
    record meets takes the place of either. `outcome` is the field of a record's outcomes that the targets of
    these events fill, "" for none; where it is None, the names of the shipped ontology have theirs.
    """

    name: str
    description: str = ""
    acled: tuple[str, str] = ("", "")
    plover: tuple[str, str] = ("", "")
    cases: tuple[CodeCase, ...] = ()
    outcome: str | None = None


@dataclass(frozen=True, kw_only=True)
class RelationType:
    """One relation type: `heads` and `tails` are the types that may stand at its ends.

    `kind` is "role" (event -> mention), "mention" (mention -> mention) or "event" (event -> event).
    """

    name: str
    kind: str
    heads: frozenset[str]
    tails: frozenset[str]
    description: str = ""


@dataclass(frozen=True)
class Ontology:
    """Types in file order; the order fixes the meaning of a model's output columns."""

    name: str
    version: str
    mention_types: tuple[str, ...]
    event_types: tuple[EventType, ...]
    relation_types: tuple[RelationType, ...]
    attributes: tuple[str, ...]
    mention_descriptions: tuple[str, ...]

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], where: str) -> Ontology:
        """Checks every key of `raw`; `where` names the file in errors.

        Raises:
            OntologyError: unknown or missing key, unknown type at a relation's end, a name used twice.
        """
        _check_keys(raw, {"name", "version", "attributes", "mentions", "events", "relations"}, where)
        for key in ("name", "version", "mentions"):
            if key not in raw:
                raise OntologyError(f"{where}: key {key!r} is missing")
        mentions = _table(raw, "mentions", where)
        events = _table(raw, "events", where)
        relations = _table(raw, "relations", where)
        attributes = _strings(raw.get("attributes", []), "attributes", where)
        event_types = tuple(_event_type(name, body, where) for name, body in events.items())
        if both := set(mentions) & set(events):
            raise OntologyError(f"{where}: {sorted(both)[0]!r} is both a mention and an event type")
        if ANY_EVENT in mentions or ANY_EVENT in events:
            raise OntologyError(
                f"{where}: {ANY_EVENT!r} stands for all event types, no type may be called so"
            )
        for name in [*mentions, *events, *relations, *attributes]:
            if not name.replace("_", "").isalnum() or name != name.upper():
                raise OntologyError(f"{where}: type {name!r}, expected capital letters, digits and '_'")
        relation_types = tuple(
            _relation_type(name, body, set(mentions), set(events), where) for name, body in relations.items()
        )
        num_cells = (len(mentions) + len(events)) ** 2 * len(relations)
        if num_cells > _MAX_CELLS:
            raise OntologyError(
                f"{where}: {len(mentions) + len(events)} types and {len(relations)} relations, "
                f"expected types * types * relations of at most {_MAX_CELLS}"
            )
        return cls(
            name=str(raw["name"]),
            version=str(raw["version"]),
            mention_types=tuple(mentions),
            event_types=event_types,
            relation_types=relation_types,
            attributes=attributes,
            mention_descriptions=tuple(str(text) for text in mentions.values()),
        )

    @classmethod
    def load(cls, path: Path | str) -> Ontology:
        """Reads a `.toml` or `.json` ontology file.

        Raises:
            OntologyError: the file is missing, is neither format, or does not follow the schema.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            raise OntologyError(f"{path}: cannot be read: {error}") from error
        except (ValueError, RecursionError) as error:  # numbers too long and nesting too deep included
            raise OntologyError(f"{path}: not valid {path.suffix.lstrip('.').upper()}: {error}") from error
        if not isinstance(raw, dict):
            raise OntologyError(f"{path}: expected a table at the top")
        return cls.from_dict(raw, str(path))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; `from_dict(to_dict())` is the same ontology."""
        return {
            "name": self.name,
            "version": self.version,
            "attributes": list(self.attributes),
            "mentions": dict(zip(self.mention_types, self.mention_descriptions, strict=True)),
            "events": {
                event.name: {
                    "description": event.description,
                    "acled": list(event.acled),
                    "plover": list(event.plover),
                    **({"cases": [_case_dict(case) for case in event.cases]} if event.cases else {}),
                    **({} if event.outcome is None else {"outcome": event.outcome}),
                }
                for event in self.event_types
            },
            "relations": {
                relation.name: {
                    "kind": relation.kind,
                    "head": sorted(relation.heads),
                    "tail": sorted(relation.tails),
                    "description": relation.description,
                }
                for relation in self.relation_types
            },
        }

    def digest(self) -> str:
        """SHA-256 of what changes a model's meaning: names, order and constraints, not descriptions."""
        meaning = [
            self.mention_types,
            [event.name for event in self.event_types],
            [(r.name, r.kind, sorted(r.heads), sorted(r.tails)) for r in self.relation_types],
            self.attributes,
        ]
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()

    @cached_property
    def event_names(self) -> tuple[str, ...]:
        return tuple(event.name for event in self.event_types)

    @cached_property
    def span_types(self) -> tuple[str, ...]:
        """Mention types, then event types: one tag layer holds both, since no token is in two spans."""
        return self.mention_types + self.event_names

    @cached_property
    def relation_names(self) -> tuple[str, ...]:
        return tuple(relation.name for relation in self.relation_types)

    def event(self, name: str) -> EventType:
        return self._events[name]

    def relation(self, name: str) -> RelationType:
        return self._relations[name]

    @cached_property
    def _events(self) -> dict[str, EventType]:
        return {event.name: event for event in self.event_types}

    @cached_property
    def _relations(self) -> dict[str, RelationType]:
        return {relation.name: relation for relation in self.relation_types}

    def outcome(self, name: str) -> str | None:
        """The field of a record's outcomes that the targets of an event type fill (`OUTCOMES`), if any."""
        stated = self._events[name].outcome
        return (_OUTCOMES_BY_NAME.get(name) if stated is None else stated) or None

    def is_event(self, span_type: str) -> bool:
        return span_type in self._events

    def allowed(self, head_type: str, tail_type: str) -> frozenset[str]:
        """Names of the relations that may go from a span of `head_type` to one of `tail_type`."""
        return self._allowed.get((head_type, tail_type), frozenset())

    @cached_property
    def linkable_types(self) -> frozenset[str]:
        """The span types that may stand at an end of some relation."""
        return frozenset(name for pair in self._allowed for name in pair)

    @cached_property
    def _allowed(self) -> dict[tuple[str, str], frozenset[str]]:
        table: dict[tuple[str, str], frozenset[str]] = {}
        for relation in self.relation_types:
            for head in relation.heads:
                for tail in relation.tails:
                    table[head, tail] = table.get((head, tail), frozenset()) | {relation.name}
        return table

    def check(self, annotation: Annotation) -> None:
        """Raises OntologyError when the annotation holds a type, attribute or relation unknown here."""
        at = f"document {annotation.document_id!r}"
        for mention in annotation.mentions:
            if mention.entity_type not in self.mention_types:
                raise OntologyError(
                    f"{at}: mention type {mention.entity_type!r} is not in ontology {self.name!r}"
                )
        for trigger in annotation.triggers:
            if trigger.event_type not in self._events:
                raise OntologyError(
                    f"{at}: event type {trigger.event_type!r} is not in ontology {self.name!r}"
                )
            for attribute in trigger.attributes:
                if attribute not in self.attributes:
                    raise OntologyError(f"{at}: attribute {attribute!r} is not in ontology {self.name!r}")
        for relation in annotation.relations:
            if relation.relation_type not in self._relations:
                raise OntologyError(
                    f"{at}: relation {relation.relation_type!r} is not in ontology {self.name!r}"
                )
            if relation.relation_type not in self.allowed(relation.head.type, relation.tail.type):
                raise OntologyError(
                    f"{at}: {relation.relation_type} cannot go "
                    f"from {relation.head.type} to {relation.tail.type}"
                )


def _check_keys(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; expected one of {sorted(known)}"
            raise OntologyError(f"{where}: unknown key {key!r}{hint}")


def _table(raw: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise OntologyError(f"{where}: {key!r} is {type(value).__name__}, expected a table")
    return value


def _strings(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise OntologyError(f"{where}: {key!r}: expected a list of strings")
    if len(set(value)) != len(value):
        raise OntologyError(f"{where}: {key!r} names something twice")
    return tuple(value)


def _pair(body: Mapping[str, Any], key: str, where: str) -> tuple[str, str]:
    value = body.get(key, ["", ""])
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, str) for item in value):
        raise OntologyError(f"{where}: {key!r}: expected two strings")
    return value[0], value[1]


def _event_type(name: str, body: Any, where: str) -> EventType:
    at = f"{where}: events.{name}"
    if not isinstance(body, dict):
        raise OntologyError(f"{at}: expected a table")
    _check_keys(body, {"description", "acled", "plover", "cases", "outcome"}, at)
    outcome = body.get("outcome")
    if outcome is not None and outcome not in ("", *OUTCOMES):
        raise OntologyError(f"{at}: 'outcome': {outcome!r}, expected one of {list(OUTCOMES)} or \"\"")
    cases = body.get("cases", [])
    if not isinstance(cases, list):
        raise OntologyError(f"{at}: 'cases': expected a list of tables")
    return EventType(
        name=name,
        description=str(body.get("description", "")),
        acled=_pair(body, "acled", at),
        plover=_pair(body, "plover", at),
        cases=tuple(_code_case(case, f"{at}: cases[{i}]") for i, case in enumerate(cases)),
        outcome=outcome,
    )


_CONDITIONS = ("words", "target_words", "agents", "partners", "targets")


def _code_case(body: Any, at: str) -> CodeCase:
    if not isinstance(body, dict):
        raise OntologyError(f"{at}: expected a table")
    _check_keys(body, {*_CONDITIONS, "release", "acled", "plover"}, at)
    lists = {key: _strings(body[key], key, at) for key in _CONDITIONS if key in body}
    for key in ("agents", "partners", "targets"):
        for sort in lists.get(key, ()):
            if sort not in FILLER_SORTS:
                raise OntologyError(f"{at}: {key!r}: {sort!r}, expected one of {sorted(FILLER_SORTS)}")
    for key in ("words", "target_words"):
        for word in lists.get(key, ()):
            if not word or word != word.casefold():
                raise OntologyError(f"{at}: {key!r}: {word!r}, expected small letters")
    release = body.get("release", False)
    if not isinstance(release, bool):
        raise OntologyError(f"{at}: 'release' is {type(release).__name__}, expected true or false")
    if not release and not any(lists.values()):
        raise OntologyError(f"{at}: no condition, expected one of {[*_CONDITIONS, 'release']}")
    if "acled" not in body and "plover" not in body:
        raise OntologyError(f"{at}: no code, expected 'acled' or 'plover'")
    codes = {key: _pair(body, key, at) for key in ("acled", "plover") if key in body}
    return CodeCase(**lists, release=release, acled=codes.get("acled"), plover=codes.get("plover"))


def _case_dict(case: CodeCase) -> dict[str, Any]:
    lists = {key: list(getattr(case, key)) for key in (*_CONDITIONS, "acled", "plover") if getattr(case, key)}
    return lists | ({"release": True} if case.release else {})


def _relation_type(name: str, body: Any, mentions: set[str], events: set[str], where: str) -> RelationType:
    at = f"{where}: relations.{name}"
    if not isinstance(body, dict):
        raise OntologyError(f"{at}: expected a table")
    _check_keys(body, {"kind", "head", "tail", "description"}, at)
    kind = body.get("kind")
    if kind not in RELATION_KINDS:
        raise OntologyError(f"{at}: kind {kind!r}, expected one of {RELATION_KINDS}")
    ends = []
    for key, wanted in (
        ("head", mentions if kind == "mention" else events),
        ("tail", events if kind == "event" else mentions),
    ):
        names = set(_strings(body.get(key, []), key, at))
        if ANY_EVENT in names:
            names = (names - {ANY_EVENT}) | events
        if not names:
            raise OntologyError(f"{at}: {key!r} is empty")
        if wrong := names - wanted:
            raise OntologyError(f"{at}: {key} type {sorted(wrong)[0]!r} does not fit kind {kind!r}")
        ends.append(frozenset(names))
    return RelationType(
        name=name, kind=kind, heads=ends[0], tails=ends[1], description=str(body.get("description", ""))
    )

"""Names and descriptions of one person side by side: "Hemar Dost, one of the commanders".

Where a model misses that both are one person, the same event would have two victims.
"""

from __future__ import annotations

import re
from collections import defaultdict

from sitrep_ie.document import Annotation, Mention, Trigger

_PARTICLES = frozenset(
    "ad ag al an ar as at az ben bin bint da de del den der dos du e el ibn la le van von y".split()
)
# "Hemar Dost, a commander": between name and description, and the other way round.
_DESCRIBED = re.compile(r",\s+(?:an?|the)\s+", re.IGNORECASE)
_ONE_OF = re.compile(r",\s+one of (?:the|its|his|her|their)\s+", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:,?\s+(?:named|called|known as|identified as|nicknamed|by the name of)|,)\s+[\"'“‘]?", re.IGNORECASE
)
# A list goes on: "Hemar Dost, a guard and a cook", "..., a guard, two cooks".
_GOES_ON = re.compile(
    r"[\"'”’]?\s*(?:(?:and|or|as well as|along with)\b|,\s+(?!and\b|who|which)\w)", re.IGNORECASE
)
_INDEFINITE = re.compile(r"\b(?:an?|the)\s+(?:\w+\s+)?\Z", re.IGNORECASE)


def appositions(text: str, annotation: Annotation) -> list[tuple[Mention, Mention]]:
    """Returns pairs of actors in one role of one event that are one person, by name and by description."""
    fillers: dict[tuple[Trigger, str], list[Mention]] = defaultdict(list)
    counted = set()
    for link in annotation.relations:
        if not isinstance(link.tail, Mention) or link.tail.entity_type != "ACTOR":
            continue
        if isinstance(link.head, Trigger):
            fillers[link.head, link.relation_type].append(link.tail)
        elif link.relation_type == "QUANTITY_OF":
            counted.add(link.tail)
    found: dict[tuple[Mention, Mention], None] = {}
    for mentions in fillers.values():
        ordered = sorted(mentions, key=lambda mention: mention.span)
        for one, other in zip(ordered, ordered[1:], strict=False):
            if _is_one(text, one, other, other in counted or one in counted):
                found[one, other] = None
    return list(found)


def _is_one(text: str, one: Mention, other: Mention, counted: bool) -> bool:
    first, second = (text[mention.span.start : mention.span.end] for mention in (one, other))
    start, end = one.span.end, other.span.start
    if end - start > 40:
        return False
    if is_name(first) and _ONE_OF.fullmatch(text, start, end):
        return True
    if counted or _GOES_ON.match(text, other.span.end, other.span.end + 30):
        return False
    if is_name(first) and _is_description(second):
        return _DESCRIBED.fullmatch(text, start, end) is not None
    if _is_description(first) and is_name(second) and _NAMED.fullmatch(text, start, end):
        return _INDEFINITE.search(text, max(0, one.span.start - 30), one.span.start) is not None
    return False


def is_name(text: str) -> bool:
    """Returns True for words of names alone, but for acronyms and plurals, which are groups."""
    words = re.split(r"[\s-]+", text.replace("’", "'"))
    capital = [word for word in words if word[:1].isupper()]
    others = [word for word in words if not word[:1].isupper() and word.casefold() not in _PARTICLES]
    return bool(capital) and not others and not text.isupper() and not words[-1].endswith("s")


def _is_description(text: str) -> bool:
    head = text.split(" of ")[0].split()[-1]
    return head.islower() and not head.endswith("s")

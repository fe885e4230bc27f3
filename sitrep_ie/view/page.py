"""Reports as a page: what stands where is decided here, how it looks in page.html.jinja, page.css, page.js.

The template escapes everything that comes from a report. A policy in the page's head allows no request and no
script but the page's own, known by its hash.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from typing import Any

import jinja2

from sitrep_ie.document import (
    ActorArgument,
    AmountArgument,
    Event,
    Mention,
    ObjectArgument,
    Quantity,
    Report,
    Span,
    Trigger,
)
from sitrep_ie.view import maps, timeline

# A page of more is slow to open; about 10 MB at reports of one printed page.
MAX_REPORTS = 200
_FRAME_HEIGHT = 640
_PEOPLE = ("killed", "injured", "detained", "released", "abducted", "displaced")
# What HTML or UTF-8 cannot hold is shown as a replacement character.
_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?")
_UNDERLINES = ("solid", "dashed", "dotted", "double", "wavy")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the text as it is shown; `node` is what stands there, if anything does.

    `event_ids` are the events that the node fills a part in, `evidence_ids` those that rest on the stretch.
    """

    text: str
    span: Span
    node: Mention | Trigger | None
    event_ids: tuple[str, ...]
    evidence_ids: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Row:
    """An event in words, one string a cell."""

    event: Event
    when: str
    sort_when: str
    who: str
    whom: str
    where: str
    outcome: str
    marks: tuple[str, ...]
    links: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A line of the table of totals: what the aggregate states against its items' sum."""

    event: Event
    what: str
    stated: str
    summed: str
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class _View:
    key: str
    report: Report
    title: str
    segments: tuple[Segment, ...]
    rows: tuple[Row, ...]
    totals: tuple[Total, ...]
    timeline: timeline.Timeline | None
    map: maps.Map | None
    mention_types: tuple[str, ...]
    event_types: tuple[str, ...]


def reports_to_html(reports: Iterable[Report], *, max_reports: int = MAX_REPORTS) -> str:
    """Returns a complete HTML page of the reports; it needs no network and no other file.

    Args:
        reports: of more than one, the page shows one at a time, chosen from a list.
        max_reports: so many are in the page; the page says at its top how many were left out.

    Raises:
        DocumentError: mentions of a report overlap or lie outside its text.
    """
    iterator = iter(reports)
    views = [_view(report, f"r{i}") for i, report in enumerate(islice(iterator, max_reports))]
    num_left_out = sum(1 for _ in iterator)
    script = _part("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _template().render(
        views=views,
        num_left_out=num_left_out,
        data=[_cleaned(view.report.to_dict()) for view in views],
        style=_part("page.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        hues=_hues(views),
        underlines=_underlines(views),
        outline=maps.outline_path(view.map.box for view in views if view.map),
    )
    return page + "\n"


def notebook_frame(report: Report) -> str:
    """Returns the page in a frame of its own, so that neither it nor a notebook's page disturbs the other."""
    page = html.escape(reports_to_html([report]))
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts allow-downloads" title="Events of a report" '
        f'style="width:100%;height:{_FRAME_HEIGHT}px;border:0"></iframe>'
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = _shown
    return environment.from_string(_part("page.html.jinja"))


@functools.cache
def _part(name: str) -> str:
    # Line ends as a checkout on Windows may have them would change the hash that the browser computes.
    text = files("sitrep_ie.view").joinpath(name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _shown(text: str) -> str:
    return _LINE_END.sub("\n", _UNWRITABLE.sub("\ufffd", text))


def _cleaned(value: Any) -> Any:
    """The JSON form with lone surrogates as they can be written; JSON escapes everything else."""
    if isinstance(value, str):
        return _UNWRITABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _view(report: Report, key: str) -> _View:
    report.annotation.check(report.document)
    events = report.events
    return _View(
        key=key,
        report=report,
        title=report.document.title or report.document.id,
        segments=tuple(_segments(report)),
        rows=tuple(_row(event) for event in events),
        totals=tuple(total for event in events for total in _totals(event)),
        timeline=timeline.lay_out(events),
        map=maps.lay_out(events),
        mention_types=tuple(sorted({node.type for node in report.annotation.mentions})),
        event_types=tuple(
            sorted({node.type for node in report.annotation.triggers} | {event.type for event in events})
        ),
    )


def _hues(views: Sequence[_View]) -> dict[str, int]:
    """A hue in degrees for every type of the page; neighbours in the list lie far apart on the wheel."""
    mention_types = sorted({name for view in views for name in view.mention_types})
    event_types = sorted({name for view in views for name in view.event_types} - set(mention_types))
    # 137.5 degrees is the golden angle: any number of turns of it spread evenly.
    return {name: round(205 + i * 137.5) % 360 for i, name in enumerate([*mention_types, *event_types])}


def _underlines(views: Sequence[_View]) -> dict[str, str]:
    mention_types = sorted({name for view in views for name in view.mention_types})
    return {name: _UNDERLINES[i % len(_UNDERLINES)] for i, name in enumerate(mention_types)}


# ---- the text ----


def _segments(report: Report) -> Iterable[Segment]:
    text = report.document.text
    nodes = report.annotation.spans()
    parts = _parts(report.events)
    # Evidence is sentences; where one would cut a mention in two, the mention stays whole.
    cuts = {0, len(text)} | {end for node in nodes for end in (node.span.start, node.span.end)}
    inside = [node.span for node in nodes]
    for event in report.events:
        for span in event.evidence:
            cuts |= {
                end
                for end in (span.start, min(span.end, len(text)))
                if not any(node.start < end < node.end for node in inside)
            }
    by_start = {node.span.start: node for node in nodes}
    ends = sorted(cuts)
    for start, end in zip(ends, ends[1:], strict=False):
        span = Span(start, end)
        node = by_start.get(start)
        fills = parts.get(span, []) if node else []
        yield Segment(
            text=text[start:end],
            span=span,
            node=node,
            event_ids=tuple(dict.fromkeys(event_id for event_id, _ in fills)),
            evidence_ids=tuple(
                event.id for event in report.events if any(span.overlaps(e) for e in event.evidence)
            ),
            about=_about(node, fills) if node else "",
        )


def _parts(events: Iterable[Event]) -> dict[Span, list[tuple[str, str]]]:
    """By span: the events that it fills a part in, and which part."""
    parts: dict[Span, list[tuple[str, str]]] = {}

    def add(span: Span | None, event: Event, role: str) -> None:
        if span is not None and (event.id, role) not in parts.setdefault(span, []):
            parts[span].append((event.id, role))

    for event in events:
        for trigger in event.triggers:
            add(trigger.span, event, "trigger")
        for span in event.time.spans:
            add(span, event, "time")
        for place in event.places:
            add(place.span, event, place.role)
        things: list[ActorArgument | ObjectArgument | AmountArgument] = [
            *event.actors,
            *event.objects,
            *event.amounts,
        ]
        for counted in things:
            add(counted.span, event, counted.role)
            if counted.quantity is not None and counted.quantity.span != counted.span:
                add(counted.quantity.span, event, "quantity")
        if event.count is not None:
            add(event.count.span, event, "count")
    return parts


def _about(node: Mention | Trigger, fills: Iterable[tuple[str, str]]) -> str:
    words = [node.type]
    if isinstance(node, Trigger):
        words += sorted(node.attributes)
    words.append(f"score {node.score:.2f}")
    words += [f"{role} of {event_id}" for event_id, role in fills]
    return " · ".join(words)


# ---- the tables ----


def _row(event: Event) -> Row:
    marks: list[str] = [event.modality] if event.modality != "actual" else []
    marks += ["release"] if event.release else []
    marks += ["aggregate"] if event.aggregate else []
    marks += [f"× {_amount(event.count)}"] if event.count is not None else []
    links: list[tuple[str, tuple[str, ...]]] = [("part of", (event.parent,))] if event.parent else []
    links += [("with", event.children)] if event.children else []
    links += [("sums up", event.items)] if event.items else []
    reporters = _named(event, ("reporter",))
    who = _named(event, ("agent",))
    if partners := _named(event, ("partner",)):
        who = f"{who} with {partners}".strip()
    if reporters:
        who = f"{who} (reported by {reporters})".strip()
    return Row(
        event=event,
        when=_when(event),
        sort_when=str(event.time.start or event.time.end or "9999"),
        who=who,
        whom=_named(event, ("target", "theme", "instrument")),
        where=_where(event),
        outcome=_outcome(event),
        marks=tuple(marks),
        links=tuple(links),
    )


def _when(event: Event) -> str:
    time = event.time
    if time.dates:
        return ", ".join(map(str, time.dates))
    if time.start is None and time.end is None:
        return time.text or ""
    return str(time.start) if time.start == time.end else f"{time.start or '…'} to {time.end or '…'}"


def _named(event: Event, roles: tuple[str, ...]) -> str:
    found = [_counted(actor.name, actor.quantity) for actor in event.actors if actor.role in roles]
    found += [_counted(thing.text, thing.quantity) for thing in event.objects if thing.role in roles]
    found += [amount.text for amount in event.amounts if amount.role in roles]
    found += [place.text for place in event.places if place.role in roles]
    return ", ".join(dict.fromkeys(found))


def _counted(name: str, quantity: Quantity | None) -> str:
    return f"{quantity.text} {name}" if quantity is not None and quantity.text else name


def _where(event: Event) -> str:
    words = {"at": "", "origin": "from ", "destination": "to ", "via": "via "}
    parts = []
    for place in event.places:
        if place.role in words:
            within = f" ({', '.join(place.within)})" if place.within else ""
            parts.append(f"{words[place.role]}{place.text}{within}")
    return "; ".join(dict.fromkeys(parts))


def _outcome(event: Event) -> str:
    outcomes = event.outcomes
    parts = [
        f"{_amount(amount)} {name}" for name in _PEOPLE if (amount := getattr(outcomes, name)) is not None
    ]
    for name, things in (("damaged", outcomes.damaged), ("seized", outcomes.seized)):
        if things:
            parts.append(f"{name}: {', '.join(thing.text for thing in things)}")
    return "; ".join(parts)


def _amount(quantity: Quantity) -> str:
    number = _bounds(quantity)
    return f"{number} {quantity.unit}" if quantity.unit and number != quantity.text else number


def _bounds(quantity: Quantity) -> str:
    low, best, high = quantity.low, quantity.best, quantity.high
    if best is not None and (best == low == high or quantity.qualifier == "about"):
        return f"{'about ' if quantity.qualifier == 'about' else ''}{_number(best)}"
    if low is not None and high is not None:
        return f"{_number(low)}–{_number(high)}"
    if low is not None:
        return f"at least {_number(low)}"
    return f"at most {_number(high)}" if high is not None else quantity.text or "?"


def _number(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"


def _totals(event: Event) -> Iterable[Total]:
    if event.reconciliation is None:
        if event.aggregate or event.items:
            stated = event.count.best if event.count else None
            yield Total(event, "occurrences", _number(stated), _number(None), None)
        return
    found = event.reconciliation
    yield Total(event, "occurrences", _number(found.stated), _number(found.summed), found.agrees)
    for outcome in found.outcomes:
        yield Total(event, outcome.outcome, _number(outcome.stated), _number(outcome.summed), outcome.agrees)

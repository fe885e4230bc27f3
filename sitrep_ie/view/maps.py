"""Places of events as points and movements as arrows over outlines of countries; the template draws them.

The projection is equirectangular, true at the middle latitude. The outlines (outline.json, from Natural
Earth) are shared by all maps of a page: one path in degrees, which each map moves and stretches to its frame.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import accumulate

from sitrep_ie.document import Event, PlaceArgument, PlacePrecision

WIDTH = 860
_MIN_HEIGHT, _MAX_HEIGHT = 300, 520
_MIN_DEGREES = 2.5
_LABEL_CHAR, _LABEL_HEIGHT = 6.6, 14

Degrees = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """A place that events share; a label is left out where there is no room for it."""

    x: float
    y: float
    name: str
    precision: PlacePrecision
    about: str
    event_ids: tuple[str, ...]
    label_x: float | None = None
    label_y: float | None = None
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Arrow:
    """A movement from one place to the next, as the path of an SVG."""

    path: str
    event: Event
    about: str


@dataclass(frozen=True, slots=True)
class Map:
    """`transforms` lay the path of outlines, in degrees with north as negative, into the frame."""

    points: tuple[Point, ...]
    arrows: tuple[Arrow, ...]
    lines: tuple[tuple[float, float, float, float, str], ...]
    transforms: tuple[str, ...]
    height: float
    box: tuple[float, float, float, float]
    unresolved: tuple[str, ...]
    width: float = WIDTH


@dataclass(slots=True)
class _Site:
    longitude: float
    latitude: float
    place: PlaceArgument
    uses: list[tuple[Event, PlaceArgument]] = field(default_factory=list)


def lay_out(events: Sequence[Event]) -> Map | None:
    """Returns the map of the places with coordinates, or None where there is none."""
    sites: dict[Degrees, _Site] = {}
    unresolved: dict[str, None] = {}
    for event in events:
        for place in event.places:
            where = _degrees(place)
            if where is None:
                unresolved[place.text] = None
                continue
            sites.setdefault(where, _Site(*where, place)).uses.append((event, place))
    if not sites:
        return None
    frame = _Frame.around(list(sites))
    points = _labelled([_point(site, frame) for site in sites.values()], frame)
    return Map(
        points=tuple(points),
        arrows=tuple(arrow for event in events for arrow in _arrows(event, frame)),
        lines=tuple(frame.lines()),
        transforms=tuple(frame.transforms()),
        height=frame.height,
        box=(frame.west, frame.south, frame.east, frame.north),
        unresolved=tuple(unresolved),
    )


def outline_path(boxes: Iterable[tuple[float, float, float, float]]) -> str:
    """Returns the outlines that touch a box (west, south, east, north), as one SVG path in degrees."""
    wanted = list(boxes)
    parts = []
    for (west, south, east, north), ring in _rings():
        if any(
            south <= box[3] and north >= box[1] and west + turn <= box[2] and east + turn >= box[0]
            for box in wanted
            for turn in (-360, 0, 360)
        ):
            parts.append(ring)
    return "".join(parts)


@functools.cache
def _rings() -> tuple[tuple[tuple[float, float, float, float], str], ...]:
    raw = json.loads(files("sitrep_ie.view").joinpath("outline.json").read_text(encoding="utf-8"))
    unit = raw["units_per_degree"]
    arcs = []
    for steps in raw["arcs"]:
        xs, ys = accumulate(steps[::2]), accumulate(steps[1::2])
        arcs.append([(x / unit, y / unit) for x, y in zip(xs, ys, strict=True)])
    rings = []
    for ring in raw["rings"]:
        points: list[Degrees] = []
        for i in ring:
            arc = arcs[i] if i >= 0 else arcs[~i][::-1]
            points += arc[1:] if points and points[-1] == arc[0] else arc
        longitudes, latitudes = [x for x, _ in points], [y for _, y in points]
        path = "M" + "L".join(f"{x:g} {-y:g}" for x, y in points) + "Z"
        rings.append(((min(longitudes), min(latitudes), max(longitudes), max(latitudes)), path))
    return tuple(rings)


def _degrees(place: PlaceArgument) -> Degrees | None:
    if place.latitude is None or place.longitude is None:
        return None
    return place.longitude, place.latitude


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of the world that a map shows; it may reach over the date line, beyond 180 degrees."""

    west: float
    east: float
    south: float
    north: float
    height: float

    @classmethod
    def around(cls, places: list[Degrees]) -> _Frame:
        longitudes = sorted({longitude for longitude, _ in places})
        # The widest gap between neighbours, around the globe, is what the map leaves out.
        gaps = [
            (after - before, after) for before, after in zip(longitudes, longitudes[1:], strict=False)
        ] + [(longitudes[0] + 360 - longitudes[-1], longitudes[0])]
        gap, west = max(gaps)
        span = 360 - gap
        south, north = min(y for _, y in places), max(y for _, y in places)
        middle = math.radians((south + north) / 2)
        squeeze = max(0.2, math.cos(middle))
        # Degrees of latitude that fit the frame, with air around the outer places.
        tall = max((north - south) * 1.35, _MIN_DEGREES)
        wide = max(span * 1.35, _MIN_DEGREES)
        height = min(max(WIDTH * tall / (wide * squeeze), _MIN_HEIGHT), _MAX_HEIGHT)
        wide = max(wide, WIDTH / height * tall / squeeze)
        tall = wide * squeeze * height / WIDTH
        centre_x, centre_y = west + span / 2, (south + north) / 2
        return cls(
            centre_x - wide / 2, centre_x + wide / 2, centre_y - tall / 2, centre_y + tall / 2, round(height)
        )

    def at(self, where: Degrees) -> tuple[float, float]:
        longitude, latitude = where
        longitude = self.west + (longitude - self.west) % 360
        x = (longitude - self.west) / (self.east - self.west) * WIDTH
        return round(x, 1), round((self.north - latitude) / (self.north - self.south) * self.height, 1)

    def transforms(self) -> Iterable[str]:
        scale_x = WIDTH / (self.east - self.west)
        scale_y = self.height / (self.north - self.south)
        for turn in (-360, 0, 360):
            if self.west <= 180 + turn and self.east >= -180 + turn:
                move_x, move_y = (turn - self.west) * scale_x, self.north * scale_y
                yield f"matrix({scale_x:.4f} 0 0 {scale_y:.4f} {move_x:.2f} {move_y:.2f})"

    def lines(self) -> Iterable[tuple[float, float, float, float, str]]:
        """Meridians and parallels: both ends, and the words at the frame's edge."""
        step = next(
            s for s in (0.5, 1, 2, 5, 10, 20, 30, 60, 90) if (self.east - self.west) / s <= 8 or s == 90
        )
        for i in range(math.ceil(self.west / step), math.floor(self.east / step) + 1):
            x = round((i * step - self.west) / (self.east - self.west) * WIDTH, 1)
            degrees = (i * step + 180) % 360 - 180
            yield x, 0, x, self.height, f"{abs(degrees):g}°{'E' if degrees > 0 else 'W' if degrees else ''}"
        for i in range(math.ceil(max(self.south, -90) / step), math.floor(min(self.north, 90) / step) + 1):
            degrees = i * step
            y = round((self.north - degrees) / (self.north - self.south) * self.height, 1)
            yield 0, y, WIDTH, y, f"{abs(degrees):g}°{'N' if degrees > 0 else 'S' if degrees else ''}"


def _point(site: _Site, frame: _Frame) -> Point:
    x, y = frame.at((site.longitude, site.latitude))
    name = site.place.name or site.place.text
    uses = [f"{event.id} {event.type} ({place.role})" for event, place in site.uses]
    return Point(
        x=x,
        y=y,
        name=name,
        precision=site.place.precision,
        about=f"{name}: {site.place.precision}; {', '.join(dict.fromkeys(uses))}",
        event_ids=tuple(dict.fromkeys(event.id for event, _ in site.uses)),
    )


def _labelled(points: list[Point], frame: _Frame) -> list[Point]:
    """Gives labels to the points, those of most events first, where they cover neither points nor labels."""
    taken = [(point.x - 7, point.y - 7, point.x + 7, point.y + 7) for point in points]
    done: dict[int, Point] = {}
    for i in sorted(range(len(points)), key=lambda i: -len(points[i].event_ids)):
        point = done[i] = points[i]
        width = len(point.name) * _LABEL_CHAR
        half = _LABEL_HEIGHT / 2
        for x, y, anchor, left in (
            (point.x + 10, point.y + 4, "start", point.x + 9),
            (point.x - 10, point.y + 4, "end", point.x - 9 - width),
            (point.x, point.y - 11, "middle", point.x - width / 2),
            (point.x, point.y + 20, "middle", point.x - width / 2),
        ):
            box = (left, y - 4 - half, left + width, y - 4 + half)
            inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= frame.height
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                done[i] = Point(
                    point.x, point.y, point.name, point.precision, point.about, point.event_ids, x, y, anchor
                )
                break
    return [done[i] for i in range(len(points))]


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _arrows(event: Event, frame: _Frame) -> Iterable[Arrow]:
    """From every origin by way of the places between, in the text's order, to every destination."""
    by_role: dict[str, list[PlaceArgument]] = {}
    for place in event.places:
        if _degrees(place) is not None:
            by_role.setdefault(place.role, []).append(place)
    between = by_role.get("via", [])
    starts, ends = by_role.get("origin", []), by_role.get("destination", [])
    if not starts:
        starts, between = between[:1], between[1:]
    if not ends:
        ends, between = between[-1:], between[:-1]
    seen = set()
    for start in starts:
        for end in ends:
            stops = [start, *between, end]
            for before, after in zip(stops, stops[1:], strict=False):
                path = _curve(frame, before, after)
                if path and path not in seen:
                    seen.add(path)
                    about = (
                        f"{event.id} {event.type}: {before.name or before.text} → {after.name or after.text}"
                    )
                    yield Arrow(path, event, about)


def _curve(frame: _Frame, before: PlaceArgument, after: PlaceArgument) -> str | None:
    start, end = _degrees(before), _degrees(after)
    if start is None or end is None:
        return None
    (x1, y1), (x2, y2) = frame.at(start), frame.at(end)
    length = math.hypot(x2 - x1, y2 - y1)
    if length < 16:  # within the two points' own marks
        return None
    # Stops short of the marks, and bends so that a way there and back are two lines.
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    x1, y1, x2, y2 = x1 + ux * 7, y1 + uy * 7, x2 - ux * 8, y2 - uy * 8
    bend = min(length * 0.14, 40)
    cx, cy = (x1 + x2) / 2 + uy * bend, (y1 + y2) / 2 - ux * bend
    return f"M{x1:.1f} {y1:.1f}Q{cx:.1f} {cy:.1f} {x2:.1f} {y2:.1f}"

"""Builds sitrep_ie/view/outline.json, the countries under a map: `python -m training.build_outline ATLAS`.

Source, needed here only and not by the library: countries-50m.json of the npm package world-atlas
(`npm pack world-atlas@2.0.2`), which is Natural Earth 1:50m (public domain) as TopoJSON. Borders that two
countries share are one arc there; arcs are simplified one by one, so neighbours stay without gaps.
"""

from __future__ import annotations

import argparse
import json
import math
from itertools import accumulate
from pathlib import Path

Point = tuple[float, float]

OUT = Path(__file__).parent.parent / "sitrep_ie" / "view" / "outline.json"
MAX_BYTES = 60_000
# A point is kept where it lies further than this from the line without it; chosen to stay under MAX_BYTES.
TOLERANCE_DEGREES = 0.25
# Islands smaller than this square are left out, unless they are all that a country has.
MIN_ISLAND_DEGREES = 0.7
UNITS_PER_DEGREE = 20


def main() -> None:
    """Reads the atlas named on the command line and writes the outline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("atlas", type=Path, help="countries-50m.json of world-atlas")
    atlas = json.loads(parser.parse_args().atlas.read_text(encoding="utf-8"))
    arcs = [simplified(degrees(arc, atlas["transform"])) for arc in atlas["arcs"]]
    rings: list[list[int]] = []
    for country in atlas["objects"]["countries"]["geometries"]:
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        largest = max(polygons, key=lambda polygon: extent(polygon[0], arcs))
        for polygon in polygons:
            if polygon is largest or extent(polygon[0], arcs) >= MIN_ISLAND_DEGREES:
                rings += polygon
    used = sorted({index if index >= 0 else ~index for ring in rings for index in ring})
    place = {old: new for new, old in enumerate(used)}
    outline = {
        "source": "Natural Earth 1:50m, public domain, by way of world-atlas 2.0.2",
        "units_per_degree": UNITS_PER_DEGREE,
        # The first point of an arc, then the step to each next one: longitude, latitude, ...
        "arcs": [steps(arcs[old]) for old in used],
        # Indices of arcs; ~i is arc i walked backwards.
        "rings": [[place[i] if i >= 0 else ~place[~i] for i in ring] for ring in rings],
    }
    text = json.dumps(outline, separators=(",", ":")) + "\n"
    if len(text) > MAX_BYTES:
        raise SystemExit(f"{len(text)} bytes, expected at most {MAX_BYTES}")
    OUT.write_text(text, encoding="utf-8")
    print(f"{OUT}: {len(text)} bytes, {len(used)} arcs, {len(rings)} rings")


def degrees(arc: list[list[int]], transform: dict[str, list[float]]) -> list[Point]:
    """Returns the points of a quantised, delta-coded arc of TopoJSON."""
    (scale_x, scale_y), (move_x, move_y) = transform["scale"], transform["translate"]
    xs = accumulate(point[0] for point in arc)
    ys = accumulate(point[1] for point in arc)
    return [(x * scale_x + move_x, y * scale_y + move_y) for x, y in zip(xs, ys, strict=True)]


def simplified(points: list[Point]) -> list[Point]:
    """Returns the arc by Douglas and Peucker's method; its ends stay, and so does a closed arc's far side."""
    kept = {0, len(points) - 1}
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        inner = range(first + 1, last)
        if not inner:
            continue
        far = max(inner, key=lambda i: distance(points[i], points[first], points[last]))
        closed = points[first] == points[last]
        if closed or distance(points[far], points[first], points[last]) > TOLERANCE_DEGREES:
            kept.add(far)
            stack += [(first, far), (far, last)]
    return [points[i] for i in sorted(kept)]


def distance(point: Point, start: Point, end: Point) -> float:
    """Returns how far `point` lies from the stretch between two others, in degrees."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = (point[0] - start[0]) * dx + (point[1] - start[1]) * dy
    share = min(1.0, max(0.0, along / (dx * dx + dy * dy))) if dx or dy else 0.0
    return math.dist(point, (start[0] + share * dx, start[1] + share * dy))


def extent(ring: list[int], arcs: list[list[Point]]) -> float:
    """Returns the longer side of the box around a ring, in degrees."""
    points = [point for i in ring for point in arcs[i if i >= 0 else ~i]]
    return max(max(point[axis] for point in points) - min(point[axis] for point in points) for axis in (0, 1))


def steps(points: list[Point]) -> list[int]:
    """Returns the arc in whole units: first point, then differences; points that fall together are one."""
    numbers: list[int] = []
    x = y = 0
    for i, (longitude, latitude) in enumerate(points):
        to_x, to_y = round(longitude * UNITS_PER_DEGREE), round(latitude * UNITS_PER_DEGREE)
        if i == 0 or (to_x, to_y) != (x, y):
            numbers += [to_x - x, to_y - y]
            x, y = to_x, to_y
    return numbers


if __name__ == "__main__":
    main()

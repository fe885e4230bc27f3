"""Places of a GeoNames dump as rows of a gazetteer, read as a stream: memory does not grow with the dump.

A dump is a tab-separated file of 19 columns, or a zip with one such file, as https://download.geonames.org
offers: allCountries, cities500, one country. It is read twice: for countries, divisions and their largest
settlements, then for all rows. `countryInfo.txt` and `admin1CodesASCII.txt` are used where they lie beside
it: a dump of cities has neither countries nor divisions. GeoNames data is under CC BY 4.0.
"""

from __future__ import annotations

import math
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sitrep_ie.errors import ResourceError
from sitrep_ie.resolve.gazetteer import GazetteerRow, PlaceKind, name_words
from sitrep_ie.resolve.places import strip_division

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OWN_PLACES = Path(__file__).parent / "data" / "places.toml"
_NUM_COLUMNS = 19
# The whole of GeoNames has some 2 GB and shrinks to a fifth; a line's longest field has 10,000 characters.
_MAX_DUMP_BYTES = 16 * 2**30
_MAX_COMPRESSION = 100
_MAX_LINE_BYTES = 2**17
_COUNTRY_CODES = ("PCLI", "PCLD", "PCLF", "PCLS", "PCLIX", "PCL", "TERR")
_GONE = frozenset({"PPLCH", "PPLH", "PPLQ", "PPLW"})
_KINDS_BY_CODE: Mapping[str, PlaceKind] = {
    "ADM1": "admin1",
    **dict.fromkeys(("ADM2", "ADM3"), "admin2"),
    **dict.fromkeys(
        ("BAY", "CHN", "GULF", "LK", "LKS", "OCN", "RSV", "SEA", "STM", "STRT", "WAD", "WADX"), "water"
    ),
    **dict.fromkeys(
        ("AREA", "CST", "DSRT", "ISL", "ISLS", "MT", "MTS", "PASS", "PEN", "PLN", "RGN", "RGNH", "VAL", "ZN"),
        "region",
    ),
    **dict.fromkeys(
        ("AIRB", "AIRF", "AIRP", "BDG", "CMP", "CMPRF", "DAM", "FT", "GASF", "INSM", "MILB", "MN", "NVB",
         "OILF", "OILR", "PRN", "PRT", "PS", "PSH", "PSN", "PSTB", "PSTC"),
        "facility",
    ),
}  # fmt: skip
# Names in the Latin script that begin with a capital: small first letters mark machine transliterations.
_LATIN = "\u00c0-\u024f\u1e00-\u1eff‘’ʼʻ"
_LATIN_NAME = re.compile(f"[A-Z'{_LATIN}][ -~{_LATIN}\u0300-\u036f]{{2,40}}")
_CODE = re.compile(r"[A-Z]{2,4}")


def read_geonames(dump: Path) -> Iterator[GazetteerRow]:
    """Yields the countries, divisions, settlements and named places of a dump, and the library's own places.

    Args:
        dump: a `.txt` file of 19 columns, or a zip that holds one, beside at most a readme.txt.

    Raises:
        ResourceError: a file is missing, too large, damaged or no GeoNames dump; the message names the line.
    """
    dump = Path(dump)
    own = own_places()
    world = _survey(dump)
    yield from _countries(world, own["countries"])
    yield from _listed_divisions(world)
    for record in _records(dump):
        row = _row(record, world)
        if row is not None:
            yield row
    yield from own_rows(own)


def own_places() -> dict[str, Any]:
    """Returns the tables of the hand-written `data/places.toml`: `countries` by ISO code, and `place`."""
    return tomllib.loads(_OWN_PLACES.read_text(encoding="utf-8"))


def own_rows(own: Mapping[str, Any]) -> Iterator[GazetteerRow]:
    """Yields the hand-written places, with negative ids."""
    for number, place in enumerate(own["place"], 1):
        yield GazetteerRow(
            id=-number,
            name=place["name"],
            kind=place["kind"],
            latitude=place["at"][0],
            longitude=place["at"][1],
            country=place.get("country"),
            population=place.get("population", 0),
            aliases=tuple(place.get("aliases", ())),
        )


def demonyms(words: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the singular and plural demonyms of a country's table in `places.toml`."""
    return tuple(demonym + ending for demonym in words.get("demonyms", ()) for ending in ("", "s"))


def latin_names(names: Iterable[str]) -> list[str]:
    """Returns the names that a report in English may use."""
    return [name for name in names if _LATIN_NAME.fullmatch(name) and not _CODE.fullmatch(name)]


def centre(points: Iterable[tuple[float, float, float]]) -> tuple[float, float] | None:
    """Returns the weighted mean of (latitude, longitude, weight) on the sphere."""
    total = _Centre()
    for latitude, longitude, weight in points:
        total.add(latitude, longitude, weight)
    return total.point()


@dataclass(slots=True)
class _Centre:
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def add(self, latitude: float, longitude: float, weight: float) -> None:
        phi, theta = math.radians(latitude), math.radians(longitude)
        self.x += weight * math.cos(phi) * math.cos(theta)
        self.y += weight * math.cos(phi) * math.sin(theta)
        self.z += weight * math.sin(phi)

    def point(self) -> tuple[float, float] | None:
        if self.x == self.y == self.z == 0.0:
            return None
        return math.degrees(math.atan2(self.z, math.hypot(self.x, self.y))), math.degrees(
            math.atan2(self.y, self.x)
        )


# ---- lines ----


@dataclass(frozen=True, slots=True)
class _Record:
    """One line of a dump: `names` are the other names."""

    id: int
    name: str
    names: tuple[str, ...]
    latitude: float
    longitude: float
    feature_class: str
    code: str
    country: str
    admin1: str
    admin2: str
    population: int


def _records(dump: Path) -> Iterator[_Record]:
    with _open_dump(dump) as (stream, name):
        for number, line in _lines(stream, name):
            yield _record(line, f"{name}:{number}")


@contextmanager
def _open_dump(dump: Path) -> Iterator[tuple[IO[bytes], str]]:
    try:
        if dump.suffix.lower() != ".zip":
            with dump.open("rb") as stream:
                yield stream, str(dump)
            return
        with zipfile.ZipFile(dump) as archive:
            member = _member(archive, dump)
            with archive.open(member) as inner:
                yield inner, f"{dump}/{member.filename}"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ResourceError(f"{dump}: not a whole zip file: {error}") from error
    except OSError as error:
        raise ResourceError(f"{dump}: cannot be read: {error.strerror or error}") from error


def _member(archive: zipfile.ZipFile, dump: Path) -> zipfile.ZipInfo:
    found = [m for m in archive.infolist() if not m.is_dir() and m.filename.lower() != "readme.txt"]
    if len(found) != 1 or not re.fullmatch(r"[\w-]+\.txt", found[0].filename):
        names = ", ".join(repr(m.filename) for m in found[:5])
        raise ResourceError(f"{dump}: holds {names or 'nothing'}, expected one .txt file such as SY.txt")
    (member,) = found
    at = f"{dump}/{member.filename}"
    if member.flag_bits & 1:
        raise ResourceError(f"{at}: encrypted, expected a plain zip")
    if member.file_size > _MAX_DUMP_BYTES or member.file_size > _MAX_COMPRESSION * (
        member.compress_size + 1000
    ):
        raise ResourceError(
            f"{at}: {member.file_size} bytes out of {member.compress_size}, "
            f"expected at most {_MAX_DUMP_BYTES} and {_MAX_COMPRESSION} times the zip's"
        )
    return member


def _lines(stream: IO[bytes], name: str) -> Iterator[tuple[int, str]]:
    read = 0
    number = 0
    while raw := stream.readline(_MAX_LINE_BYTES):
        number += 1
        read += len(raw)
        if read > _MAX_DUMP_BYTES or (len(raw) == _MAX_LINE_BYTES and not raw.endswith(b"\n")):
            raise ResourceError(f"{name}:{number}: too long for a GeoNames file")
        try:
            line = raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ResourceError(f"{name}:{number}: not UTF-8, expected a GeoNames file") from error
        if line:
            yield number, line


def _record(line: str, at: str) -> _Record:
    cells = line.split("\t")
    if len(cells) != _NUM_COLUMNS:
        raise ResourceError(f"{at}: {len(cells)} columns, expected the {_NUM_COLUMNS} of a GeoNames dump")
    try:
        id, latitude, longitude = int(cells[0]), float(cells[4]), float(cells[5])
        population = int(cells[14] or 0)
    except ValueError as error:
        raise ResourceError(f"{at}: {error}, expected the columns of a GeoNames dump") from error
    if id <= 0 or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ResourceError(f"{at}: id {id}, latitude {latitude}, longitude {longitude}: expected degrees")
    name = cells[1] if latin_names([cells[1]]) else cells[2] or cells[1]
    return _Record(
        id=id,
        name=name,
        names=tuple(latin_names(dict.fromkeys([cells[1], cells[2], *cells[3].split(",")]))),
        latitude=latitude,
        longitude=longitude,
        feature_class=cells[6],
        code=cells[7],
        country=cells[8],
        admin1=cells[10] if cells[10] != "00" else "",
        admin2=cells[11],
        population=population,
    )


# ---- what is known before the rows are read ----


@dataclass(slots=True)
class _Division:
    """A first-order division: its settlements' centre, and the largest of them."""

    centre: _Centre = field(default_factory=_Centre)
    population: int = 0
    largest: int | None = None
    largest_population: int = -1


@dataclass(slots=True)
class _World:
    """Countries and divisions of a dump and the files beside it; keys are GeoNames codes."""

    countries: dict[str, _Record] = field(default_factory=dict)
    listed_countries: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    country_centres: dict[str, _Centre] = field(default_factory=dict)
    divisions: dict[tuple[str, str], _Division] = field(default_factory=dict)
    admin1: dict[tuple[str, str], int] = field(default_factory=dict)
    listed_admin1: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    admin2: dict[tuple[str, str, str], int] = field(default_factory=dict)


def _survey(dump: Path) -> _World:
    world = _World()
    for number, cells in _beside(dump, "countryInfo.txt", 17):
        at = f"{dump.with_name('countryInfo.txt')}:{number}"
        world.listed_countries[cells[0]] = (_number(cells[16], at), cells[4], _number(cells[7], at))
    for number, cells in _beside(dump, "admin1CodesASCII.txt", 4):
        at = f"{dump.with_name('admin1CodesASCII.txt')}:{number}"
        country, _, code = cells[0].partition(".")
        world.listed_admin1[country, code] = (_number(cells[3], at), cells[1])
    for record in _records(dump):
        if record.code in _COUNTRY_CODES and record.country:
            known = world.countries.get(record.country)
            if known is None or _rank(record, world) < _rank(known, world):
                world.countries[record.country] = record
        elif record.code == "ADM1" and record.admin1:
            world.admin1.setdefault((record.country, record.admin1), record.id)
        elif record.code == "ADM2" and record.admin2:
            world.admin2.setdefault((record.country, record.admin1, record.admin2), record.id)
        elif record.feature_class == "P" and record.code not in _GONE:
            weight = record.population + 200
            world.country_centres.setdefault(record.country, _Centre()).add(
                record.latitude, record.longitude, weight
            )
            if record.admin1:
                division = world.divisions.setdefault((record.country, record.admin1), _Division())
                division.centre.add(record.latitude, record.longitude, weight)
                division.population += record.population
                if record.population > division.largest_population and record.code != "PPLX":
                    division.largest, division.largest_population = record.id, record.population
    return world


def _rank(record: _Record, world: _World) -> tuple[bool, int]:
    """Best first: the country's own entry as its list says, then by how independent it is."""
    listed = world.listed_countries.get(record.country)
    return listed is None or listed[0] != record.id, _COUNTRY_CODES.index(record.code)


def _beside(dump: Path, name: str, num_columns: int) -> Iterator[tuple[int, list[str]]]:
    path = dump.with_name(name)
    if not path.is_file():
        return
    try:
        with path.open("rb") as stream:
            for number, line in _lines(stream, str(path)):
                if line.startswith("#"):
                    continue
                cells = line.split("\t")
                if len(cells) < num_columns:
                    raise ResourceError(f"{path}:{number}: {len(cells)} columns, expected {num_columns}")
                yield number, cells
    except OSError as error:
        raise ResourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _number(cell: str, at: str) -> int:
    try:
        return int(cell or 0)
    except ValueError:
        raise ResourceError(f"{at}: {cell!r}, expected a number") from None


# ---- rows ----


def _countries(world: _World, own: Mapping[str, Any]) -> Iterator[GazetteerRow]:
    for code in sorted({*world.countries, *world.listed_countries}):
        record, listed = world.countries.get(code), world.listed_countries.get(code)
        middle = world.country_centres.get(code)
        point = (record.latitude, record.longitude) if record else middle.point() if middle else None
        if point is None:
            continue
        words = own.get(code, {})
        id, name, population = listed or (0, "", 0)
        if record is not None:
            id, name = record.id, name or record.name
            population = record.population or population
        if id <= 0:
            continue
        yield GazetteerRow(
            id=id,
            name=name,
            kind="country",
            latitude=point[0],
            longitude=point[1],
            country=code,
            population=population,
            aliases=(*words.get("names", ()), *(record.names if record else ())),
            demonyms=demonyms(words),
        )


def _listed_divisions(world: _World) -> Iterator[GazetteerRow]:
    """The first-order divisions that only the list beside the dump knows, where their settlements are."""
    for key, (id, name) in world.listed_admin1.items():
        division = world.divisions.get(key)
        point = division.centre.point() if division else None
        if key in world.admin1 or division is None or point is None:
            continue
        world.admin1[key] = id
        yield GazetteerRow(
            id=id,
            name=name,
            kind="admin1",
            latitude=point[0],
            longitude=point[1],
            country=key[0] or None,
            population=division.population,
            aliases=_with_bare_names([name]),
        )


def _row(record: _Record, world: _World) -> GazetteerRow | None:
    kind: PlaceKind | None
    if record.feature_class == "P":
        kind = None if record.code in _GONE else "settlement"
    else:
        kind = _KINDS_BY_CODE.get(record.code)
    if kind is None or not name_words(record.name):
        return None
    key = (record.country, record.admin1)
    admin1 = world.admin1.get(key) if kind != "admin1" else None
    admin2 = world.admin2.get((*key, record.admin2)) if record.code not in ("ADM1", "ADM2") else None
    division = world.divisions.get(key)
    aliases = record.names
    if kind in ("admin1", "admin2"):
        aliases = _with_bare_names([record.name, *record.names])
    return GazetteerRow(
        id=record.id,
        name=record.name,
        kind=kind,
        latitude=record.latitude,
        longitude=record.longitude,
        country=record.country or None,
        admin1=admin1,
        admin2=admin2,
        population=record.population,
        aliases=aliases,
        seat=kind == "settlement" and division is not None and division.largest == record.id,
        capital=record.code == "PPLC",
    )


def _with_bare_names(names: list[str]) -> tuple[str, ...]:
    """Names of a division with and without its own word: "Idlib Governorate", "Idlib"."""
    bare = [short for name in names if (short := strip_division(name)) and short != name]
    return tuple(dict.fromkeys([*names, *bare]))

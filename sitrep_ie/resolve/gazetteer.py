"""The gazetteer: names of places, in many spellings, to points on the map; one read-only SQLite file.

The shipped file is package data, made by `training/build_gazetteer.py` from GeoNames (CC BY 4.0) and the
hand-written `data/places.toml`. It knows names and positions only; which of several places of one name a
report means is decided in `places`.

A name is found by three keys: `name_key` (letters as written, marks and articles off), `fold_key` (spellings
of one sound made equal: q/k, ou/u, ee/i, -ah/-a) and `skeleton` (consonants only), which is the index.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
import sqlite3
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from sitrep_ie.errors import ResourceError

PlaceKind = Literal["country", "admin1", "admin2", "settlement", "region", "water", "facility"]
MatchTier = Literal["exact", "alias", "folded", "skeleton", "fuzzy"]

_KINDS: tuple[PlaceKind, ...] = get_args(PlaceKind)
_TIERS: tuple[MatchTier, ...] = get_args(MatchTier)
_SHIPPED = Path(__file__).parent / "data" / "gazetteer.sqlite"
# Marks a file as ours ("srep") and its layout; a change of keys or tables needs a new version.
_APPLICATION_ID = 0x73726570
_VERSION = 1
# Positions are kept in thousandths of a degree, some 100 metres: a settlement is a point by convention only.
_DEGREE = 1_000


@dataclass(frozen=True, slots=True)
class GazetteerRow:
    """One place to index. `id` is the GeoNames id, or negative where there is none.

    `admin1` and `admin2` are ids of other rows. Degrees WGS 84. `seat` marks the largest settlement of its
    first-order division, `capital` a country's. `rough` marks a division whose point is that of the division
    above it.
    """

    id: int
    name: str
    kind: PlaceKind
    latitude: float
    longitude: float
    country: str | None = None
    admin1: int | None = None
    admin2: int | None = None
    population: int = 0
    aliases: tuple[str, ...] = ()
    demonyms: tuple[str, ...] = ()
    seat: bool = False
    capital: bool = False
    rough: bool = False


@dataclass(frozen=True, slots=True)
class GazetteerEntry:
    """A place of the gazetteer; the fields are those of `GazetteerRow`."""

    id: int
    name: str
    kind: PlaceKind
    latitude: float
    longitude: float
    country: str | None
    admin1: int | None
    admin2: int | None
    population: int
    seat: bool
    capital: bool
    rough: bool

    @property
    def gazetteer_id(self) -> str | None:
        """The GeoNames id; None for places of `places.toml` and of a user's own list."""
        return str(self.id) if self.id > 0 else None


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A place and how its name was met; `similarity` is that of the spellings, 1 when they agree."""

    entry: GazetteerEntry
    tier: MatchTier
    similarity: float


# ---- keys ----

_LETTERS = str.maketrans(
    {
        "ı": "i",
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ə": "a",
        "ħ": "h",
        "ŋ": "n",
        "ɓ": "b",
        "ɗ": "d",
        "ƙ": "k",
        "ɛ": "e",
        "ɔ": "o",
        "ƴ": "y",
    }
    # Apostrophes of all kinds, ayn and hamza: written or left out at will.
    | dict.fromkeys("'`´‘’ʻʼʽʾʿˈˁˀ′ʹ·", "")
)
_WORD = re.compile(r"[^\W_]+")
# The Arabic article before moon and sun letters as it is transliterated, and Persian -e, -i.
_ARTICLES = frozenset(
    "al el il ul ar er ur as es us ash esh ush ad ed ud adh edh an en un at et ut ath eth az ez uz "
    "the e i ye yi".split()
)
# The article grown together with a word that begins with a sun letter: "Ezzor", "Arraqqa", "Ashshaddadi".
_FUSED_ARTICLE = re.compile(r"^[aeu](sh|th|dh|[rsdtzn])(?=\1.{2})")


def name_words(name: str) -> list[str]:
    """Returns the words of a name in plain small letters, marks and apostrophes off, articles kept."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)
    return _WORD.findall(plain)


@lru_cache(maxsize=65536)
def name_key(name: str) -> str:
    """Returns a name without marks, spaces and articles: "Deir ez-Zor" and "Deir Ezzor" agree."""
    words = name_words(name)
    kept = [w for w in words[:-1] if w not in _ARTICLES] + words[-1:]
    return "".join(_FUSED_ARTICLE.sub("", word) for word in kept)


# "x" stands for sh and ch, which are each other's in French and English transliterations.
_SOUNDS = (
    ("x", "ks"), ("tch", "x"), ("sch", "x"), ("dzh", "j"), ("dj", "j"), ("zh", "z"), ("kh", "k"), ("gh", "g"),
    ("dh", "d"), ("th", "t"), ("ph", "f"), ("sh", "x"), ("ch", "x"), ("ck", "k"), ("q", "k"), ("c", "k"),
    ("tz", "ts"),
)  # fmt: skip
_VOWELS = re.compile(r"[aeiouyw]+")
_DOUBLED = re.compile(r"(.)\1+")
_FINAL = re.compile(r"(?<=[^aiu])(?:[aiu]h?|h)$")


def _vowel(run: re.Match[str]) -> str:
    return _sound_of(run[0]) if run.start() else "a"


@lru_cache(maxsize=1024)
def _sound_of(vowels: str) -> str:
    if any(c in vowels for c in "ouw"):
        return "u"
    return "i" if any(c in vowels for c in "eiy") else "a"


@lru_cache(maxsize=65536)
def fold_key(key: str) -> str:
    """Returns a `name_key` with spellings of one sound made equal: "raqqah", "rakka" and "raqqa" agree."""
    folded = "v" + key[1:] if key[:1] == "w" else key
    for written, sound in _SOUNDS:
        folded = folded.replace(written, sound)
    folded = _DOUBLED.sub(r"\1", _VOWELS.sub(_vowel, folded))
    return _FINAL.sub("", folded) or folded


@lru_cache(maxsize=65536)
def skeleton(key: str) -> str:
    """Returns the consonants of a `name_key` (a first vowel stays as "a"): the index is sorted by them."""
    folded = fold_key(key)
    return _DOUBLED.sub(r"\1", folded[:1] + re.sub("[aiu]", "", folded[1:]))


# ---- the index ----

_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, country TEXT,
  admin1 INTEGER, admin2 INTEGER, latitude INTEGER NOT NULL, longitude INTEGER NOT NULL,
  population INTEGER NOT NULL, flags INTEGER NOT NULL);
CREATE TABLE name (skeleton TEXT NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, alias INTEGER NOT NULL,
  PRIMARY KEY (skeleton, key, place)) WITHOUT ROWID;
CREATE TABLE country_word (words TEXT PRIMARY KEY, country TEXT NOT NULL, demonym INTEGER NOT NULL)
  WITHOUT ROWID;
"""
_SEAT, _ROUGH, _CAPITAL = 1, 2, 4
# Twice the longest name of GeoNames.
_MAX_NAME_CHARS = 400
_MIN_FUZZY_CHARS = 8
_MIN_FUZZY_RATIO = 0.88
# "qamishli" and "kamishly" are 0.75 alike; "boqo" and "baku", of one sound by the folding, 0.25.
_MIN_FOLDED_SIMILARITY = 0.7
# Further names are in all languages; one more step away from them is a longer one.
_ALIAS_DOUBT = 0.95
_MIN_SKELETON_CHARS = 3
_MIN_SKELETON_SIMILARITY = 0.74
_COLUMNS = ("name", "latitude", "longitude", "country", "admin1", "aliases")


class Gazetteer:
    """Read access to a gazetteer file, and to a user's own list on top of it.

    An object may be shared by threads, handed to worker processes (it reopens its file there) and pickled.
    """

    def __init__(self, path: Path, extra: Path | None = None) -> None:
        """Prefer `open`, which checks the file."""
        self._path = path
        self._extra = extra
        self._extra_rows = list(_read_extra(extra)) if extra is not None else []
        self._lock = threading.RLock()
        self._process = -1
        self._connections: list[sqlite3.Connection] = []
        self._matches: dict[str, tuple[NameMatch, ...]] = {}
        self._entries: dict[int, GazetteerEntry | None] = {}
        self._country_words: dict[str, tuple[str, bool]] | None = None

    @classmethod
    def open(cls, path: Path | None = None, *, extra: Path | None = None) -> Gazetteer:
        """Opens a gazetteer: the shipped one by default.

        Args:
            path: a file made by `build`.
            extra: a CSV file of places of the user's own, with the columns name, latitude, longitude and,
                optionally, country (ISO alpha-2), admin1 (a name) and aliases (joined by `|`). They win over
                places of the same name.

        Raises:
            ResourceError: a file is missing or broken.
        """
        gazetteer = cls(_SHIPPED if path is None else Path(path), None if extra is None else Path(extra))
        gazetteer._connect()
        return gazetteer

    def __reduce__(self) -> tuple[object, ...]:
        return (Gazetteer, (self._path, self._extra))

    def __del__(self) -> None:
        # Python 3.13 warns of connections that nobody closed.
        for connection in getattr(self, "_connections", []):
            connection.close()

    def close(self) -> None:
        """Closes the file; the next look-up opens it again."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections, self._process = [], -1

    def _connect(self) -> list[sqlite3.Connection]:
        # A connection must not be carried over a fork.
        if self._process == os.getpid():
            return self._connections
        if not self._path.is_file():
            raise ResourceError(f"{self._path}: no such gazetteer file")
        # immutable: no locks and no journal, so that a read-only installation and many processes are fine.
        uri = f"{self._path.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            # A view in place of a table would run whatever it says, perhaps without end.
            connection.execute("PRAGMA trusted_schema = OFF")
            views = connection.execute("SELECT name FROM sqlite_master WHERE type <> 'table' LIMIT 1")
            if (view := views.fetchone()) is not None:
                raise ResourceError(f"{self._path}: not a gazetteer file: {view[0]!r:.40} is no table")
            application_id = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            connection.execute("SELECT 1 FROM name LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise ResourceError(f"{self._path}: not a gazetteer file: {error}") from error
        if (application_id, version) != (_APPLICATION_ID, _VERSION):
            raise ResourceError(
                f"{self._path}: gazetteer version {version}, expected {_VERSION}; build it anew"
            )
        self._connections = [connection]
        if self._extra_rows:
            memory = sqlite3.connect(":memory:", check_same_thread=False)
            _fill(memory, self._place_extra(connection))
            self._connections.append(memory)
        self._process = os.getpid()
        return self._connections

    def _place_extra(self, connection: sqlite3.Connection) -> Iterator[GazetteerRow]:
        for row, division in self._extra_rows:
            key = name_key(division)
            found = connection.execute(
                "SELECT place.id FROM name JOIN place ON place.id = name.place "
                "WHERE skeleton = ? AND key = ? AND kind = ? AND country IS ?",
                (skeleton(key), key, _KINDS.index("admin1"), row.country),
            ).fetchone()
            yield replace(row, admin1=found[0] if found else None)

    def lookup(self, name: str) -> list[GazetteerEntry]:
        """Returns the places of that name in any spelling, best-matching first, then by population."""
        return [match.entry for match in self.matches(name)]

    def matches(self, name: str) -> tuple[NameMatch, ...]:
        """Returns the places of that name with how each was met, best-matching first, then by population.

        Fuzzy matches (another consonant) are looked for only where there is no better one, for long names.
        """
        if len(name) > _MAX_NAME_CHARS:
            return ()  # and not kept, nor its keys: of a megabyte without blanks they would fill the memory
        key = name_key(name)
        if not key:
            return ()
        with self._lock:
            found = self._matches.get(key)
            if found is None:
                # A long batch over many reports must not grow without bound.
                if len(self._matches) > 50_000:
                    self._matches.clear()
                found = self._matches[key] = self._find(key)
        return found

    def entry(self, place_id: int) -> GazetteerEntry | None:
        """Returns the place with this id."""
        with self._lock:
            if place_id not in self._entries:
                if len(self._entries) > 50_000:
                    self._entries.clear()
                self._entries[place_id] = next(iter(self._read({place_id}).values()), None)
            return self._entries[place_id]

    def names(self) -> Iterator[tuple[str, PlaceKind]]:
        """The name and kind of every place."""
        for name, kind in self._query("SELECT name, kind FROM place ORDER BY id", ()):
            yield name, _KINDS[kind]

    def country_words(self) -> Mapping[str, tuple[str, bool]]:
        """Returns names and demonyms as `name_words` joined by a space: to (country, is a demonym)."""
        with self._lock:
            if self._country_words is None:
                rows = self._query("SELECT words, country, demonym FROM country_word", ())
                self._country_words = {words: (country, bool(demonym)) for words, country, demonym in rows}
            return self._country_words

    def _query(self, sql: str, parameters: tuple[object, ...]) -> list[Any]:
        try:
            return [row for connection in self._connect() for row in connection.execute(sql, parameters)]
        except sqlite3.Error as error:
            raise ResourceError(f"{self._path}: broken gazetteer file: {error}") from error

    def _find(self, key: str) -> tuple[NameMatch, ...]:
        bones, folded = skeleton(key), fold_key(key)
        # What no folding can make alike enough is not folded: most names of a common skeleton.
        skeletons = len(bones) >= _MIN_SKELETON_CHARS
        least = 2 * _MIN_SKELETON_SIMILARITY - 1 if skeletons else _MIN_FOLDED_SIMILARITY
        best: dict[int, tuple[MatchTier, float]] = {}
        for other, place, alias in self._query(
            "SELECT key, place, alias FROM name WHERE skeleton = ?", (bones,)
        ):
            tier: MatchTier
            if other == key:
                tier, similarity = "alias" if alias else "exact", 1.0
            else:
                similarity = fuzz.ratio(key, other) / 100 * (_ALIAS_DOUBT if alias else 1.0)
                if similarity < least:
                    continue
                tier = "folded"
                if (other_folded := fold_key(other)) != folded or similarity < _MIN_FOLDED_SIMILARITY:
                    similarity = (fuzz.ratio(folded, other_folded) / 100 + similarity) / 2
                    if not skeletons or similarity < _MIN_SKELETON_SIMILARITY:
                        continue
                    tier = "skeleton"
            _keep(best, place, tier, similarity)
        if not best and len(key) >= _MIN_FUZZY_CHARS:
            prefix = bones[:3]
            rows = self._query(
                "SELECT key, place FROM name WHERE skeleton >= ? AND skeleton < ?",
                (prefix, prefix + "\U0010ffff"),
            )
            near = process.extract(
                key, [row[0] for row in rows], scorer=Levenshtein.normalized_similarity,
                score_cutoff=_MIN_FUZZY_RATIO, limit=50,
            )  # fmt: skip
            for _, similarity, index in near:
                _keep(best, rows[index][1], "fuzzy", similarity)
        entries = self._read(set(best))
        found = [NameMatch(entry, *best[place]) for place, entry in entries.items()]
        found.sort(key=lambda m: (_TIERS.index(m.tier), -m.similarity, -m.entry.population, m.entry.id))
        return tuple(found)

    def _read(self, ids: set[int]) -> dict[int, GazetteerEntry]:
        wanted = sorted(ids)
        entries: dict[int, GazetteerEntry] = {}
        # SQLite takes at least 999 parameters a statement.
        for start in range(0, len(wanted), 900):
            part = wanted[start : start + 900]
            marks = ",".join("?" * len(part))
            rows = self._query(f"SELECT * FROM place WHERE id IN ({marks})", tuple(part))
            try:
                entries |= {row[0]: _entry(row) for row in rows}
            except (IndexError, TypeError, ValueError) as error:
                raise ResourceError(f"{self._path}: broken gazetteer file: {error}") from error
        return entries

    @staticmethod
    def build(rows: Iterable[GazetteerRow], path: Path, *, extra: Path | None = None) -> None:
        """Writes a file that `open` reads; an existing one is replaced only when the new one is whole.

        Args:
            rows: places with distinct ids, taken one by one: of any number, in constant memory.
            path: the file to write.
            extra: a CSV file as in `open`, to be made part of the file; its admin1 column is not used.

        Raises:
            ResourceError: two rows have one id, or a file cannot be read or written.
        """
        path = Path(path)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            partial.unlink(missing_ok=True)
            connection = sqlite3.connect(partial)
            try:
                own = [row for row, _ in _read_extra(extra)] if extra is not None else []
                _fill(connection, itertools.chain(rows, own))
            finally:
                connection.close()
            partial.replace(path)
        except (OSError, sqlite3.Error) as error:
            raise ResourceError(f"{path}: the gazetteer cannot be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)


def _entry(row: Sequence[Any]) -> GazetteerEntry:
    id, name, kind, country, admin1, admin2, latitude, longitude, population, flags = row
    return GazetteerEntry(
        id=id, name=name, kind=_KINDS[kind], country=country, admin1=admin1, admin2=admin2,
        latitude=latitude / _DEGREE, longitude=longitude / _DEGREE, population=population,
        seat=bool(flags & _SEAT), rough=bool(flags & _ROUGH), capital=bool(flags & _CAPITAL),
    )  # fmt: skip


def _keep(best: dict[int, tuple[MatchTier, float]], place: int, tier: MatchTier, similarity: float) -> None:
    before = best.get(place)
    if before is None or (_TIERS.index(tier), -similarity) < (_TIERS.index(before[0]), -before[1]):
        best[place] = (tier, similarity)


_BATCH_ROWS = 20_000


def _fill(connection: sqlite3.Connection, rows: Iterable[GazetteerRow]) -> None:
    connection.executescript(_SCHEMA)
    # SQLite sorts what memory would not hold, in temporary files; sorted rows make the same file every time.
    connection.executescript(
        """
        PRAGMA temp_store = FILE;
        CREATE TEMP TABLE raw_place AS SELECT * FROM place;
        CREATE TEMP TABLE raw_name AS SELECT * FROM name;
        """
    )
    words: dict[str, tuple[str, int]] = {}
    waiting = iter(rows)
    while batch := list(itertools.islice(waiting, _BATCH_ROWS)):
        _stage(connection, batch, words)
    connection.executescript(
        """
        INSERT INTO place SELECT * FROM raw_place ORDER BY 1;
        INSERT INTO name SELECT * FROM raw_name ORDER BY 1, 2, 3, 4;
        DROP TABLE raw_place;
        DROP TABLE raw_name;
        """
    )
    connection.executemany(
        "INSERT INTO country_word VALUES (?,?,?)",
        sorted((key, *value) for key, value in words.items() if key),
    )
    connection.commit()
    connection.execute("VACUUM")


def _stage(
    connection: sqlite3.Connection, rows: Iterable[GazetteerRow], words: dict[str, tuple[str, int]]
) -> None:
    """Puts rows into the tables that are still to be sorted, names of countries and peoples into `words`."""
    places, names = [], []
    for row in rows:
        flags = _SEAT * row.seat | _ROUGH * row.rough | _CAPITAL * row.capital
        places.append(
            (row.id, row.name, _KINDS.index(row.kind), row.country, row.admin1, row.admin2,
             round(row.latitude * _DEGREE), round(row.longitude * _DEGREE), row.population, flags)
        )  # fmt: skip
        seen: set[str] = set()
        for name in (row.name, *row.aliases):
            key = name_key(name)
            if key and key not in seen:
                names.append((skeleton(key), key, row.id, int(bool(seen))))
                seen.add(key)
            if row.kind == "country" and row.country:
                words[" ".join(name_words(name))] = (row.country, 0)
        if row.country:
            for demonym in row.demonyms:
                words.setdefault(" ".join(name_words(demonym)), (row.country, 1))
    connection.executemany("INSERT INTO raw_place VALUES (?,?,?,?,?,?,?,?,?,?)", places)
    connection.executemany("INSERT INTO raw_name VALUES (?,?,?,?)", names)


def _read_extra(path: Path) -> Iterator[tuple[GazetteerRow, str]]:
    """Yields the places of a user's CSV file, each with the name of its first-order division."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ResourceError(f"{path}: cannot be read: {error}") from error
    # Without translation of line ends, and none at marks that only Unicode counts as such.
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        yield from _extra_rows(reader, path)
    except csv.Error as error:
        raise ResourceError(f"{path}:{reader.line_num}: not valid CSV: {error}") from error


def _extra_rows(reader: csv.DictReader[str], path: Path) -> Iterator[tuple[GazetteerRow, str]]:
    columns = reader.fieldnames or ()
    if unknown := sorted(set(columns) - set(_COLUMNS)):
        raise ResourceError(f"{path}: unknown column {unknown[0]!r}; expected {', '.join(_COLUMNS)}")
    if missing := [name for name in _COLUMNS[:3] if name not in columns]:
        raise ResourceError(f"{path}: no column {missing[0]!r}; expected {', '.join(_COLUMNS)}")
    for number, raw in enumerate(reader, start=1):
        at = f"{path}:{reader.line_num}"
        if None in raw or not raw["name"]:
            raise ResourceError(f"{at}: expected a name and at most {len(columns)} values")
        try:
            latitude, longitude = float(raw["latitude"] or ""), float(raw["longitude"] or "")
        except ValueError:
            latitude = longitude = float("nan")
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ResourceError(
                f"{at}: latitude {raw['latitude']!r}, longitude {raw['longitude']!r}: expected degrees"
            )
        country = (raw.get("country") or "").strip().upper() or None
        if country is not None and not re.fullmatch("[A-Z]{2}", country):
            raise ResourceError(f"{at}: country {country!r}, expected an ISO alpha-2 code")
        aliases = tuple(alias.strip() for alias in (raw.get("aliases") or "").split("|") if alias.strip())
        # Far below the ids of places.toml, and a high population: what a user lists is what is meant.
        row = GazetteerRow(
            id=-1_000_000 - number, name=raw["name"].strip(), kind="settlement", latitude=latitude,
            longitude=longitude, country=country, population=1_000_000, aliases=aliases,
        )  # fmt: skip
        yield row, raw.get("admin1") or ""

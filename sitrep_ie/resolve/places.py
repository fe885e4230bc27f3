"""Place mentions of one document to points on the map, decided jointly.

A report names places as its readers know them: "Zharay district", "northern countryside of Raqqa", "base".
The words around a name say what kind of place is meant and how exactly; the places that hold it, the country
that the document is about and the places beside it say which one of its name. A wrong point is worse than
none: without such support a small place stays unresolved. Knows names and positions, no annotations.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sitrep_ie.document import PlacePrecision, PlaceValue
from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerEntry, NameMatch, name_key, name_words, skeleton

UNRESOLVED = PlaceValue(precision="unresolved")


@dataclass(frozen=True, slots=True)
class PlaceQuery:
    """A place as the text names it, and the places that hold it as the text names them, nearest first."""

    text: str
    within: tuple[str, ...] = ()


# ---- what the words of a mention say ----


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DIRECTIONS = _words(
    """
    north south east west northern southern eastern western northeast northwest southeast southwest
    northeastern northwestern southeastern southwestern northerly southerly central center centre
    middle mid far inner outer greater rural upper lower extreme
    """
)
_SURROUNDINGS = _words(
    """
    countryside outskirts outskirt suburb suburbs area areas vicinity surroundings environs
    periphery hinterland front frontline frontlines axis sector sectors direction directions pocket
    part parts side sides fringe fringes belt
    edge entrance entrances approaches neighbourhood neighbourhoods neighborhood neighborhoods
    quarter quarters downtown
    """
)
_DIVISIONS = _words(
    """
    province provinces governorate governorates governate oblast oblasts state states region regions
    prefecture wilaya wilayah wilayat emirate republic krai muhafazah muhafazat department
    autonomous administration federal
    """
)
_DISTRICTS = _words(
    """
    district districts subdistrict county counties raion rayon municipality municipalities commune
    communes woreda zone locality lga cercle territory territories tehsil taluka nahiya
    subprefecture arrondissement division parish canton
    payam payams woredas corregimiento corregimientos kecamatan tehsils talukas
    """
)
# The smallest units: many of a country's bear the same name.
_WARDS = _words(
    """
    ward wards barangay barangays tambon tambons vereda veredas boma bomas kebele kebeles fokontany mouza
    desa kelurahan
    """
)
_SETTLEMENTS = _words(
    """
    city cities town towns village villages settlement settlements hamlet hamlets township community
    communities
    """
)
_FACILITIES = _words(
    """
    base bases airbase airbases airport airports airfield airfields air field fields military naval
    camp camps checkpoint checkpoints crossing crossings crossroads border borders bridge bridges
    dam dams road roads highway highways motorway valley valleys mountain mountains mount hill hills
    heights oil gas oilfield oilfields gasfield hospital hospitals school schools prison prisons
    jail port ports harbour harbor refinery plant station stations junction intersection roundabout
    farm farms farmland forest forests river lake desert plain plains outpost outposts post posts
    dune dunes jungle bush woods woodland swamp swamps marsh marshes ridge ridges range massif plateau
    gorge ravine canyon cliffs foothills slopes sierra basin delta creek stream lagoon reservoir channel
    canal strait peninsula shoal reef islet islets
    position positions headquarters hq compound compounds building buildings site sites garrison
    barracks gate tunnel tunnels mosque church university stadium cemetery island islands coast
    coastline shore beach bay square market markets street avenue shop water waters airspace
    territory land lands soil mainland frontier frontiers boundary barrier terminal toll corridor pass
    point points spot location locations place places home house houses warehouse facility facilities depot
    office offices silos silo factory mine mines wadi
    grove groves orchard orchards path track trail terrain ground route routes line lines mill
    refugee displacement displaced idp idps international combat operating fob cop forward patrol
    hotel clinic dispensary cantonment bazaar monastery cathedral convent shrine quarry reserve resort
    residence palace mall police army security customs special strip enclave region regional power
    nuclear thermal
    electrical residential industrial agricultural control held controlled reconciliation buffer
    safe demilitarised demilitarized ceasefire contact zone zones stretch section bank banks bend
    stronghold strongholds hideout hideouts cell cells den dens trench trenches cave caves court
    courthouse
    """
)
_LINKS = _words(
    """
    of in at near around on to from by with the a an and between along outside inside towards toward over
    for across off opposite beyond beside behind
    """
)
# What bears one of these words is named after anything at all: "Suvorov Street", "Damascus Square".
_ROADS = _words(
    "road roads highway highways motorway route routes track axis crossroads junction intersection"
)
_DEDICATED = _words("street avenue boulevard square mosque church roundabout")
_GENERIC = (
    _DEDICATED
    | _DIRECTIONS
    | _SURROUNDINGS
    | _DIVISIONS
    | _DISTRICTS
    | _WARDS
    | _SETTLEMENTS
    | _FACILITIES
    | _LINKS
)
# Division words of other languages, as gazetteers write them around names.
_FOREIGN_DIVISIONS = _words(
    """
    departement departamento region provincia provinsi estado etat cercle commune arrondissement
    prefecture municipio municipality ville cidade ciudad oblast raion rayon misto hromada
    shahrestan ostan bakhsh wuleswali wuluswali wuleswalay alaqahdari hukumat markaz muhafazat
    muhafazah liwa qada mintaqat mantiqat nahiyat mudiriyat mudiriyah madinat wilayat wilaya degmada
    gobolka gobol kabupaten kota viloyati viloyat tumani vilayet il ilcesi khwet woreda wereda zone
    awraja killil territoire lga sub tehsil zila zilla upazila district governorate county state
    province city town canton parish township oblys oblysy oblasti municipal autonomous de du des da
    do dos del la le les of the d l e i ye
    """
)
# The longest name of GeoNames has 200 characters.
MAX_TEXT_CHARS = 300
_MAX_CONTEXT_CHARS = 10_000
_SPLIT = re.compile(r"\s*[,;]\s*")
_ALTERNATIVES = re.compile(r"\s*[()/\[\]]\s*")
# "Aleppo-Damascus", "Fada N'Gourma–Pama", "Yei - Juba": a long dash joins two names, a hyphen may be in one.
_ENDS = re.compile(r"([A-Z][^–—]{2,}?)(?:\s*[–—]\s*|\s+-\s+|(?<=\w{3})-(?=[A-Z]\w{2,}\Z))([A-Z][^–—]{2,})")
_LISTED = re.compile(r",[^,]+,?\s(?:and|or|&)\s")
# "SDF-held areas", "Houthi-controlled Yemen": who holds a place is no part of its name.
_HELD_BY = re.compile(
    r"[\w'’]+(?:[ -][\w'’]+)?-(?:held|controlled|administered|occupied|ruled|run|led|dominated|populated)\s+"
    r"(?=.*[A-Z])"
)
_POSSESSIVE = re.compile(r"['’]s?(?=\s|$)")
_CAPITALISED = re.compile(r"\b[A-Z][\w'’-]{3,}(?: [A-Z][\w'’-]+)?")
_INNER_LINK = re.compile(r"\s(?:of|in|near|outside|inside|along|at)\s(?:the\s)?", re.IGNORECASE)

Wanted = Literal["division", "district", "settlement"]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a mention says: names to look up, best first, and what the words around them add."""

    full: str
    core: str
    alternatives: tuple[str, ...]
    within: tuple[str, ...]
    wanted: Wanted | None
    near: bool
    direction: bool
    facility: bool
    road: bool
    ward: bool
    dedicated: bool
    lower: bool


_EAST_OF = re.compile(
    rf".*\b(?:{'|'.join(sorted(_DIRECTIONS))})\s+(?:of|from)\s+(?:the\s+)?\Z", re.IGNORECASE
)


def strip_division(name: str) -> str:
    """Returns a division's name without the words for its kind: "Département de Tessaoua" is "Tessaoua"."""
    return _strip(name, _FOREIGN_DIVISIONS)


def _plain(word: str) -> str:
    return "".join(name_words(word))


def _strip(text: str, generic: frozenset[str]) -> str:
    words = text.split()
    # Hyphenated modifiers ("north-eastern", "SDF-held") are read by their parts.
    while words and all(part in generic for part in name_words(words[0])):
        words.pop(0)
    while words and all(part in generic for part in name_words(words[-1])):
        words.pop()
    return " ".join(words)


def _read(query: PlaceQuery) -> _Reading:
    text = _HELD_BY.sub("", query.text.strip()) or query.text.strip()
    # "the valley of the Ene, Tambo and Perené rivers" names several places, none inside the next.
    parts = [text] if _LISTED.search(text) else _SPLIT.split(text)
    first, *rest = [part for part in parts if part] or [""]
    pieces = [part for part in _ALTERNATIVES.split(first) if part] or [""]
    full = _POSSESSIVE.sub("", pieces[0]).strip("\"“”'‘’ .")
    alternatives = tuple(core for piece in pieces[1:] if (core := _strip(piece, _GENERIC)))
    within = (*rest, *query.within)
    words = {part for word in full.split() for part in name_words(word)}
    core = _strip(full, _GENERIC)
    if (link := _INNER_LINK.search(core)) and _strip(core[: link.start()], _GENERIC):
        within = (core[link.end() :], *within)
        words = {part for part in name_words(core[: link.start()])} | (words - set(name_words(core)))
        core = _strip(core[: link.start()], _GENERIC)
    around = words - set(name_words(core))
    features = around & (_FACILITIES - _DIVISIONS - _DISTRICTS)
    wanted: Wanted | None = None
    if around & _DISTRICTS:
        wanted = "district"
    elif around & _DIVISIONS:
        wanted = "division"
    elif around & _SETTLEMENTS:
        wanted = "settlement"
    return _Reading(
        full=full,
        core=core,
        alternatives=alternatives,
        within=within,
        wanted=wanted,
        near=bool(around & (_SURROUNDINGS | _DIRECTIONS)),
        direction=bool(around & _DIRECTIONS),
        facility=bool(features) and not _EAST_OF.match(full[: -len(core)] if full.endswith(core) else ""),
        road=bool(features) and features <= _ROADS,
        ward=bool(around & _WARDS),
        dedicated=bool(around & _DEDICATED),
        lower=core == core.lower(),
    )


# ---- which place of that name ----

_PENALTY = {"exact": 0.0, "alias": 0.4, "folded": 0.4, "skeleton": 1.5, "fuzzy": 1.5}
_FOREIGN_WEIGHT = 0.4
_UNCOUNTED_SEAT = 10_000
_MIN_CONTEXT_POPULATION = 200_000
_CERTAIN = ("exact", "alias", "folded")
# From here on two spellings differ in little.
_ALIKE = 0.85
# A share of the document's votes from which its country speaks for a place, and from which it speaks loudly.
_SOME_SUPPORT, _SUPPORT = 0.02, 0.12
# The joint decision settles in two rounds: the second knows the first's places.
_NEIGHBOUR_KM = 100.0
_WARD_KM = 30.0


@dataclass(slots=True)
class _Name:
    """A distinct mention of the document and its state in the joint decision."""

    reading: _Reading
    matches: tuple[NameMatch, ...]
    # Places named by the whole text, generic words included ("Gaza City", "South Kivu").
    whole: frozenset[int]
    votes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Decision:
    entry: GazetteerEntry
    precision: PlacePrecision
    # The document itself speaks for it: what holds it, or the country of other places.
    supported: bool
    # It was chosen among its namesakes for the place that holds it.
    held: bool = False
    from_container: bool = False
    # All countries of a border or of several named at once; the entry is one of them.
    countries: frozenset[str] = frozenset()


def resolve_places(
    queries: Sequence[PlaceQuery],
    gazetteer: Gazetteer,
    *,
    countries: Mapping[str, int] | None = None,
    context_texts: Sequence[str] = (),
) -> list[PlaceValue]:
    """Returns one value per query, in order.

    A named place that cannot be found, and a common noun ("base"), get the position of what holds them, with
    the precision of that: never worse than the container, and `unresolved` without one.

    Args:
        queries: the places of one document; they help to decide each other.
        gazetteer: where names are looked up.
        countries: ISO alpha-2 codes with weights: countries that the caller knows the document to be about.
        context_texts: further texts whose country names and demonyms vote: the title, "Afghan forces".
    """
    short = [_shortened(query) for query in queries]
    texts = [text[:_MAX_CONTEXT_CHARS] for text in context_texts]
    return _Resolver(gazetteer, countries or {}, texts).resolve(short)


def _shortened(query: PlaceQuery) -> PlaceQuery:
    """What is longer is noise (a table without blanks, a key), and would cost its length squared to read."""
    if len(query.text) <= MAX_TEXT_CHARS and all(len(text) <= MAX_TEXT_CHARS for text in query.within):
        return query
    return PlaceQuery(query.text[:MAX_TEXT_CHARS], tuple(text[:MAX_TEXT_CHARS] for text in query.within))


class _Resolver:
    def __init__(
        self, gazetteer: Gazetteer, countries: Mapping[str, int], context_texts: Sequence[str]
    ) -> None:
        self._gazetteer = gazetteer
        self._words = gazetteer.country_words()
        self._context_texts = sorted(set(context_texts))
        self._names: dict[PlaceQuery, _Name] = {}
        self._votes: dict[str, float] = defaultdict(float)
        for country, weight in countries.items():
            self._votes[country.upper()] += max(0, weight)
        # Actors are often foreign, and one is named again and again: roots, and less than a place.
        for country, number in Counter(c for t in context_texts for c in set(self._countries_in(t))).items():
            self._votes[country] += _FOREIGN_WEIGHT * math.sqrt(number)
        self._decisions: dict[PlaceQuery, _Decision | None] = {}
        self._anchors: list[tuple[str, GazetteerEntry]] = []
        self._told: set[int] = set()

    def resolve(self, queries: Sequence[PlaceQuery]) -> list[PlaceValue]:
        for query in queries:
            self._add(query)
        # A place votes once, however often and within whatever it is named.
        by_core: dict[str, dict[str, float]] = {}
        for name in self._names.values():
            core = name_key(name.reading.core or name.reading.full)
            if core not in by_core:
                by_core[core] = self._vote(name)
                for country, share in by_core[core].items():
                    self._votes[country] += share
            name.votes = by_core[core]
        # What a title says of a place that is in question itself is no further evidence.
        cities = Counter(c for text in self._context_texts for c in self._cities_in(text, by_core))
        for country, number in cities.items():
            self._votes[country] += _FOREIGN_WEIGHT * math.sqrt(number)
        for _ in range(2):
            decisions: dict[PlaceQuery, _Decision | None] = {}
            self._decisions = decisions
            for query in self._names:
                self._decide(query)
            self._anchors = [
                (self._names[query].reading.core, d.entry)
                for query, d in decisions.items()
                if d and d.supported and not d.from_container
                if d.entry.kind in ("settlement", "facility", "admin2")
            ]
            self._told = {d.entry.id for d in decisions.values() if d and d.held}
        return [_value(self._decisions[query]) for query in queries]

    def _add(self, query: PlaceQuery) -> None:
        if query in self._names:
            return
        reading = _read(query)
        self._names[query] = _Name(reading, *self._candidates(reading))
        if holder := _holder(query, reading):
            self._add(holder)

    def _candidates(self, reading: _Reading) -> tuple[tuple[NameMatch, ...], frozenset[int]]:
        """Places of the mention's name; ids of those that the whole text names, generic words included."""
        if self._words.get(" ".join(name_words(reading.core)), ("", False))[1]:
            return (), frozenset()
        matches = self._gazetteer.matches
        if reading.full == reading.core:
            found = matches(reading.core)
            whole: tuple[NameMatch, ...] = ()
        else:
            # "Lake Chad fringes", "north of Mount Hermon": what says where in it is no part of a name.
            inner = _strip(reading.full, _SURROUNDINGS | _DIRECTIONS | _LINKS)
            whole = tuple(
                m for m in matches(reading.full) or (matches(inner) if inner != reading.core else ())
                if m.tier in ("exact", "alias") or (m.tier == "folded" and m.similarity >= _ALIKE)
                if reading.core or m.entry.kind in ("country", "region", "water")
            )  # fmt: skip
            ids = {m.entry.id for m in whole}
            others = matches(reading.core) if reading.core and not reading.dedicated else ()
            found = whole + tuple(m for m in others if m.entry.id not in ids)
        for alternative in reading.alternatives:
            if found and found[0].tier in _CERTAIN:
                break
            found = matches(alternative) or found
        is_list = "," in reading.core
        if not found and (reading.facility or reading.near) and not (reading.dedicated or is_list):
            # "Aleppo-Damascus highway": a road by its ends; "Nakuru Level Five Hospital": by a word of it.
            if ends := _ENDS.fullmatch(reading.core):
                found = tuple(
                    m for part in ends.groups() for m in matches(part) if m.tier in ("exact", "alias")
                )
            else:
                words = [word for word in reading.core.split() if word[:1].isupper()]
                first = words[0] if reading.full.startswith(tuple(words[:1])) else None
                found = tuple(
                    m for word in words for m in matches(word)
                    if m.tier == "exact" and (_is_large(m) if word == first else _is_large_town(m))
                )  # fmt: skip
        if reading.wanted == "division":
            found = self._named_after(found) + found
        return found, frozenset(m.entry.id for m in whole)

    def _named_after(self, matches: tuple[NameMatch, ...]) -> tuple[NameMatch, ...]:
        """Divisions that bear the name of a town: its further spellings ("Kharkov") are theirs too."""
        certain = {None, *(match.entry.id for match in matches if match.tier in _CERTAIN)}
        divisions = []
        for match in matches:
            if match.tier in _CERTAIN and match.entry.seat and match.entry.admin1 not in certain:
                division = self._gazetteer.entry(match.entry.admin1 or 0)
                town = skeleton(name_key(match.entry.name))
                if division and skeleton(name_key(division.name)).startswith(town):
                    divisions.append(NameMatch(division, match.tier, match.similarity))
        return tuple(divisions)

    # ---- the document's countries ----

    def _countries_in(self, text: str) -> list[str]:
        words = name_words(text)
        found, start = [], 0
        while start < len(words):
            for length in range(min(6, len(words) - start), 0, -1):
                hit = self._words.get(" ".join(words[start : start + length]))
                # "us" and "it" are words; the country is written with capitals or full stops.
                if hit and (words[start] not in ("us", "car") or words[start].upper() in text or length > 1):
                    found.append(hit[0])
                    start += length - 1
                    break
            start += 1
        return found

    def _cities_in(self, text: str, known: Collection[str]) -> set[str]:
        """Countries of the large places that a title or an actor's name holds ("Kharkiv Regional Police")."""
        found: set[str] = set()
        for name in _CAPITALISED.findall(text):
            if name_key(name) in known:
                continue
            for match in self._gazetteer.matches(name)[:1]:
                entry = match.entry
                if match.tier == "exact" and entry.population >= _MIN_CONTEXT_POPULATION and entry.country:
                    found.add(entry.country)
        return found

    def _vote(self, name: _Name) -> dict[str, float]:
        """Votes of one name, 1 in all (3 for a country's own), spread over the countries it may lie in."""
        named = self._countries_in(name.reading.full)
        if named:
            return {country: 3.0 / len(set(named)) for country in named}
        weights: dict[str, float] = defaultdict(float)
        for match in name.matches:
            country = match.entry.country
            if country and match.tier in _CERTAIN and match.similarity >= _ALIKE:
                weight = 10 ** (0.75 * (_prominence(match.entry) - _penalty(match)))
                weights[country] = max(weights[country], weight)
        total = sum(weights.values())
        # Squares: a name that may lie anywhere says little in all.
        votes = {country: (weight / total) ** 2 for country, weight in weights.items()}
        # The name of a camp or a road may be taken from anywhere; so may a spelling that only sounds alike.
        trust = 0.3 if name.reading.facility else 1.0
        if not any(match.tier in ("exact", "alias") for match in name.matches):
            trust *= 0.5
        return {country: vote * trust for country, vote in votes.items()}

    def _support(self, name: _Name, country: str | None) -> float:
        """The share of the document's votes for the country, this name's own left out; -1 if none has any.

        One vote is added against every country, so that two chance namesakes do not vouch for each other.
        """
        others = {c: votes - name.votes.get(c, 0.0) for c, votes in self._votes.items()}
        total = sum(others.values()) + 1.0
        if max(others.values(), default=0.0) / total < _SUPPORT:
            return -1.0
        return max(0.0, others.get(country or "", 0.0)) / total

    # ---- one name ----

    def _decide(self, query: PlaceQuery) -> _Decision | None:
        if query in self._decisions:
            return self._decisions[query]
        # A chain that holds itself ends here.
        self._decisions[query] = None
        name = self._names[query]
        holder = _holder(query, name.reading)
        container = self._decide(holder) if holder else None
        decision = (
            self._choose(name, container) or self._country(name, container) or _inherit(name, container)
        )
        self._decisions[query] = decision
        return decision

    def _choose(self, name: _Name, container: _Decision | None) -> _Decision | None:
        reading = name.reading
        inside = {match.entry.admin1 for match in name.matches if _is_seat(match)}
        best: tuple[float, GazetteerEntry, bool, bool] | None = None
        for match in name.matches:
            entry = match.entry
            held = _held(entry, container.entry) if container else 0.0
            if container and len(container.countries) > 1 and entry.country in container.countries:
                held = 2.0
            support = self._support(name, entry.country)
            nearest = self._nearest_km(entry, reading.core)
            whole = entry.id in name.whole
            if not _acceptable(match, reading, whole, held, support, nearest, container is not None):
                continue
            score = _prominence(entry) - _penalty(match) + held + _fit(entry, reading)
            if whole:
                score += 1.5
            elif match.tier == "alias" and len(name_key(reading.core)) <= 4:
                score -= 0.6
            if entry.kind == "admin1" and reading.wanted is None and entry.id in inside:
                score -= 2.5
            score += 4.0 * math.sqrt(max(0.0, support))
            score += self._company(entry, nearest)
            if best is None or score > best[0]:
                best = (score, entry, held > 0.0 or support >= _SUPPORT, held > 0.0)
        if best is None:
            return None
        return _Decision(
            best[1], _precision(best[1], reading, best[1].id in name.whole), supported=best[2], held=best[3]
        )

    def _nearest_km(self, entry: GazetteerEntry, core: str) -> float:
        """How far the nearest other place of the document is, as the round before left them."""
        # A town is no evidence for the district of its name around it, nor for a like name being its own.
        others = [
            _distance_km(entry, other)
            for name, other in self._anchors
            if name != core and other.id != entry.id
        ]
        return min(others, default=math.inf)

    def _company(self, entry: GazetteerEntry, nearest: float) -> float:
        """What the document's other places say for this one."""
        if entry.kind == "country":
            return 0.0
        return (1.5 if entry.id in self._told else 0.0) + 1.5 * math.exp(-nearest / _NEIGHBOUR_KM)

    def _country(self, name: _Name, container: _Decision | None) -> _Decision | None:
        """A country for "the Syrian-Turkish border" or "Iraqi territory": demonyms and generic words only."""
        named = self._countries_in(name.reading.full)
        if not named:
            return None
        rest = set(name_words(name.reading.full)) - _GENERIC
        spoken = {w for words, hit in self._words.items() if hit[0] in named for w in words.split()}
        if rest - spoken:
            return None
        if container and container.entry.country in named:
            return None
        country = max(named, key=lambda code: (self._votes.get(code, 0.0), -named.index(code)))
        own_name = next((words for words, hit in self._words.items() if hit == (country, False)), "")
        for match in self._gazetteer.matches(own_name):
            if match.entry.kind == "country" and match.entry.country == country:
                return _Decision(match.entry, "country", supported=True, countries=frozenset(named))
        return None


def _holder(query: PlaceQuery, reading: _Reading) -> PlaceQuery | None:
    within = tuple(text for text in reading.within if text != query.text)
    return PlaceQuery(within[0], within[1:]) if within else None


def _prominence(entry: GazetteerEntry) -> float:
    """How likely a name alone is to mean this place, on the scale of a settlement's log10 population."""
    size = math.log10(_people(entry) + 100)
    if entry.kind == "country":
        return 8.0
    if entry.kind == "admin1":
        return min(5.2, max(4.5, size))
    if entry.kind == "admin2":
        return min(4.0, max(3.5, size)) - 1.0
    return min(size, 6.0) + 0.3 * entry.seat + 0.5 * entry.capital


def _people(entry: GazetteerEntry) -> int:
    # Listed without a count are seats of some administration, and what `places.toml` adds.
    return entry.population or (_UNCOUNTED_SEAT if entry.kind == "settlement" else 0)


def _is_seat(match: NameMatch) -> bool:
    return match.entry.seat and match.tier in _CERTAIN and match.entry.population >= 20_000


def _is_large_town(match: NameMatch) -> bool:
    return match.entry.kind == "settlement" and match.entry.population >= 50_000


def _is_large(match: NameMatch) -> bool:
    return _people(match.entry) >= 50_000 or match.entry.kind in ("admin1", "facility")


def _penalty(match: NameMatch) -> float:
    return _PENALTY[match.tier] + 3.0 * (1.0 - match.similarity)


def _fit(entry: GazetteerEntry, reading: _Reading) -> float:
    kind = entry.kind
    if reading.wanted == "division":
        return {"admin1": 2.5, "region": 2.0, "admin2": 1.0, "country": -4.0}.get(kind, -1.0)
    if reading.wanted == "district":
        return {"admin2": 2.5, "settlement": 1.2, "admin1": 0.0, "region": 0.0, "country": -4.0}.get(
            kind, -1.0
        )
    if reading.wanted == "settlement":
        return {"settlement": 2.0, "country": -4.0, "facility": 0.0}.get(kind, -2.0)
    return 0.5 if reading.direction and kind == "admin1" else 0.0


def _acceptable(
    match: NameMatch,
    reading: _Reading,
    whole: bool,
    held: float,
    support: float,
    nearest_km: float,
    has_container: bool,
) -> bool:
    entry, tier = match.entry, match.tier
    same = tier in ("exact", "alias")
    alike = same or (tier == "folded" and match.similarity >= _ALIKE)
    people, large = _people(entry), entry.kind in ("admin1", "region")
    if entry.kind == "country":
        return same and not reading.facility
    if entry.kind == "water":
        return alike
    if entry.kind == "facility" and not same:
        return alike and support >= _SUPPORT and held >= 0
    # Those of `places.toml` are known beyond their country.
    if entry.kind in ("facility", "region") and same and entry.id < 0 and held >= 0:
        return support >= _SUPPORT or (not reading.lower and (whole or not reading.facility))
    if reading.ward and held <= 0 and nearest_km > _WARD_KM:
        return False
    letters = len(name_key(reading.core or reading.full))
    if letters <= 3 and not same:
        return False
    if (
        reading.lower
        and entry.id > 0
        and not (tier == "exact" and people >= 50_000 and (held > 0 or support >= _SUPPORT))
    ):
        return False
    if held < 0 and not (same and people >= 300_000 and (held > -2.0 or support >= _SUPPORT)):
        return False
    if reading.facility and entry.kind != "facility":
        # "Al-Salam camp", "Victory base": named after anything.
        if not alike or (held <= 0 and support < _SUPPORT and people < 300_000):
            return False
        # A road is mostly called by the town that it leads to, a camp or a hospital by anybody.
        small = people < 2_000 and not entry.seat and entry.kind == "settlement"
        if small and held <= 0 and not (reading.road and same):
            return False
    if held > 0:
        return tier in _CERTAIN or match.similarity >= 0.84
    if has_container and not alike:
        return False
    if support >= _SUPPORT:
        if alike:
            return True
        least = 0.9 if tier != "folded" else 0.75 if letters >= 6 else _ALIKE
        return match.similarity >= least and support >= 0.25
    # Reports of one border name towns on both sides of it.
    if same and nearest_km <= _NEIGHBOUR_KM and people >= 2_000:
        return True
    if support >= _SOME_SUPPORT:
        return same and (people >= 5_000 or large)
    if support >= 0.0:
        return (
            people >= 100_000 if tier == "exact" else tier == "alias" and letters >= 6 and people >= 200_000
        )
    if tier == "exact":
        return people >= 15_000 or large
    return alike and people >= (100_000 if same else 300_000)


def _held(entry: GazetteerEntry, container: GazetteerEntry) -> float:
    """How well a place lies within another: above 0 when it does, below 0 when it does not."""
    if entry.id == container.id:
        return 4.0
    if container.kind == "country":
        return 2.0 if entry.country == container.country else (0.0 if entry.country is None else -5.0)
    km = _distance_km(entry, container)
    if container.kind == "admin1":
        if entry.admin1 == container.id:
            return 4.0
        if km <= 60 and entry.kind in ("settlement", "facility", "region", "water"):
            return 1.0
        return (-1.5 if km < 400 else -4.0) if entry.country in (container.country, None) else -5.0
    if container.kind == "region":
        if entry.country == container.country is not None:
            return 2.0 if km <= 400 else 0.0
        return 0.5 if container.country is None and km <= 1500 else (-5.0 if km > 400 else 0.0)
    if container.kind == "water":
        return 1.0 if km <= 300 else 0.0
    if container.kind == "admin2" and (entry.admin2 == container.id or (km <= 40 and not container.rough)):
        return 4.0
    if container.kind == "admin2" and container.rough and entry.admin1 == container.admin1 is not None:
        return 2.0
    if km <= 60:
        return 4.0
    if km <= 150:
        return 1.5
    if km <= 400 and entry.country == container.country:
        return 0.0
    return -4.0


def _precision(entry: GazetteerEntry, reading: _Reading, whole: bool) -> PlacePrecision:
    if entry.kind == "country":
        return "country"
    if entry.kind in ("admin1", "admin2", "region"):
        return "admin"
    if entry.kind == "water":
        return "near"
    if whole:
        return "exact"
    if reading.near or reading.facility or reading.wanted in ("division", "district"):
        return "near"
    return "exact"


def _inherit(name: _Name, container: _Decision | None) -> _Decision | None:
    if container is None:
        return None
    precision: PlacePrecision = "near" if container.precision == "exact" else container.precision
    return _Decision(container.entry, precision, supported=container.supported, from_container=True)


def _value(decision: _Decision | None) -> PlaceValue:
    if decision is None:
        return UNRESOLVED
    entry = decision.entry
    return PlaceValue(
        precision=decision.precision,
        name=entry.name,
        gazetteer_id=entry.gazetteer_id,
        latitude=entry.latitude,
        longitude=entry.longitude,
        country=entry.country,
    )


def _distance_km(a: GazetteerEntry, b: GazetteerEntry) -> float:
    phi, psi = math.radians(a.latitude), math.radians(b.latitude)
    turn = math.radians(b.longitude - a.longitude)
    chord = math.sin((psi - phi) / 2) ** 2 + math.cos(phi) * math.cos(psi) * math.sin(turn / 2) ** 2
    return 12742.0 * math.asin(min(1.0, math.sqrt(chord)))

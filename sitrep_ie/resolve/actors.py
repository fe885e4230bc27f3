"""The text of an ACTOR mention -> canonical name, kind, country, and the actor it belongs to.

Three sources, the surer first: the alias table (`data/actors.toml`, and further files of the user), acronyms
that the document itself introduces, and the words of the phrase: its head noun, modifiers and nationality.
What the text does not tell stays None or "unknown".

Kinds follow one rule for people: one named or designated by an office ("Gen. X", "a commander") is a person,
several ("commanders") have the kind of what they belong to, and soldiers, gunmen or villagers have the kind
that the noun tells, be it one or many.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from sitrep_ie.document import ActorKind, ActorValue
from sitrep_ie.errors import ResourceError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SHIPPED = Path(__file__).parent / "data" / "actors.toml"
NounClass = Literal["state_force", "armed_group", "civilians", "organisation", "members", "parts", "roles"]
WordClass = TypeVar("WordClass", bound=str)
_KINDS: tuple[ActorKind, ...] = get_args(ActorKind)
BRANCHES = {
    "armed_forces": "Armed Forces of {}",
    "army": "Army of {}",
    "navy": "Navy of {}",
    "air_force": "Air Force of {}",
    "marines": "Marines of {}",
    "coast_guard": "Coast Guard of {}",
    "border_guard": "Border Guard of {}",
    "national_guard": "National Guard of {}",
    "gendarmerie": "Gendarmerie of {}",
    "police": "Police of {}",
    "intelligence": "Intelligence Service of {}",
    "government": "Government of {}",
}
_BRANCH_HEADS = {
    "armed forces": "armed_forces",
    "military": "armed_forces",
    "military forces": "armed_forces",
    "forces": "armed_forces",
    "troops": "armed_forces",
    "army": "army",
    "national army": "army",
    "navy": "navy",
    "air force": "air_force",
    "marines": "marines",
    "marine corps": "marines",
    "coast guard": "coast_guard",
    "coastguard": "coast_guard",
    "border guard": "border_guard",
    "border guards": "border_guard",
    "border police": "border_guard",
    "national guard": "national_guard",
    "gendarmerie": "gendarmerie",
    "police": "police",
    "national police": "police",
    "police force": "police",
    "intelligence": "intelligence",
    "intelligence service": "intelligence",
    "government": "government",
    "regime": "government",
    "authorities": "government",
    "state": "government",
    "leadership": "government",
    "side": "government",
}
# A mention is a phrase; what is longer is a tagging error and is not analysed.
_MAX_WORDS = 30
_MAX_CHARS = 300
_MAX_ALIAS_WORDS = 14

# ---- the table ----


@dataclass(frozen=True, slots=True)
class ActorEntry:
    """One actor of the table; see the head of `data/actors.toml` for the meaning of each key."""

    name: str
    kind: ActorKind
    aliases: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    near: frozenset[str] = frozenset()
    country: str | None = None
    side: str | None = None
    branch: str | None = None

    def value(self) -> ActorValue:
        """The entry as what a mention of it resolves to."""
        return ActorValue(self.name, self.kind, self.country, self.side)


@dataclass(frozen=True, slots=True)
class _Alias:
    """An entry under one alias; `capital`: a lower-case word of the text is not this name."""

    entry: ActorEntry
    capital: bool
    only_near: bool


class ActorTable:
    """Aliases, nouns and countries, indexed for lookup; made of one file or of several laid over each other.

    Raises:
        ResourceError: unknown key, wrong type, unknown kind or country, one alias of two actors; the message
            names the file and the entry.
    """

    def __init__(self, paths: Sequence[Path] = (_SHIPPED,)) -> None:
        self.entries: list[ActorEntry] = []
        self.nouns: dict[str, NounClass] = {}
        self.modifiers: dict[str, ActorKind] = {}
        self.country_names: dict[str, str] = {}
        self._aliases: dict[str, list[_Alias]] = {}
        self._acronyms: dict[str, list[_Alias]] = {}
        self._upper: dict[str, list[_Alias]] = {}
        self._countries: dict[str, tuple[str, str]] = {}
        self._country_acronyms: dict[str, str] = {}
        self._branches: dict[tuple[str, str], ActorEntry] = {}
        self._long: dict[int, dict[str, ActorEntry]] = {}
        self._origin: dict[str, str] = {}
        for path in paths:
            self._read(path)
        self._add_official_names()
        self.longest_alias_words = max((len(key.split()) for key in self._aliases), default=1)

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                raw = tomllib.load(file)
        except OSError as error:
            raise ResourceError(f"{path}: actor table cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:  # not UTF-8, and numbers too long, included
            raise ResourceError(f"{path}: not valid TOML: {error}") from error
        _check_keys(raw, {"actors", "countries", "nouns", "modifiers"}, str(path))
        actors = raw.get("actors", [])
        if not isinstance(actors, list):
            raise ResourceError(f"{path}: 'actors' is {type(actors).__name__}, expected an array of tables")
        codes = _iso_codes()
        for index, body in enumerate(actors):
            self._add(_entry(body, f"{path}: actors[{index}]", codes), str(path))
        for code, body in _tables(raw, "countries", str(path)):
            self._add_country(code, body, f"{path}: countries.{code}", codes)
        self.nouns |= _word_classes(raw, "nouns", _NOUN_CLASSES, str(path))
        self.modifiers |= _word_classes(raw, "modifiers", _KINDS, str(path))

    def _add(self, entry: ActorEntry, path: str) -> None:
        self.entries.append(entry)
        if entry.branch is not None and entry.country is not None:
            key = (entry.country, entry.branch)
            known = self._branches.get(key)
            if known is not None and self._origin[known.name] == path:
                raise ResourceError(
                    f"{path}: {entry.name!r} and {known.name!r} are both {entry.branch} of {entry.country}"
                )
            self._branches[key] = entry
        self._origin[entry.name] = path
        names = [] if entry.name in entry.ambiguous else [entry.name]
        for alias in dict.fromkeys((*names, *entry.aliases)):
            self._index(_Alias(entry, any(c.isupper() for c in alias), False), alias, path)
        for alias in entry.ambiguous:
            self._index(_Alias(entry, any(c.isupper() for c in alias), True), alias, path)

    def _index(self, alias: _Alias, text: str, path: str) -> None:
        if is_acronym(text):
            stores = [(self._acronyms, text), (self._upper, text.upper())]
        else:
            stores = [(self._aliases, fold(text))]
        for store, key in stores:
            if not key:
                raise ResourceError(f"{path}: {alias.entry.name!r}: alias {text!r} has no letters")
            others = store.setdefault(key, [])
            for other in list(others):
                if other.entry is alias.entry:
                    others.remove(other)
                elif not alias.only_near and not other.only_near and store is not self._upper:
                    if self._origin[other.entry.name] == path:
                        raise ResourceError(
                            f"{path}: alias {text!r} of {alias.entry.name!r} is also one of "
                            f"{other.entry.name!r}; "
                            "expected one owner, or `ambiguous` with `near`"
                        )
                    others.remove(other)  # a file laid over the shipped one wins
            others.append(alias)
        words = fold(text).split()
        if len(words) >= 2 and len(" ".join(words)) >= _MIN_FUZZY_CHARS and not alias.only_near:
            self._long.setdefault(len(words), {})[" ".join(words)] = alias.entry

    def _add_country(self, code: str, body: Any, where: str, codes: frozenset[str]) -> None:
        if code not in codes:
            raise ResourceError(f"{where}: expected an ISO 3166 alpha-2 code")
        if not isinstance(body, dict):
            raise ResourceError(f"{where}: expected a table")
        _check_keys(body, {"name", "names", "demonyms", "capital"}, where)
        if not isinstance(body.get("name"), str):
            raise ResourceError(f"{where}: 'name' is missing, expected a string")
        self.country_names[code] = body["name"]
        for role, key in (("name", "names"), ("demonym", "demonyms"), ("capital", "capital")):
            words = list(_strings(body.get(key, []), f"{where}.{key}"))
            if role == "name":
                words = [body["name"], *words]
            for word in words:
                if is_acronym(word):
                    self._country_acronyms[word] = code
                    continue
                folded = fold(word)
                known = self._countries.get(folded)
                if known is not None and known[0] != code and self._origin.get(f"country:{folded}") == role:
                    raise ResourceError(f"{where}: {word!r} also belongs to {known[0]}")
                if known is None or role != "capital":
                    self._countries[folded] = (code, role)
                    self._origin[f"country:{folded}"] = role

    def _add_official_names(self) -> None:
        """Adds ISO's names where no table uses them: "Congo" is what a table says it is."""
        for code in self.country_names:
            for word in _official_names(code):
                self._countries.setdefault(fold(word), (code, "name"))

    def find(self, text: str, countries: frozenset[str] = frozenset()) -> ActorEntry | None:
        """The entry that `text` as a whole names, in a document about `countries`, or None."""
        bare = text.replace(".", "")
        found = self._pick(self._acronyms.get(bare), countries, bare)
        if found is None and bare.isupper() and " " not in bare:
            found = self._pick(self._upper.get(bare), countries, bare)
        if found is not None or not text:
            return found
        key = fold(text)
        for form in (key, key.removesuffix("s"), key + "s"):
            found = self._pick(self._aliases.get(form), countries, text)
            if found is not None:
                return found
        return None

    def _pick(self, claims: list[_Alias] | None, countries: frozenset[str], text: str) -> ActorEntry | None:
        if not claims:
            return None
        if " " not in text and text.islower():
            claims = [claim for claim in claims if not claim.capital]
        near = [(len(claim.entry.near & countries), claim) for claim in claims if claim.only_near]
        most = max((shared for shared, _ in near), default=0)
        best = [claim for shared, claim in near if shared == most and most]
        if len(best) == 1:
            return best[0].entry
        return next((claim.entry for claim in claims if not claim.only_near), None)

    def find_similar(self, text: str) -> ActorEntry | None:
        """The entry whose name differs from `text` in the spelling of words only.

        Only names of two words and twelve letters up are compared, word by word: short names and single
        words have near neighbours that are other actors (Hamas, Hamza), and whole-string similarity
        would take the Malian for the Somali National Army. Words must begin alike and be equal or 85 %
        similar, numbers must be equal.
        """
        words = fold(text).split()
        if len(words) < 2 or sum(map(len, words)) < _MIN_FUZZY_CHARS:
            return None
        from rapidfuzz import fuzz, process

        choices = self._long.get(len(words))
        if not choices:
            return None
        matches = process.extract(
            " ".join(words), choices.keys(), scorer=fuzz.ratio, score_cutoff=_FUZZY_CUTOFF, limit=3
        )
        for key, _, _ in matches:
            if all(self._same_word(a, b) for a, b in zip(words, key.split(), strict=True)):
                return choices[key]
        return None

    def _same_word(self, a: str, b: str) -> bool:
        from rapidfuzz import fuzz

        if a == b:
            return True
        if a[0] != b[0] or any(c.isdigit() for c in a + b) or a in self._countries or b in self._countries:
            return False
        return len(a) > 4 and len(b) > 4 and fuzz.ratio(a, b) >= _FUZZY_WORD_CUTOFF

    def country(self, text: str) -> tuple[str, str] | None:
        """(ISO code, "name", "demonym" or "capital") of a word or words for a country, or None."""
        bare = text.replace(".", "")
        if bare in self._country_acronyms:
            return self._country_acronyms[bare], "name"
        key = fold(text)
        if not key or not any(c.isupper() for c in text):
            return None
        found = self._countries.get(key) or self._countries.get(key.removesuffix("s"))
        return found

    def branch(self, country: str, branch: str) -> ActorEntry:
        """The service `branch` of a state: the table's entry, else a plain "Army of <country>"."""
        found = self._branches.get((country, branch))
        if found is None and branch == "army":
            found = self._branches.get((country, "armed_forces"))
        if found is not None:
            return found
        name = self.country_names.get(country, country)
        article = "the " if name.split()[0] in ("United", "Democratic", "Central", "Republic") else ""
        return ActorEntry(
            BRANCHES[branch].format(article + name), "state_force", country=country, branch=branch
        )


# Chosen high: a wrong merge of two actors costs a reader more than a name left as it is written.
_MIN_FUZZY_CHARS = 12
_FUZZY_CUTOFF = 90.0
_FUZZY_WORD_CUTOFF = 85.0
_NOUN_CLASSES: tuple[NounClass, ...] = get_args(NounClass)


def _check_keys(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in raw:
        if key not in known:
            raise ResourceError(f"{where}: unknown key {key!r}; expected one of {sorted(known)}")


def _strings(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ResourceError(f"{where}: expected a list of non-empty strings")
    if len(set(value)) != len(value):
        raise ResourceError(f"{where}: names something twice")
    return tuple(value)


def _tables(raw: Mapping[str, Any], key: str, where: str) -> list[tuple[str, Any]]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise ResourceError(f"{where}: {key!r} is {type(value).__name__}, expected a table")
    return list(value.items())


def _word_classes(
    raw: Mapping[str, Any], section: str, classes: tuple[WordClass, ...], path: str
) -> dict[str, WordClass]:
    """Folded word -> its class; a word in two classes of one file is an error."""
    body = dict(_tables(raw, section, path))
    _check_keys(body, set(classes), f"{path}: {section}")
    found: dict[str, WordClass] = {}
    for name in classes:
        for word in _strings(body.get(name, []), f"{path}: {section}.{name}"):
            if found.setdefault(fold(word), name) != name:
                raise ResourceError(f"{path}: {section}: {word!r} is {found[fold(word)]} and {name}")
    return found


def _entry(body: Any, where: str, codes: frozenset[str]) -> ActorEntry:
    if not isinstance(body, dict):
        raise ResourceError(f"{where}: expected a table")
    where = f"{where} ({body.get('name', 'without a name')!r})"
    _check_keys(body, {"name", "kind", "aliases", "ambiguous", "near", "country", "side", "branch"}, where)
    for key in ("name", "kind"):
        if not isinstance(body.get(key), str) or not body[key].strip():
            raise ResourceError(f"{where}: {key!r} is missing, expected a string")
    if body["kind"] not in _KINDS:
        raise ResourceError(f"{where}: kind {body['kind']!r}, expected one of {sorted(_KINDS)}")
    lists = {key: _strings(body.get(key, []), f"{where}.{key}") for key in ("aliases", "ambiguous", "near")}
    for code in (*lists["near"], *([body["country"]] if "country" in body else [])):
        if code not in codes:
            raise ResourceError(f"{where}: country {code!r}, expected an ISO 3166 alpha-2 code")
    if bool(lists["ambiguous"]) != bool(lists["near"]):
        raise ResourceError(f"{where}: `ambiguous` and `near` go together, expected both or neither")
    if "side" in body and not isinstance(body["side"], str):
        raise ResourceError(f"{where}: 'side': expected a string")
    if "branch" in body and body["branch"] not in BRANCHES:
        raise ResourceError(f"{where}: branch {body['branch']!r}, expected one of {sorted(BRANCHES)}")
    return ActorEntry(
        name=body["name"],
        kind=body["kind"],
        aliases=lists["aliases"],
        ambiguous=lists["ambiguous"],
        near=frozenset(lists["near"]),
        country=body.get("country"),
        side=body.get("side"),
        branch=body.get("branch"),
    )


@lru_cache(maxsize=1)
def _iso_codes() -> frozenset[str]:
    import pycountry

    # Kosovo's user-assigned code is in general use and not in ISO 3166.
    return frozenset(country.alpha_2 for country in pycountry.countries) | {"XK"}


def _official_names(code: str) -> list[str]:
    import pycountry

    country = pycountry.countries.get(alpha_2=code)
    if country is None:
        return []
    names = [getattr(country, key, None) for key in ("name", "common_name", "official_name")]
    return [name for name in names if name and "," not in name]


# ---- words ----

_APOSTROPHES = "'’ʼ`´ʿʾ‘ʻ"
_QUOTES = '"“”«»„‟‹›'
_POSSESSIVE = re.compile(rf"(?<=\w)[{_APOSTROPHES}]s\b|(?<=s)[{_APOSTROPHES}](?!\w)", re.IGNORECASE)
_ARTICLES = frozenset({"the", "a", "an"})
_SPELLING = (("isation", "ization"), ("defence", "defense"), ("centre", "center"), ("programme", "program"))


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """The form in which names are compared.

    Lower case; no accents, quotes, articles in front, possessive endings or dots; hyphens are blanks; one
    spelling of defence/defense, -isation/-ization.
    """
    text = _POSSESSIVE.sub("", text)
    text = unicodedata.normalize("NFKD", text)
    kept = []
    for char in text.casefold():
        if char.isalnum() or char in "&/+":
            kept.append(char)
        elif not (unicodedata.combining(char) or char in _APOSTROPHES or char == "."):
            kept.append(" ")
    words = "".join(kept).split()
    while len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    key = " ".join(words)
    for ours, theirs in _SPELLING:
        key = key.replace(ours, theirs)
    return key


def is_acronym(text: str) -> bool:
    """True for one word that has two capitals or more, and more of them than small letters."""
    if " " in text:
        return False
    capitals = sum(char.isupper() or char.isdigit() for char in text)
    return any(char.isupper() for char in text) and capitals >= 2 and capitals > sum(map(str.islower, text))


_EDGE = _QUOTES + _APOSTROPHES + " ()[]{},;:!?*|-–—"
# A capital marks "New" and "Other" as part of a name, unless a common noun follows ("Other soldiers").
_LEADING = re.compile(
    r"(?i:the|a|an|its|their|his|her|our|this|these|those|that|some|all|so-called|said)\s+(?=\S)|(?:same|"
    r"other|another|new|similar|further|additional)\s+(?=\S)|(?:Same|Other|Another|New|Similar|Further|"
    r"Additional)\s+(?=[a-z])"
)


def trimmed(text: str) -> str:
    """`text` without outer quotes, brackets, articles, possessives and a final 's; blanks made single."""
    text = " ".join(text.split())
    while True:
        before = text
        if text.count("(") == text.count(")") and text.endswith(")"):
            text = text.lstrip(_EDGE.replace("(", ""))
        else:
            text = text.strip(_EDGE)
        text = re.sub(rf"[{_APOSTROPHES}]s?$", "", text)
        match = _LEADING.match(text)
        if match and match.end() < len(text):
            text = text[match.end() :]
        if text == before:
            return text


def _singulars(word: str) -> Iterable[str]:
    """The word, then what it may be the plural of."""
    yield word
    if word.endswith("men"):
        yield word[:-2] + "an"
    if word == "children":
        yield "child"
    if word.endswith("wives"):
        yield word[:-3] + "fe"
    if word == "thieves":
        yield "thief"
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("es") and word != "corpses":
        yield word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]


# The head of a phrase stands before the first of these.
_CUTS = frozenset(
    "of for from in at on with who whose which that under by against to near inside outside around between "
    "into over along via de s/o as belonging wearing carrying including backed linked loyal affiliated "
    "accused aged".split()
)
_TITLES = frozenset(
    "gen general lt lieutenant maj major brig brigadier col colonel capt captain sgt sergeant cpl corporal "
    "pvt private spc adm admiral rear vice cdr commodore marshal mr mrs ms miss dr prof sir lord king "
    "queen prince princess emir sheikh shaykh sheik mullah maulvi maulana qari mufti imam ayatollah hajj "
    "haji hajji sayyid pastor father bishop archbishop cardinal pope rabbi reverend comrade alias "
    "president senator mp ambassador constable inspector superintendent sp dsp judge justice minister "
    "premier chancellor secretary governor mayor councillor speaker chief abu umm um bu ibn mukhtar "
    "commander chairman officer staff sister brother malam alhaji ka ko ma u daw mama papa plt pltcol".split()
)
_PARTICLES = frozenset(
    "al el ul bin ibn ben bint de da do dos del della di van von der den la le y e san abu umm as ash ad "
    "an ar".split()
)
_GROUP_WORDS = frozenset(
    "jaysh jaish jeish liwa kataib kata'ib katibat katiba harakat ansar jund junud ahrar faylaq failaq "
    "lashkar jamaat tehreek tehrik saraya asaib hizb hezb los las clan mai brigades lords cartel cártel "
    "tren mara".split()
)
_ORDINAL = re.compile(
    r"\d+(?:st|nd|rd|th)?|[ivx]+|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
)
_UNIT_NUMBER = re.compile(r"\d+(?:st|nd|rd|th)")
_STATE_HEADS = frozenset(
    "force unit contingent patrol detachment column brigade battalion division regiment corps squad "
    "section".split()
)
_OFFICES = frozenset(
    "president minister premier chancellor ambassador embassy secretary envoy government official deputy "
    "diplomat consul parliament prosecutor".split()
)
_MINISTRY = re.compile(
    r"^(?:(?P<adj>.+?) )?(?:ministry|department|secretariat) (?:of|for) (?:the )?(?P<what>.+)$"
)
_MINISTRY_TAIL = re.compile(r"^(?P<what>.+?) (?:ministry|department)$")
_PORTFOLIOS = {
    "defense": "Defence",
    "national defense": "Defence",
    "war": "Defence",
    "interior": "Interior",
    "internal affairs": "Interior",
    "home affairs": "Interior",
    "foreign": "Foreign Affairs",
    "foreign affairs": "Foreign Affairs",
    "external affairs": "Foreign Affairs",
    "public health": "Health",
    "security": "Security",
    "state security": "State Security",
}
# Bodies of an actor that are the actor itself.
_OWNED = frozenset(
    {"delegation", "leadership", "opposition", "administration", "movement", "network", "court"}
)
_TAIL_PORTFOLIOS = frozenset(
    "defense interior foreign health justice finance education agriculture energy".split()
)
_WHOEVER = frozenset("parties all both two warring opposing conflicting concerned signatory".split())
_ANYBODYS = frozenset({"company", "staff", "party"})
# Who they are is not who watches or accuses them: "foreign suspects", "joint prisoners" tell no side.
_INDIVIDUALS = frozenset(
    "suspect detainee prisoner captive hostage inmate man individual person perpetrator culprit killer "
    "companion colleague comrade occupant participant criminal offender body corpse".split()
)
# Civilians who belong to the body that they are named with; relatives and prisoners do not.
_EMPLOYED = frozenset(
    "activist volunteer worker employee supporter follower engineer driver medic doctor nurse".split()
)
_SERVICES = frozenset("army military police government regime".split())
_ARMED_PORTFOLIOS = frozenset({"Defence", "Interior", "Security", "State Security"})


def _ministry_kind(portfolio: str | None) -> ActorKind:
    return "state_force" if portfolio in _ARMED_PORTFOLIOS else "organisation"


@dataclass(frozen=True, slots=True)
class _Context:
    """What the document tells: acronyms (long form -> checked later) and its countries."""

    acronyms: Mapping[str, str]
    countries: frozenset[str]


class ActorResolver:
    """Resolves ACTOR mentions against an alias table; the table is read at the first use.

    Args:
        extra_tables: files with the keys of the shipped one; their actors win over the shipped ones.
    """

    def __init__(self, extra_tables: Sequence[Path | str] = ()) -> None:
        self._paths = (_SHIPPED, *map(Path, extra_tables))
        self._table: ActorTable | None = None
        self._cached = lru_cache(maxsize=16384)(self._resolve)

    @property
    def table(self) -> ActorTable:
        """The alias table.

        Raises:
            ResourceError: a table file is missing or broken.
        """
        if self._table is None:
            self._table = _shipped_table() if len(self._paths) == 1 else ActorTable(self._paths)
        return self._table

    def resolve(
        self,
        text: str,
        *,
        same_as: Sequence[str] = (),
        acronyms: Mapping[str, str] | None = None,
        countries: frozenset[str] = frozenset(),
    ) -> ActorValue:
        """Returns who `text` names.

        The name is the alias table's; else the long form of an acronym that the document introduces; else the
        most specific name among `text` and `same_as`; else `text` without articles and quotes.

        Args:
            text: the mention as it stands in the document.
            same_as: texts of other mentions of the same actor.
            acronyms: what `find_acronyms` gives for the document; a definition there wins over the
                table where the two are different names.
            countries: ISO alpha-2 codes of the countries that the document is about; they decide what an
                ambiguous acronym or "the coalition" means.
        """
        words = set(re.split(r"[\s/,()'’\"“”]+", " ".join((text, *same_as))))
        known = tuple(sorted((k, v) for k, v in (acronyms or {}).items() if k in words))
        return self._cached(
            text[:_MAX_CHARS], tuple(other[:_MAX_CHARS] for other in same_as), known, countries
        )

    def _resolve(
        self,
        text: str,
        same_as: tuple[str, ...],
        acronyms: tuple[tuple[str, str], ...],
        countries: frozenset[str],
    ) -> ActorValue:
        context = _Context(dict(acronyms), countries)
        name = trimmed(text)
        if not any(map(str.isalnum, name)):
            return ActorValue(" ".join(text.split()), "unknown")
        own = self._known(name, context)
        if own is not None:
            return own
        value = self._phrase(name, context)
        others = [
            other for other in dict.fromkeys(trimmed(other) for other in same_as) if other and other != name
        ]
        if not others or value.name != name:
            return value  # nothing to choose from, or already named by a rule
        for other in sorted(others, key=lambda other: (-len(other.split()), -len(other), other)):
            known = self._known(other, context)
            if known is not None and (value.kind != "person" or known.kind == "person"):
                return known
        best = max((name, *others), key=lambda each: self._specificity(each, context))
        if best == name or self._specificity(best, context)[0] == 0:
            return value
        chosen = self._phrase(best, context)
        return replace(
            chosen,
            kind=chosen.kind if chosen.kind != "unknown" else value.kind,
            country=chosen.country or value.country,
            affiliation=chosen.affiliation or value.affiliation,
        )

    # -- names --

    def _known(self, name: str, context: _Context) -> ActorValue | None:
        """The value of what the table, the document's acronyms or the countries know by this name."""
        entry = self._entry(name, context)
        if entry is not None:
            return entry.value()
        place = self.table.country(name)
        if place is not None and place[1] != "demonym":
            return ActorValue(self.table.country_names[place[0]], "state_force", place[0])
        return None

    def _entry(self, name: str, context: _Context) -> ActorEntry | None:
        long_form = context.acronyms.get(name)
        entry = self.table.find(name, context.countries)
        if long_form is None:
            return entry if entry is not None else self.table.find_similar(name)
        defined = self.table.find(long_form, context.countries) or self.table.find_similar(long_form)
        if defined is not None:
            return defined
        if entry is not None and _alike(long_form, entry):
            return entry
        long_name = trimmed(long_form)
        value = self._phrase(long_name, _Context({}, context.countries))
        return ActorEntry(value.name, value.kind, country=value.country, side=value.affiliation)

    def _specificity(self, name: str, context: _Context) -> tuple[int, int, int, str]:
        """Sorts names: a named person, another proper name, none; then by words and letters."""
        words = name.split()
        person = self._person_start(words) is not None
        proper = (
            person
            or is_acronym(name)
            or (
                sum(word[:1].isupper() for word in words) * 2 > len(words)
                and (len(words) > 1 or words[0][:1].isupper())
            )
        )
        if proper and not person and all(self._noun(word) for word in fold(name).split()):
            proper = False
        return (2 if person else 1 if proper else 0, len(words), len(name), name)

    # -- phrases --

    def _phrase(self, name: str, context: _Context) -> ActorValue:
        """Reads head, modifiers and nationality of a phrase that is no known name as a whole."""
        words = [word.strip(_EDGE) for word in name.split()]
        words = [re.sub(rf"[{_APOSTROPHES}]s?$", "", word) for word in words if word]
        words = [word for word in words if word]
        if not words or len(words) > _MAX_WORDS:
            return ActorValue(name, "unknown")
        service = self._service(words)
        if service is not None:
            return service
        country = self._one_country(words)
        ministry = self._ministry(words, country)
        if ministry is not None:
            return ministry
        owner, owner_end = self._owner(words, context)
        if owner is not None and owner_end == len(words) and self._is_apposition(words, owner, context):
            return owner.value()
        cut = next((i for i, word in enumerate(words) if i and word.casefold() in _CUTS), len(words))
        person = self._person_start(words[:cut])
        kind = self._kind(name, words, cut, owner, country, person is not None)
        affiliation = self._affiliation(words, cut, owner, country, kind, person)
        if country is None and owner is not None and affiliation is not None:
            country = owner.country
        return ActorValue(name, kind, country, affiliation)

    def _spans(self, words: Sequence[str], longest: int) -> Iterable[tuple[int, int]]:
        for length in range(min(longest, len(words)), 0, -1):
            for start in range(len(words) - length + 1):
                yield start, start + length

    def _one_country(self, words: Sequence[str]) -> str | None:
        """The country that the words tell, by name, demonym or capital; None for two different ones."""
        found: set[str] = set()
        taken: set[int] = set()
        for start, end in self._spans(words, 4):
            if taken.isdisjoint(range(start, end)):
                place = self.table.country(" ".join(words[start:end]))
                if place is not None:
                    found.add(place[0])
                    taken.update(range(start, end))
        return found.pop() if len(found) == 1 else None

    def _is_apposition(self, words: Sequence[str], owner: ActorEntry, context: _Context) -> bool:
        """True when the words before a known name only say what or whose it is: "terrorist group X"."""
        for start in range(1, len(words)):
            if self._owner_of(" ".join(words[start:]), context) is owner:
                before = words[:start]
                place = self.table.country(" ".join(before))
                if place is not None:
                    # "Lebanon's Hezbollah"; the Afghan Red Crescent is not the Red Crescent.
                    return place[0] == owner.country
                noun = self._noun(fold(before[-1]))
                singular = fold(before[-1]) in self.table.nouns
                plain = all(word.islower() for word in before if self.table.country(word) is None)
                return plain and singular and noun in ("organisation", "armed_group", "parts")
        return False

    def _owner_of(self, part: str, context: _Context) -> ActorEntry | None:
        if context.acronyms.get(part) is not None:
            return self._entry(part, context)
        return self.table.find(part, context.countries)

    def _owner(self, words: Sequence[str], context: _Context) -> tuple[ActorEntry | None, int]:
        """The known actor that part of the phrase names (the longest, then the first), and where it ends."""
        longest = min(self.table.longest_alias_words, _MAX_ALIAS_WORDS)
        for start, end in self._spans(words, longest):
            if end - start == len(words) and len(words) > 1:
                continue
            part = " ".join(words[start:end])
            if end - start == 1 and part.casefold() in _ARTICLES | _CUTS:
                continue
            found = self._owner_of(part, context)
            if found is not None:
                return found, end
        return None, 0

    def _service(self, words: Sequence[str]) -> ActorValue | None:
        """A state's service as a whole: "Turkish army", "Ukraine's armed forces", "Government of Mali"."""
        for cut in range(1, min(len(words), 6)):
            place = self.table.country(" ".join(words[:cut]))
            head = " ".join(words[cut:]).casefold()
            if place is not None and place[1] != "capital" and head in _BRANCH_HEADS:
                return self.table.branch(place[0], _BRANCH_HEADS[head]).value()
            head = fold(" ".join(words[:cut]))
            if words[cut].casefold() == "of" and head in _BRANCH_HEADS:
                rest = words[cut + 1 :]
                while rest and rest[0].casefold() == "the":
                    rest = rest[1:]
                place = self.table.country(" ".join(rest))
                if place is not None and place[1] == "name":
                    return self.table.branch(place[0], _BRANCH_HEADS[head]).value()
        return None

    def _ministry(self, words: Sequence[str], country: str | None) -> ActorValue | None:
        """A ministry under one name in all its spellings: "Ministry of Defence of Turkey"."""
        folded = fold(" ".join(words))
        match = _MINISTRY.match(folded) or _MINISTRY_TAIL.match(folded)
        if match is None:
            return None
        what = match["what"]
        adjective = match.groupdict().get("adj")
        if adjective and adjective.split()[-1] in _TAIL_PORTFOLIOS:
            # "health ministry of Gaza"
            service = _PORTFOLIOS.get(adjective.split()[-1])
            return ActorValue(" ".join(words), _ministry_kind(service), country)
        if country is not None:
            rest = [w for w in re.split(r" of (?:the )?", what) if w]
            what = rest[0] if len(rest) > 1 else what
            parts = what.split()
            for length in (1, 2, 3):
                place = self.table.country(" ".join(words[:length]))
                if place is not None and len(parts) > length and fold(" ".join(words[:length])) in what:
                    what = " ".join(parts[length:])
                    break
        else:
            what, _, state = what.partition(" of ")
            if state or (adjective or "").count(" ") > 0:
                if what not in _PORTFOLIOS:
                    return None
                # A state without a code, or a part of one: the name stays as it is written.
                return ActorValue(" ".join(words), _ministry_kind(_PORTFOLIOS[what]))
        portfolio = _PORTFOLIOS.get(what)
        if portfolio is None:
            if match.re is _MINISTRY_TAIL and len(what.split()) > 4:
                return None
            portfolio = " ".join(w if w in ("and", "of", "for") else w.capitalize() for w in what.split())
        kind = _ministry_kind(portfolio)
        name = f"Ministry of {portfolio}"
        if country is None:
            return ActorValue(name, kind)
        government = self.table.branch(country, "government")
        suffix = government.name.removeprefix("Government of ") if government.name.startswith("Gov") else None
        return ActorValue(
            f"{name} of {suffix or self.table.country_names[country]}", kind, country, government.name
        )

    def _noun(self, word: str) -> NounClass | None:
        """The class of a noun, singular or plural, or None."""
        for form in _singulars(word):
            if form in self.table.nouns:
                return self.table.nouns[form]
        return None

    def _head(self, words: Sequence[str], cut: int) -> tuple[str, NounClass] | None:
        """(head noun, its class): the longest known noun that ends before `cut`."""
        core = [fold(word) for word in words[:cut]]
        while core:
            for length in (3, 2, 1):
                if len(core) >= length:
                    noun = " ".join(core[-length:])
                    kind = self._noun(noun)
                    if kind is not None:
                        return noun, kind
            if not (_ORDINAL.fullmatch(core[-1]) or words[len(core) - 1][:1].isupper()):
                return None
            core = core[:-1]  # "LIB 427", "NGO Hope", "Joint Operations Command Kirkuk"
        return None

    def _person_start(self, words: Sequence[str]) -> int | None:
        """Where a person's name begins: after a title or a role, or at a name that looks like a person's."""
        for i in range(len(words) - 2, -1, -1):
            if not _is_name_word(words[i + 1]):
                break
            title, rest = fold(words[i]), words[i + 1 :]
            noun = next((self.table.nouns[w] for w in _singulars(title) if w in self.table.nouns), None)
            # An unlisted occupation ("searcher Ali Hasan") needs a full name after it.
            trade = noun is None and words[i].islower() and title.isalpha() and _num_capitals(rest) >= 2
            titled = title in _TITLES or title in _STATE_PEOPLE
            titled = titled or noun in ("roles", "members", "civilians", "armed_group")
            if not (titled or trade) or title in _GROUP_NOUNS or title in _PARTICLES or title in _CUTS:
                continue
            if _num_capitals(rest) and self._head(rest, len(rest)) is None:
                if self.table.country(" ".join(rest)) is None and self.table.find(" ".join(rest)) is None:
                    return i + 1
        if fold(words[0]) in ("abu", "umm", "ibn") and len(words) > 1 and _is_name_word(words[1]):
            return 0
        return 0 if self._is_bare_name(words) else None

    def person_names(self, text: str, *, is_person: bool = False) -> list[tuple[int, int]]:
        """Where in a mention's text a person's own names stand, behind titles and offices.

        Args:
            text: "Gen. Jan Novak (Bear), head of the Northern Council" gives the place of "Jan Novak".
            is_person: it is known to be a person, so that a single word may be a name ("Bear"), too.

        Returns:
            Half-open characters of `text`; none where it names nobody. Several are names of one person.
        """
        parts = [match.span() for match in re.finditer(r"[^,;()\[\]]+", text[:_MAX_CHARS])]
        found = [self._person_name(text, start, end, is_person) for start, end in parts]
        return [name for name in found if name is not None]

    def _person_name(self, text: str, start: int, end: int, is_person: bool) -> tuple[int, int] | None:
        found = [match.span() for match in re.compile(r"\S+").finditer(text, start, end)][:_MAX_WORDS]
        spans = [_without_edges(text, *span) for span in found]
        spans = [(first, last) for first, last in spans if first < last]
        words = [text[first:last] for first, last in spans]
        # "de" is a part of names more often than it cuts one off.
        cut = next((i for i, w in enumerate(words) if i and w.casefold() in _CUTS - {"de"}), len(words))
        words = words[:cut]
        if not words:
            return None
        first = self._person_start(words)
        if first is None and is_person:
            first = self._name_of_person(words)
        if first is None:
            return None
        while first and fold(words[first - 1]) in _KINSHIP:
            first -= 1
        return spans[first][0], spans[cut - 1][1]

    def _name_of_person(self, words: Sequence[str]) -> int | None:
        first = 0
        while first < len(words) and (
            fold(words[first]) in _TITLES - _KINSHIP
            or fold(words[first]) in _RANKS
            or self._noun(fold(words[first])) is not None
            or not _is_name_word(words[first])
        ):
            first += 1
        if not _num_capitals(words[first:]) or self._head(words, len(words)) is not None:
            return None
        parts = [part for word in words[first:] for part in fold(word).split()]
        if any(map(is_acronym, words[first:])) or not _GROUP_WORDS.isdisjoint(parts):
            return None
        rest = " ".join(words[first:])
        entry = self.table.find(rest)
        known = self.table.country(rest) is not None or (entry is not None and entry.kind != "person")
        return None if known else first

    def _is_bare_name(self, words: Sequence[str]) -> bool:
        if not 2 <= len(words) <= 5 or not all(map(_is_name_word, words)):
            return False
        if _num_capitals(words) < 2 or any(map(is_acronym, words)):
            return False
        folded = [part for word in words for part in fold(word).split()]
        if any(part in _GROUP_WORDS or part in self.table.modifiers or self._noun(part) for part in folded):
            return False
        if self._head(words, len(words)) is not None or "and" in folded or folded[-1] == "now":
            return False
        return not any(self.table.country(" ".join(words[i:j])) for i, j in self._spans(words, 2))

    def _kind(
        self,
        name: str,
        words: Sequence[str],
        cut: int,
        owner: ActorEntry | None,
        country: str | None,
        person: bool,
    ) -> ActorKind:
        folded = [fold(word) for word in words]
        head = self._head(words, cut)
        if person:
            return "person"
        if head is None:
            if words[0].casefold().split("-")[0] in _GROUP_WORDS:
                return "armed_group"
            if _UNIT_NUMBER.fullmatch(words[0]) and len(words) > 1 and words[1][:1].isupper():
                return "state_force"  # "82nd Airborne"
            if owner is not None and cut == len(words) and owner.name in name:
                return owner.kind
            return "unknown"
        noun, kind = head
        singular = noun in self.table.nouns
        before = folded[: max(0, cut - len(noun.split()))]
        modifier = self._modifier(before)
        if kind == "roles":
            if singular or owner is None:
                return "person"
            return owner.kind
        if kind == "civilians":
            return "civilians"
        if kind == "organisation":
            base = noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")
            if owner is not None and base in _OWNED:
                return owner.kind
            if base in _ANYBODYS:
                return self._body_kind(base, words, cut, modifier)
            return "organisation"
        if kind == "armed_group":
            if owner is not None and owner.kind in ("state_force", "armed_group"):
                return owner.kind
            return "armed_group"
        if kind == "state_force":
            if owner is not None and owner.kind in ("armed_group", "organisation"):
                return owner.kind
            if modifier == "armed_group" and noun not in ("military police", "riot police"):
                return "armed_group"
            return "state_force"
        return self._member_kind(noun, words, cut, owner, country, modifier, singular)

    def _body_kind(self, base: str, words: Sequence[str], cut: int, modifier: ActorKind | None) -> ActorKind:
        """The kind of a company, staff or party, which soldiers, firms and guests all have."""
        if modifier is not None and modifier != "organisation":
            return modifier
        if cut < len(words) - 1 and words[cut].casefold() == "of":
            whole = self._phrase(" ".join(words[cut + 1 :]), _Context({}, frozenset())).kind
            if whole in ("state_force", "armed_group"):
                return whole
        # "the parties", "all parties" are whoever takes part.
        if base == "party" and all(fold(word) in _WHOEVER for word in words[:cut]):
            return "unknown"
        return "organisation"

    def _member_kind(
        self,
        noun: str,
        words: Sequence[str],
        cut: int,
        owner: ActorEntry | None,
        country: str | None,
        modifier: ActorKind | None,
        singular: bool,
    ) -> ActorKind:
        """The kind of members and parts: their owner's, else what modifiers or the complement tell."""
        if owner is not None:
            return owner.kind
        base = next((form for form in _singulars(noun) if form in self.table.nouns), noun)
        served = base not in _INDIVIDUALS or modifier == "armed_group"
        if modifier is not None and (served or not _SERVICES.isdisjoint(map(fold, words[:cut]))):
            return modifier
        if cut < len(words) - 1 and words[cut].casefold() == "of":
            whole = self._phrase(" ".join(words[cut + 1 :]), _Context({}, frozenset())).kind
            if whole not in ("unknown", "person"):
                return whole
        numbered = any(_ORDINAL.fullmatch(fold(word)) for word in words)
        if base in _STATE_HEADS and (country is not None or numbered):
            return "state_force"
        if base in (
            "brigade",
            "battalion",
            "division",
            "regiment",
            "corps",
            "headquarters",
            "command",
            "officer",
        ):
            # A bare "brigade" is an army's; "Sultan Murad Brigade" need not be.
            bare = not any(word[:1].isupper() for word in words[: max(0, cut - 1)])
            return "state_force" if bare or country is not None or base == "officer" else "unknown"
        if base == "force" and not singular and cut == 1:
            return "state_force"
        if base == "person" and not singular:
            return "civilians"
        return "person" if singular and self.table.nouns[base] == "members" else "unknown"

    def _modifier(self, before: Sequence[str]) -> ActorKind | None:
        """What the modifiers tell; that of an armed group wins over all others ("rebel military council")."""
        kinds: list[ActorKind] = []
        for word in before:
            if word.startswith(("counter ", "anti ")):
                kinds.append("armed_group" if word == "anti government" else "state_force")
                continue
            for part in (word, *word.split()):
                noun = self._noun(part)
                if part in self.table.modifiers:
                    kinds.append(self.table.modifiers[part])
                elif noun == "state_force" or noun == "armed_group":
                    kinds.append(noun)
        return "armed_group" if "armed_group" in kinds else (kinds[-1] if kinds else None)

    def _affiliation(
        self,
        words: Sequence[str],
        cut: int,
        owner: ActorEntry | None,
        country: str | None,
        kind: ActorKind,
        person: int | None,
    ) -> str | None:
        head = self._head(words[:person] if person else words, min(cut, person) if person else cut)
        noun_class = head[1] if head is not None else None
        if owner is not None:
            employed = head is not None and any(form in _EMPLOYED for form in _singulars(head[0]))
            return owner.name if noun_class != "civilians" or employed else None
        # "members of the Northern Council": an owner that nobody knows yet is named by the text.
        of_owner = cut < len(words) - 1 and words[cut].casefold() in ("of", "for", "from")
        if of_owner and noun_class in ("members", "parts", "roles", "armed_group", "state_force"):
            rest = list(words[cut + 1 :])
            while rest and rest[0].casefold() in _ARTICLES:
                rest = rest[1:]
            end = next(
                (i for i, word in enumerate(rest) if i and word.casefold() in _CUTS - {"of", "for"}),
                len(rest),
            )
            if rest and rest[0][:1].isupper() and self._organised(rest[:end]):
                return self._phrase(" ".join(rest[:end]), _Context({}, frozenset())).name
        if country is None:
            return None
        folded = {form for word in words[:cut] for form in _singulars(fold(word))}
        if kind == "state_force":
            service = (
                "police" if folded & {"police", "policeman", "policewoman", "constable"} else "armed_forces"
            )
            if folded & {
                "official",
                "ministry",
                "embassy",
                "government",
                "presidency",
                "authority",
                "regime",
                "state",
            }:
                service = "government"
            return self.table.branch(country, service).name
        if kind == "person":
            if folded & _OFFICES:
                return self.table.branch(country, "government").name
            if any(self.table.nouns.get(form) == "state_force" for form in folded) or folded & _RANKS:
                return self.table.branch(country, "armed_forces").name
        return None

    def _organised(self, words: Sequence[str]) -> bool:
        """True when the words name a body, and not a place or a plain class of people."""
        head = self._head(words, len(words))
        if head is not None:
            return head[1] in ("organisation", "state_force", "parts", "armed_group") and len(words) > 1
        return is_acronym(words[0])


_STATE_PEOPLE = frozenset(
    "soldier policeman policewoman sailor marine trooper paratrooper airman serviceman ranger commando "
    "guardsman gendarme".split()
)
_RANKS = frozenset("gen col maj lt capt sgt brig adm cpl pvt spc major captain".split())
# Collectives before a name are no titles: "brigade Iron Wolf".
_GROUP_NOUNS = frozenset(
    "army police militia gang cartel group unit brigade battalion division regiment tribe clan family "
    "community crowd people population public government regime navy force column contingent faction cell "
    "coalition network operation corps front command".split()
)


# Of a name, though they stand before one as titles do.
_KINSHIP = frozenset("abu umm um bu ibn bin".split())


def _without_edges(text: str, start: int, end: int) -> tuple[int, int]:
    """The word without quotes, brackets and a final 's; its place in `text`."""
    word = text[start:end]
    start += len(word) - len(word.lstrip(_EDGE))
    word = re.sub(rf"[{_APOSTROPHES}]s?$", "", word.strip(_EDGE))
    return start, start + len(word)


def _is_name_word(word: str) -> bool:
    """True for a word that may be part of a person's name: capitalised, an initial, or a particle."""
    bare = word.strip(_EDGE + ".")
    if not bare:
        return False
    if bare.casefold() in _PARTICLES:
        return True
    if any(char.isdigit() for char in bare):
        return False
    first = re.split(r"[-’']", bare)[-1] if bare[:1].islower() else bare
    return first[:1].isupper() and not (len(bare) > 3 and bare.isupper())


def _num_capitals(words: Sequence[str]) -> int:
    """How many words may be a given or family name: longer than an initial, and no bare particle."""
    return sum(
        len(word) > 2 and any(char.isupper() for char in word) and word.casefold() not in _PARTICLES
        for word in words
    )


def _alike(long_form: str, entry: ActorEntry) -> bool:
    """True when a document's long form is a variant of the entry's name or of one of its aliases."""
    from rapidfuzz import fuzz

    key = fold(long_form)
    names = [fold(name) for name in (entry.name, *entry.aliases) if not is_acronym(name)]
    return any(fuzz.token_set_ratio(key, name) >= _FUZZY_WORD_CUTOFF for name in names)


@lru_cache(maxsize=1)
def _shipped_table() -> ActorTable:
    return ActorTable()


# ---- acronyms of a document ----

_BRACKET = re.compile(r"[(\[]([^()\[\]\n\r]{2,120})[)\]]")
_SHORT = re.compile(r"[A-Z0-9][\w’'/-]{1,11}|[A-Z](?:\.[A-Z]){1,6}\.?")
# A dot inside "U.S." is no end of a sentence.
_BREAK = re.compile(r"\.(?=\s)|[;:!?\n\r()\[\]]")
_MAX_LONG_CHARS = 200
_FUNCTION_WORDS = frozenset("of the for and in on to de des du la le les et en di e y al da do a an".split())


def find_acronyms(text: str) -> dict[str, str]:
    """Returns the acronyms that `text` introduces in brackets, with their long forms; the first one counts.

    Both "Joint Forces Command (JFC)" and "JFC (Joint Forces Command)". The letters of the acronym must be
    found in the words in order and be the initials of most of them (after Schwartz and Hearst 2003, "A simple
    algorithm for identifying abbreviation definitions"). Acronyms of another language than the name
    ("Volunteers for the Defence of the Homeland (VDP)") are taken where a capitalised name of a body stands
    right before the bracket. The work grows linearly with the text.
    """
    found: dict[str, str] = {}
    for match in _BRACKET.finditer(text):
        inside = " ".join(match[1].strip(_EDGE).split())
        head = re.split(r"[,;:]|\s[-–—]\s", inside, maxsplit=1)[0].strip(_EDGE)
        left = _BREAK.split(text[max(0, match.start() - _MAX_LONG_CHARS) : match.start()])[-1]
        if _is_short(head):
            long_form = _long_form(head, left) or _body_before(head, left)
            if long_form is not None:
                found.setdefault(head.rstrip("."), long_form)
            continue
        words = left.split()
        short = words[-1].strip(_EDGE) if words else ""
        if _is_short(short):
            long_form = _long_form(short, head)
            if long_form is not None and fold(long_form) == fold(head):
                found.setdefault(short.rstrip("."), long_form)
    return found


def _is_short(text: str) -> bool:
    return (
        _SHORT.fullmatch(text) is not None
        and sum(char.isupper() for char in text) >= 2
        and 2 <= sum(char.isalpha() for char in text) <= 10
    )


def _long_form(short: str, left: str) -> str | None:
    """The shortest tail of `left` that `short` abbreviates, or None."""
    letters = [char for char in _unaccented(short) if char.isalnum()]
    tail = (
        _POSSESSIVE.sub("", left.rstrip(_EDGE)) if left.rstrip()[-2:] in ("'s", "’s") else left.rstrip(_EDGE)
    )
    max_words = min(len(letters) + 5, len(letters) * 2)
    starts = [m.start() for m in re.finditer(r"\S+", tail)]
    content = 0
    first = len(tail)
    # Function words are free: "Office for the Coordination of Humanitarian Affairs".
    for start in reversed(starts):
        word = tail[start:].split(None, 1)[0]
        if word.casefold() not in _FUNCTION_WORDS:
            content += 1
            if content > max_words:
                break
        first = start
    window = tail[first:]
    strict = _spelt(letters, window)
    if strict is not None:
        return strict if short not in strict.split() else None
    plain = _unaccented(window)
    if len(plain) != len(window):
        return None
    i = len(plain) - 1
    for position in range(len(letters) - 1, -1, -1):
        letter = letters[position]
        while i >= 0 and (plain[i] != letter or (position == 0 and i > 0 and plain[i - 1].isalnum())):
            i -= 1
        # "Government of Yemen forces" is not what GoY stands for.
        if i < 0 or (position == len(letters) - 1 and re.search(r"\s[a-z]", window[i:])):
            return None
        i -= 1
    long_form = window[i + 1 :].strip(_EDGE)
    words = long_form.split()
    if len(re.findall(r"\w+", long_form)) < 2 or short in words or len(long_form) <= len(short):
        return None
    return long_form if _initials_fit(letters, words) else None


_BODIES = frozenset(
    (
        "force forces army armies movement party front council union mission organisation organization "
        "service agency police command cartel network brigade brigades unit units group coalition congress "
        "committee commission authority federation association ministry directorate department office centre "
        "center administration government guard guards volunteers alliance corps institute programme program "
        "society league"
    ).split()
)


def _body_before(short: str, left: str) -> str | None:
    """The capitalised name of a body at the end of `left`, for an acronym from another language."""
    if not short.isalpha() or len(short) < 3:
        return None
    words: list[str] = []
    before = left.split()
    for i in range(len(before) - 1, -1, -1):
        word = before[i]
        bare = word.strip(_EDGE)
        if bare == "the" and (i == 0 or before[i - 1].casefold() not in _FUNCTION_WORDS):
            break
        small = bare.casefold() in _FUNCTION_WORDS
        if not bare or not (bare[0].isupper() or (small and words)) or bare.rstrip(".") in ("The", "A", "An"):
            break
        if (
            _POSSESSIVE.search(word)
            and words
            and words[-1][0].isupper()
            and word.casefold().endswith(("'s", "’s"))
        ):
            # "Estonia's Internal Security Service"; but "People's Protection Units".
            if bare[:-2].casefold() not in ("people", "women", "worker", "lord"):
                break
        words.append(bare if words else _POSSESSIVE.sub("", bare))
    while words and words[-1].casefold() in _FUNCTION_WORDS:
        words.pop()
    content = [word for word in words if word.casefold() not in _FUNCTION_WORDS]
    # The first two words hold the head of "Union of ...", the last one that of "... Union".
    heads = {word.casefold() for word in (*content[:1], *content[-2:])}
    if not 2 <= len(content) <= 9 or not heads & _BODIES or short in words:
        return None
    # "Task Force (CTF)" is the end of a longer name that the text does not give in one piece.
    if short.casefold().endswith("".join(_unaccented(word[0]) for word in reversed(content))):
        return None
    return " ".join(reversed(words))


def _spelt(letters: Sequence[str], window: str) -> str | None:
    """The tail of `window` whose initials, function words apart, are just `letters`."""
    parts = [m for m in re.finditer(r"[^\s/-]+", window) if any(map(str.isalnum, m[0]))]
    i = len(letters) - 1
    for part in reversed(parts):
        word = part[0].strip(_EDGE)
        if word.casefold() in _FUNCTION_WORDS:
            continue
        if _unaccented(word[:1]) != letters[i]:
            return None
        if i == 0:
            return window[part.start() :].strip(_EDGE) if len(letters) > 1 else None
        i -= 1
    return None


def _initials_fit(letters: Sequence[str], words: Sequence[str]) -> bool:
    """True when most content words give their first letter, so that letters are not picked from anywhere."""
    parts = [part for word in words for part in re.split(r"[-/]", _unaccented(word)) if part]
    content = [part for part in parts if part not in _FUNCTION_WORDS]
    used = 0
    position = 0
    for part in content:
        if position < len(letters) and part.strip(_EDGE)[:1] in letters[position:]:
            position += letters[position:].index(part.strip(_EDGE)[:1]) + 1
            used += 1
    return bool(content) and used * 2 > len(content)


def _unaccented(text: str) -> str:
    """Lower case without accents, one character for each of `text` (a ligature keeps its first letter)."""
    plain = []
    for char in text:
        base = unicodedata.normalize("NFKD", char)[0].casefold()
        plain.append(base[0] if base else char)
    return "".join(plain)

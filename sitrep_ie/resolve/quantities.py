"""The text of a QUANTITY mention -> bounds of a number and its unit; also counts that a noun alone implies.

Conventions of the values:

- A stated number is low = best = high, with qualifier "exact", or "about" after an approximator (about,
  nearly, some 40, an estimated, 30 or so): readers need a number, and the qualifier keeps it honest.
- A bound is no estimate: "at least 30" has only low, "up to 30" only high.
- Vague words have only a low: several 3, dozens 24, hundreds 200, tens of thousands 20,000.
- Shares ("a third of", "seven in ten", "40 per cent") are percentages, unit "%", never bare fractions,
  so that nobody can sum them with counts.
- Units of measure have pint's canonical names ("kilometer", "metric_ton", "kilometer ** 2"); money has its
  ISO 4217 code, or the plain noun where several currencies share it ("franc"); packing nouns ("bags of",
  "rounds") stay as a singular noun; a rate adds "/" and the noun ("liter/person").
- In digits a comma before groups of three separates thousands, else it is a decimal comma. A dot is a decimal
  point, except with several groups of three ("1.200.000"), and except for a single group of three where
  neither a unit of measure nor a magnitude follows: a count has no thousandths, so "1.200" is 1200
  but "1.200 km" is 1.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from sitrep_ie.document import QuantityQualifier, QuantityValue

# Longer texts are no quantities; the limit also bounds the work on hostile input.
_MAX_CHARS = 200
_MAX_TOKENS = 32
# Above this, a run of digits is an identifier (a phone number, a case number) and no amount.
_MAX_DIGITS = 15

# ---- words ----

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety"
).split()
_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "lakh": 1e5,
    "lakhs": 1e5,
    "lac": 1e5,
    "crore": 1e7,
    "crores": 1e7,
    "mn": 1e6,
    "mln": 1e6,
    "mio": 1e6,
    "bn": 1e9,
    "bln": 1e9,
    "tn": 1e12,
    "dozen": 12.0,
    "score": 20.0,
    "k": 1e3,
}
# text2num knows these; the rest of the scales multiply what it returns.
_TEXT2NUM_SCALES = frozenset({"hundred", "thousand", "million", "billion"})
_NUMBER_WORDS = frozenset(_SMALL) | _TEXT2NUM_SCALES
_PLURAL_SCALES = {
    "tens": 10.0,
    "dozens": 12.0,
    "dozen": 12.0,
    "scores": 20.0,
    "hundreds": 1e2,
    "hundred": 1e2,
    "thousands": 1e3,
    "thousand": 1e3,
    "millions": 1e6,
    "million": 1e6,
    "billions": 1e9,
    "billion": 1e9,
    "lakhs": 1e5,
    "crores": 1e7,
}
_FRACTIONS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "hundredth": 100,
}
_FRACTIONS |= {word + "s": n for word, n in _FRACTIONS.items() if n > 2}
_NOTHING = frozenset({"no", "none", "nobody", "nil", "zero"})
_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0}

# Openings of a mention that set the qualifier; "" sets none. The longest one that fits is taken first.
_OPENINGS: dict[QuantityQualifier | Literal[""], tuple[str, ...]] = {
    "at_least": (
        "at least", "at the least", "at the very least", "at a minimum", "least", "a minimum of",
        "minimum of",
        "minimum", "more than", "more then", "much more than", "far more than", "well more than",
        "slightly more than", "over", "well over", "just over", "slightly over", "a little over", "far over",
        "upwards of", "upward of", "no fewer than", "no less than", "no lower than", "not fewer than",
        "not less than", "in excess of", "exceeding", "above", "north of", "greater than", "higher than",
        "larger than", "beyond", ">", "> =", "≥", "⩾",
    ),
    "at_most": (
        "up to", "upto", "at most", "at the most", "at the very most", "most", "a maximum of", "maximum of",
        "maximum",
        "fewer than", "less than", "less then", "under", "well under", "just under", "below", "just below",
        "just short of", "short of", "no more than", "no greater than", "no higher than", "not more than",
        "not over", "not exceeding", "as many as", "as much as", "lower than", "smaller than", "<", "< =",
        "≤",
        "⩽",
    ),
    "about": (
        "about", "some", "around", "roughly", "almost", "nearly", "approximately", "approx", "circa", "ca",
        "c",
        "perhaps", "maybe", "possibly", "probably", "an estimated", "estimated", "an approximate", "close to",
        "near", "nearer", "in the region of", "in the order of", "on the order of", "of the order of",
        "something like", "somewhere around", "somewhere between", "a good", "good", "more or less",
        "not quite", "little more than", "an average of", "average of", "average", "in the neighbourhood of",
        "in the vicinity of", "~", "≈", "∼", "±",
    ),
    "": (
        "a total of", "total of", "total", "the", "another", "additional", "an additional", "a further",
        "further", "a record", "record", "all", "all of", "only", "just", "exactly", "precisely", "even",
        "other",
        "these", "those", "its", "their", "his", "her", "our", "first", "last", "next", "past", "combined",
        "as",
        "a combined", "the other", "from", "a single", "single", "a lone", "lone", "one single", "a whole",
        "a full", "at", "to", "for", "of", "in", "by", "with", "reportedly", "currently",
    ),
}  # fmt: skip
_OPENING: dict[tuple[str, ...], QuantityQualifier | Literal[""]] = {
    tuple(phrase.split()): qualifier for qualifier, phrases in _OPENINGS.items() for phrase in phrases
}
_MAX_OPENING = max(map(len, _OPENING))
# "at a lone outpost": these openings may themselves be the number.
_SINGLE = frozenset({("a", "single"), ("single",), ("a", "lone"), ("lone",), ("one", "single")})

_CLOSINGS: dict[tuple[str, ...], QuantityQualifier] = {
    ("or", "so"): "about",
    ("or", "thereabouts"): "about",
    ("odd",): "about",
    ("some",): "about",
    ("approximately",): "about",
    ("approx",): "about",
    ("ish",): "about",
    ("or", "more"): "at_least",
    ("and", "more"): "at_least",
    ("or", "over"): "at_least",
    ("and", "over"): "at_least",
    ("and", "above"): "at_least",
    ("and", "upwards"): "at_least",
    ("and", "counting"): "at_least",
    ("plus",): "at_least",
    ("+",): "at_least",
    ("at", "least"): "at_least",
    ("minimum",): "at_least",
    ("or", "less"): "at_most",
    ("or", "fewer"): "at_most",
    ("or", "under"): "at_most",
    ("at", "most"): "at_most",
    ("maximum",): "at_most",
    ("max",): "at_most",
}

# Words for some number that is not told; the low is what the word needs to be true.
_VAGUE: dict[str, float | None] = {
    "several": 3, "a few": 3, "few": 3, "quite a few": 3, "some": 3, "a handful": 3, "handful": 3, "many": 3,
    "numerous": 3, "countless": 3, "multiple": 2, "various": 2, "a number": 2, "number": 2, "numbers": 2,
    "large number": 3, "large numbers": 3, "a large number": 3, "small number": 2, "small numbers": 2,
    "a small number": 2, "a growing number": 2, "an increasing number": 2, "a significant number": 3,
    "significant numbers": 3, "a limited number": 2, "a considerable number": 3, "unknown number": None,
    "a great number": 3, "an unknown number": None, "undisclosed number": None, "an undisclosed number": None,
    "unspecified number": None, "an unspecified number": None, "undetermined number": None,
    "an undetermined number": None, "uncertain number": None, "an uncertain number": None,
    "same number": None, "a similar number": None, "an equal number": None, "equal number": None,
    "a lot": 3, "lots": 3, "plenty": 3, "unknown": None,
}  # fmt: skip
_VAGUE_WORDS = {tuple(phrase.split()): None if low is None else float(low) for phrase, low in _VAGUE.items()}
_MULTIPLIERS = frozenset({("several",), ("a", "few"), ("few",), ("many",), ("some",), ("multiple",)})
_MOST = frozenset(
    {("most",), ("majority",), ("a", "majority"), ("vast", "majority"), ("more", "than", "half")}
)

# ---- units ----


@dataclass(frozen=True, slots=True)
class _Unit:
    """`factor` is the size in the SI base unit of `dimension`, to add up "5 ft 10 in"."""

    name: str
    dimension: str
    factor: float


# pint takes 0.6 s to import and build its registry, for a hundred names that never change: this table has its
# names and factors, and a test holds every row equal to pint.
_UNIT_ROWS: tuple[tuple[str, str, float, str], ...] = (
    ("millimeter", "length", 1e-3, "mm|millimetre|millimetres|millimeter|millimeters"),
    ("centimeter", "length", 1e-2, "cm|centimetre|centimetres|centimeter|centimeters"),
    ("meter", "length", 1.0, "m|metre|metres|meter|meters|mtr|mtrs"),
    ("kilometer", "length", 1e3, "km|kms|kilometre|kilometres|kilometer|kilometers|klick|klicks"),
    ("inch", "length", 0.0254, "inch|inches"),
    ("foot", "length", 0.3048, "ft|foot|feet"),
    ("yard", "length", 0.9144, "yd|yds|yard|yards"),
    ("mile", "length", 1609.344, "mi|mile|miles"),
    ("nautical_mile", "length", 1852.0, "nm|nmi|nautical mile|nautical miles"),
    ("cables_length", "length", 219.45643891287781, "cable|cables"),
    ("hectare", "area", 1e4, "ha|hectare|hectares"),
    ("acre", "area", 4046.8726098742513, "acre|acres"),
    ("meter ** 2", "area", 1.0, "square metre|square metres|square meter|square meters|square m|sq m|sqm"),
    ("kilometer ** 2", "area", 1e6,
     "square kilometre|square kilometres|square kilometer|square kilometers|square km|sq km"),
    ("mile ** 2", "area", 2589988.110336, "square mile|square miles|sq mi|sq mile|sq miles|square mi"),
    ("foot ** 2", "area", 0.09290304, "square foot|square feet|square ft|sq ft"),
    ("yard ** 2", "area", 0.83612736, "square yard|square yards|sq yd"),
    ("gram", "mass", 1e-3, "g|gr|gram|grams|gramme|grammes"),
    ("milligram", "mass", 1e-6, "mg|milligram|milligrams"),
    ("kilogram", "mass", 1.0, "kg|kgs|kilo|kilos|kilogram|kilograms|kilogramme|kilogrammes"),
    ("metric_ton", "mass", 1e3,
     "t|mt|tonne|tonnes|metric ton|metric tons|metric tonne|metric tonnes"),
    # "ton" stays as written: pint's ton is the short ton, and a report seldom says which one it means.
    ("ton", "mass", 907.18474, "ton|tons|short ton|short tons"),
    ("long_ton", "mass", 1016.0469088, "long ton|long tons"),
    ("kiloton", "mass", 907184.74, "kiloton|kilotons"),
    ("pound", "mass", 0.45359237, "lb|lbs|pound|pounds"),
    ("ounce", "mass", 0.028349523125, "oz|ounce|ounces"),
    ("carat", "mass", 2e-4, "carat|carats"),
    ("milliliter", "volume", 1e-6, "ml|millilitre|millilitres|milliliter|milliliters"),
    ("liter", "volume", 1e-3, "l|litre|litres|liter|liters|ltr|ltrs"),
    ("gallon", "volume", 0.003785411784, "gal|gallon|gallons"),
    ("meter ** 3", "volume", 1.0, "cubic metre|cubic metres|cubic meter|cubic meters|cubic m|cu m|cbm"),
    ("foot ** 3", "volume", 0.028316846592, "cubic foot|cubic feet|cubic ft|cu ft"),
    ("second", "time", 1.0, "sec|secs|second|seconds"),
    ("minute", "time", 60.0, "min|mins|minute|minutes"),
    ("hour", "time", 3600.0, "h|hr|hrs|hour|hours"),
    ("day", "time", 86400.0, "day|days"),
    ("week", "time", 604800.0, "week|weeks"),
    ("fortnight", "time", 1209600.0, "fortnight|fortnights"),
    ("month", "time", 2629800.0, "month|months"),
    ("year", "time", 31557600.0, "yr|yrs|year|years"),
    ("knot", "speed", 0.5144444444444445, "kn|kt|kts|knot|knots"),
    ("mile_per_hour", "speed", 0.44704, "mph|miles per hour|miles an hour"),
    ("kilometer_per_hour", "speed", 0.2777777777777778,
     "kph|kmh|km h|km per hour|kilometres per hour|kilometers per hour|kilometres an hour"),
    ("degree", "angle", 0.017453292519943295, "degree|degrees|°"),
    ("degree_Celsius", "temperature", 1.0, "degrees celsius|degrees c|° c|degree celsius"),
    ("degree_Fahrenheit", "temperature", 5 / 9, "degrees fahrenheit|degrees f|° f|degree fahrenheit"),
    ("kilowatt", "power", 1e3, "kw|kilowatt|kilowatts"),
    ("megawatt", "power", 1e6, "mw|megawatt|megawatts"),
    ("kilowatt_hour", "energy", 3.6e6, "kwh|kilowatt hour|kilowatt hours"),
)  # fmt: skip
_PERCENT = _Unit("%", "share", 0.01)

# Nouns of packing, and local measures that pint lacks: kept as they are, in the singular.
_PACKING = (
    "ammunition box|ampoule|bag|bale|bar|barrel|basin|basket|belt|block|boatload|bottle|box|brick|bucket|"
    "bundle|busload|can|canister|capsule|carton|cartridge|cartload|case|clip|coil|container|crate|cup|"
    "cylinder|dose|drum|dunam|dunum|feddan|flask|head|item|jar|jerrican|jerrycan|keg|kit|ladle|load|"
    "lorryload|magazine|maund|meal|pack|package|packet|pail|pair|pallet|parcel|piece|pill|planeload|plate|"
    "pouch|quintal|ration|ream|reel|roll|round|sachet|sack|sacksful|set|sheet|shipload|skid|slab|spool|"
    "stack|stick|stone|strip|tablet|tin|trailerload|trainload|tray|tola|truckload|tub|tube|vanload|vat|"
    "vial|wagonload|wrap|bushel|bigha|shot"
)
_PACKING_IRREGULAR = {"boxes": "box", "ammunition boxes": "ammunition box", "head of": "head"}


def _unit_table() -> dict[tuple[str, ...], _Unit]:
    table: dict[tuple[str, ...], _Unit] = {}
    for name, dimension, factor, forms in _UNIT_ROWS:
        for form in forms.split("|"):
            table[tuple(form.split())] = _Unit(name, dimension, factor)
    for noun in _PACKING.split("|"):
        table[tuple(noun.split())] = _Unit(noun, "packing", 1.0)
        table[tuple((noun + "s").split())] = _Unit(noun, "packing", 1.0)
    for noun, singular in _PACKING_IRREGULAR.items():
        table[tuple(noun.split())] = _Unit(singular, "packing", 1.0)
    for form in ("%", "percent", "per cent", "pct", "percentage points", "percentage point"):
        table[tuple(form.split())] = _PERCENT
    return table


_UNITS = _unit_table()

_CURRENCY_SYMBOLS = {
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₱": "PHP", "₦": "NGN", "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH", "₪": "ILS", "₩": "KRW", "฿": "THB", "₫": "VND", "₭": "LAK", "៛": "KHR", "₮": "MNT",
    "₸": "KZT",
    "₾": "GEL", "₵": "GHS", "₲": "PYG", "₡": "CRC", "₼": "AZN", "؋": "AFN", "৳": "BDT", "֏": "AMD",
    "﷼": "rial",
    "us$": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD", "nz$": "NZD", "hk$": "HKD",
    "s$": "SGD",
    "nt$": "TWD", "r$": "BRL", "z$": "ZWG", "mx$": "MXN", "e£": "EGP", "s£": "SDG", "cfa": "CFA franc",
    "fcfa": "CFA franc", "ksh": "KES", "kshs": "KES", "kes": "KES", "ush": "UGX", "tsh": "TZS", "rs": "rupee",
    "re": "rupee", "inr": "INR", "pkr": "PKR", "rm": "MYR", "rp": "IDR", "tk": "BDT", "n": "NGN", "p": "PHP",
    "afs": "AFN", "af": "AFN", "lbp": "LBP", "le": "leone", "r": "ZAR", "nis": "ILS", "ssp": "SSP",
    "br": "ETB",
}  # fmt: skip
# Letters that stand for a currency only in front of the amount ("N200 million").
_PREFIX_ONLY = frozenset({"n", "p", "r", "re", "le", "br", "af", "rm", "rp"})

# Nouns that by themselves tell one currency; what several states share stays a noun.
_CURRENCY_NOUNS = {
    "dollar": "USD", "buck": "USD", "euro": "EUR", "afghani": "AFN", "baht": "THB", "birr": "ETB",
    "bolivar": "VES",
    "boliviano": "BOB", "cedi": "GHS", "cordoba": "NIO", "dalasi": "GMD", "dong": "VND", "dram": "AMD",
    "forint": "HUF", "gourde": "HTG", "guarani": "PYG", "hryvnia": "UAH", "kip": "LAK", "kina": "PGK",
    "kyat": "MMK", "lari": "GEL", "lek": "ALL", "lempira": "HNL", "lev": "BGN", "loti": "LSL",
    "metical": "MZN",
    "meticais": "MZN", "naira": "NGN", "nakfa": "ERN", "ngultrum": "BTN", "ouguiya": "MRU", "pula": "BWP",
    "quetzal": "GTQ", "rand": "ZAR", "real": "BRL", "reais": "BRL", "renminbi": "CNY", "riel": "KHR",
    "ringgit": "MYR", "rouble": "RUB", "ruble": "RUB", "rupiah": "IDR", "shekel": "ILS", "sole": "PEN",
    "sol": "PEN",
    "somoni": "TJS", "taka": "BDT", "tenge": "KZT", "tugrik": "MNT", "yen": "JPY", "yuan": "CNY",
    "zloty": "PLN",
    "ariary": "MGA", "kwanza": "AOA", "koruna": "CZK", "leva": "BGN", "zlotys": "PLN", "levs": "BGN",
    "pound sterling": "GBP", "pounds sterling": "GBP", "sterling": "GBP", "us dollar": "USD",
    "american dollar": "USD", "greenback": "USD", "cfa franc": "CFA franc", "franc cfa": "CFA franc",
    "francs cfa": "CFA franc", "hryvnias": "UAH", "denar": "MKD", "deutschmark": "DEM",
}  # fmt: skip
_SHARED_NOUNS = {
    "franc": "franc", "dinar": "dinar", "peso": "peso", "rupee": "rupee", "shilling": "shilling",
    "lira": "lira",
    "lire": "lira", "rial": "rial", "riyal": "riyal", "dirham": "dirham", "kwacha": "kwacha",
    "manat": "manat",
    "leu": "leu", "lei": "leu", "krone": "krone", "kroner": "krone", "krona": "krona", "kronor": "krona",
    "won": "won", "som": "som", "escudo": "escudo", "colon": "colon", "leone": "leone", "mark": "mark",
    "pound": "pound",
}  # fmt: skip


@lru_cache(maxsize=1)
def _iso_currencies() -> tuple[frozenset[str], dict[tuple[str, str], str]]:
    """ISO 4217 codes, and (first four letters of the state's adjective, noun) -> code."""
    import pycountry

    codes, named = set(), {}
    for currency in pycountry.currencies:
        codes.add(currency.alpha_3)
        words = _plain(currency.name).split()
        if len(words) >= 2 and words[0] != "new" and "(" not in currency.name:
            named[words[0][:4], words[-1]] = currency.alpha_3
    named["syri", "lira"] = named["syri", "pound"]
    named["leba", "lira"] = named["leba", "pound"]
    named["west", "franc"] = "XOF"
    named["cent", "franc"] = "XAF"
    return frozenset(codes), named


# ---- tokens ----


@dataclass(frozen=True, slots=True)
class _Token:
    """`norm` is case-folded; `glued` when no blank stands before it."""

    norm: str
    raw: str
    number: bool
    glued: bool


_TOKEN = re.compile(
    r"(?P<num>\d+(?:[.,']\d+|\x20\d{3}(?!\d))*)|(?P<word>[^\W\d_]+)|(?P<symbol>[%+~≈∼±<>≤≥⩽⩾=/°:-]|[^\w\s])"
)
_DASHES = re.compile(r"[‐‑‒–—―−﹘﹣－]")
_VULGAR = re.compile(r"[¼-¾⅐-⅞]")
_POWER = re.compile(r"\b(km|m|cm|mm|ft|mi|yd|feet|metres|meters)(?:\s?\^)?\s?([23²³])(?!\w)", re.IGNORECASE)
_DROPPED = frozenset("\"'“”‘’«»‹›„‚()[]{}.,;!?*|\\_`´")


def _plain(text: str) -> str:
    """Lower case without diacritics."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def _tokenise(text: str) -> list[_Token]:
    text = _VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]).replace("\u2044", "/"), text)
    text = _POWER.sub(lambda m: f"{'square' if m[2] in '2²' else 'cubic'} {m[1]}", text)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    text = text.replace("٫", ".").replace("٬", ",").replace("’", "'")
    text = re.sub(r"'s?(?![^\W_])", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\b[uU]\.\s?[sS]\.?", "US", text)
    text = _DASHES.sub("-", " ".join(text.split()))
    text = re.sub(r"-and-a-(half|quarter)", r" and a \1", text, flags=re.IGNORECASE)
    without = re.sub(r"\([^()]*\)", " ", text)
    if re.search(r"\w", without):
        text = " ".join(without.split())
    tokens: list[_Token] = []
    end = -1
    for match in _TOKEN.finditer(text):
        raw = match[0]
        if raw in _DROPPED:
            # A dot or bracket does not part what it stands between ("Rs.500").
            end = match.end() if match.start() == end else end
            continue
        number = match["num"] is not None
        norm = raw if number else _plain(raw)
        tokens.append(_Token(norm, raw, number, match.start() == end))
        end = match.end()
    return tokens


_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}")


def _digits(text: str, measured: bool) -> float | None:
    """The number that `text` writes, by the module's rule; `measured`: a unit or magnitude follows."""
    text = text.replace("'", "").replace(" ", "")
    if sum(char.isdigit() for char in text) > _MAX_DIGITS:
        return None
    comma, dot = text.rfind(","), text.rfind(".")
    if comma >= 0 and dot >= 0:
        thousands, decimal = (",", ".") if dot > comma else (".", ",")
        whole, _, part = text.rpartition(decimal)
        if decimal in whole or not re.fullmatch(rf"\d{{1,3}}(?:\{thousands}\d{{2,3}})*", whole):
            return None
        return float(whole.replace(thousands, "") + "." + part)
    if comma >= 0:
        if _GROUPED.fullmatch(text):
            return float(text.replace(",", ""))
        return float(text.replace(",", ".")) if text.count(",") == 1 else None
    if text.count(".") > 1:
        return float(text.replace(".", "")) if re.fullmatch(r"\d{1,3}(?:\.\d{3})+", text) else None
    if dot >= 0 and not measured and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", text):
        return float(text.replace(".", ""))
    return float(text)


# ---- grammar ----


@dataclass(frozen=True, slots=True)
class _Amount:
    """A parsed number: `scale` is its last multiplier ("3 million": 1e6), which a range may share.

    `vague` amounts have only a low (`value`, or None where nothing is known).
    """

    value: float | None
    scale: float = 1.0
    unit: str | None = None
    dimension: str | None = None
    factor: float = 1.0
    vague: bool = False
    qualifier: QuantityQualifier | None = None
    shorthand: bool = False  # digits without separators, which "20-30,000" lets share the thousands


class _Parser:
    """Reads one mention from left to right; every method takes a position and gives the next one."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self.tokens = tokens
        self.norms = tuple(token.norm for token in tokens)
        self.end = len(tokens)

    def at(self, i: int, *words: str) -> bool:
        return self.norms[i : i + len(words)] == words and i + len(words) <= self.end

    def norm(self, i: int) -> str:
        return self.norms[i] if i < self.end else ""

    def is_number(self, i: int) -> bool:
        return i < self.end and self.tokens[i].number

    # -- units --

    def unit(self, i: int) -> tuple[_Unit, int] | None:
        """A measure, packing noun or percent sign at `i`; hyphens before it are skipped ("400-metre")."""
        while self.at(i, "-") and i + 1 < self.end:
            i += 1
        words = tuple(norm for norm in self.norms[i : i + 4])
        joined = tuple(norm for norm in words if norm not in "-/")
        for length in (3, 2, 1):
            found = _UNITS.get(words[:length]) or (_UNITS.get(joined[:length]) if length == 2 else None)
            if found and len(words) >= length:
                taken = i
                for _ in range(length):
                    while self.norm(taken) in ("-", "/"):
                        taken += 1
                    taken += 1
                return found, taken
        return None

    def currency(self, i: int, *, prefix: bool) -> tuple[str, int] | None:
        """A currency's symbol, code or name at `i`; `prefix`: in front of the amount."""
        if i >= self.end:
            return None
        token = self.tokens[i]
        if token.number:
            return None
        if prefix and i + 1 < self.end and self.tokens[i + 1].glued:
            pair = token.norm + self.norm(i + 1)
            if pair in _CURRENCY_SYMBOLS and not self.is_number(i + 1):
                return _CURRENCY_SYMBOLS[pair], i + 2
        if token.norm in _CURRENCY_SYMBOLS and (prefix or token.norm not in _PREFIX_ONLY):
            glued_letter = len(token.norm) > 1 or not token.norm.isalpha() or self.glued_after(i)
            if not prefix or glued_letter:
                symbol = _CURRENCY_SYMBOLS[token.norm]
                if self.norm(i + 1) in ("$", "£") and prefix:
                    return symbol, i + 2
                francs = symbol == "CFA franc" and self.norm(i + 1) in ("franc", "francs")
                return symbol, i + 2 if francs else i + 1
        if prefix and token.norm in ("us", "usd") and self.norm(i + 1) == "$":
            return "USD", i + 2
        if len(token.raw) == 3 and token.raw.isascii() and token.raw.isupper():
            if token.raw in _iso_currencies()[0]:
                return token.raw, i + 2 if prefix and self.norm(i + 1) in ("$", "£", "€") else i + 1
        return None if prefix else self.currency_name(i)

    def glued_after(self, i: int) -> bool:
        return i + 1 < self.end and self.tokens[i + 1].glued

    def currency_name(self, i: int) -> tuple[str, int] | None:
        two = " ".join(self.norms[i : i + 2])
        for form in (two, two.removesuffix("s")):
            if form in _CURRENCY_NOUNS:
                return _CURRENCY_NOUNS[form], i + min(2, self.end - i)
        word = self.norm(i)
        for form in (word, word.removesuffix("s")):
            if form in _CURRENCY_NOUNS:
                return _CURRENCY_NOUNS[form], i + 1
            if form in _SHARED_NOUNS and form != "pound":
                return _SHARED_NOUNS[form], i + 1
        # "Syrian pounds", "South Sudanese pounds"
        for j in (i + 1, i + 2):
            noun = self.norm(j).removesuffix("s")
            noun = _SHARED_NOUNS.get(noun, noun)
            if noun and (noun in _SHARED_NOUNS or noun in _CURRENCY_NOUNS) and word.isalpha():
                code = _iso_currencies()[1].get((word[:4], noun))
                if code:
                    return code, j + 1
        return None

    # -- numbers --

    def number(self, i: int, *, money: bool) -> tuple[_Amount, int] | None:
        """A definite number with its magnitudes: "3.5 million", "two and a half", "a dozen"."""
        found = self.plain_number(i)
        if found is None:
            return None
        value, scale, i, shorthand = found
        digits = self.is_number(i - 1)
        while i < self.end:
            step = self.magnitude(i, money=money, after_digits=digits)
            if step is None:
                break
            size, i = step
            value, scale, shorthand = value * size, size, False
        if self.norms[i : i + 3] in (("and", "a", "half"), ("and", "a", "quarter")):
            part = 0.5 if self.norm(i + 2) == "half" else 0.25
            value += part * scale
            i += 3
            step = self.magnitude(i, money=money, after_digits=False)
            if step is not None:
                value, scale, i = value * step[0], step[0], step[1]
        # "2 million 300 thousand"
        if scale >= 1e3 and self.is_number(i):
            more = self.digit_number(i)
            step = self.magnitude(more[2], money=money, after_digits=True) if more else None
            if more is not None and step is not None and more[0] * step[0] < scale:
                value, i = value + more[0] * step[0], step[1]
        return _Amount(value, scale=scale, shorthand=shorthand), i

    def magnitude(self, i: int, *, money: bool, after_digits: bool) -> tuple[float, int] | None:
        word = self.norm(i)
        if word == "-" and self.norm(i + 1) in _SCALES and i + 1 < self.end:
            i, word = i + 1, self.norm(i + 1)
        if word == "k" and not (after_digits and (self.tokens[i].glued or money)):
            return None
        if word in _SCALES or word in _PLURAL_SCALES:
            return _SCALES.get(word) or _PLURAL_SCALES[word], i + 1
        if after_digits and i < self.end:
            token = self.tokens[i]
            if token.raw == "M" or (token.norm == "m" and money):
                return 1e6, i + 1
            if token.norm == "b" and (money or token.glued):
                return 1e9, i + 1
        return None

    def plain_number(self, i: int) -> tuple[float, float, int, bool] | None:
        """Digits or number words at `i`: value, last scale, next position, whether in bare digits."""
        if self.is_number(i):
            return self.digit_number(i)
        if self.norm(i) in ("a", "an") and self.norm(i + 1) in _SCALES and self.norm(i + 1) != "k":
            size = self.norm(i + 1)
            if size in _TEXT2NUM_SCALES:
                read = self.word_number(i + 1)
                if read is not None:
                    return read
            return _SCALES[size], _SCALES[size], i + 2, False
        if self.norms[i : i + 2] in (("a", "couple"), ("a", "pair")):
            j = i + 3 if self.norm(i + 2) == "of" else i + 2
            return 2.0, 1.0, j, False
        if self.norm(i) in ("couple", "pair"):
            return 2.0, 1.0, i + 2 if self.norm(i + 1) == "of" else i + 1, False
        if self.norm(i) == "both":
            return 2.0, 1.0, i + 1, False
        if self.norm(i) in ("dozen", "score"):
            return _SCALES[self.norm(i)], 1.0, i + 1, False
        if self.norm(i) in _TIMES:
            return _TIMES[self.norm(i)], 1.0, i + 1, False
        return self.word_number(i)

    def digit_number(self, i: int) -> tuple[float, float, int, bool] | None:
        token = self.tokens[i]
        nxt = self.norm(i + 1)
        glued = self.glued_after(i)
        if glued and nxt in ("st", "nd", "rd", "th", "s", ":", "x"):
            return None
        if nxt == "/" and self.is_number(i + 2):
            return None
        measured = nxt in _SCALES or self.unit(i + 1) is not None
        value = _digits(token.raw, measured)
        if value is None:
            return None
        j = i + 1
        # "2 1/2"
        if self.is_number(j) and self.at(j + 1, "/") and self.is_number(j + 2):
            part = self.fraction(j)
            if part is not None and value.is_integer():
                return value + part[0], 1.0, part[1], False
        return value, 1.0, j, token.raw.isdigit()

    def word_number(self, i: int) -> tuple[float, float, int, bool] | None:
        """The longest run of number words at `i` that makes one number."""
        from text_to_num import text2num

        words: list[str] = []
        ends: list[int] = []
        j = i
        while j < self.end:
            word = self.norm(j)
            if word in _NUMBER_WORDS:
                words.append("forty" if word == "fourty" else word)
                ends.append(len(words))
            elif word == "and" and words and words[-1] in _TEXT2NUM_SCALES:
                words.append(word)
            elif word != "-" or not words:
                break
            else:
                words.append("")
            j += 1
        while ends:
            stop = ends.pop()
            run = [word for word in words[:stop] if word]
            try:
                value = float(text2num(" ".join(run), "en"))
            except ValueError:
                continue
            last = run[-1]
            return value, _SCALES.get(last, 1.0), i + stop, False
        return None

    def fraction(self, i: int) -> tuple[float, int] | None:
        """A proper fraction: "3/4", "two thirds", "a third", "half"."""
        if self.is_number(i) and self.at(i + 1, "/") and self.is_number(i + 2):
            top, bottom = _digits(self.norm(i), False), _digits(self.norm(i + 2), False)
            if top is None or bottom is None or not 0 < top < bottom:
                return None
            return top / bottom, i + 3
        if self.norm(i) == "half":
            return 0.5, i + 1
        top_value: float
        if self.norm(i) in ("a", "an", "one"):
            top_value, j = 1.0, i + 1
        else:
            found = self.word_number(i)
            if found is None and self.is_number(i):
                value = _digits(self.norm(i), False)
                found = None if value is None else (value, 1.0, i + 1, False)
            if found is None:
                return None
            top_value, j = found[0], found[2]
        while self.at(j, "-"):
            j += 1
        word = self.norm(j)
        if word not in _FRACTIONS or not 0 < top_value < _FRACTIONS[word]:
            return None
        # "one third" and "two thirds"; "two third parties" is no fraction.
        if (top_value == 1.0) == (word.endswith("s") or word == "halves"):
            return None
        return top_value / _FRACTIONS[word], j + 1

    def share(self, i: int) -> tuple[_Amount, int] | None:
        """A share as a percentage, or a fraction of a unit or magnitude ("half a mile", "half a million")."""
        part = self.fraction(i)
        if part is not None:
            value, j = part
            k = j + 1 if self.norm(j) == "of" else j
            if self.norm(k) in ("a", "an"):
                word = self.norm(k + 1)
                if word in _SCALES and word != "k":
                    return _Amount(value * _SCALES[word], scale=_SCALES[word]), k + 2
                unit = self.unit(k + 1)
                if unit is not None and unit[0].dimension != "packing":
                    return _measured(_Amount(value), unit[0]), unit[1]
            unit = self.unit(j)
            if unit is not None and unit[0].dimension not in ("packing", "share"):
                return _measured(_Amount(value), unit[0]), unit[1]
            if self.norm(j) in _SCALES and self.norm(j) not in ("k", "score"):
                return _Amount(value * _SCALES[self.norm(j)], scale=_SCALES[self.norm(j)]), j + 1
            return _measured(_Amount(value * 100), _PERCENT), j
        top = self.plain_number(i)
        if top is None:
            return None
        j = top[2]
        for link in (("in", "every"), ("out", "of", "every"), ("out", "of"), ("of", "every"), ("in",)):
            if self.at(j, *link):
                bottom = self.plain_number(j + len(link))
                if bottom is not None and 0 < top[0] < bottom[0] and self.unit(bottom[2]) is None:
                    return _measured(_Amount(top[0] / bottom[0] * 100), _PERCENT), bottom[2]
        return None

    def vague(self, i: int) -> tuple[_Amount, int] | None:
        """Words for an untold number, alone ("several") or multiplied ("several hundred")."""
        low: float | None = None
        j = i
        # "100s of"
        if self.is_number(i) and self.norm(i + 1) == "s" and self.tokens[i + 1].glued:
            if self.norm(i) in ("10", "100", "1000", "1,000"):
                return _Amount(2 * float(self.norm(i).replace(",", "")), vague=True), i + 2
        for length in (3, 2, 1):
            words = self.norms[i : i + length]
            if len(words) == length and words in _VAGUE_WORDS:
                low, j = _VAGUE_WORDS[words], i + length
                break
        multiplied = j > i and self.norms[i:j] in _MULTIPLIERS
        if j > i and not multiplied:
            return _Amount(low, vague=True), j
        scale = 1.0
        k = j
        while True:
            word = self.norm(k)
            plural = word.endswith("s")
            if word not in _PLURAL_SCALES or not (plural or multiplied or k > j):
                break
            scale *= _PLURAL_SCALES[word]
            k += 1
            if self.norm(k) == "of" and self.norm(k + 1) in _PLURAL_SCALES:
                k += 1
            elif self.norm(k) == "and" and self.norm(k + 1) == word:
                k += 2
        if k > j:
            return _Amount((low or 2) * scale, scale=scale, vague=True), k
        return (_Amount(low, vague=True), j) if j > i else None

    # -- amounts: number, closing words, unit --

    def amount(self, i: int) -> tuple[_Amount, int] | None:
        """One amount with its currency or unit and the approximators that follow the number."""
        code: str | None = None
        prefix = self.currency(i, prefix=True)
        if prefix is not None:
            code, i = prefix
        money = code is not None or self.currency_ahead(i)
        for read in (self.share, self.vague):
            found = read(i)
            if found is not None:
                break
        else:
            found = self.number(i, money=money)
            if found is None:
                # "a kilometre", "a good tonne"
                k = i + 1 if self.norm(i) in ("a", "an") else i
                unit = self.unit(k)
                if unit is None or unit[0].dimension in ("share", "packing") or len(self.norm(k)) == 1:
                    return None
                return self.compound(_measured(_Amount(1.0), unit[0]), unit[1])
            if self.norm(i) in ("a", "couple") and "couple" in self.norms[i : i + 2]:
                found = replace(found[0], qualifier="about"), found[1]
        amount, i = found
        if code is not None:
            amount = replace(amount, unit=code, dimension="money")
        if amount.dimension is None:
            amount, i = self.closed(amount, i)
            amount, i = self.with_unit(amount, i)
        amount, i = self.closed(amount, i)
        return amount, i

    def currency_ahead(self, i: int) -> bool:
        return self.is_number(i) and (
            self.currency(i + 1, prefix=False) is not None or self.currency(i + 2, prefix=False) is not None
        )

    def closed(self, amount: _Amount, i: int) -> tuple[_Amount, int]:
        """Reads "or so", "-odd", "or more", "+" at `i`."""
        j = i
        while self.at(j, "-"):
            j += 1
        for length in (2, 1):
            words = self.norms[j : j + length]
            if len(words) == length and words in _CLOSINGS:
                if words == ("some",) and j + 1 < self.end:
                    continue
                return replace(amount, qualifier=_CLOSINGS[words]), j + length
        return amount, i

    def with_unit(self, amount: _Amount, i: int) -> tuple[_Amount, int]:
        j = i + 1 if self.norm(i) == "of" and amount.vague else i
        while self.norm(j) in ("more", "additional", "further", "extra"):
            j += 1
        sterling = self.norm(j) in ("pound", "pounds") and amount.scale >= 1e6 and self.norm(j + 1) != "of"
        money = self.currency(j, prefix=False)
        if money is not None:
            return replace(amount, unit=money[0], dimension="money"), money[1]
        if sterling:
            return replace(amount, unit="GBP", dimension="money"), j + 1
        unit = self.unit(j)
        if unit is None:
            return self.rate(amount, i)
        amount, i = self.compound(_measured(amount, unit[0]), unit[1])
        return self.rate(amount, i)

    def rate(self, amount: _Amount, i: int) -> tuple[_Amount, int]:
        """Adds "/person", "/day" to the unit of a rate: "10 litres per person", "30 a day"."""
        if self.norm(i) in ("per", "each", "every") and i + 1 < self.end and self.norm(i + 1).isalpha():
            return replace(amount, unit=f"{amount.unit or ''}/{self.norm(i + 1)}"), i + 2
        if self.norm(i) in ("a", "an") and i + 2 == self.end:
            unit = self.unit(i + 1)
            if unit is not None and unit[0].dimension == "time":
                return replace(amount, unit=f"{amount.unit or ''}/{unit[0].name}"), unit[1]
        return amount, i

    def compound(self, amount: _Amount, i: int) -> tuple[_Amount, int]:
        """Adds a smaller unit of the same dimension: "2 hours and 30 minutes", "5 ft 10 in"."""
        j = i + 1 if self.norm(i) == "and" else i
        if amount.value is None or amount.dimension in ("packing", "share", None) or j >= self.end:
            return amount, i
        if self.norms[i : i + 3] == ("and", "a", "half"):
            return replace(amount, value=amount.value + 0.5), i + 3
        more = self.plain_number(j)
        if more is None:
            return amount, i
        unit = self.unit(more[2])
        if unit is None or unit[0].dimension != amount.dimension or unit[0].factor >= amount.factor:
            return amount, i
        return replace(amount, value=amount.value + more[0] * unit[0].factor / amount.factor), unit[1]

    # -- the whole mention --

    def expression(self, i: int, between: bool) -> tuple[_Amount, _Amount | None, int] | None:
        """An amount, or two that bound a range."""
        if between:
            for k in range(i + 1, self.end):
                if self.norm(k) in ("and", "to", "-"):
                    left = _Parser(self.tokens[:k]).amount(i)
                    right = self.amount(k + 1)
                    if left is not None and left[1] == k and right is not None:
                        return left[0], right[0], right[1]
        first = self.amount(i)
        if first is None:
            return None
        amount, j = first
        if amount.vague:
            return amount, None, j
        k = j
        if self.norm(k) in ("to", "-", "or", "and", "~") or self.at(k, "up", "to"):
            k += 2 if self.at(k, "up", "to") else 1
            while self.norm(k) in ("maybe", "perhaps", "even", "possibly", "as", "many", "-"):
                k += 1
            second = self.amount(k)
            if second is not None and second[0].value is not None and not second[0].vague:
                joined_by_and = self.norm(j) == "and"
                comparable = (
                    not amount.dimension
                    or not second[0].dimension
                    or (amount.dimension == second[0].dimension)
                )
                if comparable and (not joined_by_and or _shared(amount, second[0]) < second[0].value):
                    return amount, second[0], second[1]
        return amount, None, j


def _measured(amount: _Amount, unit: _Unit) -> _Amount:
    return replace(amount, unit=unit.name, dimension=unit.dimension, factor=unit.factor)


def _shared(first: _Amount, second: _Amount) -> float:
    """The value of a range's first number, which may lean on the second's magnitude ("2 to 3 million")."""
    low, high = first.value or 0.0, second.value or 0.0
    if first.scale == 1.0 and second.scale > 1.0 and low < high / second.scale:
        return low * second.scale
    # "20-30,000": nobody means from twenty to thirty thousand.
    if first.shorthand and not second.shorthand and second.scale == 1.0 and high >= 1000:
        if low < high / 1000 and high % 1000 == 0:
            return low * 1000
    return low


def resolve_quantity(text: str) -> QuantityValue | None:
    """Returns the value that the text of a QUANTITY mention states, or None where it states none.

    None for ordinals ("third"), ratios ("twice as many"), "all", names with a number in them and whatever
    else is no amount. Never raises; the module's docstring has the conventions.
    """
    if len(text) > _MAX_CHARS:
        return None
    return _resolve(text)


@lru_cache(maxsize=8192)
def _resolve(text: str) -> QuantityValue | None:
    tokens = _tokenise(text)
    below_zero = len(tokens) > 1 and tokens[0].norm == "-" and tokens[1].number and tokens[1].glued
    while tokens and tokens[0].norm in ("-", ":"):
        tokens = tokens[1:]
    if not tokens or len(tokens) > _MAX_TOKENS:
        return None
    parser = _Parser(tokens)
    norms = parser.norms
    if norms[0] in _NOTHING and not any(t.number or t.norm in _NUMBER_WORDS for t in tokens[1:]):
        if norms[1:2] not in (("fewer",), ("less",), ("more",)):
            return QuantityValue(0.0, 0.0, 0.0, "exact")
    if norms[:3] == ("not", "a", "single") or norms[:2] == ("not", "one"):
        return QuantityValue(0.0, 0.0, 0.0, "exact")
    if norms in _SINGLE:
        return _ONE
    for i in range(1, len(norms)):
        # "twice as many" is a ratio; "perhaps as many as 30" goes on with a number.
        if norms[i : i + 2] in (("as", "many"), ("as", "much")) and norms[i + 2 : i + 3] != ("as",):
            return None
    share = norms[1:] if norms[0] == "the" else norms
    if share in _MOST or (share[:-1] in _MOST and share[-1] == "of"):
        return QuantityValue(50.0, None, None, "vague", "%")
    value = _opened(parser, 0, None, between=False)
    degrees = value is not None and (value.unit or "").startswith("degree")
    if below_zero and degrees and value is not None and value.best is not None:
        return replace(value, low=-value.best, best=-value.best, high=-value.best)
    return value


def _opened(
    parser: _Parser, i: int, qualifier: QuantityQualifier | None, *, between: bool
) -> QuantityValue | None:
    """Strips one opening after the other until an amount can be read to the end of the mention."""
    while True:
        if parser.norm(i) in ("between", "from") or parser.at(i, "anywhere", "between"):
            between = True
            i += 2 if parser.norm(i) == "anywhere" else 1
        for length in range(min(_MAX_OPENING, parser.end - i), 0, -1):
            words = parser.norms[i : i + length]
            if words in _OPENING and i + length < parser.end:
                break
        else:
            words = ()
        if words:
            # "some" before a number is an approximator, before nothing or a noun it is vague itself.
            rest = _opened(parser, i + len(words), qualifier or _OPENING[words] or None, between=between)
            if rest is not None:
                return rest
            if words in _SINGLE:
                return _value(_Amount(1.0), None, qualifier)
        found = parser.expression(i, between)
        if found is not None and _ends(parser, found[2]):
            return _value(found[0], found[1], qualifier)
        if found is not None and found[0].value is not None:
            return _capped(parser, found, qualifier)
        # "reportedly 20", "a staggering 40"; but not "Battalion 5", "post 3".
        if words or i + 1 >= parser.end or i > 3:
            return None
        token = parser.tokens[i]
        if not _MODIFIER.fullmatch(token.raw) or parser.tokens[i + 1].glued:
            return None
        i += 1


def _capped(
    parser: _Parser, found: tuple[_Amount, _Amount | None, int], qualifier: QuantityQualifier | None
) -> QuantityValue | None:
    """A range of a floor and a ceiling: "more than 30 but fewer than 50", "20, perhaps up to 30"."""
    amount, _, i = found
    if parser.norm(i) in ("but", "and", "or"):
        i += 1
    rest = _opened(parser, i, None, between=False) if found[1] is None and qualifier != "at_most" else None
    if rest is None or amount.value is None or rest.high is None or rest.high <= amount.value:
        return None
    ceiling = rest.qualifier == "at_most" or any(
        parser.norms[j : j + 2] in (("up", "to"), ("as", "many")) for j in range(i, parser.end)
    )
    if not ceiling:
        return None
    unit = amount.unit or rest.unit
    return QuantityValue(amount.value, (amount.value + rest.high) / 2, rest.high, "range", unit)


_MODIFIER = re.compile(r"[A-Za-z]?[a-z]+(?:ly|ing|ed)|mere|modest|an?")
_REST = re.compile(r"[^\W\d_]+|[-/%]")
_RATIO_WORDS = frozenset({"higher", "lower", "larger", "smaller", "bigger", "greater", "faster"})


def _ends(parser: _Parser, i: int) -> bool:
    """True when what is left is a noun or "of them": no second amount, no ordinal, no ratio."""
    if parser.at(i, "of") and parser.norm(i + 1) in ("the", "these", "those", "them", "its", "their"):
        return True
    if parser.norm(i) == "of" and i + 2 == parser.end and parser.plain_number(i + 1) is not None:
        return True
    for j in range(i, parser.end):
        token = parser.tokens[j]
        if token.number or token.norm in _RATIO_WORDS or not _REST.fullmatch(token.raw):
            return False
        if token.norm in _NUMBER_WORDS or token.norm in _FRACTIONS:
            return False
    return True


def _value(
    first: _Amount, second: _Amount | None, qualifier: QuantityQualifier | None
) -> QuantityValue | None:
    if first.vague:
        low = None if qualifier == "at_most" else first.value
        return QuantityValue(low, None, None, "vague", first.unit)
    if first.value is None:
        return None
    if second is not None and second.value is not None:
        low, high = sorted((_shared(first, second), second.value))
        unit = second.unit or first.unit
        if qualifier == "at_least":
            return QuantityValue(low, None, None, "at_least", unit)
        if qualifier == "at_most":
            return QuantityValue(None, None, high, "at_most", unit)
        return QuantityValue(low, (low + high) / 2, high, "range", unit)
    value = first.value
    stated: QuantityQualifier = qualifier or first.qualifier or "exact"
    if stated == "at_least":
        return QuantityValue(value, None, None, "at_least", first.unit)
    if stated == "at_most":
        return QuantityValue(None, None, value, "at_most", first.unit)
    return QuantityValue(value, value, value, stated, first.unit)


# ---- counts without a QUANTITY mention ----

_PLURALS = frozenset(
    "people men women children teeth feet geese mice oxen cattle wives lives knives thieves wolves leaves "
    "loaves mujahideen mujahidin mujahedeen mujahedin fedayeen persons folk brethren criteria phenomena "
    "taxis skis emus menus gurus".split()
)
# Ends in s, and is either one thing, a mass, or a body whose members it does not count.
_NO_PLURALS = frozenset(
    "police forces headquarters authorities media news series species means barracks works corps supplies "
    "goods logistics premises outskirts surroundings ruins remains savings funds clothes thanks arms "
    "munitions politics economics physics mechanics ethics electronics ballistics optics robotics tactics "
    "athletics gas gases atlas canvas bias christmas pancreas pampas lens chaos cosmos diabetes rabies "
    "measles crossroads gallows shambles molasses communications telecommunications hostilities proceeds "
    "resources finances earnings provisions belongings whereabouts aegis afterwards ashes athens brussels "
    "cyprus honduras laos maldives mauritius naples netherlands philippines texas wales abbas hamas "
    "damascus caucasus texas kansas paris tunis isis daesh specifics statistics humanities alms binoculars "
    "scissors trousers jeans pants tongs personnel staff youth aircraft debris press gendarmerie amass "
    "ranks odds stairs grounds quarters ordnance explosives drugs narcotics medicines medicaments materials "
    "equipments foodstuffs chemicals vegetables pharmaceuticals".split()
)
_NOT_MEN = frozenset("specimen regimen abdomen omen acumen yemen stamen semen cyclamen hymen ramen".split())
# What stands before a plural when it heads the phrase: after these words the noun phrase is over.
_AFTER_HEAD = frozenset(
    "of from in at on near with who which that whose for by to under against inside outside around between "
    "along belonging aged wearing carrying including".split()
)
# "men armed with rifles" ends at "men", "heavily armed men" does not.
_PARTICIPLES = frozenset("armed loyal affiliated accused suspected linked allied".split())
_COLLECTIVES = frozenset("group band crowd handful mob gang column team number mix pair".split())
_ENDS_IN_IS = re.compile(
    r"(?:iraqi|israeli|saudi|somali|pakistani|bangladeshi|yemeni|kuwaiti|qatari|omani|emirati|bahraini|"
    r"azerbaijani|azeri|nepali|bengali|houthi|punjabi|kashmiri|pashtuni|tajiki|hindi|yazidi|yezidi|salafi|"
    r"jihadi|farsi|zaydi|alawi|safari|taxi|ski|rabbi|kiwi|khaki|mufti|qadi|nazi|assami|rohingyi|baluchi|"
    r"balochi|sindhi|swahili|mahdi|rai)s"
)


def bare_plural(noun_phrase: str) -> QuantityValue | None:
    """Returns "two or more" (low 2, vague) when the head of `noun_phrase` is a plural, else None.

    Bodies and masses whose plural form counts no members ("forces", "supplies", "authorities"), collective
    nouns ("police", "personnel") and names ("ISIS", "United Nations", "Syrian Democratic Forces") are none.
    """
    if len(noun_phrase) > _MAX_CHARS:
        return None
    return _VAGUE_PLURAL if _is_plural(noun_phrase) else None


def bare_count(noun_phrase: str, article: str | None) -> QuantityValue | None:
    """Returns exactly 1 after an indefinite article, else what `bare_plural` says.

    Args:
        noun_phrase: the text of a mention, without its article.
        article: the determiner that stands before it in the text, or None.
    """
    if len(noun_phrase) > _MAX_CHARS:
        return None
    if article is None or article.strip().casefold() not in ("a", "an"):
        return bare_plural(noun_phrase)
    words = noun_phrase.split()
    for i, word in enumerate(words[:-2]):
        # "a group of insurgents" is not one insurgent.
        if word.casefold() in _COLLECTIVES and words[i + 1].casefold() == "of":
            return bare_plural(" ".join(words[i + 2 :]))
    return _ONE if any(char.isalpha() for char in noun_phrase) else None


_VAGUE_PLURAL = QuantityValue(2.0, None, None, "vague")
_ONE = QuantityValue(1.0, 1.0, 1.0, "exact")


@lru_cache(maxsize=8192)
def _is_plural(noun_phrase: str) -> bool:
    words = [word.strip("\"'“”‘’«»()[].,;:") for word in noun_phrase.replace("’", "'").split()]
    head = -1
    for i, word in enumerate(words):
        if i and word.casefold() in _AFTER_HEAD:
            break
        if i and word.casefold() in _PARTICIPLES and "".join(words[i + 1 : i + 2]).casefold() in _AFTER_HEAD:
            break
        if i and words[i - 1] and noun_phrase.split()[i - 1].endswith((",", ";", "(")):
            break
        head = i
    if head < 0:
        return False
    core = [word for word in words[: head + 1] if word]
    # "women and children", "soldiers and police": two kinds are two or more.
    if "and" in core[1:-1]:
        cut = core.index("and", 1)
        return _plural_head(core[:cut]) or _plural_head(core[cut + 1 :])
    return _plural_head(core)


def _plural_head(words: Iterable[str]) -> bool:
    words = list(words)
    if not words:
        return False
    head = words[-1]
    if head[:1].isupper():
        if re.fullmatch(r"[A-Z][A-Z0-9-]+s", head):
            return True  # "IDPs", "AK-47s"
        # A capital may be a name's, or the sentence's when the mention is one word.
        if len(words) > 1 and not _ENDS_IN_IS.fullmatch(head.casefold()):
            return False
        if not head[1:].islower():
            return False
    word = re.split(r"[-/]", head.casefold())[-1]
    if word in _PLURALS:
        return True
    if word.endswith("men") and len(word) > 4:
        return word not in _NOT_MEN
    if not word.isalpha() or len(word) < 4 or not word.endswith("s") or word in _NO_PLURALS:
        return False
    if word.endswith(("ss", "us")):
        return False
    if word.endswith("is"):
        return _ENDS_IN_IS.fullmatch(word) is not None
    return True

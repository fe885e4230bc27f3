"""Tells what language a text is in, where that is beyond doubt; knows neither records nor models.

A text in another script is told by its letters; one in Latin letters by its function words, which make up a
third of running text in any language and are missing from logs, tables and lists of names. A library would
know more languages, at 100 MB of memory (py3langid) or of wheel (lingua). All that is asked here is whether a
model that reads one language was given another, and for nothing to be said in doubt.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter

# Words of a language that stand in most of its sentences. What is as common in English, or in names of people
# and places (de, la, al, san, van), is left out, so that neither English nor a list of names gathers any.
_WORDS = {
    "en": """the of and to in that was is for on with as by at from were it his he are which be have has
        had not this an their they or but been its after who said will when all more than one about two
        into also there would could some between during while over three no other any being before if
        killed near against""",
    "fr": """en le les des et est dans pour qui une sur par avec pas plus ont été sont cette aux ce que
        ses leur leurs mais ou où entre selon après avant depuis ainsi aussi lors elle ils nous vous
        était deux trois""",
    "es": """en los las una por con para que fue más como sus pero este esta son también han entre desde
        cuando muy hasta donde sobre según tras durante hubo cuatro fueron así dos tres había ser está
        están unos estos otros""",
    "pt": """uma para com não os dos das mais foi são pelo pela pelos pelas também nos nas ao aos seu
        sua seus suas quando muito já até depois foram após segundo entre está estão havia você isso mas""",
    "it": """gli che una per con non sono della delle dei degli nel nella nelle dal dalla dalle più
        anche come stato stati questo questa loro dopo tra secondo ma era erano alla alle sulla due tre
        hanno ai""",
    "de": """der und das den dem nicht von mit für auf ist im eine ein sich des auch nach wurden wurde
        wird bei einer einem einen zu zur zum aus sind wie dass oder aber über sie er haben hatte durch
        noch""",
    "nl": """het een van en dat niet zijn voor met aan ook werd werden wordt naar bij uit maar heeft
        hebben door om nog deze dit tussen volgens zij hij waren tegen onder geen""",
    "sv": """och att det som en ett på av med för till inte är den har från om vid men var efter blev
        också under mot sig sina mellan enligt hade vara eller""",
    "da": """og det af av en til er som på med den for ikke et har ble blev var ved fra om efter etter
        også under mod mot sig seg mellem mellom ifølge havde hadde eller være blevet blitt""",
    "fi": """ja on ei että oli myös mutta se sen hän ovat joka jotka kun kuin mukaan jälkeen tai olivat
        ole sekä vain vuoden kaksi kolme ennen""",
    "et": """ja on ei et oli ka aga see selle ning mis kes kui pärast või olid oma kaks kolm enne vastu""",
    "pl": """nie na się jest że przez dla oraz są był było były została zostało jak ale który która
        które jego ich przy od po także tym tego według między dwóch trzech podczas""",
    "cs": """na se je že by jsou byl byla bylo byli pro jako ale který která které jeho jejich při od
        také podle mezi až dva tři během po před nebo""",
    "sk": """na sa je že by sú bol bola bolo boli pre ako ale ktorý ktorá ktoré jeho ich pri od tiež
        podľa medzi až dva tri počas po pred alebo""",
    "sl": """na se je da so bil bila bilo bili za kot ampak ki njegov pri od tudi med po pred ali dva
        tri""",
    "hr": """je se na su da od za kao ali koji koja koje nije bio bila bili iz prema između nakon dok
        ili dva tri također takođe što ima ih biti""",
    "ro": """și în din cu este pentru că care au fost sunt nu mai după sau între dar lor prin acest
        această aceste doi trei până către potrivit ale""",
    "hu": """és az hogy nem egy volt meg csak voltak után között szerint két három vagy mert ezt amely
        akik még pedig által lett""",
    "sq": """dhe në një për me që nga është janë kanë si të më por ka ishin ishte pas mes dy tre sipas
        këtë""",
    "lt": """ir yra kad iš į su buvo bet už po nuo taip pat kaip tai tarp du trys pagal dėl arba""",
    "lv": """un ir ka no ar bija bet par pēc uz arī kā tas starp divi trīs saskaņā dēļ vai""",
    "tr": """ve bir bu için ile olarak da daha çok olan gibi sonra kadar ancak ise göre tarafından iki
        üç olduğu vardı edildi oldu değil ya dedi""",
    "az": """və bir bu üçün ilə olaraq da daha çox olan kimi sonra qədər isə görə tərəfindən iki üç olub
        edilib deyil""",
    "uz": """va bir bu uchun bilan ham kabi keyin qadar esa emas edi boʻlgan boʻyicha tomonidan ikki uch""",
    "ku": """û li ji bi ku ew di de bo hate hatin kir jî yên wan piştî navbera bûn du sê""",
    "id": """yang dan dengan untuk dari pada itu ini tidak telah oleh dalam akan adalah mereka juga
        karena saat ada setelah antara atau sebagai dua tiga sudah bahwa""",
    "tl": """ang ng sa mga ay na at nang hindi para ito siya ni kay sila mula dahil matapos noong kung
        dalawang tatlong naman""",
    "sw": """na ya wa kwa ni katika za la kuwa hii yake wake hiyo baada kabla lakini ambao ambayo watu
        wawili watatu pia kutoka""",
    "so": """iyo oo ka ku waa in uu la ay ee waxaa ayaa lagu aan kale sida laakiin kadib labo saddex""",
    "ha": """da na ta ya kuma wani wata wannan cikin domin amma sun aka yi zuwa daga bayan biyu uku ga""",
    "rw": """mu na ku ko muri kandi bya ya cyangwa uyu aba ari abantu babiri batatu nyuma""",
    "mg": """ny sy tamin amin ho fa izay dia no tsy ireo teo roa telo ary""",
    "ht": """nan ak yo pou ki te pa sou yon nou ap gen kòm apre anpil men tou""",
    "vi": """và của là các trong được cho có không một người đã với những này tại ở khi sau đến hai ba""",
    "ca": """els les amb per que una dels més van ser als aquesta aquest però també entre segons després
        dos tres han estat""",
}
_NAMES = {
    "az": "Azerbaijani",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish or Norwegian",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fi": "Finnish",
    "fr": "French",
    "ha": "Hausa",
    "hr": "Croatian, Serbian or Bosnian",
    "ht": "Haitian Creole",
    "hu": "Hungarian",
    "id": "Indonesian or Malay",
    "it": "Italian",
    "ku": "Kurdish",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mg": "Malagasy",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "rw": "Kinyarwanda",
    "sk": "Slovak",
    "sl": "Slovenian",
    "so": "Somali",
    "sq": "Albanian",
    "sv": "Swedish",
    "sw": "Swahili",
    "tl": "Filipino",
    "tr": "Turkish",
    "uz": "Uzbek",
    "vi": "Vietnamese",
}
# As common in English, in names or in abbreviations as in the language that lists them.
_AMBIGUOUS = frozenset(
    """a al am an ap as at ay bin da dal de del den der di do dos du ee el et ha he i ibn in is it la las le
    li lo los ma man me men mu na nan ni no nor o of on or ou pa per pro san so son ta te the til to us van
    von war was wo y ya yo die by ko ku mon six two dit has had far bad under an sent cent""".split()
)
_WORD = re.compile(r"[^\W\d_]+(?:[ʻ'’][^\W\d_]+)*")
_LATIN_LETTER = re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u024f\u0250-\u02af\u1e00-\u1eff\uff21-\uff5a]")
_OTHER_LETTER = re.compile(r"[^\W\d_A-Za-z\u00aa\u00ba\u00c0-\u024f\u0250-\u02af\u1e00-\u1eff\uff21-\uff5a]")
# So much is read at the start, in the middle and at the end of a long text.
_STRETCH_CHARS = 1500
_MIN_OTHER_LETTERS = 40
_MIN_WORDS = 20
# Chosen so that no report in training/data is taken for another language; English text has 0 to 2 %.
_MIN_SHARE = 0.12
_MIN_KINDS = 5
_MIN_RATIO = 3.0


@functools.cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """The languages that each function word belongs to."""
    found: dict[str, list[str]] = {}
    for language, words in _WORDS.items():
        for word in words.split():
            if language == "en" or word not in _AMBIGUOUS:
                found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


def foreign_language(text: str, expected: str = "en") -> str | None:
    """Returns the language or script that a text is in, in words ("French"), if it is surely not `expected`.

    None also for a text that is short, mixed, without running sentences or in no language known here.

    Args:
        text: of any length; long ones are read at three places.
        expected: an ISO 639-1 code. Of a language that is not written in Latin letters, or not known here,
            nothing is said.
    """
    if expected not in _WORDS:
        return None
    sample = _sample(text)
    others = _OTHER_LETTER.findall(sample)
    if len(others) >= _MIN_OTHER_LETTERS and len(others) > len(_LATIN_LETTER.findall(sample)):
        return _script(others)
    words = [word.lower() for word in _WORD.findall(sample)]
    if len(words) < _MIN_WORDS:
        return None
    counts: Counter[str] = Counter()
    kinds: dict[str, set[str]] = {}
    languages_of = _languages_of()
    for word in words:
        for language in languages_of.get(word, ()):
            counts[language] += 1
            kinds.setdefault(language, set()).add(word)
    at_home = counts.pop(expected, 0)
    if not counts:
        return None
    language, hits = counts.most_common(1)[0]
    sure = (
        hits >= _MIN_SHARE * len(words)
        and len(kinds[language]) >= _MIN_KINDS
        and hits >= _MIN_RATIO * at_home
    )
    return _NAMES[language] if sure else None


def language_name(code: str) -> str:
    """Returns the English name of a language known here, else its code."""
    return _NAMES.get(code, code)


def _sample(text: str) -> str:
    if len(text) <= 3 * _STRETCH_CHARS:
        return text
    middle = (len(text) - _STRETCH_CHARS) // 2
    stretches = (text[:_STRETCH_CHARS], text[middle : middle + _STRETCH_CHARS], text[-_STRETCH_CHARS:])
    return " ".join(stretches)


def _script(letters: list[str]) -> str:
    """The script of most letters, as Unicode names it: "Cyrillic script"."""
    # "ARABIC LETTER BEH", "CJK UNIFIED IDEOGRAPH-4E2D": the script comes first.
    first_words = Counter(unicodedata.name(letter, "another").split()[0] for letter in letters)
    name = first_words.most_common(1)[0][0]
    return f"{name if name == 'CJK' else name.capitalize()} script"

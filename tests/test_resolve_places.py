from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.document import PlaceValue
from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerRow
from sitrep_ie.resolve.places import PlaceQuery, resolve_places, strip_division

# Two made-up countries: Sandovia (QX) with the provinces Dalmar and Ostrel, Morrow (QY) far away.
ROWS = [
    GazetteerRow(1, "Sandovia", "country", 20.0, 30.0, "QX", population=9_000_000, demonyms=("Sandovian",)),
    GazetteerRow(2, "Morrow", "country", -10.0, 100.0, "QY", population=9_000_000, demonyms=("Morrovian",)),
    GazetteerRow(10, "Dalmar", "admin1", 20.2, 30.2, "QX", population=500_000),
    GazetteerRow(11, "Ostrel", "admin1", 24.0, 34.0, "QX", population=500_000),
    GazetteerRow(12, "South Ostrel", "admin1", 23.0, 34.5, "QX", population=400_000),
    GazetteerRow(13, "Pellin", "admin2", 20.3, 30.3, "QX", admin1=10, population=9_000),
    GazetteerRow(20, "Dalmar", "settlement", 20.1, 30.1, "QX", admin1=10, population=300_000, seat=True),
    GazetteerRow(21, "Kelleh", "settlement", 20.4, 30.0, "QX", admin1=10, population=4_000),
    GazetteerRow(22, "Kelleh", "settlement", 24.2, 34.1, "QX", admin1=11, population=90_000),
    GazetteerRow(23, "Ferrun", "settlement", -10.2, 100.2, "QY", population=30_000),
    GazetteerRow(24, "Ferrun", "settlement", 20.5, 30.5, "QX", admin1=10, population=800),
    GazetteerRow(25, "Al Qādimah", "settlement", 20.3, 30.6, "QX", admin1=10, population=2_500),
    GazetteerRow(26, "Greatport", "settlement", -11.0, 101.0, "QY", population=5_000_000, capital=True),
    GazetteerRow(27, "Littleport", "settlement", -11.5, 101.5, "QY", population=3_000),
    GazetteerRow(28, "Dalmar City", "settlement", -12.0, 102.0, "QY", population=3_000),
    GazetteerRow(29, "Brell", "settlement", 20.6, 30.9, "QY", population=3_000),
    GazetteerRow(-1, "Lake Onno", "water", 21.0, 31.0, None, population=1_000_000),
    GazetteerRow(-2, "Orchid Base", "facility", 20.6, 30.2, "QX", aliases=("Camp Orchid", "Orchid")),
    GazetteerRow(-3, "Upper Steppe", "region", 22.0, 32.0, "QX", population=50_000, aliases=("steppe",)),
]


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    path: Path = tmp_path_factory.mktemp("gazetteer") / "places.sqlite"
    Gazetteer.build(ROWS, path)
    return Gazetteer.open(path)


@pytest.fixture(scope="module")
def shipped() -> Gazetteer:
    return Gazetteer.open()


def resolve(gazetteer: Gazetteer, text: str, *within: str, about: str = "QX") -> PlaceValue:
    return resolve_places([PlaceQuery(text, within)], gazetteer, countries={about: 3})[0]


def test_a_value_carries_the_entry(gazetteer: Gazetteer):
    assert resolve(gazetteer, "Dalmar") == PlaceValue(
        precision="exact", name="Dalmar", gazetteer_id="20", latitude=20.1, longitude=30.1, country="QX"
    )


@pytest.mark.parametrize(
    ("text", "gazetteer_id", "precision"),
    [
        ("Dalmar", "20", "exact"),
        ("Dalmar city", "20", "exact"),
        ("town of Dalmar", "20", "exact"),
        ("DALMAR", "20", "exact"),
        ("Dalmar's outskirts", "20", "near"),
        ("north-eastern Dalmar countryside", "20", "near"),
        ("Dalmar airport", "20", "near"),
        ("Dalmar province", "10", "admin"),
        ("Province of Dalmar", "10", "admin"),
        ("northern Dalmar Governorate", "10", "admin"),
        ("Ostrel", "11", "admin"),
        ("South Ostrel", "12", "admin"),
        ("southern Ostrel", "11", "admin"),
        ("Pellin district", "13", "admin"),
        ("Qadimeh", "25", "exact"),
        ("Al-Kadima", "25", "exact"),
        ("Sandovia", "1", "country"),
        ("northern Sandovia", "1", "country"),
        ("Sandovian territory", "1", "country"),
        ("Sandovian-Morrovian border", "1", "country"),
        ("Kelleh (Qadimah)", "22", "exact"),
        ("Lake Onno", None, "near"),
        ("Upper Steppe", None, "admin"),
        ("Camp Orchid", None, "exact"),
        ("Greatport", "26", "exact"),
        ("Dalmar–Kelleh highway", "20", "near"),
        ("Old Dalmar–Al Qādimah axis", "25", "near"),
        ("Kelleh - Al Qādimah road", "22", "near"),
        ("Ferrun road", "24", "near"),
        ("Dalmar bazaar", "20", "near"),
        ("dunes east of Dalmar", "20", "near"),
        ("Royal Dalmar Hotel", "20", "near"),
        ("Karsk-held Dalmar", "20", "exact"),
        ("Karsk Front-controlled Sandovia", "1", "country"),
        ("Sandovian-held bank", "1", "country"),
        ("mainland Sandovia", "1", "country"),
        ("Lake Onno fringes", None, "near"),
    ],
)
def test_words_around_a_name_choose_kind_and_precision(
    gazetteer: Gazetteer, text: str, gazetteer_id: str | None, precision: str
):
    value = resolve(gazetteer, text)
    assert (value.gazetteer_id, value.precision) == (gazetteer_id, precision)
    assert value.latitude is not None


@pytest.mark.parametrize(
    "text",
    [
        "base",
        "the town",
        "military bases",
        "",
        " ",
        "' -",
        "Littleport",
        "Littlepord",
        "Brell",
        "Ferrun camp",
        "Ward Kelleh",
        "valley of the Dalmar, Kelleh and Ferrun rivers",
    ],
)
def test_without_support_there_is_no_point(gazetteer: Gazetteer, text: str):
    assert resolve(gazetteer, text) == PlaceValue(precision="unresolved")


@pytest.mark.parametrize(
    ("text", "within", "gazetteer_id", "precision"),
    [
        ("base", ("Dalmar",), "20", "near"),
        ("base", ("villages", "Dalmar"), "20", "near"),
        ("checkpoint", ("Ostrel province",), "11", "admin"),
        ("road", ("Sandovia",), "1", "country"),
        ("Hamlet of Nowhere", ("Pellin district", "Dalmar province"), "13", "admin"),
        ("Kelleh", ("Dalmar province",), "21", "exact"),
        ("Kelleh", ("Ostrel",), "22", "exact"),
        ("Ferrun", ("Sandovia",), "24", "exact"),
        ("Littleport", ("Morrow",), "27", "exact"),
        ("Littleport", ("Dalmar",), "20", "near"),
        ("Kelleh, Dalmar province", (), "21", "exact"),
        ("Kelleh area of Dalmar province", (), "21", "near"),
        ("Dalmar", ("Dalmar",), "20", "exact"),
        ("Ward Kelleh", ("Dalmar province",), "21", "exact"),
        ("Littleport", ("Sandovian-Morrovian border",), "27", "exact"),
    ],
)
def test_what_holds_a_place_decides(
    gazetteer: Gazetteer, text: str, within: tuple[str, ...], gazetteer_id: str, precision: str
):
    value = resolve(gazetteer, text, *within)
    assert (value.gazetteer_id, value.precision) == (gazetteer_id, precision)


def test_a_chain_that_bites_its_tail_ends(gazetteer: Gazetteer):
    queries = [PlaceQuery("camp", ("gate", "camp")), PlaceQuery("gate", ("camp", "gate", "camp"))]
    assert {value.precision for value in resolve_places(queries, gazetteer)} == {"unresolved"}


def test_the_country_of_the_document_decides_between_namesakes(gazetteer: Gazetteer):
    assert resolve(gazetteer, "Ferrun", about="QY").gazetteer_id == "23"
    assert resolve(gazetteer, "Ferrun", about="QX").gazetteer_id == "24"
    by_demonym = resolve_places([PlaceQuery("Ferrun")], gazetteer, context_texts=["Sandovian troops"] * 3)
    assert by_demonym[0].gazetteer_id == "24"
    by_places = resolve_places([PlaceQuery("Ferrun"), PlaceQuery("Dalmar"), PlaceQuery("Ostrel")], gazetteer)
    assert by_places[0].gazetteer_id == "24"


def test_places_near_each_other_are_meant(gazetteer: Gazetteer):
    queries = [PlaceQuery("Kelleh"), PlaceQuery("Kelleh", ("Dalmar province",)), PlaceQuery("Dalmar")]
    first, second, _ = resolve_places(queries, gazetteer, countries={"QX": 3})
    assert first.gazetteer_id == second.gazetteer_id == "21"


def test_towns_across_a_border_are_known_by_their_neighbours(gazetteer: Gazetteer):
    queries = [PlaceQuery("Brell"), PlaceQuery("Dalmar"), PlaceQuery("Kelleh", ("Dalmar province",))]
    assert resolve_places(queries, gazetteer, countries={"QX": 3})[0].gazetteer_id == "29"


def test_well_known_facilities_are_known_abroad_by_their_own_name_only(gazetteer: Gazetteer):
    assert resolve(gazetteer, "Camp Orchid", about="QY").name == "Orchid Base"
    assert resolve(gazetteer, "Orchid", about="QY").name == "Orchid Base"
    assert resolve(gazetteer, "Orchid pass", about="QY").precision == "unresolved"
    assert resolve(gazetteer, "the steppe", about="QY").precision == "unresolved"
    assert resolve(gazetteer, "the steppe", about="QX").name == "Upper Steppe"


def test_values_come_in_order_and_do_not_depend_on_it(gazetteer: Gazetteer):
    queries = [PlaceQuery(t) for t in ("Dalmar", "base", "Ferrun", "Dalmar", "Morrow")]
    values = resolve_places(queries, gazetteer)
    assert len(values) == 5
    assert values[0] == values[3]
    assert resolve_places(queries[::-1], gazetteer) == values[::-1]
    assert resolve_places([], gazetteer) == []


def test_division_words_of_many_languages_come_off():
    assert strip_division("Département de Tessaoua") == "Tessaoua"
    assert strip_division("Zvenihorodka Raion") == "Zvenihorodka"
    assert strip_division("Provincia") == ""


@pytest.mark.parametrize(
    ("text", "within", "about", "country", "latitude", "longitude", "precision"),
    [
        ("Kandahar province", (), "AF", "AF", 31.6, 65.7, "admin"),
        ("Kandahar", (), "AF", "AF", 31.6, 65.7, "exact"),
        ("Helmand", (), "AF", "AF", 31.7, 64.4, "admin"),
        ("Zharay district", ("Kandahar province",), "AF", "AF", 31.6, 65.5, "admin"),
        ("Raqqa", (), "SY", "SY", 35.95, 39.0, "exact"),
        ("Ar-Raqqah", (), "SY", "SY", 35.95, 39.0, "exact"),
        ("Al Raqqah governorate", (), "SY", "SY", 36.0, 39.0, "admin"),
        ("Deir Ezzor", (), "SY", "SY", 35.34, 40.14, "exact"),
        ("eastern Dayr az-Zawr countryside", (), "SY", "SY", 35.34, 40.14, "near"),
        ("Deir al-Zour", (), "SY", "SY", 35.34, 40.14, "exact"),
        ("southern Al-Hasakah countryside", (), "SY", "SY", 36.5, 40.75, "near"),
        ("Kharkiv", (), "UA", "UA", 49.98, 36.25, "exact"),
        ("Kharkov oblast", (), "UA", "UA", 49.7, 36.4, "admin"),
        ("Goma", ("North Kivu",), "CD", "CD", -1.66, 29.22, "exact"),
        ("North Kivu", (), "CD", "CD", -0.9, 29.0, "admin"),
        ("South Kordofan", (), "SD", "SD", 11.3, 30.2, "admin"),
        ("Borno State", (), "NG", "NG", 11.7, 13.2, "admin"),
        ("Sinaloa", (), "MX", "MX", 24.8, -107.6, "admin"),
        ("Anbar", (), "IQ", "IQ", 33.4, 43.2, "admin"),
        ("Marib", (), "YE", "YE", 15.46, 45.33, "exact"),
        ("Black Sea", (), "UA", None, 43.5, 33.0, "near"),
        ("Gaza Strip", (), "PS", "PS", 31.4, 34.4, "admin"),
        ("Syrian-Turkish border", (), "SY", "SY", 35.0, 37.5, "country"),
    ],
)
def test_the_shipped_gazetteer_resolves_what_reports_name(
    shipped: Gazetteer,
    text: str,
    within: tuple[str, ...],
    about: str,
    country: str | None,
    latitude: float,
    longitude: float,
    precision: str,
):
    value = resolve(shipped, text, *within, about=about)
    assert (value.country, value.precision) == (country, precision)
    assert value.latitude is not None
    assert value.longitude is not None
    assert abs(value.latitude - latitude) < 1.0
    assert abs(value.longitude - longitude) < 1.0


TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            ["Dalmar", "of", "Kelleh", "north", "base", "(", ",", "province", "Sandovian", "’s", "-"]
        ),
        max_size=6,
    ).map(" ".join),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(PlaceQuery, TEXTS, st.lists(TEXTS, max_size=3).map(tuple)), max_size=5), TEXTS)
def test_any_text_gives_one_well_formed_value_each(
    gazetteer: Gazetteer, queries: list[PlaceQuery], context: str
):
    values = resolve_places(queries, gazetteer, context_texts=[context])
    assert len(values) == len(queries)
    for value in values:
        known = (value.name, value.latitude, value.longitude)
        if value.precision == "unresolved":
            assert value == PlaceValue(precision="unresolved")
        else:
            assert None not in known

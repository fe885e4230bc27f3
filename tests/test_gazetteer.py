import pickle
import sqlite3
import threading
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.errors import ResourceError
from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerRow, fold_key, name_key, skeleton

ROWS = [
    GazetteerRow(
        id=1, name="Sandovia", kind="country", latitude=20.0, longitude=30.0, country="QX",
        population=900_000,
        aliases=("Republic of Sandovia",), demonyms=("Sandovian",),
    ),
    GazetteerRow(id=2, name="Dalmar", kind="admin1", latitude=20.2, longitude=30.2, country="QX"),
    GazetteerRow(
        id=3, name="Qaşr al Bayḑā’", kind="settlement", latitude=20.1, longitude=30.1, country="QX", admin1=2,
        population=50_000, aliases=("Kasr el-Beida",), seat=True,
    ),
    GazetteerRow(4, "Qasr", "settlement", -5.0, 9.5, "QY", population=700),
    GazetteerRow(id=-5, name="Camp Orchid", kind="facility", latitude=20.5, longitude=30.9, country="QX"),
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "places.sqlite"
    Gazetteer.build(ROWS, target)
    return target


@pytest.fixture(scope="module")
def shipped() -> Gazetteer:
    return Gazetteer.open()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Deir ez-Zor", "Deir Ezzor"),
        ("Al-Hasakah", "Ḥasakah"),
        ("Ash-Shaddadi", "Al-Shaddadi"),
        ("Sar-e Pul", "Sar-i-Pul"),
        ("Ra’s al ‘Ayn", "Ras Ayn"),
        ("ŁÓDŹ", "Lodz"),
    ],
)
def test_marks_articles_and_case_do_not_change_a_key(left: str, right: str):
    assert name_key(left) == name_key(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Raqqah", "Rakka"),
        ("Qamishli", "Kamishly"),
        ("Waleed", "Walid"),
        ("Chaddadi", "Shaddadi"),
        ("Khaldoun", "Khaldun"),
        ("Douma", "Duma"),
    ],
)
def test_spellings_of_one_sound_fold_together(left: str, right: str):
    assert name_key(left) != name_key(right)
    assert fold_key(name_key(left)) == fold_key(name_key(right))


def test_a_skeleton_has_no_vowels_but_the_first():
    assert skeleton(name_key("Manbij")) == skeleton(name_key("Menbej")) == "mnbj"
    assert skeleton(name_key("Idlib")) == skeleton(name_key("Edleb")) == "adlb"


def test_a_lone_article_is_a_name():
    assert name_key("Al") == "al"


def test_lookup_finds_every_name_of_a_place(path: Path):
    gazetteer = Gazetteer.open(path)
    for name in ("Qaşr al Bayḑā’", "Qasr al-Bayda", "kasr el beida", "Qasr Baida"):
        assert [entry.id for entry in gazetteer.lookup(name)][:1] == [3], name
    assert gazetteer.lookup("Zzyzx") == []
    assert gazetteer.lookup(" -' ") == []


def test_entries_keep_what_was_built(path: Path):
    gazetteer = Gazetteer.open(path)
    entry = gazetteer.lookup("Kasr el-Beida")[0]
    assert (entry.name, entry.kind, entry.country, entry.admin1, entry.seat) == (
        "Qaşr al Bayḑā’", "settlement", "QX", 2, True,
    )  # fmt: skip
    assert (entry.latitude, entry.longitude) == (20.1, 30.1)
    assert entry.gazetteer_id == "3"
    assert gazetteer.entry(3) == entry
    assert gazetteer.entry(99) is None
    assert gazetteer.lookup("Camp Orchid")[0].gazetteer_id is None


def test_an_exact_name_goes_before_a_folded_one(path: Path):
    tiers = [(match.tier, match.entry.id) for match in Gazetteer.open(path).matches("Qasr")]
    assert tiers[0] == ("exact", 4)


def test_a_wrong_consonant_is_forgiven_in_long_names_only(path: Path):
    gazetteer = Gazetteer.open(path)
    assert [(m.tier, m.entry.id) for m in gazetteer.matches("Qasr al-Bayza")] == [("fuzzy", 3)]
    assert gazetteer.matches("Qatr") == ()


def test_country_words_tell_names_from_demonyms(path: Path):
    words = Gazetteer.open(path).country_words()
    assert words["republic of sandovia"] == ("QX", False)
    assert words["sandovian"] == ("QX", True)


def test_a_list_of_ones_own_lies_on_top(path: Path, tmp_path: Path):
    own = tmp_path / "own.csv"
    own.write_text(
        "\ufeffname,latitude,longitude,country,admin1,aliases\n"
        "Hill 402,20.25,30.25,qx,Dalmar,Point Rose|The Rose\n",
        encoding="utf-8",
    )
    for gazetteer in (
        Gazetteer.open(path, extra=own),
        pickle.loads(pickle.dumps(Gazetteer.open(path, extra=own))),
    ):
        (entry,) = gazetteer.lookup("point rose")
        assert (entry.name, entry.country, entry.admin1, entry.latitude) == ("Hill 402", "QX", 2, 20.25)
        assert gazetteer.lookup("Dalmar")[0].id == 2
    assert Gazetteer.open(path).lookup("point rose") == []
    merged = tmp_path / "merged.sqlite"
    Gazetteer.build(ROWS, merged, extra=own)
    assert Gazetteer.open(merged).lookup("Hill 402")[0].longitude == 30.25


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name,latitude\nX,1\n", "no column 'longitude'"),
        ("name,latitude,longitude,size\nX,1,2,3\n", "unknown column 'size'"),
        ("name,latitude,longitude\nX,91,2\n", "own.csv:2: latitude '91'"),
        ("name,latitude,longitude\nX,north,2\n", "own.csv:2: latitude 'north'"),
        ("name,latitude,longitude\n,1,2\n", "own.csv:2: expected a name"),
        ("name,latitude,longitude\nX,1,2,3\n", "own.csv:2: expected a name and at most 3 values"),
        ("name,latitude,longitude\nX,1\n", "own.csv:2: latitude '1', longitude None"),
        ("name,latitude,longitude,country\nX,1,2,Peru\n", "country 'PERU'"),
    ],
)
def test_a_bad_list_is_refused_with_its_line(path: Path, tmp_path: Path, text: str, complaint: str):
    own = tmp_path / "own.csv"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(ResourceError) as caught:
        Gazetteer.open(path, extra=own)
    assert complaint in str(caught.value)


def test_files_that_are_no_gazetteer_are_refused(tmp_path: Path):
    with pytest.raises(ResourceError, match="no such gazetteer"):
        Gazetteer.open(tmp_path / "none.sqlite")
    junk = tmp_path / "junk.sqlite"
    junk.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(ResourceError, match="not a gazetteer"):
        Gazetteer.open(junk)
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE name (x)")
    connection.commit()
    connection.close()
    with pytest.raises(ResourceError, match="version"):
        Gazetteer.open(other)
    with pytest.raises(ResourceError, match="cannot be read"):
        Gazetteer.open(extra=tmp_path / "none.csv")


def test_a_failed_build_leaves_the_old_file(path: Path):
    before = path.read_bytes()
    with pytest.raises(ResourceError, match="cannot be written"):
        Gazetteer.build([ROWS[0], ROWS[0]], path)
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    with pytest.raises(ResourceError, match="cannot be written"):
        Gazetteer.build(ROWS, path.parent / "missing" / "places.sqlite")


def test_building_twice_gives_the_same_bytes(path: Path, tmp_path: Path):
    Gazetteer.build(reversed(ROWS), tmp_path / "again.sqlite")
    assert (tmp_path / "again.sqlite").read_bytes() == path.read_bytes()


def _look_up(gazetteer: Gazetteer, name: str) -> list[int]:
    return [entry.id for entry in gazetteer.lookup(name)]


def test_threads_and_forked_processes_share_an_open_gazetteer(path: Path):
    gazetteer = Gazetteer.open(path)
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(_look_up(gazetteer, "Dalmar"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[2]] * 8
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(_look_up, (gazetteer, "Dalmar")) == [2]
    gazetteer.close()
    assert _look_up(gazetteer, "Camp Orchid") == [-5]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_keys_and_lookup_never_raise(shipped: Gazetteer, name: str):
    key = name_key(name)
    assert key == key.replace(" ", "")
    assert len(skeleton(key)) <= len(fold_key(key)) + 1
    for match in shipped.matches(name):
        assert 0.0 <= match.similarity <= 1.0


@pytest.mark.parametrize(
    ("name", "country", "latitude", "longitude"),
    [
        ("Kabul", "AF", 34.53, 69.17),
        ("Raqqa", "SY", 35.95, 39.01),
        ("Deir Ezzor", "SY", 35.34, 40.14),
        ("Kharkiv", "UA", 49.98, 36.25),
        ("Goma", "CD", -1.66, 29.22),
        ("El Fasher", "SD", 13.63, 25.35),
        ("Maiduguri", "NG", 11.85, 13.16),
        ("Culiacán", "MX", 24.79, -107.39),
    ],
)
def test_the_shipped_file_knows_cities(
    shipped: Gazetteer, name: str, country: str, latitude: float, longitude: float
):
    entry = next(e for e in shipped.lookup(name) if e.kind == "settlement")
    assert entry.country == country
    assert abs(entry.latitude - latitude) < 0.1
    assert abs(entry.longitude - longitude) < 0.1


def test_the_shipped_file_has_every_country_and_its_capital(shipped: Gazetteer):
    codes = {code for code, _ in shipped.country_words().values()}
    assert len(codes) >= 240
    assert shipped.lookup("Ouagadougou")[0].capital
    assert not shipped.lookup("Kharkiv")[0].capital

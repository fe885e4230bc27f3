"""A made-up dump becomes a gazetteer: countries, divisions, settlements; damaged ones are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sitrep_ie import cli
from sitrep_ie.errors import ResourceError
from sitrep_ie.resolve import geonames
from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerRow
from sitrep_ie.resolve.geonames import read_geonames


def line(
    id: int, name: str, code: str, at: tuple[float, float], admin: str = "", names: str = "",
    population: int = 0, country: str = "QX",
) -> str:  # fmt: skip
    admin1, _, admin2 = admin.partition(".")
    feature_class = {"A": "A", "P": "P", "S": "H"}.get(code[0], "S")
    cells = [id, name, name, names, *at, feature_class, code, country, "", admin1, admin2, "", "", population]
    return "\t".join(map(str, [*cells, "", "", "Etc/UTC", "2031-01-01"])) + "\n"


# The class of PCLI is A, whatever the letter.
COUNTRY = line(11, "State of Sandovia", "PCLI", (20, 30), names="Sandovia,サンドビア").replace(
    "\tP\t", "\tA\t"
)
CITIES = [
    line(31, "Lorvik", "PPLA", (20.5, 30.5), "01.07", "Lorwick,lorvik", 90_000),
    line(32, "Estmere", "PPLC", (21.5, 31.5), "02", population=400_000),
    line(33, "Old Lorvik", "PPLH", (20.6, 30.6), "01"),
    line(34, "Tarn", "PPL", (20.4, 30.4), "01.07"),
]
DUMP = [
    COUNTRY,
    line(21, "Lorvik Province", "ADM1", (20.4, 30.4), "01", population=120_000),
    line(22, "Estmere Province", "ADM1", (21.4, 31.4), "02"),
    line(23, "Tarn District", "ADM2", (20.4, 30.4), "01.07"),
    *CITIES,
    line(41, "Vell", "STM", (20.1, 30.1), "01"),
    line(42, "Lorvik Air Base", "AIRB", (20.7, 30.7), "01"),
    line(43, "Grand Hotel", "HTL", (20.5, 30.5), "01"),
]


def rows_of(dump: Path) -> dict[int, GazetteerRow]:
    return {row.id: row for row in read_geonames(dump) if row.id > 0}


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "QX.txt"
    path.write_text("".join(DUMP), encoding="utf-8")
    return path


def zipped(folder: Path, **members: str) -> Path:
    path = folder / "QX.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def test_kinds_divisions_and_seats(dump: Path) -> None:
    rows = rows_of(dump)
    assert {id: row.kind for id, row in rows.items()} == {
        11: "country", 21: "admin1", 22: "admin1", 23: "admin2", 31: "settlement", 32: "settlement",
        34: "settlement", 41: "water", 42: "facility",
    }  # fmt: skip
    assert (rows[31].admin1, rows[31].admin2, rows[31].seat, rows[31].capital) == (21, 23, True, False)
    assert (rows[32].admin1, rows[32].admin2, rows[32].capital) == (22, None, True)
    assert not rows[34].seat
    assert rows[23].admin1 == 21
    assert rows[31].aliases == ("Lorvik", "Lorwick")
    assert "Lorvik" in rows[21].aliases
    assert "Sandovia" in rows[11].aliases
    assert (rows[21].population, rows[31].country) == (120_000, "QX")


def test_a_zip_beside_a_readme_gives_the_same_rows(dump: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path, readme__txt="hello", QX__txt="".join(DUMP))
    assert list(read_geonames(archive)) == list(read_geonames(dump))


def test_a_dump_of_cities_takes_countries_and_divisions_from_the_files_beside_it(tmp_path: Path) -> None:
    dump = tmp_path / "cities500.txt"
    dump.write_text("".join(CITIES), encoding="utf-8")
    assert {row.kind for row in rows_of(dump).values()} == {"settlement"}
    info = ["QX", "QXX", "999", "QX", "Sandovia", "Estmere", "1000", "490000", *[""] * 8, "11", "", ""]
    (tmp_path / "countryInfo.txt").write_text(f"#ISO\tISO3\n{chr(9).join(info)}\n", encoding="utf-8")
    (tmp_path / "admin1CodesASCII.txt").write_text(
        "QX.01\tLorvik Province\tLorvik Province\t21\nQX.09\tEmpty\tEmpty\t29\n", encoding="utf-8"
    )
    rows = rows_of(dump)
    assert (rows[11].name, rows[11].kind, rows[11].population) == ("Sandovia", "country", 490_000)
    assert 21 < rows[11].latitude < 21.5  # the weighted middle of its cities
    assert (rows[21].kind, rows[31].admin1, rows[32].admin1) == ("admin1", 21, None)
    assert rows[21].latitude == pytest.approx(20.5, abs=0.01)
    assert 29 not in rows


def test_the_command_builds_what_an_open_gazetteer_finds(
    dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = tmp_path / "own.csv"
    extra.write_text("name,latitude,longitude,country\nPost Nine,20.9,30.9,QX\n", encoding="utf-8")
    out = tmp_path / "places.sqlite"
    arguments = ["gazetteer", "build", str(dump), "--out", str(out), "--extra", str(extra)]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.startswith(f"{out}: ")
    gazetteer = Gazetteer.open(out)
    assert [(e.id, e.admin1) for e in gazetteer.lookup("Lorwick") if e.kind == "settlement"] == [(31, 21)]
    assert gazetteer.lookup("Post Nine")[0].latitude == 20.9
    assert gazetteer.country_words()["sandovia"] == ("QX", False)
    # The library's own places are in every gazetteer.
    assert gazetteer.entry(-1) is not None
    gazetteer.close()


def test_a_long_dump_is_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = tmp_path / "XX.txt"
    lines = (line(100 + n, f"Town {chr(97 + n % 26)}{n}", "PPL", (n % 80, n % 170), "01") for n in range(500))
    dump.write_text("".join(lines), encoding="utf-8")
    Gazetteer.build(read_geonames(dump), tmp_path / "whole.sqlite")
    monkeypatch.setattr("sitrep_ie.resolve.gazetteer._BATCH_ROWS", 7)
    Gazetteer.build(read_geonames(dump), tmp_path / "parts.sqlite")
    assert (tmp_path / "parts.sqlite").read_bytes() == (tmp_path / "whole.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tA\n", r"QX.txt:1: 2 columns, expected the 19"),
        (line(1, "A", "PPL", (95, 0)), r"QX.txt:1: id 1, latitude 95.0, longitude 0.0: expected degrees"),
        (line(1, "A", "PPL", (5, 0)).replace("1\t", "x\t", 1), r"QX.txt:1: invalid literal"),
        (line(1, "A", "PPL", (5, 0)) + "x" * 200_000, r"QX.txt:2: too long"),
    ],
)
def test_lines_that_are_none_of_a_dump(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "QX.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ResourceError, match=message):
        list(read_geonames(tmp_path / "QX.txt"))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "QX.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ResourceError, match=r"QX.txt:1: not UTF-8"):
        list(read_geonames(tmp_path / "QX.txt"))
    with pytest.raises(ResourceError, match=r"none.txt: cannot be read"):
        list(read_geonames(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"readme__txt": "x"},
        {"QX__txt": "x", "QY__txt": "x"},
        {"../QX__txt": "x"},
        {"QX__exe": "x"},
    ],
    ids=str,
)
def test_zips_with_other_members_are_refused(tmp_path: Path, members: dict[str, str]) -> None:
    with pytest.raises(ResourceError, match=r"QX.zip: holds .*, expected one .txt file"):
        list(read_geonames(zipped(tmp_path, **members)))


def test_zip_bombs_and_damaged_zips_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResourceError, match=r"QX.zip/QX.txt: 3000000 bytes out of"):
        list(read_geonames(zipped(tmp_path, QX__txt="0" * 3_000_000)))
    whole = zipped(tmp_path, QX__txt="".join(DUMP))
    raw = bytearray(whole.read_bytes())
    raw[60:80] = bytes(20)
    whole.write_bytes(raw)
    with pytest.raises(ResourceError, match=r"QX.zip: not a whole zip file"):
        list(read_geonames(whole))
    whole.write_bytes(b"PK")
    with pytest.raises(ResourceError, match=r"QX.zip: not a whole zip file"):
        list(read_geonames(whole))
    monkeypatch.setattr(geonames, "_MAX_DUMP_BYTES", 100)
    with pytest.raises(ResourceError, match=r"QX.zip/QX.txt: \d+ bytes"):
        list(read_geonames(zipped(tmp_path, QX__txt="".join(DUMP))))


def test_a_file_beside_the_dump_that_is_broken_is_named(dump: Path) -> None:
    (dump.parent / "admin1CodesASCII.txt").write_text("QX.01\tLorvik\n", encoding="utf-8")
    with pytest.raises(ResourceError, match=r"admin1CodesASCII.txt:1: 2 columns, expected 4"):
        list(read_geonames(dump))
    (dump.parent / "admin1CodesASCII.txt").write_text("QX.01\tA\tA\tx\n", encoding="utf-8")
    with pytest.raises(ResourceError, match=r"admin1CodesASCII.txt:1: 'x', expected a number"):
        list(read_geonames(dump))

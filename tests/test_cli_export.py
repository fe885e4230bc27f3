"""`sitrep-ie export` and the formats of `extract` that are files."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3

import pyarrow.parquet
import pytest

from sitrep_ie.cli import main
from sitrep_ie.document import Annotation, Document, Report, ReportWarning
from sitrep_ie.view import read_reports


@pytest.fixture(scope="module")
def archive(tmp_path_factory, tiny_extractor, tiny_examples):
    path = tmp_path_factory.mktemp("archive") / "events.jsonl"
    reports = list(tiny_extractor.extract_many(example.document for example in tiny_examples))
    path.write_text("".join(report.to_json() + "\n" for report in reports), encoding="utf-8")
    return path


def export(*arguments):
    return main(["export", *map(str, arguments)])


def fails(capsys, *arguments):
    assert export(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("sitrep-ie: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_database_of_archives(archive, tmp_path, capsys):
    packed = tmp_path / "more.jsonl.gz"
    packed.write_bytes(gzip.compress(archive.read_bytes()))
    out = tmp_path / "events.sqlite"
    assert export(archive, packed, "--to", "sqlite", "--out", out) == 0
    assert capsys.readouterr().out == f"{out}: 6 documents\n"
    db = sqlite3.connect(out)
    assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 2 * sum(
        len(report.events) for report in read_reports(archive)
    )
    sql = """SELECT DISTINCT name FROM documents JOIN documents_text ON id = documents_text.rowid
        WHERE documents_text MATCH ?"""
    assert db.execute(sql, ("convoy",)).fetchall() == [("tiny-convoy",)]
    db.close()
    assert export(archive, "--to", "sqlite", "--out", out) == 0


def test_tables_maps_and_codes(archive, tmp_path):
    assert export(archive, "--to", "csv", "--table", "actors", "--out", tmp_path / "a.csv") == 0
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["text"] for row in rows} >= {"Border guards", "gunmen"}
    assert export(archive, "--to", "parquet", "--table", "places", "--out", tmp_path / "p.parquet") == 0
    assert "Karsk" in pyarrow.parquet.read_table(tmp_path / "p.parquet")["text"].to_pylist()
    assert export(archive, "--to", "geojson", "--out", tmp_path / "m.geojson") == 0
    assert json.loads((tmp_path / "m.geojson").read_text())["type"] == "FeatureCollection"
    for form, column in (("acled", "event_type"), ("plover", "Event Type")):
        assert export(archive, "--to", form, "--out", tmp_path / form) == 0
        with (tmp_path / form).open(encoding="utf-8", newline="") as stream:
            assert all(row[column] for row in csv.DictReader(stream))


def test_export_refuses(archive, tmp_path, capsys):
    out = tmp_path / "out"
    assert "none.jsonl: cannot be read" in fails(capsys, tmp_path / "none.jsonl", "--to", "csv", "--out", out)
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(archive.read_bytes() + b'{"id": 3}\n')
    assert "broken.jsonl:4: no report of sitrep-ie" in fails(capsys, broken, "--to", "sqlite", "--out", out)
    assert "only parquet and csv" in fails(
        capsys, archive, "--to", "sqlite", "--table", "actors", "--out", out
    )
    assert not out.exists()
    out.write_text("mine")
    assert "no database of sitrep-ie" in fails(capsys, archive, "--to", "sqlite", "--out", out)
    assert out.read_text() == "mine"
    assert export(archive, "--to", "sqlite", "--out", out, "--overwrite") == 0
    assert "is a folder" in fails(capsys, archive, "--to", "parquet", "--out", tmp_path)


def test_an_archive_is_read_line_by_line(archive, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + archive.read_bytes().replace(b"\n", b"\r\n\r\n") + b"{\n")
    reports = read_reports(path)
    assert [next(reports).document.id for _ in range(3)] == ["tiny-convoy", "tiny-raid", "tiny-plain"]


def test_extract_to_a_database_and_a_table(tiny_model_path, tiny_examples, tmp_path, capsys):
    text = tmp_path / "convoy.txt"
    text.write_text(tiny_examples[0].document.text, encoding="utf-8")
    extract = ["extract", str(text), "--model", str(tiny_model_path), "--device", "cpu", "--format"]
    assert main([*extract, "parquet", "--out", str(tmp_path / "e.parquet")]) == 0
    assert pyarrow.parquet.read_table(tmp_path / "e.parquet")["type"].to_pylist() == ["MOVEMENT", "MOVEMENT"]
    assert main([*extract, "sqlite", "--out", str(tmp_path / "e.sqlite")]) == 0
    db = sqlite3.connect(tmp_path / "e.sqlite")
    assert db.execute("SELECT type FROM events").fetchall() == [("MOVEMENT",), ("MOVEMENT",)]
    db.close()
    assert capsys.readouterr().out == ""
    for form in ("sqlite", "parquet"):
        assert main([*extract, form]) == 2
        assert "expected --out FILE" in capsys.readouterr().err


def test_warnings_come_through_an_archive(tmp_path):
    report = Report(Document("a", "b"), Annotation("a"), warnings=(ReportWarning("language", "made up"),))
    (tmp_path / "a.jsonl").write_text(report.to_json() + "\n")
    assert export(tmp_path / "a.jsonl", "--to", "sqlite", "--out", tmp_path / "a.sqlite") == 0
    db = sqlite3.connect(tmp_path / "a.sqlite")
    assert db.execute("SELECT document, code, message FROM warnings").fetchall() == [
        (1, "language", "made up")
    ]
    db.close()

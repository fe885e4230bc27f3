"""The command line: what it prints, what it writes, one line and status 2 for every error."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import logging
import os
import subprocess
import sys
import types

import pytest

from sitrep_ie import __version__, cli
from sitrep_ie import extractor as extractor_module
from sitrep_ie.cli import main
from sitrep_ie.config import format_toml
from sitrep_ie.document import Annotation, Example, Report
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import data_digest, write_inline, write_jsonl
from sitrep_ie.score.records import records_of

NEGATED = "May 3: no vehicles entered Karsk."


@pytest.fixture
def report_path(tmp_path, tiny_examples):
    path = tmp_path / "convoy.txt"
    path.write_bytes(tiny_examples[0].document.text.encode())
    return path


@pytest.fixture
def extract(tiny_model_path):
    """Runs `extract` with the tiny model."""

    def run(*arguments):
        return main(["extract", "--model", str(tiny_model_path), "--device", "cpu", *map(str, arguments)])

    return run


def standard_input(monkeypatch, raw):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(raw)))


def fails(capsys, arguments, *words):
    """The command ends with status 2 and one line that holds these words."""
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("sitrep-ie: ")
    assert captured.err.count("\n") == 1
    for word in words:
        assert word in captured.err
    return captured


# ---- extract ----


def test_table_of_a_file(extract, report_path, capsys):
    assert extract(report_path, "--published", "2031-05-04") == 0
    printed = capsys.readouterr().out
    assert "MOVEMENT" in printed
    assert "2031-05-02" in printed
    assert "Border guards" in printed


def test_html_is_read_as_batch_reads_it(extract, tmp_path, tiny_examples, capsys):
    path = tmp_path / "convoy.html"
    lines = tiny_examples[0].document.text.splitlines()
    shown = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    path.write_text(f"<html><head><title>A convoy</title></head><body>{shown}</body></html>", "utf-8")
    days = ["--published", "2031-05-04", "--period", "2031-05-01", "2031-05-03"]
    assert extract(path, *days, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["id"] == str(path)
    assert found["title"] == "A convoy"
    assert found["published"] == "2031-05-04"
    assert found["period"] == {"start": "2031-05-01", "end": "2031-05-03"}
    assert "<p>" not in found["text"]
    assert [event["time"]["start"] for event in found["events"]] == ["2031-05-02", "2031-05-03"]


def test_a_file_of_documents_gives_a_report_for_each(extract, tmp_path, capsys):
    path = tmp_path / "two.jsonl"
    path.write_text('{"id": "a", "text": "Guards left."}\n{"id": "b", "text": "Guards left."}\n', "utf-8")
    assert extract(path, "--format", "jsonl") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]


def test_json_of_a_file(extract, report_path, capsys):
    assert extract(report_path, "--published", "2031-05-04", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["id"] == str(report_path)
    assert found["text"] == report_path.read_bytes().decode()
    assert [event["time"]["start"] for event in found["events"]] == ["2031-05-02", "2031-05-03"]
    assert Report.from_dict(found).to_dict() == found


def test_json_of_two_files_is_a_list_and_jsonl_a_line_each(extract, report_path, tmp_path, capsys):
    other = tmp_path / "other.txt"
    other.write_text(NEGATED, encoding="utf-8")
    assert extract(report_path, other, "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert extract(report_path, other, "--format", "jsonl") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == listed
    assert [report["id"] for report in lines] == [str(report_path), str(other)]


@pytest.mark.parametrize("arguments", [(), ("-",)], ids=["nothing", "dash"])
def test_standard_input(extract, monkeypatch, capsys, arguments):
    standard_input(monkeypatch, b"\xef\xbb\xbf" + NEGATED.encode() + b"\r\n")
    assert extract(*arguments, "--format", "jsonl") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["id"], report["text"]) == ("stdin", NEGATED + "\r\n")
    assert [event["modality"] for event in report["events"]] == ["negated"]


def test_every_format_goes_to_a_file_as_it_is_printed(extract, report_path, tmp_path, capsys):
    for form in cli.FORMATS:
        assert extract(report_path, "--format", form) == 0
        printed = capsys.readouterr().out
        assert printed
        out = tmp_path / f"out.{form}"
        assert extract(report_path, "--format", form, "--out", out) == 0
        assert capsys.readouterr().out == ""
        with out.open(encoding="utf-8", newline="") as stream:
            assert stream.read() == printed


def test_csv_and_geojson_are_what_they_say(extract, report_path, capsys):
    assert extract(report_path, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["type"] for row in rows] == ["MOVEMENT", "MOVEMENT"]
    assert extract(report_path, "--format", "geojson") == 0
    assert json.loads(capsys.readouterr().out)["type"] == "FeatureCollection"


def test_a_report_without_events(extract, monkeypatch, capsys):
    for form in cli.FORMATS:
        standard_input(monkeypatch, b" \n")
        assert extract("--format", form) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("form", cli.FORMATS)
def test_letters_that_the_terminal_lacks_do_not_end_the_output(extract, monkeypatch, tmp_path, form):
    path = tmp_path / "Karsk é 中.txt"
    path.write_text("May 3: no vehicles entered Karsk é 中.", encoding="utf-8")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\r\n"))
    assert extract(path, "--format", form) == 0
    if form != "table":
        # What programs read is in UTF-8 all the same, and as in a file.
        assert extract(path, "--format", form, "--out", tmp_path / "out") == 0
        assert raw.getvalue() == (tmp_path / "out").read_bytes()


def test_extract_refuses(extract, report_path, tmp_path, capsys, tiny_model_path):
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"Karsk caf\xe9")
    model = ["--model", tiny_model_path, "--device", "cpu"]
    fails(capsys, ["extract", latin, *model], "latin.txt: byte 9 is not UTF-8")
    fails(capsys, ["extract", tmp_path / "none.txt", *model], "none.txt: cannot be read: No such file")
    fails(capsys, ["extract", tmp_path, *model], "cannot be read: Is a directory")
    fails(capsys, ["extract", report_path, "--published", "4 May", *model], "published '4 May'", "ISO date")
    days = ["--period", "2031-05-04", "2031-05-01"]
    fails(capsys, ["extract", report_path, *days, *model], "period from 2031-05-04", "first day first")
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"no PDF")
    fails(capsys, ["extract", broken, *model], "broken.pdf: cannot be read")
    fails(capsys, ["extract", report_path, "--model", tmp_path / "none"], "none: no model folder")
    fails(capsys, ["extract", report_path, "--model", tiny_model_path, "--device", "gpu"], "device 'gpu'")
    out = tmp_path / "none" / "out.json"
    fails(capsys, ["extract", report_path, *model, "--out", out], "out.json: cannot be written: No such file")


def test_wrong_words_are_argparses_business(capsys):
    for arguments in ([], ["extarct"], ["extract", "--format", "xml"], ["train", "x.toml"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    assert "usage: sitrep-ie" in capsys.readouterr().err


# ---- train ----


@pytest.fixture
def config_path(tiny_config, tmp_path):
    path = tmp_path / "tiny.toml"
    text = format_toml(tiny_config.to_dict()).replace("epochs = 30", "epochs = 2")
    path.write_text(text, encoding="utf-8")
    return path


def test_train_writes_a_model_and_prints_its_scores(config_path, tmp_path, capsys):
    out = tmp_path / "model"
    arguments = ["train", str(config_path), "--out", str(out), "--device", "cpu"]
    assert main([*arguments, "--seed", "7", "--weights", "int8"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("seen\n3 documents\n")
    assert printed.endswith("model: written\n")
    record = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert (record["seed"], record["weights"], record["epochs"]) == (7, "int8", 2)


def test_train_refuses(config_path, tmp_path, capsys):
    arguments = ["train", config_path, "--out", tmp_path / "model", "--device", "cpu"]
    fails(capsys, [*arguments, "--seed", "-1"], "train.seed -1: expected at least 0")
    text = config_path.read_text(encoding="utf-8")
    config_path.write_text(text.replace("epochs", "epcohs"), encoding="utf-8")
    fails(capsys, arguments, "tiny.toml: unknown key 'train.epcohs'; did you mean 'train.epochs'?")
    config_path.write_text(text.replace("tiny.ann", "none.ann"), encoding="utf-8")
    fails(capsys, arguments, "none.ann")
    fails(capsys, ["train", tmp_path / "none.toml", "--out", tmp_path / "model"], "none.toml: cannot be read")
    assert not (tmp_path / "model").exists()


# ---- evaluate ----


@pytest.fixture
def gold_path(tiny_examples, ontology, tmp_path):
    path = tmp_path / "gold.ann"
    write_inline(path, tiny_examples, ontology)
    return path


def test_evaluate_a_model(tiny_model_path, gold_path, tiny_examples, tmp_path, capsys):
    figures, errors = tmp_path / "figures.json", tmp_path / "errors.md"
    arguments = [
        "evaluate",
        tiny_model_path,
        gold_path,
        "--device",
        "cpu",
        "--json",
        figures,
        "--errors",
        errors,
    ]
    assert main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr().out
    assert "3 documents" in printed
    assert printed.endswith("errors.md: written\n")
    written = json.loads(figures.read_text(encoding="utf-8"))
    assert written["gold_sha256"] == data_digest(tiny_examples)
    assert written["scores"]["mentions"]["f1"] == 1.0
    assert errors.read_text(encoding="utf-8").startswith("#")


def test_evaluate_predictions_in_a_file(tiny_model_path, gold_path, tiny_examples, tmp_path, capsys):
    predicted = tmp_path / "predicted.jsonl"
    # One document without its relations, in another order.
    fewer = [
        Example(e.document, Annotation(e.document.id, e.gold.mentions, e.gold.triggers)) if not i else e
        for i, e in enumerate(tiny_examples)
    ]
    write_jsonl(predicted, fewer[::-1])
    figures = tmp_path / "figures.json"
    arguments = ["evaluate", predicted, gold_path, "--json", figures]
    arguments += ["--ontology", tiny_model_path / "ontology.json"]
    assert main([str(argument) for argument in arguments]) == 0
    capsys.readouterr()
    scores = json.loads(figures.read_text(encoding="utf-8"))["scores"]
    assert scores["mentions"]["f1"] == 1.0
    assert scores["arg_c"]["precision"] == 1.0
    assert 0 < scores["arg_c"]["recall"] < 1.0


def test_evaluate_event_records(tiny_model_path, gold_path, tiny_examples, tmp_path, capsys):
    extractor = Extractor.load(tiny_model_path, device="cpu")
    # Two of the three documents have gold records: what the model finds, less one.
    reports = [extractor.extract(example.document) for example in tiny_examples[:2]]
    lines = []
    for record in [record for report in reports for record in records_of(report)][:-1]:
        raw = dataclasses.asdict(record)
        lines.append(json.dumps({"doc": raw.pop("document_id"), **raw}, default=str) + "\n")
    records, figures = tmp_path / "records.jsonl", tmp_path / "figures.json"
    records.write_text("".join(lines), encoding="utf-8")
    arguments = ["evaluate", tiny_model_path, gold_path, "--device", "cpu", "--events", records]
    assert main([*map(str, arguments), "--json", str(figures)]) == 0
    assert "100.0" in capsys.readouterr().out
    events = json.loads(figures.read_text(encoding="utf-8"))["records"]["records"]
    assert (events["recall"], events["tp"]) == (1.0, len(lines))
    assert events["precision"] == pytest.approx(len(lines) / (len(lines) + 1))


def test_evaluate_uses_the_shipped_ontology(tiny_model_path, gold_path, monkeypatch, capsys):
    monkeypatch.setattr(extractor_module, "default_model_folder", lambda: tiny_model_path)
    assert main(["evaluate", str(gold_path), str(gold_path)]) == 0
    assert "100.0" in capsys.readouterr().out


def test_evaluate_refuses(tiny_model_path, gold_path, tiny_examples, tmp_path, capsys):
    fails(capsys, ["evaluate", tmp_path / "none", gold_path], "none: there is no such model folder or file")
    ontology = ["--ontology", tiny_model_path / "ontology.json"]
    write_jsonl(tmp_path / "one.jsonl", tiny_examples[:1])
    fails(capsys, ["evaluate", tmp_path / "one.jsonl", gold_path, *ontology], "tiny-")
    fails(capsys, ["evaluate", gold_path, tmp_path / "none.jsonl", *ontology], "none.jsonl")
    fails(
        capsys, ["evaluate", gold_path, gold_path, *ontology, "--events", "x.jsonl"], "needs a model folder"
    )
    fails(capsys, ["evaluate", gold_path, gold_path, "--ontology", tmp_path / "o.toml"], "o.toml")
    where = tmp_path / "none" / "errors.md"
    fails(
        capsys, ["evaluate", gold_path, gold_path, *ontology, "--errors", where], "errors.md", "No such file"
    )


# ---- info and the rest ----


def test_info_of_a_model(tiny_model_path, capsys):
    assert main(["info", str(tiny_model_path)]) == 0
    printed = capsys.readouterr().out
    assert f"sitrep_ie {__version__}" in printed
    assert "21 event types, 18 relations, 5 attributes" in printed
    assert "# tiny" in printed


def test_info_refuses(tmp_path, capsys):
    fails(capsys, ["info", tmp_path / "none"], "none: no model folder")
    fails(capsys, ["info", tmp_path], "ontology.json")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"sitrep-ie {__version__}\n"


@pytest.mark.parametrize("arguments", [["--verbose", "info"], ["info", "--verbose"]], ids=" ".join)
def test_verbose_stands_before_or_after_the_command(arguments, tiny_model_path, monkeypatch):
    levels = []
    monkeypatch.setattr(logging, "basicConfig", lambda **options: levels.append(options["level"]))
    assert main([*arguments, str(tiny_model_path)]) == 0
    assert main(["info", str(tiny_model_path)]) == 0
    assert levels == [logging.INFO, logging.WARNING]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "sitrep-ie: interrupted\n"),
        (OSError(28, "No space left on device"), 2, "sitrep-ie: No space left on device\n"),
        (PermissionError(13, "Permission denied", "x.csv"), 2, "sitrep-ie: x.csv: Permission denied\n"),
    ],
    ids=["interrupt", "disk", "rights"],
)
def test_what_ends_a_command_from_outside(monkeypatch, capsys, error, status, line):
    def fail(options):
        raise error

    monkeypatch.setattr(cli, "_info", fail)
    assert main(["info"]) == status
    assert capsys.readouterr().err == line


def test_a_reader_that_goes_is_no_error(tiny_model_path):
    """As `sitrep-ie info | head -0`: the pipe is closed before anything is printed."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sitrep_ie", "info", str(tiny_model_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=600,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")

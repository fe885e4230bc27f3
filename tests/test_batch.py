"""Runs over archives: what they write, what they refuse, and that a kill at any moment costs nothing."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pyarrow.parquet
import pytest

from sitrep_ie import cli
from sitrep_ie import extractor as extractor_module
from sitrep_ie.batch import Columns, output, read_documents, run, runner
from sitrep_ie.batch.output import Paths, State
from sitrep_ie.document import (
    ROW_COLUMNS,
    Annotation,
    Document,
    Event,
    EventTime,
    Outcomes,
    Report,
    Span,
    Trigger,
    TriggerText,
)
from sitrep_ie.errors import ConfigError, DependencyError, FormatError, ResourceError

ROOT = Path(__file__).resolve().parent.parent


class Words:
    """An extractor without a model: every "strike" in a text is an event; counts how far ahead it reads."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls: list[list[str]] = []

    def extract_many(self, documents, batch_size=16, *, min_score=0.0):
        documents = list(documents)
        self.calls.append([document.id for document in documents])
        for document in documents:
            time.sleep(self.seconds)
            if "poison" in document.text:
                raise ValueError("cannot\ndo this")
            yield report_of(document)


def report_of(document: Document) -> Report:
    triggers, events = [], []
    start = document.text.find("strike")
    while start >= 0:
        span = Span(start, start + len("strike"))
        triggers.append(Trigger(span, "AIRSTRIKE", score=0.75))
        day = document.published
        event = Event(
            id=f"e{len(triggers)}",
            type="AIRSTRIKE",
            score=0.75,
            triggers=(TriggerText(text="strike", span=span),),
            modality="actual",
            time=EventTime(day, day, "day" if day else None, "report_period" if day else "unknown"),
            outcomes=Outcomes(),
            evidence=(span,),
        )
        events.append(event)
        start = document.text.find("strike", span.end)
    return Report(document, Annotation(document.id, triggers=tuple(triggers)), tuple(events))


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A folder with 40 good documents in three files, and five failures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_CHUNK_DOCUMENTS", 6)
    make_archive(tmp_path / "in")
    return "in"


def make_archive(folder: Path) -> None:
    folder.mkdir()
    rows = [
        {"id": f"r{n}", "text": f"Day {n}: " + "a strike 😀\r\n" * (n % 3), "published": "2031-05-04"}
        for n in range(30)
    ]
    rows[7]["text"] = "poison"
    lines = [json.dumps(row) for row in rows]
    lines[11:11] = ["{", "[]"]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "b.txt").write_bytes(b"a strike \xff")
    (folder / "c.txt").write_bytes("\ufeffa strike\r\n".encode())
    body = "text\r\n" + "".join(f'"=strike, {n}"\r\n' for n in range(10)) + "x,y\r\n"
    (folder / "d.csv").write_bytes(body.encode())


def lines_of(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


# ---- what is written ----


def test_jsonl(archive):
    summary = run([archive], "out.jsonl", Words())
    reports = [Report.from_dict(raw) for raw in lines_of("out.jsonl")]
    documents = list(read_documents([archive], on_failure=lambda _: None))
    assert [r.document.id for r in reports] == [d.id for d in documents if d.text != "poison"]
    assert [r.document.text for r in reports] == [d.text for d in documents if d.text != "poison"]
    assert (summary.num_documents, summary.num_failed, summary.num_files) == (40, 5, 4)
    assert summary.num_events == sum(len(report.events) for report in reports)
    assert summary.num_resumed == 0
    assert "40 documents, " in str(summary)
    assert "5 failed, see out.jsonl.errors.jsonl" in str(summary)


def test_errors_are_told_in_order(archive):
    run([archive], "out.jsonl", Words())
    source = os.path.join("in", "a.jsonl")
    errors = lines_of("out.jsonl.errors.jsonl")
    assert errors[0] == {
        "id": "r7",
        "source": source,
        "position": "line 8",
        "reason": "ValueError: cannot do this",
    }
    assert [(e["id"], e["position"]) for e in errors[1:]] == [
        (f"{source}:12", "line 12"),
        (f"{source}:13", "line 13"),
        (os.path.join("in", "b.txt"), "byte 9"),
        (f"{os.path.join('in', 'd.csv')}:11", "row 11"),
    ]


def test_csv(archive):
    summary = run([archive], "out.csv", Words())
    with open("out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == ROW_COLUMNS
    assert len(rows) == summary.num_events
    assert rows[0] | {"document": "r1", "start": "2031-05-04", "trigger": "strike"} == rows[0]
    assert Path("out.csv").read_bytes().count(b"document,event") == 1


def test_parquet(archive):
    summary = run([archive], "out.parquet", Words())
    table = pyarrow.parquet.read_table("out.parquet")
    assert tuple(table.column_names) == ROW_COLUMNS
    rows = table.to_pylist()
    assert len(rows) == summary.num_events
    first = {"document": "r1", "score": 0.75, "start": datetime.date(2031, 5, 4), "aggregate": False}
    assert rows[0] | first | {"killed": None} == rows[0]
    assert not Path("out.parquet.rows.jsonl").exists()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_run_without_events_or_failures(tmp_path, form):
    (tmp_path / "a.txt").write_text("calm", encoding="utf-8")
    out = tmp_path / f"out.{form}"
    summary = run([tmp_path / "a.txt"], out, Words())
    assert (summary.num_documents, summary.num_events, summary.errors_path) == (1, 0, None)
    assert out.exists()
    assert not Path(f"{out}.errors.jsonl").exists()


def test_the_format_may_be_named(archive):
    run([archive], "events.txt.out", Words(), form="csv")
    assert Path("events.txt.out").read_bytes().startswith(b"document,event")
    with pytest.raises(ConfigError, match="out.xlsx: its suffix names no format; expected one of jsonl, csv"):
        run([archive], "out.xlsx", Words())


def test_the_output_in_the_input_folder_is_no_input(archive):
    out = Path(archive) / "out.jsonl"
    assert run([archive], out, Words()).num_files == 4
    assert run([archive], out, Words()).num_files == 4


def test_lone_surrogates_are_written_as_escapes(tmp_path):
    class Bad:
        def extract_many(self, documents, batch_size=16, *, min_score=0.0):
            for document in documents:
                yield report_of(dataclasses.replace(document, id="\ud800"))

    (tmp_path / "a.txt").write_text("a strike", encoding="utf-8")
    for form in ("jsonl", "csv", "parquet"):
        run([tmp_path / "a.txt"], tmp_path / f"out.{form}", Bad())
    (row,) = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert row["document"] == "\\ud800"
    assert lines_of(tmp_path / "out.jsonl")[0]["id"] == "\ud800"


def test_documents_with_the_id_of_an_earlier_one_are_kept_and_counted(archive):
    """They may be in other files, and before a stop; ids of failures do not count."""
    ids = ["r3", "new", "new", "r7", "r4", "r3"]
    rows = [json.dumps({"id": id, "text": f"a strike {n}"}) for n, id in enumerate(ids)]
    Path("in", "z.jsonl").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        run([archive], "out.jsonl", Interrupted(3))
    summary = run([archive], "out.jsonl", Words())
    assert (summary.num_documents, summary.num_repeated_ids) == (46, 4)
    assert "; 4 documents with the id of an earlier one; " in str(summary)
    assert [line["id"] for line in lines_of("out.jsonl")[-6:]] == ids
    assert not Path("out.jsonl.ids").exists()
    assert run([archive], "out.jsonl", Words()).num_repeated_ids == 4


@pytest.mark.parametrize("num_at_once", [1, 7, 1000])
def test_repeated_ids_are_counted_in_parts_of_any_size(tmp_path, num_at_once):
    chance = random.Random(num_at_once)
    ids = [f"d{chance.randrange(200)}" for _ in range(300)]
    (tmp_path / "ids").write_bytes(b"".join(map(output.id_digest, ids)))
    assert output.count_repeated(tmp_path / "ids", num_at_once) == 300 - len(set(ids))
    (tmp_path / "ids").write_bytes(b"")
    assert output.count_repeated(tmp_path / "ids", num_at_once) == 0


def test_what_is_wrong_for_every_document_ends_the_run(archive):
    class Broken:
        def extract_many(self, documents, batch_size=16, *, min_score=0.0):
            raise ResourceError("gazetteer.bin is missing")

    with pytest.raises(ResourceError, match="gazetteer"):
        run([archive], "out.jsonl", Broken())
    assert run([archive], "out.jsonl", Words(), min_score=0.5).num_documents == 40


def test_an_extractor_that_drops_a_document_is_a_failure(tmp_path):
    class Dropping:
        def extract_many(self, documents, batch_size=16, *, min_score=0.0):
            return (report_of(document) for document in documents if document.text != "b")

    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name, encoding="utf-8")
    summary = run([tmp_path / "*.txt"], tmp_path / "out.jsonl", Dropping())
    assert (summary.num_documents, summary.num_failed) == (2, 1)


# ---- constant memory ----


def test_no_more_than_a_chunk_is_held(tmp_path, monkeypatch):
    """Documents are read when they are due: after each chunk the reader has given just its documents."""
    monkeypatch.setattr(runner, "_CHUNK_DOCUMENTS", 10)
    given = 0

    def endless(path, columns, limit):
        nonlocal given
        for number in itertools.count():
            given += 1
            yield runner.Found(Document(f"d{number}", "a strike"), path, f"line {number}")

    class Stopping(Words):
        def extract_many(self, documents, batch_size=16, *, min_score=0.0):
            assert given == 10 * (len(self.calls) + 1)
            if len(self.calls) == 5:
                raise KeyboardInterrupt
            return super().extract_many(documents, batch_size, min_score=min_score)

    monkeypatch.setattr(runner, "read_file", endless)
    (tmp_path / "a.txt").write_text("", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        run([tmp_path], tmp_path / "out.jsonl", Stopping())
    assert len(lines_of(tmp_path / "out.jsonl")) == 50


def test_long_documents_end_a_chunk_early(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "_CHUNK_CHARS", 100)
    for number, length in enumerate([40, 40, 40, 500, 10]):
        (tmp_path / f"{number}.txt").write_text("x" * length, encoding="utf-8")
    words = Words()
    run([tmp_path], tmp_path / "out.jsonl", words)
    assert [len(call) for call in words.calls] == [3, 1, 1]


# ---- going on ----


class Interrupted(Words):
    """Ctrl-C in the chunk after so many."""

    def __init__(self, num_chunks: int) -> None:
        super().__init__()
        self.num_left = num_chunks

    def extract_many(self, documents, batch_size=16, *, min_score=0.0):
        documents = list(documents)
        if len(documents) > 1:  # not the second try, one by one, at a chunk with a failure
            if not self.num_left:
                raise KeyboardInterrupt
            self.num_left -= 1
        return super().extract_many(documents, batch_size, min_score=min_score)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_stopped_run_goes_on(archive, form):
    whole, out = Path(f"whole.{form}"), Path(f"out.{form}")
    once = run([archive], whole, Words())
    starts = 0
    for _ in range(20):
        starts += 1
        try:
            summary = run([archive], out, Interrupted(2))
        except KeyboardInterrupt:
            # As a kill between writing and the state: what follows the state's length is not of the run.
            rows = Path(f"out.{form}.rows.jsonl") if form == "parquet" else out
            with rows.open("ab") as file:
                file.write(b'{"half a li')
            with open(f"out.{form}.errors.jsonl", "ab") as file:
                file.write(b"x" * 5000)
        else:
            break
    assert starts > 3
    assert out.read_bytes() == whole.read_bytes()
    assert Path(f"{out}.errors.jsonl").read_bytes() == Path(f"{whole}.errors.jsonl").read_bytes()
    assert summary.num_resumed > 0
    assert dataclasses.replace(summary, seconds=0, num_resumed=0, errors_path=None) == dataclasses.replace(
        once, seconds=0, errors_path=None
    )


def test_a_finished_run_returns_at_once(archive):
    run([archive], "out.jsonl", Words())
    before = Path("out.jsonl").read_bytes()
    words = Words()
    summary = run([archive], "out.jsonl", words)
    assert (words.calls, Path("out.jsonl").read_bytes()) == ([], before)
    assert (summary.num_documents, summary.num_failed, summary.num_resumed) == (40, 5, 45)


CHILD = """
import os, random, signal, sys
sys.path[:0] = sys.argv[1:3]
from sitrep_ie.batch import output, run, runner
from test_batch import Words
out, seed = sys.argv[3], int(sys.argv[4])
runner._CHUNK_DOCUMENTS = 6
chance = random.Random(seed)
left = chance.randrange(1, 60)

def deadly(function):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if left == 1 and chance.random() < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for name in ("fsync", "replace", "open"):
    setattr(os, name, deadly(getattr(os, name)))
output.AppendFile.write = deadly(output.AppendFile.write)
runner.write_parquet = deadly(runner.write_parquet)
run(["in"], out, Words())
"""


def child(out: str, seed: int) -> int:
    """Runs over the archive in a process that kills itself at one of its writes, syncs and renames."""
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(ROOT), str(ROOT / "tests"), out, str(seed)],
        timeout=300,
        check=False,
        stderr=subprocess.DEVNULL,
    ).returncode


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_killed_at_random_moments_nothing_is_lost_or_repeated(archive, form):
    run([archive], f"whole.{form}", Words())
    seeds = random.Random(form)
    killed = 0
    while killed < 2 and child(f"out.{form}", seeds.randrange(1, 10**6)) == -signal.SIGKILL:
        killed += 1
    run([archive], f"out.{form}", Words())
    assert killed
    for end in ("", ".errors.jsonl"):
        assert Path(f"out.{form}{end}").read_bytes() == Path(f"whole.{form}{end}").read_bytes()


def test_a_kill_at_every_step_in_turn(archive, monkeypatch):
    """As above, every step of the way, with an exception in the place of the kill."""
    monkeypatch.setattr(runner, "_CHUNK_DOCUMENTS", 12)
    run([archive], "whole.parquet", Words())

    class Killed(BaseException):
        pass

    steps = 0

    def deadly(module, name):
        function = getattr(module, name)

        def call(*arguments, **options):
            nonlocal steps
            steps -= 1
            if steps == 0:
                raise Killed
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, call)

    deadly(os, "fsync")
    deadly(os, "replace")
    deadly(runner.AppendFile, "write")
    deadly(runner, "write_parquet")
    for out in (f"out{n}.parquet" for n in itertools.count()):
        first = steps = int(out[3:-8]) + 1
        try:
            run([archive], out, Words())
        except Killed:
            steps = 0
            run([archive], out, Words())
        for end in ("", ".errors.jsonl"):
            assert Path(out + end).read_bytes() == Path(f"whole.parquet{end}").read_bytes()
        if steps > 0:
            break
    assert first > 15


# ---- what is refused ----


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.errors.jsonl"])
def test_a_file_of_nobody_s_is_kept(archive, name):
    Path(name).write_text("mine", encoding="utf-8")
    with pytest.raises(FormatError, match=f"{name}: exists and is of no run"):
        run([archive], "out.jsonl", Words())
    assert Path(name).read_text(encoding="utf-8") == "mine"
    run([archive], "out.jsonl", Words(), overwrite=True)
    assert len(lines_of("out.jsonl")) == 40


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_score": 0.5}, "min_score was 0.0, is 0.5"),
        ({"columns": Columns(id="id")}, "columns was"),
        ({"settings": {"model": "b"}}, "model was 'a', is 'b'"),
        ({"form": "csv"}, "format was 'jsonl', is 'csv'"),
    ],
    ids=["min_score", "columns", "settings", "format"],
)
def test_other_settings_are_refused(archive, options, words):
    with pytest.raises(KeyboardInterrupt):
        run([archive], "out.jsonl", Interrupted(1), settings={"model": "a"})
    before = Path("out.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=words):
        run([archive], "out.jsonl", Words(), **{"settings": {"model": "a"}, **options})
    assert Path("out.jsonl").read_bytes() == before
    assert run([archive], "out.jsonl", Words(), settings={"model": "a"}, batch_size=2).num_documents == 40


def test_changed_inputs_are_refused(archive):
    with pytest.raises(KeyboardInterrupt):
        run([archive], "out.jsonl", Interrupted(1))
    (Path(archive) / "c.txt").write_bytes(b"another text")
    with pytest.raises(ConfigError, match="the input files have changed; --overwrite starts anew"):
        run([archive], "out.jsonl", Words())


def test_an_output_that_was_changed_is_refused(archive):
    with pytest.raises(KeyboardInterrupt):
        run([archive], "out.jsonl", Interrupted(2))
    whole = Path("out.jsonl").read_bytes()
    Path("out.jsonl").write_bytes(whole[:-1])
    with pytest.raises(FormatError, match=rf"{len(whole) - 1} bytes, but the run had written {len(whole)}"):
        run([archive], "out.jsonl", Words())
    Path("out.jsonl").write_bytes(whole)
    run([archive], "out.jsonl", Words())
    Path("out.jsonl").unlink()
    with pytest.raises(FormatError, match="it is gone"):
        run([archive], "out.jsonl", Words())


@pytest.mark.parametrize("raw", ["{", "[]", '{"version": 1}', "state"])
def test_a_foreign_state_is_refused(archive, raw):
    state = Paths(Path("out.jsonl"), "jsonl").state
    state.write_text(raw, encoding="utf-8")
    with pytest.raises(FormatError, match=r"out\.jsonl\.state\.json: .*--overwrite"):
        run([archive], "out.jsonl", Words())
    dataclasses.replace(State({}), version=3).save(state)
    with pytest.raises(FormatError, match="version 3, expected 2"):
        run([archive], "out.jsonl", Words())


def test_a_second_run_is_refused(archive):
    with filelock.FileLock("out.jsonl.lock"):
        with pytest.raises(FormatError, match="another run is writing it"):
            run([archive], "out.jsonl", Words())
        assert not Path("out.jsonl").exists()

    class Second(Words):
        def extract_many(self, documents, batch_size=16, *, min_score=0.0):
            with pytest.raises(FormatError, match="another run is writing it"):
                run([archive], "out.jsonl", Words(), overwrite=True)
            return super().extract_many(documents, batch_size, min_score=min_score)

    assert run([archive], "out.jsonl", Second()).num_documents == 40


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"min_score": 2}, ConfigError, "min_score 2"),
        ({"max_document_mib": 0}, ConfigError, "max_document_mib 0"),
        ({"form": "xml"}, ConfigError, "format 'xml'; expected one of"),
        ({"out": "none/out.jsonl"}, FormatError, "its folder does not exist"),
        ({"inputs": ["none"]}, FormatError, "none: there is no such file"),
    ],
    ids=["min_score", "limit", "format", "folder", "input"],
)
def test_wrong_use_leaves_nothing(archive, options, error, words):
    with pytest.raises(error, match=words):
        run(**{"inputs": [archive], "out": "out.jsonl", "extractor": Words(), **options})
    assert {path.name for path in Path().iterdir()} <= {"in", "out.jsonl.lock"}


@pytest.mark.parametrize("name", ["pyarrow.parquet", "tqdm.auto", "filelock"])
def test_a_missing_library_names_the_extra(archive, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DependencyError, match=r"pip install 'sitrep_ie\[batch\]'"):
        run([archive], "out.parquet", Words())


@pytest.mark.parametrize(
    ("name", "module"),
    [("a.pdf", "pypdf"), ("a.docx", "docx"), ("a.html", "bs4"), ("a.parquet", "pyarrow.parquet")],
)
def test_a_missing_reader_ends_the_run(tmp_path, monkeypatch, name, module):
    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match=r"sitrep_ie\[batch\]"):
        run([tmp_path / name], tmp_path / "out.jsonl", Words())


# ---- the command ----


@pytest.fixture
def command(archive, monkeypatch, tmp_path):
    """Runs `batch` with the stub in the place of a model."""
    loaded = []

    class Loader:
        @staticmethod
        def load(model, device, gazetteer, precision):
            loaded.append((model, device))
            return loader.extractor

    loader = Loader()
    loader.extractor = Words()
    monkeypatch.setattr(extractor_module, "Extractor", loader)
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.toml").touch()

    def call(*arguments, extractor=None):
        loader.extractor = extractor or Words()
        return cli.main(["batch", *map(str, arguments), "--model", str(model), "--device", "cpu"])

    return call


def test_exit_status(command, archive, capsys):
    assert command(archive, "--out", "out.jsonl") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("sitrep-ie: out.jsonl: 40 documents, ")
    assert printed.err.endswith("; 5 failed, see out.jsonl.errors.jsonl\n")
    assert command(os.path.join("in", "c.txt"), "--out", "c.csv") == 0
    assert "1 document, 1 event from 1 file in " in capsys.readouterr().err
    assert command("none.txt", "--out", "d.csv") == 2
    assert capsys.readouterr().err == "sitrep-ie: none.txt: there is no such file or folder\n"
    assert command(archive, "--out", "out.jsonl", "--min-score", "0.5") == 2
    assert command(archive, "--out", "out.jsonl", "--min-score", "0.5", "--overwrite") == 1


def test_interrupted(command, archive, capsys):
    assert command(archive, "--out", "out.jsonl", extractor=Interrupted(2)) == 130
    assert capsys.readouterr().err == "sitrep-ie: stopped; the same command goes on from here\n"
    assert command(archive, "--out", "out.jsonl") == 1
    assert "12 done before" in capsys.readouterr().err
    assert len(lines_of("out.jsonl")) == 40


def test_columns_of_the_command(command, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("nr,body,day\r\n5,a strike,2031-05-04\r\n", encoding="utf-8")
    columns = ["--text-column", "body", "--id-column", "nr", "--published-column", "day"]
    assert command("t.csv", "--out", "t.out", "--format", "jsonl", *columns) == 0
    (report,) = lines_of("t.out")
    assert (report["id"], report["text"], report["events"][0]["time"]["start"]) == (
        "5",
        "a strike",
        "2031-05-04",
    )

from __future__ import annotations

import json
import time

import pytest

import sitrep_ie.assemble
from sitrep_ie.cli import main as sitrep_ie_main
from tests.test_readme import DOCS, ROOT, commands
from training.benchmarks import speed


@pytest.fixture
def texts(tiny_examples):
    return [example.document.text for example in tiny_examples]


def test_all_are_timed_in_turns_and_the_middle_round_counts():
    now = 0.0
    order = []

    def clock():
        return now

    def run_of(name, seconds):
        spent = iter(seconds)

        def run(texts):
            nonlocal now
            order.append((name, len(texts)))
            now += next(spent)

        return run

    runs = {"slow": run_of("slow", [100, 5, 9, 4]), "fast": run_of("fast", [100, 1, 3, 2])}
    assert speed.measure(runs, ["text"] * 6, 3, clock) == {"slow": 5, "fast": 2}
    assert order == [("slow", 4), ("fast", 4)] + [("slow", 6), ("fast", 6)] * 3


def test_stretches_hold_the_whole_text(tiny_extractor, texts):
    for text in texts:
        for limit in (4, 20, 500):
            cut = speed.pieces(tiny_extractor, text, limit)
            assert "".join("".join(cut).split()) == "".join(text.split())
            sizes = [len(tiny_extractor.text_encoder.encode(piece).pieces) for piece in cut]
            # A single word may be longer: the tiny tokenizer knows few.
            assert all(size <= limit or " " not in piece for size, piece in zip(sizes, cut, strict=True))
    assert (
        len(speed.pieces(tiny_extractor, texts[0], 4)) > len(speed.pieces(tiny_extractor, texts[0], 500)) == 1
    )


def test_the_plain_windows_have_no_more_tokens_than_those_with_context(tiny_extractor, texts):
    shapes = []
    forward = tiny_extractor.model.encoder.forward

    def watched(*arguments, **named):
        shapes.append(tuple(named["input_ids"].shape))
        return forward(*arguments, **named)

    tiny_extractor.model.encoder.forward = watched
    try:
        counts = {}
        for name, run in speed.encoder_runs(tiny_extractor, texts, "float32").items():
            del shapes[:]
            run(texts)
            counts[name] = sum(rows * length for rows, length in shapes)
    finally:
        del tiny_extractor.model.encoder.forward
    assert 0 < counts["texts, float32"] <= counts["encoder, float32"]


def test_stages_add_up_and_everything_is_put_back(tiny_extractor, texts):
    assemble = sitrep_ie.assemble.assemble
    expected = [report.to_dict() for report in tiny_extractor.extract_many(texts)]
    begin = time.process_time()
    found = speed.stages(tiny_extractor, texts * 20)
    assert sum(found.values()) <= time.process_time() - begin
    assert found["encoder"] > 0
    assert found["assembly and resolving"] > 0
    assert {"words and tokens", "link and attribute heads", "decoding", "rest"} <= found.keys()
    assert sitrep_ie.assemble.assemble is assemble
    assert "forward" not in vars(tiny_extractor.model.encoder)
    assert [report.to_dict() for report in tiny_extractor.extract_many(texts)] == expected


def test_made_up_documents_are_as_long_as_asked(texts):
    assert 1000 <= len(speed.pages(texts, 2).split()) < 1100
    documents = list(speed.archive([*texts, "word " * 30], 7))
    assert [document.id for document in documents] == [str(number) for number in range(7)]


def test_command(tiny_model_path, tmp_path, capsys, monkeypatch):
    (tmp_path / "dev.jsonl").write_text(json.dumps({"text": "Border guards sent a convoy to Karsk."}) + "\n")
    common = ["--model", str(tiny_model_path), "--folder", str(tmp_path), "--limit", "3", "--rounds", "1"]
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: None)
    assert speed.main([*common, "--precision", "float32", "--only", "encoder", "extract", "gliner"]) == 0
    told = capsys.readouterr()
    assert "gliner: not installed, left out" in told.err
    lines = told.out.splitlines()
    assert lines[0].startswith("3 texts, ")
    names = [line.split(",")[0] for line in lines if ", float32  " in line]
    assert names == ["encoder", "texts", "extract"]
    (row,) = [line for line in lines if line.startswith("extract, float32")]
    assert row.split()[4] == "1.00"
    shares = [float(line.split()[-1].rstrip("%")) for line in lines if line.endswith("%")]
    assert sum(shares) == pytest.approx(100, abs=1)

    assert speed.main([*common, "--curve", "pages", "--sizes", "1", "2"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["1", "2"]
    assert int(rows[1][1]) > 1.8 * int(rows[0][1])

    assert speed.main(["--model", str(tmp_path / "none"), "--rounds", "1"]) == 1
    assert "none" in capsys.readouterr().err


def test_the_pipeline_of_transformers_runs_on_our_encoder(tiny_extractor, texts):
    speed.pipeline_run(tiny_extractor, 2, "float32")([*texts, " ".join(texts * 20)])


@pytest.mark.parametrize("command", commands("python", DOCS["speed.md"]), ids=" ".join)
def test_commands_of_the_page_are_understood(command):
    assert command[:3] == ["python", "-m", "training.benchmarks.speed"]
    speed.make_parser().parse_args(command[3:])


def test_the_page_shows_how_reports_are_extracted_in_another_precision(tiny_model_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (command,) = [words for words in commands("sitrep-ie", DOCS["speed.md"]) if words[1] == "extract"]
    assert sitrep_ie_main([*command[1:], "--model", str(tiny_model_path)]) == 0
    assert capsys.readouterr().out

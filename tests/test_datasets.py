"""`ReportColumns`: in maps of `datasets`, over streams and in several processes, and by itself."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pickle
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_batch import Words, lines_of

from sitrep_ie import Extractor
from sitrep_ie.batch import Columns, ModelLoader, ReportColumns, run
from sitrep_ie.document import Report
from sitrep_ie.errors import ConfigError, FormatError, ResourceError

ROWS = [
    {"id": f"r{n}", "text": "a strike " * (n % 3), "published": "2031-05-04" if n else None, "other": n / 2}
    for n in range(10)
]
ROWS[4]["text"] = "poison"


@dataclasses.dataclass(frozen=True)
class WordLoader(ModelLoader):
    sha256: str = "one"

    def load(self):
        return Words()

    def digest(self):
        return self.sha256


def columns_of(rows: list[dict]) -> dict[str, list]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_columns():
    found = ReportColumns(WordLoader())(columns_of(ROWS))
    assert list(found) == ["report", "num_events", "error"]
    assert found["num_events"] == [0 if n == 4 else n % 3 for n in range(10)]
    assert (found["report"][4], found["error"][4]) == ("", "ValueError: cannot do this")
    assert [error for error in found["error"] if error] == [found["error"][4]]
    report = Report.from_dict(json.loads(found["report"][5]))
    assert (report.document.id, report.events[0].time.start) == ("r5", datetime.date(2031, 5, 4))


def test_reports_are_the_lines_of_a_run(tmp_path):
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    run([tmp_path / "in.jsonl"], tmp_path / "out.jsonl", Words())
    reports = ReportColumns(WordLoader())(columns_of(ROWS))["report"]
    assert list(map(json.loads, filter(None, reports))) == lines_of(str(tmp_path / "out.jsonl"))


def test_rows_without_an_id_get_one_of_their_text():
    texts = ["a strike", "calm", "a strike"]
    mapper = ReportColumns(WordLoader())
    ids = [json.loads(report)["id"] for report in mapper({"text": texts})["report"]]
    assert ids[0] == ids[2] != ids[1]
    assert ids[1:2] == [json.loads(report)["id"] for report in mapper({"text": ["calm"]})["report"]]


@pytest.mark.parametrize("kind", ["numpy", "pandas", "arrow"])
def test_columns_of_other_libraries(kind):
    import pyarrow

    day = datetime.datetime(2031, 5, 4, 13)
    plain = {"id": [7, 8], "text": ["a strike", "calm"], "published": [day, day]}
    batch = {
        "numpy": {name: np.array(values) for name, values in plain.items()},
        "pandas": pd.DataFrame(plain),
        "arrow": pyarrow.table(plain),
    }[kind]
    (one, other) = map(json.loads, ReportColumns(WordLoader())(batch)["report"])
    assert (one["id"], one["events"][0]["time"]["start"], other["id"]) == ("7", "2031-05-04", "8")


def test_wrong_columns_and_numbers():
    with pytest.raises(FormatError, match=r"no column 'body', the dataset has 'text'"):
        ReportColumns(WordLoader(), columns=Columns("body"))({"text": ["a"]})
    found = ReportColumns(WordLoader())({"text": [None, "a", 3], "published": ["x", None, None]})
    assert [bool(error) for error in found["error"]] == [True, False, True]
    with pytest.raises(ConfigError, match="batch_size 0"):
        ReportColumns(WordLoader(), batch_size=0)
    with pytest.raises(ConfigError, match="min_score"):
        ReportColumns(WordLoader(), min_score=2)


def test_what_is_wrong_for_every_document_is_raised():
    class Broken(Words):
        def extract_many(self, documents, batch_size=16, *, min_score=0.0):
            raise ResourceError("gazetteer.bin is missing")

    mapper = ReportColumns(WordLoader())
    mapper._extractor = Broken()
    with pytest.raises(ResourceError, match="gazetteer"):
        mapper({"text": ["a"]})


def test_the_model_is_not_pickled():
    mapper = ReportColumns(WordLoader())
    before = pickle.dumps(mapper)
    mapper({"text": ["a"]})
    assert pickle.dumps(mapper) == before
    assert pickle.loads(before)({"text": ["a strike"]})["num_events"] == [1]


def test_a_model_that_changes_is_refused(tmp_path):
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    mapper = ReportColumns(ModelLoader(str(tmp_path)))
    (tmp_path / "config.toml").write_text("other", encoding="utf-8")
    with pytest.raises(ConfigError, match="its files are not those that ReportColumns was made with"):
        mapper({"text": ["a"]})
    with pytest.raises(ResourceError, match="none: cannot be read"):
        ReportColumns(ModelLoader(str(tmp_path / "none")))


# ---- in the library itself ----


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    return datasets


def test_map(datasets):
    made = datasets.Dataset.from_list(ROWS)
    found = made.map(ReportColumns(WordLoader()), batched=True, batch_size=3)
    assert found.column_names == ["id", "text", "published", "other", "report", "num_events", "error"]
    assert found["num_events"][:] == [0 if n == 4 else n % 3 for n in range(10)]
    assert json.loads(found[5]["report"])["id"] == "r5"


def test_a_stream(datasets):
    made = datasets.Dataset.from_list(ROWS).to_iterable_dataset(num_shards=2)
    found = list(made.map(ReportColumns(WordLoader()), batched=True, batch_size=3))
    assert [row["num_events"] for row in found] == [0 if n == 4 else n % 3 for n in range(10)]


def test_the_fingerprint_is_of_settings_and_model(datasets):
    from datasets.fingerprint import Hasher

    mapper = ReportColumns(WordLoader())
    before = Hasher.hash(mapper)
    mapper({"text": ["a"]})
    assert Hasher.hash(mapper) == before == Hasher.hash(ReportColumns(WordLoader()))
    assert Hasher.hash(ReportColumns(WordLoader(sha256="two"))) != before
    assert Hasher.hash(ReportColumns(WordLoader(), min_score=0.5)) != before


def test_a_map_with_a_model_from_a_file(datasets, tmp_path, tiny_model_path):
    """The rows of a file get what `extract_many` gives; the second time they come from the cache."""
    texts = ["The army shelled Karsk on 3 May, killing two.", "A convoy of 60 trucks entered Idar."]
    rows = [{"id": str(n), "text": texts[n % 2]} for n in range(4)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    made = datasets.load_dataset(
        "json", data_files=str(tmp_path / "in.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    mapper = ReportColumns(ModelLoader(str(tiny_model_path), "cpu"))
    found = made.map(mapper, batched=True, batch_size=2)
    reports = [Report.from_dict(json.loads(text)) for text in found["report"][:]]
    direct = Extractor.load(tiny_model_path, "cpu").extract_many([r.document for r in reports])
    assert [report.to_dict() for report in direct] == [report.to_dict() for report in reports]
    again = made.map(ReportColumns(ModelLoader(str(tiny_model_path), "cpu")), batched=True, batch_size=2)
    assert again.cache_files == found.cache_files


def test_the_example(datasets, tmp_path, tiny_model_path, capsys):
    import pyarrow.parquet

    texts = ["A convoy of 60 trucks entered Idar.", "The army shelled Karsk on 3 May, killing two."]
    rows = [{"id": f"r{n}", "text": text, "published": "2031-05-04"} for n, text in enumerate(texts)]
    rows.append({"id": "r2", "text": "A text.", "published": "soon"})
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    example = runpy.run_path(str(Path(__file__).parent.parent / "examples" / "datasets_map.py"))
    target = tmp_path / "out.parquet"
    assert example["main"](str(tmp_path / "in.jsonl"), str(target), str(tiny_model_path)) == 1
    found = pyarrow.parquet.read_table(target).to_pylist()
    assert [row["id"] for row in found] == ["r0", "r1", "r2"]
    assert found[2]["error"].startswith("'published' is 'soon'")
    assert capsys.readouterr().out.splitlines()[0].startswith("r0 [")

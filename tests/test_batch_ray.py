"""The Ray engine and Ray Data: the bytes of a local run, in order; dying workers; errors of workers.

One cluster of this machine with two workers, for all tests: its start takes most of the time.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import pytest
from test_batch import Words, lines_of, make_archive, report_of

from sitrep_ie import cli
from sitrep_ie.batch import Columns, ModelLoader, RayEngine, map_dataset, ray_engine, run, runner
from sitrep_ie.errors import ConfigError, DependencyError, ModelError, ResourceError

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]
ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class WordLoader(ModelLoader):
    """Loads `Deadly` in the place of a model."""

    tombs: str = ""
    sha256: str = "same"

    def load(self):
        if self.model == "missing":
            raise ModelError("missing: no model folder")
        if self.model == "dead":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.sha256 == "other":
            (Path(self.tombs) / f"loaded{os.getpid()}").touch()
        return Deadly(Path(self.tombs), num_loaded=2 if self.sha256 == "other" else 0)

    def digest(self):
        return str(os.getpid()) if self.sha256 == "other" else self.sha256


class Deadly(Words):
    """A text with "kill N" kills its process the first N times that it is seen."""

    def __init__(self, tombs: Path, num_loaded: int) -> None:
        super().__init__()
        self.tombs = tombs
        self.num_loaded = num_loaded

    def extract_many(self, documents, batch_size=16, *, min_score=0.0):
        while len(list(self.tombs.glob("loaded*"))) < self.num_loaded:
            time.sleep(0.1)
        for document in documents:
            if "broken" in document.text:
                raise ResourceError("gazetteer.bin is missing")
            if document.text == "mark":
                (self.tombs / "mark").touch()
            while document.text == "wait" and not (self.tombs / "mark").exists():
                time.sleep(0.05)
            if document.text.startswith("kill"):
                tomb = self.tombs / document.id
                num_deaths = len(tomb.read_bytes()) if tomb.exists() else 0
                if num_deaths < int(document.text.split()[1]):
                    tomb.write_bytes(b"x" * (num_deaths + 1))
                    os.kill(os.getpid(), signal.SIGKILL)
            if "poison" in document.text:
                raise ValueError("cannot\ndo this")
            yield report_of(document)


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Ray's workers are nicer than all else on the machine, which a busy one never gets to.
        os.environ["RAY_worker_niceness"] = "0"
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": path}},
        )
        yield ray
        ray.shutdown()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_CHUNK_DOCUMENTS", 6)
    make_archive(tmp_path / "in")
    return "in"


def engine(tmp_path, model=None, **options) -> RayEngine:
    return RayEngine(WordLoader(model, tombs=str(tmp_path), **options), num_workers=2)


def write_texts(texts: list[str]) -> None:
    rows = [json.dumps({"id": f"r{n}", "text": text}) for n, text in enumerate(texts)]
    Path("texts.jsonl").write_text("\n".join(rows), encoding="utf-8")


def same_bytes(one: str, other: str) -> None:
    for end in ("", ".errors.jsonl"):
        assert Path(one + end).read_bytes() == Path(other + end).read_bytes()


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_same_bytes_as_a_local_run(cluster, archive, tmp_path, form):
    local = run([archive], f"local.{form}", Words())
    found = run([archive], f"ray.{form}", engine(tmp_path))
    same_bytes(f"ray.{form}", f"local.{form}")
    assert dataclasses.replace(found, seconds=0, errors_path=None) == dataclasses.replace(
        local, seconds=0, errors_path=None
    )


def test_a_stopped_run_goes_on_with_the_other_engine(cluster, archive, tmp_path, monkeypatch):
    run([archive], "local.jsonl", Words())
    syncs = 0
    sync = runner.AppendFile.sync

    def interrupted(self):
        nonlocal syncs
        syncs += 1
        if syncs == 8:  # in the third chunk
            raise KeyboardInterrupt
        sync(self)

    monkeypatch.setattr(runner.AppendFile, "sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([archive], "ray.jsonl", engine(tmp_path))
    assert run([archive], "ray.jsonl", engine(tmp_path)).num_resumed == 12
    same_bytes("ray.jsonl", "local.jsonl")


def test_chunks_that_are_done_out_of_order_are_written_in_order(cluster, archive, tmp_path):
    texts = ["a strike"] * 18
    texts[0], texts[12] = "wait", "mark"  # the first chunk ends after the third
    write_texts(texts)
    run(["texts.jsonl"], "ray.jsonl", engine(tmp_path))
    assert [line["id"] for line in lines_of("ray.jsonl")] == [f"r{n}" for n in range(18)]


def test_a_worker_that_dies_is_replaced(cluster, archive, tmp_path):
    texts = [f"a strike {n}" for n in range(30)]
    texts[8] = "kill 1 strike"
    write_texts(texts)
    found = run(["texts.jsonl"], "ray.jsonl", engine(tmp_path))
    assert (tmp_path / "r8").read_bytes() == b"x"
    assert (found.num_documents, found.num_failed) == (30, 0)
    assert [line["id"] for line in lines_of("ray.jsonl")] == [f"r{n}" for n in range(30)]


def test_a_document_that_kills_its_workers_is_a_failure(cluster, archive, tmp_path):
    texts = [f"a strike {n}" for n in range(20)]
    texts[8] = "kill 9 strike"
    write_texts(texts)
    found = run(["texts.jsonl"], "ray.jsonl", engine(tmp_path))
    assert (found.num_documents, found.num_failed) == (19, 1)
    assert [line["id"] for line in lines_of("ray.jsonl")] == [f"r{n}" for n in range(20) if n != 8]
    (failure,) = lines_of("ray.jsonl.errors.jsonl")
    assert (failure["id"], failure["position"]) == ("r8", "line 9")
    assert failure["reason"].startswith("its worker died, as two others had: ")


def test_workers_that_always_die_end_the_run(cluster, archive, tmp_path):
    write_texts(["kill 9"] * 4)
    with pytest.raises(ResourceError, match="the workers die on every document: "):
        run(["texts.jsonl"], "ray.jsonl", engine(tmp_path))
    with pytest.raises(ResourceError, match="the workers die while they load the model: "):
        run(["texts.jsonl"], "other.jsonl", engine(tmp_path, "dead"))


def test_errors_of_workers(cluster, archive, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="^missing: no model folder$"):
        run([archive], "ray.jsonl", engine(tmp_path, "missing"))
    write_texts(["broken"])
    with pytest.raises(ResourceError, match="^gazetteer.bin is missing$"):
        run(["texts.jsonl"], "ray.jsonl", engine(tmp_path))
    with pytest.raises(ConfigError, match="two workers have different models"):
        run([archive], "other.jsonl", engine(tmp_path, sha256="other"))
    monkeypatch.setattr(ray_engine, "__version__", "0.0.1")
    with pytest.raises(ConfigError, match=r"a worker has sitrep_ie .*, expected 0\.0\.1 as here"):
        run([archive], "another.jsonl", engine(tmp_path))


def test_the_command_with_a_model(cluster, archive, tmp_path, tiny_model_path, capsys):
    """The tiny model, which a worker loads from its folder, against the local engine."""
    options = [archive, "--model", str(tiny_model_path), "--device", "cpu", "--quiet"]
    assert cli.main(["batch", *options, "--out", "local.jsonl"]) == 1
    assert cli.main(["batch", *options, "--out", "ray.jsonl", "--engine", "ray", "--workers", "1"]) == 1
    assert "41 documents, " in capsys.readouterr().err
    same_bytes("ray.jsonl", "local.jsonl")


def test_map_dataset(cluster, tmp_path):
    import ray.data

    rows = [{"nr": n, "body": "a strike" * (n % 3), "other": n / 2} for n in range(20)]
    rows[7]["body"] = "poison"
    dataset = map_dataset(
        ray.data.from_items(rows),
        loader=WordLoader(tombs=str(tmp_path)),
        columns=Columns("body", "nr"),
        num_workers=2,
        rows_per_call=4,
    )
    found = sorted(dataset.take_all(), key=lambda row: row["nr"])
    assert [(row["nr"], row["other"]) for row in found] == [(n, n / 2) for n in range(20)]
    assert [row["num_events"] for row in found if row["nr"] != 7] == [n % 3 for n in range(20) if n != 7]
    assert (found[7]["report"], found[7]["error"]) == ("", "ValueError: cannot do this")
    assert json.loads(found[5]["report"])["id"] == "5"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_workers": 0}, "num_workers 0: expected at least 1"),
        ({"num_gpus": 1.5}, "num_gpus 1.5: expected a whole number, or one between 0 and 1"),
        ({"num_cpus": -1}, "num_cpus -1"),
    ],
)
def test_wrong_numbers(options, words):
    with pytest.raises(ConfigError, match=words):
        RayEngine(**options)


def test_a_missing_library_names_the_extra(archive, monkeypatch, tmp_path):
    for name in ("ray", "ray.data"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DependencyError, match=r"sitrep_ie\[ray\]"):
        run([archive], "ray.jsonl", engine(tmp_path))
    with pytest.raises(DependencyError, match=r"sitrep_ie\[ray\]"):
        map_dataset(None)

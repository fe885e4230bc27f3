"""Models by name, against a hub on this machine: pushed, loaded again, and every way to fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hub_stub
import pytest
import yaml

from sitrep_ie.errors import ModelError
from sitrep_ie.extractor import Extractor
from sitrep_ie.hub import find_model, model_files, with_front_matter, without_front_matter

ROOT = Path(__file__).resolve().parent.parent
SCORES = {
    "dev": {
        "seen": {
            "scores": {
                "mentions": {"f1": 0.51239},
                "trig_c": {"f1": 0.25},
                "arg_c": {"f1": 0.0},
                "relations": {"f1": 1.0},
            }
        }
    }
}


@pytest.fixture
def hub() -> Iterator[hub_stub.Stub]:
    with hub_stub.running() as stub:
        yield stub


@pytest.fixture
def run(hub: hub_stub.Stub, tmp_path: Path) -> Any:
    """Runs Python with this hub as the hub, and returns what it prints as JSON."""

    def run_python(code: str, *arguments: object, **environment: str) -> Any:
        # The client reads its settings when it is imported; and tests are offline.
        settings = {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HOME": str(tmp_path / "cache"),
            "HF_TOKEN": "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **settings, **environment},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_python


FIND = """if True:
    import json, sys
    from sitrep_ie.errors import ModelError
    from sitrep_ie.hub import find_model
    names, revision, token = json.loads(sys.argv[1]), *json.loads(sys.argv[2])
    found = []
    for name in names:
        try:
            folder = find_model(name, revision=revision, token=token)
            found.append(sorted(path.name for path in folder.iterdir()))
        except ModelError as error:
            found.append(f"error: {error}")
    print(json.dumps(found))
"""


def find(run: Any, *names: str, revision: str | None = None, token: str | None = None, **more: str) -> Any:
    return run(FIND, json.dumps(names), json.dumps([revision, token]), **more)


# ---- pushing and loading ----


def test_a_model_is_pushed_and_loaded_again(
    run: Any, hub: hub_stub.Stub, tiny_model_path: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model_path, model)
    (model / "run.py").write_text("print('no')")
    (model / "old.bin").write_bytes(b"pickled")
    (model / "sub").mkdir()
    (model / "sub" / "notes.md").write_text("x")
    code = """if True:
        import json, sys
        from sitrep_ie.extractor import Extractor
        text = "May 3: no vehicles entered Karsk."
        extractor = Extractor.load(sys.argv[1], device="cpu")
        token = "hf_made_up"
        address = extractor.push_to_hub("someone/tiny", token=token, licence="apache-2.0")
        extractor.push_to_hub("someone/tiny", token=token, revision="next")
        loaded = Extractor.load("someone/tiny", device="cpu", token=token)
        other = Extractor.load("someone/tiny", device="cpu", revision="next", token=token)
        reports = [found.extract(text).to_dict() for found in (extractor, loaded, other)]
        print(json.dumps([address, reports, str(loaded._folder)]))
    """
    address, reports, folder = run(code, model)
    repository = hub.repositories["someone/tiny"]
    assert address == f"{hub.endpoint}/someone/tiny/commit/{repository.refs['main']}"
    assert reports[0]["events"]
    assert reports[1] == reports[0]
    assert reports[2] == reports[0]
    assert Path(folder).is_relative_to(tmp_path / "cache")
    assert repository.private
    files = repository.commits[repository.refs["main"]]
    kinds = (".safetensors", ".json", ".toml", ".md")
    mine = {path.name for path in tiny_model_path.iterdir() if path.suffix in kinds}
    assert "log.jsonl" not in mine
    assert set(files) == {".gitattributes"} | mine
    for name, raw in files.items():
        if name not in ("README.md", ".gitattributes"):
            assert raw == (model / name).read_bytes()
    card = files["README.md"].decode()
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "apache-2.0"
    assert without_front_matter(card) == without_front_matter((model / "README.md").read_text())
    # The second push is to a branch, and has the licence that the card tells.
    assert repository.refs["next"] != repository.refs["main"]


def test_what_an_earlier_model_left_is_removed(run: Any, hub: hub_stub.Stub, tmp_path: Path) -> None:
    hub.add(
        "someone/m", {"calibration.json": b"{}", "scores.json": b"{}", "figure.png": b"x", "notes.md": b""}
    )
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.safetensors").write_bytes(b"w")
    code = """if True:
        import json, sys, pathlib
        from sitrep_ie.hub import push_model
        print(json.dumps(push_model(pathlib.Path(sys.argv[1]), "someone/m", token="hf_made_up")))
    """
    run(code, model)
    repository = hub.repositories["someone/m"]
    files = repository.commits[repository.refs["main"]]
    assert set(files) == {"weights.safetensors", "README.md", "figure.png", "notes.md"}
    assert not repository.private


def test_pushing_without_leave_fails_in_words(run: Any, hub: hub_stub.Stub, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"w")
    code = """if True:
        import json, sys, pathlib
        from sitrep_ie.errors import ModelError
        from sitrep_ie.hub import push_model
        told = []
        for name, token in (("someone/m", "wrong"), ("someone/m", None), ("m", None), ("a/b/c", None)):
            try:
                told.append(push_model(pathlib.Path(sys.argv[1]), name, token=token))
            except ModelError as error:
                told.append(str(error))
        print(json.dumps(told))
    """
    wrong, without, short, long = run(code, tmp_path)
    assert wrong.startswith("someone/m: cannot be written:")
    assert without.startswith("someone/m: cannot be written:")
    assert short == "m: no name on the hub, expected 'user/model'"
    assert long == "a/b/c: no name on the hub, expected 'user/model'"
    assert hub.repositories == {}


# ---- finding ----


def test_only_data_comes_from_the_hub(run: Any, hub: hub_stub.Stub) -> None:
    hub.add(
        "someone/m",
        {
            "config.toml": b"a = 1",
            "weights.safetensors": b"w",
            "README.md": b"#",
            "ontology.json": b"{}",
            "pytorch_model.bin": b"pickled",
            "modeling.py": b"import os",
            "setup.cfg": b"",
        },
    )
    (found,) = find(run, "someone/m")
    assert found == ["README.md", "config.toml", "ontology.json", "weights.safetensors"]
    assert not any("modeling.py" in request or ".bin" in request for request in hub.requests)


def test_revisions(run: Any, hub: hub_stub.Stub) -> None:
    first = hub.add("someone/m", {"a.json": b"1"})
    hub.repositories["someone/m"].commit("main", {"b.json": b"2"})
    hub.repositories["someone/m"].refs["v1"] = first
    assert find(run, "someone/m") == [["b.json"]]
    assert find(run, "someone/m", revision="v1") == [["a.json"]]
    assert find(run, "someone/m", revision=first) == [["a.json"]]
    (error,) = find(run, "someone/m", revision="v9")
    assert error == (
        "error: someone/m: no model folder someone/m here, and the hub's repository has no revision 'v9'"
    )


def test_what_was_downloaded_works_offline(run: Any, hub: hub_stub.Stub, tmp_path: Path) -> None:
    hub.add("someone/m", {"a.json": b"1"})
    assert find(run, "someone/m") == [["a.json"]]
    offline = {"HF_HUB_OFFLINE": "1"}
    known, unknown = find(run, "someone/m", "someone/else", **offline)
    assert known == ["a.json"]
    assert unknown == (
        "error: someone/else: no model folder someone/else here, and the hub cannot be reached (or "
        "HF_HUB_OFFLINE is set); nothing was downloaded before"
    )
    # A hub that does not answer is the same.
    dead = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    known, unknown = find(run, "someone/m", "someone/else", **dead)
    assert known == ["a.json"]
    assert unknown.startswith("error: someone/else: no model folder someone/else here, and the hub")


def test_what_cannot_be_seen_is_told(run: Any, hub: hub_stub.Stub) -> None:
    hub.add("someone/private", {"a.json": b"1"}, private=True)
    hub.add("someone/gated", {"a.json": b"1"})
    hub.gated.add("someone/gated")
    none, private, gated = find(run, "someone/none", "someone/private", "someone/gated")
    assert none == (
        "error: someone/none: no model folder someone/none here, and the hub has no such repository, or it "
        "is private and the token does not open it"
    )
    assert private == none.replace("none", "private", 1).replace(
        "folder someone/none", "folder someone/private"
    )
    assert "gated: ask for access" in gated
    assert find(run, "someone/private", token="hf_made_up") == [["a.json"]]


def test_a_local_folder_wins(run: Any, hub: hub_stub.Stub, tmp_path: Path) -> None:
    hub.add("someone/m", {"hub.json": b"1"})
    local = tmp_path / "someone" / "m"
    local.mkdir(parents=True)
    (local / "local.json").touch()
    assert find(run, "someone/m") == [["local.json"]]
    assert hub.requests == []
    (error,) = find(run, "someone/m", revision="v1")
    assert error == "error: someone/m: a local folder, which has no revision 'v1'"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere", "nowhere: no model folder"),
        ("a/b/c", "a/b/c: no model folder"),
        ("/none/model", "/none/model: no model folder"),
        ("../model", r"\.\./model: no model folder"),
        (Path("someone") / "m", "someone.m: no model folder"),
        ("package:not_installed_here", "package:not_installed_here: no such package is installed"),
        ("package:os.path", "no such package is installed"),
        ("package:../x", "no such package is installed"),
        ("package:json", "holds no model"),
    ],
)
def test_what_is_no_model(spec: Path | str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_model(spec)
    with pytest.raises(ModelError, match=message):
        Extractor.load(spec, device="cpu")


def test_packages_have_no_revision() -> None:
    with pytest.raises(ModelError, match="an installed package, which has no revision 'v1'"):
        find_model("package:json", revision="v1")


# ---- cards ----


def test_front_matter_of_a_card() -> None:
    card = with_front_matter("# Mine\n\nText --- with dashes.\n", "mine", SCORES, language="fr")
    head = yaml.safe_load(card.split("---\n")[1])
    assert (head["license"], head["language"], head["library_name"]) == ("other", ["fr"], "sitrep_ie")
    assert "event-extraction" in head["tags"]
    ((result,),) = [model["results"] for model in head["model-index"]]
    assert result["dataset"]["type"] == "seen"
    assert {m["name"]: m["value"] for m in result["metrics"]}["Mention F1"] == 0.5124
    assert without_front_matter(card) == "# Mine\n\nText --- with dashes.\n"


def test_front_matter_that_is_there_is_kept() -> None:
    card = "---\nlicense: mit\ntags: [mine]\n---\n# Mine\n"
    head = yaml.safe_load(with_front_matter(card, "mine", {}).split("---\n")[1])
    assert (head["license"], head["tags"], head["language"]) == ("mit", ["mine"], ["en"])
    head = yaml.safe_load(with_front_matter(card, "mine", SCORES, licence="cc-by-4.0").split("---\n")[1])
    assert head["license"] == "cc-by-4.0"
    assert "model-index" in head
    again = with_front_matter(with_front_matter(card, "mine", SCORES), "mine", SCORES)
    assert again == with_front_matter(card, "mine", SCORES)


def test_files_that_may_be_shared(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.json", "c.toml", "d.md", "e.py", "f.bin", ".g.json", "h.json.gz"):
        (tmp_path / name).touch()
    (tmp_path / "i.json").mkdir()
    assert [path.name for path in model_files(tmp_path)] == ["a.safetensors", "b.json", "c.toml", "d.md"]

"""Files from strangers run nothing and take no more memory than they may; wrong ones are refused."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import pickle
import shutil
import sqlite3
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import sitrep_ie
from sitrep_ie import manifest
from sitrep_ie.batch.readers import Columns, Failure, read_file
from sitrep_ie.cli import main
from sitrep_ie.config import ModelConfig
from sitrep_ie.doctor import examine
from sitrep_ie.errors import ConfigError, FormatError, ModelError, OntologyError, ResourceError, SitrepError
from sitrep_ie.extractor import Extractor, default_model_folder
from sitrep_ie.formats import _files, read_examples
from sitrep_ie.model import encoder_from_config
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.gazetteer import Gazetteer
from sitrep_ie.resolve.geonames import read_geonames
from sitrep_ie.view import archive, read_reports

if TYPE_CHECKING:
    from sitrep_ie.document import Example

PACKAGE = Path(sitrep_ie.__file__).parent
# Modules that run what a file says, or start programs.
RUNNING = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "yaml",
    "runpy",
    "code",
    "subprocess",
}
RUNNING_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
RUNNING_METHODS = {("torch", "load"), ("np", "load"), ("numpy", "load"), ("os", "system"), ("os", "popen")}


# ---- nothing is run ----


def running(source: str) -> list[str]:
    """What in a source runs what a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in RUNNING]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in RUNNING:
            found.append(str(node.module))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNNING_CALLS:
            found.append(node.func.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in RUNNING_METHODS:
                found.append(f"{node.value.id}.{node.attr}")
    return found


def test_sources_run_nothing_that_a_file_says() -> None:
    found = {
        str(path.relative_to(PACKAGE)): calls
        for path in sorted(PACKAGE.rglob("*.py"))
        if (calls := running(path.read_text(encoding="utf-8")))
    }
    # `sitrep-ie package` starts pip's builder on a folder that it has written itself.
    found.pop("package.py", None)
    assert found == {}


def test_what_runs_is_found() -> None:
    assert set(running("import pickle\nfrom yaml import load\ntorch.load(p)\nx = eval('1')")) == {
        "pickle",
        "yaml",
        "eval",
        "torch.load",
    }
    assert running("model.eval()\nre.compile('a')\njson.load(f)") == []


def test_a_model_is_loaded_and_used_without_pickle(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something unpickles")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(AssertionError):
        pickle.loads(b"")
    report = Extractor.load(tiny_model_path, device="cpu").extract(
        "May 2: Border guards sent a convoy to Karsk."
    )
    assert report.events


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_map", {"AutoModel": "evil--model.Evil"}),
        ("attn_implementation", "someone/kernel"),
        ("_attn_implementation", {"": "someone/kernel"}),
        ("experts_implementation", "someone/kernel"),
    ],
)
def test_an_encoder_that_names_foreign_code(copied: Path, key: str, value: Any) -> None:
    edit_json(copied / "encoder.json", **{key: value})
    with pytest.raises(ModelError, match=rf"encoder\.json: {key}: names code of others"):
        Extractor.load(copied, device="cpu")


# ---- sizes ----


@pytest.fixture
def copied(tiny_model_path: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model_path, tmp_path / "copy")


def edit_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def peak_mib(folder: Path, error: type[SitrepError], match: str) -> float:
    """Python's own peak of memory while a folder is refused (tensors of the network are checked apart)."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=match):
            Extractor.load(folder, device="cpu")
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"hidden_size": 10**9}, r"hidden_size is 1000000000, expected at most"),
        ({"vocab_size": 10**12}, r"vocab_size is 1000000000000, expected at most"),
        ({"num_hidden_layers": 10**6}, r"num_hidden_layers is 1000000, expected at most 1000"),
        ({"num_labels": 10**8}, r"num_labels is 100000000, expected at most"),
        ({"vocab_size": 9_000_000}, r"describe a network of \d+ weights, weights\.safetensors holds \d+"),
        ({"max_position_embeddings": 9_000_000}, r"describe a network of \d+ weights"),
        ({"intermediate_size": 9_000_000}, r"describe a network of \d+ weights"),
        ({"hidden_size": 9_999_984, "intermediate_size": 9_999_999}, r"describe a network of \d+ weights"),
    ],
)
def test_an_encoder_too_large_is_refused_before_it_is_made(
    copied: Path, values: dict[str, int], match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the weights are read")

    monkeypatch.setattr("sitrep_ie.model.load_weights", never)
    edit_json(copied / "encoder.json", **values)
    assert peak_mib(copied, ModelError, match) < 100


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("max_tokens = 64", "max_tokens = 1000000000", r"encode\.max_tokens 1000000000: expected at most"),
        ("tag_hidden = 32", "tag_hidden = 1000000000", r"model\.tag_hidden 1000000000: expected 8 to"),
        ("span_layers = 1", "span_layers = 1000000", r"model\.span_layers 1000000: expected 0 to"),
    ],
)
def test_a_configuration_too_large(copied: Path, old: str, new: str, match: str) -> None:
    path = copied / "config.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert peak_mib(copied, ConfigError, match) < 50


def test_an_ontology_too_large() -> None:
    raw = {
        "name": "huge",
        "version": "1",
        "mentions": {f"M{number}": "" for number in range(3_000)},
        "events": {},
        "relations": {f"R{n}": {"kind": "mention", "head": ["M0"], "tail": ["M1"]} for n in range(3)},
    }
    with pytest.raises(OntologyError, match="3000 types and 3 relations"):
        Ontology.from_dict(raw, "huge")


@pytest.mark.parametrize("name", ["config.toml", "encoder.json", "calibration.json", "ontology.json"])
def test_a_file_of_a_folder_too_large(copied: Path, name: str) -> None:
    with (copied / name).open("wb") as file:
        file.truncate(17 * 2**20)
    assert peak_mib(copied, ModelError, rf"{name}: 17825792 bytes, expected at most") < 10


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}},
        {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [2**63, 2**63 + 4]}},
    ],
)
def test_weights_whose_head_lies(copied: Path, header: dict[str, Any]) -> None:
    raw = json.dumps(header).encode()
    (copied / "weights.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * 4)
    assert peak_mib(copied, ModelError, r"weights\.safetensors: not a safetensors file") < 100


def test_weights_whose_head_has_no_end(copied: Path) -> None:
    (copied / "weights.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{")
    assert peak_mib(copied, ModelError, r"weights\.safetensors: not a safetensors file") < 100


# ---- bombs and paths ----


def test_gzip_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ontology: Ontology) -> None:
    bomb = gzip.compress(b" " * 9 * 2**20)
    for suffix in (".txt.gz", ".jsonl.gz", ".csv.gz", ".html.gz"):
        path = tmp_path / f"bomb{suffix}"
        path.write_bytes(bomb)
        (found,) = read_file(str(path), Columns(), 1)
        assert isinstance(found, Failure)
        assert "larger than 1 MiB when unpacked" in found.reason
    monkeypatch.setattr(_files, "_MIN_UNPACKED_BYTES", 2**20)
    with pytest.raises(FormatError, match=r"bomb\.jsonl\.gz: unpacks to over \d+ MiB"):
        read_examples(tmp_path / "bomb.jsonl.gz", ontology)
    monkeypatch.setattr(archive, "_MAX_LINE_BYTES", 2**20)
    with pytest.raises(FormatError, match=r"bomb\.jsonl\.gz: holds a line of over 1 MiB"):
        list(read_reports(tmp_path / "bomb.jsonl.gz"))
    monkeypatch.setattr(archive, "_MAX_JSON_BYTES", 2**19)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b" \n" * 2**19))
    with pytest.raises(FormatError, match=r"bomb\.json\.gz: over 0 MiB of JSON"):
        list(read_reports(tmp_path / "bomb.json.gz"))


def test_a_word_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "<Types/>")
        bomb.writestr("word/document.xml", b" " * 9 * 2**20)
    (found,) = read_file(str(path), Columns(), 1)
    assert isinstance(found, Failure)
    assert "larger than 1 MiB when unpacked" in found.reason


ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))


def test_a_word_file_of_nested_entities(tmp_path: Path) -> None:
    path = tmp_path / "laughs.docx"
    import docx

    docx.Document().save(str(path))
    with zipfile.ZipFile(path) as good:
        members = {name: good.read(name) for name in good.namelist()}
    xml = members["word/document.xml"].decode()
    head, _, rest = xml.partition("?>")
    rest = rest.replace("</w:body>", "<w:p><w:r><w:t>&e11;</w:t></w:r></w:p></w:body>")
    xml = f'{head}?><!DOCTYPE d [<!ENTITY e0 "ha">{ENTITIES}]>{rest}'
    members["word/document.xml"] = xml.encode()
    with zipfile.ZipFile(path, "w") as bad:
        for name, raw in members.items():
            bad.writestr(name, raw)
    (found,) = read_file(str(path), Columns(), 1)
    text = "" if isinstance(found, Failure) else found.document.text
    assert len(text) < 1000


@pytest.mark.parametrize("name", ["../XX.txt", "/etc/XX.txt", "a/../../XX.txt", "..\\XX.txt"])
def test_a_dump_that_leaves_its_folder(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "XX.zip", "w") as dump:
        dump.writestr(name, "1\tKarsk\n")
    with pytest.raises(ResourceError, match=r"XX\.zip: holds .*, expected one \.txt file"):
        list(read_geonames(tmp_path / "XX.zip"))
    assert [path.name for path in tmp_path.iterdir()] == ["XX.zip"]


def test_a_dump_that_is_a_bomb(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "XX.zip", "w", zipfile.ZIP_DEFLATED) as dump:
        dump.writestr("XX.txt", b"\n" * 9 * 2**20)
    with pytest.raises(ResourceError, match=r"XX\.txt: 9437184 bytes out of \d+, expected at most"):
        list(read_geonames(tmp_path / "XX.zip"))


def test_a_gazetteer_with_a_view(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        PRAGMA application_id = 0x73726570; PRAGMA user_version = 1;
        CREATE VIEW name AS WITH RECURSIVE n(skeleton, key, place, alias) AS
          (SELECT 'krsk', 'karsk', 1, 0 UNION ALL SELECT skeleton, key, place + 1, 0 FROM n) SELECT * FROM n;
        """
    )
    connection.close()
    with pytest.raises(ResourceError, match=r"places\.sqlite: not a gazetteer file: 'name' is no table"):
        Gazetteer.open(path)


def test_a_list_of_places_with_an_endless_cell(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(f"name,latitude,longitude\n{'a' * 200_000},1,2\n", encoding="utf-8")
    before = csv.field_size_limit(131_072)  # Python's own; reading tables in this process may have raised it
    try:
        with pytest.raises(ResourceError, match=r"places\.csv:\d+: not valid CSV: field larger than"):
            Gazetteer.open(extra=path)
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("body", ["[" * 100_000, "1" * 5_000, '{"a":' * 100_000])
@pytest.mark.parametrize("name", ["ontology.json", "encoder.json", "calibration.json", "manifest.json"])
def test_json_too_deep_and_numbers_too_long(copied: Path, name: str, body: str) -> None:
    (copied / name).write_text(body, encoding="utf-8")
    with pytest.raises(SitrepError, match=name):
        Extractor.load(copied, device="cpu")


@pytest.mark.parametrize("body", ["a = " + "[" * 100_000, "a = " + "1" * 5_000])
def test_toml_too_deep_and_numbers_too_long(copied: Path, body: str) -> None:
    (copied / "config.toml").write_text(body, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.toml: "):
        Extractor.load(copied, device="cpu")


# ---- what comes out ----

HOSTILE = (
    "=cmd|' /C calc'!A0 guards sent trucks to Karsk.\n\n<script>alert(1)</script> gunmen arrived at Karsk "
    "</textarea><img src=x onerror=alert(1)> on Friday."
    "\n\n@SUM(1+1) {{7*7}} ${7*7} guards entered Karsk \x00 \x1b[31m.\n"
)


def test_outputs_of_a_hostile_text_do_no_harm(tiny_model_path: Path) -> None:
    from sitrep_ie.export import write_csv

    extractor = Extractor.load(tiny_model_path, device="cpu")
    report = extractor.extract(HOSTILE)
    assert report.events
    page = report.to_html()
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert "49" not in page.split("@SUM(1+1)")[1][:30]
    out = io.StringIO()
    write_csv([report], out)
    for row in csv.reader(io.StringIO(out.getvalue())):
        for cell in row:
            is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
            assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


# ---- wrong models ----


def test_a_new_model_has_a_manifest_of_all_its_files(tiny_model_path: Path) -> None:
    found = manifest.read_manifest(tiny_model_path)
    assert found is not None
    assert found["library_version"] == sitrep_ie.__version__
    names = {path.name for path in tiny_model_path.iterdir()}
    assert set(found["files"]) == names & set(manifest.COVERED_FILES)
    assert "weights.safetensors" in found["files"]
    assert manifest.manifest_faults(tiny_model_path) == []


def test_the_shipped_model_has_a_manifest() -> None:
    assert manifest.read_manifest(default_model_folder()) is not None
    assert manifest.manifest_faults(default_model_folder()) == []


def test_a_flipped_bit_in_the_weights(copied: Path) -> None:
    path = copied / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1_001] ^= 1  # the least bit of some weight: it loads, and finds nearly the same
    path.write_bytes(raw)
    with pytest.raises(
        ModelError, match=r"weights\.safetensors: SHA-256 [0-9a-f]{12}\.\.\., manifest\.json says"
    ):
        Extractor.load(copied, device="cpu")


def test_weights_of_another_model_of_the_same_shape(copied: Path) -> None:
    extractor = Extractor.load(copied, device="cpu")
    told = (copied / "manifest.json").read_bytes()
    with torch.no_grad():
        next(extractor.model.parameters()).add_(0.01)
    extractor.save(copied, "float32")
    (copied / "manifest.json").write_bytes(told)
    with pytest.raises(ModelError, match=r"manifest\.json says"):
        Extractor.load(copied, device="cpu")


@pytest.mark.parametrize("key", ["events", "relations", "attributes", "mentions"])
def test_labels_in_another_order(copied: Path, key: str) -> None:
    path = copied / "ontology.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw[key] = dict(reversed(raw[key].items())) if isinstance(raw[key], dict) else raw[key][::-1]
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelError, match=r"weights\.safetensors: weights of another ontology"):
        Extractor.load(copied, device="cpu")


def test_an_edited_configuration_is_refused_until_it_is_accepted(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied / "config.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("link_threshold = 0.5", "link_threshold = 0.6"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.toml: SHA-256 .* sitrep-ie doctor .* --accept"):
        Extractor.load(copied, device="cpu")
    assert main(["doctor", str(copied), "--device", "cpu"]) == 1
    assert "FAIL  manifest: " in capsys.readouterr().out
    assert main(["doctor", str(copied), "--accept", "--device", "cpu"]) == 0
    assert Extractor.load(copied, device="cpu").config.decode.link_threshold == 0.6


def test_a_file_lost_or_added(copied: Path) -> None:
    raw = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    raw["files"]["calibration.json"] = {"bytes": 1, "sha256": "0" * 64}
    (copied / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelError, match=r"calibration\.json: is missing, manifest\.json has it"):
        Extractor.load(copied, device="cpu")
    del raw["files"]["calibration.json"], raw["files"]["tokenizer.json"]
    (copied / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json: manifest\.json knows no such file"):
        Extractor.load(copied, device="cpu")


def test_a_folder_without_manifest_loads_as_before(copied: Path) -> None:
    (copied / "manifest.json").unlink()
    Extractor.load(copied, device="cpu")
    told = [str(finding) for finding in examine(copied, "cpu") if finding.what == "manifest"]
    assert told[0].startswith("note  manifest: none")


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"format": "2"}, r"manifest format '2', expected '1'; written by sitrep_ie '0\.1\.0'"),
        ({"needs_library": "99.1.0"}, r"the model needs sitrep_ie 99\.1\.0 or later"),
        ({"needs_library": 3}, r"needs_library 3, expected a version"),
        ({"library_version": None}, r"expected the manifest of a model folder"),
        ({"files": {"../secret": {"bytes": 1, "sha256": "0" * 64}}}, r"files: .*expected bytes and SHA-256"),
        ({"files": {"config.toml": {"bytes": True, "sha256": "0" * 64}}}, r"files: .*expected bytes"),
    ],
)
def test_a_manifest_that_is_foreign_or_broken(copied: Path, values: dict[str, Any], match: str) -> None:
    edit_json(copied / "manifest.json", **values)
    with pytest.raises(ModelError, match=match):
        Extractor.load(copied, device="cpu")


def test_calibration_after_training_keeps_the_manifest_right(copied: Path) -> None:
    from sitrep_ie.calibration import Calibration, ScoreMap

    Calibration({"event": ScoreMap(0.5, 0.1)}).save(copied, Extractor.load(copied, device="cpu").ontology)
    assert manifest.manifest_faults(copied) == []
    assert Extractor.load(copied, device="cpu").calibration.maps


def test_a_tokenizer_of_another_encoder(copied: Path) -> None:
    path = copied / "tokenizer.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["model"]["vocab"]["unheard"] = 5_000
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelError, match="token id 5000, the encoder has"):
        Extractor.load(copied, device="cpu")


# ---- doctor ----


def test_doctor_finds_all_well(tiny_model_path: Path, tiny_examples: list[Example]) -> None:
    findings = list(examine(tiny_model_path, "cpu"))
    assert [finding for finding in findings if finding.level == "FAIL"] == []
    told = {finding.what for finding in findings}
    assert {
        "Python",
        "device",
        "gazetteer",
        "actors",
        "model",
        "manifest",
        "ontology",
        "weights",
        "extraction",
    } <= told


def test_doctor_tells_of_everything_that_is_broken(
    copied: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "weights.safetensors").write_bytes(b"nonsense")
    (copied / "ontology.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr("sitrep_ie.resolve.gazetteer._SHIPPED", Path("nowhere.sqlite"))
    assert main(["doctor", str(copied), "--device", "cpu"]) == 1
    out = capsys.readouterr().out
    for what in ("gazetteer", "manifest", "ontology", "weights"):
        assert f"FAIL  {what}: " in out
    assert out.splitlines()[-1].endswith("checks failed")


def test_doctor_tells_of_versions_out_of_range(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import importlib.metadata

    versions = {"torch": "1.9.0+cpu", "numpy": "2.0.1"}

    def version(name: str) -> str:
        if name in versions:
            return versions[name]
        raise importlib.metadata.PackageNotFoundError(name)

    wanted = ["torch<3,>=2.6", "numpy>=1.26", "rich>=13.7", "tomli>=2.0; python_version < '3.0'"]
    wanted.append("pandas>=2.2; extra == 'pandas'")
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)
    monkeypatch.setattr(importlib.metadata, "version", version)
    found = {finding.what: finding for finding in examine(tmp_path / "none", "cpu")}
    assert (found["torch"].level, found["numpy"].level, found["rich"].level) == ("FAIL", "ok", "FAIL")
    assert "1.9.0+cpu, expected <3,>=2.6" in found["torch"].told
    assert found["extra pandas"].level == "note"
    assert "tomli" not in found
    assert found["model"].level == "FAIL"


def test_doctor_accepts_only_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--accept"]) == 2
    assert "expected the model folder" in capsys.readouterr().err


def test_limits_leave_room_for_large_models() -> None:
    ModelConfig(tag_hidden=4096, span_hidden=4096, span_layers=12)


def test_values_of_large_encoders_are_no_lies(tmp_path: Path) -> None:
    path = tmp_path / "encoder.json"
    path.write_text(
        '{"model_type": "modernbert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, '
        '"intermediate_size": 32, "vocab_size": 99, "global_rope_theta": 160000000, "pad_token_id": 0}',
        encoding="utf-8",
    )
    encoder_from_config(path)

"""Every configuration in configs/ loads and names what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitrep_ie.config import Config, format_toml
from sitrep_ie.errors import ConfigError
from sitrep_ie.ontology import Ontology

FOLDER = Path(__file__).resolve().parent.parent / "configs"
ONTOLOGIES = sorted(FOLDER.glob("*ontology.toml"))
CONFIGS = sorted(set(FOLDER.glob("*.toml")) - set(ONTOLOGIES))


def test_there_are_some():
    assert FOLDER / "default.toml" in CONFIGS
    assert FOLDER / "ontology.toml" in ONTOLOGIES


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_loads_with_its_ontology(path):
    config = Config.load(path)
    assert config.name == path.stem
    assert Ontology.load(config.data.ontology).span_types
    assert config.data.train
    assert config.data.dev


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_unknown_key_in_it_is_refused(path, tmp_path):
    changed = tmp_path / path.name
    changed.write_text(path.read_text(encoding="utf-8") + "\n[train_]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{path.name}: unknown key 'train_'; did you mean 'train'"):
        Config.load(changed)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_resolved_form_is_the_same_configuration(path, tmp_path):
    config = Config.load(path)
    (tmp_path / "config.toml").write_text(format_toml(config.to_dict()), encoding="utf-8")
    assert Config.from_dict(Config.load(tmp_path / "config.toml").to_dict(), "here").train == config.train


@pytest.mark.parametrize("path", ONTOLOGIES, ids=lambda path: path.stem)
def test_ontology_loads(path):
    ontology = Ontology.load(path)
    assert Ontology.from_dict(ontology.to_dict(), path.name) == ontology

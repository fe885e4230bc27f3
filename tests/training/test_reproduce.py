"""What counts as the same model made again."""

from __future__ import annotations

import json

import pytest

from sitrep_ie.extractor import default_model_folder
from training.reproduce import LEVELS, differences


@pytest.fixture
def shipped():
    return json.loads((default_model_folder() / "scores.json").read_text(encoding="utf-8"))


def test_a_model_does_not_differ_from_itself(shipped):
    rows = differences(shipped, shipped)
    assert len(rows) == len(LEVELS) * len(shipped["dev"])
    assert all(before == after > 0 for _, _, before, after in rows)


def test_other_dev_data_is_refused(shipped):
    other = json.loads(json.dumps(shipped))
    name = next(iter(other["dev"]))
    other["dev"][name]["sha256"] = "0" * 64
    with pytest.raises(ValueError, match=f"dev set '{name}': not the data"):
        differences(shipped, other)

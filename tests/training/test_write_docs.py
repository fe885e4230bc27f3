from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from training import write_docs

PAGE = write_docs.PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_code_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_docs.main(["--check"]) == 0, capsys.readouterr().err
    blocks = re.findall(r"<!-- records: .+? -->\n```json\n(.+?)\n```", PAGE, re.DOTALL)
    assert len(blocks) >= 12
    assert all(json.loads(block) for block in blocks)


def test_the_table_names_every_field_of_a_record() -> None:
    whole = re.search(r"<!-- records: e3 -->\n```json\n(.+?)\n```", PAGE, re.DOTALL)
    assert whole is not None
    rows = re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} >= json.loads(whole[1]).keys()


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    exec(compile(example, "docs/records.md", "exec"), {})
    assert re.match(r"e1 [A-Z]+ \S+ \[", capsys.readouterr().out)


def test_a_page_that_is_behind_is_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- records: e3 type parent -->\n```json\n```\nEnd\n", encoding="utf-8")
    assert write_docs.main(["--page", str(page), "--check"]) == 1
    assert "run python -m training.write_docs" in capsys.readouterr().err
    assert write_docs.main(["--page", str(page)]) == 0
    made = page.read_text(encoding="utf-8")
    body = '{"type": "RAID", "parent": null}'
    assert made == f"<!-- records: e3 type parent -->\n```json\n{body}\n```\nEnd\n"
    assert write_docs.main(["--page", str(page), "--check"]) == 0


@pytest.mark.parametrize("what", ["e99", "e3 colour", "annotation", "annotation 99", "everything"])
def test_a_mark_that_asks_for_nothing_there_is(
    tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- records: {what} -->\n```json\n```\n", encoding="utf-8")
    assert write_docs.main(["--page", str(page)]) == 1
    assert f"error: <!-- records: {what} -->: expected text," in capsys.readouterr().err


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_pretty_json_is_the_same_json(value: object) -> None:
    assert json.loads(write_docs.pretty(value)) == value

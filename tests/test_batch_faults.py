"""Faults under a run: full disks, folders that cannot be written, Ctrl-C, two runs at once, kills."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_batch import Words, make_archive

from sitrep_ie import cli
from sitrep_ie.batch import output, run, runner
from sitrep_ie.errors import FormatError

ROOT = Path(__file__).resolve().parent.parent
ENDS = ("", ".errors.jsonl")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_CHUNK_DOCUMENTS", 6)
    make_archive(tmp_path / "in")
    return "in"


def same_bytes(one: str, other: str) -> None:
    for end in ENDS:
        assert Path(one + end).read_bytes() == Path(other + end).read_bytes()


# ---- the disk ----


def test_a_disk_that_is_full_at_every_step_in_turn(archive, monkeypatch):
    monkeypatch.setattr(runner, "_CHUNK_DOCUMENTS", 12)
    run([archive], "whole.parquet", Words())
    steps = 0
    told: list[str] = []

    def full(name):
        function = getattr(os, name)

        def call(*arguments, **options):
            nonlocal steps
            steps -= 1
            if steps == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    full("fsync")
    full("replace")
    for number in itertools.count(1):
        out = f"out{number}.parquet"
        steps = number
        try:
            run([archive], out, Words())
        except OSError as error:
            told.append(str(error))
            run([archive], out, Words())
        same_bytes(out, "whole.parquet")
        if steps > 0:
            break
    assert len(told) == number - 1 > 15
    wanted = r".* cannot be written: No space left on device; the same call goes on .*: 'out\d+\.parquet.*'"
    assert [line for line in told if not re.fullmatch(wanted, line)] == []


CHILD = """
import sys
sys.path[:0] = sys.argv[1:3]
from sitrep_ie import cli, extractor
from sitrep_ie.batch import runner
from test_batch import Words
seconds, max_bytes = float(sys.argv[3]), int(sys.argv[4])
if max_bytes:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
runner._CHUNK_DOCUMENTS = 6

class Loader:
    @staticmethod
    def load(*arguments, **options):
        return Words(seconds)

extractor.Extractor = Loader
sys.exit(cli.main(["batch", "in", "--out", "out.jsonl", "--model", "model", "--quiet"]))
"""


@pytest.fixture
def child(archive, tmp_path):
    """Starts the command in a process of its own, with a stub in the place of a model."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.toml").touch()
    started = []

    def start(seconds: float = 0.0, max_bytes: int = 0) -> subprocess.Popen[str]:
        arguments = [str(ROOT), str(ROOT / "tests"), str(seconds), str(max_bytes)]
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="limits of file sizes are of POSIX")
def test_a_write_that_ends_in_the_middle(child, archive):
    """The system refuses what goes beyond a size, as a full disk does; a part of a line is written before."""
    run([archive], "whole.jsonl", Words())
    max_bytes = Path("whole.jsonl").stat().st_size * 2 // 3
    process = child(max_bytes=max_bytes)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2
    assert told.startswith("sitrep-ie: out.jsonl: cannot be written: File too large; the same call goes on")
    assert told.count("\n") == 1
    assert Path("out.jsonl").stat().st_size == max_bytes
    assert 0 < json.loads(Path("out.jsonl.state.json").read_text())["output_bytes"] < max_bytes
    process = child()
    process.communicate(timeout=300)
    assert process.returncode == 1
    same_bytes("out.jsonl", "whole.jsonl")


def test_a_folder_that_cannot_be_written(archive, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "shut"
    folder.mkdir()
    opened = os.open

    def refusing(path, flags, *arguments, **options):
        # As the system does, but to the administrator too.
        if str(path).startswith(str(folder)) and flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opened(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(OSError, match=r"cannot be written: Read-only file system: '.*events\.jsonl'"):
        run([archive], folder / "events.jsonl", Words())
    assert list(folder.iterdir()) == []


# ---- other processes, and people ----


def wait_for_documents(process: subprocess.Popen[str]) -> None:
    state = Path("out.jsonl.state.json")
    end = time.monotonic() + 300
    while not (state.exists() and json.loads(state.read_bytes())["num_documents"]):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="no such signal can be sent on this system")
def test_ctrl_c(child, archive):
    run([archive], "whole.jsonl", Words())
    process = child(seconds=0.2)
    wait_for_documents(process)
    with pytest.raises(FormatError, match=r"out\.jsonl: another run is writing it"):
        run([archive], "out.jsonl", Words())
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert (process.returncode, told) == (130, "sitrep-ie: stopped; the same command goes on from here\n")
    assert not json.loads(Path("out.jsonl.state.json").read_bytes())["finished"]
    process = child()
    _, told = process.communicate(timeout=300)
    assert process.returncode == 1
    assert " done before; " in told
    same_bytes("out.jsonl", "whole.jsonl")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_process_that_is_killed_frees_its_output(child, archive):
    run([archive], "whole.jsonl", Words())
    process = child(seconds=0.2)
    wait_for_documents(process)
    process.kill()
    process.communicate(timeout=300)
    process = child()
    _, told = process.communicate(timeout=300)
    assert " done before; " in told
    same_bytes("out.jsonl", "whole.jsonl")


def test_a_model_that_is_stopped_in_mid_archive(archive, tmp_path, tiny_model_path, monkeypatch):
    """The command with the tiny model: what it finds after a stop is what it finds without one."""
    model = tmp_path / "model"
    shutil.copytree(tiny_model_path, model)
    texts = ["The army shelled Karsk on 3 May, killing two.", "A convoy of 60 trucks entered Idar."]
    rows = [json.dumps({"id": f"r{n}", "text": " ".join(texts * (n % 4))}) for n in range(40)]
    Path("in", "a.jsonl").write_text("\n".join(rows), encoding="utf-8")

    def command(out: str) -> int:
        return cli.main(["batch", archive, "--out", out, "--model", str(model), "--device", "cpu", "--quiet"])

    assert command("whole.jsonl") == 1
    sync = output.AppendFile.sync
    num_syncs = 0

    def stopped(self):
        nonlocal num_syncs
        num_syncs += 1
        if num_syncs == 12:
            raise KeyboardInterrupt
        sync(self)

    with monkeypatch.context() as patch:
        patch.setattr(output.AppendFile, "sync", stopped)
        assert command("out.jsonl") == 130
    assert json.loads(Path("out.jsonl.state.json").read_bytes())["num_documents"] == 18
    assert command("out.jsonl") == 1
    same_bytes("out.jsonl", "whole.jsonl")
    assert '"type": ' in Path("out.jsonl").read_text(encoding="utf-8")

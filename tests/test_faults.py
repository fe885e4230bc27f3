"""Faults from outside: full disks, too little memory, damaged files, Ctrl-C, two runs at once."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sitrep_ie import extractor as extractor_module
from sitrep_ie import train as train_module
from sitrep_ie.cli import main
from sitrep_ie.config import EncodeConfig, format_toml
from sitrep_ie.errors import DeviceError, ModelError
from sitrep_ie.extractor import Extractor
from sitrep_ie.train import new_extractor, train, training_text, training_window


@contextlib.contextmanager
def no_room_above(num_bytes):
    """No file may become longer: the system refuses the write, as it does on a full disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class ReadOnly:
    """While `folder` is set, nothing below it can be opened for writing, made, renamed or removed.

    An audit hook does it, so that it holds for root too. Hooks stay for the whole process.
    """

    def __init__(self):
        self.folder = None
        sys.addaudithook(self.check)

    def check(self, event, arguments):
        if self.folder is None or event not in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        if str(arguments[0]).startswith(self.folder):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(arguments[0]))


READ_ONLY = ReadOnly()


@pytest.fixture
def read_only(tmp_path):
    """A folder on what looks like a read-only disk."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    READ_ONLY.folder = str(folder)
    yield folder
    READ_ONLY.folder = None


# ---- outputs of commands ----


@pytest.fixture(scope="module")
def text_file(tmp_path_factory, tiny_examples):
    path = tmp_path_factory.mktemp("text") / "report.txt"
    path.write_text(tiny_examples[1].document.text, encoding="utf-8")
    return path


def extract_to(out, text_file, model, form="json"):
    return main(
        ["extract", str(text_file), "--model", str(model), "--out", str(out), "--format", form]
        + ["--device", "cpu"]
    )


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_a_full_disk_leaves_the_output_that_was_there(form, text_file, tiny_model_path, tmp_path, capsys):
    out = tmp_path / "out"
    out.write_text("from before", encoding="utf-8")
    assert extract_to(out, text_file, tiny_model_path, form) == 0
    assert out.read_text(encoding="utf-8") != "from before"
    out.write_text("from before", encoding="utf-8")
    with no_room_above(20):
        assert extract_to(out, text_file, tiny_model_path, form) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [f"sitrep-ie: {out}: cannot be written: {os.strerror(errno.EFBIG)}"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert out.read_text(encoding="utf-8") == "from before"


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="Linux has this device")
def test_a_device_is_written_as_it_is(text_file, tiny_model_path, capsys):
    assert extract_to(Path("/dev/full"), text_file, tiny_model_path) == 2
    assert (
        capsys.readouterr().err == f"sitrep-ie: /dev/full: cannot be written: {os.strerror(errno.ENOSPC)}\n"
    )
    assert Path("/dev/full").is_char_device()


def test_an_output_on_a_read_only_disk(text_file, tiny_model_path, read_only, capsys):
    assert extract_to(read_only / "out.json", text_file, tiny_model_path) == 2
    told = capsys.readouterr().err
    assert told == f"sitrep-ie: {read_only / 'out.json'}: cannot be written: {os.strerror(errno.EROFS)}\n"


def test_an_output_keeps_its_mode_and_a_link_stays_one(text_file, tiny_model_path, tmp_path):
    (tmp_path / "real.json").touch(mode=0o640)
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    assert extract_to(tmp_path / "link.json", text_file, tiny_model_path) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").stat().st_mode & 0o777 == 0o640
    assert json.loads((tmp_path / "real.json").read_text(encoding="utf-8"))["events"]


# ---- memory: extraction ----


CUDA_ERROR = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.fixture
def crowded(tiny_model_path):
    """An extractor, and a function that limits the windows its device holds and returns what was tried."""
    extractor = Extractor.load(tiny_model_path, device="cpu")
    plain = extractor.model.tag

    def limit(num_windows, error=CUDA_ERROR):
        tried = []

        def tag(batch, precision):
            tried.append(len(batch.token_ids_BL))
            if tried[-1] > num_windows:
                raise error
            return plain(batch, precision)

        extractor.model.tag = tag
        return tried

    return extractor, limit


def plain_and_rounded(report):
    """The JSON form with scores to three digits: another batch may change the last ones."""
    return json.loads(json.dumps(report.to_dict()), parse_float=lambda digits: round(float(digits), 3))


@pytest.mark.parametrize("num_windows", [1, 3])
def test_batches_that_memory_does_not_hold_are_halved(crowded, tiny_examples, num_windows):
    extractor, limit = crowded
    documents = [example.document for example in tiny_examples] * 6
    expected = [plain_and_rounded(report) for report in extractor.extract_many(documents)]
    tried = limit(num_windows)
    found = [plain_and_rounded(report) for report in extractor.extract_many(documents)]
    assert found == expected
    assert max(tried) > 4 * num_windows
    # What did not fit once is not tried again.
    del tried[:]
    assert [plain_and_rounded(report) for report in extractor.extract_many(documents)] == expected
    assert max(tried) <= num_windows


@pytest.mark.parametrize(
    "error",
    [
        CUDA_ERROR,
        RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_memory_too_small_for_one_window_says_what_to_do(crowded, tiny_examples, error):
    extractor, limit = crowded
    limit(0, error)
    with pytest.raises(DeviceError, match=r"device 'cpu': out of memory at a window of \d+ tokens; free"):
        list(extractor.extract_many([tiny_examples[0].document]))


def test_other_errors_of_torch_are_no_lack_of_memory(crowded, tiny_examples):
    extractor, limit = crowded
    tried = limit(0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        list(extractor.extract_many([example.document for example in tiny_examples]))
    assert len(tried) == 1


# ---- memory: training ----


@pytest.fixture(scope="module")
def short_config(tiny_config):
    return dataclasses.replace(
        tiny_config,
        train=dataclasses.replace(
            tiny_config.train, epochs=3, batch_tokens=128, ema_decay=0.9, evaluate_from=0.3
        ),
    )


def run(config, out):
    return train(config, out, device="cpu", weights="float32", progress=False)


def losses_of(out):
    return [
        json.loads(line)["losses"] for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_parts_of_a_batch_have_the_gradients_of_the_whole(short_config, ontology, tiny_examples):
    extractor = new_extractor(short_config, ontology)
    step = train_module._TrainingStep(extractor.model, extractor.text_encoder.pad_id, short_config.train)
    texts = [training_text(example, extractor.text_encoder, ontology) for example in tiny_examples]
    small = EncodeConfig(max_tokens=32, context_tokens=0, heading_tokens=0)
    windows = [
        training_window(text, window, ontology)
        for text in texts
        for window in extractor.text_encoder.windows(text.encoded, small)
    ]
    assert len(windows) >= 4

    def gradients(*parts):
        step.zero_grad()
        totals = [step(part, 0, windows)["total"] for part in parts]
        sum(totals).backward()
        return float(sum(totals).detach()), [
            weight.grad.clone() for weight in step.parameters() if weight.grad is not None
        ]

    whole_loss, whole = gradients(windows)
    part_loss, parts = gradients(windows[:1], windows[1:3], windows[3:])
    assert part_loss == pytest.approx(whole_loss, rel=1e-5)
    assert len(whole) == len(parts) > 20
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-5)


def limit_training(monkeypatch, num_windows):
    """Limits the windows that one pass may have; returns what was tried."""
    tried = []
    forward = train_module._TrainingStep.forward

    def limited(self, windows, epoch, whole=None):
        tried.append(len(windows))
        if len(windows) > num_windows:
            raise CUDA_ERROR
        return forward(self, windows, epoch, whole)

    monkeypatch.setattr(train_module._TrainingStep, "forward", limited)
    return tried


def test_training_goes_on_with_parts_of_batches(short_config, tmp_path, monkeypatch, caplog):
    config = dataclasses.replace(
        short_config, train=dataclasses.replace(short_config.train, batch_tokens=4096, epochs=2)
    )
    run(config, tmp_path / "whole")
    tried = limit_training(monkeypatch, 1)
    run(config, tmp_path / "parts")
    for whole, parts in zip(losses_of(tmp_path / "whole"), losses_of(tmp_path / "parts"), strict=True):
        assert parts == pytest.approx(whole, rel=1e-3)
    # A size that did not fit is not tried again and again.
    assert tried[:5] == [3, 2, 1, 1, 1]
    assert sum(size > 1 for size in tried) <= 3
    assert any("out of memory at" in message for message in caplog.messages)


def test_gradients_of_a_pass_that_failed_half_way_do_not_count(short_config, ontology, monkeypatch):
    data = train_module._Data.read(short_config)
    loop = train_module._Loop(
        dataclasses.replace(short_config, train=dataclasses.replace(short_config.train, batch_tokens=4096)),
        data,
        new_extractor(short_config, ontology),
        train_module._accelerator("cpu"),
    )
    (batch,) = loop._own_batches(0)
    step = loop.wrapped_step

    def gradients():
        loop.wrapped_optimizer.zero_grad(set_to_none=True)
        loop._gradients(batch)
        return [weight.grad.clone() for weight in step.parameters() if weight.grad is not None]

    expected = gradients()
    backward, calls = loop.accelerator.backward, []

    def failing(loss):
        backward(loss)
        calls.append(loss)
        if len(calls) == 1:
            raise CUDA_ERROR

    monkeypatch.setattr(loop.accelerator, "backward", failing)
    for one, other in zip(expected, gradients(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-5)
    assert len(calls) == 3


def test_training_memory_too_small_for_one_window(short_config, tmp_path, monkeypatch):
    tried = limit_training(monkeypatch, 0)
    with pytest.raises(DeviceError, match=r"device cpu: out of memory at a single window; free .* \(64\)"):
        run(short_config, tmp_path / "out")
    assert tried[-1] == 1


def test_several_processes_are_told_to_lower_the_batch(short_config, ontology, monkeypatch):
    loop = train_module._Loop(
        short_config,
        train_module._Data.read(short_config),
        new_extractor(short_config, ontology),
        train_module._accelerator("cpu"),
    )
    batch = loop._own_batches(0)[0]
    monkeypatch.setattr(type(loop.accelerator), "num_processes", 2)
    limit_training(monkeypatch, 0)
    with pytest.raises(DeviceError, match=r"lower train\.batch_tokens \(128\) and start anew"):
        loop._gradients(batch)


# ---- training: disks, checkpoints, signals, locks ----


@pytest.fixture(scope="module")
def whole(short_config, tmp_path_factory):
    """The folder of a run from beginning to end."""
    out = tmp_path_factory.mktemp("whole") / "model"
    run(short_config, out)
    return out


def same_model(one, other):
    names = sorted(path.name for path in one.iterdir())
    assert sorted(path.name for path in other.iterdir()) == names
    assert (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
    assert losses_of(one) == losses_of(other)
    return True


class Killed(BaseException):
    pass


def run_until(config, out, epoch):
    """Trains until the run dies as it begins this epoch, the first being 1."""
    plain = train_module._Loop.run_epoch

    def run_epoch(self, bar):
        if self.run.epoch + 1 == epoch:
            raise Killed
        return plain(self, bar)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_module._Loop, "run_epoch", run_epoch)
        with pytest.raises(Killed):
            run(config, out)


@pytest.fixture(scope="module")
def killed_once(short_config, tmp_path_factory):
    out = tmp_path_factory.mktemp("killed") / "model"
    run_until(short_config, out, 3)
    return out


@pytest.fixture
def killed(killed_once, tmp_path):
    """A copy of the folder of a run that was killed after two epochs."""
    return shutil.copytree(killed_once, tmp_path / "killed")


def test_a_killed_run_leaves_two_checkpoints(killed):
    epochs = [
        json.loads((killed / name / "progress.json").read_text(encoding="utf-8"))["epoch"]
        for name in ("checkpoint", "checkpoint.old")
    ]
    assert epochs == [2, 1]


def test_a_full_disk_while_a_checkpoint_is_written(short_config, whole, tmp_path, monkeypatch):
    plain = train_module._write_checkpoint

    def full(folder, run, *rest):
        with no_room_above(100_000) if run.epoch == 2 else contextlib.nullcontext():
            plain(folder, run, *rest)

    monkeypatch.setattr(train_module, "_write_checkpoint", full)
    out = tmp_path / "model"
    with pytest.raises(ModelError) as caught:
        run(short_config, out)
    assert str(caught.value).startswith(f"{out}: the checkpoint of epoch 2 cannot be written: ")
    assert os.strerror(errno.EFBIG) in str(caught.value)
    assert str(caught.value).endswith("; the same command goes on after epoch 1")
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint", "log.jsonl"]
    monkeypatch.undo()
    run(short_config, out)
    assert same_model(out, whole)


def test_a_full_disk_before_anything_is_saved(short_config, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(train_module, "save_file", full)
    told = f"epoch 1 cannot be written: {os.strerror(errno.ENOSPC)}; no epoch is saved yet$"
    with pytest.raises(ModelError, match=told):
        run(short_config, tmp_path / "model")


def test_a_full_disk_while_the_model_is_saved(short_config, whole, tmp_path, monkeypatch):
    """The model of the run before stays; the next start trains nothing and saves."""
    out = shutil.copytree(whole, tmp_path / "model")
    again = dataclasses.replace(short_config, name="again")
    plain = extractor_module.Extractor._write

    def full(self, folder, precision):
        with no_room_above(100_000):
            plain(self, folder, precision)

    monkeypatch.setattr(extractor_module.Extractor, "_write", full)
    with pytest.raises(ModelError, match="cannot be written: .*File too large"):
        run(again, out)
    assert Extractor.load(out, device="cpu").config.name == "tiny"
    assert not (out / ".part").exists()
    monkeypatch.undo()

    def none(self, bar):
        raise AssertionError("all epochs are trained")

    monkeypatch.setattr(train_module._Loop, "run_epoch", none)
    run(again, out)
    assert Extractor.load(out, device="cpu").config.name == "again"
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}


def test_a_model_folder_on_a_read_only_disk(short_config, tiny_extractor, read_only):
    with pytest.raises(ModelError, match=f"model: cannot be written: {os.strerror(errno.EROFS)}"):
        run(short_config, read_only / "model")
    with pytest.raises(ModelError, match=f"model: cannot be written: {os.strerror(errno.EROFS)}"):
        tiny_extractor.save(read_only / "model")


def cut(folder):
    path = folder / "state.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(name):
    def flip_middle(folder):
        raw = bytearray((folder / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (folder / name).write_bytes(raw)

    return flip_middle


BREAKINGS = {
    "cut": cut,
    "flipped weight": flip("state.safetensors"),
    "flipped progress": flip("progress.json"),
    "empty": lambda folder: (folder / "state.safetensors").write_bytes(b""),
    "no progress": lambda folder: (folder / "progress.json").unlink(),
    "empty folder": lambda folder: [path.unlink() for path in folder.iterdir()],
}


@pytest.mark.parametrize("name", BREAKINGS)
def test_a_broken_checkpoint_falls_back_to_the_one_before(short_config, whole, killed, name, caplog):
    BREAKINGS[name](killed / "checkpoint")
    run(short_config, killed)
    assert same_model(killed, whole)
    (message,) = [message for message in caplog.messages if "broken checkpoint" in message]
    assert message.startswith(str(killed / "checkpoint"))
    assert message.endswith("the one before it is used")


def test_two_broken_checkpoints_are_an_error(short_config, killed):
    for folder in ("checkpoint", "checkpoint.old"):
        flip("state.safetensors")(killed / folder)
    with pytest.raises(ModelError, match=r"checkpoint\.old: broken checkpoint \(.*\); remove the folder"):
        run(short_config, killed)


SCRIPT = """\
import os, sys
from sitrep_ie import train as train_module
from sitrep_ie.cli import main

plain = train_module._Loop._step
num_steps = 0

def step(self, *arguments):
    global num_steps
    num_steps += 1
    if self.run.epoch == 1:
        # In the middle of the second epoch.
        print("waiting", flush=True)
        __import__("time").sleep(60)
    return plain(self, *arguments)

train_module._Loop._step = step
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_goes_on(short_config, whole, tmp_path, number):
    (tmp_path / "config.toml").write_text(format_toml(short_config.to_dict()), encoding="utf-8")
    (tmp_path / "run.py").write_text(SCRIPT, encoding="utf-8")
    out = tmp_path / "model"
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), "train", str(tmp_path / "config.toml")]
        + ["--out", str(out), "--device", "cpu", "--weights", "float32"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        # A second run into the folder is refused while the first one is there.
        with pytest.raises(
            ModelError, match=r"model: another training run is writing it \(it holds train\.lock"
        ):
            run(short_config, out)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert told.splitlines()[-1] == (
            "sitrep-ie: stopped; the same command goes on after the last whole epoch"
        )
        assert "Traceback" not in told
    else:
        assert process.returncode == -signal.SIGKILL
    assert (out / "checkpoint").is_dir()
    run(short_config, out)
    assert same_model(out, whole)

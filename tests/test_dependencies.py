"""requirements.lock: the pins of constraints.txt with hashes; docs/dependencies.md: what is asked for."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")


def pins(name, python, system="Linux"):
    """Name -> version, for a Python and a system, of a file of requirements; and the lines' hashes."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "platform_system": system,
        "sys_platform": system.lower(),
    }
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            wanted, *hashes = re.split(r"\s+--hash=", line.strip())
            requirement = Requirement(wanted)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                (clause,) = requirement.specifier
                assert clause.operator == "=="
                key = canonicalize_name(requirement.name)
                assert key not in found, f"{key} is pinned twice"
                found[key] = clause.version, hashes
    return found


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_the_lock_has_the_pins_of_the_constraints_with_hashes(python):
    """After a change of constraints.txt: run scripts/lock."""
    locked, wanted = pins("requirements.lock", python), pins("constraints.txt", python)
    # Its file depends on the hardware.
    wanted.pop("torch")
    assert {name: version for name, (version, _) in locked.items()} == {
        name: version for name, (version, _) in wanted.items()
    }
    for name, (_, hashes) in locked.items():
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), name
        assert len(set(hashes)) == len(hashes), name


def test_the_lock_is_all_that_an_install_needs():
    """pip takes --no-deps with it, so that whatever a listed package asks for must be listed as well."""
    from importlib import metadata

    locked = pins("requirements.lock", f"{sys.version_info.major}.{sys.version_info.minor}")
    for name in locked:
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                key = canonicalize_name(requirement.name)
                # Those come with Python or its installer, or with torch.
                assert key in locked or key in {"setuptools", "torch"}, f"{name} asks for {key}"


def rows(name):
    (table,) = re.findall(rf"<!-- {name} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


@pytest.fixture(scope="module")
def script():
    path = ROOT / "scripts" / "dependencies"
    loader = importlib.machinery.SourceFileLoader("dependencies", str(path))
    spec = importlib.util.spec_from_loader("dependencies", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "dont_write_bytecode", True)
        loader.exec_module(module)
    return module


def test_the_page_has_every_package_that_is_asked_for(script):
    """After a change of pyproject.toml: run scripts/dependencies."""
    listed = {name: (wanted, asked) for name, wanted, asked, _ in rows("direct")}
    expected = {name: (wanted, ", ".join(extras)) for name, (wanted, extras) in script.direct().items()}
    assert listed == expected
    assert all(licence for *_, licence in rows("direct") + rows("others"))


def test_licences_are_those_of_the_installed_packages(script):
    told = {name: licence for name, _, _, licence in rows("direct")}
    for name in told:
        # The text of some differs with the release; the one for Python 3.10 may be an older one.
        if script.installed(name) and sys.version_info >= (3, 11):
            assert script.licence(name) == told[name], name


def test_no_licence_forbids_what_the_project_allows():
    """Of what users get: permissive ones, the MPL (by file) and the LGPL (as a library of its own)."""
    allowed = re.compile(
        r"Apache|MIT|BSD|0BSD|BSL-1\.0|ISC|Zlib|CC0|PSF|CNRI|MPL-2\.0|LGPL-2\.1-only|Unlicense|AND|OR|WITH|LLVM"
    )
    for name, licence in [(row[0], row[-1]) for row in rows("direct") + rows("others")]:
        for word in re.findall(r"[A-Z][\w.-]*", licence):
            assert allowed.match(word) or word in ("License", "Clause"), f"{name}: {licence}"


def test_the_page_s_commands_are_real():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", PAGE, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for script in re.findall(r"`(scripts/\w+)`", PAGE):
        assert (ROOT / script).stat().st_mode & 0o111

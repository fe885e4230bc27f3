"""Models by name: folders, models installed as packages, and repositories of the Hugging Face hub.

Only weights (safetensors), JSON, TOML and Markdown go to the hub or come from it: nothing that could run.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sitrep_ie import __version__
from sitrep_ie.errors import ModelError
from sitrep_ie.manifest import COVERED_FILES, MANIFEST_FILE

MODEL_PATTERNS = ("*.safetensors", "*.json", "*.toml", "*.md")
CARD_FILE = "README.md"
SCORES_FILE = "scores.json"
PACKAGE_PREFIX = "package:"
# Where a package of `sitrep-ie package` has its model.
PACKAGED_FOLDER = "model"

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_FRONT_MATTER = re.compile(r"\A---\r?\n.*?^---\r?\n", re.DOTALL | re.MULTILINE)
_METRICS = (
    ("mentions", "Mention F1"),
    ("trig_c", "Trigger F1 (Trig-C)"),
    ("arg_c", "Argument F1 (Arg-C)"),
    ("relations", "Relation F1"),
)


# ---- finding ----


def find_model(spec: Path | str, *, revision: str | None = None, token: str | None = None) -> Path:
    """Returns the folder of a model; one on the hub is downloaded, unless it has been before.

    Args:
        spec: a folder; else, as a string, "package:NAME" (made by `sitrep-ie package`) or "user/model" on
            the hub.
        revision: branch, tag or commit on the hub.
        token: for the hub; default the one that `hf auth login` has stored, or the variable HF_TOKEN.

    Raises:
        ModelError: there is no such folder, package or repository, the hub cannot be reached, or a revision
            is asked for of something that is not on the hub.
    """
    if Path(spec).is_dir():
        if revision is not None:
            raise ModelError(f"{spec}: a local folder, which has no revision {revision!r}")
        return Path(spec)
    name = spec if isinstance(spec, str) else ""
    if name.startswith(PACKAGE_PREFIX):
        if revision is not None:
            raise ModelError(f"{spec}: an installed package, which has no revision {revision!r}")
        return _packaged_model(name.removeprefix(PACKAGE_PREFIX))
    if _HUB_NAME.fullmatch(name):
        return _download(name, revision, token)
    raise ModelError(f"{spec}: no model folder")


def _packaged_model(name: str) -> Path:
    try:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
    except ValueError:  # a module without a spec, such as __main__
        found = None
    if found is None:
        raise ModelError(f"package:{name}: no such package is installed")
    for folder in found.submodule_search_locations or ():
        model = Path(folder) / PACKAGED_FOLDER
        if model.is_dir():
            return model
    raise ModelError(f"package:{name}: the package holds no model, expected one made by `sitrep-ie package`")


def _download(name: str, revision: str | None, token: str | None) -> Path:
    from huggingface_hub import snapshot_download

    with _told(name, revision, f"no model folder {name} here, and"):
        return Path(
            snapshot_download(
                name,
                revision=revision,
                token=token,
                allow_patterns=list(MODEL_PATTERNS),
                library_name="sitrep_ie",
                library_version=__version__,
            )
        )


@contextmanager
def _told(name: str, revision: str | None, before: str) -> Iterator[None]:
    """One clear error for each way in which the hub can fail."""
    from huggingface_hub import errors

    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{name}: {before} the hub's repository has no revision {revision!r}") from error
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{name}: {before} the hub's repository is gated: ask for access on its page, and give a token"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"{name}: {before} the hub has no such repository, or it is private and the token does not "
            "open it"
        ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise ModelError(
            f"{name}: {before} the hub cannot be reached (or HF_HUB_OFFLINE is set); nothing was downloaded "
            "before"
        ) from error
    except errors.HfHubHTTPError as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{name}: {before} the hub answered: {reason:.200}") from error
    except Exception as error:  # no connection, no token, no such name: the client has errors of many kinds
        reason = " ".join(str(error).split())
        raise ModelError(f"{name}: {before} the hub cannot be reached or failed: {reason:.200}") from error


# ---- sharing ----


def push_model(
    folder: Path,
    repo_id: str,
    *,
    private: bool = True,
    revision: str | None = None,
    token: str | None = None,
    licence: str | None = None,
    language: str = "en",
) -> str:
    """Puts a model folder into a repository of the hub, made if need be, in one commit; returns its address.

    Files of an earlier model that this one has not are removed there; others are left alone. A card without
    front matter gets one.

    Args:
        folder: as written by training.
        repo_id: "user/model".
        private: of a repository that is made; one that is there stays as it is.
        revision: the branch to write to, made if need be; default the main one.
        token: see `find_model`.
        licence: an identifier of the hub, such as "apache-2.0", for the card; default what the card says.
        language: of the reports that the model reads.

    Raises:
        ModelError: `repo_id` is no name of a repository, or the hub refuses or cannot be reached.
    """
    if not _HUB_NAME.fullmatch(repo_id):
        raise ModelError(f"{repo_id}: no name on the hub, expected 'user/model'")
    files = model_files(folder)
    card_path = folder / CARD_FILE
    card = card_path.read_text(encoding="utf-8") if card_path.is_file() else f"# {repo_id}\n"
    scores_path = folder / SCORES_FILE
    scores = json.loads(scores_path.read_text(encoding="utf-8")) if scores_path.is_file() else {}
    card = with_front_matter(card, repo_id.split("/")[1], scores, language=language, licence=licence)

    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(token=token, library_name="sitrep_ie", library_version=__version__)
    with _told(repo_id, revision, "cannot be written:"):
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        present = set(api.list_repo_files(repo_id, revision=revision))
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path_in_repo=path.name, path_or_fileobj=str(path))
            for path in files
            if path.name != CARD_FILE
        ]
        operations.append(CommitOperationAdd(path_in_repo=CARD_FILE, path_or_fileobj=card.encode()))
        mine = {path.name for path in files}
        stale = present & {*COVERED_FILES, MANIFEST_FILE, SCORES_FILE} - mine
        operations += [CommitOperationDelete(path_in_repo=name) for name in sorted(stale)]
        commit = api.create_commit(
            repo_id,
            operations,
            commit_message=f"Model of sitrep_ie {__version__}",
            revision=revision,
        )
    return str(commit.commit_url)


def model_files(folder: Path) -> list[Path]:
    """The files of a model folder that may be shared, sorted; folders and other files in it may not."""
    found = {path for pattern in MODEL_PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not path.name.startswith("."))


# ---- the card's front matter ----


def with_front_matter(
    card: str,
    name: str,
    scores: Mapping[str, Any],
    *,
    language: str = "en",
    licence: str | None = None,
) -> str:
    """Returns a card with what the hub reads of it: licence, language, tags and the scores on the dev sets.

    What the card's own front matter says is kept, but for a `licence` that is given.

    Args:
        card: Markdown.
        name: of the model.
        scores: the contents of `scores.json`; may be empty.
        language: an ISO 639-1 code.
        licence: an identifier of the hub; default that of the card, or "other", which refers to its text.
    """
    from huggingface_hub import ModelCard, ModelCardData

    own = _FRONT_MATTER.match(card)
    body = without_front_matter(card)
    data: dict[str, Any] = {
        "language": [language],
        "license": "other",
        "library_name": "sitrep_ie",
        "pipeline_tag": "token-classification",
        "tags": ["sitrep_ie", "event-extraction", "information-extraction", "relation-extraction"],
        **_model_index(name, scores),
    }
    if own:
        data |= ModelCard(card, ignore_metadata_errors=True).data.to_dict()  # type: ignore[no-untyped-call]
    if licence is not None:
        data["license"] = licence
    return f"---\n{ModelCardData(**data, ignore_metadata_errors=True).to_yaml()}\n---\n\n{body.lstrip()}"


def without_front_matter(card: str) -> str:
    """Returns a card as people read it."""
    return _FRONT_MATTER.sub("", card, count=1).lstrip("\r\n")


def _model_index(name: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    results = []
    for dev_set, record in scores.get("dev", {}).items():
        levels = record["scores"]
        metrics = [
            {"type": "f1", "name": title, "value": round(levels[level]["f1"], 4)} for level, title in _METRICS
        ]
        task = {"type": "token-classification", "name": "Event extraction"}
        dataset = {"type": dev_set, "name": f"{dev_set} (dev)"}
        results.append({"task": task, "dataset": dataset, "metrics": metrics})
    return {"model-index": [{"name": name, "results": results}]} if results else {}

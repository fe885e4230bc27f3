"""Adds the default model to the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ModelBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        model = Path(self.root) / "models" / "default"
        if not (model / "weights.safetensors").is_file():
            raise FileNotFoundError(f"{model}: no weights.safetensors; a wheel ships the default model")
        build_data["force_include"][str(model)] = "sitrep_ie/models/default"

"""Situation reports in, structured event records out.

The public names load on first use, so that `import sitrep_ie` costs nothing and brings in no tensors.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sitrep_ie.document import (
        Annotation,
        Document,
        Event,
        Example,
        Mention,
        Relation,
        Report,
        Span,
        Trigger,
    )
    from sitrep_ie.errors import (
        ConfigError,
        DependencyError,
        DeviceError,
        DocumentError,
        FormatError,
        ModelError,
        OntologyError,
        ResourceError,
        SitrepError,
    )
    from sitrep_ie.extractor import Extractor, extract
    from sitrep_ie.ontology import Ontology

__version__ = "0.1.0"

__all__ = [
    "Annotation",
    "ConfigError",
    "DependencyError",
    "DeviceError",
    "Document",
    "DocumentError",
    "Event",
    "Example",
    "Extractor",
    "FormatError",
    "Mention",
    "ModelError",
    "Ontology",
    "OntologyError",
    "Relation",
    "Report",
    "ResourceError",
    "SitrepError",
    "Span",
    "Trigger",
    "__version__",
    "extract",
]

_MODULES = {
    "Annotation": "document",
    "ConfigError": "errors",
    "DependencyError": "errors",
    "DeviceError": "errors",
    "Document": "document",
    "DocumentError": "errors",
    "Event": "document",
    "Example": "document",
    "Extractor": "extractor",
    "FormatError": "errors",
    "Mention": "document",
    "ModelError": "errors",
    "Ontology": "ontology",
    "OntologyError": "errors",
    "Relation": "document",
    "Report": "document",
    "ResourceError": "errors",
    "SitrepError": "errors",
    "Span": "document",
    "Trigger": "document",
    "extract": "extractor",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # the next look-up no longer comes here
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))

"""The exception tree: every failure a user can cause is one of these.

A message names the file, document or key at fault and says what was expected, in one line.
"""

from __future__ import annotations


class SitrepError(Exception):
    """Base of every exception that the library raises on purpose."""


class ConfigError(SitrepError):
    """A configuration is malformed: unknown key, wrong type, value out of range."""


class OntologyError(SitrepError):
    """An ontology file is inconsistent, or data and ontology do not fit each other."""


class DocumentError(SitrepError, ValueError):
    """A document, span, mention or relation is not well formed."""


class FormatError(SitrepError, ValueError):
    """A file does not follow its format; the message starts with `path:line:`."""


class ModelError(SitrepError):
    """A model folder is missing, incomplete, foreign or from another ontology."""


class DeviceError(SitrepError):
    """The device asked for does not exist on this machine, or its memory is too small."""


class ResourceError(SitrepError):
    """Data that a resolver needs (gazetteer, alias table) is missing or broken."""


class DependencyError(SitrepError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

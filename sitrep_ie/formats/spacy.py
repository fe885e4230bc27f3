"""spaCy: a `.spacy` file (DocBin) as `spacy train` and Prodigy's `data-to-spacy` use them.

    doc.spans["sc"]             mentions and triggers; a span's `id_` is "m1", "m2", ... in text order
    doc.spans["sc"].attrs       {"scores": [1.0, ...]}, as spaCy's span categoriser writes them
    doc.user_data["sitrep_ie"]  {"id": "r1", "source": ..., "title": ..., "published": ..., "period": ...,
                                 "attributes": {"m2": ["NEGATED"]},
                                 "relations": [{"head": "m2", "tail": "m1", "type": "AGENT", "score": 1.0}]}

spaCy has no place of its own for what stands in `user_data`. Files without the span group "sc" are read by
their `doc.ents`. The tokens are words that mentions begin and end with, and hold the whole text.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sitrep_ie.document import Example, Relation, Trigger
from sitrep_ie.errors import DependencyError, FormatError
from sitrep_ie.formats._common import (
    Names,
    Node,
    check_distinct,
    check_examples,
    leave_out,
    make_example,
    note,
    span_in,
    split_tokens,
)
from sitrep_ie.formats._files import atomic_binary_writer
from sitrep_ie.formats._json import any_object, as_list, as_object, as_score, as_string
from sitrep_ie.formats.jsonl import document_from_dict, document_to_dict, relations_to_list
from sitrep_ie.ontology import Ontology

if TYPE_CHECKING:
    from spacy.tokens import Doc, DocBin

SPANS = "sc"
USER_DATA = "sitrep_ie"
UNLABELLED = "documents without annotation"
_METADATA = ("id", "source", "title", "published", "period")
_KEYS = (*_METADATA, "attributes", "relations")
# What a file may unpack to: a few times the largest corpora that people annotate.
_MAX_MIB = 2048


def read_spacy(
    path: Path | str, ontology: Ontology, *, left_out: Counter[str] | None = None
) -> list[Example]:
    """Returns the documents of a file in file order; one without an id of its own is called by its number.

    Args:
        path: the file.
        ontology: its type names are found whatever their case and separators are in the file.
        left_out: takes the counts of documents that nobody has annotated and of other groups of spans;
            without it the former are refused.

    Raises:
        FormatError: the file is no DocBin, or does not follow the ontology; names the document.
        DependencyError: spaCy is not installed.
    """
    path = Path(path)
    names = Names(ontology)
    return check_distinct(_examples(path, names, left_out))


def write_spacy(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> Counter[str]:
    """Writes one DocBin, the file whole or not at all.

    Returns:
        What was left out: nothing.

    Raises:
        FormatError: a document, named in the message, cannot be written.
        DependencyError: spaCy is not installed.
    """
    path = Path(path)
    written = check_examples(examples, ontology, path)
    binned = _doc_bin()
    from spacy.vocab import Vocab

    vocab = Vocab()
    for example in written:
        binned.add(_doc(example, vocab))
    with atomic_binary_writer(path) as file:
        file.write(binned.to_bytes())
    return Counter()


def _doc_bin() -> DocBin:
    try:
        from spacy.tokens import DocBin
    except ImportError as error:
        raise DependencyError("spaCy files need spaCy: pip install 'sitrep_ie[spacy]'") from error
    return DocBin(attrs=[], store_user_data=True)


def _doc(example: Example, vocab: Any) -> Doc:
    from spacy.tokens import Doc, SpanGroup

    document, nodes = example.document, example.gold.spans()
    tokens = split_tokens(document.text, nodes)
    doc = Doc(
        vocab,
        words=[document.text[span.start : span.end] for span, _ in tokens],
        spaces=[has_blank for _, has_blank in tokens],
    )
    ids = {node: f"m{number}" for number, node in enumerate(nodes, 1)}
    spans = []
    for node, name in ids.items():
        span = doc.char_span(node.span.start, node.span.end, label=node.type, span_id=name)
        assert span is not None  # the tokens begin and end with it
        spans.append(span)
    scores = [node.score for node in nodes]
    doc.spans[SPANS] = SpanGroup(doc, name=SPANS, attrs={"scores": scores}, spans=spans)
    known = document_to_dict(document)
    doc.user_data[USER_DATA] = {
        **{key: known[key] for key in _METADATA},
        "attributes": {
            name: sorted(node.attributes)
            for node, name in ids.items()
            if isinstance(node, Trigger) and node.attributes
        },
        "relations": relations_to_list(example.gold, ids),
    }
    return doc


def _docs(path: Path) -> Iterator[Doc]:
    binned = _doc_bin()
    from spacy.vocab import Vocab

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        unpacking = zlib.decompressobj()
        unpacking.decompress(raw, int(_MAX_MIB * 2**20))
        if unpacking.unconsumed_tail:
            raise FormatError(f"{path}: unpacks to more than {_MAX_MIB} MiB")
        yield from binned.from_bytes(raw).get_docs(Vocab())
    except FormatError:
        raise
    except Exception as error:  # spaCy fails on other bytes in any way it likes
        raise FormatError(f"{path}: no DocBin of spaCy: {type(error).__name__}: {error}") from error


def _examples(path: Path, names: Names, left_out: Counter[str] | None) -> Iterator[tuple[str, Example]]:
    for number, doc in enumerate(list(_docs(path)), 1):
        at = f"{path}: document {number}"
        known = _listed(doc.user_data.get(USER_DATA, {}))
        known = any_object(known, f"{at}: user_data[{USER_DATA!r}]")
        as_object(known, _KEYS, (), f"{at}: user_data[{USER_DATA!r}]")
        told = {key: known[key] for key in _METADATA if known.get(key) is not None}
        document = document_from_dict({"id": f"{path.stem}-{number}", **told, "text": doc.text}, at)
        at = f"{path}: document {document.id!r}"
        found = _nodes(doc, known, names, at)
        if found is None:
            leave_out(UNLABELLED, left_out, at)
            continue
        note("other groups of spans", left_out, len(set(doc.spans) - {SPANS}))
        relations = list(_relations(known, found, names, at))
        nodes = [node for _, node in found]
        yield at, make_example(document, nodes, relations, names.ontology, at)


def _nodes(doc: Doc, known: dict[str, Any], names: Names, at: str) -> list[tuple[str, Node]] | None:
    """The spans with their ids, or None where nobody has looked for any."""
    scores: list[Any] = []
    if SPANS in doc.spans:
        spans = list(doc.spans[SPANS])
        scores = [float(score) for score in doc.spans[SPANS].attrs.get("scores", ())]
    elif doc.has_annotation("ENT_IOB"):
        spans = list(doc.ents)
    else:
        return None
    attributes = any_object(known.get("attributes", {}), f"{at}: 'attributes'")
    if unknown := set(attributes) - {span.id_ for span in spans}:
        raise FormatError(f"{at}: attributes of {min(unknown)!r}, which is the id of no span")
    # Whoever adds or takes away spans of a group leaves its scores as they were.
    if len(scores) != len(spans):
        scores = [1.0] * len(spans)
    found: list[tuple[str, Node]] = []
    for span, score in zip(spans, scores, strict=True):
        here = f"{at}: {span.label_} [{span.start_char}, {span.end_char})"
        given = as_list(attributes.get(span.id_, []), f"{here}: attributes") if span.id_ else []
        chosen = [as_string(name, f"{here}: attributes") for name in given]
        place = span_in(doc.text, span.start_char, span.end_char, here)
        found.append(
            (span.id_, names.node(span.label_, place, chosen, as_score(score, f"{here}: score"), here))
        )
    return found


def _relations(
    known: dict[str, Any], found: list[tuple[str, Node]], names: Names, at: str
) -> Iterator[Relation]:
    nodes = {name: node for name, node in found if name}
    for index, item in enumerate(as_list(known.get("relations", []), f"{at}: 'relations'")):
        here = f"{at}: relations[{index}]"
        needed = ("head", "tail", "type")
        raw = as_object(item, (*needed, "score"), needed, here)
        head, tail, label = (as_string(raw[key], f"{here}: {key!r}") for key in needed)
        for end in (head, tail):
            if end not in nodes:
                raise FormatError(f"{here}: no span has the id {end!r}")
        score = as_score(raw.get("score", 1.0), f"{here}: 'score'")
        yield Relation(nodes[head], nodes[tail], names.relation(label, here), score)


def _listed(value: Any) -> Any:
    """The value with lists for tuples, which is what spaCy makes of lists in `user_data`."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value

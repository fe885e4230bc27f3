"""brat standoff: a folder with a `.txt` and an `.ann` file for every document, and `annotation.conf`.

    T1	ACTOR 0 9	Observers
    T2	MOVEMENT 14 18	left
    E1	MOVEMENT:T2 AGENT:T1
    A1	NEGATED E1

Mentions are T lines. A trigger is a T line and an E line, its roles and its relations to other triggers the
arguments of the E line, since that is how brat draws events and checks them by `annotation.conf`; a repeated
role is numbered (AGENT2). Relations between mentions are R lines. Reading also takes triggers that have no
E line, and R lines from or to triggers. Offsets are Unicode code points of the text as it stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from sitrep_ie.document import Document, Example, Relation, Span, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import (
    IDS,
    MENTION_SCORES,
    METADATA,
    RELATION_SCORES,
    Names,
    Node,
    check_distinct,
    check_examples,
    count_unheld,
    leave_out,
    make_example,
    span_in,
)
from sitrep_ie.formats._files import atomic_writer, read_lines
from sitrep_ie.ontology import Ontology

_CONFIGURATION = "annotation.conf"
# The text column of a T line is one line and one column.
_CONTROL = re.compile(r"[\t\n\r]")
_NOT_HELD = {"#": "notes", "N": "normalisations", "*": "equivalences"}


def read_brat(path: Path | str, ontology: Ontology, *, left_out: Counter[str] | None = None) -> list[Example]:
    """Returns the documents of a folder, sorted by name; a document is called by its file's.

    Args:
        path: the folder, which holds a `.txt` for every `.ann` and the other way round, or one `.ann` file.
        ontology: its type names are found whatever their case and separators are in the files.
        left_out: takes the counts of notes, normalisations and equivalences; without it they are refused.

    Raises:
        FormatError: a file is missing, a line does not follow the format or the ontology, or a mention has
            gaps; starts with `path:line:`.
    """
    path = Path(path)
    names = Names(ontology)
    stems = (
        sorted({file.with_suffix("") for file in _files(path)}) if path.is_dir() else [path.with_suffix("")]
    )
    if not stems:
        raise FormatError(f"{path}: expected a folder with .txt and .ann files")
    return check_distinct((f"{stem}.ann", _read_pair(stem, names, left_out)) for stem in stems)


def _files(path: Path) -> Iterator[Path]:
    return (file for file in path.iterdir() if file.suffix in (".txt", ".ann") and file.is_file())


def write_brat(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> Counter[str]:
    """Writes the documents into a folder that is made, or holds none yet.

    A document's id becomes the name of its files; what a file name cannot hold is written %2F.

    Returns:
        What was left out, and how often: all but ids, texts, mentions, triggers, attributes and relations.

    Raises:
        FormatError: the folder holds documents already, or one, named in the message, cannot be written.
    """
    path = Path(path)
    written = check_examples(examples, ontology, path)
    if path.exists() and (not path.is_dir() or any(_files(path))):
        raise FormatError(f"{path}: expected a new folder, or one without .txt and .ann files")
    path.mkdir(parents=True, exist_ok=True)
    for example in written:
        name = _file_name(example.document.id)
        # As bytes: a line end in the text is part of it.
        (path / f"{name}.txt").write_bytes(example.document.text.encode())
        with atomic_writer(path / f"{name}.ann") as file:
            file.writelines(f"{line}\n" for line in _lines(example))
    with atomic_writer(path / _CONFIGURATION) as file:
        file.write(brat_configuration(ontology))
    return count_unheld(written, METADATA - {IDS} | {MENTION_SCORES, RELATION_SCORES})


def brat_configuration(ontology: Ontology) -> str:
    """Returns the `annotation.conf` with which brat offers the ontology's types, and no others."""
    relations = [relation for relation in ontology.relation_types if relation.kind == "mention"]
    lines = ["[entities]", *ontology.mention_types, "", "[relations]"]
    for relation in relations:
        ends = "|".join(sorted(relation.heads)), "|".join(sorted(relation.tails))
        lines.append(f"{relation.name}\tArg1:{ends[0]}, Arg2:{ends[1]}")
    lines += ["", "[events]"]
    for event in ontology.event_names:
        roles = [
            f"{relation.name}*:{'|'.join(sorted(relation.tails))}"
            for relation in ontology.relation_types
            if relation.kind != "mention" and event in relation.heads
        ]
        lines.append(f"{event}\t{', '.join(roles)}".rstrip())
    lines += ["", "[attributes]", *(f"{name}\tArg:<EVENT>" for name in ontology.attributes)]
    return "\n".join(lines) + "\n"


def _file_name(document_id: str) -> str:
    name = "".join(c if c.isalnum() or c in "-_." else quote(c, safe="") for c in document_id)
    # A leading dot would hide the files.
    return "%2E" + name[1:] if name.startswith(".") else name


def _lines(example: Example) -> Iterator[str]:
    text = example.document.text
    nodes = example.gold.spans()
    spans = {node: f"T{number}" for number, node in enumerate(nodes, 1)}
    triggers = [node for node in nodes if isinstance(node, Trigger)]
    ends = spans | {trigger: f"E{number}" for number, trigger in enumerate(triggers, 1)}
    for node, name in spans.items():
        shown = _CONTROL.sub(" ", text[node.span.start : node.span.end])
        yield f"{name}\t{node.type} {node.span.start} {node.span.end}\t{shown}"
    for trigger in triggers:
        parts = [f"{trigger.type}:{spans[trigger]}"]
        counts: Counter[str] = Counter()
        for relation in example.gold.relations:
            if relation.head == trigger:
                counts[relation.relation_type] += 1
                number = counts[relation.relation_type]
                role = relation.relation_type + (str(number) if number > 1 else "")
                parts.append(f"{role}:{ends[relation.tail]}")
        yield f"{ends[trigger]}\t{' '.join(parts)}"
    number = 0
    for relation in example.gold.relations:
        if not isinstance(relation.head, Trigger):
            number += 1
            arguments = f"Arg1:{ends[relation.head]} Arg2:{ends[relation.tail]}"
            yield f"R{number}\t{relation.relation_type} {arguments}"
    number = 0
    for trigger in triggers:
        for attribute in sorted(trigger.attributes):
            number += 1
            yield f"A{number}\t{attribute} {ends[trigger]}"


def _read_pair(stem: Path, names: Names, left_out: Counter[str] | None) -> Example:
    text_path, path = Path(f"{stem}.txt"), Path(f"{stem}.ann")
    for file, other in ((text_path, path), (path, text_path)):
        if not file.is_file():
            raise FormatError(f"{file}: there is no such file beside {other.name}")
    try:
        # As bytes: what Python makes of line ends would move the offsets.
        text = text_path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{text_path}: byte {error.start} is not UTF-8") from error
    except OSError as error:
        raise FormatError(f"{text_path}: cannot be read: {error.strerror or error}") from error
    document = Document(id=unquote(stem.name), text=text)
    return _Reader(document, names, left_out).read(path)


class _Reader:
    """One `.ann` file; its lines may refer to later ones."""

    def __init__(self, document: Document, names: Names, left_out: Counter[str] | None) -> None:
        self.document = document
        self.names = names
        self.left_out = left_out
        self.spans: dict[str, tuple[str, Span, str]] = {}
        self.events: dict[str, tuple[str, list[tuple[str, str]], str]] = {}
        self.relations: list[tuple[str, str, str, str]] = []
        self.attributes: list[tuple[str, str, str]] = []

    def read(self, path: Path) -> Example:
        for number, line in read_lines(path):
            if line.strip():
                self._read_line(line, f"{path}:{number}")
        return self._example(path)

    def _read_line(self, line: str, at: str) -> None:
        name, _, body = line.partition("\t")
        if line[0] in _NOT_HELD:
            leave_out(_NOT_HELD[line[0]], self.left_out, at)
        elif not re.fullmatch(r"[TERAM][0-9]+", name) or not body.strip():
            shown = line if len(line) <= 40 else line[:37] + "..."
            raise FormatError(f"{at}: {shown!r}: expected T1, E1, R1 or A1, a tab and the annotation")
        elif name[0] == "T":
            if name in self.spans:
                raise FormatError(f"{at}: {name} is given twice")
            self.spans[name] = self._span(name, body, at)
        elif name[0] == "E":
            if name in self.events:
                raise FormatError(f"{at}: {name} is given twice")
            pairs = [self._pair(part, at) for part in body.split()]
            self.events[name] = (pairs[0][1], [pairs[0], *pairs[1:]], at)
        elif name[0] == "R":
            parts = body.split()
            pairs = [self._pair(part, at) for part in parts[1:]]
            if [role for role, _ in pairs] != ["Arg1", "Arg2"]:
                raise FormatError(f"{at}: {body!r}: expected a relation, Arg1:... and Arg2:...")
            self.relations.append((parts[0], pairs[0][1], pairs[1][1], at))
        else:
            parts = body.split()
            if len(parts) != 2:
                raise FormatError(f"{at}: {body!r}: expected an attribute without value and its event")
            self.attributes.append((parts[0], parts[1], at))

    def _pair(self, part: str, at: str) -> tuple[str, str]:
        role, mark, name = part.partition(":")
        if not (role and mark and name):
            raise FormatError(f"{at}: {part!r}: expected ROLE:ID")
        return role, name

    def _span(self, name: str, body: str, at: str) -> tuple[str, Span, str]:
        head, mark, shown = body.partition("\t")
        if ";" in head:
            raise FormatError(
                f"{at}: {name} has gaps ({head!r}), which a mention cannot have: expected one span"
            )
        match = re.fullmatch(r"(\S+) ([0-9]{1,15}) ([0-9]{1,15})", head)
        if match is None or not mark:
            raise FormatError(f"{at}: {body!r}: expected TYPE START END, a tab and the text")
        text = self.document.text
        span = span_in(text, int(match.group(2)), int(match.group(3)), f"{at}: {name}")
        inside = text[span.start : span.end]
        if _CONTROL.sub(" ", inside) != _CONTROL.sub(" ", shown):
            raise FormatError(
                f"{at}: {name}: [{span.start}, {span.end}) holds {inside!r} in the text, not {shown!r}"
            )
        return match.group(1), span, at

    def _example(self, path: Path) -> Example:
        at = f"{path}: document {self.document.id!r}"
        triggers: dict[str, str] = {}
        for name, (span, pairs, where) in self.events.items():
            if span not in self.spans:
                raise FormatError(f"{where}: {name}: there is no {span}")
            if pairs[0][0] != self.spans[span][0]:
                raise FormatError(f"{where}: {name} is {pairs[0][0]}, but {span} is {self.spans[span][0]}")
            if span in triggers:
                raise FormatError(
                    f"{where}: {name}: {span} is the trigger of {triggers[span]} too; expected one event each"
                )
            triggers[span] = name
        attributes: dict[str, list[str]] = {}
        for attribute, name, where in self.attributes:
            attributes.setdefault(self._resolve(name, where), []).append(attribute)
        nodes: dict[str, Node] = {
            name: self.names.node(span_type, span, attributes.get(name, ()), 1.0, f"{where}: {name}")
            for name, (span_type, span, where) in self.spans.items()
        }
        for name, (span, _, where) in self.events.items():
            if not isinstance(nodes[span], Trigger):
                raise FormatError(f"{where}: {name}: {nodes[span].type} is a type of mentions, not of events")
        relations = []
        for _, pairs, where in self.events.values():
            head = nodes[pairs[0][1]]
            for role, tail in pairs[1:]:
                # A repeated role is numbered.
                known = self.names.has_relation(role)
                role = self.names.relation(role if known else role.rstrip("0123456789"), where)
                relations.append(Relation(head, nodes[self._resolve(tail, where)], role))
        for relation, first, second, where in self.relations:
            ends = nodes[self._resolve(first, where)], nodes[self._resolve(second, where)]
            relations.append(Relation(*ends, self.names.relation(relation, where)))
        return make_example(self.document, nodes.values(), relations, self.names.ontology, at)

    def _resolve(self, name: str, at: str) -> str:
        """The T line that `name`, of a T or an E line, stands for."""
        span = self.events[name][0] if name in self.events else name
        if span not in self.spans:
            raise FormatError(f"{at}: there is no {name}")
        return span

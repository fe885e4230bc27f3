"""Files and folders -> documents, one at a time, in an order that depends on names only.

Nothing here knows the extractor. What cannot be read is a `Failure` in its place among the documents, never
an empty document.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import glob
import gzip
import hashlib
import json
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from sitrep_ie.document import Document
from sitrep_ie.errors import ConfigError, DependencyError, DocumentError, FormatError

if TYPE_CHECKING:
    from bs4.element import PageElement, Tag
    from docx.document import Document as DocxDocument
    from docx.section import _Footer, _Header
    from docx.table import _Cell

MAX_DOCUMENT_MIB = 32
# A .docx full of photos is large as it lies on the disk; only one that grows far beyond that is a bomb.
_MAX_ZIP_RATIO = 4
_GLOB_MARKS = re.compile(r"[*?\[]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Archives give times of day too; the day is as the archive's clock had it.
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?", re.DOTALL)
_PARQUET_ROWS = 64


@dataclass(frozen=True, slots=True)
class Columns:
    """Where tables and JSON objects hold a document.

    None for `id` or `published` is the column "id" or "published" where there is one; a name that is given
    must be there. A row without an id gets "file:row".
    """

    text: str = "text"
    id: str | None = None
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A document, or a whole file, that could not be processed.

    `position` is the place in the file ("line 3", "row 3", "byte 17"), None where it is the file as a whole.
    """

    id: str
    source: str
    position: str | None
    reason: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.source, self.position, self.reason)))


@dataclass(frozen=True, slots=True)
class Found:
    """A document with the file and the position that it was read from."""

    document: Document
    source: str
    position: str | None = None


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a run in order, and how many others lay in the folders and globs."""

    paths: tuple[str, ...]
    num_skipped: int

    def digest(self) -> str:
        """SHA-256 of names, sizes and times of change: another one means that some input is another."""
        found = hashlib.sha256()
        for path in self.paths:
            try:
                status = os.stat(path)
                line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0"
            except OSError:
                line = f"{path}\0-\0-\0"
            found.update(line.encode("utf-8", "surrogateescape"))
        return found.hexdigest()


# ---- which files ----


def find_files(inputs: Sequence[str | Path], exclude: Iterable[Path] = ()) -> FileList:
    """Returns the files of `inputs`: each a file, a folder (all below it, sorted by name) or a glob.

    A file that is reached twice is read once. In folders and globs, files of other kinds and hidden files are
    passed over, in folders the files that other runs wrote as well; those of `exclude` everywhere.

    Raises:
        FormatError: an input does not exist, is of no known kind or holds no readable file, or a folder
            cannot be listed.
    """
    excluded = {os.path.abspath(path) for path in exclude}
    seen: set[str] = set()
    paths: list[str] = []
    num_skipped = 0
    for given in map(str, inputs):
        explicit = os.path.isfile(given)
        num_readable = 0
        for path in [given] if explicit else _expand(given):
            absolute = os.path.abspath(path)
            if absolute in excluded:
                continue
            if _kind(path) in _READERS:
                num_readable += 1
                if absolute not in seen:
                    seen.add(absolute)
                    paths.append(path)
            elif explicit:
                raise FormatError(f"{path}: expected a file that ends in one of {', '.join(SUFFIXES)}")
            else:
                num_skipped += 1
        if not num_readable:
            raise FormatError(f"{given}: no file to read there ends in one of {', '.join(SUFFIXES)}")
    if not paths:
        raise FormatError("no input: expected files, folders or globs")
    return FileList(tuple(paths), num_skipped)


def _expand(given: str) -> Iterator[str]:
    if os.path.isdir(given):
        yield from _walk(given)
    elif _GLOB_MARKS.search(given) and not os.path.lexists(given):
        for path in sorted(glob.glob(given, recursive=True)):
            # A folder that `**` gives is listed by what `**` gives below it.
            if os.path.isfile(path):
                yield path
            elif "**" not in given:
                yield from _walk(path)
    else:
        raise FormatError(f"{given}: there is no such file or folder")


def _walk(folder: str) -> Iterator[str]:
    def fail(error: OSError) -> NoReturn:
        raise FormatError(f"{error.filename}: cannot be listed: {error.strerror}") from error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        ends = (".state.json", ".rows.jsonl", ".errors.jsonl", ".ids", ".lock")
        runs = {name.removesuffix(ends[0]) for name in names if name.endswith(ends[0])}
        written = runs | {f"{name}{end}" for name in runs for end in ends}
        for name in sorted(names):
            if not name.startswith(".") and name not in written:
                yield os.path.join(parent, name)


def _kind(path: str) -> str:
    """The suffix that says how to read a file, in small letters: ".txt", ".jsonl.gz"."""
    name, suffix = os.path.splitext(path.lower())
    return os.path.splitext(name)[1] + suffix if suffix == ".gz" else suffix


def one_document_each(paths: Iterable[str]) -> bool:
    """Whether every file holds a single document, so that their number is known before they are read."""
    return all(_kind(path).removesuffix(".gz") not in (".jsonl", ".csv", ".parquet") for path in paths)


# ---- documents ----


def read_documents(
    inputs: Sequence[str | Path],
    *,
    columns: Columns | None = None,
    max_document_mib: int = MAX_DOCUMENT_MIB,
    on_failure: Callable[[Failure], None] | None = None,
) -> Iterator[Document]:
    """Yields the documents of files, folders and globs one at a time, in constant memory.

    Plain text is as it stands in the file, line ends included, less a byte order mark. A text, HTML, PDF or
    Word file is one document whose id is its path as given.

    Args:
        inputs: see `find_files`.
        columns: of tables and JSON objects; default those of the library's own documents.
        max_document_mib: a longer text, also when unpacked, is a failure.
        on_failure: gets what cannot be read, and reading goes on.

    Raises:
        FormatError: an input does not exist; or, without `on_failure`, a document cannot be read.
        ConfigError: `max_document_mib` is less than 1.
        DependencyError: a kind of file needs a library of the extra `batch` that is not installed.
    """
    check_limit(max_document_mib)
    for path in find_files(inputs).paths:
        for item in read_file(path, columns or Columns(), max_document_mib):
            if isinstance(item, Found):
                yield item.document
            elif on_failure is None:
                raise FormatError(str(item))
            else:
                on_failure(item)


def check_limit(max_document_mib: int) -> None:
    """Raises ConfigError unless the limit is at least 1."""
    if max_document_mib < 1:
        raise ConfigError(f"max_document_mib {max_document_mib}: expected at least 1")


def read_file(path: str, columns: Columns, max_document_mib: int) -> Iterator[Found | Failure]:
    """Yields what a file holds, in order; a fault that ends the reading is its last item."""
    position: str | None = None
    try:
        yield from _READERS[_kind(path)](path, columns, max_document_mib)
        return
    except DependencyError:
        raise
    except OSError as error:
        # A broken gzip file is one, too, without the system's words.
        reason = f"cannot be read: {error.strerror or error}"
    except (EOFError, zlib.error) as error:
        reason = f"not a whole gzip file: {error}"
    except UnicodeDecodeError as error:
        position = f"byte {error.start}"
        reason = f"{_bad_byte(error)}, expected text in {error.encoding.upper()}"
    except FormatError as error:
        reason = str(error)
    except Exception as error:
        # The libraries that read PDF, Word, HTML and Parquet fail on broken files in any way they like.
        reason = f"cannot be read: {_told(error)}"
    yield Failure(path, path, position, reason)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _bad_byte(error: UnicodeDecodeError) -> str:
    return f"byte 0x{error.object[error.start]:02x} is no {error.encoding.upper()}"


def _open(path: str) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.lower().endswith(".gz") else open(path, "rb")


def _read_bytes(path: str, max_mib: int) -> bytes:
    with _open(path) as file:
        raw = file.read(max_mib * 2**20 + 1)
    if len(raw) > max_mib * 2**20:
        raise _too_large(path, max_mib)
    return raw


def _too_large(path: str, max_mib: int) -> FormatError:
    unpacked = " when unpacked" if path.lower().endswith((".gz", ".docx")) else ""
    return FormatError(f"larger than {max_mib} MiB{unpacked}, the limit for one document")


# ---- one document a file ----


def _read_text(path: str, columns: Columns, max_mib: int) -> Iterator[Found]:
    yield Found(Document(path, _decode(_read_bytes(path, max_mib))), path)


def _decode(raw: bytes, encoding: str = "utf-8") -> str:
    # Not "utf-8-sig", whose errors count bytes from behind the mark.
    return raw.decode(encoding).removeprefix("\ufeff")


_HIDDEN = ("script", "style", "noscript", "template", "nav", "footer", "aside", "svg", "button", "select")
_PARAGRAPHS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "section")
_LINES = ("div", "li", "tr", "hr", "dt", "dd", "article", "header", "figcaption", "address", "caption")
# The end of a block (any number of them end one line), of a paragraph (a blank line follows), and <br>.
_LINE, _PARAGRAPH, _BREAK = _MARKS = "\x01\x02\x03"
_MARK_OF = {
    **dict.fromkeys(_PARAGRAPHS, _PARAGRAPH),
    **dict.fromkeys(_LINES, _LINE),
    **dict.fromkeys(("td", "th"), " "),
}
_DAY_TAGS = (
    {"property": "article:published_time"},
    {"itemprop": "datePublished"},
    {"name": re.compile(r"^(date|dc\.date|dcterms\.(date|issued))$", re.IGNORECASE)},
)


def _read_html(path: str, columns: Columns, max_mib: int) -> Iterator[Found]:
    """The page's <main> or only <article> where there is one, less menus, side columns and footers."""
    try:
        from bs4 import BeautifulSoup
        from bs4.dammit import EncodingDetector
    except ImportError as error:
        raise _missing("HTML", "beautifulsoup4") from error
    raw = _read_bytes(path, max_mib)
    encoding = "utf-8"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif not raw.startswith(codecs.BOM_UTF8):
        encoding = EncodingDetector.find_declared_encoding(raw, is_html=True) or encoding
    try:
        if codecs.lookup(encoding).name in ("ascii", "iso8859-1"):
            encoding = "cp1252"  # what browsers read these names as (WHATWG Encoding Standard)
    except LookupError:
        raise FormatError(f"says that it is in {encoding!r}, which is no known encoding") from None
    # Control characters are none of HTML's, and mark here where lines end.
    page = BeautifulSoup(re.sub(f"[{_MARKS}]", "", _decode(raw, encoding)), "html.parser")
    title = " ".join(page.title.get_text().split()) if page.title else ""
    published = None
    for attributes in _DAY_TAGS:
        tag = page.find("meta", attrs=cast(Any, attributes))
        match = _DAY.fullmatch(str(tag.get("content", "")).strip()) if tag else None
        if published is None and match:
            published = _day(match[1], "the page's date")
    tags = [node for node, leaving in _shown(page) if leaving]
    articles = [tag for tag in tags if tag.name == "main"] or [tag for tag in tags if tag.name == "article"]
    text = _lines_of(_marked_text(articles[0])) if len(articles) == 1 else ""
    text = text or _lines_of(_marked_text(page))
    yield Found(Document(path, text, title=title or None, published=published), path)


def _shown(root: Tag) -> Iterator[tuple[Any, bool]]:
    """Yields what readers of a page see, in order: strings once; tags when entered, and (True) when left."""
    from bs4.element import PreformattedString, Tag

    waiting: list[tuple[PageElement, bool]] = [(root, False)]
    while waiting:
        node, leaving = waiting.pop()
        if not isinstance(node, Tag):
            # Others of the kind are comments and the doctype.
            if not isinstance(node, PreformattedString):
                yield node, False
        elif node.name not in _HIDDEN and node.name != "head":
            yield node, leaving
            if not leaving:
                waiting.append((node, True))
                waiting.extend((child, False) for child in reversed(node.contents))


def _marked_text(root: Tag) -> str:
    """The text below a tag with marks where its blocks begin and end.

    In one pass that leaves the tree as it is: each change of one would look for its place among its siblings.
    """
    from bs4.element import Tag

    parts: list[str] = []
    num_pre = 0
    for node, leaving in _shown(root):
        if not isinstance(node, Tag):
            lines = str(node).splitlines() if num_pre else [str(node)]
            parts.append(_BREAK.join(re.sub(r"\s+", " ", line) for line in lines))
        elif node.name == "br":
            parts.append("" if leaving else _BREAK)
        else:
            parts.append(_MARK_OF.get(node.name, ""))
            num_pre += (node.name == "pre") * (-1 if leaving else 1)
    return "".join(parts)


def _lines_of(marked: str) -> str:
    def ends(match: re.Match[str]) -> str:
        if match[0].isspace():
            return match[0]
        blank = _PARAGRAPH in match[0] or match[0].count(_BREAK) > 1
        return "\n\n" if blank else "\n"

    # Whole runs of blanks and marks: a pattern that asks for a mark would start anew at each blank.
    return re.sub(rf"[{_MARKS}\s]+", ends, re.sub(" +", " ", marked)).strip()


def _read_pdf(path: str, columns: Columns, max_mib: int) -> Iterator[Found]:
    try:
        from pypdf import PdfReader
    except ImportError as error:
        raise _missing("PDF", "pypdf") from error
    with open(path, "rb") as file:
        reader = PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise FormatError("is encrypted, expected a file without a password")
        pages, num_left = [], max_mib * 2**20
        for page in reader.pages:
            pages.append(page.extract_text())
            num_left -= len(pages[-1])
            if num_left < 0:
                raise _too_large(path, max_mib)
        title = reader.metadata.title if reader.metadata else None
    text = "\n\n".join(pages)
    if pages and not text.strip():
        raise FormatError(f"its {len(pages)} pages hold no text, only images; expected a PDF with text")
    yield Found(Document(path, _SURROGATE.sub("\ufffd", text), title=title or None), path)


def _read_docx(path: str, columns: Columns, max_mib: int) -> Iterator[Found]:
    """Page headers, paragraphs and tables in order (a row a line), footers; no notes, no text boxes."""
    try:
        import docx
    except ImportError as error:
        raise _missing("Word", "python-docx") from error
    with open(path, "rb") as file:
        # `zipfile` unpacks no more of an entry than its size as given here.
        num_bytes = sum(entry.file_size for entry in zipfile.ZipFile(file).infolist())
        if num_bytes > max(max_mib * 2**20, _MAX_ZIP_RATIO * os.path.getsize(path)):
            raise _too_large(path, max_mib)
        file.seek(0)
        document = docx.Document(file)
    headers, footers = _docx_margins(document)
    text = "\n".join(
        [*headers, *([""] if headers else []), *_docx_lines(document), *([""] if footers else []), *footers]
    )
    yield Found(Document(path, text, title=document.core_properties.title or None), path)


def _docx_margins(document: DocxDocument) -> tuple[list[str], list[str]]:
    """The lines of all page headers, and of all footers, each once; a letterhead often has number and day."""
    found: tuple[dict[str, None], dict[str, None]] = ({}, {})
    for section in document.sections:
        shown = {
            "first_page_": section.different_first_page_header_footer,
            "": True,
            "even_page_": document.settings.odd_and_even_pages_header_footer,
        }
        for lines, kind in zip(found, ("header", "footer"), strict=True):
            for which, used in shown.items():
                margin = getattr(section, which + kind)
                # Linked: that of the section before, or none.
                if used and not margin.is_linked_to_previous:
                    lines.update(dict.fromkeys(filter(str.strip, _docx_lines(margin))))
    return list(found[0]), list(found[1])


def _docx_lines(container: DocxDocument | _Cell | _Header | _Footer) -> Iterator[str]:
    from docx.table import Table

    for block in container.iter_inner_content():
        if not isinstance(block, Table):
            yield block.text
            continue
        for row in block.rows:
            # A merged cell stands in every column that it covers.
            cells = {id(cell._tc): cell for cell in row.cells}
            yield "\t".join(" ".join(filter(None, _docx_lines(cell))) for cell in cells.values())


def _missing(kind: str, library: str) -> DependencyError:
    return DependencyError(f"reading {kind} files needs {library}: pip install 'sitrep_ie[batch]'")


# ---- many documents a file ----


def _read_jsonl(path: str, columns: Columns, max_mib: int) -> Iterator[Found | Failure]:
    with _open(path) as file:
        for number, (offset, raw) in enumerate(_byte_lines(file, max_mib), 1):
            name, position = f"{path}:{number}", f"line {number}"
            try:
                if raw is None:
                    raise _too_large(path, max_mib)
                line = _decode(raw)
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise FormatError(f"is {type(row).__name__}, expected a JSON object")
            except UnicodeDecodeError as error:
                reason = (
                    f"byte {offset + error.start} of the file: {_bad_byte(error)}, expected text in UTF-8"
                )
            except json.JSONDecodeError as error:
                reason = f"not valid JSON: {error.msg} at column {error.colno}"
            except FormatError as error:
                reason = str(error)
            except (ValueError, RecursionError) as error:
                reason = f"not valid JSON: {error}"
            else:
                yield _row(row, columns, path, position, name)
                continue
            yield Failure(name, path, position, reason)


def _byte_lines(file: BinaryIO, max_mib: int) -> Iterator[tuple[int, bytes | None]]:
    """Yields where each line starts, in bytes, and the line; None in place of a line over the limit."""
    limit = max_mib * 2**20
    offset = 0
    while raw := file.readline(limit + 1):
        start, line = offset, raw if len(raw) <= limit else None
        offset += len(raw)
        while line is None and not raw.endswith(b"\n"):
            raw = file.readline(limit + 1)
            offset += len(raw)
            if not raw:
                break
        yield start, line


class _CsvLines:
    """Lines as `csv` wants them; remembers the bad bytes since `bad` was last emptied."""

    def __init__(self, file: BinaryIO, path: str, max_mib: int) -> None:
        self._lines = _byte_lines(file, max_mib)
        self._too_large = _too_large(path, max_mib)
        self.bad: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for offset, raw in self._lines:
            if raw is None:
                raise self._too_large
            try:
                line = raw.decode()
            except UnicodeDecodeError as error:
                self.bad.append(f"byte {offset + error.start} of the file: {_bad_byte(error)}")
                line = raw.decode(errors="replace")
            yield line.removeprefix("\ufeff") if offset == 0 else line


def _read_csv(path: str, columns: Columns, max_mib: int) -> Iterator[Found | Failure]:
    # The module's own limit, for all readers of the process, is 128 KiB a cell.
    csv.field_size_limit(max(csv.field_size_limit(), min(max_mib * 2**20, sys.maxsize)))
    with _open(path) as file:
        lines = _CsvLines(file, path, max_mib)
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, None)
            if header is None:
                return  # an empty file holds no document
            if lines.bad:
                raise FormatError(f"{lines.bad[0]}, expected text in UTF-8")
            check_header(header, columns)
            number = 0
            for cells in reader:
                if not cells:
                    continue
                number += 1
                name, position = f"{path}:{number}", f"row {number}"
                if lines.bad:
                    yield Failure(name, path, position, f"{lines.bad[0]}, expected text in UTF-8")
                    lines.bad.clear()
                elif len(cells) != len(header):
                    reason = f"{len(cells)} cells, expected {len(header)} as in the header"
                    yield Failure(name, path, position, reason)
                else:
                    yield _row(dict(zip(header, cells, strict=True)), columns, path, position, name)
        except csv.Error as error:
            raise FormatError(f"line {reader.line_num}: not valid CSV: {error}") from error


def _read_parquet(path: str, columns: Columns, max_mib: int) -> Iterator[Found | Failure]:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise _missing("Parquet", "pyarrow") from error
    number = 0
    with ParquetFile(path) as file:
        present = file.schema_arrow.names
        check_header(present, columns)
        wanted = {columns.text, columns.id or "id", columns.published or "published", "source", "title"}
        chosen = [name for name in present if name in wanted]
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=chosen):
            for row in batch.to_pylist():
                number += 1
                yield _row(row, columns, path, f"row {number}", f"{path}:{number}")


def check_header(present: Sequence[str], columns: Columns, what: str = "the file") -> None:
    """Raises FormatError unless every column that is needed is there."""
    for name in filter(None, (columns.text, columns.id, columns.published)):
        if name not in present:
            shown = ", ".join(map(repr, present[:20]))
            raise FormatError(f"no column {name!r}, {what} has {shown or 'none'}")


def read_row(row: Mapping[str, Any], columns: Columns, number: int) -> Found | Failure:
    """Returns the document of row `number` of no file; without an id it gets one made of its text."""
    text = row.get(columns.text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else None
    name = f"sha256:{digest.hexdigest()[:24]}" if digest else f"row {number}"
    return _row(row, columns, "", f"row {number}", name)


def _row(
    row: Mapping[str, Any], columns: Columns, path: str, position: str, default_id: str
) -> Found | Failure:
    name = default_id
    try:
        for column in filter(None, (columns.text, columns.id, columns.published)):
            if column not in row:
                raise FormatError(f"key {column!r} is missing")
        given = row.get(columns.id or "id")
        if isinstance(given, int) and not isinstance(given, bool):
            given = str(given)
        name = _string(given, columns.id or "id") or default_id
        text = row[columns.text]
        if text is None:
            raise FormatError(f"{columns.text!r} is null, expected the text")
        document = Document(
            id=name,
            text=_string(text, columns.text) or "",
            source=_string(row.get("source"), "source"),
            title=_string(row.get("title"), "title"),
            published=_published(row.get(columns.published or "published"), columns.published or "published"),
            period=_period(row.get("period")),
        )
    except (FormatError, DocumentError) as error:
        return Failure(name, path, position, str(error))
    return Found(document, path, position)


def _string(value: Any, key: str) -> str | None:
    """The value, None where there is none: tables cannot tell that from an empty cell."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise FormatError(f"{key!r} is {type(value).__name__}, expected a string")
    if _SURROGATE.search(value):
        raise FormatError(f"{key!r} holds a lone surrogate, which is no character")
    return value


def _published(value: Any, key: str) -> datetime.date | None:
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    text = (_string(value, key) or "").strip()
    if not text:
        return None
    match = _DAY.fullmatch(text)
    if match is None:
        raise FormatError(f"{key!r} is {text[:40]!r}, expected a date such as 2024-03-02")
    return _day(match[1], repr(key))


def _day(day: str, what: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(day)
    except ValueError as error:
        raise FormatError(f"{what} is {day!r}: {error}") from error


def _period(value: Any) -> tuple[datetime.date, datetime.date] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        start, end = (_published(value.get(key), f"period.{key}") for key in ("start", "end"))
        if start is not None and end is not None and start <= end:
            return start, end
    raise FormatError("'period' is no object with 'start' and 'end', two dates in order")


_READERS: dict[str, Callable[[str, Columns, int], Iterator[Found | Failure]]] = {
    ".txt": _read_text,
    ".md": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".txt.gz": _read_text,
    ".md.gz": _read_text,
    ".html.gz": _read_html,
    ".htm.gz": _read_html,
    ".jsonl.gz": _read_jsonl,
    ".csv.gz": _read_csv,
    ".parquet": _read_parquet,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
}
SUFFIXES = tuple(_READERS)

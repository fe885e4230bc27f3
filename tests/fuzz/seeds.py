"""Good files of every kind, for mutation to start from, and the mutations."""

from __future__ import annotations

import gzip
import io
import json
import random
import tempfile
from functools import cache
from pathlib import Path

from conftest import TINY_INLINE, TINY_ONTOLOGY

from sitrep_ie.batch.readers import Columns, read_file
from sitrep_ie.config import Config, format_toml
from sitrep_ie.document import Annotation, Document, Report
from sitrep_ie.formats import read_examples, write_examples
from tests.fuzz.targets import BATCH_SUFFIXES, FORMATS, KINDS, ROOT, SETTINGS, WORDS, ontology

TEXT = """\
KARSK, May 5, 2031 - Security forces killed at least three militants near Karsk on Monday night.

- May 2: Border guards sent a convoy of about 20 trucks (10-15 of them empty) to northern Veld.
- 3 May, 0920 hrs: "several" suspects were detained; the Northern Brigade (NB) denied it.
"""


@cache
def seeds() -> dict[str, list[bytes]]:
    """Inputs of each target that are taken, with the byte before them that says of which kind they are."""
    return {
        "formats": [bytes([FORMATS.index(form)]) + raw for form, raw in _formats().items()],
        "settings": [bytes([list(SETTINGS).index(name)]) + raw for name, raw in _settings().items()],
        "batch": [bytes([BATCH_SUFFIXES.index(suffix)]) + raw for suffix, raw in _batch().items()],
        "extract": [TEXT.encode(), TEXT[:120].encode()],
        "resolvers": [
            bytes([number, *range(start, min(start + 6, len(WORDS[kind].split())))])
            for number, kind in enumerate(KINDS)
            for start in range(0, len(WORDS[kind].split()), 6)
        ],
    }


def _formats() -> dict[str, bytes]:
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny.ann").write_text(TINY_INLINE, encoding="utf-8")
        examples = read_examples(folder / "tiny.ann", ontology())
        for form in FORMATS:
            out = folder / form
            write_examples(out, examples, ontology(), form)
            if form == "brat":
                text = min(out.glob("*.txt"))
                found[form] = text.read_bytes() + b"\x00" + text.with_suffix(".ann").read_bytes()
            else:
                found[form] = out.read_bytes()
    return found


def _settings() -> dict[str, bytes]:
    sha = "0" * 64
    document = Document(id="a", text=TEXT)
    report = Report(document=document, annotation=Annotation("a", (), (), ()), events=())
    archive = (report.to_json() + "\n").encode()
    cells = [
        "1",
        "Karsk",
        "Karsk",
        "Karsk,Qarsk",
        "34.5",
        "36.1",
        "P",
        "PPL",
        "SY",
        "",
        "02",
        "",
        "",
        "",
        "9",
    ]
    line = "\t".join([*cells, "", "1", "Asia/Damascus", "2020-01-01"]) + "\n"
    return {
        "config": format_toml(Config().to_dict()).encode(),
        "ontology-toml": (ROOT / "configs" / "ontology.toml").read_bytes(),
        "ontology-json": json.dumps(TINY_ONTOLOGY).encode(),
        "calibration": json.dumps(
            {
                "format": "1",
                "ontology": ontology().digest(),
                "data": {"documents": 1, "sha256": sha},
                "maps": {"event": {"slope": 1.0, "intercept": 0.5}},
            }
        ).encode(),
        "manifest": json.dumps(
            {
                "format": "1",
                "library_version": "0.1.0",
                "needs_library": "0.1.0",
                "files": {"config.toml": {"bytes": 1, "sha256": sha}},
            }
        ).encode(),
        "gazetteer-list": b"name,latitude,longitude,country,admin1,aliases\nKarsk,34.5,36.1,SY,,Qarsk|K.\n",
        "geonames": line.encode(),
        "actors": b'[[actors]]\nname = "Northern Brigade"\nkind = "armed group"\naliases = ["NB"]\n',
        "archive": archive,
        "archive-gz": gzip.compress(archive),
        "encoder": b'{"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "vocab_size": 99, '
        b'"num_attention_heads": 2, "intermediate_size": 32}',
    }


def _batch() -> dict[str, bytes]:
    import docx
    import pyarrow
    import pyarrow.parquet

    word, parquet = io.BytesIO(), io.BytesIO()
    document = docx.Document()
    document.add_paragraph(TEXT)
    document.add_table(1, 2).cell(0, 0).text = "Karsk"
    document.save(word)
    table = pyarrow.table({"id": ["a"], "text": [TEXT], "published": ["2031-05-05"]})
    pyarrow.parquet.write_table(table, parquet)
    rows = json.dumps({"id": "a", "text": TEXT, "published": "2031-05-05"}).encode()
    csv = b'id,text,published\na,"Two men, ""rebels"", fled.\nAll is calm.",2031-05-05\n'
    html = (
        b"<!doctype html><html><head><meta charset=utf-8><title>T</title><meta name=date content=2031-05-05>"
        b"</head><body><nav>x</nav><main><p>Two men <b>fled</b>.<br>Calm.<table><tr><td>1<td>2</table></main>"
    )
    found = {
        ".txt": TEXT.encode(), ".md": TEXT.encode(), ".html": html, ".jsonl": rows, ".csv": csv,
        ".txt.gz": gzip.compress(TEXT.encode()), ".html.gz": gzip.compress(html),
        ".jsonl.gz": gzip.compress(rows), ".csv.gz": gzip.compress(csv), ".parquet": parquet.getvalue(),
        ".pdf": pdf_of(["Two men fled.", "All is calm."]), ".docx": word.getvalue(),
    }  # fmt: skip
    for suffix, raw in found.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"seed{suffix}"
            path.write_bytes(raw)
            assert all(hasattr(item, "document") for item in read_file(str(path), Columns(), 1)), suffix
    return found


def pdf_of(pages: list[str]) -> bytes:
    """A plain PDF, one line of text a page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, page in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET".encode()
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    raw, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(raw))
        raw += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(raw)
    raw += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    raw += b"".join(b"%010d 00000 n \n" % place for place in places)
    return raw + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


# What breaks parsers: long numbers, deep nesting, controls, half characters, marks of direction and of order.
NASTY = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xe2\x80\xae", b"\xe2\x80\xa8",
    b"\r", b"\r\n\r\n", b"\n\n", b"\t", b'"', b"'", b"\\", b"{", b"}", b"[" * 2000, b"]",
    b"(", b'{"a":' * 2000,
    b"1" * 5000, b"-1", b"1e999", b"NaN", b"null", b"true", b"99999999999999999999", b"\\ud800", b"#", b">",
    b"|", b"<!--", b"<table>" * 300, b"]]>", b"&#x110000;", b"e\xcc\x81" * 200, b"\xf0\x9f\x98\x80",
    b"\x1b[31m", b"=1+1", b"__proto__",
    b"../", b"%s", b" " * 3000,
)  # fmt: skip


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """The seed with a few changes of chance behind its first byte."""
    head, raw = seed[:1], bytearray(seed[1:])
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(len(raw) + 1)
        to = min(len(raw), at + rng.choice((1, 1, 2, 8, 40)))
        kind = rng.randrange(6)
        if kind == 0:
            del raw[at:to]
        elif kind == 1:
            raw[at:at] = rng.choice(NASTY)
        elif kind == 2:
            raw[at:to] = rng.choice(NASTY)
        elif kind == 3:
            raw[at:to] = rng.randbytes(to - at)
        elif kind == 4:
            raw[at:at] = raw[rng.randrange(len(raw) + 1) :][: rng.choice((3, 20, 200))]
        else:
            del raw[at:]
    return head + bytes(raw)

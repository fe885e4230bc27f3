"""Files of every kind -> documents: text as it stands, one clear failure for what cannot be read."""

from __future__ import annotations

import datetime
import gzip
import io
import itertools
import json
import zipfile
from pathlib import Path

import docx
import pyarrow
import pyarrow.parquet
import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from sitrep_ie.batch import Columns, find_files, read_documents
from sitrep_ie.errors import ConfigError, FormatError

TEXT = "Karsk 😀: two trucks left.\r\n\r\nNothing else é\u0301.\r\n"


def read(*inputs, **options):
    """Documents and the failures as (position, reason)."""
    failures = []
    documents = list(read_documents([str(path) for path in inputs], on_failure=failures.append, **options))
    return documents, [(failure.position, failure.reason) for failure in failures]


def write(path: Path, raw: bytes) -> Path:
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


# ---- text ----


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.TXT", "a.txt.gz", "a.md.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_text_is_as_it_stands(tmp_path, name, mark):
    path = write(tmp_path / name, mark + TEXT.encode())
    (document,), failures = read(path)
    assert (document.id, document.text, failures) == (str(path), TEXT, [])


def test_an_empty_file_is_an_empty_document(tmp_path):
    (document,), failures = read(write(tmp_path / "a.txt", b""))
    assert (document.text, failures) == ("", [])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_a_bad_byte_is_told_with_file_and_offset(tmp_path, mark):
    path = write(tmp_path / "a.txt", mark + "é".encode() + b"b\xff")
    documents, ((position, reason),) = read(path)
    assert (documents, position) == ([], f"byte {3 + len(mark)}")
    assert "0xff" in reason
    with pytest.raises(FormatError, match=rf"a\.txt: byte {3 + len(mark)}: "):
        list(read_documents([path]))


def test_a_broken_gzip_file(tmp_path):
    whole = gzip.compress(TEXT.encode() * 100)
    (tmp_path / "a.txt.gz").write_bytes(whole[:-20])
    (tmp_path / "b.txt.gz").write_bytes(b"no gzip")
    documents, failures = read(tmp_path)
    assert documents == []
    assert [reason.split(":")[0] for _, reason in failures] == ["not a whole gzip file", "cannot be read"]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.html.gz", "a.jsonl.gz", "a.csv.gz"])
def test_what_unpacks_to_more_than_the_limit_fails(tmp_path, name):
    path = write(tmp_path / name, b" " * (2**20 + 1))
    documents, ((_, reason),) = read(path, max_document_mib=1)
    assert documents == []
    assert "larger than 1 MiB" in reason
    assert ("when unpacked" in reason) == name.endswith(".gz")


def test_a_line_over_the_limit_does_not_end_the_file(tmp_path):
    lines = [b'{"text": "a"}', b'{"text": "' + b"x" * 3 * 2**20 + b'"}', b'{"text": "b"}']
    documents, failures = read(write(tmp_path / "a.jsonl.gz", b"\n".join(lines)), max_document_mib=1)
    assert [document.text for document in documents] == ["a", "b"]
    assert [position for position, _ in failures] == ["line 2"]


def test_the_limit_is_checked(tmp_path):
    with pytest.raises(ConfigError, match="max_document_mib 0"):
        list(read_documents([write(tmp_path / "a.txt", b"")], max_document_mib=0))


# ---- rows ----


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_jsonl(tmp_path, name):
    rows = [
        {"id": "r1", "text": TEXT, "published": "2031-05-04", "source": "s", "title": "t", "mentions": []},
        {"text": "b", "published": "2031-05-04T23:10:00Z", "other": 1, "source": None},
        {"id": 7, "text": "", "period": {"start": "2031-05-01", "end": "2031-05-04"}},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path = write(tmp_path / name, ("\ufeff" + "\n\n".join(lines) + "\r\n").encode())
    (first, second, third), failures = read(path)
    day = datetime.date(2031, 5, 4)
    assert failures == []
    assert (first.id, first.text, first.published, first.source, first.title) == ("r1", TEXT, day, "s", "t")
    assert (second.id, second.published) == (f"{path}:3", day)
    assert (third.id, third.text, third.period) == ("7", "", (datetime.date(2031, 5, 1), day))


def test_jsonl_lines_that_fail_leave_the_others(tmp_path):
    bad = [
        b'{"text": "a"',
        b"[1]",
        b'{"id": "x"}',
        b'{"text": null}',
        b'{"text": 3}',
        b'{"text": "\\ud800"}',
        b'{"text": "a", "published": "4 May"}',
        b'{"text": "a", "published": "2031-02-30"}',
        b'{"text": "a", "period": {"start": "2031-05-04", "end": "2031-05-01"}}',
        b'{"text": "a", "id": ["x"]}',
        b'{"text": "\xff"}',
    ]
    words = [
        "not valid JSON", "a JSON object", "'text' is missing", "null", "is int", "lone surrogate", "4 May",
        "2031-02-30", "in order", "is list", "byte 0xff",
    ]  # fmt: skip
    path = write(tmp_path / "a.jsonl", b"\n".join([b'{"text": "first"}', *bad, b'{"text": "last"}']))
    documents, failures = read(path)
    assert [document.text for document in documents] == ["first", "last"]
    assert [position for position, _ in failures] == [f"line {number}" for number in range(2, 13)]
    for word, (_, reason) in zip(words, failures, strict=True):
        assert word in reason
    raw = path.read_bytes()
    assert f"byte {raw.index(0xFF)} of the file" in failures[-1][1]


def test_columns_of_one_s_own(tmp_path):
    columns = Columns(text="body", id="nr", published="day")
    rows = [{"body": "a", "nr": "1", "day": "2031-05-04", "text": "no", "id": "no"}, {"body": "b", "nr": "2"}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)).encode())
    (document,), failures = read(path, columns=columns)
    assert (document.id, document.text, document.published) == ("1", "a", datetime.date(2031, 5, 4))
    assert failures == [("line 2", "key 'day' is missing")]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_csv(tmp_path, name):
    raw = '\ufeffid,text,published\r\nr1,"Karsk 😀,\r\n""two"" lines",2031-05-04\r\n\r\n,b,\r\nr3,short\r\n'
    path = write(tmp_path / name, raw.encode() + b'r4,"x\n\xff",\r\nr5,' + b"y" * 200_000 + b",\r\n")
    documents, failures = read(path)
    assert [document.id for document in documents] == ["r1", f"{path}:2", "r5"]
    assert documents[0].text == 'Karsk 😀,\r\n"two" lines'
    assert [document.published for document in documents] == [datetime.date(2031, 5, 4), None, None]
    assert len(documents[2].text) == 200_000
    assert [position for position, _ in failures] == ["row 3", "row 4"]
    assert "2 cells, expected 3" in failures[0][1]
    assert f"byte {len(raw.encode()) + 6} of the file" in failures[1][1]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"id,body\r\n1,a\r\n", "no column 'text', the file has 'id', 'body'"),
        (b'text\r\n"a', "not valid CSV"),
    ],
    ids=["missing", "open-quote"],
)
def test_csv_that_cannot_be_read(tmp_path, raw, reason):
    documents, ((_, found),) = read(write(tmp_path / "a.csv", raw))
    assert documents == []
    assert reason in found


def test_empty_tables_hold_no_document(tmp_path):
    write(tmp_path / "a.csv", b"")
    write(tmp_path / "b.jsonl", b"")
    write(tmp_path / "c.csv", b"id,text\r\n")
    assert read(tmp_path) == ([], [])


def test_parquet(tmp_path):
    days = [datetime.date(2031, 5, 4), None, datetime.date(2031, 5, 6)]
    table = {"id": [1, 2, 3], "text": [TEXT, None, "c"], "published": days, "other": [0.5, 1, 2]}
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    documents, failures = read(path)
    assert [(d.id, d.text, d.published) for d in documents] == [("1", TEXT, days[0]), ("3", "c", days[2])]
    assert [position for position, _ in failures] == ["row 2"]
    _, ((_, reason),) = read(path, columns=Columns(text="body"))
    assert reason == "no column 'body', the file has 'id', 'text', 'published', 'other'"


# ---- pages ----

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Convoys &amp; more</title>
<meta property="article:published_time" content="2031-05-04T08:00:00+02:00">
<style>p { color: red }</style></head><body><nav><a href="/">Home</a></nav>
<script>var killed = "<p>12 killed</p>";</script><!-- hidden note -->
<main><h1>Karsk 😀</h1><div><div>Two <b>trucks</b>
left.<br>Then rain.</div></div><ul><li>One</li><li>Two</li></ul>
<table><tr><td>Dead</td><td>3</td></tr><tr><td>Hurt</td><td>4</td></tr></table><pre>a
b</pre></main><footer>Contact</footer></body></html>"""


@pytest.mark.parametrize("name", ["a.html", "a.htm", "a.html.gz"])
def test_html(tmp_path, name):
    (document,), failures = read(write(tmp_path / name, PAGE.encode()))
    assert failures == []
    assert document.text == ("Karsk 😀\n\nTwo trucks left.\nThen rain.\n\nOne\nTwo\n\nDead 3\nHurt 4\n\na\nb")
    assert (document.title, document.published) == ("Convoys & more", datetime.date(2031, 5, 4))


def test_html_in_its_own_encoding(tmp_path):
    page = '<meta charset="{}"><p>Café “Karsk”</p>'
    write(tmp_path / "a.html", page.format("iso-8859-1").encode("cp1252"))
    write(tmp_path / "b.html", page.format("utf-8").encode("cp1252"))
    write(tmp_path / "c.html", page.format("none").encode())
    write(tmp_path / "d.html", "<p>Café “Karsk”</p>".encode("utf-16"))
    documents, failures = read(tmp_path)
    assert [document.text for document in documents] == ["Café “Karsk”"] * 2
    assert failures[0][0] == f"byte {len(page.format('utf-8')) - len('é “Karsk”</p>')}"
    assert "'none', which is no known encoding" in failures[1][1]


def test_html_with_several_articles_is_taken_whole(tmp_path):
    (document,), _ = read(write(tmp_path / "a.html", b"<article>a</article><p>b</p><article>c</article>"))
    assert document.text == "a\n\nb\n\nc"


def make_pdf(path: Path, *pages: str, password: str | None = None) -> Path:
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(300, 300)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode() if text else b"")
        page[NameObject("/Contents")] = writer._add_object(stream)
    writer.add_metadata({"/Title": "Convoys"})
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(path)
    return path


def test_pdf(tmp_path):
    path = make_pdf(tmp_path / "a.pdf", "Two trucks left Karsk.", "Nothing else.")
    (document,), failures = read(path)
    assert failures == []
    assert (document.text, document.title) == ("Two trucks left Karsk.\n\nNothing else.", "Convoys")


def test_pdf_that_cannot_be_read(tmp_path):
    make_pdf(tmp_path / "a.pdf", "", "")
    make_pdf(tmp_path / "b.pdf", "Two trucks", password="p")
    write(tmp_path / "c.pdf", b"no pdf at all")
    documents, failures = read(tmp_path)
    assert documents == []
    for word, (_, reason) in zip(
        ["its 2 pages hold no text", "encrypted", "cannot be read"], failures, strict=True
    ):
        assert word in reason


def test_docx(tmp_path):
    made = docx.Document()
    made.core_properties.title = "Convoys"
    made.add_heading("Karsk 😀")
    table = made.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Dead", "3"
    table.cell(1, 0).merge(table.cell(1, 1)).text = "none hurt"
    made.add_paragraph("Two trucks left.")
    made.save(tmp_path / "a.docx")
    (document,), failures = read(tmp_path / "a.docx")
    assert failures == []
    assert document.text == "Karsk 😀\nDead\t3\nnone hurt\nTwo trucks left."
    assert document.title == "Convoys"


def test_docx_headers_and_footers(tmp_path):
    """Each line once, whichever pages show it; what no page shows is not read."""
    made = docx.Document()
    made.add_section()
    first, second = made.sections
    first.header.paragraphs[0].text = "SITREP No 5\t3 May 2031"
    first.even_page_header.paragraphs[0].text = "never shown"
    first.different_first_page_header_footer = True
    first.first_page_header.paragraphs[0].text = "Mission in Karsk"
    first.footer.paragraphs[0].text = "Internal"
    assert second.header.is_linked_to_previous
    second.footer.is_linked_to_previous = False
    second.footer.add_table(1, 2, docx.shared.Inches(4)).cell(0, 1).text = "Annex"
    made.add_paragraph("Two trucks left.")
    made.save(tmp_path / "a.docx")
    (document,), failures = read(tmp_path / "a.docx")
    assert failures == []
    lines = [line for line in document.text.splitlines() if line]
    assert lines == [
        "Mission in Karsk", "SITREP No 5\t3 May 2031", "Two trucks left.", "Internal", "\tAnnex",
    ]  # fmt: skip
    assert "3 May 2031\n\n" in document.text


def test_docx_that_cannot_be_read(tmp_path):
    write(tmp_path / "a.docx", b"no zip file")
    with zipfile.ZipFile(tmp_path / "b.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b" " * 3 * 2**20)
    documents, failures = read(tmp_path, max_document_mib=1)
    assert documents == []
    for word, (_, reason) in zip(
        ["cannot be read", "larger than 1 MiB when unpacked"], failures, strict=True
    ):
        assert word in reason


# ---- which files ----


def test_folders_globs_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ["in/b.txt", "in/a/z.md", "in/a/y.png", "in/.git/x.txt", "in/.hidden.txt", "in/c.jsonl"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    listed = find_files(["in/c.jsonl", "in"])
    assert listed.paths == ("in/c.jsonl", "in/b.txt", "in/a/z.md")
    assert listed.num_skipped == 1
    assert find_files(["in/*.txt", "in/**/*.md"]).paths == ("in/b.txt", "in/a/z.md")
    assert find_files(["in"], exclude=[tmp_path / "in" / "b.txt"]).paths == ("in/c.jsonl", "in/a/z.md")


def test_what_another_run_wrote_is_no_input(tmp_path):
    for name in ["a.txt", "out.jsonl", "out.jsonl.errors.jsonl", "out.jsonl.state.json", "b.jsonl"]:
        (tmp_path / name).write_text("", encoding="utf-8")
    assert [Path(path).name for path in find_files([tmp_path]).paths] == ["a.txt", "b.jsonl"]


def test_a_name_with_glob_marks_is_a_name(tmp_path):
    path = write(tmp_path / "a[1].txt", b"x")
    assert find_files([path]).paths == (str(path),)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["none.txt"], "none.txt: there is no such file"),
        (["*.txt"], r"\*.txt: no file to read there"),
        (["empty"], "empty: no file to read there"),
        (["a.png"], "a.png: expected a file that ends in one of .txt"),
        ([], "no input"),
    ],
    ids=["file", "glob", "folder", "kind", "none"],
)
def test_inputs_that_give_nothing(tmp_path, monkeypatch, inputs, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a.png", b"")
    with pytest.raises(FormatError, match=words):
        find_files(inputs)


def test_the_digest_tells_a_change(tmp_path):
    path = write(tmp_path / "a.txt", b"x")
    before = find_files([tmp_path]).digest()
    assert find_files([tmp_path]).digest() == before
    write(path, b"xy")
    assert find_files([tmp_path]).digest() != before


def test_a_file_that_goes_is_a_failure(tmp_path):
    write(tmp_path / "a.txt", b"x")
    write(tmp_path / "b.txt", b"x").chmod(0o600)
    failures = []
    stream = read_documents([tmp_path], on_failure=failures.append)
    next(stream)
    (tmp_path / "b.txt").unlink()
    assert list(stream) == []
    assert "No such file" in failures[0].reason


def test_reading_is_a_stream(tmp_path, monkeypatch):
    """The first documents come before the rest of the file is read."""
    opened = io.BytesIO(b'{"text": "a"}\n' * 200_000)
    path = write(tmp_path / "a.jsonl", b"")
    monkeypatch.setattr("sitrep_ie.batch.readers._open", lambda _: opened)
    stream = read_documents([path])
    assert len(list(itertools.islice(stream, 10))) == 10
    assert opened.tell() == 10 * 14

"""The HTML page: what stands in it, that no text of a report can break out, that it works in a browser."""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
import json
import math
import re
import shutil
import struct
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.cli import main
from sitrep_ie.document import (
    ActorArgument,
    DateValue,
    Document,
    Event,
    EventTime,
    Mention,
    PlaceArgument,
    PlaceValue,
    Report,
    Span,
    TriggerText,
)
from sitrep_ie.errors import DocumentError, FormatError
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.quantities import resolve_quantity
from sitrep_ie.view import maps, read_reports, reports_to_html, timeline

SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")
PLACES = {"Orm": (61.5, 8.25), "Karsk": (62.0, 9.5), "Veld": (61.0, 10.75)}
RESOLVERS = replace(
    Resolvers.none(),
    quantity=resolve_quantity,
    date=lambda *_: DateValue(datetime.date(2031, 5, 3), datetime.date(2031, 5, 3), "day", "explicit"),
    places=lambda queries, texts: [
        PlaceValue("exact", q.text, f"x:{q.text}", *PLACES[q.text], "NO")
        if q.text in PLACES
        else PlaceValue("unresolved")
        for q in queries
    ],
)
TEXT = """\
# id: log | source: made up | published: 2031-05-10 | title: Orm
😀👩‍👩‍👧 {DATE d1|May 3}: {ACTOR a1|gunmen} {MOVEMENT e1|drove} {QUANTITY q1|20} {OBJECT o1|trucks} from \
{LOCATION l1|Orm} by way of {LOCATION l2|Karsk} to {LOCATION l3|Veld}.
> e1 AGENT a1
> e1 THEME o1
> e1 ORIGIN l1
> e1 VIA l2
> e1 DESTINATION l3
> e1 TIME d1
> q1 QUANTITY_OF o1

{QUANTITY q1|Two} {AIRSTRIKE e1|strikes}: {QUANTITY q2|one} {AIRSTRIKE e2|strike} {DAMAGE e3|hit} \
{LOCATION l1|Nowhere} <b onclick=x>& </script>; nobody was {INJURY e4|hurt}.
> e1 COUNT q1
> e1 IS AGGREGATE
> e2 SUBEVENT_OF e1
> e2 COUNT q2
> e3 SUBEVENT_OF e2
> e3 TARGET l1
> e4 SUBEVENT_OF e2
> e4 IS NEGATED
"""
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover='alert(3)' "
    "{{ 7 * 7 }} --> ]]> \u2028\u2029\0 &lt;"
)


@pytest.fixture(scope="module")
def report() -> Report:
    (example,) = parse_inline(TEXT, "test", SHIPPED)
    return assemble(example.document, example.gold, SHIPPED, RESOLVERS)


def soup_of(page: str) -> BeautifulSoup:
    # Without this, blank lines between two elements would be one line end.
    return BeautifulSoup(page, "html.parser", preserve_whitespace_tags={"div"})


def embedded(soup: BeautifulSoup) -> Any:
    return json.loads(soup.select_one("#data").string)


def hostile_report() -> Report:
    """Markup wherever a report has text: id, title, source, text, mention, type, event id, names."""
    text = f"😀 {HOSTILE}\r\n{HOSTILE}"
    start = 2
    span = Span(start, start + len(HOSTILE))
    trigger = Span(span.end + 2, len(text))
    event = Event(
        id='e"><script>',
        type="</svg><script>alert(4)</script>",
        score=0.5,
        triggers=(TriggerText(HOSTILE, trigger),),
        modality="planned",
        time=EventTime(datetime.date(2031, 5, 3), None, "day", "explicit", HOSTILE, (span,)),
        places=(place(HOSTILE, 8.25, 61.5, span=span),),
        aggregate=True,
    )
    document = Document(HOSTILE, text, source=HOSTILE, title=HOSTILE)
    node = Mention(span, "</style><script>alert(5)</script>")
    raw = Report(document=document, annotation=annotation(document, node), events=(event,))
    assert raw.annotation.mentions
    return raw


def annotation(document: Document, *mentions: Mention) -> Any:
    from sitrep_ie.document import Annotation

    return Annotation(document.id, mentions=mentions)


def place(
    name: str, longitude: float | None, latitude: float, role: str = "at", span: Span | None = None
) -> PlaceArgument:
    return PlaceArgument(
        role=role,
        text=name,
        span=span or Span(0, 1),
        within=(),
        name=name,
        gazetteer_id=None,
        latitude=latitude,
        longitude=longitude,
        country=None,
        precision="exact",
        score=1.0,
    )


def event_at(*places: PlaceArgument, start: str | None = None, end: str | None = None, **more: Any) -> Event:
    days = [day and datetime.date.fromisoformat(day) for day in (start, end or start)]
    return Event(
        id=more.pop("id", "e1"),
        type="MOVEMENT",
        score=0.9,
        triggers=(),
        modality="actual",
        time=EventTime(*days, "day", "explicit", **more),
        places=places,
    )


# ---- what stands in the page ----


def test_every_mention_and_trigger_is_marked_where_it_stands(report: Report) -> None:
    soup = soup_of(report.to_html())
    text = report.document.text
    assert soup.select_one(".text").get_text() == text
    marks = soup.select(".text mark")
    found = [(int(m["data-start"]), int(m["data-end"]), m["data-type"]) for m in marks]
    assert found == [(n.span.start, n.span.end, n.type) for n in report.annotation.spans()]
    assert [mark.get_text() for mark in marks] == [text[start:end] for start, end, _ in found]
    assert text[found[0][0] : found[0][1]] == "May 3"
    assert found[0][0] > len("😀")


def test_marks_name_their_events_and_roles(report: Report) -> None:
    soup = soup_of(report.to_html())
    moved = next(event for event in report.events if event.type == "MOVEMENT")
    lit = [mark.get_text() for mark in soup.select(".text mark") if moved.id in mark["data-events"].split()]
    assert lit == ["May 3", "gunmen", "drove", "20", "trucks", "Orm", "Karsk", "Veld"]
    veld = next(mark for mark in soup.select(".text mark") if mark.get_text() == "Veld")
    assert veld["data-tip"] == f"LOCATION · score 1.00 · destination of {moved.id}"
    hurt = next(mark for mark in soup.select(".text mark") if mark.get_text() == "hurt")
    assert "NEGATED" in hurt["data-tip"]


def test_evidence_is_marked_in_the_text(report: Report) -> None:
    soup = soup_of(report.to_html())
    for event in report.events:
        parts = [e for e in soup.select(".text [data-evidence]") if event.id in e["data-evidence"].split()]
        shown = "".join(part.get_text() for part in parts)
        assert shown == "".join(report.document.text[span.start : span.end] for span in event.evidence)


def test_every_event_has_a_row(report: Report) -> None:
    rows = soup_of(report.to_html()).select(".events tbody tr")
    assert [row["data-events"] for row in rows] == [event.id for event in report.events]
    cells = [cell.get_text() for cell in rows[0].select("td")]
    assert "“drove”" in cells[0]
    assert cells[1:6] == ["2031-05-03", "gunmen", "20 trucks", "from Orm; via Karsk; to Veld", ""]


def test_totals_stand_against_their_items(report: Report) -> None:
    total = next(event for event in report.events if event.aggregate)
    assert total.reconciliation is not None
    row = soup_of(report.to_html()).select_one(".totals tbody tr")
    assert row["data-for"] == total.id
    cells = [cell.get_text(strip=True) for cell in row.select("td")]
    assert cells[:3] == ["occurrences", "2", f"{total.reconciliation.summed:g}"]
    assert cells[3] == {True: "✓ yes", False: "✗ no", None: "– not known"}[total.reconciliation.agrees]


def test_the_map_has_points_arrows_and_names_what_it_lacks(report: Report) -> None:
    soup = soup_of(report.to_html())
    assert [text.get_text() for text in soup.select(".map .point text")] == ["Orm", "Karsk", "Veld"]
    assert [path["aria-label"].split(": ")[1] for path in soup.select(".arrow")] == [
        "Orm → Karsk",
        "Karsk → Veld",
    ]
    assert "Not on the map: Nowhere." in soup.get_text()


def test_the_page_holds_the_records(report: Report) -> None:
    assert embedded(soup_of(report.to_html())) == [report.to_dict()]


def test_a_report_without_anything() -> None:
    document = Document("empty", "Calm.")
    soup = soup_of(Report(document, annotation(document)).to_html())
    assert soup.select_one(".text").get_text() == "Calm."
    assert "No event was found" in soup.get_text()
    assert not soup.select(".map, .timeline, .totals, .chooser")


def test_to_html_writes_what_it_returns(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert path.write_bytes(b"") == 0
    page = report.to_html(path)
    assert path.read_bytes() == page.encode()


def test_overlapping_mentions_are_refused() -> None:
    document = Document("twice", "some text")
    nodes = (Mention(Span(0, 4), "ACTOR"), Mention(Span(2, 6), "OBJECT"))
    with pytest.raises(DocumentError, match="'twice'.*overlaps"):
        Report(document, annotation(document, *nodes)).to_html()


# ---- safety ----


class Tags(HTMLParser):
    """The start tags of a page as a tokenizer sees them; the content of scripts is no markup."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_no_text_of_a_report_becomes_markup() -> None:
    report = hostile_report()
    page = report.to_html()
    tags = Tags(page).tags
    assert [attrs for tag, attrs in tags if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    assert not [tag for tag, _ in tags if tag in ("img", "b", "iframe", "object", "link", "base")]
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]
    assert "{{ 7 * 7 }}" in page
    assert "\u2028" not in page.split('id="data">')[1].split("</script>")[0]
    soup = soup_of(page)
    shown = HOSTILE.replace("\0", "\ufffd")
    assert soup.select_one("h1").get_text() == shown
    assert soup.title.get_text() == shown
    assert soup.select_one(".text").get_text() == f"😀 {shown}\n{shown}"
    (saved,) = embedded(soup)
    assert saved["id"] == shown
    assert saved["events"][0]["type"] == report.events[0].type


def test_what_utf8_cannot_hold_is_replaced() -> None:
    document = Document("lone", "a \ud83d b")
    page = Report(document, annotation(document)).to_html()
    assert soup_of(page).select_one(".text").get_text() == "a \ufffd b"
    assert page.encode()


def test_the_page_asks_for_nothing_and_runs_only_its_own_script(report: Report) -> None:
    page = report.to_html()
    soup = soup_of(page)
    policy = soup.select_one("meta[http-equiv]")["content"]
    digest = base64.b64encode(hashlib.sha256(soup.select("script")[-1].string.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\((?!#)", page)
    assert all(tag["href"].startswith("#") for tag in soup.select("[href]"))
    assert not soup.select("[src]")


def test_a_notebook_shows_the_page_in_a_sandboxed_frame(report: Report) -> None:
    (frame,) = soup_of(report._repr_html_()).find_all(True)
    assert frame.name == "iframe"
    assert frame["srcdoc"] == report.to_html()
    assert set(" ".join(frame.get_attribute_list("sandbox")).split()) == {"allow-scripts", "allow-downloads"}


# ---- pictures ----


def test_days_and_stretches_on_the_timeline() -> None:
    events = [
        event_at(start="2031-05-01", end="2031-05-31"),
        event_at(start="2031-05-16"),
        event_at(),
        event_at(
            start="2031-05-02",
            end="2031-05-30",
            dates=(datetime.date(2031, 5, 2), datetime.date(2031, 5, 30)),
        ),
    ]
    events = [replace(event, id=f"e{i}") for i, event in enumerate(events)]
    laid_out = timeline.lay_out(events)
    assert laid_out is not None
    assert sorted(bar.event.id for bar in laid_out.bars) == ["e0", "e1", "e3", "e3"]
    assert laid_out.num_undated == 1
    whole = next(bar for bar in laid_out.bars if bar.event.id == "e0")
    middle = next(bar for bar in laid_out.bars if bar.event.id == "e1")
    assert middle.x + middle.width / 2 == pytest.approx(whole.x + whole.width / 2, abs=0.2)
    boxes = [(bar.x, bar.x + bar.width, bar.y) for bar in laid_out.bars]
    for i, (left, right, y) in enumerate(boxes):
        assert 0 <= left < right <= laid_out.width
        assert not [b for b in boxes[i + 1 :] if b[2] == y and b[0] < right and left < b[1]]


@pytest.mark.parametrize(
    ("start", "end"),
    [("2031-05-03", "2031-05-03"), ("2030-11-02", "2031-06-30"), ("0001-01-01", "9999-12-31")],
)
def test_ticks_lie_on_the_timeline(start: str, end: str) -> None:
    laid_out = timeline.lay_out([event_at(start=start, end=end)])
    assert laid_out is not None
    assert 1 <= len(laid_out.ticks) <= 12
    assert all(0 <= x <= laid_out.width for x, _ in laid_out.ticks)


@pytest.mark.parametrize(
    "places",
    [
        [(36.2, 37.1)],
        [(-179.5, -16.0), (178.0, -18.0)],
        [(-120.0, 40.0), (0.0, 51.0), (140.0, -35.0)],
        [(20.0, 89.9), (-60.0, -89.9)],
    ],
)
def test_points_lie_inside_the_map(places: list[tuple[float, float]]) -> None:
    laid_out = maps.lay_out([event_at(*(place(f"P{i}", *where) for i, where in enumerate(places)))])
    assert laid_out is not None
    assert len(laid_out.points) == len(places)
    for point in laid_out.points:
        assert 0 < point.x < laid_out.width
        assert 0 < point.y < laid_out.height


def test_a_map_around_the_date_line_is_narrow() -> None:
    laid_out = maps.lay_out([event_at(place("A", -179.5, -16.0), place("B", 178.0, -18.0))])
    assert laid_out is not None
    west, _, east, _ = laid_out.box
    assert east - west < 15
    a, b = laid_out.points
    assert b.x < a.x


def test_labels_cover_neither_points_nor_each_other() -> None:
    crowd = [place(f"Settlement {i}", 40 + 0.01 * i, 35 + 0.01 * (i % 3)) for i in range(12)]
    laid_out = maps.lay_out([event_at(*crowd, place("Far", 44.0, 36.0))])
    assert laid_out is not None
    labelled = [point for point in laid_out.points if point.label_x is not None]
    assert 1 < len(labelled) < 13
    assert len({(point.label_x, point.label_y) for point in labelled}) == len(labelled)


def test_outlines_are_where_countries_are() -> None:
    path = maps.outline_path([(-10, 36, -6, 43)])
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    # Portugal's border with Spain and coast; latitudes are written with north as negative.
    assert any(math.dist(pair, (-8.9, -37.0)) < 0.4 for pair in zip(numbers[::2], numbers[1::2], strict=True))
    assert len(path) < len(maps.outline_path([(-180, -90, 180, 90)])) / 2


def test_the_outline_file_is_small() -> None:
    assert Path(maps.__file__).with_name("outline.json").stat().st_size <= 60_000


# ---- archives and the command ----


@pytest.fixture
def archive(report: Report, tmp_path: Path) -> Path:
    path = tmp_path / "many.jsonl"
    reports = [report, hostile_report(), replace(report, events=())]
    path.write_text("".join(f"{json.dumps(one.to_dict())}\n" for one in reports), encoding="utf-8")
    return path


def test_an_archive_gives_one_page_with_a_list(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    assert main(["view", str(archive), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 3 reports\n"
    soup = soup_of(out.read_text(encoding="utf-8"))
    assert len(soup.select("article.report")) == len(soup.select("#choose option")) == 3
    assert len(embedded(soup)) == 3
    assert not soup.select(".warning")


def test_what_is_left_out_is_said(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    assert main(["view", str(archive), "--out", str(out), "--limit", "1"]) == 0
    assert "1 report; 2 more left out" in capsys.readouterr().out
    soup = soup_of(out.read_text(encoding="utf-8"))
    assert "2 more were left out" in soup.select_one(".warning").get_text()
    assert len(soup.select("article.report")) == 1


@pytest.mark.parametrize("name", ["r.json", "r.json.gz", "r.jsonl", "r.jsonl.gz"])
def test_saved_reports_are_read_back(name: str, report: Report, tmp_path: Path) -> None:
    raw = report.to_json(indent=1 if ".json." in f"{name}." else None).encode()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    assert [one.to_dict() for one in read_reports(tmp_path / name)] == [report.to_dict()]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"\n{\n", r"a\.jsonl:2: not JSON"),
        ("a.jsonl", b'{"id": "x"}', r"a\.jsonl:1: no report of sitrep-ie: .*missing"),
        ("a.json", b"[3]", r"a\.json: \[0\]: no report"),
        ("a.jsonl", b"\xff", r"a\.jsonl: byte 0 is not UTF-8"),
        ("a.jsonl.gz", b"plain", r"a\.jsonl\.gz: not a whole gzip file"),
    ],
)
def test_files_that_hold_no_reports(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        list(read_reports(tmp_path / name))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", (), "holds no report"),
        (b"{}", ("--limit", "0"), "expected at least 1"),
        (None, (), "cannot be read"),
    ],
)
def test_the_command_fails_in_one_line(
    content: bytes | None,
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "a.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert main(["view", str(path), "--out", str(tmp_path / "x.html"), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.html").exists()


# ---- in a browser ----


def wide_report() -> Report:
    """Long names in every column of the table of events, and a long unbroken word in the text."""
    text = "Northern Brigade " + "x" * 400
    span = Span(0, 16)
    places = tuple(
        place(f"the checkpoint on the road east of Deir ez-Zor {n}", 40 + n, 35, span=span) for n in range(4)
    )
    actor = ActorArgument(
        "agent", "Northern Brigade", span, "Northern Brigade of the Border Guards", "armed_group", None, None,
        (), None, 0.9,
    )  # fmt: skip
    events = tuple(
        replace(event_at(*places, id=f"e{n}", start="2031-05-01", end="2031-05-14"), actors=(actor,))
        for n in range(1, 31)
    )
    document = Document("wide", f"{text} THE END", published=datetime.date(2031, 5, 20))
    return Report(document=document, annotation=annotation(document, Mention(span, "ACTOR")), events=events)


def test_the_picture_of_the_page_is_small() -> None:
    raw = (Path(__file__).resolve().parent.parent / "docs" / "view.png").read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", raw[16:24])
    assert (width, height) == (1200, 752)
    assert len(raw) < 150_000


def test_days_are_not_broken_over_lines() -> None:
    soup = soup_of(wide_report().to_html())
    cell = soup.select_one('.events td[data-label="When"]')
    assert cell.get_text() == "2031-05-01 to 2031-05-14"
    assert [day.get_text() for day in cell.select(".day")] == ["2031-05-01", "to", "2031-05-14"]


@pytest.fixture
def browser_page() -> Iterator[Any]:
    """A page of a headless Chromium that may reach nothing but files; errors on it fail the test."""
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.on("dialog", lambda dialog: errors.append(f"dialog {dialog.message}"))
        page.on(
            "request", lambda request: None if request.url.startswith("file:") else errors.append(request.url)
        )
        yield page
        browser.close()
    assert errors == []


@pytest.mark.browser
def test_the_page_works_in_a_browser(report: Report, tmp_path: Path, browser_page: Any) -> None:
    path = tmp_path / "page.html"
    path.write_text(reports_to_html([report, hostile_report()]), encoding="utf-8")
    page = browser_page
    page.goto(path.as_uri())
    assert page.locator("article:visible").count() == 1
    article = page.locator("article:visible")

    moved = next(event for event in report.events if event.type == "MOVEMENT")
    row = article.locator(f'.events tr[data-events="{moved.id}"]')
    row.focus()
    page.keyboard.press("Enter")
    assert "Veld" in article.locator(".text mark.lit").all_inner_texts()
    assert article.locator(".arrow.lit").count() == 2
    page.keyboard.press("Escape")
    assert article.locator(".lit").count() == 0
    trigger = article.locator(".text mark.trigger", has_text="drove")
    trigger.click()
    assert "lit" in row.get_attribute("class").split()
    assert page.locator(".tip").inner_text().startswith("MOVEMENT")

    article.locator(".by-type").select_option("INJURY")
    assert article.locator(".events tbody tr:visible").count() == 1
    article.locator(".by-type").select_option("")
    head = article.locator(".events thead button", has_text="Type")
    for backwards in (False, True):
        head.click()
        types = [tag.split()[0] for tag in article.locator(".events tbody .tag").all_inner_texts()]
        assert types == sorted(types, reverse=backwards)

    with page.expect_download() as download:
        article.locator(".save").click()
    assert json.loads(Path(download.value.path()).read_text(encoding="utf-8")) == report.to_dict()

    page.select_option("#choose", "r1")
    assert page.locator("article:visible h1").inner_text().startswith("</script>")
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


# A4 and US Letter in CSS pixels, less the margins of the browser.
@pytest.mark.browser
@pytest.mark.parametrize("width", [718, 740])
def test_on_paper_nothing_is_cut_and_no_control_is_printed(
    width: int, report: Report, tmp_path: Path, browser_page: Any
) -> None:
    path = tmp_path / "page.html"
    for number, shown in enumerate((report, wide_report())):
        path.write_text(shown.to_html(), encoding="utf-8")
        browser_page.goto(path.as_uri())
        browser_page.emulate_media(media="print")
        browser_page.set_viewport_size({"width": width, "height": 900})
        assert browser_page.evaluate("document.documentElement.scrollWidth") <= width
        assert browser_page.evaluate(_CUT) == []
        for control in (".controls", ".save", ".tip", ".status", "footer"):
            assert browser_page.locator(f"{control}:visible").count() == 0
        text = browser_page.locator(".text")
        assert text.evaluate("node => node.scrollHeight <= node.clientHeight + 1")
        printed = _printed(browser_page.pdf(format="A4" if width == 718 else "Letter"))
        assert {event.id for event in shown.events} <= set(printed.split())
        assert "Save the records" not in printed
        assert ("THE END" in printed) == bool(number)


def _printed(raw: bytes) -> str:
    import io

    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(raw)).pages)


# Elements whose right side is outside the page, or outside a box that neither grows nor scrolls.
_CUT = """() => [...document.querySelectorAll("article *")]
    .filter(node => node.checkVisibility() && !node.closest("svg"))
    .filter(node => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(node => node.outerHTML.slice(0, 80))"""


@pytest.mark.browser
def test_on_a_phone_only_tables_and_drawings_scroll_sideways(
    report: Report, tmp_path: Path, browser_page: Any
) -> None:
    path = tmp_path / "page.html"
    browser_page.set_viewport_size({"width": 360, "height": 740})
    for shown in (report, wide_report()):
        path.write_text(shown.to_html(), encoding="utf-8")
        browser_page.goto(path.as_uri())
        assert browser_page.evaluate("document.documentElement.scrollWidth") <= 360
        events = browser_page.locator(".events tbody tr")
        assert events.count() == len(shown.events)
        for box in (events.first.bounding_box(), events.last.bounding_box()):
            assert 0 <= box["x"]
            assert box["x"] + box["width"] <= 360
        text = browser_page.locator(".text")
        assert text.evaluate("node => node.scrollWidth <= node.clientWidth")
        controls = browser_page.locator(".controls :is(input, select):visible")
        assert controls.count() == 3
        assert all(box.bounding_box()["height"] >= 24 for box in controls.all())

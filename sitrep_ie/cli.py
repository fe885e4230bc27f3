"""The `sitrep-ie` command: parse, call, print. Exit status 2 and one line for every error of the user's.

Heavy modules load inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sitrep_ie import __version__
from sitrep_ie.errors import DependencyError, FormatError, SitrepError

if TYPE_CHECKING:
    from sitrep_ie.batch import RayEngine
    from sitrep_ie.document import Document, Report
    from sitrep_ie.extractor import Extractor

_VERBOSE = "tell what is being done"
FORMATS = ("table", "json", "jsonl", "csv", "geojson", "acled", "plover", "html")
# Not for a terminal: these need --out.
_BINARY_FORMATS = ("parquet", "sqlite")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(
        format="%(name)s: %(message)s", level=logging.INFO if options.verbose else logging.WARNING
    )
    try:
        _find_model(options)
        status: int = options.run(options)
        # Here and not at the interpreter's end, where a reader that has gone could no longer be caught.
        sys.stdout.flush()
    except SitrepError as error:
        print(f"sitrep-ie: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (head, less) has gone; what Python would still flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        name = f"{error.filename}: " if error.filename is not None else ""
        print(f"sitrep-ie: {name}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sitrep-ie: interrupted", file=sys.stderr)
        return 130
    return status


def _find_model(options: argparse.Namespace) -> None:
    """Turns the name of a model, where the command takes one, into its folder."""
    if isinstance(getattr(options, "model", None), str):
        from sitrep_ie.hub import find_model

        options.model = find_model(options.model, revision=getattr(options, "revision", None))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sitrep-ie", description="Situation reports in, structured event records out."
    )
    parser.add_argument("--version", action="version", version=f"sitrep-ie {__version__}")
    parser.add_argument("--verbose", action="store_true", help=_VERBOSE)
    commands = parser.add_subparsers(
        required=True,
        metavar="{extract,batch,suggest,train,evaluate,convert,gazetteer,export,view,package,info,doctor}",
    )

    extract = commands.add_parser("extract", help="print the events of reports")
    extract.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="texts in UTF-8, or HTML, PDF, Word and what else `batch` reads; none or - is standard input",
    )
    extract.add_argument("--published", metavar="DATE", help="day of publication, such as 2024-03-02")
    extract.add_argument(
        "--period", metavar=("FIRST", "LAST"), nargs=2, help="the days that the reports cover"
    )
    extract.add_argument(
        "--format",
        choices=(*FORMATS, *_BINARY_FORMATS),
        default="table",
        help="of what is printed or written; parquet and sqlite need --out",
    )
    extract.add_argument(
        "--min-score",
        metavar="X",
        type=float,
        default=0.0,
        help="leave out events, and actors, objects and places of events, that are less sure (0 to 1)",
    )
    extract.add_argument("--out", metavar="FILE", type=Path, help="write there instead of printing")
    extract.add_argument(
        "--gazetteer",
        metavar="FILE",
        type=Path,
        help="find places in this file of `sitrep-ie gazetteer build`",
    )
    _add_redact_option(extract)
    _add_model_options(extract)
    _add_precision(extract)
    extract.set_defaults(run=_extract)

    _add_batch(commands)
    _add_suggest(commands)

    train = commands.add_parser("train", help="train a model from annotated reports")
    train.add_argument("config", metavar="CONFIG", type=Path, help="a TOML file, see configs/default.toml")
    train.add_argument("--out", metavar="DIR", type=Path, required=True, help="the model folder to write")
    train.add_argument("--seed", type=int, help="instead of the configuration's")
    train.add_argument(
        "--weights", choices=("float32", "float16", "int8"), default="float16", help="saved precision"
    )
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="score a model, or predictions, against gold")
    evaluate.add_argument(
        "predicted", metavar="MODEL_OR_PREDICTIONS", type=Path, help="a model folder or a file"
    )
    evaluate.add_argument("gold", metavar="GOLD", type=Path, help="annotated reports, .ann or .jsonl")
    evaluate.add_argument(
        "--errors", metavar="FILE", type=Path, help="write a readable error analysis (Markdown)"
    )
    evaluate.add_argument("--json", metavar="FILE", type=Path, help="write all figures")
    evaluate.add_argument(
        "--events", metavar="RECORDS", type=Path, help="score event records against these, too"
    )
    evaluate.add_argument(
        "--ontology", metavar="FILE", type=Path, help="of a file of predictions; else the shipped model's"
    )
    evaluate.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    _add_precision(evaluate)
    evaluate.set_defaults(run=_evaluate)

    _add_convert(commands)

    gazetteer = commands.add_parser("gazetteer", help="make a gazetteer from GeoNames data")
    gazetteer.add_argument("action", choices=("build",), help="build: index a dump for --gazetteer")
    gazetteer.add_argument(
        "dump",
        metavar="DUMP",
        type=Path,
        help="allCountries.zip, cities500.zip or a country's zip of geonames.org, or the .txt file in it; "
        "countryInfo.txt and admin1CodesASCII.txt are used where they lie beside it",
    )
    gazetteer.add_argument("--out", metavar="FILE", type=Path, required=True, help="the gazetteer to write")
    gazetteer.add_argument(
        "--extra",
        metavar="CSV",
        type=Path,
        help="places of your own: columns name, latitude, longitude, country, admin1, aliases",
    )
    gazetteer.set_defaults(run=_gazetteer)

    _add_export(commands)
    _add_view(commands)
    _add_package(commands)

    info = commands.add_parser("info", help="print versions, the model's card and its scores")
    info.add_argument(
        "model", nargs="?", metavar="MODEL", help="a model, as for extract --model; none is the shipped one"
    )
    info.set_defaults(run=_info)

    _add_doctor(commands)
    for command in commands.choices.values():
        # Without a default, which would undo the same word before the command.
        command.add_argument("--verbose", action="store_true", default=argparse.SUPPRESS, help=_VERBOSE)
    return parser


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from sitrep_ie.formats import FORMATS as ANNOTATION_FORMATS

    convert = commands.add_parser(
        "convert",
        help="turn annotated reports into another format",
        description="The formats are told by the ends of names: .ann and .inline (inline), .jsonl and "
        ".jsonl.gz, .conll, .bio, .iob, .iob2 and .txt (CoNLL columns), .json (Label Studio), "
        ".doccano.jsonl, .prodigy.jsonl, .spacy (DocBin); a folder is brat's. What a format cannot hold is "
        "left out and counted on stderr.",
    )
    convert.add_argument("sources", nargs="+", metavar="SOURCE", type=Path, help="annotated reports")
    convert.add_argument("target", metavar="TARGET", type=Path, help="the file, or brat folder, to write")
    convert.add_argument("--from", dest="source_format", choices=ANNOTATION_FORMATS, help="of every SOURCE")
    convert.add_argument("--to", dest="target_format", choices=ANNOTATION_FORMATS, help="of TARGET")
    convert.add_argument(
        "--ontology", metavar="FILE", type=Path, help="the types to expect; else the shipped model's"
    )
    convert.add_argument(
        "--sentences",
        metavar="N",
        type=int,
        default=1,
        help="sentences of a document in CoNLL columns without -DOCSTART- lines",
    )
    convert.set_defaults(run=_convert)


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="check the installation and a model",
        description="Checks versions, the device, the gazetteer, the extras, and a model: that its files are "
        "the ones of its manifest, its weights finite, and that it finds what it should in a known text. "
        "Exit status: 0 when all is well, 1 when something fails.",
    )
    doctor.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL", help="a model folder; none is the shipped one"
    )
    doctor.add_argument(
        "--accept",
        action="store_true",
        help="first take MODEL's files as they are for right, after a change that was meant",
    )
    doctor.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    doctor.set_defaults(run=_doctor)


def _add_view(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    view = commands.add_parser("view", help="show extracted reports in one HTML page")
    view.add_argument(
        "source", metavar="SOURCE", type=Path, help="records of extract or batch: .jsonl or .json, .gz too"
    )
    view.add_argument("--out", metavar="FILE", type=Path, required=True, help="the page to write")
    view.add_argument(
        "--limit", metavar="N", type=int, default=200, help="so many reports at most, the first ones (200)"
    )
    _add_redact_option(view)
    view.set_defaults(run=_view)


def _add_package(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    package = commands.add_parser(
        "package",
        help="make a wheel of a model, to install with pip",
        description="Writes a wheel that holds the model and depends on sitrep_ie. Once it is installed, "
        "--model package:NAME and Extractor.load('package:NAME') find the model.",
    )
    package.add_argument("model", metavar="MODEL", help="a model, as for extract --model")
    package.add_argument("--name", required=True, help="of the package, such as my_model")
    package.add_argument("--version", metavar="X.Y", required=True, help="of the package, such as 1.0")
    package.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder for the wheel")
    package.set_defaults(run=_package)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from sitrep_ie.export import FILE_FORMS, TABLES

    export = commands.add_parser(
        "export",
        help="turn extracted reports into a database, a table or a map",
        description="Reads records of extract or batch and writes one file of all of them, which appears "
        "when it is complete. An SQLite file has all that a record holds and full-text search; Parquet and "
        "CSV are one table; acled and plover are CSV with the columns of these projects.",
    )
    export.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        type=Path,
        help="records of extract or batch: .jsonl or .json, .gz too",
    )
    export.add_argument("--to", dest="form", choices=FILE_FORMS, required=True, help="what to write")
    export.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")
    export.add_argument(
        "--table", choices=tuple(TABLES), default="events", help="of parquet and csv (events)"
    )
    export.add_argument(
        "--ontology",
        metavar="FILE",
        type=Path,
        help="of the records, for acled and plover; else the shipped one",
    )
    export.add_argument(
        "--gazetteer", metavar="FILE", type=Path, help="that extract had, for acled and plover"
    )
    export.add_argument(
        "--overwrite", action="store_true", help="replace a file that is no database of sitrep-ie, too"
    )
    _add_redact_option(export)
    export.set_defaults(run=_export)


def _add_batch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    batch = commands.add_parser(
        "batch",
        help="extract whole archives into one file; can be stopped and goes on",
        description="Extracts every report of files, folders and globs: .txt, .md, .html (each also .gz), "
        ".pdf, .docx, and one report a row from .jsonl, .csv (also .gz) and .parquet. Stopped or killed, "
        "the same command goes on. Reports that fail go to FILE.errors.jsonl. Exit status: 0, 1 when some "
        "reports failed, 2 for wrong use.",
    )
    batch.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, a folder or a glob")
    batch.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")
    batch.add_argument(
        "--format",
        choices=("jsonl", "csv", "parquet"),
        help="one report a line, or one row per event; default: the suffix of FILE",
    )
    batch.add_argument("--text-column", metavar="NAME", default="text", help="of .jsonl, .csv, .parquet")
    batch.add_argument("--id-column", metavar="NAME", help="default: id where there is one, else file:row")
    batch.add_argument(
        "--published-column", metavar="NAME", help="default: published where there is one, else none"
    )
    batch.add_argument("--min-score", metavar="X", type=float, default=0.0, help="as of extract")
    batch.add_argument("--batch-size", metavar="N", type=int, default=16, help="windows in one encoder pass")
    batch.add_argument(
        "--max-document-mib", metavar="N", type=int, default=32, help="a longer report fails (unpacked size)"
    )
    batch.add_argument("--gazetteer", metavar="FILE", type=Path, help="as of extract")
    batch.add_argument(
        "--overwrite", action="store_true", help="start anew, whatever an earlier run has written"
    )
    _add_redact_option(batch)
    batch.add_argument("--quiet", action="store_true", help="no progress bar")
    batch.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: workers on a Ray cluster (RAY_ADDRESS), or on this machine's cores; see docs/scale.md",
    )
    batch.add_argument("--workers", metavar="N", type=int, help="of ray; default: as many as have room")
    batch.add_argument("--cpus-per-worker", metavar="X", type=float, default=1.0, help="of ray")
    batch.add_argument("--gpus-per-worker", metavar="X", type=float, default=0.0, help="of ray; 0.5 is half")
    _add_model_options(batch)
    _add_precision(batch)
    batch.set_defaults(run=_batch)


def _add_redact_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--redact-persons",
        action="store_true",
        help="put [person 1] for names of persons, where the model has found them; no guarantee of anonymity",
    )


def _add_suggest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from sitrep_ie.formats import FORMATS as ANNOTATION_FORMATS

    suggest = commands.add_parser(
        "suggest",
        help="choose the paragraphs to annotate next",
        description="Writes the paragraphs of a pool of reports that the model is least sure of, no two "
        "alike, with what it finds in them, for an annotation tool. The pool: files and folders as of batch.",
    )
    suggest.add_argument("pool", nargs="+", metavar="POOL", help="a file, a folder or a glob")
    suggest.add_argument("--n", metavar="N", type=int, default=50, help="so many paragraphs at most (50)")
    suggest.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file, or brat folder")
    suggest.add_argument(
        "--to",
        dest="form",
        choices=ANNOTATION_FORMATS,
        help="the tool; default: by the end of FILE's name, as of convert",
    )
    suggest.add_argument(
        "--annotated",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="annotated reports whose paragraphs are not suggested again; may be given several times",
    )
    _add_model_options(suggest)
    suggest.set_defaults(run=_suggest)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="instead of the shipped one: a folder, package:NAME, or user/model of the Hugging Face hub",
    )
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit of a model on the hub")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def _add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        default="float32",
        metavar="NAME",
        help="of the encoder: float32, bfloat16, or auto (bfloat16 where that is fast)",
    )


def _extract(options: argparse.Namespace) -> int:
    from sitrep_ie.extractor import Extractor

    if options.format in _BINARY_FORMATS and options.out is None:
        raise FormatError(f"--format {options.format}: is for a file, expected --out FILE")
    names = options.files or ["-"]
    documents = [
        document for name in names for document in _documents(name, options.published, options.period)
    ]
    extractor = Extractor.load(
        options.model, device=options.device, gazetteer=options.gazetteer, precision=options.precision
    )
    reports = list(extractor.extract_many(documents, min_score=options.min_score))
    if options.redact_persons:
        reports = [report.redacted() for report in reports]
    if options.out is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A lone surrogate, or a letter that the terminal lacks, must not end the output.
            sys.stdout.reconfigure(errors="backslashreplace")
            if options.format != "table":
                # What programs read is the same bytes on every system, as in a file of --out.
                sys.stdout.reconfigure(encoding="utf-8", newline="")
        _print_reports(reports, options.format, sys.stdout)
    elif options.format in _BINARY_FORMATS:
        from sitrep_ie.export import write_file

        write_file(reports, options.out, options.format)
    else:
        with _open_output(options.out) as stream:
            _print_reports(reports, options.format, stream)
    for report in reports:
        for warning in report.warnings:
            print(f"sitrep-ie: {report.document.id}: warning: {warning.message}", file=sys.stderr)
    return 0


def _batch(options: argparse.Namespace) -> int:
    from sitrep_ie.batch import Columns, find_files, run
    from sitrep_ie.extractor import default_model_folder

    find_files(options.inputs)  # a wrong name shows before the model is loaded
    model = options.model or default_model_folder()
    engine = _batch_engine(options, model)
    try:
        summary = run(
            options.inputs,
            options.out,
            engine,
            form=options.format,
            columns=Columns(options.text_column, options.id_column, options.published_column),
            batch_size=options.batch_size,
            min_score=options.min_score,
            redact_persons=options.redact_persons,
            max_document_mib=options.max_document_mib,
            settings={
                "model": str(model),
                "model_written": str(max(path.stat().st_mtime_ns for path in model.iterdir())),
                "gazetteer": str(options.gazetteer),
                "precision": options.precision,
            },
            overwrite=options.overwrite,
            progress=not options.quiet,
        )
    except KeyboardInterrupt:
        print("sitrep-ie: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"sitrep-ie: {options.out}: {summary}", file=sys.stderr)
    return 1 if summary.num_failed else 0


def _batch_engine(options: argparse.Namespace, model: Path) -> Extractor | RayEngine:
    from sitrep_ie.batch import ModelLoader, RayEngine
    from sitrep_ie.extractor import Extractor

    if options.engine == "local":
        return Extractor.load(
            model, device=options.device, gazetteer=options.gazetteer, precision=options.precision
        )
    loader = ModelLoader(
        options.model and os.path.abspath(options.model),
        options.device,
        options.gazetteer and os.path.abspath(options.gazetteer),
        options.precision,
    )
    return RayEngine(loader, options.workers, options.cpus_per_worker, options.gpus_per_worker)


def _suggest(options: argparse.Namespace) -> int:
    from sitrep_ie.batch import Failure, find_files, read_documents
    from sitrep_ie.errors import ConfigError
    from sitrep_ie.extractor import Extractor
    from sitrep_ie.formats import format_of, read_examples, write_examples
    from sitrep_ie.suggest import MIN_WORDS, suggest

    if options.n < 1:
        raise ConfigError(f"--n {options.n}: expected at least 1")
    form = options.form or format_of(options.out)
    find_files(options.pool)  # a wrong name shows before the model is loaded
    extractor = Extractor.load(options.model, device=options.device)
    annotated = [e.document for path in options.annotated for e in read_examples(path, extractor.ontology)]
    failures: list[Failure] = []
    pool = read_documents(options.pool, on_failure=failures.append)
    chosen = suggest(pool, extractor, options.n, annotated=annotated)
    for failure in failures:
        print(f"sitrep-ie: left out: {failure}", file=sys.stderr)
    if not chosen:
        raise FormatError(
            f"{' '.join(options.pool)}: no paragraph of {MIN_WORDS} words or more that is not annotated yet"
        )
    examples = [item.on_one_line() if form == "inline" else item.example for item in chosen]
    left_out = write_examples(options.out, examples, extractor.ontology, form)
    for what, count in left_out.items():
        print(f"sitrep-ie: left out: {count} {what}", file=sys.stderr)
    num_documents = len({item.document_id for item in chosen})
    print(f"{options.out}: {len(chosen)} paragraphs of {num_documents} documents, {form}")
    return 0


def _documents(name: str, published: str | None, period: tuple[str, str] | None) -> Iterator[Document]:
    """What a file holds: one text, or what `batch` reads from a file of its kind."""
    from sitrep_ie.batch import SUFFIXES, read_documents
    from sitrep_ie.extractor import dated, make_document

    plain = (".txt", ".md")
    if name != "-" and name.lower().endswith(tuple(end for end in SUFFIXES if end not in plain)):
        for document in read_documents([name]):
            yield dated(document, published, period)
    else:
        yield make_document(_read_text(name), published, "stdin" if name == "-" else name, period)


def _read_text(name: str) -> str:
    """The text of a file as it stands, line ends included; a byte order mark is dropped."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise FormatError(f"{name}: cannot be read: {error.strerror}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{name}: byte {error.start} is not UTF-8, expected a text file in UTF-8"
        ) from error


@contextlib.contextmanager
def _open_output(path: Path) -> Iterator[TextIO]:
    """A file that appears, or takes the place of the one there, only when all is written.

    Raises:
        FormatError: it cannot be written, or not to its end; what was there is there still.
    """
    from sitrep_ie.export.files import replacing

    target = path.resolve()
    # A device or a pipe, and a file in a folder that allows no other one, are written as they are.
    beside = (target.is_file() or not target.exists()) and os.access(target.parent, os.W_OK)
    try:
        with (
            replacing(path) if beside else contextlib.nullcontext(path) as written,
            written.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
        ):
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: cannot be written: {error.strerror}") from error


def _print_reports(reports: list[Report], form: str, stream: TextIO) -> None:
    from sitrep_ie import export

    if form == "table":
        terminal = stream.isatty()
        width = shutil.get_terminal_size((120, 24)).columns if terminal else 120
        stream.write(export.reports_to_table(reports, width=width, color=terminal))
    elif form == "json":
        found = [report.to_dict() for report in reports]
        stream.write(json.dumps(found[0] if len(found) == 1 else found, indent=1, ensure_ascii=False) + "\n")
    elif form == "jsonl":
        for report in reports:
            stream.write(report.to_json() + "\n")
    elif form == "csv":
        export.write_csv(reports, stream)
    elif form == "acled":
        export.write_rows((row for r in reports for row in r.to_acled()), export.ACLED_COLUMNS, stream)
    elif form == "html":
        from sitrep_ie.view import reports_to_html

        stream.write(reports_to_html(reports, max_reports=len(reports)))
    elif form == "plover":
        export.write_rows((row for r in reports for row in r.to_plover()), export.PLOVER_COLUMNS, stream)
    else:
        stream.write(json.dumps(export.reports_to_geojson(reports), indent=1, ensure_ascii=False) + "\n")


def _train(options: argparse.Namespace) -> int:
    from sitrep_ie.config import Config
    from sitrep_ie.train import train

    config = Config.load(options.config)
    if options.seed is not None:
        config = config.with_seed(options.seed)
    try:
        scores = train(config, options.out, device=options.device, weights=options.weights)
    except KeyboardInterrupt:
        print("sitrep-ie: stopped; the same command goes on after the last whole epoch", file=sys.stderr)
        return 130
    for name, found in scores.items():
        print(f"{name}\n{found.table(types=False)}")
    print(f"{options.out}: written")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from sitrep_ie.document import Example
    from sitrep_ie.extractor import Extractor, default_model_folder
    from sitrep_ie.formats import data_digest, read_examples
    from sitrep_ie.ontology import Ontology
    from sitrep_ie.score import (
        analyse,
        judge_annotations,
        judge_reports,
        reliability_dict,
        reliability_table,
        score_examples,
        write_errors,
    )
    from sitrep_ie.score.records import read_records, score_reports

    reports, truths = [], []
    if not options.predicted.exists():
        raise FormatError(f"{options.predicted}: there is no such model folder or file of predictions")
    if options.predicted.is_dir():
        extractor = Extractor.load(options.predicted, device=options.device, precision=options.precision)
        ontology = extractor.ontology
        gold = read_examples(options.gold, ontology)
        reports = list(extractor.extract_many(example.document for example in gold))
        truths = [extractor.assemble(example.document, example.gold) for example in gold]
        predicted = [Example(report.document, report.annotation) for report in reports]
    else:
        if options.events is not None:
            raise FormatError(
                f"{options.predicted}: --events needs a model folder, not a file of predictions"
            )
        ontology = Ontology.load(options.ontology or default_model_folder() / "ontology.json")
        gold = read_examples(options.gold, ontology)
        predicted = read_examples(options.predicted, ontology)
    scores = score_examples(gold, predicted, ontology)
    print(scores.table())
    figures = {"gold_sha256": data_digest(gold), "scores": scores.to_dict()}
    if reports:
        judged = judge_annotations(
            [example.gold for example in gold], [report.annotation for report in reports], ontology
        )
        try:
            judged |= judge_reports(truths, reports)
        except DependencyError as error:
            print(error)
        print(reliability_table(judged))
        figures["calibration"] = reliability_dict(judged)
    if options.events is not None:
        records = read_records(options.events, ontology)
        told = {record.document_id for record in records}
        record_scores = score_reports(records, [report for report in reports if report.document.id in told])
        print(record_scores.table())
        figures["records"] = record_scores.to_dict()
    if options.json is not None:
        with _open_output(options.json) as stream:
            stream.write(json.dumps(figures, indent=1) + "\n")
    if options.errors is not None:
        write_errors(options.errors, analyse(gold, [example.gold for example in predicted], ontology))
        print(f"{options.errors}: written")
    return 0


def _convert(options: argparse.Namespace) -> int:
    from collections import Counter

    from sitrep_ie.extractor import default_model_folder
    from sitrep_ie.formats import format_of, read_examples, write_examples
    from sitrep_ie.ontology import Ontology

    if options.sentences < 1:
        raise FormatError(f"--sentences {options.sentences}: expected at least 1")
    target_format = options.target_format or format_of(options.target)
    ontology = Ontology.load(options.ontology or default_model_folder() / "ontology.json")
    examples = []
    unread: Counter[str] = Counter()
    for source in options.sources:
        examples += read_examples(
            source, ontology, options.source_format, num_sentences=options.sentences, left_out=unread
        )
    unwritten = write_examples(options.target, examples, ontology, target_format)
    for what, count in (unread + unwritten).items():
        print(f"sitrep-ie: left out: {count} {what}", file=sys.stderr)
    print(f"{options.target}: {len(examples)} documents, {target_format}")
    return 0


def _gazetteer(options: argparse.Namespace) -> int:
    from sitrep_ie.resolve.gazetteer import Gazetteer
    from sitrep_ie.resolve.geonames import read_geonames

    Gazetteer.build(read_geonames(options.dump), options.out, extra=options.extra)
    print(f"{options.out}: {options.out.stat().st_size / 2**20:.1f} MiB; GeoNames data is under CC BY 4.0")
    return 0


def _package(options: argparse.Namespace) -> int:
    from sitrep_ie.package import build_package

    wheel = build_package(options.model, options.name, options.version, options.out)
    print(f"{wheel}: {wheel.stat().st_size / 2**20:.1f} MiB; once installed: --model package:{options.name}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from sitrep_ie.export import EventData, write_file
    from sitrep_ie.view import read_reports

    coder = None
    if options.form in ("acled", "plover"):
        from sitrep_ie.extractor import default_model_folder
        from sitrep_ie.ontology import Ontology

        ontology = Ontology.load(options.ontology or default_model_folder() / "ontology.json")
        coder = EventData(ontology, options.gazetteer)
    written = write_file(
        (
            report.redacted() if options.redact_persons else report
            for source in options.sources
            for report in read_reports(source)
        ),
        options.out,
        options.form,
        table=options.table,
        coder=coder,
        overwrite=options.overwrite,
    )
    print(f"{options.out}: {written}")
    return 0


def _view(options: argparse.Namespace) -> int:
    from sitrep_ie.view import read_reports, reports_to_html

    if options.limit < 1:
        raise FormatError(f"--limit {options.limit}: expected at least 1")
    reports = list(read_reports(options.source))
    if not reports:
        raise FormatError(f"{options.source}: holds no report")
    if options.redact_persons:
        reports = [report.redacted() for report in reports]
    page = reports_to_html(reports, max_reports=options.limit)
    with _open_output(options.out) as stream:
        stream.write(page)
    shown = min(len(reports), options.limit)
    left_out = f"; {len(reports) - shown} more left out, see --limit" if shown < len(reports) else ""
    print(f"{options.out}: {shown} report{'' if shown == 1 else 's'}{left_out}")
    return 0


def _info(options: argparse.Namespace) -> int:
    import platform
    from importlib.metadata import version

    from sitrep_ie.extractor import default_model_folder
    from sitrep_ie.hub import without_front_matter
    from sitrep_ie.ontology import Ontology

    folder = options.model or default_model_folder()
    ontology = Ontology.load(folder / "ontology.json")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "tokenizers"))
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    print(f"sitrep_ie {__version__}, Python {platform.python_version()}, {libraries}")
    print(f"model {folder}, {size / 2**20:.1f} MiB")
    print(
        f"ontology {ontology.name} {ontology.version} (SHA-256 {ontology.digest()[:12]}): "
        f"{len(ontology.mention_types)} mention types, {len(ontology.event_types)} event types, "
        f"{len(ontology.relation_types)} relations, {len(ontology.attributes)} attributes"
    )
    card = folder / "README.md"
    if card.is_file():
        print(f"\n{without_front_matter(card.read_text(encoding='utf-8')).rstrip()}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from sitrep_ie.doctor import examine
    from sitrep_ie.errors import ModelError
    from sitrep_ie.manifest import write_manifest

    if options.accept:
        if options.model is None or not options.model.is_dir():
            raise ModelError(f"{options.model or '--accept'}: expected the model folder to take as it is")
        write_manifest(options.model)
    failed = 0
    for finding in examine(options.model, options.device):
        print(finding, flush=True)
        failed += finding.level == "FAIL"
    print(f"{failed} checks failed" if failed else "all is well")
    return 1 if failed else 0

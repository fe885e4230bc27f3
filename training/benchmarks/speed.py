"""Times extraction against the encoder alone and against other libraries, on the same texts in one run.

    python -m training.benchmarks.speed                      # ratios, shares of the stages
    python -m training.benchmarks.speed --memory             # and peak memory, each in a process of its own
    python -m training.benchmarks.speed --curve pages        # cost per token of longer and longer documents
    python -m training.benchmarks.speed --curve documents    # and of larger and larger archives

What is compared, each on whole texts, nothing truncated:

    encoder      the encoder's forward over the windows of `extract_many`, sorted by length: the limit
    texts        the same over texts cut without any context, which is what the others read
    extract      `Extractor.extract_many`, records and all
    pipeline     transformers' token-classification pipeline with the same encoder, batches of 1, 8 and 16
    gliner       GLiNER with the same encoder and the names of our mention and event types as its labels
    spacy        spaCy's CNN (tok2vec) with its entity recogniser, trained a few steps on our types

GLiNER and spaCy are left out, and named, where they are not installed. The pipeline's head finds nothing and
GLiNER's, of random weights, nearly nothing: that spares them the work of making results. All take turns for
some rounds, and the median of each counts: what else runs on the machine then hits all of them alike.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

import sitrep_ie.assemble
import sitrep_ie.extractor
from sitrep_ie import Document, Extractor
from sitrep_ie.encode import EXTRACTION_LENGTH_STEP, Window, batches_by_tokens, sort_by_length
from sitrep_ie.errors import SitrepError
from sitrep_ie.formats import read_examples
from sitrep_ie.model import collate
from training.benchmarks.assembly_speed import Stopwatch

AUTHORED = Path("training/data/authored")
REPORTS = Path("../shared/benchmarks/isaf")
PASS_TOKENS = 1024
# Of the encoders in use; less than 512 for GLiNER, which puts its labels before the text.
_MAX_TOKENS = 512
_GLINER_TOKENS = 384
_STRIDE = 64
_SPACY_STEPS = 5
_WORDS_A_PAGE = 500
CURVES = {"pages": (1, 10, 100, 1000), "documents": (100, 1000, 10_000)}

Run = Callable[[Sequence[str]], None]


def read_texts(extractor: Extractor, folder: Path, limit: int) -> list[str]:
    """Returns texts of the authored reports and of `folder`/dev.jsonl where present, evenly spread."""
    paths = [AUTHORED / "dev.ann", *sorted(AUTHORED.glob("train*.ann"))]
    texts = [example.document.text for path in paths for example in read_examples(path, extractor.ontology)]
    reports = folder / "dev.jsonl"
    if reports.is_file():
        texts += [json.loads(line)["text"] for line in reports.read_text(encoding="utf-8").splitlines()]
    return texts[:: max(1, len(texts) // limit)][:limit]


def pieces(extractor: Extractor, text: str, max_tokens: int) -> list[str]:
    """Cuts a text between words into stretches of at most so many tokens."""
    encoded = extractor.text_encoder.encode(text)
    stretches = []
    first = 0
    while first < encoded.num_words:
        last = first + 1
        while (
            last < encoded.num_words
            and encoded.first_piece[last + 1] - encoded.first_piece[first] <= max_tokens
        ):
            last += 1
        stretches.append(text[encoded.starts[first] : encoded.ends[last - 1]])
        first = last
    return stretches


# ---- what is compared ----


def _windows(extractor: Extractor, texts: Sequence[str]) -> list[Window]:
    encoder = extractor.text_encoder
    return [
        window for text in texts for window in encoder.windows(encoder.encode(text), extractor.config.encode)
    ]


def _forward(extractor: Extractor, windows: Sequence[Window], precision: str) -> None:
    """The encoder over sorted batches of windows; nothing else but putting them into tensors."""
    batches = batches_by_tokens(windows, sort_by_length(windows), PASS_TOKENS, EXTRACTION_LENGTH_STEP)
    with torch.inference_mode(), _reduced(precision):
        for indices in batches:
            chosen = [windows[index] for index in indices]
            batch = collate(chosen, extractor.text_encoder.pad_id, step=EXTRACTION_LENGTH_STEP)
            extractor.model.encoder(input_ids=batch.token_ids_BL, attention_mask=batch.attention_mask_BL)


def _reduced(precision: str) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()


def encoder_runs(extractor: Extractor, texts: Sequence[str], precision: str) -> dict[str, Run]:
    """The two limits: the windows are made before the clock starts."""
    windows = _windows(extractor, texts)
    stretches = [
        piece for text in texts for piece in pieces(extractor, text, extractor.config.encode.max_tokens - 2)
    ]
    plain = _windows(extractor, [" ".join(piece.split()) for piece in stretches])
    return {
        f"encoder, {precision}": lambda _: _forward(extractor, windows, precision),
        f"texts, {precision}": lambda _: _forward(extractor, plain, precision),
    }


def extract_run(extractor: Extractor) -> Run:
    """`extract_many` from texts to records."""

    def run(texts: Sequence[str]) -> None:
        for report in extractor.extract_many(texts):
            report.events  # noqa: B018 (records are made by now; nothing is put off)

    return run


def pipeline_run(extractor: Extractor, batch_size: int, precision: str) -> Run:
    """The pipeline of transformers; long texts go through it in overlapping stretches, as it offers."""
    from transformers import BertForTokenClassification, pipeline
    from transformers import PreTrainedTokenizerFast as Tokenizer

    network = BertForTokenClassification(_encoder_config(extractor)).eval()
    state = extractor.model.encoder.state_dict()
    network.bert.load_state_dict(state)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias[0] = 9.0  # tag 0 is O: no entities, whose making costs time
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        extractor.text_encoder.save(path)
        tokenizer = Tokenizer(
            tokenizer_file=str(path),
            model_max_length=_MAX_TOKENS,
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            mask_token="[MASK]",
        )
    tagger = pipeline(
        "token-classification",
        model=network,
        tokenizer=tokenizer,
        aggregation_strategy="simple",
        stride=_STRIDE,
        device="cpu",
    )

    def run(texts: Sequence[str]) -> None:
        with _reduced(precision):
            tagger(list(texts), batch_size=batch_size)

    return run


def _encoder_config(extractor: Extractor) -> Any:
    config = type(extractor.model.encoder.config).from_dict(extractor.model.encoder.config.to_dict())
    names = ["O", *(f"{part}-{name}" for name in extractor.ontology.span_types for part in "BI")]
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.num_labels = len(names)
    return config


def gliner_run(extractor: Extractor) -> Run:
    """GLiNER of random weights on the same encoder, in batches of 8, its default."""
    from gliner import GLiNER
    from transformers import PreTrainedTokenizerFast as Tokenizer

    labels = [name.lower().replace("_", " ") for name in extractor.ontology.span_types]
    with tempfile.TemporaryDirectory() as folder:
        extractor.model.encoder.save_pretrained(folder)
        extractor.text_encoder.save(Path(folder) / "tokenizer.json")
        Tokenizer(
            tokenizer_file=f"{folder}/tokenizer.json",
            model_max_length=_MAX_TOKENS,
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            mask_token="[MASK]",
        ).save_pretrained(folder)
        model = GLiNER.from_config(
            {
                "model_name": folder,
                "hidden_size": int(extractor.model.encoder.config.hidden_size),
                "max_len": _GLINER_TOKENS,
                "max_types": len(labels),
            }
        ).eval()

    def run(texts: Sequence[str]) -> None:
        stretches = [piece for text in texts for piece in pieces(extractor, text, _GLINER_TOKENS)]
        # Random scores lie about a half; what passed that would cost time that a trained model does not take.
        model.inference(stretches, labels, threshold=0.99, batch_size=8)

    return run


def spacy_run(extractor: Extractor) -> Run:
    """A blank English pipeline with tok2vec and entity recogniser, in batches of spaCy's own size."""
    import spacy
    from spacy.training import Example
    from spacy.util import filter_spans

    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    nlp.add_pipe(
        "ner", config={"model": {"tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}}}
    )
    training = []
    for gold in read_examples(AUTHORED / "dev.ann", extractor.ontology)[:8]:
        document = nlp.make_doc(gold.document.text)
        spans = [
            document.char_span(node.span.start, node.span.end, node.type, alignment_mode="expand")
            for node in gold.gold.spans()
        ]
        reference = document.copy()
        reference.ents = filter_spans(span for span in spans if span is not None)
        training.append(Example(document, reference))
    for name in extractor.ontology.span_types:
        nlp.get_pipe("ner").add_label(name)
    optimiser = nlp.initialize(lambda: training)
    for _ in range(_SPACY_STEPS):
        nlp.update(training, sgd=optimiser)

    def run(texts: Sequence[str]) -> None:
        for _ in nlp.pipe(texts):
            pass

    return run


def make_runs(
    model: Path | None,
    extractor: Extractor,
    texts: Sequence[str],
    names: Sequence[str],
    precisions: Sequence[str],
) -> dict[str, Run]:
    """What to compare, by name; what is not installed is told on stderr and left out."""
    runs: dict[str, Run] = {}
    for precision in precisions:
        if "encoder" in names:
            runs |= encoder_runs(extractor, texts, precision)
        if "extract" in names:
            reader = Extractor.load(model, device="cpu", precision=precision)
            runs[f"extract, {precision}"] = extract_run(reader)
        if "pipeline" in names:
            for size in (1, 8, 16):
                runs[f"pipeline of {size}, {precision}"] = pipeline_run(extractor, size, precision)
    for name, make in (("gliner", gliner_run), ("spacy", spacy_run)):
        if name not in names:
            continue
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed, left out", file=sys.stderr)
        else:
            runs[name] = make(extractor)
    return runs


# ---- measuring ----


def measure(
    runs: dict[str, Run],
    texts: Sequence[str],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Returns the median seconds of each; all take turns, after a first round that only warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            begin = clock()
            run(texts if turn else texts[:4])
            if turn:
                seconds[name].append(clock() - begin)
    return {name: statistics.median(found) for name, found in seconds.items()}


@contextlib.contextmanager
def _replaced(changes: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [(owner, name, getattr(owner, name), name in vars(owner)) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value, own in before:
            if own:
                setattr(owner, name, value)
            else:
                delattr(owner, name)


def stages(extractor: Extractor, texts: Sequence[str]) -> dict[str, float]:
    """Returns processor seconds of the stages of `extract_many`, and "rest"; threads are the caller's."""
    watch = Stopwatch(time.thread_time)
    model, encoder = extractor.model, extractor.text_encoder
    module, assembly = sitrep_ie.extractor, sitrep_ie.assemble
    list(extractor.extract_many(texts[:4]))
    places = [
        (encoder, "encode", "words and tokens"),
        (encoder, "windows", "windows"),
        (model.encoder, "forward", "encoder"),
        (model, "tag", "tag head"),
        (model, "link", "link and attribute heads"),
        (module, "decode_tags", "decoding"),
        (module, "decode_document", "stitching"),
        (assembly, "assemble", "assembly and resolving"),
    ]
    changes = [(owner, name, watch.timed(label, getattr(owner, name))) for owner, name, label in places]
    begin = time.process_time()
    with _replaced(changes):
        for _ in extractor.extract_many(texts):
            pass
    total = time.process_time() - begin
    seconds = dict(watch.seconds)
    seconds["tag head"] -= seconds["encoder"]
    seconds["rest"] = total - sum(seconds.values())
    return seconds


def _peak_mib(name: str, model: Path | None, folder: Path, limit: int) -> float:
    """Runs one of the compared in this, a fresh process, and returns the most memory that it has held."""
    import resource

    kind, _, precision = name.partition(", ")
    extractor = Extractor.load(model, device="cpu", precision=precision or "float32")
    texts = read_texts(extractor, folder, limit)
    if kind == "extract":
        runs = {name: extract_run(extractor)}
    elif kind.startswith("pipeline"):
        runs = {name: pipeline_run(extractor, int(kind.split()[-1]), precision)}
    else:
        runs = make_runs(model, extractor, texts, ["encoder" if kind == "texts" else kind], [precision])
    runs[name](texts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def peak_memory(names: Sequence[str], model: Path | None, folder: Path, limit: int) -> dict[str, float]:
    """Returns the peak memory (MiB) of each, run in a fresh process: libraries, weights, results.

    That of the others includes our weights, which theirs are copied from.
    """
    context = multiprocessing.get_context("spawn")
    found = {}
    for name in names:
        with context.Pool(1) as pool:
            found[name] = pool.apply(_peak_mib, (name, model, folder, limit))
    return found


# ---- curves ----


def pages(texts: Sequence[str], num_pages: int) -> str:
    """A made-up document of so many pages of 500 words: the paragraphs of the texts, over and over."""
    paragraphs = [part for text in texts for part in text.split("\n\n") if part.strip()]
    chosen: list[str] = []
    num_words = number = 0
    while num_words < num_pages * _WORDS_A_PAGE:
        chosen.append(paragraphs[number % len(paragraphs)])
        num_words += len(chosen[-1].split())
        number += 1
    return "\n\n".join(chosen)


def archive(texts: Sequence[str], num_documents: int) -> Iterator[Document]:
    """So many documents of one paragraph each, made one by one."""
    paragraphs = [part for text in texts for part in text.split("\n\n") if len(part.split()) > 20]
    for number in range(num_documents):
        yield Document(id=str(number), text=paragraphs[number % len(paragraphs)])


def curve(
    extractor: Extractor, texts: Sequence[str], kind: str, sizes: Sequence[int]
) -> Iterator[dict[str, float]]:
    """Yields size, tokens, processor milliseconds for 1,000 tokens and peak memory (MiB) so far."""
    import resource

    list(extractor.extract_many(texts[:4]))
    for size in sizes:
        documents = [Document(id="1", text=pages(texts, size))] if kind == "pages" else archive(texts, size)
        watch = Stopwatch(time.thread_time)
        count = 0
        plain = extractor.text_encoder.encode

        def encode(text: str, plain: Any = plain) -> Any:
            nonlocal count
            encoded = plain(text)
            count += len(encoded.pieces)
            return encoded

        begin = time.process_time()
        changes = [
            (extractor.text_encoder, "encode", encode),
            (sitrep_ie.assemble, "assemble", watch.timed("assembly", sitrep_ie.assemble.assemble)),
        ]
        with _replaced(changes):
            for _ in extractor.extract_many(documents):
                pass
        seconds = time.process_time() - begin
        yield {
            "size": size,
            "tokens": count,
            "ms": 1e6 * seconds / count,
            "assembly_ms": 1e6 * watch.seconds["assembly"] / count,
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
        }


# ---- command ----


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, help="a model folder instead of the shipped one")
    parser.add_argument("--folder", type=Path, default=REPORTS, help="more reports: its dev.jsonl")
    parser.add_argument("--limit", type=int, default=60, help="so many texts, evenly spread over all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch; default: its own choice")
    parser.add_argument(
        "--clock",
        choices=("wall", "processor"),
        default="wall",
        help="processor: on a busy machine, one thread",
    )
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    names = ("encoder", "extract", "pipeline", "gliner", "spacy")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--memory", action="store_true", help="also measure peak memory, in processes of their own"
    )
    parser.add_argument(
        "--curve", choices=tuple(CURVES), help="only the cost per token of larger and larger input"
    )
    parser.add_argument("--sizes", type=int, nargs="+", help="of the curve")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables asked for and returns the exit status."""
    options = make_parser().parse_args(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning)
    before = torch.get_num_threads()
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        extractor = Extractor.load(options.model, device="cpu", precision=options.precision[0])
        texts = read_texts(extractor, options.folder, options.limit)
        if options.curve:
            print_curve(extractor, texts, options.curve, options.sizes or CURVES[options.curve])
        else:
            compare(extractor, texts, options)
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        torch.set_num_threads(before)
    return 0


def compare(extractor: Extractor, texts: Sequence[str], options: argparse.Namespace) -> None:
    """Prints speeds and their ratios, then the shares of the stages."""
    num_tokens = sum(len(extractor.text_encoder.encode(text).pieces) for text in texts)
    num_window_tokens = sum(window.num_tokens for window in _windows(extractor, texts))
    print(
        f"{len(texts)} texts, {num_tokens} tokens, {num_window_tokens} with the context of windows; "
        f"{torch.get_num_threads()} threads, {options.clock} clock, median of {options.rounds} rounds"
    )
    runs = make_runs(options.model, extractor, texts, options.only, options.precision)
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    seconds = measure(runs, texts, options.rounds, clock)
    memory = (
        peak_memory(list(seconds), options.model, options.folder, options.limit) if options.memory else {}
    )
    reference = next((name for name in seconds if name.startswith("extract")), next(iter(seconds)))
    print(f"\n{'':26}{'tokens/s':>10}{'texts/s':>9}{'speed':>8}{'MiB':>7}   speed of {reference!r} = 1")
    for name, spent in seconds.items():
        print(
            f"{name:26}{num_tokens / spent:10.0f}{len(texts) / spent:9.2f}{seconds[reference] / spent:8.2f}"
            f"{memory.get(name, float('nan')):7.0f}"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for precision in options.precision if "extract" in options.only else ():
        found = stages(Extractor.load(options.model, device="cpu", precision=precision), texts)
        total = sum(found.values())
        print(f"\nshares of the stages, one thread, {precision}")
        for name, spent in found.items():
            print(f"{name:26}{spent / total:10.1%}")
    torch.set_num_threads(threads)


def print_curve(extractor: Extractor, texts: Sequence[str], kind: str, sizes: Sequence[int]) -> None:
    """Prints a row for each size as soon as it is measured."""
    print(f"{kind:>10}{'tokens':>10}{'ms/1000 tokens':>16}{'of it assembly':>16}{'MiB':>7}")
    for row in curve(extractor, texts, kind, sizes):
        print(
            f"{row['size']:10.0f}{row['tokens']:10.0f}{row['ms']:16.1f}{row['assembly_ms']:16.1f}{row['mib']:7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())

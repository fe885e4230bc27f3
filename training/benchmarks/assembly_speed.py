"""Processor time of assembly and resolvers for each document, against that of the encoder.

    python -m training.benchmarks.assembly_speed FILE... [--model DIR] [--limit 60]

Annotated files give their documents' texts; the model annotates them anew. All on one thread, so that the
seconds are those of the processor whatever else runs. The first ten documents only warm up.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sitrep_ie import Extractor
from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import Document
from sitrep_ie.errors import SitrepError
from sitrep_ie.formats import read_examples

_NUM_WARM_UP = 10


class Stopwatch:
    """Seconds by name, of the processor unless another clock is given; `timed` wraps a function."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns `function`, with its time added up under `name`."""
        self.seconds[name] = 0.0

        def run(*arguments: Any, **named: Any) -> Any:
            begin = self._clock()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[name] += self._clock() - begin

        return run


def measure(extractor: Extractor, documents: Sequence[Document]) -> dict[str, float]:
    """Returns seconds for all documents: "encoder", "network and decoding" (the rest of it), "assembly".

    And, as a part of assembly, of every resolver by its name. Every document is a batch of its own. That
    there is one thread only is the caller's to see to.
    """
    watch = Stopwatch()
    default = Resolvers.default()
    callables = {field.name: getattr(default, field.name) for field in dataclasses.fields(default)}
    resolvers = Resolvers(**{name: watch.timed(name, function) for name, function in callables.items()})
    annotate = watch.timed("annotation", lambda document: next(extractor.annotate_many([document])))
    make_records = watch.timed("assembly", assemble)
    encoder = extractor.model.encoder
    forward = encoder.forward
    encoder.forward = watch.timed("encoder", forward)
    try:
        for number, document in enumerate(documents):
            if number == min(_NUM_WARM_UP, len(documents) - 1):
                watch.seconds = dict.fromkeys(watch.seconds, 0.0)
            annotation = annotate(document)
            make_records(document, annotation, extractor.ontology, resolvers)
    finally:
        del encoder.forward  # the class's own shows again
    seconds = dict(watch.seconds)
    seconds["network and decoding"] = seconds.pop("annotation") - seconds["encoder"]
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints milliseconds a document and shares of the encoder's time; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.benchmarks.assembly_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument(
        "--limit", type=int, default=60, help="so many documents, evenly spread over the files"
    )
    options = parser.parse_args(arguments)
    import torch

    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        extractor = Extractor.load(options.model, device="cpu")
        documents = [
            example.document for path in options.files for example in read_examples(path, extractor.ontology)
        ]
        documents = documents[:: max(1, len(documents) // options.limit)][: options.limit]
        seconds = measure(extractor, documents)
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        torch.set_num_threads(num_threads)
    num_documents = max(1, len(documents) - _NUM_WARM_UP)
    num_words = sum(len(document.text.split()) for document in documents[-num_documents:])
    print(f"{num_documents} documents of {num_words / num_documents:.0f} words")
    print(f"{'':24}{'ms a document':>14}{'of the encoder':>16}")
    order = ["encoder", "network and decoding", "assembly"]
    order += sorted(seconds.keys() - set(order), key=lambda name: -seconds[name])
    for name in order:
        share = seconds[name] / max(1e-9, seconds["encoder"])
        shown = name if order.index(name) < 3 else f"  {name}"
        print(f"{shown:24}{1000 * seconds[name] / num_documents:14.2f}{share:16.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

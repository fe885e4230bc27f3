"""Whether `suggest` finds what a model gets wrong: `python -m training.benchmarks.suggest GOLD ...`.

Scores the model on the paragraphs that it suggests from annotated documents, and on as many that are drawn at
random, again and again. The worse the former, the more an annotator has to mend there, and a model to learn.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev

from sitrep_ie.document import Annotation, Document, Example, Span, paragraph_spans
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import read_examples
from sitrep_ie.score import score_examples
from sitrep_ie.suggest import MIN_WORDS, suggest

LEVELS = ("mentions", "trig_c", "arg_c")
"""Fields of `Scores` that are compared."""


def cut(annotation: Annotation, span: Span) -> Annotation:
    """Returns what of an annotation lies in a paragraph."""
    inside = {node for node in annotation.spans() if span.contains(node.span)}
    return Annotation(
        annotation.document_id,
        tuple(node for node in annotation.mentions if node in inside),
        tuple(node for node in annotation.triggers if node in inside),
        tuple(link for link in annotation.relations if {link.head, link.tail} <= inside),
    )


def compare(
    examples: Sequence[Example], extractor: Extractor, num: int, num_draws: int
) -> dict[str, tuple[float, float, float]]:
    """Returns, for each level, F1 of the chosen paragraphs, and mean and deviation of F1 of random ones."""
    documents = [example.document for example in examples]
    predicted = dict(zip((d.id for d in documents), extractor.annotate_many(documents), strict=True))
    gold = {example.document.id: example for example in examples}

    def f1(places: Iterable[tuple[str, Span]]) -> list[float]:
        sides: tuple[list[Example], list[Example]] = ([], [])
        for number, (name, span) in enumerate(places):
            document = Document(f"{number}", gold[name].document.text)
            for side, annotation in zip(sides, (gold[name].gold, predicted[name]), strict=True):
                part = cut(annotation, span)
                side.append(
                    Example(document, Annotation(document.id, part.mentions, part.triggers, part.relations))
                )
        scores = score_examples(*sides, extractor.ontology)
        return [100 * getattr(scores, level).f1 for level in LEVELS]

    chosen = suggest(documents, extractor, num)
    # From the same paragraphs as `suggest` chooses from, counted in its own way.
    places = [
        (document.id, span)
        for document in documents
        for span in paragraph_spans(document.text)
        if extractor.text_encoder.encode(document.text[span.start : span.end]).num_words >= MIN_WORDS
    ]
    found = f1((item.document_id, item.span) for item in chosen)
    draws = [f1(random.Random(seed).sample(places, len(chosen))) for seed in range(num_draws)]
    return {
        level: (found[i], fmean(draw[i] for draw in draws), stdev(draw[i] for draw in draws))
        for i, level in enumerate(LEVELS)
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m training.benchmarks.suggest", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("gold", nargs="+", type=Path, help="annotated reports that the model has not seen")
    parser.add_argument("--model", type=Path, help="a model folder instead of the shipped one")
    parser.add_argument("--n", type=int, default=30, help="paragraphs to choose")
    parser.add_argument("--draws", type=int, default=200, help="random choices")
    options = parser.parse_args(arguments)
    extractor = Extractor.load(options.model, device="cpu")
    examples = [example for path in options.gold for example in read_examples(path, extractor.ontology)]
    print(f"F1 of {options.n} paragraphs    suggested    random ({options.draws} draws)")
    for level, (chosen, mean, deviation) in compare(examples, extractor, options.n, options.draws).items():
        print(f"{level:22} {chosen:12.1f}    {mean:.1f} ± {deviation:.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

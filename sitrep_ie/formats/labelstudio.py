"""Label Studio: exported tasks in, tasks with pre-annotations and their labelling configuration out.

Mentions and triggers are regions of a `Labels` tag, attributes its regions' choices, roles and relations its
relations. What is known of a document (id, source, title, published, period) stands beside its text in
`data`.

Label Studio counts offsets in Unicode code points; releases before late 2021 counted UTF-16 code units. The
text that each region repeats tells which: where the two differ, the one that fits is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.sax.saxutils import quoteattr

from sitrep_ie.document import Document, Example, Relation, Span, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import (
    RELATION_SCORES,
    Names,
    Node,
    check_distinct,
    check_examples,
    count_unheld,
    leave_out,
    make_example,
    note,
    span_in,
    utf16_offsets,
)
from sitrep_ie.formats._files import atomic_writer, read_lines
from sitrep_ie.formats._json import (
    any_object,
    as_integer,
    as_list,
    as_score,
    as_string,
    parse_json,
    write_json,
)
from sitrep_ie.formats.jsonl import DOCUMENT_KEYS, document_from_dict, document_to_dict
from sitrep_ie.ontology import Ontology

_LABELS, _ATTRIBUTES, _TEXT = "label", "attributes", "text"
UNLABELLED = "tasks without annotation"
SKIPPED = "skipped annotations"


def read_labelstudio(
    path: Path | str, ontology: Ontology, *, left_out: Counter[str] | None = None
) -> list[Example]:
    """Returns the documents of a JSON export (not JSON-MIN), in file order.

    A task's one annotation is read; of several, the one that is marked as ground truth. Tasks without the key
    `annotations` are no export but an import file: their one prediction is read. A document is called
    by `data.id`, else by the task's id.

    Args:
        path: the file; its text is `data.text`.
        ontology: its type names are found whatever their case and separators are in the file.
        left_out: takes the counts of tasks without annotation and of results that no example holds;
            without it they are refused.

    Raises:
        FormatError: the file does not follow the format or the ontology; names the task.
    """
    path = Path(path)
    raw = parse_json("\n".join(line for _, line in read_lines(path)), str(path))
    names = Names(ontology)
    return check_distinct(_examples(as_list(raw, f"{path}: the file"), path, names, left_out))


def write_labelstudio(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> Counter[str]:
    """Writes tasks to import, their annotation as predictions with scores.

    Beside the file, its name ending in `.xml`, stands the labelling configuration that fits.

    Returns:
        What was left out, and how often: scores of relations.

    Raises:
        FormatError: a document, named in the message, cannot be written.
    """
    path = Path(path)
    written = check_examples(examples, ontology, path)
    with atomic_writer(path) as file:
        write_json(file, [_task(example) for example in written])
    with atomic_writer(path.with_suffix(".xml")) as file:
        file.write(labelstudio_configuration(ontology))
    return count_unheld(written, {RELATION_SCORES})


def labelstudio_configuration(ontology: Ontology) -> str:
    """Returns the labelling configuration (XML) with which Label Studio offers the ontology's types."""
    lines = ["<View>", f'  <Labels name="{_LABELS}" toName="{_TEXT}">']
    for index, name in enumerate(ontology.span_types):
        hue = round(360 * index / len(ontology.span_types))
        lines.append(f'    <Label value={quoteattr(name)} background="hsl({hue}, 70%, 60%)"/>')
    lines.append("  </Labels>")
    if ontology.relation_names:
        lines.append("  <Relations>")
        lines += [f"    <Relation value={quoteattr(name)}/>" for name in ontology.relation_names]
        lines.append("  </Relations>")
    lines.append(f'  <Text name="{_TEXT}" value="$text" granularity="word"/>')
    if ontology.attributes and ontology.event_names:
        lines.append(
            f'  <Choices name="{_ATTRIBUTES}" toName="{_TEXT}" choice="multiple" perRegion="true" '
            f'whenTagName="{_LABELS}" whenLabelValue={quoteattr(",".join(ontology.event_names))}>'
        )
        lines += [f"    <Choice value={quoteattr(name)}/>" for name in ontology.attributes]
        lines.append("  </Choices>")
    return "\n".join([*lines, "</View>"]) + "\n"


# ---- writing ----


def _task(example: Example) -> dict[str, Any]:
    nodes = example.gold.spans()
    ids = {node: f"m{number}" for number, node in enumerate(nodes, 1)}
    results: list[dict[str, Any]] = []
    for node, name in ids.items():
        place = {
            "start": node.span.start,
            "end": node.span.end,
            "text": example.document.text[node.span.start : node.span.end],
        }
        of_region = {"id": name, "to_name": _TEXT, "score": node.score}
        labels = {**place, "labels": [node.type]}
        results.append({**of_region, "from_name": _LABELS, "type": "labels", "value": labels})
        if isinstance(node, Trigger) and node.attributes:
            choices = {**place, "choices": sorted(node.attributes)}
            results.append({**of_region, "from_name": _ATTRIBUTES, "type": "choices", "value": choices})
    between: dict[tuple[Node, Node], list[str]] = {}
    for relation in example.gold.relations:
        between.setdefault((relation.head, relation.tail), []).append(relation.relation_type)
    for (head, tail), labels_between in between.items():
        results.append(
            {
                "type": "relation",
                "from_id": ids[head],
                "to_id": ids[tail],
                "direction": "right",
                "labels": labels_between,
            }
        )
    prediction: dict[str, Any] = {"model_version": "sitrep_ie", "result": results}
    if nodes:
        prediction["score"] = fmean(node.score for node in nodes)
    return {"data": document_to_dict(example.document), "predictions": [prediction]}


# ---- reading ----


def _examples(
    tasks: list[Any], path: Path, names: Names, left_out: Counter[str] | None
) -> Iterator[tuple[str, Example]]:
    for number, task in enumerate(tasks, 1):
        task = any_object(task, f"{path}: task number {number}")
        at = f"{path}: task {task['id']}" if "id" in task else f"{path}: task number {number}"
        if "data" not in task:
            raise FormatError(
                f"{at}: key 'data' is missing; expected an export as JSON, which JSON-MIN and CSV are not"
            )
        data = any_object(task["data"], f"{at}: 'data'")
        known = {key: data[key] for key in DOCUMENT_KEYS if data.get(key) is not None}
        note("other data of tasks", left_out, len(set(data) - set(DOCUMENT_KEYS)))
        known["id"] = str(known.get("id", task.get("id", number)))
        document = document_from_dict(known, f"{at}: 'data'")
        results = _results(task, at, left_out)
        if results is not None:
            yield at, _example(document, results, names, left_out, at)


def _results(task: dict[str, Any], at: str, left_out: Counter[str] | None) -> list[Any] | None:
    """The results to read, or None for a task that nobody has annotated."""
    key = "annotations" if "annotations" in task else "predictions"
    found = [any_object(item, f"{at}: {key!r}") for item in as_list(task.get(key, []), f"{at}: {key!r}")]
    kept = [item for item in found if not item.get("was_cancelled")]
    for _ in range(len(found) - len(kept)):
        leave_out(SKIPPED, left_out, at)
    if len(kept) > 1 and any(item.get("ground_truth") for item in kept):
        note("annotations beside the ground truth", left_out, sum(not i.get("ground_truth") for i in kept))
        kept = [item for item in kept if item.get("ground_truth")]
    if len(kept) > 1:
        raise FormatError(f"{at}: {len(kept)} {key}, expected one, or one that is marked as ground truth")
    if not kept:
        if not found:
            leave_out(UNLABELLED, left_out, at)
        return None
    return as_list(kept[0].get("result"), f"{at}: 'result'")


def _example(
    document: Document, results: list[Any], names: Names, left_out: Counter[str] | None, at: str
) -> Example:
    regions: dict[str, dict[str, Any]] = {}
    choices: dict[str, list[Any]] = {}
    relations: list[dict[str, Any]] = []
    for index, item in enumerate(results):
        here = f"{at}: result {index + 1}"
        result = any_object(item, here)
        result_type = result.get("type")
        if result_type == "labels":
            name = as_string(result.get("id"), f"{here}: 'id'")
            if name in regions:
                raise FormatError(f"{here}: region {name!r} is labelled twice")
            regions[name] = result
        elif result_type == "choices" and "start" in any_object(result.get("value"), f"{here}: 'value'"):
            name = as_string(result.get("id"), f"{here}: 'id'")
            choices.setdefault(name, []).extend(as_list(result["value"].get("choices"), f"{here}: 'choices'"))
        elif result_type == "relation":
            relations.append(result)
        else:
            leave_out(f"results of type {result_type}", left_out, here)
    if unknown := set(choices) - set(regions):
        raise FormatError(f"{at}: choices of {sorted(unknown)[0]!r}, which is no labelled region")
    spans = _spans(document.text, regions, at)
    nodes: dict[str, Node] = {}
    for name, result in regions.items():
        here = f"{at}: region {name!r}"
        labels = as_list(result["value"].get("labels"), f"{here}: 'labels'")
        if len(labels) != 1:
            raise FormatError(f"{here}: {len(labels)} labels, expected one")
        chosen = [as_string(choice, f"{here}: 'choices'") for choice in choices.get(name, ())]
        score = as_score(1.0 if result.get("score") is None else result["score"], f"{here}: 'score'")
        label = as_string(labels[0], f"{here}: 'labels'")
        nodes[name] = names.node(label, spans[name], chosen, score, here)
    return make_example(document, nodes.values(), _relations(relations, nodes, names, at), names.ontology, at)


def _spans(text: str, regions: dict[str, dict[str, Any]], at: str) -> dict[str, Span]:
    """The spans of all regions, counted in the unit in which each holds the text that it repeats."""
    offsets: dict[str, tuple[int, int, str | None]] = {}
    for name, result in regions.items():
        here = f"{at}: region {name!r}"
        value = any_object(result.get("value"), f"{here}: 'value'")
        start, end = (as_integer(value.get(key), f"{here}: {key!r}") for key in ("start", "end"))
        shown = value.get("text")
        offsets[name] = (start, end, None if shown is None else as_string(shown, f"{here}: 'text'"))
    units = {unit: position for position, unit in enumerate(utf16_offsets(text))}
    in_units = {name: (units.get(start, -1), units.get(end, -1)) for name, (start, end, _) in offsets.items()}
    in_points = {name: (start, end) for name, (start, end, _) in offsets.items()}
    for candidate in (in_points, in_units):
        if all(_holds(text, *candidate[name], shown) for name, (_, _, shown) in offsets.items()):
            return {name: span_in(text, *ends, f"{at}: region {name!r}") for name, ends in candidate.items()}
    name, (start, end, shown) = next(
        (name, found) for name, found in offsets.items() if not _holds(text, *found[:2], found[2])
    )
    span_in(text, start, end, f"{at}: region {name!r}")
    raise FormatError(
        f"{at}: region {name!r}: [{start}, {end}) holds {text[start:end]!r} in the text, not {shown!r}"
    )


def _holds(text: str, start: int, end: int, shown: str | None) -> bool:
    if not 0 <= start < end <= len(text):
        return False
    # A line break in a region's text is written as the two characters \n.
    return shown is None or shown in (text[start:end], text[start:end].replace("\n", "\\n"))


def _relations(
    results: list[dict[str, Any]], nodes: dict[str, Node], names: Names, at: str
) -> Iterator[Relation]:
    for result in results:
        ends = [as_string(result.get(key), f"{at}: relation: {key!r}") for key in ("from_id", "to_id")]
        here = f"{at}: relation from {ends[0]!r} to {ends[1]!r}"
        for end in ends:
            if end not in nodes:
                raise FormatError(f"{here}: {end!r} is no labelled region")
        direction = result.get("direction", "right")
        if direction not in ("right", "left"):
            raise FormatError(f"{here}: direction {direction!r}, expected 'right' or 'left'")
        head, tail = (nodes[end] for end in (ends if direction == "right" else ends[::-1]))
        labels = as_list(result.get("labels", []), f"{here}: 'labels'")
        if not labels:
            raise FormatError(f"{here}: no label, expected one of {list(names.ontology.relation_names)}")
        for label in labels:
            yield Relation(head, tail, names.relation(as_string(label, f"{here}: 'labels'"), here))

"""Reports of a JSON lines file as a data set of Hugging Face, with the events of each report in new columns.

    pip install 'sitrep_ie[datasets]'
    python examples/datasets_map.py reports.jsonl events.parquet

Each line of the file is an object with `text`, and `id` and `published` where they are known.
"""

from __future__ import annotations

import json
import sys

from sitrep_ie.batch import ModelLoader, ReportColumns


def main(source: str, target: str, model: str | None = None) -> int:
    """Writes `target` and returns how many rows have failed."""
    from datasets import load_dataset

    reports = load_dataset("json", data_files=source, split="train")
    # A second call with the same file, model and settings takes its rows from the cache.
    with_events = reports.map(ReportColumns(ModelLoader(model)), batched=True, batch_size=64)
    with_events.to_parquet(target)
    for row in with_events:
        events = json.loads(row["report"])["events"] if row["report"] else row["error"]
        print(row["id"], [event["type"] for event in events] if row["report"] else events)
    return sum(1 for error in with_events["error"] if error)


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)

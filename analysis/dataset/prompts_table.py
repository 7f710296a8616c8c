"""The table `prompts.parquet`: a row a prompt, with its text, its group, and what else its source says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.analysis.run.run import Run
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.tables.columns import column

PROMPTS = pa.schema(
    [
        column("prompt_id", pa.string(), "The prompt's name in all tables: the start of the SHA-256 of its text."),
        column("text", pa.string(), "What the model reads."),
        column(
            "group",
            pa.string(),
            "What it shares with other prompts, such as its object; its own id where it names none.",
        ),
        column("facts", pa.string(), "What else its source says of it, as a JSON object; empty where that is nothing."),
    ]
)


def prompts_table(run: Run) -> pa.Table:
    """The prompts of a run in the order of its study; of a sweep those of all rounds so far."""
    prompts = {prompt.id: prompt for prompt in run.wanted.prompts}
    for unit in run.units:
        prompts |= {prompt.id: prompt for prompt in unit.prompts if prompt.id not in prompts}
    rows = []
    for prompt in prompts.values():
        facts = dict(prompt.facts) | ({"task": kind} if (kind := run.kind(prompt.id)) else {})
        said = json.dumps(facts, ensure_ascii=False, sort_keys=True) if facts else ""
        rows.append({"prompt_id": prompt.id, "text": prompt.text, "group": prompt.group, "facts": said})
    return pa.Table.from_pylist(rows, PROMPTS)


def write_prompts(run: Run) -> Path:
    """Write the table into the run folder; return its path."""
    path = run.folder.path / "prompts.parquet"
    with replacing(path) as scratch:
        pq.write_table(prompts_table(run), scratch)
    return path

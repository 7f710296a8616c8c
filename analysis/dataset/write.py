"""What makes a data set of a run: its prompts, its scores, and its card."""

from __future__ import annotations

from pathlib import Path

from seedscope.analysis.dataset.card import write_card
from seedscope.analysis.dataset.listed import listed
from seedscope.analysis.dataset.prompts_table import write_prompts
from seedscope.analysis.dataset.scores_table import Judgement, write_scores
from seedscope.analysis.run.parts import whole
from seedscope.analysis.run.run import Run
from seedscope.pipeline.storage.local import LocalStorage


def write_dataset(run: Run, judgement: Judgement | None = None) -> list[Path]:
    """Write `prompts.parquet`, `scores.parquet` and `README.md` of a run, as it stands, into its folder; return their paths.

    Its tables are made to open first: receipts that an earlier version wrote among shards are moved. For the process that holds
    the run alone.

    Raises:
        CorruptShard: a shard is damaged.
    """
    everything = whole(run)
    current = [table for _, table, _ in everything.tables()]
    for table in current:
        table.compact()
    written = [write_prompts(everything), write_scores(everything, judgement)]
    names = {table.name for table in current}
    tables = [
        each
        for each in listed(run.folder, LocalStorage(run.folder.path))
        if each.columns and ("/" not in each.files or each.files.partition("/")[0] in names)
    ]
    card = write_card(run, tables)
    return [*written, *([] if card is None else [card])]

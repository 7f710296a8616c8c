"""From two finished runs to their common page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seedscope.analysis.comparing.compare_runs import compare_all
from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.comparing.in_words import heading, verdict
from seedscope.analysis.report.gather.gather import report_data
from seedscope.analysis.report.pair import Compared, Side, write_pair
from seedscope.analysis.report.pictures import MOST_PICTURES
from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import UserError


def make_pair_report(
    first: Run,
    second: Run,
    folder: Path,
    progress: Callable[[int, int], object] | None = None,
    most_pictures: int | None = MOST_PICTURES,
) -> Path:
    """Write two finished runs on one page into a folder, with the report of each; return the page to open.

    Raises:
        UserError: a run is not finished, both are the same, they share no picture, or the folder cannot be used.
        CorruptShard: a shard is damaged.
    """
    runs = first, second
    urls = [run.folder.storage.url for run in runs]
    if urls[0] == urls[1]:
        raise UserError(f"{urls[0]}: is named twice; name two runs: seedscope report runs/one runs/other")
    if not {prompt.id for prompt in first.wanted.prompts} & {prompt.id for prompt in second.wanted.prompts}:
        raise UserError(f"{urls[0]} and {urls[1]} share no prompt, so that no two pictures are to stand side by side.")
    if not {*first.wanted.seeds} & {*second.wanted.seeds}:
        raise UserError(f"{urls[0]} and {urls[1]} share no seed, so that no two pictures are to stand side by side.")
    data = [report_data(run) for run in runs]
    pictures = [RunPictures(run.images, run.units) for run in runs]
    names = [url.rstrip("/").rpartition("/")[2] for url in urls]
    if names[0] == names[1]:
        names = urls
    sides = [Side(*each, each[-1].encoded) for each in zip(names, data, pictures, strict=True)]
    return write_pair(sides[0], sides[1], _compared(urls), folder, progress, most_pictures)


def _compared(urls: list[str]) -> Compared:
    """As `seedscope compare` finds it; runs that share no measurement, or next to no seeds, still have pictures to show."""
    try:
        (pair,) = compare_all([FinishedRun.open(url) for url in urls])
    except UserError as reason:
        return Compared(None, [], str(reason))
    return Compared(pair, [verdict(pair), *heading(pair), *pair.notes])

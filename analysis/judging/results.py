"""From a ranking to what people take away: the table on the terminal, the golden list, the contact sheet."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as Grid

from seedscope.analysis.judging.golden_rules import Choice, golden_seeds
from seedscope.analysis.judging.judge import Judged
from seedscope.analysis.run.complete_prompts import unfinished
from seedscope.analysis.run.run import DrawnJob, Job
from seedscope.analysis.run.sampled_pictures import evenly, pictures_of
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.variance import reliability
from seedscope.analysis.seeds.verdict import span, verdict, written
from seedscope.analysis.select.lists import save_lists
from seedscope.analysis.sheets.contact_sheet import Row, contact_sheet
from seedscope.pipeline.errors import UserError

SHEET_SEEDS = 4
SHEET_PROMPTS = 8


def show(job: Job, judged: Judged, choice: Choice, console: Console) -> None:
    """Print the best and the worst seeds, the verdict, how much of each measurement is the seed's, and which are golden."""
    console.print(_best_and_worst(judged.ranking, job.study.name))
    for sentence in unfinished(job):
        console.print(sentence)
    for sentence in verdict(judged.ranking):
        console.print(sentence)
    if judged.scalars:
        console.print(_shares(judged.scalars.values()))
    for distance in judged.distances:
        console.print(distance.sentence())
    for measure, reason in judged.silent.items():
        console.print(f"{measure} says nothing of the seeds: {reason}")
    if judged.by_task is not None:
        console.print(_by_task(judged.by_task))
    console.print(f"Golden seeds: {', '.join(map(str, choice.seeds)) or 'none'}.")
    console.print(choice.sentence)


def _best_and_worst(ranking: Ranking, name: str, most: int = 5) -> Grid:
    rows, by = ranking.table.to_pylist(), ranking.measure
    grid = Grid(title=f"Seeds of {name} by {by}, {ranking.better} is better")
    value = "distance" if ranking.real_images is not None else "rate" if ranking.rate else "value"
    for heading in ("rank", "seed", value, "95 % interval", "less mean", "95 % interval"):
        grid.add_column(heading, justify="right", no_wrap=True)
    shown = rows if len(rows) <= 2 * most else [*rows[:most], None, *rows[-most:]]
    for row in shown:
        if row is None:
            grid.add_row(*["..."] * 6)
        else:
            grid.add_row(
                str(row["rank"] or "-"),
                str(row["seed"]),
                written(ranking, row[by]),
                span(ranking, row.get(f"{by}_lo"), row.get(f"{by}_hi")),
                written(ranking, row[f"{by}_vs_mean"], signed=True),
                span(ranking, row[f"{by}_vs_mean_lo"], row[f"{by}_vs_mean_hi"], signed=True),
            )
    return grid


def _shares(scalars: Iterable[Scalar]) -> Grid:
    grid = Grid(title="How much of each measurement's variance is the seed's", box=SIMPLE, pad_edge=False)
    grid.add_column("measurement", overflow="fold")
    for heading in ("share", "95 % interval", "reliability", "p"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for found in scalars:
        seed = None if found.shares is None else found.shares.seed
        sure = None if found.shares is None else reliability(found.shares)
        grid.add_row(
            found.name,
            "-" if seed is None or seed.share is None else f"{100 * seed.share:.1f} %",
            "-"
            if seed is None or seed.lo is None or seed.hi is None
            else f"{100 * seed.lo:.1f} to {100 * seed.hi:.1f}",
            "-" if sure is None else f"{sure:.2f}",
            "-" if found.null is None else f"{found.null.differ:.2g}",
        )
    return grid


def _by_task(rates: pa.Table) -> Grid:
    grid = Grid(title="Masks with text, before inpainting and after", box=SIMPLE, pad_edge=False)
    for heading in ("task", "before", "mean of seeds", "lowest", "highest"):
        grid.add_column(heading, justify="left" if heading == "task" else "right", no_wrap=True)
    for task in rates["task"].unique().to_pylist():
        rows = rates.filter(pc.equal(rates["task"], task)).sort_by("rate").to_pylist()
        known = [row for row in rows if row["rate"] is not None]
        if known:
            ends = [f"{100 * row['rate']:.0f} % (seed {row['seed']})" for row in (known[0], known[-1])]
            mean = sum(row["rate"] for row in known) / len(known)
            grid.add_row(task, f"{100 * known[0]['before']:.0f} %", f"{100 * mean:.0f} %", *ends)
    return grid


def export(job: Job, judged: Judged, choice: Choice) -> list[Path]:
    """Write the golden list in all its formats and `contact_sheet.png`; return the paths of all that a run ends in.

    Of imported pictures there is no golden list: how their noise was drawn is not known.

    Raises:
        UserError: no seed has a rank.
    """
    ranking = judged.ranking
    ranked = [row for row in ranking.table.to_pylist() if row["rank"] is not None]
    if not ranked:
        raise UserError(f"{job.folder.path}: no seed has a {ranking.measure}, so there is nothing to export.")
    names = ("seeds", "measures", "distances", "text_rates")
    tables = [job.folder.path / f"{name}.parquet" for name in names]
    files = [path for path in tables if path.exists()]
    if isinstance(job, DrawnJob):
        golden = golden_seeds(job, judged, choice)
        golden.save(job.folder.path / "golden.json")
        files += [job.folder.path / "golden.json", *save_lists(golden, job.folder.path)]
    sheet = job.folder.path / "contact_sheet.png"
    count = min(SHEET_SEEDS, len(ranked) // 2 or 1)
    ids = [prompt.id for prompt in job.wanted.prompts]
    prompts = evenly(ids if job.before is None else sorted(ids, key=job.before.task), SHEET_PROMPTS)
    texts = {prompt.id: prompt.text for prompt in job.wanted.prompts}
    best, worst = ranked[:count], ranked[max(count, len(ranked) - count) :]
    pictures = pictures_of(job, {row["seed"] for row in best + worst}, prompts)
    contact_sheet(
        [_sheet_row(row, ranking, prompts, pictures) for row in best],
        [_sheet_row(row, ranking, prompts, pictures) for row in worst],
        [texts[prompt] for prompt in prompts],
        sheet,
        title=f"Best and worst seeds of {job.subject}",
        measure=f"{ranking.measure}{', %' if ranking.rate else ''} ({ranking.better} is better), 95 % interval",
        notes=verdict(ranking),
    )
    return [*files, sheet]


def _sheet_row(
    row: dict[str, Any], ranking: Ranking, prompts: list[str], pictures: dict[tuple[int, str], Image.Image]
) -> Row:
    scale = 100 if ranking.rate else 1
    interval = ranking.interval(row)
    scaled = None if interval is None else (scale * interval[0], scale * interval[1])
    shown = [pictures.get((row["seed"], prompt)) for prompt in prompts]
    return Row(row["seed"], row["rank"], scale * row[ranking.measure], scaled, shown)

"""From a ranking to what people take away: the table on the terminal, the golden list, the contact sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.table import Table as Grid

from seedscope.analysis.report.contact_sheet import Row, contact_sheet
from seedscope.analysis.report.verdict import span, verdict, written
from seedscope.analysis.seeds.ranking import LEVEL, Ranking
from seedscope.analysis.seeds.scalar import Scalar
from seedscope.analysis.seeds.variance import reliability
from seedscope.analysis.select.conditions import Component, Conditions, Model, Prompts
from seedscope.analysis.select.golden import GoldenSeeds, Standing, Why
from seedscope.jobs.job import DrawnJob, Job
from seedscope.jobs.pictures import evenly, pictures_of
from seedscope.jobs.seeds import Judged
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.models import architecture
from seedscope.pipeline.noise import NoiseContract
from seedscope.pipeline.study import fingerprint

SHEET_SEEDS = 4
SHEET_PROMPTS = 8


def read_ranking(job: Job) -> Ranking:
    """The ranking that `seeds.judge` wrote.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = job.folder.path / "seeds.parquet"
    try:
        return Ranking.of(pq.read_table(path))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no ranking yet. `seedscope seeds` makes it.") from None
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read ({error}). `seedscope seeds` makes it again.") from None


def show(judged: Judged, job: Job, console: Console) -> None:
    """Print the best and the worst seeds, the verdict, and how much of each measurement is the seed's."""
    console.print(_best_and_worst(judged.ranking, job.study.name))
    for sentence in verdict(judged.ranking):
        console.print(sentence, highlight=False)
    if judged.scalars:
        console.print(_shares(judged.scalars))
    for measure, reason in judged.silent.items():
        console.print(f"{measure} says nothing of the seeds: {reason}", highlight=False)


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


def _shares(scalars: Sequence[Scalar]) -> Grid:
    grid = Grid(title="The seed's share of each measurement's variance")
    for heading in ("measurement", "mean", "seed's share", "reliability", "p"):
        grid.add_column(heading, justify="left" if heading == "measurement" else "right", no_wrap=True)
    for found in scalars:
        seed = None if found.shares is None else found.shares.seed
        share = "-" if seed is None or seed.share is None else f"{100 * seed.share:.1f} %"
        if seed is not None and seed.lo is not None and seed.hi is not None:
            share += f" ({100 * seed.lo:.1f} to {100 * seed.hi:.1f})"
        sure = None if found.shares is None else reliability(found.shares)
        mean = (
            f"{100 * found.mean:.0f} %"
            if found.rates is not None
            else f"{found.mean:.2g}"
            if abs(found.mean) < 0.1
            else f"{found.mean:.3g}"
        )
        p = "-" if found.null is None else f"{found.null.differ:.2g}"
        grid.add_row(found.name, mean, share, "-" if sure is None else f"{sure:.2f}", p)
    return grid


def export(job: Job) -> list[Path]:
    """Write `golden.json` and `contact_sheet.png` from the ranking; return their paths.

    Of imported pictures there is no golden list: how their noise was drawn is not known.

    Raises:
        UserError: there is no ranking, or no seed has a rank.
    """
    ranking = read_ranking(job)
    ranked = [row for row in ranking.table.to_pylist() if row["rank"] is not None]
    if not ranked:
        raise UserError(f"{job.folder.path}: no seed has a {ranking.measure}, so there is nothing to export.")
    tables = [job.folder.path / name for name in ("seeds.parquet", "measures.parquet", "text_rates.parquet")]
    files = [path for path in tables if path.exists()]
    if isinstance(job, DrawnJob):
        golden = job.folder.path / "golden.json"
        golden_seeds(job, ranking).save(golden)
        files.append(golden)
    sheet = job.folder.path / "contact_sheet.png"
    count = min(SHEET_SEEDS, len(ranked) // 2 or 1)
    prompts = evenly([prompt.id for prompt in job.wanted.prompts], SHEET_PROMPTS)
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


def golden_seeds(job: DrawnJob, ranking: Ranking) -> GoldenSeeds:
    """The golden list of a ranking: its best seeds, with the reasons and the conditions."""
    by = ranking.measure
    rows = [row for row in ranking.table.to_pylist() if row["rank"] is not None][: job.study.ranking.golden]
    seeds = [row["seed"] for row in rows]
    why = Why(
        rule="top",
        measure=by,
        better=ranking.better,
        k=job.study.ranking.golden,
        ranked=ranking.table.num_rows,
        coverage=LEVEL,
        sentence=" ".join(
            [*verdict(ranking), "The list has not been tried on prompts that took no part in choosing it."]
        ),
        standings=[
            Standing(
                seed=row["seed"],
                rank=row["rank"],
                value=row[by],
                interval=_interval(row, by),
                n=row["n"],
            )
            for row in rows
        ],
    )
    return GoldenSeeds(
        seeds=seeds,
        why=why,
        conditions=_conditions(job),
        noise=NoiseContract.of(seeds, job.located.latent_shape(job.study.sampling)),
    )


def _conditions(job: DrawnJob) -> Conditions:
    study, located = job.study, job.located
    kind, unet, scheduler = architecture(located, study.sampling)
    identity = located.identity if isinstance(located.identity, dict) else {}
    height, width = located.size(study.sampling)
    guidance = study.sampling.guidance
    return Conditions(
        model=Model(
            id=study.model.id,
            revision=identity.get("commit"),
            weights=identity.get("weights"),
            family=located.family,
            pipeline=kind,
            unet=Component.of(unet),
        ),
        scheduler=Component.of(scheduler),
        steps=study.sampling.steps,
        guidance_scale=guidance.scale,
        negative_prompt=guidance.negative_prompt,
        negative_scale=guidance.negative_scale,
        negative_from=guidance.negative_from,
        height=height,
        width=width,
        dtype=study.compute.dtype,
        prompts=Prompts(
            count=len(job.wanted.prompts), sha256=fingerprint([prompt.id for prompt in job.wanted.prompts])
        ),
    )


def _sheet_row(
    row: dict[str, Any], ranking: Ranking, prompts: list[str], pictures: dict[tuple[int, str], Image.Image]
) -> Row:
    scale = 100 if ranking.rate else 1
    interval = _interval(row, ranking.measure)
    scaled = None if interval is None else (scale * interval[0], scale * interval[1])
    shown = [pictures.get((row["seed"], prompt)) for prompt in prompts]
    return Row(row["seed"], row["rank"], scale * row[ranking.measure], scaled, shown)


def _interval(row: dict[str, Any], by: str) -> tuple[float, float] | None:
    """The interval of a seed's value; of one that has none of its own, that of its difference from the mean, moved there."""
    if row.get(f"{by}_lo") is not None:
        return row[f"{by}_lo"], row[f"{by}_hi"]
    low, high = row[f"{by}_vs_mean_lo"], row[f"{by}_vs_mean_hi"]
    if low is None or f"{by}_lo" in row:
        return None
    mean = row[by] - row[f"{by}_vs_mean"]
    return mean + low, mean + high

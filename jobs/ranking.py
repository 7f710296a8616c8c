"""From measurements to a decision: the seeds table, the golden list, the contact sheet, and what a person reads of them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.table import Table as Grid

from seedscope.analysis.report.contact_sheet import Row, contact_sheet
from seedscope.analysis.report.verdict import verdict
from seedscope.analysis.seeds.table import LEVEL, Chance, Ranking, rank_seeds, reference_of
from seedscope.analysis.select.conditions import Component, Conditions, Model, Prompts
from seedscope.analysis.select.golden import GoldenSeeds, Standing, Why
from seedscope.jobs.job import DrawnJob, Job
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import decode
from seedscope.pipeline.models import architecture
from seedscope.pipeline.noise import NoiseContract
from seedscope.pipeline.store import replace
from seedscope.pipeline.study import fingerprint

SHEET_SEEDS = 4
SHEET_PROMPTS = 8


def rank(job: Job) -> Ranking:
    """Rank the seeds of a measured run and write `seeds.parquet`.

    Raises:
        UserError: pictures or measurements are missing.
    """
    by, settings = job.study.ranking.by, job.study.ranking
    measure = next(item for item in job.measures if item.feature.name == by)
    real = next(item for item in job.reference_measures if item.feature.name == by)
    for units, table, what in (
        (job.units, job.images, "pictures"),
        (job.units, measure.table, "measurements"),
        (job.reference.units(), real.table, "measurements of real pictures"),
    ):
        if missing := len({unit.name for unit in units} - table.committed()):
            raise UserError(
                f"{job.folder.path}: {missing} of {len(units)} units have no {what} yet. `seedscope run` makes them."
            )
    ranking = rank_seeds(
        measure.table,
        by,
        job.units,
        reference_of(real.table, by, job.reference.units()),
        top=settings.golden,
        resamples=settings.bootstrap,
        shuffles=settings.shuffles,
        rng=np.random.default_rng(int(fingerprint(job.cause)[:16], 16)),
    )
    replace(job.folder.path / "seeds.parquet", lambda path: pq.write_table(ranking.with_metadata(), path))
    return ranking


def read_ranking(job: Job) -> Ranking:
    """The ranking that `rank` wrote.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = job.folder.path / "seeds.parquet"
    try:
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[b"seedscope"])
    except FileNotFoundError:
        raise UserError(f"{path}: there is no ranking yet. `seedscope seeds` makes it.") from None
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read ({error}). `seedscope seeds` makes it again.") from None
    chance = facts.pop("chance")
    return Ranking(**facts, chance=None if chance is None else Chance(**chance), table=table)


def show(ranking: Ranking, job: Job, console: Console, most: int = 5) -> None:
    """Print the best and the worst seeds, and the verdict."""
    rows, by = ranking.table.to_pylist(), ranking.measure
    grid = Grid(title=f"Seeds of {job.study.name} by {by}, lower is better")
    for heading in ("rank", "seed", "distance", "95 % interval", "less mean", "95 % interval"):
        grid.add_column(heading, justify="right", no_wrap=True)
    shown = rows if len(rows) <= 2 * most else [*rows[:most], None, *rows[-most:]]
    for row in shown:
        if row is None:
            grid.add_row(*["..."] * 6)
        else:
            grid.add_row(
                str(row["rank"] or "-"),
                str(row["seed"]),
                _number(row[by]),
                f"{_number(row[f'{by}_lo'])} to {_number(row[f'{by}_hi'])}",
                _signed(row[f"{by}_vs_mean"]),
                f"{_signed(row[f'{by}_vs_mean_lo'])} to {_signed(row[f'{by}_vs_mean_hi'])}",
            )
    console.print(grid)
    for sentence in verdict(ranking):
        console.print(sentence, highlight=False)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


def export(job: Job) -> list[Path]:
    """Write `golden.json` and `contact_sheet.png` from the ranking; return their paths.

    Of imported pictures there is no golden list: how their noise was drawn is not known.

    Raises:
        UserError: there is no ranking, or no seed has a rank.
    """
    ranking = read_ranking(job)
    ranked = [row for row in ranking.table.to_pylist() if row["rank"] is not None]
    if not ranked:
        raise UserError(f"{job.folder.path}: no seed has a distance, so there is nothing to export.")
    written = [job.folder.path / "seeds.parquet"]
    if isinstance(job, DrawnJob):
        golden = job.folder.path / "golden.json"
        golden_seeds(job, ranking).save(golden)
        written.append(golden)
    sheet = job.folder.path / "contact_sheet.png"
    count = min(SHEET_SEEDS, len(ranked) // 2 or 1)
    prompts = _spread([prompt.id for prompt in job.wanted.prompts], SHEET_PROMPTS)
    texts = {prompt.id: prompt.text for prompt in job.wanted.prompts}
    best, worst = ranked[:count], ranked[max(count, len(ranked) - count) :]
    pictures = _pictures(job, {row["seed"] for row in best + worst}, set(prompts))
    contact_sheet(
        [_sheet_row(row, ranking.measure, prompts, pictures) for row in best],
        [_sheet_row(row, ranking.measure, prompts, pictures) for row in worst],
        [texts[prompt] for prompt in prompts],
        sheet,
        title=f"Best and worst seeds of {job.subject}",
        measure=f"{ranking.measure} (lower is better), 95 % interval",
        notes=verdict(ranking),
    )
    return [*written, sheet]


def golden_seeds(job: DrawnJob, ranking: Ranking) -> GoldenSeeds:
    """The golden list of a ranking: its lowest distances, with the reasons and the conditions."""
    by = ranking.measure
    rows = [row for row in ranking.table.to_pylist() if row["rank"] is not None][: job.study.ranking.golden]
    seeds = [row["seed"] for row in rows]
    why = Why(
        rule="top",
        measure=by,
        better="lower",
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
                interval=None if row[f"{by}_lo"] is None else (row[f"{by}_lo"], row[f"{by}_hi"]),
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


def _spread(items: list[str], count: int) -> list[str]:
    """At most `count` of the items, evenly spaced."""
    if len(items) <= count:
        return items
    return [items[i * len(items) // count] for i in range(count)]


def _pictures(job: Job, seeds: set[int], prompts: set[str]) -> dict[tuple[int, str], Image.Image]:
    """The pictures of some cells; a failed cell has none."""
    found: dict[tuple[int, str], Image.Image] = {}
    for unit in job.units:
        if seeds & set(unit.seeds) and prompts & {prompt.id for prompt in unit.prompts}:
            for row in job.images.read(unit.name, ["prompt_id", "seed", "image"]).to_pylist():
                if row["image"] is not None and row["seed"] in seeds and row["prompt_id"] in prompts:
                    found[row["seed"], row["prompt_id"]] = Image.fromarray(decode(row["image"]["bytes"]))
    return found


def _sheet_row(row: dict[str, float], by: str, prompts: list[str], pictures: dict[tuple[int, str], Image.Image]) -> Row:
    seed, lo = int(row["seed"]), row[f"{by}_lo"]
    interval = None if lo is None else (lo, row[f"{by}_hi"])
    return Row(seed, int(row["rank"]), row[by], interval, [pictures.get((seed, prompt)) for prompt in prompts])

"""`seedscope simulate`: how many prompts and pictures it takes to find the best seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from seedscope.jobs.commands.options import Json, Out
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.select.power import Aim, Design
    from seedscope.jobs.planning.known_ratios import KnownRatio

SEEDS, GOLDEN, GAIN = 1024, 16, 0.9
LEGEND = (
    "{golden:,} of {seeds:,} seeds. Gain: effect of the seeds found over that of the truly best; recall: share of these that "
    "is found; means over 200 simulated studies of normal effects. Prompts and pictures with those of the confirmation, a "
    "quarter of all."
)


def simulate_study(
    study: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY]", help="A study whose run is finished: its lambda is taken.", show_default=False
        ),
    ] = None,
    folder: Out = None,
    noise_ratio: Annotated[
        list[float] | None,
        typer.Option(
            "--lambda",
            help="Variance of the rest of a score over that of seed effects, in place of a run's. May be repeated.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this measurement of the run; may be repeated.", show_default=False),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=2, help="Seeds to choose from.  \\[default: the study's, or 1024]")
    ] = None,
    golden: Annotated[
        int | None, typer.Option(min=1, help="Seeds that are wanted.  \\[default: the study's, or 16]")
    ] = None,
    gain: Annotated[
        float | None,
        typer.Option(help="Wanted: effect of the chosen seeds over that of the truly best.  \\[default: 0.9]"),
    ] = None,
    recall: Annotated[
        float | None, typer.Option(help="Wanted: share of the truly best seeds that are chosen.", show_default=False)
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option(min=1, help="In place of what is wanted, a budget: what to expect of it.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how many prompts and pictures a uniform sweep and an adaptive one take to find the best seeds; make nothing.

    In simulated studies: lambda is that of a finished run, or a stated one. Both designs confirm their choice with a quarter
    of the pictures.

    Example: seedscope simulate --lambda 15 --seeds 1024 --golden 16 --gain 0.95
    """
    from seedscope.analysis.select.racing import RaceError

    if sum(wanted is not None for wanted in (gain, recall, pictures)) > 1:
        raise UserError("--gain, --recall and --pictures exclude each other: name one of them.")
    for name, wanted in (("--gain", gain), ("--recall", recall)):
        if wanted is not None and not 0.0 < wanted < 1.0:
            raise UserError(f"{name} {wanted:g}: is a share, above 0 and below 1.")
    known, of_study = _known(study, folder, noise_ratio or [], measure or [])
    size = seeds or of_study[0], golden or of_study[1]
    finite = [one for one in known if 0 < one.ratio < inf]
    try:
        if pictures is not None:
            rows = list(_of_budget(finite, *size, pictures))
        else:
            rows = list(_of_aim(finite, *size, "recall" if recall else "gain", recall or gain or GAIN))
    except RaceError as error:
        raise UserError(str(error)) from None
    alike = [one.measure for one in known if not isfinite(one.ratio)]
    alone = [one.measure for one in known if one.ratio == 0]
    if as_json:
        found = {"seeds": size[0], "golden": size[1], "designs": rows, "no_effect": alike, "no_noise": alone}
        print(json.dumps(found, allow_nan=False))
        return
    if rows:
        out.print(_table(rows))
        out.print(LEGEND.format(seeds=size[0], golden=size[1]), soft_wrap=True)
    for name in alone:
        out.print(f"{name} depends on nothing but the seed: one prompt finds the best.", soft_wrap=True)
    for name in alike:
        out.print(
            f"By {name} the seeds of this run do not differ: no number of prompts finds the best.", soft_wrap=True
        )


def _known(
    study: Path | None, folder: str | None, stated: Sequence[float], named: Sequence[str]
) -> tuple[list[KnownRatio], tuple[int, int]]:
    """Lambdas, and how many seeds there are and are wanted."""
    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.jobs.planning.known_ratios import KnownRatio, ratios_of

    if wrong := [ratio for ratio in stated if not (ratio > 0 and isfinite(ratio))]:
        raise UserError(f"--lambda {wrong[0]:g}: is a ratio of variances, above 0.")
    if named and (study is None or stated):
        raise UserError("--measure names a measurement of a study's run: name the study, and no --lambda.")
    given = [KnownRatio("stated", ratio, ratio, ratio) for ratio in stated]
    if study is None:
        if not given:
            raise UserError("Name a study whose run is finished, or state --lambda.")
        return given, (SEEDS, GOLDEN)
    run = run_of(study, folder, uniform=True)
    counts = (len(run.study.every_seed) if isinstance(run, DrawnRun) else SEEDS, run.study.ranked.golden)
    return given or ratios_of(run, study, named), counts


def _of_aim(known: Sequence[KnownRatio], seeds: int, golden: int, aim: Aim, wanted: float) -> Iterator[dict[str, Any]]:
    """Rows of the smallest designs that reach what is wanted."""
    import numpy as np

    from seedscope.analysis.select.power import Power

    for one in known:
        found = Power(seeds, golden, one.ratio).needed(aim, wanted, np.random.default_rng(0))
        yield _row(one, "uniform", found.uniform)
        yield _row(one, "adaptive", found.race)


def _of_budget(known: Sequence[KnownRatio], seeds: int, golden: int, pictures: int) -> Iterator[dict[str, Any]]:
    """Rows of what a budget finds, and of uniform sweeps beside it."""
    import numpy as np

    from seedscope.analysis.select.power import Power
    from seedscope.analysis.select.racing import Rules

    for one in known:
        rules = Rules(seeds, golden, pictures, prompts=pictures)
        found = Power(seeds, golden, one.ratio).beside_uniform(rules, np.random.default_rng(0))
        yield _row(one, "adaptive", found.race)
        yield _row(one, "uniform, as many pictures", found.equal_cost)
        yield _row(one, "uniform, the same gain", found.equal_gain)


def _row(known: KnownRatio, name: str, design: Design | None) -> dict[str, Any]:
    ends = {"lambda": known.ratio, "lambda_lo": known.lo, "lambda_hi": known.hi}
    finite = {end: value if isfinite(value) else None for end, value in ends.items()}
    row: dict[str, Any] = {"of": known.measure, **finite, "design": name}
    if design is None:
        return row | {"prompts": None, "pictures": None, "found": None, "rounds": []}
    return row | {
        "prompts": design.prompts,
        "pictures": design.pictures,
        "found": asdict(design.found),
        "rounds": [{"seeds": block.seeds, "prompts": block.prompts} for block in design.rounds],
    }


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("of", "lambda", "design", box=SIMPLE, pad_edge=False)
    for column in ("prompts", "pictures", "gain", "recall"):
        table.add_column(column, justify="right")
    for row in rows:
        found = row["found"]
        numbers = [f"{row[name]:,}" if found else "-" for name in ("prompts", "pictures")]
        shares = [f"{found[name]:.2f} ±{2 * found[f'{name}_se']:.2f}" if found else "-" for name in ("gain", "recall")]
        table.add_row(row["of"], _ratio(row), row["design"], *numbers, *shares)
    return table


def _ratio(row: dict[str, Any]) -> str:
    if row["lambda_lo"] == row["lambda_hi"]:
        return f"{row['lambda']:.3g}"
    lo, hi = (inf if row[end] is None else row[end] for end in ("lambda_lo", "lambda_hi"))
    return f"{row['lambda']:.3g} ({lo:.3g} to {hi:.3g})"

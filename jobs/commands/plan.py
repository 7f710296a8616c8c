"""`seedscope plan`: what a study would make, and what it would take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table as TextTable

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.run.race import Race
    from seedscope.jobs.planning.estimate import Budget, Plan, Rated
    from seedscope.jobs.planning.pricing import Spread


def plan_study(
    study: StudyFile,
    folder: Out = None,
    gpus: Annotated[
        str,
        typer.Option(metavar="N,N,...", help="Numbers of GPUs to price, or of workers where the bench ran on a CPU."),
    ] = "1,8,64",
    price: Annotated[
        float | None, typer.Option(min=0, help="Of an hour of one of them, in your currency.", show_default=False)
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--hours",
            "--budget",
            min=0,
            help="GPU hours in all: say what prompts and seeds they pay for.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a study would make, how long that takes and what it costs; make nothing.

    The rate is that of the last `seedscope bench` of the same model, sampling and features, in this run folder or one
    beside it.

    Example: seedscope plan configs/sdxl_turbo.yaml --gpus 1,8,64 --price 2.5 --hours 500
    """
    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.run.raced_run import refuse_other_sweep
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.analysis.run.unnamed_groups import unnamed_groups
    from seedscope.analysis.run.unused_negatives import unused_negatives
    from seedscope.jobs.planning.estimate import planned
    from seedscope.pipeline.models.before_loading import refuse_what_cannot_load

    run = run_of(study, folder)
    if not isinstance(run, DrawnRun):
        raise UserError(
            f"{study}: its pictures were imported, so nothing is to be planned; see `seedscope status {study}`."
        )
    refuse_other_sweep(run)
    refuse_what_cannot_load(run.located, run.study.sampling, run.study.compute)
    plan = planned(run, _counts(gpus), price, budget)
    measure = f"`seedscope bench {study}{f' --out {folder}' if folder else ''}`"
    if plan.rated is None and budget is not None:
        raise UserError(
            f"--hours: no rate is known of this model, sampling and features yet. {measure} measures it here."
        )
    if as_json:
        print(plan.model_dump_json())
        return
    for line in _sizes(plan, trying=run.race is not None and run.race.trying):
        out.print(line, soft_wrap=True)
    if run.race is not None:
        for sentence in _beside_uniform(run.race, study):
            out.print(sentence, soft_wrap=True)
    for sentence in [*unused_negatives(run), *unnamed_groups(run)]:
        out.print(sentence, soft_wrap=True)
    if plan.rated is None:
        out.print(f"\nHow long it takes is not known yet: {measure} measures the rate here.", soft_wrap=True)
        return
    out.print(f"\n{_rate(plan.rated)}", soft_wrap=True)
    out.print(_bills(plan.rated))
    if run.race is not None and any(one.devices > plan.rated.at_once for one in plan.rated.bills):
        out.print(
            f"No round has more than {plan.rated.at_once:,} units of work, so that more {_kind(plan.rated)}s than that do not "
            "help. A smaller `unit` makes more of them.",
            soft_wrap=True,
        )
    if plan.budget is not None:
        for line in _budget(plan.budget, plan):
            out.print(line, soft_wrap=True)


def _beside_uniform(race: Race, study: StudyFile) -> list[str]:
    """The sweep beside a uniform one, by the noise that its rounds have seen; before these it is not known."""
    from seedscope.analysis.judging.race.cost import beside_uniform

    return beside_uniform(race) or [
        "What it will find depends on the noise, which its first round tells; "
        f"`seedscope simulate {study} --lambda 15` says it of noise that varies 15 times as much as seeds do."
    ]


def _counts(text: str) -> list[int]:
    """`1,8,64` as numbers."""
    counts = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(counts) != text.count(",") + 1 or 0 in counts:
        raise UserError(f"--gpus {text}: is not a list of whole numbers above 0, such as 1,8,64.")
    return counts


def _sizes(plan: Plan, *, trying: bool) -> Iterator[str]:
    """What the study comes to, a line each."""
    lines = {name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in plan.size}
    lines["units"] = f"{plan.size.units:,}, of which {plan.size.units_done:,} have their pictures"
    del lines["units_done"], lines["rounds"]
    if plan.size.rounds:
        *rounds, last = [f"{seeds:,} x {prompts:,}" for seeds, prompts in plan.size.rounds]
        lines["rounds"] = f"{', '.join(rounds)} (seeds x new prompts); {last} to confirm the choice"
    if plan.size.early_images:
        when = ", if a trial speaks for them" if trying else ""
        lines["early_images"] = f"{plan.size.early_images:,} besides{when}; each costs its share of steps"
    else:
        del lines["early_images"]
    if plan.rated is not None:
        lines["bytes"] = f"about {plan.rated.bytes / 1e6:,.1f} MB"
        lines["memory"] = _memory(plan.rated)
    for name, value in lines.items():
        yield f"{name:>12}  {value}"


def _memory(rated: Rated) -> str:
    memory = rated.bench.memory
    text = f"{(memory['rss'] or 0) / 2**30:.2f} GiB a worker"
    return text if memory["gpu"] is None else f"{text}, {memory['gpu'] / 2**30:.2f} GiB of its GPU's"


def _rate(rated: Rated) -> str:
    """Where the rate comes from, and how far it spreads."""
    bench = rated.bench
    device = str(bench.machine["gpu"]) if bench.on_gpu else f"one {bench.device} worker of {bench.threads} threads"
    day = f"{datetime.fromisoformat(bench.measured):%Y-%m-%d %H:%M} UTC"
    whole = bench.rate["worker"]
    stages = f"drawn at {bench.rate['images'].median:.2f} and measured at {bench.rate['features'].median:.2f}"
    return (
        f"{device}: {whole.median:.2f} images a second ({whole.least:.2f} to {whole.most:.2f} over {bench.rounds} rounds), "
        f"{stages}. By `seedscope bench` on {bench.machine['host']}, {day} ({rated.file})."
    )


def _kind(rated: Rated) -> str:
    return "GPU" if rated.bench.on_gpu else "worker"


def _bills(rated: Rated) -> TextTable:
    """Hours and money by number of devices."""
    table = TextTable(f"{_kind(rated)}s", "hours", f"{_kind(rated)} hours", box=SIMPLE, pad_edge=False)
    priced = any(one.money is not None for one in rated.bills)
    if priced:
        table.add_column("money")
    for one in rated.bills:
        row = [f"{one.devices:,}", _spread(one.hours), _number(one.device_hours.median)]
        table.add_row(*row, *([_spread(one.money)] if one.money is not None else []))
    return table


def _spread(spread: Spread) -> str:
    return f"{_number(spread.median)} ({_number(spread.least)} to {_number(spread.most)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.3f}"


def _budget(found: Budget, plan: Plan) -> Iterator[str]:
    """What a budget pays for, in sentences."""
    fit, size = found.fit, plan.size
    share = fit.pictures / size.images
    part = f"{share:.0%} of" if share < 2 else f"{share:,.0f} times"
    yield f"{found.hours:g} hours pay for {fit.pictures:,} images, {part} the study's {size.images:,}."
    yield f"At all {size.prompts:,} prompts: {fit.seeds_at_all_prompts:,} seeds{_more(fit.seeds_at_all_prompts, size.seeds)}."
    yield f"At all {size.seeds:,} seeds: {fit.prompts_at_all_seeds:,} prompts{_more(fit.prompts_at_all_seeds, size.prompts)}."
    yield f"Balanced: {fit.prompts:,} prompts x {fit.seeds:,} seeds = {fit.prompts * fit.seeds:,} images. {found.why}"


def _more(paid: int, named: int) -> str:
    return f" (the study names {named:,})" if paid > named else ""

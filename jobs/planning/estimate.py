"""What a study comes to, what it takes, and what of it a budget pays for. Loads no torch: a plan is told in a second."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from seedscope.analysis.run.bench_file import Bench, last_bench
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.select.racing import Round
from seedscope.jobs.planning.pricing import Bill, Fit, bill, fit
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Unit, cut, plan
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason
from seedscope.pipeline.tables.parquet import read_whole


class Size(BaseModel):
    """What a study comes to.

    units: blocks of prompts x seeds, of which `units_done` have their pictures. shards: files, one a unit of pictures and of
    each feature; those of pictures that these are compared with are not counted. early_images: of a sweep, those that are not
    finished; each takes its share of the steps. rounds: of a sweep, (seeds, new prompts) of
    each, the confirmation last; without a target that ends it earlier, it comes to all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    folder: str
    table: str
    model: str
    pixels: str
    prompts: int
    groups: int
    seeds: int
    images: int
    early_images: int = Field(default=0, exclude_if=lambda images: not images)
    units: int
    units_done: int
    shards: int
    rounds: list[tuple[int, int]] = Field(default=[], exclude_if=lambda rounds: not rounds)


def size(run: DrawnRun) -> Size:
    """What the study comes to as it is written now, with what its run has already."""
    height, width = run.located.size(run.study.sampling)
    early, part = list[Unit](), run.early
    if run.race is None:
        units = plan([*(edition for _, edition in run.folder.editions()), run.wanted], run.study.unit)
    else:
        units = cut([*run.race.blocks(), *run.race.to_come()], run.study.unit)
        early = cut([*run.race.blocks(early=True), *run.race.to_come(early=True)], run.study.unit)
    drawn = {prompt.id for unit in (*units, *early) for prompt in unit.prompts}
    prompts = {prompt.id: prompt.group for prompt in run.wanted.prompts if prompt.id in drawn}
    return Size(
        study=run.study.name,
        folder=run.folder.storage.url,
        table=run.images.name,
        model=run.study.model.name,
        pixels=f"{width} x {height}",
        prompts=len(prompts),
        groups=len(set(prompts.values())),
        seeds=len(run.wanted.seeds),
        images=sum(map(len, units)),
        early_images=sum(map(len, early)),
        units=len(units) + len(early),
        units_done=_done(run, units) + (0 if part is None else _done(part, early)),
        shards=(len(units) + len(early)) * (1 + len(run.study.features)),
        rounds=[] if run.race is None else [(each.seeds, each.prompts) for each in run.race.sizes()],
    )


def _done(run: DrawnRun, units: Sequence[Unit]) -> int:
    """How many of some units have their pictures."""
    return len(run.images.committed() & {unit.name for unit in units})


class Enough(BaseModel):
    """How many prompts tell the seeds apart by a measurement, at a reliability of 0.8; None where the seeds do not differ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure: str
    file: str
    prompts: int | None


def enough_prompts(run: DrawnRun) -> Enough | None:
    """What the run, as it was last judged, says of the measurement that ranks the seeds; None where it says nothing.

    Raises:
        UserError: its measures.parquet cannot be read.
    """
    file = run.folder.path / "measures.parquet"
    if not file.exists():
        return None
    # Imported here: scipy takes two seconds.
    from seedscope.analysis.judging.judge import decisive

    measure = decisive(run)[0]
    try:
        rows = read_whole(file).select(["measure", "reliability", "prompts_for_08"]).to_pylist()
    except (*UNREADABLE, KeyError) as error:
        raise UserError(f"{file}: cannot be read: {reason(error)}. `seedscope seeds STUDY` writes it again.") from None
    row = next((row for row in rows if row["measure"] == measure), None)
    if row is None or row["reliability"] is None:
        return None
    return Enough(measure=measure, file=str(file), prompts=row["prompts_for_08"])


class Budget(BaseModel):
    """A study cut to so many hours of one GPU or CPU worker, and why the balanced proposal is what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: float
    fit: Fit
    enough: Enough | None
    why: str


def budgeted(hours: float, bench: Bench, study: Size, enough: Enough | None) -> Budget:
    """Fit a study into hours of one GPU or CPU worker, at the rate of a bench.

    Raises:
        UserError: they do not pay for one picture.
    """
    pictures = int(hours * 3600 * bench.rate["worker"].median)
    if pictures < 1:
        raise UserError(f"--hours {hours:g}: does not pay for one picture.")
    known = None if enough is None else enough.prompts
    found = fit(pictures, study.prompts, study.seeds, known)
    return Budget(hours=hours, fit=found, enough=enough, why=_why(found, study, enough))


def _why(found: Fit, study: Size, enough: Enough | None) -> str:
    if found.whole:
        return "All of the study fits."
    in_proportion = "the study's own proportion of prompts to seeds"
    if enough is None:
        return (
            f"It keeps {in_proportion}: nothing is known yet of how many prompts tell the seeds apart. A run of few seeds "
            "would tell (measures.parquet)."
        )
    if enough.prompts is None:
        return f"It keeps {in_proportion}: by {enough.measure} the seeds of {enough.file} do not differ."
    if enough.prompts > study.prompts:
        return (
            f"{enough.measure} takes {enough.prompts:,} prompts for a reliability of 0.8 ({enough.file}), more than the study "
            "names: all of its prompts, and as many seeds as that leaves."
        )
    return (
        f"{enough.measure} takes {enough.prompts:,} prompts for a reliability of 0.8 ({enough.file}); what is left goes into "
        "seeds, and where all are in, into prompts."
    )


class Rated(BaseModel):
    """What a study takes at a measured rate. file: of the bench. bytes: of all its shards. bills: one a number of devices.
    at_once: units that can be made at a time, so that more devices stay idle: of a sweep those of its largest round."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    bench: Bench
    bytes: int
    bills: list[Bill]
    at_once: int


def _blocks(race: Race, unit: UnitShape) -> list[tuple[int, int]]:
    """Pictures and units of each round, which waits for the one before it, and of the confirmation."""
    spent = [] if race.trial is None else [Round(len(race.trial.seeds), len(race.trial.prompts), race.rules.tried)]
    return [
        (size.pictures, ceil(size.prompts / unit.prompts) * ceil(size.seeds / unit.seeds))
        for size in [*spent, *race.sizes()]
    ]


class Plan(BaseModel):
    """A study's size; what it takes, where a bench of the same model, sampling and features is known; and a budget's share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Size
    rated: Rated | None
    budget: Budget | None


def planned(run: DrawnRun, devices: Sequence[int], price: float | None = None, budget: float | None = None) -> Plan:
    """Plan a study: its size, hours and money for numbers of GPUs or CPU workers, and what a budget of hours pays for.

    Raises:
        UserError: a budget without a known rate, or one that does not pay for a picture.
    """
    if run.race is not None and budget is not None:
        raise UserError(
            f"--hours {budget:g}: a sweep spends what its study says. Write `budget: PICTURES` or `hours: {budget:g}` under "
            "its `seeds`."
        )
    sized, found = size(run), last_bench(run)
    if found is None:
        return Plan(size=sized, rated=None, budget=None)
    file, bench = found
    blocks = [(sized.images, sized.units)] if run.race is None else _blocks(run.race, run.study.unit)
    rated = Rated(
        file=file,
        bench=bench,
        bytes=round((sized.images + sized.early_images) * sum(bench.bytes.values())),
        bills=[bill(blocks, bench.rate["worker"], bench.loading, count, price) for count in devices],
        at_once=max(units for _, units in blocks),
    )
    cut = None if budget is None else budgeted(budget, bench, sized, enough_prompts(run))
    return Plan(size=sized, rated=rated, budget=cut)

"""What a run lacks, or has damaged, is made: its pictures, and the measurements of these and of what they are compared with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypedDict

from pydantic_core import from_json

from seedscope.analysis.features.feature_stage import Features, Generated
from seedscope.analysis.run.run import AnyRun, BroughtInRun, Run
from seedscope.jobs.work.steps import Pending, Step, carry_out
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.machine import DRAWING
from seedscope.pipeline.running.runner import Executor, Watch, Work
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.slice import WHOLE, Slice
from seedscope.pipeline.tables.parquet import tuples
from seedscope.pipeline.tables.shards import Depth
from seedscope.pipeline.tables.table import Table

CHECK_WHOLE_UP_TO = 8 * 2**30


class Growth(Protocol):
    """Units of a run that are told while others are made, so that workers need not wait or load anything anew."""

    @property
    def aside(self) -> Collection[str]:
        """Names of the units that nothing waits for, of those that are told so far."""

    @property
    def most(self) -> int:
        """Units that are told at a time, at most."""

    def more(self) -> AnyRun | None:
        """Asked when all but those aside are made: the part of the run that comes next; None where nothing does."""

    def put_off(self, units: Collection[str], reasons: Sequence[str]) -> None:
        """Told that it is not asked this time, and why: measured pictures of these units have to be made again first.

        Raises:
            UserError: they had to be the last time too, so that this would not end.
        """


class Wanted(TypedDict, total=False):
    """What `make` is asked for: its keyword arguments."""

    pictures: bool
    features: bool
    only: Sequence[str]
    limit: int | None
    part: Slice
    other_versions: bool
    growth: Growth | None


def make(
    run: AnyRun,
    executor: Executor,
    watch: Watch,
    *,
    pictures: bool = False,
    features: bool = False,
    only: Sequence[str] = (),
    limit: int | None = None,
    part: Slice = WHOLE,
    other_versions: bool = False,
    growth: Growth | None = None,
) -> list[Step]:
    """Make what is not there yet, and what is damaged: pictures, features, or both at once. For the process that holds the run.

    Args:
        pictures: draw the pictures of the run.
        features: measure the pictures of the run and those that they are compared with.
        only: names of features; none means all.
        limit: units of each stage, at most.
        part: the slice of the units to look at.
        other_versions: draw with the libraries that there are, though other versions have drawn what there is.
        growth: of a run whose units are not all known yet. It is not asked where pictures were damaged that had been
            measured, but told so: these are made again, and the next call goes on.

    Raises:
        UserError: a mishap that trying again would not fix.
    """

    def pending_of(some: AnyRun) -> list[Pending]:
        found = [_pictures(some, part, limit, other_versions=other_versions)] if pictures else []
        drawn = [unit for item in found if item.work is not None for unit in item.work.units]
        found += _measurements(some, part, only, limit, drawn) if features else []
        return found if growth is None else [_growing(item, growth) for item in found]

    def more() -> list[Pending] | None:
        found = None if growth is None else growth.more()
        return None if found is None else pending_of(found)

    measured = {unit for item in run.measures for unit in item.table.committed()} if features and pictures else set()
    pending = pending_of(run)
    drawn = [unit for item in pending if item.name == "images" and item.work is not None for unit in item.work.units]
    again = {unit.name for unit in drawn} & measured
    if growth is not None and again:
        growth.put_off(again, [reason for item in pending if item.name == "images" for reason in item.repaired])
    alone = part == WHOLE
    steps = carry_out(pending, executor, watch, None if growth is None or again else more, alone=alone)
    if again:  # pictures that were damaged, and measured before that, may have come out otherwise
        outdated = carry_out(_measurements(run, part, only, limit), executor, watch, alone=alone)
        steps += [step for step in outdated if step.repaired]
    return steps


def _growing(item: Pending, growth: Growth) -> Pending:
    """A stage of a run that grows: what is measured of its pictures waits for these, whichever come."""
    if item.work is None:
        return item
    after = "images" if item.name == "features" else item.work.after
    return replace(item, work=replace(item.work, after=after, aside=frozenset(growth.aside), expected=growth.most))


def verify(run: Run, *, deep: bool, take_back: bool = True) -> list[str]:
    """Check every committed shard of a run, take back the damaged ones, if they are to be, and say what is wrong with them."""
    found = [(table, table.damaged([unit.name for unit in units], _depth(deep))) for _, table, units in run.tables()]
    for table, damaged in found if take_back else []:
        for unit in damaged:
            table.revoke(unit)
    return [reason for _, damaged in found for reason in damaged.values()]


def _pictures(run: AnyRun, part: Slice, limit: int | None, *, other_versions: bool) -> Pending:
    """The pictures that are not there yet, and those that are damaged; at most `limit` units."""
    if isinstance(run, BroughtInRun):
        return _brought_in(run)
    units = part.of(run.units)
    repaired = _take_back_damaged(run.images, units)
    versions = {} if other_versions else drawn_with(run.images)
    stage = Generate(run.study, run.located, run.images, run.task, versions)
    return _pending("images", stage, units, repaired, limit)


def drawn_with(images: Table) -> dict[str, str]:
    """Library -> its version when the last pictures were drawn; empty where there are none, or no receipt tells."""
    ledger = images.ledger("finished", "made")
    if not ledger.num_rows:
        return {}
    last = ledger.sort_by([("finished", "descending")])["made"][0].as_py()
    made = from_json(last)
    return {name: str(made[name]) for name in DRAWING if name in made}


def _brought_in(run: BroughtInRun) -> Pending:
    """Nothing to make: all pictures are there, or an import has to bring them."""
    done = run.images.committed()
    if missing := sum(unit.name not in done for unit in run.units):
        raise UserError(
            f"{run.folder.storage.url}: {missing} of {len(run.units)} units have no pictures. "
            f"`seedscope import {run.study.imported} --out {run.folder.storage.url}` brings them in."
        )
    return Pending("images", len(run.units))


def _measurements(
    run: Run, part: Slice, only: Sequence[str], limit: int | None, drawn: Sequence[Unit] = ()
) -> list[Pending]:
    """What there is to measure; `drawn` are units whose pictures are drawn in the same go."""
    name, drawn_marks = "features", dict(tuples(run.images.ledger("unit", "sha256")))
    own = [unit for unit in part.of(run.units) if unit.name in drawn_marks]
    work = [(kind, source, every, part.of(units)) for kind, source, every, units in run.compared_with()]
    found = []
    for stage, source, every, units in [*work, (name, Generated(run.images), run.measures, own)]:
        measures = [item for item in every if not only or item.feature.name in only]
        if not measures:
            continue
        repaired = [lost for item in measures for lost in _take_back_damaged(item.table, units)]
        marks = {unit.name: drawn_marks[unit.name] if stage == name else source.mark(unit) for unit in units}
        repaired += [lost for item in measures for lost in _take_back_outdated(item.table, marks)]
        coming, after = (drawn, "images") if stage == name else ((), None)
        features = Features(source, measures, run.study.compute.device)
        found.append(_pending(stage, features, [*units, *coming], repaired, limit, after if coming else None))
    return found


def _pending(
    name: str, stage: Stage, units: Sequence[Unit], repaired: Sequence[str], limit: int | None, after: str | None = None
) -> Pending:
    """A stage, with those of its units that are not done, `limit` at most."""
    done = stage.done()
    todo = [unit for unit in units if unit.name not in done][:limit]
    return Pending(name, len(units), tuple(repaired), Work(name, stage, todo, after))


def _depth(deep: bool) -> Depth:
    return "bytes" if deep else "footer"


def taken_back(tables: Sequence[Table], units: Sequence[Unit]) -> list[str]:
    """Revoke every committed unit of some tables that is damaged, to be made again; return what was wrong."""
    return [reason for table in tables for reason in _take_back_damaged(table, units)]


def _take_back_damaged(table: Table, units: Sequence[Unit]) -> list[str]:
    """Revoke every committed unit that is damaged; return what was wrong.

    Every byte is read where that is quick (up to 8 GiB on this machine), and only sizes where not.
    """
    found = table.damaged([unit.name for unit in units], CHECK_WHOLE_UP_TO)
    for unit in found:
        table.revoke(unit)
    return list(found.values())


def _take_back_outdated(table: Table, marks: Mapping[str, str]) -> list[str]:
    """Revoke measurements of pictures that have since been made again with other bytes, as another machine may do.

    Args:
        marks: what the pictures of each unit are now, by unit.
    """
    outdated = [
        unit for unit, source in tuples(table.ledger("unit", "source")) if unit in marks and source != marks[unit]
    ]
    for unit in outdated:
        table.revoke(unit)
    return [f"{table.shard(unit)}: its pictures have changed since they were measured" for unit in outdated]

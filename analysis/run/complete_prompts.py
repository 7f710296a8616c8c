"""The prompts of a run that is not finished of which all is there: what can be judged before the rest is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition, Unit

SomeRun = TypeVar("SomeRun", bound=Run)


def with_complete_prompts(run: SomeRun) -> SomeRun:
    """The run with its complete prompts alone.

    Raises:
        UserError: no prompt is complete; or the run is a sweep.
    """
    if run.race is not None:
        raise UserError(
            f"{run.folder.storage.url}: is a sweep, whose seeds go out one after another: it is judged when its choice has "
            "been tried on held-out prompts, without --complete-prompts."
        )
    tables = [run.images, *(item.table for item in run.measures)]
    done = set.intersection(*(table.committed() for table in tables))
    units = complete(run.units, done)
    kept = {prompt.id for unit in units for prompt in unit.prompts}
    prompts = tuple(prompt for prompt in run.wanted.prompts if prompt.id in kept)
    left_out = len(run.wanted.prompts) - len(prompts)
    if not prompts:
        raise UserError(
            f"{run.folder.path}: none of {left_out} prompts is drawn with every seed and measured. `seedscope run` goes on."
        )
    return replace(run, units=units, wanted=Edition(prompts, run.wanted.seeds), unfinished=left_out)


def unfinished(run: Run) -> list[str]:
    """A sentence on the prompts of an unfinished run that are left out; none where it is finished."""
    judged = len(run.wanted.prompts)
    sentence = (
        f"The run is not finished: {judged:,} of {judged + run.unfinished:,} prompts are judged, those of which every picture "
        "is drawn and measured."
    )
    return [sentence] if run.unfinished else []


def complete(units: Sequence[Unit], done: Collection[str]) -> list[Unit]:
    """The units of the prompts of which all units are done. Prompts that share a unit stay or go together."""
    going = {prompt.id for unit in units if unit.name not in done for prompt in unit.prompts}
    while True:
        touched = [unit for unit in units if any(prompt.id in going for prompt in unit.prompts)]
        sharing = {prompt.id for unit in touched for prompt in unit.prompts}
        if sharing == going:
            return [unit for unit in units if unit not in touched]
        going = sharing

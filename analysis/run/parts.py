"""Parts of a sweep that are ordinary crossed runs: every seed of theirs has every prompt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from seedscope.analysis.run.opened import opened
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import AnyRun, DrawnRun, Run
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition, Unit, cut, cut_each
from seedscope.pipeline.tables.rounds import Drawn

SomeRun = TypeVar("SomeRun", bound=Run)


@contextmanager
def opened_to_judge(study_file: Path, out: Path | str | None = None) -> Iterator[AnyRun]:
    """As `opened`, of what can be judged of the run: see `judged_part`."""
    with opened(study_file, out) as run:
        yield judged_part(run)


def judged_part(run: SomeRun) -> SomeRun:
    """What of a run can be judged as it is: all of it; of a sweep its confirmation, golden and random seeds on new prompts.

    Raises:
        UserError: the sweep is not that far.
    """
    if run.race is None:
        return run
    if stopped_without_list(run):
        raise UserError(
            f"{run.folder.storage.url}: its sweep has stopped in round {len(run.race.rounds)} of {len(run.race.schedule)} "
            "without a list; golden.json says why. There is nothing to judge: seeds have not been drawn beside each other on "
            "prompts of their own. Where the seed decides too little, `anyway: true` under `seeds` lets `seedscope run` go on."
        )
    if run.race.golden is None:
        raise UserError(
            f"{run.folder.storage.url}: its sweep is in round {len(run.race.rounds)} of {len(run.race.schedule)}, in which "
            "most seeds have pictures of few prompts. It is judged when golden and random seeds have been drawn beside each "
            "other, at its end: `seedscope run` goes on."
        )
    return confirming(run)


def stopped_without_list(run: Run) -> bool:
    """Whether a sweep has ended before its confirmation, with an empty golden list that says why."""
    return run.race is not None and run.race.golden is None and run.folder.storage.size("golden.json") is not None


def of_chosen(run: Run) -> list[str]:
    """What is to be said of shares of variance in the part of a sweep that is judged; nothing of other runs."""
    if run.race is None:
        return []
    return [
        "Shares, reliabilities and the prompts that these take are of golden and random seeds together. Golden ones were "
        "chosen to be better, so that the seed's part is larger than among all; of all, the rounds say it."
    ]


def block(run: SomeRun, number: int) -> SomeRun:
    """The round of that number, from 1, by itself, with what it draws ahead."""
    if run.race is None or not isinstance(run, DrawnRun):
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    units = [unit for drawn, units in _drawn(run, run.race) if drawn.number == number for unit in units]
    wanted = tuple(dict.fromkeys(prompt for unit in units for prompt in unit.prompts))
    return replace(run, units=units, wanted=Edition(wanted, run.race.rounds[number - 1].seeds))


def confirming(run: SomeRun) -> SomeRun:
    """All that the confirmation is made of: golden and random seeds, drawn with it or ahead of it, on the held-out prompts."""
    if run.race is None or not isinstance(run, DrawnRun):
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    units = [unit for drawn, units in _drawn(run, run.race) if drawn.confirms for unit in units]
    return replace(run, units=units, wanted=Edition(run.race.held_out, run.race.rounds[-1].seeds))


def trial(run: SomeRun) -> SomeRun:
    """The pictures of the trial, finished or, of early ones, early."""
    if run.race is None or run.race.trial is None or not isinstance(run, DrawnRun):
        raise ValueError(f"{run.folder.storage.url} has no trial")
    ((drawn, units),) = [each for each in _drawn(run, run.race) if each[0].number == 0]
    return replace(run, units=units, wanted=Edition(drawn.block.prompts, run.race.trial.seeds))


def scored(run: DrawnRun) -> DrawnRun:
    """The run by whose pictures the last round of a sweep goes."""
    early = run.early if run.race is not None and run.race.in_early else None
    return run if early is None else early


def _drawn(run: DrawnRun, race: Race) -> list[tuple[Drawn, list[Unit]]]:
    """What the rounds draw, each block with its units."""
    drawn = race.drawn(early=run.is_early)
    return [*zip(drawn, cut_each([each.block for each in drawn], run.study.unit), strict=True)]


def whole(run: SomeRun) -> SomeRun:
    """The run of which this is a part: of a sweep all its rounds, and as `wanted` all its prompts and seeds."""
    if run.race is None or not isinstance(run, DrawnRun):
        return run
    wanted = Edition(run.race.prompts, tuple(run.race.asked.among))
    return replace(run, units=cut(run.race.blocks(early=run.is_early), run.study.unit), wanted=wanted)


def raced(run: SomeRun) -> SomeRun:
    """All rounds of a sweep but its confirmation, by the pictures that the run is of; its `wanted` are the seeds that are still
    in, with all prompts so far."""
    if run.race is None or not isinstance(run, DrawnRun):
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    found = [(each.block, units) for each, units in _drawn(run, run.race) if not each.confirms]
    prompts = tuple(prompt for block, _ in found for prompt in block.prompts)
    units = [unit for _, units in found for unit in units]
    return replace(run, units=units, wanted=Edition(prompts, run.race.still_in))

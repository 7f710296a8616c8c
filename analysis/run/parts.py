"""Parts of a sweep that are ordinary crossed runs: every seed of theirs has every prompt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from seedscope.analysis.run.opened import opened
from seedscope.analysis.run.run import AnyRun, DrawnRun, Run
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition, cut

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
    if run.race.golden is None:
        raise UserError(
            f"{run.folder.storage.url}: its sweep is in round {len(run.race.rounds)} of {len(run.race.schedule)}, in which "
            "most seeds have pictures of few prompts. It is judged when golden and random seeds have been drawn beside each "
            "other, at its end: `seedscope run` goes on, or stops where golden.json says why, and `anyway: true` under `seeds` "
            "goes on from there."
        )
    return block(run, len(run.race.rounds))


def of_chosen(run: Run) -> list[str]:
    """What is to be said of shares of variance in the part of a sweep that is judged; nothing of other runs."""
    if run.race is None:
        return []
    return [
        "Shares, reliabilities and the prompts that these take are of golden and random seeds together. Golden ones were "
        "chosen to be better, so that the seed's part is larger than among all; of all, the rounds say it."
    ]


def block(run: SomeRun, number: int) -> SomeRun:
    """The round of that number, from 1, by itself."""
    if run.race is None or not isinstance(run, DrawnRun):
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    found = run.race.blocks()[:number]
    before = len(cut(found[:-1], run.study.unit))
    units = cut(found, run.study.unit)[before:]
    return replace(run, units=units, wanted=Edition(found[-1].prompts, found[-1].seeds))


def whole(run: SomeRun) -> SomeRun:
    """The run of which this is a part: of a sweep all its rounds, and as `wanted` all its prompts and seeds."""
    if run.race is None or not isinstance(run, DrawnRun):
        return run
    wanted = Edition(run.race.prompts, tuple(run.race.asked.among))
    return replace(run, units=cut(run.race.blocks(), run.study.unit), wanted=wanted)


def raced(run: SomeRun) -> SomeRun:
    """All rounds of a sweep but its confirmation; its `wanted` are the seeds that are still in, with all prompts so far."""
    if run.race is None or not isinstance(run, DrawnRun):
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    found = [each for each, told in zip(run.race.blocks(), run.race.rounds, strict=True) if told.golden is None]
    prompts = tuple(prompt for each in found for prompt in each.prompts)
    return replace(run, units=cut(found, run.study.unit), wanted=Edition(prompts, run.race.still_in))

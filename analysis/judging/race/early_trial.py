"""Whether early pictures tell the seeds of a sweep apart as finished ones do, by a trial before the first round.

Both are drawn of the first random seeds on the same held-out prompts, and Spearman's correlation is taken between the seeds'
effects by each, of the pictures that have both scores: least squares, so that no prompt is lost for a missing score. Where it
is below what the study asks for, the rounds go by finished pictures alone. No seed is chosen by a trial, so that its finished
pictures are of the confirmation, as if drawn ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from seedscope.analysis.judging.race.scores import digest_of, score_grid
from seedscope.analysis.run.parts import trial
from seedscope.analysis.run.race import FEWEST_TRIED
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.select.racing import lacking, ranked_by
from seedscope.pipeline.errors import RunChanged
from seedscope.pipeline.study.schema import Json, fingerprint


@dataclass(frozen=True)
class Tried:
    """correlation: Spearman's, None where it is not defined, and `undefined` says why. least: that is asked for. scores: digest
    of what it is made of."""

    seeds: int
    prompts: int
    correlation: float | None
    least: float
    scores: str
    undefined: str | None = None

    @property
    def kept(self) -> bool:
        """Whether early pictures are drawn in the rounds."""
        return self.correlation is not None and self.correlation >= self.least

    def record(self) -> dict[str, Json]:
        """What the first round says of it."""
        correlation = None if self.correlation is None else float(f"{self.correlation:.3g}")
        found: dict[str, Json] = {
            "correlation": correlation,
            "least": self.least,
            "kept": self.kept,
            "scores": self.scores,
        }
        return found if self.undefined is None else {**found, "undefined": self.undefined}


def tried(run: DrawnRun) -> Tried:
    """What came of the trial of a run, which is drawn and measured.

    Raises:
        CorruptShard: a shard is damaged, or missing.
    """
    if run.race is None or run.race.trial is None or run.race.asked.early is None or run.early is None:
        raise ValueError(f"{run.folder.storage.url} has no trial")
    sides = [(one, trial(one)) for one in (run, run.early)]
    finished, early = (score_grid(*side) for side in sides)
    marks: list[Json] = [digest_of(*side) for side in sides]
    size = len(run.race.trial.seeds), len(run.race.trial.prompts)
    value, why = None, None
    try:
        value = correlation(finished, early)
    except UndefinedCorrelation as reason:
        why = str(reason)
    return Tried(*size, value, run.race.asked.early.correlation, fingerprint(marks), why)


class UndefinedCorrelation(ValueError):
    """Seeds cannot be compared early and finished: why not, as the rest of a sentence."""


def correlation(finished: Grid, early: Grid) -> float:
    """Spearman's, between the effects of seeds by each, of the cells that have both scores.

    A seed that lacks both in more than half of the prompts is left out. The grids are of the same prompts and seeds, in any
    order.

    Raises:
        UndefinedCorrelation: fewer than `FEWEST_TRIED` seeds are left, which agree by luck; missing scores leave sets of seeds
            without a common prompt; or all seeds are alike on one side.
    """
    sides = [
        grid.values[np.argsort(grid.prompts)][:, np.argsort(grid.seeds)].astype(np.float64)
        for grid in (finished, early)
    ]
    present = ~np.isnan(sides[0]) & ~np.isnan(sides[1])
    both = [np.where(present, values, np.nan) for values in sides]
    seeds = ~lacking(both[0], np.ones(present.shape[1], np.bool_))
    if (left := int(seeds.sum())) < FEWEST_TRIED:
        raise UndefinedCorrelation(
            f"{left} of {len(seeds)} seeds have both scores in half of the prompts or more, and {FEWEST_TRIED} are needed"
        )
    try:
        effects = [ranked_by(values[:, seeds]) for values in both]
    except StatisticsError:
        raise UndefinedCorrelation("missing scores leave sets of seeds without a prompt in common") from None
    for name, values in zip(("finished", "early"), effects, strict=True):
        if np.ptp(values) == 0:
            raise UndefinedCorrelation(f"by {name} pictures seeds do not differ")
    return float(spearmanr(*effects).statistic)


def of_trial(record: Json) -> str | None:
    """What came of a trial, as the first round of its sweep records it, in a sentence; None of a sweep without one."""
    match record:
        case {"correlation": value, "least": int() | float() as least, "kept": bool(kept), **rest}:
            between = "Between seeds the ranks by early and by finished pictures have a correlation "
            if isinstance(value, int | float):
                between += f"of {value:.2f}"
            else:
                why = rest.get("undefined")
                between += f"that is not defined{f' ({why})' if isinstance(why, str) else ''}"
            if kept:
                return f"{between} ({least:g} is asked for): the first half of the rounds goes by early pictures."
            return f"{between}, and {least:g} is asked for: early pictures are dropped, and all rounds go by finished ones."
    return None


def refuse_other_trial(run: DrawnRun) -> None:
    """Refuse a sweep whose trial would come out otherwise by the scores that there are now.

    Raises:
        RunChanged: it does.
    """
    if run.race is None or run.race.trial is None or not isinstance(then := run.race.rounds[0].why.get("trial"), dict):
        return
    now = tried(run)
    if now.scores != then.get("scores") and now.kept != then.get("kept"):
        raise RunChanged(
            f"{run.folder.storage.url}: the measurements of the trial of early pictures have changed since, and decide "
            "otherwise now. Restore them from a copy of the run, or choose another folder with --out."
        )

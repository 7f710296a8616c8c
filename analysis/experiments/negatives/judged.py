"""What pairs show: attention over the steps, presence and change over the onset, and the seed's share of the success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.negatives.crossed_mean import CrossedMean, crossed_mean
from seedscope.analysis.experiments.negatives.measured import Design, changed, presences, strengths
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.outlying import shuffled_alike
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.variance import variance_shares
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.tables.table import Table

SHUFFLES = 1000


@dataclass(frozen=True, eq=False)
class Compared:
    """A number of pictures at M steps: with the negative prompts, with the unrelated ones, and the paired difference.

    cells: kind -> (M, P, S), of which these are means.
    """

    negative: CrossedMean
    null: CrossedMean
    difference: CrossedMean
    cells: Mapping[str, Array]

    @property
    def lines(self) -> dict[str, CrossedMean]:
        """Kind -> its means."""
        return {"negative": self.negative, "null": self.null, "difference": self.difference}


@dataclass(frozen=True)
class SeedShare:
    """The seed's share of a variance, with its interval, and p of "seeds do not differ", against shuffled ones."""

    share: float
    lo: float
    hi: float
    p: float


@dataclass(frozen=True, eq=False)
class Judged:
    """What is found on the pictures of pairs.

    strength: r_t at each timestep. presence: what is not wanted, at each onset, less what is in the picture without negative
    prompt; apart: the standard deviation of that between seeds' pictures of one prompt. change: 1 - SSIM outside the place;
    place_known: whether that is measured. seed: of how much the negative prompt takes away, net of the unrelated word;
    silent: why it is not told.
    """

    design: Design
    strength: Compared
    presence: Compared
    apart: float
    change: Compared
    place_known: bool
    seed: SeedShare | None
    silent: str

    @property
    def half(self) -> float | None:
        """The onset at which half of what the first onset takes away is left, on a line between onsets; None where the first
        takes nothing away."""
        heights = self.presence.difference.mean / self.presence.difference.mean[0]
        if not self.acts:
            return None
        below = int(np.flatnonzero(heights <= 0.5)[0])
        onsets = np.array(self.design.onsets, np.float64)
        return float(np.interp(0.5, heights[[below, below - 1]], onsets[[below, below - 1]]))

    @property
    def acts(self) -> bool:
        """Whether less is surely there than with an unrelated word, where the negative prompt acts from the first onset on."""
        return float(self.presence.difference.hi[0]) < 0


def judged(design: Design, runs: Sequence[DrawnRun], attention: tuple[DrawnRun, Table]) -> Judged:
    """Judge the pictures of all onsets, and what was attended to, in the run and the table of `attention`.

    Raises:
        StatisticsError: no picture has a measurement.
    """
    groups, present = design.groups, presences(design, runs)
    change, known = changed(design, runs)
    less = {kind: values - values[-1] for kind, values in present.items()}
    if np.isnan(less["negative"]).all():
        raise StatisticsError("No picture of a pair has a measurement at all onsets.")
    seed, silent = _seed_share(success(less), groups, runs[0])
    return Judged(
        design=design,
        strength=compared(strengths(design, *attention), groups),
        presence=compared(less, groups),
        apart=_within(present["negative"][-1]),
        change=compared(change, groups),
        place_known=known,
        seed=seed,
        silent=silent,
    )


def success(less: Mapping[str, Array]) -> Array:
    """(P, S) by how much less is there with the negative prompt from the first onset on than with the unrelated word.

    The picture without either, by which both are less, cancels: else the seeds whose plain pictures have most of the unwanted
    would seem to lose most, as whatever is drawn anew is nearer to the mean.

    Args:
        less: kind -> (M, P, S) presence less that of the plain picture.
    """
    taken: Array = less["null"][0] - less["negative"][0]
    return taken


def compared(cells: Mapping[str, Array], groups: npt.ArrayLike) -> Compared:
    """Kind -> (M, P, S) values, in means."""
    one, other = cells["negative"], cells["null"]
    return Compared(crossed_mean(one, groups), crossed_mean(other, groups), crossed_mean(one - other, groups), cells)


def _within(values: Array) -> float:
    """Standard deviation between seeds, of (P, S) values of pairs, over all pairs."""
    return float(np.sqrt(np.nanmean(np.nanvar(values, axis=1, ddof=1))))


def _seed_share(taken: Array, groups: npt.NDArray[np.str_], run: DrawnRun) -> tuple[SeedShare | None, str]:
    rng = np.random.default_rng(int(fingerprint({"cause": run.cause, "for": "negatives"})[:16], 16))
    try:
        return seed_share(taken, groups, rng), ""
    except StatisticsError as reason:
        return None, str(reason)


def seed_share(values: Array, groups: npt.ArrayLike, rng: np.random.Generator) -> SeedShare:
    """How much of the variance of (P, S) values is the seed's, whatever the pair.

    Raises:
        StatisticsError: too few pairs or seeds have values, or none varies.
    """
    there = ~np.isnan(values).all(axis=1)
    fit = additive_fit(Scores.of(values[there], np.asarray(groups)[there]))
    null = score_null(shuffled_alike(fit, rng, SHUFFLES), "higher")
    share = variance_shares(fit, seed_effects(fit, null=null)).seed
    if share.share is None or share.lo is None or share.hi is None:
        raise StatisticsError("It does not vary.")
    return SeedShare(share.share, share.lo, share.hi, null.differ)

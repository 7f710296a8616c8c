"""What sets a cluster of seeds apart, in terms of a table of plain measurements such as `looks`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit

from seedscope.analysis.maps.clusters import Clusters
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table

LEVEL = 0.95
WORTH_TELLING = 0.5
"""Standard deviations: a "medium" difference. Source: Cohen (1988), "Statistical Power Analysis", section 2.2.3."""
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trait:
    """One measurement by which a cluster differs from all other seeds.

    inside, others: means over the seeds, of each seed's mean over its pictures; a share in 0 .. 1 where `is_share`.
    difference, lo, hi: inside less others with its interval, in standard deviations of all seeds.
    """

    column: str
    is_share: bool
    inside: float
    others: float
    difference: float
    lo: float
    hi: float

    @property
    def short(self) -> str:
        """Such as `less brightness`, `greyscale`, `not greyscale`."""
        more, less = ("", "not ") if self.is_share else ("more ", "less ")
        return f"{more if self.difference > 0 else less}{self.column.replace('_', ' ')}"

    def __str__(self) -> str:
        """Such as `greyscale 62 % (others 9 %)`, `brightness 41.2 (others 62.0), -2.1 s.d.`."""
        name = self.column.replace("_", " ")
        if self.is_share:
            return f"{name} {self.inside:.0%} (others {self.others:.0%})".replace("%", " %")
        return f"{name} {self.inside:.3g} (others {self.others:.3g}), {self.difference:+.1f} s.d."


@dataclass(frozen=True)
class Cluster:
    """A cluster of seeds: number from 1, mean silhouette, and what sets it apart, the largest difference first."""

    number: int
    seeds: list[int]
    silhouette: float
    traits: list[Trait]

    @property
    def name(self) -> str:
        """Such as `less brightness, more saturation`; empty where nothing is known to set it apart."""
        return ", ".join(trait.short for trait in self.traits[:2])


@dataclass(frozen=True)
class SeedMeans:
    """Of each measurement, every seed's mean over its pictures (S,), NaN where it has none; `shares` are yes or no."""

    means: Mapping[str, Array]
    shares: Collection[str]


def seed_means(features: Table, units: Sequence[Unit], prompts: Collection[str], seeds: Sequence[int]) -> SeedMeans:
    """Means over the pictures of `prompts` of all columns that are numbers or yes/no, one shard in memory at a time."""
    kinds = {field.name: field.type for field in features.schema if field.name not in ("prompt_id", "seed")}
    shares = [name for name, kind in kinds.items() if pa.types.is_boolean(kind)]
    columns = [name for name, kind in kinds.items() if pa.types.is_floating(kind)] + shares
    place, wanted = {seed: i for i, seed in enumerate(seeds)}, pa.array(sorted(prompts), pa.string())
    totals = {name: np.zeros(len(seeds)) for name in columns}
    counts = {name: np.zeros(len(seeds)) for name in columns}
    for unit in units:
        rows = features.read(unit.name, ["prompt_id", "seed", *columns])
        rows = rows.filter(pc.is_in(rows["prompt_id"], wanted))
        at = np.array([place[seed] for seed in rows["seed"].to_pylist()], np.intp)
        for name in columns:
            values = rows[name].cast(pa.float64()) if name not in shares else pc.cast(rows[name], pa.int8())
            numbers = np.asarray(values.to_numpy(), dtype=np.float64)
            there = np.isfinite(numbers)
            np.add.at(totals[name], at[there], numbers[there])
            np.add.at(counts[name], at[there], 1.0)
    with np.errstate(invalid="ignore"):
        return SeedMeans({name: totals[name] / counts[name] for name in columns}, shares)


def described(seeds: Sequence[int], found: Clusters, of_seeds: SeedMeans | None) -> list[Cluster]:
    """Each cluster of S seeds, the largest first, with what sets it apart where measurements are given."""
    clusters = []
    for number in range(1, found.count + 1):
        members = found.labels == number
        mine = [seeds[i] for i in np.flatnonzero(members).tolist()]
        apart = [] if of_seeds is None else traits(of_seeds, members, found.count)
        clusters.append(Cluster(number, mine, float(found.silhouettes[members].mean()), apart))
    return clusters


def traits(of_seeds: SeedMeans, members: npt.NDArray[np.bool_], comparisons: int) -> list[Trait]:
    """What sets `members` (S,) apart from all other seeds, the largest difference first; empty where nothing does.

    A measurement is named where the two means are at least half a standard deviation apart and their 95 % interval, by
    Welch's t, leaves out 0, widened for all `comparisons` (clusters) times the number of measurements after Bonferroni.
    One that fewer than two seeds of either side have, or that does not vary, is left out.

    Source: Welch (1947), Biometrika 34, 28-35. Deviation: in standard deviations of all seeds, not pooled within the two
    sides, so that one scale serves all clusters.
    """
    level = 1 - (1 - LEVEL) / max(1, comparisons * len(of_seeds.means))
    found = []
    for name, means in of_seeds.means.items():
        known = np.isfinite(means)
        inside, others = means[known & members], means[known & ~members]
        if min(len(inside), len(others)) < 2 or np.ptp(means[known]) <= 1e-9 * np.abs(means[known]).max():
            continue
        spread = means[known].std()
        difference, error = float(inside.mean() - others.mean()), _welch_error(inside, others, level)
        if abs(difference) > error and abs(difference) >= WORTH_TELLING * spread:
            low, high = (difference - error) / spread, (difference + error) / spread
            share, mean, rest = name in of_seeds.shares, float(inside.mean()), float(others.mean())
            found.append(Trait(name, share, mean, rest, float(difference / spread), float(low), float(high)))
    return sorted(found, key=lambda trait: -abs(trait.difference))


def _welch_error(one: Array, other: Array, level: float) -> float:
    """Half the width of the interval of the difference of two means."""
    parts = [values.var(ddof=1) / len(values) for values in (one, other)]
    if sum(parts) == 0:
        return 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (one, other), strict=True)
    )
    return float(stdtrit(freedom, 0.5 + level / 2) * np.sqrt(sum(parts)))

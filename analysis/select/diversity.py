"""How alike the pictures of a set of seeds are, against random sets of as many seeds, on prompts that took no part in choosing.

Alike: the mean cosine similarity over the pairs of pictures that the set's seeds draw for one prompt, averaged over prompts;
lower is more diverse. It is a mean over pairs of seeds, so that one matrix (seeds, seeds) holds the answer for every set.

Source: "Good Seed Makes a Good Crop" (2024), arXiv 2405.14828, table 2 (4 pictures a prompt); Phipson, Smyth (2010) for the
p-value (b + 1) / (m + 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.moments import Array


@dataclass(frozen=True, eq=False)
class Similarity:
    """Mean cosine similarities of pictures of one prompt, over the prompts that have a picture of every seed.

    matrix: (S, S) float64 in [-1, 1], for each pair of seeds. 1 on the diagonal.
    sets: name -> (k,) positions of the seeds of a set.
    by_prompt: name -> (P,) float64, the mean over the pairs of that set on each kept prompt.
    kept: (number of prompts) bool, False for prompts left out.
    """

    matrix: Array
    sets: dict[str, npt.NDArray[np.intp]]
    by_prompt: dict[str, Array]
    kept: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Diversity:
    """A set against random sets of as many seeds from a pool.

    similarity: of the set, mean over prompts; interval: of it.
    random: exact mean over all sets of as many seeds of the pool; random_range: quantiles of the drawn sets' means.
    difference: similarity - random, below 0 where the set is more diverse than chance; difference_interval: of it.
    p_value: for "no more diverse than a random set", one-sided, in [1 / (draws + 1), 1].
    prompts: kept; left_out: not kept; clusters: groups of kept prompts. Intervals are None where there is but one.
    """

    similarity: float
    interval: tuple[float, float] | None
    random: float
    random_range: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float] | None
    p_value: float
    draws: int
    prompts: int
    left_out: int
    clusters: int


def similarities(prompts: Iterable[npt.ArrayLike], sets: Mapping[str, Sequence[int]]) -> Similarity:
    """Fold the features (S, D) of each prompt's pictures, one prompt in memory at a time; O(P S^2 D) time.

    A prompt with a picture that has no direction (not finite, or all zero) is left out for all seeds, so that sets are compared
    on the same prompts. Have a set of all seeds that random sets are drawn from among `sets`.
    Raises ValueError for prompts of different shapes, a set with fewer than 2 seeds, a seed twice or one that is not there, or
    where no prompt is left.
    """
    total: Array | None = None
    chosen = {name: np.asarray(seeds, dtype=np.intp) for name, seeds in sets.items()}
    by_prompt: dict[str, list[float]] = {name: [] for name in chosen}
    kept: list[bool] = []
    for features in prompts:
        unit = _unit(features)
        if total is None:
            total = np.zeros((len(unit), len(unit)))
            _check(chosen, len(unit))
        elif len(unit) != len(total):
            raise ValueError(f"prompt {len(kept)} has pictures of {len(unit)} seeds, those before it of {len(total)}")
        kept.append(bool(np.isfinite(unit).all()))
        if kept[-1]:
            cosine = unit @ unit.T
            total += cosine
            for name, seeds in chosen.items():
                by_prompt[name].append(_mean_of_pairs(cosine, seeds))
    if total is None or not any(kept):
        raise ValueError(f"none of {len(kept)} prompts has a picture of every seed: there is nothing to compare")
    means = {name: np.array(values) for name, values in by_prompt.items()}
    return Similarity(total / sum(kept), chosen, means, np.array(kept))


def diversity(
    found: Similarity,
    name: str,
    pool: str,
    clusters: npt.ArrayLike,
    rng: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> Diversity:
    """Compare the set `name` with random sets of as many seeds of the set `pool`; both are names in `found.sets`.

    The p-value takes the prompts as given and asks about seeds; the intervals take the seeds as given and ask about prompts:
    Student's t with the prompts' groups as units.

    Args:
        clusters: labels of the prompts' groups, one a prompt, those left out included.
        rng: draws the random sets. level: coverage of intervals and of the range of random sets, in (0, 1).

    Raises ValueError for a name that is not there, a pool smaller than the set, draws below 1, a level outside (0, 1), or
    another number of labels.
    """
    labels = np.asarray(clusters)
    missing = [each for each in (name, pool) if each not in found.sets]
    if missing or draws < 1 or not 0.0 < level < 1.0 or labels.shape != found.kept.shape:
        raise ValueError(
            f"sets {missing} missing, {draws} draws, level {level}, {labels.shape} labels: "
            f"need none, >= 1, 0 < level < 1, {found.kept.shape}"
        )
    k, seeds = len(found.sets[name]), found.sets[pool]
    if k > len(seeds):
        raise ValueError(f"the pool {pool!r} has {len(seeds)} seeds: no random sets of {k} can be drawn from it")
    observed, chance = found.by_prompt[name], found.by_prompt[pool]
    drawn = [_mean_of_pairs(found.matrix, rng.choice(seeds, k, replace=False)) for _ in range(draws)]
    actual = _mean_of_pairs(found.matrix, found.sets[name])
    labels = labels[found.kept]
    random_low, random_high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Diversity(
        similarity=float(observed.mean()),
        interval=_interval(observed, labels, level),
        random=float(chance.mean()),
        random_range=(float(random_low), float(random_high)),
        difference=float((observed - chance).mean()),
        difference_interval=_interval(observed - chance, labels, level),
        p_value=float((np.sum(np.array(drawn) <= actual + 1e-12) + 1) / (draws + 1)),
        draws=draws,
        prompts=len(observed),
        left_out=int((~found.kept).sum()),
        clusters=len(np.unique(labels)),
    )


def _unit(features: npt.ArrayLike) -> Array:
    """Rows (S, D) of unit length, float64; NaN where a row has no direction."""
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(f"a prompt's features have shape {rows.shape}; a table (seeds, dimensions) is needed")
    with np.errstate(invalid="ignore"):
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _check(sets: Mapping[str, npt.NDArray[np.intp]], seeds: int) -> None:
    for name, chosen in sets.items():
        if chosen.ndim != 1 or len(chosen) < 2 or len(np.unique(chosen)) < len(chosen):
            raise ValueError(
                f"set {name!r} has {chosen.size} seeds, {len(np.unique(chosen))} different: at least 2, each once"
            )
        if chosen.min() < 0 or chosen.max() >= seeds:
            raise ValueError(
                f"set {name!r} names positions {chosen.min()} to {chosen.max()}, but there are {seeds} seeds"
            )


def _mean_of_pairs(cosine: Array, seeds: npt.NDArray[np.intp]) -> float:
    """Mean over the pairs of different seeds of a symmetric matrix."""
    block = cosine[np.ix_(seeds, seeds)]
    return float((block.sum() - np.trace(block)) / (len(seeds) * (len(seeds) - 1)))


def _interval(values: Array, labels: npt.NDArray[np.generic], level: float) -> tuple[float, float] | None:
    """Interval of the mean of values (P,) in groups `labels`; None for fewer than two groups.

    Source: Cameron, Miller (2015), "A Practitioner's Guide to Cluster-Robust Inference", eq. 11 for a mean, with G / (G - 1)
    and G - 1 degrees of freedom.
    """
    _, member = np.unique(labels, return_inverse=True)
    groups, mean = int(member.max()) + 1, float(values.mean())
    if groups < 2:
        return None
    sums = np.bincount(member, values - mean, groups)
    error = np.sqrt(groups / (groups - 1) * float(sums @ sums)) / len(values)
    reach = float(stdtrit(groups - 1, (1 + level) / 2) * error)
    return mean - reach, mean + reach

"""How alike the pictures of a set of seeds are, against random sets of as many seeds, on prompts that took no part in choosing.

Alike: the mean similarity over the pairs of pictures that the set's seeds draw for one prompt, averaged over prompts; lower is
more diverse. It is a mean over pairs of seeds, so that one matrix (seeds, seeds) holds the answer for every set. Similarity is
the cosine of vectors, or any other that is 1 between equal pictures.

A picture with no vector counts in no pair. Some prompts draw more alike than others, so that pairs which miss different
prompts are compared by what each differs from the mean of its prompts.

Source: "Good Seed Makes a Good Crop" (2024), arXiv 2405.14828, table 2 (4 pictures a prompt); Phipson, Smyth (2010) for the
p-value (b + 1) / (m + 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import StatisticsError


@dataclass(frozen=True, eq=False)
class Similarity:
    """Mean similarities of pictures of one prompt.

    matrix: (S, S) float64, for each pair of seeds; 1 on the diagonal, NaN where no prompt has a picture of both.
    sets: name -> (k,) positions of the seeds of a set.
    by_prompt: name -> (P,) float64, the mean over the pairs of that set on each prompt; NaN where it has none.
    known: (P, S) bool, False for pictures that have no vector.
    """

    matrix: Array
    sets: dict[str, npt.NDArray[np.intp]]
    by_prompt: dict[str, Array]
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Diversity:
    """A set against random sets of as many seeds from a pool.

    similarity: of the set, mean over prompts; interval: of it.
    random: mean over all pairs of the pool, which is that of random sets; random_range: quantiles of the drawn sets' means.
    difference: similarity - random, below 0 where the set is more diverse than chance; difference_interval: of it.
    p_value: for "no more diverse than a random set", one-sided, in [1 / (draws + 1), 1].
    prompts: those with pictures of two seeds of the set; left_out: the others; clusters: groups of the former, and intervals
        are None where there is but one. missing: pictures of the pool that have no vector, on these prompts.
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
    missing: int


def cosines(features: Array) -> Array:
    """(S, S) in -1..1 of rows (S, D); NaN for a row without direction: not finite, or all zero."""
    rows = np.asarray(features, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(unit @ unit.T, dtype=np.float64)


def similarities(
    prompts: Iterable[npt.ArrayLike],
    sets: Mapping[str, Sequence[int]],
    alike: Callable[[Array], Array] = cosines,
) -> Similarity:
    """Fold the features (S, D) of each prompt's pictures, one prompt in memory at a time; O(P S^2 D) time.

    `alike` makes the similarities (S, S) of one prompt's pictures, NaN with a picture that has none, itself included. Have a
    set of all seeds that random sets are drawn from among `sets`.
    Raises StatisticsError where no prompt has pictures of two seeds; ValueError for prompts of different shapes, or a set with
    fewer than 2 seeds, a seed twice or one that is not there.
    """
    total: _Total | None = None
    chosen = {name: np.asarray(seeds, dtype=np.intp) for name, seeds in sets.items()}
    by_prompt: dict[str, list[float]] = {name: [] for name in chosen}
    known: list[npt.NDArray[np.bool_]] = []
    for features in prompts:
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2:
            raise ValueError(f"a prompt's features have shape {rows.shape}; a table (seeds, dimensions) is needed")
        if total is None:
            total = _Total(len(rows))
            _check(chosen, len(rows))
        elif len(rows) != total.seeds:
            raise ValueError(f"prompt {len(known)} has pictures of {len(rows)} seeds, those before it of {total.seeds}")
        similar = alike(rows)
        known.append(np.isfinite(similar.diagonal()))
        total.add(similar)
        for name, seeds in chosen.items():
            by_prompt[name].append(_mean_of_pairs(similar, seeds))
    if total is None or not total.prompts:
        raise StatisticsError(f"none of {len(known)} prompts has pictures of two seeds: there is nothing to compare")
    return Similarity(
        total.mean(), chosen, {name: np.array(values) for name, values in by_prompt.items()}, np.stack(known)
    )


class _Total:
    """Sums over prompts of what pairs of seeds differ from the mean pair of the prompt."""

    def __init__(self, seeds: int) -> None:
        self.seeds, self.prompts, self._middle = seeds, 0, 0.0
        self._sum, self._count = np.zeros((2, seeds, seeds))

    def add(self, similar: Array) -> None:
        middle = _mean_of_pairs(similar, np.arange(self.seeds))
        if np.isfinite(middle):
            known = np.isfinite(similar)
            self._sum += np.where(known, similar - middle, 0.0)
            self._count += known
            self._middle += middle
            self.prompts += 1

    def mean(self) -> Array:
        """(S, S), NaN for pairs that no prompt has."""
        unknown = np.full_like(self._sum, np.nan)
        found = np.divide(self._sum, self._count, out=unknown, where=self._count > 0) + self._middle / self.prompts
        np.fill_diagonal(found, 1.0)
        return found


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

    Raises StatisticsError where no prompt has pictures of two seeds of the set; ValueError for a name that is not there, a pool
    smaller than the set, draws below 1, a level outside (0, 1), or another number of labels.
    """
    labels = np.asarray(clusters)
    missing = [each for each in (name, pool) if each not in found.sets]
    if missing or draws < 1 or not 0.0 < level < 1.0 or labels.shape != found.known.shape[:1]:
        raise ValueError(
            f"sets {missing} missing, {draws} draws, level {level}, {labels.shape} labels: "
            f"need none, >= 1, 0 < level < 1, {found.known.shape[:1]}"
        )
    k, seeds = len(found.sets[name]), found.sets[pool]
    if k > len(seeds):
        raise ValueError(f"the pool {pool!r} has {len(seeds)} seeds: no random sets of {k} can be drawn from it")
    kept = np.isfinite(found.by_prompt[name]) & np.isfinite(found.by_prompt[pool])
    if not kept.any():
        raise StatisticsError(
            f"none of {len(kept)} prompts has pictures of two seeds of the set: it cannot be compared"
        )
    observed, chance, labels = found.by_prompt[name][kept], found.by_prompt[pool][kept], labels[kept]
    drawn = np.array([_mean_of_pairs(found.matrix, rng.choice(seeds, k, replace=False)) for _ in range(draws)])
    actual = _mean_of_pairs(found.matrix, found.sets[name])
    random_low, random_high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Diversity(
        similarity=float(observed.mean()),
        interval=mean_interval(observed, labels, level),
        random=float(chance.mean()),
        random_range=(float(random_low), float(random_high)),
        difference=float((observed - chance).mean()),
        difference_interval=mean_interval(observed - chance, labels, level),
        # A set without any known pair counts as one that is as diverse.
        p_value=float((np.sum(~(drawn > actual + 1e-12)) + 1) / (draws + 1)),
        draws=draws,
        prompts=len(observed),
        left_out=int((~kept).sum()),
        clusters=len(np.unique(labels)),
        missing=int((~found.known[np.ix_(kept, seeds)]).sum()),
    )


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


def _mean_of_pairs(similar: Array, seeds: npt.NDArray[np.intp]) -> float:
    """Mean over the known pairs of different seeds of a symmetric matrix; NaN where there is none."""
    block = similar[np.ix_(seeds, seeds)]
    pairs = block[~np.eye(len(seeds), dtype=np.bool_)]
    pairs = pairs[np.isfinite(pairs)]
    return float(pairs.mean()) if pairs.size else float("nan")


def mean_interval(values: Array, labels: npt.NDArray[np.generic], level: float) -> tuple[float, float] | None:
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

"""The Frechet distance of picture sets for which each prompt's seed is drawn from some seeds, as the study's table 1 has it.

For each prompt one seed is drawn from the golden seeds, and one from random ones: two sets with a picture a prompt, of one
size, as the distance depends on it. Drawn again and again, the spread over draws is the luck of which seed a prompt gets; the
error of their mean over prompts is the jackknife's, paired: a group of prompts is left out of all sets at once. Prompts are not
resampled, because repeated pictures shift this distance (see `seeds.distances.bootstrap`). In simulations with 24 prompts the
interval of a difference between like seeds held 0 in 0.96 to 0.98 of 80. Which seeds stand for random ones counts in no error.

Source: Xu et al. (2024), arXiv 2405.14828, table 1, for one seed a prompt drawn from a set of seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.feature_rows import SeedRows, TooFewImages
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.jackknife import Jackknife, jackknife
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.select.comparison import Difference, difference

MOST_DRAWS, FEWEST_DRAWS = 200, 8
CLUSTERS = 64
"""Groups of prompts that errors are taken over, where an eigendecomposition is needed for each."""
FLOPS, BYTES = 1e11, 1.5 * 2**30
"""Of all draws together: about a minute, and what their features may take."""

Name = TypeVar("Name")
Rows = npt.NDArray[np.float32]
Seeds = npt.NDArray[np.int64]
Draw = Callable[[Sequence[str], int], Seeds]
"""Prompt ids (P) and how many draws (B) -> the seed of each prompt in each draw (B, P)."""


@dataclass(frozen=True, eq=False)
class DrawnSet:
    """mean: distance, over draws. spread: standard deviation over draws. by_draw: (B,). influence: (G,) of groups of prompts on
    the mean, the root sum of squares is its error."""

    mean: float
    spread: float
    by_draw: Array
    influence: Array

    def less(self, other: DrawnSet) -> Difference:
        """The mean less that of another set on the same prompts, with its interval and p of Student's t."""
        apart = self.influence - other.influence
        return difference(self.mean - other.mean, float(np.sqrt(apart @ apart)), len(apart) - 1, LEVEL)


@dataclass(frozen=True, eq=False)
class DrawnSets(Generic[Name]):
    """of: name -> set. pictures: in each, one a prompt. groups: of prompts. draws: of each set."""

    of: Mapping[Name, DrawnSet]
    pictures: int
    groups: int
    draws: int


def drawn_sets(
    rows: SeedRows,
    prompts: Collection[str],
    sets: Mapping[Name, Draw],
    reference: Reference,
) -> DrawnSets[Name]:
    """Draw a seed for each prompt, in each way, many times, and take the distances.

    Args:
        prompts: ids of those to take; one without a picture of some seed is left out.
        sets: name -> how its seeds are drawn.

    Raises:
        TooFewImages: fewer than three of them have pictures of every seed.
    """
    here = np.array([prompt in prompts for prompt in rows.prompts])
    groups = rows.groups[here]
    if len(groups) < 3:
        raise TooFewImages(
            f"{len(groups)} of {len(prompts)} prompts have a picture of every seed; a distance takes at least three."
        )
    labels = clusters(groups)
    draws = _draws(labels, reference, len(sets))
    ids = [prompt for prompt, taken in zip(rows.prompts, here, strict=True) if taken]
    taken = {name: draw(ids, draws) for name, draw in sets.items()}
    features = _features(rows, here, taken, reference.dimensions)
    found = {name: _set([jackknife(each, labels, reference) for each in rows]) for name, rows in features.items()}
    return DrawnSets(found, len(groups), len(np.unique(groups)), draws)


def any_of(seeds: Sequence[int], rng: np.random.Generator) -> Draw:
    """Any of some seeds, with equal chances."""
    return lambda prompts, draws: rng.choice(np.array(seeds, np.int64), size=(draws, len(prompts)))


def best_by(good: Mapping[str, Array], seeds: npt.NDArray[np.int64], n: int, rng: np.random.Generator) -> Draw:
    """The best of n of some seeds (S,), drawn for each prompt without replacement. good: prompt id -> scores (S,), larger is
    better; of a prompt without scores the first of the n is taken."""

    def draw(prompts: Sequence[str], draws: int) -> Seeds:
        taken = np.argsort(rng.random((draws, len(prompts), len(seeds))), axis=2)[:, :, :n]
        nothing = np.zeros(len(seeds))
        scores = np.stack([good.get(prompt, nothing) for prompt in prompts])
        best = np.take_along_axis(np.broadcast_to(scores, (draws, *scores.shape)), taken, axis=2).argmax(axis=2)
        return np.asarray(seeds[np.take_along_axis(taken, best[:, :, None], axis=2)[:, :, 0]])

    return draw


def clusters(groups: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
    """(P,) labels to leave out by: the groups, several together where they are very many and not of one prompt each."""
    names, member = np.unique(groups, return_inverse=True)
    return np.asarray(member if len(names) == len(groups) else member % CLUSTERS, dtype=np.intp)


def _draws(labels: npt.NDArray[np.intp], reference: Reference, sets: int) -> int:
    """As many as time and memory allow."""
    side = min(len(labels), reference.factor.shape[1])
    distances = 2 if len(np.unique(labels)) == len(labels) else 1 + len(np.unique(labels))
    by_time = FLOPS / (sets * distances * 4 / 3 * side**3)
    by_memory = BYTES / (sets * len(labels) * reference.dimensions * 4)
    return int(np.clip(min(by_time, by_memory), FEWEST_DRAWS, MOST_DRAWS))


def _features(
    rows: SeedRows, here: npt.NDArray[np.bool_], taken: Mapping[Name, Seeds], dimensions: int
) -> dict[Name, Rows]:
    """Set -> (B, P, D) features of the pictures drawn, from the shards, each read once."""
    found = {name: np.empty((*seeds.shape, dimensions), np.float32) for name, seeds in taken.items()}
    for seed, features in rows.by_seed():
        own = features[here]
        for name, seeds in taken.items():
            draw, prompt = np.nonzero(seeds == seed)
            found[name][draw, prompt] = own[prompt]
    return found


def _set(states: Sequence[Jackknife]) -> DrawnSet:
    distances = np.array([np.nan if state.estimate is None else state.estimate for state in states])
    influence = np.mean([state.influence for state in states], axis=0)
    return DrawnSet(float(distances.mean()), float(distances.std(ddof=1)), distances, influence)

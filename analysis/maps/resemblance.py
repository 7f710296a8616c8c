"""How much seeds resemble each other over prompts, and whether that is more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.scores.vectors import Vectors

AT_ONCE = 32  # prompts a matrix product
PERMUTATIONS = 999
SHUFFLES = 19
"""One map of nothing in twenty, at most, has a component above chance."""
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Whether seeds that are alike on some prompts are alike on others.

    correlation: Pearson's, of the distances between seeds on one half of the prompts with those on the other half.
    p_value: for "none": the share of `permutations` of the seeds of one half that give at least as much, counted with itself.
    by_group: whether prompts go in groups, such as those of an object, of which the halves share none.
    """

    correlation: float
    p_value: float
    permutations: int
    by_group: bool


def gram(centred: Vectors) -> Array:
    """(S, S) float64: mean over prompts of the products of the seeds' vectors (P, S, K), which are centred by prompt."""
    prompts, seeds, _ = centred.shape
    total = np.zeros((seeds, seeds))
    for start in range(0, prompts, AT_ONCE):
        block = centred[start : start + AT_ONCE].transpose(1, 0, 2).reshape(seeds, -1)
        total += block @ block.T
    mean: Array = total / prompts
    return mean


def distances(products: Array) -> Array:
    """(S, S) distances of vectors whose Gram matrix is given: root mean square over prompts."""
    lengths = np.diagonal(products)
    return np.asarray(np.sqrt(np.maximum(lengths[:, None] + lengths - 2 * products, 0.0)), dtype=np.float64)


def principal_coordinates(products: Array, most: int) -> Array:
    """(S, m): the vectors with this Gram matrix in their principal components, most variance first, m <= most.

    Directions without variance are left out. Signs: the largest entry of a component is positive.
    Source: Gower (1966), Biometrika 53, 325-338.
    """
    variance, directions = np.linalg.eigh(products)
    kept = [i for i in range(len(variance))[::-1] if variance[i] > 1e-9 * variance[-1]][:most]
    points = directions[:, kept] * np.sqrt(variance[kept])
    signs = np.sign(points[np.abs(points).argmax(axis=0), range(len(kept))])
    return np.asarray(points * signs, dtype=np.float64)


def components_above_chance(
    centred: Vectors, groups: Sequence[str], rng: np.random.Generator, shuffles: int = SHUFFLES
) -> int:
    """How many principal components of the seeds' vectors (P, S, K) vary more than pictures shuffled between seeds give.

    The pictures of each group of prompts (P labels), such as those of an object, are shuffled together between the seeds,
    those of each prompt where there is but one group: what seeds have in common over groups is then gone. A component counts
    if its variance exceeds the largest of every shuffle. As shuffled pictures keep what the seeds bring, spread over all
    components, weak components beside strong ones do not count: only the main lines along which seeds differ do.

    Source: Horn (1965), Psychometrika 30, parallel analysis; with permutations, Buja, Eyuboglu (1992), Multivariate
    Behavioral Research 27. Deviation: a component is held against the largest shuffled one, not against that of its rank.
    """
    labels, _ = _labels(groups)
    names = sorted(set(labels))
    member = [names.index(label) for label in labels]
    chance = 0.0
    for _ in range(shuffles):
        orders = np.array([rng.permutation(centred.shape[1]) for _ in names])[member]
        chance = max(chance, _variances(np.take_along_axis(centred, orders[:, :, None], axis=1))[-1])
    return int((_variances(centred) > chance * (1 + 1e-9)).sum())


def agreement(
    centred: Vectors, groups: Sequence[str], rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> Agreement:
    """Cut the prompts into halves, by group where there are two, and compare the seeds' distances on each.

    centred: (P, S, K) with P >= 2 and S >= 4; groups: P labels.
    Source: Mantel (1967), Cancer Research 27, 209-220; Phipson, Smyth (2010) for p >= 1 / (m + 1).
    """
    half, by_group = _half(groups, rng)
    one, other = (_standardised(distances(gram(centred[part]))) for part in (half, ~half))
    observed = float((one * other).sum())
    seeds = len(one)
    beyond = 0
    for _ in range(permutations):
        order = rng.permutation(seeds)
        beyond += int((one * other[np.ix_(order, order)]).sum() >= observed - 1e-9)
    return Agreement(observed, float((beyond + 1) / (permutations + 1)), permutations, by_group)


def typical_prompt(centred: Vectors) -> int:
    """The prompt whose pictures resemble each other most as the seeds do on the whole: the one to draw a map with.

    Source: Robert, Escoufier (1976), Applied Statistics 25, the RV coefficient of a prompt's Gram matrix and that of all.
    """
    whole = gram(centred)
    own = [gram(centred[place : place + 1]) for place in range(len(centred))]
    return int(np.argmax([(one * whole).sum() / (np.linalg.norm(one) or 1.0) for one in own]))


def _variances(centred: Vectors) -> Array:
    """(S,) ascending: the variances of the principal components of the seeds' vectors."""
    return np.asarray(np.linalg.eigvalsh(gram(centred)), dtype=np.float64)


def _labels(groups: Sequence[str]) -> tuple[list[str], bool]:
    """What is shuffled and split together: groups of prompts where there are some, else each prompt; and which it is."""
    by_group = 1 < len(set(groups)) < len(groups)
    return (list(groups) if by_group else [str(number) for number in range(len(groups))]), by_group


def _half(groups: Sequence[str], rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], bool]:
    """Which prompts make the first half, and whether no group was cut. Whole groups go in turn to the smaller half."""
    labels, by_group = _labels(groups)
    names = sorted(set(labels))
    first: set[str] = set()
    filled = [0, 0]
    for name in (names[i] for i in rng.permutation(len(names))):
        into = int(filled[0] > filled[1])
        filled[into] += labels.count(name)
        if into == 0:
            first.add(name)
    return np.array([label in first for label in labels]), by_group


def _standardised(matrix: Array) -> Array:
    """The entries off the diagonal centred and scaled to unit sum of squares; 0 on the diagonal, or where all are equal."""
    off = ~np.eye(len(matrix), dtype=bool)
    centred = np.where(off, matrix - matrix[off].mean(), 0.0)
    length = np.linalg.norm(centred)
    return np.asarray(centred / length if length > 1e-12 else 0.0 * centred, dtype=np.float64)

"""Prompts split once into a part to rank seeds on and a part to confirm them on; a group is never torn.

Source: Cox (1975), "A note on data-splitting for the evaluation of significance levels": what was chosen by one part can be
tested by the other as if it had been fixed in advance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import Effects, seed_effects
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError


def split_prompts(groups: npt.ArrayLike, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(P,) true for prompts to rank on, false for prompts to confirm on: about half each, whole groups, both not empty.

    Groups of like size are paired at random; of each pair the larger goes to the part that is behind. The parts thus hold
    like numbers of large and of small groups, and differ by no more than the largest group.
    Deterministic for the labels in sorted order and the generator, whatever the order of the prompts.
    Raises StatisticsError where all prompts are of one group.
    """
    labels, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(labels) < 2:
        raise StatisticsError(
            f"{len(member)} prompt(s) in {len(labels)} group(s): one part of the split would be empty; "
            "rank on one group of prompts and confirm on another, so give at least two."
        )
    shuffled = rng.permutation(len(labels))
    by_size = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    ranking = np.zeros(len(labels), dtype=np.bool_)
    ahead = 0
    for larger, smaller in zip(by_size[::2], by_size[1::2], strict=False):
        to_ranking = ahead < 0 or (ahead == 0 and bool(rng.integers(2)))
        ranking[larger if to_ranking else smaller] = True
        ahead += (1 if to_ranking else -1) * int(sizes[larger] - sizes[smaller])
    if len(by_size) % 2:
        ranking[by_size[-1]] = ahead < 0 or (ahead == 0 and bool(rng.integers(2)))
    return np.asarray(ranking[member])


def effects_of_parts(scores: Scores, ranking: npt.NDArray[np.bool_], level: float = 0.95) -> tuple[Effects, Effects]:
    """Effects on the prompts where `ranking` (P,) is true, and on the others, each for itself.

    Raises StatisticsError where either part has no prompt or cannot compare seeds, or where a group is in both parts.
    """
    if ranking.shape != scores.member.shape or ranking.all() or not ranking.any():
        raise StatisticsError(
            f"{int(ranking.sum())} of {len(scores.member)} prompts to rank on: both parts need prompts; "
            "give prompts of at least two groups."
        )
    torn = np.intersect1d(scores.member[ranking], scores.member[~ranking])
    if len(torn):
        raise StatisticsError(
            f"The group {str(scores.groups[torn[0]])!r} has prompts in both parts, so that the second part is no fresh "
            "evidence; split by group."
        )
    first, second = (seed_effects(additive_fit(scores.only(part)), level) for part in (ranking, ~ranking))
    return first, second

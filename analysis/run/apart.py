"""The prompts of a sweep, parted into those of its rounds and those that confirm what these chose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from seedscope.analysis.select.racing import RaceError
from seedscope.pipeline.study.prompts import Prompt


def apart(
    prompts: Sequence[Prompt], racing: int, held_out: int, rng: np.random.Generator
) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...]]:
    """`racing` prompts for the rounds, and `held_out` others, of groups that no round has, each in an order of chance.

    Up to a third of the groups is held out, where so many are not needed for the rounds, so that errors over groups are known.
    These are groups of chance; where such ones leave the rounds too few prompts, the smallest.
    Neighbours in the order are of different groups, so that every block has prompts of many. The order depends on the prompts,
    their groups and the generator alone.

    Raises:
        RaceError: prompts are of fewer than three groups, or these are too large to be kept apart.
    """
    members: dict[str, list[Prompt]] = {}
    for prompt in sorted(prompts, key=lambda each: each.id):
        members.setdefault(prompt.group, []).append(prompt)
    if len(members) < 3:
        raise RaceError(
            f"{len(prompts)} prompt(s) in {len(members)} group(s): a sweep confirms its choice on prompts of two other groups "
            "than it chose on; give prompts of three groups or more."
        )
    labels = [str(label) for label in rng.permutation(sorted(members))]
    by_chance = [[members[label][i] for i in rng.permutation(len(members[label]))] for label in labels]
    third = max(min(len(by_chance) // 3, held_out), 2)
    for groups in (by_chance, sorted(by_chance, key=len)):
        for last in (*range(third, 1, -1), *range(third + 1, len(groups))):
            for_rounds, others = groups[last:], groups[:last]
            if sum(map(len, others)) >= held_out and sum(map(len, for_rounds)) >= racing:
                return _in_turn(for_rounds)[:racing], _in_turn(others)[:held_out]
    raise RaceError(
        f"{racing:,} prompts for the rounds and {held_out:,} of other groups to confirm the choice are needed, and "
        f"{len(prompts):,} prompts in {len(members)} groups cannot be parted so. Name more prompts or groups, or a smaller "
        "budget."
    )


def _in_turn(groups: Sequence[Sequence[Prompt]]) -> tuple[Prompt, ...]:
    """The first prompt of each group, then the second ones, ..."""
    return tuple(prompt for each in zip_longest(*groups) for prompt in each if prompt is not None)

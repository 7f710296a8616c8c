"""Which prompts a classifier learns from, and which it is tried on: whole groups, so that it has seen nothing alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seedscope.pipeline.errors import UserError

FEWEST = 5
"""Groups of prompts, of which one or more are held out."""
SHARE = 0.2
Places = npt.NDArray[np.intp]


def held_out(groups: Sequence[str], rng: np.random.Generator, share: float = SHARE) -> tuple[Places, Places]:
    """Places of the prompts to learn from and of those to be tried on; no group is in both.

    Args:
        groups: P, of each prompt.
        share: of the groups that is held out, rounded up, two at least.

    Raises:
        UserError: there are too few groups.
    """
    names = sorted(set(groups))
    if len(names) < FEWEST:
        raise UserError(
            f"the prompts stand in {len(names)} groups: seeds are told on groups that were held out, which takes {FEWEST} at "
            "least. Take more objects, or prompts that are alone."
        )
    count = max(2, int(np.ceil(share * len(names))))
    out = {names[place] for place in rng.permutation(len(names))[:count]}
    held = np.array([group in out for group in groups])
    return np.flatnonzero(~held), np.flatnonzero(held)


def nested(groups: Sequence[str], prompts: Places, share: float, rng: np.random.Generator) -> Places:
    """A share of the prompts, spread over as many groups as can be, at least two prompts."""
    order = prompts[rng.permutation(len(prompts))]
    seen: dict[str, int] = {}
    turns = []
    for place in order:
        turns.append(seen.get(groups[place], 0))
        seen[groups[place]] = turns[-1] + 1
    chosen = order[np.argsort(turns, kind="stable")][: max(2, round(share * len(prompts)))]
    return np.sort(chosen)

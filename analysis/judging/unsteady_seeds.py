"""Seeds whose scores scatter much more than those of others: the tests of seeds take all as alike in noise.

A seed that now succeeds and now fails differs from others in how steady it is. Shuffled scores mix its noise with that of the
others, so that what is said of it is too bold, and what is said of the others too shy.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedscope.analysis.seeds.scores.scalar import Scalar

RATIO = 3.0
"""Of standard errors, to the median seed's. By chance, of normal scores in 8 groups, one seed in 10,000 is so far off."""
FEWEST_GROUPS = 8
NAMED = 4


def of_unsteady(scores: Iterable[Scalar]) -> list[str]:
    """A sentence for each measurement by which some seeds are unsteady; none where none is.

    Of rates nothing is said, whose noise follows from their size, nor of seeds with scores in fewer than 8 groups of prompts.
    """
    return [_sentence(score, places) for score in scores if len(places := unsteady(score))]


def unsteady(score: Scalar) -> list[int]:
    """Indices of the seeds whose standard error is three times the median seed's or more, the least steady first."""
    effects = score.effects
    judged = (effects.groups >= FEWEST_GROUPS) & (effects.se > 0)
    if score.rates is not None or not judged.any():
        return []
    ratio = np.where(judged, effects.se, 0.0) / np.median(effects.se[judged])
    return [int(place) for place in np.argsort(-ratio, kind="stable") if ratio[place] >= RATIO]


def _sentence(score: Scalar, places: list[int]) -> str:
    named = ", ".join(str(score.seeds[place]) for place in places[:NAMED])
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    known = score.effects.se[score.effects.se > 0]
    times = float(score.effects.se[places[0]] / np.median(known))
    who = f"Seed {named} is" if len(places) == 1 else f"Seeds {named}{more} are"
    return (
        f"{who} unsteady by {score.name}: over the prompts, {'its' if len(places) == 1 else 'their'} scores scatter up to "
        f"{times:.2g} times as much as the median seed's. Tests take seeds as alike in noise: read what they say of "
        f"{'it' if len(places) == 1 else 'them'} with care."
    )

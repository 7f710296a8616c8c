"""Seeds whose scores scatter much more than those of others: the tests of seeds take all as alike in noise.

A seed that now succeeds and now fails differs from others in how steady it is. Shuffled scores mix its noise with that of the
others, so that what is said of it is too bold, and what is said of the others too shy.

The scatter is the median absolute deviation of a seed's scores, each less the median of its prompt, which a few extreme scores
do not move. Of 32 seeds on 24 prompts, alike in noise, one is called unsteady in less than 1 % of runs for normal scores and
for Student's t with 3 degrees of freedom, in 9 % for lognormal ones with a sigma of 1.5; one of four times the noise is found
in 86 %.

Source: the median absolute deviation: Hampel (1974), "The influence curve and its role in robust estimation", JASA 69(346).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scalar import Scalar

RATIO = 3.0
"""Of the scatter to the median seed's."""
FEWEST_PROMPTS, FEWEST_GROUPS = 24, 8
NAMED = 4


def of_unsteady(scores: Iterable[Scalar]) -> list[str]:
    """A sentence for each measurement by which some seeds are unsteady; none where none is.

    Of rates nothing is said, whose noise follows from their size, nor of seeds with scores of fewer than 24 prompts, or of 8
    groups of them.
    """
    return [_sentence(score, ratio) for score in scores if (ratio := unsteadiness(score)).max(initial=0.0) >= RATIO]


def unsteadiness(score: Scalar) -> Array:
    """(S,) how much a seed's scores scatter, over the median seed; 0 where it is not known."""
    nobody = np.zeros(len(score.seeds))
    judged = (score.effects.n >= FEWEST_PROMPTS) & (score.effects.groups >= FEWEST_GROUPS)
    if score.rates is not None or not judged.any():
        return nobody
    values = score.scores.values[:, judged]
    values = values[~np.isnan(values).all(axis=1)]
    off = values - np.nanmedian(values, axis=1, keepdims=True)
    scatter = np.nanmedian(np.abs(off - np.nanmedian(off, axis=0)), axis=0)
    middle = float(np.median(scatter))
    if middle > 0.0:
        nobody[judged] = scatter / middle
    return nobody


def _sentence(score: Scalar, ratio: Array) -> str:
    places = [place for place in np.argsort(-ratio, kind="stable") if ratio[place] >= RATIO]
    named = ", ".join(str(score.seeds[place]) for place in places[:NAMED])
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    one = len(places) == 1
    return (
        f"{f'Seed {named} is' if one else f'Seeds {named}{more} are'} unsteady by {score.name}: from prompt to prompt, "
        f"{'its' if one else 'their'} scores scatter {'' if one else 'up to '}{ratio.max():.2g} times as much as the median "
        f"seed's. Tests take seeds as alike in noise: read what they say of {'it' if one else 'them'} with care."
    )

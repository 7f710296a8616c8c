"""Sets of pictures of one prompt: how alike they are, how many different ones they are worth, and how good they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.vendi import directions, of_gram
from seedscope.analysis.seeds.distances.witness import Witness

Sets = npt.NDArray[np.intp]
"""(P, R, k): for each prompt, R times, the columns of k pictures. What stands at one r is one way to draw all prompts."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Measurements of P prompts x S pictures, all of them finite.

    prompts: ids; seeds: of the columns. vectors: (P, S, K), by whose cosines pictures are alike. scores: (P, S), how good
    they are. embedded: (P, S, D), as the distance to reference pictures has them; None where none is measured.
    """

    prompts: list[str]
    seeds: list[int]
    vectors: npt.NDArray[np.float32]
    scores: Array
    embedded: npt.NDArray[np.float32] | None

    def cosines(self, prompt: int) -> Array:
        """(S, S) of the pictures of a prompt."""
        unit = directions(self.vectors[prompt])
        return np.asarray(unit @ unit.T)


@dataclass(frozen=True, eq=False)
class Worth:
    """Of sets, (P, R) each: mean cosine of two pictures, Vendi score, mean score; and what the pictures add to the distance of
    all sets of one r from the reference pictures, None where no distance is measured."""

    similarity: Array
    vendi: Array
    quality: Array
    witness: Array | None

    def named(self) -> dict[str, Array]:
        """What there is, by name."""
        found = {"similarity": self.similarity, "vendi": self.vendi, "quality": self.quality}
        return found if self.witness is None else found | {"witness": self.witness}


def worth_of(pictures: Pictures, sets: Sets, distance: Witness | None) -> Worth:
    """What sets of pictures are worth; a score that is the same for all pictures counts for nothing."""
    prompts, _, k = sets.shape
    similarity, vendi = np.empty((2, *sets.shape[:2]))
    off = ~np.eye(k, dtype=np.bool_)
    for prompt in range(prompts):
        grams = pictures.cosines(prompt)[sets[prompt][:, :, None], sets[prompt][:, None, :]]
        similarity[prompt] = grams[:, off].mean(axis=1)
        vendi[prompt] = of_gram(grams, k)
    rows = np.arange(prompts)[:, None]
    quality = pictures.scores[rows[:, :, None], sets].mean(axis=2)
    if distance is None or pictures.embedded is None:
        return Worth(similarity, vendi, quality, None)
    adds = np.stack([_added(pictures.embedded[rows, sets[:, r]], distance) for r in range(sets.shape[1])], axis=1)
    return Worth(similarity, vendi, quality, adds)


def _added(embedded: npt.NDArray[np.float32], distance: Witness) -> Array:
    """(P,) means over the k pictures of each prompt, of pictures (P, k, D) that are judged as those of one seed are."""
    prompts, k, width = embedded.shape
    rows = embedded.reshape(-1, width).astype(np.float64)
    count = np.full(len(rows), float(len(rows)))
    own = np.broadcast_to(rows.mean(axis=0), rows.shape)
    return np.asarray(distance.score(rows, own, count).reshape(prompts, k).mean(axis=1))


def same_for_all(seeds: npt.ArrayLike, prompts: int) -> Sets:
    """The same R sets (R, k) for every prompt."""
    return np.broadcast_to(np.asarray(seeds, dtype=np.intp), (prompts, *np.shape(seeds)))


def random_sets(columns: int, k: int, draws: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """(R, k) sets of different columns."""
    return np.stack([rng.choice(columns, k, replace=False) for _ in range(draws)])

"""A map of seeds: from a feature table of vectors to places, agreement between prompts, and clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.maps.clusters import Clusters, find_clusters
from seedscope.analysis.maps.neighbours import FEWEST, neighbour_places
from seedscope.analysis.maps.projection import MOST_COMPONENTS
from seedscope.analysis.maps.resemblance import (
    SHUFFLES,
    Agreement,
    Array,
    agreement,
    components_above_chance,
    gram,
    principal_coordinates,
    typical_prompt,
)
from seedscope.analysis.seeds.scores.vectors import Grid, Vectors, even_sample
from seedscope.pipeline.errors import UserError

IMAGES_SHOWN = 2_500


class TooFewToMap(UserError):
    """There are not enough seeds or prompts to make a map of."""


@dataclass(frozen=True, eq=False)
class SeedMap:
    """What a map of S seeds rests on and shows.

    seeds: ascending. prompts: ids of the prompts that all seeds have a picture of; `left_out` others were not used.
    places: (S, 2) float32, by t-SNE.
    components: (S, c) float64, the principal components of the seeds' vectors that are above chance, `above_chance` of them.
    share: of the variance within prompts that belongs to the seeds, in 0 .. 1.
    typical_prompt: id of the prompt whose pictures resemble each other most as the seeds do.
    """

    seeds: list[int]
    prompts: list[str]
    left_out: int
    places: npt.NDArray[np.float32]
    components: Array
    share: float
    agreement: Agreement
    clusters: Clusters
    typical_prompt: str

    @property
    def above_chance(self) -> int:
        return int(self.components.shape[1])


def map_seeds(grid: Grid, groups: Mapping[str, str], rng: np.random.Generator, shuffles: int = SHUFFLES) -> SeedMap:
    """The map of the seeds of a grid; `groups`: prompt id -> group, such as its object.

    Places are those of each seed's vector over all prompts (see `Grid.centred`), in its first 50 principal components.
    Raises TooFewToMap for fewer than 4 seeds, or 2 prompts of which every seed has a picture.
    """
    whole = grid.complete()
    if len(whole.seeds) < FEWEST or len(whole.prompts) < 2:
        raise TooFewToMap(
            f"{len(whole.seeds)} seeds, and {len(whole.prompts)} of {len(grid.prompts)} prompts have a picture of each: "
            f"a map needs at least {FEWEST} seeds and 2 such prompts. Add seeds or prompts to the study."
        )
    centred = whole.centred()
    if not centred.any():
        raise TooFewToMap("The pictures of each prompt are the same for all seeds, so there is nothing to map.")
    of_noise, of_halves, of_clusters, of_places = rng.spawn(4)
    points = principal_coordinates(gram(centred), MOST_COMPONENTS)
    of_prompt = [groups[prompt] for prompt in whole.prompts]
    components = points[:, : components_above_chance(centred, of_prompt, of_noise, shuffles)]
    return SeedMap(
        seeds=whole.seeds,
        prompts=whole.prompts,
        left_out=len(grid.prompts) - len(whole.prompts),
        places=neighbour_places(points, of_places),
        components=components,
        share=_seed_share(centred),
        agreement=agreement(centred, of_prompt, of_halves),
        clusters=find_clusters(components, of_clusters),
        typical_prompt=whole.prompts[typical_prompt(centred)],
    )


def _seed_share(centred: Vectors) -> float:
    """Variance of what a seed brings to all its pictures, over that variance and the rest's, from P pictures a seed.

    Source: Searle et al. (1992), "Variance Components", chapter 3, the one-way classification.
    """
    prompts = len(centred)
    of_means = float((centred.mean(axis=0) ** 2).sum() * prompts / (centred**2).sum())
    return max(0.0, (of_means - 1 / prompts) / (1 - 1 / prompts))


@dataclass(frozen=True, eq=False)
class ImageMap:
    """Places (n, 2) float32 of pictures, with their prompts and seeds."""

    prompts: list[str]
    seeds: list[int]
    places: npt.NDArray[np.float32]


def map_images(grid: Grid, rng: np.random.Generator, most: int = IMAGES_SHOWN) -> ImageMap:
    """The map of about `most` pictures, spread evenly over seeds and prompts; prompts are not taken off.

    Raises TooFewToMap for fewer than 4 pictures.
    """
    chosen = even_sample(grid.prompts, grid.seeds, most, rng)
    there = np.argwhere(~np.isnan(grid.values[:, :, 0])).tolist()
    at = [(row, column) for row, column in there if chosen(grid.prompts[row], grid.seeds[column])]
    if len(at) < FEWEST:
        raise TooFewToMap(f"{len(at)} pictures have a vector; a map needs at least {FEWEST}.")
    rows, columns = (list(part) for part in zip(*at, strict=True))
    places = neighbour_places(grid.values[rows, columns], rng)
    return ImageMap([grid.prompts[row] for row in rows], [grid.seeds[column] for column in columns], places)

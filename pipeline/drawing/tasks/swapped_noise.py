"""Steps whose noise is drawn by another seed's generator from some step on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.drawing.noise.philox import CardGenerator
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Scheduler

MOST_DRAWS = 8
"""Of a scheduler in one step."""


class SwappedNoise(Hooks):
    """Hands the sampler, cell by cell, another seed's generator from some step on.

    Until then the other generator goes along: whenever the cell's own has drawn, it draws as much. From the swap on the noise
    is therefore the one that the other seed has at these steps, whichever steps a scheduler draws at.
    """

    def __init__(
        self, generators: list[torch.Generator], others: Sequence[torch.Generator], first: Sequence[int]
    ) -> None:
        """For B cells.

        Args:
            generators: those that the sampler draws from; they are replaced in place.
            others: those of the other seeds. All are in the state after the initial latent.
            first: the steps, from 0, from which on the others draw.
        """
        self._generators, self._others, self._first = generators, list(others), list(first)
        self._before, self._order = dict[int, torch.Tensor | int](), 1

    def begin(self, scheduler: Scheduler) -> None:
        self._order = scheduler.order
        self._swap(0)

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:  # noqa: ARG002
        """Remember where the generators stand that are still to be replaced: the scheduler draws after this."""
        coming = [cell for cell, first in enumerate(self._first) if step // self._order < first]
        self._before = {cell: _standing(self._generators[cell]) for cell in coming}
        return prediction

    def after_step(self, latents: torch.Tensor, scheduler: Scheduler, step: int) -> torch.Tensor:  # noqa: ARG002
        shape = (1, *latents.shape[1:])
        for cell, before in self._before.items():
            for _ in range(_draws(before, self._generators[cell], shape)):
                _draw(self._others[cell], shape)
        if (step + 1) % self._order == 0:
            self._swap((step + 1) // self._order)
        return latents

    def _swap(self, step: int) -> None:
        for cell, first in enumerate(self._first):
            if step == first:
                self._generators[cell] = self._others[cell]


def _standing(generator: torch.Generator) -> torch.Tensor | int:
    """Where a generator stands: its state, or how many tensors it has drawn."""
    return generator.drawn if isinstance(generator, CardGenerator) else generator.get_state()


def _draw(generator: torch.Generator, shape: tuple[int, ...]) -> None:
    if isinstance(generator, CardGenerator):
        generator.drawn += 1
    else:
        torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu")


def _draws(before: torch.Tensor | int, generator: torch.Generator, shape: tuple[int, ...]) -> int:
    """How many tensors a generator has drawn since it stood there.

    Raises:
        ModelError: it has drawn something else than tensors of this shape.
    """
    now = _standing(generator)
    if isinstance(before, int) or isinstance(now, int):
        return int(now) - int(before)
    replayed = torch.Generator("cpu").set_state(before)
    for count in range(MOST_DRAWS + 1):
        if torch.equal(replayed.get_state(), now):
            return count
        _draw(replayed, shape)
    raise ModelError(
        "task.swap: this scheduler draws its noise in another shape than that of a latent, so that the noise of two seeds "
        "cannot be swapped. Take another, such as ddpm or euler a."
    )

"""From a seed to its noise: the initial latent, and the generator behind it.

Source: diffusers, `utils/torch_utils.py::randn_tensor` with a list of CPU generators, called by every pipeline's
`prepare_latents`: sample i of a batch is `torch.randn((1, C, h, w), generator=generators[i], dtype=...)`.
Deviation: always drawn in float32 on the CPU, whatever the model's dtype and device, and cast afterwards. CUDA's values
differ between models of GPU, and bfloat16 and float64 draws of one seed are other pictures.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from seedscope.pipeline.drawing.noise.philox import CardGenerator, CardsNoise
from seedscope.pipeline.drawing.noise.resize import placed
from seedscope.pipeline.drawing.noise.slerp import slerp
from seedscope.pipeline.study.noise import NoiseSource, Variation
from seedscope.pipeline.study.seeds import LARGEST_SEED

if TYPE_CHECKING:
    from seedscope.pipeline.models.locate import Located
    from seedscope.pipeline.study.schema import Study

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Recipe:
    """How the noise of a seed is made: it depends on this and the seed alone, on no batch, order, worker or device.

    torch's CPU generator reads only the low 32 bits of a seed, so seeds that agree in those have the same noise.

    Attributes:
        shape: (C, h, w) of the noise in latent units, or (h, w, C).
        source: what draws it: torch on the CPU, or as an NVIDIA card does.
        small: the shape of the noise that is put into its middle; None: there is none.
        variation: towards the noise of which other seed it goes.
        channels_last: whether shapes are (h, w, C).
    """

    shape: Shape
    source: NoiseSource = "cpu"
    small: Shape | None = None
    variation: Variation | None = None
    channels_last: bool = False

    @property
    def plain(self) -> bool:
        """Whether a generator that is given to a stock pipeline draws the same."""
        return self.source == "cpu" and self.small is None and self.variation is None

    def latent(self, seed: int) -> torch.Tensor:
        """The initial latent, float32 on the CPU, N(0, 1): not yet multiplied by the scheduler's `init_noise_sigma`.

        Raises:
            ValueError: the seed is outside 0 .. 2^63 - 1, or the shape is not three positive numbers.
        """
        drawn = self._draw(seed, self.small or self.shape)[0]
        if self.variation is not None:
            end = self._draw(self.variation.seed, self.small or self.shape)[0]
            drawn = slerp(self.variation.strength, drawn, end, axis=0 if self.channels_last else 1)
        return drawn if self.small is None else placed(drawn, self._draw(seed, self.shape)[0])

    def generator(self, seed: int) -> torch.Generator:
        """The generator of a seed as it is after the initial latent was drawn.

        Stochastic schedulers (DDPM, ancestral samplers, DDIM with eta > 0) draw the noise of their later steps from it.
        That of a variation, or of a resized seed, is the seed's own, as in A1111.

        Raises:
            ValueError: as for `latent`.
        """
        if self.source == "nv":
            return CardGenerator(_checked(seed), drawn=1)
        return self._draw(seed, self.shape)[1]

    def drawing(self) -> AbstractContextManager[object]:
        """While it lasts, diffusers can draw from these generators."""
        return CardsNoise() if self.source == "nv" else nullcontext()

    def _draw(self, seed: int, shape: Shape) -> tuple[torch.Tensor, torch.Generator]:
        _checked(seed)
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"A latent has the shape (channels, height, width), each at least 1, not {tuple(shape)}.")
        if self.source == "nv":
            card = CardGenerator(seed)
            return card.randn(shape), card
        drawing = torch.Generator("cpu").manual_seed(seed)
        # device= is spelt out so that torch.set_default_device("cuda") in the caller's code changes nothing.
        return torch.randn((1, *shape), generator=drawing, dtype=torch.float32, device="cpu")[0], drawing


def _checked(seed: int) -> int:
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"A seed lies between 0 and 2^63 - 1 (= {LARGEST_SEED}), but this one is {seed}.")
    return seed


def recipe_of(study: Study, located: Located) -> Recipe | None:
    """The noise of a study; None where the model draws it itself.

    Raises:
        ModelError: the size that it is resized from is none of the model's.
    """
    noise, shape, small = study.noise, located.latent_shape(study.sampling), located.small_shape(study)
    if shape is None:
        return None
    return Recipe(shape, noise.source, small, noise.acting_variation, located.geometry.channels_last)

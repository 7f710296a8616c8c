"""The seeds of a golden list, the conditions under which they hold, and their noise as a call takes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any, Final, Literal, Self

import torch
from pydantic import Field, model_validator

from seedscope.analysis.select.conditions import Conditions
from seedscope.analysis.select.golden_file import FORMAT
from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.noise_for import generators_for, latents_for
from seedscope.analysis.select.noise_given import draws_between_steps
from seedscope.analysis.select.stock_parts import Pipeline
from seedscope.analysis.select.strict import Strict
from seedscope.analysis.select.why import Seed, Why
from seedscope.pipeline.drawing.noise import NoiseContract

LARGEST_LATENT: Final = 2**26
"""Values of a latent, 256 MiB in float32: 64 channels at 1,024 x 1,024, of a picture of 8,192 x 8,192 pixels, are as many."""


class SeedsAndNoise(Strict):
    """What a golden list says of its seeds and of how their noise is drawn."""

    format: Literal["seedscope-golden/2"] = FORMAT
    seeds: list[Seed] = Field(
        description="best first, of the rule `pareto` the clearest first; none where no seed is better than chance"
    )
    why: Why
    conditions: Conditions
    noise: NoiseContract | None = Field(
        description="of the initial latents; null where the pipeline draws its noise itself, from the generators"
    )

    @model_validator(mode="after")
    def _seeds_agree(self) -> Self:
        if [standing.seed for standing in self.why.standings] != self.seeds:
            raise ValueError("seeds and why.standings name different seeds")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is named twice")
        if self.noise is not None and (values := math.prod(self.noise.shape)) > LARGEST_LATENT:
            raise ValueError(
                f"noise.shape is {self.noise.shape}: a latent of {values:,} values; {LARGEST_LATENT:,} is the most"
            )
        return self

    def latent(self, seed: int) -> torch.Tensor:
        """(C, h, w) float32, the initial latent of one seed of the list, as `latents` has it.

        Raises:
            GoldenError: the list has no such seed, or as for `latents`.
        """
        return self.latents(seeds=[seed])[0]

    def _some(self, seeds: Sequence[int] | None) -> Sequence[int]:
        """These seeds, all of the list; None: its own."""
        for seed in seeds or ():
            if seed not in self.seeds:
                known = ", ".join(map(str, self.seeds)) or "none"
                raise GoldenError(f"Seed {seed} is not on the list, which has {known}.")
        return self.seeds if seeds is None else seeds

    def rotate(self, begin: int = 0) -> Iterator[int]:
        """The seeds in turn, without end, for a service that gives each request the next one.

        Args:
            begin: the first place, such as the number of a worker: workers that begin apart do not all draw the same seed.

        Raises:
            GoldenError: the list is empty.
        """
        if not self.seeds:
            raise GoldenError(f"There are no golden seeds to rotate. {self.why.sentence}")
        start = begin % len(self.seeds)
        return cycle([*self.seeds[start:], *self.seeds[:start]])

    def generators(self, *, after_latent: bool = False, seeds: Sequence[int] | None = None) -> list[torch.Generator]:
        """Make a CPU generator for each seed (none for an empty list), for `pipe(..., generator=golden.generators())`.

        Args:
            after_latent: in the state after the initial latent was drawn: for stochastic schedulers, when `latents` are
                passed as well. Fresh ones would draw the initial latent again as the noise of the first step.
            seeds: of the list; None: all.

        Raises:
            GoldenError: the list has no such seed; no generator draws the list's noise, such as that of an NVIDIA card;
                `after_latent` of a pipeline that draws its noise itself.
        """
        some = self._some(seeds)
        if self.noise is None and not after_latent:
            return [torch.Generator("cpu").manual_seed(seed) for seed in some]
        try:
            return generators_for(self._contract(), some, after_latent=after_latent)
        except ValueError as error:
            raise GoldenError(str(error)) from None

    def _noise_of_call(self, pipe: Pipeline, seeds: Sequence[int]) -> dict[str, Any]:
        if self.noise is None:
            return {"generator": self.generators(seeds=seeds)}
        latents = {"latents": self.latents(pipe, seeds=seeds)}
        if not draws_between_steps(self.conditions, pipe):
            return latents
        return latents | {"generator": self.generators(after_latent=True, seeds=seeds)}

    def _contract(self) -> NoiseContract:
        if self.noise is None:
            raise GoldenError(
                f"A {self.conditions.model.pipeline} draws its noise itself, so there are no latents to pass; call it once a "
                "seed, each time with a generator of `golden.generators()`."
            )
        return self.noise

    def latents(
        self,
        dtype: torch.dtype | Pipeline = torch.float32,
        device: str | torch.device | None = None,
        *,
        seeds: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """Draw the initial latents, for `pipe(..., latents=golden.latents(pipe))`.

        Args:
            dtype: the pipeline, whose dtype and device they get; or a dtype, which must be the pipeline's.
            device: None: the pipeline's, or the CPU.
            seeds: of the list; None: all.

        Returns:
            (k, C, h, w), in the order of the seeds, N(0, 1): diffusers multiplies by `init_noise_sigma` itself. Drawn in
            float32 on the CPU, then cast and moved. Given a pipeline, in the form that its call takes, such as packed.

        Raises:
            GoldenError: the list is empty or has no such seed, is of a pipeline that draws its noise itself, or of noise that
                is not known here.
        """
        if not (some := self._some(seeds)):
            raise GoldenError(f"There are no golden seeds to draw noise for. {self.why.sentence}")
        pipe = None if isinstance(dtype, torch.dtype) else dtype
        try:
            latents = latents_for(self._contract(), some, pipe, self.conditions.dtype)
        except ValueError as error:
            raise GoldenError(str(error)) from None
        wanted = dtype if isinstance(dtype, torch.dtype) else latents.dtype
        return latents.to(device=device or latents.device, dtype=wanted)

"""The golden list: the seeds, why these, the conditions under which they hold, and how their noise is drawn.

golden = GoldenSeeds.load("golden.json")
call = golden.call_kwargs(pipe)  # steps, size, guidance
golden.check(pipe, **call)  # or GoldenMismatch, with every reason
golden.canary(pipe)  # draws, and compares with what the run drew
pipe(["a red fox"] * len(golden.seeds), latents=golden.latents(pipe), **call)
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Literal, Self

import torch
from PIL import Image
from pydantic import Field, model_validator

from seedscope.analysis.select.call import call_of
from seedscope.analysis.select.canary import Canary
from seedscope.analysis.select.conditions import Conditions
from seedscope.analysis.select.differences import Call, differences
from seedscope.analysis.select.drawn import drawn
from seedscope.analysis.select.golden_file import FORMAT, read_list, write_list
from seedscope.analysis.select.mismatch import GoldenError, GoldenMismatch
from seedscope.analysis.select.noise_for import generators_for, latents_for
from seedscope.analysis.select.stock_parts import Pipeline
from seedscope.analysis.select.strict import Strict
from seedscope.analysis.select.texts import embeddings
from seedscope.analysis.select.why import CombinedPart, Seed, SeedStanding, Why
from seedscope.pipeline.drawing.noise import NoiseContract

__all__ = ["CombinedPart", "GoldenError", "GoldenMismatch", "GoldenSeeds", "SeedStanding", "Why"]

LARGEST_LATENT: Final = 2**26
"""Values of a latent, 256 MiB in float32: 64 channels at 1,024 x 1,024, of a picture of 8,192 x 8,192 pixels, are as many."""


class GoldenSeeds(Strict):
    """Seeds that were found good, with the reasons and the conditions: the content of a `golden.json`.

    Examples:
        >>> golden = GoldenSeeds.load("runs/demo/golden.json")
        >>> golden.check(pipe)  # GoldenMismatch, where they do not hold
        >>> len(golden.latents()) == len(golden.seeds)
        True
    """

    format: Literal["seedscope-golden/2"] = FORMAT
    seeds: list[Seed] = Field(
        description="best first, of the rule `pareto` the clearest first; none where no seed is better than chance"
    )
    why: Why
    conditions: Conditions
    noise: NoiseContract | None = Field(
        description="of the initial latents; null where the pipeline draws its noise itself, from the generators"
    )
    canary_pictures: Canary | None = Field(
        default=None, description="small pictures of the seeds; null: none were kept"
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if [standing.seed for standing in self.why.standings] != self.seeds:
            raise ValueError("seeds and why.standings name different seeds")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is named twice")
        if self.noise is not None and (values := math.prod(self.noise.shape)) > LARGEST_LATENT:
            raise ValueError(
                f"noise.shape is {self.noise.shape}: a latent of {values:,} values; {LARGEST_LATENT:,} is the most"
            )
        if self.canary_pictures is not None and self.canary_pictures.pictures.keys() != set(self.seeds):
            raise ValueError("seeds and canary_pictures name different seeds")
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a golden list.

        Raises:
            GoldenError: one sentence: the file is missing, not JSON, of another format, does not fit the format, or was
                edited since it was written. Lists of the first format may carry no digest, and are read as they are.
        """
        return read_list(Path(path), cls)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the list as indented JSON: the whole file or, if that fails, what was there before.

        Raises:
            GoldenError: there is no such folder.
            StorageError: the folder cannot be written, or is full.
        """
        write_list(path, self)

    def check(
        self,
        pipe: Pipeline,
        *,
        height: int | None = None,
        width: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        weights: dict[str, str] | None = None,
        dtype: torch.dtype | None = None,
        tensors: bool = True,
        **call: object,
    ) -> None:
        """Refuse a pipeline, or a way to call it, for which the list was not made. Draws noise and embeds a prompt, no more.

        What is loaded is compared with what drew the list's pictures, where the list says it: tensors, adapters, patches,
        tokenizers, and all settings. That takes about a second a GB of weights. Where no difference is found, one prompt
        of the list is embedded, by which a library is seen that makes other texts of prompts, or shifts the times otherwise.

        Args:
            pipe: a stock pipeline of a family that is known, ready to be called; it may be compiled.
            height, width: pixels of the call; None: the pipeline's own size.
            steps: of the call, also as `num_inference_steps`; None: not compared.
            guidance_scale: of the call; None: not compared, but where `num_inference_steps` is named and so the whole call is
                told. Scales that make the same pictures are the same, as those of 1 and less are of most pipelines.
            weights: sha256 of each file of weights; None, or none in the list: not compared.
            dtype: in which the network will run; None: the dtype of its weights.
            tensors: False: do not look at tensors and tokenizers, and embed nothing.
            call: any other argument of the call by the name that the pipeline has for it, such as `negative_prompt`,
                `clip_skip` or `eta`: those are refused that make other pictures. Where any argument is named, one that is
                not stands at the pipeline's default: so is missed a negative prompt with which the list was made. `latents` and
                `generator` must be those of golden seeds, in any order, and where the steps draw, both or generators alone.

        Raises:
            GoldenMismatch: with a sentence for each difference.
        """
        told = Call.of((height, width), dtype, steps, guidance_scale, call)
        self._refuse(differences(self.conditions, self.noise, self.seeds, pipe, told, weights, tensors=tensors), pipe)

    def _noise_reasons(self) -> list[str]:
        return [] if self.noise is None else self.noise.check()

    def _refuse(self, reasons: list[str], pipe: Pipeline) -> None:
        """Raise a GoldenMismatch where there are reasons; what only rounds otherwise, as another version of a library may, is
        told only then."""
        here = (version("torch"), version("diffusers"))
        then = here if self.noise is None else (self.noise.torch, self.noise.diffusers)
        notes = list(self.conditions.pipeline_notes(pipe))
        if then != here and not any("It was drawn with" in reason for reason in reasons):
            told = (
                f"The list was made with torch {then[0]} and diffusers {then[1]}, and here are {here[0]} and {here[1]}"
            )
            notes.append(f"{told}, which by itself is no reason.")
        if reasons:
            raise GoldenMismatch([*reasons, *notes])

    def call_kwargs(self, pipe: Pipeline) -> dict[str, Any]:
        """What a call says with which the seeds hold, beside prompt and noise: `pipe(prompt, **golden.call_kwargs(pipe))`.

        Args:
            pipe: as for `check`.

        Returns:
            Arguments of the call by name: steps, size, guidance, the negative prompt, and what else the study said.

        Raises:
            GoldenError: no stock call makes such pictures (a scale or a first step of the negative prompt's own, similarity
                guidance, a task, prompts in chunks or with weights, which `embeddings` reads): `draw` makes most of them.
        """
        return call_of(self.conditions, pipe)

    def latent(self, seed: int) -> torch.Tensor:
        """(C, h, w) float32, the initial latent of one seed of the list, as `latents` has it.

        Raises:
            GoldenError: the list has no such seed, or as for `latents`.
        """
        if seed not in self.seeds:
            raise GoldenError(f"Seed {seed} is not on the list, which has {', '.join(map(str, self.seeds)) or 'none'}.")
        return self.latents()[self.seeds.index(seed)]

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

    def draw(self, pipe: Pipeline, prompt: str, *, batch_size: int = 4) -> list[Image.Image]:
        """Draw a prompt with each golden seed as the run did, by the sampler of the project, in the order of `seeds`.

        It draws what a stock call draws too, and the guidance that none has (`negative_from`, `negative_scale`).

        Args:
            pipe: as for `check`, on its device.
            batch_size: pictures that are drawn at once; pixels shift slightly with it.

        Raises:
            GoldenError: the list is of a task that draws from more than a prompt, or of similarity guidance.
            GoldenMismatch: the pipeline is none for which the list was made.
        """
        if self.conditions.task is not None:
            raise GoldenError(
                f"The list is of the task {self.conditions.task!r}, which draws from more than a prompt; `seedscope run` "
                "draws it."
            )
        if self.conditions.similarity is not None:
            raise GoldenError(
                "The list was made with similarity guidance, towards what it does not hold; `seedscope run` draws it."
            )
        self._refuse([*self.conditions.pipeline_differences(pipe, None), *self._noise_reasons()], pipe)
        recipe = None if self.noise is None else self.noise.recipe
        pictures = drawn(pipe, prompt, self.seeds, self.conditions, recipe, batch_size)
        return [Image.fromarray(pixels) for pixels in pictures]

    def canary(self, pipe: Pipeline, *, most: int = 4, batch_size: int = 4) -> float:
        """Draw a prompt of the run with the first golden seeds, and compare with what the run drew.

        Args:
            pipe: as for `check`, on its device.
            most: of how many seeds.
            batch_size: pictures that are drawn at once.

        Returns:
            The largest difference of a picture: root mean square over 16 x 16 means of its pixels, of 255. Another batch,
            device or half precision makes less than 1, other weights tens.

        Raises:
            GoldenError: the list is empty, or keeps no such pictures.
            GoldenMismatch: a picture differs by more than the list's tolerance, or the noise does.
        """
        if not self.seeds:
            raise GoldenError(f"There are no golden seeds to draw. {self.why.sentence}")
        if self.canary_pictures is None:
            raise GoldenError(
                "The list keeps no pictures to compare with; `seedscope export` writes a list that does, of prompts alone."
            )
        self._refuse(self._noise_reasons(), pipe)
        kept, seeds = self.canary_pictures, self.seeds[:most]
        recipe = None if self.noise is None else self.noise.recipe
        pictures = drawn(pipe, kept.prompt, seeds, self.conditions, recipe, batch_size)
        differences = [kept.difference(seed, pixels) for seed, pixels in zip(seeds, pictures, strict=True)]
        worst = max(differences)
        if worst > kept.tolerance:
            seed = seeds[differences.index(worst)]
            self._refuse(
                [
                    f"The picture of seed {seed} for {kept.prompt!r} differs by {worst:.1f} of 255 from that of the run; up "
                    f"to {kept.tolerance:g} is rounding."
                ],
                pipe,
            )
        return worst

    def generators(self, *, after_latent: bool = False) -> list[torch.Generator]:
        """Make a CPU generator for each seed (none for an empty list), for `pipe(..., generator=golden.generators())`.

        Args:
            after_latent: in the state after the initial latent was drawn: for stochastic schedulers, when `latents` are
                passed as well. Fresh ones would draw the initial latent again as the noise of the first step.

        Raises:
            GoldenError: no generator draws the list's noise, such as that of an NVIDIA card; `after_latent` of a pipeline that
                draws its noise itself.
        """
        if self.noise is None and not after_latent:
            return [torch.Generator("cpu").manual_seed(seed) for seed in self.seeds]
        try:
            return generators_for(self._contract(), self.seeds, after_latent=after_latent)
        except ValueError as error:
            raise GoldenError(str(error)) from None

    def embeddings(self, pipe: Pipeline, prompt: str, *, rows: int | None = None) -> dict[str, torch.Tensor]:
        """Embed a prompt, and the list's negative prompt, as the run did: `pipe(**golden.embeddings(pipe, prompt), ...)`.

        Of lists with `long_prompts: chunks` or `weighted_prompts` a stock call reads texts otherwise.

        Args:
            pipe: as for `check`, on its device.
            rows: pictures that the call draws; None: one a seed.

        Returns:
            Arguments of the call by name, such as `prompt_embeds` (rows, L, D); those of the negative prompt where it acts.
        """
        return embeddings(self.conditions, pipe, prompt, len(self.seeds) if rows is None else rows)

    def _contract(self) -> NoiseContract:
        if self.noise is None:
            raise GoldenError(
                f"A {self.conditions.model.pipeline} draws its noise itself, so there are no latents to pass; call it once a "
                "seed, each time with a generator of `golden.generators()`."
            )
        return self.noise

    def latents(
        self, dtype: torch.dtype | Pipeline = torch.float32, device: str | torch.device | None = None
    ) -> torch.Tensor:
        """Draw the initial latents, for `pipe(..., latents=golden.latents(pipe))`.

        Args:
            dtype: the pipeline, whose dtype and device they get; or a dtype, which must be the pipeline's.
            device: None: the pipeline's, or the CPU.

        Returns:
            (k, C, h, w), in the order of `seeds`, N(0, 1): diffusers multiplies by `init_noise_sigma` itself. Drawn in
            float32 on the CPU, then cast and moved. Given a pipeline, in the form that its call takes, such as packed.

        Raises:
            GoldenError: the list is empty, of a pipeline that draws its noise itself, or of noise that is not known here.
        """
        if not self.seeds:
            raise GoldenError(f"There are no golden seeds to draw noise for. {self.why.sentence}")
        pipe = None if isinstance(dtype, torch.dtype) else dtype
        try:
            latents = latents_for(self._contract(), self.seeds, pipe, self.conditions.dtype)
        except ValueError as error:
            raise GoldenError(str(error)) from None
        wanted = dtype if isinstance(dtype, torch.dtype) else latents.dtype
        return latents.to(device=device or latents.device, dtype=wanted)

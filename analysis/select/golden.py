"""The golden list: the seeds, why these, the conditions under which they hold, and how their noise is drawn.

golden = GoldenSeeds.load("golden.json")
call = golden.call_kwargs(pipe)  # steps, size, guidance
golden.check(pipe, **call)  # or GoldenMismatch, with every reason
golden.canary(pipe)  # draws, and compares with what the run drew
pipe(["a red fox"] * len(golden.seeds), latents=golden.latents(pipe), **call)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch
from PIL import Image
from pydantic import Field, model_validator

from seedscope.analysis.select.call import call_of
from seedscope.analysis.select.canary import Canary
from seedscope.analysis.select.differences import Call, differences
from seedscope.analysis.select.drawn import drawn
from seedscope.analysis.select.golden_file import read_list, write_list
from seedscope.analysis.select.mismatch import GoldenError, GoldenMismatch
from seedscope.analysis.select.seeds_and_noise import SeedsAndNoise
from seedscope.analysis.select.stock_parts import Pipeline
from seedscope.analysis.select.texts import embeddings
from seedscope.analysis.select.why import CombinedPart, SeedStanding, Why

__all__ = ["CombinedPart", "GoldenError", "GoldenMismatch", "GoldenSeeds", "SeedStanding", "Why"]


class GoldenSeeds(SeedsAndNoise):
    """Seeds that were found good, with the reasons and the conditions: the content of a `golden.json`.

    Examples:
        >>> golden = GoldenSeeds.load("runs/demo/golden.json")
        >>> golden.check(pipe)  # GoldenMismatch, where they do not hold
        >>> len(golden.latents()) == len(golden.seeds)
        True
    """

    canary_pictures: Canary | None = Field(
        default=None, description="small pictures of the seeds; null: none were kept"
    )

    def __repr__(self) -> str:
        seeds = ", ".join(map(str, self.seeds)) or "none"
        of = f"{self.conditions.model.id}, {self.conditions.width} x {self.conditions.height}"
        return f"<GoldenSeeds {seeds}: of {self.why.ranked:,} by {self.why.measure}, for {of}>"

    __str__ = __repr__

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
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

    def call_kwargs(self, pipe: Pipeline, *, seeds: Sequence[int] | None = None) -> dict[str, Any]:
        """What a call says with which the seeds hold, beside the prompt: `pipe(prompt, **golden.call_kwargs(pipe, seeds=[7]))`.

        Args:
            pipe: as for `check`.
            seeds: of the list, a picture each, whose noise the call is given; None: no noise.

        Returns:
            Arguments of the call by name: steps, size, guidance, the negative prompt, and what else the study said. With
            seeds also their latents, as the call takes them, and, where the steps draw noise, the generators of it.

        Raises:
            GoldenError: the list has no such seed; no generator draws the noise of its steps; or no stock call makes such
                pictures (a scale or a first step of the negative prompt's own, similarity guidance, a task, prompts in chunks
                or with weights, which `embeddings` reads): `draw` makes most of them.
        """
        said = call_of(self.conditions, pipe)
        return said if seeds is None else said | self._noise_of_call(pipe, seeds)

    def draw(
        self, pipe: Pipeline, prompt: str, *, seeds: Sequence[int] | None = None, batch_size: int = 4
    ) -> list[Image.Image]:
        """Draw a prompt with golden seeds as the run did, by the sampler of the project: a picture a seed, in their order.

        It draws what a stock call draws too, and the guidance that none has (`negative_from`, `negative_scale`).

        Args:
            pipe: as for `check`, on its device. What is loaded is compared each time, which takes a second a GB.
            seeds: of the list; None: all.
            batch_size: pictures that are drawn at once; pixels shift slightly with it.

        Raises:
            GoldenError: the list has no such seed, is of a task that draws from more than a prompt, or of similarity guidance.
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
        pictures = drawn(pipe, prompt, self._some(seeds), self.conditions, recipe, batch_size)
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

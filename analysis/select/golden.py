"""The golden list: the seeds, why these, the conditions under which they hold, and how their noise is drawn.

golden = GoldenSeeds.load("golden.json")
golden.check(pipe, steps=20, guidance_scale=7.5)  # or GoldenMismatch, with every reason
pipe(["a red fox"] * len(golden.seeds), latents=golden.latents(), num_inference_steps=20, guidance_scale=7.5)
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import torch
from pydantic import Field, ValidationError, model_validator

from seedscope.analysis.select.conditions import Conditions, Pipeline, Strict, latent_shape, own_size
from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.given import read_json, regular

FORMAT: Final = "seedscope-golden/1"
LARGEST_LATENT: Final = 2**26
"""Values of a latent, 256 MiB in float32: 64 channels at 1,024 x 1,024, of a picture of 8,192 x 8,192 pixels, are as many."""
_LARGEST = 64 * 2**20

Seed = Annotated[int, Field(ge=0, le=noise.LARGEST_SEED)]


class GoldenError(UserError, ValueError):
    """A golden list cannot be read or written."""


class GoldenMismatch(UserError, ValueError):
    """A golden list does not hold for the pipeline it was checked against; `reasons` has a sentence for each cause.

    Example:
        >>> try:
        ...     golden.check(pipe, steps=50)
        ... except GoldenMismatch as mismatch:
        ...     print(mismatch.reasons[0])
        The number of steps is 50, but the list was made with 1.
    """

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("\n".join(["These golden seeds do not hold here:", *(f"- {reason}" for reason in reasons)]))


class SeedStanding(Strict):
    """Where one seed stands in the table from which it was chosen."""

    seed: Seed
    rank: int = Field(ge=1, description="1 is best")
    value: float = Field(description="of the measure")
    interval: tuple[float, float] | None = Field(description="low and high; null where it is not defined")
    n: int = Field(ge=1, description="pictures behind the value")
    others: dict[str, float | None] = Field(
        default={}, description="its value of each other measure by which seeds were chosen"
    )


class CombinedPart(Strict):
    """A measurement that goes into a combined score."""

    measure: str = Field(min_length=1)
    better: Literal["lower", "higher"]
    weight: float = Field(gt=0, le=1, description="its share; all of them add up to 1")
    mean: float = Field(description="of all pictures of the ranking prompts")
    sd: float = Field(gt=0, description="between pictures of one prompt, over the ranking prompts")


class Why(Strict):
    """By which rule these seeds were chosen, out of how many, and what that is worth."""

    rule: str = Field(min_length=1, description="name of the rule, such as `confirmed` or `pareto`")
    measure: str = Field(min_length=1, description="name of the measure, such as `fd_efficientnet_lite0`")
    better: Literal["lower", "higher"] = Field(description="which values of the measure are good")
    parts: list[CombinedPart] = Field(
        default=[],
        description="of the measure `combined`: it is the sum over these of weight x (value - mean) / sd, with the sign turned "
        "where lower is better",
    )
    k: int = Field(ge=1, description="seeds that were asked for; the list may be shorter")
    ranked: int = Field(ge=1, description="seeds in the table")
    coverage: float = Field(default=0.95, gt=0, lt=1, description="of the intervals")
    sentence: str = Field(min_length=1, description="what the choice does and does not show")
    standings: list[SeedStanding] = Field(description="one for each seed, in the order of the list")


class GoldenSeeds(Strict):
    """Seeds that were found good, with the reasons and the conditions: the content of a `golden.json`.

    Example:
        >>> golden = GoldenSeeds.load("runs/demo/golden.json")
        >>> golden.check(pipe)  # GoldenMismatch, where they do not hold
        >>> len(golden.latents()) == len(golden.seeds)
        True
    """

    format: Literal["seedscope-golden/1"] = FORMAT
    seeds: list[Seed] = Field(
        description="best first, of the rule `pareto` the clearest first; none where no seed is better than chance"
    )
    why: Why
    conditions: Conditions
    noise: NoiseContract

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if [standing.seed for standing in self.why.standings] != self.seeds:
            raise ValueError("seeds and why.standings name different seeds")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is named twice")
        if (values := math.prod(self.noise.shape)) > LARGEST_LATENT:
            raise ValueError(
                f"noise.shape is {self.noise.shape}: a latent of {values:,} values; {LARGEST_LATENT:,} is the most"
            )
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a golden list.

        Raises:
            GoldenError: one sentence: the file is missing, not JSON, of another format, or does not fit the format.
        """
        path = Path(path)
        try:
            content = read_json(regular(path, _LARGEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise GoldenError(f"{path}: there is no such file; `seedscope run` writes a golden.json.") from None
        except json.JSONDecodeError as error:
            raise GoldenError(f"{path}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}.") from None
        except (OSError, ValueError) as error:
            raise GoldenError(f"{path}: cannot be read as a golden list: {error}.") from None
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            what = (
                f"has the format {reprlib.repr(found)}"
                if found
                else "is JSON, but not a golden list (it names no format)"
            )
            raise GoldenError(f"{path}: {what}; this version of seedscope reads {FORMAT!r}.")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise GoldenError(f"{path}: not a valid golden list: {_sentence(error)}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the list as indented JSON: the whole file or, if that fails, what was there before.

        Raises:
            GoldenError: there is no such folder.
            StorageError: the folder cannot be written, or is full.
        """
        text = _numbers_in_one_line(self.model_dump_json(indent=2)) + "\n"
        try:
            with replacing(Path(path)) as scratch:
                scratch.write_text(text, encoding="utf-8")
        except OSError as error:
            raise GoldenError(f"{path}: the golden list cannot be written: {error.strerror or error}.") from None

    def check(
        self,
        pipe: Pipeline,
        *,
        height: int | None = None,
        width: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str | None = None,
        weights: dict[str, str] | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Refuse a pipeline, or a way to call it, for which the list was not made. Draws a few latents, runs nothing.

        Args:
            pipe: a stock StableDiffusionPipeline or StableDiffusionXLPipeline, ready to be called.
            height, width: pixels of the call; None: the pipeline's own size.
            steps, guidance_scale, negative_prompt: of the call; None: not compared.
            weights: sha256 of each file of weights; None, or none in the list: not compared.
            dtype: in which the network will run; None: the dtype of its weights.

        Raises:
            GoldenMismatch: with a sentence for each difference.
        """
        reasons = [*self.conditions.pipeline_differences(pipe, weights)]
        if "unet" in pipe.components:
            own_height, own_width = own_size(pipe)
            reasons += self.conditions.size_differences(pipe, height, width)
            shape = latent_shape(pipe, height or own_height, width or own_width)
            if shape != self.noise.shape:
                reasons.append(f"The latents have the shape {shape}, but the list was made for {self.noise.shape}.")
            reasons += self.conditions.call_differences(
                dtype or pipe.components["unet"].dtype,
                steps=steps,
                guidance_scale=guidance_scale,
                negative_prompt=negative_prompt,
            )
        reasons += self.noise.check()
        if reasons:
            raise GoldenMismatch(reasons)

    def generators(self, *, after_latent: bool = False) -> list[torch.Generator]:
        """Make a CPU generator for each seed (none for an empty list), for `pipe(..., generator=golden.generators())`.

        Args:
            after_latent: in the state after the initial latent was drawn: for stochastic schedulers, when `latents` are
                passed as well. Fresh ones would draw the initial latent again as the noise of the first step.
        """
        if after_latent:
            return [noise.generator(seed, self.noise.shape) for seed in self.seeds]
        return [torch.Generator("cpu").manual_seed(seed) for seed in self.seeds]

    def latents(self, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu") -> torch.Tensor:
        """Draw the initial latents, for `pipe(..., latents=golden.latents(pipe.dtype))`.

        Returns:
            (k, C, h, w), in the order of `seeds`, N(0, 1): diffusers multiplies by `init_noise_sigma` itself. Drawn in
            float32 on the CPU, then cast to `dtype`, which must be the pipeline's, and moved to `device`.

        Raises:
            GoldenError: the list is empty.
        """
        if not self.seeds:
            raise GoldenError(f"There are no golden seeds to draw noise for. {self.why.sentence}")
        drawn = torch.stack([noise.latent(seed, self.noise.shape) for seed in self.seeds])
        return drawn.to(device=device, dtype=dtype)


def _sentence(error: ValidationError) -> str:
    """Name the first mistake, and how many others there are."""
    first, *others = error.errors()
    place = ".".join(map(str, first["loc"])) or "the list"
    unknown = first["type"] == "extra_forbidden"
    message = "this key is unknown" if unknown else first["msg"].removeprefix("Value error, ")
    more = f" (and {len(others)} more)" if others else ""
    return f"{place}: {message[0].lower()}{message[1:]}{more}."


def _numbers_in_one_line(text: str) -> str:
    """Put lists of numbers on one line each. A line break never stands inside a JSON string, so no string changes."""
    return re.sub(r"\[\n([\s\d,.eE+-]+)\n\s*\]", lambda found: f"[{' '.join(found[1].split())}]", text)

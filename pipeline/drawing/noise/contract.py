"""The contract under which noise holds: how that of a list of seeds was drawn, and probes of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import version
from typing import Annotated, Final, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field

from seedscope.pipeline.drawing.noise.digest import digest, first, some
from seedscope.pipeline.drawing.noise.embedding_probe import EmbeddingProbe
from seedscope.pipeline.drawing.noise.half_precision import HalfPrecision, half_draws
from seedscope.pipeline.drawing.noise.recipe import Recipe
from seedscope.pipeline.study.noise import NoiseSource, Variation
from seedscope.pipeline.study.seeds import LARGEST_SEED

# The CPU's vector instructions move a value of torch.randn by up to 2e-6 (measured: ATEN_CPU_CAPABILITY=default
# against avx2, torch 2.14); noise of another seed, dtype or library differs by whole standard deviations.
ROUNDING = 1e-5

SOURCES: Final[dict[NoiseSource, str]] = {
    "cpu": "torch.randn((1, C, h, w), generator=torch.Generator('cpu').manual_seed(seed), dtype=torch.float32)",
    "nv": "Philox 4x32-10 of key seed and counters (0, 0, element, 0), Box-Muller's sine, in float64, rounded to float32",
}
"""The expression that draws noise, as contracts have it."""

Side = Annotated[int, Field(ge=1)]


class Probe(BaseModel):
    """What the latent of one seed looked like where a contract was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 of the float32 little-endian bytes")
    values: tuple[float, ...] = Field(min_length=1, description="some values, to tell rounding from other noise")

    @classmethod
    def of(cls, drawn: torch.Tensor) -> Self:
        """Probe a (C, h, w) float32 latent: its hash, and at most 8 evenly spaced values, from the first on."""
        return cls(digest=digest(drawn), values=tuple(some(drawn).tolist()))


class NoiseContract(BaseModel):
    """How the noise of a list of seeds was drawn, with a few probes by which to see that it is drawn so still."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[Side, Side, Side] = Field(description="of a latent, in the order of `layout`")
    layout: Literal["C,h,w", "h,w,C"] = "C,h,w"
    drawn_dtype: Literal["float32"] = "float32"
    source: str = Field(default=SOURCES["cpu"], description="the expression that draws a latent")
    resized_from: tuple[Side, Side, Side] | None = Field(
        default=None, description="shape of the noise that is put into the middle of that of the seed"
    )
    variation: Variation | None = Field(default=None, description="towards which other seed's noise it goes")
    form: str = Field(default="as drawn", description="in which a call of the pipeline takes it, such as `packed`")
    cast_to: str | None = Field(default=None, description="dtype in which the pipeline takes it; null: not recorded")
    half_draws: dict[HalfPrecision, bool] | None = Field(
        default=None,
        description="whether torch's own draws in a half precision were the rounded float32 ones; null: not recorded",
    )
    embedding: EmbeddingProbe | None = Field(default=None, description="what one prompt became; null: not recorded")
    shift: dict[str, float] | None = Field(
        default=None, description="of the scheduler's times at this size: `shift`, or the `mu` that it was told"
    )
    torch: str = Field(description="version of torch that drew the probes")
    diffusers: str = Field(description="version of diffusers beside it")
    probes: dict[Annotated[int, Field(ge=0, le=LARGEST_SEED)], Probe] = Field(min_length=1)

    @classmethod
    def of(
        cls,
        seeds: Iterable[int],
        how: Recipe | tuple[int, int, int],
        probes: int = 3,
        *,
        form: str = "as drawn",
        cast_to: str | None = None,
        embedding: EmbeddingProbe | None = None,
        shift: dict[str, float] | None = None,
    ) -> Self:
        """Make the contract for noise drawn here and now, probing the first `probes` of the seeds.

        Args:
            seeds: at least one seed, each 0 .. 2^63 - 1.
            how: the noise; or, of plain noise, its shape (C, h, w) in latent units.
            probes: how many seeds to probe, at least 1.
            form, cast_to: how the pipeline takes it.
            embedding, shift: what the pipeline does beside that, where it was looked at.

        Raises:
            ValueError: no seeds, no probes, a seed out of range, or a shape that is not three positive numbers.
        """
        recipe = how if isinstance(how, Recipe) else Recipe(how)
        probed = list(dict.fromkeys(seeds))[: max(probes, 0)]
        if not probed:
            raise ValueError("A noise contract needs at least one seed to probe.")
        return cls(
            shape=recipe.shape,
            layout="h,w,C" if recipe.channels_last else "C,h,w",
            source=SOURCES[recipe.source],
            resized_from=recipe.small,
            variation=recipe.variation,
            form=form,
            cast_to=cast_to,
            half_draws=half_draws(),
            embedding=embedding,
            shift=shift,
            torch=version("torch"),
            diffusers=version("diffusers"),
            probes={seed: Probe.of(recipe.latent(seed)) for seed in probed},
        )

    @property
    def drawn_by(self) -> tuple[object, ...]:
        """What the noise of a seed depends on: contracts that agree in it draw the same."""
        return self.source, self.shape, self.layout, self.resized_from, self.variation

    @property
    def recipe(self) -> Recipe:
        """The noise, as it can be drawn again.

        Raises:
            ValueError: it was drawn by an expression that is not known here.
        """
        known = [source for source, expression in SOURCES.items() if expression == self.source]
        if not known:
            raise ValueError(self._unknown_source())
        return Recipe(self.shape, known[0], self.resized_from, self.variation, self.layout == "h,w,C")

    def _unknown_source(self) -> str:
        here = ", or by ".join(SOURCES.values())
        return f"The noise was drawn by {self.source}, but this version of seedscope draws it by {here}."

    def check(self, *, exact: bool = False) -> list[str]:
        """Draw the probes again and say, in full sentences, why noise drawn here differs; [] if it agrees.

        Args:
            exact: also report values that differ only by the rounding of another processor's instructions (up to 1e-5
                of a standard deviation, invisible in a picture), as byte-for-byte reproduction needs.
        """
        if self.source not in SOURCES.values():
            return [self._unknown_source()]
        recipe = self.recipe
        reasons = (_difference(seed, probe, recipe.latent(seed)) for seed, probe in self.probes.items())
        then = f"torch {self.torch} and diffusers {self.diffusers}"
        here = f"torch {version('torch')} and diffusers {version('diffusers')} on {sys.platform}"
        return [
            f"{reason} It was drawn with {then}; here are {here}."
            for reason, is_rounding in filter(None, reasons)
            if exact or not is_rounding
        ]


def _difference(seed: int, probe: Probe, drawn: torch.Tensor) -> tuple[str, bool] | None:
    """Compare a probe with the same seed drawn anew: a sentence and whether it is mere rounding; None if equal."""
    if digest(drawn) == probe.digest:
        return None
    now = some(drawn).double()
    then = torch.tensor(probe.values, dtype=torch.float64, device="cpu")
    if now.shape == then.shape and bool((now - then).abs().max() <= ROUNDING):
        return f"The noise of seed {seed} agrees only up to rounding (within {ROUNDING:g}), not bit for bit.", True
    return f"The noise of seed {seed} is other noise: it starts with {first(now)}, not {first(then)}.", False

"""From a seed to its noise: the initial latent, the generator behind it, and the contract under which both hold.

Source: diffusers, `utils/torch_utils.py::randn_tensor` with a list of CPU generators, called by every pipeline's
`prepare_latents`: sample i of a batch is `torch.randn((1, C, h, w), generator=generators[i], dtype=...)`.
Deviation: always drawn in float32 on the CPU, whatever the model's dtype and device, and cast afterwards. CUDA's values
differ between models of GPU, and bfloat16 and float64 draws of one seed are other pictures.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from importlib.metadata import version
from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field

from seedscope.pipeline.study.schema import LARGEST_SEED

# The CPU's vector instructions move a value of torch.randn by up to 2e-6 (measured: ATEN_CPU_CAPABILITY=default
# against avx2, torch 2.14); noise of another seed, dtype or library differs by whole standard deviations.
ROUNDING = 1e-5

_SOURCE = "torch.randn((1, C, h, w), generator=torch.Generator('cpu').manual_seed(seed), dtype=torch.float32)"


def latent(seed: int, shape: tuple[int, int, int]) -> torch.Tensor:
    """Draw the initial latent of a seed: what a stock diffusers pipeline starts from for a CPU generator of that seed.

    It depends on the seed and the shape alone: not on batch, order, worker, device or torch's global random state.
    torch's CPU generator reads only the low 32 bits of a seed, so seeds that agree in those have the same latent.

    Args:
        seed: 0 .. 2^63 - 1.
        shape: (C, h, w) in latent units, for a Stable Diffusion model (4, height / 8, width / 8).

    Returns:
        (C, h, w) float32 on the CPU, N(0, 1): not yet multiplied by the scheduler's `init_noise_sigma`.

    Raises:
        ValueError: the seed is outside 0 .. 2^63 - 1, or the shape is not three positive numbers.
    """
    return _draw(seed, shape)[0]


def generator(seed: int, shape: tuple[int, int, int]) -> torch.Generator:
    """Return the CPU generator of a seed as diffusers leaves it after drawing the initial latent.

    Stochastic schedulers (DDPM, ancestral samplers, DDIM with eta > 0) draw the noise of their later steps from it.

    Args:
        seed: 0 .. 2^63 - 1.
        shape: (C, h, w) of the initial latent, in latent units.

    Raises:
        ValueError: as for `latent`.
    """
    return _draw(seed, shape)[1]


def digest(latent: torch.Tensor) -> str:
    """Hash a latent: the sha256, in hex, of its values as contiguous little-endian float32 (shape not included).

    Raises:
        ValueError: the latent is not float32; a cast has lost the digits that the hash tells apart.
    """
    if latent.dtype != torch.float32:
        raise ValueError(f"A latent is hashed in torch.float32, not {latent.dtype}: hash it before it is cast.")
    values = latent.detach().cpu().contiguous().numpy()
    return hashlib.sha256(values.astype("<f4", copy=False).tobytes()).hexdigest()


class Probe(BaseModel):
    """What the latent of one seed looked like where a contract was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 of the float32 little-endian bytes")
    values: tuple[float, ...] = Field(min_length=1, description="some values, to tell rounding from other noise")

    @classmethod
    def of(cls, drawn: torch.Tensor) -> Self:
        """Probe a (C, h, w) float32 latent: its hash, and at most 8 evenly spaced values, from the first on."""
        return cls(digest=digest(drawn), values=tuple(_some(drawn).tolist()))


class NoiseContract(BaseModel):
    """How the noise of a list of seeds was drawn, with a few probes by which to see that it is drawn so still."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        description="(C, h, w) of a latent"
    )
    drawn_dtype: Literal["float32"] = "float32"
    source: str = Field(default=_SOURCE, description="the expression that draws a latent")
    torch: str = Field(description="version of torch that drew the probes")
    diffusers: str = Field(description="version of diffusers beside it")
    probes: dict[Annotated[int, Field(ge=0, le=LARGEST_SEED)], Probe] = Field(min_length=1)

    @classmethod
    def of(cls, seeds: Iterable[int], shape: tuple[int, int, int], probes: int = 3) -> Self:
        """Make the contract for noise drawn here and now, probing the first `probes` of the seeds.

        Args:
            seeds: at least one seed, each 0 .. 2^63 - 1.
            shape: (C, h, w) in latent units.
            probes: how many seeds to probe, at least 1.

        Raises:
            ValueError: no seeds, no probes, a seed out of range, or a shape that is not three positive numbers.
        """
        probed = list(dict.fromkeys(seeds))[: max(probes, 0)]
        if not probed:
            raise ValueError("A noise contract needs at least one seed to probe.")
        return cls(
            shape=shape,
            torch=version("torch"),
            diffusers=version("diffusers"),
            probes={seed: Probe.of(latent(seed, shape)) for seed in probed},
        )

    def check(self, *, exact: bool = False) -> list[str]:
        """Draw the probes again and say, in full sentences, why noise drawn here differs; [] if it agrees.

        Args:
            exact: also report values that differ only by the rounding of another processor's instructions (up to 1e-5
                of a standard deviation, invisible in a picture), as byte-for-byte reproduction needs.
        """
        if self.source != _SOURCE:
            return [f"The noise was drawn by {self.source}, but this version of seedscope draws it by {_SOURCE}."]
        reasons = (_difference(seed, probe, latent(seed, self.shape)) for seed, probe in self.probes.items())
        then = f"torch {self.torch} and diffusers {self.diffusers}"
        here = f"torch {version('torch')} and diffusers {version('diffusers')} on {sys.platform}"
        return [
            f"{reason} It was drawn with {then}; here are {here}."
            for reason, is_rounding in filter(None, reasons)
            if exact or not is_rounding
        ]


def _draw(seed: int, shape: tuple[int, int, int]) -> tuple[torch.Tensor, torch.Generator]:
    """Draw a (C, h, w) float32 latent and return it with the generator that drew it."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"A seed lies between 0 and 2^63 - 1 (= {LARGEST_SEED}), but this one is {seed}.")
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"A latent has the shape (channels, height, width), each at least 1, not {tuple(shape)}.")
    drawing = torch.Generator("cpu").manual_seed(seed)
    # device= is spelt out so that torch.set_default_device("cuda") in the caller's code changes nothing.
    return torch.randn((1, *shape), generator=drawing, dtype=torch.float32, device="cpu")[0], drawing


def _difference(seed: int, probe: Probe, drawn: torch.Tensor) -> tuple[str, bool] | None:
    """Compare a probe with the same seed drawn anew: a sentence and whether it is mere rounding; None if equal."""
    if digest(drawn) == probe.digest:
        return None
    now = _some(drawn).double()
    then = torch.tensor(probe.values, dtype=torch.float64, device="cpu")
    if now.shape == then.shape and bool((now - then).abs().max() <= ROUNDING):
        return f"The noise of seed {seed} agrees only up to rounding (within {ROUNDING:g}), not bit for bit.", True
    return f"The noise of seed {seed} is other noise: it starts with {_first(now)}, not {_first(then)}.", False


def _some(drawn: torch.Tensor) -> torch.Tensor:
    """Take at most 8 evenly spaced values of a latent, starting with its first."""
    values = drawn.flatten()
    return values[:: max(1, len(values) // 8)][:8]


def _first(values: torch.Tensor) -> str:
    return ", ".join(f"{value:.4f}" for value in values[:3].tolist())

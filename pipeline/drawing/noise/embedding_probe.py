"""What a pipeline makes of one prompt: a digest and a few values of each tensor, by which another text behind it is seen.

A library that puts a hidden instruction in front of every prompt, or pads and cuts it in another way, draws other pictures from
the same noise, with the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field

from seedscope.pipeline.drawing.noise.digest import digest, first, some

VALUES = 32
LOOSEST = 0.1
"""Of the root mean square: another GPU, or half precision on the CPU, moves an embedding by a hundredth; another text by 1."""


class TensorProbe(BaseModel):
    """One tensor of an embedding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, ...]
    digest: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 of the values as float32, little-endian")
    values: tuple[float, ...] = Field(description="some values, to tell rounding from another text")

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Self:
        """Probe a tensor of any dtype: its hash, and at most 32 evenly spaced values, from the first on."""
        wide = tensor.detach().float().cpu()
        return cls(shape=tuple(tensor.shape), digest=digest(wide), values=tuple(some(wide, VALUES).tolist()))

    def other(self, here: TensorProbe) -> str | None:
        """How another tensor differs by more than rounding, as the end of a sentence; None where it does not."""
        if self.digest == here.digest:
            return None
        if self.shape != here.shape:
            return f"has the shape {here.shape}, not {self.shape}"
        then, now = torch.tensor(self.values).double(), torch.tensor(here.values).double()
        apart = float((now - then).square().mean().sqrt())
        if apart <= LOOSEST * float(then.square().mean().sqrt()):
            return None
        return f"starts with {first(now)}, not {first(then)}"


class EmbeddingProbe(BaseModel):
    """What a prompt became, by the names that the network, or the pipeline's call, has for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    tensors: dict[str, TensorProbe] = Field(min_length=1)

    @classmethod
    def of(cls, prompt: str, embedding: Mapping[str, torch.Tensor]) -> Self:
        """Probe the embedding of one prompt."""
        return cls(prompt=prompt, tensors={name: TensorProbe.of(tensor) for name, tensor in embedding.items()})

    def differences(self, here: EmbeddingProbe) -> Iterator[str]:
        """Yield a sentence for each tensor that is another text's, not a rounded one."""
        for name in sorted(self.tensors.keys() | here.tensors.keys()):
            then, now = self.tensors.get(name), here.tensors.get(name)
            if then is None or now is None:
                how = "was not there" if then is None else "is missing"
            elif (found := then.other(now)) is None:
                continue
            else:
                how = found
            yield (
                f"The prompt {self.prompt!r} becomes something else here, with the same text encoders: {name} {how}. Libraries "
                "differ in what they put around a prompt, and in how they pad and cut it."
            )

"""What a pipeline does with a prompt and a size before it draws: of what golden pictures depend on, what no weights tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from seedscope.analysis.select.stock_parts import network_of
from seedscope.pipeline.drawing.noise.embedding_probe import EmbeddingProbe
from seedscope.pipeline.models.base import Text
from seedscope.pipeline.models.shift import time_shift
from seedscope.pipeline.models.stock import StockPipeline

if TYPE_CHECKING:
    from seedscope.pipeline.drawing.noise import NoiseContract
    from seedscope.pipeline.models.base import Drawer
    from seedscope.pipeline.study.schema import Sampling

Pipeline: TypeAlias = Any


@dataclass(frozen=True)
class Told:
    """embedding: of one prompt. shift: of the scheduler's times. cast_to: dtype in which a call takes the noise."""

    embedding: EmbeddingProbe
    shift: dict[str, float]
    cast_to: str


@torch.no_grad()
def told(model: Drawer, pipe: Pipeline, prompt: str, sampling: Sampling, shape: tuple[int, int, int]) -> Told:
    """Embed a prompt by the pipeline's own text encoders, and call it up to where its scheduler is told the times.

    Args:
        sampling: with the size of the pictures.
        shape: in which their noise is drawn.
    """
    (embedding,) = model.embed([Text(prompt)])
    noise = torch.zeros((1, *shape))
    shift = time_shift(model, noise, embedding, (sampling.height or 0, sampling.width or 0))
    dtype = network_of(pipe).dtype
    if isinstance(model, StockPipeline):
        dtype = model.family.latents_dtype(pipe, [embedding])
    return Told(EmbeddingProbe.of(prompt, embedding), shift, str(dtype).removeprefix("torch."))


def told_differences(contract: NoiseContract, here: Told) -> Iterator[str]:
    """Yield a sentence for each thing that the pipeline does otherwise than the one of the contract."""
    if contract.embedding is not None:
        yield from contract.embedding.differences(here.embedding)
    for name, then in (contract.shift or {}).items():
        now = here.shift.get(name)
        if now is None or not isclose(now, then, rel_tol=1e-6, abs_tol=1e-9):
            yield f"The scheduler's times would be shifted by {name} = {now}, but the list was made with {then}."

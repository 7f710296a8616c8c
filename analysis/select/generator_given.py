"""Whether a generator that a call is given draws the noise of a golden list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.drawing.noise.half_precision import half_draws


def generator_differences(contract: NoiseContract, dtype: torch.dtype, call: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence where a call that is given a generator, and no latents, would begin from other noise.

    Args:
        dtype: in which the network runs, and the pipeline draws.
    """
    if call.get("generator") is None or call.get("latents") is not None:
        return
    drawn_in = str(dtype).removeprefix("torch.")
    if not contract.recipe.plain:
        yield "The list's noise is none that a generator draws; give the call `latents=golden.latents(pipe)`."
    elif any(kind == drawn_in and not same for kind, same in half_draws().items()):
        yield (
            f"torch {torch.__version__} draws other noise in {drawn_in} than in float32; give the call "
            "`latents=golden.latents(pipe)`."
        )

"""What is watched while a stock pipeline draws: noise that is not the seeds', and the memory of the decoder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.device import gpu_memory_ran_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch


@contextmanager
def only_the_seeds_noise(kind: str) -> Iterator[None]:
    """Refuse a call that draws from torch's global random state, of the CPU or of a GPU.

    Raises:
        ModelError: it did.
    """
    import torch

    def states() -> list[torch.Tensor]:
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return [torch.random.get_rng_state(), *gpus]

    before = states()
    yield
    if any(not torch.equal(one, other) for one, other in zip(before, states(), strict=False)):
        raise ModelError(
            f"sampling: {kind} drew noise that does not come from the seed, so that the same seed would be another picture "
            "each time. Choose a scheduler that draws no noise between its steps."
        )


@contextmanager
def decoding_in_pieces(pipe: Any) -> Iterator[None]:
    """While it lasts, a decoder that finds no memory on a GPU decodes half as much at once: steps are not made again for it."""
    import torch

    vae = getattr(pipe, "vae", None)
    if vae is None:
        yield
        return
    whole = vae.decode

    def decode(latents: torch.Tensor, *args: Any, **options: Any) -> Any:
        try:
            return whole(latents.to(vae.dtype), *args, **options)  # it may be in another dtype than the network
        except Exception as error:
            if len(latents) == 1 or not gpu_memory_ran_out(error):
                raise
        halves = [decode(half, *args, **options) for half in torch.split(latents, (len(latents) + 1) // 2)]
        if isinstance(halves[0], tuple):
            return (torch.cat([half[0] for half in halves]),)
        return type(halves[0])(sample=torch.cat([half.sample for half in halves]))

    vae.decode = decode
    try:
        yield
    finally:
        del vae.decode

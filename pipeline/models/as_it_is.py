"""A stock pipeline of which nothing is known but how it is called: with a prompt as it is written, and a generator.

Each picture is a call of its own, so that it hangs on no other: it is what a user's own call with that prompt and
`torch.Generator().manual_seed(seed)` gives. The noise is the pipeline's: what it drew from the generator is watched and told.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Drawer, Embedding, Text
from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.models.device import memory_ran_out
from seedscope.pipeline.models.stock_arguments import FRAMES
from seedscope.pipeline.models.watched_call import only_the_seeds_noise
from seedscope.pipeline.models.watched_noise import Draw, WatchedNoise
from seedscope.pipeline.study.schema import Json, Sampling

PICTURES = ("images", "image", "frames")
"""What outputs call their pictures."""


class CalledAsItIs(Drawer):
    """A loaded stock pipeline of any class.

    Args:
        unpromised: sentences on what does not hold of its noise, for the receipts.
    """

    def __init__(self, pipe: Any, device: str, sampling: Sampling, unpromised: Sequence[str]) -> None:
        self.pipe, self.device, self.sampling, self._unpromised = pipe, device, sampling, list(unpromised)
        self._parameters = inspect.signature(type(pipe).__call__).parameters
        self._noise: dict[int, dict[str, list[Draw]]] = {}
        pipe.set_progress_bar_config(disable=True)

    def embed(self, texts: Sequence[Text]) -> list[Embedding]:
        """Nothing: the call embeds its prompt itself."""
        return [{} for _ in texts]

    def tokens_cut(self, text: str) -> int:
        tokenizer = self.pipe.components.get("tokenizer")
        if not hasattr(tokenizer, "model_max_length"):
            return 0
        own = self._parameters.get("max_sequence_length")
        usual = own.default if own is not None and isinstance(own.default, int) else tokenizer.model_max_length
        said = self.sampling.call.get("max_sequence_length")
        longest = said if isinstance(said, int) else int(usual)
        return max(0, len(tokenizer(text, truncation=False, verbose=False).input_ids) - longest)

    def draw(self, cells: Sequence[tuple[str, int]], size: tuple[int, int]) -> torch.Tensor:
        """Draw cells, a call each.

        Args:
            cells: B prompts, each with its seed.
            size: (height, width) of the pictures, pixels.

        Returns:
            (B, 3, H, W) float32 in -1 .. 1, on the CPU.

        Raises:
            ModelError: the call failed, drew noise that does not come from the seed, or gave no picture of that size.
        """
        return torch.stack([self._picture(prompt, seed, size) for prompt, seed in cells])

    def _picture(self, prompt: str, seed: int, size: tuple[int, int]) -> torch.Tensor:
        generator = torch.Generator("cpu").manual_seed(seed)
        watch, kind = WatchedNoise(generator), type(self.pipe).__name__
        try:
            with only_the_seeds_noise(kind), watch:
                output = self.pipe(prompt=prompt, generator=generator, **self._arguments(size))
        except MALFORMED as error:
            if isinstance(error, ModelError) or memory_ran_out(error):
                raise
            reason = " ".join(str(error).split()).rstrip(".")
            raise ModelError(f"model: the call of {kind} failed: {reason}{self._hint()}") from error
        if not watch.draws:
            raise ModelError(
                f"model: {kind} drew nothing from its generator, so that a seed decides nothing. Choose another."
            )
        self._noise.setdefault(seed, {})[_digest(watch.draws)] = watch.draws
        return _only_picture(output, kind, size)

    def _hint(self) -> str:
        dtype = str(self.pipe.dtype).removeprefix("torch.")
        return (
            ""
            if dtype == "float32"
            else f". It was called in {dtype}; perhaps it draws with `compute: {{dtype: float32}}`."
        )

    def _arguments(self, size: tuple[int, int]) -> dict[str, Any]:
        sampling, guidance = self.sampling, self.sampling.guidance
        usual = {
            "height": size[0],
            "width": size[1],
            "num_inference_steps": sampling.steps,
            "guidance_scale": guidance.scale,
            "output_type": "np",
            **dict.fromkeys(FRAMES, 1),
        }
        negative = {"negative_prompt": guidance.negative_prompt} if guidance.negative_prompt else {}
        return (
            {name: value for name, value in usual.items() if name in self._parameters} | negative | sampling.arguments
        )

    def told(self) -> dict[str, Json]:
        """How noise was asked for since this was last called, and a sha256 over all that each seed's generator gave.

        A seed has several where what it drew differed between prompts.
        """
        told, self._noise = self._noise, {}
        asked: list[Json] = []
        for draws in (draws for by_digest in told.values() for draws in by_digest.values()):
            if (one := _requests(draws)) not in asked:
                asked.append(one)
        seeds: dict[str, Json] = {str(seed): list(by_digest) for seed, by_digest in told.items()}
        return {"noise": {"asked": asked, "sha256": seeds, "not_promised": list(self._unpromised)}}


def _digest(draws: Sequence[Draw]) -> str:
    return hashlib.sha256("\n".join(draw.sha256 for draw in draws).encode()).hexdigest()


def _requests(draws: Sequence[Draw]) -> list[Json]:
    """Draws in order, those alike that follow each other as one."""
    runs = groupby((draw.by, draw.shape, draw.dtype) for draw in draws)
    return [
        {"by": by, "shape": list(shape), "dtype": dtype, "times": len(list(run))} for (by, shape, dtype), run in runs
    ]


def _only_picture(output: Any, kind: str, size: tuple[int, int]) -> torch.Tensor:
    """The one picture of an output, (3, H, W) in -1 .. 1, its values rounded to the levels of 255 as they will be kept.

    Raises:
        ModelError: there is none, there are several, or it is of another size.
    """
    found = output if isinstance(output, Mapping) else {}
    pictures = next((found[name] for name in PICTURES if found.get(name) is not None), None)
    if pictures is None:
        raise ModelError(
            f"model: {kind} gives no pictures. Choose a class of diffusers that draws pictures from prompts."
        )
    values = np.asarray(pictures)
    values = values.reshape(-1, *values.shape[-3:])
    if values.shape != (1, *size, 3):
        count, height, width, channels = values.shape
        raise ModelError(
            f"sampling: {kind} gave {count} x {channels} channels of {width} x {height} pixels (width x height), where one "
            f"colour picture of {size[1]} x {size[0]} was asked for. Say a size that it makes."
        )
    # In the dtype of the output, as diffusers rounds it.
    levels = (values[0] * 255).round().astype(np.float32)
    return torch.from_numpy(levels / 255).permute(2, 0, 1) * 2 - 1

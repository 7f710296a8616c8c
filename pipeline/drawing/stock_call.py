"""A batch by a call of the stock pipeline; and, whichever way a model draws, which branches of the guidance it runs on what."""

from collections.abc import Mapping, Sequence

import torch

from seedscope.pipeline.drawing.guidance import Branch, branches
from seedscope.pipeline.models.base import Denoiser, Drawer, Embedding, Text
from seedscope.pipeline.models.stock import StockPipeline
from seedscope.pipeline.study.schema import Guidance, Sampling


def branches_of(model: Drawer, sampling: Sampling) -> set[Branch]:
    """The branches that run at some step."""
    guidance = sampling.guidance
    if isinstance(model, Denoiser):
        return branches(guidance, sampling.steps, told=model.told_guidance)
    other: Branch = "negative" if guidance.negative_prompt else "empty"
    return {"positive", other} if isinstance(model, StockPipeline) and model.negative else {"positive"}


def text_of(branch: Branch, prompt: str, guidance: Guidance) -> Text:
    """What a branch of the guidance is given of a prompt."""
    if branch == "positive":
        return Text(prompt)
    return Text(guidance.negative_prompt if branch == "negative" else "", negative=True)


def call_whole(
    model: Drawer,
    noise: torch.Tensor,
    generators: list[torch.Generator],
    texts: Mapping[Branch, Sequence[Embedding]],
    size: tuple[int, int],
) -> torch.Tensor:
    """Pictures (B, 3, H, W) float32, -1 .. 1, of B cells; arguments as of `sample`."""
    if not isinstance(model, StockPipeline):
        raise TypeError(f"{type(model).__name__} is neither a Denoiser nor a StockPipeline")
    negative = next((texts[branch] for branch in texts if branch != "positive"), None)
    return model.draw(noise, generators, texts["positive"], negative, size)

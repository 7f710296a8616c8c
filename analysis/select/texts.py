"""Texts as the run of a golden list read them, in chunks, with weights, or as a stock call does; and calls that do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch

from seedscope.analysis.select.call import TEXT_TENSORS
from seedscope.analysis.select.drawn import as_drawer, sampling_of
from seedscope.pipeline.drawing.noise.embedding_probe import TensorProbe
from seedscope.pipeline.drawing.stock_call import branches_of, text_of
from seedscope.pipeline.models.base import Text
from seedscope.pipeline.models.long_texts import count_pieces, fragments
from seedscope.pipeline.models.stock import StockPipeline

if TYPE_CHECKING:
    from seedscope.analysis.select.conditions import Conditions
    from seedscope.pipeline.models.base import Drawer, Embedding

Pipeline: TypeAlias = Any
_NAMES: Final = {"states": "prompt_embeds", "pooled": "pooled_prompt_embeds"}
"""Of the project's own steps -> of a stock call."""


@torch.no_grad()
def embeddings(conditions: Conditions, pipe: Pipeline, prompt: str, rows: int) -> dict[str, torch.Tensor]:
    """The arguments by which a stock call is given a prompt, and the list's negative prompt, as the run read them.

    Args:
        rows: of each tensor: how many pictures are drawn by the call.
    """
    sampling = sampling_of(conditions)
    with as_drawer(pipe, sampling) as model:
        found = sorted(branches_of(model, sampling), key=lambda branch: branch != "positive")
        texts = model.embed([text_of(branch, prompt, sampling.guidance) for branch in found])
        longest = max(_length(text) for text in texts)
        made = [_as_arguments(model, text, rows, longest) for text in texts]
    negative = {f"negative_{name}": value for name, value in made[1].items()} if len(made) > 1 else {}
    return made[0] | negative


def _length(text: Embedding) -> int:
    return int(text["states"].shape[1]) if "states" in text else 0


def _as_arguments(model: Drawer, text: Embedding, rows: int, length: int) -> dict[str, torch.Tensor]:
    if isinstance(model, StockPipeline):
        return model.family.collate([text] * rows)
    longer = {**text, "states": _lengthened(text, length)}
    return {
        named: longer[name].expand(rows, *longer[name].shape[1:]) for name, named in _NAMES.items() if name in longer
    }


def _lengthened(text: Embedding, length: int) -> torch.Tensor:
    """(1, L, D) states, with what stands for nothing behind them, where a longer text is drawn with them."""
    states = text["states"]
    lacking = max(0, length - states.shape[1])
    return (
        states
        if lacking == 0
        else torch.cat([states, *[text["padding"]] * (lacking // text["padding"].shape[1])], dim=1)
    )


def read_otherwise(conditions: Conditions, pipe: Pipeline, call: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence for each text of a call that a stock pipeline reads otherwise than the run did."""
    remedy = "give the call `**golden.embeddings(pipe, prompt)` in place of texts"
    for name in ("prompt", "negative_prompt"):
        given: Any = call.get(name)
        for text in dict.fromkeys(given if isinstance(given, list | tuple) else [given]):
            if not isinstance(text, str):
                continue
            if conditions.weighted_prompts and fragments(text) != [(text, 1.0)]:
                yield f"The {name} {_short(text)} has weights, which a stock call reads as words; {remedy}."
            elif conditions.long_prompts == "chunks" and count_pieces(pipe, text) > 1:
                yield (
                    f"The {name} {_short(text)} is longer than a stock call reads, and the list was made with long_prompts = "
                    f"'chunks'; {remedy}."
                )


@torch.no_grad()
def negative_differences(conditions: Conditions, pipe: Pipeline, call: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence for each tensor that a call is given for the negative prompt, and that is another text's.

    Without guidance none is compared: it has no effect.
    """
    given: dict[str, Any] = {
        name.removeprefix("negative_"): value
        for name, value in call.items()
        if name.startswith("negative_") and TEXT_TENSORS.match(name) and isinstance(value, torch.Tensor)
    }
    sampling = sampling_of(conditions)
    if not given:
        return
    with as_drawer(pipe, sampling) as model:
        if branches_of(model, sampling) == {"positive"}:
            return
        (text,) = model.embed([Text(conditions.negative_prompt, negative=True)])
        longest = max(_length({"states": value}) if value.ndim > 2 else 0 for value in given.values())
        then = _as_arguments(model, text, 1, longest)
    for name, value in given.items():
        if name not in then:
            continue
        for row in value.to(then[name].device).split(then[name].shape[0]):
            if other := TensorProbe.of(then[name]).other(TensorProbe.of(row)):
                what = f"of the list's negative prompt, {conditions.negative_prompt!r}"
                yield f"The call's negative_{name} is not that {what}, as the run read it: it {other}."
                break


def _short(text: str) -> str:
    return repr(text if len(text) < 40 else f"{text[:40]}...")

"""The conditions under which seeds were measured, and the ways in which a pipeline may differ from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import torch
from pydantic import Field, JsonValue

from seedscope.analysis.select.attention import attention_differences, attention_notes
from seedscope.analysis.select.component import Component, dtype_name
from seedscope.analysis.select.model import Model, Named, Sha256, model_of
from seedscope.analysis.select.own_code import replaced_methods, replaced_on
from seedscope.analysis.select.scheduler import scheduler_differences, settings_differences
from seedscope.analysis.select.stock_parts import Pipeline, denoisers_of, network_of, own_size, settings_of
from seedscope.analysis.select.strict import Strict

_NO_PICTURE = {
    "__init__",
    "encode_prompt",
    "progress_bar",
    "set_progress_bar_config",
    "check_inputs",
    "run_safety_checker",
    "to",
    "maybe_free_model_hooks",
    "save_pretrained",
}
"""Methods of a pipeline that shape no picture, or are compared by what they make: its parts, and a prompt's embedding."""


class Prompts(Strict):
    """The prompts on which the seeds were measured."""

    count: int = Field(ge=1)
    sha256: Sha256 = Field(description="of the source")


class Conditions(Strict):
    """What was drawn, with which model, how. Height and width in pixels."""

    model: Model
    scheduler: Component
    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    negative_prompt: str = ""
    negative_scale: float | None = Field(default=None, description="null: the negative prompt acts as in diffusers")
    negative_from: int = Field(default=0, ge=0, description="first step at which the negative prompt acts")
    empty: Literal["none", "text"] = Field(default="none", description="whether no negative prompt was None or ''")
    similarity: dict[str, JsonValue] | None = Field(
        default=None, description="towards what else pictures were drawn, and how far"
    )
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    dtype: str = Field(pattern="^(float32|float16|bfloat16)$", description="of the denoising network")
    call: dict[str, JsonValue] = Field(default={}, description="further arguments of the call")
    long_prompts: Literal["cut", "chunks"] = Field(default="cut", description="what became of prompts beyond 77 tokens")
    weighted_prompts: bool = Field(default=False, description="whether `(red:1.4)` in a prompt was a weight")
    attention: str | None = Field(
        default=None, description="backend of diffusers for the network's attention; null: not recorded, or torch alone"
    )
    prompts: Prompts
    task: str | None = Field(
        default=None, description="what no stock call draws, by its name; null: prompts from noise"
    )

    @classmethod
    def of(
        cls,
        pipe: Pipeline,
        *,
        id: str,
        family: str,
        steps: int,
        guidance_scale: float,
        prompts: Prompts,
        revision: str | None = None,
        weights: dict[str, str] | None = None,
        negative_prompt: str = "",
        negative_scale: float | None = None,
        negative_from: int = 0,
        similarity: dict[str, JsonValue] | None = None,
        height: int | None = None,
        width: int | None = None,
        dtype: str | None = None,
        call: dict[str, JsonValue] | None = None,
        attention: str | None = None,
        task: str | None = None,
    ) -> Self:
        """Describe a pipeline and how it was called.

        Args:
            height, width: pixels; None: the pipeline's own.
            dtype: in which the network runs; None: that of its weights.
        """
        dtype = dtype or dtype_name(network_of(pipe).dtype)
        if height is None or width is None:
            own_height, own_width = own_size(pipe) or (None, None)
            height, width = height or own_height, width or own_width
            if height is None or width is None:
                raise ValueError("the pipeline does not say of what size its pictures are: give height and width")
        return cls(
            model=model_of(pipe, Named(id=id, family=family, revision=revision, weights=weights), dtype),
            scheduler=Component.of(pipe.components["scheduler"]),
            steps=steps,
            guidance_scale=guidance_scale,
            negative_prompt=negative_prompt,
            negative_scale=negative_scale,
            negative_from=negative_from,
            similarity=similarity,
            height=height,
            width=width,
            dtype=dtype,
            call=call or {},
            attention=attention,
            prompts=prompts,
            task=task,
        )

    def no_stock_call(self) -> Iterator[str]:
        """Yield a sentence for each reason for which no call of a stock pipeline draws these pictures."""
        how = "no call of a stock pipeline does that"
        if self.task is not None:
            yield f"The list is of the task {self.task!r}, and draws more than prompts from noise; {how}."
        if self.similarity is not None:
            yield f"The list was made with similarity guidance; {how}."
        for name, value, none in (
            ("negative_from", self.negative_from, 0),
            ("negative_scale", self.negative_scale, None),
        ):
            if value != none:
                yield f"The list was made with {name} = {value!r}; {how}. `golden.draw(pipe, prompt)` draws so."

    def pipeline_differences(
        self, pipe: Pipeline, weights: dict[str, str] | None, *, loaded: bool = True
    ) -> Iterator[str]:
        """Yield a sentence for each way in which the pipeline, its parts, scheduler or weights are not these."""
        if type(pipe).__name__ != self.model.pipeline:
            yield f"The pipeline is a {type(pipe).__name__}, but the list was made with a {self.model.pipeline}."
        if self.model.network in pipe.components:
            model = self.model if loaded else self.model.model_copy(update={"digests": None})
            yield from model.loaded_differences(pipe, getattr(torch, self.dtype), (self.height, self.width))
            yield from self._scheduler_differences(pipe)
            yield from _method_differences(pipe)
            for name, network in denoisers_of(pipe, self.model.pipeline, self.model.network).items():
                yield from attention_differences(self.attention, network, name)
        if weights is not None and self.model.weights is not None and weights != self.model.weights:
            files = sorted(
                file
                for file in weights.keys() | self.model.weights.keys()
                if weights.get(file) != self.model.weights.get(file)
            )
            yield f"The weights in {', '.join(files)} are not those of {self.model.id} that the list was made with."

    def _scheduler_differences(self, pipe: Pipeline) -> Iterator[str]:
        """Of the scheduler by its settings; of it, others and guiders by what they make of these."""
        found = list(self.scheduler.differences(pipe.components["scheduler"], "scheduler"))
        yield from found
        for name, part in {"scheduler": pipe.components["scheduler"], **settings_of(pipe)}.items():
            if not hasattr(part, "set_timesteps"):
                yield from settings_differences(part, name)
            elif not found:
                found = list(scheduler_differences(part, name, self.steps, self.call))
                yield from found

    def pipeline_notes(self, pipe: Pipeline) -> Iterator[str]:
        """Yield a sentence for each way in which the pipeline may round otherwise, which by itself is no reason."""
        for name, network in denoisers_of(pipe, self.model.pipeline, self.model.network).items():
            yield from attention_notes(self.attention, network, name)

    def call_differences(self, dtype: torch.dtype, *, steps: object) -> Iterator[str]:
        """Yield a sentence for each way in which dtype and number of steps are not these; None is not compared."""
        calls: list[tuple[str, object, object]] = [
            (f"dtype of the {self.model.network}", dtype_name(dtype), self.dtype),
            ("number of steps", steps, self.steps),
        ]
        for what, here, of_list in calls:
            if here is not None and here != of_list:
                yield f"The {what} is {here!r}, but the list was made with {of_list!r}."

    def size_differences(self, pipe: Pipeline, height: int | None, width: int | None) -> Iterator[str]:
        """Yield a sentence if the pictures are of another size; in pixels, None for the pipeline's own."""
        own_height, own_width = own_size(pipe) or (self.height, self.width)
        here, then = (height or own_height, width or own_width), (self.height, self.width)
        if here != then:
            yield (
                f"The pictures would be {here[1]} x {here[0]} pixels (width x height), but the list was made for "
                f"{then[1]} x {then[0]}, and at another size the same seed is another picture."
            )


def _method_differences(pipe: Pipeline) -> Iterator[str]:
    """Yield a sentence where a pipeline draws, embeds or decodes by methods that are not those of its library."""
    own = [f"has a {name} of its own" for name in replaced_on(pipe) if name not in _NO_PICTURE]
    replaced = (name for name in replaced_methods(type(pipe)) if name.rpartition(".")[2] not in _NO_PICTURE)
    own += [f"{name} was replaced" for name in replaced]
    if own:
        yield f"The pipeline was changed after it was built, and the list was made without: {', '.join(own)}."

"""How another program is told to draw the seeds of a run: model, size, steps, guidance, texts, and the noise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from seedscope.analysis.exports.samplers import Sampler, sampler_of
from seedscope.analysis.exports.source import LOOKING, Source
from seedscope.analysis.select.conditions import Conditions
from seedscope.pipeline.drawing.noise.recipe import Recipe
from seedscope.pipeline.errors import UserError

LATENTS = "`--to latents` writes its noise."
_SD_CHANNELS = 4
PROMPTS = 8
"""Prompts that a list of pictures to draw begins with; a person puts their own in their place."""
_SINGLE_FILES = (".safetensors", ".ckpt")
_MARKS = re.compile(r"([()])")


@dataclass(frozen=True)
class Replay:
    """What a program is told.

    Attributes:
        name: of the study.
        seeds: at least one.
        prompts: at least one, at most eight of the run's.
        negative_prompt: empty: none.
        width, height: pixels.
        cfg: guidance scale as ComfyUI, A1111 and InvokeAI count it: 1 is none.
        sampler: the scheduler in the names of other programs.
        recipe: how the noise of a seed is drawn.
        model: bundled name, folder, file or hub id.
        family: such as `sd` or `sdxl`.
        velocity: whether the network predicts v.
        zero_snr: whether the noise schedule ends at no signal at all.
        weighted: whether `(red:1.4)` in a prompt is a weight.
        notes: sentences: what a person has to do or to know.
    """

    name: str
    seeds: Sequence[int]
    prompts: Sequence[str]
    negative_prompt: str
    width: int
    height: int
    steps: int
    cfg: float
    sampler: Sampler
    recipe: Recipe
    model: str
    family: str
    velocity: bool
    zero_snr: bool
    weighted: bool
    notes: Sequence[str]

    @property
    def slug(self) -> str:
        """The name in letters, digits and `_`."""
        return re.sub(r"\W", "_", self.name, flags=re.ASCII)

    @property
    def is_single_file(self) -> bool:
        """Whether the model is one file of weights."""
        return self.model.endswith(_SINGLE_FILES)

    @property
    def model_name(self) -> str:
        """The file or folder of the model, or the last part of its hub id."""
        return PurePosixPath(self.model).name

    def written(self, text: str) -> str:
        """A prompt as the run read it: parentheses, which are weights in other programs, are escaped where they were none."""
        return text if self.weighted else _MARKS.sub(r"\\\1", text)


def replay_of(source: Source, program: str, families: Sequence[str], *, plain: bool = True) -> Replay:
    """What a program is told to draw the seeds of a run.

    Args:
        program: its name.
        families: of models that it is told of here.
        plain: whether it draws the noise itself, on the CPU, and so no other.

    Raises:
        UserError: the program cannot draw them: a sentence with the remedy.
    """
    seeds, recipe, conditions = source.drawn_seeds(), source.noise(program), source.golden().conditions
    _refuse_model(source, conditions, recipe, program, families)
    if why := next(conditions.no_stock_call(), None):
        raise UserError(f"{source.place}: {why} Nor does {program}; {LOOKING}")
    if plain and not recipe.plain:
        raise UserError(
            f"{source.place}: {program} draws no noise that is resized, varied or an NVIDIA card's; {LATENTS}"
        )
    sampler, config = sampler_of(conditions.scheduler), conditions.scheduler.config
    return Replay(
        name=source.name,
        seeds=seeds,
        prompts=[prompt.text for prompt in source.prompts[:PROMPTS]],
        negative_prompt=conditions.negative_prompt,
        width=conditions.width,
        height=conditions.height,
        steps=conditions.steps,
        cfg=max(1.0, conditions.guidance_scale),
        sampler=sampler,
        recipe=recipe,
        model=conditions.model.id,
        family=conditions.model.family,
        velocity=config.get("prediction_type") == "v_prediction",
        zero_snr=bool(config.get("rescale_betas_zero_snr")),
        weighted=conditions.weighted_prompts,
        notes=_notes(conditions, sampler, program),
    )


def _refuse_model(
    source: Source, conditions: Conditions, recipe: Recipe, program: str, families: Sequence[str]
) -> None:
    model = conditions.model
    if model.family not in families:
        raise UserError(
            f"{source.place}: {model.pipeline} is none of the models that {program} is told of here ({', '.join(families)}); "
            f"{LATENTS}"
        )
    if model.family in ("sd", "sdxl") and recipe.shape[0] != _SD_CHANNELS:
        raise UserError(
            f"{source.place}: {model.id} has latents of {recipe.shape[0]} channels, and {program} loads models of this kind "
            f"with {_SD_CHANNELS}; {LATENTS}"
        )


def _notes(conditions: Conditions, sampler: Sampler, program: str) -> list[str]:
    notes = [differs] if (differs := sampler.differs(program)) else []
    if sampler.draws_later:
        notes.append(
            "The sampler draws noise between its steps, which each program draws otherwise: pictures begin as the run's, and "
            "end otherwise."
        )
    for name, adapters in conditions.model.adapters.items():
        weights = "; ".join(", ".join(f"{weight:g}" for weight in each.weights) for each in adapters)
        notes.append(f"The run's {name} has {len(adapters)} LoRA, of weight {weights}: load it as well.")
    for name, value in conditions.call.items():
        notes.append(f"The run also set {name} to {value}: set it there, too.")
    notes.append(
        "The noise is the same; programs space steps and round otherwise, so that pictures are alike, and not equal."
    )
    return notes

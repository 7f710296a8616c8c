"""How a latent becomes a picture: the `sampling` of a study."""

import difflib
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, JsonValue, Tag, model_validator

from seedscope.pipeline.study.scheduler_names import OWN, SCHEDULERS, known
from seedscope.pipeline.study.similarity import Similarity
from seedscope.pipeline.study.strict import Json, Strict

OF_0_2 = ("ddim", "ddpm", "euler", "dpm++")
"""Schedulers that had no settings: causes name them as they did."""
_LATER: dict[str, Json] = {"call": {}, "long_prompts": "cut", "weighted_prompts": False}
_LATER_GUIDANCE: dict[str, Json] = {"empty": "none", "similarity": None}
"""Keys that came after 0.2 -> the value at which they change nothing: older runs keep their tables' names."""
_ARGUMENTS: dict[str, Json] = {"eta": 0.0, "clip_skip": None, "guidance_rescale": 0.0, "original_size": None}
"""Keys that are arguments of the stock pipelines' calls -> the value at which those are left out."""


class Guidance(Strict):
    """How far to go towards the prompt and away from the negative prompt (see `pipeline/drawing/guidance/branches.py`)."""

    scale: float = Field(
        7.5, ge=0, le=100, description="Classifier-free guidance scale; 1 or less means none, as in diffusers."
    )
    negative_prompt: Annotated[
        str, BeforeValidator(lambda value: "" if value is None else value, json_schema_input_type=str | None)
    ] = Field("", description="What to go away from; an empty one is none.")
    negative_scale: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Weight of the negative prompt on its own; null: it takes the empty prompt's place, as in diffusers.",
    )
    negative_from: int = Field(0, ge=0, description="The first step (0-based) at which the negative prompt acts.")
    empty: Literal["none", "text"] = Field(
        "none",
        description="What stands for no negative prompt. `none`: as None in diffusers, which some SDXL models take for zeros; "
        "`text`: as the empty text '', which those encode.",
    )
    similarity: Similarity | None = Field(None, description="What else pictures are drawn towards; null: nothing.")

    @property
    def acting_similarity(self) -> Similarity | None:
        """What else pictures are drawn towards, if anything: of no strength, they are plain to the bit."""
        return None if self.similarity is None or self.similarity.strength == 0 else self.similarity

    @model_validator(mode="after")
    def _scale_of_something(self) -> Self:
        if self.negative_scale is not None and not self.negative_prompt:
            raise ValueError("negative_scale needs a negative_prompt")
        return self


class SchedulerChoice(Strict):
    """A scheduler of diffusers with settings of its own."""

    kind: str = Field(
        OWN, alias="class", min_length=1, description="Class of diffusers, or a short name; `model`: the model's own."
    )
    config: dict[str, JsonValue] = Field(
        default={},
        description="Settings over those of the model, as in `CLASS.from_config(pipe.scheduler.config, ...)`.",
    )

    @property
    def plain(self) -> tuple[str, dict[str, Json]]:
        """The class, or `model`, and all its settings: those of a short name too."""
        kind, config = SCHEDULERS.get(known(self.kind) or "", (self.kind, {}))
        return OWN if known(kind) == OWN else kind, {**config, **self.config}


def _scheduler_name(value: object) -> object:
    """A name of the table however it is spelt, or the class of a scheduler."""
    if not isinstance(value, str) or value.endswith("Scheduler"):
        return value
    if (name := known(value)) is None:
        near = difflib.get_close_matches(value.casefold(), [OWN, *SCHEDULERS], n=1)
        hint = f"; did you mean {near[0]!r}" if near else ""
        raise ValueError(f"no scheduler is called so{hint}; classes of diffusers, such as DDIMScheduler, are taken too")
    return name


def _kind_of_scheduler(value: object) -> str:
    return "SchedulerChoice" if isinstance(value, dict | SchedulerChoice) else "str"


Scheduler = Annotated[
    Annotated[str, BeforeValidator(_scheduler_name), Tag("str")] | Annotated[SchedulerChoice, Tag("SchedulerChoice")],
    Discriminator(_kind_of_scheduler),
]


class Sampling(Strict):
    """How a latent becomes a picture."""

    scheduler: Scheduler = Field(
        OWN,
        description="`model` is the one the model ships with; a name such as `dpm++ 2m karras` or `euler a`; or "
        "`{class: DPMSolverMultistepScheduler, config: {use_karras_sigmas: true}}`.",
    )
    steps: int = Field(20, ge=1, le=1000, description="Denoising steps.")
    guidance: Guidance = Guidance()
    height: int | None = Field(None, ge=8, le=8192, description="Pixels; null: the model's own size.")
    width: int | None = Field(None, ge=8, le=8192, description="Pixels; null: the model's own size.")
    eta: float = Field(0.0, ge=0, le=1, description="Noise of DDIM's and TCD's steps: 0 none, 1 that of DDPM.")
    clip_skip: int | None = Field(
        None, ge=0, le=48, description="Layers of the text encoder that are skipped, counted as in diffusers."
    )
    guidance_rescale: float = Field(
        0.0, ge=0, le=1, description="How far guided predictions are brought back to the deviation of unguided ones."
    )
    original_size: tuple[int, int] | None = Field(
        None, description="SDXL: [height, width] that the network is told; null: those of the picture."
    )
    long_prompts: Literal["cut", "chunks"] = Field(
        "cut", description="Prompts beyond CLIP's 77 tokens: cut off, or read in chunks of 75, one after another."
    )
    weighted_prompts: bool = Field(
        False, description="Whether `(red:1.4)` in a prompt is a weight; needs the library compel."
    )
    call: dict[str, JsonValue] = Field(
        default={},
        description="Further arguments of the stock pipeline's call, such as `true_cfg_scale`, or SDXL's `target_size`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _arguments_with_keys_of_their_own(cls, content: object) -> object:
        """An argument of the call that is a key too is that key: one thing is said in one way."""
        call = content.get("call") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not isinstance(call, dict):
            return content
        named = {name: value for name, value in call.items() if name in _ARGUMENTS}
        if twice := [name for name in named if name in content and content[name] != named[name]]:
            raise ValueError(f"{twice[0]!r} stands under `call` too, with another value; remove one")
        return {**content, **named, "call": {name: value for name, value in call.items() if name not in named}}

    @model_validator(mode="after")
    def _similarity_has_steps(self) -> Self:
        if (similarity := self.guidance.acting_similarity) is None:
            return self
        if self.steps == 1:
            raise ValueError(
                "guidance.similarity changes steps on the way, and `steps: 1` has none; take more steps, or choose among "
                "seeds by a feature such as clip_score"
            )
        if not any(similarity.acts(step, self.steps) for step in range(self.steps)):
            raise ValueError(
                f"guidance.similarity.window: none of the {self.steps} steps lies in {[*similarity.window]}; widen it"
            )
        return self

    @property
    def wanted(self) -> tuple[str, dict[str, Json]]:
        """The scheduler's class, or `model` for the model's own, and its settings over those of the model."""
        choice = self.scheduler
        return (
            choice if isinstance(choice, SchedulerChoice) else SchedulerChoice.model_validate({"class": choice})
        ).plain

    @property
    def arguments(self) -> dict[str, JsonValue]:
        """Arguments of the stock call beyond size, steps and guidance scale."""
        own = {name: getattr(self, name) for name, usual in _ARGUMENTS.items() if getattr(self, name) != usual}
        return {
            **{name: list(value) if isinstance(value, tuple) else value for name, value in own.items()},
            **self.call,
        }

    def place(self, argument: str) -> str:
        """Where a study says an argument of the call."""
        return f"sampling.{argument}" if argument in _ARGUMENTS else f"sampling.call.{argument}"

    def said(self) -> dict[str, Json]:
        """As JSON, one form of what is the same, and without what older versions did not know where it changes nothing."""
        dumped: dict[str, Json] = self.model_dump(mode="json", exclude={*_ARGUMENTS, "guidance"})
        acting = self.guidance.model_copy(update={"similarity": self.guidance.acting_similarity})
        guidance: dict[str, Json] = acting.model_dump(mode="json")
        dumped |= {"scheduler": self._named(), "call": self.arguments, "guidance": _without(guidance, _LATER_GUIDANCE)}
        return _without(dumped, _LATER)

    def _named(self) -> Json:
        """The scheduler in the one form that causes have of it."""
        kind, config = self.wanted
        if kind == OWN and not config:
            return OWN
        old = next((name for name in OF_0_2 if SCHEDULERS[name] == (kind, config)), None)
        return old or {"class": kind, "config": config}


def _without(dumped: dict[str, Json], later: dict[str, Json]) -> dict[str, Json]:
    """Without the keys that stand at the value at which they change nothing."""
    return {key: value for key, value in dumped.items() if key not in later or value != later[key]}

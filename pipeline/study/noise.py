"""The noise of a study: what draws it, and what is made of it before it becomes a picture."""

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from seedscope.pipeline.study.seeds import LARGEST_SEED
from seedscope.pipeline.study.strict import Strict

NoiseSource = Literal["cpu", "nv"]
LARGEST_SIDE = 8192


class Variation(Strict):
    """The noise of every seed goes some way towards that of one other, as A1111's variation seed has it."""

    seed: int = Field(ge=0, le=LARGEST_SEED, description="The other seed.")
    strength: float = Field(ge=0, le=1, description="0 is the seed itself, 1 the other one.")


class Noise(Strict):
    """From which noise pictures begin; in a study file a source, such as `nv`, or a mapping."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: NoiseSource = Field(
        "cpu", description="`cpu`: torch's on the CPU, as in ComfyUI; `nv`: as A1111 draws on an NVIDIA card."
    )
    resized_from: str | None = Field(
        None,
        alias="from",
        pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",
        description="WIDTHxHEIGHT in pixels: the noise of a picture of that size lies in the middle, as A1111's seed resize "
        "has it.",
    )
    variation: Variation | None = None

    @property
    def from_size(self) -> tuple[int, int] | None:
        """(height, width), pixels, of the picture that seeds are resized from."""
        if self.resized_from is None:
            return None
        width, height = map(int, re.findall(r"[0-9]+", self.resized_from))
        return height, width

    @property
    def acting_variation(self) -> Variation | None:
        """The variation; none, where it changes nothing."""
        return self.variation if self.variation is not None and self.variation.strength > 0 else None

    @model_validator(mode="after")
    def _size_is_possible(self) -> Self:
        if self.from_size is not None and max(self.from_size) > LARGEST_SIDE:
            raise ValueError(f"from is {self.resized_from}; sides have at most {LARGEST_SIDE} pixels")
        return self


def _from_source(value: object) -> object:
    return {"source": value} if isinstance(value, str) else value


NoiseKey = Annotated[Noise, BeforeValidator(_from_source, json_schema_input_type=NoiseSource | Noise)]

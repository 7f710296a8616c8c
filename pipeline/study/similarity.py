"""Guidance towards something given beside the prompt: the key `sampling.guidance.similarity` of a study."""

from typing import Literal, Self

from pydantic import Field, model_validator

from seedscope.pipeline.study.strict import Strict

CLIP = "openai/clip-vit-base-patch32"


class Aim(Strict):
    """What pictures shall be more like: one of a text, a picture, the style of a picture and a class."""

    text: str | None = Field(
        None, min_length=1, description="A text, by the cosine of CLIP; `{prompt}` in it is the prompt of each picture."
    )
    picture: str | None = Field(
        None, min_length=1, description="A picture file, relative to the study file, by the cosine of CLIP."
    )
    style: str | None = Field(
        None, min_length=1, description="A picture file, by the distance of Gram matrices of EfficientNet-Lite0."
    )
    label: str | None = Field(
        None, alias="class", min_length=1, description="A class of the classifier `by`: its label, or its number."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        named = [name for name, value in self.model_dump().items() if value is not None]
        if len(named) != 1:
            found = f"{' and '.join(named)} are given" if named else "nothing is given"
            raise ValueError(f"{found}; name one of text, picture, style and class")
        return self


class Similarity(Strict):
    """Guidance towards something given, by the gradient of how like it the predicted clean picture is (see
    `pipeline/drawing/guidance/similarity.py`)."""

    to: Aim
    by: str | None = Field(
        None,
        min_length=1,
        description="What measures the likeness. Of a text or a picture a CLIP: `sprout-clip`, a folder or a hub id; null: "
        f"{CLIP}. Of a class an image classifier of transformers: a folder or a hub id. Of a style nothing.",
    )
    revision: str | None = Field(None, description="Of a hub id: a commit (pin it), tag or branch.")
    strength: float = Field(
        0.2,
        ge=0,
        le=100,
        description="How much a step is changed, as a share of what classifier-free guidance changes; without that, of the "
        "predicted noise.",
    )
    window: tuple[float, float] = Field(
        (0.3, 0.7), description="The steps that are guided: [from, before], as shares of all steps, such as [0.3, 0.7]."
    )
    through: Literal["network", "decoder"] = Field(
        "network",
        description="Whether the gradient goes through the denoising network too (about three times the time of a step), or "
        "through the decoder alone, with the predicted noise held.",
    )

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        if self.to.label is not None and self.by is None:
            raise ValueError("a class needs `by`, an image classifier: a folder in transformers layout or a hub id")
        if self.to.style is not None and (self.by, self.revision) != (None, None):
            raise ValueError("a style is measured by EfficientNet-Lite0; remove `by` and `revision`")
        low, high = self.window
        if not 0 <= low < high <= 1:
            raise ValueError(
                "window: two shares of the steps are needed, such as [0.3, 0.7], the first below the other"
            )
        return self

    def acts(self, step: int, steps: int) -> bool:
        """Whether a 0-based step of so many is changed."""
        low, high = self.window
        return low <= step / steps < high

    @property
    def places(self) -> list[str]:
        """What may be a path: each else a hub id or a bundled name."""
        return [place for place in (self.by, self.to.picture, self.to.style) if place is not None]

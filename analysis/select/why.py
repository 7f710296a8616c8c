"""Why the seeds of a golden list: the rule, the measure, and where each seed stands."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seedscope.analysis.select.strict import Strict
from seedscope.pipeline.drawing.noise import LARGEST_SEED

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class SeedStanding(Strict):
    """Where one seed stands in the table from which it was chosen."""

    seed: Seed
    rank: int = Field(ge=1, description="1 is best")
    value: float = Field(description="of the measure")
    interval: tuple[float, float] | None = Field(description="low and high; null where it is not defined")
    n: int = Field(ge=1, description="pictures behind the value")
    others: dict[str, float | None] = Field(
        default={}, description="its value of each other measure by which seeds were chosen"
    )


class CombinedPart(Strict):
    """A measurement that goes into a combined score."""

    measure: str = Field(min_length=1)
    better: Literal["lower", "higher"]
    weight: float = Field(gt=0, le=1, description="its share; all of them add up to 1")
    mean: float = Field(description="of all pictures of the ranking prompts")
    sd: float = Field(gt=0, description="between pictures of one prompt, over the ranking prompts")


class RoundSize(Strict):
    """A round of a sweep."""

    seeds: int = Field(ge=1, description="that were still in")
    prompts: int = Field(ge=1, description="new ones, each with all of these seeds")


class Raced(Strict):
    """How a sweep came to its seeds, and what they are worth on prompts that no round has used."""

    seeds: int = Field(ge=1, description="among which it looked")
    rounds: list[RoundSize]
    stopped: str = Field(min_length=1, description="why after these rounds: `budget`, `gain`, `recall` or `bound`")
    expected_gain: float | None = Field(
        description="of the chosen, over what the truly best seeds are worth; null: unknown"
    )
    expected_recall: float | None = Field(description="share of the truly best seeds that are expected to be chosen")
    prompts: int = Field(ge=1, description="held out")
    random: int = Field(ge=1, description="seeds that were drawn beside the golden ones on these prompts")
    gain: float = Field(description="golden less random seeds there, in the unit of the measure")
    interval: tuple[float, float] | None = Field(description="95 % of the gain; null where no error is known")
    p: float = Field(gt=0, le=1, description="of as many of these seeds at random being as good")


class Why(Strict):
    """By which rule these seeds were chosen, out of how many, and what that is worth."""

    rule: str = Field(min_length=1, description="name of the rule, such as `confirmed` or `pareto`")
    measure: str = Field(min_length=1, description="name of the measure, such as `fd_efficientnet_lite0`")
    better: Literal["lower", "higher"] = Field(description="which values of the measure are good")
    parts: list[CombinedPart] = Field(
        default=[],
        description="of the measure `combined`: it is the sum over these of weight x (value - mean) / sd, with the sign turned "
        "where lower is better",
    )
    k: int = Field(ge=1, description="seeds that were asked for; the list may be shorter")
    ranked: int = Field(ge=1, description="seeds in the table")
    coverage: float = Field(default=0.95, gt=0, lt=1, description="of the intervals")
    sentence: str = Field(min_length=1, description="what the choice does and does not show")
    race: Raced | None = Field(
        default=None, exclude_if=lambda race: race is None, description="of a sweep; null of other studies"
    )
    standings: list[SeedStanding] = Field(description="one for each seed, in the order of the list")

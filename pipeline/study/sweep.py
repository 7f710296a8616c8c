"""The key `seeds` of a study: seeds that are all drawn with every prompt, or a sweep, in which most of them go out early."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from seedscope.pipeline.study.seeds import seed_list
from seedscope.pipeline.study.strict import Strict

SeedList = Annotated[
    Annotated[list[int], Field(min_length=1)],
    BeforeValidator(seed_list, json_schema_input_type=int | str | list[int | str]),
]


class Target(Strict):
    """When a sweep has found enough, before its budget is spent: shares of what the truly best seeds are worth."""

    gain: float | None = Field(
        None, gt=0, lt=1, description="Expected mean effect of the chosen seeds, over that of the truly best ones."
    )
    recall: float | None = Field(
        None, gt=0, lt=1, description="Expected share of the truly best seeds that are chosen."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.gain is None) == (self.recall is None):
            raise ValueError("a target is a `gain` or a `recall`, such as {gain: 0.95}")
        return self


class Early(Strict):
    """Draw only the first steps in the first half of a sweep's rounds, and score the picture that the last one predicts."""

    steps: float = Field(gt=0, lt=1, description="Share of the steps that are made, such as 0.2.")
    correlation: float = Field(
        0.8,
        gt=0,
        lt=1,
        description="Between seeds, of the ranks by early and by finished pictures; where a trial finds less, none are drawn.",
    )

    def of(self, steps: int) -> int:
        """How many of so many steps are made: one at least."""
        return max(1, round(self.steps * steps))


class Sweep(Strict):
    """Look for the best of many seeds in rounds: each draws new prompts with the seeds that are still in, and half go out.

    The last quarter of the budget confirms the choice: golden and random seeds on prompts that no round has used.
    """

    among: SeedList = Field(description="Whole numbers and ranges, as of `seeds`.")
    golden: int = Field(ge=1, description="How many seeds are looked for.")
    budget: int | None = Field(None, ge=1, description="Pictures in all.")
    prompts: int | None = Field(
        None, ge=1, description="Instead of `budget`: as many pictures as all seeds with so many prompts."
    )
    hours: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Instead of `budget`: of one GPU or worker, at the rate of `bench`.",
    )
    target: Target | None = Field(None, description="Stop earlier, where so much is expected to be found.")
    random: int = Field(64, ge=2, description="Random seeds beside which the golden ones are confirmed, at most.")
    early: Early | None = Field(
        None,
        description="Cheaper pictures in the first half of the rounds, if a trial says that these tell seeds apart.",
    )
    anyway: bool = Field(False, description="Go on though the first round says that the seed decides too little.")

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        given = [name for name in ("budget", "prompts", "hours") if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"{' and '.join(given)} are given" if given else "no budget is given"
            raise ValueError(f"{what}; name one of `budget` (pictures), `prompts` and `hours`")
        if self.golden >= len(self.among):
            raise ValueError(
                f"{self.golden} golden seeds among {len(self.among)} leave nothing to choose; ask for fewer, or name more seeds"
            )
        return self

    @property
    def pictures(self) -> int | None:
        """The budget in pictures; None where it is in hours."""
        return self.budget if self.prompts is None else self.prompts * len(self.among)


def _kind(value: object) -> str:
    return "sweep" if isinstance(value, dict | Sweep) else "list of seeds"


Seeds = Annotated[
    Annotated[SeedList, Tag("list of seeds")] | Annotated[Sweep, Tag("sweep")],
    Discriminator(_kind),
]

"""The study: one YAML file that names a model, prompts and seeds, validated once."""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.compute import Compute as Compute
from seedscope.pipeline.study.model import Model as Model
from seedscope.pipeline.study.noise import Noise, NoiseKey
from seedscope.pipeline.study.sampling import Guidance as Guidance
from seedscope.pipeline.study.sampling import Sampling as Sampling
from seedscope.pipeline.study.seeds import LARGEST_SEED as LARGEST_SEED
from seedscope.pipeline.study.strict import Json as Json
from seedscope.pipeline.study.strict import Strict as Strict
from seedscope.pipeline.study.sweep import Seeds, Sweep

FEWEST_SHUFFLES = 19
"""Of B shuffles p is at least 1 / (B + 1): 0.05 for 19."""
MOST_PROMPTS = 1_000_000
TASK_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Grid(Strict):
    """Every object with every modifier; the objects are the groups."""

    objects: list[str] = Field(min_length=1)
    modifiers: list[str] = Field(
        default=["a {object}"], min_length=1, description="Templates with `{object}`; one without it is put in front."
    )

    @model_validator(mode="after")
    def _templates_and_number(self) -> Self:
        for modifier in self.modifiers:
            if wrong := _other_fields(modifier):
                raise ValueError(f"the modifier {modifier[:60]!r} has {wrong[0]} in it; only {{object}} is known")
        if not all(name.strip() for name in self.objects):
            raise ValueError("an object of the grid is empty; write what the picture shall show")
        if (count := len(self.objects) * len(self.modifiers)) > MOST_PROMPTS:
            raise ValueError(f"the grid has {count:,} prompts; at most {MOST_PROMPTS:,} are taken")
        return self


class GridSource(Strict):
    grid: Grid


class FileSource(Strict):
    """Prompts from a file: .txt (one a line), .csv, .tsv, .jsonl or .parquet."""

    file: Path = Field(description="Relative to the study file.")
    column: str | None = Field(
        None, description="Column of the prompts; null: `prompt`, `caption`, `text` or `positive_prompt`."
    )
    group: str | None = Field(None, description="Column by which prompts belong together, such as `Category`.")
    limit: int | None = Field(None, ge=1, description="Only the first so many.")
    repeats: Literal["refuse", "drop"] = Field(
        "refuse", description="Of prompts that stand in the study already: `drop` leaves them out."
    )


class Inpaint(Strict):
    """Pictures with masks whose inside is drawn anew, instead of pictures drawn from prompts alone."""

    pictures: str = Field(
        min_length=1,
        description="`sprout` (bundled), a folder of pictures with masks, or a Parquet file with columns image, mask, object.",
    )
    limit: int | None = Field(None, ge=1, description="Only the first so many pictures.")
    tasks: dict[str, str] = Field(
        default={"removal": "clear background", "completion": "{object}"},
        min_length=1,
        description="Name of a task -> template of its prompt; `{object}` stands for the picture's object.",
    )

    @model_validator(mode="after")
    def _tasks_are_distinct_prompts(self) -> Self:
        for task, template in self.tasks.items():
            if not re.fullmatch(TASK_NAME, task):
                raise ValueError(f"the task {task!r} needs a name of letters, digits, '.', '_' and '-'")
            if not template.strip():
                raise ValueError(f"the task {task!r} has an empty template; write what shall fill the mask")
            if wrong := _other_fields(template):
                raise ValueError(f"the task {task!r} has {wrong[0]} in its template; only {{object}} is known")
        if twice := [template for template, count in Counter(self.tasks.values()).items() if count > 1]:
            same = " and ".join(repr(task) for task, template in self.tasks.items() if template == twice[0])
            raise ValueError(f"the tasks {same} have the same template {twice[0]!r}; remove all but one")
        return self


def _other_fields(template: str) -> list[str]:
    """What has braces in a template and is not `{object}`: `{objects}`, `{red|blue}`, `{{object}}` or a brace alone."""
    fields = re.findall(r"{+[^{}]*}*|}", template)
    return [str(field) for field in fields if field != "{object}"]


def _from_text(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


class UnitShape(Strict):
    """How many prompts and seeds make one unit of work, and so one shard."""

    prompts: int = Field(32, ge=1)
    seeds: int = Field(16, ge=1)


class FeatureChoice(Strict):
    """A feature by its name, with options of its own; in a study file `NAME`, or `NAME: {OPTION: VALUE}`."""

    name: str = Field(min_length=1)
    options: dict[str, bool | int | float | str] = Field(
        default={}, description="Such as `weights`, a file, or `model`, a folder or a hub id."
    )


class TaskChoice(FeatureChoice):
    """A task by its name, with options of its own; in a study file `NAME`, or `NAME: {OPTION: VALUE}`."""


def _feature_choice(value: object) -> object:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and len(value) == 1:
        ((name, options),) = value.items()
        return {"name": name, "options": {} if options is None else options}
    return value


def _kind_of_by(value: object) -> str:
    return (
        "weights of features" if isinstance(value, dict) else "list of features" if isinstance(value, list) else "str"
    )


Weight = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
By = Annotated[
    Annotated[str, Tag("str")]
    | Annotated[list[str], Field(min_length=2), Tag("list of features")]
    | Annotated[dict[str, Weight], Field(min_length=2), Tag("weights of features")],
    Discriminator(_kind_of_by),
]


class Ranking(Strict):
    """From rows to a decision."""

    by: By = Field(
        "fd_efficientnet_lite0",
        description="What ranks the seeds: a feature; features with weights, such as `{clip_score: 1, fid_inception: 2}`, by "
        "their weighted mean; or, of the rule `pareto`, a list of features, the first of which orders the table.",
    )
    rule: Literal["confirmed", "overlap", "pareto", "top"] = Field(
        "confirmed",
        description="Which seeds are golden: those better than the median seed that halves of the prompts bear out; those in "
        "the top of `by` and of `second`, as published; those that no other surpasses in all of `by`, borne out likewise; or "
        "simply the best.",
    )
    second: str | None = Field(None, description="Of the rule `overlap`: the other feature.")
    distances: list[str] = Field(
        default=[],
        description="Taken beside the Frechet distance of the same features: other distances to the reference pictures, and "
        "precision, recall, density, coverage, authenticity and vendi, better when higher. They rank no seed.",
    )
    bootstrap: int = Field(200, ge=20, le=100_000, description="Resamples of the prompts.")
    shuffles: int = Field(
        100,
        ge=0,
        le=100_000,
        description="Shuffles of pictures between seeds, at least 19, for the null of distances; ten times as many of scores "
        "(1,000 at least); 0: none, and then no seed is golden by the rules `confirmed` and `pareto`.",
    )
    smallest: float = Field(
        0.1,
        ge=0,
        le=10,
        description="The smallest effect that matters, in standard deviations between pictures of one prompt: a golden seed "
        "was measured to be better than the median seed by no less.",
    )
    golden: int = Field(
        8, ge=1, description="The most seeds on the golden list; of `overlap`, length of both top lists."
    )

    @property
    def named(self) -> list[tuple[str, str]]:
        """(key, feature) of every feature that has a say in which seeds are golden, in the order given."""
        by = [self.by] if isinstance(self.by, str) else list(self.by)
        return [*(("by", name) for name in by), *(() if self.second is None else (("second", self.second),))]

    @field_validator("shuffles")
    @classmethod
    def _enough_to_show_something(cls, shuffles: int) -> int:
        if 0 < shuffles < FEWEST_SHUFFLES:
            raise ValueError(
                f"of {shuffles} shuffles p is never below {1 / (shuffles + 1):.2g}, so that no difference between seeds could "
                f"be shown at 0.05; take at least {FEWEST_SHUFFLES}, or 0 for no test"
            )
        return shuffles

    @model_validator(mode="after")
    def _rule_fits_what_it_ranks_by(self) -> Self:
        if (self.rule == "overlap") != (self.second is not None):
            raise ValueError("the rule `overlap` takes a `second` feature beside `by`, and the other rules take none")
        if self.rule == "overlap" and not isinstance(self.by, str):
            raise ValueError("the rule `overlap` compares two rankings; name one feature as `by` and one as `second`")
        if (self.rule == "pareto") != isinstance(self.by, list):
            raise ValueError(
                "the rule `pareto` takes a list of features as `by`, such as [clip_score, fid_inception], and the other rules "
                "take one feature, or features with weights, such as {clip_score: 1, fid_inception: 2}"
            )
        if twice := [name for name, count in Counter(name for _, name in self.named).items() if count > 1]:
            raise ValueError(f"the feature {twice[0]!r} is named twice; what ranks seeds together has to differ")
        if again := [name for name, count in Counter(self.distances).items() if count > 1]:
            raise ValueError(f"ranking.distances: {again[0]!r} is named twice")
        return self


class Measured(Strict):
    """What every study says: what is measured on its pictures, and how that becomes a ranking of seeds."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Names the run folder.")
    compute: Compute = Compute()
    features: list[
        Annotated[
            FeatureChoice,
            BeforeValidator(
                _feature_choice, json_schema_input_type=str | dict[str, dict[str, bool | int | float | str]]
            ),
        ]
    ] = Field(
        default=[FeatureChoice(name="fd_efficientnet_lite0")],
        min_length=1,
        description="What to measure on each picture: names, or `NAME: {OPTION: VALUE}`.",
    )
    reference: str | None = Field(
        None,
        description="The reference pictures: `sprout` (bundled), a folder of pictures, or a Parquet file. Without it drawn "
        "pictures are compared with `sprout`, and imported ones with none.",
    )
    groups: Literal["named", "auto"] = Field(
        "named",
        description="Which prompts belong together. `named`: those of an object of a grid, or of a `group` of a file, and "
        "every other one is alone. `auto`: of the others, those that are alike by their texts too. Pictures are the same.",
    )
    ranking: Ranking | None = Field(
        Ranking(), description="How seeds are ranked; `null`: pictures are measured, and no seed is ranked."
    )

    @property
    def ranked(self) -> Ranking:
        """How seeds are ranked.

        Raises:
            StudyError: they are not.
        """
        if self.ranking is None:
            raise StudyError(
                f"{self.name} ranks no seeds (`ranking: null`). Name what is to rank them, such as `ranking: {{by: "
                "clip_score}`; what has been drawn and measured stays."
            )
        return self.ranking

    @model_validator(mode="after")
    def _ranked_feature_is_measured(self) -> Self:
        names = [choice.name for choice in self.features]
        for key, name in [] if self.ranking is None else self.ranking.named:
            if name not in names:
                raise ValueError(f"ranking.{key} is {name!r}, which is not among the features {', '.join(names)}")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise ValueError(f"the feature {twice[0]!r} is named twice")
        return self


class Study(Measured):
    """A study: model x prompts x seeds -> images -> features -> a ranking of seeds.

    Pictures are drawn from `prompts`, or, with `inpaint`, into the masks of given pictures.

    Examples:
        >>> Study(name="mine", model="sprout", prompts=["a cat"], seeds="0-3").seeds  # or seeds=range(4)
        [0, 1, 2, 3]
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["prompts"]}, {"required": ["inpaint"]}]})

    model: Annotated[Model, BeforeValidator(_from_text, json_schema_input_type=str | Model)]
    sampling: Sampling = Sampling()
    noise: NoiseKey = Noise()
    prompts: list[str | GridSource | FileSource] = Field(default=[], min_length=1)
    inpaint: Inpaint | None = None
    task: Annotated[
        TaskChoice | None,
        BeforeValidator(
            _feature_choice, json_schema_input_type=str | dict[str, dict[str, bool | int | float | str]] | None
        ),
    ] = Field(
        None,
        description="What else is drawn from `prompts` than pictures from noise: a task, or `NAME: {OPTION: VALUE}`.",
    )
    seeds: Seeds = Field(
        description="Whole numbers and ranges: `0-31`, or `[1, 5, 10-19]`. Or a sweep, in which most of them go out early: "
        "`{among: 0-1023, golden: 16, budget: 20480}`."
    )
    unit: UnitShape = UnitShape()

    @model_validator(mode="before")
    @classmethod
    def _a_sweep_says_how_many_are_golden(cls, study: object) -> object:
        seeds, ranking = (study.get("seeds"), study.get("ranking", {})) if isinstance(study, dict) else (None, None)
        golden = seeds.get("golden") if isinstance(seeds, dict) else None
        if not isinstance(study, dict) or not isinstance(ranking, dict) or type(golden) is not int or golden < 1:
            return study
        return {**study, "ranking": {"golden": golden, **ranking}}

    @model_validator(mode="after")
    def _a_sweep_ranks_by_one_feature(self) -> Self:
        if isinstance(self.seeds, Sweep):
            if self.ranking is None:
                raise ValueError(
                    "a sweep of seeds goes by one feature; name it as ranking.by in place of `ranking: null`"
                )
            if self.ranking.golden != self.seeds.golden:
                raise ValueError(
                    f"ranking.golden is {self.ranking.golden}, and seeds.golden is {self.seeds.golden}; leave the first out"
                )
            if self.ranking.rule != "confirmed" or not isinstance(self.ranking.by, str):
                raise ValueError(
                    "a sweep of seeds goes by one feature, and confirms what it chose; leave ranking.rule out, and name one "
                    "feature as ranking.by"
                )
        return self

    @model_validator(mode="after")
    def _prompts_or_inpaint(self) -> Self:
        if bool(self.prompts) == (self.inpaint is not None):
            found = "both `prompts` and `inpaint` are given" if self.prompts else "`prompts` is missing"
            raise ValueError(
                f"{found}; name `prompts` to draw pictures from, or, to inpaint, `inpaint` with pictures and masks"
            )
        if self.task is not None and self.inpaint is not None:
            raise ValueError("both `task` and `inpaint` are given; a study draws one thing")
        return self

    @model_validator(mode="after")
    def _gradients_find_their_weights(self) -> Self:
        if self.sampling.guidance.acting_similarity is not None and self.compute.offload != "none":
            raise ValueError(
                "sampling.guidance.similarity takes gradients through networks that compute.offload moves away; remove one"
            )
        return self

    @property
    def every_seed(self) -> list[int]:
        """All seeds that may be drawn; of a sweep those among which it looks."""
        return self.seeds.among if isinstance(self.seeds, Sweep) else self.seeds

    @property
    def places(self) -> list[str]:
        """What may be a path, beside prompt files and options of features: each else a bundled name or a hub id."""
        similarity = self.sampling.guidance.similarity
        return [
            *self.model.places,
            *([] if self.inpaint is None else [self.inpaint.pictures]),
            *([] if similarity is None else similarity.places),
        ]

    @property
    def task_name(self) -> str:
        """The key by which the study says what it draws: a section of its own, or a name under `task`."""
        if self.task is not None:
            return self.task.name
        return "prompts" if self.inpaint is None else "inpaint"


class ImportedStudy(Measured):
    """A study of pictures made elsewhere: nothing is drawn. `seedscope import` writes it into the run folder."""

    imported: str = Field(description="Where the pictures came from; the run is the folder of this file.")


def fingerprint(cause: Json) -> str:
    """sha256 (hex) of the canonical JSON of `cause`."""
    return hashlib.sha256(json.dumps(cause, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

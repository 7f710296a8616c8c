"""Pictures of an initial latent by one seed, and the noise of the later steps by another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import pyarrow as pa
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.models.base import Drawer
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.likely_groups import with_likely_groups
from seedscope.pipeline.study.plan import Cell
from seedscope.pipeline.study.prompts import Prompt, read_prompts
from seedscope.pipeline.study.schema import Strict, Study
from seedscope.pipeline.study.seeds import seed_list
from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.drawing.hooks import Hooks
    from seedscope.pipeline.drawing.noise import Recipe

SWAP_SCHEMA = pa.schema(
    [
        *IMAGE_SCHEMA,
        column("step_seed", pa.int64(), "The seed that the noise of the steps is drawn from."),
        column("from_step", pa.int32(), "The step from which on that is so.", unit="steps"),
    ]
)


@dataclass(frozen=True, slots=True)
class Swap:
    """A prompt of the study by its id, the seed of the later noise, and the step, from 0, from which on it is that seed's."""

    prompt: str
    step_seed: int
    from_step: int


@dataclass(frozen=True)
class SeedSwap(Task):
    """Every prompt with every step seed, and at further steps with one step seed a prompt; seeds give the initial latents.

    A cell's seed a draws the initial latent. The noise of the steps from `from_step` on is what a stochastic sampler draws for
    the step seed b at these steps, as if its picture were drawn; that of the steps before is a's. So (a, a) is the plain
    picture of a, whatever the step, and so is (a, b) from the last step on.

    Source: Xu et al., "Good Seed Makes a Good Crop" (arXiv 2405.14828), whose seeds are swapped in the middle of DDIM.
    Deviation: with eta of 0 no later noise is used, and a swap changes nothing by construction; here the sampler is the
    study's.
    """

    study: Study = field(repr=False)
    located: Located = field(repr=False)
    cells: Sequence[tuple[Prompt, Swap]] = field(repr=False)
    schema: ClassVar[pa.Schema] = SWAP_SCHEMA

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:
        try:
            wanted = _Options.model_validate(study.task.options if study.task else {})
        except ValidationError as error:
            raise StudyError("\n".join(_told(error))) from error
        steps = study.sampling.steps
        if late := [step for step in (*wanted.steps, *wanted.in_turn) if step > steps]:
            raise StudyError(f"task.swap: there is no step {late[0]} to swap at: the study makes {steps}.")
        return cls(study, located, tuple(_cells(_chosen(study, wanted.prompts), wanted)))

    def prompts(self) -> list[Prompt]:
        """Prompt by prompt its swaps, in the group of the prompt."""
        return [prompt for prompt, _ in self.cells]

    @cached_property
    def swaps(self) -> Mapping[str, Swap]:
        """Id of each prompt of the task -> what is swapped."""
        return {prompt.id: swap for prompt, swap in self.cells}

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> Begun:  # noqa: ARG002  (all are Denoisers)
        from seedscope.pipeline.drawing.noise import recipe_of

        recipe = recipe_of(self.study, self.located)
        if recipe is None:
            raise TypeError(f"a {self.located.pipeline} draws its noise itself")
        here = {prompt.id: self.swaps[prompt.id] for prompt in prompts}
        columns: dict[str, dict[str, object]] = {
            name: {"step_seed": swap.step_seed, "from_step": swap.from_step} for name, swap in here.items()
        }
        return _Swapping(columns=columns, recipe=recipe, swaps=here)


@dataclass(kw_only=True)
class _Swapping(Begun):
    """What is swapped, by the id of the task's prompt."""

    recipe: Recipe
    swaps: Mapping[str, Swap]

    def hooks(self, cells: Sequence[Cell], generators: list[torch.Generator], noise: torch.Tensor) -> Hooks:  # noqa: ARG002
        from seedscope.pipeline.drawing.tasks.swapped_noise import SwappedNoise

        swaps = [self.swaps[prompt.id] for prompt, _ in cells]
        others = [self.recipe.generator(swap.step_seed) for swap in swaps]
        return SwappedNoise(generators, others, [swap.from_step for swap in swaps])


def _seeds(value: object) -> list[int]:
    return seed_list([*value.split(",")] if isinstance(value, str) else value)


def _steps(value: object) -> list[int]:
    parts = [] if value == "" else str(value).split(",")
    if wrong := [part for part in parts if not re.fullmatch(r"\s*[0-9]{1,6}\s*", part)]:
        raise ValueError(f"{wrong[0]!r} is no step; name steps such as '0, 5, 10'")
    return [int(part) for part in parts]


def _each_once(steps: list[int]) -> list[int]:
    if len(set(steps)) < len(steps):
        raise ValueError("a step is named twice")
    return steps


_Steps = Annotated[list[int], BeforeValidator(_steps), AfterValidator(_each_once)]


class _Options(Strict):
    """What a study says of the swaps, each as `0-7` or `0, 5, 10`."""

    step_seeds: Annotated[list[int], BeforeValidator(_seeds), Field(min_length=1)]
    steps: _Steps = Field([0], alias="from", description="Steps from which on every step seed acts.")
    in_turn: _Steps = Field([], description="Further steps, each prompt with one of the step seeds in turn.")
    prompts: int | None = Field(None, ge=1, description="So many of the study's prompts, evenly spaced; null: all.")


def _chosen(study: Study, count: int | None) -> list[Prompt]:
    """The prompts of a study with their groups, all, or so many of them."""
    found = read_prompts(list(study.prompts))
    grouped = with_likely_groups(found) if study.groups == "auto" else found
    many = min(count or len(grouped), len(grouped))
    return [grouped[place * len(grouped) // many] for place in range(many)]


def _cells(prompts: Sequence[Prompt], wanted: _Options) -> Iterator[tuple[Prompt, Swap]]:
    for place, prompt in enumerate(prompts):
        turn = wanted.step_seeds[place % len(wanted.step_seeds)]
        crossed = [(seed, step) for step in wanted.steps for seed in wanted.step_seeds]
        for seed, step in [*crossed, *((turn, step) for step in wanted.in_turn if step not in wanted.steps)]:
            swap = Swap(prompt.id, seed, step)
            yield replace(prompt, id=_id(swap)), swap


def _told(error: ValidationError) -> list[str]:
    known = ", ".join(info.alias or name for name, info in _Options.model_fields.items())
    found = []
    for issue in error.errors():
        where, kind = ".".join(map(str, issue["loc"])), issue["type"]
        what = {
            "extra_forbidden": f"unknown key; known are {known}",
            "missing": "this key is missing; write such as '0-7'",
        }.get(kind, issue["msg"].removeprefix("Value error, "))
        found.append(f"task.swap.{where}: {what}.")
    return found


def _id(swap: Swap) -> str:
    text = f"swap {swap.prompt} {swap.step_seed} {swap.from_step}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]

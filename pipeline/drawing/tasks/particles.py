"""Pictures of a prompt from a set of seeds, drawn together and pushed apart: Particle Guidance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import pyarrow as pa
from pydantic import AfterValidator, Field, ValidationError

from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.drawing.tasks.picture_encoders import Embed, encoder_commit, encoder_identity, picture_encoder
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.models.base import Denoiser, Drawer
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.plan import Cell, Unit, sets_of
from seedscope.pipeline.study.prompts import Prompt, read_prompts
from seedscope.pipeline.study.schema import Json, Strict, Study
from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.drawing.hooks import Hooks
    from seedscope.pipeline.drawing.tasks.repulsion import Repulsion

PARTICLE_SCHEMA = pa.schema(
    [*IMAGE_SCHEMA, column("set", pa.list_(pa.int64()), "The seeds that are drawn together with this one.")]
)
FEWEST = 3


def _a_window(text: str | None) -> str | None:
    found = re.fullmatch(r"([0-9]{1,4})-([0-9]{1,4})", text or "0-0")
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(f"{text!r} is no window; name its first and last step, from 0, such as '0-9'")
    return text


class _Options(Strict):
    """What a study says of its particles."""

    count: int = Field(4, alias="set", le=64, description="Seeds that are drawn together.")
    strength: float = Field(
        0.03, ge=0, le=10, allow_inf_nan=False, description="rms of the push over that of the noise, at the first step."
    )
    kernel: Literal["latent", "features"] = "latent"
    by: str = Field("sprout-clip", description="Of the kernel of features: whose they are.")
    revision: str | None = Field(None, description="Of a hub id: a commit (pin it), tag or branch.")
    window: Annotated[str | None, AfterValidator(_a_window)] = Field(
        None, description="First and last step that push; null: as published, by sigma."
    )

    @property
    def steps(self) -> range | None:
        if self.window is None:
            return None
        first, last = map(int, self.window.split("-"))
        return range(first, last + 1)


@dataclass(frozen=True)
class Particles(Task):
    """The prompts of a study, drawn from sets of seeds: those of a unit of work, in order.

    A picture is no function of its prompt and seed, but of its prompt and its set. See `repulsion.Repulsion`.
    """

    study: Study = field(repr=False)
    options: _Options
    schema: ClassVar[pa.Schema] = PARTICLE_SCHEMA

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:  # noqa: ARG003
        options = _options(study)
        steps, batch = study.sampling.steps, study.compute.batch_size
        if options.count < FEWEST:
            raise StudyError(
                f"task.particles.set: {options.count} pictures have no kernel: its width is divided by ln(set - 1), which is 0 "
                f"for two. Draw {FEWEST} or more together."
            )
        if steps == 1:
            raise StudyError(
                "task.particles: a picture that is drawn in one step has no way on which another could push it. Set "
                "sampling.steps higher, with a model that draws in several steps."
            )
        if options.steps is not None and options.steps[-1] >= steps:
            raise StudyError(
                f"task.particles.window: ends at step {options.steps[-1]}, and the last one is {steps - 1}."
            )
        if batch < options.count:
            raise StudyError(
                f"compute.batch_size: is {batch}, and the {options.count} pictures of a set are drawn in one batch. Set it to "
                f"{options.count} or more."
            )
        if options.kernel == "features":
            encoder_identity(options.by, options.revision)
            if study.compute.offload != "none":
                raise StudyError(
                    "compute.offload: the kernel of features takes gradients through the autoencoder, whose weights have to "
                    "stay where they are. Remove it, or take `kernel: latent`."
                )
        return cls(study, options)

    @classmethod
    def pinned(cls, study: Study) -> Study:
        options = _options(study)
        if study.task is None or options.kernel != "features":
            return study
        if (commit := encoder_commit(options.by, options.revision)) is None:
            return study
        task = study.task.model_copy(update={"options": study.task.options | {"revision": commit}})
        return study.model_copy(update={"task": task})

    @classmethod
    def cause(cls, study: Study) -> dict[str, Json]:
        options = _options(study)
        if study.task is None or options.kernel != "features":
            return {}
        # An encoder is what it holds, and not the path, or the branch, by which a study names it.
        said: dict[str, Json] = {
            key: value for key, value in study.task.options.items() if key not in ("by", "revision")
        }
        identity = encoder_identity(options.by, options.revision)
        return {"task": {"name": study.task.name, "options": said}, "particles": identity}

    @property
    def through_decoder(self) -> bool:
        return self.options.kernel == "features"

    @property
    def together(self) -> int:
        return self.options.count

    def prompts(self) -> list[Prompt]:
        return read_prompts(list(self.study.prompts))

    def of_seeds(self, unit: Unit) -> Mapping[int, dict[str, object]]:
        return {seed: {"set": list(seeds)} for seeds in sets_of(unit, self.together) for seed in seeds}

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> Begun:  # noqa: ARG002
        if not isinstance(model, Denoiser):
            raise TypeError(f"particles are drawn by a Denoiser, and this is a {type(model).__name__}")
        from seedscope.pipeline.drawing.guidance.clean import refuse_no_clean_picture

        refuse_no_clean_picture(model.scheduler, "task.particles")
        model.freeze()
        options = self.options
        embed = _embed(options.by, options.revision, model.device) if options.kernel == "features" else None
        return _Together(model=model, options=self.options, embed=embed)


@dataclass(kw_only=True)
class _Together(Begun):
    """What pushes the sets of a unit; `made`: of each batch so far, with its sets: (prompt's id, first seed)."""

    model: Denoiser
    options: _Options
    embed: Embed | None
    made: list[tuple[list[tuple[str, int]], Repulsion]] = field(default_factory=list)

    def hooks(self, cells: Sequence[Cell], generators: list[torch.Generator], noise: torch.Tensor) -> Hooks:  # noqa: ARG002
        from seedscope.pipeline.drawing.tasks.repulsion import Repulsion

        count = self.options.count
        sets = [cells[first : first + count] for first in range(0, len(cells), count)]
        if any(len({prompt.id for prompt, _ in some}) != 1 or len(some) != count for some in sets):
            raise ValueError(f"a batch of {len(cells)} pictures holds sets that are not whole")
        pushed = Repulsion(self.model, len(sets), count, self.options.strength, self.options.steps, self.embed)
        self.made.append(([(some[0][0].id, some[0][1]) for some in sets], pushed))
        return pushed

    def told(self) -> dict[str, Json]:
        """c of each set that was drawn, in their order: what the push was multiplied by."""
        pulls: dict[tuple[str, int], Json] = {}
        for sets, batch in self.made:
            if batch.pull is not None:  # a batch that did not fit is drawn again in parts, which count
                pulls |= zip(sets, [float(f"{pull:.6g}") for pull in batch.pull.flatten().tolist()], strict=True)
        return {"particles": {"c": list(pulls.values())}}


@cache
def _embed(name: str, revision: str | None, device: str) -> Embed:
    """An encoder, loaded once a process and device."""
    return picture_encoder(name, revision, device)


def _options(study: Study) -> _Options:
    """What the study says under `task.particles`.

    Raises:
        StudyError: a sentence a mistake.
    """
    try:
        return _Options.model_validate(study.task.options if study.task else {})
    except ValidationError as error:
        known = ", ".join(info.alias or name for name, info in _Options.model_fields.items())
        told = []
        for issue in error.errors():
            unknown = issue["type"] == "extra_forbidden"
            what = f"unknown key; known are {known}" if unknown else issue["msg"].removeprefix("Value error, ")
            told.append(f"task.particles.{'.'.join(map(str, issue['loc']))}: {what}.")
        raise StudyError("\n".join(told)) from error

"""Samplers by name, such as `ddim 0.5`: how a run's model draws with each, and whether its later noise acts at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.errors import ModelError, UserError
from seedscope.pipeline.study.mistakes import sentences
from seedscope.pipeline.study.sampling import Sampling

OWN = "own"
USUAL = (OWN, "ddim 0.2", "ddim 0.5", "ddim 1", "ddpm", "euler a", "lcm")
"""The sampler of the study itself, and those whose later noise may matter, from none at all on."""
FEW_STEPS = {"lcm": 4, "tcd": 4}
"""Samplers that are made for few steps."""


@dataclass(frozen=True)
class Sampler:
    """A sampler as it was named, and the `sampling` of a study with it. acts: whether later noise does anything."""

    name: str
    sampling: Sampling
    acts: bool

    @property
    def slug(self) -> str:
        """For names of folders."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.casefold()).strip("-") or "sampler"


def samplers(run: DrawnRun, wanted: str | None) -> tuple[list[Sampler], list[str]]:
    """The samplers to look at, and a sentence for each that is left out because the model does not take it.

    Args:
        wanted: names, a comma between two; None: the usual ones, or, with a single step, the study's own.

    Raises:
        UserError: a name that is none, one that stands twice, or one that was asked for and that the model does not take.
    """
    if wanted is not None:
        return [_sampler(run, name) for name in _names(wanted)], []
    found, left_out = list[Sampler](), list[str]()
    for name in USUAL if run.study.sampling.steps > 1 else (OWN,):
        try:
            sampler = _sampler(run, name)
        except ModelError as error:
            if name == OWN:
                raise
            left_out.append(f"{name} is left out: {error}")
            continue
        if sampler.sampling not in [each.sampling for each in found]:
            found.append(sampler)
    return found, left_out


def _names(wanted: str) -> Iterator[str]:
    names = [" ".join(part.split()) for part in wanted.split(",")]
    if not all(names):
        raise UserError("--samplers: a name is empty; write such as 'ddim 0.5, euler a'.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"--samplers: {twice[0]!r} stands twice.")
    yield from names


def _sampler(run: DrawnRun, name: str) -> Sampler:
    """A sampler that the model takes.

    Raises:
        ModelError: the model does not.
        UserError: there is none of that name.
    """
    from seedscope.pipeline.models.load import architecture
    from seedscope.pipeline.models.schedulers import later_noise_acts, refuse_scheduler, refuse_what_cannot_draw

    sampling = run.study.sampling if name == OWN else _sampling(run.study.sampling, name)
    refuse_scheduler(sampling)
    _, _, scheduler = architecture(run.located, sampling)
    refuse_what_cannot_draw(scheduler, sampling)
    return Sampler(name, sampling, later_noise_acts(scheduler, sampling))


def _sampling(own: Sampling, name: str) -> Sampling:
    """That of a study with another sampler, whose name an eta may follow."""
    found = re.fullmatch(r"(.*\S)\s+([0-9]*\.?[0-9]+)", name)
    plain, eta = (found[1], float(found[2])) if found else (name, 0.0)
    steps = min(own.steps, FEW_STEPS.get(plain.casefold(), own.steps))
    changed = json.loads(own.model_dump_json()) | {"scheduler": plain, "eta": eta, "steps": steps}
    try:
        return Sampling.model_validate(changed)
    except ValidationError as error:
        said = "\n".join(f"--samplers {name}: {line}" for line in sentences(error, Sampling))
        raise UserError(said) from error


def by_steps(steps: int, most: int = 8) -> Sequence[int]:
    """The steps at which pictures are swapped: all, or about so many parts of the way; the last is after all steps."""
    return sorted({max(1, round(steps * part / most)) for part in range(1, most + 1)})

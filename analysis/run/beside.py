"""A run beside a run: the same model and settings, with some keys of the study changed, in a folder of the run's own."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

from pydantic import ValidationError

from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.run.drawn_run import drawn_run
from seedscope.analysis.run.run import AnyRun, DrawnRun
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.mistakes import sentences
from seedscope.pipeline.study.schema import Json, Study
from seedscope.pipeline.tables.run_folder import RunFolder

EXPERIMENTS = "experiments"
"""The folder, in that of a run, of what experiments drew and found."""
_LONGEST = 64


def must_be_drawn(run: AnyRun) -> DrawnRun:
    """The run, if a model draws its pictures.

    Raises:
        UserError: they were imported.
    """
    if isinstance(run, DrawnRun):
        return run
    raise UserError(
        f"{run.folder.storage.url}: its pictures were imported, and this experiment draws with the model. Name a study that "
        "has a `model`."
    )


@dataclass(frozen=True, kw_only=True)
class _Given(DrawnRun):
    """A run that measures no real pictures itself. real: what is measured of them."""

    real: list[Measure]

    @property
    def reference_measures(self) -> list[Measure]:
        return self.real


def unjudged(run: DrawnRun) -> DrawnRun:
    """The run, of which the real pictures are not measured: for experiments that judge no seed by them."""
    return _given(run, [])


def sharing_reference(run: DrawnRun, other: DrawnRun) -> DrawnRun:
    """The run, whose real pictures are not measured again: those of `other` are, of the same features and the same pictures."""
    return _given(run, other.reference_measures)


def _given(run: DrawnRun, real: list[Measure]) -> DrawnRun:
    return _Given(**{item.name: getattr(run, item.name) for item in fields(run)}, real=real)


def run_beside(run: DrawnRun, name: str, **changes: Json) -> DrawnRun:
    """The run of a study that differs from that of `run` in some keys; it lies in `experiments/<name>` of the run's folder.

    It is a run like any other: made by `make`, it goes on where it was when it is killed, and nothing in it is made twice.

    Args:
        name: of the folder; letters, digits, '.', '_' and '-'.
        changes: key of the study file -> its value, as JSON; None takes the key out.

    Raises:
        UserError: the study is not one with these changes, or cannot be drawn.
    """
    listed = {} if run.race is None else {"seeds": [*run.wanted.seeds]}  # it is no sweep of its own
    study = json.loads(run.study.model_dump_json()) | listed | changes | {"name": f"{run.study.name}-{name}"[:_LONGEST]}
    try:
        changed = Study.model_validate({key: value for key, value in study.items() if value not in (None, [])})
    except ValidationError as error:
        raise UserError(
            "\n".join(f"{run.study.name}, for {name}: {line}" for line in sentences(error, Study))
        ) from error
    return drawn_run(changed, RunFolder(run.folder.storage.inside(f"{EXPERIMENTS}/{name}")))

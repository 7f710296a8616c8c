"""The race of a study, with the rounds that its run folder records."""

from __future__ import annotations

from collections.abc import Callable

from seedscope.analysis.run.race import Race
from seedscope.pipeline.drawing.tasks.early_pictures import EarlyPictures
from seedscope.pipeline.errors import RunChanged, StudyError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Edition
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.study.sweep import Sweep
from seedscope.pipeline.tables.rounds import rounds, trial


def race_of(
    asked: Sweep | None,
    storage: Storage,
    wanted: Edition,
    cause: Json,
    *,
    begun: bool,
    rate: Callable[[], float | None],
    early: EarlyPictures | None = None,
) -> Race | None:
    """The race of a study that asks for a sweep; None of one that does not.

    Args:
        begun: whether anything has been drawn.
        rate: pictures a second, for a budget in hours; once the sweep or its trial has begun, its rules keep what these came
            to.
        early: of a sweep that asks for early pictures.

    Raises:
        StudyError: there is no such race.
        RunChanged: the run was begun as a sweep, and is to be none, or the other way round.
    """
    recorded, tried = rounds(storage), trial(storage)
    there = bool(recorded) or tried is not None
    if (there and asked is None) or (asked is not None and not there and begun):
        was, now = ("in rounds", "all seeds") if there else ("with all seeds on all prompts", "a sweep")
        raise RunChanged(
            f"{storage.url}: was drawn {was}, and the study asks for {now}. Choose another folder with --out, or another name "
            "in the study."
        )
    if asked is None:
        return None
    asked_early = None if asked.early is None else asked.early.model_dump(mode="json")
    if there and asked_early != (None if tried is None else dict(tried.asked)):
        raise RunChanged(
            f"{storage.url}: was begun {'without' if tried is None else 'with other'} early pictures. Leave `early` as it was, "
            "or choose another folder with --out."
        )
    pictures = asked.pictures
    begun_with = recorded[0].why if recorded else {} if tried is None else tried.why
    if pictures is None and isinstance(then := begun_with.get("seeds"), dict):
        pictures = int(str(then["pictures"]))
    if pictures is None:
        if (speed := rate()) is None:
            raise StudyError(
                "seeds.hours: no rate is known of this model, sampling and features yet. `seedscope bench` of this study "
                "measures it here; or write the budget in pictures."
            )
        pictures = int((asked.hours or 0.0) * 3600 * speed)
    return Race.of(asked, wanted, pictures, cause, recorded, early)

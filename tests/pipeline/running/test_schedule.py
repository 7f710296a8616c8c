"""The order of units: what something waits for comes first, what lies aside meanwhile, and what comes when it is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast

from squares import units

from seedscope.pipeline.running.attempt import Assignment, Result
from seedscope.pipeline.running.schedule import ATTEMPTS, Schedule
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.running.work import More, Unwatched, Work
from seedscope.pipeline.study.plan import Unit

STAGE = cast("Stage", SimpleNamespace(tables=[]))
UNITS = units(8)
BOTH = ("images", "features")


def works(some: Sequence[Unit], aside: Sequence[Unit] = ()) -> list[Work]:
    names = frozenset(unit.name for unit in aside)
    return [Work("images", STAGE, some, None, names), Work("features", STAGE, some, "images", names)]


def begun(schedule: Schedule, *pool: str) -> str | None:
    """What a worker is given, as `work place`."""
    taken = schedule.take(pool or BOTH)
    return None if taken is None else told(taken)


def told(taken: Assignment) -> str:
    return f"{taken.work} {UNITS.index(taken.unit)}"


def ended(schedule: Schedule, what: str) -> None:
    work, place = what.split()
    schedule.ended(Assignment(work, UNITS[int(place)], 1, 1), Result())


def then(*coming: Sequence[Work]) -> tuple[More, Callable[[], int]]:
    """Works that come one after another, and how often it was asked for them."""
    left, asked = iter(coming), list[int]()

    def more() -> Sequence[Work] | None:
        asked.append(1)
        return next(left, None)

    return more, lambda: len(asked)


def test_while_the_last_unit_is_measured_what_lies_aside_is_drawn_and_then_the_next_round() -> None:
    more, asked = then(works(UNITS[4:6], UNITS[5:6]))
    schedule = Schedule(works(UNITS[:4], UNITS[2:4]), Unwatched(), more)
    assert [begun(schedule, "images") for _ in range(2)] == ["images 0", "images 1"]
    ended(schedule, "images 0")
    ended(schedule, "images 1")
    assert [begun(schedule, "features") for _ in range(2)] == ["features 0", "features 1"]
    ended(schedule, "features 0")
    assert begun(schedule, "images") == "images 2" and asked() == 0 and schedule.grows
    ended(schedule, "features 1")
    assert asked() == 1, "what is aside is not waited for"
    assert begun(schedule, "images") == "images 4", "the next round comes before what is still aside"
    ended(schedule, "images 4")
    ended(schedule, "images 2")
    assert [begun(schedule) for _ in range(3)] == ["features 4", "features 2", "images 3"]
    ended(schedule, "features 4")
    assert not schedule.grows and begun(schedule) == "images 5"
    for what in ("features 2", "images 3", "images 5"):
        ended(schedule, what)
    assert [begun(schedule) for _ in range(3)] == ["features 3", "features 5", None]
    ended(schedule, "features 3")
    ended(schedule, "features 5")
    assert schedule.left(BOTH) == 0 and schedule.outcomes["images"].made == 6


def test_a_retry_keeps_its_place_and_after_a_unit_that_is_given_up_nothing_comes() -> None:
    more, asked = then(works(UNITS[4:5]))
    schedule = Schedule(works(UNITS[:2], UNITS[1:2]), Unwatched(), more)
    for attempt in range(1, ATTEMPTS + 1):
        taken = schedule.take(["images"])
        assert taken is not None and told(taken) == "images 0" and taken.attempt == attempt
        schedule.ended(taken, Result(failure="it broke"))
    assert begun(schedule) == "images 1"
    ended(schedule, "images 1")
    ended(schedule, "features 1")
    assert asked() == 0 and not schedule.grows and schedule.left(BOTH) == 0
    assert schedule.outcomes["images"].quarantined and schedule.outcomes["features"].made == 1


def test_where_all_is_made_it_is_asked_at_once_until_there_is_something() -> None:
    more, asked = then(works([]), works(UNITS[:1]))
    schedule = Schedule(works([]), Unwatched(), more)
    assert asked() == 2 and begun(schedule) == "images 0"
    assert Schedule(works([]), Unwatched()).left(BOTH) == 0

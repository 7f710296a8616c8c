"""What is to be run, where, and what became of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt


@dataclass(frozen=True)
class Executor:
    """Where stages run.

    gpus_per_worker: GPUs of one worker of a stage that uses them, such as 0.5; None: one, where the cluster has any.
    resources: named resources that a worker takes of its node, by kind of stage (a word of a work's name) or, under "",
    for all. deadline: seconds that a unit may take; None: a multiple of what units of its stage have taken.
    """

    kind: Literal["ray", "inline"] = "ray"
    address: str | None = None
    workers: int | None = None
    threads: int | None = None
    gpus_per_worker: float | None = None
    resources: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    deadline: float | None = None


@dataclass(frozen=True)
class Work:
    """A stage and the units that it is to make.

    after: the name of another work; a unit that this one makes too is begun when it is made there, and left out where it is
    given up there. Units that the other work does not make can be begun at once.
    aside: names of units that nothing waits for: they are begun where no others can be.
    expected: units that it is likely to have at a time once more have come (`More`); so many workers are of use.
    """

    name: str
    stage: Stage
    units: Sequence[Unit]
    after: str | None = None
    aside: Collection[str] = frozenset()
    expected: int = 0


More = Callable[[], Sequence[Work] | None]
"""Asked when all units but those aside are made: the same works, each with the units that it is to make besides; None where
nothing comes. It is asked no more once a unit was given up."""


@dataclass
class Outcome:
    """What became of the units of a work: how many were made, and why others were given up."""

    made: int = 0
    quarantined: dict[str, str] = field(default_factory=dict)


class Watch(Protocol):
    """Is called with what happens while works run."""

    def __call__(self, work: str, units: Sequence[Unit], /) -> Callable[[Unit, Sequence[Receipt]], None]:
        """A work with its units begins; what is returned takes each unit that was made, with its new receipts."""

    def retried(self, work: str, unit: str, reason: str, /) -> None:
        """A unit failed, or its worker died, and it is to be begun again."""

    def quarantined(self, work: str, unit: str, reason: str, /) -> None:
        """A unit was given up, so that the rest can go on."""

    def note(self, text: str, /) -> None:
        """Something else that a person may want to know."""


class Unwatched:
    """Watches nothing."""

    def __call__(self, work: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:  # noqa: ARG002
        return lambda _unit, _receipts: None

    def retried(self, work: str, unit: str, reason: str) -> None: ...

    def quarantined(self, work: str, unit: str, reason: str) -> None: ...

    def note(self, text: str) -> None: ...

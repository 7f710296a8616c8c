"""The rounds of a sweep as its run folder records them: which prompts are drawn with which seeds, and why with these.

`rounds/0001.json` and so on: each is created once, before anything of its round is drawn, and is never replaced.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seedscope.pipeline.errors import RunBusy
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Crossed
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.records import Records

ROUNDS = "rounds"


@dataclass(frozen=True)
class Round:
    """New prompts x the seeds that are still in; the last one confirms the choice.

    Attributes:
        prompts: their ids. golden: of the last round, the seeds that were chosen, best first; None of the others.
        why: of the first round the rules of the sweep, of others what they were decided from.
    """

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    golden: tuple[int, ...] | None = None
    why: Mapping[str, Json] = field(default_factory=dict)


def rounds(storage: Storage) -> list[Round]:
    """Those that a run has recorded, in order; none where it is no sweep, or has not begun.

    Raises:
        StorageError: a record cannot be read.
    """
    records = _records(storage)
    return [_round(records, number) for number in records.numbers()]


def blocks_of(found: Sequence[Round], prompts: Iterable[Prompt]) -> list[Crossed]:
    """What rounds draw: an ordinary block of prompts x seeds each. prompts: those of the run, in any order.

    Raises KeyError for a prompt that is not among them.
    """
    named = {prompt.id: prompt for prompt in prompts}
    return [Crossed(tuple(named[name] for name in each.prompts), each.seeds) for each in found]


def record(storage: Storage, number: int, wanted: Round) -> None:
    """Record a round, from 1. Nothing to do where the same is recorded.

    Raises:
        RunBusy: another process has recorded another one.
        StorageError: the folder cannot be written.
    """
    records = _records(storage)
    golden: dict[str, Json] = {} if wanted.golden is None else {"golden": list(wanted.golden)}
    try:
        records.add(number, {**golden, "why": dict(wanted.why), "seeds": [*wanted.seeds], "prompts": [*wanted.prompts]})
    except FileExistsError:
        if _round(records, number) != wanted:
            raise RunBusy(
                f"{storage.url}: another process has just begun another round. Try again when it is done."
            ) from None


def _records(storage: Storage) -> Records:
    """Without the first one, which says that a run is a sweep, it passes for one in which all seeds are drawn."""
    return Records(storage, ROUNDS, from_nothing=False)


def _round(records: Records, number: int) -> Round:
    match found := records.read(number):
        case {"prompts": list(prompts), "seeds": list(seeds), "why": dict(why)}:
            named, numbers = [each for each in prompts if isinstance(each, str)], _whole(seeds)
            if len(named) == len(prompts) and len(numbers) == len(seeds):
                golden = found.get("golden")
                return Round(tuple(named), numbers, _whole(golden) if isinstance(golden, list) else None, why)
    raise records.unreadable(number, ValueError("it is not of a round"))


def _whole(values: list[Json]) -> tuple[int, ...]:
    return tuple(each for each in values if isinstance(each, int))

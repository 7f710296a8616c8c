"""The rounds of a sweep as its run folder records them: which prompts are drawn with which seeds, and why with these.

`rounds/0001.json` and so on: each is created once, before anything of its round is drawn, and is never replaced. A sweep that
asks for early pictures has `trial/0001.json` before them: what is drawn to see whether such pictures tell seeds apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seedscope.pipeline.errors import RunBusy
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Crossed
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.records import Records

ROUNDS, TRIAL = "rounds", "trial"


@dataclass(frozen=True)
class Ahead:
    """Ids of prompts that are held out, all of them, and random seeds that are confirmed beside whichever are chosen."""

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Round:
    """New prompts x the seeds that are still in; the last one confirms the choice.

    Attributes:
        prompts: their ids. golden: of the last round, the seeds that were chosen, best first; None of the others.
        why: of the first round the rules of the sweep, of others what they were decided from.
        ahead: what of the confirmation is drawn with this round, while it is measured; None where nothing is.
        early: whether its pictures are early ones, which lie in tables of their own.
    """

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    golden: tuple[int, ...] | None = None
    why: Mapping[str, Json] = field(default_factory=dict)
    ahead: Ahead | None = None
    early: bool = False


@dataclass(frozen=True)
class Trial:
    """What is drawn both early and finished, before the first round. The finished pictures are of the confirmation, too.

    Attributes:
        prompts: ids, of those that are held out. seeds: the first random ones. asked: the study's key `early`.
        why: the rules of the sweep, as its first round will say them; empty where an older version recorded none.
    """

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    asked: Mapping[str, Json]
    why: Mapping[str, Json] = field(default_factory=dict)


def rounds(storage: Storage) -> list[Round]:
    """Those that a run has recorded, in order; none where it is no sweep, or has not begun.

    Raises:
        StorageError: a record cannot be read.
    """
    records = _records(storage)
    return [_round(records, number) for number in records.numbers()]


@dataclass(frozen=True)
class Drawn:
    """A block that a round draws. number: of the round, from 1, and 0 of the trial. confirms: whether it is of the
    confirmation, or ahead of it. early: whether its pictures are early ones."""

    number: int
    confirms: bool
    block: Crossed
    early: bool = False


def drawn_by(found: Sequence[Round], prompts: Iterable[Prompt], trial: Trial | None = None) -> list[Drawn]:
    """What rounds draw, in order: an ordinary block of prompts x seeds each, and after it what each draws ahead.

    The last one, which confirms, draws what the others have not drawn ahead of it. prompts: those of the run, in any order.

    Raises KeyError for a prompt that is not among them.
    """
    named, blocks, before = {prompt.id: prompt for prompt in prompts}, list[Drawn](), dict[int, frozenset[str]]()

    def confirming(number: int, ids: Iterable[str], seeds: Sequence[int]) -> None:
        missing: dict[tuple[str, ...], list[int]] = {}
        for seed in seeds:
            there = before.get(seed, frozenset())
            missing.setdefault(tuple(name for name in ids if name not in there), []).append(seed)
            before[seed] = there.union(ids)
        for some, of in missing.items():
            if some:
                blocks.append(Drawn(number, True, Crossed(tuple(named[name] for name in some), tuple(of))))

    if trial is not None:
        confirming(0, trial.prompts, trial.seeds)
        blocks.append(replace(blocks[-1], early=True))
    for number, each in enumerate(found, 1):
        if each.golden is not None:
            confirming(number, each.prompts, each.seeds)
            continue
        blocks.append(
            Drawn(number, False, Crossed(tuple(named[name] for name in each.prompts), each.seeds), each.early)
        )
        if each.ahead is not None:
            confirming(number, each.ahead.prompts, each.ahead.seeds)
    return blocks


def trial(storage: Storage) -> Trial | None:
    """That of a run; None of one that has none.

    Raises:
        StorageError: its record cannot be read.
    """
    records = _trial_records(storage)
    if not records.numbers():
        return None
    found = records.read(1)
    block, asked, why = _block(found), found.get("asked"), found.get("why", {})
    if block is None or not isinstance(asked, dict) or not isinstance(why, dict):
        raise records.unreadable(1, ValueError("it is not of a trial"))
    return Trial(*block, asked, why)


def record_trial(storage: Storage, wanted: Trial) -> None:
    """Record the trial of a run. Nothing to do where the same is recorded.

    Raises:
        RunBusy: another process has recorded another one.
        StorageError: the folder cannot be written.
    """
    content: dict[str, Json] = {
        "asked": dict(wanted.asked),
        "why": dict(wanted.why),
        "seeds": [*wanted.seeds],
        "prompts": [*wanted.prompts],
    }
    try:
        _trial_records(storage).add(1, content)
    except FileExistsError:
        if trial(storage) != wanted:
            raise RunBusy(f"{storage.url}: {_ANOTHER}") from None


def record(storage: Storage, number: int, wanted: Round) -> None:
    """Record a round, from 1. Nothing to do where the same is recorded.

    Raises:
        RunBusy: another process has recorded another one.
        StorageError: the folder cannot be written.
    """
    records = _records(storage)
    some: dict[str, Json] = {} if wanted.golden is None else {"golden": list(wanted.golden)}
    if wanted.ahead is not None:
        some["ahead"] = {"prompts": [*wanted.ahead.prompts], "seeds": [*wanted.ahead.seeds]}
    if wanted.early:
        some["early"] = True
    try:
        records.add(number, {**some, "why": dict(wanted.why), "seeds": [*wanted.seeds], "prompts": [*wanted.prompts]})
    except FileExistsError:
        if _round(records, number) != wanted:
            raise RunBusy(f"{storage.url}: {_ANOTHER}") from None


_ANOTHER = "another process has just begun another round. Try again when it is done."


def _records(storage: Storage) -> Records:
    """Without the first one, which says that a run is a sweep, it passes for one in which all seeds are drawn."""
    return Records(storage, ROUNDS, from_nothing=False)


def _trial_records(storage: Storage) -> Records:
    """Without it, too, pictures that are there pass for those of a run in which all seeds are drawn."""
    return Records(storage, TRIAL, from_nothing=False)


def _round(records: Records, number: int) -> Round:
    found = records.read(number)
    golden, why, block, ahead = found.get("golden"), found.get("why"), _block(found), found.get("ahead")
    early = None if ahead is None else _block(ahead)
    if block is None or not isinstance(why, dict) or (early is None and ahead is not None):
        raise records.unreadable(number, ValueError("it is not of a round"))
    chosen = _whole(golden) if isinstance(golden, list) else None
    return Round(*block, chosen, why, None if early is None else Ahead(*early), found.get("early") is True)


def _block(found: Json) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """The prompts and seeds of a record; None where it does not name them."""
    match found:
        case {"prompts": list(prompts), "seeds": list(seeds)}:
            named, numbers = tuple(each for each in prompts if isinstance(each, str)), _whole(seeds)
            if len(named) == len(prompts) and len(numbers) == len(seeds):
                return named, numbers
    return None


def _whole(values: list[Json]) -> tuple[int, ...]:
    return tuple(each for each in values if isinstance(each, int))

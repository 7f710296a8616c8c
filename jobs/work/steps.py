"""The stages of a command as they stand before it, and what became of them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from seedscope.pipeline.running.runner import Executor, Outcome, Watch, Work, run_all
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt
from seedscope.pipeline.tables.table import Table

COMPACT_EVERY = 4096
"""Units after which a table's receipts are gathered into its index: status and resuming then read few one by one."""


@dataclass(frozen=True)
class Pending:
    """A stage before a run: how many units it has, what of it was taken back, and what is to be made now, if anything."""

    name: str
    units: int
    repaired: tuple[str, ...] = ()
    work: Work | None = None


@dataclass(frozen=True)
class Step:
    """What became of one stage: how many units and cells there are, were made now, were repaired, or failed.

    `prompts_cut`: prompts of what was made now that are longer than the text encoder takes.
    """

    name: str
    units: int
    made: int
    failed_cells: int
    repaired: tuple[str, ...]
    quarantined: dict[str, str]
    prompts_cut: int = 0


NextPending = Callable[[], Sequence[Pending] | None]
"""What comes when all but what lies aside is made, as `More`: of the stages there are; what of them was taken back."""


def carry_out(
    pending: Sequence[Pending], executor: Executor, watch: Watch, more: NextPending | None = None, *, alone: bool = True
) -> list[Step]:
    """Make all of it in one go; `alone`: nobody else works on the run, so that what dead writers left can be cleared.

    Raises:
        UserError: a mishap that trying again would not fix.
    """
    works = _taken_up(pending)
    tables = {work.name: list(work.stage.tables) for work in works}
    come = list[Pending]()

    def next_works() -> Sequence[Work] | None:
        found = None if more is None else more()
        if found is None:
            return None
        come.extend(found)
        return _taken_up(found)

    swept = list(chain(*tables.values())) if alone else []
    for table in swept:
        table.clear_scratch()
    tally = _Tally(watch, tables, indexed=alone)
    outcomes = run_all(works, executor, tally, None if more is None else next_works)
    for table in swept:
        table.clear_scratch()
        table.compact()
    return [tally.step(_with(item, come), outcomes.get(item.name, Outcome())) for item in pending]


def _taken_up(pending: Sequence[Pending]) -> list[Work]:
    """The works, without the notes on those of their units that were given up before."""
    works = [item.work for item in pending if item.work is not None]
    for work in works:
        for table in work.stage.tables:
            table.take_up(unit.name for unit in work.units)
    return works


def _with(item: Pending, come: Sequence[Pending]) -> Pending:
    """A stage with the units of it that came."""
    more = [each for each in come if each.name == item.name]
    repaired = [*item.repaired, *chain.from_iterable(each.repaired for each in more)]
    return replace(item, units=item.units + sum(each.units for each in more), repaired=tuple(repaired))


class _Tally:
    """Counts what the receipts say, keeps their index short of few, notes what is given up, and passes on what it is told."""

    def __init__(self, watch: Watch, tables: Mapping[str, Sequence[Table]], *, indexed: bool) -> None:
        self._watch, self._tables, self._indexed = watch, tables, indexed
        self._made = Counter[str]()
        self.retried, self.note = watch.retried, watch.note
        self._failed: dict[str, int] = {}
        self._cut: dict[str, set[str]] = {}

    def __call__(self, work: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:
        tell = self._watch(work, units)

        def made(unit: Unit, receipts: Sequence[Receipt]) -> None:
            self._failed[work] = self._failed.get(work, 0) + sum(receipt.failed for receipt in receipts)
            self._cut.setdefault(work, set()).update(prompt for receipt in receipts for prompt in _cut(receipt))
            tell(unit, receipts)
            self._made[work] += 1
            for table in self._tables[work] if self._indexed and self._made[work] % COMPACT_EVERY == 0 else []:
                table.compact()

        return made

    def quarantined(self, work: str, unit: str, reason: str) -> None:
        for table in self._tables[work]:
            if not table.has(unit):
                table.give_up(unit, reason)
        self._watch.quarantined(work, unit, reason)

    def step(self, item: Pending, outcome: Outcome) -> Step:
        failed, cut = self._failed.get(item.name, 0), len(self._cut.get(item.name, ()))
        return Step(item.name, item.units, outcome.made, failed, item.repaired, outcome.quarantined, cut)


def _cut(receipt: Receipt) -> list[str]:
    """The ids of a unit's prompts that are longer than the text encoder takes."""
    found = receipt.made.get("prompts_cut", [])
    return [str(prompt) for prompt in found] if isinstance(found, list) else []

"""Which unit is next: the order of all works of a command. It knows nothing of workers.

Units that are needed to know what else is to be made come first. When the last of them is made, `More` says what comes, and the
workers, which have kept what they loaded, go on with it; while it is being made, those that are free make what lies aside.
"""

from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Sequence

from seedscope.pipeline.running.attempt import Assignment, Result
from seedscope.pipeline.running.work import More, Outcome, Watch, Work
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt

ATTEMPTS = 3
Key = tuple[str, str]
"""The names of a work and of a unit of it."""


class Schedule:
    """What can be begun, what waits for what, and who has failed how often.

    A work that comes after another is taken from first: units are finished before others are begun, so that a run that is
    stopped has whole ones, and a stage that cannot work is found out early.
    """

    def __init__(self, works: Sequence[Work], watch: Watch, more: More | None = None) -> None:
        self.outcomes = {work.name: Outcome() for work in works}
        self._left = dict.fromkeys(self.outcomes, 0)
        self._works, self._watch, self._more = {work.name: work for work in works}, watch, more
        self._report_made: dict[Key, Callable[[Unit, Sequence[Receipt]], None]] = {}
        self._order = [work.name for work in sorted(works, key=lambda work: work.after is None)]
        self._ready = {work.name: deque[Unit]() for work in works}
        self._aside = {work.name: deque[Unit]() for work in works}
        self._waiting: dict[Key, list[tuple[str, Unit]]] = {}
        self._awaited = set[Key]()
        self._failures, self._halvings = Counter[Key](), Counter[Key]()
        self._add(works)
        self._grow()

    @property
    def grows(self) -> bool:
        """Whether units may come that are not known yet."""
        return self._more is not None

    def _add(self, works: Sequence[Work]) -> None:
        """Put units where they belong."""
        names = {work.name: {unit.name for unit in work.units} for work in works}
        for work in works:
            self._left[work.name] += len(work.units)
            told = self._watch(work.name, work.units) if work.units else None
            for unit in work.units:
                key = work.name, unit.name
                if told is not None:
                    self._report_made[key] = told
                if unit.name not in work.aside:
                    self._awaited.add(key)
                if work.after is not None and unit.name in names[work.after]:
                    self._waiting.setdefault((work.after, unit.name), []).append((work.name, unit))
                else:
                    self._queue(key).append(unit)

    def _queue(self, key: Key) -> deque[Unit]:
        """Where a unit waits to be begun."""
        return (self._ready if key in self._awaited else self._aside)[key[0]]

    def _grow(self) -> None:
        """Ask what else is to be made, once all that this waits for is made."""
        while self._more is not None and not self._awaited:
            given_up = any(outcome.quarantined for outcome in self.outcomes.values())
            found = None if given_up else self._more()
            if found is None:
                self._more = None
            else:
                self._add(found)

    def left(self, works: Iterable[str]) -> int:
        """How many units of these works are neither made nor given up nor left out."""
        return sum(self._left[work] for work in works)

    def take(self, works: Container[str]) -> Assignment | None:
        """The next attempt among these works; None where nothing of them can be begun now."""
        for queues in (self._ready, self._aside):
            for work in self._order:
                if work in works and queues[work]:
                    unit = queues[work].popleft()
                    key = work, unit.name
                    return Assignment(work, unit, self._failures[key] + 1, 2 ** self._halvings[key])
        return None

    def put_back(self, assignment: Assignment) -> None:
        """An attempt was not begun: it does not count."""
        self._queue((assignment.work, assignment.unit.name)).appendleft(assignment.unit)

    def ended(self, assignment: Assignment, result: Result) -> None:
        """An attempt came to its end, well or not.

        Raises:
            StorageError: its receipts cannot be written.
            UserError: what comes next cannot be told.
        """
        tables = self._works[assignment.work].stage.tables
        for place, receipt in result.receipts:
            if not tables[place].storage.conditional:  # elsewhere the worker has done so
                tables[place].commit(receipt)
        if result.failure is not None:
            self.failed(assignment, result.failure, halve=result.memory_ran_out)
            return
        key = assignment.work, assignment.unit.name
        self._left[assignment.work] -= 1
        self.outcomes[assignment.work].made += 1
        self._report_made[key](assignment.unit, [receipt for _, receipt in result.receipts])
        for work, unit in self._waiting.pop(key, []):
            self._queue((work, unit.name)).append(unit)
        self._awaited.discard(key)
        self._grow()

    def failed(self, assignment: Assignment, reason: str, *, halve: bool = False) -> None:
        """An attempt failed: the unit is tried again, with half the microbatch where that may help, or given up."""
        key = assignment.work, assignment.unit.name
        self._failures[key] += 1
        self._halvings[key] += halve
        if self._failures[key] < ATTEMPTS:
            self._watch.retried(*key, reason)
            self._queue(key).appendleft(assignment.unit)
            return
        self._watch.quarantined(*key, reason)
        self.outcomes[assignment.work].quarantined[assignment.unit.name] = reason
        self._leave_out(*key)

    def _leave_out(self, work: str, unit: str) -> None:
        """A unit will not be made in this run, and so nothing that comes after it."""
        self._left[work] -= 1
        self._awaited.discard((work, unit))
        for after, item in self._waiting.pop((work, unit), []):
            self._leave_out(after, item.name)

"""Which unit is next: the order of all works of a command. It knows nothing of workers."""

from collections import Counter, deque
from collections.abc import Container, Iterable, Sequence

from seedscope.pipeline.running.attempt import Assignment, Result
from seedscope.pipeline.running.work import Outcome, Watch, Work
from seedscope.pipeline.study.plan import Unit

ATTEMPTS = 3


class Schedule:
    """What can be begun, what waits for what, and who has failed how often.

    A work that comes after another is taken from first: units are finished before others are begun, so that a run that is
    stopped has whole ones, and a stage that cannot work is found out early.
    """

    def __init__(self, works: Sequence[Work], watch: Watch) -> None:
        self.outcomes = {work.name: Outcome() for work in works}
        self._left = {work.name: len(work.units) for work in works}
        self._works, self._watch = {work.name: work for work in works}, watch
        self._report_made = {work.name: watch(work.name, work.units) for work in works if work.units}
        self._order = [work.name for work in sorted(works, key=lambda work: work.after is None)]
        self._ready: dict[str, deque[Unit]] = {work.name: deque() for work in works}
        self._waiting: dict[tuple[str, str], list[tuple[str, Unit]]] = {}
        self._failures, self._halvings = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        names = {work.name: {unit.name for unit in work.units} for work in works}
        for work in works:
            for unit in work.units:
                if work.after is not None and unit.name in names[work.after]:
                    self._waiting.setdefault((work.after, unit.name), []).append((work.name, unit))
                else:
                    self._ready[work.name].append(unit)

    def left(self, works: Iterable[str]) -> int:
        """How many units of these works are neither made nor given up nor left out."""
        return sum(self._left[work] for work in works)

    def take(self, works: Container[str]) -> Assignment | None:
        """The next attempt among these works; None where nothing of them can be begun now."""
        for work in self._order:
            if work in works and self._ready[work]:
                unit = self._ready[work].popleft()
                key = work, unit.name
                return Assignment(work, unit, self._failures[key] + 1, 2 ** self._halvings[key])
        return None

    def put_back(self, assignment: Assignment) -> None:
        """An attempt was not begun: it does not count."""
        self._ready[assignment.work].appendleft(assignment.unit)

    def ended(self, assignment: Assignment, result: Result) -> None:
        """An attempt came to its end, well or not.

        Raises:
            StorageError: its receipts cannot be written.
        """
        tables = self._works[assignment.work].stage.tables
        for place, receipt in result.receipts:
            if not tables[place].storage.conditional:  # elsewhere the worker has done so
                tables[place].commit(receipt)
        if result.failure is not None:
            self.failed(assignment, result.failure, halve=result.memory_ran_out)
            return
        self._left[assignment.work] -= 1
        self.outcomes[assignment.work].made += 1
        self._report_made[assignment.work](assignment.unit, [receipt for _, receipt in result.receipts])
        for work, unit in self._waiting.pop((assignment.work, assignment.unit.name), []):
            self._ready[work].append(unit)

    def failed(self, assignment: Assignment, reason: str, *, halve: bool = False) -> None:
        """An attempt failed: the unit is tried again, with half the microbatch where that may help, or given up."""
        key = assignment.work, assignment.unit.name
        self._failures[key] += 1
        self._halvings[key] += halve
        if self._failures[key] < ATTEMPTS:
            self._watch.retried(*key, reason)
            self._ready[assignment.work].appendleft(assignment.unit)
            return
        self._watch.quarantined(*key, reason)
        self.outcomes[assignment.work].quarantined[assignment.unit.name] = reason
        self._leave_out(*key)

    def _leave_out(self, work: str, unit: str) -> None:
        """A unit will not be made in this run, and so nothing that comes after it."""
        self._left[work] -= 1
        for after, item in self._waiting.pop((work, unit), []):
            self._leave_out(after, item.name)

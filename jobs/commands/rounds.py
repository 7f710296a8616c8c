"""The rounds of a sweep, for `seedscope run`: each is made and measured, and says who stays in for the next one.

All rounds are one go of the workers, which keep their models: no worker waits where rounds meet. A round is decided when its
last score is there; until then, those that have nothing of it left to make draw what is confirmed whatever is decided.

Of the next round itself nothing is certain before that, and so nothing of it is begun: each missing score may put a seed out
that seems to be in; of measures that compare with all pictures (a distance), every score changes with the last picture; and
the race may end. Even where scores stand still and the race goes on, a unit has its place, and so its name, only where all
seeds before it are certain too: with one unit of 8 seeds missing that is one unit in ten of a round of 512 seeds, one in
a hundred of a round of 32, and with eight missing none (`benchmarks/barrier.py`).
"""

from typing import TYPE_CHECKING

from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.console import out, say_written
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from seedscope.analysis.judging.race.decide import Decision
    from seedscope.analysis.run.race import Race
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.jobs.work.make import Wanted
    from seedscope.pipeline.running.runner import Executor

NAMED = 3


def make_rounds(run: "DrawnRun", where: "Executor", *, other_versions: bool) -> "DrawnRun | None":
    """Make the rounds of a sweep to its end. Killed anywhere, the same call goes on with the same decisions.

    Returns:
        The run with all its rounds; None where it stops before that, which is said.

    Raises:
        UserError: as for `make_and_tell`.
        RunChanged: measurements have changed since a round was decided from them, and decide otherwise now.
    """
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export_nothing
    from seedscope.analysis.judging.race.table import write_race

    warn = True

    def made(some: "DrawnRun", growth: "Rounds | None" = None) -> None:
        nonlocal warn
        wanted: Wanted = {"pictures": True, "features": True, "other_versions": other_versions, "growth": growth}
        make_and_tell(some, where, warn=warn, show=warn, **wanted)
        warn = False

    rounds = Rounds(_tried(run, made))
    out.print(f"{_of(rounds.run).describe()}.", soft_wrap=True)
    while not rounds.over:
        if (early := rounds.run.early) is None:
            made(rounds.run, rounds)
            continue
        now, other = (early, rounds.run) if _of(rounds.run).in_early else (rounds.run, early)
        made(other)
        made(now, rounds)
    if (stop := rounds.stop) is None:
        return rounds.run
    out.print(stop.stopped or "")
    nothing = export_nothing(rounds.run, stop.measure, stop.better, stop.stopped or "")
    say_written([*nothing, write_race(rounds.run), *write_dataset(rounds.run)])
    return None


def _tried(run: "DrawnRun", made: "Callable[[DrawnRun], None]") -> "DrawnRun":
    """The run of a sweep once it is known whether its rounds go by early pictures; that of others as it is."""
    from seedscope.analysis.judging.race.early_trial import of_trial, tried
    from seedscope.analysis.run.raced_run import after_trial

    race = _of(run)
    if not race.trying or run.early is None:
        return run
    out.print(f"{race.describe()}.", soft_wrap=True)
    made(run)
    made(run.early)
    found = tried(run)
    run = after_trial(run, found.record(), kept=found.kept)
    out.print(of_trial(found.record()), soft_wrap=True)
    return run


class Rounds:
    """The rounds as they are decided: a `Growth` of the run.

    run: with all rounds so far. over: whether none comes. stop: the decision by which the sweep stops before its end.
    """

    def __init__(self, run: "DrawnRun") -> None:
        self.run, self.over = run, False
        self.stop: Decision | None = None
        self._looked_at = False
        self._put_off = frozenset[str]()

    @property
    def aside(self) -> "Collection[str]":
        """The units of the confirmation, while none waits for it."""
        from seedscope.analysis.run.parts import confirming

        race = _of(self.run)
        return [] if race.in_early or race.golden is not None else [unit.name for unit in confirming(self.run).units]

    @property
    def most(self) -> int:
        """Units of the largest round."""
        from seedscope.pipeline.study.plan import cut

        race = _of(self.run)
        blocks = [block for early in (False, True) for block in (*race.blocks(early=early), *race.to_come(early=early))]
        return max(len(cut([block], self.run.study.unit)) for block in blocks)

    def put_off(self, units: "Collection[str]", reasons: "Sequence[str]") -> None:
        """As of `Growth`.

        Raises:
            UserError: pictures of one of the units were made again since the last decision, and are damaged once more.
        """
        if again := sorted(self._put_off.intersection(units)):
            said = f": {'; '.join(reasons[:NAMED])}" if reasons else ""
            raise UserError(
                f"{self.run.folder.storage.url}: pictures of {len(again)} unit(s) ({', '.join(again[:NAMED])}) were made "
                f"again, and are damaged or gone once more before their round is decided{said}. Find out what damages them, "
                "such as a disk that fails, and run the same command again."
            )
        self._put_off |= {*units}

    def more(self) -> "DrawnRun | None":
        """Decide what comes after the last round, whose scores are there, and say it.

        Raises:
            UserError: no seed can stay in.
            RunChanged: measurements have changed since a round was decided from them, and decide otherwise now.
        """
        from seedscope.analysis.judging.export_run import withdraw_list
        from seedscope.analysis.judging.race.decide import decide, refuse_other_decisions
        from seedscope.analysis.judging.race.early_trial import refuse_other_trial
        from seedscope.analysis.run.parts import block, scored, stopped_without_list
        from seedscope.analysis.run.raced_run import with_round

        if not self._looked_at:
            refuse_other_trial(self.run)
            refuse_other_decisions(self.run)
            self._looked_at = True
        self.over = _of(self.run).golden is not None
        if self.over:
            return None
        decision = decide(self.run)
        for sentence in decision.sentences:
            out.print(sentence)
        if decision.round is None:
            self.stop, self.over = decision, True
            return None
        was_early = _of(self.run).in_early
        if stopped_without_list(self.run):  # and goes on now
            withdraw_list(self.run)
        self.run, self._put_off = with_round(self.run, decision.round), frozenset()
        race = _of(self.run)
        out.print(f"\n{race.describe()}.", soft_wrap=True)
        # Finished pictures are made in a go of their own.
        return None if was_early and not race.in_early else block(scored(self.run), len(race.rounds))


def _of(run: "DrawnRun") -> "Race":
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    return run.race

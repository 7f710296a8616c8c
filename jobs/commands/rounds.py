"""The rounds of a sweep, for `seedscope run`: each is made and measured, and says who stays in for the next one."""

from typing import TYPE_CHECKING

from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.console import out, say_written

if TYPE_CHECKING:
    from seedscope.analysis.run.race import Race
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.pipeline.running.runner import Executor


def make_rounds(run: "DrawnRun", where: "Executor", *, other_versions: bool) -> "DrawnRun | None":
    """Make the rounds of a sweep to its end. Killed anywhere, the same call goes on with the same decisions.

    Returns:
        The run with all its rounds; None where it stops before that, which is said.

    Raises:
        UserError: as for `make_and_tell`.
        RunChanged: measurements have changed since a round was decided from them, and decide otherwise now.
    """
    from seedscope.analysis.judging.export_run import export_nothing
    from seedscope.analysis.judging.race.decide import decide, refuse_other_decisions
    from seedscope.analysis.judging.race.table import write_race
    from seedscope.analysis.run.parts import block
    from seedscope.analysis.run.raced_run import with_round

    race = _of(run)
    out.print(f"{race.describe()}.", soft_wrap=True)
    make_and_tell(run, where, pictures=True, features=True, other_versions=other_versions)
    refuse_other_decisions(run)
    while race.golden is None:
        decision = decide(run)
        for sentence in decision.sentences:
            out.print(sentence)
        if decision.round is None:
            stopped = decision.stopped or ""
            out.print(stopped)
            say_written([*export_nothing(run, decision.measure, decision.better, stopped), write_race(run)])
            return None
        run = with_round(run, decision.round)
        race = _of(run)
        out.print(f"\n{race.describe()}.", soft_wrap=True)
        last = block(run, len(race.rounds))
        make_and_tell(last, where, warn=False, pictures=True, features=True, other_versions=other_versions)
    return run


def _of(run: "DrawnRun") -> "Race":
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    return run.race

"""Run stages over units, on Ray workers or in this process: one schedule for all stages of a command."""

from collections.abc import Sequence

from seedscope.pipeline.running.inline import run_here
from seedscope.pipeline.running.schedule import Schedule
from seedscope.pipeline.running.work import Executor, More, Outcome, Unwatched, Watch, Work

__all__ = ["Executor", "More", "Outcome", "Unwatched", "Watch", "Work", "run_all"]


def run_all(
    works: Sequence[Work], executor: Executor, watch: Watch | None = None, more: More | None = None
) -> dict[str, Outcome]:
    """Make the units of all works, those that depend on others as soon as these are made; what became of each work, by name.

    more: what comes when these are made, by the same workers; without it nothing does.

    A unit that fails three times is quarantined: named in the outcome, while the rest goes on without it, and without what
    comes after it.

    Raises:
        UserError: a mishap that trying again would not fix (no space, a model that cannot be loaded); it stops the run.
    """
    watch = watch or Unwatched()
    schedule = Schedule(works, watch, more)
    some = {work.name: work for work in works if schedule.grows or schedule.left([work.name])}
    if executor.kind == "inline":
        run_here({name: work.stage for name, work in some.items()}, schedule, executor.threads)
    elif some:
        # Imported here: nothing else waits for Ray.
        from seedscope.pipeline.running.on_ray import run_on_ray

        run_on_ray(some, schedule, executor, watch)
    return schedule.outcomes

"""All works in this process, in the order in which one worker would make them."""

import os
from collections.abc import Mapping

from seedscope.pipeline.run_extra import told_if_missing
from seedscope.pipeline.running.attempt import attempt
from seedscope.pipeline.running.schedule import Schedule
from seedscope.pipeline.running.stage import OpenStage, Stage
from seedscope.pipeline.running.worker import prepare


def run_here(stages: Mapping[str, Stage], schedule: Schedule, threads: int | None) -> None:
    """Make all that is left in the schedule.

    Raises:
        UserError: a mishap that trying again would not fix.
    """
    prepare(stages.values(), threads or os.cpu_count() or 1)
    opened: dict[str, OpenStage] = {}
    while assignment := schedule.take(stages):
        if assignment.work not in opened:
            with told_if_missing():
                opened[assignment.work] = stages[assignment.work].open()
        schedule.ended(assignment, attempt(opened[assignment.work], assignment))

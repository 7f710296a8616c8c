"""All works in this process, in the order in which one worker would make them."""

import os
from collections.abc import Mapping

from seedscope.pipeline.running.attempt import attempt
from seedscope.pipeline.running.schedule import Schedule
from seedscope.pipeline.running.stage import OpenStage, Stage
from seedscope.pipeline.running.worker import settle


def run_here(stages: Mapping[str, Stage], schedule: Schedule, threads: int | None) -> None:
    """Make all that is left in the schedule.

    Raises:
        UserError: a mishap that trying again would not mend.
    """
    settle(threads or os.cpu_count() or 1)
    opened: dict[str, OpenStage] = {}
    while task := schedule.take(stages):
        if task.work not in opened:
            opened[task.work] = stages[task.work].open()
        schedule.ended(task, attempt(opened[task.work], task))

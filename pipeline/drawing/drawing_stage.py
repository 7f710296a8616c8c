"""What stages that draw have in common, whatever they keep of the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seedscope.pipeline.drawing.tasks.base import Task
from seedscope.pipeline.models.device import workers_a_node
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.memory import memory
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.schema import Study
from seedscope.pipeline.tables.table import Table


@dataclass
class DrawingStage(Stage):
    """Draws the pictures of a unit as a task asks, with the model of a study, into one table."""

    study: Study
    located: Located
    table: Table
    task: Task

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def needs(self) -> Literal["cpu", "gpu"]:
        return "gpu" if self.study.compute.device in ("auto", "cuda") else "cpu"

    def workers_a_node(self) -> int | None:
        return workers_a_node(self.study.compute.device)

    def memory(self) -> int:
        sampling = self.study.sampling
        return memory(
            self.located,
            self.study.compute,
            self.located.size(sampling),
            sampling.guidance,
            through_decoder=self.task.through_decoder,
        )

"""An attempt at a unit, and what came of it."""

from dataclasses import dataclass, field

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.run_extra import told_if_missing
from seedscope.pipeline.running.stage import OpenStage, publish
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be tried: a unit of a work. attempt: 1 at first. smaller: what microbatches are to be divided by."""

    work: str
    unit: Unit
    attempt: int
    smaller: int


@dataclass
class Result:
    """What was published, as (place of the table in the stage, receipt), and what went wrong, if anything."""

    receipts: list[tuple[int, Receipt]] = field(default_factory=list)
    failure: str | None = None
    memory_ran_out: bool = False


def attempt(stage: OpenStage, assignment: Assignment) -> Result:
    """Make a unit.

    Raises:
        UserError: a mishap that trying again would not fix.
    """
    tables, result = list(stage.tables), Result()
    try:
        with told_if_missing():
            for table, receipt in publish(stage, assignment.unit, assignment.attempt, assignment.smaller):
                result.receipts.append((tables.index(table), receipt))
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  (a unit may fail in any way; it is named at the end)
        result.failure, result.memory_ran_out = one_line(error), _memory_ran_out(error)
    return result


def one_line(error: BaseException) -> str:
    """The kind of an error and the last line of its message."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else 'no message'}"


def _memory_ran_out(error: Exception) -> bool:
    # torch raises a bare RuntimeError where the system gives a CPU tensor no memory.
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)

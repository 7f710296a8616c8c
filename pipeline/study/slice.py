"""A static share of a run's units, for schedulers that start many jobs and connect none of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from seedscope.pipeline.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Slice:
    """Every `count`-th unit, from the `index`-th on (1-based): a unit belongs to exactly one slice."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """`3/16`.

        Raises:
            UserError: it is not such a text.
        """
        match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
        if not match or int(match[1]) > int(match[2]):
            raise UserError(f"--slice {text}: give I/N, such as 3/16, with I from 1 to N.")
        return cls(int(match[1]), int(match[2]))

    @property
    def name(self) -> str | None:
        """Names the slice in the run's locks; None of the whole."""
        return None if self.count == 1 else f"{self.index}-of-{self.count}"

    def of(self, units: Sequence[T]) -> list[T]:
        """The units that belong to the slice, in order."""
        return list(units[self.index - 1 :: self.count])


WHOLE = Slice()

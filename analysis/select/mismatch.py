"""What is raised of golden lists."""

from __future__ import annotations

from seedscope.pipeline.errors import UserError


class GoldenError(UserError, ValueError):
    """A golden list cannot be read or written."""


class GoldenMismatch(UserError, ValueError):
    """A golden list does not hold for the pipeline it was checked against; `reasons` has a sentence for each cause.

    Example:
        >>> try:
        ...     golden.check(pipe, steps=50)
        ... except GoldenMismatch as mismatch:
        ...     print(mismatch.reasons[0])
        The number of steps is 50, but the list was made with 1.
    """

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("\n".join(["These golden seeds do not hold here:", *(f"- {reason}" for reason in reasons)]))

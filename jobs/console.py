"""Where commands print: what they say is text, in which no bracket, number or control code means anything."""

import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

_CODES = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control codes but for tab and line feed; ESC begins most commands to a terminal
    r"\u2028\u2029\u202a-\u202e\u2066-\u2069"  # line separators, and what makes a line read in another order
    r"\ud800-\udfff]"  # bytes of file names that are no text
)

LONGEST_WORD = 400
"""Letters of a word that is printed whole."""
_LONG_WORD, _END = re.compile(rf"\S{{{LONGEST_WORD + 1},}}"), 100
LONGEST_LINE = 2_000
"""Letters of a line that is printed whole."""
_LINE_END = 450
MOST_LINES = 50
"""Lines of a text that is printed whole."""


def printable(text: str) -> str:
    """A text with what a terminal would obey instead of showing it written out, such as `\\x1b`."""
    return _CODES.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def shortened(text: str) -> list[str]:
    """The lines of a text, of which words and lines of thousands of letters, such as names, are told by their ends."""
    lines = text.splitlines()
    left_out = [f"... and {len(lines) - MOST_LINES:,} more lines."] if len(lines) > MOST_LINES else []
    return [*map(_shortened, lines[:MOST_LINES]), *left_out]


def _shortened(line: str) -> str:
    line = _LONG_WORD.sub(lambda found: f"{found[0][:_END]}...{found[0][-_END:]}", line)
    return line if len(line) <= LONGEST_LINE else f"{line[:_LINE_END]} ... {line[-_LINE_END:]}"


class _Printable(RenderHook):
    """Makes all that is printed printable; rich's own colours and moves of the cursor stay."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Shown(item) for item in renderables]


class _Shown:
    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def _console(*, stderr: bool = False) -> Console:
    # A notebook asks for colours (FORCE_COLOR), and shows no line that is drawn over another.
    terminal = False if "ipykernel" in sys.modules else None
    made = Console(stderr=stderr, markup=False, highlight=False, force_jupyter=False, force_terminal=terminal)
    made.push_render_hook(_Printable())
    return made


out = _console()
notes = _console(stderr=True)


@contextmanager
def for_a_program(as_json: bool) -> Iterator[None]:
    """Where a program reads standard output, what is told goes to standard error meanwhile."""
    before, out.stderr = out.stderr, as_json or out.stderr
    try:
        yield
    finally:
        out.stderr = before


def say_written(paths: Iterable[Path]) -> None:
    """Name the files that a command wrote."""
    for path in paths:
        out.print(f"wrote {path}", soft_wrap=True)


def say_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As Python tells of an exception that nobody expected, but printable: for `sys.excepthook`."""
    notes.print("".join(traceback.format_exception(kind, error, trace)), soft_wrap=True, end="")

"""Blocks of code of a Markdown page, run as a reader would, and what they print compared with what the page says.

- `yaml title="FILE"` and other blocks with a title are written to that file.
- `python` is executed; all blocks of a page share their names.
- `console`: lines that begin with `$ ` are commands, the lines after them what they print.
- `sh`: commands whose output the page does not show; they are run.
- A comment `<!-- not run: REASON -->` before a block excuses it. Its commands are parsed all the same.
- A block that is a whole file (`--8<-- "FILE"`) is run by the tests of that file.
- `text` after a `python` block is what that block prints.

In what is printed, `...` stands for anything, any white space for any other, and numbers may differ by what processors differ.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import command

RUN = ("python", "console", "sh")
_FENCE = re.compile(r"^```(?P<head>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_EXCUSE = re.compile(r"<!-- not run: (?P<reason>[^>]+) -->\s*\Z")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_RULES = re.compile(r"[━─═╇┿╪┼╈┯╤┬╧┷┴╋┳┻┃│║┏┓┗┛┡┩├┤└┘╞╡╒╕╘╛╭╮╰╯]+")


@dataclass(frozen=True)
class Block:
    """A block of code. line: where it begins; title: the file that it is; excuse: why it is not run."""

    page: str
    line: int
    language: str
    title: str
    text: str
    excuse: str

    @property
    def runs(self) -> bool:
        """Whether it is run when the page is."""
        return self.language in RUN and not self.excuse and not self.text.startswith("--8<--")

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path, text: str | None = None) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8") if text is None else text
    found = []
    for match in _FENCE.finditer(text):
        language, _, rest = match["head"].partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        excuse = _EXCUSE.search(text[: match.start()])
        line = text.count("\n", 0, match.start()) + 1
        found.append(
            Block(
                page.name,
                line,
                language.strip(),
                title[1] if title else "",
                match["body"],
                excuse["reason"] if excuse else "",
            )
        )
    return found


def calls(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a block, and what it is said to print."""
    if block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, _, printed = part.partition("\n")
            yield line, printed
    else:
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line, "..."


def run_page(found: list[Block]) -> None:
    """Run all blocks of a page in the working directory. Raises AssertionError with the place of what is otherwise."""
    names: dict[str, Any] = {"__name__": "page"}
    for number, block in enumerate(found):
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif not block.runs:
            continue
        elif block.language == "python":
            after = found[number + 1] if number + 1 < len(found) else block
            said = after.text if after.language == "text" else ""
            compare(block.place, said, _executed(block, names))
        else:
            for line, printed in calls(block):
                compare(f"{block.place}: {line}", printed, called(line))


def _executed(block: Block, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, block.place, "exec"), names)
    return printed.getvalue()


def called(line: str) -> str:
    """What a command prints. One that is refused prints the reason, and ends with code 2; other codes are faults."""
    words = shlex.split(line, comments=True)
    if words[0] == "seedscope":
        done = command(*words[1:], columns=80)
        printed, code = done.stdout + done.stderr, done.returncode
    else:
        outside = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
        printed, code = outside.stdout + outside.stderr, outside.returncode
    assert code == 0 or (code == 2 and "seedscope: " in printed), f"{line}: code {code}\n{printed}"
    return printed


def compare(place: str, said: str, printed: str) -> None:
    """Raise AssertionError unless what was printed is what is said."""
    pattern, numbers = [], []
    for part in re.split(r"(\.\.\.)", _plain(said)):
        if part == "...":
            pattern.append(".*?")
            continue
        last = 0
        for match in _NUMBER.finditer(part):
            pattern.append(re.escape(part[last : match.start()]) + f"({_NUMBER.pattern})")
            numbers.append(match[0])
            last = match.end()
        pattern.append(re.escape(part[last:]))
    match_all = re.fullmatch(
        "".join(pattern).replace(r"\ .*?", r"\ ?.*?").replace(r".*?\ ", r".*?\ ?"), _plain(printed)
    )
    assert match_all, f"{place}\nsaid:\n{said}\nprinted:\n{printed}"
    for told, found in zip(numbers, match_all.groups(), strict=True):
        assert _near(told, found), f"{place}: {told} is said, {found} is printed\n{printed}"


def _near(told: str, found: str) -> bool:
    """Whether numbers differ by no more than 2 %, or two units in the last place of a fraction."""
    value, other = (float(text.replace(",", "")) for text in (told, found))
    digits = len(told.partition(".")[2])
    return abs(value - other) <= max(0.02 * abs(value), 2 * 10**-digits if digits else 0)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", _RULES.sub(" ", text)).strip()

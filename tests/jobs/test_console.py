"""What is printed is shown, never obeyed: a terminal takes no command from a study, a file's name or an exception."""

import io
import sys

import pytest
from rich.console import Console
from rich.table import Table

from seedscope.jobs import console

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\x7f\r\u202egnp.exe\udce9[bold]"
SHOWN = r"a\x1b[31mred\x1b]0;title\x07\x9b2J\x7f\r\u202egnp.exe\udce9[bold]"


def printed(monkeypatch: pytest.MonkeyPatch, *items: object, terminal: bool = False) -> str:
    written = io.StringIO()
    monkeypatch.setattr(console.out, "_file", written)
    monkeypatch.setattr(console.out, "_force_terminal", terminal)
    for item in items:
        console.out.print(item, soft_wrap=True)
    return written.getvalue()


def test_control_codes_are_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert console.printable(HOSTILE) == SHOWN and console.printable("é\t木\n") == "é\t木\n"
    assert printed(monkeypatch, HOSTILE.replace("\x07", "").replace("\r", "")) == f"{SHOWN}\n".replace(
        r"\x07", ""
    ).replace(r"\r", "")


def test_in_tables_too_and_colours_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE)
    table.add_row(HOSTILE)
    text = printed(monkeypatch, table, terminal=True)
    assert text.count(r"\x1b[31mred") == 3 and "\x1b[31m" not in text and "\x9b" not in text and "\u202e" not in text


def test_exceptions_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(console.notes, "_file", written)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        console.say_traceback(*sys.exc_info())  # type: ignore[arg-type]  # there is one
    assert "\x1b" not in written.getvalue() and r"\x1b[31mred" in written.getvalue()
    assert written.getvalue().startswith("Traceback (most recent call last)")


def test_all_that_commands_print_goes_through_it() -> None:
    assert all(isinstance(item, Console) and item._render_hooks for item in (console.out, console.notes))

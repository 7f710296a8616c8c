"""Names of thousands of letters: a sentence of a few words, and no traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from commands import Done, command

from seedscope.jobs.console import LONGEST_WORD, MOST_LINES, shortened

LONG = "x" * 5000
BASE = {"name": "a", "model": "sprout", "prompts": ["a cat"], "seeds": "0-1"}


def planned(folder: Path, **changes: object) -> Done:
    (folder / "study.yaml").write_text(
        yaml.safe_dump({key: value for key, value in (BASE | changes).items() if value is not None})
    )
    return command("plan", folder / "study.yaml", "--out", folder / "run")


@pytest.mark.parametrize(
    "tried",
    [
        lambda folder: planned(folder, prompts=[{"file": f"{LONG}.txt"}]),
        lambda folder: planned(folder, prompts=[{"file": LONG}]),
        lambda folder: planned(folder, prompts=[{"file": f"{'x ' * 2500}.txt"}]),
        lambda folder: planned(folder, prompts=[{"file": f"{'y/' * 2500}b.csv"}]),
        lambda folder: planned(folder, model="sprout-inpaint", prompts=None, inpaint={"pictures": LONG}),
        lambda folder: planned(folder, model="sprout-inpaint", prompts=None, inpaint={"pictures": f"{LONG}.parquet"}),
        lambda folder: planned(folder, **{LONG: 1}),
        lambda folder: planned(folder, features=[LONG]),
        lambda folder: command("plan", LONG),
        lambda folder: command("status", folder / "study.yaml", "--out", LONG),
        lambda folder: command("import", LONG),
        lambda folder: command("import", folder, "--table", f"{LONG}.csv"),
    ],
)
def test_a_name_of_thousands_of_letters_is_told_by_its_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Callable[[Path], Done]
) -> None:
    monkeypatch.chdir(tmp_path)
    planned(tmp_path)
    done = tried(tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("seedscope: ") and "Traceback" not in done.stderr
    assert len(done.stderr) < 1000 and "..." in done.stderr, done.stderr


def test_only_what_nobody_reads_is_left_out() -> None:
    whole, long = "a" * LONGEST_WORD, f"/tmp/{'b' * LONGEST_WORD}/c.txt:"
    assert shortened(f"{whole} and {long} gone") == [f"{whole} and {long[:100]}...{long[-100:]} gone"]
    line = "a word " * 285
    assert shortened(f"{line}\n{line * 2}") == [line, f"{line[:450]} ... {line[-450:]}"]
    assert shortened("a\n" * MOST_LINES) == ["a"] * MOST_LINES
    assert shortened("a\n" * 2000) == [*["a"] * MOST_LINES, "... and 1,950 more lines."]


def test_a_name_of_thousands_of_lines_is_told_by_the_first(tmp_path: Path) -> None:
    done = planned(tmp_path, prompts=[{"file": "x\n" * 2500}])
    assert done.returncode == 2 and done.stderr.count("\n") <= MOST_LINES + 1, done.stderr[:2000]

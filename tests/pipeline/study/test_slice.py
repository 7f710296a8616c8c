"""Slices of a run: each unit in one of them, side by side in one run folder, apart from a driver of the whole."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedscope.pipeline.errors import RunBusy, RunChanged, UserError
from seedscope.pipeline.study.plan import Edition
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.slice import WHOLE, Slice
from seedscope.pipeline.tables.run_folder import RunFolder

EDITION = Edition((prompt("a cat"),), (0, 1))


@given(st.integers(0, 50), st.integers(1, 20))
def test_each_unit_is_in_exactly_one_slice(units: int, count: int) -> None:
    slices = [Slice(index, count).of(range(units)) for index in range(1, count + 1)]
    assert sorted(unit for some in slices for unit in some) == list(range(units))
    assert max(map(len, slices)) - min(map(len, slices)) <= 1
    assert WHOLE.of(range(units)) == list(range(units))


def test_a_slice_is_written_as_i_of_n() -> None:
    assert Slice.parse("3/16") == Slice(3, 16) and Slice.parse("1/1") == WHOLE
    assert Slice(3, 16).name == "3-of-16" and WHOLE.name is None
    for wrong in ("0/4", "5/4", "4", "1/0", "a/b", "1/4 "):
        with pytest.raises(UserError, match="give I/N, such as 3/16"):
            Slice.parse(wrong)


def test_slices_work_side_by_side_and_apart_from_the_whole(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with ExitStack() as held:
        held.enter_context(run.locked("1-of-2"))
        held.enter_context(run.locked("2-of-2"))
        for taken in ("1-of-2", None):
            with pytest.raises(RunBusy, match="works on this run"), run.locked(taken):
                pass
        me = f"process {os.getpid()} on {socket.gethostname()}"
        assert run.storage.holder() == f"{me}, {me}"
    assert run.storage.holder() is None
    with run.locked(), pytest.raises(RunBusy), run.locked("1-of-2"):
        pass
    with run.locked("1-of-2"):
        pass


class Slower(RunFolder):
    """A run folder in which another process records its edition just before this one does."""

    other: Edition
    cause: str

    def add(self, number: int, record: dict[str, object]) -> None:
        RunFolder(self.path).grow(self.cause, self.other)
        super().add(number, record)


@pytest.mark.parametrize(
    ("cause", "seeds", "busy"), [("same", (0, 1), False), ("same", (0, 2), True), ("x", (0, 1), True)]
)
def test_of_slices_that_begin_at_once_all_take_the_same_record(
    tmp_path: Path, cause: str, seeds: tuple[int, ...], busy: bool
) -> None:
    run = Slower(tmp_path)
    object.__setattr__(run, "other", Edition(EDITION.prompts, seeds))
    object.__setattr__(run, "cause", cause)
    if busy:
        with pytest.raises((RunBusy, RunChanged)):
            run.grow("same", EDITION)
    else:
        assert run.grow("same", EDITION) == [EDITION]
    assert len(run.editions()) == 1

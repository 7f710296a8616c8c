"""A sweep whose measured pictures are damaged whenever they are looked at ends with a sentence; others go on."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from played_sweep import made, opened, planted, study

from seedscope.jobs.commands.rounds import make_rounds
from seedscope.jobs.work import make
from seedscope.jobs.work.steps import Pending, Step
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.runner import Executor
from seedscope.pipeline.tables.table import Table


def test_damage_that_comes_back_is_not_mended_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(study(tmp_path), tmp_path / "run")
    made(run, planted(32, 0.33)[1])
    bad, passes = run.units[0].name, list[int]()

    def damaged(table: Table, *_: object) -> dict[str, str]:
        return {bad: f"{table.shard(bad)}: its bytes have changed"} if table.name == run.images.name else {}

    def made_anew(pending: Sequence[Pending], *_: object, **__: object) -> list[Step]:
        passes.append(1)
        assert len(passes) < 9, "it does not end"
        for item in pending:
            if item.name == "images" and item.work is not None and item.work.units:
                made(run, planted(32, 0.33)[1])
        return []

    monkeypatch.setattr(Table, "damaged", damaged)
    monkeypatch.setattr(make, "carry_out", made_anew)
    with pytest.raises(
        UserError, match=rf"pictures of 1 unit.s. \({bad}\) were made again, and are damaged.*bytes have"
    ):
        make_rounds(run, Executor(), other_versions=True)
    assert len(passes) <= 2

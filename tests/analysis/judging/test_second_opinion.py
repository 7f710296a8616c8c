"""torchmetrics computes from the stored pictures what the run says of its seeds; what it does not find is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command, small_reference

from seedscope.analysis.judging.second_opinion import second_opinions
from seedscope.analysis.run.opened import run_of

Write = Callable[..., Path]


STUDY: dict[str, Any] = {
    "name": "opinions",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "prompts": [f"a {name}" for name in ("cat", "car", "tree", "duck")],
    "seeds": "0-3",
    "features": [{"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score", "shuffles": 19, "bootstrap": 20},
}


def ran(folder: Path, **changes: object) -> tuple[Path, Path]:
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY | changes))
    done = command("run", study, "--out", folder / "run", "--executor", "inline")
    assert done.returncode == 0, done.stderr
    return study, folder / "run"


def test_all_numbers_agree(tmp_path: Path) -> None:
    study, out = ran(
        tmp_path,
        features=["fd_efficientnet_lite0", *STUDY["features"]],
        reference=str(small_reference(tmp_path)),
        ranking={**STUDY["ranking"], "by": "fd_efficientnet_lite0", "distances": ["kid"]},
    )
    found = second_opinions(run_of(study, out), pq.read_table(out / "seeds.parquet"), [2])
    assert [each.measure for each in found] == ["fd_efficientnet_lite0", "fd_efficientnet_lite0_kid", "clip_score"]
    assert all(each.agrees for each in found), found
    for each in found:
        if each.error is None:
            assert each.ours == pytest.approx(each.theirs, rel=1e-4)
        else:
            assert 0 < each.error < 0.1 * abs(each.theirs)


def test_a_number_that_is_another_is_named(tmp_path: Path) -> None:
    study, out = ran(tmp_path)
    done = command("verify", study, "--out", out, "--second-opinion", "--json")
    told = json.loads(done.stdout)["second_opinion"]
    assert done.returncode == 0 and len(told) == 3 and all(each["agrees"] for each in told)
    table = pq.read_table(out / "seeds.parquet")
    place = table.column_names.index("clip_score")
    changed = pa.array([value * 1.01 for value in table["clip_score"].to_pylist()], table["clip_score"].type)
    pq.write_table(table.set_column(place, table.schema.field(place), changed), out / "seeds.parquet")
    done = command("verify", study, "--out", out, "--second-opinion")
    assert done.returncode == 2 and "3 of 3 numbers differ by more than a thousandth: clip_score of seed" in done.stderr


def test_what_is_not_ranked_has_no_second_opinion(write_study: Write, tmp_path: Path) -> None:
    study = write_study(
        model="sprout-turbo", sampling={"steps": 1, "guidance": {"scale": 0}}, features=["looks"], ranking=None
    )
    assert command("run", study, "--out", tmp_path / "run", "--executor", "inline").returncode == 0
    done = command("verify", study, "--out", tmp_path / "run", "--second-opinion")
    assert done.returncode == 2 and "has no seeds.parquet yet" in done.stderr

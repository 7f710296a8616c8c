"""A bench draws and measures pieces of a study by its own model, and leaves the run as it is."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from commands import command

from seedscope.analysis.run.bench_file import FILE, Bench
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.measure_speed import pieces

Write = Callable[..., Path]
TURBO = {
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "prompts": ["a red apple", "a cat"],
    "compute": {"batch_size": 4, "device": "cpu"},
    "features": ["fd_efficientnet_lite0", "looks"],
}


def drawn(study: Path) -> DrawnRun:
    job = run_of(study)
    assert isinstance(job, DrawnRun)
    return job


def test_a_bench_of_a_real_study(write_study: Write, tmp_path: Path) -> None:
    study, out = write_study(**TURBO), tmp_path / "out"
    done = command("bench", study, "--out", out, "--seconds", "0", "--threads", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = Bench.model_validate_json(done.stdout)
    assert found == Bench.load(out / FILE) and [path.name for path in out.iterdir()] == [FILE]
    assert (found.rounds, found.pictures, found.device, found.threads) == (5, 4, "cpu", 1)
    for spread in found.rate.values():
        assert 0 < spread.least <= spread.median <= spread.most
    assert found.rate["worker"].most < min(found.rate["images"].most, found.rate["features"].most)
    assert set(found.seconds) == {"fd_efficientnet_lite0", "looks"} and min(found.seconds.values()) > 0
    assert found.bytes["images"] > 1_000 and found.bytes["features"] > 1_000
    assert (found.memory["rss"] or 0) > 2**27 and found.memory["gpu"] is None and found.loading > 0
    assert found.machine["torch"] and found.machine["host"]

    told = command("plan", study, "--out", out, "--gpus", "2", "--json")
    assert json.loads(told.stdout)["rated"]["bench"] == json.loads(found.model_dump_json())
    assert "one cpu worker of 1 threads" in command("plan", study, "--out", out).stdout


@pytest.mark.parametrize(
    ("prompts", "batch", "batches", "block", "seeds"),
    [(3, 4, 1, 2, 2), (3, 3, 1, 3, 1), (3, 3, 2, 3, 2), (3, 3, 99, 3, 2), (1, 4, 1, 1, 4), (3, 100, 1, 2, 4)],
)
def test_a_piece_is_whole_batches_of_a_block_of_prompts(
    write_study: Write, prompts: int, batch: int, batches: int, block: int, seeds: int
) -> None:
    shape = {"prompts": prompts, "seeds": 2}
    job = drawn(write_study(compute={"batch_size": batch, "device": "cpu"}, unit=shape))
    found = list(islice(pieces(job, batches, "piece"), 3))
    assert {(len(piece.prompts), len(piece.seeds)) for piece in found} == {(block, seeds)}
    assert len({piece.name for piece in found}) == 3 and found[0].prompts == job.units[0].prompts[:block]
    if seeds == 1:
        assert [piece.seeds for piece in found] == [(0,), (1,), (2,)]

"""A whole run in an object store: killed in the middle, finished, verified, and the same as one in a folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from object_store import BUCKET, ObjectStore, error, run_store
from PIL import Image
from typer.testing import CliRunner

from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import Run
from seedscope.jobs.cli import app

URL = f"s3://{BUCKET}/studies/small"
SEEDSCOPE = "import sys; from seedscope.jobs.cli import main; main()"
STUDY = {
    "name": "small",
    "model": "sprout-turbo",
    "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "prompts": [f"a {thing}" for thing in ("cat", "car", "tree", "duck", "bus", "rose")],
    "seeds": "0-3",
    "unit": {"prompts": 3, "seeds": 2},
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score", "rule": "top", "golden": 2, "shuffles": 20},
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with run_store(tmp_path, monkeypatch) as found:
        yield found


def seedscope(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done.output


def run_until_the_second_receipt(study: Path, store: ObjectStore) -> None:
    """Kill the driver while it commits its second unit: the shard is there, the receipt is not."""
    command = [
        sys.executable,
        "-c",
        SEEDSCOPE,
        "run",
        str(study),
        "--out",
        URL,
        "--executor",
        "inline",
        "--threads",
        "1",
    ]
    receipts = []

    def kill(environ: dict[str, Any]) -> tuple[str, bytes] | None:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "PUT" and "/images-" in path and path.endswith(".json"):
            receipts.append(path)
            if len(receipts) == 2:
                os.kill(driver.pid, signal.SIGKILL)
                return "503 Slow Down", error("SlowDown")
        return None

    store.trouble = kill
    with subprocess.Popen(command) as driver:
        assert driver.wait(120) == -signal.SIGKILL


def every_seventh_fails() -> Any:
    count = [0]

    def trouble(environ: dict[str, Any]) -> tuple[str, bytes] | None:
        count[0] += 1
        return ("503 Slow Down", error("SlowDown")) if count[0] % 7 == 0 else None

    return trouble


def checksums(job: Run) -> dict[str, dict[str, str]]:
    return {
        table.name: {unit: receipt.sha256 for unit, receipt in table.receipts().items()} for _, table, _ in job.tables()
    }


def test_killed_in_the_middle_finished_and_verified(store: ObjectStore, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY))
    run_until_the_second_receipt(study, store)
    images = run_of(study, URL).images
    shards = {name for name in images.storage.entries() if name.endswith(".parquet")}
    assert len(images.committed()) == 1 and len(shards) == 2

    store.trouble = every_seventh_fails()
    told = seedscope("run", study, "--out", URL, "--executor", "inline", "--threads", "1")
    assert "4 units, 3 made now" in told
    assert "whole" in seedscope("verify", study, "--out", URL, "--deep")
    store.trouble = ObjectStore.trouble

    seedscope("run", study, "--out", tmp_path / "here", "--executor", "inline", "--threads", "1")
    assert checksums(run_of(study, URL)) == checksums(run_of(study, str(tmp_path / "here")))
    there, here = FinishedRun.open(URL), FinishedRun.open(tmp_path / "here")
    assert there.ranking.table.equals(here.ranking.table) and there.golden == here.golden
    images.clear_scratch()
    shards = {name for name in images.storage.entries() if name.endswith(".parquet")}
    assert shards == {receipt.shard for receipt in images.receipts().values()} and len(shards) == 4


def test_pictures_are_imported_into_a_store(store: ObjectStore, tmp_path: Path) -> None:
    (pictures := tmp_path / "pictures").mkdir()
    rows = ["file,prompt,seed"]
    for seed in range(4):
        Image.new("RGB", (64, 64), (60 * seed, 90, 30)).save(pictures / f"{seed}.png")
        rows.append(f"{seed}.png,a plain,{seed}")
    (pictures / "table.csv").write_text("\n".join(rows))
    url = f"s3://{BUCKET}/imported"
    told = seedscope("import", pictures, "--out", url).replace("\n", " ").split()
    following = told[told.index("seedscope") + 1 :]
    assert following[-2:] == ["--out", url]
    study = Path(following[1])  # which is the person's to edit
    cheap = "features: [looks, {clip_score: {model: sprout-clip}}]\nranking: {by: clip_score, rule: top}"
    study.write_text(study.read_text().replace("features: [fd_efficientnet_lite0]", cheap))
    assert "features: 1 units, 1 made now" in seedscope(*following, "--executor", "inline", "--threads", "1")

"""`seedscope run` of a sweep in an object store: killed between and within rounds, it ends with the decisions of a calm one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import command
from forks import seedscope
from object_store import BUCKET, ObjectStore, error, run_store

from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.direction import Better
from seedscope.analysis.features.looks.looks import Looks
from seedscope.analysis.run.opened import run_of

URL, EARLY_URL = f"s3://{BUCKET}/sweep", f"s3://{BUCKET}/early"
HERE = ("--executor", "inline", "--threads", "1")
THINGS = [
    "cat",
    "car",
    "tree",
    "duck",
    "bus",
    "rose",
    "dog",
    "fish",
    "house",
    "key",
    "cup",
    "cake",
    "pig",
    "cow",
    "bee",
    "owl",
]


@pytest.fixture(autouse=True)
def bright_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds of this model decide two thirds of how bright a picture is: an effect that is there."""
    scalars: dict[str, Better | None] = {"brightness": "higher"}
    monkeypatch.setattr(Looks, "scalars", lambda _: scalars)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with run_store(tmp_path, monkeypatch) as found:
        yield found


def written(folder: Path, **changes: object) -> Path:
    path = folder / "study.yaml"
    study = {
        "name": "sweep",
        "model": "sprout-turbo",
        "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
        "compute": {"device": "cpu"},
        "prompts": [f"a {thing}" for thing in THINGS],
        "seeds": {"among": "0-15", "golden": 3, "budget": 160, "random": 9},
        "unit": {"prompts": 3, "seeds": 8},
        "features": ["looks"],
        "ranking": {"by": "looks", "shuffles": 20},
    }
    path.write_text(yaml.safe_dump(study | changes))
    return path


def killed_at(store: ObjectStore, study: Path, moment: Callable[[str], bool], url: str = URL) -> None:
    """Run it in a process that is killed when it first puts an object of such a name, which is lost."""

    def kill(environ: dict[str, Any]) -> tuple[str, bytes] | None:
        if environ["REQUEST_METHOD"] == "PUT" and moment(environ["PATH_INFO"]):
            os.kill(driver.pid, signal.SIGKILL)
            return "503 Slow Down", error("SlowDown")
        return None

    store.trouble = kill
    driver = seedscope(study.parent / "log", "run", study, "--out", url, *HERE)
    assert driver.wait() == -signal.SIGKILL, (study.parent / "log").read_text()
    store.trouble = ObjectStore.trouble


def test_killed_between_rounds_and_within_one_it_ends_as_undisturbed(store: ObjectStore, tmp_path: Path) -> None:
    study, here = written(tmp_path), tmp_path / "here"
    killed_at(store, study, lambda path: path.endswith("rounds/0002.json"))
    killed_at(store, study, lambda path: "/images-" in path and "receipts/" in path and "/000003" in path)
    found = run_of(study, URL)
    assert found.race is not None and len(found.race.rounds) == 2

    told = command("run", study, "--out", URL, *HERE)
    assert told.returncode == 0 and "Confirmation: 3 chosen and 9 random seeds" in told.stdout, told.stderr
    assert "Each round is as the scores decide" in command("verify", study, "--out", URL, "--deep").stdout

    calm = command("run", study, "--out", here, *HERE)
    assert calm.returncode == 0, calm.stderr
    there, local = run_of(study, URL), run_of(study, here)
    assert local.race is not None and local.race.golden is not None
    ahead = [each.ahead for each in local.race.rounds]
    assert ahead[0] is None and any(ahead) and "ahead, " in calm.stdout, (
        "random seeds are drawn while rounds are measured"
    )
    for number in range(1, len(local.race.rounds) + 1):
        name = f"rounds/{number:04d}.json"
        assert there.folder.storage.read(name) == (here / name).read_bytes()
    for one, other in zip(there.tables(), local.tables(), strict=True):
        marks = [{unit: each.sha256 for unit, each in table.receipts().items()} for _, table, _ in (one, other)]
        assert marks[0] == marks[1]
    golden = FinishedRun.open(here).golden
    assert golden == FinishedRun.open(URL).golden and golden is not None
    assert len(golden.seeds) == 3 and golden.why.race is not None and golden.why.race.p <= 0.025
    assert "confirmed" in golden.why.sentence and (here / "golden.txt").exists() and (here / "race.parquet").exists()


def test_with_early_pictures_it_is_killed_in_the_trial_and_in_an_early_round_and_ends_as_undisturbed(
    store: ObjectStore, tmp_path: Path
) -> None:
    early = {"steps": 0.4, "correlation": 0.05}
    study, here = (
        written(
            tmp_path,
            model="sprout",
            sampling={"scheduler": "ddim", "steps": 5, "guidance": {"scale": 0}},
            prompts=[f"a {thing}{where}" for thing in THINGS for where in ("", " on grass")],
            seeds={"among": "0-15", "golden": 3, "budget": 160, "random": 9, "early": early, "anyway": True},
        ),
        tmp_path / "here",
    )
    killed_at(store, study, lambda path: "/early-" in path and "receipts/" in path and "/000001" in path, EARLY_URL)
    killed_at(store, study, lambda path: path.endswith("rounds/0001.json"), EARLY_URL)
    killed_at(store, study, lambda path: "/early-" in path and "receipts/" in path and "/000003" in path, EARLY_URL)
    told = command("run", study, "--out", EARLY_URL, *HERE)
    assert told.returncode == 0 and "Round 1 of 3: 16 of 16 seeds" in told.stdout, told.stderr
    assert "Each round is as the scores decide" in command("verify", study, "--out", EARLY_URL, "--deep").stdout

    calm = command("run", study, "--out", here, *HERE)
    assert calm.returncode == 0 and "the first half of the rounds goes by early pictures" in calm.stdout, calm.stderr
    there, local = run_of(study, EARLY_URL), run_of(study, here)
    assert local.race is not None and [each.early for each in local.race.rounds] == [True, False, False, False]
    for name in ("trial/0001.json", *(f"rounds/{number:04d}.json" for number in range(1, 5))):
        assert there.folder.storage.read(name) == (here / name).read_bytes()
    assert {stage for stage, _, _ in local.tables()} == {"images", "features", "early images", "early features"}
    for one, other in zip(there.tables(), local.tables(), strict=True):
        marks = [{unit: each.sha256 for unit, each in table.receipts().items()} for _, table, _ in (one, other)]
        assert marks[0] == marks[1] and marks[0].keys() == {unit.name for unit in one[2]}
    golden = FinishedRun.open(here).golden
    assert golden == FinishedRun.open(EARLY_URL).golden and golden is not None
    report = command("report", study, "--out", here)
    assert report.returncode == 0, report.stderr

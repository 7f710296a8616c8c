"""A run folder in place of a study file: the run is that of the study which it keeps, or a sentence says why there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seedscope.analysis.run.opened import begun, opened, run_folder, run_of
from seedscope.pipeline.errors import UserError

Write = Callable[..., Path]


@pytest.fixture
def run(write_study: Write, tmp_path: Path) -> Path:
    """The folder of a run that was begun."""
    measured = {"features": [{"clip_score": {"model": "sprout-clip"}}], "ranking": {"by": "clip_score"}}
    with opened(write_study(**measured), tmp_path / "run"):
        return tmp_path / "run"


def test_a_run_folder_names_its_study(run: Path) -> None:
    found, by_file = run_of(run), run_of(run.parent / "study.yaml", run)
    assert found.study == by_file.study and found.wanted == by_file.wanted
    assert found.folder.storage.url == by_file.folder.storage.url == str(run)
    assert begun(found).wanted == by_file.wanted, "it goes on as by the study file"


def test_so_does_its_url(run: Path) -> None:
    assert run_of(Path(f"file://{run}")).folder.storage.url == str(run)
    assert run_folder(Path("s3://bucket/runs/mine")) == "s3://bucket/runs/mine", "of its slashes a path keeps one"


def test_so_does_the_folder_of_imported_pictures(imported: Path) -> None:
    with opened(imported):
        pass
    assert run_of(imported.parent).study == run_of(imported).study


def test_its_folder_may_be_named_twice_and_no_other_beside_it(run: Path, tmp_path: Path) -> None:
    assert run_of(run, run).folder.storage.url == str(run)
    with pytest.raises(UserError, match=r"--out .*other: .*run is the run's folder already"):
        run_of(run, tmp_path / "other")


def test_a_folder_that_keeps_no_study_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"keeps no study.json.* Name the study file, and the folder with --out"):
        run_of(tmp_path)


def test_what_is_wrong_with_the_study_that_it_keeps_is_said(run: Path) -> None:
    file = run / "study.json"
    file.write_text(file.read_text().replace("clip_score", "no_such_feature"))
    with pytest.raises(UserError, match="no feature is called .no_such_feature."):
        run_of(run)

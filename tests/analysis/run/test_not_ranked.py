"""A study that ranks no seeds is drawn and measured; pictures are compared with none that nobody named."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from imported_runs import imported_run
from made_up_run import made_up, publish_run

from seedscope.analysis.run.measured import unnamed_reference
from seedscope.analysis.run.opened import run_of
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Study

ASKED = {"name": "mine", "prompts": ["a cat"], "seeds": "0-3"}


def test_a_run_that_ranks_nothing_ends_in_its_measurements(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(4, 6), ranking=None)
    done = command("run", study, "--out", tmp_path / "run", "--executor", "inline", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["chosen"] is None
    assert {Path(name).name for name in told["files"]} == {"prompts.parquet", "scores.parquet", "README.md"}
    scores = pq.read_table(tmp_path / "run" / "scores.parquet")
    assert scores.num_rows == 24
    assert np.all(np.isfinite(scores["clip_score"].to_numpy()))
    assert not (tmp_path / "run" / "seeds.parquet").exists()


@pytest.mark.parametrize("name", ["seeds", "export", "report", "diverse"])
def test_what_takes_a_ranking_says_that_there_is_none(tmp_path: Path, name: str) -> None:
    study = publish_run(tmp_path, made_up(4, 6), ranking=None)
    done = command(name, study, "--out", tmp_path / "run")
    assert done.returncode == 2 and "ranks no seeds (`ranking: null`)" in done.stderr, done


def test_a_sweep_has_to_rank() -> None:
    sweep = {"among": "0-63", "golden": 4, "budget": 640}
    with pytest.raises(ValueError, match="a sweep of seeds goes by one feature; name it as ranking.by"):
        Study.model_validate(ASKED | {"model": "sprout", "seeds": sweep, "ranking": None})


def test_bundled_reference_pictures_are_named_where_the_model_is_ones_own(tmp_path: Path) -> None:
    bundled = Study.model_validate(ASKED | {"model": "sprout-turbo"})
    run = run_of(bundled, tmp_path)
    assert run.reference.count() > 1 and unnamed_reference(bundled, run.measured) is None
    own = Study.model_validate(ASKED | {"model": str(_copied(tmp_path))})
    said = unnamed_reference(own, run.measured)
    assert said is not None and "names no `reference`" in said
    assert unnamed_reference(own.model_copy(update={"reference": "sprout"}), run.measured) is None
    assert unnamed_reference(own, [item for item in run.measured if not item.needs_reference]) is None


def test_imported_pictures_are_compared_with_none_that_nobody_named(tmp_path: Path) -> None:
    study = imported_run(tmp_path)
    content = {key: value for key, value in yaml.safe_load(study.read_text()).items() if key != "reference"}
    study.write_text(yaml.safe_dump(content))
    with pytest.raises(
        UserError, match="reference: fd_efficientnet_lite0 compares with reference pictures, and none are"
    ):
        run_of(study)
    study.write_text(yaml.safe_dump(content | {"features": ["looks"], "ranking": None}))
    assert not run_of(study).reference_measures


def _copied(folder: Path) -> Path:
    from seedscope.pipeline.models.locate import bundled

    link = folder / "own-model"
    link.symlink_to(bundled()["sprout-turbo"], target_is_directory=True)
    return link

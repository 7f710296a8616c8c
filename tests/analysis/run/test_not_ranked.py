"""A study that ranks no seeds is drawn and measured; pictures are compared with none that nobody named."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import command
from made_up_run import made_up, publish_run

from seedscope.analysis.run.opened import run_of
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import FeatureChoice, Study

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


def test_pictures_are_compared_with_bundled_ones_where_the_model_is_bundled(tmp_path: Path) -> None:
    bundled = Study.model_validate(ASKED | {"model": "sprout-turbo"})
    assert run_of(bundled, tmp_path).reference.count() > 1
    whole = bundled.model_dump(mode="json")
    own = Study.model_validate(whole | {"model": {"id": str(_copied(tmp_path))}})
    with pytest.raises(
        UserError, match="reference: fd_efficientnet_lite0 compares with reference pictures, and none are"
    ):
        run_of(own, tmp_path / "run")
    unranked = own.model_copy(update={"features": [FeatureChoice(name="looks")], "ranking": None})
    assert not run_of(unranked, tmp_path / "run").reference_measures


def _copied(folder: Path) -> Path:
    from seedscope.pipeline.models.locate import bundled

    link = folder / "own-model"
    link.symlink_to(bundled()["sprout-turbo"], target_is_directory=True)
    return link

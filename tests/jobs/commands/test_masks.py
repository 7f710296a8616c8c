"""Objects that the layout feature found become the masks of an inpainting study."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from seedscope.jobs.cli import app
from seedscope.pipeline.drawing.tasks.inpainting import Inpainting
from seedscope.pipeline.study.schema import Inpaint

LAYOUT = {"model": "sprout-layout/segmentation", "depth": "", "objects": "any"}


def drawn(folder: Path, features: list[object]) -> Path:
    study = folder / "study.yaml"
    content = {
        "name": "small",
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "guidance": {"scale": 0}},
        "compute": {"device": "cpu"},
        "prompts": ["a red apple", "a cat", "a blue car"],
        "seeds": "0-3",
        "features": features,
        "ranking": {"by": "clip_score"},
    }
    study.write_text(yaml.safe_dump(content))
    for step in ("generate", "features"):
        done = CliRunner().invoke(
            app, [step, str(study), "--out", str(folder / "run"), "--executor", "inline", "--threads", "1"]
        )
        assert done.exit_code == 0, done.output
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masks")
    return drawn(folder, [{"clip_score": {"model": "sprout-clip"}}, {"layout": LAYOUT}])


def masks(study: Path, file: Path, *options: str) -> Inpainting:
    run = str(study.parent / "run")
    done = CliRunner().invoke(app, ["masks", str(study), "--out", run, "--to", str(file), *options])
    assert done.exit_code == 0, done.output
    return Inpainting.named(Inpaint(pictures=str(file)), (64, 64))


def test_the_file_is_what_an_inpainting_study_takes(study: Path, tmp_path: Path) -> None:
    found = masks(study, tmp_path / "masks.parquet")
    prompts = found.prompts()
    assert 16 <= len(prompts) <= 24 and {found.kind(prompt.id) for prompt in prompts} == {"removal", "completion"}
    completions = {prompt.text for prompt in prompts if found.kind(prompt.id) == "completion"}
    assert completions & {"apple", "cat", "car"}
    for prompt in prompts:
        pixels, mask = found.given(prompt.id)
        assert pixels.shape == (64, 64, 3) and 0.01 <= mask.mean() < 0.9


def test_a_mask_grows_and_the_number_is_limited(study: Path, tmp_path: Path) -> None:
    tight, wide = (
        masks(study, tmp_path / "a.parquet", "--grow", "0"),
        masks(study, tmp_path / "b.parquet", "--limit", "5"),
    )
    assert len(wide.prompts()) == 10
    by_picture = {prompt.group: prompt.id for prompt in tight.prompts()}
    for prompt in wide.prompts():
        inner, outer = tight.given(by_picture[prompt.group])[1], wide.given(prompt.id)[1]
        assert np.all(outer[inner]) and outer.sum() > inner.sum()


def test_a_run_without_layout_says_so(tmp_path: Path) -> None:
    study = drawn(tmp_path, [{"clip_score": {"model": "sprout-clip"}}])
    run = str(tmp_path / "run")
    done = CliRunner().invoke(app, ["masks", str(study), "--out", run, "--to", str(tmp_path / "m.parquet")])
    assert done.exit_code == 1 and "does not measure `layout`" in str(done.exception)

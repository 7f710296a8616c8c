"""Every study that ships is valid, and those at the published scale have its numbers."""

import re
from pathlib import Path

import pytest
from repository import CONFIGS

from seedscope.analysis.features import feature
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.prompts import read_prompts
from seedscope.pipeline.study.schema import Study


def study(name: str) -> Study:
    found = load_study(CONFIGS / name)
    assert isinstance(found, Study)
    return found


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.name)
def test_a_study_that_ships_is_valid(file: Path) -> None:
    for choice in study(file.name).features:
        feature(choice.name, **choice.options)


@pytest.mark.parametrize("name", ["sd2.yaml", "sdxl_turbo.yaml"])
def test_the_published_grid_and_seeds(name: str) -> None:
    found = study(name)
    prompts = read_prompts(found.prompts)
    assert len(prompts) == 40 * 22 and len({prompt.group for prompt in prompts}) == 40
    assert found.seeds == list(range(1024))
    assert not [prompt.text for prompt in prompts if " a a" in prompt.text or " a e" in prompt.text]


@pytest.mark.parametrize("name", ["sd2.yaml", "sdxl_turbo.yaml", "sd2_inpaint.yaml"])
def test_a_model_of_the_hub_is_pinned_to_a_commit(name: str) -> None:
    assert re.fullmatch("[0-9a-f]{40}", str(study(name).model.revision))

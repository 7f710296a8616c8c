"""Similarity guidance in a study file: what may stand there, and what is said of mistakes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.schema import Study


def sampling(steps: int = 20, **similarity: Any) -> dict[str, Any]:
    return {"steps": steps, "guidance": {"scale": 3.0, "similarity": {"to": {"text": "a cat"}} | similarity}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            sampling(to={}),
            "sampling.guidance.similarity.to: nothing is given; name one of text, picture, style and class",
        ),
        (sampling(to={"text": "x", "class": "y"}), "to: text and class are given; name one of"),
        (sampling(to={"txt": "x"}), "sampling.guidance.similarity.to.txt: unknown key; did you mean 'text'?"),
        (
            sampling(to={"class": 207}),
            "to.class: Input should be a valid string (it is 207). If it is meant as a text, put",
        ),
        (sampling(to={"class": "cat"}), "similarity: a class needs `by`, an image classifier"),
        (sampling(to={"style": "a.png"}, by="sprout-clip"), "a style is measured by EfficientNet-Lite0; remove `by`"),
        (sampling(window=[0.7, 0.3]), "window: two shares of the steps are needed, such as [0.3, 0.7]"),
        (
            sampling(window=[0.51, 0.54]),
            "guidance.similarity.window: none of the 20 steps lies in [0.51, 0.54]; widen it",
        ),
        (
            sampling(steps=1),
            "sampling: guidance.similarity changes steps on the way, and `steps: 1` has none; take more",
        ),
        (sampling(through="vae"), "sampling.guidance.similarity.through: Input should be 'network' or 'decoder'"),
    ],
)
def test_mistakes_are_said_in_a_sentence(given: dict[str, Any], said: str, write_study: Callable[..., Path]) -> None:
    with pytest.raises(StudyError) as error:
        load_study(write_study(sampling=given))
    assert said in str(error.value)


def test_weights_that_are_moved_away_are_refused(write_study: Callable[..., Path]) -> None:
    with pytest.raises(
        StudyError, match=r"takes gradients through networks that compute\.offload moves away; remove one"
    ):
        load_study(write_study(sampling=sampling(), compute={"offload": "model"}))


def test_a_study_that_is_kept_is_read_again() -> None:
    wanted = sampling(to={"class": "tabby"}, by="mine/classifier", window=[0.1, 0.5])
    kept = Study.model_validate({"name": "t", "model": "sprout", "prompts": ["x"], "seeds": [0], "sampling": wanted})
    assert Study.model_validate_json(kept.model_dump_json()) == kept


def test_files_are_relative_to_the_study_and_may_be_carried(write_study: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "clips" / "mine").mkdir(parents=True)
    found = load_study(write_study(sampling=sampling(to={"picture": "pictures/one.png"}, by="clips/mine")))
    assert isinstance(found, Study) and found.sampling.guidance.similarity is not None
    assert found.sampling.guidance.similarity.to.picture == str(tmp_path / "pictures" / "one.png")
    assert found.sampling.guidance.similarity.by == str(tmp_path / "clips" / "mine")
    assert found.places[-2:] == [str(tmp_path / "clips" / "mine"), str(tmp_path / "pictures" / "one.png")]


def test_the_middle_of_the_steps_is_guided() -> None:
    guidance = Study.model_validate(
        {"name": "t", "model": "sprout", "prompts": ["x"], "seeds": [0], "sampling": sampling()}
    ).sampling.guidance
    found = guidance.acting_similarity
    assert found is not None and found.strength == 0.2
    assert [step for step in range(20) if found.acts(step, 20)] == [*range(6, 14)]
    none = found.model_copy(update={"strength": 0.0})
    assert guidance.model_copy(update={"similarity": none}).acting_similarity is None

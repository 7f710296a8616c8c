"""A study draws one thing, named by a section of its own or under `task`."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from stock_pictures import study

from seedscope.pipeline.drawing import tasks
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.drawing.tasks.inpainting import Inpainting
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.schema import Study, TaskChoice, fingerprint


def inpainted(**changes: Any) -> Study:
    fields = {"name": "t", "model": "sprout-inpaint", "inpaint": {"pictures": "sprout"}, "seeds": [0]}
    return Study.model_validate(fields | changes)


def test_the_section_of_a_study_says_what_it_draws() -> None:
    assert task_of(study("sprout")) is TextToImage and task_of(inpainted()) is Inpainting
    assert not TextToImage.fills_masks and Inpainting.fills_masks


def test_a_task_is_cheap_to_send_and_knows_its_prompts() -> None:
    wanted = study("sprout")
    task = TextToImage.of(wanted, locate(wanted.model))
    assert [item.text for item in pickle.loads(pickle.dumps(task)).prompts()] == list(wanted.prompts)  # noqa: S301
    assert task.control is None and task.schema.names[-1] == "error"


def test_pictures_drawn_from_prompts_alone_keep_their_names() -> None:
    wanted = study("sprout")
    assert not {"task", "inpaint"} & set(cause(wanted, locate(wanted.model)))


def test_a_task_and_its_options_are_in_the_cause_of_the_pictures_whatever_its_author_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(tasks._CLASSES, "same", "text_to_image:TextToImage")
    plain = study("sprout")
    located = locate(plain.model)
    studies = [
        plain,
        *(plain.model_copy(update={"task": TaskChoice(name="same", options={"share": s})}) for s in (1, 2)),
    ]
    assert len({fingerprint(cause(each, located)) for each in studies}) == 3


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("inpant", "task: there is no task 'inpant'; did you mean 'inpaint'?"),
        (
            {"faded": {"share": 0.5}},
            "task: there is no task 'faded'; known are prompts, inpaint, swap, particles, negatives.",
        ),
    ],
)
def test_a_task_that_does_not_exist_is_told_with_the_near_miss(task: object, message: str) -> None:
    with pytest.raises(StudyError) as error:
        task_of(study("sprout").model_copy(update={"task": Study.model_validate(_with(task)).task}))
    assert str(error.value) == message


def _with(task: object) -> dict[str, object]:
    return {"name": "t", "model": "sprout", "prompts": ["a cat"], "seeds": [0], "task": task}


def test_a_study_draws_one_thing(write_study: Any, tmp_path: Path) -> None:
    path = write_study(prompts=[], inpaint={"pictures": "sprout"}, task="swapped")
    path.write_text(path.read_text().replace("prompts: []\n", ""))
    with pytest.raises(StudyError, match="both `task` and `inpaint` are given"):
        load_study(path)

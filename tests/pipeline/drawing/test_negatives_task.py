"""Each pair is drawn with its negative prompt and with its null, from a step on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pairs_study import of_pairs

from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.tasks.negatives import UNWANTED, Negatives, _cells
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.plan import Edition, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import FileSource, Study


def drawn(study: Study, task: Any) -> dict[str, torch.Tensor]:
    """Pictures of seed 0, by the id of their prompt."""
    drawing = Drawing(study, locate(study.model), task)
    (unit,) = plan([Edition(tuple(task.prompts()), (0,))], study.unit)
    drawing.begin(unit)
    cells = list(unit.cells)
    pixels, _ = drawing.draw(cells)
    return {cell[0].id: picture.int() for cell, picture in zip(cells, pixels, strict=True)}


def test_prompts_are_of_pairs_with_what_is_not_wanted_and_ids_of_their_own(tmp_path: Path) -> None:
    study = of_pairs(tmp_path)
    task = Negatives.of(study, locate(study.model))
    prompts = task.prompts()
    assert [each.text for each in prompts] == ["a cat"] * 4 and len({each.id for each in prompts}) == 4
    assert [each.facts[UNWANTED] for each in prompts] == ["grass", "grass", "red", "red"]
    assert [task.given[each.id].negative for each in prompts] == ["grass", "key", "red", "key"]
    assert {each.group for each in prompts} == {"a cat"}
    guidance = study.sampling.guidance.model_copy(update={"negative_prompt": "blurry, {negative}"})
    assert task.guided(prompts[2], guidance).negative_prompt == "blurry, red"
    assert task.begin(None, prompts).columns[prompts[1].id] == {  # type: ignore[arg-type]  # the model is not looked at
        "negative": "key",
        "unwanted": "grass",
        "word": "cat",
    }


def test_each_is_the_picture_of_a_study_with_its_negative_prompt(tmp_path: Path) -> None:
    study = of_pairs(tmp_path, negative_from=1)
    task = Negatives.of(study, locate(study.model))
    found = drawn(study, task)
    grass, key, _, again = (found[each.id] for each in task.prompts())
    assert (key - again).abs().max() <= 1, "the null is the same, whatever is not wanted"
    for negative, picture in (("grass", grass), ("key", key)):
        guidance = study.sampling.guidance.model_copy(update={"negative_prompt": negative})
        sampling = study.sampling.model_copy(update={"guidance": guidance})
        plain = study.model_copy(update={"task": None, "prompts": ["a cat"], "sampling": sampling})
        alone = drawn(plain, TextToImage(["a cat"]))[prompt("a cat").id]
        assert (alone - picture).abs().max() <= 1
    assert (grass - key).abs().max() > 8


def test_one_that_never_acts_is_the_picture_without(tmp_path: Path) -> None:
    study = of_pairs(tmp_path, negative_from=3)
    task = Negatives.of(study, locate(study.model))
    one, *others = drawn(study, task).values()
    assert all((one - other).abs().max() <= 1 for other in others)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"negative_prompt": "red"}, r"sampling.guidance.negative_prompt: write '\{negative\}'"),
        ({"task": {"negatives": {"null": "key"}}}, "task.negatives.null: unknown key; known is null_word"),
        ({"pairs": "prompt,negative,word\na cat,red,cat\n"}, "has no unrelated word"),
    ],
)
def test_what_is_no_study_of_pairs_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    study = of_pairs(tmp_path, **changes)
    with pytest.raises(StudyError, match=said):
        Negatives.of(study, locate(study.model))


def test_pairs_come_from_one_file(tmp_path: Path) -> None:
    study = of_pairs(tmp_path).model_copy(update={"prompts": ["a cat"]})
    with pytest.raises(StudyError, match="reads all pairs of one file"):
        Negatives.of(study, locate(study.model))
    (source,) = of_pairs(tmp_path).prompts
    assert isinstance(source, FileSource)
    limited = study.model_copy(update={"prompts": [source.model_copy(update={"limit": 1})]})
    with pytest.raises(StudyError, match="and no further key"):
        Negatives.of(limited, locate(study.model))


def test_another_word_makes_other_prompts(tmp_path: Path) -> None:
    """What is recorded of a prompt is of its word."""
    task = Negatives.of(study := of_pairs(tmp_path), locate(study.model))
    pair = next(iter(task.given.values())).pair
    ids = {prompt.id for prompt, _ in _cells(pair)}
    assert ids <= set(task.given) and not ids & {prompt.id for prompt, _ in _cells(replace(pair, word="red cat"))}

"""What is wrong with the prompts of a study is told with its file and its place; and what of a file is not drawn with."""

from pathlib import Path

import pytest

from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.unused_negatives import unused_negatives
from seedscope.pipeline.errors import StudyError


@pytest.mark.parametrize(
    ("prompts", "sentences"),
    [
        ('["  ", a cat]', ["prompts.0: the prompt is empty."]),
        ("['a cat', 'a cat ']", ["prompts.1: the prompt 'a cat' stands twice (first at prompts.0).", "Remove one"]),
        (
            "[{grid: {objects: [cat, dog, cat], modifiers: [a, '{object}']}}]",
            [
                "prompts.0.grid.objects.2 x modifiers.0: the prompt 'a cat' stands twice (first at "
                "prompts.0.grid.objects.0 x modifiers.0).",
                "prompts.0.grid.objects.2 x modifiers.1: the prompt 'cat' stands twice",
                "There are 2 such prompts",
            ],
        ),
    ],
)
def test_a_mistake_in_the_prompts_is_told_with_file_and_place(
    tmp_path: Path, prompts: str, sentences: list[str]
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"name: a\nmodel: sprout\nprompts: {prompts}\nseeds: 0-3\n")
    with pytest.raises(StudyError) as raised:
        run_of(path, tmp_path / "run")
    said = str(raised.value).splitlines()
    assert len(said) == len(sentences)
    for line, sentence in zip(said, sentences, strict=True):
        assert line.startswith(f"{path}: {sentence}" if sentence.startswith("prompts") else sentence)


def test_negative_prompts_of_a_file_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("positive_prompt,Negative Prompt,kind\na cat,ugly,x\na dog,,y\na fox,bad,z\n")
    path = tmp_path / "s.yaml"
    path.write_text("name: a\nmodel: sprout\nprompts: [a cow, {file: p.csv}]\nseeds: 0-3\n")
    (told,) = unused_negatives(run_of(path, tmp_path / "run"))
    assert told.startswith("2 prompts have a negative prompt in the column 'Negative Prompt', which is not used")
    (tmp_path / "p.csv").write_text("positive_prompt,negative_prompt\na cat,\na dog, \n")
    assert unused_negatives(run_of(path, tmp_path / "run")) == []

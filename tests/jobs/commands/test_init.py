"""A study file that is written from a few answers is a study, and never takes the place of another."""

import io
from pathlib import Path

import pytest
from commands import command

from seedscope.jobs.commands.init import study_text
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.schema import FileSource, Study


@pytest.mark.parametrize("model", ["sprout", "sprout-turbo", "stabilityai/sdxl-turbo", "a folder/[odd]: name"])
@pytest.mark.parametrize("reference", [None, "real: pictures"])
def test_each_answer_comes_back_from_the_file(tmp_path: Path, model: str, reference: str | None) -> None:
    if reference is not None:
        (tmp_path / reference).mkdir()
        reference = str(tmp_path / reference)
    listed = tmp_path / "prompts, all.txt"
    listed.write_text("a fox\na \u00fcber cat\n", encoding="utf-8")
    spoken = ['a "red" fox: #1', "- yes", "null", str(listed)]
    file = tmp_path / "1st study!.yaml"
    file.write_text(study_text(file, model, spoken, "0-3, 7", reference), encoding="utf-8")
    study = load_study(file)
    assert isinstance(study, Study)
    assert study.model.id == model and study.every_seed == [0, 1, 2, 3, 7]
    assert study.prompts[:3] == spoken[:3]
    last = study.prompts[3]
    assert isinstance(last, FileSource) and last.file.resolve() == listed
    by_distance = reference is not None or model.startswith("sprout")
    assert study.ranked.by == ("fd_efficientnet_lite0" if by_distance else "clip_score")
    if reference is not None:
        assert Path(str(study.reference)).resolve() == Path(reference)


def test_without_a_terminal_it_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    done = command("init", tmp_path / "mine.yaml")
    assert done.returncode == 0 and "Next: seedscope plan" in done.stdout
    assert load_study(tmp_path / "mine.yaml").name == "mine"
    assert "units" in command("plan", tmp_path / "mine.yaml", "--out", tmp_path / "run").stdout


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine", encoding="utf-8")
    done = command("init", file, "--prompts", "a cat")
    assert done.returncode == 2 and "is there already" in done.stderr and file.read_text() == "mine"


def test_what_is_no_study_is_said_and_not_left(tmp_path: Path) -> None:
    done = command("init", tmp_path / "mine.yaml", "--seeds", "many")
    assert done.returncode == 2 and "seeds" in done.stderr and not (tmp_path / "mine.yaml").exists()

"""A run beside a run: the same model with other prompts, seeds or guidance."""

from pathlib import Path

import pytest

from seedscope.analysis.run.beside import must_be_drawn, run_beside, sharing_reference, unjudged
from seedscope.analysis.run.drawn_run import drawn_run
from seedscope.analysis.run.opened import held
from seedscope.analysis.run.recorded_study import recorded_study
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.work.make import make
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.runner import Executor, Unwatched
from seedscope.pipeline.study.schema import Study
from seedscope.pipeline.tables.run_folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> DrawnRun:
    study = {
        "name": "mine",
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "guidance": {"scale": 0}},
        "compute": {"device": "cpu"},
        "prompts": ["a red cat", "a blue cat"],
        "seeds": "0-3",
        "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score"},
    }
    return drawn_run(Study.model_validate(study), RunFolder(tmp_path / "run"))


def test_only_what_is_asked_for_differs(run: DrawnRun) -> None:
    beside = run_beside(run, "swap", prompts=["a tree"], seeds=[7])
    assert beside.study == run.study.model_copy(update={"name": "mine-swap", "prompts": ["a tree"], "seeds": [7]}), (
        "all other keys are those of the run"
    )
    assert beside.folder.storage.url == f"{run.folder.storage.url}/experiments/swap"
    assert beside.cause == run.cause, "these keys do not say how a picture is drawn"
    other = run_beside(run, "negative", sampling={"steps": 2, "guidance": {"scale": 0}})
    assert other.cause != run.cause


def test_it_is_made_as_any_run_and_leaves_the_run_alone(run: DrawnRun) -> None:
    with held(run_beside(run, "swap", prompts=["a tree"], seeds=[7])) as beside:
        steps = make(beside, Executor("inline", threads=1), Unwatched(), pictures=True, features=True)
        again = make(beside, Executor("inline", threads=1), Unwatched(), pictures=True, features=True)
    assert [step.made for step in steps] == [1, 1] and [step.made for step in again] == [0, 0]
    recorded = recorded_study(beside.folder)
    assert isinstance(recorded, Study) and recorded.seeds == [7]
    assert not run.folder.editions() and list(run.folder.path.iterdir()) == [run.folder.path / "experiments"]


def test_real_pictures_are_not_measured_for_an_experiment_that_judges_no_seed(run: DrawnRun) -> None:
    study = run.study.model_dump() | {"features": ["fd_efficientnet_lite0"], "ranking": {"by": "fd_efficientnet_lite0"}}
    judged = drawn_run(Study.model_validate(study), run.folder)
    with held(unjudged(judged)) as alone:
        assert [stage for stage, *_ in judged.compared_with()] == ["reference features"] and not alone.compared_with()
        assert [stage for stage, *_ in alone.tables()] == ["images", "features"] and alone.cause == judged.cause


def test_real_pictures_that_the_run_has_measured_are_not_measured_again(run: DrawnRun) -> None:
    study = run.study.model_dump() | {"features": ["fd_efficientnet_lite0"], "ranking": {"by": "fd_efficientnet_lite0"}}
    judged = drawn_run(Study.model_validate(study), run.folder)
    alone = run_beside(judged, "table", prompts=["a tree"])
    with held(sharing_reference(alone, judged)) as beside:
        found = [each.reference_measures[0].table for each in (judged, beside, alone)]
        assert found[1].storage.url == found[0].storage.url != found[2].storage.url
        assert found[0].name == found[2].name, "of the same pictures and the same feature"
        assert beside.images.storage.url == alone.images.storage.url


def test_what_is_no_study_is_refused_in_a_sentence(run: DrawnRun) -> None:
    with pytest.raises(UserError, match=r"mine, for swap: .*sampling\.steps"):
        run_beside(run, "swap", sampling={"steps": 0})


def test_imported_pictures_have_no_model() -> None:
    class Imported:
        class folder:
            class storage:
                url = "here"

    with pytest.raises(UserError, match="here: its pictures were imported"):
        must_be_drawn(Imported())  # type: ignore[arg-type]

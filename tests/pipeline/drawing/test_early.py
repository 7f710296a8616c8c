"""Early pictures: after a share of the steps the loop ends with the clean picture that the last one predicts."""

from __future__ import annotations

import diffusers
import pytest
import torch
from stock_pictures import study

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.early import EndEarly
from seedscope.pipeline.drawing.hooks import Hooks, Together
from seedscope.pipeline.drawing.sampler import sample
from seedscope.pipeline.drawing.tasks.early_pictures import EarlyPictures
from seedscope.pipeline.errors import ModelError, StudyError
from seedscope.pipeline.models.base import Denoiser, Text
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.schema import Study

STEPS = 6


@pytest.fixture(scope="module")
def model() -> Denoiser:
    wanted = early_study("euler")
    found = load(locate(wanted.model), wanted.model.variant, wanted.sampling, wanted.compute)
    assert isinstance(found, Denoiser)
    return found


def early_study(scheduler: str, steps: int = STEPS, **changes: object) -> Study:
    fields = study("sprout").model_dump(exclude_unset=True)
    fields |= {
        "sampling": {"scheduler": scheduler, "steps": steps, "guidance": {"scale": 0}},
        "seeds": {"among": "0-31", "golden": 4, "budget": 640, "early": {"steps": 0.34}},
    }
    return Study.model_validate(fields | changes)


def drawn(model: Denoiser, hooks: Hooks | None) -> tuple[torch.Tensor, int]:
    """Latents, and how often the network was called."""
    wanted, calls = early_study("euler"), list[int]()
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        whole = model.predict
        patch.setattr(model, "predict", lambda *given: calls.append(1) or whole(*given))
        texts = {"positive": model.embed([Text("a cat")]), "empty": model.embed([Text("")])}
        shape = locate(wanted.model).latent_shape(wanted.sampling)
        assert shape is not None
        start, generators = noise.latent(3, shape)[None], [noise.generator(3, shape)]
        found = sample(model, start, generators, texts, wanted.sampling, (64, 64), hooks)  # type: ignore[arg-type]
    return found, len(calls)


def test_after_all_steps_the_predicted_picture_is_the_finished_one(model: Denoiser) -> None:
    finished, calls = drawn(model, None)
    last, as_many = drawn(model, EndEarly(STEPS, STEPS))
    assert calls == as_many == STEPS
    torch.testing.assert_close(last, finished, atol=1e-4, rtol=1e-4)


def test_it_ends_after_its_share_of_the_steps_nearer_to_the_finished_picture_the_later(model: Denoiser) -> None:
    finished, _ = drawn(model, None)
    away = []
    for count in (1, 3, 5):
        found, calls = drawn(model, Together([Hooks(), EndEarly(count, STEPS)]))
        assert calls == count and found.shape == finished.shape
        away.append(float((found - finished).norm()))
    assert away == sorted(away, reverse=True) and away[-1] < away[0] / 2


def test_schedulers_of_a_higher_order_end_after_the_same_share() -> None:
    scheduler = diffusers.HeunDiscreteScheduler()
    scheduler.set_timesteps(10)
    ends, latents = EndEarly(2, 10), torch.ones(1, 4, 8, 8)
    ends.begin(scheduler)
    found = [ends.ends(latents, latents, step) is not None for step in range(len(scheduler.timesteps))]
    assert found.index(True) == round(0.2 * 19) - 1


def test_what_it_costs_is_its_share_of_the_steps_and_what_is_not_drawn_by_steps_is_refused() -> None:
    wanted = early_study("euler")
    task = EarlyPictures.of(wanted, locate(wanted.model))
    assert (task.count, task.steps) == (2, STEPS) and task.cost == pytest.approx(1 / 3)
    with pytest.raises(StudyError, match="0.34 of 1 step.s. are all of them"):
        EarlyPictures.of(early_study("ddim", steps=1), locate(wanted.model))
    with pytest.raises(StudyError, match="draws something else"):
        EarlyPictures.of(early_study("ddim", task="swap"), locate(wanted.model))
    with pytest.raises(ModelError, match=r"seeds.early.*not drawn step by step"):
        task.begin(object(), [])  # type: ignore[arg-type]  # a model of another kind

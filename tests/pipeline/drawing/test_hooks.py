"""A task's hooks see and change what the loop does; gradients are there where they ask for them, and nowhere else."""

from pathlib import Path

import diffusers
import pytest
import torch
from half_model import SHAPE, Half
from stock_pictures import study

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.guidance import Branch
from seedscope.pipeline.drawing.hooks import Hooks, Together
from seedscope.pipeline.drawing.sampler import sample
from seedscope.pipeline.models.base import Denoiser, Embedding, Text
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.schema import Sampling


class Guided(Hooks):
    """Adds the gradient of the prediction's squared length, which of half the latents is half the latents."""

    gradients = True

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:
        (gradient,) = torch.autograd.grad((prediction**2).sum(), latents)
        torch.testing.assert_close(gradient, latents.detach() / 2)
        return prediction + gradient


class Doubled(Hooks):
    """The same prediction, without a gradient."""

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:
        assert not prediction.requires_grad
        return prediction + latents / 2


class Tracked(Hooks):
    """Changes nothing, and asks for gradients."""

    gradients = True


def drawn(model: Denoiser, hooks: Hooks | None, texts: list[Embedding] | None = None, steps: int = 4) -> torch.Tensor:
    start, generators = noise.latent(3, SHAPE)[None], [noise.generator(3, SHAPE)]
    sampling = Sampling.model_validate({"steps": steps, "guidance": {"scale": 1.0}})
    embeddings = {"positive": texts or [{"states": torch.zeros(1, 1, 1)}]}
    return sample(model, start, generators, embeddings, sampling, (64, 64), hooks)  # type: ignore[arg-type]  # a literal


def test_a_hook_changes_the_prediction_by_its_gradient() -> None:
    model = Half()
    guided = drawn(model, Guided())
    assert set(model.seen) == {True} and not guided.requires_grad
    torch.testing.assert_close(guided, drawn(Half(), Doubled()))
    assert not torch.allclose(guided, drawn(Half(), None))


class Steep(Hooks):
    """Adds the gradient of the prediction's squared length, whatever the network has seen."""

    gradients = True

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:
        return prediction + torch.autograd.grad((prediction**2).sum(), latents)[0]


class Steps(Hooks):
    """Doubles what the network sees, the prediction and the latents of the next step, in the order that is asked for."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.name, self.told = name, told

    def begin(self, scheduler: object) -> None:
        self.told.append(f"{self.name} begins")

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        return latents * 2

    def predicted(self, predictions: object, step: int) -> None:
        self.told.append(f"{self.name} looks at {step}")

    def after_step(self, latents: torch.Tensor, scheduler: object, step: int) -> torch.Tensor:
        return latents * 2


def test_several_hooks_act_one_after_another() -> None:
    told: list[str] = []
    model = Half()
    found = drawn(model, Together([Steps("a", told), Steep(), Steps("b", told)]), steps=1)
    assert told == ["a begins", "b begins", "a looks at 0", "b looks at 0"] and model.seen == [True]
    start = noise.latent(3, SHAPE)[None]
    # The network sees 4 x, predicts 2 x, and the gradient of (2 x)^2 is 8 x: ten times the latents, then doubled twice.
    step = model.scheduler.step(start * 10, model.scheduler.timesteps[0], start).prev_sample
    torch.testing.assert_close(found, step * 4)


def test_without_a_hook_that_asks_nothing_is_tracked() -> None:
    model = Half()
    assert not drawn(model, None).requires_grad and set(model.seen) == {False}
    assert not drawn(model, Doubled()).requires_grad and set(model.seen) == {False}


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_tracking_gradients_changes_no_bit(tiny: dict[str, Path], name: str) -> None:
    wanted = study(str(tiny[name]))
    model = load(locate(wanted.model), None, wanted.sampling, wanted.compute)
    with torch.no_grad():
        texts = model.embed([Text("a red apple")])
    assert torch.equal(drawn(model, None, texts), drawn(model, Tracked(), texts))


def test_a_negative_prompt_that_never_acts_is_not_asked_for_by_a_solver_with_a_step_more() -> None:
    model, start = Half(), noise.latent(3, SHAPE)[None]
    model.scheduler = diffusers.PNDMScheduler(num_train_timesteps=100, skip_prk_steps=True)
    texts: dict[Branch, list[Embedding]] = {
        branch: [{"states": torch.zeros(1, 1, 1)}] for branch in ("empty", "positive")
    }
    guidance = {"scale": 2.0, "negative_prompt": "red", "negative_from": 4}
    sampling = Sampling.model_validate({"steps": 4, "scheduler": "pndm", "guidance": guidance})
    sample(model, start, [noise.generator(3, SHAPE)], texts, sampling, (64, 64))
    assert len(model.seen) == len(model.scheduler.timesteps) == 5

"""A task's hooks see and change what the loop does; gradients are there where they ask for them, and nowhere else."""

from pathlib import Path

import pytest
import torch
from half_model import SHAPE, Half
from stock_pictures import study

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.hooks import Hooks
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

"""The push between pictures: against autograd of the potential, by closed forms, and scaled as a study says."""

import math

import diffusers
import pytest
import torch

from seedscope.pipeline.drawing.tasks.repulsion import Repulsion, bandwidths, repulsion

SETS, COUNT = 2, 4


def points(seed: int = 0, *, wide: int = 12) -> torch.Tensor:
    return torch.randn(SETS, COUNT, wide, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def kernel(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    squared = ((x[:, :, None] - x[:, None]) ** 2).sum(-1)
    return torch.exp(-squared / h)


def test_with_one_width_it_is_the_gradient_of_the_potential() -> None:
    x = points().requires_grad_()
    (gradient,) = torch.autograd.grad(-0.5 * kernel(x, torch.tensor(7.0)).sum(), x)
    torch.testing.assert_close(repulsion(x.detach(), torch.tensor(7.0)), gradient)


def test_with_widths_of_their_own_each_picture_goes_down_its_own_row() -> None:
    x, others = points().requires_grad_(), points()
    h = bandwidths(others)
    squared = ((x[:, :, None] - others[:, None]) ** 2).sum(-1)
    (gradient,) = torch.autograd.grad(-torch.exp(-squared / h).sum(), x)
    torch.testing.assert_close(repulsion(others, h), gradient)


def test_the_width_is_the_lower_median_squared_over_the_logarithm() -> None:
    line = torch.tensor([[[0.0], [1.0], [3.0], [7.0], [12.0]]])
    expected = torch.tensor([3.0, 2.0, 3.0, 5.0, 9.0]) ** 2 / math.log(4)
    torch.testing.assert_close(bandwidths(line)[0, :, 0], expected)


def test_equal_pictures_do_not_move_and_sets_do_not_meet() -> None:
    same = torch.zeros(1, 3, 5)
    assert torch.equal(repulsion(same, bandwidths(same)), same)
    x = points()
    alone = torch.cat([repulsion(one, bandwidths(one)) for one in x.split(1)])
    torch.testing.assert_close(repulsion(x, bandwidths(x)), alone)


def hooks(strength: float, **scheduler: object) -> Repulsion:
    made = Repulsion(None, SETS, COUNT, strength, None, None)  # type: ignore[arg-type]  # latents need no model
    steps = diffusers.DDIMScheduler(**scheduler)  # type: ignore[arg-type]
    steps.set_timesteps(5)
    made.begin(steps)
    return made


def first_sigma(made: Repulsion) -> float:
    share = float(made._scheduler.alphas_cumprod[int(made._scheduler.timesteps[0])])  # type: ignore[attr-defined]
    return math.sqrt((1 - share) / share)


def pushed(made: Repulsion, prediction: torch.Tensor, latents: torch.Tensor, step: int = 0) -> torch.Tensor:
    made.model_input(torch.cat([latents] * 2))
    return made.guide(prediction, latents, step)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_the_noise_changes_by_the_strength_whatever_is_predicted(kind: str) -> None:
    made = hooks(0.1, prediction_type=kind)
    x, noise = (points(seed).float().view(SETS * COUNT, 3, 2, 2) for seed in (1, 2))
    sigma = first_sigma(made)
    signal = 1 / math.sqrt(1 + sigma**2)
    clean = (x - sigma * signal * noise) / signal
    predicted = {"epsilon": noise, "sample": clean, "v_prediction": signal * noise - sigma * signal * clean}[kind]
    back = {
        "epsilon": lambda found: found,
        "sample": lambda found: (x - signal * found) / (sigma * signal),
        "v_prediction": lambda found: signal * found + sigma * signal * x,
    }[kind]
    moved = noise - back(pushed(made, predicted, x))
    for one, of in zip(moved.split(COUNT), noise.split(COUNT), strict=True):
        assert one.square().mean().sqrt() / of.square().mean().sqrt() == pytest.approx(0.1, rel=1e-3)
    # What is taken from the noise lies along the push, so that the clean picture goes along it.
    flat = x.view(SETS, COUNT, -1)
    along = repulsion(flat, bandwidths(flat)).flatten(1)
    cosines = torch.nn.functional.cosine_similarity(moved.view(SETS, -1), along, dim=1)
    torch.testing.assert_close(cosines, torch.ones(SETS), atol=1e-3, rtol=0)


class Undecoded:
    """Its pictures are its latents."""

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return latents


def test_by_linear_features_the_push_is_known() -> None:
    """Of f(x) = W x the gradient of <f(x0), g> is W^T g / signal, x0 with the noise held."""
    weights = torch.randn(5, 12, generator=torch.Generator().manual_seed(3))
    made = Repulsion(Undecoded(), SETS, COUNT, 0.2, None, lambda pictures: pictures.flatten(1) @ weights.T)  # type: ignore[arg-type]
    steps = diffusers.DDIMScheduler(timestep_spacing="trailing")
    steps.set_timesteps(5)
    made.begin(steps)
    x, noise = (points(seed).float().view(SETS * COUNT, 3, 2, 2) for seed in (1, 2))
    moved = (noise - pushed(made, noise, x)).view(SETS, -1)
    sigma = first_sigma(made)
    clean = (x - sigma / math.sqrt(1 + sigma**2) * noise) * math.sqrt(1 + sigma**2)
    features = (clean.flatten(1) @ weights.T).view(SETS, COUNT, -1)
    expected = (repulsion(features, bandwidths(features)) @ weights).view(SETS, -1)
    for one, wanted, of in zip(moved, expected, noise.view(SETS, -1), strict=True):
        torch.testing.assert_close(one / one.norm(), wanted / wanted.norm(), atol=1e-4, rtol=1e-3)
        assert one.norm() / of.norm() == pytest.approx(0.2, rel=1e-3)


def test_nothing_at_strength_zero_below_the_sigma_and_outside_the_window() -> None:
    x = points().float().view(SETS * COUNT, 3, 2, 2)
    assert pushed(hooks(0.0), x, x) is x
    made = hooks(0.5)
    assert pushed(made, x, x, 4) is x and made.pull is None
    assert pushed(made, x, x, 0) is not x and made.pull is not None
    latents, features = hooks(1.0), Repulsion(Undecoded(), 1, 4, 1.0, None, torch.flatten)  # type: ignore[arg-type]
    assert latents.acts(0, 1.0) and not latents.acts(0, 0.99)
    assert features.acts(0, 3.1) and not features.acts(0, 3.0)
    early = Repulsion(Undecoded(), 1, 4, 1.0, range(2, 4), None)  # type: ignore[arg-type]
    assert [early.acts(step, 0.1) for step in range(5)] == [False, False, True, True, False]

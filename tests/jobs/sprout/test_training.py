"""The training loop goes on where it stopped; Muon's updates are orthogonal; the examiner's arithmetic is right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from fonts import needs_fonts
from torch import Tensor, distributed, nn

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import STANDARD_SCENES, standardise, to_tensor
from seedscope.jobs.sprout.diffusion import disturb, noise_levels
from seedscope.jobs.sprout.examiner import soften
from seedscope.jobs.sprout.judge.judge_pictures import questions
from seedscope.jobs.sprout.muon import orthogonalised
from seedscope.jobs.sprout.networks import BOS, EOS, PAD, TOKENS, UNK, new_autoencoder
from seedscope.jobs.sprout.training import Budget, Recipe, _Run, load_means, step_generator

RECIPE = Recipe(peak_rate=0.05, warmup=2, hold=0.5, muon_factor=2.0)
STEPS = 8


@pytest.fixture(scope="module", autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of one worker."""
    meeting = tmp_path_factory.mktemp("meeting") / "point"
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def new_models() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"net": nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4, 3))}


def advance(run: _Run, until: int) -> None:
    while run.step < until:
        inputs = torch.randn(5, 2, 3, 3, generator=step_generator(1, run.step))
        loss = (run.models["net"](inputs) - inputs.mean()).square().mean()
        run.advance(loss, run.step / STEPS, workers=1, keep_means=True)


def weights(run: _Run) -> list[Tensor]:
    return [*run.parameters, *run.means, *run.muon.momentum]


def test_a_run_that_was_stopped_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    whole = _Run(new_models(), RECIPE, tmp_path / "whole.pt")
    advance(whole, STEPS)
    first = _Run(new_models(), RECIPE, tmp_path / "checkpoint.pt")
    advance(first, 3)
    first.save()
    second = _Run(new_models(), RECIPE, tmp_path / "checkpoint.pt")
    second.restore()
    assert second.step == 3
    advance(second, STEPS)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))
    second.save()
    loaded = new_models()
    assert load_means(tmp_path / "checkpoint.pt", loaded) == STEPS
    assert all(torch.equal(a, b) for a, b in zip(loaded["net"].parameters(), second.means, strict=True))


def test_a_budget_is_in_minutes_or_in_steps() -> None:
    assert Budget(minutes=2).progress(step=5, seconds=60) == 0.5
    assert Budget(steps=10).progress(step=5, seconds=999) == 0.5
    for wrong in ({}, {"minutes": 1.0, "steps": 1}):
        with pytest.raises(ValueError, match="minutes or in steps"):
            Budget(**wrong)  # type: ignore[arg-type]


def test_the_rate_warms_up_holds_and_falls_to_its_floor() -> None:
    recipe = Recipe(peak_rate=1.0, warmup=10, hold=0.5, floor=0.1)
    assert recipe.rate(step=0, progress=0.0) == pytest.approx(0.1)
    assert recipe.rate(step=100, progress=0.5) == pytest.approx(1.0)
    assert recipe.rate(step=100, progress=0.75) == pytest.approx(0.55)
    assert recipe.rate(step=100, progress=1.0) == pytest.approx(0.1)


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = ((16, 48), (48, 16), (16, 48), (8, 8))
    made = orthogonalised([torch.randn(shape, generator=generator) for shape in shapes])
    for matrix, shape in zip(made, shapes, strict=True):
        assert matrix.shape == shape
        values = torch.linalg.svdvals(matrix.float())
        assert 0.3 < values.min() <= values.max() < 1.4


def test_noise_levels_cover_the_schedule() -> None:
    levels = noise_levels(64, torch.Generator().manual_seed(0))
    assert levels.min() >= 0
    assert levels.max() <= 999
    assert (levels.diff() >= 0).all()


def test_disturbed_captions_stay_captions() -> None:
    tokens = torch.full((4000, TOKENS), PAD)
    tokens[:, :4] = torch.tensor([BOS, 10, 11, EOS])
    empty = torch.full((TOKENS,), PAD)
    empty[:2] = torch.tensor([BOS, EOS])
    made = disturb(tokens, empty, torch.Generator().manual_seed(0))
    emptied = (made == empty).all(1)
    strange = (made == UNK).any(1)
    assert 0.10 < emptied.float().mean() < 0.14
    assert 0.04 < strange.float().mean() < 0.08
    assert (made[strange] == EOS).sum(1).eq(1).all()
    assert torch.equal(made[~emptied & ~strange], tokens[~emptied & ~strange])


def test_softening_keeps_flat_pictures_and_the_mean_of_a_dot() -> None:
    flat = torch.full((1, 3, 64, 64), 0.25)
    assert torch.allclose(soften(flat, 1.0), flat, atol=1e-6)
    dot = torch.zeros(1, 1, 64, 64)
    dot[..., 32, 32] = 1
    blurred = soften(dot, 1.0)
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    assert blurred[0, 0, 32, 32].item() == pytest.approx(1 / (2 * np.pi), abs=1e-3)


def test_questions_name_every_object_alone_in_every_colour_and_in_every_place() -> None:
    asked = questions()
    assert len({question.prompt for question in asked}) == len(asked) == 40 * (1 + 5 + 6)
    assert any(question.held_out for question in asked)
    assert "an apple in the sky" in {question.prompt for question in asked}


@needs_fonts
@pytest.mark.parametrize("posterior", [None, 0.01])
def test_standardised_latents_have_unit_variance_and_decode_to_the_same_pictures(posterior: float | None) -> None:
    torch.manual_seed(0)
    vae = new_autoencoder().eval()
    scenes = range(STANDARD_SCENES, STANDARD_SCENES + 64)
    pictures = to_tensor([world.render(seed, training=True).pixels for seed in scenes])
    with torch.no_grad():
        before = vae.decode(vae.encode(pictures).latent_dist.mean).sample
        standardise(vae, posterior, pictures=64)
        found = vae.encode(pictures).latent_dist
        after = vae.decode(found.mean).sample
    assert (after - before).abs().max() < 1e-3
    assert found.mean.mean((0, 2, 3)).abs().max() < 1e-3
    assert (found.mean.std((0, 2, 3)) - 1).abs().max() < 1e-3
    if posterior is not None:
        assert found.std.sub(posterior).abs().max() < 1e-5

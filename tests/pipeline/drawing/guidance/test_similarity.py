"""Similarity guidance: its gradient against finite differences, its size, and what it does to pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from given_pictures import mask, picture, save
from PIL import Image
from stock_pictures import study

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.guidance.clean import level_of
from seedscope.pipeline.drawing.guidance.similarity import Towards, rms
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.models.base import Conditions
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.networks.likeness import likeness_of
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.study.similarity import Similarity

STEPS = 4
OF_CLIP = {"to": {"text": "a cat on grass"}, "by": "sprout-clip"}


class Small(UNetDenoiser):
    """A network and a decoder of a layer each, in float64: finite differences of them are exact to many digits."""

    def __init__(self, kind: str) -> None:
        self.device = "cpu"
        self.scheduler = diffusers.DDIMScheduler(clip_sample=False, prediction_type=kind)
        self.scheduler.set_timesteps(10)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.network = torch.nn.Conv2d(4, 4, 3, padding=1).double()
            self.decoder = torch.nn.ConvTranspose2d(4, 3, 2, stride=2).double()

    def predict(self, latents: torch.Tensor, timestep: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        return torch.tanh(self.network(latents))

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.decoder(latents))


def bright(pictures: torch.Tensor) -> torch.Tensor:
    """A smooth measure of pictures that is not linear in them."""
    return (pictures / 255).pow(3).mean(dim=(1, 2, 3))


def similarity(**changes: Any) -> Similarity:
    return Similarity.model_validate(OF_CLIP | changes)


def guided(kind: str, through: str, base: torch.Tensor | None, strength: float = 0.3) -> Any:
    """A step of the small model: model, latents, its level, plain prediction, guided prediction."""
    model, step = Small(kind), 4
    hooks = Towards(model, similarity(through=through, strength=strength), [bright, bright])
    hooks.begin(model.scheduler)
    with torch.set_grad_enabled(hooks.gradients_at(step)):
        latents = torch.randn(2, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        latents.requires_grad_(hooks.gradients_at(step))
        prediction = model.predict(latents, model.scheduler.timesteps[step], {})
        branches: Any = {"positive": prediction} if base is None else {"empty": base, "positive": prediction}
        hooks.predicted(branches, step)
        found = hooks.guide(prediction, latents, step)
    level = level_of(model.scheduler, model.scheduler.timesteps[step], step)
    return model, latents.detach(), level, prediction.detach(), found.detach()


@pytest.mark.parametrize("through", ["network", "decoder"])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_the_gradient_is_that_of_finite_differences(kind: str, through: str) -> None:
    model, latents, level, prediction, found = guided(kind, through, None)

    def likeness(values: torch.Tensor) -> torch.Tensor:
        clean = values
        if through == "network":
            clean = level.clean(model.predict(values, torch.tensor(0), {}), values)
        return bright((model.decode(clean) * 0.5 + 0.5) * 255)

    with torch.no_grad():
        at = latents if through == "network" else level.clean(prediction, latents)
        expected = torch.zeros_like(at)
        for place in np.ndindex(*at.shape[1:]):
            step = torch.zeros_like(at)
            step[(slice(None), *place)] = 1e-5
            expected[(slice(None), *place)] = (likeness(at + step) - likeness(at - step)) / 2e-5
        changed = level.eps(found, latents) - level.eps(prediction, latents)
        torch.testing.assert_close(-changed / rms(changed), expected / rms(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_its_size_is_a_share_of_what_guidance_changes_picture_by_picture(kind: str) -> None:
    base = torch.randn(2, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    for given in (base, None):
        _, latents, level, prediction, found = guided(kind, "decoder", given, strength=0.3)
        changed = level.eps(found, latents) - level.eps(prediction, latents)
        noise = level.eps(prediction, latents)
        correction = noise if given is None else noise - level.eps(given, latents)
        torch.testing.assert_close(rms(changed), 0.3 * rms(correction))
        assert float(rms(changed)[0]) != pytest.approx(float(rms(changed)[1]), rel=1e-3)


def drawing(model: str = "sprout", like: dict[str, Any] | None = None, **changes: Any) -> tuple[Drawing, Unit]:
    """A drawing of four cells, begun."""
    wanted = study(model, steps=STEPS, guidance={"scale": 3.0} | ({} if like is None else {"similarity": like}))
    wanted = wanted.model_copy(update=changes)
    located = locate(wanted.model)
    task = task_of(wanted).of(wanted, located)
    found = Drawing(wanted, located, task)
    unit = Unit.crossed("u", tuple(task.prompts()), tuple(wanted.seeds))
    found.begin(unit)
    return found, unit


def pictures(*given: Any, **changes: Any) -> np.ndarray:
    found, unit = drawing(*given, **changes)
    pixels, finite = found.draw(list(unit.cells))
    assert all(finite)
    return pixels.numpy()


def likeness(like: dict[str, Any], pixels: np.ndarray) -> np.ndarray:
    measure = likeness_of(Similarity.model_validate(like)).load("cpu")("a cat")
    with torch.no_grad():
        return measure(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()).numpy()


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return pictures()


@pytest.mark.parametrize("through", ["network", "decoder"])
def test_of_no_strength_it_is_plain_sampling_to_the_bit(through: str, plain: np.ndarray) -> None:
    assert np.array_equal(pictures("sprout", OF_CLIP | {"strength": 0.0, "through": through}), plain)


@pytest.mark.parametrize("through", ["network", "decoder"])
def test_outside_its_window_steps_are_plain_to_the_bit(through: str, plain: np.ndarray) -> None:
    found, unit = drawing("sprout", OF_CLIP | {"through": through})
    for guide in found._guides:
        guide._similarity = similarity(through=through, window=(0.99, 1.0))  # type: ignore[attr-defined]
    pixels, _ = found.draw(list(unit.cells))
    assert np.array_equal(pixels.numpy(), plain)


@pytest.mark.parametrize(
    ("kind", "through"),
    [("text", "network"), ("picture", "decoder"), ("style", "decoder"), ("class", "network")],
)
def test_pictures_become_more_like_what_is_given(kind: str, through: str, plain: np.ndarray, tmp_path: Path) -> None:
    given = tmp_path / "given.png"
    Image.fromarray(np.tile(np.uint8([[[230, 120, 20]], [[20, 20, 120]]]), (32, 64, 1))).save(given)
    if kind == "class":
        import tiny_classifier

        folder = str(tiny_classifier.classifier(tmp_path / "classifier"))
        like: dict[str, Any] = {"to": {"class": "tabby"}, "by": folder}
    else:
        value = "a blue car at night" if kind == "text" else str(given)
        like = {"to": {kind: value}} | ({} if kind == "style" else {"by": "sprout-clip"})
    like |= {"strength": 0.5, "through": through}
    before, after = likeness(like, plain), likeness(like, pictures("sprout", like))
    assert after.mean() > before.mean() and (after > before).sum() >= 3, (before, after)


def test_each_picture_is_as_if_drawn_alone() -> None:
    found, unit = drawing("sprout", OF_CLIP | {"to": {"text": "{prompt} at night"}, "strength": 0.5})
    three = list(unit.cells)[:3]
    together, _ = found.draw(three)
    alone = torch.cat([found.draw([cell])[0] for cell in three])
    assert (together.int() - alone.int()).abs().max() <= 1


def test_in_half_precision_gradients_do_not_vanish(tiny: dict[str, Path]) -> None:
    compute = study("sprout").compute.model_copy(update={"dtype": "bfloat16"})
    first = pictures(str(tiny["sd1"]), None, compute=compute)
    assert not np.array_equal(pictures(str(tiny["sd1"]), OF_CLIP, compute=compute), first)


def test_masks_are_filled_with_it_too(tmp_path: Path) -> None:
    save(tmp_path / "given", "one", picture(1), mask(8, 8, 56, 56), "cat")
    like = OF_CLIP | {"strength": 1.0, "window": [0.2, 0.9]}

    def filled(model: str, **guidance: Any) -> np.ndarray:
        wanted = Study.model_validate(
            {
                "name": "t",
                "model": model,
                "sampling": {"steps": STEPS, "guidance": {"scale": 3.0} | guidance},
                "inpaint": {"pictures": str(tmp_path / "given"), "tasks": {"completion": "{object}"}},
                "compute": {"device": "cpu"},
                "seeds": [0],
            }
        )
        located = locate(wanted.model, fills_masks=True)
        task = task_of(wanted).of(wanted, located)
        found, unit = Drawing(wanted, located, task), Unit.crossed("u", tuple(task.prompts()), (0,))
        found.begin(unit)
        return found.draw(list(unit.cells))[0].numpy()

    assert likeness(like, filled("sprout-inpaint", similarity=like)) > likeness(like, filled("sprout-inpaint"))


def test_what_it_goes_towards_is_in_the_cause_by_content(tmp_path: Path) -> None:
    def of(paths: Sequence[Path], **changes: Any) -> set[str]:
        found = set()
        for path in paths:
            like = {"to": {"style": str(path)}} | changes
            wanted = study("sprout", guidance={"scale": 3.0, "similarity": like})
            found.add(fingerprint(cause(wanted, locate(wanted.model))))
        return found

    files = [tmp_path / name for name in ("one.png", "same.png", "other.png")]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        picture(seed).save(file)
    assert len(of(files)) == 2 and len(of(files[:2])) == 1
    assert not of(files[:1]) & of(files[:1], strength=0.3)
    plain = study("sprout", guidance={"scale": 3.0})
    assert "similarity" not in cause(plain, locate(plain.model))["sampling"]["guidance"]  # type: ignore[index,call-overload,operator]
    assert of(files[:1], strength=0.0) == {fingerprint(cause(plain, locate(plain.model)))}

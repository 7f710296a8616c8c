"""The noise of a study, from its key `noise` to pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_ddpm
from stock_pictures import UNIT, ours, stock_pipe, study

from seedscope.analysis.run.recorded_study import recorded_study
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.noise import NoiseContract, Recipe, digest, generator, latent, recipe_of
from seedscope.pipeline.drawing.noise.philox import CardGenerator
from seedscope.pipeline.drawing.noise.resize import placed
from seedscope.pipeline.drawing.noise.slerp import slerp
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.schema import Study
from seedscope.pipeline.tables.run_folder import RunFolder

SHAPE, SMALL = (4, 8, 8), (4, 4, 12)
EVERYTHING: dict[str, Any] = {"source": "nv", "from": "96x32", "variation": {"seed": 12, "strength": 0.25}}


def with_noise(model: Path, noise: object, **sampling: Any) -> Study:
    plain = study(str(model), **sampling)
    return Study.model_validate(plain.model_dump(mode="json", exclude={"inpaint"}) | {"noise": noise})


def test_each_step_is_a1111s() -> None:
    varied = Recipe(SHAPE, "nv", SMALL, Study.model_validate(_smallest(EVERYTHING)).noise.variation)
    small = slerp(0.25, CardGenerator(7).randn(SMALL), CardGenerator(12).randn(SMALL))
    assert torch.equal(varied.latent(7), placed(small, CardGenerator(7).randn(SHAPE)))
    assert torch.equal(Recipe(SHAPE).latent(7), latent(7, SHAPE))


def _smallest(noise: object) -> dict[str, Any]:
    return {"name": "t", "model": "m", "prompts": ["a"], "seeds": [7], "noise": noise}


@pytest.mark.parametrize("noise", ["nv", {"from": "32x32"}, {"variation": {"seed": 12, "strength": 0.5}}, EVERYTHING])
def test_pixels_are_those_of_the_stock_pipeline_with_these_latents(
    noise: object, tiny: dict[str, Path], tmp_path: Path
) -> None:
    wanted = with_noise(tiny["sd1"], noise, scheduler="ddim")
    recipe = recipe_of(wanted, locate(wanted.model))
    pipe = stock_pipe(wanted)
    pictures = pipe(
        [item.text for item, _ in UNIT.cells],
        latents=torch.stack([recipe.latent(seed) for _, seed in UNIT.cells]),
        num_inference_steps=3,
        guidance_scale=4.0,
    ).images
    drawn = ours(wanted, tmp_path / "noisy", UNIT)
    assert np.abs(drawn.astype(int) - np.stack([np.asarray(picture) for picture in pictures])).max() <= 1
    assert (
        np.abs(drawn.astype(int) - ours(study(str(tiny["sd1"]), scheduler="ddim"), tmp_path / "plain", UNIT)).max() > 5
    )


def test_a_cards_generator_goes_on_through_the_steps(
    tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = with_noise(tiny["sd1"], "nv", scheduler="ddpm")
    drawn = ours(wanted, tmp_path, UNIT)
    steps: list[torch.Tensor] = [torch.stack([_nth(seed, step) for _, seed in UNIT.cells]) for step in (3, 2, 1)]
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *_, **__: steps.pop())
    pictures = stock_pipe(wanted)(
        [item.text for item, _ in UNIT.cells],
        latents=torch.stack([_nth(seed, 0) for _, seed in UNIT.cells]),
        num_inference_steps=3,
        guidance_scale=4.0,
    ).images
    assert not steps
    assert np.abs(drawn.astype(int) - np.stack([np.asarray(picture) for picture in pictures])).max() <= 1


def _nth(seed: int, number: int) -> torch.Tensor:
    return CardGenerator(seed, drawn=number).randn(SHAPE)


def test_later_noise_is_that_of_the_seed_itself() -> None:
    varied = Recipe(SHAPE, small=SMALL, variation=Study.model_validate(_smallest(EVERYTHING)).noise.variation)
    drawn = [torch.randn(5, generator=each) for each in (varied.generator(7), generator(7, SHAPE))]
    assert torch.equal(*drawn)


def test_the_cause_says_what_shapes_pixels_and_nothing_at_the_defaults(tiny: dict[str, Path]) -> None:
    plain = study(str(tiny["sd1"]))
    located = locate(plain.model)
    said = {
        name: cause(with_noise(tiny["sd1"], noise), located)["noise"]
        for name, noise in {
            "plain": "cpu",
            "no step": {"variation": {"seed": 3, "strength": 0}},
            "own size": {"from": "64x64"},
            "nv": "nv",
            "all": EVERYTHING,
        }.items()
    }
    assert said["plain"] == said["no step"] == said["own size"] == cause(plain, located)["noise"] == "cpu-float32"
    assert said["nv"] == {"source": "nv"}
    variation = {"seed": 12, "strength": 0.25}
    assert said["all"] == {"source": "nv", "from": [4, 4, 12], "variation": variation}


def test_a_study_with_noise_is_read_again(tiny: dict[str, Path], tmp_path: Path) -> None:
    wanted = with_noise(tiny["sd1"], EVERYTHING)
    (tmp_path / "study.json").write_text(wanted.model_dump_json())
    assert recorded_study(RunFolder(tmp_path)) == wanted and wanted.noise.from_size == (32, 96)


def test_a_size_that_the_model_does_not_make(tiny: dict[str, Path]) -> None:
    wanted = with_noise(tiny["sd1"], {"from": "60x64"})
    with pytest.raises(
        ModelError, match=r"noise\.from: sd1 makes sides that are multiples of 8, not 60; the nearest is 64"
    ):
        cause(wanted, locate(wanted.model))


@pytest.mark.parametrize("last", [False, True])
def test_a_contract_holds_the_recipe(last: bool) -> None:
    variation = Study.model_validate(_smallest(EVERYTHING)).noise.variation
    recipe = (
        Recipe((8, 8, 4), "nv", (4, 12, 4), variation, channels_last=True)
        if last
        else Recipe(SHAPE, "nv", SMALL, variation)
    )
    contract = NoiseContract.of([1, 2], recipe, form="packed", cast_to="bfloat16")
    again = NoiseContract.model_validate_json(contract.model_dump_json())
    assert again.recipe == recipe and again.check(exact=True) == [] and not again.recipe.plain
    assert (again.layout, again.form, again.cast_to) == ("h,w,C" if last else "C,h,w", "packed", "bfloat16")
    assert digest(again.recipe.latent(1)) == contract.probes[1].digest
    for change in ({"resized_from": None}, {"variation": None}, {"source": NoiseContract.of([1], SHAPE).source}):
        assert "is other noise" in contract.model_copy(update=change).check()[0]

"""A golden list gives the same pictures in anybody's diffusers code, and refuses where it would not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DiffusionPipeline, StableDiffusionImg2ImgPipeline
from tiny_golden import SEEDS, SHAPE, WEIGHTS, golden_for

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.select import noise_given
from seedscope.analysis.select.component import Component
from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.seal import seal
from seedscope.pipeline.drawing.noise import Probe
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.models.load import architecture
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.schema import Model, Sampling


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    pipe = DiffusionPipeline.from_pretrained(folder, dtype=dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def reasons(golden: GoldenSeeds, pipe: Any, **call: Any) -> list[str]:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **call)
    assert all(reason.endswith(".") for reason in refusal.value.reasons)
    assert all(reason in str(refusal.value) for reason in refusal.value.reasons)
    return refusal.value.reasons


def pictures(pipe: Any, **noise: Any) -> np.ndarray:
    made = pipe(["a red cat"] * 3, num_inference_steps=2, guidance_scale=5.0, output_type="np", **noise).images
    assert isinstance(made, np.ndarray)
    return made


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_latents_and_generators_give_the_same_pictures(family: str, tiny: dict[str, Path]) -> None:
    pipe = load(tiny[family])
    golden = golden_for(pipe)
    golden.check(pipe, steps=2, guidance_scale=5.0, negative_prompt=None, weights=WEIGHTS, height=64, width=64)
    from_latents = pictures(pipe, latents=golden.latents())
    assert np.array_equal(from_latents, pictures(pipe, generator=golden.generators()))
    assert np.abs(from_latents[0] - from_latents[1]).max() > 0.1


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_the_call_that_a_list_names_makes_its_pictures(family: str, tiny: dict[str, Path]) -> None:
    pipe = load(tiny[family])
    golden = golden_for(pipe)
    call = golden.call_kwargs(pipe)
    golden.check(pipe, **call)
    made = pipe(["a red cat"] * 3, latents=golden.latents(pipe), output_type="np", **call).images
    assert np.array_equal(made, pictures(pipe, latents=golden.latents(pipe)))
    with pytest.raises(GoldenMismatch):
        golden.check(pipe, **call | {"num_inference_steps": 3})
    chunks = golden.model_copy(
        update={"conditions": golden.conditions.model_copy(update={"long_prompts": "chunks", "negative_from": 1})}
    )
    with pytest.raises(GoldenError, match=r"negative_from and long_prompts: chunks, which no stock call says"):
        chunks.call_kwargs(pipe)


def test_one_latent_and_seeds_in_turn(tiny: dict[str, Path]) -> None:
    golden = golden_for(load(tiny["sd1"]))
    assert torch.equal(golden.latent(SEEDS[1]), golden.latents()[1])
    with pytest.raises(GoldenError, match="Seed 999 is not on the list"):
        golden.latent(999)
    turns = golden.rotate(begin=4)
    assert [next(turns) for _ in range(5)] == [SEEDS[1], SEEDS[2], SEEDS[0], SEEDS[1], SEEDS[2]]
    empty = golden.model_copy(update={"seeds": [], "why": golden.why.model_copy(update={"standings": []})})
    with pytest.raises(GoldenError, match="no golden seeds to rotate"):
        empty.rotate()


def test_stochastic_schedulers_go_on_after_the_latent(tiny: dict[str, Path]) -> None:
    """SDXL-Turbo's ancestral scheduler draws at every step, from the generator that drew the latent."""
    pipe = load(tiny["sdxl_turbo"])
    golden = golden_for(pipe)
    stock = pictures(pipe, generator=golden.generators())
    assert np.array_equal(
        stock, pictures(pipe, latents=golden.latents(), generator=golden.generators(after_latent=True))
    )
    assert not np.array_equal(stock, pictures(pipe, latents=golden.latents(), generator=golden.generators()))


def test_latents_shape_dtype_and_order(tiny: dict[str, Path]) -> None:
    golden = golden_for(load(tiny["sd1"]))
    before = torch.random.get_rng_state()
    latents = golden.latents()
    half = golden.latents(torch.float16)
    golden.generators()
    assert torch.equal(before, torch.random.get_rng_state())
    assert latents.shape == (3, *SHAPE)
    assert latents.dtype == torch.float32
    assert torch.equal(half, latents.to(torch.float16))
    for seed, latent in zip(SEEDS, latents, strict=True):
        stock = torch.randn((1, *SHAPE), generator=torch.Generator("cpu").manual_seed(seed))
        assert torch.equal(latent, stock[0])


def test_refuses_another_size(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    size, latents = reasons(golden_for(pipe), pipe, height=128)
    assert size.startswith("The pictures would be 64 x 128 pixels (width x height), but the list was made for 64 x 64,")
    assert latents == "The latents have the shape (4, 16, 8), but the list was made for (4, 8, 8)."


def test_refuses_another_dtype(tiny: dict[str, Path]) -> None:
    golden = golden_for(load(tiny["sd1"]))
    expected = "The dtype of the unet is 'bfloat16', but the list was made with 'float32'."
    assert reasons(golden, load(tiny["sd1"], torch.bfloat16)) == [expected]
    assert reasons(golden, load(tiny["sd1"]), dtype=torch.bfloat16) == [expected]


def test_refuses_another_scheduler_or_its_settings(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd2"])
    golden = golden_for(pipe)
    original = pipe.scheduler
    pipe.scheduler = DDPMScheduler.from_config(original.config)
    assert reasons(golden, pipe) == ["The scheduler is a DDPMScheduler, but the list was made with a DDIMScheduler."]
    pipe.scheduler = DDIMScheduler.from_config(original.config, timestep_spacing="trailing")
    assert reasons(golden, pipe) == [
        "The scheduler has timestep_spacing = 'trailing', but the list was made with 'leading'."
    ]
    # There and back again: what a config carries along for other classes makes no difference.
    pipe.scheduler = DDIMScheduler.from_config(DDPMScheduler.from_config(original.config).config)
    golden.check(pipe)


def test_settings_unknown_to_another_version_of_diffusers_stand_at_their_default(tiny: dict[str, Path]) -> None:
    scheduler = load(tiny["sd2"]).scheduler
    made = Component.of(scheduler)
    older = made.model_copy(update={"config": {k: v for k, v in made.config.items() if k != "timestep_spacing"}})
    newer = made.model_copy(update={"config": made.config | {"use_something_new": False}})
    bolder = made.model_copy(update={"config": made.config | {"use_something_new": True}})
    assert list(older.differences(scheduler, "scheduler")) == []
    assert list(newer.differences(scheduler, "scheduler")) == []
    assert list(bolder.differences(scheduler, "scheduler")) == [
        "The scheduler has use_something_new = None, but the list was made with True."
    ]


def test_refuses_another_call(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    assert reasons(golden_for(pipe), pipe, steps=50, guidance_scale=7.5, negative_prompt="blurry") == [
        "The number of steps is 50, but the list was made with 2.",
        "The guidance scale is 7.5, but the list was made with 5.0.",
        "The negative prompt is 'blurry', but the list was made with ''.",
    ]


def test_refuses_another_model(tiny: dict[str, Path]) -> None:
    golden = golden_for(load(tiny["sd1"]))
    found = reasons(golden, load(tiny["sdxl"]))
    assert (
        found[0] == "The pipeline is a StableDiffusionXLPipeline, but the list was made with a StableDiffusionPipeline."
    )
    assert "The unet has cross_attention_dim = 64, but the list was made with 32." in found
    same_parts = load(tiny["sd1"])
    [other_class] = reasons(golden, StableDiffusionImg2ImgPipeline(**same_parts.components))
    assert other_class.startswith("The pipeline is a StableDiffusionImg2ImgPipeline, ")
    [other_weights] = reasons(golden, same_parts, weights=WEIGHTS | {"unet/model.safetensors": "c" * 64})
    assert other_weights == ("The weights in unet/model.safetensors are not those of tiny that the list was made with.")


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl", "sdxl_turbo"])
def test_what_a_folder_says_agrees_with_the_stock_pipeline(family: str, tiny: dict[str, Path]) -> None:
    """A run describes its model without loading the weights; the pipeline that somebody loads later must agree."""
    pipe = load(tiny[family])
    kind, unet, scheduler = architecture(locate(Model(id=str(tiny[family]))), Sampling())
    assert kind == type(pipe).__name__
    assert Component.of(unet) == Component.of(pipe.unet)
    assert Component.of(scheduler) == Component.of(pipe.scheduler)


def test_refuses_other_noise(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    golden = golden_for(pipe)
    foreign = {7: Probe.of(torch.randn(SHAPE, generator=torch.Generator().manual_seed(99)))}
    elsewhere = golden.model_copy(update={"noise": golden.noise.model_copy(update={"probes": foreign})})
    [reason] = reasons(elsewhere, pipe)
    assert reason.startswith("The noise of seed 7 is other noise")


def test_file_round_trip(tiny: dict[str, Path], tmp_path: Path) -> None:
    pipe = load(tiny["sdxl"])
    golden = golden_for(pipe, negative_prompt='[\n1, 2\n] "ugly"')
    path = tmp_path / "golden.json"
    golden.save(path)
    again = GoldenSeeds.load(path)
    assert again == golden
    again.check(pipe, negative_prompt='[\n1, 2\n] "ugly"')
    assert '\n  "seeds": [7, 3, 12],\n' in path.read_text()
    assert json.loads(path.read_text())["format"] == "seedscope-golden/2"

    golden.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["golden.json"], "nothing is left beside it"
    with pytest.raises(GoldenError, match=r"nowhere/golden\.json: the golden list cannot be written: No such file"):
        golden.save(tmp_path / "nowhere" / "golden.json")


def changed(golden: GoldenSeeds, path: Path, **update: Any) -> Path:
    content = golden.model_dump(mode="json") | update
    path.write_text(json.dumps(content | {"sha256": seal(content)}))
    return path


def test_lists_of_the_first_edition_are_read(tmp_path: Path, tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    golden = golden_for(pipe)
    golden.save(tmp_path / "golden.json")
    content = json.loads((tmp_path / "golden.json").read_text())
    model = content["conditions"]["model"]
    assert model.pop("network") == "unet" and content["conditions"].pop("call") == {}
    model["unet"] = model.pop("denoiser")
    content["format"] = "seedscope-golden/1"
    for later in ("layout", "resized_from", "variation", "form", "cast_to", "half_draws", "embedding", "shift"):
        del content["noise"][later]
    del content["sha256"]
    (tmp_path / "golden.json").write_text(json.dumps(content | {"sha256": seal(content)}))
    loaded = GoldenSeeds.load(tmp_path / "golden.json")
    assert loaded.noise.half_draws is None and loaded.noise.recipe == golden.noise.recipe
    assert loaded == golden.model_copy(update={"noise": loaded.noise})
    loaded.check(pipe)
    assert torch.equal(loaded.latents(pipe), golden.latents(pipe))


def test_noise_of_a_later_version_is_told(tiny: dict[str, Path]) -> None:
    golden = golden_for(load(tiny["sd1"]))
    unknown = golden.model_copy(update={"noise": golden.noise.model_copy(update={"source": "torch.rand()"})})
    [reason] = reasons(unknown, load(tiny["sd1"]), generator=torch.Generator())
    assert reason.startswith("The noise was drawn by torch.rand(), but this version")
    with pytest.raises(GoldenError, match=r"drawn by torch\.rand\(\)"):
        unknown.latents()


def test_where_half_precision_is_other_noise_a_generator_is_refused(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = load(tiny["sd1"], torch.bfloat16)
    golden = golden_for(pipe)
    golden.check(pipe, generator=golden.generators())
    monkeypatch.setattr(noise_given, "half_draws", lambda: {"float16": True, "bfloat16": False})
    golden.check(pipe, generator=golden.generators(), latents=golden.latents(pipe))
    [reason] = reasons(golden, pipe, generator=golden.generators())
    assert "draws other noise in bfloat16 than in float32" in reason


def test_bad_files_are_refused_in_one_sentence(tiny: dict[str, Path], tmp_path: Path) -> None:
    golden = golden_for(load(tiny["sd1"]))
    path = tmp_path / "golden.json"
    golden.save(path)
    whole = path.read_text()
    cases = {
        '{"format": "seedscope-golden/1", "seeds": [1, 2': "golden.json:1:48: not valid JSON: Expecting ',' delimiter.",
        "[1, 2, 3]": "golden.json: is JSON, but not a golden list (it names no format)",
        '{"seeds": [1]}': "golden.json: is JSON, but not a golden list (it names no format)",
        whole.replace(
            "golden/2", "golden/9"
        ): "golden.json: has the format 'seedscope-golden/9'; this version of seedscope",
        whole.replace(
            '"rule"', '"rul"'
        ): "golden.json: not a valid golden list: why.rule: field required (and 1 more).",
        whole.replace('"steps": 2', '"steps": "two"'): "conditions.steps: input should be a valid integer",
        whole.replace("[7, 3, 12]", "[7, 3, -12]"): "seeds.2: input should be greater than or equal to 0.",
        whole.replace("[7, 3, 12]", "[7, 3, 9]"): "the list: seeds and why.standings name different seeds.",
        whole.replace('"value": 11.0', '"value": NaN'): "why.standings.0.value: input should be a finite number.",
        "": "golden.json:1:1: not valid JSON: Expecting value.",
        "[" * 100_000: "golden.json: cannot be read as a golden list: it is nested more than 50 deep.",
        whole.replace(
            "[7, 3, 12]", f"[{'9' * 5000}]"
        ): "cannot be read as a golden list: it holds a number of thousands",
        whole.replace(
            "[4, 8, 8]", "[4, 100000, 100000]"
        ): "noise.shape is (4, 100000, 100000): a latent of 40,000,000,000 values",
        whole.replace('"seeds"', '"seeds": [], "seeds"', 1): "the key 'seeds' stands in it twice",
    }
    for content, sentence in cases.items():
        path.write_text(content)
        with pytest.raises(GoldenError) as refusal:
            GoldenSeeds.load(path)
        assert sentence in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert isinstance(refusal.value, UserError)
    path.write_bytes(b"\x80\x81PNG")
    with pytest.raises(GoldenError, match="cannot be read as a golden list: 'utf-8' codec"):
        GoldenSeeds.load(path)
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(GoldenError, match="it is a pipe or a device, not a file"):
        GoldenSeeds.load(tmp_path / "pipe.json")
    with pytest.raises(GoldenError, match="there is no such file"):
        GoldenSeeds.load(tmp_path / "nothing.json")
    with pytest.raises(GoldenError, match="colour: this key is unknown"):
        GoldenSeeds.load(changed(golden, path, colour="red"))


def test_importing_the_package_loads_no_torch() -> None:
    script = "import sys, seedscope.analysis; assert 'torch' not in sys.modules; seedscope.analysis.GoldenSeeds"
    subprocess.run([sys.executable, "-c", script], check=True)

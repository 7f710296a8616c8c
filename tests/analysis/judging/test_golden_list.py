"""What a run says of its model in a golden list is what the same folder is once it is loaded, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
import yaml
from diffusers import DiffusionPipeline, EulerDiscreteScheduler
from repository import ROOT
from tiny_golden import SEEDS, golden_for

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.judging.golden_list import conditions_of, noise_of
from seedscope.analysis.run.run import DrawnRun, run_of
from seedscope.analysis.select.canary import Canary
from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.settings import settings
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.drawing.noise.philox import CardGenerator

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
Written = Callable[..., GoldenSeeds]


def load(folder: Path, **how: Any) -> Any:
    return DiffusionPipeline.from_pretrained(folder, **how)


@pytest.fixture(scope="module")
def like(tiny: dict[str, Path]) -> GoldenSeeds:
    """A list, of which the seeds and why they are golden are taken."""
    return golden_for(load(tiny["sd1"]))


@pytest.fixture
def written(tmp_path: Path, like: GoldenSeeds) -> Written:
    """The list that `seedscope export` writes for a folder, read again."""

    def write(folder: Path, dtype: str = "float32", variant: str | None = None, **study: Any) -> GoldenSeeds:
        file = tmp_path / "study.yaml"
        sampling = {"steps": 2, "guidance": {"scale": 5.0}} | study.pop("sampling", {})
        said = {"name": "a", "model": {"id": str(folder), "variant": variant}, "sampling": sampling, "seeds": SEEDS}
        file.write_text(yaml.safe_dump(said | {"prompts": ["a cat"], "compute": {"dtype": dtype}} | study))
        run = run_of(file, tmp_path / "run")
        assert isinstance(run, DrawnRun)
        noise = noise_of(run, SEEDS)
        like.model_copy(update={"conditions": conditions_of(run), "noise": noise}).save(tmp_path / "golden.json")
        return GoldenSeeds.load(tmp_path / "golden.json")

    return write


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl", "sdxl_turbo"])
def test_the_folder_itself_passes(family: str, written: Written, tiny: dict[str, Path]) -> None:
    golden = written(tiny[family])
    assert golden.conditions.model.digests is not None
    assert {"unet", "vae", "text_encoder", "tokenizer"} <= golden.conditions.model.digests.keys()
    golden.check(load(tiny[family]), steps=2, guidance_scale=5.0)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_hidden_text_before_the_prompt_is_seen(family: str, written: Written, tiny: dict[str, Path]) -> None:
    golden, pipe = written(tiny[family]), load(tiny[family])
    assert golden.noise.embedding is not None and golden.noise.embedding.prompt == "a cat"
    own = pipe.encode_prompt
    pipe.encode_prompt = lambda prompt, *args, **options: own(f"masterpiece, {prompt}", *args, **options)
    golden.check(pipe, tensors=False)
    with pytest.raises(GoldenMismatch, match="'a cat' becomes something else here, with the same text encoders"):
        golden.check(pipe)


def test_the_noise_of_a_card(written: Written, tiny: dict[str, Path]) -> None:
    golden, pipe = written(tiny["sd1"], noise="nv"), load(tiny["sd1"])
    golden.check(pipe, latents=golden.latents(pipe), generator=None)
    assert torch.equal(golden.latents()[0], CardGenerator(SEEDS[0]).randn((4, 8, 8)))
    for after in (False, True):
        with pytest.raises(GoldenError, match=r"noise is that of an NVIDIA card.*golden\.draw\(pipe, prompt\)"):
            golden.generators(after_latent=after)
    with pytest.raises(
        GoldenMismatch, match=r"noise is none that a generator on the CPU draws; give the call `latents="
    ):
        golden.check(pipe, generator=torch.Generator())
    call = {"num_inference_steps": 2, "guidance_scale": 5.0, "latents": golden.latents(pipe)}
    stock = [np.asarray(picture) for picture in pipe(["a cat"] * len(SEEDS), **call).images]
    ours = [np.asarray(picture) for picture in golden.draw(pipe, "a cat")]
    assert np.abs(np.stack(ours).astype(int) - np.stack(stock)).max() <= 1
    assert "source to NV" in settings(golden) and "CPU, and has no such setting" in settings(golden)


def test_resized_and_varied_noise(written: Written, tiny: dict[str, Path]) -> None:
    golden = written(tiny["sd1"], noise={"from": "96x32", "variation": {"seed": 12, "strength": 0.25}})
    pipe = load(tiny["sd1"])
    golden.check(pipe, latents=golden.latents(pipe))
    with pytest.raises(GoldenError, match=r"resized or varied.*after_latent=True"):
        golden.generators()
    assert len(golden.generators(after_latent=True)) == len(SEEDS)
    said = settings(golden)
    assert "width to 96, and from height to 32" in said and "Variation seed to 12, its strength to 0.25" in said
    assert "\n" not in said and said.isascii() and "source to CPU" in said


def test_half_precision_from_files_in_float32(written: Written, tiny: dict[str, Path]) -> None:
    written(tiny["sdxl"], dtype="float16").check(load(tiny["sdxl"], dtype=torch.float16))


def test_variants_with_other_weights_are_told_apart(written: Written, tmp_path: Path) -> None:
    folder = tiny_models.sd1(tmp_path / "model")
    tuned = load(tiny_models.sd1(tmp_path / "tuned", seed=9), dtype=torch.float16)
    tuned.save_pretrained(folder, variant="fp16", safe_serialization=True)
    golden = written(folder, dtype="float16", variant="fp16")
    golden.check(load(folder, dtype=torch.float16, variant="fp16"))
    with pytest.raises(GoldenMismatch, match="The weights of the unet are not those"):
        golden.check(load(folder, dtype=torch.float16))


@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "EulerAncestralDiscreteScheduler", "PNDMScheduler"])
def test_configurations_that_diffusers_mends_on_loading(scheduler: str, written: Written, tmp_path: Path) -> None:
    """Old ones name no `steps_offset` and no `clip_sample`, and stock pipelines set them."""
    folder = tiny_models.sd1(tmp_path / "model")
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": scheduler, **BETAS}))
    index = json.loads((folder / "model_index.json").read_text()) | {"scheduler": ["diffusers", scheduler]}
    (folder / "model_index.json").write_text(json.dumps(index))
    pipe = load(folder)
    written(folder).check(pipe)
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    written(folder, sampling={"scheduler": "euler"}).check(pipe)


def test_a_folder_whose_configuration_changes_is_described_anew(written: Written, tmp_path: Path) -> None:
    folder = tiny_models.sd1(tmp_path / "model")
    before = written(folder)
    config = json.loads((folder / "vae" / "config.json").read_text())
    (folder / "vae" / "config.json").write_text(json.dumps(config | {"scaling_factor": 0.5}))
    written(folder).check(load(folder))
    with pytest.raises(GoldenMismatch, match=r"The vae has scaling_factor = 0\.5"):
        before.check(load(folder))


def test_where_the_weights_are_not_here_the_list_goes_without_digests(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seedscope.analysis.judging import golden_list
    from seedscope.pipeline.errors import ModelError

    def missing(*_: object, **__: object) -> None:
        raise ModelError("not here")

    monkeypatch.setattr(golden_list, "stock_pipeline", missing)
    folder = tiny_models.sd1(tmp_path / "model")
    golden = written(folder)
    assert golden.conditions.model.digests is None
    golden.check(load(folder))


@pytest.mark.parametrize("seeds", [[], [3]])
def test_the_readme_draws_with_golden_seeds_or_says_why_there_are_none(
    seeds: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands, but for fewer steps: with a list of sprout, empty as the demo's, or of one seed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = next(part.split("```")[0] for part in readme.split("```python")[1:] if "GoldenSeeds" in part)
    block = block.replace(": 20,", ": 2,").replace("3.0}", "5.0}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    pipe = load(ROOT / "pipeline" / "sprout" / "sprout")
    like = golden_for(pipe)
    golden = like.model_copy(
        update={
            "seeds": seeds,
            "why": like.why.model_copy(update={"standings": [like.why.standings[1]] if seeds else []}),
            "noise": NoiseContract.of(seeds or [0], (16, 8, 8)),
        }
    )
    drawn = {seed: np.asarray(picture) for seed, picture in zip(seeds, golden.draw(pipe, "a cat"), strict=True)}
    kept = Canary.of("a cat", drawn, "float32") if seeds else None
    golden.model_copy(update={"canary_pictures": kept}).save(tmp_path / "runs" / "demo" / "golden.json")
    made: dict[str, Any] = {}
    exec(block, made)
    assert len(made.get("pictures", [])) == len(seeds)
    assert (golden.why.sentence in capsys.readouterr().out) == (not seeds)

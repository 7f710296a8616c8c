"""A golden list of a model with LoRAs, of a single file, with another autoencoder: it holds in a user's own code that loads
the same, and notices another weight, order, adapter or autoencoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import single_files
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from stock_families import golden_list
from tiny_loras import lora

from seedscope.analysis import GoldenMismatch, GoldenSeeds

SIZE = {"height": 32, "width": 48}
CALL = {**SIZE, "num_inference_steps": 2, "guidance_scale": 4.0}


@pytest.fixture(scope="module")
def loras(tiny: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("loras")
    return {
        name: lora(tiny["sd1"], root / f"{name}.safetensors", seed=seed) for seed, name in enumerate(("one", "two"))
    }


def stock(folder: Path) -> Any:
    pipe: Any = StableDiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def with_loras(folder: Path, *given: tuple[Path, float]) -> Any:
    """A user's own code, who calls the adapters otherwise."""
    pipe = stock(folder)
    names = [f"style {place}" for place in range(len(given))]
    for name, (file, _) in zip(names, given, strict=True):
        pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name=name)
    pipe.set_adapters(names, [weight for _, weight in given])
    return pipe


def refused(golden: GoldenSeeds, pipe: Any) -> str:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **CALL)
    return str(refusal.value)


@pytest.mark.parametrize("fuse", [False, True])
def test_loras_with_weights_and_order(
    tiny: dict[str, Path], loras: dict[str, Path], fuse: bool, tmp_path: Path
) -> None:
    """Be they fused in the run or in the user's code."""
    folder, one, two = tiny["sd1"], loras["one"], loras["two"]
    section = [{"file": str(one), "weight": 0.8}, {"file": str(two), "weight": 0.5}]
    golden = golden_list({"id": str(folder), "lora": section, "fuse": fuse}, tmp_path, **SIZE)
    pipe = with_loras(folder, (one, 0.8), (two, 0.5))
    golden.check(pipe, **CALL)
    assert golden.canary(pipe) < 1
    assert "The LoRA 2 of the unet has the weight 0.6, but the list was made with 0.5." in refused(
        golden, with_loras(folder, (one, 0.8), (two, 0.6))
    )
    assert "act in another order" in refused(golden, with_loras(folder, (two, 0.5), (one, 0.8)))
    assert "1 of its 2 are missing, and 0 are new" in refused(golden, with_loras(folder, (one, 0.8)))
    assert "1 of its 2 are missing, and 1 are new" in refused(golden, with_loras(folder, (one, 0.8), (one, 0.5)))
    pipe.fuse_lora()
    golden.check(pipe, **CALL)
    pipe.unload_lora_weights()
    golden.check(pipe, **CALL)
    assert golden.canary(pipe) < 1
    assert "The unet has no LoRA, but the list was made with 2 LoRAs" in refused(golden, stock(folder))
    other = with_loras(folder, (one, 0.8), (two, 0.6))
    other.fuse_lora()
    assert "neither those of" in refused(golden, other)


def test_lists_without_loras_still_refuse_them(tiny: dict[str, Path], loras: dict[str, Path], tmp_path: Path) -> None:
    golden = golden_list(tiny["sd1"], tmp_path, **SIZE)
    assert "has an adapter that acts on it (style 0)" in refused(golden, with_loras(tiny["sd1"], (loras["one"], 1.0)))
    assert not golden.conditions.model.adapters and not golden.conditions.model.changes


def test_a_single_file(tiny: dict[str, Path], tmp_path: Path) -> None:
    file = single_files.sd1_file(tiny["sd1"], tmp_path / "x.safetensors")
    golden = golden_list({"file": str(file), "config": str(tiny["sd1"])}, tmp_path, **SIZE)
    pipe: Any = StableDiffusionPipeline.from_single_file(str(file), config=str(tiny["sd1"]), local_files_only=True)
    golden.check(pipe, **CALL)
    golden.check(stock(tiny["sd1"]), **CALL)
    assert golden.conditions.model.weights is not None and "file" in golden.conditions.model.weights


def shifted(pipe: Any) -> None:
    with torch.no_grad():
        pipe.vae.decoder.conv_out.bias += 0.2


def test_another_autoencoder(tiny: dict[str, Path], tmp_path: Path) -> None:
    other = stock(tiny["sd1"])
    shifted(other)
    other.vae.save_pretrained(tmp_path / "vae")
    golden = golden_list({"id": str(tiny["sd1"]), "vae": str(tmp_path / "vae")}, tmp_path, **SIZE)
    golden.check(other, **CALL)
    pipe = stock(tiny["sd1"])
    assert "The weights of the vae are not those" in refused(golden, pipe)
    pipe.vae = AutoencoderKL.from_pretrained(tmp_path / "vae")
    golden.check(pipe, **CALL)


def tiled(pipe: Any) -> None:
    pipe.vae.enable_tiling()


@pytest.mark.parametrize(
    ("vae", "change", "said"),
    [
        (
            {"tiling": True},
            tiled,
            "made with a vae that was changed after it was built: AutoencoderKL has use_tiling = True",
        ),
        ({"dtype": "bfloat16"}, lambda pipe: pipe.vae.to(torch.bfloat16), "The dtype of the vae is 'float32'"),
    ],
)
def test_how_latents_become_pictures(
    tiny: dict[str, Path], vae: dict[str, Any], change: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    wide = {"height": 32, "width": 96}  # in two tiles
    golden = golden_list(tiny["sd1"], tmp_path, vae=vae, **wide)
    pipe = stock(tiny["sd1"])
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **CALL | wide)
    assert said in str(refusal.value)
    change(pipe)
    golden.check(pipe, **CALL | wide)

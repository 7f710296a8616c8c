"""Where weights are, how pictures are decoded, with what a network attends: drawn as stock draws, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from stock_families import by_seedscope, by_stock
from tiny_flux import flux

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.attention import attends_with
from seedscope.pipeline.models.device import exact_float32
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.memory import LIBRARIES, memory
from seedscope.pipeline.study.schema import Compute, Guidance, Model, Sampling, Study, fingerprint
from seedscope.pipeline.tables.table import Table

SIZE = {"height": 96, "width": 96}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flux(tmp_path_factory.mktemp("flux"), guidance_embeds=True)


def study(folder: Path, **compute: Any) -> Study:
    return Study.model_validate(
        {
            "name": "t",
            "model": str(folder),
            "sampling": {"steps": 2, "guidance": {"scale": 4.0}, **SIZE},
            "compute": {"batch_size": 1, "device": "cpu"} | compute,
            "prompts": ["a"],
            "seeds": "0-1",
        }
    )


def stock(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    pipe = DiffusionPipeline.from_pretrained(folder, dtype=dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiled(pipe: Any) -> None:
    pipe.vae.enable_tiling()


def sliced(pipe: Any) -> None:
    pipe.vae.enable_slicing()


def plain_attention(pipe: Any) -> None:
    before = _AttentionBackendRegistry._active_backend
    pipe.transformer.set_attention_backend("_native_math")
    _AttentionBackendRegistry.set_active_backend(before)


@pytest.mark.parametrize(
    ("compute", "change"),
    [
        ({"vae": {"tiling": True}}, tiled),
        ({"vae": {"slicing": True}}, sliced),
        ({"attention": "_native_math"}, plain_attention),
    ],
)
def test_drawn_as_stock(dev: Path, compute: dict[str, Any], change: Any, tmp_path: Path) -> None:
    before = _AttentionBackendRegistry._active_backend
    here = by_seedscope(study(dev, **compute), tmp_path)
    assert _AttentionBackendRegistry._active_backend == before, "other networks of the process attend as before"
    pipe = stock(dev)
    change(pipe)
    assert np.array_equal(here, by_stock(pipe, **SIZE, guidance_scale=4.0))


@pytest.mark.parametrize("kind", ["flux", "sd1"])
def test_an_autoencoder_in_float32_beside_a_narrower_network(
    dev: Path, kind: str, tiny: dict[str, Path], tmp_path: Path
) -> None:
    folder = dev if kind == "flux" else tiny["sd1"]
    narrow = study(folder, dtype="bfloat16")
    wide = study(folder, dtype="bfloat16", vae={"dtype": "float32"})
    one, other = by_seedscope(narrow, tmp_path / "narrow"), by_seedscope(wide, tmp_path / "wide")
    assert 0 < np.abs(one.astype(int) - other).max() < 40
    model = load(locate(wide.model), None, wide.sampling, wide.compute)
    pipe: Any = model.pipe  # type: ignore[attr-defined]  # both kinds have one
    assert (
        pipe.vae.dtype == torch.float32 and pipe.components[locate(wide.model).family.network].dtype == torch.bfloat16
    )


def test_what_changes_pixels_names_the_table_and_nothing_else(dev: Path) -> None:
    def named(**compute: Any) -> str:
        wanted = study(dev, **compute)
        return fingerprint(cause(wanted, locate(wanted.model)))

    plain = named()
    assert named(offload="model") == named(device="auto") == plain
    others = [
        named(attention="_native_math"),
        *(named(vae=vae) for vae in ({"tiling": True}, {"slicing": True}, {"dtype": "float16"})),
    ]
    assert len({plain, *others}) == 1 + len(others)
    old = study(dev).compute.said()
    assert set(old) == {"dtype", "batch_size", "compile"}, "as version 0.2 said it, so that its tables keep their names"


@pytest.mark.parametrize(
    ("compute", "said"),
    [
        (
            {"offload": "model"},
            "compute.offload: model keeps weights out of a GPU's memory, and the device here is the CPU",
        ),
        ({"attention": "flush"}, "compute.attention: flush is none of diffusers'; there are .*flash"),
        ({"attention": "sage_hub"}, "fetches code from the hub and runs it"),
        ({"attention": "xformers"}, "compute.attention: xformers does not work here"),
    ],
)
def test_what_cannot_be_had_is_refused(dev: Path, compute: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load(locate(Model(id=str(dev))), None, Sampling(steps=1), Compute(device="cpu", **compute))


def test_a_study_that_says_nothing_attends_with_torch(dev: Path) -> None:
    """Whatever the process attends with, by DIFFUSERS_ATTN_BACKEND or another network's choice."""
    before = _AttentionBackendRegistry._active_backend
    try:
        _AttentionBackendRegistry.set_active_backend(AttentionBackendName._NATIVE_MATH)
        model: Any = load(locate(Model(id=str(dev))), None, Sampling(steps=1), Compute(device="cpu"))
        assert attends_with(stock(dev).transformer) == ("_native_math",)
        assert attends_with(model.pipe.transformer) == ("native",)
        assert _AttentionBackendRegistry._active_backend == AttentionBackendName._NATIVE_MATH
    finally:
        _AttentionBackendRegistry.set_active_backend(before)


def test_a_unet_attends_by_torch_alone(tiny: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="a UNet2DConditionModel attends by torch alone. Remove the key"):
        load(locate(Model(id=str(tiny["sd1"]))), None, Sampling(steps=1), Compute(device="cpu", attention="native"))


@pytest.mark.parametrize("allowed", [True, False])
def test_float32_is_float32_while_it_is_drawn(allowed: bool) -> None:
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=allowed):
        with exact_float32():
            assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32 == allowed


def test_float32_is_float32_until_the_last_thread_has_drawn() -> None:
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        first, second = exact_float32(), exact_float32()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert not torch.backends.cudnn.allow_tf32, "the second still draws"
        second.__exit__(None, None, None)
        assert torch.backends.cudnn.allow_tf32, "as it was"


def test_memory_is_of_what_is_loaded_at_once(dev: Path, tiny: dict[str, Path]) -> None:
    def weights(folder: Path, *parts: str) -> int:
        return sum(file.stat().st_size for part in parts for file in (folder / part).glob("*.safetensors"))

    def wanted(folder: Path, **compute: Any) -> int:
        return memory(locate(Model(id=str(folder))), Compute(batch_size=1, **compute), (8, 8)) - LIBRARIES

    pixels = 8 * 8 * 1300
    at_once = max(weights(dev, "transformer", "vae"), weights(dev, "text_encoder", "text_encoder_2"))
    assert wanted(dev) == pytest.approx(at_once + pixels, rel=0.05), "text encoders are gone when the network comes"
    whole = weights(tiny["sd1"], "unet", "vae", "text_encoder")
    assert wanted(tiny["sd1"]) == pytest.approx(whole + pixels, rel=0.05)
    assert wanted(tiny["sd1"], dtype="float16") == pytest.approx((whole + pixels) / 2, rel=0.05)
    large = memory(locate(Model(id=str(tiny["sd1"]))), Compute(batch_size=16), (1024, 1024))
    assert 16e9 < large - LIBRARIES < 32e9, "sixteen pictures that are decoded at once"


def test_memory_of_gradients_is_that_of_one_decoder_and_of_all_branches(tiny: dict[str, Path]) -> None:
    def wanted(batch: int, size: int = 512, **similarity: Any) -> int:
        guidance = Guidance.model_validate({"similarity": {"to": {"text": "x"}} | similarity} if similarity else {})
        return memory(locate(Model(id=str(tiny["sd1"]))), Compute(batch_size=batch), (size, size), guidance)

    assert wanted(1, through="decoder") == pytest.approx(wanted(8, through="decoder"), rel=0.05)
    assert wanted(1, strength=0.0) == wanted(1)
    assert 6e9 < wanted(1, through="decoder") - wanted(1, size=8) < 6.5e9
    assert 15e9 < wanted(1, through="network") - wanted(1, size=8) < 16e9


def test_memory_of_a_task_that_goes_through_the_decoder_is_that_of_one_picture(tmp_path: Path) -> None:
    def wanted(batch: int, **options: Any) -> int:
        study = Study.model_validate(
            {
                "name": "t",
                "model": "sprout",
                "sampling": {"height": 512, "width": 512},
                "compute": {"batch_size": batch},
                "prompts": ["a"],
                "seeds": "0-2",
                "task": {"particles": {"set": 3} | options},
            }
        )
        located = locate(study.model)
        task = task_of(study).of(study, located)
        return Generate(study, located, Table.of(tmp_path, "images", "x", task.schema), task).memory()

    assert 4.5e9 < wanted(3, kernel="features") - wanted(3) < 6.1e9
    assert wanted(3, kernel="features") == wanted(12, kernel="features")

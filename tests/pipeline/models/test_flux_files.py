"""FLUX.1 in a single file, as Black Forest Labs names its tensors, and with all its parts in one, as ComfyUI saves it.

diffusers' conversion has the published width, 3,072, as a number. A tiny file is loaded with its own width in that place; at
the published width the headers alone are read, and converted without values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import flux_files
import numpy as np
import pytest
import torch
from diffusers import FluxTransformer2DModel
from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES
from stock_families import by_seedscope, study
from tiny_flux import flux

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.single_file import parts_in, refuse_misfit

SIZE = {"height": 32, "width": 48}
WIDTH = 32


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flux(tmp_path_factory.mktemp("models") / "flux-dev", guidance_embeds=True)


@pytest.fixture
def tiny_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SINGLE_FILE_LOADABLE_CLASSES, "FluxTransformer2DModel", flux_files.of_width(WIDTH))


@pytest.mark.usefixtures("tiny_width")
@pytest.mark.parametrize("whole", [False, True])
def test_it_draws_as_its_folder(dev: Path, whole: bool, tmp_path: Path) -> None:
    write = flux_files.all_in_one if whole else flux_files.flux_file
    model = {"file": str(write(dev, tmp_path / "flux.safetensors")), "config": str(dev)}
    wanted = study(model, **SIZE)
    parts = ("text_encoder", "text_encoder_2", "transformer", "vae") if whole else ("transformer",)
    assert sorted(locate(wanted.model).pieces.in_file) == sorted(parts)
    here, there = by_seedscope(wanted, tmp_path / "file"), by_seedscope(study(dev, **SIZE), tmp_path / "folder")
    assert int(np.abs(here.astype(int) - there).max()) <= 1, "tensors lie elsewhere, and round otherwise"


def header(file: Path, tensors: dict[str, torch.Tensor]) -> Path:
    """A .safetensors file in bfloat16 whose data is a hole: nothing of it is on disk."""
    told, end = dict[str, Any](), 0
    for name, each in tensors.items():
        told[name] = {"dtype": "BF16", "shape": list(each.shape), "data_offsets": [end, end + 2 * each.numel()]}
        end += 2 * each.numel()
    text = json.dumps(told).encode()
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + end)
    return file


@pytest.mark.parametrize("begin", ["", "model.diffusion_model."])
def test_names_and_shapes_of_the_published_width_fit(begin: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        built = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    names = {f"{begin}{name}": each for name, each in flux_files.flux_names(built.state_dict()).items()}
    file = header(tmp_path / "flux1-dev.safetensors", names)
    assert parts_in(
        file, {"transformer": "FluxTransformer2DModel", "vae": "AutoencoderKL"}, FAMILIES["FluxPipeline"]
    ) == ("transformer",)
    refuse_misfit(file, "transformer", built, "model.file")
    with torch.device("meta"):
        larger = FluxTransformer2DModel(num_layers=2, num_single_layers=1, guidance_embeds=True)
    with pytest.raises(ModelError, match="does not fit the settings of the transformer"):
        refuse_misfit(file, "transformer", larger, "model.file")


def test_a_width_that_diffusers_does_not_convert_is_refused(dev: Path, tmp_path: Path) -> None:
    model = {"file": str(flux_files.flux_file(dev, tmp_path / "flux.safetensors")), "config": str(dev)}
    with pytest.raises(
        ModelError, match=r"model.file: flux.safetensors does not fit the settings of the transformer: "
    ):
        by_seedscope(study(model, **SIZE), tmp_path)

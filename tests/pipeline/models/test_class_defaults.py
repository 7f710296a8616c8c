"""A setting that a folder's file lacks is that of the class, as diffusers fills it in: no reason to refuse, no other model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from stock_families import draws_as_stock
from tiny_families.cogview4 import tiny_cogview4
from tiny_families.hunyuan_dit import tiny_hunyuan_dit
from tiny_families.lumina2 import tiny_lumina2
from tiny_families.pixart import pixart
from tiny_families.qwen_image import tiny_qwen_image
from tiny_families.sana import sana
from tiny_families.wan import wan
from tiny_sd3 import sd3

from seedscope.pipeline.drawing.cause import cause, differences
from seedscope.pipeline.models.locate import Located, locate
from seedscope.pipeline.models.other_vae import locate_vae
from seedscope.pipeline.models.settings import class_defaults
from seedscope.pipeline.study.schema import Json, Model, Study

TRANSFORMER, VAE, INDEX = "transformer/config.json", "vae/config.json", "model_index.json"


def edited(folder: Path, file: str, key: str, value: Any = None) -> None:
    """Set a key of a file; of None, take it away."""
    said = json.loads((folder / file).read_text()) | {key: value}
    if value is None:
        del said[key]
    (folder / file).write_text(json.dumps(said))


def located(folder: Path) -> Located:
    return locate(Model(id=str(folder)))


def tiny_wan(path: Path) -> Path:
    return wan(path, networks=1)


WRITTEN: list[tuple[Callable[[Path], Path], str, str]] = [
    (lambda path: pixart(path, sigma=True), TRANSFORMER, "sample_size"),
    (lambda path: pixart(path, sigma=False), TRANSFORMER, "patch_size"),
    (sd3, TRANSFORMER, "sample_size"),
    (sd3, TRANSFORMER, "in_channels"),
    (sd3, VAE, "block_out_channels"),
    (tiny_cogview4, TRANSFORMER, "sample_size"),
    (tiny_hunyuan_dit, TRANSFORMER, "sample_size"),
    (tiny_lumina2, TRANSFORMER, "sample_size"),
    (tiny_qwen_image, VAE, "temperal_downsample"),
    (lambda path: sana(path, sprint=False), TRANSFORMER, "in_channels"),
    (tiny_wan, TRANSFORMER, "patch_size"),
    (tiny_wan, VAE, "scale_factor_spatial"),
]


@pytest.mark.parametrize(("write", "file", "key"), WRITTEN)
def test_what_is_not_said_is_read_as_the_class_has_it(
    write: Callable[[Path], Path], file: str, key: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "model")
    library, kind = json.loads((folder / INDEX).read_text())[file.partition("/")[0]]
    said = shutil.copytree(folder, tmp_path / "said")
    edited(said, file, key, class_defaults(library, kind)[key])
    edited(folder, file, key, "x")
    edited(folder, file, key)
    assert located(folder).geometry == located(said).geometry


def test_a_pixart_that_does_not_say_its_size_is_drawn(tmp_path: Path) -> None:
    folder = pixart(tmp_path / "pixart", sigma=False)
    edited(folder, TRANSFORMER, "sample_size")
    size = {"height": 32, "width": 48}
    call = size | {"guidance_scale": 4.0, "use_resolution_binning": False}
    draws_as_stock(folder, tmp_path / "run", size | {"guidance": {"scale": 4.0}}, call)


def test_another_vae_that_does_not_say_its_channels_has_those_of_its_class(tmp_path: Path) -> None:
    folder = tiny_models.sd1(tmp_path / "model")
    own = located(folder).configs("vae")
    assert own["latent_channels"] == class_defaults("diffusers", "AutoencoderKL")["latent_channels"]
    edited(folder, VAE, "latent_channels")
    assert locate_vae(str(folder / "vae"), own).config["latent_channels"] == own["latent_channels"]


def whole_cause(folder: Path, *, tiling: bool = False) -> dict[str, Json]:
    wanted: dict[str, Any] = {"name": "t", "model": {"id": str(folder)}, "prompts": ["a cat"], "seeds": "0-1"}
    wanted |= {"sampling": {"height": 64, "width": 64}, "compute": {"vae": {"tiling": tiling}}}
    return cause(Study.model_validate(wanted), located(folder))


def test_a_pipeline_whose_index_is_written_again_is_the_same_model(tmp_path: Path) -> None:
    folder = tiny_models.sdxl(tmp_path / "model")
    kind = located(folder).pipeline
    silent = shutil.copytree(folder, tmp_path / "silent")
    edited(silent, INDEX, "force_zeros_for_empty_prompt")
    assert differences(whole_cause(silent), whole_cause(folder), kind) == []
    edited(folder, INDEX, "force_zeros_for_empty_prompt", False)
    assert len(differences(whole_cause(silent), whole_cause(folder), kind)) == 1


def test_a_nested_setting_at_its_default_is_the_same(tmp_path: Path) -> None:
    folder = tiny_qwen_image(tmp_path / "model")
    file = "text_encoder/config.json"
    said = json.loads((folder / file).read_text())["text_config"]
    usual = class_defaults("transformers", "Qwen2_5_VLForConditionalGeneration")["text_config"]
    assert isinstance(usual, dict)
    name = next(key for key, value in said.items() if usual.get(key) == value and value is not None)
    before = whole_cause(folder)
    edited(folder, file, "text_config", {key: value for key, value in said.items() if key != name})
    assert differences(before, whole_cause(folder)) == differences(whole_cause(folder), before) == []
    edited(folder, file, "text_config", said | {name: "other"})
    assert len(differences(before, whole_cause(folder))) == 1


def test_a_cause_has_what_files_say_alone(tmp_path: Path) -> None:
    """So that runs of before have the causes that they had."""
    folder = tiny_models.sd1(tmp_path / "model")
    edited(folder, VAE, "sample_size", 32)
    edited(folder, VAE, "sample_size")
    assert whole_cause(folder, tiling=True)["model"] == whole_cause(folder)["model"]

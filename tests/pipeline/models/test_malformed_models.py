"""A model's folder may hold anything: whatever is wrong with its configuration is told in a sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.load import architecture, load
from seedscope.pipeline.models.locate import BUNDLED, locate
from seedscope.pipeline.study.schema import Compute, Model, Sampling

SAMPLING = Sampling(scheduler="model", steps=1)


@pytest.fixture
def altered(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a bundled model with a change in one of its files; None takes the key away."""

    def change(file: str, key: str, value: Any) -> Path:
        folder = Path(shutil.copytree(BUNDLED / "sprout-turbo", tmp_path / "model"))
        content = json.loads((folder / file).read_text())
        content[key] = value
        if value is None:
            del content[key]
        (folder / file).write_text(json.dumps(content))
        return folder

    return change


def use(folder: Path) -> None:
    """All that a run does with a model before it draws."""
    located = locate(Model(id=str(folder)))
    architecture(located, SAMPLING)
    load(located, None, SAMPLING, Compute(device="cpu"))


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        *(("unet/config.json", "sample_size", size) for size in ([], {}, "64", -8, 0, 1.5, ["a"])),
        *(("unet/config.json", "in_channels", count) for count in (None, [], "four", -1)),
        ("unet/config.json", "down_block_types", 5),
        ("unet/config.json", "block_out_channels", []),
        ("unet/config.json", "layers_per_block", "two"),
        *(("vae/config.json", "block_out_channels", blocks) for blocks in (5, [], {})),
        *(("vae/config.json", "latent_channels", count) for count in ([], "x", 0)),
        *(("model_index.json", "unet", value) for value in ([], 5, {}, [None, None], "unet", ["a"])),
        *(("model_index.json", "_class_name", name) for name in ([], 5, {}, ["evil", "StableDiffusionPipeline"])),
        *(("model_index.json", "scheduler", value) for value in (5, [], ["diffusers"], ["diffusers", "nowhere"])),
        ("scheduler/scheduler_config.json", "num_train_timesteps", "many"),
    ],
)
def test_a_malformed_model_is_told_in_a_sentence(altered: Callable[..., Path], file: str, key: str, value: Any) -> None:
    with pytest.raises(ModelError) as refused:
        use(altered(file, key, value))
    assert len(str(refused.value).splitlines()) == 1


def test_null_in_place_of_a_component(altered: Callable[..., Path]) -> None:
    folder = altered("model_index.json", "vae", ["diffusers", "AutoencoderKL"])
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"unet": None}))
    with pytest.raises(ModelError, match="its configuration cannot be read"):
        use(folder)


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "vae/config.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, "{", "5", '{"a": ' + "9" * 5000 + "}", "\udce9"])
def test_a_file_that_is_no_configuration(altered: Callable[..., Path], file: str, text: str) -> None:
    folder = altered("model_index.json", "_note", "x")
    (folder / file).write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ModelError, match="cannot be read|holds no JSON object"):
        use(folder)

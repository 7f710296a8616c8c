"""DINOv2 and CLIP embeddings: the published networks and preprocessing, batch independence, refusals of wrong files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_clip import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, clip, dinov2, pictures
from transformers import CLIPModel, Dinov2Model

from seedscope.analysis.features import FeatureError
from seedscope.analysis.features.clip_images import ClipImages
from seedscope.analysis.features.dinov2 import Dinov2
from seedscope.analysis.features.embedding import Embedder, Embedding

Pixels = npt.NDArray[np.uint8]
KINDS: dict[str, Callable[[str], Embedding]] = {"fd_dinov2": Dinov2, "fd_clip": ClipImages}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("embeddings")
    return {"fd_dinov2": dinov2(root / "dinov2"), "fd_clip": clip(root / "clip", size=336)}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, Embedder]:
    return {name: kind(str(folders[name])).load("cpu") for name, kind in KINDS.items()}


def vectors(one: Embedder, pixels: Pixels, split: int | None = None) -> npt.NDArray[np.float32]:
    """Features (N, D) computed in calls of `split` images; checks names and types on the way."""
    step = split or len(pixels)
    calls = [pixels[start : start + step] for start in range(0, len(pixels), step)]
    parts = [one.compute(call, [""] * len(call))[one.name] for call in calls]
    assert {part.type for part in parts} == {pa.list_(pa.float32(), one.dimensions)}
    return np.asarray(pa.concat_arrays(parts).flatten()).reshape(len(pixels), one.dimensions)


def by_pillow(pixels: Pixels, side: int, mean: list[float], std: list[float]) -> torch.Tensor:
    """(N, 3, side, side): Pillow's bicubic resize to 8 bits, then mean and standard deviation."""
    resized = [Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC) for picture in pixels]
    inputs = (np.stack([np.asarray(picture) for picture in resized]) / 255.0 - mean) / std
    return torch.from_numpy(inputs.transpose(0, 3, 1, 2)).float()


def dinov2_class_token(folder: Path, inputs: torch.Tensor) -> torch.Tensor:
    """facebookresearch/dinov2 on transformers' layers: patches, class token, interpolated positions, blocks, last norm."""
    network: Any = Dinov2Model.from_pretrained(folder)
    embeddings, trained = network.embeddings, network.embeddings.position_embeddings
    grid = trained[:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
    places = torch.nn.functional.interpolate(grid, scale_factor=(16.1 / 37, 16.1 / 37), mode="bicubic")
    patches = embeddings.patch_embeddings(inputs) + places.permute(0, 2, 3, 1).reshape(1, 256, -1)
    token = (embeddings.cls_token + trained[:, :1]).expand(len(inputs), -1, -1)
    states = torch.cat([token, patches], dim=1)
    for layer in network.encoder.layer:
        found = layer(states)
        states = found if isinstance(found, torch.Tensor) else found[0]
    result: torch.Tensor = network.layernorm(states)[:, 0]
    return result


@torch.inference_mode()
def test_dinov2_is_the_class_token_of_the_whole_picture_at_224(
    loaded: dict[str, Embedder], folders: dict[str, Path]
) -> None:
    pixels = pictures(3, 300, 260)
    expected = dinov2_class_token(folders["fd_dinov2"], by_pillow(pixels, 224, IMAGENET_MEAN, IMAGENET_STD)).numpy()
    found = vectors(loaded["fd_dinov2"], pixels)
    assert expected.std(axis=0).mean() > 0.05
    np.testing.assert_allclose(found, expected, atol=0.01)
    exact = pictures(2, 224, 224)
    expected = dinov2_class_token(folders["fd_dinov2"], by_pillow(exact, 224, IMAGENET_MEAN, IMAGENET_STD)).numpy()
    np.testing.assert_allclose(vectors(loaded["fd_dinov2"], exact), expected, atol=1e-5)


@torch.inference_mode()
def test_dinov2_positions_are_not_those_of_transformers(loaded: dict[str, Embedder], folders: dict[str, Path]) -> None:
    pixels = pictures(2, 224, 224)
    network: Any = Dinov2Model.from_pretrained(folders["fd_dinov2"])
    theirs = network(by_pillow(pixels, 224, IMAGENET_MEAN, IMAGENET_STD)).pooler_output.numpy()
    difference = np.abs(vectors(loaded["fd_dinov2"], pixels) - theirs).max()
    assert 1e-4 < difference < 1


@torch.inference_mode()
def test_dinov2_trained_at_224_keeps_its_positions(folders: dict[str, Path], tmp_path: Path) -> None:
    state = load_file(folders["fd_dinov2"] / "model.safetensors")
    positions = state["embeddings.position_embeddings"]
    state["embeddings.position_embeddings"] = positions[:, : 1 + 16 * 16].contiguous()
    config = json.loads((folders["fd_dinov2"] / "config.json").read_text()) | {"image_size": 224}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    one = Dinov2(str(tmp_path)).load("cpu")
    network: Any = Dinov2Model.from_pretrained(tmp_path)
    pixels = pictures(2, 224, 224)
    theirs = network(by_pillow(pixels, 224, IMAGENET_MEAN, IMAGENET_STD)).pooler_output.numpy()
    np.testing.assert_allclose(vectors(one, pixels), theirs, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(336, 336), (400, 336), (96, 150)], ids=str)
def test_clip_is_the_projected_embedding_of_the_middle_square(
    size: tuple[int, int], loaded: dict[str, Embedder], folders: dict[str, Path]
) -> None:
    pixels = pictures(3, *size)
    side = min(size)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    square = pixels[:, top : top + side, left : left + side]
    network = CLIPModel.from_pretrained(folders["fd_clip"])
    inputs = by_pillow(square, 336, CLIP_MEAN, CLIP_STD)
    expected = network.get_image_features(inputs).pooler_output
    expected = (expected / expected.norm(dim=1, keepdim=True)).numpy()
    found = vectors(loaded["fd_clip"], pixels)
    assert expected.std(axis=0).mean() > 0.02
    np.testing.assert_allclose(found, expected, atol=1e-5 if side == 336 else 2e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_vectors_depend_neither_on_the_batch_nor_on_the_order(name: str, loaded: dict[str, Embedder]) -> None:
    pixels = pictures(7)
    whole = vectors(loaded[name], pixels)
    for split in (1, 3):
        np.testing.assert_allclose(vectors(loaded[name], pixels, split), whole, atol=1e-4)
    np.testing.assert_allclose(vectors(loaded[name], pixels[::-1].copy())[::-1], whole, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_the_column_is_as_announced(name: str, loaded: dict[str, Embedder], folders: dict[str, Path]) -> None:
    one = loaded[name]
    assert KINDS[name](str(folders[name])).fields() == [pa.field(one.name, pa.list_(pa.float32(), one.dimensions))]


@pytest.mark.parametrize("name", KINDS)
def test_dimensions_are_known_without_weights(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    settings = json.loads((folders[name] / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings))
    assert KINDS[name](str(tmp_path)).dimensions == 24
    settings = {key: value for key, value in settings.items() if key not in ("hidden_size", "projection_dim")}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    assert KINDS[name](str(tmp_path)).fields()[0].type.list_size == {"fd_dinov2": 768, "fd_clip": 512}[name]
    with pytest.raises(FeatureError, match=r"has no weights: model\.safetensors"):
        KINDS[name](str(tmp_path)).fingerprint()


@pytest.mark.parametrize("name", KINDS)
def test_models_that_are_wrong_or_not_there_are_one_sentence(
    name: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    other = next(folder for key, folder in folders.items() if key != name)
    with pytest.raises(
        FeatureError, match=rf"{name}\.model: .* is of a model of type '\w+'; one of type '\w+' is needed"
    ):
        KINDS[name](str(other)).load("cpu")
    with pytest.raises(FeatureError, match="the hub cannot be reached .* `hf download someone/something`"):
        KINDS[name]("someone/something").fields()
    state = load_file(folders[name] / "model.safetensors")
    lost = next(key for key in state if key.endswith("layernorm.bias"))
    save_file({key: value for key, value in state.items() if key != lost}, tmp_path / "model.safetensors")
    for file in ("config.json", "preprocessor_config.json"):
        (tmp_path / file).write_bytes((folders[name] / file).read_bytes())
    with pytest.raises(FeatureError, match=rf"model\.safetensors does not fit \w+: missing keys {lost}\.$"):
        KINDS[name](str(tmp_path)).load("cpu")


def test_patches_must_divide_the_picture(folders: dict[str, Path], tmp_path: Path) -> None:
    settings = json.loads((folders["fd_dinov2"] / "config.json").read_text()) | {"patch_size": 15}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(FeatureError, match="patches of 15 pixels do not divide a side of 224"):
        Dinov2(str(tmp_path)).load("cpu")


def test_fingerprints_follow_the_weights_and_the_settings(folders: dict[str, Path], tmp_path: Path) -> None:
    others = {"fd_dinov2": dinov2(tmp_path / "dinov2", seed=1), "fd_clip": clip(tmp_path / "clip", size=336, seed=1)}
    resized = clip(tmp_path / "resized", size=336)
    settings = json.loads((resized / "preprocessor_config.json").read_text()) | {"resample": 2}
    (resized / "preprocessor_config.json").write_text(json.dumps(settings))
    found = [KINDS[name](str(where[name])).fingerprint() for name in KINDS for where in (folders, others)]
    assert len({*found, ClipImages(str(resized)).fingerprint()}) == 5
    again = clip(tmp_path / "again", size=336)
    assert ClipImages(str(again)).fingerprint() == ClipImages(str(folders["fd_clip"])).fingerprint()


def test_loading_draws_nothing_and_says_nothing(folders: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for name, kind in KINDS.items():
        kind(str(folders[name])).load("cpu")
    assert torch.equal(before, torch.get_rng_state())
    assert capfd.readouterr() == ("", "")

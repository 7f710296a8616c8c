"""Style: Gram matrices with known answers, sketches that keep distances, and VGG19 in the published file's format."""

import hashlib
import math
import urllib.error
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import vgg19

from seedscope.analysis.features.base import FeatureError
from seedscope.analysis.features.embedding import Embedder
from seedscope.analysis.features.style import VGG19, Style, StyleLite0, StyleVGG19
from seedscope.pipeline import images
from seedscope.pipeline.models.locate import BUNDLED
from seedscope.pipeline.networks.gram import SKETCH, gram, projection, triangle

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float32]
State = dict[str, torch.Tensor]


def vectors(style: Embedder, pixels: Pixels, split: int | None = None) -> Rows:
    """(N, dimensions), computed in calls of `split` pictures."""
    step = split or len(pixels)
    parts = [style.compute(pixels[i : i + step], [""] * len(pixels[i : i + step])) for i in range(0, len(pixels), step)]
    assert all(part[style.name].type == pa.list_(pa.float32(), style.dimensions) for part in parts)
    return np.concatenate([np.asarray(part[style.name].flatten()).reshape(-1, style.dimensions) for part in parts])


def distances(rows: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Distances of all pairs of rows."""
    above = np.triu_indices(len(rows), 1)
    wide = rows.astype(np.float64)
    return np.asarray(np.linalg.norm(wide[above[0]] - wide[above[1]], axis=1))


def textures(count: int, side: int = 64) -> Pixels:
    """Periodic coloured waves, each of another texture, which may be shifted around without a seam."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:side, 0:side] * (2 * np.pi / side)
    waves = rng.integers(1, 12, (2, count, 4, 1, 1, 3))
    planes = np.sin(waves[0] * x[..., None] + waves[1] * y[..., None] + rng.uniform(0, 6, (count, 4, 1, 1, 3)))
    return np.clip(128 + 45 * planes.sum(axis=1), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lite0() -> Embedder:
    return StyleLite0().load("cpu")


@pytest.fixture(scope="module")
def state() -> State:
    """Random weights with the published file's keys, shapes and dtypes; the classifier takes no room on the disk."""
    draw = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        network = vgg19()
    made: State = {}
    for key, empty in network.state_dict().items():
        if key.startswith("classifier"):
            made[key] = torch.zeros(1).expand(empty.shape)
        else:
            fan = math.prod(empty.shape[1:]) if empty.dim() > 1 else 100
            made[key] = torch.randn(empty.shape, generator=draw) * math.sqrt(2 / fan)
    return made


@pytest.fixture(scope="module")
def weights(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg19") / VGG19.file
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def vgg(weights: Path) -> Embedder:
    with pytest.warns(UserWarning, match="is not the published file") as caught:
        made = StyleVGG19(weights).load("cpu")
    assert caught[0].filename == __file__
    return made


def test_gram_matrices_have_known_answers() -> None:
    levels = torch.tensor([3.0, -1.0, 2.0])
    constant = levels[None, :, None, None].expand(2, 3, 5, 4)
    assert torch.allclose(gram(constant), levels.outer(levels).expand(2, 3, 3))
    single = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert gram(single).item() == pytest.approx(55 / 6)
    stripes = torch.zeros(1, 2, 4, 4)
    stripes[0, 0, :, ::2] = 2
    stripes[0, 1, :, 1::2] = 5
    assert gram(stripes)[0].tolist() == [[2, 0], [0, 12.5]]


def test_gram_matrices_do_not_know_where_things_are() -> None:
    maps = torch.randn(2, 6, 7, 9, generator=torch.Generator().manual_seed(0))
    moved = maps.flatten(2)[..., torch.randperm(63, generator=torch.Generator().manual_seed(1))].reshape(maps.shape)
    assert (gram(moved) - gram(maps)).abs().max() < 1e-5
    assert (gram(maps) - gram(maps).mT).abs().max() < 1e-6


def test_triangles_are_as_far_apart_as_the_style_loss() -> None:
    """Equation 4 of the paper, from its own unnormalised Gram matrices."""
    one, other = torch.randn(2, 1, 8, 5, 5, generator=torch.Generator().manual_seed(0)).double()
    raw = [torch.einsum("nihw,njhw->nij", maps, maps)[0] for maps in (one, other)]
    loss = ((raw[0] - raw[1]) ** 2).sum() / (4 * 8**2 * 25**2)
    assert (triangle(gram(one)) - triangle(gram(other))).square().sum().item() == pytest.approx(loss.item())


def test_sketches_are_fixed_fair_and_as_long_as_what_they_sketch() -> None:
    coins = projection(3000, 0)
    assert coins.shape == (3000, SKETCH) and coins.dtype == torch.float32
    assert coins.abs().unique().tolist() == [SKETCH**-0.5]
    assert abs(coins.mean().item()) * SKETCH**0.5 < 4 / math.sqrt(coins.numel())
    bits = hashlib.sha256((coins > 0).numpy().tobytes()).hexdigest()
    assert bits.startswith("e877d66264d922b7")  # the same in every run and on every machine
    assert not torch.equal(coins, projection(3000, 1))
    assert torch.equal(coins[:100], projection(100, 0))
    rows = torch.randn(40, 3000, generator=torch.Generator().manual_seed(0))
    ratio = ((rows @ coins).square().sum(dim=1) / rows.square().sum(dim=1)).numpy()
    assert ratio.mean() == pytest.approx(1, abs=4 * math.sqrt(2 / SKETCH / 40))
    assert ratio.std() < 1.4 * math.sqrt(2 / SKETCH)


def test_sketches_keep_the_distances_of_whole_gram_matrices(lite0: Embedder) -> None:
    rows = pq.read_table(BUNDLED / "reference" / "reference.parquet", columns=["image"]).slice(0, 24)
    pictures = np.stack([images.decode(image["bytes"]) for image in rows["image"].to_pylist()])
    tensor = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    with torch.inference_mode():
        whole = [triangle(gram(maps)).numpy() for maps in StyleLite0().network("cpu")(tensor)]
    sketches = vectors(lite0, pictures)
    for layer, of_layer in enumerate(whole):
        ratio = distances(sketches[:, layer * SKETCH : (layer + 1) * SKETCH]) / distances(of_layer)
        assert ratio.mean() == pytest.approx(1, abs=0.06)
        assert ratio.std() < 0.055
    together = distances(np.concatenate(whole, axis=1))
    assert np.corrcoef(together, distances(sketches))[0, 1] > 0.99


def test_layers_have_the_channels_announced(lite0: Embedder) -> None:
    style = StyleLite0()
    with torch.inference_mode():
        maps = [*style.network("cpu")(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))]
    assert [tuple(one.shape[1:]) for one in maps] == [
        (32, 112, 112),
        (24, 56, 56),
        (40, 28, 28),
        (112, 14, 14),
        (320, 7, 7),
    ]
    assert [one.shape[1] for one in maps] == [*style.layers.values()]
    assert lite0.dimensions == style.dimensions == 5 * SKETCH == StyleVGG19().dimensions
    assert style.fields() == [pa.field(lite0.name, pa.list_(pa.float32(), lite0.dimensions))]
    assert not style.needs_reference


def test_a_shifted_picture_keeps_its_style(lite0: Embedder) -> None:
    pictures = textures(6)
    shifted = np.roll(pictures, (13, 29), axis=(1, 2))
    rows, moved = vectors(lite0, pictures), vectors(lite0, shifted)
    same = np.linalg.norm(rows - moved, axis=1)
    assert (same < 0.5 * distances(rows).min()).all()


def test_lite0_does_not_depend_on_the_batch_or_the_order(lite0: Embedder) -> None:
    pictures = textures(5)
    whole = vectors(lite0, pictures)
    assert np.abs(whole).max() > 0.1
    for split in (1, 3):
        assert np.abs(vectors(lite0, pictures, split) - whole).max() < 1e-4
    assert np.abs(vectors(lite0, pictures[::-1]) - whole[::-1]).max() < 1e-4
    assert len(lite0.compute(pictures[:0], [])[lite0.name]) == 0


def test_vgg19_is_torchvisions_network_and_does_not_depend_on_the_batch(vgg: Embedder, state: State) -> None:
    """At 224 x 224 there is no resize; layers relu1_1 to relu5_1 are found by counting, not by their numbers."""
    pictures = textures(2, 224)
    whole = vectors(vgg, pictures)
    assert np.abs(vectors(vgg, pictures[:1]) - whole[:1]).max() < 1e-4
    features = vgg19_features(state)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    scaled = (torch.from_numpy(pictures[:1].transpose(0, 3, 1, 2) / np.float32(255)) - mean) / deviation
    expected, first_of_block = [], True
    with torch.inference_mode():
        for step in features:
            scaled = step(scaled)
            if isinstance(step, torch.nn.ReLU) and first_of_block:
                flat = scaled.flatten(2).double()[0]
                grams = (flat @ flat.T / flat.shape[1])[None]
                expected.append(triangle(grams).float() @ projection(len(flat) * (len(flat) + 1) // 2, len(expected)))
                first_of_block = False
            first_of_block |= isinstance(step, torch.nn.MaxPool2d)
    assert len(expected) == 5
    assert np.abs(torch.cat(expected, dim=1).numpy() - whole[:1]).max() < 1e-4


def vgg19_features(state: State) -> torch.nn.Sequential:
    with torch.device("meta"):
        network = vgg19().eval()
    network.load_state_dict(state, assign=True)
    features: torch.nn.Sequential = network.features[:30]
    return features


def test_vgg19_wants_every_key_of_a_safetensors_file(state: State, tmp_path: Path) -> None:
    path = tmp_path / "vgg19.safetensors"
    small = {key: value.clone() for key, value in state.items() if not key.startswith("classifier.0.w")}
    save_file(small, path)
    with pytest.raises(FeatureError, match=r"vgg19\.safetensors does not fit VGG: missing keys classifier\.0\.weight"):
        load(StyleVGG19(str(path)))


def test_vgg19_names_what_is_wrong_with_a_file(state: State, tmp_path: Path) -> None:
    wrong = dict(state)
    wrong["features.1.weight"] = wrong.pop("features.0.weight")
    wrong["features.2.bias"] = torch.zeros(128)
    path = tmp_path / "vgg16.pth"
    torch.save({key: value[:1].clone() if value.dim() == 4 else value for key, value in wrong.items()}, path)
    with pytest.raises(FeatureError) as caught:
        load(StyleVGG19(path))
    for part in (str(path), "missing keys features.0.weight", "unexpected keys features.1.weight", "wrong shapes"):
        assert part in str(caught.value)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(FeatureError, match="is damaged or holds more than tensors"):
        load(StyleVGG19(path))
    with pytest.raises(FeatureError, match=r"none\.pth cannot be read \(No such file"):
        load(StyleVGG19(tmp_path / "none.pth"))


def load(style: Style) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        style.load("cpu")


def test_no_network_is_one_sentence_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(
        FeatureError, match=r"style_vgg19: .* could not be downloaded .*; download https://download\.py"
    ):
        StyleVGG19().load("cpu")


def test_fingerprints_follow_the_weights(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "other.pth").write_bytes(b"other")
    made = [StyleLite0(), StyleVGG19(), StyleVGG19(weights), StyleVGG19(tmp_path / "other.pth")]
    assert len({style.fingerprint() for style in made}) == 4
    assert StyleLite0(batch_size=3).fingerprint() == StyleLite0().fingerprint()
    assert VGG19.file.removesuffix(".pth").endswith(VGG19.sha256)


def test_wrong_pixels_are_errors(lite0: Embedder) -> None:
    with pytest.raises(ValueError, match="uint8"):
        lite0.compute(np.zeros((1, 8, 8, 3), np.float32), [""])  # type: ignore[arg-type]

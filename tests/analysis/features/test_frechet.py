"""Embeddings: batch independence, the published weights and formats, refusals of wrong, missing and unsafe files."""

from __future__ import annotations

import io
import math
import pickle
import urllib.error
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchmetrics.image.fid import NoTrainInceptionV3

from seedscope.analysis.features import NAMES, FeatureError, feature
from seedscope.analysis.features.embedding import Embedder
from seedscope.analysis.features.inception import INCEPTION_FILE, INCEPTION_SHA256, _empty_inception
from seedscope.pipeline.networks import lite0 as lite0_module
from seedscope.pipeline.networks.lite0 import lite0_file

Pixels = npt.NDArray[np.uint8]
State = dict[str, torch.Tensor]


def pictures(n: int, height: int = 64, width: int = 64) -> Pixels:
    """Smooth coloured gradients with noise: not flat, not white noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width] / height
    waves = np.sin(rng.uniform(1, 12, (n, 1, 1, 3)) * x[..., None] + rng.uniform(1, 12, (n, 1, 1, 3)) * y[..., None])
    return np.asarray(np.clip(127 + 100 * waves + rng.normal(0, 10, waves.shape), 0, 255), dtype=np.uint8)


def loaded(name: str, **options: object) -> Embedder:
    """An embedding with its network, having checked what it announces."""
    known = feature(name, **options)
    made = known.load("cpu")
    assert isinstance(made, Embedder)
    assert known.fields() == [pa.field(made.name, pa.list_(pa.float32(), made.dimensions))] and made.name == name
    return made


def vectors(one: Embedder, pixels: Pixels, split: int | None = None) -> npt.NDArray[np.float32]:
    """Features (N, D) computed in calls of `split` images; checks names, types and lengths on the way."""
    step = split or len(pixels)
    parts = [
        one.compute(pixels[i : i + step], ["a prompt"] * len(pixels[i : i + step])) for i in range(0, len(pixels), step)
    ]
    for part in parts:
        assert part.keys() == {one.name}
        assert part[one.name].type == pa.list_(pa.float32(), one.dimensions)
        assert part[one.name].null_count == 0
    column = pa.concat_arrays([part[one.name] for part in parts])
    rows = np.asarray(column.flatten()).reshape(len(column), one.dimensions)
    assert rows.shape == (len(pixels), one.dimensions)
    return rows


@pytest.fixture(scope="module")
def lite0() -> Embedder:
    return loaded("fd_efficientnet_lite0")


@pytest.fixture(scope="module")
def state() -> State:
    """Random weights with the published file's keys, shapes and dtypes; activations neither vanish nor explode."""
    draw = torch.Generator().manual_seed(0)
    made: State = {}
    for key, empty in _empty_inception().state_dict().items():
        if key.endswith("num_batches_tracked"):
            made[key] = torch.zeros((), dtype=torch.int64)
        elif key.endswith(("running_var", "bn.weight")):
            made[key] = torch.rand(empty.shape, generator=draw) + 0.5
        else:
            fan = math.prod(empty.shape[1:]) if empty.dim() > 1 else 100
            made[key] = torch.randn(empty.shape, generator=draw) * math.sqrt(2 / fan)
    return made


@pytest.fixture(scope="module")
def weights(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / INCEPTION_FILE
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def inception(weights: Path) -> Embedder:
    with pytest.warns(UserWarning, match="is not the published file"):
        return loaded("fid_inception", weights=weights)


def test_lite0_does_not_depend_on_the_batch(lite0: Embedder) -> None:
    pixels = pictures(7)
    whole = vectors(lite0, pixels)
    assert whole.dtype == np.float32
    assert (whole >= 0).all()
    assert (whole <= 6).all()
    for split in (1, 3):
        assert np.abs(vectors(lite0, pixels, split) - whole).max() < 1e-4


def test_lite0_is_the_packages_network_without_its_classifier(lite0: Embedder) -> None:
    """Folded batch norms change values by less than 1e-4; at 224 x 224 there is no resize either."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(lite0_file(), weights_only=True))
    pixels = pictures(2, 224, 224)
    images = (torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32)) - 127) / 128
    with torch.inference_mode():
        truth = network.eval().extract_features(images).mean(dim=(2, 3)).numpy()
    assert np.abs(vectors(lite0, pixels) - truth).max() < 1e-4


def test_lite0_resizes_as_pillow_does_in_float(lite0: Embedder) -> None:
    pixels = pictures(2, 300, 260)
    resized = np.stack(
        [
            np.stack(
                [
                    np.asarray(
                        Image.fromarray(p[..., c].astype(np.float32)).resize((224, 224), Image.Resampling.BICUBIC)
                    )
                    for c in range(3)
                ],
                axis=-1,
            )
            for p in pixels
        ]
    )
    rounded = np.clip(np.rint(resized), 0, 255).astype(np.uint8)
    assert np.abs(vectors(lite0, pixels) - vectors(lite0, rounded)).max() < 0.1


def test_lite0_weights_are_the_packages_and_their_hash_is_in_the_fingerprint() -> None:
    import hashlib

    assert hashlib.sha256(lite0_file().read_bytes()).hexdigest().startswith("57934424")
    assert feature("fd_efficientnet_lite0").fingerprint() == feature("fd_efficientnet_lite0").fingerprint()
    assert len(feature("fd_efficientnet_lite0").fingerprint()) == 64


def test_features_of_one_network_pay_for_one_pass_over_the_same_pictures(
    lite0: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    style, pixels, passes = loaded("style_efficientnet_lite0"), pictures(20), list[int]()
    alone = [vectors(style, pixels), vectors(lite0, pixels)]
    through = lite0_module.maps_of
    monkeypatch.setattr(lite0_module, "maps_of", lambda *given: passes.append(len(given[1])) or through(*given))
    both = [vectors(one, part) for part in (pixels[:16].copy(), pixels[16:].copy()) for one in (lite0, style)]
    assert passes == [16, 4]
    np.testing.assert_array_equal(np.concatenate(both[1::2]), alone[0])
    np.testing.assert_array_equal(np.concatenate(both[::2]), alone[1])
    changed = pixels[16:].copy()
    changed[0, 0, 0] ^= 255  # in an array that was seen
    assert (vectors(style, changed)[0] != alone[0][16]).any() and passes == [16, 4, 4]
    changed[0] = pixels[16]
    np.testing.assert_array_equal(vectors(lite0, changed), alone[1][16:])


def test_inception_equals_torch_fidelity_and_torchmetrics(inception: Embedder, weights: Path) -> None:
    pixels = pictures(4, 80, 72)
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    ours = vectors(inception, pixels)
    assert ours.shape == (4, 2048)
    assert ours.std(axis=0).max() > 1e-3
    fidelity = FeatureExtractorInceptionV3("test", ["2048"], feature_extractor_weights_path=str(weights))
    metrics = NoTrainInceptionV3("test", ["2048"], feature_extractor_weights_path=str(weights), antialias=False)
    with torch.inference_mode():
        for theirs in (fidelity(images)[0], metrics(images)):
            assert np.abs(ours - theirs.numpy()).max() < 1e-5


def test_inception_does_not_depend_on_the_batch(inception: Embedder) -> None:
    pixels = pictures(7)
    whole = vectors(inception, pixels)
    for split in (1, 3):
        assert np.abs(vectors(inception, pixels, split) - whole).max() < 1e-4


def test_inception_reads_safetensors_and_files_without_batch_counters(
    inception: Embedder, state: State, tmp_path: Path
) -> None:
    pixels = pictures(1)
    path = tmp_path / "inception.safetensors"
    save_file({key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}, path)
    with pytest.warns(UserWarning, match="is not the published file"):
        made = loaded("fid_inception", weights=str(path))
    np.testing.assert_array_equal(vectors(made, pixels), vectors(inception, pixels))


def test_inception_names_missing_and_unexpected_keys_and_wrong_shapes(state: State, tmp_path: Path) -> None:
    wrong = dict(state)
    wrong["classifier.weight"] = wrong.pop("fc.weight")
    wrong["fc.bias"] = torch.zeros(1000)
    path = tmp_path / "other-network.pth"
    torch.save(wrong, path)
    with pytest.raises(FeatureError) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feature("fid_inception", weights=path).load("cpu")
    message = str(caught.value)
    assert str(path) in message
    assert "missing keys fc.weight" in message
    assert "unexpected keys classifier.weight" in message
    assert "wrong shapes fc.bias (1000,) instead of (1008,)" in message


class Bomb:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def damaged_files(tmp_path: Path) -> dict[str, bytes]:
    archive, nested = io.BytesIO(), io.BytesIO()
    torch.save({"fc.weight": torch.zeros(1008, 2048)}, archive)
    torch.save({"state_dict": {"fc.weight": torch.zeros(1)}}, nested)
    return {
        "bomb.pth": pickle.dumps(Bomb(tmp_path / "exploded")),
        "truncated.pth": archive.getvalue()[:1000],
        "empty.pth": b"",
        "text.pth": b"<html>not found</html>",
        "text.safetensors": b"<html>not found</html>",
        "nested.pth": nested.getvalue(),
    }


@pytest.mark.parametrize(
    "name", ["bomb.pth", "truncated.pth", "empty.pth", "text.pth", "text.safetensors", "nested.pth"]
)
def test_unsafe_and_damaged_files_are_refused_unopened(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(damaged_files(tmp_path)[name])
    with pytest.raises(FeatureError, match="tensors") as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feature("fid_inception", weights=path).load("cpu")
    assert str(path) in str(caught.value)
    assert not (tmp_path / "exploded").exists()


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    made = feature("fid_inception", weights=tmp_path / "none.pth")
    with pytest.raises(FeatureError, match=r"none\.pth cannot be read \(No such file"):
        made.load("cpu")
    with pytest.raises(FeatureError, match=r"none\.pth cannot be read"):
        made.fingerprint()


def test_no_network_is_one_sentence_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    made = feature("fid_inception")
    assert len(made.fingerprint()) == 64
    with pytest.raises(FeatureError, match=r"could not be downloaded .*; download https://.*\.pth .* option 'weights'"):
        made.load("cpu")


def test_a_damaged_download_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / INCEPTION_FILE).write_bytes(b"half")
    with pytest.raises(FeatureError, match="is damaged; delete it and run again"):
        feature("fid_inception").load("cpu")


def test_fingerprints_follow_the_weights(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "other.pth").write_bytes(b"other")
    prints = {
        feature("fd_efficientnet_lite0").fingerprint(),
        feature("fid_inception").fingerprint(),
        feature("fid_inception", weights=weights).fingerprint(),
        feature("fid_inception", weights=tmp_path / "other.pth").fingerprint(),
    }
    assert len(prints) == 4
    assert INCEPTION_FILE.removesuffix(".pth").endswith(INCEPTION_SHA256[:8])


def test_misspelt_names_and_options() -> None:
    assert {"fd_efficientnet_lite0", "fid_inception"} <= set(NAMES)
    with pytest.raises(FeatureError, match=r"'fid_inceptoin'; did you mean 'fid_inception'\? Known: fd_"):
        feature("fid_inceptoin")
    with pytest.raises(FeatureError, match=r"'fid_inception' has no option 'weight'; did you mean 'weights'"):
        feature("fid_inception", weight="x")


def test_wrong_pixels_are_errors(lite0: Embedder) -> None:
    with pytest.raises(ValueError, match="uint8"):
        lite0.compute(np.zeros((1, 8, 8, 3), np.float32), [""])
    with pytest.raises(ValueError, match="1 images, but 2 prompts"):
        lite0.compute(np.zeros((1, 8, 8, 3), np.uint8), ["", ""])
    assert len(lite0.compute(np.zeros((0, 8, 8, 3), np.uint8), [])[lite0.name]) == 0


def test_loading_draws_nothing_from_the_global_generators(weights: Path) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for made in (feature("fd_efficientnet_lite0"), feature("fid_inception", weights=weights)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.load("cpu")
    assert torch.equal(before, torch.get_rng_state())

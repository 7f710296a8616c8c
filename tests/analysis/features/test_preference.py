"""Preference scores: the published formulas, batch independence, one encoding a text, refusals of wrong files."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import pyarrow as pa
import pytest
import torch
import torchvision.transforms.functional as tv
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_clip import CLIP_MEAN, CLIP_STD, HPS_ARCHITECTURE, clip, clip_settings, clip_weights, hps, pictures
from transformers import AutoTokenizer, CLIPModel, CLIPProcessor

from seedscope.analysis.features import FeatureError, preference
from seedscope.analysis.features.clip_score import ClipScore
from seedscope.analysis.features.hps import FILES, HPSv2, fit_longer_side
from seedscope.analysis.features.pick_score import PickScore
from seedscope.analysis.features.preference import Preference, Scorer
from seedscope.pipeline.models.locate import BUNDLED

Pixels = npt.NDArray[np.uint8]
PROMPTS = ["a red photo", "the blue picture", "", "a red photo", "with a small green cat", "the blue picture", "of"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny models in the published layouts: clip, pick (weights alone), processor, hps (checkpoint), architecture."""
    root = tmp_path_factory.mktemp("preference")
    checkpoint, architecture = hps(root / "hps", seed=2)
    return {
        "clip": clip(root / "clip"),
        "pick": clip_weights(root / "pick", seed=1, activation="gelu"),
        "processor": clip_settings(root / "processor", pad="!"),
        "hps": checkpoint,
        "architecture": architecture,
    }


def made(name: str, folders: dict[str, Path], **options: Any) -> Preference:
    """A new feature on the tiny models, not loaded."""
    if name == "clip_score":
        return ClipScore(str(folders["clip"]), **options)
    if name == "pick_score":
        return PickScore(str(folders["pick"]), processor=str(folders["processor"]), **options)
    return HPSv2(weights=str(folders["hps"]), architecture=str(folders["architecture"]), **options)


NAMES = ["clip_score", "pick_score", "hps_v2"]


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> Callable[[str], Scorer]:
    """The feature of a name, loaded once."""
    ready = {name: made(name, folders, batch_size=3).load("cpu") for name in NAMES}
    return ready.__getitem__


def scores(one: Scorer, pixels: Pixels, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Scores (N,), having checked names, types and lengths of both columns."""
    columns = one.compute(pixels, prompts)
    name = one.feature.name
    assert {item.name: item.type for item in one.feature.fields()} == {
        key: value.type for key, value in columns.items()
    }
    assert list(columns) == [name, f"{name}_prompt_cut"]
    assert [columns[name].type, columns[f"{name}_prompt_cut"].type] == [pa.float32(), pa.bool_()]
    assert {len(column) for column in columns.values()} == {len(pixels)}
    return np.asarray(columns[name])


def test_clip_score_is_the_cosine_of_the_librarys_own_forward(
    loaded: Callable[[str], Scorer], folders: dict[str, Path]
) -> None:
    pixels = pictures(7, 120, 90)
    network, processor = CLIPModel.from_pretrained(folders["clip"]), CLIPProcessor.from_pretrained(folders["clip"])
    expected = []
    for picture, prompt in zip(pixels, PROMPTS, strict=True):
        inputs = processor(text=[prompt], images=[Image.fromarray(picture)], return_tensors="pt", padding=True)
        with torch.inference_mode():
            expected.append(float(network(**inputs).logits_per_image / network.logit_scale.exp()))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scores(loaded("clip_score"), pixels, PROMPTS), expected, atol=1e-5)


def test_pick_score_is_the_published_formula(loaded: Callable[[str], Scorer], folders: dict[str, Path]) -> None:
    pixels = pictures(7, 90, 120)
    network, processor = CLIPModel.from_pretrained(folders["pick"]), CLIPProcessor.from_pretrained(folders["processor"])
    settings = {"padding": True, "truncation": True, "max_length": 77, "return_tensors": "pt"}
    expected = []
    for picture, prompt in zip(pixels, PROMPTS, strict=True):
        with torch.inference_mode():
            image = network.get_image_features(**processor(images=[Image.fromarray(picture)], return_tensors="pt"))
            text = network.get_text_features(**processor(text=[prompt], **settings))
        image, text = (found.pooler_output / found.pooler_output.norm(dim=-1, keepdim=True) for found in (image, text))
        expected.append(float(network.logit_scale.detach().exp() * (text @ image.T)))
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(scores(loaded("pick_score"), pixels, PROMPTS), expected, atol=2e-5)


def published_hps(folders: dict[str, Path], picture: Pixels, prompt: str, antialias: bool) -> float:
    """What hpsv2/img_score.py computes for one picture, in float32."""
    network = open_clip.CLIP(**HPS_ARCHITECTURE, output_dict=True).eval()
    network.load_state_dict(torch.load(folders["hps"], weights_only=True)["state_dict"])
    image = tv.to_tensor(Image.fromarray(picture))
    height, width = image.shape[1:]
    scale = 224 / max(height, width)
    if scale != 1.0:
        size = [round(height * scale), round(width * scale)]
        image = tv.resize(image, size, tv.InterpolationMode.BICUBIC, antialias=antialias)
        right, bottom = 224 - size[1], 224 - size[0]
        image = tv.pad(image, [right // 2, bottom // 2, right - right // 2, bottom - bottom // 2], fill=0)
    with torch.inference_mode():
        found = network(tv.normalize(image, CLIP_MEAN, CLIP_STD)[None], open_clip.tokenize([prompt]))
        return float(torch.diagonal(found["image_features"] @ found["text_features"].T))


@pytest.mark.parametrize("size", [(64, 64), (224, 224), (300, 211), (97, 260)], ids=str)
def test_hps_v2_is_the_published_formula(
    size: tuple[int, int], loaded: Callable[[str], Scorer], folders: dict[str, Path]
) -> None:
    pixels = pictures(2, *size)
    expected = [published_hps(folders, picture, prompt, True) for picture, prompt in zip(pixels, PROMPTS, strict=False)]
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(scores(loaded("hps_v2"), pixels, PROMPTS[:2]), expected, atol=1e-5)


def test_hps_v2_without_antialiasing_as_it_was_trained(folders: dict[str, Path]) -> None:
    pixels = pictures(1, 400, 400)
    one = made("hps_v2", folders, antialias=False).load("cpu")
    expected, other = (published_hps(folders, pixels[0], PROMPTS[0], antialias) for antialias in (False, True))
    assert abs(expected - other) > 1e-4
    np.testing.assert_allclose(scores(one, pixels, PROMPTS[:1]), [expected], atol=1e-5)


def test_fitting_keeps_the_shape_and_centres_it() -> None:
    fitted = fit_longer_side(torch.ones(1, 3, 10, 40), 20, antialias=True)
    assert fitted.shape == (1, 3, 20, 20)
    rows = fitted[0, 0].mean(dim=1)
    assert torch.allclose(rows, torch.tensor([0.0] * 7 + [1.0] * 5 + [0.0] * 8), atol=1e-6)
    assert fit_longer_side(torch.ones(1, 3, 1, 1000), 20, antialias=True).sum() == pytest.approx(60)
    assert fit_longer_side(torch.ones(1, 3, 10, 20), 20, antialias=True).shape == (1, 3, 20, 20)


@pytest.mark.parametrize("name", NAMES)
def test_scores_depend_neither_on_the_batch_nor_on_the_order(
    name: str, loaded: Callable[[str], Scorer], folders: dict[str, Path]
) -> None:
    pixels = pictures(7)
    whole = scores(loaded(name), pixels, PROMPTS)
    assert np.ptp(whole) > 0.05
    fresh = made(name, folders, batch_size=16).load("cpu")
    alone = [scores(fresh, pixels[i : i + 1], PROMPTS[i : i + 1])[0] for i in reversed(range(7))][::-1]
    np.testing.assert_allclose(alone, whole, atol=1e-4)
    order = np.random.default_rng(0).permutation(7)
    np.testing.assert_allclose(scores(fresh, pixels[order], [PROMPTS[i] for i in order]), whole[order], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_scored_with_its_own_prompt(name: str, loaded: Callable[[str], Scorer]) -> None:
    pixels = pictures(2)
    straight = scores(loaded(name), pixels, PROMPTS[:2])
    crossed = scores(loaded(name), pixels[::-1].copy(), PROMPTS[:2])
    grid = scores(loaded(name), pixels[[0, 0, 1, 1]], [PROMPTS[0], PROMPTS[1]] * 2).reshape(2, 2)
    np.testing.assert_allclose(straight, grid.diagonal(), atol=1e-4)
    np.testing.assert_allclose(crossed, [grid[1, 0], grid[0, 1]], atol=1e-4)
    assert np.abs(straight - crossed).min() > 1e-3


def text_encodings(one: Scorer) -> list[int]:
    """Grows by the number of texts each time the text encoder's blocks run; a row that fills a batch is a text again."""
    network: Any = one.encoder.network
    found: list[int] = []
    blocks = network.text_model if hasattr(network, "text_model") else network.transformer
    blocks.register_forward_hook(lambda _module, inputs, _output: found.append(len(torch.unique(inputs[0], dim=0))))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_text_is_encoded_once(name: str, folders: dict[str, Path]) -> None:
    one = made(name, folders, batch_size=2).load("cpu")
    encoded = text_encodings(one)
    first = scores(one, pictures(7), PROMPTS)
    assert sum(encoded) == len(set(PROMPTS)) == 5
    np.testing.assert_array_equal(scores(one, pictures(7), PROMPTS), first)
    scores(one, pictures(1), PROMPTS[3:4])
    assert sum(encoded) == 5
    scores(one, pictures(1), ["another"])
    assert sum(encoded) == 6


def test_only_so_many_texts_are_remembered(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preference, "REMEMBERED_TEXTS", 2)
    one = made("clip_score", folders).load("cpu")
    encoded = text_encodings(one)
    first = scores(one, pictures(7), PROMPTS)
    assert sum(encoded) == 5
    assert len(one._texts) == 2
    np.testing.assert_allclose(scores(one, pictures(7), PROMPTS), first, atol=1e-6)
    assert sum(encoded) == 8
    assert len(one._texts) == 2


def test_the_texts_that_are_remembered_are_those_met_last(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preference, "REMEMBERED_TEXTS", 2)
    one = made("clip_score", folders).load("cpu")
    encoded = text_encodings(one)
    for prompt, so_far in zip(["a", "with", "a", "of", "a", "with"], [1, 2, 2, 3, 3, 4], strict=True):
        scores(one, pictures(1), [prompt])
        assert sum(encoded) == so_far


@pytest.mark.parametrize("name", NAMES)
def test_long_prompts_are_cut_as_the_tokenizer_does_and_marked(name: str, folders: dict[str, Path]) -> None:
    """75 tokens fit beside the two special ones; `.` is one token in both vocabularies."""
    one = made(name, folders).load("cpu")
    prompts = [". " * 75, ". " * 76, ". " * 300, ""]
    with pytest.warns(UserWarning, match=rf"{name}: prompts longer .* are cut .*{name}_prompt_cut"):
        columns = one.compute(pictures(1).repeat(4, axis=0), prompts)
    assert columns[f"{name}_prompt_cut"].to_pylist() == [False, True, True, False]
    full, cut, longer, empty = columns[name].to_pylist()
    assert cut == pytest.approx(full, abs=1e-6)
    assert longer == pytest.approx(full, abs=1e-6)
    assert abs(empty - full) > 1e-3


def test_no_direction_is_null_and_not_zero(folders: dict[str, Path], tmp_path: Path) -> None:
    state = load_file(folders["clip"] / "model.safetensors")
    state["visual_projection.weight"] = torch.zeros_like(state["visual_projection.weight"])
    for file in folders["clip"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    one = ClipScore(str(tmp_path)).load("cpu")
    columns = one.compute(pictures(2), PROMPTS[:2])
    assert columns["clip_score"].to_pylist() == [None, None]
    assert columns["clip_score_prompt_cut"].to_pylist() == [False, False]


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_close_and_does_not_depend_on_the_batch(
    name: str, loaded: Callable[[str], Scorer], folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of CUDA devices, run on the CPU's float16."""
    pixels = pictures(5)
    whole = scores(loaded(name), pixels, PROMPTS[:5])
    monkeypatch.setattr(Scorer, "_in_half", lambda self: True)
    one = made(name, folders, batch_size=4).load("cpu")
    half = scores(one, pixels, PROMPTS[:5])
    scale = 15 if name == "pick_score" else 1
    np.testing.assert_allclose(half, whole, atol=0.02 * scale)
    assert np.abs(half - whole).max() > 1e-6
    for i in range(5):
        np.testing.assert_allclose(scores(one, pixels[i : i + 1], PROMPTS[i : i + 1]), half[i : i + 1], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_pixels_are_errors(name: str, loaded: Callable[[str], Scorer]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        loaded(name).compute(np.zeros((1, 8, 8, 3), np.float32), [""])
    with pytest.raises(ValueError, match="1 images, but 2 prompts"):
        loaded(name).compute(pictures(1), ["", ""])
    assert scores(loaded(name), np.zeros((0, 8, 8, 3), np.uint8), []).shape == (0,)


def test_loading_draws_nothing_from_the_global_generators(folders: dict[str, Path]) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for name in NAMES:
        made(name, folders).load("cpu")
    assert torch.equal(before, torch.get_rng_state())


def test_fingerprints_follow_weights_settings_and_options(folders: dict[str, Path], tmp_path: Path) -> None:
    others, architecture = hps(tmp_path / "hps", seed=9)
    settings = clip_settings(tmp_path / "other", size=112)
    pick = {"model": str(folders["pick"])}
    prints = [
        made("clip_score", folders),
        made("clip_score", folders, half=False),
        ClipScore(str(clip(tmp_path / "clip", seed=4))),
        ClipScore(str(clip(tmp_path / "small", size=112))),
        made("pick_score", folders),
        PickScore(**pick, processor=str(settings)),
        PickScore(str(folders["clip"]), processor=str(folders["processor"])),
        made("hps_v2", folders),
        made("hps_v2", folders, antialias=False),
        HPSv2(weights=str(others), architecture=str(architecture)),
        HPSv2(weights=str(folders["hps"])),
    ]
    assert len({one.fingerprint() for one in prints}) == len(prints)
    assert made("hps_v2", folders, batch_size=1).fingerprint() == made("hps_v2", folders).fingerprint()


def copied(source: Path, folder: Path, *names: str) -> Path:
    """A folder with the named files of another."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes((source / name).read_bytes())
    return folder


def test_clip_weights_that_do_not_fit_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    state = load_file(folders["clip"] / "model.safetensors")
    state["extra.weight"] = state.pop("text_projection.weight")
    state["visual_projection.weight"] = torch.zeros(24, 39)
    folder = copied(
        folders["clip"], tmp_path / "bad", "config.json", "preprocessor_config.json", "tokenizer_config.json"
    )
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(FeatureError) as caught:
        ClipScore(str(folder)).load("cpu")
    message = str(caught.value)
    assert message.startswith("clip_score.model: the weights file ")
    assert "bad/model.safetensors does not fit CLIPModel" in message
    assert "missing keys text_projection.weight" in message
    assert "unexpected keys extra.weight" in message
    assert "wrong shapes visual_projection.weight (24, 39) instead of (24, 40)" in message


class Bomb:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("content", ["junk", "bomb"])
def test_damaged_and_unsafe_weights_are_refused(content: str, folders: dict[str, Path], tmp_path: Path) -> None:
    went_off = tmp_path / "went-off"
    data = b"junk" if content == "junk" else pickle.dumps({"logit_scale": Bomb(went_off)}, protocol=2)
    folder = copied(folders["clip"], tmp_path / "clip", "config.json")
    (folder / "pytorch_model.bin").write_bytes(data)
    with pytest.raises(FeatureError, match=r"pytorch_model\.bin is damaged or holds more than tensors"):
        ClipScore(str(folder)).load("cpu")
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(FeatureError, match=r"model\.safetensors is damaged or holds more than tensors"):
        ClipScore(str(folder)).load("cpu")
    (tmp_path / "hps.pt").write_bytes(data)
    with pytest.raises(FeatureError, match=r"hps\.pt is damaged or holds more than tensors"):
        HPSv2(weights=str(tmp_path / "hps.pt"), architecture=str(folders["architecture"])).load("cpu")
    assert not went_off.exists()


def test_weights_in_a_torch_file_are_read_without_pickle(folders: dict[str, Path], tmp_path: Path) -> None:
    names = [file.name for file in folders["clip"].iterdir() if file.name != "model.safetensors"]
    folder = copied(folders["clip"], tmp_path / "clip", *names)
    torch.save(load_file(folders["clip"] / "model.safetensors"), folder / "pytorch_model.bin")
    one, same = ClipScore(str(folder)).load("cpu"), made("clip_score", folders).load("cpu")
    np.testing.assert_array_equal(scores(one, pictures(2), PROMPTS[:2]), scores(same, pictures(2), PROMPTS[:2]))


def test_folders_without_a_part_are_one_sentence(folders: dict[str, Path], tmp_path: Path) -> None:
    config = copied(folders["clip"], tmp_path / "config", "config.json")
    with pytest.raises(
        FeatureError, match=r"config has no weights: model\.safetensors or .*, there is config\.json\.$"
    ):
        ClipScore(str(config)).fingerprint()
    weights = copied(folders["clip"], tmp_path / "weights", "config.json", "model.safetensors")
    with pytest.raises(FeatureError, match=r"clip_score\.model: .*weights has no preprocessor_config\.json"):
        ClipScore(str(weights)).load("cpu")
    pictured = copied(weights, tmp_path / "pictured", "config.json", "model.safetensors")
    copied(folders["processor"], pictured, "preprocessor_config.json")
    with pytest.raises(FeatureError, match=r"clip_score\.model: .*pictured has no tokenizer"):
        ClipScore(str(pictured)).load("cpu")
    copied(BUNDLED / "sprout" / "tokenizer", pictured, "tokenizer.json", "tokenizer_config.json")
    state = load_file(pictured / "model.safetensors")
    config_file = json.loads((pictured / "config.json").read_text())
    config_file["text_config"]["vocab_size"] = 9
    (pictured / "config.json").write_text(json.dumps(config_file))
    state["text_model.embeddings.token_embedding.weight"] = torch.zeros(9, 32)
    save_file(state, pictured / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        FeatureError, match=r"has a tokenizer of \d+ tokens; the text encoder knows 9, so it is another"
    ):
        ClipScore(str(pictured)).load("cpu")
    with pytest.raises(FeatureError, match=r"pick_score\.processor: .*pick has no preprocessor_config\.json"):
        PickScore(str(folders["pick"]), processor=str(folders["pick"])).load("cpu")
    (config / "config.json").write_text('{"model_type": "siglip"}')
    with pytest.raises(FeatureError, match="is of a model of type 'siglip'; one of type 'clip' is needed"):
        ClipScore(str(config)).load("cpu")
    (config / "config.json").write_text("[]")
    with pytest.raises(FeatureError, match="is of a model of type None"):
        ClipScore(str(config)).load("cpu")


def test_models_that_are_not_there_are_one_sentence(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"clip_score\.model: there is no model 'sprout-clop'; bundled are "):
        ClipScore("sprout-clop").fingerprint()
    with pytest.raises(FeatureError, match="the hub cannot be reached .* `hf download someone/something`"):
        ClipScore("someone/something").fingerprint()
    with pytest.raises(FeatureError, match=r"pick_score\.processor: someone/something is not a folder here"):
        PickScore(str(folders["pick"]), processor="someone/something").fingerprint()
    with pytest.raises(FeatureError, match="neither a folder here nor a hub id"):
        ClipScore("some one/some thing").fingerprint()
    with pytest.raises(FeatureError, match="only a hub id has revisions; remove `revision`"):
        ClipScore(str(folders["clip"]), revision="main").fingerprint()
    with pytest.raises(FeatureError, match=r"hps_v2\.weights: .*the hub cannot be reached"):
        HPSv2(weights="someone/something").load("cpu")
    with pytest.raises(FeatureError, match=r"none\.pt cannot be read"):
        HPSv2(weights=str(tmp_path / "none.pt")).fingerprint()
    with pytest.raises(FeatureError, match=r"none\.pt is damaged or .*FileNotFoundError"):
        HPSv2(weights=str(tmp_path / "none.pt"), architecture=str(folders["architecture"])).load("cpu")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], str]:
    """Put the files of a folder into the hub's cache, as a download would, and give their commit."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    def add(repository: str, folder: Path) -> str:
        commit = "0123456789abcdef0123456789abcdef01234567"
        root = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        (root / "refs").mkdir(parents=True)
        (root / "refs" / "main").write_text(commit)
        copied(folder, (root / "snapshots" / commit).parent)
        copied(folder, root / "snapshots" / commit, *[file.name for file in folder.iterdir()])
        return commit

    return add


def test_models_in_the_hubs_cache_are_found_without_a_network(
    folders: dict[str, Path], hub: Callable[[str, Path], str], loaded: Callable[[str], Scorer]
) -> None:
    commit = hub("yuvalkirstain/PickScore_v1", folders["pick"])
    hub("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", folders["processor"])
    hub("xswu/HPSv2", folders["hps"].parent)
    pick, preferred = PickScore(), HPSv2(architecture=str(folders["architecture"]))
    assert pick.facts()["model"] == {"hub": "yuvalkirstain/PickScore_v1", "commit": commit}
    assert preferred.facts()["weights"] == {"file": FILES["v2.0"], "commit": commit}
    for one in (pick, preferred):
        found, given = (scores(each, pictures(3), PROMPTS[:3]) for each in (one.load("cpu"), loaded(one.name)))
        np.testing.assert_allclose(found, given, rtol=1e-5)  # the last digit hangs on where the weights lie in memory
    with pytest.raises(FeatureError, match=r"xswu/HPSv2 has no file HPS_v2\.1_compressed\.pt; give the path"):
        HPSv2(version="v2.1").load("cpu")


def test_hps_checkpoints_that_do_not_fit_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    state = torch.load(folders["hps"], weights_only=True)["state_dict"]
    state["visual.head"] = state.pop("visual.proj")
    state["ln_final.bias"] = torch.zeros(7)
    torch.save({"state_dict": state}, tmp_path / "other.pt")
    with pytest.raises(FeatureError) as caught:
        HPSv2(weights=str(tmp_path / "other.pt"), architecture=str(folders["architecture"])).load("cpu")
    message = str(caught.value)
    assert str(tmp_path / "other.pt") in message
    assert "missing keys visual.proj" in message
    assert "unexpected keys visual.head" in message
    assert "wrong shapes ln_final.bias (7,) instead of (24,)" in message


def test_hps_reads_bare_tensors_too(folders: dict[str, Path], tmp_path: Path) -> None:
    state = torch.load(folders["hps"], weights_only=True)["state_dict"]
    save_file(state, tmp_path / "hps.safetensors")
    torch.save(state, tmp_path / "hps.pth")
    expected = None
    for file in (folders["hps"], tmp_path / "hps.safetensors", tmp_path / "hps.pth"):
        one = HPSv2(weights=str(file), architecture=str(folders["architecture"])).load("cpu")
        found = scores(one, pictures(2), PROMPTS[:2])
        expected = found if expected is None else expected
        np.testing.assert_array_equal(found, expected)


def test_hps_versions_and_architectures(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"hps_v2\.version: there is no 'v3'; known are v2\.0 and v2\.1"):
        HPSv2(version="v3")
    with pytest.raises(FeatureError, match=r"is the file of v2\.0, but `version` is v2\.1"):
        HPSv2(version="v2.1", weights=str(folders["hps"]))
    with pytest.raises(FeatureError, match=r"open_clip has no 'ViT-H-41'; the published weights are ViT-H-14"):
        HPSv2(weights=str(folders["hps"]), architecture="ViT-H-41").load("cpu")
    with pytest.raises(FeatureError, match="other.json cannot be read"):
        HPSv2(weights=str(folders["hps"]), architecture=str(tmp_path / "other.json")).load("cpu")
    (tmp_path / "odd.json").write_text(json.dumps(HPS_ARCHITECTURE | {"depth": 3}))
    with pytest.raises(FeatureError, match="open_clip cannot build it: .*depth"):
        HPSv2(weights=str(folders["hps"]), architecture=str(tmp_path / "odd.json")).load("cpu")
    with pytest.raises(FeatureError, match=r"does not fit CLIP: missing keys .* wrong shapes"):
        HPSv2(weights=str(folders["hps"])).load("cpu")


def test_the_published_architecture_is_open_clips_vit_h_14() -> None:
    """986 million parameters, and every key of the checkpoint is one of open_clip's own network."""
    with torch.device("meta"):
        network = open_clip.CLIP(**open_clip.get_model_config("ViT-H-14"))
    assert sum(value.numel() for value in network.parameters()) == 986_109_441
    assert {"positional_embedding", "text_projection", "logit_scale", "visual.proj"} <= set(network.state_dict())
    assert network.visual.image_size == (224, 224)


def test_the_causal_mask_is_open_clips_own(loaded: Callable[[str], Scorer]) -> None:
    ours: Any = loaded("hps_v2").encoder.network
    assert torch.equal(ours.attn_mask, open_clip.CLIP(**HPS_ARCHITECTURE).attn_mask)


SPROUT = BUNDLED / "sprout-clip"


@pytest.mark.parametrize("before", [(1,), (2,), (3,), (5,), (1, 3)])
def test_scores_are_the_same_to_the_bit_whatever_was_measured_before(before: tuple[int, ...]) -> None:
    """A unit that is measured by another process, after a kill, has met other texts before."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    texts = ["a red apple", "a cat on grass", "a blue car at night", "an owl", "a bee in snow", "a pizza"]
    fresh = ClipScore("sprout-clip").load("cpu").compute(pixels, texts)["clip_score"]
    used = ClipScore("sprout-clip").load("cpu")
    for count in before:
        used.compute(pixels[:count], texts[:count])
    assert used.compute(pixels, texts)["clip_score"].equals(fresh)


@pytest.mark.skipif(not (SPROUT / "config.json").is_file(), reason="sprout-clip is not there")
def test_the_bundled_clip_prefers_the_right_caption() -> None:
    """On reference pictures of different captions, a picture's own caption wins over the next one's nearly always."""
    import io

    import pyarrow.parquet as pq

    rows = pq.read_table(BUNDLED / "reference" / "reference.parquet").slice(0, 64).to_pylist()
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")) for row in rows])
    captions = [row["caption"] for row in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = ClipScore("sprout-clip").load("cpu")
        own, other = scores(one, pixels, captions), scores(one, pixels, captions[1:] + captions[:1])
    assert np.mean(own > other) > 0.9
    assert AutoTokenizer.from_pretrained(SPROUT).model_max_length < 100

"""Metrics of torchmetrics as features: each is what its formula says, of each picture alone, whatever it shares a call with."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torchvision
from PIL import Image
from tiny_clip import clip, pictures
from transformers import CLIPModel, CLIPProcessor

from seedscope.analysis.features import FeatureError, feature
from seedscope.analysis.features.torchmetrics_values import AT_ONCE, METRICS

Pixels = npt.NDArray[np.uint8]
PICTURES = pictures(5, 64, 80)


def values(metric: str, pixels: Pixels = PICTURES, **options: Any) -> dict[str, npt.NDArray[np.float32]]:
    columns = feature("torchmetrics", metric=metric, **options).load("cpu").compute(pixels, [""] * len(pixels))
    return {name: column.to_numpy(zero_copy_only=False) for name, column in columns.items()}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / "target.png"
    Image.fromarray(PICTURES[2]).save(path)
    return path


def test_total_variation_counts_steps_and_has_no_direction_that_is_good() -> None:
    edge = np.zeros((1, 32, 32, 3), np.uint8)
    edge[:, :, 16:] = 255  # 32 rows, each with one step of 1, in each channel
    assert values("total_variation", edge)["total_variation"][0] == pytest.approx(1 / 32)
    assert feature("torchmetrics", metric="total_variation").scalars() == {"total_variation": None}


def test_likeness_is_highest_to_the_picture_itself(given: Path) -> None:
    found = values("ssim, psnr", against=str(given))
    assert found["ssim"].argmax() == 2 and found["ssim"][2] == pytest.approx(1, abs=1e-5)
    assert np.isnan(found["psnr"][2]), "infinite"
    error = ((PICTURES[0].astype(float) - PICTURES[2]) ** 2).mean() / 255**2
    assert found["psnr"][0] == pytest.approx(-10 * np.log10(error), rel=1e-5)


def test_multi_scale_ssim_asks_for_pictures_that_can_be_halved_four_times(given: Path) -> None:
    assert np.isnan(values("ms_ssim", against=str(given))["ms_ssim"]).all()
    large = pictures(2, 176, 192)
    path = given.parent / "large.png"
    Image.fromarray(large[1]).save(path)
    found = values("ms_ssim", large, against=str(path))["ms_ssim"]
    assert found[1] == pytest.approx(1, abs=1e-5) and found[0] < 0.9


def test_the_given_picture_is_brought_to_the_size_of_the_others(given: Path) -> None:
    twice = np.stack(
        [np.asarray(Image.fromarray(each).resize((160, 128), Image.Resampling.BICUBIC)) for each in PICTURES]
    )
    assert values("ssim", twice, against=str(given))["ssim"].argmax() == 2


def test_clip_iqa_is_its_formula_by_the_clip_that_is_given(tmp_path: Path) -> None:
    folder = clip(tmp_path / "clip")
    found = values("clip_iqa", model=str(folder))["clip_iqa"]
    network, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    inputs = processor(
        text=["Good photo.", "Bad photo."],
        images=list(PICTURES),
        return_tensors="pt",
        padding="max_length",
        max_length=77,
    )
    with torch.no_grad():
        out = network(**inputs)
        cosines = out.image_embeds @ out.text_embeds.T
    np.testing.assert_allclose(found, (100 * cosines).softmax(1)[:, 0].numpy(), atol=1e-4)
    assert found.std() > 0


@pytest.mark.parametrize("metric", ["total_variation", "ssim", "clip_iqa"])
def test_a_value_does_not_depend_on_what_shares_its_call(metric: str, given: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"against": str(given)} if METRICS[metric].against else {}
    if METRICS[metric].by_clip:
        options["model"] = str(clip(tmp_path / "clip"))
    many = np.concatenate([PICTURES] * 4)
    assert len(many) > AT_ONCE
    whole, one = values(metric, many, **options)[metric], values(metric, many[17:18], **options)[metric]
    assert whole[17] == pytest.approx(one[0], abs=1e-4)
    assert len(values(metric, many[:0], **options)[metric]) == 0


def test_lpips_goes_by_weights_on_disk(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(FeatureError, match="torchmetrics: LPIPS is left out: .* is not in"):
        values("lpips", against=str(given))
    (tmp_path / "checkpoints").mkdir()
    file = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url.rsplit("/", 1)[-1]
    torch.manual_seed(0)
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "checkpoints" / file)
    found = values("lpips", against=str(given))["lpips"]
    assert found.argmin() == 2 and found[2] == pytest.approx(0, abs=1e-6) and (np.delete(found, 2) > 0).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "name one of its metrics, such as `metric: total_variation`"),
        ({"metric": "fid"}, "no metric is called 'fid'. Known: total_variation, clip_iqa, ssim"),
        ({"metric": "psnr, psnr", "against": "x.png"}, "psnr is named twice"),
        ({"metric": "ssim"}, "ssim compares with a given picture; name its file as `against`"),
        ({"metric": "total_variation", "against": "x.png"}, "compares with no picture; leave `against` out"),
    ],
)
def test_mistakes_are_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(FeatureError, match=said):
        feature("torchmetrics", **options)


def test_what_is_no_picture_is_said_and_another_picture_is_another_measurement(given: Path, tmp_path: Path) -> None:
    of_target = feature("torchmetrics", metric="ssim", against=str(given)).fingerprint()
    other = tmp_path / "other.png"
    with pytest.raises(FeatureError, match="other.png: cannot be read: No such file"):
        feature("torchmetrics", metric="ssim", against=str(other)).fingerprint()
    Image.fromarray(PICTURES[0]).save(other)
    assert feature("torchmetrics", metric="ssim", against=str(other)).fingerprint() != of_target
    other.write_bytes(b"no picture")
    with pytest.raises(FeatureError, match="other.png"):
        feature("torchmetrics", metric="ssim", against=str(other)).load("cpu")

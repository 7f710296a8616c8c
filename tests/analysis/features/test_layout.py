"""Layout: the truth of renders, the geometry of hand-made masks, stock models' own answers, and refusals of wrong ones."""

from __future__ import annotations

import io
import json
import shutil
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import tiny_segmentation
import torch
import transformers as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import mannwhitneyu
from tiny_clip import pictures

from seedscope.analysis.features import FeatureError, feature
from seedscope.analysis.features.layout import mask_geometry, object_words
from seedscope.analysis.features.layout.depth import Depth, gives_distance
from seedscope.analysis.features.layout.labelled import OneFormer
from seedscope.analysis.features.layout.layout import Layout, LayoutMeasurer
from seedscope.analysis.features.layout.segmentation import segmenter
from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.judge.judge_layout import FIRST_HELD_OUT, overlap
from seedscope.pipeline.images import decode_mask
from seedscope.pipeline.networks.picture_model import PictureModel
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.tables.image_column import IMAGE

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
SEGMENTERS = ("segformer", "mask2former", "maskformer", "oneformer", "clipseg", "grounding_dino")
DEPTHS = ("dpt", "depth_anything", "glpn", "zoedepth")
SPROUT = {"model": "sprout-layout/segmentation", "depth": "sprout-layout/depth"}
PROMPTS = ["a photo of a cat", "a red door", "the dog", "snow on a traffic light", "two cars in the rain", "a person"]
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a tiny model by its name, written once."""
    root = tmp_path_factory.mktemp("layout")

    def written(name: str) -> str:
        if not (root / name).exists():
            getattr(tiny_segmentation, name)(root / name, seed=2)
        return str(root / name)

    return written


@pytest.fixture(scope="module")
def layout(folder: Callable[[str], str]) -> Callable[..., LayoutMeasurer]:
    """A loaded feature on a tiny segmenter and a tiny depth model; whatever it finds counts."""

    def made(name: str, depth: str = "dpt", **options: Any) -> LayoutMeasurer:
        everything = {"threshold": 0.0 if name != "clipseg" else 0.5, "smallest": 0.0}
        one = Layout(folder(name), depth=depth and folder(depth), sam=folder("sam"), **everything | options)
        return one.load("cpu")

    return made


@pytest.fixture(scope="module")
def sprout() -> LayoutMeasurer:
    return Layout(**SPROUT, objects="any").load("cpu")


def rows(one: LayoutMeasurer, pixels: Pixels, prompts: list[str]) -> list[dict[str, Any]]:
    """A dict a picture, having checked names, types, lengths and ranges of all columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = one.compute(pixels, prompts)
    assert {item.name: item.type for item in one.feature.fields()} == {
        key: value.type for key, value in columns.items()
    }
    found: list[dict[str, Any]] = pa.table(columns).to_pylist()
    assert len(found) == len(pixels)
    for row in found:
        if row["object"] is None:
            assert set(row.values()) == {None}
        else:
            assert 0 <= row["left"] <= row["x"] <= row["right"] <= 1
            assert 0 <= row["top"] <= row["y"] <= row["bottom"] <= 1
            assert 0 < row["size"] <= (row["right"] - row["left"]) * (row["bottom"] - row["top"]) + 1e-6
            assert 0 <= row["confidence"] <= 1
            assert row["nearness"] is None or 0 <= row["nearness"] <= 1
    return found


def one_pixel(row: dict[str, Any], height: int, width: int) -> dict[str, float]:
    """By how much each value moves at most when rounding moves one pixel: in or out of the mask, or past all in depth."""
    inside = row["size"] * height * width
    rank = 1 / max(1, min(inside, height * width - inside))
    lines = {"left": 1 / width, "right": 1 / width, "top": 1 / height, "bottom": 1 / height}
    return lines | {
        "x": 1 / inside,
        "y": 1 / inside,
        "size": 1 / (height * width),
        "nearness": rank,
        "confidence": 1e-4,
    }


def mask_of(row: dict[str, Any]) -> Mask:
    """The mask as the inpainting task reads it."""
    return decode_mask(row["mask"]["bytes"])


# Renders, whose truth is known.


@needs_fonts
def test_the_bundled_models_find_what_was_rendered(sprout: LayoutMeasurer) -> None:
    scenes = [world.render(FIRST_HELD_OUT + i) for i in range(96)]
    found = rows(sprout, np.stack([scene.pixels for scene in scenes]), [scene.caption for scene in scenes])
    pairs = list(zip(found, scenes, strict=True))
    assert all(row["object"] for row in found)
    assert np.mean([overlap(mask_of(row), scene.mask) for row, scene in pairs]) >= 0.9
    assert np.mean([np.hypot(row["x"] - s.centroid[0], row["y"] - s.centroid[1]) for row, s in pairs]) <= 0.02
    assert np.mean([abs(row["size"] - scene.size) for row, scene in pairs]) <= 0.02
    boxes = [[row[side] for side in ("left", "top", "right", "bottom")] for row in found]
    assert np.median(np.abs(np.array(boxes) - [scene.box for scene in scenes])) <= 1 / 64 + 1e-6
    truth = [mask_geometry.nearer(scene.nearness, scene.mask) for scene in scenes]
    assert np.mean(np.abs(np.array([row["nearness"] for row in found]) - truth)) <= 0.03
    assert np.mean([row["object"] == scene.object for row, scene in pairs]) > 0.9


@needs_fonts
def test_the_named_object_is_found_and_an_empty_scene_has_none(sprout: LayoutMeasurer) -> None:
    scenes = [world.render(FIRST_HELD_OUT + i) for i in range(24)]
    empty = [world.render(FIRST_HELD_OUT + i, empty=True) for i in range(24)]
    captions = [scene.caption for scene in scenes]
    named = Layout(**SPROUT, masks=False).load("cpu")
    found = rows(named, np.stack([scene.pixels for scene in scenes]), captions)
    assert {row["object"] for row in found} - {None} <= {scene.object for scene in scenes}
    assert np.mean([row["object"] == scene.object for row, scene in zip(found, scenes, strict=True)]) > 0.9
    assert "mask" not in found[0]
    for one in (named, sprout):
        nothing = rows(one, np.stack([scene.pixels for scene in empty]), captions)
        assert np.mean([row["object"] is None for row in nothing]) > 0.95


# Geometry of masks made by hand.


def test_centroid_box_and_size_of_a_corner() -> None:
    mask = np.zeros((4, 8), dtype=np.bool_)
    mask[0, 0] = mask[1, 0] = mask[1, 1] = True
    assert mask_geometry.centroid(mask) == pytest.approx(((0.5 + 0.5 + 1.5) / 3 / 8, (0.5 + 1.5 + 1.5) / 3 / 4))
    assert mask_geometry.box(mask) == (0, 0, 2 / 8, 2 / 4)
    assert mask_geometry.size(mask) == 3 / 32


def test_a_mask_that_is_everything_is_legal() -> None:
    mask = np.ones((3, 5), dtype=np.bool_)
    assert mask_geometry.centroid(mask) == pytest.approx((0.5, 0.5))
    assert mask_geometry.box(mask) == (0, 0, 1, 1)
    assert mask_geometry.size(mask) == 1
    assert mask_geometry.nearer(np.zeros((3, 5), np.float32), mask) is None


def test_mirroring_a_mask_mirrors_its_place() -> None:
    mask = np.random.default_rng(0).random((7, 9)) > 0.8
    (x, y), (left, top, right, bottom) = mask_geometry.centroid(mask), mask_geometry.box(mask)
    assert mask_geometry.centroid(mask[::-1, ::-1]) == pytest.approx((1 - x, 1 - y))
    assert mask_geometry.box(mask[::-1, ::-1]) == pytest.approx((1 - right, 1 - bottom, 1 - left, 1 - top))


def test_nearness_of_layers() -> None:
    mask = np.zeros((2, 4), dtype=np.bool_)
    mask[:, :2] = True
    for values, expected in (((1, 0), 1.0), ((0, 1), 0.0), ((2, 2), 0.5)):
        assert mask_geometry.nearer(np.where(mask, *values).astype(np.float32), mask) == expected
    ramp = np.array([[3, 1, 2, 0], [3, 1, 2, 0]], dtype=np.float32)
    assert mask_geometry.nearer(ramp, mask) == 0.75  # of the pairs (3, 2), (3, 0), (1, 2), (1, 0) all but one
    ramp[0, 0] = np.nan
    assert mask_geometry.nearer(ramp, mask) is None


@given(st.integers(0, 2**32 - 1))
def test_nearness_is_mann_whitneys_and_keeps_only_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth, mask = rng.integers(0, 9, (6, 6)).astype(np.float32), rng.random((6, 6)) > 0.6
    mask[0, 0], mask[0, 1] = True, False
    value = mask_geometry.nearer(depth, mask)
    assert value is not None
    inside, outside = depth[mask], depth[~mask]
    assert value == pytest.approx(mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside)))
    assert mask_geometry.nearer(np.exp(depth / 3) - 5, mask) == value
    assert mask_geometry.nearer(-depth, mask) == pytest.approx(1 - value)


def test_a_mask_comes_back_from_its_png() -> None:
    mask = np.random.default_rng(0).random((37, 51)) > 0.5
    data = mask_geometry.png(mask)
    np.testing.assert_array_equal(decode_mask(data), mask)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "1", (51, 37))


# Which object a prompt names.


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a photo of a cat in the rain", "cat"),
        ("A CAT, on a bed", "cat"),
        ("three cats", "cat"),
        ("two red buses", "bus"),
        ("a bowl of cherries", "cherry"),
        ("a hot dog", "hot dog"),
        ("hot dogs and a dog", "hot dog"),
        ("a dog that is hot", "dog"),
        ("a category of catalogues", None),
        ("a pair of skis", "skis"),
        ("a ski", "skis"),
        ("a traffic-light", "traffic light"),
        ("traffic in the light", None),
        ("", None),
    ],
)
def test_the_name_that_stands_first(prompt: str, name: str | None) -> None:
    names = ["bed", "bus", "cat", "cherry", "dog", "hot dog", "skis", "traffic light"]
    assert object_words.first_named(prompt, names) == name
    assert object_words.first_named(prompt, reversed(names)) == name


def test_synonyms_of_labels_and_labels_of_one_name() -> None:
    labels = {0: "wall", 1: "car;auto;automobile", 2: "screen, silver screen", 3: "screen, CRT screen"}
    names = object_words.names_of(labels)
    assert names["auto"] == names["automobile"] == names["car"] == (1,)
    assert names["screen"] == (2, 3)
    assert names["CRT screen"] == (3,)


def test_objects_by_label(layout: Callable[..., LayoutMeasurer]) -> None:
    """ADE20K's labels: the named one by any of its names, all at once, those listed, and those passed over."""
    pixels = pictures(6, 72, 96)

    def masks(prompts: list[str], **options: Any) -> list[Mask | None]:
        found = rows(layout("segformer", "", **options), pixels, prompts)
        return [None if row["object"] is None else mask_of(row) for row in found]

    every = masks(["x"] * 6, objects="any", background="")
    assert all(mask is not None and mask.all() for mask in every)
    by_label = [masks([name] * 6, objects="named") for name in ("wall", "sky", "tree", "auto", "animals", "doors")]
    together = np.zeros((6, 72, 96), dtype=np.int64)
    for of_label in by_label:
        together += [np.zeros((72, 96), np.bool_) if mask is None else mask for mask in of_label]
    assert (together == 1).all()
    assert masks(["a tree under the sky"] * 6)[0] is not None
    np.testing.assert_array_equal(masks(["a tree under the sky"] * 6)[0], by_label[2][0])
    np.testing.assert_array_equal(masks(["a tree under the sky"] * 6, objects="sky, car")[0], by_label[1][0])
    np.testing.assert_array_equal(masks(["a tree under the sky"] * 6, background="tree")[0], by_label[1][0])
    some = masks(["x"] * 6, objects="any", background="wall, sky")
    np.testing.assert_array_equal(some[0], every[0] & ~_or(by_label[0][0]) & ~_or(by_label[1][0]))


def _or(mask: Mask | None) -> Any:
    return False if mask is None else mask


def test_a_prompt_without_an_object_gets_null_and_one_warning(layout: Callable[..., LayoutMeasurer]) -> None:
    one = layout("segformer", "")
    with pytest.warns(UserWarning, match=r"layout: prompts that name no object of the model \('a red cat'\) get null"):
        columns = one.compute(pictures(2), ["a red cat", "a blue cat"])
    assert all(column.null_count == 2 for column in columns.values())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one.compute(pictures(1), ["a blue cat"])


def test_text_prompted_models_look_for_the_listed_word_or_the_prompt(layout: Callable[..., LayoutMeasurer]) -> None:
    prompts = ["a photo of a cat in the rain", "dogs on the red dog", "the rain"]
    whole = rows(layout("clipseg", ""), pictures(3), prompts)
    assert [row["object"] for row in whole] == prompts
    listed = rows(layout("clipseg", "", objects="cat, dog"), pictures(3), prompts)
    assert [row["object"] for row in listed] == ["cat", "dog", None]
    word = rows(layout("clipseg", ""), pictures(3), ["cat", "dog", "the rain"])
    assert [row["x"] for row in listed[:2]] == [row["x"] for row in word[:2]]
    assert listed[0]["confidence"] != pytest.approx(whole[0]["confidence"], abs=1e-5)


# Stock models, and what they answer themselves.


@pytest.mark.parametrize("name", SEGMENTERS)
def test_values_do_not_depend_on_the_batch(name: str, layout: Callable[..., LayoutMeasurer]) -> None:
    pixels, prompts = pictures(6, 72, 96), PROMPTS if name != "segformer" else ["wall", "tree", "sky"] * 2
    one = layout(name, batch_size=4)
    together = rows(one, pixels, prompts)
    assert any(row["object"] for row in together)
    order = [4, 2, 0, 5, 1, 3]
    shuffled = rows(one, pixels[order], [prompts[i] for i in order])
    for place, i in enumerate(order):
        alone = rows(one, pixels[i : i + 1], prompts[i : i + 1])[0]
        for other in (alone, shuffled[place]):
            assert other["object"] == together[i]["object"]
            if other["object"] is None:
                continue
            assert (mask_of(other) != mask_of(together[i])).sum() <= 1
            for key, step in one_pixel(together[i], 72, 96).items():
                assert other[key] == pytest.approx(together[i][key], abs=step), key


@pytest.mark.parametrize("name", ["segformer", "mask2former"])
def test_masks_are_those_of_the_stock_processor(
    name: str, folder: Callable[[str], str], layout: Callable[..., LayoutMeasurer]
) -> None:
    """At 384 x 384, where transformers enlarges the masks of Mask2Former too, masks are the same to the pixel."""
    pixels = pictures(3, 384, 384)
    auto: Any = tf.AutoModelForUniversalSegmentation if name == "mask2former" else tf.AutoModelForSemanticSegmentation
    processor = tf.AutoImageProcessor.from_pretrained(folder(name))
    network = auto.from_pretrained(folder(name)).eval()
    with torch.inference_mode():
        outputs = network(**processor(list(pixels), return_tensors="pt"))
    expected = processor.post_process_semantic_segmentation(outputs, target_sizes=[(384, 384)] * 3)
    seen = 0
    for label, names in network.config.id2label.items():
        found = rows(layout(name, ""), pixels, [names.split(";")[0]] * 3)
        for row, labels in zip(found, expected, strict=True):
            mask = np.zeros((384, 384), np.bool_) if row["object"] is None else mask_of(row)
            np.testing.assert_array_equal(mask, labels.numpy() == label)
            seen += int(mask.any())
    assert seen > 3


def test_a_centre_crop_is_left_out(folder: Callable[[str], str], layout: Callable[..., LayoutMeasurer]) -> None:
    """MobileViT's files ask for the middle of the picture, where places would be those of the middle."""
    pixels = pictures(2, 64, 96)
    whole = tf.AutoImageProcessor.from_pretrained(folder("mobilevit"), do_center_crop=False)
    model = PictureModel(Pretrained("layout", folder("mobilevit")), tf.AutoModelForSemanticSegmentation)
    prepared = model.prepared(torch.from_numpy(pixels.transpose(0, 3, 1, 2)))["pixel_values"]
    assert prepared.shape == (2, 3, 64, 96)
    assert torch.equal(prepared, whole(list(pixels), return_tensors="pt")["pixel_values"])
    filled = rows(layout("mobilevit", objects="any", background=""), pixels, ["x", "x"])
    assert [row["size"] for row in filled] == [1, 1]


def test_confidence_is_the_mean_probability_in_the_mask(
    folder: Callable[[str], str], layout: Callable[..., LayoutMeasurer]
) -> None:
    pixels = pictures(2, 64, 64)
    network = tf.SegformerForSemanticSegmentation.from_pretrained(folder("segformer")).eval()
    inputs = tf.AutoImageProcessor.from_pretrained(folder("segformer"))(list(pixels), return_tensors="pt")
    with torch.inference_mode():
        logits = torch.nn.functional.interpolate(network(**inputs).logits, (64, 64), mode="bilinear")
    probabilities = logits.softmax(1).numpy()
    labels = [int(np.bincount(of_picture.argmax(0).ravel()).argmax()) for of_picture in probabilities]
    found = rows(layout("segformer"), pixels, [tiny_segmentation.ADE[label].split(";")[0] for label in labels])
    for row, of_picture, label in zip(found, probabilities, labels, strict=True):
        assert row["confidence"] == pytest.approx(of_picture[label][of_picture.argmax(0) == label].mean(), abs=1e-5)


def test_oneformer_is_told_its_task_as_its_processor_does(folder: Callable[[str], str]) -> None:
    model = Pretrained("layout", folder("oneformer"))
    one = segmenter(model, model, "named", None, 0.3)
    assert isinstance(one, OneFormer)
    images = tf.AutoImageProcessor.from_pretrained(folder("oneformer"), class_info_file=None)
    stock = tf.OneFormerProcessor(images, tf.AutoTokenizer.from_pretrained(folder("oneformer")))
    pixels = torch.from_numpy(pictures(2, 40, 50).transpose(0, 3, 1, 2).copy())
    expected = stock(list(pixels), ["semantic"] * 2, return_tensors="pt")
    found = one.inputs(pixels)
    assert torch.equal(found["task_inputs"], expected["task_inputs"])
    assert torch.allclose(found["pixel_values"], expected["pixel_values"], atol=1e-6)


def test_clipseg_answers_as_its_processor_and_network_do(
    folder: Callable[[str], str], layout: Callable[..., LayoutMeasurer]
) -> None:
    pixels, texts = pictures(2, 48, 80), ["a red photo of a small cat", "the dog"]
    processor: Any = tf.CLIPSegProcessor.from_pretrained(folder("clipseg"))
    network = tf.CLIPSegForImageSegmentation.from_pretrained(folder("clipseg")).eval()
    with torch.inference_mode():
        inputs = processor(text=texts, images=list(pixels), padding=True, return_tensors="pt")
        logits = torch.nn.functional.interpolate(network(**inputs).logits[:, None], (48, 80), mode="bilinear")
    probabilities = logits[:, 0].sigmoid().numpy()
    for row, of_picture in zip(rows(layout("clipseg"), pixels, texts), probabilities, strict=True):
        mask = of_picture >= 0.5
        assert 0.02 < mask.mean() < 0.98
        assert row["size"] == pytest.approx(mask.mean(), abs=1e-3)
        assert row["confidence"] == pytest.approx(of_picture[mask].mean(), abs=1e-4)


def test_grounding_dino_and_sam_answer_as_their_processors_do(
    folder: Callable[[str], str], layout: Callable[..., LayoutMeasurer]
) -> None:
    pixels = pictures(2, 48, 80)
    dino, sam = folder("grounding_dino"), folder("sam")
    found = rows(layout("grounding_dino"), pixels, ["A red cat", "the dog."])
    processor: Any = tf.GroundingDinoProcessor.from_pretrained(dino)
    segment: Any = tf.SamProcessor.from_pretrained(sam)
    detector = tf.GroundingDinoForObjectDetection.from_pretrained(dino).eval()
    masker = tf.SamModel.from_pretrained(sam).eval()
    for row, picture, text in zip(found, pixels, ["a red cat.", "the dog."], strict=True):
        with torch.inference_mode():
            inputs = processor(images=picture, text=text, return_tensors="pt")
            answer = processor.post_process_grounded_object_detection(
                detector(**inputs), inputs.input_ids, threshold=0, target_sizes=[(48, 80)]
            )[0]
            best = answer["scores"].argmax()
            box = answer["boxes"][best].clamp(min=0).minimum(torch.tensor([80.0, 48, 80, 48]))
            prompted = segment(picture, input_boxes=[[box.tolist()]], return_tensors="pt")
            outputs = masker(
                pixel_values=prompted["pixel_values"],
                input_boxes=prompted["input_boxes"].float(),
                multimask_output=False,
            )
        sizes = prompted["original_sizes"], prompted["reshaped_input_sizes"]
        mask = segment.post_process_masks(outputs.pred_masks, *sizes)[0][0, 0].numpy()
        assert row["confidence"] == pytest.approx(float(answer["scores"][best]), abs=1e-5)
        np.testing.assert_array_equal(mask_of(row), mask)


@pytest.mark.parametrize("name", DEPTHS)
def test_nearness_is_the_stock_depth_the_right_way_round(name: str, folder: Callable[[str], str]) -> None:
    pixels = pictures(2, 72, 96)
    processor = tf.AutoImageProcessor.from_pretrained(folder(name))
    network = tf.AutoModelForDepthEstimation.from_pretrained(folder(name)).eval()
    sizes = {"target_sizes": [(72, 96)] * 2} | ({"source_sizes": [(72, 96)] * 2} if name == "zoedepth" else {})
    with torch.inference_mode():
        outputs = network(**processor(list(pixels), return_tensors="pt"))
        found = Depth(Pretrained("layout", folder(name))).nearness(torch.from_numpy(pixels.transpose(0, 3, 1, 2)))
    stock = processor.post_process_depth_estimation(outputs, **sizes)
    expected = np.stack([one["predicted_depth"].numpy() for one in stock])
    assert expected.std() > 1e-4
    np.testing.assert_allclose(found.numpy(), (-1 if name in ("glpn", "zoedepth") else 1) * expected, atol=1e-5)


def test_which_depth_models_give_distances(tmp_path: Path, folder: Callable[[str], str]) -> None:
    known = {name: gives_distance(Pretrained("layout", folder(name))) for name in DEPTHS}
    assert known == {"dpt": False, "depth_anything": False, "glpn": True, "zoedepth": True}
    metric = tiny_segmentation.depth_anything(tmp_path / "metric", metric=True)
    dinov2 = tiny_segmentation.dpt(tmp_path / "dinov2", add_projection=True)
    assert gives_distance(Pretrained("layout", str(metric)))
    assert gives_distance(Pretrained("layout", str(dinov2)))
    assert not gives_distance(Pretrained("layout", "sprout-layout/depth"))


# Thresholds, options and wrong models.


def test_weak_and_small_objects_are_none(layout: Callable[..., LayoutMeasurer]) -> None:
    pixels, prompts = pictures(6, 64, 64), ["tree"] * 6
    found = [row for row in rows(layout("segformer"), pixels, prompts) if row["object"]]
    weak, small = (widest_gap([row[key] for row in found]) for key in ("confidence", "size"))
    sure = [row for row in rows(layout("segformer", threshold=weak), pixels, prompts) if row["object"]]
    large = [row for row in rows(layout("segformer", smallest=small), pixels, prompts) if row["object"]]
    assert [row["x"] for row in sure] == [row["x"] for row in found if row["confidence"] >= weak]
    assert [row["x"] for row in large] == [row["x"] for row in found if row["size"] >= small]
    assert 0 < len(sure) < len(found) > len(large) > 0


def widest_gap(values: list[float]) -> float:
    """A threshold that cuts values apart, and is so far from each that rounding moves none across it."""
    ordered = sorted(values)
    low, high = max(pairwise(ordered), key=lambda pair: pair[1] - pair[0])
    return (low + high) / 2


def test_an_object_that_fills_the_picture_has_no_nearness(layout: Callable[..., LayoutMeasurer]) -> None:
    row = rows(layout("segformer", objects="any", background=""), pictures(1, 64, 64), ["x"])[0]
    assert (row["size"], row["x"], row["y"]) == pytest.approx((1, 0.5, 0.5))
    assert [row[side] for side in ("left", "top", "right", "bottom")] == [0, 0, 1, 1]
    assert row["nearness"] is None


def test_without_a_depth_model_nearness_is_null(layout: Callable[..., LayoutMeasurer]) -> None:
    found = rows(layout("segformer", ""), pictures(2, 64, 64), ["tree", "wall"])
    assert [row["nearness"] for row in found] == [None, None]
    assert any(row["object"] for row in found)


def test_columns_by_name_and_type() -> None:
    one = feature("layout", **SPROUT)
    assert [item.name for item in one.fields()] == (
        ["object", "x", "y", "size", "left", "top", "right", "bottom", "nearness", "confidence", "mask"]
    )
    assert one.fields()[-1].type == IMAGE
    assert "mask" not in [item.name for item in feature("layout", **SPROUT, masks=False).fields()]
    assert [*one.scalars()] == ["x", "y", "size", "nearness", "confidence"]
    assert [*feature("layout", model=SPROUT["model"], depth="").scalars()] == ["x", "y", "size", "confidence"]


def test_no_pictures_make_no_rows(sprout: LayoutMeasurer) -> None:
    columns = sprout.compute(np.empty((0, 64, 64, 3), np.uint8), [])
    assert {len(column) for column in columns.values()} == {0}
    with pytest.raises(ValueError, match="uint8"):
        sprout.compute(np.zeros((1, 64, 64), np.uint8), ["a cat"])


def test_the_fingerprint_covers_all_that_changes_values(folder: Callable[[str], str]) -> None:
    options: list[dict[str, Any]] = [
        {},
        {"objects": "any"},
        {"objects": "apple, cat"},
        {"background": "text"},
        {"threshold": 0.4},
        {"smallest": 0.02},
        {"depth": ""},
        {"depth": folder("glpn")},
        {"model": folder("segformer")},
        {"masks": False},
        {"half": False},
    ]
    marks = [Layout(**SPROUT | change).fingerprint() for change in options]
    assert len(set(marks)) == len(marks)
    assert marks[0] == Layout(**SPROUT, sam="none/such", batch_size=3).fingerprint()  # neither changes these values
    with pytest.raises(FeatureError, match=r"layout\.sam: none/such is not a folder here"):
        Layout(folder("grounding_dino"), sam="none/such").fingerprint()


def test_wrong_options_are_one_sentence(folder: Callable[[str], str]) -> None:
    with pytest.raises(FeatureError, match=r"layout\.threshold: is 2, but it is a share"):
        Layout(threshold=2)
    with pytest.raises(FeatureError, match=r"layout\.smallest: is 'few', but it is a share"):
        feature("layout", smallest="few")
    with pytest.raises(FeatureError, match=r"layout\.objects: is empty"):
        Layout(objects=" , ")
    with pytest.raises(FeatureError, match=r"layout\.batch_size: is 0"):
        Layout(batch_size=0)
    with pytest.raises(FeatureError, match=r"`objects` names 'aple', but .* no such label; did you mean 'apple'\?"):
        Layout(**SPROUT, objects="cat, aple").load("cpu")
    with pytest.raises(FeatureError, match=r"`background` names 'zzz', but .* no such label; it has airplane, apple"):
        Layout(**SPROUT, background="zzz").load("cpu")
    with pytest.raises(FeatureError, match="has no label that counts as an object"):
        Layout(folder("segformer"), background="wall, sky, tree, car, animal, door").load("cpu")
    with pytest.raises(FeatureError, match="`objects: any` needs a model with labels; list the objects by name"):
        Layout(folder("clipseg"), objects="any").load("cpu")
    with pytest.raises(FeatureError, match="has no labels, so `background` is of no use; remove it"):
        Layout(folder("clipseg"), background="sky").load("cpu")
    with pytest.raises(FeatureError, match=r"has no option 'object'; did you mean 'objects'\?"):
        feature("layout", object="any")


def test_missing_and_wrong_models_are_one_sentence(tmp_path: Path, folder: Callable[[str], str]) -> None:
    with pytest.raises(FeatureError, match=r"no model 'sprout-layout/segment'; bundled are .*sprout-layout/depth"):
        Layout("sprout-layout/segment").fingerprint()
    with pytest.raises(FeatureError, match=r"layout\.model: there is no model '.*none'"):
        Layout(str(tmp_path / "none")).load("cpu")
    with pytest.raises(FeatureError, match=r"layout\.depth: there is no model '.*none'"):
        Layout(folder("segformer"), depth=str(tmp_path / "none")).load("cpu")
    with pytest.raises(FeatureError, match=r"layout\.model: .* of type 'glpn'; one of type 'beit' or .* is needed"):
        Layout(folder("glpn")).load("cpu")
    with pytest.raises(FeatureError, match=r"layout\.depth: .* of type 'segformer'; one of type 'dpt' or "):
        Layout(folder("segformer"), depth=folder("segformer")).load("cpu")
    with pytest.raises(FeatureError, match=r"layout\.sam: .* of type 'segformer'; one of type 'sam' is needed"):
        Layout(folder("grounding_dino"), sam=folder("segformer")).load("cpu")
    shutil.copytree(folder("segformer"), tmp_path / "wider")
    config = json.loads((tmp_path / "wider" / "config.json").read_text())
    (tmp_path / "wider" / "config.json").write_text(json.dumps(config | {"decoder_hidden_size": 24}))
    with pytest.raises(FeatureError, match=r"does not fit SegformerForSemanticSegmentation: .*wrong shapes"):
        Layout(str(tmp_path / "wider"), depth="").load("cpu")


def test_incomplete_folders_are_one_sentence(tmp_path: Path, folder: Callable[[str], str]) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(Path(folder("clipseg")) / name, bare)
    with pytest.raises(FeatureError, match=r"bare has no preprocessor_config\.json that can be read"):
        Layout(str(bare), depth="").load("cpu")
    shutil.copy(Path(folder("clipseg")) / "preprocessor_config.json", bare)
    with pytest.raises(FeatureError, match=r"bare has no tokenizer"):
        Layout(str(bare), depth="").load("cpu")
    (bare / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(FeatureError, match=r"model\.safetensors is damaged"):
        Layout(str(bare), depth="").load("cpu")
    config = json.loads((bare / "config.json").read_text())
    (bare / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(FeatureError, match="of type 'bert'"):
        Layout(str(bare), depth="").load("cpu")


def test_long_prompts_are_cut_with_a_warning(layout: Callable[..., LayoutMeasurer]) -> None:
    for name in ("clipseg", "grounding_dino"):
        one = layout(name, "")
        with pytest.warns(UserWarning, match=r"layout: prompts are cut to the \d+ tokens that the model takes"):
            columns = one.compute(pictures(1), ["a red cat " * 60])
        assert len(columns["x"]) == 1

"""sprout-layout: stock classes load it, masks and depth are those of renders, and its training can be gone on with."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import resuming
import torch
from repository import SPROUT
from torch.nn import functional
from transformers import (
    AutoImageProcessor,
    AutoModelForDepthEstimation,
    AutoModelForSemanticSegmentation,
    GLPNForDepthEstimation,
    SegformerForSemanticSegmentation,
)

from seedscope.jobs.sprout import layout_networks, world
from seedscope.jobs.sprout.judge import judge_layout

FOLDER = SPROUT / "sprout-layout"
CLASSES = {"segmentation": SegformerForSemanticSegmentation, "depth": GLPNForDepthEstimation}
AUTO_CLASSES = {"segmentation": AutoModelForSemanticSegmentation, "depth": AutoModelForDepthEstimation}
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)


@pytest.fixture(scope="module")
def models() -> judge_layout.Models:
    return judge_layout.Models.load(FOLDER)


@pytest.fixture(scope="module")
def scenes() -> list[world.Scene]:
    return [world.render(judge_layout.FIRST_HELD_OUT + i) for i in range(64)]


@pytest.mark.parametrize("name", layout_networks.KINDS)
def test_stock_auto_classes_load_the_small_folder_told_nothing(name: str) -> None:
    files = list((FOLDER / name).iterdir())
    assert sum(path.stat().st_size for path in files) < 1.4e6
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    model = AUTO_CLASSES[name].from_pretrained(FOLDER / name)
    assert type(model) is CLASSES[name]
    assert model.dtype == torch.float32


@pytest.mark.parametrize("name", layout_networks.KINDS)
def test_pictures_of_the_worlds_size_are_only_rescaled(name: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    prepared = AutoImageProcessor.from_pretrained(FOLDER / name)(picture, return_tensors="pt").pixel_values
    expected = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    assert torch.allclose(prepared, expected, atol=1e-6)


def test_pictures_of_any_size_are_read(models: judge_layout.Models) -> None:
    picture = np.full((90, 120, 3), 200, dtype=np.uint8)
    assert models.labels([picture]).shape == models.nearness([picture]).shape == (1, 90, 120)


def test_labels_have_the_worlds_words(models: judge_layout.Models) -> None:
    assert models.segmenter.config.id2label == dict(enumerate(("background", *world.OBJECTS, "text", "border")))


@needs_fonts
def test_masks_are_those_of_held_out_renders(models: judge_layout.Models, scenes: list[world.Scene]) -> None:
    found = judge_layout.mask_figures(models, [scene.pixels for scene in scenes], scenes)
    assert found["IoU"] > 0.88
    assert found["centroid error"] < 0.02
    assert found["size error"] < 0.02


@needs_fonts
def test_depth_is_in_the_order_of_held_out_renders(models: judge_layout.Models, scenes: list[world.Scene]) -> None:
    found = judge_layout.depth_figures(models.nearness([scene.pixels for scene in scenes]), scenes)
    assert found["object nearer than background"] > 0.95
    assert found["nearness error"] < 0.1


@needs_fonts
def test_the_truth_itself_is_judged_perfect(scenes: list[world.Scene]) -> None:
    """Models that answered with the rendered truth would score 1 and 0."""
    truth = np.stack([layout_networks.semantic_labels(scene) for scene in scenes])
    words = {name: layout_networks.LABELS.index(name) for name in world.OBJECTS}
    perfect = SimpleNamespace(labels=lambda pictures: truth, objects=words)
    found = judge_layout.mask_figures(perfect, [scene.pixels for scene in scenes], scenes)  # type: ignore[arg-type]
    assert found == pytest.approx({"IoU": 1, "IoU, any object word": 1, "centroid error": 0, "size error": 0}, abs=1e-9)
    depth = judge_layout.depth_figures(np.stack([scene.nearness for scene in scenes]), scenes)
    assert depth == {"nearness error": 0, "object nearer than background": 1, "word nearer than object": 1}


@needs_fonts
def test_labels_follow_the_layers(scenes: list[world.Scene]) -> None:
    for scene in scenes:
        labels = layout_networks.semantic_labels(scene)
        assert np.array_equal(labels == layout_networks.LABELS.index(str(scene.object)), scene.mask)
        assert np.array_equal(labels == layout_networks.BORDER, scene.layers == world.BORDER)
    empty = layout_networks.semantic_labels(world.render(judge_layout.FIRST_HELD_OUT, empty=True))
    assert set(np.unique(empty)) <= {0, layout_networks.TEXT, layout_networks.BORDER}


def test_overlap_and_centroid_of_squares() -> None:
    first, second = np.zeros((2, 8, 8), dtype=np.bool_)
    first[:4, :4], second[:4, 2:6] = True, True
    assert judge_layout.overlap(first, second) == pytest.approx(8 / 24)
    assert judge_layout.centroid(second) == pytest.approx([0.5, 0.25])
    assert judge_layout.centroid(np.zeros((8, 8), dtype=np.bool_)) == pytest.approx([0.5, 0.5])


def test_enlarging_by_products_is_bilinear() -> None:
    scores = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(scores, size=(64, 64), mode="bilinear", align_corners=False)
    assert torch.allclose(layout_networks.enlarged(scores), expected, atol=1e-5)


@needs_fonts
@pytest.mark.parametrize("name", layout_networks.KINDS)
def test_a_training_that_was_stopped_ends_in_the_same_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout_networks, "BATCH", 4)
    assert resuming.ends_where_a_whole_run_does(partial(layout_networks.KINDS[name].task, 0), tmp_path)


@needs_fonts
def test_a_sheet_has_three_panels_a_picture(tmp_path: Path, scenes: list[world.Scene]) -> None:
    judge_layout.sheet(FOLDER, tmp_path / "sheet.png", [scene.pixels for scene in scenes[:5]], zoom=1)
    with judge_layout.Image.open(tmp_path / "sheet.png") as image:
        assert image.size == (judge_layout.COLUMNS * 3 * 64, 2 * 64)

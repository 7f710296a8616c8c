"""Text by a segmentation model: the truth of renders, generated pictures, masks, and models that have no such label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import easyocr.config
import numpy as np
import numpy.typing as npt
import pytest
import tiny_segmentation
from easyocr_en_models import model_dir
from text_scenes import NOTHING, Mask, Row, needs_fonts, rows, same, scenes
from transformers import SegformerForSemanticSegmentation

from seedscope.analysis.features import FeatureError, feature
from seedscope.analysis.features.text.text import Text, TextMeasurer
from seedscope.analysis.features.text.text_labels import regions, text_labels
from seedscope.analysis.features.text.text_regions import covered
from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import load_examiner
from seedscope.jobs.sprout.judge.judge_pictures import Settings, draw, load
from seedscope.pipeline.models.locate import BUNDLED
from seedscope.pipeline.networks.pretrained import Pretrained

SPROUT = "sprout-layout/segmentation"
FIRST_SCENE = world.REFERENCE_SEEDS + (5 << 20)  # `smallest_share` was chosen on others
FIRST_SEED = 600_000
COUNT = 40


@pytest.fixture(scope="module")
def text() -> TextMeasurer:
    return Text(SPROUT).load("cpu")


@pytest.fixture(scope="module")
def renders() -> list[world.Scene]:
    return scenes(FIRST_SCENE, COUNT)


@pytest.fixture(scope="module")
def found(text: TextMeasurer, renders: list[world.Scene]) -> list[Row]:
    return rows(text, np.stack([scene.pixels for scene in renders]))


def one_label(folder: Path, **biases: float) -> Path:
    """Write a SegFormer in the published layout that gives all pixels the label with the largest bias."""
    tiny_segmentation.segformer(folder, labels=dict(enumerate(biases)))
    network = SegformerForSemanticSegmentation.from_pretrained(folder)
    classifier = network.decode_head.classifier
    classifier.weight.data.zero_()
    classifier.bias.data = classifier.bias.new_tensor(list(biases.values()))
    network.save_pretrained(folder)
    return folder


def precision_and_recall(found: list[Row], truth: npt.NDArray[np.bool_]) -> tuple[float, float]:
    yes = np.array([row["text"] for row in found])
    return (yes & truth).sum() / yes.sum(), (yes & truth).sum() / truth.sum()


@needs_fonts
def test_words_are_found_where_they_are_printed_and_nowhere_else(renders: list[world.Scene], found: list[Row]) -> None:
    true = np.array([scene.word is not None for scene in renders])
    assert min(precision_and_recall(found, true)) >= 0.95
    read = [scene.word in row["text_words"] for scene, row in zip(renders[:COUNT], found[:COUNT], strict=True)]
    assert np.mean(read) > 0.7
    assert np.mean([len(row["text_words"]) for row in found[:COUNT]]) < 1.1  # a word's letters are one word


@needs_fonts
def test_pixels_of_text_lie_in_the_true_polygon(renders: list[world.Scene], found: list[Row]) -> None:
    """They are the letters and what is between the strokes, a little less than the polygon."""
    errors, overlaps = [], []
    for scene, row in zip(renders[:COUNT], found[:COUNT], strict=True):
        true = covered(np.array(scene.word_polygon), (64, 64))
        seen = np.any([covered(np.reshape(corners, (4, 2)), (64, 64)) for corners in row["text_polygons"]], axis=0)
        overlaps.append((seen & true).sum() / (seen | true).sum())
        errors.append(row["text_share"] - true.mean())
    assert -0.06 < np.mean(errors) < 0 and np.abs(errors).max() < 0.12
    assert np.mean(overlaps) > 0.85


@needs_fonts
def test_scribbles_of_a_diffusion_model_are_found(text: TextMeasurer) -> None:
    """Truth: what the caption asks for, where sprout's examiner agrees. EasyOCR's own detector finds a third of them."""
    asked = np.arange(150) % 3 < 2  # of which the examiner sees about half
    names = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in world.OBJECTS]
    cells = [(names[i % len(names)] + " with text" * bool(asked[i]), FIRST_SEED + i) for i in range(len(asked))]
    pictures = list(draw(load(BUNDLED / "sprout-turbo"), cells, Settings(1, 0.0)))
    agreed = load_examiner().examine(to_tensor(pictures)).flags[:, 2].numpy() == asked
    truth = asked[agreed]
    assert min(truth.sum(), (~truth).sum()) >= 40
    answers = rows(text, np.stack(pictures)[agreed])
    assert min(precision_and_recall(answers, truth)) >= 0.95


@needs_fonts
def test_values_do_not_depend_on_the_batch_or_the_order(
    text: TextMeasurer, renders: list[world.Scene], found: list[Row]
) -> None:
    chosen = [0, COUNT, 1, 2, 3, COUNT + 1, 4, 5, 6, 7]
    for order in (chosen, chosen[::-1], [3], [COUNT]):
        answers = rows(text, np.stack([renders[i].pixels for i in order]))
        assert all(same(row, found[i]) for row, i in zip(answers, order, strict=True))
    assert rows(text, np.zeros((0, 64, 64, 3), np.uint8)) == []


@needs_fonts
def test_words_count_of_which_half_lies_in_the_mask(
    text: TextMeasurer, renders: list[world.Scene], found: list[Row]
) -> None:
    left, top, right, bottom = (np.array(found[0]["text_polygons"])[0, [0, 1, 2, 5]] * 64).round().astype(int)
    masks = np.zeros((4, 64, 64), np.bool_)
    masks[0, top:bottom, left:right] = True
    masks[1] = ~masks[0]
    masks[2, top:bottom, left : left + (right - left) // 4] = True
    around, elsewhere, quarter, empty = rows(text, np.stack([renders[0].pixels] * 4), masks)
    assert len(found[0]["text_words"]) == 1
    assert around["text_share"] * masks[0].sum() == pytest.approx(found[0]["text_share"] * 64 * 64, rel=1e-5)
    assert elsewhere == quarter == NOTHING
    assert set(empty.values()) == {None}


def test_parts_that_stand_close_are_one_word() -> None:
    plane = np.zeros((32, 48), np.bool_)
    plane[4:8, 2:6] = plane[4:8, 8:12] = True  # two letters, two pixels apart: GAP of 32
    plane[20:26, 40:48] = True  # at the edge
    first, second = regions(plane, (64, 96, 3))
    assert first.box == [4, 24, 8, 16] and second.box == [80, 96, 40, 52]
    assert first.polygon.ravel() == pytest.approx(np.array([2, 4, 12, 4, 12, 8, 2, 8]) / np.tile([48, 32], 4))
    assert first.plane.sum() == 32 and second.plane.sum() == 48  # what joins them is not text
    assert np.array_equal(first.plane | second.plane, plane)
    plane[4:8, 8:12] = False
    plane[4:8, 9:12] = True
    assert len(regions(plane, (64, 96, 3))) == 3
    assert len(regions(np.eye(8, dtype=np.bool_), (32, 32, 3))) == 1  # too small for a gap: by their corners
    assert regions(np.zeros((1, 1), np.bool_), (32, 32, 3)) == []


def test_a_tiny_segformer_with_a_label_for_text(tmp_path: Path) -> None:
    """Its labels are the same for every pixel: all of the picture is text, or none."""
    pixels = np.random.default_rng(1).integers(0, 256, (3, 40, 56, 3), dtype=np.uint8)
    everywhere = loaded(one_label(tmp_path / "all", wall=0, text=1))
    for row in rows(everywhere, pixels):
        assert row["text_share"] == 1 and row["text_polygons"] == [[0, 0, 1, 0, 1, 1, 0, 1]]
    assert rows(loaded(one_label(tmp_path / "none", text=0, wall=1)), pixels) == [NOTHING] * 3
    masks: Mask = np.zeros((3, 40, 56), np.bool_)
    masks[0, :20] = masks[1, :19] = True
    half, less, empty = rows(everywhere, pixels, masks)
    assert half["text_share"] == 1 and less == NOTHING and set(empty.values()) == {None}


@needs_fonts
def test_small_words_are_left_out(renders: list[world.Scene], found: list[Row]) -> None:
    share = found[0]["text_share"]
    for factor, answer in ((0.99, True), (1.01, False)):
        only_large = loaded(SPROUT, smallest_share=share * factor)
        assert rows(only_large, renders[0].pixels[None])[0]["text"] is answer


def test_what_counts_as_a_label_for_text(tmp_path: Path) -> None:
    labels = {
        0: "wall",
        1: "Text",
        2: "texture",
        3: "context",
        4: "scene_text;sign",
        5: "hand-written text",
        6: "text2",
    }
    folder = str(tiny_segmentation.segformer(tmp_path / "many", labels=labels))
    assert text_labels(Pretrained("text", folder)) == (1, 4, 5, 6)
    without = str(tiny_segmentation.segformer(tmp_path / "without"))
    for use in (Text(without).fingerprint, lambda: Text(without).load("cpu")):
        with pytest.raises(FeatureError, match=r"text\.detector: .* has no label with the word 'text', only wall, sky"):
            use()


def test_other_models_are_refused(tmp_path: Path) -> None:
    told = str(tiny_segmentation.clipseg(tmp_path / "clipseg"))
    with pytest.raises(FeatureError, match=r"text\.detector: .* of type 'clipseg'; one of type 'beit' or"):
        Text(told).load("cpu")
    with pytest.raises(FeatureError, match=r"text\.detector: there is no model 'sprout-layout/text'; bundled are"):
        Text("sprout-layout/text").fingerprint()
    with pytest.raises(FeatureError, match=r"text\.detector_revision: only a hub id has revisions"):
        Text(detector_revision="main")
    with pytest.raises(FeatureError, match=r"text\.detector: .* only a hub id has revisions"):
        Text(SPROUT, "main").fingerprint()


def test_craft_is_not_asked_for(tmp_path: Path) -> None:
    name = easyocr.config.recognition_models["gen2"]["english_g2"]["filename"]
    (tmp_path / name).symlink_to(Path(model_dir()) / name)
    alone = feature("text", detector=SPROUT, weights=str(tmp_path))
    alone.load("cpu")
    assert alone.fingerprint() == Text(SPROUT).fingerprint()
    with pytest.raises(FeatureError, match=r"craft_mlt_25k\.pth cannot be read"):
        Text(weights=tmp_path).load("cpu")


def test_fingerprints_follow_all_that_changes_values(tmp_path: Path) -> None:
    other = str(one_label(tmp_path, wall=0, text=1))
    options: list[dict[str, Any]] = [
        {},
        {"detector": SPROUT},
        {"detector": other},
        {"detector": SPROUT, "shorter_side": 256},
        {"detector": SPROUT, "confidence": 0.1},
        {"detector": SPROUT, "smallest_share": 0.0},
    ]
    assert len({Text(**one).fingerprint() for one in options}) == len(options)
    of_craft = {"text_threshold": 0.6, "low_text": 0.3, "link_threshold": 0.3, "half": False}
    assert Text(SPROUT, **of_craft).fingerprint() == Text(SPROUT, smallest_share=0.01).fingerprint()


def loaded(detector: str | Path, **options: Any) -> TextMeasurer:
    return Text(str(detector), **options).load("cpu")
